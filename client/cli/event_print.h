/*
 * event_print: one event as a person reads it.
 */
#ifndef WAYPOST_CLI_EVENT_PRINT_H
#define WAYPOST_CLI_EVENT_PRINT_H

#include "client/cli/cli.h"
#include "client/cli/names.h"

/* The clear part: event_json() of the codec. */
void event_print(struct cli *cli, const json_t *event, const names_t *names);

/* A JSON object of facts, a line each: "  permanence  permanent". */
void facts_print(struct cli *cli, const json_t *facts);

/* A line of a label and a text. */
void line_print(struct cli *cli, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
