/*
 * receiver: the program that takes events over (on-delivery). One process an event, the event as
 * one JSON object on its standard input; exit 0 means taken. At most a few at a time, each for
 * another transfer; one that runs too long is killed with all its children. Which event comes
 * next, and when again, is the core's to say.
 */
#ifndef WAYPOST_AGENT_RECEIVER_H
#define WAYPOST_AGENT_RECEIVER_H

#include "client/agent/agent_core.h"

typedef struct receiver receiver_t;

/* program is lent. timeout_ms: until it is killed. */
receiver_t *receiver_new(const char *program, size_t parallel, int64_t timeout_ms);
/* Kill what still runs; its events are tried again at the next start. */
void receiver_destroy(receiver_t **self_p);

/* Start what is due, end what took too long. Returns when to be called again, on mono_ms,
 * INT64_MAX for never. */
int64_t receiver_run(receiver_t *self, agent_core_t *core, const struct world *world);
/* A child ended (SIGCHLD). */
void receiver_reap(receiver_t *self, agent_core_t *core);

#endif
