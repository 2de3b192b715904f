/*
 * cases: what everything this agent knows adds up to: who is responsible, which clocks run, what is owed and by whom.
 *
 * The procedure engine folded over the store's own events and the levels and erasures that are known here, in the order
 * of the broker's journal (cases_steps.h). An agent sees what it sent and what was sent to it, no more; what the broker
 * has not accepted yet, and every clock while the agent is cut off, is provisional. Nothing that was folded is kept:
 * each question folds anew, so that the answer is never older than the store. Memory only; unreadable rows are left out.
 */
#ifndef WAYPOST_AGENT_CASES_H
#define WAYPOST_AGENT_CASES_H

#include "client/agent/agent_private.h"

/* The engine over everything, as of now; NULL where the agent runs without procedure tables. Give it back by cases_done(). */
engine_t *cases_fold(agent_core_t *self);

/*
 * The same over one transfer and those that bear on it (kin.h), so that it costs what the case costs, however much the store
 * holds: what it says of this transfer is what cases_fold() says of it.
 *   said   an event of this transfer that is to be judged next and is not in the store, NULL for none
 */
engine_t *cases_fold_kin(
    agent_core_t *self, const uint8_t *transfer, const struct event_view *said);

/* The question is answered: engine, which may be NULL, is taken and kept, empty, for the next one. */
void cases_done(agent_core_t *self, engine_t **engine_p);

/* The bytes of an event of the outbox (own) or inbox, appended. False where they cannot be had. */
bool cases_event_bytes(agent_core_t *self, const uint8_t *event, bool own, struct buf *out);

#endif
