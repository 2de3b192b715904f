/*
 * zap: decisions of the table, and the handler and the listener preset together with real CURVE sockets on loopback.
 * The promise "every peer is who its key says" falls here first: a stranger must not get one byte through.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zmq.h>

#include "broker/net/listener.h"
#include "broker/net/zap.h"
#include "common/base/bytes.h"
#include "common/crypto/hash.h"

#include "common/base/banned.h"

enum { KEY_BYTES = 32, WAIT_MS = 20000, HANDSHAKE_MS = 1000, NOW_MS = 1000000, PEERS_MAX = 128 };

struct pair {
    uint8_t public_key[KEY_BYTES];
    uint8_t secret_key[KEY_BYTES];
};

static void pair_make(struct pair *out)
{
    char public_text[41];
    char secret_text[41];

    assert_int_equal(zmq_curve_keypair(public_text, secret_text), 0);
    assert_non_null(zmq_z85_decode(out->public_key, public_text));
    assert_non_null(zmq_z85_decode(out->secret_key, secret_text));
}

/* ---- the table ---------------------------------------------------------------------------- */

static struct zap_key key_of(uint8_t seed)
{
    struct zap_key key = {.from_ms = 100, .to_ms = 200, .revoked_ms = INT64_MAX};

    memset(key.key, seed, sizeof key.key);
    return key;
}

static void table__key_at_every_time__is_answered_by_its_validity(void **state)
{
    static const struct {
        uint8_t seed;
        int64_t wall_ms;
        enum zap_answer wanted;
    } cases[] = {
        {1, 99, ZAP_EARLY},
        {1, 100, ZAP_ACCEPTED},
        {1, 199, ZAP_ACCEPTED},
        {1, 200, ZAP_EXPIRED},
        {2, 149, ZAP_ACCEPTED},
        {2, 150, ZAP_REVOKED},
        {2, 500, ZAP_REVOKED},
        {3, 150, ZAP_UNKNOWN},
        {0, 150, ZAP_UNKNOWN},
    };
    struct zap_key keys[] = {key_of(1), key_of(2)};

    (void)state;
    keys[1].revoked_ms = 150;
    zap_table_t *table = zap_table_new(keys, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t key[KEY_BYTES];
        memset(key, cases[i].seed, sizeof key);
        assert_int_equal(zap_table_ask(table, key, cases[i].wall_ms, NOW_MS), cases[i].wanted);
    }
    zap_table_destroy(&table);
    assert_null(table);
}

static void table__many_keys__finds_each_and_no_other(void **state)
{
    enum { MANY = 5000 };
    struct zap_key *keys = mem_new(MANY, sizeof *keys);

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        keys[i] = key_of(7);
        put_u32(keys[i].key, i);
    }
    zap_table_t *table = zap_table_new(keys, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(zap_table_ask(table, keys[i].key, 150, NOW_MS), ZAP_ACCEPTED);
        keys[i].key[9] ^= 1;
        assert_int_equal(zap_table_ask(table, keys[i].key, 150, NOW_MS), ZAP_UNKNOWN);
    }
    zap_table_destroy(&table);
    free(keys);
}

static void table__one_key_that_hurries__is_told_to_wait_and_others_are_not(void **state)
{
    struct zap_key keys[] = {key_of(1), key_of(2)};
    zap_table_t *table = zap_table_new(keys, 2);

    (void)state;
    for (int i = 0; i < ZAP_BURST_MAX; i++) {
        assert_int_equal(zap_table_ask(table, keys[0].key, 150, NOW_MS), ZAP_ACCEPTED);
    }
    assert_int_equal(zap_table_ask(table, keys[0].key, 150, NOW_MS), ZAP_TOO_OFTEN);
    assert_int_equal(zap_table_ask(table, keys[1].key, 150, NOW_MS), ZAP_ACCEPTED);
    int64_t later = NOW_MS + 1000 / ZAP_PER_SECOND;
    assert_int_equal(zap_table_ask(table, keys[0].key, 150, later), ZAP_ACCEPTED);
    assert_int_equal(zap_table_ask(table, keys[0].key, 150, later), ZAP_TOO_OFTEN);
    later += INT64_C(1) << 60; /* a long sleep fills it up, and not further */
    for (int i = 0; i < ZAP_BURST_MAX; i++) {
        assert_int_equal(zap_table_ask(table, keys[0].key, 150, later), ZAP_ACCEPTED);
    }
    assert_int_equal(zap_table_ask(table, keys[0].key, 150, later), ZAP_TOO_OFTEN);
    zap_table_destroy(&table);
}

/* ---- with sockets ------------------------------------------------------------------------- */

struct stage {
    void *context;
    zap_t *zap;
    void *listener;
    struct pair server;
    struct pair agent;
    char endpoint[NET_ENDPOINT_BYTES_MAX];
    void *peers[PEERS_MAX]; /* closed at the end, also where a test fails in between */
    size_t peer_count;
};

static void *stage_socket(struct stage *stage, int type)
{
    const int none = 0;

    assert_true(stage->peer_count < PEERS_MAX);
    void *socket = zmq_socket(stage->context, type);
    assert_non_null(socket);
    stage->peers[stage->peer_count++] = socket;
    assert_int_equal(zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none), 0);
    return socket;
}

static void stage_close_peers(struct stage *stage)
{
    while (stage->peer_count > 0) {
        (void)zmq_close(stage->peers[--stage->peer_count]);
    }
}

static int stage_setup(void **state)
{
    struct stage *stage = mem_new(1, sizeof *stage);
    struct complaint why = {0};

    crypto_start();
    stage->context = zmq_ctx_new();
    pair_make(&stage->server);
    pair_make(&stage->agent);
    struct listener_options options = {
        stage->server.public_key, stage->server.secret_key, HANDSHAKE_MS};
    assert_int_equal(zap_open(stage->context, world_real(), 100, &stage->zap, &why), 0);
    assert_int_equal(listener_open(stage->context, &options, &stage->listener, &why), 0);
    assert_int_equal(zmq_socket_monitor(stage->listener, "inproc://watch", ZMQ_EVENT_ALL), 0);
    zap_watch(stage->zap, "inproc://watch");
    assert_int_equal(
        listener_bind(stage->context, stage->listener, "tcp://127.0.0.1:*", stage->endpoint, &why),
        0);
    *state = stage;
    return 0;
}

static int stage_teardown(void **state)
{
    struct stage *stage = *state;

    stage_close_peers(stage);
    (void)zmq_socket_monitor(stage->listener, NULL, 0);
    zap_unwatch(stage->zap);
    listener_close(&stage->listener, 0);
    zap_destroy(&stage->zap);
    (void)zmq_ctx_term(stage->context);
    free(stage);
    return 0;
}

static void stage_allow(struct stage *stage, const struct pair *agent)
{
    struct zap_key key = {.from_ms = 0, .to_ms = INT64_MAX, .revoked_ms = INT64_MAX};

    memcpy(key.key, agent->public_key, sizeof key.key);
    zap_table_t *table = zap_table_new(&key, 1);
    zap_allow(stage->zap, &table);
    assert_null(table);
}

/* A DEALER that says "hello" as soon as it can; server NULL: no CURVE. */
static void *peer_open(struct stage *stage, const struct pair *own, const uint8_t *server)
{
    void *peer = stage_socket(stage, ZMQ_DEALER);

    if (server != NULL) {
        assert_int_equal(zmq_setsockopt(peer, ZMQ_CURVE_SERVERKEY, server, KEY_BYTES), 0);
        assert_int_equal(zmq_setsockopt(peer, ZMQ_CURVE_PUBLICKEY, own->public_key, KEY_BYTES), 0);
        assert_int_equal(zmq_setsockopt(peer, ZMQ_CURVE_SECRETKEY, own->secret_key, KEY_BYTES), 0);
    }
    assert_int_equal(zmq_connect(peer, stage->endpoint), 0);
    assert_int_equal(zmq_send(peer, "hello", 5, 0), 5);
    return peer;
}

/* Poll the handler's counters until one of them is at least `wanted`; never waits by the clock alone. */
static struct zap_counts stage_await(
    struct stage *stage, const uint64_t *counter, const struct zap_counts *base, uint64_t wanted)
{
    struct zap_counts now;
    size_t offset = (size_t)((const char *)counter - (const char *)base);

    for (int i = 0; i < WAIT_MS; i++) {
        zmq_pollitem_t item = {stage->listener, 0, ZMQ_POLLIN, 0};
        zap_counts(stage->zap, &now);
        if (*(const uint64_t *)(const void *)((const char *)&now + offset) >= wanted) {
            return now;
        }
        (void)zmq_poll(&item, 1, 1);
    }
    fail_msg("the handler never counted what was awaited");
    return now;
}

#define AWAIT(stage, member, wanted)                                                               \
    stage_await((stage), &base_counts.member, &base_counts, (wanted))

static const struct zap_counts base_counts;

static bool listener_heard(struct stage *stage, int wait_ms)
{
    zmq_pollitem_t item = {stage->listener, 0, ZMQ_POLLIN, 0};

    return zmq_poll(&item, 1, wait_ms) == 1;
}

static void peer__with_a_key_of_the_register__is_named_by_it(void **state)
{
    struct stage *stage = *state;
    char wanted[USER_ID_BYTES];
    zmq_msg_t part;

    stage_allow(stage, &stage->agent);
    (void)peer_open(stage, &stage->agent, stage->server.public_key);
    assert_true(listener_heard(stage, WAIT_MS));
    assert_int_equal(zmq_msg_init(&part), 0);
    assert_int_equal(zmq_msg_recv(&part, stage->listener, 0), NET_ROUTING_ID_BYTES);
    assert_int_equal(zmq_msg_recv(&part, stage->listener, 0), 5);
    hex_encode(stage->agent.public_key, KEY_BYTES, wanted);
    assert_string_equal(zmq_msg_gets(&part, "User-Id"), wanted);
    (void)zmq_msg_close(&part);
    struct zap_counts counts = AWAIT(stage, door[DOOR_OPENED], 1);
    assert_int_equal(counts.answers[ZAP_ACCEPTED], 1);
    stage_close_peers(stage);
    (void)AWAIT(stage, door[DOOR_CLOSED], 1);
}

static void peer__with_an_unknown_key__gets_no_byte_through(void **state)
{
    struct stage *stage = *state;
    struct pair stranger;

    pair_make(&stranger);
    stage_allow(stage, &stage->agent);
    (void)peer_open(stage, &stranger, stage->server.public_key);
    (void)AWAIT(stage, answers[ZAP_UNKNOWN], 1);
    (void)AWAIT(stage, door[DOOR_CLOSED], 1); /* cut: nothing of it can come any more */
    assert_false(listener_heard(stage, 0));
}

static void peer__without_curve__gets_no_byte_through(void **state)
{
    struct stage *stage = *state;

    stage_allow(stage, &stage->agent);
    (void)peer_open(stage, NULL, NULL);
    (void)AWAIT(stage, door[DOOR_CLOSED], 1);
    assert_false(listener_heard(stage, 0));
}

static void peer__with_another_server_key__gets_no_byte_through(void **state)
{
    struct stage *stage = *state;
    struct pair other;

    pair_make(&other);
    stage_allow(stage, &stage->agent);
    (void)peer_open(stage, &stage->agent, other.public_key);
    (void)AWAIT(stage, door[DOOR_CLOSED], 1);
    struct zap_counts counts;
    zap_counts(stage->zap, &counts);
    assert_int_equal(counts.answers[ZAP_ACCEPTED], 0);
    assert_false(listener_heard(stage, 0));
}

static void peer__before_the_register_is_there__comes_again_and_is_let_in(void **state)
{
    struct stage *stage = *state;
    (void)peer_open(stage, &stage->agent, stage->server.public_key);

    (void)AWAIT(stage, answers[ZAP_NOT_READY], 1);
    assert_false(listener_heard(stage, 0));
    stage_allow(stage, &stage->agent);
    assert_true(listener_heard(stage, WAIT_MS)); /* after the handshake interval */
}

static void key__revoked_by_a_new_table__is_refused_at_the_next_handshake(void **state)
{
    struct stage *stage = *state;
    struct zap_key key = {.from_ms = 0, .to_ms = INT64_MAX, .revoked_ms = 1};

    stage_allow(stage, &stage->agent);
    (void)peer_open(stage, &stage->agent, stage->server.public_key);
    assert_true(listener_heard(stage, WAIT_MS));
    memcpy(key.key, stage->agent.public_key, sizeof key.key);
    zap_table_t *table = zap_table_new(&key, 1);
    zap_allow(stage->zap, &table);
    (void)peer_open(stage, &stage->agent, stage->server.public_key);
    (void)AWAIT(stage, answers[ZAP_REVOKED], 1);
}

static void connections__above_their_number__are_told_to_come_again(void **state)
{
    struct stage *stage = *state;
    enum { FEW = 101 };

    stage_allow(stage, &stage->agent);
    for (int i = 0; i < FEW; i++) { /* connections that never say a word, and never come again */
        const int never = -1;
        void *silent = stage_socket(stage, ZMQ_STREAM);
        assert_int_equal(zmq_setsockopt(silent, ZMQ_RECONNECT_IVL, &never, sizeof never), 0);
        assert_int_equal(zmq_connect(silent, stage->endpoint), 0);
    }
    (void)AWAIT(stage, door[DOOR_OPENED], FEW);
    (void)peer_open(stage, &stage->agent, stage->server.public_key);
    struct zap_counts counts = AWAIT(stage, door[DOOR_OPENED], FEW + 1);
    if (counts.door[DOOR_CLOSED] == 0) {
        (void)AWAIT(stage, answers[ZAP_CROWDED], 1);
    }
    assert_true(listener_heard(stage, WAIT_MS));
}

static void listener__as_opened__has_what_keeps_strangers_and_losses_out(void **state)
{
    static const struct {
        int option;
        int value;
    } rows[] = {
        {ZMQ_CURVE_SERVER, 1},
        {ZMQ_MECHANISM, ZMQ_CURVE},
        {93 /* ZAP_ENFORCE_DOMAIN */, 1},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_HEARTBEAT_IVL, 0},
        {ZMQ_RCVHWM, NET_RCVHWM_FRAMES},
    };
    struct stage *stage = *state;
    int64_t most = 0;
    size_t len = sizeof most;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int got = -1;
        size_t size = sizeof got;
        assert_int_equal(zmq_getsockopt(stage->listener, rows[i].option, &got, &size), 0);
        assert_int_equal(got, rows[i].value);
    }
    assert_int_equal(zmq_getsockopt(stage->listener, ZMQ_MAXMSGSIZE, &most, &len), 0);
    assert_int_equal(most, 1048576);
    assert_int_equal(zmq_send(stage->listener, "nobody", 6, ZMQ_DONTWAIT | ZMQ_SNDMORE), -1);
    assert_int_equal(errno, EHOSTUNREACH);
}

static void listener__without_a_handler__is_never_bound(void **state)
{
    struct complaint why = {0};
    char bound[NET_ENDPOINT_BYTES_MAX];
    struct pair server;
    void *context = zmq_ctx_new();
    void *listener = NULL;

    (void)state;
    pair_make(&server);
    struct listener_options options = {server.public_key, server.secret_key, HANDSHAKE_MS};
    assert_false(zap_answers(context));
    assert_int_equal(listener_open(context, &options, &listener, &why), 0);
    assert_int_equal(listener_bind(context, listener, "tcp://127.0.0.1:*", bound, &why), E_STATE);
    assert_non_null(strstr(why.text, "nobody checks the keys"));
    listener_close(&listener, 0);
    (void)zmq_ctx_term(context);
}

static void listener__without_curve__is_never_bound(void **state)
{
    struct stage *stage = *state;
    struct complaint why = {0};
    char bound[NET_ENDPOINT_BYTES_MAX];
    const int off = 0;

    assert_int_equal(zmq_setsockopt(stage->listener, ZMQ_CURVE_SERVER, &off, sizeof off), 0);
    assert_int_equal(
        listener_bind(stage->context, stage->listener, "tcp://127.0.0.1:*", bound, &why), E_STATE);
    assert_non_null(strstr(why.text, "CURVE"));
}

static void handler__a_second_one__is_refused(void **state)
{
    struct stage *stage = *state;
    struct complaint why = {0};
    zap_t *second = NULL;

    assert_true(zap_answers(stage->context));
    assert_int_equal(zap_open(stage->context, world_real(), 1, &second, &why), E_EXISTS);
    assert_null(second);
}

int main(void)
{
#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__key_at_every_time__is_answered_by_its_validity),
        cmocka_unit_test(table__many_keys__finds_each_and_no_other),
        cmocka_unit_test(table__one_key_that_hurries__is_told_to_wait_and_others_are_not),
        STAGED(peer__with_a_key_of_the_register__is_named_by_it),
        STAGED(peer__with_an_unknown_key__gets_no_byte_through),
        STAGED(peer__without_curve__gets_no_byte_through),
        STAGED(peer__with_another_server_key__gets_no_byte_through),
        STAGED(peer__before_the_register_is_there__comes_again_and_is_let_in),
        STAGED(key__revoked_by_a_new_table__is_refused_at_the_next_handshake),
        STAGED(connections__above_their_number__are_told_to_come_again),
        STAGED(listener__as_opened__has_what_keeps_strangers_and_losses_out),
        cmocka_unit_test(listener__without_a_handler__is_never_bound),
        STAGED(listener__without_curve__is_never_bound),
        STAGED(handler__a_second_one__is_refused),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
