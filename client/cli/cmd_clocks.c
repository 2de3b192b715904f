/*
 * cmd_clocks: clocks and whois: which deadlines run, and who is responsible, now or then.
 */
#include <string.h>

#include "client/cli/cases_print.h"
#include "client/cli/commands.h"
#include "client/cli/when.h"
#include "common/procedure/calendar.h"

#include "common/base/banned.h"

/* ---- clocks ---- */

/* "3d", "48h", "15min" to milliseconds; -1 where it is none of them. */
static int64_t within_ms(const char *text)
{
    struct limit limit;

    if (limit_parse(text, &limit) != 0) {
        return -1;
    }
    switch (limit.unit) {
    case LIMIT_D:
        return limit.count * INT64_C(86400000);
    case LIMIT_H:
        return limit.count * INT64_C(3600000);
    case LIMIT_MIN:
        return limit.count * INT64_C(60000);
    default:
        return -1;
    }
}

static int run_clocks(struct cli *cli)
{
    json_t *request = json_pack("{s:s, s:b}", "op", "clocks", "all", (int)cli_flag(cli, "all"));
    json_t *answer = NULL;
    const char *due = cli_text(cli, "due");

    if (due != NULL) {
        int64_t ms = within_ms(due);
        if (ms < 0) {
            json_decref(request);
            return cli_misuse(cli, "--due %s is no length of time; write 3d, 48h or 30min", due);
        }
        json_object_set_new(request, "within_ms", json_integer(ms));
    }
    int exit_code = cli_ask(cli, request, &answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    if (cli->json) {
        cli_json(cli, answer);
        return CLI_DONE;
    }
    const json_t *clocks = json_object_get(answer, "clocks");
    if (json_array_size(clocks) == 0) {
        cli_say(cli, "No deadline runs%s.\n", due != NULL ? " out in that time" : "");
    } else {
        names_t *names = names_load(cli);
        clocks_print(cli, clocks, names, true);
        names_destroy(&names);
    }
    if (!flag_of(answer, "online")) {
        cli_tell(cli,
            "\nThe broker is away: this is what the agent works out by itself, provisional until "
            "it is heard.");
    }
    json_decref(answer);
    return CLI_DONE;
}

/* ---- whois ---- */

/* A moment of which nothing was said, or could be: whoever reads an owner there must not take it for recorded. */
static int put_moment(struct cli *cli, const json_t *whois)
{
    int64_t at_ms = cli_when(cli, "at", cli->now_ms);
    char time[CLI_TIME_BYTES];
    json_t *answer = NULL;

    if (at_ms > cli->now_ms) {
        cli_tell(cli, "\nThat is still to come: what stands here is how it is now.");
        return CLI_DONE;
    }
    if (cli_text(cli, "at") == NULL) {
        return CLI_DONE;
    }
    int exit_code = cli_ask(cli,
        json_pack("{s:s, s:s}", "op", "transfer", "transfer", text_of(whois, "transfer")), &answer);
    const json_t *first = json_array_get(json_object_get(answer, "events"), 0);
    if (exit_code == CLI_DONE && first == NULL) {
        cli_tell(cli,
            "\nNothing has been said of this transfer yet: what stands here is how it would "
            "begin.");
    } else if (exit_code == CLI_DONE && at_ms < when_of(first, "sent")) {
        cli_tell(cli,
            "\nNothing was said of this transfer before %s: what stands here is how it began.",
            when_text(cli, first, "sent", time));
    }
    json_decref(answer);
    return exit_code;
}

static int run_whois(struct cli *cli)
{
    const char *slash = strchr(cli->args[0], '/');
    size_t len = slash != NULL ? (size_t)(slash - cli->args[0]) : strlen(cli->args[0]);
    json_t *request = json_pack("{s:s, s:s%}", "op", "whois", "transfer", cli->args[0], len);
    json_t *answer = NULL;

    if (slash != NULL) {
        json_object_set_new(request, "child", json_string(slash + 1));
    }
    if (cli_text(cli, "at") != NULL) {
        json_object_set_new(request, "at", json_string(cli_text(cli, "at")));
    }
    int exit_code = cli_ask(cli, request, &answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    if (cli->json) {
        cli_json(cli, answer);
        return CLI_DONE;
    }
    names_t *names = names_load(cli);
    size_t i;
    json_t *child;
    json_array_foreach(json_object_get(answer, "children"), i, child)
    {
        cli_say(cli, "%s%s%s%s\n", i == 0 ? "" : "\n", cli_paint(cli, PAINT_BOLD),
            text_of(child, "child"), cli_paint(cli, PAINT_END));
        owners_print(cli, json_object_get(child, "owners"), names, true);
    }
    names_destroy(&names);
    exit_code = put_moment(cli, answer);
    json_decref(answer);
    return exit_code;
}

/* ---- tables ---- */

static const struct cli_option clocks_options[] = {
    {.name = "due",
        .argument = "TIME",
        .type = CLI_TEXT,
        .text = "only those that run out within this time, 3d, 48h or 30min"},
    {.name = "all", .type = CLI_FLAG, .text = "those that were met or cancelled as well"},
    {.name = NULL},
};

static const struct cli_option whois_options[] = {
    {.name = "at",
        .argument = "TIME",
        .type = CLI_MOMENT,
        .text = "who it was then, 2026-03-16T10:05; a day, 2026-03-16, stands for its end"},
    {.name = NULL},
};

const struct cli_command cmd_clocks[] = {
    {.name = "clocks",
        .group = CLI_GROUP_EVENTS,
        .summary = "which deadlines run, and who must act",
        .usage = "",
        .text = "Lists the deadlines of every transfer that this agent knows, soonest first: what "
                "must be done, by whom, by "
                "when. A deadline that binds nobody is a guide. While the broker is away the list "
                "is provisional.",
        .example = "waypost clocks --due 3d",
        .options = clocks_options,
        .run = run_clocks,
        .needs_agent = true},
    {.name = "whois",
        .group = CLI_GROUP_EVENTS,
        .summary = "who is responsible for a child, now or then",
        .usage = "T[/CHILD]",
        .text = "Says which authority holds the case, immediate safeguarding, assessment and every "
                "other duty for each child of a "
                "transfer. T is the id or the label of the transfer, CHILD the name it has here.",
        .example = "waypost whois over-easter\nwaypost whois over-easter/ash --at 2026-04-08T16:00",
        .options = whois_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_whois,
        .needs_agent = true},
    {.name = NULL},
};
