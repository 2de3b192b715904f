/*
 * rules_event: checks that concern events of every kind: who may send, what must be there, times, places of consent.
 */
#include <string.h>

#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"
#include "common/procedure/rules_run.h"

#include "common/base/banned.h"

/* An envelope fact: 0 not stated; an enum's number; for a bool 1 no, 2 yes. */
static uint32_t envelope(const struct judge *self, enum fact_name name)
{
    return self->view->envelope[self->engine->names->header[name]];
}

/* A required fact that is there: `no` on a companion of a sealed fact counts as missing (section 3). */
static bool is_present(const struct judge *self, uint32_t number)
{
    const struct engine_names *names = self->engine->names;
    const struct fact_value *value = fact_numbered(self->facts, number);
    const struct fact_info *info = catalogue_fact(number);

    if (info != NULL && info->envelope) {
        return self->view->envelope[info->header_field] != 0;
    }
    if (value == NULL) {
        return false;
    }
    bool companion = number == names->fact[F_RATIONALE_PRESENT] ||
        number == names->fact[F_DOB_PRESENT] || number == names->fact[F_EDD_PRESENT];
    return !companion || value->number != 0;
}

static bool misses_one_of(const struct judge *self, const struct rule_info *rule)
{
    for (size_t i = 0; i < rule->fact_count; i++) {
        if (rule->facts[i].kind == self->view->kind && !is_present(self, rule->facts[i].fact)) {
            return true;
        }
    }
    return false;
}

void rule_r02(struct judge *self, uint32_t rule)
{
    if (misses_one_of(self, procedures_rule(self->engine->procedures, rule))) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r58(struct judge *self, uint32_t rule)
{
    for (size_t i = 0; i < self->plan->required_count; i++) {
        if (!is_present(self, self->plan->required[i])) {
            judge_hit(self, rule, self->plan->protective ? SEVERITY_ALERT : BY_PROFILE);
            return;
        }
    }
}

static bool sender_has_role(const struct judge *self)
{
    const struct transfer *transfer = self->episode->transfer;

    switch (self->plan->sender) {
    case PARTY_ANY:
        return true;
    case PARTY_EITHER:
        return self->sender == transfer->origin || self->sender == transfer->receiving;
    case PARTY_RECEIVING:
        return self->sender == transfer->receiving;
    default:
        return self->sender == transfer->origin;
    }
}

void rule_r03(struct judge *self, uint32_t rule)
{
    if (!sender_has_role(self) || dimension_moves_unheard(self)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r40(struct judge *self, uint32_t rule)
{
    bool consent = envelope(self, F_LAWFUL_BASIS) == self->engine->names->value[V_BASIS_CONSENT];

    if (consent && !is_value(self, self->child->case_type, V_EARLY_HELP)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r41(struct judge *self, uint32_t rule)
{
    const struct transfer *transfer = self->episode->transfer;
    uint32_t informed = envelope(self, F_FAMILY_INFORMED);
    bool reason = envelope(self, F_WITHHELD_REASON) != 0;
    bool hit = (kind_is(self, K_FAMILY_NOT_INFORMED) || informed == 1) && !reason;

    if (kind_is(self, K_TRANSFER_REQUESTED) &&
        judge_under(self, transfer->origin, self->engine->plans.bilateral)) {
        hit = hit || (informed == 0 && !self->episode->family_known);
    }
    if (hit) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r47(struct judge *self, uint32_t rule)
{
    if (misses_one_of(self, procedures_rule(self->engine->procedures, rule))) {
        judge_hit(self, rule, self->plan->protective ? SEVERITY_ALERT : BY_PROFILE);
    }
}

/* The date of which the letter gives the weekday. */
static bool weekday_differs(const struct judge *self)
{
    static const enum fact_name dates[] = {F_CONFERENCE_DATE, F_NEW_DATE, F_TRANSFER_DATE};
    uint32_t stated = envelope(self, F_WEEKDAY);

    for (size_t i = 0; stated != 0 && i < sizeof dates / sizeof dates[0]; i++) {
        const struct fact_value *date = fact_at(self, dates[i]);
        if (date != NULL) {
            return civil_weekday((int32_t)date->number) + 1 != (int)stated; /* mon is 1 */
        }
    }
    return false;
}

void rule_r52(struct judge *self, uint32_t rule)
{
    if (self->view->occurred_ms > self->view->sent_ms) {
        judge_hit(self, rule, self->plan->protective ? SEVERITY_ALERT : BY_PROFILE);
    }
    if (weekday_differs(self)) {
        judge_hit(self, rule, SEVERITY_ALERT);
    }
}

void rule_r60(struct judge *self, uint32_t rule)
{
    if (self->episode->over) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r61(struct judge *self, uint32_t rule)
{
    const struct child *other = child_named(self->engine, fact_at(self, F_SAME_CHILD_AS));
    const struct child *child = self->child;

    if (self->second && other != NULL && other != child && !other->ended && !child->ended &&
        other->case_owner != child->case_owner) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r62(struct judge *self, uint32_t rule)
{
    const char *never = judge_value(self, self->sender, "exception.never");
    uint32_t fact = self->engine->names->fact[F_RULE_SET_ASIDE];

    for (size_t i = 0; never != NULL && i < self->facts->count; i++) {
        const struct fact_value *value = &self->facts->values[i];
        if (value->fact->number != fact) {
            continue;
        }
        for (const char *at = never; *at != '\0'; at += strspn(at, " ")) {
            size_t len = strcspn(at, " ");
            if (slice_equal(slice_of(at, len), value->bytes)) {
                judge_hit(self, rule, BY_PROFILE);
                return;
            }
            at += len;
        }
    }
}
