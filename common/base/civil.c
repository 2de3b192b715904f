/* civil: see civil.h. Pure; malformed text is E_DATE. */
#include "common/base/civil.h"

#include <stdio.h>
#include <string.h>

#include "common/base/err.h"

#include "common/base/banned.h"

enum { HOUR_MS = 3600000, MINUTE_MS = 60000, DAYS_TO_EPOCH = 719468 };

/* Days from civil date, by eras of 400 years with March as the first month (H. Hinnant's method). */
int32_t civil_days(struct civil_date date)
{
    int year = date.month <= 2 ? date.year - 1 : date.year;
    int era = (year >= 0 ? year : year - 399) / 400;
    int year_of_era = year - era * 400;
    int month = date.month > 2 ? date.month - 3 : date.month + 9;
    int day_of_year = (153 * month + 2) / 5 + date.day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return (int32_t)(era * 146097 + day_of_era - DAYS_TO_EPOCH);
}

struct civil_date civil_date_of(int32_t days)
{
    int z = days + DAYS_TO_EPOCH;
    int era = (z >= 0 ? z : z - 146096) / 146097;
    int doe = z - era * 146097;
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int mp = (5 * doy + 2) / 153;
    int month = mp < 10 ? mp + 3 : mp - 9;

    return (struct civil_date){
        .year = yoe + era * 400 + (month <= 2 ? 1 : 0),
        .month = month,
        .day = doy - (153 * mp + 2) / 5 + 1,
    };
}

bool civil_date_valid(struct civil_date date)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (date.year % 4 == 0 && date.year % 100 != 0) || date.year % 400 == 0;

    if (date.year < 1900 || date.year > 2199 || date.month < 1 || date.month > 12) {
        return false;
    }
    int length = lengths[date.month - 1] + (leap && date.month == 2 ? 1 : 0);
    return date.day >= 1 && date.day <= length;
}

int civil_weekday(int32_t days)
{
    return (int)(((days + 3) % 7 + 7) % 7);
}

static int32_t last_sunday(int year, int month)
{
    int32_t last = civil_days((struct civil_date){year, month, 31});

    return last - (civil_weekday(last) + 1) % 7;
}

static int32_t floor_days(int64_t ms)
{
    return (int32_t)(ms >= 0 ? ms / CIVIL_DAY_MS : -((-ms + CIVIL_DAY_MS - 1) / CIVIL_DAY_MS));
}

int64_t civil_london_offset_ms(int64_t utc_ms)
{
    int year = civil_date_of(floor_days(utc_ms)).year;
    int64_t begin = last_sunday(year, 3) * CIVIL_DAY_MS + HOUR_MS;
    int64_t end = last_sunday(year, 10) * CIVIL_DAY_MS + HOUR_MS;

    return utc_ms >= begin && utc_ms < end ? HOUR_MS : 0;
}

int32_t civil_london_day(int64_t utc_ms)
{
    return floor_days(utc_ms + civil_london_offset_ms(utc_ms));
}

void civil_stamp_utc(int64_t utc_ms, char *text)
{
    int32_t days = floor_days(utc_ms);
    struct civil_date date = civil_date_of(days);
    int ms = (int)(utc_ms - days * CIVIL_DAY_MS);

    (void)snprintf(text, CIVIL_STAMP_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
        (unsigned)date.year % 10000, (unsigned)date.month % 100, (unsigned)date.day % 100,
        (unsigned)(ms / HOUR_MS) % 100, (unsigned)(ms / MINUTE_MS % 60), (unsigned)(ms / 1000 % 60),
        (unsigned)(ms % 1000));
}

void civil_stamp_london(int64_t utc_ms, char *text)
{
    civil_stamp_utc(utc_ms + civil_london_offset_ms(utc_ms), text);
    text[10] = ' ';
    text[19] = '\0';
}

void civil_date_text(int32_t days, char *text)
{
    struct civil_date date = civil_date_of(days);

    (void)snprintf(text, CIVIL_DATE_BYTES, "%04u-%02u-%02u", (unsigned)date.year % 10000,
        (unsigned)date.month % 100, (unsigned)date.day % 100);
}

/* Take exactly `digits` decimal digits; -1 where there are fewer. */
static int take_number(const char **at, int digits)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9') {
            return -1;
        }
        value = value * 10 + (c - '0');
    }
    *at += digits;
    return value;
}

static bool take_char(const char **at, char wanted)
{
    if (**at != wanted) {
        return false;
    }
    (*at)++;
    return true;
}

static int take_date(const char **at, int32_t *days)
{
    struct civil_date date;

    date.year = take_number(at, 4);
    if (date.year < 0 || !take_char(at, '-')) {
        return E_DATE;
    }
    date.month = take_number(at, 2);
    if (date.month < 0 || !take_char(at, '-')) {
        return E_DATE;
    }
    date.day = take_number(at, 2);
    if (date.day < 0 || !civil_date_valid(date)) {
        return E_DATE;
    }
    *days = civil_days(date);
    return 0;
}

int civil_date_parse(const char *text, int32_t *days)
{
    int32_t parsed;
    const char *at = text;

    if (take_date(&at, &parsed) != 0 || *at != '\0') {
        return E_DATE;
    }
    *days = parsed;
    return 0;
}

/* The time of day in milliseconds, or -1. */
static int64_t take_clock(const char **at)
{
    int hours = take_number(at, 2);
    int seconds = 0;
    int ms = 0;

    if (hours < 0 || hours > 23 || !take_char(at, ':')) {
        return -1;
    }
    int minutes = take_number(at, 2);
    if (minutes < 0 || minutes > 59) {
        return -1;
    }
    if (take_char(at, ':')) {
        seconds = take_number(at, 2);
        if (seconds < 0 || seconds > 59) {
            return -1;
        }
        if (take_char(at, '.')) {
            ms = take_number(at, 3);
            if (ms < 0) {
                return -1;
            }
        }
    }
    return (int64_t)hours * HOUR_MS + (int64_t)minutes * MINUTE_MS + seconds * 1000 + ms;
}

/* Wall clock in London to an instant: exactly one of the two offsets must lead back to it. */
static int from_london(int64_t wall_ms, int64_t *utc_ms)
{
    bool winter = civil_london_offset_ms(wall_ms) == 0;
    bool summer = civil_london_offset_ms(wall_ms - HOUR_MS) == HOUR_MS;

    if (winter == summer) {
        return E_DATE;
    }
    *utc_ms = winter ? wall_ms : wall_ms - HOUR_MS;
    return 0;
}

int civil_time_parse(const char *text, int64_t *utc_ms)
{
    int32_t days;
    const char *at = text;

    if (take_date(&at, &days) != 0 || !take_char(&at, 'T')) {
        return E_DATE;
    }
    int64_t clock_ms = take_clock(&at);
    if (clock_ms < 0) {
        return E_DATE;
    }
    int64_t wall_ms = days * CIVIL_DAY_MS + clock_ms;
    if (*at == '\0') {
        return from_london(wall_ms, utc_ms);
    }
    if (take_char(&at, 'Z')) {
        if (*at != '\0') {
            return E_DATE;
        }
        *utc_ms = wall_ms;
        return 0;
    }
    int sign = *at == '-' ? -1 : 1;
    if (*at != '+' && *at != '-') {
        return E_DATE;
    }
    at++;
    int hours = take_number(&at, 2);
    if (hours < 0 || hours > 14 || !take_char(&at, ':')) {
        return E_DATE;
    }
    int minutes = take_number(&at, 2);
    if (minutes < 0 || minutes > 59 || *at != '\0') {
        return E_DATE;
    }
    *utc_ms = wall_ms - sign * ((int64_t)hours * HOUR_MS + (int64_t)minutes * MINUTE_MS);
    return 0;
}

int civil_moment_parse(const char *text, int64_t *utc_ms)
{
    int32_t day;

    if (civil_date_parse(text, &day) != 0) {
        return civil_time_parse(text, utc_ms);
    }
    int rc = from_london((day + 1) * CIVIL_DAY_MS, utc_ms);
    *utc_ms -= rc == 0 ? 1 : 0;
    return rc;
}
