/*
 * inspect: is a delivered event what it says it is? Signature by the register in force when it was
 * accepted (B-5), path to the signed root, shape and contents, who speaks for whom, and whether
 * the sealed part opens. What fails is a fault and takes no effect (PROMISE 6); a key that only a
 * newer register can know asks for that register first.
 */
#include <sodium.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

enum { MODE_LIVE = 1, PAYLOAD_FACTS_ONLY = 1 };

/* ---- batches ---- */

static int key_missing(const agent_core_t *self, int rc)
{
    return self->register_old ? E_STALE_REGISTER : rc;
}

static int check_batch(agent_core_t *self, const Waypost__DeliveredBatch *batch,
    struct inspected *out, struct complaint *why)
{
    struct slice statement = slice_of_binary(batch->batch->statement);
    Waypost__BatchStatement *said =
        message_decode(self->inner, &waypost__batch_statement__descriptor, statement);

    out->statement = said;
    if (said == NULL || said->key_id.len != KEY_ID_BYTES || said->root.len != HASH_BYTES ||
        said->count == 0 || said->count > BATCH_EVENTS_MAX) {
        return complain(why, E_MALFORMED, "the sender's statement cannot be read");
    }
    if (strcmp(said->network, self->options.network) != 0) {
        return complain(why, E_NETWORK, "the statement is of another network");
    }
    out->sender = register_agent_of(self->book, said->agent);
    const struct register_key *key = out->sender == NULL
        ? NULL
        : register_key_of(out->sender, REGISTER_KEY_SIGN, said->key_id.data);
    if (key == NULL) {
        return complain(why, key_missing(self, E_KEY),
            "agent %.32s has no such key in the register", said->agent);
    }
    int rc = register_key_valid(out->sender, key, batch->accepted_ms);
    if (rc != 0) {
        return complain(why, key_missing(self, rc),
            "the key of agent %s did not count when it was accepted: %s", out->sender->id,
            err_text(rc));
    }
    rc = sign_check(
        SIGN_CONTEXT_BATCH, statement, slice_of_binary(batch->batch->signature), key->key);
    return rc == 0
        ? 0
        : complain(why, E_SIGNATURE, "the signature of agent %s does not verify", out->sender->id);
}

void inspect_batch(agent_core_t *self, const Waypost__DeliveredBatch *batch, struct inspected *out)
{
    struct complaint why = {0};

    memset(out, 0, sizeof *out);
    out->rc = check_batch(self, batch, out, &why);
    size_t len = strlen(why.text) < sizeof out->text - 1 ? strlen(why.text) : sizeof out->text - 1;
    memcpy(out->text, why.text, len);
}

/* ---- events ---- */

static int check_path(agent_core_t *self, const Waypost__EventEntry *entry,
    const struct inspected *batch, struct complaint *why)
{
    struct merkle_path path;
    struct hash root;
    struct hash leaf = hash_event_leaf(self->options.network, slice_of_binary(entry->event));

    memcpy(root.b, batch->statement->root.data, HASH_BYTES);
    if (entry->index >= batch->statement->count || !book_path(entry->n_path, entry->path, &path) ||
        merkle_check(&leaf, entry->index, batch->statement->count, &path, &root) != 0) {
        return complain(why, E_SIGNATURE, "the event is not one that the sender signed");
    }
    return 0;
}

/* What another authority recorded for itself is told to the other party of its transfer afterwards (D49, S-16). */
static bool disclosed_to_us(
    const agent_core_t *self, const struct event_view *view, int64_t accepted_ms)
{
    return view->recipient_count == 1 && strcmp(view->to[0].code, view->from) == 0 &&
        (book_serves(self, view->origin, accepted_ms) ||
            book_serves(self, view->receiving, accepted_ms));
}

static bool addressed_to_us(
    const agent_core_t *self, const struct event_view *view, int64_t accepted_ms)
{
    if (register_agent_has_role(self->me, REGISTER_ROLE_HUB) ||
        disclosed_to_us(self, view, accepted_ms)) {
        return true;
    }
    for (size_t i = 0; i < view->recipient_count; i++) {
        if (book_serves(self, view->to[i].code, accepted_ms)) {
            return true;
        }
    }
    return false;
}

static int check_parties(agent_core_t *self, const struct event_view *view,
    const struct inspected *batch, const Waypost__EventEntry *entry, int64_t accepted_ms,
    struct complaint *why)
{
    if (view->incarnation != batch->statement->incarnation ||
        view->sequence != batch->statement->first_sequence + entry->index) {
        return complain(why, E_SIGNATURE, "the event bears another number than its batch gives it");
    }
    if (view->mode != 0 && view->mode != MODE_LIVE) {
        return complain(why, E_MODE, "the event is not a live one (R53)");
    }
    if (!register_agent_speaks_for(batch->sender, view->from)) {
        return complain(why, key_missing(self, E_SENDER), "agent %s does not speak for %s",
            batch->sender->id, view->from);
    }
    if (self->me == NULL || !addressed_to_us(self, view, accepted_ms)) {
        return complain(
            why, key_missing(self, E_RECIPIENT), "the event is for nobody that we serve");
    }
    return 0;
}

int inspect_event(agent_core_t *self, const Waypost__EventEntry *entry,
    const struct inspected *batch, int64_t accepted_ms, struct event_view *view,
    struct complaint *why)
{
    if (batch->rc != 0) {
        return complain(why, batch->rc, "%s", batch->text);
    }
    int rc = check_path(self, entry, batch, why);
    if (rc == 0) {
        rc = event_read(slice_of_binary(entry->event), view, why);
    }
    if (rc == 0) {
        rc = event_check(view, accepted_ms, false, why);
    }
    return rc != 0 ? rc : check_parties(self, view, batch, entry, accepted_ms, why);
}

int inspect_own(agent_core_t *self, const Waypost__OwnEvents *given, const Waypost__OwnEvent *event,
    struct event_view *view, struct complaint *why)
{
    struct inspected batch;
    Waypost__EventEntry entry = WAYPOST__EVENT_ENTRY__INIT;

    if (event->batch >= given->n_batches || self->me == NULL) {
        return complain(why, E_MALFORMED, "it comes without the batch that it was published in");
    }
    inspect_batch(self, given->batches[event->batch], &batch);
    entry.event = event->event;
    entry.index = event->index;
    entry.n_path = event->n_path;
    entry.path = event->path;
    int rc = batch.rc != 0 ? complain(why, batch.rc, "%s", batch.text)
        : batch.sender != self->me
        ? complain(why, E_SENDER, "it was signed by agent %s", batch.sender->id)
        : check_path(self, &entry, &batch, why);
    rc = rc != 0 ? rc : event_read(slice_of_binary(event->event), view, why);
    if (rc == 0 &&
        (view->incarnation != batch.statement->incarnation ||
            view->sequence != batch.statement->first_sequence + event->index)) {
        rc = complain(why, E_SIGNATURE, "it bears another number than its batch gives it");
    }
    return rc;
}

/* ---- payloads ---- */

static bool is_addressed(const agent_core_t *self, const struct event_view *view)
{
    for (size_t i = 0; i < view->recipient_count; i++) {
        if (book_serves(self, view->to[i].code, view->sent_ms)) {
            return true;
        }
    }
    return false;
}

static bool is_ours(const agent_core_t *self, const Waypost__Wrap *wrap)
{
    return wrap != NULL && wrap->key_id.len == KEY_ID_BYTES &&
        book_seal_keys(self, wrap->key_id.data) != NULL;
}

const Waypost__Wrap *inspect_wrap(const agent_core_t *self, const Waypost__EventEntry *entry)
{
    if (is_ours(self, entry->wrap)) {
        return entry->wrap;
    }
    for (size_t i = 0; i < entry->n_wraps; i++) {
        if (is_ours(self, entry->wraps[i])) {
            return entry->wraps[i];
        }
    }
    return entry->wrap;
}

static int try_open(agent_core_t *self, const Waypost__EventEntry *entry,
    const struct event_view *view, struct complaint *why)
{
    const Waypost__Wrap *wrap = inspect_wrap(self, entry);
    uint8_t key[SEAL_KEY_BYTES];
    struct buf plain = {0};

    if (wrap == NULL || wrap->key_id.len != KEY_ID_BYTES || wrap->ephemeral.len != 32 ||
        wrap->sealed_key.len != SEAL_WRAPPED_BYTES) {
        return complain(why, E_OPEN, "the payload's key was not wrapped for us");
    }
    const struct keys *own = book_seal_keys(self, wrap->key_id.data);
    if (own == NULL) {
        return complain(why, E_OPEN, "the payload was sealed to a key that we do not hold");
    }
    if (seal_unwrap(wrap->sealed_key.data, view->id, wrap->ephemeral.data, own->seal_public,
            own->seal_secret, key) != 0) {
        return complain(why, E_OPEN, "the payload's key does not unwrap");
    }
    int rc = seal_open(view->header, view->facts, view->id, &view->commitment,
        slice_of_binary(entry->payload), key, &plain);
    if (plain.data != NULL) {
        sodium_memzero(plain.data, plain.capacity);
    }
    buf_free(&plain);
    sodium_memzero(key, sizeof key);
    return rc == 0
        ? 0
        : complain(why, E_OPEN, "the payload is not the one that the sender committed to (%s)",
              err_name(rc));
}

int inspect_payload(agent_core_t *self, const Waypost__EventEntry *entry,
    const struct event_view *view, struct complaint *why)
{
    uint32_t absent = entry->has_payload_absent ? entry->payload_absent : 0;

    if (!view->has_payload) {
        return 0;
    }
    if (entry->has_payload) {
        return try_open(self, entry, view, why);
    }
    if (absent == 0 || (absent == PAYLOAD_FACTS_ONLY && is_addressed(self, view))) {
        return complain(why, E_OPEN, "the payload was left out on the way");
    }
    return 0;
}
