/*
 * ack: the body of RECORD_ACK, an agent's signed acknowledgement as the broker keeps it. Pure.
 */
#ifndef WAYPOST_RECORD_ACK_H
#define WAYPOST_RECORD_ACK_H

#include "common/base/bytes.h"
#include "common/codec/limits.h"

struct ack_body {
    struct slice statement; /* exact bytes of an AckStatement, lent */
    struct slice signature; /* 64 bytes, lent */
    char agent[AGENT_ID_BYTES_MAX + 1];
};

int ack_body_read(struct slice body, struct ack_body *out); /* 0 or E_CORRUPT */
void ack_body_write(const struct ack_body *ack, struct buf *out);

#endif
