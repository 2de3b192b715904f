/*
 * snapshot: the durable state as bytes and back. Our own form, versioned; one that is not understood is not used, and
 * the journal is replayed instead. Two states are equal exactly where their bytes are.
 *
 *   u32 "WPS4", u64 leaves, u64 position of the last, u64 position of the register, of the one before, of the epoch, u8 settled
 *   u32 streams, each: head, incarnations with marks, pending entries in runs
 *   u32 batches not judged · u32 entries held · u32 openings · u32 time marks · u32 open erasures · u32 not disclosed
 * Varints throughout; positions and numbers as differences from the one before.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/banned.h"

#define SNAPSHOT_MAGIC UINT32_C(0x34535057)

/* ---- writing ---- */

/* Wrap-around makes a difference of any two numbers; positions rise, so the common one is short. */
static void difference_put(struct buf *out, uint64_t value, uint64_t *before)
{
    buf_put_varint(out, value - *before);
    *before = value;
}

static void incarnation_put(const struct incarnation *inc, struct buf *out)
{
    uint64_t sequence = 0;
    uint64_t position = 0;
    size_t marks = (size_t)((inc->batches + MARK_BATCHES - 1) / MARK_BATCHES);

    buf_put_u64(out, inc->id);
    buf_put_varint(out, inc->last);
    buf_put_varint(out, inc->position);
    buf_put_varint(out, inc->batches);
    for (size_t i = 0; i < marks; i++) {
        difference_put(out, inc->marks[i].first_sequence, &sequence);
        difference_put(out, inc->marks[i].position, &position);
    }
}

/* A run: entries of one position whose indexes rise by one. */
static void entries_put(const struct stream *stream, struct buf *out)
{
    uint64_t position = 0;

    for (uint64_t n = stream->acked + 1; n <= stream->last;) {
        struct entry first = *stream_entry(stream, n);
        uint64_t run = 1;
        while (n + run <= stream->last) {
            const struct entry *next = stream_entry(stream, n + run);
            if (next->position != first.position || next->index != first.index + run ||
                next->type != first.type || next->flags != first.flags ||
                next->sender != first.sender) {
                break;
            }
            run++;
        }
        difference_put(out, first.position, &position);
        buf_put_u8(out, (uint8_t)(first.type | first.flags << 4));
        buf_put_varint(out, first.index);
        buf_put_varint(out,
            (uint64_t)first.sender + 1 == (uint64_t)NO_STREAM + 1 ? 0 : (uint64_t)first.sender + 1);
        buf_put_varint(out, run);
        n += run;
    }
}

static void stream_put(const struct stream *stream, struct buf *out)
{
    size_t name = strlen(stream->name);

    buf_put_u8(out, (uint8_t)name);
    buf_put(out, stream->name, name);
    buf_put_varint(out, stream->epoch);
    buf_put_varint(out, stream->acked);
    buf_put(out, stream->acked_hash.b, HASH_BYTES);
    buf_put_varint(out, stream->counter);
    buf_put_varint(out, stream->ack_position);
    buf_put_varint(out, stream->ack_leaf);
    buf_put_varint(out, stream->last);
    buf_put_u64(out, (uint64_t)stream->contact_ms);
    buf_put_varint(out, stream->incarnation_durable);
    for (size_t i = 0; i < stream->incarnation_durable; i++) {
        incarnation_put(&stream->incarnations[i], out);
    }
    entries_put(stream, out);
}

static void batch_put(const struct batch *batch, struct buf *out)
{
    buf_put_u64(out, batch->position);
    buf_put_u64(out, batch->leaf_index);
    buf_put_u64(out, batch->previous);
    buf_put_u64(out, batch->ordinal);
    buf_put_u64(out, (uint64_t)batch->accepted_ms);
    buf_put_u32(out, batch->publisher->index);
    buf_put_u32(out, batch->incarnation);
    buf_put_u64(out, batch->first_sequence);
    buf_put_u32(out, batch->count);
    buf_put(out, batch->public_key, sizeof batch->public_key);
}

static void batches_put(const core_t *self, struct buf *out)
{
    uint32_t count = 0;

    for (const struct batch *batch = self->batches; batch != NULL; batch = batch->next) {
        count += batch->durable;
    }
    buf_put_u32(out, count);
    for (const struct batch *batch = self->batches; batch != NULL; batch = batch->next) {
        if (batch->durable) {
            batch_put(batch, out);
        }
    }
}

static void held_put(const struct held *held, struct buf *out)
{
    buf_put(out, held->event, UUID_BYTES);
    buf_put_u32(out, held->stream);
    buf_put_u64(out, held->entry.position);
    buf_put_u32(out, held->entry.sender);
    buf_put_u16(out, held->entry.index);
    buf_put_u8(out, held->entry.type);
    buf_put_u8(out, held->entry.flags);
}

static void openings_put(const core_t *self, struct buf *out)
{
    buf_put_u32(out, (uint32_t)self->openable_count);
    for (size_t i = 0; i < self->openable_count; i++) {
        const struct openable *item = &self->openables[(self->openable_first + i) % OPENABLE_MAX];
        buf_put_u64(out, item->key);
        buf_put_varint(out, item->position);
        buf_put_varint(out, item->index);
    }
}

void snapshot_encode(const core_t *self, struct buf *out)
{
    struct time_mark before = {0};

    buf_put_u32(out, SNAPSHOT_MAGIC);
    buf_put_u64(out, self->applied);
    buf_put_u64(out, self->applied_position);
    buf_put_u64(out, self->register_position);
    buf_put_u64(out, self->register_before);
    buf_put_u64(out, self->epoch_position);
    buf_put_u8(out, self->register_settled);
    buf_put_u32(out, (uint32_t)self->stream_durable);
    for (size_t i = 0; i < self->stream_durable; i++) {
        stream_put(self->streams[i], out);
    }
    batches_put(self, out);
    buf_put_u32(out, (uint32_t)self->held_count);
    for (size_t i = 0; i < self->held_count; i++) {
        held_put(&self->held[i], out);
    }
    openings_put(self, out);
    buf_put_u32(out, (uint32_t)self->time_mark_count);
    for (size_t i = 0; i < self->time_mark_count; i++) {
        const struct time_mark *mark = &self->time_marks[i];
        buf_put_varint(out, mark->leaf - before.leaf);
        buf_put_varint(out, mark->position - before.position);
        buf_put_varint(out, (uint64_t)mark->time_ms - (uint64_t)before.time_ms);
        before = *mark;
    }
    erasures_encode(self, out);
    disclose_encode(self, out);
}

/* ---- reading ---- */

static uint64_t difference_take(struct cursor *in, uint64_t *before)
{
    *before += take_varint(in);
    return *before;
}

static void incarnation_take(struct cursor *in, struct stream *stream)
{
    uint64_t sequence = 0;
    uint64_t position = 0;
    struct incarnation *inc = incarnation_add(stream, take_u64(in));

    inc->last = inc->last_next = take_varint(in);
    inc->position = inc->position_next = take_varint(in);
    inc->batches = take_varint(in);
    size_t marks = (size_t)((inc->batches + MARK_BATCHES - 1) / MARK_BATCHES);
    if (in->failed || marks > in->rest.len) { /* a mark takes two bytes at least */
        in->failed = true;
        inc->batches = 0;
        return;
    }
    inc->mark_capacity = marks + 4;
    inc->marks = mem_new(inc->mark_capacity, sizeof *inc->marks);
    for (size_t i = 0; i < marks; i++) {
        inc->marks[i].first_sequence = difference_take(in, &sequence);
        inc->marks[i].position = difference_take(in, &position);
    }
}

static void entries_take(core_t *self, struct cursor *in, struct stream *stream, uint64_t last)
{
    uint64_t position = 0;

    while (stream->last < last && !in->failed) {
        struct entry entry = {.position = difference_take(in, &position)};
        uint8_t type = take_u8(in);
        entry.type = type & 15;
        entry.flags = (uint8_t)(type >> 4);
        uint64_t index = take_varint(in);
        uint64_t sender = take_varint(in);
        uint64_t run = take_varint(in);
        if (entry.type < ENTRY_EVENT || entry.type > ENTRY_HELD || run == 0 ||
            run > last - stream->last || run > UINT16_MAX || index + run > UINT16_MAX + 1U ||
            sender > NO_STREAM) {
            in->failed = true;
            return;
        }
        entry.sender = sender == 0 ? NO_STREAM : (uint32_t)sender - 1;
        for (uint64_t i = 0; i < run; i++) {
            entry.index = (uint16_t)(index + i);
            stream_push(self, stream, entry);
        }
    }
}

static void stream_take(core_t *self, struct cursor *in)
{
    char name[AGENT_ID_BYTES_MAX + 1] = {0};
    struct slice text = take_bytes(in, take_u8(in));

    if (in->failed || text.len == 0 || text.len > AGENT_ID_BYTES_MAX) {
        in->failed = true;
        return;
    }
    memcpy(name, text.data, text.len);
    struct stream *stream = stream_add(self, name);
    stream->durable = true;
    self->stream_durable++;
    stream->epoch = stream->epoch_next = take_varint(in);
    stream->acked = stream->acked_next = stream->last = take_varint(in);
    struct slice hash = take_bytes(in, HASH_BYTES);
    if (!in->failed) {
        memcpy(stream->acked_hash.b, hash.data, HASH_BYTES);
    }
    stream->counter = stream->counter_next = take_varint(in);
    stream->ack_position = take_varint(in);
    stream->ack_leaf = take_varint(in);
    uint64_t last = take_varint(in);
    stream->contact_ms = (int64_t)take_u64(in);
    uint64_t incarnations = take_varint(in);
    if (last < stream->last || incarnations > INCARNATIONS_MAX) {
        in->failed = true;
    }
    for (uint64_t i = 0; i < incarnations && !in->failed; i++) {
        incarnation_take(in, stream);
    }
    stream->incarnation_durable = stream->incarnation_count;
    entries_take(self, in, stream, last);
}

static void batch_take(core_t *self, struct cursor *in)
{
    struct batch *batch = batch_new(self);

    batch->position = take_u64(in);
    batch->leaf_index = take_u64(in);
    batch->previous = take_u64(in);
    batch->ordinal = take_u64(in);
    batch->accepted_ms = (int64_t)take_u64(in);
    uint32_t publisher = take_u32(in);
    batch->incarnation = take_u32(in);
    batch->first_sequence = take_u64(in);
    batch->count = take_u32(in);
    struct slice key = take_bytes(in, sizeof batch->public_key);
    if (in->failed || publisher >= self->stream_count ||
        batch->incarnation >= self->streams[publisher]->incarnation_count) {
        in->failed = true;
        return;
    }
    batch->publisher = self->streams[publisher];
    memcpy(batch->public_key, key.data, key.len);
    batch->durable = true;
    self->batches_fresh = NULL;
}

static void held_take(core_t *self, struct cursor *in)
{
    struct held held = {0};
    struct slice event = take_bytes(in, UUID_BYTES);

    held.stream = take_u32(in);
    held.entry.position = take_u64(in);
    held.entry.sender = take_u32(in);
    held.entry.index = take_u16(in);
    held.entry.type = take_u8(in);
    held.entry.flags = take_u8(in);
    if (in->failed || held.stream >= self->stream_count) {
        in->failed = true;
        return;
    }
    memcpy(held.event, event.data, UUID_BYTES);
    held_push(self, &held);
}

static void openings_take(core_t *self, struct cursor *in)
{
    for (uint32_t left = take_u32(in); left > 0 && !in->failed; left--) {
        uint64_t key = take_u64(in);
        uint64_t position = take_varint(in);
        uint64_t index = take_varint(in);
        if (!in->failed) {
            openable_add(self, key, position, (uint16_t)index);
        }
    }
}

static void history_take(core_t *self, struct cursor *in)
{
    struct time_mark mark = {0};
    uint64_t time_ms = 0;

    for (uint32_t left = take_u32(in); left > 0 && !in->failed; left--) {
        mark.leaf += take_varint(in);
        mark.position += take_varint(in);
        time_ms += take_varint(in);
        mark.time_ms = (int64_t)time_ms;
        history_push(self, mark);
    }
}

/* The forget of a half-read state: what core_new() made is there again. */
static void state_forget(core_t *self)
{
    while (self->batches != NULL) {
        batch_remove(self, self->batches);
    }
    for (size_t i = 0; i < self->stream_count; i++) {
        stream_destroy(&self->streams[i]);
    }
    self->stream_count = self->stream_durable = 0;
    table_free(&self->stream_names);
    self->held_count = 0;
    self->erasure_count = 0;
    disclose_free(self);
    openable_free(self);
    self->openables = NULL;
    self->openable_slots = NULL;
    self->openable_first = self->openable_count = 0;
    self->time_mark_count = 0;
    self->applied = self->applied_position = 0;
    self->register_position = self->register_before = self->epoch_position = 0;
    self->register_settled = true;
    self->settle_due = false;
    register_destroy(&self->reg);
}

static void state_take(core_t *self, struct cursor *in)
{
    self->applied = take_u64(in);
    self->applied_position = take_u64(in);
    self->register_position = take_u64(in);
    self->register_before = take_u64(in);
    self->epoch_position = take_u64(in);
    self->register_settled = take_u8(in) != 0;
    self->settle_due = !self->register_settled;
    for (uint32_t left = take_u32(in); left > 0 && !in->failed; left--) {
        stream_take(self, in);
    }
    for (uint32_t left = take_u32(in); left > 0 && !in->failed; left--) {
        batch_take(self, in);
    }
    for (uint32_t left = take_u32(in); left > 0 && !in->failed; left--) {
        held_take(self, in);
    }
    openings_take(self, in);
    history_take(self, in);
    erasures_decode(self, in);
    disclose_decode(self, in);
    if (self->register_position != 0 && !in->failed) {
        self->reg = register_read(self, self->register_position);
        in->failed = self->reg == NULL;
    }
}

int snapshot_decode(core_t *self, struct slice bytes)
{
    struct cursor in = cursor_of(bytes);

    if (take_u32(&in) != SNAPSHOT_MAGIC) {
        return E_VERSION;
    }
    state_take(self, &in);
    if (in.failed || in.rest.len != 0) {
        state_forget(self);
        return E_CORRUPT;
    }
    return 0;
}
