/*
 * reading_core: what a journal says by itself: a copy of it on a memory disk, recovered by a broker's core that sends
 * nothing, verifies nothing and lives at the beginning of time, where nothing runs out but what the journal says.
 */
#ifndef WAYPOST_LAB_READING_CORE_H
#define WAYPOST_LAB_READING_CORE_H

#include "broker/core/core.h"
#include "common/crypto/keys.h"
#include "common/journal/disk.h"
#include "common/journal/journal.h"

typedef struct reading_core reading_core_t;

/* Lent for the call, but the network's name and the keys: those for the life of the core. */
struct reading_source {
    const char *network;
    const struct keys *keys;                            /* of the broker */
    void (*copy)(void *context, const struct disk *to); /* the journal's files, to an empty disk */
    int (*amend)(void *context, procedures_t *tables,
        struct complaint *why); /* as core_ports; may be NULL */
    void *context;
};

/* Recovered, and folded to its end. 0, or the code of journal_open() or core_recover(), with why; then *out is NULL. */
int reading_core_open(
    const struct reading_source *source, reading_core_t **out, struct complaint *why);
void reading_core_close(reading_core_t **self_p); /* NULL is none */
core_t *reading_core(const reading_core_t *self); /* NULL where self is */
journal_t *reading_journal(const reading_core_t *self);

#endif
