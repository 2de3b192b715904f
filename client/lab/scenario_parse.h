/*
 * scenario_parse: a scenario file into statements. Every word is looked up here; nothing unknown
 * gets as far as a run.
 */
#ifndef WAYPOST_LAB_SCENARIO_PARSE_H
#define WAYPOST_LAB_SCENARIO_PARSE_H

#include "client/lab/data_files.h"
#include "client/lab/scenario.h"

/* What is wrong with a file, and in which line (0 where it is the file as a whole). */
struct scenario_fault {
    uint32_t line;
    struct complaint why;
};

/*
 * Parse the bytes of a file (lent for the call).
 *   file    its name, for messages; copied
 *   data    the tables; lent for the call
 * Returns 0; else the code and the fault, the nearest known word in it, and nothing in *out.
 * Needs crypto_start().
 */
int scenario_parse(const char *file, struct slice bytes, const data_files_t *data, scenario_t **out,
    struct scenario_fault *fault);

#endif
