/*
 * hash: see hash.h. BLAKE2b-256 of libsodium, without allocation: the broker calls this for every event.
 * Only crypto_start() can fail, and a machine without libsodium's generator cannot keep any promise: fatal.
 */
#include "common/crypto/hash.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

static const char event_prefix[] = "\0waypost/event/1"; /* the terminator is the separator */

void crypto_start(void)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0) {
        fatal("core files cannot be turned off");
    }
    if (sodium_init() < 0) {
        fatalx("libsodium cannot start: no source of randomness");
    }
}

static void hash_begin(crypto_generichash_state *state)
{
    int failed = crypto_generichash_init(state, NULL, 0, HASH_BYTES);

    assert(failed == 0);
}

static void hash_more(crypto_generichash_state *state, const void *data, size_t len)
{
    if (len > 0) {
        (void)crypto_generichash_update(state, data, len);
    }
}

static struct hash hash_end(crypto_generichash_state *state)
{
    struct hash out;
    int failed = crypto_generichash_final(state, out.b, sizeof out.b);

    assert(failed == 0);
    return out;
}

struct hash hash_of(const char *context, struct slice a, struct slice b)
{
    crypto_generichash_state state;

    hash_begin(&state);
    hash_more(&state, context, strlen(context) + 1);
    hash_more(&state, a.data, a.len);
    hash_more(&state, b.data, b.len);
    return hash_end(&state);
}

struct hash_stream {
    crypto_generichash_state state;
};

/* The state wants more alignment than malloc gives. */
hash_stream_t *hash_stream_new(const char *context)
{
    enum { ALIGNED = 64 };
    hash_stream_t *self = aligned_alloc(ALIGNED, (sizeof *self + ALIGNED - 1) / ALIGNED * ALIGNED);

    if (self == NULL) {
        mem_ended(sizeof *self);
    }
    hash_begin(&self->state);
    hash_more(&self->state, context, strlen(context) + 1);
    return self;
}

void hash_stream_put(hash_stream_t *self, struct slice bytes)
{
    hash_more(&self->state, bytes.data, bytes.len);
}

struct hash hash_stream_end(hash_stream_t **self_p)
{
    struct hash hash = hash_end(&(*self_p)->state);

    free(*self_p);
    *self_p = NULL;
    return hash;
}

struct hash hash_event_leaf(const char *network, struct slice event)
{
    crypto_generichash_state state;

    hash_begin(&state);
    hash_more(&state, event_prefix, sizeof event_prefix);
    hash_more(&state, network, strlen(network) + 1);
    hash_more(&state, event.data, event.len);
    return hash_end(&state);
}

struct hash hash_node(const struct hash *left, const struct hash *right)
{
    uint8_t bytes[1 + 2 * HASH_BYTES];
    struct hash out;

    bytes[0] = 0x01;
    memcpy(bytes + 1, left->b, HASH_BYTES);
    memcpy(bytes + 1 + HASH_BYTES, right->b, HASH_BYTES);
    int failed = crypto_generichash(out.b, sizeof out.b, bytes, sizeof bytes, NULL, 0);
    assert(failed == 0);
    return out;
}

void hash_key_id(const uint8_t *public_key, uint8_t *key_id)
{
    struct hash whole =
        hash_of("waypost/keyid/1", slice_of(public_key, HASH_BYTES), slice_of(NULL, 0));

    memcpy(key_id, whole.b, KEY_ID_BYTES);
}

struct hash hash_statement(struct slice statement, struct slice signature)
{
    return hash_of("waypost/statement/1", statement, signature);
}

struct hash hash_entry(
    const struct hash *before, uint64_t number, uint8_t type, const struct hash *item)
{
    uint8_t tail[8 + 1 + HASH_BYTES];

    put_u64(tail, number);
    tail[8] = type;
    memcpy(tail + 9, item->b, HASH_BYTES);
    return hash_of("waypost/entry/1", slice_of(before->b, HASH_BYTES), slice_of(tail, sizeof tail));
}
