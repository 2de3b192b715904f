/*
 * cmd_show: show, open, transfer: one event, its sealed part, one transfer's timeline.
 *
 * Attachments are written only where --save names a directory, never over a file that is there, and never under a name
 * that leads out of it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "client/cli/cases_print.h"
#include "client/cli/commands.h"
#include "client/cli/event_print.h"
#include "client/cli/level.h"
#include "client/cli/names.h"
#include "client/cli/table.h"
#include "client/cli/when.h"
#include "common/base/bytes.h"
#include "common/base/fsio.h"
#include "common/base/uuid.h"
#include "common/base/words.h"
#include "common/codec/limits.h"
#include "common/base/banned.h"

/* ---- payloads ---- */

static void put_payload(struct cli *cli, const json_t *payload)
{
    size_t i;
    json_t *file;
    json_t *facts = json_copy((json_t *)(uintptr_t)payload);
    json_object_del(facts, "attachments");
    cli_say(cli, "\nSealed part\n");
    facts_print(cli, facts);
    json_decref(facts);
    json_array_foreach(json_object_get(payload, "attachments"), i, file)
    {
        cli_say(cli, "  document  %s, %llu bytes\n", text_of(file, "name"),
            (unsigned long long)number_of(file, "bytes"));
    }
}

/* A name from another authority: no directory, nothing hidden, nothing that a terminal would obey. */
static bool name_safe(const char *name)
{
    if (name[0] == '\0' || name[0] == '.' || strlen(name) > 128) {
        return false;
    }
    for (; *name != '\0'; name++) {
        if (*name == '/' || (unsigned char)*name < 0x20 || *name == 0x7f) {
            return false;
        }
    }
    return true;
}

static int write_new(struct cli *cli, const char *path, const uint8_t *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cli_fail(cli, E_EXISTS,
            "%s cannot be made; is there a file of that name, or no such directory?", path);
    }
    int rc = fsio_write_at(fd, slice_of(bytes, len), 0);
    close(fd);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s could not be written whole", path);
    }
    cli_say(cli, "  saved     %s\n", path);
    return CLI_DONE;
}

static int save_file(struct cli *cli, const char *dir, size_t index, const json_t *file)
{
    const char *name = text_of(file, "name");
    const char *base64 = text_of(file, "base64");
    char path[1024];
    char plain[32];
    snprintf(plain, sizeof plain, "document-%zu", index + 1);
    int written = snprintf(path, sizeof path, "%s/%s", dir, name_safe(name) ? name : plain);
    if (written < 0 || (size_t)written >= sizeof path) {
        return cli_misuse(cli, "--save: the path is too long");
    }
    size_t max = strlen(base64);
    size_t len = 0;
    uint8_t *bytes = mem_new(max + 1, 1);
    int bad = sodium_base642bin(
        bytes, max, base64, max, "\n", &len, NULL, sodium_base64_VARIANT_ORIGINAL);
    int exit_code = bad != 0 ? cli_fail(cli, E_MALFORMED, "document %s is not base64", plain)
                             : write_new(cli, path, bytes, len);
    sodium_memzero(bytes, max);
    free(bytes);
    return exit_code;
}

static int save_files(struct cli *cli, const json_t *payload)
{
    const char *dir = cli_text(cli, "save");
    size_t i;
    json_t *file;
    json_array_foreach(json_object_get(payload, "attachments"), i, file)
    {
        int exit_code = dir == NULL ? CLI_DONE : save_file(cli, dir, i, file);
        if (exit_code != CLI_DONE) {
            return exit_code;
        }
    }
    if (dir == NULL && json_array_size(json_object_get(payload, "attachments")) > 0) {
        cli_say(cli, "--save DIRECTORY writes the documents to files.\n");
    }
    return CLI_DONE;
}

/* ---- which event ---- */

/* The first word of the line as the id of an event: an id, or the number that `waypost inbox` prints. id of
 * UUID_TEXT_BYTES. */
static int event_named(struct cli *cli, char *id)
{
    const char *word = cli->args[0];
    uint64_t number;
    if (text_parse_u64(word, 1, INT64_MAX - 1, &number) != 0) {
        snprintf(id, UUID_TEXT_BYTES, "%s", word);
        return strlen(word) < UUID_TEXT_BYTES
            ? CLI_DONE
            : cli_misuse(cli, "%.60s is neither an id nor a number of the inbox", word);
    }
    json_t *answer = NULL;
    int exit_code = cli_ask(cli,
        json_pack("{s:s, s:i, s:I}", "op", "inbox", "limit", 1, "before", (json_int_t)number + 1),
        &answer);
    if (exit_code == CLI_DONE) {
        const json_t *row = json_array_get(json_object_get(answer, "events"), 0);
        snprintf(id, UUID_TEXT_BYTES, "%s", text_of(row, "event"));
        exit_code = number_of(row, "number") == number
            ? CLI_DONE
            : cli_fail(cli, E_NOT_FOUND,
                  "the inbox has no event with the number %s; waypost inbox lists them", word);
    }
    json_decref(answer);
    return exit_code;
}

/* ---- show ---- */

static void put_receipts(struct cli *cli, const json_t *rows, const names_t *names)
{
    static const char *const headings[] = {"WHO", "HOW FAR", "WHEN", "BY", NULL};
    if (json_array_size(rows) == 0) {
        return;
    }
    table_t *table = table_new(headings);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        char time[CLI_TIME_BYTES];
        const char *team = text_of(row, "team");
        int level = level_of(row);
        table_cell(table, "%s", names_of(names, text_of(row, "code")));
        table_cell_painted(table, level_paint(level), "%s", level_text(level));
        table_cell(table, "%s", when_text(cli, row, "at", time));
        table_cell(table, "%s%s%s", text_of(row, "role"), team[0] == '\0' ? "" : ", ", team);
    }
    cli_say(cli, "\n");
    table_print(table, cli);
    table_destroy(&table);
}

static void put_notice(struct cli *cli, const json_t *notice)
{
    char time[CLI_TIME_BYTES];

    cli_say(cli, "%s%s%s  %s\n", cli_paint(cli, PAINT_YELLOW), when_text(cli, notice, "at", time),
        cli_paint(cli, PAINT_END), text_of(notice, "text"));
    size_t i;
    json_t *rule;
    json_array_foreach(json_object_get(notice, "rules"), i, rule)
    {
        if (text_of(rule, "text")[0] != '\0') {
            cli_say(cli, "    %s: %s\n", text_of(rule, "id"), text_of(rule, "text"));
        }
    }
}

static void put_show(struct cli *cli, const json_t *answer, const names_t *names)
{
    event_print(cli, json_object_get(answer, "event"), names);
    const json_t *payload = json_object_get(answer, "payload");
    if (json_is_object(payload)) {
        put_payload(cli, payload);
    } else if (flag_of(answer, "erased")) {
        cli_say(cli, "\nThe sealed part was erased: waypost erase --list --all\n");
    } else if (flag_of(answer, "sealed")) {
        cli_say(cli, "\nThe sealed part has not been opened here: waypost open %s --role ROLE\n",
            text_of(json_object_get(answer, "event"), "id"));
    }
    put_receipts(cli, json_object_get(answer, "receipts"), names);
    const json_t *receipt = json_object_get(answer, "receipt");
    char time[CLI_TIME_BYTES];
    if (json_is_object(receipt)) {
        cli_say(cli,
            "\nAccepted by the broker %s, journal entry %llu. waypost receipt keeps the proof.\n",
            when_text(cli, receipt, "accepted", time),
            (unsigned long long)number_of(receipt, "leaf_index"));
    }
    size_t i;
    json_t *notice;
    json_array_foreach(json_object_get(answer, "notices"), i, notice)
    {
        if (i == 0) {
            cli_say(cli, "\nWhat the broker has recorded about it\n");
        }
        put_notice(cli, notice);
    }
}

static int run_show(struct cli *cli)
{
    char id[UUID_TEXT_BYTES];
    json_t *answer = NULL;
    int exit_code = event_named(cli, id);
    if (exit_code == CLI_DONE) {
        exit_code = cli_ask(cli, json_pack("{s:s, s:s}", "op", "show", "event", id), &answer);
    }
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    if (cli->json) {
        cli_json(cli, answer);
        return CLI_DONE;
    }
    names_t *names = names_load(cli);
    put_show(cli, answer, names);
    names_destroy(&names);
    json_decref(answer);
    return CLI_DONE;
}

/* ---- open ---- */

static int run_open(struct cli *cli)
{
    char id[UUID_TEXT_BYTES];
    int exit_code = event_named(cli, id);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    json_t *request =
        json_pack("{s:s, s:s, s:s}", "op", "open", "event", id, "role", cli_text(cli, "role"));
    if (cli_text(cli, "team") != NULL) {
        json_object_set_new(request, "team", json_string(cli_text(cli, "team")));
    }
    json_t *answer = NULL;
    exit_code = cli_ask(cli, request, &answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    const json_t *payload = json_object_get(answer, "payload");
    char time[CLI_TIME_BYTES];
    cli_tell(cli, "Opened %s as %s%s%s; the sender will see that.",
        when_text(cli, answer, "opened", time), cli_text(cli, "role"),
        cli_text(cli, "team") == NULL ? "" : ", ",
        cli_text(cli, "team") == NULL ? "" : cli_text(cli, "team"));
    if (json_is_object(payload)) {
        put_payload(cli, payload);
    } else {
        cli_tell(cli, "%s waypost show %s prints its facts.",
            flag_of(answer, "erased") ? "Its sealed part was erased." : "It has no sealed part.",
            id);
    }
    exit_code = save_files(cli, payload);
    if (cli->json) {
        cli_json(cli, json_incref(answer));
    }
    json_decref(answer);
    return exit_code;
}

/* ---- transfer ---- */

/* The event of a row: its clear part, or the row where there is none yet. */
static const json_t *event_of(const json_t *row)
{
    const json_t *body = json_object_get(row, "body");
    return json_is_object(body) ? body : row;
}

/* How far an event of ours has come with each recipient; whether one of theirs was opened here. */
static void far_text(
    struct cli *cli, const json_t *row, const names_t *names, char *out, size_t size)
{
    const json_t *levels = json_object_get(row, "to");
    const char *fault = text_of(row, "fault");
    size_t len = 0;
    size_t i;
    json_t *level;
    out[0] = '\0';
    if (strcmp(text_of(row, "direction"), "in") == 0) {
        snprintf(out, size, "%s%s", when_of(row, "opened") > 0 ? "opened here" : "not opened here",
            fault[0] == '\0' ? "" : ", unusable");
        return;
    }
    if (strcmp(text_of(row, "state"), "accepted") != 0) {
        snprintf(out, size, "%s", text_of(row, "state"));
        return;
    }
    json_array_foreach(levels, i, level)
    {
        char time[CLI_TIME_BYTES];
        len += len < size ? (size_t)snprintf(out + len, size - len, "%s%s: %s %s",
                                i == 0 ? "" : "; ", names_of(names, text_of(level, "code")),
                                level_text(level_of(level)), when_text(cli, level, "at", time))
                          : 0;
    }
}

/* When it happened; of one that has not left yet, when it was written. */
static const char *said_text(const struct cli *cli, const json_t *row, char *text)
{
    const json_t *event = event_of(row);
    return when_of(event, "occurred") > 0 ? when_text(cli, event, "occurred", text)
                                          : when_text(cli, row, "created", text);
}

/* The row of the event that stands under `member` as id; the last where it is said of several. NULL for none. */
static const json_t *row_with(const json_t *rows, const char *member, const char *id)
{
    const json_t *found = NULL;
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (id[0] != '\0' && strcmp(text_of(event_of(row), member), id) == 0) {
            found = row;
        }
    }
    return found;
}

/* "; replaces the one of Mon 16 Mar 10:05": two notices of one title, and the reader must know which stands. */
static void correction_text(
    struct cli *cli, const json_t *rows, const json_t *row, char *text, size_t size)
{
    const char *replaced = text_of(event_of(row), "supersedes");
    const json_t *before = row_with(rows, "id", replaced);
    const json_t *after = row_with(rows, "supersedes", text_of(row, "event"));
    char time[CLI_TIME_BYTES];
    int len = 0;
    text[0] = '\0';
    if (replaced[0] != '\0') {
        len = snprintf(text, size, "; replaces %s%s", before == NULL ? "" : "the one of ",
            before == NULL ? replaced : said_text(cli, before, time));
    }
    if (after != NULL && len >= 0 && (size_t)len < size) {
        snprintf(text + len, size - (size_t)len, "; REPLACED by the one of %s",
            said_text(cli, after, time));
    }
}

static void put_timeline(struct cli *cli, const json_t *rows, const names_t *names)
{
    static const char *const headings[] = {"HAPPENED", "WHO", "WHAT", "HOW FAR", NULL};
    table_t *table = table_new(headings);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const json_t *event = event_of(row);
        char time[CLI_TIME_BYTES];
        char far[512];
        const char *title = text_of(event, "title");
        far_text(cli, row, names, far, sizeof far);
        const char *from = text_of(event, "from");
        table_cell(table, "%s", said_text(cli, row, time));
        table_cell(table, "%s", from[0] == '\0' ? "here" : names_of(names, from));
        table_cell_painted(
            table, PAINT_BOLD, "%s", title[0] == '\0' ? text_of(event, "kind") : title);
        table_cell(table, "%s", far);
        char judged[128];
        char corrected[128];
        judged_text(row, judged, sizeof judged);
        correction_text(cli, rows, row, corrected, sizeof corrected);
        table_below(table, "%s%s%s%s", text_of(row, "event"), judged[0] == '\0' ? "" : "  ", judged,
            corrected);
    }
    table_print(table, cli);
    table_destroy(&table);
}

/* Owners, clocks, what is owed and what comes next, child by child. */
static void put_children(struct cli *cli, const json_t *children, const names_t *names)
{
    size_t i;
    json_t *child;
    json_array_foreach(children, i, child)
    {
        cli_say(cli, "\n%s%s%s\n", cli_paint(cli, PAINT_BOLD), text_of(child, "child"),
            cli_paint(cli, PAINT_END));
        owners_print(cli, json_object_get(child, "owners"), names, false);
        cli_say(cli, "\n");
        clocks_print(cli, json_object_get(child, "clocks"), names, false);
        expected_print(cli, json_object_get(child, "expected"), names);
    }
}

static int run_transfer(struct cli *cli)
{
    json_t *answer = NULL;
    int exit_code =
        cli_ask(cli, json_pack("{s:s, s:s?}", "op", "transfer", "transfer", cli->args[0]), &answer);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    if (cli->json) {
        cli_json(cli, answer);
        return CLI_DONE;
    }
    names_t *names = names_load(cli);
    const json_t *rows = json_object_get(answer, "events");
    const char *label = text_of(answer, "label");
    char origin[200];
    char receiving[200];
    cli_say(cli, "Transfer %s%s%s\n", label, label[0] == '\0' ? "" : "  ",
        text_of(answer, "transfer")[0] == '\0' ? cli->args[0] : text_of(answer, "transfer"));
    if (text_of(answer, "origin")[0] != '\0') {
        cli_say(cli, "from %s to %s\n",
            names_full(names, text_of(answer, "origin"), origin, sizeof origin),
            names_full(names, text_of(answer, "receiving"), receiving, sizeof receiving));
    }
    cli_say(cli, "\n");
    if (json_array_size(rows) == 0) {
        cli_say(cli, "Nothing has been said about it yet.\n");
    } else {
        put_timeline(cli, rows, names);
        put_children(cli, json_object_get(answer, "children"), names);
    }
    names_destroy(&names);
    json_decref(answer);
    return CLI_DONE;
}

/* ---- tables ---- */

static const struct cli_option open_options[] = {
    {.name = "role",
        .letter = 'r',
        .argument = "ROLE",
        .type = CLI_WORD,
        .enum_name = "person_role",
        .required = true,
        .text = "who opens it"},
    {.name = "team",
        .argument = "TEAM",
        .type = CLI_TEXT,
        .text = "the team, a short code without blanks"},
    {.name = "save",
        .argument = "DIRECTORY",
        .type = CLI_FILE,
        .text = "write the documents there as files"},
    {.name = NULL},
};

const struct cli_command cmd_show[] = {
    {.name = "show",
        .group = CLI_GROUP_EVENTS,
        .summary = "one event with its facts and how far it has come",
        .usage = "ID|NO",
        .text = "Prints an event of the inbox or the outbox, by its id or its number in the inbox. "
                "The sealed part is shown for events "
                "of our own and for those "
                "that somebody here has opened.",
        .args_min = 1,
        .args_max = 1,
        .run = run_show,
        .needs_agent = true},
    {.name = "open",
        .group = CLI_GROUP_EVENTS,
        .summary = "opens an event for a role and prints its sealed part",
        .usage = "ID|NO",
        .text =
            "Opens the sealed part and tells the sender that this role has opened it. Opening is "
            "not accepting: an "
            "acceptance of responsibility is an event of its own, waypost send written_acceptance.",
        .example = "waypost open ID --role duty_manager --team mash-1 --save .",
        .options = open_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_open,
        .needs_agent = true},
    {.name = "transfer",
        .group = CLI_GROUP_EVENTS,
        .summary = "the timeline of one transfer",
        .usage = "T",
        .text =
            "Prints every event of a transfer in order, who said it, what it did and how far it "
            "has come; then, "
            "for each child, who is responsible, which deadlines run and what is expected next. "
            "T is the id or the "
            "label of the transfer.",
        .args_min = 1,
        .args_max = 1,
        .run = run_transfer,
        .needs_agent = true},
    {.name = NULL},
};
