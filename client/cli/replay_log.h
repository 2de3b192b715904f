/*
 * replay_log: each replay is itself a record. Of a journal whose broker runs, in that journal: the broker makes it
 * (replay_started) for its operator. Of copies, exports and bundles, in a file beside them: whoever reads a copy of
 * evidence must not change the copy.
 */
#ifndef WAYPOST_CLI_REPLAY_LOG_H
#define WAYPOST_CLI_REPLAY_LOG_H

#include "client/cli/cli.h"
#include "client/replay/source.h"

/* Write down that it begins. CLI_DONE; else it was said that nothing is replayed without that line. */
int replay_log_begin(struct cli *cli, const source_t *source);
void replay_log_end(struct cli *cli, const source_t *source, int exit_code);

#endif
