/*
 * bench_floor: what the machine does without Waypost: an append with fdatasync, a CURVE round trip, an Ed25519
 * signature and its check. The figures of the broker mean something beside these alone. Also:
 * samples, and how figures are said.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "client/cli/bench.h"
#include "common/base/fsio.h"
#include "common/base/world.h"
#include "common/crypto/sign.h"
#include "common/base/banned.h"

enum {
    SYNC_ROUNDS = 1000,
    SYNC_BYTES = 4096,
    SYNC_SECONDS = 3,
    CURVE_ROUNDS = 4000,
    CURVE_BYTES = 300,
    SIGN_ROUNDS = 2000
};

/* ---- samples ---- */

int64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void samples_reserve(struct samples *self, size_t more)
{
    if (self->count + more > self->capacity) {
        size_t capacity = (self->count + more) * 2;
        int64_t *ns = mem_new(capacity, sizeof *ns);
        if (self->count > 0) {
            memcpy(ns, self->ns, self->count * sizeof *ns);
        }
        free(self->ns);
        self->ns = ns;
        self->capacity = capacity;
    }
}

void samples_add(struct samples *self, int64_t ns)
{
    samples_reserve(self, 1);
    self->ns[self->count++] = ns;
}

void samples_join(struct samples *self, const struct samples *other)
{
    samples_reserve(self, other->count);
    if (other->count > 0) {
        memcpy(self->ns + self->count, other->ns, other->count * sizeof *self->ns);
    }
    self->count += other->count;
}

static int compare_ns(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int64_t samples_at(struct samples *self, double part)
{
    if (self->count == 0) {
        return 0;
    }
    qsort(self->ns, self->count, sizeof *self->ns, compare_ns);
    size_t index = (size_t)(part * (double)self->count);
    return self->ns[index < self->count ? index : self->count - 1];
}

void samples_free(struct samples *self)
{
    free(self->ns);
    *self = (struct samples){0};
}

/* ---- saying ---- */

const char *bench_number(double value, char *text)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.0f", value);
    size_t len = strlen(digits);
    size_t at = 0;
    for (size_t i = 0; i < len && at + 2 < 32; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            text[at++] = ',';
        }
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

void bench_say(
    struct cli *cli, json_t *results, const char *name, json_t *figures, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_object_set_new(results, name, figures);
    cli_say(cli, "%-28s %s\n", name, text);
    fflush(cli->out);
}

/* ---- floors ---- */

int bench_sync_samples(const char *dir, uint64_t rounds, struct samples *out)
{
    char path[BENCH_PATH_BYTES + 32];
    static uint8_t page[SYNC_BYTES];
    int fd;
    int len = snprintf(path, sizeof path, "%s/floor", dir);
    if (len < 0 || (size_t)len >= sizeof path) {
        return E_RANGE;
    }
    int rc = fsio_open_rw(path, true, &fd);
    if (rc != 0) {
        return rc;
    }
    int64_t end_ns = bench_now_ns() + SYNC_SECONDS * INT64_C(1000000000);
    for (uint64_t i = 0; i < rounds && rc == 0 && bench_now_ns() < end_ns; i++) {
        int64_t begin_ns = bench_now_ns();
        rc = fsio_write_at(fd, slice_of(page, sizeof page), i * SYNC_BYTES);
        rc = rc == 0 ? fsio_sync_data(fd) : rc;
        samples_add(out, bench_now_ns() - begin_ns);
    }
    close(fd);
    fsio_remove(path);
    return rc;
}

struct echo {
    void *zmq;
    char server_public[41];
    char server_secret[41];
    char endpoint[BENCH_ENDPOINT_BYTES];
    void *server;
};

static void *echo_main(void *context)
{
    struct echo *self = context;
    for (;;) {
        zmq_msg_t id;
        zmq_msg_t body;
        zmq_msg_init(&id);
        zmq_msg_init(&body);
        if (zmq_msg_recv(&id, self->server, 0) < 0 || zmq_msg_recv(&body, self->server, 0) <= 0) {
            zmq_msg_close(&id);
            zmq_msg_close(&body);
            return NULL; /* an empty body ends it */
        }
        zmq_msg_send(&id, self->server, ZMQ_SNDMORE);
        zmq_msg_send(&body, self->server, 0);
    }
}

static bool echo_bind(struct echo *self)
{
    int server = 1;
    size_t size = sizeof self->endpoint;
    self->zmq = zmq_ctx_new();
    self->server = zmq_socket(self->zmq, ZMQ_ROUTER);
    zmq_curve_keypair(self->server_public, self->server_secret);
    return zmq_setsockopt(self->server, ZMQ_CURVE_SERVER, &server, sizeof server) == 0 &&
        zmq_setsockopt(self->server, ZMQ_CURVE_SECRETKEY, self->server_secret, 41) == 0 &&
        zmq_bind(self->server, "tcp://127.0.0.1:*") == 0 &&
        zmq_getsockopt(self->server, ZMQ_LAST_ENDPOINT, self->endpoint, &size) == 0;
}

static void *echo_client(struct echo *self)
{
    char public_key[41];
    char secret_key[41];
    int none = 0;
    void *client = zmq_socket(self->zmq, ZMQ_DEALER);
    zmq_curve_keypair(public_key, secret_key);
    zmq_setsockopt(client, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(client, ZMQ_CURVE_SERVERKEY, self->server_public, 41);
    zmq_setsockopt(client, ZMQ_CURVE_PUBLICKEY, public_key, 41);
    zmq_setsockopt(client, ZMQ_CURVE_SECRETKEY, secret_key, 41);
    zmq_connect(client, self->endpoint);
    return client;
}

static void measure_curve(struct samples *out)
{
    struct echo echo = {0};
    uint8_t bytes[CURVE_BYTES] = {1};
    pthread_t thread;
    if (!echo_bind(&echo) || pthread_create(&thread, NULL, echo_main, &echo) != 0) {
        return;
    }
    void *client = echo_client(&echo);
    for (int i = 0; i < CURVE_ROUNDS; i++) {
        int64_t begin_ns = bench_now_ns();
        zmq_send(client, bytes, sizeof bytes, 0);
        zmq_recv(client, bytes, sizeof bytes, 0);
        if (i > 10) {
            samples_add(out, bench_now_ns() - begin_ns);
        }
    }
    zmq_send(client, bytes, 0, 0);
    pthread_join(thread, NULL);
    zmq_close(client);
    zmq_close(echo.server);
    zmq_ctx_term(echo.zmq);
}

static void measure_sign(const struct keys *keys, struct samples *sign, struct samples *check)
{
    uint8_t statement[150] = {0};
    uint8_t signature[SIGNATURE_BYTES];
    for (uint8_t i = 0; sign->count < SIGN_ROUNDS; i++) {
        statement[0] = i;
        int64_t begin_ns = bench_now_ns();
        sign_make(SIGN_CONTEXT_BATCH, slice_of(statement, sizeof statement), keys->sign_secret,
            signature);
        int64_t signed_ns = bench_now_ns();
        int rc = sign_check(SIGN_CONTEXT_BATCH, slice_of(statement, sizeof statement),
            slice_of(signature, sizeof signature), keys->sign_public);
        samples_add(sign, signed_ns - begin_ns);
        samples_add(check, rc == 0 ? bench_now_ns() - signed_ns : 0);
    }
}

static double us(int64_t ns)
{
    return (double)ns / 1000.0;
}

static void say_pair(struct cli *cli, json_t *results, const char *name, struct samples *samples)
{
    double p50 = us(samples_at(samples, 0.5));
    double p99 = us(samples_at(samples, 0.99));
    bench_say(cli, results, name, json_pack("{s:f, s:f}", "p50_us", p50, "p99_us", p99),
        "p50 %.0f us, p99 %.0f us", p50, p99);
}

int bench_floors(struct cli *cli, const char *dir, json_t *results)
{
    struct samples sync = {0};
    struct samples curve = {0};
    struct samples sign = {0};
    struct samples check = {0};
    struct keys keys;
    int rc = bench_sync_samples(dir, SYNC_ROUNDS, &sync);
    int exit_code = rc == 0 ? CLI_DONE : cli_fail(cli, rc, "%s/floor could not be written", dir);
    if (exit_code == CLI_DONE) {
        keys_make(world_real(), "floor", &keys);
        measure_curve(&curve);
        measure_sign(&keys, &sign, &check);
        keys_wipe(&keys);
        cli_say(cli, "%sWhat this machine does by itself%s\n", cli_paint(cli, PAINT_BOLD),
            cli_paint(cli, PAINT_END));
        say_pair(cli, results, "fdatasync_4k", &sync);
        say_pair(cli, results, "curve_round_trip_300", &curve);
        say_pair(cli, results, "ed25519_sign", &sign);
        say_pair(cli, results, "ed25519_check", &check);
    }
    samples_free(&sync);
    samples_free(&curve);
    samples_free(&sign);
    samples_free(&check);
    return exit_code;
}
