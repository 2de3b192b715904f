/* Who may speak: sessions that are taken over, revoked, silent or hostile, and a broker that stops. */
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

static const char *const to_camden[] = {CODE_CAMDEN, NULL};

static void write_many(struct fake_agent *agent, const char *const *to, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)agent_write(agent, to);
    }
}

static void session__taken_over_from_another_connection__is_told_and_gets_nothing_more(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];
    struct fake_agent older = *receiver; /* a second program with the same key */

    agent_hello(receiver);
    const Waypost__Frame *told = core_fixture_find(f, &older, WAYPOST__FRAME__BODY_REFUSED);
    assert_non_null(told);
    assert_int_equal(told->refused->code, -E_SUPERSEDED);
    core_fixture_settle(f);
    assert_int_equal(core_counter(f->core, COUNTER_SESSIONS_CLONED), 1);
    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_verify(f);
    while (core_fixture_commit(f)) {
    }
    assert_null(core_fixture_find(f, &older, WAYPOST__FRAME__BODY_DELIVER));
    assert_non_null(core_fixture_find(f, receiver, WAYPOST__FRAME__BODY_DELIVER));
}

static void key__that_is_revoked__is_told_at_once_and_ignored_from_then_on(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    sender->revoked_ms = f->base.wall_ms;
    assert_int_equal(core_fixture_register(f, NULL), 0);
    core_fixture_listen(f);
    assert_int_equal(sender->refused, E_REVOKED);
    assert_int_equal(sender->refusals, 1);
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    assert_int_equal(sender->refusals, 1);
    assert_int_equal(sender->receipts, 0);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 0);
    agent_hello(sender);
    core_fixture_listen(f);
    assert_int_equal(sender->refusals, 2);
    assert_false(sender->welcomed);
}

static void hello__in_the_name_of_another__is_refused(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *agent = &f->agents[ISLINGTON];

    agent_hello_as(agent, CODE_CAMDEN, ++f->session_last);
    core_fixture_listen(f);
    assert_int_equal(agent->refused, E_SENDER);
    assert_false(agent->welcomed);
}

static void hello__with_a_key_that_is_not_in_the_register__is_refused(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *agent = &f->agents[ISLINGTON];

    agent->keys.curve_public[0] ^= 1;
    agent_hello(agent);
    core_fixture_listen(f);
    assert_int_equal(agent->refused, E_PRINCIPAL);
}

static void frame__without_an_open_session__is_refused(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *agent = &f->agents[ISLINGTON];

    (void)agent_write(agent, to_camden);
    agent->session = ++f->session_last;
    agent_publish(agent, 0, 1);
    core_fixture_listen(f);
    assert_int_equal(agent->refused, E_SESSION);
}

static void garbage__sent_again_and_again__is_counted_and_then_ignored(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *agent = &f->agents[ISLINGTON];
    uint8_t garbage[100];

    memset(garbage, 0xff, sizeof garbage);
    for (int i = 0; i < 40; i++) {
        core_frame(
            f->core, agent->session, agent->keys.curve_public, slice_of(garbage, sizeof garbage));
    }
    core_fixture_listen(f);
    assert_int_equal(agent->refusals, 16);
    assert_int_equal(core_counter(f->core, COUNTER_SESSIONS_IGNORED), 1);
    assert_int_equal(core_counter(f->core, COUNTER_FRAMES_IGNORED), 24);
}

static void session__that_falls_silent__is_gone_and_keeps_its_entries(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    f->base.mono_ms += f->options.session_ms + 1;
    core_tick(f->core);
    assert_int_equal(core_counter(f->core, COUNTER_SESSIONS_SILENT), f->agent_count);
    agent_hello(&f->agents[ISLINGTON]);
    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    core_fixture_settle(f);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    receiver->welcomed = false;
    core_fixture_settle(f);
    assert_int_equal(receiver->upto, 0);
    agent_hello(receiver);
    core_fixture_settle(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 1);
}

static void connection__that_is_gone_on_sending__loses_its_session_and_nothing_else(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *receiver = &f->agents[CAMDEN];

    f->unreachable = receiver->session;
    receiver->welcomed = false;
    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_settle(f);
    assert_int_equal(core_counter(f->core, COUNTER_SESSIONS_LOST), 1);
    core_tick(f->core);
    agent_hello(receiver);
    core_fixture_settle(f);
    assert_int_equal(agent_count(receiver, WHAT_EVENT), 1);
}

static void broker__that_stops__says_so_and_takes_nothing_new(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    write_many(sender, to_camden, 2);
    agent_publish(sender, 0, 1);
    core_stop(f->core);
    assert_non_null(core_fixture_find(f, sender, WAYPOST__FRAME__BODY_NOTICE));
    assert_true(core_unfinished(f->core));
    agent_publish(sender, 0, 1);
    core_fixture_listen(f);
    assert_int_equal(sender->refused, E_BUSY);
    core_fixture_settle(f);
    assert_int_equal(sender->receipts, 1); /* what was accepted is finished */
    assert_false(core_unfinished(f->core));
    agent_hello(&f->agents[CAMDEN]);
    core_fixture_listen(f);
    assert_int_equal(f->agents[CAMDEN].refused, E_BUSY);
}

static void welcome__speaking_of_a_batch__waits_until_that_is_durable(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    agent_hello(sender);
    core_fixture_listen(f);
    assert_false(sender->welcomed);
    assert_true(core_fixture_commit(f));
    core_fixture_listen(f);
    assert_true(sender->welcomed);
    assert_int_equal(sender->welcome_last, 1);
}

static void head__that_the_agent_has_seen__is_extended_by_the_one_it_gets(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    (void)agent_write(sender, to_camden);
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    agent_hello(sender);
    core_fixture_settle(f);
    assert_true(sender->welcome_extends);
    sender->seen_head.data[40] ^= 1; /* the statement: another head than ours */
    agent_hello(sender);
    core_fixture_settle(f);
    assert_false(sender->welcome_extends);
}

static void query__about_an_authority__tells_whether_anyone_listens(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Query query = WAYPOST__QUERY__INIT;

    f->agents[CAMDEN].welcomed = false;
    f->unreachable = f->agents[CAMDEN].session;
    write_many(sender, to_camden, 2);
    agent_publish(sender, 0, 2);
    core_fixture_settle(f);
    query.request = 7;
    query.code = (char *)(uintptr_t)CODE_CAMDEN;
    frame.body_case = WAYPOST__FRAME__BODY_QUERY;
    frame.query = &query;
    agent_say(sender, &frame);
    const Waypost__Frame *answer = core_fixture_find(f, sender, WAYPOST__FRAME__BODY_ANSWER);
    assert_non_null(answer);
    assert_int_equal(answer->answer->request, 7);
    assert_true(answer->answer->registered);
    assert_false(answer->answer->connected);
    assert_int_equal(answer->answer->pending, 2);
    assert_int_equal(answer->answer->oldest_pending_ms, f->base.wall_ms);
    query.code = (char *)(uintptr_t)CODE_SURREY;
    agent_say(sender, &frame);
    const Waypost__Frame *refused = core_fixture_find(f, sender, WAYPOST__FRAME__BODY_REFUSED);
    assert_int_equal(refused->refused->code, -E_CODE);
    assert_int_equal(refused->refused->request, 7);
}

#define CORE_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, core_fixture_setup, core_fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CORE_TEST(session__taken_over_from_another_connection__is_told_and_gets_nothing_more),
        CORE_TEST(key__that_is_revoked__is_told_at_once_and_ignored_from_then_on),
        CORE_TEST(hello__in_the_name_of_another__is_refused),
        CORE_TEST(hello__with_a_key_that_is_not_in_the_register__is_refused),
        CORE_TEST(frame__without_an_open_session__is_refused),
        CORE_TEST(garbage__sent_again_and_again__is_counted_and_then_ignored),
        CORE_TEST(session__that_falls_silent__is_gone_and_keeps_its_entries),
        CORE_TEST(connection__that_is_gone_on_sending__loses_its_session_and_nothing_else),
        CORE_TEST(broker__that_stops__says_so_and_takes_nothing_new),
        CORE_TEST(welcome__speaking_of_a_batch__waits_until_that_is_durable),
        CORE_TEST(head__that_the_agent_has_seen__is_extended_by_the_one_it_gets),
        CORE_TEST(query__about_an_authority__tells_whether_anyone_listens),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
