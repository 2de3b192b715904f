/*
 * commit: the writer's side: hash the leaves, sign the head, one write, one sync, and the tree; then, when it is due,
 * the watermark and the next zeros, for which nobody's receipt has to wait. A write or sync that fails is returned, and from then
 * on every call answers the same code without touching the disk: what is there is unknown until
 * the next start (PROMISE 1).
 */
#include <string.h>

#include "common/base/check.h"
#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

static int64_t now_mono_ms(const journal_t *self)
{
    return self->options.world->mono_ms(self->options.world->context);
}

/* ---- hash and sign ---- */

/* The records of our own buffer: lengths are right, checksums need no second look. */
static size_t own_record(const struct buf *bytes, size_t offset, struct record *out)
{
    const uint8_t *at = bytes->data + offset;
    size_t body_len = get_u32(at + 24);

    *out = (struct record){
        .type = at[4],
        .flags = at[5],
        .sequence = get_u64(at + 8),
        .time_ms = (int64_t)get_u64(at + 16),
        .body = slice_of(at + RECORD_HEADER_BYTES, body_len),
    };
    return get_u32(at);
}

static void commit_hash(journal_t *self, journal_commit_t *commit)
{
    struct record record;

    buf_reserve(&commit->nodes, (2 * (size_t)commit->leaves + MERKLE_PATH_MAX) * HASH_BYTES);
    for (size_t at = 0; at < commit->bytes.len;) {
        at += own_record(&commit->bytes, at, &record);
        struct hash leaf = record_leaf(self->network, &record);
        tree_add(&self->writer.frontier, &leaf, &commit->nodes);
    }
    assert(self->writer.frontier.size == commit->head.size);
    commit->head.root = frontier_root(&self->writer.frontier);
}

static void commit_sign(journal_t *self, journal_commit_t *commit)
{
    struct journal_head *head = &commit->head;

    head_encode(self->network, head);
    sign_make(SIGN_CONTEXT_HEAD, slice_of(head->statement, head->statement_len),
        self->options.head_secret, head->signature);
    struct commit_body body = {
        .start = commit->start,
        .first_leaf = commit->first_leaf,
        .leaves = commit->leaves,
        .statement = slice_of(head->statement, head->statement_len),
        .signature = slice_of(head->signature, SIGNATURE_BYTES),
    };
    commit_record_encode(&body, head->size, head->time_ms, &commit->bytes);
    assert(commit->start + commit->bytes.len == commit->end);
}

/* ---- segments ---- */

static int segment_open_for_write(journal_t *self, uint32_t segment, struct write_file *out)
{
    const struct disk *disk = self->disk;
    char name[FILE_NAME_BYTES];

    segment_name(segment, name);
    *out = (struct write_file){.segment = segment};
    int rc = disk->open(disk->context, name, true, &out->file);
    if (rc == 0) {
        rc = disk->size(disk->context, out->file, &out->prepared);
        if (rc != 0) {
            disk->close(disk->context, out->file);
        }
    }
    if (rc != 0) {
        out->segment = 0;
    }
    return rc;
}

/* Lay zeros ahead of what is written, so that later syncs have no new length to record. */
static int prepare(journal_t *self, struct write_file *file, uint64_t upto)
{
    static const uint8_t zeros[PREPARE_STEP_BYTES];
    const struct disk *disk = self->disk;

    if (file->prepared >= upto) {
        return 0;
    }
    uint64_t len = upto - file->prepared;
    len = len < sizeof zeros ? len : sizeof zeros;
    int rc =
        disk->write_at(disk->context, file->file, slice_of(zeros, (size_t)len), file->prepared);
    if (rc == E_FULL) {
        return 0; /* nothing was promised of these bytes; a commit that finds no room says so */
    }
    if (rc == 0) {
        rc = disk->sync_data(disk->context, file->file);
    }
    file->prepared += rc == 0 ? len : 0;
    return rc;
}

static int make_name_durable(journal_t *self, struct write_file *file)
{
    int rc = file->named ? 0 : self->disk->sync_dir(self->disk->context);

    file->named = file->named || rc == 0;
    return rc;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool now_runs_short(const journal_t *self, uint64_t offset)
{
    return self->writer.now.prepared <
        least(offset + PREPARE_LOW_BYTES, self->options.segment_bytes);
}

static bool next_is_wanted(const journal_t *self, uint64_t offset)
{
    return self->writer.next.segment == 0 &&
        offset + 2 * PREPARE_STEP_BYTES > self->options.segment_bytes;
}

/* Would prepare_ahead() lay anything? */
static bool lay_is_due(const journal_t *self)
{
    uint64_t offset = position_offset(self->writer.behind.position);

    return self->writer.now.segment != 0 &&
        (now_runs_short(self, offset) || next_is_wanted(self, offset));
}

/* Keep zeros ahead of `offset`, and the next segment ready when this one ends soon. */
static int prepare_ahead(journal_t *self, uint64_t offset)
{
    struct journal_writer *writer = &self->writer;
    uint64_t segment_bytes = self->options.segment_bytes;
    int rc = 0;

    if (writer->now.segment == 0) {
        return 0;
    }
    if (now_runs_short(self, offset)) {
        if (writer->now.prepared < offset) {
            writer->now.prepared = offset;
        }
        rc = prepare(
            self, &writer->now, least(writer->now.prepared + PREPARE_STEP_BYTES, segment_bytes));
    }
    if (rc == 0 && next_is_wanted(self, offset)) {
        rc = segment_open_for_write(self, writer->now.segment + 1, &writer->next);
        if (rc == 0) {
            rc = prepare(self, &writer->next, PREPARE_STEP_BYTES);
        }
        if (rc == 0) {
            rc = make_name_durable(self, &writer->next);
        }
    }
    return rc;
}

/* Have `segment` as the file being written. */
static int segment_turn_to(journal_t *self, uint32_t segment)
{
    struct journal_writer *writer = &self->writer;

    if (writer->now.segment == segment) {
        return 0;
    }
    if (writer->now.segment != 0) {
        self->disk->close(self->disk->context, writer->now.file);
        writer->now.segment = 0;
    }
    if (writer->next.segment == segment) {
        writer->now = writer->next;
        writer->next.segment = 0;
        return 0;
    }
    return segment_open_for_write(self, segment, &writer->now);
}

/* The header of a segment that begins with this commit. */
static int write_header(
    journal_t *self, const journal_commit_t *commit, const struct merkle_frontier *before)
{
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    struct segment_header header = {
        .segment = position_segment(commit->start),
        .epoch = self->epoch,
        .created_ms = commit->head.time_ms,
        .frontier = *before,
    };

    memcpy(header.network, self->network, sizeof header.network);
    memcpy(header.journal, self->journal, sizeof header.journal);
    memcpy(header.head_public, self->options.head_public, sizeof header.head_public);
    segment_header_encode(&header, bytes);
    return self->disk->write_at(
        self->disk->context, self->writer.now.file, slice_of(bytes, sizeof bytes), 0);
}

static int write_commit(
    journal_t *self, journal_commit_t *commit, const struct merkle_frontier *before)
{
    const struct disk *disk = self->disk;
    struct write_file *now = &self->writer.now;
    uint64_t offset = position_offset(commit->start);

    int rc = segment_turn_to(self, position_segment(commit->start));
    if (rc == 0 && offset == SEGMENT_HEADER_BYTES) {
        rc = write_header(self, commit, before);
    }
    if (rc == 0) {
        rc = disk->write_at(disk->context, now->file, buf_slice(&commit->bytes), offset);
    }
    if (rc == 0) {
        rc = disk->sync_data(disk->context, now->file);
    }
    if (rc == 0) {
        rc = make_name_durable(self, now);
    }
    return rc;
}

/* ---- watermark ---- */

static int mark_now(journal_t *self)
{
    struct journal_writer *writer = &self->writer;

    if (!writer->unmarked) {
        return 0;
    }
    /* The tree first: what the watermark covers is taken from the tree at the next start. */
    int rc = self->disk->sync_data(self->disk->context, self->tree_file);
    if (rc == 0) {
        writer->behind.counter = writer->mark.counter + 1;
        rc = mark_write(self->disk, writer->mark_file, &writer->behind);
    }
    if (rc == 0) {
        writer->mark = writer->behind;
        writer->unmarked = false;
    }
    return rc;
}

/* The watermark is to say this next. */
static void mark_follow(journal_t *self, const journal_commit_t *commit)
{
    struct journal_writer *writer = &self->writer;

    writer->behind.position = commit->end;
    writer->behind.commit = commit->end - commit_record_bytes(commit->head.statement_len);
    writer->behind.leaves = commit->head.size;
    writer->behind.root = commit->head.root;
    writer->is_small = commit->bytes.len <= PREPARE_COMMIT_BYTES;
    if (!writer->unmarked) {
        writer->unmarked = true;
        writer->unmarked_since_ms = now_mono_ms(self);
    }
}

static bool mark_is_due(const journal_t *self)
{
    const struct journal_writer *writer = &self->writer;

    return writer->unmarked && now_mono_ms(self) - writer->unmarked_since_ms >= MARK_INTERVAL_MS;
}

/* ---- the writer ---- */

static int store(journal_t *self, journal_commit_t *commit)
{
    struct merkle_frontier before = {.size = 0};
    bool begins_segment = position_offset(commit->start) == SEGMENT_HEADER_BYTES;

    if (begins_segment) {
        before = self->writer.frontier;
    }
    commit_hash(self, commit);
    commit_sign(self, commit);
    int rc = write_commit(self, commit, &before);
    if (rc == 0) {
        rc = tree_file_write(
            self->disk, self->tree_file, commit->first_leaf, buf_slice(&commit->nodes));
    }
    if (rc == 0) {
        mark_follow(self, commit);
    }
    return rc;
}

/* Codes of the disk say what it met; for the caller there is no room, or the disk failed. */
static int fail(journal_t *self, int rc)
{
    self->writer.failed = rc == E_FULL ? E_FULL : E_IO;
    return self->writer.failed;
}

int journal_store(journal_t *self, journal_commit_t *commit)
{
    if (self->writer.failed != 0) {
        return self->writer.failed;
    }
    int rc = commit->refused != 0 ? commit->refused : store(self, commit);
    if (rc != 0) {
        return fail(self, rc);
    }
    commit->written = true;
    return 0;
}

bool journal_tend_due(const journal_t *self)
{
    return mark_is_due(self) || (self->writer.is_small && lay_is_due(self));
}

int journal_tend(journal_t *self)
{
    if (self->writer.failed != 0) {
        return self->writer.failed;
    }
    int rc = mark_is_due(self) ? mark_now(self) : 0;
    if (rc == 0 && self->writer.is_small) {
        rc = prepare_ahead(self, position_offset(self->writer.behind.position));
    }
    return rc == 0 ? 0 : fail(self, rc);
}

int journal_write(journal_t *self, journal_commit_t *commit)
{
    int rc = journal_store(self, commit);

    rc = rc == 0 ? journal_tend(self) : rc;
    commit->written = rc == 0;
    return rc;
}

int journal_rest(journal_t *self)
{
    if (self->writer.failed != 0) {
        return self->writer.failed;
    }
    int rc = mark_now(self);
    if (rc == 0) {
        rc = prepare_ahead(self, position_offset(self->writer.behind.position));
    }
    return rc == 0 ? 0 : fail(self, rc);
}

int writer_begin(journal_t *self, uint64_t end, uint64_t commit)
{
    struct journal_writer *writer = &self->writer;

    int rc = mark_open(self->disk, &writer->mark_file);
    if (rc != 0) {
        writer->mark_file = -1;
        return rc;
    }
    if (end == 0) {
        return 0;
    }
    writer->unmarked = writer->mark.position != end;
    rc = segment_open_for_write(self, position_segment(end), &writer->now);
    writer->now.named = position_segment(writer->mark.position) == position_segment(end);
    if (rc == 0 &&
        writer->unmarked) { /* what lies beyond the watermark may never have been synced */
        rc = self->disk->sync_data(self->disk->context, writer->now.file);
    }
    if (rc == 0) {
        rc = make_name_durable(self, &writer->now);
    }
    writer->behind = (struct mark){
        .position = end,
        .commit = commit,
        .leaves = writer->frontier.size,
        .root = frontier_root(&writer->frontier),
    };
    return rc == 0 ? mark_now(self) : rc;
}

void writer_close(journal_t *self)
{
    struct journal_writer *writer = &self->writer;
    const struct disk *disk = self->disk;

    if (writer->now.segment != 0) {
        disk->close(disk->context, writer->now.file);
    }
    if (writer->next.segment != 0) {
        disk->close(disk->context, writer->next.file);
    }
    if (writer->mark_file >= 0) {
        disk->close(disk->context, writer->mark_file);
    }
}
