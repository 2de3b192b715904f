/*
 * append: records go into the journal here, and come back in order when their commit is durable. A ring knows them
 * meanwhile, a queue holds their bodies; a batch's stand in its view. Cannot fail.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

enum { BODIES_KEPT = 1048576 /* bytes: after a rush it is given back */ };

static struct unapplied *unapplied_push(core_t *self)
{
    if (self->unapplied_count == self->unapplied_capacity) {
        size_t capacity = self->unapplied_capacity == 0 ? 256 : self->unapplied_capacity * 2;
        struct unapplied *grown = mem_new(capacity, sizeof *grown);
        for (size_t i = 0; i < self->unapplied_capacity; i++) {
            grown[i] = self->unapplied[(self->unapplied_first + i) % self->unapplied_capacity];
        }
        free(self->unapplied);
        self->unapplied = grown;
        self->unapplied_capacity = capacity;
        self->unapplied_first = 0;
    }
    size_t at = (self->unapplied_first + self->unapplied_count++) % self->unapplied_capacity;
    return &self->unapplied[at];
}

/* Bodies go out in the order in which they came: what was handed out stands in front, and goes when it is most of it. */
static void bodies_tidy(core_t *self)
{
    struct buf *bodies = &self->unapplied_bodies;
    size_t left = bodies->len - self->unapplied_taken;

    if (left == 0 && bodies->capacity > BODIES_KEPT) {
        buf_free(bodies);
    } else if (left <= self->unapplied_taken) {
        if (left > 0) {
            memmove(bodies->data, bodies->data + self->unapplied_taken, left);
        }
        bodies->len = left;
    } else {
        return;
    }
    self->unapplied_taken = 0;
}

static size_t body_keep(core_t *self, uint8_t type, struct slice body)
{
    if (type == RECORD_BATCH || type == RECORD_ACK) {
        return 0;
    }
    if (type == RECORD_INPUT) {
        body.len = sizeof(uint32_t); /* its kind; the bytes are in force already */
    }
    bodies_tidy(self);
    buf_put_slice(&self->unapplied_bodies, body);
    return body.len;
}

uint64_t append_record(
    core_t *self, uint8_t type, struct slice body, struct slice payload, uint64_t *position)
{
    struct record record = {
        .type = type, .time_ms = self->now_ms, .body = body, .payload = payload};
    struct unapplied *kept = unapplied_push(self);

    if (type == RECORD_BATCH && payload_erased_count(payload) > 0) {
        record.flags = RECORD_ERASED;
    }

    assert(!self->replaying);
    kept->type = type;
    kept->time_ms = self->now_ms;
    kept->sequence = journal_append(self->journal, &record, &kept->position);
    kept->body_bytes = body_keep(self, type, body);
    self->applied_bytes += RECORD_HEADER_BYTES + body.len + payload.len;
    self->fold.unsaved_bytes += RECORD_HEADER_BYTES + body.len + payload.len;
    if (position != NULL) {
        *position = kept->position;
    }
    return kept->sequence;
}

uint64_t append_derived(core_t *self, Waypost__Derived *derived)
{
    buf_clear(&self->record_body);
    message_encode(&derived->base, &self->record_body);
    return append_record(
        self, RECORD_DERIVED, buf_slice(&self->record_body), slice_of(NULL, 0), NULL);
}

/* Appliers append nothing, so what is lent holds while they look. */
bool append_pop(core_t *self, uint64_t durable, struct unapplied *out, struct slice *body)
{
    if (self->unapplied_count == 0) {
        return false;
    }
    const struct unapplied *first = &self->unapplied[self->unapplied_first];
    if (first->sequence >= durable) {
        return false;
    }
    *out = *first;
    *body = first->body_bytes == 0
        ? slice_of(NULL, 0)
        : slice_of(self->unapplied_bodies.data + self->unapplied_taken, first->body_bytes);
    self->unapplied_taken += first->body_bytes;
    self->unapplied_first = (self->unapplied_first + 1) % self->unapplied_capacity;
    self->unapplied_count--;
    return true;
}

void append_free(core_t *self)
{
    buf_free(&self->unapplied_bodies);
    free(self->unapplied);
}
