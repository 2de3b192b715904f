/* Tests of broker/core/erase.c and common/journal/erase.c: who may have a payload destroyed, that its bytes are gone from
 * every file and from memory, that everything still verifies, and that a crash at any moment leaves nothing half done. */
#define _GNU_SOURCE /* memmem */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "tests/support/core_fixture.h"

#include "common/base/banned.h"

#define WHAT_EVENT WAYPOST__ENTRY__WHAT_EVENT
#define KIND(name) WAYPOST__SYSTEM_KIND__##name
#define DEMANDED WAYPOST__ERASE_ACT__ERASE_DEMANDED
#define DONE WAYPOST__ERASE_ACT__ERASE_DONE
#define PLANTED "planted-ciphertext-of-the-first"
#define OTHER "another-ciphertext-that-must-stay"

static const char *const to_camden[] = {CODE_CAMDEN, NULL};

/* Two events with payloads in one batch, from Islington to Camden. */
static const uint8_t *two_sent(struct core_fixture *f)
{
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write_payload(sender, to_camden, PLANTED);
    (void)agent_write_payload(sender, to_camden, OTHER);
    agent_publish(sender, 0, 2);
    core_fixture_settle(f);
    return sender->own[0].id;
}

/* ---- looking through every byte of every file ---- */

struct search {
    const struct disk *disk;
    const char *text;
    unsigned found;
};

static void search_file(void *arg, const char *name)
{
    struct search *self = arg;
    uint64_t size = 0;
    size_t got = 0;
    int file;

    assert_int_equal(self->disk->open(self->disk->context, name, false, &file), 0);
    assert_int_equal(self->disk->size(self->disk->context, file, &size), 0);
    uint8_t *bytes = calloc(1, (size_t)size + 1);
    assert_int_equal(self->disk->read_at(self->disk->context, file, bytes, size, 0, &got), 0);
    self->found += memmem(bytes, got, self->text, strlen(self->text)) != NULL;
    self->disk->close(self->disk->context, file);
    free(bytes);
}

static unsigned files_with(struct core_fixture *f, const char *text)
{
    struct search search = {&f->base.memory, text, 0};

    (void)f->base.memory.list(f->base.memory.context, search_file, &search);
    return search.found;
}

static void assert_verifies(struct core_fixture *f, uint64_t erased)
{
    struct journal_check check;
    struct complaint why = {0};

    assert_int_equal(journal_rest(f->base.journal), 0);
    assert_int_equal(
        journal_verify(&f->base.memory, f->base.head_public, &check, NULL, NULL, NULL, &why), 0);
    assert_int_equal(check.erased, erased);
    assert_int_equal(check.unmatched, 0);
}

/* ---- the way of an erasure ---- */

static void payload__sender_demands__is_gone_everywhere_and_the_other_stays(void **state)
{
    struct core_fixture *f = *state;
    const uint8_t *event = two_sent(f);

    assert_int_equal(files_with(f, PLANTED), 1);
    agent_erase(&f->agents[ISLINGTON], event, DEMANDED);
    core_fixture_settle(f);
    assert_int_equal(files_with(f, PLANTED), 0);
    assert_int_equal(files_with(f, OTHER), 1);
    assert_int_equal(agent_records(&f->agents[ISLINGTON], KIND(ERASURE_ORDERED)), 1);
    assert_int_equal(agent_records(&f->agents[CAMDEN], KIND(ERASURE_ORDERED)), 1);
    assert_int_equal(
        agent_records(&f->agents[LEEDS], KIND(ERASURE_ORDERED)), 1); /* sealed to it too */
    assert_int_equal(agent_records(&f->agents[HUB], KIND(ERASURE_ORDERED)), 0);
    assert_verifies(f, 1);
}

/* The first write of the batch was torn: recovery has saved what there was of it. */
static void payload__in_a_tail_that_was_cut__is_gone_from_there_too(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write_payload(sender, to_camden, PLANTED);
    (void)agent_write_payload(sender, to_camden, OTHER);
    agent_publish(sender, 0, 2);
    size_t records = journal_pending_bytes(f->base.journal);
    assert_true(core_fixture_cut(f));
    f->base.faults.fail_at = f->base.faults.calls + 2; /* the sync */
    f->base.faults.fail_rc = E_IO;
    assert_int_equal(journal_write(f->base.journal, f->commit), E_IO);
    core_fixture_crash(f, records);
    assert_int_equal(files_with(f, PLANTED), 1);
    core_fixture_hello(f);
    agent_publish(sender, 1, 2);
    core_fixture_settle(f);
    assert_int_equal(files_with(f, PLANTED), 2);
    agent_erase(sender, sender->own[0].id, DEMANDED);
    core_fixture_settle(f);
    assert_int_equal(files_with(f, PLANTED), 0);
    assert_int_equal(files_with(f, OTHER), 2);
}

static void recipient__away_when_it_is_demanded__gets_no_byte_and_is_told(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    struct fake_agent *camden = &f->agents[CAMDEN];

    core_fixture_restart(f);
    agent_hello(sender);
    core_fixture_settle(f);
    (void)agent_write_payload(sender, to_camden, PLANTED);
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    agent_erase(sender, sender->own[0].id, DEMANDED);
    core_fixture_settle(f);
    agent_hello(camden);
    core_fixture_settle(f);
    assert_int_equal(agent_count(camden, WHAT_EVENT), 1);
    assert_false(agent_got(camden, WHAT_EVENT, 0)->payload);
    assert_int_equal(agent_got(camden, WHAT_EVENT, 0)->payload_absent, 2);
    assert_int_equal(agent_records(camden, KIND(ERASURE_ORDERED)), 1);
}

static void holders__each_says_so__sender_is_told_once_each(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    const uint8_t *event = two_sent(f);

    agent_erase(sender, event, DEMANDED);
    core_fixture_settle(f);
    agent_erase(&f->agents[CAMDEN], event, DONE);
    agent_erase(&f->agents[CAMDEN], event, DONE); /* its answer was lost */
    core_fixture_settle(f);
    assert_int_equal(agent_records(sender, KIND(HOLDER_ERASED)), 1);
    agent_erase(&f->agents[HUB], event, DONE); /* holds nothing */
    core_fixture_settle(f);
    assert_int_equal(agent_records(sender, KIND(HOLDER_ERASED)), 1);
    agent_erase(sender, event, DONE);
    agent_erase(&f->agents[LEEDS], event, DONE);
    core_fixture_settle(f);
    assert_int_equal(agent_records(sender, KIND(HOLDER_ERASED)), 3);
    uint64_t size = journal_size(f->base.journal);
    agent_erase(sender, event, DONE);     /* all is said */
    agent_erase(sender, event, DEMANDED); /* a second time changes nothing */
    core_fixture_settle(f);
    assert_int_equal(journal_size(f->base.journal), size);
}

/* The copy of the journal had neither the event nor the order; the recipient has the payload from before. */
static void demand__of_an_event_that_came_back_erased__reaches_who_may_hold_it(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    uint64_t size = journal_head(f->base.journal)->size;

    assert_int_equal(journal_new_epoch(f->base.journal, 2, size, size + 9), 0);
    assert_true(core_fixture_commit(f));
    core_fixture_restart(f);
    core_fixture_hello(f);
    (void)agent_write_payload(sender, to_camden, PLANTED);
    sender->own[0].erased = true;
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    agent_erase(sender, sender->own[0].id, DEMANDED);
    core_fixture_settle(f);
    assert_int_equal(agent_records(sender, KIND(ERASURE_ORDERED)), 1);
    assert_int_equal(agent_records(&f->agents[CAMDEN], KIND(ERASURE_ORDERED)), 1);
    assert_verifies(f, 1);
}

/* What was just written is read from memory, not from the file: it is gone there too. */
static void record__read_from_memory_after_an_erasure__has_no_payload(void **state)
{
    struct core_fixture *f = *state;
    struct buf body = {0};
    struct buf payload = {0};
    struct buf scratch = {0};
    struct record got;
    uint64_t position = 0;

    journal_fixture_batch("test", 1, 30, &body);
    buf_put_u32(&payload, sizeof PLANTED - 1);
    buf_put(&payload, PLANTED, sizeof PLANTED - 1);
    buf_put_u16(&payload, 0);
    struct record batch = {.type = RECORD_BATCH, .body = buf_slice(&body)};
    batch.payload = buf_slice(&payload);
    (void)journal_append(f->base.journal, &batch, &position);
    assert_int_equal(journal_fixture_commit(&f->base), 0);
    assert_int_equal(journal_erase(f->base.journal, position, 0), 0);
    assert_int_equal(journal_read(f->base.journal, position, &scratch, &got), 0);
    assert_int_equal(payload_erased_count(got.payload), 1);
    assert_null(memmem(scratch.data, scratch.len, PLANTED, sizeof PLANTED - 1));
    buf_free(&body);
    buf_free(&payload);
    buf_free(&scratch);
}

/* ---- who may ---- */

static void demand__of_the_recipient_or_a_hub__is_refused(void **state)
{
    struct core_fixture *f = *state;
    const uint8_t *event = two_sent(f);
    static const int strangers[] = {CAMDEN, LEEDS, HUB};

    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        struct fake_agent *agent = &f->agents[strangers[i]];
        agent_erase(agent, event, DEMANDED);
        core_fixture_settle(f);
        assert_int_equal(agent->refused, E_NOT_ALLOWED);
    }
    assert_int_equal(files_with(f, PLANTED), 1);
}

static void demand__of_an_operator__is_recorded_and_everybody_is_told(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *operator= & f->agents[OPERATOR];
    const uint8_t *event = two_sent(f);

    agent_erase(operator, event, DEMANDED);
    core_fixture_settle(f);
    assert_int_equal(files_with(f, PLANTED), 0);
    assert_int_equal(agent_records(operator, KIND(ERASURE_ORDERED)), 1);
    assert_int_equal(agent_records(&f->agents[ISLINGTON], KIND(ERASURE_ORDERED)), 1);
    agent_erase(&f->agents[CAMDEN], event, DONE);
    core_fixture_settle(f);
    assert_int_equal(agent_records(operator, KIND(HOLDER_ERASED)), 1);
    assert_int_equal(agent_records(&f->agents[ISLINGTON], KIND(HOLDER_ERASED)), 1);
}

static void demand__signed_with_another_key__is_refused(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    const uint8_t *event = two_sent(f);
    struct keys own = sender->keys;

    memcpy(sender->keys.sign_secret, f->agents[CAMDEN].keys.sign_secret,
        sizeof sender->keys.sign_secret);
    agent_erase(sender, event, DEMANDED);
    sender->keys = own;
    core_fixture_settle(f);
    assert_int_equal(sender->refused, E_SIGNATURE);
    assert_int_equal(files_with(f, PLANTED), 1);
}

static void demand__of_an_event_without_payload_or_unknown__is_refused(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    static const uint8_t unknown[UUID_BYTES] = {1, 2, 3};

    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    agent_erase(sender, sender->own[0].id, DEMANDED);
    core_fixture_settle(f);
    assert_int_equal(sender->refused, E_NOT_FOUND);
    sender->refused = 0;
    agent_erase(sender, unknown, DEMANDED);
    core_fixture_settle(f);
    assert_int_equal(sender->refused, E_NOT_FOUND);
}

/* ---- crashes ---- */

/* The n-th change of the disk from the demand on is the last: whatever n is, the next start ends with the bytes gone
 * where the demand was durable, and with them whole where it was not; and the engine has seen every event. */
static void cut_power(struct core_fixture *f, bool with_procedures)
{
    bool reached_end = false;

    for (uint64_t n = 1; !reached_end && n < 40; n++) {
        core_fixture_free(f);
        memset(f, 0, sizeof *f);
        core_fixture_init(f);
        core_fixture_hello(f);
        if (with_procedures) {
            core_fixture_procedures(f, "data");
        }
        const uint8_t *event = two_sent(f);
        assert_int_equal(journal_rest(f->base.journal), 0);
        f->base.faults.calls = 0;
        f->base.faults.fail_at = n;
        f->base.faults.fail_rc = E_IO;
        f->base.faults.fail_for_ever = true;
        agent_erase(&f->agents[ISLINGTON], event, DEMANDED);
        for (unsigned i = 0; i < 4 && journal_pending_bytes(f->base.journal) > 0; i++) {
            journal_commit_t *commit = journal_cut(f->base.journal);
            int rc = journal_write(f->base.journal, commit);
            journal_settle(f->base.journal, &commit);
            if (rc != 0) {
                break;
            }
            core_durable(f->core);
        }
        reached_end = f->base.faults.calls < n;
        f->base.faults.fail_at = 0;
        core_fixture_crash(f, 512);
        while (core_folding(f->core)) {
            core_fold(f->core);
        }
        assert_int_equal(core_counter(f->core, COUNTER_FOLD_DIFFERENCES), 0);
        core_fixture_hello(f);
        bool begun = agent_records(&f->agents[CAMDEN], KIND(ERASURE_ORDERED)) > 0;
        assert_int_equal(files_with(f, PLANTED), begun ? 0 : 1);
        assert_int_equal(files_with(f, OTHER), 1);
        assert_verifies(f, begun ? 1 : 0);
        assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 2);
    }
    assert_true(reached_end);
}

static void power__cut_at_every_change_of_an_erasure__is_taken_up_again(void **state)
{
    cut_power(*state, false);
}

static void power__cut_while_an_event_is_erased__hides_it_from_no_fold(void **state)
{
    cut_power(*state, true);
}

static void erasures__in_a_snapshot__are_known_after_a_restart(void **state)
{
    struct core_fixture *f = *state;
    struct buf before = {0};
    struct buf after = {0};
    const uint8_t *event = two_sent(f);

    agent_erase(&f->agents[ISLINGTON], event, DEMANDED);
    core_fixture_settle(f);
    core_fixture_state(f, &before);
    core_fixture_restart(f);
    core_fixture_state(f, &after);
    assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
    core_fixture_hello(f);
    agent_erase(&f->agents[CAMDEN], event, DONE);
    core_fixture_settle(f);
    assert_int_equal(agent_records(&f->agents[ISLINGTON], KIND(HOLDER_ERASED)), 1);
    buf_free(&before);
    buf_free(&after);
}

/* The procedures hear of it: payload_erased by each holder, erasure_confirmed by the last (C27). */
static void erasure__with_procedures__is_told_by_them_and_survives_a_replay(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    core_fixture_procedures(f, "data");
    const uint8_t *event = two_sent(f);
    agent_erase(sender, event, DEMANDED);
    core_fixture_settle(f);
    size_t after_broker = agent_records(sender, KIND(PAYLOAD_ERASED));
    agent_erase(&f->agents[CAMDEN], event, DONE);
    agent_erase(sender, event, DONE);
    core_fixture_settle(f);
    struct hash before = core_procedures_hash(f->core);
    core_fixture_restart(f);
    while (core_folding(f->core)) {
        core_fold(f->core);
    }
    struct hash after = core_procedures_hash(f->core);
    assert_memory_equal(before.b, after.b, HASH_BYTES);
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_DIFFERENCES), 0);
    assert_true(agent_records(sender, KIND(PAYLOAD_ERASED)) >= after_broker);
}

/* C27 stands in the recipient's transfer too: its agent could not fold what it is not told. */
static void erasure__with_procedures__is_told_to_the_recipient_as_to_the_sender(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    struct fake_agent *recipient = &f->agents[CAMDEN];

    core_fixture_procedures(f, "data");
    const uint8_t *event = two_sent(f);
    agent_erase(sender, event, DEMANDED);
    agent_erase(recipient, event, DONE);
    agent_erase(sender, event, DONE);
    core_fixture_settle(f);
    assert_int_equal(agent_records(recipient, KIND(ERASURE_CONFIRMED)), 1);
    assert_int_equal(agent_records(recipient, KIND(PAYLOAD_ERASED)),
        agent_records(sender, KIND(PAYLOAD_ERASED)));
    assert_int_equal(agent_records(&f->agents[HUB], KIND(ERASURE_CONFIRMED)), 1);
}

int main(void)
{
#define CORE_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, core_fixture_setup, core_fixture_teardown)
    const struct CMUnitTest tests[] = {
        CORE_TEST(payload__sender_demands__is_gone_everywhere_and_the_other_stays),
        CORE_TEST(payload__in_a_tail_that_was_cut__is_gone_from_there_too),
        CORE_TEST(recipient__away_when_it_is_demanded__gets_no_byte_and_is_told),
        CORE_TEST(holders__each_says_so__sender_is_told_once_each),
        CORE_TEST(demand__of_an_event_that_came_back_erased__reaches_who_may_hold_it),
        CORE_TEST(record__read_from_memory_after_an_erasure__has_no_payload),
        CORE_TEST(demand__of_the_recipient_or_a_hub__is_refused),
        CORE_TEST(demand__of_an_operator__is_recorded_and_everybody_is_told),
        CORE_TEST(demand__signed_with_another_key__is_refused),
        CORE_TEST(demand__of_an_event_without_payload_or_unknown__is_refused),
        CORE_TEST(power__cut_at_every_change_of_an_erasure__is_taken_up_again),
        CORE_TEST(power__cut_while_an_event_is_erased__hides_it_from_no_fold),
        CORE_TEST(erasures__in_a_snapshot__are_known_after_a_restart),
        CORE_TEST(erasure__with_procedures__is_told_by_them_and_survives_a_replay),
        CORE_TEST(erasure__with_procedures__is_told_to_the_recipient_as_to_the_sender),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
