/* What the door lets in and what it answers: limits, names, sequences, duplicates. */
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
#define WHAT_RECORD WAYPOST__ENTRY__WHAT_RECORD

static const char *const to_camden[] = {CODE_CAMDEN, NULL};

static void write_many(struct fake_agent *agent, const char *const *to, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)agent_write(agent, to);
    }
}

/* How many events a hub was told to have come again. */
static size_t repeats_told(const struct fake_agent *hub)
{
    size_t count = 0;

    for (size_t i = 0; i < hub->log_count; i++) {
        count += hub->log[i].what == WHAT_RECORD &&
                hub->log[i].kind == WAYPOST__SYSTEM_KIND__DUPLICATE_IGNORED
            ? 1
            : 0;
    }
    return count;
}

static const char *const to_nobody[] = {CODE_NOBODY, NULL};

static void duplicate__of_an_accepted_batch__gets_the_original_receipt_even_after_a_restart(
    void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    write_many(sender, to_camden, 3);
    agent_publish(sender, 0, 3);
    core_fixture_settle(f);
    agent_publish(sender, 1, 3);
    core_fixture_settle(f);
    assert_int_equal(sender->duplicates, 1);
    assert_int_equal(repeats_told(&f->agents[HUB]), 3);
    core_fixture_restart(f);
    for (size_t i = 0; i < f->agent_count; i++) {
        agent_hello(&f->agents[i]);
    }
    core_fixture_settle(f);
    assert_int_equal(sender->welcome_last, 3);
    agent_publish(sender, 2, 1);
    core_fixture_settle(f);
    assert_int_equal(sender->duplicates, 2);
    assert_int_equal(repeats_told(&f->agents[HUB]), 4);
    for (int i = 0; i < 200; i++) {
        agent_publish(sender, 2, 1);
        core_fixture_settle(f);
    }
    assert_int_equal(sender->duplicates, 202);
    assert_int_equal(repeats_told(&f->agents[HUB]), 3 + 64); /* of each session */
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 3);
}

static void duplicate__over_many_batches__gets_one_receipt_for_each_original(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    write_many(sender, to_nobody, 200);
    for (uint64_t s = 1; s <= 200; s++) {
        agent_publish(sender, s, 1);
        if (s % 7 == 0) {
            core_fixture_settle(f);
        }
    }
    core_fixture_settle(f);
    assert_int_equal(sender->receipts, 200);
    for (uint64_t s = 1; s + 40 <= 200; s += 13) {
        uint64_t before = sender->duplicates;
        agent_publish(sender, s, 40);
        core_fixture_settle(f);
        assert_int_equal(sender->duplicates, before + 40);
    }
}

static void duplicate__of_a_batch_not_yet_durable__is_answered_when_it_is(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    agent_publish(sender, 1, 1);
    core_fixture_verify(f);
    core_fixture_listen(f);
    assert_int_equal(sender->receipts, 0);
    core_fixture_settle(f);
    assert_int_equal(sender->receipts, 1);
    assert_int_equal(sender->duplicates, 1);
}

static void sequence__that_skips__is_a_gap_that_names_what_is_expected(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    write_many(sender, to_camden, 5);
    agent_publish(sender, 1, 2);
    agent_publish(sender, 4, 1);
    core_fixture_listen(f);
    assert_int_equal(sender->refused, E_GAP);
    assert_int_equal(sender->expected, 3);
    agent_publish(sender, 2, 2); /* repeats some and adds some */
    core_fixture_listen(f);
    assert_int_equal(sender->refusals, 2);
    assert_int_equal(sender->expected, 3);
    core_fixture_settle(f);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 2);
}

static void sequence__taken_by_another_event__is_a_conflict_and_recorded_once(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    buf_free(&sender->own[0].bytes);
    sender->own_count = 0;
    (void)agent_write(sender, to_camden);
    agent_publish(sender, 1, 1);
    agent_publish(sender, 1, 1);
    core_fixture_settle(f);
    assert_int_equal(sender->refused, E_CONFLICT);
    assert_int_equal(sender->refusals, 2);
    assert_int_equal(agent_count(sender, WHAT_RECORD), 1);
    assert_int_equal(
        agent_got(sender, WHAT_RECORD, 0)->kind, WAYPOST__SYSTEM_KIND__SEQUENCE_CONFLICT);
    assert_int_equal(agent_count(&f->agents[HUB], WHAT_RECORD), 1);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 1);
}

static void incarnation__that_is_new__counts_from_one_again(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    sender->incarnation++;
    buf_free(&sender->own[0].bytes);
    sender->own_count = sender->sent = 0;
    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    assert_int_equal(sender->receipts, 2);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 2);
}

static void credit__of_a_publisher__is_kept_and_one_event_always_goes(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    write_many(sender, to_camden, 258);
    agent_publish(sender, 1, 256);
    agent_publish(sender, 257, 1);
    core_fixture_listen(f);
    assert_int_equal(sender->refused, E_CREDIT);
    core_fixture_settle(f);
    agent_publish(sender, 257, 1);
    core_fixture_settle(f);
    assert_true(sender->own[256].receipted);
}

static void publisher__in_the_name_of_another__is_refused(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish_as(sender, 0, 1, CODE_LEEDS);
    core_fixture_listen(f);
    assert_int_equal(sender->refused, E_SENDER);
    sender->code = CODE_LEEDS; /* the event's from, now */
    buf_free(&sender->own[0].bytes);
    sender->own_count = 0;
    (void)agent_write(sender, to_camden);
    sender->refused = 0;
    agent_publish(sender, 1, 1);
    core_fixture_settle(f);
    assert_int_equal(sender->refused, E_SENDER);
    assert_int_equal(sender->receipts, 0);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 0);
}

static void publisher__that_is_no_authority__is_refused(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *hub = &f->agents[HUB];

    hub->code = CODE_ISLINGTON;
    (void)agent_write(hub, to_camden);
    agent_publish(hub, 0, 1);
    core_fixture_listen(f);
    assert_int_equal(hub->refused, E_NOT_ALLOWED);
}

static void register__that_is_older__is_named_before_anything_is_kept(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    assert_int_equal(core_fixture_register(f, NULL), 0);
    core_fixture_settle(f);
    (void)agent_write(sender, to_camden);
    f->version--; /* what the agent believes */
    agent_publish(sender, 0, 1);
    core_fixture_listen(f);
    assert_int_equal(sender->refused, E_STALE_REGISTER);
    assert_int_equal(sender->expected, f->version + 1);
    f->version++;
    agent_publish(sender, 1, 1);
    core_fixture_settle(f);
    assert_int_equal(sender->receipts, 1);
}

static void event__whose_id_does_not_rise__is_refused_even_after_a_restart(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    core_fixture_restart(f);
    agent_hello(sender);
    core_fixture_settle(f);
    sender->last_id[0] =
        0; /* a clock that went back: uuid7_next begins anew at the time of the world */
    f->base.wall_ms -= 60000;
    memset(sender->last_id, 0, sizeof sender->last_id);
    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    core_fixture_listen(f);
    assert_int_equal(sender->refused, E_ID);
}

static void disk__that_is_short__keeps_the_broker_open_for_protective_kinds_alone(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    f->free_bytes = 1;
    core_tick(f->core);
    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    const struct kind_info *kind = catalogue_kind(1);
    assert_int_equal(sender->refused, kind->protective ? 0 : E_BUSY);
}

static void disk__that_is_short__still_answers_a_repeated_batch_with_its_receipt(void **state)
{
    const struct fake_case about = {
        .origin = CODE_ISLINGTON, .receiving = CODE_CAMDEN, .transfer = {1}, .subject = {2}};
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write_kind(
        sender, &about, "transfer_requested", "rationale_present=yes", to_camden);
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    f->free_bytes = 1;
    core_tick(f->core);
    agent_publish(sender, 1, 1);
    core_fixture_settle(f);
    assert_int_equal(sender->refused, 0);
    assert_int_equal(sender->duplicates, 1);
    (void)agent_write_kind(
        sender, &about, "transfer_requested", "rationale_present=yes", to_camden);
    agent_publish(sender, 2, 1);
    core_fixture_settle(f);
    assert_int_equal(sender->refused, E_BUSY);
}

static void own_events__fetched_by_pages__are_all_there_in_order(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__FetchOwn fetch = WAYPOST__FETCH_OWN__INIT;
    uint64_t got = 0;
    bool done = false;

    for (uint64_t s = 0; s < 90; s++) {
        (void)agent_write_payload(sender, to_nobody, "ciphertext");
        agent_publish(sender, 0, 1);
    }
    core_fixture_settle(f);
    while (!done) {
        fetch.after = got;
        frame.body_case = WAYPOST__FRAME__BODY_FETCH_OWN;
        frame.fetch_own = &fetch;
        agent_say(sender, &frame);
        const Waypost__Frame *answer =
            core_fixture_find(f, sender, WAYPOST__FRAME__BODY_OWN_EVENTS);
        assert_non_null(answer);
        assert_int_equal(answer->own_events->first, got);
        for (size_t i = 0; i < answer->own_events->n_events; i++, got++) {
            const Waypost__OwnEvent *own = answer->own_events->events[i];
            assert_int_equal(own->event.len, sender->own[got].bytes.len);
            assert_memory_equal(own->event.data, sender->own[got].bytes.data, own->event.len);
            assert_non_null(own->wrap);
            assert_string_equal(own->wrap->code, CODE_ISLINGTON);
            assert_int_equal(own->payload.len, strlen("ciphertext"));
        }
        done = answer->own_events->done;
    }
    assert_int_equal(got, 90);
}

#define CORE_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, core_fixture_setup, core_fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CORE_TEST(duplicate__of_an_accepted_batch__gets_the_original_receipt_even_after_a_restart),
        CORE_TEST(duplicate__over_many_batches__gets_one_receipt_for_each_original),
        CORE_TEST(duplicate__of_a_batch_not_yet_durable__is_answered_when_it_is),
        CORE_TEST(sequence__that_skips__is_a_gap_that_names_what_is_expected),
        CORE_TEST(sequence__taken_by_another_event__is_a_conflict_and_recorded_once),
        CORE_TEST(incarnation__that_is_new__counts_from_one_again),
        CORE_TEST(credit__of_a_publisher__is_kept_and_one_event_always_goes),
        CORE_TEST(publisher__in_the_name_of_another__is_refused),
        CORE_TEST(publisher__that_is_no_authority__is_refused),
        CORE_TEST(register__that_is_older__is_named_before_anything_is_kept),
        CORE_TEST(event__whose_id_does_not_rise__is_refused_even_after_a_restart),
        CORE_TEST(disk__that_is_short__keeps_the_broker_open_for_protective_kinds_alone),
        CORE_TEST(disk__that_is_short__still_answers_a_repeated_batch_with_its_receipt),
        CORE_TEST(own_events__fetched_by_pages__are_all_there_in_order),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
