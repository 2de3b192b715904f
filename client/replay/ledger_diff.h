/*
 * ledger_diff: where two ledgers say something else, in words. Pure.
 */
#ifndef WAYPOST_REPLAY_LEDGER_DIFF_H
#define WAYPOST_REPLAY_LEDGER_DIFF_H

#include "client/replay/ledger.h"

enum { LEDGER_DIFFERENCE_TEXT_BYTES = 256 };

struct ledger_difference {
    const char *what; /* "transfer", "event", "owner", "clock" */
    bool has_transfer, has_subject, has_event;
    uint8_t transfer[UUID_BYTES], subject[UUID_BYTES], event[UUID_BYTES];
    char id[8];    /* of a clock, "" for others */
    const char *a; /* what the first says, "" where it knows nothing of it; lent for the call */
    const char *b;
};

/* Visit every difference, sorted by kind of thing and id. Returns how many there are. */
uint64_t ledger_diff(const ledger_t *a, const ledger_t *b,
    void (*visit)(void *context, const struct ledger_difference *difference), void *context);

/* "effective", "refused R28,R29; E09000007 opened 2026-05-03T08:00:00.000Z": an event in a line. text of
 * LEDGER_DIFFERENCE_TEXT_BYTES; returned. */
const char *ledger_event_text(const struct ledger_event *event, char *text);
/* "running, due 2026-05-29, binds E09000007"; the same. */
const char *ledger_clock_text(const struct ledger_clock *clock, char *text);

#endif
