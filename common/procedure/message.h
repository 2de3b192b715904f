/*
 * message: the tables of the procedures as one ProcedureFiles message, the form in which they stand in a journal. Pure.
 */
#ifndef WAYPOST_PROCEDURE_MESSAGE_H
#define WAYPOST_PROCEDURE_MESSAGE_H

#include "common/codec/frame.h"
#include "common/procedure/procedures.h"

/*
 * Compile the files of a ProcedureFiles message. The arena is used and not reset. Returns 0; E_MALFORMED where the
 * message cannot be read or holds no file, E_NOT_FOUND for a file that is none of the tables, E_FULL, or what
 * procedures_load() says.
 */
int procedures_message_load(
    arena_t *arena, struct slice bytes, procedures_t **out, struct complaint *why);

#endif
