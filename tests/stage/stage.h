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

#include "client/lab/parties.h"
#include "client/lib/waypost.h"
#include "tests/stage/audit.h"
#include "tests/stage/world_driven.h"

enum { STAGE_AGENTS_MAX = 32, STAGE_PATH_BYTES = 512, STAGE_ID_BYTES = 33 };

#define STAGE_HUB "stage-hub" /* of every region */
#define STAGE_OPERATOR "operator"

struct stage_agent {
    char id[STAGE_ID_BYTES]; /* a council's code, or one of those */
    int process, cable;      /* pids, 0 for none */
    bool linked;             /* its cable is there */
    wp_agent_t *link;        /* owned */
};

struct stage {
    struct parties
        parties; /* first: parties_network(); its log: what the engine says of the journal */
    const scenario_t *scenario; /* lent */
    const char *net;            /* folder, lent */
    const char *programs;       /* folder of the driven ones, lent */
    const char *tools;          /* folder of the cable, lent */
    struct stage_clock *clock;  /* mapped */
    int broker;                 /* pid, 0 while it is down */
    size_t agent_count;
    struct stage_agent agents[STAGE_AGENTS_MAX];
    audit_t *audit; /* owned */
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
void stage_parties(struct stage *self);          /* bring them to life */

/* ---- stage_send.c ---- */

void stage_send_again(struct stage *self, uint32_t event);

/* ---- stage_network.c: the scenario's side ---- */

struct rehearsal_network stage_network(struct stage *self);

#endif
