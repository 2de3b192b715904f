/*
 * replay_log: each replay is itself a record: a line in a file beside what was replayed, never within it. A journal is
 * evidence, and whoever reads a copy of it must not change the copy; so the broker's own record replay_started is for
 * what an operator does through the broker, and this is for files.
 */
#ifndef WAYPOST_CLI_REPLAY_LOG_H
#define WAYPOST_CLI_REPLAY_LOG_H

#include "client/cli/cli.h"
#include "client/replay/source.h"

/* Write down that it begins. CLI_DONE; else it was said that nothing is replayed without that line. */
int replay_log_begin(struct cli *cli, const source_t *source);
void replay_log_end(struct cli *cli, const source_t *source, int exit_code);

#endif
