/*
 * rules_move: checks of notices, documents, conferences, early help and emergencies, and the table of all rules.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"
#include "common/procedure/rules_run.h"

#include "common/base/banned.h"

/* ---- the stay as it will be once the notice has taken effect ---- */

struct stay {
    bool temporary;
    uint32_t placement;
    int32_t move_date;
    const struct fact_value *expected_end; /* as this event states it */
};

static struct stay stay_after(const struct judge *self)
{
    const struct episode *episode = self->episode;
    uint32_t permanence = (uint32_t)fact_number(self, F_PERMANENCE, episode->permanence);
    int32_t recorded =
        episode->move_date != NO_DAY ? episode->move_date : civil_london_day(self->occurred_ms);

    return (struct stay){
        .temporary = is_value(self, permanence, V_TEMPORARY),
        .placement = (uint32_t)fact_number(self, F_PLACEMENT_TYPE, episode->placement_type),
        .move_date = (int32_t)fact_number(self, F_MOVE_DATE, recorded),
        .expected_end = fact_at(self, F_EXPECTED_END),
    };
}

void rule_r14(struct judge *self, uint32_t rule)
{
    struct stay stay = stay_after(self);
    struct limit limit = judge_limit(
        self, judge_value_of_parties(self, "clocks.C08.limit"), (struct limit){LIMIT_DX, 28});

    if (limit.unit != LIMIT_UNSET && stay.expected_end != NULL && stay.temporary &&
        is_value(self, stay.placement, V_REHOUSED) &&
        stay.expected_end->number >= stay.move_date + limit.count) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r15(struct judge *self, uint32_t rule)
{
    struct stay stay = stay_after(self);
    struct limit limit = judge_limit(
        self, judge_value_of_parties(self, "clocks.C09.limit"), (struct limit){LIMIT_MONTHS, 3});

    if (limit.unit != LIMIT_UNSET && stay.expected_end != NULL && stay.temporary &&
        is_value(self, stay.placement, V_EXPLOITATION) &&
        stay.expected_end->number > civil_add_months(stay.move_date, limit.count)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

/* ---- frequent moves ---- */

static bool number_value(const struct judge *self, uint16_t code, const char *key, int64_t *out)
{
    const char *text = judge_value(self, code, key);
    int64_t value = 0;

    if (text == NULL || strcmp(text, "unset") == 0) {
        return false;
    }
    for (; *text >= '0' && *text <= '9'; text++) {
        value = value * 10 + (*text - '0');
    }
    *out = value;
    return true;
}

/* Notices of the child between these two, either way, that still count, this one included. */
static int64_t moves_counted(const struct judge *self, int64_t weeks)
{
    const struct transfer *transfer = self->episode->transfer;
    const struct move_notice *notices = self->child->notices.items;
    int64_t count = 1;

    for (uint32_t i = 0; i < self->child->notices.count; i++) {
        const struct move_notice *notice = &notices[i];
        bool same = (notice->from == transfer->origin && notice->to == transfer->receiving) ||
            (notice->from == transfer->receiving && notice->to == transfer->origin);
        const struct episode *episode =
            contents_numbered(self->episode->contents, SHELF_EPISODES, notice->episode);
        if (same && notice->day >= self->today - weeks * 7 && episode != NULL &&
            !episode->withdrawn) {
            count++;
        }
    }
    return count;
}

int64_t rule_moves_counted(const struct judge *self)
{
    int64_t weeks = 0;

    (void)number_value(self, self->episode->transfer->origin, "frequent_mover.weeks", &weeks);
    return moves_counted(self, weeks);
}

static bool role_is(const struct judge *self, enum fact_name name, const char *key)
{
    const struct fact_value *role = fact_at(self, name);
    const char *wanted = judge_value(self, self->episode->transfer->origin, key);

    return wanted == NULL ||
        (role != NULL && (judge_words(wanted, "decider_role") & UINT64_C(1) << role->number) != 0);
}

void rule_r17(struct judge *self, uint32_t rule)
{
    uint16_t origin = self->episode->transfer->origin;
    int64_t moves;
    int64_t weeks;

    if (kind_is(self, K_MOVE_NOTIFIED)) {
        if (number_value(self, origin, "frequent_mover.moves", &moves) &&
            number_value(self, origin, "frequent_mover.weeks", &weeks) &&
            moves_counted(self, weeks) >= moves) {
            judge_hit(self, rule, BY_PROFILE);
        }
        return;
    }
    bool frequent = fact_is(self, F_GROUND, V_GROUND_FREQUENT_MOVER);
    if (frequent &&
        (!role_is(self, F_DECIDER_ROLE, "retain.frequent_mover_decider") ||
            !role_is(self, F_ADVISED_BY_ROLE, "retain.frequent_mover_adviser"))) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

/* ---- notices and flags ---- */

void rule_r19(struct judge *self, uint32_t rule)
{
    if (fact_at(self, F_PERMANENCE) == NULL || fact_at(self, F_RETAIN_INTENTION) == NULL) {
        judge_hit(self, rule, SEVERITY_ALERT);
    }
}

void rule_r20(struct judge *self, uint32_t rule)
{
    bool first_kind = fact_is(self, F_CONFERENCE_TYPE, V_TRANSFER_IN) ||
        fact_is(self, F_CONFERENCE_TYPE, V_INITIAL);

    if (first_kind && is_outstanding(self->episode, rule)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r21(struct judge *self, uint32_t rule)
{
    const struct episode *episode = self->episode;
    uint32_t basis = (uint32_t)fact_number(self, F_BASIS, episode->flag_basis);
    bool temporary = basis == 0 || is_value(self, basis, V_TEMPORARY_STAY);
    bool has_end = fact_at(self, F_EXPECTED_END) != NULL || episode->flag_end != NO_DAY ||
        episode->expected_end != NO_DAY;

    if (fact_is(self, F_ACTION, V_ACTION_SET) && temporary && !has_end) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r45(struct judge *self, uint32_t rule)
{
    const struct fact_value *history = fact_at(self, F_ADDRESS_HISTORY);
    const struct fact_value *dob = fact_at(self, F_DOB_PRESENT);
    const char *text = judge_value(self, self->episode->transfer->receiving, "clocks.C24.limit");
    struct limit limit = judge_limit(self, text, (struct limit){LIMIT_MONTHS, 24});
    bool short_history =
        limit.unit == LIMIT_MONTHS && history != NULL && history->number < limit.count;
    bool no_dob =
        dob != NULL && dob->number == 0 && !is_value(self, self->child->case_type, V_UNBORN);
    if (short_history || no_dob) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r57(struct judge *self, uint32_t rule)
{
    uint16_t who = code_of_fact(self->engine, fact_at(self, F_COST_AUTHORITY));
    bool permanent = !self->episode->over && is_value(self, self->episode->permanence, V_PERMANENT);

    if (fact_is(self, F_COST_ITEM, V_COST_RENT) && who == self->episode->transfer->receiving &&
        !permanent) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

/* ---- documents ---- */

void rule_r23(struct judge *self, uint32_t rule)
{
    uint16_t receiving = self->episode->transfer->receiving;
    uint32_t type = self->child->case_type;
    bool cp = is_value(self, type, V_CP);
    bool cin = is_value(self, type, V_CIN);
    const char *bilateral = cp ? "docs.transfer_cp"
        : cin                  ? "docs.transfer_cin"
                               : "docs.transfer_lac";
    const char *inbound = cp ? "docs.cp_in" : cin ? "docs.cin_in" : NULL;
    uint64_t wanted = 0;

    if (cp || cin || is_value(self, type, V_LAC)) {
        const char *words = judge_value(self, receiving, bilateral);
        if (words == NULL && inbound != NULL) {
            words = judge_value(self, receiving, inbound);
        }
        wanted = judge_words(words, "documents");
    }
    if (cin && self->episode->previously_cp &&
        judge_under(self, receiving, self->engine->plans.london)) {
        wanted |= UINT64_C(1) << self->engine->names->value[V_CP_DOCUMENT];
    }
    if ((wanted & ~self->episode->documents) != 0) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r24(struct judge *self, uint32_t rule)
{
    uint64_t wanted =
        judge_words(judge_value(self, self->episode->transfer->origin, "docs.cp_out"), "documents");
    uint64_t provided = self->episode->documents | fact_bits(self, F_DOCUMENTS);

    if (fact_yes(self, F_DECLARED_COMPLETE) && is_value(self, self->child->case_type, V_CP) &&
        (wanted & ~provided) != 0) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r25(struct judge *self, uint32_t rule)
{
    int64_t finished_ms = fact_number(self, F_FINISHED_AT, self->occurred_ms);
    const char *text = judge_value(self, self->episode->transfer->receiving, "docs.finish_within");
    struct limit limit = judge_limit(self, text, (struct limit){LIMIT_WD, 1});

    if (self->episode->documents_persisted_ms == NO_TIME) {
        return;
    }
    const calendar_t *calendar = procedures_calendar(self->engine->procedures);
    struct due due = calendar_due(calendar, limit, self->episode->documents_persisted_ms);
    if (due.timed && finished_ms >= due.runs_out_ms) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

/* ---- conferences ---- */

/* Does the day lie after the due date of a running clock? advisory: only of clocks that bind nobody. */
static bool after_running(const struct list *clocks, int64_t day, bool advisory)
{
    static const char *const watched[] = {"C01", "C02", "C03", "C04", "C19"};
    struct running *const *items = clocks->items;

    for (uint32_t i = 0; i < clocks->count; i++) {
        const struct running *clock = items[i];
        if (clock->state != CLOCK_RUNNING || !clock->has_due || clock->advisory != advisory ||
            day <= clock->due.due_day) {
            continue;
        }
        for (size_t k = 0; k < sizeof watched / sizeof watched[0]; k++) {
            if (strcmp(clock->info->id, watched[k]) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool misses(const struct child *child, int64_t day, bool advisory)
{
    struct episode *const *episodes = child->episodes.items;
    bool late = after_running(&child->clocks, day, advisory);

    for (uint32_t i = 0; !late && i < child->episodes.count; i++) {
        late = after_running(&episodes[i]->clocks, day, advisory);
    }
    return late;
}

void rule_r26(struct judge *self, uint32_t rule)
{
    const struct fact_value *date = kind_is(self, K_CONFERENCE_POSTPONED)
        ? fact_at(self, F_NEW_DATE)
        : !kind_is(self, K_TRANSFER_DATE_AGREED)              ? fact_at(self, F_CONFERENCE_DATE)
        : fact_is(self, F_TRANSFER_POINT, V_POINT_CONFERENCE) ? fact_at(self, F_TRANSFER_DATE)
                                                              : NULL;

    if (date == NULL) {
        return;
    }
    bool binding = misses(self->child, date->number, false);
    self->advisory_only = !binding && misses(self->child, date->number, true);
    if (binding || self->advisory_only) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r27(struct judge *self, uint32_t rule)
{
    const char *words = judge_value(self, self->episode->transfer->receiving, "postpone.deciders");
    uint64_t wanted = judge_words(words != NULL ? words : "manager cpo", "deciders");

    if ((fact_bits(self, F_DECIDERS) & wanted) != wanted) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r30(struct judge *self, uint32_t rule)
{
    uint64_t invited = fact_bits(self, F_ICPC_INVITED);
    uint64_t told = fact_bits(self, F_AGENCIES_NOTIFIED);

    if (fact_at(self, F_ICPC_INVITED) == NULL || fact_at(self, F_AGENCIES_NOTIFIED) == NULL ||
        (invited & ~told) != 0) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r31(struct judge *self, uint32_t rule)
{
    if (!fact_yes(self, F_RATIONALE_PRESENT)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r48(struct judge *self, uint32_t rule)
{
    if (fact_yes(self, F_TURNS_18)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r44(struct judge *self, uint32_t rule)
{
    int64_t date = fact_number(self, F_ASSESSMENT_DATE, self->episode->assessment_date);
    const char *text = judge_value(self, self->episode->transfer->receiving, "clocks.C23.limit");
    struct limit limit = judge_limit(self, text, (struct limit){LIMIT_MONTHS, 12});

    if (limit.unit == LIMIT_MONTHS && date != NO_DAY &&
        civil_add_months((int32_t)date, limit.count) < self->today) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r56(struct judge *self, uint32_t rule)
{
    if (fact_yes(self, F_ORIGINAL_FILE)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

/* ---- emergencies ---- */

void rule_r37(struct judge *self, uint32_t rule)
{
    const struct episode *episode = self->episode;
    bool hit = kind_is(self, K_HOME_RESUMED)        ? !episode->emergency_accepted
        : kind_is(self, K_STRATEGY_DISCUSSION_HELD) ? episode->emergency
                                                    : self->sender != episode->transfer->origin;

    if (hit) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

/* ---- early help ---- */

static const struct consent *consent_named(const struct child *child, struct slice id)
{
    const struct consent *consents = child->consents.items;

    for (uint32_t i = child->consents.count; i > 0; i--) {
        if (slice_equal(slice_of_text(consents[i - 1].id), id)) {
            return &consents[i - 1];
        }
    }
    return NULL;
}

static bool consent_covers(const struct judge *self, const struct consent *consent, uint16_t code)
{
    const struct engine_names *names = self->engine->names;
    uint32_t stated = self->view->envelope[names->header[F_ADDRESSEE_SERVICE]];
    uint32_t service = stated != 0 ? stated : names->value[V_SERVICE_EARLY_HELP];
    const char *word = fact_value_word(catalogue_fact(names->fact[F_ADDRESSEE_SERVICE]), service);
    const struct consent_recipient *recipients = consent->recipients.items;

    for (uint32_t i = 0; word != NULL && i < consent->recipients.count; i++) {
        if (recipients[i].code == code && strcmp(recipients[i].service, word) == 0) {
            return true;
        }
    }
    return false;
}

void rule_r39(struct judge *self, uint32_t rule)
{
    const struct fact_value *ref = fact_at(self, F_CONSENT_REF);
    const struct consent *consent = ref != NULL ? consent_named(self->child, ref->bytes) : NULL;
    bool good = consent != NULL && !consent->withdrawn && self->today <= consent->expires &&
        (fact_bits(self, F_DOCUMENTS) & ~consent->scope) == 0;

    for (uint32_t i = 0; good && i < self->row->recipient_count; i++) {
        good = consent_covers(self, consent, row_recipients(self->row)[i].code);
    }
    if (!good) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r42(struct judge *self, uint32_t rule)
{
    uint32_t fact = self->engine->names->fact[F_RECORDERS];
    uint16_t first = 0;
    bool two = false;

    for (size_t i = 0; i < self->facts->count; i++) {
        if (self->facts->values[i].fact->number == fact) {
            uint16_t code = code_of_fact(self->engine, &self->facts->values[i]);
            two = two || (first != 0 && code != 0 && code != first);
            first = first != 0 ? first : code;
        }
    }
    if (fact_yes(self, F_SPLIT_RESIDENCE) && !two) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

void rule_r43(struct judge *self, uint32_t rule)
{
    if (!fact_yes(self, F_RECORDED_LOCALLY)) {
        judge_hit(self, rule, BY_PROFILE);
    }
}

/* ---- the table: rules that are kept by construction, or where clocks run out, have no function ---- */

static const struct {
    const char *id;
    rule_function *function;
} functions[] = {
    {"R01", rule_r01},
    {"R02", rule_r02},
    {"R03", rule_r03},
    {"R04", rule_r04},
    {"R05", rule_r05},
    {"R06", rule_r06_r07},
    {"R07", rule_r06_r07},
    {"R08", rule_r08},
    {"R09", rule_r09},
    {"R10", rule_r10},
    {"R11", rule_r11},
    {"R12", rule_r12},
    {"R13", rule_r13},
    {"R14", rule_r14},
    {"R15", rule_r15},
    {"R16", rule_r16},
    {"R17", rule_r17},
    {"R19", rule_r19},
    {"R20", rule_r20},
    {"R21", rule_r21},
    {"R23", rule_r23},
    {"R24", rule_r24},
    {"R25", rule_r25},
    {"R26", rule_r26},
    {"R27", rule_r27},
    {"R28", rule_r28},
    {"R29", rule_r29},
    {"R30", rule_r30},
    {"R31", rule_r31},
    {"R32", rule_r32},
    {"R33", rule_r33},
    {"R35", rule_r35},
    {"R36", rule_r36},
    {"R37", rule_r37},
    {"R39", rule_r39},
    {"R40", rule_r40},
    {"R41", rule_r41},
    {"R42", rule_r42},
    {"R43", rule_r43},
    {"R44", rule_r44},
    {"R45", rule_r45},
    {"R47", rule_r47},
    {"R48", rule_r48},
    {"R52", rule_r52},
    {"R56", rule_r56},
    {"R57", rule_r57},
    {"R58", rule_r58},
    {"R59", rule_r59},
    {"R60", rule_r60},
    {"R61", rule_r61},
    {"R62", rule_r62},
};

const char *rule_function_name(size_t index)
{
    return index < sizeof functions / sizeof functions[0] ? functions[index].id : NULL;
}

rule_function *rule_function_of(const char *id)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strcmp(functions[i].id, id) == 0) {
            return functions[i].function;
        }
    }
    return NULL;
}
