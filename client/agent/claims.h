/*
 * claims: does an acknowledgement say of each event what the broker says that it says? Its signature holds already.
 */
#ifndef WAYPOST_AGENT_CLAIMS_H
#define WAYPOST_AGENT_CLAIMS_H

#include "client/agent/agent_private.h"

struct claims {
    const Waypost__AckStatement *statement; /* lent */
    bool
        named; /* it names the entries that it is about, so that nothing rests on the broker's word (S-18a) */
    bool proven; /* ... and these events are among them */
};

/* 0; E_BUSY while own events are fetched and one of these is not here: it is asked for again when all are. */
int claims_read(agent_core_t *self, const Waypost__AckStatement *statement,
    const Waypost__AckEntry *entry, struct claims *out);
bool claims_bear_out(const struct claims *self, const Waypost__AckedEvent *event);
void claims_alarm(
    agent_core_t *self, const Waypost__AckEntry *entry, const Waypost__AckedEvent *event);

#endif
