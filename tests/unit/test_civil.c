/* Tests of common/base/civil.c. */
#include "common/base/civil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/err.h"

#include "common/base/banned.h"

static void days__every_day_of_three_centuries__goes_there_and_back(void **state)
{
    (void)state;
    for (int32_t day = CIVIL_DAY_MIN; day <= CIVIL_DAY_MAX; day++) {
        struct civil_date date = civil_date_of(day);
        assert_true(civil_date_valid(date));
        assert_int_equal(civil_days(date), day);
    }
}

static void weekday__known_days__are_right(void **state)
{
    static const struct {
        const char *date;
        int weekday;
    } rows[] = {
        {"1970-01-01", 3},
        {"2026-03-16", 0},
        {"2026-04-08", 2},
        {"1900-01-01", 0},
        {"2000-02-29", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int32_t day;
        assert_int_equal(civil_date_parse(rows[i].date, &day), 0);
        assert_int_equal(civil_weekday(day), rows[i].weekday);
    }
}

static void date_parse__what_cannot_be__is_refused(void **state)
{
    static const char *const rows[] = {"2026-02-29", "2026-13-01", "2026-00-10", "2026-1-01",
        "26-01-01", "1899-12-31", "2200-01-01", "2026-04-31", "2026-01-01x", "", "2100-02-29",
        "2026/01/01"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int32_t day = 7;
        assert_int_equal(civil_date_parse(rows[i], &day), E_DATE);
        assert_int_equal(day, 7);
    }
}

static void time_parse__both_seasons_and_offsets__name_the_instant(void **state)
{
    static const struct {
        const char *text;
        const char *utc;
    } rows[] = {
        {"2026-03-16T10:05", "2026-03-16T10:05:00.000Z"},
        {"2026-06-16T10:05:07", "2026-06-16T09:05:07.000Z"},
        {"2026-06-16T10:05:07.250Z", "2026-06-16T10:05:07.250Z"},
        {"2026-10-25T01:30+01:00", "2026-10-25T00:30:00.000Z"},
        {"2026-10-25T01:30+00:00", "2026-10-25T01:30:00.000Z"},
        {"2026-10-25T02:00", "2026-10-25T02:00:00.000Z"},
        {"2026-03-29T02:00", "2026-03-29T01:00:00.000Z"},
        {"2026-03-29T00:59", "2026-03-29T00:59:00.000Z"},
        {"1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms;
        char stamp[CIVIL_STAMP_BYTES];
        assert_int_equal(civil_time_parse(rows[i].text, &ms), 0);
        civil_stamp_utc(ms, stamp);
        assert_string_equal(stamp, rows[i].utc);
    }
}

static void time_parse__ambiguous_skipped_or_malformed__is_refused(void **state)
{
    static const char *const rows[] = {"2026-10-25T01:30", "2026-03-29T01:30", "2026-03-16",
        "2026-03-16T24:00", "2026-03-16T10:60", "2026-03-16T10", "2026-03-16T10:05+1:00",
        "2026-03-16T10:05Zx", "2026-03-16 10:05"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = 7;
        assert_int_equal(civil_time_parse(rows[i], &ms), E_DATE);
        assert_int_equal(ms, 7);
    }
}

static void london_day__just_before_midnight_in_summer__is_the_next_day(void **state)
{
    int64_t ms;

    (void)state;
    assert_int_equal(civil_time_parse("2026-06-16T23:30:00Z", &ms), 0);
    int32_t day;
    assert_int_equal(civil_date_parse("2026-06-17", &day), 0);
    assert_int_equal(civil_london_day(ms), day);
}

static void moment__day_alone__is_its_last_millisecond_in_london(void **state)
{
    static const struct {
        const char *text, *same;
    } rows[] = {
        {"2026-01-05", "2026-01-05T23:59:59.999Z"},
        {"2026-06-16", "2026-06-16T22:59:59.999Z"},
        {"2026-03-29", "2026-03-29T22:59:59.999Z"}, /* of 23 hours */
        {"2026-03-16T10:05", "2026-03-16T10:05:00Z"},
    };
    int64_t ms;
    int64_t same;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(civil_moment_parse(rows[i].text, &ms), 0);
        assert_int_equal(civil_time_parse(rows[i].same, &same), 0);
        assert_int_equal(ms, same);
    }
    assert_int_equal(civil_moment_parse("2026-02-30", &ms), E_DATE);
    assert_int_equal(civil_moment_parse("yesterday", &ms), E_DATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moment__day_alone__is_its_last_millisecond_in_london),
        cmocka_unit_test(days__every_day_of_three_centuries__goes_there_and_back),
        cmocka_unit_test(weekday__known_days__are_right),
        cmocka_unit_test(date_parse__what_cannot_be__is_refused),
        cmocka_unit_test(time_parse__both_seasons_and_offsets__name_the_instant),
        cmocka_unit_test(time_parse__ambiguous_skipped_or_malformed__is_refused),
        cmocka_unit_test(london_day__just_before_midnight_in_summer__is_the_next_day),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
