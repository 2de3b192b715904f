/*
 * counted: a backing that knows what it gave out: each piece is the heap's, so that sanitizers watch it, and must come back
 * as large as it went. A wrong size ends the test.
 */
#ifndef WAYPOST_TESTS_COUNTED_H
#define WAYPOST_TESTS_COUNTED_H

#include "common/base/backing.h"

/* Zero-initialise. */
struct counted {
    struct backing backing;
    size_t bytes, pieces; /* that are out */
    size_t ever;          /* pieces that were taken */
};

const struct backing *counted_backing(struct counted *self); /* lent for its life */

#endif
