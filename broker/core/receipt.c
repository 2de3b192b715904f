/*
 * receipt: the one place that says "accepted" (S-9). A batch gets there when its record is durable and its signature
 * good, one agent's batches in their order; a bad one is voided here, and with it what was built upon it.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>

#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

int receipt_send(core_t *self, uint64_t session, struct view *view, bool duplicate)
{
    const struct journal_head *head = journal_head(self->journal);
    Waypost__Receipt receipt = WAYPOST__RECEIPT__INIT;
    Waypost__Signed statement = WAYPOST__SIGNED__INIT;
    Waypost__Signed signed_head = WAYPOST__SIGNED__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    struct merkle_path path;
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];

    assert(view->leaf_index < head->size); /* PROMISE 1 */
    if (journal_path(self->journal, view->leaf_index, head->size, &path) != 0) {
        core_count(self, COUNTER_UNREADABLE);
        return E_IO;
    }
    struct hash hash = hash_statement(view->batch.statement, view->batch.signature);
    for (uint32_t i = 0; i < path.count; i++) {
        steps[i] = (ProtobufCBinaryData){HASH_BYTES, path.step[i].b};
    }
    signed_head.statement =
        (ProtobufCBinaryData){head->statement_len, (uint8_t *)(uintptr_t)head->statement};
    signed_head.signature =
        (ProtobufCBinaryData){SIGNATURE_BYTES, (uint8_t *)(uintptr_t)head->signature};
    statement.statement = (ProtobufCBinaryData){
        view->batch.statement.len, (uint8_t *)(uintptr_t)view->batch.statement.data};
    statement.signature = (ProtobufCBinaryData){
        view->batch.signature.len, (uint8_t *)(uintptr_t)view->batch.signature.data};
    receipt.statement_hash = (ProtobufCBinaryData){HASH_BYTES, hash.b};
    receipt.leaf_index = view->leaf_index;
    receipt.accepted_ms = view->accepted_ms;
    receipt.head = &signed_head;
    receipt.n_path = path.count;
    receipt.path = steps;
    receipt.has_duplicate = receipt.duplicate = duplicate;
    receipt.batch = duplicate ? &statement : NULL;
    receipt.first_sequence = view->first_sequence;
    receipt.count = view->batch.count;
    frame.body_case = WAYPOST__FRAME__BODY_RECEIPT;
    frame.receipt = &receipt;
    out_frame(self, session, &frame);
    return 0;
}

static void credit_back(core_t *self, struct batch *batch)
{
    batch->publisher->inflight_events -= batch->count;
    batch->publisher->inflight_bytes -= batch->bytes;
    self->inflight_bytes -= batch->bytes;
}

/* One bad batch: recorded, its number given back; told once the record is durable. */
static void batch_void(core_t *self, struct batch *batch, const struct batch *cause)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    struct refusal refusal = {.frame = WAYPOST__FRAME__BODY_PUBLISH, .has_first = true};

    batch->state = BATCH_VOID;
    table_remove(&self->jobs, batch->job);
    credit_back(self, batch);
    batch->publisher->incarnations[batch->incarnation].voiding++;
    derived.kind = WAYPOST__SYSTEM_KIND__BATCH_VOIDED;
    derived.at_ms = self->now_ms;
    derived.by = batch->publisher->name;
    derived.has_code_err = derived.has_leaf_index = 1;
    derived.code_err = (uint32_t) - (batch == cause ? cause->rc : E_GAP);
    derived.leaf_index = batch->leaf_index;
    uint64_t sequence = append_derived(self, &derived);
    core_count(self, COUNTER_BATCHES_VOIDED);
    refusal.first_sequence = batch->first_sequence;
    if (batch == cause) {
        (void)complain(&refusal.why, cause->rc,
            "The batch from sequence %llu is not signed by the key it names, or its root is not of "
            "these events; nothing of it was taken: check the signing key.",
            (unsigned long long)batch->first_sequence);
    } else {
        refusal.has_expected = true;
        refusal.expected = cause->first_sequence;
        (void)complain(&refusal.why, E_GAP,
            "The batch before this one was refused; send from sequence %llu again.",
            (unsigned long long)cause->first_sequence);
    }
    if (batch->session != 0) {
        out_refuse_after(self, batch->session, &refusal, sequence + 1);
    }
}

/* The first of the queue is bad: it falls, and everything after it in its incarnation. */
static void void_first(core_t *self, struct stream *publisher)
{
    struct batch *cause = publisher->unreceipted_first;
    struct incarnation *inc = &publisher->incarnations[cause->incarnation];
    struct batch *rest = cause;

    log_warnx("batch voided agent=%s first=%llu: %s", publisher->name,
        (unsigned long long)cause->first_sequence, err_text(cause->rc));
    publisher->unreceipted_first = publisher->unreceipted_last = NULL;
    inc->last_next = cause->first_sequence - 1;
    inc->position_next = cause->previous;
    inc->id_known = false;
    while (rest != NULL) {
        struct batch *batch = rest;
        rest = batch->unreceipted_next;
        batch->unreceipted_next = NULL;
        if (batch->incarnation == cause->incarnation) {
            batch_void(self, batch, cause);
        } else {
            *(publisher->unreceipted_last != NULL ? &publisher->unreceipted_last->unreceipted_next
                                                  : &publisher->unreceipted_first) = batch;
            publisher->unreceipted_last = batch;
        }
    }
}

void receipt_flush(core_t *self, struct stream *publisher)
{
    struct batch *batch;

    while ((batch = publisher->unreceipted_first) != NULL) {
        if (batch->state == BATCH_BAD) {
            void_first(self, publisher);
            continue;
        }
        if (batch->state != BATCH_GOOD || !batch->durable) {
            return;
        }
        publisher->unreceipted_first = batch->unreceipted_next;
        if (publisher->unreceipted_first == NULL) {
            publisher->unreceipted_last = NULL;
        }
        batch->receipted = true;
        credit_back(self, batch);
        core_count(self, COUNTER_BATCHES_ACCEPTED);
        self->counters[COUNTER_EVENTS_ACCEPTED] += batch->count;
        if (batch->session != 0) {
            (void)receipt_send(self, batch->session, batch->view, batch->duplicate);
        }
    }
}
