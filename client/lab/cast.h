/*
 * cast: which authorities play in a scenario, each with the agent that speaks for it. A code and the one that follows
 * it during the story are spoken for by one agent, as the register's acts_for says.
 */
#ifndef WAYPOST_LAB_CAST_H
#define WAYPOST_LAB_CAST_H

#include "client/lab/scenario.h"

struct cast_row {
    char code[CODE_BYTES + 1];
    size_t agent; /* row of the code whose agent speaks for this one: itself, or what follows it */
};

struct cast {
    size_t count;
    struct cast_row *rows; /* owned */
};

/* Every code that is in force when it is named, in the order in which they are. */
void cast_make(struct cast *self, const scenario_t *scenario);
void cast_free(struct cast *self);

#endif
