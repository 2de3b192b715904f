/* bytes: see bytes.h. Out of memory ends the program; readers report shortage through cursor.failed. */
#include "common/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/err.h"

#include "common/base/banned.h"

enum { BUF_FIRST_BYTES = 64, GROW_FIRST = 16 };

bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

struct slice slice_of_text(const char *text)
{
    return slice_of(text, strlen(text));
}

/* Without a core file, since that would hold keys and documents. */
void mem_ended(size_t bytes)
{
    char line[256];
    int len = snprintf(line, sizeof line,
        "out of memory: %zu bytes were wanted and there are no more; what was accepted is kept: "
        "give the program more memory and start it again\n",
        bytes);

    ssize_t told = write(STDERR_FILENO, line, len > 0 ? (size_t)len : 0);

    (void)told; /* it ends either way */
    _exit(EXIT_FAILURE);
}

void *mem_new(size_t count, size_t bytes)
{
    void *memory = calloc(count == 0 ? 1 : count, bytes == 0 ? 1 : bytes);

    if (memory == NULL) {
        mem_ended(count * bytes);
    }
    return memory;
}

void *mem_resize(void *memory, size_t count, size_t bytes)
{
    if (bytes != 0 && count > SIZE_MAX / bytes) {
        mem_ended(SIZE_MAX);
    }
    void *grown = realloc(memory, count * bytes == 0 ? 1 : count * bytes);
    if (grown == NULL) {
        mem_ended(count * bytes);
    }
    return grown;
}

void *mem_bytes(size_t bytes)
{
    return mem_resize(NULL, bytes, 1);
}

void *mem_grow(void *items, size_t count, size_t *capacity, size_t bytes)
{
    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity == 0 ? GROW_FIRST : *capacity * 2;
    return mem_resize(items, *capacity, bytes);
}

char *mem_text(const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = mem_new(len, 1);

    memcpy(copy, text, len);
    return copy;
}

/* What it holds, in that much room of its backing. */
static uint8_t *backing_moved(const struct buf *self, size_t capacity)
{
    uint8_t *data = backing_take(self->backing, capacity);

    if (self->data != NULL) {
        memcpy(data, self->data, self->len);
    }
    backing_give(self->backing, self->data, self->capacity);
    return data;
}

void buf_grow(struct buf *self, size_t more)
{
    size_t capacity = self->capacity == 0 ? BUF_FIRST_BYTES : self->capacity;

    assert(more <= SIZE_MAX / 4 && self->len <= SIZE_MAX / 4);
    while (capacity - self->len < more) {
        capacity *= 2;
    }
    if (self->backing == NULL) {
        self->data = mem_resize(self->data, capacity, 1);
    } else {
        self->data = backing_moved(self, capacity);
    }
    self->capacity = capacity;
}

void buf_put(struct buf *self, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }
    buf_reserve(self, len);
    memcpy(self->data + self->len, data, len);
    self->len += len;
}

void buf_put_slice(struct buf *self, struct slice bytes)
{
    buf_put(self, bytes.data, bytes.len);
}

void buf_put_u8(struct buf *self, uint8_t value)
{
    buf_reserve(self, 1);
    self->data[self->len++] = value;
}

void buf_put_u16(struct buf *self, uint16_t value)
{
    uint8_t bytes[2];

    put_u16(bytes, value);
    buf_put(self, bytes, sizeof bytes);
}

void buf_put_u32(struct buf *self, uint32_t value)
{
    uint8_t bytes[4];

    put_u32(bytes, value);
    buf_put(self, bytes, sizeof bytes);
}

void buf_put_u64(struct buf *self, uint64_t value)
{
    uint8_t bytes[8];

    put_u64(bytes, value);
    buf_put(self, bytes, sizeof bytes);
}

void buf_put_varint(struct buf *self, uint64_t value)
{
    buf_reserve(self, VARINT_BYTES_MAX);
    self->len = (size_t)(put_varint(self->data + self->len, value) - self->data);
}

void buf_put_text(struct buf *self, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    buf_reserve(self, (size_t)len + 1);
    va_start(args, format);
    (void)vsnprintf((char *)self->data + self->len, (size_t)len + 1, format, args);
    va_end(args);
    self->len += (size_t)len;
}

void buf_clear(struct buf *self)
{
    self->len = 0;
}

void buf_free(struct buf *self)
{
    backing_give(self->backing, self->data, self->capacity);
    *self = (struct buf){0};
}

struct slice take_bytes(struct cursor *self, size_t len)
{
    struct slice taken = {self->rest.data, len};

    if (self->failed || self->rest.len < len) {
        self->failed = true;
        return (struct slice){NULL, 0};
    }
    if (len > 0) {
        self->rest.data += len;
        self->rest.len -= len;
    }
    return taken;
}

uint8_t take_u8(struct cursor *self)
{
    struct slice bytes = take_bytes(self, 1);

    return bytes.len == 0 ? 0 : bytes.data[0];
}

uint16_t take_u16(struct cursor *self)
{
    struct slice bytes = take_bytes(self, 2);

    return bytes.len == 0 ? 0 : get_u16(bytes.data);
}

uint32_t take_u32(struct cursor *self)
{
    struct slice bytes = take_bytes(self, 4);

    return bytes.len == 0 ? 0 : get_u32(bytes.data);
}

uint64_t take_u64(struct cursor *self)
{
    struct slice bytes = take_bytes(self, 8);

    return bytes.len == 0 ? 0 : get_u64(bytes.data);
}

uint64_t take_varint(struct cursor *self)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        uint8_t byte = take_u8(self);
        if (self->failed || (i == VARINT_BYTES_MAX - 1 && byte > 1)) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    self->failed = true;
    return 0;
}

void hex_encode(const void *data, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

int hex_decode(const char *text, void *out, size_t len)
{
    uint8_t *bytes = out;

    if (strlen(text) != 2 * len) {
        return E_MALFORMED;
    }
    for (size_t i = 0; i < 2 * len; i++) {
        if (nibble(text[i]) < 0) {
            return E_MALFORMED;
        }
    }
    for (size_t i = 0; i < len; i++) {
        bytes[i] =
            (uint8_t)((unsigned)nibble(text[2 * i]) << 4 | (unsigned)nibble(text[2 * i + 1]));
    }
    return 0;
}
