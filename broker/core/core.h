/*
 * core: what the broker decides. Pure and single-threaded: frames, ticks, verified signatures and finished commits go
 * in; frames, records and verification jobs come out. No socket, file, clock or thread header is included here.
 *
 * Order of promises, accepted before judged:
 *   PUBLISH -> checked -> RECORD_BATCH appended, verification started at the same time
 *   durable and verified -> RECEIPT (the one place that says "accepted"); in journal order RECORD_JUDGED is appended
 *   that durable too -> entries enter the recipients' streams and are delivered
 *   a batch whose signature is bad -> RECORD_DERIVED BATCH_VOIDED, REFUSED to the sender, no number anywhere
 *   ACK -> verified; then RECORD_ACK and RECORD_ACKED, which moves the cursor and tells senders and hubs; durable ->
 *   ACKED. Verified first, so that a flood of forged acknowledgements leaves nothing in the journal.
 * docs/PROTOCOL.md section 4 has the rules by number.
 */
#ifndef WAYPOST_BROKER_CORE_H
#define WAYPOST_BROKER_CORE_H

#include "common/alarm/alarm_book.h"
#include "common/base/err.h"
#include "common/base/histogram.h"
#include "common/base/world.h"
#include "common/crypto/hash.h"
#include "common/journal/journal.h"
#include "common/procedure/engine.h"
#include "common/register/register.h"

typedef struct core core_t;

/* A signature to be checked by somebody else, later, in any order. Everything is owned by the job. */
struct verify_job {
    uint64_t id;             /* the core's number for it */
    struct verify_job *next; /* the core's, while it waits to be given out ... */
    int64_t since_mono_ms;   /* ... since then */
    bool is_batch;           /* leaves and root are to be worked out too */
    const char *context;     /* SIGN_CONTEXT_..., static */
    const char *network;     /* lent for the life of the core */
    uint8_t public_key[32];
    struct buf bytes; /* statement, signature and events lend from this */
    struct slice statement;
    struct slice signature;
    uint32_t count;       /* events of a batch */
    struct slice *events; /* count of them, owned array */
    struct hash *
        nodes; /* answer: the tree of the events, by merkle_tree_fill(), owned; NULL until worked out */
    uint8_t root[32]; /* as the statement claims */
    int rc;           /* answer: 0, E_SIGNATURE, or E_MALFORMED where the root is not the events' */
};

void verify_job_run(
    struct verify_job *job); /* pure; sets rc; for the crypto thread and for tests */
void verify_job_destroy(struct verify_job **job_p);

/* An event in the journal: index in the batch of that leaf. */
struct core_place {
    uint64_t leaf;
    uint32_t index;
};

/*
 * Where the procedure engine is, in memory that a crash of the process leaves behind, a mapped file; all zero at
 * first. The core alone writes it (broker/core/fold_mark.c).
 */
enum { MARK_LEFT_OUT_MAX = 64 };
struct core_mark {
    uint32_t busy;    /* 1 while the engine is `at` an event */
    uint32_t crashes; /* so often running the process ended at `suspect` */
    struct core_place at, suspect;
    uint32_t left_out_count;
    struct core_place left_out[MARK_LEFT_OUT_MAX]; /* events that are not folded any more */
};

struct core_ports {
    void *context;
    /* Send one frame to a session; lent for the call. Returns 0, E_UNREACHABLE (the peer is gone: the core forgets the
     * session, keeps its entries) or E_BUSY (its pipe is full, which credit should make impossible: counted). */
    int (*send)(void *context, uint64_t session, struct slice frame);
    /* Have a job checked; it comes back by core_verified(), never from within this call. Taken. */
    void (*verify)(void *context, struct verify_job *job);
    /* Free bytes where the journal lives; asked at ticks. */
    uint64_t (*free_bytes)(void *context);
    struct core_mark
        *mark; /* lent for the core's life; NULL: crashes of the engine are not counted */
    /* For rehearsals, NULL otherwise: change tables before they count, 0 or why not; hear what the engine says, also what
     * becomes no record, each time once (nothing of what was said before a start). */
    int (*amend)(void *context, procedures_t *tables, struct complaint *why);
    void (*heard)(void *context, const struct engine_record *record);
};

struct core_options {
    const char *network;         /* lent */
    uint32_t credit_events;      /* per publishing agent, 1..4096 */
    uint32_t credit_bytes;       /* per publishing agent */
    uint32_t heartbeat_ms;       /* PING interval told to agents */
    uint32_t session_ms;         /* silence after which a session counts as gone */
    uint64_t snapshot_bytes;     /* journal growth between snapshots */
    uint64_t free_bytes_min;     /* below it BUSY except for protective kinds; 1 GiB */
    uint64_t inflight_bytes_max; /* accepted and not durable, all agents together; above it BUSY */
    const struct backing
        *backing; /* lent: what the engine keeps of cases at rest; NULL: the heap */
};

/* journal, world and ports are lent for the life of the core. */
core_t *core_new(const struct core_options *options, const struct world *world, journal_t *journal,
    const struct core_ports *ports);
void core_destroy(core_t **self_p);

/* Before core_recover(): bytes of a SignedRegister from elsewhere. They stand in where the journal's own record of the register
 * cannot be read, and only where its leaf proves that they are the same. Copied. */
void core_spare_register(core_t *self, struct slice signed_register);

/* Load the newest snapshot, replay what follows, start verification of batches that were not judged. To be called once,
 * before anything else. Returns 0 or the journal's code. */
int core_recover(core_t *self, struct complaint *why);

/* Bring a register into force (appended as RECORD_INPUT; opens streams, changes epochs, revokes sessions). Lent bytes
 * of a SignedRegister. pin: as in register_load where no register is in force yet. A bad one leaves the old in force.
 * */
int core_register(core_t *self, struct slice signed_register, const struct register_pin *pin,
    struct complaint *why);
const register_t *core_register_in_force(
    const core_t *self); /* NULL before the first; lent until the next change */

/*
 * Bring the procedures' tables into force (appended as RECORD_INPUT): the bytes of a ProcedureFiles message, empty to
 * switch the procedures off. Lent. Those in force already are 0 and change nothing. A set that cannot be used leaves
 * the old one in force and says why; E_BUSY while the journal is still being folded: try again at a tick.
 */
int core_procedures(core_t *self, struct slice files, struct complaint *why);
int core_procedures_check(
    struct slice files, struct complaint *why); /* could they come into force? 0, or why not */
bool core_procedures_on(const core_t *self);
/* Hash of the whole state of the procedures, zeroes where they are off. The same journal gives the same. */
struct hash core_procedures_hash(const core_t *self);

/*
 * True while the journal is still being folded after a start, or a snapshot of the procedures is encoded: deliveries
 * go on, judging and acknowledgements wait. The edge calls core_fold() again and again until it is false.
 */
bool core_folding(const core_t *self);
void core_fold(core_t *self);
/* The operator says that the wall clock is right as it is, after it was set. */
void core_trust_clock(core_t *self);

/* A frame came in. session: the edge's number for the connection. curve_key: 32 bytes, proved by CURVE. */
void core_frame(core_t *self, uint64_t session, const uint8_t *curve_key, struct slice frame);

/* A verification came back. Taken. */
void core_verified(core_t *self, struct verify_job *job);

/* A commit was settled: everything below journal_head()->size is durable. Releases what waited for it. */
void core_durable(core_t *self);

/* At least once a second: sessions that fell silent, acknowledgement pacing, disk space, snapshots. */
void core_tick(core_t *self);

/* The state to be written as a snapshot, when one is due: true, and state, size and position filled in (state appended
 * to). To be handed to journal_snapshot_write by the edge. Stands for durable records alone. */
bool core_snapshot_due(core_t *self, struct buf *state, uint64_t *size, uint64_t *next_position);

/*
 * The same of the procedures' state, a file of its own (SNAPSHOT_PROCEDURES): encoded in slices by core_fold(), handed
 * out here when what it stands for is durable; what was in `state` is freed. last: at an orderly end, encode now what
 * there is, all of it.
 */
bool core_procedures_snapshot_due(
    core_t *self, bool last, struct buf *state, uint64_t *size, uint64_t *next_position);

/* Tell every session that the broker stops; nothing new is taken from here on (BUSY). */
void core_stop(core_t *self);

/* True while records are pending or verifications run: the edge goes on until it is false, then closes. */
bool core_unfinished(const core_t *self);

/* Counters, by row of the table in broker/core/counters.h. */
uint64_t core_counter(const core_t *self, size_t index);

enum { CORE_AGES = 10, CORE_AGENT_BYTES = 65 };

/* The state in numbers, as of the last input. Texts are ids of agents, "" for none. */
struct core_stats {
    int64_t now_ms;             /* wall time of it */
    uint64_t sessions;          /* open ones */
    uint64_t pending;           /* entries not acknowledged, all agents together */
    uint64_t by_age[CORE_AGES]; /* of them, by core_age_word() */
    uint64_t pending_agents;    /* agents with any */
    int64_t oldest_pending_ms;  /* age of the oldest, and whose it is */
    char oldest_pending_agent[CORE_AGENT_BYTES];
    uint64_t unopened;          /* events on agents' disks that nobody opened, as their PING says */
    int64_t oldest_unopened_ms; /* age of the oldest, and whose it is */
    char oldest_unopened_agent[CORE_AGENT_BYTES];
    uint64_t held;           /* entries set aside by operators */
    uint64_t inflight_bytes; /* accepted and not durable */
    uint64_t free_bytes;     /* where the journal lives */
    int64_t clock_off_ms;    /* wall clock less what boot time says since the two last agreed */
    bool clock_stepped;      /* too much: deadlines are held */
    bool folding;            /* the journal is still being folded: judging waits */
    bool procedures_on;
    uint64_t register_version; /* 0 for none */
    int64_t register_stale_ms; /* wall time, INT64_MAX for never */
    uint64_t keys_ending;      /* keys of agents that end within 30 days or have ended */
    int64_t key_ends_ms;       /* wall time at which the first of them does, and whose it is */
    char key_ends_agent[CORE_AGENT_BYTES];
    int64_t silence_ms; /* of the agent that has been away longest, and which */
    char silent_agent[CORE_AGENT_BYTES];
    struct histogram delivery; /* from sending an entry to its acknowledgement */
};

void core_stats(const core_t *self, struct core_stats *out);
const char *core_age_word(size_t class); /* "5m" .. "1280m", "older": up to so much; static */

/* Raise an alarm of common/alarm/alarm_table.h, or say that it is over; those that are up, for whoever tells them. */
void core_alarm(core_t *self, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void core_alarm_clear(core_t *self, const char *name);
alarm_book_t *core_alarms(core_t *self); /* lent as long as the core */

/* Something was signed, written, synced and read back where the journal lives, besides its commits: what a probe of an
 * agent is told (T-5). A commit counts by itself. */
void core_stored(core_t *self);

#endif
