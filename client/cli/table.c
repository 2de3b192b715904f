/*
 * table: rows and columns that fit the terminal. Out of memory aborts; nothing else fails.
 */
#include "client/cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/wrap.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/banned.h"

struct cell {
    char *text;           /* owned */
    enum cli_paint paint; /* PAINT_END for none */
};

struct row {
    struct cell cell[TABLE_COLUMNS_MAX];
    char *below; /* owned; NULL for none */
};

struct table {
    const char *const *headings; /* lent */
    size_t columns;
    struct row *rows; /* owned */
    size_t count;
    size_t capacity;
    size_t next; /* column of the next cell */
};

table_t *table_new(const char *const *headings)
{
    table_t *self = mem_new(1, sizeof *self);
    self->headings = headings;
    while (headings[self->columns] != NULL) {
        self->columns++;
    }
    assert(self->columns > 0 && self->columns <= TABLE_COLUMNS_MAX);
    self->next = self->columns;
    return self;
}

void table_destroy(table_t **self_p)
{
    table_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        for (size_t c = 0; c < self->columns; c++) {
            free(self->rows[i].cell[c].text);
        }
        free(self->rows[i].below);
    }
    free(self->rows);
    free(self);
    *self_p = NULL;
}

static char *format_text(const char *format, va_list arguments)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    return mem_text(text);
}

static void row_begin(table_t *self)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity * 2 + 16;
        struct row *rows = mem_new(capacity, sizeof *rows);
        if (self->count > 0) {
            memcpy(rows, self->rows, self->count * sizeof *rows);
        }
        free(self->rows);
        self->rows = rows;
        self->capacity = capacity;
    }
    self->count++;
    self->next = 0;
}

static void cell_put(table_t *self, enum cli_paint paint, const char *format, va_list arguments)
{
    if (self->next == self->columns) {
        row_begin(self);
    }
    self->rows[self->count - 1].cell[self->next++] =
        (struct cell){format_text(format, arguments), paint};
}

void table_cell(table_t *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    cell_put(self, PAINT_END, format, arguments);
    va_end(arguments);
}

void table_cell_painted(table_t *self, enum cli_paint paint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    cell_put(self, paint, format, arguments);
    va_end(arguments);
}

void table_below(table_t *self, const char *format, ...)
{
    assert(self->count > 0);
    va_list arguments;
    va_start(arguments, format);
    self->rows[self->count - 1].below = format_text(format, arguments);
    va_end(arguments);
}

size_t table_rows(const table_t *self)
{
    return self->count;
}

/* ---- printing ---- */

static const char *heading_text(const table_t *self, size_t column)
{
    const char *heading = self->headings[column];
    return heading[0] == '>' ? heading + 1 : heading;
}

static const char *cell_text(const struct row *row, size_t column)
{
    return row->cell[column].text == NULL ? "" : row->cell[column].text;
}

/* Widths as wide as the contents, then the widest is narrowed until all fit. */
static void measure(const table_t *self, unsigned width, unsigned *widths)
{
    unsigned total = 2 * ((unsigned)self->columns - 1);
    for (size_t c = 0; c < self->columns; c++) {
        widths[c] = wrap_columns(heading_text(self, c));
        for (size_t i = 0; i < self->count; i++) {
            unsigned columns = wrap_columns(cell_text(&self->rows[i], c));
            widths[c] = columns > widths[c] ? columns : widths[c];
        }
        total += widths[c];
    }
    while (total > width) {
        size_t widest = 0;
        for (size_t c = 1; c < self->columns; c++) {
            widest = widths[c] >= widths[widest] ? c : widest;
        }
        if (widths[widest] <= TABLE_COLUMN_MIN) {
            return;
        }
        widths[widest]--;
        total--;
    }
}

/* Bytes of the next line of a text that fit into `width` columns: up to a blank, or cut where there is none. */
static size_t line_bytes(const char *text, unsigned width)
{
    size_t at = 0;
    size_t blank = 0;
    unsigned columns = 0;
    while (text[at] != '\0') {
        size_t step = 1;
        while (((unsigned char)text[at + step] & 0xc0U) == 0x80U) {
            step++;
        }
        if (columns == width) {
            return text[at] == ' ' ? at : blank > 0 ? blank : at;
        }
        blank = text[at] == ' ' ? at : blank;
        columns++;
        at += step;
    }
    return at;
}

static void put_cell(struct cli *cli, const char *text, size_t len, unsigned width, bool right,
    bool last, enum cli_paint paint)
{
    char part[1024];
    snprintf(part, sizeof part, "%.*s", (int)len, text);
    unsigned columns = wrap_columns(part);
    int pad = columns < width ? (int)(width - columns) : 0;
    fprintf(cli->out, "%*s%s%s%s%*s", right ? pad : 0, "",
        paint == PAINT_END ? "" : cli_paint(cli, paint), part,
        paint == PAINT_END ? "" : cli_paint(cli, PAINT_END), right || last ? 0 : pad, "");
    fputs(last ? "\n" : "  ", cli->out);
}

static size_t last_with_text(const char *const *rest, size_t columns)
{
    size_t last = 0;
    for (size_t c = 0; c < columns; c++) {
        last = rest[c][0] != '\0' ? c : last;
    }
    return last;
}

/* A row of texts in as many lines as its longest cell needs. */
static void put_row(const table_t *self, struct cli *cli, const char **rest, const unsigned *widths,
    const enum cli_paint *paints)
{
    bool more = true;
    while (more) {
        more = false;
        size_t last = last_with_text(rest, self->columns);
        for (size_t c = 0; c <= last; c++) {
            size_t len = line_bytes(rest[c], widths[c]);
            put_cell(
                cli, rest[c], len, widths[c], self->headings[c][0] == '>', c == last, paints[c]);
            rest[c] += len;
            rest[c] += rest[c][0] == ' ' ? 1 : 0;
            more = more || rest[c][0] != '\0';
        }
    }
}

void table_print(const table_t *self, struct cli *cli)
{
    if (cli->json) {
        return;
    }
    unsigned widths[TABLE_COLUMNS_MAX] = {0};
    const char *rest[TABLE_COLUMNS_MAX] = {NULL};
    enum cli_paint paints[TABLE_COLUMNS_MAX] = {0};
    assert(self->columns > 0 && self->columns <= TABLE_COLUMNS_MAX);
    measure(self, cli->terminal ? cli->width : 1000, widths);
    for (size_t c = 0; c < self->columns; c++) {
        rest[c] = heading_text(self, c);
        paints[c] = PAINT_BOLD;
    }
    put_row(self, cli, rest, widths, paints);
    for (size_t i = 0; i < self->count; i++) {
        for (size_t c = 0; c < self->columns; c++) {
            rest[c] = cell_text(&self->rows[i], c);
            paints[c] = self->rows[i].cell[c].paint;
        }
        put_row(self, cli, rest, widths, paints);
        if (self->rows[i].below != NULL) {
            fprintf(cli->out, "%s  %s%s\n", cli_paint(cli, PAINT_DIM), self->rows[i].below,
                cli_paint(cli, PAINT_END));
        }
    }
}
