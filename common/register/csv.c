/* csv: see csv.h. Faults of the text are returned with file and line; nothing is logged. */
#include "common/register/csv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/utf8.h"

#include "common/base/banned.h"

int csv_complain(const struct csv *self, struct complaint *why, int rc, const char *format, ...)
{
    char sentence[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return complain(why, rc, "%s:%u: %s", self->name, self->line, sentence);
}

/* The next line without its end; false after the last. */
static bool next_line(struct csv *self, struct slice *line)
{
    if (self->rest.len == 0) {
        return false;
    }
    const uint8_t *end = memchr(self->rest.data, '\n', self->rest.len);
    size_t len = end == NULL ? self->rest.len : (size_t)(end - self->rest.data);
    *line = slice_of(self->rest.data, len);
    if (len > 0 && line->data[len - 1] == '\r') {
        line->len--;
    }
    size_t step = end == NULL ? len : len + 1;
    self->rest = slice_of(self->rest.data + step, self->rest.len - step);
    self->line++;
    return true;
}

static int check_line(const struct csv *self, struct slice line, struct complaint *why)
{
    if (line.len > CSV_LINE_BYTES_MAX) {
        return csv_complain(
            self, why, E_CONFIG, "the line is longer than %d bytes", CSV_LINE_BYTES_MAX);
    }
    if (!utf8_valid(line)) {
        return csv_complain(self, why, E_CONFIG, "the line is not UTF-8 text");
    }
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] < 0x20 && line.data[i] != (uint8_t)self->separator) {
            return csv_complain(self, why, E_CONFIG, "a control character stands in the line");
        }
    }
    return 0;
}

/* One field from *at on into *out, which is moved behind its terminator. NULL, or what is wrong. */
static const char *take_field(const struct csv *self, struct slice line, size_t *at, char **out)
{
    bool quoted = self->separator == ',' && *at < line.len && line.data[*at] == '"';

    if (quoted) {
        (*at)++;
        for (;; (*at)++) {
            if (*at == line.len) {
                return "a quoted field does not end in its line";
            }
            if (line.data[*at] == '"') {
                (*at)++;
                if (*at == line.len || line.data[*at] != '"') {
                    break;
                }
            }
            *(*out)++ = (char)line.data[*at];
        }
        if (*at < line.len && line.data[*at] != (uint8_t)self->separator) {
            return "something stands behind a closing quote";
        }
    } else {
        for (; *at < line.len && line.data[*at] != (uint8_t)self->separator; (*at)++) {
            if (self->separator == ',' && line.data[*at] == '"') {
                return "a quote stands inside a field that is not quoted";
            }
            *(*out)++ = (char)line.data[*at];
        }
    }
    *(*out)++ = '\0';
    return NULL;
}

/* text holds a line of CSV_LINE_BYTES_MAX and a terminator a field. */
static int take_row(struct csv *self, struct slice line, char *text, const char **fields,
    size_t *count, struct complaint *why)
{
    size_t at = 0;

    int rc = check_line(self, line, why);
    if (rc != 0) {
        return rc;
    }
    for (*count = 0; *count < CSV_COLUMNS_MAX;) {
        fields[*count] = text;
        const char *fault = take_field(self, line, &at, &text);
        if (fault != NULL) {
            return csv_complain(self, why, E_CONFIG, "%s", fault);
        }
        (*count)++;
        if (at == line.len) {
            return 0;
        }
        at++; /* the separator */
    }
    return csv_complain(self, why, E_CONFIG, "there are more than %d fields", CSV_COLUMNS_MAX);
}

int csv_open(
    struct csv *self, const char *name, char separator, struct slice text, struct complaint *why)
{
    struct slice line;

    *self = (struct csv){.name = name, .separator = separator, .rest = text};
    if (!next_line(self, &line) || line.len == 0) {
        self->line = 1;
        return csv_complain(self, why, E_CONFIG, "the first line must name the columns");
    }
    return take_row(self, line, self->header_text, self->header, &self->columns, why);
}

int csv_next(struct csv *self, struct complaint *why)
{
    struct slice line;
    size_t count = 0;

    do {
        if (!next_line(self, &line)) {
            return E_END;
        }
    } while (line.len == 0);
    int rc = take_row(self, line, self->row_text, self->field, &count, why);
    if (rc == 0 && count != self->columns) {
        rc = csv_complain(
            self, why, E_CONFIG, "the row has %zu fields, the header %zu", count, self->columns);
    }
    return rc;
}

static size_t column_of(const struct csv *self, const char *heading)
{
    size_t i = 0;

    while (i < self->columns && strcmp(self->header[i], heading) != 0) {
        i++;
    }
    return i;
}

bool csv_has(const struct csv *self, const char *heading)
{
    return column_of(self, heading) < self->columns;
}

const char *csv_field(const struct csv *self, const char *heading)
{
    size_t column = column_of(self, heading);

    return column < self->columns ? self->field[column] : "";
}
