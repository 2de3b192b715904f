/*
 * store_evidence: the part of the store that outlives contents: erasures and who has confirmed them, proven heads of
 * the journal, what was compared with whom. Conventions and failures are those of store.h.
 */
#ifndef WAYPOST_AGENT_STORE_EVIDENCE_H
#define WAYPOST_AGENT_STORE_EVIDENCE_H

#include "client/agent/store.h"

/* ---- erasures ---- */

enum erasure_state {
    ERASURE_WANTED = 0,  /* asked for here; the broker has not taken it yet */
    ERASURE_BEGUN = 1,   /* on the broker's disk */
    ERASURE_ORDERED = 2, /* the order has come in our stream: the holders are known */
    ERASURE_REFUSED = 3
};

struct erasure_row {
    uint8_t event[UUID_BYTES];
    enum erasure_state state;
    uint32_t reason;                 /* EraseReason */
    int64_t asked_ms;                /* here, or by the order's statement */
    char by[AGENT_ID_BYTES_MAX + 1]; /* agent that demands */
    int error_code;                  /* negative: why it was refused, 0 */
    uint32_t holders;                /* that must destroy a copy; filled in by lists */
    uint32_t done;                   /* of them */
};
void store_erasure_want(
    store_t *self, const struct erasure_row *row); /* nothing where it is there */
int store_erasure(
    store_t *self, const uint8_t *event, struct erasure_row *out); /* or E_NOT_FOUND */
void store_erasure_state(
    store_t *self, const uint8_t *event, enum erasure_state state, int error_code);
/* The order, signed: kept as the evidence of who had it destroyed. Adds or completes. */
void store_erasure_ordered(store_t *self, const struct erasure_row *row, struct slice statement,
    struct slice signature, uint64_t leaf_index);
/*
 * One that was asked for, of an event of ours that the broker has refused: nobody else has it, so it is done here alone,
 * without holders. True where it destroyed something; the caller scrubs.
 */
bool store_erase_refused(store_t *self, const uint8_t *event);
/* The first that the broker has not got, of an event that has left (or is none of ours). 0 or E_END. */
int store_erasure_next(store_t *self, struct erasure_row *out);
/* Newest first. open: those that wait for somebody alone. */
void store_erasures(store_t *self, bool open,
    void (*visit)(void *context, const struct erasure_row *row), void *context);
/* Holders that have been silent since before then: how many, and the name of one. */
uint32_t store_erasures_late(store_t *self, int64_t before_ms, char *agent);

struct holder_row {
    char agent[AGENT_ID_BYTES_MAX + 1];
    int64_t done_ms; /* by its own clock, 0: not yet */
};
void store_holder_add(store_t *self, const uint8_t *event, const char *agent);
void store_holder_done(store_t *self, const uint8_t *event, const struct holder_row *row,
    struct slice statement, struct slice signature, uint64_t leaf_index);
void store_holders(store_t *self, const uint8_t *event,
    void (*visit)(void *context, const struct holder_row *row), void *context);

/* Destroy ciphertext, wraps and plain bytes of an event here, and owe a confirmation. True where there were any. */
bool store_destroy(store_t *self, const uint8_t *event, int64_t at_ms);
bool store_destroyed(store_t *self, const uint8_t *event); /* must not be kept again */
/* The first confirmation that was not taken yet. 0 or E_END. */
int store_destroyed_next(store_t *self, uint8_t *event, int64_t *at_ms);
void store_destroyed_said(store_t *self, const uint8_t *event);
/* A broker came back from an old copy: say demands and confirmations again. */
void store_erasures_again(store_t *self);
/* An event that came as erased, persisted before then, that no order names. */
bool store_erased_without_order(store_t *self, int64_t before_ms, uint8_t *event);
/*
 * Have what was destroyed gone from the files too: everything out of the write-ahead log, and that cut to nothing.
 * Outside a transaction. 0, or E_BUSY, E_IO: try again.
 */
int store_scrub(store_t *self);

/* ---- retention ---- */

struct due_row {
    uint8_t event[UUID_BYTES];
    uint8_t transfer[UUID_BYTES];
    uint32_t kind;
    int64_t accepted_ms;
};
/* Own accepted events of a kind with a payload still here, accepted before then, no erasure asked; oldest first. */
void store_due(store_t *self, uint32_t kind, int64_t before_ms, size_t limit,
    void (*visit)(void *context, const struct due_row *row), void *context);
/* Kinds of own events with a payload still here; returns how many of at most max. */
size_t store_kinds_kept(store_t *self, uint32_t *kinds, size_t max);

/* ---- heads ---- */

/* The newest of at most that size that no later epoch has lost; 0 or E_NOT_FOUND. */
int store_proven_head(store_t *self, uint64_t most, struct seen_head *out);
/* Proven to extend those before it. The newest 64 stay, and the last of each day. */
void store_proven_head_add(store_t *self, const struct seen_head *head);
void store_proven_heads(store_t *self, size_t limit,
    void (*visit)(void *context, const struct seen_head *head), void *context); /* newest first */

enum comparison { COMPARE_WAITS = 0, COMPARE_SAME = 1, COMPARE_DIFFERS = 2, COMPARE_GAP = 3 };
struct compared_row {
    char agent[AGENT_ID_BYTES_MAX + 1];
    enum comparison state; /* of what it has last said */
    uint64_t size;         /* head that it says it has seen */
    struct hash root;
    int64_t said_ms;      /* when it came here */
    uint64_t same_size;   /* the highest that was proven to be of our history, 0 none */
    int64_t compared_ms;  /* when, 0 never */
    uint64_t own_size;    /* ours at that comparison */
    struct buf statement; /* signed by that agent; owned, in store_compared_next and lists alone */
    struct buf signature;
    bool is_ack; /* statement is an AckStatement, else a BatchStatement */
};
void compared_row_free(struct compared_row *row);
/* What another agent signed of a head: kept where it is higher than what it said before and nothing differs. */
void store_compare(store_t *self, const struct compared_row *row);
int store_compared_next(store_t *self, struct compared_row *out); /* one that waits; 0 or E_END */
void store_compared_result(
    store_t *self, const char *agent, enum comparison state, uint64_t own_size, int64_t at_ms);
void store_compared(
    store_t *self, void (*visit)(void *context, const struct compared_row *row), void *context);

/* Two histories, kept for ever: what, and the signed statements of both. */
struct fork_row {
    int64_t at_ms;
    char what[200];
    struct buf ours, ours_signature;
    struct buf theirs, theirs_signature;
};
void fork_row_free(struct fork_row *row);
void store_fork_add(store_t *self, const struct fork_row *row);
void store_forks(
    store_t *self, void (*visit)(void *context, const struct fork_row *row), void *context);

/* ---- for a bundle ---- */

/* Every register that was in force here, oldest first. */
void store_registers(
    store_t *self, void (*visit)(void *context, struct slice bytes), void *context);

/* A derived message as it came, with what else the same record said: where all of a record was told here, its body. */
void store_record_keep(
    store_t *self, uint64_t leaf_index, int64_t recorded_ms, struct slice derived);
struct record_row {
    uint64_t leaf_index;
    int64_t recorded_ms;
    struct slice body; /* lent for the visit */
};
/* Those about a transfer or one of its events, in the order of the journal. */
void store_transfer_records(store_t *self, const uint8_t *transfer,
    void (*visit)(void *context, const struct record_row *row), void *context);
/* Leaves of the batches of its events, both ways; returns how many of at most max. */
size_t store_transfer_leaves(store_t *self, const uint8_t *transfer, uint64_t *leaves, size_t max);

struct ack_row {
    uint8_t event[UUID_BYTES];
    struct level_row level;
    uint64_t leaf_index;
    struct slice statement, signature; /* lent for the visit */
};
void store_transfer_acks(store_t *self, const uint8_t *transfer,
    void (*visit)(void *context, const struct ack_row *row), void *context);

/* ---- epochs: a broker that came back from a copy ---- */

struct epoch_row {
    uint32_t epoch;
    uint64_t base;    /* leaves that stayed */
    uint64_t lost_to; /* leaves up to which others were lost */
    int64_t at_ms;    /* when we took it */
};
void store_epoch_add(store_t *self, const struct epoch_row *row);
/* Does an epoch's gap take in a head of that size? */
bool store_in_gap(store_t *self, uint64_t size);
/* What stood in records from leaf `base` on is told again: notices, openings; and own events of every incarnation that
 * were accepted there go back to frozen, their receipts kept apart as evidence. Returns how many events. */
uint64_t store_forget_from(store_t *self, uint64_t base);

#endif
