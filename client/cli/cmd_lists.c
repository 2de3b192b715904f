/*
 * cmd_lists: inbox, outbox, transfers. Each is one question to the agent and one table.
 */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/level.h"
#include "client/cli/names.h"
#include "client/cli/table.h"
#include "client/cli/when.h"
#include "common/base/banned.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 1000 };

static void put_text(json_t *request, const char *member, const char *text)
{
    if (text != NULL) {
        json_object_set_new(request, member, json_string(text));
    }
}

/* "Move of a child notified", or the kind where the agent knows no title. */
static const char *title_of(const json_t *row)
{
    const char *title = text_of(row, "title");
    return title[0] != '\0' ? title : text_of(row, "kind");
}

/* Ask and, with --json, print the answer as it is. `rows` is lent from *answer. */
static int ask_rows(
    struct cli *cli, json_t *request, const char *member, json_t **answer, const json_t **rows)
{
    int exit_code = cli_ask(cli, request, answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    *rows = json_object_get(*answer, member);
    if (cli->json) {
        cli_json(cli, json_incref(*answer));
    }
    return CLI_DONE;
}

/* ---- inbox ---- */

static void put_state(table_t *table, const json_t *row)
{
    const char *fault = text_of(row, "fault");
    const char *receiver = text_of(row, "receiver");
    if (fault[0] != '\0') {
        table_cell_painted(table, PAINT_RED, "unusable: %s", fault);
    } else if (strcmp(receiver, "failing") == 0) {
        table_cell_painted(table, PAINT_RED, "receiver failing");
    } else if (when_of(row, "opened") == 0) {
        table_cell_painted(table, PAINT_BOLD, "not opened");
    } else {
        table_cell(table, "opened");
    }
}

static void put_inbox(struct cli *cli, const json_t *rows, const names_t *names)
{
    static const char *const headings[] = {">NO", "RECEIVED", "FROM", "WHAT", "STATE", NULL};
    table_t *table = table_new(headings);
    char time[CLI_TIME_BYTES];
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        table_cell(table, "%llu", (unsigned long long)number_of(row, "number"));
        table_cell(table, "%s", when_text(cli, row, "persisted", time));
        table_cell(table, "%s", names_of(names, text_of(row, "from")));
        table_cell(table, "%s", title_of(row));
        put_state(table, row);
        const char *judged = text_of(row, "judgement");
        table_below(
            table, "   %s%s%s", text_of(row, "event"), judged[0] == '\0' ? "" : "  ", judged);
    }
    table_print(table, cli);
    table_destroy(&table);
}

/* --limit and --before. */
static json_t *list_request(struct cli *cli, const char *op)
{
    json_t *request = json_pack(
        "{s:s, s:I}", "op", op, "limit", (json_int_t)cli_number(cli, "limit", LIMIT_DEFAULT));

    if (cli_text(cli, "before") != NULL) {
        json_object_set_new(
            request, "before", json_integer((json_int_t)cli_number(cli, "before", 0)));
    }
    return request;
}

static int run_inbox(struct cli *cli)
{
    json_t *request = list_request(cli, "inbox");
    put_text(request, "kind", cli_text(cli, "kind"));
    put_text(request, "transfer", cli_text(cli, "transfer"));
    if (cli_flag(cli, "unopened")) {
        json_object_set_new(request, "unopened", json_true());
    }
    json_t *answer = NULL;
    const json_t *rows = NULL;
    int exit_code = ask_rows(cli, request, "events", &answer, &rows);
    if (exit_code == CLI_DONE && !cli->json) {
        names_t *names = names_load(cli);
        if (json_array_size(rows) == 0) {
            cli_say(cli, "Nothing %s.\n",
                cli_flag(cli, "unopened") ? "waits to be opened" : "has come in yet");
        } else {
            put_inbox(cli, rows, names);
            cli_say(cli,
                "\nwaypost open NO --role ROLE opens one; the sender then sees who has opened "
                "it.\n");
        }
        names_destroy(&names);
    }
    json_decref(answer);
    return exit_code;
}

/* ---- outbox ---- */

/* "Camden: opened Mon 16 Mar 11:02" for each recipient. */
static void recipients_text(
    struct cli *cli, const json_t *row, const names_t *names, char *to, char *far)
{
    size_t to_len = 0;
    size_t far_len = 0;
    size_t i;
    json_t *recipient;
    to[0] = far[0] = '\0';
    json_array_foreach(json_object_get(row, "to"), i, recipient)
    {
        char time[CLI_TIME_BYTES];
        const char *between = i == 0 ? "" : "; ";
        to_len += to_len < 512 ? (size_t)snprintf(to + to_len, 512 - to_len, "%s%s", between,
                                     names_of(names, text_of(recipient, "code")))
                               : 0;
        far_len += far_len < 512
            ? (size_t)snprintf(far + far_len, 512 - far_len, "%s%s %s", between,
                  level_text(level_of(recipient)), when_text(cli, recipient, "at", time))
            : 0;
    }
}

static void put_progress(table_t *table, const json_t *row, const char *far)
{
    const char *state = text_of(row, "state");
    if (strcmp(state, "accepted") == 0) {
        table_cell(table, "%s", far[0] == '\0' ? "accepted by the broker" : far);
    } else if (strcmp(state, "refused") == 0) {
        table_cell_painted(table, PAINT_RED, "refused");
    } else {
        table_cell_painted(table, PAINT_YELLOW, "%s",
            strcmp(state, "sent") == 0 ? "sent, not yet confirmed" : "waiting for the broker");
    }
}

static void put_outbox(struct cli *cli, const json_t *rows, const names_t *names)
{
    static const char *const headings[] = {"SENT", "TO", "WHAT", "HOW FAR", NULL};
    table_t *table = table_new(headings);
    char time[CLI_TIME_BYTES];
    char to[512];
    char far[512];
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        recipients_text(cli, row, names, to, far);
        table_cell(table, "%s", when_text(cli, row, "sent", time));
        table_cell(table, "%s", to);
        table_cell(table, "%s", title_of(row));
        put_progress(table, row, far);
        const char *more =
            text_of(row, "error")[0] == '\0' ? text_of(row, "judgement") : text_of(row, "error");
        table_below(table, "%s%s%s", text_of(row, "event"), more[0] == '\0' ? "" : "  ", more);
    }
    table_print(table, cli);
    table_destroy(&table);
}

static int run_outbox(struct cli *cli)
{
    json_t *request = list_request(cli, "outbox");
    put_text(request, "state", cli_text(cli, "state"));
    json_t *answer = NULL;
    const json_t *rows = NULL;
    int exit_code = ask_rows(cli, request, "events", &answer, &rows);
    if (exit_code == CLI_DONE && !cli->json) {
        names_t *names = names_load(cli);
        if (json_array_size(rows) == 0) {
            cli_say(cli, "Nothing has been sent%s.\n",
                cli_text(cli, "state") == NULL ? " yet" : " that is in this state");
        } else {
            put_outbox(cli, rows, names);
        }
        names_destroy(&names);
    }
    json_decref(answer);
    return exit_code;
}

/* ---- transfers ---- */

static void put_transfers(struct cli *cli, const json_t *rows, const names_t *names)
{
    static const char *const headings[] = {
        "LABEL", "FROM", "TO", ">CHILDREN", ">EVENTS", ">UNOPENED", "LAST", NULL};
    table_t *table = table_new(headings);
    char time[CLI_TIME_BYTES];
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const json_t *subjects = json_object_get(row, "subjects");
        uint64_t unopened = number_of(row, "unopened");
        table_cell(table, "%s", text_of(row, "label"));
        table_cell(table, "%s", names_of(names, text_of(row, "origin")));
        table_cell(table, "%s", names_of(names, text_of(row, "receiving")));
        table_cell(table, "%llu",
            json_is_array(subjects) ? (unsigned long long)json_array_size(subjects)
                                    : (unsigned long long)number_of(row, "subjects"));
        table_cell(table, "%llu", (unsigned long long)number_of(row, "events"));
        table_cell_painted(
            table, unopened > 0 ? PAINT_BOLD : PAINT_END, "%llu", (unsigned long long)unopened);
        table_cell(table, "%s", when_text(cli, row, "last", time));
        table_below(table, "%s", text_of(row, "transfer"));
    }
    table_print(table, cli);
    table_destroy(&table);
}

static int run_transfers(struct cli *cli)
{
    json_t *answer = NULL;
    const json_t *rows = NULL;
    int exit_code =
        ask_rows(cli, json_pack("{s:s}", "op", "transfers"), "transfers", &answer, &rows);
    if (exit_code == CLI_DONE && !cli->json) {
        names_t *names = names_load(cli);
        if (json_array_size(rows) == 0) {
            cli_say(cli, "There is no transfer yet. waypost new-transfer begins one.\n");
        } else {
            put_transfers(cli, rows, names);
            cli_say(cli, "\nwaypost transfer ID prints the timeline of one.\n");
        }
        names_destroy(&names);
    }
    json_decref(answer);
    return exit_code;
}

/* ---- tables ---- */

static const char *const outbox_states[] = {"waiting", "sent", "accepted", "refused", NULL};

#define OPTION_LIMIT                                                                               \
    {                                                                                              \
        .name = "limit", .letter = 'n', .argument = "N", .type = CLI_NUMBER, .min = 1,             \
        .max = LIMIT_MAX, .text = "at most so many, the newest first; 50 unless it is stated"      \
    }

static const struct cli_option inbox_options[] = {
    {.name = "unopened", .letter = 'u', .text = "only what nobody has opened"},
    {.name = "kind", .argument = "KIND", .type = CLI_TEXT, .text = "only events of one kind"},
    {.name = "transfer",
        .letter = 't',
        .argument = "T",
        .type = CLI_TEXT,
        .text = "only events of one transfer"},
    OPTION_LIMIT,
    {.name = "before",
        .argument = "NO",
        .type = CLI_NUMBER,
        .min = 1,
        .text = "only those before this number"},
    {.name = NULL},
};

static const struct cli_option outbox_options[] = {
    {.name = "state",
        .argument = "STATE",
        .type = CLI_WORD,
        .words = outbox_states,
        .text = "only those in one state"},
    OPTION_LIMIT,
    {.name = "before",
        .argument = "NO",
        .type = CLI_NUMBER,
        .min = 1,
        .text = "only those before this number"},
    {.name = NULL},
};

const struct cli_command cmd_lists[] = {
    {.name = "inbox",
        .group = CLI_GROUP_EVENTS,
        .summary = "what has come in, and what nobody has opened",
        .usage = "",
        .text = "Lists the events that this agent has received, the newest first. Each has been "
                "checked: the sender is "
                "who it says, and nothing was changed on the way.",
        .example = "waypost inbox --unopened",
        .options = inbox_options,
        .run = run_inbox,
        .needs_agent = true},
    {.name = "outbox",
        .group = CLI_GROUP_EVENTS,
        .summary = "what was sent, and how far it has come",
        .usage = "",
        .text = "Lists the events that this agent has sent, the newest first, each with how far it "
                "has come with each "
                "recipient: accepted by the broker, on their system, opened by a person. None of "
                "these is an "
                "acceptance of responsibility: that is an event of its own.",
        .example = "waypost outbox --state waiting",
        .options = outbox_options,
        .run = run_outbox,
        .needs_agent = true},
    {.name = "transfers",
        .group = CLI_GROUP_EVENTS,
        .summary = "every transfer that this agent knows",
        .usage = "",
        .text = "Lists the transfers of which this agent has sent or received an event, or which "
                "were begun here.",
        .run = run_transfers,
        .needs_agent = true},
    {.name = NULL},
};
