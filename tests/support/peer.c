/* peer: see peer.h. What the machine cannot give (sockets, memory) is asserted: it is a test. */
#include "tests/support/peer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>
#include <zmq.h>

#include "common/base/check.h"
#include "common/base/world.h"
#include "common/codec/event.h"
#include "common/crypto/hash.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

enum { CURVE_KEY = 32, ARENA_BYTES = 8 * FRAME_BYTES_MAX, EVENT_FACTS = 2 };

static void set_int(void *socket, int option, int value)
{
    int rc = zmq_setsockopt(socket, option, &value, sizeof value);

    assert(rc == 0);
}

static void set_key(void *socket, int option, const uint8_t *key)
{
    int rc = zmq_setsockopt(socket, option, key, CURVE_KEY);

    assert(rc == 0);
}

static void watch(struct peer *self)
{
    static unsigned count; /* a name is free again some time after its monitor's end only */
    char endpoint[64];
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
        ZMQ_EVENT_DISCONNECTED;

    int len = snprintf(endpoint, sizeof endpoint, "inproc://peer-%u", count++);
    assert(len > 0 && (size_t)len < sizeof endpoint);
    int rc = zmq_socket_monitor(self->socket, endpoint, events);
    assert(rc == 0);
    self->monitor = zmq_socket(self->context, ZMQ_PAIR);
    assert(self->monitor != NULL);
    rc = zmq_connect(self->monitor, endpoint);
    assert(rc == 0);
}

void peer_open(struct peer *self, void *context, const char *network, const struct keys *keys,
    const struct peer_target *target)
{
    *self = (struct peer){.context = context, .network = network, .keys = keys};
    randombytes_buf(&self->incarnation, sizeof self->incarnation);
    self->arena = arena_new(ARENA_BYTES);
    self->socket = zmq_socket(context, ZMQ_DEALER);
    assert(self->socket != NULL);
    set_int(self->socket, ZMQ_LINGER, 0);
    set_int(self->socket, ZMQ_RCVHWM, 0);
    if (target->routing_id != NULL) {
        int set = zmq_setsockopt(
            self->socket, ZMQ_ROUTING_ID, target->routing_id, strlen(target->routing_id));
        assert(set == 0);
    }
    if (target->server_key != NULL) {
        set_key(self->socket, ZMQ_CURVE_SERVERKEY, target->server_key);
        set_key(self->socket, ZMQ_CURVE_PUBLICKEY, keys->curve_public);
        set_key(self->socket, ZMQ_CURVE_SECRETKEY, keys->curve_secret);
    }
    watch(self);
    int rc = zmq_connect(self->socket, target->endpoint);
    assert(rc == 0);
}

void peer_close(struct peer *self)
{
    if (self->socket != NULL) {
        (void)zmq_socket_monitor(self->socket, NULL, 0);
        (void)zmq_close(self->monitor);
        (void)zmq_close(self->socket);
        arena_destroy(&self->arena);
        self->socket = NULL;
    }
}

int64_t peer_now_ms(void)
{
    return world_real()->mono_ms(NULL);
}

/* ---- frames ------------------------------------------------------------------------------- */

bool peer_say_raw(struct peer *self, struct slice bytes)
{
    int sent = zmq_send(self->socket, bytes.data, bytes.len, ZMQ_DONTWAIT);

    assert(sent >= 0 || errno == EAGAIN);
    return sent >= 0;
}

bool peer_say(struct peer *self, Waypost__Frame *frame)
{
    struct buf bytes = {0};

    frame_encode(frame, &bytes);
    bool said = peer_say_raw(self, buf_slice(&bytes));
    buf_free(&bytes);
    return said;
}

Waypost__Frame *peer_hear(struct peer *self, int wait_ms)
{
    zmq_pollitem_t item = {self->socket, 0, ZMQ_POLLIN, 0};
    Waypost__Frame *frame = NULL;
    zmq_msg_t part;

    if (zmq_poll(&item, 1, wait_ms) != 1) {
        return NULL;
    }
    (void)zmq_msg_init(&part);
    if (zmq_msg_recv(&part, self->socket, ZMQ_DONTWAIT) >= 0) {
        arena_reset(self->arena);
        self->frames_in++;
        if (frame_decode(self->arena, slice_of(zmq_msg_data(&part), zmq_msg_size(&part)), &frame) !=
            0) {
            frame = NULL;
        }
    }
    (void)zmq_msg_close(&part); /* the frame was copied into the arena */
    if (frame != NULL && frame->body_case == WAYPOST__FRAME__BODY_REFUSED) {
        self->refused++;
        self->last_code = frame->refused->code;
    }
    return frame;
}

Waypost__Frame *peer_hear_kind(struct peer *self, Waypost__Frame__BodyCase kind, int wait_ms)
{
    int64_t until = peer_now_ms() + wait_ms;
    int64_t left;

    while ((left = until - peer_now_ms()) >= 0) {
        Waypost__Frame *frame = peer_hear(self, (int)left);
        if (frame != NULL && frame->body_case == kind) {
            return frame;
        }
    }
    return NULL;
}

bool peer_say_hello(struct peer *self, const char *agent, uint32_t credit_events)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Hello hello = WAYPOST__HELLO__INIT;
    uint32_t versions[] = {1};
    uint8_t instance[UUID_BYTES];

    randombytes_buf(instance, sizeof instance);
    hello.n_versions = 1;
    hello.versions = versions;
    hello.network = (char *)(uintptr_t)self->network;
    hello.agent = (char *)(uintptr_t)agent;
    hello.incarnation = self->incarnation;
    hello.credit_events = credit_events;
    hello.credit_bytes = 4 * FRAME_BYTES_MAX;
    hello.instance = (ProtobufCBinaryData){sizeof instance, instance};
    frame.body_case = WAYPOST__FRAME__BODY_HELLO;
    frame.hello = &hello;
    return peer_say(self, &frame);
}

bool peer_hello(struct peer *self, const char *agent, uint32_t credit_events, int wait_ms)
{
    uint64_t refused = self->refused;
    int64_t until = peer_now_ms() + wait_ms;
    int64_t left;

    if (!peer_say_hello(self, agent, credit_events)) {
        return false;
    }
    while ((left = until - peer_now_ms()) >= 0 && self->refused == refused) {
        Waypost__Frame *heard = peer_hear(self, (int)left);
        if (heard != NULL && heard->body_case == WAYPOST__FRAME__BODY_WELCOME) {
            self->register_version = heard->welcome->register_version;
            return true;
        }
    }
    return false;
}

const char *peer_fate(struct peer *self, int wait_ms)
{
    zmq_pollitem_t item = {self->monitor, 0, ZMQ_POLLIN, 0};
    uint8_t head[6];
    uint16_t event;
    char address[256];

    if (zmq_poll(&item, 1, wait_ms) != 1 ||
        zmq_recv(self->monitor, head, sizeof head, ZMQ_DONTWAIT) != (int)sizeof head) {
        return "silence";
    }
    (void)zmq_recv(self->monitor, address, sizeof address, ZMQ_DONTWAIT);
    memcpy(&event, head, sizeof event);
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        return "accepted";
    }
    return event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH ? "refused" : "cut";
}

/* ---- one event ---------------------------------------------------------------------------- */

static void code_copy(char *out, const char *code)
{
    (void)snprintf(out, CODE_BYTES + 1, "%.9s", code);
}

static int event_build(struct peer *self, uint64_t sequence, const char *from, const char *to,
    struct buf *out, struct complaint *why)
{
    static const struct fact_text facts[EVENT_FACTS] = {
        {"permanence", "permanent"}, {"retain_intention", "transfer"}};
    const struct world *world = world_real();
    struct event_draft draft = {.facts = facts, .fact_count = EVENT_FACTS};
    struct event_view *head = &draft.head;
    struct buf header = {0};
    struct buf body = {0};

    head->kind = WAYPOST__KIND__KIND_MOVE_NOTIFIED;
    head->schema = CATALOGUE_SCHEMA;
    uuid7_next(world, self->last_id);
    memcpy(head->id, self->last_id, sizeof head->id);
    randombytes_buf(head->transfer, sizeof head->transfer);
    code_copy(head->origin, from);
    code_copy(head->receiving, to);
    code_copy(head->from, from);
    head->subject_count = 1;
    randombytes_buf(head->subjects[0].ref, sizeof head->subjects[0].ref);
    head->subjects[0].case_type = 1;
    head->recipient_count = 1;
    code_copy(head->to[0].code, to);
    head->to[0].n = sequence;
    head->occurred_ms = head->sent_ms = world->wall_ms(world->context);
    head->incarnation = self->incarnation;
    head->sequence = sequence;
    int rc = event_encode(&draft, &header, &body, why);
    if (rc == 0) {
        event_join(buf_slice(&header), buf_slice(&body), NULL, out);
    }
    buf_free(&header);
    buf_free(&body);
    return rc;
}

/* The signed statement over one event; bytes appended. */
static void statement_build(
    struct peer *self, uint64_t sequence, struct slice event, struct buf *out, uint8_t *signature)
{
    Waypost__BatchStatement statement = WAYPOST__BATCH_STATEMENT__INIT;
    struct hash leaf = hash_event_leaf(self->network, event);
    struct hash root = merkle_root(&leaf, 1);
    uint8_t key_id[KEY_ID_BYTES];

    hash_key_id(self->keys->sign_public, key_id);
    statement.network = (char *)(uintptr_t)self->network;
    statement.agent = (char *)(uintptr_t)self->keys->id;
    statement.key_id = (ProtobufCBinaryData){sizeof key_id, key_id};
    statement.incarnation = self->incarnation;
    statement.first_sequence = sequence;
    statement.count = 1;
    statement.root = (ProtobufCBinaryData){HASH_BYTES, root.b};
    message_encode(&statement.base, out);
    sign_make(SIGN_CONTEXT_BATCH, buf_slice(out), self->keys->sign_secret, signature);
}

int peer_publish_bytes(struct peer *self, uint64_t sequence, const char *from, const char *to,
    struct buf *out, struct complaint *why)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Publish publish = WAYPOST__PUBLISH__INIT;
    Waypost__Signed batch = WAYPOST__SIGNED__INIT;
    Waypost__PublishedEvent published = WAYPOST__PUBLISHED_EVENT__INIT;
    Waypost__PublishedEvent *events[] = {&published};
    uint8_t signature[SIGNATURE_BYTES];
    struct buf event = {0};
    struct buf statement = {0};

    int rc = event_build(self, sequence, from, to, &event, why);
    if (rc == 0) {
        statement_build(self, sequence, buf_slice(&event), &statement, signature);
        batch.statement = (ProtobufCBinaryData){statement.len, statement.data};
        batch.signature = (ProtobufCBinaryData){sizeof signature, signature};
        published.event = (ProtobufCBinaryData){event.len, event.data};
        publish.batch = &batch;
        publish.n_events = 1;
        publish.events = events;
        publish.register_version = self->register_version;
        frame.body_case = WAYPOST__FRAME__BODY_PUBLISH;
        frame.publish = &publish;
        frame_encode(&frame, out);
    }
    buf_free(&event);
    buf_free(&statement);
    return rc;
}
