/* backing: see backing.h. Out of memory ends the program. */
#include "common/base/backing.h"

#include <stdlib.h>

#include "common/base/bytes.h"

#include "common/base/banned.h"

void *backing_take(const struct backing *self, size_t bytes)
{
    return self == NULL ? mem_new(bytes, 1) : self->take(self->context, bytes);
}

void backing_give(const struct backing *self, void *memory, size_t bytes)
{
    if (self == NULL) {
        free(memory);
    } else if (memory != NULL) {
        self->give(self->context, memory, bytes);
    }
}
