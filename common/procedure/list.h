/* list: a list that grows; items are plain structs or pointers. Private to common/procedure. Out of memory aborts. */
#ifndef WAYPOST_PROCEDURE_LIST_H
#define WAYPOST_PROCEDURE_LIST_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialise; free items with free(). */
struct list {
    void *items;
    uint32_t count;
    uint32_t capacity;
};

void *list_add(
    struct list *self, size_t bytes); /* a zeroed item at the end, lent until the next add */
void list_add_pointer(struct list *self, void *pointer);
void list_remove(struct list *self, size_t bytes, uint32_t index); /* keeps the order */

static inline void *list_pointer(const struct list *self, uint32_t index)
{
    return ((void *const *)self->items)[index];
}

#endif
