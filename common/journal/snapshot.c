/*
 * snapshot: the owner's state at some number of leaves, so that it need not replay from the first.
 * Only a help: one that is damaged is passed over for the one before, and without any the owner
 * replays. Failures are returned.
 */
#include <stdio.h>
#include <string.h>

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
};

#define STATE_BYTES_MAX (UINT64_C(1) << 31)

static const char snapshot_magic[] = "WPSNAP01";
static const char snapshot_context[] = "waypost/snapshot/1";
static const char temporary_name[] = "snapshot.new";

/* Sizes in the names of the files that exist, falling. */
struct sizes {
    uint64_t at[SNAPSHOTS_MAX];
    size_t count;
};

static void name_of(uint64_t size, char *name)
{
    (void)snprintf(name, FILE_NAME_BYTES, "snapshot-%020llu.wps", (unsigned long long)size);
}

static bool size_of_name(const char *name, uint64_t *size)
{
    enum { PREFIX_BYTES = 9, DIGITS = 20 };

    if (strncmp(name, "snapshot-", PREFIX_BYTES) != 0 ||
        strspn(name + PREFIX_BYTES, "0123456789") != DIGITS ||
        strcmp(name + PREFIX_BYTES + DIGITS, ".wps") != 0) {
        return false;
    }
    *size = 0;
    for (unsigned i = 0; i < DIGITS; i++) {
        *size = *size * 10 + (uint64_t)(name[PREFIX_BYTES + i] - '0');
    }
    return true;
}

static void note_name(void *arg, const char *name)
{
    struct sizes *sizes = arg;
    uint64_t size;
    size_t i;

    if (!size_of_name(name, &size) || sizes->count == SNAPSHOTS_MAX) {
        return;
    }
    for (i = sizes->count++; i > 0 && sizes->at[i - 1] < size; i--) {
        sizes->at[i] = sizes->at[i - 1];
    }
    sizes->at[i] = size;
}

static void header_encode(
    const journal_t *self, uint64_t size, uint64_t next_position, struct slice state, uint8_t *out)
{
    memset(out, 0, SNAPSHOT_HEADER_BYTES);
    memcpy(out, snapshot_magic, AT_VERSION);
    put_u32(out + AT_VERSION, SNAPSHOT_VERSION);
    put_u32(out + AT_HEADER_BYTES, SNAPSHOT_HEADER_BYTES);
    put_u64(out + AT_SIZE, size);
    put_u64(out + AT_NEXT_POSITION, next_position);
    put_u64(out + AT_STATE_BYTES, state.len);
    memcpy(out + AT_JOURNAL, self->journal, sizeof self->journal);
    struct hash hash = hash_of(snapshot_context, slice_of(out, AT_HASH), state);
    memcpy(out + AT_HASH, hash.b, HASH_BYTES);
}

static int write_temporary(const journal_t *self, const uint8_t *header, struct slice state)
{
    const struct disk *disk = self->disk;
    int file;

    int rc = disk->open(disk->context, temporary_name, true, &file);
    if (rc != 0) {
        return rc;
    }
    rc = disk->truncate(disk->context, file, 0);
    if (rc == 0) {
        rc = disk->write_at(disk->context, file, slice_of(header, SNAPSHOT_HEADER_BYTES), 0);
    }
    if (rc == 0) {
        rc = disk->write_at(disk->context, file, state, SNAPSHOT_HEADER_BYTES);
    }
    if (rc == 0) {
        rc = disk->sync_data(disk->context, file);
    }
    disk->close(disk->context, file);
    return rc;
}

static int remove_old(const journal_t *self)
{
    struct sizes sizes = {.count = 0};
    char name[FILE_NAME_BYTES];

    int rc = self->disk->list(self->disk->context, note_name, &sizes);
    for (size_t i = SNAPSHOTS_KEPT; rc == 0 && i < sizes.count; i++) {
        name_of(sizes.at[i], name);
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

int journal_snapshot_store(
    journal_t *self, uint64_t size, uint64_t next_position, struct slice state)
{
    uint8_t header[SNAPSHOT_HEADER_BYTES];
    char name[FILE_NAME_BYTES];

    header_encode(self, size, next_position, state, header);
    name_of(size, name);
    int rc = write_temporary(self, header, state);
    if (rc == 0) {
        rc = self->disk->rename(self->disk->context, temporary_name, name);
    }
    return rc == 0 ? remove_old(self) : rc;
}

int journal_snapshot_write(
    journal_t *self, uint64_t size, uint64_t next_position, struct slice state)
{
    int rc = journal_snapshot_check(self, size, state);

    return rc == 0 ? journal_snapshot_store(self, size, next_position, state) : rc;
}

/* The state in an open file; state is appended to. E_CORRUPT where anything does not hold. */
static int read_state(
    const journal_t *self, int file, uint64_t size, struct buf *state, uint64_t *next_position)
{
    const struct disk *disk = self->disk;
    uint8_t found[SNAPSHOT_HEADER_BYTES];
    uint8_t wanted[SNAPSHOT_HEADER_BYTES];
    uint64_t file_bytes;
    size_t got = 0;
    size_t before = state->len;

    int rc = disk->size(disk->context, file, &file_bytes);
    if (rc == 0) {
        rc = disk->read_at(disk->context, file, found, sizeof found, 0, &got);
    }
    if (rc != 0) {
        return rc;
    }
    uint64_t len = got == sizeof found ? get_u64(found + AT_STATE_BYTES) : UINT64_MAX;
    if (len > STATE_BYTES_MAX || file_bytes != SNAPSHOT_HEADER_BYTES + len) {
        return E_CORRUPT;
    }
    buf_reserve(state, (size_t)len);
    rc = disk->read_at(
        disk->context, file, state->data + before, (size_t)len, SNAPSHOT_HEADER_BYTES, &got);
    if (rc != 0 || got != len) {
        return rc != 0 ? rc : E_CORRUPT;
    }
    *next_position = get_u64(found + AT_NEXT_POSITION);
    header_encode(self, size, *next_position, slice_of(state->data + before, (size_t)len), wanted);
    if (memcmp(found, wanted, sizeof found) != 0) {
        return E_CORRUPT;
    }
    state->len += (size_t)len;
    return 0;
}

int journal_snapshot_read(
    journal_t *self, struct buf *state, uint64_t *size, uint64_t *next_position)
{
    const struct disk *disk = self->disk;
    struct sizes sizes = {.count = 0};
    char name[FILE_NAME_BYTES];
    int file;

    int rc = disk->list(disk->context, note_name, &sizes);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < sizes.count; i++) {
        if (sizes.at[i] > self->owner.head.size) {
            continue; /* of a journal that knew more than this one: of no use here */
        }
        name_of(sizes.at[i], name);
        if (disk->open(disk->context, name, false, &file) != 0) {
            continue;
        }
        rc = read_state(self, file, sizes.at[i], state, next_position);
        disk->close(disk->context, file);
        if (rc == 0) {
            *size = sizes.at[i];
            return 0;
        }
    }
    return E_NOT_FOUND;
}
