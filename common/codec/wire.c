/*
 * wire: see wire.h. Every length is compared with what is left before it is used; a shortage sets `failed`.
 */
#include "common/codec/wire.h"

#include "common/base/banned.h"

enum { SHORT_VARINT_BYTES_MAX = 5, FIELD_NUMBER_MAX = 536870911 };

/* A varint of at most bytes_max bytes and 64 bits. */
static bool take(struct wire_scan *self, unsigned bytes_max, uint64_t *out)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes_max && self->at < self->end; i++) {
        uint8_t byte = *self->at++;
        if (i == VARINT_BYTES_MAX - 1 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *out = value;
            return true;
        }
    }
    self->failed = true;
    return false;
}

static bool take_length(struct wire_scan *self, struct slice *out)
{
    uint64_t len = 0;

    if (!take(self, SHORT_VARINT_BYTES_MAX, &len)) {
        return false;
    }
    if (len > (uint64_t)(self->end - self->at)) {
        self->failed = true;
        return false;
    }
    *out = slice_of(self->at, (size_t)len);
    self->at += len;
    return true;
}

static bool take_fixed(struct wire_scan *self, size_t bytes, uint64_t *out)
{
    if ((size_t)(self->end - self->at) < bytes) {
        self->failed = true;
        return false;
    }
    *out = bytes == 8 ? get_u64(self->at) : get_u32(self->at);
    self->at += bytes;
    return true;
}

static bool take_content(struct wire_scan *self, unsigned type, struct wire_field *out)
{
    switch (type) {
    case WIRE_VARINT:
        return take(self, VARINT_BYTES_MAX, &out->value);
    case WIRE_I64:
        return take_fixed(self, 8, &out->value);
    case WIRE_LEN:
        return take_length(self, &out->bytes);
    case WIRE_I32:
        return take_fixed(self, 4, &out->value);
    default: /* groups, and what does not exist */
        self->failed = true;
        return false;
    }
}

bool wire_next_any(struct wire_scan *self, struct wire_field *out)
{
    const uint8_t *start = self->at;
    uint64_t tag = 0;

    if (self->failed || self->at == self->end || !take(self, SHORT_VARINT_BYTES_MAX, &tag)) {
        return false;
    }
    if (tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX) {
        self->failed = true;
        return false;
    }
    *out = (struct wire_field){.number = (uint32_t)(tag >> 3), .type = (enum wire_type)(tag & 7)};
    if (!take_content(self, (unsigned)(tag & 7), out)) {
        return false;
    }
    out->size = (size_t)(self->at - start);
    return true;
}

bool wire_next_varint(struct wire_scan *self, uint64_t *out)
{
    if (self->failed || self->at == self->end) {
        return false;
    }
    return take(self, VARINT_BYTES_MAX, out);
}

static uint64_t tag_of(uint32_t number, enum wire_type type)
{
    return (uint64_t)number << 3 | (uint64_t)type;
}

/* Two varints; room for them is there. */
static void put_two(struct buf *out, uint64_t first, uint64_t second)
{
    uint8_t *end = put_varint(put_varint(out->data + out->len, first), second);

    out->len = (size_t)(end - out->data);
}

void wire_put_tag(struct buf *out, uint32_t number, enum wire_type type)
{
    buf_put_varint(out, tag_of(number, type));
}

void wire_put_varint(struct buf *out, uint32_t number, uint64_t value)
{
    buf_reserve(out, 2 * VARINT_BYTES_MAX);
    put_two(out, tag_of(number, WIRE_VARINT), value);
}

void wire_put_bytes(struct buf *out, uint32_t number, struct slice bytes)
{
    buf_reserve(out, 2 * VARINT_BYTES_MAX + bytes.len);
    put_two(out, tag_of(number, WIRE_LEN), bytes.len);
    buf_put_slice(out, bytes);
}

void wire_put_fixed64(struct buf *out, uint32_t number, uint64_t value)
{
    wire_put_tag(out, number, WIRE_I64);
    buf_put_u64(out, value);
}
