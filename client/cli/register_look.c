/*
 * register_look: the commands that read a register: list, show, check, fingerprint, diff. Nothing is changed.
 */
#include "client/cli/register_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/register_file.h"
#include "client/cli/table.h"
#include "common/base/bytes.h"
#include "common/base/civil.h"
#include "common/base/world.h"
#include "common/register/report.h"
#include "common/register/source.h"
#include "common/base/banned.h"

/* ---- list ---- */

static bool is_wanted(struct cli *cli, const struct register_authority *authority)
{
    const char *region = cli_text(cli, "region");

    return region == NULL || strcmp(authority->region_code, region) == 0 ||
        strcmp(authority->region, region) == 0;
}

static void put_authority(table_t *table, const register_t *book,
    const struct register_authority *authority, int32_t today)
{
    const struct register_agent *agent = register_agent_serving(book, authority->code);
    char day[CIVIL_DATE_BYTES];

    table_cell(table, "%s", authority->code);
    table_cell(table, "%s", authority->name);
    table_cell(table, "%s", authority->dfe);
    table_cell(table, "%s", authority->region);
    table_cell(table, "%s", authority->profile);
    if (today >= authority->until_day) {
        civil_date_text(authority->until_day, day);
        table_cell_painted(table, PAINT_DIM, "until %s", day);
    } else {
        table_cell(table, "%s", agent != NULL ? agent->id : "no agent");
    }
}

static void list_authorities(struct cli *cli, const register_t *book)
{
    static const char *const headings[] = {
        "CODE", "NAME", "DFE", "REGION", "PROFILE", "AGENT", NULL};
    table_t *table = table_new(headings);
    json_t *rows = json_array();

    for (size_t i = 0; i < register_authority_count(book); i++) {
        const struct register_authority *authority = register_authority_at(book, i);
        if (is_wanted(cli, authority)) {
            put_authority(table, book, authority, civil_london_day(cli->now_ms));
            json_array_append_new(rows, register_authority_json(authority));
        }
    }
    table_print(table, cli);
    table_destroy(&table);
    if (cli->json) {
        json_t *whole = register_head_json(book);
        json_object_set(whole, "list", rows);
        cli_json(cli, whole);
    }
    json_decref(rows);
}

static void put_agent(struct cli *cli, table_t *table, const struct register_agent *agent)
{
    static const char *const names[] = {"authority", "hub", "operator"};
    const struct register_key *valid[1];
    char roles[48] = "";
    size_t len = 0;

    for (int i = 0; i < 3; i++) {
        if (register_agent_has_role(agent, (enum register_role)(i + 1))) {
            len += (size_t)snprintf(
                roles + len, sizeof roles - len, "%s%s", len > 0 ? ", " : "", names[i]);
        }
    }
    table_cell(table, "%s", agent->id);
    table_cell(table, "%s", roles);
    table_cell(table, "%zu", agent->key_count);
    if (agent->revoked_ms <= cli->now_ms) {
        table_cell_painted(table, PAINT_RED, "revoked");
    } else if (register_keys_valid(agent, REGISTER_KEY_SIGN, cli->now_ms, valid, 1) == 0) {
        table_cell_painted(table, PAINT_RED, "no valid key");
    } else {
        table_cell(table, "in force");
    }
}

static void list_agents(struct cli *cli, const register_t *book)
{
    static const char *const headings[] = {"AGENT", "ROLES", ">KEYS", "STATE", NULL};
    table_t *table = table_new(headings);
    json_t *rows = json_array();

    for (size_t i = 0; i < register_agent_count(book); i++) {
        put_agent(cli, table, register_agent_at(book, i));
        json_array_append_new(rows, register_agent_json(register_agent_at(book, i)));
    }
    table_print(table, cli);
    table_destroy(&table);
    if (cli->json) {
        json_t *whole = register_head_json(book);
        json_object_set(whole, "list", rows);
        cli_json(cli, whole);
    }
    json_decref(rows);
}

int register_list(struct cli *cli)
{
    register_t *book = NULL;

    int exit_code = register_file_or_agent(cli, &book);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    if (cli_flag(cli, "agents")) {
        list_agents(cli, book);
    } else {
        list_authorities(cli, book);
    }
    register_destroy(&book);
    return CLI_DONE;
}

/* ---- show ---- */

/* What becomes of an event that is addressed to this code today. */
static void say_route(struct cli *cli, const register_t *book, const char *code)
{
    const struct register_authority *to = NULL;

    switch (register_route(book, code, civil_london_day(cli->now_ms), &to)) {
    case ROUTE_SUCCESSOR:
        cli_say(cli, "Events       go to its successor %s (%s)\n", to->code, to->name);
        break;
    case ROUTE_SPLIT:
        cli_say(cli, "Events       come back to their sender, who chooses among:");
        for (size_t i = 0; i < to->successor_count; i++) {
            const struct register_authority *one = register_authority_of(book, to->successors[i]);
            cli_say(cli, "%s %s (%s)", i > 0 ? "," : "", one->code, one->name);
        }
        cli_say(cli, "\n");
        break;
    case ROUTE_ABOLISHED:
        cli_say(cli,
            "Events       come back to their sender: the register names nobody who follows %s\n",
            to->code);
        break;
    case ROUTE_DIRECT:
    case ROUTE_UNKNOWN:
        break;
    }
}

static void say_day(struct cli *cli, const char *label, int32_t day)
{
    char text[CIVIL_DATE_BYTES];

    if (day != INT32_MIN && day != INT32_MAX) {
        civil_date_text(day, text);
        cli_say(cli, "%s%s\n", label, text);
    }
}

static void say_keys(struct cli *cli, const struct register_agent *agent)
{
    static const char *const headings[] = {"USE", "KEY ID", "FROM", "TO", "STATE", NULL};
    static const char *const uses[] = {"", "curve", "sign", "seal"};
    table_t *table = table_new(headings);

    for (size_t i = 0; i < agent->key_count; i++) {
        const struct register_key *key = &agent->keys[i];
        char id[2 * KEY_ID_BYTES + 1];
        char time[CLI_TIME_BYTES];
        int rc = register_key_valid(agent, key, cli->now_ms);
        hex_encode(key->key_id, KEY_ID_BYTES, id);
        table_cell(table, "%s", key->use < 4 ? uses[key->use] : "later");
        table_cell(table, "%s", id);
        table_cell(table, "%s", cli_time(cli, key->from_ms, time));
        table_cell(
            table, "%s", key->to_ms == INT64_MAX ? "no end" : cli_time(cli, key->to_ms, time));
        table_cell_painted(table, rc == 0 ? PAINT_GREEN : PAINT_RED, "%s",
            rc == 0               ? "valid"
                : rc == E_REVOKED ? "revoked"
                                  : "not valid now");
    }
    table_print(table, cli);
    table_destroy(&table);
}

static void say_authority(
    struct cli *cli, const register_t *book, const struct register_authority *authority)
{
    cli_say(cli, "%s%s%s  %s\n", cli_paint(cli, PAINT_BOLD), authority->code,
        cli_paint(cli, PAINT_END), authority->name);
    if (authority->dfe[0] != '\0') {
        cli_say(cli, "DfE number   %s\n", authority->dfe);
    }
    cli_say(cli, "Region       %s %s\n", authority->region, authority->region_code);
    cli_say(cli, "Profile      %s\n", authority->profile);
    say_day(cli, "In force     from ", authority->from_day);
    say_day(cli, "Superseded   from ", authority->until_day);
    say_route(cli, book, authority->code);
}

static int show(struct cli *cli, const register_t *book, const char *wanted)
{
    const struct register_authority *authority = register_authority_of(book, wanted);
    const struct register_agent *agent = register_agent_serving(book, wanted);

    if (agent == NULL) {
        agent = register_agent_of(book, wanted);
    }
    if (authority == NULL && agent == NULL) {
        const char *near = register_authority_nearest(book, wanted);
        return near == NULL ? cli_fail(cli, E_NOT_FOUND,
                                  "\"%.40s\" is neither an authority nor an agent in the register; "
                                  "waypost register list has all",
                                  wanted)
                            : cli_fail(cli, E_NOT_FOUND,
                                  "\"%.40s\" is neither an authority nor an agent in the register; "
                                  "did you mean %s (%s)?",
                                  wanted, near, register_authority_of(book, near)->name);
    }
    if (cli->json) {
        cli_json(cli,
            json_pack("{s:o?, s:o?}", "authority",
                authority != NULL ? register_authority_json(authority) : NULL, "agent",
                agent != NULL ? register_agent_json(agent) : NULL));
        return CLI_DONE;
    }
    if (authority != NULL) {
        say_authority(cli, book, authority);
    }
    if (agent == NULL) {
        cli_say(cli, "Agent        none: nobody listens for it yet\n");
        return CLI_DONE;
    }
    cli_say(cli, "Agent        %s%s\n\n", agent->id,
        agent->revoked_ms <= cli->now_ms ? " (revoked)" : "");
    say_keys(cli, agent);
    return CLI_DONE;
}

int register_show(struct cli *cli)
{
    register_t *book = NULL;

    int exit_code = register_file_or_agent(cli, &book);
    if (exit_code == CLI_DONE) {
        exit_code = show(cli, book, cli->args[0]);
        register_destroy(&book);
    }
    return exit_code;
}

/* ---- check and fingerprint ---- */

void register_join_of(const register_t *book, struct join *out)
{
    *out = (struct join){
        .root_count = register_root_count(book), .threshold = register_threshold(book)};
    (void)snprintf(out->network, sizeof out->network, "%s", register_network(book));
    for (size_t i = 0; i < out->root_count; i++) {
        memcpy(out->roots[i], register_root_at(book, i), sizeof out->roots[i]);
    }
    for (size_t i = 0; i < register_broker_count(book) && i < JOIN_ENDPOINTS_MAX; i++) {
        const struct register_broker *broker = register_broker_at(book, i);
        if (i == 0) {
            out->has_broker = true;
            memcpy(out->broker_curve, broker->curve_key, sizeof out->broker_curve);
            memcpy(out->broker_head, broker->head_key, sizeof out->broker_head);
        }
        if (memcmp(out->broker_curve, broker->curve_key, sizeof out->broker_curve) == 0) {
            (void)snprintf(out->endpoints[out->endpoint_count++], sizeof out->endpoints[0], "%s",
                broker->endpoint);
        }
    }
}

static bool is_source(const char *path)
{
    size_t len = strlen(path);

    return len > 4 && strcmp(path + len - 4, ".zpl") == 0;
}

/* A source is compiled, and what came of it forgotten. */
static int check_source(struct cli *cli, const char *path)
{
    struct buf body = {0};
    struct complaint why = {0};

    int rc = register_source_compile(path, world_real(), NULL, &body, &why);
    size_t len = body.len;
    buf_free(&body);
    if (rc != 0) {
        return cli_fail_why(cli, &why);
    }
    if (cli->json) {
        cli_json(cli, json_pack("{s:b, s:I}", "ok", 1, "bytes", (json_int_t)len));
    }
    cli_say(cli, "%s can be signed: a register of %zu bytes\n", path, len);
    return CLI_DONE;
}

int register_check(struct cli *cli)
{
    register_t *book = NULL;
    struct join join;
    char fingerprint[JOIN_FINGERPRINT_BYTES];
    char time[CLI_TIME_BYTES];

    if (is_source(cli->args[0])) {
        return check_source(cli, cli->args[0]);
    }
    int exit_code = register_file_load(cli, cli->args[0], cli_text(cli, "join"), &book);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    register_join_of(book, &join);
    join_fingerprint(&join, fingerprint);
    if (cli->json) {
        json_t *head = register_head_json(book);
        json_object_set_new(head, "ok", json_true());
        json_object_set_new(head, "fingerprint", json_string(fingerprint));
        cli_json(cli, head);
    }
    cli_say(cli, "Network      %s\nVersion      %" PRIu64 ", issued %s\n", register_network(book),
        register_version(book), cli_time(cli, register_issued_ms(book), time));
    cli_say(cli, "Holds        %zu authorities, %zu agents, %zu brokers\n",
        register_authority_count(book), register_agent_count(book), register_broker_count(book));
    cli_say(cli, "Signatures   enough: %" PRIu32 " of %zu roots are needed\n",
        register_threshold(book), register_root_count(book));
    cli_say(cli, "Fingerprint  %s\n", fingerprint);
    if (cli_text(cli, "join") == NULL) {
        cli_say(cli,
            "\nIt is whole and signed by the roots that it names itself; --join FILE says whether "
            "they are yours.\n");
    }
    register_destroy(&book);
    return CLI_DONE;
}

int register_fingerprint(struct cli *cli)
{
    char fingerprint[JOIN_FINGERPRINT_BYTES];
    struct complaint why = {0};
    struct join join;

    if (join_load(cli->args[0], &join, &why) != 0) {
        register_t *book = NULL;
        int exit_code = register_file_load(cli, cli->args[0], NULL, &book);
        if (exit_code != CLI_DONE) {
            return exit_code;
        }
        register_join_of(book, &join);
        register_destroy(&book);
    }
    join_fingerprint(&join, fingerprint);
    if (cli->json) {
        cli_json(cli, json_pack("{s:s, s:s}", "network", join.network, "fingerprint", fingerprint));
    }
    cli_say(cli, "%s\n", fingerprint);
    cli_hint(cli, "Read it to the registrar by telephone: all ten groups must be the same.\n");
    return CLI_DONE;
}

/* ---- diff ---- */

static void say_change(struct cli *cli, const json_t *change)
{
    const char *kind = json_string_value(json_object_get(change, "change"));
    const json_t *before = json_object_get(change, "before");
    const json_t *after = json_object_get(change, "after");
    bool changed = before != NULL && after != NULL;
    enum cli_paint paint = changed ? PAINT_YELLOW : after != NULL ? PAINT_GREEN : PAINT_RED;
    const char *name;
    json_t *value;

    cli_say(cli, "%s%-8s%s %s %s\n", cli_paint(cli, paint), kind, cli_paint(cli, PAINT_END),
        json_string_value(json_object_get(change, "what")),
        json_string_value(json_object_get(change, "id")));
    if (!changed) {
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)before, name, value)
    {
        json_t *now = json_object_get(after, name);
        if (now == NULL || !json_equal(value, now)) {
            char *old_text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
            char *new_text = now == NULL ? NULL : json_dumps(now, JSON_COMPACT | JSON_ENCODE_ANY);
            cli_say(cli, "         %s: %s -> %s\n", name, old_text,
                new_text != NULL ? new_text : "none");
            free(old_text);
            free(new_text);
        }
    }
    json_object_foreach((json_t *)(uintptr_t)after, name, value)
    {
        if (json_object_get(before, name) == NULL) {
            char *new_text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
            cli_say(cli, "         %s: none -> %s\n", name, new_text);
            free(new_text);
        }
    }
}

int register_diff_files(struct cli *cli)
{
    register_t *before = NULL;
    register_t *after = NULL;
    size_t i;
    json_t *change;

    int exit_code = register_file_load(cli, cli->args[0], NULL, &before);
    if (exit_code == CLI_DONE) {
        exit_code = register_file_load(cli, cli->args[1], NULL, &after);
    }
    if (exit_code == CLI_DONE) {
        json_t *changes = register_diff(before, after);
        if (json_array_size(changes) == 0) {
            cli_say(cli, "The two say the same.\n");
        }
        json_array_foreach(changes, i, change)
        {
            say_change(cli, change);
        }
        if (cli->json) {
            cli_json(cli, json_incref(changes));
        }
        json_decref(changes);
    }
    register_destroy(&before);
    register_destroy(&after);
    return exit_code;
}
