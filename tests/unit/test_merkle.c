/* merkle: every index and pair of sizes up to 64, every flipped bit, and roots made with another implementation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/err.h"
#include "common/crypto/merkle.h"

#include "common/base/banned.h"

enum { LEAVES_MAX = 64, TREE_NODES_MAX = 2 * LEAVES_MAX + 64 };

static struct hash leaves[LEAVES_MAX];

static int make_leaves(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEAVES_MAX; i++) {
        uint8_t number = (uint8_t)i;
        leaves[i] = hash_of("leaf", slice_of(&number, 1), slice_of(NULL, 0));
    }
    return 0;
}

/* The definition of RFC 6962, 2.1, as it stands there. */
static struct hash root_by_definition(const struct hash *at, size_t count)
{
    size_t k = 1;

    if (count == 1) {
        return *at;
    }
    while (k * 2 < count) {
        k *= 2;
    }
    struct hash left = root_by_definition(at, k);
    struct hash right = root_by_definition(at + k, count - k);
    return hash_node(&left, &right);
}

static void assert_same(const struct hash *a, const struct hash *b)
{
    assert_memory_equal(a->b, b->b, HASH_BYTES);
}

static void root__no_leaves__is_32_zero_bytes(void **state)
{
    (void)state;
    struct merkle_frontier frontier = {0};
    struct hash zero = {{0}};
    struct hash root = merkle_root(leaves, 0);

    assert_same(&root, &zero);
    root = frontier_root(&frontier);
    assert_same(&root, &zero);
}

static void root__known_leaves__equals_the_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        const char *root;
    } vectors[] = {
        {1, "a24d089c5ba3c2b8ed743dc17c716c62da9fb66abd4704bf9727f667092ecd8a"},
        {2, "592fe54dd1ccd422e86256c621f9f6073df02e12b107c6def72fbe6ee62d3f80"},
        {3, "0666718bb98cdd3dd5bc70fbf9772b070873514c774653af04f0feada28cceaf"},
        {5, "4861962602b9116f017c3566de6c29890cab74502e70507f5d281b2fbedeabc9"},
        {7, "dad434bb2cf882ff4ac4dca94949c7673d2a70e19a5a65999b1a3ed7b0bcc70f"},
    };

    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[2 * HASH_BYTES + 1];
        struct hash root = merkle_root(leaves, vectors[i].count);
        hex_encode(root.b, HASH_BYTES, text);
        assert_string_equal(text, vectors[i].root);
    }
}

static void root__every_size__agrees_with_definition_frontier_and_tree(void **state)
{
    (void)state;
    struct merkle_frontier frontier = {0};
    struct hash nodes[TREE_NODES_MAX];

    for (size_t count = 1; count <= LEAVES_MAX; count++) {
        struct hash wanted = root_by_definition(leaves, count);
        struct hash found = merkle_root(leaves, count);
        assert_same(&found, &wanted);
        frontier_add(&frontier, &leaves[count - 1]);
        assert_int_equal(frontier.size, count);
        found = frontier_root(&frontier);
        assert_same(&found, &wanted);
        size_t used = merkle_tree_nodes(count);
        assert_true(used <= TREE_NODES_MAX);
        merkle_tree_fill(leaves, count, nodes);
        assert_same(&nodes[used - 1], &wanted);
    }
}

static void path__every_leaf_of_every_size__is_proved_and_matches_the_tree(void **state)
{
    (void)state;
    struct hash nodes[TREE_NODES_MAX];

    for (size_t count = 1; count <= LEAVES_MAX; count++) {
        struct hash root = merkle_root(leaves, count);
        merkle_tree_fill(leaves, count, nodes);
        for (size_t index = 0; index < count; index++) {
            struct merkle_path path;
            struct merkle_path again;
            merkle_path(leaves, count, index, &path);
            merkle_tree_path(nodes, count, index, &again);
            assert_int_equal(path.count, again.count);
            assert_memory_equal(path.step, again.step, path.count * sizeof path.step[0]);
            assert_int_equal(merkle_check(&leaves[index], index, count, &path, &root), 0);
        }
    }
}

static void check__every_other_index_and_size__is_refused(void **state)
{
    (void)state;
    for (size_t count = 1; count <= LEAVES_MAX; count++) {
        struct hash root = merkle_root(leaves, count);
        for (size_t index = 0; index < count; index++) {
            struct merkle_path path;
            merkle_path(leaves, count, index, &path);
            for (size_t other = 0; other < count + 2; other++) {
                if (other != index) {
                    assert_int_equal(
                        merkle_check(&leaves[index], other, count, &path, &root), E_CORRUPT);
                }
            }
            assert_int_equal(merkle_check(&leaves[index], index, index, &path, &root), E_CORRUPT);
        }
    }
}

static void check__any_bit_flipped__is_refused(void **state)
{
    (void)state;
    enum { COUNT = 13 };
    struct hash root = merkle_root(leaves, COUNT);

    for (size_t index = 0; index < COUNT; index++) {
        struct merkle_path path;
        merkle_path(leaves, COUNT, index, &path);
        for (size_t bit = 0; bit < HASH_BYTES * 8; bit++) {
            uint8_t mask = (uint8_t)(1u << (bit % 8));
            for (uint32_t step = 0; step < path.count; step++) {
                path.step[step].b[bit / 8] ^= mask;
                assert_int_equal(
                    merkle_check(&leaves[index], index, COUNT, &path, &root), E_CORRUPT);
                path.step[step].b[bit / 8] ^= mask;
            }
            struct hash wrong = root;
            wrong.b[bit / 8] ^= mask;
            assert_int_equal(merkle_check(&leaves[index], index, COUNT, &path, &wrong), E_CORRUPT);
            wrong = leaves[index];
            wrong.b[bit / 8] ^= mask;
            assert_int_equal(merkle_check(&wrong, index, COUNT, &path, &root), E_CORRUPT);
        }
    }
}

static void check__path_longer_or_shorter__is_refused(void **state)
{
    (void)state;
    for (size_t count = 1; count <= LEAVES_MAX; count++) {
        struct hash root = merkle_root(leaves, count);
        struct merkle_path path;
        merkle_path(leaves, count, 0, &path);
        path.step[path.count++] = leaves[0];
        assert_int_equal(merkle_check(&leaves[0], 0, count, &path, &root), E_CORRUPT);
        if (path.count >= 2) {
            path.count -= 2;
            assert_int_equal(merkle_check(&leaves[0], 0, count, &path, &root), E_CORRUPT);
        }
        path.count = MERKLE_PATH_MAX + 1;
        assert_int_equal(merkle_check(&leaves[0], 0, count, &path, &root), E_CORRUPT);
    }
}

static void check__size_beyond_all_memory__costs_one_path(void **state)
{
    (void)state;
    struct merkle_path path = {.count = MERKLE_PATH_MAX};

    assert_int_equal(
        merkle_check(&leaves[0], UINT64_MAX - 1, UINT64_MAX, &path, &leaves[1]), E_CORRUPT);
    assert_int_equal(merkle_check(&leaves[0], 0, 0, &path, &leaves[1]), E_CORRUPT);
    assert_int_equal(
        merkle_check_consistency(UINT64_MAX - 1, &leaves[0], UINT64_MAX, &leaves[1], &path),
        E_CORRUPT);
}

static void consistency__every_pair_of_sizes__is_proved_and_any_other_refused(void **state)
{
    (void)state;
    for (size_t size = 1; size <= LEAVES_MAX; size++) {
        struct hash root = merkle_root(leaves, size);
        for (size_t old = 0; old <= size; old++) {
            struct hash old_root = merkle_root(leaves, old);
            struct merkle_path path;
            merkle_consistency(leaves, size, old, &path);
            assert_int_equal(merkle_check_consistency(old, &old_root, size, &root, &path), 0);
            for (size_t other = 0; other <= size; other++) {
                struct hash other_root = merkle_root(leaves, other);
                if (other != old) {
                    assert_int_equal(
                        merkle_check_consistency(old, &other_root, size, &root, &path), E_CORRUPT);
                    assert_int_equal(
                        merkle_check_consistency(other, &old_root, size, &root, &path), E_CORRUPT);
                }
            }
            assert_int_equal(
                merkle_check_consistency(size + 1, &old_root, size, &root, &path), E_CORRUPT);
        }
    }
}

static void consistency__any_bit_flipped__is_refused(void **state)
{
    (void)state;
    static const size_t pairs[][2] = {
        {1, 2}, {3, 7}, {4, 7}, {6, 8}, {5, 13}, {12, 13}, {8, 16}, {7, 7}};

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct hash old_root = merkle_root(leaves, pairs[i][0]);
        struct hash root = merkle_root(leaves, pairs[i][1]);
        struct merkle_path path;
        merkle_consistency(leaves, pairs[i][1], pairs[i][0], &path);
        for (size_t bit = 0; bit < (path.count + 2) * HASH_BYTES * 8; bit++) {
            size_t which = bit / (HASH_BYTES * 8);
            struct hash *at = which == 0 ? &old_root : which == 1 ? &root : &path.step[which - 2];
            uint8_t mask = (uint8_t)(1u << (bit % 8));
            at->b[bit / 8 % HASH_BYTES] ^= mask;
            assert_int_equal(
                merkle_check_consistency(pairs[i][0], &old_root, pairs[i][1], &root, &path),
                E_CORRUPT);
            at->b[bit / 8 % HASH_BYTES] ^= mask;
        }
        assert_int_equal(
            merkle_check_consistency(pairs[i][0], &old_root, pairs[i][1], &root, &path), 0);
    }
}

static void consistency__rewritten_history__is_refused(void **state)
{
    (void)state;
    struct hash rewritten[LEAVES_MAX];
    struct merkle_path path;

    memcpy(rewritten, leaves, sizeof leaves);
    rewritten[3].b[0] ^= 1;
    for (size_t old = 4; old < LEAVES_MAX; old++) {
        struct hash old_root = merkle_root(leaves, old);
        struct hash root = merkle_root(rewritten, LEAVES_MAX);
        merkle_consistency(rewritten, LEAVES_MAX, old, &path);
        assert_int_equal(
            merkle_check_consistency(old, &old_root, LEAVES_MAX, &root, &path), E_CORRUPT);
    }
}

/* The leaves that a mask names, proven at once; returns what the check answers. */
enum { SEVERAL_MAX = 9 };
struct several {
    struct merkle_leaf leaves[SEVERAL_MAX];
    size_t count;
    struct buf others;
};

static void prove(size_t size, unsigned mask, struct several *out)
{
    struct hash nodes[TREE_NODES_MAX];
    uint64_t indexes[SEVERAL_MAX];

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < size; i++) {
        if ((mask >> i & 1) != 0) {
            indexes[out->count] = i;
            out->leaves[out->count++] = (struct merkle_leaf){i, leaves[i]};
        }
    }
    merkle_tree_fill(leaves, size, nodes);
    merkle_tree_others(nodes, size, indexes, out->count, &out->others);
}

static int check_several(const struct several *self, size_t size, size_t other_count)
{
    struct merkle_leaf spent[SEVERAL_MAX];
    struct hash root = merkle_root(leaves, size);

    memcpy(spent, self->leaves, sizeof spent);
    return merkle_check_several(
        spent, self->count, size, (const struct hash *)self->others.data, other_count, &root);
}

static void several__every_subset_of_every_size__is_proved_by_just_enough(void **state)
{
    (void)state;
    for (size_t size = 1; size <= SEVERAL_MAX; size++) {
        for (unsigned mask = 1; mask < 1u << size; mask++) {
            struct several several;
            prove(size, mask, &several);
            size_t others = several.others.len / HASH_BYTES;
            assert_int_equal(check_several(&several, size, others), 0);
            if (others > 0) {
                assert_int_equal(check_several(&several, size, others - 1), E_CORRUPT);
                several.others.data[0] ^= 1;
                assert_int_equal(check_several(&several, size, others), E_CORRUPT);
                several.others.data[0] ^= 1;
            }
            buf_put(&several.others, leaves[0].b, HASH_BYTES);
            assert_int_equal(check_several(&several, size, others + 1), E_CORRUPT);
            buf_free(&several.others);
        }
    }
}

static void several__another_leaf_index_or_order__is_refused(void **state)
{
    (void)state;
    struct several several;

    prove(7, 0x26, &several); /* 1, 2, 5 */
    size_t others = several.others.len / HASH_BYTES;
    several.leaves[1].hash.b[4] ^= 1;
    assert_int_equal(check_several(&several, 7, others), E_CORRUPT);
    several.leaves[1].hash.b[4] ^= 1;
    several.leaves[1].index = 3;
    assert_int_equal(check_several(&several, 7, others), E_CORRUPT);
    several.leaves[1].index = 1;
    assert_int_equal(check_several(&several, 7, others), E_CORRUPT);
    several.leaves[1].index = 2;
    several.leaves[2].index = 7;
    assert_int_equal(check_several(&several, 7, others), E_CORRUPT);
    several.leaves[2].index = 5;
    assert_int_equal(check_several(&several, 7, others), 0);
    several.count = 0;
    assert_int_equal(check_several(&several, 7, others), E_CORRUPT);
    buf_free(&several.others);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root__no_leaves__is_32_zero_bytes),
        cmocka_unit_test(root__known_leaves__equals_the_vectors),
        cmocka_unit_test(root__every_size__agrees_with_definition_frontier_and_tree),
        cmocka_unit_test(path__every_leaf_of_every_size__is_proved_and_matches_the_tree),
        cmocka_unit_test(check__every_other_index_and_size__is_refused),
        cmocka_unit_test(check__any_bit_flipped__is_refused),
        cmocka_unit_test(check__path_longer_or_shorter__is_refused),
        cmocka_unit_test(check__size_beyond_all_memory__costs_one_path),
        cmocka_unit_test(consistency__every_pair_of_sizes__is_proved_and_any_other_refused),
        cmocka_unit_test(consistency__any_bit_flipped__is_refused),
        cmocka_unit_test(consistency__rewritten_history__is_refused),
        cmocka_unit_test(several__every_subset_of_every_size__is_proved_by_just_enough),
        cmocka_unit_test(several__another_leaf_index_or_order__is_refused),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, make_leaves, NULL);
}
