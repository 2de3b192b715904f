/*
 * journal_model: see journal_model.h. Events were read once when the scenario was parsed: that they
 * can be read is asserted.
 */
#include "client/lab/journal_model.h"

#include <stdlib.h>

#include "common/base/check.h"

#include "common/base/banned.h"

void journal_model_init(struct journal_model *self, const scenario_t *scenario)
{
    *self = (struct journal_model){.scenario = scenario, .cached = SCENARIO_NONE};
}

void journal_model_free(struct journal_model *self)
{
    free(self->entries);
    *self = (struct journal_model){0};
}

uint32_t journal_model_add(struct journal_model *self, const struct entry *entry)
{
    self->entries = mem_grow(self->entries, self->count, &self->capacity, sizeof *self->entries);
    self->entries[self->count] = *entry;
    return (uint32_t)self->count++;
}

const struct event_view *journal_model_read(struct journal_model *self, uint32_t event)
{
    if (self->cached != event) {
        int rc = event_read(self->scenario->events[event].bytes, &self->view, NULL);
        assert(rc == 0);
        rc = facts_read(&self->view, &self->facts);
        assert(rc == 0);
        self->cached = event;
    }
    return &self->view;
}

static int fold_event(
    struct journal_model *self, engine_t *engine, const struct entry *entry, bool provisional)
{
    uint8_t verdicts[SUBJECTS_MAX];
    const struct engine_event folded = {.view = journal_model_read(self, entry->event),
        .facts = &self->facts,
        .accepted_ms = entry->recorded_ms,
        .provisional = provisional};

    return engine_event(engine, &folded, verdicts);
}

int journal_model_fold(
    struct journal_model *self, engine_t *engine, const struct entry *entry, bool provisional)
{
    const uint8_t *id = entry->kind != ENTRY_TIME ? self->scenario->events[entry->event].id : NULL;

    engine_advance(engine, entry->recorded_ms);
    switch (entry->kind) {
    case ENTRY_EVENT:
    case ENTRY_DUPLICATE:
        return fold_event(self, engine, entry, provisional);
    case ENTRY_PERSISTED:
        engine_persisted(engine, id, entry->party, entry->at_ms);
        break;
    case ENTRY_OPENED:
        engine_opened(engine, id, entry->party, entry->role, entry->team, entry->at_ms);
        break;
    case ENTRY_ERASED:
        engine_erased(engine, id, entry->party, entry->at_ms);
        break;
    case ENTRY_TIME:
        break;
    }
    return 0;
}
