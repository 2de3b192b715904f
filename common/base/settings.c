/* settings: see settings.h. Every fault of a file is returned with a complaint; nothing is logged, nothing is fatal. */
#include "common/base/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/words.h"
#include "common/base/zpl.h"

#include "common/base/banned.h"

enum { NAME_BYTES_MAX = 64, AMOUNT_BYTES = 48 };

/* What one option has after reading. */
struct value {
    bool given;      /* the file names it */
    char *text;      /* TEXT, PATH: owned */
    uint64_t number; /* UINT, BYTES, DURATION, BOOL */
    char **items;    /* LIST: owned */
    size_t count;
};

struct settings {
    const struct setting_table *table; /* lent */
    char *file;                        /* owned */
    struct value *values;              /* owned, table->count of them */
};

struct unit {
    const char *name;
    uint64_t factor;
};

/* Rising: the largest that divides a number is the one to print it with. */
static const struct unit byte_units[] = {
    {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"TiB", 1099511627776}};
static const struct unit time_units[] = {
    {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};

enum { UNIT_COUNT = 5 };

static const struct unit *units_of(enum setting_type type)
{
    return type == SETTING_BYTES ? byte_units : time_units;
}

/* ---- one value ---------------------------------------------------------------------------- */

/* "64 MiB", "64MiB"; a bare number counts in the smallest unit for bytes and is refused for durations. */
static int amount_parse(enum setting_type type, const char *text, uint64_t *out)
{
    const struct unit *units = units_of(type);
    size_t digits = strspn(text, "0123456789");
    char number[21];
    uint64_t value;

    if (digits == 0 || digits >= sizeof number) {
        return digits == 0 ? E_MALFORMED : E_RANGE;
    }
    memcpy(number, text, digits);
    number[digits] = '\0';
    int rc = text_parse_u64(number, 0, UINT64_MAX, &value);
    if (rc != 0) {
        return rc;
    }
    const char *unit = text + digits + strspn(text + digits, " ");
    if (*unit == '\0' && (type == SETTING_BYTES || value == 0)) {
        unit = units[0].name;
    }
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (strcmp(unit, units[i].name) == 0) {
            if (value > UINT64_MAX / units[i].factor) {
                return E_RANGE;
            }
            *out = value * units[i].factor;
            return 0;
        }
    }
    return E_MALFORMED;
}

/* A number as a person writes it in that type; text of AMOUNT_BYTES; returned. */
static const char *amount_text(enum setting_type type, uint64_t number, char *text)
{
    unsigned long long shown = number;
    const char *unit = "";

    if (type == SETTING_BYTES || type == SETTING_DURATION) {
        const struct unit *units = units_of(type);
        size_t best = 0;
        for (size_t i = 1; i < UNIT_COUNT && number != 0; i++) {
            best = number % units[i].factor == 0 ? i : best;
        }
        shown = number / units[best].factor;
        unit = units[best].name;
    }
    (void)snprintf(text, AMOUNT_BYTES, "%llu%s%s", shown, *unit == '\0' ? "" : " ", unit);
    return text;
}

/* What may stand there, for complaints and texts: "a size from 1 MiB to 1 GiB". */
static void put_limits(const struct setting *row, struct buf *out)
{
    static const char *const forms[] = {
        [SETTING_TEXT] = "a text of",
        [SETTING_PATH] = "a path of",
        [SETTING_UINT] = "a whole number from",
        [SETTING_BYTES] = "a size from",
        [SETTING_DURATION] = "a time from",
        [SETTING_LIST] = "",
        [SETTING_BOOL] = "yes or no",
    };
    char low[AMOUNT_BYTES];
    char high[AMOUNT_BYTES];
    bool counted = row->type == SETTING_UINT || row->type == SETTING_LIST;

    buf_put_text(out, "%s", forms[row->type]);
    if (row->type == SETTING_BOOL) {
        return;
    }
    buf_put_text(out, "%s%s to %s", row->type == SETTING_LIST ? "" : " ",
        amount_text(row->type, row->min, low), amount_text(row->type, row->max, high));
    if (row->type == SETTING_TEXT || row->type == SETTING_PATH) {
        buf_put_text(out, " bytes");
    } else if (counted && *row->unit != '\0') {
        buf_put_text(out, " %s", row->unit);
    } else if (row->type == SETTING_LIST) {
        buf_put_text(out, " items");
    }
    if (row->type == SETTING_LIST) {
        buf_put_text(out, " with blanks between them");
    } else if (row->type == SETTING_DURATION) {
        buf_put_text(out, " (ms, s, min, h or d)");
    }
}

static char *limits_text(const struct setting *row)
{
    struct buf text = {0};

    put_limits(row, &text);
    buf_put_u8(&text, 0);
    return (char *)text.data;
}

static int number_read(const struct setting *row, const char *text, struct value *value)
{
    uint64_t number = 0;
    int rc;

    if (row->type == SETTING_BOOL) {
        bool yes = strcmp(text, "yes") == 0;
        value->number = yes;
        return yes || strcmp(text, "no") == 0 ? 0 : E_MALFORMED;
    }
    if (row->type == SETTING_UINT) {
        rc = text_parse_u64(text, row->min, row->max, &number);
    } else {
        rc = amount_parse(row->type, text, &number);
    }
    if (rc == 0 && (number < row->min || number > row->max)) {
        rc = E_RANGE;
    }
    value->number = number;
    return rc;
}

/* Relative paths count from the folder of the file that names them. */
static char *path_from(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    struct buf text = {0};

    if (path[0] == '/' || path[0] == '\0' || slash == NULL) {
        return mem_text(path);
    }
    buf_put(&text, file, (size_t)(slash - file) + 1);
    buf_put(&text, path, strlen(path) + 1);
    return (char *)text.data;
}

static int text_read(
    const settings_t *self, const struct setting *row, const char *text, struct value *value)
{
    size_t len = strlen(text);

    if (len < row->min || len > row->max) {
        return E_RANGE;
    }
    free(value->text);
    value->text = row->type == SETTING_PATH ? path_from(self->file, text) : mem_text(text);
    return 0;
}

static int list_read(const struct setting *row, const char *text, struct value *value)
{
    while (*(text += strspn(text, " ")) != '\0') {
        size_t len = strcspn(text, " ");
        if (value->count >= row->max || value->count >= SETTINGS_ITEMS_MAX) {
            return E_RANGE;
        }
        if (value->items == NULL) {
            value->items = mem_new(SETTINGS_ITEMS_MAX, sizeof *value->items);
        }
        char *item = mem_new(len + 1, 1);
        memcpy(item, text, len);
        value->items[value->count++] = item;
        text += len;
    }
    return 0;
}

static int value_read(
    const settings_t *self, const struct setting *row, const char *text, struct value *value)
{
    switch (row->type) {
    case SETTING_LIST:
        return list_read(row, text, value);
    case SETTING_TEXT:
    case SETTING_PATH:
        return text_read(self, row, text, value);
    default:
        return number_read(row, text, value);
    }
}

/* ---- the file ----------------------------------------------------------------------------- */

static size_t row_of(const struct setting_table *table, const char *name)
{
    size_t i = 0;

    while (i < table->count && strcmp(table->rows[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* Does an option stand under the section of that name? */
static bool is_section(const struct setting_table *table, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < table->count; i++) {
        if (strncmp(table->rows[i].name, name, len) == 0 && table->rows[i].name[len] == '/') {
            return true;
        }
    }
    return false;
}

static const char *table_word(const void *known, size_t index)
{
    const struct setting_table *table = known;

    return index < table->count ? table->rows[index].name : NULL;
}

static int unknown_name(const settings_t *self, const zpl_t *zpl, zconfig_t *item, const char *name,
    struct complaint *why)
{
    const char *nearest = words_nearest(name, table_word, self->table);

    if (nearest == NULL) {
        return zpl_complain(zpl, item, why, E_CONFIG,
            "%s has no option \"%s\"; --help lists those there are", self->table->program, name);
    }
    return zpl_complain(zpl, item, why, E_CONFIG, "%s has no option \"%s\"; did you mean \"%s\"?",
        self->table->program, name, nearest);
}

static int option_read(
    settings_t *self, const zpl_t *zpl, zconfig_t *item, size_t index, struct complaint *why)
{
    const struct setting *row = &self->table->rows[index];
    struct value *value = &self->values[index];
    const char *text = zconfig_value(item);

    if (value->given && row->type != SETTING_LIST) {
        return zpl_complain(zpl, item, why, E_CONFIG,
            "%s is set a second time; leave one of the two lines", row->name);
    }
    if (zconfig_child(item) != NULL) {
        return zpl_complain(zpl, zconfig_child(item), why, E_CONFIG,
            "%s is an option, nothing can stand below it", row->name);
    }
    value->given = true;
    if (value_read(self, row, text == NULL ? "" : text, value) != 0) {
        char *limits = limits_text(row);
        int rc = zpl_complain(zpl, item, why, E_CONFIG, "%s = \"%.80s\" cannot be used; write %s",
            row->name, text == NULL ? "" : text, limits);
        free(limits);
        return rc;
    }
    return 0;
}

/* Options and sections under one item; zpl bounds the depth. */
static int section_read(settings_t *self, const zpl_t *zpl, zconfig_t *section, const char *prefix,
    struct complaint *why)
{
    for (zconfig_t *item = zconfig_child(section); item != NULL; item = zconfig_next(item)) {
        char name[NAME_BYTES_MAX];
        const char *value = zconfig_value(item);
        int len = snprintf(
            name, sizeof name, "%s%s%s", prefix, *prefix == '\0' ? "" : "/", zconfig_name(item));
        if (len < 0 || (size_t)len >= sizeof name) {
            return zpl_complain(zpl, item, why, E_CONFIG, "the name is longer than any option's");
        }
        size_t index = row_of(self->table, name);
        int rc = 0;
        if (index < self->table->count) {
            rc = option_read(self, zpl, item, index, why);
        } else if (is_section(self->table, name) && (value == NULL || *value == '\0')) {
            rc = section_read(self, zpl, item, name, why);
        } else {
            rc = unknown_name(self, zpl, item, name, why);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* Defaults for what the file left out, and what is asked of whole lists. */
static int settings_complete(settings_t *self, struct complaint *why)
{
    for (size_t i = 0; i < self->table->count; i++) {
        const struct setting *row = &self->table->rows[i];
        struct value *value = &self->values[i];
        if (!value->given && row->fallback == NULL) {
            char *limits = limits_text(row);
            int rc = complain(why, E_CONFIG, "%s: %s is missing and has no default; add it: %s",
                self->file, row->name, limits);
            free(limits);
            return rc;
        }
        if (value->given && row->type == SETTING_LIST && value->count < row->min) {
            char *limits = limits_text(row);
            int rc = complain(why, E_CONFIG, "%s: %s has %zu items; write %s", self->file,
                row->name, value->count, limits);
            free(limits);
            return rc;
        }
        if (!value->given && *row->fallback == '\0') {
            value->text = mem_text("");
        } else if (!value->given) {
            int rc = value_read(self, row, row->fallback, value);
            assert(rc == 0); /* a default outside its own limits is our bug */
        }
    }
    return 0;
}

static int settings_read(
    const struct setting_table *table, zpl_t *zpl, settings_t **out, struct complaint *why)
{
    settings_t *self = mem_new(1, sizeof *self);

    assert(table->count <= SETTINGS_OPTIONS_MAX);
    self->table = table;
    self->file = mem_text(zpl_name(zpl));
    self->values = mem_new(table->count, sizeof *self->values);
    int rc = section_read(self, zpl, zpl_root(zpl), "", why);
    if (rc == 0) {
        rc = settings_complete(self, why);
    }
    zpl_destroy(&zpl);
    if (rc != 0) {
        settings_destroy(&self);
        return rc;
    }
    *out = self;
    return 0;
}

int settings_load(
    const struct setting_table *table, const char *path, settings_t **out, struct complaint *why)
{
    zpl_t *zpl;

    int rc = zpl_load(path, SETTINGS_FILE_BYTES_MAX, &zpl, why);
    return rc != 0 ? rc : settings_read(table, zpl, out, why);
}

int settings_parse(const struct setting_table *table, const char *name, struct slice text,
    settings_t **out, struct complaint *why)
{
    zpl_t *zpl;

    int rc = zpl_parse(name, text, &zpl, why);
    return rc != 0 ? rc : settings_read(table, zpl, out, why);
}

void settings_destroy(settings_t **self_p)
{
    assert(self_p != NULL);
    settings_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->table->count; i++) {
        for (size_t j = 0; j < self->values[i].count; j++) {
            free(self->values[i].items[j]);
        }
        free(self->values[i].items);
        free(self->values[i].text);
    }
    free(self->values);
    free(self->file);
    free(self);
    *self_p = NULL;
}

/* ---- asking ------------------------------------------------------------------------------- */

static const struct value *value_of(const settings_t *self, const char *name, unsigned types)
{
    size_t index = row_of(self->table, name);

    assert(index < self->table->count);
    assert(types == 0 || (types >> self->table->rows[index].type & 1u) == 1);
    return &self->values[index];
}

const char *settings_text(const settings_t *self, const char *name)
{
    return value_of(self, name, 1u << SETTING_TEXT | 1u << SETTING_PATH)->text;
}

uint64_t settings_number(const settings_t *self, const char *name)
{
    return value_of(self, name, 1u << SETTING_UINT | 1u << SETTING_BYTES | 1u << SETTING_DURATION)
        ->number;
}

bool settings_flag(const settings_t *self, const char *name)
{
    return value_of(self, name, 1u << SETTING_BOOL)->number == 1;
}

size_t settings_list_count(const settings_t *self, const char *name)
{
    return value_of(self, name, 1u << SETTING_LIST)->count;
}

const char *settings_list_at(const settings_t *self, const char *name, size_t index)
{
    const struct value *value = value_of(self, name, 1u << SETTING_LIST);

    assert(index < value->count);
    return value->items[index];
}

bool settings_given(const settings_t *self, const char *name)
{
    return value_of(self, name, 0)->given;
}

const char *settings_file(const settings_t *self)
{
    return self->file;
}

/* ---- texts from the table ----------------------------------------------------------------- */

/* Words of text, wrapped at `width` columns, each line begun with `lead`. */
static void put_wrapped(struct buf *out, const char *lead, size_t width, const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (column != 0 && column + 1 + len > width) {
            buf_put_text(out, "\n");
            column = 0;
        }
        buf_put_text(out, "%s", column == 0 ? lead : " ");
        buf_put(out, text, len);
        column += len + (column == 0 ? strlen(lead) : 1);
        text += len;
        text += strspn(text, " ");
    }
    buf_put_text(out, "\n");
}

/* "TEXT Limits: LIMITS. Default: D." as one run of words, owned by the caller. */
static char *row_text(const struct setting *row)
{
    struct buf text = {0};

    buf_put_text(&text, "%s Takes ", row->text);
    put_limits(row, &text);
    if (row->fallback == NULL) {
        buf_put_text(&text, "; must be set.");
    } else if (*row->fallback == '\0') {
        buf_put_text(&text, "; may be left out.");
    } else {
        buf_put_text(&text, "; default %s.", row->fallback);
    }
    buf_put_u8(&text, 0);
    return (char *)text.data;
}

void settings_put_help(const struct setting_table *table, struct buf *out)
{
    for (size_t i = 0; i < table->count; i++) {
        char *text = row_text(&table->rows[i]);
        buf_put_text(out, "  %s\n", table->rows[i].name);
        put_wrapped(out, "      ", 92, text);
        free(text);
    }
}

/* mdoc: a backslash is written \e; a dot or apostrophe that would begin a line cannot occur, as each sentence begins
 * with a capital and stands in one line. */
static void put_mdoc(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            buf_put_text(out, "\\e");
        } else {
            buf_put(out, text, 1);
            if (*text == '.' && text[1] == ' ') {
                buf_put_text(out, "\n"); /* a sentence, a line */
                text++;
            }
        }
    }
    buf_put_text(out, "\n");
}

void settings_put_manual(const struct setting_table *table, struct buf *out)
{
    buf_put_text(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < table->count; i++) {
        char *text = row_text(&table->rows[i]);
        buf_put_text(out, ".It Ic %s\n", table->rows[i].name);
        put_mdoc(out, text);
        free(text);
    }
    buf_put_text(out, ".El\n");
}

static const char *example_of(const char *const *examples, const char *name)
{
    for (; examples != NULL && *examples != NULL; examples += 2) {
        if (strcmp(examples[0], name) == 0) {
            return examples[1];
        }
    }
    return NULL;
}

/* "section/name" stands under `section`, which is opened where the option before stood elsewhere. */
static void put_sample_row(
    const struct setting *row, const char *before, const char *example, struct buf *out)
{
    const char *slash = strchr(row->name, '/');
    size_t section = slash == NULL ? 0 : (size_t)(slash - row->name) + 1;
    const char *indent = slash == NULL ? "" : "    ";
    const char *value = example != NULL ? example : row->fallback;
    bool set = example != NULL || row->fallback == NULL;
    char *text = row_text(row);

    if (section != 0 && strncmp(before, row->name, section) != 0) {
        buf_put_text(out, "\n%.*s", (int)section - 1, row->name);
    }
    buf_put_text(out, "\n");
    put_wrapped(out, slash == NULL ? "# " : "    # ", 96, text);
    free(text);
    buf_put_text(out, "%s%s%s =", set ? "" : "#", indent, row->name + section);
    if (value != NULL && *value != '\0') {
        buf_put_text(out, " %s", value);
    }
    buf_put_text(out, "\n");
}

void settings_put_sample(
    const struct setting_table *table, const char *const *examples, struct buf *out)
{
    const char *before = "";

    buf_put_text(out,
        "# Configuration of %s (ZPL): `name = value`, four blanks a level, # begins a comment.\n"
        "# What stands behind a # is the default. Relative paths count from this file's folder.\n",
        table->program);
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->rows[i];
        put_sample_row(row, before, example_of(examples, row->name), out);
        before = row->name;
    }
}
