/*
 * incoming: DELIVER frames. Everything of a frame is applied and remembered in one transaction
 * with the cursor and the running hash of the stream; only then it is acknowledged (PROMISE 2,
 * S-11 to S-22). Numbers that skip are asked for again; an event that is here already is
 * remembered under its new number and has no second effect.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "client/agent/erasing.h"
#include "client/agent/heads.h"
#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

/* ---- running hash (S-22) ---- */

struct hash incoming_hash_start(const char *network, const char *agent, uint64_t epoch)
{
    struct buf bytes = {0};

    buf_put(&bytes, network, strlen(network) + 1);
    buf_put(&bytes, agent, strlen(agent) + 1);
    buf_put_u64(&bytes, epoch);
    struct hash start = hash_of("waypost/stream/1", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
    return start;
}

void incoming_start_epoch(agent_core_t *self, uint64_t epoch)
{
    struct identity *identity = &self->identity;

    identity->stream_epoch = epoch;
    identity->stream_upto = 0;
    identity->stream_acked = 0;
    identity->running = incoming_hash_start(self->options.network, self->options.agent, epoch);
    store_identity_save(self->store, identity);
    self->ack_sent_upto = 0;
    log_info("stream epoch=%" PRIu64, epoch);
}

void incoming_resend(agent_core_t *self)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Resend body = WAYPOST__RESEND__INIT;

    self->resend_pending = agent_mono(self) < self->resend_at_ms;
    if (self->resend_pending) {
        return; /* asked just now; the tick asks again where nothing came */
    }
    self->resend_at_ms = agent_mono(self) + AGENT_RESEND_WAIT_MS;
    body.stream_epoch = self->identity.stream_epoch;
    body.from = self->identity.stream_upto + 1;
    agent_count(self, AGENT_RESENDS);
    log_info("resend asked from=%" PRIu64, body.from);
    frame.body_case = WAYPOST__FRAME__BODY_RESEND;
    frame.resend = &body;
    (void)agent_send(self, &frame);
}

/* ---- one frame ---- */

struct delivery {
    agent_core_t *core;
    const Waypost__Deliver *frame; /* of a PAST: its batches and entries */
    struct inspected *batches;     /* one for each of the frame's */
    struct entry_row row;          /* of the entry at hand */
    struct hash item;
    int64_t now_ms;
};

static void fill_inbox_row(const struct delivery *self, const Waypost__EventEntry *entry,
    const struct event_view *view, struct inbox_row *out)
{
    const Waypost__DeliveredBatch *batch = self->frame->batches[entry->batch];

    memset(out, 0, sizeof *out);
    out->epoch = self->row.epoch;
    out->number = self->row.number;
    memcpy(out->event, view->id, UUID_BYTES);
    memcpy(out->transfer, view->transfer, UUID_BYTES);
    out->kind = view->kind;
    memcpy(out->from, view->from, sizeof out->from);
    memcpy(out->signer, self->batches[entry->batch].sender->id, sizeof out->signer);
    out->verdict = entry->verdict;
    out->payload_absent = entry->has_payload_absent ? entry->payload_absent : 0;
    out->sent_ms = view->sent_ms;
    out->accepted_ms = batch->accepted_ms;
    out->persisted_ms = self->now_ms;
    int64_t arrival_ms =
        self->now_ms - batch->accepted_ms; /* two clocks: it may come out negative */
    histogram_add(&self->core->arrival, arrival_ms < 0 ? 0 : (uint64_t)arrival_ms * US_PER_MS);
    out->fault = self->row.fault;
    out->receiver = self->core->options.receiver ? RECEIVER_PENDING : RECEIVER_NONE;
    out->leaf = entry->index;
    buf_put_slice(&out->bytes, slice_of_binary(entry->event));
    for (size_t i = 0; i < entry->n_path; i++) {
        buf_put(&out->path, entry->path[i].data, entry->path[i].len);
    }
    if (entry->has_payload) {
        buf_put_slice(&out->ciphertext, slice_of_binary(entry->payload));
    }
}

static void put_wrap(const Waypost__Wrap *wrap, struct inbox_row *out)
{
    struct stored_wrap stored;

    if (wrap == NULL || strlen(wrap->code) != CODE_BYTES || wrap->key_id.len != KEY_ID_BYTES ||
        wrap->ephemeral.len != sizeof stored.ephemeral ||
        wrap->sealed_key.len != sizeof stored.sealed_key) {
        return;
    }
    memcpy(stored.code, wrap->code, CODE_BYTES + 1);
    memcpy(stored.key_id, wrap->key_id.data, KEY_ID_BYTES);
    memcpy(stored.ephemeral, wrap->ephemeral.data, sizeof stored.ephemeral);
    memcpy(stored.sealed_key, wrap->sealed_key.data, sizeof stored.sealed_key);
    stored_wrap_put(&out->wrap, &stored);
}

static void learn_transfer(agent_core_t *self, const struct event_view *view, int64_t now_ms)
{
    struct transfer_row row = {.created_ms = now_ms, .subject_count = view->subject_count};

    memcpy(row.transfer, view->transfer, UUID_BYTES);
    memcpy(row.origin, view->origin, sizeof row.origin);
    memcpy(row.receiving, view->receiving, sizeof row.receiving);
    for (size_t i = 0; i < view->subject_count; i++) {
        memcpy(row.subjects[i].ref, view->subjects[i].ref, UUID_BYTES);
        row.subjects[i].case_type = view->subjects[i].case_type;
    }
    store_transfer_put(self->store, &row);
}

static void count_sender(
    const struct delivery *self, const struct event_view *view, const struct register_agent *sender)
{
    agent_core_t *core = self->core;

    for (size_t i = 0; i < view->recipient_count; i++) {
        if (book_serves(core, view->to[i].code, self->now_ms)) {
            (void)store_sender_number(core->store, sender->id, view->incarnation, view->to[i].code,
                view->to[i].n, core->identity.from_start, self->now_ms);
        }
    }
}

/* A hub has no inbox: its keeper takes the facts. */
static void keep_event(
    struct delivery *self, const Waypost__EventEntry *entry, const struct event_view *view)
{
    const struct agent_keeper *keeper = self->core->options.keeper;
    const struct kept_event kept = {.view = view,
        .bytes = slice_of_binary(entry->event),
        .verdict = entry->verdict,
        .accepted_ms = self->frame->batches[entry->batch]->accepted_ms,
        .kept_ms = self->now_ms};

    self->row.position = store_entry_add(self->core->store, &self->row);
    keeper->event(keeper->context, &self->row, &kept);
}

/* What was destroyed once is not kept again, whoever sends it. */
static void keep_erased(agent_core_t *self, struct inbox_row *row)
{
    if (store_destroyed(self->store, row->event)) {
        buf_clear(&row->ciphertext);
        buf_clear(&row->wrap);
        row->payload_absent = PAYLOAD_ABSENT_ERASED;
    }
}

/* A good event: into the inbox, once. */
static void apply_event(
    struct delivery *self, const Waypost__EventEntry *entry, const struct event_view *view)
{
    agent_core_t *core = self->core;
    const Waypost__DeliveredBatch *batch = self->frame->batches[entry->batch];
    struct inbox_row row;
    int had_fault = 0;

    memcpy(self->row.event, view->id, UUID_BYTES);
    if (core->options.keeper != NULL) {
        keep_event(self, entry, view);
        return;
    }
    bool here = store_inbox_has(core->store, view->id, &had_fault);
    int64_t position = store_entry_add(core->store, &self->row);
    if (here && (had_fault == 0 || self->row.fault != 0)) {
        log_info("delivered again number=%" PRIu64, self->row.number);
        return;
    }
    fill_inbox_row(self, entry, view, &row);
    put_wrap(inspect_wrap(core, entry), &row);
    keep_erased(core, &row);
    row.position = position;
    if (here) {
        store_inbox_replace(core->store, &row);
    } else {
        row.evidence = store_evidence_put(core->store, slice_of_binary(batch->batch->statement),
            slice_of_binary(batch->batch->signature), batch->leaf_index, batch->accepted_ms);
        store_inbox_add(core->store, &row);
        learn_transfer(core, view, self->now_ms);
        agent_check_time(core, "an event", view->sent_ms, batch->accepted_ms);
        count_sender(self, view, self->batches[entry->batch].sender);
        core->receiver_due_ms = -1;
    }
    inbox_row_free(&row);
}

/* What takes no effect is kept as evidence, acknowledged with a fault, and told (S-21). */
static void apply_fault(
    struct delivery *self, const Waypost__EventEntry *entry, int rc, const struct complaint *why)
{
    const Waypost__Signed *batch =
        entry->batch < self->frame->n_batches ? self->frame->batches[entry->batch]->batch : NULL;
    agent_core_t *core = self->core;

    agent_count(core, AGENT_ENTRIES_FAULTY);
    self->row.fault = rc == E_RECIPIENT ? E_OPEN : E_SIGNATURE;
    store_entry_add(core->store, &self->row);
    store_fault_add(core->store, &self->row, rc, why->text, slice_of_binary(entry->event),
        batch == NULL ? slice_of(NULL, 0) : slice_of_binary(batch->statement),
        batch == NULL ? slice_of(NULL, 0) : slice_of_binary(batch->signature));
    agent_alarm(core, "bad_event", "entry %" PRIu64 " of our stream takes no effect: %.200s",
        self->row.number, why->text);
}

static int take_event(struct delivery *self, const Waypost__EventEntry *entry)
{
    agent_core_t *core = self->core;
    struct event_view view;
    struct complaint why = {0};
    int rc = E_SIGNATURE;

    self->item = hash_event_leaf(core->options.network, slice_of_binary(entry->event));
    if (entry->batch < self->frame->n_batches) {
        rc = inspect_event(core, entry, &self->batches[entry->batch],
            self->frame->batches[entry->batch]->accepted_ms, &view, &why);
    } else {
        complain(&why, rc, "the entry names a batch that was not sent");
    }
    if (rc == E_STALE_REGISTER) {
        return rc;
    }
    self->row.running =
        hash_entry(&core->identity.running, self->row.number, ENTRY_EVENT, &self->item);
    if (rc != 0) {
        apply_fault(self, entry, rc, &why);
        return 0;
    }
    rc = inspect_payload(core, entry, &view, &why);
    if (rc != 0) {
        agent_count(core, AGENT_ENTRIES_FAULTY);
        self->row.fault = E_OPEN;
        store_fault_add(core->store, &self->row, rc, why.text, slice_of(NULL, 0), slice_of(NULL, 0),
            slice_of(NULL, 0));
        agent_alarm(core, "bad_payload", "entry %" PRIu64 " of our stream: %.200s; its facts stand",
            self->row.number, why.text);
    }
    apply_event(self, entry, &view);
    return 0;
}

/* The bytes are those of the journal: fields that we do not know count in the hash like all others. */
static int take_record(struct delivery *self, const Waypost__RecordEntry *entry)
{
    agent_core_t *core = self->core;
    struct slice body = slice_of_binary(entry->record);
    const struct told_record told = {.leaf_index = entry->leaf_index,
        .index = entry->has_index ? entry->index : 0,
        .recorded_ms = entry->recorded_ms,
        .record = message_decode(core->arena, &waypost__derived__descriptor, body)};

    if (told.record == NULL) {
        return E_MALFORMED;
    }
    self->item = hash_of("waypost/body/1", body, slice_of(NULL, 0));
    self->row.running =
        hash_entry(&core->identity.running, self->row.number, ENTRY_RECORD, &self->item);
    if (told.record->has_event && told.record->event.len == UUID_BYTES) {
        memcpy(self->row.event, told.record->event.data, UUID_BYTES);
    }
    int rc = erasing_record(core, &told);
    if (rc != 0) {
        return rc;
    }
    if (core->options.keeper == NULL) {
        store_record_keep(core->store, told.leaf_index, told.recorded_ms, body);
    }
    apply_derived(core, &told, &self->row);
    return 0;
}

static int take_ack(struct delivery *self, const Waypost__AckEntry *entry)
{
    agent_core_t *core = self->core;

    self->item = hash_statement(
        slice_of_binary(entry->ack->statement), slice_of_binary(entry->ack->signature));
    self->row.running =
        hash_entry(&core->identity.running, self->row.number, ENTRY_ACK, &self->item);
    return apply_ack(core, entry, &self->row);
}

static int take_held(struct delivery *self, const Waypost__HeldEntry *entry)
{
    agent_core_t *core = self->core;

    self->item = hash_of("waypost/held/1", slice_of_binary(entry->event), slice_of(NULL, 0));
    self->row.running =
        hash_entry(&core->identity.running, self->row.number, ENTRY_HELD, &self->item);
    if (entry->event.len == UUID_BYTES) {
        memcpy(self->row.event, entry->event.data, UUID_BYTES);
    }
    self->row.position = store_entry_add(core->store, &self->row);
    if (core->options.keeper != NULL) {
        core->options.keeper->held(core->options.keeper->context, &self->row);
    }
    return 0;
}

static int take_entry(struct delivery *self, const Waypost__Entry *entry, uint64_t number)
{
    self->row = (struct entry_row){
        .epoch = self->frame->stream_epoch, .number = number, .persisted_ms = self->now_ms};
    switch (entry->what_case) {
    case WAYPOST__ENTRY__WHAT_EVENT:
        self->row.type = ENTRY_EVENT;
        return take_event(self, entry->event);
    case WAYPOST__ENTRY__WHAT_RECORD:
        self->row.type = ENTRY_RECORD;
        return take_record(self, entry->record);
    case WAYPOST__ENTRY__WHAT_ACK:
        self->row.type = ENTRY_ACK;
        return take_ack(self, entry->ack);
    case WAYPOST__ENTRY__WHAT_HELD:
        self->row.type = ENTRY_HELD;
        return take_held(self, entry->held);
    default:
        return E_MALFORMED;
    }
}

/* Entries that are new, until one cannot be taken. 0, E_STALE_REGISTER, E_BUSY or E_MALFORMED. */
static int take_entries(struct delivery *self)
{
    agent_core_t *core = self->core;
    struct identity *identity = &core->identity;

    for (size_t i = 0; i < self->frame->n_entries; i++) {
        uint64_t number = self->frame->first + i;
        if (number <= identity->stream_upto) {
            continue;
        }
        int rc = take_entry(self, self->frame->entries[i], number);
        if (rc != 0) {
            return rc;
        }
        identity->stream_upto = number;
        identity->running = self->row.running;
    }
    return 0;
}

/* Each good batch says, signed, which head its sender has seen. */
static void note_heads(const struct delivery *self)
{
    for (size_t i = 0; i < self->frame->n_batches; i++) {
        const struct inspected *batch = &self->batches[i];
        if (batch->rc == 0 && batch->statement->has_seen_size && batch->statement->has_seen_root) {
            heads_said(self->core, batch->sender->id, self->frame->batches[i]->batch, false,
                batch->statement->seen_size, slice_of_binary(batch->statement->seen_root));
        }
    }
}

static void apply_frame(agent_core_t *self, const Waypost__Deliver *frame)
{
    struct delivery delivery = {.core = self, .frame = frame, .now_ms = agent_wall(self)};
    uint64_t before = self->identity.stream_upto;

    delivery.batches = mem_new(frame->n_batches, sizeof *delivery.batches);
    for (size_t i = 0; i < frame->n_batches; i++) {
        inspect_batch(self, frame->batches[i], &delivery.batches[i]);
    }
    store_begin(self->store);
    if (frame->stream_epoch != self->identity.stream_epoch) {
        incoming_start_epoch(self, frame->stream_epoch);
    }
    note_heads(&delivery);
    acking_keep(self);
    int rc = take_entries(&delivery);
    store_identity_save(self->store, &self->identity);
    free(delivery.batches);
    if (agent_commit(self) != 0) {
        return;
    }
    if (self->identity.stream_upto > before) {
        self->counters[AGENT_ENTRIES_PERSISTED] += self->identity.stream_upto - before;
    }
    if (self->identity.stream_upto != before) {
        self->resend_pending = false;
        self->resend_at_ms = 0;
        self->ack_wanted = true;
        self->watch_wanted = true;
    }
    if (rc == E_BUSY) {
        self->resend_wanted = true; /* a new session follows when all own events are here */
    } else if (rc == E_STALE_REGISTER) {
        self->resend_wanted = true;
        if (!self->register_asked) {
            book_ask(self);
        }
    } else if (rc != 0) {
        agent_alarm(self, "protocol", "the broker sent an entry of a kind that cannot be read");
        uplink_close(self, AGENT_BACKOFF_MAX_MS);
    }
}

void incoming_deliver(agent_core_t *self, const Waypost__Deliver *deliver)
{
    const struct identity *identity = &self->identity;
    bool new_epoch = deliver->stream_epoch > identity->stream_epoch && deliver->first == 1;

    if (deliver->stream_epoch != identity->stream_epoch && !new_epoch) {
        return; /* of an epoch that is over */
    }
    if (self->past_pending) {
        return; /* first what was before: it is asked for again then */
    }
    if (self->book == NULL || self->resend_wanted) {
        self->resend_wanted =
            true; /* nothing can be judged yet: asked for again with the register */
        return;
    }
    uint64_t upto = new_epoch ? 0 : identity->stream_upto;
    if (deliver->first == 0 || deliver->first > upto + 1) {
        incoming_resend(self);
        return;
    }
    if (deliver->first + deliver->n_entries <= upto + 1) {
        agent_count(self, AGENT_ENTRIES_REPEATED);
        self->ack_wanted = true; /* nothing new: the acknowledgement was lost */
        self->ack_sent_upto = self->ack_sent_upto > identity->stream_acked ? identity->stream_acked
                                                                           : self->ack_sent_upto;
        return;
    }
    apply_frame(self, deliver);
}

/* ---- what was told before (S-35) ---- */

void incoming_fetch_past(agent_core_t *self)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__FetchPast body = WAYPOST__FETCH_PAST__INIT;

    body.from_leaf = self->past_leaf;
    body.skip = self->past_skip;
    frame.body_case = WAYPOST__FRAME__BODY_FETCH_PAST;
    frame.fetch_past = &body;
    (void)agent_send(self, &frame);
}

/* Numbers of a page count for nothing: they stand in an epoch that never was, and go with the next page. */
static int take_page(struct delivery *self)
{
    store_entries_forget(self->core->store, 1, 0);
    for (size_t i = 0; i < self->frame->n_entries; i++) {
        int rc = take_entry(self, self->frame->entries[i], i + 1);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

void incoming_past(agent_core_t *self, const Waypost__Past *past)
{
    const struct agent_keeper *keeper = self->options.keeper;
    Waypost__Deliver frame = WAYPOST__DELIVER__INIT;
    struct delivery delivery = {.core = self, .frame = &frame, .now_ms = agent_wall(self)};

    if (!self->past_pending || keeper == NULL || self->book == NULL) {
        return;
    }
    frame.n_batches = past->n_batches;
    frame.batches = past->batches;
    frame.n_entries = past->n_entries;
    frame.entries = past->entries;
    delivery.batches = mem_new(frame.n_batches, sizeof *delivery.batches);
    for (size_t i = 0; i < frame.n_batches; i++) {
        inspect_batch(self, frame.batches[i], &delivery.batches[i]);
    }
    store_begin(self->store);
    int rc = take_page(&delivery);
    if (rc == 0) {
        const struct kept_past page = {past->next_leaf, past->next_skip, past->done,
            past->has_unreadable ? past->unreadable : 0, past->has_untold ? past->untold : 0};
        keeper->past(keeper->context, &page);
    }
    free(delivery.batches);
    if (agent_commit(self) != 0 || rc != 0) {
        log_warnx("past: a page cannot be taken: %s; it is asked for again", err_text(rc));
        uplink_close(self, AGENT_BACKOFF_MAX_MS);
        return;
    }
    log_debug("past: page of %zu entries, next leaf=%" PRIu64, past->n_entries, past->next_leaf);
    self->past_leaf = past->next_leaf;
    self->past_skip = past->next_skip;
    self->past_pending = !past->done;
    self->watch_wanted = true;
    if (self->past_pending) {
        incoming_fetch_past(self);
    } else {
        log_info("past: the last page is here, leaf=%" PRIu64, past->next_leaf);
        incoming_resend(self);
    }
}
