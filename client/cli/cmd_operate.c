/*
 * cmd_operate: shape, trace, hold, release, counters: what an operator asks the broker through an operator's agent.
 *
 * Hold and release are records in the journal, with the operator's name. What the broker refuses is said as it says it.
 */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/names.h"
#include "client/cli/table.h"
#include "client/cli/when.h"
#include "common/base/banned.h"

static int ask_with_event(struct cli *cli, const char *op, json_t **answer)
{
    json_t *request = json_pack("{s:s}", "op", op);
    if (cli->arg_count > 0) {
        json_object_set_new(request, "event", json_string(cli->args[0]));
    }
    int exit_code = cli_ask(cli, request, answer);
    if (exit_code == CLI_DONE && cli->json) {
        cli_json(cli, json_incref(*answer));
    }
    return exit_code;
}

/* ---- shape ---- */

static void put_shape_row(struct cli *cli, table_t *table, const json_t *row, const names_t *names)
{
    const json_t *ages = json_object_get(row, "by_age");
    char time[CLI_TIME_BYTES];
    char who[200];
    table_cell(table, "%s", names_full(names, text_of(row, "agent"), who, sizeof who));
    table_cell_painted(table, PAINT_BOLD, "%llu", (unsigned long long)number_of(row, "total"));
    for (size_t i = 0; i < 10; i += 2) {
        json_int_t both = json_integer_value(json_array_get(ages, i)) +
            json_integer_value(json_array_get(ages, i + 1));
        enum cli_paint paint = both == 0 ? PAINT_DIM : i >= 6 ? PAINT_RED : PAINT_END;
        table_cell_painted(table, paint, "%lld", (long long)both);
    }
    bool connected = flag_of(row, "connected");
    table_cell_painted(table, connected ? PAINT_GREEN : PAINT_RED, "%s",
        connected
            ? "connected"
            : cli_time(cli, when_of(row, "last_contact_ms") + when_of(row, "last_contact"), time));
}

static int run_shape(struct cli *cli)
{
    static const char *const headings[] = {"AGENT", ">WAITING", ">10 min", ">40 min", ">2.7 h",
        ">10.7 h", ">older", "LAST CONTACT", NULL};
    json_t *answer = NULL;
    int exit_code = ask_with_event(cli, "shape", &answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    const json_t *rows = json_object_get(answer, "shape");
    if (!cli->json && json_array_size(rows) == 0) {
        cli_say(cli, "Nothing waits for anybody.\n");
    } else if (!cli->json) {
        names_t *names = names_load(cli);
        table_t *table = table_new(headings);
        size_t i;
        json_t *row;
        json_array_foreach(rows, i, row)
        {
            put_shape_row(cli, table, row, names);
        }
        table_print(table, cli);
        table_destroy(&table);
        names_destroy(&names);
    }
    json_decref(answer);
    return CLI_DONE;
}

/* ---- trace ---- */

static int run_trace(struct cli *cli)
{
    static const char *const headings[] = {"WHEN", "STEP", "AGENT", ">NUMBER", NULL};
    json_t *answer = NULL;
    int exit_code = ask_with_event(cli, "trace", &answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    names_t *names = cli->json ? NULL : names_load(cli);
    table_t *table = table_new(headings);
    size_t i;
    json_t *step;
    json_array_foreach(json_object_get(answer, "trace"), i, step)
    {
        char time[CLI_TIME_BYTES];
        int64_t at_ms = when_of(step, "at_ms") > 0 ? when_of(step, "at_ms") : when_of(step, "at");
        table_cell(table, "%s", at_ms == 0 ? "" : cli_time(cli, at_ms, time));
        table_cell_painted(table, PAINT_BOLD, "%s", text_of(step, "step"));
        table_cell(table, "%s", names == NULL ? "" : names_of(names, text_of(step, "agent")));
        if (json_object_get(step, "number") == NULL) {
            table_cell(table, "%s", "");
        } else {
            table_cell(table, "%llu", (unsigned long long)number_of(step, "number"));
        }
    }
    if (table_rows(table) == 0) {
        cli_say(cli, "The broker knows no such event.\n");
    } else {
        table_print(table, cli);
    }
    table_destroy(&table);
    names_destroy(&names);
    json_decref(answer);
    return CLI_DONE;
}

/* ---- hold, release ---- */

static int run_hold(struct cli *cli)
{
    json_t *answer = NULL;
    int exit_code = ask_with_event(cli, "hold", &answer);
    if (exit_code == CLI_DONE) {
        cli_tell(cli,
            "Held: %s is set aside and is not delivered until waypost release %s. The journal "
            "records who did "
            "it.",
            cli->args[0], cli->args[0]);
    }
    json_decref(answer);
    return exit_code;
}

static int run_release(struct cli *cli)
{
    json_t *answer = NULL;
    int exit_code = ask_with_event(cli, "release", &answer);
    if (exit_code == CLI_DONE) {
        cli_tell(cli, "Released: %s goes on at the end of its recipients' streams.", cli->args[0]);
    }
    json_decref(answer);
    return exit_code;
}

/* ---- counters ---- */

static int run_counters(struct cli *cli)
{
    static const char *const headings[] = {"COUNTER", ">VALUE", NULL};
    json_t *answer = NULL;
    int exit_code = ask_with_event(cli, "counters", &answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    table_t *table = table_new(headings);
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(answer, "counters"), i, row)
    {
        uint64_t value = number_of(row, "value");
        if (value > 0 || cli_flag(cli, "all")) {
            table_cell(table, "%s", text_of(row, "name"));
            table_cell(table, "%llu", (unsigned long long)value);
        }
    }
    table_print(table, cli);
    cli_say(cli, "\nSince the broker started. docs/OPERATING.md says what to do about each.\n");
    table_destroy(&table);
    json_decref(answer);
    return CLI_DONE;
}

/* ---- tables ---- */

static const struct cli_option counters_options[] = {
    {.name = "all", .letter = 'a', .text = "those that are 0 as well"},
    {.name = NULL},
};

const struct cli_command cmd_operate[] = {
    {.name = "shape",
        .group = CLI_GROUP_OPERATE,
        .summary = "what waits at the broker, by authority and age",
        .usage = "",
        .text = "Prints a row for every authority with a backlog: how much waits for it, and since "
                "when. The columns by "
                "age end at 10 min, 40 min, 2.7 h and 10.7 h. Needs the agent of an operator.",
        .run = run_shape,
        .needs_agent = true},
    {.name = "trace",
        .group = CLI_GROUP_OPERATE,
        .summary = "the life of one event at the broker",
        .usage = "ID",
        .text = "Prints every step of an event: accepted, judged, numbered, delivered, persisted, "
                "opened, held, released. "
                "Needs the agent of an operator.",
        .args_min = 1,
        .args_max = 1,
        .run = run_trace,
        .needs_agent = true},
    {.name = "hold",
        .group = CLI_GROUP_OPERATE,
        .summary = "sets an undelivered event aside",
        .usage = "ID",
        .text = "Sets aside an event that no recipient has been sent yet, for example one that no "
                "agent can read. It "
                "stays in the journal, the act is recorded with the operator's name, and waypost "
                "release lets it go on.",
        .args_min = 1,
        .args_max = 1,
        .run = run_hold,
        .needs_agent = true},
    {.name = "release",
        .group = CLI_GROUP_OPERATE,
        .summary = "lets a held event go on",
        .usage = "ID",
        .text = "Delivers an event that was set aside; it gets a new number at the end of its "
                "recipients' streams.",
        .args_min = 1,
        .args_max = 1,
        .run = run_release,
        .needs_agent = true},
    {.name = "counters",
        .group = CLI_GROUP_OPERATE,
        .summary = "what the broker has counted",
        .usage = "",
        .text = "Prints the broker's counters. Needs the agent of an operator.",
        .options = counters_options,
        .run = run_counters,
        .needs_agent = true},
    {.name = NULL},
};
