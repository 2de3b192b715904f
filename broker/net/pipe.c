/* pipe: see pipe.h. Sending and receiving within a process cannot fail but by a bug: asserted. */
#include "broker/net/pipe.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include <zmq.h>

#include "common/base/check.h"
#include "common/base/err.h"

#include "common/base/banned.h"

/*
 * libzmq orders memory between the two ends of a pipe; a checker of threads that does not see into libzmq, and a reader
 * of this file, see it here: whatever was written before a pointer was sent is there for whoever receives it.
 */
static _Atomic unsigned handed_over;

static void *end_new(void *context)
{
    const int none = 0;
    void *socket = zmq_socket(context, ZMQ_PAIR);

    if (socket != NULL) {
        int rc = zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
        assert(rc == 0);
        rc = zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none);
        assert(rc == 0);
        rc = zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
        assert(rc == 0);
    }
    return socket;
}

int pipe_open(void *context, const char *name, struct pipe *out)
{
    char endpoint[64];

    int len = snprintf(endpoint, sizeof endpoint, "inproc://waypost-%s", name);
    assert(len > 0 && (size_t)len < sizeof endpoint);
    out->near = end_new(context);
    out->far = end_new(context);
    if (out->near == NULL || out->far == NULL || zmq_bind(out->near, endpoint) != 0 ||
        zmq_connect(out->far, endpoint) != 0) {
        pipe_close(&out->near);
        pipe_close(&out->far);
        return E_IO;
    }
    return 0;
}

void pipe_close(void **socket_p)
{
    if (*socket_p != NULL) {
        (void)zmq_close(*socket_p);
        *socket_p = NULL;
    }
}

void pipe_send(void *socket, void *pointer)
{
    int sent;

    (void)atomic_fetch_add_explicit(&handed_over, 1, memory_order_release);
    do {
        sent = zmq_send(socket, &pointer, sizeof pointer, 0);
    } while (sent < 0 && errno == EINTR);
    assert(sent == (int)sizeof pointer);
}

bool pipe_receive(void *socket, bool wait, void **out)
{
    int got;

    do {
        got = zmq_recv(socket, out, sizeof *out, wait ? 0 : ZMQ_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    assert(got == (int)sizeof *out || (got < 0 && errno == EAGAIN));
    (void)atomic_fetch_add_explicit(&handed_over, 0, memory_order_acquire);
    return got >= 0;
}
