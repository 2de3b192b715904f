/*
 * publish: a signed batch comes in. Checked in the order of S-6; the first check that fails is answered and nothing is
 * kept. What passes is appended and verified at the same time. The life of a batch until it is judged is here too.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

/* A PUBLISH under examination. */
struct publishing {
    core_t *core;
    struct session *session;
    const struct register_agent *agent;
    const Waypost__Publish *publish;
    const Waypost__BatchStatement *statement;
    const struct register_key *key;
    struct incarnation *inc; /* NULL: a new one */
    size_t bytes;            /* events, payloads and wraps */
    bool repeated;           /* answered as a duplicate */
    uint8_t last_id[UUID_BYTES];
    struct digest *digests; /* owned: of the events checked, for the view */
    struct buf codes;       /* owned: likewise */
    struct refusal refusal;
};

static size_t wrap_bytes(const Waypost__PublishedEvent *event)
{
    return event->n_wraps * (size_t)WRAP_STORED_BYTES;
}

static bool wrap_sound(const Waypost__Wrap *wrap)
{
    return strlen(wrap->code) == CODE_BYTES && wrap->key_id.len == KEY_ID_BYTES &&
        wrap->ephemeral.len == SEAL_PUBLIC_BYTES && wrap->sealed_key.len == SEAL_WRAPPED_BYTES;
}

static int check_shape(struct publishing *self)
{
    const Waypost__Publish *publish = self->publish;

    self->statement = message_decode(self->core->arena, &waypost__batch_statement__descriptor,
        slice_of_proto(publish->batch->statement));
    if (self->statement == NULL || publish->batch->signature.len != SIGNATURE_BYTES ||
        self->statement->root.len != HASH_BYTES || self->statement->key_id.len != KEY_ID_BYTES) {
        return complain(&self->refusal.why, E_MALFORMED,
            "The batch's statement cannot be read; use a program of protocol version 1.");
    }
    self->refusal.has_first = true;
    self->refusal.first_sequence = self->statement->first_sequence;
    if (publish->n_events == 0 || publish->n_events != self->statement->count) {
        return complain(&self->refusal.why, E_MALFORMED,
            "The batch holds %zu events and its statement names %u; sign what is sent.",
            publish->n_events, self->statement->count);
    }
    return 0;
}

static int check_event_limits(struct publishing *self, const Waypost__PublishedEvent *event)
{
    if (event->event.len > EVENT_BYTES_MAX || event->payload.len > PAYLOAD_BYTES_MAX) {
        return complain(&self->refusal.why, E_TOO_LARGE,
            "An event has %zu bytes and a payload of %zu; at most %d and %d are taken: send bigger "
            "documents by digest and reference.",
            event->event.len, event->payload.len, EVENT_BYTES_MAX, PAYLOAD_BYTES_MAX);
    }
    if (event->n_wraps > WRAPS_MAX || (event->n_wraps > 0 && event->payload.len == 0)) {
        return complain(&self->refusal.why, E_RANGE,
            "An event has %zu wrapped keys; at most %d are taken, and none without a payload.",
            event->n_wraps, WRAPS_MAX);
    }
    for (size_t i = 0; i < event->n_wraps; i++) {
        if (!wrap_sound(event->wraps[i])) {
            return complain(&self->refusal.why, E_MALFORMED,
                "A wrapped key of an event has a field of a wrong length; wrap it again.");
        }
    }
    self->bytes += event->event.len + event->payload.len + wrap_bytes(event);
    return 0;
}

static int check_limits(struct publishing *self)
{
    const Waypost__BatchStatement *statement = self->statement;

    if (statement->count > BATCH_EVENTS_MAX || statement->first_sequence == 0 ||
        statement->first_sequence > UINT64_MAX - BATCH_EVENTS_MAX) {
        return complain(&self->refusal.why, E_RANGE,
            "A batch of %u events from sequence %llu; 1 to %d events from 1 up are taken.",
            statement->count, (unsigned long long)statement->first_sequence, BATCH_EVENTS_MAX);
    }
    for (size_t i = 0; i < self->publish->n_events; i++) {
        int rc = check_event_limits(self, self->publish->events[i]);
        if (rc != 0) {
            self->refusal.has_index = true;
            self->refusal.index = (uint32_t)i;
            return rc;
        }
    }
    if (self->bytes > BATCH_BYTES_MAX) {
        return complain(&self->refusal.why, E_TOO_LARGE,
            "The batch has %zu bytes; at most %d are taken: send fewer events at a time.",
            self->bytes, BATCH_BYTES_MAX);
    }
    return 0;
}

static int check_key(struct publishing *self)
{
    if (strcmp(self->statement->agent, self->agent->id) != 0) {
        return complain(&self->refusal.why, E_SENDER,
            "The batch is of agent %.40s, the connection of %s; publish with your own key.",
            self->statement->agent, self->agent->id);
    }
    if (!register_agent_has_role(self->agent, REGISTER_ROLE_AUTHORITY)) {
        return complain(&self->refusal.why, E_NOT_ALLOWED,
            "Agent %s is not an authority's; only those publish.", self->agent->id);
    }
    self->key = register_key_of(self->agent, REGISTER_KEY_SIGN, self->statement->key_id.data);
    if (self->key == NULL) {
        return complain(&self->refusal.why, E_KEY,
            "The signing key named is not one of agent %s in the register; fetch the register.",
            self->agent->id);
    }
    int rc = register_key_valid(self->agent, self->key, self->core->now_ms);
    if (rc != 0) {
        return complain(&self->refusal.why, rc,
            "The signing key of agent %s does not count now: %s; renew it.", self->agent->id,
            err_text(rc));
    }
    return 0;
}

static int check_network(struct publishing *self)
{
    if (strcmp(self->statement->network, self->core->options.network) != 0) {
        return complain(&self->refusal.why, E_NETWORK,
            "The batch is of another network; this is %s.", self->core->options.network);
    }
    return 0;
}

static int check_busy(struct publishing *self)
{
    const core_t *core = self->core;
    const char *cause = NULL;

    if (core->rolled_back) {
        cause = "The broker's journal was put back from an old copy and waits for its operator";
    } else if (core->stopping) {
        cause = "The broker stops";
    } else if (core->inflight_bytes + self->bytes > core->options.inflight_bytes_max) {
        cause = "Too much is on its way to the disk";
    }
    return cause == NULL
        ? 0
        : complain(&self->refusal.why, E_BUSY, "%s; keep it and send it later.", cause);
}

static int check_credit(struct publishing *self)
{
    const struct stream *publisher = self->session->stream;
    const struct core_options *options = &self->core->options;

    if (publisher->inflight_events == 0 && self->statement->count == 1) {
        return 0;
    }
    if (publisher->inflight_events + self->statement->count > options->credit_events ||
        publisher->inflight_bytes + self->bytes > options->credit_bytes) {
        return complain(&self->refusal.why, E_CREDIT,
            "%u events and %llu bytes are not receipted yet and the credit is %u and %u; wait.",
            publisher->inflight_events, (unsigned long long)publisher->inflight_bytes,
            options->credit_events, options->credit_bytes);
    }
    return 0;
}

static int check_sequence(struct publishing *self)
{
    struct stream *stream = self->session->stream;
    uint64_t first = self->statement->first_sequence;

    self->inc = incarnation_of(stream, self->statement->incarnation);
    uint64_t last = self->inc == NULL ? 0 : self->inc->last_next;
    if (first + self->statement->count - 1 <= last) {
        self->repeated = true;
        return dedup_answer(
            self->core, self->session, self->inc, self->publish, first, &self->refusal);
    }
    if (first != last + 1) {
        self->refusal.has_expected = true;
        self->refusal.expected = last + 1;
        return complain(&self->refusal.why, E_GAP,
            "The batch begins with sequence %llu, expected is %llu; send from there.",
            (unsigned long long)first, (unsigned long long)last + 1);
    }
    if (self->inc == NULL && stream->incarnation_count >= INCARNATIONS_MAX) {
        return complain(&self->refusal.why, E_RANGE,
            "Agent %s has opened %d incarnations; something restores it again and again.",
            stream->name, INCARNATIONS_MAX);
    }
    return 0;
}

/* Below the floor of free space only what protects a child is taken (docs/PROTOCOL.md, section 4, PUBLISH). */
static bool all_protective(const Waypost__Publish *publish)
{
    struct event_view event;

    for (size_t i = 0; i < publish->n_events; i++) {
        if (event_read(slice_of_proto(publish->events[i]->event), &event, NULL) != 0) {
            return false;
        }
        const struct kind_info *kind = catalogue_kind(event.kind);
        if (kind == NULL || !kind->protective) {
            return false;
        }
    }
    return true;
}

/* What is repeated lies on the disk already: its sender gets the receipt, or it could not go on behind it. */
static int check_space(struct publishing *self)
{
    const core_t *core = self->core;

    if (self->repeated || core->free_bytes >= core->options.free_bytes_min ||
        all_protective(self->publish)) {
        return 0;
    }
    return complain(&self->refusal.why, E_BUSY,
        "The broker's disk is nearly full and this is not a protective kind; keep it and send it "
        "later.");
}

static int check_register(struct publishing *self)
{
    uint64_t version = register_version(self->core->reg);

    if (!self->repeated && self->publish->register_version < version) {
        self->refusal.has_expected = true;
        self->refusal.expected = version;
        return complain(&self->refusal.why, E_STALE_REGISTER,
            "The batch was addressed by register %llu, in force is %llu; fetch it, address and "
            "wrap again.",
            (unsigned long long)self->publish->register_version, (unsigned long long)version);
    }
    return 0;
}

static int check_payload(
    struct publishing *self, const struct event_view *view, const Waypost__PublishedEvent *event)
{
    struct slice payload = slice_of_proto(event->payload);

    if (event->has_erased && event->erased && view->has_payload && payload.len == 0 &&
        journal_head(self->core->journal)->epoch > 1) {
        return 0; /* accepted before, erased, lost with the backup, and sent again */
    }
    if (view->has_payload != (payload.len > 0) ||
        (view->has_payload && view->commitment.ciphertext_bytes != payload.len)) {
        return complain(&self->refusal.why, E_CORRUPT,
            "The event commits to %u bytes of payload and %zu came; send the payload it was made "
            "with.",
            view->has_payload ? view->commitment.ciphertext_bytes : 0, payload.len);
    }
    if (!view->has_payload) {
        return 0;
    }
    struct hash hash = hash_of("waypost/ciphertext/1", payload, slice_of(NULL, 0));
    if (memcmp(hash.b, view->commitment.ciphertext_hash.b, HASH_BYTES) != 0) {
        return complain(&self->refusal.why, E_CORRUPT,
            "The payload is not the one that the event commits to; send the one it was made with.");
    }
    return 0;
}

static int check_event(struct publishing *self, size_t index, const uint8_t *last_id)
{
    const Waypost__PublishedEvent *event = self->publish->events[index];
    const Waypost__BatchStatement *statement = self->statement;
    struct complaint *why = &self->refusal.why;
    struct event_view view;

    int rc = event_read(slice_of_proto(event->event), &view, why);
    if (rc == 0) {
        rc = event_check(&view, self->core->now_ms, false, why);
    }
    if (rc != 0) {
        return rc;
    }
    if (view.incarnation != statement->incarnation ||
        view.sequence != statement->first_sequence + index) {
        return complain(why, E_MALFORMED,
            "The event has sequence %llu of another place or incarnation than the statement says.",
            (unsigned long long)view.sequence);
    }
    if (!register_agent_speaks_for(self->agent, view.from)) {
        return complain(why, E_SENDER, "The event is from %s and agent %s does not speak for it.",
            view.from, self->agent->id);
    }
    if (last_id != NULL && memcmp(view.id, last_id, UUID_BYTES) <= 0) {
        return complain(
            why, E_ID, "The event's id is not higher than the one before; ids rise strictly.");
    }
    if (view.mode > 1) {
        return complain(why, E_MODE,
            "The event is a test or a replay; this network is live (R53): send it to another.");
    }
    memcpy(self->last_id, view.id, UUID_BYTES);
    digest_make(&view, &self->codes, &self->digests[index]);
    return check_payload(self, &view, event);
}

static int check_events(struct publishing *self)
{
    const uint8_t *last_id = self->inc == NULL ? NULL : incarnation_last_id(self->core, self->inc);

    if (!self->repeated) {
        self->digests = mem_new(self->publish->n_events, sizeof *self->digests);
    }
    for (size_t i = 0; i < self->publish->n_events && !self->repeated; i++) {
        int rc = check_event(self, i, last_id);
        if (rc != 0) {
            self->refusal.has_index = true;
            self->refusal.index = (uint32_t)i;
            return rc;
        }
        last_id = self->last_id;
    }
    return 0;
}

/* ---- taking it ---- */

static void body_write(const struct publishing *self, struct buf *body)
{
    const Waypost__Publish *publish = self->publish;
    size_t id_len = strlen(self->agent->id);

    buf_reserve(body, self->bytes + publish->n_events * 4 + 512);
    buf_put_u64(body, self->inc == NULL ? 0 : self->inc->position_next);
    buf_put_u16(body, (uint16_t)id_len);
    buf_put(body, self->agent->id, id_len);
    buf_put_u32(body, (uint32_t)publish->batch->statement.len);
    buf_put_slice(body, slice_of_proto(publish->batch->statement));
    buf_put_slice(body, slice_of_proto(publish->batch->signature));
    buf_put_u32(body, (uint32_t)publish->n_events);
    for (size_t i = 0; i < publish->n_events; i++) {
        buf_put_u32(body, (uint32_t)publish->events[i]->event.len);
        buf_put_slice(body, slice_of_proto(publish->events[i]->event));
    }
}

static void payload_write(const Waypost__Publish *publish, struct buf *out)
{
    for (size_t i = 0; i < publish->n_events; i++) {
        const Waypost__PublishedEvent *event = publish->events[i];
        bool erased = event->payload.len == 0 && event->has_erased && event->erased;
        buf_put_u32(out, (uint32_t)event->payload.len | (erased ? PAYLOAD_ERASED_BIT : 0));
        buf_put_slice(out, slice_of_proto(event->payload));
        buf_put_u16(out, (uint16_t)event->n_wraps);
        for (size_t w = 0; w < event->n_wraps; w++) {
            const Waypost__Wrap *wrap = event->wraps[w];
            buf_put(out, wrap->code, CODE_BYTES);
            buf_put_slice(out, slice_of_proto(wrap->key_id));
            buf_put_slice(out, slice_of_proto(wrap->ephemeral));
            buf_put_slice(out, slice_of_proto(wrap->sealed_key));
        }
    }
}

static void incarnation_record(core_t *self, const struct stream *stream)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;

    derived.kind = WAYPOST__SYSTEM_KIND__INCARNATION_OPENED;
    derived.at_ms = self->now_ms;
    derived.by = self->streams[stream->index]->name;
    (void)append_derived(self, &derived); /* told nobody: it is for the journal's readers */
}

struct batch *batch_new(core_t *self)
{
    struct batch *batch = mem_new(1, sizeof *batch);

    *(self->batches_last != NULL ? &self->batches_last->next : &self->batches) = batch;
    self->batches_last = batch;
    if (self->batches_fresh == NULL) {
        self->batches_fresh = batch;
    }
    return batch;
}

void batch_queue(core_t *self, struct batch *batch)
{
    struct stream *publisher = batch->publisher;

    *(publisher->unreceipted_last != NULL ? &publisher->unreceipted_last->unreceipted_next
                                          : &publisher->unreceipted_first) = batch;
    publisher->unreceipted_last = batch;
    publisher->inflight_events += batch->count;
    publisher->inflight_bytes += batch->bytes;
    self->inflight_bytes += batch->bytes;
}

static void take(struct publishing *self)
{
    core_t *core = self->core;
    struct stream *stream = self->session->stream;
    struct buf body = {0};
    struct buf payload = {0};

    if (self->inc == NULL) {
        incarnation_record(core, stream);
        self->inc = incarnation_add(stream, self->statement->incarnation);
    }
    body_write(self, &body);
    payload_write(self->publish, &payload);
    struct batch *batch = batch_new(core);
    batch->leaf_index =
        append_record(core, RECORD_BATCH, buf_slice(&body), buf_slice(&payload), &batch->position);
    batch->publisher = stream;
    batch->incarnation = (uint32_t)(self->inc - stream->incarnations);
    batch->previous = self->inc->position_next;
    batch->accepted_ms = core->now_ms;
    batch->first_sequence = self->statement->first_sequence;
    batch->count = self->statement->count;
    batch->bytes = (uint32_t)self->bytes;
    batch->session = self->session->id;
    memcpy(batch->public_key, self->key->key, sizeof batch->public_key);
    self->inc->last_next = batch->first_sequence + batch->count - 1;
    self->inc->position_next = batch->position;
    self->inc->id_known = true;
    memcpy(self->inc->last_id, self->last_id, UUID_BYTES);
    batch_queue(core, batch);
    batch->view =
        view_add(core, batch->position, batch->leaf_index, batch->accepted_ms, &body, &payload);
    view_pin(core, batch->view);
    view_take_digests(core, batch->view, &self->digests, &self->codes);
    batch_verify(core, batch);
}

static void publishing_free(struct publishing *self)
{
    free(self->digests);
    buf_free(&self->codes);
}

void publish_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    static int (*const checks[])(struct publishing *) = {check_shape, check_limits, check_key,
        check_network, check_busy, check_credit, check_sequence, check_space, check_register,
        check_events};
    struct publishing publishing = {.core = self,
        .session = session,
        .agent = agent,
        .publish = frame->publish,
        .refusal = {.frame = WAYPOST__FRAME__BODY_PUBLISH}};

    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (checks[i](&publishing) != 0) {
            out_refuse(self, session->id, &publishing.refusal);
            publishing_free(&publishing);
            return;
        }
    }
    if (!publishing.repeated) {
        take(&publishing);
    }
    publishing_free(&publishing);
}
