/*
 * scan: all records of a journal in order, offline and quickly: each byte is read and checked against its checksum once,
 * and handed on when the commit around it is whole. Never writes. A torn tail is reported, damage ends the scan with
 * where and what.
 */
#include <stdlib.h>
#include <string.h>

#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

enum { PROGRESS_STEP_BYTES = 4194304 };

/* A record of the commit that is being read; its slices count from the record's own offset. */
struct waiting {
    struct record record;
    uint64_t offset; /* in the segment */
};

struct scan {
    const struct disk *disk;
    const struct journal_scan *wanted;
    struct journal_scanned *out;
    struct complaint *why;
    struct segment_list list;
    struct mark mark;
    struct waiting *waiting; /* owned; in order */
    size_t waiting_count, waiting_capacity;
    uint64_t end; /* position behind the last whole commit */
    uint64_t before_bytes, all_bytes, shown_bytes;
};

static int fault(struct scan *self, int rc, uint64_t position, const char *what)
{
    char name[FILE_NAME_BYTES];

    segment_name(position_segment(position), name);
    return complain(self->why, rc, "%s, offset %llu, leaf %llu: %s", name,
        (unsigned long long)position_offset(position), (unsigned long long)self->out->leaves, what);
}

/* ---- commits ---- */

static void wait_for_commit(struct scan *self, const struct record *record, uint64_t offset)
{
    self->waiting = mem_grow(
        self->waiting, self->waiting_count, &self->waiting_capacity, sizeof *self->waiting);
    self->waiting[self->waiting_count++] = (struct waiting){*record, offset};
}

/* Where the bytes of a waiting record lie now: the scanner may have moved them since. */
static struct record settled(const struct waiting *waiting, struct slice bytes, uint64_t start)
{
    struct record record = waiting->record;
    const uint8_t *at = bytes.data + (waiting->offset - start) + RECORD_HEADER_BYTES;

    record.body.data = at;
    if (record.payload.len > 0) {
        record.payload.data = at + record.body.len;
    }
    return record;
}

static int visit_commit(struct scan *self, struct scanner *scanner, uint64_t start, uint64_t end)
{
    struct slice bytes;
    int rc;

    scanner->at = start;
    rc = scanner_bytes(scanner, (size_t)(end - start), &bytes);
    for (size_t i = 0; rc == 0 && i < self->waiting_count; i++) {
        const struct waiting *waiting = &self->waiting[i];
        if (waiting->record.type == RECORD_COMMIT && !self->wanted->commits) {
            continue;
        }
        struct record record = settled(waiting, bytes, start);
        rc = self->wanted->visit(
            self->wanted->context, &record, position_of(scanner->segment, waiting->offset));
    }
    scanner->at = end;
    return rc;
}

/* From scanner->at to the end of one commit. 0; E_END or E_CORRUPT with *unreadable where no record can be read. */
static int scan_commit(struct scan *self, struct scanner *scanner, bool *unreadable)
{
    struct record record;
    uint64_t start = scanner->at;
    uint64_t leaf = self->out->leaves;
    size_t length;

    scanner->keep = start;
    self->waiting_count = 0;
    for (;;) {
        int rc = scanner_peek(scanner, &record, &length);
        if (rc != 0) {
            *unreadable = true;
            return rc;
        }
        bool commit = record.type == RECORD_COMMIT;
        if (record.sequence != leaf) {
            return fault(self, E_CORRUPT, position_of(scanner->segment, scanner->at),
                "the record's sequence is not the next one");
        }
        leaf += commit ? 0 : 1;
        wait_for_commit(self, &record, scanner->at);
        scanner->at += length;
        if (commit) {
            break;
        }
    }
    int rc = visit_commit(self, scanner, start, scanner->at);
    self->out->leaves = leaf;
    self->out->commits++;
    self->end = position_of(scanner->segment, scanner->at);
    return rc;
}

/* ---- segments ---- */

/* No further record: the end of the segment, a torn tail, or damage. As verify.c tells them apart. */
static int judge_rest(struct scan *self, struct scanner *scanner, bool later_segment)
{
    uint64_t stop = scanner->at;
    uint64_t start = self->end > position_of(scanner->segment, 0) ? position_offset(self->end)
                                                                  : SEGMENT_HEADER_BYTES;
    uint64_t position = position_of(scanner->segment, stop);
    uint64_t used_end;
    bool follows = false;

    int rc = scanner_used_end(scanner, start, &used_end);
    if (rc == 0 && used_end > start && !later_segment) {
        rc = scanner_commit_follows(scanner, stop, self->out->leaves, &follows);
    }
    if (rc != 0) {
        return fault(self, rc, position, "the segment cannot be read");
    }
    if (used_end > start && (later_segment || follows || self->mark.position > self->end)) {
        return fault(self, E_CORRUPT, position, "the record does not match its checksum");
    }
    self->out->torn_bytes += used_end - start;
    return 0;
}

static void show_progress(struct scan *self, uint64_t done_bytes)
{
    if (self->wanted->progress != NULL && done_bytes - self->shown_bytes >= PROGRESS_STEP_BYTES) {
        self->shown_bytes = done_bytes;
        self->wanted->progress(self->wanted->context, done_bytes, self->all_bytes);
    }
}

/* The header is visited as it stands. */
static int visit_header(struct scan *self, uint32_t segment, struct scanner *scanner)
{
    struct slice bytes;

    if (self->wanted->segment == NULL) {
        return 0;
    }
    scanner->at = scanner->keep = 0;
    int rc = scanner_bytes(scanner, SEGMENT_HEADER_BYTES, &bytes);
    scanner->at = SEGMENT_HEADER_BYTES;
    return rc != 0 ? rc
                   : self->wanted->segment(self->wanted->context, segment,
                         slice_of(bytes.data, SEGMENT_HEADER_BYTES));
}

static int scan_segment(struct scan *self, uint32_t segment, bool later_segment)
{
    struct scanner scanner;
    bool unreadable = false;

    int rc = scanner_open(&scanner, self->disk, segment, SEGMENT_HEADER_BYTES);
    if (rc != 0) {
        return fault(self, rc, position_of(segment, 0), "the segment cannot be opened");
    }
    rc = visit_header(self, segment, &scanner);
    while (rc == 0) {
        rc = scan_commit(self, &scanner, &unreadable);
        show_progress(self, self->before_bytes + scanner.at);
    }
    if (unreadable) {
        rc = judge_rest(self, &scanner, later_segment);
    }
    self->before_bytes += scanner.size;
    self->out->segments++;
    scanner_close(&scanner);
    return rc;
}

/* A segment without a readable header: laid ready and not begun, torn in its first write, or damaged. */
static int scan_unbegun(struct scan *self, uint32_t segment, int rc, bool later_segment)
{
    if (later_segment || position_segment(self->mark.position) >= segment || rc == E_VERSION) {
        return fault(self, rc == E_END ? E_CORRUPT : rc, position_of(segment, 0),
            rc == E_VERSION ? "the segment is of a newer layout"
                            : "the segment's header is damaged");
    }
    return 0;
}

static int scan_all(struct scan *self, size_t first)
{
    struct segment_header header;
    int rc = 0;

    for (size_t i = first; rc == 0 && i < self->list.count; i++) {
        uint32_t segment = self->list.at[i];
        bool later = segment_begun_from(self->disk, &self->list, i + 1);
        if (segment != i + 1) {
            return fault(
                self, E_CORRUPT, position_of((uint32_t)i + 1, 0), "the segment is missing");
        }
        rc = segment_header_read(self->disk, segment, &header);
        if (rc == E_END || rc == E_CORRUPT || rc == E_VERSION) {
            rc = scan_unbegun(self, segment, rc, later);
            continue;
        }
        if (rc == 0 && i == first) {
            self->out->leaves = header.frontier.size;
        }
        if (rc == 0 && header.frontier.size != self->out->leaves) {
            rc = E_CORRUPT;
        }
        rc = rc != 0 ? fault(self, rc, position_of(segment, 0),
                           "the header does not follow from the segment before")
                     : scan_segment(self, segment, later);
    }
    if (rc == 0 && self->mark.position > self->end) {
        rc = fault(self, E_CORRUPT, self->end, "commits that were durable are missing");
    }
    return rc;
}

/* ---- all ---- */

static void sum_bytes(struct scan *self)
{
    struct scanner scanner;

    for (size_t i = 0; i < self->list.count; i++) {
        if (scanner_open(&scanner, self->disk, self->list.at[i], 0) == 0) {
            self->all_bytes += scanner.size;
            scanner_close(&scanner);
        }
    }
}

/* The last segment whose header begins at or before the leaf. */
static size_t first_segment(const struct scan *self)
{
    struct segment_header header;
    size_t first = 0;

    for (size_t i = 0; i < self->list.count; i++) {
        if (segment_header_read(self->disk, self->list.at[i], &header) == 0 &&
            header.frontier.size <= self->wanted->from_sequence) {
            first = i;
        }
    }
    return first;
}

int journal_scan(const struct disk *disk, const struct journal_scan *scan,
    struct journal_scanned *out, struct complaint *why)
{
    struct scan self = {.disk = disk, .wanted = scan, .out = out, .why = why};

    *out = (struct journal_scanned){.leaves = 0};
    why->rc = 0;
    int rc = mark_read(disk, &self.mark);
    if (rc == 0 || rc == E_NOT_FOUND) {
        rc = segment_list_read(disk, &self.list);
    }
    if (rc != 0) {
        return complain(why, rc, "the directory cannot be read: %s", err_text(rc));
    }
    if (self.list.count == 0) {
        return complain(
            why, E_NOT_FOUND, "there is no segment here; give the directory of a journal");
    }
    sum_bytes(&self);
    rc = scan_all(&self, scan->from_sequence == 0 ? 0 : first_segment(&self));
    if (rc == 0 && out->leaves == 0) {
        rc = complain(why, E_NOT_FOUND, "the journal was never begun: it holds no commit");
    }
    if (scan->progress != NULL) {
        scan->progress(scan->context, self.all_bytes, self.all_bytes);
    }
    free(self.waiting);
    free(self.list.at);
    return rc;
}
