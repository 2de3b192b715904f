/*
 * virtual_private: what virtual_network.c, virtual_broker.c, virtual_agent.c and virtual_wire.c
 * share. Nobody else includes it.
 */
#ifndef WAYPOST_LAB_VIRTUAL_PRIVATE_H
#define WAYPOST_LAB_VIRTUAL_PRIVATE_H

#include "client/lab/virtual_network.h"

#define NO_WIRE UINT32_MAX

enum item_kind { ITEM_FRAME, ITEM_OPENED, ITEM_CLOSED, ITEM_VERIFIED, ITEM_SYNCED };

/* Something that happens later. */
struct item {
    int64_t at_ms;  /* mono */
    uint64_t order; /* of being put in: what is due at one time happens in this order */
    enum item_kind kind;
    uint32_t wire;          /* FRAME, OPENED, CLOSED */
    bool to_broker;         /* FRAME, CLOSED: which end */
    uint32_t life;          /* VERIFIED, SYNCED: of which broker process */
    struct buf frame;       /* owned; FRAME */
    struct verify_job *job; /* owned; VERIFIED */
};

/* A connection. Its index + 1 is the broker's number for it. */
struct wire {
    uint32_t agent;
    uint8_t curve_key[32];
    bool agent_end, broker_end; /* which ends hold it open */
    bool dead;                  /* nothing passes any more */
    int64_t arrival_ms[2];      /* of the last frame, by to_broker: order is kept */
};

struct virtual_agent {
    struct virtual_network *network; /* lent */
    struct keys keys;
    const char *code, *region, *acts_for, *database; /* lent */
    enum register_role role;
    int64_t revoked_ms;
    bool unlisted; /* not in the register */
    struct virtual_world world;
    store_t *store;     /* NULL while it is down */
    agent_core_t *core; /* likewise */
    enum virtual_link link;
    uint32_t wire; /* NO_WIRE */
    int64_t tick_ms;
};

struct virtual_broker {
    struct keys keys;
    struct virtual_world world;
    struct disk memory; /* where the options bring none */
    struct disk disk;
    journal_t *journal; /* NULL while it is down */
    core_t *core;
    journal_commit_t *commit; /* written, not settled yet */
    uint32_t life;
    size_t verifying;
    int64_t tick_ms;
    int failed; /* a write failed in the middle of something: it ends as soon as that is over */
    bool register_pending, tables_pending, rested, recovering;
};

struct virtual_network {
    struct virtual_options options;
    struct virtual_clock clock;
    bool wall_runs;
    uint64_t random;
    struct keys root;
    struct register_pin pin;
    struct virtual_book book;
    size_t authority_count, authority_capacity;
    struct book_authority *authorities; /* owned */
    struct virtual_broker broker;
    size_t agent_count;
    struct virtual_agent *agents[VIRTUAL_AGENTS_MAX]; /* owned */
    size_t wire_count, wire_capacity;
    struct wire *wires; /* owned */
    size_t item_count, item_capacity;
    struct item *items; /* owned; a heap */
    uint64_t item_order;
    int64_t busy_ms; /* mono: when a frame was last put on its way or arrived */
    uint64_t frames;
};

/* virtual_wire.c */
void queue_put(virtual_network_t *self, struct item item); /* order is set here */
bool queue_take(virtual_network_t *self, int64_t until_ms, struct item *out);
int64_t queue_due_ms(const virtual_network_t *self);
void queue_free(virtual_network_t *self);
void item_free(struct item *item);
void wire_open(virtual_network_t *self, size_t agent, const struct keys *keys);
/* One end lets go; the other is told by its TCP, where that still reaches it. */
void wire_close(virtual_network_t *self, uint32_t wire, bool by_broker);
int wire_send(virtual_network_t *self, uint32_t wire, bool to_broker, struct slice frame);
void wire_happens(virtual_network_t *self, struct item *item);

/* virtual_broker.c */
void broker_init(virtual_network_t *self);
void broker_free(virtual_network_t *self);
bool broker_admits(virtual_network_t *self, const uint8_t *curve_key);
void broker_frame(virtual_network_t *self, uint32_t wire, struct slice frame);
void broker_verified(virtual_network_t *self, struct item *item);
void broker_synced(virtual_network_t *self, const struct item *item);
void broker_tick(virtual_network_t *self);
void broker_register(virtual_network_t *self);

/* virtual_agent.c */
void agent_free(struct virtual_agent *self);
void agent_tick(struct virtual_agent *self);

#endif
