/*
 * heads: one history, and the same for everybody. Each head that the broker signs must extend the one that was proven
 * before (RFC 6962 consistency), also within a session; and what other agents sign of the heads that they have seen must
 * lie in that same history. What does not is kept with both sides' signed words, and an alarm says so. So a fork, a
 * truncation or a rewriting is noticed by whoever sees either side of it.
 *
 * Our own proof failing stops publishing, as in S-4. Another agent's word stops nothing: it can be wrong on purpose.
 * One proof is asked for at a time. A broker that will not answer is asked again, and told as an alarm after an hour.
 */
#include "client/agent/heads.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/journal/record.h"

#include "common/base/banned.h"

enum { PROVE_PACE_MS = 10000, PROVE_WAIT_MS = 60000, PROVE_LATE_MS = 3600000 };

void heads_load(agent_core_t *self)
{
    if (store_proven_head(self->store, UINT64_MAX, &self->proven) != 0) {
        self->proven = self->head; /* the first is taken as it is: there is nothing to compare */
    }
}

void heads_session(agent_core_t *self)
{
    self->prove_request = 0;
    self->prove_at_ms = 0;
    self->compare_wanted = true;
    self->prove_since_ms = agent_mono(self);
}

void heads_proven(agent_core_t *self, const struct seen_head *head)
{
    self->proven = *head;
    store_proven_head_add(self->store, head);
}

void heads_said(agent_core_t *self, const char *agent, const Waypost__Signed *said, bool is_ack,
    uint64_t size, struct slice root)
{
    struct compared_row row = {.size = size, .said_ms = agent_wall(self), .is_ack = is_ack};

    if (size == 0 || root.len != HASH_BYTES || strcmp(agent, self->options.agent) == 0) {
        return;
    }
    agent_copy_text(row.agent, sizeof row.agent, agent);
    memcpy(row.root.b, root.data, HASH_BYTES);
    buf_put_slice(&row.statement, slice_of_binary(said->statement));
    buf_put_slice(&row.signature, slice_of_binary(said->signature));
    store_compare(self->store, &row);
    self->compare_wanted = true;
    compared_row_free(&row);
}

/* ---- asking ---- */

static void ask(agent_core_t *self, uint64_t from, uint64_t size)
{
    Waypost__Prove prove = WAYPOST__PROVE__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    self->prove_request = ++self->last_request;
    self->prove_from = from;
    self->prove_size = size;
    self->prove_asked_ms = agent_mono(self);
    prove.request = self->prove_request;
    prove.size = size;
    prove.has_from_size = true;
    prove.from_size = from;
    frame.body_case = WAYPOST__FRAME__BODY_PROVE;
    frame.prove = &prove;
    (void)agent_send(self, &frame);
}

static void note_fork(agent_core_t *self, const char *what, struct slice theirs, struct slice sig)
{
    struct fork_row row = {.at_ms = agent_wall(self)};

    agent_copy_text(row.what, sizeof row.what, what);
    buf_put_slice(&row.ours, slice_of(self->proven.statement, self->proven.statement_len));
    buf_put_slice(&row.ours_signature, slice_of(self->proven.signature, SIGNATURE_BYTES));
    buf_put_slice(&row.theirs, theirs);
    buf_put_slice(&row.theirs_signature, sig);
    store_fork_add(self->store, &row);
    fork_row_free(&row);
    agent_alarm(self, "fork_seen",
        "%s: two histories of one journal; waypost heads --evidence FILE saves both; call the "
        "broker's operator and the registrar",
        what);
}

/* Compared without a proof: the same size. Else what is to be proved: the smaller leads to the larger. */
static void compare_peer(agent_core_t *self, const struct compared_row *row)
{
    char what[160];

    if (row->size != self->proven.size) {
        bool older = row->size < self->proven.size;
        ask(self, older ? row->size : self->proven.size, older ? self->proven.size : row->size);
        agent_copy_text(self->prove_agent, sizeof self->prove_agent, row->agent);
        self->prove_root = row->root;
        return;
    }
    bool same = memcmp(row->root.b, self->proven.root.b, HASH_BYTES) == 0;
    store_begin(self->store);
    store_compared_result(self->store, row->agent, same ? COMPARE_SAME : COMPARE_DIFFERS,
        self->proven.size, agent_wall(self));
    if (!same) {
        (void)snprintf(what, sizeof what, "agent %s has seen another head of size %" PRIu64,
            row->agent, row->size);
        note_fork(self, what, buf_slice(&row->statement), buf_slice(&row->signature));
    }
    (void)agent_commit(self);
}

static bool is_late(agent_core_t *self)
{
    return agent_mono(self) - self->prove_since_ms > PROVE_LATE_MS;
}

void heads_pump(agent_core_t *self)
{
    struct compared_row row = {.size = 0};
    int64_t now_ms = agent_mono(self);

    if (self->state != SESSION_OPEN || !self->settled || self->publish_stopped != 0) {
        return;
    }
    if (self->prove_request != 0) {
        if (now_ms - self->prove_asked_ms > PROVE_WAIT_MS) {
            self->prove_request = 0;
        }
        if (is_late(self)) {
            agent_alarm(self, "unproven",
                "the broker has not proved its history for over an hour: ask its operator why");
        }
        return;
    }
    if (self->proven.size == 0) {
        return;
    }
    self->prove_agent[0] = '\0';
    bool newer = self->head.size > self->proven.size;
    if (newer && now_ms >= self->prove_at_ms) {
        self->prove_at_ms = now_ms + PROVE_PACE_MS;
        ask(self, self->proven.size, self->head.size);
        self->prove_root = self->head.root;
        self->prove_head = self->head;
    } else if (self->compare_wanted && store_compared_next(self->store, &row) == 0) {
        compare_peer(self, &row);
    } else if (!newer) {
        self->compare_wanted = false;
        self->prove_since_ms = now_ms; /* nothing is open */
    }
    compared_row_free(&row);
}

/* ---- answers ---- */

/* Our own head extends the one proven before, or the broker has signed two histories. */
static void own_result(agent_core_t *self, bool good)
{
    char what[160];

    store_begin(self->store);
    if (good) {
        heads_proven(self, &self->prove_head);
        agent_alarm_clear(self, "unproven");
    } else {
        (void)snprintf(what, sizeof what,
            "the broker signed a head of size %" PRIu64 " that does not extend its head of size "
            "%" PRIu64,
            self->prove_head.size, self->proven.size);
        note_fork(self, what, slice_of(self->prove_head.statement, self->prove_head.statement_len),
            slice_of(self->prove_head.signature, SIGNATURE_BYTES));
    }
    if (agent_commit(self) == 0 && !good) {
        agent_alarm(self, "fork", "%s: publishing has stopped, receiving goes on", what);
        outgoing_stop(self, E_FORK);
    }
}

static void peer_result(agent_core_t *self, enum comparison state)
{
    struct compared_row row;
    char what[160];

    if (store_compared_next(self->store, &row) != 0) {
        return;
    }
    if (strcmp(row.agent, self->prove_agent) == 0) {
        store_begin(self->store);
        store_compared_result(self->store, row.agent, state, self->proven.size, agent_wall(self));
        if (state == COMPARE_DIFFERS) {
            (void)snprintf(what, sizeof what,
                "agent %s has seen a head of size %" PRIu64 " that is not of our history",
                row.agent, row.size);
            note_fork(self, what, buf_slice(&row.statement), buf_slice(&row.signature));
        }
        (void)agent_commit(self);
    }
    compared_row_free(&row);
}

static bool proof_holds(agent_core_t *self, const Waypost__Proof *proof)
{
    struct merkle_path path;
    bool own = self->prove_agent[0] == '\0';
    bool older = !own && self->prove_size == self->proven.size;
    const struct hash *from = older ? &self->prove_root : &self->proven.root;
    const struct hash *to = older ? &self->proven.root : &self->prove_root;

    return proof->size == self->prove_size && book_path(proof->n_path, proof->path, &path) &&
        merkle_check_consistency(self->prove_from, from, self->prove_size, to, &path) == 0;
}

void heads_proof(agent_core_t *self, const Waypost__Proof *proof)
{
    if (self->prove_request == 0 || proof->request != self->prove_request) {
        return;
    }
    self->prove_request = 0;
    bool good = proof_holds(self, proof);
    if (self->prove_agent[0] == '\0') {
        own_result(self, good);
    } else {
        bool gap = !good &&
            store_in_gap(self->store,
                self->prove_size == self->proven.size ? self->prove_from : self->prove_size);
        peer_result(self, good ? COMPARE_SAME : gap ? COMPARE_GAP : COMPARE_DIFFERS);
    }
}

/* Beyond the journal: somebody has seen a head that the broker now does not have. */
bool heads_refused(agent_core_t *self, const Waypost__Refused *refused)
{
    if (self->prove_request == 0 || refused->request != self->prove_request) {
        return false;
    }
    self->prove_request = 0;
    if (refused->code != (uint32_t)-E_RANGE) {
        self->prove_at_ms = agent_mono(self) + PROVE_PACE_MS;
        self->compare_wanted =
            false; /* it cannot read its tree just now: asked again with the next word */
        return true;
    }
    if (self->prove_agent[0] == '\0') {
        own_result(self, false);
    } else {
        peer_result(
            self, store_in_gap(self->store, self->prove_size) ? COMPARE_GAP : COMPARE_DIFFERS);
    }
    return true;
}

/* ---- a broker that came back from a copy ---- */

/* The record that opened the epoch, where it stands in the journal of that head. 0, or E_FORK. */
static int epoch_check(agent_core_t *self, const Waypost__EpochProof *proof,
    const struct seen_head *head, struct epoch_body *out)
{
    struct merkle_path path;
    struct record record = {.type = RECORD_EPOCH};

    if (proof == NULL) {
        return E_FORK;
    }
    record.sequence = proof->leaf_index;
    record.time_ms = proof->recorded_ms;
    record.body = slice_of_binary(proof->body);
    struct hash leaf = record_leaf(self->options.network, &record);
    if (!book_path(proof->n_path, proof->path, &path) || proof->leaf_index >= head->size ||
        merkle_check(&leaf, proof->leaf_index, head->size, &path, &head->root) != 0 ||
        epoch_body_read(record.body, out) != 0 || out->epoch != head->epoch ||
        strcmp(out->network, self->options.network) != 0 ||
        memcmp(out->journal, head->journal, sizeof out->journal) != 0) {
        return E_FORK;
    }
    return 0;
}

static void keep_gaps(agent_core_t *self, const struct epoch_body *epoch)
{
    for (uint16_t i = 0; i < epoch->gap_count; i++) {
        const struct epoch_gap *gap = &epoch->gaps[i];
        const struct epoch_row row = {
            .epoch = gap->epoch, .base = gap->from, .lost_to = gap->to, .at_ms = agent_wall(self)};
        store_epoch_add(self->store, &row);
    }
}

/* What was there before the gap must still be there: the newest head that none of them took is proven next. */
static void epoch_take(agent_core_t *self, const struct epoch_body *epoch,
    const struct epoch_gap *lost, const struct seen_head *head, bool extends)
{
    store_begin(self->store);
    keep_gaps(self, epoch);
    uint64_t again = store_forget_from(self->store, lost->from);
    store_erasures_again(self->store);
    if (!extends) {
        store_head_save(self->store, head);
    }
    if (!extends && store_proven_head(self->store, lost->from, &self->proven) != 0) {
        heads_proven(self, head); /* there is none to hold it against */
    }
    agent_alarm(self, "recovered",
        "the broker came back from a copy: its records %" PRIu64 " to %" PRIu64
        " were lost; %" PRIu64 " events of ours among them are sent again",
        lost->from, lost->to, again);
    if (agent_commit(self) != 0) {
        return;
    }
    if (!extends) {
        self->head = *head;
    }
    self->past_at_ms = 0;
    outgoing_rewrap(self); /* of what was fetched back after a restore only our own wrap is here */
}

int heads_epoch(
    agent_core_t *self, const Waypost__Welcome *welcome, const struct seen_head *head, int past)
{
    struct epoch_body epoch;
    const struct seen_head *seen = &self->head;

    if (head->epoch <= seen->epoch ||
        memcmp(head->journal, seen->journal, sizeof seen->journal) != 0) {
        return past;
    }
    int rc = epoch_check(self, welcome->epoch, head, &epoch);
    struct epoch_gap lost = {.epoch = 0};
    if (rc == 0) {
        lost = epoch_lost_since(&epoch, seen->epoch);
    }
    if (rc == 0 && past != 0 && (seen->size <= lost.from || seen->size > lost.to)) {
        agent_alarm(self, "gap",
            "the broker's new epoch names records %" PRIu64 " to %" PRIu64
            " as lost, and we have seen %" PRIu64 ": its operator must run waypost recover --widen",
            lost.from, lost.to, seen->size);
        return E_ROLLBACK;
    }
    if (rc == 0) {
        epoch_take(self, &epoch, &lost, head, past == 0);
        agent_alarm_clear(self, "gap");
    }
    return rc;
}
