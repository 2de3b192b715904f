/* cabinet: see cabinet.h. Out of memory ends the program. */
#include "common/procedure/cabinet.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/procedure/dossier.h"

#include "common/base/banned.h"

enum {
    FIRST_BYTES = 4096, /* drawers double, so that a small engine stays small */
    LAST_BYTES = 1048576,
    ALIGNMENT = 8,
    SPARE_SHARE = 4 /* a quarter of what is used may be nobody's */
};

static const uint8_t *behind_head(const struct away *self)
{
    return (const uint8_t *)(self + 1);
}

const struct deadline *away_first(const struct away *self)
{
    return self->waits ? (const struct deadline *)(const void *)behind_head(self) : NULL;
}

struct slice away_bytes(const struct away *self)
{
    return slice_of(behind_head(self) + (self->waits ? sizeof(struct deadline) : 0), self->len);
}

static size_t room_of(bool waits, size_t len)
{
    size_t bytes = sizeof(struct away) + (waits ? sizeof(struct deadline) : 0) + len;

    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* ---- drawers ---- */

static size_t place_for_drawer(struct cabinet *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->drawers[i].memory == NULL) {
            return i;
        }
    }
    self->drawers = mem_grow(self->drawers, self->count, &self->capacity, sizeof *self->drawers);
    return self->count++;
}

static void drawer_end(struct cabinet *self, struct drawer *drawer)
{
    self->used -= drawer->used;
    backing_give(self->backing, drawer->memory, drawer->bytes);
    *drawer = (struct drawer){0};
}

static void drawer_begin(struct cabinet *self, size_t needed)
{
    size_t bytes = self->count == 0 ? FIRST_BYTES : self->drawers[self->current].bytes * 2;

    bytes = bytes > LAST_BYTES ? LAST_BYTES : bytes;
    bytes = bytes < needed ? needed : bytes;
    if (self->count > 0 && self->drawers[self->current].live == 0) {
        drawer_end(self, &self->drawers[self->current]);
    }
    self->current = place_for_drawer(self);
    self->drawers[self->current] =
        (struct drawer){.memory = backing_take(self->backing, bytes), .bytes = bytes};
}

/* So many bytes at the end of the log. */
static struct away *room_new(struct cabinet *self, size_t bytes)
{
    if (self->count == 0 ||
        self->drawers[self->current].bytes - self->drawers[self->current].used < bytes) {
        drawer_begin(self, bytes);
    }
    struct drawer *drawer = &self->drawers[self->current];
    struct away *away = (struct away *)(void *)(drawer->memory + drawer->used);
    drawer->used += bytes;
    drawer->live += bytes;
    self->used += bytes;
    self->live += bytes;
    return away;
}

static void let_go(struct cabinet *self, struct away *away)
{
    struct drawer *drawer = &self->drawers[away->drawer];
    size_t bytes = room_of(away->waits, away->len);

    drawer->live -= bytes;
    self->live -= bytes;
    away->owner = NULL;
    if (drawer->live == 0 && away->drawer != self->current) {
        drawer_end(self, drawer);
    }
}

/* ---- emptying ---- */

/* What is somebody's goes to the end of the log; the drawer itself goes with the last of it. */
static void drawer_empty(struct cabinet *self, size_t index)
{
    const uint8_t *memory = self->drawers[index].memory;
    size_t used = self->drawers[index].used;

    for (size_t at = 0; at < used && self->drawers[index].live > 0;) {
        struct away *old = (struct away *)(void *)(uintptr_t)(memory + at);
        size_t bytes = room_of(old->waits, old->len);
        at += bytes;
        if (old->owner != NULL) {
            struct away *moved = room_new(self, bytes);
            memcpy(moved, old, bytes);
            moved->drawer = (uint32_t)self->current;
            moved->owner->away = moved;
            let_go(self, old);
        }
    }
}

/* The drawer that holds most of nobody's; the one in use: none holds any. */
static size_t drawer_to_empty(const struct cabinet *self)
{
    size_t found = self->current;
    size_t most = 0;

    for (size_t i = 0; i < self->count; i++) {
        size_t spare = self->drawers[i].used - self->drawers[i].live;
        if (spare > most) {
            found = i;
            most = spare;
        }
    }
    return found;
}

/* One drawer at most, so that nobody waits for more than that. */
static void tidy(struct cabinet *self)
{
    if (self->used - self->live > self->used / SPARE_SHARE + FIRST_BYTES) {
        size_t index = drawer_to_empty(self);
        if (index != self->current) {
            drawer_empty(self, index);
        }
    }
}

/* ---- dossiers ---- */

void cabinet_put(
    struct cabinet *self, struct dossier *owner, const struct deadline *first, struct slice bytes)
{
    assert(bytes.len < (UINT32_C(1) << 31));
    size_t before = self->current;
    struct away *away = room_new(self, room_of(first != NULL, bytes.len));

    *away = (struct away){.owner = owner,
        .drawer = (uint32_t)self->current,
        .waits = first != NULL,
        .len = (uint32_t)bytes.len & (UINT32_MAX >> 1)};
    uint8_t *at = (uint8_t *)(away + 1);
    if (first != NULL) {
        memcpy(at, first, sizeof *first);
        at += sizeof *first;
    }
    memcpy(at, bytes.data, bytes.len);
    owner->away = away;
    if (self->current != before) {
        tidy(self);
    }
}

void cabinet_drop(struct cabinet *self, struct dossier *owner)
{
    struct away *away = owner->away;

    owner->away = NULL;
    let_go(self, away);
}

void cabinet_free(struct cabinet *self)
{
    for (size_t i = 0; i < self->count; i++) {
        backing_give(self->backing, self->drawers[i].memory, self->drawers[i].bytes);
    }
    free(self->drawers);
    *self = (struct cabinet){.backing = self->backing};
}
