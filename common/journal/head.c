/*
 * head: the statement that is signed with every commit (message Head of proto/waypost.proto),
 * written by hand so that the writer allocates nothing, and the body of a commit record. Pure;
 * bytes that do not hold are E_CORRUPT.
 */
#include <string.h>

#include "common/base/check.h"
#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

/* Tags of message Head: field number << 3 | wire type. */
enum {
    TAG_NETWORK = 1 << 3 | 2,
    TAG_JOURNAL = 2 << 3 | 2,
    TAG_EPOCH = 3 << 3,
    TAG_SIZE = 4 << 3,
    TAG_ROOT = 5 << 3 | 2,
    TAG_TIME = 6 << 3,
    TAGS_NEEDED = 0x7e, /* a bit a field number */
};

static uint8_t *put_field(uint8_t *at, uint8_t tag, const void *bytes, size_t len)
{
    *at++ = tag;
    at = put_varint(at, len);
    memcpy(at, bytes, len);
    return at + len;
}

void head_encode(const char *network, struct journal_head *head)
{
    uint8_t *at = head->statement;

    at = put_field(at, TAG_NETWORK, network, strlen(network));
    at = put_field(at, TAG_JOURNAL, head->journal, sizeof head->journal);
    *at++ = TAG_EPOCH;
    at = put_varint(at, head->epoch);
    *at++ = TAG_SIZE;
    at = put_varint(at, head->size);
    at = put_field(at, TAG_ROOT, head->root.b, HASH_BYTES);
    *at++ = TAG_TIME;
    at = put_varint(at, (uint64_t)head->time_ms);
    head->statement_len = (uint32_t)(at - head->statement);
}

size_t head_statement_bytes(const char *network, const struct journal_head *head)
{
    struct journal_head copy = *head;

    head_encode(network, &copy);
    return copy.statement_len;
}

/* Fixed-size bytes into out; anything else fails the cursor. */
static void take_exactly(struct cursor *in, void *out, size_t len)
{
    struct slice bytes = take_bytes(in, (size_t)take_varint(in));

    if (bytes.len != len) {
        in->failed = true;
        return;
    }
    memcpy(out, bytes.data, len);
}

static void take_network(struct cursor *in, char *network)
{
    enum { NETWORK_BYTES_MAX = 32 };
    struct slice name = take_bytes(in, (size_t)take_varint(in));

    if (name.len == 0 || name.len > NETWORK_BYTES_MAX || memchr(name.data, 0, name.len) != NULL) {
        in->failed = true;
        return;
    }
    memcpy(network, name.data, name.len);
    network[name.len] = '\0';
}

static void skip_unknown(struct cursor *in, uint64_t tag)
{
    if ((tag & 7) == 0) {
        (void)take_varint(in);
    } else if ((tag & 7) == 2) {
        (void)take_bytes(in, (size_t)take_varint(in));
    } else {
        in->failed = true;
    }
}

static void take_field(struct cursor *in, uint64_t tag, char *network, struct journal_head *out)
{
    switch (tag) {
    case TAG_NETWORK:
        take_network(in, network);
        break;
    case TAG_JOURNAL:
        take_exactly(in, out->journal, sizeof out->journal);
        break;
    case TAG_EPOCH:
        out->epoch = (uint32_t)take_varint(in);
        break;
    case TAG_SIZE:
        out->size = take_varint(in);
        break;
    case TAG_ROOT:
        take_exactly(in, out->root.b, HASH_BYTES);
        break;
    case TAG_TIME:
        out->time_ms = (int64_t)take_varint(in);
        break;
    default:
        skip_unknown(in, tag);
    }
}

int head_decode(struct slice statement, char *network, struct journal_head *out)
{
    struct cursor in = cursor_of(statement);
    unsigned seen = 0;

    if (statement.len > sizeof out->statement) {
        return E_CORRUPT;
    }
    while (!in.failed && in.rest.len > 0) {
        uint64_t tag = take_varint(&in);
        seen |= tag >> 3 < 7 ? 1U << (tag >> 3) : 0;
        take_field(&in, tag, network, out);
    }
    if (in.failed || (seen & TAGS_NEEDED) != TAGS_NEEDED) {
        return E_CORRUPT;
    }
    memcpy(out->statement, statement.data, statement.len);
    out->statement_len = (uint32_t)statement.len;
    return 0;
}

size_t commit_record_bytes(size_t statement_bytes)
{
    size_t used = RECORD_HEADER_BYTES + COMMIT_FIXED_BYTES + statement_bytes + SIGNATURE_BYTES;

    return (used + 7) & ~(size_t)7;
}

void commit_record_encode(
    const struct commit_body *body, uint64_t size, int64_t time_ms, struct buf *out)
{
    uint8_t bytes[COMMIT_FIXED_BYTES + STATEMENT_BYTES_MAX + SIGNATURE_BYTES];

    assert(body->statement.len <= STATEMENT_BYTES_MAX && body->signature.len == SIGNATURE_BYTES);
    put_u64(bytes, body->start);
    put_u64(bytes + 8, body->first_leaf);
    put_u32(bytes + 16, body->leaves);
    put_u32(bytes + 20, (uint32_t)body->statement.len);
    memcpy(bytes + COMMIT_FIXED_BYTES, body->statement.data, body->statement.len);
    memcpy(bytes + COMMIT_FIXED_BYTES + body->statement.len, body->signature.data, SIGNATURE_BYTES);
    struct record record = {
        .type = RECORD_COMMIT,
        .sequence = size,
        .time_ms = time_ms,
        .body = slice_of(bytes, COMMIT_FIXED_BYTES + body->statement.len + SIGNATURE_BYTES),
    };
    record_encode(&record, out);
}

int commit_body_read(struct slice body, struct commit_body *out)
{
    struct cursor in = cursor_of(body);

    out->start = take_u64(&in);
    out->first_leaf = take_u64(&in);
    out->leaves = take_u32(&in);
    out->statement = take_bytes(&in, take_u32(&in));
    out->signature = take_bytes(&in, SIGNATURE_BYTES);
    return in.failed || in.rest.len != 0 ? E_CORRUPT : 0;
}

int commit_head(
    const struct record *record, struct commit_body *body, char *network, struct journal_head *out)
{
    if (record->type != RECORD_COMMIT || record->flags != 0 || record->payload.len != 0 ||
        commit_body_read(record->body, body) != 0 ||
        head_decode(body->statement, network, out) != 0) {
        return E_CORRUPT;
    }
    if (out->size != record->sequence || out->time_ms != record->time_ms || body->leaves == 0 ||
        body->first_leaf + body->leaves != out->size) {
        return E_CORRUPT;
    }
    memcpy(out->signature, body->signature.data, SIGNATURE_BYTES);
    return 0;
}

int head_check(const struct journal_head *head, const uint8_t *head_public)
{
    return sign_check(SIGN_CONTEXT_HEAD, slice_of(head->statement, head->statement_len),
        slice_of(head->signature, SIGNATURE_BYTES), head_public);
}
