/* hub_print: see hub_print.h. Members that are absent are printed as "-". */
#include "client/cli/hub_print.h"

#include <string.h>

#include "client/cli/cases_print.h"
#include "client/cli/names.h"
#include "client/cli/table.h"
#include "client/cli/when.h"
#include "common/alarm/alarm_table.h"

#include "common/base/banned.h"

enum { HOUR_MS = 3600000, TEXT_BYTES = 200 };

/* ---- pieces ---- */

const char *hub_count_text(const json_t *object, const char *member, char *text)
{
    const json_t *value = json_object_get(object, member);

    if (json_is_integer(value)) {
        (void)snprintf(text, 16, "%lld", (long long)json_integer_value(value));
    } else {
        (void)snprintf(text, 16, "%s", json_is_string(value) ? json_string_value(value) : "-");
    }
    return text;
}

const char *hub_hours_text(const json_t *object, const char *member, char *text)
{
    const json_t *value = json_object_get(object, member);

    if (!json_is_integer(value)) {
        (void)snprintf(text, 24, "%s", json_is_string(value) ? json_string_value(value) : "-");
    } else if (json_integer_value(value) < 48) {
        (void)snprintf(text, 24, "%lld h", (long long)json_integer_value(value));
    } else {
        (void)snprintf(text, 24, "%.1f d", (double)json_integer_value(value) / 24);
    }
    return text;
}

const char *hub_left_text(const json_t *deadline, char *text)
{
    char age[CLI_TIME_BYTES];
    const json_t *left = json_object_get(deadline, "left_ms");
    int64_t ms = json_integer_value(left);

    if (!json_is_integer(left)) {
        (void)snprintf(text, 32, "no limit");
    } else if (ms >= 0) {
        (void)snprintf(text, 32, "in %s", cli_age(ms, age));
    } else {
        (void)snprintf(text, 32, "%s ago", cli_age(-ms, age));
    }
    return text;
}

static const char *name_in(const json_t *object, const char *member)
{
    return text_of(json_object_get(object, member), "name");
}

static const char *binds_text(const json_t *deadline, char *text, size_t size)
{
    size_t used = 0;
    size_t i;
    json_t *place;

    (void)snprintf(text, size, "nobody: a guide");
    json_array_foreach(json_object_get(deadline, "binds"), i, place)
    {
        int len =
            snprintf(text + used, size - used, "%s%s", i == 0 ? "" : ", ", text_of(place, "name"));
        used += len > 0 && (size_t)len < size - used ? (size_t)len : 0;
    }
    return text;
}

/* ---- overview ---- */

static void put_region(struct cli *cli, const json_t *answer)
{
    static const struct {
        const char *member;
        const char *text;
    } lines[] = {{"sent", "events sent"}, {"notices", "moves notified"},
        {"acceptances", "acceptances in writing"}, {"refusals", "refusals"},
        {"running", "deadlines running"}, {"breached", "deadlines missed and open"},
        {"not_persisted", "events not yet on the recipient's disk"},
        {"not_opened", "events received and opened by nobody"}};
    const json_t *region = json_object_get(answer, "region");
    char median[24];
    char p95[24];

    cli_say(cli,
        "%s%s%s, the last %llu days; counts below %llu are not shown, sums are rounded\n\n",
        cli_paint(cli, PAINT_BOLD), text_of(answer, "hub"), cli_paint(cli, PAINT_END),
        (unsigned long long)number_of(answer, "days"),
        (unsigned long long)number_of(answer, "small_counts"));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[16];
        cli_say(cli, "  %-40s %8s\n", lines[i].text, hub_count_text(region, lines[i].member, text));
    }
    cli_say(cli, "  %-40s %8s   19 of 20 within %s\n", "from notice to acceptance, half within",
        hub_hours_text(region, "median_hours", median), hub_hours_text(region, "p95_hours", p95));
    cli_say(cli, "  %-40s %8llu\n", "authorities gone quiet",
        (unsigned long long)number_of(region, "quiet"));
    cli_say(cli, "  %-40s %8llu\n", "agents not listening",
        (unsigned long long)number_of(region, "not_listening"));
    size_t i;
    json_t *stage;
    json_array_foreach(json_object_get(region, "disputes"), i, stage)
    {
        char text[16];
        cli_say(cli, "  disputes at stage %-22llu %8s\n",
            (unsigned long long)number_of(stage, "stage"), hub_count_text(stage, "open", text));
    }
    cli_say(cli, "\n");
}

static bool has_life(const json_t *row)
{
    return !json_is_null(json_object_get(row, "heard"));
}

static void put_signs(struct cli *cli, table_t *table, const json_t *row)
{
    bool away = strcmp(text_of(row, "listening"), "no") == 0;

    (void)cli;
    if (flag_of(row, "quiet")) {
        table_cell_painted(table, PAINT_YELLOW, "! quiet%s", away ? ", away" : "");
    } else if (away) {
        table_cell_painted(table, PAINT_YELLOW, "! away");
    } else {
        table_cell(table, "%s", strcmp(text_of(row, "listening"), "yes") == 0 ? "ok" : "-");
    }
}

/* Figures that lack something say so before they are read. */
static void put_missing(struct cli *cli, const json_t *answer)
{
    const json_t *missing = json_object_get(answer, "missing");
    const struct alarm_info *info = alarm_info("tables_incomplete");

    if (flag_of(answer, "filling")) {
        cli_say(cli,
            "%sThis hub is being filled again from the broker's journal: what follows is not all "
            "yet.%s\n\n",
            cli_paint(cli, PAINT_YELLOW), cli_paint(cli, PAINT_END));
    }
    if (missing != NULL) {
        cli_say(cli, "%sIncomplete:%s %s. To act: %s. %s\n\n", cli_paint(cli, PAINT_RED),
            cli_paint(cli, PAINT_END), text_of(missing, "text"), alarm_actor_word(info->actor),
            info->remedy);
    }
}

void hub_print_overview(struct cli *cli, const json_t *answer)
{
    static const char *const headings[] = {"AUTHORITY", ">SENT", ">RECEIVED", ">NOT PERSISTED",
        ">NOT OPENED", ">RUNNING", ">MISSED", ">HALF WITHIN", ">19 OF 20", "SIGNS", NULL};
    table_t *table = table_new(headings);
    size_t i;
    size_t silent = 0;
    json_t *row;

    put_missing(cli, answer);
    put_region(cli, answer);
    json_array_foreach(json_object_get(answer, "authorities"), i, row)
    {
        char text[24];
        if (!has_life(row) && strcmp(text_of(row, "listening"), "no") != 0) {
            silent++;
            continue;
        }
        table_cell(
            table, "%s%s", text_of(row, "name"), flag_of(row, "in_region") ? "" : " (outside)");
        table_cell(table, "%s", hub_count_text(row, "sent", text));
        table_cell(table, "%s", hub_count_text(row, "received", text));
        table_cell(table, "%s", hub_count_text(json_object_get(row, "not_persisted"), "all", text));
        table_cell(table, "%s", hub_count_text(json_object_get(row, "not_opened"), "all", text));
        table_cell(table, "%s", hub_count_text(row, "running", text));
        table_cell(table, "%s", hub_count_text(row, "breached", text));
        table_cell(table, "%s", hub_hours_text(row, "median_hours", text));
        table_cell(table, "%s", hub_hours_text(row, "p95_hours", text));
        put_signs(cli, table, row);
    }
    table_print(table, cli);
    table_destroy(&table);
    if (silent > 0) {
        cli_say(cli, "\n%zu more authorities of the region have sent and received nothing yet.\n",
            silent);
    }
}

/* ---- pairs ---- */

void hub_print_pairs(struct cli *cli, const json_t *answer)
{
    static const char *const headings[] = {"FROM", "TO", ">EVENTS", ">NOTICES", ">ACCEPTED",
        ">RUNNING", ">MISSED", ">DISPUTES", ">HALF WITHIN", ">19 OF 20", NULL};
    table_t *table = table_new(headings);
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(answer, "pairs"), i, row)
    {
        char text[24];
        table_cell(table, "%s", name_in(row, "origin"));
        table_cell(table, "%s", name_in(row, "receiving"));
        table_cell(table, "%s", hub_count_text(row, "events", text));
        table_cell(table, "%s", hub_count_text(row, "notices", text));
        table_cell(table, "%s", hub_count_text(row, "acceptances", text));
        table_cell(table, "%s", hub_count_text(row, "running", text));
        table_cell(table, "%s", hub_count_text(row, "breached", text));
        table_cell(table, "%s", hub_count_text(row, "disputes", text));
        table_cell(table, "%s", hub_hours_text(row, "median_hours", text));
        table_cell(table, "%s", hub_hours_text(row, "p95_hours", text));
    }
    if (table_rows(table) == 0) {
        cli_say(cli, "No transfer has touched this region yet.\n");
    } else {
        table_print(table, cli);
    }
    table_destroy(&table);
    if (flag_of(answer, "more")) {
        cli_say(cli, "\nThere are more: --limit takes up to 1000.\n");
    }
}

/* ---- deadlines, cases, unopened ---- */

void hub_print_deadlines(struct cli *cli, const json_t *answer)
{
    static const char *const headings[] = {"DUE", "", "DEADLINE", "MUST ACT", "CASE", NULL};
    table_t *table = table_new(headings);
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(answer, "deadlines"), i, row)
    {
        char text[TEXT_BYTES];
        char time[CLI_TIME_BYTES];
        bool breached = strcmp(text_of(row, "state"), "breached") == 0;
        table_cell(table, "%s", due_print(cli, row, time));
        table_cell_painted(table, breached ? PAINT_RED : PAINT_YELLOW, "%s %s",
            breached ? "x" : "o", hub_left_text(row, text));
        table_cell(table, "%s %s", text_of(row, "clock"), text_of(row, "name"));
        table_cell(table, "%s", binds_text(row, text, sizeof text));
        table_cell(table, "%s", text_of(row, "case"));
    }
    if (table_rows(table) == 0) {
        cli_say(cli, "%s\n",
            cli_flag(cli, "missed") ? "None was missed and is still open."
                                    : "None runs. Those that ran out: --missed.");
    } else {
        table_print(table, cli);
    }
    table_destroy(&table);
    if (flag_of(answer, "more")) {
        cli_say(cli, "\nThere are more: --limit takes up to 1000.\n");
    }
}

void hub_print_cases(struct cli *cli, const json_t *answer)
{
    static const char *const headings[] = {
        "CASE", "FROM", "TO", "LAST", ">EVENTS", ">RUNNING", ">MISSED", "STATE", NULL};
    table_t *table = table_new(headings);
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(answer, "cases"), i, row)
    {
        char time[CLI_TIME_BYTES];
        table_cell(table, "%s", text_of(row, "case"));
        table_cell(table, "%s", name_in(row, "origin"));
        table_cell(table, "%s", name_in(row, "receiving"));
        table_cell(table, "%s", when_text(cli, row, "last", time));
        table_cell(table, "%llu", (unsigned long long)number_of(row, "events"));
        table_cell(table, "%llu", (unsigned long long)number_of(row, "running"));
        table_cell(table, "%llu", (unsigned long long)number_of(row, "breached"));
        table_cell(table, "%s%s", when_of(row, "accepted") > 0 ? "accepted" : "not accepted",
            number_of(row, "dispute_stage") > 0 ? ", disputed" : "");
    }
    if (table_rows(table) == 0) {
        cli_say(cli, "No case yet.\n");
    } else {
        table_print(table, cli);
    }
    table_destroy(&table);
}

void hub_print_unopened(struct cli *cli, const json_t *answer)
{
    static const char *const headings[] = {
        "ACCEPTED", "AT", "EVENT", "FROM", "STATE", "CASE", NULL};
    table_t *table = table_new(headings);
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(answer, "events"), i, row)
    {
        char time[CLI_TIME_BYTES];
        table_cell(table, "%s", when_text(cli, row, "accepted", time));
        table_cell(table, "%s", name_in(row, "at_authority"));
        table_cell(table, "%s", text_of(row, "title"));
        table_cell(table, "%s", name_in(row, "from"));
        table_cell(table, "%s", when_of(row, "persisted") > 0 ? "not opened" : "not persisted");
        table_cell(table, "%s", text_of(row, "case"));
    }
    if (table_rows(table) == 0) {
        cli_say(cli, "Everything has been opened.\n");
    } else {
        table_print(table, cli);
    }
    table_destroy(&table);
}

/* ---- one case ---- */

static const char *verdict_text(const char *verdict)
{
    static const struct {
        const char *word;
        const char *text;
    } words[] = {
        {"alert", ", flagged"}, {"held", ", held"}, {"refused", ": delivered, changes nothing"}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, verdict) == 0) {
            return words[i].text;
        }
    }
    return "";
}

/* A line of the timeline of a case: what it says, without its time. */
static const char *row_text(const names_t *names, const json_t *row, char *out, size_t size)
{
    const char *type = text_of(row, "type");
    const json_t *event = json_object_get(row, "event");

    if (strcmp(type, "event") == 0) {
        (void)snprintf(out, size, "%s: %s%s", names_of(names, text_of(event, "from")),
            text_of(row, "title"), verdict_text(text_of(row, "verdict")));
    } else if (strcmp(type, "ack") == 0) {
        (void)snprintf(out, size, "%s: %s%s%s", names_of(names, text_of(row, "code")),
            text_of(row, "word"), text_of(row, "role")[0] == '\0' ? "" : " by ",
            text_of(row, "role"));
    } else {
        (void)snprintf(out, size, "%s%s%s%s%s", text_of(row, "title"),
            text_of(row, "name")[0] == '\0' ? "" : ": ", text_of(row, "name"),
            text_of(row, "says")[0] == '\0' ? "" : ": ", text_of(row, "says"));
    }
    return out;
}

static void put_children(struct cli *cli, const names_t *names, const json_t *answer)
{
    size_t i;
    json_t *child;

    json_array_foreach(json_object_get(answer, "children"), i, child)
    {
        const json_t *owners = json_object_get(json_object_get(child, "owners"), "case");
        const char *owner = json_string_value(json_array_get(owners, 0));
        cli_say(cli, "child %s%s%s\n", text_of(child, "child"),
            owner == NULL ? "" : "  case responsibility: ",
            owner == NULL ? "" : names_of(names, owner));
        size_t k;
        json_t *expected;
        json_array_foreach(json_object_get(child, "expected"), k, expected)
        {
            char time[CLI_TIME_BYTES];
            cli_say(cli, "    expected of %s: %s%s%s\n", names_of(names, text_of(expected, "code")),
                text_of(expected, "title"), when_of(expected, "due") > 0 ? " by " : "",
                when_text(cli, expected, "due", time));
        }
    }
}

static void put_clocks(struct cli *cli, const json_t *answer)
{
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(answer, "deadlines"), i, row)
    {
        char left[32];
        char binds[TEXT_BYTES];
        bool open = strcmp(text_of(row, "state"), "running") == 0;
        const char *late = text_of(row, "late_text");
        cli_say(cli, "  %-10s %-16s %s %s; %s%s%s\n", text_of(row, "state"),
            open ? hub_left_text(row, left) : text_of(row, "due"), text_of(row, "clock"),
            text_of(row, "name"), binds_text(row, binds, sizeof binds),
            late[0] == '\0' ? "" : "; met ", late);
    }
}

void hub_print_case(struct cli *cli, const json_t *answer)
{
    size_t i;
    json_t *row;

    cli_say(cli, "%scase %s%s  %s -> %s\n", cli_paint(cli, PAINT_BOLD), text_of(answer, "case"),
        cli_paint(cli, PAINT_END), name_in(answer, "origin"), name_in(answer, "receiving"));
    names_t *names = names_load(cli);
    put_children(cli, names, answer);
    if (json_array_size(json_object_get(answer, "deadlines")) > 0) {
        cli_say(cli, "\nDeadlines\n");
        put_clocks(cli, answer);
    }
    cli_say(cli, "\nTimeline\n");
    json_array_foreach(json_object_get(answer, "timeline"), i, row)
    {
        char time[CLI_TIME_BYTES];
        char text[400];
        cli_say(cli, "  %s  %s\n", when_text(cli, row, "at", time),
            row_text(names, row, text, sizeof text));
    }
    names_destroy(&names);
}
