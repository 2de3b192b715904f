/* Tests of common/procedure/calendar.c with the published bank holidays. */
#include "common/procedure/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/civil.h"
#include "common/base/fsio.h"

#include "common/base/banned.h"

static calendar_t *calendar;

static int load(void **state)
{
    struct buf json = {0};
    struct complaint why = {0};

    (void)state;
    assert_int_equal(fsio_read_all("data/register/bank-holidays.json", 1000000, &json), 0);
    assert_int_equal(calendar_load(buf_slice(&json), "england-and-wales", &calendar, &why), 0);
    buf_free(&json);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    calendar_destroy(&calendar);
    return 0;
}

static int32_t day_of(const char *text)
{
    int32_t day;

    assert_int_equal(civil_date_parse(text, &day), 0);
    return day;
}

static void due__every_unit_over_every_corner__is_the_day_named(void **state)
{
    static const struct {
        const char *start;
        const char *limit;
        const char *due;
    } rows[] = {
        {"2026-03-16T10:05", "15wd", "2026-04-08"}, /* over Easter */
        {"2026-12-22T10:30", "5wd", "2026-12-31"},  /* over Christmas */
        {"2026-12-29T09:00", "15wd", "2027-01-20"}, /* New Year's Day */
        {"2022-09-16T12:00", "1wd", "2022-09-20"},  /* 2022-09-19, a one-off holiday */
        {"2023-05-05T12:00", "1wd", "2023-05-09"},  /* 2023-05-08, another */
        {"2026-04-03T12:00", "1wd",
            "2026-04-07"}, /* begins on Good Friday: like the Thursday before */
        {"2026-04-04T12:00", "1wd", "2026-04-07"}, /* begins on the Saturday after it */
        {"2026-03-20T23:59", "5wd", "2026-03-27"}, /* after hours counts as that day */
        {"2026-03-02T09:00", "28d", "2026-03-30"},
        {"2026-04-01T09:00", "28dx", "2026-04-28"},
        {"2026-01-31T09:00", "1mo", "2026-02-28"},
        {"2024-01-31T09:00", "1mo", "2024-02-29"},
        {"2024-02-29T09:00", "12mo", "2025-02-28"},
        {"2026-04-08T15:40", "3mo", "2026-07-08"},
        {"2026-04-22T00:00", "0d", "2026-04-22"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct limit limit;
        int64_t start_ms;
        char text[CIVIL_DATE_BYTES];
        assert_int_equal(limit_parse(rows[i].limit, &limit), 0);
        assert_int_equal(civil_time_parse(rows[i].start, &start_ms), 0);
        struct due due = calendar_due(calendar, limit, start_ms);
        civil_date_text(due.due_day, text);
        assert_string_equal(text, rows[i].due);
        assert_true(due.by_day);
        assert_int_equal(due.runs_out_ms, civil_london_midnight_ms(due.due_day + 1));
    }
}

static void due__hours_over_both_clock_changes__are_elapsed_hours(void **state)
{
    static const struct {
        const char *start;
        const char *due;
    } rows[] = {
        {"2026-10-23T16:30", "2026-10-25T15:30"},
        {"2026-10-25T01:30+00:00", "2026-10-27T01:30"},
        {"2026-03-28T12:00", "2026-03-30T13:00"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t start_ms;
        int64_t due_ms;
        assert_int_equal(civil_time_parse(rows[i].start, &start_ms), 0);
        assert_int_equal(civil_time_parse(rows[i].due, &due_ms), 0);
        struct due due = calendar_due(calendar, (struct limit){LIMIT_H, 48}, start_ms);
        assert_false(due.by_day);
        assert_true(due.runs_out_ms == due_ms);
    }
}

static void due__beyond_the_published_holidays__is_provisional(void **state)
{
    int64_t start_ms;

    (void)state;
    assert_int_equal(civil_time_parse("2028-12-20T12:00", &start_ms), 0);
    assert_false(calendar_due(calendar, (struct limit){LIMIT_WD, 1}, start_ms).provisional);
    assert_true(calendar_due(calendar, (struct limit){LIMIT_WD, 15}, start_ms).provisional);
    assert_false(calendar_due(calendar, (struct limit){LIMIT_D, 90}, start_ms).provisional);
}

static void working_days__backward__skip_the_same_days(void **state)
{
    (void)state;
    /* 7 working days before Friday 10 April 2026: over Easter Monday and Good Friday */
    assert_int_equal(
        calendar_add_working_days(calendar, day_of("2026-04-10"), -7), day_of("2026-03-30"));
    assert_int_equal(
        calendar_working_days_between(calendar, day_of("2026-03-30"), day_of("2026-04-10")), 7);
    assert_int_equal(
        calendar_working_days_between(calendar, day_of("2026-04-10"), day_of("2026-04-10")), 0);
}

static void midnight__around_the_clock_changes__is_london_midnight(void **state)
{
    static const struct {
        const char *day;
        const char *utc;
    } rows[] = {
        {"2026-03-29", "2026-03-29T00:00:00.000Z"},
        {"2026-03-30", "2026-03-29T23:00:00.000Z"},
        {"2026-10-25", "2026-10-24T23:00:00.000Z"},
        {"2026-10-26", "2026-10-26T00:00:00.000Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char stamp[CIVIL_STAMP_BYTES];
        civil_stamp_utc(civil_london_midnight_ms(day_of(rows[i].day)), stamp);
        assert_string_equal(stamp, rows[i].utc);
    }
}

static void limit_parse__what_is_no_limit__is_refused(void **state)
{
    static const char *const rows[] = {
        "", "wd", "15", "15 wd", "15weeks", "-1d", "10001d", "99999999999d"};
    struct limit limit;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(limit_parse(rows[i], &limit), E_MALFORMED);
    }
    assert_int_equal(limit_parse("unset", &limit), 0);
    assert_int_equal(limit.unit, LIMIT_UNSET);
}

static void load__broken_feeds__say_where(void **state)
{
    static const char *const rows[] = {"", "{}", "{\"england-and-wales\":{\"events\":[]}}",
        "{\"england-and-wales\":{\"events\":[{\"date\":\"2026-02-30\"}]}}",
        "{\"england-and-wales\":"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct complaint why = {0};
        calendar_t *none = NULL;
        assert_int_not_equal(
            calendar_load(slice_of_text(rows[i]), "england-and-wales", &none, &why), 0);
        assert_null(none);
        assert_non_null(strstr(why.text, "bank holidays"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due__every_unit_over_every_corner__is_the_day_named),
        cmocka_unit_test(due__hours_over_both_clock_changes__are_elapsed_hours),
        cmocka_unit_test(due__beyond_the_published_holidays__is_provisional),
        cmocka_unit_test(working_days__backward__skip_the_same_days),
        cmocka_unit_test(midnight__around_the_clock_changes__is_london_midnight),
        cmocka_unit_test(limit_parse__what_is_no_limit__is_refused),
        cmocka_unit_test(load__broken_feeds__say_where),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, load, unload);
}
