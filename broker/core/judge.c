/*
 * judge: accepted and verified batches, strictly in journal order, get their recipients. The result is a record, and
 * its application is the only way into a stream; replay applies it and routes nothing.
 *
 * Body of RECORD_JUDGED:
 *   u64 leaf index of the batch, u64 its position, u32 events, then per event: u8 verdict (0 unjudged, 1 effective,
 *   2 alert, 3 refused, 4 held; + 8: the payload is withheld; + 16: the engine did not survive it and never saw it),
 *   varint number of targets, varint (stream << 1 | facts only) each; what the events bring with them (disclose.c), if
 *   anything; u64 time at which the procedures folded it, 0 where they were off
 * With a leaf index of UINT64_MAX - form it is about no batch but moves entries that are in streams already:
 *   FORM_MOVE     u32 stream, u32 stream that gets them too (NO_STREAM: they leave the first), u32 count, varint
 *                 differences of their numbers
 *   FORM_HOLD     16 bytes event, u32 count, then per entry: u32 stream, u64 number
 *   FORM_RELEASE  16 bytes event
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

enum { TARGETS_MAX = RECIPIENTS_MAX + HUBS_MAX, FORM_LAST = FORM_RELEASE };

#define NOTE_FAULT UINT32_MAX /* no recipient: the engine's */

/* A recipient that was not simply reached; told after the batch was judged. */
struct note {
    uint32_t event;
    uint32_t code; /* n of view_code(), or NOTE_FAULT */
};

struct targets {
    uint64_t list[TARGETS_MAX]; /* stream << 1 | clear */
    size_t count;
};

static void target_add(struct targets *targets, uint32_t stream, bool clear)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (targets->list[i] >> 1 == stream) {
            return; /* as recipient rather than as hub: recipients come first */
        }
    }
    targets->list[targets->count++] = (uint64_t)stream << 1 | (clear ? 1 : 0);
}

static void route_event(core_t *self, const struct batch *batch, uint32_t index, int32_t day,
    struct targets *targets, struct buf *notes)
{
    struct view *view = batch->view;
    const struct digest *digest = view_digest(self, view, index);
    uint64_t hubs = routing_hubs_of(self, view, digest);
    bool alone = disclose_is_alone(view, digest); /* delivered to nobody */

    targets->count = 0;
    for (uint32_t n = DIGEST_TO; n < digest->code_count && !alone; n++) {
        struct route_row *row = routing_row(&self->routing, view_code(view, digest, n));
        if (row != NULL) {
            routing_resolve(self, row, day);
        }
        if (row != NULL && row->stream != NO_STREAM) {
            target_add(targets, row->stream, false);
        }
        if (row == NULL || row->route != ROUTE_DIRECT) {
            struct note note = {index, n};
            buf_put(notes, &note, sizeof note);
        }
    }
    for (size_t i = 0; i < self->routing.hub_count; i++) {
        if ((hubs >> i & 1) != 0) {
            target_add(targets, self->routing.hubs[i], true);
        }
    }
}

void judge_tell(core_t *self, Waypost__Derived *derived, const struct stream *sender, uint64_t hubs)
{
    char *told[HUBS_MAX + 1];
    size_t count = 0;

    if (sender != NULL) {
        told[count++] = self->streams[sender->index]->name;
    }
    for (size_t i = 0; i < self->routing.hub_count; i++) {
        struct stream *hub = self->streams[self->routing.hubs[i]];
        if ((hubs >> i & 1) != 0 && hub != sender) {
            told[count++] = hub->name;
        }
    }
    derived->n_told = count;
    derived->told = told;
    (void)append_derived(self, derived);
}

/* A superseded code was followed, or the event comes back to its sender with the choice (R54). */
static void note_tell(core_t *self, const struct batch *batch, const struct note *note)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    const struct digest *digest = view_digest(self, batch->view, note->event);
    const struct route_row *row =
        routing_row(&self->routing, view_code(batch->view, digest, note->code));
    char code[CODE_BYTES + 1];
    char *successor[1];

    digest_code(batch->view, digest, note->code, code);
    derived.kind = WAYPOST__SYSTEM_KIND__RETURNED_TO_SENDER;
    derived.at_ms = batch->accepted_ms;
    derived.code = code;
    derived.has_event = derived.has_transfer = 1;
    derived.event = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)digest->id};
    derived.transfer = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)digest->transfer};
    if (row != NULL && row->route == ROUTE_SUCCESSOR) {
        derived.kind = WAYPOST__SYSTEM_KIND__CODE_SUPERSEDED;
        successor[0] = (char *)(uintptr_t)row->to->code;
        derived.successors = successor;
        derived.n_successors = 1;
        core_count(self, COUNTER_EVENTS_SUPERSEDED);
    } else {
        if (row != NULL && row->to != NULL) {
            derived.successors = (char **)(uintptr_t)row->to->successors;
            derived.n_successors = row->to->successor_count;
        }
        core_count(self, COUNTER_EVENTS_RETURNED);
    }
    judge_tell(self, &derived, batch->publisher, routing_hubs_of(self, batch->view, digest));
}

/* The engine did not survive it: its sender and the hubs that see it are told that nobody has judged it. */
static void note_fault(core_t *self, const struct batch *batch, uint32_t index)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    const struct digest *digest = view_digest(self, batch->view, index);

    derived.kind = WAYPOST__SYSTEM_KIND__ENGINE_FAULT;
    derived.at_ms = batch->accepted_ms;
    derived.has_event = derived.has_transfer = 1;
    derived.event = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)digest->id};
    derived.transfer = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)digest->transfer};
    judge_tell(self, &derived, batch->publisher, routing_hubs_of(self, batch->view, digest));
}

static void judge_batch(core_t *self, struct batch *batch)
{
    struct buf body = self->record_body;
    struct buf notes = {0};
    struct targets targets;
    int32_t day = civil_london_day(batch->accepted_ms);
    int64_t folded_ms = fold_on(self) ? fold_time(self, batch->accepted_ms) : 0;

    self->record_body = (struct buf){0}; /* resolving a route may append a record of its own */
    buf_clear(&body);
    buf_put_u64(&body, batch->leaf_index);
    buf_put_u64(&body, batch->position);
    buf_put_u32(&body, batch->count);
    for (uint32_t i = 0; i < batch->count; i++) {
        route_event(self, batch, i, day, &targets, &notes);
        uint8_t verdict = fold_event(self, batch->view, i, folded_ms);
        if ((verdict & JUDGED_LEFT_OUT) != 0) {
            struct note note = {i, NOTE_FAULT};
            buf_put(&notes, &note, sizeof note);
        }
        buf_put_u8(&body, verdict);
        buf_put_varint(&body, targets.count);
        for (size_t t = 0; t < targets.count; t++) {
            buf_put_varint(&body, targets.list[t]);
        }
        if (disclose_is_alone(batch->view, view_digest(self, batch->view, i))) {
            disclose_note(self, batch->view, i, verdict);
        }
    }
    for (uint32_t i = 0; i < batch->count && self->undisclosed_count > 0; i++) {
        disclose_tell(self, batch->view, i, &body);
    }
    buf_put_u64(&body, (uint64_t)folded_ms);
    (void)append_record(self, RECORD_JUDGED, buf_slice(&body), slice_of(NULL, 0), NULL);
    buf_free(&self->record_body);
    self->record_body = body;
    batch->judged = true;
    fold_flush(self);
    for (size_t at = 0; at < notes.len; at += sizeof(struct note)) {
        struct note note;
        memcpy(&note, notes.data + at, sizeof note);
        if (note.code == NOTE_FAULT) {
            note_fault(self, batch, note.event);
        } else {
            note_tell(self, batch, &note);
        }
    }
    buf_free(&notes);
}

void judge_run(core_t *self)
{
    bool ready = !self->judging_paused && fold_ready(self);

    for (struct batch *batch = self->batches; batch != NULL && ready; batch = batch->next) {
        if (batch->judged || batch->state == BATCH_VOID) {
            continue;
        }
        if (batch->state != BATCH_GOOD) {
            return; /* order: nothing after it is judged before it */
        }
        judge_batch(self, batch);
    }
}

/* ---- application ---- */

static int judged_batch_apply(core_t *self, uint64_t leaf, struct cursor *body)
{
    uint64_t position = take_u64(body);
    uint32_t count = take_u32(body);
    struct batch *batch = self->batches;

    while (batch != NULL && batch->leaf_index != leaf) {
        batch = batch->next;
    }
    if (batch == NULL && lost_at(&self->losses, position) == NULL) {
        return E_CORRUPT;
    }
    if (batch != NULL && (batch->count != count || batch->position != position)) {
        return E_CORRUPT;
    }
    /* Of a lost batch the numbers stay taken, and each stream waits there until it can be read again. */
    struct entry entry = {.position = position,
        .sender = batch == NULL ? NO_STREAM : batch->publisher->index,
        .type = ENTRY_EVENT};
    for (uint32_t i = 0; i < count; i++) {
        uint8_t verdict = take_u8(body);
        uint8_t kept = (verdict & JUDGED_WITHHELD) != 0 ? ENTRY_WITHHELD : verdict & JUDGED_VERDICT;
        bool reached = false; /* somebody in whole, and not a hub in clear facts */
        entry.index = (uint16_t)i;
        for (uint64_t targets = take_varint(body); targets > 0 && !body->failed; targets--) {
            uint64_t target = take_varint(body);
            if (target >> 1 >= self->stream_count) {
                return E_CORRUPT;
            }
            entry.flags =
                (uint8_t)(((target & 1) != 0 ? ENTRY_CLEAR : 0) | kept << ENTRY_VERDICT_SHIFT);
            stream_push(self, self->streams[target >> 1], entry);
            reached |= (target & 1) == 0;
        }
        if (!reached) {
            disclose_noted(self, position, i, verdict);
        }
    }
    int rc = disclose_apply(self, body);
    if (batch != NULL) {
        batch_remove(self, batch);
    }
    return rc;
}

void judge_append_move(
    core_t *self, uint32_t from, uint32_t to, const uint64_t *numbers, size_t count)
{
    for (size_t done = 0; done < count;) {
        size_t part = count - done < MOVED_RECORD_ENTRIES ? count - done : MOVED_RECORD_ENTRIES;
        uint64_t gone = to == NO_STREAM ? done : 0; /* what a removal left behind moved up */
        uint64_t before = 0;
        buf_clear(&self->record_body);
        buf_put_u64(&self->record_body, UINT64_MAX - FORM_MOVE);
        buf_put_u32(&self->record_body, from);
        buf_put_u32(&self->record_body, to);
        buf_put_u32(&self->record_body, (uint32_t)part);
        for (size_t i = 0; i < part; i++) {
            buf_put_varint(&self->record_body, numbers[done + i] - gone - before);
            before = numbers[done + i] - gone;
        }
        (void)append_record(
            self, RECORD_JUDGED, buf_slice(&self->record_body), slice_of(NULL, 0), NULL);
        done += part;
    }
}

/* No acknowledgement stands between the record of a register and these: numbers mean what they meant. */
static int move_apply(core_t *self, struct cursor *body)
{
    uint32_t from = take_u32(body);
    uint32_t to = take_u32(body);
    uint32_t count = take_u32(body);
    uint64_t number = 0;

    if (body->failed || from >= self->stream_count ||
        (to != NO_STREAM && to >= self->stream_count) || count > MOVED_RECORD_ENTRIES) {
        return E_CORRUPT;
    }
    struct stream *stream = self->streams[from];
    uint64_t *numbers = mem_new((size_t)count + 1, sizeof *numbers);
    for (uint32_t i = 0; i < count; i++) {
        number += take_varint(body);
        numbers[i] = number;
        if (number <= stream->acked || number > stream->last) {
            body->failed = true;
            break;
        }
        if (to != NO_STREAM) {
            stream_push(self, self->streams[to], *stream_entry(stream, number));
        }
    }
    if (to == NO_STREAM && !body->failed) {
        stream_remove(self, stream, numbers, count);
    }
    free(numbers);
    return body->failed ? E_CORRUPT : 0;
}

int judge_apply(core_t *self, const struct record *record)
{
    struct cursor body = cursor_of(record->body);
    uint64_t leaf = take_u64(&body);

    if (leaf == UINT64_MAX - FORM_MOVE) {
        return move_apply(self, &body);
    }
    if (leaf >= UINT64_MAX - FORM_LAST) {
        return operate_form_apply(self, (int)(UINT64_MAX - leaf), &body);
    }
    return judged_batch_apply(self, leaf, &body);
}

/* One thing that a record says, and where it stands. */
struct saying {
    core_t *core;
    uint64_t position;
    uint16_t index;
};

/* Everybody named in `told` gets it as an entry, but for what only the broker itself reads. */
static int tell_apply(const struct saying *self, const Waypost__Derived *derived)
{
    struct entry entry = {.position = self->position,
        .sender = NO_STREAM,
        .index = self->index,
        .type = ENTRY_RECORD};

    for (size_t i = 0; i < derived->n_told; i++) {
        struct stream *stream = stream_named(self->core, derived->told[i]);
        if (stream == NULL) {
            return E_CORRUPT;
        }
        stream_push(self->core, stream, entry);
    }
    return 0;
}

static int saying_apply(void *context, const Waypost__Derived *derived)
{
    struct saying *saying = context;
    core_t *self = saying->core;

    if (derived->kind == WAYPOST__SYSTEM_KIND__STREAM_OPENED) {
        if (derived->n_told != 1 || strlen(derived->told[0]) > AGENT_ID_BYTES_MAX) {
            return E_CORRUPT;
        }
        stream_apply_opened(self, derived->told[0], derived->version);
        session_epoch_changed(self, derived->told[0]);
        return 0;
    }
    if (derived->kind == WAYPOST__SYSTEM_KIND__REGISTER_CHANGED) {
        self->register_settled = true;
        self->settle_due = false; /* on replay: it was done before the crash */
        return 0;
    }
    if (derived->kind == WAYPOST__SYSTEM_KIND__BATCH_VOIDED) {
        batch_voided_apply(self, derived->leaf_index);
    }
    int rc = tell_apply(saying, derived);
    saying->index++;
    return rc;
}

int derived_apply(core_t *self, const struct record *record, uint64_t position)
{
    struct saying saying = {self, position, 0};

    return derived_walk(self->arena_body, record->body, saying_apply, &saying);
}
