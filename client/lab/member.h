/*
 * member: an agent of the rehearsal, or the hub: what was delivered to it, folded in an engine of
 * its own. While it is cut off it folds its own later events as provisional and runs its own
 * clocks; what it breaches then is a belief. Back again, it folds what was delivered in the
 * journal's order, and keeps beliefs that the journal does not bear out (docs/PROCEDURES.md,
 * section 9).
 */
#ifndef WAYPOST_LAB_MEMBER_H
#define WAYPOST_LAB_MEMBER_H

#include "client/lab/journal_model.h"
#include "client/lab/record_log.h"

enum outgoing_kind { OUTGOING_EVENT, OUTGOING_OPENED, OUTGOING_ERASE };

/* What the agent has to hand over. */
struct outgoing {
    enum outgoing_kind kind;
    uint32_t event;
    int64_t at_ms;
    const char *role, *team; /* OUTGOING_OPENED */
};

/* A breach that it believes in while it is cut off. */
struct belief {
    const char *clock;
    uint8_t transfer[UUID_BYTES];
    uint8_t subject[UUID_BYTES];
    int64_t at_ms;
    bool borne_out; /* the journal says so too */
};

struct index_list {
    size_t count, capacity;
    uint32_t *items; /* owned */
};

void index_list_add(struct index_list *self, uint32_t index);
void index_list_free(struct index_list *self);

struct member {
    char code[CODE_BYTES + 1]; /* "hub" for the hub */
    bool online;               /* its own link is up */
    bool linked;               /* and the broker talks to it */
    engine_t *engine;          /* owned */
    struct record_log log;     /* what its engine derived */
    struct record_log own;     /* what it has recorded for itself, kept for good */
    struct index_list entries; /* delivered, in the journal's order */
    struct index_list waiting; /* not delivered yet */
    bool dirty;                /* the engine has to be folded anew */
    size_t outgoing_count, outgoing_capacity;
    struct outgoing *outgoing;  /* owned; in order */
    struct index_list erasures; /* events whose payload it must still destroy */
    bool provisional;           /* it has folded events that the journal does not have yet */
    size_t belief_count, belief_capacity;
    struct belief *beliefs;        /* owned */
    struct journal_model *journal; /* lent */
    int64_t now_ms;
    int64_t next_ms; /* until then the engine has nothing to say by itself */
};

struct member *member_new(struct journal_model *journal, const char *code, bool keep_records);
void member_destroy(struct member **self_p);

/* The clock moves: its own deadlines fire. */
void member_advance(struct member *self, int64_t now_ms);

/* An entry of the journal reaches it. */
void member_take(struct member *self, uint32_t entry);

/* The link is gone; it goes on by itself. And: it has taken all that waited for it. */
void member_cut(struct member *self);
void member_return(struct member *self);

/* While cut off: its own event, its own person's opening. */
void member_fold_own(struct member *self, const struct entry *entry);
void member_put_out(struct member *self, const struct outgoing *outgoing);

/* Its engine, all folded. */
const engine_t *member_engine(struct member *self);
bool member_believes(
    const struct member *self, const uint8_t *subject, const char *clock, int64_t runs_out_ms);

/* Does its engine hold the same state as a fresh fold of what was delivered? */
bool member_converged(struct member *self);

#endif
