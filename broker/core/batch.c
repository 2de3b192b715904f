/*
 * batch: the life of a batch after it was taken: verification, durability, and the same again on replay.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

static struct slice moved(struct slice part, const struct buf *from, const struct buf *to)
{
    return slice_of(to->data + (part.data - from->data), part.len);
}

void batch_verify(core_t *self, struct batch *batch)
{
    const struct view *view = batch->view;
    struct verify_job *job = verify_job_new(self, true, batch->count);

    buf_put_slice(&job->bytes, buf_slice(&view->body));
    job->statement = moved(view->batch.statement, &view->body, &job->bytes);
    job->signature = moved(view->batch.signature, &view->body, &job->bytes);
    for (uint32_t i = 0; i < batch->count; i++) {
        job->events[i] = moved(view->events[i], &view->body, &job->bytes);
    }
    memcpy(job->public_key, batch->public_key, sizeof job->public_key);
    arena_reset(self->arena_body);
    const Waypost__BatchStatement *statement = message_decode(
        self->arena_body, &waypost__batch_statement__descriptor, view->batch.statement);
    assert(statement != NULL && statement->root.len == HASH_BYTES);
    memcpy(job->root, statement->root.data, HASH_BYTES);
    batch->job = verify_start(self, job, batch, false);
}

void batch_verified(core_t *self, struct batch *batch, struct verify_job *job)
{
    batch->job = 0;
    batch->rc = job->rc;
    batch->state = job->rc == 0 ? BATCH_GOOD : BATCH_BAD;
    if (job->rc == 0) {
        view_take_nodes(self, batch->view, &job->nodes);
    }
    receipt_flush(self, batch->publisher);
    judge_run(self);
}

/* Rare but at the front: JUDGED records come in the order of the batches. */
void batch_remove(core_t *self, struct batch *batch)
{
    struct batch *before = NULL;

    for (struct batch *at = self->batches; at != batch; at = at->next) {
        before = at;
    }
    *(before != NULL ? &before->next : &self->batches) = batch->next;
    if (self->batches_last == batch) {
        self->batches_last = before;
    }
    if (self->batches_fresh == batch) {
        self->batches_fresh = batch->next;
    }
    if (batch->view != NULL) {
        view_unpin(self, batch->view);
    }
    free(batch);
}

void batch_apply(core_t *self, struct batch *batch)
{
    struct stream *publisher = batch->publisher;
    struct incarnation *inc = &publisher->incarnations[batch->incarnation];

    assert(batch == self->batches_fresh);
    self->batches_fresh = batch->next;
    batch->durable = true;
    batch->ordinal = inc->batches;
    incarnation_accept(inc, batch);
    if (publisher->incarnation_durable <= batch->incarnation) {
        publisher->incarnation_durable = batch->incarnation + 1;
    }
    publisher->contact_ms = batch->accepted_ms;
    if (self->replaying) {
        inc->last_next = inc->last;
        inc->position_next = inc->position;
    } else {
        receipt_flush(self, publisher);
    }
}

/* The key is that of the register in force at this place (B-5); one that is gone verifies nothing. */
static void replay_key(const core_t *self, struct batch *batch, struct slice key_id)
{
    const struct register_agent *agent =
        self->reg == NULL ? NULL : register_agent_of(self->reg, batch->publisher->name);
    const struct register_key *key =
        agent == NULL ? NULL : register_key_of(agent, REGISTER_KEY_SIGN, key_id.data);

    if (key != NULL && register_key_valid(agent, key, batch->accepted_ms) == 0) {
        memcpy(batch->public_key, key->key, sizeof batch->public_key);
    }
}

int batch_replay_body(
    core_t *self, const struct batch_body *body, const struct record *record, uint64_t position)
{
    arena_reset(self->arena_body);
    const Waypost__BatchStatement *statement =
        message_decode(self->arena_body, &waypost__batch_statement__descriptor, body->statement);
    struct stream *publisher = stream_named(self, body->agent);
    if (statement == NULL || publisher == NULL || statement->key_id.len != KEY_ID_BYTES) {
        return E_CORRUPT;
    }
    struct incarnation *inc = incarnation_of(publisher, statement->incarnation);
    if (inc == NULL) {
        inc = incarnation_add(publisher, statement->incarnation);
    }
    lost_link(self, inc, body->previous, statement->first_sequence);
    struct batch *batch = batch_new(self);
    batch->position = position;
    batch->leaf_index = record->sequence;
    batch->previous = body->previous;
    batch->accepted_ms = record->time_ms;
    batch->publisher = publisher;
    batch->incarnation = (uint32_t)(inc - publisher->incarnations);
    batch->first_sequence = statement->first_sequence;
    batch->count = body->count;
    batch->bytes = (uint32_t)(body->events.len + record->payload.len);
    replay_key(self, batch, slice_of_proto(statement->key_id));
    batch_apply(self, batch);
    return 0;
}

int batch_replay(core_t *self, const struct record *record, uint64_t position)
{
    struct batch_body body;

    int rc = batch_body_read(record->body, &body);
    return rc != 0 ? rc : batch_replay_body(self, &body, record, position);
}

void batch_voided_apply(core_t *self, uint64_t leaf_index)
{
    for (struct batch *batch = self->batches; batch != NULL; batch = batch->next) {
        if (batch->leaf_index == leaf_index) {
            struct incarnation *inc = &batch->publisher->incarnations[batch->incarnation];
            incarnation_void(inc, batch);
            if (self->replaying) {
                inc->last_next = inc->last;
                inc->position_next = inc->position;
            } else {
                inc->voiding--;
            }
            batch_remove(self, batch);
            return;
        }
    }
}
