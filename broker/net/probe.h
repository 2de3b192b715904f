/*
 * probe: does what a promise needs still work, while nobody asks for one? A statement is signed with the head key,
 * written into a file of its own beside the journal, synced, read back and verified: what a commit does, without one. An
 * idle broker probes every NET_PROBE_MS, so that its health is something seen and not something assumed.
 *
 * The file keeps its size: a full disk does not fail it, a broken one does. It holds nothing that is needed.
 */
#ifndef WAYPOST_BROKER_NET_PROBE_H
#define WAYPOST_BROKER_NET_PROBE_H

#include "common/base/world.h"
#include "common/crypto/keys.h"
#include "common/journal/disk.h"

#define PROBE_FILE "probe"

/* Everything lent for the life of the broker. */
struct probe {
    const struct disk *disk;
    const struct keys *keys;
    const struct world *world;
};

/* now_ms: wall time, for the statement. Any one thread. 0; E_IO, E_FULL, E_PERMISSION of the disk; E_CORRUPT where other
 * bytes come back. */
int probe_run(const struct probe *self, int64_t now_ms);

#endif
