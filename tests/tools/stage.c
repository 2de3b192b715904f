/* wrap: engine_new engine_wants */
/*
 * stage: play a scenario with real processes on a clock of its own, and say what does not hold.
 *
 *   stage --cast FILE                   the codes of the councils that play, and when it begins (ms since 1970), a line
 *   stage NET PROGRAMS TOOLS FILE       NET has been made for them (tests/integration/test_stage.sh)
 *
 * WAYPOST_STAGE_CLOCK names the file of the clock. An expectation about state that names no view is asked of the
 * broker's journal, and of every party that is linked as well. Prints FILE:LINE: expected ... got ..., and "N passed, N
 * failed". Exit 0 where nothing failed, 1 where something did, 2 where the file cannot be read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lab/expect.h"
#include "client/lab/limits.h"
#include "client/lab/scenario_parse.h"
#include "client/lab/scenario_run.h"
#include "common/base/fsio.h"
#include "common/base/log.h"
#include "tests/stage/children.h"
#include "tests/stage/stage.h"

#include "common/base/banned.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, HOUR_MS = 3600000 };

struct playing {
    struct stage *stage;
    uint32_t asked, differed; /* of parties */
};

static scenario_t *read_scenario(const char *file)
{
    const char *folder = getenv("WAYPOST_DATA");
    data_files_t *data = NULL;
    struct buf bytes = {0};
    struct scenario_fault fault = {0};
    scenario_t *scenario = NULL;
    int rc = data_files_open(folder == NULL ? "data" : folder, &data, &fault.why);

    rc = rc != 0 ? rc : fsio_read_all(file, SCENARIO_BYTES_MAX, &bytes);
    if (rc == 0) {
        rc = scenario_parse(file, buf_slice(&bytes), data, &scenario, &fault);
    }
    if (rc != 0) {
        (void)fprintf(stderr, "%s:%u: %s\n", file, (unsigned)fault.line, fault.why.text);
        exit(EXIT_USAGE);
    }
    buf_free(&bytes);
    data_files_destroy(&data);
    return scenario;
}

static int64_t begins_ms(const scenario_t *scenario)
{
    return (scenario->statement_count > 0 ? scenario->statements[0].now_ms : 0) - HOUR_MS;
}

static void print_cast(const scenario_t *scenario)
{
    const char *code;

    (void)printf("%lld", (long long)begins_ms(scenario));
    for (size_t i = 0; (code = stage_code(scenario, i)) != NULL; i++) {
        (void)printf(" %s", code);
    }
    (void)printf("\n");
}

/* ---- what the parties say ---- */

static bool is_about_state(const struct expectation *wanted)
{
    static const bool about[] = {[EXPECT_OWNER] = true,
        [EXPECT_CLOCK] = true,
        [EXPECT_NO_CLOCK] = true,
        [EXPECT_FLAG] = true,
        [EXPECT_OUTSTANDING] = true,
        [EXPECT_NO_OUTSTANDING] = true};

    return wanted->view == NULL && (size_t)wanted->kind < sizeof about && about[wanted->kind];
}

static void ask_party(struct playing *self, const struct statement *statement,
    const struct rehearsal_network *network, const char *code)
{
    struct expectation wanted = *statement->expectation;
    struct statement asked = *statement;
    struct buf got = {0};

    for (size_t i = 0; i < self->stage->agent_count; i++) {
        if (strcmp(self->stage->agents[i].id, code) == 0 && self->stage->agents[i].linked) {
            wanted.view = code;
        }
    }
    asked.expectation = &wanted;
    if (wanted.view == NULL || self->stage->broker == 0 ||
        !parties_were_told(
            &self->stage->parties, code, wanted.target.children, wanted.target.child_count)) {
        return;
    }
    self->asked++;
    if (!expect_holds(self->stage->scenario, network, &asked, &got)) {
        self->differed++;
        (void)printf("%s:%u: %s says otherwise: expected %s, got %.*s\n",
            self->stage->scenario->file, (unsigned)statement->line, code, statement->text,
            (int)got.len, got.len > 0 ? (const char *)got.data : "");
    }
    buf_free(&got);
}

static void after_step(void *context, const scenario_t *scenario, const struct statement *statement,
    const struct rehearsal_network *network)
{
    struct playing *self = context;

    if (statement->kind == STATEMENT_EXPECT && is_about_state(statement->expectation)) {
        const struct scenario_transfer *transfer =
            &scenario->transfers[statement->expectation->target.transfer];
        ask_party(self, statement, network, transfer->origin);
        ask_party(self, statement, network, transfer->receiving);
    }
}

static void tell_failed(void *context, const struct statement *statement, const char *text)
{
    (void)context;
    (void)statement;
    (void)puts(text);
}

static int play(const scenario_t *scenario, char **argv)
{
    struct playing playing = {
        .stage = stage_new(scenario, argv[1], argv[2], argv[3], begins_ms(scenario))};
    struct rehearsal_network network = stage_network(playing.stage);
    const struct run_watcher watcher = {
        .context = &playing, .step = after_step, .failed = tell_failed, .keep_records = true};
    struct run_result result = {0};
    struct complaint why = {0};
    uint32_t line = 0;
    int rc = scenario_play(scenario, &network, &watcher, &result, &line, &why);

    if (rc != 0) {
        (void)printf("%s:%u: %s\n", scenario->file, (unsigned)line, why.text);
    }
    (void)printf("%u passed, %u failed; asked of parties: %u, otherwise: %u\n",
        (unsigned)result.passed, (unsigned)result.failed, (unsigned)playing.asked,
        (unsigned)playing.differed);
    network.destroy(&network.self);
    return rc == 0 && result.failed == 0 && playing.differed == 0 ? 0 : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    bool cast = argc == 3 && strcmp(argv[1], "--cast") == 0;

    log_init("stage", LOG_ERROR);
    crypto_start();
    if (!cast && argc != 5) {
        (void)fprintf(stderr, "usage: stage --cast FILE | stage NET PROGRAMS TOOLS FILE\n");
        return EXIT_USAGE;
    }
    scenario_t *scenario = read_scenario(argv[argc - 1]);
    int status = 0;
    if (cast) {
        print_cast(scenario);
    } else {
        status = play(scenario, argv);
    }
    scenario_destroy(&scenario);
    return status;
}
