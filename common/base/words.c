/* words: see words.h. */
#include "common/base/words.h"

#include <string.h>

#include "common/base/err.h"

#include "common/base/banned.h"

enum { WORD_BYTES_MAX = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance; both words at most WORD_BYTES_MAX long. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_BYTES_MAX + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *now = rows[2];
    size_t len_a = strlen(a);
    size_t len_b = strlen(b);

    for (size_t j = 0; j <= len_b; j++) {
        last[j] = j;
        before[j] = 0;
    }
    for (size_t i = 1; i <= len_a; i++) {
        now[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            now[j] = least(least(now[j - 1] + 1, last[j] + 1), last[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = least(now[j], before[j - 2] + 1);
            }
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[len_b];
}

const char *words_nearest(
    const char *word, const char *(*word_at)(const void *known, size_t index), const void *known)
{
    const char *best = NULL;
    size_t len = strlen(word);
    size_t allowed = len / 3 < 2 ? 2 : len / 3;
    const char *candidate;

    if (len > WORD_BYTES_MAX) {
        return NULL;
    }
    for (size_t i = 0; (candidate = word_at(known, i)) != NULL; i++) {
        if (strlen(candidate) > WORD_BYTES_MAX) {
            continue;
        }
        size_t edits = distance(word, candidate);
        if (edits < strlen(candidate) && (best == NULL ? edits <= allowed : edits < allowed)) {
            best = candidate;
            allowed = edits;
        }
    }
    return best;
}

struct word_array {
    const char *const *words;
    size_t count;
};

static const char *array_at(const void *known, size_t index)
{
    const struct word_array *array = known;

    return index < array->count ? array->words[index] : NULL;
}

const char *words_nearest_of(const char *word, const char *const *known, size_t count)
{
    struct word_array array = {known, count};

    return words_nearest(word, array_at, &array);
}

int text_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (*text == '\0') {
        return E_MALFORMED;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return E_MALFORMED;
        }
        unsigned digit = (unsigned)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return E_RANGE;
        }
        value = value * 10 + digit;
    }
    if (value < min || value > max) {
        return E_RANGE;
    }
    *out = value;
    return 0;
}
