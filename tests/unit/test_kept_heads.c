/* What is lost with a copy of a journal, by the heads that agents have kept of the one that is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/replay/kept_heads.h"
#include "common/base/bytes.h"
#include "common/codec/frame.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

enum { LEAVES_MAX = 40, STAYED = 10, SEEN_MS = 1000 /* when each head was made */ };

/* One key, one journal; a history is a run of leaves, the same up to STAYED. */
struct fixture {
    uint8_t key[32], secret[64];
    uint8_t journal[16];
    kept_heads_t *heads;
};

static struct hash leaf_of(char history, uint64_t index)
{
    struct hash leaf = {.b = {index < STAYED ? 'A' : (uint8_t)history, (uint8_t)index}};

    return leaf;
}

static struct hash root_of(char history, uint64_t size)
{
    struct merkle_frontier frontier = {0};

    for (uint64_t i = 0; i < size; i++) {
        struct hash leaf = leaf_of(history, i);
        frontier_add(&frontier, &leaf);
    }
    return frontier_root(&frontier);
}

static json_t *base64(const uint8_t *bytes, size_t len)
{
    char text[512];

    return json_string(
        sodium_bin2base64(text, sizeof text, bytes, len, sodium_base64_VARIANT_ORIGINAL));
}

static json_t *head_json(const struct fixture *f, char history, uint32_t epoch, uint64_t size)
{
    Waypost__Head head = WAYPOST__HEAD__INIT;
    struct hash root = root_of(history, size);
    uint8_t signature[SIGNATURE_BYTES];
    struct buf statement = {0};

    head.network = (char *)(uintptr_t) "demo";
    head.journal = (ProtobufCBinaryData){sizeof f->journal, (uint8_t *)(uintptr_t)f->journal};
    head.epoch = epoch;
    head.size = size;
    head.root = (ProtobufCBinaryData){HASH_BYTES, root.b};
    head.time_ms = SEEN_MS;
    message_encode(&head.base, &statement);
    sign_make(SIGN_CONTEXT_HEAD, buf_slice(&statement), f->secret, signature);
    json_t *out = json_pack("{s:o, s:o}", "statement", base64(statement.data, statement.len),
        "signature", base64(signature, sizeof signature));
    buf_free(&statement);
    return out;
}

/* One agent's file: heads of a history, the newest first; returns how many count. */
struct said {
    char history;
    uint32_t epoch;
    uint64_t size;
};

static size_t take(struct fixture *f, const struct said *said, size_t count)
{
    json_t *heads = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(heads, head_json(f, said[i].history, said[i].epoch, said[i].size));
    }
    json_t *file = json_pack("{s:o, s:o}", "seen",
        head_json(f, said[0].history, said[0].epoch, said[0].size), "heads", heads);
    size_t taken = kept_heads_take(f->heads, file);
    json_decref(file);
    return taken;
}

#define TAKE(f, ...)                                                                               \
    take(f, (const struct said[]){__VA_ARGS__},                                                    \
        sizeof((const struct said[]){__VA_ARGS__}) / sizeof(struct said))

static struct kept_heads_found find_since(
    struct fixture *f, char history, uint64_t leaves, int64_t last_ms)
{
    struct kept_heads_found found;

    for (uint64_t i = 0; i < leaves; i++) {
        struct hash leaf = leaf_of(history, i);
        kept_heads_leaf(f->heads, &leaf);
    }
    kept_heads_find(f->heads, leaves, last_ms, &found);
    return found;
}

/* A copy: nothing was written since. */
static struct kept_heads_found find(struct fixture *f, char history, uint64_t leaves)
{
    return find_since(f, history, leaves, SEEN_MS - 1);
}

static int setup(void **state)
{
    struct fixture *f = mem_new(1, sizeof *f);

    crypto_sign_keypair(f->key, f->secret);
    memset(f->journal, 7, sizeof f->journal);
    f->heads = kept_heads_new(f->journal, f->key, 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kept_heads_destroy(&f->heads);
    free(f);
    return 0;
}

static void heads__of_this_history__lose_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(TAKE(f, {'A', 1, 12}, {'A', 1, 7}), 3);
    struct kept_heads_found found = find(f, 'A', 15);
    assert_int_equal(found.lost_to, 0);
    assert_int_equal(found.lost_from, 15);
    assert_int_equal(found.epoch_max, 1);
}

static void heads__beyond_the_copy__are_lost_from_its_end(void **state)
{
    struct fixture *f = *state;

    (void)TAKE(f, {'A', 1, 20}, {'A', 1, 7});
    (void)TAKE(f, {'A', 1, 31}, {'A', 1, 9});
    struct kept_heads_found found = find(f, 'A', STAYED);
    assert_int_equal(found.lost_from, STAYED);
    assert_int_equal(found.lost_to, 31);
}

/* The broker ran on: heads of one agent lie in what was lost, those of another in what came since. What the first has in
 * common is what its own heads say, however far the other's go. */
static void heads__of_a_broker_that_ran_on__lose_from_where_each_agent_parted(void **state)
{
    struct fixture *f = *state;

    (void)TAKE(f, {'A', 1, 20}, {'A', 1, 13}, {'A', 1, 9});
    (void)TAKE(f, {'B', 1, 15}, {'B', 1, 11}, {'A', 1, 6});
    struct kept_heads_found found = find(f, 'B', 15);
    assert_int_equal(found.lost_from, 9);
    assert_int_equal(found.lost_to, 20);
}

/* It ran on for less than what was lost: no head that it does not have is of its length, and its end is not the fork. */
static void heads__beyond_what_a_broker_wrote_since__lose_from_what_they_prove(void **state)
{
    struct fixture *f = *state;

    (void)TAKE(f, {'A', 1, 20}, {'A', 1, 18}, {'A', 1, 9}, {'A', 1, 7});
    struct kept_heads_found found = find_since(f, 'B', 15, SEEN_MS + 1);
    assert_int_equal(found.lost_from, 9);
    assert_int_equal(found.lost_to, 20);
}

/* The same copy is put back twice: somebody has seen the epoch that was opened the first time. */
static void heads__of_an_epoch_opened_from_the_same_copy__count_and_name_it(void **state)
{
    struct fixture *f = *state;

    (void)TAKE(f, {'C', 2, 17}, {'A', 1, 9});
    (void)TAKE(f, {'A', 1, 14});
    struct kept_heads_found found = find(f, 'A', STAYED);
    assert_int_equal(found.epoch_max, 2);
    assert_int_equal(found.lost_from, STAYED);
    assert_int_equal(found.lost_to, 17);
}

static void heads__of_an_epoch_that_was_left_before__count_nothing(void **state)
{
    struct fixture *f = *state;

    kept_heads_destroy(&f->heads);
    f->heads = kept_heads_new(f->journal, f->key, 2);
    assert_int_equal(TAKE(f, {'A', 2, 20}, {'C', 1, 12}), 2);
    struct kept_heads_found found = find(f, 'A', 15);
    assert_int_equal(found.lost_from, 15);
    assert_int_equal(found.lost_to, 20);
}

static void heads__of_another_key_or_journal__count_nothing(void **state)
{
    struct fixture *f = *state;
    struct fixture other = *f;

    crypto_sign_keypair(other.key, other.secret);
    assert_int_equal(TAKE(&other, {'A', 1, 20}), 0);
    other = *f;
    memset(other.journal, 8, sizeof other.journal);
    assert_int_equal(TAKE(&other, {'A', 1, 20}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(heads__of_this_history__lose_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(
            heads__beyond_the_copy__are_lost_from_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(
            heads__beyond_what_a_broker_wrote_since__lose_from_what_they_prove, setup, teardown),
        cmocka_unit_test_setup_teardown(
            heads__of_a_broker_that_ran_on__lose_from_where_each_agent_parted, setup, teardown),
        cmocka_unit_test_setup_teardown(
            heads__of_an_epoch_opened_from_the_same_copy__count_and_name_it, setup, teardown),
        cmocka_unit_test_setup_teardown(
            heads__of_an_epoch_that_was_left_before__count_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(
            heads__of_another_key_or_journal__count_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
