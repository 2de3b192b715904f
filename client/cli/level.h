/*
 * level: how far an event has come with a recipient, in words. The levels are never confused: what a machine has
 * confirmed is not what a person has done.
 */
#ifndef WAYPOST_CLI_LEVEL_H
#define WAYPOST_CLI_LEVEL_H

#include "client/cli/cli.h"

/* "accepted by the broker", "on their system", "opened", "could not be used"; "on its way" for -1. Static. */
const char *level_text(int level);

enum cli_paint level_paint(int level);

/* The member "level" of a row: a number, or a word of the agent; -1 where there is none. */
int level_of(const json_t *row);

#endif
