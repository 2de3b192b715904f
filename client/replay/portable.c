/*
 * portable: see portable.h. Writing cannot fail; a message that is no record is E_MALFORMED. Out of memory aborts.
 */
#include "client/replay/portable.h"

#include <string.h>

#include "common/base/check.h"
#include "common/codec/limits.h"
#include "common/record/ack.h"

#include "common/base/banned.h"

enum { PART_FIXED_BYTES = 6 }; /* of the payload of one event: its length and the number of wraps */

static void *take(arena_t *arena, size_t count, size_t bytes)
{
    ProtobufCAllocator *allocator = arena_allocator(arena);
    void *at = allocator->alloc(allocator->allocator_data, (count + 1) * bytes);

    assert(at != NULL); /* a record is bounded, and the arena is ours */
    memset(at, 0, (count + 1) * bytes);
    return at;
}

static ProtobufCBinaryData binary(struct slice bytes)
{
    return (ProtobufCBinaryData){.len = bytes.len, .data = (uint8_t *)(uintptr_t)bytes.data};
}

static struct slice bytes_of(ProtobufCBinaryData data)
{
    return slice_of(data.data, data.len);
}

/* ---- events of a batch ---- */

static void wraps_fill(
    arena_t *arena, const struct stored_payload *payload, Waypost__PublishedEvent *event)
{
    Waypost__Wrap *wraps = take(arena, payload->wrap_count, sizeof *wraps);

    event->wraps = take(arena, payload->wrap_count, sizeof(Waypost__Wrap *));
    event->n_wraps = payload->wrap_count;
    for (uint32_t i = 0; i < payload->wrap_count; i++) {
        const uint8_t *at = payload->wraps.data + (size_t)i * WRAP_STORED_BYTES;
        waypost__wrap__init(&wraps[i]);
        wraps[i].code = take(arena, CODE_BYTES, 1);
        memcpy(wraps[i].code, at, CODE_BYTES);
        wraps[i].key_id = binary(slice_of(at + CODE_BYTES, 8));
        wraps[i].ephemeral = binary(slice_of(at + CODE_BYTES + 8, 32));
        wraps[i].sealed_key = binary(slice_of(at + CODE_BYTES + 40, 48));
        event->wraps[i] = &wraps[i];
    }
}

static void events_fill(
    arena_t *arena, const struct batch_body *batch, Waypost__ExportRecord *message)
{
    Waypost__PublishedEvent *events = take(arena, batch->count, sizeof *events);
    struct slice rest = batch->events;
    struct slice bytes;

    message->events = take(arena, batch->count, sizeof(Waypost__PublishedEvent *));
    while (message->n_events < batch->count && batch_next_event(&rest, &bytes) == 0) {
        Waypost__PublishedEvent *event = &events[message->n_events];
        waypost__published_event__init(event);
        event->event = binary(bytes);
        message->events[message->n_events++] = event;
    }
}

static void payload_fill(arena_t *arena, const struct stored_payload *payload, bool payloads,
    Waypost__PublishedEvent *event)
{
    if (!payloads || payload->erased) {
        return;
    }
    event->has_payload = payload->ciphertext.len > 0;
    event->payload = binary(payload->ciphertext);
    wraps_fill(arena, payload, event);
}

/* What the record holds for each event. False where its payload does not say as much as there are events. */
static bool parts_fill(
    arena_t *arena, struct slice stored, bool payloads, Waypost__ExportRecord *message)
{
    Waypost__PayloadPart *parts = take(arena, message->n_events, sizeof *parts);
    struct stored_payload payload;

    message->parts = take(arena, message->n_events, sizeof(Waypost__PayloadPart *));
    while (message->n_parts < message->n_events) {
        Waypost__PayloadPart *part = &parts[message->n_parts];
        size_t before = stored.len;
        if (batch_next_payload(&stored, &payload) != 0) {
            return false;
        }
        waypost__payload_part__init(part);
        part->wraps = payload.wrap_count;
        part->ciphertext_bytes = (uint32_t)(before - stored.len - PART_FIXED_BYTES -
            (size_t)payload.wrap_count * WRAP_STORED_BYTES);
        part->has_erased = part->erased = payload.erased;
        payload_fill(arena, &payload, payloads, message->events[message->n_parts]);
        message->parts[message->n_parts++] = part;
    }
    return stored.len == 0;
}

static Waypost__Signed *signed_of(arena_t *arena, struct slice statement, struct slice signature)
{
    Waypost__Signed *out = take(arena, 1, sizeof *out);

    waypost__signed__init(out);
    out->statement = binary(statement);
    out->signature = binary(signature);
    return out;
}

static char *text_of(arena_t *arena, const char *text)
{
    size_t len = strlen(text);
    char *out = take(arena, len, 1);

    memcpy(out, text, len);
    return out;
}

/* ---- the two kinds of record that have fields of their own ---- */

static void batch_write(const Waypost__ExportRecord *message, struct buf *out)
{
    size_t name = strlen(message->agent);

    buf_put_u64(out, message->previous);
    buf_put_u16(out, (uint16_t)name);
    buf_put(out, message->agent, name);
    buf_put_u32(out, (uint32_t)message->statement->statement.len);
    buf_put_slice(out, bytes_of(message->statement->statement));
    buf_put_slice(out, bytes_of(message->statement->signature));
    buf_put_u32(out, (uint32_t)message->n_events);
    for (size_t i = 0; i < message->n_events; i++) {
        buf_put_u32(out, (uint32_t)message->events[i]->event.len);
        buf_put_slice(out, bytes_of(message->events[i]->event));
    }
}

static void wrap_write(const Waypost__Wrap *wrap, struct buf *out)
{
    buf_put(out, wrap->code, strlen(wrap->code));
    buf_put_slice(out, bytes_of(wrap->key_id));
    buf_put_slice(out, bytes_of(wrap->ephemeral));
    buf_put_slice(out, bytes_of(wrap->sealed_key));
}

/* A part that is not here leaves zeros of its lengths, as if it had been erased. */
static void part_write(const Waypost__PayloadPart *part, const Waypost__PublishedEvent *event,
    bool erased, struct buf *out)
{
    size_t zeros = part->ciphertext_bytes;
    size_t wraps = (size_t)part->wraps * WRAP_STORED_BYTES;

    buf_put_u32(out, part->ciphertext_bytes | (erased ? PAYLOAD_ERASED_BIT : 0));
    if (!erased) {
        buf_put_slice(out, bytes_of(event->payload));
        buf_put_u16(out, (uint16_t)event->n_wraps);
        for (size_t w = 0; w < event->n_wraps; w++) {
            wrap_write(event->wraps[w], out);
        }
        return;
    }
    buf_reserve(out, zeros + wraps + 2);
    memset(out->data + out->len, 0, zeros);
    out->len += zeros;
    buf_put_u16(out, (uint16_t)part->wraps);
    memset(out->data + out->len, 0, wraps);
    out->len += wraps;
}

/* Is the part of an event gone, or left out? One that never was has nothing to be gone. */
static bool part_gone(const Waypost__PayloadPart *part, const Waypost__PublishedEvent *event)
{
    return part->ciphertext_bytes > 0 &&
        ((part->has_erased && part->erased) || !event->has_payload);
}

/* Returns whether something of it is gone. */
static bool parts_write(const Waypost__ExportRecord *message, struct buf *out)
{
    bool any = false;

    for (size_t i = 0; i < message->n_parts; i++) {
        bool gone = part_gone(message->parts[i], message->events[i]);
        part_write(message->parts[i], message->events[i], gone, out);
        any = any || gone;
    }
    return any;
}

static bool ack_write(const Waypost__ExportRecord *message, struct buf *out)
{
    struct ack_body ack = {.statement = bytes_of(message->statement->statement),
        .signature = bytes_of(message->statement->signature)};

    if (strlen(message->agent) > AGENT_ID_BYTES_MAX) {
        return false;
    }
    memcpy(ack.agent, message->agent, strlen(message->agent) + 1);
    ack_body_write(&ack, out);
    return true;
}

static void body_as_it_is(Waypost__ExportRecord *message, struct slice body)
{
    message->agent = NULL;
    message->statement = NULL;
    message->n_events = 0;
    message->has_body = 1;
    message->body = binary(body);
}

static void payload_as_it_is(
    Waypost__ExportRecord *message, const struct record *record, bool payloads)
{
    for (size_t i = 0; i < message->n_events; i++) {
        message->events[i]->has_payload = 0;
        message->events[i]->n_wraps = 0;
    }
    message->n_parts = 0;
    message->has_payload = payloads && record->payload.len > 0;
    message->payload = binary(record->payload);
}

/* What cannot be said by events in a way that gives the same bytes again is said as it is. */
static void batch_message(
    arena_t *arena, const struct record *record, bool payloads, Waypost__ExportRecord *message)
{
    struct batch_body batch;
    struct buf again = {0};

    if (batch_body_read(record->body, &batch) != 0) {
        body_as_it_is(message, record->body);
        payload_as_it_is(message, record, payloads);
        return;
    }
    message->agent = text_of(arena, batch.agent);
    message->statement = signed_of(arena, batch.statement, batch.signature);
    message->has_previous = 1;
    message->previous = batch.previous;
    events_fill(arena, &batch, message);
    batch_write(message, &again);
    if (!slice_equal(buf_slice(&again), record->body)) {
        body_as_it_is(message, record->body);
    }
    buf_clear(&again);
    bool whole = record->payload.len == 0 || parts_fill(arena, record->payload, payloads, message);
    if (whole && payloads) {
        (void)parts_write(message, &again);
        whole = slice_equal(buf_slice(&again), record->payload);
    }
    if (!whole) {
        payload_as_it_is(message, record, payloads);
    }
    buf_free(&again);
}

static void ack_message(arena_t *arena, const struct record *record, Waypost__ExportRecord *message)
{
    struct ack_body ack;
    struct buf again = {0};

    if (ack_body_read(record->body, &ack) == 0) {
        message->agent = text_of(arena, ack.agent);
        message->statement = signed_of(arena, ack.statement, ack.signature);
        (void)ack_write(message, &again);
    }
    if (!slice_equal(buf_slice(&again), record->body)) {
        body_as_it_is(message, record->body);
    }
    buf_free(&again);
}

Waypost__ExportRecord *portable_message(
    arena_t *arena, const struct record *record, uint64_t position, bool payloads)
{
    Waypost__ExportRecord *message = take(arena, 1, sizeof *message);

    waypost__export_record__init(message);
    message->leaf_index = record->sequence;
    message->time_ms = record->time_ms;
    message->type = record->type;
    message->has_position = 1;
    message->position = position;
    message->has_flags = record->flags != 0;
    message->flags = record->flags;
    if (record->type == RECORD_BATCH) {
        batch_message(arena, record, payloads, message);
    } else if (record->type == RECORD_ACK) {
        ack_message(arena, record, message);
    } else {
        body_as_it_is(message, record->body);
        message->has_payload = payloads && record->payload.len > 0;
        message->payload = binary(record->payload);
    }
    return message;
}

Waypost__ExportRecord *portable_segment(arena_t *arena, uint32_t segment, struct slice header)
{
    Waypost__ExportRecord *message = take(arena, 1, sizeof *message);

    waypost__export_record__init(message);
    message->leaf_index = segment;
    message->type = PORTABLE_SEGMENT;
    body_as_it_is(message, header);
    return message;
}

/* ---- and back ---- */

static bool wraps_fit(const Waypost__ExportRecord *message)
{
    for (size_t i = 0; i < message->n_events; i++) {
        const Waypost__PublishedEvent *event = message->events[i];
        for (size_t w = 0; w < event->n_wraps; w++) {
            const Waypost__Wrap *wrap = event->wraps[w];
            if (strlen(wrap->code) != CODE_BYTES || wrap->key_id.len != 8 ||
                wrap->ephemeral.len != 32 || wrap->sealed_key.len != 48) {
                return false;
            }
        }
        if (event->n_wraps > UINT16_MAX) {
            return false;
        }
    }
    return true;
}

static int body_read(const Waypost__ExportRecord *message, struct buf *out, struct complaint *why)
{
    if (message->has_body) {
        buf_put_slice(out, bytes_of(message->body));
        return 0;
    }
    if (message->agent == NULL || message->statement == NULL ||
        strlen(message->agent) > AGENT_ID_BYTES_MAX || strlen(message->agent) == 0) {
        return complain(why, E_MALFORMED, "it has neither a body nor an agent's statement");
    }
    if (message->type == RECORD_BATCH && message->n_events > 0 &&
        message->n_events <= BATCH_EVENTS_MAX) {
        batch_write(message, out);
        return 0;
    }
    if (message->type != RECORD_ACK) {
        return complain(
            why, E_MALFORMED, "it is of type %u and has no body", (unsigned)message->type);
    }
    (void)ack_write(message, out);
    return 0;
}

static bool parts_fit(const Waypost__ExportRecord *message)
{
    size_t sum = 0;

    for (size_t i = 0; i < message->n_parts; i++) {
        const Waypost__PayloadPart *part = message->parts[i];
        const Waypost__PublishedEvent *event = message->events[i];
        sum += PART_FIXED_BYTES + part->ciphertext_bytes + (size_t)part->wraps * WRAP_STORED_BYTES;
        if (part->ciphertext_bytes > PAYLOAD_BYTES_MAX || part->wraps > UINT16_MAX ||
            sum > RECORD_BYTES_MAX ||
            (!part_gone(part, event) &&
                (event->payload.len != part->ciphertext_bytes || event->n_wraps != part->wraps))) {
            return false;
        }
    }
    return wraps_fit(message);
}

static int payload_read(
    const Waypost__ExportRecord *message, struct portable *out, struct complaint *why)
{
    if (message->has_payload) {
        buf_put_slice(&out->payload, bytes_of(message->payload));
        return 0;
    }
    if (message->n_parts != 0 && (message->n_parts != message->n_events || !parts_fit(message))) {
        return complain(why, E_MALFORMED, "its payloads are not of the lengths that it states");
    }
    if (parts_write(message, &out->payload)) {
        out->record.flags |= RECORD_ERASED;
    }
    return 0;
}

int portable_record(
    const Waypost__ExportRecord *message, struct portable *out, struct complaint *why)
{
    buf_clear(&out->body);
    buf_clear(&out->payload);
    out->segment = message->type == PORTABLE_SEGMENT;
    out->single = message->has_index != 0;
    out->positioned = message->has_position != 0;
    out->position = message->position;
    out->record = (struct record){.type = (uint8_t)message->type,
        .flags = (uint8_t)message->flags,
        .sequence = message->leaf_index,
        .time_ms = message->time_ms};
    if (message->type > RECORD_PAYLOAD_ERASED || message->flags > UINT8_MAX) {
        return complain(
            why, E_MALFORMED, "its type %u is none of a journal", (unsigned)message->type);
    }
    int rc = body_read(message, &out->body, why);
    if (rc == 0) {
        rc = payload_read(message, out, why);
    }
    if (rc == 0 && RECORD_HEADER_BYTES + out->body.len + out->payload.len + 8 > RECORD_BYTES_MAX) {
        rc = complain(why, E_TOO_LARGE, "it is larger than any record");
    }
    if (rc == 0) {
        out->record.body = buf_slice(&out->body);
        out->record.payload = buf_slice(&out->payload);
    }
    return rc;
}

void portable_free(struct portable *self)
{
    buf_free(&self->body);
    buf_free(&self->payload);
}
