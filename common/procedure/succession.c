/*
 * succession: what a reorganisation does to a record that is open on its day. Where a code has one
 * successor, the successor stands in its place from then on: as party, as owner, as bound by a
 * clock (D35). History, verdicts and recipients keep the code of their day. Cannot fail.
 */
#include "common/base/civil.h"
#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

/* One code that has given way to another. */
struct succession {
    uint16_t from;
    uint16_t to;
    int64_t at_ms; /* 00:00 of its day */
};

static void replace(const struct succession *self, uint16_t *code)
{
    *code = *code == self->from ? self->to : *code;
}

static void note(const struct succession *self, struct list *history, enum dimension dimension)
{
    struct ownership *change = list_add(history, sizeof *change);

    *change = (struct ownership){
        .at_ms = self->at_ms, .dimension = (uint8_t)dimension, .owners = {self->to}};
}

static void replace_owner(
    const struct succession *self, uint16_t *owner, struct list *history, enum dimension dimension)
{
    if (*owner == self->from) {
        *owner = self->to;
        note(self, history, dimension);
    }
}

static void replace_recorders(const struct succession *self, struct child *child)
{
    bool changed = false;

    for (size_t i = 0; i < RECORDERS_MAX; i++) {
        changed = changed || child->recorders[i] == self->from;
        replace(self, &child->recorders[i]);
    }
    if (changed) {
        struct ownership *change = list_add(&child->history, sizeof *change);
        change->at_ms = self->at_ms;
        change->dimension = DIM_DATA_RECORDING;
        for (size_t i = 0; i < RECORDERS_MAX; i++) {
            change->owners[i] = child->recorders[i];
        }
    } else if (child->recorders[0] == 0 && child->first_origin == self->from) {
        child->recorders[0] = self->to; /* it recorded the child as the first origin */
        note(self, &child->history, DIM_DATA_RECORDING);
    }
}

static void replace_in_child(const struct succession *self, struct child *child)
{
    struct assessment *assessments = child->assessments.items;
    struct move_notice *notices = child->notices.items;
    struct consent *consents = child->consents.items;

    replace_owner(self, &child->case_owner, &child->history, DIM_CASE);
    replace_owner(self, &child->immediate, &child->history, DIM_IMMEDIATE_SAFEGUARDING);
    replace_owner(self, &child->assessment, &child->history, DIM_ASSESSMENT);
    replace_recorders(self, child);
    for (uint32_t i = 0; i < child->assessments.count; i++) {
        replace(self, &assessments[i].sender);
    }
    for (uint32_t i = 0; i < child->notices.count; i++) {
        replace(self, &notices[i].from);
        replace(self, &notices[i].to);
    }
    for (uint32_t i = 0; i < child->consents.count; i++) {
        struct consent_recipient *recipients = consents[i].recipients.items;
        for (uint32_t k = 0; k < consents[i].recipients.count; k++) {
            replace(self, &recipients[k].code);
        }
    }
}

static void replace_in_episode(const struct succession *self, struct episode *episode)
{
    struct filing *filings = episode->filings.items;
    struct pending *pending = episode->pending.items;

    if (episode->transfer->origin == self->from) {
        note(self, &episode->history, DIM_REPORTS);
    }
    replace_owner(
        self, &episode->conference_convening, &episode->history, DIM_CONFERENCE_CONVENING);
    replace_owner(self, &episode->rent, &episode->history, DIM_RENT_SUBSISTENCE);
    replace_owner(self, &episode->other_cost, &episode->history, DIM_OTHER_SERVICES_COST);
    for (uint32_t i = 0; i < episode->filings.count; i++) {
        replace(self, &filings[i].sender);
    }
    for (uint32_t i = 0; i < episode->pending.count; i++) {
        replace(self, &pending[i].waits_for);
        replace(self, &pending[i].key.sender);
    }
}

static void succeed(engine_t *engine, struct contents *contents, void *context)
{
    const struct succession *self = context;
    const struct list *list = contents_list(contents, SHELF_CHILDREN);

    (void)engine;
    for (uint32_t i = 0; i < list->count; i++) {
        replace_in_child(self, list_pointer(list, i));
    }
    list = contents_list(contents, SHELF_EPISODES);
    for (uint32_t i = 0; i < list->count; i++) {
        replace_in_episode(self, list_pointer(list, i));
    }
    list = contents_list(contents, SHELF_TRANSFERS);
    for (uint32_t i = 0; i < list->count; i++) {
        struct transfer *transfer = list_pointer(list, i);
        replace(self, &transfer->origin);
        replace(self, &transfer->receiving);
    }
    list = contents_list(contents, SHELF_CLOCKS);
    for (uint32_t i = 0; i < list->count; i++) {
        struct running *clock = list_pointer(list, i);
        replace(self, &clock->key.sender);
        replace(self, &clock->bound[0]);
        replace(self, &clock->bound[1]);
    }
}

void successions_run(engine_t *self, int32_t day_before)
{
    for (uint32_t i = 0; i < self->codes.count; i++) {
        const struct code *code = (const struct code *)self->codes.items + i;
        int32_t day = procedures_superseded_from(self->procedures, code->text);
        uint16_t from = (uint16_t)(i + 1);
        if (day <= day_before || day > self->today) {
            continue;
        }
        uint16_t to = code_route(self, from); /* 0: split or abolished, and the old code stays */
        if (to != 0 && to != from) {
            struct succession succession = {from, to, civil_london_midnight_ms(day)};
            struct slice text = slice_of_text(code_text(self, from)); /* its successor may be new */
            dossiers_visit(self, text, succeed, &succession);
        }
    }
}
