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
void merkle_path(const struct hash *leaves, uint64_t count, uint64_t index, struct merkle_path *out);

/* 0 where `leaf` at `index` of a tree of `size` leaves leads to `root` by `path`, else E_CORRUPT. */
int merkle_check(const struct hash *leaf, uint64_t index, uint64_t size, const struct merkle_path *path,
    const struct hash *root);

/* 0 where the tree of `size` and `root` extends the one of `old_size` and `old_root`, else E_CORRUPT. */
int merkle_check_consistency(uint64_t old_size, const struct hash *old_root, uint64_t size,
    const struct hash *root, const struct merkle_path *path);

/* The frontier of an append-only tree: enough to add leaves and name the root, 64 hashes at most. */
struct merkle_frontier {
    uint64_t size;                      /* leaves so far */
    struct hash peak[MERKLE_PATH_MAX];  /* peak[i] covers 2^i leaves where bit i of size is set */
};

void frontier_add(struct merkle_frontier *self, const struct hash *leaf);
struct hash frontier_root(const struct merkle_frontier *self);

#endif
