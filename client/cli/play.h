/*
 * play: a scenario played for a command: among the real cores of broker, agents and hub, or with --fast over the model of the
 * transport. In this process, in memory, on a virtual clock.
 */
#ifndef WAYPOST_CLI_PLAY_H
#define WAYPOST_CLI_PLAY_H

#include "client/cli/cli.h"
#include "client/lab/scenario_run.h"

/* The row of a command's options that play_scenario() asks for. */
#define PLAY_FAST_OPTION                                                                           \
    {                                                                                              \
        .name = "fast",                                                                            \
        .text =                                                                                    \
            "play over a model of the transport: the same procedures without frames, signatures, " \
            "sealing and databases, for hundreds of thousands of events"                           \
    }

/*
 * As scenario_run(). data: what the scenario was read with. E_RANGE with a sentence where it is too much for real cores. What the
 * cores would log is not logged from here on: an operator's log is about a live network.
 */
int play_scenario(struct cli *cli, const scenario_t *scenario, const data_files_t *data,
    const struct run_watcher *watcher, struct run_result *out, uint32_t *line,
    struct complaint *why);

#endif
