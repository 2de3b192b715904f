/*
 * bench_away: drain and restart. Everything here runs in one thread.
 *
 * Lost or repeated events are a figure and make the exit code 1; whatever else fails ends the run with a sentence.
 */
#include "client/cli/bench_away.h"

#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "client/cli/progress.h"
#include "common/codec/frame.h"
#include "common/base/banned.h"

enum { ARENA_BYTES = 8388608, WAIT_MS = 120000, BATCH = 64, IN_FLIGHT_MS = 300, POLL_MS = 1 };

/* What came to the authority that was away. */
struct away {
    struct bench_net *net;
    void *zmq;
    arena_t *arena;
    struct bench_bytes bytes;
    struct bench_user user;
    struct bench_link link; /* of the authority that was away */
    size_t producers;
    uint8_t *
        *seen; /* owned: per producer, how often each sequence came; NULL while nobody counts */
    uint64_t *seen_max; /* owned: highest sequence with a slot */
    int64_t first_ns;   /* of the first delivery, 0 before */
    struct progress progress;
};

static struct bench_agent *agent_away(const struct bench_net *net)
{
    return &net->agents[net->agent_count - 1];
}

static void on_delivered(
    void *context, struct bench_link *link, uint32_t producer, uint64_t sequence, int64_t now_ns)
{
    struct away *self = context;
    (void)link;
    self->first_ns = self->first_ns == 0 ? now_ns : self->first_ns;
    if (self->seen != NULL && producer < self->producers && sequence <= self->seen_max[producer] &&
        self->seen[producer][sequence] < UINT8_MAX) {
        self->seen[producer][sequence]++;
    }
}

static void away_open(struct away *self, struct bench_net *net, size_t producers)
{
    *self = (struct away){
        .net = net, .zmq = zmq_ctx_new(), .arena = arena_new(ARENA_BYTES), .producers = producers};
    self->user = (struct bench_user){.context = self, .delivered = on_delivered};
    zmq_ctx_set(self->zmq, ZMQ_IO_THREADS, 2);
    progress_begin(&self->progress, net->cli, "waiting");
}

static void away_close(struct away *self)
{
    bench_link_close(&self->link);
    for (size_t i = 0; self->seen != NULL && i < self->producers; i++) {
        free(self->seen[i]);
    }
    free(self->seen);
    free(self->seen_max);
    bench_bytes_free(&self->bytes);
    arena_destroy(&self->arena);
    zmq_ctx_term(self->zmq);
}

static int link_begin(struct away *self, struct bench_link *link, struct bench_agent *agent)
{
    *link = (struct bench_link){.bytes = &self->bytes, .arena = self->arena, .user = &self->user};
    return bench_link_open(link, self->zmq, self->net, agent) == 0
        ? CLI_DONE
        : cli_fail(self->net->cli, E_IO, "a socket cannot be opened");
}

/* Take frames of a link until `done` says so. */
static int link_until(struct away *self, struct bench_link *link,
    bool (*done)(const struct away *, const struct bench_link *))
{
    int64_t end_ns = bench_now_ns() + WAIT_MS * INT64_C(1000000);
    zmq_pollitem_t item = {.socket = link->socket, .events = ZMQ_POLLIN};
    while (!done(self, link)) {
        zmq_poll(&item, 1, POLL_MS);
        bench_link_drain(link);
        bench_link_tick(link, bench_now_ns(), false);
        progress_show(&self->progress, link->agent->stream_upto, link->stream_last);
        if (link->error[0] != '\0') {
            return cli_fail(self->net->cli, E_STATE, "the run ended early: %s", link->error);
        }
        if (bench_now_ns() > end_ns) {
            return cli_fail(
                self->net->cli, E_TIMEOUT, "the broker gave nothing more for two minutes");
        }
    }
    return CLI_DONE;
}

static bool is_open(const struct away *self, const struct bench_link *link)
{
    (void)self;
    return link->open;
}

static bool has_first(const struct away *self, const struct bench_link *link)
{
    (void)link;
    return self->first_ns != 0;
}

static bool is_drained(const struct away *self, const struct bench_link *link)
{
    (void)self;
    return link->open && link->agent->stream_upto >= link->stream_last && !link->ack_open &&
        link->unacked == 0;
}

/* ---- filling ---- */

static int fill(
    struct bench_net *net, const struct bench_options *options, const struct bench_shape *shape)
{
    struct bench_load load = {.net = net,
        .shape = shape,
        .producers = options->producers,
        .consumers = 1,
        .consumer_first = net->agent_count - 1,
        .inflight = options->inflight,
        .batch = options->inflight < BATCH ? 1 : BATCH,
        .events = options->backlog};
    int exit_code = bench_load_run(&load);
    bench_load_free(&load);
    return exit_code;
}

/* ---- drain ---- */

static int drain_measured(struct away *self, const struct bench_options *options, json_t *results)
{
    char rate[32];
    char count[32];
    struct bench_usage before = bench_net_usage(self->net);
    int64_t begin_ns = bench_now_ns();
    int exit_code = link_begin(self, &self->link, agent_away(self->net));
    progress_begin(&self->progress, self->net->cli, "draining");
    exit_code = exit_code == CLI_DONE ? link_until(self, &self->link, is_drained) : exit_code;
    progress_end(&self->progress);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    double per_second = (double)self->link.events / seconds;
    struct bench_usage after = bench_net_usage(self->net);
    double cpu = (after.cpu_s - before.cpu_s) * 1e6 / (double)self->link.events;
    bench_say(self->net->cli, results, "drain",
        json_pack("{s:f, s:I, s:f, s:f}", "per_second", per_second, "events",
            (json_int_t)self->link.events, "seconds", seconds, "cpu_s_per_million", cpu),
        "%s/s: %s events for one authority that was away, %.2f s; broker CPU %.1f s a million",
        bench_number(per_second, rate), bench_number((double)self->link.events, count), seconds,
        cpu);
    bench_say(self->net->cli, results, "memory",
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "backlog", (json_int_t)options->backlog, "rss_kib",
            (json_int_t)before.rss_kib, "own_kib", (json_int_t)before.own_kib, "scratch_kib",
            (json_int_t)before.scratch_kib, "peak_kib", (json_int_t)after.peak_kib),
        "broker %.0f MB resident with that backlog, %.0f MB of them its own, %.0f MB at most",
        (double)before.rss_kib / 1024, (double)before.own_kib / 1024,
        (double)after.peak_kib / 1024);
    return CLI_DONE;
}

int bench_drain(struct bench_net *net, const struct bench_options *options,
    const struct bench_shape *shape, json_t *results)
{
    struct away away;
    int exit_code = bench_net_start(net, true);
    exit_code = exit_code == CLI_DONE ? fill(net, options, shape) : exit_code;
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    away_open(&away, net, options->producers);
    exit_code = drain_measured(&away, options, results);
    away_close(&away);
    bench_net_stop(net);
    return exit_code;
}

/* ---- restart ---- */

/* Publish from every producer for a while, and kill the broker in the middle of it. */
static int publish_and_kill(struct away *self, const struct bench_shape *shape)
{
    struct bench_net *net = self->net;
    struct bench_link *links = mem_new(self->producers, sizeof *links);
    struct bench_agent *to[BATCH];
    int exit_code = CLI_DONE;
    for (size_t i = 0; i < BATCH; i++) {
        to[i] = agent_away(net);
    }
    for (size_t i = 0; i < self->producers && exit_code == CLI_DONE; i++) {
        exit_code = link_begin(self, &links[i], &net->agents[i]);
        exit_code = exit_code == CLI_DONE ? link_until(self, &links[i], is_open) : exit_code;
    }
    int64_t end_ns = bench_now_ns() + IN_FLIGHT_MS * INT64_C(1000000);
    while (exit_code == CLI_DONE && bench_now_ns() < end_ns) {
        for (size_t i = 0; i < self->producers; i++) {
            bench_link_drain(&links[i]);
            if (links[i].inflight <= 2 * BATCH) {
                bench_link_publish(&links[i], shape, to, BATCH);
            }
        }
    }
    bench_net_kill(net);
    for (size_t i = 0; i < self->producers; i++) {
        if (links[i].socket != NULL) {
            bench_link_drain(
                &links[i]); /* receipts that had left before the kill count as confirmed */
        }
        bench_link_close(&links[i]);
    }
    free(links);
    return exit_code;
}

static void away_count(struct away *self)
{
    self->seen = mem_new(self->producers, sizeof *self->seen);
    self->seen_max = mem_new(self->producers, sizeof *self->seen_max);
    for (size_t i = 0; i < self->producers; i++) {
        self->seen_max[i] = self->net->agents[i].next_sequence;
        self->seen[i] = mem_new(self->seen_max[i] + 1, 1);
    }
}

struct verdict {
    uint64_t confirmed, lost, twice, forgotten;
};

/* Does the broker still know what it confirmed to each producer? */
static int ask_producers(struct away *self, struct verdict *verdict)
{
    for (size_t i = 0; i < self->producers; i++) {
        struct bench_link link;
        struct bench_agent *agent = &self->net->agents[i];
        int exit_code = link_begin(self, &link, agent);
        exit_code = exit_code == CLI_DONE ? link_until(self, &link, is_open) : exit_code;
        if (exit_code == CLI_DONE && link.last_sequence < agent->receipted) {
            verdict->forgotten += agent->receipted - link.last_sequence;
        }
        bench_link_close(&link);
        if (exit_code != CLI_DONE) {
            return exit_code;
        }
    }
    return CLI_DONE;
}

static void count_seen(const struct away *self, struct verdict *verdict)
{
    for (size_t i = 0; i < self->producers; i++) {
        const struct bench_agent *agent = &self->net->agents[i];
        verdict->confirmed += agent->receipted;
        for (uint64_t s = 1; s <= self->seen_max[i]; s++) {
            verdict->lost += s <= agent->receipted && self->seen[i][s] == 0;
            verdict->twice += self->seen[i][s] > 1;
        }
    }
}

static int restart_measured(struct away *self, json_t *results)
{
    struct verdict verdict = {0};
    char confirmed[32];
    int exit_code = bench_net_start(self->net, false);
    exit_code =
        exit_code == CLI_DONE ? link_begin(self, &self->link, agent_away(self->net)) : exit_code;
    exit_code = exit_code == CLI_DONE ? link_until(self, &self->link, has_first) : exit_code;
    double first_ms = (double)(self->first_ns - self->net->exec_ns) / 1e6;
    exit_code = exit_code == CLI_DONE ? ask_producers(self, &verdict) : exit_code;
    progress_begin(&self->progress, self->net->cli, "counting");
    exit_code = exit_code == CLI_DONE ? link_until(self, &self->link, is_drained) : exit_code;
    progress_end(&self->progress);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    count_seen(self, &verdict);
    uint64_t lost = verdict.lost + verdict.forgotten;
    bench_say(self->net->cli, results, "restart",
        json_pack("{s:f, s:I, s:I, s:I, s:I}", "first_delivery_ms", first_ms, "confirmed",
            (json_int_t)verdict.confirmed, "lost", (json_int_t)lost, "twice",
            (json_int_t)verdict.twice, "delivered", (json_int_t)self->link.events),
        "%.0f ms from exec to the first delivery; %s confirmed, %llu lost, %llu twice", first_ms,
        bench_number((double)verdict.confirmed, confirmed), (unsigned long long)lost,
        (unsigned long long)verdict.twice);
    return lost + verdict.twice == 0
        ? CLI_DONE
        : cli_fail(self->net->cli, E_CORRUPT,
              "confirmed events were lost or came twice: a promise is broken");
}

int bench_restart(struct bench_net *net, const struct bench_options *options,
    const struct bench_shape *shape, json_t *results)
{
    struct away away;
    int exit_code = bench_net_start(net, true);
    exit_code = exit_code == CLI_DONE ? fill(net, options, shape) : exit_code;
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    away_open(&away, net, options->producers);
    exit_code = publish_and_kill(&away, shape);
    if (exit_code == CLI_DONE) {
        away_count(&away);
        exit_code = restart_measured(&away, results);
    }
    away_close(&away);
    bench_net_stop(net);
    return exit_code;
}
