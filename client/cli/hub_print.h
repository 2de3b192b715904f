/* hub_print: answers of a hub as tables and lines for a person. Counts that are not shown come as texts and stay so. */
#ifndef WAYPOST_CLI_HUB_PRINT_H
#define WAYPOST_CLI_HUB_PRINT_H

#include "client/cli/cli.h"

void hub_print_overview(struct cli *cli, const json_t *answer);
void hub_print_pairs(struct cli *cli, const json_t *answer);
void hub_print_deadlines(struct cli *cli, const json_t *answer);
void hub_print_cases(struct cli *cli, const json_t *answer);
void hub_print_unopened(struct cli *cli, const json_t *answer);
void hub_print_case(struct cli *cli, const json_t *answer);

/* "12", "<5", "hidden": a count as a hub gives it. text of 16; returned. */
const char *hub_count_text(const json_t *object, const char *member, char *text);
/* "3 d", "17 h", "few", "-": hours of waiting. text of 24; returned. */
const char *hub_hours_text(const json_t *object, const char *member, char *text);
/* "in 3 d 4 h", "2 d ago": what is left of a deadline. text of 32; returned. */
const char *hub_left_text(const json_t *deadline, char *text);

#endif
