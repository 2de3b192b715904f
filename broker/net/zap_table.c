/* zap_table: see zap_table.h. Cannot fail. */
#include "broker/net/zap_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "broker/net/limits.h"
#include "common/base/bytes.h"
#include "common/base/check.h"

#include "common/base/banned.h"

/* A key's allowance is counted in thousandths of a handshake: it fills up with the milliseconds. */
enum { HANDSHAKE = 1000, SLOTS_MIN = 16 };

struct slot {
    bool used;
    struct zap_key key;
    int64_t allowance; /* thousandths of a handshake */
    int64_t asked_ms;  /* monotonic */
};

struct zap_table {
    uint8_t secret[crypto_shorthash_KEYBYTES];
    size_t mask; /* number of slots less one, a power of two less one */
    struct slot *slots;
};

static const struct {
    int status;
    const char *text;
    const char *counter;
    const char *advice;
} answers[] = {
#define ZAP_ROW(name, status, text, counter, advice) [name] = {status, text, counter, advice},
    ZAP_ANSWERS(ZAP_ROW)
#undef ZAP_ROW
};

int zap_answer_status(enum zap_answer answer)
{
    return answers[answer].status;
}

const char *zap_answer_text(enum zap_answer answer)
{
    return answers[answer].text;
}

const char *zap_answer_counter(enum zap_answer answer)
{
    return answers[answer].counter;
}

const char *zap_answer_advice(enum zap_answer answer)
{
    return answers[answer].advice;
}

/* The slot of a key, or the free one where it would go. At most half of them are used, so there is one. */
static struct slot *slot_of(zap_table_t *self, const uint8_t *key)
{
    uint8_t digest[crypto_shorthash_BYTES];

    (void)crypto_shorthash(digest, key, sizeof self->slots->key.key, self->secret);
    size_t at = (size_t)get_u64(digest) & self->mask;
    while (self->slots[at].used && memcmp(self->slots[at].key.key, key, 32) != 0) {
        at = (at + 1) & self->mask;
    }
    return &self->slots[at];
}

zap_table_t *zap_table_new(const struct zap_key *keys, size_t count)
{
    zap_table_t *self = mem_new(1, sizeof *self);
    size_t slots = SLOTS_MIN;

    assert(count <= ZAP_KEYS_MAX);
    while (slots < 2 * count) {
        slots *= 2;
    }
    self->mask = slots - 1;
    self->slots = mem_new(slots, sizeof *self->slots);
    crypto_shorthash_keygen(self->secret);
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = slot_of(self, keys[i].key);
        *slot = (struct slot){
            .used = true, .key = keys[i], .allowance = (int64_t)ZAP_BURST_MAX * HANDSHAKE};
    }
    return self;
}

zap_table_t *zap_table_of(const register_t *book)
{
    struct zap_key *keys = mem_new(ZAP_KEYS_MAX, sizeof *keys);
    size_t count = 0;

    for (size_t i = 0; i < register_agent_count(book); i++) {
        const struct register_agent *agent = register_agent_at(book, i);
        for (size_t j = 0; j < agent->key_count && count < ZAP_KEYS_MAX; j++) {
            const struct register_key *key = &agent->keys[j];
            if (key->use != REGISTER_KEY_CURVE) {
                continue;
            }
            keys[count].from_ms = key->from_ms;
            keys[count].to_ms = key->to_ms;
            keys[count].revoked_ms =
                key->revoked_ms < agent->revoked_ms ? key->revoked_ms : agent->revoked_ms;
            memcpy(keys[count++].key, key->key, sizeof key->key);
        }
    }
    zap_table_t *self = zap_table_new(keys, count);
    free(keys);
    return self;
}

void zap_table_destroy(zap_table_t **self_p)
{
    assert(self_p != NULL);
    if (*self_p != NULL) {
        free((*self_p)->slots);
        free(*self_p);
        *self_p = NULL;
    }
}

/* Take one handshake from the slot's allowance, which refills with time; false where none is left. */
static bool slot_spend(struct slot *slot, int64_t mono_ms)
{
    const int64_t most = (int64_t)ZAP_BURST_MAX * HANDSHAKE;
    int64_t passed = mono_ms > slot->asked_ms ? mono_ms - slot->asked_ms : 0;

    slot->asked_ms = mono_ms;
    if (passed > most) {
        passed = most;
    }
    slot->allowance += passed * ZAP_PER_SECOND;
    if (slot->allowance > most) {
        slot->allowance = most;
    }
    if (slot->allowance < HANDSHAKE) {
        return false;
    }
    slot->allowance -= HANDSHAKE;
    return true;
}

enum zap_answer zap_table_ask(
    zap_table_t *self, const uint8_t *key, int64_t wall_ms, int64_t mono_ms)
{
    struct slot *slot = slot_of(self, key);

    if (!slot->used) {
        return ZAP_UNKNOWN;
    }
    if (wall_ms >= slot->key.revoked_ms) {
        return ZAP_REVOKED;
    }
    if (wall_ms < slot->key.from_ms) {
        return ZAP_EARLY;
    }
    if (wall_ms >= slot->key.to_ms) {
        return ZAP_EXPIRED;
    }
    return slot_spend(slot, mono_ms) ? ZAP_ACCEPTED : ZAP_TOO_OFTEN;
}
