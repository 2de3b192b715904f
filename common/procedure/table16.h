/*
 * table16: a hash table from 16 bytes (or 32: two ids) to what holds them. Never walked: nothing
 * may depend on its order. Pure.
 */
#ifndef WAYPOST_PROCEDURE_TABLE16_H
#define WAYPOST_PROCEDURE_TABLE16_H

#include <stddef.h>
#include <stdint.h>

struct table16 {
    size_t count;
    size_t capacity;   /* a power of two, 0 while empty */
    size_t key_bytes;  /* 16 or 32 */
    size_t key_offset; /* where the key stands in what is held */
    uint64_t seed;     /* where keys lie; nothing else depends on it */
    uint32_t *tags;    /* owned array: part of the key's hash, so that few values are looked into;
                          0: empty */
    void **values;     /* owned array; what they point to is lent for the table's life */
};

uint64_t key_mix(uint64_t value); /* every bit of it reaches every other */
uint64_t key_hash(uint64_t seed, const uint8_t *key, size_t bytes); /* bytes: a multiple of 8 */

void table16_put(struct table16 *self, void *value); /* its key must not be there yet */
void *table16_get(const struct table16 *self, const uint8_t *key); /* NULL */
void table16_free(struct table16 *self);

#endif
