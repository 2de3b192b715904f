/*
 * waypost-broker: the program. Reads the command line and the configuration, makes journal, core and edge, and hands
 * each what it needs of the others; decides nothing else.
 *
 * Exit: 0 done, 1 the configuration or the machine does not allow a start (a sentence says why), 2 wrong usage, 70 a
 * promise could no longer be kept while running (the next start recovers).
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/core.h"
#include "broker/net/check.h"
#include "broker/net/edge.h"
#include "broker/net/host.h"
#include "broker/net/mark_file.h"
#include "broker/net/options.h"
#include "common/base/command_line.h"
#include "common/base/fsio.h"
#include "common/base/log.h"
#include "common/base/placement.h"
#include "common/base/scratch.h"
#include "common/base/world.h"
#include "common/codec/limits.h"
#include "common/crypto/hash.h"

#include "common/base/banned.h"

enum { EXIT_NO = 1, LARGE_BYTES = 2097152 };

#define PROGRAM "waypost-broker"

/* Everything that lives while the broker runs, in order of birth. */
struct broker {
    struct broker_options options;
    struct keys keys;
    struct disk disk;
    scratch_t *scratch;
    struct core_mark *mark; /* NULL where the folder gives none */
    edge_t *edge;
    journal_t *journal;
    core_t *core;
    uint64_t quarantined; /* damaged records of the journal */
    int signal_fd;
};

static const struct command_program this_program = {
    .name = PROGRAM,
    .purpose = "Carries events between the agents of one network; keeps each until its recipients "
               "have it.",
    .checks = "configuration, keys, register and data folder",
    .signals = "TERM and INT stop in order, HUP reads the register again, USR1 logs the counters.",
    .table = &broker_table,
    .examples = broker_examples,
};

/* ---- start -------------------------------------------------------------------------------- */

static int journal_start(struct broker *self, struct complaint *why)
{
    struct journal_recovery found = {0};
    const struct journal_options options = {
        .network = self->options.join.network,
        .head_public = self->keys.sign_public,
        .head_secret = self->keys.sign_secret,
        .world = world_real(),
        .segment_bytes = self->options.segment_bytes,
    };

    int rc = disk_real_open(self->options.data, &self->disk);
    if (rc != 0) {
        return complain(
            why, rc, "the folder %s cannot be opened: %s", self->options.data, err_text(rc));
    }
    rc = journal_open(&self->disk, &options, &self->journal, &found, why);
    if (rc != 0) {
        return rc;
    }
    int marked = mark_file_open(self->options.data, &self->mark);
    if (marked != 0) {
        log_warnx("crashes of the engine will not be counted: engine-mark in %s: %s",
            self->options.data, err_text(marked));
    }
    log_info("journal open dir=%s leaves=%llu", self->options.data, (unsigned long long)found.size);
    if (found.torn_bytes != 0) {
        log_warnx("journal had a torn tail, never receipted, saved aside bytes=%llu file=%s",
            (unsigned long long)found.torn_bytes, found.torn_file);
    }
    self->quarantined = found.quarantined;
    if (found.quarantined != 0) {
        log_errorx("journal is damaged, the rest serves; run waypost verify records=%llu",
            (unsigned long long)found.quarantined);
    }
    return 0;
}

/* The file may stand in for the journal's record of it. */
static void register_offer(struct broker *self)
{
    struct buf bytes = {0};

    if (fsio_read_all(self->options.registry, REGISTER_BYTES_MAX, &bytes) == 0) {
        core_spare_register(self->core, buf_slice(&bytes));
    }
    buf_free(&bytes);
}

/* A file that cannot be used is no reason to leave everybody unserved while the journal holds a register. */
static int register_start(struct broker *self, struct complaint *why)
{
    int rc = edge_register(self->edge, why);
    const register_t *book = core_register_in_force(self->core);

    if (book == NULL) {
        return rc != 0 ? rc : complain(why, E_STATE, "no register is in force");
    }
    if (rc != 0 && rc != E_BUSY) {
        log_errorx("register refused, version=%llu of the journal stays in force: %s",
            (unsigned long long)register_version(book), why->text);
    }
    if (check_named(book, &self->keys, why) != 0) {
        log_warnx("%s", why->text);
    }
    return 0;
}

/* A set that cannot be used is no reason to leave everybody unserved while the journal holds one. */
static int procedures_start(struct broker *self, struct complaint *why)
{
    bool before = core_procedures_on(self->core);
    int rc = edge_procedures(self->edge, why);

    if (rc != 0 && rc != E_BUSY && before) {
        log_errorx("procedures refused, those of the journal stay in force: %s", why->text);
        return 0;
    }
    if (rc == 0 && self->options.procedures == NULL) {
        log_warnx("procedures = none: events are carried and never judged, no deadline is watched");
    }
    return rc == E_BUSY ? 0 : rc;
}

/* What would be replaced. */
static int check_places(
    const char *file, const struct broker_options *options, struct complaint *why)
{
    char option[320];
    int rc = 0;

    (void)snprintf(option, sizeof option, "%s: listen", file);
    for (size_t i = 0; i < options->listen_count && rc == 0; i++) {
        const char *endpoint = options->listen[i];
        bool is_path = strncmp(endpoint, "ipc://", 6) == 0 && endpoint[6] != '@';
        rc = is_path ? placement_socket(option, endpoint + 6, why) : 0;
    }
    (void)snprintf(option, sizeof option, "%s: ready-file", file);
    return rc != 0 || options->ready_file[0] == '\0'
        ? rc
        : placement_ready_file(option, options->ready_file, why);
}

static int broker_start(struct broker *self, struct complaint *why)
{
    int rc = host_check_libraries(why);

    rc = rc != 0 ? rc : check_data(&self->options, true, why);
    rc = rc != 0 ? rc : check_keys(&self->options, &self->keys, why);
    rc = rc != 0 ? rc : journal_start(self, why);
    if (rc != 0) {
        return rc;
    }
    if (host_raise_files((uint64_t)self->options.connections_max + NET_FILES_RESERVE, why) != 0) {
        log_warnx("%s", why->text);
    }
    scratch_explain();
    self->scratch = scratch_new(self->options.data);
    const struct edge_parts parts = {&self->options, &self->keys, world_real(), &self->disk,
        self->signal_fd, self->mark, self->scratch};
    rc = edge_open(&parts, &self->edge, why);
    if (rc != 0) {
        return rc;
    }
    self->options.core.backing = scratch_backing(self->scratch);
    self->core = core_new(&self->options.core, world_real(), self->journal, edge_ports(self->edge));
    edge_attach(self->edge, self->core, self->journal);
    if (self->quarantined != 0) {
        core_alarm(self->core, "journal_damaged",
            "%llu records of the journal are damaged, the rest serves: waypost verify %s",
            (unsigned long long)self->quarantined, self->options.data);
    }
    register_offer(self);
    rc = core_recover(self->core, why);
    rc = rc != 0 ? rc : register_start(self, why);
    rc = rc != 0 ? rc : procedures_start(self, why);
    return rc != 0 ? rc : edge_listen(self->edge, why);
}

/* The edge first: its threads hold what belongs to journal and core. */
static void broker_end(struct broker *self)
{
    edge_destroy(&self->edge);
    core_destroy(&self->core);
    journal_destroy(&self->journal);
    mark_file_close(&self->mark);
    disk_real_close(&self->disk);
    scratch_destroy(&self->scratch);
    keys_wipe(&self->keys);
    broker_options_destroy(&self->options);
}

/* Some buffers are large for a while, as a snapshot of the transport: left to itself the allocator learns to cut them out of
 * the heap, where rows that stay come to lie behind them, and never gives them back. */
static void give_back_what_is_large(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
}

int main(int argc, char **argv)
{
    struct broker broker = {.signal_fd = -1};
    struct complaint why = {0};

    host_clear_environment();
    give_back_what_is_large();
    struct command_line line = command_line_read(&this_program, argc, argv);
    if (line.done >= 0) {
        return line.done;
    }
    log_init("broker", line.debug ? LOG_DEBUG : LOG_INFO);
    if (host_take_signals(&broker.signal_fd) != 0) {
        log_error("signals cannot be taken");
        return EXIT_NO;
    }
    crypto_start();
    if (broker_options_load(line.config, &broker.options, &why) != 0 ||
        check_places(line.config, &broker.options, &why) != 0) {
        (void)fprintf(stderr, PROGRAM ": %s\n", why.text);
        return EXIT_NO;
    }
    if (line.check) {
        bool fine = check_all(&broker.options, stdout);
        broker_options_destroy(&broker.options);
        return fine ? 0 : EXIT_NO;
    }
    int rc = broker_start(&broker, &why);
    if (rc == 0) {
        edge_run(broker.edge);
        log_info("stopped");
    } else {
        log_errorx("%s", why.text);
    }
    broker_end(&broker);
    return rc == 0 ? 0 : EXIT_NO;
}
