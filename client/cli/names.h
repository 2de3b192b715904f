/*
 * names: what authorities are called, from the register that the agent holds, so that a person reads "Camden".
 *
 * For display alone: the agent has checked the register's signatures, and nothing is decided here.
 */
#ifndef WAYPOST_CLI_NAMES_H
#define WAYPOST_CLI_NAMES_H

#include "client/cli/cli.h"

typedef struct names names_t;

/* Ask the agent for its register. Never fails: without one every name is the code itself. */
names_t *names_load(struct cli *cli);
void names_destroy(names_t **self_p);

/* "Camden"; the code itself where unknown. Lent. */
const char *names_of(const names_t *self, const char *code);

/* "Camden (E09000007)" into text; returned. */
const char *names_full(const names_t *self, const char *code, char *text, size_t size);

/* The code of a name in any case, of a code itself, or NULL. Lent. */
const char *names_code(const names_t *self, const char *name_or_code);

/* The nearest code or name for a typo, as "E09000007 (Camden)" into text; NULL where none is near. */
const char *names_nearest(const names_t *self, const char *name_or_code, char *text, size_t size);

/* No register was to be had. */
bool names_empty(const names_t *self);

#endif
