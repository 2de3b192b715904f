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
    int order = memcmp(a->clock, b->clock, sizeof a->clock);
    if (order != 0) {
        return order < 0;
    }
    order = memcmp(a->key, b->key, sizeof a->key);
    return order != 0 ? order < 0 : a->number < b->number;
}

struct deadline clock_deadline(const struct running *clock)
{
    struct deadline deadline = {.fire_ms = clock->fire_ms, .number = clock->number};

    memcpy(deadline.clock, clock->info->id, strlen(clock->info->id));
    memcpy(deadline.key, clock->episode->key, sizeof deadline.key);
    return deadline;
}

/* ---- a heap of either ---- */

/* When it runs out stands in the entry: what it leads to is looked into only where two run out together. */
struct entry {
    int64_t fire_ms;
    void *item;
};

struct heap_kind {
    struct deadline (*deadline)(const void *item);
    uint32_t *(*place)(void *item); /* from 1; 0: it is not among them */
};

static struct deadline deadline_of_clock(const void *item)
{
    return clock_deadline(item);
}

static uint32_t *place_of_clock(void *item)
{
    return &((struct running *)item)->heap_index;
}

static struct deadline deadline_of_dossier(const void *item)
{
    return *away_first(((const struct dossier *)item)->away);
}

static uint32_t *place_of_dossier(void *item)
{
    return &((struct dossier *)item)->heap_place;
}

static const struct heap_kind clocks = {deadline_of_clock, place_of_clock};
static const struct heap_kind dossiers = {deadline_of_dossier, place_of_dossier};

void heap_begin(struct heap *self, const struct backing *backing)
{
    self->entries = (struct chunks){.backing = backing, .item_bytes = sizeof(struct entry)};
}

void heap_free(struct heap *self)
{
    chunks_free(&self->entries);
}

static struct entry *entry_at(const struct heap *self, uint32_t index)
{
    return chunks_at(&self->entries, index);
}

static bool before(const struct heap_kind *kind, const struct entry *a, const struct entry *b)
{
    if (a->fire_ms != b->fire_ms) {
        return a->fire_ms < b->fire_ms;
    }
    struct deadline first = kind->deadline(a->item);
    struct deadline second = kind->deadline(b->item);
    return deadline_before(&first, &second);
}

static void put_at(
    struct heap *self, const struct heap_kind *kind, uint32_t index, const struct entry *entry)
{
    *entry_at(self, index) = *entry;
    *kind->place(entry->item) = index + 1;
}

static void sift_up(struct heap *self, const struct heap_kind *kind, uint32_t index)
{
    struct entry entry = *entry_at(self, index);

    while (index > 0 && before(kind, &entry, entry_at(self, (index - 1) / 2))) {
        put_at(self, kind, index, entry_at(self, (index - 1) / 2));
        index = (index - 1) / 2;
    }
    put_at(self, kind, index, &entry);
}

static void sift_down(struct heap *self, const struct heap_kind *kind, uint32_t index)
{
    struct entry entry = *entry_at(self, index);
    uint32_t count = self->entries.count;

    for (;;) {
        uint32_t below = 2 * index + 1;
        if (below >= count) {
            break;
        }
        if (below + 1 < count && before(kind, entry_at(self, below + 1), entry_at(self, below))) {
            below++;
        }
        if (!before(kind, entry_at(self, below), &entry)) {
            break;
        }
        put_at(self, kind, index, entry_at(self, below));
        index = below;
    }
    put_at(self, kind, index, &entry);
}

static void heap_add(struct heap *self, const struct heap_kind *kind, int64_t fire_ms, void *item)
{
    struct entry *entry = chunks_add(&self->entries);

    *entry = (struct entry){fire_ms, item};
    sift_up(self, kind, self->entries.count - 1);
}

static void heap_remove(struct heap *self, const struct heap_kind *kind, void *item)
{
    uint32_t place = *kind->place(item);

    if (place == 0) {
        return;
    }
    const struct entry last = *entry_at(self, --self->entries.count);
    *kind->place(item) = 0;
    if (last.item != item) {
        put_at(self, kind, place - 1, &last);
        sift_down(self, kind, place - 1);
        sift_up(self, kind, *kind->place(last.item) - 1);
    }
}

static const struct entry *heap_first(const struct heap *self)
{
    return self->entries.count > 0 ? entry_at(self, 0) : NULL;
}

/* ---- clocks and dossiers ---- */

void timer_add(engine_t *self, struct running *clock)
{
    heap_add(&self->timers, &clocks, clock->fire_ms, clock);
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
    heap_add(&self->dossiers.waiting, &dossiers, away_first(dossier->away)->fire_ms, dossier);
}

void waiting_remove(engine_t *self, struct dossier *dossier)
{
    heap_remove(&self->dossiers.waiting, &dossiers, dossier);
}

static bool runs_out_before(const struct entry *dossier, const struct entry *clock)
{
    if (clock == NULL || clock->fire_ms != dossier->fire_ms) {
        return clock == NULL || dossier->fire_ms < clock->fire_ms;
    }
    struct deadline first = deadline_of_dossier(dossier->item);
    struct deadline second = deadline_of_clock(clock->item);
    return deadline_before(&first, &second);
}

struct running *timer_next(engine_t *self, int64_t until_ms)
{
    for (;;) {
        const struct entry *clock = heap_first(&self->timers);
        const struct entry *dossier = heap_first(&self->dossiers.waiting);
        if (dossier == NULL || dossier->fire_ms > until_ms || !runs_out_before(dossier, clock)) {
            return clock != NULL && clock->fire_ms <= until_ms ? clock->item : NULL;
        }
        (void)dossier_open(self, dossier->item);
    }
}

int64_t timer_next_ms(const engine_t *self)
{
    const struct entry *clock = heap_first(&self->timers);
    const struct entry *dossier = heap_first(&self->dossiers.waiting);
    int64_t clock_ms = clock != NULL ? clock->fire_ms : INT64_MAX;
    int64_t dossier_ms = dossier != NULL ? dossier->fire_ms : INT64_MAX;

    return clock_ms < dossier_ms ? clock_ms : dossier_ms;
}
