/*
 * commands: every command that there is. Each array stands in its cmd_NAME.c and ends with an entry without a name.
 */
#ifndef WAYPOST_CLI_COMMANDS_H
#define WAYPOST_CLI_COMMANDS_H

#include "client/cli/cli.h"

extern const struct cli_command cmd_keygen[];   /* keygen */
extern const struct cli_command cmd_register[]; /* register list, show, check, sign, diff, ... */

#endif
