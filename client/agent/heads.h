/*
 * heads: what the other files of the core ask of it; see heads.c.
 */
#ifndef WAYPOST_AGENT_HEADS_H
#define WAYPOST_AGENT_HEADS_H

#include "client/agent/agent_private.h"
#include "client/agent/store_evidence.h"

void heads_load(agent_core_t *self);    /* from the store, at the start */
void heads_session(agent_core_t *self); /* a session is open and checked */
void heads_pump(agent_core_t *self);    /* ask for the next proof; at every tick */
void heads_proof(agent_core_t *self, const Waypost__Proof *proof);
bool heads_refused(agent_core_t *self, const Waypost__Refused *refused); /* true: it was ours */

/* WELCOME proved that this head extends the one before it. Inside a transaction. */
void heads_proven(agent_core_t *self, const struct seen_head *head);

/* Another agent's signed statement names a head that it has seen. Inside a transaction; checked later. */
void heads_said(agent_core_t *self, const char *agent, const Waypost__Signed *said, bool is_ack,
    uint64_t size, struct slice root);

/* The broker may have come back from a copy and say so in a new epoch. past: what our own past says of its head, 0 where it
 * extends what we have seen. Returns 0 where the epoch's record is in its journal and the gap that it names takes in what we
 * have seen, and raises the alarm that says what was lost; past where there is no new epoch; else E_ROLLBACK or E_FORK. */
int heads_epoch(
    agent_core_t *self, const Waypost__Welcome *welcome, const struct seen_head *head, int past);

#endif
