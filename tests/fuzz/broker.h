/*
 * broker: a broker core over a journal in memory, begun for each input from the same few records. For the targets that
 * speak to the core, or restore it.
 */
#ifndef WAYPOST_TESTS_FUZZ_BROKER_H
#define WAYPOST_TESTS_FUZZ_BROKER_H

#include "broker/core/core.h"
#include "tests/fuzz/support.h"
#include "tests/support/core_fixture.h"

struct fuzz_broker {
    struct disk disk; /* a copy of the template's */
    struct fuzz_world world;
    journal_t *journal;
    core_t *core;
    size_t job_count, job_capacity;
    struct verify_job **jobs; /* owned */
    uint64_t sent;            /* frames that left */
};

/*
 * What every broker begins from, made once: a register of three authorities, a hub and an operator in force, and an event
 * that Islington sent to Camden and Camden has acknowledged. Its journal is closed. Lent.
 */
struct core_fixture *fuzz_broker_template(void);
void fuzz_broker_begin(struct core_fixture *fixture); /* the same, its core running */
struct slice fuzz_broker_state(void);                 /* a snapshot of it. Lent */

/* Start on a copy; snapshot: written before the core recovers, empty for none. What core_recover() says. */
int fuzz_broker_open(struct fuzz_broker *self, struct slice snapshot, struct complaint *why);
void fuzz_broker_close(struct fuzz_broker *self);

/* The agent's connection, its session being its number + 1, and its HELLO. */
void fuzz_broker_hello(struct fuzz_broker *self, size_t agent);
void fuzz_broker_frame(struct fuzz_broker *self, size_t agent, struct slice frame);

/* Verify and commit until nothing is left to do. */
void fuzz_broker_settle(struct fuzz_broker *self);

#endif
