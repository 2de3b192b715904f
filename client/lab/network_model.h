/*
 * network_model: broker, agents and hub of a rehearsal in one process. See network.h.
 *
 * An event is accepted in the order in which it reaches the broker, judged, folded, and persisted
 * by every recipient that is linked, all at one instant. How far somebody is with it is told to its
 * sender, erasures to whoever knows the event, and everything to the hub. What an authority records
 * for itself is disclosed to the other party with the next event addressed to it (D49).
 */
#ifndef WAYPOST_LAB_NETWORK_MODEL_H
#define WAYPOST_LAB_NETWORK_MODEL_H

#include "client/lab/network.h"

/*
 * scenario: lent until the network is destroyed. keep_records: the timeline or JSON will ask for
 * them.
 */
struct rehearsal_network network_model_new(const scenario_t *scenario, bool keep_records);

#endif
