/*
 * virtual_world: time and randomness of a machine that is simulated. All machines share one clock;
 * each may have its wall clock set wrong. The same seed gives the same run.
 */
#ifndef WAYPOST_LAB_VIRTUAL_WORLD_H
#define WAYPOST_LAB_VIRTUAL_WORLD_H

#include "common/base/world.h"

/* True time. Whoever runs the simulation moves both, together or not. */
struct virtual_clock {
    int64_t wall_ms; /* since 1970-01-01T00:00Z */
    int64_t mono_ms; /* rises */
};

/* Not to be moved: world.context points to it. */
struct virtual_world {
    struct world world;                /* to be lent to cores */
    const struct virtual_clock *clock; /* lent */
    int64_t off_ms;                    /* how far its wall clock is from the true time */
    uint64_t random;                   /* state of virtual_random() */
};

void virtual_world_init(
    struct virtual_world *self, const struct virtual_clock *clock, uint64_t seed);

/* The next of 2^64 numbers: for simulations, never for secrets. */
uint64_t virtual_random(uint64_t *state);

#endif
