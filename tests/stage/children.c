/* children: see children.h. */
#include "tests/stage/children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "common/base/banned.h"

void stage_die(const char *format, ...)
{
    va_list arguments;

    (void)fprintf(stderr, "stage: ");
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "\n");
    exit(1);
}

pid_t child_start(const char *log, char *const *argv)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid < 0) {
        stage_die("no more processes");
    }
    if (pid > 0) {
        return pid;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int none = open("/dev/null", O_RDONLY);
    if (getppid() != parent || out < 0 || none < 0 || dup2(none, 0) < 0 || dup2(out, 1) < 0 ||
        dup2(out, 2) < 0) {
        _exit(127);
    }
    (void)execv(argv[0], argv);
    _exit(127);
}

void child_end(pid_t *pid, int signal_number)
{
    if (*pid != 0) {
        (void)kill(*pid, SIGCONT);
        (void)kill(*pid, signal_number);
        while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR) {
            continue;
        }
        *pid = 0;
    }
}

void child_wait(pid_t *pid)
{
    while (*pid != 0 && waitpid(*pid, NULL, 0) < 0 && errno == EINTR) {
        continue;
    }
    *pid = 0;
}

bool child_is_gone(pid_t *pid)
{
    if (*pid != 0 && waitpid(*pid, NULL, WNOHANG) == *pid) {
        *pid = 0;
    }
    return *pid == 0;
}

int64_t stage_real_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void stage_rest(void)
{
    enum { REST_MS = 2 };

    (void)poll(NULL, 0, REST_MS); /* between two questions to a process, never in place of one */
}
