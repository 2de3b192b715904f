/* zpl: see zpl.h. Failures are returned with a complaint; nothing is logged. */
#include "common/base/zpl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/fsio.h"
#include "common/base/words.h"

#include "common/base/banned.h"

enum {
    LINE_BYTES_MAX = 1000, /* zconfig cuts a line at 1,024 without a word */
    LEVELS_MAX = 8,        /* zconfig recurses; no file of ours goes deeper than 5 */
    INDENT = 4,
};

struct zpl {
    char *name;
    zconfig_t *root;
    unsigned
        *lines; /* lines[i]: line of the i-th item in file order, which is the tree's preorder */
    size_t items;
};

/* What stands in one line, found by line_check(). */
struct line {
    const char *text;
    size_t len;
    unsigned number;
    int level; /* -1 for blank and comment lines */
};

static void wipe(void *memory, size_t len)
{
    volatile unsigned char *at = memory;

    while (len-- > 0) {
        *at++ = 0;
    }
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        (c != '\0' && strchr("$-_@.&+/", c) != NULL);
}

static size_t skip_blanks(const struct line *line, size_t at)
{
    while (at < line->len && line->text[at] == ' ') {
        at++;
    }
    return at;
}

/* Nothing but blanks and a comment from `at` on? */
static bool is_rest(const struct line *line, size_t at)
{
    at = skip_blanks(line, at);
    return at == line->len || line->text[at] == '#';
}

static const char *value_fault(const struct line *line, size_t at)
{
    at = skip_blanks(line, at);
    if (at == line->len || (line->text[at] != '"' && line->text[at] != '\'')) {
        return NULL;
    }
    const char *end = memchr(line->text + at + 1, line->text[at], line->len - at - 1);
    if (end == NULL) {
        return "the value's closing quote is missing";
    }
    return is_rest(line, (size_t)(end - line->text) + 1) ? NULL
                                                         : "something stands after the value";
}

static bool begins_with(const struct line *line, const char *mark)
{
    size_t len = strlen(mark);

    return line->len >= len && memcmp(line->text, mark, len) == 0;
}

/* What editors of other systems leave in a file, and whoever looks at it does not see. NULL for nothing. */
static const char *unseen_fault(const struct line *line)
{
    if (line->number == 1 &&
        (begins_with(line, "\xef\xbb\xbf") || begins_with(line, "\xff\xfe") ||
            begins_with(line, "\xfe\xff"))) {
        return "the file begins with a byte order mark; save it as plain UTF-8 without one";
    }
    for (size_t i = 0; i < line->len; i++) {
        if (line->text[i] == '\r' && i + 1 == line->len) {
            return "the line ends as on Windows (CR LF); take the CRs out with: sed -i 's/\\r$//' "
                   "FILE";
        }
        if ((unsigned char)line->text[i] < 0x20 || line->text[i] == 0x7f) {
            return "a tab or other control character stands in the line; indent with four blanks a "
                   "level";
        }
    }
    return NULL;
}

/* NULL where the line is well-formed, else what is wrong with it. Sets its level. */
static const char *line_fault(struct line *line)
{
    size_t at = skip_blanks(line, 0);
    size_t name = at;

    line->level = -1;
    if (line->len > LINE_BYTES_MAX) {
        return "the line is longer than 1,000 bytes";
    }
    const char *unseen = unseen_fault(line);
    if (unseen != NULL) {
        return unseen;
    }
    if (is_rest(line, at)) {
        return NULL;
    }
    if (at % INDENT != 0) {
        return "indent with four blanks a level";
    }
    while (at < line->len && is_name_char(line->text[at])) {
        at++;
    }
    if (at == name || line->text[name] == '/' || line->text[at - 1] == '/') {
        return "a name must stand here: letters, digits and hyphens";
    }
    line->level = (int)(name / INDENT);
    at = skip_blanks(line, at);
    if (at < line->len && line->text[at] == '=') {
        return value_fault(line, at + 1);
    }
    return is_rest(line, at) ? NULL : "write `name = value`";
}

/* Lines that hold an item go to items, for zconfig: it stumbles over a comment that is indented by other than 4n. */
static int check_text(zpl_t *self, struct slice text, struct buf *items, struct complaint *why)
{
    size_t start = 0;
    unsigned number = 0;
    int deepest = 0; /* level that the next item may have at most */

    self->lines = mem_new(text.len / 2 + 1, sizeof *self->lines);
    while (start < text.len) {
        const uint8_t *end = memchr(text.data + start, '\n', text.len - start);
        size_t len = end == NULL ? text.len - start : (size_t)(end - text.data) - start;
        struct line line = {(const char *)text.data + start, len, ++number, -1};
        const char *fault = line_fault(&line);
        if (fault == NULL && (line.level > deepest || line.level >= LEVELS_MAX)) {
            fault = "the line is indented deeper than the section it belongs to";
        }
        if (fault != NULL) {
            return complain(why, E_CONFIG, "%s:%u: %s", self->name, number, fault);
        }
        if (line.level >= 0) {
            self->lines[self->items++] = number;
            buf_put(items, line.text, line.len);
            buf_put_u8(items, '\n');
            deepest = line.level + 1;
        }
        start += len + 1;
    }
    return 0;
}

int zpl_parse(const char *name, struct slice text, zpl_t **out, struct complaint *why)
{
    zpl_t *self = mem_new(1, sizeof *self);
    struct buf items = {0};

    self->name = mem_text(name);
    buf_reserve(
        &items, text.len + 2); /* one piece: no copy of a secret stays behind when it grows */
    int rc = check_text(self, text, &items, why);
    if (rc == 0) {
        buf_put_u8(&items, '\0');
        self->root = zconfig_str_load((const char *)items.data);
        if (self->root == NULL) {
            rc = complain(why, E_CONFIG, "%s: not a readable ZPL file", name);
        }
    }
    wipe(items.data, items.len);
    buf_free(&items);
    if (rc != 0) {
        zpl_destroy(&self);
        return rc;
    }
    *out = self;
    return 0;
}

int zpl_load(const char *path, size_t bytes_max, zpl_t **out, struct complaint *why)
{
    struct buf text = {0};

    buf_reserve(
        &text, 65536); /* one piece for the usual file, so that no copy of a secret stays behind */
    int rc = fsio_read_all(path, bytes_max, &text);
    if (rc != 0) {
        complain(why, rc, "%s cannot be read: %s", path, err_text(rc));
    } else {
        rc = zpl_parse(path, buf_slice(&text), out, why);
    }
    wipe(text.data, text.len);
    buf_free(&text);
    return rc;
}

static void wipe_values(zconfig_t *item)
{
    for (; item != NULL; item = zconfig_next(item)) {
        char *value = zconfig_value(item);
        if (value != NULL) {
            wipe(value, strlen(value));
        }
        wipe_values(zconfig_child(item));
    }
}

void zpl_destroy(zpl_t **self_p)
{
    assert(self_p != NULL);
    zpl_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    if (self->root != NULL) {
        wipe_values(zconfig_child(self->root));
        zconfig_destroy(&self->root);
    }
    free(self->lines);
    free(self->name);
    free(self);
    *self_p = NULL;
}

zconfig_t *zpl_root(const zpl_t *self)
{
    return self->root;
}

const char *zpl_name(const zpl_t *self)
{
    return self->name;
}

/* Position of `wanted` in preorder among item, its children and its later siblings; false where it is not there. */
static bool preorder_find(zconfig_t *item, zconfig_t *wanted, size_t *position)
{
    for (; item != NULL; item = zconfig_next(item)) {
        if (item == wanted) {
            return true;
        }
        (*position)++;
        if (preorder_find(zconfig_child(item), wanted, position)) {
            return true;
        }
    }
    return false;
}

unsigned zpl_line(const zpl_t *self, zconfig_t *item)
{
    size_t position = 0;

    if (item == self->root || !preorder_find(zconfig_child(self->root), item, &position)) {
        return 0;
    }
    return position < self->items ? self->lines[position] : 0;
}

int zpl_complain(
    const zpl_t *self, zconfig_t *item, struct complaint *why, int rc, const char *format, ...)
{
    char sentence[256];
    unsigned line = zpl_line(self, item);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (line == 0) {
        return complain(why, rc, "%s: %s", self->name, sentence);
    }
    return complain(why, rc, "%s:%u: %s", self->name, line, sentence);
}

struct word_list {
    const struct zpl_word *words;
    size_t count;
};

static const char *word_at(const void *known, size_t index)
{
    const struct word_list *list = known;

    return index < list->count ? list->words[index].name : NULL;
}

static const struct zpl_word *word_of(const struct word_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->words[i].name, name) == 0) {
            return &list->words[i];
        }
    }
    return NULL;
}

int zpl_check(const zpl_t *self, zconfig_t *section, const struct zpl_word *words, size_t count,
    struct complaint *why)
{
    struct word_list list = {words, count};

    for (zconfig_t *item = zconfig_child(section); item != NULL; item = zconfig_next(item)) {
        const char *name = zconfig_name(item);
        const struct zpl_word *word = word_of(&list, name);
        if (word == NULL) {
            const char *near = words_nearest(name, word_at, &list);
            return zpl_complain(self, item, why, E_CONFIG,
                "the word \"%.64s\" is not known here%s%s%s", name,
                near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                near != NULL ? "\"?" : "");
        }
        if (!word->repeats && zpl_child(section, name) != item) {
            return zpl_complain(self, item, why, E_CONFIG,
                "\"%s\" is given twice (before in line %u); keep one", name,
                zpl_line(self, zpl_child(section, name)));
        }
    }
    return 0;
}

zconfig_t *zpl_child(zconfig_t *section, const char *name)
{
    for (zconfig_t *item = zconfig_child(section); item != NULL; item = zconfig_next(item)) {
        if (strcmp(zconfig_name(item), name) == 0) {
            return item;
        }
    }
    return NULL;
}

const char *zpl_text(zconfig_t *section, const char *name, const char *fallback)
{
    zconfig_t *item = zpl_child(section, name);

    return item == NULL ? fallback : zconfig_value(item);
}
