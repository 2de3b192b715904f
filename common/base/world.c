/* world: the machine's clocks and randomness. A clock that cannot be read is fatal. */
#include "common/base/world.h"

#include <sodium.h>
#include <time.h>

#include "common/base/log.h"

#include "common/base/banned.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    if (clock_gettime(id, &now) != 0) {
        fatal("the system clock cannot be read");
    }
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t real_wall_ms(void *context)
{
    (void)context;
    return read_clock(CLOCK_REALTIME);
}

static int64_t real_mono_ms(void *context)
{
    (void)context;
    return read_clock(CLOCK_BOOTTIME);
}

static void real_random(void *context, void *out, size_t len)
{
    (void)context;
    randombytes_buf(out, len);
}

const struct world *world_real(void)
{
    static const struct world real = {real_wall_ms, real_mono_ms, real_random, NULL};

    return &real;
}
