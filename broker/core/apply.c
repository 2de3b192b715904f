/*
 * apply: the fold. Every durable record passes here once, live and on replay, in journal order; the durable state is a
 * function of the records alone. Then recovery: newest snapshot, replay, and what was left unfinished is taken up.
 *
 * A record that does not fit the state is E_CORRUPT: the journal is damaged or from another version; the start fails.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

static int replay_register(core_t *self, struct slice bytes)
{
    register_t *loaded = NULL;

    if (register_load_unpinned(bytes, &loaded, NULL) !=
        0) { /* its roots were asked when it was taken */
        return E_CORRUPT;
    }
    register_destroy(&self->reg);
    self->reg = loaded;
    return 0;
}

static int input_apply(core_t *self, const struct record *record, uint64_t position)
{
    struct cursor body = cursor_of(record->body);

    if (take_u32(&body) != INPUT_REGISTER) {
        return body.failed ? E_CORRUPT : 0;
    }
    if (self->replaying && replay_register(self, body.rest) != 0) {
        return E_CORRUPT;
    }
    register_applied(self, position);
    return 0;
}

static int batch_record_apply(core_t *self, const struct record *record, uint64_t position)
{
    if (self->replaying) {
        return batch_replay(self, record, position);
    }
    struct batch *batch = self->batches_fresh;
    assert(batch != NULL && batch->position == position); /* in journal order, as they are listed */
    batch_apply(self, batch);
    return 0;
}

int apply_record(core_t *self, const struct record *record, uint64_t position)
{
    int rc = 0;

    self->applied = record->sequence + 1;
    self->applied_position = position;
    history_apply(self, record->sequence, position, record->time_ms);
    switch (record->type) {
    case RECORD_BATCH:
        rc = batch_record_apply(self, record, position);
        break;
    case RECORD_INPUT:
        rc = input_apply(self, record, position);
        break;
    case RECORD_JUDGED:
        rc = judge_apply(self, record);
        break;
    case RECORD_ACKED:
        rc = acked_apply(self, record, position);
        break;
    case RECORD_DERIVED:
        rc = derived_apply(self, record, position);
        break;
    case RECORD_EPOCH:
        self->epoch_position = position;
        break;
    case RECORD_ERASE_BEGUN:
    case RECORD_PAYLOAD_ERASED:
        rc = erase_apply(self, record);
        break;
    default: /* acknowledgements take effect by RECORD_ACKED; the rest is not the core's */
        break;
    }
    return rc;
}

/* ---- recovery ---- */

static int replay_visit(void *context, const struct record *record, uint64_t position)
{
    struct core *self = context;

    /* A state that lacks a record would number streams anew and deliver twice: better none, unless it is known what the
     * record did. What lies before the snapshot may be damaged, it is in the state already. */
    if (record->sequence != self->applied && self->losses.count == 0 && lost_find(self) != 0) {
        return E_CORRUPT;
    }
    int rc = lost_pass(self, record->sequence);
    if (rc != 0) {
        return rc;
    }
    self->applied_bytes += RECORD_HEADER_BYTES + record->body.len + record->payload.len;
    rc = apply_record(self, record, position);
    if (rc != 0) {
        log_errorx("record does not fit position=%llx leaf=%llu type=%u",
            (unsigned long long)position, (unsigned long long)record->sequence, record->type);
    }
    return rc;
}

/* Those behind the last that can be read. */
static int pass_last(core_t *self)
{
    uint64_t size = journal_head(self->journal)->size;
    int rc = self->applied == size || self->losses.count > 0 ? 0 : lost_find(self);

    rc = rc != 0 ? rc : lost_pass(self, size);
    return rc == 0 && self->applied != size ? E_CORRUPT : rc;
}

/* Batches without a verdict are verified again; whoever sent them asks again by sending again. */
static int resume_batches(core_t *self, struct complaint *why)
{
    for (struct batch *batch = self->batches; batch != NULL; batch = batch->next) {
        batch->view = view_get(self, batch->position);
        if (batch->view == NULL) {
            return complain(why, E_CORRUPT,
                "The batch of %s at leaf %llu cannot be read; run waypost verify on the journal.",
                batch->publisher->name, (unsigned long long)batch->leaf_index);
        }
        view_pin(self, batch->view);
        batch->bytes = (uint32_t)(batch->view->body.len + batch->view->payload.len);
        batch_queue(self, batch);
        batch_verify(self, batch);
    }
    return 0;
}

int core_recover(core_t *self, struct complaint *why)
{
    struct buf state = {0};
    uint64_t size = 0;
    uint64_t position = 0;

    core_clock(self);
    self->replaying = true;
    int rc = journal_snapshot_read(self->journal, SNAPSHOT_TRANSPORT, &state, &size, &position);
    if (rc == 0 && snapshot_decode(self, buf_slice(&state)) != 0) {
        log_warnx("snapshot unusable leaves=%llu: the whole journal is replayed",
            (unsigned long long)size);
        rc = E_CORRUPT;
    }
    buf_free(&state);
    if (rc != 0) {
        size = position = 0;
    }
    rc = journal_replay(self->journal, size, position, replay_visit, self);
    rc = rc != 0 ? rc : pass_last(self);
    self->replaying = false;
    rc = rc != 0 ? rc : lost_check(self);
    if (rc != 0) {
        return complain(why, rc,
            "The journal cannot be replayed beyond leaf %llu: %s; run waypost verify on it.",
            (unsigned long long)self->applied, err_text(rc));
    }
    if (self->reg != NULL) {
        routing_build(self);
    }
    rc = resume_batches(self, why);
    if (rc == 0) {
        erase_run(self); /* what a crash left half destroyed cannot be read before it is gone */
        fold_start(self);
        erase_run(self); /* and that it is gone stands in the journal before anybody is served */
    }
    if (rc == 0) {
        lost_tell(self);
        lost_tell_mended(self);
    }
    if (rc == 0 && self->settle_due) { /* a crash fell between a register and its streams */
        self->judging_paused = true;
        register_settle(self);
    }
    return rc;
}
