/*
 * seal: payloads readable by their recipients alone. XChaCha20-Poly1305 with a fresh key a payload; the key is
 * wrapped to each recipient's X25519 key with one ephemeral key a batch. No forward secrecy is claimed.
 *
 * Bytes (docs/PROTOCOL.md, 2.4):
 *   ciphertext  nonce (24) ‖ XChaCha20-Poly1305(plain), associated data H("waypost/ad/1" ‖ 0 ‖ header ‖ facts)
 *   commitment  H("waypost/ciphertext/1" ‖ 0 ‖ ciphertext), H("waypost/key/1" ‖ 0 ‖ key ‖ event id)
 *   wrap        key under XChaCha20-Poly1305, key and nonce from
 *               BLAKE2b(X25519(ephemeral, recipient) ‖ "waypost/wrap/1" ‖ ephemeral pub ‖
 *                       recipient pub ‖ event id ‖ key id)
 *               of 56 bytes: key (32) and nonce (24); no associated data; key id is that of the recipient's public key
 */
#ifndef WAYPOST_CRYPTO_SEAL_H
#define WAYPOST_CRYPTO_SEAL_H

#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/world.h"
#include "common/crypto/hash.h"

enum {
    SEAL_KEY_BYTES = 32,
    SEAL_PUBLIC_BYTES = 32,
    SEAL_SECRET_BYTES = 32,
    SEAL_WRAPPED_BYTES = 48,
    SEAL_OVERHEAD_BYTES = 24 + 16,
    SEAL_PLAIN_BYTES_MAX = 524288 - SEAL_OVERHEAD_BYTES,
};

/* What the event's signed part holds of the payload. */
struct seal_commitment {
    struct hash ciphertext_hash;
    struct hash key_commitment;
    uint32_t ciphertext_bytes;
};

/*
 * Seal plain under a fresh key.
 *   header, facts   exact bytes of those fields of the event, lent
 *   event_id        16 bytes
 *   key_out         32 bytes; the caller wraps it and wipes it (sodium_memzero)
 * ciphertext is appended to. Returns 0 or E_TOO_LARGE.
 */
int seal_payload(const struct world *world, struct slice header, struct slice facts,
    const uint8_t *event_id, struct slice plain, struct buf *ciphertext, uint8_t *key_out,
    struct seal_commitment *commitment);

/* Open; plain is appended to. E_CORRUPT where the ciphertext is not the one committed to, E_OPEN where the key
 * is not, or does not fit. */
int seal_open(struct slice header, struct slice facts, const uint8_t *event_id,
    const struct seal_commitment *commitment, struct slice ciphertext, const uint8_t *key,
    struct buf *plain);

/* One ephemeral pair a batch; wipe the secret after use. */
void seal_ephemeral(const struct world *world, uint8_t *public_out, uint8_t *secret_out);

/* Wrap a payload key to a recipient: 48 bytes into wrapped. Returns 0 or E_KEY (a degenerate public key). */
int seal_wrap(const uint8_t *key, const uint8_t *event_id, const uint8_t *ephemeral_public,
    const uint8_t *ephemeral_secret, const uint8_t *recipient_public, uint8_t *wrapped);

/* Unwrap with the recipient's own pair. Returns 0 or E_OPEN. */
int seal_unwrap(const uint8_t *wrapped, const uint8_t *event_id, const uint8_t *ephemeral_public,
    const uint8_t *recipient_public, const uint8_t *recipient_secret, uint8_t *key_out);

#endif
