/*
 * register_model: a whole register, built field by field, so that a test can spoil one thing, sign
 * it properly and ask for the refusal.
 */
#ifndef WAYPOST_TESTS_REGISTER_MODEL_H
#define WAYPOST_TESTS_REGISTER_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "common/crypto/keys.h"
#include "common/register/register.h"
#include "register.pb-c.h"

enum { ROOTS = 3, AUTHORITIES = 8, AGENTS = 4, KEYS = 5 };

#define NOW INT64_C(1773655500000) /* 2026-03-16 */
#define HOUR INT64_C(3600000)

/* A register with everything in it, laid out so that a test can reach each part. */
struct model {
    Waypost__Register message;
    ProtobufCBinaryData roots[9];
    Waypost__Authority authority[AUTHORITIES];
    Waypost__Authority *authority_at[AUTHORITIES];
    Waypost__Agent agent[AGENTS];
    Waypost__Agent *agent_at[AGENTS];
    Waypost__Key key[AGENTS][KEYS];
    Waypost__Key *key_at[AGENTS][KEYS];
    uint8_t bytes[AGENTS][KEYS][32];
    Waypost__Role role[AGENTS][2];
    Waypost__Broker broker;
    Waypost__Broker *broker_at[1];
    uint8_t broker_bytes[2][32];
    Waypost__Retention retention[2];
    Waypost__Retention *retention_at[2];
};

extern struct model model;             /* built anew by model_build() */
extern struct keys model_roots[ROOTS]; /* made by model_make_roots() */

int model_make_roots(void **state); /* group setup */
int model_setup(void **state);      /* test setup: builds */
void model_build(void);
char *model_text(const char *literal); /* protobuf-c has no const */

/* Superseded from 1 April of that year on; successors lent. */
void model_end_authority(size_t i, int year, char **successors, size_t count);

struct buf model_pack(void); /* the Register bytes; the caller's */
struct buf model_signed_by(
    unsigned which); /* a SignedRegister by the roots whose bits are set; the caller's */
struct register_pin model_pin(uint32_t threshold, size_t count);
int model_load_against(unsigned which, const struct register_pin *pin, const register_t *before,
    register_t **out, struct complaint *why);
int model_load(register_t **out, struct complaint *why); /* properly signed */
register_t *model_loaded(void);                          /* fails the test where it is refused */

#endif
