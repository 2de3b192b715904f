/*
 * out: frames that leave. What speaks of a record waits here until that record is durable; nothing overtakes inside
 * the queue. A peer that is gone loses its session and nothing else.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/banned.h"

int out_send(core_t *self, uint64_t id, struct slice frame)
{
    int rc = self->ports.send(self->ports.context, id, frame);
    struct session *session = session_find(self, id);

    if (rc == 0) {
        core_count(self, COUNTER_FRAMES_OUT);
    } else if (rc == E_BUSY) {
        core_count(self, COUNTER_PIPE_FULL);
        if (session != NULL) {
            session->pipe_full = true;
        }
    } else if (session != NULL) {
        core_count(self, COUNTER_SESSIONS_LOST);
        session_set(
            self, session, SESSION_CLOSED); /* swept at the next tick: callers may hold it */
    }
    return rc;
}

void out_frame(core_t *self, uint64_t session, Waypost__Frame *frame)
{
    buf_clear(&self->encode);
    frame_encode(frame, &self->encode);
    (void)out_send(self, session, buf_slice(&self->encode));
}

static struct outgoing *outgoing_push(core_t *self)
{
    if (self->outgoing_count == self->outgoing_capacity) {
        size_t capacity = self->outgoing_capacity == 0 ? 64 : self->outgoing_capacity * 2;
        struct outgoing *grown = mem_new(capacity, sizeof *grown);
        for (size_t i = 0; i < self->outgoing_count; i++) {
            grown[i] = self->outgoing[(self->outgoing_first + i) % self->outgoing_capacity];
        }
        free(self->outgoing);
        self->outgoing = grown;
        self->outgoing_capacity = capacity;
        self->outgoing_first = 0;
    }
    size_t at = (self->outgoing_first + self->outgoing_count++) % self->outgoing_capacity;
    return &self->outgoing[at];
}

void out_frame_after(
    core_t *self, uint64_t session, Waypost__Frame *frame, uint64_t need, bool welcome)
{
    struct outgoing *item = outgoing_push(self);

    item->session = session;
    item->need = need;
    item->welcome = welcome;
    buf_clear(&item->frame);
    frame_encode(frame, &item->frame);
    out_release(self);
}

void out_release(core_t *self)
{
    uint64_t durable = self->applied;

    while (self->outgoing_count > 0) {
        struct outgoing *item = &self->outgoing[self->outgoing_first];
        if (item->need > durable) {
            return;
        }
        struct session *session = session_find(self, item->session);
        int rc = out_send(self, item->session, buf_slice(&item->frame));
        if (rc == 0 && item->welcome && session != NULL && session->state == SESSION_OPEN) {
            session->welcomed = true;
            stream_ready(self, session->stream);
        }
        buf_free(&item->frame);
        self->outgoing_first = (self->outgoing_first + 1) % self->outgoing_capacity;
        self->outgoing_count--;
    }
}

void out_free(core_t *self)
{
    for (size_t i = 0; i < self->outgoing_count; i++) {
        buf_free(&self->outgoing[(self->outgoing_first + i) % self->outgoing_capacity].frame);
    }
    free(self->outgoing);
}

/* ---- refusals ---- */

static void refused_fill(const struct refusal *refusal, Waypost__Refused *out)
{
    out->code = (uint32_t)-refusal->why.rc;
    out->text = (char *)(uintptr_t)refusal->why.text; /* lent: protobuf-c knows no const */
    out->frame = refusal->frame;
    out->has_first_sequence = refusal->has_first;
    out->first_sequence = refusal->first_sequence;
    out->has_index = refusal->has_index;
    out->index = refusal->index;
    out->has_expected = refusal->has_expected;
    out->expected = refusal->expected;
    out->has_retry_ms = refusal->has_retry;
    out->retry_ms = refusal->retry_ms;
    out->has_request = refusal->has_request;
    out->request = refusal->request;
}

void out_refuse(core_t *self, uint64_t session, const struct refusal *refusal)
{
    Waypost__Refused refused = WAYPOST__REFUSED__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    core_count(self, counter_of_refusal(refusal->why.rc));
    refused_fill(refusal, &refused);
    frame.body_case = WAYPOST__FRAME__BODY_REFUSED;
    frame.refused = &refused;
    out_frame(self, session, &frame);
}

void out_refuse_after(core_t *self, uint64_t session, const struct refusal *refusal, uint64_t need)
{
    Waypost__Refused refused = WAYPOST__REFUSED__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    core_count(self, counter_of_refusal(refusal->why.rc));
    refused_fill(refusal, &refused);
    frame.body_case = WAYPOST__FRAME__BODY_REFUSED;
    frame.refused = &refused;
    out_frame_after(self, session, &frame, need, false);
}
