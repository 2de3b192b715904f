/*
 * publish_decode: see publish_decode.h. Everything is in the arena, the bytes as well: what is made lends from that
 * one copy. False where the bytes are not such a message, or the arena's budget is spent.
 */
#include "common/codec/publish_decode.h"

#include <string.h>

#include "common/base/utf8.h"
#include "common/codec/wire.h"

#include "common/base/banned.h"

#define BIT(n) (UINT32_C(1) << (n))

enum { PUBLISH_BATCH = 1, PUBLISH_EVENTS, PUBLISH_REGISTER, PUBLISH_FIELDS };
enum { EVENT_BYTES = 1, EVENT_PAYLOAD, EVENT_WRAPS, EVENT_ERASED, EVENT_FIELDS };
enum { WRAP_CODE = 1, WRAP_KEY_ID, WRAP_EPHEMERAL, WRAP_SEALED_KEY, WRAP_FIELDS };
enum { SIGNED_STATEMENT = 1, SIGNED_SIGNATURE, SIGNED_FIELDS };

/* A walk over one message's own fields: unknown ones are passed over, as protobuf does. */
struct walk {
    struct wire_scan scan;
    uint32_t known;    /* a bit for each number of ours */
    uint32_t varints;  /* ... that is a number, all others being bytes */
    uint32_t repeated; /* ... that may stand more than once */
    uint32_t seen;
    bool failed;
};

static bool walk_next(struct walk *self, struct wire_field *field)
{
    while (!self->failed && wire_next(&self->scan, field)) {
        uint32_t bit = field->number < 32 ? BIT(field->number) : 0;
        if ((self->known & bit) == 0) {
            continue;
        }
        enum wire_type wanted = (self->varints & bit) != 0 ? WIRE_VARINT : WIRE_LEN;
        bool again = (self->seen & bit & ~self->repeated) != 0;
        self->failed = field->type != wanted || again;
        self->seen |= bit;
        if (!self->failed) {
            return true;
        }
    }
    self->failed = self->failed || self->scan.failed;
    return false;
}

static bool walk_whole(const struct walk *self, uint32_t required)
{
    return !self->failed && (self->seen & required) == required;
}

/* How often a field of bytes stands in a message: no more than can be told apart later. */
static size_t count_of(struct slice bytes, uint32_t number)
{
    struct wire_scan scan = wire_scan_of(bytes);
    struct wire_field field;
    size_t count = 0;

    while (wire_next(&scan, &field)) {
        count += field.number == number ? 1 : 0;
    }
    return count;
}

static void *room(arena_t *arena, size_t bytes)
{
    ProtobufCAllocator *allocator = arena_allocator(arena);

    return allocator->alloc(allocator->allocator_data, bytes);
}

static ProtobufCBinaryData lent(struct slice bytes)
{
    return (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.data};
}

static bool take_signed(struct slice bytes, Waypost__Signed *out)
{
    struct walk walk = {
        .scan = wire_scan_of(bytes), .known = BIT(SIGNED_STATEMENT) | BIT(SIGNED_SIGNATURE)};
    struct wire_field field;

    waypost__signed__init(out);
    while (walk_next(&walk, &field)) {
        *(field.number == SIGNED_STATEMENT ? &out->statement : &out->signature) = lent(field.bytes);
    }
    return walk_whole(&walk, walk.known);
}

static bool take_wrap(arena_t *arena, struct slice bytes, Waypost__Wrap *out)
{
    struct walk walk = {.scan = wire_scan_of(bytes),
        .known = BIT(WRAP_CODE) | BIT(WRAP_KEY_ID) | BIT(WRAP_EPHEMERAL) | BIT(WRAP_SEALED_KEY)};
    ProtobufCBinaryData *const places[WRAP_FIELDS] = {[WRAP_KEY_ID] = &out->key_id,
        [WRAP_EPHEMERAL] = &out->ephemeral,
        [WRAP_SEALED_KEY] = &out->sealed_key};
    struct wire_field field;

    waypost__wrap__init(out);
    while (walk_next(&walk, &field)) {
        if (field.number != WRAP_CODE) {
            *places[field.number] = lent(field.bytes);
            continue;
        }
        out->code = utf8_valid(field.bytes) ? room(arena, field.bytes.len + 1) : NULL;
        if (out->code == NULL) {
            return false;
        }
        memcpy(out->code, field.bytes.data, field.bytes.len); /* the arena is zeroed */
    }
    return walk_whole(&walk, walk.known);
}

static bool take_event(arena_t *arena, struct slice bytes, Waypost__PublishedEvent *out)
{
    struct walk walk = {.scan = wire_scan_of(bytes),
        .known = BIT(EVENT_BYTES) | BIT(EVENT_PAYLOAD) | BIT(EVENT_WRAPS) | BIT(EVENT_ERASED),
        .varints = BIT(EVENT_ERASED),
        .repeated = BIT(EVENT_WRAPS)};
    size_t wraps = count_of(bytes, EVENT_WRAPS);
    Waypost__Wrap *list = room(arena, wraps * sizeof *list + 1);
    struct wire_field field;

    waypost__published_event__init(out);
    out->wraps = room(arena, wraps * sizeof *out->wraps + 1);
    while (list != NULL && out->wraps != NULL && walk_next(&walk, &field)) {
        if (field.number == EVENT_BYTES) {
            out->event = lent(field.bytes);
        } else if (field.number == EVENT_PAYLOAD) {
            out->has_payload = 1;
            out->payload = lent(field.bytes);
        } else if (field.number == EVENT_ERASED) {
            out->has_erased = 1;
            out->erased = field.value != 0;
        } else {
            out->wraps[out->n_wraps] = &list[out->n_wraps];
            walk.failed = !take_wrap(arena, field.bytes, &list[out->n_wraps++]);
        }
    }
    return list != NULL && out->wraps != NULL && walk_whole(&walk, BIT(EVENT_BYTES));
}

/* The bytes lie in the arena already. */
static bool take_publish(arena_t *arena, struct slice bytes, Waypost__Publish *out)
{
    struct walk walk = {.scan = wire_scan_of(bytes),
        .known = BIT(PUBLISH_BATCH) | BIT(PUBLISH_EVENTS) | BIT(PUBLISH_REGISTER),
        .varints = BIT(PUBLISH_REGISTER),
        .repeated = BIT(PUBLISH_EVENTS)};
    size_t events = count_of(bytes, PUBLISH_EVENTS);
    Waypost__PublishedEvent *list = room(arena, events * sizeof *list + 1);
    struct wire_field field;

    out->events = room(arena, events * sizeof *out->events + 1);
    out->batch = room(arena, sizeof *out->batch);
    bool has_room = list != NULL && out->events != NULL && out->batch != NULL;
    while (has_room && walk_next(&walk, &field)) {
        if (field.number == PUBLISH_BATCH) {
            walk.failed = !take_signed(field.bytes, out->batch);
        } else if (field.number == PUBLISH_REGISTER) {
            out->register_version = field.value;
        } else {
            out->events[out->n_events] = &list[out->n_events];
            walk.failed = !take_event(arena, field.bytes, &list[out->n_events++]);
        }
    }
    return has_room && walk_whole(&walk, BIT(PUBLISH_BATCH) | BIT(PUBLISH_REGISTER));
}

Waypost__Publish *publish_decode(arena_t *arena, struct slice bytes)
{
    Waypost__Publish *out = room(arena, sizeof *out);
    uint8_t *copy = room(arena, bytes.len + 1);

    if (out == NULL || copy == NULL) {
        return NULL;
    }
    memcpy(copy, bytes.data, bytes.len);
    waypost__publish__init(out);
    return take_publish(arena, slice_of(copy, bytes.len), out) ? out : NULL;
}
