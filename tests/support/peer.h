/*
 * peer: a bare agent for tests: one CURVE DEALER that says frames as it is told and knows nothing else. It never
 * judges; the test that uses it does.
 */
#ifndef WAYPOST_TESTS_PEER_H
#define WAYPOST_TESTS_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codec/frame.h"
#include "common/crypto/keys.h"

struct peer {
    void *context; /* lent */
    void *socket;
    void *monitor;
    arena_t *arena;          /* frames heard live here until the next */
    const char *network;     /* lent */
    const struct keys *keys; /* lent; NULL for a peer without CURVE */
    uint64_t incarnation;
    uint8_t last_id[16];       /* event ids rise */
    uint64_t register_version; /* from WELCOME */
    uint64_t frames_in;        /* of any kind */
    uint64_t refused;          /* of them REFUSED */
    uint32_t last_code;        /* of the last REFUSED */
};

/* Where to connect and whom to expect. Lent for the call. */
struct peer_target {
    const char *endpoint;
    const uint8_t *server_key; /* 32 bytes, NULL for no CURVE at all */
    const char *routing_id;    /* NULL for none, as agents have it */
};

/* Connect; not a word is said yet. */
void peer_open(struct peer *self, void *context, const char *network, const struct keys *keys,
    const struct peer_target *target);
void peer_close(struct peer *self);

bool peer_say(struct peer *self, Waypost__Frame *frame); /* false where the pipe is full */
bool peer_say_raw(struct peer *self, struct slice bytes);

/* The next frame within wait_ms, NULL where none comes; lives until the next call. */
Waypost__Frame *peer_hear(struct peer *self, int wait_ms);

/* Hear until a frame of that kind comes; others are counted. NULL where none does in time. */
Waypost__Frame *peer_hear_kind(struct peer *self, Waypost__Frame__BodyCase kind, int wait_ms);

/* HELLO as `agent`; false where the pipe is full. */
bool peer_say_hello(struct peer *self, const char *agent, uint32_t credit_events);

/* The same, and true where WELCOME comes. */
bool peer_hello(struct peer *self, const char *agent, uint32_t credit_events, int wait_ms);

/* The first thing that happens to the connection: "accepted", "refused" (an answer of the doorkeeper), "cut",
 * "silence". */
const char *peer_fate(struct peer *self, int wait_ms);

/* The bytes of a PUBLISH with one good, signed event of that sequence. 0 or why it cannot be built. */
int peer_publish_bytes(struct peer *self, uint64_t sequence, const char *from, const char *to,
    struct buf *out, struct complaint *why);

int64_t peer_now_ms(void); /* monotonic */

#endif
