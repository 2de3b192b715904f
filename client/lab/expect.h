/*
 * expect: does an expectation hold now?
 */
#ifndef WAYPOST_LAB_EXPECT_H
#define WAYPOST_LAB_EXPECT_H

#include "client/lab/network.h"

/*
 * Ask the network. got receives what was found instead where it does not hold (appended; one line).
 */
bool expect_holds(const scenario_t *scenario, const struct rehearsal_network *network,
    const struct statement *statement, struct buf *got);

#endif
