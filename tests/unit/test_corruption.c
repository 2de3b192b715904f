/*
 * A disk that rots: one bit is flipped at every offset, or two, and the end is cut off at every length, of a small journal,
 * a snapshot and a signed register. It is always found (journal_verify, the loaders), never served (the agents of
 * core_fixture check every signature, path, hash and number that they are given), never the cause of writing over or
 * removing what is good (the same journal with the bit put right is whole again, and everything is there once), and the
 * rest serves; or, where it cannot be known who was touched, nobody. With one wrong bit of a journal that is never so.
 *
 * `make test` takes every STEP-th offset; CRASHPOINTS=all (make check-crashpoints) takes each, a number every so many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/core/core_internal.h"
#include "common/base/log.h"
#include "tests/support/core_fixture.h"

#include "common/base/banned.h"

#define SEGMENT "segment-0000000001.wpj"

enum { STEP = 211, SEGMENT_HEADER_BYTES = 4096, ZEROS_BYTES = 4096, EXIT_REFUSED = 9 };

static bool is_exhaustive(void)
{
    const char *wanted = getenv("CRASHPOINTS");

    return wanted != NULL && strcmp(wanted, "all") == 0;
}

static uint64_t step(void)
{
    const char *wanted = getenv("CRASHPOINTS");
    unsigned long every = wanted == NULL ? 0 : strtoul(wanted, NULL, 10);

    return is_exhaustive() ? 1 : every > 0 ? every : STEP;
}

static const char *const to_camden[] = {CODE_CAMDEN, NULL};

static void publish(struct core_fixture *f, unsigned events)
{
    for (unsigned i = 0; i < events; i++) {
        (void)agent_write_payload(&f->agents[ISLINGTON], to_camden, "sealed words of some length");
        agent_publish(&f->agents[ISLINGTON], 0, 1);
        core_fixture_settle_some(f);
    }
}

static void hello(struct core_fixture *f)
{
    for (size_t i = 0; i < f->agent_count; i++) {
        agent_hello(&f->agents[i]);
    }
    core_fixture_settle_some(f);
}

/* What a case needs to know of its journal before the damage. */
struct rotten {
    struct core_fixture *f;
    struct buf before; /* of the segment, undamaged */
};

static bool snapshot_is_due(struct core_fixture *f)
{
    struct buf state = {0};
    uint64_t size = 0;
    uint64_t next = 0;
    bool due = core_snapshot_due(f->core, &state, &size, &next);

    buf_free(&state);
    return due;
}

static void snapshot_take(struct core_fixture *f)
{
    struct buf state = {0};
    uint64_t size = 0;
    uint64_t next = 0;

    assert_true(core_snapshot_due(f->core, &state, &size, &next));
    assert_int_equal(
        journal_snapshot_write(f->base.journal, SNAPSHOT_TRANSPORT, size, next, buf_slice(&state)),
        0);
    buf_free(&state);
}

/* The first len bytes of the segment, or what there is of them. */
static void segment_read(const struct disk *disk, size_t len, struct buf *out)
{
    int file;

    buf_clear(out);
    buf_reserve(out, len + 1);
    assert_int_equal(disk->open(disk->context, SEGMENT, false, &file), 0);
    assert_int_equal(disk->read_at(disk->context, file, out->data, len, 0, &out->len), 0);
    disk->close(disk->context, file);
}

/* Two events that Camden has, two that wait for it; a snapshot of it all where wanted; the broker is stopped. */
static void rotten_make(struct rotten *self, bool snapshot)
{
    struct core_fixture *f = calloc(1, sizeof *f);

    memset(self, 0, sizeof *self);
    self->f = f;
    core_fixture_init(f);
    f->options.snapshot_bytes = 1;
    f->has_register_file = true;
    core_fixture_restart(f);
    hello(f);
    publish(f, 2);
    agent_leave(&f->agents[CAMDEN]);
    publish(f, 2);
    if (snapshot) {
        snapshot_take(f);
    }
    assert_int_equal(journal_rest(f->base.journal), 0);
    core_fixture_stop(f);
    size_t used = (size_t)journal_fixture_used(&f->base.memory, SEGMENT);
    segment_read(&f->base.memory, used, &self->before);
    /* Each case reads the zeros behind many times; a page of them says as much as a mebibyte. */
    journal_fixture_truncate(&f->base.memory, SEGMENT, used + ZEROS_BYTES);
}

static void rotten_free(struct rotten *self)
{
    core_fixture_free(self->f);
    free(self->f);
    buf_free(&self->before);
}

static int verify(const struct core_fixture *f)
{
    struct journal_check check;
    struct complaint why = {0};

    return journal_verify(&f->base.disk, f->base.head_public, &check, NULL, NULL, NULL, &why);
}

static void assert_as_before(const struct rotten *self, size_t len, uint64_t flipped, uint8_t bits)
{
    struct buf now = {0};

    segment_read(&self->f->base.memory, len, &now);
    assert_int_equal(now.len, len);
    for (size_t i = 0; i < len; i++) {
        uint8_t want = self->before.data[i];
        if (i == flipped) {
            want ^= bits;
        }
        assert_int_equal(now.data[i], want);
    }
    buf_free(&now);
}

static size_t events_of(const struct core_fixture *f, size_t agent)
{
    return agent_count(&f->agents[agent], WAYPOST__ENTRY__WHAT_EVENT);
}

/* Somebody else is served, and Camden has what is right or waits; nobody is given anything else: its agent would abort. */
static void assert_serves(struct core_fixture *f)
{
    static const char *const to_leeds[] = {CODE_LEEDS, NULL};
    size_t leeds = events_of(f, LEEDS);

    hello(f);
    (void)agent_write(&f->agents[ISLINGTON], to_leeds);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_settle_some(f);
    assert_int_equal(events_of(f, LEEDS), leeds + 1);
    assert_true(events_of(f, CAMDEN) == 4 || core_counter(f->core, COUNTER_UNREADABLE) > 0);
    assert_int_equal(core_counter(f->core, COUNTER_DIVERGED), 0);
    assert_int_equal(core_counter(f->core, COUNTER_CONFLICTS), 0);
    if (f->core->losses.count > 0) {
        assert_non_null(alarm_book_find(core_alarms(f->core), "journal_damaged"));
        assert_false(snapshot_is_due(f)); /* it would hold the gap for ever */
    }
}

/* The bit is put right again: everything is there. */
static void assert_heals(struct core_fixture *f)
{
    assert_int_equal(core_fixture_try_restart(f), 0);
    hello(f);
    assert_int_equal(events_of(f, CAMDEN), 4);
    assert_int_equal(journal_rest(f->base.journal), 0);
    assert_int_equal(verify(f), 0);
}

/* Bytes of the record at an offset of the undamaged segment, 0 where none begins. */
static uint32_t record_bytes(const struct buf *segment, uint64_t at)
{
    return at + RECORD_HEADER_BYTES <= segment->len ? get_u32(segment->data + at) : 0;
}

/* What stands at an offset of it: a record's type, 0 for its header and what lies between. */
static uint8_t type_at(const struct buf *segment, uint64_t offset)
{
    uint32_t bytes = 0;

    for (uint64_t at = SEGMENT_HEADER_BYTES; offset >= at; at += bytes) {
        bytes = record_bytes(segment, at);
        if (bytes == 0) {
            break;
        }
        if (offset < at + bytes) {
            return segment->data[at + 4];
        }
    }
    return 0;
}

/* Where the last record of a type begins. */
static uint64_t last_of(const struct buf *segment, uint8_t type)
{
    uint64_t last = 0;
    uint32_t bytes = 0;

    for (uint64_t at = SEGMENT_HEADER_BYTES; (bytes = record_bytes(segment, at)) != 0;
         at += bytes) {
        last = segment->data[at + 4] == type ? at : last;
    }
    return last;
}

struct outcome {
    unsigned served, refused;
    unsigned refused_types[RECORD_PAYLOAD_ERASED + 1]; /* by what was damaged */
};

static void outcome_print(
    const char *where, uint64_t bytes, unsigned bits, const struct outcome *outcome)
{
    static const char *const words[] = {[0] = "segment header",
        [RECORD_COMMIT] = "commit",
        [RECORD_BATCH] = "batch",
        [RECORD_INPUT] = "input",
        [RECORD_JUDGED] = "judged",
        [RECORD_ACK] = "ack",
        [RECORD_ACKED] = "acked",
        [RECORD_DERIVED] = "derived",
        [RECORD_EPOCH] = "epoch"};

    print_message(
        "# figure: journal of %llu bytes %s, %u wrong bits: %u cases, all found, %u served, %u "
        "refused",
        (unsigned long long)bytes, where, bits, outcome->served + outcome->refused, outcome->served,
        outcome->refused);
    for (size_t type = 0; type < sizeof words / sizeof words[0]; type++) {
        if (outcome->refused_types[type] > 0) {
            print_message(", %s %u", words[type], outcome->refused_types[type]);
        }
    }
    print_message("\n");
}

static void strike(struct core_fixture *f, uint64_t at, uint8_t bits)
{
    for (unsigned bit = 0; bit < 8; bit++) {
        if ((bits >> bit & 1) != 0) {
            journal_fixture_flip(&f->base.memory, SEGMENT, at, bit);
        }
    }
}

/* The damage of one case. */
struct stroke {
    uint64_t at;  /* offset in the segment */
    uint8_t bits; /* wrong in that byte; 0: everything from there on is gone */
};

static bool struck_serves(struct rotten *self, const struct stroke *stroke)
{
    struct core_fixture *f = self->f;

    strike(f, stroke->at, stroke->bits);
    assert_int_not_equal(verify(f), 0);
    int rc = core_fixture_try_restart(f);
    if (rc == 0) {
        assert_serves(f);
    } else {
        assert_true(rc == E_CORRUPT || rc == E_NETWORK || rc == E_KEY || rc == E_VERSION);
    }
    core_fixture_stop(f);
    assert_as_before(self, self->before.len, stroke->at, stroke->bits);
    strike(f, stroke->at, stroke->bits);
    assert_heals(f);
    return rc == 0;
}

static bool cut_serves(struct rotten *self, const struct stroke *stroke)
{
    struct core_fixture *f = self->f;

    journal_fixture_truncate(&f->base.memory, SEGMENT, stroke->at);
    assert_int_not_equal(verify(f), 0);
    int rc = core_fixture_try_restart(f);
    assert_true(rc == 0 || rc == E_CORRUPT);
    if (rc == 0) { /* by a snapshot of it all; what is gone is named */
        assert_true(f->base.recovery.quarantined > 0);
        assert_serves(f);
    }
    core_fixture_stop(f);
    assert_as_before(self, (size_t)stroke->at, UINT64_MAX, 0);
    return rc == 0;
}

/* A case leaves its marks on disk, broker and agents, and to make them anew takes as long as the case: it is played in a
 * copy of this process. */
static bool play_apart(struct rotten *self, const struct stroke *stroke)
{
    int status = 0;

    assert_int_equal(fflush(NULL), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        assert_int_equal(setenv("CMOCKA_TEST_ABORT", "1", 1), 0); /* an assertion ends the copy */
        bool served = (stroke->bits == 0 ? cut_serves : struck_serves)(self, stroke);
        rotten_free(self);
        exit(served ? EXIT_SUCCESS : EXIT_REFUSED);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code != EXIT_SUCCESS && code != EXIT_REFUSED) {
        fail_msg("at offset %llu, bits %02x", (unsigned long long)stroke->at, stroke->bits);
    }
    return code == EXIT_SUCCESS;
}

/* Some bits of a byte, at offset after offset. */
static struct outcome strike_everywhere(unsigned bits, bool snapshot)
{
    struct rotten rotten;
    struct outcome outcome = {0};

    rotten_make(&rotten, snapshot);
    uint64_t bytes = rotten.before.len;
    for (uint64_t at = 0; at < bytes; at += step()) {
        unsigned first = (unsigned)(at * 5 % 8);
        unsigned second = bits == 1 ? first : (first + 1) % 8;
        const struct stroke stroke = {at, (uint8_t)(1U << first | 1U << second)};
        if (play_apart(&rotten, &stroke)) {
            outcome.served++;
        } else {
            outcome.refused++;
            outcome.refused_types[type_at(&rotten.before, at)]++;
        }
    }
    outcome_print(snapshot ? "before a snapshot" : "without a snapshot", bytes, bits, &outcome);
    rotten_free(&rotten);
    return outcome;
}

/* Whatever it is of: the record is read as it was written. */
static void bit__wrong_before_the_snapshot__is_found_and_the_rest_serves(void **state)
{
    (void)state;
    struct outcome outcome = strike_everywhere(1, true);
    assert_int_equal(outcome.refused, 0);
}

static void bit__wrong_behind_the_snapshot__is_found_and_the_rest_serves(void **state)
{
    (void)state;
    struct outcome outcome = strike_everywhere(1, false);
    assert_int_equal(outcome.refused, 0);
}

/* Before the newest snapshot: the state has it, all but the register, which its file stands in for where the header of its
 * record is whole. */
static void bits__wrong_before_the_snapshot__are_found_and_the_rest_serves(void **state)
{
    (void)state;
    struct outcome outcome = strike_everywhere(2, true);
    assert_int_equal(outcome.refused, outcome.refused_types[RECORD_INPUT]);
    assert_true(outcome.refused * 20 < outcome.served);
}

/* Without one the state is made where later records say what the damaged one did; else nobody is served from half of it. */
static void bits__wrong_behind_the_snapshot__are_found_and_nobody_is_served_wrongly(void **state)
{
    (void)state;
    struct outcome outcome = strike_everywhere(2, false);
    assert_int_equal(outcome.refused_types[RECORD_ACK], 0);
    assert_int_equal(outcome.refused_types[RECORD_ACKED], 0);
}

/* What a broker needs to start: beside a snapshot of it all the header of the register's record, which its file stands in
 * for; without one everything but what the last acknowledgement did, which is worked out once more. */
static uint64_t bytes_enough(const struct buf *segment, bool snapshot)
{
    return snapshot ? last_of(segment, RECORD_INPUT) + RECORD_HEADER_BYTES
                    : last_of(segment, RECORD_ACKED);
}

static void cut_everywhere(bool snapshot)
{
    struct rotten rotten;
    unsigned cuts = 0;
    unsigned served = 0;

    rotten_make(&rotten, snapshot);
    uint64_t enough = bytes_enough(&rotten.before, snapshot);
    for (uint64_t len = 0; len < rotten.before.len; len += step()) {
        const struct stroke stroke = {len, 0};
        bool serves = play_apart(&rotten, &stroke);
        assert_int_equal(serves, len >= enough);
        served += serves ? 1 : 0;
        cuts++;
    }
    print_message("# figure: journal cut off at %u lengths, %s: all found, %u served\n", cuts,
        snapshot ? "a snapshot of it all" : "no snapshot", served);
    rotten_free(&rotten);
}

static void segment__cut_off_at_every_length__is_found_and_nothing_before_it_touched(void **state)
{
    (void)state;
    cut_everywhere(false);
    cut_everywhere(true);
}

/* ---- snapshots ---- */

static void find_snapshot(void *arg, const char *name)
{
    if (strncmp(name, "snapshot", 8) == 0) {
        (void)snprintf(arg, 64, "%s", name);
    }
}

static void snapshot__damaged_anywhere__is_passed_over_for_the_records(void **state)
{
    struct rotten rotten;
    char name[64] = "";
    struct buf whole = {0};
    struct buf now = {0};

    (void)state;
    rotten_make(&rotten, true);
    struct core_fixture *f = rotten.f;
    assert_int_equal(core_fixture_try_restart(f), 0);
    core_fixture_state(f, &whole);
    core_fixture_stop(f);
    assert_int_equal(f->base.memory.list(f->base.memory.context, find_snapshot, name), 0);
    assert_true(name[0] != '\0');
    uint64_t bytes = journal_fixture_used(&f->base.memory, name);
    unsigned cases = 0;
    for (uint64_t at = 0; at < bytes; at += is_exhaustive() ? 1 : 7) {
        journal_fixture_flip(&f->base.memory, name, at, (unsigned)(at % 8));
        assert_int_equal(core_fixture_try_restart(f), 0);
        buf_clear(&now);
        core_fixture_state(f, &now);
        assert_true(slice_equal(buf_slice(&now), buf_slice(&whole)));
        core_fixture_stop(f);
        journal_fixture_flip(&f->base.memory, name, at, (unsigned)(at % 8));
        cases++;
    }
    for (uint64_t len = bytes; len-- > 0;) { /* shorter and shorter */
        journal_fixture_truncate(&f->base.memory, name, len);
        if (!is_exhaustive() && len % 13 != 0) {
            continue;
        }
        assert_int_equal(core_fixture_try_restart(f), 0);
        buf_clear(&now);
        core_fixture_state(f, &now);
        assert_true(slice_equal(buf_slice(&now), buf_slice(&whole)));
        core_fixture_stop(f);
        cases++;
    }
    print_message("# figure: snapshot of %llu bytes: %u flips and cuts, all passed over\n",
        (unsigned long long)bytes, cases);
    buf_free(&whole);
    buf_free(&now);
    rotten_free(&rotten);
}

/* ---- the register ---- */

static void register__damaged_anywhere__is_refused_and_the_one_before_stays(void **state)
{
    struct core_fixture *f = calloc(1, sizeof *f);
    struct register_pin pin = {.network = FIXTURE_NETWORK, .root_count = 1, .threshold = 1};
    struct complaint why;
    register_t *book = NULL;

    (void)state;
    core_fixture_init(f);
    memcpy(pin.roots[0], f->root.sign_public, sizeof pin.roots[0]);
    core_fixture_register_build(f);
    struct buf *bytes = &f->register_bytes;
    uint64_t version = register_version(core_register_in_force(f->core));
    unsigned cases = 0;
    for (size_t at = 0; at < bytes->len; at += is_exhaustive() ? 1 : 5) {
        bytes->data[at] ^= (uint8_t)(1U << at % 8);
        assert_int_not_equal(register_load(buf_slice(bytes), &pin, NULL, &book, &why), 0);
        assert_int_not_equal(core_register(f->core, buf_slice(bytes), &pin, &why), 0);
        bytes->data[at] ^= (uint8_t)(1U << at % 8);
        cases++;
    }
    for (size_t len = 0; len < bytes->len; len += is_exhaustive() ? 1 : 5) {
        assert_int_not_equal(register_load(slice_of(bytes->data, len), &pin, NULL, &book, &why), 0);
        cases++;
    }
    assert_int_equal(register_version(core_register_in_force(f->core)), version);
    assert_int_equal(register_load(buf_slice(bytes), &pin, NULL, &book, &why), 0);
    register_destroy(&book);
    print_message(
        "# figure: register of %zu bytes: %u flips and cuts, all refused\n", bytes->len, cases);
    core_fixture_free(f);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bit__wrong_before_the_snapshot__is_found_and_the_rest_serves),
        cmocka_unit_test(bit__wrong_behind_the_snapshot__is_found_and_the_rest_serves),
        cmocka_unit_test(bits__wrong_before_the_snapshot__are_found_and_the_rest_serves),
        cmocka_unit_test(bits__wrong_behind_the_snapshot__are_found_and_nobody_is_served_wrongly),
        cmocka_unit_test(segment__cut_off_at_every_length__is_found_and_nothing_before_it_touched),
        cmocka_unit_test(snapshot__damaged_anywhere__is_passed_over_for_the_records),
        cmocka_unit_test(register__damaged_anywhere__is_refused_and_the_one_before_stays),
    };
    const char *filter = getenv("TEST_FILTER");

    log_init("test", (enum log_level)(LOG_ERROR + 1)); /* each damage is said */
    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
