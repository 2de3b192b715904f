/*
 * disk: a memory disk that fails as it is told: no space, one failed call, power gone at the n-th
 * call that changes something. Journal and databases of the simulator stand on it.
 */
#ifndef WAYPOST_TESTS_SIM_DISK_H
#define WAYPOST_TESTS_SIM_DISK_H

#include "common/journal/disk.h"

struct sim_disk {
    struct disk memory; /* owned */
    struct disk table;  /* to be lent; context is this struct: not to be moved */
    bool full;          /* nothing can be written */
    bool dead;          /* the process is gone: nothing it still does counts */
    bool power_failed;  /* dead by itself, at the call that was asked for */
    uint64_t changes;   /* calls that change something, so far */
    uint64_t fail_in;   /* so many until one fails with E_IO; 0 never */
    uint64_t power_in;  /* so many until the power is gone; 0 never */
    uint64_t kill_in;   /* so many until the process is killed; 0 never */
    bool kill_at_sync;  /* the next sync is not reached: the process is killed before it */
    bool killed;        /* dead by itself, at the call that was asked for */
};

void sim_disk_open(struct sim_disk *self);
void sim_disk_close(struct sim_disk *self);

/* A new process: what the old one could not do is over. power: unsynced bytes are gone but torn. */
void sim_disk_revive(struct sim_disk *self, bool power, size_t torn);

/* Every file whose name begins so, as it is now, onto another disk, which loses what it had. Both closed by everybody. */
void sim_disk_copy(struct sim_disk *from, struct sim_disk *to, const char *prefix);

/* Does any file hold these bytes? */
bool sim_disk_holds(struct sim_disk *self, struct slice bytes);

#endif
