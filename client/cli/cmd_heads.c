/*
 * cmd_heads: which heads of the journal were proven to follow from each other, what was compared with whom, and where
 * two histories were seen. --evidence keeps both sides' signed words in a file. Exit 1 where there were two.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cli/commands.h"
#include "client/cli/names.h"
#include "client/cli/table.h"
#include "client/cli/when.h"
#include "common/base/fsio.h"
#include "common/base/banned.h"

static void put_compared(struct cli *cli, const json_t *rows, const names_t *names)
{
    static const char *const headings[] = {
        "AGENT", "RESULT", ">SEEN BY IT", "SAID", ">OURS", "COMPARED", NULL};
    static const struct {
        const char *word, *text;
        enum cli_paint paint;
    } words[] = {{"same", "same history", PAINT_GREEN}, {"differs", "ANOTHER HISTORY", PAINT_RED},
        {"waiting", "not compared yet", PAINT_YELLOW},
        {"in_gap", "lost with the backup", PAINT_YELLOW}};
    table_t *table = table_new(headings);
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        char time[CLI_TIME_BYTES];
        char who[200];
        size_t at = 0;
        while (at < 3 && strcmp(words[at].word, text_of(row, "result")) != 0) {
            at++;
        }
        table_cell(table, "%s", names_full(names, text_of(row, "agent"), who, sizeof who));
        table_cell_painted(table, words[at].paint, "%s", words[at].text);
        table_cell(table, "%llu", (unsigned long long)number_of(row, "size"));
        table_cell(table, "%s", cli_time(cli, when_of(row, "said"), time));
        table_cell(table, "%llu", (unsigned long long)number_of(row, "own_size"));
        table_cell(table, "%s", cli_time(cli, when_of(row, "compared"), time));
    }
    table_print(table, cli);
    table_destroy(&table);
}

static void put_forks(struct cli *cli, const json_t *rows)
{
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        char time[CLI_TIME_BYTES];
        cli_say(cli, "\n%sTWO HISTORIES%s  %s\n", cli_paint(cli, PAINT_RED),
            cli_paint(cli, PAINT_END), cli_time(cli, when_of(row, "at"), time));
        cli_tell(cli, "%s.", text_of(row, "what"));
    }
    if (json_array_size(rows) > 0) {
        cli_tell(cli,
            "\nKeep the proof with waypost heads --evidence FILE, then telephone the broker's "
            "operator and the registrar.");
    }
}

static void put_heads(struct cli *cli, const json_t *answer)
{
    const json_t *newest = json_array_get(json_object_get(answer, "heads"), 0);
    names_t *names = names_load(cli);
    char time[CLI_TIME_BYTES];

    if (newest == NULL) {
        cli_say(cli, "No head of the journal has been proven yet.\n");
    } else {
        cli_say(cli, "Journal %s, epoch %llu: proven up to %llu records, %s\n",
            text_of(answer, "journal"), (unsigned long long)number_of(newest, "epoch"),
            (unsigned long long)number_of(newest, "size"),
            cli_time(cli, when_of(newest, "time"), time));
        cli_say(cli, "  root %s\n", text_of(newest, "root"));
    }
    if (json_array_size(json_object_get(answer, "compared")) > 0) {
        cli_say(cli, "\n");
        put_compared(cli, json_object_get(answer, "compared"), names);
    } else {
        cli_say(cli, "Nobody else has said yet which head they have seen.\n");
    }
    put_forks(cli, json_object_get(answer, "forks"));
    names_destroy(&names);
}

/* The whole answer as it is: every head and statement in it bears a signature. */
static int keep_evidence(struct cli *cli, const json_t *answer)
{
    const char *path = cli_text(cli, "evidence");
    struct stat about;

    if (lstat(path, &about) == 0) {
        return cli_fail(cli, E_EXISTS, "%s exists already; name another file", path);
    }
    char *text = json_dumps(answer, JSON_INDENT(2) | JSON_SORT_KEYS);
    int rc = text == NULL ? E_IO : fsio_replace(path, slice_of(text, strlen(text)), 0644);
    free(text);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s could not be written; does its directory exist?", path);
    }
    cli_hint(cli, "%s holds the heads and what others have signed of theirs.\n", path);
    return CLI_DONE;
}

static int run_heads(struct cli *cli)
{
    json_t *answer = NULL;
    int exit_code = cli_ask(cli, json_pack("{s:s}", "op", "heads"), &answer);

    if (exit_code == CLI_DONE && cli_text(cli, "evidence") != NULL) {
        exit_code = keep_evidence(cli, answer);
    }
    if (exit_code != CLI_DONE) {
        json_decref(answer);
        return exit_code;
    }
    if (cli->json) {
        cli_json(cli, json_incref(answer));
    } else {
        put_heads(cli, answer);
    }
    bool forked = json_array_size(json_object_get(answer, "forks")) > 0;
    json_decref(answer);
    return forked ? CLI_NO : CLI_DONE;
}

static const struct cli_option heads_options[] = {
    {.name = "evidence",
        .letter = 'e',
        .argument = "FILE",
        .type = CLI_FILE,
        .text = "keep heads, and what others have signed of theirs, in a new file as JSON"},
    {.name = NULL},
};

const struct cli_command cmd_heads[] = {
    {.name = "heads",
        .group = CLI_GROUP_PROOF,
        .summary = "what of the journal was proven, and compared with whom",
        .usage = "",
        .text =
            "The broker signs a head of its journal with every commit. The agent has each one "
            "proved "
            "to extend the one before, and has what other agents have signed of theirs proved to "
            "lie "
            "in the same history. So it is noticed, and an alarm, when the broker forks, cuts or "
            "rewrites its journal, or shows different ones to different agents.\n\n"
            "Prints the newest proven head, each agent that has told of a head, and when it was "
            "compared. Two histories end with exit 1.",
        .example = "waypost heads\nwaypost heads --evidence heads.json",
        .options = heads_options,
        .run = run_heads,
        .needs_agent = true},
    {.name = NULL},
};
