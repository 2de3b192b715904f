/*
 * edge_frames: from the ROUTER to the core and back. A message that is not two parts, or whose sender did not prove a
 * key, is dropped and counted here; what a frame says is the core's to judge. Nothing a peer does is fatal.
 *
 * Session numbers: libzmq gives every connection a routing id of a zero byte and four more, never used twice before
 * 2^32 connections. Those four bytes are the session's number, so that no table is needed. A peer that chose a
 * routing id of its own is not spoken to: others could be taken for it.
 */
#include "broker/net/edge_internal.h"

#include <errno.h>
#include <string.h>

#include <zmq.h>

#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

enum { USER_ID_DIGITS = 64, KEY_BYTES = 32 };

/* One message as it came. */
struct message {
    zmq_msg_t id;
    zmq_msg_t frame; /* the last part */
    size_t parts;
};

/* Receive one part; false where none is there. */
static bool part_receive(void *router, zmq_msg_t *part)
{
    int len;

    do {
        len = zmq_msg_recv(part, router, ZMQ_DONTWAIT);
    } while (len < 0 && errno == EINTR);
    if (len < 0 && errno != EAGAIN) {
        fatal("the listener cannot receive");
    }
    return len >= 0;
}

/* The whole message: parts beyond the second take the place of the one before. False where none is there. */
static bool message_receive(void *router, struct message *message)
{
    if (!part_receive(router, &message->id)) {
        return false;
    }
    message->parts = 1;
    bool more = zmq_msg_more(&message->id) != 0;
    while (more && part_receive(router, &message->frame)) {
        message->parts++;
        more = zmq_msg_more(&message->frame) != 0;
    }
    return true;
}

/* The number of the session; 0 where the peer chose its routing id itself. */
static uint64_t session_of(zmq_msg_t *id)
{
    const uint8_t *bytes = zmq_msg_data(id);

    if (zmq_msg_size(id) != NET_ROUTING_ID_BYTES || bytes[0] != 0) {
        return 0;
    }
    return UINT64_C(1) << 32 | get_u32(bytes + 1);
}

/* The key that the connection proved. It stands on the last part alone: libzmq 4.3.4 leaves it out of the first one
 * after a poll. */
static bool key_of(zmq_msg_t *frame, uint8_t *key)
{
    const char *user = zmq_msg_gets(frame, "User-Id");

    return user != NULL && strlen(user) == USER_ID_DIGITS && hex_decode(user, key, KEY_BYTES) == 0;
}

static void message_judge(edge_t *self, struct message *message)
{
    uint8_t key[KEY_BYTES];

    if (message->parts != 2) {
        self->counters[NET_MULTIPART]++;
        return;
    }
    uint64_t session = session_of(&message->id);
    if (session == 0) {
        self->counters[NET_ROUTED]++;
        return;
    }
    if (!key_of(&message->frame, key)) {
        if (self->counters[NET_UNNAMED]++ == 0) {
            log_errorx("a frame without a proven key came through and was dropped; report it");
        }
        return;
    }
    struct slice frame = slice_of(zmq_msg_data(&message->frame), zmq_msg_size(&message->frame));
    self->counters[NET_BYTES_IN] += frame.len;
    core_frame(self->core, session, key, frame);
}

size_t edge_drain(edge_t *self)
{
    struct message message;
    size_t frames = 0;
    uint64_t bytes_until = self->counters[NET_BYTES_IN] + NET_DRAIN_BYTES_MAX;

    (void)zmq_msg_init(&message.id);
    (void)zmq_msg_init(&message.frame);
    while (frames < NET_DRAIN_FRAMES_MAX && self->counters[NET_BYTES_IN] < bytes_until &&
        message_receive(self->router, &message)) {
        message_judge(self, &message);
        frames++;
    }
    (void)zmq_msg_close(&message.frame);
    (void)zmq_msg_close(&message.id);
    return frames;
}

int edge_send(void *context, uint64_t session, struct slice frame)
{
    edge_t *self = context;
    uint8_t id[NET_ROUTING_ID_BYTES] = {0};

    assert(session >> 32 == 1);
    put_u32(id + 1, (uint32_t)session);
    if (zmq_send(self->router, id, sizeof id, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0) {
        bool busy = errno == EAGAIN;
        self->counters[busy ? NET_BUSY : NET_UNREACHABLE]++;
        return busy ? E_BUSY : E_UNREACHABLE;
    }
    if (zmq_send(self->router, frame.data, frame.len, ZMQ_DONTWAIT) < 0) {
        fatal("the listener took half of a message"); /* the id was taken: the rest cannot wait */
    }
    self->counters[NET_BYTES_OUT] += frame.len;
    return 0;
}
