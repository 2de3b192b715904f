/*
 * frame: see frame.h. protobuf-c decodes into an arena, and only what a walk over the bytes has found sane: every text
 * valid UTF-8 without a NUL (protobuf-c would cut it there), nothing singular twice, nesting no deeper than the schema.
 * Failures are codes or NULL; running out of the arena's budget is one of them.
 */
#include "common/codec/frame.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/codec/limits.h"
#include "common/codec/publish_decode.h"
#include "common/base/utf8.h"
#include "common/codec/wire.h"

#include "common/base/banned.h"

enum {
    CHUNK_BYTES_FIRST = 65536, /* each further chunk is twice as big, within the budget */
    CHUNKS_MAX = 64,
    ARENA_ALIGN = 16,
    MESSAGE_DEPTH_MAX = 8, /* the schema nests 5 deep: Frame, Deliver, Entry, EventEntry, Wrap */
    FRAME_MAGIC_FIELD = 1,
};

/* --- arena ------------------------------------------------------------------------------------ */

struct chunk {
    uint8_t *bytes; /* owned */
    size_t size;    /* bytes */
    size_t used;    /* bytes */
};

struct arena {
    ProtobufCAllocator allocator;
    struct chunk chunks[CHUNKS_MAX];
    size_t chunk_count;
    size_t
        chunk_now; /* the one being filled; those before it are left as they are until the reset */
    size_t size_total; /* bytes of all chunks */
    size_t budget_bytes;
};

static struct chunk *chunk_add(struct arena *self, size_t need)
{
    size_t size =
        self->chunk_count == 0 ? CHUNK_BYTES_FIRST : self->chunks[self->chunk_count - 1].size * 2;
    size_t left = self->budget_bytes - self->size_total;

    if (size > left) {
        size = left;
    }
    if (size < need) {
        size = need;
    }
    if (size > left || self->chunk_count == CHUNKS_MAX) {
        return NULL;
    }
    struct chunk *chunk = &self->chunks[self->chunk_count++];
    *chunk = (struct chunk){.bytes = mem_new(size, 1), .size = size};
    self->size_total += size;
    return chunk;
}

/* Zeroed, because protobuf-c 1.4.1 frees what it has not initialised when an unpack fails (its issue 690). */
static void *arena_alloc(void *context, size_t size)
{
    struct arena *self = context;

    if (size > self->budget_bytes) {
        return NULL;
    }
    size_t need = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    struct chunk *chunk = NULL;
    for (; self->chunk_now < self->chunk_count; self->chunk_now++) {
        chunk = &self->chunks[self->chunk_now];
        if (chunk->size - chunk->used >= need) {
            break;
        }
        chunk = NULL;
    }
    if (chunk == NULL) {
        chunk = chunk_add(self, need);
    }
    if (chunk == NULL) {
        return NULL;
    }
    void *at = chunk->bytes + chunk->used;
    chunk->used += need;
    memset(at, 0, need);
    return at;
}

static void arena_free(void *context, void *pointer)
{
    (void)context;
    (void)pointer; /* all goes at the reset */
}

arena_t *arena_new(size_t budget_bytes)
{
    struct arena *self = mem_new(1, sizeof *self);

    self->budget_bytes = budget_bytes;
    self->allocator = (ProtobufCAllocator){arena_alloc, arena_free, self};
    return self;
}

void arena_reset(arena_t *self)
{
    for (size_t i = 0; i < self->chunk_count; i++) {
        self->chunks[i].used = 0;
    }
    self->chunk_now = 0;
}

void arena_destroy(arena_t **self_p)
{
    struct arena *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->chunk_count; i++) {
        free(self->chunks[i].bytes);
    }
    free(self);
    *self_p = NULL;
}

ProtobufCAllocator *arena_allocator(arena_t *self)
{
    return &self->allocator;
}

/* --- what protobuf-c does not check ------------------------------------------------------------ */

static bool message_sane(const ProtobufCMessageDescriptor *type, struct slice bytes, int depth);

static bool field_sane(
    const ProtobufCFieldDescriptor *known, const struct wire_field *field, int depth)
{
    if (known->type == PROTOBUF_C_TYPE_STRING) {
        return field->type == WIRE_LEN && utf8_valid(field->bytes);
    }
    if (known->type == PROTOBUF_C_TYPE_MESSAGE) {
        return field->type == WIRE_LEN && message_sane(known->descriptor, field->bytes, depth + 1);
    }
    return true;
}

/* Fields are sorted by number, and nearly everywhere without gaps. */
static const ProtobufCFieldDescriptor *field_known(
    const ProtobufCMessageDescriptor *type, uint32_t number)
{
    bool stands_there = number <= type->n_fields && type->fields[number - 1].id == number;

    return stands_there ? &type->fields[number - 1]
                        : protobuf_c_message_descriptor_get_field(type, number);
}

static bool message_sane(const ProtobufCMessageDescriptor *type, struct slice bytes, int depth)
{
    struct wire_scan scan = wire_scan_of(bytes);
    struct wire_field field;
    uint64_t seen[2] = {0}; /* by index; no message has 128 fields (test_contract.c) */

    if (depth > MESSAGE_DEPTH_MAX) {
        return false;
    }
    while (wire_next(&scan, &field)) {
        const ProtobufCFieldDescriptor *known = field_known(type, field.number);
        if (known == NULL) {
            continue;
        }
        size_t index = (size_t)(known - type->fields) % 128;
        bool again = (seen[index / 64] >> (index % 64) & 1) != 0;
        if (again && known->label != PROTOBUF_C_LABEL_REPEATED) {
            return false;
        }
        seen[index / 64] |= UINT64_C(1) << (index % 64);
        if (!field_sane(known, &field, depth)) {
            return false;
        }
    }
    return !scan.failed;
}

/* --- frames ------------------------------------------------------------------------------------ */

void *message_decode(arena_t *arena, const ProtobufCMessageDescriptor *type, struct slice bytes)
{
    static const uint8_t nothing[1] = {0};

    if (bytes.len > FRAME_BYTES_MAX || !message_sane(type, bytes, 1)) {
        return NULL;
    }
    return protobuf_c_message_unpack(
        type, &arena->allocator, bytes.len, bytes.data != NULL ? bytes.data : nothing);
}

/* The magic is ours, and exactly one body is set: with two, protobuf-c would take the last. */
static int check_outside(struct slice bytes, struct wire_field *body)
{
    struct wire_scan scan = wire_scan_of(bytes);
    struct wire_field field;
    bool magic = false;
    int bodies = 0;

    while (wire_next(&scan, &field)) {
        if (field.number == FRAME_MAGIC_FIELD) {
            if (field.type != WIRE_I32 || field.value != FRAME_MAGIC) {
                return E_VERSION;
            }
            magic = true;
        } else if (field_known(&waypost__frame__descriptor, field.number) != NULL) {
            *body = field;
            bodies++;
        }
    }
    if (!magic) {
        return E_VERSION;
    }
    return scan.failed || bodies != 1 ? E_MALFORMED : 0;
}

static Waypost__Frame *decode_body(
    arena_t *arena, struct slice bytes, const struct wire_field *body)
{
    if (body->number != WAYPOST__FRAME__BODY_PUBLISH || body->type != WIRE_LEN) {
        return message_decode(arena, &waypost__frame__descriptor, bytes);
    }
    Waypost__Frame *frame = arena_alloc(arena, sizeof *frame);
    Waypost__Publish *publish = publish_decode(arena, body->bytes);
    if (frame == NULL || publish == NULL) {
        return NULL;
    }
    waypost__frame__init(frame);
    frame->magic = FRAME_MAGIC;
    frame->body_case = WAYPOST__FRAME__BODY_PUBLISH;
    frame->publish = publish;
    return frame;
}

int frame_decode(arena_t *arena, struct slice bytes, Waypost__Frame **out)
{
    struct wire_field body = {0};

    if (bytes.len > FRAME_BYTES_MAX) {
        return E_TOO_LARGE;
    }
    int rc = check_outside(bytes, &body);
    if (rc != 0) {
        return rc;
    }
    Waypost__Frame *frame = decode_body(arena, bytes, &body);
    if (frame == NULL || frame->body_case == WAYPOST__FRAME__BODY__NOT_SET) {
        return E_MALFORMED;
    }
    *out = frame;
    return 0;
}

void frame_encode(Waypost__Frame *frame, struct buf *out)
{
    frame->magic = FRAME_MAGIC;
    message_encode(&frame->base, out);
}

void message_encode(const ProtobufCMessage *message, struct buf *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);

    buf_reserve(out, size);
    size_t packed = protobuf_c_message_pack(message, out->data + out->len);
    assert(packed == size);
    out->len += packed;
}
