/*
 * journal_model: the broker's journal as the rehearsal keeps it, and how an engine folds an entry
 * of it. The same function serves broker, agents, hub, recovery and replay.
 */
#ifndef WAYPOST_LAB_JOURNAL_MODEL_H
#define WAYPOST_LAB_JOURNAL_MODEL_H

#include "client/lab/scenario.h"

enum entry_kind {
    ENTRY_EVENT,     /* an event, accepted */
    ENTRY_DUPLICATE, /* the same once more */
    ENTRY_PERSISTED, /* A1 */
    ENTRY_OPENED,    /* A2 */
    ENTRY_ERASED,    /* one holder's payload is gone */
    ENTRY_TIME       /* deadlines were due */
};

struct entry {
    enum entry_kind kind;
    uint32_t event;
    int64_t at_ms;       /* its own moment */
    int64_t recorded_ms; /* when it was journalled */
    const char
        *party; /* code of whom it comes from; "broker"; NULL for ENTRY_TIME. Lent for the run */
    const char *role; /* ENTRY_OPENED */
    const char *team;
};

struct journal_model {
    const scenario_t *scenario;
    size_t count, capacity;
    struct entry *entries; /* owned */
    /* The event read last: every engine folds it at about the same time. */
    uint32_t cached;
    struct event_view view;
    struct fact_set facts;
};

void journal_model_init(struct journal_model *self, const scenario_t *scenario);
void journal_model_free(struct journal_model *self);
uint32_t journal_model_add(struct journal_model *self, const struct entry *entry); /* its index */

/* Read an event's bytes again. Lent until the next call. */
const struct event_view *journal_model_read(struct journal_model *self, uint32_t event);

/* Fold one entry. Returns what engine_event() does, 0 for the others. */
int journal_model_fold(
    struct journal_model *self, engine_t *engine, const struct entry *entry, bool provisional);

#endif
