/*
 * join: the small file with which an agent or broker joins a network: whom to believe, and where the broker is.
 *
 * Made by the registrar, handed over by any way, its fingerprint compared by telephone. It holds no secret. ZPL:
 *
 *     network = waypost-demo
 *     roots = HEX HEX HEX
 *     threshold = 2
 *     endpoints = tcp://broker.example:5670
 *     broker-curve = HEX
 *     broker-head = HEX
 */
#ifndef WAYPOST_REGISTER_JOIN_H
#define WAYPOST_REGISTER_JOIN_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/register/register.h"

enum {
    JOIN_ENDPOINTS_MAX = 8,
    JOIN_ENDPOINT_BYTES_MAX = 256,
    JOIN_FINGERPRINT_BYTES =
        50 /* ten groups of four hexadecimal digits, blanks between, and the terminator */
};

struct join {
    char network[NETWORK_NAME_BYTES_MAX + 1];
    size_t root_count; /* 1..9 */
    uint8_t roots[9][32];
    uint32_t threshold;    /* 1..root_count */
    size_t endpoint_count; /* 0 in a broker's own pin, else 1..8 */
    char endpoints[JOIN_ENDPOINTS_MAX][JOIN_ENDPOINT_BYTES_MAX + 1];
    bool has_broker; /* both keys are set */
    uint8_t broker_curve[32];
    uint8_t broker_head[32];
};

/* Read and check. 0, or E_NOT_FOUND, E_CONFIG... with file, line and what to do in why. out written on success only. */
int join_load(const char *path, struct join *out, struct complaint *why);

/* The same from text; name stands in complaints. */
int join_parse(const char *name, struct slice text, struct join *out, struct complaint *why);

/* The file's bytes, appended to out; join_parse() of them gives the same join. */
void join_put(const struct join *join, struct buf *out);

/* What two people compare: BLAKE2b over network, threshold and roots (sorted), broker keys. text of
 * JOIN_FINGERPRINT_BYTES. */
void join_fingerprint(const struct join *join, char *text);

/* The pin for register_load(); lends from join. */
void join_pin(const struct join *join, struct register_pin *out);

#endif
