/*
 * replay_story: a replay as a story, acted out in a sandbox or written as a scenario.
 */
#ifndef WAYPOST_CLI_REPLAY_STORY_H
#define WAYPOST_CLI_REPLAY_STORY_H

#include "client/cli/cli.h"
#include "client/replay/items.h"

/* Both return an exit code; it has been said what went wrong. */
int replay_into_sandbox(struct cli *cli, source_t *source, const struct item_filter *filter);
/* The text that the sandbox plays, as a file for waypost rehearse; it must not be there. */
int replay_into_scenario(
    struct cli *cli, source_t *source, const struct item_filter *filter, const char *path);

#endif
