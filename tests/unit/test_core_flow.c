/* The way of an event through the core: accepted, judged, delivered, acknowledged, told. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/limits.h"
#include "common/base/log.h"
#include "tests/support/core_fixture.h"

#include "common/base/banned.h"

#define WHAT_EVENT WAYPOST__ENTRY__WHAT_EVENT
#define WHAT_RECORD WAYPOST__ENTRY__WHAT_RECORD
#define WHAT_ACK WAYPOST__ENTRY__WHAT_ACK

static const char *const to_camden[] = {CODE_CAMDEN, NULL};

static void write_many(struct fake_agent *agent, const char *const *to, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)agent_write(agent, to);
    }
}

static void event__from_publish_to_the_senders_acknowledgement__goes_its_way(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    struct fake_agent *receiver = &f->agents[CAMDEN];

    (void)agent_write_payload(sender, to_camden, "ciphertext");
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    assert_true(sender->own[0].receipted);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 1);
    assert_true(agent_got(receiver, WHAT_EVENT, 0)->payload);
    assert_memory_equal(agent_got(receiver, WHAT_EVENT, 0)->event, sender->own[0].id, 16);
    assert_int_equal(receiver->acked, receiver->upto);
    assert_int_equal(sender->own[0].persisted, 1);
    assert_string_equal(agent_got(sender, WHAT_ACK, 0)->code, CODE_CAMDEN);
}

/* B-8: an agent whose newer key is in the register may hold the older one alone. */
static void payload__wrapped_to_two_keys_of_the_recipient__comes_with_both(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    sender->wraps_twice = true;
    (void)agent_write_payload(sender, to_camden, "ciphertext");
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    assert_true(agent_got(&f->agents[CAMDEN], WHAT_EVENT, 0)->payload);
    assert_int_equal(agent_got(&f->agents[CAMDEN], WHAT_EVENT, 0)->wraps, 1);
    assert_int_equal(agent_got(&f->agents[HUB], WHAT_EVENT, 0)->wraps, 0);
}

static void receipt__before_the_commit__does_not_leave(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    core_fixture_verify(f);
    core_fixture_listen(f);
    assert_int_equal(sender->receipts, 0);
    assert_true(core_fixture_commit(f));
    core_fixture_listen(f);
    assert_int_equal(sender->receipts, 1);
}

static void receipt__of_what_came_while_a_commit_was_written__waits_for_the_next(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    write_many(sender, to_camden, 2);
    agent_publish(sender, 0, 1);
    assert_true(core_fixture_cut(f));
    agent_publish(sender, 0, 1);
    core_fixture_verify(f);
    core_fixture_written(f);
    core_fixture_listen(f);
    assert_int_equal(sender->receipts, 1);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 0);
    assert_true(core_fixture_commit(f));
    core_fixture_listen(f);
    assert_int_equal(sender->receipts, 2);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 2);
}

static void receipt__before_the_verification__does_not_leave(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    assert_true(core_fixture_commit(f));
    core_fixture_listen(f);
    assert_int_equal(sender->receipts, 0);
    core_fixture_verify(f);
    core_fixture_listen(f);
    assert_int_equal(sender->receipts, 1);
}

static void delivery__before_its_judged_record_is_durable__does_not_leave(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    assert_true(core_fixture_commit(f));
    core_fixture_verify(f); /* judged now, in the next commit */
    core_fixture_listen(f);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 0);
    assert_true(core_fixture_commit(f));
    core_fixture_listen(f);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 1);
}

static void acked__before_its_record_is_durable__does_not_leave(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_verify(f);
    assert_true(core_fixture_commit(f));
    core_fixture_listen(f);
    agent_acknowledge(receiver);
    core_fixture_verify(f);
    core_fixture_listen(f);
    assert_int_equal(receiver->upto, 1);
    assert_int_equal(receiver->acked, 0);
    assert_true(core_fixture_commit(f));
    core_fixture_listen(f);
    assert_int_equal(receiver->acked, 1);
}

static void batch__with_a_bad_signature__is_voided_and_delivered_to_nobody(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish_tampered(sender, 0, 1);
    core_fixture_settle(f);
    assert_int_equal(sender->receipts, 0);
    assert_int_equal(sender->refused, E_SIGNATURE);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 0);
    agent_publish(sender, 1, 1); /* its number is free again */
    core_fixture_settle(f);
    assert_int_equal(sender->receipts, 1);
    assert_int_equal(sender->duplicates, 0);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 1);
}

static void batch__refused_for_its_signature__takes_those_after_it_along(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    write_many(sender, to_camden, 4);
    agent_publish(sender, 1, 1);
    agent_publish_tampered(sender, 2, 1);
    agent_publish(sender, 3, 1);
    agent_publish(sender, 4, 1);
    core_fixture_verify_one(f, 3); /* the last comes back first */
    core_fixture_settle(f);
    assert_int_equal(sender->receipts, 1);
    assert_int_equal(sender->refusals, 3);
    assert_int_equal(sender->refused, E_GAP);
    assert_int_equal(sender->expected, 2);
    assert_int_equal(core_counter(f->core, COUNTER_BATCHES_VOIDED), 3);
    agent_publish(sender, 2, 3);
    core_fixture_settle(f);
    assert_int_equal(sender->receipts, 2);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_memory_equal(
            agent_got(&f->agents[CAMDEN], WHAT_EVENT, i)->event, sender->own[i].id, 16);
    }
}

static void verification__that_is_slow__holds_back_judging_and_nobodys_receipt(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *slow = &f->agents[ISLINGTON];
    struct fake_agent *quick = &f->agents[LEEDS];

    (void)agent_write(slow, to_camden);
    (void)agent_write(quick, to_camden);
    agent_publish(slow, 0, 1);
    agent_publish(quick, 0, 1);
    core_fixture_verify_one(f, 1);
    while (core_fixture_commit(f)) {
    }
    core_fixture_listen(f);
    assert_int_equal(quick->receipts, 1);
    assert_int_equal(slow->receipts, 0);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 0);
    core_fixture_settle(f);
    assert_string_equal(agent_got(&f->agents[CAMDEN], WHAT_EVENT, 0)->sender, CODE_ISLINGTON);
    assert_string_equal(agent_got(&f->agents[CAMDEN], WHAT_EVENT, 1)->sender, CODE_LEEDS);
}

/* They have an event that they can acknowledge. */
static void islington_delivers(struct core_fixture *f, const char *const *to)
{
    (void)agent_write(&f->agents[ISLINGTON], to);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_verify(f);
    while (core_fixture_commit(f)) {
    }
    core_fixture_listen(f);
    assert_int_equal(f->job_count, 0);
}

static void leeds_publishes(struct core_fixture *f)
{
    (void)agent_write(&f->agents[LEEDS], to_camden);
    agent_publish(&f->agents[LEEDS], 0, 1);
}

/* Camden acknowledges what it has while a batch of Leeds is being checked. */
static void camden_acknowledges_behind_a_batch(struct core_fixture *f)
{
    islington_delivers(f, to_camden);
    leeds_publishes(f);
    agent_acknowledge(&f->agents[CAMDEN]);
}

static void acknowledgement__while_a_batch_is_checked__is_checked_behind_it(void **state)
{
    struct core_fixture *f = *state;

    camden_acknowledges_behind_a_batch(f);
    assert_int_equal(f->job_count, 1);
    assert_true(f->jobs[0]->is_batch);
    core_fixture_verify_one(f, 0);
    assert_int_equal(f->job_count, 1);
    assert_false(f->jobs[0]->is_batch);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].own[0].persisted, 1);
}

static void acknowledgement__behind_batches_without_end__waits_no_longer_than_it_may(void **state)
{
    struct core_fixture *f = *state;

    camden_acknowledges_behind_a_batch(f);
    core_fixture_pass(f, ACK_CHECK_WAIT_MS - 1);
    leeds_publishes(f);
    assert_int_equal(f->job_count, 2);
    core_fixture_pass(f, 1);
    leeds_publishes(f);
    assert_int_equal(f->job_count, 4);
    assert_false(f->jobs[3]->is_batch);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].own[0].persisted, 1);
}

static void acknowledgements__of_two_at_once__are_checked_one_by_one(void **state)
{
    static const char *const to_both[] = {CODE_CAMDEN, CODE_LEEDS, NULL};
    struct core_fixture *f = *state;

    islington_delivers(f, to_both);
    agent_acknowledge(&f->agents[CAMDEN]);
    agent_acknowledge(&f->agents[LEEDS]);
    assert_int_equal(f->job_count, 1);
    core_fixture_verify_one(f, 0);
    assert_int_equal(f->job_count, 1);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].own[0].persisted, 2);
}

static void broker__that_ends_while_an_acknowledgement_waits__gets_it_again(void **state)
{
    struct core_fixture *f = *state;

    camden_acknowledges_behind_a_batch(f);
    core_fixture_restart(f);
    core_fixture_hello(f);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].own[0].persisted, 1);
}

static void hub__of_a_region__sees_its_events_without_payload_and_no_others(void **state)
{
    struct core_fixture *f = *state;
    static const char *const to_barnsley[] = {CODE_BARNSLEY_NEW, NULL};

    (void)agent_write_payload(&f->agents[ISLINGTON], to_camden, "ciphertext");
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    (void)agent_write_payload(&f->agents[LEEDS], to_barnsley, "ciphertext");
    agent_publish(&f->agents[LEEDS], 0, 1);
    core_fixture_settle(f);
    assert_int_equal(agent_count(&f->agents[HUB], WHAT_EVENT), 1);
    const struct got *seen = agent_got(&f->agents[HUB], WHAT_EVENT, 0);
    assert_string_equal(seen->sender, CODE_ISLINGTON);
    assert_false(seen->payload);
    assert_int_equal(seen->payload_absent, 1);
    assert_int_equal(agent_count(&f->agents[HUB], WHAT_ACK), 1);
}

static void event__to_its_own_sender_alone__is_delivered_to_nobody(void **state)
{
    struct core_fixture *f = *state;
    static const char *const to_itself[] = {CODE_ISLINGTON, NULL};

    (void)agent_write(&f->agents[ISLINGTON], to_itself);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].receipts, 1);
    assert_int_equal(agent_count(&f->agents[ISLINGTON], WHAT_EVENT), 0);
}

static void code__that_was_superseded__leads_to_its_successor_and_says_so(void **state)
{
    struct core_fixture *f = *state;
    static const char *const to_old[] = {CODE_BARNSLEY, NULL};

    (void)agent_write(&f->agents[ISLINGTON], to_old);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_settle(f);
    const struct got *told = agent_got(&f->agents[ISLINGTON], WHAT_RECORD, 0);
    assert_int_equal(told->kind, WAYPOST__SYSTEM_KIND__CODE_SUPERSEDED);
    assert_string_equal(told->code, CODE_BARNSLEY);
    assert_string_equal(told->successor, CODE_BARNSLEY_NEW);
    assert_int_equal(agent_count(&f->agents[HUB], WHAT_RECORD), 1);
}

static void code__that_was_split_or_is_unknown__comes_back_with_the_choice(void **state)
{
    struct core_fixture *f = *state;
    static const char *const to_split[] = {CODE_SURREY, CODE_CAMDEN, NULL};
    static const char *const to_unknown[] = {"E06000099", NULL};

    (void)agent_write(&f->agents[ISLINGTON], to_split);
    (void)agent_write(&f->agents[ISLINGTON], to_unknown);
    agent_publish(&f->agents[ISLINGTON], 0, 2);
    core_fixture_settle(f);
    const struct got *split = agent_got(&f->agents[ISLINGTON], WHAT_RECORD, 0);
    const struct got *unknown = agent_got(&f->agents[ISLINGTON], WHAT_RECORD, 1);
    assert_int_equal(split->kind, WAYPOST__SYSTEM_KIND__RETURNED_TO_SENDER);
    assert_string_equal(split->code, CODE_SURREY);
    assert_string_equal(split->successor, CODE_CAMDEN);
    assert_memory_equal(split->event, f->agents[ISLINGTON].own[0].id, 16);
    assert_int_equal(unknown->kind, WAYPOST__SYSTEM_KIND__RETURNED_TO_SENDER);
    assert_string_equal(unknown->code, "E06000099");
    assert_int_equal(
        agent_count(&f->agents[CAMDEN], WHAT_EVENT), 1); /* the other recipient has it */
    assert_int_equal(f->agents[ISLINGTON].receipts, 1);
}

static void fault__of_a_recipient__is_told_and_is_no_acknowledgement(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_verify(f);
    assert_true(core_fixture_commit(f));
    core_fixture_listen(f);
    agent_acknowledge_fault(receiver, 1, E_OPEN);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].own[0].faults, 1);
    assert_int_equal(f->agents[ISLINGTON].own[0].persisted, 0);
    assert_int_equal(receiver->acked, 1);
}

static void opening__of_a_persisted_event__is_told_once(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];
    struct own_event *own;

    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_settle(f);
    own = &f->agents[ISLINGTON].own[0];
    core_fixture_restart(f);
    agent_hello(receiver);
    agent_hello(&f->agents[ISLINGTON]);
    core_fixture_settle(f);
    agent_open(receiver, own->id);
    core_fixture_settle(f);
    assert_int_equal(own->opened, 1);
    agent_open(receiver, own->id);
    core_fixture_settle(f);
    assert_int_equal(own->opened, 1);
    agent_open(&f->agents[CAMDEN], f->agents[ISLINGTON].last_id);
    assert_int_equal(core_counter(f->core, COUNTER_OPENINGS_UNKNOWN), 0);
}

static void opening__by_somebody_else__is_not_told(void **state)
{
    struct core_fixture *f = *state;

    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_settle(f);
    agent_open(&f->agents[LEEDS], f->agents[ISLINGTON].own[0].id);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].own[0].opened, 0);
    assert_int_equal(core_counter(f->core, COUNTER_OPENINGS_UNKNOWN), 1);
}

static void credit__of_a_recipient__bounds_what_is_in_flight(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    receiver->credit_events = 3;
    agent_hello(receiver);
    core_fixture_settle(f);
    write_many(&f->agents[ISLINGTON], to_camden, 8);
    agent_publish(&f->agents[ISLINGTON], 0, 8);
    core_fixture_verify(f);
    while (core_fixture_commit(f)) {
    }
    core_fixture_listen(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 3);
    agent_acknowledge(receiver);
    core_fixture_verify(f);
    assert_true(core_fixture_commit(f));
    core_fixture_listen(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 6);
    core_fixture_settle(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 8);
}

static void credit__in_bytes__lets_one_entry_of_any_size_go(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    receiver->credit_bytes = 1;
    agent_hello(receiver);
    core_fixture_settle(f);
    write_many(&f->agents[ISLINGTON], to_camden, 3);
    agent_publish(&f->agents[ISLINGTON], 0, 3);
    core_fixture_verify(f);
    while (core_fixture_commit(f)) {
    }
    core_fixture_listen(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 1);
    core_fixture_settle(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 3);
}

/* More waits than the broker keeps in memory: it is read in several passes, and all of it goes out at once. */
static void backlog__above_what_is_kept_in_memory__goes_out_whole_and_in_order(void **state)
{
    enum { MANY = 30, EACH = 400000 };
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    struct fake_agent *receiver = &f->agents[CAMDEN];
    char *payload = mem_new(EACH + 1, 1);

    memset(payload, 'x', EACH);
    core_fixture_restart(f);
    agent_hello(sender);
    core_fixture_settle(f);
    for (unsigned i = 0; i < MANY; i++) {
        (void)agent_write_payload(sender, to_camden, payload);
        agent_publish(sender, 0, 1);
        core_fixture_settle(f);
    }
    receiver->credit_bytes = 2 * MANY * EACH;
    agent_hello(receiver);
    core_fixture_listen(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), MANY);
    for (unsigned i = 0; i < MANY; i++) {
        assert_memory_equal(
            agent_got(receiver, WHAT_EVENT, i)->event, sender->own[i].id, UUID_BYTES);
    }
    core_fixture_settle(f);
    free(payload);
}

/* The same for two at once: a batch is read for the first, and sent to the second as well while it is there. */
static void backlog__of_several_recipients__is_read_once(void **state)
{
    enum { MANY = 60, EACH = 400000 };
    static const char *const to_both[] = {CODE_CAMDEN, CODE_LEEDS, NULL};
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    char *payload = mem_new(EACH + 1, 1);

    memset(payload, 'x', EACH);
    f->options.credit_bytes = 2 * MANY * EACH;
    core_fixture_restart(f);
    f->agents[CAMDEN].credit_bytes = f->agents[LEEDS].credit_bytes = 2 * MANY * EACH;
    core_fixture_hello(f);
    for (unsigned i = 0; i < MANY; i++) { /* checked, judged and durable together */
        (void)agent_write_payload(sender, to_both, payload);
        agent_publish(sender, 0, 1);
    }
    while (core_fixture_commit(f)) {
    }
    core_fixture_verify(f);
    f->base.faults.bytes_read = 0;
    while (core_fixture_commit(f)) {
    }
    core_fixture_listen(f);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), MANY);
    assert_int_equal(agent_count(&f->agents[LEEDS], WHAT_EVENT), MANY);
    assert_in_range(
        f->base.faults.bytes_read, 1, 2 * MANY * EACH); /* reads run ahead of what they want */
    core_fixture_settle(f);
    free(payload);
}

#define CORE_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, core_fixture_setup, core_fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CORE_TEST(event__from_publish_to_the_senders_acknowledgement__goes_its_way),
        CORE_TEST(payload__wrapped_to_two_keys_of_the_recipient__comes_with_both),
        CORE_TEST(receipt__before_the_commit__does_not_leave),
        CORE_TEST(receipt__of_what_came_while_a_commit_was_written__waits_for_the_next),
        CORE_TEST(receipt__before_the_verification__does_not_leave),
        CORE_TEST(delivery__before_its_judged_record_is_durable__does_not_leave),
        CORE_TEST(acked__before_its_record_is_durable__does_not_leave),
        CORE_TEST(batch__with_a_bad_signature__is_voided_and_delivered_to_nobody),
        CORE_TEST(batch__refused_for_its_signature__takes_those_after_it_along),
        CORE_TEST(verification__that_is_slow__holds_back_judging_and_nobodys_receipt),
        CORE_TEST(acknowledgement__while_a_batch_is_checked__is_checked_behind_it),
        CORE_TEST(acknowledgement__behind_batches_without_end__waits_no_longer_than_it_may),
        CORE_TEST(acknowledgements__of_two_at_once__are_checked_one_by_one),
        CORE_TEST(broker__that_ends_while_an_acknowledgement_waits__gets_it_again),
        CORE_TEST(hub__of_a_region__sees_its_events_without_payload_and_no_others),
        CORE_TEST(event__to_its_own_sender_alone__is_delivered_to_nobody),
        CORE_TEST(code__that_was_superseded__leads_to_its_successor_and_says_so),
        CORE_TEST(code__that_was_split_or_is_unknown__comes_back_with_the_choice),
        CORE_TEST(fault__of_a_recipient__is_told_and_is_no_acknowledgement),
        CORE_TEST(opening__of_a_persisted_event__is_told_once),
        CORE_TEST(opening__by_somebody_else__is_not_told),
        CORE_TEST(credit__of_a_recipient__bounds_what_is_in_flight),
        CORE_TEST(credit__in_bytes__lets_one_entry_of_any_size_go),
        CORE_TEST(backlog__of_several_recipients__is_read_once),
        CORE_TEST(backlog__above_what_is_kept_in_memory__goes_out_whole_and_in_order),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
