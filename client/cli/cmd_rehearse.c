/*
 * cmd_rehearse: play scenario files and say what does not hold. Exit 0 where everything held, 1
 * where something failed, 2 where a file holds a word that the format does not know.
 */
#include <stdlib.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/play.h"
#include "client/cli/register_file.h"
#include "client/lab/limits.h"
#include "client/lab/scenario_parse.h"
#include "client/lab/timeline.h"
#include "common/base/fsio.h"

#include "common/base/banned.h"

/* One call of the command, over all files. */
struct rehearsal {
    struct cli *cli;
    data_files_t *data; /* owned */
    struct timeline timeline;
    bool tells; /* --timeline, or --json */
    uint64_t passed, failed;
    bool broken; /* some file could not be played */
};

/* FILE:LINE: sentence. */
static void put_fault(
    struct rehearsal *self, const char *file, uint32_t line, const struct complaint *why)
{
    struct cli *cli = self->cli;

    self->broken = true;
    if (cli->json) {
        json_dumpf(json_pack("{s:b, s:i, s:s, s:s, s:i, s:s}", "ok", 0, "code", -why->rc, "name",
                       err_name(why->rc), "file", file, "line", (int)line, "error", why->text),
            cli->err, JSON_COMPACT);
        fputc('\n', cli->err);
    } else if (line == 0) {
        fprintf(cli->err, "%s: %s\n", file, why->text);
    } else {
        fprintf(cli->err, "%s:%u: %s\n", file, (unsigned)line, why->text);
    }
}

static void tell_step(void *context, const scenario_t *scenario, const struct statement *statement,
    const struct rehearsal_network *network)
{
    struct rehearsal *self = context;

    timeline_step(&self->timeline, scenario, statement, network);
}

static void tell_failed(void *context, const struct statement *statement, const char *text)
{
    struct rehearsal *self = context;

    if (self->cli->json) {
        cli_json_line(self->cli,
            json_pack(
                "{s:s, s:i, s:s}", "type", "failed", "line", (int)statement->line, "text", text));
    }
    cli_say(self->cli, "%s\n", text);
}

static void put_hash(struct rehearsal *self, const char *file, const struct run_result *result)
{
    char hex[2 * HASH_BYTES + 1];

    hex_encode(result->hash.b, HASH_BYTES, hex);
    if (self->cli->json) {
        cli_json_line(
            self->cli, json_pack("{s:s, s:s, s:s}", "type", "hash", "file", file, "hash", hex));
    } else {
        cli_say(self->cli, "%s  %s\n", hex, file);
    }
}

static void play(struct rehearsal *self, const char *file, const scenario_t *scenario)
{
    const struct run_watcher watcher = {.context = self,
        .step = self->tells ? tell_step : NULL,
        .failed = tell_failed,
        .keep_records = self->tells};
    struct run_result result = {0};
    struct complaint why = {0};
    uint32_t line = 0;

    if (self->tells) {
        timeline_begin(&self->timeline, scenario);
    }
    int rc = play_scenario(self->cli, scenario, self->data, &watcher, &result, &line, &why);
    if (rc != 0) {
        put_fault(self, file, line, &why);
    } else if (cli_flag(self->cli, "hash")) {
        put_hash(self, file, &result);
    }
    if (self->tells && !self->cli->json) {
        cli_say(self->cli, "\n");
    }
    self->passed += result.passed;
    self->failed += result.failed;
}

static void rehearse_file(struct rehearsal *self, const char *file)
{
    struct buf bytes = {0};
    struct scenario_fault fault = {0};
    scenario_t *scenario = NULL;
    int rc = fsio_read_all(file, SCENARIO_BYTES_MAX, &bytes);

    if (rc != 0) {
        (void)complain(&fault.why, rc, "it cannot be read: %s", err_text(rc));
    } else {
        rc = scenario_parse(file, buf_slice(&bytes), self->data, &scenario, &fault);
    }
    buf_free(&bytes);
    if (rc != 0) {
        put_fault(self, file, fault.line, &fault.why);
        return;
    }
    play(self, file, scenario);
    scenario_destroy(&scenario);
}

static int run_rehearse(struct cli *cli)
{
    struct rehearsal self = {.cli = cli, .tells = cli->json || cli_flag(cli, "timeline")};
    struct complaint why = {0};

    if (data_files_open(register_data_folder(), &self.data, &why) != 0) {
        return cli_fail_why(cli, &why);
    }
    self.timeline = (struct timeline){.out = cli->out, .data = self.data, .json = cli->json};
    for (size_t i = 0; i < cli->arg_count; i++) {
        rehearse_file(&self, cli->args[i]);
    }
    data_files_destroy(&self.data);
    if (cli->json) {
        cli_json_line(cli,
            json_pack("{s:s, s:I, s:I}", "type", "summary", "passed", (json_int_t)self.passed,
                "failed", (json_int_t)self.failed));
    }
    cli_say(cli, "%llu passed, %llu failed\n", (unsigned long long)self.passed,
        (unsigned long long)self.failed);
    return self.broken ? CLI_WRONG : self.failed > 0 ? CLI_NO : CLI_DONE;
}

static const struct cli_option rehearse_options[] = {
    {.name = "timeline",
        .letter = 't',
        .text = "tell the story: time, who, event, verdict, clocks; --json tells it as JSON lines"},
    {.name = "hash",
        .text = "print the hash of each file's final state: the same on every machine"},
    PLAY_FAST_OPTION,
    {.name = NULL},
};

const struct cli_command cmd_rehearse[] = {
    {.name = "rehearse",
        .group = CLI_GROUP_PROOF,
        .summary = "plays scenario files and checks what they expect",
        .usage = "FILE.scenario ...",
        .text =
            "Plays each file on a virtual clock, among the real cores of broker, agents and hub in "
            "one process, with nothing on disk, and prints a line for each expectation that does "
            "not hold. "
            "Nothing is sent to anybody. docs/SCENARIOS.md describes the format.\n\n"
            "Exit 0 where everything held, 1 where something did not, 2 where a file holds a "
            "word or a time that cannot be.",
        .example = "waypost rehearse tests/scenarios/*.scenario\n"
                   "waypost rehearse --timeline sc-01-transfer-over-easter.scenario",
        .options = rehearse_options,
        .args_min = 1,
        .args_max = CLI_ARGS_MAX,
        .run = run_rehearse},
    {.name = NULL},
};
