/*
 * pages: /metrics and /healthz of a program that runs an agent's core (waypost-agent, waypost-hub), served by its own
 * loop. Off unless the configuration names an address.
 */
#ifndef WAYPOST_AGENT_PAGES_H
#define WAYPOST_AGENT_PAGES_H

#include "client/agent/agent_core.h"
#include "client/agent/stats.h"
#include "common/http/http.h"
#include "common/metrics/metrics.h"

typedef struct agent_pages agent_pages_t;

/* Everything lent for the life of the pages. */
struct agent_pages_parts {
    struct http_address address;
    const char *program; /* "waypost-agent": names of families begin with it */
    const char *data;    /* folder of the database, for its free space */
    const char *database;
    agent_core_t *core;
    store_t *store;
    const struct world *world;
    void *context;                                          /* of the function below */
    void (*more)(void *context, struct metrics_page *page); /* the program's own families; NULL */
};

/* Listen. 0; E_EXISTS, E_PERMISSION, E_IO with a sentence. */
int agent_pages_open(
    const struct agent_pages_parts *parts, agent_pages_t **out, struct complaint *why);
void agent_pages_destroy(agent_pages_t **self_p);
int agent_pages_fd(const agent_pages_t *self);
int64_t agent_pages_due_ms(const agent_pages_t *self); /* mono */
void agent_pages_serve(agent_pages_t *self);

/* The rows of docs/OPERATING.md, all families in the order of the page. program: "waypost_agent". */
void agent_metrics_put_table(const char *program, struct buf *out);

#endif
