/*
 * agent_net: see agent_net.h. Every option of the socket is set by one table and read back:
 * libzmq's defaults lose messages, and a setting that was not taken would go unnoticed. libzmq's
 * own reconnection is off, because after a rejected key it would never try again
 * (docs/OPERATING.md); the core decides when to connect.
 */
#include "client/agent/agent_net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/codec/limits.h"

#include "common/base/banned.h"

enum {
    HANDSHAKE_MS = 5000,
    CONNECT_MS = 5000,
    SEND_FRAMES = 1024,    /* a fuse: credit allows far fewer */
    STOP_LINGER_MS = 1000, /* BYE and the last acknowledgement get away */
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_COUNT = 3,
    MAXRT_MS = 30000,
    KEY_REJECTED = 400 /* ZAP status with which the broker refuses a key for good */
};

struct agent_net {
    void *context;
    void *socket;
    void *monitor;
    const char *const *endpoints;
    size_t endpoint_count;
    size_t next;          /* endpoint of the next attempt */
    const char *endpoint; /* of this one */
    const uint8_t *broker_curve;
    unsigned attempt;
    bool failed_to_begin;
};

int agent_net_new(const char *const *endpoints, size_t endpoint_count, const uint8_t *broker_curve,
    agent_net_t **out, struct complaint *why)
{
    int major;
    int minor;
    int patch;

    zmq_version(&major, &minor, &patch);
    if (major != 4 || minor < 3 || (minor == 3 && patch < 4)) {
        return complain(
            why, E_STATE, "libzmq is %d.%d.%d; install 4.3.4 or a newer 4.x", major, minor, patch);
    }
    if (zmq_has("curve") != 1) {
        return complain(why, E_STATE, "libzmq was built without CURVE; install one with libsodium");
    }
    agent_net_t *self = mem_new(1, sizeof *self);
    self->context = zmq_ctx_new();
    if (self->context == NULL) {
        free(self);
        return complain(why, E_STATE, "libzmq cannot start: %s", zmq_strerror(errno));
    }
    (void)zmq_ctx_set(self->context, ZMQ_IO_THREADS, 1);
    (void)zmq_ctx_set(self->context, ZMQ_MAX_SOCKETS, 64);
    self->endpoints = endpoints;
    self->endpoint_count = endpoint_count;
    self->broker_curve = broker_curve;
    *out = self;
    return 0;
}

void agent_net_destroy(agent_net_t **self_p)
{
    agent_net_t *self = *self_p;
    int linger = STOP_LINGER_MS;

    if (self == NULL) {
        return;
    }
    if (self->socket != NULL) {
        (void)zmq_setsockopt(self->socket, ZMQ_LINGER, &linger, sizeof linger);
    }
    agent_net_disconnect(self);
    (void)zmq_ctx_term(self->context);
    free(self);
    *self_p = NULL;
}

/* ---- options ---- */

struct preset {
    const char *name;
    int option;
    int64_t value;
    bool wide;       /* int64_t, else int */
    bool reads_back; /* zmq_getsockopt answers it */
};

static const struct preset presets[] = {
    {"MAXMSGSIZE", ZMQ_MAXMSGSIZE, FRAME_BYTES_MAX, true, true},
    {"SNDHWM", ZMQ_SNDHWM, SEND_FRAMES, false, true},
    {"RCVHWM", ZMQ_RCVHWM, 0, false,
        true}, /* never full: a full one hides the broker's going (PITFALLS: heartbeats) */
    {"LINGER", ZMQ_LINGER, 0, false, true},
    {"IMMEDIATE", ZMQ_IMMEDIATE, 1, false, true},
    {"RECONNECT_IVL", ZMQ_RECONNECT_IVL, -1, false, true},
    {"RECONNECT_IVL_MAX", ZMQ_RECONNECT_IVL_MAX, 0, false, true},
    {"HANDSHAKE_IVL", ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS, false, true},
    {"CONNECT_TIMEOUT", ZMQ_CONNECT_TIMEOUT, CONNECT_MS, false, true},
    {"HEARTBEAT_IVL", ZMQ_HEARTBEAT_IVL, 0, false, true},
    {"SNDTIMEO", ZMQ_SNDTIMEO, 0, false, true},
    {"RCVTIMEO", ZMQ_RCVTIMEO, 0, false, true},
    {"IPV6", ZMQ_IPV6, 1, false, true},
    {"TCP_KEEPALIVE", ZMQ_TCP_KEEPALIVE, 1, false, true},
    {"TCP_KEEPALIVE_IDLE", ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S, false, true},
    {"TCP_KEEPALIVE_INTVL", ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL_S, false, true},
    {"TCP_KEEPALIVE_CNT", ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT, false, true},
    {"TCP_MAXRT", ZMQ_TCP_MAXRT, MAXRT_MS, false, true},
};

static bool set_number(void *socket, const struct preset *preset)
{
    int narrow = (int)preset->value;
    int64_t wide = preset->value;
    int back = 0;
    int64_t wide_back = 0;
    size_t len = preset->wide ? sizeof wide_back : sizeof back;

    if (zmq_setsockopt(
            socket, preset->option, preset->wide ? (void *)&wide : (void *)&narrow, len) != 0) {
        return false;
    }
    if (zmq_getsockopt(
            socket, preset->option, preset->wide ? (void *)&wide_back : (void *)&back, &len) != 0) {
        return !preset->reads_back;
    }
    return preset->wide ? wide_back == wide : back == narrow;
}

static bool set_key(void *socket, int option, const uint8_t *key)
{
    uint8_t back[CURVE_KEY_BYTES];
    size_t len = sizeof back;

    return zmq_setsockopt(socket, option, key, CURVE_KEY_BYTES) == 0 &&
        zmq_getsockopt(socket, option, back, &len) == 0 && len == sizeof back &&
        memcmp(back, key, sizeof back) == 0;
}

/* All of them, or the connection is not made. */
static bool set_options(agent_net_t *self, const struct keys *keys)
{
    int mechanism = 0;
    size_t len = sizeof mechanism;

    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (!set_number(self->socket, &presets[i])) {
            log_errorx("libzmq does not take option %s", presets[i].name);
            return false;
        }
    }
    if (!set_key(self->socket, ZMQ_CURVE_SERVERKEY, self->broker_curve) ||
        !set_key(self->socket, ZMQ_CURVE_PUBLICKEY, keys->curve_public) ||
        !set_key(self->socket, ZMQ_CURVE_SECRETKEY, keys->curve_secret)) {
        log_errorx("libzmq does not take the CURVE keys");
        return false;
    }
    return zmq_getsockopt(self->socket, ZMQ_MECHANISM, &mechanism, &len) == 0 &&
        mechanism == ZMQ_CURVE;
}

/* ---- connecting ---- */

static bool open_monitor(agent_net_t *self)
{
    char name[64];
    int linger = 0;

    (void)snprintf(name, sizeof name, "inproc://monitor-%u", self->attempt);
    if (zmq_socket_monitor(self->socket, name, ZMQ_EVENT_ALL) != 0) {
        return false;
    }
    self->monitor = zmq_socket(self->context, ZMQ_PAIR);
    if (self->monitor == NULL) {
        return false;
    }
    (void)zmq_setsockopt(self->monitor, ZMQ_LINGER, &linger, sizeof linger);
    return zmq_connect(self->monitor, name) == 0;
}

static bool begin(agent_net_t *self, const struct keys *keys)
{
    self->socket = zmq_socket(self->context, ZMQ_DEALER);
    if (self->socket == NULL || !set_options(self, keys) || !open_monitor(self)) {
        return false;
    }
    return zmq_connect(self->socket, self->endpoint) == 0;
}

void agent_net_connect(agent_net_t *self, const struct keys *keys)
{
    agent_net_disconnect(self);
    self->endpoint = self->endpoints[self->next];
    self->next = (self->next + 1) % self->endpoint_count;
    self->attempt++;
    self->failed_to_begin = !begin(self, keys);
    if (self->failed_to_begin) {
        log_warn("connection to %s cannot be begun", self->endpoint);
        agent_net_disconnect(self);
        self->failed_to_begin = true;
    }
}

void agent_net_disconnect(agent_net_t *self)
{
    self->failed_to_begin = false;
    if (self->socket != NULL) {
        (void)zmq_socket_monitor(self->socket, NULL, 0);
        (void)zmq_close(self->socket);
        self->socket = NULL;
    }
    if (self->monitor != NULL) {
        (void)zmq_close(self->monitor);
        self->monitor = NULL;
    }
}

void *agent_net_socket(const agent_net_t *self)
{
    return self->socket;
}

void *agent_net_monitor(const agent_net_t *self)
{
    return self->monitor;
}

int agent_net_send(agent_net_t *self, struct slice frame)
{
    if (self->socket == NULL) {
        return E_UNREACHABLE;
    }
    for (;;) {
        if (zmq_send(self->socket, frame.data, frame.len, ZMQ_DONTWAIT) >= 0) {
            return 0;
        }
        if (errno != EINTR) {
            return errno == EAGAIN ? E_BUSY : E_UNREACHABLE;
        }
    }
}

/* ---- receiving ---- */

/* One message. False where none is there. Of several parts none is taken (T-2). */
static bool receive_one(agent_net_t *self, agent_core_t *core)
{
    zmq_msg_t message;
    bool parts = false;
    bool first = true;

    (void)zmq_msg_init(&message);
    for (;;) {
        if (zmq_msg_recv(&message, self->socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&message);
            return errno == EINTR;
        }
        if (zmq_msg_more(&message) == 0) {
            break;
        }
        parts = true;
        first = false;
    }
    if (parts || !first) {
        log_warnx("a message of several parts was passed over");
    } else {
        agent_core_frame(core, slice_of(zmq_msg_data(&message), zmq_msg_size(&message)));
    }
    (void)zmq_msg_close(&message);
    return true;
}

bool agent_net_receive(agent_net_t *self, agent_core_t *core)
{
    int taken = 0;

    agent_core_gather(core); /* what came together is one transaction */
    while (taken < AGENT_DRAIN_FRAMES && self->socket != NULL && receive_one(self, core)) {
        taken++;
    }
    agent_core_gathered(core);
    return taken == AGENT_DRAIN_FRAMES;
}

/* ---- the monitor ---- */

static bool next_event(agent_net_t *self, uint16_t *event, uint32_t *value)
{
    uint8_t bytes[6];
    zmq_msg_t address;

    if (self->monitor == NULL ||
        zmq_recv(self->monitor, bytes, sizeof bytes, ZMQ_DONTWAIT) != (int)sizeof bytes) {
        return false;
    }
    (void)zmq_msg_init(&address);
    (void)zmq_msg_recv(&address, self->monitor, ZMQ_DONTWAIT);
    (void)zmq_msg_close(&address);
    memcpy(event, bytes, sizeof *event); /* in the machine's own order: it never left the process */
    memcpy(value, bytes + sizeof *event, sizeof *value);
    return true;
}

static void take_event(agent_net_t *self, agent_core_t *core, uint16_t event, uint32_t value)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        agent_core_connected(core, self->endpoint);
        return;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        log_warnx(
            "the broker rejects our key endpoint=%s status=%u", self->endpoint, (unsigned)value);
        agent_core_disconnected(core, value == KEY_REJECTED ? E_KEY : E_UNREACHABLE);
        return;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        log_warnx("handshake failed endpoint=%s detail=%#x: is the broker's key the one in the "
                  "join file?",
            self->endpoint, (unsigned)value);
        agent_core_disconnected(core, E_UNREACHABLE);
        return;
    case ZMQ_EVENT_CLOSED:
    case ZMQ_EVENT_DISCONNECTED:
        log_debug("disconnected endpoint=%s", self->endpoint);
        agent_core_disconnected(core, E_UNREACHABLE);
        return;
    default:
        return;
    }
}

void agent_net_events(agent_net_t *self, agent_core_t *core)
{
    uint16_t event = 0;
    uint32_t value = 0;

    if (self->failed_to_begin) {
        self->failed_to_begin = false;
        agent_core_disconnected(core, E_UNREACHABLE);
        return;
    }
    while (next_event(self, &event, &value)) {
        if (event == ZMQ_EVENT_DISCONNECTED || event == ZMQ_EVENT_CLOSED) {
            (void)agent_net_receive(self, core); /* REFUSED may have come just before */
            if (self->monitor == NULL) {
                return;
            }
        }
        take_event(self, core, event, value);
    }
}
