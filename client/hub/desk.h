/*
 * desk: the hub's requests of the local interface (docs/HUB.md), one table of name, members and function, and its watchers.
 * Pure like the agent's ops: JSON in, JSON out.
 */
#ifndef WAYPOST_HUB_DESK_H
#define WAYPOST_HUB_DESK_H

#include "client/hub/view.h"

struct desk_watcher {
    uint64_t client; /* 0 for a free place */
    int64_t position;
    char region[AGENT_NAME_BYTES_MAX + 1];
};

struct desk {
    void *context;
    void (*view)(void *context, struct hub_view *out); /* as of now */
    /* One line for a local client; taken. False: no room, it is asked again. */
    bool (*answer)(void *context, uint64_t client, json_t *line);
    /* The address that logs a browser in, appended; E_CONFIG where the page is off. */
    int (*link)(void *context, struct buf *out);
    bool more; /* desk_flow() is wanted without waiting for an entry */
    struct desk_watcher watchers[HUB_WATCHERS_MAX];
};

/* True where it is one of ours, or not for a hub at all; *answer is a new reference. False: the core's. */
bool desk_request(struct desk *self, uint64_t client, const json_t *request, json_t **answer);
void desk_flow(struct desk *self); /* hand watchers what is new */
void desk_gone(struct desk *self, uint64_t client);

#endif
