/*
 * cases_print: owners, clocks and what is owed, as a person reads them.
 */
#ifndef WAYPOST_CLI_CASES_PRINT_H
#define WAYPOST_CLI_CASES_PRINT_H

#include "client/cli/cli.h"
#include "client/cli/names.h"

/* A table of clocks as the agent gives them, soonest first. with_transfer: name the transfer of each. */
void clocks_print(struct cli *cli, const json_t *clocks, const names_t *names, bool with_transfer);

/* What is expected next, of whom and by when, a line each; what has run out is "overdue". */
void expected_print(struct cli *cli, const json_t *expected, const names_t *names);

/* When it is due: "Wed 8 Apr", a time where the deadline is one, "no limit". text of CLI_TIME_BYTES; returned. */
const char *due_print(const struct cli *cli, const json_t *row, char *text);

/* Who holds each dimension, a line a dimension; all of them, or only those that differ from the case owner. */
void owners_print(struct cli *cli, const json_t *owners, const names_t *names, bool all);

/* "refused R28 R29", "flagged R26"; "" where it is not judged. text of size bytes; returned. */
const char *judged_text(const json_t *row, char *text, size_t size);

#endif
