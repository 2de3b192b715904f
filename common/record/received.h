/*
 * received: which events an acknowledgement names (docs/PROTOCOL.md, S-18a). A statement names the entries received_after + 1
 * .. upto by a Merkle tree over their running hashes: whoever is told of some of them gets what leads to its root, and learns
 * nothing of the others. Pure; for broker, agents and tools alike.
 */
#ifndef WAYPOST_RECORD_RECEIVED_H
#define WAYPOST_RECORD_RECEIVED_H

#include "common/crypto/hash.h"
#include "waypost.pb-c.h"

/* The statement says which entries it is about; older ones, and those about no event, do not. */
static inline bool received_named(const Waypost__AckStatement *said)
{
    return said->has_received_after;
}

/*
 * Does the signed statement name these events at levels 1 and 3 (persisted, fault), each with its time and its fault?
 *
 *   said    its received_after is set
 *   entry   what the broker says that it covers
 *   leaves  leaf of each event of `entry` (B-1), by its place; those of other levels are not looked at
 *
 * Returns 0, also where there is none of those levels; E_CORRUPT where one of them is not what was signed.
 */
int received_check(
    const Waypost__AckStatement *said, const Waypost__AckEntry *entry, const struct hash *leaves);

#endif
