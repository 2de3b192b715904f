/*
 * timers: deadlines as heaps, one of the clocks whose dossiers are open, one of the dossiers that are put away, by what
 * runs out first in each. The next is known at once, adding and removing cost a logarithm. Cannot fail.
 */
#include <string.h>

#include "common/procedure/engine_internal.h"

#include "common/base/banned.h"

/* The order of docs/PROCEDURES.md, section 9: instant, clock, transfer, child. */
bool deadline_before(const struct deadline *a, const struct deadline *b)
{
    if (a->fire_ms != b->fire_ms) {
        return a->fire_ms < b->fire_ms;
    }
    int order = a->info != b->info ? strcmp(a->info->id, b->info->id) : 0;
    if (order != 0) {
        return order < 0;
    }
    order = memcmp(a->key, b->key, sizeof a->key);
    return order != 0 ? order < 0 : a->number < b->number;
}

struct deadline clock_deadline(const struct running *clock)
{
    struct deadline deadline = {
        .fire_ms = clock->fire_ms, .info = clock->info, .number = clock->number};

    memcpy(deadline.key, clock->episode->key, sizeof deadline.key);
    return deadline;
}

/* ---- a heap of either ---- */

struct heap_kind {
    bool (*before)(const void *a, const void *b);
    uint32_t *(*place)(void *item); /* from 1; 0: it is not among them */
};

static bool clock_before(const void *a, const void *b)
{
    const struct running *one = a;
    const struct running *two = b;

    if (one->fire_ms != two->fire_ms) { /* nearly always: nothing is copied for it */
        return one->fire_ms < two->fire_ms;
    }
    struct deadline first = clock_deadline(one);
    struct deadline second = clock_deadline(two);
    return deadline_before(&first, &second);
}

static uint32_t *clock_place(void *item)
{
    return &((struct running *)item)->heap_index;
}

static bool dossier_before(const void *a, const void *b)
{
    return deadline_before(
        &((const struct dossier *)a)->away->first, &((const struct dossier *)b)->away->first);
}

static uint32_t *dossier_place(void *item)
{
    return &((struct dossier *)item)->heap_place;
}

static const struct heap_kind clocks = {clock_before, clock_place};
static const struct heap_kind away = {dossier_before, dossier_place};

static void put_at(struct list *heap, const struct heap_kind *kind, uint32_t index, void *item)
{
    ((void **)heap->items)[index] = item;
    *kind->place(item) = index + 1;
}

static void sift_up(struct list *heap, const struct heap_kind *kind, uint32_t index)
{
    void *item = list_pointer(heap, index);

    while (index > 0 && kind->before(item, list_pointer(heap, (index - 1) / 2))) {
        put_at(heap, kind, index, list_pointer(heap, (index - 1) / 2));
        index = (index - 1) / 2;
    }
    put_at(heap, kind, index, item);
}

static void sift_down(struct list *heap, const struct heap_kind *kind, uint32_t index)
{
    void *item = list_pointer(heap, index);

    for (;;) {
        uint32_t below = 2 * index + 1;
        if (below >= heap->count) {
            break;
        }
        if (below + 1 < heap->count &&
            kind->before(list_pointer(heap, below + 1), list_pointer(heap, below))) {
            below++;
        }
        if (!kind->before(list_pointer(heap, below), item)) {
            break;
        }
        put_at(heap, kind, index, list_pointer(heap, below));
        index = below;
    }
    put_at(heap, kind, index, item);
}

static void heap_add(struct list *heap, const struct heap_kind *kind, void *item)
{
    list_add_pointer(heap, item);
    sift_up(heap, kind, heap->count - 1);
}

static void heap_remove(struct list *heap, const struct heap_kind *kind, void *item)
{
    uint32_t place = *kind->place(item);

    if (place == 0) {
        return;
    }
    void *last = list_pointer(heap, --heap->count);
    *kind->place(item) = 0;
    if (last != item) {
        put_at(heap, kind, place - 1, last);
        sift_down(heap, kind, place - 1);
        sift_up(heap, kind, *kind->place(last) - 1);
    }
}

static void *heap_first(const struct list *heap)
{
    return heap->count > 0 ? list_pointer(heap, 0) : NULL;
}

/* ---- clocks and dossiers ---- */

void timer_add(engine_t *self, struct running *clock)
{
    heap_add(&self->timers, &clocks, clock);
}

void timer_remove(engine_t *self, struct running *clock)
{
    heap_remove(&self->timers, &clocks, clock);
}

/* A clock that was read keeps in heap_index whether it was among the timers. */
void clocks_wake(engine_t *self, const struct contents *contents)
{
    const struct list *list = contents_list(contents, SHELF_CLOCKS);

    for (uint32_t i = 0; i < list->count; i++) {
        struct running *clock = list_pointer(list, i);
        if (clock->heap_index != 0) {
            timer_add(self, clock);
        }
    }
}

void waiting_add(engine_t *self, struct dossier *dossier)
{
    heap_add(&self->dossiers.waiting, &away, dossier);
}

void waiting_remove(engine_t *self, struct dossier *dossier)
{
    heap_remove(&self->dossiers.waiting, &away, dossier);
}

static bool runs_out_before(const struct dossier *dossier, const struct running *clock)
{
    if (clock == NULL) {
        return true;
    }
    struct deadline deadline = clock_deadline(clock);
    return deadline_before(&dossier->away->first, &deadline);
}

struct running *timer_next(engine_t *self, int64_t until_ms)
{
    for (;;) {
        struct running *clock = heap_first(&self->timers);
        struct dossier *dossier = heap_first(&self->dossiers.waiting);
        if (dossier == NULL || dossier->away->first.fire_ms > until_ms ||
            !runs_out_before(dossier, clock)) {
            return clock != NULL && clock->fire_ms <= until_ms ? clock : NULL;
        }
        (void)dossier_open(self, dossier);
    }
}

int64_t timer_next_ms(const engine_t *self)
{
    const struct running *clock = heap_first(&self->timers);
    const struct dossier *dossier = heap_first(&self->dossiers.waiting);
    int64_t clock_ms = clock != NULL ? clock->fire_ms : INT64_MAX;
    int64_t away_ms = dossier != NULL ? dossier->away->first.fire_ms : INT64_MAX;

    return clock_ms < away_ms ? clock_ms : away_ms;
}
