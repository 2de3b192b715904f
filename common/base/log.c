/* log: see log.h. Failures to write a line are ignored; fatal() ends the process. */
#include "common/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/civil.h"

#include "common/base/banned.h"

enum { LOG_LINE_BYTES_MAX = 1024, EXIT_PROMISE_BROKEN = 70 };

static const char *log_program = "waypost";
static enum log_level log_lowest = LOG_INFO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_init(const char *program, enum log_level lowest)
{
    log_program = program;
    log_lowest = lowest;
}

static void write_line(enum log_level level, bool with_errno, const char *format, va_list args)
{
    int saved = errno;
    char line[LOG_LINE_BYTES_MAX];
    char stamp[CIVIL_STAMP_BYTES];
    struct timespec now;
    size_t used;

    if (level < log_lowest) {
        return;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    civil_stamp_utc((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, stamp);
    int len = snprintf(line, sizeof line, "%s %s %s: ", stamp, level_names[level], log_program);
    used = len < 0 ? 0 : (size_t)len;
    len = vsnprintf(line + used, sizeof line - used, format, args);
    used += len < 0 ? 0 : (size_t)len;
    if (with_errno && used < sizeof line) {
        len = snprintf(line + used, sizeof line - used, ": %s", strerror(saved));
        used += len < 0 ? 0 : (size_t)len;
    }
    if (used > sizeof line - 1) {
        used = sizeof line - 1;
    }
    for (size_t i = 0; i < used; i++) { /* one line per event, whatever a peer put in a name */
        if ((unsigned char)line[i] < 0x20) {
            line[i] = '?';
        }
    }
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written;
    errno = saved;
}

#define LOG_BODY(level, with_errno)                                                                \
    va_list args;                                                                                  \
    va_start(args, format);                                                                        \
    write_line((level), (with_errno), format, args);                                               \
    va_end(args)

void log_debug(const char *format, ...)
{
    LOG_BODY(LOG_DEBUG, false);
}

void log_info(const char *format, ...)
{
    LOG_BODY(LOG_INFO, false);
}

void log_warn(const char *format, ...)
{
    LOG_BODY(LOG_WARN, true);
}

void log_warnx(const char *format, ...)
{
    LOG_BODY(LOG_WARN, false);
}

void log_error(const char *format, ...)
{
    LOG_BODY(LOG_ERROR, true);
}

void log_errorx(const char *format, ...)
{
    LOG_BODY(LOG_ERROR, false);
}

_Noreturn void fatal(const char *format, ...)
{
    log_lowest = LOG_DEBUG; /* the end is told in any case */
    LOG_BODY(LOG_ERROR, true);
    _exit(EXIT_PROMISE_BROKEN);
}

_Noreturn void fatalx(const char *format, ...)
{
    log_lowest = LOG_DEBUG;
    LOG_BODY(LOG_ERROR, false);
    _exit(EXIT_PROMISE_BROKEN);
}
