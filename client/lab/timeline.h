/*
 * timeline: a rehearsal as a person reads it, or as JSON lines: time, who, what, verdict, clocks.
 */
#ifndef WAYPOST_LAB_TIMELINE_H
#define WAYPOST_LAB_TIMELINE_H

#include <stdio.h>

#include "client/lab/data_files.h"
#include "client/lab/scenario_run.h"

struct timeline {
    FILE *out;                  /* lent */
    const data_files_t *data;   /* lent */
    const procedures_t *tables; /* of the scenario; lent */
    bool json;
    size_t seen; /* records of the broker printed */
    int32_t day; /* of the last line printed */
};

/* The title line of a scenario. */
void timeline_begin(struct timeline *self, const scenario_t *scenario);

/*
 * What a statement did: to be called from run_watcher.step with keep_records set. Expectations
 * print nothing.
 */
void timeline_step(struct timeline *self, const scenario_t *scenario,
    const struct statement *statement, const struct rehearsal_network *network);

#endif
