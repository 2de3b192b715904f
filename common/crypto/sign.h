/*
 * sign: Ed25519 over CONTEXT ‖ 0x00 ‖ statement. Keys are 32 bytes public, 64 bytes secret (libsodium's form).
 */
#ifndef WAYPOST_CRYPTO_SIGN_H
#define WAYPOST_CRYPTO_SIGN_H

#include <stdint.h>

#include "common/base/bytes.h"

enum { SIGN_PUBLIC_BYTES = 32, SIGN_SECRET_BYTES = 64, SIGNATURE_BYTES = 64, SIGN_SEED_BYTES = 32 };

#define SIGN_CONTEXT_BATCH "waypost/batch/1"
#define SIGN_CONTEXT_ACK "waypost/ack/1"
#define SIGN_CONTEXT_BUNDLE "waypost/bundle/1"
#define SIGN_CONTEXT_ERASE "waypost/erase/1"
#define SIGN_CONTEXT_HEAD "waypost/head/1"
#define SIGN_CONTEXT_PROBE "waypost/probe/1"
#define SIGN_CONTEXT_REGISTER "waypost/register/1"

void sign_make(
    const char *context, struct slice statement, const uint8_t *secret_key, uint8_t *signature);

/* 0 or E_SIGNATURE; a signature of another length than 64 is E_SIGNATURE. */
int sign_check(
    const char *context, struct slice statement, struct slice signature, const uint8_t *public_key);

#endif
