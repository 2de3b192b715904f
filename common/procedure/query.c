/*
 * query: what can be asked of the engine's state. Nothing changes; unknown names are answered with
 * NULL or E_NOT_FOUND.
 */
#include <string.h>

#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

int engine_verdict(const engine_t *self, const uint8_t *event_id, const uint8_t *subject,
    struct engine_verdict *out)
{
    const struct row *row = row_find(asked(self), event_id);
    const struct row_verdict *found = NULL;

    for (uint32_t i = 0; row != NULL && i < row->verdict_count; i++) {
        if (memcmp(episode_subject(row->verdicts[i].episode), subject, UUID_BYTES) == 0) {
            found = &row->verdicts[i];
        }
    }
    if (found == NULL) {
        return E_NOT_FOUND;
    }
    *out = (struct engine_verdict){.verdict = (enum verdict)found->verdict};
    const uint64_t masks[] = {found->block, found->alert};
    for (size_t m = 0; m < 2; m++) {
        for (uint32_t n = 1; n <= procedures_rule_count(self->procedures); n++) {
            if ((masks[m] & UINT64_C(1) << (n - 1)) != 0 &&
                out->rule_count < sizeof out->rules / sizeof out->rules[0]) {
                out->rules[out->rule_count++] = procedures_rule(self->procedures, n)->id;
                out->alert_count += m;
            }
        }
    }
    return 0;
}

/* ---- responsibility ---- */

static size_t recorders_of(const engine_t *self, const struct child *child, const char *out[8])
{
    size_t count = 0;

    while (count < RECORDERS_MAX && child->recorders[count] != 0) {
        out[count] = code_text(self, child->recorders[count]);
        count++;
    }
    if (count == 0) {
        out[count++] = code_text(self, child->first_origin);
    }
    return count;
}

size_t engine_owner(const engine_t *self, const uint8_t *transfer, const uint8_t *subject,
    enum dimension dimension, const char *out[8])
{
    const struct episode *episode = episode_find(asked(self), transfer, subject);

    if (episode == NULL) {
        return 0;
    }
    if (dimension == DIM_DATA_RECORDING) {
        return recorders_of(self, child_of(episode->child), out);
    }
    out[0] = code_text(self, owner_now(episode, dimension));
    return 1;
}

/* The last change of a dimension at or before an instant, NULL for none. */
static const struct ownership *change_at(
    const struct list *history, enum dimension dimension, int64_t at_ms)
{
    const struct ownership *items = history->items;
    const struct ownership *found = NULL;

    for (uint32_t i = 0; i < history->count; i++) {
        if (items[i].dimension == dimension && items[i].at_ms <= at_ms) {
            found = &items[i];
        }
    }
    return found;
}

size_t engine_owner_at(const engine_t *self, const uint8_t *transfer, const uint8_t *subject,
    enum dimension dimension, int64_t at_ms, const char *out[8])
{
    const struct episode *episode = episode_find(asked(self), transfer, subject);

    if (episode == NULL) {
        return 0;
    }
    const struct child *child = episode->child;
    while (child->merged_into != NULL && child->merged_ms <= at_ms) {
        child = child->merged_into; /* as the records were at that time */
    }
    const struct ownership *change = change_at(&child->history, dimension, at_ms);
    if (change == NULL) {
        change = change_at(&episode->history, dimension, at_ms);
    }
    if (change != NULL && change->owners[0] != FOLLOWS_CASE) {
        size_t count = 0;
        while (count < RECORDERS_MAX && change->owners[count] != 0) {
            out[count] = code_text(self, change->owners[count]);
            count++;
        }
        return count;
    }
    const struct transfer *move = episode->transfer;
    uint16_t first = dimension == DIM_OTHER_SERVICES_COST               ? move->first_receiving
        : dimension == DIM_REPORTS || dimension == DIM_RENT_SUBSISTENCE ? move->first_origin
        : dimension == DIM_DATA_RECORDING                               ? child->first_origin
                                                                        : 0;
    if (first == 0) {
        const struct ownership *owner = change_at(&child->history, DIM_CASE, at_ms);
        first = owner != NULL ? owner->owners[0] : child->first_origin;
    }
    out[0] = code_text(self, first);
    return 1;
}

/* ---- clocks ---- */

static void show_clock(const engine_t *self, const struct running *clock, struct engine_clock *out)
{
    const struct kind_info *kind = catalogue_kind(clock->reason);

    *out = (struct engine_clock){
        .info = clock->info,
        .state = (enum clock_state)clock->state,
        .due = clock->due,
        .has_due = clock->has_due,
        .advisory = clock->advisory,
        .stopped = clock->stopped,
        .started_ms = clock->started_ms,
        .stopped_ms = clock->stopped_ms,
        .late = clock->late,
        .late_unit = clock_late_unit(clock),
        .limit_count = clock->limit.count,
        .bound_count = clock->bound_count,
        .reason = kind != NULL ? kind->name : NULL,
    };
    memcpy(out->event, clock->event->id, UUID_BYTES);
    for (size_t i = 0; i < clock->bound_count; i++) {
        out->bound[i] = code_text(self, clock->bound[i]);
    }
    uint16_t actors[2];
    out->actor_count = clock_actors(self, clock, actors);
    for (size_t i = 0; i < out->actor_count; i++) {
        out->actors[i] = code_text(self, actors[i]);
    }
}

struct clock_visitor {
    const engine_t *engine;
    void (*visit)(void *context, const uint8_t *subject, const struct engine_clock *clock);
    void *context;
};

static void visit_episode(const struct clock_visitor *visitor, const struct episode *episode)
{
    const struct child *child = child_of(episode->child);
    struct running *const *own_clocks = episode->clocks.items;
    struct running *const *childs = child->clocks.items;
    uint32_t a = 0;
    uint32_t b = 0;

    while (a < episode->clocks.count ||
        b < child->clocks.count) { /* both lists are in order of starting */
        bool from_own = b == child->clocks.count ||
            (a < episode->clocks.count && own_clocks[a]->number < childs[b]->number);
        const struct running *clock = from_own ? own_clocks[a++] : childs[b++];
        struct engine_clock shown;
        show_clock(visitor->engine, clock, &shown);
        visitor->visit(visitor->context, episode_subject(episode), &shown);
    }
}

void engine_clocks(const engine_t *self, const uint8_t *transfer, const uint8_t *subject,
    void (*visit)(void *context, const uint8_t *subject, const struct engine_clock *clock),
    void *context)
{
    const struct clock_visitor visitor = {self, visit, context};
    engine_t *engine = asked(self);
    const struct transfer *found = transfer_find(engine, transfer);

    engine->dossiers.visiting++;
    for (uint32_t i = 0; found != NULL && i < found->episodes.count; i++) {
        const struct episode *episode = ((struct episode *const *)found->episodes.items)[i];
        if (subject == NULL || memcmp(subject, episode_subject(episode), UUID_BYTES) == 0) {
            visit_episode(&visitor, episode);
        }
    }
    engine->dossiers.visiting--;
}

/* ---- flags (docs/PROCEDURES.md, section 5.3) ---- */

static const char *yes_no(bool value)
{
    return value ? "yes" : "no";
}

static const char *open_closed(bool value)
{
    return value ? "open" : "closed";
}

static const char *stage_word(const struct episode *episode)
{
    static const char *const words[] = {
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"};
    uint32_t highest = 0;

    for (uint32_t stage = 1; stage < STAGES_MAX; stage++) {
        highest = (episode->stage_raised & 1U << stage) != 0 ? stage : highest;
    }
    return words[highest];
}

static const char *order_word(const struct child *child)
{
    const struct order *orders = child->orders.items;

    for (uint32_t i = 0; i < child->orders.count; i++) {
        if (!orders[i].ended && !orders[i].moved) {
            return "active";
        }
    }
    return "none";
}

static const char *consent_word(const struct child *child)
{
    const struct consent *consents = child->consents.items;

    for (uint32_t i = 0; i < child->consents.count; i++) {
        if (!consents[i].withdrawn) {
            return "given";
        }
    }
    return "none";
}

static const char *documents_word(const struct episode *episode)
{
    return episode->complete ? "complete" : episode->documents != 0 ? "some" : "none";
}

enum flag_name {
    FLAG_TEMPORARY_PLAN,
    FLAG_PERMANENCE,
    FLAG_S47,
    FLAG_ASSESSMENT,
    FLAG_DOCUMENTS,
    FLAG_ESCALATION,
    FLAG_STAGE,
    FLAG_LETTER_HELD,
    FLAG_CASE_FILE,
    FLAG_REQUESTED,
    FLAG_AGREED,
    FLAG_RETAINED,
    FLAG_RETENTION_AGREEMENT,
    FLAG_CASE_TYPE,
    FLAG_ORDER,
    FLAG_CONSENT,
    FLAG_EMERGENCY,
    FLAG_CLOSED,
    FLAG_DISCONTINUED,
    FLAG_COUNT
};

static const char *const flag_names[FLAG_COUNT] = {"temporary_plan", "permanence", "s47",
    "assessment", "documents", "escalation", "stage", "letter_held", "case_file", "requested",
    "agreed", "retained", "retention_agreement", "case_type", "order", "consent", "emergency",
    "closed", "discontinued"};

const char *engine_flag_name(size_t index)
{
    return index < FLAG_COUNT ? flag_names[index] : NULL;
}

static const char *flag_value(
    const engine_t *self, const struct episode *episode, enum flag_name name)
{
    const struct child *child = child_of(episode->child);
    const struct engine_names *names = self->names;

    switch (name) {
    case FLAG_TEMPORARY_PLAN:
        return episode->temporary_plan ? "set" : "clear";
    case FLAG_PERMANENCE:
        return episode->over
            ? "ended"
            : fact_value_word(catalogue_fact(names->fact[F_PERMANENCE]), episode->permanence);
    case FLAG_S47:
        return open_closed(child->s47);
    case FLAG_ASSESSMENT:
        return open_closed(child->assessments.count > 0);
    case FLAG_DOCUMENTS:
        return documents_word(episode);
    case FLAG_ESCALATION:
        return open_closed(episode->escalation);
    case FLAG_STAGE:
        return stage_word(episode);
    case FLAG_LETTER_HELD:
        return yes_no(episode->letter_held);
    case FLAG_CASE_FILE:
        return yes_no(episode->case_file);
    case FLAG_REQUESTED:
        return yes_no(episode->requested);
    case FLAG_AGREED:
        return yes_no(episode->agreed);
    case FLAG_RETAINED:
        return yes_no(episode->retained);
    case FLAG_RETENTION_AGREEMENT:
        return episode->agreement ? "signed" : episode->agreement_proposed ? "proposed" : "none";
    case FLAG_CASE_TYPE:
        return fact_value_word(catalogue_fact(names->fact[F_CASE_TYPE_NOW]), child->case_type);
    case FLAG_ORDER:
        return order_word(child);
    case FLAG_CONSENT:
        return consent_word(child);
    case FLAG_EMERGENCY:
        return open_closed(episode->emergency);
    case FLAG_CLOSED:
        return yes_no(episode->closed);
    case FLAG_DISCONTINUED:
        return yes_no(episode->discontinued);
    case FLAG_COUNT:
        break;
    }
    return NULL;
}

const char *engine_flag(
    const engine_t *self, const uint8_t *transfer, const uint8_t *subject, const char *name)
{
    const struct episode *episode = episode_find(asked(self), transfer, subject);

    for (int i = 0; episode != NULL && i < FLAG_COUNT; i++) {
        if (strcmp(flag_names[i], name) == 0) {
            return flag_value(self, episode, (enum flag_name)i);
        }
    }
    return NULL;
}

/* ---- outstanding, measures, levels ---- */

static void visit_endless(const struct list *clocks,
    void (*visit)(void *context, const char *id, int64_t since_ms), void *context)
{
    struct running *const *items = clocks->items;

    for (uint32_t i = 0; i < clocks->count; i++) {
        if (items[i]->state == CLOCK_RUNNING && !items[i]->has_due) {
            visit(context, items[i]->info->id, items[i]->started_ms);
        }
    }
}

void engine_outstanding(const engine_t *self, const uint8_t *transfer, const uint8_t *subject,
    void (*visit)(void *context, const char *id, int64_t since_ms), void *context)
{
    engine_t *engine = asked(self);
    const struct episode *episode = episode_find(engine, transfer, subject);

    if (episode == NULL) {
        return;
    }
    engine->dossiers.visiting++;
    const struct child *child = child_of(episode->child);
    const struct outstanding *items = episode->outstanding.items;
    for (uint32_t i = 0; i < episode->outstanding.count; i++) {
        visit(context, procedures_rule(self->procedures, items[i].rule)->id, items[i].since_ms);
    }
    if (child->r46_since != NO_TIME) {
        visit(context, "R46", child->r46_since);
    }
    if (child->r61_since != NO_TIME) {
        visit(context, "R61", child->r61_since);
    }
    visit_endless(&episode->clocks, visit, context);
    visit_endless(&child->clocks, visit, context);
    engine->dossiers.visiting--;
}

/* Those that the dossiers add up to, and those that are counted as they happen. */
enum { COUNTED_LATE_DOCUMENTS = MEASURES, COUNTED_REFUSALS };

static const struct {
    const char *name;
    int what;
} measures[] = {
    {"late_documents", COUNTED_LATE_DOCUMENTS},
    {"breaches", MEASURE_BREACHES},
    {"refused", COUNTED_REFUSALS},
    {"owner_faults", MEASURE_OWNER_FAULTS},
    {"closures_without_letter", MEASURE_CLOSURES},
    {"follow_ups", MEASURE_FOLLOW_UPS},
};

const char *engine_measure_name(size_t index)
{
    return index < sizeof measures / sizeof measures[0] ? measures[index].name : NULL;
}

static int64_t measure(const engine_t *self, int what)
{
    const struct chain *chains[] = {&self->dossiers.open, &self->dossiers.heavy};
    int64_t sums[MEASURES];

    if (what >= MEASURES) {
        return (int64_t)(what == COUNTED_REFUSALS ? self->refusals : self->late_documents);
    }
    memcpy(sums, self->dossiers.away, sizeof sums);
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        for (const struct contents *one = chains[i]->newest; one != NULL; one = one->older) {
            contents_measure(one, sums);
        }
    }
    return sums[what];
}

int engine_measure(const engine_t *self, const char *name, int64_t *out)
{
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
        if (strcmp(measures[i].name, name) == 0) {
            *out = measure(self, measures[i].what);
            return 0;
        }
    }
    return E_NOT_FOUND;
}

int engine_level(const engine_t *self, const uint8_t *event_id, const char *code)
{
    const struct row *row = row_find(asked(self), event_id);

    for (uint32_t i = 0; row != NULL && i < row->recipient_count; i++) {
        if (strcmp(code_text(self, row_recipients(row)[i].code), code) == 0) {
            return row_recipients(row)[i].level;
        }
    }
    return -1;
}

size_t engine_recipients(const engine_t *self, const uint8_t *event_id, const char *out[16])
{
    const struct row *row = row_find(asked(self), event_id);
    size_t count = 0;

    for (uint32_t i = 0; row != NULL && i < row->recipient_count; i++) {
        out[count++] = code_text(self, row_recipients(row)[i].code);
    }
    return count;
}

int engine_parties(
    const engine_t *self, const uint8_t *transfer, const char **origin, const char **receiving)
{
    const struct transfer *found = transfer_find(asked(self), transfer);

    if (found == NULL) {
        return E_NOT_FOUND;
    }
    *origin = code_text(self, found->origin);
    *receiving = code_text(self, found->receiving);
    return 0;
}

int engine_sender(const engine_t *self, const uint8_t *event_id, const char **out)
{
    const struct row *row = row_find(asked(self), event_id);

    if (row == NULL) {
        return E_NOT_FOUND;
    }
    *out = code_text(self, row->from);
    return 0;
}

uint8_t verdict_strongest(const uint8_t *verdicts, size_t count)
{
    static const uint8_t rank[] = {[VERDICT_UNJUDGED] = 0,
        [VERDICT_EFFECTIVE] = 1,
        [VERDICT_ALERT] = 2,
        [VERDICT_HELD] = 3,
        [VERDICT_REFUSED] = 4};
    uint8_t found = VERDICT_UNJUDGED;

    for (size_t i = 0; i < count; i++) {
        if (verdicts[i] < sizeof rank && rank[verdicts[i]] > rank[found]) {
            found = verdicts[i];
        }
    }
    return found;
}
