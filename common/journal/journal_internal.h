/*
 * journal_internal: what the files of common/journal share; nobody else includes it.
 * docs/STORAGE.md has the bytes.
 *
 *   journal.c     the owner's side: append, cut, settle
 *   commit.c      the writer's side: hash, sign, write, sync
 *   segment.c     names, headers, reading records in order
 *   head.c        heads and the body of a commit record
 *   tree_store.c  stored nodes, paths
 *   mark.c        the watermark
 *   recovery.c    opening what is there
 *   read.c        reading and replay
 *   mend.c        what can be had of a damaged record
 *   erase.c       payload bytes destroyed where they stand
 *   snapshot.c    the owner's snapshots
 *   verify.c      checking everything, offline
 *   scan.c        reading everything, offline and quickly
 *
 * Two sides, each touched by one thread at a time: `owner` and `writer` below. A commit carries
 * everything else.
 */
#ifndef WAYPOST_JOURNAL_INTERNAL_H
#define WAYPOST_JOURNAL_INTERNAL_H

#include "common/journal/journal.h"

enum {
    SEGMENT_HEADER_BYTES = 4096,
    FILE_NAME_BYTES = 64,
    PREPARE_STEP_BYTES =
        1048576, /* zeros laid ahead at a time: 0.7 ms here, once in some thousand commits */
    PREPARE_LOW_BYTES = 65536, /* lay the next ones when fewer than these are left */
    PREPARE_COMMIT_BYTES =
        131072,              /* a commit larger than this gains nothing from zeros laid ahead */
    MARK_INTERVAL_MS = 100,  /* how far the watermark may lie behind */
    COMMIT_FIXED_BYTES = 24, /* of a commit record's body */
    STATEMENT_BYTES_MAX = 256,
    RECENT_BYTES_MAX = 8388608, /* settled commits kept in memory for deliveries */
    RECENT_COUNT_MAX = 1024,    /* at the most so many of them */
    READ_FILES_MAX = 8,         /* segments open for reading */
    MENDS_MAX = 64,             /* damaged records that are not looked through again and again */
    RECENT_LEAVES = 4096,       /* leaves whose nodes are kept in memory */
    TREE_LEVELS = 48,           /* 2^48 leaves */
    SEGMENT_BYTES_MIN = 1048576,
    SEGMENT_BYTES_MAX = 1073741824,
};

/* ---- positions ---- */

static inline uint64_t position_of(uint32_t segment, uint64_t offset)
{
    return (uint64_t)segment << 32 | offset;
}

static inline uint32_t position_segment(uint64_t position)
{
    return (uint32_t)(position >> 32);
}

static inline uint64_t position_offset(uint64_t position)
{
    return position & UINT32_MAX;
}

/* ---- segment.c ---- */

struct segment_header {
    uint32_t segment;
    uint32_t epoch;
    int64_t created_ms;
    char network[33];
    uint8_t journal[16];
    uint8_t head_public[32];
    struct merkle_frontier frontier; /* of the leaves before this segment */
};

/* The numbers of the segment files that exist, rising. Free `at` with free(). */
struct segment_list {
    uint32_t *at;
    size_t count;
    size_t capacity;
};

void segment_name(uint32_t segment, char *name); /* FILE_NAME_BYTES */
void segment_header_encode(const struct segment_header *header, uint8_t *out);
/* bytes: SEGMENT_HEADER_BYTES. 0, E_END where they are zero (not begun), E_VERSION, E_CORRUPT. */
int segment_header_decode(const uint8_t *bytes, struct segment_header *out);
int segment_header_read(const struct disk *disk, uint32_t segment, struct segment_header *out);
int segment_list_read(const struct disk *disk, struct segment_list *out);
/* Has any segment from index i on begun? */
bool segment_begun_from(const struct disk *disk, const struct segment_list *list, size_t i);

/* Reads records of one segment in order. Slices of a record are lent until the next call with this
 * scanner. */
struct scanner {
    const struct disk *disk;
    int file;
    uint32_t segment;
    uint64_t size;    /* bytes in the file */
    uint64_t at;      /* offset of the next record */
    uint64_t keep;    /* bytes from this offset on stay in memory; at most `at` */
    uint64_t base;    /* offset of bytes.data[0] */
    struct buf bytes; /* owned */
    /* What the disk answers with E_IO reads as zeros, which no record is made of: a page of 4,096 bytes, and twice as many
     * each time that the next cannot be had either. False after scanner_open(). */
    bool over_holes;
};

int scanner_open(struct scanner *self, const struct disk *disk, uint32_t segment, uint64_t offset);
void scanner_close(struct scanner *self);
/* The record at `at`, which does not move. 0, E_END, E_CORRUPT, E_IO. */
int scanner_peek(struct scanner *self, struct record *out, size_t *length);
int scanner_peek_body(
    struct scanner *self, struct record *out, size_t *length); /* without its payload */
/* Bytes from `at` on, at least `len` of them unless the file ends; more may come. 0 or E_IO. */
int scanner_bytes(struct scanner *self, size_t len, struct slice *out);
/* Offset behind the last byte that is not zero, from `from` on; `from` itself where all are. 0 or
 * E_IO. */
int scanner_used_end(struct scanner *self, uint64_t from, uint64_t *end);
/* The next offset after `at` where a record can be read whose sequence is at least `sequence`, of
 * a commit alone where commit is set; moves there. 0, E_END, E_IO. */
int scanner_resync(struct scanner *self, uint64_t sequence, bool commit);
/* Is there a whole commit record in this segment, of more than `size` leaves, whose commit begins
 * behind `offset`? Then what stands at offset was durable once. The scanner moves. 0 or E_IO. */
int scanner_commit_follows(struct scanner *self, uint64_t offset, uint64_t size, bool *follows);

/* ---- head.c ---- */

/* The body of a commit record. */
struct commit_body {
    uint64_t start; /* position of its first record */
    uint64_t first_leaf;
    uint32_t leaves;
    struct slice statement;
    struct slice signature;
};

/* Write the Head message of head's fields into head->statement. */
void head_encode(const char *network, struct journal_head *head);
/* Read a Head message; unknown fields are passed over. 0 or E_CORRUPT. network: 33 bytes. */
int head_decode(struct slice statement, char *network, struct journal_head *out);
size_t head_statement_bytes(const char *network, const struct journal_head *head);

size_t commit_record_bytes(size_t statement_bytes); /* of the whole record */
void commit_record_encode(
    const struct commit_body *body, uint64_t size, int64_t time_ms, struct buf *out);
int commit_body_read(struct slice body, struct commit_body *out);
/* The head that a commit record carries; its signature is not checked. 0 or E_CORRUPT. */
int commit_head(
    const struct record *record, struct commit_body *body, char *network, struct journal_head *out);
int head_check(const struct journal_head *head, const uint8_t *head_public); /* 0 or E_SIGNATURE */

/* ---- tree_store.c ---- */

/* The nodes that one level got last. */
struct tree_ring {
    struct hash *at;   /* owned; NULL while nothing was kept */
    uint64_t capacity; /* nodes */
    uint64_t first;    /* number of the oldest kept */
    uint64_t next;     /* number of the one to come */
};

/* The owner's view of the stored nodes: recent ones in memory, all of them in the file. */
struct tree_store {
    const struct disk *disk;
    int file;
    uint64_t leaves; /* settled */
    struct tree_ring ring[TREE_LEVELS];
};

uint64_t tree_stored_index(unsigned level, uint64_t number); /* where a node stands in the file */
uint64_t tree_stored_count(uint64_t leaves);                 /* nodes stored for so many leaves */
uint64_t tree_offset(uint64_t stored_index);                 /* byte offset in the file */

/* Add a leaf; the node hashes that it completes are appended to nodes, in the file's order. */
void tree_add(struct merkle_frontier *frontier, const struct hash *leaf, struct buf *nodes);

/* Open or create the file; *usable is false where it belongs to another journal or is damaged at
 * its start, and then it was begun anew. */
int tree_file_open(const struct disk *disk, const uint8_t *journal, int *file_out, bool *usable);
int tree_file_check(
    const struct disk *disk, int file, const uint8_t *journal); /* 0, E_CORRUPT, E_IO */
int tree_file_write(const struct disk *disk, int file, uint64_t first_leaf, struct slice nodes);
int tree_file_node(
    const struct disk *disk, int file, unsigned level, uint64_t number, struct hash *out);
int tree_file_frontier(
    const struct disk *disk, int file, uint64_t leaves, struct merkle_frontier *out);

void tree_store_init(struct tree_store *self, const struct disk *disk, int file,
    const struct merkle_frontier *frontier);
void tree_store_settle(struct tree_store *self, uint64_t leaves, struct slice nodes);
void tree_store_free(struct tree_store *self);

/* ---- mark.c ---- */

struct mark {
    uint64_t counter;  /* rises with each write; 0 for none */
    uint64_t position; /* end of the last durable commit */
    uint64_t commit;   /* position of its commit record */
    uint64_t leaves;
    struct hash root;
};

int mark_read(
    const struct disk *disk, struct mark *out); /* the newer good slot; E_NOT_FOUND, E_IO */
int mark_open(const struct disk *disk, int *file_out);
int mark_write(const struct disk *disk, int file, const struct mark *mark); /* synced */

/* ---- the journal ---- */

struct journal_commit {
    struct buf bytes; /* its records, then the commit record */
    uint64_t start;   /* position of the first record */
    uint64_t end;     /* position behind the commit record */
    uint64_t first_leaf;
    uint32_t leaves;
    struct journal_head head; /* without root, statement and signature until written */
    struct buf nodes;         /* node hashes that its leaves complete */
    int refused;              /* the owner's own write failed: nothing more is written; 0 */
    bool written;
};

/* A settled commit that deliveries may still want. */
struct recent {
    struct buf bytes; /* owned */
    uint64_t start;
};

struct read_file {
    uint32_t segment; /* 0 for none */
    int file;
    uint64_t used; /* higher is later */
};

/* A damaged record that was looked at: mend.c. */
struct mend {
    uint64_t position; /* 0 for none */
    uint64_t
        bit; /* that is wrong, counted from the record's first; or none, or it cannot be mended */
};

struct journal_owner {
    struct buf pending;
    uint64_t pending_start; /* position of its first record */
    uint64_t pending_first; /* sequence of its first record */
    uint64_t next_sequence;
    uint64_t next_position; /* where the next commit begins, unless a segment begins there */
    bool under_way;         /* a commit is with the writer */
    uint64_t settled_end;   /* position behind the last settled commit */
    struct journal_head head;
    struct tree_store tree;
    struct recent recent[RECENT_COUNT_MAX]; /* a ring, oldest at recent_first */
    size_t recent_first;
    size_t recent_count;
    size_t recent_bytes;
    struct buf spare; /* memory of a commit that fell out, for the next */
    struct read_file files[READ_FILES_MAX];
    uint64_t files_clock;
    struct buf window;            /* bytes read ahead */
    uint64_t window_start;        /* position of its first byte */
    uint64_t read_end;            /* position behind the record read last */
    struct mend mends[MENDS_MAX]; /* a ring */
    size_t mends_next;
    struct journal_mended mended;
    int failed; /* the code of an erasure that failed, 0 */
};

/* A segment being written, or laid ready. */
struct write_file {
    uint32_t segment; /* 0 for none */
    int file;
    uint64_t prepared; /* bytes the file has */
    bool named;        /* its name is durable */
};

struct journal_writer {
    struct merkle_frontier frontier; /* after the last commit written */
    struct write_file now;
    struct write_file next;
    int mark_file;
    struct mark mark;          /* as last written */
    struct mark behind;        /* what the watermark should say; counter unused */
    bool unmarked;             /* behind is newer than mark */
    bool is_small;             /* the last commit: zeros ahead pay */
    int64_t unmarked_since_ms; /* on the monotonic clock */
    int failed;                /* the code of the write that failed, 0 */
};

struct journal {
    const struct disk *disk;
    struct journal_options options;
    char network[33];
    uint8_t journal[16];
    uint32_t epoch;
    int lock_file;
    bool locked;
    int tree_file;
    struct journal_owner owner;
    struct journal_writer writer;
};

/* recovery.c: fill in self from what the disk holds; *fresh where there is no journal yet. */
int recovery_run(
    journal_t *self, struct journal_recovery *recovery, bool *fresh, struct complaint *why);

/* read.c */
int read_segment_file(journal_t *self, uint32_t segment, int *file_out);
/* Settled bytes from a record's position on, fewer where they end: 0, E_NOT_FOUND (none can stand there), E_CORRUPT, E_IO.
 * Lent until the owner reads again. */
int read_ahead(journal_t *self, uint64_t position, size_t len, struct slice *out);
void read_close(journal_t *self);

/* mend.c */
/* The record that stands there damaged, as it was written: 0, or E_CORRUPT where that cannot be proven, E_IO. A payload
 * that does not hold comes out empty. out lends from bytes. */
int mend_record(
    journal_t *self, uint64_t position, struct buf *bytes, struct record *out, size_t *length);
void mend_give_up(journal_t *self, uint64_t position); /* it is not to be read any more */

/* commit.c */
int writer_begin(
    journal_t *self, uint64_t end, uint64_t commit); /* watermark and files, after opening */
void writer_close(journal_t *self);

#endif
