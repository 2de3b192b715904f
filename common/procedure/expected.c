/*
 * expected: what comes next in an episode, and from whom. Of a deadline that binds both parties one
 * must act first: the one whose kind meets it, else the one that has not signed, else the one that
 * was addressed. What an event waits for (ack_expected) is in answers.c. Nothing changes, nothing fails.
 */
#include <string.h>

#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

/* ---- which of two must act ---- */

/* A side of the episode as an index: 0 the origin, 1 the receiver. */
static size_t side_of(const struct transfer *transfer, uint16_t code)
{
    return code == transfer->origin || code == transfer->first_origin ? 0 : 1;
}

static uint16_t code_of_side(const struct transfer *transfer, size_t side)
{
    return side == 0 ? transfer->origin : transfer->receiving;
}

static bool asks(const struct trigger *stop, enum condition_subject subject)
{
    for (size_t i = 0; i < stop->condition_count; i++) {
        if (stop->conditions[i].subject == subject) {
            return true;
        }
    }
    return false;
}

static bool has_filed(const struct episode *episode, uint32_t kind, size_t side)
{
    const struct filing *filings = episode->filings.items;

    for (uint32_t i = 0; i < episode->filings.count; i++) {
        if (filings[i].kind == kind && side_of(episode->transfer, filings[i].sender) == side) {
            return true;
        }
    }
    return false;
}

/* The sides that must act, a bit each. */
static unsigned sides_to_act(const engine_t *self, const struct running *clock)
{
    const struct episode *episode = clock->episode;
    unsigned other = 1U << (1 - side_of(episode->transfer, clock->event->from));

    for (size_t i = 0; i < clock->info->met_count; i++) {
        const struct trigger *stop = &clock->info->met_by[i];
        enum party sender = plan_of(self, stop->kind)->sender;
        if (stop->kind == 0) {
            continue;
        }
        if (sender == PARTY_ORIGIN || sender == PARTY_RECEIVING) {
            return sender == PARTY_ORIGIN ? 1U : 2U;
        }
        if (asks(stop, CONDITION_SECOND) && stop->kind != clock->event->kind) {
            bool filed[2] = {has_filed(episode, stop->kind, 0), has_filed(episode, stop->kind, 1)};
            return filed[0] == filed[1] ? 3U : filed[0] ? 2U : 1U;
        }
    }
    return other;
}

size_t clock_actors(const engine_t *self, const struct running *clock, uint16_t out[2])
{
    size_t count = 0;

    if (clock->bound_count < 2) {
        out[0] = clock->bound[0];
        return clock->bound_count;
    }
    unsigned sides = sides_to_act(self, clock);
    for (size_t side = 0; side < 2; side++) {
        if ((sides & 1U << side) != 0) {
            out[count++] = code_of_side(clock->episode->transfer, side);
        }
    }
    return count;
}

/* ---- what is expected ---- */

/* What settles an obligation without a clock, and who owes it. */
static const struct {
    const char *rule;
    enum party party;
    const char *kinds[2];
    const char *what;
} owed[] = {
    {"R02", PARTY_RECEIVING, {"minutes_sent"}, "the minutes of the conference"},
    {"R19", PARTY_ORIGIN, {"move_updated"}, "whether the move is permanent and who keeps the case"},
    {"R20", PARTY_RECEIVING, {"temporary_plan_flag"}, "the temporary plan flag"},
    {"R46", PARTY_SENDER, {"breach_reason_recorded"}, "why the assessment is late"},
    {"R56", PARTY_ORIGIN, {"original_file_refused", "records_viewing_arranged"},
        "an answer to the request for the original file"},
    {"R61", PARTY_BOTH, {"exception_arrangement"}, "which of the two owners has the case"},
};

void expectation_tell(
    const struct visitor *self, uint16_t code, struct engine_expectation *expected)
{
    expected->code = code_text(self->engine, code);
    self->visit(self->context, expected);
}

/* Of an overdue assessment: who made it, by the clock that ran out last. */
static uint16_t assessor_of(const struct child *child, uint16_t otherwise)
{
    uint16_t found = otherwise;

    for (uint32_t i = 0; i < child->clocks.count; i++) {
        const struct running *clock = ((struct running *const *)child->clocks.items)[i];
        if (strcmp(clock->info->id, "C18") == 0 && clock->state == CLOCK_BREACHED &&
            clock->bound_count > 0) {
            found = clock->bound[0];
        }
    }
    return found;
}

static void visit_owed(void *context, const char *id, int64_t since_ms)
{
    const struct visitor *self = context;
    const struct transfer *transfer = self->episode->transfer;
    const struct child *child = child_of(self->episode->child);

    for (size_t i = 0; i < sizeof owed / sizeof owed[0]; i++) {
        if (strcmp(owed[i].rule, id) != 0) {
            continue;
        }
        struct engine_expectation expected = {.id = id, .what = owed[i].what, .since_ms = since_ms};
        for (size_t k = 0; k < 2 && owed[i].kinds[k] != NULL; k++) {
            expected.kinds[expected.kind_count++] = owed[i].kinds[k];
        }
        if (owed[i].party == PARTY_SENDER) {
            expectation_tell(self, assessor_of(child, child->case_owner), &expected);
        }
        if (owed[i].party == PARTY_ORIGIN || owed[i].party == PARTY_BOTH) {
            expectation_tell(self, transfer->origin, &expected);
        }
        if (owed[i].party == PARTY_RECEIVING || owed[i].party == PARTY_BOTH) {
            expectation_tell(self, transfer->receiving, &expected);
        }
    }
}

bool side_may_send(enum party sender, const struct transfer *transfer, uint16_t code)
{
    return (sender != PARTY_ORIGIN || code == transfer->origin) &&
        (sender != PARTY_RECEIVING || code == transfer->receiving);
}

static void add_kinds(const struct visitor *self, const struct running *clock, uint16_t code,
    struct engine_expectation *out)
{
    out->kind_count = 0;
    for (size_t i = 0; i < clock->info->met_count && out->kind_count < EXPECTED_KINDS; i++) {
        const struct trigger *stop = &clock->info->met_by[i];
        const struct kind_plan *plan = plan_of(self->engine, stop->kind);
        if (plan->info == NULL || asks(stop, CONDITION_ITSELF) ||
            !side_may_send(plan->sender, clock->episode->transfer, code) ||
            (out->kind_count > 0 && out->kinds[out->kind_count - 1] == plan->info->name)) {
            continue;
        }
        out->kinds[out->kind_count++] = plan->info->name;
    }
}

static void visit_clock(const struct visitor *self, const struct running *clock)
{
    uint16_t codes[2];
    bool overdue = clock->state == CLOCK_BREACHED && !clock->stopped;

    if (clock->state != CLOCK_RUNNING && !overdue) {
        return;
    }
    size_t count = clock_actors(self->engine, clock, codes);
    for (size_t i = 0; i < count; i++) {
        struct engine_expectation expected = {.id = clock->info->id,
            .what = clock->info->name,
            .due = clock->due,
            .overdue = overdue,
            .since_ms = clock->started_ms};
        add_kinds(self, clock, codes[i], &expected);
        expectation_tell(self, codes[i], &expected);
    }
}

void engine_expected(const engine_t *self, const uint8_t *transfer, const uint8_t *subject,
    expected_visit *visit, void *context)
{
    engine_t *engine = asked(self);
    const struct episode *episode = episode_find(engine, transfer, subject);

    if (episode == NULL) {
        return;
    }
    engine->dossiers.visiting++;
    struct visitor visitor = {self, episode, visit, context};
    engine_outstanding(self, transfer, subject, visit_owed, &visitor);
    answers_visit(&visitor);
    const struct list *lists[] = {&episode->clocks, &child_of(episode->child)->clocks};
    for (size_t l = 0; l < 2; l++) {
        for (uint32_t i = 0; i < lists[l]->count; i++) {
            visit_clock(&visitor, list_pointer(lists[l], i));
        }
    }
    engine->dossiers.visiting--;
}
