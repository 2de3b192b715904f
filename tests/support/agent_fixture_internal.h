/*
 * agent_fixture_internal: what the files of the agent's fixture share; nobody else includes it.
 */
#ifndef WAYPOST_TESTS_AGENT_FIXTURE_INTERNAL_H
#define WAYPOST_TESTS_AGENT_FIXTURE_INTERNAL_H

#include "common/crypto/sign.h"
#include "tests/support/agent_fixture.h"

enum { AGENTFIX_ARENA_BYTES = 16 * 1048576 };

/* protobuf-c has no const: what is lent here is only read. */
static inline char *unconst(const char *text)
{
    return (char *)(uintptr_t)text;
}

static inline ProtobufCBinaryData binary(const void *data, size_t len)
{
    return (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)data};
}

static inline ProtobufCBinaryData binary_buf(const struct buf *buf)
{
    return binary(buf->data, buf->len);
}

static inline struct slice slice_from(ProtobufCBinaryData bytes)
{
    return slice_of(bytes.data, bytes.len);
}

struct head_bytes {
    struct buf statement;
    uint8_t signature[SIGNATURE_BYTES];
    Waypost__Signed message;
};

/* The bytes of one frame reach the agent, and a tick unless the test holds it. */
void agentfix_frame(struct agentfix *self, struct slice bytes);
/* The head of the journal as it is, signed by the broker; forged: by the peer. Free the statement. */
void agentfix_head(struct agentfix *self, bool forged, struct head_bytes *out);
/* RFC 6962, 2.1.2: PROOF(m, D[n]) over leaves[from .. from + n). */
void agentfix_consistency(const struct agentfix *self, size_t from, size_t old_size, size_t size,
    bool whole, struct merkle_path *out);

#endif
