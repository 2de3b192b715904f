/*
 * own_journal: the journal of a stopped broker in the hands of a command that changes it (mend, recover). It is locked before
 * the first look: a broker that runs keeps the command out before anything is read, removed or written, and none starts while
 * the command is at work.
 */
#ifndef WAYPOST_CLI_OWN_JOURNAL_H
#define WAYPOST_CLI_OWN_JOURNAL_H

#include "client/cli/cli.h"
#include "common/crypto/keys.h"
#include "common/journal/disk.h"
#include "common/journal/journal.h"

/* Zeroed before use. */
struct own_journal {
    struct cli *cli;
    struct keys keys;           /* of the broker: option "keys" */
    struct disk disk;           /* of the folder that the first argument names */
    struct journal_check check; /* what the command finds there */
    journal_t *journal;         /* NULL until it is opened; owned */
    int lock;                   /* held from begin to end */
    bool locked;
};

/* Read the keys and lock the folder. CLI_DONE, or it is said why not: no such folder, no journal in it, in use. */
int own_journal_begin(struct own_journal *self, struct cli *cli);
/* Open what check.network names. 0, or why it cannot be, as journal_open(). */
int own_journal_open(struct own_journal *self, struct complaint *why);
/* Close, unlock, forget the keys; also after a begin that failed. */
void own_journal_end(struct own_journal *self);

#endif
