/* timers: deadlines as a heap; the next is known at once, adding and removing cost a logarithm. Cannot fail. */
#include <string.h>

#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

/* The order of docs/PROCEDURES.md, section 9: instant, clock, transfer, child. */
static bool runs_out_before(const struct running *a, const struct running *b)
{
    if (a->fire_ms != b->fire_ms) {
        return a->fire_ms < b->fire_ms;
    }
    int order = a->info != b->info ? strcmp(a->info->id, b->info->id) : 0;
    if (order != 0) {
        return order < 0;
    }
    order = memcmp(a->episode->key, b->episode->key, sizeof a->episode->key);
    return order != 0 ? order < 0 : a->number < b->number;
}

static struct running **heap_of(const engine_t *self)
{
    return self->timers.items;
}

static void put_at(engine_t *self, uint32_t index, struct running *clock)
{
    heap_of(self)[index] = clock;
    clock->heap_index = index + 1;
}

static void sift_up(engine_t *self, uint32_t index)
{
    struct running *clock = heap_of(self)[index];

    while (index > 0 && runs_out_before(clock, heap_of(self)[(index - 1) / 2])) {
        put_at(self, index, heap_of(self)[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    put_at(self, index, clock);
}

static void sift_down(engine_t *self, uint32_t index)
{
    struct running *clock = heap_of(self)[index];

    for (;;) {
        uint32_t below = 2 * index + 1;
        if (below >= self->timers.count) {
            break;
        }
        if (below + 1 < self->timers.count &&
            runs_out_before(heap_of(self)[below + 1], heap_of(self)[below])) {
            below++;
        }
        if (!runs_out_before(heap_of(self)[below], clock)) {
            break;
        }
        put_at(self, index, heap_of(self)[below]);
        index = below;
    }
    put_at(self, index, clock);
}

void timer_add(engine_t *self, struct running *clock)
{
    *(struct running **)list_add(&self->timers, sizeof(struct running *)) = clock;
    put_at(self, self->timers.count - 1, clock);
    sift_up(self, self->timers.count - 1);
}

void timer_remove(engine_t *self, struct running *clock)
{
    if (clock->heap_index == 0) {
        return;
    }
    uint32_t index = clock->heap_index - 1;
    struct running *last = heap_of(self)[--self->timers.count];
    clock->heap_index = 0;
    if (last != clock) {
        put_at(self, index, last);
        sift_down(self, index);
        sift_up(self, last->heap_index - 1);
    }
}

struct running *timer_first(const engine_t *self)
{
    return self->timers.count > 0 ? heap_of(self)[0] : NULL;
}
