/*
 * edge: see edge.h. What a peer does is never fatal; sockets and threads that fail while serving are, for then nothing
 * can be promised to anybody.
 */
#include "broker/net/edge.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "broker/net/edge_internal.h"
#include "broker/net/listener.h"
#include "broker/net/procedure_files.h"
#include "common/base/check.h"
#include "common/base/fsio.h"
#include "common/base/log.h"
#include "common/codec/limits.h"

#include "common/base/banned.h"

#define MONITOR_ENDPOINT "inproc://waypost-monitor"

static int64_t now_mono_ms(const edge_t *self)
{
    return self->parts.world->mono_ms(self->parts.world->context);
}

/* ---- what the core asks for --------------------------------------------------------------- */

static void port_verify(void *context, struct verify_job *job)
{
    edge_t *self = context;

    self->verifying++;
    worker_give(self->crypto, job);
}

static uint64_t port_free_bytes(void *context)
{
    edge_t *self = context;
    uint64_t bytes = 0;

    if (self->parts.disk->free_bytes(self->parts.disk->context, &bytes) != 0) {
        log_warn("the free space of %s cannot be read", self->parts.options->data);
        return 0;
    }
    return bytes;
}

const struct core_ports *edge_ports(edge_t *self)
{
    return &self->ports;
}

void edge_attach(edge_t *self, core_t *core, journal_t *journal)
{
    self->core = core;
    self->journal = journal;
}

/* ---- birth and death ---------------------------------------------------------------------- */

static int threads_open(edge_t *self, struct complaint *why)
{
    const struct broker_options *options = self->parts.options;

    self->context = zmq_ctx_new();
    if (self->context == NULL ||
        zmq_ctx_set(self->context, ZMQ_IO_THREADS, (int)options->io_threads) != 0) {
        return complain(why, E_IO, "libzmq cannot start: %s", zmq_strerror(errno));
    }
    int rc = zap_open(self->context, self->parts.world, options->connections_max, &self->zap, why);
    if (rc == 0) {
        rc = worker_open_writer(&self->writer, why);
    }
    if (rc == 0) {
        rc = worker_open_keeper(&self->keeper, why);
    }
    if (rc == 0) {
        rc = worker_open_crypto(&self->crypto, why);
    }
    return rc;
}

static int timer_open(edge_t *self, struct complaint *why)
{
    self->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return self->timer_fd >= 0 ? 0 : complain(why, E_IO, "no descriptor is left for a timer");
}

static int router_open(edge_t *self, struct complaint *why)
{
    const struct listener_options options = {
        .curve_public = self->parts.keys->curve_public,
        .curve_secret = self->parts.keys->curve_secret,
        .handshake_ms = self->parts.options->handshake_ms,
    };

    int rc = listener_open(self->context, &options, &self->router, why);
    if (rc != 0) {
        return rc;
    }
    if (zmq_socket_monitor(self->router, MONITOR_ENDPOINT, ZMQ_EVENT_ALL) != 0) {
        return complain(why, E_IO, "the listener cannot be watched: %s", zmq_strerror(errno));
    }
    zap_watch(self->zap, MONITOR_ENDPOINT);
    return 0;
}

int edge_open(const struct edge_parts *parts, edge_t **out, struct complaint *why)
{
    edge_t *self = mem_new(1, sizeof *self);

    self->parts = *parts;
    self->ports = (struct core_ports){.context = self,
        .send = edge_send,
        .verify = port_verify,
        .free_bytes = port_free_bytes,
        .mark = parts->mark};
    self->probe = (struct probe){parts->disk, parts->keys, parts->world};
    edge_alarms_open(self);
    self->rested = true;
    self->timer_fd = -1;
    edge_remove_ready(self); /* one left by a broker that was killed says what is not so */
    int rc = threads_open(self, why);
    rc = rc != 0 ? rc : timer_open(self, why);
    if (rc == 0) {
        rc = router_open(self, why);
    }
    if (rc != 0) {
        edge_destroy(&self);
        return rc;
    }
    *out = self;
    return 0;
}

static void drop_job(void *task)
{
    struct verify_job *job = task;

    verify_job_destroy(&job);
}

static void drop_task(void *task)
{
    struct write_task *done = task;

    buf_free(&done->state);
}

void edge_destroy(edge_t **self_p)
{
    assert(self_p != NULL);
    edge_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    /* The doorkeeper reads the monitor until it is stopped, and stays until the listener is gone. */
    if (self->router != NULL) {
        (void)zmq_socket_monitor(self->router, NULL, 0);
        zap_unwatch(self->zap);
        listener_close(&self->router, NET_LINGER_MS);
    }
    edge_pages_close(self);
    edge_alarms_close(self);
    worker_destroy(&self->writer, drop_task);
    worker_destroy(&self->keeper, drop_task);
    worker_destroy(&self->crypto, drop_job);
    zap_destroy(&self->zap);
    if (self->timer_fd >= 0) {
        (void)close(self->timer_fd);
    }
    if (self->context != NULL) {
        while (zmq_ctx_term(self->context) != 0 && errno == EINTR) {
            continue;
        }
    }
    free(self);
    *self_p = NULL;
}

/* ---- register ----------------------------------------------------------------------------- */

static bool is_in_force(const edge_t *self, struct slice bytes)
{
    const register_t *book = core_register_in_force(self->core);

    return book != NULL && slice_equal(register_bytes(book), bytes);
}

/* The doorkeeper knows the keys of the register in force, whatever the file says. */
static void door_update(edge_t *self)
{
    const register_t *book = core_register_in_force(self->core);

    if (book != NULL) {
        zap_table_t *table = zap_table_of(book);
        zap_allow(self->zap, &table);
    }
}

int edge_register(edge_t *self, struct complaint *why)
{
    const char *path = self->parts.options->registry;
    struct register_pin pin;
    struct buf bytes = {0};

    int rc = fsio_read_all(path, REGISTER_BYTES_MAX, &bytes);
    if (rc != 0) {
        (void)complain(why, rc, "the register %s cannot be read: %s", path, err_text(rc));
    } else if (!is_in_force(self, buf_slice(&bytes))) {
        join_pin(&self->parts.options->join, &pin);
        rc = core_register(self->core, buf_slice(&bytes), &pin, why);
    }
    buf_free(&bytes);
    door_update(self);
    self->register_pending = rc == E_BUSY; /* the one before is not durable yet: again at a tick */
    return rc;
}

static void register_again(edge_t *self)
{
    struct complaint why = {0};
    uint64_t before = register_version(core_register_in_force(self->core));

    int rc = edge_register(self, &why);
    if (rc == E_BUSY) {
        return;
    }
    if (rc != 0) {
        log_errorx("register refused file=%s version=%llu stays in force: %s",
            self->parts.options->registry, (unsigned long long)before, why.text);
        return;
    }
    log_info("register in force file=%s version=%llu before=%llu", self->parts.options->registry,
        (unsigned long long)register_version(core_register_in_force(self->core)),
        (unsigned long long)before);
}

/* ---- procedures --------------------------------------------------------------------------- */

int edge_procedures(edge_t *self, struct complaint *why)
{
    const char *folder = self->parts.options->procedures;
    struct buf bytes = {0};
    int rc = folder == NULL ? 0 : procedure_files_read(folder, &bytes, why);

    if (rc == 0) {
        rc = core_procedures(self->core, buf_slice(&bytes), why);
    }
    buf_free(&bytes);
    self->procedures_pending = rc == E_BUSY;
    return rc;
}

static void procedures_again(edge_t *self)
{
    struct complaint why = {0};
    int rc = edge_procedures(self, &why);

    if (rc != 0 && rc != E_BUSY) {
        log_errorx("procedures refused, those before stay in force: %s", why.text);
    }
}

/* ---- listening ---------------------------------------------------------------------------- */

int edge_listen(edge_t *self, struct complaint *why)
{
    const struct broker_options *options = self->parts.options;

    edge_commit_all(
        self); /* the register in force is a durable record before anybody is judged by it */
    for (size_t i = 0; i < options->listen_count; i++) {
        int rc =
            listener_bind(self->context, self->router, options->listen[i], self->bound[i], why);
        if (rc != 0) {
            return rc;
        }
    }
    int rc = edge_pages_open(self, why);
    rc = rc != 0 ? rc : edge_write_ready(self, why);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < options->listen_count; i++) {
        log_info("ready listen=%s network=%s", self->bound[i], options->join.network);
    }
    self->said_ready = true;
    return 0;
}

/* ---- the timer ---------------------------------------------------------------------------- */

void edge_timer_set(edge_t *self, uint64_t after_us)
{
    const struct itimerspec when = {.it_value = {.tv_sec = (time_t)(after_us / 1000000),
                                        .tv_nsec = (long)(after_us % 1000000) * 1000}};

    if (timerfd_settime(self->timer_fd, 0, &when, NULL) != 0) {
        fatal("the timer cannot be set");
    }
}

static void timer_clear(const edge_t *self)
{
    uint64_t times;

    (void)!read(self->timer_fd, &times, sizeof times); /* one that was set anew since has none */
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void take_verified(edge_t *self)
{
    void *job;

    while (worker_take(self->crypto, &job)) {
        self->verifying--;
        self->counters[NET_VERIFICATIONS]++;
        core_verified(self->core, job);
    }
}

static void stop_begin(edge_t *self, const char *signal_name)
{
    if (self->stopping) {
        log_warnx("stopping at once: a second signal came");
        self->stop_until_mono_ms = now_mono_ms(self);
        return;
    }
    log_info("stopping signal=%s", signal_name);
    self->stopping = true;
    self->stop_until_mono_ms = now_mono_ms(self) + NET_STOP_MS_MAX;
    core_stop(self->core);
}

static void take_signals(edge_t *self)
{
    struct signalfd_siginfo info;

    while (read(self->parts.signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        switch (info.ssi_signo) {
        case SIGHUP:
            register_again(self);
            core_trust_clock(self->core);
            procedures_again(self);
            break;
        case SIGUSR1:
            edge_report(self);
            break;
        case SIGINT:
            stop_begin(self, "INT");
            break;
        case SIGTERM:
            stop_begin(self, "TERM");
            break;
        default: /* PIPE: a reader of our log is gone */
            break;
        }
    }
}

/* Something to do is known already: do not wait for more. */
static bool is_pressing(const edge_t *self)
{
    return edge_commit_waits(self) || core_folding(self->core);
}

/* Wait for something to do, do it; how many frames came. */
static size_t edge_wake(edge_t *self)
{
    zmq_pollitem_t items[] = {
        {self->router, 0, ZMQ_POLLIN, 0}, {NULL, worker_fd(self->writer), ZMQ_POLLIN, 0},
        {NULL, worker_fd(self->crypto), ZMQ_POLLIN, 0},
        {NULL, self->parts.signal_fd, ZMQ_POLLIN, 0}, {NULL, self->timer_fd, ZMQ_POLLIN, 0},
        {NULL, self->http == NULL ? -1 : http_fd(self->http), ZMQ_POLLIN, 0}, /* last: may be off */
    };
    int count = (int)(sizeof items / sizeof items[0]) - (self->http == NULL ? 1 : 0);
    int64_t wait_ms = is_pressing(self) ? 0 : self->tick_mono_ms - now_mono_ms(self);

    if (zmq_poll(items, count, wait_ms < 0 ? 0 : wait_ms) < 0 && errno != EINTR) {
        fatal("the network thread cannot wait");
    }
    if ((items[3].revents & ZMQ_POLLIN) != 0) {
        take_signals(self);
    }
    if ((items[4].revents & ZMQ_POLLIN) != 0) {
        timer_clear(self);
    }
    if ((items[5].revents & ZMQ_POLLIN) != 0) {
        http_serve(self->http);
    }
    if ((items[1].revents & ZMQ_POLLIN) != 0) {
        edge_take_written(self);
    }
    if ((items[2].revents & ZMQ_POLLIN) != 0) {
        take_verified(self);
    }
    return (items[0].revents & ZMQ_POLLIN) != 0 ? edge_drain(self) : 0;
}

static void edge_tick(edge_t *self)
{
    int64_t now = now_mono_ms(self);

    if (now >= self->tick_mono_ms) {
        self->tick_mono_ms = now + NET_TICK_MS;
        core_tick(self->core);
        edge_tick_disk(self);
        edge_tick_alarms(self);
        if (self->http != NULL) {
            http_serve(self->http); /* connections that are too slow end */
        }
        if (self->register_pending) {
            register_again(self);
        }
        if (self->procedures_pending) {
            procedures_again(self);
        }
    }
}

static bool is_finished(const edge_t *self)
{
    bool at_rest = self->journal_task == NULL && self->snapshot_task == NULL;

    return self->stopping && at_rest &&
        (!core_unfinished(self->core) || now_mono_ms(self) >= self->stop_until_mono_ms);
}

void edge_run(edge_t *self)
{
    assert(self->said_ready);
    while (!is_finished(self)) {
        edge_commit(self, edge_wake(self));
        core_fold(self->core);
        edge_tick(self);
    }
    edge_finish_disk(self);
    edge_remove_ready(self);
    edge_report(self);
}
