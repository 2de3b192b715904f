/*
 * erase: the payload of one event is destroyed where it stands: zeros over ciphertext and wraps, one write, one sync,
 * and the same in what is kept in memory. The owner's side; the writer may be writing behind the settled end meanwhile.
 *
 * A write or sync that fails leaves the disk in an unknown state: it is returned, and no later commit is written
 * (PROMISE 1). A crash in between leaves a mixture of before and after, which record_erase() takes up again; whoever
 * asked has a RECORD_ERASE_BEGUN on the disk and asks again at the start.
 */
#include <string.h>

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
    }
    buf_free(&record);
    return rc;
}
