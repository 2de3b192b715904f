/* agent_fixture_deliver: the scripted broker delivers events of a peer, and answers what the agent acknowledges. */
#include "tests/support/agent_fixture_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

/* One event of the peer, sealed and signed. */
struct peer_event {
    struct buf bytes;
    struct buf ciphertext;
    struct buf statement;
    uint8_t signature[SIGNATURE_BYTES];
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t ephemeral[32];
    uint8_t sealed_key[SEAL_WRAPPED_BYTES];
};

static void fill_peer_head(struct agentfix *self, const char *from, struct event_view *head)
{
    memset(head, 0, sizeof *head);
    uuid7_next(&self->world, self->peer_last_id);
    memcpy(head->id, self->peer_last_id, UUID_BYTES);
    memcpy(self->peer_event, head->id, UUID_BYTES);
    head->kind = 1;
    head->schema = 1;
    memset(head->transfer, 0x42, UUID_BYTES);
    memcpy(head->origin, AGENTFIX_PEER, CODE_BYTES);
    memcpy(head->receiving, AGENTFIX_ME, CODE_BYTES);
    memcpy(head->from, from, CODE_BYTES);
    head->subject_count = 1;
    memset(head->subjects[0].ref, 0x17, UUID_BYTES);
    head->subjects[0].case_type = 1;
    head->recipient_count = 1;
    memcpy(head->to[0].code, AGENTFIX_ME, CODE_BYTES);
    head->to[0].n = ++self->peer_n;
    head->occurred_ms = self->wall_ms;
    head->sent_ms = self->wall_ms;
    head->incarnation = 99;
    head->sequence = ++self->peer_sequence;
}

static void seal_peer_event(struct agentfix *self, const struct event_view *head,
    struct slice header, struct slice facts, struct peer_event *out)
{
    static const struct fact_text sealed[] = {{"child_name", "Ash Example"}};
    struct buf plain = {0};
    struct seal_commitment commitment;
    uint8_t key[SEAL_KEY_BYTES];
    uint8_t secret[SEAL_SECRET_BYTES];

    int rc = payload_encode(sealed, 1, NULL, 0, &plain, NULL);
    assert(rc == 0);
    rc = seal_payload(&self->world, header, facts, head->id, buf_slice(&plain), &out->ciphertext,
        key, &commitment);
    assert(rc == 0);
    event_join(header, facts, &commitment, &out->bytes);
    seal_ephemeral(&self->world, out->ephemeral, secret);
    rc = seal_wrap(key, head->id, out->ephemeral, secret, self->me.seal_public, out->sealed_key);
    assert(rc == 0);
    hash_key_id(self->me.seal_public, out->key_id);
    buf_free(&plain);
}

static void make_peer_event(
    struct agentfix *self, bool sealed, enum agentfix_fault fault, struct peer_event *out)
{
    static const struct fact_text facts[] = {
        {"permanence", "permanent"}, {"retain_intention", "transfer"}};
    const struct keys *signer = self->peer_rotated ? &self->peer_next : &self->peer;
    struct event_draft draft = {.facts = facts, .fact_count = 2};
    Waypost__BatchStatement statement = WAYPOST__BATCH_STATEMENT__INIT;
    struct buf header = {0};
    struct buf body = {0};
    uint8_t key_id[KEY_ID_BYTES];

    memset(out, 0, sizeof *out);
    fill_peer_head(self, fault == FAULT_FROM ? "E08000038" : AGENTFIX_PEER, &draft.head);
    int rc = event_encode(&draft, &header, &body, NULL);
    assert(rc == 0);
    if (sealed) {
        seal_peer_event(self, &draft.head, buf_slice(&header), buf_slice(&body), out);
    } else {
        event_join(buf_slice(&header), buf_slice(&body), NULL, &out->bytes);
    }
    struct hash leaf = hash_event_leaf(AGENTFIX_NETWORK, buf_slice(&out->bytes));
    struct hash root = merkle_root(&leaf, 1);
    hash_key_id(signer->sign_public, key_id);
    statement.network = unconst(AGENTFIX_NETWORK);
    statement.agent = unconst(AGENTFIX_PEER);
    statement.key_id = binary(key_id, sizeof key_id);
    statement.incarnation = 99;
    statement.first_sequence = self->peer_sequence;
    statement.count = 1;
    root.b[3] ^= (uint8_t)(fault == FAULT_PATH);
    statement.root = binary(root.b, HASH_BYTES);
    statement.has_seen_size = statement.has_seen_root = self->peer_seen_size > 0;
    statement.seen_size = self->peer_seen_size;
    statement.seen_root = binary(self->peer_seen_root.b, HASH_BYTES);
    message_encode(&statement.base, &out->statement);
    sign_make(SIGN_CONTEXT_BATCH, buf_slice(&out->statement), signer->sign_secret, out->signature);
    out->signature[5] ^= (uint8_t)(fault == FAULT_SIGNATURE);
    if (fault == FAULT_CIPHERTEXT) {
        out->ciphertext.data[40] ^= 1;
    }
    buf_free(&header);
    buf_free(&body);
}

static struct buf last_delivery; /* encoded frame; for agentfix_deliver_again() */

void agentfix_deliver(
    struct agentfix *self, uint64_t number, bool sealed, enum agentfix_fault fault)
{
    struct peer_event event;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Deliver deliver = WAYPOST__DELIVER__INIT;
    Waypost__DeliveredBatch batch = WAYPOST__DELIVERED_BATCH__INIT;
    Waypost__DeliveredBatch *batches[] = {&batch};
    Waypost__Signed statement = WAYPOST__SIGNED__INIT;
    Waypost__Entry entry = WAYPOST__ENTRY__INIT;
    Waypost__Entry *entries[] = {&entry};
    Waypost__EventEntry body = WAYPOST__EVENT_ENTRY__INIT;
    Waypost__Wrap wrap = WAYPOST__WRAP__INIT;

    make_peer_event(self, sealed, fault, &event);
    statement.statement = binary_buf(&event.statement);
    statement.signature = binary(event.signature, sizeof event.signature);
    batch.batch = &statement;
    batch.leaf_index = self->leaf_count + self->peer_sequence;
    batch.accepted_ms = self->wall_ms;
    body.event = binary_buf(&event.bytes);
    body.verdict = 1;
    body.has_payload = sealed;
    body.payload = binary_buf(&event.ciphertext);
    if (sealed) {
        wrap.code = unconst(AGENTFIX_ME);
        wrap.key_id = binary(event.key_id, sizeof event.key_id);
        wrap.ephemeral = binary(event.ephemeral, sizeof event.ephemeral);
        wrap.sealed_key = binary(event.sealed_key, sizeof event.sealed_key);
        body.wrap = &wrap;
    }
    Waypost__Wrap newer = wrap;
    Waypost__Wrap *further[] = {&wrap};
    uint8_t newer_id[KEY_ID_BYTES] = {0xEE};
    if (sealed && self->newer_wrap) {
        newer.key_id = binary(newer_id, sizeof newer_id);
        body.wrap = &newer;
        body.n_wraps = 1;
        body.wraps = further;
    }
    entry.what_case = WAYPOST__ENTRY__WHAT_EVENT;
    entry.event = &body;
    deliver.stream_epoch = self->stream_epoch;
    deliver.first = number == 0 ? self->stream_last + 1 : number;
    deliver.n_batches = 1;
    deliver.batches = batches;
    deliver.n_entries = 1;
    deliver.entries = entries;
    self->stream_last = deliver.first > self->stream_last ? deliver.first : self->stream_last;
    frame.body_case = WAYPOST__FRAME__BODY_DELIVER;
    frame.deliver = &deliver;
    if (self->tamper != NULL) {
        self->tamper(self, &frame);
    }
    buf_clear(&last_delivery);
    frame_encode(&frame, &last_delivery);
    agentfix_deliver_again(self);
    buf_free(&event.bytes);
    buf_free(&event.ciphertext);
    buf_free(&event.statement);
}

void agentfix_deliver_again(struct agentfix *self)
{
    agentfix_frame(self, buf_slice(&last_delivery));
}

void agentfix_redeliver(struct agentfix *self, uint64_t number)
{
    Waypost__Frame *frame = NULL;

    arena_reset(self->arena);
    int rc = frame_decode(self->arena, buf_slice(&last_delivery), &frame);
    assert(rc == 0);
    frame->deliver->stream_epoch = self->stream_epoch;
    frame->deliver->first = number;
    self->stream_last = number;
    agentfix_give(self, frame);
}

static arena_t *ack_arena;
static Waypost__AckStatement *last_ack;

const Waypost__AckStatement *agentfix_last_ack(struct agentfix *self)
{
    (void)self;
    return last_ack;
}

void agentfix_acked(struct agentfix *self)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Acked acked = WAYPOST__ACKED__INIT;
    Waypost__Frame *said;

    last_ack = NULL;
    agentfix_pass(self, AGENT_ACK_PACE_MS + 1);
    if (ack_arena == NULL) {
        ack_arena = arena_new(AGENTFIX_ARENA_BYTES);
    }
    arena_reset(ack_arena);
    while ((said = agentfix_take(self, WAYPOST__FRAME__BODY_ACK)) != NULL) {
        struct slice statement = slice_from(said->ack->statement);
        int rc = sign_check(
            SIGN_CONTEXT_ACK, statement, slice_from(said->ack->signature), self->me.sign_public);
        assert(rc == 0);
        last_ack = message_decode(ack_arena, &waypost__ack_statement__descriptor, statement);
        assert(last_ack != NULL);
    }
    if (last_ack == NULL) {
        return;
    }
    self->stream_acked = last_ack->upto;
    acked.stream_epoch = last_ack->stream_epoch;
    acked.upto = last_ack->upto;
    acked.counter = last_ack->counter;
    acked.has_leaf_index = self->ack_leaf != 0;
    acked.leaf_index = self->ack_leaf;
    frame.body_case = WAYPOST__FRAME__BODY_ACKED;
    frame.acked = &acked;
    agentfix_give(self, &frame);
}
