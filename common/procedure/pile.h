/*
 * pile: memory that is given out piece by piece and let go all at once: what belongs
 * together and goes together. Out of memory aborts. Private to common/procedure.
 */
#ifndef WAYPOST_PROCEDURE_PILE_H
#define WAYPOST_PROCEDURE_PILE_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialise; pile_free() lets everything go. */
struct pile {
    struct pile_block *blocks; /* owned: the one in use first */
    size_t used;               /* bytes of the first one */
};

void *pile_new(struct pile *self,
    size_t bytes); /* zeroed, aligned for any struct of ours; lent for the pile's life */
void pile_join(
    struct pile *self, struct pile *other); /* other's pieces become self's; it is empty then */
void pile_free(struct pile *self);

#endif
