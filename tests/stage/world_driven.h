/*
 * world_driven: a clock that a test moves, in place of the machine's (common/base/world.h). Programs linked with it are
 * built below build/tests/programs and nowhere else: what is installed has no such switch.
 *
 * The wall clock stands still where the test has put it, or (at 0) goes on as the machine's does,
 * plus what the test has added; the monotonic one always goes on, plus what the test has added.
 * Both lie in a file that is mapped, named by the environment.
 */
#ifndef WAYPOST_TESTS_STAGE_WORLD_DRIVEN_H
#define WAYPOST_TESTS_STAGE_WORLD_DRIVEN_H

#include <stdint.h>

#define STAGE_CLOCK_VARIABLE "WAYPOST_STAGE_CLOCK"

/* The mapped file. Each number is written whole, and read by programs that may be in the middle of anything. */
struct stage_clock {
    _Atomic int64_t wall_ms;     /* since 1970; 0: the machine's own and wall_add_ms */
    _Atomic int64_t mono_add_ms; /* added to the machine's boot time; only ever rises */
    _Atomic int64_t wall_add_ms; /* steps of the clock */
};

/* Map the file, make it where it is missing. NULL with errno. Stays mapped until the process ends. */
struct stage_clock *stage_clock_open(const char *path);

#endif
