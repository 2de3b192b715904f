/* list: see list.h. */
#include "common/procedure/list.h"

#include <string.h>

#include "common/base/bytes.h"
#include "common/base/check.h"

#include "common/base/banned.h"

enum { LIST_FIRST = 4 };

void *list_add(struct list *self, size_t bytes)
{
    if (self->count == self->capacity) {
        uint32_t capacity = self->capacity == 0 ? LIST_FIRST : self->capacity * 2;
        self->items = mem_resize(self->items, capacity, bytes);
        self->capacity = capacity;
    }
    void *item = (uint8_t *)self->items + self->count * bytes;
    memset(item, 0, bytes);
    self->count++;
    return item;
}

void list_add_pointer(struct list *self, void *pointer)
{
    *(void **)list_add(self, sizeof pointer) = pointer;
}

void list_remove(struct list *self, size_t bytes, uint32_t index)
{
    uint8_t *items = self->items;

    assert(index < self->count);
    memmove(items + index * bytes, items + (index + 1) * bytes, (self->count - index - 1) * bytes);
    self->count--;
}
