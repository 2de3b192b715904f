/*
 * erase: the bodies of RECORD_ERASE_BEGUN (the demand is on disk; the bytes are destroyed next, and again after a crash) and of
 * RECORD_PAYLOAD_ERASED (one holder has destroyed them: the broker, or an agent by its signed word):
 *   u64 position, u64 leaf index, u32 index: the batch record and the event in it; 16 bytes event id
 *   u16 agent id length, agent id (who demands, or the holder; empty: the broker itself)
 *   u32 statement length, EraseStatement, 64 bytes signature; length 0 and no signature where the broker is the holder
 *   u16 number of streams, u32 each: begun: agents that must destroy their copy; erased: none
 *   u8 number of codes, 9 bytes each: erased: authorities that the holder speaks for; none for the broker
 *   u64 time at which the procedures folded it, 0 where they were off
 * Pure; reading answers E_CORRUPT for whatever does not hold.
 */
#ifndef WAYPOST_RECORD_ERASE_H
#define WAYPOST_RECORD_ERASE_H

#include "common/base/bytes.h"
#include "common/base/uuid.h"
#include "common/codec/limits.h"

enum { ERASE_STREAMS_MAX = 64, ERASE_CODES_MAX = 17 };

struct erase_body {
    uint64_t position;
    uint64_t leaf_index;
    uint32_t index;
    uint8_t event[UUID_BYTES];
    char agent[AGENT_ID_BYTES_MAX + 1];
    struct slice statement; /* lent */
    struct slice signature; /* lent; empty or 64 bytes */
    uint32_t stream_count;
    uint32_t streams[ERASE_STREAMS_MAX];
    uint32_t code_count;
    char codes[ERASE_CODES_MAX][CODE_BYTES + 1];
    int64_t folded_ms;
};

void erase_body_write(const struct erase_body *erase, struct buf *out);
int erase_body_read(struct slice body, struct erase_body *out); /* 0 or E_CORRUPT */

#endif
