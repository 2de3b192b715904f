/*
 * alarm_book: the alarms that are up, in memory: for a program that finds out about its states anew at every start. An
 * agent keeps its own in its database instead. Pure; names are those of the table (asserted).
 */
#ifndef WAYPOST_ALARM_BOOK_H
#define WAYPOST_ALARM_BOOK_H

#include <stdint.h>

#include "common/alarm/alarm_table.h"

/* One that is up. */
struct alarm {
    char name[ALARM_NAME_BYTES];
    char text[ALARM_TEXT_BYTES];
    char owner[ALARM_OWNER_BYTES]; /* who has taken it on, "" for nobody */
    int64_t since_ms;              /* wall time of its raising */
    int64_t told_ms;               /* wall time of its last telling, 0 for never */
    uint32_t told;                 /* how often */
};

/* Is it to be told now? Nobody has taken it on, and it was not told for repeat_ms. Also where the clock was set back. */
bool alarm_due(const struct alarm *alarm, int64_t now_ms, int64_t repeat_ms);

typedef struct alarm_book alarm_book_t;

alarm_book_t *alarm_book_new(void);
void alarm_book_destroy(alarm_book_t **self_p);

/* Raise, or say something else of one that is up: then nobody has taken that on. True where there is news. */
bool alarm_book_raise(alarm_book_t *self, const char *name, const char *text, int64_t now_ms);
bool alarm_book_clear(alarm_book_t *self, const char *name); /* true where it was up */
/* Somebody takes it on; one that tells of what happened once is gone then. False where it is not up. */
bool alarm_book_own(alarm_book_t *self, const char *name, const char *owner);
void alarm_book_told(alarm_book_t *self, const char *name, int64_t told_ms); /* counts it */

size_t alarm_book_count(const alarm_book_t *self);
const struct alarm *alarm_book_at(const alarm_book_t *self, size_t index); /* oldest first; lent */
const struct alarm *alarm_book_find(const alarm_book_t *self, const char *name); /* NULL; lent */

/* May this stand as an owner: a role or team in letters, digits, blank, hyphen, dot, underscore, 1 to 64 bytes? */
bool alarm_owner_good(const char *owner);

#endif
