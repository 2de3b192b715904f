/*
 * replay_sandbox: a story of what was recorded, acted out by the programs of this version: broker, agents and hub in this
 * process, on a virtual clock, in memory. Nothing of it leaves the process.
 */
#ifndef WAYPOST_CLI_REPLAY_SANDBOX_H
#define WAYPOST_CLI_REPLAY_SANDBOX_H

#include "client/cli/cli.h"
#include "common/base/bytes.h"

/* How much the story holds. */
struct sandbox_story {
    uint64_t events, openings;
    uint64_t unknown; /* left out */
};

/* Play the text of a scenario; name: of its source. Returns an exit code; it has been said what came out otherwise. */
int sandbox_play(
    struct cli *cli, const char *name, struct slice text, const struct sandbox_story *counts);

#endif
