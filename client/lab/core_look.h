/* core_look: what a rehearsal and a test's audit see of a broker's core that no session is told. Changes nothing. */
#ifndef WAYPOST_LAB_CORE_LOOK_H
#define WAYPOST_LAB_CORE_LOOK_H

#include "broker/core/core.h"

const engine_t *core_look_engine(const core_t *core); /* NULL before the first tables; lent */
bool core_look_judged(const core_t *core);            /* every accepted batch is */
/* Entries of an agent's stream without an acknowledgement, and the events among them. */
uint64_t core_look_waiting(const core_t *core, const char *agent);
uint64_t core_look_pending(const core_t *core, const char *agent);
/* Between what was recorded and what the engine said of it in a replay. */
uint64_t core_look_differences(const core_t *core);

#endif
