/*
 * journal_bundle: a bundle of one transfer (docs/EVIDENCE.md, section 4) made from the journal itself, by whoever has it: all
 * parties' events, every acknowledgement and everything that the broker derived, each proven in the journal's last head.
 */
#ifndef WAYPOST_REPLAY_JOURNAL_BUNDLE_H
#define WAYPOST_REPLAY_JOURNAL_BUNDLE_H

#include "common/crypto/keys.h"
#include "common/journal/journal.h"

struct journal_bundle {
    uint64_t events, acknowledgements, records; /* in the bundle */
};

/*
 * Walk and verify the whole journal, and write the bundle. Takes 32 bytes of memory a record of the journal.
 *
 *   transfer   16 bytes, lent
 *   maker      of an agent that the journal's last register names; they sign the end
 *   made_ms    wall clock
 *   out        appended
 *
 * Returns 0; E_NOT_FOUND where the journal has no event of the transfer, E_KEY where the register does not name the maker,
 * E_TOO_LARGE for a bundle above BUNDLE_BYTES_MAX, or what journal_verify() finds, with what to do in why.
 */
int journal_bundle_make(const struct disk *disk, const uint8_t *transfer, const struct keys *maker,
    int64_t made_ms, struct buf *out, struct journal_bundle *counts, struct complaint *why);

#endif
