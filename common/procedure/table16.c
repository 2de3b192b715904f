/* table16: see table16.h. Open addressing, at most three quarters full; out of memory ends the program. */
#include "common/procedure/table16.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"

#include "common/base/banned.h"

enum { FIRST_CAPACITY = 16 };

/*
 * Ids share their first bytes and differ in a few: every bit of a word must reach the low ones (the
 * finish of MurmurHash3). Senders choose ids: the seed is the maker's secret, so that nobody can
 * make many meet in one place.
 */
uint64_t key_mix(uint64_t value)
{
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    return value ^ value >> 33;
}

uint64_t key_hash(uint64_t seed, const uint8_t *key, size_t bytes)
{
    uint64_t mixed = seed;

    for (size_t i = 0; i < bytes; i += 8) {
        mixed = key_mix(mixed ^ get_u64(key + i));
    }
    return mixed;
}

static uint64_t hash_of_key(const struct table16 *self, const uint8_t *key)
{
    return key_hash(self->seed, key, self->key_bytes);
}

static const uint8_t *key_of(const struct table16 *self, const void *value)
{
    return (const uint8_t *)value + self->key_offset;
}

/* Never 0, which marks an empty place: what is not there is found out from the tags alone. */
static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1;
}

static void place(struct table16 *self, uint64_t hash, void *value)
{
    size_t at = (size_t)hash & (self->capacity - 1);

    while (self->tags[at] != 0) {
        at = (at + 1) & (self->capacity - 1);
    }
    self->values[at] = value;
    self->tags[at] = tag_of(hash);
}

static void grow(struct table16 *self)
{
    uint32_t *old_tags = self->tags;
    void **old_values = self->values;
    size_t old_capacity = self->capacity;

    self->capacity = old_capacity == 0 ? FIRST_CAPACITY : old_capacity * 2;
    self->tags = mem_new(self->capacity, sizeof *self->tags);
    self->values = mem_new(self->capacity, sizeof *self->values);
    for (size_t i = 0; i < old_capacity; i++) {
        if (old_tags[i] != 0) {
            place(self, hash_of_key(self, key_of(self, old_values[i])), old_values[i]);
        }
    }
    free(old_tags);
    free(old_values);
}

void table16_put(struct table16 *self, void *value)
{
    if (4 * (self->count + 1) > 3 * self->capacity) {
        grow(self);
    }
    place(self, hash_of_key(self, key_of(self, value)), value);
    self->count++;
}

void *table16_get(const struct table16 *self, const uint8_t *key)
{
    if (self->capacity == 0) {
        return NULL;
    }
    uint64_t hash = hash_of_key(self, key);
    uint32_t tag = tag_of(hash);
    for (size_t at = (size_t)hash & (self->capacity - 1); self->tags[at] != 0;
         at = (at + 1) & (self->capacity - 1)) {
        if (self->tags[at] == tag &&
            memcmp(key_of(self, self->values[at]), key, self->key_bytes) == 0) {
            return self->values[at];
        }
    }
    return NULL;
}

void table16_free(struct table16 *self)
{
    free(self->tags);
    free(self->values);
    self->tags = NULL;
    self->values = NULL;
    self->count = self->capacity = 0;
}
