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

/* Every column of the header is one of the table's, and none stands twice. */
static int check_header(const struct tsv *self, const struct tsv_layout *layout,
    const char *const *header, size_t header_count, struct complaint *why)
{
    const char *known[TSV_COLUMNS_MAX];
    size_t count = 0;

    while (count < layout->column_count) {
        known[count] = layout->columns[count];
        count++;
    }
    for (size_t i = 0; layout->others != NULL && layout->others[i] != NULL; i++) {
        assert(count < TSV_COLUMNS_MAX);
        known[count++] = layout->others[i];
    }
    for (size_t i = 0; i < header_count; i++) {
        const char *near = words_nearest_of(header[i], known, count);
        if (near == NULL || strcmp(near, header[i]) != 0) {
            return complain(why, E_MALFORMED, "%s:1: column %zu: unknown column \"%.60s\"%s%s%s",
                self->file, i + 1, header[i], near != NULL ? "; did you mean \"" : "",
                near != NULL ? near : "", near != NULL ? "\"?" : "");
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(header[k], header[i]) == 0) {
                return complain(why, E_EXISTS, "%s:1: columns %zu and %zu are both \"%s\"",
                    self->file, k + 1, i + 1, header[i]);
            }
        }
    }
    return 0;
}

/* Where each column that is read stands in the header; header_count for one that may be missing, and is. */
static int find_columns(const struct tsv *self, const struct tsv_layout *layout,
    const char *const *header, size_t header_count, size_t *places, struct complaint *why)
{
    int rc = check_header(self, layout, header, header_count, why);

    for (size_t i = 0; rc == 0 && i < layout->column_count; i++) {
        size_t at = 0;
        while (at < header_count && strcmp(header[at], layout->columns[i]) != 0) {
            at++;
        }
        if (at == header_count && i + layout->optional < layout->column_count) {
            rc = complain(
                why, E_MALFORMED, "%s:1: no column \"%s\"", self->file, layout->columns[i]);
        }
        places[i] = at;
    }
    return rc;
}

/* One row behind the header into the cells. */
static void keep_row(struct tsv *self, const char *const *cells, size_t count, const size_t *places)
{
    for (size_t i = 0; i < self->wanted; i++) {
        self->cells[self->row_count * self->wanted + i] = places[i] < count ? cells[places[i]] : "";
    }
    self->row_count++;
}

static int cut_rows(struct tsv *self, const struct tsv_layout *layout, struct complaint *why)
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
            int rc = find_columns(self, layout, cells, count, places, why);
            if (rc != 0) {
                return rc;
            }
        } else if (count != header_count) {
            return complain(why, E_MALFORMED, "%s:%zu: %zu cells, the header has %zu", self->file,
                line_number + 1, count, header_count);
        } else {
            keep_row(self, cells, count, places);
        }
        line = next;
    }
    return line_number > 1 ? 0 : complain(why, E_MALFORMED, "%s: no rows", self->file);
}

int tsv_read(const char *file, struct slice bytes, const struct tsv_layout *layout, struct tsv *out,
    struct complaint *why)
{
    struct tsv self = {.file = file, .wanted = layout->column_count};
    size_t lines = 1;

    assert(layout->column_count <= TSV_COLUMNS_MAX);
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
        mem_new((lines < TSV_ROWS_MAX ? lines : TSV_ROWS_MAX) * self.wanted, sizeof *self.cells);
    int rc = cut_rows(&self, layout, why);
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
