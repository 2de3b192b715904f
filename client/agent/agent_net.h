/*
 * agent_net: the connection to the broker: one DEALER with CURVE, made anew for every attempt, and
 * its monitor. It belongs to one thread. It knows frames as bytes only.
 */
#ifndef WAYPOST_AGENT_NET_H
#define WAYPOST_AGENT_NET_H

#include <stdbool.h>

#include "client/agent/agent_core.h"

typedef struct agent_net agent_net_t;

/* endpoints and the key of the broker (32 bytes) are lent for the life of it. 0, or E_STATE where the installed libzmq
 * cannot do what is needed, with what to install. */
int agent_net_new(const char *const *endpoints, size_t endpoint_count, const uint8_t *broker_curve,
    agent_net_t **out, struct complaint *why);
void agent_net_destroy(agent_net_t **self_p); /* waits up to a second for what was sent */

/* Connect to the next endpoint. A failure to even begin is told by agent_net_events() as a
 * disconnection. */
void agent_net_connect(agent_net_t *self, const struct keys *keys);
void agent_net_disconnect(agent_net_t *self);
int agent_net_send(agent_net_t *self, struct slice frame); /* 0, E_UNREACHABLE, E_BUSY */

/* For zmq_poll(); NULL while there is no connection. */
void *agent_net_socket(const agent_net_t *self);
void *agent_net_monitor(const agent_net_t *self);

/* Take what is there, at most AGENT_DRAIN_FRAMES, and hand it to the core. True where more may
 * be there. */
bool agent_net_receive(agent_net_t *self, agent_core_t *core);
void agent_net_events(agent_net_t *self, agent_core_t *core);

#endif
