/*
 * rules: what a Register must be, whoever signed it. Pure; used when one is loaded and when one is made.
 */
#ifndef WAYPOST_REGISTER_RULES_H
#define WAYPOST_REGISTER_RULES_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "register.pb-c.h"

enum {
    REGISTER_AUTHORITIES_MAX = 4000, /* a code has one agent: as many as agents */
    REGISTER_AGENTS_MAX = 4000,      /* 2,000 agents on one broker, and room */
    REGISTER_AGENT_KEYS_MAX = 16,    /* three uses, two valid in a rotation, and their past */
    REGISTER_BROKERS_MAX = 64,
    REGISTER_RETENTION_MAX = 256,  /* kinds */
    REGISTER_SUCCESSORS_MAX = 16,  /* of one authority */
    REGISTER_REGIONS_MAX = 64,     /* of one hub */
    REGISTER_ACTS_FOR_MAX = 64,    /* codes of one agent */
    REGISTER_NAME_BYTES_MAX = 128, /* authority, region */
    REGISTER_ENDPOINT_BYTES_MAX = 256,
    REGISTER_RETENTION_DAYS_MAX = 36525, /* a hundred years */
};

_Static_assert(REGISTER_AUTHORITIES_MAX >= REGISTER_AGENTS_MAX,
    "a code has one agent: a network of so many agents has as many authorities");

/*
 * Check everything that can be seen in the register alone: limits, forms, order, references, that one code has one
 * agent and one key one holder.
 *
 * Returns 0; E_RANGE (a limit), E_ID, E_CODE (form, order or reference), E_KEY (a key that is missing, malformed or
 * held twice), E_UTF8, E_DATE, with what, where and what to do in why.
 * Source: docs/PROTOCOL.md, section 3.
 */
int rules_check(const Waypost__Register *register_message, struct complaint *why);

bool rules_network_valid(const char *name); /* 1 to 32 of a-z, 0-9 and hyphen */
/* tcp://HOST:PORT (to listen: port * as well) or ipc://PATH, in printable characters without quote and #. */
enum endpoint_use { ENDPOINT_CONNECT, ENDPOINT_LISTEN };
bool rules_endpoint_valid(const char *endpoint, enum endpoint_use use);

#endif
