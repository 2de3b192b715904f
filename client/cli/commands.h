/*
 * commands: every command that there is. Each array stands in its cmd_NAME.c and ends with an entry without a name.
 */
#ifndef WAYPOST_CLI_COMMANDS_H
#define WAYPOST_CLI_COMMANDS_H

#include "client/cli/cli.h"

extern const struct cli_command cmd_send[];   /* new-transfer, send */
extern const struct cli_command cmd_lists[];  /* inbox, outbox, transfers */
extern const struct cli_command cmd_show[];   /* show, open, transfer */
extern const struct cli_command cmd_clocks[]; /* clocks, whois */
extern const struct cli_command cmd_watch[];  /* watch */
extern const struct cli_command
    cmd_hub[]; /* hub overview, pairs, deadlines, cases, case, unopened, link */
extern const struct cli_command cmd_verify[];     /* verify */
extern const struct cli_command cmd_receipt[];    /* receipt */
extern const struct cli_command cmd_state[];      /* state */
extern const struct cli_command cmd_replay[];     /* replay */
extern const struct cli_command cmd_diff[];       /* diff */
extern const struct cli_command cmd_bundle[];     /* bundle */
extern const struct cli_command cmd_heads[];      /* heads */
extern const struct cli_command cmd_erase[];      /* erase */
extern const struct cli_command cmd_import[];     /* import */
extern const struct cli_command cmd_scrub[];      /* scrub */
extern const struct cli_command cmd_export[];     /* export */
extern const struct cli_command cmd_keygen[];     /* keygen */
extern const struct cli_command cmd_register[];   /* register list, show, check, sign, diff, ... */
extern const struct cli_command cmd_status[];     /* status, alarms, listening */
extern const struct cli_command cmd_check[];      /* check */
extern const struct cli_command cmd_operate[];    /* shape, trace, hold, release, counters */
extern const struct cli_command cmd_recover[];    /* recover */
extern const struct cli_command cmd_mend[];       /* mend */
extern const struct cli_command cmd_bench[];      /* bench */
extern const struct cli_command cmd_rehearse[];   /* rehearse */
extern const struct cli_command cmd_procedures[]; /* procedures, procedures explain */
extern const struct cli_command cmd_other[];      /* completion, version, help */

/* The command at an index, in the order in which they are listed; NULL at the end. */
const struct cli_command *command_at(size_t index);

/* By its name, two words with one blank between; NULL where unknown. */
const struct cli_command *command_named(const char *name);

/* The headings in their order; NULL at the end. */
const char *command_group_at(size_t index);

/* Options that every command takes, and those that speak to the agent; ended by name == NULL. */
extern const struct cli_option options_common[];
extern const struct cli_option options_agent[];

#endif
