/*
 * rules_acceptance: the checks of acceptances, requests, closures and escalations, by rule id
 * (docs/PROCEDURES.md, rules.tsv).
 * Each function says when its rule is hit; the severity is the profile's.
 */
#include <string.h>

#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"
#include "common/procedure/rules_run.h"

#include "common/base/banned.h"

/* An order that stands: not ended, not moved by a court. */
static bool order_active(const struct order *order)
{
    return !order->ended && !order->moved;
}

bool rule_any_order(const struct judge *self, uint64_t types)
{
    const struct order *orders = self->child->orders.items;

    for (uint32_t i = 0; i < self->child->orders.count; i++) {
        if (order_active(&orders[i]) && (types & UINT64_C(1) << orders[i].type) != 0) {
            return true;
        }
    }
    return false;
}

/* The union of a list over both parties where they share no profile; the shared one's else. */
static uint64_t words_of_pair(const struct judge *self, const char *key, const char *fact)
{
    const struct transfer *transfer = self->episode->transfer;

    return judge_words(judge_value(self, transfer->origin, key), fact) |
        judge_words(judge_value(self, transfer->receiving, key), fact);
}

bool rule_under_enquiry(const struct judge *self)
{
    return self->child->s47 || self->child->assessments.count > 0;
}

void rule_r01(struct judge *self, uint32_t rule)
{
    uint16_t owner = self->child->case_owner;

    if (kind_is(self, K_WRITTEN_ACCEPTANCE)) {
        if (owner != self->episode->transfer->origin) {
            judge_hit(self, rule, BY_PROFILE);
        }
    } else if (owner != self->sender) {
        self->moves_nothing = true;
        judge_hit(self, rule, BY_PROFILE);
    }
}

/* An instant that lies a limit later; by days at the same time of day. */
static int64_t moment_later(const struct judge *self, int64_t from_ms, struct limit limit)
{
    struct due due = calendar_due(procedures_calendar(self->engine->procedures), limit, from_ms);

    return !due.by_day ? due.due_ms
                       : from_ms + civil_london_midnight_ms(due.due_day) -
            civil_london_midnight_ms(civil_london_day(from_ms));
}

void rule_r04(struct judge *self, uint32_t rule)
{
    const struct episode *episode = self->episode;
    int64_t effective_ms = fact_number(self, F_EFFECTIVE_AT, self->occurred_ms);
    const char *future = judge_value(self, episode->transfer->receiving, "accept.future_limit");
    struct limit limit = judge_limit(self, future, (struct limit){LIMIT_D, 0});
    int64_t latest_ms = self->view->sent_ms;

    if (limit.count > 0) {
        latest_ms = moment_later(self, latest_ms, limit);
    }
    bool before_conference =
        episode->conference_ms != NO_TIME && effective_ms < episode->conference_ms;
    bool before_date = episode->transfer_date != NO_DAY &&
        effective_ms < civil_london_midnight_ms(episode->transfer_date);
    if (before_conference || before_date || effective_ms > latest_ms) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r05(struct judge *self, uint32_t rule)
{
    if (is_value(self, self->child->case_type, V_CP) && !conference_was_held(self->episode)) {
        judge_hit(self, rule,
            fact_at(self, F_NO_CONFERENCE_REASON) != NULL ? SEVERITY_ALERT : BY_PROFILE);
    }
}

/* R06 and R07: with pre-proceedings on record only flagged (D36). */
void rule_r06_r07(struct judge *self, uint32_t rule)
{
    if (rule_under_enquiry(self)) {
        judge_hit(self, rule, self->child->pre_proceedings ? SEVERITY_ALERT : BY_PROFILE);
    }
}

void rule_r08(struct judge *self, uint32_t rule)
{
    if (self->child->orders.count == 0) {
        return;
    }
    uint64_t listed = words_of_pair(self, "block.orders", "order_type");
    if (rule_any_order(self, listed)) {
        judge_hit(self, rule, BY_PROFILE);
    } else if (rule_any_order(self, ~listed)) {
        judge_hit(self, rule, SEVERITY_ALERT);
    }
}

void rule_r09(struct judge *self, uint32_t rule)
{
    if (rule_any_order(self, UINT64_C(1) << self->engine->names->value[V_ORDER_SUPERVISION])) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r10(struct judge *self, uint32_t rule)
{
    const struct transfer *transfer = self->episode->transfer;
    bool in_care = is_value(self, self->child->case_type, V_LAC) ||
        is_value(self, self->child->case_type, V_CARE_LEAVER);
    uint8_t pact = self->engine->plans.bilateral;

    if (!in_care) {
        return;
    }
    bool bilateral =
        judge_under(self, transfer->origin, pact) && judge_under(self, transfer->receiving, pact);
    if (!bilateral || rule_any_order(self, words_of_pair(self, "block.orders", "order_type"))) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r11(struct judge *self, uint32_t rule)
{
    if (self->episode->over || !is_value(self, self->episode->permanence, V_PERMANENT)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r12(struct judge *self, uint32_t rule)
{
    const char *words = judge_value(self, self->episode->transfer->origin, "permanence.any_of");
    uint64_t counts = words != NULL ? judge_words(words, "evidence") : UINT64_MAX;

    if ((self->episode->evidence & counts) == 0 && fact_at(self, F_LEGAL_ADVICE) == NULL) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r13(struct judge *self, uint32_t rule)
{
    const struct episode *episode = self->episode;
    uint64_t only = UINT64_C(1) << self->engine->names->value[V_RESIDENCE_3_MONTHS];
    if (fact_at(self, F_LEGAL_ADVICE) != NULL || episode->evidence != only) {
        return;
    }
    struct limit limit =
        judge_limit(self, judge_value(self, episode->transfer->origin, "clocks.C14.limit"),
            (struct limit){LIMIT_MONTHS, 3});
    bool too_short = limit.unit == LIMIT_MONTHS &&
        (episode->residence_start == NO_DAY ||
            civil_add_months(episode->residence_start, limit.count) > self->today);
    if (too_short || episode->intention_stated != 2) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r16(struct judge *self, uint32_t rule)
{
    const struct child *child = self->child;

    if (child->avoidance && !(child->pre_proceedings && child->assessments.count > 0)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r28(struct judge *self, uint32_t rule)
{
    if (rule_gives_case_up(self) && is_value(self, self->child->case_type, V_CP) &&
        !self->episode->over && is_value(self, self->episode->permanence, V_PERMANENT) &&
        !conference_was_held(self->episode)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

/* case_closed as transferred, plan_discontinued because the child moved. */
bool rule_gives_case_up(const struct judge *self)
{
    return kind_is(self, K_CASE_CLOSED) ? fact_is(self, F_CLOSURE_TYPE, V_CLOSURE_TRANSFERRED)
                                        : fact_is(self, F_DISCONTINUE_REASON, V_DISCONTINUE_MOVED);
}

/* Does the letter named belong to an acceptance that took effect (effective) or that did not? */
static bool letter_of(const struct judge *self, bool effective)
{
    const struct fact_value *hash = fact_at(self, F_LETTER_HASH);
    const struct letter *letters = self->episode->letters.items;

    if (hash == NULL) {
        return false;
    }
    struct hash wanted = fact_hash(hash);
    for (uint32_t i = 0; i < self->episode->letters.count; i++) {
        if (letters[i].effective == effective &&
            memcmp(&letters[i].hash, &wanted, sizeof wanted) == 0) {
            return true;
        }
    }
    return false;
}

void rule_r29(struct judge *self, uint32_t rule)
{
    bool hit = kind_is(self, K_CASE_CLOSED)
        ? fact_is(self, F_CLOSURE_TYPE, V_CLOSURE_TRANSFERRED) && !self->episode->letter_held
        : !letter_of(self, true);

    if (hit) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r59(struct judge *self, uint32_t rule)
{
    if (!letter_of(self, true) && letter_of(self, false)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r36(struct judge *self, uint32_t rule)
{
    if (self->episode->escalation &&
        (kind_is(self, K_WRITTEN_ACCEPTANCE) || rule_gives_case_up(self))) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

/* ---- escalation ---- */

/* The value of ladder.STAGE.CODE for one side, NULL where the map lacks it. */
static const char *ladder_role(const struct judge *self, uint16_t code, int64_t stage)
{
    char key[40] = "ladder.";
    size_t used = strlen(key);

    key[used++] = (char)('0' + stage % 10);
    key[used++] = '.';
    memcpy(key + used, code_text(self->engine, code), CODE_BYTES + 1);
    return judge_value(self, code, key);
}

/* How many rungs the most specific ladder has, 0 for none. A forced profile's rungs count whoever stands in its map. */
static int64_t ladder_rungs(const struct judge *self)
{
    const struct standing *standing =
        standing_of(self->engine, self->sender, self->other, self->episode->transfer->profile);
    int64_t rungs = 0;

    for (size_t i = 0; i < standing->count && rungs == 0; i++) {
        rungs = procedures_profile_rungs(self->engine->procedures, standing->profiles[i]);
    }
    return rungs;
}

static bool role_fits(const struct judge *self, uint16_t code, int64_t stage, enum fact_name name)
{
    const struct fact_value *stated = fact_at(self, name);
    const char *wanted = code != 0 ? ladder_role(self, code, stage) : NULL;

    if (wanted == NULL || stated == NULL) {
        return true;
    }
    return (judge_words(wanted, "decider_role") & UINT64_C(1) << stated->number) != 0;
}

/* Has the clock of that stage run out, within the open escalation? A breach that was superseded is none. */
static bool stage_ran_out(const struct judge *self, int64_t stage)
{
    static const char *const ids[] = {
        "C11", "C12", "C13"}; /* of stages 1 to 3; a higher one has none */
    struct running *const *clocks = self->episode->clocks.items;

    if (stage < 1 || stage > (int64_t)(sizeof ids / sizeof ids[0])) {
        return false;
    }
    for (uint32_t i = 0; i < self->episode->clocks.count; i++) {
        const struct running *clock = clocks[i];
        if (clock->state == CLOCK_BREACHED && clock->event->number >= self->episode->dispute &&
            strcmp(clock->info->id, ids[stage - 1]) == 0) {
            return true;
        }
    }
    return false;
}

static bool raise_in_order(const struct judge *self, int64_t stage)
{
    const struct episode *episode = self->episode;
    int64_t rungs = ladder_rungs(self);

    if (stage < 1 || stage >= STAGES_MAX || (rungs > 0 && stage > rungs)) {
        return false;
    }
    if ((episode->stage_raised & 1U << stage) != 0) {
        return false;
    }
    if (stage == 1) {
        return rungs == 0 || episode->requested;
    }
    bool before_raised = (episode->stage_raised & 1U << (stage - 1)) != 0;
    return before_raised &&
        ((episode->stage_move_up & 1U << (stage - 1)) != 0 || stage_ran_out(self, stage - 1));
}

void rule_r32(struct judge *self, uint32_t rule)
{
    const struct fact_value *stated = fact_at(self, F_STAGE);

    if (stated == NULL) {
        return; /* R58 speaks */
    }
    int64_t stage = stated->number;
    if (kind_is(self, K_ESCALATION_OUTCOME)) {
        if (stage < 1 || stage >= STAGES_MAX || (self->episode->stage_raised & 1U << stage) == 0) {
            judge_hit(self, rule, BY_PROFILE);
        }
        return;
    }
    bool roles = ladder_rungs(self) == 0 ||
        (role_fits(self, self->sender, stage, F_RAISED_BY_ROLE) &&
            role_fits(self, self->other, stage, F_COUNTERPART_ROLE));
    if (!raise_in_order(self, stage) || !roles) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r33(struct judge *self, uint32_t rule)
{
    const char *by = judge_value(self, self->sender, "ladder.raised_by");
    bool both = by != NULL && (strcmp(by, "either") == 0 || strcmp(by, "any") == 0);

    if (!both && self->sender != self->episode->transfer->origin) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r35(struct judge *self, uint32_t rule)
{
    const struct fact_value *stage = fact_at(self, F_STAGE);
    const struct fact_value *decision = fact_at(self, F_OUTCOME_DECISION);
    size_t other_side = self->sender == self->episode->transfer->origin ? 1 : 0;

    if (stage == NULL || decision == NULL || stage->number < 1 || stage->number >= STAGES_MAX) {
        return;
    }
    bool filed = (self->episode->stage_filed[other_side] & 1U << stage->number) != 0;
    if (filed && self->episode->stage_outcome[other_side][stage->number] != decision->number) {
        judge_hit(self, rule, BY_PROFILE);
    }
}
