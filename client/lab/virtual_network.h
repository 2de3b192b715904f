/*
 * virtual_network: a whole network in one process: the broker's core on a journal, agents' cores on
 * their stores, and connections between them that are queues, all on one virtual clock. Real keys,
 * a real signed register, real sealing: everything but sockets, threads, files and time.
 *
 *   rehearsals and the sandbox use it as it is: frames arrive at once, nothing fails
 *   the simulator (tests/sim) decides by hooks how long things take, what is lost and who dies
 *
 * A connection behaves as TCP does: what arrives arrives once and in order; what is on its way when
 * it breaks is lost; an end may learn of the break late, or never (half-open).
 */
#ifndef WAYPOST_LAB_VIRTUAL_NETWORK_H
#define WAYPOST_LAB_VIRTUAL_NETWORK_H

#include "broker/core/core.h"
#include "client/agent/agent_core.h"
#include "client/lab/virtual_book.h"
#include "client/lab/virtual_world.h"
#include "common/journal/disk.h"

typedef struct virtual_network virtual_network_t;

enum { VIRTUAL_AGENTS_MAX = 1024, VIRTUAL_NO_AGENT = -1 };

/* What a simulation decides and watches; each may be NULL. */
struct virtual_hooks {
    void *context;
    /* How long a frame to or from the broker is on its way; NULL: no time at all. */
    int64_t (*travel_ms)(void *context, size_t agent, bool to_broker);
    int64_t (*sync_ms)(void *context);   /* how long a commit takes */
    int64_t (*verify_ms)(void *context); /* how long until a signature is checked */
    /* A frame leaves its sender; lent for the call. False: it is lost, and the connection with it. */
    bool (*frame)(void *context, size_t agent, bool to_broker, struct slice frame);
    uint64_t (*free_bytes)(void *context); /* where the journal lives */
    /* A write of the broker's failed: its process has ended. */
    void (*broker_failed)(void *context, int rc);
    /* As the ports of the same name of the broker's core. */
    int (*amend)(void *context, procedures_t *tables, struct complaint *why);
    void (*heard)(void *context, const struct engine_record *record);
};

struct virtual_options {
    const char *network;            /* lent for the life of the network */
    uint64_t seed;                  /* of every key and every random number */
    int64_t start_ms;               /* wall time */
    struct disk disk;               /* the broker's, lent; context NULL: one of its own in memory */
    uint64_t segment_bytes;         /* of the journal */
    uint64_t snapshot_bytes;        /* journal growth between snapshots */
    struct slice tables;            /* ProcedureFiles for the broker, lent; empty: procedures off */
    const procedures_t *procedures; /* for agents, lent; NULL for none */
    uint32_t credit_events;         /* of broker and agents; 0 for the usual */
    uint32_t publish_events;        /* the broker's own, where it differs; 0: as credit_events */
    struct virtual_hooks hooks;
};

virtual_network_t *virtual_network_new(const struct virtual_options *options);
void virtual_network_destroy(virtual_network_t **self_p);

/* ---- who is who ---- */

/* Rows of the register; lent texts live as long as the network. Count from virtual_register() on. */
void virtual_add_authority(virtual_network_t *self, const struct book_authority *row);

struct virtual_member {
    const char *id;   /* lent; register format */
    const char *code; /* lent; "" for hubs and operators */
    enum register_role role;
    const char *region;      /* lent; of a hub: region code or "*"; else "" */
    const char *acts_for;    /* lent; "" for none */
    const char *database;    /* lent; path for store_open(), ":memory:" for one that dies with it */
    const struct keys *keys; /* lent for the call; NULL: made here */
};
size_t virtual_add_agent(virtual_network_t *self, const struct virtual_member *member);
size_t virtual_agent_count(const virtual_network_t *self);
void virtual_revoke(virtual_network_t *self, size_t agent); /* with the next register */
/* Is it named in the registers from now on? Every agent is, unless it is said otherwise. */
void virtual_list(virtual_network_t *self, size_t agent, bool listed);

/* Sign the next register; a running broker brings it into force at once, or at one of its ticks. */
void virtual_register(virtual_network_t *self);

/* ---- life and death ---- */

/* From what is on its disk. 0, or what journal and core say, and it is down. */
int virtual_broker_start(virtual_network_t *self, struct complaint *why);
void virtual_broker_kill(virtual_network_t *self); /* kill -9; agents are told by their TCP */
bool virtual_broker_up(const virtual_network_t *self);

/* From what is in its database. 0, or what store and core say. */
int virtual_agent_start(virtual_network_t *self, size_t agent, struct complaint *why);
void virtual_agent_kill(virtual_network_t *self, size_t agent); /* kill -9 */
bool virtual_agent_up(const virtual_network_t *self, size_t agent);

/* Its process ends and begins again; the store is as it was left, whatever between() does to it. */
int virtual_agent_restart(virtual_network_t *self, size_t agent,
    void (*between)(void *context, store_t *store), void *context, struct complaint *why);

/* ---- connections ---- */

enum virtual_link {
    LINK_UP,
    LINK_DOWN,  /* attempts are refused */
    LINK_SILENT /* nothing passes and nobody is told: a partition */
};
/* What there is breaks when the link goes down, and hangs when it falls silent. */
void virtual_link(virtual_network_t *self, size_t agent, enum virtual_link link);
/* The connection that there is breaks; told: an end learns of it. */
void virtual_cut(virtual_network_t *self, size_t agent, bool told_agent, bool told_broker);

/*
 * Say a frame with the key of an agent that is not up, as whoever stole it would. False: there is no
 * connection; one is being made, say it again later.
 */
bool virtual_intrude(virtual_network_t *self, size_t agent, struct slice frame);

/* ---- time ---- */

struct virtual_clock *virtual_time(virtual_network_t *self);
struct virtual_world *virtual_broker_world(virtual_network_t *self); /* to set its clock wrong */
struct virtual_world *virtual_agent_world(virtual_network_t *self, size_t agent);

/* False: wall clocks stand still while things are carried out (an instant of a scenario). */
void virtual_wall_runs(virtual_network_t *self, bool runs);

/* Carry out the next thing that is due until then, and set the clock to it. False: nothing was; the
 * clock stands at until_ms (mono). */
bool virtual_step(virtual_network_t *self, int64_t until_ms);
void virtual_run(virtual_network_t *self, int64_t for_ms);
/* Run until no frame has been under way for quiet_ms. False: still busy after limit_ms. */
bool virtual_settle(virtual_network_t *self, int64_t quiet_ms, int64_t limit_ms);
/* Time passes with nobody connected, in one leap: sessions end before it. Both clocks. */
void virtual_leap(virtual_network_t *self, int64_t for_ms);

/* ---- asking ---- */

/* A request of LOCAL-API to an agent that is up. The answer is the caller's; {} where it comes later. */
json_t *virtual_ask(virtual_network_t *self, size_t agent, const json_t *request);

core_t *virtual_core(virtual_network_t *self);       /* NULL while it is down */
journal_t *virtual_journal(virtual_network_t *self); /* likewise */
agent_core_t *virtual_agent_core(virtual_network_t *self, size_t agent);
store_t *virtual_store(virtual_network_t *self, size_t agent);
const struct keys *virtual_agent_keys(const virtual_network_t *self, size_t agent);
const struct keys *virtual_broker_keys(const virtual_network_t *self);
const struct virtual_book *virtual_book(const virtual_network_t *self);
uint64_t virtual_frames(const virtual_network_t *self); /* that arrived, both ways */

#endif
