/*
 * cmd_watch: what the agent receives, live, a line an entry. For a hub: the facts of its region.
 *
 * Ends when the agent goes away (exit 1, with the number from which to go on), after --count entries, or by a signal.
 */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/event_print.h"
#include "client/cli/level.h"
#include "client/cli/names.h"
#include "client/cli/watch_screen.h"
#include "client/cli/when.h"
#include "client/lib/waypost.h"
#include "common/base/banned.h"

struct watcher {
    struct cli *cli;
    const names_t *names;
    uint64_t last; /* number of the last entry, 0 before the first */
    uint64_t left; /* entries still wanted; UINT64_MAX for no end */
};

enum { ENOUGH = 1 };

static void put_event(const struct watcher *self, const json_t *entry, const json_t *event)
{
    struct cli *cli = self->cli;
    char time[CLI_TIME_BYTES];
    char to[160] = "";
    const json_t *first = json_array_get(json_object_get(event, "to"), 0);
    const char *code = json_is_string(first) ? json_string_value(first) : text_of(first, "code");
    const char *title = text_of(event, "title");
    snprintf(to, sizeof to, "%s", names_of(self->names, code));
    cli_say(cli, "%s  %s%s%s -> %s: %s%s%s\n", when_text(cli, event, "sent", time),
        cli_paint(cli, PAINT_BLUE), names_of(self->names, text_of(event, "from")),
        cli_paint(cli, PAINT_END), to, cli_paint(cli, PAINT_BOLD),
        title[0] == '\0' ? text_of(event, "kind") : title, cli_paint(cli, PAINT_END));
    if (cli_flag(cli, "facts")) {
        facts_print(cli, json_object_get(event, "facts"));
    }
    cli_say(cli, "    %s%s  no %llu%s\n", cli_paint(cli, PAINT_DIM), text_of(event, "id"),
        (unsigned long long)number_of(entry, "number"), cli_paint(cli, PAINT_END));
}

static void put_ack(const struct watcher *self, const json_t *entry)
{
    struct cli *cli = self->cli;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(entry, "levels"), i, row)
    {
        char time[CLI_TIME_BYTES];
        cli_say(cli, "%s  %s: %s%s%s  %s%s%s\n", when_text(cli, row, "at", time),
            names_of(self->names, text_of(row, "code")), cli_paint(cli, level_paint(level_of(row))),
            level_text(level_of(row)), cli_paint(cli, PAINT_END), cli_paint(cli, PAINT_DIM),
            text_of(row, "event"), cli_paint(cli, PAINT_END));
    }
}

static void put_record(const struct watcher *self, const json_t *entry)
{
    struct cli *cli = self->cli;
    const json_t *record = json_object_get(entry, "record");
    record = json_is_object(record) ? record : entry;
    char time[CLI_TIME_BYTES];
    const char *kind =
        text_of(record, "title")[0] == '\0' ? text_of(record, "kind") : text_of(record, "title");
    const char *says = text_of(record, "says");
    const char *name = text_of(record, "name")[0] == '\0' ? text_of(record, "clock_name")
                                                          : text_of(record, "name");
    when_text(cli, record, when_of(record, "recorded") > 0 ? "recorded" : "at", time);
    cli_say(cli, "%s%sbroker: %s%s%s%s%s%s%s  %s%s%s\n", time, time[0] == '\0' ? "" : "  ",
        cli_paint(cli, PAINT_YELLOW), kind[0] == '\0' ? "record" : kind,
        name[0] == '\0' ? "" : ": ", name, says[0] == '\0' ? "" : ": ", says,
        cli_paint(cli, PAINT_END), cli_paint(cli, PAINT_DIM), text_of(record, "event"),
        cli_paint(cli, PAINT_END));
}

static void put_entry(const struct watcher *self, const json_t *entry)
{
    const json_t *event = json_object_get(entry, "event");
    const char *type = text_of(entry, "type");
    if (strcmp(type, "ack") == 0) {
        put_ack(self, entry);
    } else if (strcmp(type, "record") == 0) {
        put_record(self, entry);
    } else if (strcmp(type, "held") == 0) {
        cli_say(self->cli, "an operator holds %s\n", text_of(entry, "id"));
    } else {
        put_event(self, entry, json_is_object(event) ? event : entry);
    }
    fflush(self->cli->out);
}

static int each_entry(void *context, const char *text)
{
    struct watcher *self = context;
    json_t *entry = cli_read(self->cli, text);
    if (entry == NULL) {
        return cli_fail(self->cli, E_MALFORMED, "the agent sent an entry that is not JSON");
    }
    self->last = number_of(entry, "number") > 0 ? number_of(entry, "number") : self->last;
    if (self->cli->json) {
        cli_json_line(self->cli, json_incref(entry));
    } else {
        put_entry(self, entry);
    }
    json_decref(entry);
    self->left -= self->left == UINT64_MAX ? 0 : 1;
    return self->left == 0 || ferror(self->cli->out) != 0 ? ENOUGH : 0;
}

static int run_watch(struct cli *cli)
{
    bool lines = cli_flag(cli, "plain") || cli_flag(cli, "facts") || cli->json ||
        cli_text(cli, "count") != NULL || cli_text(cli, "from") != NULL;

    if (!lines && watch_screen_possible(cli)) {
        return watch_screen_run(cli, cli_text(cli, "region"));
    }
    names_t *names = names_load(cli);
    struct watcher watcher = {
        .cli = cli, .names = names, .left = cli_number(cli, "count", UINT64_MAX)};
    wp_agent_t *agent = wp_agent_new(cli->socket);
    if (cli->terminal) {
        cli_hint(cli, "Watching; Ctrl-C ends it.\n");
    }
    int result =
        wp_watch(agent, cli_text(cli, "region"), cli_number(cli, "from", 0), each_entry, &watcher);
    int exit_code = CLI_DONE;
    if (result < 0 && watcher.last > 0) {
        exit_code = cli_fail(cli, result, "%s; go on with waypost watch --from %llu",
            wp_error_text(agent), (unsigned long long)watcher.last + 1);
    } else if (result < 0) {
        exit_code = cli_fail(cli, result, "%s", wp_error_text(agent));
    }
    wp_agent_destroy(&agent);
    names_destroy(&names);
    return exit_code;
}

static const struct cli_option watch_options[] = {
    {.name = "region",
        .argument = "REGION",
        .type = CLI_TEXT,
        .text = "for a hub: one region alone, by its ONS code"},
    {.name = "from",
        .argument = "NO",
        .type = CLI_NUMBER,
        .min = 1,
        .text = "begin with this number of the agent's stream; else with what comes from now on"},
    {.name = "count",
        .letter = 'n',
        .argument = "N",
        .type = CLI_NUMBER,
        .min = 1,
        .text = "end after so many entries"},
    {.name = "facts", .text = "print the facts of each event"},
    {.name = "plain", .text = "print lines on a terminal too, instead of the full screen"},
    {.name = NULL},
};

const struct cli_command cmd_watch[] = {
    {.name = "watch",
        .group = CLI_GROUP_EVENTS,
        .summary = "prints what comes in, as it comes in",
        .usage = "",
        .text =
            "On a terminal a full screen: what comes in, and at a hub deadlines, silence, and "
            "one case at a time; ? lists the keys.\n\n"
            "Elsewhere, and with --plain, --from, --count or --facts, a line for every entry as "
            "soon as it is durable here: events, "
            "acknowledgements, records of the broker. A hub sees the facts of its own region "
            "and nothing sealed, under ids of its own. With --json, one JSON object a line.",
        .example = "waypost watch --from 1 --json",
        .options = watch_options,
        .run = run_watch,
        .needs_agent = true},
    {.name = NULL},
};
