/* sessions: see sessions.h. */
#include "client/hub/sessions.h"

#include <string.h>

#include <sodium.h>

#include "common/base/bytes.h"

#include "common/base/banned.h"

static int64_t now_ms(const struct sessions *self)
{
    return self->world->mono_ms(self->world->context);
}

static struct hash secret_hash(const char *text)
{
    return hash_of("waypost/hub-session/1", slice_of_text(text), slice_of(NULL, 0));
}

/* The place that is free, or ends first. */
static struct session_secret *place_of(struct session_secret *places, size_t count)
{
    struct session_secret *found = places;

    for (size_t i = 1; i < count; i++) {
        if (places[i].until_mono_ms < found->until_mono_ms) {
            found = &places[i];
        }
    }
    return found;
}

static void put_secret(
    struct sessions *self, struct session_secret *places, size_t count, int64_t life_ms, char *text)
{
    uint8_t secret[SESSION_SECRET_BYTES];
    struct session_secret *place = place_of(places, count);

    self->world->random(self->world->context, secret, sizeof secret);
    hex_encode(secret, sizeof secret, text);
    sodium_memzero(secret, sizeof secret);
    *place = (struct session_secret){secret_hash(text), now_ms(self) + life_ms};
}

static struct session_secret *find(
    struct sessions *self, struct session_secret *places, size_t count, const char *text)
{
    struct session_secret *found = NULL;

    if (text == NULL || strlen(text) != SESSION_TEXT_BYTES - 1) {
        return NULL;
    }
    struct hash wanted = secret_hash(text);
    for (size_t i = 0; i < count; i++) {
        bool same = sodium_memcmp(places[i].hash.b, wanted.b, HASH_BYTES) == 0;
        if (same && places[i].until_mono_ms > now_ms(self)) {
            found = &places[i];
        }
    }
    return found;
}

void sessions_token(struct sessions *self, char *text)
{
    put_secret(self, self->tokens, SESSION_TOKENS_MAX, SESSION_TOKEN_MS, text);
}

bool sessions_enter(struct sessions *self, const char *token, char *text)
{
    struct session_secret *place = find(self, self->tokens, SESSION_TOKENS_MAX, token);

    if (place == NULL) {
        return false;
    }
    memset(place, 0, sizeof *place);
    put_secret(self, self->open, SESSIONS_MAX, self->idle_ms, text);
    return true;
}

bool sessions_check(struct sessions *self, const char *secret)
{
    struct session_secret *place = find(self, self->open, SESSIONS_MAX, secret);

    if (place == NULL) {
        return false;
    }
    place->until_mono_ms = now_ms(self) + self->idle_ms;
    return true;
}

void sessions_leave(struct sessions *self, const char *secret)
{
    struct session_secret *place = find(self, self->open, SESSIONS_MAX, secret);

    if (place != NULL) {
        memset(place, 0, sizeof *place);
    }
}
