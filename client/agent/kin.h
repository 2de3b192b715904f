/*
 * kin: the transfers that bear on one: those that share a child with it, those that share one with these, and so on. A child
 * is shared by its reference, or where an event says that two references are one child (subjects_linked). What the
 * procedures say of a transfer depends on nothing else (docs/PROCEDURES.md, section 5.1).
 */
#ifndef WAYPOST_AGENT_KIN_H
#define WAYPOST_AGENT_KIN_H

#include "client/agent/agent_private.h"

enum { KIN_LINK_KIND = 80 }; /* subjects_linked; the store's partial indexes say this number too */

/*
 * Ids of the transfers, 16 bytes each, appended: this one first.
 *   said   an event of this transfer that is not in the store yet, NULL for none
 * Reads the store; cannot fail.
 */
void kin_find(
    agent_core_t *self, const uint8_t *transfer, const struct event_view *said, struct buf *out);

#endif
