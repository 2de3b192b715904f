/*
 * ops_export: an event that was received, whole, with what proves who said it: the sender's signed statement, its place
 * and path in the batch. `waypost export` without a journal asks for each; own events have their receipts (op receipt).
 */
#include <string.h>

#include "client/agent/ops.h"

#include "common/base/banned.h"

static json_t *path_json(struct slice path)
{
    json_t *steps = json_array();

    for (size_t at = 0; at + HASH_BYTES <= path.len; at += HASH_BYTES) {
        json_array_append_new(steps, json_bytes(slice_of(path.data + at, HASH_BYTES)));
    }
    return steps;
}

static json_t *evidence_json(
    const agent_core_t *self, const struct inbox_row *row, const struct evidence_row *evidence)
{
    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:I, s:o, s:I, s:I}", "event",
        json_id(row->event), "network", self->options.network, "agent", row->signer, "exact",
        json_bytes(buf_slice(&row->bytes)), "statement",
        json_bytes(buf_slice(&evidence->statement)), "signature",
        json_bytes(buf_slice(&evidence->signature)), "index", (json_int_t)row->leaf, "path",
        path_json(buf_slice(&row->path)), "leaf_index", (json_int_t)evidence->leaf_index,
        "accepted_ms", (json_int_t)evidence->accepted_ms);
}

json_t *op_evidence(struct op *op)
{
    uint8_t event[UUID_BYTES];
    struct inbox_row row;
    struct evidence_row evidence;
    json_t *answer = NULL;

    if (!op_id(op, "event", true, event, NULL)) {
        return NULL;
    }
    if (store_inbox(op->core->store, event, &row) != 0) {
        complain(op->why, E_NOT_FOUND, "this agent has received no event %.60s",
            json_string_value(json_object_get(op->request, "event")));
        return NULL;
    }
    if (store_evidence(op->core->store, row.evidence, &evidence) == 0) {
        answer = evidence_json(op->core, &row, &evidence);
        buf_free(&evidence.statement);
        buf_free(&evidence.signature);
    } else {
        complain(op->why, E_NOT_FOUND, "the evidence of that event is gone");
    }
    inbox_row_free(&row);
    return answer;
}
