/*
 * segment: names and headers of segment files, and reading their records in order. Damage is
 * returned, never fatal, and nothing here writes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

enum {
    SEGMENT_VERSION = 1,
    AT_VERSION = 8,
    AT_HEADER_BYTES = 12,
    AT_SEGMENT = 16,
    AT_EPOCH = 20,
    AT_FIRST_LEAF = 24,
    AT_CREATED = 32,
    AT_NETWORK = 40,
    NETWORK_BYTES = 40,
    AT_JOURNAL = 80,
    AT_HEAD_PUBLIC = 96,
    AT_PEAKS = 128,
    AT_ZERO = AT_PEAKS + MERKLE_PATH_MAX * HASH_BYTES,
    AT_CRC = SEGMENT_HEADER_BYTES - 4,
    SCAN_STEP_BYTES = 262144,
    HOLE_BYTES = 4096, /* what a disk has lost is a page at least */
};

static const char segment_magic[] = "WPJSEG01";

void segment_name(uint32_t segment, char *name)
{
    (void)snprintf(name, FILE_NAME_BYTES, "segment-%010u.wpj", (unsigned)segment);
}

void segment_header_encode(const struct segment_header *header, uint8_t *out)
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    memcpy(out, segment_magic, AT_VERSION);
    put_u32(out + AT_VERSION, SEGMENT_VERSION);
    put_u32(out + AT_HEADER_BYTES, SEGMENT_HEADER_BYTES);
    put_u32(out + AT_SEGMENT, header->segment);
    put_u32(out + AT_EPOCH, header->epoch);
    put_u64(out + AT_FIRST_LEAF, header->frontier.size);
    put_u64(out + AT_CREATED, (uint64_t)header->created_ms);
    memcpy(out + AT_NETWORK, header->network, strlen(header->network));
    memcpy(out + AT_JOURNAL, header->journal, sizeof header->journal);
    memcpy(out + AT_HEAD_PUBLIC, header->head_public, sizeof header->head_public);
    for (unsigned i = 0; i < MERKLE_PATH_MAX; i++) {
        if ((header->frontier.size >> i & 1) != 0) {
            memcpy(out + AT_PEAKS + i * HASH_BYTES, header->frontier.peak[i].b, HASH_BYTES);
        }
    }
    put_u32(out + AT_CRC, crc32c(0, slice_of(out, AT_CRC)));
}

static bool all_zero(const uint8_t *at, size_t len)
{
    uint64_t word;
    uint64_t any = 0;

    for (; len >= sizeof word; len -= sizeof word) {
        memcpy(&word, at, sizeof word);
        any |= word;
        at += sizeof word;
    }
    for (; len > 0; len--) {
        any |= *at++;
    }
    return any == 0;
}

int segment_header_decode(const uint8_t *bytes, struct segment_header *out)
{
    if (all_zero(bytes, SEGMENT_HEADER_BYTES)) {
        return E_END;
    }
    if (memcmp(bytes, segment_magic, AT_VERSION) != 0 ||
        get_u32(bytes + AT_CRC) != crc32c(0, slice_of(bytes, AT_CRC))) {
        return E_CORRUPT;
    }
    if (get_u32(bytes + AT_VERSION) != SEGMENT_VERSION) {
        return E_VERSION;
    }
    if (get_u32(bytes + AT_HEADER_BYTES) != SEGMENT_HEADER_BYTES ||
        !all_zero(bytes + AT_NETWORK + sizeof out->network - 1,
            NETWORK_BYTES - sizeof out->network + 1) ||
        !all_zero(bytes + AT_ZERO, AT_CRC - AT_ZERO)) {
        return E_CORRUPT;
    }
    out->segment = get_u32(bytes + AT_SEGMENT);
    out->epoch = get_u32(bytes + AT_EPOCH);
    out->created_ms = (int64_t)get_u64(bytes + AT_CREATED);
    memcpy(out->network, bytes + AT_NETWORK, sizeof out->network);
    memcpy(out->journal, bytes + AT_JOURNAL, sizeof out->journal);
    memcpy(out->head_public, bytes + AT_HEAD_PUBLIC, sizeof out->head_public);
    out->frontier.size = get_u64(bytes + AT_FIRST_LEAF);
    memcpy(out->frontier.peak, bytes + AT_PEAKS, sizeof out->frontier.peak);
    return 0;
}

int segment_header_read(const struct disk *disk, uint32_t segment, struct segment_header *out)
{
    char name[FILE_NAME_BYTES];
    uint8_t bytes[SEGMENT_HEADER_BYTES] = {0};
    size_t got = 0;
    int file;

    segment_name(segment, name);
    int rc = disk->open(disk->context, name, false, &file);
    if (rc != 0) {
        return rc;
    }
    rc = disk->read_at(disk->context, file, bytes, sizeof bytes, 0, &got);
    disk->close(disk->context, file);
    if (rc == 0) {
        rc = segment_header_decode(bytes, out);
    }
    return rc == 0 && out->segment != segment ? E_CORRUPT : rc;
}

/* The number in "segment-0000000001.wpj", 0 for any other name. */
static uint32_t segment_of_name(const char *name)
{
    enum { PREFIX_BYTES = 8, DIGITS = 10 };
    uint64_t number = 0;

    if (strncmp(name, "segment-", PREFIX_BYTES) != 0 ||
        strspn(name + PREFIX_BYTES, "0123456789") != DIGITS ||
        strcmp(name + PREFIX_BYTES + DIGITS, ".wpj") != 0) {
        return 0;
    }
    for (unsigned i = 0; i < DIGITS; i++) {
        number = number * 10 + (uint64_t)(name[PREFIX_BYTES + i] - '0');
    }
    return number > UINT32_MAX ? 0 : (uint32_t)number;
}

static void list_name(void *arg, const char *name)
{
    struct segment_list *list = arg;
    uint32_t number = segment_of_name(name);

    if (number == 0) {
        return;
    }
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        uint32_t *at = mem_new(list->capacity, sizeof *at);
        if (list->count > 0) {
            memcpy(at, list->at, list->count * sizeof *at);
        }
        free(list->at);
        list->at = at;
    }
    list->at[list->count++] = number;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *left = a;
    const uint32_t *right = b;

    return *left < *right ? -1 : *left > *right;
}

int segment_list_read(const struct disk *disk, struct segment_list *out)
{
    *out = (struct segment_list){NULL, 0, 0};
    int rc = disk->list(disk->context, list_name, out);
    if (out->count > 1) {
        qsort(out->at, out->count, sizeof *out->at, compare_numbers);
    }
    return rc;
}

bool segment_begun_from(const struct disk *disk, const struct segment_list *list, size_t i)
{
    struct segment_header header;

    for (; i < list->count; i++) {
        if (segment_header_read(disk, list->at[i], &header) == 0) {
            return true;
        }
    }
    return false;
}

int scanner_open(struct scanner *self, const struct disk *disk, uint32_t segment, uint64_t offset)
{
    char name[FILE_NAME_BYTES];

    *self = (struct scanner){
        .disk = disk, .segment = segment, .at = offset, .keep = offset, .base = offset};
    segment_name(segment, name);
    int rc = disk->open(disk->context, name, false, &self->file);
    if (rc != 0) {
        self->disk = NULL;
        return rc;
    }
    rc = disk->size(disk->context, self->file, &self->size);
    if (rc != 0) {
        scanner_close(self);
    }
    return rc;
}

void scanner_close(struct scanner *self)
{
    if (self->disk != NULL) {
        self->disk->close(self->disk->context, self->file);
    }
    buf_free(&self->bytes);
    self->disk = NULL;
}

/* The bytes [from, upto) behind those that are in memory, where the disk does not give all of them. */
static int fill_over_holes(struct scanner *self, uint64_t from, uint64_t upto)
{
    uint64_t step = HOLE_BYTES;
    size_t got = 0;

    while (from < upto) {
        uint64_t end = from - from % HOLE_BYTES + step;
        size_t len = (size_t)((end < upto ? end : upto) - from);
        uint8_t *out = self->bytes.data + self->bytes.len;
        int rc = self->disk->read_at(self->disk->context, self->file, out, len, from, &got);
        if (rc == E_IO) {
            memset(out, 0, len);
            got = len;
            step = step < SCAN_STEP_BYTES ? 2 * step : step;
        } else if (rc != 0 || got == 0) {
            return rc;
        } else {
            step = HOLE_BYTES;
        }
        self->bytes.len += got;
        from += got;
    }
    return 0;
}

/* Have the bytes [at, at + len) in memory, as far as the file goes. */
static int scanner_fill(struct scanner *self, size_t len)
{
    uint64_t end = self->base + self->bytes.len;
    size_t got = 0;

    if (self->at < self->base || self->at > end) { /* moved beyond what was read */
        buf_clear(&self->bytes);
        self->base = self->keep = self->at;
        end = self->base;
    }
    if (self->at + len <= end || end >= self->size) {
        return 0;
    }
    size_t drop = (size_t)(self->keep - self->base);
    if (drop > 0) {
        memmove(self->bytes.data, self->bytes.data + drop, self->bytes.len - drop);
        self->bytes.len -= drop;
        self->base = self->keep;
    }
    uint64_t want = self->at + len - end;
    want = want < SCAN_STEP_BYTES ? SCAN_STEP_BYTES : want;
    buf_reserve(&self->bytes, (size_t)want);
    int rc = self->disk->read_at(self->disk->context, self->file,
        self->bytes.data + self->bytes.len, (size_t)want, end, &got);
    if (rc == E_IO && self->over_holes) {
        return fill_over_holes(self, end, end + want < self->size ? end + want : self->size);
    }
    self->bytes.len += rc == 0 ? got : 0;
    return rc;
}

int scanner_bytes(struct scanner *self, size_t len, struct slice *out)
{
    assert(self->keep <= self->at);
    int rc = scanner_fill(self, len);
    if (rc != 0) {
        return rc;
    }
    uint64_t end = self->base + self->bytes.len;
    size_t skip = (size_t)(self->at - self->base);
    *out = self->at >= end ? slice_of(NULL, 0)
                           : slice_of(self->bytes.data + skip, self->bytes.len - skip);
    return 0;
}

static int peek(struct scanner *self, struct record *out, size_t *length,
    int (*decode)(struct slice bytes, struct record *out, size_t *length))
{
    struct slice bytes;

    int rc = scanner_bytes(self, RECORD_HEADER_BYTES, &bytes);
    if (rc != 0) {
        return rc;
    }
    if (bytes.len < RECORD_HEADER_BYTES) {
        return E_END;
    }
    uint32_t whole = get_u32(bytes.data);
    if (whole > RECORD_BYTES_MAX) {
        return E_CORRUPT;
    }
    rc = scanner_bytes(self, whole, &bytes);
    return rc != 0 ? rc : decode(bytes, out, length);
}

int scanner_peek(struct scanner *self, struct record *out, size_t *length)
{
    return peek(self, out, length, record_decode);
}

int scanner_peek_body(struct scanner *self, struct record *out, size_t *length)
{
    return peek(self, out, length, record_decode_body);
}

int scanner_used_end(struct scanner *self, uint64_t from, uint64_t *end)
{
    struct slice bytes;
    int rc = 0;

    *end = from;
    self->at = self->keep = from;
    while (rc == 0 && self->at < self->size) {
        rc = scanner_bytes(self, SCAN_STEP_BYTES, &bytes);
        if (rc != 0 || bytes.len == 0) {
            break;
        }
        if (!all_zero(bytes.data, bytes.len)) {
            size_t last = bytes.len;
            while (bytes.data[last - 1] == 0) {
                last--;
            }
            *end = self->at + last;
        }
        self->at += bytes.len;
        self->keep = self->at;
    }
    return rc;
}

/* Could a record begin here? Cheap, to be followed by a decode. */
static bool looks_like_record(const uint8_t *at, uint64_t sequence, bool commit)
{
    uint32_t whole = get_u32(at);
    uint8_t type = at[4];

    return whole >= RECORD_HEADER_BYTES && whole <= RECORD_BYTES_MAX && (whole & 7) == 0 &&
        get_u16(at + 6) == 0 &&
        (commit ? type == RECORD_COMMIT : type >= RECORD_COMMIT && type <= RECORD_PAYLOAD_ERASED) &&
        get_u64(at + 8) >= sequence;
}

/* How many bytes of `bytes`, a multiple of 8, cannot be the start of such a record. */
static size_t hopeless_bytes(struct slice bytes, uint64_t sequence, bool commit)
{
    size_t i = 0;

    while (i + RECORD_HEADER_BYTES <= bytes.len &&
        !looks_like_record(bytes.data + i, sequence, commit)) {
        i += 8;
    }
    return i;
}

int scanner_resync(struct scanner *self, uint64_t sequence, bool commit)
{
    struct slice bytes;
    struct record record;
    size_t length;
    int rc;

    self->at += 8;
    for (;;) {
        self->keep = self->at;
        rc = scanner_bytes(self, RECORD_HEADER_BYTES, &bytes);
        if (rc != 0 || bytes.len < RECORD_HEADER_BYTES) {
            return rc != 0 ? rc : E_END;
        }
        size_t step = hopeless_bytes(bytes, sequence, commit);
        if (step > 0) {
            self->at += step;
            continue;
        }
        rc = scanner_peek(self, &record, &length);
        if (rc == 0 || rc == E_IO) {
            return rc;
        }
        self->at += 8;
    }
}

int scanner_commit_follows(struct scanner *self, uint64_t offset, uint64_t size, bool *follows)
{
    struct record record;
    struct commit_body body;
    uint64_t used_end;
    size_t length;

    *follows = false;
    int rc = scanner_used_end(self, offset, &used_end);
    if (rc != 0 || used_end == offset) {
        return rc;
    }
    self->at = self->keep = offset;
    while (rc == 0 && !*follows) {
        rc = scanner_resync(self, size + 1, true);
        if (rc == 0) {
            rc = scanner_peek(self, &record, &length);
        }
        *follows = rc == 0 && commit_body_read(record.body, &body) == 0 &&
            body.start > position_of(self->segment, offset);
    }
    return rc == E_END ? 0 : rc;
}
