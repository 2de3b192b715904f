/*
 * envelope: a SignedRegister as it lies on disk and on the wire: exact Register bytes and the roots' signatures over
 * them. Read without allocation, since it comes from a peer before anything about it is known to be true.
 */
#ifndef WAYPOST_REGISTER_ENVELOPE_H
#define WAYPOST_REGISTER_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/crypto/keys.h"

enum {
    REGISTER_ROOTS_MAX = 9,                           /* root keys of one register */
    REGISTER_SIGNATURES_MAX = 2 * REGISTER_ROOTS_MAX, /* old and new roots, when roots change */
};

/* Lent from the bytes read. */
struct envelope {
    struct slice register_bytes; /* exact bytes of the Register */
    size_t count;
    struct {
        struct slice root;      /* 32 bytes */
        struct slice signature; /* 64 bytes */
    } signatures[REGISTER_SIGNATURES_MAX];
};

/* Read; nothing is verified. 0, E_TOO_LARGE (above REGISTER_BYTES_MAX), E_MALFORMED, E_RANGE (too many signatures). */
int envelope_read(struct slice bytes, struct envelope *out, struct complaint *why);

/* How many of these roots (32 bytes each, one counted once) have signed validly. */
size_t envelope_votes(const struct envelope *self, const uint8_t (*roots)[32], size_t root_count);

/*
 * Add a root's signature.
 *   bytes   the SignedRegister so far, empty to begin one; replaced by the one with the signature
 * Returns 0; E_CONFLICT where bytes hold another register than register_bytes, E_DUPLICATE where this root has signed
 * already, E_TOO_LARGE, and what envelope_read() returns. On error bytes stay as they are.
 */
int envelope_sign(
    struct buf *bytes, struct slice register_bytes, const struct keys *root, struct complaint *why);

#endif
