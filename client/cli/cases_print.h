/*
 * cases_print: owners, clocks and what is owed, as a person reads them.
 */
#ifndef WAYPOST_CLI_CASES_PRINT_H
#define WAYPOST_CLI_CASES_PRINT_H

#include "client/cli/cli.h"
#include "client/cli/names.h"

/* A table of clocks as the agent gives them, soonest first. with_transfer: name the transfer of each. */
void clocks_print(struct cli *cli, const json_t *clocks, const names_t *names, bool with_transfer);

/* Who holds each dimension, a line a dimension; all of them, or only those that differ from the case owner. */
void owners_print(struct cli *cli, const json_t *owners, const names_t *names, bool all);

/* "refused R28 R29", "flagged R26"; "" where it is not judged. text of size bytes; returned. */
const char *judged_text(const json_t *row, char *text, size_t size);

#endif
