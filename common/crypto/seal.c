/*
 * seal: see seal.h. Secrets derived here are wiped before return; failures are returned and say nothing about
 * which of key, wrap or ciphertext was wrong beyond what the header promises.
 */
#include "common/crypto/seal.h"

#include <sodium.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/uuid.h"

#include "common/base/banned.h"

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    WRAP_MATERIAL_BYTES = SEAL_KEY_BYTES + NONCE_BYTES,
};

_Static_assert(NONCE_BYTES + TAG_BYTES == SEAL_OVERHEAD_BYTES, "the overhead is nonce and tag");
_Static_assert(SEAL_KEY_BYTES + TAG_BYTES == SEAL_WRAPPED_BYTES, "a wrap is key and tag");

static const char wrap_context[] = "waypost/wrap/1";

static struct hash associated_data(struct slice header, struct slice facts)
{
    return hash_of("waypost/ad/1", header, facts);
}

static struct hash ciphertext_hash(struct slice ciphertext)
{
    return hash_of("waypost/ciphertext/1", ciphertext, slice_of(NULL, 0));
}

static struct hash key_commitment(const uint8_t *key, const uint8_t *event_id)
{
    return hash_of("waypost/key/1", slice_of(key, SEAL_KEY_BYTES), slice_of(event_id, UUID_BYTES));
}

static bool hash_same(const struct hash *a, const struct hash *b)
{
    return sodium_memcmp(a->b, b->b, HASH_BYTES) == 0;
}

int seal_payload(const struct world *world, struct slice header, struct slice facts,
    const uint8_t *event_id, struct slice plain, struct buf *ciphertext, uint8_t *key_out,
    struct seal_commitment *commitment)
{
    struct hash ad = associated_data(header, facts);
    uint8_t key[SEAL_KEY_BYTES];

    if (plain.len > SEAL_PLAIN_BYTES_MAX) {
        return E_TOO_LARGE;
    }
    buf_reserve(ciphertext, plain.len + SEAL_OVERHEAD_BYTES);
    uint8_t *nonce = ciphertext->data + ciphertext->len;
    world->random(world->context, key, sizeof key);
    world->random(world->context, nonce, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        nonce + NONCE_BYTES, NULL, plain.data, plain.len, ad.b, sizeof ad.b, NULL, nonce, key);
    ciphertext->len += plain.len + SEAL_OVERHEAD_BYTES;

    struct slice sealed = slice_of(nonce, plain.len + SEAL_OVERHEAD_BYTES);
    commitment->ciphertext_hash = ciphertext_hash(sealed);
    commitment->key_commitment = key_commitment(key, event_id);
    commitment->ciphertext_bytes = (uint32_t)sealed.len;
    memcpy(key_out, key, sizeof key);
    sodium_memzero(key, sizeof key);
    return 0;
}

int seal_open(struct slice header, struct slice facts, const uint8_t *event_id,
    const struct seal_commitment *commitment, struct slice ciphertext, const uint8_t *key,
    struct buf *plain)
{
    if (ciphertext.len < SEAL_OVERHEAD_BYTES ||
        ciphertext.len > SEAL_PLAIN_BYTES_MAX + SEAL_OVERHEAD_BYTES ||
        ciphertext.len != commitment->ciphertext_bytes) {
        return E_CORRUPT;
    }
    struct hash found = ciphertext_hash(ciphertext);
    if (!hash_same(&found, &commitment->ciphertext_hash)) {
        return E_CORRUPT;
    }
    /* Without this one ciphertext could be made to open differently under two keys. */
    struct hash committed = key_commitment(key, event_id);
    if (!hash_same(&committed, &commitment->key_commitment)) {
        return E_OPEN;
    }
    struct hash ad = associated_data(header, facts);
    buf_reserve(plain, ciphertext.len - SEAL_OVERHEAD_BYTES + 1);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain->data + plain->len, NULL, NULL,
            ciphertext.data + NONCE_BYTES, ciphertext.len - NONCE_BYTES, ad.b, sizeof ad.b,
            ciphertext.data, key) != 0) {
        return E_OPEN;
    }
    plain->len += ciphertext.len - SEAL_OVERHEAD_BYTES;
    return 0;
}

void seal_ephemeral(const struct world *world, uint8_t *public_out, uint8_t *secret_out)
{
    world->random(world->context, secret_out, SEAL_SECRET_BYTES);
    (void)crypto_scalarmult_base(public_out, secret_out);
}

/* Key (32 bytes) and nonce (24) of one wrap. Returns 0 or E_KEY where the shared secret is all zero. */
static int wrap_material(const uint8_t *own_secret, const uint8_t *other_public,
    const uint8_t *ephemeral_public, const uint8_t *recipient_public, const uint8_t *event_id,
    uint8_t *material)
{
    crypto_generichash_state state;
    uint8_t shared[crypto_scalarmult_BYTES];
    uint8_t key_id[KEY_ID_BYTES];

    if (crypto_scalarmult(shared, own_secret, other_public) != 0) {
        return E_KEY;
    }
    hash_key_id(recipient_public, key_id);
    (void)crypto_generichash_init(&state, NULL, 0, WRAP_MATERIAL_BYTES);
    (void)crypto_generichash_update(&state, shared, sizeof shared);
    (void)crypto_generichash_update(&state, (const uint8_t *)wrap_context, sizeof wrap_context - 1);
    (void)crypto_generichash_update(&state, ephemeral_public, SEAL_PUBLIC_BYTES);
    (void)crypto_generichash_update(&state, recipient_public, SEAL_PUBLIC_BYTES);
    (void)crypto_generichash_update(&state, event_id, UUID_BYTES);
    (void)crypto_generichash_update(&state, key_id, sizeof key_id);
    (void)crypto_generichash_final(&state, material, WRAP_MATERIAL_BYTES);
    sodium_memzero(shared, sizeof shared);
    sodium_memzero(&state, sizeof state);
    return 0;
}

int seal_wrap(const uint8_t *key, const uint8_t *event_id, const uint8_t *ephemeral_public,
    const uint8_t *ephemeral_secret, const uint8_t *recipient_public, uint8_t *wrapped)
{
    uint8_t material[WRAP_MATERIAL_BYTES];

    int rc = wrap_material(
        ephemeral_secret, recipient_public, ephemeral_public, recipient_public, event_id, material);
    if (rc != 0) {
        return rc;
    }
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        wrapped, NULL, key, SEAL_KEY_BYTES, NULL, 0, NULL, material + SEAL_KEY_BYTES, material);
    sodium_memzero(material, sizeof material);
    return 0;
}

int seal_unwrap(const uint8_t *wrapped, const uint8_t *event_id, const uint8_t *ephemeral_public,
    const uint8_t *recipient_public, const uint8_t *recipient_secret, uint8_t *key_out)
{
    uint8_t material[WRAP_MATERIAL_BYTES];
    uint8_t key[SEAL_KEY_BYTES];

    if (wrap_material(recipient_secret, ephemeral_public, ephemeral_public, recipient_public,
            event_id, material) != 0) {
        return E_OPEN;
    }
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        key, NULL, NULL, wrapped, SEAL_WRAPPED_BYTES, NULL, 0, material + SEAL_KEY_BYTES, material);
    if (failed == 0) {
        memcpy(key_out, key, sizeof key);
    }
    sodium_memzero(material, sizeof material);
    sodium_memzero(key, sizeof key);
    return failed == 0 ? 0 : E_OPEN;
}
