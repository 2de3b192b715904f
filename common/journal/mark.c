/*
 * mark: the watermark, which says what was certainly on disk. Everything below it that cannot be
 * read is damage; behind it the last commit may be torn. Two slots are written in turn, so that
 * one is always whole; they stand 4 KiB apart, in different sectors of any disk. A failed write is
 * returned: it ends the writer as any other.
 */
#include <string.h>

#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

enum {
    SLOT_BYTES = 128,
    SLOT_DISTANCE = 4096,
    AT_COUNTER = 8,
    AT_POSITION = 16,
    AT_COMMIT = 24,
    AT_LEAVES = 32,
    AT_ROOT = 40,
    AT_CRC = SLOT_BYTES - 4,
};

static const char mark_name[] = "watermark";
static const char mark_magic[] = "WPMARK01";

static int slot_decode(const uint8_t *slot, struct mark *out)
{
    if (memcmp(slot, mark_magic, AT_COUNTER) != 0 ||
        get_u32(slot + AT_CRC) != crc32c(0, slice_of(slot, AT_CRC))) {
        return E_CORRUPT;
    }
    out->counter = get_u64(slot + AT_COUNTER);
    out->position = get_u64(slot + AT_POSITION);
    out->commit = get_u64(slot + AT_COMMIT);
    out->leaves = get_u64(slot + AT_LEAVES);
    memcpy(out->root.b, slot + AT_ROOT, HASH_BYTES);
    return out->counter == 0 ? E_CORRUPT : 0;
}

int mark_read(const struct disk *disk, struct mark *out)
{
    uint8_t slot[SLOT_BYTES];
    struct mark mark;
    size_t got;
    int file;

    *out = (struct mark){.counter = 0};
    int rc = disk->open(disk->context, mark_name, false, &file);
    if (rc != 0) {
        return rc;
    }
    for (uint64_t i = 0; rc == 0 && i < 2; i++) {
        got = 0;
        rc = disk->read_at(disk->context, file, slot, sizeof slot, i * SLOT_DISTANCE, &got);
        if (rc == 0 && got == sizeof slot && slot_decode(slot, &mark) == 0 &&
            mark.counter > out->counter) {
            *out = mark;
        }
    }
    disk->close(disk->context, file);
    return rc == 0 && out->counter == 0 ? E_NOT_FOUND : rc;
}

int mark_open(const struct disk *disk, int *file_out)
{
    static const uint8_t zeros[2 * SLOT_DISTANCE];
    uint64_t size = 0;
    int file;

    int rc = disk->open(disk->context, mark_name, true, &file);
    if (rc != 0) {
        return rc;
    }
    rc = disk->size(disk->context, file, &size);
    if (rc == 0 && size < sizeof zeros) { /* so that a slot's write never moves the file's end */
        rc =
            disk->write_at(disk->context, file, slice_of(zeros, sizeof zeros - (size_t)size), size);
        if (rc == 0) {
            rc = disk->sync_data(disk->context, file);
        }
        if (rc == 0) {
            rc = disk->sync_dir(disk->context);
        }
    }
    if (rc != 0) {
        disk->close(disk->context, file);
        return rc;
    }
    *file_out = file;
    return 0;
}

int mark_write(const struct disk *disk, int file, const struct mark *mark)
{
    uint8_t slot[SLOT_BYTES] = {0};

    memcpy(slot, mark_magic, AT_COUNTER);
    put_u64(slot + AT_COUNTER, mark->counter);
    put_u64(slot + AT_POSITION, mark->position);
    put_u64(slot + AT_COMMIT, mark->commit);
    put_u64(slot + AT_LEAVES, mark->leaves);
    memcpy(slot + AT_ROOT, mark->root.b, HASH_BYTES);
    put_u32(slot + AT_CRC, crc32c(0, slice_of(slot, AT_CRC)));
    int rc = disk->write_at(
        disk->context, file, slice_of(slot, sizeof slot), mark->counter % 2 * SLOT_DISTANCE);
    return rc != 0 ? rc : disk->sync_data(disk->context, file);
}
