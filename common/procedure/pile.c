/* pile: see pile.h. Blocks grow with what is asked for, so that a small engine stays small. */
#include "common/procedure/pile.h"

#include <stdlib.h>

#include "common/base/bytes.h"

#include "common/base/banned.h"

enum { FIRST_BYTES = 1024, LAST_BYTES = 1048576, ALIGNMENT = 8 };

struct pile_block {
    struct pile_block *next; /* owned */
    size_t bytes;            /* behind this head */
};

void *pile_new(struct pile *self, size_t bytes)
{
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (self->blocks == NULL || self->blocks->bytes - self->used < bytes) {
        size_t size = self->blocks == NULL ? FIRST_BYTES : self->blocks->bytes * 2;
        size = size > LAST_BYTES ? LAST_BYTES : size;
        size = size < bytes ? bytes : size;
        struct pile_block *block = mem_new(1, sizeof *block + size);
        *block = (struct pile_block){self->blocks, size};
        self->blocks = block;
        self->used = 0;
    }
    void *piece = (uint8_t *)(self->blocks + 1) + self->used;
    self->used += bytes;
    return piece;
}

/* Behind the block in use, which stays the one in use. */
void pile_join(struct pile *self, struct pile *other)
{
    if (self->blocks == NULL) {
        *self = *other;
    } else if (other->blocks != NULL) {
        struct pile_block *last = other->blocks;
        while (last->next != NULL) {
            last = last->next;
        }
        last->next = self->blocks->next;
        self->blocks->next = other->blocks;
    }
    *other = (struct pile){NULL, 0};
}

void pile_free(struct pile *self)
{
    while (self->blocks != NULL) {
        struct pile_block *block = self->blocks;
        self->blocks = block->next;
        free(block);
    }
    self->used = 0;
}
