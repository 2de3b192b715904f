/*
 * counts: small counts are not shown. A count from 1 to threshold - 1 could point at a child; it is shown as less than the
 * threshold. Where it could be worked out from its neighbours and a sum that is shown, one neighbour is hidden with it; sums
 * over a region are rounded to the threshold. Pure.
 *
 * Zero is shown: that nothing happened points at nobody.
 */
#ifndef WAYPOST_HUB_COUNTS_H
#define WAYPOST_HUB_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum {
    COUNT_SMALL = -1,      /* 1 .. threshold - 1 */
    COUNT_HIDDEN = -2,     /* hidden beside a small one */
    COUNT_LINES_MAX = 1024 /* rows, and columns, of a table: HUB_PLACES_MAX */
};

int64_t count_shown(int64_t count, int64_t threshold); /* the count or COUNT_SMALL */
int64_t count_rounded(
    int64_t sum, int64_t threshold); /* to the nearest multiple; small sums as above */

/* Cells whose sum is shown as well: where exactly one is small, the least of the others that is not zero goes with it. */
void counts_row(int64_t *cells, size_t count, int64_t threshold);

/* One measure of a table: row, column and value, in any order. The same for every row and every column. */
struct count_cell {
    uint32_t row, column; /* below COUNT_LINES_MAX */
    int64_t value;
};
void counts_table(struct count_cell *cells, size_t count, int64_t threshold);

/* A number, or the text "<5" or "hidden". New reference. */
json_t *count_json(int64_t shown, int64_t threshold);

#endif
