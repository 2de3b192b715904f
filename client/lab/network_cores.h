/*
 * network_cores: a rehearsal among the real thing: the broker's core on a journal in memory, an agent's core on a
 * store in memory for every authority that plays, and one of a hub, on a virtual clock (virtual_network.h). See
 * network.h. The wall clock stands still within an instant of the scenario.
 */
#ifndef WAYPOST_LAB_NETWORK_CORES_H
#define WAYPOST_LAB_NETWORK_CORES_H

#include "client/lab/data_files.h"
#include "client/lab/network.h"

/* Above it a scenario is for the model (network_model.h): real cores take minutes. */
enum { CORES_EVENTS_MAX = 20000, CORES_AGENTS_MAX = 512 };

/* Why a scenario is for the model alone, static; NULL where it can be played here. */
const char *network_cores_cannot(const scenario_t *scenario);

/* Both lent until the network is destroyed; data: what the scenario was read with. */
struct rehearsal_network network_cores_new(const scenario_t *scenario, const data_files_t *data);

#endif
