/*
 * settings: a program's options as ONE table; the parser, --help, the manual's list and the sample file come from it.
 *
 * The file is ZPL (common/base/zpl.h): `name = value` a line, four blanks a level, # begins a comment. An option named
 * "section/name" stands under `section`. Unknown names, values of the wrong form or out of range, a value given twice
 * and a required one missing stop the start: E_CONFIG with file, name, nearest word and limits. Never fatal.
 *
 * Forms of a value:
 *   text      as written; min .. max bytes
 *   path      as text; a relative one counts from the folder of the configuration file
 *   uint      decimal digits
 *   bytes     digits and an optional unit B, KiB, MiB, GiB:  64 MiB, 64MiB
 *   duration  digits and a unit ms, s, min, h, d:            3 s, 250ms
 *   list      items with blanks between them; the name may also be repeated, which adds; min .. max items
 *   bool      yes or no
 *
 *     static const struct setting table[] = {
 *         {"listen", SETTING_LIST, NULL, 1, 16, "endpoints", "Where agents connect."},
 *         {"handshake", SETTING_DURATION, "3 s", 1000, 30000, "", "Time a peer has for its handshake."},
 *     };
 *     const struct setting_table options = {"waypost-broker", table, sizeof table / sizeof table[0]};
 */
#ifndef WAYPOST_BASE_SETTINGS_H
#define WAYPOST_BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

enum {
    SETTINGS_FILE_BYTES_MAX = 262144, /* a configuration file; ours are a few KiB */
    SETTINGS_ITEMS_MAX = 256,         /* items of one list */
    SETTINGS_OPTIONS_MAX = 64         /* rows of one table */
};

enum setting_type {
    SETTING_TEXT,
    SETTING_PATH,
    SETTING_UINT,
    SETTING_BYTES,    /* number in bytes */
    SETTING_DURATION, /* number in milliseconds */
    SETTING_LIST,
    SETTING_BOOL
};

/* One option. Everything is static. */
struct setting {
    const char *name; /* "listen", "section/name": a-z, 0-9 and hyphen */
    enum setting_type type;
    const char *
        fallback; /* value where the file has none, in the form of the file; NULL: the file must have one;
                             "": may be absent (text, path, list) */
    uint64_t
        min; /* of the number (bytes, milliseconds), of the length in bytes, of the number of items */
    uint64_t max;
    const char *unit; /* what is counted, for a reader: "events", "connections", "" */
    const char *text; /* one or two sentences */
};

struct setting_table {
    const char *program;        /* "waypost-broker" */
    const struct setting *rows; /* lent for the life of every settings_t made from it */
    size_t count;
};

typedef struct settings settings_t;

/*
 * Read a configuration file against a table.
 *
 * Returns 0; E_NOT_FOUND, E_TOO_LARGE, E_IO, E_PERMISSION (the file cannot be read), E_CONFIG (what it says cannot be
 * used) with a sentence in why. *out is written on success only.
 */
int settings_load(
    const struct setting_table *table, const char *path, settings_t **out, struct complaint *why);

/* The same from text. name: the file's name for complaints and for relative paths ("dir/file"; no slash: as they
 * are). */
int settings_parse(const struct setting_table *table, const char *name, struct slice text,
    settings_t **out, struct complaint *why);

void settings_destroy(settings_t **self_p);

/* Values by name; asking for a name that is not in the table, or in another type, is a bug (assert). */
const char *settings_text(
    const settings_t *self, const char *name); /* TEXT, PATH; lent; "" where absent */
uint64_t settings_number(const settings_t *self, const char *name); /* UINT, BYTES, DURATION (ms) */
bool settings_flag(const settings_t *self, const char *name);       /* BOOL */
size_t settings_list_count(const settings_t *self, const char *name); /* LIST */
const char *settings_list_at(
    const settings_t *self, const char *name, size_t index);   /* LIST; lent */
bool settings_given(const settings_t *self, const char *name); /* the file names it */
const char *settings_file(const settings_t *self);             /* name of the file, lent */

/* Texts from the table, appended to out. */
void settings_put_help(const struct setting_table *table, struct buf *out); /* for --help */
void settings_put_manual(
    const struct setting_table *table, struct buf *out); /* mdoc .It list, for the .5 page */

/* A ZPL file: each option with its text, limits and default as a comment. examples: name, value, name, value, ... NULL:
 * what the sample sets for options without a default, and for others instead of it; lent; may be NULL. */
void settings_put_sample(
    const struct setting_table *table, const char *const *examples, struct buf *out);

#endif
