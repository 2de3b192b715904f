/*
 * dedup: what an agent has published before, by incarnation and sequence. A chain of batches backwards with a mark
 * every MARK_BATCHES of them finds any original; a repeated batch gets the original receipt, for ever (S-7).
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"

#include "common/base/banned.h"

/* ---- incarnations ---- */

struct incarnation *incarnation_of(struct stream *stream, uint64_t id)
{
    for (size_t i = stream->incarnation_count; i > 0; i--) {
        if (stream->incarnations[i - 1].id == id) {
            return &stream->incarnations[i - 1];
        }
    }
    return NULL;
}

struct incarnation *incarnation_add(struct stream *stream, uint64_t id)
{
    if (stream->incarnation_count == stream->incarnation_capacity) { /* most have one */
        stream->incarnation_capacity =
            stream->incarnation_capacity == 0 ? 1 : stream->incarnation_capacity * 2;
        stream->incarnations = mem_resize(
            stream->incarnations, stream->incarnation_capacity, sizeof *stream->incarnations);
    }
    struct incarnation *inc = &stream->incarnations[stream->incarnation_count++];
    *inc = (struct incarnation){.id = id};
    return inc;
}

static size_t mark_count(const struct incarnation *inc)
{
    return (size_t)((inc->batches + MARK_BATCHES - 1) / MARK_BATCHES);
}

void incarnation_accept(struct incarnation *inc, const struct batch *batch)
{
    if (inc->batches % MARK_BATCHES == 0) {
        size_t at = mark_count(inc);
        inc->marks = mem_grow(inc->marks, at, &inc->mark_capacity, sizeof *inc->marks);
        inc->marks[at] = (struct mark){batch->first_sequence, batch->position};
    }
    inc->batches++;
    inc->last = batch->first_sequence + batch->count - 1;
    inc->position = batch->position;
}

/* Those after a voided batch fall with it, and each has a record of its own: only the first finds something to undo. */
void incarnation_void(struct incarnation *inc, const struct batch *batch)
{
    if (inc->last >= batch->first_sequence) {
        inc->last = batch->first_sequence - 1;
        inc->position = batch->previous;
        inc->batches = batch->ordinal;
    }
}

const uint8_t *incarnation_last_id(core_t *self, struct incarnation *inc)
{
    if (inc->last_next == 0) {
        return NULL;
    }
    if (!inc->id_known) {
        struct view *view = view_get(self, inc->position_next);
        if (view == NULL) {
            return NULL;
        }
        memcpy(inc->last_id, view_digest(self, view, view->batch.count - 1)->id, UUID_BYTES);
        inc->id_known = true;
    }
    return inc->last_id;
}

/* ---- finding originals ---- */

static uint64_t walk_start(const struct incarnation *inc, uint64_t from)
{
    size_t low = 0;
    size_t high = inc->voiding > 0 ? 0 : mark_count(inc);
    size_t count = high;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inc->marks[middle].first_sequence <= from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count ? inc->marks[low].position : inc->position_next;
}

size_t incarnation_find(
    core_t *self, const struct incarnation *inc, uint64_t from, uint64_t *out, size_t max)
{
    struct buf walked = {0};
    uint64_t position = walk_start(inc, from);
    bool found = false;

    while (position != 0 && !found) {
        const struct view *view = view_get(self, position);
        if (view == NULL) {
            break;
        }
        buf_put_u64(&walked, position);
        found = view->first_sequence <= from;
        position = view->batch.previous;
    }
    size_t count = found ? walked.len / sizeof(uint64_t) : 0;
    size_t taken = count < max ? count : max;
    for (size_t i = 0; i < taken; i++) {
        out[i] = get_u64(walked.data + (count - 1 - i) * sizeof(uint64_t));
    }
    buf_free(&walked);
    return taken;
}

/* ---- answering ---- */

/* The events of the repeated batch that this original holds are the same, byte for byte. */
static bool original_matches(
    const struct view *view, const Waypost__Publish *publish, uint64_t first, uint64_t from)
{
    uint64_t last = first + publish->n_events - 1;
    uint64_t view_last = view->first_sequence + view->batch.count - 1;

    for (uint64_t s = from; s <= last && s <= view_last; s++) {
        struct slice mine = slice_of_proto(publish->events[s - first]->event);
        if (!slice_equal(view->events[s - view->first_sequence], mine)) {
            return false;
        }
    }
    return true;
}

/* Returns how many originals the batch repeats, their positions in out; 0 or a code in *rc. */
static size_t originals_of(core_t *self, const struct incarnation *inc,
    const Waypost__Publish *publish, uint64_t first, uint64_t *out, int *rc)
{
    uint64_t last = first + publish->n_events - 1;
    uint64_t found[MARK_BATCHES * 2];
    size_t count = 0;

    *rc = 0;
    for (uint64_t next = first; next <= last;) {
        size_t got = incarnation_find(self, inc, next, found, sizeof found / sizeof found[0]);
        for (size_t i = 0; i < got && next <= last; i++) {
            const struct view *view = view_get(self, found[i]);
            if (view == NULL || view->first_sequence > next || count == DUPLICATES_MAX) {
                got = 0;
                break;
            }
            if (!original_matches(view, publish, first, next)) {
                *rc = E_CONFLICT;
                return 0;
            }
            out[count++] = found[i];
            next = view->first_sequence + view->batch.count;
        }
        if (got == 0) {
            *rc = E_IO;
            return 0;
        }
    }
    return count;
}

static void conflict_record(core_t *self, struct session *session)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    const struct register_agent *agent = register_agent_of(self->reg, session->stream->name);
    const struct route_row *row =
        agent == NULL || agent->code[0] == '\0' ? NULL : routing_row(&self->routing, agent->code);

    core_count(self, COUNTER_CONFLICTS);
    log_errorx("sequence conflict agent=%s incarnation=%016llx: cloned or restored; call its owner",
        session->stream->name, (unsigned long long)session->incarnation);
    if (session->conflict_told) {
        return; /* one record a session: a faulty agent must not fill the journal */
    }
    session->conflict_told = true;
    derived.kind = WAYPOST__SYSTEM_KIND__SEQUENCE_CONFLICT;
    derived.at_ms = self->now_ms;
    derived.by = session->stream->name;
    derived.has_code_err = 1;
    derived.code_err = (uint32_t)-E_CONFLICT;
    judge_tell(self, &derived, session->stream, self->routing.all | (row != NULL ? row->hubs : 0));
}

/* R50: that an event came again stands in the journal, and the hubs are told; nothing else happens. */
static void duplicates_record(
    core_t *self, struct session *session, struct view *view, uint64_t first, uint64_t last)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;

    derived.kind = WAYPOST__SYSTEM_KIND__DUPLICATE_IGNORED;
    derived.at_ms = self->now_ms;
    derived.by = session->stream->name;
    derived.has_event = derived.has_transfer = 1;
    for (uint32_t i = 0; i < view->batch.count; i++) {
        uint64_t sequence = view->first_sequence + i;
        if (sequence < first || sequence > last ||
            session->duplicates_told == DUPLICATES_TOLD_MAX) {
            continue;
        }
        const struct digest *digest = view_digest(self, view, i);
        derived.event = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)digest->id};
        derived.transfer =
            (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)digest->transfer};
        session->duplicates_told++;
        judge_tell(self, &derived, NULL, routing_hubs_of(self, view, digest));
    }
}

static void original_answer(
    core_t *self, struct session *session, uint64_t position, uint64_t first, uint64_t last)
{
    for (struct batch *batch = session->stream->unreceipted_first; batch != NULL;
         batch = batch->unreceipted_next) {
        if (batch->position == position) { /* not promised yet: the answer comes when it is */
            batch->session = session->id;
            batch->duplicate = true;
            return;
        }
    }
    struct view *view = view_get(self, position);
    if (view != NULL) {
        (void)receipt_send(self, session->id, view, true);
        duplicates_record(self, session, view, first, last);
    }
}

int dedup_answer(core_t *self, struct session *session, const struct incarnation *inc,
    const Waypost__Publish *publish, uint64_t first, struct refusal *refusal)
{
    uint64_t originals[DUPLICATES_MAX];
    int rc;
    size_t count = originals_of(self, inc, publish, first, originals, &rc);

    if (rc == E_CONFLICT) {
        conflict_record(self, session);
        return complain(&refusal->why, rc,
            "Sequence %llu and following are taken by other events: this agent's store was copied "
            "or restored; stop, and open a new incarnation.",
            (unsigned long long)first);
    }
    if (rc != 0) {
        core_count(self, COUNTER_UNREADABLE);
        return complain(&refusal->why, rc,
            "The originals of this batch cannot be read from the journal; the operator must look.");
    }
    core_count(self, COUNTER_DUPLICATES);
    for (size_t i = 0; i < count; i++) {
        original_answer(self, session, originals[i], first, first + publish->n_events - 1);
    }
    return 0;
}
