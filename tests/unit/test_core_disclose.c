/* Tests of broker/core/disclose.c: what an authority records for itself reaches the other party with the next event about
 * the same child that is addressed to it (D49), once, in clear facts only, and over every restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/core_internal.h"
#include "common/base/log.h"
#include "tests/support/core_fixture.h"

#include "common/base/banned.h"

#define WHAT_EVENT WAYPOST__ENTRY__WHAT_EVENT
#define KIND(name) WAYPOST__SYSTEM_KIND__##name

enum { FACTS_ONLY = 1 };

static const char *const to_islington[] = {CODE_ISLINGTON, NULL};
static const char *const to_camden[] = {CODE_CAMDEN, NULL};
static const char *const to_leeds[] = {CODE_LEEDS, NULL};

/* Two children of one move from Islington to Camden. */
static const struct fake_case ash = {CODE_ISLINGTON, CODE_CAMDEN, {7}, {1}, NULL};
static const struct fake_case elm = {CODE_ISLINGTON, CODE_CAMDEN, {7}, {2}, NULL};

static void write_enquiry(struct core_fixture *f, int who, const struct fake_case *about)
{
    static const char *const *const themselves[] = {to_islington, to_camden, to_leeds};

    (void)agent_write_kind(&f->agents[who], about, "s47_opened", "", themselves[who]);
}

static void write_update(
    struct core_fixture *f, int who, const struct fake_case *about, const char *const *to)
{
    (void)agent_write_kind(&f->agents[who], about, "move_updated", "permanence=permanent", to);
}

static void publish(struct core_fixture *f, int who, uint32_t count)
{
    agent_publish(&f->agents[who], 0, count);
    core_fixture_settle(f);
}

static void record_enquiry(struct core_fixture *f)
{
    write_enquiry(f, ISLINGTON, &ash);
    publish(f, ISLINGTON, 1);
}

static void tell(struct core_fixture *f, const struct fake_case *about, const char *const *to)
{
    write_update(f, ISLINGTON, about, to);
    publish(f, ISLINGTON, 1);
}

static size_t events(const struct core_fixture *f, int who)
{
    return agent_count(&f->agents[who], WHAT_EVENT);
}

static void enquiry__recorded_for_oneself__comes_with_the_next_event_in_clear_facts(void **state)
{
    struct core_fixture *f = *state;

    struct fake_case sealed = ash;

    sealed.payload = "sealed-to-ourselves";
    write_enquiry(f, ISLINGTON, &sealed);
    publish(f, ISLINGTON, 1);
    assert_int_equal(events(f, CAMDEN), 0);
    assert_int_equal(events(f, HUB), 1);
    tell(f, &ash, to_camden);
    assert_int_equal(events(f, CAMDEN), 2);
    const struct got *told = agent_got(&f->agents[CAMDEN], WHAT_EVENT, 1);
    assert_false(told->payload);
    assert_int_equal(told->payload_absent, FACTS_ONLY);
    assert_memory_equal(told->event, f->agents[ISLINGTON].own[0].id, UUID_BYTES);
    assert_int_equal(core_counter(f->core, COUNTER_EVENTS_DISCLOSED), 1);
    assert_int_equal(f->core->undisclosed_count, 0);
}

static void enquiry__that_was_told__is_not_told_again_and_nobody_else_learns_of_it(void **state)
{
    struct core_fixture *f = *state;

    record_enquiry(f);
    tell(f, &ash, to_leeds); /* who is no party */
    assert_int_equal(events(f, LEEDS), 1);
    tell(f, &elm, to_camden); /* about another child */
    assert_int_equal(events(f, CAMDEN), 1);
    tell(f, &ash, to_camden);
    assert_int_equal(events(f, CAMDEN), 3);
    tell(f, &ash, to_camden);
    assert_int_equal(events(f, CAMDEN), 4);
    assert_int_equal(events(f, LEEDS), 1);
    assert_int_equal(events(f, HUB), 5);
}

static void enquiry__of_a_third_authority__reaches_each_party_with_its_own_event(void **state)
{
    struct core_fixture *f = *state;

    write_enquiry(f, LEEDS, &ash);
    publish(f, LEEDS, 1);
    tell(f, &ash, to_camden);
    assert_int_equal(events(f, CAMDEN), 2);
    assert_int_equal(events(f, ISLINGTON), 0);
    write_update(f, CAMDEN, &ash, to_islington);
    publish(f, CAMDEN, 1);
    assert_int_equal(events(f, ISLINGTON), 2);
}

static void enquiries__in_the_batch_of_what_brings_them__come_in_their_order(void **state)
{
    struct core_fixture *f = *state;

    write_enquiry(f, ISLINGTON, &ash);
    write_update(f, ISLINGTON, &ash, to_camden);
    write_enquiry(f, ISLINGTON, &ash);
    publish(f, ISLINGTON, 3);
    assert_int_equal(events(f, CAMDEN), 3);
    for (size_t i = 0; i < 2; i++) {
        assert_memory_equal(agent_got(&f->agents[CAMDEN], WHAT_EVENT, i + 1)->event,
            f->agents[ISLINGTON].own[2 * i].id, UUID_BYTES);
    }
}

static void enquiry__told__counts_as_no_receipt(void **state)
{
    struct core_fixture *f = *state;

    record_enquiry(f);
    tell(f, &ash, to_camden);
    assert_int_equal(agent_count(&f->agents[ISLINGTON], WAYPOST__ENTRY__WHAT_ACK), 1);
}

static const Waypost__Operated *trace(struct core_fixture *f, const uint8_t *event)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Operate operate = WAYPOST__OPERATE__INIT;

    operate.request = 1;
    operate.operation = WAYPOST__OPERATION__TRACE;
    operate.has_event = true;
    operate.event = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)event};
    frame.body_case = WAYPOST__FRAME__BODY_OPERATE;
    frame.operate = &operate;
    agent_say(&f->agents[OPERATOR], &frame);
    return core_fixture_find(f, &f->agents[OPERATOR], WAYPOST__FRAME__BODY_OPERATED)->operated;
}

static void enquiry__traced__says_when_and_to_whom_it_was_disclosed(void **state)
{
    struct core_fixture *f = *state;

    record_enquiry(f);
    assert_int_equal(trace(f, f->agents[ISLINGTON].own[0].id)->n_trace, 2); /* accepted, judged */
    core_fixture_listen(f);
    tell(f, &ash, to_camden);
    const Waypost__Operated *answer = trace(f, f->agents[ISLINGTON].own[0].id);
    assert_int_equal(answer->n_trace, 3);
    assert_string_equal(answer->trace[2]->step, "disclosed");
    assert_string_equal(answer->trace[2]->agent, CODE_CAMDEN);
}

static bool is_told_of_breach(const struct fake_agent *agent, const char *clock)
{
    bool told = false;

    for (size_t i = 0; i < agent->log_count; i++) {
        told |= agent->log[i].kind == KIND(DEADLINE_BREACHED) &&
            strcmp(agent->log[i].clock, clock) == 0;
    }
    return told;
}

/* Deadlines that it set are not said before it is. */
static void clocks__of_what_a_party_does_not_know__are_not_told_to_it(void **state)
{
    struct core_fixture *f = *state;

    core_fixture_procedures(f, "data");
    record_enquiry(f); /* starts C19 */
    assert_true(agent_records(&f->agents[ISLINGTON], KIND(DEADLINE_SET)) > 0);
    assert_true(agent_records(&f->agents[HUB], KIND(DEADLINE_SET)) > 0);
    assert_int_equal(agent_records(&f->agents[CAMDEN], KIND(DEADLINE_SET)), 0);
    tell(f, &ash, to_camden);
    core_fixture_pass(f, INT64_C(60) * 86400000);
    core_fixture_hello(f); /* nobody was heard of for so long */
    assert_true(is_told_of_breach(&f->agents[CAMDEN], "C19"));
}

static void state_is_kept(struct core_fixture *f)
{
    struct buf before = {0};
    struct buf after = {0};

    core_fixture_state(f, &before);
    core_fixture_restart(f);
    core_fixture_state(f, &after);
    assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
    buf_free(&before);
    buf_free(&after);
    core_fixture_hello(f);
}

static void enquiry__over_a_restart__is_told_once(void **state)
{
    struct core_fixture *f = *state;

    record_enquiry(f);
    state_is_kept(f);
    assert_int_equal(f->core->undisclosed_count, 1);
    tell(f, &ash, to_camden);
    assert_int_equal(events(f, CAMDEN), 2);
    state_is_kept(f);
    tell(f, &ash, to_camden);
    assert_int_equal(events(f, CAMDEN), 3);
}

static void snapshot__with_what_is_not_told__is_the_state(void **state)
{
    struct core_fixture *f = *state;

    record_enquiry(f);
    write_enquiry(f, LEEDS, &ash);
    publish(f, LEEDS, 1);
    tell(f, &ash, to_camden); /* one is told to all, the other to one of two */
    core_fixture_snapshot(f);
    state_is_kept(f);
    assert_int_equal(f->core->undisclosed_count, 1);
    write_update(f, CAMDEN, &ash, to_islington);
    publish(f, CAMDEN, 1);
    assert_int_equal(events(f, ISLINGTON), 2);
}

/* It waits for a code that nobody serves, and goes with what brought it to whoever does then. */
static void told__and_the_code_moves__goes_to_who_serves_it_now(void **state)
{
    static const char *const to_nobody[] = {CODE_NOBODY, NULL};
    struct core_fixture *f = *state;
    struct fake_case about = ash;

    about.receiving = CODE_NOBODY;
    write_enquiry(f, ISLINGTON, &about);
    write_update(f, ISLINGTON, &about, to_nobody);
    publish(f, ISLINGTON, 2);
    assert_int_equal(f->core->undisclosed_count, 0);
    f->agents[LEEDS].acts_for = CODE_NOBODY;
    assert_int_equal(core_fixture_register(f, NULL), 0);
    core_fixture_settle(f);
    agent_hello(&f->agents[LEEDS]);
    core_fixture_settle(f);
    assert_int_equal(events(f, LEEDS), 2);
}

int main(void)
{
#define CORE_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, core_fixture_setup, core_fixture_teardown)
    const struct CMUnitTest tests[] = {
        CORE_TEST(enquiry__recorded_for_oneself__comes_with_the_next_event_in_clear_facts),
        CORE_TEST(enquiry__that_was_told__is_not_told_again_and_nobody_else_learns_of_it),
        CORE_TEST(enquiry__of_a_third_authority__reaches_each_party_with_its_own_event),
        CORE_TEST(enquiries__in_the_batch_of_what_brings_them__come_in_their_order),
        CORE_TEST(enquiry__told__counts_as_no_receipt),
        CORE_TEST(enquiry__traced__says_when_and_to_whom_it_was_disclosed),
        CORE_TEST(clocks__of_what_a_party_does_not_know__are_not_told_to_it),
        CORE_TEST(enquiry__over_a_restart__is_told_once),
        CORE_TEST(snapshot__with_what_is_not_told__is_the_state),
        CORE_TEST(told__and_the_code_moves__goes_to_who_serves_it_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
