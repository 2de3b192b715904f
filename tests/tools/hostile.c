/*
 * hostile: does to a broker what nobody should, and prints one line of what it saw. It never judges; who runs it does.
 *
 *   hostile ATTACK --endpoint E (--server-key HEX --network NAME | --join FILE) [--keys FILE ...]
 *           [--count N] [--bytes N] [--as AGENT] [--to CODE]
 *
 *   unknown-key     a CURVE key that no register holds          routing-id      a peer that names itself
 *   wrong-server    expects another broker's key                claim           HELLO as --as AGENT
 *   plain           speaks without CURVE                        garbage         --count random frames, then HELLO
 *   announce        --count connections announcing 1 GiB        multipart       messages of several parts
 *   idle            --count connections that say nothing        flood-hello     --count HELLOs
 *   handshakes      --count connections with a good key         flood-ping      --count PINGs in a session
 *   replay          a good PUBLISH, sent again, then sent by the second --keys
 *   publish         no attack: --count good events, one in flight, and how long their receipts took
 *   stop-reading    HELLO, then reads nothing until standard input ends; then counts what had come
 *
 * Output: attack=NAME key=value ...  Exit 0 where the attack was carried out, 2 where it could not be.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>
#include <zmq.h>

#include "common/base/check.h"
#include "common/base/words.h"
#include "common/base/world.h"
#include "common/codec/limits.h"
#include "common/crypto/hash.h"
#include "common/register/join.h"
#include "tests/support/peer.h"

#include "common/base/banned.h"

enum {
    KEYS_GIVEN_MAX = 2,
    COUNT_MAX = 10000000,
    WAIT_MS = 5000,
    EXIT_CANNOT = 2,
    CONNECTIONS_MAX = 65536
};

struct hostile {
    struct join join; /* network, endpoints[0], broker_curve */
    struct keys keys[KEYS_GIVEN_MAX];
    size_t key_count;
    const char *as;
    const char *to;
    uint64_t count;
    uint64_t bytes;
    void *context;
};

static _Noreturn void cannot(const char *what, const char *why)
{
    (void)fprintf(stderr, "hostile: %s: %s\n", what, why);
    exit(EXIT_CANNOT);
}

static void open_as(struct hostile *self, struct peer *peer, size_t key)
{
    const struct peer_target target = {self->join.endpoints[0], self->join.broker_curve, NULL};

    if (key >= self->key_count) {
        cannot("--keys", "this attack needs a key file (replay: two)");
    }
    peer_open(peer, self->context, self->join.network, &self->keys[key], &target);
}

/* Does the broker still answer a good agent? */
static const char *is_served(struct hostile *self)
{
    struct peer peer;

    open_as(self, &peer, 0);
    bool served = peer_hello(&peer, self->keys[0].id, 1, WAIT_MS);
    peer_close(&peer);
    return served ? "yes" : "no";
}

/* ---- at the door -------------------------------------------------------------------------- */

static void at_the_door(
    struct hostile *self, const struct keys *keys, const struct peer_target *target)
{
    struct peer peer;

    peer_open(&peer, self->context, self->join.network, keys, target);
    (void)peer_hello(&peer, "E09000000", 1, 0);
    const char *fate = peer_fate(&peer, WAIT_MS);
    (void)peer_hear(&peer, 0);
    (void)printf("fate=%s frames_in=%llu\n", fate, (unsigned long long)peer.frames_in);
    peer_close(&peer);
}

static void attack_unknown_key(struct hostile *self)
{
    const struct peer_target target = {self->join.endpoints[0], self->join.broker_curve, NULL};
    struct keys keys;

    keys_make(world_real(), "stranger", &keys);
    at_the_door(self, &keys, &target);
}

static void attack_wrong_server(struct hostile *self)
{
    struct keys other;
    struct keys keys;

    keys_make(world_real(), "other", &other);
    keys_make(world_real(), "stranger", &keys);
    const struct peer_target target = {self->join.endpoints[0], other.curve_public, NULL};
    at_the_door(self, self->key_count > 0 ? &self->keys[0] : &keys, &target);
}

static void attack_plain(struct hostile *self)
{
    const struct peer_target target = {self->join.endpoints[0], NULL, NULL};

    at_the_door(self, NULL, &target);
}

static void attack_handshakes(struct hostile *self)
{
    uint64_t accepted = 0;
    uint64_t other = 0;
    int64_t began_ms = peer_now_ms();

    for (uint64_t i = 0; i < self->count; i++) {
        struct peer peer;
        open_as(self, &peer, 0);
        bool in = strcmp(peer_fate(&peer, 500), "accepted") == 0;
        accepted += in;
        other += !in;
        peer_close(&peer);
    }
    (void)printf("accepted=%llu other=%llu ms=%lld\n", (unsigned long long)accepted,
        (unsigned long long)other, (long long)(peer_now_ms() - began_ms));
}

/* ---- below ZeroMQ ------------------------------------------------------------------------- */

static int raw_connect(const char *endpoint)
{
    struct sockaddr_in inet = {.sin_family = AF_INET};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    char host[64];
    const char *port = strrchr(endpoint, ':');
    bool is_ipc = strncmp(endpoint, "ipc://", 6) == 0;
    uint64_t number = 0;

    int fd = socket(is_ipc ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (is_ipc) {
        (void)snprintf(local.sun_path, sizeof local.sun_path, "%s", endpoint + 6);
        if (connect(fd, (const struct sockaddr *)&local, sizeof local) == 0) {
            return fd;
        }
    } else {
        (void)snprintf(host, sizeof host, "%.*s", (int)(port - (endpoint + 6)), endpoint + 6);
        if (inet_pton(AF_INET, host, &inet.sin_addr) != 1 ||
            text_parse_u64(port + 1, 1, 65535, &number) != 0) {
            cannot(endpoint, "raw attacks take tcp://1.2.3.4:PORT or ipc://PATH");
        }
        inet.sin_port = htons((uint16_t)number);
        if (connect(fd, (const struct sockaddr *)&inet, sizeof inet) == 0) {
            return fd;
        }
    }
    (void)close(fd);
    return -1;
}

static void raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Open count connections, say `words` on each; how many could be opened. */
static size_t raw_open(struct hostile *self, struct pollfd *items, struct slice words)
{
    size_t opened = 0;

    raise_files();
    for (uint64_t i = 0; i < self->count && i < CONNECTIONS_MAX; i++) {
        int fd = raw_connect(self->join.endpoints[0]);
        if (fd < 0) {
            break;
        }
        if (words.len > 0) {
            ssize_t said = send(fd, words.data, words.len, MSG_NOSIGNAL);
            (void)said; /* one that is cut already will show it */
        }
        items[opened++] = (struct pollfd){fd, POLLIN, 0};
    }
    return opened;
}

/* Wait until the broker has closed them all, at most wait_ms after the last sign; how many it closed. */
static size_t raw_await_end(struct pollfd *items, size_t count, int wait_ms)
{
    uint8_t bytes[256];
    size_t closed = 0;

    while (closed < count && poll(items, count, wait_ms) > 0) {
        for (size_t i = 0; i < count; i++) {
            if (items[i].fd >= 0 && items[i].revents != 0 &&
                recv(items[i].fd, bytes, sizeof bytes, 0) <= 0) {
                (void)close(items[i].fd);
                items[i].fd = -1; /* poll passes over it */
                closed++;
            }
        }
    }
    return closed;
}

static void raw_attack(struct hostile *self, struct slice words)
{
    struct pollfd *items = mem_new(CONNECTIONS_MAX, sizeof *items);
    int64_t began_ms = peer_now_ms();
    size_t opened = raw_open(self, items, words);
    int64_t opened_ms = peer_now_ms();
    const char *served = self->key_count > 0 ? is_served(self) : "unasked";
    int64_t served_ms = peer_now_ms();
    size_t closed = raw_await_end(items, opened, 2 * WAIT_MS);

    (void)printf("opened=%zu open_ms=%lld served=%s served_ms=%lld closed=%zu closed_ms=%lld\n",
        opened, (long long)(opened_ms - began_ms), served, (long long)(served_ms - opened_ms),
        closed, (long long)(peer_now_ms() - began_ms));
    for (size_t i = 0; i < opened; i++) {
        if (items[i].fd >= 0) {
            (void)close(items[i].fd);
        }
    }
    free(items);
}

static void attack_idle(struct hostile *self)
{
    raw_attack(self, slice_of(NULL, 0));
}

/* A ZMTP 3.0 greeting with CURVE, then the header of a command of 2^30 bytes, and the beginning of it. */
static void attack_announce(struct hostile *self)
{
    static const uint8_t greeting[] = {
        0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'C', 'U', 'R', 'V', 'E'};
    static const uint8_t header[] = {0x06, 0, 0, 0, 0, 0x40, 0, 0, 0};
    uint8_t words[64 + sizeof header + 4096] = {0};

    memcpy(words, greeting, sizeof greeting);
    memcpy(words + 64, header, sizeof header);
    raw_attack(self, slice_of(words, sizeof words));
}

/* ---- with a good key ---------------------------------------------------------------------- */

static void attack_claim(struct hostile *self)
{
    struct peer peer;

    open_as(self, &peer, 0);
    bool welcome = peer_hello(&peer, self->as == NULL ? "E09000000" : self->as, 1, WAIT_MS);
    (void)printf("welcome=%s refused=%llu code=%u\n", welcome ? "yes" : "no",
        (unsigned long long)peer.refused, peer.last_code);
    peer_close(&peer);
}

static void attack_routing_id(struct hostile *self)
{
    const struct peer_target target = {
        self->join.endpoints[0], self->join.broker_curve, "E09000019"};
    struct peer peer;

    if (self->key_count == 0) {
        cannot("--keys", "this attack needs a key file");
    }
    peer_open(&peer, self->context, self->join.network, &self->keys[0], &target);
    bool welcome = peer_hello(&peer, self->keys[0].id, 1, 1000);
    (void)printf("welcome=%s frames_in=%llu served=%s\n", welcome ? "yes" : "no",
        (unsigned long long)peer.frames_in, is_served(self));
    peer_close(&peer);
}

/* Say the same kind of thing count times, hearing what comes in between; how many were said. */
static uint64_t flood(
    struct hostile *self, struct peer *peer, bool (*say)(struct hostile *, struct peer *))
{
    uint64_t said = 0;
    int64_t give_up_ms = peer_now_ms() + 60000;

    while (said < self->count && peer_now_ms() < give_up_ms) {
        if (say(self, peer)) {
            said++;
            while (said % 64 == 0 && peer_hear(peer, 0) != NULL) {
                continue;
            }
        } else {
            (void)peer_hear(peer, 10); /* the pipe is full: the broker takes no more from us */
        }
    }
    return said;
}

static void flood_report(
    struct hostile *self, bool (*say)(struct hostile *, struct peer *), bool hello)
{
    struct peer peer;

    open_as(self, &peer, 0);
    bool welcome = hello && peer_hello(&peer, self->keys[0].id, 1, WAIT_MS);
    int64_t began_ms = peer_now_ms();
    uint64_t said = flood(self, &peer, say);
    while (peer_hear(&peer, 500) != NULL) {
        continue;
    }
    (void)printf("welcome=%s said=%llu frames_in=%llu refused=%llu code=%u ms=%lld served=%s\n",
        welcome ? "yes" : "no", (unsigned long long)said, (unsigned long long)peer.frames_in,
        (unsigned long long)peer.refused, peer.last_code, (long long)(peer_now_ms() - began_ms),
        is_served(self));
    peer_close(&peer);
}

static bool say_garbage(struct hostile *self, struct peer *peer)
{
    static uint8_t bytes[FRAME_BYTES_MAX];
    uint32_t len = randombytes_uniform((uint32_t)self->bytes + 1);

    randombytes_buf(bytes, len < 64 ? len : 64); /* the rest: zeros and what was there */
    if (len >= 5 && randombytes_uniform(2) == 0) {
        memcpy(bytes, "\x0dWYP1", 5); /* half of them begin like a frame of ours */
    }
    return peer_say_raw(peer, slice_of(bytes, len));
}

static void attack_garbage(struct hostile *self)
{
    flood_report(self, say_garbage, false);
}

static bool say_hello(struct hostile *self, struct peer *peer)
{
    return peer_say_hello(peer, self->keys[0].id, 1);
}

static void attack_flood_hello(struct hostile *self)
{
    flood_report(self, say_hello, false);
}

static bool say_ping(struct hostile *self, struct peer *peer)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Ping ping = WAYPOST__PING__INIT;

    (void)self;
    frame.body_case = WAYPOST__FRAME__BODY_PING;
    frame.ping = &ping;
    return peer_say(peer, &frame);
}

static void attack_flood_ping(struct hostile *self)
{
    flood_report(self, say_ping, true);
}

static bool say_multipart(struct hostile *self, struct peer *peer)
{
    int sent = zmq_send(peer->socket, "one", 3, ZMQ_DONTWAIT | ZMQ_SNDMORE);

    (void)self;
    return sent == 3 && zmq_send(peer->socket, "two", 3, ZMQ_DONTWAIT) == 3;
}

static void attack_multipart(struct hostile *self)
{
    flood_report(self, say_multipart, false);
}

/* What answers a frame: "receipt", "duplicate", "refused", "silence". */
static const char *answer_to(struct peer *peer, struct slice bytes)
{
    int64_t until = peer_now_ms() + WAIT_MS;
    uint64_t refused = peer->refused;

    if (!peer_say_raw(peer, bytes)) {
        return "full";
    }
    while (peer_now_ms() < until) {
        Waypost__Frame *frame = peer_hear(peer, 100);
        if (frame != NULL && frame->body_case == WAYPOST__FRAME__BODY_RECEIPT) {
            return frame->receipt->has_duplicate && frame->receipt->duplicate ? "duplicate"
                                                                              : "receipt";
        }
        if (peer->refused > refused) {
            return "refused";
        }
    }
    return "silence";
}

static void attack_replay(struct hostile *self)
{
    struct complaint why = {0};
    struct buf bytes = {0};
    struct peer owner;
    struct peer thief;
    const char *from = self->keys[0].id;

    open_as(self, &owner, 0);
    open_as(self, &thief, 1);
    if (!peer_hello(&owner, from, 16, WAIT_MS) ||
        !peer_hello(&thief, self->keys[1].id, 16, WAIT_MS)) {
        cannot("replay", "the broker welcomes not both of the agents");
    }
    if (peer_publish_bytes(&owner, 1, from, self->to == NULL ? from : self->to, &bytes, &why) !=
        0) {
        cannot("replay", why.text);
    }
    const char *first = answer_to(&owner, buf_slice(&bytes));
    uint32_t first_code = owner.last_code;
    const char *again = answer_to(&owner, buf_slice(&bytes));
    const char *stolen = answer_to(&thief, buf_slice(&bytes));
    (void)printf("first=%s first_code=%u again=%s stolen=%s stolen_code=%u\n", first, first_code,
        again, stolen, thief.last_code);
    buf_free(&bytes);
    peer_close(&thief);
    peer_close(&owner);
}

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int us_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Not an attack: what a good agent gets meanwhile. One event in flight. */
static void attack_publish(struct hostile *self)
{
    struct complaint why = {0};
    struct buf bytes = {0};
    struct peer peer;
    int64_t *spent_us = mem_new(self->count, sizeof *spent_us);
    uint64_t receipts = 0;
    const char *from = self->keys[0].id;

    open_as(self, &peer, 0);
    bool welcome = peer_hello(&peer, from, 4096, WAIT_MS);
    for (uint64_t i = 1; welcome && i <= self->count; i++) {
        buf_clear(&bytes);
        int64_t began_us = now_us();
        if (peer_publish_bytes(&peer, i, from, self->to == NULL ? from : self->to, &bytes, &why) !=
            0) {
            cannot("publish", why.text);
        }
        if (strcmp(answer_to(&peer, buf_slice(&bytes)), "receipt") != 0) {
            break;
        }
        spent_us[receipts++] = now_us() - began_us;
    }
    qsort(spent_us, receipts, sizeof *spent_us, us_order);
    (void)printf("welcome=%s receipts=%llu p50_us=%lld p99_us=%lld refused=%llu code=%u\n",
        welcome ? "yes" : "no", (unsigned long long)receipts, (long long)spent_us[receipts / 2],
        (long long)spent_us[receipts * 99 / 100], (unsigned long long)peer.refused, peer.last_code);
    free(spent_us);
    buf_free(&bytes);
    peer_close(&peer);
}

static void attack_stop_reading(struct hostile *self)
{
    struct peer peer;
    uint64_t delivered = 0;
    Waypost__Frame *frame;

    open_as(self, &peer, 0);
    bool welcome = peer_hello(&peer, self->keys[0].id, 4096, WAIT_MS);
    (void)fprintf(stderr, "hostile: not reading; end standard input to go on\n");
    while (getchar() != EOF) {
        continue;
    }
    while ((frame = peer_hear(&peer, 500)) != NULL) {
        if (frame->body_case == WAYPOST__FRAME__BODY_DELIVER) {
            delivered += frame->deliver->n_entries;
        }
    }
    (void)printf("welcome=%s frames_in=%llu entries=%llu\n", welcome ? "yes" : "no",
        (unsigned long long)peer.frames_in, (unsigned long long)delivered);
    peer_close(&peer);
}

/* ---- command line ------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(struct hostile *self);
} attacks[] = {
    {"unknown-key", attack_unknown_key},
    {"wrong-server", attack_wrong_server},
    {"plain", attack_plain},
    {"handshakes", attack_handshakes},
    {"idle", attack_idle},
    {"announce", attack_announce},
    {"claim", attack_claim},
    {"routing-id", attack_routing_id},
    {"garbage", attack_garbage},
    {"multipart", attack_multipart},
    {"flood-hello", attack_flood_hello},
    {"flood-ping", attack_flood_ping},
    {"replay", attack_replay},
    {"stop-reading", attack_stop_reading},
    {"publish", attack_publish},
};

static void take_number(const char *name, const char *text, uint64_t most, uint64_t *out)
{
    if (text_parse_u64(text, 1, most, out) != 0) {
        cannot(name, "not a number within its limits");
    }
}

static void take_option(struct hostile *self, int letter, const char *value)
{
    struct complaint why = {0};

    switch (letter) {
    case 'j':
        if (join_load(value, &self->join, &why) != 0) {
            cannot(value, why.text);
        }
        break;
    case 'e':
        (void)snprintf(self->join.endpoints[0], sizeof self->join.endpoints[0], "%s", value);
        break;
    case 's':
        if (hex_decode(value, self->join.broker_curve, CURVE_KEY_BYTES) != 0) {
            cannot("--server-key", "64 hexadecimal digits are wanted");
        }
        break;
    case 'n':
        (void)snprintf(self->join.network, sizeof self->join.network, "%s", value);
        break;
    case 'k':
        if (self->key_count == KEYS_GIVEN_MAX ||
            keys_load(value, &self->keys[self->key_count++], &why) != 0) {
            cannot(value, why.text);
        }
        break;
    case 'a':
        self->as = value;
        break;
    case 't':
        self->to = value;
        break;
    case 'c':
        take_number("--count", value, COUNT_MAX, &self->count);
        break;
    case 'b':
        take_number("--bytes", value, FRAME_BYTES_MAX, &self->bytes);
        break;
    default:
        cannot("usage", "see the head of tests/tools/hostile.c");
    }
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"join", required_argument, NULL, 'j'},
        {"endpoint", required_argument, NULL, 'e'},
        {"server-key", required_argument, NULL, 's'},
        {"network", required_argument, NULL, 'n'},
        {"keys", required_argument, NULL, 'k'},
        {"as", required_argument, NULL, 'a'},
        {"to", required_argument, NULL, 't'},
        {"count", required_argument, NULL, 'c'},
        {"bytes", required_argument, NULL, 'b'},
        {NULL, 0, NULL, 0},
    };
    static struct hostile self = {.count = 100, .bytes = 4096};
    int letter;

    crypto_start();
    while ((letter = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        take_option(&self, letter, optarg);
    }
    if (optind + 1 != argc || self.join.endpoints[0][0] == '\0') {
        take_option(&self, '?', NULL);
    }
    self.context = zmq_ctx_new();
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        if (strcmp(attacks[i].name, argv[optind]) == 0) {
            (void)printf("attack=%s ", attacks[i].name);
            attacks[i].run(&self);
            (void)zmq_ctx_term(self.context);
            return 0;
        }
    }
    cannot(argv[optind], "there is no such attack");
}
