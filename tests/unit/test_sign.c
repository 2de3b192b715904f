/* sign: context separation, lengths, every flipped bit, and messages on both sides of the stack buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "common/base/err.h"
#include "common/crypto/hash.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

static uint8_t public_key[SIGN_PUBLIC_BYTES];
static uint8_t secret_key[SIGN_SECRET_BYTES];

static int make_pair(void **state)
{
    static const uint8_t seed[SIGN_SEED_BYTES] = {7};

    (void)state;
    return crypto_sign_seed_keypair(public_key, secret_key, seed);
}

static int check(const char *context, struct slice statement, const uint8_t *signature)
{
    return sign_check(context, statement, slice_of(signature, SIGNATURE_BYTES), public_key);
}

static void signature__of_any_length__verifies(void **state)
{
    static const size_t lengths[] = {0, 1, 200, 2031, 2032, 2033, 2048, 5000, 1000000};
    uint8_t *message = mem_new(1000000, 1);

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t signature[SIGNATURE_BYTES];
        struct slice statement = slice_of(message, lengths[i]);
        sign_make(SIGN_CONTEXT_BATCH, statement, secret_key, signature);
        assert_int_equal(check(SIGN_CONTEXT_BATCH, statement, signature), 0);
        if (lengths[i] > 0) {
            message[lengths[i] - 1] ^= 1;
            assert_int_equal(check(SIGN_CONTEXT_BATCH, statement, signature), E_SIGNATURE);
            message[lengths[i] - 1] ^= 1;
        }
    }
    free(message);
}

static void signature__is_plain_ed25519_over_context_nul_statement(void **state)
{
    uint8_t signature[SIGNATURE_BYTES];

    (void)state;
    sign_make("waypost/ack/1", slice_of_text("abc"), secret_key, signature);
    assert_int_equal(crypto_sign_verify_detached(
                         signature, (const uint8_t *)"waypost/ack/1\0abc", 17, public_key),
        0);
}

static void signature__in_another_context__is_refused(void **state)
{
    uint8_t signature[SIGNATURE_BYTES];
    struct slice statement = slice_of_text("statement");

    (void)state;
    sign_make(SIGN_CONTEXT_BATCH, statement, secret_key, signature);
    assert_int_equal(check(SIGN_CONTEXT_ACK, statement, signature), E_SIGNATURE);
    assert_int_equal(check(SIGN_CONTEXT_HEAD, statement, signature), E_SIGNATURE);
    assert_int_equal(check(SIGN_CONTEXT_REGISTER, statement, signature), E_SIGNATURE);
}

static void signature__any_bit_flipped__is_refused(void **state)
{
    uint8_t signature[SIGNATURE_BYTES];
    struct slice statement = slice_of_text("statement");

    (void)state;
    sign_make(SIGN_CONTEXT_BATCH, statement, secret_key, signature);
    for (size_t bit = 0; bit < SIGNATURE_BYTES * 8; bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(check(SIGN_CONTEXT_BATCH, statement, signature), E_SIGNATURE);
        signature[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void signature__of_another_length__is_refused(void **state)
{
    uint8_t signature[SIGNATURE_BYTES + 1] = {0};
    struct slice statement = slice_of_text("statement");

    (void)state;
    sign_make(SIGN_CONTEXT_BATCH, statement, secret_key, signature);
    for (size_t len = 0; len <= SIGNATURE_BYTES + 1; len++) {
        int wanted = len == SIGNATURE_BYTES ? 0 : E_SIGNATURE;
        assert_int_equal(
            sign_check(SIGN_CONTEXT_BATCH, statement, slice_of(signature, len), public_key),
            wanted);
    }
}

static void signature__by_degenerate_key__is_refused(void **state)
{
    uint8_t zero_key[SIGN_PUBLIC_BYTES] = {0};
    uint8_t zero_signature[SIGNATURE_BYTES] = {0};

    (void)state;
    assert_int_equal(sign_check(SIGN_CONTEXT_BATCH, slice_of_text("x"),
                         slice_of(zero_signature, sizeof zero_signature), zero_key),
        E_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signature__of_any_length__verifies),
        cmocka_unit_test(signature__is_plain_ed25519_over_context_nul_statement),
        cmocka_unit_test(signature__in_another_context__is_refused),
        cmocka_unit_test(signature__any_bit_flipped__is_refused),
        cmocka_unit_test(signature__of_another_length__is_refused),
        cmocka_unit_test(signature__by_degenerate_key__is_refused),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, make_pair, NULL);
}
