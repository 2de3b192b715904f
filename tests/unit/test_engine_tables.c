/*
 * Tests of engine_procedures(): other tables come into force under an engine that has folded events, and versions of a
 * profile from their day on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/civil.h"
#include "common/procedure/engine.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/procedures_fixture.h"

#include "common/base/banned.h"

#define LEE "E08000035"
#define HER "E06000019"
#define CAM "E09000007"
#define PERMANENT "permanence=permanent retain_intention=transfer"

static struct engine_fixture world;

static int open_world(void **state)
{
    (void)state;
    fixture_open(&world);
    fixture_transfer(&world, "T", LEE, HER);
    fixture_transfer(&world, "L", LEE, CAM);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(&world);
    return 0;
}

/* ---- new tables ---- */

static void procedures__with_new_holidays__work_provisional_dates_out_again(void **state)
{
    procedures_t *renewed = NULL;
    struct engine_clock clock;
    struct complaint why = {0};

    (void)state;
    fixture_at(&world, "2031-03-03T09:00");
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash", PERMANENT);
    struct fixture_event *pending =
        fixture_send(&world, LEE, "move_notified", "L", "elm", PERMANENT);
    assert_true(fixture_clock(&world, "T", "ash", "C01", &clock));
    assert_true(clock.due.provisional);
    int32_t first = clock.due.due_day;
    int rc = fixture_procedures("bank-holidays.json", "\"date\": \"2019-01-01\"",
        "\"date\": \"2031-03-10\"}, {\"date\": \"2031-12-25\"", &renewed, &why);
    assert_int_equal(rc, 0);
    assert_int_equal(engine_procedures(world.engine, renewed, world.now_ms), 0);
    procedures_destroy(&world.procedures);
    world.procedures = renewed;
    assert_true(fixture_clock(&world, "T", "ash", "C01", &clock));
    assert_false(clock.due.provisional);
    assert_int_equal(clock.due.due_day, first + 1);
    assert_int_equal(fixture_logged(&world, "deadline_set C01"), 2);
    /* what waited under the old tables starts under the new */
    engine_persisted(world.engine, pending->view.id, CAM, world.now_ms);
    assert_true(fixture_clock(&world, "L", "elm", "C01", &clock));
    assert_int_equal(clock.due.due_day, first + 1);
}

static void procedures__without_a_row_that_counts__are_not_taken(void **state)
{
    procedures_t *less = NULL;
    struct complaint why = {0};
    struct hash before = engine_hash(world.engine);

    (void)state;
    assert_int_equal(fixture_procedures("rules.tsv", "R57\t", "R55\t", &less, &why), 0);
    assert_int_equal(engine_procedures(world.engine, less, world.now_ms), E_NOT_FOUND);
    procedures_destroy(&less);
    assert_int_equal(fixture_procedures("clocks.tsv", "C25\t", "C29\t", &less, &why), 0);
    assert_int_equal(engine_procedures(world.engine, less, world.now_ms), E_NOT_FOUND);
    procedures_destroy(&less);
    struct hash after = engine_hash(world.engine);
    assert_memory_equal(&before, &after, sizeof before);
}

static void procedures__overridden_later__count_from_the_next_entry(void **state)
{
    struct engine_clock clock;
    struct complaint why = {0};

    (void)state;
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash", PERMANENT);
    assert_int_equal(procedures_override(world.procedures, "clocks.C01.limit", "3wd", &why), 0);
    (void)fixture_told(&world, LEE, "move_notified", "T", "elm", PERMANENT);
    assert_true(fixture_clock(&world, "T", "elm", "C01", &clock));
    assert_int_equal(clock.limit_count, 3);
    assert_true(fixture_clock(&world, "T", "ash", "C01", &clock));
    assert_int_equal(clock.limit_count, 15);
    assert_int_equal(clock.late_unit, LIMIT_WD);
}

/* C01 is shipped in working days: what is recorded has the unit that it was held to. */
static void lateness__under_another_unit__is_recorded_by_it(void **state)
{
    static const struct {
        const char *limit, *late;
    } rows[] = {{"3wd", "late=1wd "}, {"3d", "late=3d "}, {"12h", "late=7440min "}};
    struct complaint why = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        close_world(state);
        open_world(state);
        assert_int_equal(
            procedures_override(world.procedures, "clocks.C01.limit", rows[i].limit, &why), 0);
        fixture_at(&world, "2026-03-03T09:00"); /* a Tuesday */
        (void)fixture_told(&world, LEE, "move_notified", "T", "ash", PERMANENT);
        fixture_at(&world, "2026-03-09T01:00");
        (void)fixture_told(&world, HER, "conference_held", "T", "ash",
            "conference_type=transfer_in outcome=plan_continues");
        assert_int_equal(fixture_logged(&world, rows[i].late), 1);
    }
}

static void procedures__of_a_region__never_switch_a_national_clock_off(void **state)
{
    struct engine_clock clock;
    struct complaint why = {0};
    procedures_t *other = NULL;

    (void)state;
    assert_int_equal(fixture_procedures("london.zpl", "clocks\n    C02\n",
                         "clocks\n    C17\n        limit = unset\n    C01\n        limit = 9wd\n"
                         "    C02\n",
                         &other, &why),
        0);
    assert_int_equal(engine_procedures(world.engine, other, world.now_ms), 0);
    procedures_destroy(&world.procedures);
    world.procedures = other;
    (void)fixture_told(&world, LEE, "move_notified", "L", "ash", PERMANENT);
    assert_true(fixture_clock(&world, "L", "ash", "C17", &clock)); /* D5 */
    assert_int_equal(clock.limit_count, 1);
    assert_true(fixture_clock(&world, "L", "ash", "C01", &clock)); /* D7: a value it may replace */
    assert_int_equal(clock.limit_count, 9);
    (void)fixture_told(&world, LEE, "move_notified", "T", "elm", PERMANENT);
    assert_true(fixture_clock(&world, "T", "elm", "C01", &clock));
    assert_int_equal(clock.limit_count, 15);
}

/* ---- versions of a profile ---- */

static void put_in_force(procedures_t *tables)
{
    assert_int_equal(engine_procedures(world.engine, tables, world.now_ms), 0);
    procedures_destroy(&world.procedures);
    world.procedures = tables;
}

static void procedures__without_a_profile_that_a_transfer_is_under__are_not_taken(void **state)
{
    const struct fixture_version further = {.profile = "north-west.zpl",
        .effective_from = "2026-01-01",
        .version = "1",
        .from = "name = north-west",
        .to = "name = further"};
    procedures_t *more = NULL;
    procedures_t *shipped = NULL;
    struct complaint why = {0};

    (void)state;
    assert_int_equal(fixture_procedures_with(&further, &more, &why), 0);
    assert_int_equal(fixture_procedures(NULL, NULL, NULL, &shipped, &why), 0);
    put_in_force(more);
    struct fixture_event *event =
        fixture_build(&world, LEE, "move_notified", "T", "ash", PERMANENT);
    memcpy(event->view.profile, "further", sizeof "further");
    assert_int_equal(fixture_fold(&world, world.engine, event), 0);
    assert_int_equal(engine_procedures(world.engine, shipped, world.now_ms), E_NOT_FOUND);
    fixture_reload(&world); /* and it is known from the bytes */
    assert_int_equal(engine_procedures(world.engine, shipped, world.now_ms), E_NOT_FOUND);
    fixture_reset(&world);
    put_in_force(shipped);
}

/* As shipped, whatever the test before has left. */
static void put_shipped_in_force(void)
{
    procedures_t *shipped = NULL;
    struct complaint why = {0};

    assert_int_equal(fixture_procedures(NULL, NULL, NULL, &shipped, &why), 0);
    put_in_force(shipped);
}

static const struct fixture_version next_year = {
    "london.zpl", "2027-04-01", "8", "limit = 5wd", "limit = 3wd"};

/* C05 is London's; it starts with the first of the documents. */
static int32_t documents_limit(const char *transfer, const char *child)
{
    struct engine_clock clock;

    (void)fixture_told(&world, LEE, "documents_provided", transfer, child,
        "declared_complete=no documents=cp_plan");
    assert_true(fixture_clock(&world, transfer, child, "C05", &clock));
    return clock.limit_count;
}

static void version__of_a_profile__counts_from_its_day_and_what_runs_keeps_its_limit(void **state)
{
    procedures_t *both = NULL;
    struct engine_clock clock;
    struct complaint why = {0};

    (void)state;
    put_shipped_in_force();
    fixture_at(&world, "2027-03-31T12:00");
    assert_int_equal(fixture_procedures_with(&next_year, &both, &why), 0);
    put_in_force(both);
    assert_int_equal(fixture_logged(&world, "profile_changed"), 0); /* nothing new counts yet */
    assert_int_equal(documents_limit("L", "ash"), 5);
    int64_t next_ms = engine_next_ms(world.engine);
    assert_int_equal(next_ms, civil_london_midnight_ms(civil_london_day(world.now_ms) + 1));
    fixture_at(&world, "2027-04-01T09:00");
    assert_int_equal(fixture_logged(&world,
                         "profile_changed - - 2027-03-31T23:00:00.000Z profile=london version=8 "
                         "from=2027-04-01"),
        1);
    assert_true(engine_next_ms(world.engine) > next_ms);
    assert_int_equal(documents_limit("L", "elm"), 3);
    assert_true(fixture_clock(&world, "L", "ash", "C05", &clock));
    assert_int_equal(clock.limit_count, 5);
    assert_int_equal(clock.bound_count, 1); /* under London before and after */
    fixture_reload(&world);
    fixture_at(&world, "2027-04-02T09:00");
    assert_int_equal(documents_limit("L", "fir"), 3);
    assert_int_equal(fixture_logged(&world, "profile_changed"), 1);
    put_shipped_in_force();
}

static void version__that_new_tables_bring_late__is_told_when_they_come(void **state)
{
    procedures_t *both = NULL;
    procedures_t *same = NULL;
    struct complaint why = {0};

    (void)state;
    put_shipped_in_force();
    fixture_at(&world, "2027-05-04T09:00");
    assert_int_equal(fixture_procedures_with(&next_year, &both, &why), 0);
    assert_int_equal(fixture_procedures_with(&next_year, &same, &why), 0);
    put_in_force(both);
    assert_int_equal(fixture_logged(&world, "profile_changed - - 2027-05-04T08:00:00.000Z"), 1);
    put_in_force(same);
    assert_int_equal(fixture_logged(&world, "profile_changed"), 1);
    assert_int_equal(documents_limit("L", "ash"), 3);
    put_shipped_in_force();
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(procedures__with_new_holidays__work_provisional_dates_out_again),
        WORLD_TEST(procedures__without_a_row_that_counts__are_not_taken),
        WORLD_TEST(procedures__overridden_later__count_from_the_next_entry),
        WORLD_TEST(lateness__under_another_unit__is_recorded_by_it),
        WORLD_TEST(procedures__of_a_region__never_switch_a_national_clock_off),
        WORLD_TEST(procedures__without_a_profile_that_a_transfer_is_under__are_not_taken),
        WORLD_TEST(version__of_a_profile__counts_from_its_day_and_what_runs_keeps_its_limit),
        WORLD_TEST(version__that_new_tables_bring_late__is_told_when_they_come),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
