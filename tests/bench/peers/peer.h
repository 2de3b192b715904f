/*
 * peer: other brokers under the load that `waypost bench` puts on ours, each in its own protocol over plain TCP.
 *
 * A protocol is a row: what it says at the beginning, how an event is published, what comes back. A link is one
 * connection with what is on its way out and in. Nothing here waits: work.c polls many links in two threads. The
 * clients are made of bytes on purpose, so that the figures are the servers' and not those of a client library.
 *
 * Sources: RESP2 and the streams of redis.io/docs (7.0); docs.nats.io, client protocol and JetStream API; AMQP 0-9-1
 * with RabbitMQ's publisher confirms; MQTT 3.1.1 (OASIS).
 */
#ifndef WAYPOST_BENCH_PEER_H
#define WAYPOST_BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/bytes.h"

enum { LINK_WINDOW_MAX = 4096 /* events of one producer without confirmation */ };

enum link_role { LINK_PRODUCER, LINK_CONSUMER, LINK_OWNER /* makes queues */ };

/* What came in since it was last looked at. */
struct arrivals {
    uint64_t confirmed; /* events that the server says it has */
    uint64_t delivered; /* events that came; their acknowledgements stand in the link's output */
    uint64_t
        settled; /* acknowledgements that the server answered; as delivered where it does not answer */
    bool failed; /* the server said no; why is on standard error */
    void (*seen)(void *context, struct slice payload); /* called for each that came; may be NULL */
    void *context;
};

struct link {
    const struct protocol *protocol;
    enum link_role role;
    uint32_t index; /* a consumer's recipient, a producer's number */
    int fd;         /* owned; -1 for none */
    struct buf out; /* to be written, from `written` on */
    size_t written;
    struct buf in; /* read, used up to `used` */
    size_t used;
    bool ready;       /* greeted; may publish or receive */
    uint64_t counter; /* the protocol's own: packet ids */
    uint64_t upto;    /* the protocol's own: everything up to here is confirmed, or was delivered */
    bool early
        [LINK_WINDOW_MAX]; /* the protocol's own: confirmed above upto, by tag % LINK_WINDOW_MAX */
};

struct protocol {
    const char *name;
    /* The first words of a link, into out. */
    void (*greet)(struct link *link);
    /* Take what came. Before link->ready: the greeting's answers. */
    void (*take)(struct link *link, struct arrivals *arrivals);
    void (*publish)(struct link *link, uint32_t recipient, struct slice payload);
    /* Make the queue of a recipient (owner's link); answers count in `settled`. */
    void (*make)(struct link *link, uint32_t recipient);
};

extern const struct protocol redis_protocol, nats_protocol, amqp_protocol, mqtt_protocol;

/* Open a connection to a port of this machine and greet. 0 or -1. */
int link_open(struct link *self, const struct protocol *protocol, enum link_role role,
    uint32_t index, uint16_t port);
/* Write what can be written, read what can be read, take it. 0 or -1 when the connection is gone or the server said no. */
int link_turn(struct link *self, struct arrivals *arrivals);
bool link_wants_out(const struct link *self);
struct slice link_input(const struct link *self); /* what has not been used */
void link_close(struct link *self);

#endif
