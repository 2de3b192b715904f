/* cases_print: see cases_print.h. */
#include "client/cli/cases_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/table.h"
#include "client/cli/when.h"
#include "client/cli/wrap.h"
#include "common/base/bytes.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { BINDS_BYTES = 200, EXPECTED_INDENT = 4 };

const char *due_print(const struct cli *cli, const json_t *row, char *text)
{
    const char *due = text_of(row, "due");
    int32_t day;

    if (due[0] == '\0') {
        (void)snprintf(text, CLI_TIME_BYTES, "no limit");
        return text;
    }
    return civil_date_parse(due, &day) == 0 ? cli_day(cli, day, text)
                                            : when_text(cli, row, "due", text);
}

static const char *actors_text(const json_t *clock, const names_t *names, char *text, size_t size)
{
    size_t used = 0;
    size_t i;
    json_t *code;

    (void)snprintf(text, size, "nobody: a guide");
    json_array_foreach(json_object_get(clock, "must_act"), i, code)
    {
        int len = used < size ? snprintf(text + used, size - used, "%s%s", i == 0 ? "" : ", ",
                                    names_of(names, json_string_value(code)))
                              : 0;
        used += len > 0 ? (size_t)len : 0;
    }
    return text;
}

static const char *state_text(const json_t *clock, char *text, size_t size)
{
    bool late = number_of(clock, "late") > 0;
    int len = snprintf(text, size, "%s%s", text_of(clock, "state"),
        flag_of(clock, "provisional") ? ", provisional" : "");

    if (late && len > 0 && (size_t)len < size) {
        (void)snprintf(text + len, size - (size_t)len, ", %s", text_of(clock, "late_text"));
    }
    return text;
}

static enum cli_paint state_paint(const char *state)
{
    return strcmp(state, "breached") == 0 ? PAINT_RED
        : strcmp(state, "running") == 0   ? PAINT_YELLOW
        : strcmp(state, "met") == 0       ? PAINT_GREEN
                                          : PAINT_DIM;
}

static int64_t runs_out_of(const json_t *clock)
{
    int64_t ms = when_of(clock, "runs_out");

    return ms == 0 ? INT64_MAX : ms;
}

static int by_due(const void *a, const void *b)
{
    int64_t left = runs_out_of(*(json_t *const *)a);
    int64_t right = runs_out_of(*(json_t *const *)b);

    return (left > right) - (left < right);
}

void clocks_print(struct cli *cli, const json_t *clocks, const names_t *names, bool with_transfer)
{
    static const char *const headings[] = {"DUE", "CLOCK", "MUST ACT", "STATE", NULL};
    size_t count = json_array_size(clocks);
    json_t **sorted = mem_new(count, sizeof *sorted);
    table_t *table = table_new(headings);

    for (size_t i = 0; i < count; i++) {
        sorted[i] = json_array_get(clocks, i);
    }
    if (count > 1) {
        qsort(sorted, count, sizeof *sorted, by_due);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *clock = sorted[i];
        char text[BINDS_BYTES];
        const char *label = text_of(clock, "label");
        table_cell(table, "%s", due_print(cli, clock, text));
        table_cell(table, "%s %s", text_of(clock, "clock"), text_of(clock, "name"));
        table_cell(table, "%s", actors_text(clock, names, text, sizeof text));
        table_cell_painted(table, state_paint(text_of(clock, "state")), "%s",
            state_text(clock, text, sizeof text));
        if (with_transfer) {
            table_below(table, "%s, %s", label[0] != '\0' ? label : text_of(clock, "transfer"),
                text_of(clock, "child"));
        }
    }
    table_print(table, cli);
    table_destroy(&table);
    free(sorted);
}

/* " (conference_held or review)": the kinds of event that settle it; nothing where none does. */
static void put_kinds(struct buf *out, const json_t *kinds)
{
    size_t count = json_array_size(kinds);

    for (size_t i = 0; i < count; i++) {
        buf_put_text(out, "%s%s",
            i == 0               ? " ("
                : i + 1 == count ? " or "
                                 : ", ",
            json_string_value(json_array_get(kinds, i)));
    }
    buf_put_text(out, "%s", count > 0 ? ")" : "");
}

static void put_expected(struct cli *cli, const json_t *row, const names_t *names)
{
    char time[CLI_TIME_BYTES];
    char head[BINDS_BYTES];
    struct buf text = {0};
    bool overdue = flag_of(row, "overdue");
    const char *about = text_of(row, "about");

    (void)snprintf(head, sizeof head, "  %s of %s: ", overdue ? "overdue" : "expected",
        names_of(names, text_of(row, "code")));
    if (about[0] != '\0') {
        buf_put_text(&text, "%s \"%s\"", text_of(row, "what"), about);
    } else {
        buf_put_text(&text, "%s %s", text_of(row, "id"), text_of(row, "what"));
    }
    put_kinds(&text, json_object_get(row, "kinds"));
    if (text_of(row, "due")[0] != '\0') {
        buf_put_text(&text, ", %s %s", overdue ? "was due" : "by", due_print(cli, row, time));
    } else {
        buf_put_text(&text, ", since %s", when_text(cli, row, "since", time));
    }
    buf_put_u8(&text, 0);
    fprintf(cli->out, "%s%s", overdue ? cli_paint(cli, PAINT_RED) : "", head);
    wrap_put(cli->out, (const char *)text.data, EXPECTED_INDENT, wrap_columns(head), cli->width);
    fputs(overdue ? cli_paint(cli, PAINT_END) : "", cli->out);
    buf_free(&text);
}

void expected_print(struct cli *cli, const json_t *expected, const names_t *names)
{
    size_t i;
    json_t *row;

    cli_say(cli, "%s", json_array_size(expected) > 0 ? "\n" : "");
    json_array_foreach(expected, i, row)
    {
        put_expected(cli, row, names);
    }
}

static const struct {
    const char *dimension;
    const char *text;
} dimensions[] = {
    {"case", "case responsibility"},
    {"immediate_safeguarding", "immediate safeguarding"},
    {"assessment", "assessment"},
    {"conference_convening", "convening the conference"},
    {"reports", "reports"},
    {"rent_subsistence", "rent and subsistence"},
    {"other_services_cost", "cost of other services"},
    {"support_meanwhile", "support meanwhile"},
    {"data_recording", "recording the child"},
};

void owners_print(struct cli *cli, const json_t *owners, const names_t *names, bool all)
{
    const char *case_owner = json_string_value(json_array_get(json_object_get(owners, "case"), 0));

    for (size_t d = 0; d < sizeof dimensions / sizeof dimensions[0]; d++) {
        const json_t *codes = json_object_get(owners, dimensions[d].dimension);
        const char *first = json_string_value(json_array_get(codes, 0));
        bool same = first != NULL && case_owner != NULL && strcmp(first, case_owner) == 0 &&
            json_array_size(codes) == 1;
        if (first == NULL || (d > 0 && same && !all)) {
            continue;
        }
        cli_say(cli, "  %-26s", dimensions[d].text);
        size_t i;
        json_t *code;
        json_array_foreach(codes, i, code)
        {
            char text[BINDS_BYTES];
            cli_say(cli, "%s%s", i == 0 ? "" : ", ",
                names_full(names, json_string_value(code), text, sizeof text));
        }
        cli_say(cli, "\n");
    }
}

const char *judged_text(const json_t *row, char *text, size_t size)
{
    static const struct {
        const char *word;
        const char *text;
    } words[] = {{"effective", "effective"}, {"alert", "effective, flagged"},
        {"refused", "refused"}, {"held", "held"}};
    const char *judged = text_of(row, "judged");
    const char *rules = text_of(row, "rules_text");

    text[0] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, judged) == 0) {
            (void)snprintf(
                text, size, "%s%s%s", words[i].text, rules[0] == '\0' ? "" : ": ", rules);
        }
    }
    return text;
}
