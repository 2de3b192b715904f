/*
 * scratch: a backing whose large pieces are mapped from files without a name, so that the kernel can write them out and
 * take them from memory when others need it: what a process may need again and seldom does is then no burden. Smaller
 * pieces are the heap's.
 *
 * Nothing in them outlives the process, and nothing is ever synced. A file system that has no room, or no files without a
 * name, costs a line in the log, once; the piece is ordinary memory then. A page that the disk cannot give back ends the
 * process with SIGBUS: see scratch_explain().
 */
#ifndef WAYPOST_BASE_SCRATCH_H
#define WAYPOST_BASE_SCRATCH_H

#include <stdint.h>

#include "common/base/backing.h"

enum { SCRATCH_PIECE_MIN = 262144 }; /* bytes: smaller ones are not worth a file */

typedef struct scratch scratch_t;

/* directory: of the files; copied. Nothing is touched until there is something to hold. */
scratch_t *scratch_new(const char *directory);
void scratch_destroy(scratch_t **self_p); /* what was taken must have been given back */

const struct backing *scratch_backing(const scratch_t *self); /* lent for its life */
uint64_t scratch_bytes(const scratch_t *self);                /* held in files now */

/* From now on a SIGBUS says what happened and what to do, and ends the process as it would have. */
void scratch_explain(void);

#endif
