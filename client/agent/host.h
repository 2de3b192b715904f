/*
 * host: what runs an agent's core: command line, configuration, store, link to the broker, local socket, and the one loop
 * that serves them all. waypost-agent is this alone; waypost-hub adds a keeper and a web page.
 *
 * Exit: 0 done, 1 the configuration or the machine does not allow a start (a sentence says why), 2 wrong usage, 70 a
 * promise could no longer be kept while running.
 */
#ifndef WAYPOST_AGENT_HOST_H
#define WAYPOST_AGENT_HOST_H

#include "client/agent/agent_core.h"
#include "client/agent/config.h"
#include "common/base/command_line.h"
#include "common/metrics/metrics.h"

enum { HOST_ITEMS_MAX = 4 }; /* descriptors that an extra may ask to have waited for */

/* What a program adds to an agent. No function is NULL; context is passed to each. */
struct host_extra {
    void *context;
    const struct agent_keeper *keeper;
    /* Further checks of the configuration: for -n, and before the start. 0 or a code with the sentence in why. */
    int (*check)(void *context, const struct agent_config *config, struct complaint *why);
    /* The store is open, the core not made yet. flag: the program's own option stood on the command line. */
    int (*open)(void *context, const struct agent_config *config, store_t *store, bool flag,
        struct complaint *why);
    /* Core and socket are there. */
    int (*start)(void *context, agent_core_t *core, struct complaint *why);
    /* An answer of the core for a client number that the extra made up (HOST_OWN_CLIENT and above). Taken. */
    void (*answer)(void *context, uint64_t client, json_t *line);
    /* Descriptors to wait for, at most HOST_ITEMS_MAX; returns how many. */
    size_t (*wait_for)(void *context, int *fds);
    /* Once in every round of the loop, at the latest at due_ms (world's mono_ms). */
    void (*serve)(void *context);
    int64_t (*due_ms)(void *context);
    /* The program's own families on /metrics; NULL for none. */
    void (*metrics)(void *context, struct metrics_page *page);
    void (*close)(void *context); /* before the store is closed */
};

#define HOST_OWN_CLIENT (UINT64_C(1) << 63)

struct host_program {
    struct command_program command;
    const char *log_name;           /* "agent" */
    const char *database;           /* file below `data`, "agent.db" */
    const struct host_extra *extra; /* NULL for none */
};

int host_main(const struct host_program *program, int argc, char **argv);

#endif
