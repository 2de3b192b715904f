/*
 * calendar: working days and due times from a dated file of bank holidays. Pure; times in UTC, read in Europe/London.
 *
 * Source: docs/PROCEDURES.md, section 9 (D4, D47, D48).
 */
#ifndef WAYPOST_PROCEDURE_CALENDAR_H
#define WAYPOST_PROCEDURE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

typedef struct calendar calendar_t;

/*
 * Load one division ("england-and-wales") from the bytes of the gov.uk bank-holiday feed (JSON).
 * E_MALFORMED, E_DATE, E_NOT_FOUND with file-like position in why; nothing is loaded then.
 */
int calendar_load(struct slice json, const char *division, calendar_t **out, struct complaint *why);
void calendar_destroy(calendar_t **self_p);

bool calendar_is_working_day(const calendar_t *self, int32_t day);
int32_t calendar_last_day(
    const calendar_t *self); /* the last published holiday; beyond it days are provisional */

/* Units of a limit (docs/PROCEDURES.md, section 9). */
enum limit_unit {
    LIMIT_UNSET,
    LIMIT_NONE,
    LIMIT_WD,
    LIMIT_D,
    LIMIT_DX,
    LIMIT_MONTHS,
    LIMIT_H,
    LIMIT_MIN,
    LIMIT_DATE
};

struct limit {
    enum limit_unit unit;
    int32_t count;
};

/* "15wd", "48h", "15min", "28d", "28dx", "3mo", "0d", "none", "unset". 0 or E_MALFORMED. */
int limit_parse(const char *text, struct limit *out);

struct due {
    bool timed;          /* false: LIMIT_NONE, never runs out */
    bool by_day;         /* the due time is the end of a day */
    bool provisional;    /* working days beyond the published holidays were counted */
    int32_t due_day;     /* by_day: that day */
    int64_t due_ms;      /* otherwise: that instant; by_day: the same as runs_out_ms */
    int64_t runs_out_ms; /* the first instant that is too late */
};

/* Due time of a limit that starts at an instant. LIMIT_DATE: start_ms lies on the day named. */
struct due calendar_due(const calendar_t *self, struct limit limit, int64_t start_ms);

/* The last working day at or before day; the count-th working day after day; working days in (from, to]. */
int32_t calendar_working_day_before(const calendar_t *self, int32_t day);
int32_t calendar_add_working_days(const calendar_t *self, int32_t day,
    int32_t count); /* count may be negative: backward clocks */
int32_t calendar_working_days_between(const calendar_t *self, int32_t from, int32_t to);
int32_t civil_add_months(
    int32_t day, int32_t months); /* same day number, clamped to the month's end */

int64_t civil_london_midnight_ms(int32_t day); /* 00:00 in London at the start of that date */

#endif
