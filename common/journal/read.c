/*
 * read: settled records by position, and all of them in order. The newest commits are read from
 * memory, others with one read each, or from bytes read ahead where the owner goes through the
 * journal in order. What cannot be read, nor mended (mend.c), is E_CORRUPT to whoever asks for it and passed
 * over by a replay (its sequence is missing there); the rest serves.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

enum {
    READ_GUESS_BYTES = 4096,  /* most records fit: one read */
    READ_AHEAD_BYTES = 262144 /* when reading in order */
};

/* ---- files ---- */

int read_segment_file(journal_t *self, uint32_t segment, int *file_out)
{
    struct journal_owner *owner = &self->owner;
    struct read_file *oldest = &owner->files[0];
    char name[FILE_NAME_BYTES];
    int file;

    for (size_t i = 0; i < READ_FILES_MAX; i++) {
        struct read_file *held = &owner->files[i];
        if (held->segment == segment) {
            held->used = ++owner->files_clock;
            *file_out = held->file;
            return 0;
        }
        if (held->used < oldest->used) {
            oldest = held;
        }
    }
    segment_name(segment, name);
    int rc = self->disk->open(self->disk->context, name, false, &file);
    if (rc != 0) {
        return rc == E_NOT_FOUND ? E_CORRUPT : rc; /* a settled position in a file that is gone */
    }
    if (oldest->segment != 0) {
        self->disk->close(self->disk->context, oldest->file);
    }
    *oldest = (struct read_file){.segment = segment, .file = file, .used = ++owner->files_clock};
    *file_out = file;
    return 0;
}

void read_close(journal_t *self)
{
    for (size_t i = 0; i < READ_FILES_MAX; i++) {
        if (self->owner.files[i].segment != 0) {
            self->disk->close(self->disk->context, self->owner.files[i].file);
        }
    }
    buf_free(&self->owner.window);
}

/* ---- one record ---- */

/* The bytes from position on in a commit still in memory. */
static struct slice recent_find(const struct journal_owner *owner, uint64_t position)
{
    size_t low = 0;
    size_t high = owner->recent_count;

    while (low < high) { /* the last commit that begins at or before position */
        size_t middle = (low + high) / 2;
        size_t slot = (owner->recent_first + middle) % RECENT_COUNT_MAX;
        if (owner->recent[slot].start <= position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return slice_of(NULL, 0);
    }
    const struct recent *recent =
        &owner->recent[(owner->recent_first + low - 1) % RECENT_COUNT_MAX];
    uint64_t skip = position - recent->start;
    return skip >= recent->bytes.len
        ? slice_of(NULL, 0)
        : slice_of(recent->bytes.data + skip, recent->bytes.len - (size_t)skip);
}

static struct slice window_find(const struct journal_owner *owner, uint64_t position)
{
    uint64_t skip = position - owner->window_start;

    if (position < owner->window_start || skip >= owner->window.len) {
        return slice_of(NULL, 0);
    }
    return slice_of(owner->window.data + skip, owner->window.len - (size_t)skip);
}

/* Where the settled bytes of a segment end: what a writer may be writing is never read. */
static uint64_t settled_offset(const journal_t *self, uint32_t segment)
{
    uint64_t end = self->owner.settled_end;

    return segment < position_segment(end) ? UINT32_MAX : position_offset(end);
}

/* Fill the window from position on. */
static int window_read(journal_t *self, uint64_t position, size_t len)
{
    struct journal_owner *owner = &self->owner;
    uint64_t end = settled_offset(self, position_segment(position));
    size_t got = 0;
    int file;

    int rc = read_segment_file(self, position_segment(position), &file);
    if (rc != 0) {
        return rc;
    }
    if (len > end - position_offset(position)) {
        len = (size_t)(end - position_offset(position));
    }
    buf_clear(&owner->window);
    buf_reserve(&owner->window, len);
    rc = self->disk->read_at(
        self->disk->context, file, owner->window.data, len, position_offset(position), &got);
    owner->window.len = rc == 0 ? got : 0;
    owner->window_start = position;
    return rc;
}

/* Bytes of the whole record that begins at position, from memory or the disk; E_CORRUPT where it
 * cannot be one. */
static int record_bytes(journal_t *self, uint64_t position, struct slice *out)
{
    struct journal_owner *owner = &self->owner;
    int rc = 0;

    *out = recent_find(owner, position);
    if (out->len > 0) {
        return 0;
    }
    *out = window_find(owner, position);
    if (out->len < RECORD_HEADER_BYTES || get_u32(out->data) > out->len) {
        rc = window_read(
            self, position, position == owner->read_end ? READ_AHEAD_BYTES : READ_GUESS_BYTES);
        *out = buf_slice(&owner->window);
    }
    if (rc == 0 && out->len >= RECORD_HEADER_BYTES && get_u32(out->data) > out->len &&
        get_u32(out->data) <= RECORD_BYTES_MAX) {
        rc = window_read(self, position, get_u32(out->data));
        *out = buf_slice(&owner->window);
    }
    return rc;
}

static bool can_stand(const struct journal_owner *owner, uint64_t position)
{
    return position < owner->settled_end && position_segment(position) != 0 &&
        position_offset(position) >= SEGMENT_HEADER_BYTES && (position & 7) == 0;
}

int read_ahead(journal_t *self, uint64_t position, size_t len, struct slice *out)
{
    int rc = can_stand(&self->owner, position) ? window_read(self, position, len) : E_NOT_FOUND;

    *out = buf_slice(&self->owner.window);
    return rc;
}

/* One that does not hold as it stands: mended, but for a payload. */
static int damaged_read(
    journal_t *self, uint64_t position, struct slice bytes, struct buf *scratch, struct record *out)
{
    size_t length;

    if (record_decode_body(bytes, out, &length) == 0 && out->type == RECORD_BATCH) {
        return E_CORRUPT;
    }
    int rc = mend_record(self, position, scratch, out, &length);
    return rc != 0 || out->type != RECORD_BATCH ? rc
                                                : record_decode(buf_slice(scratch), out, &length);
}

int journal_read(journal_t *self, uint64_t position, struct buf *scratch, struct record *out)
{
    struct journal_owner *owner = &self->owner;
    struct slice bytes;
    struct record record;
    size_t length;

    if (!can_stand(owner, position)) {
        return E_NOT_FOUND;
    }
    int rc = record_bytes(self, position, &bytes);
    if (rc != 0) {
        return rc;
    }
    if (record_decode(bytes, &record, &length) != 0) {
        return damaged_read(self, position, bytes, scratch, out);
    }
    owner->read_end = position + length;
    buf_clear(scratch);
    buf_put(scratch, bytes.data, length);
    record.body.data = scratch->data + RECORD_HEADER_BYTES;
    if (record.payload.len > 0) {
        record.payload.data = record.body.data + record.body.len;
    }
    *out = record;
    return 0;
}

int journal_read_body(journal_t *self, uint64_t position, struct buf *scratch, struct record *out)
{
    struct slice bytes;
    size_t length;

    int rc = journal_read(self, position, scratch, out);
    if (rc != E_CORRUPT || record_bytes(self, position, &bytes) != 0 ||
        record_decode_body(bytes, out, &length) != 0 || out->type != RECORD_BATCH) {
        return rc;
    }
    buf_clear(scratch);
    buf_put_slice(scratch, out->body);
    out->body = buf_slice(scratch);
    return 0;
}

/* ---- all of them ---- */

struct replay {
    uint64_t from;
    uint64_t end;  /* position behind the last settled record */
    uint64_t next; /* the sequence that comes now, or a higher one where some are damaged */
    uint64_t size; /* all lie below it */
    int (*visit)(void *context, const struct record *record, uint64_t position);
    void *context;
    bool over_holes; /* what the disk does not give is passed over as what is damaged */
    int stopped;     /* what visit returned */
};

static int replay_record(struct replay *replay, const struct record *record, uint64_t position)
{
    if (record->type == RECORD_COMMIT) {
        return 0;
    }
    if (record->sequence < replay->next || record->sequence >= replay->size) {
        log_warnx("journal: record out of order at=%llu sequence=%llu: passed over; run waypost "
                  "verify",
            (unsigned long long)position, (unsigned long long)record->sequence);
        return 0; /* whole, and yet not what was written here */
    }
    replay->next = record->sequence + 1;
    if (record->sequence < replay->from) {
        return 0;
    }
    replay->stopped = replay->visit(replay->context, record, position);
    return replay->stopped == 0 ? 0 : E_END;
}

/* Not where nothing was written: behind the last record of a segment. */
static bool record_begins(struct scanner *scanner)
{
    struct slice bytes;

    return scanner_bytes(scanner, RECORD_HEADER_BYTES, &bytes) == 0 &&
        bytes.len >= RECORD_HEADER_BYTES && record_bytes_max(bytes.data) > 0;
}

/* The records of one segment from an offset on, as far as they are settled. */
static int replay_segment(journal_t *self, struct replay *replay, uint32_t segment, uint64_t offset)
{
    struct scanner scanner;
    struct buf mended = {0};
    struct record record;
    size_t length;
    uint64_t sequence = 0;

    int rc = scanner_open(&scanner, self->disk, segment, offset);
    if (rc != 0) {
        return rc == E_NOT_FOUND || replay->over_holes ? 0 : rc;
    }
    scanner.over_holes = replay->over_holes;
    while (rc == 0 && position_of(segment, scanner.at) < replay->end) {
        scanner.keep = scanner.at;
        rc = scanner_peek(&scanner, &record, &length);
        if (rc == E_CORRUPT && scanner_peek_body(&scanner, &record, &length) == 0 &&
            record.type == RECORD_BATCH) {
            rc = 0; /* its events stand; their payloads are asked for by journal_read() alone */
        }
        if ((rc == E_CORRUPT || rc == E_END) && record_begins(&scanner) &&
            mend_record(self, position_of(segment, scanner.at), &mended, &record, &length) == 0) {
            rc = 0;
        }
        if (rc == E_CORRUPT || rc == E_END) {
            uint64_t at = scanner.at;
            rc = scanner_resync(&scanner, sequence, false);
            if (rc == 0) {
                log_warnx("journal: record damaged segment=%u offset=%llu: passed over; run "
                          "waypost verify",
                    (unsigned)segment, (unsigned long long)at);
            }
            continue;
        }
        if (rc == 0) {
            sequence = record.sequence;
            rc = replay_record(replay, &record, position_of(segment, scanner.at));
            scanner.at += length;
        }
    }
    scanner_close(&scanner);
    buf_free(&mended);
    return rc == E_END ? 0 : rc;
}

/* The segment to begin with when there is no hint: the last one whose header begins at or before
 * the sequence. */
static size_t first_segment(
    const journal_t *self, const struct segment_list *list, uint64_t sequence)
{
    struct segment_header header;
    size_t low = 0;
    size_t high = list->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int rc = segment_header_read(self->disk, list->at[middle], &header);
        if (rc == 0 && header.frontier.size <= sequence) {
            low = middle + 1;
        } else {
            high = middle; /* later, not begun, or damaged: to begin too early costs time alone */
        }
    }
    return low == 0 ? 0 : low - 1;
}

static int replay_all(journal_t *self, struct replay *replay, uint64_t hint)
{
    struct segment_list list;
    size_t i = 0;

    replay->end = self->owner.settled_end;
    replay->size = self->owner.head.size;
    int rc = segment_list_read(self->disk, &list);
    if (hint == 0 && rc == 0) {
        i = first_segment(self, &list, replay->from);
    }
    while (i < list.count && list.at[i] < position_segment(hint)) {
        i++;
    }
    for (; rc == 0 && replay->stopped == 0 && i < list.count &&
         list.at[i] <= position_segment(replay->end);
         i++) {
        uint64_t offset = list.at[i] == position_segment(hint) ? position_offset(hint) : 0;
        offset = offset < SEGMENT_HEADER_BYTES ? SEGMENT_HEADER_BYTES : offset;
        rc = replay_segment(self, replay, list.at[i], offset);
    }
    free(list.at);
    return replay->stopped != 0 ? replay->stopped : rc;
}

int journal_replay(journal_t *self, uint64_t from_sequence, uint64_t hint,
    int (*visit)(void *context, const struct record *record, uint64_t position), void *context)
{
    struct replay replay = {.from = from_sequence, .visit = visit, .context = context};

    return replay_all(self, &replay, hint);
}

int journal_replay_readable(journal_t *self, uint64_t from_sequence, uint64_t hint,
    int (*visit)(void *context, const struct record *record, uint64_t position), void *context)
{
    struct replay replay = {
        .from = from_sequence, .visit = visit, .context = context, .over_holes = true};

    return replay_all(self, &replay, hint);
}
