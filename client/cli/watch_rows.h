/* watch_rows: what an agent or a hub says, as rows of the full screen. Members that are absent are left out. Pure. */
#ifndef WAYPOST_CLI_WATCH_ROWS_H
#define WAYPOST_CLI_WATCH_ROWS_H

#include "client/cli/cli.h"
#include "client/cli/names.h"
#include "client/cli/watch_model.h"

/* One entry of the stream: a row, or several where it holds several acknowledgements. */
void watch_rows_entry(
    struct cli *cli, const names_t *names, const json_t *entry, struct watch_list *out);
void watch_rows_deadlines(struct cli *cli, const json_t *answer, struct watch_list *out);
/* Who has gone quiet, whose agent is not listening; from a hub's overview. */
void watch_rows_silence(struct cli *cli, const json_t *answer, struct watch_list *out);
void watch_rows_case(
    struct cli *cli, const names_t *names, const json_t *answer, struct watch_list *out);

#endif
