/*
 * watch_screen: `waypost watch` as a full screen, on ncurses: what comes in, deadlines, silence, one case. Ends when asked
 * to; a lost connection is said and tried again every second.
 */
#ifndef WAYPOST_CLI_WATCH_SCREEN_H
#define WAYPOST_CLI_WATCH_SCREEN_H

#include "client/cli/cli.h"

/* Returns an enum cli_exit. */
int watch_screen_run(struct cli *cli, const char *region);

/* Is this a terminal on which a full screen can stand? */
bool watch_screen_possible(const struct cli *cli);

#endif
