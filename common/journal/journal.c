/*
 * journal: the owner's side: opening, adding records, cutting and settling commits, what is kept
 * in memory of the newest ones. See journal.h; the other files are listed in journal_internal.h.
 * Opening can fail with a complaint; adding records cannot; what a writer's failure means is the
 * caller's to decide (the process ends).
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

enum { ROLL_RESERVE_BYTES = 1048576, NETWORK_BYTES_MAX = 32 };

static const char lock_name[] = "lock";

/* ---- opening ---- */

static int check_options(const struct journal_options *options, struct complaint *why)
{
    size_t len = strlen(options->network);

    if (len == 0 || len > NETWORK_BYTES_MAX) {
        return complain(why, E_RANGE, "the network's name must have 1 to %d bytes, not %zu",
            NETWORK_BYTES_MAX, len);
    }
    if (options->segment_bytes < SEGMENT_BYTES_MIN || options->segment_bytes > SEGMENT_BYTES_MAX) {
        return complain(why, E_RANGE, "a segment of %llu bytes: give 1 MiB to 1 GiB",
            (unsigned long long)options->segment_bytes);
    }
    return 0;
}

int journal_lock(const struct disk *disk, int *file_out, struct complaint *why)
{
    int rc = disk->lock(disk->context, lock_name, file_out);

    if (rc == E_LOCKED) {
        return complain(why, rc,
            "the journal is in use by another process (file %s is locked); stop it first",
            lock_name);
    }
    return rc == 0
        ? 0
        : complain(why, rc,
              "the journal's file %s cannot be locked: %s; check the directory's owner and mode",
              lock_name, err_text(rc));
}

static int take_lock(journal_t *self, struct complaint *why)
{
    int rc = self->disk->lock == NULL ? 0 : journal_lock(self->disk, &self->lock_file, why);

    self->locked = rc == 0 && self->disk->lock != NULL;
    return rc;
}

/* Add the record that every journal begins with, and make it durable. */
static int begin_new(journal_t *self, struct complaint *why)
{
    struct epoch_body epoch = {.epoch = 1};
    struct buf body = {0};
    bool usable;

    self->epoch = 1;
    self->options.world->random(self->options.world->context, self->journal, sizeof self->journal);
    memcpy(epoch.network, self->network, sizeof epoch.network);
    memcpy(epoch.journal, self->journal, sizeof epoch.journal);
    memcpy(epoch.head_public, self->options.head_public, sizeof epoch.head_public);
    int rc = tree_file_open(self->disk, self->journal, &self->tree_file, &usable);
    if (rc == 0) {
        tree_store_init(&self->owner.tree, self->disk, self->tree_file, &self->writer.frontier);
        self->owner.next_position = position_of(1, SEGMENT_HEADER_BYTES);
        rc = writer_begin(self, 0, 0);
    }
    if (rc == 0) {
        epoch_body_write(&epoch, &body);
        struct record record = {.type = RECORD_EPOCH, .body = buf_slice(&body)};
        (void)journal_append(self, &record, NULL);
        buf_free(&body);
        journal_commit_t *commit = journal_cut(self);
        assert(commit != NULL);
        rc = journal_write(self, commit);
        journal_settle(self, &commit);
    }
    if (rc == 0) {
        rc = journal_rest(self);
    }
    return rc == 0 ? 0 : complain(why, rc, "a new journal cannot be written: %s", err_text(rc));
}

static int open_found_or_new(
    journal_t *self, struct journal_recovery *recovery, struct complaint *why)
{
    bool fresh = false;
    int rc = take_lock(self, why);

    if (rc == 0) {
        rc = recovery_run(self, recovery, &fresh, why);
    }
    if (rc == 0 && fresh) {
        rc = begin_new(self, why);
        recovery->size = self->owner.head.size;
    }
    return rc;
}

int journal_open(const struct disk *disk, const struct journal_options *options, journal_t **out,
    struct journal_recovery *recovery, struct complaint *why)
{
    int rc = check_options(options, why);

    if (rc != 0) {
        return rc;
    }
    journal_t *self = mem_new(1, sizeof *self);
    self->disk = disk;
    self->options = *options;
    memcpy(self->network, options->network, strlen(options->network));
    self->tree_file = self->writer.mark_file = -1;
    memset(recovery, 0, sizeof *recovery);
    rc = open_found_or_new(self, recovery, why);
    if (rc != 0) {
        journal_destroy(&self);
        return rc;
    }
    *out = self;
    return 0;
}

void journal_destroy(journal_t **self_p)
{
    journal_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    read_close(self);
    writer_close(self);
    if (self->tree_file >= 0) {
        self->disk->close(self->disk->context, self->tree_file);
    }
    if (self->locked) {
        self->disk->close(self->disk->context, self->lock_file);
    }
    tree_store_free(&self->owner.tree);
    for (size_t i = 0; i < RECENT_COUNT_MAX; i++) {
        buf_free(&self->owner.recent[i].bytes);
    }
    buf_free(&self->owner.pending);
    buf_free(&self->owner.spare);
    free(self);
    *self_p = NULL;
}

/* ---- appending ---- */

/* Where the next commit begins: here, or at the start of the next segment once this one is as good
 * as full. */
static uint64_t next_start(const journal_t *self)
{
    uint64_t segment_bytes = self->options.segment_bytes;
    uint64_t reserve =
        segment_bytes / 8 < ROLL_RESERVE_BYTES ? segment_bytes / 8 : ROLL_RESERVE_BYTES;
    uint64_t position = self->owner.next_position;

    if (position_offset(position) + reserve <= segment_bytes) {
        return position;
    }
    return position_of(position_segment(position) + 1, SEGMENT_HEADER_BYTES);
}

static void begin_pending(journal_t *self)
{
    struct journal_owner *owner = &self->owner;

    owner->pending_start = next_start(self);
    owner->pending_first = owner->next_sequence;
    if (owner->pending.capacity == 0) { /* the memory of an old commit serves again */
        owner->pending = owner->spare;
        owner->spare = (struct buf){0};
        buf_clear(&owner->pending);
    }
}

uint64_t journal_append(journal_t *self, const struct record *record, uint64_t *position)
{
    struct journal_owner *owner = &self->owner;
    struct record numbered = *record;

    assert(record->type != RECORD_COMMIT);
    if (owner->pending.len == 0) {
        begin_pending(self);
    }
    uint64_t at = owner->pending_start + owner->pending.len;
    assert(position_segment(at) == position_segment(owner->pending_start));
    numbered.sequence = owner->next_sequence++;
    if (numbered.time_ms == 0) {
        numbered.time_ms = self->options.world->wall_ms(self->options.world->context);
    }
    record_encode(&numbered, &owner->pending);
    if (position != NULL) {
        *position = at;
    }
    return numbered.sequence;
}

static int note_epoch(void *context, const struct record *record, uint64_t position)
{
    (void)position;
    return record->type == RECORD_EPOCH ? epoch_body_read(record->body, context) : 0;
}

int journal_new_epoch(journal_t *self, uint32_t number, uint64_t lost_from, uint64_t lost_to)
{
    struct epoch_body epoch;
    struct buf body = {0};

    assert(self->owner.pending.len == 0 && !self->owner.under_way && lost_from < lost_to);
    assert(number > self->epoch);
    memset(&epoch, 0, sizeof epoch);
    int rc = journal_replay(self, 0, 0, note_epoch, &epoch);
    if (rc != 0 || epoch.epoch != self->epoch) {
        return rc == 0 ? E_CORRUPT : rc;
    }
    if (epoch.gap_count == EPOCH_GAPS_MAX) {
        return E_FULL;
    }
    self->epoch = epoch.epoch = number;
    epoch.gaps[epoch.gap_count++] = (struct epoch_gap){number, lost_from, lost_to};
    memcpy(epoch.head_public, self->options.head_public, sizeof epoch.head_public);
    epoch_body_write(&epoch, &body);
    struct record record = {.type = RECORD_EPOCH, .body = buf_slice(&body)};
    (void)journal_append(self, &record, NULL);
    buf_free(&body);
    return 0;
}

size_t journal_pending_bytes(const journal_t *self)
{
    return self->owner.pending.len;
}

journal_commit_t *journal_cut(journal_t *self)
{
    struct journal_owner *owner = &self->owner;

    if (owner->pending.len == 0 || owner->under_way) {
        return NULL;
    }
    journal_commit_t *commit = mem_new(1, sizeof *commit);
    commit->bytes = owner->pending;
    commit->start = owner->pending_start;
    commit->first_leaf = owner->pending_first;
    commit->leaves = (uint32_t)(owner->next_sequence - owner->pending_first);
    commit->head.size = owner->next_sequence;
    commit->head.epoch = self->epoch;
    commit->head.time_ms = self->options.world->wall_ms(self->options.world->context);
    memcpy(commit->head.journal, self->journal, sizeof self->journal);
    commit->end = commit->start + commit->bytes.len +
        commit_record_bytes(head_statement_bytes(self->network, &commit->head));
    commit->refused = owner->failed;
    owner->pending = (struct buf){0};
    owner->next_position = commit->end;
    owner->under_way = true;
    return commit;
}

/* ---- settling ---- */

/* Its memory serves the next commit, unless that needs far less than it has (wanted, bytes). */
static void recent_drop_oldest(struct journal_owner *owner, size_t wanted)
{
    struct buf *oldest = &owner->recent[owner->recent_first].bytes;

    owner->recent_bytes -= oldest->capacity;
    if (oldest->capacity > owner->spare.capacity && oldest->capacity / 4 <= wanted) {
        buf_free(&owner->spare);
        owner->spare = *oldest;
        *oldest = (struct buf){0};
    }
    buf_free(oldest);
    owner->recent_first = (owner->recent_first + 1) % RECENT_COUNT_MAX;
    owner->recent_count--;
}

/* Keep the commit's bytes, whose memory is taken, and let go of what is too much. */
static void recent_add(struct journal_owner *owner, struct buf *bytes, uint64_t start)
{
    while (owner->recent_count == RECENT_COUNT_MAX ||
        (owner->recent_count > 0 && owner->recent_bytes + bytes->capacity > RECENT_BYTES_MAX)) {
        recent_drop_oldest(owner, bytes->len);
    }
    size_t slot = (owner->recent_first + owner->recent_count) % RECENT_COUNT_MAX;
    owner->recent[slot].bytes = *bytes;
    owner->recent[slot].start = start;
    owner->recent_bytes += bytes->capacity;
    owner->recent_count++;
    *bytes = (struct buf){0};
}

void journal_settle(journal_t *self, journal_commit_t **commit_p)
{
    struct journal_owner *owner = &self->owner;
    journal_commit_t *commit = *commit_p;

    if (commit->written) {
        owner->settled_end = commit->end;
        owner->head = commit->head;
        tree_store_settle(&owner->tree, commit->head.size, buf_slice(&commit->nodes));
        recent_add(owner, &commit->bytes, commit->start);
    }
    owner->under_way = false;
    buf_free(&commit->bytes);
    buf_free(&commit->nodes);
    free(commit);
    *commit_p = NULL;
}

const struct journal_head *journal_head(const journal_t *self)
{
    return &self->owner.head;
}

uint64_t journal_size(const journal_t *self)
{
    return self->owner.next_sequence;
}

void journal_sign(
    const journal_t *self, const char *context, struct slice statement, uint8_t *signature)
{
    assert(strcmp(context, SIGN_CONTEXT_HEAD) != 0);
    sign_make(context, statement, self->options.head_secret, signature);
}

uint64_t journal_end(const journal_t *self)
{
    return self->owner.settled_end;
}
