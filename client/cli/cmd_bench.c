/*
 * cmd_bench: load against a real broker on this machine, a line a figure.
 *
 * Makes a network of its own below --dir, starts a broker as a process of its own, and takes all of it away at the end,
 * also when a run fails or is interrupted. The broker ends with this program, however that ends.
 */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "client/cli/bench.h"
#include "client/cli/commands.h"
#include "common/base/banned.h"

enum { AWAY = 1, FILES_WANTED = 8192 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

bool bench_interrupted(void)
{
    return interrupted != 0;
}

void bench_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static struct bench_options options_of(const struct cli *cli)
{
    return (struct bench_options){.producers = (size_t)cli_number(cli, "producers", 8),
        .recipients = (size_t)cli_number(cli, "recipients", 150),
        .size = (size_t)cli_number(cli, "size", 300),
        .inflight = (uint32_t)cli_number(cli, "inflight", 256),
        .rate = cli_number(cli, "rate", 0),
        .backlog = cli_number(cli, "backlog", 200000),
        .events = cli_number(cli, "events", 0),
        .seconds = (double)cli_number(cli, "seconds", 4),
        .sealed = !cli_flag(cli, "no-payload"),
        .only = cli_text(cli, "only"),
        .samples = cli_text(cli, "samples")};
}

static void raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES_WANTED) {
        files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int run_all(struct cli *cli, struct bench_net *net, const struct bench_options *options)
{
    json_t *floors = json_object();
    json_t *results = json_object();
    bool with_floors = options->only == NULL || strcmp(options->only, "floors") == 0;
    int exit_code = with_floors ? bench_floors(cli, net->dir, floors) : CLI_DONE;
    if (exit_code == CLI_DONE) {
        exit_code = bench_runs(cli, net, options, results);
    }
    json_t *whole = json_pack(
        "{s:b, s:O, s:O}", "ok", exit_code == CLI_DONE, "floors", floors, "results", results);
    const char *path = cli_text(cli, "results");
    if (path != NULL && json_dump_file(whole, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0) {
        exit_code = cli_fail(cli, E_IO, "%s could not be written", path);
    }
    if (cli->json) {
        cli_json(cli, json_incref(whole));
    }
    json_decref(whole);
    json_decref(floors);
    json_decref(results);
    return exit_code;
}

static int run_bench(struct cli *cli)
{
    struct bench_options options = options_of(cli);
    struct bench_net net;
    raise_limits();
    bench_catch_interrupts();
    int exit_code = bench_net_make(cli, options.producers + options.recipients + AWAY, &net);
    if (exit_code == CLI_DONE) {
        exit_code = run_all(cli, &net, &options);
    }
    bench_net_remove(&net);
    return exit_code;
}

static const char *const runs[] = {
    "floors", "publish", "latency", "endtoend", "openloop", "drain", "restart", "soak", NULL};

static const struct cli_option bench_options_table[] = {
    {.name = "producers",
        .argument = "N",
        .type = CLI_NUMBER,
        .min = 1,
        .max = BENCH_PRODUCERS_MAX,
        .text = "agents that publish; 8 unless it is stated"},
    {.name = "recipients",
        .argument = "N",
        .type = CLI_NUMBER,
        .min = 1,
        .max = BENCH_CONSUMERS_MAX,
        .text = "agents that receive, a connection each; 150 unless it is stated"},
    {.name = "size",
        .argument = "BYTES",
        .type = CLI_NUMBER,
        .min = 100,
        .max = 65536,
        .text = "event and sealed part together; 300 unless it is stated"},
    {.name = "inflight",
        .argument = "N",
        .type = CLI_NUMBER,
        .min = 1,
        .max = BENCH_INFLIGHT_MAX,
        .text = "events published and not confirmed, a producer; 256 unless it is stated"},
    {.name = "rate",
        .argument = "N",
        .type = CLI_NUMBER,
        .min = 1,
        .max = 1000000,
        .text = "events a second in the open loop and the soak; 5,000 and 2,000 unless it is "
                "stated"},
    {.name = "seconds",
        .argument = "N",
        .type = CLI_NUMBER,
        .min = 1,
        .max = 86400,
        .text = "length of the runs that publish; 4 unless it is stated"},
    {.name = "events",
        .argument = "N",
        .type = CLI_NUMBER,
        .min = 1000,
        .max = 10000000,
        .text = "publish so many instead of so long"},
    {.name = "backlog",
        .argument = "N",
        .type = CLI_NUMBER,
        .min = 1000,
        .max = 10000000,
        .text = "events for the authority that was away; 200,000 unless it is stated"},
    {.name = "no-payload", .text = "events without a sealed part"},
    {.name = "only",
        .argument = "NAME",
        .type = CLI_WORD,
        .words = runs,
        .text = "one run alone; soak is played only so"},
    {.name = "samples",
        .argument = "FILE",
        .type = CLI_FILE,
        .text = "a line a second of the soak: second, events, the broker's KiB and descriptors, "
                "median ms to delivery, KiB that lie in no file"},
    {.name = "results",
        .argument = "FILE",
        .type = CLI_FILE,
        .text = "write the figures there as JSON as well"},
    {.name = "broker",
        .argument = "FILE",
        .type = CLI_FILE,
        .text = "the waypost-broker to measure; else the one beside this program"},
    {.name = "dir",
        .argument = "DIRECTORY",
        .type = CLI_FILE,
        .text = "where the journal is put: a real disk, since every confirmation waits for it; "
                "/var/tmp unless another is "
                "named"},
    {.name = NULL},
};

const struct cli_command cmd_bench[] = {
    {.name = "bench",
        .group = CLI_GROUP_OPERATE,
        .summary = "measures a broker on this machine",
        .usage = "",
        .text = "Makes a network in a temporary directory, starts a broker on loopback, and plays "
                "load with CURVE, "
                "signatures, commitments and syncs on; prints what the machine does by itself, "
                "confirmed publish, one in "
                "flight, end to end with every event acknowledged, an open loop, the drain of a "
                "backlog, a restart after "
                "SIGKILL with everything confirmed counted, memory, CPU and disk. Every run begins "
                "with an empty journal. "
                "Compare only figures of one run: machines drift.",
        .example = "waypost bench\nwaypost bench --only drain --backlog 1000000",
        .options = bench_options_table,
        .run = run_bench},
    {.name = NULL},
};
