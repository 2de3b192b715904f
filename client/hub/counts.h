/*
 * counts: small counts are not shown. A count from 1 to threshold - 1 could point at a child; it is shown as less than the
 * threshold. Where it could be worked out from its neighbours and a sum that is shown, neighbours are hidden with it; sums
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
    COUNT_SMALL = -1,       /* 1 .. threshold - 1 */
    COUNT_HIDDEN = -2,      /* hidden beside a small one */
    COUNT_LINES_MAX = 1024, /* rows, and columns, of a table: HUB_PLACES_MAX */
    COUNT_ROW_MAX = 16,
};

int64_t count_shown(int64_t count, int64_t threshold); /* the count or COUNT_SMALL */
int64_t count_rounded(
    int64_t sum, int64_t threshold); /* to the nearest multiple; small sums as above */

/*
 * A cell of a table whose rows and columns may each be known by their sums, from this view or another: row, column and count,
 * in any order. Filled in: what is shown. What a sum leaves for the cells that are not shown never says what a small one is:
 * where it would, the least of the line's visible cells that are not zero is hidden too, and where there is none, small cells
 * are shown as hidden. (A threshold of 2 calls a one by its name: `<2`.)
 */
struct count_cell {
    uint32_t row, column; /* below COUNT_LINES_MAX */
    int64_t count;
    int64_t shown;
};
void counts_table(struct count_cell *cells, size_t count, int64_t threshold);

/* One line of at most COUNT_ROW_MAX cells: counts in, what is shown out. */
void counts_row(int64_t *cells, size_t count, int64_t threshold);

/* A number, or the text "<5" or "hidden". New reference. */
json_t *count_json(int64_t shown, int64_t threshold);

#endif
