/*
 * pipe: two ends of an inproc PAIR through which threads hand each other pointers. Whoever receives a pointer owns
 * what it points to; nothing else is shared. Unbounded (HWM 0): what travels is bounded by those who make it.
 */
#ifndef WAYPOST_BROKER_NET_PIPE_H
#define WAYPOST_BROKER_NET_PIPE_H

#include <stdbool.h>
#include <stddef.h>

struct pipe {
    void *near; /* socket of the thread that made it */
    void *far;  /* socket to be handed to the other thread at its birth */
};

/* name: unlike any other in the same context. Returns 0 or E_IO with errno set (descriptors are short). */
int pipe_open(void *context, const char *name, struct pipe *out);
void pipe_close(void **socket_p); /* one end, by the thread that owns it */

/* Hand over. NULL is a message too: it asks the other side to end. A failure is a bug of ours. */
void pipe_send(void *socket, void *pointer);

/* Take one; false where none is there and wait is false. */
bool pipe_receive(void *socket, bool wait, void **out);

#endif
