/*
 * bench_away: the authority that was away: the drain of its backlog, and what is left of everything confirmed after
 * the broker was killed.
 */
#ifndef WAYPOST_CLI_BENCH_AWAY_H
#define WAYPOST_CLI_BENCH_AWAY_H

#include "client/cli/bench.h"

/* Fill a backlog for the last agent, connect it, measure until all of it is acknowledged. */
int bench_drain(struct bench_net *net, const struct bench_options *options,
    const struct bench_shape *shape, json_t *results);

/* Fill a backlog, kill the broker while events are published, start it again, and count what was confirmed. */
int bench_restart(struct bench_net *net, const struct bench_options *options,
    const struct bench_shape *shape, json_t *results);

#endif
