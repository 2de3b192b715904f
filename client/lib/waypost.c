/*
 * libwaypost: the connection to the agent, and any request as text.
 *
 * One request is one line, its answer the next line. The descriptor is non-blocking and every wait has an end; a
 * connection on which anything failed is closed, so that an answer that comes late is never taken for the next one.
 * Failures are returned, with a sentence kept in the handle; nothing is logged. Only out of memory ends the program.
 */
#include "client/lib/waypost.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/lib/link.h"
#include "common/base/banned.h"

#define SOCKET_DEFAULT "/run/waypost/agent.sock"

struct wp_agent {
    char path[256]; /* of the socket, cut to fit: one too long is refused when connecting */
    int fd;         /* -1 while not connected */
    bool watching;  /* the connection carries a stream of entries */
    int timeout_ms; /* for one answer; 0 for ever */
    char *input;    /* what was read and not yet taken */
    size_t input_len;
    size_t input_capacity;
    size_t scanned;  /* of it without a newline */
    char error[512]; /* the last sentence */
};

/* ---- small things ---- */

static void *need(void *memory)
{
    if (memory == NULL) {
        fputs("libwaypost: out of memory\n", stderr);
        abort();
    }
    return memory;
}

int link_complain(wp_agent_t *self, int result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->error, sizeof self->error, format, arguments);
    va_end(arguments);
    return result;
}

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void link_close(wp_agent_t *self)
{
    if (self->fd >= 0) {
        close(self->fd);
    }
    self->fd = -1;
    self->watching = false;
    self->input_len = 0;
    self->scanned = 0;
}

wp_agent_t *wp_agent_new(const char *socket_path)
{
    wp_agent_t *self = need(calloc(1, sizeof *self));
    const char *path = socket_path;
    if (path == NULL) {
        path = getenv("WAYPOST_SOCKET");
    }
    if (path == NULL || path[0] == '\0') {
        path = SOCKET_DEFAULT;
    }
    snprintf(self->path, sizeof self->path, "%s", path);
    self->fd = -1;
    self->timeout_ms = TIMEOUT_MS;
    return self;
}

void wp_agent_destroy(wp_agent_t **self_p)
{
    wp_agent_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    link_close(self);
    free(self->input);
    free(self);
    *self_p = NULL;
}

void wp_timeout(wp_agent_t *self, int timeout_ms)
{
    self->timeout_ms = timeout_ms < 0 ? 0 : timeout_ms;
}

const char *wp_error_text(const wp_agent_t *self)
{
    return self->error;
}

void wp_free(char *text)
{
    free(text);
}

/* ---- connecting ---- */

static int link_refused(wp_agent_t *self, int error)
{
    if (error == EACCES || error == EPERM) {
        return link_complain(self, WP_UNREACHABLE,
            "you may not use the agent's socket %s; ask for membership of the group that owns it",
            self->path);
    }
    if (error == ENOENT || error == ECONNREFUSED) {
        return link_complain(self, WP_UNREACHABLE,
            "no agent listens on %s; start waypost-agent, or name its socket with --socket or "
            "WAYPOST_SOCKET",
            self->path);
    }
    return link_complain(self, WP_UNREACHABLE, "the agent's socket %s cannot be reached: %s",
        self->path, strerror(error));
}

static int link_connect(wp_agent_t *self)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(self->path);
    if (len > PATH_BYTES_MAX) {
        return link_complain(self, WP_UNREACHABLE,
            "the socket's path has %zu bytes, and the system takes %d: %s", len, PATH_BYTES_MAX,
            self->path);
    }
    memcpy(address.sun_path, self->path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) {
        return link_refused(self, errno);
    }
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        int error = errno;
        close(fd);
        return link_refused(self, error);
    }
    self->fd = fd;
    return WP_OK;
}

/* ---- lines ---- */

/* Wait until the descriptor is ready; deadline_ms negative for ever. */
static int link_wait(wp_agent_t *self, short events, int64_t deadline_ms)
{
    for (;;) {
        int wait_ms = -1;
        if (deadline_ms >= 0) {
            int64_t left = deadline_ms - mono_ms();
            wait_ms = left < 0 ? 0 : left > 1000000 ? 1000000 : (int)left;
        }
        struct pollfd ready = {.fd = self->fd, .events = events};
        int count = poll(&ready, 1, wait_ms);
        if (count > 0) {
            return WP_OK;
        }
        if (count == 0 && deadline_ms >= 0 && mono_ms() >= deadline_ms) {
            return link_complain(self, WP_TIMEOUT,
                "the agent on %s gave no answer in time; see its log, and try again", self->path);
        }
        if (count < 0 && errno != EINTR) {
            return link_complain(
                self, WP_UNREACHABLE, "waiting on %s failed: %s", self->path, strerror(errno));
        }
    }
}

static int link_gone(wp_agent_t *self)
{
    return link_complain(
        self, WP_UNREACHABLE, "the agent on %s closed the connection; see its log", self->path);
}

static int link_write(wp_agent_t *self, const char *text, size_t len, int64_t deadline_ms)
{
    while (len > 0) {
        ssize_t count = send(self->fd, text, len, MSG_NOSIGNAL);
        if (count >= 0) {
            text += count;
            len -= (size_t)count;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            int result = link_wait(self, POLLOUT, deadline_ms);
            if (result != WP_OK) {
                return result;
            }
        } else if (errno != EINTR) {
            return link_gone(self);
        }
    }
    return WP_OK;
}

/* Read what there is, at least one byte. */
static int link_read(wp_agent_t *self, int64_t deadline_ms)
{
    if (self->input_len + READ_BYTES > self->input_capacity) {
        self->input_capacity = self->input_len * 2 + READ_BYTES;
        self->input = need(realloc(self->input, self->input_capacity));
    }
    for (;;) {
        ssize_t count = recv(self->fd, self->input + self->input_len, READ_BYTES, 0);
        if (count > 0) {
            self->input_len += (size_t)count;
            return WP_OK;
        }
        if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
            return link_gone(self);
        }
        int result = link_wait(self, POLLIN, deadline_ms);
        if (result != WP_OK) {
            return result;
        }
    }
}

/* Take the next line, without its newline, into a text of its own. */
static int link_line(wp_agent_t *self, int64_t deadline_ms, char **line)
{
    for (;;) {
        char *end = self->input_len == self->scanned
            ? NULL
            : memchr(self->input + self->scanned, '\n', self->input_len - self->scanned);
        if (end != NULL) {
            size_t len = (size_t)(end - self->input);
            *line = need(malloc(len + 1));
            memcpy(*line, self->input, len);
            (*line)[len] = '\0';
            self->input_len -= len + 1;
            self->scanned = 0;
            memmove(self->input, end + 1, self->input_len);
            return WP_OK;
        }
        self->scanned = self->input_len;
        if (self->input_len > ANSWER_BYTES_MAX) {
            return link_complain(self, WP_TOO_LARGE,
                "the answer of the agent on %s is larger than %d bytes", self->path,
                ANSWER_BYTES_MAX);
        }
        int result = link_read(self, deadline_ms);
        if (result != WP_OK) {
            return result;
        }
    }
}

/* ---- requests ---- */

/* One line out, one line in. The line's text has no newline. */
static int link_exchange(wp_agent_t *self, const char *request, char **answer)
{
    size_t len = strlen(request);
    if (len + 1 > REQUEST_BYTES_MAX) {
        return link_complain(self, WP_TOO_LARGE,
            "the request has %zu bytes, and the agent takes %d; send big documents as digest and "
            "reference",
            len, REQUEST_BYTES_MAX);
    }
    if (self->watching) {
        link_close(self);
    }
    if (self->fd < 0) {
        int result = link_connect(self);
        if (result != WP_OK) {
            return result;
        }
    }
    int64_t deadline_ms = self->timeout_ms == 0 ? -1 : mono_ms() + self->timeout_ms;
    int result = link_write(self, request, len, deadline_ms);
    if (result == WP_OK) {
        result = link_write(self, "\n", 1, deadline_ms);
    }
    if (result == WP_OK) {
        result = link_line(self, deadline_ms, answer);
    }
    if (result != WP_OK) {
        link_close(self);
    }
    return result;
}

/* Judge an answer: 0 where it is ok, else its code and sentence. */
static int answer_check(wp_agent_t *self, const json_t *answer)
{
    const json_t *ok = json_object_get(answer, "ok");
    if (!json_is_boolean(ok)) {
        link_close(self);
        return link_complain(self, WP_MALFORMED,
            "what answers on %s is not a Waypost agent; check the path of the socket", self->path);
    }
    if (json_is_true(ok)) {
        return WP_OK;
    }
    json_int_t code = json_integer_value(json_object_get(answer, "code"));
    const char *text = json_string_value(json_object_get(answer, "error"));
    int result = code > 0 && code < 10000 ? -(int)code : WP_MALFORMED;
    return link_complain(
        self, result, "%s", text != NULL ? text : "the agent refused without saying why");
}

static int answer_parse(wp_agent_t *self, const char *line, json_t **answer)
{
    json_t *parsed = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    if (parsed == NULL) {
        link_close(self);
        return link_complain(self, WP_MALFORMED,
            "what answers on %s is not a Waypost agent; check the path of the socket", self->path);
    }
    int result = answer_check(self, parsed);
    if (result != WP_OK) {
        json_decref(parsed);
        return result;
    }
    *answer = parsed;
    return WP_OK;
}

int link_ask(wp_agent_t *self, json_t *request, json_t **answer)
{
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    if (text == NULL) {
        return link_complain(self, WP_MALFORMED, "a text in the request is not valid UTF-8");
    }
    char *line = NULL;
    int result = link_exchange(self, text, &line);
    free(text);
    if (result == WP_OK) {
        result = answer_parse(self, line, answer);
        free(line);
    }
    return result;
}

int wp_call(wp_agent_t *self, const char *request, char **answer)
{
    json_error_t where;
    json_t *parsed = json_loads(request, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(parsed)) {
        json_decref(parsed);
        return link_complain(self, WP_MALFORMED, "the request is not a JSON object: %s",
            parsed == NULL ? where.text : "");
    }
    json_t *whole = NULL;
    int result = link_ask(self, parsed, &whole);
    if (result == WP_OK && answer != NULL) {
        *answer = need(json_dumps(whole, JSON_COMPACT));
    }
    json_decref(whole);
    return result;
}

/* ---- watching ---- */

int wp_watch_begin(wp_agent_t *self, const char *region, uint64_t from)
{
    json_t *request = json_pack("{s:s}", "op", "watch");
    if (region != NULL) {
        json_object_set_new(request, "region", json_string(region));
    }
    if (from > 0) {
        json_object_set_new(request, "from", json_integer((json_int_t)from));
    }
    json_t *answer = NULL;
    int result = link_ask(self, request, &answer);
    json_decref(answer);
    self->watching = result == WP_OK;
    return result;
}

int wp_watch_next(wp_agent_t *self, int timeout_ms, char **entry)
{
    if (!self->watching) {
        return link_complain(self, WP_STATE, "wp_watch_next() without wp_watch_begin()");
    }
    int result = link_line(self, timeout_ms < 0 ? -1 : mono_ms() + timeout_ms, entry);
    if (result != WP_OK && result != WP_TIMEOUT) {
        link_close(self);
    }
    return result;
}

int wp_watch_fd(const wp_agent_t *self)
{
    return self->fd;
}

int wp_watch(wp_agent_t *self, const char *region, uint64_t from,
    int (*each)(void *context, const char *entry), void *context)
{
    int result = wp_watch_begin(self, region, from);
    while (result == WP_OK) {
        char *entry = NULL;
        result = wp_watch_next(self, -1, &entry);
        if (result == WP_OK) {
            result = each(context, entry);
            free(entry);
        }
    }
    link_close(self);
    return result;
}
