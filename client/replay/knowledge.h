/*
 * knowledge: what one authority knew at a moment: the ledger of what its agent had on its own disk by then. That is
 * every entry of the agent's stream whose acknowledgement (A1, signed by the agent) names an earlier time, and what the
 * agent itself had sent. Acknowledgements that reached the broker later count: they say when it was persisted.
 */
#ifndef WAYPOST_REPLAY_KNOWLEDGE_H
#define WAYPOST_REPLAY_KNOWLEDGE_H

#include "client/replay/ledger.h"
#include "client/replay/source.h"

struct knowledge {
    ledger_t *ledger;     /* owned by the caller of knowledge_of() */
    char agents[128];     /* ids of the agents that served the authority, parted by blanks */
    uint64_t entries;     /* of their streams, persisted by then */
    uint64_t pending;     /* recorded by then and not persisted */
    int64_t persisted_ms; /* the latest of those times, 0 for none */
};

/*
 * Read the source twice. at_ms: milliseconds since the epoch, INT64_MAX for the end. Returns 0; E_NOT_FOUND where no
 * agent of a register in the journal served that code; or what source_walk() returns.
 */
int knowledge_of(source_t *source, const char *code, int64_t at_ms, struct knowledge *out,
    struct complaint *why);

#endif
