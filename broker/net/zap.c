/*
 * zap: see zap.h. What the thread cannot receive or answer is fatal: without it nobody may be let in. Requests come
 * from libzmq in the same process; one of another shape is answered with a refusal.
 */
#include "broker/net/zap.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "broker/net/limits.h"
#include "broker/net/pipe.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_PROBE_MECHANISM "PROBE"

enum { REQUEST_PARTS = 7, PART_BYTES_MAX = 256, CURVE_KEY = 32 };

/* What the owner asks of the thread. The owner waits for it to come back, so it can live on the owner's stack. */
struct order {
    enum { ORDER_ALLOW, ORDER_WATCH, ORDER_UNWATCH, ORDER_COUNT } what;
    zap_table_t *table;
    const char *endpoint;
    struct zap_counts *counts;
};

/* Everything here belongs to the thread once it runs. */
struct keeper {
    void *context;
    const struct world *world;
    uint64_t connections_max;
    void *requests; /* REP at ZAP_ENDPOINT */
    pipe_t *orders; /* the owner's; ours is its far end */
    void *monitor;  /* PAIR, NULL while nothing is watched */
    zap_table_t *table;
    struct zap_counts counts;
};

struct zap {
    pipe_t *orders; /* owned */
    pthread_t thread;
    struct keeper *keeper; /* owned by the thread until it is joined */
};

/* One part of a request. Longer parts are cut: no field of a good request is longer. */
struct part {
    char data[PART_BYTES_MAX];
    size_t len;
};

const char *door_counter_name(enum door_counter counter)
{
    static const char *const names[] = {
#define DOOR_ROW(name, word, text) [name] = (word),
        DOOR_COUNTERS(DOOR_ROW)
#undef DOOR_ROW
    };

    return names[counter];
}

const char *door_counter_text(enum door_counter counter)
{
    static const char *const texts[] = {
#define DOOR_ROW(name, word, text) [name] = (text),
        DOOR_COUNTERS(DOOR_ROW)
#undef DOOR_ROW
    };

    return texts[counter];
}

static bool part_is(const struct part *part, const char *text)
{
    return part->len == strlen(text) && memcmp(part->data, text, part->len) == 0;
}

/* Receive one request: how many parts it had; the first REQUEST_PARTS of them in parts; 0 where none is there. */
static size_t request_receive(struct keeper *self, struct part parts[REQUEST_PARTS])
{
    size_t count = 0;
    int more = 1;
    size_t size = sizeof more;

    while (more != 0) {
        struct part spare;
        struct part *part = count < REQUEST_PARTS ? &parts[count] : &spare;
        int len = zmq_recv(self->requests, part->data, sizeof part->data, ZMQ_DONTWAIT);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0 && errno == EAGAIN && count == 0) {
            return 0;
        }
        if (len < 0) {
            fatal("the authentication handler cannot receive");
        }
        part->len = (size_t)len < sizeof part->data ? (size_t)len : sizeof part->data;
        count++;
        if (zmq_getsockopt(self->requests, ZMQ_RCVMORE, &more, &size) != 0) {
            fatal("the authentication handler cannot receive");
        }
    }
    return count;
}

static bool is_crowded(const struct keeper *self)
{
    uint64_t opened = self->counts.door[DOOR_OPENED];
    uint64_t closed = self->counts.door[DOOR_CLOSED];

    return opened > closed && opened - closed > self->connections_max;
}

/* parts: version, request id, domain, address, routing id, mechanism, key */
static enum zap_answer request_judge(struct keeper *self, const struct part *parts, size_t count)
{
    if (part_is(&parts[5], ZAP_PROBE_MECHANISM)) {
        return ZAP_PROBED;
    }
    if (count != REQUEST_PARTS || !part_is(&parts[0], "1.0") || !part_is(&parts[2], ZAP_DOMAIN) ||
        !part_is(&parts[5], "CURVE") || parts[6].len != CURVE_KEY) {
        return ZAP_MECHANISM;
    }
    if (self->table == NULL) {
        return ZAP_NOT_READY;
    }
    if (is_crowded(self)) {
        return ZAP_CROWDED;
    }
    return zap_table_ask(self->table, (const uint8_t *)parts[6].data,
        self->world->wall_ms(self->world->context), self->world->mono_ms(self->world->context));
}

static void reply_part(struct keeper *self, const void *data, size_t len, bool more)
{
    int sent;

    do {
        sent = zmq_send(self->requests, data, len, more ? ZMQ_SNDMORE : 0);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        fatal("the authentication handler cannot answer");
    }
}

static void request_answer(struct keeper *self, const struct part *parts, enum zap_answer answer)
{
    static const char *const codes[] = {"400", "300", "200"};
    char user[USER_ID_BYTES] = "";
    int status = zap_answer_status(answer);
    const char *code = codes[status == 200 ? 2 : status == 300 ? 1 : 0];
    const char *text = zap_answer_text(answer);

    if (answer == ZAP_ACCEPTED) {
        hex_encode(parts[6].data, CURVE_KEY, user);
    }
    reply_part(self, "1.0", 3, true);
    reply_part(self, parts[1].data, parts[1].len, true);
    reply_part(self, code, 3, true);
    reply_part(self, text, strlen(text), true);
    reply_part(self, user, strlen(user), true);
    reply_part(self, "", 0, false);
}

static void keeper_requests(struct keeper *self)
{
    struct part parts[REQUEST_PARTS];
    size_t count;

    while ((count = request_receive(self, parts)) != 0) {
        for (size_t i = count; i < REQUEST_PARTS; i++) {
            parts[i].len = 0;
        }
        enum zap_answer answer = request_judge(self, parts, count);
        self->counts.answers[answer]++;
        request_answer(self, parts, answer);
    }
}

static void monitor_count(struct keeper *self, uint16_t event)
{
    static const struct {
        uint16_t event;
        enum door_counter counter;
    } rows[] = {
        {ZMQ_EVENT_ACCEPTED, DOOR_OPENED},
        {ZMQ_EVENT_DISCONNECTED, DOOR_CLOSED},
        {ZMQ_EVENT_ACCEPT_FAILED, DOOR_ACCEPT_FAILED},
        {ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, DOOR_HANDSHAKE_FAILED},
        {ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, DOOR_HANDSHAKE_FAILED},
        {ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, DOOR_HANDSHAKE_FAILED},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].event == event) {
            self->counts.door[rows[i].counter]++;
        }
    }
}

/* A monitor message is two parts: u16 event and u32 value in the machine's order, then the address. */
static void keeper_monitor(struct keeper *self)
{
    for (;;) {
        uint8_t head[6];
        char address[NET_MONITOR_ADDRESS_BYTES];
        int len = zmq_recv(self->monitor, head, sizeof head, ZMQ_DONTWAIT);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0) {
            return;
        }
        uint16_t event = 0;
        if ((size_t)len >= sizeof event) {
            memcpy(&event, head, sizeof event);
            monitor_count(self, event);
        }
        (void)zmq_recv(self->monitor, address, sizeof address, ZMQ_DONTWAIT);
    }
}

static void socket_close(void **socket_p)
{
    if (*socket_p != NULL) {
        (void)zmq_close(*socket_p);
        *socket_p = NULL;
    }
}

static void keeper_watch(struct keeper *self, const char *endpoint)
{
    const int none = 0;

    socket_close(&self->monitor);
    if (endpoint == NULL) {
        return;
    }
    self->monitor = zmq_socket(self->context, ZMQ_PAIR);
    if (self->monitor == NULL ||
        zmq_setsockopt(self->monitor, ZMQ_LINGER, &none, sizeof none) != 0 ||
        zmq_setsockopt(self->monitor, ZMQ_RCVHWM, &none, sizeof none) != 0 ||
        zmq_connect(self->monitor, endpoint) != 0) {
        fatal("the listener's monitor cannot be read");
    }
}

/* False where the owner asks to end. */
static bool keeper_orders(struct keeper *self)
{
    void *pointer;

    while (pipe_receive(self->orders, PIPE_FAR, false, &pointer)) {
        struct order *order = pointer;
        if (order == NULL) {
            return false;
        }
        switch (order->what) {
        case ORDER_ALLOW:
            zap_table_destroy(&self->table);
            self->table = order->table;
            break;
        case ORDER_WATCH:
        case ORDER_UNWATCH:
            keeper_watch(self, order->endpoint);
            break;
        case ORDER_COUNT:
            *order->counts = self->counts;
            break;
        }
        pipe_send(self->orders, PIPE_FAR, order);
    }
    return true;
}

static void *keeper_run(void *argument)
{
    struct keeper *self = argument;

    for (;;) {
        zmq_pollitem_t items[] = {
            {NULL, pipe_fd(self->orders, PIPE_FAR), ZMQ_POLLIN, 0},
            {self->requests, 0, ZMQ_POLLIN, 0},
            {self->monitor, 0, ZMQ_POLLIN, 0},
        };
        int ready = zmq_poll(items, self->monitor == NULL ? 2 : 3, -1);
        if (ready < 0 && errno != EINTR) {
            fatal("the authentication handler cannot wait");
        }
        if (ready < 0) {
            continue;
        }
        if (self->monitor != NULL && (items[2].revents & ZMQ_POLLIN) != 0) {
            keeper_monitor(self);
        }
        if ((items[1].revents & ZMQ_POLLIN) != 0) {
            keeper_requests(self);
        }
        if ((items[0].revents & ZMQ_POLLIN) != 0 && !keeper_orders(self)) {
            return NULL;
        }
    }
}

static void keeper_destroy(struct keeper *self)
{
    socket_close(&self->monitor);
    socket_close(&self->requests);
    zap_table_destroy(&self->table);
    free(self);
}

static int keeper_open(struct keeper *self, pipe_t **orders, struct complaint *why)
{
    const int none = 0;

    self->requests = zmq_socket(self->context, ZMQ_REP);
    if (self->requests == NULL ||
        zmq_setsockopt(self->requests, ZMQ_LINGER, &none, sizeof none) != 0 ||
        zmq_bind(self->requests, ZAP_ENDPOINT) != 0) {
        int rc = errno == EADDRINUSE ? E_EXISTS : E_IO;
        return complain(
            why, rc, "the authentication handler cannot be bound: %s", zmq_strerror(errno));
    }
    if (pipe_open(orders) != 0) {
        return complain(why, E_IO, "no descriptors are left for the authentication handler: %s",
            strerror(errno));
    }
    self->orders = *orders;
    return 0;
}

int zap_open(void *context, const struct world *world, uint64_t connections_max, zap_t **out,
    struct complaint *why)
{
    struct keeper *keeper = mem_new(1, sizeof *keeper);
    pipe_t *orders = NULL;
    zap_t *self;

    keeper->context = context;
    keeper->world = world;
    keeper->connections_max = connections_max;
    int rc = keeper_open(keeper, &orders, why);
    if (rc != 0) {
        keeper_destroy(keeper);
        pipe_destroy(&orders);
        return rc;
    }
    self = mem_new(1, sizeof *self);
    self->orders = orders;
    self->keeper = keeper;
    if (pthread_create(&self->thread, NULL, keeper_run, keeper) != 0) {
        keeper_destroy(keeper);
        pipe_destroy(&self->orders);
        free(self);
        return complain(why, E_IO, "no thread can be made for the authentication handler");
    }
    *out = self;
    return 0;
}

void zap_destroy(zap_t **self_p)
{
    assert(self_p != NULL);
    zap_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    pipe_send(self->orders, PIPE_NEAR, NULL);
    int joined = pthread_join(self->thread, NULL);
    assert(joined == 0);
    keeper_destroy(self->keeper);
    pipe_destroy(&self->orders);
    free(self);
    *self_p = NULL;
}

static void order_carry_out(zap_t *self, struct order *order)
{
    void *back;

    pipe_send(self->orders, PIPE_NEAR, order);
    bool received = pipe_receive(self->orders, PIPE_NEAR, true, &back);
    assert(received && back == order);
}

void zap_allow(zap_t *self, zap_table_t **table_p)
{
    struct order order = {.what = ORDER_ALLOW, .table = *table_p};

    *table_p = NULL;
    order_carry_out(self, &order);
}

void zap_watch(zap_t *self, const char *monitor_endpoint)
{
    struct order order = {.what = ORDER_WATCH, .endpoint = monitor_endpoint};

    order_carry_out(self, &order);
}

void zap_unwatch(zap_t *self)
{
    struct order order = {.what = ORDER_UNWATCH};

    order_carry_out(self, &order);
}

void zap_counts(zap_t *self, struct zap_counts *out)
{
    struct order order = {.what = ORDER_COUNT, .counts = out};

    order_carry_out(self, &order);
}

/* A request that names no mechanism of libzmq, and whether anybody answers it. */
bool zap_answers(void *context)
{
    static const char *const parts[] = {"1.0", "probe", ZAP_DOMAIN, "", "", ZAP_PROBE_MECHANISM};
    enum { PARTS = sizeof parts / sizeof parts[0] };
    const int none = 0;
    void *probe = zmq_socket(context, ZMQ_REQ);
    bool good = probe != NULL && zmq_setsockopt(probe, ZMQ_LINGER, &none, sizeof none) == 0 &&
        zmq_connect(probe, ZAP_ENDPOINT) == 0;
    char version[4];

    for (size_t i = 0; good && i < PARTS; i++) {
        good = zmq_send(probe, parts[i], strlen(parts[i]), i + 1 < PARTS ? ZMQ_SNDMORE : 0) >= 0;
    }
    zmq_pollitem_t item = {probe, 0, ZMQ_POLLIN, 0};
    good = good && zmq_poll(&item, 1, ZAP_PROBE_MS) == 1 &&
        zmq_recv(probe, version, sizeof version, ZMQ_DONTWAIT) == 3;
    if (probe != NULL) {
        (void)zmq_close(probe);
    }
    return good;
}
