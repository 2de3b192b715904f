/*
 * when: texts and times out of the agent's answers. A member that is absent or of another type is "" or 0. Pure.
 */
#ifndef WAYPOST_CLI_WHEN_H
#define WAYPOST_CLI_WHEN_H

#include "client/cli/cli.h"

/* A text member; "" where there is none. Lent from the object. */
const char *text_of(const json_t *object, const char *member);

/* A number member, 0 where there is none or it is negative. */
uint64_t number_of(const json_t *object, const char *member);

bool flag_of(const json_t *object, const char *member);

/* A time member, RFC 3339 text or a number of milliseconds: milliseconds since the epoch, 0 where there is none. */
int64_t when_of(const json_t *object, const char *member);

/* The same for a person, cli_time(); "" where there is none. text of CLI_TIME_BYTES; returned. */
const char *when_text(const struct cli *cli, const json_t *object, const char *member, char *text);

#endif
