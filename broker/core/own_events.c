/*
 * own_events: an agent whose store was restored fetches what it has published, page by page (S-24). The order is that
 * of its incarnations and their sequences, which is the journal's for an agent that was not cloned.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/banned.h"

enum {
    RUN = MARK_BATCHES * 2,
    PATH_STEPS = 16,       /* of the largest batch */
    OWN_PROOF_BYTES = 4096 /* statement, signature, wrap and path of one event */
};

/* One page under construction. */
struct page {
    core_t *core;
    const struct register_agent *agent;
    struct buf text; /* events, payloads and wraps are copied here: views come and go */
    Waypost__OwnEvent *events;
    Waypost__Wrap *wraps;
    size_t count;
    Waypost__DeliveredBatch *batches;
    Waypost__Signed *statements;
    size_t batch_count;
    ProtobufCBinaryData *steps; /* PATH_STEPS for each event */
    bool failed;
};

static uint8_t *page_copy(struct page *self, struct slice bytes)
{
    size_t at = self->text.len;

    buf_put_slice(&self->text, bytes); /* reserved once: never moves */
    return self->text.data + at;
}

static const uint8_t *own_wrap(const struct page *self, const struct stored_payload *payload)
{
    for (uint32_t i = 0; i < payload->wrap_count; i++) {
        const uint8_t *wrap = payload->wraps.data + (size_t)i * WRAP_STORED_BYTES;
        if (register_key_of(self->agent, REGISTER_KEY_SEAL, wrap + CODE_BYTES) != NULL) {
            return wrap;
        }
    }
    return NULL;
}

static void wrap_fill(struct page *self, const uint8_t *stored, Waypost__OwnEvent *event)
{
    Waypost__Wrap *wrap = &self->wraps[self->count];
    uint8_t *at = page_copy(self, slice_of(stored, WRAP_STORED_BYTES));
    static const uint8_t end[1] = {0};

    waypost__wrap__init(wrap);
    wrap->code = (char *)page_copy(self, slice_of(at, CODE_BYTES));
    (void)page_copy(self, slice_of(end, 1));
    wrap->key_id = (ProtobufCBinaryData){KEY_ID_BYTES, at + CODE_BYTES};
    wrap->ephemeral = (ProtobufCBinaryData){SEAL_PUBLIC_BYTES, at + CODE_BYTES + KEY_ID_BYTES};
    wrap->sealed_key = (ProtobufCBinaryData){
        SEAL_WRAPPED_BYTES, at + CODE_BYTES + KEY_ID_BYTES + SEAL_PUBLIC_BYTES};
    event->wrap = wrap;
}

/* Event, payload, wrap, path, and the statement that it may be the first under. */
static size_t weight(const struct view *view, uint32_t index)
{
    return view->events[index].len + view->payloads[index].ciphertext.len + WRAP_STORED_BYTES +
        CODE_BYTES + 64 + PATH_STEPS * HASH_BYTES + view->batch.statement.len + SIGNATURE_BYTES;
}

static uint32_t batch_of(struct page *self, const struct view *view)
{
    if (self->batch_count > 0 &&
        self->batches[self->batch_count - 1].leaf_index == view->leaf_index) {
        return (uint32_t)self->batch_count - 1;
    }
    Waypost__Signed *signed_by = &self->statements[self->batch_count];
    Waypost__DeliveredBatch *batch = &self->batches[self->batch_count];
    waypost__signed__init(signed_by);
    waypost__delivered_batch__init(batch);
    signed_by->statement =
        (ProtobufCBinaryData){view->batch.statement.len, page_copy(self, view->batch.statement)};
    signed_by->signature =
        (ProtobufCBinaryData){SIGNATURE_BYTES, page_copy(self, view->batch.signature)};
    batch->batch = signed_by;
    batch->leaf_index = view->leaf_index;
    batch->accepted_ms = view->accepted_ms;
    return (uint32_t)self->batch_count++;
}

/* The agent takes nothing back that it has not signed. */
static void proof_fill(
    struct page *self, struct view *view, uint32_t index, Waypost__OwnEvent *event)
{
    struct merkle_path path;
    ProtobufCBinaryData *steps = self->steps + self->count * PATH_STEPS;

    view_path(self->core, view, index, &path);
    event->batch = batch_of(self, view);
    event->index = index;
    for (uint32_t i = 0; i < path.count; i++) {
        steps[i] = (ProtobufCBinaryData){
            HASH_BYTES, page_copy(self, slice_of(path.step[i].b, HASH_BYTES))};
    }
    event->n_path = path.count;
    event->path = steps;
}

/* False where the page is full. */
static bool page_add(struct page *self, struct view *view, uint32_t index)
{
    const struct stored_payload *payload = &view->payloads[index];

    if (self->count == BATCH_EVENTS_MAX ||
        (self->count > 0 && self->text.len + weight(view, index) > OWN_EVENTS_BYTES)) {
        return false;
    }
    Waypost__OwnEvent *event = &self->events[self->count];
    waypost__own_event__init(event);
    event->event =
        (ProtobufCBinaryData){view->events[index].len, page_copy(self, view->events[index])};
    event->accepted_ms = view->accepted_ms;
    event->leaf_index = view->leaf_index;
    proof_fill(self, view, index, event);
    if (payload->ciphertext.len > 0) {
        event->has_payload = 1;
        event->payload =
            (ProtobufCBinaryData){payload->ciphertext.len, page_copy(self, payload->ciphertext)};
        const uint8_t *wrap = own_wrap(self, payload);
        if (wrap != NULL) {
            wrap_fill(self, wrap, event);
        }
    }
    self->count++;
    return true;
}

/* Events of one incarnation from a sequence on; false where the page is full. */
static bool page_fill(struct page *self, const struct incarnation *inc, uint64_t sequence)
{
    uint64_t found[RUN];

    while (sequence <= inc->last_next) {
        size_t count = incarnation_find(self->core, inc, sequence, found, RUN);
        self->failed = count == 0;
        for (size_t i = 0; i < count && sequence <= inc->last_next; i++) {
            struct view *view = view_get(self->core, found[i]);
            if (view == NULL || view->first_sequence > sequence) {
                self->failed = true;
                break;
            }
            for (uint64_t n = sequence - view->first_sequence; n < view->batch.count; n++) {
                if (!page_add(self, view, (uint32_t)n)) {
                    return false;
                }
                sequence++;
            }
        }
        if (self->failed) {
            return false;
        }
    }
    return true;
}

static void page_send(
    core_t *self, struct session *session, struct page *page, uint64_t first, bool done)
{
    Waypost__OwnEvents own = WAYPOST__OWN_EVENTS__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__OwnEvent **list = mem_new(page->count + 1, sizeof(Waypost__OwnEvent *));
    Waypost__DeliveredBatch **batches =
        mem_new(page->batch_count + 1, sizeof(Waypost__DeliveredBatch *));

    for (size_t i = 0; i < page->count; i++) {
        list[i] = &page->events[i];
    }
    for (size_t i = 0; i < page->batch_count; i++) {
        batches[i] = &page->batches[i];
    }
    own.n_batches = page->batch_count;
    own.batches = batches;
    own.first = first;
    own.n_events = page->count;
    own.events = list;
    own.done = done;
    frame.body_case = WAYPOST__FRAME__BODY_OWN_EVENTS;
    frame.own_events = &own;
    const struct batch *last = session->stream->unreceipted_last;
    out_frame_after(self, session->id, &frame, last == NULL ? 0 : last->leaf_index + 1, false);
    free(list);
    free(batches);
}

void own_events_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    const struct stream *stream = session->stream;
    uint64_t skip = frame->fetch_own->after;
    struct page page = {.core = self, .agent = agent};
    bool done = true;

    buf_reserve(
        &page.text, OWN_EVENTS_BYTES + EVENT_BYTES_MAX + PAYLOAD_BYTES_MAX + OWN_PROOF_BYTES);
    page.events = mem_new(BATCH_EVENTS_MAX, sizeof *page.events);
    page.wraps = mem_new(BATCH_EVENTS_MAX, sizeof *page.wraps);
    page.batches = mem_new(BATCH_EVENTS_MAX, sizeof *page.batches);
    page.statements = mem_new(BATCH_EVENTS_MAX, sizeof *page.statements);
    page.steps = mem_new(BATCH_EVENTS_MAX * PATH_STEPS, sizeof *page.steps);
    for (size_t i = 0; i < stream->incarnation_count && done; i++) {
        const struct incarnation *inc = &stream->incarnations[i];
        if (skip >= inc->last_next) {
            skip -= inc->last_next;
            continue;
        }
        done = page_fill(&page, inc, skip + 1);
        skip = 0;
    }
    if (page.failed) {
        struct refusal refusal = {.frame = WAYPOST__FRAME__BODY_FETCH_OWN};
        core_count(self, COUNTER_UNREADABLE);
        (void)complain(&refusal.why, E_IO,
            "Own events cannot be read from the journal; the operator must look.");
        out_refuse(self, session->id, &refusal);
    } else {
        page_send(self, session, &page, frame->fetch_own->after, done);
    }
    buf_free(&page.text);
    free(page.events);
    free(page.wraps);
    free(page.batches);
    free(page.statements);
    free(page.steps);
}
