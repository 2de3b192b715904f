/*
 * zpl: configuration files in ZPL (ZeroMQ Property Language, RFC 4/ZPL), read by czmq's zconfig behind a strict check.
 *
 * zconfig alone answers a bad line on standard output and forgets where a word stood; here every fault is a complaint
 * with file and line, and every item can be asked for its line. Files may hold secrets: what was read is wiped.
 *
 * Rules: UTF-8 without control characters, four blanks a level, at most one level deeper a line, `name`, `name = value`
 * or `name = "value"`, comments from #, lines of at most 1,000 bytes.
 */
#ifndef WAYPOST_BASE_ZPL_H
#define WAYPOST_BASE_ZPL_H

#include <stdbool.h>
#include <stddef.h>

#include <czmq.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

typedef struct zpl zpl_t;

/* A word that may stand in a section. */
struct zpl_word {
    const char *name;
    bool repeats; /* may stand more than once */
};

/* Read a file of at most bytes_max. 0, or E_NOT_FOUND, E_IO, E_TOO_LARGE, E_PERMISSION; E_CONFIG with file and line. */
int zpl_load(const char *path, size_t bytes_max, zpl_t **out, struct complaint *why);

/* The same from text; name stands in complaints. */
int zpl_parse(const char *name, struct slice text, zpl_t **out, struct complaint *why);

/* Wipes the values; leaves NULL. */
void zpl_destroy(zpl_t **self_p);

zconfig_t *zpl_root(const zpl_t *self);                /* lent; not to be changed */
const char *zpl_name(const zpl_t *self);               /* the file's path as given */
unsigned zpl_line(const zpl_t *self, zconfig_t *item); /* from 1; 0 for the root */

/* "FILE:LINE: " and the sentence into why; returns rc. */
int zpl_complain(const zpl_t *self, zconfig_t *item, struct complaint *why, int rc,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * Are the children of section all among words, and none given twice that may stand once? 0, or E_CONFIG with the
 * nearest word in why.
 */
int zpl_check(const zpl_t *self, zconfig_t *section, const struct zpl_word *words, size_t count,
    struct complaint *why);

/* The first child of that name, NULL where there is none; value "" where it has none. Lent. */
zconfig_t *zpl_child(zconfig_t *section, const char *name);
const char *zpl_text(zconfig_t *section, const char *name, const char *fallback);

#endif
