/*
 * scenario_words: one line of a scenario into words. Pure.
 *
 * Words are separated by blanks; # begins a comment outside quotes; key=value; a value with blanks
 * is "quoted".
 */
#ifndef WAYPOST_LAB_SCENARIO_WORDS_H
#define WAYPOST_LAB_SCENARIO_WORDS_H

#include "client/lab/shelf.h"
#include "client/lab/limits.h"
#include "common/base/err.h"

struct word {
    const char *key;  /* NULL for a word without "=" outside quotes */
    const char *text; /* the value, or the word itself; quotes taken off */
    bool quoted;
};

struct words {
    size_t count;
    struct word at[SCENARIO_LINE_WORDS_MAX];
    const char *line; /* as written, without comment and blanks around it; in the shelf */
};

/* Cut one line. Words lie in the shelf. 0; E_UTF8, E_MALFORMED (a quote is open), E_TOO_LARGE. */
int words_cut(shelf_t *shelf, struct slice line, struct words *out, struct complaint *why);

/*
 * Items of a list a,b,c, each into out (in the shelf); E_FACT_VALUE where one is empty,
 * E_TOO_LARGE.
 */
int words_split(shelf_t *shelf, const char *list, const char **out, size_t max, size_t *count,
    struct complaint *why);

#endif
