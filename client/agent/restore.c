/*
 * restore: this database is older than what the broker has of us (S-3): it was restored from a
 * copy, cloned, or made anew. Publishing stops; everything that left is fetched and counts as
 * accepted; what never left gets a new incarnation, new numbers and, where needed, new ids. The
 * steps are durable, so that a kill in the middle takes them up again.
 */
#include <inttypes.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "client/agent/store_evidence.h"
#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

static void fetch(agent_core_t *self, uint64_t after)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__FetchOwn body = WAYPOST__FETCH_OWN__INIT;

    body.after = after;
    frame.body_case = WAYPOST__FRAME__BODY_FETCH_OWN;
    frame.fetch_own = &body;
    (void)agent_send(self, &frame);
}

void restore_begin(agent_core_t *self, const char *why)
{
    if (self->restoring) {
        return;
    }
    self->restoring = true;
    self->flight_count = 0;
    agent_alarm(self, "restored",
        "%s: it was restored from a copy, or there are two of them; our own events are fetched",
        why);
    store_begin(self->store);
    self->identity.restore = 1;
    store_identity_save(self->store, &self->identity);
    store_outbox_thaw_all(self->store);
    if (agent_commit(self) == 0 && self->state == SESSION_OPEN) {
        fetch(self, 0);
    }
}

static void fill_row(
    const Waypost__OwnEvent *event, const struct event_view *view, struct outbox_row *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->event, view->id, UUID_BYTES);
    memcpy(out->transfer, view->transfer, UUID_BYTES);
    out->kind = view->kind;
    out->state = OUTBOX_ACCEPTED;
    out->incarnation = view->incarnation;
    out->sequence = view->sequence;
    out->created_ms = view->sent_ms;
    out->sent_ms = view->sent_ms;
    out->accepted_ms = event->accepted_ms;
    buf_put_slice(&out->bytes, slice_of_binary(event->event));
    if (event->has_payload) {
        buf_put_slice(&out->ciphertext, slice_of_binary(event->payload));
    }
    if (event->wrap != NULL && strlen(event->wrap->code) == CODE_BYTES &&
        event->wrap->key_id.len == KEY_ID_BYTES && event->wrap->ephemeral.len == 32 &&
        event->wrap->sealed_key.len == SEAL_WRAPPED_BYTES) {
        buf_put(&out->wraps, event->wrap->code, CODE_BYTES);
        buf_put(&out->wraps, event->wrap->key_id.data, KEY_ID_BYTES);
        buf_put(&out->wraps, event->wrap->ephemeral.data, 32);
        buf_put(&out->wraps, event->wrap->sealed_key.data, SEAL_WRAPPED_BYTES);
    }
}

/* The batch that it was accepted in; inspect_own() has held the event against it. */
static int64_t recover_batch(agent_core_t *self, const Waypost__DeliveredBatch *given,
    const Waypost__OwnEvent *event, const struct event_view *view)
{
    const Waypost__BatchStatement *said = message_decode(self->inner,
        &waypost__batch_statement__descriptor, slice_of_binary(given->batch->statement));
    struct batch_row row = {.incarnation = view->incarnation,
        .first = view->sequence - event->index,
        .leaf_index = given->leaf_index,
        .accepted_ms = given->accepted_ms};

    if (said == NULL) {
        return 0;
    }
    row.count = said->count;
    buf_put_slice(&row.statement, slice_of_binary(given->batch->statement));
    buf_put_slice(&row.signature, slice_of_binary(given->batch->signature));
    int64_t id = store_batch_recovered(self->store, &row);
    batch_row_free(&row);
    return id;
}

static void recover_transfer(agent_core_t *self, const struct event_view *view)
{
    struct transfer_row row = {.created_ms = view->sent_ms, .subject_count = view->subject_count};

    memcpy(row.transfer, view->transfer, UUID_BYTES);
    memcpy(row.origin, view->origin, sizeof row.origin);
    memcpy(row.receiving, view->receiving, sizeof row.receiving);
    for (size_t i = 0; i < view->subject_count; i++) {
        memcpy(row.subjects[i].ref, view->subjects[i].ref, UUID_BYTES);
        row.subjects[i].case_type = view->subjects[i].case_type;
    }
    store_transfer_put(self->store, &row);
}

static int recover_event(agent_core_t *self, const Waypost__OwnEvents *given,
    const Waypost__OwnEvent *event, struct complaint *why)
{
    struct event_view view;
    struct outbox_row row;
    const char *codes[RECIPIENTS_MAX];
    uint64_t numbers[RECIPIENTS_MAX];

    int rc = inspect_own(self, given, event, &view, why);
    if (rc != 0 || !register_agent_speaks_for(self->me, view.from)) {
        return rc != 0 ? rc : complain(why, E_SENDER, "we do not speak for %s", view.from);
    }
    for (size_t i = 0; i < view.recipient_count; i++) {
        codes[i] = view.to[i].code;
        numbers[i] = view.to[i].n;
    }
    fill_row(event, &view, &row);
    row.batch = recover_batch(self, given->batches[event->batch], event, &view);
    store_outbox_recovered(self->store, &row, codes, numbers, view.recipient_count);
    if (view.has_payload && !event->has_payload) { /* erased since: the copy may hold it still */
        (void)store_destroy(self->store, view.id, agent_wall(self));
        self->erase_wanted = self->scrub_wanted = true;
    }
    recover_transfer(self, &view);
    outbox_row_free(&row);
    if (memcmp(view.id, self->identity.last_event, UUID_BYTES) > 0) {
        memcpy(self->identity.last_event, view.id, UUID_BYTES);
    }
    return 0;
}

/* Ids must rise for one sender: where the first event that waits is behind what was accepted,
 * all that wait get new ones. */
static void rename_waiting(agent_core_t *self, const uint8_t *highest)
{
    struct outbox_row row;
    int64_t position = 0;
    bool behind = false;

    while (store_outbox_next_waiting(self->store, position, &row) == 0) {
        position = row.position;
        behind = behind || memcmp(row.event, highest, UUID_BYTES) <= 0;
        if (behind) {
            uuid7_next(self->world, self->identity.last_event);
            store_outbox_rename(self->store, row.event, self->identity.last_event);
        } else if (memcmp(row.event, self->identity.last_event, UUID_BYTES) > 0) {
            memcpy(self->identity.last_event, row.event, UUID_BYTES);
        }
        outbox_row_free(&row);
    }
}

/* New incarnation, numbers from 1; what waits is sent again under them. */
static void finish(agent_core_t *self, const uint8_t *highest)
{
    struct identity *identity = &self->identity;

    store_outbox_thaw_all(self->store);
    rename_waiting(self, highest);
    do {
        self->world->random(
            self->world->context, &identity->incarnation, sizeof identity->incarnation);
    } while (identity->incarnation == 0);
    identity->next_sequence = 1;
    identity->sent_sequence = 0;
    identity->own_fetched = true;
    identity->restore = 0;
    store_identity_save(self->store, identity);
}

void restore_frame(agent_core_t *self, const Waypost__OwnEvents *events)
{
    uint8_t highest[UUID_BYTES];

    if (!self->restoring) {
        return;
    }
    store_begin(self->store);
    for (size_t i = 0; i < events->n_events; i++) {
        struct complaint why = {0};
        if (recover_event(self, events, events->events[i], &why) != 0) {
            agent_alarm(self, "bad_event",
                "the broker gave an event back as ours that is not: %.250s: it does not count",
                why.text);
        }
    }
    if (events->done) {
        memset(highest, 0, sizeof highest);
        (void)store_outbox_highest(self->store, highest);
        finish(self, highest);
    } else {
        store_identity_save(self->store, &self->identity);
    }
    if (agent_commit(self) != 0) {
        return;
    }
    if (!events->done) {
        fetch(self, events->first + events->n_events);
        return;
    }
    log_info("restored: new incarnation, own=%" PRIu64 " waiting=%" PRIu64,
        store_outbox_count(self->store, OUTBOX_ACCEPTED),
        store_outbox_count(self->store, OUTBOX_WAITING));
    uplink_close(self, 0); /* HELLO under the new incarnation */
}
