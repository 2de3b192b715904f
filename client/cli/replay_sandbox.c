/*
 * replay_sandbox: see replay_sandbox.h. The journal is told as a scenario (story.h), and the scenario is rehearsed; an
 * expectation that fails is a verdict or an owner that comes out otherwise than it was recorded.
 */
#include "client/cli/replay_sandbox.h"

#include <stdlib.h>

#include "client/cli/play.h"
#include "client/cli/register_file.h"
#include "client/lab/scenario_parse.h"
#include "client/lab/timeline.h"
#include "common/crypto/hash.h"

#include "common/base/banned.h"

struct sandbox {
    struct cli *cli;
    struct timeline timeline;
};

static void tell_step(void *context, const scenario_t *scenario, const struct statement *statement,
    const struct rehearsal_network *network)
{
    struct sandbox *self = context;

    timeline_step(&self->timeline, scenario, statement, network);
}

static void tell_failed(void *context, const struct statement *statement, const char *text)
{
    struct sandbox *self = context;

    if (self->cli->json) {
        cli_json_line(self->cli,
            json_pack(
                "{s:s, s:i, s:s}", "type", "failed", "line", (int)statement->line, "text", text));
    }
    cli_say(self->cli, "%s%s%s\n", cli_paint(self->cli, PAINT_YELLOW), text,
        cli_paint(self->cli, PAINT_END));
}

static int put_result(
    struct cli *cli, const struct sandbox_story *counts, const struct run_result *result)
{
    char hex[2 * HASH_BYTES + 1];

    hex_encode(result->hash.b, HASH_BYTES, hex);
    if (cli->json) {
        cli_json_line(cli,
            json_pack("{s:s, s:I, s:I, s:i, s:i, s:s, s:s}", "type", "summary", "events",
                (json_int_t)counts->events, "openings", (json_int_t)counts->openings, "as_recorded",
                (int)result->passed, "otherwise", (int)result->failed, "state_hash", hex, "mode",
                "replay"));
    }
    cli_say(cli,
        "\n%llu events and %llu openings acted again: %u verdicts and owners as recorded, %u "
        "otherwise\nstate hash of the sandbox %s\n",
        (unsigned long long)counts->events, (unsigned long long)counts->openings, result->passed,
        result->failed, hex);
    if (counts->unknown > 0) {
        cli_hint(cli, "%llu events of unknown kinds were left out\n",
            (unsigned long long)counts->unknown);
    }
    return result->failed == 0 ? CLI_DONE : CLI_NO;
}

static int rehearse(struct cli *cli, const scenario_t *scenario, const data_files_t *data,
    const struct sandbox_story *counts)
{
    struct sandbox self = {.cli = cli,
        .timeline = {.out = cli->out, .data = data, .json = cli->json, .day = INT32_MIN}};
    const struct run_watcher watcher = {
        .context = &self, .step = tell_step, .failed = tell_failed, .keep_records = true};
    struct run_result result = {0};
    struct complaint why = {0};
    uint32_t line = 0;

    timeline_begin(&self.timeline, scenario);
    int rc = play_scenario(cli, scenario, data, &watcher, &result, &line, &why);
    if (rc == E_RANGE) { /* too much for real cores, which says what to do */
        return cli_fail(cli, rc, "the sandbox cannot play the story: %s", why.text);
    }
    if (rc != 0) {
        return cli_fail(cli, rc, "the sandbox cannot go beyond line %u of the story: %s",
            (unsigned)line, why.text);
    }
    return put_result(cli, counts, &result);
}

int sandbox_play(
    struct cli *cli, const char *name, struct slice text, const struct sandbox_story *counts)
{
    data_files_t *data = NULL;
    scenario_t *scenario = NULL;
    struct scenario_fault fault = {0};
    struct complaint why = {0};
    int exit_code;

    crypto_start();
    if (data_files_open(register_data_folder(), &data, &why) != 0) {
        return cli_fail_why(cli, &why);
    }
    if (scenario_parse(name, text, data, &scenario, &fault) != 0) {
        exit_code = cli_fail(cli, fault.why.rc,
            "what is recorded cannot be acted again: line %u of the story: %s",
            (unsigned)fault.line, fault.why.text);
    } else {
        exit_code = rehearse(cli, scenario, data, counts);
        scenario_destroy(&scenario);
    }
    data_files_destroy(&data);
    return exit_code;
}
