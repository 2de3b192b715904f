/*
 * hub: what waypost-hub adds to an agent's link: a keeper with tables of its own, the requests of hub officers, the web page,
 * and asking the broker in turn who is listening.
 */
#ifndef WAYPOST_HUB_HUB_H
#define WAYPOST_HUB_HUB_H

#include "client/agent/host.h"
#include "client/hub/config.h"
#include "client/hub/desk.h"
#include "client/hub/region_watch.h"

typedef struct web web_t;

struct hub {
    struct hub_config config;
    struct hub_tables tables;
    struct desk desk;
    agent_core_t *core;             /* lent */
    const char *name;               /* id in the register; lent */
    const procedures_t *procedures; /* lent; NULL for none */
    uint64_t book_version;          /* of the register whose authorities have their places */
    int64_t ask_at_mono_ms;         /* the next authority is asked after */
    size_t ask_next;                /* index among the register's authorities */
    web_t *web;                     /* NULL where the page is off */
    struct agent_keeper keeper;
    struct region_watch region;
};

/* The extra of the host; context is self. self zeroed; lives as long as the program. */
struct host_extra hub_extra(struct hub *self);

/* For tests: everything but the web page, on a store and a core that somebody else made. */
int hub_open(struct hub *self, store_t *store, const struct world *world, struct complaint *why);
void hub_attach(struct hub *self, agent_core_t *core);

void hub_view(struct hub *self, struct hub_view *out);

#endif
