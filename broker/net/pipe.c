/*
 * pipe: see pipe.h. Each way is a stack that the sender pushes on and the receiver takes whole, turned round; whoever
 * pushes on an empty one wakes the receiver. Reading and writing the descriptors cannot fail but by a bug: asserted.
 */
#include "broker/net/pipe.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/err.h"

#include "common/base/banned.h"

struct note {
    struct note *next;
    void *pointer;
};

/* What comes to one end. */
struct lane {
    _Atomic(struct note *) sent; /* newest first */
    struct note *taken;          /* oldest first; the receiver's alone */
    int fd;                      /* an eventfd: not zero where `sent` was empty and is not */
};

struct pipe {
    struct lane lanes[2]; /* by the end that receives */
};

int pipe_open(pipe_t **out)
{
    pipe_t *self = mem_new(1, sizeof *self);

    for (size_t i = 0; i < 2; i++) {
        self->lanes[i].fd = -1;
    }
    for (size_t i = 0; i < 2; i++) {
        self->lanes[i].fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (self->lanes[i].fd < 0) {
            pipe_destroy(&self);
            return E_IO;
        }
    }
    *out = self;
    return 0;
}

static void notes_free(struct note *first)
{
    while (first != NULL) {
        struct note *next = first->next;
        free(first);
        first = next;
    }
}

void pipe_destroy(pipe_t **self_p)
{
    pipe_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        struct lane *lane = &self->lanes[i];
        notes_free(lane->taken);
        notes_free(atomic_load(&lane->sent));
        if (lane->fd >= 0) {
            (void)close(lane->fd);
        }
    }
    free(self);
    *self_p = NULL;
}

void pipe_send(pipe_t *self, enum pipe_end from, void *pointer)
{
    struct lane *lane = &self->lanes[from == PIPE_NEAR ? PIPE_FAR : PIPE_NEAR];
    struct note *note = mem_new(1, sizeof *note);
    const uint64_t one = 1;

    struct note *before = atomic_load_explicit(&lane->sent, memory_order_relaxed);
    note->pointer = pointer;
    do {
        note->next = before;
    } while (!atomic_compare_exchange_weak_explicit(
        &lane->sent, &before, note, memory_order_release, memory_order_relaxed));
    if (before == NULL) { /* the note is the receiver's by now, and perhaps gone */
        ssize_t put = write(lane->fd, &one, sizeof one);
        assert(put == (ssize_t)sizeof one);
    }
}

/* Clear the wake-up first: what is sent from here on wakes anew. */
static void lane_take(struct lane *self)
{
    uint64_t count;

    ssize_t got = read(self->fd, &count, sizeof count);
    assert(got == (ssize_t)sizeof count || (got < 0 && (errno == EAGAIN || errno == EINTR)));
    struct note *note = atomic_exchange_explicit(&self->sent, NULL, memory_order_acquire);
    while (note != NULL) {
        struct note *next = note->next;
        note->next = self->taken;
        self->taken = note;
        note = next;
    }
}

bool pipe_receive(pipe_t *self, enum pipe_end at, bool wait, void **out)
{
    struct lane *lane = &self->lanes[at];

    while (lane->taken == NULL) {
        lane_take(lane);
        if (lane->taken == NULL) {
            struct pollfd ready = {.fd = lane->fd, .events = POLLIN};
            if (!wait) {
                return false;
            }
            (void)poll(&ready, 1, -1); /* a signal that woke it finds nothing and waits again */
        }
    }
    struct note *note = lane->taken;
    lane->taken = note->next;
    *out = note->pointer;
    free(note);
    return true;
}

int pipe_fd(const pipe_t *self, enum pipe_end at)
{
    return self->lanes[at].fd;
}
