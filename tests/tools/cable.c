/*
 * cable: a link that a test can cut: bytes go both ways between whoever connects to one Unix socket and another.
 *
 *   cable LISTEN TARGET
 *
 * Killed, every connection ends and nobody is let in; stopped (SIGSTOP), both ends believe that the other is there and
 * silent. Says "ready" on standard output when it listens. Exit 1 where it cannot begin.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/banned.h"

enum { PAIRS_MAX = 64, ROOM = 65536, BACKLOG = 16 };

/* What goes one way and is not written yet. */
struct lane {
    size_t from, upto; /* bytes[from .. upto) wait */
    char bytes[ROOM];
};

struct pair {
    int end[2];          /* -1: free */
    struct lane *out[2]; /* out[i]: to be written to end[i]; owned */
};

static struct pair pairs[PAIRS_MAX];

static int unix_socket(const char *path, struct sockaddr_un *out)
{
    size_t len = strlen(path);

    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len >= sizeof out->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(out->sun_path, path, len + 1);
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address;
    int fd = unix_socket(path, &address);

    (void)unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, BACKLOG) != 0) {
        return -1;
    }
    return fd;
}

static void pair_close(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        (void)close(pair->end[i]);
        pair->end[i] = -1;
        free(pair->out[i]);
        pair->out[i] = NULL;
    }
}

static void pair_open(int client, const char *target)
{
    struct sockaddr_un address;
    struct pair *pair = pairs;
    int fd = unix_socket(target, &address);

    while (pair < pairs + PAIRS_MAX && pair->end[0] >= 0) {
        pair++;
    }
    if (pair == pairs + PAIRS_MAX || fd < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(client);
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    const int ends[2] = {client, fd};
    for (int i = 0; i < 2; i++) {
        (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
        pair->end[i] = ends[i];
        pair->out[i] = calloc(1, sizeof *pair->out[i]);
        if (pair->out[i] == NULL) {
            abort();
        }
    }
}

static bool is_passing(ssize_t got)
{
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Take from end[from] what there is room for, give to the other what waits for it. False where one has ended. */
static bool pump(struct pair *pair, int from)
{
    struct lane *lane = pair->out[1 - from];

    if (lane->from == lane->upto) {
        lane->from = lane->upto = 0;
    }
    if (lane->upto < ROOM) {
        ssize_t got = read(pair->end[from], lane->bytes + lane->upto, ROOM - lane->upto);
        if (!is_passing(got)) {
            return false;
        }
        lane->upto += got > 0 ? (size_t)got : 0;
    }
    if (lane->from < lane->upto) {
        ssize_t put = send(
            pair->end[1 - from], lane->bytes + lane->from, lane->upto - lane->from, MSG_NOSIGNAL);
        if (!is_passing(put)) {
            return false;
        }
        lane->from += put > 0 ? (size_t)put : 0;
    }
    return true;
}

static size_t wait_for(int listener, struct pollfd *items)
{
    size_t count = 0;

    items[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        for (int k = 0; k < 2 && pairs[i].end[0] >= 0; k++) {
            bool room = pairs[i].out[1 - k]->upto < ROOM;
            bool waits = pairs[i].out[k]->from < pairs[i].out[k]->upto;
            items[count++] = (struct pollfd){.fd = pairs[i].end[k],
                .events = (short)((room ? POLLIN : 0) | (waits ? POLLOUT : 0))};
        }
    }
    (void)poll(items, (nfds_t)count, -1);
    return count;
}

int main(int argc, char **argv)
{
    static struct pollfd items[1 + 2 * PAIRS_MAX];

    if (argc != 3) {
        (void)fprintf(stderr, "usage: cable LISTEN TARGET\n");
        return 2;
    }
    int listener = listen_at(argv[1]);
    if (listener < 0) {
        (void)fprintf(stderr, "cable: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        pairs[i].end[0] = pairs[i].end[1] = -1;
    }
    (void)puts("ready");
    (void)fflush(stdout);
    while (wait_for(listener, items) > 0) {
        if ((items[0].revents & POLLIN) != 0) {
            pair_open(accept(listener, NULL, NULL), argv[2]);
        }
        for (size_t i = 0; i < PAIRS_MAX; i++) {
            if (pairs[i].end[0] >= 0 && (!pump(&pairs[i], 0) || !pump(&pairs[i], 1))) {
                pair_close(&pairs[i]);
            }
        }
    }
    return 0;
}
