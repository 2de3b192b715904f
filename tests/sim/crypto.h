/*
 * crypto: what stands in the place of libsodium's signing and checking; the linker puts it there.
 */
#ifndef WAYPOST_TESTS_SIM_CRYPTO_H
#define WAYPOST_TESTS_SIM_CRYPTO_H

#include <stdint.h>

int __wrap_crypto_sign_detached(uint8_t *signature, unsigned long long *len, const uint8_t *message,
    unsigned long long bytes, const uint8_t *secret);
int __wrap_crypto_sign_verify_detached(const uint8_t *signature, const uint8_t *message,
    unsigned long long bytes, const uint8_t *public);

#endif
