/*
 * scrub: a safe log from a real one. Every record keeps its place, its time, its size and its shape; what could name
 * anybody is replaced:
 *
 *   ids, references, digests     by a keyed function, the same everywhere; the key is random and thrown away at the end
 *   payloads, wraps, signatures  by random bytes of the same length
 *   texts (letter_ref, team)     by letters of the same length, keyed
 *   authority codes, agents      kept, or replaced by codes that do not exist (replace_codes)
 *   registers                    left out; the tables of the procedures, which are public, are kept
 *   heads, trees                 gone: what was changed is signed by nobody, and does not claim to be
 *
 * Kinds, facts that are words, dates, numbers, verdicts and rules stay: they are what a log is wanted for.
 */
#ifndef WAYPOST_REPLAY_SCRUB_H
#define WAYPOST_REPLAY_SCRUB_H

#include "common/base/err.h"
#include "common/journal/record.h"

typedef struct scrub scrub_t;

scrub_t *scrub_new(bool replace_codes);
void scrub_destroy(scrub_t **self_p); /* the key is wiped */

/*
 * The same record with nothing of what it named; lent until the next call. 0; E_END where it has no place in a scrubbed
 * log (commits, registers); E_CORRUPT where it cannot be read: it is not given out as it is.
 */
int scrub_record(scrub_t *self, const struct record *record, struct record *out);

#endif
