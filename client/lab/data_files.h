/*
 * data_files: the tables that the procedures are made from, read once from the folder of the
 * shipped data, and the words in them that procedures.h does not list: authority codes, profiles,
 * system kinds.
 */
#ifndef WAYPOST_LAB_DATA_FILES_H
#define WAYPOST_LAB_DATA_FILES_H

#include <stddef.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/procedure/procedures.h"
#include "common/procedure/tsv.h"

typedef struct data_files data_files_t;

/*
 * Read procedures/, profiles/ and register/ below the folder ("data"). E_NOT_FOUND, E_IO,
 * E_TOO_LARGE, E_MALFORMED with the file in why.
 */
int data_files_open(const char *folder, data_files_t **out, struct complaint *why);
void data_files_destroy(data_files_t **self_p);

/* Compile the tables anew, so that one scenario's overrides never reach another. */
int data_files_procedures(const data_files_t *self, procedures_t **out, struct complaint *why);

/* Authority codes of the register and superseded ones: NULL behind the last. Lent. */
const char *data_files_code(const data_files_t *self, size_t index);
/* What an authority is called, the code itself where unknown. Lent. */
const char *data_files_name(const data_files_t *self, const char *code);
/* The text of one profile file ("london.zpl"). Lent; empty where unknown. */
struct slice data_files_profile_text(const data_files_t *self, const char *file);

/* A system kind by name: its row from 0, or -1; its name by row, NULL behind the last. */
int data_files_system_kind(const data_files_t *self, const char *name);
const char *data_files_system_kind_name(const data_files_t *self, size_t row);
/* What a record of it is called: "A clock has started"; the kind itself where unknown. Lent. */
const char *data_files_system_title(const data_files_t *self, const char *kind);
/*
 * Does a record of that system kind carry the fact? And the facts by index, NULL behind the last.
 */
const char *data_files_system_fact(const data_files_t *self, int row, size_t index);

/* The tables as a ProcedureFiles message, as a broker takes them; appended. */
void data_files_message(const data_files_t *self, struct buf *out);

/*
 * A whole table as text ("kinds.tsv", "system-kinds.tsv", "facts.tsv", "clocks.tsv", "rules.tsv");
 * empty where unknown.
 */
struct slice data_files_table(const data_files_t *self, const char *name);

#endif
