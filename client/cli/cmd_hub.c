/*
 * cmd_hub: what a regional hub knows: overview, pairs, deadlines, cases, what nobody has opened, and the link to its page.
 */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/hub_print.h"
#include "client/cli/names.h"
#include "client/cli/when.h"
#include "common/procedure/calendar.h"

#include "common/base/banned.h"

/* ---- asking ---- */

typedef void print_answer(struct cli *cli, const json_t *answer);

static int ask_and_print(struct cli *cli, json_t *request, print_answer *print)
{
    json_t *answer = NULL;
    int exit_code = cli_ask(cli, request, &answer);

    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    if (cli->json) {
        cli_json(cli, answer);
        return CLI_DONE;
    }
    print(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}

/* --authority takes a name as well: the hub answers a typo with the nearest code. */
static void put_authority(struct cli *cli, json_t *request)
{
    const char *wanted = cli_text(cli, "authority");

    if (wanted != NULL) {
        names_t *names = names_load(cli);
        const char *code = names_code(names, wanted);
        json_object_set_new(request, "code", json_string(code == NULL ? wanted : code));
        names_destroy(&names);
    }
    if (cli_text(cli, "limit") != NULL) {
        json_object_set_new(
            request, "limit", json_integer((json_int_t)cli_number(cli, "limit", 100)));
    }
}

static int run_overview(struct cli *cli)
{
    return ask_and_print(cli, json_pack("{s:s}", "op", "hub_overview"), hub_print_overview);
}

static int run_pairs(struct cli *cli)
{
    json_t *request = json_pack("{s:s}", "op", "hub_pairs");

    put_authority(cli, request);
    return ask_and_print(cli, request, hub_print_pairs);
}

static int run_cases(struct cli *cli)
{
    json_t *request = json_pack("{s:s}", "op", "hub_cases");

    put_authority(cli, request);
    return ask_and_print(cli, request, hub_print_cases);
}

static int run_unopened(struct cli *cli)
{
    json_t *request = json_pack("{s:s}", "op", "hub_unopened");

    put_authority(cli, request);
    return ask_and_print(cli, request, hub_print_unopened);
}

static int run_case(struct cli *cli)
{
    return ask_and_print(
        cli, json_pack("{s:s, s:s}", "op", "hub_case", "case", cli->args[0]), hub_print_case);
}

/* "3d", "48h", "30min"; -1 where it is none of them. */
static int64_t within_ms(const char *text)
{
    struct limit limit;

    if (limit_parse(text, &limit) != 0) {
        return -1;
    }
    return limit.unit == LIMIT_D  ? limit.count * INT64_C(86400000)
        : limit.unit == LIMIT_H   ? limit.count * INT64_C(3600000)
        : limit.unit == LIMIT_MIN ? limit.count * INT64_C(60000)
                                  : -1;
}

static int run_deadlines(struct cli *cli)
{
    json_t *request = json_pack("{s:s, s:b, s:b}", "op", "hub_deadlines", "breached",
        (int)cli_flag(cli, "missed"), "guides", (int)cli_flag(cli, "guides"));
    const char *due = cli_text(cli, "due");

    if (due != NULL && within_ms(due) < 0) {
        json_decref(request);
        return cli_misuse(cli, "--due %s is no length of time; write 3d, 48h or 30min", due);
    }
    if (due != NULL) {
        json_object_set_new(request, "within_ms", json_integer((json_int_t)within_ms(due)));
    }
    put_authority(cli, request);
    return ask_and_print(cli, request, hub_print_deadlines);
}

static void print_link(struct cli *cli, const json_t *answer)
{
    cli_say(cli, "%s\n", text_of(answer, "link"));
    cli_hint(cli, "It logs one browser in, once, within two minutes.\n");
}

static int run_link(struct cli *cli)
{
    return ask_and_print(cli, json_pack("{s:s}", "op", "hub_link"), print_link);
}

/* ---- tables ---- */

#define AUTHORITY_OPTION                                                                           \
    {                                                                                              \
        .name = "authority", .letter = 'a', .argument = "CODE", .type = CLI_TEXT,                  \
        .text = "only what concerns this authority, by code or name"                               \
    }
#define LIMIT_OPTION                                                                               \
    {                                                                                              \
        .name = "limit", .argument = "N", .type = CLI_NUMBER, .min = 1, .max = 1000,               \
        .text = "at most so many rows; 100 unless set"                                             \
    }

static const struct cli_option list_options[] = {AUTHORITY_OPTION, LIMIT_OPTION, {.name = NULL}};

static const struct cli_option deadlines_options[] = {
    AUTHORITY_OPTION,
    {.name = "missed",
        .text = "those that ran out and were not met since, instead of those that run"},
    {.name = "guides", .text = "those that bind nobody as well"},
    {.name = "due",
        .argument = "TIME",
        .type = CLI_TEXT,
        .text = "only those that run out within this time, 3d, 48h or 30min"},
    LIMIT_OPTION,
    {.name = NULL},
};

const struct cli_command cmd_hub[] = {
    {.name = "hub overview",
        .group = CLI_GROUP_HUB,
        .summary = "how the region is: flow, waiting, deadlines, silence",
        .usage = "",
        .text = "Prints the measures of the region and of every authority in it: what was sent and "
                "received, what waits and "
                "was opened by nobody, deadlines that run and that were missed, how long an "
                "acceptance takes, who has gone "
                "quiet and whose agent is not listening. Counts below the hub's threshold are not "
                "shown.",
        .example = "waypost hub overview",
        .run = run_overview,
        .needs_agent = true},
    {.name = "hub pairs",
        .group = CLI_GROUP_HUB,
        .summary = "the same by origin and receiving authority",
        .usage = "",
        .text = "Lists the measures by pair, the busiest of late first.",
        .example = "waypost hub pairs --authority Camden",
        .options = list_options,
        .run = run_pairs,
        .needs_agent = true},
    {.name = "hub deadlines",
        .group = CLI_GROUP_HUB,
        .summary = "which deadlines run in the region, and who must act",
        .usage = "",
        .text = "Lists the deadlines of the region, soonest first: what must be done, by whom, in "
                "which case. With --missed "
                "those that ran out, the longest first.",
        .example = "waypost hub deadlines --due 3d\nwaypost hub deadlines --missed --authority "
                   "Camden",
        .options = deadlines_options,
        .run = run_deadlines,
        .needs_agent = true},
    {.name = "hub cases",
        .group = CLI_GROUP_HUB,
        .summary = "the cases in which something happened last",
        .usage = "",
        .text = "Lists cases by the names that this hub gives them, those with the newest events "
                "first.",
        .example = "waypost hub cases --limit 20",
        .options = list_options,
        .run = run_cases,
        .needs_agent = true},
    {.name = "hub case",
        .group = CLI_GROUP_HUB,
        .summary = "one case: owners, deadlines, timeline",
        .usage = "CASE",
        .text =
            "Prints everything that the hub knows of one case. CASE is its name at this hub, as "
            "the lists show it, or "
            "the transfer's own id for whoever knows that. Ids are this hub's own and mean "
            "nothing elsewhere.",
        .example = "waypost hub case K7QF-2M9X-4TRA",
        .args_min = 1,
        .args_max = 1,
        .run = run_case,
        .needs_agent = true},
    {.name = "hub unopened",
        .group = CLI_GROUP_HUB,
        .summary = "events that nobody has opened",
        .usage = "",
        .text =
            "Lists the events that lie at an authority and were opened by nobody, and those that "
            "have not reached it, by "
            "authority, oldest first.",
        .example = "waypost hub unopened --authority Camden",
        .options = list_options,
        .run = run_unopened,
        .needs_agent = true},
    {.name = "hub link",
        .group = CLI_GROUP_HUB,
        .summary = "the address that logs a browser in to the hub's page",
        .usage = "",
        .text =
            "Prints an address of the hub's web page with a token that is good once, within two "
            "minutes. Whoever can use "
            "the hub's socket may see the page.",
        .example = "waypost hub link",
        .run = run_link,
        .needs_agent = true},
    {.name = NULL},
};
