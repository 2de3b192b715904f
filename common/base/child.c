/* child: see child.h. Failures are returned. */
#define _GNU_SOURCE /* memfd_create */
#include "common/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/err.h"

#include "common/base/banned.h"

extern char **environ;

/* The input as a file that stands at its begin. -1 where there is no memory for it. */
static int input_open(struct slice input)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    size_t at = 0;

    while (fd >= 0 && at < input.len) {
        ssize_t written = write(fd, input.data + at, input.len - at);
        if (written < 0 && errno != EINTR) {
            (void)close(fd);
            fd = -1;
        }
        at += written > 0 ? (size_t)written : 0;
    }
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static bool set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    return posix_spawnattr_setsigmask(attributes, &none) == 0 &&
        posix_spawnattr_setsigdefault(attributes, &all) == 0 &&
        posix_spawnattr_setpgroup(attributes, 0) == 0 &&
        posix_spawnattr_setflags(attributes,
            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) == 0;
}

static int spawn(char *const *argv, int input, pid_t *out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = ENOMEM;

    if (posix_spawn_file_actions_init(&actions) != 0) {
        return failed;
    }
    if (posix_spawnattr_init(&attributes) == 0) {
        if (set_attributes(&attributes) &&
            posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) == 0 &&
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) ==
                0) {
            failed = posix_spawn(out, argv[0], &actions, &attributes, argv, environ);
        }
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

int child_start(char *const *argv, struct slice input, pid_t *out)
{
    int fd = input_open(input);

    if (fd < 0) {
        return E_IO;
    }
    int failed = spawn(argv, fd, out);
    (void)close(fd);
    errno = failed;
    return failed == 0 ? 0 : E_IO;
}

bool child_ended(pid_t pid, bool *good, char *what, size_t room)
{
    int status = 0;

    if (waitpid(pid, &status, WNOHANG) != pid) {
        return false;
    }
    *good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (WIFEXITED(status)) {
        (void)snprintf(what, room, "exit status %d", WEXITSTATUS(status));
    } else {
        (void)snprintf(what, room, "killed by signal %d", WTERMSIG(status));
    }
    return true;
}

void child_kill(pid_t pid)
{
    (void)kill(-pid, SIGKILL); /* its own process group: children and all */
    (void)kill(pid, SIGKILL);
}
