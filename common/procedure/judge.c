/* judge: profiles, severities and conditions as they count for one event and one child. Cannot fail. */
#include <string.h>

#include "common/base/check.h"
#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

/* Whom an authority faces in this episode: the other party; for a third authority nobody. */
static uint16_t facing(const struct judge *self, uint16_t code)
{
    const struct transfer *transfer = self->episode->transfer;

    return code == transfer->origin   ? transfer->receiving
        : code == transfer->receiving ? transfer->origin
                                      : 0;
}

const struct standing *judge_standing(const struct judge *self, uint16_t code)
{
    return standing_of(self->engine, code, facing(self, code), self->episode->transfer->profile);
}

bool judge_under(const struct judge *self, uint16_t code, uint8_t profile)
{
    const struct standing *standing = judge_standing(self, code);

    for (size_t i = 0; i < standing->count; i++) {
        if (standing->families[i] == profile) {
            return profile != 0;
        }
    }
    return false;
}

const char *judge_value(const struct judge *self, uint16_t code, const char *key)
{
    const struct standing *standing = judge_standing(self, code);
    const char *value = NULL;

    for (size_t i = 0; value == NULL && i < standing->count; i++) {
        value = procedures_profile_entry(self->engine->procedures, standing->profiles[i], key);
    }
    return value;
}

const char *judge_value_of_parties(const struct judge *self, const char *key)
{
    const struct transfer *transfer = self->episode->transfer;
    const char *value = judge_value(self, transfer->origin, key);

    return value != NULL ? value : judge_value(self, transfer->receiving, key);
}

struct limit judge_limit(const struct judge *self, const char *text, struct limit shipped)
{
    (void)self;
    if (text != NULL) {
        (void)limit_parse(text, &shipped); /* checked with its key, so that it can be parsed */
    }
    return shipped;
}

uint64_t judge_words(const char *words, const char *fact_name)
{
    const struct fact_info *fact = catalogue_fact_named(fact_name);
    uint64_t bits = 0;

    for (const char *at = words; fact != NULL && at != NULL && *at != '\0';) {
        char word[64];
        size_t len = strcspn(at, " ");
        uint32_t number;
        if (len > 0 && len < sizeof word) {
            memcpy(word, at, len);
            word[len] = '\0';
            if (fact_value_number(fact, word, &number) == 0) {
                bits |= UINT64_C(1) << number;
            }
        }
        at += len + strspn(at + len, " ");
    }
    return bits;
}

/* ---- severities ---- */

static enum severity severity_of(const struct judge *self, const struct rule_info *rule,
    uint8_t profile, enum party role, uint32_t kind, uint32_t clock)
{
    const struct severity_entry *entries = NULL;
    size_t count = procedures_severities_of(self->engine->procedures, rule, profile, &entries);
    enum severity strongest = SEVERITY_NONE;

    for (size_t i = 0; i < count; i++) {
        const struct severity_entry *entry = &entries[i];
        bool meant = clock != 0 ? entry->clock == clock
                                : entry->clock == 0 && (entry->kind == 0 || entry->kind == kind);
        bool for_role = entry->only_for == PARTY_ANY || entry->only_for == role;
        if (meant && for_role && entry->severity > strongest) {
            strongest = entry->severity;
        }
    }
    return strongest;
}

/* By one authority's own order: the most specific profile it is under. */
static enum severity severity_by(const struct judge *self, const struct rule_info *rule,
    uint16_t code, enum party role, uint32_t kind, uint32_t clock)
{
    return severity_of(self, rule, judge_standing(self, code)->profiles[0], role, kind, clock);
}

static enum severity stronger(enum severity a, enum severity b)
{
    return a > b ? a : b;
}

enum severity judge_severity(
    const struct judge *self, const struct rule_info *rule, uint32_t kind, uint32_t clock)
{
    const struct transfer *transfer = self->episode->transfer;
    enum severity found = SEVERITY_NONE;

    if (rule->owner_broker) {
        found = severity_of(self, rule, 0, PARTY_ANY, kind, clock); /* as national */
    }
    if (rule->owner_sender) {
        enum party role = self->sender == transfer->origin ? PARTY_ORIGIN : PARTY_RECEIVING;
        found = stronger(found, severity_by(self, rule, self->sender, role, kind, clock));
    }
    if (rule->owner_origin ||
        rule->owner_pair) { /* a pair without a shared profile: the stricter of the two */
        found =
            stronger(found, severity_by(self, rule, transfer->origin, PARTY_ORIGIN, kind, clock));
    }
    if (rule->owner_receiving || rule->owner_pair) {
        found = stronger(
            found, severity_by(self, rule, transfer->receiving, PARTY_RECEIVING, kind, clock));
    }
    return found;
}

void judge_hit(struct judge *self, uint32_t rule_number, enum severity cap)
{
    const struct rule_info *rule = procedures_rule(self->engine->procedures, rule_number);
    uint64_t bit = UINT64_C(1) << (rule_number - 1);

    assert(rule != NULL);
    enum severity severity = judge_severity(self, rule, self->view->kind, 0);
    if (severity > cap) {
        severity = cap;
    }
    if (severity > SEVERITY_ALERT && (self->excepted & bit) != 0) {
        severity = SEVERITY_ALERT; /* set aside by both parties: never silent */
    }
    if (severity == SEVERITY_ALERT) {
        self->alert |= bit;
    } else if (severity != SEVERITY_NONE) {
        self->block |= bit;
    }
    self->strongest = stronger(self->strongest, severity);
}

/* ---- parties ---- */

void parties_of(const struct judge *self, enum party party, uint16_t *out, size_t *count)
{
    const struct transfer *transfer = self->episode->transfer;

    *count = 0;
    switch (party) {
    case PARTY_ORIGIN:
        out[(*count)++] = transfer->origin;
        break;
    case PARTY_RECEIVING:
        out[(*count)++] = transfer->receiving;
        break;
    case PARTY_SENDER:
        out[(*count)++] = self->sender;
        break;
    case PARTY_CASE:
        out[(*count)++] = self->child->case_owner;
        break;
    case PARTY_BOTH:
        out[(*count)++] = transfer->origin;
        if (transfer->receiving != transfer->origin) {
            out[(*count)++] = transfer->receiving;
        }
        break;
    case PARTY_EITHER:
    case PARTY_ANY:
    case PARTY_OPERATOR:
        break;
    }
}

/* ---- conditions ---- */

static uint32_t state_value(const struct judge *self, enum state_name name)
{
    const struct episode *episode = self->episode;

    switch (name) {
    case STATE_CASE_TYPE:
        return self->child->case_type;
    case STATE_PERMANENCE:
        return episode->over ? 0 : episode->permanence;
    case STATE_RETAIN_INTENTION:
        return episode->retain_intention;
    case STATE_CONFERENCE:
        return conference_was_held(episode) ? 2 : 1; /* none, held */
    case STATE_CHALLENGE:
        return episode->documents_challenge ? 2 : 1; /* none, open */
    case STATE_RETAINED:
        return episode->retained ? 1 : 2; /* yes, no */
    case STATE_MINUTES:
        return episode->minutes ? 2 : 1; /* none, sent */
    case STATE_FLAG_END:
        return episode->flag_end != NO_DAY || episode->expected_end != NO_DAY ? 1 : 0;
    case STATE_FLAG_BASIS:
        return episode->flag_basis;
    case STATE_TEMPORARY_PLAN:
        return episode->temporary_plan ? 1 : 2; /* set, clear */
    }
    return 0;
}

static bool among(const struct condition *condition, uint32_t number)
{
    for (size_t i = 0; i < condition->value_count; i++) {
        if (condition->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

static bool text_among(const struct condition *condition, struct slice text)
{
    for (size_t i = 0; i < condition->value_count; i++) {
        if (slice_equal(slice_of_text(condition->values[i]), text)) {
            return true;
        }
    }
    return false;
}

/* A plain name with its default: `about` stands for documents where it is not said (facts.tsv). */
static bool fact_condition(const struct judge *self, const struct condition *condition)
{
    const struct fact_value *value = fact_numbered(self->facts, condition->name);
    const struct engine_names *names = self->engine->names;

    if (condition->presence) {
        return value != NULL;
    }
    if (value == NULL) {
        bool about = condition->name == names->fact[F_ABOUT] &&
            among(condition, names->value[V_ABOUT_DOCUMENTS]);
        return condition->negated || about;
    }
    bool equal = false;
    if (value->fact->type == FACT_ENUM || value->fact->type == FACT_BOOL) {
        equal = among(condition, (uint32_t)value->number);
    } else if (value->fact->type == FACT_INT) {
        char text[24];
        uint32_t number = (uint32_t)value->number;
        size_t used = sizeof text;
        do {
            text[--used] = (char)('0' + number % 10);
            number /= 10;
        } while (number != 0);
        equal = text_among(condition, slice_of(text + used, sizeof text - used));
    } else {
        equal = text_among(condition, value->bytes);
    }
    return equal != condition->negated;
}

static bool role_condition(const struct judge *self, const struct condition *condition)
{
    uint16_t codes[2];
    size_t count;

    parties_of(self, (enum party)condition->role, codes, &count);
    for (size_t i = 0; i < count; i++) {
        if (judge_under(self, codes[i],
                procedures_profile_number(self->engine->procedures, condition->profile))) {
            return true;
        }
    }
    return false;
}

static bool names_rule(const struct judge *self, uint32_t rule_number)
{
    const struct rule_info *rule = procedures_rule(self->engine->procedures, rule_number);
    uint32_t fact = self->engine->names->fact[F_RULE_SET_ASIDE];

    for (size_t i = 0; i < self->facts->count && rule != NULL; i++) {
        const struct fact_value *value = &self->facts->values[i];
        if (value->fact->number == fact && slice_equal(value->bytes, slice_of_text(rule->id))) {
            return true;
        }
    }
    return false;
}

bool condition_holds(
    const struct judge *self, const struct condition *condition, const struct row *start)
{
    switch (condition->subject) {
    case CONDITION_FACT:
        return fact_condition(self, condition);
    case CONDITION_STATE: {
        uint32_t value = state_value(self, (enum state_name)condition->name);
        return condition->presence ? value != 0 : among(condition, value) != condition->negated;
    }
    case CONDITION_ROLE:
        return role_condition(self, condition) != condition->negated;
    case CONDITION_FIRST:
        return self->first;
    case CONDITION_SECOND:
        return self->second;
    case CONDITION_START_KIND:
        return start != NULL && among(condition, start->kind);
    case CONDITION_ITSELF:
        return start == self->row;
    case CONDITION_NO_SPLIT:
        return !self->child->split;
    case CONDITION_NAMES_RULE:
        return names_rule(self, condition->name);
    case CONDITION_UNSTARTED: /* these two are the clocks' own: clocks_run.c */
    case CONDITION_OTHER:
        break;
    }
    return true;
}

bool conditions_hold(const struct judge *self, const struct condition *conditions, size_t count,
    const struct row *start)
{
    for (size_t i = 0; i < count; i++) {
        if (!condition_holds(self, &conditions[i], start)) {
            return false;
        }
    }
    return true;
}

/* ---- running the rules ---- */

void judge_rules(struct judge *self)
{
    const struct rule_call *items = self->plan->calls.items;

    for (uint32_t i = 0; i < self->plan->calls.count; i++) {
        items[i].function(self, items[i].rule);
    }
}
