/*
 * receiver: see receiver.h. The event lies in memory that only the child can read (memfd), so that
 * no payload touches a disk. A program that cannot be started counts as failed and is tried again
 * like one that failed.
 */
#define _GNU_SOURCE /* memfd_create */
#include "client/agent/receiver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

extern char **environ;

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

static void end_child(struct child *child)
{
    if (child->pid != 0) {
        (void)kill(-child->pid, SIGKILL); /* its own process group: children and all */
        (void)kill(child->pid, SIGKILL);
    }
}

void receiver_destroy(receiver_t **self_p)
{
    receiver_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < AGENT_RECEIVERS_MAX; i++) {
        if (self->children[i].pid != 0) {
            end_child(&self->children[i]);
            (void)waitpid(self->children[i].pid, NULL, 0);
        }
    }
    free(self);
    *self_p = NULL;
}

/* ---- starting ---- */

/* The event as a file that stands at its begin. -1 where there is no memory for it. */
static int stdin_of(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    int fd = memfd_create("event", MFD_CLOEXEC);
    size_t len = strlen(text);
    size_t at = 0;

    while (fd >= 0 && at < len) {
        ssize_t written = write(fd, text + at, len - at);
        if (written < 0 && errno != EINTR) {
            (void)close(fd);
            fd = -1;
        }
        at += written > 0 ? (size_t)written : 0;
    }
    explicit_bzero(text, len);
    free(text);
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    return posix_spawnattr_setsigmask(attributes, &none) != 0 ||
            posix_spawnattr_setsigdefault(attributes, &all) != 0 ||
            posix_spawnattr_setpgroup(attributes, 0) != 0 ||
            posix_spawnattr_setflags(attributes,
                POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) != 0
        ? E_IO
        : 0;
}

static int spawn(const char *program, int stdin_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *argv[] = {(char *)(uintptr_t)program, NULL};
    int failed = -1;

    if (posix_spawn_file_actions_init(&actions) != 0) {
        return E_IO;
    }
    if (posix_spawnattr_init(&attributes) == 0) {
        if (set_attributes(&attributes) == 0 &&
            posix_spawn_file_actions_adddup2(&actions, stdin_fd, STDIN_FILENO) == 0 &&
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) ==
                0) {
            failed = posix_spawn(pid, program, &actions, &attributes, argv, environ);
        }
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    errno = failed > 0 ? failed : errno;
    return failed == 0 ? 0 : E_IO;
}

static void start(
    receiver_t *self, agent_core_t *core, struct child *child, json_t *json, int64_t now_ms)
{
    char what[200];
    int fd = stdin_of(json);
    int rc = fd < 0 ? E_IO : spawn(self->program, fd, &child->pid);

    if (fd >= 0) {
        (void)close(fd);
    }
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
            end_child(child);
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
        int status = 0;
        char what[80];
        if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid) {
            continue;
        }
        bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (child->killed) {
            (void)snprintf(what, sizeof what, "it ran too long and was killed");
        } else if (WIFEXITED(status)) {
            (void)snprintf(what, sizeof what, "exit status %d", WEXITSTATUS(status));
        } else {
            (void)snprintf(what, sizeof what, "killed by signal %d", WTERMSIG(status));
        }
        child->pid = 0;
        agent_core_receiver_done(core, child->event, ok, what);
    }
}
