/*
 * kept_heads: see kept_heads.h. What is not a head of this journal, signed by its key, is passed over. Out of memory
 * aborts.
 */
#include "client/replay/kept_heads.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/base/bytes.h"
#include "common/codec/frame.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 65536, STATEMENT_BYTES_MAX = 256, JOURNAL_BYTES = 16, KEY_BYTES = 32 };

struct kept_head {
    uint64_t size;
    struct hash root;
    int64_t time_ms;
    uint32_t epoch;
    uint32_t file; /* that it came with, from 0: heads of one file are of one history */
    bool matches;
};

struct kept_heads {
    uint8_t journal[JOURNAL_BYTES];
    uint8_t head_public[KEY_BYTES];
    uint32_t epoch_from;
    arena_t *arena;
    struct kept_head *heads; /* KEPT_HEADS_MAX */
    size_t count;
    uint32_t files;
    bool sorted; /* by size, once leaves come */
    size_t at;   /* of the first head larger than the leaves so far */
    struct merkle_frontier frontier;
};

kept_heads_t *kept_heads_new(
    const uint8_t *journal, const uint8_t *head_public, uint32_t epoch_from)
{
    kept_heads_t *self = mem_new(1, sizeof *self);

    memcpy(self->journal, journal, sizeof self->journal);
    memcpy(self->head_public, head_public, sizeof self->head_public);
    self->epoch_from = epoch_from;
    self->arena = arena_new(ARENA_BYTES);
    self->heads = mem_new(KEPT_HEADS_MAX, sizeof *self->heads);
    return self;
}

void kept_heads_destroy(kept_heads_t **self_p)
{
    kept_heads_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    arena_destroy(&self->arena);
    free(self->heads);
    free(self);
    *self_p = NULL;
}

/* ---- what agents have kept ---- */

static bool unbase64(
    const json_t *object, const char *member, uint8_t *out, size_t room, size_t *len)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text != NULL &&
        sodium_base642bin(
            out, room, text, strlen(text), NULL, len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
}

static bool is_of_this(const kept_heads_t *self, const Waypost__Head *head)
{
    return head != NULL && head->journal.len == sizeof self->journal &&
        memcmp(head->journal.data, self->journal, sizeof self->journal) == 0 &&
        head->root.len == HASH_BYTES && head->size > 0 && head->epoch >= self->epoch_from;
}

static bool take_head(kept_heads_t *self, const json_t *row)
{
    uint8_t statement[STATEMENT_BYTES_MAX];
    uint8_t signature[SIGNATURE_BYTES];
    size_t statement_len = 0;
    size_t signature_len = 0;

    if (self->count == KEPT_HEADS_MAX ||
        !unbase64(row, "statement", statement, sizeof statement, &statement_len) ||
        !unbase64(row, "signature", signature, sizeof signature, &signature_len) ||
        sign_check(SIGN_CONTEXT_HEAD, slice_of(statement, statement_len),
            slice_of(signature, signature_len), self->head_public) != 0) {
        return false;
    }
    arena_reset(self->arena);
    const Waypost__Head *said =
        message_decode(self->arena, &waypost__head__descriptor, slice_of(statement, statement_len));
    if (!is_of_this(self, said)) {
        return false;
    }
    struct kept_head *head = &self->heads[self->count++];
    *head = (struct kept_head){
        .size = said->size, .time_ms = said->time_ms, .epoch = said->epoch, .file = self->files};
    memcpy(head->root.b, said->root.data, HASH_BYTES);
    return true;
}

size_t kept_heads_take(kept_heads_t *self, const json_t *file)
{
    size_t taken = take_head(self, json_object_get(file, "seen")) ? 1 : 0;
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(file, "heads"), i, row)
    {
        taken += take_head(self, row) ? 1 : 0;
    }
    self->files++;
    return taken;
}

/* ---- held against the journal ---- */

static int by_size(const void *a, const void *b)
{
    const struct kept_head *one = a;
    const struct kept_head *other = b;

    return one->size < other->size ? -1 : one->size > other->size ? 1 : 0;
}

void kept_heads_leaf(kept_heads_t *self, const struct hash *leaf)
{
    if (!self->sorted && self->count > 0) {
        qsort(self->heads, self->count, sizeof self->heads[0], by_size);
    }
    self->sorted = true;
    frontier_add(&self->frontier, leaf);
    if (self->at == self->count || self->heads[self->at].size > self->frontier.size) {
        return;
    }
    struct hash root = frontier_root(&self->frontier);
    for (; self->at < self->count && self->heads[self->at].size == self->frontier.size;
         self->at++) {
        struct kept_head *head = &self->heads[self->at];
        head->matches = memcmp(root.b, head->root.b, HASH_BYTES) == 0;
    }
}

/* The largest head of a file that is of this history, below the first that is not. */
static uint64_t common_of(const kept_heads_t *self, uint32_t file)
{
    uint64_t common = 0;

    for (size_t i = 0; i < self->count; i++) {
        const struct kept_head *head = &self->heads[i];
        if (head->file == file && !head->matches) {
            break;
        }
        common = head->file == file ? head->size : common;
    }
    return common;
}

/*
 * The broker ran on since the copy was put back: what it wrote then stands where the lost records stood, so the journal's
 * end is not what it has in common with that head. A head that is larger tells only by its time.
 */
static bool ran_on(const struct kept_head *lost, uint64_t leaves, int64_t last_ms)
{
    return lost->size <= leaves || lost->time_ms <= last_ms;
}

void kept_heads_find(
    const kept_heads_t *self, uint64_t leaves, int64_t last_ms, struct kept_heads_found *out)
{
    *out = (struct kept_heads_found){.lost_from = leaves};
    for (size_t i = 0; i < self->count; i++) {
        const struct kept_head *head = &self->heads[i];
        out->epoch_max = head->epoch > out->epoch_max ? head->epoch : out->epoch_max;
        if (head->matches) {
            continue;
        }
        out->lost_to = head->size > out->lost_to ? head->size : out->lost_to;
        if (ran_on(head, leaves, last_ms)) {
            uint64_t common = common_of(self, head->file);
            out->lost_from = common < out->lost_from ? common : out->lost_from;
        }
    }
}
