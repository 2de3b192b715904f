/*
 * places: in which dossier an id is found, at some twelve bytes an id. The ids themselves are not kept: what is found is a
 * candidate, and whoever asks looks into it. Never walked: nothing depends on its order. Private to common/procedure.
 *
 * Ids stand in volumes. Those that came lately are in the one in use; one that is full gets a filter, small enough to stay
 * in memory, which says of nearly every id that is not in it that it is not: so an id that nobody has met, and one met
 * lately, are looked up without touching what is old, and the kernel may take that from memory (backing.h).
 */
#ifndef WAYPOST_PROCEDURE_PLACES_H
#define WAYPOST_PROCEDURE_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/backing.h"

enum { VOLUME_IDS = 786432 /* three quarters of its slots */ };

struct volume {
    size_t count;     /* of ids */
    size_t capacity;  /* a power of two, 0 while empty */
    uint64_t *slots;  /* owned: hash (high half), number of the dossier + 1; 0: empty */
    uint64_t *filter; /* owned; NULL of the one in use */
};

/* Zero-initialise, and set seed and backing before the first id; places_free() lets go. */
struct places {
    const struct backing *backing; /* lent, NULL: the heap */
    uint64_t seed;                 /* where ids lie; nothing else depends on it */
    struct volume *volumes;        /* owned; the last one is in use */
    size_t count, capacity;        /* of volumes */
};

/* A search for one id; every step gives another candidate, those that came last first. */
struct places_search {
    uint32_t hash;
    size_t volume; /* + 1 of the one at hand; 0: none is left */
    size_t at;     /* its slot to look into next */
};

uint32_t places_hash(const struct places *self, uint32_t salt,
    const uint8_t *id); /* salt: what sort of id; 16 bytes */
void places_put(struct places *self, uint32_t hash, uint32_t dossier);
struct places_search places_look(const struct places *self, uint32_t hash);
uint32_t places_next(const struct places *self,
    struct places_search *search); /* a dossier's number + 1; 0: no more */
void places_free(struct places *self);

#endif
