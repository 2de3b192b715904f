/*
 * openable: which events were persisted lately, by event and recipient, so that an opening (A2) can be told to their
 * sender; and which openings were told. A ring with an index; the oldest gives way. Part of the durable state.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/banned.h"

enum { SLOTS = OPENABLE_MAX * 2 };

static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
    return value ^ value >> 31;
}

uint64_t openable_key(const uint8_t *event, uint32_t stream)
{
    return mix(get_u64(event + 8) ^ mix(get_u64(event) ^ mix((uint64_t)stream + 1)));
}

uint64_t openable_told_key(const uint8_t *event, uint32_t stream, uint32_t role, struct slice team)
{
    uint64_t key = mix(openable_key(event, stream) ^ mix(role + UINT64_C(0x100000000)));

    for (size_t i = 0; i < team.len; i++) {
        key = mix(key ^ team.data[i]);
    }
    return key;
}

static size_t home(uint64_t key)
{
    return (size_t)(key & (SLOTS - 1));
}

static size_t slot_of(const core_t *self, uint64_t key)
{
    size_t at = home(key);

    while (
        self->openable_slots[at] != 0 && self->openables[self->openable_slots[at] - 1].key != key) {
        at = (at + 1) & (SLOTS - 1);
    }
    return at;
}

const struct openable *openable_find(const core_t *self, uint64_t key)
{
    if (self->openables == NULL) {
        return NULL;
    }
    uint32_t slot = self->openable_slots[slot_of(self, key)];
    return slot == 0 ? NULL : &self->openables[slot - 1];
}

static void slot_remove(core_t *self, uint64_t key)
{
    size_t hole = slot_of(self, key);

    self->openable_slots[hole] = 0;
    for (size_t at = (hole + 1) & (SLOTS - 1); self->openable_slots[at] != 0;
         at = (at + 1) & (SLOTS - 1)) {
        size_t from = home(self->openables[self->openable_slots[at] - 1].key);
        if (((at - from) & (SLOTS - 1)) >= ((at - hole) & (SLOTS - 1))) {
            self->openable_slots[hole] = self->openable_slots[at];
            self->openable_slots[at] = 0;
            hole = at;
        }
    }
}

void openable_add(core_t *self, uint64_t key, uint64_t position, uint16_t index)
{
    if (self->openables == NULL) {
        self->openables = mem_new(OPENABLE_MAX, sizeof *self->openables);
        self->openable_slots = mem_new(SLOTS, sizeof *self->openable_slots);
    }
    if (openable_find(self, key) != NULL) {
        return;
    }
    if (self->openable_count == OPENABLE_MAX) {
        slot_remove(self, self->openables[self->openable_first].key);
        self->openable_first = (self->openable_first + 1) % OPENABLE_MAX;
        self->openable_count--;
    }
    size_t at = (self->openable_first + self->openable_count++) % OPENABLE_MAX;
    self->openables[at] = (struct openable){key, position, index};
    self->openable_slots[slot_of(self, key)] = (uint32_t)at + 1;
}

void openable_free(core_t *self)
{
    free(self->openables);
    free(self->openable_slots);
}
