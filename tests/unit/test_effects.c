/*
 * Tests of what an event leaves on record that no rule, clock or question asks for yet: it is part of the state that is
 * saved and hashed, and a rule of tomorrow will read it. Seen from inside, field by field.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"
#include "tests/support/engine_fixture.h"

#include "common/base/banned.h"

#define LEE "E08000035"
#define HER "E06000019"
#define SEVERAL 2

static struct engine_fixture world;

static int open_world(void **state)
{
    (void)state;
    fixture_open(&world);
    fixture_transfer(&world, "T", LEE, HER);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(&world);
    return 0;
}

static void tell(const char *from, const char *kind, const char *facts)
{
    const struct fixture_event *event = fixture_told(&world, from, kind, "T", "ash:cin", facts);

    if (event->verdicts[0] != VERDICT_EFFECTIVE && event->verdicts[0] != VERDICT_ALERT) {
        fail_msg("%s has no effect", kind);
    }
}

static const struct episode *episode(void)
{
    uint8_t transfer[UUID_BYTES];
    uint8_t child[UUID_BYTES];

    fixture_id("T", transfer);
    fixture_id("ash", child);
    return episode_find(world.engine, transfer, child);
}

static bool is_on_record(bool of_child, size_t offset)
{
    const uint8_t *record =
        of_child ? (const uint8_t *)episode()->child : (const uint8_t *)episode();

    return *(const bool *)(record + offset);
}

static void flags__that_nothing_asks_for__are_kept(void **state)
{
#define OF_EPISODE(field) false, offsetof(struct episode, field)
#define OF_CHILD(field) true, offsetof(struct child, field)
    static const struct {
        const char *from, *kind, *facts;
        bool of_child;
        size_t offset;
    } rows[] = {
        {HER, "local_agencies_alerted", "agencies_told=gp", OF_EPISODE(agencies_told)},
        {HER, "transfer_date_agreed", "transfer_date=2026-04-01 transfer_point=conference",
            OF_EPISODE(date_proposed)},
        {LEE, "retention_discussion_held", "participant_roles=service_manager",
            OF_EPISODE(discussion)},
        {LEE, "strategy_discussion_held", "participants_agencies=police", OF_EPISODE(strategy)},
        {LEE, "home_resumed", "", OF_EPISODE(resumed)},
        {LEE, "proceedings_issued", "issued_on=2026-03-01", OF_CHILD(proceedings)},
        {LEE, "child_born", "dob_present=yes case_type_now=cin", OF_CHILD(born)},
    };

    (void)state;
    tell(LEE, "move_notified", "permanence=permanent retain_intention=transfer");
    tell(HER, "child_found_needing_protection", "place_type=street found_at=2026-03-02T08:00");
    tell(LEE, "emergency_responsibility_accepted",
        "accepted_by_role=emergency_duty accept_how=spoken");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (is_on_record(rows[i].of_child, rows[i].offset)) {
            fail_msg("%s: on record before it", rows[i].kind);
        }
        tell(rows[i].from, rows[i].kind, rows[i].facts);
        if (!is_on_record(rows[i].of_child, rows[i].offset)) {
            fail_msg("%s leaves nothing", rows[i].kind);
        }
    }
}

static int32_t day_of(const char *text)
{
    int32_t day = 0;

    assert_int_equal(civil_date_parse(text, &day), 0);
    return day;
}

static void move_date__that_is_not_told__is_the_day_of_the_notice(void **state)
{
    (void)state;
    tell(LEE, "move_notified", "permanence=permanent retain_intention=transfer");
    assert_int_equal(episode()->move_date, day_of("2026-03-02"));
    fixture_at(&world, "2026-03-05T09:00");
    tell(LEE, "move_notified", "permanence=permanent retain_intention=transfer");
    assert_int_equal(episode()->move_date, day_of("2026-03-02"));
    tell(LEE, "move_notified",
        "permanence=permanent retain_intention=transfer move_date=2026-03-04");
    assert_int_equal(episode()->move_date, day_of("2026-03-04"));
}

static void conference_date__set_and_put_off__is_the_last_that_was_told(void **state)
{
    (void)state;
    tell(HER, "conference_date_set", "conference_date=2026-03-16 conference_type=initial");
    assert_int_equal(episode()->conference_date, day_of("2026-03-16"));
    tell(HER, "conference_postponed",
        "postpone_reason=documents_missing deciders=manager,cpo new_date=2026-03-20");
    assert_int_equal(episode()->conference_date, day_of("2026-03-20"));
    tell(HER, "conference_postponed", "postpone_reason=documents_missing deciders=manager,cpo");
    assert_int_equal(episode()->conference_date, NO_DAY);
}

static void threshold__that_is_decided__is_kept(void **state)
{
    const struct fact_info *fact = catalogue_fact_named("threshold");

    (void)state;
    for (uint32_t number = 1; number <= SEVERAL; number++) {
        char facts[128];
        (void)snprintf(facts, sizeof facts, "rationale_present=yes threshold=%s",
            fact_value_word(fact, number));
        tell(HER, "threshold_decided", facts);
        assert_int_equal(episode()->threshold, number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            flags__that_nothing_asks_for__are_kept, open_world, close_world),
        cmocka_unit_test_setup_teardown(
            move_date__that_is_not_told__is_the_day_of_the_notice, open_world, close_world),
        cmocka_unit_test_setup_teardown(
            conference_date__set_and_put_off__is_the_last_that_was_told, open_world, close_world),
        cmocka_unit_test_setup_teardown(
            threshold__that_is_decided__is_kept, open_world, close_world),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
