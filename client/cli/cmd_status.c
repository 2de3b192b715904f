/*
 * cmd_status: status, alarms, listening: how this agent is, and whether the other side is there.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/event_print.h"
#include "client/cli/names.h"
#include "client/cli/table.h"
#include "client/cli/when.h"
#include "client/cli/wrap.h"
#include "common/base/banned.h"

enum { HUB_ROWS = 1000 }; /* counted at a hub; beyond it "or more" is said */

/* ---- status ---- */

static enum cli_paint state_paint(const char *state)
{
    if (strcmp(state, "online") == 0) {
        return PAINT_GREEN;
    }
    return strcmp(state, "connecting") == 0 ? PAINT_YELLOW : PAINT_RED;
}

static void put_connection(struct cli *cli, const json_t *answer)
{
    char time[CLI_TIME_BYTES];
    const char *state = text_of(answer, "state");
    const char *endpoint = text_of(answer, "endpoint");
    when_text(cli, answer, "since", time);
    line_print(cli, "Broker", "%s%s%s%s%s%s%s", cli_paint(cli, state_paint(state)), state,
        cli_paint(cli, PAINT_END), endpoint[0] == '\0' ? "" : " at ", endpoint,
        time[0] == '\0' ? "" : " since ", time);
}

static void put_keys(struct cli *cli, const json_t *answer)
{
    size_t i;
    json_t *key;
    json_array_foreach(json_object_get(answer, "keys"), i, key)
    {
        char time[CLI_TIME_BYTES];
        when_text(cli, key, "to", time);
        line_print(cli, i == 0 ? "Keys" : "", "%s %s%s%s", text_of(key, "use"), text_of(key, "id"),
            time[0] == '\0' ? ", without an end" : ", valid until ", time);
    }
}

/* A line each where it goes elsewhere than to a terminal. */
static void put_alarm(struct cli *cli, const json_t *alarm)
{
    enum { INDENT = 4, ALARM_BYTES = 1024 };
    unsigned width = cli->terminal ? cli->width : UINT_MAX;
    const char *name = text_of(alarm, "name");
    char time[CLI_TIME_BYTES];
    char text[ALARM_BYTES] = "";
    fprintf(cli->out, "%s%s%s ", cli_paint(cli, PAINT_RED), name, cli_paint(cli, PAINT_END));
    snprintf(text, sizeof text, "since %s: %s", when_text(cli, alarm, "since", time),
        text_of(alarm, "text"));
    wrap_put(cli->out, text, INDENT, wrap_columns(name) + 1, width);
    if (json_object_get(alarm, "owner") != NULL) {
        snprintf(text, sizeof text, "taken on by %s", text_of(alarm, "owner"));
        wrap_put(cli->out, text, INDENT, 0, width);
    } else if (json_object_get(alarm, "act") != NULL) {
        snprintf(text, sizeof text, "to act: %s. %s", text_of(alarm, "act"), text_of(alarm, "do"));
        wrap_put(cli->out, text, INDENT, 0, width);
    }
}

static void put_alarms(struct cli *cli, const json_t *answer)
{
    size_t i;
    json_t *alarm;
    json_array_foreach(json_object_get(answer, "alarms"), i, alarm)
    {
        if (!cli->json) {
            put_alarm(cli, alarm);
        }
    }
}

static bool has_role(const json_t *answer, const char *role)
{
    size_t i;
    json_t *word;

    json_array_foreach(json_object_get(answer, "roles"), i, word)
    {
        if (strcmp(json_string_value(word), role) == 0) {
            return true;
        }
    }
    return false;
}

/* What waits at an authority: a hub and an operator have no boxes. */
static void put_boxes(struct cli *cli, const json_t *answer)
{
    line_print(cli, "Outbox", "%llu not yet accepted by the broker",
        (unsigned long long)number_of(answer, "outbox"));
    line_print(
        cli, "Inbox", "%llu not opened", (unsigned long long)number_of(answer, "inbox_unopened"));
    if (number_of(answer, "openings") > 0) {
        line_print(cli, "Openings", "%llu the broker does not know of yet",
            (unsigned long long)number_of(answer, "openings"));
    }
}

static void put_deadlines(struct cli *cli, const json_t *answer)
{
    const json_t *deadlines = json_object_get(answer, "deadlines");
    uint64_t overdue = number_of(deadlines, "overdue");
    uint64_t own = number_of(deadlines, "own_overdue");

    if (deadlines == NULL) {
        return;
    }
    if (overdue == 0) {
        line_print(cli, "Deadlines", "%llu running, none overdue",
            (unsigned long long)number_of(deadlines, "running"));
        return;
    }
    line_print(cli, "Deadlines", "%llu running, %s%llu overdue%s, %llu of them ours to act on: %s",
        (unsigned long long)number_of(deadlines, "running"),
        cli_paint(cli, own > 0 ? PAINT_RED : PAINT_YELLOW), (unsigned long long)overdue,
        cli_paint(cli, PAINT_END), (unsigned long long)own, "waypost clocks");
}

/* Of its region, as its own list has them. */
static void put_missed(struct cli *cli)
{
    json_t *answer = NULL;

    if (cli_ask(cli,
            json_pack("{s:s, s:b, s:i}", "op", "hub_deadlines", "breached", 1, "limit", HUB_ROWS),
            &answer) != CLI_DONE) {
        return;
    }
    size_t count = json_array_size(json_object_get(answer, "deadlines"));
    line_print(cli, "Deadlines", "%s%zu%s missed and open%s%s%s",
        cli_paint(cli, count > 0 ? PAINT_RED : PAINT_END), count,
        flag_of(answer, "more") ? " or more" : "", cli_paint(cli, PAINT_END), count > 0 ? ": " : "",
        count > 0 ? "waypost hub deadlines --missed" : "");
    json_decref(answer);
}

static void put_status(struct cli *cli, const json_t *answer, const names_t *names)
{
    char text[200];
    const char *code = text_of(answer, "code");
    const char *agent = text_of(answer, "agent");
    line_print(cli, "Agent", "%s%s%s",
        code[0] == '\0' ? "of no authority" : names_full(names, code, text, sizeof text),
        strcmp(code, agent) == 0 ? "" : ", agent ", strcmp(code, agent) == 0 ? "" : agent);
    line_print(cli, "Network", "%s, register version %llu", text_of(answer, "network"),
        (unsigned long long)number_of(answer, "register_version"));
    put_connection(cli, answer);
    if (has_role(answer, "authority")) {
        put_boxes(cli, answer);
        put_deadlines(cli, answer);
    } else if (has_role(answer, "hub")) {
        put_missed(cli);
    }
    put_keys(cli, answer);
    if (json_array_size(json_object_get(answer, "alarms")) > 0) {
        cli_say(cli, "\n");
        put_alarms(cli, answer);
    }
}

static int run_status(struct cli *cli)
{
    json_t *answer = NULL;
    int exit_code = cli_ask(cli, json_pack("{s:s, s:b}", "op", "status", "deadlines", 1), &answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    if (cli->json) {
        cli_json(cli, answer);
        return CLI_DONE;
    }
    names_t *names = names_load(cli);
    put_status(cli, answer, names);
    names_destroy(&names);
    json_decref(answer);
    return CLI_DONE;
}

/* ---- alarms, own ---- */

static json_t *alarms_request(struct cli *cli)
{
    return json_pack("{s:s}", "op", cli_flag(cli, "broker") ? "broker_alarms" : "alarms");
}

static void show_alarms(struct cli *cli, const json_t *answer)
{
    if (json_array_size(json_object_get(answer, "alarms")) == 0) {
        cli_say(cli, "No alarms.\n");
        return;
    }
    put_alarms(cli, answer);
    cli_tell(cli, "\nwaypost own NAME%s takes one on: it is then told to nobody else.",
        cli_flag(cli, "broker") ? " --broker" : "");
}

static int run_alarms(struct cli *cli)
{
    json_t *answer = NULL;
    int exit_code = cli_ask(cli, alarms_request(cli), &answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    size_t count = json_array_size(json_object_get(answer, "alarms"));
    if (cli->json) {
        cli_json(cli, json_incref(answer));
    } else {
        show_alarms(cli, answer);
    }
    json_decref(answer);
    return count == 0 ? CLI_DONE : CLI_NO;
}

static int run_own(struct cli *cli)
{
    json_t *request = alarms_request(cli);
    json_t *answer = NULL;

    json_object_set_new(request, "own", json_string(cli->args[0]));
    if (cli_text(cli, "by") != NULL) {
        json_object_set_new(request, "by", json_string(cli_text(cli, "by")));
    }
    int exit_code = cli_ask(cli, request, &answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    if (cli->json) {
        cli_json(cli, json_incref(answer));
    } else {
        cli_tell(cli, "%s is taken on by %s; that is recorded.", cli->args[0],
            cli_text(cli, "by") == NULL ? "somebody" : cli_text(cli, "by"));
    }
    json_decref(answer);
    return CLI_DONE;
}

/* ---- listening ---- */

static int64_t ms_member(const json_t *object, const char *name, const char *name_ms)
{
    int64_t ms = when_of(object, name);
    return ms > 0 ? ms : when_of(object, name_ms);
}

static void put_listening(
    struct cli *cli, const json_t *answer, const char *asked, const names_t *names)
{
    char who[200];
    char time[CLI_TIME_BYTES];
    const char *code = text_of(answer, "code")[0] == '\0' ? asked : text_of(answer, "code");
    names_full(names, code, who, sizeof who);
    if (strcmp(code, asked) != 0) {
        cli_tell(cli, "%s has been superseded; %s answers now.", asked, who);
    }
    if (!flag_of(answer, "registered")) {
        cli_tell(cli,
            "%sNo.%s %s has no agent in the register. Events wait at the broker until it has "
            "one.",
            cli_paint(cli, PAINT_RED), cli_paint(cli, PAINT_END), who);
        return;
    }
    if (flag_of(answer, "connected")) {
        cli_say(cli, "%sYes.%s %s is connected.\n", cli_paint(cli, PAINT_GREEN),
            cli_paint(cli, PAINT_END), who);
    } else {
        cli_say(cli, "%sNot now.%s %s was last heard of: %s.\n", cli_paint(cli, PAINT_YELLOW),
            cli_paint(cli, PAINT_END), who,
            cli_time(cli, ms_member(answer, "last_contact", "last_contact_ms"), time));
    }
    uint64_t pending = number_of(answer, "pending");
    if (pending > 0) {
        cli_tell(cli, "Waiting for it: %llu, the oldest since %s.", (unsigned long long)pending,
            cli_time(cli, ms_member(answer, "oldest_pending", "oldest_pending_ms"), time));
    }
    uint64_t unopened = number_of(answer, "unopened");
    if (unopened > 0) {
        cli_tell(cli, "On its system and not opened by anybody: %llu, the oldest for %s.",
            (unsigned long long)unopened,
            cli_age((int64_t)number_of(answer, "oldest_unopened_ms"), time));
    }
}

static int run_listening(struct cli *cli)
{
    names_t *names = names_load(cli);
    const char *code = names_code(names, cli->args[0]);
    code = code == NULL ? cli->args[0] : code;
    json_t *answer = NULL;
    int exit_code =
        cli_ask(cli, json_pack("{s:s, s:s?}", "op", "listening", "code", code), &answer);
    if (exit_code == CLI_DONE) {
        exit_code = flag_of(answer, "connected") ? CLI_DONE : CLI_NO;
        if (cli->json) {
            cli_json(cli, json_incref(answer));
        } else {
            put_listening(cli, answer, code, names);
        }
    }
    json_decref(answer);
    names_destroy(&names);
    return exit_code;
}

/* ---- tables ---- */

static const struct cli_option alarms_options[] = {
    {.name = "broker", .letter = 'b', .text = "those of the broker; needs an operator's agent"},
    {.name = NULL},
};

static const struct cli_option own_options[] = {
    {.name = "by",
        .argument = "ROLE",
        .type = CLI_TEXT,
        .text = "the role or team that takes it on, no person's name; else \"somebody\""},
    {.name = "broker", .letter = 'b', .text = "an alarm of the broker; needs an operator's agent"},
    {.name = NULL},
};

const struct cli_command cmd_status[] = {
    {.name = "listening",
        .group = CLI_GROUP_EVENTS,
        .summary = "is anyone listening at another authority?",
        .usage = "CODE",
        .text = "Asks the broker about the agent of an authority: whether it is connected, when it "
                "was last heard of, "
                "what waits for it, and what lies there unopened. CODE is a code or a name. Exit 0 "
                "where it is connected, "
                "1 where it is not.",
        .example = "waypost listening Camden",
        .args_min = 1,
        .args_max = 1,
        .run = run_listening,
        .needs_agent = true},
    {.name = "status",
        .group = CLI_GROUP_OPERATE,
        .summary = "how this agent is",
        .usage = "",
        .text =
            "Prints who the agent is, whether it reaches the broker, what waits in outbox and "
            "inbox, how many deadlines run and are overdue, its keys and its alarms; of a hub the "
            "deadlines of its region that were missed.",
        .run = run_status,
        .needs_agent = true},
    {.name = "alarms",
        .group = CLI_GROUP_OPERATE,
        .summary = "what needs somebody now",
        .usage = "",
        .text =
            "Prints the alarms of this agent, who must act on each and what to do. They are told "
            "again and again, by alarm-command and alarm-mail of the configuration, until "
            "somebody takes them on with waypost own. Exit 0 where there are none, 1 where "
            "there are.",
        .options = alarms_options,
        .run = run_alarms,
        .needs_agent = true},
    {.name = "own",
        .group = CLI_GROUP_OPERATE,
        .summary = "takes an alarm on",
        .usage = "ALARM",
        .text = "Says that somebody takes care of an alarm; who, and when, is recorded. It is then "
                "told no more, unless it says something new. One that tells of something that "
                "happened goes; one that tells of a state goes by itself when the state ends.",
        .example = "waypost own event_dead --by \"duty desk\"",
        .args_min = 1,
        .args_max = 1,
        .options = own_options,
        .run = run_own,
        .needs_agent = true},
    {.name = NULL},
};
