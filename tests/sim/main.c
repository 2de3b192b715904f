/* wrap: crypto_sign_detached crypto_sign_verify_detached */
/*
 * main: seeds of the deterministic simulation, one after the other, until one breaks a promise.
 *
 *   check-sim [--seeds N] [--from SEED] [--seconds S] [--seed SEED] [--trace] [--tap]
 *
 * Exit 0 where every promise held, 1 where one was broken (the seed is printed with the command that
 * plays it again), 2 for wrong usage.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/words.h"
#include "tests/sim/sim.h"

#include "common/base/banned.h"

struct arguments {
    uint64_t from, seeds, seconds;
    bool trace, tap, one;
};

static volatile uint64_t seed_now;

/* An assertion of the product's: say which seed it was. */
static void aborted(int signal_number)
{
    char text[96];
    int len = snprintf(
        text, sizeof text, "sim: seed %" PRIu64 " ended by signal %d\n", seed_now, signal_number);

    if (len > 0) {
        (void)!write(STDERR_FILENO, text, (size_t)len);
    }
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

static bool take(struct arguments *self, int argc, char **argv)
{
    const struct {
        const char *name;
        uint64_t *number;
    } numbers[] = {{"--from", &self->from}, {"--seeds", &self->seeds},
        {"--seconds", &self->seconds}, {"--seed", &self->from}};

    for (int i = 1; i < argc; i++) {
        bool found = false;
        if (strcmp(argv[i], "--trace") == 0) {
            self->trace = found = true;
        } else if (strcmp(argv[i], "--tap") == 0) {
            self->tap = found = true;
        }
        for (size_t k = 0; !found && k < sizeof numbers / sizeof numbers[0]; k++) {
            if (strcmp(argv[i], numbers[k].name) == 0 && i + 1 < argc) {
                self->one |= k == 3;
                found = text_parse_u64(argv[++i], 0, UINT64_MAX, numbers[k].number) == 0;
                break;
            }
        }
        if (!found) {
            return false;
        }
    }
    self->seeds = self->one ? 1 : self->seeds;
    return true;
}

static double elapsed_s(const struct timespec *since)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - since->tv_sec) + (double)(now.tv_nsec - since->tv_nsec) / 1e9;
}

struct sums {
    uint64_t seeds, events, frames, deaths;
};

/* Seed after seed; false at the first that breaks a promise. */
static bool run(const struct arguments *arguments, struct sim *sim, struct sums *sums)
{
    struct timespec start;

    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint64_t i = 0; i < arguments->seeds; i++) {
        seed_now = arguments->from + i;
        bool good = sim_run(sim, seed_now, arguments->trace);
        sums->seeds++;
        sums->events += sim->send_count;
        sums->frames += sim->frames;
        sums->deaths += sim->kills;
        if (!good) {
            return false;
        }
        if (arguments->seconds != 0 && elapsed_s(&start) >= (double)arguments->seconds) {
            return true;
        }
    }
    return true;
}

static void report(const struct arguments *arguments, const struct sim *sim,
    const struct sums *sums, bool good, double seconds)
{
    const char *comment = arguments->tap ? "# " : "";

    if (!good) {
        (void)printf("%ssim: seed %" PRIu64 " broke a promise\n%s  %s\n%s  again, with a trace: "
                     "make check-sim SEED=%" PRIu64 "\n",
            comment, seed_now, comment, sim->failure, comment, seed_now);
    }
    (void)printf("%ssim: %" PRIu64 " seeds, %" PRIu64 " events, %" PRIu64 " frames, %" PRIu64
                 " deaths, %.1f s\n",
        comment, sums->seeds, sums->events, sums->frames, sums->deaths, seconds);
    if (arguments->tap) {
        (void)printf("%s 1 - promises__under_every_fault__hold\n1..1\n", good ? "ok" : "not ok");
    }
}

int main(int argc, char **argv)
{
    static struct sim sim;
    struct arguments arguments = {.from = 1, .seeds = 100};
    struct sums sums = {.seeds = 0};
    struct timespec start;

    if (!take(&arguments, argc, argv)) {
        (void)fprintf(stderr,
            "usage: check-sim [--seeds N] [--from SEED] [--seconds S] [--seed SEED] [--trace] "
            "[--tap]\n");
        return 2;
    }
    crypto_start();
    log_init("sim", arguments.trace ? LOG_DEBUG : LOG_ERROR + 1);
    (void)signal(SIGABRT, aborted);
    (void)signal(SIGSEGV, aborted);
    sim_prepare();
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    bool good = run(&arguments, &sim, &sums);
    report(&arguments, &sim, &sums, good, elapsed_s(&start));
    sim_forget();
    return good ? 0 : 1;
}
