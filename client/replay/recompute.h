/*
 * recompute: the procedure engine of this program beside a journal. It folds the same entries at the same recorded
 * times, and what it says is held against the verdicts and derived records that stand there. What is recorded stays
 * what counts (ledger.h); this shows where another engine, or other tables, would have said something else.
 */
#ifndef WAYPOST_REPLAY_RECOMPUTE_H
#define WAYPOST_REPLAY_RECOMPUTE_H

#include "common/journal/record.h"
#include "common/procedure/engine.h"
#include "common/record/derived.h"

typedef struct recompute recompute_t;

enum difference_kind { DIFFERENCE_VERDICT, DIFFERENCE_RECORD };

/* Something that the engine said. */
struct recomputed {
    int kind; /* SystemKind */
    bool has_transfer, has_subject, has_event;
    uint8_t transfer[UUID_BYTES], subject[UUID_BYTES], event[UUID_BYTES];
    int64_t at_ms;
    char clock[8], rule[8];
    char *detail; /* owned by whoever holds the list */
};

struct difference {
    enum difference_kind what;
    uint64_t entry;      /* leaf of the record at which it shows */
    int64_t recorded_ms; /* of that record */
    bool has_event, has_subject, has_transfer;
    uint8_t event[UUID_BYTES], subject[UUID_BYTES], transfer[UUID_BYTES];
    /* DIFFERENCE_VERDICT: verdict bytes of RECORD_JUDGED */
    uint8_t verdict_recorded, verdict_recomputed;
    /* DIFFERENCE_RECORD: what stands there and what this engine says; kind 0 where there is none. Lent. */
    const struct recomputed *recorded, *recomputed;
};

/*
 * tables: the procedures to judge by from the beginning, in place of those of the journal; lent, NULL for the journal's
 * own. found: called with each difference, may be NULL.
 */
recompute_t *recompute_new(const procedures_t *tables,
    void (*found)(void *context, const struct difference *difference), void *context);
void recompute_destroy(recompute_t **self_p);

/* Fold one leaf record. 0; E_CORRUPT; or why the journal's tables cannot be used by this engine, with a sentence. */
int recompute_record(recompute_t *self, const struct record *record, struct complaint *why);

/* No further record: what the engine said last and the journal does not have counts as well, unless `cut` says that the
 * journal was left in the middle. */
void recompute_end(recompute_t *self, bool cut);

uint64_t recompute_differences(const recompute_t *self);
uint64_t recompute_compared(const recompute_t *self); /* verdicts and derived records */
/* The engine, all folded; NULL while no tables came into force. */
const engine_t *recompute_engine(const recompute_t *self);
int64_t recompute_time_ms(const recompute_t *self); /* the engine's time, 0 for none */

#endif
