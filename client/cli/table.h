/*
 * table: rows and columns that fit the terminal. Where they do not, the widest columns are wrapped.
 */
#ifndef WAYPOST_CLI_TABLE_H
#define WAYPOST_CLI_TABLE_H

#include "client/cli/cli.h"

enum { TABLE_COLUMNS_MAX = 12, TABLE_COLUMN_MIN = 8 };

typedef struct table table_t;

/* headings: ended by NULL; one that begins with ">" is set to the right. Lent for the life of the table. */
table_t *table_new(const char *const *headings);
void table_destroy(table_t **self_p);

/* The next cell, left to right; a row is begun by itself. Text is copied. */
void table_cell(table_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same in a colour. */
void table_cell_painted(table_t *self, enum cli_paint paint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A dim line under the row of the last cell. */
void table_below(table_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

size_t table_rows(const table_t *self);

/* Print headings and rows; nothing where --json is set. */
void table_print(const table_t *self, struct cli *cli);

#endif
