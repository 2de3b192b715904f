/*
 * help: what --help prints, made from the tables.
 */
#ifndef WAYPOST_CLI_HELP_H
#define WAYPOST_CLI_HELP_H

#include "client/cli/cli.h"

/* Every command with its summary by group. first: only the commands whose name begins with that word; NULL for all. */
void help_overview(const struct cli *cli, FILE *out, const char *first);

/* One command: usage, description, options, examples. */
void help_command(const struct cli *cli, const struct cli_command *command);

/* The usage line of a command: "waypost send [options] KIND". out of size bytes. */
void help_usage(const struct cli_command *command, char *out, size_t size);

#endif
