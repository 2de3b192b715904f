/*
 * workers: the threads beside the network. The writer carries out commits and rests, one at a time; the keeper writes
 * snapshots, which take long and must hold up no commit; the crypto thread checks signatures in order. Each is given a task
 * and gives it back, done; nothing else is shared.
 *
 * A write or sync that fails ends the process at once (fatal, exit 70): what is on disk is then unknown, and nobody may
 * be told anything any more. It is never retried.
 */
#ifndef WAYPOST_BROKER_NET_WORKERS_H
#define WAYPOST_BROKER_NET_WORKERS_H

#include <stdint.h>

#include "broker/core/core.h"
#include "broker/net/probe.h"
#include "common/base/err.h"

enum write_kind { WRITE_COMMIT, WRITE_TEND, WRITE_REST, WRITE_SNAPSHOT, WRITE_PROBE };

/* Work on the journal. Owned by whoever holds it. */
struct write_task {
    enum write_kind kind;
    journal_t *journal;          /* lent */
    journal_commit_t *commit;    /* WRITE_COMMIT */
    enum snapshot_kind snapshot; /* WRITE_SNAPSHOT, as all below */
    struct buf state;            /* owned */
    uint64_t size;
    uint64_t next_position;
    const struct probe *probe; /* WRITE_PROBE; lent */
    int64_t now_ms;            /* WRITE_PROBE: wall time, to be written */
    uint64_t
        waited_us; /* WRITE_COMMIT: when its first record began to wait, by worker_clock_us() */
    int64_t began_mono_ms; /* when it was given out, by the world's clock */
    uint64_t spent_us;     /* answer: how long it took */
    int rc;                /* answer of WRITE_PROBE: 0, or what failed */
};

uint64_t worker_clock_us(void); /* rises evenly; for intervals */

/* Carry out a task in this thread; sets spent_us. Returns only where it succeeded, snapshots and
 * probes excepted: a snapshot that cannot be written is logged, the journal holds everything. */
void write_task_run(struct write_task *task);

typedef struct worker worker_t;

/* Returns 0, or E_IO with why. */
int worker_open_writer(worker_t **out, struct complaint *why); /* struct write_task */
int worker_open_keeper(worker_t **out, struct complaint *why); /* struct write_task */
int worker_open_crypto(worker_t **out, struct complaint *why); /* struct verify_job */

/* The thread ends after what it was given; what was not taken back by then is given to `drop`. */
void worker_destroy(worker_t **self_p, void (*drop)(void *task));

void worker_give(worker_t *self, void *task);      /* taken */
bool worker_take(worker_t *self, void **task_out); /* false where nothing has come back */
int worker_fd(const worker_t *self);               /* readable where something came back; lent */

#endif
