/*
 * parcel: entries of a stream on their way into a frame, batches named once: what delivery.c sends and past.c sends again.
 */
#ifndef WAYPOST_BROKER_CORE_PARCEL_H
#define WAYPOST_BROKER_CORE_PARCEL_H

#include "broker/core/core_internal.h"

enum { FRAME_BATCHES_MAX = 256 };

/* Fields 3 (batches) and 4 (entries) of a DELIVER or a PAST under construction. */
struct parcel {
    core_t *core;
    struct stream *stream;
    const struct register_agent *agent; /* NULL: skimming, nothing is written */
    struct buf *entries, *batches;
    uint64_t positions[FRAME_BATCHES_MAX];
    uint32_t batch_count;
    struct hash running; /* of the last entry */
    size_t *allowance;   /* bytes of batches that may still be read from the disk; NULL: no limit */
    bool waits;          /* it was used up: the entry at hand goes in the next pass */
};

void parcel_begin(core_t *core, struct stream *stream, struct parcel *self);
/* Add one entry; item is what the running hash takes. 0, E_BUSY (waits),
 * or E_IO where the journal cannot be read there. */
int parcel_entry(struct parcel *self, const struct entry *entry, bool write, struct sent *sent,
    struct hash *item);
/* The same for an entry of type ENTRY_ACK alone (parcel_ack.c). */
int parcel_ack(struct parcel *self, const struct entry *entry, bool write, struct sent *sent,
    struct hash *item);
size_t parcel_bytes(const struct parcel *self);
bool parcel_full(const struct parcel *self); /* no more in this frame */

#endif
