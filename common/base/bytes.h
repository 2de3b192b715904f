/*
 * bytes: slices, a growable buffer, little-endian integers, hexadecimal. Pure; out of memory ends the program.
 */
#ifndef WAYPOST_BASE_BYTES_H
#define WAYPOST_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/backing.h"

enum { VARINT_BYTES_MAX = 10 };

/* Bytes that somebody else owns. */
struct slice {
    const uint8_t *data; /* lent; may be NULL where len is 0 */
    size_t len;          /* bytes */
};

/* Bytes that this struct owns. Zero-initialise, free with buf_free(). */
struct buf {
    uint8_t *data;                 /* owned */
    size_t len;                    /* bytes in use */
    size_t capacity;               /* bytes allocated */
    const struct backing *backing; /* lent, where they come from; NULL: the heap */
};

static inline struct slice slice_of(const void *data, size_t len)
{
    return (struct slice){(const uint8_t *)data, len};
}

static inline struct slice buf_slice(const struct buf *self)
{
    return (struct slice){self->data, self->len};
}

bool slice_equal(struct slice a, struct slice b); /* not constant time: never for secrets */
struct slice slice_of_text(const char *text);     /* without the terminator */

void buf_grow(struct buf *self, size_t more); /* where there is no room */

/* Room for `more` further bytes: data is not NULL afterwards. */
static inline void buf_reserve(struct buf *self, size_t more)
{
    if (self->data == NULL || self->capacity - self->len < more) {
        buf_grow(self, more);
    }
}

void buf_put(struct buf *self, const void *data, size_t len); /* append */
void buf_put_slice(struct buf *self, struct slice bytes);     /* append */
void buf_put_u8(struct buf *self, uint8_t value);
void buf_put_u16(struct buf *self, uint16_t value); /* little-endian, as all below */
void buf_put_u32(struct buf *self, uint32_t value);
void buf_put_u64(struct buf *self, uint64_t value);
void buf_put_varint(struct buf *self, uint64_t value); /* LEB128, 1 to 10 bytes */
void buf_put_text(struct buf *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_clear(struct buf *self); /* keeps the memory */
void buf_free(struct buf *self);  /* leaves it empty */

/* LEB128, 1 to VARINT_BYTES_MAX bytes; returns the place behind them. */
static inline uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        *at++ = (uint8_t)(value | 0x80);
    }
    *at++ = (uint8_t)value;
    return at;
}

static inline void put_u16(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
}

static inline void put_u32(uint8_t *at, uint32_t v)
{
    put_u16(at, (uint16_t)v);
    put_u16(at + 2, (uint16_t)(v >> 16));
}

static inline void put_u64(uint8_t *at, uint64_t v)
{
    put_u32(at, (uint32_t)v);
    put_u32(at + 4, (uint32_t)(v >> 32));
}

static inline uint16_t get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)get_u16(at) | (uint32_t)get_u16(at + 2) << 16;
}

static inline uint64_t get_u64(const uint8_t *at)
{
    return (uint64_t)get_u32(at) | (uint64_t)get_u32(at + 4) << 32;
}

/*
 * A reader over a slice. Every take_ checks the length first; after the first shortage `failed` is
 * set, values are 0 and slices empty, so that a parser checks once at its end.
 */
struct cursor {
    struct slice rest; /* what has not been read */
    bool failed;       /* something was missing or malformed */
};

static inline struct cursor cursor_of(struct slice bytes)
{
    return (struct cursor){bytes, false};
}

uint8_t take_u8(struct cursor *self);
uint16_t take_u16(struct cursor *self);
uint32_t take_u32(struct cursor *self);
uint64_t take_u64(struct cursor *self);
uint64_t take_varint(struct cursor *self);
struct slice take_bytes(struct cursor *self, size_t len);

/* Lower-case hexadecimal of len bytes into text (2 * len + 1 bytes with the terminator). */
void hex_encode(const void *data, size_t len, char *text);

/* Exactly 2 * len hexadecimal digits, either case. Returns 0 or E_MALFORMED; out written on success only. */
int hex_decode(const char *text, void *out, size_t len);

/*
 * Memory that is never NULL; free() frees it. Where the machine has none left, the program ends with a sentence and status 1:
 * what was accepted is on the disk, and a program that goes on without memory would have to guess.
 */
void *mem_new(size_t count, size_t bytes); /* zeroed */
char *mem_text(const char *text);          /* a copy */
void *mem_bytes(size_t bytes);             /* not zeroed: what a library is given for malloc() */
void *mem_resize(void *memory, size_t count, size_t bytes); /* what is new is not zeroed */
/* Room for one item behind count; *capacity is in items, and doubles. The items may move; what is new is not zeroed. */
void *mem_grow(void *items, size_t count, size_t *capacity, size_t bytes);
_Noreturn void mem_ended(size_t bytes); /* so many were wanted */

#endif
