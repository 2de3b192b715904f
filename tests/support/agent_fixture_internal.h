/*
 * agent_fixture_internal: what the files of the agent's fixture share; nobody else includes it.
 */
#ifndef WAYPOST_TESTS_AGENT_FIXTURE_INTERNAL_H
#define WAYPOST_TESTS_AGENT_FIXTURE_INTERNAL_H

#include "common/crypto/sign.h"
#include "tests/support/agent_fixture.h"

struct head_bytes {
    struct buf statement;
    uint8_t signature[SIGNATURE_BYTES];
    Waypost__Signed message;
};

/* The head of the journal as it is, signed by the broker; forged: by the peer. Free the statement. */
void agentfix_head(struct agentfix *self, bool forged, struct head_bytes *out);
/* RFC 6962, 2.1.2: PROOF(m, D[n]) over leaves[from .. from + n). */
void agentfix_consistency(const struct agentfix *self, size_t from, size_t old_size, size_t size,
    bool whole, struct merkle_path *out);

#endif
