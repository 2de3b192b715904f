/*
 * broker: see broker.h. The disk never fails here; that it does is an assertion.
 */
#include "tests/fuzz/broker.h"

#include <stdlib.h>
#include <string.h>

#include "broker/core/core_internal.h"
#include "common/base/check.h"

#include "common/base/banned.h"

enum {
    ROUNDS_MAX = 100
}; /* commits of one input: each round of them is caused by the one before */

static struct buf template_state;

void fuzz_broker_begin(struct core_fixture *fixture)
{
    static const char *const to[] = {CODE_CAMDEN, NULL};

    core_fixture_init(fixture);
    for (size_t i = 0; i < fixture->agent_count; i++) {
        agent_hello(&fixture->agents[i]);
    }
    core_fixture_settle(fixture);
    (void)agent_write_payload(&fixture->agents[ISLINGTON], to, "ciphertext");
    agent_publish(&fixture->agents[ISLINGTON], 0, 1);
    core_fixture_settle(fixture);
    assert(fixture->agents[ISLINGTON].receipts == 1 && fixture->agents[CAMDEN].upto > 0);
}

struct core_fixture *fuzz_broker_template(void)
{
    static struct core_fixture template;
    static bool made;

    if (!made) {
        fuzz_broker_begin(&template);
        core_fixture_state(&template, &template_state);
        core_destroy(&template.core);
        journal_fixture_close(&template.base);
        journal_fixture_compact(&template.base);
        made = true;
    }
    return &template;
}

struct slice fuzz_broker_state(void)
{
    (void)fuzz_broker_template();
    return buf_slice(&template_state);
}

/* ---- ports ---- */

static int port_send(void *context, uint64_t session, struct slice frame)
{
    struct fuzz_broker *self = context;

    (void)session;
    assert(frame.len > 0 && frame.len <= FRAME_BYTES_MAX);
    self->sent++;
    return 0;
}

static void port_verify(void *context, struct verify_job *job)
{
    struct fuzz_broker *self = context;

    if (self->job_count == self->job_capacity) {
        self->job_capacity = self->job_capacity == 0 ? 16 : 2 * self->job_capacity;
        self->jobs = realloc(self->jobs, self->job_capacity * sizeof *self->jobs);
        assert(self->jobs != NULL);
    }
    self->jobs[self->job_count++] = job;
}

static uint64_t port_free_bytes(void *context)
{
    (void)context;
    return UINT64_C(1) << 40;
}

/* ---- life ---- */

int fuzz_broker_open(struct fuzz_broker *self, struct slice snapshot, struct complaint *why)
{
    struct core_fixture *template = fuzz_broker_template();
    struct journal_options options = template->base.options;
    struct journal_recovery recovery;
    const struct core_ports ports = {.context = self,
        .send = port_send,
        .verify = port_verify,
        .free_bytes = port_free_bytes,
        .mark = NULL};

    memset(self, 0, sizeof *self);
    fuzz_world_init(&self->world, 5);
    disk_memory_open(&self->disk);
    journal_fixture_copy_disk(&template->base.memory, &self->disk);
    options.world = &self->world.world;
    int rc = journal_open(&self->disk, &options, &self->journal, &recovery, why);
    assert(rc == 0);
    if (snapshot.len > 0) {
        rc = journal_snapshot_write(self->journal, SNAPSHOT_TRANSPORT, journal_size(self->journal),
            journal_end(self->journal), snapshot);
        assert(rc == 0);
    }
    self->core = core_new(&template->options, &self->world.world, self->journal, &ports);
    return core_recover(self->core, why);
}

void fuzz_broker_close(struct fuzz_broker *self)
{
    for (size_t i = 0; i < self->job_count; i++) {
        verify_job_destroy(&self->jobs[i]);
    }
    free(self->jobs);
    core_destroy(&self->core);
    journal_destroy(&self->journal);
    disk_memory_close(&self->disk);
}

void fuzz_broker_frame(struct fuzz_broker *self, size_t agent, struct slice frame)
{
    const struct core_fixture *template = fuzz_broker_template();

    core_frame(self->core, agent + 1, template->agents[agent].keys.curve_public, frame);
}

void fuzz_broker_hello(struct fuzz_broker *self, size_t agent)
{
    struct fake_agent *who = &fuzz_broker_template()->agents[agent];
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Hello hello = WAYPOST__HELLO__INIT;
    uint32_t versions[] = {1};
    uint8_t instance[16] = {1};
    char network[] = FIXTURE_NETWORK;
    struct buf bytes = {0};

    hello.n_versions = 1;
    hello.versions = versions;
    hello.network = network;
    hello.agent = who->keys.id;
    hello.incarnation = who->incarnation;
    hello.receipted_sequence = hello.sent_sequence = who->sent;
    hello.stream_epoch = who->epoch;
    hello.stream_upto = who->upto;
    hello.has_running_hash = true;
    hello.running_hash = (ProtobufCBinaryData){HASH_BYTES, who->running.b};
    hello.ack_counter = who->counter;
    hello.register_version = 1;
    hello.credit_events = 16;
    hello.credit_bytes = 65536;
    hello.instance = (ProtobufCBinaryData){sizeof instance, instance};
    frame.body_case = WAYPOST__FRAME__BODY_HELLO;
    frame.hello = &hello;
    frame_encode(&frame, &bytes);
    fuzz_broker_frame(self, agent, buf_slice(&bytes));
    buf_free(&bytes);
}

void fuzz_broker_settle(struct fuzz_broker *self)
{
    bool busy = true;

    for (int round = 0; busy; round++) {
        assert(round < ROUNDS_MAX);
        while (self->job_count > 0) {
            struct verify_job *job = self->jobs[--self->job_count];
            verify_job_run(job);
            core_verified(self->core, job);
        }
        journal_commit_t *commit = journal_cut(self->journal);
        busy = commit != NULL;
        if (busy) {
            int rc = journal_write(self->journal, commit);
            assert(rc == 0);
            journal_settle(self->journal, &commit);
            core_durable(self->core);
        }
        busy = busy || self->job_count > 0;
    }
}
