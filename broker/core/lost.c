/*
 * lost: records behind the newest snapshot that the disk has lost, and what is known of them all the same. Those of which
 * one bit is wrong are none of them: the journal reads them as they were written (common/journal/mend.c). A later record
 * of our own says what a lost one was: a judged record names its batch and who got its events under which numbers, an
 * acked record names the acknowledgement whose effects it holds. A lost acked record is worked out once more from the
 * acknowledgement before it, a lost register is taken from its file, and their leaves prove both. Where every lost record is
 * known like that, and the sender of a lost batch by its signed statement or its next batch, the state is whole without
 * them: the broker starts, an entry that cannot be read waits with its stream, the procedures rest (fold_replay.c), and no
 * snapshot is written, or it would hold the gap for ever. Nothing about a loss is stored: a start over the restored segment
 * reads all records.
 *
 * Anything else is E_CORRUPT: the broker does not start.
 */
#include "broker/core/core_internal.h"

#include <stdio.h>

#include "common/base/log.h"

#include "common/base/banned.h"

bool lost_note(struct losses *self, uint64_t from, uint64_t upto)
{
    for (uint64_t leaf = from; leaf < upto; leaf++) {
        if (self->count == LOST_MAX) {
            return false;
        }
        self->at[self->count++] = (struct lost){.leaf = leaf};
    }
    return true;
}

static struct lost *lost_leaf(struct losses *self, uint64_t leaf)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->at[i].leaf == leaf) {
            return &self->at[i];
        }
    }
    return NULL;
}

struct lost *lost_at(struct losses *self, uint64_t position)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->at[i].kind != LOST_UNKNOWN && self->at[i].position == position) {
            return &self->at[i];
        }
    }
    return NULL;
}

/* Who recorded an event for itself alone is delivered nothing: what such an event will bring (disclose.c) is not known
 * without it, and neither is which one it was. */
static bool all_reached(struct judged_body *body)
{
    struct judged_event event;
    uint32_t stream;
    bool facts_only;
    uint32_t reached = 0;
    uint32_t count = body->count;

    while (judged_next(body, &event)) {
        bool whole = false;
        while (judged_target(&event, &stream, &facts_only)) {
            whole = whole || !facts_only;
        }
        reached += whole ? 1 : 0;
    }
    return reached == count;
}

static void batch_claim(struct losses *self, struct slice bytes)
{
    struct judged_body body;

    if (judged_body_read(bytes, &body) != 0 || body.form != JUDGED_BATCH) {
        return;
    }
    struct lost *lost = lost_leaf(self, body.leaf);
    if (lost != NULL) {
        lost->kind = LOST_BATCH;
        lost->position = body.position;
        lost->events = body.count;
        lost->folded = body.folded_ms != 0;
        lost->alone = !all_reached(&body);
    }
}

static void ack_claim(struct losses *self, struct slice bytes)
{
    struct acked_body body;

    struct lost *lost = acked_body_read(bytes, &body) != 0 ? NULL : lost_leaf(self, body.ack_leaf);
    if (lost != NULL) {
        lost->kind = LOST_ACK;
        lost->position = body.ack_position;
    }
}

void lost_claim(struct losses *self, const struct record *record)
{
    if (self->count > 0 && record->type == RECORD_JUDGED) {
        batch_claim(self, record->body);
    } else if (self->count > 0 && record->type == RECORD_ACKED) {
        ack_claim(self, record->body);
    }
}

/* ---- at a start ---- */

struct finding {
    struct losses *losses;
    uint64_t next;
};

static int find_visit(void *context, const struct record *record, uint64_t position)
{
    struct finding *self = context;

    (void)position;
    if (!lost_note(self->losses, self->next, record->sequence)) {
        return E_CORRUPT;
    }
    self->next = record->sequence + 1;
    lost_claim(self->losses, record);
    return 0;
}

int lost_find(core_t *self)
{
    struct finding finding = {&self->losses, self->applied};

    int rc =
        journal_replay(self->journal, self->applied, self->applied_position, find_visit, &finding);
    if (rc == 0 && !lost_note(&self->losses, finding.next, journal_head(self->journal)->size)) {
        rc = E_CORRUPT;
    }
    for (size_t i = 0; i < self->losses.count && rc == 0; i++) {
        rc = self->losses.at[i].alone ? E_CORRUPT : 0;
    }
    return rc;
}

/* A statement that is whole says all that the state needs of its batch; the rest of its record is not believed. */
static void batch_pass(core_t *self, struct lost *lost)
{
    struct journal_salvaged salvaged;
    struct batch_body body = {.count = lost->events};

    if (journal_salvage(self->journal, lost->position, lost->leaf, &salvaged) != 0) {
        return;
    }
    arena_reset(self->arena_body);
    const Waypost__BatchStatement *said =
        message_decode(self->arena_body, &waypost__batch_statement__descriptor, salvaged.statement);
    struct stream *publisher = said == NULL ? NULL : stream_named(self, said->agent);
    if (publisher == NULL || said->count != lost->events) {
        return;
    }
    const struct incarnation *inc = incarnation_of(publisher, said->incarnation);
    if (said->first_sequence != (inc == NULL ? 0 : inc->last) + 1) {
        return;
    }
    (void)snprintf(body.agent, sizeof body.agent, "%s", publisher->name);
    body.previous = inc == NULL ? 0 : inc->position;
    body.statement = salvaged.statement;
    const struct record record = {.sequence = lost->leaf, .time_ms = salvaged.time_ms};
    lost->settled = batch_replay_body(self, &body, &record, lost->position) == 0;
}

/* By its leaf, at whichever time the procedures may have folded it. */
static int acked_prove(core_t *self, struct record *record, struct buf *body)
{
    const int64_t times_ms[] = {
        0, record->time_ms, self->batches == NULL ? 0 : self->batches->accepted_ms};
    size_t len = body->len;
    int rc = E_CORRUPT;

    for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0] && rc == E_CORRUPT; i++) {
        body->len = len;
        buf_put_u64(body, (uint64_t)times_ms[i]);
        record->body = buf_slice(body);
        rc = journal_check_record(self->journal, record);
    }
    return rc;
}

/* What an acknowledgement did stands right behind it, and follows from it and the state: it is worked out once more, and is
 * that where its leaf says so. ack: the record before. */
static int acked_redo(core_t *self, const struct lost *lost, const struct record *ack,
    struct record *out, struct buf *body)
{
    if (ack->type != RECORD_ACK || self->reg == NULL) {
        return E_CORRUPT;
    }
    routing_build(self);
    int rc = ack_redo(self, ack, self->applied_position, body);
    routing_free(&self->routing); /* another register may follow */
    /* Both were made of one frame. */
    *out = (struct record){.type = RECORD_ACKED, .sequence = lost->leaf, .time_ms = ack->time_ms};
    return rc != 0 ? rc : acked_prove(self, out, body);
}

/* Where the lost record begins: behind the one before, and behind the commits that end there. */
static uint64_t position_behind(core_t *self, const struct record *before, struct buf *scratch)
{
    struct record record = *before;
    uint64_t position = self->applied_position;

    do {
        position += record_length(&record);
    } while (journal_read(self->journal, position, scratch, &record) == 0 &&
        record.type == RECORD_COMMIT);
    return position;
}

/* One of which no later record speaks: what an acknowledgement did, or a register that is at hand. */
static int unknown_pass(core_t *self, struct lost *lost)
{
    struct buf scratch = {0};
    struct buf other = {0};
    struct buf body = {0};
    struct record before;
    struct record record;

    int rc = journal_read(self->journal, self->applied_position, &scratch, &before);
    rc = rc == 0 && before.sequence + 1 != lost->leaf ? E_CORRUPT : rc;
    if (rc == 0) {
        lost->position = position_behind(self, &before, &other);
        lost->kind = LOST_ACKED;
        rc = acked_redo(self, lost, &before, &record, &body);
    }
    if (rc == E_CORRUPT && lost->position != 0) {
        lost->kind = LOST_REGISTER;
        rc = register_spare(self, lost->position, &record);
        rc = rc == 0 && record.sequence != lost->leaf ? E_CORRUPT : rc;
    }
    rc = rc != 0 ? rc : apply_record(self, &record, lost->position);
    buf_free(&scratch);
    buf_free(&other);
    buf_free(&body);
    return rc == 0 || rc == E_IO ? rc : E_CORRUPT;
}

int lost_pass(core_t *self, uint64_t upto)
{
    int rc = 0;

    for (uint64_t leaf = self->applied; leaf < upto && rc == 0; leaf++) {
        struct lost *lost = lost_leaf(&self->losses, leaf);
        if (lost != NULL && lost->kind == LOST_BATCH) {
            batch_pass(self, lost);
        } else if (lost != NULL && lost->kind == LOST_UNKNOWN) {
            rc = unknown_pass(self, lost);
        }
    }
    return rc;
}

void lost_link(core_t *self, struct incarnation *inc, uint64_t previous, uint64_t first_sequence)
{
    struct lost *lost = previous == inc->position ? NULL : lost_at(&self->losses, previous);

    if (lost == NULL || lost->kind != LOST_BATCH || lost->settled ||
        first_sequence != inc->last + lost->events + 1) {
        return;
    }
    const struct batch batch = {
        .first_sequence = inc->last + 1, .count = lost->events, .position = lost->position};
    incarnation_accept(inc, &batch);
    lost->settled = true;
}

int lost_check(const core_t *self)
{
    for (size_t i = 0; i < self->losses.count; i++) {
        const struct lost *lost = &self->losses.at[i];
        /* What its sender sends next may be the same once more; and what a register that is just coming into force moves from
         * stream to stream is read from the batches. */
        if ((lost->kind == LOST_BATCH && !lost->settled) ||
            (lost->kind != LOST_ACK && self->settle_due)) {
            return E_CORRUPT;
        }
    }
    return 0;
}

/* The state has come from a snapshot, all but that. */
static void spare_tell(core_t *self)
{
    if (self->spared != 0) {
        core_alarm(self, "journal_damaged",
            "segment-%010u.wpj, offset %u: the register in force cannot be read and its file "
            "stands in for it: put that record back from a backup and start again",
            (unsigned)(self->spared >> 32), (unsigned)self->spared);
    }
}

void lost_tell(core_t *self)
{
    static const char *const waits[] = {
        [LOST_BATCH] = "a batch: its entries wait with their streams",
        [LOST_ACK] = "an acknowledgement: whom it was to be shown waits for it",
        [LOST_ACKED] = "what an acknowledgement did: whom it was to be shown waits for it",
        [LOST_REGISTER] = "a register: its file stands in for it"};
    const struct losses *losses = &self->losses;

    if (losses->count == 0) {
        spare_tell(self);
        return;
    }
    core_alarm(self, "journal_damaged",
        "segment-%010u.wpj, offset %u: leaf %llu cannot be read%s: streams that need it wait, and "
        "the procedures may: put that record back from a backup and start again",
        (unsigned)(losses->at[0].position >> 32), (unsigned)losses->at[0].position,
        (unsigned long long)losses->at[0].leaf, losses->count > 1 ? ", and more" : "");
    for (size_t i = 0; i < losses->count; i++) {
        log_errorx("record lost leaf=%llu position=%llx: %s",
            (unsigned long long)losses->at[i].leaf, (unsigned long long)losses->at[i].position,
            waits[losses->at[i].kind]);
    }
}

/* ---- while it lasts ---- */

void lost_tell_mended(core_t *self)
{
    const struct journal_mended *mended = journal_mended(self->journal);

    if (mended->count == self->mended_told || self->losses.count > 0) {
        return; /* what is lost is to be told rather than that */
    }
    self->mended_told = mended->count;
    core_alarm(self, "journal_damaged",
        "segment-%010u.wpj, offset %u: one bit of leaf %llu is wrong%s: it is read as it was "
        "written, which the journal's tree proves: put that record back from a backup and start "
        "again",
        (unsigned)(mended->position >> 32), (unsigned)mended->position,
        (unsigned long long)mended->sequence, mended->count > 1 ? ", and more are" : "");
}

bool lost_waits(core_t *self, const struct stream *stream)
{
    for (uint64_t n = stream->acked + 1; self->losses.count > 0 && n <= stream->last; n++) {
        if (lost_at(&self->losses, stream_entry(stream, n)->position) != NULL) {
            return true;
        }
    }
    return false;
}
