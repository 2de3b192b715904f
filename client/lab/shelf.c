/* shelf: see shelf.h. Nothing here fails. */
#include "client/lab/shelf.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

enum { BLOCK_BYTES = 262144 };

struct block {
    struct block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) uint8_t bytes[];
};

struct shelf {
    struct block *first; /* the one in use; owned, with those behind it */
};

shelf_t *shelf_new(void)
{
    return mem_new(1, sizeof(shelf_t));
}

void shelf_destroy(shelf_t **self_p)
{
    assert(self_p != NULL);
    if (*self_p == NULL) {
        return;
    }
    for (struct block *block = (*self_p)->first; block != NULL;) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(*self_p);
    *self_p = NULL;
}

void shelf_clear(shelf_t *self)
{
    while (self->first != NULL && self->first->next != NULL) {
        struct block *next = self->first->next;
        free(self->first);
        self->first = next;
    }
    if (self->first != NULL) {
        memset(self->first->bytes, 0, self->first->used);
        self->first->used = 0;
    }
}

static struct block *block_new(size_t bytes)
{
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    struct block *block = mem_new(1, sizeof *block + size);

    block->size = size;
    return block;
}

void *shelf_take(shelf_t *self, size_t count, size_t bytes)
{
    assert(bytes == 0 || count <= SIZE_MAX / 2 / bytes);
    size_t want =
        (count * bytes + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);

    if (self->first == NULL || self->first->size - self->first->used < want) {
        struct block *block = block_new(want);
        block->next = self->first;
        self->first = block;
    }
    void *taken = self->first->bytes + self->first->used;
    self->first->used += want;
    return taken;
}

char *shelf_text(shelf_t *self, const char *text, size_t len)
{
    char *copy = shelf_take(self, len + 1, 1);

    memcpy(copy, text, len);
    return copy;
}

struct slice shelf_bytes(shelf_t *self, struct slice bytes)
{
    uint8_t *copy = shelf_take(self, bytes.len + 1, 1);

    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return slice_of(copy, bytes.len);
}
