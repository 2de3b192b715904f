/*
 * merkle: RFC 6962 trees over leaf hashes: batch roots, inclusion paths, consistency. Pure; cannot fail but in
 * the checks, which return 0 or E_CORRUPT. The empty tree's root is 32 zero bytes.
 */
#ifndef WAYPOST_CRYPTO_MERKLE_H
#define WAYPOST_CRYPTO_MERKLE_H

#include "common/crypto/hash.h"

enum { MERKLE_PATH_MAX = 64 };

/* A path of hashes, nearest the leaf first. */
struct merkle_path {
    uint32_t count;
    struct hash step[MERKLE_PATH_MAX];
};

/* Root over count leaves; scratch-free, O(count). */
struct hash merkle_root(const struct hash *leaves, uint64_t count);

/* Path of leaf `index` (< count) in that tree. */
void merkle_path(
    const struct hash *leaves, uint64_t count, uint64_t index, struct merkle_path *out);

/* 0 where `leaf` at `index` of a tree of `size` leaves leads to `root` by `path`, else E_CORRUPT. */
int merkle_check(const struct hash *leaf, uint64_t index, uint64_t size,
    const struct merkle_path *path, const struct hash *root);

/* 0 where the tree of `size` and `root` extends the one of `old_size` and `old_root`, else E_CORRUPT. */
int merkle_check_consistency(uint64_t old_size, const struct hash *old_root, uint64_t size,
    const struct hash *root, const struct merkle_path *path);

/* What that check needs: the path from the first `old_size` (<= count) of these leaves to all of them. O(count). */
void merkle_consistency(
    const struct hash *leaves, uint64_t count, uint64_t old_size, struct merkle_path *out);

/*
 * A whole tree at once, for a batch of which many paths are wanted: filled in O(count), then each path is a copy.
 *   nodes   room for merkle_tree_nodes(count) hashes (less than 2 * count + 64), the caller's; the root is the last one.
 *           The leaves may stand there already, as its first
 */
size_t merkle_tree_nodes(size_t count);
void merkle_tree_fill(const struct hash *leaves, size_t count, struct hash *nodes);
void merkle_tree_path(
    const struct hash *nodes, size_t count, size_t index, struct merkle_path *out);

/*
 * Several leaves of one tree, proven at once by the fewest other hashes, level by level and from left to right: a node is
 * among the others where its sibling leads to a proven leaf and it does not itself.
 *   nodes    of a filled tree of count leaves
 *   indexes  rising, each below count; spent by the call
 *   out      the others are appended, HASH_BYTES each
 */
void merkle_tree_others(
    const struct hash *nodes, size_t count, uint64_t *indexes, size_t wanted, struct buf *out);

struct merkle_leaf {
    uint64_t index;
    struct hash hash;
};

/* 0 where these leaves of a tree of `size`, at rising indexes, lead to `root` by the others, all of which are needed; else
 * E_CORRUPT. The leaves are spent by the call. */
int merkle_check_several(struct merkle_leaf *leaves, size_t count, uint64_t size,
    const struct hash *others, size_t other_count, const struct hash *root);

/* The frontier of an append-only tree: enough to add leaves and name the root, 64 hashes at most. */
struct merkle_frontier {
    uint64_t size;                     /* leaves so far */
    struct hash peak[MERKLE_PATH_MAX]; /* peak[i] covers 2^i leaves where bit i of size is set */
};

void frontier_add(struct merkle_frontier *self, const struct hash *leaf);
struct hash frontier_root(const struct merkle_frontier *self);

#endif
