/*
 * uplink: one session after another with the broker: when to connect, HELLO, what WELCOME says
 * about both sides' pasts (S-1 to S-5), refusals, heartbeats. Whatever goes wrong ends the
 * session; the next one is tried with a wait that doubles, for ever.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "client/agent/bundling.h"
#include "client/agent/erasing.h"
#include "client/agent/heads.h"
#include "client/agent/ops.h"
#include "client/agent/beliefs.h"
#include "common/base/log.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

enum { HEARTBEATS_MISSED = 3, PROTOCOL_VERSION = 1 };

/* ---- connecting ---- */

static int64_t jittered(agent_core_t *self, int64_t wait_ms)
{
    uint32_t random = 0;

    self->world->random(self->world->context, &random, sizeof random);
    return wait_ms / 2 + (int64_t)(random % (uint32_t)(wait_ms / 2 + 1));
}

static int64_t next_backoff(agent_core_t *self)
{
    int64_t wait_ms =
        self->backoff_ms < AGENT_BACKOFF_MIN_MS ? AGENT_BACKOFF_MIN_MS : self->backoff_ms;

    self->backoff_ms = wait_ms * 2 > AGENT_BACKOFF_MAX_MS ? AGENT_BACKOFF_MAX_MS : wait_ms * 2;
    return jittered(self, wait_ms);
}

void uplink_close(agent_core_t *self, int64_t wait_ms)
{
    if (self->state != SESSION_OFFLINE) {
        self->ports.disconnect(self->ports.context);
        agent_count(self, AGENT_SESSIONS_LOST);
    }
    if (self->state == SESSION_OPEN) {
        self->online_upto_ms = agent_wall(self);
        log_info("session closed endpoint=%s", self->endpoint);
    }
    self->state = SESSION_OFFLINE;
    self->settled = false;
    self->restoring = false;
    self->register_asked = false;
    self->flight_count = 0;
    self->state_since_ms = agent_mono(self);
    self->connect_at_ms = agent_mono(self) + (wait_ms < 0 ? next_backoff(self) : wait_ms);
    bundling_offline(self);
    ops_offline(self);
}

static void connect_now(agent_core_t *self)
{
    self->state = SESSION_CONNECTING;
    self->state_since_ms = agent_mono(self);
    self->ports.connect(self->ports.context, book_curve_keys(self));
}

void agent_core_disconnected(agent_core_t *self, int rc)
{
    if (self->state == SESSION_OFFLINE) {
        return;
    }
    if (rc == E_KEY) {
        agent_alarm(self, "key_rejected",
            "the broker rejects our connection key; have it registered, or look whether it was "
            "revoked");
        self->key_at_work = (self->key_at_work + 1) % self->options.key_count;
    }
    uplink_close(self, -1);
}

static bool receipted_leaf(void *context, struct outbox_row *row)
{
    agent_core_t *self = context;
    struct hash leaf = hash_event_leaf(self->options.network, buf_slice(&row->bytes));

    buf_clear(&self->welcome); /* borrowed: free between two sessions */
    buf_put(&self->welcome, leaf.b, HASH_BYTES);
    return false;
}

static void say_hello(agent_core_t *self)
{
    static uint32_t versions[] = {PROTOCOL_VERSION};
    const struct identity *identity = &self->identity;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Hello hello = WAYPOST__HELLO__INIT;
    Waypost__Signed seen = WAYPOST__SIGNED__INIT;

    hello.n_versions = 1;
    hello.versions = versions;
    hello.network = (char *)(uintptr_t)self->options.network;
    hello.agent = (char *)(uintptr_t)self->options.agent;
    hello.incarnation = identity->incarnation;
    hello.sent_sequence = identity->sent_sequence;
    hello.receipted_sequence = store_receipted_upto(self->store, identity->incarnation);
    buf_clear(&self->welcome);
    if (hello.receipted_sequence > 0) {
        store_outbox_range(
            self->store, identity->incarnation, hello.receipted_sequence, 1, receipted_leaf, self);
        hello.has_receipted_leaf = self->welcome.len == HASH_BYTES;
        hello.receipted_leaf = binary_of(buf_slice(&self->welcome));
    }
    hello.stream_epoch = identity->stream_epoch;
    hello.stream_upto = identity->stream_upto;
    hello.has_running_hash = identity->stream_upto > 0;
    hello.running_hash = binary_of(slice_of(identity->running.b, HASH_BYTES));
    if (self->head.size > 0) {
        seen.statement = binary_of(slice_of(self->head.statement, self->head.statement_len));
        seen.signature = binary_of(slice_of(self->head.signature, sizeof self->head.signature));
        hello.seen_head = &seen;
    }
    hello.register_version = self->book == NULL ? 0 : register_version(self->book);
    hello.credit_events = self->options.credit_events;
    hello.credit_bytes = self->options.credit_bytes;
    hello.ack_counter = self->ack_counter;
    hello.instance = binary_of(slice_of(self->instance, sizeof self->instance));
    frame.body_case = WAYPOST__FRAME__BODY_HELLO;
    frame.hello = &hello;
    (void)agent_send(self, &frame);
}

void agent_core_connected(agent_core_t *self, const char *endpoint)
{
    if (self->state != SESSION_CONNECTING) {
        return;
    }
    agent_copy_text(self->endpoint, sizeof self->endpoint, endpoint);
    self->state = SESSION_HELLO;
    self->state_since_ms = agent_mono(self);
    say_hello(self);
}

/* ---- WELCOME ---- */

/* Cut our numbering back to what is acknowledged: what we hold above it is not what the broker
 * holds. */
static void cut_back(agent_core_t *self, uint64_t acked)
{
    struct identity *identity = &self->identity;
    struct hash at_acked =
        incoming_hash_start(self->options.network, self->options.agent, identity->stream_epoch);

    agent_alarm(self, "stream_diverged",
        "the broker's stream differs from ours after %" PRIu64 "; it is fetched again", acked);
    if (acked > 0 && !store_entry_hash(self->store, identity->stream_epoch, acked, &at_acked)) {
        return;
    }
    store_begin(self->store);
    store_entries_cut(self->store, identity->stream_epoch, acked);
    store_erasures_again(self->store); /* it may have lost them with what came in the stream */
    identity->stream_upto = acked;
    identity->running = at_acked;
    store_identity_save(self->store, identity);
    if (agent_commit(self) == 0) {
        incoming_resend(self);
    }
}

static void take_stream(agent_core_t *self, const Waypost__Welcome *welcome)
{
    struct identity *identity = &self->identity;

    bool fresh = identity->stream_epoch == 0;

    store_begin(self->store);
    if (welcome->stream_epoch != identity->stream_epoch) {
        incoming_start_epoch(self, welcome->stream_epoch);
    }
    if (fresh) {
        identity->from_start = welcome->stream_acked == 0;
        store_identity_save(self->store, identity);
    }
    store_openings_again(self->store);
    if (agent_commit(self) != 0) {
        return;
    }
    if (welcome->stream_acked > identity->stream_upto) {
        log_warnx("stream: the broker has %" PRIu64
                  " as acknowledged, this database ends at %" PRIu64 ": it was restored or is new",
            welcome->stream_acked, identity->stream_upto);
    }
    identity->stream_acked = welcome->stream_acked < identity->stream_upto ? welcome->stream_acked
                                                                           : identity->stream_upto;
    self->ack_sent_upto = identity->stream_acked;
    self->ack_wanted = true;
    if (welcome->stream_diverged) {
        cut_back(self, identity->stream_acked);
    } else {
        agent_alarm_clear(self, "stream_diverged");
    }
}

void uplink_welcome(agent_core_t *self, const Waypost__Welcome *welcome, struct slice frame)
{
    if (self->state != SESSION_HELLO) {
        return;
    }
    if (welcome->version != PROTOCOL_VERSION) {
        agent_alarm(self, "session",
            "the broker chose protocol version %u, which is not spoken here",
            (unsigned)welcome->version);
        uplink_close(self, AGENT_BACKOFF_MAX_MS);
        return;
    }
    beliefs_note(self, welcome->stream_last);
    self->state = SESSION_OPEN;
    self->state_since_ms = agent_mono(self);
    self->online_since_ms = agent_wall(self);
    self->backoff_ms = 0;
    self->key_at_work = 0;
    self->heartbeat_ms = welcome->heartbeat_ms < AGENT_HEARTBEAT_MAX_MS
        ? (int64_t)welcome->heartbeat_ms
        : AGENT_HEARTBEAT_MAX_MS;
    self->heartbeat_ms = self->heartbeat_ms < 100 ? 100 : self->heartbeat_ms;
    self->ping_at_ms = agent_mono(self);
    self->credit_events = welcome->credit_events;
    self->credit_bytes = welcome->credit_bytes;
    self->resend_wanted = false;
    self->resend_pending = false;
    self->resend_at_ms = 0;
    buf_clear(&self->welcome);
    buf_put_slice(&self->welcome, frame);
    log_info("session open endpoint=%s register=%" PRIu64 " stream_last=%" PRIu64, self->endpoint,
        welcome->register_version, welcome->stream_last);
    agent_alarm_clear(self, "session");
    agent_alarm_clear(self, "key_rejected");
    agent_alarm_clear(self, "protocol");
    agent_alarm_clear(self, "storage");
    agent_count(self, AGENT_SESSIONS);
    uint64_t version = welcome->register_version; /* the frame may go with the arena below */
    take_stream(self, welcome);
    if (self->state != SESSION_OPEN) {
        return;
    }
    uint64_t own_version = self->book == NULL ? 0 : register_version(self->book);
    self->register_old = version > own_version;
    if (self->register_old) {
        book_ask(self);
        return;
    }
    uplink_settle(self);
}

/* S-4: 0 where the broker's journal extends what we have seen. */
static int check_past(agent_core_t *self, const Waypost__Welcome *welcome, struct seen_head *head)
{
    struct merkle_path path;
    const struct seen_head *seen = &self->head;
    int rc = book_head(self, welcome->head, head);

    if (rc != 0 || seen->size == 0) {
        return rc;
    }
    if (head->size < seen->size || head->epoch < seen->epoch) {
        return E_ROLLBACK;
    }
    if (!welcome->head_extends || memcmp(head->journal, seen->journal, sizeof seen->journal) != 0 ||
        !book_path(welcome->n_consistency, welcome->consistency, &path)) {
        return E_FORK;
    }
    if (merkle_check_consistency(seen->size, &seen->root, head->size, &head->root, &path) != 0) {
        return E_FORK;
    }
    return 0;
}

struct leaf_search {
    const char *network;
    ProtobufCBinaryData want;
    bool found;
};

static bool leaf_is(void *context, struct outbox_row *row)
{
    struct leaf_search *search = context;
    struct hash leaf = hash_event_leaf(search->network, buf_slice(&row->bytes));

    search->found =
        search->want.len == HASH_BYTES && memcmp(search->want.data, leaf.b, HASH_BYTES) == 0;
    return false;
}

static bool last_leaf_is_ours(agent_core_t *self, const Waypost__Welcome *welcome)
{
    struct leaf_search search = {self->options.network, welcome->last_leaf, false};

    store_outbox_range(
        self->store, self->identity.incarnation, welcome->last_sequence, 1, leaf_is, &search);
    return search.found;
}

/* S-3: true where this database has forgotten, or never knew, what the broker has of us. */
static bool was_restored(agent_core_t *self, const Waypost__Welcome *welcome)
{
    const struct identity *identity = &self->identity;

    if (welcome->last_sequence > identity->sent_sequence) {
        return true;
    }
    /* A broker whose disk has lost that batch says no leaf: that is its damage, and says nothing of us. */
    if (welcome->last_sequence > 0 && welcome->has_last_leaf && !last_leaf_is_ours(self, welcome)) {
        return true;
    }
    return !welcome->incarnation_known && welcome->own_events > 0 && !identity->own_fetched &&
        store_outbox_known(self->store) == 0;
}

static void past_is_wrong(agent_core_t *self, int rc)
{
    agent_alarm(self, rc == E_ROLLBACK ? "rollback" : "fork",
        "%s: publishing has stopped, receiving goes on; call the operator of the broker",
        err_text(rc));
    outgoing_stop(self, rc);
}

static void keep_head(agent_core_t *self, const struct seen_head *head)
{
    uint64_t seen_size = self->head.size;

    store_begin(self->store);
    int rc = book_note_head(self, head);
    if (rc == 0 && (self->proven.size == 0 || self->proven.size == seen_size)) {
        heads_proven(self, head); /* it extends the one that was proven before */
    }
    if (agent_commit(self) == 0 && rc != 0) {
        past_is_wrong(self, rc);
    }
}

static void begin_publishing(agent_core_t *self, const Waypost__Welcome *welcome)
{
    uint64_t receipted = store_receipted_upto(self->store, self->identity.incarnation);

    if (welcome->last_sequence < receipted) {
        past_is_wrong(self, E_ROLLBACK);
        return;
    }
    if (self->identity.restore != 0 || was_restored(self, welcome)) {
        restore_begin(self, "the broker knows more of us than this database does");
        return;
    }
    agent_alarm_clear(self, "rollback");
    agent_alarm_clear(self, "fork");
    agent_alarm_clear(self, "receipt");
    erasing_session(self);
    heads_session(self);
    outgoing_begin(self);
    self->publish_at_ms = 0;
    self->publish_wait_ms = 0;
    if (store_openings_waiting(self->store) > 0) {
        acking_tick(self); /* opened in time comes before an event too late for the deadline */
    }
    outgoing_pump(self);
}

/* Our own word: upto and running hash of what this agent once held. 0 or E_SIGNATURE. */
static int check_acked(agent_core_t *self, const Waypost__Welcome *welcome, struct hash *running)
{
    const Waypost__Signed *acked = welcome->acked;
    const Waypost__AckStatement *said = message_decode(
        self->inner, &waypost__ack_statement__descriptor, slice_of_binary(acked->statement));

    if (said == NULL || self->me == NULL || said->key_id.len != KEY_ID_BYTES ||
        strcmp(said->network, self->options.network) != 0 ||
        strcmp(said->agent, self->options.agent) != 0 ||
        said->stream_epoch != welcome->stream_epoch || said->upto != welcome->stream_acked ||
        said->running_hash.len != HASH_BYTES) {
        return E_SIGNATURE;
    }
    const struct register_key *key =
        register_key_of(self->me, REGISTER_KEY_SIGN, said->key_id.data);
    if (key == NULL) {
        return E_SIGNATURE;
    }
    memcpy(running->b, said->running_hash.data, HASH_BYTES);
    return sign_check(SIGN_CONTEXT_ACK, slice_of_binary(acked->statement),
        slice_of_binary(acked->signature), key->key);
}

/* S-15a: what this database has lost was acknowledged and does not come again; the stream goes on behind it. */
static void pass_lost(agent_core_t *self, const Waypost__Welcome *welcome)
{
    struct identity *identity = &self->identity;
    struct hash running;

    if (welcome->acked == NULL || welcome->stream_acked <= identity->stream_upto ||
        welcome->stream_epoch != identity->stream_epoch) {
        return;
    }
    int rc = check_acked(self, welcome, &running);
    if (rc != 0) {
        agent_alarm(self, "stream_gap",
            "the broker says that this agent has acknowledged entries up to %" PRIu64
            " and cannot show its word for it; nothing more is received: call its operator",
            welcome->stream_acked);
        return;
    }
    if (self->options.keeper != NULL) { /* a hub fetches them again, from the journal */
        agent_core_fetch_past(self, self->past_pending ? self->past_leaf : 0, self->past_skip);
    } else {
        agent_alarm(self, "stream_gap",
            "entries %" PRIu64 " to %" PRIu64
            " of our stream were acknowledged and are not in this "
            "database: it was put back from a copy; ask their senders to send them again",
            identity->stream_upto + 1, welcome->stream_acked);
    }
    store_begin(self->store);
    identity->stream_upto = identity->stream_acked = welcome->stream_acked;
    identity->running = running;
    identity->from_start = false;
    store_identity_save(self->store, identity);
    self->ack_sent_upto = identity->stream_acked;
    self->resend_at_ms = 0;
    if (agent_commit(self) == 0) {
        incoming_resend(self); /* what came meanwhile could not be taken */
    }
}

void uplink_settle(agent_core_t *self)
{
    Waypost__Frame *frame = NULL;
    struct seen_head head;

    if (self->settled || self->state != SESSION_OPEN || self->book == NULL) {
        return;
    }
    arena_reset(self->arena);
    arena_reset(self->inner);
    if (frame_decode(self->arena, buf_slice(&self->welcome), &frame) != 0) {
        return;
    }
    self->settled = true;
    self->publish_stopped = 0;
    pass_lost(self, frame->welcome);
    if (self->state != SESSION_OPEN) {
        return;
    }
    int rc = check_past(self, frame->welcome, &head);
    if (self->head.size > 0 && (rc == 0 || rc == E_ROLLBACK || rc == E_FORK)) {
        rc = heads_epoch(self, frame->welcome, &head, rc);
    }
    /* Where the epoch could not be written the next WELCOME tells it again. */
    if (self->state != SESSION_OPEN) {
        return;
    }
    if (rc != 0) {
        past_is_wrong(self, rc);
        return;
    }
    keep_head(self, &head);
    if (self->state == SESSION_OPEN && self->publish_stopped == 0) {
        begin_publishing(self, frame->welcome);
    }
    if (self->state == SESSION_OPEN && self->past_pending) {
        incoming_fetch_past(self);
    }
}

/* ---- refusals ---- */

static void superseded(agent_core_t *self)
{
    int64_t now_ms = agent_mono(self);

    if (self->superseded_at_ms != 0 &&
        now_ms - self->superseded_at_ms < AGENT_SUPERSEDED_TWICE_MS) {
        agent_alarm(self, "clone",
            "another program uses the key of agent %s: find it and stop it, or revoke the key",
            self->options.agent);
    }
    self->superseded_at_ms = now_ms;
    self->superseded_wait_ms =
        self->superseded_wait_ms == 0 ? AGENT_SUPERSEDED_WAIT_MS : self->superseded_wait_ms * 2;
    if (self->superseded_wait_ms > AGENT_SUPERSEDED_WAIT_MAX_MS) {
        self->superseded_wait_ms = AGENT_SUPERSEDED_WAIT_MAX_MS;
    }
    log_warnx("a newer session of this agent has taken over; next try in %" PRId64 " s",
        self->superseded_wait_ms / 1000);
    uplink_close(self, self->superseded_wait_ms);
}

static void session_over(agent_core_t *self, const Waypost__Refused *refused)
{
    int code = -(int)refused->code;
    int64_t wait_ms = refused->has_retry_ms ? (int64_t)refused->retry_ms : -1;

    if (code != E_BUSY && code != E_SESSION) {
        agent_alarm(self, "session", "the broker ended the session: %s: %.200s", err_name(code),
            refused->text);
    }
    wait_ms = wait_ms > AGENT_BACKOFF_MAX_MS ? AGENT_BACKOFF_MAX_MS : wait_ms;
    uplink_close(self, wait_ms);
}

void uplink_refused(agent_core_t *self, const Waypost__Refused *refused)
{
    int code = refused->code > INT32_MAX ? E_MALFORMED : -(int)refused->code;

    agent_count(self, AGENT_REFUSALS);
    log_warnx("refused by the broker frame=%u code=%s: %s", (unsigned)refused->frame,
        err_name(code), refused->text);
    if (code == E_SUPERSEDED) {
        superseded(self);
        return;
    }
    if (code == E_REVOKED) {
        agent_alarm(self, "revoked", "our key or agent was revoked: %.200s", refused->text);
    }
    if (self->state == SESSION_HELLO || refused->has_retry_ms || code == E_SESSION ||
        code == E_REVOKED) {
        session_over(self, refused);
        return;
    }
    if (refused->has_request) {
        if (!erasing_refused(self, refused) && !heads_refused(self, refused) &&
            !bundling_refused(self, refused)) {
            ops_refused(self, refused);
        }
        return;
    }
    switch (refused->frame) {
    case WAYPOST__FRAME__BODY_PUBLISH:
        outgoing_refused(self, refused);
        return;
    case WAYPOST__FRAME__BODY_ACK:
    case WAYPOST__FRAME__BODY_FETCH_OWN:
    case WAYPOST__FRAME__BODY_FETCH_PAST:
        uplink_close(self, -1); /* WELCOME says where both sides stand */
        return;
    case WAYPOST__FRAME__BODY_RESEND:
        agent_alarm(self, "stream_gap",
            "the broker does not send entries again that this database lacks: %.200s",
            refused->text);
        uplink_close(
            self, -1); /* an acknowledgement of a life before may have come in behind WELCOME */
        return;
    default:
        return;
    }
}

/* ---- heartbeats ---- */

static void ping(agent_core_t *self)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Ping body = WAYPOST__PING__INIT;
    int64_t oldest_ms = 0;
    uint64_t unopened = store_inbox_unopened(self->store, &oldest_ms);

    self->ping_at_ms = agent_mono(self) + self->heartbeat_ms;
    self->world->random(self->world->context, self->probe, sizeof self->probe);
    self->probe_asked = true;
    body.has_probe = true;
    body.probe = binary_of(slice_of(self->probe, sizeof self->probe));
    body.stream_upto = self->identity.stream_upto;
    body.time_ms = agent_wall(self);
    body.unopened = unopened > UINT32_MAX ? UINT32_MAX : (uint32_t)unopened;
    if (unopened > 0 && body.time_ms > oldest_ms) {
        body.oldest_unopened_ms = (uint64_t)(body.time_ms - oldest_ms);
    }
    frame.body_case = WAYPOST__FRAME__BODY_PING;
    frame.ping = &body;
    (void)agent_send(self, &frame);
}

/* T-5: the broker lives now, and said when something last reached its disk. */
static bool probe_holds(agent_core_t *self, const Waypost__Signed *said)
{
    struct slice statement = slice_of_binary(said->statement);

    if (book_broker_says(self, SIGN_CONTEXT_PROBE, statement, slice_of_binary(said->signature)) !=
        0) {
        return false;
    }
    const Waypost__ProbeStatement *probe =
        message_decode(self->inner, &waypost__probe_statement__descriptor, statement);
    if (probe == NULL || strcmp(probe->network, self->options.network) != 0 ||
        probe->probe.len != sizeof self->probe ||
        memcmp(probe->probe.data, self->probe, sizeof self->probe) != 0) {
        return false;
    }
    self->broker_stored_ms = probe->stored_ms == 0 ? -1 : probe->time_ms - probe->stored_ms;
    return true;
}

static void take_probe(agent_core_t *self, const Waypost__Pong *pong)
{
    self->clock_off_ms = pong->time_ms - agent_wall(self);
    if (pong->probe == NULL || !self->probe_asked) {
        return;
    }
    self->probe_asked = false;
    if (!probe_holds(self, pong->probe)) {
        agent_count(self, AGENT_PROBES_BAD);
        log_warnx("the broker's answer to a probe does not verify");
        return;
    }
    agent_count(self, AGENT_PROBES);
    self->probed = true;
    self->probed_ms = agent_mono(self);
}

void uplink_pong(agent_core_t *self, const Waypost__Pong *pong)
{
    take_probe(self, pong);
    uint64_t own_version = self->book == NULL ? 0 : register_version(self->book);

    if (pong->register_version > own_version && !self->register_asked) {
        self->register_old = true;
        book_ask(self);
    }
    if (self->state == SESSION_OPEN && pong->stream_acked < self->identity.stream_upto &&
        self->ack_sent_upto == self->identity.stream_upto &&
        agent_mono(self) - self->ack_last_ms > self->heartbeat_ms) {
        self->ack_sent_upto =
            pong->stream_acked; /* an acknowledgement was lost on the broker's side */
        self->ack_wanted = true;
    }
}

void uplink_notice(agent_core_t *self, const Waypost__Notice *notice)
{
    switch (notice->kind) {
    case WAYPOST__NOTICE_KIND__BROKER_STOPS:
        log_info("the broker stops in order");
        uplink_close(self, -1);
        return;
    case WAYPOST__NOTICE_KIND__REGISTER_NEWER:
        if (self->state == SESSION_OPEN && !self->register_asked) {
            self->register_old = true;
            book_ask(self);
        }
        return;
    case WAYPOST__NOTICE_KIND__KEY_ENDS_SOON:
        self->daily_at_ms = agent_mono(self);
        return;
    default:
        return;
    }
}

static int64_t patience_ms(const agent_core_t *self)
{
    switch (self->state) {
    case SESSION_CONNECTING:
        return AGENT_CONNECT_TIMEOUT_MS;
    case SESSION_HELLO:
        return AGENT_HELLO_TIMEOUT_MS;
    case SESSION_OPEN:
        return HEARTBEATS_MISSED * self->heartbeat_ms;
    case SESSION_OFFLINE:
    default:
        return INT64_MAX;
    }
}

void uplink_tick(agent_core_t *self)
{
    int64_t now_ms = agent_mono(self);

    if (self->state == SESSION_OFFLINE) {
        if (now_ms >= self->connect_at_ms && !self->stopping) {
            connect_now(self);
        }
        return;
    }
    int64_t since_ms = self->state == SESSION_OPEN ? self->heard_at_ms : self->state_since_ms;
    if (now_ms - since_ms > patience_ms(self)) {
        log_info("the broker is silent endpoint=%s", self->endpoint);
        uplink_close(self, -1);
        return;
    }
    if (self->state != SESSION_OPEN) {
        return;
    }
    if (self->register_asked && now_ms - self->register_asked_ms > AGENT_REGISTER_TIMEOUT_MS) {
        book_ask(self);
    }
    if (self->flight_count > 0 && now_ms - self->flights[0].sent_ms > AGENT_RECEIPT_PATIENCE_MS) {
        agent_alarm(self, "publish",
            "the broker has not answered for %d minutes what we published: it is said again",
            AGENT_RECEIPT_PATIENCE_MS / 60000);
        uplink_close(self, -1);
        return;
    }
    if (self->resend_pending && now_ms >= self->resend_at_ms) {
        incoming_resend(self);
    }
    if (self->state == SESSION_OPEN && now_ms >= self->ping_at_ms) {
        ping(self);
    }
}
