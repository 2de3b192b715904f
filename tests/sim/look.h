/*
 * look: what only the broker's inside and its journal can tell. Apart from the rest, because broker
 * core and agent store use the same words for different things.
 */
#ifndef WAYPOST_TESTS_SIM_LOOK_H
#define WAYPOST_TESTS_SIM_LOOK_H

#include "broker/core/core.h"

/* Everything in the agent's stream is acknowledged, and every batch of its has its receipt. */
bool look_served(const core_t *core, const char *agent, struct buf *why);
bool look_quiet(const core_t *core);  /* nothing waits to be verified, judged or written */
size_t look_held(const core_t *core); /* entries that an operator has set aside */
void look_state(const core_t *core, struct buf *out); /* as a snapshot would hold it; appended */
int64_t look_deadline_ms(const core_t *core);  /* when the next one runs out, INT64_MAX for never */
uint64_t look_differences(const core_t *core); /* of engine and journal, at the last replay */

/* An event in the journal whose batch stands. */
struct look_event {
    const char *agent; /* who signed */
    uint64_t incarnation, sequence;
    uint64_t leaf;  /* of its batch */
    uint32_t index; /* in its batch */
    struct slice bytes;
};
/* Visit them in order; false where the journal cannot be read. */
bool look_events(journal_t *journal, void (*visit)(void *context, const struct look_event *event),
    void *context);

/* A deadline of the journal has run out so many days behind its date, whatever its hour. */
enum { LOOK_LONG_DAYS = 3 };

/* Were those told (ids, lent) that a breach in this transfer concerns? */
typedef bool look_tells_fn(void *context, const uint8_t *transfer, char *const *told, size_t count);

/*
 * Deadlines as the journal tells of them: each that was set and has long run out is recorded as
 * stopped or breached, no breach stands before its time, and each is told to whom tells() wants.
 * What does not hold is appended to why.
 */
void look_silence(
    journal_t *journal, int64_t now_ms, look_tells_fn *tells, void *context, struct buf *why);

/* The last date of a deadline that runs, as the journal tells of them; INT32_MIN where none does. */
int32_t look_last_due_day(journal_t *journal);

#endif
