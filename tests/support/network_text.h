/*
 * network_text: what a network of a rehearsal says of a story, as lines of text that hold no id and so are the same for
 * every network that has played it: what became of each event, and what broker, agents and hub say of each child.
 */
#ifndef WAYPOST_TESTS_NETWORK_TEXT_H
#define WAYPOST_TESTS_NETWORK_TEXT_H

#include "client/lab/cast.h"
#include "client/lab/network.h"

/* cast: who is asked. Appends to out. */
void network_text(const scenario_t *scenario, const struct cast *cast,
    const struct rehearsal_network *network, struct buf *out);

#endif
