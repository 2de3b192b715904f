/* counted: see counted.h. */
#include "tests/support/counted.h"

#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/base/check.h"

#include "common/base/banned.h"

/* In front of each piece. */
struct head {
    size_t bytes;
    size_t filler; /* keeps the alignment */
};

static void *take(void *context, size_t bytes)
{
    struct counted *self = context;
    struct head *head = mem_new(1, sizeof *head + bytes);

    head->bytes = bytes;
    self->bytes += bytes;
    self->pieces++;
    self->ever++;
    return head + 1;
}

static void give(void *context, void *memory, size_t bytes)
{
    struct counted *self = context;
    struct head *head = (struct head *)memory - 1;

    assert(head->bytes == bytes);
    self->bytes -= bytes;
    self->pieces--;
    free(head);
}

const struct backing *counted_backing(struct counted *self)
{
    self->backing = (struct backing){.context = self, .take = take, .give = give};
    return &self->backing;
}
