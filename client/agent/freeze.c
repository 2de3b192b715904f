/*
 * freeze: from a draft to the bytes that will never change: header and facts encoded, payload
 * sealed, its key wrapped (B-6 to B-9). Sealed at the first transmission, so that it is wrapped
 * for the keys of that day. A draft that cannot be encoded is refused with a sentence; nothing
 * else fails but the store.
 */
#include <sodium.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "client/agent/draft.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/log.h"

#include "common/base/banned.h"

enum { SEAL_KEYS_MAX = 2 };

struct wrapping {
    const uint8_t *event;
    const uint8_t *key;
    uint8_t ephemeral_public[SEAL_PUBLIC_BYTES];
    uint8_t ephemeral_secret[SEAL_SECRET_BYTES];
    int64_t now_ms;
    size_t count;
    struct buf *out;
};

static void wrap_for(struct wrapping *self, const struct register_agent *agent, const char *code)
{
    const struct register_key *keys[SEAL_KEYS_MAX];
    size_t count = register_keys_valid(agent, REGISTER_KEY_SEAL, self->now_ms, keys, SEAL_KEYS_MAX);

    for (size_t i = 0; i < count && self->count < WRAPS_MAX; i++) {
        struct stored_wrap wrap;
        memset(&wrap, 0, sizeof wrap);
        memcpy(wrap.code, code, CODE_BYTES);
        memcpy(wrap.key_id, keys[i]->key_id, KEY_ID_BYTES);
        memcpy(wrap.ephemeral, self->ephemeral_public, sizeof wrap.ephemeral);
        if (seal_wrap(self->key, self->event, self->ephemeral_public, self->ephemeral_secret,
                keys[i]->key, wrap.sealed_key) != 0) {
            log_warnx("a sealing key of agent %s is not usable", agent->id);
            continue;
        }
        stored_wrap_put(self->out, &wrap);
        self->count++;
    }
}

/* Who opens what is addressed to a code today; NULL where nobody does (R-4, S-14). */
static const struct register_agent *opener_of(
    const agent_core_t *self, const char *code, const char **routed)
{
    const struct register_authority *authority = NULL;
    enum register_route route =
        register_route(self->book, code, civil_london_day(agent_wall(self)), &authority);

    if (route != ROUTE_DIRECT && route != ROUTE_SUCCESSOR) {
        return NULL;
    }
    *routed = authority->code;
    return register_agent_serving(self->book, authority->code);
}

void freeze_wraps(
    agent_core_t *self, const struct event_view *view, const uint8_t *key, struct buf *out)
{
    struct wrapping wrapping = {
        .event = view->id, .key = key, .now_ms = agent_wall(self), .out = out};

    assert(self->book != NULL && self->me != NULL);
    seal_ephemeral(self->world, wrapping.ephemeral_public, wrapping.ephemeral_secret);
    wrap_for(&wrapping, self->me, view->from);
    for (size_t i = 0; i < view->recipient_count; i++) {
        const char *routed = NULL;
        const struct register_agent *agent = opener_of(self, view->to[i].code, &routed);
        if (agent != NULL && agent != self->me) {
            wrap_for(&wrapping, agent, routed);
        }
    }
    sodium_memzero(wrapping.ephemeral_secret, sizeof wrapping.ephemeral_secret);
}

int freeze_key(agent_core_t *self, const struct event_view *view, struct slice wraps, uint8_t *key)
{
    struct cursor cursor = cursor_of(wraps);
    struct stored_wrap wrap;

    while (cursor.rest.len > 0 && stored_wrap_take(&cursor, &wrap)) {
        const struct keys *own = book_seal_keys(self, wrap.key_id);
        if (own != NULL &&
            seal_unwrap(wrap.sealed_key, view->id, wrap.ephemeral, own->seal_public,
                own->seal_secret, key) == 0) {
            return 0;
        }
    }
    return E_OPEN;
}

static void number_recipients(agent_core_t *self, struct event_view *head)
{
    for (size_t i = 0; i < head->recipient_count; i++) {
        head->to[i].n = store_counter_next(self->store, head->to[i].code);
        store_recipient_number(self->store, head->id, head->to[i].code, head->to[i].n);
    }
}

/* An event that was renamed after a restore is answered under its new name. */
static void follow_renames(agent_core_t *self, struct event_view *head)
{
    while (head->has_reply && store_renamed(self->store, head->in_reply_to, head->in_reply_to)) {
    }
    while (head->has_supersedes && store_renamed(self->store, head->supersedes, head->supersedes)) {
    }
}

/*
 * When it was said: the deadlines that count from sending begin then, however long it waited here. Said by a clock that was
 * ahead, it is sent now.
 */
static int64_t sent_at(const agent_core_t *self, const struct outbox_row *row)
{
    int64_t now_ms = agent_wall(self);

    return row->created_ms < now_ms ? row->created_ms : now_ms;
}

static int seal_and_join(agent_core_t *self, struct outbox_row *row, const struct event_view *head,
    struct slice header, struct slice facts)
{
    struct seal_commitment commitment;
    uint8_t key[SEAL_KEY_BYTES];

    if (row->plain.len == 0) {
        event_join(header, facts, NULL, &row->bytes);
        return 0;
    }
    int rc = seal_payload(self->world, header, facts, head->id, buf_slice(&row->plain),
        &row->ciphertext, key, &commitment);
    if (rc == 0) {
        event_join(header, facts, &commitment, &row->bytes);
        freeze_wraps(self, head, key, &row->wraps);
    }
    sodium_memzero(key, sizeof key);
    return rc;
}

int freeze_event(agent_core_t *self, struct outbox_row *row, struct complaint *why)
{
    struct draft draft;
    struct buf header = {0};
    struct buf facts = {0};
    int rc = draft_read(buf_slice(&row->draft), &draft, why);

    if (rc != 0) {
        return rc;
    }
    struct event_view *head = &draft.event.head;
    memcpy(head->id, row->event, UUID_BYTES);
    follow_renames(self, head);
    number_recipients(self, head);
    head->incarnation = self->identity.incarnation;
    head->sequence = self->identity.next_sequence;
    head->sent_ms = sent_at(self, row);
    rc = event_encode(&draft.event, &header, &facts, why);
    if (rc == 0) {
        buf_clear(&row->bytes);
        buf_clear(&row->ciphertext);
        buf_clear(&row->wraps);
        rc = seal_and_join(self, row, head, buf_slice(&header), buf_slice(&facts));
    }
    if (rc == 0 && row->bytes.len > EVENT_BYTES_MAX) {
        rc = complain(why, E_TOO_LARGE, "the event has %zu bytes, at most %d are taken",
            row->bytes.len, EVENT_BYTES_MAX);
    }
    if (rc == 0) {
        row->state = OUTBOX_SENT;
        row->incarnation = head->incarnation;
        row->sequence = head->sequence;
        row->sent_ms = head->sent_ms;
        self->identity.next_sequence++;
        self->identity.sent_sequence = row->sequence;
        store_outbox_freeze(self->store, row);
    }
    buf_free(&header);
    buf_free(&facts);
    draft_free(&draft);
    return rc;
}
