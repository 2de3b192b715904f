/*
 * parse: a command line against the table of commands. No command runs here.
 */
#ifndef WAYPOST_CLI_PARSE_H
#define WAYPOST_CLI_PARSE_H

#include "client/cli/cli.h"

/* Letters that may stand behind hyphens without a value: each is noted once, however often it stands. */
enum { PARSE_FLAGS_MAX = 52 };

/* One option as it was given. */
struct cli_given {
    const struct cli_option *option; /* lent from the tables */
    const char *value;               /* lent from argv; NULL for a flag */
};

/* What is to be done with the line. */
enum parse_result {
    PARSE_RUN,      /* cli->command with its options and words */
    PARSE_OVERVIEW, /* list the commands: --help without a command */
    PARSE_HELP,     /* help of cli->command */
    PARSE_VERSION,  /* --version */
    PARSE_NOTHING,  /* nothing was asked: list the commands, exit 2 */
    PARSE_WRONG,    /* it has been said what is wrong */
};

/*
 * Parse. cli->json, socket, command, args, given are set; the words are gathered in `words`, with room for argc
 * entries, the options in `given`, with room for argc + PARSE_FLAGS_MAX, both lent for as long as cli is used.
 */
enum parse_result parse_line(struct cli *cli, int argc, const char *const *argv, const char **words,
    struct cli_given *given);

/* The option of a command by its long name, the common ones included; NULL where unknown. */
const struct cli_option *option_named(const struct cli_command *command, const char *name);

/* The option at an index: the command's own, then the agent's where it needs it, then the common; NULL at the end. */
const struct cli_option *option_at(const struct cli_command *command, size_t index);

/* The word at an index that an option of type CLI_WORD takes; NULL at the end, and for other types. */
const char *option_word(const struct cli_option *option, size_t index);

#endif
