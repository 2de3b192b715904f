/*
 * http: see http.h. libmicrohttpd speaks the protocol, in this thread, over its epoll descriptor. Failures at the start
 * are returned with a complaint; a client's end with its connection.
 */
#include "common/http/http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>

#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

/* A connection, and how long its present request may take. */
struct client {
    struct http_server *server;
    struct MHD_Connection *connection;
    int64_t deadline_mono_ms;
    int64_t stream_until_mono_ms; /* its reply stays open so long; 0: it has none that does */
    bool owed;                    /* it has not heard the latest news */
    bool suspended;               /* nothing is owed: libmicrohttpd leaves it alone */
    struct client *next;
    struct client **link; /* what points to it */
};

/* A request until its answer is sent. */
struct exchange {
    const struct http_route *route;
    struct buf body;
};

struct http_server {
    struct http_options options;
    struct MHD_Daemon *daemon;
    struct client *clients;
    struct buf news; /* what streams say now */
    char bound[HTTP_ADDRESS_BYTES_MAX];
    bool loopback;
};

static int64_t now_ms(const http_server_t *self)
{
    return self->options.world->mono_ms(self->options.world->context);
}

/* ---- requests and replies ----------------------------------------------------------------- */

static const char *value_of(
    const struct http_request *self, enum MHD_ValueKind kind, const char *name)
{
    return MHD_lookup_connection_value(self->connection, kind, name);
}

const char *http_request_header(const struct http_request *self, const char *name)
{
    return value_of(self, MHD_HEADER_KIND, name);
}

const char *http_request_argument(const struct http_request *self, const char *name)
{
    return value_of(self, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_request_cookie(const struct http_request *self, const char *name)
{
    return value_of(self, MHD_COOKIE_KIND, name);
}

void http_reply_header(struct http_reply *self, const char *name, const char *value)
{
    assert(self->header_count < HTTP_REPLY_HEADERS_MAX);
    char *copy = mem_text(value);
    for (char *at = copy; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            *at = '\0';
            break;
        }
    }
    self->headers[self->header_count].name = name;
    self->headers[self->header_count++].value = copy;
}

void http_reply_text(struct http_reply *self, unsigned status, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    self->status = status;
    self->type = "text/plain; charset=utf-8";
    buf_clear(&self->body);
    buf_put_text(&self->body, "%s\n", text);
}

static void reply_free(struct http_reply *self)
{
    for (size_t i = 0; i < self->header_count; i++) {
        free(self->headers[i].value);
    }
    buf_free(&self->body);
}

static struct client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info == NULL ? NULL : info->socket_context;
}

/* ---- replies that stay open --------------------------------------------------------------- */

static void wake(struct client *client)
{
    if (client->suspended) {
        client->suspended = false;
        MHD_resume_connection(client->connection);
    }
}

/* libmicrohttpd has sent what it had and asks for more. What it is given must be on its way in time. */
static ssize_t read_news(void *context, uint64_t at, char *out, size_t room)
{
    struct client *client = context;
    const struct buf *news = &client->server->news;

    (void)at;
    if (now_ms(client->server) >= client->stream_until_mono_ms) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (!client->owed || news->len == 0) {
        client->suspended = true;
        client->deadline_mono_ms = INT64_MAX;
        MHD_suspend_connection(client->connection);
        return 0;
    }
    if (news->len > room) { /* libmicrohttpd is short of memory for this connection */
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    memcpy(out, news->data, news->len);
    client->owed = false;
    client->deadline_mono_ms = now_ms(client->server) + HTTP_REQUEST_MS_MAX;
    return (ssize_t)news->len;
}

static int socket_of(const struct client *client)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info == NULL ? -1 : info->connect_fd;
}

/* A browser that went to another page has closed its end, which nobody looked at while nothing was owed. */
static bool has_left(const struct client *client)
{
    char byte;

    return client->suspended &&
        recv(socket_of(client), &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void end_stream(struct client *client)
{
    client->stream_until_mono_ms = now_ms(client->server);
    wake(client);
}

static bool has_room(const http_server_t *self)
{
    size_t streams = 0;

    for (struct client *client = self->clients; client != NULL; client = client->next) {
        if (client->stream_until_mono_ms != 0 && has_left(client)) {
            end_stream(client);
        } else if (client->stream_until_mono_ms > now_ms(self)) {
            streams++;
        }
    }
    return streams < HTTP_STREAMS_MAX;
}

void http_tell(http_server_t *self, const char *news)
{
    assert(strlen(news) <= HTTP_NEWS_BYTES_MAX);
    buf_clear(&self->news);
    buf_put_text(&self->news, "%s", news);
    for (struct client *client = self->clients; client != NULL; client = client->next) {
        client->owed = true;
        wake(client);
    }
}

void http_hang_up(http_server_t *self)
{
    for (struct client *client = self->clients; client != NULL; client = client->next) {
        if (client->stream_until_mono_ms != 0) {
            end_stream(client);
        }
    }
}

static void end_old_streams(http_server_t *self)
{
    for (struct client *client = self->clients; client != NULL; client = client->next) {
        if (client->suspended && now_ms(self) >= client->stream_until_mono_ms) {
            wake(client);
        }
    }
}

/* ---- sending ------------------------------------------------------------------------------ */

/* What the reply says, taken from it. NULL where there is no memory. */
static struct MHD_Response *reply_content(
    struct MHD_Connection *connection, struct http_reply *reply)
{
    struct client *client = client_of(connection);

    if (reply->stays_open) {
        client->stream_until_mono_ms = now_ms(client->server) + HTTP_STREAM_MS_MAX;
        client->owed = true;
        return MHD_create_response_from_callback(
            MHD_SIZE_UNKNOWN, HTTP_NEWS_BYTES_MAX, read_news, client, NULL);
    }
    assert(reply->body.len <= HTTP_REPLY_BODY_BYTES_MAX);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.len, reply->body.data, MHD_RESPMEM_MUST_FREE);
    if (response != NULL) {
        reply->body = (struct buf){0};
    }
    return response;
}

/* Queue it; the body goes to libmicrohttpd, the rest is freed. */
static enum MHD_Result reply_send(struct MHD_Connection *connection, struct http_reply *reply)
{
    if (reply->stays_open && !has_room(client_of(connection)->server)) {
        reply->stays_open = false;
        http_reply_text(reply, 503, "%d listen already; ask from time to time", HTTP_STREAMS_MAX);
    }
    struct MHD_Response *response = reply_content(connection, reply);
    enum MHD_Result done = MHD_NO;

    if (response != NULL) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        for (size_t i = 0; i < reply->header_count; i++) {
            (void)MHD_add_response_header(
                response, reply->headers[i].name, reply->headers[i].value);
        }
        done = MHD_queue_response(connection, reply->status, response);
        MHD_destroy_response(response);
    }
    reply_free(reply);
    return done;
}

static struct http_reply reply_new(void)
{
    return (struct http_reply){.status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8"};
}

/* ---- what may be asked -------------------------------------------------------------------- */

/* Does the text begin with this name of ours, alone or before a port? */
static bool names(const char *host, const char *name)
{
    size_t len = strlen(name);

    return strncmp(host, name, len) == 0 && (host[len] == '\0' || host[len] == ':');
}

/* On the loopback a browser may be led here by a name of somebody else's: only our own names count. */
static bool host_is_ours(const http_server_t *self, const char *host)
{
    return !self->loopback ||
        (host != NULL &&
            (names(host, "localhost") || names(host, "127.0.0.1") || names(host, "[::1]") ||
                strcmp(host, self->bound) == 0));
}

/* A form on a page of another origin says where it stands. */
static bool origin_is_ours(const char *origin, const char *host)
{
    static const char scheme[] = "http://";

    return origin == NULL ||
        (host != NULL && strncmp(origin, scheme, sizeof scheme - 1) == 0 &&
            strcmp(origin + sizeof scheme - 1, host) == 0);
}

static bool path_fits(const struct http_route *route, const char *path)
{
    return route->below ? strncmp(path, route->path, strlen(route->path)) == 0
                        : strcmp(path, route->path) == 0;
}

/* The route that answers; NULL with the refusal in reply. */
static const struct http_route *route_find(const http_server_t *self,
    const struct http_request *request, const char *method, struct http_reply *reply)
{
    const char *host = http_request_header(request, MHD_HTTP_HEADER_HOST);
    const char *asked = strcmp(method, "HEAD") == 0 ? "GET" : method;
    const struct http_route *other = NULL;

    if (!host_is_ours(self, host)) {
        http_reply_text(
            reply, 421, "this server is asked by another name than its own; use %s", self->bound);
        return NULL;
    }
    if (strcmp(asked, "POST") == 0 &&
        !origin_is_ours(http_request_header(request, MHD_HTTP_HEADER_ORIGIN), host)) {
        http_reply_text(reply, 403, "a page of another origin may not send this");
        return NULL;
    }
    for (size_t i = 0; i < self->options.route_count; i++) {
        const struct http_route *route = &self->options.routes[i];
        if (path_fits(route, request->path)) {
            if (strcmp(route->method, asked) == 0) {
                return route;
            }
            other = route;
        }
    }
    if (other != NULL) {
        http_reply_text(reply, 405, "this page takes %s alone", other->method);
        http_reply_header(reply, MHD_HTTP_HEADER_ALLOW, other->method);
    } else {
        http_reply_text(reply, 404, "there is no such page");
    }
    return NULL;
}

/* ---- one exchange ------------------------------------------------------------------------- */

static enum MHD_Result exchange_begin(const http_server_t *self, struct MHD_Connection *connection,
    const char *path, const char *method, void **slot)
{
    const struct http_request request = {.method = method, .path = path, .connection = connection};
    struct http_reply reply = reply_new();
    const struct http_route *route = route_find(self, &request, method, &reply);

    if (route == NULL) {
        return reply_send(connection, &reply);
    }
    struct exchange *exchange = mem_new(1, sizeof *exchange);
    exchange->route = route;
    *slot = exchange;
    return MHD_YES;
}

/* A part of the body. libmicrohttpd wants it taken before an answer: what is too much is counted and not kept. */
static void exchange_upload(struct exchange *exchange, const char *data, size_t *size)
{
    if (exchange->body.len + *size > HTTP_BODY_BYTES_MAX) {
        exchange->route = NULL;
        buf_free(&exchange->body);
    } else if (exchange->route != NULL) {
        buf_put(&exchange->body, data, *size);
    }
    *size = 0;
}

static enum MHD_Result exchange_answer(const http_server_t *self, struct exchange *exchange,
    struct MHD_Connection *connection, const char *path)
{
    struct http_reply reply = reply_new();

    if (exchange->route == NULL) {
        http_reply_text(&reply, 413, "the body may have %d bytes", HTTP_BODY_BYTES_MAX);
        return reply_send(connection, &reply);
    }
    const struct http_request request = {
        .method = exchange->route->method,
        .path = path,
        .body = buf_slice(&exchange->body),
        .connection = connection,
    };
    exchange->route->answer(self->options.context, &request, &reply);
    return reply_send(connection, &reply);
}

static enum MHD_Result take_request(void *context, struct MHD_Connection *connection,
    const char *path, const char *method, const char *version, const char *data, size_t *size,
    void **slot)
{
    const http_server_t *self = context;

    (void)version;
    if (*slot == NULL) {
        return exchange_begin(self, connection, path, method, slot);
    }
    if (*size > 0) {
        exchange_upload(*slot, data, size);
        return MHD_YES;
    }
    return exchange_answer(self, *slot, connection, path);
}

static void end_request(void *context, struct MHD_Connection *connection, void **slot,
    enum MHD_RequestTerminationCode how)
{
    const http_server_t *self = context;
    struct exchange *exchange = *slot;
    struct client *client = client_of(connection);

    (void)how;
    if (exchange != NULL) {
        buf_free(&exchange->body);
        free(exchange);
        *slot = NULL;
    }
    if (client != NULL) {
        client->deadline_mono_ms = now_ms(self) + HTTP_REQUEST_MS_MAX;
        client->stream_until_mono_ms = 0;
    }
}

/* ---- connections -------------------------------------------------------------------------- */

static void note_connection(void *context, struct MHD_Connection *connection, void **slot,
    enum MHD_ConnectionNotificationCode what)
{
    http_server_t *self = context;
    struct client *client = *slot;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        client = mem_new(1, sizeof *client);
        client->server = self;
        client->connection = connection;
        client->deadline_mono_ms = now_ms(self) + HTTP_REQUEST_MS_MAX;
        client->next = self->clients;
        client->link = &self->clients;
        if (client->next != NULL) {
            client->next->link = &client->next;
        }
        self->clients = client;
        *slot = client;
    } else if (client != NULL) {
        *client->link = client->next;
        if (client->next != NULL) {
            client->next->link = client->link;
        }
        free(client);
        *slot = NULL;
    }
}

/* A client that sends a byte now and then never is idle: its time ends all the same. */
static void drop_slow(http_server_t *self)
{
    int64_t now = now_ms(self);

    for (struct client *client = self->clients; client != NULL; client = client->next) {
        if (now >= client->deadline_mono_ms) {
            (void)shutdown(
                socket_of(client), SHUT_RDWR); /* libmicrohttpd sees the end and tidies */
            client->deadline_mono_ms = now + HTTP_REQUEST_MS_MAX;
        }
    }
}

/* ---- the server --------------------------------------------------------------------------- */

static void take_log(void *context, const char *format, va_list args)
{
    char text[256];

    (void)context;
    (void)vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http: %s", text);
}

static int bind_error(const struct http_address *address, struct complaint *why)
{
    int rc = errno == EADDRINUSE ? E_EXISTS : errno == EACCES ? E_PERMISSION : E_IO;

    return complain(why, rc, "cannot listen on %s port %u: %s", address->host, address->port,
        errno == EADDRINUSE ? "another program has the port" : strerror(errno));
}

static int listen_on(const struct http_address *address, int *out, struct complaint *why)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } where = {0};
    const int yes = 1;
    socklen_t len = address->is_six ? sizeof where.six : sizeof where.four;

    if (address->is_six) {
        where.six.sin6_family = AF_INET6;
        where.six.sin6_port = htons(address->port);
        (void)inet_pton(AF_INET6, address->host, &where.six.sin6_addr);
    } else {
        where.four.sin_family = AF_INET;
        where.four.sin_port = htons(address->port);
        (void)inet_pton(AF_INET, address->host, &where.four.sin_addr);
    }
    int fd = socket(where.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return bind_error(address, why);
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, &where.any, len) != 0 || listen(fd, HTTP_BACKLOG) != 0) {
        int rc = bind_error(address, why);
        (void)close(fd);
        return rc;
    }
    *out = fd;
    return 0;
}

static void note_bound(http_server_t *self, int fd)
{
    const struct http_address *address = &self->options.address;
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } where = {0};
    socklen_t len = sizeof where;

    (void)getsockname(fd, &where.any, &len);
    unsigned port = ntohs(address->is_six ? where.six.sin6_port : where.four.sin_port);
    (void)snprintf(self->bound, sizeof self->bound, address->is_six ? "[%s]:%u" : "%s:%u",
        address->host, port);
}

int http_open(const struct http_options *options, http_server_t **out, struct complaint *why)
{
    int fd = -1;
    int rc = listen_on(&options->address, &fd, why);

    if (rc != 0) {
        return rc;
    }
    http_server_t *self = mem_new(1, sizeof *self);
    self->options = *options;
    self->loopback = options->address.loopback;
    note_bound(self, fd);
    self->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0,
        NULL, NULL, take_request, self, MHD_OPTION_EXTERNAL_LOGGER, take_log,
        NULL, /* first: it serves the others */
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_BYTES_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(HTTP_REQUEST_MS_MAX / 1000),
        MHD_OPTION_NOTIFY_COMPLETED, end_request, self, MHD_OPTION_NOTIFY_CONNECTION,
        note_connection, self, MHD_OPTION_END);
    if (self->daemon == NULL) {
        (void)close(fd);
        free(self);
        return complain(why, E_IO, "libmicrohttpd cannot start");
    }
    *out = self;
    return 0;
}

void http_destroy(http_server_t **self_p)
{
    assert(self_p != NULL);
    http_server_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    http_hang_up(self); /* libmicrohttpd stops with none suspended */
    MHD_stop_daemon(self->daemon);
    assert(self->clients == NULL);
    buf_free(&self->news);
    free(self);
    *self_p = NULL;
}

const char *http_bound(const http_server_t *self)
{
    return self->bound;
}

int http_fd(const http_server_t *self)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    assert(info != NULL);
    return info->epoll_fd;
}

int64_t http_due_ms(const http_server_t *self)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    int64_t due = INT64_MAX;

    if (MHD_get_timeout(self->daemon, &wait_ms) == MHD_YES && wait_ms < INT32_MAX) {
        due = now_ms(self) + (int64_t)wait_ms;
    }
    for (const struct client *client = self->clients; client != NULL; client = client->next) {
        due = client->deadline_mono_ms < due ? client->deadline_mono_ms : due;
        if (client->suspended && client->stream_until_mono_ms < due) {
            due = client->stream_until_mono_ms;
        }
    }
    return due;
}

void http_serve(http_server_t *self)
{
    drop_slow(self);
    end_old_streams(self);
    (void)MHD_run(self->daemon);
}
