/*
 * tsv: a table of tab-separated cells with a header row, read strictly. Pure.
 *
 * UTF-8 text, LF, one row a line, every row as many cells as the header; the header must hold the
 * wanted columns by name (further ones are allowed). Faults are complaints with file and line.
 */
#ifndef WAYPOST_PROCEDURE_TSV_H
#define WAYPOST_PROCEDURE_TSV_H

#include <stddef.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

enum { TSV_COLUMNS_MAX = 32, TSV_ROWS_MAX = 4096, TSV_BYTES_MAX = 4194304 };

struct tsv {
    const char *file;   /* name for complaints, lent */
    char *text;         /* owned; cells lie in it */
    size_t row_count;   /* without the header; line number of row i is i + 2 */
    size_t wanted;      /* cells a row: the wanted columns in the order asked */
    const char **cells; /* owned; row_count * wanted */
};

/* Read; out is written on success only. E_MALFORMED, E_TOO_LARGE. */
int tsv_read(const char *file, struct slice bytes, const char *const *columns, size_t column_count,
    struct tsv *out, struct complaint *why);
void tsv_free(struct tsv *self);

/* Does the header name that column? */
bool tsv_has_column(struct slice bytes, const char *name);

static inline const char *tsv_cell(const struct tsv *self, size_t row, size_t column)
{
    return self->cells[row * self->wanted + column];
}

#endif
