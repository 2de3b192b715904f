/*
 * parties: the agents of a rehearsal as they can be asked and told things by their local interface (docs/LOCAL-API.md),
 * whether they are processes or cores at hand. What the rehearsal's network (client/lab/network.h) wants of them, in
 * its terms: owners, clocks, flags, records, events that are sent.
 *
 *   parties.c         what an agent answers
 *   parties_send.c    an event of the scenario as its agent is told it; the agent draws the id
 *   parties_agree.c   do agents say what the broker says?
 *   parties_network.c what every network of such agents answers in the same way
 *
 * An agent that says no where it must not is the network's fault: stop() is called, and what is asked has no answer.
 */
#ifndef WAYPOST_LAB_PARTIES_H
#define WAYPOST_LAB_PARTIES_H

#include <jansson.h>

#include "client/lab/network.h"
#include "common/base/bytes.h"

enum { PARTY_ID_BYTES = 33, PARTY_ANSWERS_MAX = 256 };

/* What an agent has said of a transfer; words of clocks, owners and flags lend from it. */
struct party_answer {
    char view[PARTY_ID_BYTES];
    uint8_t transfer[UUID_BYTES];
    json_t *json; /* owned; NULL where the agent knows nothing of it */
};

/* An event of the scenario as its agent made it. */
struct party_event {
    bool sent;
    char id[UUID_TEXT_BYTES];
    uint8_t bytes[UUID_BYTES];
};

struct parties_port {
    void *context;
    /* The answer (new reference), or NULL where the agent says no: why is in *error (lent until the next). request is taken. */
    json_t *(*ask)(void *context, const char *id, json_t *request, const char **error);
    /* The rehearsal cannot go on: a sentence. It may return; everything else is meaningless then. */
    void (*stop)(void *context, const char *text);
    const engine_t *(*engine)(void *context); /* the broker's */
};

/* To be the first member of a network that uses parties_network(). */
struct parties {
    const scenario_t *scenario; /* lent */
    const char *hub;            /* id of its agent, lent */
    struct parties_port port;
    struct party_event *events; /* owned, one an event of the scenario */
    struct record_log log;      /* records of the broker; the network fills it */
    struct record_log seen;     /* records asked of an agent last */
    size_t answer_count;        /* transfers asked of agents since something happened last */
    struct party_answer answers[PARTY_ANSWERS_MAX];
};

void parties_init(struct parties *self, const scenario_t *scenario, const char *hub,
    const struct parties_port *port);
void parties_free(struct parties *self);

/* ---- parties.c ---- */

void parties_forget(struct parties *self); /* something is about to happen */
json_t *parties_ask(struct parties *self, const char *id, json_t *request, const char **error);
json_t *parties_need(struct parties *self, const char *id, json_t *request); /* it must say yes */
void parties_stop(struct parties *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Does the agent know anything of a transfer? */
bool parties_know(struct parties *self, const char *view, const uint8_t *transfer);

/* As struct agent_answers wants them; self is the network, whose first member is its parties. */
extern const struct agent_answers parties_answers;
bool parties_believes(struct parties *self, const char *view, const uint8_t *subject,
    const char *clock, int64_t runs_out_ms);
enum event_fate parties_fate(struct parties *self, uint32_t event);
/* Copies as the sender's agent knows them; withheld as the broker's records say. */
struct payload_seen parties_payload(struct parties *self, uint32_t event);

/* Records that an agent holds about the scenario's transfers. Lent until the next call. */
const struct record_log *parties_records(struct parties *self, const char *view);

/* ---- parties_network.c ---- */

/* Sets event_id, answers, records, believes, fate, payload and log. */
void parties_network(struct rehearsal_network *out);

/* ---- parties_send.c ---- */

void parties_send(struct parties *self, uint32_t event);
/* 0, or E_STATE where it is not persisted there. */
int parties_open(
    struct parties *self, const char *code, uint32_t event, const char *role, const char *team);
void parties_erase(struct parties *self, uint32_t event);

/* ---- parties_agree.c ---- */

/*
 * Was everything about these children said to this council, or by it? What a council has recorded for itself and not
 * disclosed yet, or says to a third one, is not known to the others, and they cannot be asked about what it changes.
 * Children that an event links count as one.
 */
bool parties_were_told(
    struct parties *self, const char *view, const uint32_t *children, uint32_t child_count);
/* Does an agent say what the broker says, of every child that it was told everything about? Else what differs. */
bool parties_agree(struct parties *self, const char *view, struct buf *why);

#endif
