/*
 * ack: acknowledgements come in. Each is verified elsewhere; those of one session are taken in the order they came.
 * What is refused changes nothing.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/log.h"
#include "common/record/ack.h"
#include "common/record/received.h"

#include "common/base/banned.h"

#define TIME_MS_MAX ((int64_t)CIVIL_DAY_MAX * CIVIL_DAY_MS)

enum { TEAM_BYTES_MAX = FACT_ID_BYTES_MAX };

void ack_jobs_drop(core_t *self, struct session *session)
{
    while (session->acks_first != NULL) {
        struct ack_job *ack = session->acks_first;
        session->acks_first = ack->next;
        table_remove(&self->jobs, ack->job);
        buf_free(&ack->bytes);
        free(ack);
    }
    session->acks_last = NULL;
    session->ack_count = 0;
}

void acked_send(core_t *self, uint64_t session, const struct stream *stream)
{
    Waypost__Acked acked = WAYPOST__ACKED__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    acked.stream_epoch = stream->epoch;
    acked.upto = stream->acked;
    acked.counter = stream->counter;
    acked.has_leaf_index = stream->ack_leaf != 0;
    acked.leaf_index = stream->ack_leaf;
    frame.body_case = WAYPOST__FRAME__BODY_ACKED;
    frame.acked = &acked;
    out_frame(self, session, &frame);
}

/* ---- checks ---- */

static int check_runs(
    const struct stream *stream, const Waypost__AckStatement *ack, struct complaint *why)
{
    uint64_t before = 0;

    if (ack->n_persisted > ACK_RUNS_MAX || ack->n_faults > ACK_RUNS_MAX ||
        ack->n_opened > ACK_RUNS_MAX) {
        return complain(why, E_RANGE,
            "The acknowledgement has more than %d runs, faults or openings; send several.",
            ACK_RUNS_MAX);
    }
    for (size_t i = 0; i < ack->n_persisted; i++) {
        const Waypost__PersistedRun *run = ack->persisted[i];
        if (run->upto <= before || run->upto > ack->upto || run->at_ms < 0 ||
            run->at_ms > TIME_MS_MAX) {
            return complain(why, E_RANGE,
                "The runs of an acknowledgement must rise and end at %llu, with possible times.",
                (unsigned long long)ack->upto);
        }
        before = run->upto;
    }
    if (ack->upto > stream->acked_next && before != ack->upto) {
        return complain(why, E_RANGE, "The runs of an acknowledgement must end at %llu.",
            (unsigned long long)ack->upto);
    }
    return 0;
}

static int check_faults_and_openings(const Waypost__AckStatement *ack, struct complaint *why)
{
    for (size_t i = 0; i < ack->n_faults; i++) {
        uint32_t code = ack->faults[i]->code;
        if (code != (uint32_t)-E_SIGNATURE && code != (uint32_t)-E_OPEN) {
            return complain(why, E_RANGE, "A fault has code %u; %d and %d can be.", code,
                -E_SIGNATURE, -E_OPEN);
        }
    }
    for (size_t i = 0; i < ack->n_opened; i++) {
        const Waypost__Opened *opened = ack->opened[i];
        if (opened->event.len != UUID_BYTES || (int)opened->role <= 0 ||
            (int)opened->role > UINT8_MAX ||
            (opened->team != NULL && strlen(opened->team) > TEAM_BYTES_MAX) || opened->at_ms < 0 ||
            opened->at_ms > TIME_MS_MAX) {
            return complain(why, E_RANGE,
                "An opening needs an event of 16 bytes, a role, a team of at most %d characters "
                "and a possible time.",
                TEAM_BYTES_MAX);
        }
    }
    return 0;
}

/* S-18: number and running hash must be what is here. */
static int check_place(
    struct stream *stream, const Waypost__AckStatement *ack, struct complaint *why)
{
    const struct hash *ours = stream_hash(stream, ack->upto);

    if (ack->stream_epoch != stream->epoch_next) {
        return complain(why, E_STATE, "The stream is in epoch %llu now; open a new session.",
            (unsigned long long)stream->epoch_next);
    }
    if (ours == NULL || ack->upto < stream->acked_next ||
        memcmp(ours->b, ack->running_hash.data, HASH_BYTES) != 0) {
        stream->diverged = true;
        return complain(why, E_CONFLICT,
            "The stream up to %llu is another here: acknowledged is %llu, sent %llu; open a new "
            "session and compare.",
            (unsigned long long)ack->upto, (unsigned long long)stream->acked_next,
            (unsigned long long)stream_sent_last(stream));
    }
    return 0;
}

/* S-18a: what it names is what was sent behind the statement before, all of which is still known here. */
static int check_received(
    const struct stream *stream, const Waypost__AckStatement *ack, struct complaint *why)
{
    struct merkle_frontier tree = {.size = 0};

    if (!received_named(ack)) {
        return 0;
    }
    if (ack->received_after >= ack->upto ||
        (ack->has_received_root && ack->received_root.len != HASH_BYTES)) {
        return complain(why, E_RANGE,
            "The acknowledgement names what it received behind %llu, up to %llu.",
            (unsigned long long)ack->received_after, (unsigned long long)ack->upto);
    }
    if (ack->received_after < stream->acked || ack->received_after > stream->acked_next) {
        return complain(why, E_CONFLICT,
            "The acknowledgement names what it received behind %llu; acknowledged is %llu: open a "
            "new session.",
            (unsigned long long)ack->received_after, (unsigned long long)stream->acked_next);
    }
    for (uint64_t n = ack->received_after + 1; n <= ack->upto; n++) {
        frontier_add(&tree, stream_hash(stream, n));
    }
    struct hash root = frontier_root(&tree);
    const ProtobufCBinaryData *said =
        tree.size == 1 && !ack->has_received_root ? &ack->running_hash : &ack->received_root;
    if (said->len != HASH_BYTES || memcmp(said->data, root.b, HASH_BYTES) != 0) {
        return complain(why, E_CONFLICT,
            "The acknowledgement names other entries than were sent from %llu to %llu; open a new "
            "session and compare.",
            (unsigned long long)ack->received_after + 1, (unsigned long long)ack->upto);
    }
    return 0;
}

/* Whom an opening is told is read from its batch. While that one is lost the statement waits with its agent. */
static int check_lost(core_t *self, const struct stream *stream, const Waypost__AckStatement *ack,
    struct complaint *why)
{
    for (size_t i = 0; i < ack->n_opened && self->losses.count > 0; i++) {
        const struct openable *known =
            openable_find(self, openable_key(ack->opened[i]->event.data, stream->index));
        if (known != NULL && lost_at(&self->losses, known->position) != NULL) {
            return complain(why, E_BUSY,
                "An event that was opened cannot be read from the broker's journal; its operator "
                "has to restore it.");
        }
    }
    return 0;
}

static const Waypost__AckStatement *ack_decode(core_t *self, struct slice statement)
{
    const Waypost__AckStatement *ack =
        message_decode(self->arena, &waypost__ack_statement__descriptor, statement);

    return ack == NULL || ack->key_id.len != KEY_ID_BYTES || ack->running_hash.len != HASH_BYTES
        ? NULL
        : ack;
}

static int check_speaker(core_t *self, const struct register_agent *agent,
    const Waypost__AckStatement *ack, const struct register_key **key, struct complaint *why)
{
    if (strcmp(ack->network, self->options.network) != 0) {
        return complain(why, E_NETWORK, "The acknowledgement is of another network; this is %s.",
            self->options.network);
    }
    if (strcmp(ack->agent, agent->id) != 0) {
        return complain(why, E_SENDER,
            "The acknowledgement is of agent %.40s, the connection of %s; sign your own.",
            ack->agent, agent->id);
    }
    *key = register_key_of(agent, REGISTER_KEY_SIGN, ack->key_id.data);
    int rc = *key == NULL ? E_KEY : register_key_valid(agent, *key, self->now_ms);
    if (rc != 0) {
        return complain(why, rc, "The signing key of agent %s does not count: %s; renew it.",
            agent->id, err_text(rc));
    }
    return 0;
}

/* ---- in ---- */

static void ack_start(core_t *self, struct session *session, const Waypost__Signed *message,
    const struct register_key *key)
{
    struct verify_job *job = verify_job_new(self, false, 0);
    struct ack_job *ack = mem_new(1, sizeof *ack);

    buf_put_slice(&job->bytes, slice_of_proto(message->statement));
    buf_put_slice(&job->bytes, slice_of_proto(message->signature));
    buf_put_slice(&ack->bytes, buf_slice(&job->bytes));
    ack->statement_len = message->statement.len;
    job->statement = slice_of(job->bytes.data, ack->statement_len);
    job->signature = slice_of(job->bytes.data + ack->statement_len, SIGNATURE_BYTES);
    assert(key != NULL); /* check_speaker() found it */
    memcpy(job->public_key, key->key, sizeof job->public_key);
    *(session->acks_last != NULL ? &session->acks_last->next : &session->acks_first) = ack;
    session->acks_last = ack;
    session->ack_count++;
    ack->job = verify_start(self, job, session, true);
}

void ack_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    const Waypost__Signed *message = frame->ack;
    struct refusal refusal = {.frame = WAYPOST__FRAME__BODY_ACK};
    const Waypost__AckStatement *ack = ack_decode(self, slice_of_proto(message->statement));
    const struct register_key *key = NULL;

    if (self->rolled_back) {
        return; /* nothing is recorded until `waypost recover`; it comes again */
    }
    if (ack == NULL || message->signature.len != SIGNATURE_BYTES) {
        (void)complain(&refusal.why, E_MALFORMED, "The acknowledgement cannot be read.");
    } else if (check_speaker(self, agent, ack, &key, &refusal.why) != 0) {
        /* said */
    } else if (ack->counter <= session->stream->counter_next) {
        core_count(self, COUNTER_ACKS_REPEATED);
        acked_send(self, session->id, session->stream);
        return;
    } else if (session->ack_count >= ACKS_WAITING_MAX) {
        (void)complain(&refusal.why, E_BUSY,
            "%d acknowledgements wait already; send fewer, each for more entries.",
            ACKS_WAITING_MAX);
    } else {
        ack_start(self, session, message, key);
        return;
    }
    out_refuse(self, session->id, &refusal);
}

/* ---- taken ---- */

static void ack_record(core_t *self, struct stream *stream, const struct ack_job *job,
    const Waypost__AckStatement *ack)
{
    struct buf body = {0};
    uint64_t position;
    size_t id_len = strlen(stream->name);

    buf_put_u32(&body, (uint32_t)job->statement_len);
    buf_put_slice(&body, buf_slice(&job->bytes));
    buf_put_u16(&body, (uint16_t)id_len);
    buf_put(&body, stream->name, id_len);
    uint64_t leaf = append_record(self, RECORD_ACK, buf_slice(&body), slice_of(NULL, 0), &position);
    buf_free(&body);
    acked_append(self, stream, ack, leaf, position);
    stream->acked_next = ack->upto;
    stream->counter_next = ack->counter;
    core_count(self, COUNTER_ACKS_TAKEN);
    self->counters[COUNTER_FAULTS] += ack->n_faults;
}

static void ack_take(core_t *self, struct session *session, const struct ack_job *job)
{
    struct stream *stream = session->stream;
    struct refusal refusal = {.frame = WAYPOST__FRAME__BODY_ACK};

    if (job->rc != 0) {
        (void)complain(&refusal.why, E_SIGNATURE,
            "The acknowledgement is not signed by the key it names; check the signing key.");
        out_refuse(self, session->id, &refusal);
        return;
    }
    arena_reset(self->arena);
    const Waypost__AckStatement *ack =
        ack_decode(self, slice_of(job->bytes.data, job->statement_len));
    assert(ack != NULL); /* it was read when it came */
    if (ack->counter <= stream->counter_next) {
        core_count(self, COUNTER_ACKS_REPEATED);
        acked_send(self, session->id, stream);
        return;
    }
    if (check_place(stream, ack, &refusal.why) != 0 ||
        check_received(stream, ack, &refusal.why) != 0 ||
        check_runs(stream, ack, &refusal.why) != 0 ||
        check_faults_and_openings(ack, &refusal.why) != 0 ||
        check_lost(self, stream, ack, &refusal.why) != 0) {
        out_refuse(self, session->id, &refusal);
        return;
    }
    ack_record(self, stream, job, ack);
}

void ack_run(core_t *self, struct session *session)
{
    while (session->acks_first != NULL && session->acks_first->verified && !self->judging_paused &&
        fold_ready(self)) {
        struct ack_job *job = session->acks_first;
        session->acks_first = job->next;
        if (session->acks_first == NULL) {
            session->acks_last = NULL;
        }
        session->ack_count--;
        ack_take(self, session, job);
        buf_free(&job->bytes);
        free(job);
    }
}

void ack_verified(core_t *self, struct session *session, struct verify_job *job)
{
    for (struct ack_job *ack = session->acks_first; ack != NULL; ack = ack->next) {
        if (ack->job == job->id) {
            ack->verified = true;
            ack->rc = job->rc;
        }
    }
    ack_run(self, session);
}

/* ---- once more ---- */

int ack_redo(core_t *self, const struct record *record, uint64_t position, struct buf *out)
{
    struct complaint why;
    struct ack_body body;

    if (ack_body_read(record->body, &body) != 0) {
        return E_CORRUPT;
    }
    arena_reset(self->arena);
    struct stream *stream = stream_named(self, body.agent);
    const Waypost__AckStatement *ack = ack_decode(self, body.statement);
    if (stream == NULL || ack == NULL || delivery_skim(self, stream, ack->upto) != 0 ||
        check_place(stream, ack, &why) != 0 || check_received(stream, ack, &why) != 0 ||
        check_runs(stream, ack, &why) != 0 || check_faults_and_openings(ack, &why) != 0) {
        return E_CORRUPT;
    }
    acked_build(self, stream, ack, record->sequence, position, out);
    return 0;
}
