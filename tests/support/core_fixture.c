/*
 * core_fixture: see core_fixture.h. Register, ports, disk and crypto thread; the agents stand in core_agent.c.
 */
#include "tests/support/core_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/core_internal.h"
#include "broker/net/procedure_files.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/register/envelope.h"
#include "register.pb-c.h"

#include "common/base/banned.h"

/* ---- register ---- */

static const struct {
    const char *code, *name, *region;
    int32_t until_day; /* 0: in force */
    const char *successors[2];
} authorities[] = {
    {CODE_LEEDS, "Leeds", "E12000003", 0, {NULL, NULL}},
    {CODE_BARNSLEY_NEW, "Barnsley", "E12000003", 0, {NULL, NULL}},
    {CODE_NOBODY, "Nobody", "E12000007", 0, {NULL, NULL}},
    {CODE_CAMDEN, "Camden", "E12000007", 0, {NULL, NULL}},
    {CODE_ISLINGTON, "Islington", "E12000007", 0, {NULL, NULL}},
    {CODE_BARNSLEY, "Barnsley (old)", "E12000003", 20179, {CODE_BARNSLEY_NEW, NULL}},
    {CODE_SURREY, "Surrey", "E12000008", 20179, {CODE_CAMDEN, CODE_NOBODY}},
};

enum { AUTHORITIES = sizeof authorities / sizeof authorities[0] };

static int by_code(const void *a, const void *b)
{
    const Waypost__Authority *const *one = a;
    const Waypost__Authority *const *two = b;

    return strcmp((*one)->code, (*two)->code);
}

static int by_id(const void *a, const void *b)
{
    const Waypost__Agent *const *one = a;
    const Waypost__Agent *const *two = b;

    return strcmp((*one)->id, (*two)->id);
}

static char *unconst(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void authorities_fill(Waypost__Authority *rows, Waypost__Authority **list)
{
    for (size_t i = 0; i < AUTHORITIES; i++) {
        waypost__authority__init(&rows[i]);
        rows[i].code = unconst(authorities[i].code);
        rows[i].name = unconst(authorities[i].name);
        rows[i].region = unconst("Region");
        rows[i].region_code = unconst(authorities[i].region);
        rows[i].has_until_day = authorities[i].until_day != 0;
        rows[i].until_day = authorities[i].until_day;
        rows[i].successors = (char **)(uintptr_t)authorities[i].successors;
        rows[i].n_successors =
            (authorities[i].successors[0] != NULL) + (size_t)(authorities[i].successors[1] != NULL);
        list[i] = &rows[i];
    }
    qsort(list, AUTHORITIES, sizeof(Waypost__Authority *), by_code);
}

/* One agent as it goes into the register. */
struct row {
    Waypost__Agent agent;
    Waypost__Key keys[3];
    Waypost__Key *key_list[3];
    Waypost__Role roles[3];
    char *region[1];
    char *acts_for[1];
};

static void key_fill(struct row *row, size_t at, Waypost__KeyUse use, uint8_t *key)
{
    waypost__key__init(&row->keys[at]);
    row->keys[at].use = use;
    row->keys[at].key = (ProtobufCBinaryData){32, key};
    row->keys[at].from_ms = 1;
    row->key_list[at] = &row->keys[at];
}

static void row_fill(struct fake_agent *agent, struct row *row)
{
    waypost__agent__init(&row->agent);
    row->agent.id = agent->keys.id;
    row->agent.code = agent->code[0] == '\0' ? NULL : unconst(agent->code);
    for (int role = 1; role <= 3; role++) {
        if ((agent->roles >> role & 1) != 0) {
            row->roles[row->agent.n_roles++] = (Waypost__Role)role;
        }
    }
    row->agent.roles = row->roles;
    key_fill(row, 0, WAYPOST__KEY_USE__CURVE, agent->keys.curve_public);
    key_fill(row, 1, WAYPOST__KEY_USE__SIGN, agent->keys.sign_public);
    key_fill(row, 2, WAYPOST__KEY_USE__SEAL, agent->keys.seal_public);
    row->agent.n_keys = 3;
    row->agent.keys = row->key_list;
    row->region[0] = unconst(agent->region);
    row->agent.regions = row->region;
    row->agent.n_regions = agent->region[0] != '\0';
    row->acts_for[0] = unconst(agent->acts_for);
    row->agent.acts_for = row->acts_for;
    row->agent.n_acts_for = agent->acts_for[0] != '\0';
    row->agent.has_revoked_ms = agent->revoked_ms != INT64_MAX;
    row->agent.revoked_ms = agent->revoked_ms;
}

static void register_encode(struct core_fixture *self, struct buf *out)
{
    Waypost__Register book = WAYPOST__REGISTER__INIT;
    Waypost__Broker broker = WAYPOST__BROKER__INIT;
    Waypost__Broker *brokers[] = {&broker};
    Waypost__Authority rows[AUTHORITIES];
    Waypost__Authority *list[AUTHORITIES];
    struct row *agents = mem_new(self->agent_count, sizeof *agents);
    Waypost__Agent *agent_list[FIXTURE_AGENTS_MAX];
    ProtobufCBinaryData roots[] = {{32, self->root.sign_public}};
    uint8_t curve[32] = {9};

    authorities_fill(rows, list);
    for (size_t i = 0; i < self->agent_count; i++) {
        row_fill(&self->agents[i], &agents[i]);
        agent_list[i] = &agents[i].agent;
    }
    qsort(agent_list, self->agent_count, sizeof(Waypost__Agent *), by_id);
    broker.endpoint = unconst("tcp://broker.example:5670");
    broker.curve_key = (ProtobufCBinaryData){32, curve};
    broker.head_key = (ProtobufCBinaryData){32, self->base.head_public};
    book.network = unconst(FIXTURE_NETWORK);
    book.version = ++self->version;
    book.has_previous = self->version > 1;
    book.previous = (ProtobufCBinaryData){HASH_BYTES, self->register_hash.b};
    book.n_roots = 1;
    book.roots = roots;
    book.threshold = 1;
    book.issued_ms = self->base.wall_ms;
    book.n_authorities = AUTHORITIES;
    book.authorities = list;
    book.n_agents = self->agent_count;
    book.agents = agent_list;
    book.n_brokers = 1;
    book.brokers = brokers;
    message_encode(&book.base, out);
    free(agents);
}

void core_fixture_register_build(struct core_fixture *self)
{
    struct buf bytes = {0};
    struct complaint why = {0};

    register_encode(self, &bytes);
    buf_clear(&self->register_bytes);
    int rc = envelope_sign(&self->register_bytes, buf_slice(&bytes), &self->root, &why);
    assert(rc == 0);
    self->register_hash = hash_of("waypost/register/1", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
}

int core_fixture_register(struct core_fixture *self, struct complaint *why)
{
    struct register_pin pin = {.network = FIXTURE_NETWORK, .root_count = 1, .threshold = 1};

    memcpy(pin.roots[0], self->root.sign_public, 32);
    core_fixture_register_build(self);
    return core_register(self->core, buf_slice(&self->register_bytes), &pin, why);
}

/* ---- ports ---- */

static int port_send(void *context, uint64_t session, struct slice frame)
{
    struct core_fixture *self = context;

    assert(frame.len <= FRAME_BYTES_MAX);
    if (session == self->unreachable) {
        return E_UNREACHABLE;
    }
    assert(self->out_count < FIXTURE_LOG_MAX);
    self->out[self->out_count].session = session;
    buf_put_slice(&self->out[self->out_count].frame, frame);
    self->out_count++;
    return 0;
}

static void port_verify(void *context, struct verify_job *job)
{
    struct core_fixture *self = context;

    assert(self->job_count < FIXTURE_JOBS_MAX);
    self->jobs[self->job_count++] = job;
}

static uint64_t port_free_bytes(void *context)
{
    const struct core_fixture *self = context;

    return self->free_bytes;
}

/* ---- life ---- */

static void core_make(struct core_fixture *self)
{
    self->core = core_new(&self->options, &self->base.world, self->base.journal, &self->ports);
    if (self->has_register_file) {
        core_spare_register(self->core, buf_slice(&self->register_bytes));
    }
}

static void core_start(struct core_fixture *self)
{
    struct complaint why = {0};

    int rc = journal_fixture_open(&self->base);
    assert(rc == 0);
    core_make(self);
    rc = core_recover(self->core, &why);
    if (rc != 0) {
        (void)fprintf(stderr, "recover: %s\n", why.text);
    }
    assert(rc == 0);
}

static void core_end(struct core_fixture *self)
{
    for (size_t i = 0; i < self->job_count; i++) {
        verify_job_destroy(&self->jobs[i]);
    }
    for (size_t i = 0; i < self->out_count; i++) {
        buf_free(&self->out[i].frame);
    }
    self->job_count = self->out_count = 0;
    core_destroy(&self->core);
    if (self->commit != NULL) { /* never written */
        journal_settle(self->base.journal, &self->commit);
    }
    for (size_t i = 0; i < self->agent_count; i++) {
        self->agents[i].session = 0;
        self->agents[i].welcomed = false;
    }
}

void core_fixture_crash(struct core_fixture *self, size_t torn)
{
    core_end(self);
    journal_fixture_crash(&self->base, torn);
    core_start(self);
}

void core_fixture_crash_into(struct core_fixture *self, size_t torn, uint64_t n)
{
    struct complaint why = {0};

    core_end(self);
    journal_fixture_crash(&self->base, torn);
    self->base.faults.fail_at = self->base.faults.calls + n;
    self->base.faults.fail_for_ever = true;
    if (journal_fixture_open(&self->base) == 0) {
        core_make(self);
        (void)core_recover(self->core, &why);
    }
}

void core_fixture_restart(struct core_fixture *self)
{
    core_end(self);
    journal_fixture_close(&self->base);
    core_start(self);
}

void core_fixture_put_back(struct core_fixture *self, struct disk *copy)
{
    core_end(self);
    journal_fixture_close(&self->base);
    disk_memory_close(&self->base.memory);
    self->base.memory = *copy;
    faulty_disk_init(&self->base.faults, &self->base.memory, &self->base.disk);
    core_start(self);
}

void core_fixture_stop(struct core_fixture *self)
{
    core_end(self);
    journal_fixture_close(&self->base);
}

int core_fixture_try_restart(struct core_fixture *self)
{
    struct complaint why = {0};

    core_end(self);
    journal_fixture_close(&self->base);
    int rc = journal_fixture_open(&self->base);
    if (rc == 0) {
        core_make(self);
        rc = core_recover(self->core, &why);
    }
    return rc;
}

static struct fake_agent *agent_add(
    struct core_fixture *self, const char *id, const char *code, uint32_t role)
{
    struct fake_agent *agent = &self->agents[self->agent_count++];

    agent->fixture = self;
    keys_make(&self->base.world, id, &agent->keys);
    agent->code = code;
    agent->roles = 1U << role;
    agent->region = agent->acts_for = "";
    agent->revoked_ms = INT64_MAX;
    agent->incarnation = self->agent_count * 1000;
    agent->credit_events = 1024;
    agent->credit_bytes = 4194304;
    return agent;
}

void core_fixture_init(struct core_fixture *self)
{
    memset(self, 0, sizeof *self);
    journal_fixture_init(&self->base);
    self->arena = arena_new(16777216);
    self->arena_find = arena_new(16777216);
    self->free_bytes = UINT64_C(1) << 40;
    self->options = (struct core_options){.network = FIXTURE_NETWORK,
        .credit_events = 256,
        .credit_bytes = 1048576,
        .heartbeat_ms = 10000,
        .session_ms = 30000,
        .snapshot_bytes = UINT64_MAX,
        .free_bytes_min = 1073741824,
        .inflight_bytes_max = 67108864,
        .backing = counted_backing(&self->memory)};
    self->ports = (struct core_ports){.context = self,
        .send = port_send,
        .verify = port_verify,
        .free_bytes = port_free_bytes,
        .mark = &self->mark};
    keys_make(&self->base.world, "root-1", &self->root);
    (void)agent_add(self, CODE_ISLINGTON, CODE_ISLINGTON, REGISTER_ROLE_AUTHORITY);
    (void)agent_add(self, CODE_CAMDEN, CODE_CAMDEN, REGISTER_ROLE_AUTHORITY);
    (void)agent_add(self, CODE_LEEDS, CODE_LEEDS, REGISTER_ROLE_AUTHORITY);
    agent_add(self, "hub-london", "", REGISTER_ROLE_HUB)->region = "E12000007";
    (void)agent_add(self, "operator-1", "", REGISTER_ROLE_OPERATOR);
    core_start(self);
    struct complaint why = {0};
    int rc = core_fixture_register(self, &why);
    if (rc != 0) {
        (void)fprintf(stderr, "register: %s\n", why.text);
    }
    assert(rc == 0);
    while (core_fixture_commit(self)) {
    }
}

void core_fixture_free(struct core_fixture *self)
{
    core_end(self);
    assert(self->memory.pieces == 0);
    for (size_t i = 0; i < FIXTURE_AGENTS_MAX; i++) {
        struct fake_agent *agent = &self->agents[i];
        for (size_t k = 0; k < agent->own_count; k++) {
            buf_free(&agent->own[k].bytes);
        }
        free(agent->own);
        free(agent->log);
        buf_free(&agent->seen_head);
    }
    buf_free(&self->register_bytes);
    arena_destroy(&self->arena);
    arena_destroy(&self->arena_find);
    journal_fixture_free(&self->base);
}

void core_fixture_procedures(struct core_fixture *self, const char *folder)
{
    struct complaint why = {0};
    struct buf bytes = {0};
    int rc = folder == NULL ? 0 : procedure_files_read(folder, &bytes, &why);

    rc = rc != 0 ? rc : core_procedures(self->core, buf_slice(&bytes), &why);
    if (rc != 0) {
        (void)fprintf(stderr, "procedures: %s\n", why.text);
    }
    assert(rc == 0);
    buf_free(&bytes);
    while (core_fixture_commit(self)) {
    }
}

void core_fixture_pass(struct core_fixture *self, int64_t ms)
{
    self->base.wall_ms += ms;
    self->base.mono_ms += ms;
    core_tick(self->core);
}

/* ---- the disk and the crypto thread, by hand ---- */

bool core_fixture_cut(struct core_fixture *self)
{
    assert(self->commit == NULL);
    self->commit = journal_cut(self->base.journal);
    return self->commit != NULL;
}

void core_fixture_written(struct core_fixture *self)
{
    int rc = journal_write(self->base.journal, self->commit);

    assert(rc == 0);
    journal_settle(self->base.journal, &self->commit);
    core_durable(self->core);
}

bool core_fixture_commit(struct core_fixture *self)
{
    if (self->commit == NULL && !core_fixture_cut(self)) {
        return false;
    }
    core_fixture_written(self);
    return true;
}

void core_fixture_verify_one(struct core_fixture *self, size_t index)
{
    struct verify_job *job = self->jobs[index];

    memmove(&self->jobs[index], &self->jobs[index + 1],
        (--self->job_count - index) * sizeof(struct verify_job *));
    verify_job_run(job);
    core_verified(self->core, job);
}

void core_fixture_verify(struct core_fixture *self)
{
    while (self->job_count > 0) {
        core_fixture_verify_one(self, 0);
    }
}

void core_fixture_snapshot(struct core_fixture *self)
{
    struct buf state = {0};
    uint64_t size;
    uint64_t position;
    uint64_t keep = self->options.snapshot_bytes;

    self->options.snapshot_bytes = 0;
    core_fixture_restart(self); /* options are taken at the start */
    bool due = core_snapshot_due(self->core, &state, &size, &position);
    assert(due);
    int rc = journal_snapshot_write(
        self->base.journal, SNAPSHOT_TRANSPORT, size, position, buf_slice(&state));
    assert(rc == 0);
    self->options.snapshot_bytes = keep;
    buf_free(&state);
}

void core_fixture_state(struct core_fixture *self, struct buf *out)
{
    snapshot_encode(self->core, out);
}

void core_fixture_settle(struct core_fixture *self)
{
    bool busy = true;

    while (busy) {
        core_fixture_verify(self);
        busy = core_fixture_commit(self);
        core_fixture_listen(self);
        for (size_t i = 0; i < self->agent_count; i++) {
            struct fake_agent *agent = &self->agents[i];
            if (agent->welcomed && agent->acked < agent->upto) {
                (agent->ack_refused ? agent_hello : agent_acknowledge)(agent);
                busy = true;
            }
        }
        busy = busy || self->job_count > 0;
    }
}

void core_fixture_settle_some(struct core_fixture *self)
{
    enum { TURNS = 40 };

    for (int turn = 0; turn < TURNS; turn++) {
        core_fixture_verify(self);
        (void)core_fixture_commit(self);
        core_fixture_listen(self);
        for (size_t i = 0; i < self->agent_count; i++) {
            struct fake_agent *agent = &self->agents[i];
            if (agent->welcomed && agent->acked < agent->upto) {
                agent_acknowledge(agent);
            }
        }
    }
}

/* ---- for cmocka ---- */

void core_fixture_hello(struct core_fixture *self)
{
    for (size_t i = 0; i < self->agent_count; i++) {
        agent_hello(&self->agents[i]);
    }
    core_fixture_settle(self);
}

int core_fixture_setup(void **state)
{
    struct core_fixture *fixture = mem_new(1, sizeof *fixture);

    log_init("test", LOG_ERROR);
    core_fixture_init(fixture);
    core_fixture_hello(fixture);
    *state = fixture;
    return 0;
}

int core_fixture_teardown(void **state)
{
    core_fixture_free(*state);
    free(*state);
    return 0;
}
