/*
 * bench_link: one session with the broker over a DEALER socket with CURVE, as docs/PROTOCOL.md section 4 has it.
 *
 * What a real agent does for its own safety (checking signatures of others, storing) is left out: the load must not
 * cost more than the broker. The running hash and the acknowledgements are real, since the broker checks them. A
 * frame that is refused ends the run with its sentence.
 */
#include <errno.h>
#include <string.h>

#include <zmq.h>

#include "client/cli/bench.h"
#include "common/base/world.h"
#include "common/codec/frame.h"
#include "common/codec/wire.h"
#include "common/base/banned.h"

enum {
    RECONNECT_MS = 2,
    HANDSHAKE_MS = 5000,
    ACK_EVERY_NS = 100000000, /* one statement in 100 ms, at a beat of its own, PROTOCOL S-17 ... */
    ACK_EVENTS = 1024,        /* ... or earlier, so that the window of 4,096 never closes */
    HELLO_AGAIN_NS = 10000000,
    ENTRY_EVENT = 1,
    ENTRY_RECORD = 2,
    ENTRY_ACK = 3,
    ENTRY_HELD = 4,
};

static int64_t wall_ms(void)
{
    return world_real()->wall_ms(world_real()->context);
}

static void link_fail(struct bench_link *self, const char *text)
{
    if (self->error[0] == '\0') {
        snprintf(self->error, sizeof self->error, "%s: %.150s", self->agent->code, text);
    }
}

static void send_frame(struct bench_link *self)
{
    /* The high-water mark is off and the windows are small: this never blocks. */
    if (zmq_send(self->socket, self->bytes->frame.data, self->bytes->frame.len, ZMQ_DONTWAIT) < 0) {
        link_fail(self, zmq_strerror(errno));
    }
    self->has_sent = true;
}

static void say_hello(struct bench_link *self)
{
    bench_put_hello(self->bytes, self->agent);
    send_frame(self);
    self->hello_again_ns = 0;
}

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

int bench_link_open(
    struct bench_link *self, void *zmq, const struct bench_net *net, struct bench_agent *agent)
{
    self->agent = agent;
    self->socket = zmq_socket(zmq, ZMQ_DEALER);
    if (self->socket == NULL) {
        return E_IO;
    }
    bool good = set_int(self->socket, ZMQ_LINGER, 0) && set_int(self->socket, ZMQ_SNDHWM, 0) &&
        set_int(self->socket, ZMQ_RCVHWM, 0) &&
        set_int(self->socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
        set_int(self->socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
        zmq_setsockopt(self->socket, ZMQ_CURVE_SERVERKEY, net->broker.curve_public, 32) == 0 &&
        zmq_setsockopt(self->socket, ZMQ_CURVE_PUBLICKEY, agent->keys.curve_public, 32) == 0 &&
        zmq_setsockopt(self->socket, ZMQ_CURVE_SECRETKEY, agent->keys.curve_secret, 32) == 0 &&
        zmq_connect(self->socket, net->endpoint) == 0;
    if (!good) {
        bench_link_close(self);
        return E_IO;
    }
    say_hello(self);
    return 0;
}

void bench_link_close(struct bench_link *self)
{
    if (self->socket != NULL) {
        zmq_close(self->socket);
    }
    self->socket = NULL;
    self->open = false;
}

int bench_link_again(struct bench_link *self, void *zmq, const struct bench_net *net)
{
    bench_link_close(self);
    self->ack_open = false;
    return bench_link_open(self, zmq, net, self->agent);
}

/* ---- frames in ---- */

static void take_welcome(struct bench_link *self, const Waypost__Welcome *welcome)
{
    struct bench_agent *agent = self->agent;
    self->open = true;
    self->last_sequence = welcome->last_sequence;
    self->stream_last = welcome->stream_last;
    if (agent->stream_epoch != welcome->stream_epoch) {
        agent->stream_epoch = welcome->stream_epoch;
        agent->stream_upto = 0;
        agent->running = bench_stream_begin(agent->code, agent->stream_epoch);
    }
    agent->named.size = 0;
    agent->names_events = false;
    self->acked_elsewhere = welcome->stream_acked != agent->stream_upto;
    self->unacked =
        agent->stream_upto > welcome->stream_acked ? agent->stream_upto - welcome->stream_acked : 0;
    if (self->unacked ==
        0) { /* the answer to the last statement may have been lost, the statement was not */
        self->acked_events = self->ack_sent_events;
    }
    if (welcome->stream_diverged) {
        link_fail(self, "the broker says that the streams diverge");
    }
}

static void take_refused(struct bench_link *self, const Waypost__Refused *refused)
{
    if (!self->open && refused->has_retry_ms) {
        self->hello_again_ns = bench_now_ns() + HELLO_AGAIN_NS;
        return;
    }
    link_fail(self, refused->text);
}

static void take_receipt(struct bench_link *self, const Waypost__Receipt *receipt)
{
    if (receipt->count > self->inflight || receipt->first_sequence != self->agent->receipted + 1) {
        link_fail(self, "a receipt for what is not in flight");
        return;
    }
    self->inflight -= receipt->count;
    self->agent->receipted += receipt->count;
    if (self->user->receipted != NULL) {
        self->user->receipted(
            self->user->context, self, receipt->first_sequence, receipt->count, bench_now_ns());
    }
}

static void take_acked(struct bench_link *self)
{
    self->ack_open = false;
    self->acked_events = self->ack_sent_events;
}

/* The bytes of one field of a message; empty where it has none. */
static struct slice field_of(struct slice message, uint32_t number)
{
    struct wire_scan scan = wire_scan_of(message);
    struct wire_field field;
    while (wire_next(&scan, &field)) {
        if (field.number == number && field.type == WIRE_LEN) {
            return field.bytes;
        }
    }
    return slice_of(NULL, 0);
}

static struct hash item_of(struct bench_link *self, const struct wire_field *what, int64_t now_ns)
{
    struct slice part;
    uint32_t producer;
    uint64_t sequence;
    switch (what->number) {
    case ENTRY_EVENT:
        part = field_of(what->bytes, 4);
        self->events++;
        if (self->user->delivered != NULL && bench_id_read(part, &producer, &sequence)) {
            self->user->delivered(self->user->context, self, producer, sequence, now_ns);
        }
        return hash_event_leaf(BENCH_NETWORK, part);
    case ENTRY_RECORD:
        return hash_of("waypost/body/1", field_of(what->bytes, 3), slice_of(NULL, 0));
    case ENTRY_ACK:
        part = field_of(what->bytes, 4);
        return hash_statement(field_of(part, 1), field_of(part, 2));
    default:
        return hash_of("waypost/held/1", field_of(what->bytes, 1), slice_of(NULL, 0));
    }
}

/* One Entry at a number; those that we hold are passed over. */
static void take_entry(struct bench_link *self, uint64_t number, struct slice entry, int64_t now_ns)
{
    struct bench_agent *agent = self->agent;
    struct wire_scan scan = wire_scan_of(entry);
    struct wire_field what;
    if (number <= agent->stream_upto) {
        return;
    }
    if (number != agent->stream_upto + 1 || !wire_next(&scan, &what) || what.number > ENTRY_HELD) {
        link_fail(self, "a gap in the stream");
        return;
    }
    struct hash item = item_of(self, &what, now_ns);
    agent->running = hash_entry(&agent->running, number, (uint8_t)what.number, &item);
    agent->stream_upto = number;
    frontier_add(&agent->named, &agent->running);
    agent->names_events |= what.number == ENTRY_EVENT && !self->acked_elsewhere;
    self->unacked++;
}

/* DELIVER, scanned without decoding: epoch, first, batches, entries. */
static void take_deliver(struct bench_link *self, struct slice deliver)
{
    struct wire_scan scan = wire_scan_of(deliver);
    struct wire_field field;
    uint64_t number = 0;
    int64_t now_ns = bench_now_ns();
    while (wire_next(&scan, &field)) {
        if (field.number == 2) {
            number = field.value;
        } else if (field.number == 4 && field.type == WIRE_LEN) {
            take_entry(self, number++, field.bytes, now_ns);
        }
    }
}

static void take_decoded(struct bench_link *self, struct slice bytes)
{
    Waypost__Frame *frame = NULL;
    arena_reset(self->arena);
    if (frame_decode(self->arena, bytes, &frame) != 0) {
        link_fail(self, "a frame that cannot be read");
        return;
    }
    switch (frame->body_case) {
    case WAYPOST__FRAME__BODY_WELCOME:
        take_welcome(self, frame->welcome);
        break;
    case WAYPOST__FRAME__BODY_RECEIPT:
        take_receipt(self, frame->receipt);
        break;
    case WAYPOST__FRAME__BODY_ACKED:
        take_acked(self);
        break;
    case WAYPOST__FRAME__BODY_REFUSED:
        take_refused(self, frame->refused);
        break;
    default:
        break;
    }
}

/* Field 6 of a Frame begins right after the magic: deliveries are the bulk and are scanned in place. */
static void take_frame(struct bench_link *self, struct slice bytes)
{
    static const uint8_t deliver_tag = 6 << 3 | WIRE_LEN;
    if (bytes.len > 6 && bytes.data[5] == deliver_tag) {
        take_deliver(self, field_of(bytes, 6));
    } else {
        take_decoded(self, bytes);
    }
}

void bench_link_drain(struct bench_link *self)
{
    zmq_msg_t message;
    for (;;) {
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, self->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&message);
            return;
        }
        take_frame(self, slice_of(zmq_msg_data(&message), zmq_msg_size(&message)));
        zmq_msg_close(&message);
    }
}

/* ---- frames out ---- */

/* Which beat is an agent's: from its secret, which stands for chance. */
static int64_t beat_after(const struct bench_agent *agent, int64_t ns)
{
    int64_t beat_ns = get_u32(agent->keys.curve_secret) % ACK_EVERY_NS;
    return ns + ACK_EVERY_NS - (ns - beat_ns) % ACK_EVERY_NS;
}

void bench_link_tick(struct bench_link *self, int64_t now_ns, bool flush)
{
    if (self->hello_again_ns != 0 && now_ns >= self->hello_again_ns) {
        say_hello(self);
    }
    bool due = now_ns >= self->ack_next_ns || self->unacked >= ACK_EVENTS || flush;
    if (self->open && !self->ack_open && self->unacked > 0 && due) {
        bench_put_ack(self->bytes, self->agent, wall_ms());
        send_frame(self);
        self->acked_elsewhere = false;
        self->ack_open = true;
        self->ack_next_ns = beat_after(self->agent, now_ns);
        self->unacked = 0;
        self->ack_sent_upto = self->agent->stream_upto;
        self->ack_sent_events = self->events;
    }
}

void bench_link_publish(struct bench_link *self, const struct bench_shape *shape,
    struct bench_agent *const *to, uint32_t count)
{
    bench_put_publish(self->bytes, shape, self->agent, to, count, wall_ms());
    send_frame(self);
    self->inflight += count;
}
