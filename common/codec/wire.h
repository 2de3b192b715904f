/*
 * wire: the protobuf wire format, field by field, without allocation and without a schema.
 *
 * Stricter than the format where that keeps two readers from seeing two messages in the same bytes: no groups, no
 * field 0, no varint that overflows 64 bits, tags and lengths of at most 5 bytes.
 * Source: protobuf.dev, Encoding.
 */
#ifndef WAYPOST_CODEC_WIRE_H
#define WAYPOST_CODEC_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"

enum wire_type { WIRE_VARINT = 0, WIRE_I64 = 1, WIRE_LEN = 2, WIRE_I32 = 5 };

/* One field as it stands. */
struct wire_field {
    uint32_t number; /* 1 .. 2^29 - 1 */
    enum wire_type type;
    uint64_t value;     /* all types but WIRE_LEN */
    struct slice bytes; /* WIRE_LEN; lent */
    size_t size;        /* bytes of the whole field, its tag included */
};

/* A reader over one message. */
struct wire_scan {
    const uint8_t *at;  /* lent */
    const uint8_t *end; /* one behind the last byte */
    bool failed;        /* the bytes are not a message */
};

static inline struct wire_scan wire_scan_of(struct slice bytes)
{
    static const uint8_t nothing[1] = {0};
    const uint8_t *at = bytes.data != NULL ? bytes.data : nothing;

    return (struct wire_scan){at, at + bytes.len, false};
}

bool wire_next_any(struct wire_scan *self, struct wire_field *out); /* wire_next() of any shape */

/* The next field; false at the end, or with `failed` set. Most have a tag of one byte and a length or value of one. */
static inline bool wire_next(struct wire_scan *self, struct wire_field *out)
{
    enum { TYPE_BITS = 3, MORE = 0x80, TYPE_AND_MORE = MORE | 7 };
    const uint8_t *at = self->at;
    size_t left = (size_t)(self->end - at);
    bool is_short = left >= 2 && at[0] >> TYPE_BITS != 0 && (at[1] & MORE) == 0;
    unsigned type = is_short ? at[0] & TYPE_AND_MORE : TYPE_AND_MORE;

    if (type == WIRE_LEN && at[1] <= left - 2 && !self->failed) {
        *out = (struct wire_field){.number = at[0] >> TYPE_BITS,
            .type = WIRE_LEN,
            .bytes = slice_of(at + 2, at[1]),
            .size = (size_t)2 + at[1]};
        self->at = at + out->size;
        return true;
    }
    if (type == WIRE_VARINT && !self->failed) {
        *out = (struct wire_field){
            .number = at[0] >> TYPE_BITS, .type = WIRE_VARINT, .value = at[1], .size = 2};
        self->at = at + 2;
        return true;
    }
    return wire_next_any(self, out);
}

/* One varint, for packed lists; false likewise. */
bool wire_next_varint(struct wire_scan *self, uint64_t *out);

static inline int32_t wire_zigzag_back(uint32_t value)
{
    return (int32_t)((value >> 1) ^ (0 - (value & 1)));
}

/* Write a tag, a varint field, a length-delimited field: appended to out. */
void wire_put_tag(struct buf *out, uint32_t number, enum wire_type type);
void wire_put_varint(struct buf *out, uint32_t number, uint64_t value);
void wire_put_bytes(struct buf *out, uint32_t number, struct slice bytes);
void wire_put_fixed64(struct buf *out, uint32_t number, uint64_t value);

/* Bytes that a varint takes; and a length-delimited field whose number is below 16. */
static inline size_t wire_varint_len(uint64_t value)
{
    size_t len = 1;

    for (; value >= 128; value >>= 7) {
        len++;
    }
    return len;
}

static inline size_t wire_bytes_len(size_t len)
{
    return 1 + wire_varint_len(len) + len;
}

/* sint32 as a varint's value. */
static inline uint32_t wire_zigzag_of(int32_t value)
{
    return ((uint32_t)value << 1) ^ (value < 0 ? UINT32_MAX : 0);
}

#endif
