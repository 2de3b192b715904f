/*
 * chunks: an array that grows without moving, in pieces that double. Private to common/procedure. Out of memory aborts.
 */
#ifndef WAYPOST_PROCEDURE_CHUNKS_H
#define WAYPOST_PROCEDURE_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/backing.h"

enum { CHUNKS_MAX = 28, CHUNKS_FIRST = 16 /* items of the first piece */ };

/* Zero-initialise but for backing and item_bytes; chunks_free() lets go. */
struct chunks {
    const struct backing *backing; /* lent, NULL: the heap */
    size_t item_bytes;
    uint32_t count;
    void *pieces[CHUNKS_MAX]; /* owned; NULL: not needed yet */
};

/* A zeroed item at the end; it stays where it is. */
void *chunks_add(struct chunks *self);
void chunks_free(struct chunks *self);

/* index: below count. */
static inline void *chunks_at(const struct chunks *self, uint32_t index)
{
    unsigned piece = 31U - (unsigned)__builtin_clz(index / CHUNKS_FIRST + 1);
    uint32_t first = CHUNKS_FIRST * ((UINT32_C(1) << piece) - 1);

    return (uint8_t *)self->pieces[piece] + (index - first) * self->item_bytes;
}

#endif
