/*
 * export_agent: what an agent has sent and received, as an export: each event with the sender's signed statement and its
 * path in the batch, so that it proves by itself who said it.
 */
#ifndef WAYPOST_CLI_EXPORT_AGENT_H
#define WAYPOST_CLI_EXPORT_AGENT_H

#include "client/cli/cli.h"
#include "client/replay/export.h"

/* Ask the agent and write. written: events. Returns an exit code; it has been said what went wrong. */
int export_agent(struct cli *cli, exporter_t *exporter, uint64_t *written);

#endif
