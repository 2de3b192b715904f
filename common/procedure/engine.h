/*
 * engine: who is responsible, which clocks run, what each event changes. A pure fold over the journal's entries.
 *
 *   fold(state, entry, now) -> state, verdict, records, timers
 *
 * No socket, file, clock or thread; time comes in with every call and never goes back. Broker,
 * agents, hub, rehearsal and replay use this one engine. What it derives comes out through a sink,
 * in order, as engine_record; a replay applies the same entries and gets the same state: one
 * canonical encoding, one hash. docs/PROCEDURES.md binds, by decision number.
 */
#ifndef WAYPOST_PROCEDURE_ENGINE_H
#define WAYPOST_PROCEDURE_ENGINE_H

#include "common/codec/event.h"
#include "common/crypto/hash.h"
#include "common/procedure/procedures.h"

typedef struct engine engine_t;

/* Facts of an event as values, a list as several with the same fact. Lend from the event's bytes. */
enum { FACT_SET_MAX = 192 };
struct fact_set {
    size_t count;
    struct fact_value values[FACT_SET_MAX];
};
int facts_read(
    const struct event_view *event, struct fact_set *out); /* 0, or E_RANGE where there are more */

enum verdict {
    VERDICT_UNJUDGED,
    VERDICT_EFFECTIVE,
    VERDICT_ALERT,
    VERDICT_REFUSED,
    VERDICT_HELD,
    VERDICT_TURNED_AWAY
};

/* Over the children of an event a refusal counts before a hold, a hold before a flag; VERDICT_UNJUDGED for none. */
uint8_t verdict_strongest(const uint8_t *verdicts, size_t count);

/* An event as it was accepted. */
struct engine_event {
    const struct event_view *view;
    const struct fact_set *facts;
    int64_t accepted_ms;
    bool provisional; /* an agent's own event that the broker has not accepted yet */
};

/* One thing derived: a row of system-kinds.tsv about one child (or none). Lent for the call of the sink. */
struct engine_record {
    const char *kind;        /* "deadline_set" */
    const uint8_t *transfer; /* 16 bytes, NULL where it is about none */
    const uint8_t *subject;  /* 16 bytes, NULL where it is about none */
    const uint8_t *event;    /* 16 bytes, NULL */
    int64_t at_ms;           /* its own moment */
    int64_t recorded_ms;     /* now */
    const char *clock;       /* id or NULL */
    const char *rule;        /* id or NULL; verdicts list theirs in detail */
    const char *detail; /* further facts as "k=v k=v", words of system-kinds.tsv; "" for none */
};
typedef void engine_sink(void *context, const struct engine_record *record);

/* procedures: lent for the engine's life, or until engine_procedures() brings others. sink may be NULL. */
engine_t *engine_new(const procedures_t *procedures, engine_sink *sink, void *context);
void engine_destroy(engine_t **self_p);

/* Which kinds the sink listens to: the others are not made up for it. NULL, as at first: all of them. */
typedef bool engine_wants_fn(void *context, const char *kind);
void engine_wants(engine_t *self, engine_wants_fn *wants);

/* Back to before the first event, without a seed. What follows from the tables alone is kept: working it out costs more than
 * folding one case. */
void engine_clear(engine_t *self);

/*
 * A secret number for the hash tables, before the first event: senders choose ids, and must not
 * choose where they lie. No answer, no record and no hash depends on it.
 */
void engine_seed(engine_t *self, uint64_t seed);

/*
 * How many items (children, transfers, events, clocks) stay unpacked in memory; those of the cases looked into longest ago
 * are packed, at a third of the room, until something comes to them. No answer, no record and no hash depends on it.
 */
void engine_keep_open(engine_t *self, size_t items);

/* Where the packed cases and what leads to them lie, before the first event; lent for the engine's life. NULL: the heap. */
void engine_backing(engine_t *self, const struct backing *backing);

/* Fold an accepted event; verdict per child in the order of view->subjects. now: accepted_ms. Deadlines before now must
 * have been fired (engine_advance). Returns 0, or E_DUPLICATE (noted, nothing else), E_MODE (R53). */
int engine_event(engine_t *self, const struct engine_event *event, uint8_t *verdicts);

/*
 * Levels as one recipient or holder reports them, at its own time; a time before the event was
 * accepted counts as that of acceptance.
 * What is unknown, or known already, is ignored.
 */
void engine_persisted(
    engine_t *self, const uint8_t *event_id, const char *code, int64_t at_ms); /* A1 */
void engine_opened(engine_t *self, const uint8_t *event_id, const char *code, const char *role,
    const char *team, int64_t at_ms); /* A2 */
void engine_erased(engine_t *self, const uint8_t *event_id, const char *holder,
    int64_t at_ms); /* one holder; "broker" too */

/* Fire every deadline that runs out at or before now, each at its own moment, in order (D48). */
void engine_advance(engine_t *self, int64_t now_ms);
int64_t engine_next_ms(const engine_t *self); /* when the next one runs out or a new version of a
                                                 profile counts; INT64_MAX for never; O(1) */

/*
 * New tables are in force from here (profiles, holidays); provisional due dates are worked out
 * again (D47). The old ones may be destroyed then. Returns 0, or E_NOT_FOUND where the new ones
 * lack a rule at its number, a clock, or a profile that a transfer was put under: nothing changes then.
 */
int engine_procedures(engine_t *self, const procedures_t *procedures, int64_t now_ms);

/* ---- what is asked ---- */

struct engine_verdict {
    enum verdict verdict;
    size_t rule_count;
    const char *rules[16]; /* ids: those that refused or held first, then the flagged ones */
    size_t alert_count;    /* how many of them are flags */
};
int engine_verdict(const engine_t *self, const uint8_t *event_id, const uint8_t *subject,
    struct engine_verdict *out);

enum dimension {
    DIM_CASE,
    DIM_IMMEDIATE_SAFEGUARDING,
    DIM_ASSESSMENT,
    DIM_CONFERENCE_CONVENING,
    DIM_REPORTS,
    DIM_RENT_SUBSISTENCE,
    DIM_OTHER_SERVICES_COST,
    DIM_SUPPORT_MEANWHILE,
    DIM_DATA_RECORDING,
    DIM_COUNT
};
extern const char *const dimension_names[DIM_COUNT];

/* Who holds a dimension now; codes (several for data_recording) into out, returns how many. */
size_t engine_owner(const engine_t *self, const uint8_t *transfer, const uint8_t *subject,
    enum dimension dimension, const char *out[8]);
/* The same at an earlier instant, from the history kept. */
size_t engine_owner_at(const engine_t *self, const uint8_t *transfer, const uint8_t *subject,
    enum dimension dimension, int64_t at_ms, const char *out[8]);

enum clock_state { CLOCK_RUNNING, CLOCK_MET, CLOCK_CANCELLED, CLOCK_BREACHED, CLOCK_SUPERSEDED };
struct engine_clock {
    const struct clock_info *info;
    enum clock_state state;
    struct due due;
    bool has_due;
    bool advisory;
    bool belief;
    bool stopped; /* breached, and met or cancelled since */
    int64_t started_ms, stopped_ms;
    int32_t late;              /* in late_unit, 0 where in time */
    enum limit_unit late_unit; /* WD, D or MIN */
    int32_t limit_count;       /* of the limit in force when it started */
    uint8_t event[16];         /* that started it */
    size_t bound_count;
    const char *bound[2];
    size_t actor_count;
    const char *actors[2]; /* of those the one whose turn it is; both where both must sign */
    const char *reason;    /* kind that stopped it, NULL */
};
/*
 * Visit the clocks of a child in an episode (child-scope ones included), oldest start first; NULL
 * subject: every child.
 */
void engine_clocks(const engine_t *self, const uint8_t *transfer, const uint8_t *subject,
    void (*visit)(void *context, const uint8_t *subject, const struct engine_clock *clock),
    void *context);

/* A flag of section 5.3 by name, its value as a word; NULL where the name is unknown. */
const char *engine_flag(
    const engine_t *self, const uint8_t *transfer, const uint8_t *subject, const char *name);

const char *engine_flag_name(size_t index); /* the names of section 5.3 in order; NULL at the end */
const char *engine_measure_name(size_t index); /* those of section 5.4 */

/* Obligations without a time limit (section 5.5): visit id ("R20", "C13") and since when. */
void engine_outstanding(const engine_t *self, const uint8_t *transfer, const uint8_t *subject,
    void (*visit)(void *context, const char *id, int64_t since_ms), void *context);

/* Hub measures of section 5.4 by name; 0 or E_NOT_FOUND. */
int engine_measure(const engine_t *self, const char *name, int64_t *out);

/*
 * Level on record for a recipient: 0 accepted, 1 persisted, 2 opened; -1 where it is no recipient.
 * And the recipients.
 */
int engine_level(const engine_t *self, const uint8_t *event_id, const char *code);
size_t engine_recipients(const engine_t *self, const uint8_t *event_id, const char *out[16]);

/* The parties of a transfer, and who sent an event; 0 or E_NOT_FOUND. Lent until the next event. */
int engine_parties(
    const engine_t *self, const uint8_t *transfer, const char **origin, const char **receiving);
int engine_sender(const engine_t *self, const uint8_t *event_id, const char **out);

/* One thing that is expected next, and of whom (for `waypost transfer`). Lent for the visit. */
enum { EXPECTED_KINDS = 4 };
struct engine_expectation {
    const char
        *id; /* the clock, the rule or the level of an event that asks for it: "C01", "R20", "A3" */
    const char *code;  /* who must act; of a clock that binds both the one whose turn it is */
    const char *what;  /* in words; of a level "to answer", which goes on with `about` */
    const char *about; /* title of the event that waits for it, NULL for a clock or a rule */
    size_t kind_count;
    const char *kinds
        [EXPECTED_KINDS]; /* of events that this authority may send to settle it; any of them */
    struct due due;       /* timed: false where there is no limit */
    bool overdue;         /* it has run out, and is not stopped */
    int64_t since_ms;     /* from when it is expected */
};
typedef void expected_visit(void *context, const struct engine_expectation *expected);
void engine_expected(const engine_t *self, const uint8_t *transfer, const uint8_t *subject,
    expected_visit *visit, void *context);

/* Canonical bytes of the whole state, and their hash. The same entries give the same bytes on every machine. */
void engine_encode(const engine_t *self, struct buf *out);
struct hash engine_hash(const engine_t *self);

#endif
