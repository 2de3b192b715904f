/*
 * kept_heads: heads that agents have kept of a broker's journal, held against a copy of that journal: which are of its
 * history, and so what is lost with the copy. Pure.
 *
 * Heads of an epoch that this journal had left before are of what was lost then and named already; they count nothing.
 * Those of its own epoch and of later ones count: where a copy is put back a second time, somebody has seen the epoch that
 * was opened the first time.
 */
#ifndef WAYPOST_REPLAY_KEPT_HEADS_H
#define WAYPOST_REPLAY_KEPT_HEADS_H

#include <jansson.h>

#include "common/crypto/hash.h"

enum {
    KEPT_HEADS_MAX = 65536
}; /* of all files; more are passed over, the newest of a file come first */

typedef struct kept_heads kept_heads_t;

/*
 *   journal       16 bytes, lent
 *   head_public   the broker's head key, lent: heads that it did not sign count nothing
 *   epoch_from    the first epoch whose heads count
 */
kept_heads_t *kept_heads_new(
    const uint8_t *journal, const uint8_t *head_public, uint32_t epoch_from);
void kept_heads_destroy(kept_heads_t **self_p);

/* What `waypost heads --evidence` wrote, of one agent. Returns how many heads of it count. */
size_t kept_heads_take(kept_heads_t *self, const json_t *file);

/* The journal's leaves in order, each of them once, after the last file was taken. */
void kept_heads_leaf(kept_heads_t *self, const struct hash *leaf);

struct kept_heads_found {
    uint32_t epoch_max; /* of all that count; 0 for none */
    uint64_t lost_to;   /* size of the largest that is not of this history; 0 where all are */
    uint64_t
        lost_from; /* leaves that every agent has in common with this journal, as far as its heads prove it */
};
/* leaves: of the journal, all of which were given to kept_heads_leaf(); last_ms: when the head over them was made. */
void kept_heads_find(
    const kept_heads_t *self, uint64_t leaves, int64_t last_ms, struct kept_heads_found *out);

#endif
