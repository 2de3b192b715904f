/*
 * agent_proofs: the broker's side of proofs and erasures, for tests of an agent core. See agent_fixture.h.
 */
#include <string.h>

#include "tests/support/agent_fixture_internal.h"

#include "common/base/banned.h"

struct hash agentfix_root(const struct agentfix *self, uint64_t size)
{
    return merkle_root(self->leaves, size);
}

void agentfix_grow(struct agentfix *self, unsigned leaves)
{
    for (unsigned i = 0; i < leaves; i++) {
        uint8_t number[8];
        put_u64(number, self->leaf_count);
        self->leaves[self->leaf_count++] =
            hash_of("other", slice_of(number, sizeof number), slice_of(NULL, 0));
    }
}

static void answer_proof(struct agentfix *self, const Waypost__Prove *asked)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Proof proof = WAYPOST__PROOF__INIT;
    struct merkle_path path = {0};
    struct head_bytes head;
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];
    uint64_t size = asked->size == 0 ? self->leaf_count : asked->size;

    if (size > self->leaf_count || asked->from_size > size) {
        Waypost__Refused refused = WAYPOST__REFUSED__INIT;
        refused.code = (uint32_t)-E_RANGE;
        refused.text = unconst("The journal has fewer records.");
        refused.frame = WAYPOST__FRAME__BODY_PROVE;
        refused.has_request = true;
        refused.request = asked->request;
        frame.body_case = WAYPOST__FRAME__BODY_REFUSED;
        frame.refused = &refused;
        agentfix_give(self, &frame);
        return;
    }
    struct hash root = merkle_root(self->leaves, size);
    struct hash from = merkle_root(self->leaves, asked->has_from_size ? asked->from_size : 1);
    if (asked->has_leaf_index) {
        merkle_path(self->leaves, size, asked->leaf_index, &path);
    } else {
        agentfix_consistency(self, 0, (size_t)asked->from_size, (size_t)size, true, &path);
    }
    for (uint32_t i = 0; i < path.count; i++) {
        steps[i] = binary(path.step[i].b, HASH_BYTES);
    }
    agentfix_head(self, false, &head);
    proof.request = asked->request;
    proof.size = size;
    proof.root = binary(root.b, HASH_BYTES);
    proof.has_from_root = true;
    proof.from_root = binary(from.b, HASH_BYTES);
    proof.n_path = path.count;
    proof.path = steps;
    proof.head = &head.message;
    frame.body_case = WAYPOST__FRAME__BODY_PROOF;
    frame.proof = &proof;
    agentfix_give(self, &frame);
    buf_free(&head.statement);
}

size_t agentfix_prove(struct agentfix *self)
{
    size_t count = 0;
    Waypost__Frame *said;

    while ((said = agentfix_take(self, WAYPOST__FRAME__BODY_PROVE)) != NULL) {
        Waypost__Prove asked = *said->prove;
        answer_proof(self, &asked);
        count++;
    }
    return count;
}

static void give_entry(struct agentfix *self, Waypost__Entry *entry)
{
    Waypost__Entry *entries[] = {entry};
    Waypost__Deliver deliver = WAYPOST__DELIVER__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    deliver.stream_epoch = self->stream_epoch;
    deliver.first = ++self->stream_last;
    deliver.n_entries = 1;
    deliver.entries = entries;
    frame.body_case = WAYPOST__FRAME__BODY_DELIVER;
    frame.deliver = &deliver;
    agentfix_give(self, &frame);
}

void agentfix_record(struct agentfix *self, struct slice derived)
{
    Waypost__RecordEntry record = WAYPOST__RECORD_ENTRY__INIT;
    Waypost__Entry entry = WAYPOST__ENTRY__INIT;

    record.leaf_index = self->leaf_count;
    record.recorded_ms = self->wall_ms;
    record.record = binary(derived.data, derived.len);
    entry.what_case = WAYPOST__ENTRY__WHAT_RECORD;
    entry.record = &record;
    give_entry(self, &entry);
}

/* ---- acknowledgements of the peer ---- */

/* The peer's stream: hash[0] before its first entry, hash[n] at its n-th. */
static void peer_stream(const struct agentfix_ack *ack, struct hash *hash)
{
    hash[0] = hash_of("peer", slice_of(NULL, 0), slice_of(NULL, 0));
    for (size_t n = 1; n <= ack->count; n++) {
        struct hash leaf = hash_event_leaf(AGENTFIX_NETWORK, buf_slice(&ack->received[n - 1]));
        hash[n] = hash_entry(&hash[n - 1], n, ENTRY_EVENT, &leaf);
    }
}

static void peer_sign(struct agentfix *self, const struct agentfix_ack *ack,
    const struct hash *stream, struct buf *statement, uint8_t *signature)
{
    Waypost__AckStatement said = WAYPOST__ACK_STATEMENT__INIT;
    Waypost__PersistedRun run = WAYPOST__PERSISTED_RUN__INIT;
    Waypost__PersistedRun *runs[] = {&run};
    struct hash root = merkle_root(stream + 1, ack->count);
    uint8_t key_id[KEY_ID_BYTES];

    hash_key_id(self->peer.sign_public, key_id);
    run.upto = ack->count;
    run.at_ms = self->wall_ms;
    said.network = unconst(AGENTFIX_NETWORK);
    said.agent = unconst(AGENTFIX_PEER);
    said.key_id = binary(key_id, sizeof key_id);
    said.stream_epoch = 1;
    said.upto = ack->count;
    said.running_hash = binary(stream[ack->count].b, HASH_BYTES);
    said.n_persisted = 1;
    said.persisted = runs;
    said.counter = 1;
    said.has_received_after = ack->named;
    said.has_received_root = ack->named && ack->count > 1;
    said.received_root = binary(root.b, HASH_BYTES);
    message_encode(&said.base, statement);
    sign_make(SIGN_CONTEXT_ACK, buf_slice(statement), self->peer.sign_secret, signature);
}

/* What leads from the claimed place to the root. */
static size_t peer_others(
    const struct agentfix_ack *ack, const struct hash *stream, ProtobufCBinaryData *out)
{
    static struct hash nodes[2 * AGENTFIX_SIGNED_MAX + 64];
    static struct buf others;
    uint64_t index = ack->place;

    buf_clear(&others);
    merkle_tree_fill(stream + 1, ack->count, nodes);
    merkle_tree_others(nodes, ack->count, &index, 1, &others);
    for (size_t i = 0; i < others.len / HASH_BYTES; i++) {
        out[i] = binary(others.data + i * HASH_BYTES, HASH_BYTES);
    }
    return others.len / HASH_BYTES;
}

void agentfix_peer_ack(struct agentfix *self, const struct agentfix_ack *ack)
{
    Waypost__AckEntry body = WAYPOST__ACK_ENTRY__INIT;
    Waypost__AckedEvent event = WAYPOST__ACKED_EVENT__INIT;
    Waypost__AckedEvent *events[] = {&event};
    Waypost__Signed message = WAYPOST__SIGNED__INIT;
    Waypost__Entry entry = WAYPOST__ENTRY__INIT;
    struct hash stream[AGENTFIX_SIGNED_MAX + 1];
    ProtobufCBinaryData others[MERKLE_PATH_MAX];
    uint8_t signature[SIGNATURE_BYTES];
    struct buf statement = {0};
    struct event_view told;

    int rc = event_read(buf_slice(ack->told), &told, NULL);
    assert(rc == 0 && ack->place < ack->count && ack->count <= AGENTFIX_SIGNED_MAX);
    peer_stream(ack, stream);
    peer_sign(self, ack, stream, &statement, signature);
    message.statement = binary_buf(&statement);
    message.signature = binary(signature, sizeof signature);
    event.event = binary(told.id, UUID_BYTES);
    event.level = LEVEL_PERSISTED;
    event.at_ms = self->wall_ms;
    event.has_number = event.has_before = ack->named;
    event.number = ack->place + 1;
    event.before = binary(stream[ack->place].b, HASH_BYTES);
    body.agent = body.code = unconst(AGENTFIX_PEER);
    body.n_events = 1;
    body.events = events;
    body.ack = &message;
    body.leaf_index = self->leaf_count;
    body.n_received = ack->named ? peer_others(ack, stream, others) : 0;
    body.received = others;
    entry.what_case = WAYPOST__ENTRY__WHAT_ACK;
    entry.ack = &body;
    give_entry(self, &entry);
    buf_free(&statement);
}

void agentfix_erasure(struct agentfix *self, int kind, int act, const uint8_t *event,
    const char *agent, const struct keys *signer)
{
    Waypost__EraseStatement said = WAYPOST__ERASE_STATEMENT__INIT;
    Waypost__Signed message = WAYPOST__SIGNED__INIT;
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    char *told[] = {unconst(AGENTFIX_ME), unconst(AGENTFIX_PEER)};
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct buf bytes = {0};
    struct buf body = {0};

    hash_key_id(signer->sign_public, key_id);
    said.network = unconst(AGENTFIX_NETWORK);
    said.agent = unconst(agent);
    said.key_id = binary(key_id, sizeof key_id);
    said.act = (Waypost__EraseAct)act;
    said.event = binary(event, UUID_BYTES);
    said.at_ms = self->wall_ms;
    message_encode(&said.base, &bytes);
    sign_make(SIGN_CONTEXT_ERASE, buf_slice(&bytes), signer->sign_secret, signature);
    message.statement = binary_buf(&bytes);
    message.signature = binary(signature, sizeof signature);
    derived.kind = (Waypost__SystemKind)kind;
    derived.has_event = true;
    derived.event = binary(event, UUID_BYTES);
    derived.at_ms = self->wall_ms;
    derived.by = unconst(agent);
    derived.said = &message;
    derived.n_told = 2;
    derived.told = told;
    message_encode(&derived.base, &body);
    agentfix_record(self, buf_slice(&body));
    buf_free(&bytes);
    buf_free(&body);
}
