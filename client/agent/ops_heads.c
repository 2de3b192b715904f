/* ops_heads: what of the journal was proven, what was compared with whom, and two histories where there were two. */
#include <string.h>

#include "client/agent/heads.h"
#include "client/agent/ops.h"
#include "common/base/check.h"

#include "common/base/banned.h"

enum { HEADS_LISTED_MAX = 100 };

static json_t *hash_json(const struct hash *hash)
{
    char text[2 * HASH_BYTES + 1];

    hex_encode(hash->b, HASH_BYTES, text);
    return json_string(text);
}

static json_t *head_json(const struct seen_head *head)
{
    return json_pack("{s:I, s:i, s:o, s:o, s:o, s:o}", "size", (json_int_t)head->size, "epoch",
        (int)head->epoch, "time", json_stamp(head->time_ms), "root", hash_json(&head->root),
        "statement", json_bytes(slice_of(head->statement, head->statement_len)), "signature",
        json_bytes(slice_of(head->signature, sizeof head->signature)));
}

static void add_head(void *context, const struct seen_head *head)
{
    json_array_append_new(context, head_json(head));
}

static void add_compared(void *context, const struct compared_row *row)
{
    static const char *const words[] = {"waiting", "same", "differs", "in_gap"};
    json_t *json = json_pack("{s:s, s:s, s:I, s:o, s:I, s:I, s:s}", "agent", row->agent, "result",
        words[row->state & 3], "size", (json_int_t)row->size, "said", json_stamp(row->said_ms),
        "own_size", (json_int_t)row->own_size, "same_size", (json_int_t)row->same_size, "in",
        row->is_ack ? "acknowledgement" : "batch");

    assert(json != NULL);
    json_put_stamp(json, "compared", row->compared_ms);
    json_array_append_new(context, json);
}

static void add_fork(void *context, const struct fork_row *row)
{
    json_array_append_new(context,
        json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "at", json_stamp(row->at_ms), "what", row->what,
            "ours", json_bytes(buf_slice(&row->ours)), "ours_signature",
            json_bytes(buf_slice(&row->ours_signature)), "theirs",
            json_bytes(buf_slice(&row->theirs)), "theirs_signature",
            json_bytes(buf_slice(&row->theirs_signature))));
}

json_t *op_heads(struct op *op)
{
    agent_core_t *self = op->core;
    json_t *heads = json_array();
    json_t *compared = json_array();
    json_t *forks = json_array();
    char journal[33] = "";

    store_proven_heads(self->store, HEADS_LISTED_MAX, add_head, heads);
    store_compared(self->store, add_compared, compared);
    store_forks(self->store, add_fork, forks);
    if (self->proven.size > 0) {
        hex_encode(self->proven.journal, sizeof self->proven.journal, journal);
    }
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "network", self->options.network,
        "journal", journal, "proven_size", (json_int_t)self->proven.size, "seen_size",
        (json_int_t)self->head.size, "seen",
        self->head.size == 0 ? json_null() : head_json(&self->head), "heads", heads, "compared",
        compared, "forks", forks);
}
