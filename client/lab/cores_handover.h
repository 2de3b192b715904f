/*
 * cores_handover: agents come back to the broker among the cores as docs/SCENARIOS.md, section 4, has it: first each
 * tells what was opened and hands over its outbox, one agent after another, and event after event, so that whoever is
 * online has an event before the next one comes; then all take what waits for them. Agents left to themselves do all
 * that at once. So while outboxes are handed over, events are under way for a while, and acknowledgements are held on
 * their way and lost with the connection, as on a network that breaks; the next session says them again.
 */
#ifndef WAYPOST_LAB_CORES_HANDOVER_H
#define WAYPOST_LAB_CORES_HANDOVER_H

#include "client/lab/virtual_network.h"
#include "common/codec/frame.h"

struct handover {
    virtual_network_t *network; /* lent */
    arena_t *arena;             /* lent */
    bool holding;               /* acknowledgements of */
    size_t agent;               /* whose turn it is */
    int64_t travel_ms;          /* of the frame that leaves now */
    bool has_held;              /* one was held, on the connection that there is */
};

/* What the hooks of the same names (virtual_network.h) are to do. */
void handover_frame(struct handover *self, size_t agent, bool to_broker, struct slice frame);
int64_t handover_travel_ms(struct handover *self);

/*
 * Agents whose links are down come back, in this order; then their links are up. False: one of them has not handed
 * over its outbox though minutes went by.
 */
bool handover_run(struct handover *self, const size_t *agents, size_t count);

#endif
