/*
 * prove: any agent may ask for the path from an earlier head to a later one, or for the place of a record in the
 * journal's tree (S-33). The paths tell hashes alone. What cannot be proved is refused; a rotten tree gives an error,
 * never a wrong proof that would look like a fork: the root is compared with the signed one before it leaves.
 */
#include "broker/core/core_internal.h"

#include <string.h>

#include "common/base/banned.h"

struct proving {
    struct merkle_path path;
    struct hash root;
    struct hash from_root;
    uint64_t size;
};

static int prove(
    core_t *self, const Waypost__Prove *asked, struct proving *out, struct complaint *why)
{
    const struct journal_head *head = journal_head(self->journal);

    out->size = asked->size == 0 ? head->size : asked->size;
    if (out->size > head->size || asked->has_from_size == asked->has_leaf_index ||
        (asked->has_from_size && (asked->from_size == 0 || asked->from_size > out->size)) ||
        (asked->has_leaf_index && asked->leaf_index >= out->size)) {
        return complain(why, E_RANGE,
            "The journal has %llu records now; a proof needs an earlier size, or a record, within "
            "that.",
            (unsigned long long)head->size);
    }
    int rc = journal_root_at(self->journal, out->size, &out->root);
    if (rc == 0 && asked->has_from_size) {
        rc = journal_root_at(self->journal, asked->from_size, &out->from_root);
    }
    if (rc == 0) {
        rc = asked->has_from_size
            ? journal_consistency(self->journal, asked->from_size, out->size, &out->path)
            : journal_path(self->journal, asked->leaf_index, out->size, &out->path);
    }
    if (rc == 0 && out->size == head->size && memcmp(out->root.b, head->root.b, HASH_BYTES) != 0) {
        rc = E_CORRUPT;
    }
    return rc == 0 ? 0
                   : complain(why, rc, "The journal's tree cannot be read: %s; run waypost verify.",
                         err_text(rc));
}

static void proof_send(
    core_t *self, struct session *session, const Waypost__Prove *asked, struct proving *proving)
{
    const struct journal_head *head = journal_head(self->journal);
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];
    Waypost__Signed signed_head = WAYPOST__SIGNED__INIT;
    Waypost__Proof proof = WAYPOST__PROOF__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    signed_head.statement =
        (ProtobufCBinaryData){head->statement_len, (uint8_t *)(uintptr_t)head->statement};
    signed_head.signature =
        (ProtobufCBinaryData){SIGNATURE_BYTES, (uint8_t *)(uintptr_t)head->signature};
    proof.request = asked->request;
    proof.size = proving->size;
    proof.root = (ProtobufCBinaryData){HASH_BYTES, proving->root.b};
    proof.has_from_root = asked->has_from_size;
    proof.from_root = (ProtobufCBinaryData){HASH_BYTES, proving->from_root.b};
    for (uint32_t i = 0; i < proving->path.count; i++) {
        steps[i] = (ProtobufCBinaryData){HASH_BYTES, proving->path.step[i].b};
    }
    proof.n_path = proving->path.count;
    proof.path = steps;
    proof.head = &signed_head;
    frame.body_case = WAYPOST__FRAME__BODY_PROOF;
    frame.proof = &proof;
    out_frame(self, session->id, &frame);
}

void prove_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    struct refusal refusal = {
        .frame = WAYPOST__FRAME__BODY_PROVE, .has_request = true, .request = frame->prove->request};
    struct proving proving = {.size = 0};

    (void)agent;
    if (prove(self, frame->prove, &proving, &refusal.why) != 0) {
        out_refuse(self, session->id, &refusal);
        return;
    }
    proof_send(self, session, frame->prove, &proving);
}
