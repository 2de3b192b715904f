/*
 * store: the agent's memory. One SQLite database, one connection, WAL, every commit synced;
 * store_schema.c has the tables.
 *
 * It holds what may not be lost: identity and counters, outbox, inbox with the evidence of every
 * event, the stream's cursor, acknowledgements, transfers, notices, alarms. It decides nothing.
 *
 * Every change belongs to a transaction. Writes are void: the first failure is remembered and
 * store_commit() answers it, E_FULL or E_IO or E_CORRUPT, with nothing of the transaction kept.
 * Reads outside a transaction that fail give nothing; store_failed() says so. Blobs in rows are
 * owned by the row (outbox_row_free, inbox_row_free).
 */
#ifndef WAYPOST_AGENT_STORE_H
#define WAYPOST_AGENT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/agent/limits.h"
#include "common/alarm/alarm_book.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/histogram.h"
#include "common/base/uuid.h"
#include "common/codec/limits.h"
#include "common/crypto/merkle.h"

typedef struct store store_t;

/*
 * Open or make the database. Created with mode 0600 by the caller's umask.
 *   path   a file, or ":memory:"
 * Returns 0; E_LOCKED (another agent has it), E_VERSION (made by a newer agent), E_CORRUPT, E_IO, E_CONFIG (belongs to
 * another agent or network) with what to do in why.
 */
int store_open(
    const char *path, const char *network, const char *agent, store_t **out, struct complaint *why);
void store_close(store_t **self_p);

void store_begin(store_t *self);
int store_commit(store_t *self); /* 0, or the first failure with nothing kept */
void store_rollback(store_t *self);
/*
 * From here to store_gathered(), transactions that follow each other are one, with one sync. store_commit() then says only that
 * nothing has failed so far: nobody is told of it before store_gathered() has answered 0. What fails, at either, takes
 * everything with it that was gathered. Both do nothing where there is nothing to do.
 */
void store_gather(store_t *self);
int store_gathered(store_t *self); /* as store_commit() */
bool store_in_transaction(const store_t *self);
int store_failed(store_t *self); /* first failed read outside a transaction; cleared by asking */
/* How long commits took, and whether one can be kept now: a transaction that changes nothing, synced. 0, or as
 * store_commit(). Outside a transaction. */
const struct histogram *store_sync(const store_t *self);
int store_probe(store_t *self);
void store_idle(store_t *self); /* nothing to do: checkpoint if it is worth it */

/* ---- who we are: one row ---- */

struct identity {
    uint64_t incarnation;   /* random; 0 before the first */
    uint64_t next_sequence; /* of the next event that is frozen */
    uint64_t sent_sequence; /* highest that was ever frozen for sending in this incarnation */
    uint8_t last_event[UUID_BYTES]; /* highest event id made or found */
    uint64_t ack_counter;           /* no statement has a higher one */
    uint64_t stream_epoch;          /* 0 before the first */
    uint64_t stream_upto;           /* last number that is durable here */
    uint64_t stream_acked;          /* last number whose acknowledgement is on the broker's disk */
    struct hash running;            /* running hash at stream_upto (S-22) */
    bool from_start;                /* this database has seen the stream from its first entry */
    bool own_fetched;               /* own events were fetched once for this database */
    uint32_t
        restore; /* 1: a restore procedure is under way and is taken up again after a restart */
};

void store_identity(store_t *self, struct identity *out);
void store_identity_save(store_t *self, const struct identity *identity);

/* Highest verified head. size 0: none. */
struct seen_head {
    uint64_t size;
    uint32_t epoch;
    uint8_t journal[16];
    struct hash root;
    int64_t time_ms;
    uint32_t statement_len;
    uint8_t statement[256];
    uint8_t signature[64];
};
void store_head(store_t *self, struct seen_head *out);
void store_head_save(store_t *self, const struct seen_head *head);

/* Exact bytes of the register in force, appended; nothing where there is none. */
void store_register(store_t *self, struct buf *out);
void store_register_save(store_t *self, uint64_t version, struct slice bytes);

/* ---- alarms (common/alarm/alarm_book.h): what is up, and who has taken what on ---- */

/* True where it was not there, or said something else: then nobody has taken that on. */
bool store_alarm_set(store_t *self, const char *name, const char *text, int64_t now_ms);
bool store_alarm_clear(store_t *self, const char *name); /* true where it was there */
/* Somebody takes it on, and that stays recorded. One that tells of what happened once is gone. False where it is not
 * up. */
bool store_alarm_own(store_t *self, const char *name, const char *owner, int64_t now_ms);
void store_alarm_told(store_t *self, const char *name, int64_t told_ms); /* counts it */
bool store_has_alarm(store_t *self, const char *name);
/* Its transaction failed: until it is cleared it is up in memory alone. One at a time: that of the disk itself. */
void store_alarm_keep(store_t *self, const char *name, const char *text, int64_t now_ms);
void store_alarms(
    store_t *self, void (*visit)(void *context, const struct alarm *row), void *context);

/* ---- transfers and their subjects ---- */

struct subject_row {
    uint8_t ref[UUID_BYTES];
    uint32_t case_type;
    char name[AGENT_NAME_BYTES_MAX + 1]; /* local label, "" where none */
    bool known; /* of one that is being begun: the label has brought the ref; not stored */
};
struct transfer_row {
    uint8_t transfer[UUID_BYTES];
    char label[AGENT_NAME_BYTES_MAX + 1];
    char origin[CODE_BYTES + 1];
    char receiving[CODE_BYTES + 1];
    int64_t created_ms;
    size_t subject_count;
    struct subject_row subjects[SUBJECTS_MAX];
    uint64_t events; /* of both directions; filled in by store_transfers */
    uint64_t unopened;
    int64_t last_ms;
};
void store_transfer_put(store_t *self,
    const struct transfer_row
        *row); /* adds; subjects not yet there are added, those without a name get
                                                       the one given */
int store_transfer(
    store_t *self, const uint8_t *transfer, struct transfer_row *out); /* 0 or E_NOT_FOUND */
int store_transfer_labelled(
    store_t *self, const char *label, struct transfer_row *out); /* 0 or E_NOT_FOUND */
bool store_subject_named(store_t *self, const char *name, uint8_t *ref);
/* Ids of the transfers of a child, by its reference; and of the events that link two children (kin.h). Appended. */
void store_transfers_of(store_t *self, const uint8_t *ref, struct buf *out);
void store_links(
    store_t *self, bool own, struct buf *out); /* own: of the outbox, else of the inbox */
/* Those that something happened in last, first; limit 0: all there are. */
void store_transfers(store_t *self, uint32_t limit,
    void (*visit)(void *context, const struct transfer_row *row), void *context);

/* ---- outbox ---- */

enum outbox_state { OUTBOX_WAITING = 0, OUTBOX_SENT = 1, OUTBOX_ACCEPTED = 2, OUTBOX_REFUSED = 3 };

struct outbox_row {
    int64_t position; /* order in which the user said it */
    uint8_t event[UUID_BYTES];
    uint8_t transfer[UUID_BYTES];
    uint32_t kind;
    enum outbox_state state;
    uint64_t incarnation; /* 0 until frozen */
    uint64_t sequence;
    int64_t batch; /* row of batches, 0 for none */
    int64_t created_ms;
    int64_t sent_ms;     /* first frozen, 0 for never */
    int64_t accepted_ms; /* by the broker's clock, 0 for never */
    int error_code;      /* negative enum err, 0 for none */
    char error[320];
    struct buf draft; /* JSON, kept until accepted */
    struct buf plain; /* payload before sealing, kept until accepted; empty where none */
    struct buf bytes; /* the Event, once frozen */
    struct buf ciphertext;
    struct buf wraps; /* 97 bytes each, as struct stored_wrap */
};
void outbox_row_free(struct outbox_row *row);

struct stored_wrap {
    char code[CODE_BYTES + 1];
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t ephemeral[32];
    uint8_t sealed_key[48];
};
enum { STORED_WRAP_BYTES = 97 };
void stored_wrap_put(struct buf *out, const struct stored_wrap *wrap);
bool stored_wrap_take(struct cursor *from, struct stored_wrap *out);

struct recipient_row {
    char code[CODE_BYTES + 1];
    uint64_t n; /* 0 until frozen */
};

void store_outbox_add(
    store_t *self, const struct outbox_row *row, const char *const *codes, size_t code_count);
int store_outbox(
    store_t *self, const uint8_t *event, struct outbox_row *out); /* whole row; 0 or E_NOT_FOUND */
size_t store_outbox_recipients(
    store_t *self, const uint8_t *event, struct recipient_row *out); /* RECIPIENTS_MAX */
int store_outbox_next_waiting(
    store_t *self, int64_t after_position, struct outbox_row *out); /* 0 or E_END */
uint64_t store_outbox_count(store_t *self, enum outbox_state state);
uint64_t store_outbox_frozen(store_t *self); /* sent events that no batch holds */
uint64_t store_outbox_known(store_t *self);  /* accepted ones */
bool store_outbox_is_open(store_t *self, const uint8_t *event); /* ours, and not accepted yet */

/* Freeze: bytes, sequence, wraps; the caller raised identity and takes n from
 * store_counter_next(). */
void store_outbox_freeze(store_t *self, const struct outbox_row *row);
uint64_t store_counter_next(store_t *self, const char *code);
void store_recipient_number(store_t *self, const uint8_t *event, const char *code, uint64_t n);
void store_outbox_wraps(store_t *self, const uint8_t *event, struct slice wraps);
/* The next frozen event behind a position, whole row. 0 or E_END. */
int store_outbox_next_frozen(store_t *self, int64_t after_position, struct outbox_row *out);
/* The first frozen event, by its id, of any incarnation but this one: the broker accepted it once, and has lost it. False
 * where there is none. */
bool store_outbox_lost(
    store_t *self, uint64_t but_incarnation, uint64_t *incarnation, uint64_t *sequence);
/* Events of the incarnation from a sequence on go back to waiting, their counters with them. None of them was accepted
 * before: of what was, nothing but the frozen bytes is left. */
void store_outbox_thaw(store_t *self, uint64_t incarnation, uint64_t from_sequence);
/* Of every incarnation, what was never accepted; counters begin again: a new incarnation. */
void store_outbox_thaw_all(store_t *self);
void store_outbox_refuse(store_t *self, const uint8_t *event, int code, const char *text);
void store_outbox_rename(store_t *self, const uint8_t *old_event, const uint8_t *new_event);
bool store_renamed(store_t *self, const uint8_t *old_event, uint8_t *new_event);
/* An own event as the broker gave it back, row->batch with it: adds or completes. */
void store_outbox_recovered(store_t *self, const struct outbox_row *row, const char *const *codes,
    const uint64_t *numbers, size_t code_count);
/* Visit frozen events of the incarnation with first <= sequence < first + count in order, whole rows. visit returns
 * false to stop. */
void store_outbox_range(store_t *self, uint64_t incarnation, uint64_t first, uint64_t count,
    bool (*visit)(void *context, struct outbox_row *row), void *context);
/* Newest first; state -1 for all; transfer NULL for all; before: position, INT64_MAX for the newest. Blobs are left
 * empty. */
void store_outbox_list(store_t *self, int state, const uint8_t *transfer, int64_t before,
    size_t limit, void (*visit)(void *context, const struct outbox_row *row), void *context);
bool store_outbox_highest(store_t *self, uint8_t *event); /* highest id that was accepted */
/* Exact bytes of a frozen event, appended; false where there are none. */
bool store_outbox_bytes(store_t *self, const uint8_t *event, struct buf *out);
int64_t store_outbox_position(store_t *self, const uint8_t *event); /* 0 where unknown */

struct batch_row {
    int64_t id;
    uint64_t incarnation;
    uint64_t first; /* sequence */
    uint32_t count;
    uint64_t leaf_index;
    int64_t accepted_ms; /* 0: no receipt yet */
    struct buf statement;
    struct buf signature;
    struct buf
        receipt; /* exact Receipt message, empty before, and where it was lost with a database */
};
void batch_row_free(struct batch_row *row);
int64_t store_batch_add(
    store_t *self, const struct batch_row *row); /* and its events point to it */
int store_batch(store_t *self, int64_t id, struct batch_row *out);
/* The first batch of the incarnation without a receipt whose first sequence is at least `from`.
 * 0 or E_END. */
int store_batch_open(store_t *self, uint64_t incarnation, uint64_t from, struct batch_row *out);
int store_batch_covering(
    store_t *self, uint64_t incarnation, uint64_t sequence, struct batch_row *out);
void store_batch_sign(store_t *self, int64_t id, struct slice statement, struct slice signature);
/* A batch as the broker gave it back, without its receipt: adds or completes; returns its id. */
int64_t store_batch_recovered(store_t *self, const struct batch_row *row);
void store_batch_accept(
    store_t *self, int64_t id, const struct batch_row *receipt); /* its events become accepted */
/* Forget the unreceipted batches from a sequence on; their events stay frozen. */
void store_batches_drop(store_t *self, uint64_t incarnation, uint64_t from);
/* Highest sequence with a receipt, 0 for none; all before it have theirs, receipts are taken in order. */
uint64_t store_receipted_upto(store_t *self, uint64_t incarnation);

/* ---- how far own events have come (store_reached.c) ---- */

enum store_reached {
    REACHED_NOTHING = 0, /* no recipient's disk that we know of */
    REACHED_DISK = 1,    /* persisted (A1) */
    REACHED_PERSON = 2,  /* opened (A2) */
    REACHED_UNWATCHED =
        3 /* it came back, or was fetched again after a restore: nothing more is expected */
};
/* A recipient has it so far; never back. Inside a transaction, as the next. */
void store_reached_put(
    store_t *self, const uint8_t *event, const char *code, enum store_reached reached);
void store_reached_end(store_t *self, const uint8_t *event); /* REACHED_UNWATCHED for all */

/* What is open: how many, and since when (wall time, 0 where there is none). One event to two recipients counts twice
 * in the last two. */
struct store_open_events {
    uint64_t waiting; /* not accepted; since it was said */
    int64_t oldest_waiting_ms;
    uint64_t
        unpersisted; /* accepted, on no disk of that recipient's; since its acceptance, as below */
    int64_t oldest_unpersisted_ms;
    uint64_t unread; /* on its disk, opened by nobody */
    int64_t oldest_unread_ms;
};
void store_open_events(store_t *self, struct store_open_events *out);
int64_t store_waiting_since(store_t *self);  /* the first of those, alone: quicker; 0 for none */
int64_t store_unopened_since(store_t *self); /* when the oldest unopened one came in; 0 for none */
/* The oldest accepted event that has come just so far at a recipient (NOTHING or DISK), and whose code that is. */
bool store_open_oldest(
    store_t *self, enum store_reached reached, uint8_t *event, char *code, int64_t *accepted_ms);

/* ---- levels and proofs of acknowledgements ---- */

enum level { LEVEL_NONE = 0, LEVEL_PERSISTED = 1, LEVEL_OPENED = 2, LEVEL_FAULT = 3 };
const char *level_word(enum level level); /* "none", "persisted", "opened", "fault" */

struct level_row {
    char code[CODE_BYTES + 1];
    char agent[AGENT_ID_BYTES_MAX + 1];
    enum level level;
    int64_t at_ms;
    uint32_t role; /* person_role, level 2 */
    char team[AGENT_TEAM_BYTES_MAX + 1];
    uint32_t code_err; /* level 3 */
    int64_t ack;       /* row of acks: the proof */
};
int64_t store_ack_add(store_t *self, const char *agent, struct slice statement,
    struct slice signature, uint64_t leaf_index, int64_t now_ms);
void store_level_put(store_t *self, const uint8_t *event, const struct level_row *row);
void store_levels(store_t *self, const uint8_t *event,
    void (*visit)(void *context, const struct level_row *row), void *context);
/* Highest level for a code: fault counts only where nothing else is known. at_ms 0 where none. */
enum level store_level_of(store_t *self, const uint8_t *event, const char *code, int64_t *at_ms);
/* An acknowledgement's event (the first) and level rows by its proof, for `watch`. */
void store_ack_levels(store_t *self, int64_t ack,
    void (*visit)(void *context, const uint8_t *event, const struct level_row *row), void *context);

/* Place in the broker's journal of a batch of ours, of one that was delivered, of an acknowledgement; UINT64_MAX where
 * it is not known. */
enum store_proof { STORE_PROOF_BATCH, STORE_PROOF_EVIDENCE, STORE_PROOF_ACK };
uint64_t store_leaf(store_t *self, enum store_proof proof, int64_t row);

/* An acknowledgement of ours and its place there. */
struct own_ack {
    uint64_t counter; /* of the statement */
    uint64_t epoch;   /* of our stream */
    uint64_t upto;    /* number in it */
    uint64_t leaf_index;
};
void store_own_ack_put(store_t *self, const struct own_ack *row);
/* Place of the one that said that an entry of the stream is here; UINT64_MAX where it is not known. */
uint64_t store_own_ack_leaf(store_t *self, uint64_t epoch, uint64_t number);
/* Does the broker know that an event was opened here? And the place of the first that said so, as above. */
bool store_opening_place(store_t *self, const uint8_t *event, uint64_t *leaf);

/* ---- inbox ---- */

enum receiver_state {
    RECEIVER_NONE = 0,
    RECEIVER_PENDING = 1,
    RECEIVER_DONE = 2,
    RECEIVER_FAILING = 3
};

struct inbox_row {
    int64_t position; /* order of arrival here: the entry's position, set by the caller */
    uint64_t epoch;
    uint64_t number; /* in that epoch */
    uint8_t event[UUID_BYTES];
    uint8_t transfer[UUID_BYTES];
    uint32_t kind;
    char from[CODE_BYTES + 1];
    char signer[AGENT_ID_BYTES_MAX + 1];
    uint32_t verdict;
    uint32_t payload_absent;
    int64_t sent_ms;
    int64_t accepted_ms;
    int64_t persisted_ms;
    int64_t opened_ms; /* 0 for never */
    int fault;         /* negative enum err, 0 for none */
    enum receiver_state receiver;
    uint32_t attempts;
    int64_t next_ms;  /* wall time of the next attempt */
    int64_t evidence; /* row of evidence */
    uint32_t leaf;    /* position in the batch */
    struct buf path;  /* 32 bytes a step */
    struct buf bytes;
    struct buf ciphertext;
    struct buf wrap; /* one stored wrap, empty where none */
};
void inbox_row_free(struct inbox_row *row);

enum { PAYLOAD_ABSENT_ERASED = 2 }; /* of inbox_row.payload_absent, as EventEntry says it */

struct evidence_row {
    uint64_t leaf_index;
    int64_t accepted_ms;
    struct buf statement;
    struct buf signature;
};
int64_t store_evidence_put(store_t *self, struct slice statement, struct slice signature,
    uint64_t leaf_index, int64_t accepted_ms);
int store_evidence(store_t *self, int64_t id, struct evidence_row *out);

bool store_inbox_has(store_t *self, const uint8_t *event, int *fault);
void store_inbox_add(store_t *self, const struct inbox_row *row);
void store_inbox_replace(
    store_t *self, const struct inbox_row *row); /* one with a fault by a good one */
int store_inbox(
    store_t *self, const uint8_t *event, struct inbox_row *out); /* whole; 0 or E_NOT_FOUND */
struct inbox_filter {
    bool unopened;
    uint32_t kind;           /* 0 for all */
    const uint8_t *transfer; /* NULL for all */
    int64_t before;          /* position, INT64_MAX for the newest */
    size_t limit;
};
void store_inbox_list(store_t *self, const struct inbox_filter *filter,
    void (*visit)(void *context, const struct inbox_row *row), void *context);
int64_t store_inbox_position(store_t *self, const uint8_t *event);
uint64_t store_inbox_unopened(store_t *self, int64_t *oldest_ms);

void store_inbox_opened(store_t *self, const uint8_t *event, int64_t at_ms);
/* True where this role and team had not opened it before. */
bool store_opening_add(
    store_t *self, const uint8_t *event, uint32_t role, const char *team, int64_t at_ms);
struct opening_row {
    int64_t id;
    uint8_t event[UUID_BYTES];
    uint32_t role;
    char team[AGENT_TEAM_BYTES_MAX + 1];
    int64_t at_ms;
};
uint64_t store_openings_waiting(store_t *self); /* the broker has not acknowledged them */
size_t store_openings_unsaid(store_t *self, struct opening_row *out, size_t max);
void store_opening_said(store_t *self, int64_t id, uint64_t counter);
void store_openings_acked(store_t *self, uint64_t counter);
void store_openings_again(store_t *self); /* a new session: say again what was not acknowledged */

/* The next event for the receiver: due, and the first of its transfer that is not done. skip:
 * transfers at work now. */
int store_receiver_next(store_t *self, int64_t now_ms, const uint8_t (*skip)[UUID_BYTES],
    size_t skip_count, struct inbox_row *out); /* 0 or E_END */
void store_receiver_set(store_t *self, const uint8_t *event, enum receiver_state state,
    uint32_t attempts, int64_t next_ms);
int64_t store_receiver_due(store_t *self); /* wall time of the earliest, INT64_MAX for none */

/* ---- the stream as it was persisted ---- */

enum entry_type { ENTRY_EVENT = 1, ENTRY_RECORD = 2, ENTRY_ACK = 3, ENTRY_HELD = 4 };
struct entry_row {
    int64_t position;
    uint64_t epoch;
    uint64_t number;
    enum entry_type type;
    uint8_t event[UUID_BYTES]; /* zero where it is about none */
    int64_t ref;               /* row of notices or acks, 0 for none */
    int64_t persisted_ms;
    int fault;           /* negative: what it was acknowledged with */
    struct hash running; /* running hash of the stream at this entry (S-22) */
};
int64_t store_entry_add(store_t *self, const struct entry_row *row);           /* its position */
int store_entry_after(store_t *self, int64_t position, struct entry_row *out); /* 0 or E_END */
int64_t store_entry_from(
    store_t *self, uint64_t epoch, uint64_t number); /* position just before it */
int64_t store_entry_last(store_t *self);
/* Running hash at a number; false where that entry is not here. */
bool store_entry_hash(store_t *self, uint64_t epoch, uint64_t number, struct hash *out);
/* Forget the numbering of entries above a number (their events stay): the broker will say them
 * again. */
void store_entries_cut(store_t *self, uint64_t epoch, uint64_t above);
/* Forget entries below a number that is acknowledged; the one at it stays, for its running hash. */
void store_entries_forget(store_t *self, uint64_t epoch, uint64_t below);
struct persisted_run {
    uint64_t upto;
    int64_t at_ms;
};
/* The entries above a number. */
struct persisted_entries {
    struct merkle_frontier named; /* a tree over their running hashes */
    uint64_t events;              /* how many of them are events */
};
/* Runs above `after` in the epoch, at most max: the last one takes in the rest with the latest time. entries: NULL where
 * not wanted. */
size_t store_runs(store_t *self, uint64_t epoch, uint64_t after, struct persisted_run *out,
    size_t max, struct persisted_entries *entries);
struct fault_row {
    uint64_t number;
    int code;
};
size_t store_faults(
    store_t *self, uint64_t epoch, uint64_t after, struct fault_row *out, size_t max);
/* What could not be used, kept as evidence. */
void store_fault_add(store_t *self, const struct entry_row *entry, int code, const char *text,
    struct slice event, struct slice statement, struct slice signature);

enum { NOTICE_ID_BYTES = 16, NOTICE_DETAIL_BYTES = 512 };
struct notice_row {
    int64_t id;
    uint64_t leaf_index;
    int64_t recorded_ms;
    int64_t at_ms;
    uint32_t kind;
    bool has_event;
    uint8_t event[UUID_BYTES];
    char code[CODE_BYTES + 1];
    char successors[RECIPIENTS_MAX * (CODE_BYTES + 1) + 1]; /* blanks between */
    char by[AGENT_ID_BYTES_MAX + 1];
    uint32_t code_err;
    bool has_transfer, has_subject;
    uint8_t transfer[UUID_BYTES];
    uint8_t subject[UUID_BYTES];
    char clock[NOTICE_ID_BYTES]; /* "C01", "" for none */
    char rule[NOTICE_ID_BYTES];
    char detail[NOTICE_DETAIL_BYTES]; /* words of the catalogue, as the broker said them */
};
int64_t store_notice_add(store_t *self, const struct notice_row *row);
int store_notice(store_t *self, int64_t id, struct notice_row *out);
void store_notices(store_t *self, const uint8_t *event,
    void (*visit)(void *context, const struct notice_row *row), void *context);
/* Those of one kind (of system kinds), whatever they are about. */
void store_notices_of(store_t *self, uint32_t kind,
    void (*visit)(void *context, const struct notice_row *row), void *context);

/* ---- breaches that were believed in while the agent was cut off (beliefs.h) ---- */

struct belief_row {
    uint8_t transfer[UUID_BYTES];
    uint8_t subject[UUID_BYTES];
    char clock[8]; /* "C01" */
    int64_t at_ms; /* when it ran out */
    int64_t
        disproved_ms; /* when it turned out that the journal says otherwise; 0 while it is held */
};
void store_belief_put(store_t *self, const struct belief_row *row); /* once */
void store_belief_settle(
    store_t *self, const struct belief_row *row, int64_t disproved_ms); /* 0: borne out, gone */
/* transfer NULL for all. */
void store_beliefs(store_t *self, const uint8_t *transfer,
    void (*visit)(void *context, const struct belief_row *row), void *context);
uint64_t store_beliefs_held(store_t *self);
int64_t store_heard_ms(store_t *self); /* when the last entry was persisted, 0 for never */

/* Counters n that senders give us. True where a gap is open afterwards. */
bool store_sender_number(store_t *self, const char *agent, uint64_t incarnation, const char *code,
    uint64_t n, bool from_start, int64_t now_ms);
/* The oldest open gap that began before; false where there is none. */
struct sender_gap {
    char agent[AGENT_ID_BYTES_MAX + 1];
    char code[CODE_BYTES + 1];
    uint64_t missing; /* the first n that is not here */
    int64_t since_ms;
};
bool store_sender_gap(store_t *self, int64_t before_ms, struct sender_gap *out);

#endif
