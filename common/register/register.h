/*
 * register: the signed list of who is who, read-only once loaded. docs/PROTOCOL.md, section 3.
 *
 * A register is loaded from the exact bytes of a SignedRegister, checked, and indexed. Lookups lend from it and live
 * as long as it does. No index is larger than the register itself.
 */
#ifndef WAYPOST_REGISTER_REGISTER_H
#define WAYPOST_REGISTER_REGISTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/codec/limits.h"
#include "common/crypto/hash.h"

/* The C library's <sys/types.h> has a register_t of its own (a machine word). It is read first and then hidden, so that
 * ours can bear the name in every file, whatever else that file includes. */
#define register_t register_book_t
typedef struct register_book register_t; /* "register" is a keyword */

enum register_role {
    REGISTER_ROLE_AUTHORITY = 1,
    REGISTER_ROLE_HUB = 2,
    REGISTER_ROLE_OPERATOR = 3
};
enum register_key_use { REGISTER_KEY_CURVE = 1, REGISTER_KEY_SIGN = 2, REGISTER_KEY_SEAL = 3 };

/* Root keys that a holder trusts before it has any register (from a join file or a configuration). */
struct register_pin {
    const char *network; /* lent */
    size_t root_count;   /* 1..9 */
    uint8_t roots[9][32];
    uint32_t threshold;
};

struct register_key {
    uint32_t use;
    uint8_t key[32];
    uint8_t key_id[KEY_ID_BYTES];
    int64_t from_ms;
    int64_t to_ms;      /* INT64_MAX for no end */
    int64_t revoked_ms; /* INT64_MAX for never, as below */
    int64_t compromised_since_ms;
};

struct register_agent {
    char id[AGENT_ID_BYTES_MAX + 1];
    char code[CODE_BYTES + 1]; /* "" for hubs and operators */
    uint32_t roles;            /* bit 1 << role */
    int64_t revoked_ms;        /* INT64_MAX for never */
    size_t key_count;
    const struct register_key *keys;
    size_t region_count;
    const char *const *regions; /* region codes, or "*" */
    size_t acts_for_count;
    const char *const *acts_for; /* further codes */
    uint32_t number; /* position in the register: dense, for tables; differs between versions */
};

struct register_authority {
    char code[CODE_BYTES + 1];
    const char *name;
    const char *dfe; /* "" where none */
    const char *region;
    const char *region_code; /* "" where none */
    int32_t from_day;        /* INT32_MIN where not recorded */
    int32_t until_day;       /* INT32_MAX while in force */
    size_t successor_count;
    const char *const *successors;
    const char *profile; /* "national" where none */
};

struct register_broker {
    const char *endpoint;
    uint8_t curve_key[32];
    uint8_t head_key[32];
};

/*
 * Load and check: limits, sorted and unique ids, codes, key lengths, references, threshold of valid signatures by the
 * pinned roots (or by the roots of `before`, which must be lower in version and of the same network). pin or before
 * must be given; both NULL is a bug. Returns 0, or E_MALFORMED, E_NETWORK, E_SIGNATURE, E_ROLLBACK, E_RANGE... with a
 * sentence in why. bytes are copied.
 *
 * The rules beyond the signatures stand in rules.h. An issue must be signed by the threshold of its own roots as well,
 * so that a mistyped root cannot lock the registrar out. The very register that is in force is answered E_DUPLICATE;
 * the same version with other content, or a next version that does not name this one as the one before, E_CONFLICT.
 */
int register_load(struct slice signed_bytes, const struct register_pin *pin,
    const register_t *before, register_t **out, struct complaint *why);

/*
 * Load for the registrar's own tools and for showing a file: believes the roots that the register itself names, which
 * proves nothing about who made it. Never for a register that an agent or broker acts on.
 */
int register_load_unpinned(struct slice signed_bytes, register_t **out, struct complaint *why);
void register_destroy(register_t **self_p);

const char *register_network(const register_t *self);
uint64_t register_version(const register_t *self);
int64_t register_stale_ms(const register_t *self);   /* INT64_MAX for never */
struct slice register_bytes(const register_t *self); /* exact SignedRegister bytes, lent */
struct hash register_hash(
    const register_t *self); /* H("waypost/register/1" ‖ 0 ‖ Register bytes) */

struct slice register_body(const register_t *self); /* exact Register bytes inside, lent */
int64_t register_issued_ms(const register_t *self);
uint32_t register_threshold(const register_t *self);
size_t register_root_count(const register_t *self);
const uint8_t *register_root_at(const register_t *self, size_t index);  /* 32 bytes, lent */
int32_t register_retention_days(const register_t *self, uint32_t kind); /* -1 where kept: no row */

size_t register_agent_count(const register_t *self);
const struct register_agent *register_agent_at(const register_t *self, size_t index);
const struct register_agent *register_agent_of(
    const register_t *self, const char *id); /* NULL where unknown */
const struct register_agent *register_agent_by_curve(
    const register_t *self, const uint8_t *curve_key);
/* The same with the key itself, so that its times can be checked with each message; either result may be NULL. */
const struct register_key *register_key_by_curve(
    const register_t *self, const uint8_t *curve_key, const struct register_agent **agent_out);
const struct register_agent *register_agent_serving(
    const register_t *self, const char *code); /* own or acts-for */
bool register_agent_speaks_for(const struct register_agent *agent, const char *code);
bool register_agent_has_role(const struct register_agent *agent, enum register_role role);

size_t register_authority_count(const register_t *self);
const struct register_authority *register_authority_at(const register_t *self, size_t index);
const struct register_authority *register_authority_of(const register_t *self, const char *code);
/* The code nearest to a mistyped code or name, NULL where none is near; the exact name gives its code. */
const char *register_authority_nearest(const register_t *self, const char *code_or_name);

size_t register_broker_count(const register_t *self);
const struct register_broker *register_broker_at(const register_t *self, size_t index);

/* A key by its id; NULL where the agent has none such. */
const struct register_key *register_key_of(
    const struct register_agent *agent, enum register_key_use use, const uint8_t *key_id);

/* 0 where the key counts for something accepted at at_ms; E_KEY (not yet, no longer) or E_REVOKED. The agent's own
 * revocation counts too. */
int register_key_valid(
    const struct register_agent *agent, const struct register_key *key, int64_t at_ms);

/* The keys of one use that are valid at at_ms, newest first, at most max; returns how many. */
size_t register_keys_valid(const struct register_agent *agent, enum register_key_use use,
    int64_t at_ms, const struct register_key **out, size_t max);

/* Where an event addressed to a code goes on a day (London date). */
enum register_route {
    ROUTE_DIRECT,    /* in force: code itself */
    ROUTE_SUCCESSOR, /* superseded by exactly one: it, followed through */
    ROUTE_SPLIT,     /* several successors: return it with the choice (R54) */
    ROUTE_ABOLISHED, /* none: return it (R54) */
    ROUTE_UNKNOWN    /* no such code: return it (R54) */
};

/* A code counts until its until_day; its first day is not asked for, so that what comes early is delivered.
 * *authority_out: where it goes (DIRECT, SUCCESSOR), the superseded one at which the chain ends (SPLIT: its
 * successors are the choice; ABOLISHED), NULL (UNKNOWN). */
enum register_route register_route(const register_t *self, const char *code, int32_t day,
    const struct register_authority **authority_out);

#endif
