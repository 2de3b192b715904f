/*
 * local_api: see local_api.h. A client that sends a line that is too long, takes no answers, or
 * goes away is closed, and nobody else notices. Requests of one client are answered in order:
 * while one waits for the broker, its next line waits.
 */
#include "client/agent/local_api.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/placement.h"

#include "client/agent/ops.h"

#include "common/base/banned.h"

enum { READ_BYTES = 65536, BACKLOG = 64 };

struct client {
    uint64_t id; /* 0 for a free place; never used again */
    int fd;
    struct buf in;
    struct buf out;
    size_t out_at; /* sent of out */
    bool waiting;  /* an answer will come from the broker */
    bool watching;
    bool ended; /* it will send nothing more */
};

struct local_api {
    int fd;
    char path[108];
    uint64_t last_id;
    struct client clients[AGENT_CLIENTS_MAX];
};

/* ---- opening ---- */

static int fill_address(const char *path, struct sockaddr_un *out, struct complaint *why)
{
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof out->sun_path) {
        return complain(why, E_CONFIG, "socket %s: a Unix socket's path has at most %zu bytes",
            path, sizeof out->sun_path - 1);
    }
    memcpy(out->sun_path, path, strlen(path) + 1);
    return 0;
}

/* Does somebody answer there? */
static bool is_alive(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool alive = fd >= 0 &&
        connect(fd, (const struct sockaddr *)(const void *)address, sizeof *address) == 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    return alive;
}

static int set_owner(const char *path, const char *group, struct complaint *why)
{
    if (chmod(path, 0660) != 0) {
        return complain(why, E_IO, "socket %s: its mode cannot be set: %s", path, strerror(errno));
    }
    if (group[0] == '\0') {
        return 0;
    }
    const struct group *found = getgrnam(group);
    if (found == NULL) {
        return complain(why, E_CONFIG, "socket-group: there is no group %s", group);
    }
    if (chown(path, (uid_t)-1, found->gr_gid) != 0) {
        return complain(why, E_PERMISSION, "socket %s: it cannot be given to group %s: %s", path,
            group, strerror(errno));
    }
    return 0;
}

static int make_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
            fcntl(fd, F_SETFD, FD_CLOEXEC) != 0
        ? E_IO
        : 0;
}

static int bind_socket(local_api_t *self, const struct sockaddr_un *address, struct complaint *why)
{
    self->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (self->fd < 0 || make_nonblocking(self->fd) != 0 ||
        bind(self->fd, (const struct sockaddr *)(const void *)address, sizeof *address) != 0 ||
        listen(self->fd, BACKLOG) != 0) {
        return complain(why, E_IO,
            "socket %s cannot be made: %s; does its folder exist and belong to us?",
            address->sun_path, strerror(errno));
    }
    memcpy(self->path, address->sun_path, sizeof self->path);
    return 0;
}

int local_api_open(const char *path, const char *group, local_api_t **out, struct complaint *why)
{
    struct sockaddr_un address;
    int rc = fill_address(path, &address, why);

    if (rc != 0) {
        return rc;
    }
    rc = placement_socket("socket", path, why);
    if (rc != 0) {
        return rc;
    }
    if (is_alive(&address)) {
        return complain(
            why, E_LOCKED, "socket %s: another agent answers there; stop it first", path);
    }
    (void)unlink(path); /* left by one that was killed */
    local_api_t *self = mem_new(1, sizeof *self);
    self->fd = -1;
    rc = bind_socket(self, &address, why);
    if (rc == 0) {
        rc = set_owner(path, group, why);
    }
    if (rc != 0) {
        local_api_destroy(&self);
        return rc;
    }
    *out = self;
    return 0;
}

static void drop_client(struct client *client)
{
    (void)close(client->fd);
    buf_free(&client->in);
    buf_free(&client->out);
    memset(client, 0, sizeof *client);
}

void local_api_destroy(local_api_t **self_p)
{
    local_api_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < AGENT_CLIENTS_MAX; i++) {
        if (self->clients[i].id != 0) {
            drop_client(&self->clients[i]);
        }
    }
    if (self->fd >= 0) {
        (void)close(self->fd);
    }
    if (self->path[0] != '\0') {
        (void)unlink(self->path);
    }
    free(self);
    *self_p = NULL;
}

/* ---- answers ---- */

static struct client *client_of(local_api_t *self, uint64_t id)
{
    for (size_t i = 0; i < AGENT_CLIENTS_MAX && id != 0; i++) {
        if (self->clients[i].id == id) {
            return &self->clients[i];
        }
    }
    return NULL;
}

static size_t unsent(const struct client *client)
{
    return client->out.len - client->out_at;
}

static void put_line(struct client *client, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);

    assert(text != NULL);
    buf_put(&client->out, text, strlen(text));
    buf_put_u8(&client->out, '\n');
    free(text);
    json_decref(line);
}

bool local_api_answer(local_api_t *self, uint64_t id, json_t *line)
{
    struct client *client = client_of(self, id);

    if (client == NULL || (client->watching && unsent(client) > AGENT_WATCH_ROOM_BYTES)) {
        json_decref(line);
        return false;
    }
    put_line(client, line);
    client->waiting = false;
    return true;
}

/* ---- requests ---- */

static void take_line(agent_core_t *core, struct client *client, const char *line, size_t len)
{
    json_error_t where;
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    char text[200];

    if (!json_is_object(request)) {
        (void)snprintf(text, sizeof text, "the line is no JSON object: %.120s",
            request == NULL ? where.text : "another type");
        put_line(client, ops_error(E_MALFORMED, text));
        json_decref(request);
        return;
    }
    const char *op = json_string_value(json_object_get(request, "op"));
    bool watch = op != NULL && strcmp(op, "watch") == 0;
    client->waiting = true;
    json_t *answer = agent_core_request(core, client->id, request);
    if (answer != NULL) {
        client->watching = watch && json_is_true(json_object_get(answer, "ok"));
        put_line(client, answer);
        client->waiting = false;
    }
    json_decref(request);
}

/* Whole lines, while they can be answered. */
static void take_lines(agent_core_t *core, struct client *client)
{
    size_t at = 0;

    while (!client->waiting && !client->watching && unsent(client) < AGENT_CLIENT_OUT_BYTES) {
        const char *start = (const char *)client->in.data + at;
        const char *end = at < client->in.len ? memchr(start, '\n', client->in.len - at) : NULL;
        if (end == NULL) {
            break;
        }
        at += (size_t)(end - start) + 1;
        take_line(core, client, start, (size_t)(end - start));
    }
    if (at > 0) {
        client->in.len -= at;
        memmove(client->in.data, client->in.data + at, client->in.len);
    }
    if (client->in.len == 0 && client->in.capacity > 2 * (size_t)READ_BYTES) {
        buf_free(&client->in); /* a document went by */
    }
}

/* False where the client is to be closed. */
static bool read_client(struct client *client)
{
    buf_reserve(&client->in, READ_BYTES);
    ssize_t got = read(client->fd, client->in.data + client->in.len, READ_BYTES);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    client->ended = got == 0;
    client->in.len += (size_t)got;
    if (client->watching) {
        client->in.len = 0; /* a watcher has nothing more to say */
    }
    return client->in.len <= AGENT_LINE_BYTES_MAX + READ_BYTES;
}

static bool line_too_long(const struct client *client)
{
    return client->in.len > AGENT_LINE_BYTES_MAX &&
        memchr(client->in.data, '\n', client->in.len) == NULL;
}

static bool write_client(struct client *client)
{
    while (unsent(client) > 0) {
        ssize_t sent =
            send(client->fd, client->out.data + client->out_at, unsent(client), MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        client->out_at += (size_t)sent;
    }
    if (client->out.capacity > 2 * (size_t)READ_BYTES) {
        buf_free(&client->out);
    }
    buf_clear(&client->out);
    client->out_at = 0;
    return true;
}

/* ---- polling ---- */

static void accept_client(local_api_t *self)
{
    int fd = accept(self->fd, NULL, NULL);

    if (fd < 0) {
        return;
    }
    for (size_t i = 0; i < AGENT_CLIENTS_MAX; i++) {
        struct client *client = &self->clients[i];
        if (client->id == 0 && make_nonblocking(fd) == 0) {
            client->id = ++self->last_id;
            client->fd = fd;
            return;
        }
    }
    (void)close(fd);
    log_warnx("local client refused: %d are connected", AGENT_CLIENTS_MAX);
}

size_t local_api_items(const local_api_t *self, zmq_pollitem_t *items)
{
    size_t count = 0;

    items[count++] = (zmq_pollitem_t){NULL, self->fd, ZMQ_POLLIN, 0};
    for (size_t i = 0; i < AGENT_CLIENTS_MAX; i++) {
        const struct client *client = &self->clients[i];
        if (client->id == 0) {
            continue;
        }
        bool reads = !client->ended && client->in.len <= AGENT_LINE_BYTES_MAX;
        bool writes = unsent(client) > 0;
        items[count++] = (zmq_pollitem_t){
            NULL, client->fd, (short)((reads ? ZMQ_POLLIN : 0) | (writes ? ZMQ_POLLOUT : 0)), 0};
    }
    return count;
}

static struct client *client_on(local_api_t *self, int fd)
{
    for (size_t i = 0; i < AGENT_CLIENTS_MAX; i++) {
        if (self->clients[i].id != 0 && self->clients[i].fd == fd) {
            return &self->clients[i];
        }
    }
    return NULL;
}

static void serve_client(agent_core_t *core, struct client *client, short revents)
{
    bool good = !(client->ended && (revents & ZMQ_POLLERR)); /* it waits for nothing any more */

    if (good && (revents & (ZMQ_POLLIN | ZMQ_POLLERR))) {
        good = read_client(client);
    }
    if (good) {
        take_lines(core, client);
        if (line_too_long(client)) {
            put_line(client, ops_error(E_TOO_LARGE, "a line has at most 1 MiB"));
            (void)write_client(client);
            good = false;
        }
    }
    good = good && write_client(client);
    bool done = client->ended && unsent(client) == 0 && !client->waiting;
    if (!good || done || (client->ended && client->watching)) {
        agent_core_client_gone(core, client->id);
        drop_client(client);
    }
}

void local_api_serve(
    local_api_t *self, agent_core_t *core, const zmq_pollitem_t *items, size_t count)
{
    bool drained = false;

    for (size_t i = 1; i < count; i++) {
        struct client *client = client_on(self, items[i].fd);
        if (client != NULL && (items[i].revents != 0 || client->in.len > 0 || unsent(client) > 0)) {
            drained = drained || client->watching;
            serve_client(core, client, items[i].revents);
        }
    }
    if (items[0].revents & ZMQ_POLLIN) {
        accept_client(self);
    }
    if (drained) {
        agent_core_watch(core);
    }
}
