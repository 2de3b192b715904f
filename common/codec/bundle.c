/*
 * bundle: see bundle.h. Writing cannot fail; reading never reads outside what it was given.
 */
#include "common/codec/bundle.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/err.h"

#include "common/base/banned.h"

static const char magic[] = "WPBNDL01";

enum { MAGIC_BYTES = sizeof magic - 1, FRAME_BYTES = 8 };

#define BUNDLE_CONTEXT "waypost/bundle/1"

static struct hash chain_begin(void)
{
    return hash_of(BUNDLE_CONTEXT, slice_of(magic, MAGIC_BYTES), slice_of(NULL, 0));
}

static struct hash chain_next(const struct hash *before, struct slice framed)
{
    return hash_of(BUNDLE_CONTEXT, slice_of(before->b, HASH_BYTES), framed);
}

void bundle_begin(struct bundle_writer *self, struct buf *out)
{
    self->out = out;
    self->chain = chain_begin();
    buf_put(out, magic, MAGIC_BYTES);
}

void bundle_put(struct bundle_writer *self, enum bundle_type type, struct slice bytes)
{
    size_t at = self->out->len;

    assert(bytes.len <= BUNDLE_SECTION_BYTES_MAX);
    buf_put_u32(self->out, (uint32_t)type);
    buf_put_u32(self->out, (uint32_t)bytes.len);
    buf_put_slice(self->out, bytes);
    self->chain = chain_next(&self->chain, slice_of(self->out->data + at, FRAME_BYTES + bytes.len));
    buf_put(self->out, self->chain.b, HASH_BYTES);
}

bool bundle_begins(struct slice bytes)
{
    return bytes.len >= MAGIC_BYTES && memcmp(bytes.data, magic, MAGIC_BYTES) == 0;
}

void bundle_open(struct bundle_reader *self, struct slice bytes)
{
    assert(bundle_begins(bytes));
    self->rest = slice_of(bytes.data + MAGIC_BYTES, bytes.len - MAGIC_BYTES);
    self->chain = chain_begin();
    self->offset = MAGIC_BYTES;
    self->number = 1;
}

int bundle_next(struct bundle_reader *self, uint32_t *type, struct slice *bytes)
{
    struct cursor in = cursor_of(self->rest);

    if (self->rest.len == 0) {
        return E_END;
    }
    uint32_t said = take_u32(&in);
    uint32_t len = take_u32(&in);
    if (in.failed || len > BUNDLE_SECTION_BYTES_MAX) {
        return E_MALFORMED;
    }
    struct slice body = take_bytes(&in, len);
    struct slice chain = take_bytes(&in, HASH_BYTES);
    if (in.failed) {
        return E_MALFORMED;
    }
    struct hash next = chain_next(&self->chain, slice_of(self->rest.data, FRAME_BYTES + len));
    if (memcmp(next.b, chain.data, HASH_BYTES) != 0) {
        return E_CORRUPT;
    }
    self->chain = next;
    self->offset += self->rest.len - in.rest.len;
    self->rest = in.rest;
    self->number++;
    *type = said;
    *bytes = body;
    return 0;
}
