/*
 * manual: manual pages (mdoc) and bash completion, made from the tables of commands.
 */
#ifndef WAYPOST_CLI_MANUAL_H
#define WAYPOST_CLI_MANUAL_H

#include "client/cli/cli.h"
#include "common/base/bytes.h"

/* The page waypost(1), appended to out. */
void manual_overview(struct buf *out);

/* The page of the commands whose first word is `first`, waypost-FIRST(1), appended to out. */
void manual_command(const char *first, struct buf *out);

/* A bash script that completes commands, options, their words, kinds and facts, appended to out. */
void completion_bash(struct buf *out);

/*
 * First words of the commands that are listed, each once, in their order: index 0, 1, ... copied to first (64 bytes).
 * false at the end.
 */
bool manual_first_word(size_t index, char *first);

#endif
