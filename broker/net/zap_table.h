/*
 * zap_table: which CURVE keys may connect, and how often. Pure: the clocks are handed in.
 *
 * Work for a decision does not depend on how many keys there are or which one asks: an open-addressed table at most
 * half full, hashed with a secret drawn at the start.
 */
#ifndef WAYPOST_BROKER_NET_ZAP_TABLE_H
#define WAYPOST_BROKER_NET_ZAP_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/register/register.h"

/* X(name, status as in RFC 27/ZAP, text of the answer and of the log, counter name, what the operator should do) */
#define ZAP_ANSWERS(X)                                                                             \
    X(ZAP_ACCEPTED, 200, "OK", "handshakes_accepted", "Keys let in. Nothing to do.")               \
    X(ZAP_UNKNOWN, 400, "the key is not in the register", "handshakes_unknown_key",                \
        "Keys that the register does not have: a stranger, or a card that was not put in.")        \
    X(ZAP_EARLY, 400, "the key is not valid yet", "handshakes_early_key",                          \
        "Keys before their `from`. Wait, or correct the register.")                                \
    X(ZAP_EXPIRED, 400, "the key is no longer valid", "handshakes_expired_key",                    \
        "Keys after their `to`. That agent needs new keys.")                                       \
    X(ZAP_REVOKED, 400, "the key has been revoked", "handshakes_revoked_key",                      \
        "Revoked keys that try. Find out who has them.")                                           \
    X(ZAP_MECHANISM, 400, "only CURVE is spoken here", "handshakes_other_mechanism",               \
        "Something that is not an agent. Use the firewall.")                                       \
    X(ZAP_NOT_READY, 300, "not ready yet", "handshakes_not_ready",                                 \
        "Came while the broker was starting; they come again. Nothing to do.")                     \
    X(ZAP_TOO_OFTEN, 300, "too many handshakes with one key", "handshakes_too_often",              \
        "One key connects again and again. Look at that agent.")                                   \
    X(ZAP_CROWDED, 300, "too many connections", "handshakes_crowded",                              \
        "More connections than `connections-max`. Raise it, or use the firewall.")                 \
    X(ZAP_PROBED, 400, "a probe of our own", "handshakes_probed",                                  \
        "The broker's own probe at its start. Nothing to do.")

enum zap_answer {
#define ZAP_ENUM(name, status, text, counter, advice) name,
    ZAP_ANSWERS(ZAP_ENUM)
#undef ZAP_ENUM
        ZAP_ANSWER_COUNT
};

int zap_answer_status(enum zap_answer answer);          /* 200, 300 or 400 */
const char *zap_answer_text(enum zap_answer answer);    /* static */
const char *zap_answer_counter(enum zap_answer answer); /* static */
const char *zap_answer_advice(enum zap_answer answer);  /* what the operator should do; static */

/* A key that may connect at some time. */
struct zap_key {
    uint8_t key[32];
    int64_t from_ms;
    int64_t to_ms;      /* INT64_MAX for no end */
    int64_t revoked_ms; /* INT64_MAX for never; the agent's own revocation where that is earlier */
};

typedef struct zap_table zap_table_t;

/* Copies. count at most ZAP_KEYS_MAX. */
zap_table_t *zap_table_new(const struct zap_key *keys, size_t count);
zap_table_t *zap_table_of(const register_t *book); /* every CURVE key of every agent */
void zap_table_destroy(zap_table_t **self_p);

/* May this key connect at wall_ms? mono_ms paces repeated handshakes of one key. */
enum zap_answer zap_table_ask(
    zap_table_t *self, const uint8_t *key, int64_t wall_ms, int64_t mono_ms);

#endif
