/*
 * tree_store: the hashes of the journal's tree, so that a path costs a few reads. Nodes stand in
 * the file in the order in which they become known (a leaf, then every node that it completes), so
 * the file only grows; a level's last nodes are kept in memory besides. All of it follows from the
 * records: the file is made again where it is missing. A path that could not be right (a node
 * cannot be read) is an error; whether the hashes are right is seen by the root.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/journal/journal_internal.h"

#include "common/base/banned.h"

enum {
    TREE_HEADER_BYTES = 64,
    TREE_VERSION = 1,
    AT_VERSION = 8,
    AT_JOURNAL = 16,
    AT_CRC = 60,
    RING_SLACK =
        4, /* nodes kept of every level, however high: what a path of a new leaf can touch */
};

static const char tree_name[] = "tree.wpt";
static const char tree_magic[] = "WPTREE01";

/* Node `number` of level 0 comes after number + number/2 + number/4 ... others; a higher one right
 * after the last leaf below it and the nodes between. */
uint64_t tree_stored_index(unsigned level, uint64_t number)
{
    uint64_t leaf = ((number + 1) << level) - 1;
    uint64_t index = 0;

    for (; leaf > 0; leaf >>= 1) {
        index += leaf;
    }
    return index + level;
}

uint64_t tree_stored_count(uint64_t leaves)
{
    return leaves == 0 ? 0 : 2 * leaves - (uint64_t)__builtin_popcountll(leaves);
}

uint64_t tree_offset(uint64_t stored_index)
{
    return TREE_HEADER_BYTES + stored_index * HASH_BYTES;
}

void tree_add(struct merkle_frontier *frontier, const struct hash *leaf, struct buf *nodes)
{
    struct hash node = *leaf;
    unsigned level = 0;

    buf_put(nodes, node.b, HASH_BYTES);
    for (uint64_t rest = frontier->size; (rest & 1) != 0; rest >>= 1) {
        node = hash_node(&frontier->peak[level], &node);
        buf_put(nodes, node.b, HASH_BYTES);
        level++;
    }
    frontier->peak[level] = node;
    frontier->size++;
}

/* ---- the file ---- */

static void header_encode(const uint8_t *journal, uint8_t *out)
{
    memset(out, 0, TREE_HEADER_BYTES);
    memcpy(out, tree_magic, AT_VERSION);
    put_u32(out + AT_VERSION, TREE_VERSION);
    memcpy(out + AT_JOURNAL, journal, 16);
    put_u32(out + AT_CRC, crc32c(0, slice_of(out, AT_CRC)));
}

int tree_file_check(const struct disk *disk, int file, const uint8_t *journal)
{
    uint8_t wanted[TREE_HEADER_BYTES];
    uint8_t found[TREE_HEADER_BYTES];
    size_t got = 0;

    header_encode(journal, wanted);
    int rc = disk->read_at(disk->context, file, found, sizeof found, 0, &got);
    if (rc != 0) {
        return rc;
    }
    return got == sizeof found && memcmp(wanted, found, sizeof found) == 0 ? 0 : E_CORRUPT;
}

int tree_file_open(const struct disk *disk, const uint8_t *journal, int *file_out, bool *usable)
{
    uint8_t header[TREE_HEADER_BYTES];
    int file;

    int rc = disk->open(disk->context, tree_name, true, &file);
    if (rc != 0) {
        return rc;
    }
    rc = tree_file_check(disk, file, journal);
    *usable = rc == 0;
    if (rc == E_CORRUPT) {
        header_encode(journal, header);
        rc = disk->write_at(disk->context, file, slice_of(header, sizeof header), 0);
        if (rc == 0) {
            rc = disk->sync_data(disk->context, file);
        }
        if (rc == 0) {
            rc = disk->sync_dir(disk->context);
        }
    }
    if (rc != 0) {
        disk->close(disk->context, file);
        return rc;
    }
    *file_out = file;
    return 0;
}

int tree_file_write(const struct disk *disk, int file, uint64_t first_leaf, struct slice nodes)
{
    return disk->write_at(disk->context, file, nodes, tree_offset(tree_stored_count(first_leaf)));
}

int tree_file_node(
    const struct disk *disk, int file, unsigned level, uint64_t number, struct hash *out)
{
    size_t got = 0;

    int rc = disk->read_at(disk->context, file, out->b, HASH_BYTES,
        tree_offset(tree_stored_index(level, number)), &got);
    return rc == 0 && got != HASH_BYTES ? E_CORRUPT : rc;
}

int tree_file_frontier(
    const struct disk *disk, int file, uint64_t leaves, struct merkle_frontier *out)
{
    int rc = 0;

    out->size = leaves;
    for (unsigned level = 0; rc == 0 && leaves >> level != 0; level++) {
        if ((leaves >> level & 1) != 0) {
            rc = tree_file_node(disk, file, level, (leaves >> level) - 1, &out->peak[level]);
        }
    }
    return rc;
}

/* ---- the owner's view ---- */

static void ring_put(struct tree_ring *ring, unsigned level, const struct hash *node)
{
    if (ring->at == NULL) {
        ring->capacity = ((uint64_t)RECENT_LEAVES >> level) + RING_SLACK;
        ring->at = mem_new(ring->capacity, sizeof *ring->at);
    }
    ring->at[ring->next % ring->capacity] = *node;
    ring->next++;
    if (ring->next - ring->first > ring->capacity) {
        ring->first++;
    }
}

void tree_store_init(struct tree_store *self, const struct disk *disk, int file,
    const struct merkle_frontier *frontier)
{
    *self = (struct tree_store){.disk = disk, .file = file, .leaves = frontier->size};
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        struct tree_ring *ring = &self->ring[level];
        ring->first = ring->next = frontier->size >> level;
        if ((frontier->size >> level & 1) != 0) { /* a peak: every new leaf's path may need it */
            ring->first = --ring->next;
            ring_put(ring, level, &frontier->peak[level]);
        }
    }
}

void tree_store_settle(struct tree_store *self, uint64_t leaves, struct slice nodes)
{
    struct hash node;
    const uint8_t *at = nodes.data;

    while (self->leaves < leaves) {
        unsigned completed = (unsigned)__builtin_ctzll(self->leaves + 1);
        for (unsigned level = 0; level <= completed; level++) {
            memcpy(node.b, at, HASH_BYTES);
            ring_put(&self->ring[level], level, &node);
            at += HASH_BYTES;
        }
        self->leaves++;
    }
    assert(at == nodes.data + nodes.len);
}

void tree_store_free(struct tree_store *self)
{
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        free(self->ring[level].at);
        self->ring[level].at = NULL;
    }
}

static int tree_node(
    const struct tree_store *self, unsigned level, uint64_t number, struct hash *out)
{
    const struct tree_ring *ring = &self->ring[level];

    if (number >= ring->first && number < ring->next) {
        *out = ring->at[number % ring->capacity];
        return 0;
    }
    return tree_file_node(self->disk, self->file, level, number, out);
}

/* Root over the leaves [start, end); start is a multiple of every power of two in end - start. */
static int tree_range(const struct tree_store *self, uint64_t start, uint64_t end, struct hash *out)
{
    struct hash left;
    uint64_t rest = end - start;
    bool first = true;
    int rc = 0;

    while (rc == 0 && rest != 0) { /* the smallest whole subtree is the last one */
        unsigned level = (unsigned)__builtin_ctzll(rest);
        uint64_t number = (start + rest - 1) >> level;
        rc = tree_node(self, level, number, first ? out : &left);
        if (rc == 0 && !first) {
            *out = hash_node(&left, out);
        }
        first = false;
        rest &= rest - 1;
    }
    return rc;
}

int journal_root_at(journal_t *self, uint64_t size, struct hash *out)
{
    struct hash root = {{0}};

    if (size > self->owner.tree.leaves) {
        return E_RANGE;
    }
    int rc = tree_range(&self->owner.tree, 0, size, &root);
    if (rc == 0) {
        *out = root;
    }
    return rc;
}

static bool root_known(const journal_t *self, uint64_t size, struct hash *root)
{
    *root = self->owner.head.root;
    return size == self->owner.head.size;
}

int journal_path(journal_t *self, uint64_t index, uint64_t size, struct merkle_path *out)
{
    const struct tree_store *tree = &self->owner.tree;
    struct merkle_path path = {.count = 0};
    struct hash leaf;
    struct hash root;

    if (index >= size || size > tree->leaves) {
        return E_RANGE;
    }
    for (unsigned level = 0; (size - 1) >> level != 0; level++) {
        uint64_t sibling = index >> level ^ 1;
        uint64_t start = sibling << level;
        uint64_t whole = UINT64_C(1) << level;
        if (start >= size) {
            continue; /* the last of its level goes up as it is */
        }
        int rc = tree_range(
            tree, start, size - start < whole ? size : start + whole, &path.step[path.count++]);
        if (rc != 0) {
            return rc;
        }
    }
    /* What came out of the file could have rotted there: a path that does not lead to the signed
     * root is never given. */
    bool recent = index >= tree->ring[0].first;
    if (!recent && root_known(self, size, &root)) {
        int rc = tree_node(tree, 0, index, &leaf);
        if (rc != 0 || merkle_check(&leaf, index, size, &path, &root) != 0) {
            return rc != 0 ? rc : E_CORRUPT;
        }
    }
    *out = path;
    return 0;
}

/* Largest power of two below count, which is at least 2. */
static uint64_t split_of(uint64_t count)
{
    return UINT64_C(1) << (63 - __builtin_clzll(count - 1));
}

static void path_reverse(struct merkle_path *path)
{
    for (uint32_t i = 0; i < path->count / 2; i++) {
        struct hash step = path->step[i];
        path->step[i] = path->step[path->count - 1 - i];
        path->step[path->count - 1 - i] = step;
    }
}

/* RFC 6962, 2.1.2, from the root down; the steps come out furthest first. */
static int consistency_steps(
    const struct tree_store *tree, uint64_t old_size, uint64_t size, struct merkle_path *path)
{
    uint64_t start = 0;
    bool whole = true; /* the old tree begins where we stand, and the checker knows its root */
    int rc = 0;

    while (rc == 0 && old_size < size) {
        uint64_t left = split_of(size - start);
        struct hash *step = &path->step[path->count++];
        if (old_size - start <= left) {
            rc = tree_range(tree, start + left, size, step);
            size = start + left;
        } else {
            rc = tree_range(tree, start, start + left, step);
            start += left;
            whole = false;
        }
    }
    if (rc == 0 && !whole) {
        rc = tree_range(tree, start, size, &path->step[path->count++]);
    }
    return rc;
}

int journal_consistency(journal_t *self, uint64_t old_size, uint64_t size, struct merkle_path *out)
{
    const struct tree_store *tree = &self->owner.tree;
    struct merkle_path path = {.count = 0};
    struct hash old_root;
    struct hash root;

    if (old_size > size || size > tree->leaves) {
        return E_RANGE;
    }
    if (old_size == 0 || old_size == size) {
        out->count = 0;
        return 0;
    }
    int rc = consistency_steps(tree, old_size, size, &path);
    if (rc != 0) {
        return rc;
    }
    path_reverse(&path);
    if (root_known(self, size, &root)) {
        rc = tree_range(tree, 0, old_size, &old_root);
        if (rc != 0 || merkle_check_consistency(old_size, &old_root, size, &root, &path) != 0) {
            return rc != 0 ? rc : E_CORRUPT;
        }
    }
    *out = path;
    return 0;
}
