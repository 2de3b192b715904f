/* bench_soak: load at one rate for as long as is asked, while sessions end and begin. */
#ifndef WAYPOST_CLI_BENCH_SOAK_H
#define WAYPOST_CLI_BENCH_SOAK_H

#include "client/cli/bench.h"

/*
 * Plays load->rate events a second for load->seconds; each second one recipient's session ends and begins anew. path: a
 * file for a line a second, or NULL: second, events receipted, the broker's resident KiB, its descriptors, the median
 * milliseconds from an event's due time to its delivery. Returns CLI_DONE, or it has been said why.
 */
int bench_soak(struct bench_net *net, struct bench_load *load, const char *path, json_t *results);

#endif
