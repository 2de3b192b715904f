/*
 * audit: what the broker's journal says, found out by a broker core of our own over a copy of the files, without
 * snapshots: every record is folded again, and what the engine says is held against what is recorded.
 */
#ifndef WAYPOST_TESTS_STAGE_AUDIT_H
#define WAYPOST_TESTS_STAGE_AUDIT_H

#include "common/crypto/keys.h"
#include "common/procedure/engine.h"

typedef struct audit audit_t;

/* hear: is told everything that the engine says while the journal is read. All lent. */
audit_t *audit_new(const char *network, const char *journal_dir, const struct keys *broker_keys,
    engine_sink *hear, void *context);
void audit_destroy(audit_t **self_p);

/* Read the files again. Ends the stage where they are no journal. What was lent before is gone. */
void audit_read(audit_t *self);

const engine_t *audit_engine(const audit_t *self); /* NULL while the journal holds no procedures */
bool audit_is_judged(const audit_t *self);         /* every accepted batch */
uint64_t audit_waiting(
    const audit_t *self, const char *agent); /* entries of its stream without an acknowledgement */
uint64_t audit_pending(const audit_t *self, const char *agent); /* the events among them */
uint64_t audit_differences(
    const audit_t *self); /* between what was recorded and what the engine says now */

#endif
