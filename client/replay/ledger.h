/*
 * ledger: what a journal records, as facts: events with their verdicts, levels of receipt, who is responsible for the
 * case, clocks. A fold that applies derived records and works nothing out again: where another engine would have said
 * something else, the ledger says what was recorded (recompute.h shows the difference).
 *
 * Pure and in memory: records go in, in journal order; one canonical encoding and one hash come out, the same on every
 * machine, with every compiler.
 */
#ifndef WAYPOST_REPLAY_LEDGER_H
#define WAYPOST_REPLAY_LEDGER_H

#include "common/codec/event.h"
#include "common/crypto/hash.h"
#include "common/journal/record.h"
#include "common/record/acked.h"
#include "common/record/derived.h"

typedef struct ledger ledger_t;

/* Verdict bytes of RECORD_JUDGED, and what comes before and beside them. */
enum ledger_verdict {
    LEDGER_UNJUDGED = 0,
    LEDGER_EFFECTIVE = 1,
    LEDGER_ALERT = 2,
    LEDGER_REFUSED = 3,
    LEDGER_HELD = 4,
    LEDGER_WAITING = 5, /* accepted, not judged yet */
    LEDGER_VOIDED = 6,  /* its batch was badly signed: it never counted */
};
extern const char *const ledger_verdict_words[7];

/* What one recipient has acknowledged of an event. */
struct ledger_level {
    char code[CODE_BYTES + 1];
    int64_t persisted_ms; /* by its own clock, 0 for not yet */
    int64_t opened_ms;    /* first opening, 0 for none */
    uint8_t role;         /* of that opening */
    char team[33];        /* "" for none */
    uint8_t fault;        /* enum err, positive; 0 for none */
};

/* What a record said of an event and a child: a refusal, a hold, a flag. */
struct ledger_note {
    int kind; /* SystemKind: REFUSED, HELD, HOLD_RELEASED, ALERT_RAISED */
    bool has_subject;
    uint8_t subject[UUID_BYTES];
    char rules[96]; /* "R28,R29"; "" for none */
};

struct ledger_event {
    uint8_t id[UUID_BYTES];
    uint8_t transfer[UUID_BYTES];
    uint32_t kind;
    char from[CODE_BYTES + 1];
    char origin[CODE_BYTES + 1], receiving[CODE_BYTES + 1]; /* as this event names them */
    char agent[AGENT_ID_BYTES_MAX + 1];
    uint64_t leaf; /* of its batch */
    uint32_t index;
    int64_t accepted_ms, occurred_ms, sent_ms;
    size_t number; /* its index */
    bool begun;    /* it counts in its transfer and for its children: it was judged */
    bool has_payload, withheld, payload_erased, set_aside; /* set_aside: an operator holds it */
    uint8_t verdict;                                       /* enum ledger_verdict */
    size_t subject_count;
    struct subject *subjects; /* owned */
    size_t level_count;
    struct ledger_level *levels; /* owned: recipients as addressed, then who else acknowledged */
    size_t note_count;
    struct ledger_note *notes; /* owned, in the order of the records */
};

struct ledger_owner {
    int64_t at_ms; /* as of when */
    char code[CODE_BYTES + 1];
    uint8_t event[UUID_BYTES]; /* that moved it; zeros: it began so */
};

/* A child by its reference. */
struct ledger_child {
    uint8_t ref[UUID_BYTES];
    bool merged;
    uint8_t merged_into[UUID_BYTES];
    size_t owner_count;
    struct ledger_owner *owners; /* owned; history of the case's owner, the last one counts */
};

struct ledger_transfer {
    uint8_t id[UUID_BYTES];
    char origin[CODE_BYTES + 1], receiving[CODE_BYTES + 1];
    int64_t first_ms, last_ms; /* acceptance of its first and its latest event */
    size_t event_count;
    size_t *events; /* owned; their indexes */
    size_t subject_count;
    uint8_t (*subjects)[UUID_BYTES]; /* owned */
};

enum ledger_clock_state {
    LEDGER_RUNNING,
    LEDGER_MET,
    LEDGER_CANCELLED,
    LEDGER_BREACHED,
    LEDGER_SUPERSEDED
};
extern const char *const ledger_clock_words[5];

struct ledger_clock {
    uint8_t transfer[UUID_BYTES], subject[UUID_BYTES], event[UUID_BYTES];
    char id[8]; /* "C01" */
    enum ledger_clock_state state;
    bool stopped; /* breached, and answered since */
    bool warned, advisory, provisional;
    char due[32];   /* as recorded: a date, an instant, "none" */
    char binds[32]; /* codes, parted by a comma; "" for nobody */
    int64_t set_ms, breached_ms, stopped_ms;
    char late[16], reason[48]; /* as recorded */
};

struct ledger_counts {
    uint64_t records;
    uint64_t batches, events, voided, duplicates;
    uint64_t acknowledgements;
    uint64_t derived[64]; /* by SystemKind */
    uint64_t verdicts[7]; /* by enum ledger_verdict */
    uint64_t registers, procedures;
};

ledger_t *ledger_new(void);
void ledger_destroy(ledger_t **self_p);

/* Apply one leaf record. 0, or E_CORRUPT where its body cannot be read: nothing of it counts then. */
int ledger_record(ledger_t *self, const struct record *record);

/* The parts of it, for a fold of less than all (knowledge.h). Unknown events are passed over. */
void ledger_accept(ledger_t *self, struct slice event, const char *agent, uint64_t leaf,
    uint32_t index, int64_t accepted_ms);
/* It counts: its transfer and its children begin with it where they are new. ledger_judge() does so first. */
void ledger_begin(ledger_t *self, const uint8_t *event);
void ledger_judge(ledger_t *self, const uint8_t *event, uint8_t verdict, bool withheld);
void ledger_derive(ledger_t *self, const Waypost__Derived *derived);
void ledger_acknowledge(ledger_t *self, const struct acked_item *item, const char *code);

/* ---- what is asked; all lent until the next record ---- */

const struct ledger_counts *ledger_counts(const ledger_t *self);
size_t ledger_event_count(const ledger_t *self);
const struct ledger_event *ledger_event_at(const ledger_t *self, size_t index);
const struct ledger_event *ledger_event_of(const ledger_t *self, const uint8_t *id);
size_t ledger_transfer_count(const ledger_t *self);
const struct ledger_transfer *ledger_transfer_at(const ledger_t *self, size_t index);
const struct ledger_transfer *ledger_transfer_of(const ledger_t *self, const uint8_t *id);
size_t ledger_clock_count(const ledger_t *self);
const struct ledger_clock *ledger_clock_at(const ledger_t *self, size_t index);
size_t ledger_child_count(const ledger_t *self);
const struct ledger_child *ledger_child_at(const ledger_t *self, size_t index);
const struct ledger_child *ledger_child_of(
    const ledger_t *self, const uint8_t *ref); /* after merges; NULL */
const struct ledger_child *ledger_child_named(
    const ledger_t *self, const uint8_t *ref);                      /* that very record; NULL */
const char *ledger_owner(const ledger_t *self, const uint8_t *ref); /* "" where unknown */

/* ---- ledger_encode.c ---- */

/* Canonical bytes, sorted by id; appended. And H("waypost/ledger/1", bytes). */
void ledger_encode(const ledger_t *self, struct buf *out);
/* The order of clocks there: transfer, child, id, event, when it was set. */
int ledger_clock_compare(const struct ledger_clock *a, const struct ledger_clock *b);
struct hash ledger_hash(const ledger_t *self);

#endif
