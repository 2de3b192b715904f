/* agent_fixture_publish: the scripted broker takes what the agent publishes, and receipts it. */
#include "tests/support/agent_fixture_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

static struct hash record_leaf_of(
    const struct hash *statement, uint64_t leaf_index, int64_t accepted_ms)
{
    static const char prefix[] = "\0waypost/record/1";
    struct buf bytes = {0};

    buf_put(&bytes, prefix, sizeof prefix);
    buf_put(&bytes, AGENTFIX_NETWORK, sizeof AGENTFIX_NETWORK);
    buf_put_u8(&bytes, 2);
    buf_put_u64(&bytes, leaf_index);
    buf_put_u64(&bytes, (uint64_t)accepted_ms);
    buf_put(&bytes, statement->b, HASH_BYTES);
    /* hash_of() with an empty context would add a zero byte at the begin: the prefix brings its own */
    struct hash leaf = hash_of("", slice_of(bytes.data + 1, bytes.len - 1), slice_of(NULL, 0));
    buf_free(&bytes);
    return leaf;
}

static void put_stored_wraps(const Waypost__PublishedEvent *event, struct buf *out)
{
    for (size_t i = 0; i < event->n_wraps; i++) {
        const Waypost__Wrap *wrap = event->wraps[i];
        buf_put(out, wrap->code, CODE_BYTES);
        buf_put(out, wrap->key_id.data, wrap->key_id.len);
        buf_put(out, wrap->ephemeral.data, wrap->ephemeral.len);
        buf_put(out, wrap->sealed_key.data, wrap->sealed_key.len);
    }
}

bool agentfix_accept(struct agentfix *self, struct agentfix_batch *out)
{
    Waypost__Frame *frame = agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH);

    memset(out, 0, sizeof *out);
    if (frame == NULL) {
        return false;
    }
    const Waypost__Publish *publish = frame->publish;
    struct slice statement = slice_from(publish->batch->statement);
    const Waypost__BatchStatement *said =
        message_decode(self->arena, &waypost__batch_statement__descriptor, statement);
    assert(said != NULL && said->count == publish->n_events);
    assert(sign_check(SIGN_CONTEXT_BATCH, statement, slice_from(publish->batch->signature),
               self->me.sign_public) == 0);
    out->first = said->first_sequence;
    out->count = said->count;
    out->register_version = publish->register_version;
    buf_put_slice(&out->statement, statement);
    buf_put_slice(&out->signature, slice_from(publish->batch->signature));
    for (uint32_t i = 0; i < out->count; i++) {
        buf_put_slice(&out->events[i], slice_from(publish->events[i]->event));
        buf_put_slice(&out->payloads[i], slice_from(publish->events[i]->payload));
        put_stored_wraps(publish->events[i], &out->wraps[i]);
    }
    struct hash hash = hash_statement(buf_slice(&out->statement), buf_slice(&out->signature));
    out->leaf_index = self->leaf_count;
    out->accepted_ms = self->wall_ms;
    self->leaves[self->leaf_count++] = record_leaf_of(&hash, out->leaf_index, out->accepted_ms);
    self->incarnation_known = true;
    self->last_sequence = out->first + out->count - 1;
    self->last_leaf = hash_event_leaf(AGENTFIX_NETWORK, buf_slice(&out->events[out->count - 1]));
    self->own_events += out->count;
    return true;
}

void agentfix_receipt(struct agentfix *self, const struct agentfix_batch *batch,
    enum agentfix_fault fault, bool duplicate)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Receipt receipt = WAYPOST__RECEIPT__INIT;
    Waypost__Signed carried = WAYPOST__SIGNED__INIT;
    struct head_bytes head;
    struct merkle_path path;
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];
    struct hash hash = hash_statement(buf_slice(&batch->statement), buf_slice(&batch->signature));

    uint64_t leaf_index = batch->leaf_index;
    if (fault == FAULT_STATEMENT) { /* it stands in the journal, but it is not over what we sent */
        hash.b[0] ^= 1;
        leaf_index = self->leaf_count;
        self->leaves[self->leaf_count++] = record_leaf_of(&hash, leaf_index, batch->accepted_ms);
    }
    agentfix_head(self, fault == FAULT_HEAD_SIGNATURE, &head);
    merkle_path(self->leaves, self->leaf_count, leaf_index, &path);
    path.step[0].b[0] ^= (uint8_t)(fault == FAULT_PATH);
    for (uint32_t i = 0; i < path.count; i++) {
        steps[i] = binary(path.step[i].b, HASH_BYTES);
    }
    receipt.statement_hash = binary(hash.b, HASH_BYTES);
    receipt.leaf_index = leaf_index;
    receipt.accepted_ms = batch->accepted_ms;
    receipt.head = &head.message;
    receipt.n_path = path.count;
    receipt.path = steps;
    receipt.has_duplicate = duplicate;
    receipt.duplicate = duplicate;
    carried.statement = binary_buf(&batch->statement);
    carried.signature = binary_buf(&batch->signature);
    receipt.batch = duplicate ? &carried : NULL;
    receipt.first_sequence = batch->first;
    receipt.count = batch->count;
    frame.body_case = WAYPOST__FRAME__BODY_RECEIPT;
    frame.receipt = &receipt;
    agentfix_give(self, &frame);
    buf_free(&head.statement);
}

void agentfix_batch_free(struct agentfix_batch *batch)
{
    buf_free(&batch->statement);
    buf_free(&batch->signature);
    for (uint32_t i = 0; i < batch->count; i++) {
        buf_free(&batch->events[i]);
        buf_free(&batch->payloads[i]);
        buf_free(&batch->wraps[i]);
    }
}

size_t agentfix_serve(struct agentfix *self)
{
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);
    size_t events = 0;

    while (agentfix_accept(self, batch)) {
        agentfix_receipt(self, batch, FAULT_NONE, false);
        events += batch->count;
        agentfix_batch_free(batch);
    }
    free(batch);
    return events;
}
