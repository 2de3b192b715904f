/*
 * cabinet: where dossiers lie that are put away, as a log: each new one goes to the end of the drawer in use, and the drawer
 * that holds most of nobody's is emptied into it. So what nobody has asked for lies together, in drawers that nothing touches,
 * and the kernel may take them from memory where the backing lets it. Private to common/procedure. Out of memory aborts.
 */
#ifndef WAYPOST_PROCEDURE_CABINET_H
#define WAYPOST_PROCEDURE_CABINET_H

#include "common/base/bytes.h"

struct deadline;
struct dossier;

/* A dossier that is put away; it moves when a drawer is emptied, its owner's pointer with it. */
struct away {
    struct dossier *owner; /* NULL: nobody's any more */
    uint32_t drawer;
    uint32_t waits : 1; /* a struct deadline stands before its bytes */
    uint32_t len : 31;  /* of these */
};

struct drawer {
    uint8_t *memory; /* owned; NULL: emptied */
    size_t bytes, used;
    size_t live; /* of those used, what is somebody's */
};

/* Zero-initialise but for the backing. */
struct cabinet {
    const struct backing *backing; /* lent, NULL: the heap */
    struct drawer *drawers;        /* owned; drawers[current] is in use */
    size_t count, capacity, current;
    size_t used, live; /* of all drawers */
};

/* Sets owner->away. first: what it waits for, NULL: nothing. */
void cabinet_put(
    struct cabinet *self, struct dossier *owner, const struct deadline *first, struct slice bytes);
void cabinet_drop(struct cabinet *self, struct dossier *owner); /* and clears owner->away */
void cabinet_free(struct cabinet *self);

struct slice away_bytes(
    const struct away *self); /* as encode.c writes them; lent until the next put */
const struct deadline *away_first(const struct away *self); /* NULL: it waits for nothing */

#endif
