/*
 * plans: what follows from the tables and the date alone, worked out once and kept: the rules and
 * clocks that concern each kind, the limits of each profile, who is under which profile, what day
 * it is. Nothing here depends on events. Cannot fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"
#include "common/procedure/load.h"

#include "common/base/banned.h"

enum { KEY_TEXT_BYTES = 32 };

uint64_t rule_bit(uint32_t rule)
{
    return rule == 0 ? 0 : UINT64_C(1) << (rule - 1);
}

const struct kind_plan *plan_of(const engine_t *self, uint32_t kind)
{
    return &self->plans.kinds[kind < KINDS_MAX ? kind : 0];
}

/* ---- rules ---- */

/* Mark the kinds that a rule may concern under any profile; 0 stands for every kind. */
static void mark_kinds(const engine_t *self, const struct rule_info *rule, bool *concerned)
{
    for (size_t profile = 1; profile <= procedures_profile_count(self->procedures); profile++) {
        const struct severity_entry *entries = NULL;
        size_t count = procedures_severities_of(self->procedures, rule, (uint8_t)profile, &entries);
        for (size_t i = 0; i < count; i++) {
            if (entries[i].clock == 0) {
                concerned[entries[i].kind] = true;
            }
        }
    }
}

/* Does a rule other than R58 answer for this fact of this kind? */
static bool answered_elsewhere(const engine_t *self, uint32_t kind, uint32_t fact)
{
    for (uint32_t number = 1; number <= procedures_rule_count(self->procedures); number++) {
        const struct rule_info *rule = procedures_rule(self->procedures, number);
        for (size_t i = 0; i < rule->fact_count; i++) {
            if (rule->facts[i].kind == kind && rule->facts[i].fact == fact) {
                return true;
            }
        }
    }
    return false;
}

static void plan_kind(engine_t *self, uint32_t kind)
{
    struct kind_plan *plan = &self->plans.kinds[kind];
    const uint32_t *stops = NULL;
    struct list calls = plan->calls;

    calls.count = 0;
    *plan = (struct kind_plan){.info = catalogue_kind(kind), .calls = calls};
    if (plan->info == NULL) {
        return;
    }
    int rc = party_parse(plan->info->sender_role, &plan->sender);
    assert(rc == 0 && "the catalogue's roles are checked by its own test");
    plan->protective = plan->info->protective;
    plan->two_party = filing_kind(self->names, kind);
    for (const uint32_t *fact = plan->info->required; *fact != 0; fact++) {
        if (!answered_elsewhere(self, kind, *fact)) {
            assert(plan->required_count < REQUIRED_MAX);
            plan->required[plan->required_count++] = *fact;
        }
    }
    size_t count = procedures_stops(self->procedures, kind, &stops);
    for (size_t i = 0; i < count; i++) {
        plan->stops |= UINT64_C(1) << (stops[i] - 1);
    }
    const struct effect *effects = NULL;
    size_t effect_count = procedures_effects(self->procedures, kind, &effects);
    for (size_t i = 0; i < effect_count; i++) {
        plan->no_clocks = plan->no_clocks || effects[i].special == SPECIAL_NO_CLOCKS;
    }
}

/* A rule that checks events is called for the kinds that it may concern, in the order of the rules. */
static void plan_rule(engine_t *self, const struct rule_info *rule)
{
    rule_function *function = rule_function_of(rule->id);
    bool concerned[KINDS_MAX] = {false};

    if (function == NULL) {
        return;
    }
    mark_kinds(self, rule, concerned);
    for (uint32_t kind = 1; kind < KINDS_MAX; kind++) {
        if ((concerned[0] || concerned[kind]) && self->plans.kinds[kind].info != NULL) {
            struct rule_call *call = list_add(&self->plans.kinds[kind].calls, sizeof *call);
            *call = (struct rule_call){rule->number, function};
        }
    }
}

static void plan_kinds(engine_t *self)
{
    for (uint32_t kind = 0; kind < KINDS_MAX; kind++) {
        plan_kind(self, kind);
    }
    for (uint32_t number = 1; number <= procedures_rule_count(self->procedures); number++) {
        plan_rule(self, procedures_rule(self->procedures, number));
    }
}

/* ---- clocks ---- */

/* Rules that speak when a clock runs out: those that name it, and R38 for C26 once it has a limit. */
static void plan_clock_rules(engine_t *self)
{
    memset(self->plans.clock_rules, 0, sizeof self->plans.clock_rules);
    for (uint32_t number = 1; number <= procedures_rule_count(self->procedures); number++) {
        const struct rule_info *rule = procedures_rule(self->procedures, number);
        for (size_t p = 1; p <= procedures_profile_count(self->procedures); p++) {
            const struct severity_entry *entries = NULL;
            size_t count = procedures_severities_of(self->procedures, rule, (uint8_t)p, &entries);
            for (size_t i = 0; i < count; i++) {
                if (entries[i].clock != 0) {
                    self->plans.clock_rules[entries[i].clock - 1] |= rule_bit(number);
                }
            }
        }
    }
}

static void plan_clock(engine_t *self, const struct clock_info *clock)
{
    if (strcmp(clock->id, "C26") == 0) {
        self->plans.clock_rules[clock->number - 1] |= rule_bit(self->plans.r38);
    }
    for (size_t i = 0; i < clock->met_count; i++) {
        self->plans.bound_stops |=
            clock->met_by[i].special == STOP_BOUND_EVENT ? UINT64_C(1) << (clock->number - 1) : 0;
    }
}

static void plan_setting(engine_t *self, uint8_t profile, const struct clock_info *clock)
{
    static const char *const moments[] = {"persisted", "sent", "accepted", "occurred"};
    struct clock_setting *setting =
        &self->plans.settings[(size_t)(profile - 1) * CLOCKS_MAX + clock->number - 1];
    char key[KEY_TEXT_BYTES];

    (void)snprintf(key, sizeof key, "clocks.%s.limit", clock->id);
    const char *limit = procedures_profile_entry(self->procedures, profile, key);
    setting->has_limit = limit != NULL && limit_parse(limit, &setting->limit) == 0;
    (void)snprintf(key, sizeof key, "clocks.%s.moment", clock->id);
    const char *moment = procedures_profile_entry(self->procedures, profile, key);
    for (size_t i = 0; moment != NULL && i < sizeof moments / sizeof moments[0]; i++) {
        if (strcmp(moments[i], moment) == 0) {
            setting->has_moment = true;
            setting->moment = (enum moment)i;
        }
    }
}

static void plan_clocks(engine_t *self)
{
    size_t profiles = procedures_profile_count(self->procedures);

    free(self->plans.settings);
    self->plans.settings = mem_new(profiles * CLOCKS_MAX, sizeof *self->plans.settings);
    self->plans.bound_stops = 0;
    plan_clock_rules(self);
    for (uint32_t i = 1; i <= procedures_clock_count(self->procedures); i++) {
        const struct clock_info *clock = procedures_clock(self->procedures, i);
        self->plans.clock_profiles[i - 1] =
            procedures_profile_number(self->procedures, clock->profile);
        plan_clock(self, clock);
        for (size_t profile = 1; profile <= profiles; profile++) {
            plan_setting(self, (uint8_t)profile, clock);
        }
    }
}

static uint32_t rule_named(const engine_t *self, const char *id)
{
    const struct rule_info *rule = procedures_rule_named(self->procedures, id);

    return rule != NULL ? rule->number : 0;
}

void plans_forget_days(engine_t *self)
{
    struct code *codes = self->codes.items;

    for (uint32_t i = 0; i < self->codes.count; i++) {
        codes[i].epoch = 0;
    }
    memset(self->plans.standings, 0, STANDINGS * sizeof *self->plans.standings);
    self->today_from_ms = self->today_to_ms = 0;
    self->change_ms = INT64_MAX;
}

void plans_make(engine_t *self)
{
    self->plans.version = procedures_version(self->procedures);
    self->plans.r17 = rule_named(self, "R17");
    self->plans.r34 = rule_named(self, "R34");
    self->plans.r38 = rule_named(self, "R38");
    self->plans.r46 = rule_named(self, "R46");
    self->plans.r51 = rule_named(self, "R51");
    self->plans.r54 = rule_named(self, "R54");
    self->plans.r61 = rule_named(self, "R61");
    self->plans.london = procedures_profile_number(self->procedures, "london");
    self->plans.bilateral = procedures_profile_number(self->procedures, "birmingham-solihull");
    plan_kinds(self);
    plan_clocks(self);
    if (self->plans.standings == NULL) {
        self->plans.standings = mem_new(STANDINGS, sizeof *self->plans.standings);
    }
    plans_forget_days(self);
    time_set(self, self->now_ms);
}

void plans_free(engine_t *self)
{
    for (uint32_t kind = 0; kind < KINDS_MAX; kind++) {
        free(self->plans.kinds[kind].calls.items);
    }
    free(self->plans.settings);
    free(self->plans.standings);
}

/* ---- the day ---- */

void time_set(engine_t *self, int64_t now_ms)
{
    if (now_ms > self->now_ms) {
        self->now_ms = now_ms;
    }
    if (self->now_ms == NO_TIME ||
        (self->now_ms >= self->today_from_ms && self->now_ms < self->today_to_ms)) {
        return;
    }
    int32_t day_before = self->today;
    int32_t epoch_before = self->epoch;
    self->today = civil_london_day(self->now_ms);
    self->today_from_ms = civil_london_midnight_ms(self->today);
    self->today_to_ms = civil_london_midnight_ms(self->today + 1);
    self->epoch = procedures_epoch(self->procedures, self->today);
    versions_today(self);
    if (self->epoch != epoch_before && self->codes.count > 0) {
        successions_run(self, day_before);
    }
    if (epoch_before != 0) { /* 0: nothing was known of the day before */
        versions_begin(self, day_before);
    }
}

/* ---- profiles ---- */

const struct standing *standing_of(engine_t *self, uint16_t code, uint16_t other, uint8_t forced)
{
    uint32_t mixed = ((uint32_t)code << 16 | other) * UINT32_C(0x9e3779b1) + forced;
    struct standing *found = &self->plans.standings[(mixed >> 16) & (STANDINGS - 1)];

    if (found->epoch != self->epoch || found->code != code || found->other != other ||
        found->forced != forced) {
        *found =
            (struct standing){.code = code, .other = other, .forced = forced, .epoch = self->epoch};
        found->count = (uint8_t)procedures_profile_numbers(self->procedures, code_text(self, code),
            other != 0 ? code_text(self, other) : NULL, forced, self->today, found->profiles);
        for (size_t i = 0; i < found->count; i++) {
            found->families[i] = procedures_profile_family(self->procedures, found->profiles[i]);
        }
    }
    return found;
}
