/*
 * telling: alarms go out to people, by the configured command and mail, again until somebody takes them on; and what only
 * the machine knows becomes one: a full disk, a slow one. For a program that runs an agent's core; served by its loop.
 */
#ifndef WAYPOST_AGENT_TELLING_H
#define WAYPOST_AGENT_TELLING_H

#include "client/agent/agent_core.h"
#include "common/alarm/teller.h"

typedef struct telling telling_t;

/* Everything lent for its life. */
struct telling_parts {
    struct teller_options options;
    const char *data; /* folder of the database */
    agent_core_t *core;
    store_t *store;
    const struct world *world;
};

telling_t *telling_new(const struct telling_parts *parts);
void telling_destroy(telling_t **self_p);
void telling_serve(telling_t *self); /* once a round; never waits */

#endif
