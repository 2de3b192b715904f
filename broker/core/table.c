/* table: see table.h. Linear probing with backward shift on removal. Out of memory aborts. */
#include "broker/core/table.h"

#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/base/check.h"

#include "common/base/banned.h"

enum { TABLE_SLOTS_FIRST = 64 };

static size_t home_of(const struct table *self, uint64_t key)
{
    uint64_t mixed = (key ^ key >> 32) * UINT64_C(0x9E3779B97F4A7C15);

    return (size_t)(mixed >> 20) & (self->capacity - 1);
}

static size_t slot_of(const struct table *self, uint64_t key)
{
    size_t at = home_of(self, key);

    while (self->slots[at].value != NULL && self->slots[at].key != key) {
        at = (at + 1) & (self->capacity - 1);
    }
    return at;
}

void *table_find(const struct table *self, uint64_t key)
{
    return self->capacity == 0 ? NULL : self->slots[slot_of(self, key)].value;
}

static void table_grow(struct table *self)
{
    struct table old = *self;

    self->capacity = old.capacity == 0 ? TABLE_SLOTS_FIRST : old.capacity * 2;
    self->slots = mem_new(self->capacity, sizeof *self->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].value != NULL) {
            self->slots[slot_of(self, old.slots[i].key)] = old.slots[i];
        }
    }
    free(old.slots);
}

void table_put(struct table *self, uint64_t key, void *value)
{
    assert(value != NULL);
    if (self->count * 2 >= self->capacity) {
        table_grow(self);
    }
    struct table_slot *slot = &self->slots[slot_of(self, key)];
    self->count += slot->value == NULL;
    *slot = (struct table_slot){key, value};
}

void table_remove(struct table *self, uint64_t key)
{
    if (table_find(self, key) == NULL) {
        return;
    }
    size_t mask = self->capacity - 1;
    size_t hole = slot_of(self, key);
    self->slots[hole].value = NULL;
    self->count--;
    for (size_t at = (hole + 1) & mask; self->slots[at].value != NULL; at = (at + 1) & mask) {
        size_t home = home_of(self, self->slots[at].key);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            self->slots[hole] = self->slots[at];
            self->slots[at].value = NULL;
            hole = at;
        }
    }
}

void table_free(struct table *self)
{
    free(self->slots);
    *self = (struct table){0};
}
