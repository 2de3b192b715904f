/*
 * local_api: the Unix socket of docs/LOCAL-API.md: lines of JSON in, lines of JSON out, many
 * clients, none of which can hold up another or fill our memory.
 */
#ifndef WAYPOST_AGENT_LOCAL_API_H
#define WAYPOST_AGENT_LOCAL_API_H

#include <poll.h>
#include <zmq.h>

#include "client/agent/agent_core.h"

typedef struct local_api local_api_t;

/* Bind the socket, mode 0660, its group where one is named. A dead socket file is replaced; a
 * live one is E_LOCKED. */
int local_api_open(const char *path, const char *group, local_api_t **out, struct complaint *why);
void local_api_destroy(local_api_t **self_p); /* and removes the file */

/* Fill in what to poll, at most AGENT_CLIENTS_MAX + 1 items; returns how many. */
size_t local_api_items(const local_api_t *self, zmq_pollitem_t *items);
/* Serve what those items say. The same ones, in the same order. */
void local_api_serve(
    local_api_t *self, agent_core_t *core, const zmq_pollitem_t *items, size_t count);
/* ports.answer of the core. */
bool local_api_answer(local_api_t *self, uint64_t client, json_t *line);

#endif
