/* table16: see table16.h. Open addressing, at most half full; out of memory aborts. */
#include "common/procedure/table16.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"

#include "common/base/banned.h"

enum { FIRST_CAPACITY = 16 };

/* Ids share their first bytes and differ in a few: every bit of a word must reach the low ones (the
 * finish of MurmurHash3). Senders choose ids: the seed is the maker's secret, so that nobody can make many meet in one place. */
static uint64_t mix(uint64_t value)
{
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    return value ^ value >> 33;
}

static size_t place_of(const struct table16 *self, const uint8_t *key)
{
    uint64_t mixed = self->seed;

    for (size_t i = 0; i < self->key_bytes; i += 8) {
        mixed = mix(mixed ^ get_u64(key + i));
    }
    return (size_t)mixed & (self->capacity - 1);
}

static void grow(struct table16 *self)
{
    struct table16 bigger = {.capacity = self->capacity == 0 ? FIRST_CAPACITY : self->capacity * 2,
        .key_bytes = self->key_bytes,
        .seed = self->seed};

    bigger.keys = mem_new(bigger.capacity, sizeof *bigger.keys);
    bigger.values = mem_new(bigger.capacity, sizeof *bigger.values);
    for (size_t i = 0; i < self->capacity; i++) {
        if (self->keys[i] != NULL) {
            table16_put(&bigger, self->keys[i], self->values[i]);
        }
    }
    table16_free(self);
    *self = bigger;
}

void table16_put(struct table16 *self, const uint8_t *key, void *value)
{
    if (2 * (self->count + 1) > self->capacity) {
        grow(self);
    }
    size_t at = place_of(self, key);
    while (self->keys[at] != NULL && memcmp(self->keys[at], key, self->key_bytes) != 0) {
        at = (at + 1) & (self->capacity - 1);
    }
    if (self->keys[at] == NULL) {
        self->count++;
    }
    self->keys[at] = key;
    self->values[at] = value;
}

void *table16_get(const struct table16 *self, const uint8_t *key)
{
    if (self->capacity == 0) {
        return NULL;
    }
    size_t at = place_of(self, key);
    while (self->keys[at] != NULL) {
        if (memcmp(self->keys[at], key, self->key_bytes) == 0) {
            return self->values[at];
        }
        at = (at + 1) & (self->capacity - 1);
    }
    return NULL;
}

void table16_free(struct table16 *self)
{
    free(self->keys);
    free(self->values);
    *self = (struct table16){.key_bytes = self->key_bytes, .seed = self->seed};
}
