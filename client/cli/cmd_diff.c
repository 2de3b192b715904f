/*
 * cmd_diff: where two states differ: two journals, two moments of one, or what a journal records and what this program's
 * engine says of the same entries. Exit 1 where they differ. Works on files alone and only reads.
 */
#include <stdlib.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/reading.h"
#include "client/cli/table.h"
#include "client/replay/ledger_diff.h"
#include "common/procedure/folder.h"
#include "common/record/judged.h"

#include "common/base/banned.h"

/* Rows of what differs: printed at the end as a table, or at once as JSON lines. */
struct rows {
    struct cli *cli;
    table_t *table;
    uint64_t count;
};

static void cell_or(table_t *table, const char *text, const char *otherwise)
{
    if (text[0] == '\0') {
        table_cell_painted(table, PAINT_DIM, "%s", otherwise);
    } else {
        table_cell(table, "%s", text);
    }
}

/* Under a row: what it is about, the nearest thing first. */
static void put_about(
    table_t *table, const uint8_t *event, const uint8_t *subject, const uint8_t *transfer)
{
    const struct {
        const char *what;
        const uint8_t *id;
    } parts[] = {{"event", event}, {"child", subject}, {"transfer", transfer}};
    char text[3 * (UUID_TEXT_BYTES + 12)] = "";

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t used = strlen(text);
        char id[UUID_TEXT_BYTES];
        if (parts[i].id != NULL) {
            uuid_format(parts[i].id, id);
            (void)snprintf(text + used, sizeof text - used, "%s%s %s", used == 0 ? "" : ", ",
                parts[i].what, id);
        }
    }
    table_below(table, "%s", text);
}

static void about_json(json_t *line, const char *member, bool has, const uint8_t *id)
{
    if (has) {
        json_object_set_new(line, member, reading_id(id));
    }
}

/* ---- two ledgers ---- */

static void put_difference(void *context, const struct ledger_difference *difference)
{
    struct rows *rows = context;

    rows->count++;
    if (rows->cli->json) {
        json_t *line = json_pack("{s:s, s:s, s:s, s:s}", "what", difference->what, "id",
            difference->id, "a", difference->a, "b", difference->b);
        about_json(line, "transfer", difference->has_transfer, difference->transfer);
        about_json(line, "child", difference->has_subject, difference->subject);
        about_json(line, "event", difference->has_event, difference->event);
        cli_json_line(rows->cli, line);
        return;
    }
    table_cell(rows->table, "%s%s%s", difference->what, difference->id[0] == '\0' ? "" : " ",
        difference->id);
    cell_or(rows->table, difference->a, "not there");
    cell_or(rows->table, difference->b, "not there");
    put_about(rows->table, difference->has_event ? difference->event : NULL,
        difference->has_subject ? difference->subject : NULL,
        difference->has_transfer ? difference->transfer : NULL);
}

static void put_side(struct cli *cli, const char *name, const struct reading *reading)
{
    struct hash hash = ledger_hash(reading->ledger);
    char hex[2 * HASH_BYTES + 1];
    char time[CLI_TIME_BYTES];

    hex_encode(hash.b, HASH_BYTES, hex);
    cli_say(cli, "%s  %s: %llu entries", name, reading->path, (unsigned long long)reading->entries);
    if (reading->entries > 0) {
        cli_say(cli, ", up to entry %llu, %s", (unsigned long long)reading->last_entry,
            cli_time(cli, reading->last_ms, time));
    }
    cli_say(cli, "\n   %s\n", hex);
}

static int side_fault(struct cli *cli, const struct reading *reading)
{
    return cli_fail(cli, reading->why.rc,
        "%s: %s; it was compared as far as it is whole (%llu entries)", reading->path,
        reading->why.text, (unsigned long long)reading->entries);
}

static json_t *side_json(const struct reading *reading)
{
    struct hash hash = ledger_hash(reading->ledger);

    return json_pack("{s:s, s:I, s:o, s:o}", "source", reading->path, "entries",
        (json_int_t)reading->entries, "recorded", reading_time(reading->last_ms), "state_hash",
        reading_hash(&hash));
}

static int compare_readings(struct cli *cli, const struct reading *a, const struct reading *b)
{
    static const char *const headings[] = {"WHAT", "A", "B", NULL};
    struct rows rows = {.cli = cli, .table = table_new(headings)};

    put_side(cli, "A", a);
    put_side(cli, "B", b);
    ledger_diff(a->ledger, b->ledger, put_difference, &rows);
    if (rows.count > 0) {
        cli_say(cli, "\n");
        table_print(rows.table, cli);
    }
    table_destroy(&rows.table);
    if (cli->json) {
        cli_json_line(cli,
            json_pack("{s:s, s:I, s:o, s:o}", "what", "summary", "differences",
                (json_int_t)rows.count, "a", side_json(a), "b", side_json(b)));
    }
    cli_say(cli, "%s%llu difference%s\n", rows.count > 0 ? "\n" : "",
        (unsigned long long)rows.count, rows.count == 1 ? "" : "s");
    if (a->why.rc != 0 || b->why.rc != 0) {
        return side_fault(cli, a->why.rc != 0 ? a : b);
    }
    return rows.count == 0 ? CLI_DONE : CLI_NO;
}

static int diff_two(struct cli *cli)
{
    const struct reading_options options = {.engine = false};
    struct reading a = {.path = NULL};
    struct reading b = {.path = NULL};

    int exit_code = reading_begin(cli, &a, cli->args[0], NULL);
    if (exit_code == CLI_DONE) {
        exit_code = reading_begin(cli, &b, cli->args[1], NULL);
    }
    if (exit_code == CLI_DONE) {
        reading_take(cli, &a, &options);
        reading_take(cli, &b, &options);
        exit_code = compare_readings(cli, &a, &b);
    }
    reading_end(&a);
    reading_end(&b);
    return exit_code;
}

/* ---- recorded and recomputed ---- */

static const char *item_text(const struct recomputed *item, char *text, size_t size)
{
    char word[DERIVED_WORD_BYTES];

    if (item == NULL) {
        return "";
    }
    (void)snprintf(text, size, "%s%s%s%s%s%s%s", derived_word(item->kind, word),
        item->clock[0] == '\0' ? "" : " ", item->clock, item->rule[0] == '\0' ? "" : " ",
        item->rule, item->detail[0] == '\0' ? "" : " ", item->detail);
    return text;
}

static const char *verdict_text(uint8_t verdict, char *text, size_t size)
{
    unsigned word = verdict & JUDGED_VERDICT_BITS;

    (void)snprintf(text, size, "%s%s", word <= LEDGER_HELD ? ledger_verdict_words[word] : "?",
        (verdict & JUDGED_WITHHELD_BIT) != 0 ? ", payload withheld" : "");
    return text;
}

static void difference_texts(
    const struct difference *difference, char *recorded, char *recomputed, size_t size)
{
    recorded[0] = recomputed[0] = '\0';
    if (difference->what == DIFFERENCE_VERDICT) {
        (void)verdict_text(difference->verdict_recorded, recorded, size);
        (void)verdict_text(difference->verdict_recomputed, recomputed, size);
        return;
    }
    if (difference->recorded != NULL) {
        (void)item_text(difference->recorded, recorded, size);
    }
    if (difference->recomputed != NULL) {
        (void)item_text(difference->recomputed, recomputed, size);
    }
}

static void put_recomputed(void *context, const struct difference *difference)
{
    enum { TEXT_BYTES = 640 };
    struct rows *rows = context;
    char recorded[TEXT_BYTES];
    char recomputed[TEXT_BYTES];
    char time[CLI_TIME_BYTES];
    const char *what = difference->what == DIFFERENCE_VERDICT ? "verdict" : "record";

    rows->count++;
    difference_texts(difference, recorded, recomputed, sizeof recorded);
    if (rows->cli->json) {
        json_t *line = json_pack("{s:s, s:I, s:o, s:s, s:s}", "what", what, "entry",
            (json_int_t)difference->entry, "recorded_at", reading_time(difference->recorded_ms),
            "recorded", recorded, "recomputed", recomputed);
        about_json(line, "transfer", difference->has_transfer, difference->transfer);
        about_json(line, "child", difference->has_subject, difference->subject);
        about_json(line, "event", difference->has_event, difference->event);
        cli_json_line(rows->cli, line);
        return;
    }
    table_cell(rows->table, "%llu", (unsigned long long)difference->entry);
    table_cell(rows->table, "%s", cli_time(rows->cli, difference->recorded_ms, time));
    cell_or(rows->table, recorded, "nothing");
    cell_or(rows->table, recomputed, "nothing");
    put_about(rows->table, difference->has_event ? difference->event : NULL,
        difference->has_subject ? difference->subject : NULL,
        difference->has_transfer ? difference->transfer : NULL);
}

static int put_result(
    struct cli *cli, const struct reading *reading, const struct rows *rows, const char *tables)
{
    uint64_t compared = recompute_compared(reading->engine);

    if (rows->count > 0) {
        table_print(rows->table, cli);
        cli_say(cli, "\n");
    }
    if (cli->json) {
        cli_json_line(cli,
            json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "what", "summary", "source", reading->path,
                "procedures", tables, "entries", (json_int_t)reading->entries, "compared",
                (json_int_t)compared, "differences", (json_int_t)rows->count));
    }
    if (reading->why.rc != 0) {
        return side_fault(cli, reading);
    }
    if (recompute_engine(reading->engine) == NULL) {
        return cli_fail(cli, E_NOT_FOUND,
            "%s was written without procedures, so there is nothing to hold against; name tables "
            "with --procedures FOLDER",
            reading->path);
    }
    cli_say(cli, "%llu differences over %llu verdicts and records, by %s\n",
        (unsigned long long)rows->count, (unsigned long long)compared, tables);
    return rows->count == 0 ? CLI_DONE : CLI_NO;
}

static int recompute_with(struct cli *cli, const procedures_t *tables, const char *name)
{
    static const char *const headings[] = {">ENTRY", "RECORDED AT", "RECORDED", "RECOMPUTED", NULL};
    struct rows rows = {.cli = cli, .table = table_new(headings)};
    const struct reading_options options = {
        .engine = true, .tables = tables, .found = put_recomputed, .context = &rows};
    struct reading reading;

    int exit_code = reading_begin(cli, &reading, cli->args[0], NULL);
    if (exit_code == CLI_DONE) {
        reading_take(cli, &reading, &options);
        exit_code = put_result(cli, &reading, &rows, name);
    }
    table_destroy(&rows.table);
    reading_end(&reading);
    return exit_code;
}

static int diff_recompute(struct cli *cli)
{
    const char *folder = cli_text(cli, "procedures");
    struct complaint why = {0};
    procedures_t *tables = NULL;

    if (folder != NULL && procedures_folder_load(folder, &tables, &why) != 0) {
        return cli_fail_why(cli, &why);
    }
    int exit_code = recompute_with(
        cli, tables, folder == NULL ? "this engine and the journal's own tables" : folder);
    procedures_destroy(&tables);
    return exit_code;
}

/* ---- the command ---- */

static int run_diff(struct cli *cli)
{
    bool recompute = cli_flag(cli, "recompute") || cli_text(cli, "procedures") != NULL;

    if (recompute && cli->arg_count != 1) {
        return cli_misuse(cli, "--recompute holds one journal against the engine; name one");
    }
    if (!recompute && cli->arg_count != 2) {
        return cli_misuse(cli, "name two journals, exports or moments, or one and --recompute");
    }
    return recompute ? diff_recompute(cli) : diff_two(cli);
}

static const struct cli_option diff_options[] = {
    {.name = "recompute",
        .text = "of one journal: what is recorded against what this program's engine says"},
    {.name = "procedures",
        .argument = "FOLDER",
        .type = CLI_FILE,
        .text = "recompute by these tables (a folder with procedures/, profiles/, register/) in "
                "place of the journal's"},
    {.name = NULL},
};

const struct cli_command cmd_diff[] = {
    {.name = "diff",
        .group = CLI_GROUP_LOOK_BACK,
        .summary = "where two journals, two moments or two engines differ",
        .usage = "A[@MOMENT] [B[@MOMENT]]",
        .text =
            "Compares two states: of two journals or exports, or of one at two moments (an entry "
            "number or a time "
            "behind an @). Shown are transfers, events with verdict, rules and levels, owners of "
            "cases, and clocks.\n\n"
            "With --recompute one journal is folded again by this program's engine, and shown is "
            "where it would have "
            "said something else than what is recorded: entry, event, child, recorded, recomputed, "
            "with the rules. "
            "What is recorded stays what counts.\n\n"
            "Exit 0 where nothing differs, 1 where something does or a side cannot be read whole.",
        .example = "waypost diff journal copy-of-journal\n"
                   "waypost diff journal@2026-05-01 journal@2026-05-03T09:14\n"
                   "waypost diff journal --recompute --procedures data",
        .options = diff_options,
        .args_min = 1,
        .args_max = 2,
        .run = run_diff},
    {.name = NULL},
};
