/*
 * places: in which dossier an id is found, at eight bytes an id. The ids themselves are not kept: what is found is a
 * candidate, and whoever asks looks into it. Never walked: nothing depends on its order. Private to common/procedure.
 */
#ifndef WAYPOST_PROCEDURE_PLACES_H
#define WAYPOST_PROCEDURE_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/backing.h"

/* Zero-initialise, and set seed and backing before the first id; places_free() lets go. */
struct places {
    const struct backing *backing; /* lent, NULL: the heap */
    uint64_t seed;                 /* where ids lie; nothing else depends on it */
    size_t count;                  /* of ids */
    size_t capacity;               /* a power of two, 0 while empty */
    uint64_t *slots; /* owned: hash (high half), number of the dossier + 1; 0: empty */
};

/* A search for one id; every step gives another candidate. */
struct places_search {
    uint32_t hash;
    size_t at;
};

uint32_t places_hash(const struct places *self, uint32_t salt,
    const uint8_t *id); /* salt: what sort of id; 16 bytes */
void places_put(struct places *self, uint32_t hash, uint32_t dossier);
struct places_search places_look(const struct places *self, uint32_t hash);
uint32_t places_next(const struct places *self,
    struct places_search *search); /* a dossier's number + 1; 0: no more */
void places_free(struct places *self);

#endif
