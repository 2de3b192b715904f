/*
 * erasing: what the other files of the core ask of it; see erasing.c.
 */
#ifndef WAYPOST_AGENT_ERASING_H
#define WAYPOST_AGENT_ERASING_H

#include "client/agent/agent_private.h"
#include "client/agent/store_evidence.h"

void erasing_session(agent_core_t *self); /* a session is open and checked */
/* Within a transaction: what was to be destroyed of a refused event never left, so it is done here. */
void erasing_unsent(agent_core_t *self, const uint8_t *event);
void erasing_pump(agent_core_t *self);  /* scrub, and say what is to be said; at every tick */
void erasing_daily(agent_core_t *self); /* once a minute: lateness, the standing instruction */
void erasing_erased(agent_core_t *self, const Waypost__Erased *erased);
bool erasing_refused(agent_core_t *self, const Waypost__Refused *refused); /* true: it was ours */

/* An entry of the stream, inside its transaction, whatever its kind. 0, or E_STALE_REGISTER: ask for the register. */
int erasing_record(agent_core_t *self, const struct told_record *entry);

/* Own payloads that are older than the register's schedule allows; held_back: a clock of their transfer runs. */
void erasing_due(agent_core_t *self,
    void (*visit)(void *context, const struct due_row *row, bool held_back), void *context);

#endif
