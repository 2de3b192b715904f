/* seal: payloads open for their key, header, facts and event alone; wraps for their recipient and event alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "common/base/err.h"
#include "common/base/uuid.h"
#include "common/crypto/seal.h"

#include "common/base/banned.h"

static const uint8_t event_id[UUID_BYTES] = {1, 2, 3};
static const uint8_t other_id[UUID_BYTES] = {1, 2, 4};

struct sealed {
    struct buf ciphertext;
    uint8_t key[SEAL_KEY_BYTES];
    struct seal_commitment commitment;
};

static void seal_text(struct sealed *out, const char *text)
{
    *out = (struct sealed){0};
    assert_int_equal(
        seal_payload(world_real(), slice_of_text("header"), slice_of_text("facts"), event_id,
            slice_of_text(text), &out->ciphertext, out->key, &out->commitment),
        0);
}

static int open_as(
    const struct sealed *sealed, const char *header, const uint8_t *id, struct buf *plain)
{
    return seal_open(slice_of_text(header), slice_of_text("facts"), id, &sealed->commitment,
        buf_slice(&sealed->ciphertext), sealed->key, plain);
}

static void payload__sealed_and_opened__is_the_same(void **state)
{
    static const char *const texts[] = {"", "a", "a child moved from one authority to another"};
    struct buf plain = {0};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sealed sealed;
        seal_text(&sealed, texts[i]);
        assert_int_equal(
            sealed.commitment.ciphertext_bytes, strlen(texts[i]) + SEAL_OVERHEAD_BYTES);
        buf_clear(&plain);
        buf_put(&plain, "before ", 7);
        assert_int_equal(open_as(&sealed, "header", event_id, &plain), 0);
        assert_int_equal(plain.len, 7 + strlen(texts[i]));
        assert_memory_equal(plain.data + 7, texts[i], strlen(texts[i]));
        buf_free(&sealed.ciphertext);
    }
    buf_free(&plain);
}

static void payload__same_text_twice__differs_in_every_part(void **state)
{
    struct sealed a;
    struct sealed b;

    (void)state;
    seal_text(&a, "text");
    seal_text(&b, "text");
    assert_memory_not_equal(a.key, b.key, SEAL_KEY_BYTES);
    assert_memory_not_equal(a.ciphertext.data, b.ciphertext.data, a.ciphertext.len);
    assert_memory_not_equal(
        a.commitment.key_commitment.b, b.commitment.key_commitment.b, HASH_BYTES);
    buf_free(&a.ciphertext);
    buf_free(&b.ciphertext);
}

static void payload__too_large__is_refused(void **state)
{
    struct sealed sealed = {0};
    uint8_t *plain = mem_new(SEAL_PLAIN_BYTES_MAX + 1, 1);
    struct slice none = slice_of(NULL, 0);

    (void)state;
    assert_int_equal(
        seal_payload(world_real(), none, none, event_id, slice_of(plain, SEAL_PLAIN_BYTES_MAX + 1),
            &sealed.ciphertext, sealed.key, &sealed.commitment),
        E_TOO_LARGE);
    assert_int_equal(
        seal_payload(world_real(), none, none, event_id, slice_of(plain, SEAL_PLAIN_BYTES_MAX),
            &sealed.ciphertext, sealed.key, &sealed.commitment),
        0);
    assert_int_equal(sealed.ciphertext.len, 524288);
    buf_free(&sealed.ciphertext);
    free(plain);
}

static void payload__other_header_or_event__does_not_open(void **state)
{
    struct sealed sealed;
    struct buf plain = {0};

    (void)state;
    seal_text(&sealed, "text");
    assert_int_equal(open_as(&sealed, "headef", event_id, &plain), E_OPEN);
    assert_int_equal(open_as(&sealed, "header", other_id, &plain), E_OPEN);
    sealed.key[0] ^= 1;
    assert_int_equal(open_as(&sealed, "header", event_id, &plain), E_OPEN);
    assert_int_equal(plain.len, 0);
    buf_free(&sealed.ciphertext);
    buf_free(&plain);
}

static void payload__any_bit_flipped__is_corrupt(void **state)
{
    struct sealed sealed;
    struct buf plain = {0};

    (void)state;
    seal_text(&sealed, "text");
    for (size_t bit = 0; bit < sealed.ciphertext.len * 8; bit++) {
        sealed.ciphertext.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(open_as(&sealed, "header", event_id, &plain), E_CORRUPT);
        sealed.ciphertext.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    buf_free(&sealed.ciphertext);
    buf_free(&plain);
}

static void payload__cut_or_longer__is_corrupt(void **state)
{
    struct sealed sealed;
    struct buf plain = {0};

    (void)state;
    seal_text(&sealed, "text");
    size_t len = sealed.ciphertext.len;
    buf_put_u8(&sealed.ciphertext, 0);
    for (sealed.ciphertext.len = 0; sealed.ciphertext.len <= len + 1; sealed.ciphertext.len++) {
        int wanted = sealed.ciphertext.len == len ? 0 : E_CORRUPT;
        assert_int_equal(open_as(&sealed, "header", event_id, &plain), wanted);
    }
    buf_free(&sealed.ciphertext);
    buf_free(&plain);
}

static void payload__right_key_for_another_ciphertext_under_the_same_commitment__is_refused(
    void **state)
{
    struct sealed a;
    struct sealed b;
    struct buf plain = {0};

    (void)state;
    seal_text(&a, "text");
    seal_text(&b, "text");
    b.commitment.key_commitment = a.commitment.key_commitment; /* a forger's mixture */
    assert_int_equal(open_as(&b, "header", event_id, &plain), E_OPEN);
    buf_free(&a.ciphertext);
    buf_free(&b.ciphertext);
    buf_free(&plain);
}

struct wrap_case {
    uint8_t ephemeral_public[SEAL_PUBLIC_BYTES];
    uint8_t ephemeral_secret[SEAL_SECRET_BYTES];
    uint8_t public_key[SEAL_PUBLIC_BYTES];
    uint8_t secret_key[SEAL_SECRET_BYTES];
    uint8_t key[SEAL_KEY_BYTES];
    uint8_t wrapped[SEAL_WRAPPED_BYTES];
};

static void wrap_make(struct wrap_case *out)
{
    seal_ephemeral(world_real(), out->ephemeral_public, out->ephemeral_secret);
    seal_ephemeral(world_real(), out->public_key, out->secret_key);
    randombytes_buf(out->key, sizeof out->key);
    assert_int_equal(seal_wrap(out->key, event_id, out->ephemeral_public, out->ephemeral_secret,
                         out->public_key, out->wrapped),
        0);
}

static int unwrap(const struct wrap_case *wrap, const uint8_t *id, uint8_t *key)
{
    return seal_unwrap(
        wrap->wrapped, id, wrap->ephemeral_public, wrap->public_key, wrap->secret_key, key);
}

static void wrap__for_its_recipient__gives_the_key(void **state)
{
    struct wrap_case wrap;
    uint8_t key[SEAL_KEY_BYTES];

    (void)state;
    wrap_make(&wrap);
    assert_int_equal(unwrap(&wrap, event_id, key), 0);
    assert_memory_equal(key, wrap.key, sizeof key);
}

static void wrap__other_event_key_or_ephemeral__does_not_open(void **state)
{
    struct wrap_case wrap;
    struct wrap_case other;
    uint8_t key[SEAL_KEY_BYTES] = {0};

    (void)state;
    wrap_make(&wrap);
    wrap_make(&other);
    assert_int_equal(unwrap(&wrap, other_id, key), E_OPEN);
    assert_int_equal(seal_unwrap(wrap.wrapped, event_id, wrap.ephemeral_public, wrap.public_key,
                         other.secret_key, key),
        E_OPEN);
    assert_int_equal(seal_unwrap(wrap.wrapped, event_id, wrap.ephemeral_public, other.public_key,
                         wrap.secret_key, key),
        E_OPEN);
    assert_int_equal(seal_unwrap(wrap.wrapped, event_id, other.ephemeral_public, wrap.public_key,
                         wrap.secret_key, key),
        E_OPEN);
    assert_true(sodium_is_zero(key, sizeof key));
}

static void wrap__any_bit_flipped__does_not_open(void **state)
{
    struct wrap_case wrap;
    uint8_t key[SEAL_KEY_BYTES];

    (void)state;
    wrap_make(&wrap);
    for (size_t bit = 0; bit < SEAL_WRAPPED_BYTES * 8; bit++) {
        wrap.wrapped[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(unwrap(&wrap, event_id, key), E_OPEN);
        wrap.wrapped[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void wrap__degenerate_public_key__is_refused(void **state)
{
    static const uint8_t zero[SEAL_PUBLIC_BYTES];
    static const uint8_t one[SEAL_PUBLIC_BYTES] = {1};
    struct wrap_case wrap;

    (void)state;
    wrap_make(&wrap);
    assert_int_equal(seal_wrap(wrap.key, event_id, wrap.ephemeral_public, wrap.ephemeral_secret,
                         zero, wrap.wrapped),
        E_KEY);
    assert_int_equal(seal_wrap(wrap.key, event_id, wrap.ephemeral_public, wrap.ephemeral_secret,
                         one, wrap.wrapped),
        E_KEY);
    assert_int_equal(
        seal_unwrap(wrap.wrapped, event_id, zero, wrap.public_key, wrap.secret_key, wrap.key),
        E_OPEN);
}

/* The layout that docs/PROTOCOL.md gives, rebuilt here from libsodium alone. */
static void wrap__bytes__are_those_of_the_protocol(void **state)
{
    struct wrap_case wrap;
    uint8_t material[56];
    uint8_t wanted[SEAL_WRAPPED_BYTES];
    uint8_t shared[32];
    uint8_t key_id[KEY_ID_BYTES];
    struct buf joined = {0};

    (void)state;
    wrap_make(&wrap);
    assert_int_equal(crypto_scalarmult(shared, wrap.secret_key, wrap.ephemeral_public), 0);
    hash_key_id(wrap.public_key, key_id);
    buf_put(&joined, shared, sizeof shared);
    buf_put(&joined, "waypost/wrap/1", 14);
    buf_put(&joined, wrap.ephemeral_public, 32);
    buf_put(&joined, wrap.public_key, 32);
    buf_put(&joined, event_id, UUID_BYTES);
    buf_put(&joined, key_id, sizeof key_id);
    crypto_generichash(material, sizeof material, joined.data, joined.len, NULL, 0);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        wanted, NULL, wrap.key, 32, NULL, 0, NULL, material + 32, material);
    assert_memory_equal(wrap.wrapped, wanted, sizeof wanted);
    buf_free(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload__sealed_and_opened__is_the_same),
        cmocka_unit_test(payload__same_text_twice__differs_in_every_part),
        cmocka_unit_test(payload__too_large__is_refused),
        cmocka_unit_test(payload__other_header_or_event__does_not_open),
        cmocka_unit_test(payload__any_bit_flipped__is_corrupt),
        cmocka_unit_test(payload__cut_or_longer__is_corrupt),
        cmocka_unit_test(
            payload__right_key_for_another_ciphertext_under_the_same_commitment__is_refused),
        cmocka_unit_test(wrap__for_its_recipient__gives_the_key),
        cmocka_unit_test(wrap__other_event_key_or_ephemeral__does_not_open),
        cmocka_unit_test(wrap__any_bit_flipped__does_not_open),
        cmocka_unit_test(wrap__degenerate_public_key__is_refused),
        cmocka_unit_test(wrap__bytes__are_those_of_the_protocol),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
