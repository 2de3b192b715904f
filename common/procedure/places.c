/* places: see places.h. Open addressing, at most three quarters full; out of memory ends the program. */
#include "common/procedure/places.h"

#include "common/base/uuid.h"
#include "common/procedure/table16.h"

#include "common/base/banned.h"

enum { FIRST_CAPACITY = 16, HASH_SHIFT = 32 };

uint32_t places_hash(const struct places *self, uint32_t salt, const uint8_t *id)
{
    return (uint32_t)(key_hash(self->seed ^ salt, id, UUID_BYTES) >> HASH_SHIFT);
}

static void place(struct places *self, uint64_t slot)
{
    size_t at = (size_t)(slot >> HASH_SHIFT) & (self->capacity - 1);

    while (self->slots[at] != 0) {
        at = (at + 1) & (self->capacity - 1);
    }
    self->slots[at] = slot;
}

static void grow(struct places *self)
{
    uint64_t *old = self->slots;
    size_t old_capacity = self->capacity;

    self->capacity = old_capacity == 0 ? FIRST_CAPACITY : old_capacity * 2;
    self->slots = backing_take(self->backing, self->capacity * sizeof *self->slots);
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i] != 0) {
            place(self, old[i]);
        }
    }
    backing_give(self->backing, old, old_capacity * sizeof *old);
}

void places_put(struct places *self, uint32_t hash, uint32_t dossier)
{
    if (4 * (self->count + 1) > 3 * self->capacity) {
        grow(self);
    }
    place(self, (uint64_t)hash << HASH_SHIFT | ((uint64_t)dossier + 1));
    self->count++;
}

struct places_search places_look(const struct places *self, uint32_t hash)
{
    return (struct places_search){hash, self->capacity == 0 ? 0 : hash & (self->capacity - 1)};
}

uint32_t places_next(const struct places *self, struct places_search *search)
{
    if (self->capacity == 0) {
        return 0;
    }
    for (uint64_t slot; (slot = self->slots[search->at]) != 0;) {
        search->at = (search->at + 1) & (self->capacity - 1);
        if ((uint32_t)(slot >> HASH_SHIFT) == search->hash) {
            return (uint32_t)slot;
        }
    }
    return 0;
}

void places_free(struct places *self)
{
    backing_give(self->backing, self->slots, self->capacity * sizeof *self->slots);
    self->slots = NULL;
    self->count = self->capacity = 0;
}
