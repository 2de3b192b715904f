/*
 * bundling: what the other files of the core ask of it; see bundling.c.
 */
#ifndef WAYPOST_AGENT_BUNDLING_H
#define WAYPOST_AGENT_BUNDLING_H

#include "client/agent/agent_private.h"
#include "client/agent/store_evidence.h"

bool bundling_proof(agent_core_t *self, const Waypost__Proof *proof);       /* true: it was ours */
bool bundling_refused(agent_core_t *self, const Waypost__Refused *refused); /* true: it was ours */
void bundling_tick(agent_core_t *self);    /* what did not come in time is left out */
void bundling_offline(agent_core_t *self); /* nothing more will come */
void bundling_free(agent_core_t *self);

#endif
