/*
 * backing: where memory that may grow large comes from, so that its user need not know: the heap, or a disk (scratch.h).
 * The cores and the engine take theirs from one they are lent.
 */
#ifndef WAYPOST_BASE_BACKING_H
#define WAYPOST_BASE_BACKING_H

#include <stddef.h>

/* Both may be called from any thread. */
struct backing {
    void *context;
    void *(*take)(
        void *context, size_t bytes); /* zeroed, aligned for any struct; out of memory ends */
    void (*give)(void *context, void *memory, size_t bytes); /* as it was taken */
};

/* self may be NULL: the heap. */
void *backing_take(const struct backing *self, size_t bytes);
void backing_give(const struct backing *self, void *memory, size_t bytes); /* memory may be NULL */

#endif
