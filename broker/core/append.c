/*
 * append: records go into the journal here, and come back in order when their commit is durable. A ring keeps their
 * bodies meanwhile; a batch's stand in its view. Cannot fail.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>

#include "common/base/check.h"

#include "common/base/banned.h"

enum { SLOT_BYTES = 65536 };

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

/* Slots are used again and again: a rare big body is not to stay in each of them. */
static void body_keep(struct buf *kept, uint8_t type, struct slice body)
{
    if (kept->capacity > SLOT_BYTES) {
        buf_free(kept);
    }
    buf_clear(kept);
    if (type == RECORD_INPUT) {
        body.len = sizeof(uint32_t); /* its kind; the bytes are in force already */
    }
    if (type != RECORD_BATCH && type != RECORD_ACK) {
        buf_put_slice(kept, body);
    }
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
    body_keep(&kept->body, type, body);
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

/* The body stays with its slot, to be used again: the slot popped is overwritten by an append only when the ring comes
 * round, or moved when it grows. So what is lent holds until the next append, and appliers append nothing. */
bool append_pop(core_t *self, uint64_t durable, struct unapplied *out)
{
    if (self->unapplied_count == 0) {
        return false;
    }
    struct unapplied *first = &self->unapplied[self->unapplied_first];
    if (first->sequence >= durable) {
        return false;
    }
    *out = *first;
    self->unapplied_first = (self->unapplied_first + 1) % self->unapplied_capacity;
    self->unapplied_count--;
    return true;
}

void append_free(core_t *self)
{
    for (size_t i = 0; i < self->unapplied_capacity; i++) {
        buf_free(&self->unapplied[i].body);
    }
    free(self->unapplied);
}
