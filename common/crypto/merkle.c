/*
 * merkle: see merkle.h. RFC 6962 trees (a tree of n leaves splits at the largest power of two below n), checks by
 * the algorithms of RFC 9162, 2.1.3.2 and 2.1.4.2. No allocation, no recursion; a check that fails returns E_CORRUPT.
 */
#include "common/crypto/merkle.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/err.h"

#include "common/base/banned.h"

static const struct hash empty_root; /* 32 zero bytes */

static bool hash_same(const struct hash *a, const struct hash *b)
{
    return memcmp(a->b, b->b, HASH_BYTES) == 0;
}

/* Largest power of two below count, which is at least 2. */
static uint64_t split_of(uint64_t count)
{
    return UINT64_C(1) << (63 - __builtin_clzll(count - 1));
}

void frontier_add(struct merkle_frontier *self, const struct hash *leaf)
{
    struct hash node = *leaf;
    unsigned level = 0;

    for (uint64_t rest = self->size; (rest & 1) != 0; rest >>= 1) {
        node = hash_node(&self->peak[level], &node);
        level++;
    }
    self->peak[level] = node;
    self->size++;
}

struct hash frontier_root(const struct merkle_frontier *self)
{
    struct hash root;
    uint64_t rest = self->size;

    if (rest == 0) {
        return empty_root;
    }
    unsigned level = (unsigned)__builtin_ctzll(rest);
    root = self->peak[level];
    for (rest &= rest - 1; rest != 0; rest &= rest - 1) {
        root = hash_node(&self->peak[__builtin_ctzll(rest)], &root);
    }
    return root;
}

struct hash merkle_root(const struct hash *leaves, uint64_t count)
{
    struct merkle_frontier frontier; /* not cleared: only the peaks that size names are read */

    frontier.size = 0;
    for (uint64_t i = 0; i < count; i++) {
        frontier_add(&frontier, &leaves[i]);
    }
    return frontier_root(&frontier);
}

static void path_reverse(struct merkle_path *path)
{
    for (uint32_t i = 0; i < path->count / 2; i++) {
        struct hash swap = path->step[i];
        path->step[i] = path->step[path->count - 1 - i];
        path->step[path->count - 1 - i] = swap;
    }
}

void merkle_path(const struct hash *leaves, uint64_t count, uint64_t index, struct merkle_path *out)
{
    assert(index < count);
    out->count = 0;
    while (count > 1) {
        uint64_t left = split_of(count);
        if (index < left) {
            out->step[out->count++] = merkle_root(leaves + left, count - left);
            count = left;
        } else {
            out->step[out->count++] = merkle_root(leaves, left);
            leaves += left;
            index -= left;
            count -= left;
        }
    }
    path_reverse(out);
}

void merkle_consistency(
    const struct hash *leaves, uint64_t count, uint64_t old_size, struct merkle_path *out)
{
    bool whole =
        true; /* the old tree is the one we stand in, and its root is known to the checker */

    assert(old_size <= count);
    out->count = 0;
    if (old_size == 0) {
        return;
    }
    while (old_size < count) {
        uint64_t left = split_of(count);
        if (old_size <= left) {
            out->step[out->count++] = merkle_root(leaves + left, count - left);
            count = left;
        } else {
            out->step[out->count++] = merkle_root(leaves, left);
            leaves += left;
            old_size -= left;
            count -= left;
            whole = false;
        }
    }
    if (!whole) {
        out->step[out->count++] = merkle_root(leaves, count);
    }
    path_reverse(out);
}

int merkle_check(const struct hash *leaf, uint64_t index, uint64_t size,
    const struct merkle_path *path, const struct hash *root)
{
    struct hash node = *leaf;
    uint64_t at = index;
    uint64_t last = size - 1;

    if (index >= size || path->count > MERKLE_PATH_MAX) {
        return E_CORRUPT;
    }
    for (uint32_t i = 0; i < path->count; i++) {
        if (last == 0) {
            return E_CORRUPT;
        }
        if ((at & 1) != 0 || at == last) {
            node = hash_node(&path->step[i], &node);
            for (; (at & 1) == 0 && at != 0; at >>= 1) {
                last >>= 1;
            }
        } else {
            node = hash_node(&node, &path->step[i]);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && hash_same(&node, root) ? 0 : E_CORRUPT;
}

/* The loop of RFC 9162, 2.1.4.2 from its step 5 on; `i` is the first step not yet used. */
static int consistency_climb(uint64_t at, uint64_t last, struct hash node,
    const struct merkle_path *path, uint32_t i, const struct hash *old_root,
    const struct hash *root)
{
    struct hash old_node = node;

    for (; i < path->count; i++) {
        const struct hash *step = &path->step[i];
        if (last == 0) {
            return E_CORRUPT;
        }
        if ((at & 1) != 0 || at == last) {
            old_node = hash_node(step, &old_node);
            node = hash_node(step, &node);
            for (; (at & 1) == 0 && at != 0; at >>= 1) {
                last >>= 1;
            }
        } else {
            node = hash_node(&node, step);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && hash_same(&old_node, old_root) && hash_same(&node, root) ? 0 : E_CORRUPT;
}

int merkle_check_consistency(uint64_t old_size, const struct hash *old_root, uint64_t size,
    const struct hash *root, const struct merkle_path *path)
{
    if (old_size > size || path->count > MERKLE_PATH_MAX) {
        return E_CORRUPT;
    }
    if (old_size == 0 || old_size == size) {
        const struct hash *wanted = old_size == 0 ? &empty_root : root;
        return path->count == 0 && hash_same(old_root, wanted) ? 0 : E_CORRUPT;
    }
    uint64_t at = old_size - 1;
    uint64_t last = size - 1;
    for (; (at & 1) != 0; at >>= 1) {
        last >>= 1;
    }
    if ((old_size & (old_size - 1)) ==
        0) { /* a whole subtree: its root is the first step, left out */
        return consistency_climb(at, last, *old_root, path, 0, old_root, root);
    }
    if (path->count == 0) {
        return E_CORRUPT;
    }
    return consistency_climb(at, last, path->step[0], path, 1, old_root, root);
}

/*
 * A whole tree, level by level from the leaves: a level's last node without a sibling goes up as it is, which gives
 * the same tree as the split of RFC 6962.
 */
size_t merkle_tree_nodes(size_t count)
{
    size_t nodes = count;

    while (count > 1) {
        count = (count + 1) / 2;
        nodes += count;
    }
    return nodes;
}

void merkle_tree_fill(const struct hash *leaves, size_t count, struct hash *nodes)
{
    if (count > 0 && leaves != nodes) {
        memcpy(nodes, leaves, count * sizeof *nodes);
    }
    while (count > 1) {
        struct hash *above = nodes + count;
        for (size_t i = 0; i + 1 < count; i += 2) {
            above[i / 2] = hash_node(&nodes[i], &nodes[i + 1]);
        }
        if ((count & 1) != 0) {
            above[count / 2] = nodes[count - 1];
        }
        nodes = above;
        count = (count + 1) / 2;
    }
}

void merkle_tree_path(const struct hash *nodes, size_t count, size_t index, struct merkle_path *out)
{
    assert(index < count);
    out->count = 0;
    while (count > 1) {
        size_t sibling = index ^ 1;
        if (sibling < count) {
            out->step[out->count++] = nodes[sibling];
        }
        nodes += count;
        index /= 2;
        count = (count + 1) / 2;
    }
}

/* ---- several leaves at once ---- */

void merkle_tree_others(
    const struct hash *nodes, size_t count, uint64_t *indexes, size_t wanted, struct buf *out)
{
    while (count > 1) {
        size_t above = 0;
        for (size_t i = 0; i < wanted; i++) {
            uint64_t sibling = indexes[i] ^ 1;
            assert(indexes[i] < count);
            if (i + 1 < wanted && indexes[i + 1] == sibling) {
                i++;
            } else if (sibling < count) {
                buf_put(out, nodes[sibling].b, HASH_BYTES);
            }
            indexes[above++] = indexes[i] / 2;
        }
        wanted = above;
        nodes += count;
        count = (count + 1) / 2;
    }
}

/* One level up: what is known of it takes the place of what was known below. False where the others do not suffice. */
static bool climb_several(struct merkle_leaf *known, size_t *count, uint64_t size,
    const struct hash **others, const struct hash *end)
{
    size_t above = 0;

    for (size_t i = 0; i < *count; i++) {
        struct merkle_leaf at = known[i];
        uint64_t sibling = at.index ^ 1;
        if (i + 1 < *count && known[i + 1].index == sibling) {
            at.hash = hash_node(&at.hash, &known[++i].hash);
        } else if (sibling < size) {
            if (*others == end) {
                return false;
            }
            at.hash = sibling < at.index ? hash_node((*others)++, &at.hash)
                                         : hash_node(&at.hash, (*others)++);
        }
        known[above++] = (struct merkle_leaf){at.index / 2, at.hash};
    }
    *count = above;
    return true;
}

int merkle_check_several(struct merkle_leaf *leaves, size_t count, uint64_t size,
    const struct hash *others, size_t other_count, const struct hash *root)
{
    const struct hash *end = others + other_count;

    if (count == 0) {
        return E_CORRUPT;
    }
    for (size_t i = 0; i < count; i++) {
        if (leaves[i].index >= size || (i > 0 && leaves[i].index <= leaves[i - 1].index)) {
            return E_CORRUPT;
        }
    }
    for (; size > 1; size = size / 2 + size % 2) {
        if (!climb_several(leaves, &count, size, &others, end)) {
            return E_CORRUPT;
        }
    }
    return others == end && hash_same(&leaves[0].hash, root) ? 0 : E_CORRUPT;
}
