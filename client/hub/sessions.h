/*
 * sessions: who is logged in to the page. A token is good once, for two minutes; a session until it was not used for the
 * time configured. Both are random, compared in constant time, kept hashed and in memory alone. Pure but for randomness,
 * which is handed in.
 */
#ifndef WAYPOST_HUB_SESSIONS_H
#define WAYPOST_HUB_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/world.h"
#include "common/crypto/hash.h"

enum {
    SESSION_SECRET_BYTES = 24,
    SESSION_TEXT_BYTES = 2 * SESSION_SECRET_BYTES + 1, /* hexadecimal with its terminator */
    SESSIONS_MAX = 32,        /* browsers; the one not used for longest goes */
    SESSION_TOKENS_MAX = 16,  /* links not used yet; the oldest goes */
    SESSION_TOKEN_MS = 120000 /* life of a link */
};

struct session_secret {
    struct hash hash;
    int64_t until_mono_ms; /* 0 for a free place */
};

struct sessions {
    const struct world *world; /* lent */
    int64_t idle_ms;
    struct session_secret tokens[SESSION_TOKENS_MAX];
    struct session_secret open[SESSIONS_MAX];
};

/* A fresh token as text. text of SESSION_TEXT_BYTES. */
void sessions_token(struct sessions *self, char *text);
/* Give a token back for a session, whose secret is written to text. False where it is unknown, old or used. */
bool sessions_enter(struct sessions *self, const char *token, char *text);
/* Is it a session? Its time begins again. NULL is none. */
bool sessions_check(struct sessions *self, const char *secret);
void sessions_leave(struct sessions *self, const char *secret);

#endif
