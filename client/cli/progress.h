/*
 * progress: a bar on standard error for whatever takes more than a second; on a terminal only.
 */
#ifndef WAYPOST_CLI_PROGRESS_H
#define WAYPOST_CLI_PROGRESS_H

#include "client/cli/cli.h"

struct progress {
    struct cli *cli;
    const char *what; /* "verifying", lent */
    int64_t begun_mono_ms;
    int64_t drawn_mono_ms; /* 0 before the first */
};

void progress_begin(struct progress *self, struct cli *cli, const char *what);

/* Draw at most ten times a second; nothing in the first. */
void progress_show(struct progress *self, uint64_t done, uint64_t all);

/* Wipe the bar away. */
void progress_end(struct progress *self);

#endif
