/* tsv: see tsv.h. Malformed tables are returned as complaints; nothing is kept then. */
#include "common/procedure/tsv.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/words.h"

#include "common/base/banned.h"

/* Cut one line at its tabs, in place; returns the number of cells, TSV_COLUMNS_MAX + 1 where there are too many. */
static size_t cut_cells(char *line, const char **cells)
{
    size_t count = 0;

    for (char *at = line; at != NULL;) {
        if (count == TSV_COLUMNS_MAX) {
            return TSV_COLUMNS_MAX + 1;
        }
        cells[count++] = at;
        at = strchr(at, '\t');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    return count;
}

/* Where each wanted column stands in the header. */
static int find_columns(const struct tsv *self, const char *const *columns, const char **header,
    size_t header_count, size_t *places, struct complaint *why)
{
    for (size_t i = 0; i < self->wanted; i++) {
        size_t at = 0;
        while (at < header_count && strcmp(header[at], columns[i]) != 0) {
            at++;
        }
        if (at == header_count) {
            const char *near = words_nearest_of(columns[i], header, header_count);
            return complain(why, E_MALFORMED, "%s:1: no column \"%s\"%s%s%s", self->file,
                columns[i], near != NULL ? "; is \"" : "", near != NULL ? near : "",
                near != NULL ? "\" meant for it?" : "");
        }
        places[i] = at;
    }
    return 0;
}

static int cut_rows(struct tsv *self, const char *const *columns, struct complaint *why)
{
    const char *cells[TSV_COLUMNS_MAX];
    size_t places[TSV_COLUMNS_MAX] = {0};
    size_t header_count = 0;
    size_t line_number = 0;

    for (char *line = self->text; *line != '\0'; line_number++) {
        char *end = strchr(line, '\n');
        char *next = end == NULL ? line + strlen(line) : end + 1;
        if (end != NULL) {
            *end = '\0';
        }
        size_t count = cut_cells(line, cells);
        if (count > TSV_COLUMNS_MAX || self->row_count == TSV_ROWS_MAX) {
            return complain(why, E_TOO_LARGE, "%s:%zu: more than %d columns or %d rows", self->file,
                line_number + 1, TSV_COLUMNS_MAX, TSV_ROWS_MAX);
        }
        if (line_number == 0) {
            header_count = count;
            int rc = find_columns(self, columns, cells, count, places, why);
            if (rc != 0) {
                return rc;
            }
        } else if (count != header_count) {
            return complain(why, E_MALFORMED, "%s:%zu: %zu cells, the header has %zu", self->file,
                line_number + 1, count, header_count);
        } else {
            for (size_t i = 0; i < self->wanted; i++) {
                self->cells[self->row_count * self->wanted + i] = cells[places[i]];
            }
            self->row_count++;
        }
        line = next;
    }
    return line_number > 1 ? 0 : complain(why, E_MALFORMED, "%s: no rows", self->file);
}

int tsv_read(const char *file, struct slice bytes, const char *const *columns, size_t column_count,
    struct tsv *out, struct complaint *why)
{
    struct tsv self = {.file = file, .wanted = column_count};
    size_t lines = 1;

    assert(column_count <= TSV_COLUMNS_MAX);
    if (bytes.len > TSV_BYTES_MAX) {
        return complain(why, E_TOO_LARGE, "%s: more than %d bytes", file, TSV_BYTES_MAX);
    }
    for (size_t i = 0; i < bytes.len; i++) {
        lines += bytes.data[i] == '\n' ? 1 : 0;
        if (bytes.data[i] == '\0' || bytes.data[i] == '\r') {
            return complain(why, E_MALFORMED, "%s:%zu: a NUL or carriage return", file, lines);
        }
    }
    self.text = mem_new(bytes.len + 1, 1);
    if (bytes.len > 0) {
        memcpy(self.text, bytes.data, bytes.len);
    }
    self.cells =
        mem_new((lines < TSV_ROWS_MAX ? lines : TSV_ROWS_MAX) * column_count, sizeof *self.cells);
    int rc = cut_rows(&self, columns, why);
    if (rc != 0) {
        tsv_free(&self);
        return rc;
    }
    *out = self;
    return 0;
}

void tsv_free(struct tsv *self)
{
    free(self->text);
    free(self->cells);
    *self = (struct tsv){0};
}

bool tsv_has_column(struct slice bytes, const char *name)
{
    size_t len = strlen(name);

    for (size_t at = 0; at < bytes.len && bytes.data[at] != '\n';) {
        size_t cell = 0;
        while (at + cell < bytes.len && bytes.data[at + cell] != '\t' &&
            bytes.data[at + cell] != '\n') {
            cell++;
        }
        if (cell == len && memcmp(bytes.data + at, name, len) == 0) {
            return true;
        }
        at += cell + (at + cell < bytes.len && bytes.data[at + cell] == '\t' ? 1 : 0);
    }
    return false;
}
