/*
 * cmd_erase: have a sealed payload destroyed at every holder, see who has confirmed, and what the register's retention
 * schedule says is due. The agent carries it out; what the broker refuses is said as it says it.
 */
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/names.h"
#include "client/cli/table.h"
#include "client/cli/when.h"
#include "common/base/banned.h"

static const char *const reasons[] = {"consent", "retention", "error", "order", NULL};

/* ---- one event ---- */

static const char *state_text(const json_t *row)
{
    static const struct {
        const char *word, *text;
    } words[] = {{"wanted", "asked here; it goes to the broker as soon as that can be reached"},
        {"begun", "gone at the broker; the holders are being told"},
        {"ordered", "gone at the broker; holders still confirm"},
        {"complete", "gone everywhere: every holder has confirmed"}, {"refused", "refused"}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, text_of(row, "state")) == 0) {
            return words[i].text;
        }
    }
    return text_of(row, "state");
}

static size_t holders_open(const json_t *row)
{
    size_t i;
    size_t open = 0;
    json_t *holder;

    json_array_foreach(json_object_get(row, "holders"), i, holder)
    {
        open += json_object_get(holder, "done") == NULL ? 1 : 0;
    }
    return open;
}

static void put_holders(struct cli *cli, const json_t *row, const names_t *names)
{
    size_t i;
    json_t *holder;

    json_array_foreach(json_object_get(row, "holders"), i, holder)
    {
        char time[CLI_TIME_BYTES];
        char who[200];
        int64_t done_ms = when_of(holder, "done");
        cli_say(cli, "  %s%s%s  %s", cli_paint(cli, done_ms > 0 ? PAINT_GREEN : PAINT_YELLOW),
            done_ms > 0 ? "gone   " : "waiting", cli_paint(cli, PAINT_END),
            names_full(names, text_of(holder, "agent"), who, sizeof who));
        cli_say(cli, done_ms > 0 ? ", %s\n" : "\n", cli_time(cli, done_ms, time));
    }
}

static int erase_one(struct cli *cli)
{
    json_t *answer = NULL;
    const char *reason = cli_text(cli, "reason");

    if (reason == NULL) {
        return cli_misuse(cli,
            "--reason WORD is missing: consent, retention, error or order? It is recorded for "
            "ever");
    }
    int exit_code = cli_ask(cli,
        json_pack("{s:s, s:s, s:s}", "op", "erase", "event", cli->args[0], "reason", reason),
        &answer);
    if (exit_code == CLI_DONE && cli->json) {
        cli_json(cli, json_incref(answer));
    } else if (exit_code == CLI_DONE) {
        cli_tell(cli,
            "The sealed part of %s is destroyed at the broker and at every holder, and cannot be "
            "brought back. Facts, receipts and signatures stay. waypost erase --list shows who has "
            "confirmed.",
            cli->args[0]);
    }
    json_decref(answer);
    return exit_code;
}

/* ---- lists ---- */

static void put_erasure(struct cli *cli, const json_t *row, const names_t *names)
{
    char time[CLI_TIME_BYTES];
    size_t open = holders_open(row);
    bool refused = strcmp(text_of(row, "state"), "refused") == 0;
    enum cli_paint paint = refused ? PAINT_RED : open > 0 ? PAINT_YELLOW : PAINT_GREEN;

    cli_say(cli, "%s%s%s  %s, by %s for %s\n", cli_paint(cli, PAINT_BOLD), text_of(row, "event"),
        cli_paint(cli, PAINT_END), cli_time(cli, when_of(row, "asked"), time), text_of(row, "by"),
        text_of(row, "reason"));
    cli_say(cli, "  %s%s%s%s%s\n", cli_paint(cli, paint), state_text(row),
        cli_paint(cli, PAINT_END), refused ? ": " : "", refused ? text_of(row, "error") : "");
    put_holders(cli, row, names);
}

static int erase_list(struct cli *cli)
{
    json_t *answer = NULL;
    int exit_code = cli_ask(
        cli, json_pack("{s:s, s:b}", "op", "erasures", "all", (int)cli_flag(cli, "all")), &answer);

    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    const json_t *rows = json_object_get(answer, "erasures");
    if (cli->json) {
        cli_json(cli, json_incref(answer));
    } else if (json_array_size(rows) == 0) {
        cli_say(cli,
            cli_flag(cli, "all") ? "No payload was ever erased here.\n"
                                 : "No erasure waits for anybody.\n");
    } else {
        names_t *names = names_load(cli);
        size_t i;
        json_t *row;
        json_array_foreach(rows, i, row)
        {
            put_erasure(cli, row, names);
        }
        names_destroy(&names);
    }
    json_decref(answer);
    return CLI_DONE;
}

/* ---- what is due ---- */

static void put_due(struct cli *cli, const json_t *rows)
{
    static const char *const headings[] = {"DUE", "EVENT", "KIND", "ACCEPTED", ">DAYS", "", NULL};
    table_t *table = table_new(headings);
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        char time[CLI_TIME_BYTES];
        bool held_back = flag_of(row, "held_back");
        table_cell(table, "%s", cli_time(cli, when_of(row, "due"), time));
        table_cell(table, "%s", text_of(row, "event"));
        table_cell(table, "%s", text_of(row, "kind"));
        table_cell(table, "%s", cli_time(cli, when_of(row, "accepted"), time));
        table_cell(table, "%llu", (unsigned long long)number_of(row, "days"));
        table_cell_painted(table, held_back ? PAINT_YELLOW : PAINT_END, "%s",
            held_back ? "kept: a clock of its transfer runs" : "");
    }
    table_print(table, cli);
    table_destroy(&table);
}

/* Ask for each that nothing holds back. Returns an exit code. */
static int erase_all_due(struct cli *cli, const json_t *rows, size_t *count)
{
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        json_t *answer = NULL;
        if (flag_of(row, "held_back")) {
            continue;
        }
        int exit_code = cli_ask(cli,
            json_pack("{s:s, s:s, s:s}", "op", "erase", "event", text_of(row, "event"), "reason",
                "retention"),
            &answer);
        json_decref(answer);
        if (exit_code != CLI_DONE) {
            return exit_code;
        }
        (*count)++;
    }
    return CLI_DONE;
}

static void tell_due(struct cli *cli, const json_t *answer, size_t count)
{
    const json_t *rows = json_object_get(answer, "due");

    if (json_array_size(json_object_get(answer, "schedule")) == 0) {
        cli_tell(cli,
            "The register has no retention schedule, so nothing is ever erased by time. There is "
            "no "
            "default: the registrar writes one (section retention of the register's source).");
        return;
    }
    if (json_array_size(rows) == 0) {
        cli_say(cli, "Nothing is due.\n");
        return;
    }
    put_due(cli, rows);
    if (cli_flag(cli, "apply")) {
        cli_say(cli,
            "\n%zu erasures were asked for. waypost erase --list shows who has confirmed.\n",
            count);
    } else {
        cli_tell(cli,
            flag_of(answer, "standing")
                ? "\nThe standing instruction (erase-due = yes) has them erased within a day."
                : "\nNothing is erased by itself here: waypost erase --due --apply does it now, "
                  "erase-due = yes in the agent's configuration does it every day.");
    }
}

static int erase_due(struct cli *cli)
{
    json_t *answer = NULL;
    size_t count = 0;
    int exit_code = cli_ask(cli, json_pack("{s:s}", "op", "erasures_due"), &answer);

    if (exit_code == CLI_DONE && cli_flag(cli, "apply")) {
        exit_code = erase_all_due(cli, json_object_get(answer, "due"), &count);
    }
    if (exit_code == CLI_DONE && cli->json) {
        json_object_set_new(answer, "applied", json_integer((json_int_t)count));
        cli_json(cli, json_incref(answer));
    } else if (exit_code == CLI_DONE) {
        tell_due(cli, answer, count);
    }
    json_decref(answer);
    return exit_code;
}

static int run_erase(struct cli *cli)
{
    bool list = cli_flag(cli, "list") || cli_flag(cli, "all");
    bool due = cli_flag(cli, "due");

    if ((int)list + (int)due + (int)(cli->arg_count > 0) != 1) {
        return cli_misuse(cli, "write one of: waypost erase ID --reason WORD, --list, --due");
    }
    if (cli_flag(cli, "apply") && !due) {
        return cli_misuse(cli, "--apply belongs to --due");
    }
    return list ? erase_list(cli) : due ? erase_due(cli) : erase_one(cli);
}

static const struct cli_option erase_options[] = {
    {.name = "reason",
        .letter = 'r',
        .argument = "WORD",
        .type = CLI_WORD,
        .words = reasons,
        .text = "why: consent (withdrawn), retention (its time is over), error (sent in error), "
                "order (of a court or the Commissioner)"},
    {.name = "list", .letter = 'l', .text = "erasures that still wait for somebody, and for whom"},
    {.name = "all", .letter = 'a', .text = "with --list: those that are complete as well"},
    {.name = "due",
        .letter = 'd',
        .text = "own payloads that the register's schedule has outlived"},
    {.name = "apply", .text = "with --due: have them erased now"},
    {.name = NULL},
};

const struct cli_command cmd_erase[] = {
    {.name = "erase",
        .group = CLI_GROUP_PROOF,
        .summary = "destroys a sealed part at every holder, and shows who has confirmed",
        .usage = "[ID]",
        .text =
            "Has the sealed part of an event destroyed: in the broker's journal, and in the "
            "database of every agent that holds it. The sender's agent may ask for it, or an "
            "operator's, and the request is signed and recorded with its reason. Names, narrative "
            "and files are then gone; facts, receipts, acknowledgements and signatures stay and "
            "verify. It cannot be undone.\n\n"
            "An agent that is away is told when it returns; --list shows who has not confirmed "
            "yet. "
            "What a case system or a person has copied elsewhere is theirs to delete: the order "
            "comes to their agent too, as a record of the event.\n\n"
            "--due lists what the register's retention schedule says has been kept long enough. "
            "While a clock of the transfer runs, it is kept. Without a schedule nothing is ever "
            "due.",
        .example = "waypost erase ID --reason consent\nwaypost erase --list\nwaypost erase --due "
                   "--apply",
        .options = erase_options,
        .args_max = 1,
        .run = run_erase,
        .needs_agent = true},
    {.name = NULL},
};
