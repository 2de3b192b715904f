/* chunks: see chunks.h. Out of memory ends the program. */
#include "common/procedure/chunks.h"

#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

static size_t piece_bytes(const struct chunks *self, unsigned piece)
{
    return ((size_t)CHUNKS_FIRST << piece) * self->item_bytes;
}

void *chunks_add(struct chunks *self)
{
    uint32_t index = self->count;
    unsigned piece = 31U - (unsigned)__builtin_clz(index / CHUNKS_FIRST + 1);

    assert(piece < CHUNKS_MAX);
    if (self->pieces[piece] == NULL) {
        self->pieces[piece] = backing_take(self->backing, piece_bytes(self, piece));
    }
    self->count++;
    void *item = chunks_at(self, index);
    memset(item, 0, self->item_bytes); /* one may have been here and been taken off the end */
    return item;
}

void chunks_free(struct chunks *self)
{
    for (unsigned i = 0; i < CHUNKS_MAX; i++) {
        backing_give(self->backing, self->pieces[i], piece_bytes(self, i));
        self->pieces[i] = NULL;
    }
    self->count = 0;
}
