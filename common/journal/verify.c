/*
 * verify: the whole journal, offline and without secrets: every checksum, leaf, root and
 * signature, the tree file and the watermark. Never writes. The first fault ends it with its code
 * and a complaint; a torn tail is reported only.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

enum { PROGRESS_STEP_BYTES = 4194304 };

struct verify {
    const struct disk *disk;
    const uint8_t *head_public; /* NULL until the first record named it */
    struct journal_check *report;
    int (*visit)(void *context, const struct record *record, uint64_t position);
    void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes);
    void *context;
    struct complaint *why;
    struct segment_list list;
    struct mark mark;
    int tree_file;               /* -1 for none */
    struct buf tree;             /* scratch for nodes read from it */
    struct epoch_body epoch;     /* the last */
    uint8_t named_key[32];       /* by the first record, where no key was given */
    struct merkle_frontier done; /* after the last whole commit */
    struct merkle_frontier open; /* with the leaves since */
    struct buf nodes;            /* of the leaves since */
    uint64_t end;                /* position behind the last whole commit */
    uint64_t before_bytes;       /* in segments gone through */
    uint64_t all_bytes;
    uint64_t shown_bytes; /* when progress was called last */
};

static int fault(struct verify *self, int rc, uint64_t position, const char *what)
{
    char name[FILE_NAME_BYTES];

    if (self->report->bad_position == 0) {
        self->report->bad_position = position;
    }
    segment_name(position_segment(position), name);
    return complain(self->why, rc, "%s, offset %llu, leaf %llu: %s", name,
        (unsigned long long)position_offset(position), (unsigned long long)self->open.size, what);
}

/* ---- records ---- */

static int check_epoch(struct verify *self, const struct record *record, uint64_t position)
{
    struct epoch_body epoch;
    bool first = record->sequence == 0;

    if (epoch_body_read(record->body, &epoch) != 0) {
        return fault(self, E_CORRUPT, position, "the epoch record is not well formed");
    }
    if (!first &&
        (strcmp(epoch.network, self->epoch.network) != 0 || epoch.epoch <= self->epoch.epoch)) {
        return fault(self, E_CORRUPT, position, "the epoch record does not follow the one before");
    }
    self->epoch = epoch;
    memcpy(self->report->network, epoch.network, sizeof epoch.network);
    if (self->head_public == NULL) {
        memcpy(self->named_key, epoch.head_public, sizeof self->named_key);
        self->head_public = self->named_key;
    }
    return 0;
}

static int check_batch(struct verify *self, const struct record *record, uint64_t position)
{
    struct batch_body batch;
    struct journal_check *report = self->report;

    if (batch_body_read(record->body, &batch) != 0) {
        return fault(self, E_CORRUPT, position, "the batch record is not well formed");
    }
    report->events += batch.count;
    if (batch_check_events(self->epoch.network, &batch) != 0) {
        report->unmatched_position = report->unmatched == 0 ? position : report->unmatched_position;
        report->unmatched++;
    }
    return 0;
}

static int check_leaf(struct verify *self, const struct record *record, uint64_t position)
{
    int rc = 0;

    if (record->sequence != self->open.size) {
        return fault(self, E_CORRUPT, position, "the record's sequence is not the next one");
    }
    if (record->sequence == 0 && record->type != RECORD_EPOCH) {
        return fault(self, E_CORRUPT, position, "the first record does not name the journal");
    }
    if (record->type == RECORD_EPOCH) {
        rc = check_epoch(self, record, position);
    } else if (record->type == RECORD_BATCH) {
        rc = check_batch(self, record, position);
    }
    if (rc == 0) {
        self->report->erased +=
            (record->flags & RECORD_ERASED) != 0 ? payload_erased_count(record->payload) : 0;
        struct hash leaf = record_leaf(self->epoch.network, record);
        tree_add(&self->open, &leaf, &self->nodes);
    }
    return rc;
}

/* ---- commits ---- */

/* The tree file is derived, and behind the watermark it may not have reached the disk. */
static int check_tree(struct verify *self, uint64_t position)
{
    size_t got = 0;

    if (self->tree_file < 0 || self->open.size > self->mark.leaves) {
        return 0;
    }
    buf_clear(&self->tree);
    buf_reserve(&self->tree, self->nodes.len);
    int rc = self->disk->read_at(self->disk->context, self->tree_file, self->tree.data,
        self->nodes.len, tree_offset(tree_stored_count(self->done.size)), &got);
    if (rc != 0) {
        return fault(self, rc, position, "tree.wpt cannot be read");
    }
    if (got != self->nodes.len || memcmp(self->tree.data, self->nodes.data, got) != 0) {
        return fault(self, E_CORRUPT, position,
            "tree.wpt does not follow from the records; stop the broker and move the file away, it "
            "is made again");
    }
    return 0;
}

static int check_mark(
    struct verify *self, const struct journal_head *head, uint64_t position, uint64_t end)
{
    const struct mark *mark = &self->mark;

    if (mark->counter == 0 || end != mark->position) {
        return 0;
    }
    if (mark->leaves != head->size || mark->commit != position ||
        memcmp(&mark->root, &head->root, sizeof head->root) != 0) {
        return fault(self, E_CORRUPT, position, "the watermark does not fit this commit");
    }
    return 0;
}

static int check_commit(struct verify *self, const struct record *record, uint64_t position,
    uint64_t start, size_t length)
{
    struct journal_head *head = &self->report->head;
    struct journal_head found;
    struct commit_body body;
    char network[33];

    if (commit_head(record, &body, network, &found) != 0) {
        return fault(self, E_CORRUPT, position, "the commit record is not well formed");
    }
    struct hash root = frontier_root(&self->open);
    if (body.start != start || body.first_leaf != self->done.size ||
        found.size != self->open.size || strcmp(network, self->epoch.network) != 0 ||
        found.epoch != self->epoch.epoch ||
        memcmp(found.journal, self->epoch.journal, sizeof found.journal) != 0) {
        return fault(self, E_CORRUPT, position, "the commit does not cover what stands before it");
    }
    if (memcmp(&root, &found.root, sizeof root) != 0) {
        return fault(self, E_CORRUPT, position, "the root does not follow from the records");
    }
    if (head_check(&found, self->head_public) != 0) {
        return fault(self, E_SIGNATURE, position, "the head's signature does not verify");
    }
    int rc = check_tree(self, position);
    if (rc == 0) {
        rc = check_mark(self, &found, position, position + length);
    }
    if (rc == 0) {
        *head = found;
        self->report->commits++;
        self->report->leaves = found.size;
        self->done = self->open;
        self->end = position + length;
        buf_clear(&self->nodes);
    }
    return rc;
}

/* ---- a segment ---- */

/* Visit the leaf records of a good commit, [start, end) of the scanner's segment. */
static int visit_commit(struct verify *self, struct scanner *scanner, uint64_t start, uint64_t end)
{
    struct record record;
    size_t length;
    int rc = 0;

    if (self->visit == NULL) {
        return 0;
    }
    scanner->at = start;
    while (rc == 0 && scanner->at < end) {
        rc = scanner_peek(scanner, &record, &length);
        if (rc == 0 && record.type != RECORD_COMMIT) {
            rc = self->visit(self->context, &record, position_of(scanner->segment, scanner->at));
        }
        scanner->at += rc == 0 ? length : 0;
    }
    return rc;
}

static void show_progress(struct verify *self, uint64_t done_bytes)
{
    if (self->progress != NULL && done_bytes - self->shown_bytes >= PROGRESS_STEP_BYTES) {
        self->shown_bytes = done_bytes;
        self->progress(self->context, done_bytes, self->all_bytes);
    }
}

/* From scanner->at to the end of one commit. 0, or E_END or E_CORRUPT without a complaint where no
 * record can be read. */
static int check_one_commit(struct verify *self, struct scanner *scanner)
{
    struct record record;
    uint64_t start = scanner->at;
    size_t length;

    for (;;) {
        uint64_t position = position_of(scanner->segment, scanner->at);
        int rc = scanner_peek(scanner, &record, &length);
        if (rc != 0) {
            return rc;
        }
        if (record.type == RECORD_COMMIT) {
            rc =
                check_commit(self, &record, position, position_of(scanner->segment, start), length);
            scanner->at += length;
            return rc != 0 ? rc : visit_commit(self, scanner, start, scanner->at);
        }
        rc = check_leaf(self, &record, position);
        if (rc != 0) {
            return rc;
        }
        scanner->at += length;
    }
}

/* No further record at scanner->at: the end of the segment, a torn tail, or damage. */
static int judge_rest(struct verify *self, struct scanner *scanner, bool later_segment)
{
    uint64_t stop = scanner->at;
    uint64_t start = self->end > position_of(scanner->segment, 0) ? position_offset(self->end)
                                                                  : SEGMENT_HEADER_BYTES;
    uint64_t position = position_of(scanner->segment, stop);
    uint64_t used_end;
    bool follows = false;

    int rc = scanner_used_end(scanner, start, &used_end);
    if (rc == 0 && used_end > start && !later_segment) {
        rc = scanner_commit_follows(scanner, stop, self->done.size, &follows);
    }
    if (rc != 0) {
        return fault(self, rc, position, "the segment cannot be read");
    }
    if (used_end > start && (later_segment || follows || self->mark.position > self->end)) {
        return fault(self, E_CORRUPT, position, "the record does not match its checksum");
    }
    self->open = self->done;
    buf_clear(&self->nodes);
    self->report->torn_bytes += used_end - start;
    return 0;
}

static int check_header(struct verify *self, const struct segment_header *header, uint32_t segment)
{
    uint64_t position = position_of(segment, 0);
    struct hash mine = frontier_root(&self->done);
    struct hash theirs = frontier_root(&header->frontier);

    if (header->frontier.size != self->done.size || memcmp(&mine, &theirs, sizeof mine) != 0) {
        return fault(
            self, E_CORRUPT, position, "the header does not follow from the segment before");
    }
    if (self->done.size > 0 &&
        (strcmp(header->network, self->epoch.network) != 0 ||
            memcmp(header->journal, self->epoch.journal, sizeof header->journal) != 0)) {
        return fault(self, E_CORRUPT, position, "the segment belongs to another journal");
    }
    if (self->head_public != NULL &&
        memcmp(header->head_public, self->head_public, sizeof header->head_public) != 0) {
        return fault(self, E_KEY, position, "the segment's heads are signed by another key");
    }
    return 0;
}

static int check_segment(struct verify *self, uint32_t segment, bool later_segment)
{
    struct scanner scanner;

    int rc = scanner_open(&scanner, self->disk, segment, SEGMENT_HEADER_BYTES);
    if (rc != 0) {
        return fault(self, rc, position_of(segment, 0), "the segment cannot be opened");
    }
    while (rc == 0) {
        scanner.keep = scanner.at;
        rc = check_one_commit(self, &scanner);
        show_progress(self, self->before_bytes + scanner.at);
    }
    if (self->why->rc == 0 && (rc == E_END || rc == E_CORRUPT)) {
        rc = judge_rest(self, &scanner, later_segment);
    }
    self->before_bytes += scanner.size;
    self->report->segments++;
    scanner_close(&scanner);
    return rc;
}

/* A segment that was not begun: zeros, or a torn first write. */
static int check_unbegun(struct verify *self, uint32_t segment, int header_rc, bool later_segment)
{
    struct scanner scanner;
    uint64_t used_end = 0;

    if (later_segment || position_segment(self->mark.position) >= segment) {
        return fault(self, header_rc == E_END ? E_CORRUPT : header_rc, position_of(segment, 0),
            "the segment's header is damaged");
    }
    int rc = scanner_open(&scanner, self->disk, segment, 0);
    if (rc == 0) {
        rc = scanner_used_end(&scanner, 0, &used_end);
        scanner_close(&scanner);
    }
    self->report->torn_bytes += used_end;
    return rc == 0 ? 0 : fault(self, rc, position_of(segment, 0), "the segment cannot be read");
}

static int check_all_segments(struct verify *self)
{
    struct segment_header header;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < self->list.count; i++) {
        uint32_t segment = self->list.at[i];
        bool later = segment_begun_from(self->disk, &self->list, i + 1);
        if (segment != i + 1) {
            return fault(
                self, E_CORRUPT, position_of((uint32_t)i + 1, 0), "the segment is missing");
        }
        rc = segment_header_read(self->disk, segment, &header);
        if (rc == E_END || rc == E_CORRUPT) {
            rc = check_unbegun(self, segment, rc, later);
            continue;
        }
        if (rc != 0) {
            return fault(self, rc, position_of(segment, 0), "the segment's header cannot be read");
        }
        rc = check_header(self, &header, segment);
        if (rc == 0) {
            rc = check_segment(self, segment, later);
        }
    }
    if (rc == 0 && self->mark.position > self->end) {
        rc = fault(self, E_CORRUPT, self->end, "commits that were durable are missing");
    }
    return rc;
}

/* ---- all ---- */

static void open_tree(struct verify *self)
{
    if (self->disk->open(self->disk->context, "tree.wpt", false, &self->tree_file) != 0) {
        self->tree_file = -1; /* it is made again at the next start */
    }
}

static int check_tree_header(struct verify *self)
{
    if (self->tree_file < 0 || self->report->leaves == 0 ||
        tree_file_check(self->disk, self->tree_file, self->epoch.journal) == 0) {
        return 0;
    }
    return complain(self->why, E_CORRUPT,
        "tree.wpt: the header is damaged; stop the broker and move the file away, it is made "
        "again");
}

static void sum_bytes(struct verify *self)
{
    struct scanner scanner;

    for (size_t i = 0; i < self->list.count; i++) {
        if (scanner_open(&scanner, self->disk, self->list.at[i], 0) == 0) {
            self->all_bytes += scanner.size;
            scanner_close(&scanner);
        }
    }
}

static int check_journal(struct verify *self)
{
    int rc = mark_read(self->disk, &self->mark);

    if (rc == 0 || rc == E_NOT_FOUND) {
        rc = segment_list_read(self->disk, &self->list);
    }
    if (rc != 0) {
        return complain(self->why, rc, "the directory cannot be read: %s", err_text(rc));
    }
    if (self->list.count == 0) {
        return complain(
            self->why, E_NOT_FOUND, "there is no segment here; give the directory of a journal");
    }
    open_tree(self);
    sum_bytes(self);
    rc = check_all_segments(self);
    if (rc == 0) {
        rc = check_tree_header(self);
    }
    if (rc == 0 && self->report->leaves == 0) {
        rc = complain(self->why, E_NOT_FOUND, "the journal was never begun: it holds no commit");
    }
    if (rc == 0 && self->progress != NULL) {
        self->progress(self->context, self->all_bytes, self->all_bytes);
    }
    if (self->tree_file >= 0) {
        self->disk->close(self->disk->context, self->tree_file);
    }
    return rc;
}

int journal_verify(const struct disk *disk, const uint8_t *head_public,
    struct journal_check *report,
    int (*visit)(void *context, const struct record *record, uint64_t position), void *context,
    void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes), struct complaint *why)
{
    struct verify self = {
        .disk = disk,
        .head_public = head_public,
        .report = report,
        .visit = visit,
        .progress = progress,
        .context = context,
        .why = why,
        .tree_file = -1,
    };

    *report = (struct journal_check){.leaves = 0};
    why->rc = 0;
    int rc = check_journal(&self);
    buf_free(&self.tree);
    buf_free(&self.nodes);
    free(self.list.at);
    return rc;
}
