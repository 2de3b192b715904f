/*
 * bench_soak: what a broker takes over hours. Its lines are judged elsewhere (tests/soak/draw): here they are written.
 *
 * A file that cannot be written ends the run before it begins; the load's own failures end it with their sentence.
 */
#include <errno.h>
#include <string.h>

#include "client/cli/bench_soak.h"
#include "common/base/banned.h"

enum { NS_PER_MS = 1000000 };

struct soak {
    const struct bench_net *net;
    FILE *file; /* owned; NULL for none */
    uint64_t sessions;
};

static void note_second(void *context, const struct bench_second *second)
{
    struct soak *self = context;
    struct bench_usage usage = bench_net_usage(self->net);
    self->sessions = second->sessions;
    if (self->file != NULL) {
        fprintf(self->file, "%llu %llu %llu %llu %lld %llu\n", (unsigned long long)second->second,
            (unsigned long long)second->receipted, (unsigned long long)usage.rss_kib,
            (unsigned long long)usage.files,
            (long long)(samples_at(second->deliver, 0.5) / NS_PER_MS),
            (unsigned long long)usage.own_kib);
        fflush(self->file);
    }
}

static void say_soak(const struct soak *self, const struct bench_load *load, json_t *results)
{
    char events[32];
    struct bench_usage usage = bench_net_usage(self->net);
    bench_say(self->net->cli, results, "soak",
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "rate", (json_int_t)load->rate,
            "receipted", (json_int_t)load->receipted, "acknowledged",
            (json_int_t)load->acknowledged, "sessions", (json_int_t)self->sessions, "rss_kib",
            (json_int_t)usage.rss_kib, "own_kib", (json_int_t)usage.own_kib, "descriptors",
            (json_int_t)usage.files),
        "%s events confirmed and acknowledged at %llu/s, %llu sessions begun anew; broker %llu MB, "
        "%llu of them its own, %llu descriptors",
        bench_number((double)load->acknowledged, events), (unsigned long long)load->rate,
        (unsigned long long)self->sessions, (unsigned long long)usage.rss_kib / 1024,
        (unsigned long long)usage.own_kib / 1024, (unsigned long long)usage.files);
}

int bench_soak(struct bench_net *net, struct bench_load *load, const char *path, json_t *results)
{
    struct soak self = {.net = net};
    if (path != NULL && (self.file = fopen(path, "we")) == NULL) {
        return cli_fail(net->cli, E_IO, "%s cannot be written: %s", path, strerror(errno));
    }
    load->connect_consumers = true;
    load->keep = true;
    load->each_second = note_second;
    load->context = &self;
    int exit_code = bench_net_start(net, true);
    exit_code = exit_code == CLI_DONE ? bench_load_run(load) : exit_code;
    if (exit_code == CLI_DONE) {
        say_soak(&self, load, results);
    }
    if (self.file != NULL) {
        fclose(self.file);
    }
    bench_load_free(load);
    bench_net_stop(net);
    return exit_code;
}
