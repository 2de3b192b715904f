/*
 * stage: a network of real processes that a scenario is played on: waypost-broker, an agent a council and one of a hub,
 * each reached through a cable of its own, on a clock that stands still until it is moved. What it cannot do ends the
 * program with a sentence (stage_die).
 *
 * The folder has been made by tests/support/cluster.sh (keys, register, configuration); the journal is the broker's
 * view, read again after each step (audit.h), an agent's view is what it answers on its socket.
 */
#ifndef WAYPOST_TESTS_STAGE_STAGE_H
#define WAYPOST_TESTS_STAGE_STAGE_H

#include <jansson.h>

#include "client/lab/network.h"
#include "client/lib/waypost.h"
#include "tests/stage/audit.h"
#include "tests/stage/world_driven.h"

enum {
    STAGE_AGENTS_MAX = 32,
    STAGE_PATH_BYTES = 512,
    STAGE_ID_BYTES = 33,
    STAGE_ANSWERS_MAX = 256
};

#define STAGE_HUB "stage-hub" /* of every region */
#define STAGE_OPERATOR "operator"

struct stage_agent {
    char id[STAGE_ID_BYTES]; /* a council's code, or one of those */
    int process, cable;      /* pids, 0 for none */
    bool linked;             /* its cable is there */
    wp_agent_t *link;        /* owned */
};

/* What an agent has said of a transfer; words of clocks, owners and flags lend from it. */
struct stage_answer {
    char view[STAGE_ID_BYTES];
    uint8_t transfer[UUID_BYTES];
    json_t *json; /* owned; NULL where the agent knows nothing of it */
};

/* An event of the scenario as its agent made it. */
struct stage_event {
    bool sent;
    char id[WP_ID_BYTES];
    uint8_t bytes[UUID_BYTES];
};

struct stage {
    const scenario_t *scenario; /* lent */
    const char *net;            /* folder, lent */
    const char *programs;       /* folder of the driven ones, lent */
    const char *tools;          /* folder of the cable, lent */
    struct stage_clock *clock;  /* mapped */
    int broker;                 /* pid, 0 while it is down */
    size_t agent_count;
    struct stage_agent agents[STAGE_AGENTS_MAX];
    struct stage_event *events; /* owned, one an event */
    audit_t *audit;             /* owned */
    struct record_log log;      /* what the engine says of the journal */
    struct record_log seen;     /* records asked of an agent last */
    size_t answer_count;        /* transfers asked of agents since something happened last */
    struct stage_answer answers[STAGE_ANSWERS_MAX];
};

/* ---- stage.c: the processes and their time ---- */

/* Start everything in net for the councils of the scenario, at `now_ms`. */
struct stage *stage_new(const scenario_t *scenario, const char *net, const char *programs,
    const char *tools, int64_t now_ms);
void stage_destroy(struct stage **self_p);

/* Every code that plays a part, one after another; NULL behind the last. Lent. */
const char *stage_code(const scenario_t *scenario, size_t index);

struct stage_agent *stage_agent_of(
    struct stage *self, const char *id); /* ends where there is none */
void stage_advance(
    struct stage *self, int64_t now_ms); /* every deadline on the way, each at its moment */
void stage_settle(struct stage *self); /* until nothing moves any more; then the journal is read */
void stage_read_journal(struct stage *self);
void stage_link(struct stage *self, struct stage_agent *agent, bool up);
void stage_broker(struct stage *self, bool up); /* down: kill -9 */
void stage_restart(struct stage *self, struct stage_agent *agent,
    void (*between)(struct stage *self, struct stage_agent *agent, void *context),
    void *context); /* stopped, between(), started */

/* ---- stage_ask.c: an agent's socket ---- */

/* The answer (new reference), or NULL where the agent says no: why it says so is in *error (lent), which may be NULL. */
json_t *stage_ask(struct stage_agent *agent, json_t *request, const char **error);
json_t *stage_need(
    struct stage_agent *agent, json_t *request); /* ends the stage where it says no */
extern const struct agent_answers stage_answers;

/*
 * Was everything about these children said to this council, or by it? What a council records for itself, or says to a
 * third one, is not known to the others, and they cannot be asked about what it changes. Children that an event links
 * count as one.
 */
bool stage_was_told(
    struct stage *self, const char *view, const uint32_t *children, uint32_t child_count);

void stage_forget_answers(struct stage *self); /* something is about to happen */

/* Records that an agent holds about the scenario's transfers. Lent until the next call. */
const struct record_log *stage_records(struct stage *self, const char *view);

/* Does an agent say what the journal says, of every child that it was told everything about? Else what differs. */
bool stage_agrees(struct stage *self, const char *view, struct buf *why);

/* ---- stage_send.c ---- */

void stage_send(struct stage *self, uint32_t event);
void stage_send_again(struct stage *self, uint32_t event);

/* ---- stage_network.c: the scenario's side ---- */

struct rehearsal_network stage_network(struct stage *self);

#endif
