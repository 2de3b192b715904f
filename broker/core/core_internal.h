/*
 * core_internal: what the files of broker/core share. Nobody else includes it.
 *
 * State is kept twice where it must be: "durable" fields are a fold over durable records alone (apply.c, the same
 * function live and on replay, and what snapshots hold); "next" fields already count records that were appended and
 * are not durable yet, so that the next frame is judged by them. Nothing leaves by the second kind.
 */
#ifndef WAYPOST_BROKER_CORE_INTERNAL_H
#define WAYPOST_BROKER_CORE_INTERNAL_H

#include "broker/core/core.h"
#include "broker/core/counters.h"
#include "broker/core/fold.h"
#include "broker/core/limits.h"
#include "broker/core/table.h"
#include "common/codec/event.h"
#include "common/codec/frame.h"
#include "common/crypto/merkle.h"
#include "common/record/erase.h"
#include "common/record/acked.h"
#include "common/record/judged.h"

#define NO_STREAM UINT32_MAX

/* ---- batches as they are read: view.c ---- */

/* What routing and delivery need of an event, kept with its batch. */
struct digest {
    uint8_t id[UUID_BYTES];
    uint8_t transfer[UUID_BYTES];
    uint32_t
        codes_at; /* in view.codes: origin, receiving, from, then the recipients, 9 bytes each */
    uint32_t code_count; /* all of them */
};

/* A batch record, parsed once; hashes and digests are worked out when first asked for. */
struct view {
    uint64_t position;
    uint64_t leaf_index;
    int64_t accepted_ms;
    struct buf body; /* owned bytes of the record's body and payload */
    struct buf payload;
    struct batch_body batch; /* lends from body */
    uint64_t incarnation;    /* of the statement */
    uint64_t first_sequence;
    struct slice *events; /* batch.count, owned, lends from body */
    struct stored_payload
        *payloads;          /* batch.count, owned, lends from payload; empty where they are lost */
    bool payloads_lost;     /* they cannot be read, and it is not known which were erased */
    struct hash *nodes;     /* owned; leaves, then level by level; NULL until hashed */
    struct digest *digests; /* owned; NULL until asked for */
    struct buf codes;
    uint32_t pins;              /* batches in work that need it */
    size_t bytes;               /* what it counts in the cache */
    struct view *newer, *older; /* least recently used order */
};

struct view_cache {
    struct table by_position;
    struct view *newest, *oldest;
    size_t bytes;
};

/* ---- streams: stream.c ---- */

enum entry_type { ENTRY_EVENT = 1, ENTRY_RECORD = 2, ENTRY_ACK = 3, ENTRY_HELD = 4 };
enum entry_flag {
    ENTRY_CLEAR = 1,         /* facts only: for a hub */
    ENTRY_VERDICT_SHIFT = 1, /* three bits: 0 unjudged .. 4 held, as EventEntry says it; or */
    ENTRY_WITHHELD = 5       /* refused, and the payload is not handed out (R39) */
};

/* A pending entry of a stream; a million of them may wait, so 16 bytes. */
struct entry {
    uint64_t position; /* of its record in the journal */
    uint32_t sender;   /* stream of the publishing agent; events alone */
    uint16_t index;    /* event in its batch; acknowledgement: block in its record */
    uint8_t type;
    uint8_t flags;
};

/* An entry that was sent and is not acknowledged. */
struct sent {
    struct hash running;       /* hash of the stream at it */
    uint8_t event[UUID_BYTES]; /* events alone */
    uint64_t hubs;             /* bit a hub (routing.hubs) that sees the event */
    uint32_t bytes;            /* on the wire, for credit */
    int64_t at_mono_ms;        /* when it was sent, 0 where it was not by this process */
    uint8_t code; /* recipient code the agent was addressed by: 0 its own, n its n-th acts-for */
};

struct mark {
    uint64_t first_sequence;
    uint64_t position;
};

/* One numbering of an agent. */
struct incarnation {
    uint64_t id;
    uint64_t last;      /* durable: highest accepted sequence */
    uint64_t position;  /* durable: record of the last batch */
    uint64_t batches;   /* durable */
    struct mark *marks; /* every MARK_BATCHES-th batch, owned */
    size_t mark_capacity;
    uint64_t last_next; /* with what is appended */
    uint64_t position_next;
    uint32_t voiding; /* BATCH_VOIDED records on their way: the marks may name a voided batch */
    bool id_known;    /* last_id was read or seen since the start */
    uint8_t last_id[UUID_BYTES];
};

struct chunk {
    struct entry entries[CHUNK_ENTRIES];
};

/* An agent, or a code that no agent serves: its numbered stream, and what it publishes. */
struct stream {
    uint32_t index; /* by order of creation */
    char name[AGENT_ID_BYTES_MAX + 1];
    bool durable; /* its STREAM_OPENED record is */
    uint64_t epoch, epoch_next;
    uint64_t acked;         /* durable: last number acknowledged */
    struct hash acked_hash; /* running hash there */
    uint64_t counter;       /* durable: of the last acknowledgement */
    uint64_t ack_position;  /* durable: record of the last acknowledgement in this epoch, 0 none */
    uint64_t ack_leaf;      /* its index in the journal, 0 none */
    uint64_t acked_next, counter_next;
    uint64_t last;         /* last number */
    uint64_t events;       /* pending entries that are events for it (not clear, not held) */
    struct chunk **chunks; /* chunks[chunk_first] holds number acked + 1 at entry_first */
    size_t chunk_first, chunk_count, chunk_capacity;
    uint32_t entry_first;
    struct sent *sent; /* ring: numbers acked + 1 .. acked + sent_count */
    uint32_t sent_first, sent_count, sent_capacity;
    uint64_t sent_bytes;
    uint64_t barrier;        /* a hold is on its way: nothing from this number on is sent; 0 none */
    bool diverged;           /* its last acknowledgement had another running hash */
    bool unreadable;         /* the next entry cannot be read; said once */
    struct session *session; /* open one, or NULL */
    bool ready;              /* in core.ready */
    struct stream *ready_next;
    int64_t contact_ms;  /* durable: wall time of its last record */
    int64_t seen_ms;     /* wall time of its last frame since the start */
    bool takeover_said;  /* a takeover by another process was logged ... */
    int64_t takeover_ms; /* ... then, boot time */
    uint32_t takeovers;  /* ... and so many since */
    uint64_t block_mark; /* acked.c: the record in which block is meant */
    uint32_t block;
    uint32_t unopened; /* as last said */
    uint64_t oldest_unopened_ms;
    struct incarnation *incarnations;               /* owned */
    size_t incarnation_count, incarnation_capacity; /* count: with those appended */
    size_t incarnation_durable;
    struct batch *unreceipted_first, *unreceipted_last;
    uint32_t inflight_events;
    uint64_t inflight_bytes;
};

/* ---- batches in work: publish.c, judge.c ---- */

enum batch_state { BATCH_UNVERIFIED, BATCH_GOOD, BATCH_BAD, BATCH_VOID };

/* From its acceptance until its JUDGED or BATCH_VOIDED record is durable. */
struct batch {
    struct batch *next; /* journal order */
    struct batch *unreceipted_next;
    struct view *view; /* pinned */
    uint64_t position, leaf_index;
    uint64_t previous; /* position of the batch of the incarnation before it */
    uint64_t ordinal;  /* batches of the incarnation before it */
    int64_t accepted_ms;
    struct stream *publisher;
    uint32_t incarnation; /* index */
    uint64_t first_sequence;
    uint32_t count;
    uint32_t bytes; /* for credit */
    uint8_t public_key[32];
    uint64_t job;     /* 0: none */
    uint64_t session; /* who is answered, 0 nobody */
    int rc;           /* of its verification */
    enum batch_state state;
    bool durable, receipted, judged, duplicate;
};

/* A record that was appended and is not durable; batches stand in core.batches. */
struct unapplied {
    uint8_t type;
    uint64_t sequence, position;
    int64_t time_ms;
    size_t body_bytes; /* none of a batch or an acknowledgement */
};

/* Signatures that are being checked, and acknowledgements whose are not yet: verify.c. */
struct checking {
    size_t batches, acks;
    struct verify_job *waiting, *waiting_last; /* owned; in the order in which they came */
};

/* A frame that waits for the journal to be durable up to `need` leaves. */
struct outgoing {
    uint64_t session;
    uint64_t need;
    bool welcome; /* after it the session gets its stream */
    struct buf frame;
};

/* ---- records that the disk has lost: lost.c ---- */

enum lost_kind { LOST_UNKNOWN, LOST_BATCH, LOST_ACK, LOST_ACKED, LOST_REGISTER };

/* One of them, and what the records behind it say of it. */
struct lost {
    uint64_t leaf;
    uint64_t position; /* of its record; 0 where its kind is unknown */
    enum lost_kind kind;
    uint32_t events; /* LOST_BATCH */
    bool folded;     /* LOST_BATCH: the procedures have seen it */
    bool alone;      /* LOST_BATCH: with an event that went to nobody in whole */
    bool settled;    /* LOST_BATCH: its sender stands where it stood behind it */
};

struct losses {
    struct lost at[LOST_MAX]; /* by leaf */
    size_t count;
};

/* ---- sessions: session.c ---- */

enum session_state {
    SESSION_HELLO,
    SESSION_OPEN,
    SESSION_SUPERSEDED,
    SESSION_REVOKED,
    SESSION_IGNORED,
    SESSION_CLOSED,
    SESSION_STATE_COUNT
};

struct ack_job {
    struct ack_job *next;
    uint64_t job;
    bool verified;
    int rc;
    struct buf bytes; /* statement, then signature */
    size_t statement_len;
};

struct session {
    uint64_t id;
    enum session_state state;
    struct session *prev, *next;
    uint8_t curve_key[32];
    uint8_t instance[16];
    struct stream *stream; /* NULL before HELLO */
    uint64_t incarnation;
    uint32_t credit_events, credit_bytes;
    int64_t seen_mono_ms;
    uint32_t malformed;
    bool welcomed;      /* WELCOME has left */
    bool pipe_full;     /* until the next tick */
    bool conflict_told; /* one SEQUENCE_CONFLICT record a session */
    uint32_t
        duplicates_told; /* DUPLICATE_IGNORED records of this session, up to DUPLICATES_TOLD_MAX */
    struct ack_job *acks_first, *acks_last;
    uint32_t ack_count;
};

/* ---- routing: routing.c ---- */

struct route_row {
    const struct register_authority *authority;
    uint64_t hubs; /* that see its region */
    int32_t day;   /* for which the next three hold */
    enum register_route route;
    const struct register_authority *to;
    uint32_t stream; /* where it goes, NO_STREAM: not looked up */
};

struct routing {
    struct route_row *rows; /* owned, sorted by code */
    size_t count;
    uint32_t hubs[HUBS_MAX]; /* stream of each hub */
    size_t hub_count;
    uint64_t all; /* hubs that see everything */
};

struct held {
    uint8_t event[UUID_BYTES];
    uint32_t stream;
    struct entry entry;
};

/* An event that was persisted and may be opened, or (position 0) an opening that was told. */
struct openable {
    uint64_t key;
    uint64_t position;
    uint16_t index;
};

struct time_mark {
    uint64_t leaf;
    uint64_t position;
    int64_t time_ms;
};

/* A payload that is being destroyed, until every holder has said that its copy is gone: erase.c. "next" as above. */
struct holder {
    uint32_t stream;
    bool done, done_next;
};
struct erasure {
    uint8_t event[UUID_BYTES];
    uint64_t position, leaf_index; /* of its batch */
    uint32_t index;
    uint32_t publisher, demander; /* streams */
    bool durable;                 /* its beginning is */
    bool destroyed;               /* by this process: the bytes are gone from the journal */
    bool unreadable;              /* its batch cannot be read: a later start destroys it */
    bool erased, erased_next;     /* and a record says so */
    uint32_t holder_count;
    struct holder holders[ERASE_STREAMS_MAX];
};

/* The derived record that was delivered from last. */
struct told {
    uint64_t position; /* 0: none */
    uint64_t sequence;
    int64_t time_ms;
    struct buf body; /* owned */
};

/* The tree over what the statement of an acked record names (parcel_ack.c). Those told last are kept: each goes to every
 * sender of its events, and a sender gets those of many recipients in a row. */
enum { NAMED_SLOTS = 256, NAMED_SMALL_MAX = 256 /* entries; larger ones share slot 0 */ };
struct named {
    uint64_t position; /* of that record; 0: none */
    struct buf nodes;  /* owned: struct hash */
};

struct core {
    struct core_options options;
    const struct world *world;
    journal_t *journal;
    struct core_ports ports;
    int64_t now_ms; /* wall, at the last input */
    int64_t mono_ms;
    arena_t *arena;      /* of the frame being handled and the statement in it */
    arena_t *arena_body; /* of one record read or applied; whoever decodes resets it */

    register_t *reg;            /* in force; NULL before the first */
    uint64_t register_position; /* durable: its record, 0 none */
    uint64_t register_before;   /* durable: the one before, 0 none */
    bool register_settled;      /* durable: streams were brought in line with it */
    bool judging_paused;        /* from the append of a register until its streams are settled */
    bool settle_due;            /* the register's record is durable: bring the streams in line */
    struct routing routing;
    struct fold fold;

    struct stream **streams; /* owned, by index */
    size_t stream_count, stream_capacity;
    size_t stream_durable;
    struct table stream_names; /* by hash of the name, chained by probing on */
    struct stream *ready;

    struct table sessions;
    struct session *session_list;
    struct table
        jobs; /* verification number -> struct batch or struct session, tagged by job_is_ack */
    uint64_t job_last;
    size_t jobs_out; /* with those that wait */
    struct checking checking;

    struct batch *batches, *batches_last; /* journal order, until judged durably */
    struct batch *batches_fresh;          /* the first of them that is not durable, NULL: none */
    struct unapplied *unapplied;          /* ring */
    size_t unapplied_first, unapplied_count, unapplied_capacity;
    struct buf unapplied_bodies; /* one behind the other */
    size_t unapplied_taken;      /* bytes of those in front that were handed out */
    struct outgoing *outgoing;   /* ring */
    size_t outgoing_first, outgoing_count, outgoing_capacity;

    struct view_cache views;
    struct told told;
    struct named named[NAMED_SLOTS];
    struct openable *openables; /* ring of OPENABLE_MAX, NULL until used */
    uint32_t *openable_slots;   /* index + 1, twice as many */
    size_t openable_first, openable_count;
    struct time_mark *time_marks;
    size_t time_mark_count, time_mark_capacity;
    struct held *held;
    size_t held_count, held_capacity;
    struct table undisclosed; /* the newest of a transfer, by its id; disclose.c */
    struct undisclosed *undisclosed_oldest, *undisclosed_newest; /* all, owned */
    size_t undisclosed_count;
    struct erasure *erasures; /* open ones, owned */
    size_t erasure_count, erasure_capacity;

    uint64_t epoch_position;   /* durable: of the record that opened the journal's epoch */
    uint64_t applied;          /* durable leaves in the state */
    uint64_t applied_position; /* of the last */
    uint64_t applied_bytes;    /* since the last snapshot */
    struct losses losses; /* behind the newest snapshot: none is written until a start without */
    struct buf spare;     /* body of a register's record, as the file has it: register_spare() */
    uint64_t spared;      /* position of the record that it stood in for, 0 none */
    uint64_t mended_told; /* records with a wrong bit, when the alarm was raised last */
    uint64_t inflight_bytes;
    uint64_t free_bytes;
    bool stopping;
    bool rolled_back;          /* an agent has a head of ours that we have not: nothing is taken */
    uint64_t rolled_back_size; /* the largest shown */
    bool replaying;
    uint64_t counters[COUNTER_COUNT];
    alarm_book_t *alarms;
    struct histogram delivery; /* from sending an entry to its acknowledgement */
    int64_t stored_ms;         /* wall time at which a commit or probe was last durable, 0 never */
    uint64_t block_mark;
    struct buf scratch;      /* journal_read of whatever is looked at for a moment */
    struct buf scratch_ack;  /* journal_read of an acknowledgement beside it */
    struct buf encode;       /* one outgoing frame */
    struct buf batches_part; /* DELIVER under construction */
    struct buf entries_part;
    struct buf record_body; /* record under construction */
};

static inline struct slice slice_of_proto(ProtobufCBinaryData bytes)
{
    return slice_of(bytes.data, bytes.len);
}

/* core.c */
void core_count(core_t *self, enum counter counter);
void core_clock(core_t *self); /* take the time for this input */

/* out.c: what leaves */
struct refusal {
    struct complaint why;
    uint32_t frame;
    bool has_first, has_index, has_expected, has_retry, has_request;
    uint64_t first_sequence;
    uint32_t index;
    uint64_t expected;
    uint32_t retry_ms;
    uint64_t request;
};
int out_send(core_t *self, uint64_t session, struct slice frame);
void out_frame(core_t *self, uint64_t session, Waypost__Frame *frame); /* now */
void out_frame_after(
    core_t *self, uint64_t session, Waypost__Frame *frame, uint64_t need, bool welcome);
void out_refuse(core_t *self, uint64_t session, const struct refusal *refusal);
void out_refuse_after(core_t *self, uint64_t session, const struct refusal *refusal, uint64_t need);
void out_release(core_t *self); /* what the durable head allows */
void out_free(core_t *self);

/* append.c: records go in, and come back when they are durable */
uint64_t append_record(
    core_t *self, uint8_t type, struct slice body, struct slice payload, uint64_t *position);
uint64_t append_derived(core_t *self, Waypost__Derived *derived);
/* body is lent until the next append */
bool append_pop(core_t *self, uint64_t durable, struct unapplied *out, struct slice *body);
void append_free(core_t *self);

/* apply.c: the fold */
int apply_record(core_t *self, const struct record *record, uint64_t position);

/* lost.c */
bool lost_note(
    struct losses *self, uint64_t from, uint64_t upto); /* leaves; false where they are too many */
void lost_claim(struct losses *self, const struct record *record); /* it may say what one was */
struct lost *lost_at(struct losses *self, uint64_t position);      /* NULL: not lost; lent */
/* At the first gap of a replay: all that are lost from there on. 0, or E_CORRUPT where one of them cannot be done without. */
int lost_find(core_t *self);
int lost_pass(
    core_t *self, uint64_t upto); /* the replay goes on behind these leaves; 0, E_CORRUPT, E_IO */
/* A batch is about to be replayed that stands on `previous`: where that one is lost, its sender stands behind it now. */
void lost_link(core_t *self, struct incarnation *inc, uint64_t previous, uint64_t first_sequence);
int lost_check(const core_t *self); /* after the replay: 0, or E_CORRUPT: nobody can be served */
void lost_tell(core_t *self);       /* the alarm */
void lost_tell_mended(
    core_t *self); /* the alarm, where the journal read what one wrong bit hides */
bool lost_waits(core_t *self, const struct stream *stream); /* an entry of it needs a lost record */

/* fold_mark.c: what the engine does not survive */
void mark_start(core_t *self); /* what a crash left is counted */
bool mark_begin(
    core_t *self, uint64_t leaf, uint32_t index); /* false: this event is not to be folded */
void mark_end(core_t *self);

/* view.c */
struct view *view_get(
    core_t *self, uint64_t position); /* NULL where it cannot be read; lent until the next get */
/* The same for whoever needs the events alone: with payloads_lost where their payloads cannot be read. */
struct view *view_get_facts(core_t *self, uint64_t position);
struct view *view_add(core_t *self, uint64_t position, uint64_t leaf_index, int64_t accepted_ms,
    struct buf *body, struct buf *payload); /* takes both bufs; of a batch that is being accepted */
bool view_is_kept(const core_t *self, uint64_t position); /* view_get() need not read the disk */
void view_pin(core_t *self, struct view *view);
void view_unpin(core_t *self, struct view *view);
/* As the check of its signature worked them out; taken where it has none yet, else left. */
void view_take_nodes(core_t *self, struct view *view, struct hash **nodes);
const struct hash *view_leaf(core_t *self, struct view *view, uint32_t index);
void view_path(core_t *self, struct view *view, uint32_t index, struct merkle_path *out);
const struct digest *view_digest(core_t *self, struct view *view, uint32_t index);
void digest_make(const struct event_view *event, struct buf *codes, struct digest *out);
/* Of all its events, made while they were checked; both are taken. */
void view_take_digests(core_t *self, struct view *view, struct digest **digests, struct buf *codes);
const char *view_code(
    const struct view *view, const struct digest *digest, uint32_t n); /* 9 bytes, no terminator */
void view_erase(core_t *self, uint64_t position, uint32_t index); /* of what is kept in memory */
void view_cache_free(core_t *self);
enum { DIGEST_ORIGIN, DIGEST_RECEIVING, DIGEST_FROM, DIGEST_TO };

/* stream.c */
struct stream *stream_named(const core_t *self, const char *name); /* durable or not; NULL */
struct stream *stream_add(core_t *self, const char *name);
void stream_want(core_t *self, const char *name); /* append STREAM_OPENED where there is none */
void stream_open(core_t *self, struct stream *stream); /* append STREAM_OPENED: a new epoch */
void stream_apply_opened(core_t *self, const char *name, uint64_t epoch);
struct hash stream_hash_start(const core_t *self, const struct stream *stream, uint64_t epoch);
void stream_push(core_t *self, struct stream *stream, struct entry entry);
struct entry *stream_entry(
    const struct stream *stream, uint64_t number); /* acked < number <= last */
void stream_pop(struct stream *stream, uint64_t upto);
void stream_remove(
    core_t *self, struct stream *stream, const uint64_t *numbers, size_t count); /* rising */
void stream_ready(core_t *self, struct stream *stream);
const struct sent *stream_sent(
    const struct stream *stream, uint64_t number); /* NULL where not sent */
/* Running hash at a number that was sent, or at the one acknowledged; NULL elsewhere. */
const struct hash *stream_hash(const struct stream *stream, uint64_t number);
void stream_sent_push(struct stream *stream, const struct sent *sent);
void stream_sent_cut(struct stream *stream, uint64_t number); /* forget what was sent beyond it */
static inline uint64_t stream_sent_last(const struct stream *stream)
{
    return stream->acked + stream->sent_count;
}
void stream_destroy(struct stream **self_p);

/* routing.c */
int routing_check(const register_t *reg, struct complaint *why);
void routing_build(core_t *self);
void routing_free(struct routing *self);
struct route_row *routing_row(
    struct routing *self, const char *code); /* 9 bytes; NULL where unknown */
void routing_resolve(core_t *self, struct route_row *row, int32_t day);
uint32_t routing_stream(
    core_t *self, const char *code, int32_t day); /* where a code leads, NO_STREAM where nowhere */
uint64_t routing_hubs_of(core_t *self, const struct view *view, const struct digest *digest);
const char *serving_name(
    const register_t *reg, const char *code); /* agent id, or the code itself */
void digest_code(
    const struct view *view, const struct digest *digest, uint32_t n, char *out); /* 10 bytes */

/* register_change.c */
void register_applied(core_t *self, uint64_t position);
void register_settle(core_t *self);
register_t *register_read(core_t *self, uint64_t position);
/* Where the record there is lost: it, by the spare bytes. 0, or as journal_restore(). out lends from self. */
int register_spare(core_t *self, uint64_t position, struct record *out);

/* judge.c */
enum {
    FORM_MOVE = 1,
    FORM_HOLD = 2,
    FORM_RELEASE = 3
}; /* leaf index UINT64_MAX - form: no batch */
void judge_run(core_t *self);
int judge_apply(core_t *self, const struct record *record);
void judge_append_move(
    core_t *self, uint32_t from, uint32_t to, const uint64_t *numbers, size_t count);
void judge_tell(
    core_t *self, Waypost__Derived *derived, const struct stream *sender, uint64_t hubs);
int derived_apply(core_t *self, const struct record *record, uint64_t position);

/* publish.c, receipt.c, dedup.c */
void publish_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);
void batch_verified(core_t *self, struct batch *batch, struct verify_job *job);
void batch_verify(core_t *self, struct batch *batch); /* start its job */
void batch_queue(
    core_t *self, struct batch *batch); /* wait for the receipt, counted against credit */
struct batch *batch_new(core_t *self);
void batch_remove(core_t *self, struct batch *batch);
void batch_apply(core_t *self, struct batch *batch);
int batch_replay(core_t *self, const struct record *record, uint64_t position);
int batch_replay_body(core_t *self, const struct batch_body *body, const struct record *record,
    uint64_t position); /* the same of one that was read; record: its number and time */
void batch_voided_apply(core_t *self, uint64_t leaf_index);
void receipt_flush(core_t *self, struct stream *publisher);
int receipt_send(core_t *self, uint64_t session, struct view *view, bool duplicate);
struct incarnation *incarnation_of(struct stream *stream, uint64_t id);
struct incarnation *incarnation_add(struct stream *stream, uint64_t id);
void incarnation_accept(struct incarnation *inc, const struct batch *batch);
void incarnation_void(struct incarnation *inc, const struct batch *batch);
const uint8_t *incarnation_last_id(core_t *self, struct incarnation *inc); /* NULL for none */
/* Positions of the batches that hold sequence `from` and what follows, oldest first; returns how many, 0 on damage. */
size_t incarnation_find(
    core_t *self, const struct incarnation *inc, uint64_t from, uint64_t *out, size_t max);
int dedup_answer(core_t *self, struct session *session, const struct incarnation *inc,
    const Waypost__Publish *publish, uint64_t first, struct refusal *refusal);

/* verify.c */
struct verify_job *verify_job_new(const core_t *self, bool is_batch, uint32_t count);
uint64_t verify_start(
    core_t *self, struct verify_job *job, void *owner, bool is_ack); /* takes the job */
void verify_done(core_t *self, const struct verify_job *job);
void verify_free(core_t *self);

/* session.c */
struct session *session_find(core_t *self, uint64_t id);
struct session *session_new(core_t *self, uint64_t id, const uint8_t *curve_key);
void session_set(core_t *self, struct session *session, enum session_state state);
void session_remove(core_t *self, struct session *session);
void session_end(core_t *self, struct session *session, enum session_state state, int rc,
    uint32_t retry_ms, const char *text);
void session_hello(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);
void session_ping(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);
void session_credit(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);
void session_bye(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);
int session_key_check(const core_t *self, const uint8_t *curve_key,
    const struct register_agent **agent_out, struct complaint *why);
void session_register_changed(core_t *self);
void session_epoch_changed(core_t *self, const char *name);
void session_tick(core_t *self);

/* delivery.c */
void delivery_pump(core_t *self);
/* Work out what was sent before, unsent: 0, E_RANGE (more than can be), or E_IO where an entry of it cannot be read. */
int delivery_skim(core_t *self, struct stream *stream, uint64_t upto);
void delivery_resend(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);

/* ack.c, acked.c */
void ack_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);
void ack_verified(core_t *self, struct session *session, struct verify_job *job);
void ack_run(core_t *self, struct session *session); /* take what is verified, in order */
/* On a replay, where the record behind RECORD_ACK is lost: what that was (acked_build()), as far as the state tells it.
 * 0 or E_CORRUPT. */
int ack_redo(core_t *self, const struct record *record, uint64_t position, struct buf *out);
void acked_send(core_t *self, uint64_t session, const struct stream *stream); /* ACKED */
void ack_jobs_drop(core_t *self, struct session *session);
/* What a statement does, as RECORD_ACKED has it, but for the engine's time at its end; appended to out. What it covers was
 * sent, and checked against it. */
void acked_build(core_t *self, struct stream *stream, const Waypost__AckStatement *ack,
    uint64_t ack_leaf, uint64_t ack_position, struct buf *out);
void acked_append(core_t *self, struct stream *stream, const Waypost__AckStatement *ack,
    uint64_t ack_leaf, uint64_t ack_position);
int acked_apply(core_t *self, const struct record *record, uint64_t position);

/* openable.c */
uint64_t openable_key(const uint8_t *event, uint32_t stream);
uint64_t openable_told_key(const uint8_t *event, uint32_t stream, uint32_t role, struct slice team);
void openable_add(core_t *self, uint64_t key, uint64_t position, uint16_t index);
const struct openable *openable_find(const core_t *self, uint64_t key);
void openable_free(core_t *self);

/* history.c: when was what */
void history_apply(core_t *self, uint64_t leaf, uint64_t position, int64_t time_ms);
void history_push(core_t *self, struct time_mark mark);
int64_t history_time_at(const core_t *self, uint64_t position); /* within TIME_MARK_MS, 0 unknown */
const struct time_mark *history_at(
    const core_t *self, uint64_t leaf); /* at or before it; NULL for the beginning */
const struct time_mark *history_before(
    const core_t *self, int64_t time_ms); /* NULL for the beginning */

/* stats.c: classes of 5 min, 10, 20, ... 1280, older; added to by_age[CORE_AGES] */
void stats_ages(const core_t *self, const struct stream *stream, uint64_t *by_age);

/* alarms.c: the rows of an answer, to be freed; and OWN_ALARM: 0, E_NOT_FOUND or E_RANGE with why */
void alarms_answer(core_t *self, const Waypost__Operate *operate, Waypost__Operated *operated);
void alarms_answer_free(Waypost__Operated *operated);
int alarms_own(core_t *self, const Waypost__Operate *operate, const char *agent, uint64_t *need,
    struct complaint *why);

/* operate.c, trace.c, query.c, own_events.c */
void operate_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);
void held_push(core_t *self, const struct held *held);
int operate_form_apply(core_t *self, int form, struct cursor *body);
int trace_answer(
    core_t *self, struct session *session, const Waypost__Operate *operate, struct complaint *why);
/* Find an event in the journal: 0, E_NOT_FOUND (not within TRACE_RECORDS_MAX of its time), E_IO (nor that, and a record
 * there cannot be read), or the journal's code. */
int trace_find(core_t *self, const uint8_t *event, uint64_t *position, uint16_t *index);
/* The same, where the index of its batch's record is known. */
int trace_find_at(
    core_t *self, const uint8_t *event, uint64_t leaf, uint64_t *position, uint16_t *index);
void query_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);
void own_events_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);
void register_get_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);

/* erase.c, erase_apply.c */
void erase_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);
struct erasure *erasure_of(const core_t *self, const uint8_t *event); /* open; NULL; lent */
struct erasure *erasure_push(core_t *self);
void erase_note_begun(core_t *self, const struct erase_body *body);
void erase_append_erased(
    core_t *self, struct erase_body *body); /* record and fold; sets its time */
int erase_apply(core_t *self, const struct record *record);
void fold_erased(core_t *self, struct slice body); /* of RECORD_PAYLOAD_ERASED */
void erase_run(core_t *self); /* destroy what is durably begun, and record it */
void erasures_encode(const core_t *self, struct buf *out);
void erasures_decode(core_t *self, struct cursor *in);

/* disclose.c */
bool disclose_is_alone(const struct view *view, const struct digest *digest); /* S-16 */
/* Judged, to its sender alone: it is to be told; verdict: byte of the judged record. */
void disclose_note(core_t *self, struct view *view, uint32_t index, uint8_t verdict);
/* What an event brings with it, to a judged record's end. */
void disclose_tell(core_t *self, struct view *view, uint32_t index, struct buf *body);
/* Is an event that a party (DIGEST_ORIGIN, DIGEST_RECEIVING) does not know of yet? */
bool disclose_hides(
    const core_t *self, const uint8_t *transfer, const uint8_t *event, uint32_t party);
void disclose_noted(core_t *self, uint64_t position, uint32_t index,
    uint8_t verdict); /* durable, of an event that went to nobody */
int disclose_apply(
    core_t *self, const struct cursor *body); /* what stands behind the events; 0 or E_CORRUPT */
void disclose_encode(const core_t *self, struct buf *out);
void disclose_decode(core_t *self, struct cursor *in);
void disclose_free(core_t *self);

/* prove.c */
void past_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame); /* past.c */
void prove_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);

/* snapshot.c */
void snapshot_encode(const core_t *self, struct buf *out);
int snapshot_decode(
    core_t *self, struct slice bytes); /* 0, E_VERSION, E_CORRUPT: then nothing of it counts */

#endif
