/*
 * erase: the payload of one event is destroyed where it stands: zeros over ciphertext and wraps, one write, one sync,
 * and the same in what is kept in memory. The owner's side; the writer may be writing behind the settled end meanwhile.
 *
 * A write or sync that fails leaves the disk in an unknown state: it is returned, and no later commit is written
 * (PROMISE 1). A crash in between leaves a mixture of before and after, which record_erase() takes up again; whoever
 * asked has a RECORD_ERASE_BEGUN on the disk and asks again at the start.
 */
#include <string.h>

#include "common/base/check.h"
#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

static int owner_fail(journal_t *self, int rc)
{
    self->owner.failed = rc == E_FULL ? E_FULL : E_IO;
    return self->owner.failed;
}

/* The record as it stands in the file, whole, without asking whether its payload holds. */
static int raw_read(journal_t *self, int file, uint64_t position, struct buf *out)
{
    uint8_t length[4] = {0};
    size_t got = 0;
    uint64_t offset = position_offset(position);

    int rc = self->disk->read_at(self->disk->context, file, length, sizeof length, offset, &got);
    uint32_t len = get_u32(length);
    if (rc != 0) {
        return rc;
    }
    if (got < sizeof length || len < RECORD_HEADER_BYTES || len > RECORD_BYTES_MAX) {
        return E_CORRUPT;
    }
    buf_reserve(out, len);
    rc = self->disk->read_at(self->disk->context, file, out->data, len, offset, &got);
    out->len = rc == 0 ? got : 0;
    return rc == 0 && got < len ? E_CORRUPT : rc;
}

/* Commits kept for deliveries, and bytes read ahead. */
static void memory_erase(journal_t *self, uint64_t position, struct slice record)
{
    struct journal_owner *owner = &self->owner;

    assert(record.data != NULL);
    for (size_t i = 0; i < owner->recent_count; i++) {
        struct recent *recent = &owner->recent[(owner->recent_first + i) % RECENT_COUNT_MAX];
        uint64_t skip = position - recent->start;
        if (position >= recent->start && skip + record.len <= recent->bytes.len) {
            memcpy(recent->bytes.data + skip, record.data, record.len);
        }
    }
    if (owner->window.data != NULL) {
        memset(owner->window.data, 0, owner->window.capacity);
        owner->window.len = 0;
    }
    if (owner->spare.data != NULL) {
        memset(owner->spare.data, 0, owner->spare.capacity);
    }
}

/* ---- tails that were cut and saved aside ---- */

enum {
    ANCHOR_BYTES = 16, /* a piece of the payload that is looked for */
    ANCHOR_STEP = 256, /* and how far apart they lie: a torn write keeps at least a sector */
    TORN_BYTES_MAX = 67108864
};

/* Whatever of `secret` stands in the bytes, around an anchor of it, becomes zero. True where some did. */
static bool scrub_anchor(struct buf *bytes, struct slice secret, size_t anchor)
{
    bool found = false;

    for (size_t at = 0; at + ANCHOR_BYTES <= bytes->len; at++) {
        const uint8_t *next =
            memchr(bytes->data + at, secret.data[anchor], bytes->len - ANCHOR_BYTES - at + 1);
        if (next == NULL) {
            break;
        }
        at = (size_t)(next - bytes->data);
        if (memcmp(next, secret.data + anchor, ANCHOR_BYTES) != 0) {
            continue;
        }
        size_t from = 0;
        while (from < anchor && from < at &&
            bytes->data[at - from - 1] == secret.data[anchor - from - 1]) {
            from++;
        }
        size_t to = 0;
        while (anchor + to < secret.len && at + to < bytes->len &&
            bytes->data[at + to] == secret.data[anchor + to]) {
            to++;
        }
        memset(bytes->data + at - from, 0, from + to);
        found = true;
    }
    return found;
}

static bool scrub_bytes(struct buf *bytes, struct slice secret)
{
    bool found = false;

    for (size_t anchor = 0; anchor + ANCHOR_BYTES <= secret.len; anchor += ANCHOR_STEP) {
        found |= scrub_anchor(bytes, secret, anchor);
    }
    return found;
}

struct scrubbing {
    const struct disk *disk;
    struct stored_payload secret;
    int rc; /* the first failure */
};

static int scrub_file(const struct scrubbing *self, int file)
{
    const struct disk *disk = self->disk;
    struct buf bytes = {0};
    uint64_t size = 0;
    size_t got = 0;

    int rc = disk->size(disk->context, file, &size);
    if (rc == 0 && size <= TORN_BYTES_MAX) {
        buf_reserve(&bytes, (size_t)size + 1);
        rc = disk->read_at(disk->context, file, bytes.data, (size_t)size, 0, &got);
        bytes.len = rc == 0 ? got : 0;
    }
    bool found = scrub_bytes(&bytes, self->secret.ciphertext);
    for (uint32_t i = 0; i < self->secret.wrap_count; i++) {
        found |= scrub_bytes(&bytes,
            slice_of(self->secret.wraps.data + (size_t)i * WRAP_STORED_BYTES, WRAP_STORED_BYTES));
    }
    if (found) {
        rc = disk->write_at(disk->context, file, buf_slice(&bytes), 0);
        rc = rc != 0 ? rc : disk->sync_data(disk->context, file);
    }
    buf_free(&bytes);
    return rc;
}

static void scrub_named(void *arg, const char *name)
{
    struct scrubbing *self = arg;
    int file;

    if (strncmp(name, "torn-", 5) != 0 || self->rc != 0 ||
        self->disk->open(self->disk->context, name, false, &file) != 0) {
        return;
    }
    self->rc = scrub_file(self, file);
    self->disk->close(self->disk->context, file);
}

/* The same payload may have been in a write that was torn; it was never confirmed, and it is a copy. */
static int torn_erase(journal_t *self, struct slice bytes, uint32_t index)
{
    struct scrubbing scrubbing = {.disk = self->disk};
    struct record record;
    size_t length = 0;

    if (record_decode(bytes, &record, &length) != 0) {
        return 0; /* half erased: the tails were looked through before that */
    }
    struct slice rest = record.payload;
    for (uint32_t i = 0; i <= index; i++) {
        if (batch_next_payload(&rest, &scrubbing.secret) != 0) {
            return 0;
        }
    }
    if (scrubbing.secret.erased || scrubbing.secret.ciphertext.len == 0) {
        return 0;
    }
    int rc = self->disk->list(self->disk->context, scrub_named, &scrubbing);
    return scrubbing.rc != 0 ? scrubbing.rc : rc;
}

int journal_erase(journal_t *self, uint64_t position, uint32_t index)
{
    const struct disk *disk = self->disk;
    struct buf record = {0};
    int file;

    if (position >= self->owner.settled_end || position_segment(position) == 0 ||
        position_offset(position) < SEGMENT_HEADER_BYTES || (position & 7) != 0) {
        return E_NOT_FOUND;
    }
    if (self->owner.failed != 0) {
        return self->owner.failed;
    }
    int rc = read_segment_file(self, position_segment(position), &file);
    if (rc == 0) {
        rc = raw_read(self, file, position, &record);
    }
    int torn = rc == 0 ? torn_erase(self, buf_slice(&record), index) : 0;
    if (torn != 0) {
        buf_free(&record);
        return owner_fail(self, torn);
    }
    if (rc == 0) {
        rc = record_erase(record.data, record.len, index);
    }
    if (rc == 0 || rc == E_DUPLICATE) {
        int written =
            disk->write_at(disk->context, file, buf_slice(&record), position_offset(position));
        if (written == 0) {
            written = disk->sync_data(disk->context, file);
        }
        memory_erase(self, position, buf_slice(&record));
        rc = written != 0 ? owner_fail(self, written) : rc;
    } else if (rc == E_CORRUPT) {
        mend_give_up(self, position); /* the payload is to be gone: nobody is given it any more */
    }
    buf_free(&record);
    return rc;
}
