/* virtual_world: see virtual_world.h. Cannot fail. The generator is splitmix64. */
#include "client/lab/virtual_world.h"

#include <string.h>

#include "common/base/banned.h"

uint64_t virtual_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static int64_t wall_ms(void *context)
{
    const struct virtual_world *self = context;

    return self->clock->wall_ms + self->off_ms;
}

static int64_t mono_ms(void *context)
{
    return ((const struct virtual_world *)context)->clock->mono_ms;
}

static void fill(void *context, void *out, size_t len)
{
    struct virtual_world *self = context;
    uint8_t *at = out;

    while (len > 0) {
        uint64_t number = virtual_random(&self->random);
        size_t part = len < sizeof number ? len : sizeof number;
        memcpy(at, &number, part);
        at += part;
        len -= part;
    }
}

void virtual_world_init(
    struct virtual_world *self, const struct virtual_clock *clock, uint64_t seed)
{
    *self = (struct virtual_world){
        .world = {wall_ms, mono_ms, fill, self}, .clock = clock, .random = seed};
}
