/*
 * table: a hash table from a 64-bit number to a pointer. Open addressing, grows by itself, memory only: cannot fail.
 */
#ifndef WAYPOST_BROKER_TABLE_H
#define WAYPOST_BROKER_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table {
    struct table_slot *slots; /* owned; NULL while empty */
    size_t capacity;          /* a power of two */
    size_t count;
};

struct table_slot {
    uint64_t key;
    void *value; /* NULL: free */
};

void *table_find(const struct table *self, uint64_t key);      /* NULL where there is none */
void table_put(struct table *self, uint64_t key, void *value); /* value not NULL; replaces */
void table_remove(struct table *self, uint64_t key);
void table_free(struct table *self);

#endif
