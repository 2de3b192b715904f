/*
 * csv: tables of text, row by row. Comma-separated as in RFC 4180 (quotes where a field holds a comma), or
 * tab-separated without quotes. Stricter than the RFC: a field ends in its line, every row has the header's number
 * of fields, and text is UTF-8 without control characters.
 */
#ifndef WAYPOST_REGISTER_CSV_H
#define WAYPOST_REGISTER_CSV_H

#include <stdbool.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

enum { CSV_COLUMNS_MAX = 16, CSV_LINE_BYTES_MAX = 1000 };

struct csv {
    const char *name; /* of the file, for complaints; lent */
    char separator;   /* ',' or '\t' */
    struct slice rest;
    unsigned line; /* of the row read last, from 1 */
    size_t columns;
    const char *header[CSV_COLUMNS_MAX]; /* lent from header_text */
    const char *field[CSV_COLUMNS_MAX];  /* of the row read last; lent from row_text */
    char header_text[CSV_LINE_BYTES_MAX + CSV_COLUMNS_MAX + 1];
    char row_text[CSV_LINE_BYTES_MAX + CSV_COLUMNS_MAX + 1];
};

/* Read the header. text is lent until the last row is read. 0, or E_CONFIG with file and line in why. */
int csv_open(
    struct csv *self, const char *name, char separator, struct slice text, struct complaint *why);

/* The next row that is not blank. 0, E_END after the last, or E_CONFIG with file and line in why. */
int csv_next(struct csv *self, struct complaint *why);

/* Field of the column with that heading, "" where there is no such column. Lent until the next row. */
const char *csv_field(const struct csv *self, const char *heading);
bool csv_has(const struct csv *self, const char *heading);

/* "FILE:LINE: " and the sentence into why; returns rc. */
int csv_complain(const struct csv *self, struct complaint *why, int rc, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
