/*
 * world_driven: see world_driven.h. Defines world_real(), so that the library's own is not linked. Without the variable,
 * or where the file cannot be mapped, the program ends: a test program with the machine's clock would pass for another.
 */
#include "tests/stage/world_driven.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <sodium.h>

#include "common/base/world.h"

#include "common/base/banned.h"

static struct stage_clock *the_clock(void)
{
    static struct stage_clock *mapped;

    if (mapped == NULL) {
        const char *path = getenv(STAGE_CLOCK_VARIABLE);
        mapped = path == NULL ? NULL : stage_clock_open(path);
        if (mapped == NULL) {
            (void)fprintf(
                stderr, "a program for tests: %s must name a clock\n", STAGE_CLOCK_VARIABLE);
            abort();
        }
    }
    return mapped;
}

static int64_t machine_ms(clockid_t id)
{
    struct timespec now;

    if (clock_gettime(id, &now) != 0) {
        abort();
    }
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t driven_wall_ms(void *context)
{
    const struct stage_clock *clock = the_clock();
    int64_t still_ms = clock->wall_ms;

    (void)context;
    return still_ms != 0 ? still_ms : machine_ms(CLOCK_REALTIME) + clock->wall_add_ms;
}

static int64_t driven_mono_ms(void *context)
{
    (void)context;
    return machine_ms(CLOCK_BOOTTIME) + the_clock()->mono_add_ms;
}

static void driven_random(void *context, void *out, size_t len)
{
    (void)context;
    randombytes_buf(out, len);
}

const struct world *world_real(void)
{
    static const struct world driven = {driven_wall_ms, driven_mono_ms, driven_random, NULL};

    return &driven;
}
