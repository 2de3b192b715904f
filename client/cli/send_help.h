/*
 * send_help: the kinds of events and the facts of one kind, for a person and for programs.
 */
#ifndef WAYPOST_CLI_SEND_HELP_H
#define WAYPOST_CLI_SEND_HELP_H

#include "client/cli/cli.h"
#include "common/codec/catalogue.h"

/* Every kind with its title, in the catalogue's order: the four that began it first. */
void send_list(struct cli *cli);

/* One kind: who sends it to whom, its facts with their words. */
void send_kind_help(struct cli *cli, const struct kind_info *kind);

/* The kind of that name, or it has been said that there is none, with the nearest. NULL then. */
const struct kind_info *send_kind(struct cli *cli, const char *name);

#endif
