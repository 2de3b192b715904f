/*
 * virtual_book: the register of a simulated network, made and signed in memory by a root of its
 * own, version after version.
 */
#ifndef WAYPOST_LAB_VIRTUAL_BOOK_H
#define WAYPOST_LAB_VIRTUAL_BOOK_H

#include "common/crypto/keys.h"
#include "common/register/register.h"

enum { BOOK_SUCCESSORS_MAX = 4 };

struct book_authority {
    const char *code;        /* lent; nine characters */
    const char *name;        /* lent */
    const char *region_code; /* lent, "" for none */
    int32_t from_day;        /* INT32_MIN where not recorded */
    int32_t until_day;       /* INT32_MAX while in force */
    size_t successor_count;
    const char *successors[BOOK_SUCCESSORS_MAX]; /* lent */
};

struct book_agent {
    const struct keys *keys; /* lent; its id is the agent's */
    const char *code;        /* lent; "" for hubs and operators */
    enum register_role role;
    const char *region;   /* lent; of a hub: a region code, or "*"; "" for none */
    const char *acts_for; /* lent; a further code, "" for none */
    int64_t revoked_ms;   /* INT64_MAX for never */
};

/* Everything lent for the call. Sorted here. */
struct book_plan {
    const char *network;
    const struct keys *root;
    const struct keys *broker;
    int64_t issued_ms;
    size_t authority_count;
    const struct book_authority *authorities;
    size_t agent_count;
    const struct book_agent *agents;
};

struct virtual_book {
    uint64_t version;       /* 0 before the first */
    struct hash hash;       /* of that version */
    struct buf signed_book; /* owned: exact bytes of its SignedRegister */
};

/* The next version. What the plan says must make a good register: anything else is our own bug. */
void virtual_book_sign(struct virtual_book *self, const struct book_plan *plan);
void virtual_book_free(struct virtual_book *self);

/* Whom a holder without a register believes; network and root lent. */
struct register_pin virtual_book_pin(const struct book_plan *plan);

#endif
