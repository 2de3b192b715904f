/*
 * civil: dates and times without the C library's clocks. Pure.
 *
 * Instants are milliseconds since 1970-01-01T00:00Z; a date is a count of days since 1970-01-01, without
 * a time zone. London time follows the rule in force since 1996 (Summer Time Order 2002): one hour ahead
 * from 01:00 UTC on the last Sunday of March to 01:00 UTC on the last Sunday of October.
 */
#ifndef WAYPOST_BASE_CIVIL_H
#define WAYPOST_BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CIVIL_STAMP_BYTES = 25, /* "2026-03-16T10:05:00.123Z" and its terminator */
    CIVIL_DATE_BYTES = 11,  /* "2026-03-16" and its terminator */
    CIVIL_DAY_MIN = -25567, /* 1900-01-01, the earliest date that any input may name */
    CIVIL_DAY_MAX = 84005,  /* 2199-12-31, the latest */
};

#define CIVIL_DAY_MS INT64_C(86400000)

struct civil_date {
    int year;  /* 1900 .. 2199 */
    int month; /* 1 .. 12 */
    int day;   /* 1 .. 31 */
};

int32_t civil_days(struct civil_date date); /* the date must be valid */
struct civil_date civil_date_of(int32_t days);
bool civil_date_valid(struct civil_date date); /* within the limits above, leap years counted */
int civil_weekday(int32_t days);               /* 0 Monday .. 6 Sunday */

int64_t civil_london_offset_ms(int64_t utc_ms); /* 0 or 3,600,000 */
int32_t civil_london_day(int64_t utc_ms);       /* the date in London at that instant */

/* "2026-03-16T10:05:00.123Z" into text of CIVIL_STAMP_BYTES. */
void civil_stamp_utc(int64_t utc_ms, char *text);

/* "2026-03-16 10:05:00" in London time into text of CIVIL_STAMP_BYTES. */
void civil_stamp_london(int64_t utc_ms, char *text);

/* "2026-03-16" into text of CIVIL_DATE_BYTES. */
void civil_date_text(int32_t days, char *text);

/* Exactly YYYY-MM-DD. Returns 0 or E_DATE; written on success only. */
int civil_date_parse(const char *text, int32_t *days);

/*
 * YYYY-MM-DDTHH:MM[:SS[.mmm]] with Z or +HH:MM, or without either for London time. Returns 0, or E_DATE
 * where it is malformed, cannot be, or is ambiguous or skipped at a clock change and names no offset.
 */
int civil_time_parse(const char *text, int64_t *utc_ms);

/* The same, or a day alone, YYYY-MM-DD, for its last millisecond in London: what held when it ended. */
int civil_moment_parse(const char *text, int64_t *utc_ms);

#endif
