/*
 * state_print: a ledger as a person reads it, and as JSON.
 */
#ifndef WAYPOST_CLI_STATE_PRINT_H
#define WAYPOST_CLI_STATE_PRINT_H

#include "client/cli/reading.h"

/* What of the ledger is wanted. */
struct state_filter {
    const uint8_t *transfer; /* 16 bytes, NULL for all */
    const char *authority;   /* code: that is a party, holds a case or is bound; NULL for all */
};

/* How many transfers there are within the filter. */
size_t state_transfers(const ledger_t *ledger, const struct state_filter *filter);

/* A table of transfers, one line each. */
void state_print_overview(struct cli *cli, const struct reading *reading, const ledger_t *ledger,
    const struct state_filter *filter);

/* Each transfer at length: duties, events, clocks. engine: for the duties that no record names; NULL for none. */
void state_print_transfers(struct cli *cli, const struct reading *reading, const ledger_t *ledger,
    const struct state_filter *filter, const engine_t *engine);

/* The same as an array; details: with events, clocks and duties. New reference. */
json_t *state_json(const ledger_t *ledger, const struct state_filter *filter, bool details,
    const engine_t *engine);

/* Counts of events by verdict and clocks by state, open ones first. New reference. */
json_t *state_counts_json(const ledger_t *ledger);
/* waiting: what an event without a verdict is called, "waiting". */
void state_print_counts(struct cli *cli, const ledger_t *ledger, const char *waiting);

#endif
