/*
 * replay_file: what passes the filter of a replay, as an export of its own.
 */
#ifndef WAYPOST_CLI_REPLAY_FILE_H
#define WAYPOST_CLI_REPLAY_FILE_H

#include "client/cli/cli.h"
#include "client/replay/items.h"

/* Returns an exit code; it has been said what went wrong. The file must not be there. */
int replay_into_file(
    struct cli *cli, source_t *source, const struct item_filter *filter, const char *path);

#endif
