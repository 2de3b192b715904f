/*
 * hostile_broker: a broker with the right keys that does an agent no good. What it says is refused by the agent's core,
 * which tests/unit/test_hostile_broker.c shows; this shows what it costs the agent's process.
 *
 *   hostile_broker MODE ENDPOINT KEYS      KEYS: the broker's; ENDPOINT: ipc://PATH
 *
 *   silent   takes connections and frames, never answers
 *   deaf     takes connections, never reads a frame
 *   small    answers HELLO with PONGs that nobody asked for, as fast as they go
 *   large    the same with frames of a MiB that mean nothing
 *
 * Says "ready" when it listens, and goes on until it is killed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "common/codec/frame.h"
#include "common/codec/limits.h"
#include "common/crypto/keys.h"

#include "common/base/banned.h"

enum { ID_BYTES = 256, LARGE_BYTES = 1000000 };

static void *listen_at(void *context, const char *endpoint, const struct keys *keys)
{
    void *router = zmq_socket(context, ZMQ_ROUTER);
    int server = 1;
    int mandatory = 1;
    int linger = 0;

    if (router == NULL || zmq_setsockopt(router, ZMQ_CURVE_SERVER, &server, sizeof server) != 0 ||
        zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, keys->curve_secret, 32) != 0 ||
        zmq_setsockopt(router, ZMQ_ROUTER_MANDATORY, &mandatory, sizeof mandatory) != 0 ||
        zmq_setsockopt(router, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_bind(router, endpoint) != 0) {
        (void)fprintf(stderr, "hostile_broker: %s: %s\n", endpoint, zmq_strerror(zmq_errno()));
        exit(1);
    }
    return router;
}

static void pong_make(struct buf *out)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Pong pong = WAYPOST__PONG__INIT;

    frame.body_case = WAYPOST__FRAME__BODY_PONG;
    frame.pong = &pong;
    frame_encode(&frame, out);
}

/* The same frame to one peer until it is gone. */
static void flood(void *router, const char *id, int id_len, struct slice frame)
{
    while (zmq_send(router, id, (size_t)id_len, ZMQ_SNDMORE) == id_len) {
        if (zmq_send(router, frame.data, frame.len, 0) < 0) {
            return;
        }
    }
}

static void serve(void *router, const char *mode, struct slice frame)
{
    static char rest[FRAME_BYTES_MAX];
    char id[ID_BYTES];

    for (;;) {
        int id_len = zmq_recv(router, id, sizeof id, 0);
        if (id_len < 0) {
            return;
        }
        (void)zmq_recv(router, rest, sizeof rest, 0);
        if (strcmp(mode, "silent") != 0) {
            flood(router, id, id_len, frame);
        }
    }
}

int main(int argc, char **argv)
{
    struct keys keys;
    struct complaint why = {0};
    struct buf frame = {0};

    if (argc != 4) {
        (void)fprintf(stderr, "usage: hostile_broker silent|deaf|small|large ENDPOINT KEYS\n");
        return 2;
    }
    crypto_start();
    if (keys_load(argv[3], &keys, &why) != 0) {
        (void)fprintf(stderr, "hostile_broker: %s\n", why.text);
        return 1;
    }
    if (strcmp(argv[1], "large") == 0) {
        buf_reserve(&frame, LARGE_BYTES);
        memset(frame.data, 0xff, LARGE_BYTES);
        frame.len = LARGE_BYTES;
    } else {
        pong_make(&frame);
    }
    void *context = zmq_ctx_new();
    void *router = listen_at(context, argv[2], &keys);
    (void)puts("ready");
    (void)fflush(stdout);
    if (strcmp(argv[1], "deaf") == 0) {
        zmq_pollitem_t never = {NULL, 0, 0, 0};
        (void)zmq_poll(&never, 0, -1);
    }
    serve(router, argv[1], buf_slice(&frame));
    return 0;
}
