/*
 * keep: what an entry of the stream changes in the hub's tables. Called inside the frame's transaction
 * (client/agent/keeper.h); the same event, record or acknowledgement a second time changes nothing.
 */
#ifndef WAYPOST_HUB_KEEP_H
#define WAYPOST_HUB_KEEP_H

#include "client/agent/keeper.h"
#include "client/hub/tables.h"

void keep_event(
    struct hub_tables *self, const struct entry_row *entry, const struct kept_event *event);
void keep_record(
    struct hub_tables *self, const struct entry_row *entry, const struct kept_record *record);
void keep_ack(struct hub_tables *self, const struct entry_row *entry, const struct kept_ack *ack);
void keep_held(struct hub_tables *self, const struct entry_row *entry);

/* Inside a transaction, now and then: the feed is cut to HUB_FEED_ENTRIES where it has grown past that and the slack; what
 * has waited for more than eight days is counted by day, for more than sixty by thirty days. */
void keep_trim(struct hub_tables *self, int64_t now_ms);

enum hub_clock_state {
    HUB_CLOCK_RUNNING = 1,
    HUB_CLOCK_MET = 2,
    HUB_CLOCK_CANCELLED = 3,
    HUB_CLOCK_BREACHED = 4,
    HUB_CLOCK_BREACHED_ENDED = 5, /* and met or cancelled since */
    HUB_CLOCK_SUPERSEDED = 6
};

enum hub_feed_what { FEED_EVENT = 1, FEED_RECORD = 2, FEED_ACK = 3, FEED_HELD = 4 };

#endif
