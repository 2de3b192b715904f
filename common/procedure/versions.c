/*
 * versions: what the day brings from which a new version of a profile counts. Nothing that runs is
 * changed by it: a clock keeps the limit under which it was started, a verdict stands. What comes
 * from that day on is judged by the new version, and profile_changed says so. Cannot fail.
 */
#include <string.h>

#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

/* The version that begins next after a day; of several on one day that with the next number. 0 for none. */
static uint8_t begins_after(const procedures_t *procedures, int32_t day, uint8_t number)
{
    uint8_t found = 0;

    for (size_t i = 1; i <= procedures_profile_count(procedures); i++) {
        int32_t from = procedures_profile_from(procedures, (uint8_t)i);
        bool later = from > day || (from == day && i > number);
        if (later && (found == 0 || from < procedures_profile_from(procedures, found))) {
            found = (uint8_t)i;
        }
    }
    return found;
}

static const char *version_of(const procedures_t *procedures, uint8_t number)
{
    const char *version = procedures_profile_entry(procedures, number, "profile.version");

    return version != NULL ? version : "none";
}

static void tell(engine_t *self, uint8_t number, int64_t at_ms)
{
    char from[CIVIL_DATE_BYTES];

    civil_date_text(procedures_profile_from(self->procedures, number), from);
    emit(self, "profile_changed", NULL, NULL, NULL, NULL, at_ms, "profile=%s version=%s from=%s",
        procedures_profile_name(self->procedures, number), version_of(self->procedures, number),
        from);
}

void versions_begin(engine_t *self, int32_t day_before)
{
    uint8_t number = UINT8_MAX;
    int32_t day = day_before;

    while ((number = begins_after(self->procedures, day, number)) != 0) {
        day = procedures_profile_from(self->procedures, number);
        if (day > self->today) {
            return;
        }
        tell(self, number, civil_london_midnight_ms(day));
    }
}

void versions_today(engine_t *self)
{
    uint8_t next = begins_after(self->procedures, self->today, UINT8_MAX);

    self->change_ms = next == 0
        ? INT64_MAX
        : civil_london_midnight_ms(procedures_profile_from(self->procedures, next));
    for (uint32_t i = 0; i < procedures_clock_count(self->procedures); i++) {
        self->clock_versions[i] = procedures_profile_in_force(
            self->procedures, self->plans.clock_profiles[i], self->today);
    }
}

/* Did the tables before hold the same version, in force as well? */
static bool counted(const engine_t *self, const procedures_t *before, uint8_t number)
{
    const char *name = procedures_profile_name(self->procedures, number);
    uint8_t old =
        procedures_profile_in_force(before, procedures_profile_number(before, name), self->today);

    return old != 0 &&
        procedures_profile_from(before, old) == procedures_profile_from(self->procedures, number) &&
        strcmp(version_of(before, old), version_of(self->procedures, number)) == 0;
}

void versions_brought(engine_t *self, const procedures_t *before)
{
    for (size_t i = 1; i <= procedures_profile_count(self->procedures); i++) {
        uint8_t number = (uint8_t)i;
        bool in_force =
            procedures_profile_in_force(self->procedures, number, self->today) == number &&
            procedures_profile_from(self->procedures, number) <= self->today;
        if (in_force && !counted(self, before, number)) {
            tell(self, number, self->now_ms);
        }
    }
}
