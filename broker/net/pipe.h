/*
 * pipe: through which two threads hand each other pointers, in order. Whoever receives a pointer owns what it points
 * to; nothing else is shared. Unbounded: what travels is bounded by those who make it.
 *
 * A descriptor an end becomes readable where something has come. One system call wakes a thread that waits, none is
 * needed where it has not yet looked: the pair of libzmq's sockets that stood here took four calls a message and four
 * a look, a tenth of what a lone event takes.
 */
#ifndef WAYPOST_BROKER_NET_PIPE_H
#define WAYPOST_BROKER_NET_PIPE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pipe pipe_t;

enum pipe_end {
    PIPE_NEAR, /* of the thread that made it */
    PIPE_FAR   /* of the other */
};

/* Returns 0 or E_IO with errno set (descriptors are short). */
int pipe_open(pipe_t **out);
void pipe_destroy(pipe_t **self_p); /* after both ends are done; what was never taken is let go */

/* Hand over from one end. NULL is a message too: it asks the other side to end. Cannot fail. */
void pipe_send(pipe_t *self, enum pipe_end from, void *pointer);

/* Take one at an end; false where none is there and wait is false. */
bool pipe_receive(pipe_t *self, enum pipe_end at, bool wait, void **out);

int pipe_fd(const pipe_t *self, enum pipe_end at); /* readable: receive until false; lent */

#endif
