/*
 * cmd_state: what a journal said at a moment, or what one authority knew then. Works on files alone and only reads.
 */
#include <stdlib.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/state_print.h"
#include "client/replay/knowledge.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

struct wanted {
    uint8_t transfer[UUID_BYTES];
    struct state_filter filter;
    bool details;
};

/* ---- heads ---- */

static const char *moment_text(
    struct cli *cli, const struct reading *reading, char *text, size_t size)
{
    char time[CLI_TIME_BYTES];

    if (reading->entries == 0) {
        (void)snprintf(text, size, "before its first entry");
    } else {
        (void)snprintf(text, size, "entry %llu, recorded %s%s",
            (unsigned long long)reading->last_entry, cli_time(cli, reading->last_ms, time),
            reading->cut ? "" : ", the last");
    }
    return text;
}

static void print_hashes(struct cli *cli, const struct reading *reading, const ledger_t *ledger)
{
    char hex[2 * HASH_BYTES + 1];
    struct hash hash = ledger_hash(ledger);

    hex_encode(hash.b, HASH_BYTES, hex);
    cli_say(cli, "  %-13s%s\n", "state hash", hex);
    if (reading->engine == NULL || recompute_engine(reading->engine) == NULL) {
        return;
    }
    uint64_t differences = recompute_differences(reading->engine);
    hash = engine_hash(recompute_engine(reading->engine));
    hex_encode(hash.b, HASH_BYTES, hex);
    cli_say(cli, "  %-13s%s\n", "engine hash", hex);
    if (differences == 0) {
        cli_say(cli, "  %-13sagrees with all %llu verdicts and records\n", "this engine",
            (unsigned long long)recompute_compared(reading->engine));
    } else {
        cli_say(cli,
            "  %-13s%swould have said %llu things otherwise (%llu compared)%s; see waypost diff "
            "--recompute\n",
            "this engine", cli_paint(cli, PAINT_YELLOW), (unsigned long long)differences,
            (unsigned long long)recompute_compared(reading->engine), cli_paint(cli, PAINT_END));
    }
}

static json_t *head_json(const struct reading *reading, const ledger_t *ledger)
{
    struct hash hash = ledger_hash(ledger);
    json_t *head = json_pack("{s:s, s:s, s:I, s:o, s:b, s:o, s:o}", "source", reading->path,
        "network", reading->network, "entries", (json_int_t)reading->entries, "recorded",
        reading_time(reading->last_ms), "is_last", (int)!reading->cut, "state_hash",
        reading_hash(&hash), "counts", state_counts_json(ledger));

    json_object_set_new(head, "entry",
        reading->entries == 0 ? json_null() : json_integer((json_int_t)reading->last_entry));
    if (reading->engine != NULL && recompute_engine(reading->engine) != NULL) {
        hash = engine_hash(recompute_engine(reading->engine));
        json_object_set_new(head, "engine_hash", reading_hash(&hash));
        json_object_set_new(
            head, "engine_compared", json_integer((json_int_t)recompute_compared(reading->engine)));
        json_object_set_new(head, "engine_differences",
            json_integer((json_int_t)recompute_differences(reading->engine)));
    }
    return head;
}

/* ---- the whole journal ---- */

static int check_filter(struct cli *cli, const ledger_t *ledger, const struct wanted *wanted)
{
    if (wanted->filter.transfer != NULL &&
        ledger_transfer_of(ledger, wanted->filter.transfer) == NULL) {
        return cli_fail(
            cli, E_NOT_FOUND, "transfer %s is not there at that moment", cli_text(cli, "transfer"));
    }
    return CLI_DONE;
}

static void put_state(struct cli *cli, const struct reading *reading, const ledger_t *ledger,
    const struct wanted *wanted, json_t *head)
{
    const engine_t *engine = reading->engine == NULL ? NULL : recompute_engine(reading->engine);

    if (cli->json) {
        json_object_set_new(
            head, "transfers", state_json(ledger, &wanted->filter, wanted->details, engine));
        cli_json(cli, head);
        return;
    }
    json_decref(head);
    if (wanted->details) {
        state_print_transfers(cli, reading, ledger, &wanted->filter, engine);
    } else {
        state_print_overview(cli, reading, ledger, &wanted->filter);
    }
}

static int damaged(struct cli *cli, const struct reading *reading)
{
    if (reading->why.rc == 0) {
        return CLI_DONE;
    }
    return cli_fail(cli, reading->why.rc,
        "%s: %s; what stands above is what the %llu entries before it say", reading->path,
        reading->why.text, (unsigned long long)reading->entries);
}

static int state_of_all(struct cli *cli, struct reading *reading, struct wanted *wanted)
{
    const struct reading_options options = {.engine = true};
    char text[160];

    reading_take(cli, reading, &options);
    if (reading->entries == 0 && reading->why.rc != 0) {
        return cli_fail(cli, reading->why.rc, "%s: %s", reading->path, reading->why.text);
    }
    int exit_code = check_filter(cli, reading->ledger, wanted);
    if (exit_code != CLI_DONE) {
        return exit_code;
    }
    cli_say(cli, "%s%s%s\n", cli_paint(cli, PAINT_BOLD),
        reading->network[0] == '\0' ? reading->path : reading->network, cli_paint(cli, PAINT_END));
    cli_say(cli, "  %-13s%s\n", "as of", moment_text(cli, reading, text, sizeof text));
    state_print_counts(cli, reading->ledger, "waiting");
    print_hashes(cli, reading, reading->ledger);
    put_state(cli, reading, reading->ledger, wanted, head_json(reading, reading->ledger));
    return damaged(cli, reading);
}

/* ---- what one authority knew ---- */

static void print_knowledge(struct cli *cli, const struct reading *reading,
    const struct knowledge *knowledge, const char *code, int64_t at_ms)
{
    char name[160];
    char time[CLI_TIME_BYTES];
    struct hash hash = ledger_hash(knowledge->ledger);
    char hex[2 * HASH_BYTES + 1];

    cli_say(cli, "%s%s%s\n", cli_paint(cli, PAINT_BOLD),
        reading_full(reading, code, name, sizeof name), cli_paint(cli, PAINT_END));
    cli_say(cli, "  %-13s%s%s%s\n", "knew", at_ms == INT64_MAX ? "all in all" : "by ",
        at_ms == INT64_MAX ? "" : cli_time(cli, at_ms, time), "");
    cli_say(cli, "  %-13s%llu entries of its stream, by its signed acknowledgements", "had",
        (unsigned long long)knowledge->entries);
    if (knowledge->persisted_ms != 0) {
        cli_say(cli, "; the latest %s", cli_time(cli, knowledge->persisted_ms, time));
    }
    cli_say(cli, "\n");
    if (knowledge->pending > 0) {
        cli_say(cli, "  %-13s%s%llu entries waited for it%s\n", "had not",
            cli_paint(cli, PAINT_YELLOW), (unsigned long long)knowledge->pending,
            cli_paint(cli, PAINT_END));
    }
    cli_say(cli, "  %-13s%s\n", "agent", knowledge->agents);
    state_print_counts(cli, knowledge->ledger, "of its own without a word on them");
    hex_encode(hash.b, HASH_BYTES, hex);
    cli_say(cli, "  %-13s%s\n", "hash", hex);
}

static json_t *knowledge_json(const struct reading *reading, const struct knowledge *knowledge,
    const char *code, int64_t at_ms)
{
    struct hash hash = ledger_hash(knowledge->ledger);

    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:o, s:s, s:o, s:o}", "source", reading->path,
        "network", reading->network, "known_by", code, "at",
        at_ms == INT64_MAX ? json_null() : reading_time(at_ms), "entries",
        (json_int_t)knowledge->entries, "waiting", (json_int_t)knowledge->pending, "persisted",
        reading_time(knowledge->persisted_ms), "agent", knowledge->agents, "state_hash",
        reading_hash(&hash), "counts", state_counts_json(knowledge->ledger));
}

/* A moment named by an entry is the time at which that entry was recorded. */
static int64_t moment_ms(const struct reading *reading)
{
    if (!reading->until.given) {
        return INT64_MAX;
    }
    return reading->until.by_time ? reading->until.at_ms : reading->last_ms;
}

static int state_known(
    struct cli *cli, struct reading *reading, const char *code, struct wanted *wanted)
{
    const struct reading_options options = {.engine = false};
    struct knowledge knowledge = {.ledger = NULL};
    struct complaint why = {0};

    if (source_form(reading->source) == SOURCE_BUNDLE) {
        return cli_fail(cli, E_STATE,
            "%s: a bundle does not say what went to whom; --known-by needs a journal or its export",
            reading->path);
    }
    reading_take(cli, reading, &options); /* names, and when that entry was */
    if (reading->why.rc != 0) {
        return cli_fail(cli, reading->why.rc, "%s: %s", reading->path, reading->why.text);
    }
    int64_t at_ms = moment_ms(reading);
    if (knowledge_of(reading->source, code, at_ms, &knowledge, &why) != 0) {
        return cli_fail_why(cli, &why);
    }
    int exit_code = check_filter(cli, knowledge.ledger, wanted);
    if (exit_code == CLI_DONE) {
        print_knowledge(cli, reading, &knowledge, code, at_ms);
        put_state(cli, reading, knowledge.ledger, wanted,
            knowledge_json(reading, &knowledge, code, at_ms));
    }
    ledger_destroy(&knowledge.ledger);
    return exit_code;
}

/* ---- the command ---- */

static int run_state(struct cli *cli)
{
    struct reading reading;
    struct wanted wanted = {.filter = {.authority = cli_text(cli, "authority")}};
    const char *transfer = cli_text(cli, "transfer");
    const char *known_by = cli_text(cli, "known-by");

    if (transfer != NULL) {
        (void)uuid_parse(transfer, wanted.transfer); /* the parser has looked at it */
        wanted.filter.transfer = wanted.transfer;
    }
    wanted.details = transfer != NULL || cli_flag(cli, "all");
    int exit_code = reading_begin(cli, &reading, cli->args[0], cli_text(cli, "at"));
    if (exit_code == CLI_DONE) {
        exit_code = known_by == NULL ? state_of_all(cli, &reading, &wanted)
                                     : state_known(cli, &reading, known_by, &wanted);
    }
    reading_end(&reading);
    return exit_code;
}

static const struct cli_option state_options[] = {
    {.name = "at",
        .argument = "TIME|ENTRY",
        .type = CLI_TEXT,
        .text = "as it was then: 2026-05-03T09:14 (London), or after that entry; else at its end"},
    {.name = "transfer",
        .argument = "T",
        .type = CLI_ID,
        .text = "this transfer at length: duties, events, clocks"},
    {.name = "authority",
        .argument = "CODE",
        .type = CLI_CODE,
        .text = "transfers in which this authority is a party, holds the case or must act"},
    {.name = "known-by",
        .argument = "CODE",
        .type = CLI_CODE,
        .text = "what this authority knew then: what its agent had acknowledged by that time"},
    {.name = "all", .text = "every transfer at length"},
    {.name = NULL},
};

const struct cli_command cmd_state[] = {
    {.name = "state",
        .group = CLI_GROUP_LOOK_BACK,
        .summary = "who owned what and which clocks ran, at any moment of a journal",
        .usage = "JOURNAL[@MOMENT]",
        .text = "Reads a journal (its directory, live or copied) or a file of waypost export up to "
                "a moment, and says who "
                "held which case, which clocks ran, what the verdicts were and who had received "
                "what. Nothing is worked "
                "out again: verdicts and derived records are taken as they were recorded, and the "
                "state hash is the same "
                "on every machine. Beside it runs the procedure engine of this program: the engine "
                "hash is its own, and "
                "duties that no record names (all but the case) are its word.\n\n"
                "With --known-by it says what one authority knew: the entries of its stream that "
                "its agent had put on "
                "disk by then, by the times in its own signed acknowledgements, and what it had "
                "sent itself.",
        .example = "waypost state /var/lib/waypost/journal\n"
                   "waypost state journal --at 2026-05-03T09:14 --known-by E09000007\n"
                   "waypost state journal@4711 --transfer 6f1c2b9e-0a5d-4c55-8f0e-0b3c6a1d2e4f",
        .options = state_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_state},
    {.name = NULL},
};
