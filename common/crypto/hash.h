/*
 * hash: BLAKE2b-256 with domain separation, and the leaves of the two trees. Pure; cannot fail.
 *
 * Every use has its own context string, so that bytes hashed for one purpose never stand for another.
 * Source: docs/PROTOCOL.md, section 2.
 */
#ifndef WAYPOST_CRYPTO_HASH_H
#define WAYPOST_CRYPTO_HASH_H

#include <stdint.h>

#include "common/base/bytes.h"

enum { HASH_BYTES = 32, KEY_ID_BYTES = 8 };

struct hash {
    uint8_t b[HASH_BYTES];
};

/*
 * Must be called once before anything in common/crypto; aborts where libsodium cannot start. From here on there are keys and
 * documents in memory: no core file is written, by whatever the process ends.
 */
void crypto_start(void);

/* H(context ‖ 0x00 ‖ a ‖ b); b may be empty. */
struct hash hash_of(const char *context, struct slice a, struct slice b);

/* The same over bytes that come piece by piece. The stream ends with its hash. */
typedef struct hash_stream hash_stream_t;
hash_stream_t *hash_stream_new(const char *context);
void hash_stream_put(hash_stream_t *self, struct slice bytes);
struct hash hash_stream_end(hash_stream_t **self_p); /* and frees it */

/* Leaf of an event: H(0x00 ‖ "waypost/event/1" ‖ 0x00 ‖ network ‖ 0x00 ‖ event). */
struct hash hash_event_leaf(const char *network, struct slice event);

/* Inner node of either tree: H(0x01 ‖ left ‖ right). */
struct hash hash_node(const struct hash *left, const struct hash *right);

/* First 8 bytes of H("waypost/keyid/1" ‖ 0x00 ‖ public key of 32 bytes). */
void hash_key_id(const uint8_t *public_key, uint8_t *key_id);

/* H("waypost/statement/1" ‖ 0x00 ‖ statement ‖ signature). */
struct hash hash_statement(struct slice statement, struct slice signature);

/* h(n) of a stream (S-22): H("waypost/entry/1" ‖ 0x00 ‖ h(n-1) ‖ u64 n ‖ u8 type ‖ item). */
struct hash hash_entry(
    const struct hash *before, uint64_t number, uint8_t type, const struct hash *item);

#endif
