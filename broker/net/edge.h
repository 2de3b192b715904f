/*
 * edge: the broker's network thread: takes frames from the ROUTER into the core, carries the core's frames out, hands
 * commits to the writer, snapshots to the keeper and signatures to the crypto thread, and takes signals. The core
 * decides; the edge only moves.
 *
 * Order of use: edge_open, core_new with edge_ports, edge_attach, core_recover, edge_register, edge_listen, edge_run,
 * edge_destroy. All by one thread.
 */
#ifndef WAYPOST_BROKER_NET_EDGE_H
#define WAYPOST_BROKER_NET_EDGE_H

#include "broker/core/core.h"
#include "broker/net/options.h"
#include "common/base/scratch.h"
#include "common/base/world.h"
#include "common/crypto/keys.h"
#include "common/journal/disk.h"

typedef struct edge edge_t;

struct edge_parts {
    const struct broker_options *options; /* lent for the edge's life, as all here */
    const struct keys *keys;
    const struct world *world;
    const struct disk *disk;  /* where the journal lives, for its free bytes */
    int signal_fd;            /* from host_take_signals() */
    struct core_mark *mark;   /* from mark_file_open(); NULL for none */
    const scratch_t *scratch; /* what the core keeps cases at rest in */
};

/* Threads, doorkeeper and socket, not bound. Returns 0, or E_IO, E_STATE, E_EXISTS with why. */
int edge_open(const struct edge_parts *parts, edge_t **out, struct complaint *why);
void edge_destroy(edge_t **self_p);

const struct core_ports *edge_ports(edge_t *self);                /* lent, as long as the edge */
void edge_attach(edge_t *self, core_t *core, journal_t *journal); /* lent, as long as the edge */

/*
 * Read the register file and bring it into force; the doorkeeper gets its keys. Returns 0 also where the same register
 * is in force already; E_BUSY where the one before is still being brought into force: it is tried again by itself; else
 * what is wrong with the file, in why: the register in force stays.
 */
int edge_register(edge_t *self, struct complaint *why);

/*
 * Read the procedures' files and bring them into force. Returns 0 also where they are in force already or switched off;
 * E_BUSY where the journal is still being folded: it is tried again by itself; else what is wrong, in why: those in
 * force stay.
 */
int edge_procedures(edge_t *self, struct complaint *why);

/* Make everything that is pending durable, bind every endpoint, and say so: one line in the log, and the ready-file. */
int edge_listen(edge_t *self, struct complaint *why);

/* Serve until TERM or INT; then in order: say so to the agents, finish what is under way, snapshot, return. */
void edge_run(edge_t *self);

#endif
