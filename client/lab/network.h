/*
 * network: what carries events in a rehearsal, as the runner and the expectations see it.
 * network_model.h keeps the promises of docs/PROTOCOL.md without its bytes, quickly; network_cores.h
 * is the real cores of broker, agents and hub in one process; tests/stage plays with processes.
 */
#ifndef WAYPOST_LAB_NETWORK_H
#define WAYPOST_LAB_NETWORK_H

#include "client/lab/record_log.h"
#include "client/lab/scenario.h"

enum event_fate { FATE_WAITING, FATE_ACCEPTED, FATE_TURNED_AWAY };

/* Where the sealed part of an event is. */
struct payload_seen {
    bool exists;          /* the event has one */
    bool withheld;        /* never handed to a recipient (R39) */
    bool erase_asked;     /* its sender has withdrawn it */
    size_t copies;        /* stores that hold it */
    const char *holder;   /* one of them, NULL for none */
    bool commitment_fits; /* the event's commitment still verifies */
};

/*
 * What an agent answers about state, for networks whose agents are processes and can only be asked.
 * Each as the function of engine.h that it is named after; view is an authority's code.
 */
struct agent_answers {
    size_t (*owner)(void *self, const char *view, const uint8_t *transfer, const uint8_t *subject,
        enum dimension dimension, const char *out[8]);
    void (*clocks)(void *self, const char *view, const uint8_t *transfer, const uint8_t *subject,
        void (*visit)(void *context, const uint8_t *subject, const struct engine_clock *clock),
        void *context);
    const char *(*flag)(void *self, const char *view, const uint8_t *transfer,
        const uint8_t *subject, const char *name);
    void (*outstanding)(void *self, const char *view, const uint8_t *transfer,
        const uint8_t *subject, void (*visit)(void *context, const char *id, int64_t since_ms),
        void *context);
    int (*measure)(void *self, const char *name, int64_t *out); /* the hub's */
};

struct rehearsal_network {
    void *self;
    void (*destroy)(void **self_p);

    /* ---- what happens ---- */
    void (*advance)(void *self, int64_t now_ms); /* every deadline on the way fires, in order */
    void (*publish)(void *self, uint32_t event, bool again);
    /* 0, or E_STATE where the event is not persisted at that authority */
    int (*open)(void *self, const char *code, uint32_t event, const char *role, const char *team);
    void (*link)(void *self, const char *code, bool up);
    void (*broker)(void *self, bool up);
    void (*erase)(void *self, uint32_t event);

    /*
     * The id under which the members know an event of the scenario: agents that are real draw their own. NULL (the
     * function, or the id of an event that was not sent): the scenario's.
     */
    const uint8_t *(*event_id)(void *self, uint32_t event);

    /* What the network could not do, a sentence, or NULL; the function may be NULL. The rehearsal ends at it. Lent. */
    const char *(*fault)(void *self);

    /* ---- what is asked; view: an authority's code, NULL for the broker ---- */
    const struct agent_answers
        *answers; /* NULL where engine and hub have every engine at hand; else they have the
                                            broker's alone */
    const engine_t *(*engine)(void *self, const char *view);
    const engine_t *(*hub)(void *self);
    void (*records)(void *self, const char *view,
        void (*visit)(void *context, const struct log_record *record), void *context);
    bool (*believes)(void *self, const char *view, const uint8_t *subject, const char *clock,
        int64_t runs_out_ms);
    uint64_t (*pending)(void *self, const char *code);
    enum event_fate (*fate)(void *self, uint32_t event);
    struct payload_seen (*payload)(void *self, uint32_t event);
    bool (*converged)(void *self, struct buf *why); /* why: who differs */
    bool (*replays)(void *self, struct buf *why);   /* why: what differs */
    const struct record_log *(*log)(void *self);    /* the broker's */
};

/* ---- asked of any network; view as above, the rest as the functions of engine.h are ---- */

/* The id under which the members know an event, whoever gives it. */
const uint8_t *network_event_id(
    const struct rehearsal_network *self, const scenario_t *scenario, uint32_t event);
size_t network_owner(const struct rehearsal_network *self, const char *view,
    const uint8_t *transfer, const uint8_t *subject, enum dimension dimension, const char *out[8]);
void network_clocks(const struct rehearsal_network *self, const char *view, const uint8_t *transfer,
    const uint8_t *subject,
    void (*visit)(void *context, const uint8_t *subject, const struct engine_clock *clock),
    void *context);
const char *network_flag(const struct rehearsal_network *self, const char *view,
    const uint8_t *transfer, const uint8_t *subject, const char *name);
void network_outstanding(const struct rehearsal_network *self, const char *view,
    const uint8_t *transfer, const uint8_t *subject,
    void (*visit)(void *context, const char *id, int64_t since_ms), void *context);
int64_t network_measure(const struct rehearsal_network *self, const char *name); /* the hub's */

#endif
