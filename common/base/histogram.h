/*
 * histogram: how long something took, counted in classes that are the same everywhere, so that the figures of programs
 * can be laid side by side. Plain value, zero-initialised; pure; cannot fail.
 */
#ifndef WAYPOST_BASE_HISTOGRAM_H
#define WAYPOST_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_CLASSES = 20 }; /* the last has no upper bound */

struct histogram {
    uint64_t count[HISTOGRAM_CLASSES]; /* of each class alone, not summed up */
    uint64_t sum_us;                   /* of all */
};

void histogram_add(struct histogram *self, uint64_t us);
uint64_t histogram_total(const struct histogram *self);
/* How many took longer than us, as far as the classes tell: those whose class lies wholly above it. */
uint64_t histogram_over(const struct histogram *self, uint64_t us);

/* Upper bound of a class in µs, inclusive; UINT64_MAX for the last. */
uint64_t histogram_bound_us(size_t index);

#endif
