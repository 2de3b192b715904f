/*
 * tsv: a table of tab-separated cells with a header row, read strictly. Pure.
 *
 * UTF-8 text, LF, one row a line, every row as many cells as the header, whose columns stand in any order. Faults are
 * complaints with file and line.
 */
#ifndef WAYPOST_PROCEDURE_TSV_H
#define WAYPOST_PROCEDURE_TSV_H

#include <stddef.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

enum { TSV_COLUMNS_MAX = 32, TSV_ROWS_MAX = 4096, TSV_BYTES_MAX = 4194304 };

/* The columns of a table. Any other is refused, and none stands twice: a misspelt one would read as one that is not there. */
struct tsv_layout {
    const char *const *columns; /* that are read, in the order in which tsv_cell() counts them */
    size_t column_count;
    size_t optional; /* so many of the last of them may be missing: "" in every row */
    const char *const
        *others; /* that may be there and are not read, NULL behind the last; NULL for none */
};

struct tsv {
    const char *file;   /* name for complaints, lent */
    char *text;         /* owned; cells lie in it */
    size_t row_count;   /* without the header; line number of row i is i + 2 */
    size_t wanted;      /* cells a row: the columns that are read, in their order */
    const char **cells; /* owned; row_count * wanted */
};

/* Read; out is written on success only. E_MALFORMED, E_TOO_LARGE. */
int tsv_read(const char *file, struct slice bytes, const struct tsv_layout *layout, struct tsv *out,
    struct complaint *why);
void tsv_free(struct tsv *self);

static inline const char *tsv_cell(const struct tsv *self, size_t row, size_t column)
{
    return self->cells[row * self->wanted + column];
}

#endif
