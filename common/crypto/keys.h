/*
 * keys: an agent's or broker's secret keys and the file that holds them.
 *
 * The file is ZPL, mode 0600 or refused (E_PERMISSION): which kind of holder, its id, each secret as hexadecimal.
 * A public card (any mode) holds the public halves for the registrar. Secrets are wiped on destroy.
 */
#ifndef WAYPOST_CRYPTO_KEYS_H
#define WAYPOST_CRYPTO_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/world.h"
#include "common/crypto/seal.h"
#include "common/crypto/sign.h"

enum { CURVE_KEY_BYTES = 32, KEYS_ID_BYTES = 33, KEYS_OWNERS_MAX = 1 };

/* All secrets of one holder. A broker uses curve and sign (its head key); a root uses sign alone. */
struct keys {
    char id[KEYS_ID_BYTES]; /* agent id, "broker" or "root" names; register format */
    uint8_t curve_public[CURVE_KEY_BYTES];
    uint8_t curve_secret[CURVE_KEY_BYTES];
    uint8_t sign_public[SIGN_PUBLIC_BYTES];
    uint8_t sign_secret[SIGN_SECRET_BYTES];
    uint8_t seal_public[SEAL_PUBLIC_BYTES];
    uint8_t seal_secret[SEAL_SECRET_BYTES];
    int64_t
        made_ms; /* when they were made, milliseconds since the epoch; the default for a register key's from */
};

/*
 * Files (ZPL, at most KEYS_FILE_BYTES_MAX):
 *   waypost-keys (or waypost-card)
 *       version = 1
 *       id = E09000019
 *       made = 2026-03-16T10:05:00.000Z
 *       curve-public = HEX, sign-public = HEX, seal-public = HEX
 *       curve-secret = HEX, sign-secret = HEX, seal-secret = HEX     (keys alone)
 * Loading checks that each public half belongs to its secret (E_CORRUPT).
 */
enum { KEYS_FILE_BYTES_MAX = 4096 };

void keys_make(const struct world *world, const char *id, struct keys *out);
int keys_save(const struct keys *keys, const char *path); /* E_EXISTS: never overwrites */
int keys_load(
    const char *path, struct keys *out, struct complaint *why); /* mode and owner checked */
int keys_save_card(const struct keys *keys, const char *path);  /* public halves alone */
int keys_load_card(
    const char *path, struct keys *out, struct complaint *why); /* secrets left zero */
bool keys_id_valid(const char *id); /* 1 to 32 of A-Z, a-z, 0-9, hyphen */
void keys_wipe(struct keys *keys);

#endif
