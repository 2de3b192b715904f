/*
 * session: connections and who speaks on them. A session is one connection with a key; its life is the table below.
 * What is refused here ends in REFUSED; a session that is over is ignored until it falls silent.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/record/ack.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

#define BIT(state) (1u << (state))

enum { PROTOCOL_VERSION = 1 };

static const unsigned session_next[SESSION_STATE_COUNT] = {
    [SESSION_HELLO] =
        BIT(SESSION_OPEN) | BIT(SESSION_REVOKED) | BIT(SESSION_IGNORED) | BIT(SESSION_CLOSED),
    [SESSION_OPEN] = BIT(SESSION_OPEN) | BIT(SESSION_SUPERSEDED) | BIT(SESSION_REVOKED) |
        BIT(SESSION_IGNORED) | BIT(SESSION_CLOSED),
    [SESSION_SUPERSEDED] = BIT(SESSION_CLOSED), /* the newer session of the same agent serves */
    [SESSION_REVOKED] = BIT(SESSION_CLOSED),    /* said once, then silence */
    [SESSION_IGNORED] = BIT(SESSION_CLOSED),    /* sent garbage */
    [SESSION_CLOSED] = BIT(SESSION_CLOSED),     /* swept at the next tick */
};

struct session *session_find(core_t *self, uint64_t id)
{
    return table_find(&self->sessions, id);
}

struct session *session_new(core_t *self, uint64_t id, const uint8_t *curve_key)
{
    if (self->sessions.count >= SESSIONS_MAX) {
        return NULL;
    }
    struct session *session = mem_new(1, sizeof *session);
    session->id = id;
    memcpy(session->curve_key, curve_key, sizeof session->curve_key);
    session->seen_mono_ms = self->mono_ms;
    session->next = self->session_list;
    if (session->next != NULL) {
        session->next->prev = session;
    }
    self->session_list = session;
    table_put(&self->sessions, id, session);
    return session;
}

void session_set(core_t *self, struct session *session, enum session_state state)
{
    assert((session_next[session->state] & BIT(state)) != 0);
    session->state = state;
    if (state != SESSION_OPEN) {
        ack_jobs_drop(self, session);
        if (session->stream != NULL && session->stream->session == session) {
            session->stream->session = NULL;
        }
    }
}

void session_remove(core_t *self, struct session *session)
{
    session_set(self, session, SESSION_CLOSED);
    table_remove(&self->sessions, session->id);
    *(session->prev != NULL ? &session->prev->next : &self->session_list) = session->next;
    if (session->next != NULL) {
        session->next->prev = session->prev;
    }
    free(session);
}

void session_end(core_t *self, struct session *session, enum session_state state, int rc,
    uint32_t retry_ms, const char *text)
{
    struct refusal refusal = {.has_retry = true, .retry_ms = retry_ms};

    session_set(self, session, state);
    (void)complain(&refusal.why, rc, "%s", text);
    out_refuse(self, session->id, &refusal);
}

/* ---- keys ---- */

static const struct register_key *curve_key_of(
    const struct register_agent *agent, const uint8_t *curve_key)
{
    for (size_t i = 0; i < agent->key_count; i++) {
        if (agent->keys[i].use == REGISTER_KEY_CURVE &&
            memcmp(agent->keys[i].key, curve_key, sizeof agent->keys[i].key) == 0) {
            return &agent->keys[i];
        }
    }
    return NULL;
}

int session_key_check(const core_t *self, const uint8_t *curve_key,
    const struct register_agent **agent_out, struct complaint *why)
{
    if (self->reg == NULL) {
        return complain(why, E_BUSY, "The broker has no register yet; try again later.");
    }
    const struct register_agent *agent = register_agent_by_curve(self->reg, curve_key);
    const struct register_key *key = agent == NULL ? NULL : curve_key_of(agent, curve_key);
    if (key == NULL) {
        return complain(why, E_PRINCIPAL,
            "The key of this connection belongs to no agent in register %llu; ask the registrar.",
            (unsigned long long)register_version(self->reg));
    }
    int rc = register_key_valid(agent, key, self->now_ms);
    if (rc != 0) {
        return complain(why, rc,
            "The connection key of agent %s does not count now: %s; ask the registrar.", agent->id,
            err_text(rc));
    }
    *agent_out = agent;
    return 0;
}

void session_register_changed(core_t *self)
{
    for (struct session *session = self->session_list; session != NULL; session = session->next) {
        const struct register_agent *agent;
        struct complaint why;
        int rc = session->state != SESSION_OPEN
            ? 0
            : session_key_check(self, session->curve_key, &agent, &why);
        if (rc != 0) {
            session_end(self, session, SESSION_REVOKED, rc, SUPERSEDED_RETRY_MS, why.text);
        }
    }
}

void session_epoch_changed(core_t *self, const char *name)
{
    struct stream *stream = stream_named(self, name);

    if (stream->session != NULL) {
        session_end(self, stream->session, SESSION_CLOSED, E_STATE, SESSION_RETRY_MS,
            "This agent's grants have changed and its stream begins anew; open a new session.");
    }
}

/* ---- HELLO ---- */

static bool lengths_sound(const Waypost__Hello *hello)
{
    return hello->instance.len == 16 &&
        (!hello->has_receipted_leaf || hello->receipted_leaf.len == HASH_BYTES) &&
        (!hello->has_running_hash || hello->running_hash.len == HASH_BYTES) &&
        (hello->stream_upto == 0 || hello->has_running_hash);
}

static bool speaks_our_version(const Waypost__Hello *hello)
{
    for (size_t i = 0; i < hello->n_versions; i++) {
        if (hello->versions[i] == PROTOCOL_VERSION) {
            return true;
        }
    }
    return false;
}

static int hello_check(core_t *self, const struct register_agent *agent,
    const Waypost__Hello *hello, struct refusal *refusal)
{
    struct complaint *why = &refusal->why;
    const struct stream *stream = stream_named(self, agent->id);

    if (!speaks_our_version(hello)) {
        return complain(why, E_VERSION,
            "This broker speaks protocol version %d and you name others; update the older program.",
            PROTOCOL_VERSION);
    }
    if (strcmp(hello->network, self->options.network) != 0) {
        return complain(why, E_NETWORK, "This broker serves network %s; check the join file.",
            self->options.network);
    }
    if (strcmp(hello->agent, agent->id) != 0) {
        return complain(why, E_SENDER,
            "You say that you are %.40s and the key of this connection is that of %s; use your "
            "own.",
            hello->agent, agent->id);
    }
    if (!lengths_sound(hello)) {
        return complain(why, E_MALFORMED, "HELLO has a field of a wrong length.");
    }
    if (hello->credit_events == 0 || hello->credit_events > CREDIT_EVENTS_MAX ||
        hello->credit_bytes == 0) {
        return complain(why, E_RANGE, "HELLO grants credit for %u events; 1 to %d can be.",
            hello->credit_events, CREDIT_EVENTS_MAX);
    }
    if (self->stopping || stream == NULL || !stream->durable) {
        refusal->has_retry = true;
        refusal->retry_ms = SESSION_RETRY_MS;
        return complain(why, E_BUSY, "%s; try again.",
            self->stopping ? "The broker stops" : "The register is just coming into force");
    }
    return 0;
}

/* Two processes with one key take over from each other all day: said now and then, counted always. */
static void takeover_log(const core_t *self, struct stream *stream)
{
    if (stream->takeover_said && self->mono_ms - stream->takeover_ms < SUPERSEDED_LOG_MS) {
        stream->takeovers++;
        return;
    }
    log_warnx("session superseded agent=%s: by another process with the same key; %u more since it "
              "was said last",
        stream->name, stream->takeovers);
    stream->takeover_said = true;
    stream->takeover_ms = self->mono_ms;
    stream->takeovers = 0;
}

static void supersede(core_t *self, struct stream *stream, const struct session *newer)
{
    struct session *older = stream->session;

    if (older == NULL || older == newer) {
        return;
    }
    core_count(self, COUNTER_SESSIONS_SUPERSEDED);
    if (memcmp(older->instance, newer->instance, sizeof older->instance) != 0) {
        core_count(self, COUNTER_SESSIONS_CLONED);
        takeover_log(self, stream);
    }
    session_end(self, older, SESSION_SUPERSEDED, E_SUPERSEDED, SUPERSEDED_RETRY_MS,
        "A newer session of this agent has taken over; wait, and look for a second program.");
}

/* The agent holds entries that cannot be read here any more: whether its stream is ours cannot be told. */
static int check_readable(
    core_t *self, struct stream *stream, const Waypost__Hello *hello, struct refusal *refusal)
{
    uint64_t sent_last = stream_sent_last(stream);

    if (hello->stream_epoch != stream->epoch || hello->stream_upto <= stream->acked ||
        delivery_skim(self, stream, hello->stream_upto) != E_IO) {
        return 0;
    }
    stream_sent_cut(stream, sent_last); /* an older session goes on with what it was sent */
    refusal->has_retry = true;
    refusal->retry_ms = SESSION_RETRY_MS;
    return complain(&refusal->why, E_BUSY,
        "An entry of your stream up to %llu cannot be read from the broker's journal; its operator "
        "has to restore it.",
        (unsigned long long)hello->stream_upto);
}

/* Where delivery begins: behind what the agent holds, where its running hash proves it (S-15). True: it does not. */
static bool place_stream(core_t *self, struct stream *stream, const Waypost__Hello *hello)
{
    uint64_t from = stream->acked > stream->acked_next ? stream->acked : stream->acked_next;
    bool diverged = stream->diverged;

    stream->diverged = false;
    if (hello->stream_epoch != stream->epoch || hello->stream_upto < stream->acked) {
        stream_sent_cut(stream, from);
        return diverged;
    }
    const struct hash *ours = NULL;
    if (hello->stream_upto == stream->acked) {
        ours = hello->stream_upto == 0 ? NULL : &stream->acked_hash;
    } else if (delivery_skim(self, stream, hello->stream_upto) == 0) {
        ours = &stream_sent(stream, hello->stream_upto)->running;
    } else {
        diverged = true;
    }
    if (ours != NULL && memcmp(ours->b, hello->running_hash.data, HASH_BYTES) != 0) {
        diverged = true;
    }
    bool take = !diverged && hello->stream_upto > from;
    stream_sent_cut(stream, take ? hello->stream_upto : from);
    return diverged;
}

/* ---- WELCOME ---- */

/* An agent shows a head that we have signed, of this epoch or a later one, and that is not of our history: this journal was
 * put back from a copy. Whatever were taken now would make a second history: nothing is, until `waypost recover` has named
 * the gap. */
static void rollback_note(core_t *self, const struct session *session, const Waypost__Hello *hello)
{
    const struct journal_head *head = journal_head(self->journal);
    struct slice statement = slice_of_proto(hello->seen_head->statement);
    const Waypost__Head *seen = message_decode(self->arena, &waypost__head__descriptor, statement);
    bool ours = false;

    for (size_t i = 0; i < register_broker_count(self->reg) && seen != NULL; i++) {
        ours = ours ||
            sign_check(SIGN_CONTEXT_HEAD, statement, slice_of_proto(hello->seen_head->signature),
                register_broker_at(self->reg, i)->head_key) == 0;
    }
    if (!ours || seen->epoch < head->epoch || seen->journal.len != sizeof head->journal ||
        memcmp(seen->journal.data, head->journal, sizeof head->journal) != 0) {
        return;
    }
    if (!self->rolled_back || seen->size > self->rolled_back_size) {
        log_errorx(
            "journal rolled back: agent %s has a signed head of %llu records in epoch %u that "
            "is not of our %llu: nothing is accepted; find the newer journal, or run "
            "waypost recover with its heads",
            session->stream->name, (unsigned long long)seen->size, seen->epoch,
            (unsigned long long)head->size);
        self->rolled_back_size = seen->size;
    }
    self->rolled_back = true;
}

/* False where the agent's head is not one of ours: one of the two was restored, or histories differ (S-4). */
static bool head_extends(core_t *self, const Waypost__Hello *hello, struct merkle_path *path)
{
    const struct journal_head *head = journal_head(self->journal);
    struct hash root;

    path->count = 0;
    if (hello->seen_head == NULL) {
        return true;
    }
    const Waypost__Head *seen = message_decode(
        self->arena, &waypost__head__descriptor, slice_of_proto(hello->seen_head->statement));
    if (seen == NULL || seen->journal.len != sizeof head->journal || seen->root.len != HASH_BYTES ||
        memcmp(seen->journal.data, head->journal, sizeof head->journal) != 0 ||
        seen->size > head->size) {
        return false;
    }
    if (seen->size == 0) {
        return true;
    }
    if (journal_root_at(self->journal, seen->size, &root) != 0 ||
        memcmp(root.b, seen->root.data, HASH_BYTES) != 0) {
        return false;
    }
    return journal_consistency(self->journal, seen->size, head->size, path) == 0;
}

/* The record of the epoch with its place in the head that WELCOME carries. Lives until the frame is encoded. */
struct epoch_told {
    Waypost__EpochProof proof;
    struct merkle_path path;
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];
};

static bool epoch_tell(core_t *self, const Waypost__Hello *hello, struct epoch_told *out)
{
    const struct journal_head *head = journal_head(self->journal);
    struct record record;
    const Waypost__Head *seen = hello->seen_head == NULL
        ? NULL
        : message_decode(
              self->arena, &waypost__head__descriptor, slice_of_proto(hello->seen_head->statement));

    if (seen == NULL || seen->epoch >= head->epoch || self->epoch_position == 0 ||
        journal_read(self->journal, self->epoch_position, &self->scratch_ack, &record) != 0 ||
        journal_path(self->journal, record.sequence, head->size, &out->path) != 0) {
        return false;
    }
    waypost__epoch_proof__init(&out->proof);
    out->proof.leaf_index = record.sequence;
    out->proof.recorded_ms = record.time_ms;
    out->proof.body =
        (ProtobufCBinaryData){record.body.len, (uint8_t *)(uintptr_t)record.body.data};
    for (uint32_t i = 0; i < out->path.count; i++) {
        out->steps[i] = (ProtobufCBinaryData){HASH_BYTES, out->path.step[i].b};
    }
    out->proof.n_path = out->path.count;
    out->proof.path = out->steps;
    return true;
}

static void welcome_incarnation(
    core_t *self, struct stream *stream, const Waypost__Hello *hello, Waypost__Welcome *welcome)
{
    const struct incarnation *inc = incarnation_of(stream, hello->incarnation);

    for (size_t i = 0; i < stream->incarnation_count; i++) {
        welcome->own_events += stream->incarnations[i].last_next;
    }
    welcome->incarnation_known = inc != NULL;
    if (inc == NULL || inc->last_next == 0) {
        return;
    }
    welcome->last_sequence = inc->last_next;
    struct view *view = view_get(self, inc->position_next);
    if (view != NULL) {
        const struct hash *leaf = view_leaf(self, view, view->batch.count - 1);
        welcome->has_last_leaf = 1;
        welcome->last_leaf = (ProtobufCBinaryData){HASH_BYTES, (uint8_t *)(uintptr_t)leaf->b};
    }
}

/*
 * The agent has acknowledged more than it holds: its database was put back from a copy. Its own
 * signed word says so, and what its running hash is there (S-15a). False: it holds enough, or the
 * record cannot be read. out lends from the core's scratch.
 */
static bool acked_before(
    core_t *self, const struct stream *stream, const Waypost__Hello *hello, Waypost__Signed *out)
{
    struct record record;
    struct ack_body ack;

    bool holds = hello->stream_epoch == stream->epoch && hello->stream_upto >= stream->acked;
    if (holds || stream->acked == 0 || stream->ack_position == 0 ||
        journal_read(self->journal, stream->ack_position, &self->scratch, &record) != 0 ||
        record.type != RECORD_ACK || ack_body_read(record.body, &ack) != 0) {
        return false;
    }
    out->statement =
        (ProtobufCBinaryData){ack.statement.len, (uint8_t *)(uintptr_t)ack.statement.data};
    out->signature =
        (ProtobufCBinaryData){ack.signature.len, (uint8_t *)(uintptr_t)ack.signature.data};
    return true;
}

static void welcome_send(
    core_t *self, struct session *session, const Waypost__Hello *hello, bool diverged)
{
    const struct journal_head *head = journal_head(self->journal);
    struct stream *stream = session->stream;
    Waypost__Welcome welcome = WAYPOST__WELCOME__INIT;
    Waypost__Signed signed_head = WAYPOST__SIGNED__INIT;
    Waypost__Signed acked = WAYPOST__SIGNED__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    struct merkle_path path;
    struct epoch_told told;
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];

    signed_head.statement =
        (ProtobufCBinaryData){head->statement_len, (uint8_t *)(uintptr_t)head->statement};
    signed_head.signature =
        (ProtobufCBinaryData){SIGNATURE_BYTES, (uint8_t *)(uintptr_t)head->signature};
    welcome.version = PROTOCOL_VERSION;
    welcome.head = &signed_head;
    welcome_incarnation(self, stream, hello, &welcome);
    welcome.register_version = register_version(self->reg);
    welcome.credit_events = self->options.credit_events;
    welcome.credit_bytes = self->options.credit_bytes;
    welcome.stream_epoch = stream->epoch;
    welcome.stream_acked = stream->acked;
    welcome.stream_last = stream->last;
    welcome.heartbeat_ms = self->options.heartbeat_ms;
    welcome.time_ms = self->now_ms;
    welcome.head_extends = head_extends(self, hello, &path);
    for (uint32_t i = 0; i < path.count; i++) {
        steps[i] = (ProtobufCBinaryData){HASH_BYTES, path.step[i].b};
    }
    welcome.n_consistency = path.count;
    welcome.consistency = steps;
    welcome.stream_diverged = diverged;
    welcome.acked = acked_before(self, stream, hello, &acked) ? &acked : NULL;
    if (!welcome.head_extends) {
        rollback_note(self, session, hello);
    }
    if (epoch_tell(self, hello, &told)) {
        welcome.epoch = &told.proof;
    }
    self->counters[COUNTER_HEADS_NOT_EXTENDED] += !welcome.head_extends;
    self->counters[COUNTER_DIVERGED] += diverged;
    frame.body_case = WAYPOST__FRAME__BODY_WELCOME;
    frame.welcome = &welcome;
    /* It names what was accepted last, and that may still be on its way to the disk. */
    uint64_t need = stream->unreceipted_last == NULL ? 0 : stream->unreceipted_last->leaf_index + 1;
    out_frame_after(self, session->id, &frame, need, true);
}

void session_hello(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    const Waypost__Hello *hello = frame->hello;
    struct refusal refusal = {.frame = WAYPOST__FRAME__BODY_HELLO};
    struct stream *stream = stream_named(self, agent->id);

    if (hello_check(self, agent, hello, &refusal) != 0 ||
        check_readable(self, stream, hello, &refusal) != 0) {
        out_refuse(self, session->id, &refusal);
        return;
    }
    memcpy(session->instance, hello->instance.data, sizeof session->instance);
    supersede(self, stream, session);
    ack_jobs_drop(self, session);
    session_set(self, session, SESSION_OPEN);
    session->stream = stream;
    session->incarnation = hello->incarnation;
    session->credit_events = hello->credit_events;
    session->credit_bytes = hello->credit_bytes;
    session->welcomed = session->pipe_full = session->conflict_told = false;
    session->duplicates_told = 0;
    stream->session = session;
    stream->seen_ms = self->now_ms;
    stream->unreadable = false;
    core_count(self, COUNTER_SESSIONS_OPENED);
    welcome_send(self, session, hello, place_stream(self, stream, hello));
}

/* ---- the small ones ---- */

enum { PROBE_BYTES = 16 };

/* What a probe is told, signed: that we are here, and when something last reached the disk (T-5). */
static void probe_sign(
    const core_t *self, const Waypost__Ping *ping, struct buf *statement, uint8_t *signature)
{
    Waypost__ProbeStatement said = WAYPOST__PROBE_STATEMENT__INIT;

    said.network = (char *)(uintptr_t)self->options.network;
    said.probe = ping->probe;
    said.time_ms = self->now_ms;
    said.stored_ms = self->stored_ms;
    said.size = journal_head(self->journal)->size;
    message_encode(&said.base, statement);
    journal_sign(self->journal, SIGN_CONTEXT_PROBE, buf_slice(statement), signature);
}

void session_ping(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    struct stream *stream = session->stream;
    Waypost__Pong pong = WAYPOST__PONG__INIT;
    Waypost__Frame answer = WAYPOST__FRAME__INIT;
    Waypost__Signed probe = WAYPOST__SIGNED__INIT;
    uint8_t signature[SIGNATURE_BYTES];
    struct buf statement = {0};

    (void)agent;
    stream->unopened = frame->ping->unopened;
    stream->oldest_unopened_ms = frame->ping->oldest_unopened_ms;
    pong.stream_acked = stream->acked;
    pong.stream_last = stream->last;
    pong.time_ms = self->now_ms;
    pong.register_version = register_version(self->reg);
    if (frame->ping->has_probe && frame->ping->probe.len == PROBE_BYTES) {
        probe_sign(self, frame->ping, &statement, signature);
        probe.statement = (ProtobufCBinaryData){statement.len, statement.data};
        probe.signature = (ProtobufCBinaryData){SIGNATURE_BYTES, signature};
        pong.probe = &probe;
    }
    answer.body_case = WAYPOST__FRAME__BODY_PONG;
    answer.pong = &pong;
    out_frame(self, session->id, &answer);
    buf_free(&statement);
}

void session_credit(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    const Waypost__Credit *credit = frame->credit;

    (void)agent;
    session->credit_events =
        credit->events > CREDIT_EVENTS_MAX ? CREDIT_EVENTS_MAX : credit->events;
    session->credit_bytes = credit->bytes;
    stream_ready(self, session->stream);
}

void session_bye(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    (void)agent;
    (void)frame;
    session_remove(self, session);
}

void session_tick(core_t *self)
{
    struct session *next;

    for (struct session *session = self->session_list; session != NULL; session = next) {
        next = session->next;
        bool silent = self->mono_ms - session->seen_mono_ms > (int64_t)self->options.session_ms;
        if (silent && session->state == SESSION_OPEN) {
            core_count(self, COUNTER_SESSIONS_SILENT);
        }
        if (silent || session->state == SESSION_CLOSED) {
            session_remove(self, session);
            continue;
        }
        if (session->pipe_full) {
            session->pipe_full = false;
            stream_ready(self, session->stream);
        }
    }
}
