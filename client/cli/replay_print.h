/*
 * replay_print: items of a replay as lines for a person, or as JSON lines.
 */
#ifndef WAYPOST_CLI_REPLAY_PRINT_H
#define WAYPOST_CLI_REPLAY_PRINT_H

#include "client/cli/cli.h"
#include "client/replay/items.h"

typedef struct replay_print replay_print_t;

/* Reads names of authorities from the source's registers. cli and source: lent. */
replay_print_t *replay_print_new(struct cli *cli, source_t *source);
void replay_print_destroy(replay_print_t **self_p);
void replay_print_item(replay_print_t *self, const struct item *item);

#endif
