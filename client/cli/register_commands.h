/*
 * register_commands: what the commands of cmd_register.c run. Each returns an enum cli_exit.
 */
#ifndef WAYPOST_CLI_REGISTER_COMMANDS_H
#define WAYPOST_CLI_REGISTER_COMMANDS_H

#include "client/cli/cli.h"
#include "common/register/join.h"
#include "common/register/register.h"

/* register_look.c */
int register_list(struct cli *cli);
int register_show(struct cli *cli);
int register_check(struct cli *cli);
int register_fingerprint(struct cli *cli);
int register_diff_files(struct cli *cli);

/* register_make.c */
int register_init(struct cli *cli);
int register_sign(struct cli *cli);
int register_join(struct cli *cli);

/* What a join file made from this register says: its roots, and the first broker with all its endpoints. */
void register_join_of(const register_t *book, struct join *out);

#endif
