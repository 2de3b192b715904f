/*
 * work: the load of `waypost bench`, put on another broker. Prints a line a figure: name and value.
 *
 *   load port                                   a port that nothing listens on
 *   load sync FOLDER                            median of 100 appends of 4 KiB with fdatasync there, microseconds
 *   load PEER PORT make RECIPIENTS              queues, once; waits for the server
 *   load PEER PORT publish|latency|endtoend|openloop|drain|first [RECIPIENTS [SECONDS [BACKLOG]]]
 *
 * publish    8 producers, 256 in flight each, events of 300 bytes round robin: confirmed a second
 * latency    one producer, one in flight: p50 and p99 of publish to confirmation, microseconds
 * endtoend   as publish, 150 consumers with a connection each, at most 20,000 not acknowledged: acknowledged a second
 * openloop   5,000 a second on a fixed schedule: p50 and p99 from the due time to delivery, microseconds
 * drain      a backlog for recipient 1, published before: events a second from connecting to the last acknowledgement
 * first      connects as soon as the server lets it, prints milliseconds until the first delivery to recipient 1
 *
 * Exit 0 with the figures, 1 with a sentence.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/cli/bench.h"
#include "tests/bench/peers/peer.h"
#include "common/base/banned.h"

enum {
    EVENT_BYTES = 300,
    PRODUCERS = 8,
    WINDOW = 256,
    OUTSTANDING_MAX = 20000,
    RATE = 5000,
    LINKS_MAX = 2000,
    NS_PER_MS = 1000000,
    PROBE_MS = 1,
    SYNC_ROUNDS = 100,
    WAIT_MS_MAX = 30000,
};

struct work {
    const struct protocol *protocol;
    uint16_t port;
    uint32_t recipients;
    double seconds;
    uint64_t backlog;
    atomic_uint_fast64_t published, confirmed, delivered, settled;
    atomic_bool stop, failed;
    atomic_uint consumers_ready;
    struct samples latencies; /* of the consumers' thread, or of the one producer */
};

/* The links of one thread. */
struct crew {
    struct work *work;
    size_t count;
    struct link *links;  /* owned */
    uint64_t *on_way;    /* owned: published and not confirmed, by link */
    struct pollfd *poll; /* owned */
    struct arrivals arrivals;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void payload_seen(void *context, struct slice payload)
{
    struct work *work = context;
    int64_t due;
    if (payload.len == EVENT_BYTES) {
        memcpy(&due, payload.data, sizeof due);
        samples_add(&work->latencies, now_ns() - due);
    }
}

static int crew_open(
    struct crew *self, struct work *work, enum link_role role, uint32_t first, size_t count)
{
    *self = (struct crew){.work = work, .count = count};
    self->links = mem_new(count, sizeof *self->links);
    self->on_way = mem_new(count, sizeof *self->on_way);
    self->poll = mem_new(count, sizeof *self->poll);
    for (size_t i = 0; i < count; i++) {
        if (link_open(&self->links[i], work->protocol, role, first + (uint32_t)i, work->port) !=
            0) {
            fprintf(stderr, "%s: no connection to port %u: %s\n", work->protocol->name, work->port,
                strerror(errno));
            return -1;
        }
    }
    return 0;
}

static void crew_close(struct crew *self)
{
    for (size_t i = 0; i < self->count; i++) {
        link_close(&self->links[i]);
    }
    free(self->links);
    free(self->on_way);
    free(self->poll);
}

static int crew_turn_link(struct crew *self, size_t i)
{
    uint64_t before = self->arrivals.confirmed;
    if (link_turn(&self->links[i], &self->arrivals) != 0) {
        fprintf(stderr, "%s: a connection was lost\n", self->work->protocol->name);
        return -1;
    }
    self->on_way[i] -= self->arrivals.confirmed - before;
    return 0;
}

/* Write what waits; then take what comes within timeout_ns. */
static int crew_turn(struct crew *self, int64_t timeout_ns)
{
    for (size_t i = 0; i < self->count; i++) {
        if (link_wants_out(&self->links[i]) && crew_turn_link(self, i) != 0) {
            return -1;
        }
        short out = link_wants_out(&self->links[i]) ? POLLOUT : 0;
        self->poll[i] = (struct pollfd){.fd = self->links[i].fd, .events = (short)(POLLIN | out)};
    }
    struct timespec wait = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    int ready = ppoll(self->poll, self->count, &wait, NULL);
    for (size_t i = 0; i < self->count && ready > 0; i++) {
        if (self->poll[i].revents != 0 && crew_turn_link(self, i) != 0) {
            return -1;
        }
    }
    struct work *work = self->work;
    atomic_fetch_add(&work->confirmed, self->arrivals.confirmed);
    atomic_fetch_add(&work->delivered, self->arrivals.delivered);
    atomic_fetch_add(&work->settled, self->arrivals.settled);
    self->arrivals.confirmed = self->arrivals.delivered = self->arrivals.settled = 0;
    return 0;
}

static int crew_wait_ready(struct crew *self)
{
    int64_t until = now_ns() + (int64_t)WAIT_MS_MAX * NS_PER_MS;
    for (size_t ready = 0; ready < self->count;) {
        if (now_ns() > until || crew_turn(self, NS_PER_MS) != 0) {
            fprintf(stderr, "%s: %zu of %zu connections opened\n", self->work->protocol->name,
                ready, self->count);
            return -1;
        }
        ready = 0;
        for (size_t i = 0; i < self->count; i++) {
            ready += self->links[i].ready;
        }
    }
    return 0;
}

static void crew_publish(struct crew *self, size_t i, uint32_t recipient, int64_t due_ns)
{
    uint8_t payload[EVENT_BYTES];
    memset(payload, 'x', sizeof payload);
    memcpy(payload, &due_ns, sizeof due_ns);
    self->work->protocol->publish(&self->links[i], recipient, slice_of(payload, sizeof payload));
    self->on_way[i]++;
    atomic_fetch_add(&self->work->published, 1);
}

/* ---- consumers ---- */

static void *consumers_run(void *context)
{
    struct work *work = context;
    struct crew crew;
    bool right = crew_open(&crew, work, LINK_CONSUMER, 1, work->recipients) == 0;
    crew.arrivals.seen = payload_seen;
    crew.arrivals.context = work;
    right = right && crew_wait_ready(&crew) == 0;
    atomic_store(&work->consumers_ready, 1);
    while (right && !atomic_load(&work->stop)) {
        right = crew_turn(&crew, NS_PER_MS) == 0;
    }
    if (!right) {
        atomic_store(&work->failed, true);
    }
    crew_close(&crew);
    return NULL;
}

/* ---- the works ---- */

/* Until the server takes connections. */
static void wait_listening(const struct work *work)
{
    int64_t until = now_ns() + (int64_t)WAIT_MS_MAX * NS_PER_MS;
    struct link probe;
    while (link_open(&probe, work->protocol, LINK_PRODUCER, UINT32_MAX, work->port) != 0 &&
        now_ns() < until) {
        link_close(&probe);
        poll(NULL, 0, PROBE_MS);
    }
    link_close(&probe);
}

static int run_make(struct work *work)
{
    struct crew crew;
    wait_listening(work);
    bool by_session = work->protocol->make == NULL; /* a subscriber's session is its queue */
    int rc = crew_open(&crew, work, LINK_OWNER, 1, by_session ? work->recipients : 1);
    rc = rc == 0 ? crew_wait_ready(&crew) : rc;
    for (uint32_t r = 0; rc == 0 && !by_session && r <= work->recipients; r++) {
        work->protocol->make(&crew.links[0], r);
    }
    int64_t until = now_ns() + (int64_t)WAIT_MS_MAX * NS_PER_MS;
    while (rc == 0 && atomic_load(&work->settled) < work->recipients + !by_session) {
        rc = now_ns() > until ? -1 : crew_turn(&crew, NS_PER_MS);
    }
    if (rc != 0) {
        fprintf(stderr, "%s: the queues could not be made\n", work->protocol->name);
    }
    crew_close(&crew);
    return rc;
}

/* Publish round robin for the time given, as far as windows and the limit of what is not acknowledged let it. */
static int publish_for(struct crew *crew, uint64_t outstanding_max, double *elapsed_s)
{
    struct work *work = crew->work;
    int64_t began = now_ns();
    int64_t until = began + (int64_t)(work->seconds * 1e9);
    uint64_t n = 0;
    int rc = 0;
    while (rc == 0 && now_ns() < until && !atomic_load(&work->failed)) {
        for (size_t i = 0; i < crew->count; i++) {
            while (crew->on_way[i] < WINDOW &&
                atomic_load(&work->published) - atomic_load(&work->settled) < outstanding_max) {
                crew_publish(crew, i, (uint32_t)(n++ % work->recipients) + 1, now_ns());
            }
        }
        rc = crew_turn(crew, NS_PER_MS);
    }
    *elapsed_s = (double)(now_ns() - began) / 1e9;
    return rc;
}

static int run_publish(struct work *work, struct crew *crew)
{
    double elapsed_s;
    int rc = publish_for(crew, UINT64_MAX, &elapsed_s);
    printf("publish %.0f\n", (double)atomic_load(&work->confirmed) / elapsed_s);
    return rc;
}

static int run_endtoend(struct work *work, struct crew *crew)
{
    double elapsed_s;
    int rc = publish_for(crew, OUTSTANDING_MAX, &elapsed_s);
    printf("endtoend %.0f\n", (double)atomic_load(&work->settled) / elapsed_s);
    return rc;
}

static int run_latency(struct work *work, struct crew *crew)
{
    int64_t until = now_ns() + (int64_t)(work->seconds * 1e9);
    for (uint64_t n = 0; now_ns() < until; n++) {
        int64_t began = now_ns();
        crew_publish(crew, 0, (uint32_t)(n % work->recipients) + 1, began);
        while (crew->on_way[0] > 0) {
            if (crew_turn(crew, NS_PER_MS) != 0) {
                return -1;
            }
        }
        samples_add(&work->latencies, now_ns() - began);
    }
    printf("latency_p50_us %.0f\nlatency_p99_us %.0f\n",
        (double)samples_at(&work->latencies, 0.5) / 1e3,
        (double)samples_at(&work->latencies, 0.99) / 1e3);
    return 0;
}

static int run_openloop(struct work *work, struct crew *crew)
{
    int64_t step = 1000000000 / RATE;
    int64_t due = now_ns();
    int64_t until = due + (int64_t)(work->seconds * 1e9);
    int rc = 0;
    for (uint64_t n = 0; rc == 0 && due < until && !atomic_load(&work->failed);) {
        for (; due <= now_ns(); due += step, n++) {
            crew_publish(crew, n % crew->count, (uint32_t)(n % work->recipients) + 1, due);
        }
        int64_t wait = due - now_ns();
        rc = crew_turn(crew, wait > 0 ? wait : 0);
    }
    return rc;
}

static int settle(struct work *work, struct crew *crew)
{
    int64_t until = now_ns() + (int64_t)WAIT_MS_MAX * NS_PER_MS;
    while (atomic_load(&work->confirmed) < atomic_load(&work->published)) {
        if (now_ns() > until || crew_turn(crew, NS_PER_MS) != 0) {
            fprintf(stderr, "%s: not everything published was confirmed\n", work->protocol->name);
            return -1;
        }
    }
    return 0;
}

static int fill_backlog(struct work *work, struct crew *crew)
{
    int rc = 0;
    while (rc == 0 && atomic_load(&work->published) < work->backlog) {
        for (size_t i = 0; i < crew->count; i++) {
            while (crew->on_way[i] < WINDOW && atomic_load(&work->published) < work->backlog) {
                crew_publish(crew, i, 1, 0);
            }
        }
        rc = crew_turn(crew, NS_PER_MS);
    }
    return rc == 0 ? settle(work, crew) : rc;
}

static int run_first(struct work *work, uint64_t wanted, const char *name, bool rate)
{
    struct crew crew;
    int64_t began = now_ns();
    wait_listening(work);
    int rc = crew_open(&crew, work, LINK_CONSUMER, 1, 1);
    while (rc == 0 && atomic_load(&work->settled) < wanted) {
        rc = now_ns() - began > (int64_t)WAIT_MS_MAX * 4 * NS_PER_MS ? -1
                                                                     : crew_turn(&crew, NS_PER_MS);
    }
    double elapsed_s = (double)(now_ns() - began) / 1e9;
    printf("%s %.0f\n", name, rate ? (double)wanted / elapsed_s : elapsed_s * 1e3);
    crew_close(&crew);
    return rc;
}

static int with_producers(struct work *work, const char *name)
{
    struct crew crew;
    size_t producers = strcmp(name, "latency") == 0 ? 1 : PRODUCERS;
    bool consume = strcmp(name, "endtoend") == 0 || strcmp(name, "openloop") == 0;
    pthread_t consumers;
    if (consume) {
        pthread_create(&consumers, NULL, consumers_run, work);
        while (atomic_load(&work->consumers_ready) == 0) {
            poll(NULL, 0, 1);
        }
    }
    int rc = crew_open(&crew, work, LINK_PRODUCER, 1, producers);
    rc = rc == 0 ? crew_wait_ready(&crew) : rc;
    if (rc == 0) {
        rc = strcmp(name, "publish") == 0   ? run_publish(work, &crew)
            : strcmp(name, "latency") == 0  ? run_latency(work, &crew)
            : strcmp(name, "endtoend") == 0 ? run_endtoend(work, &crew)
            : strcmp(name, "openloop") == 0 ? run_openloop(work, &crew)
                                            : fill_backlog(work, &crew);
    }
    rc = rc == 0 ? settle(work, &crew) : rc;
    crew_close(&crew);
    if (consume) {
        atomic_store(&work->stop, true);
        pthread_join(consumers, NULL);
    }
    if (rc == 0 && strcmp(name, "openloop") == 0) {
        printf("openloop_p50_us %.0f\nopenloop_p99_us %.0f\n",
            (double)samples_at(&work->latencies, 0.5) / 1e3,
            (double)samples_at(&work->latencies, 0.99) / 1e3);
    }
    return rc == 0 && !atomic_load(&work->failed) ? 0 : -1;
}

static const struct protocol *protocol_named(const char *name)
{
    static const struct protocol *const all[] = {
        &redis_protocol, &nats_protocol, &amqp_protocol, &mqtt_protocol};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i]->name, name) == 0) {
            return all[i];
        }
    }
    return NULL;
}

static int work_run(struct work *work, const char *name)
{
    if (strcmp(name, "make") == 0) {
        return run_make(work);
    }
    if (strcmp(name, "first") == 0) {
        return run_first(work, 1, "first_ms", false);
    }
    if (strcmp(name, "drain") != 0) {
        return with_producers(work, name);
    }
    return run_first(work, work->backlog, "drain", true);
}

/* A port that nothing listens on now. */
static int print_free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool right = fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &size) == 0;
    if (fd >= 0) {
        close(fd);
    }
    printf("%u\n", ntohs(at.sin_port));
    return right ? 0 : 1;
}

static int print_sync_us(const char *dir)
{
    struct samples samples = {0};
    int rc = bench_sync_samples(dir, SYNC_ROUNDS, &samples);
    if (rc == 0) {
        printf("%.0f\n", (double)samples_at(&samples, 0.5) / 1e3);
    } else {
        fprintf(stderr, "load: no sync of a file in %s: %s\n", dir, err_text(rc));
    }
    samples_free(&samples);
    return rc == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "port") == 0) {
        return print_free_port();
    }
    if (argc == 3 && strcmp(argv[1], "sync") == 0) {
        return print_sync_us(argv[2]);
    }
    static const char *const names[] = {
        "make", "publish", "latency", "endtoend", "openloop", "backlog", "drain", "first"};
    struct work work = {.recipients = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 150,
        .seconds = argc > 5 ? strtod(argv[5], NULL) : 4,
        .backlog = argc > 6 ? strtoull(argv[6], NULL, 10) : 200000};
    work.protocol = argc > 3 ? protocol_named(argv[1]) : NULL;
    work.port = argc > 3 ? (uint16_t)strtoul(argv[2], NULL, 10) : 0;
    bool known = false;
    for (size_t i = 0; argc > 3 && i < sizeof names / sizeof names[0]; i++) {
        known = known || strcmp(names[i], argv[3]) == 0;
    }
    if (work.protocol == NULL || !known || work.recipients < 1 || work.recipients > LINKS_MAX) {
        fprintf(stderr,
            "usage: load redis|nats|rabbitmq|mosquitto PORT WORK [RECIPIENTS [SECONDS "
            "[BACKLOG]]]\n");
        return 2;
    }
    int rc = work_run(&work, argv[3]);
    samples_free(&work.latencies);
    return rc == 0 ? 0 : 1;
}
