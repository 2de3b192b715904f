/*
 * receiver: see receiver.h. The event lies in memory that only the child can read (memfd), so that
 * no payload touches a disk. A program that cannot be started counts as failed and is tried again
 * like one that failed.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include "client/agent/receiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/base/check.h"
#include "common/base/child.h"
#include "common/base/log.h"

#include "common/base/banned.h"

struct child {
    pid_t pid; /* 0 for a free place */
    uint8_t event[UUID_BYTES];
    uint8_t transfer[UUID_BYTES];
    int64_t deadline_ms; /* mono */
    bool killed;
};

struct receiver {
    const char *program;
    size_t parallel;
    int64_t timeout_ms;
    struct child children[AGENT_RECEIVERS_MAX];
};

receiver_t *receiver_new(const char *program, size_t parallel, int64_t timeout_ms)
{
    receiver_t *self = mem_new(1, sizeof *self);

    assert(parallel >= 1 && parallel <= AGENT_RECEIVERS_MAX);
    self->program = program;
    self->parallel = parallel;
    self->timeout_ms = timeout_ms;
    return self;
}

void receiver_destroy(receiver_t **self_p)
{
    receiver_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < AGENT_RECEIVERS_MAX; i++) {
        if (self->children[i].pid != 0) {
            child_kill(self->children[i].pid);
            (void)waitpid(self->children[i].pid, NULL, 0);
        }
    }
    free(self);
    *self_p = NULL;
}

/* ---- starting ---- */

static int run_program(const char *program, const json_t *json, pid_t *pid)
{
    char *argv[] = {(char *)(uintptr_t)program, NULL};
    char *text = json_dumps(json, JSON_COMPACT);
    int rc = child_start(argv, slice_of_text(text), pid);
    int number = errno;

    explicit_bzero(text, strlen(text)); /* it may hold an opened payload */
    free(text);
    errno = number;
    return rc;
}

static void start(
    receiver_t *self, agent_core_t *core, struct child *child, json_t *json, int64_t now_ms)
{
    char what[200];
    int rc = run_program(self->program, json, &child->pid);

    child->deadline_ms = now_ms + self->timeout_ms;
    child->killed = false;
    if (rc != 0) {
        child->pid = 0;
        (void)snprintf(what, sizeof what, "%s cannot be run: %s", self->program, strerror(errno));
        agent_core_receiver_done(core, child->event, false, what);
    }
}

static struct child *free_child(receiver_t *self, size_t *running)
{
    struct child *found = NULL;

    *running = 0;
    for (size_t i = 0; i < AGENT_RECEIVERS_MAX; i++) {
        if (self->children[i].pid != 0) {
            (*running)++;
        } else if (found == NULL) {
            found = &self->children[i];
        }
    }
    return *running < self->parallel ? found : NULL;
}

static bool start_next(receiver_t *self, agent_core_t *core, const struct world *world)
{
    uint8_t busy[AGENT_RECEIVERS_MAX][UUID_BYTES];
    size_t busy_count = 0;
    size_t running = 0;
    json_t *json = NULL;
    struct child *child = free_child(self, &running);

    if (child == NULL || agent_core_receiver_due_ms(core) > world->wall_ms(world->context)) {
        return false;
    }
    for (size_t i = 0; i < AGENT_RECEIVERS_MAX; i++) {
        if (self->children[i].pid != 0) {
            memcpy(busy[busy_count++], self->children[i].transfer, UUID_BYTES);
        }
    }
    if (agent_core_receiver_next(core, (const uint8_t(*)[UUID_BYTES])busy, busy_count, child->event,
            child->transfer, &json) != 0) {
        return false;
    }
    start(self, core, child, json, world->mono_ms(world->context));
    json_decref(json);
    return true;
}

int64_t receiver_run(receiver_t *self, agent_core_t *core, const struct world *world)
{
    int64_t now_ms = world->mono_ms(world->context);
    int64_t due_ms = INT64_MAX;
    size_t running = 0;

    for (size_t i = 0; i < AGENT_RECEIVERS_MAX; i++) {
        struct child *child = &self->children[i];
        if (child->pid == 0) {
            continue;
        }
        if (now_ms >= child->deadline_ms && !child->killed) {
            child->killed = true;
            child_kill(child->pid);
        }
        due_ms = !child->killed && child->deadline_ms < due_ms ? child->deadline_ms : due_ms;
    }
    while (start_next(self, core, world)) {
    }
    if (free_child(self, &running) == NULL) {
        return due_ms; /* the next one starts when one has ended */
    }
    int64_t next_wall_ms = agent_core_receiver_due_ms(core);
    int64_t wall_ms = world->wall_ms(world->context);
    if (next_wall_ms != INT64_MAX && next_wall_ms > wall_ms) {
        int64_t next_ms = now_ms + (next_wall_ms - wall_ms);
        due_ms = next_ms < due_ms ? next_ms : due_ms;
    }
    return due_ms;
}

void receiver_reap(receiver_t *self, agent_core_t *core)
{
    for (size_t i = 0; i < AGENT_RECEIVERS_MAX; i++) {
        struct child *child = &self->children[i];
        bool ok = false;
        char what[80];
        if (child->pid == 0 || !child_ended(child->pid, &ok, what, sizeof what)) {
            continue;
        }
        if (child->killed) {
            (void)snprintf(what, sizeof what, "it ran too long and was killed");
        }
        child->pid = 0;
        agent_core_receiver_done(core, child->event, ok, what);
    }
}
