/*
 * story: what a journal holds, told in the words of docs/SCENARIOS.md, so that it can be rehearsed, changed and kept as
 * a test: who sent what when, who was away, who opened it, and after each event the verdict that was recorded.
 */
#ifndef WAYPOST_REPLAY_STORY_H
#define WAYPOST_REPLAY_STORY_H

#include "client/replay/items.h"

struct story_counts {
    uint64_t events, openings, expectations;
    uint64_t unknown; /* events of kinds that this catalogue does not know: left out */
};

/*
 * Write the text of a scenario, appended to out. What is sealed is not in it, nor what a filter leaves out. Returns 0,
 * or what items_read() and source_walk() return: what is whole before it has been told.
 */
int story_write(source_t *source, const struct item_filter *filter, struct buf *out,
    struct story_counts *counts, struct complaint *why);

#endif
