/*
 * bench_run: the runs in their order, each on an empty journal, and what is said of each.
 */
#include <string.h>

#include "client/cli/bench.h"
#include "client/cli/bench_away.h"
#include "client/cli/bench_soak.h"
#include "common/base/banned.h"

enum {
    OUTSTANDING_MAX = 20000,
    ONE_SECONDS = 3,
    OPEN_LOOP_RATE = 5000,
    SOAK_RATE = 2000,
    AROUND_BYTES = 768,     /* wraps and framing of an event, and what a small shape takes more */
    CREDIT_BYTES = 4194304, /* what a broker grants unless it is told otherwise */
    FRAME_BYTES = 917504    /* of a batch: PROTOCOL section 7 */
};

static bool wanted(const struct bench_options *options, const char *name, bool alone)
{
    return options->only == NULL ? !alone : strcmp(options->only, name) == 0;
}

static double us(int64_t ns)
{
    return (double)ns / 1000.0;
}

/* Big events: as many of `count` as fit so many bytes, at least one. */
static uint32_t within(const struct bench_options *options, uint32_t count, size_t bytes)
{
    size_t most = bytes / (options->size + AROUND_BYTES);
    return most < 1 ? 1 : most < count ? (uint32_t)most : count;
}

static struct bench_load load_of(
    struct bench_net *net, const struct bench_options *options, const struct bench_shape *shape)
{
    uint32_t inflight = within(options, options->inflight, CREDIT_BYTES);
    uint32_t half = within(options, inflight < 2 ? 1 : inflight / 2, FRAME_BYTES);
    return (struct bench_load){.net = net,
        .shape = shape,
        .producers = options->producers,
        .consumers = options->recipients,
        .consumer_first = options->producers,
        .inflight = inflight,
        .batch = half,
        .events = options->events,
        .seconds = options->seconds};
}

static double cpu_per_million(const struct bench_net *net, double before_s, uint64_t events)
{
    return events == 0 ? 0 : (bench_net_usage(net).cpu_s - before_s) * 1e6 / (double)events;
}

/* ---- publish ---- */

static void say_disk(struct bench_net *net, const struct bench_options *options,
    const struct bench_load *load, json_t *results)
{
    bench_net_stop(net);
    double each =
        (double)bench_net_journal_bytes(net) / (double)(load->receipted == 0 ? 1 : load->receipted);
    bench_say(net->cli, results, "disk",
        json_pack("{s:f, s:i}", "bytes_per_event", each, "event_bytes", (int)options->size),
        "%.0f bytes an event of %zu bytes%s", each, options->size,
        options->sealed ? ", two wrapped keys (194 bytes), tree and heads included"
                        : ", tree and heads included");
}

static int run_publish(struct bench_net *net, const struct bench_options *options,
    const struct bench_shape *shape, json_t *results)
{
    char rate[32];
    struct bench_load load = load_of(net, options, shape);
    int exit_code = bench_net_start(net, true);
    double before_s = bench_net_usage(net).cpu_s;
    exit_code = exit_code == CLI_DONE ? bench_load_run(&load) : exit_code;
    if (exit_code == CLI_DONE) {
        double per_second = (double)load.receipted / load.elapsed_s;
        double cpu = cpu_per_million(net, before_s, load.receipted);
        struct bench_usage usage = bench_net_usage(net);
        bench_say(net->cli, results, "confirmed_publish",
            json_pack("{s:f, s:I, s:f, s:i, s:i, s:I, s:f, s:f}", "per_second", per_second,
                "events", (json_int_t)load.receipted, "seconds", load.elapsed_s, "producers",
                (int)options->producers, "inflight", (int)load.inflight, "peak_kib",
                (json_int_t)usage.peak_kib, "cpu_s_per_million", cpu, "batch_p99_us",
                us(samples_at(&load.confirm, 0.99))),
            "%s/s: %zu producers, %u in flight each, %.1f s; broker CPU %.1f s a million",
            bench_number(per_second, rate), options->producers, load.inflight, load.elapsed_s, cpu);
        say_disk(net, options, &load, results);
    }
    bench_load_free(&load);
    bench_net_stop(net);
    return exit_code;
}

/* ---- one in flight ---- */

static int run_latency(struct bench_net *net, const struct bench_options *options,
    const struct bench_shape *shape, json_t *results)
{
    struct bench_load load = load_of(net, options, shape);
    load.producers = 1;
    load.inflight = load.batch = 1;
    load.seconds = ONE_SECONDS;
    load.events = 0;
    int exit_code = bench_net_start(net, true);
    exit_code = exit_code == CLI_DONE ? bench_load_run(&load) : exit_code;
    if (exit_code == CLI_DONE) {
        double p50 = us(samples_at(&load.confirm, 0.5));
        double p99 = us(samples_at(&load.confirm, 0.99));
        bench_say(net->cli, results, "one_in_flight",
            json_pack("{s:f, s:f, s:I}", "p50_us", p50, "p99_us", p99, "events",
                (json_int_t)load.receipted),
            "p50 %.0f us, p99 %.0f us: signed, synced and confirmed", p50, p99);
    }
    bench_load_free(&load);
    bench_net_stop(net);
    return exit_code;
}

/* ---- end to end ---- */

static int run_end_to_end(struct bench_net *net, const struct bench_options *options,
    const struct bench_shape *shape, json_t *results)
{
    char rate[32];
    struct bench_load load = load_of(net, options, shape);
    load.connect_consumers = true;
    load.outstanding_max = OUTSTANDING_MAX;
    load.keep = true;
    int exit_code = bench_net_start(net, true);
    double before_s = bench_net_usage(net).cpu_s;
    exit_code = exit_code == CLI_DONE ? bench_load_run(&load) : exit_code;
    if (exit_code == CLI_DONE) {
        double per_second = (double)load.acknowledged / load.elapsed_s;
        double cpu = cpu_per_million(net, before_s, load.acknowledged);
        bench_say(net->cli, results, "end_to_end",
            json_pack("{s:f, s:I, s:f, s:i, s:f, s:f}", "per_second", per_second, "events",
                (json_int_t)load.acknowledged, "seconds", load.elapsed_s, "recipients",
                (int)options->recipients, "cpu_s_per_million", cpu, "delivery_p99_us",
                us(samples_at(&load.deliver, 0.99))),
            "%s/s to persisted acknowledgement: %zu recipients, %.1f s; broker CPU %.1f s a "
            "million",
            bench_number(per_second, rate), options->recipients, load.elapsed_s, cpu);
    }
    bench_load_free(&load);
    bench_net_stop(net);
    return exit_code;
}

static int run_open_loop(struct bench_net *net, const struct bench_options *options,
    const struct bench_shape *shape, json_t *results)
{
    char rate[32];
    struct bench_load load = load_of(net, options, shape);
    load.connect_consumers = true;
    load.keep = true;
    load.rate = options->rate == 0 ? OPEN_LOOP_RATE : options->rate;
    int exit_code = bench_net_start(net, true);
    exit_code = exit_code == CLI_DONE ? bench_load_run(&load) : exit_code;
    if (exit_code == CLI_DONE) {
        double p50 = us(samples_at(&load.deliver, 0.5));
        double p99 = us(samples_at(&load.deliver, 0.99));
        bench_say(net->cli, results, "open_loop",
            json_pack("{s:I, s:f, s:f, s:I, s:I}", "rate", (json_int_t)load.rate, "p50_us", p50,
                "p99_us", p99, "published", (json_int_t)load.published, "delivered",
                (json_int_t)load.delivered),
            "p50 %.0f us, p99 %.0f us from the due time to delivery at %s/s", p50, p99,
            bench_number((double)load.rate, rate));
    }
    bench_load_free(&load);
    bench_net_stop(net);
    return exit_code;
}

static int run_soak(struct bench_net *net, const struct bench_options *options,
    const struct bench_shape *shape, json_t *results)
{
    struct bench_load load = load_of(net, options, shape);
    load.rate = options->rate == 0 ? SOAK_RATE : options->rate;
    return bench_soak(net, &load, options->samples, results);
}

int bench_runs(
    struct cli *cli, struct bench_net *net, const struct bench_options *options, json_t *results)
{
    static const struct {
        const char *name;
        int (*run)(
            struct bench_net *, const struct bench_options *, const struct bench_shape *, json_t *);
        bool alone; /* only where it is asked for */
    } runs[] = {
        {"publish", run_publish, false},
        {"latency", run_latency, false},
        {"endtoend", run_end_to_end, false},
        {"openloop", run_open_loop, false},
        {"drain", bench_drain, false},
        {"restart", bench_restart, false},
        {"soak", run_soak, true},
    };
    struct bench_shape shape;
    int exit_code = CLI_DONE;
    bench_shape_make(&shape, options->size, options->sealed, &net->agents[0]);
    cli_say(cli,
        "\n%sBroker: CURVE, signatures, commitments, tree and syncs on; events of %zu bytes%s%s\n",
        cli_paint(cli, PAINT_BOLD), options->size, options->sealed ? " with two wrapped keys" : "",
        cli_paint(cli, PAINT_END));
    for (size_t i = 0; i < sizeof runs / sizeof runs[0] && exit_code == CLI_DONE; i++) {
        if (wanted(options, runs[i].name, runs[i].alone)) {
            exit_code = runs[i].run(net, options, &shape, results);
        }
    }
    bench_shape_free(&shape);
    return exit_code;
}
