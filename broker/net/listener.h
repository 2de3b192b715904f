/*
 * listener: the one ROUTER socket, with every option that it has set here, and what was set read back before the first
 * bind. No other place makes a socket that peers can reach.
 *
 * It refuses to bind where one option reads back differently, where CURVE is not on, or where no authentication handler
 * answers: each of these would let strangers in or lose messages in silence.
 */
#ifndef WAYPOST_BROKER_NET_LISTENER_H
#define WAYPOST_BROKER_NET_LISTENER_H

#include <stdint.h>

#include "broker/net/limits.h"
#include "common/base/err.h"

struct listener_options {
    const uint8_t *curve_public; /* 32 bytes, lent for the call, as all here */
    const uint8_t *curve_secret; /* 32 bytes */
    uint32_t handshake_ms;
};

/* Make the socket and set it up; not bound. Returns 0; E_STATE with the option's name where one does not read back. */
int listener_open(
    void *context, const struct listener_options *options, void **out, struct complaint *why);

/* Bind; the endpoint as it really is (a port * is a number then) into bound, of NET_ENDPOINT_BYTES_MAX. E_STATE where
 * the socket is not one that may be bound, E_IO where the system refuses, with what to do. */
int listener_bind(
    void *context, void *socket, const char *endpoint, char *bound, struct complaint *why);

/* Close; what waits is given linger_ms. NULL is allowed. */
void listener_close(void **socket_p, int linger_ms);

#endif
