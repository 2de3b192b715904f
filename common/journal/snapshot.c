/*
 * snapshot: the owner's state at some number of leaves, so that it need not replay from the first.
 * Only a help: one that is damaged is passed over for the one before, and without any the owner
 * replays. Failures are returned; who passes one over says so in the log.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

enum {
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_HEADER_BYTES = 96,
    AT_VERSION = 8,
    AT_HEADER_BYTES = 12,
    AT_SIZE = 16,
    AT_NEXT_POSITION = 24,
    AT_STATE_BYTES = 32,
    AT_JOURNAL = 40,
    AT_ZERO = 56,
    AT_HASH = 64,
    SNAPSHOTS_KEPT = 2,
    SNAPSHOTS_MAX = 64, /* that are looked at: two, and what a crash left of others */
    PIECE_BYTES = 1048576,
};

#define STATE_BYTES_MAX (UINT64_C(1) << 36) /* a thousand million events */

static const char snapshot_context[] = "waypost/snapshot/1";

/* What tells the kinds apart: bytes at the front, names of files. */
static const struct {
    const char *magic;     /* 8 bytes */
    const char *prefix;    /* of the file's name */
    const char *temporary; /* while it is written */
} kinds[SNAPSHOT_KINDS] = {
    [SNAPSHOT_TRANSPORT] = {"WPSNAP01", "snapshot-", "snapshot.new"},
    [SNAPSHOT_PROCEDURES] = {"WPPROC01", "procedures-", "procedures.new"},
};

/* Sizes in the names of the files that exist, falling. */
struct sizes {
    enum snapshot_kind kind;
    uint64_t at[SNAPSHOTS_MAX];
    size_t count;
};

struct journal_snapshot {
    journal_t *journal; /* lent */
    int file;
    uint64_t size;
    char name[FILE_NAME_BYTES];
    uint8_t header[SNAPSHOT_HEADER_BYTES];
    struct buf state;     /* owned: what has been read */
    uint64_t state_bytes; /* as the header says */
    hash_stream_t *hash;  /* owned, over what has been read; NULL before the header */
};

static void name_of(enum snapshot_kind kind, uint64_t size, char *name)
{
    (void)snprintf(
        name, FILE_NAME_BYTES, "%s%020llu.wps", kinds[kind].prefix, (unsigned long long)size);
}

static bool size_of_name(enum snapshot_kind kind, const char *name, uint64_t *size)
{
    enum { DIGITS = 20 };
    size_t prefix = strlen(kinds[kind].prefix);

    if (strncmp(name, kinds[kind].prefix, prefix) != 0 ||
        strspn(name + prefix, "0123456789") != DIGITS ||
        strcmp(name + prefix + DIGITS, ".wps") != 0) {
        return false;
    }
    *size = 0;
    for (unsigned i = 0; i < DIGITS; i++) {
        *size = *size * 10 + (uint64_t)(name[prefix + i] - '0');
    }
    return true;
}

static void note_name(void *arg, const char *name)
{
    struct sizes *sizes = arg;
    uint64_t size;
    size_t i;

    if (!size_of_name(sizes->kind, name, &size) || sizes->count == SNAPSHOTS_MAX) {
        return;
    }
    for (i = sizes->count++; i > 0 && sizes->at[i - 1] < size; i--) {
        sizes->at[i] = sizes->at[i - 1];
    }
    sizes->at[i] = size;
}

/* Everything but the hash. */
static void header_begin(const journal_t *self, enum snapshot_kind kind, uint64_t size,
    uint64_t next_position, uint64_t state_bytes, uint8_t *out)
{
    memset(out, 0, SNAPSHOT_HEADER_BYTES);
    memcpy(out, kinds[kind].magic, AT_VERSION);
    put_u32(out + AT_VERSION, SNAPSHOT_VERSION);
    put_u32(out + AT_HEADER_BYTES, SNAPSHOT_HEADER_BYTES);
    put_u64(out + AT_SIZE, size);
    put_u64(out + AT_NEXT_POSITION, next_position);
    put_u64(out + AT_STATE_BYTES, state_bytes);
    memcpy(out + AT_JOURNAL, self->journal, sizeof self->journal);
}

/* Each piece is on the disk before the next is begun: where a big state is left to one sync, every commit's sync of that
 * time stands behind all of it in the disk's queue. */
static int write_pieces(const struct disk *disk, int file, struct slice state)
{
    size_t at = 0;
    int rc;

    do {
        size_t len = state.len - at < PIECE_BYTES ? state.len - at : PIECE_BYTES;
        rc = disk->write_at(
            disk->context, file, slice_of(state.data + at, len), SNAPSHOT_HEADER_BYTES + at);
        if (rc == 0) {
            rc = disk->sync_data(disk->context, file);
        }
        at += len;
    } while (rc == 0 && at < state.len);
    return rc;
}

static int write_temporary(
    const journal_t *self, enum snapshot_kind kind, const uint8_t *header, struct slice state)
{
    const struct disk *disk = self->disk;
    int file;

    int rc = disk->open(disk->context, kinds[kind].temporary, true, &file);
    if (rc != 0) {
        return rc;
    }
    rc = disk->truncate(disk->context, file, 0);
    if (rc == 0) {
        rc = disk->write_at(disk->context, file, slice_of(header, SNAPSHOT_HEADER_BYTES), 0);
    }
    if (rc == 0) {
        rc = write_pieces(disk, file, state);
    }
    disk->close(disk->context, file);
    return rc;
}

static int remove_old(const journal_t *self, enum snapshot_kind kind)
{
    struct sizes sizes = {.kind = kind};
    char name[FILE_NAME_BYTES];

    int rc = self->disk->list(self->disk->context, note_name, &sizes);
    for (size_t i = SNAPSHOTS_KEPT; rc == 0 && i < sizes.count; i++) {
        name_of(kind, sizes.at[i], name);
        rc = self->disk->remove(self->disk->context, name);
    }
    return rc;
}

int journal_snapshot_check(const journal_t *self, uint64_t size, struct slice state)
{
    if (state.len > STATE_BYTES_MAX) {
        return E_TOO_LARGE;
    }
    return size > self->owner.head.size ? E_RANGE : 0;
}

int journal_snapshot_store(journal_t *self, enum snapshot_kind kind, uint64_t size,
    uint64_t next_position, struct slice state)
{
    uint8_t header[SNAPSHOT_HEADER_BYTES];
    char name[FILE_NAME_BYTES];

    header_begin(self, kind, size, next_position, state.len, header);
    struct hash hash = hash_of(snapshot_context, slice_of(header, AT_HASH), state);
    memcpy(header + AT_HASH, hash.b, HASH_BYTES);
    name_of(kind, size, name);
    int rc = write_temporary(self, kind, header, state);
    if (rc == 0) {
        rc = self->disk->rename(self->disk->context, kinds[kind].temporary, name);
    }
    return rc == 0 ? remove_old(self, kind) : rc;
}

int journal_snapshot_write(journal_t *self, enum snapshot_kind kind, uint64_t size,
    uint64_t next_position, struct slice state)
{
    int rc = journal_snapshot_check(self, size, state);

    return rc == 0 ? journal_snapshot_store(self, kind, size, next_position, state) : rc;
}

/* ---- reading ---- */

int journal_snapshot_open(journal_t *self, enum snapshot_kind kind, uint64_t below,
    const struct backing *backing, journal_snapshot_t **out)
{
    struct sizes sizes = {.kind = kind};

    int rc = self->disk->list(self->disk->context, note_name, &sizes);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < sizes.count; i++) {
        if (sizes.at[i] >= below || sizes.at[i] > self->owner.head.size) {
            continue; /* of a journal that knew more than this one: of no use here */
        }
        journal_snapshot_t *made = mem_new(1, sizeof *made);
        made->journal = self;
        made->size = sizes.at[i];
        made->state.backing = backing;
        name_of(kind, made->size, made->name);
        if (self->disk->open(self->disk->context, made->name, false, &made->file) == 0) {
            header_begin(self, kind, made->size, 0, 0, made->header); /* what is expected of it */
            *out = made;
            return 0;
        }
        free(made);
    }
    return E_NOT_FOUND;
}

/* The header must be the expected one; only the snapshot itself knows the position and how long it is. */
static int header_step(journal_snapshot_t *self)
{
    const struct disk *disk = self->journal->disk;
    uint8_t found[SNAPSHOT_HEADER_BYTES];
    uint64_t file_bytes;
    size_t got = 0;

    int rc = disk->size(disk->context, self->file, &file_bytes);
    if (rc == 0) {
        rc = disk->read_at(disk->context, self->file, found, sizeof found, 0, &got);
    }
    if (rc != 0) {
        return rc;
    }
    uint64_t len = got == sizeof found ? get_u64(found + AT_STATE_BYTES) : UINT64_MAX;
    if (len > STATE_BYTES_MAX || file_bytes != SNAPSHOT_HEADER_BYTES + len) {
        return E_CORRUPT;
    }
    memcpy(self->header + AT_NEXT_POSITION, found + AT_NEXT_POSITION, 8);
    memcpy(self->header + AT_STATE_BYTES, found + AT_STATE_BYTES, 8);
    memcpy(self->header + AT_HASH, found + AT_HASH, HASH_BYTES);
    if (memcmp(self->header, found, sizeof found) != 0) {
        return E_CORRUPT;
    }
    self->state_bytes = len;
    buf_reserve(&self->state, (size_t)len);
    self->hash = hash_stream_new(snapshot_context);
    hash_stream_put(self->hash, slice_of(self->header, AT_HASH));
    return 0;
}

static int state_step(journal_snapshot_t *self, size_t bytes)
{
    const struct disk *disk = self->journal->disk;
    size_t left = (size_t)self->state_bytes - self->state.len;
    size_t wanted = bytes < left ? bytes : left;
    uint8_t *at = self->state.data + self->state.len;
    size_t got = 0;

    int rc = disk->read_at(
        disk->context, self->file, at, wanted, SNAPSHOT_HEADER_BYTES + self->state.len, &got);
    if (rc != 0 || got != wanted) {
        return rc != 0 ? rc : E_CORRUPT;
    }
    hash_stream_put(self->hash, slice_of(at, wanted));
    self->state.len += wanted;
    if (self->state.len < self->state_bytes) {
        return E_BUSY;
    }
    struct hash hash = hash_stream_end(&self->hash);
    return memcmp(hash.b, self->header + AT_HASH, HASH_BYTES) == 0 ? 0 : E_CORRUPT;
}

int journal_snapshot_step(journal_snapshot_t *self, size_t bytes)
{
    int rc = self->hash == NULL ? header_step(self) : 0;

    rc = rc != 0 ? rc : state_step(self, bytes);
    if (rc != 0 && rc != E_BUSY) {
        log_warnx("snapshot passed over file=%s: %s", self->name, err_text(rc));
    }
    return rc;
}

uint64_t journal_snapshot_size(const journal_snapshot_t *self)
{
    return self->size;
}

uint64_t journal_snapshot_next_position(const journal_snapshot_t *self)
{
    return get_u64(self->header + AT_NEXT_POSITION);
}

struct slice journal_snapshot_state(const journal_snapshot_t *self)
{
    return buf_slice(&self->state);
}

void journal_snapshot_close(journal_snapshot_t **self_p)
{
    journal_snapshot_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    if (self->hash != NULL) {
        (void)hash_stream_end(&self->hash);
    }
    self->journal->disk->close(self->journal->disk->context, self->file);
    buf_free(&self->state);
    free(self);
    *self_p = NULL;
}

int journal_snapshot_read(journal_t *self, enum snapshot_kind kind, struct buf *state,
    uint64_t *size, uint64_t *next_position)
{
    journal_snapshot_t *snapshot = NULL;
    uint64_t below = UINT64_MAX;
    int rc;

    while ((rc = journal_snapshot_open(self, kind, below, NULL, &snapshot)) == 0) {
        below = snapshot->size;
        rc = journal_snapshot_step(snapshot, SIZE_MAX);
        if (rc == 0) {
            *size = snapshot->size;
            *next_position = journal_snapshot_next_position(snapshot);
            buf_put_slice(state, journal_snapshot_state(snapshot));
        }
        journal_snapshot_close(&snapshot);
        if (rc == 0) {
            return 0;
        }
    }
    return rc;
}
