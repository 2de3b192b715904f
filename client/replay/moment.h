/*
 * moment: a point in a journal, as a person names it: the number of an entry, or a time.
 */
#ifndef WAYPOST_REPLAY_MOMENT_H
#define WAYPOST_REPLAY_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

struct journal_moment {
    bool given;     /* false: the end of the journal */
    bool by_time;   /* at_ms counts, else entry */
    uint64_t entry; /* up to and with this leaf */
    int64_t
        at_ms; /* up to the first record that was recorded later, milliseconds since the epoch */
};

/*
 * "1234", "2026-05-03T09:14" (London time unless it says otherwise) or "2026-05-03" (its end). 0, or E_DATE with a
 * sentence; written on success only.
 */
int moment_parse(const char *text, struct journal_moment *out, struct complaint *why);

/*
 * Split "PATH@MOMENT" at its last "@", where what follows is a moment and no file of the whole name is there. path is
 * malloc'd. 0, or E_DATE where something follows the "@" that is none.
 */
int moment_split(const char *text, char **path, struct journal_moment *out, struct complaint *why);

/* Does a record with this number and time belong to the journal as it was then? */
bool moment_reached(const struct journal_moment *self, uint64_t entry, int64_t recorded_ms);

#endif
