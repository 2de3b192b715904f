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

void agentfix_record(struct agentfix *self, struct slice derived)
{
    Waypost__RecordEntry record = WAYPOST__RECORD_ENTRY__INIT;
    Waypost__Entry entry = WAYPOST__ENTRY__INIT;
    Waypost__Entry *entries[] = {&entry};
    Waypost__Deliver deliver = WAYPOST__DELIVER__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    record.leaf_index = self->leaf_count;
    record.recorded_ms = self->wall_ms;
    record.record = binary(derived.data, derived.len);
    entry.what_case = WAYPOST__ENTRY__WHAT_RECORD;
    entry.record = &record;
    deliver.stream_epoch = self->stream_epoch;
    deliver.first = ++self->stream_last;
    deliver.n_entries = 1;
    deliver.entries = entries;
    frame.body_case = WAYPOST__FRAME__BODY_DELIVER;
    frame.deliver = &deliver;
    agentfix_give(self, &frame);
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
