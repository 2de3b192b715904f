/*
 * journal_fixture: a journal on a memory disk with a clock and randomness of its own, and a disk
 * that counts the calls that change something and fails, or loses power, at the n-th. For tests
 * alone; failures of set-up abort.
 */
#ifndef WAYPOST_TESTS_JOURNAL_FIXTURE_H
#define WAYPOST_TESTS_JOURNAL_FIXTURE_H

#include "common/journal/journal.h"

/* Stands before another disk. Counts opens that create, writes, syncs, truncations, renames and
 * removals. */
struct faulty_disk {
    struct disk inner;  /* the real table, lent */
    uint64_t calls;     /* counted so far */
    uint64_t fail_at;   /* number of the call that fails, from 1; 0 for none */
    int fail_rc;        /* what it answers */
    bool fail_for_ever; /* and so do all after it: the power is gone */
    uint64_t syncs;     /* sync_data calls that were passed on */
    uint64_t unsynced;  /* bytes written since the last of them */
    uint64_t unsynced_max;
    uint64_t bytes_read;
    uint64_t bad_from, bad_upto; /* bytes of the first segment that cannot be read: E_IO */
    uint64_t first_segment;      /* the files that are it, a bit each */
    unsigned files;              /* open now */
    unsigned files_max;          /* the most that were open at a time */
};

void faulty_disk_init(struct faulty_disk *self, const struct disk *inner, struct disk *out);

struct journal_fixture {
    struct disk memory;
    struct faulty_disk faults;
    struct disk disk; /* faults before memory; what the journal uses */
    struct world world;
    int64_t wall_ms;
    int64_t mono_ms;
    uint64_t random_state;
    uint8_t head_public[32];
    uint8_t head_secret[64];
    struct journal_options options;
    journal_t *journal; /* NULL while it is closed */
    struct journal_recovery recovery;
    struct complaint why;
};

void journal_fixture_init(struct journal_fixture *self);
void journal_fixture_free(struct journal_fixture *self);

int journal_fixture_open(struct journal_fixture *self);
void journal_fixture_close(struct journal_fixture *self); /* as kill -9: nothing more is written */

/* The power is cut: unsynced bytes are gone but the first `torn` of the last write; closed after
 * it. */
void journal_fixture_crash(struct journal_fixture *self, size_t torn);

/* Append a derived record with a body that follows from its sequence; returns its position. */
uint64_t journal_fixture_append(struct journal_fixture *self, size_t body_bytes);
/* Cut, write and settle what is pending: 0 or what journal_write said. */
int journal_fixture_commit(struct journal_fixture *self);
/* `records` records of 40 bytes, then a commit. */
int journal_fixture_add(struct journal_fixture *self, unsigned records);
/* The body that record `sequence` was given, appended to out. */
void journal_fixture_body(uint64_t sequence, size_t body_bytes, struct buf *out);

/* A batch record's body: `count` events of `event_bytes`, a statement that names their root. */
void journal_fixture_batch(
    const char *network, uint32_t count, size_t event_bytes, struct buf *out);

/* Copy every file of a disk to an empty one, without the zeros at the end of segments. */
void journal_fixture_copy_disk(const struct disk *from, struct disk *to);
/* Have the closed journal without those zeros, so that copies are small. */
void journal_fixture_compact(struct journal_fixture *self);
/* Size of a file without the zeros at its end. */
uint64_t journal_fixture_used(const struct disk *disk, const char *name);
void journal_fixture_flip(const struct disk *disk, const char *name, uint64_t offset, unsigned bit);
void journal_fixture_truncate(const struct disk *disk, const char *name, uint64_t len);
void journal_fixture_zero(const struct disk *disk, const char *name, uint64_t from, uint64_t to);

#endif
