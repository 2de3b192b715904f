/*
 * sim: one seed from its beginning to its end. Whoever dies comes back after a while; what cannot
 * be set up is asserted, what breaks a promise is kept as the failure.
 */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "tests/support/disk_vfs.h"

#include "common/base/banned.h"

#define START_MS INT64_C(1773655500000) /* 2026-03-16T10:05Z, a Monday */
#define FREE_BYTES (UINT64_C(1) << 40)
#define SILENCE_MAX_MS (UINT64_C(40) * 86400000)

enum {
    SEGMENT_BYTES = 1048576,
    AWAY_MAX_MS = 4000, /* who died comes back within */
    SETTLE_MS = 500,
    LAST_ACTIONS = 10,
    HEALED_LIMIT_MS = 7200000, /* after healing everything must be done by then */
    TORN_MAX = 8192
};

/* ---- chance, words ---- */

uint64_t sim_random(struct sim *self, uint64_t below)
{
    return below == 0 ? 0 : virtual_random(&self->random) % below;
}

bool sim_chance(struct sim *self, unsigned percent)
{
    return sim_random(self, 100) < percent;
}

bool sim_has(const struct sim *self, enum sim_fault fault)
{
    return (self->plan.faults & (unsigned)fault) != 0;
}

void sim_fail(struct sim *self, const char *promise, const char *format, ...)
{
    char text[SIM_FAILURE_BYTES - 64];
    va_list args;

    if (self->failure[0] != '\0') {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)snprintf(self->failure, sizeof self->failure, "%s: %s", promise, text);
    sim_trace(self, "BROKEN %s", self->failure);
}

void sim_trace(const struct sim *self, const char *format, ...)
{
    va_list args;

    if (!self->trace) {
        return;
    }
    (void)printf(
        "%9lld ms  ", self->network == NULL ? 0 : (long long)virtual_time(self->network)->mono_ms);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)printf("\n");
    (void)fflush(stdout);
}

/* ---- hooks ---- */

static int64_t some_ms(struct sim *self, int64_t max_ms)
{
    return max_ms == 0 ? 0 : (int64_t)sim_random(self, (uint64_t)max_ms + 1);
}

static int64_t hook_travel(void *context, size_t agent, bool to_broker)
{
    struct sim *self = context;

    (void)agent;
    (void)to_broker;
    return some_ms(self, self->plan.travel_max_ms);
}

static int64_t hook_sync(void *context)
{
    struct sim *self = context;
    bool slow = sim_has(self, FAULT_BROKER_SLOW) && !self->healing && sim_chance(self, 10);

    return slow ? some_ms(self, 10000) : some_ms(self, self->plan.sync_max_ms);
}

static int64_t hook_verify(void *context)
{
    struct sim *self = context;

    return some_ms(self, self->plan.verify_max_ms);
}

static bool hook_frame(void *context, size_t agent, bool to_broker, struct slice frame)
{
    return watch_frame(context, agent, to_broker, frame);
}

static uint64_t hook_free_bytes(void *context)
{
    return ((const struct sim *)context)->free_bytes;
}

static void hook_broker_failed(void *context, int rc)
{
    struct sim *self = context;

    sim_trace(self, "broker ends: its disk failed (%s)", err_name(rc));
    sim_broker_dies(self, self->disk.power_failed || (!self->disk.killed && sim_chance(self, 50)));
}

/* ---- setting up ---- */

static void add_rows(struct sim *self)
{
    for (size_t i = 0; i < SIM_AUTHORITIES; i++) {
        virtual_add_authority(self->network,
            &(struct book_authority){.code = sim_keys(i)->id,
                .name = sim_keys(i)->id,
                .region_code = i % 2 == 0 ? "E12000007" : "E12000003",
                .from_day = INT32_MIN,
                .until_day = INT32_MAX});
    }
    for (size_t i = 0; i < SIM_AGENTS; i++) {
        struct sim_agent *agent = &self->agents[i];
        bool authority = i < SIM_AUTHORITIES;
        (void)snprintf(agent->id, sizeof agent->id, "%s", sim_keys(i)->id);
        (void)snprintf(agent->database, sizeof agent->database, "a%02zu.db", i);
        agent->lives = i < self->plan.agents || i == SIM_HUB || i == SIM_OPERATOR;
        agent->back_ms = agent->lives ? 0 : INT64_MAX;
        (void)virtual_add_agent(self->network,
            &(struct virtual_member){.id = agent->id,
                .code = authority ? sim_keys(i)->id : "",
                .role = authority  ? REGISTER_ROLE_AUTHORITY
                    : i == SIM_HUB ? REGISTER_ROLE_HUB
                                   : REGISTER_ROLE_OPERATOR,
                .region = i == SIM_HUB ? "*" : "",
                .acts_for = "",
                .database = agent->database,
                .keys = sim_keys(i)});
    }
}

static void mount(struct sim *self, size_t index)
{
    struct sim_agent *agent = &self->agents[index];
    const struct disk *disk = &agent->disk.table;
    char name[DISK_VFS_NAME_BYTES];
    int file = -1;

    (void)snprintf(name, sizeof name, "a%02zu", index);
    sim_disk_open(&agent->disk);
    disk_vfs_mount(name, disk);
    if (sim_chance(self, 3)) {
        return; /* it begins with nothing */
    }
    int rc = disk->open(disk->context, agent->database, true, &file);
    assert(rc == 0);
    (void)disk->write_at(disk->context, file, buf_slice(sim_empty_database(index)), 0);
    (void)disk->sync_data(disk->context, file);
    (void)disk->sync_dir(disk->context);
    disk->close(disk->context, file);
}

static void set_up(struct sim *self)
{
    sim_disk_open(&self->disk);
    disk_vfs_seed(self->seed);
    self->free_bytes = FREE_BYTES;
    self->hostile = SIM_NOBODY;
    self->rot_away = SIM_NOBODY;
    const struct virtual_options options = {.network = "sim",
        .seed = virtual_random(&self->random),
        .start_ms = START_MS,
        .disk = self->disk.table,
        .segment_bytes = SEGMENT_BYTES,
        .snapshot_bytes = self->plan.snapshot_bytes,
        .tables = self->plan.procedures ? sim_tables() : slice_of(NULL, 0),
        .credit_events = self->plan.credit_events,
        .hooks = {.context = self,
            .travel_ms = hook_travel,
            .sync_ms = hook_sync,
            .verify_ms = hook_verify,
            .frame = hook_frame,
            .free_bytes = hook_free_bytes,
            .broker_failed = hook_broker_failed}};
    self->network = virtual_network_new(&options);
    add_rows(self);
    for (size_t i = 0; i < SIM_AGENTS; i++) {
        if (self->agents[i].lives) {
            mount(self, i);
        }
    }
    watch_new(self);
    if (sim_has(self, FAULT_HOSTILE)) {
        hostile_new(self);
    }
    self->late = SIM_NOBODY;
    if (sim_has(self, FAULT_REGISTER) && self->plan.agents > 3 && sim_chance(self, 40)) {
        self->late = 1;
        self->agents[self->late].newcomer = true;
        virtual_list(self->network, self->late, false);
    }
    virtual_register(self->network);
    self->broker_back_ms = 0;
}

static void tear_down(struct sim *self)
{
    virtual_network_destroy(&self->network);
    for (size_t i = 0; i < SIM_AGENTS; i++) {
        if (self->agents[i].lives) {
            sim_disk_close(&self->agents[i].disk);
        }
        if (self->agents[i].has_copy) {
            sim_disk_close(&self->agents[i].copy);
        }
    }
    sim_disk_close(&self->disk);
    if (self->has_copy) {
        sim_disk_close(&self->copy);
    }
    watch_free(self);
    hostile_free(self);
}

/* ---- dying and coming back ---- */

static int64_t later(struct sim *self)
{
    return virtual_time(self->network)->mono_ms + 1 + some_ms(self, AWAY_MAX_MS);
}

void sim_broker_dies(struct sim *self, bool power)
{
    self->kills++;
    self->disk.dead = true;
    virtual_broker_kill(self->network);
    self->broker_power = power || self->broker_power;
    self->broker_back_ms = later(self);
    sim_trace(self, "broker is gone%s", power ? ", and its power" : "");
}

void sim_agent_dies(struct sim *self, size_t index, bool power)
{
    struct sim_agent *agent = &self->agents[index];

    self->kills++;
    agent->disk.dead = true; /* closing a database writes; a dead process does not */
    virtual_agent_kill(self->network, index);
    agent->power = power;
    agent->back_ms = later(self);
    sim_trace(self, "agent %s is gone%s", agent->id, power ? ", and its power" : "");
}

static bool may_be_passing(struct sim *self, const struct sim_disk *disk, int rc)
{
    return rc == E_FULL || disk->dead || (rc == E_IO && !self->healing);
}

static void start_broker(struct sim *self)
{
    struct complaint why = {0};

    sim_disk_revive(&self->disk, self->broker_power, sim_random(self, TORN_MAX));
    self->broker_power = false;
    rot_before_start(self);
    if (sim_has(self, FAULT_BROKER_DISK) && !self->healing && sim_chance(self, 20)) {
        self->disk.power_in = 1 + sim_random(self, 40); /* while it recovers */
    }
    int rc = virtual_broker_start(self->network, &why);
    sim_trace(self, "broker starts: %s", rc == 0 ? "it serves" : why.text);
    if (rc == 0) {
        self->starts++;
        self->broker_back_ms = INT64_MAX;
        /* The power may have gone as it destroyed a payload: there is nothing to read then. */
        if (!self->disk.dead) {
            watch_broker_started(self);
        }
        if (!self->disk.dead && self->rot_mended) {
            self->rot_mended = false;
            check_mended(self);
        }
        return;
    }
    bool refused = rc == E_CORRUPT && rot_mend(self); /* nobody could be served rightly */
    if (!refused && !may_be_passing(self, &self->disk, rc)) {
        sim_fail(self, "promise 1, accepted means on disk", "the broker does not start: %s (%s)",
            why.text, err_name(rc));
    }
    self->broker_power = self->disk.power_failed;
    self->disk.dead = true;
    self->broker_back_ms = later(self);
}

static void start_agent(struct sim *self, size_t index)
{
    struct sim_agent *agent = &self->agents[index];
    struct complaint why = {0};

    sim_disk_revive(&agent->disk, agent->power, sim_random(self, TORN_MAX));
    agent->power = false;
    int rc = virtual_agent_start(self->network, index, &why);
    sim_trace(self, "agent %s starts: %s", agent->id, rc == 0 ? "it is there" : why.text);
    if (rc == 0) {
        self->starts++;
        agent->back_ms = INT64_MAX;
        check_agent_started(self, index);
        return;
    }
    if (!may_be_passing(self, &agent->disk, rc)) {
        sim_fail(self, "promise 2, exactly one effect", "agent %s does not start: %s (%s)",
            agent->id, why.text, err_name(rc));
    }
    agent->power = agent->disk.power_failed;
    agent->back_ms = later(self);
}

/* From where on nothing of a revoked agent may stand in the journal. */
static void note_revocations(struct sim *self)
{
    if (!virtual_broker_up(self->network)) {
        return;
    }
    const register_t *book = core_register_in_force(virtual_core(self->network));
    for (size_t i = 0; book != NULL && i < SIM_AGENTS; i++) {
        struct sim_agent *agent = &self->agents[i];
        if (agent->revoked_version != 0 && agent->revoked_leaf == 0 &&
            register_version(book) >= agent->revoked_version) {
            agent->revoked_leaf = journal_size(virtual_journal(self->network));
        }
    }
}

/* What must happen between two steps. */
static void attend(struct sim *self)
{
    int64_t now_ms = virtual_time(self->network)->mono_ms;

    if (self->kill_broker && virtual_broker_up(self->network)) {
        sim_broker_dies(self, true);
    }
    self->kill_broker = false;
    if ((self->disk.power_failed || self->disk.killed) && virtual_broker_up(self->network)) {
        self->was_killed = !self->disk.power_failed;
        sim_broker_dies(self, self->disk.power_failed);
    }
    note_revocations(self);
    if (now_ms >= self->broker_back_ms) {
        start_broker(self);
    }
    for (size_t i = 0; i < SIM_AGENTS; i++) {
        struct sim_agent *agent = &self->agents[i];
        if ((agent->disk.power_failed || agent->disk.killed) &&
            virtual_agent_up(self->network, i)) {
            sim_agent_dies(self, i, agent->disk.power_failed);
        }
        if (now_ms >= agent->back_ms && i != self->hostile) {
            start_agent(self, i);
        }
    }
}

static int64_t next_start(const struct sim *self)
{
    int64_t at_ms = self->broker_back_ms;

    for (size_t i = 0; i < SIM_AGENTS; i++) {
        if (self->agents[i].back_ms < at_ms && i != self->hostile) {
            at_ms = self->agents[i].back_ms;
        }
    }
    return at_ms;
}

void sim_go_on(struct sim *self, int64_t for_ms)
{
    int64_t until_ms = virtual_time(self->network)->mono_ms + for_ms;

    for (;;) {
        attend(self);
        int64_t start_ms = next_start(self);
        int64_t step_ms = start_ms < until_ms ? start_ms : until_ms;
        bool stepped = virtual_step(self->network, step_ms);
        if (self->failure[0] != '\0' ||
            (!stepped && virtual_time(self->network)->mono_ms >= until_ms)) {
            return;
        }
    }
}

/* ---- the run ---- */

/* Until nothing is left to be done. */
static void settle(struct sim *self)
{
    int64_t left_ms = HEALED_LIMIT_MS;

    while (self->failure[0] == '\0' && left_ms > 0) {
        sim_go_on(self, SETTLE_MS);
        left_ms -= SETTLE_MS;
        if (self->failure[0] == '\0' && check_done(self)) {
            return;
        }
    }
    if (self->failure[0] == '\0') {
        sim_fail(self,
            strstr(self->undone, "withdrawn") != NULL ? "promise 8, evidence outlives content"
                                                      : "promise 3, nothing is dropped",
            "two hours after everything healed: %s", self->undone);
    }
}

static void heal(struct sim *self)
{
    self->healing = true;
    sim_trace(self, "everything heals");
    fault_heal(self);
    if (self->plan.procedures) { /* silence, long enough for most deadlines */
        virtual_leap(self->network, (int64_t)sim_random(self, SILENCE_MAX_MS));
    }
    settle(self);
}

/* New deadlines are set by what users do; then the broker is started again, and nobody speaks until they have run out. */
static void outlast(struct sim *self)
{
    for (unsigned i = 0; i < LAST_ACTIONS && self->failure[0] == '\0'; i++) {
        work_do(self);
        sim_go_on(self, some_ms(self, self->plan.pause_ms * 2));
    }
    settle(self);
    if (self->failure[0] == '\0') {
        silence_falls(self);
        settle(self);
    }
}

bool sim_run(struct sim *self, uint64_t seed, bool trace)
{
    *self =
        (struct sim){.seed = seed, .random = seed * UINT64_C(0x9e3779b97f4a7c15), .trace = trace};
    plan_make(self);
    if (trace) {
        plan_print(self);
    }
    set_up(self);
    for (size_t i = 0; i < self->plan.actions && self->failure[0] == '\0'; i++) {
        sim_go_on(self, some_ms(self, self->plan.pause_ms * 2));
        if (sim_chance(self, self->plan.fault_share)) {
            fault_do(self);
        } else {
            work_do(self);
        }
    }
    if (self->failure[0] == '\0') {
        heal(self);
    }
    if (self->failure[0] == '\0' && self->plan.procedures) {
        outlast(self);
    }
    if (self->failure[0] == '\0') {
        check_end(self);
    }
    self->frames = virtual_frames(self->network);
    tear_down(self);
    return self->failure[0] == '\0';
}
