/*
 * procedure_files: the procedures' tables as files, read into the one message that the core takes (ProcedureFiles).
 */
#ifndef WAYPOST_BROKER_NET_PROCEDURE_FILES_H
#define WAYPOST_BROKER_NET_PROCEDURE_FILES_H

#include "common/base/bytes.h"
#include "common/base/err.h"

/* The value of the option that switches the procedures off. */
#define PROCEDURES_NONE "none"

/*
 * Read procedures/, profiles/ and register/ below the folder; out is appended to, left alone on an error. The same
 * files give the same bytes. Returns 0; E_NOT_FOUND, E_IO, E_TOO_LARGE, E_FULL with the file in why.
 */
int procedure_files_read(const char *folder, struct buf *out, struct complaint *why);

#endif
