/* hash: contexts, separators and leaves, against vectors made with another implementation (Python's hashlib). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/hash.h"

#include "common/base/banned.h"

static const struct slice nothing;

static void assert_hash(struct hash found, const char *wanted)
{
    char text[2 * HASH_BYTES + 1];

    hex_encode(found.b, HASH_BYTES, text);
    assert_string_equal(text, wanted);
}

static void hash_of__two_parts__is_blake2b_of_context_nul_a_b(void **state)
{
    (void)state;
    struct hash whole = hash_of("waypost/test/1", slice_of_text("abcdef"), nothing);
    struct hash parts = hash_of("waypost/test/1", slice_of_text("abc"), slice_of_text("def"));

    assert_hash(whole, "c031f1d481fc3a21eb6b40c2f0bda008dd65698456a4d678f6a94eddf77b37e5");
    assert_memory_equal(whole.b, parts.b, HASH_BYTES);
}

static void hash_of__other_context__is_another_hash(void **state)
{
    (void)state;
    struct hash a = hash_of("waypost/a", slice_of_text("x"), nothing);
    struct hash b = hash_of("waypost/b", slice_of_text("x"), nothing);
    struct hash c = hash_of("waypost/", slice_of_text("ax"), nothing);

    assert_memory_not_equal(a.b, b.b, HASH_BYTES);
    assert_memory_not_equal(a.b, c.b, HASH_BYTES);
}

static void event_leaf__known_event__equals_the_vector(void **state)
{
    (void)state;
    assert_hash(hash_event_leaf("demo", slice_of_text("hello")),
        "ea274bf8aaa74ebce37d30928569d7260f7e4a93293878aca20d0c7b3bb847df");
}

static void event_leaf__other_network_or_shifted_boundary__is_another_leaf(void **state)
{
    (void)state;
    struct hash leaf = hash_event_leaf("demo", slice_of_text("hello"));
    struct hash other = hash_event_leaf("demo2", slice_of_text("hello"));
    struct hash shifted = hash_event_leaf("demoh", slice_of_text("ello"));

    assert_memory_not_equal(leaf.b, other.b, HASH_BYTES);
    assert_memory_not_equal(leaf.b, shifted.b, HASH_BYTES);
}

static void event_leaf__empty_event__is_hashed(void **state)
{
    (void)state;
    struct hash a = hash_event_leaf("demo", nothing);
    struct hash b = hash_event_leaf("demo", slice_of_text(""));

    assert_memory_equal(a.b, b.b, HASH_BYTES);
}

static void node__two_leaves__equals_the_vector_and_keeps_their_order(void **state)
{
    (void)state;
    struct hash left;
    struct hash right;

    assert_int_equal(hex_decode("7234082e1dd0b5ec0acd71875d61c9f374af30c100bc4de7aa4eb3f15bbed686",
                         left.b, HASH_BYTES),
        0);
    assert_int_equal(hex_decode("b3d5dedf654e9fc853bdc5daf79330c5a1eaf2b910f2a36c72ef8ea999ccf953",
                         right.b, HASH_BYTES),
        0);
    assert_hash(hash_node(&left, &right),
        "ee616625a590167bc4b3dc703ab4f3f2ddecbee6b9d05fee9281f02046e6082e");
    struct hash swapped = hash_node(&right, &left);
    struct hash straight = hash_node(&left, &right);
    assert_memory_not_equal(swapped.b, straight.b, HASH_BYTES);
}

static void key_id__known_key__equals_the_vector(void **state)
{
    (void)state;
    uint8_t key[32];
    uint8_t id[KEY_ID_BYTES];
    char text[2 * KEY_ID_BYTES + 1];

    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)i;
    }
    hash_key_id(key, id);
    hex_encode(id, sizeof id, text);
    assert_string_equal(text, "8b33e144b153bc70");
}

static void statement__known_bytes__equals_the_vector(void **state)
{
    (void)state;
    assert_hash(hash_statement(slice_of_text("statement"), slice_of_text("signature")),
        "9fae2ca68e11f983e079bd2e8ccbed77a8721a24f35ac32a493eee2fc0f075dc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_of__two_parts__is_blake2b_of_context_nul_a_b),
        cmocka_unit_test(hash_of__other_context__is_another_hash),
        cmocka_unit_test(event_leaf__known_event__equals_the_vector),
        cmocka_unit_test(event_leaf__other_network_or_shifted_boundary__is_another_leaf),
        cmocka_unit_test(event_leaf__empty_event__is_hashed),
        cmocka_unit_test(node__two_leaves__equals_the_vector_and_keeps_their_order),
        cmocka_unit_test(key_id__known_key__equals_the_vector),
        cmocka_unit_test(statement__known_bytes__equals_the_vector),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
