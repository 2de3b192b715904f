/*
 * wrap: running text in lines. Failures to print are left to the stream.
 */
#include "client/cli/wrap.h"

#include <string.h>

#include "common/base/banned.h"

static unsigned columns_of(const char *text, size_t len)
{
    unsigned columns = 0;
    for (size_t i = 0; i < len; i++) {
        columns += ((unsigned char)text[i] & 0xc0U) != 0x80U;
    }
    return columns;
}

unsigned wrap_columns(const char *text)
{
    return columns_of(text, strlen(text));
}

static void put_blanks(FILE *out, unsigned count)
{
    fprintf(out, "%*s", (int)count, "");
}

/* One paragraph without newlines. */
static void put_paragraph(
    FILE *out, const char *text, size_t len, unsigned indent, unsigned column, unsigned width)
{
    size_t at = 0;
    if (column < indent) {
        put_blanks(out, indent - column);
        column = indent;
    }
    unsigned start = column;
    while (at < len) {
        size_t word = strcspn(text + at, " \n");
        word = word > len - at ? len - at : word;
        unsigned columns = columns_of(text + at, word);
        if (column > start && column + 1 + columns > width) {
            fputc('\n', out);
            put_blanks(out, indent);
            column = indent;
            start = indent;
        } else if (column > start) {
            fputc(' ', out);
            column++;
        }
        fwrite(text + at, 1, word, out);
        column += columns;
        at += word;
        at += at < len ? 1 : 0;
    }
    fputc('\n', out);
}

void wrap_put(FILE *out, const char *text, unsigned indent, unsigned column, unsigned width)
{
    do {
        const char *end = strchr(text, '\n');
        size_t len = end == NULL ? strlen(text) : (size_t)(end - text);
        if (len == 0) {
            fputc('\n', out);
        } else if (text[0] == ' ') {
            put_blanks(out, indent);
            fprintf(out, "%.*s\n", (int)len, text);
        } else {
            put_paragraph(out, text, len, indent, column, width);
        }
        column = 0;
        text += end == NULL ? len : len + 1;
    } while (*text != '\0');
}
