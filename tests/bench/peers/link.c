/* link: one connection of the load, never waiting. A lost connection ends the run. */
#include "tests/bench/peers/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/banned.h"

enum { READ_BYTES = 262144 };

int link_open(struct link *self, const struct protocol *protocol, enum link_role role,
    uint32_t index, uint16_t port)
{
    *self = (struct link){.protocol = protocol, .role = role, .index = index, .fd = -1};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    self->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (self->fd < 0 || connect(self->fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        return -1;
    }
    int one = 1;
    setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(self->fd, F_SETFL, O_NONBLOCK);
    protocol->greet(self);
    return 0;
}

bool link_wants_out(const struct link *self)
{
    return self->written < self->out.len;
}

struct slice link_input(const struct link *self)
{
    return slice_of(self->in.data + self->used, self->in.len - self->used);
}

static int link_write(struct link *self)
{
    while (link_wants_out(self)) {
        ssize_t n = send(
            self->fd, self->out.data + self->written, self->out.len - self->written, MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN ? 0 : -1;
        }
        self->written += (size_t)n;
    }
    buf_clear(&self->out);
    self->written = 0;
    return 0;
}

/* Forget what was used, so that the buffer stays as long as one answer. */
static void link_compact(struct link *self)
{
    if (self->used > 0) {
        memmove(self->in.data, self->in.data + self->used, self->in.len - self->used);
        self->in.len -= self->used;
        self->used = 0;
    }
}

int link_turn(struct link *self, struct arrivals *arrivals)
{
    ssize_t n;
    do {
        link_compact(self);
        buf_reserve(&self->in, READ_BYTES);
        n = recv(self->fd, self->in.data + self->in.len, READ_BYTES, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            return -1;
        }
        if (n > 0) {
            self->in.len += (size_t)n;
            self->protocol->take(self, arrivals);
        }
    } while (n == READ_BYTES && !arrivals->failed);
    return arrivals->failed ? -1 : link_write(self);
}

void link_close(struct link *self)
{
    if (self->fd >= 0) {
        close(self->fd);
        self->fd = -1;
    }
    buf_free(&self->out);
    buf_free(&self->in);
}
