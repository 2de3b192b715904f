/*
 * flow: events at a fixed rate through several agents, and how long each takes to a hub's screen.
 *
 *   flow HUB_SOCKET RATE SECONDS (AGENT_SOCKET FROM TO)...
 *
 * Each agent is fed by a process of its own, on a fixed schedule: what is late stays late. Transfers are made before the first
 * event, one for ten events, as a case has. The time of an event is from when it was due at its agent (member `occurred`) to the
 * line that a watcher of the hub gets. Prints one line; exit 1 where an event did not come within 60 s, or 95 of 100 took
 * longer than two seconds.
 */
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "client/lib/waypost.h"
#include "common/base/bytes.h"
#include "common/base/civil.h"
#include "common/base/world.h"

#include "common/base/banned.h"

enum { LATE_MS = 2000, GIVE_UP_MS = 60000, AGENTS_MAX = 16, EVENTS_OF_A_CASE = 10, WORDS_EACH = 3 };

/* One agent's share. */
struct feed {
    const char *socket, *from, *to;
    double interval_ms;
    long count;
};

static int64_t wall_ms(void)
{
    return world_real()->wall_ms(world_real()->context);
}

static void wait_until_ms(int64_t at_ms)
{
    while (wall_ms() < at_ms) {
        (void)poll(NULL, 0, 1);
    }
}

static int make_transfers(wp_agent_t *agent, const struct feed *feed, char (*out)[WP_ID_BYTES])
{
    char name[32]; /* another child each time */
    const struct wp_subject child = {.name = name, .case_type = "cp"};
    int failed = 0;

    for (long i = 0; i * EVENTS_OF_A_CASE < feed->count && failed == 0; i++) {
        (void)snprintf(name, sizeof name, "child-%ld", i);
        failed = wp_new_transfer(agent, feed->from, feed->to, &child, 1, NULL, out[i]);
    }
    return failed;
}

static int send_all(
    wp_agent_t *agent, const struct feed *feed, char (*transfers)[WP_ID_BYTES], int64_t start_ms)
{
    const struct wp_fact facts[] = {{"permanence", "permanent"}, {"retain_intention", "transfer"}};
    int failed = 0;

    for (long i = 0; i < feed->count && failed == 0; i++) {
        char stamp[CIVIL_STAMP_BYTES];
        char event[WP_ID_BYTES];
        int64_t due_ms = start_ms + (int64_t)((double)i * feed->interval_ms);
        wait_until_ms(due_ms);
        civil_stamp_utc(due_ms, stamp);
        const struct wp_message message = {.kind = "move_notified",
            .transfer = transfers[i / EVENTS_OF_A_CASE],
            .facts = facts,
            .fact_count = 2,
            .occurred = stamp};
        failed = wp_send(agent, &message, event);
    }
    return failed;
}

/* Says so on `ready` when everything is prepared, and begins at the time that comes by `go`. */
static int run_feed(const struct feed *feed, int ready, int go)
{
    wp_agent_t *agent = wp_agent_new(feed->socket);
    char(*transfers)[WP_ID_BYTES] =
        mem_new((size_t)(feed->count / EVENTS_OF_A_CASE + 1), sizeof *transfers);
    int64_t start_ms = 0;
    int failed = make_transfers(agent, feed, transfers);

    if (failed == 0 && write(ready, "", 1) == 1 &&
        read(go, &start_ms, sizeof start_ms) == (ssize_t)sizeof start_ms) {
        failed = send_all(agent, feed, transfers, start_ms);
    }
    if (failed != 0) {
        (void)fprintf(stderr, "flow: %s\n", wp_error_text(agent));
    }
    wp_agent_destroy(&agent);
    free(transfers);
    return failed == 0 ? 0 : 1;
}

/* When the feeders begin; 0 where one of them could not. */
static int64_t start_feeds(char **words, int agents, long each, double interval_ms)
{
    int ready[2];
    int go[2];
    char byte;
    int prepared = 0;

    if (pipe(ready) != 0 || pipe(go) != 0) {
        return 0;
    }
    for (int i = 0; i < agents; i++) {
        char **own = words + (ptrdiff_t)WORDS_EACH * i;
        const struct feed feed = {own[0], own[1], own[2], interval_ms, each};
        if (fork() == 0) {
            (void)close(ready[0]);
            (void)close(go[1]);
            _exit(run_feed(&feed, ready[1], go[0]));
        }
    }
    (void)close(ready[1]);
    while (prepared < agents && read(ready[0], &byte, 1) == 1) {
        prepared++;
    }
    int64_t start_ms = wall_ms() + 200;
    for (int i = 0; i < prepared; i++) {
        if (write(go[1], &start_ms, sizeof start_ms) != (ssize_t)sizeof start_ms) {
            return 0;
        }
    }
    (void)close(go[1]);
    return prepared == agents ? start_ms : 0;
}

static int by_value(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;

    return (*left > *right) - (*left < *right);
}

static long collect(wp_agent_t *hub, int64_t *times, long wanted)
{
    int64_t give_up_ms = wall_ms() + GIVE_UP_MS;
    long count = 0;

    while (count < wanted && wall_ms() < give_up_ms) {
        char *text = NULL;
        int64_t occurred_ms;
        if (wp_watch_next(hub, 1000, &text) != 0) {
            continue;
        }
        json_t *entry = json_loads(text, 0, NULL);
        const char *type = json_string_value(json_object_get(entry, "type"));
        const char *occurred =
            json_string_value(json_object_get(json_object_get(entry, "event"), "occurred"));
        if (type != NULL && strcmp(type, "event") == 0 && occurred != NULL &&
            civil_time_parse(occurred, &occurred_ms) == 0) {
            times[count++] = wall_ms() - occurred_ms;
            give_up_ms = wall_ms() + GIVE_UP_MS;
        }
        json_decref(entry);
        wp_free(text);
    }
    return count;
}

/* 0, or 1 where something is missing or 95 of 100 were late. */
static int report(int64_t *times, long count, long wanted, long rate, int64_t took_ms)
{
    if (count == 0) {
        (void)fprintf(stderr, "flow: no event came to the hub's screen\n");
        return 1;
    }
    qsort(times, (size_t)count, sizeof *times, by_value);
    int64_t p95 = times[count * 95 / 100];
    (void)printf("hub live: %ld of %ld events at %ld/s came in %.1f s; from the sender to the "
                 "hub's screen half within %lld ms, "
                 "95 of 100 within %lld ms, all within %lld ms\n",
        count, wanted, rate, (double)took_ms / 1000, (long long)times[count / 2], (long long)p95,
        (long long)times[count - 1]);
    return count == wanted && p95 <= LATE_MS ? 0 : 1;
}

int main(int argc, char **argv)
{
    long rate = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    long seconds = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    int agents = (argc - 4) / WORDS_EACH;

    if (rate < 1 || seconds < 1 || agents < 1 || agents > AGENTS_MAX) {
        (void)fprintf(stderr, "usage: flow HUB_SOCKET RATE SECONDS (AGENT_SOCKET FROM TO)...\n");
        return 2;
    }
    long each = rate * seconds / agents;
    int64_t *times = mem_new((size_t)(each * agents), sizeof *times);
    wp_agent_t *hub = wp_agent_new(argv[1]);
    if (wp_watch_begin(hub, NULL, 0) != 0) {
        (void)fprintf(stderr, "flow: %s\n", wp_error_text(hub));
        return 1;
    }
    int64_t start_ms = start_feeds(argv + 4, agents, each, 1000.0 * agents / (double)rate);
    if (start_ms == 0) {
        return 1;
    }
    long count = collect(hub, times, each * agents);
    int64_t took_ms = wall_ms() - start_ms;
    while (wait(NULL) > 0) {
    }
    wp_agent_destroy(&hub);
    int failed = report(times, count, each * agents, rate, took_ms);
    free(times);
    return failed;
}
