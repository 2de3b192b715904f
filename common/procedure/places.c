/* places: see places.h. Open addressing, at most three quarters full; out of memory ends the program. */
#include "common/procedure/places.h"

#include <stdbool.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/base/uuid.h"
#include "common/procedure/table16.h"

#include "common/base/banned.h"

enum {
    FIRST_CAPACITY = 16,
    HASH_SHIFT = 32,
    BLOCK_WORDS = 8,       /* of a filter: a line of the processor's cache */
    FILTER_BLOCKS = 16384, /* 1 MiB a volume: ten bits an id */
    FILTER_BITS = 7,       /* of its block, that an id sets */
    BLOCK_BITS_SHIFT = 9   /* a bit of a block has so many */
};

uint32_t places_hash(const struct places *self, uint32_t salt, const uint8_t *id)
{
    return (uint32_t)(key_hash(self->seed ^ salt, id, UUID_BYTES) >> HASH_SHIFT);
}

/* ---- a filter ---- */

/* The bits of an id in its block, and the block. */
struct print {
    size_t block;
    uint64_t words[BLOCK_WORDS];
};

static struct print print_of(uint32_t hash)
{
    uint64_t bits = key_mix(hash);
    struct print print = {.block = (size_t)(key_mix(bits) % FILTER_BLOCKS)};

    for (size_t i = 0; i < FILTER_BITS; i++) {
        uint64_t bit = bits & ((1U << BLOCK_BITS_SHIFT) - 1);
        print.words[bit / 64] |= UINT64_C(1) << bit % 64;
        bits >>= BLOCK_BITS_SHIFT;
    }
    return print;
}

static bool may_hold(const struct volume *self, const struct print *print)
{
    const uint64_t *block = self->filter + print->block * BLOCK_WORDS;
    uint64_t missing = 0;

    for (size_t i = 0; i < BLOCK_WORDS; i++) {
        missing |= print->words[i] & ~block[i];
    }
    return missing == 0;
}

static size_t filter_bytes(void)
{
    return (size_t)FILTER_BLOCKS * BLOCK_WORDS * sizeof(uint64_t);
}

static void filter_make(const struct backing *backing, struct volume *self)
{
    self->filter = backing_take(backing, filter_bytes());
    for (size_t i = 0; i < self->capacity; i++) {
        if (self->slots[i] == 0) {
            continue;
        }
        struct print print = print_of((uint32_t)(self->slots[i] >> HASH_SHIFT));
        for (size_t k = 0; k < BLOCK_WORDS; k++) {
            self->filter[print.block * BLOCK_WORDS + k] |= print.words[k];
        }
    }
}

/* ---- a volume ---- */

static void place(struct volume *self, uint64_t slot)
{
    size_t at = (size_t)(slot >> HASH_SHIFT) & (self->capacity - 1);

    while (self->slots[at] != 0) {
        at = (at + 1) & (self->capacity - 1);
    }
    self->slots[at] = slot;
}

static void grow(const struct backing *backing, struct volume *self)
{
    struct volume old = *self;

    self->capacity = old.capacity == 0 ? FIRST_CAPACITY : old.capacity * 2;
    self->slots = backing_take(backing, self->capacity * sizeof *self->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i] != 0) {
            place(self, old.slots[i]);
        }
    }
    backing_give(backing, old.slots, old.capacity * sizeof *old.slots);
}

/* With room for one more id. */
static struct volume *volume_in_use(struct places *self)
{
    struct volume *last = self->count > 0 ? &self->volumes[self->count - 1] : NULL;

    if (last == NULL || last->count == VOLUME_IDS) {
        if (last != NULL) {
            filter_make(self->backing, last);
        }
        self->volumes =
            mem_grow(self->volumes, self->count, &self->capacity, sizeof *self->volumes);
        last = &self->volumes[self->count++];
        *last = (struct volume){0};
    }
    if (4 * (last->count + 1) > 3 * last->capacity) {
        grow(self->backing, last);
    }
    return last;
}

/* ---- all of them ---- */

void places_put(struct places *self, uint32_t hash, uint32_t dossier)
{
    struct volume *volume = volume_in_use(self);

    place(volume, (uint64_t)hash << HASH_SHIFT | ((uint64_t)dossier + 1));
    volume->count++;
}

struct places_search places_look(const struct places *self, uint32_t hash)
{
    size_t mask = self->count > 0 ? self->volumes[self->count - 1].capacity - 1 : 0;

    return (struct places_search){hash, self->count, hash & mask};
}

/* To the next older one that may hold it. */
static void volume_next(const struct places *self, struct places_search *search)
{
    struct print print = search->volume > 1 ? print_of(search->hash) : (struct print){0};

    do {
        search->volume--;
    } while (search->volume > 0 && !may_hold(&self->volumes[search->volume - 1], &print));
    if (search->volume > 0) {
        search->at = search->hash & (self->volumes[search->volume - 1].capacity - 1);
    }
}

uint32_t places_next(const struct places *self, struct places_search *search)
{
    while (search->volume > 0) {
        const struct volume *volume = &self->volumes[search->volume - 1];
        uint64_t slot = volume->slots[search->at];
        if (slot == 0) {
            volume_next(self, search);
            continue;
        }
        search->at = (search->at + 1) & (volume->capacity - 1);
        if ((uint32_t)(slot >> HASH_SHIFT) == search->hash) {
            return (uint32_t)slot;
        }
    }
    return 0;
}

void places_free(struct places *self)
{
    for (size_t i = 0; i < self->count; i++) {
        struct volume *volume = &self->volumes[i];
        backing_give(self->backing, volume->slots, volume->capacity * sizeof *volume->slots);
        backing_give(self->backing, volume->filter, filter_bytes());
    }
    free(self->volumes);
    self->volumes = NULL;
    self->count = self->capacity = 0;
}
