/*
 * libzmq: what the broker and the agent rely on, shown against the library that is installed. Where one of these fails,
 * the library is another than the one the product was built for: read the test's name, then broker/net/listener.c.
 *
 * No waiting by the clock: things that must come are polled for with a limit; things that must not come are
 * followed by something that must (a second message, a closed connection), which then comes alone.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <zmq.h>

#include "common/base/banned.h"

enum { KEY_BYTES = 32, WAIT_MS = 4000, ZAP_ENFORCE_DOMAIN = 93, ENDPOINT_BYTES = 256 };

struct pair {
    uint8_t public_key[KEY_BYTES];
    uint8_t secret_key[KEY_BYTES];
};

static void *context;

static int context_new(void **state)
{
    (void)state;
    context = zmq_ctx_new();
    return context == NULL ? -1 : 0;
}

static int context_end(void **state)
{
    (void)state;
    return zmq_ctx_term(context);
}

static void pair_make(struct pair *out)
{
    char public_text[41];
    char secret_text[41];

    assert_int_equal(zmq_curve_keypair(public_text, secret_text), 0);
    assert_non_null(zmq_z85_decode(out->public_key, public_text));
    assert_non_null(zmq_z85_decode(out->secret_key, secret_text));
}

static void set_int(void *socket, int option, int value)
{
    assert_int_equal(zmq_setsockopt(socket, option, &value, sizeof value), 0);
}

static void *socket_new(int type)
{
    void *socket = zmq_socket(context, type);

    assert_non_null(socket);
    set_int(socket, ZMQ_LINGER, 0);
    return socket;
}

static void bind_somewhere(void *socket, char *endpoint)
{
    size_t len = ENDPOINT_BYTES;

    assert_int_equal(zmq_bind(socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &len), 0);
}

/* A CURVE ROUTER with a ZAP domain, as the product's listener has it, less what a test wants to see without. */
static void *server_new(const struct pair *server, bool enforce, char *endpoint)
{
    void *router = socket_new(ZMQ_ROUTER);

    set_int(router, ZMQ_CURVE_SERVER, 1);
    assert_int_equal(zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, server->secret_key, KEY_BYTES), 0);
    assert_int_equal(zmq_setsockopt(router, ZMQ_ZAP_DOMAIN, "lab", 3), 0);
    set_int(router, ZAP_ENFORCE_DOMAIN, enforce);
    set_int(router, ZMQ_ROUTER_MANDATORY, 1);
    set_int(router, ZMQ_HANDSHAKE_IVL, 500);
    if (endpoint != NULL) {
        bind_somewhere(router, endpoint);
    }
    return router;
}

static void *client_new(const struct pair *client, const struct pair *server, const char *endpoint)
{
    void *dealer = socket_new(ZMQ_DEALER);

    assert_int_equal(zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, server->public_key, KEY_BYTES), 0);
    assert_int_equal(zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, client->public_key, KEY_BYTES), 0);
    assert_int_equal(zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, client->secret_key, KEY_BYTES), 0);
    assert_int_equal(zmq_connect(dealer, endpoint), 0);
    return dealer;
}

static bool readable(void *socket, int wait_ms)
{
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};

    return zmq_poll(&item, 1, wait_ms) == 1;
}

static void *monitor_of(void *socket, const char *endpoint, int events)
{
    void *monitor = socket_new(ZMQ_PAIR);

    assert_int_equal(zmq_socket_monitor(socket, endpoint, events), 0);
    assert_int_equal(zmq_connect(monitor, endpoint), 0);
    return monitor;
}

/* The next event of a monitor, 0 where none comes in time. */
static int monitor_event(void *monitor)
{
    uint16_t event = 0;
    uint8_t head[6];
    char address[ENDPOINT_BYTES];

    if (!readable(monitor, WAIT_MS)) {
        return 0;
    }
    assert_int_equal(zmq_recv(monitor, head, sizeof head, 0), sizeof head);
    memcpy(&event, head, sizeof event);
    (void)zmq_recv(monitor, address, sizeof address, 0);
    return event;
}

/* ---- a handler that answers as it is told ------------------------------------------------- */

struct handler {
    void *socket;
    pthread_t thread;
    const char *codes[4]; /* answers in turn, the last one for ever */
    int asked;            /* read after the thread has ended */
};

static void *handler_run(void *argument)
{
    struct handler *self = argument;
    char part[256];
    int more;
    size_t size = sizeof more;

    for (;;) {
        do {
            int len = zmq_recv(self->socket, part, sizeof part, 0);
            if (len == 4 && memcmp(part, "STOP", 4) == 0) {
                (void)zmq_send(self->socket, "", 0, 0);
                return NULL;
            }
            (void)zmq_getsockopt(self->socket, ZMQ_RCVMORE, &more, &size);
        } while (more != 0);
        int at = self->asked < 3 ? self->asked : 3;
        while (self->codes[at] == NULL) {
            at--;
        }
        self->asked++;
        (void)zmq_send(self->socket, "1.0", 3, ZMQ_SNDMORE);
        (void)zmq_send(self->socket, "1", 1, ZMQ_SNDMORE);
        (void)zmq_send(self->socket, self->codes[at], 3, ZMQ_SNDMORE);
        (void)zmq_send(self->socket, "", 0, ZMQ_SNDMORE);
        (void)zmq_send(self->socket, "somebody", 8, ZMQ_SNDMORE);
        (void)zmq_send(self->socket, "", 0, 0);
    }
}

static void handler_start(struct handler *self)
{
    self->socket = socket_new(ZMQ_REP);
    assert_int_equal(zmq_bind(self->socket, "inproc://zeromq.zap.01"), 0);
    assert_int_equal(pthread_create(&self->thread, NULL, handler_run, self), 0);
}

static void handler_stop(struct handler *self)
{
    char end[4];
    void *request = socket_new(ZMQ_REQ);

    assert_int_equal(zmq_connect(request, "inproc://zeromq.zap.01"), 0);
    assert_int_equal(zmq_send(request, "STOP", 4, 0), 4);
    assert_int_equal(zmq_recv(request, end, sizeof end, 0), 0);
    assert_int_equal(pthread_join(self->thread, NULL), 0);
    (void)zmq_close(request);
    (void)zmq_close(self->socket);
}

/* ---- authentication ----------------------------------------------------------------------- */

static void zap__without_a_handler_and_not_enforced__lets_every_key_in(void **state)
{
    struct pair server;
    struct pair stranger;
    char endpoint[ENDPOINT_BYTES];
    char text[16];
    zmq_msg_t part;

    (void)state;
    pair_make(&server);
    pair_make(&stranger);
    void *router = server_new(&server, false, endpoint);
    void *dealer = client_new(&stranger, &server, endpoint);
    assert_int_equal(zmq_send(dealer, "hello", 5, 0), 5);
    assert_true(readable(router, WAIT_MS)); /* why the product asks its handler before it binds */
    assert_int_equal(zmq_recv(router, text, sizeof text, 0), 5);
    assert_int_equal(zmq_msg_init(&part), 0);
    assert_int_equal(zmq_msg_recv(&part, router, 0), 5);
    assert_null(zmq_msg_gets(&part, "User-Id"));
    (void)zmq_msg_close(&part);
    (void)zmq_close(dealer);
    (void)zmq_close(router);
}

static void zap__without_a_handler_and_enforced__lets_nobody_in(void **state)
{
    struct pair server;
    struct pair stranger;
    char endpoint[ENDPOINT_BYTES];

    (void)state;
    pair_make(&server);
    pair_make(&stranger);
    void *router = server_new(&server, true, endpoint);
    void *monitor = monitor_of(router, "inproc://m-enforced", ZMQ_EVENT_DISCONNECTED);
    void *dealer = client_new(&stranger, &server, endpoint);
    assert_int_equal(zmq_send(dealer, "hello", 5, 0), 5);
    assert_int_equal(monitor_event(monitor), ZMQ_EVENT_DISCONNECTED);
    assert_false(readable(router, 0));
    (void)zmq_socket_monitor(router, NULL, 0);
    (void)zmq_close(monitor);
    (void)zmq_close(dealer);
    (void)zmq_close(router);
}

static void metadata__after_a_poll__stands_on_the_last_part(void **state)
{
    struct handler handler = {.codes = {"200"}};
    struct pair server;
    struct pair client;
    char endpoint[ENDPOINT_BYTES];
    zmq_msg_t part;

    (void)state;
    pair_make(&server);
    pair_make(&client);
    handler_start(&handler);
    void *router = server_new(&server, true, endpoint);
    void *dealer = client_new(&client, &server, endpoint);
    assert_int_equal(zmq_send(dealer, "hello", 5, 0), 5);
    assert_true(readable(router, WAIT_MS));
    assert_int_equal(zmq_msg_init(&part), 0);
    assert_int_equal(zmq_msg_recv(&part, router, 0), 5);
    assert_int_equal(((const uint8_t *)zmq_msg_data(&part))[0], 0); /* an id given by libzmq */
    assert_int_equal(zmq_msg_recv(&part, router, 0), 5);
    assert_string_equal(zmq_msg_gets(&part, "User-Id"), "somebody");
    (void)zmq_msg_close(&part);
    (void)zmq_close(dealer);
    (void)zmq_close(router);
    handler_stop(&handler);
}

static void zap_answer_300__is_tried_again_and_let_in(void **state)
{
    struct handler handler = {.codes = {"300", "200"}};
    struct pair server;
    struct pair client;
    char endpoint[ENDPOINT_BYTES];

    (void)state;
    pair_make(&server);
    pair_make(&client);
    handler_start(&handler);
    void *router = server_new(&server, true, endpoint);
    void *dealer = client_new(&client, &server, endpoint);
    assert_int_equal(zmq_send(dealer, "hello", 5, 0), 5);
    assert_true(readable(router, WAIT_MS)); /* after the handshake interval of 0.5 s */
    (void)zmq_close(dealer);
    (void)zmq_close(router);
    handler_stop(&handler);
    assert_int_equal(handler.asked, 2);
}

static void zap_answer_400__is_an_error_to_the_client_which_stops_trying(void **state)
{
    struct handler handler = {.codes = {"400", "200"}};
    struct pair server;
    struct pair client;
    char endpoint[ENDPOINT_BYTES];

    (void)state;
    pair_make(&server);
    pair_make(&client);
    handler_start(&handler);
    void *router = server_new(&server, true, endpoint);
    void *dealer = socket_new(ZMQ_DEALER);
    void *monitor = monitor_of(dealer, "inproc://m-400",
        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED |
            ZMQ_EVENT_DISCONNECTED);
    assert_int_equal(zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, server.public_key, KEY_BYTES), 0);
    assert_int_equal(zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, client.public_key, KEY_BYTES), 0);
    assert_int_equal(zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, client.secret_key, KEY_BYTES), 0);
    assert_int_equal(zmq_connect(dealer, endpoint), 0);
    /* The agent must build its socket anew on this event: another client, let in, shows that the first never asks. */
    assert_int_equal(monitor_event(monitor), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    assert_int_equal(monitor_event(monitor), ZMQ_EVENT_DISCONNECTED);
    void *second = client_new(&client, &server, endpoint);
    assert_int_equal(zmq_send(second, "hello", 5, 0), 5);
    assert_true(readable(router, WAIT_MS));
    assert_false(readable(monitor, 300)); /* three reconnect intervals of 0.1 s */
    (void)zmq_socket_monitor(dealer, NULL, 0);
    (void)zmq_close(monitor);
    (void)zmq_close(second);
    (void)zmq_close(dealer);
    (void)zmq_close(router);
    handler_stop(&handler);
    assert_int_equal(handler.asked, 2);
}

/* ---- ROUTER ------------------------------------------------------------------------------- */

static void *named_dealer(const char *name, const char *endpoint)
{
    void *dealer = socket_new(ZMQ_DEALER);

    assert_int_equal(zmq_setsockopt(dealer, ZMQ_ROUTING_ID, name, strlen(name)), 0);
    assert_int_equal(zmq_connect(dealer, endpoint), 0);
    return dealer;
}

static void routing_id__taken_by_two__leaves_the_second_unheard_even_when_the_first_is_gone(
    void **state)
{
    char endpoint[ENDPOINT_BYTES];
    char text[16];

    (void)state;
    void *router = socket_new(ZMQ_ROUTER);
    void *monitor =
        monitor_of(router, "inproc://m-id", ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
    bind_somewhere(router, endpoint);
    void *first = named_dealer("E09000007", endpoint);
    assert_int_equal(zmq_send(first, "1", 1, 0), 1);
    assert_int_equal(monitor_event(monitor), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_true(readable(router, WAIT_MS));
    assert_int_equal(zmq_recv(router, text, sizeof text, 0), 9);
    assert_int_equal(zmq_recv(router, text, sizeof text, 0), 1);
    void *second = named_dealer("E09000007", endpoint);
    assert_int_equal(zmq_send(second, "2", 1, 0), 1);
    assert_int_equal(monitor_event(monitor), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    (void)zmq_close(first);
    assert_int_equal(monitor_event(monitor), ZMQ_EVENT_DISCONNECTED);
    void *third = named_dealer("E09000019", endpoint); /* comes after all that, and is heard */
    assert_int_equal(zmq_send(third, "3", 1, 0), 1);
    assert_true(readable(router, WAIT_MS));
    assert_int_equal(zmq_recv(router, text, sizeof text, 0), 9);
    assert_memory_equal(text, "E09000019", 9);
    assert_int_equal(zmq_recv(router, text, sizeof text, 0), 1);
    assert_false(readable(router, 0));
    (void)zmq_socket_monitor(router, NULL, 0);
    (void)zmq_close(monitor);
    (void)zmq_close(third);
    (void)zmq_close(second);
    (void)zmq_close(router);
}

static void router__mandatory__tells_of_unknown_and_full_peers(void **state)
{
    char endpoint[ENDPOINT_BYTES];
    uint8_t id[5];
    static const char kib[65536];
    size_t sent = 0;
    int rc;

    (void)state;
    void *router = socket_new(ZMQ_ROUTER);
    set_int(router, ZMQ_ROUTER_MANDATORY, 1);
    set_int(router, ZMQ_SNDHWM, 4);
    bind_somewhere(router, endpoint);
    assert_int_equal(zmq_send(router, "nobody", 6, ZMQ_DONTWAIT | ZMQ_SNDMORE), -1);
    assert_int_equal(errno, EHOSTUNREACH);
    void *dealer = socket_new(ZMQ_DEALER);
    set_int(dealer, ZMQ_RCVHWM, 4);
    assert_int_equal(zmq_connect(dealer, endpoint), 0);
    assert_int_equal(zmq_send(dealer, "x", 1, 0), 1);
    assert_true(readable(router, WAIT_MS));
    assert_int_equal(zmq_recv(router, id, sizeof id, 0), 5);
    char text[4];
    assert_int_equal(zmq_recv(router, text, sizeof text, 0), 1);
    while ((rc = zmq_send(router, id, sizeof id, ZMQ_DONTWAIT | ZMQ_SNDMORE)) == 5) {
        assert_int_equal(zmq_send(router, kib, sizeof kib, ZMQ_DONTWAIT), sizeof kib);
        assert_true(++sent < 100000);
    }
    assert_int_equal(errno, EAGAIN); /* and not a frame was dropped in silence */
    (void)zmq_close(dealer);
    int why = EAGAIN;
    for (int i = 0; i < WAIT_MS && why == EAGAIN; i++) { /* now it is gone: told apart */
        (void)readable(router, 1);
        rc = zmq_send(router, id, sizeof id, ZMQ_DONTWAIT | ZMQ_SNDMORE);
        why = rc == -1 ? errno : EAGAIN;
        if (rc == 5) { /* the kernel made room before it noticed: a whole message, and again */
            (void)zmq_send(router, kib, sizeof kib, ZMQ_DONTWAIT);
        }
    }
    assert_int_equal(rc, -1);
    assert_int_equal(why, EHOSTUNREACH);
    (void)zmq_close(router);
}

static int raw_connect(const char *endpoint)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *port = strrchr(endpoint, ':');

    assert_non_null(port);
    address.sin_port = htons((uint16_t)strtoul(port + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Read what the other side has to say until it closes; false where it does not in time. */
static bool raw_closed(int fd)
{
    uint8_t bytes[256];
    struct pollfd item = {fd, POLLIN, 0};

    while (poll(&item, 1, WAIT_MS) == 1) {
        if (read(fd, bytes, sizeof bytes) <= 0) {
            return true;
        }
    }
    return false;
}

static void frame__announcing_a_gibibyte__ends_the_connection_at_its_header(void **state)
{
    static const uint8_t greeting[64] = {
        0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'C', 'U', 'R', 'V', 'E'};
    static const uint8_t header[9] = {0x06, 0, 0, 0, 0, 0x40, 0, 0, 0}; /* long command, 2^30 */
    struct pair server;
    char endpoint[ENDPOINT_BYTES];
    const int64_t most = 1048576;

    (void)state;
    pair_make(&server);
    void *router = server_new(&server, true, NULL);
    set_int(router, ZMQ_HANDSHAKE_IVL, 60000); /* it is the size that ends it, not the interval */
    assert_int_equal(zmq_setsockopt(router, ZMQ_MAXMSGSIZE, &most, sizeof most), 0);
    bind_somewhere(router, endpoint);
    int fd = raw_connect(endpoint);
    assert_int_equal(write(fd, greeting, sizeof greeting), sizeof greeting);
    assert_int_equal(write(fd, header, sizeof header), sizeof header);
    assert_true(raw_closed(fd));
    (void)close(fd);
    (void)zmq_close(router);
}

/* ---- options ------------------------------------------------------------------------------ */

static void options__that_we_rely_on__read_back(void **state)
{
    static const struct {
        int option;
        int value;
    } rows[] = {
        {ZMQ_CURVE_SERVER, 1},
        {ZAP_ENFORCE_DOMAIN, 1},
        {ZMQ_HANDSHAKE_IVL, 3000},
        {ZMQ_BACKLOG, 1024},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, 30},
        {ZMQ_TCP_MAXRT, 60000},
        {ZMQ_IMMEDIATE, 1},
        {ZMQ_SNDHWM, 16384},
        {ZMQ_IPV6, 1},
    };

    (void)state;
    void *router = socket_new(ZMQ_ROUTER);
    assert_int_equal(zmq_setsockopt(router, ZMQ_ZAP_DOMAIN, "lab", 3), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int got = -1;
        size_t len = sizeof got;
        set_int(router, rows[i].option, rows[i].value);
        assert_int_equal(zmq_getsockopt(router, rows[i].option, &got, &len), 0);
        assert_int_equal(got, rows[i].value);
    }
    (void)zmq_close(router);
}

static void library__as_installed__has_curve_and_no_drafts(void **state)
{
    int major;
    int minor;
    int patch;

    (void)state;
    zmq_version(&major, &minor, &patch);
    assert_int_equal(major, 4);
    assert_true(minor > 3 || (minor == 3 && patch >= 4));
    assert_int_equal(zmq_has("curve"), 1);
    assert_int_equal(zmq_has("draft"), 0);
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, context_new, context_end)
    const struct CMUnitTest tests[] = {
        LAB(zap__without_a_handler_and_not_enforced__lets_every_key_in),
        LAB(zap__without_a_handler_and_enforced__lets_nobody_in),
        LAB(metadata__after_a_poll__stands_on_the_last_part),
        LAB(zap_answer_300__is_tried_again_and_let_in),
        LAB(zap_answer_400__is_an_error_to_the_client_which_stops_trying),
        LAB(routing_id__taken_by_two__leaves_the_second_unheard_even_when_the_first_is_gone),
        LAB(router__mandatory__tells_of_unknown_and_full_peers),
        LAB(frame__announcing_a_gibibyte__ends_the_connection_at_its_header),
        LAB(options__that_we_rely_on__read_back),
        LAB(library__as_installed__has_curve_and_no_drafts),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
