/* listener: see listener.h. Failures are returned with a complaint and end the start. */
#include "broker/net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <zmq.h>

#include "broker/net/zap.h"
#include "common/base/check.h"
#include "common/codec/limits.h"

#include "common/base/banned.h"

/* By number: zmq.h has the name among its drafts, but the library as Debian builds it obeys (tests/lab/test_libzmq.c).
 * With it a missing handler refuses everybody, without it everybody is let in. */
enum { OPTION_ZAP_ENFORCE_DOMAIN = 93 };

enum value_type { VALUE_INT, VALUE_INT64, VALUE_TEXT, VALUE_KEY };

/* What the value comes from where it is not a constant. */
enum value_source { CONSTANT, HANDSHAKE_MS, CURVE_PUBLIC, CURVE_SECRET };

struct preset {
    const char *name;
    const char *text;
    int64_t number;
    int option;
    enum value_type type;
    enum value_source source;
    bool reads_back; /* zmq_getsockopt answers it in libzmq 4.3.4 */
};

/* Order matters where libzmq reads one option when another is set: size and security come first. */
static const struct preset presets[] = {
    {"MAXMSGSIZE", NULL, FRAME_BYTES_MAX, ZMQ_MAXMSGSIZE, VALUE_INT64, CONSTANT, true},
    {"CURVE_SERVER", NULL, 1, ZMQ_CURVE_SERVER, VALUE_INT, CONSTANT, true},
    {"CURVE_PUBLICKEY", NULL, 0, ZMQ_CURVE_PUBLICKEY, VALUE_KEY, CURVE_PUBLIC, true},
    {"CURVE_SECRETKEY", NULL, 0, ZMQ_CURVE_SECRETKEY, VALUE_KEY, CURVE_SECRET, true},
    {"ZAP_DOMAIN", ZAP_DOMAIN, 0, ZMQ_ZAP_DOMAIN, VALUE_TEXT, CONSTANT, true},
    {"ZAP_ENFORCE_DOMAIN", NULL, 1, OPTION_ZAP_ENFORCE_DOMAIN, VALUE_INT, CONSTANT, true},
    {"ROUTER_MANDATORY", NULL, 1, ZMQ_ROUTER_MANDATORY, VALUE_INT, CONSTANT, false},
    {"ROUTER_HANDOVER", NULL, 0, ZMQ_ROUTER_HANDOVER, VALUE_INT, CONSTANT, false},
    {"PROBE_ROUTER", NULL, 0, ZMQ_PROBE_ROUTER, VALUE_INT, CONSTANT, false},
    {"SNDHWM", NULL, NET_SNDHWM_FRAMES, ZMQ_SNDHWM, VALUE_INT, CONSTANT, true},
    {"RCVHWM", NULL, NET_RCVHWM_FRAMES, ZMQ_RCVHWM, VALUE_INT, CONSTANT, true},
    {"LINGER", NULL, NET_LINGER_MS, ZMQ_LINGER, VALUE_INT, CONSTANT, true},
    {"SNDTIMEO", NULL, 0, ZMQ_SNDTIMEO, VALUE_INT, CONSTANT, true},
    {"RCVTIMEO", NULL, 0, ZMQ_RCVTIMEO, VALUE_INT, CONSTANT, true},
    {"IMMEDIATE", NULL, 1, ZMQ_IMMEDIATE, VALUE_INT, CONSTANT, true},
    {"HANDSHAKE_IVL", NULL, 0, ZMQ_HANDSHAKE_IVL, VALUE_INT, HANDSHAKE_MS, true},
    {"BACKLOG", NULL, NET_BACKLOG, ZMQ_BACKLOG, VALUE_INT, CONSTANT, true},
    {"HEARTBEAT_IVL", NULL, 0, ZMQ_HEARTBEAT_IVL, VALUE_INT, CONSTANT, true},
    {"TCP_KEEPALIVE", NULL, 1, ZMQ_TCP_KEEPALIVE, VALUE_INT, CONSTANT, true},
    {"TCP_KEEPALIVE_IDLE", NULL, NET_KEEPALIVE_IDLE_S, ZMQ_TCP_KEEPALIVE_IDLE, VALUE_INT, CONSTANT,
        true},
    {"TCP_KEEPALIVE_INTVL", NULL, NET_KEEPALIVE_INTERVAL_S, ZMQ_TCP_KEEPALIVE_INTVL, VALUE_INT,
        CONSTANT, true},
    {"TCP_KEEPALIVE_CNT", NULL, NET_KEEPALIVE_COUNT, ZMQ_TCP_KEEPALIVE_CNT, VALUE_INT, CONSTANT,
        true},
    {"TCP_MAXRT", NULL, NET_TCP_MAXRT_MS, ZMQ_TCP_MAXRT, VALUE_INT, CONSTANT, true},
    {"IPV6", NULL, 1, ZMQ_IPV6, VALUE_INT, CONSTANT, true},
};

enum { PRESET_COUNT = sizeof presets / sizeof presets[0], VALUE_BYTES_MAX = 256 };

/* A value as libzmq takes and gives it. */
struct value {
    union {
        int i;
        int64_t i64;
        char bytes[VALUE_BYTES_MAX];
    } as;
    size_t set_len; /* bytes to set */
    size_t get_len; /* bytes that come back: a text has its terminator then */
};

static void value_of(
    const struct preset *preset, const struct listener_options *options, struct value *out)
{
    int64_t number = preset->source == HANDSHAKE_MS ? options->handshake_ms : preset->number;

    memset(out, 0, sizeof *out);
    switch (preset->type) {
    case VALUE_INT:
        out->as.i = (int)number;
        out->set_len = out->get_len = sizeof out->as.i;
        break;
    case VALUE_INT64:
        out->as.i64 = number;
        out->set_len = out->get_len = sizeof out->as.i64;
        break;
    case VALUE_TEXT:
        out->set_len = strlen(preset->text);
        out->get_len = out->set_len + 1;
        memcpy(out->as.bytes, preset->text, out->get_len);
        break;
    case VALUE_KEY:
        out->set_len = out->get_len = 32;
        memcpy(out->as.bytes,
            preset->source == CURVE_PUBLIC ? options->curve_public : options->curve_secret, 32);
        break;
    }
}

static int preset_apply(void *socket, const struct preset *preset,
    const struct listener_options *options, struct complaint *why)
{
    struct value value;

    value_of(preset, options, &value);
    if (zmq_setsockopt(socket, preset->option, &value.as, value.set_len) != 0) {
        return complain(why, E_STATE, "libzmq does not take the option %s (%s); use libzmq 4.3.4",
            preset->name, zmq_strerror(errno));
    }
    return 0;
}

static int preset_confirm(void *socket, const struct preset *preset,
    const struct listener_options *options, struct complaint *why)
{
    struct value value;
    char got[VALUE_BYTES_MAX];
    size_t len;

    if (!preset->reads_back) {
        return 0;
    }
    value_of(preset, options, &value);
    len = preset->type == VALUE_TEXT ? sizeof got : value.get_len;
    if (zmq_getsockopt(socket, preset->option, got, &len) != 0 || len != value.get_len ||
        memcmp(got, &value.as, len) != 0) {
        return complain(why, E_STATE,
            "the option %s does not read back as it was set: nothing is bound; use libzmq 4.3.4",
            preset->name);
    }
    return 0;
}

/* ROUTER_MANDATORY cannot be read, but it shows: a frame for nobody must be refused and not be dropped. */
static int mandatory_confirm(void *socket, struct complaint *why)
{
    static const uint8_t nobody[NET_ROUTING_ID_BYTES] = {0, 1, 2, 3, 4};

    if (zmq_send(socket, nobody, sizeof nobody, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0 ||
        errno != EHOSTUNREACH) {
        return complain(why, E_STATE,
            "the option ROUTER_MANDATORY has no effect: nothing is bound; use libzmq 4.3.4");
    }
    return 0;
}

int listener_open(
    void *context, const struct listener_options *options, void **out, struct complaint *why)
{
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    int rc = 0;

    if (socket == NULL) {
        return complain(why, E_IO, "the listener cannot be made: %s", zmq_strerror(errno));
    }
    for (size_t i = 0; i < PRESET_COUNT && rc == 0; i++) {
        rc = preset_apply(socket, &presets[i], options, why);
    }
    for (size_t i = 0; i < PRESET_COUNT && rc == 0; i++) {
        rc = preset_confirm(socket, &presets[i], options, why);
    }
    rc = rc != 0 ? rc : mandatory_confirm(socket, why);
    if (rc != 0) {
        listener_close(&socket, 0);
        return rc;
    }
    *out = socket;
    return 0;
}

static bool is_curve_server(void *socket)
{
    int server = 0;
    int mechanism = -1;
    size_t len = sizeof server;

    return zmq_getsockopt(socket, ZMQ_CURVE_SERVER, &server, &len) == 0 && server == 1 &&
        zmq_getsockopt(socket, ZMQ_MECHANISM, &mechanism, &len) == 0 && mechanism == ZMQ_CURVE;
}

/* Is the host of tcp://HOST:PORT an IPv4 address? Then no IPv6: the address bound would be told in a form
 * ([::ffff:192.0.2.7]) that peers without IPv6 cannot connect to. */
static bool is_ipv4(const char *endpoint)
{
    char host[INET_ADDRSTRLEN];
    struct in_addr address;
    const char *colon = strrchr(endpoint, ':');

    if (strncmp(endpoint, "tcp://", 6) != 0 || colon == NULL || colon < endpoint + 6 ||
        (size_t)(colon - endpoint) - 6 >= sizeof host) {
        return false;
    }
    memcpy(host, endpoint + 6, (size_t)(colon - endpoint) - 6);
    host[colon - endpoint - 6] = '\0';
    return inet_pton(AF_INET, host, &address) == 1;
}

int listener_bind(
    void *context, void *socket, const char *endpoint, char *bound, struct complaint *why)
{
    size_t len = NET_ENDPOINT_BYTES_MAX;
    const int ipv6 = is_ipv4(endpoint) ? 0 : 1;

    if (!is_curve_server(socket)) {
        return complain(why, E_STATE, "%s is not bound: CURVE is not on", endpoint);
    }
    if (!zap_answers(context)) {
        return complain(why, E_STATE, "%s is not bound: nobody checks the keys", endpoint);
    }
    if (zmq_setsockopt(socket, ZMQ_IPV6, &ipv6, sizeof ipv6) != 0 ||
        zmq_bind(socket, endpoint) != 0) {
        return complain(why, E_IO,
            "%s cannot be bound (%s); is another program there, or the address not this machine's?",
            endpoint, zmq_strerror(errno));
    }
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &len) != 0) {
        return complain(why, E_IO, "%s is bound, but does not tell where", endpoint);
    }
    return 0;
}

void listener_close(void **socket_p, int linger_ms)
{
    assert(socket_p != NULL);
    if (*socket_p != NULL) {
        (void)zmq_setsockopt(*socket_p, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
        (void)zmq_close(*socket_p);
        *socket_p = NULL;
    }
}
