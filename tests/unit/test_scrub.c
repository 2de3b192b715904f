/*
 * A scrubbed log names nobody: whatever was planted in the real one is searched for in every byte of it. And it is still
 * that log: order, times, sizes, verdicts, clocks and levels are as they were, and one id is one id everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/replay/ledger.h"
#include "client/replay/scrub.h"
#include "common/base/log.h"
#include "common/record/acked.h"
#include "tests/support/core_fixture.h"

#include "common/base/banned.h"

#define DATA "data"
#define LETTER_REF "PLANTED-REF-77"

enum { PLANTED_MAX = 256, RECORDS_MAX = 512 };

static const char *const to_camden[] = {CODE_CAMDEN, NULL};
static const char *const to_islington[] = {CODE_ISLINGTON, NULL};
static struct fake_case ash = {.origin = CODE_ISLINGTON, .receiving = CODE_CAMDEN};

struct planted {
    const char *what;
    uint8_t bytes[64];
    size_t len;
    unsigned in_real, in_clean;
};

struct scrubbing {
    struct core_fixture core;
    struct planted planted[PLANTED_MAX];
    size_t planted_count;
    scrub_t *scrub;
    ledger_t *real, *clean;
    size_t records;
};

static void say(struct core_fixture *f, int who, const char *kind, const char *facts)
{
    (void)agent_write_kind(
        &f->agents[who], &ash, kind, facts, who == CAMDEN ? to_islington : to_camden);
    agent_publish(&f->agents[who], 0, 1);
    core_fixture_settle(f);
}

static int setup(void **state)
{
    struct scrubbing *self = calloc(1, sizeof *self);
    struct core_fixture *f = &self->core;

    log_init("test", LOG_ERROR);
    core_fixture_init(f);
    for (size_t i = 0; i < f->agent_count; i++) {
        agent_hello(&f->agents[i]);
    }
    core_fixture_settle(f);
    f->base.world.random(f->base.world.context, ash.transfer, sizeof ash.transfer);
    f->base.world.random(f->base.world.context, ash.subject, sizeof ash.subject);
    core_fixture_procedures(f, DATA);
    say(f, ISLINGTON, "move_notified",
        "permanence=permanent retain_intention=transfer move_reason=housing door=mash");
    agent_open(&f->agents[CAMDEN], f->agents[ISLINGTON].own[0].id);
    core_fixture_settle(f);
    say(f, ISLINGTON, "case_closed", "closure_type=transferred letter_ref=" LETTER_REF);
    (void)agent_write_payload(&f->agents[ISLINGTON], to_camden, "PLANTED-PAYLOAD-TEXT");
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_settle(f);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct scrubbing *self = *state;

    scrub_destroy(&self->scrub);
    ledger_destroy(&self->real);
    ledger_destroy(&self->clean);
    core_fixture_free(&self->core);
    free(self);
    return 0;
}

/* ---- planting: what a real log holds that could name anybody ---- */

static void plant(struct scrubbing *self, const char *what, const void *bytes, size_t len)
{
    assert_true(self->planted_count < PLANTED_MAX && len <= 64);
    struct planted *planted = &self->planted[self->planted_count++];
    *planted = (struct planted){.what = what, .len = len};
    memcpy(planted->bytes, bytes, len);
}

static void plant_event(struct scrubbing *self, struct slice bytes)
{
    struct event_view view;

    assert_int_equal(event_read(bytes, &view, NULL), 0);
    plant(self, "event id", view.id, UUID_BYTES);
    plant(self, "transfer", view.transfer, UUID_BYTES);
    for (size_t i = 0; i < view.subject_count; i++) {
        plant(self, "subject", view.subjects[i].ref, UUID_BYTES);
    }
    if (view.has_payload) {
        plant(self, "commitment", view.commitment.key_commitment.b, HASH_BYTES);
    }
    uint8_t incarnation[8];
    put_u64(incarnation, view.incarnation);
    if (view.incarnation >> 56 != 0) { /* a small one is a few bytes and zeros: found anywhere */
        plant(self, "incarnation", incarnation, sizeof incarnation);
    }
}

static void plant_batch(struct scrubbing *self, const struct record *record)
{
    struct batch_body batch;
    struct slice event;
    struct stored_payload payload;

    assert_int_equal(batch_body_read(record->body, &batch), 0);
    plant(self, "signature", batch.signature.data, batch.signature.len);
    struct slice rest = batch.events;
    while (batch_next_event(&rest, &event) == 0) {
        plant_event(self, event);
    }
    struct slice stored = record->payload;
    while (stored.len > 0 && batch_next_payload(&stored, &payload) == 0) {
        if (payload.ciphertext.len >= 16) {
            plant(self, "ciphertext", payload.ciphertext.data, 16);
        }
        if (payload.wrap_count > 0) {
            plant(self, "wrap", payload.wraps.data + CODE_BYTES, 40);
        }
    }
}

static unsigned times_in(struct slice bytes, const struct planted *planted)
{
    unsigned count = 0;

    for (size_t i = 0; i + planted->len <= bytes.len; i++) {
        count += memcmp(bytes.data + i, planted->bytes, planted->len) == 0;
    }
    return count;
}

static int collect(void *context, const struct record *record, uint64_t position)
{
    struct scrubbing *self = context;

    (void)position;
    if (record->type == RECORD_BATCH) {
        plant_batch(self, record);
    }
    return 0;
}

/* Scrub a record, search both for everything planted, feed both ledgers. */
static int compare(void *context, const struct record *record, uint64_t position)
{
    struct scrubbing *self = context;
    struct record clean;

    (void)position;
    int rc = scrub_record(self->scrub, record, &clean);
    bool is_register = record->type == RECORD_INPUT && get_u32(record->body.data) == INPUT_REGISTER;
    assert_int_equal(rc, is_register ? E_END : 0);
    assert_int_equal(ledger_record(self->real, record), 0);
    bool public = record->type == RECORD_INPUT;
    for (size_t i = 0; i < self->planted_count && !public; i++) {
        struct planted *planted = &self->planted[i];
        planted->in_real += times_in(record->body, planted) + times_in(record->payload, planted);
        planted->in_clean += times_in(clean.body, planted) + times_in(clean.payload, planted);
    }
    if (rc == 0) {
        assert_int_equal(clean.type, record->type);
        assert_int_equal(clean.sequence, record->sequence);
        assert_int_equal(clean.time_ms, record->time_ms);
        assert_int_equal(clean.payload.len, record->payload.len);
        assert_int_equal(ledger_record(self->clean, &clean), 0);
        self->records++;
    }
    return 0;
}

static void scan(struct scrubbing *self, int (*visit)(void *, const struct record *, uint64_t))
{
    const struct journal_scan scan = {.visit = visit, .context = self};
    struct journal_scanned scanned;
    struct complaint why = {0};

    assert_int_equal(journal_scan(&self->core.base.disk, &scan, &scanned, &why), 0);
}

static bool is_planted(const struct scrubbing *self, const char *what)
{
    for (size_t i = 0; i < self->planted_count; i++) {
        if (strcmp(self->planted[i].what, what) == 0) {
            return true;
        }
    }
    return false;
}

static void scrub_all(struct scrubbing *self, bool replace_codes)
{
    self->scrub = scrub_new(replace_codes);
    self->real = ledger_new();
    self->clean = ledger_new();
    scan(self, collect);
    plant(self, "letter", LETTER_REF, strlen(LETTER_REF));
    plant(self, "network", FIXTURE_NETWORK "\x12", strlen(FIXTURE_NETWORK) + 1);
    if (replace_codes) {
        plant(self, "code", CODE_ISLINGTON, CODE_BYTES);
        plant(self, "code", CODE_CAMDEN, CODE_BYTES);
    }
    scan(self, compare);
    for (size_t i = 0; i < self->planted_count; i++) {
        const struct planted *planted = &self->planted[i];
        if (planted->in_clean > 0 || planted->in_real == 0) {
            print_error("%s: %u times in the real log, %u in the clean one\n", planted->what,
                planted->in_real, planted->in_clean);
        }
        assert_true(planted->in_real > 0);
        assert_int_equal(planted->in_clean, 0);
    }
    assert_true(self->planted_count > 12);
    assert_true(is_planted(self, "ciphertext") && is_planted(self, "wrap"));
}

/* ---- it is still that log ---- */

static void shape_is_kept(const struct scrubbing *self)
{
    assert_int_equal(ledger_event_count(self->clean), ledger_event_count(self->real));
    assert_int_equal(ledger_transfer_count(self->clean), ledger_transfer_count(self->real));
    assert_int_equal(ledger_child_count(self->clean), ledger_child_count(self->real));
    assert_int_equal(ledger_clock_count(self->clean), ledger_clock_count(self->real));
    for (size_t i = 0; i < ledger_event_count(self->real); i++) {
        const struct ledger_event *real = ledger_event_at(self->real, i);
        const struct ledger_event *clean = ledger_event_at(self->clean, i);
        assert_int_equal(clean->kind, real->kind);
        assert_int_equal(clean->verdict, real->verdict);
        assert_int_equal(clean->accepted_ms, real->accepted_ms);
        assert_int_equal(clean->note_count, real->note_count);
        assert_int_equal(clean->level_count, real->level_count);
        assert_true(real->level_count == 0 ||
            clean->levels[0].persisted_ms == real->levels[0].persisted_ms);
        assert_int_equal(clean->levels[0].opened_ms, real->levels[0].opened_ms);
        assert_memory_not_equal(clean->id, real->id, UUID_BYTES);
        assert_memory_equal(clean->id, real->id, 6); /* when it was made */
    }
    for (size_t i = 0; i < ledger_clock_count(self->real); i++) {
        assert_string_equal(
            ledger_clock_at(self->clean, i)->id, ledger_clock_at(self->real, i)->id);
        assert_string_equal(
            ledger_clock_at(self->clean, i)->due, ledger_clock_at(self->real, i)->due);
    }
}

static void scrubbed__with_codes_kept__holds_nothing_that_was_planted(void **state)
{
    struct scrubbing *self = *state;

    scrub_all(self, false);
    shape_is_kept(self);
    assert_string_equal(
        ledger_transfer_at(self->clean, 0)->origin, ledger_transfer_at(self->real, 0)->origin);
    assert_string_equal(ledger_clock_at(self->clean, 0)->binds, CODE_CAMDEN);
}

static void scrubbed__with_codes_replaced__names_no_authority(void **state)
{
    struct scrubbing *self = *state;

    scrub_all(self, true);
    shape_is_kept(self);
    const struct ledger_transfer *transfer = ledger_transfer_at(self->clean, 0);
    assert_string_not_equal(transfer->origin, CODE_ISLINGTON);
    /* one authority is one authority everywhere */
    assert_string_equal(ledger_event_at(self->clean, 0)->from, transfer->origin);
    assert_string_equal(ledger_clock_at(self->clean, 0)->binds, transfer->receiving);
}

static void scrubbed__twice__shares_no_id(void **state)
{
    struct scrubbing *self = *state;

    scrub_all(self, false);
    uint8_t first[UUID_BYTES];
    memcpy(first, ledger_transfer_at(self->clean, 0)->id, sizeof first);
    scrub_destroy(&self->scrub);
    ledger_destroy(&self->real);
    ledger_destroy(&self->clean);
    self->planted_count = 0;
    scrub_all(self, false);
    assert_memory_not_equal(ledger_transfer_at(self->clean, 0)->id, first, sizeof first);
}

static void record__that_cannot_be_read__is_not_given_out(void **state)
{
    struct scrubbing *self = *state;
    struct record clean;
    const struct record records[] = {{.type = RECORD_BATCH, .body = slice_of_text("PLANTED")},
        {.type = RECORD_DERIVED, .body = slice_of_text("PLANTED")},
        {.type = RECORD_ACK, .body = slice_of_text("PLANTED")},
        {.type = RECORD_ACKED, .body = slice_of_text("PLANTED")},
        {.type = 77, .body = slice_of_text("PLANTED")}};

    self->scrub = scrub_new(false);
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        assert_int_equal(scrub_record(self->scrub, &records[i], &clean), E_CORRUPT);
    }
}

int main(void)
{
#define EACH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        EACH(scrubbed__with_codes_kept__holds_nothing_that_was_planted),
        EACH(scrubbed__with_codes_replaced__names_no_authority),
        EACH(scrubbed__twice__shares_no_id),
        EACH(record__that_cannot_be_read__is_not_given_out),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
