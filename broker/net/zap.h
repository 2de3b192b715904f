/*
 * zap: the doorkeeper. A thread of its own answers ZeroMQ's authentication requests (RFC 27/ZAP) from a table in
 * memory, so that a busy broker does not slow handshakes and handshakes do not slow the broker, and counts connections
 * by what the listener's monitor tells. It does no I/O and shares nothing: a new table is handed over whole.
 *
 * Without a handler libzmq accepts every key; so zap_open() comes before any listener, and the process ends (fatal)
 * where the thread can no longer answer. Until it is given a table it says "not ready" and peers come again.
 */
#ifndef WAYPOST_BROKER_NET_ZAP_H
#define WAYPOST_BROKER_NET_ZAP_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/net/zap_table.h"
#include "common/base/err.h"
#include "common/base/world.h"

#define ZAP_DOMAIN "waypost"

enum { USER_ID_BYTES = 65 }; /* 64 hexadecimal digits of the CURVE key, and the terminator */

/* X(name, counter name, what the operator should do) beside one for each zap_answer */
#define DOOR_COUNTERS(X)                                                                           \
    X(DOOR_OPENED, "connections_opened", "TCP connections taken. Nothing to do.")                  \
    X(DOOR_CLOSED, "connections_closed", "And ended. Nothing to do.")                              \
    X(DOOR_ACCEPT_FAILED, "connections_accept_failed",                                             \
        "Connections that could not be taken: out of descriptors. Raise LimitNOFILE.")             \
    X(DOOR_HANDSHAKE_FAILED, "handshakes_failed",                                                  \
        "Connections without a proven key. Rising fast: a flood; use the firewall.")

enum door_counter {
#define DOOR_ENUM(name, counter, text) name,
    DOOR_COUNTERS(DOOR_ENUM)
#undef DOOR_ENUM
        DOOR_COUNTER_COUNT
};

const char *door_counter_name(enum door_counter counter); /* static */
const char *door_counter_text(enum door_counter counter); /* what the operator should do; static */

struct zap_counts {
    uint64_t answers[ZAP_ANSWER_COUNT];
    uint64_t door[DOOR_COUNTER_COUNT];
};

typedef struct zap zap_t;

/*
 * Bind inproc://zeromq.zap.01 in this context and start the thread.
 *
 *   world            lent for its life; must be good for another thread
 *   connections_max  open connections above which handshakes are answered "come again"
 *
 * Returns 0; E_EXISTS where a handler is bound already, E_IO where sockets or threads are short, with why.
 */
int zap_open(void *context, const struct world *world, uint64_t connections_max, zap_t **out,
    struct complaint *why);

/* End the thread and unbind. The listener must be closed before: afterwards every key would be let in. */
void zap_destroy(zap_t **self_p);

/* A new table, taken; it is in force when this returns. */
void zap_allow(zap_t *self, zap_table_t **table_p);

/* Begin to count connections: the endpoint of a zmq_socket_monitor. */
void zap_watch(zap_t *self, const char *monitor_endpoint);

/* Stop reading the monitor: after it was stopped, as a monitor that nobody reads can block libzmq. */
void zap_unwatch(zap_t *self);

void zap_counts(zap_t *self, struct zap_counts *out);

/* Is there a handler, and does it answer? Asks it; waits at most ZAP_PROBE_MS. */
bool zap_answers(void *context);

#endif
