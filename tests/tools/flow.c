/*
 * flow: events at a fixed rate through several agents, and how long each takes to a hub's screen.
 *
 *   flow HUB_SOCKET RATE SECONDS (AGENT_SOCKET TRANSFER)...
 *
 * Each agent is fed by a process of its own, on a fixed schedule: what is late stays late. The time of an event is from when it
 * was due at its agent (member `occurred`) to the line that a watcher of the hub gets. Prints one line; exit 1 where an event
 * did not come within 60 s, or 95 of 100 took longer than two seconds.
 */
#include <poll.h>
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

enum { LATE_MS = 2000, GIVE_UP_MS = 60000, AGENTS_MAX = 16 };

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

static int feed(
    const char *socket, const char *transfer, double interval_ms, long count, int64_t start_ms)
{
    wp_agent_t *agent = wp_agent_new(socket);
    int failed = 0;

    for (long i = 0; i < count && failed == 0; i++) {
        char stamp[CIVIL_STAMP_BYTES];
        int64_t due_ms = start_ms + (int64_t)((double)i * interval_ms);
        char event[WP_ID_BYTES];
        const struct wp_fact facts[] = {
            {"permanence", "permanent"}, {"retain_intention", "transfer"}};
        wait_until_ms(due_ms);
        civil_stamp_utc(due_ms, stamp);
        const struct wp_message message = {.kind = "move_notified",
            .transfer = transfer,
            .facts = facts,
            .fact_count = 2,
            .occurred = stamp};
        failed = wp_send(agent, &message, event);
        if (failed != 0) {
            (void)fprintf(stderr, "flow: %s\n", wp_error_text(agent));
        }
    }
    wp_agent_destroy(&agent);
    return failed == 0 ? 0 : 1;
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

int main(int argc, char **argv)
{
    long rate = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    long seconds = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    int agents = (argc - 4) / 2;

    if (rate < 1 || seconds < 1 || agents < 1 || agents > AGENTS_MAX) {
        (void)fprintf(stderr, "usage: flow HUB_SOCKET RATE SECONDS (AGENT_SOCKET TRANSFER)...\n");
        return 2;
    }
    long each = rate * seconds / agents;
    int64_t *times = mem_new((size_t)(each * agents), sizeof *times);
    wp_agent_t *hub = wp_agent_new(argv[1]);
    if (wp_watch_begin(hub, NULL, 0) != 0) {
        (void)fprintf(stderr, "flow: %s\n", wp_error_text(hub));
        return 1;
    }
    int64_t start_ms = wall_ms() + 200;
    for (int i = 0; i < agents; i++) {
        if (fork() == 0) {
            _exit(feed(
                argv[4 + 2 * i], argv[5 + 2 * i], 1000.0 * agents / (double)rate, each, start_ms));
        }
    }
    long count = collect(hub, times, each * agents);
    int64_t took_ms = wall_ms() - start_ms;
    while (wait(NULL) > 0) {
    }
    if (count == 0) {
        return 1;
    }
    qsort(times, (size_t)count, sizeof *times, by_value);
    int64_t p95 = times[count * 95 / 100];
    (void)printf("hub live: %ld of %ld events at %ld/s came in %.1f s; from the sender to the "
                 "hub's screen half within %lld ms, "
                 "95 of 100 within %lld ms, all within %lld ms\n",
        count, each * agents, rate, (double)took_ms / 1000, (long long)times[count / 2],
        (long long)p95, (long long)times[count - 1]);
    return count == each * agents && p95 <= LATE_MS ? 0 : 1;
}
