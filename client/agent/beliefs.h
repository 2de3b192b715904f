/*
 * beliefs: deadlines that this agent, cut off from the broker, has seen run out by its own clock. When it is back, the
 * journal bears each out or it does not; what it does not bear out is kept, as breach_superseded, beside what the broker
 * records (docs/PROCEDURES.md, sections 8 and 9). Failures are the store's, and raise its alarm.
 */
#ifndef WAYPOST_AGENT_BELIEFS_H
#define WAYPOST_AGENT_BELIEFS_H

#include "client/agent/agent_private.h"
#include "common/procedure/engine.h"

/*
 * Since when, by our wall clock, nothing has come from the broker: the end of the last session, or, in a process that had
 * none yet, when an entry was persisted last. 0 for never.
 */
int64_t beliefs_heard_ms(agent_core_t *self);

/* Is it breached by our clock alone? heard_ms: beliefs_heard_ms(), asked once for many clocks. */
bool belief_is(const agent_core_t *self, const struct engine_clock *clock, int64_t heard_ms);

/* A session begins: what is believed now is written down, to be held against what comes up to stream_last. */
void beliefs_note(agent_core_t *self, uint64_t stream_last);

/* At ticks: all that waited is here and ours is accepted: settle what was believed. */
void beliefs_tick(agent_core_t *self);

#endif
