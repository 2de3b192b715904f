/* procedures: see procedures.h. Loads everything or nothing; faults are complaints with file and line. */
#include "common/base/words.h"
#include "common/procedure/procedures.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/procedure/load.h"

#include "common/base/banned.h"

void *pool_new(procedures_t *self, size_t count, size_t bytes)
{
    void *block = mem_new(count, bytes);

    self->pool = mem_grow(self->pool, self->pool_count, &self->pool_capacity, sizeof *self->pool);
    self->pool[self->pool_count++] = block;
    return block;
}

const char *pool_text(procedures_t *self, const char *text, size_t len)
{
    char *copy = pool_new(self, len + 1, 1);

    memcpy(copy, text, len);
    return copy;
}

int load_complain(const struct loader *self, int rc, const char *format, ...)
{
    char sentence[240];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (self->file == NULL) {
        return complain(self->why, rc, "%s", sentence);
    }
    return complain(self->why, rc, "%s:%zu: %s", self->file, self->line, sentence);
}

int load_unknown(const struct loader *self, const char *what, const char *word, const char *near)
{
    return load_complain(self, E_NOT_FOUND, "unknown %s \"%.60s\"%s%s%s", what, word,
        near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
        near != NULL ? "\"?" : "");
}

static int load_profiles(
    procedures_t *self, const struct procedures_source *source, struct complaint *why)
{
    int rc = 0;

    self->profiles = profiles_new();
    for (size_t i = 0; rc == 0 && i < source->profile_count; i++) {
        rc = profiles_add(self->profiles, source->profile_names[i], source->profiles[i], why);
    }
    if (rc == 0) {
        rc = profiles_add_authorities(self->profiles, "authorities.csv", source->authorities, why);
    }
    if (rc == 0) {
        rc = profiles_add_successions(self->profiles, "successions.tsv", source->successions, why);
    }
    if (rc == 0) {
        rc = profiles_check(self->profiles, why);
    }
    return rc;
}

static int load_tables(
    procedures_t *self, const struct procedures_source *source, struct complaint *why)
{
    struct loader loader = {self, "", 0, why};

    int rc = kinds_read(source->kinds, "kinds.tsv", &self->kinds, why);
    if (rc == 0) {
        rc = clocks_read(source->clocks, "clocks.tsv", &self->clocks, why);
    }
    if (rc == 0) {
        rc = rules_read(source->rules, "rules.tsv", &self->rules, why);
    }
    if (rc == 0) {
        rc = clocks_compile(&loader);
    }
    if (rc == 0) {
        rc = rules_compile(&loader);
    }
    if (rc == 0) {
        rc = effects_compile(&loader);
    }
    if (rc == 0) {
        rc = rule_rows_check(&loader);
    }
    if (rc == 0) {
        rc = system_kinds_check(&loader, source->system_kinds);
    }
    return rc == 0 ? profiles_entries_check(self->profiles, &loader) : rc;
}

/* Profiles that clocks and conditions name must be there. */
static int check_profiles(const procedures_t *self, struct complaint *why)
{
    struct loader loader = {(procedures_t *)(uintptr_t)self, "clocks.tsv", 0, why};

    for (size_t i = 0; i < self->clock_count; i++) {
        loader.line = i + 2;
        if (!profiles_known(self->profiles, self->clock_rows[i].profile)) {
            const char *name = self->clock_rows[i].profile;
            return load_unknown(&loader, "profile", name, profiles_nearest(self->profiles, name));
        }
    }
    return 0;
}

/* Which column of rules.tsv speaks of each profile; without one of its own a profile reads national's. */
static void find_columns(procedures_t *self)
{
    for (size_t number = 1; number <= profiles_count(self->profiles); number++) {
        for (uint8_t column = 0; column < RULE_PROFILES && number < PROFILE_NUMBERS_MAX; column++) {
            if (strcmp(self->rule_profiles[column], profiles_name(self->profiles, number)) == 0) {
                self->rule_columns[number] = column;
            }
        }
    }
}

int procedures_load(
    const struct procedures_source *source, procedures_t **out, struct complaint *why)
{
    procedures_t *self = mem_new(1, sizeof *self);
    int rc = load_profiles(self, source, why);

    if (rc == 0) {
        rc = load_tables(self, source, why);
    }
    if (rc == 0) {
        rc = check_profiles(self, why);
    }
    if (rc == 0) {
        find_columns(self);
    }
    if (rc == 0) {
        const char *division = profiles_entry(
            self->profiles, profiles_number(self->profiles, "national"), "calendar.working_days");
        rc = calendar_load(source->bank_holidays, division != NULL ? division : "england-and-wales",
            &self->calendar, why);
    }
    if (rc != 0) {
        procedures_destroy(&self);
        return rc;
    }
    *out = self;
    return 0;
}

void procedures_destroy(procedures_t **self_p)
{
    procedures_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->pool_count; i++) {
        free(self->pool[i]);
    }
    free(self->pool);
    tsv_free(&self->kinds);
    tsv_free(&self->clocks);
    tsv_free(&self->rules);
    profiles_destroy(&self->profiles);
    calendar_destroy(&self->calendar);
    free(self);
    *self_p = NULL;
}

size_t procedures_clock_count(const procedures_t *self)
{
    return self->clock_count;
}

const struct clock_info *procedures_clock(const procedures_t *self, uint32_t number)
{
    return number >= 1 && number <= self->clock_count ? &self->clock_rows[number - 1] : NULL;
}

const struct clock_info *procedures_clock_named(const procedures_t *self, const char *id)
{
    for (size_t i = 0; i < self->clock_count; i++) {
        if (strcmp(self->clock_rows[i].id, id) == 0) {
            return &self->clock_rows[i];
        }
    }
    return NULL;
}

size_t procedures_rule_count(const procedures_t *self)
{
    return self->rule_count;
}

const struct rule_info *procedures_rule(const procedures_t *self, uint32_t number)
{
    return number >= 1 && number <= self->rule_count ? &self->rule_rows[number - 1] : NULL;
}

const struct rule_info *procedures_rule_named(const procedures_t *self, const char *id)
{
    for (size_t i = 0; i < self->rule_count; i++) {
        if (strcmp(self->rule_rows[i].id, id) == 0) {
            return &self->rule_rows[i];
        }
    }
    return NULL;
}

size_t procedures_severities(const procedures_t *self, const struct rule_info *rule,
    const char *profile, const struct severity_entry **out)
{
    const struct severity_list *lists = self->severities[rule->number - 1];
    const struct severity_list *found = &lists[0];

    for (size_t i = 0; i < RULE_PROFILES; i++) {
        if (strcmp(self->rule_profiles[i], profile) == 0 && lists[i].given) {
            found = &lists[i];
        }
    }
    *out = found->entries;
    return found->count;
}

size_t procedures_severities_of(const procedures_t *self, const struct rule_info *rule,
    uint8_t profile, const struct severity_entry **out)
{
    const struct severity_list *lists = self->severities[rule->number - 1];
    uint8_t column = profile < PROFILE_NUMBERS_MAX ? self->rule_columns[profile] : 0;
    const struct severity_list *found = &lists[lists[column].given ? column : 0];

    *out = found->entries;
    return found->count;
}

size_t procedures_effects(const procedures_t *self, uint32_t kind, const struct effect **out)
{
    if (kind >= KIND_ROWS_MAX) {
        return 0;
    }
    *out = self->effects[kind].effects;
    return self->effects[kind].count;
}

static size_t numbers_of(const struct number_list *lists, uint32_t kind, const uint32_t **out)
{
    if (kind >= KIND_ROWS_MAX) {
        return 0;
    }
    *out = lists[kind].numbers;
    return lists[kind].count;
}

size_t procedures_starts(const procedures_t *self, uint32_t kind, const uint32_t **out)
{
    return numbers_of(self->starts, kind, out);
}

size_t procedures_stops(const procedures_t *self, uint32_t kind, const uint32_t **out)
{
    return numbers_of(self->stops, kind, out);
}

const char *procedures_value(const procedures_t *self, const char *code, const char *other,
    const char *profile, int32_t day, const char *key)
{
    uint8_t numbers[3];
    size_t count = profiles_numbers(self->profiles, code, other,
        profile != NULL ? profiles_number(self->profiles, profile) : 0, day, numbers);
    const char *value = NULL;

    for (size_t i = 0; value == NULL && i < count; i++) {
        value = profiles_entry(self->profiles, numbers[i], key);
    }
    return value;
}

size_t procedures_profiles_of(const procedures_t *self, const char *code, const char *other,
    const char *forced, int32_t day, const char *out[3])
{
    return profiles_of(self->profiles, code, other, forced, day, out);
}

bool procedures_under(const procedures_t *self, const char *code, const char *other,
    const char *forced, int32_t day, const char *profile)
{
    const char *names[3];
    size_t count = profiles_of(self->profiles, code, other, forced, day, names);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], profile) == 0) {
            return true;
        }
    }
    return false;
}

int32_t procedures_rungs(
    const procedures_t *self, const char *code, const char *other, const char *forced, int32_t day)
{
    uint8_t numbers[3];
    size_t count = profiles_numbers(self->profiles, code, other,
        forced != NULL ? profiles_number(self->profiles, forced) : 0, day, numbers);
    int32_t rungs = 0;

    for (size_t i = 0; i < count && rungs == 0; i++) {
        rungs = profiles_rungs(self->profiles, numbers[i]);
    }
    return rungs;
}

uint32_t procedures_version(const procedures_t *self)
{
    return profiles_version(self->profiles);
}

int32_t procedures_epoch(const procedures_t *self, int32_t day)
{
    return profiles_epoch(self->profiles, day);
}

size_t procedures_profile_count(const procedures_t *self)
{
    return profiles_count(self->profiles);
}

static const char *profile_at(const void *known, size_t index)
{
    return procedures_profile_name(known, index + 1);
}

const char *procedures_profile_nearest(const procedures_t *self, const char *name)
{
    return words_nearest(name, profile_at, self);
}

const char *procedures_profile_name(const procedures_t *self, size_t number)
{
    return profiles_name(self->profiles, number);
}

uint8_t procedures_profile_number(const procedures_t *self, const char *name)
{
    return profiles_number(self->profiles, name);
}

const char *procedures_profile_file(const procedures_t *self, size_t number)
{
    return profiles_file(self->profiles, number);
}

uint8_t procedures_profile_family(const procedures_t *self, uint8_t number)
{
    return profiles_family(self->profiles, number);
}

int32_t procedures_profile_from(const procedures_t *self, uint8_t number)
{
    return profiles_from_day(self->profiles, number);
}

uint8_t procedures_profile_in_force(const procedures_t *self, uint8_t number, int32_t day)
{
    return profiles_in_force(self->profiles, number, day);
}

size_t procedures_profile_numbers(const procedures_t *self, const char *code, const char *other,
    uint8_t forced, int32_t day, uint8_t out[3])
{
    return profiles_numbers(self->profiles, code, other, forced, day, out);
}

const char *procedures_profile_entry(const procedures_t *self, uint8_t profile, const char *key)
{
    return profiles_entry(self->profiles, profile, key);
}

int32_t procedures_profile_rungs(const procedures_t *self, uint8_t profile)
{
    return profiles_rungs(self->profiles, profile);
}

const calendar_t *procedures_calendar(const procedures_t *self)
{
    return self->calendar;
}

int procedures_override(
    procedures_t *self, const char *key, const char *value, struct complaint *why)
{
    const struct loader loader = {.procedures = self, .why = why};
    int rc = profile_key_check(key, value, why);

    rc = rc == 0 ? profile_entry_check(&loader, key, value) : rc;
    return rc == 0 ? profiles_override(self->profiles, key, value, why) : rc;
}

int procedures_member(procedures_t *self, const char *code, const char *profile, int32_t from_day,
    struct complaint *why)
{
    return profiles_member(self->profiles, code, profile, from_day, why);
}

const char *procedures_route(const procedures_t *self, const char *code, int32_t day)
{
    return profiles_route(self->profiles, code, day);
}

bool procedures_known_code(const procedures_t *self, const char *code)
{
    return profiles_known_code(self->profiles, code);
}

int32_t procedures_superseded_from(const procedures_t *self, const char *code)
{
    return profiles_superseded_from(self->profiles, code);
}
