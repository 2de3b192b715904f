/* Numbered streams: running hashes, resending, holding, and what a new register does to them. */
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
#define WHAT_HELD WAYPOST__ENTRY__WHAT_HELD
#define WHAT_ACK WAYPOST__ENTRY__WHAT_ACK

static const char *const to_camden[] = {CODE_CAMDEN, NULL};

static void write_many(struct fake_agent *agent, const char *const *to, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)agent_write(agent, to);
    }
}

static const char *const to_nobody[] = {CODE_NOBODY, NULL};

static void commit_all(struct core_fixture *f)
{
    do {
        core_fixture_verify(f);
    } while (core_fixture_commit(f));
    core_fixture_listen(f);
}

static void send_some(struct core_fixture *f, const char *const *to, unsigned count)
{
    write_many(&f->agents[ISLINGTON], to, count);
    agent_publish(&f->agents[ISLINGTON], 0, count);
    commit_all(f);
}

static const char *replay_detail; /* of NOTE_REPLAY */

static int operate(struct core_fixture *f, int agent, Waypost__Operation what, const uint8_t *event)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Operate operate = WAYPOST__OPERATE__INIT;

    f->agents[agent].refused = 0;
    operate.request = 1;
    operate.operation = what;
    operate.detail = (char *)(uintptr_t)replay_detail;
    operate.has_event = event != NULL;
    operate.event = (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)event};
    frame.body_case = WAYPOST__FRAME__BODY_OPERATE;
    frame.operate = &operate;
    agent_say(&f->agents[agent], &frame);
    const Waypost__Frame *refused =
        core_fixture_find(f, &f->agents[agent], WAYPOST__FRAME__BODY_REFUSED);
    return refused == NULL ? 0 : -(int)refused->refused->code;
}

static void replay__noted__is_a_record_of_an_operator_alone(void **state)
{
    struct core_fixture *f = *state;
    char long_one[202];

    memset(long_one, 'x', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    const char *bad[] = {NULL, "kind=refused\n", "\x1b[2J", "caf\xc3\xa9", long_one};
    uint64_t size = journal_size(f->base.journal);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        replay_detail = bad[i];
        assert_int_equal(operate(f, OPERATOR, WAYPOST__OPERATION__NOTE_REPLAY, NULL), E_RANGE);
    }
    replay_detail = "kind=refused";
    assert_int_equal(operate(f, ISLINGTON, WAYPOST__OPERATION__NOTE_REPLAY, NULL), E_NOT_ALLOWED);
    assert_int_equal(journal_size(f->base.journal), size);
    core_fixture_listen(f);
    assert_int_equal(operate(f, OPERATOR, WAYPOST__OPERATION__NOTE_REPLAY, NULL), 0);
    assert_int_equal(journal_size(f->base.journal), size + 1);
    assert_null(core_fixture_find(f, &f->agents[OPERATOR], WAYPOST__FRAME__BODY_OPERATED));
    assert_true(core_fixture_commit(f)); /* answered when it is durable */
    assert_non_null(core_fixture_find(f, &f->agents[OPERATOR], WAYPOST__FRAME__BODY_OPERATED));
    replay_detail = NULL;
}

static void acknowledgement__with_another_running_hash__is_refused(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    send_some(f, to_camden, 2);
    agent_acknowledge_wrong(receiver);
    commit_all(f);
    assert_int_equal(receiver->refused, E_CONFLICT);
    assert_int_equal(receiver->acked, 0);
    assert_int_equal(f->agents[ISLINGTON].own[0].persisted, 0);
    agent_hello(receiver);
    commit_all(f);
    assert_true(receiver->welcome_diverged);
    agent_acknowledge(receiver);
    commit_all(f);
    assert_int_equal(receiver->acked, 2);
}

static void expect_refused_once(struct core_fixture *f, struct fake_agent *receiver, int code)
{
    receiver->refused = 0;
    uint64_t size = journal_size(f->base.journal);
    agent_acknowledge(receiver);
    commit_all(f);
    assert_int_equal(receiver->refused, code);
    assert_int_equal(journal_size(f->base.journal), size);
    receiver->names_off = 0;
    receiver->names_wrong = false;
}

static void acknowledgement__naming_other_entries_than_were_sent__is_refused(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    send_some(f, to_camden, 1);
    agent_acknowledge(receiver);
    commit_all(f);
    send_some(f, to_camden, 2);
    receiver->names_off = -1; /* acknowledged and gone: it cannot be proven any more */
    expect_refused_once(f, receiver, E_CONFLICT);
    receiver->names_off = 1; /* what lies between would be named by nothing */
    expect_refused_once(f, receiver, E_CONFLICT);
    receiver->names_off = 5;
    expect_refused_once(f, receiver, E_RANGE);
    receiver->names_wrong = true;
    expect_refused_once(f, receiver, E_CONFLICT);
    agent_hello(receiver);
    commit_all(f);
    assert_false(receiver->welcome_diverged);
    agent_acknowledge(receiver);
    commit_all(f);
    assert_int_equal(receiver->acked, 3);
}

/* The fixture's agents believe an acknowledgement only as far as it proves itself. */
static void acknowledgement__of_two_senders_in_turn__proves_to_each_its_own(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];
    enum { ROUNDS = 6 };

    for (int i = 0; i < ROUNDS; i++) {
        send_some(f, to_camden, 1 + (unsigned)i % 3);
        (void)agent_write(&f->agents[LEEDS], to_camden);
        agent_publish(&f->agents[LEEDS], 0, 1);
        commit_all(f);
    }
    agent_acknowledge(receiver);
    commit_all(f);
    for (size_t i = 0; i < f->agents[ISLINGTON].own_count; i++) {
        assert_int_equal(f->agents[ISLINGTON].own[i].persisted, 1);
    }
    for (size_t i = 0; i < ROUNDS; i++) {
        assert_int_equal(f->agents[LEEDS].own[i].persisted, 1);
    }
}

/* What was worked out then stands in the journal. */
static void acknowledgement__told_after_a_restart__proves_itself_as_before(void **state)
{
    struct core_fixture *f = *state;

    send_some(f, to_camden, 3);
    agent_acknowledge(&f->agents[CAMDEN]);
    core_fixture_verify(f);
    (void)core_fixture_commit(f);
    core_fixture_crash(f, 0);
    core_fixture_hello(f);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(f->agents[ISLINGTON].own[i].persisted, 1);
    }
}

static void acknowledgement__of_an_older_agent__is_told_without_a_proof(void **state)
{
    struct core_fixture *f = *state;

    f->agents[CAMDEN].names_nothing = true;
    send_some(f, to_camden, 2);
    agent_acknowledge(&f->agents[CAMDEN]);
    commit_all(f);
    assert_int_equal(f->agents[ISLINGTON].own[1].persisted, 1);
}

static void acknowledgement__with_a_bad_signature__changes_nothing(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    send_some(f, to_camden, 1);
    uint64_t size = journal_size(f->base.journal);
    receiver->keys.sign_secret[0] ^= 1;
    agent_acknowledge(receiver);
    commit_all(f);
    assert_int_equal(receiver->refused, E_SIGNATURE);
    assert_int_equal(receiver->acked, 0);
    assert_int_equal(journal_size(f->base.journal), size);
}

static void acknowledgement__seen_before__is_answered_with_what_is_on_record(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    send_some(f, to_camden, 1);
    agent_acknowledge(receiver);
    commit_all(f);
    uint64_t size = journal_size(f->base.journal);
    receiver->counter--;
    agent_acknowledge(receiver);
    commit_all(f);
    assert_int_equal(receiver->refused, 0);
    assert_int_equal(core_counter(f->core, COUNTER_ACKS_REPEATED), 1);
    assert_int_equal(journal_size(f->base.journal), size);
}

static void acknowledgements__sent_without_waiting__are_taken_in_order(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    send_some(f, to_camden, 1);
    agent_acknowledge(receiver);
    send_some(f, to_camden, 0 + 2);
    agent_acknowledge(receiver);
    core_fixture_verify(f);
    commit_all(f);
    assert_int_equal(receiver->acked, 3);
    assert_int_equal(receiver->refused, 0);
}

static void resend__from_a_number__sends_from_there_and_not_below_what_is_acknowledged(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Resend resend = WAYPOST__RESEND__INIT;

    send_some(f, to_camden, 2);
    agent_acknowledge(receiver);
    commit_all(f);
    send_some(f, to_camden, 3);
    resend.stream_epoch = receiver->epoch;
    resend.from = 4;
    frame.body_case = WAYPOST__FRAME__BODY_RESEND;
    frame.resend = &resend;
    agent_say(receiver, &frame);
    const Waypost__Frame *again = core_fixture_find(f, receiver, WAYPOST__FRAME__BODY_DELIVER);
    assert_non_null(again);
    assert_int_equal(again->deliver->first, 4);
    assert_int_equal(again->deliver->n_entries, 2);
    resend.from = 2;
    agent_say(receiver, &frame);
    core_fixture_listen(f);
    assert_int_equal(receiver->refused, E_RANGE);
    agent_acknowledge(receiver);
    commit_all(f);
    assert_int_equal(receiver->acked, 5);
}

static void hello__that_proves_what_it_holds__gets_only_what_follows(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    send_some(f, to_camden, 3);
    core_fixture_restart(f);
    agent_hello(receiver);
    commit_all(f);
    assert_false(receiver->welcome_diverged);
    agent_hello(&f->agents[ISLINGTON]);
    commit_all(f);
    write_many(&f->agents[ISLINGTON], to_camden, 1);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_verify(f);
    while (core_fixture_commit(f)) {
    }
    const Waypost__Frame *next = core_fixture_find(f, receiver, WAYPOST__FRAME__BODY_DELIVER);
    assert_int_equal(next->deliver->first, 4);
    core_fixture_settle(f);
    assert_int_equal(receiver->acked, 4);
}

static void hold__of_an_unsent_event__keeps_its_place_and_release_sends_it_at_the_end(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];
    const struct own_event *own;

    f->unreachable = receiver->session;
    receiver->welcomed = false;
    send_some(f, to_camden, 3);
    own = f->agents[ISLINGTON].own;
    assert_int_equal(operate(f, OPERATOR, WAYPOST__OPERATION__HOLD, own[1].id), 0);
    assert_null(core_fixture_find(f, &f->agents[OPERATOR], WAYPOST__FRAME__BODY_OPERATED));
    assert_true(core_fixture_commit(f)); /* answered when it is on disk */
    assert_non_null(core_fixture_find(f, &f->agents[OPERATOR], WAYPOST__FRAME__BODY_OPERATED));
    core_fixture_crash(f, 0);
    for (size_t i = 0; i < f->agent_count; i++) {
        agent_hello(&f->agents[i]);
    }
    core_fixture_settle(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 2);
    assert_memory_equal(agent_got(receiver, WHAT_HELD, 0)->event, own[1].id, 16);
    assert_int_equal(agent_got(receiver, WHAT_HELD, 0)->number, 2);
    assert_int_equal(
        agent_got(&f->agents[ISLINGTON], WHAT_RECORD, 0)->kind, WAYPOST__SYSTEM_KIND__EVENT_HELD);
    assert_int_equal(operate(f, OPERATOR, WAYPOST__OPERATION__RELEASE, own[1].id), 0);
    core_fixture_settle(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 3);
    assert_memory_equal(agent_got(receiver, WHAT_EVENT, 2)->event, own[1].id, 16);
    assert_int_equal(agent_got(receiver, WHAT_EVENT, 2)->number, 4);
    assert_int_equal(f->agents[ISLINGTON].own[1].persisted, 1);
    assert_int_equal(operate(f, OPERATOR, WAYPOST__OPERATION__RELEASE, own[1].id), E_NOT_FOUND);
}

static void hold__of_a_sent_event_or_by_somebody_else__is_refused(void **state)
{
    struct core_fixture *f = *state;
    const uint8_t *event;

    send_some(f, to_camden, 1);
    event = f->agents[ISLINGTON].own[0].id;
    assert_int_equal(operate(f, OPERATOR, WAYPOST__OPERATION__HOLD, event), E_STATE);
    assert_int_equal(operate(f, ISLINGTON, WAYPOST__OPERATION__HOLD, event), E_NOT_ALLOWED);
}

static void shape_trace_and_counters__tell_what_is(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *operator= & f->agents[OPERATOR];

    send_some(f, to_nobody, 2);
    f->base.wall_ms += 11 * 60000;
    assert_int_equal(operate(f, OPERATOR, WAYPOST__OPERATION__SHAPE, NULL), 0);
    const Waypost__Frame *answer = core_fixture_find(f, operator, WAYPOST__FRAME__BODY_OPERATED);
    bool seen = false;
    for (size_t i = 0; i < answer->operated->n_shape; i++) {
        const Waypost__ShapeRow *row = answer->operated->shape[i];
        if (strcmp(row->agent, CODE_NOBODY) == 0) {
            seen = true;
            assert_int_equal(row->total, 2);
            assert_int_equal(row->n_by_age, 10);
            assert_int_equal(row->by_age[2], 2);
            assert_false(row->connected);
        }
    }
    assert_true(seen);
    f->base.wall_ms -= 11 * 60000;
    send_some(f, to_camden, 1);
    core_fixture_settle(f);
    assert_int_equal(
        operate(f, OPERATOR, WAYPOST__OPERATION__TRACE, f->agents[ISLINGTON].own[2].id), 0);
    answer = core_fixture_find(f, operator, WAYPOST__FRAME__BODY_OPERATED);
    assert_int_equal(answer->operated->n_trace, 3);
    assert_string_equal(answer->operated->trace[0]->step, "accepted");
    assert_string_equal(answer->operated->trace[1]->step, "judged");
    assert_string_equal(answer->operated->trace[2]->step, "persisted");
    assert_string_equal(answer->operated->trace[2]->agent, CODE_CAMDEN);
    assert_int_equal(operate(f, OPERATOR, WAYPOST__OPERATION__COUNTERS, NULL), 0);
    answer = core_fixture_find(f, operator, WAYPOST__FRAME__BODY_OPERATED);
    assert_int_equal(answer->operated->n_counters, COUNTER_COUNT);
    assert_string_equal(
        answer->operated->counters[COUNTER_EVENTS_ACCEPTED]->name, "events_accepted");
    assert_int_equal(answer->operated->counters[COUNTER_EVENTS_ACCEPTED]->value, 3);
}

static void grant__that_changes__begins_a_new_epoch_with_what_was_not_acknowledged(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];
    uint64_t epoch = receiver->epoch;

    send_some(f, to_camden, 2);
    agent_acknowledge(receiver);
    commit_all(f);
    send_some(f, to_camden, 1);
    send_some(f, to_nobody, 1); /* waits in the stream of its code */
    receiver->acts_for = CODE_NOBODY;
    assert_int_equal(core_fixture_register(f, NULL), 0);
    commit_all(f);
    assert_int_equal(receiver->refused, E_STATE);
    assert_false(receiver->welcomed);
    agent_hello(receiver);
    core_fixture_settle(f);
    assert_int_equal(receiver->epoch, epoch + 1);
    assert_int_equal(receiver->acked, 2);
    const struct got *moved = agent_got(receiver, WHAT_EVENT, 4);
    assert_int_equal(moved->number, 2);
    assert_memory_equal(moved->event, f->agents[ISLINGTON].own[3].id, 16);
    assert_int_equal(f->agents[ISLINGTON].own[3].persisted, 1);
    assert_string_equal(
        agent_got(&f->agents[ISLINGTON], WHAT_ACK, agent_count(&f->agents[ISLINGTON], WHAT_ACK) - 1)
            ->code,
        CODE_NOBODY);
    send_some(f, to_nobody, 1);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].own[4].persisted, 1);
}

static void grant__that_is_withdrawn__takes_its_entries_along(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    receiver->acts_for = CODE_NOBODY;
    assert_int_equal(core_fixture_register(f, NULL), 0);
    commit_all(f);
    send_some(f, to_nobody, 2); /* the agent is away */
    send_some(f, to_camden, 1);
    receiver->acts_for = "";
    assert_int_equal(core_fixture_register(f, NULL), 0);
    commit_all(f);
    agent_hello(receiver);
    core_fixture_settle(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 1);
    assert_memory_equal(
        agent_got(receiver, WHAT_EVENT, 0)->event, f->agents[ISLINGTON].own[2].id, 16);
    receiver->acts_for = CODE_NOBODY; /* and back */
    assert_int_equal(core_fixture_register(f, NULL), 0);
    commit_all(f);
    agent_hello(receiver);
    core_fixture_settle(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 3);
    assert_memory_equal(
        agent_got(receiver, WHAT_EVENT, 1)->event, f->agents[ISLINGTON].own[0].id, 16);
}

static void hub__whose_region_is_withdrawn__does_not_get_what_waited(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *hub = &f->agents[HUB];

    f->unreachable = hub->session;
    hub->welcomed = false;
    send_some(f, to_camden, 2);
    hub->region = "E12000003";
    assert_int_equal(core_fixture_register(f, NULL), 0);
    commit_all(f);
    agent_hello(hub);
    core_fixture_settle(f);
    assert_int_equal(agent_count(hub, WHAT_EVENT), 0);
}

static void agent__that_joins_later__gets_what_waited_for_its_code(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *joined = &f->agents[SPARE];

    send_some(f, to_nobody, 3);
    joined->fixture = f;
    keys_make(&f->base.world, CODE_NOBODY, &joined->keys);
    joined->code = CODE_NOBODY;
    joined->roles = 1U << REGISTER_ROLE_AUTHORITY;
    joined->region = joined->acts_for = "";
    joined->revoked_ms = INT64_MAX;
    joined->credit_events = 64;
    joined->credit_bytes = 65536;
    f->agent_count++;
    assert_int_equal(core_fixture_register(f, NULL), 0);
    commit_all(f);
    agent_hello(joined);
    core_fixture_settle(f);
    assert_int_equal(agent_count(joined, WHAT_EVENT), 3);
    assert_int_equal(f->agents[ISLINGTON].own[2].persisted, 1);
}

static void register__that_cannot_be_taken__leaves_the_old_one_in_force(void **state)
{
    struct core_fixture *f = *state;
    struct complaint why = {0};
    struct buf bytes = {0};

    core_fixture_register_build(f);
    buf_put_slice(&bytes, buf_slice(&f->register_bytes));
    bytes.data[bytes.len / 2] ^= 1;
    assert_true(core_register(f->core, buf_slice(&bytes), NULL, &why) < 0);
    assert_true(why.text[0] != '\0');
    assert_int_equal(register_version(core_register_in_force(f->core)), f->version - 1);
    assert_int_equal(core_register(f->core, buf_slice(&f->register_bytes), NULL, &why), 0);
    commit_all(f);
    assert_int_equal(core_register(f->core, buf_slice(&f->register_bytes), NULL, &why), 0);
    assert_false(core_fixture_commit(f)); /* the same again is nothing new */
    buf_free(&bytes);
}

#define CORE_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, core_fixture_setup, core_fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CORE_TEST(replay__noted__is_a_record_of_an_operator_alone),
        CORE_TEST(acknowledgement__with_another_running_hash__is_refused),
        CORE_TEST(acknowledgement__naming_other_entries_than_were_sent__is_refused),
        CORE_TEST(acknowledgement__of_two_senders_in_turn__proves_to_each_its_own),
        CORE_TEST(acknowledgement__told_after_a_restart__proves_itself_as_before),
        CORE_TEST(acknowledgement__of_an_older_agent__is_told_without_a_proof),
        CORE_TEST(acknowledgement__with_a_bad_signature__changes_nothing),
        CORE_TEST(acknowledgement__seen_before__is_answered_with_what_is_on_record),
        CORE_TEST(acknowledgements__sent_without_waiting__are_taken_in_order),
        CORE_TEST(resend__from_a_number__sends_from_there_and_not_below_what_is_acknowledged),
        CORE_TEST(hello__that_proves_what_it_holds__gets_only_what_follows),
        CORE_TEST(hold__of_an_unsent_event__keeps_its_place_and_release_sends_it_at_the_end),
        CORE_TEST(hold__of_a_sent_event_or_by_somebody_else__is_refused),
        CORE_TEST(shape_trace_and_counters__tell_what_is),
        CORE_TEST(grant__that_changes__begins_a_new_epoch_with_what_was_not_acknowledged),
        CORE_TEST(grant__that_is_withdrawn__takes_its_entries_along),
        CORE_TEST(hub__whose_region_is_withdrawn__does_not_get_what_waited),
        CORE_TEST(agent__that_joins_later__gets_what_waited_for_its_code),
        CORE_TEST(register__that_cannot_be_taken__leaves_the_old_one_in_force),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
