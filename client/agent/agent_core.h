/*
 * agent_core: what an agent decides. Pure and single-threaded: frames, ticks and local requests go
 * in; frames, answers and requests for a connection come out. It includes no socket, file, clock
 * or thread header; what must last is in the store. docs/PROTOCOL.md section 4 has the rules by
 * number, docs/LOCAL-API.md the local requests.
 *
 * What it says to the broker was durable in the store before (frozen events, acknowledged
 * entries); what it says to a local client likewise.
 */
#ifndef WAYPOST_AGENT_CORE_H
#define WAYPOST_AGENT_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "client/agent/keeper.h"
#include "client/agent/store.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/world.h"
#include "common/crypto/keys.h"
#include "common/procedure/procedures.h"
#include "common/register/register.h"

typedef struct agent_core agent_core_t;

struct agent_ports {
    void *context;
    /* Send one frame to the broker; lent for the call. 0, or E_UNREACHABLE (the core gives the connection up). */
    int (*send)(void *context, struct slice frame);
    /* Open a connection to the next endpoint with that pair of CURVE keys; agent_core_connected() or _disconnected()
     * follows. */
    void (*connect)(void *context, const struct keys *keys);
    void (*disconnect)(void *context);
    /* One line for a local client. Taken. False: the client is gone or has no room (a watcher is asked again later). */
    bool (*answer)(void *context, uint64_t client, json_t *line);
};

/* Everything lent for the life of the core. */
struct agent_options {
    const char *network;
    const char *agent; /* id in the register */
    const struct register_pin *pin;
    const struct keys *keys; /* 1 or 2 sets */
    size_t key_count;
    uint32_t credit_events; /* what the broker may have on its way to us */
    uint32_t credit_bytes;
    bool receiver;                  /* there is a program to hand events over to */
    bool receiver_payload;          /* and it gets the opened payload too */
    bool erase_due;                 /* standing instruction: own payloads go when they are due */
    struct slice first_register;    /* SignedRegister bytes to begin with, empty for none */
    int64_t dead_ms;                /* an own event on no disk for longer is an alarm; 0: never */
    int64_t unread_ms;              /* one that nobody opens, likewise */
    const procedures_t *procedures; /* for clocks, whois and timelines; NULL for none */
    const struct agent_keeper *keeper; /* keeps what comes in; NULL: inbox, notices and levels do */
};

/* store is lent. 0, or E_MALFORMED... with why where the register cannot be used and no other is
 * at hand. */
int agent_core_new(const struct agent_options *options, const struct world *world, store_t *store,
    const struct agent_ports *ports, agent_core_t **out, struct complaint *why);
void agent_core_destroy(agent_core_t **self_p);

/* The connection's handshake succeeded: HELLO is said. */
void agent_core_connected(agent_core_t *self, const char *endpoint);
/* It is gone. rc: E_UNREACHABLE, or E_KEY where the broker rejected the key. */
void agent_core_disconnected(agent_core_t *self, int rc);
/* A frame came in. */
void agent_core_frame(agent_core_t *self, struct slice bytes);
/*
 * Around frames that came together: what they bring is one transaction with one sync (receipts, deliveries, answers to our
 * acknowledgements; any other frame ends it first). No request, no tick and no change of the connection in between: nothing is
 * said of what is not on disk (PROMISE 1, 2). Where the disk fails, none of it is kept, and the session is closed.
 */
void agent_core_gather(agent_core_t *self);
void agent_core_gathered(agent_core_t *self);
/* Time passed; to be called at agent_core_due_ms() at the latest, and after any batch of frames
 * or requests. */
void agent_core_tick(agent_core_t *self);
int64_t agent_core_due_ms(const agent_core_t *self); /* on the world's mono_ms */
/* Leave in order: what can be acknowledged is, then BYE. */
void agent_core_stop(agent_core_t *self);

/* A local request. The answer (new reference), or NULL where it comes later by ports.answer. */
json_t *agent_core_request(agent_core_t *self, uint64_t client, const json_t *request);
void agent_core_client_gone(agent_core_t *self, uint64_t client);
/* Clients have room again: go on with `watch`. */
void agent_core_watch(agent_core_t *self);

/* The next event for the receiver, for an empty slot: its id, its transfer, and what it reads. 0, or E_END for nothing
 * due now; the caller takes json. busy: transfers that are at work. */
int agent_core_receiver_next(agent_core_t *self, const uint8_t (*busy)[UUID_BYTES],
    size_t busy_count, uint8_t *event, uint8_t *transfer, json_t **json);
void agent_core_receiver_done(agent_core_t *self, const uint8_t *event, bool ok, const char *what);
int64_t agent_core_receiver_due_ms(
    agent_core_t *self); /* wall time of the next attempt, INT64_MAX for none */

/* For the programs around it: raise one of the alarms of common/alarm/alarm_table.h, or say that it is over. */
void agent_core_alarm(agent_core_t *self, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void agent_core_alarm_clear(agent_core_t *self, const char *name);

/* And what status says of the machine: bytes that are free where the database lives. */
void agent_core_disk_free(agent_core_t *self, uint64_t bytes);

bool agent_core_online(const agent_core_t *self); /* a session is open and checked */

/* Fetch what was told before, from this place in the journal; the stream waits. Once, before the first connection. */
void agent_core_fetch_past(agent_core_t *self, uint64_t leaf, uint64_t skip);

/* For a keeper: the register in force and our entry in it (NULL before the first, or where it does not name us), lent until
 * the next frame; and ports.answer. */
const register_t *agent_core_register(const agent_core_t *self);
const struct register_agent *agent_core_me(const agent_core_t *self);
bool agent_core_answer(agent_core_t *self, uint64_t client, json_t *line);

#endif
