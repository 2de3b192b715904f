/*
 * words: the nearest known word for a typo, and numbers from text. Pure.
 */
#ifndef WAYPOST_BASE_WORDS_H
#define WAYPOST_BASE_WORDS_H

#include <stddef.h>
#include <stdint.h>

/*
 * The word of `known` that is nearest to `word` by edits (insert, delete, replace, swap of neighbours), or
 * NULL where none is within a third of its length (at least 2). `known` is read through `word_at`, which
 * returns NULL at the end; a tie goes to the first.
 */
const char *words_nearest(
    const char *word, const char *(*word_at)(const void *known, size_t index), const void *known);

/* The same over an array of count words. */
const char *words_nearest_of(const char *word, const char *const *known, size_t count);

/* Decimal digits only, within min .. max. Returns 0, E_MALFORMED or E_RANGE. */
int text_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out);

#endif
