/*
 * receipt: the broker's word that a batch is on its disk, believed only after it has been checked
 * from the leaf of every event to the signed head (S-9). A receipt that does not verify accepts
 * nothing: publishing stops with an alarm and the session is tried again.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

enum { RECORD_TYPE_BATCH = 2 }; /* S-9 */

struct hash receipt_leaf(const char *network, const Waypost__Receipt *receipt)
{
    static const char prefix[] = "\0waypost/record/1"; /* the terminator is the separator */
    struct buf part = {0};
    struct hash leaf;

    buf_put(&part, prefix, sizeof prefix);
    buf_put(&part, network, strlen(network) + 1);
    buf_put_u8(&part, RECORD_TYPE_BATCH);
    buf_put_u64(&part, receipt->leaf_index);
    buf_put_u64(&part, (uint64_t)receipt->accepted_ms);
    buf_put(&part, receipt->statement_hash.data, receipt->statement_hash.len);
    int failed = crypto_generichash(leaf.b, sizeof leaf.b, part.data, part.len, NULL, 0);
    assert(failed == 0);
    buf_free(&part);
    return leaf;
}

/* Our own leaves of the range. */
struct own_range {
    int64_t sent_ms; /* the latest */
    const char *network;
    uint64_t first;
    uint32_t count;
    uint32_t wanted;
    struct hash leaves[BATCH_EVENTS_MAX];
};

static bool add_leaf(void *context, struct outbox_row *row)
{
    struct own_range *self = context;

    if (row->sequence != self->first + self->count || row->state != OUTBOX_SENT) {
        return false;
    }
    self->sent_ms = row->sent_ms > self->sent_ms ? row->sent_ms : self->sent_ms;
    self->leaves[self->count++] = hash_event_leaf(self->network, buf_slice(&row->bytes));
    return self->count < self->wanted;
}

/* The root over our own events of the receipt's range. False where we do not have them all, sent
 * and not accepted. */
static bool own_root(agent_core_t *self, const Waypost__Receipt *receipt, struct hash *root)
{
    struct own_range *range = mem_new(1, sizeof *range);

    range->network = self->options.network;
    range->first = receipt->first_sequence;
    range->wanted = receipt->count;
    store_outbox_range(
        self->store, self->publishing, receipt->first_sequence, receipt->count, add_leaf, range);
    bool all = range->count == receipt->count;
    if (all) {
        *root = merkle_root(range->leaves, range->count);
        agent_check_time(self, "a receipt", range->sent_ms, receipt->accepted_ms);
    }
    free(range);
    return all;
}

static bool is_hash(const ProtobufCBinaryData *bytes, const struct hash *hash)
{
    return bytes->len == HASH_BYTES && memcmp(bytes->data, hash->b, HASH_BYTES) == 0;
}

/* The statement that the broker accepted: is it over exactly our events, and signed by us? */
static int check_statement(agent_core_t *self, const Waypost__Receipt *receipt,
    struct slice statement, struct slice signature)
{
    struct hash root;
    struct hash hash = hash_statement(statement, signature);
    const Waypost__BatchStatement *said =
        message_decode(self->inner, &waypost__batch_statement__descriptor, statement);

    if (said == NULL || !is_hash(&receipt->statement_hash, &hash)) {
        return E_CORRUPT;
    }
    if (strcmp(said->network, self->options.network) != 0 ||
        strcmp(said->agent, self->options.agent) != 0 || said->incarnation != self->publishing ||
        said->first_sequence != receipt->first_sequence || said->count != receipt->count) {
        return E_CORRUPT;
    }
    if (!own_root(self, receipt, &root) || !is_hash(&said->root, &root)) {
        return E_CORRUPT;
    }
    const struct register_key *key = self->me == NULL || said->key_id.len != KEY_ID_BYTES
        ? NULL
        : register_key_of(self->me, REGISTER_KEY_SIGN, said->key_id.data);
    return key == NULL ? 0 : sign_check(SIGN_CONTEXT_BATCH, statement, signature, key->key);
}

static int check_journal(
    agent_core_t *self, const Waypost__Receipt *receipt, struct seen_head *head)
{
    struct merkle_path path;
    struct hash leaf = receipt_leaf(self->options.network, receipt);
    int rc = book_head(self, receipt->head, head);

    if (rc != 0) {
        return rc;
    }
    if (head->size <= receipt->leaf_index || receipt->accepted_ms <= 0 ||
        !book_path(receipt->n_path, receipt->path, &path)) {
        return E_CORRUPT;
    }
    return merkle_check(&leaf, receipt->leaf_index, head->size, &path, &head->root);
}

/* Statement and signature that the receipt stands for: carried on duplicates, else those of our
 * batch. */
static void statement_of(const Waypost__Receipt *receipt, const struct batch_row *own,
    struct slice *statement, struct slice *signature)
{
    if (receipt->batch != NULL) {
        *statement = slice_of_binary(receipt->batch->statement);
        *signature = slice_of_binary(receipt->batch->signature);
        return;
    }
    *statement = buf_slice(&own->statement);
    *signature = buf_slice(&own->signature);
}

static void forget_flight(agent_core_t *self, const Waypost__Receipt *receipt)
{
    uint64_t upto = receipt->first_sequence + receipt->count;
    size_t kept = 0;

    for (size_t i = 0; i < self->flight_count; i++) {
        if (self->flights[i].first + self->flights[i].count > upto) {
            self->flights[kept++] = self->flights[i];
        } else {
            histogram_add(&self->accepted,
                (uint64_t)(agent_mono(self) - self->flights[i].sent_ms) * US_PER_MS);
        }
    }
    self->flight_count = kept;
    if (self->next_unsent < upto) { /* a refusal that came late had taken us back */
        self->next_unsent = upto;
    }
}

/* Write it down: the batch as it was accepted, its events, the head. */
static void accept_batch(agent_core_t *self, const Waypost__Receipt *receipt,
    const struct batch_row *own, struct slice statement, struct slice signature,
    const struct seen_head *head)
{
    struct batch_row row = {.incarnation = self->publishing,
        .first = receipt->first_sequence,
        .count = receipt->count,
        .id = own->id,
        .leaf_index = receipt->leaf_index,
        .accepted_ms = receipt->accepted_ms};

    buf_put_slice(&row.statement, statement);
    buf_put_slice(&row.signature, signature);
    message_encode(&receipt->base, &row.receipt);
    store_begin(self->store);
    if (own->id == 0 ||
        own->count != receipt->count) { /* it was accepted in other batches than we now hold */
        store_batches_drop(self->store, row.incarnation, row.first);
        row.id = store_batch_add(self->store, &row);
    }
    store_batch_accept(self->store, row.id, &row);
    int rc = book_note_head(self, head);
    bool done = agent_commit(self) == 0;
    batch_row_free(&row);
    if (!done) {
        return;
    }
    if (rc != 0) {
        agent_alarm(self, rc == E_ROLLBACK ? "rollback" : "fork",
            "%s: publishing has stopped, receiving goes on", err_text(rc));
        outgoing_stop(self, rc);
    }
    log_info("accepted first=%" PRIu64 " count=%u leaf=%" PRIu64 "%s", receipt->first_sequence,
        (unsigned)receipt->count, receipt->leaf_index, receipt->duplicate ? " duplicate" : "");
    forget_flight(self, receipt);
    self->counters[AGENT_EVENTS_ACCEPTED] += receipt->count;
    self->erase_wanted = true; /* somebody may have asked for an erasure before it was accepted */
    self->publish_wait_ms = 0;
    agent_alarm_clear(self, "publish");
    if (self->gathering) {
        (void)outgoing_prepare(self); /* what waited for it goes to the disk with it */
    }
}

void receipt_frame(agent_core_t *self, const Waypost__Receipt *receipt)
{
    struct batch_row own = {0};
    struct seen_head head;
    struct slice statement;
    struct slice signature;

    if (!self->settled || self->restoring) {
        return;
    }
    uint64_t receipted = store_receipted_upto(self->store, self->publishing);
    if (receipt->first_sequence + receipt->count <= receipted + 1) {
        forget_flight(self, receipt); /* we have it already */
        return;
    }
    if (receipt->first_sequence > receipted + 1) {
        return; /* one before it was refused for now: both are sent again, and this one answered again */
    }
    if (store_batch_covering(self->store, self->publishing, receipt->first_sequence, &own) != 0 ||
        own.first != receipt->first_sequence) {
        own.id = 0;
    }
    statement_of(receipt, &own, &statement, &signature);
    int rc = receipt->count == 0 || receipt->count > BATCH_EVENTS_MAX ? E_RANGE : 0;
    if (rc == 0) {
        rc = check_statement(self, receipt, statement, signature);
    }
    if (rc == 0) {
        rc = check_journal(self, receipt, &head);
    }
    if (rc == 0) {
        accept_batch(self, receipt, &own, statement, signature, &head);
    } else {
        agent_count(self, AGENT_RECEIPTS_BAD);
        agent_alarm(self, "receipt",
            "the receipt for our events from %" PRIu64
            " does not verify (%s): they do not count as accepted",
            receipt->first_sequence, err_name(rc));
        outgoing_stop(self, rc);
        self->backoff_ms = AGENT_BACKOFF_MAX_MS;
        uplink_close(self, -1);
    }
    batch_row_free(&own);
}
