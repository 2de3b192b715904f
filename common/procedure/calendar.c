/*
 * calendar: see calendar.h. Dates come from a published file, never from a formula (D47). Failures
 * are returned by calendar_load() alone; everything else is arithmetic that cannot fail.
 */
#include "common/procedure/calendar.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/words.h"

#include "common/base/banned.h"

enum {
    HOLIDAYS_MAX = 4096, /* of one division; the feed holds about eight a year */
    LIMIT_COUNT_MAX = 10000,
    SATURDAY = 5,
    MINUTE_MS = 60000,
    HOUR_MS = 3600000,
};

struct calendar {
    size_t count;
    int32_t *days; /* owned; sorted, each once */
};

static int compare_days(const void *a, const void *b)
{
    int32_t left = *(const int32_t *)a;
    int32_t right = *(const int32_t *)b;

    return (left > right) - (left < right);
}

static int take_events(
    const json_t *events, const char *division, calendar_t *self, struct complaint *why)
{
    size_t count = json_array_size(events);

    if (count == 0 || count > HOLIDAYS_MAX) {
        return complain(why, E_RANGE, "bank holidays, division %s: %zu events; 1 to %d are taken",
            division, count, HOLIDAYS_MAX);
    }
    self->days = mem_new(count, sizeof *self->days);
    for (size_t i = 0; i < count; i++) {
        const char *date = json_string_value(json_object_get(json_array_get(events, i), "date"));
        if (date == NULL || civil_date_parse(date, &self->days[self->count]) != 0) {
            return complain(why, E_DATE,
                "bank holidays, division %s, event %zu: \"%.20s\" is no date", division, i + 1,
                date == NULL ? "" : date);
        }
        self->count++;
    }
    qsort(self->days, self->count, sizeof *self->days, compare_days);
    return 0;
}

int calendar_load(struct slice json, const char *division, calendar_t **out, struct complaint *why)
{
    json_error_t error;
    json_t *feed = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, &error);
    int rc;

    if (feed == NULL) {
        return complain(why, E_MALFORMED, "bank holidays, line %d: %.120s", error.line, error.text);
    }
    const json_t *found = json_object_get(feed, division);
    const json_t *events = json_object_get(found, "events");
    calendar_t *self = mem_new(1, sizeof *self);
    if (!json_is_array(events)) {
        rc = complain(why, E_NOT_FOUND, "bank holidays: no division \"%s\" with events", division);
    } else {
        rc = take_events(events, division, self, why);
    }
    json_decref(feed);
    if (rc != 0) {
        calendar_destroy(&self);
        return rc;
    }
    *out = self;
    return 0;
}

void calendar_destroy(calendar_t **self_p)
{
    if (*self_p != NULL) {
        free((*self_p)->days);
        free(*self_p);
        *self_p = NULL;
    }
}

bool calendar_is_working_day(const calendar_t *self, int32_t day)
{
    if (civil_weekday(day) >= SATURDAY) {
        return false;
    }
    return bsearch(&day, self->days, self->count, sizeof *self->days, compare_days) == NULL;
}

int32_t calendar_last_day(const calendar_t *self)
{
    return self->days[self->count - 1];
}

int32_t calendar_working_day_before(const calendar_t *self, int32_t day)
{
    while (!calendar_is_working_day(self, day)) {
        day--;
    }
    return day;
}

int32_t calendar_add_working_days(const calendar_t *self, int32_t day, int32_t count)
{
    int32_t step = count < 0 ? -1 : 1;

    for (int32_t left = count < 0 ? -count : count; left > 0;) {
        day += step;
        if (calendar_is_working_day(self, day)) {
            left--;
        }
    }
    return day;
}

int32_t calendar_working_days_between(const calendar_t *self, int32_t from, int32_t to)
{
    int32_t count = 0;

    for (int32_t day = from + 1; day <= to; day++) {
        count += calendar_is_working_day(self, day) ? 1 : 0;
    }
    return count;
}

int32_t civil_add_months(int32_t day, int32_t months)
{
    struct civil_date date = civil_date_of(day);
    int month = date.year * 12 + date.month - 1 + months;

    date.year = month / 12;
    date.month = month % 12 + 1;
    while (date.day > 28 && !civil_date_valid(date)) {
        date.day--;
    }
    return civil_days(date);
}

int64_t civil_london_midnight_ms(int32_t day)
{
    int64_t wall_ms = day * CIVIL_DAY_MS;

    /* Clocks change at 01:00 UTC, so midnight exists once on every day. */
    return wall_ms - civil_london_offset_ms(wall_ms - HOUR_MS);
}

static const struct {
    const char *suffix;
    enum limit_unit unit;
} limit_units[] = {
    {"wd", LIMIT_WD},
    {"dx", LIMIT_DX},
    {"d", LIMIT_D},
    {"mo", LIMIT_MONTHS},
    {"months", LIMIT_MONTHS},
    {"h", LIMIT_H},
    {"min", LIMIT_MIN},
    {"date", LIMIT_DATE},
};

int limit_parse(const char *text, struct limit *out)
{
    char digits[8];
    size_t used = strspn(text, "0123456789");
    uint64_t count;

    if (strcmp(text, "none") == 0 || strcmp(text, "unset") == 0) {
        *out = (struct limit){text[0] == 'n' ? LIMIT_NONE : LIMIT_UNSET, 0};
        return 0;
    }
    if (used == 0 || used >= sizeof digits) {
        return E_MALFORMED;
    }
    memcpy(digits, text, used);
    digits[used] = '\0';
    if (text_parse_u64(digits, 0, LIMIT_COUNT_MAX, &count) != 0) {
        return E_MALFORMED;
    }
    for (size_t i = 0; i < sizeof limit_units / sizeof limit_units[0]; i++) {
        if (strcmp(text + used, limit_units[i].suffix) == 0) {
            *out = (struct limit){limit_units[i].unit, (int32_t)count};
            return 0;
        }
    }
    return E_MALFORMED;
}

static struct due due_by_day(int32_t due_day)
{
    int64_t runs_out_ms = civil_london_midnight_ms(due_day + 1);

    return (struct due){.timed = true,
        .by_day = true,
        .due_day = due_day,
        .due_ms = runs_out_ms,
        .runs_out_ms = runs_out_ms};
}

static struct due due_at(int64_t instant_ms)
{
    return (struct due){.timed = true,
        .due_day = civil_london_day(instant_ms),
        .due_ms = instant_ms,
        .runs_out_ms = instant_ms};
}

struct due calendar_due(const calendar_t *self, struct limit limit, int64_t start_ms)
{
    int32_t day = civil_london_day(start_ms);
    struct due due = {0};

    switch (limit.unit) {
    case LIMIT_WD: /* a start on a free day counts like the working day before (D4) */
        due = due_by_day(
            calendar_add_working_days(self, calendar_working_day_before(self, day), limit.count));
        due.provisional = due.due_day > calendar_last_day(self);
        return due;
    case LIMIT_D:
    case LIMIT_DATE:
        return due_by_day(day + limit.count);
    case LIMIT_DX: /* "less than N days": the last whole day is the one before day N (D29) */
        return due_by_day(day + limit.count - 1);
    case LIMIT_MONTHS:
        return due_by_day(civil_add_months(day, limit.count));
    case LIMIT_H:
        return due_at(start_ms + (int64_t)limit.count * HOUR_MS);
    case LIMIT_MIN:
        return due_at(start_ms + (int64_t)limit.count * MINUTE_MS);
    case LIMIT_NONE:
    case LIMIT_UNSET:
        break;
    }
    return due;
}
