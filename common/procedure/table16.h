/*
 * table16: a hash table from 16 bytes (or 32: two ids) to a pointer. Never walked: nothing may depend on its order. Pure.
 */
#ifndef WAYPOST_PROCEDURE_TABLE16_H
#define WAYPOST_PROCEDURE_TABLE16_H

#include <stddef.h>
#include <stdint.h>

struct table16 {
    size_t count;
    size_t capacity;      /* a power of two, 0 while empty */
    size_t key_bytes;     /* 16 or 32 */
    uint64_t seed;        /* where keys lie; nothing else depends on it */
    const uint8_t **keys; /* owned array; keys lent: they live in what the values point to */
    void **values;        /* owned array */
};

void table16_put(
    struct table16 *self, const uint8_t *key, void *value); /* key lent for the table's life */
void *table16_get(const struct table16 *self, const uint8_t *key); /* NULL */
void table16_free(struct table16 *self);

#endif
