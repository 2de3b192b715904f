/*
 * scenario_words: see scenario_words.h. Faults are returned with a sentence; the caller adds file
 * and line.
 */
#include "client/lab/scenario_words.h"

#include <string.h>

#include "common/base/utf8.h"

#include "common/base/banned.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/*
 * How much of the line is statement: up to a # outside quotes. E_MALFORMED where a quote stays
 * open.
 */
static int statement_len(struct slice line, size_t *len, struct complaint *why)
{
    bool quoted = false;
    size_t i = 0;

    for (; i < line.len; i++) {
        char c = (char)line.data[i];
        if (c == '"') {
            quoted = !quoted;
        } else if (c == '#' && !quoted) {
            break;
        }
    }
    if (quoted) {
        return complain(why, E_MALFORMED, "a quote is not closed in this line");
    }
    *len = i;
    return 0;
}

/* One word without its quotes; key set where a = stands outside them. */
static struct word word_of(shelf_t *shelf, const char *at, size_t len)
{
    char *text = shelf_take(shelf, len + 1, 1);
    struct word word = {.text = text};
    bool quoted = false;
    size_t used = 0;

    for (size_t i = 0; i < len; i++) {
        if (at[i] == '"') {
            quoted = !quoted;
            word.quoted = true;
        } else if (at[i] == '=' && !quoted && word.key == NULL) {
            text[used++] = '\0';
            word.key = text;
            word.text = text + used;
        } else {
            text[used++] = at[i];
        }
    }
    text[used] = '\0';
    return word;
}

/* The length of the word that begins here: to the next blank outside quotes. */
static size_t word_len(const char *at, size_t rest)
{
    bool quoted = false;
    size_t len = 0;

    for (; len < rest && (quoted || !is_blank(at[len])); len++) {
        quoted = quoted != (at[len] == '"');
    }
    return len;
}

int words_cut(shelf_t *shelf, struct slice line, struct words *out, struct complaint *why)
{
    const char *at = (const char *)line.data;
    size_t len = 0;

    out->count = 0;
    out->line = "";
    if (line.len > SCENARIO_LINE_BYTES_MAX) {
        return complain(why, E_TOO_LARGE, "a line has at most %d bytes", SCENARIO_LINE_BYTES_MAX);
    }
    if (line.len > 0 && !utf8_valid(line)) {
        return complain(why, E_UTF8, "the line is not valid UTF-8");
    }
    int rc = statement_len(line, &len, why);
    if (rc != 0) {
        return rc;
    }
    while (len > 0 && is_blank(at[len - 1])) {
        len--;
    }
    size_t i = 0;
    while (i < len && is_blank(at[i])) {
        i++;
    }
    if (i < len) {
        out->line = shelf_text(shelf, at + i, len - i);
    }
    while (i < len) {
        size_t word = word_len(at + i, len - i);
        if (out->count == SCENARIO_LINE_WORDS_MAX) {
            return complain(
                why, E_TOO_LARGE, "a line has at most %d words", SCENARIO_LINE_WORDS_MAX);
        }
        out->at[out->count++] = word_of(shelf, at + i, word);
        i += word;
        while (i < len && is_blank(at[i])) {
            i++;
        }
    }
    return 0;
}

int words_split(shelf_t *shelf, const char *list, const char **out, size_t max, size_t *count,
    struct complaint *why)
{
    *count = 0;
    for (const char *at = list;;) {
        size_t len = strcspn(at, ",");
        if (len == 0) {
            return complain(why, E_FACT_VALUE,
                "an item of the list \"%s\" is empty; write a,b,c without blanks", list);
        }
        if (*count == max) {
            return complain(why, E_TOO_LARGE, "a list has at most %zu items here", max);
        }
        out[(*count)++] = shelf_text(shelf, at, len);
        if (at[len] == '\0') {
            return 0;
        }
        at += len + 1;
    }
}
