/*
 * open: payloads as JSON, ours and those that were sent to us. What does not open is E_OPEN or
 * E_CORRUPT. Plain bytes are wiped as soon as they are JSON.
 */
#include <sodium.h>
#include <string.h>

#include "client/agent/agent_private.h"

#include "common/base/banned.h"

static void wipe(struct buf *plain)
{
    if (plain->data != NULL) {
        sodium_memzero(plain->data, plain->capacity);
    }
    buf_free(plain);
}

static int open_sealed(agent_core_t *self, struct slice bytes, struct slice ciphertext,
    struct slice wraps, json_t **out)
{
    struct event_view view;
    uint8_t key[SEAL_KEY_BYTES];
    struct buf plain = {0};

    int rc = event_read(bytes, &view, NULL);
    if (rc != 0) {
        return E_CORRUPT;
    }
    if (!view.has_payload || ciphertext.len == 0) {
        return E_NOT_FOUND;
    }
    rc = freeze_key(self, &view, wraps, key);
    if (rc == 0) {
        rc = seal_open(view.header, view.facts, view.id, &view.commitment, ciphertext, key, &plain);
    }
    sodium_memzero(key, sizeof key);
    if (rc == 0) {
        *out = payload_json(buf_slice(&plain));
        rc = *out == NULL ? E_MALFORMED : 0;
    }
    wipe(&plain);
    return rc;
}

int open_own(agent_core_t *self, const struct outbox_row *row, json_t **out)
{
    if (row->plain.len > 0) {
        *out = payload_json(buf_slice(&row->plain));
        return *out == NULL ? E_MALFORMED : 0;
    }
    return open_sealed(
        self, buf_slice(&row->bytes), buf_slice(&row->ciphertext), buf_slice(&row->wraps), out);
}

int open_received(agent_core_t *self, const struct inbox_row *row, json_t **out)
{
    return open_sealed(
        self, buf_slice(&row->bytes), buf_slice(&row->ciphertext), buf_slice(&row->wrap), out);
}
