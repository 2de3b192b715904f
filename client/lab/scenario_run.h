/*
 * scenario_run: play a scenario on a virtual clock over a network in memory, and ask after each
 * step what it expects.
 */
#ifndef WAYPOST_LAB_SCENARIO_RUN_H
#define WAYPOST_LAB_SCENARIO_RUN_H

#include <jansson.h>

#include "client/lab/data_files.h"
#include "client/lab/network.h"
#include "client/lab/scenario.h"

/* What a run tells while it goes. Any of the functions may be NULL. */
struct run_watcher {
    void *context;
    /* A statement has been carried out; its time is statement->now_ms. */
    void (*step)(void *context, const scenario_t *scenario, const struct statement *statement,
        const struct rehearsal_network *network);
    /* An expectation failed: "FILE:LINE: expected ... got ...", without a newline. */
    void (*failed)(void *context, const struct statement *statement, const char *text);
    bool keep_records; /* step() asks for records */
};

struct run_result {
    uint32_t passed;  /* expectations that held */
    uint32_t failed;  /* and did not */
    struct hash hash; /* of the broker's state at the end */
    uint32_t events;  /* accepted */
};

/*
 * Run. Returns 0, or E_STATE where a statement cannot be carried out (opening what is not there),
 * with line and sentence. R01 is checked after every step, whether the file asks or not; a
 * violation counts as a failed expectation.
 */
int scenario_run(const scenario_t *scenario, const struct run_watcher *watcher,
    struct run_result *out, uint32_t *line, struct complaint *why);

/*
 * The same among real cores (network_cores.h) in place of the model. data: what the scenario was read with. E_STATE also
 * where a core says no to what the scenario needs.
 */
int scenario_run_cores(const scenario_t *scenario, const data_files_t *data,
    const struct run_watcher *watcher, struct run_result *out, uint32_t *line,
    struct complaint *why);

/* The same over a network that the caller has made and will destroy. Lent. */
int scenario_play(const scenario_t *scenario, const struct rehearsal_network *network,
    const struct run_watcher *watcher, struct run_result *out, uint32_t *line,
    struct complaint *why);

#endif
