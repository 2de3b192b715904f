/*
 * journal: the broker's append-only log, an RFC 6962 tree whose head is signed with every commit.
 * docs/STORAGE.md says what each file holds and what a crash can leave behind.
 *
 * Two threads at most use one journal: the owner (append, cut, settle, read, paths) and a writer that carries out
 * cut commits one at a time (journal_write). They share nothing but the commit handed over. Any failed write or sync
 * is E_IO or E_FULL from journal_write: the caller ends the process and never retries (PROMISE 1).
 *
 * Positions: segment number << 32 | byte offset; 0 is never a record.
 */
#ifndef WAYPOST_JOURNAL_JOURNAL_H
#define WAYPOST_JOURNAL_JOURNAL_H

#include "common/base/err.h"
#include "common/base/world.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"
#include "common/journal/disk.h"
#include "common/journal/record.h"

typedef struct journal journal_t;
typedef struct journal_commit journal_commit_t;

struct journal_options {
    const char *network;        /* lent for the life of the journal */
    const uint8_t *head_public; /* 32 bytes, lent for its life */
    const uint8_t *head_secret; /* 64 bytes, lent for its life */
    const struct world *world;  /* lent */
    uint64_t
        segment_bytes; /* 1 MiB .. 1 GiB; a segment is preallocated and sealed when it is full */
};

struct journal_head {
    uint64_t size; /* leaves */
    struct hash root;
    int64_t time_ms;
    uint32_t epoch;
    uint8_t journal[16];
    uint32_t statement_len; /* bytes of the encoded Head */
    uint8_t statement[256];
    uint8_t signature[SIGNATURE_BYTES];
};

struct journal_recovery {
    uint64_t size;        /* leaves found */
    uint64_t torn_bytes;  /* cut from the tail and saved aside, 0 for none */
    uint64_t quarantined; /* damaged records below the watermark, 0 for none */
    char torn_file[64];   /* where the tail was saved, "" for none */
};

/*
 * Hold the journal of a disk alone, as journal_open() does by itself: for a tool that looks before it opens, on a disk whose
 * lock it then sets to NULL. Closing *file_out lets go. 0; E_LOCKED, E_PERMISSION, E_IO with why.
 */
int journal_lock(const struct disk *disk, int *file_out, struct complaint *why);

/*
 * Open, or begin where the disk holds no journal. Cuts a torn tail (saved aside), names damage, checks the signed
 * heads from the watermark on. Returns 0; E_NETWORK, E_CORRUPT (nothing can be served), E_KEY (signed by
 * another head key), E_LOCKED... with why. disk is lent for the life of the journal.
 */
int journal_open(const struct disk *disk, const struct journal_options *options, journal_t **out,
    struct journal_recovery *recovery, struct complaint *why);
void journal_destroy(journal_t **self_p); /* what was not written is lost, as in a crash */

/*
 * Open a new epoch: the journal came back from a copy, and heads of more than lost_from and at most lost_to leaves, signed
 * before, are not of this history. By a tool, with nothing pending; reads the whole journal for the gaps of earlier epochs.
 * Durable with the next commit, whose head is the first of the new epoch. number: above the journal's own epoch, and above
 * every one that an agent may have seen. Returns 0, E_FULL after EPOCH_GAPS_MAX of them, or E_CORRUPT where the earlier ones
 * cannot be read.
 */
int journal_new_epoch(journal_t *self, uint32_t number, uint64_t lost_from, uint64_t lost_to);

/* Add a record to the pending commit: its sequence and position (NULL where it is not wanted) are final.
 * record->sequence is ignored; time_ms 0 means now. Cannot fail; the record must be within RECORD_BYTES_MAX. Nothing
 * is durable before the commit is settled. */
uint64_t journal_append(journal_t *self, const struct record *record, uint64_t *position);
size_t journal_pending_bytes(const journal_t *self);

/* Take what is pending as one commit, NULL where nothing is, or while another is under way. */
journal_commit_t *journal_cut(journal_t *self);
/* Hash, sign, write, sync. Any one thread. */
int journal_store(journal_t *self, journal_commit_t *commit);
/*
 * What follows a commit and need not be waited for: the watermark, at most every 100 ms, and zeros ahead. By whoever
 * writes, between commits; due is cheap to ask. Returns 0, E_IO or E_FULL as journal_store.
 */
bool journal_tend_due(const journal_t *self);
int journal_tend(journal_t *self);
int journal_write(journal_t *self, journal_commit_t *commit); /* both */
/*
 * Nothing to write now: bring the watermark up to date (else at most 100 ms behind, while commits follow each other)
 * and lay the next bytes ready. By whoever writes, between commits; before an orderly end it saves the next start
 * some work. Returns 0, E_IO or E_FULL as journal_write.
 */
int journal_rest(journal_t *self);
/* Owner again: the commit's records can be read, its head is the journal's. Frees it. */
void journal_settle(journal_t *self, journal_commit_t **commit_p);

const struct journal_head *journal_head(
    const journal_t *self);                   /* durable; lent until the next settle */
uint64_t journal_size(const journal_t *self); /* leaves appended, durable or not */

/* Sign a statement about the journal with its head key. context: not that of heads. signature: 64 bytes. */
void journal_sign(
    const journal_t *self, const char *context, struct slice statement, uint8_t *signature);

/* Behind the last settled record: what a snapshot of this moment gives as next_position, and a hint for a replay. */
uint64_t journal_end(const journal_t *self);

/* Is that what the journal holds as leaf record->sequence, which leads to the durable head? 0, E_CORRUPT, E_IO. Of a batch
 * nothing beyond its signed statement. */
int journal_check_record(journal_t *self, const struct record *record);

/* Read a settled record. out lends from scratch until its next use. 0, E_NOT_FOUND, E_CORRUPT, E_IO. One with a wrong bit
 * outside its payload is read as it was written, where its leaf proves that; so it is by a replay. */
int journal_read(journal_t *self, uint64_t position, struct buf *scratch, struct record *out);
/* The same; and a batch whose payload alone is damaged, or half destroyed, comes with an empty one, as by a replay. */
int journal_read_body(journal_t *self, uint64_t position, struct buf *scratch, struct record *out);

/* Records that were read so since the opening. */
struct journal_mended {
    uint64_t count;
    uint64_t position, sequence; /* of the first */
};
const struct journal_mended *journal_mended(const journal_t *self); /* lent; the owner's */

/* A bit that was put right on the disk. */
struct journal_righted {
    uint32_t segment;
    uint64_t offset;   /* bytes into the segment, of the byte written */
    uint8_t was, is;   /* that byte, before and after */
    uint64_t sequence; /* of the record */
};
/*
 * Write the one wrong bit of a record back as it was, where the record's leaf proves it: one byte, then a sync, so that a crash
 * leaves the record as it was or as it is. The owner's, with nothing under way.
 * Returns 0; E_CORRUPT where it cannot be proven, E_NOT_FOUND where no record can stand there: nothing was written; E_IO,
 * E_FULL: what is on the disk is unknown, and every later commit fails with that code (PROMISE 1).
 */
int journal_mend(journal_t *self, uint64_t position, struct journal_righted *out);

/* A record that cannot be read, of which type and body are known from elsewhere: 0 where its leaf proves that they are what
 * was written, with sequence and time from its header, E_CORRUPT where not, E_NOT_FOUND, E_IO. out lends body. */
int journal_restore(
    journal_t *self, uint64_t position, uint8_t type, struct slice body, struct record *out);

/* Of a batch whose record is damaged: the signed statement, where that is whole, for its leaf leads to the durable head's
 * root. All else of the record is not to be believed. */
struct journal_salvaged {
    struct slice statement; /* lent until the journal's next call */
    int64_t time_ms;        /* when the record was written */
};
/* position, sequence: of the record, from elsewhere. 0; E_NOT_FOUND where no record can stand there; E_CORRUPT where the
 * statement is damaged too; E_IO. */
int journal_salvage(
    journal_t *self, uint64_t position, uint64_t sequence, struct journal_salvaged *out);

/*
 * Destroy the payload of one event of a batch record where it stands, on the disk and in memory, and sync: nothing of
 * it is left in the segments. The owner's. Can be done again, also on a record that a crash left half erased.
 * Returns 0; E_DUPLICATE where it was gone (zeros are written again all the same); E_NOT_FOUND where the event has no
 * payload or position is none; E_CORRUPT where the record is damaged: from now on it cannot be read either; E_IO, E_FULL:
 * what is on the disk is unknown, and every later commit fails with that code (PROMISE 1).
 */
int journal_erase(journal_t *self, uint64_t position, uint32_t index);

/* Inclusion path of leaf index in the tree of size, and consistency path between two sizes (RFC 6962). Recent leaves
 * come from memory. size at most the durable head's. */
int journal_path(journal_t *self, uint64_t index, uint64_t size, struct merkle_path *out);
int journal_consistency(journal_t *self, uint64_t old_size, uint64_t size, struct merkle_path *out);
int journal_root_at(journal_t *self, uint64_t size, struct hash *out);

/* Visit every settled leaf record from a sequence on, in order. visit returns 0 to go on; anything else ends the
 * replay and is returned. A damaged record is passed over with a warning: its sequence is missing. A
 * batch whose payload alone is damaged, or half destroyed, comes with an empty one.
 * hint: a position at or before that sequence (0 for none). */
int journal_replay(journal_t *self, uint64_t from_sequence, uint64_t hint,
    int (*visit)(void *context, const struct record *record, uint64_t position), void *context);
/* The same over a disk that answers E_IO: what it does not give, by pages of 4,096 bytes and by more where one such follows
 * the other, is passed over as what is damaged. Not for a state that must be whole. E_IO where not even the names of the
 * segments can be had. */
int journal_replay_readable(journal_t *self, uint64_t from_sequence, uint64_t hint,
    int (*visit)(void *context, const struct record *record, uint64_t position), void *context);

/*
 * Snapshots of the owner's state, named by their kind and the number of leaves they stand for. The two newest of each
 * kind are kept.
 * journal_snapshot_check is the owner's: E_RANGE where size is beyond the durable head, E_TOO_LARGE.
 * journal_snapshot_store writes what was checked, in any one thread, and reads nothing of the owner's.
 * journal_snapshot_write does both.
 */
enum snapshot_kind {
    SNAPSHOT_TRANSPORT,  /* streams, cursors, numbers */
    SNAPSHOT_PROCEDURES, /* the procedure engine's state */
    SNAPSHOT_KINDS
};
int journal_snapshot_check(const journal_t *self, uint64_t size, struct slice state);
int journal_snapshot_store(journal_t *self, enum snapshot_kind kind, uint64_t size,
    uint64_t next_position, struct slice state);
int journal_snapshot_write(journal_t *self, enum snapshot_kind kind, uint64_t size,
    uint64_t next_position, struct slice state);
/* The newest that holds; one that does not is passed over with a warning. E_NOT_FOUND. state is appended to. */
int journal_snapshot_read(journal_t *self, enum snapshot_kind kind, struct buf *state,
    uint64_t *size, uint64_t *next_position);

/* The same piece by piece, for the owner who has other things to do meanwhile. The journal is lent until the close. */
typedef struct journal_snapshot journal_snapshot_t;
/* The newest for fewer than `below` leaves (and no more than are durable). backing: of its bytes, lent until the close;
 * NULL: the heap. E_NOT_FOUND. */
int journal_snapshot_open(journal_t *self, enum snapshot_kind kind, uint64_t below,
    const struct backing *backing, journal_snapshot_t **out);
/* About so many bytes more: E_BUSY: come again; 0: all of it, and it holds; else it does not, with a warning. */
int journal_snapshot_step(journal_snapshot_t *self, size_t bytes);
uint64_t journal_snapshot_size(const journal_snapshot_t *self);
uint64_t journal_snapshot_next_position(const journal_snapshot_t *self); /* after the last step */
struct slice journal_snapshot_state(const journal_snapshot_t *self);     /* lent until the close */
void journal_snapshot_close(journal_snapshot_t **self_p);

/* ---- offline: verify and walk a journal without its secrets, never writing ---- */

struct journal_check {
    uint64_t leaves;
    uint64_t commits;
    uint64_t events;
    uint64_t segments;
    uint64_t torn_bytes; /* after the last whole commit */
    uint64_t erased;     /* payloads erased */
    /* Batches whose events do not lead to the root they were signed with, and the first of them (0 for none): each
     * must be one that a later record voids, which the caller can tell and this cannot. */
    uint64_t unmatched;
    uint64_t unmatched_position;

    char network[33];
    struct journal_head head; /* the last */
    uint64_t bad_position;    /* of the first damage, 0 for none */
};

/*
 * Walk the whole journal: every CRC, every leaf, every root, every head signature.
 *   head_public  32 bytes, or NULL to take the key that the journal's first record names (said in the report)
 *   visit        may be NULL; else called with every leaf record of a good commit
 * Returns 0, or the code of the first fault with where and what in why; what is whole before it has been visited.
 */
int journal_verify(const struct disk *disk, const uint8_t *head_public,
    struct journal_check *report,
    int (*visit)(void *context, const struct record *record, uint64_t position), void *context,
    void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes),
    struct complaint *why);

/* What journal_scan() went through. */
struct journal_scanned {
    uint64_t leaves; /* up to the last whole commit */
    uint64_t commits;
    uint64_t segments;
    uint64_t torn_bytes; /* after the last whole commit: a commit under way, or what a crash left */
};

struct journal_scan {
    uint64_t
        from_sequence; /* begin with the segment that holds this leaf; earlier ones of it are visited too */
    bool commits; /* visit RECORD_COMMIT as well, behind the leaves of its commit */
    int (*visit)(void *context, const struct record *record, uint64_t position);
    /* The header of a segment as it stands, before its records; may be NULL. 0 to go on. */
    int (*segment)(void *context, uint32_t segment, struct slice header);
    void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes); /* may be NULL */
    void *context;
};

/*
 * Visit every record of whole commits, in order, believing checksums, order and commits alone: neither hashes nor
 * signatures (journal_verify() does). Reads a journal that is in use. Returns 0; what visit or segment returned, where
 * that was not 0; E_NOT_FOUND where there is no journal; E_CORRUPT, E_VERSION, E_IO with where and what in why: what
 * is whole before it has been visited.
 */
int journal_scan(const struct disk *disk, const struct journal_scan *scan,
    struct journal_scanned *out, struct complaint *why);

#endif
