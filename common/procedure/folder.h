/*
 * folder: the procedure tables as files in a folder of data, read as one set of bytes. The one file
 * here that touches the world; the fold never calls it.
 */
#ifndef WAYPOST_PROCEDURE_FOLDER_H
#define WAYPOST_PROCEDURE_FOLDER_H

#include "common/procedure/procedures.h"

typedef struct procedures_folder procedures_folder_t;

/*
 * Read procedures/, profiles/ and register/ below `path`. E_NOT_FOUND, E_IO, E_TOO_LARGE with the
 * file in why; nothing is kept then.
 */
int procedures_folder_read(const char *path, procedures_folder_t **out, struct complaint *why);
void procedures_folder_destroy(procedures_folder_t **self_p);

/* The bytes of all files, profiles sorted by name; lent. */
const struct procedures_source *procedures_folder_source(const procedures_folder_t *self);

/*
 * Every file by its path below the folder ("profiles/london.zpl"), sorted by path: the same files
 * give the same list. Lent; false behind the last.
 */
bool procedures_folder_file(
    const procedures_folder_t *self, size_t index, const char **path, struct slice *bytes);

/* Read and compile in one step. */
int procedures_folder_load(const char *path, procedures_t **out, struct complaint *why);

/* Where the data lie where nobody says: $WAYPOST_DATA, the folder of the installation if it is
 * there, ./data. Lent, static. */
const char *procedures_folder_default(void);

#endif
