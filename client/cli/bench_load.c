/*
 * bench_load: one run: producers in the calling thread, consumers in another, each over sockets of its own. The two
 * share counters and a table of due times, and nothing else.
 *
 * A session that fails ends the run; its sentence is said once.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "client/cli/bench.h"
#include "common/base/check.h"
#include "common/codec/frame.h"
#include "common/base/banned.h"

enum {
    DUE_SLOTS = 65536, /* per producer: more than can be on its way */
    ARENA_BYTES = 8388608,
    OPEN_MS = 30000,   /* for all sessions to open */
    REST_MS = 30000,   /* for what is on its way when publishing ends */
    WAIT_NS = 1000000, /* at most, when nothing comes */
    READY_MAX = 256,
    NS_PER_MS = 1000000,
    BATCH_MAX = 1024,
};

struct shared {
    struct bench_load *load;
    void *zmq;
    _Atomic int64_t *due_ns; /* owned: [producer * DUE_SLOTS + sequence % DUE_SLOTS] */
    atomic_uint_fast64_t published, receipted, delivered, acknowledged;
    atomic_uint consumers_open;
    atomic_bool stop; /* consumers: finish */
    atomic_bool failed;
    _Atomic int64_t last_ack_ns;
    char error[256]; /* written once, by whoever sets failed first */
};

/* The links of one thread. */
struct crew {
    struct shared *shared;
    size_t count;
    struct bench_link *links; /* owned */
    int epoll;                /* over the descriptors of their sockets */
    size_t open;              /* sessions that are open */
    struct bench_bytes bytes;
    arena_t *arena;
    struct bench_user user;
    struct samples samples;    /* producers: confirm; consumers: deliver */
    uint64_t second, sessions; /* consumers: seconds told, sessions begun anew */
    int64_t *
        sent_ns; /* producers: when the batch that begins with a sequence was sent, as due_ns; owned */
};

static int64_t slot_of(uint32_t producer, uint64_t sequence)
{
    return (int64_t)producer * DUE_SLOTS + (int64_t)(sequence % DUE_SLOTS);
}

static void shared_fail(struct shared *self, const char *text)
{
    if (!atomic_exchange(&self->failed, true)) {
        snprintf(self->error, sizeof self->error, "%s", text);
    }
}

/* ---- a crew ---- */

/* The descriptor of a 0MQ socket tells that something has changed, not that there is a message: whoever is woken, and
 * whoever has sent, takes until there is no more (crew_take). */
static int crew_listen(struct crew *self, size_t i)
{
    int fd;
    size_t size = sizeof fd;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    return zmq_getsockopt(self->links[i].socket, ZMQ_FD, &fd, &size) == 0
        ? epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event)
        : -1;
}

static void crew_forget(const struct crew *self, size_t i)
{
    int fd;
    size_t size = sizeof fd;
    if (zmq_getsockopt(self->links[i].socket, ZMQ_FD, &fd, &size) == 0) {
        epoll_ctl(self->epoll, EPOLL_CTL_DEL, fd, NULL);
    }
}

static int crew_open(struct crew *self, struct shared *shared, size_t first, size_t count)
{
    *self = (struct crew){.shared = shared, .count = count};
    self->links = mem_new(count, sizeof *self->links);
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->arena = arena_new(ARENA_BYTES);
    for (size_t i = 0; i < count; i++) {
        struct bench_link *link = &self->links[i];
        link->bytes = &self->bytes;
        link->arena = self->arena;
        link->user = &self->user;
        int rc = bench_link_open(
            link, shared->zmq, shared->load->net, &shared->load->net->agents[first + i]);
        if (rc != 0) {
            shared_fail(
                shared, "a socket cannot be opened; is the limit of open files high enough?");
            return rc;
        }
        if (crew_listen(self, i) != 0) {
            shared_fail(shared, "a socket cannot be waited for");
            return E_IO;
        }
    }
    return 0;
}

static void crew_close(struct crew *self)
{
    for (size_t i = 0; i < self->count; i++) {
        bench_link_close(&self->links[i]);
    }
    free(self->links);
    if (self->epoll > 0) {
        close(self->epoll);
    }
    free(self->sent_ns);
    arena_destroy(&self->arena);
    bench_bytes_free(&self->bytes);
}

static void crew_drain(struct crew *self, struct bench_link *link)
{
    bool was_open = link->open;
    bench_link_drain(link);
    self->open += link->open && !was_open;
    if (link->error[0] != '\0') {
        shared_fail(self->shared, link->error);
    }
}

/* Wait until something comes, at most wait_ns. */
static void crew_wait(const struct crew *self, int64_t wait_ns)
{
    struct timespec wait = {.tv_sec = 0, .tv_nsec = (long)wait_ns};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(self->epoll, &set);
    pselect(self->epoll + 1, &set, NULL, NULL, &wait, NULL);
}

/* Take what has come, waiting for at most wait_ns (below a second). Returns how many sessions are open. */
static size_t crew_take(struct crew *self, int64_t wait_ns)
{
    struct epoll_event ready[READY_MAX];
    if (bench_interrupted()) {
        shared_fail(self->shared, "interrupted");
    }
    for (size_t i = 0; i < self->count; i++) {
        if (self->links[i].has_sent) {
            self->links[i].has_sent = false;
            crew_drain(self, &self->links[i]);
            wait_ns = 0;
        }
    }
    if (wait_ns > 0) {
        crew_wait(self, wait_ns);
    }
    int count = epoll_wait(self->epoll, ready, READY_MAX, 0);
    for (int i = 0; i < count; i++) {
        crew_drain(self, &self->links[ready[i].data.u64]);
    }
    return self->open;
}

static void crew_tick(struct crew *self, bool flush)
{
    int64_t now_ns = bench_now_ns();
    for (size_t i = 0; i < self->count; i++) {
        bench_link_tick(&self->links[i], now_ns, flush);
    }
}

static bool crew_wait_open(struct crew *self)
{
    int64_t end_ns = bench_now_ns() + OPEN_MS * INT64_C(1000000);
    while (crew_take(self, WAIT_NS) < self->count && !atomic_load(&self->shared->failed)) {
        crew_tick(self, false);
        if (bench_now_ns() > end_ns) {
            shared_fail(self->shared, "sessions did not open in time");
        }
    }
    return !atomic_load(&self->shared->failed);
}

/* ---- consumers ---- */

static void on_delivered(
    void *context, struct bench_link *link, uint32_t producer, uint64_t sequence, int64_t now_ns)
{
    struct crew *self = context;
    (void)link;
    atomic_fetch_add_explicit(&self->shared->delivered, 1, memory_order_relaxed);
    if (self->shared->load->keep) {
        int64_t due_ns = atomic_load_explicit(
            &self->shared->due_ns[slot_of(producer, sequence)], memory_order_relaxed);
        samples_add(&self->samples, now_ns - due_ns);
    }
}

static void note_acknowledged(struct crew *self)
{
    uint64_t total = 0;
    for (size_t i = 0; i < self->count; i++) {
        total += self->links[i].acked_events;
    }
    if (total != atomic_load_explicit(&self->shared->acknowledged, memory_order_relaxed)) {
        atomic_store(&self->shared->last_ack_ns, bench_now_ns());
        atomic_store_explicit(&self->shared->acknowledged, total, memory_order_relaxed);
    }
}

/* One session after the other ends, whatever is on its way, and begins anew. */
static void begin_anew(struct crew *self)
{
    size_t i = self->sessions++ % self->count;
    struct bench_link *link = &self->links[i];
    crew_forget(self, i);
    self->open -= link->open;
    if (bench_link_again(link, self->shared->zmq, self->shared->load->net) != 0 ||
        crew_listen(self, i) != 0) {
        shared_fail(self->shared, "a session cannot be begun anew");
    }
}

static void tell_second(struct crew *self, int64_t began_ns)
{
    const struct bench_load *load = self->shared->load;
    if (load->each_second == NULL ||
        bench_now_ns() - began_ns < (int64_t)(self->second + 1) * 1000 * NS_PER_MS) {
        return;
    }
    struct bench_second second = {.second = ++self->second,
        .receipted = atomic_load_explicit(&self->shared->receipted, memory_order_relaxed),
        .sessions = self->sessions,
        .deliver = &self->samples};
    load->each_second(load->context, &second);
    self->samples.count = 0;
    begin_anew(self);
}

static void *consumers_main(void *context)
{
    struct crew *self = context;
    bool open = crew_wait_open(self);
    int64_t began_ns = bench_now_ns();
    atomic_store(&self->shared->consumers_open, 1);
    while (open && !atomic_load(&self->shared->stop) && !atomic_load(&self->shared->failed)) {
        crew_take(self, WAIT_NS);
        crew_tick(self, false);
        note_acknowledged(self);
        tell_second(self, began_ns);
    }
    return NULL;
}

/* ---- producers ---- */

static void on_receipted(
    void *context, struct bench_link *link, uint64_t first, uint32_t count, int64_t now_ns)
{
    struct crew *self = context;
    atomic_fetch_add_explicit(&self->shared->receipted, count, memory_order_relaxed);
    int64_t sent_ns = self->sent_ns[slot_of(link->agent->index, first)];
    if (sent_ns != 0 && self->shared->load->each_second == NULL) {
        samples_add(&self->samples, now_ns - sent_ns);
    }
}

/* How the publishing goes. */
struct plan {
    int64_t begin_ns, end_ns;
    uint64_t next_to; /* round robin over the recipients */
    uint64_t due;     /* open loop: events that were due until now */
};

/* How many events this producer may publish now. */
static uint32_t allowed(
    const struct crew *self, const struct bench_link *link, const struct plan *plan)
{
    const struct bench_load *load = self->shared->load;
    uint64_t published = atomic_load_explicit(&self->shared->published, memory_order_relaxed);
    uint32_t free_slots = load->inflight > link->inflight ? load->inflight - link->inflight : 0;
    uint32_t count = free_slots < load->batch ? 0 : load->batch;
    if (load->rate > 0) {
        uint64_t waiting = plan->due - published;
        count = waiting < free_slots ? (uint32_t)waiting : free_slots;
        count = count > load->batch ? load->batch : count;
    }
    if (load->events > 0 && published + count > load->events) {
        count = (uint32_t)(load->events - published);
        count = count > free_slots ? free_slots : count;
    }
    uint64_t acknowledged = atomic_load_explicit(&self->shared->acknowledged, memory_order_relaxed);
    if (load->outstanding_max > 0 && published + count > acknowledged + load->outstanding_max) {
        return 0;
    }
    return count;
}

/* Note when the events were due: now, or by the schedule. */
static void note_due(
    struct crew *self, const struct bench_link *link, uint32_t count, const struct plan *plan)
{
    const struct bench_load *load = self->shared->load;
    uint64_t published = atomic_load_explicit(&self->shared->published, memory_order_relaxed);
    int64_t now_ns = bench_now_ns();
    uint64_t first = link->agent->next_sequence;
    for (uint32_t i = 0; i < count && load->keep; i++) {
        int64_t due_ns = load->rate == 0
            ? now_ns
            : plan->begin_ns + (int64_t)((double)(published + i + 1) * 1e9 / (double)load->rate);
        atomic_store_explicit(&self->shared->due_ns[slot_of(link->agent->index, first + i)], due_ns,
            memory_order_relaxed);
    }
    self->sent_ns[slot_of(link->agent->index, first)] = now_ns;
}

static void publish_some(struct crew *self, struct bench_link *link, struct plan *plan)
{
    struct bench_load *load = self->shared->load;
    struct bench_agent *to[BATCH_MAX];
    uint32_t count = allowed(self, link, plan);
    assert(count <= BATCH_MAX);
    if (count == 0) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        to[i] = &load->net->agents[load->consumer_first + plan->next_to++ % load->consumers];
    }
    note_due(self, link, count, plan);
    bench_link_publish(link, load->shape, to, count);
    atomic_fetch_add_explicit(&self->shared->published, count, memory_order_relaxed);
}

/* In open loop: what is due, and how long until the next. */
static void plan_tick(const struct bench_load *load, struct plan *plan, int64_t now_ns)
{
    if (load->rate > 0) {
        int64_t until_ns = plan->end_ns < now_ns ? plan->end_ns : now_ns;
        plan->due = (uint64_t)((double)(until_ns - plan->begin_ns) * (double)load->rate / 1e9);
    }
}

/* In open loop the wait ends when the next event is due. */
static int64_t wait_of(const struct bench_load *load, const struct plan *plan, int64_t now_ns)
{
    if (load->rate == 0) {
        return WAIT_NS;
    }
    int64_t next_ns =
        plan->begin_ns + (int64_t)((double)(plan->due + 1) * 1e9 / (double)load->rate) - now_ns;
    return next_ns < 0 ? 0 : next_ns > WAIT_NS ? WAIT_NS : next_ns;
}

static bool publishing(const struct shared *shared, const struct plan *plan, int64_t now_ns)
{
    const struct bench_load *load = shared->load;
    if (atomic_load(&shared->failed)) {
        return false;
    }
    if (load->events > 0) {
        return atomic_load(&shared->published) < load->events;
    }
    return now_ns < plan->end_ns;
}

static void produce(struct crew *self, struct plan *plan)
{
    const struct bench_load *load = self->shared->load;
    int64_t now_ns = bench_now_ns();
    plan->begin_ns = now_ns;
    plan->end_ns = now_ns + (int64_t)(load->seconds * 1e9);
    while (publishing(self->shared, plan, now_ns)) {
        plan_tick(load, plan, now_ns);
        for (size_t i = 0; i < self->count; i++) {
            publish_some(self, &self->links[i], plan);
        }
        crew_take(self, wait_of(load, plan, bench_now_ns()));
        crew_tick(self, false);
        now_ns = bench_now_ns();
    }
}

/* Wait for the receipts of what is in flight, and for acknowledgements where there are consumers. */
static void produce_rest(struct crew *self)
{
    struct shared *shared = self->shared;
    int64_t end_ns = bench_now_ns() + REST_MS * INT64_C(1000000);
    for (;;) {
        uint64_t published = atomic_load(&shared->published);
        bool whole = atomic_load(&shared->receipted) >= published &&
            (!shared->load->connect_consumers || atomic_load(&shared->acknowledged) >= published);
        if (whole || atomic_load(&shared->failed)) {
            return;
        }
        if (bench_now_ns() > end_ns) {
            shared_fail(shared, "receipts or acknowledgements did not come in time");
        }
        crew_take(self, WAIT_NS);
        crew_tick(self, false);
    }
}

/* ---- a run ---- */

static void load_results(struct shared *shared, const struct plan *plan, int64_t stopped_ns)
{
    struct bench_load *load = shared->load;
    load->published = atomic_load(&shared->published);
    load->receipted = atomic_load(&shared->receipted);
    load->delivered = atomic_load(&shared->delivered);
    load->acknowledged = atomic_load(&shared->acknowledged);
    int64_t end_ns = load->connect_consumers ? atomic_load(&shared->last_ack_ns) : stopped_ns;
    load->elapsed_s = (double)(end_ns - plan->begin_ns) / 1e9;
}

static int run_producers(struct shared *shared, struct crew *producers)
{
    struct plan plan = {0};
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* waits end when they should */
    if (!crew_wait_open(producers)) {
        return E_UNREACHABLE;
    }
    while (shared->load->connect_consumers && atomic_load(&shared->consumers_open) == 0) {
        crew_take(producers, WAIT_NS);
    }
    produce(producers, &plan);
    produce_rest(producers);
    load_results(shared, &plan, bench_now_ns());
    return atomic_load(&shared->failed) ? E_IO : 0;
}

static int run_both(struct shared *shared, struct crew *producers, struct crew *consumers)
{
    struct bench_load *load = shared->load;
    pthread_t thread;
    int rc = crew_open(producers, shared, 0, load->producers);
    producers->sent_ns = mem_new(load->producers * DUE_SLOTS, sizeof *producers->sent_ns);
    producers->user = (struct bench_user){.context = producers, .receipted = on_receipted};
    if (rc != 0 || !load->connect_consumers) {
        return rc != 0 ? rc : run_producers(shared, producers);
    }
    rc = crew_open(consumers, shared, load->consumer_first, load->consumers);
    consumers->user = (struct bench_user){.context = consumers, .delivered = on_delivered};
    if (rc != 0 || pthread_create(&thread, NULL, consumers_main, consumers) != 0) {
        return E_IO;
    }
    rc = run_producers(shared, producers);
    atomic_store(&shared->stop, true);
    pthread_join(thread, NULL);
    return rc;
}

int bench_load_run(struct bench_load *self)
{
    struct shared *shared = mem_new(1, sizeof *shared);
    struct crew producers = {0};
    struct crew consumers = {0};
    shared->load = self;
    shared->zmq = zmq_ctx_new();
    zmq_ctx_set(shared->zmq, ZMQ_IO_THREADS, 2);
    zmq_ctx_set(shared->zmq, ZMQ_MAX_SOCKETS, BENCH_PRODUCERS_MAX + BENCH_CONSUMERS_MAX + 16);
    shared->due_ns = mem_new(self->producers * DUE_SLOTS, sizeof *shared->due_ns);
    int rc = run_both(shared, &producers, &consumers);
    self->confirm = producers.samples;
    self->deliver = consumers.samples;
    crew_close(&producers);
    crew_close(&consumers);
    zmq_ctx_term(shared->zmq);
    int exit_code = CLI_DONE;
    if (rc != 0 || atomic_load(&shared->failed)) {
        exit_code = cli_fail(self->net->cli, E_STATE, "the run ended early: %s",
            shared->error[0] == '\0' ? err_text(rc) : shared->error);
    }
    free((void *)shared->due_ns);
    free(shared);
    return exit_code;
}

void bench_load_free(struct bench_load *self)
{
    samples_free(&self->confirm);
    samples_free(&self->deliver);
}
