/*
 * virtual_broker: the broker of the virtual network: its core on its journal, group commit and
 * verification as queues. A failed write ends it, as it ends the real one, and the hook is told.
 */
#include "client/lab/virtual_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

enum {
    TICK_MS = 250, /* as the real one's */
    CREDIT_EVENTS = 256,
    CREDIT_BYTES = 1048576,
    HEARTBEAT_MS = 10000,
    SESSION_MS = 30000,
    INFLIGHT_BYTES = 67108864
};

#define FREE_BYTES (UINT64_C(1) << 40)
#define FREE_BYTES_MIN (UINT64_C(1) << 30)

static virtual_network_t *network_of(void *context)
{
    return context;
}

/* ---- ports ---- */

static int port_send(void *context, uint64_t session, struct slice frame)
{
    virtual_network_t *self = network_of(context);

    assert(session > 0 && session <= self->wire_count);
    return wire_send(self, (uint32_t)(session - 1), false, frame);
}

static void port_verify(void *context, struct verify_job *job)
{
    virtual_network_t *self = network_of(context);
    const struct virtual_hooks *hooks = &self->options.hooks;
    int64_t delay_ms = hooks->verify_ms == NULL ? 0 : hooks->verify_ms(hooks->context);

    self->broker.verifying++;
    queue_put(self,
        (struct item){.at_ms = self->clock.mono_ms + delay_ms,
            .kind = ITEM_VERIFIED,
            .life = self->broker.life,
            .job = job});
}

static uint64_t port_free_bytes(void *context)
{
    const struct virtual_hooks *hooks = &network_of(context)->options.hooks;

    return hooks->free_bytes == NULL ? FREE_BYTES : hooks->free_bytes(hooks->context);
}

static int port_amend(void *context, procedures_t *tables, struct complaint *why)
{
    const struct virtual_hooks *hooks = &network_of(context)->options.hooks;

    return hooks->amend(hooks->context, tables, why);
}

static void port_heard(void *context, const struct engine_record *record)
{
    const struct virtual_hooks *hooks = &network_of(context)->options.hooks;

    hooks->heard(hooks->context, record);
}

/* ---- the disk ---- */

static void written_failed(virtual_network_t *self, int rc)
{
    const struct virtual_hooks *hooks = &self->options.hooks;

    virtual_broker_kill(self);
    if (hooks->broker_failed != NULL) {
        hooks->broker_failed(hooks->context, rc);
    }
}

/* Whatever arrived while the last commit was under way goes into the next. */
static void commit(virtual_network_t *self)
{
    struct virtual_broker *broker = &self->broker;
    const struct virtual_hooks *hooks = &self->options.hooks;

    if (broker->core == NULL || broker->commit != NULL ||
        journal_pending_bytes(broker->journal) == 0) {
        return;
    }
    broker->commit = journal_cut(broker->journal);
    int rc = journal_write(broker->journal, broker->commit);
    if (rc != 0) {
        written_failed(self, rc);
        return;
    }
    broker->rested = false;
    int64_t delay_ms = hooks->sync_ms == NULL ? 0 : hooks->sync_ms(hooks->context);
    queue_put(self,
        (struct item){
            .at_ms = self->clock.mono_ms + delay_ms, .kind = ITEM_SYNCED, .life = broker->life});
}

/* After every input. */
static void go_on(virtual_network_t *self)
{
    if (self->broker.core != NULL) {
        commit(self);
    }
    if (self->broker.core != NULL && core_folding(self->broker.core)) {
        core_fold(self->broker.core);
        commit(self);
    }
}

void broker_synced(virtual_network_t *self, const struct item *item)
{
    struct virtual_broker *broker = &self->broker;

    if (item->life != broker->life || broker->core == NULL) {
        return;
    }
    journal_settle(broker->journal, &broker->commit);
    core_durable(broker->core);
    go_on(self);
}

static int commit_all(virtual_network_t *self)
{
    struct virtual_broker *broker = &self->broker;
    journal_commit_t *pending;

    while ((pending = journal_cut(broker->journal)) != NULL) {
        int rc = journal_write(broker->journal, pending);
        if (rc != 0) {
            broker->commit = pending;
            return rc;
        }
        journal_settle(broker->journal, &pending);
        core_durable(broker->core);
    }
    return 0;
}

/* ---- register and tables ---- */

void broker_register(virtual_network_t *self)
{
    struct virtual_broker *broker = &self->broker;
    struct complaint why = {0};

    if (broker->core == NULL) {
        return;
    }
    const register_t *book = core_register_in_force(broker->core);
    if (book != NULL && register_version(book) >= self->book.version) {
        broker->register_pending = false;
        return;
    }
    int rc = core_register(broker->core, buf_slice(&self->book.signed_book), &self->pin, &why);
    /* E_STATE: an entry that it would move is in a lost record; its operator tries again. */
    assert(rc == 0 || rc == E_BUSY || rc == E_STATE);
    broker->register_pending = rc != 0;
}

static void take_tables(virtual_network_t *self)
{
    struct complaint why = {0};
    int rc = core_procedures(self->broker.core, self->options.tables, &why);

    assert(rc == 0 || rc == E_BUSY);
    self->broker.tables_pending = rc == E_BUSY;
}

bool broker_admits(virtual_network_t *self, const uint8_t *curve_key)
{
    const register_t *book = core_register_in_force(self->broker.core);
    const struct register_agent *agent = NULL;
    const struct register_key *key =
        book == NULL ? NULL : register_key_by_curve(book, curve_key, &agent);
    const struct world *world = &self->broker.world.world;

    return key != NULL && register_key_valid(agent, key, world->wall_ms(world->context)) == 0;
}

/* ---- life ---- */

void broker_init(virtual_network_t *self)
{
    struct virtual_broker *broker = &self->broker;

    virtual_world_init(&broker->world, &self->clock, virtual_random(&self->random));
    keys_make(&broker->world.world, "broker", &broker->keys);
    broker->disk = self->options.disk;
    if (broker->disk.context == NULL) {
        disk_memory_open(&broker->memory);
        broker->disk = broker->memory;
    }
}

void broker_free(virtual_network_t *self)
{
    virtual_broker_kill(self);
    if (self->broker.memory.context != NULL) {
        disk_memory_close(&self->broker.memory);
    }
    keys_wipe(&self->broker.keys);
}

static void broker_end(virtual_network_t *self)
{
    struct virtual_broker *broker = &self->broker;

    core_destroy(&broker->core);
    if (broker->commit != NULL) {
        journal_settle(broker->journal, &broker->commit);
    }
    journal_destroy(&broker->journal);
    broker->life++; /* what its threads were at is lost */
    broker->verifying = 0;
}

static int open_journal(virtual_network_t *self, struct complaint *why)
{
    struct virtual_broker *broker = &self->broker;
    const struct journal_options options = {.network = self->options.network,
        .head_public = broker->keys.sign_public,
        .head_secret = broker->keys.sign_secret,
        .world = &broker->world.world,
        .segment_bytes = self->options.segment_bytes};
    struct journal_recovery found;

    return journal_open(&broker->disk, &options, &broker->journal, &found, why);
}

static int open_core(virtual_network_t *self, struct complaint *why)
{
    struct virtual_broker *broker = &self->broker;
    const uint32_t granted = self->options.publish_events != 0 ? self->options.publish_events
                                                               : self->options.credit_events;
    const struct core_options options = {.network = self->options.network,
        .credit_events = granted != 0 ? granted : CREDIT_EVENTS,
        .credit_bytes = CREDIT_BYTES,
        .heartbeat_ms = HEARTBEAT_MS,
        .session_ms = SESSION_MS,
        .snapshot_bytes = self->options.snapshot_bytes,
        .free_bytes_min = FREE_BYTES_MIN,
        .inflight_bytes_max = INFLIGHT_BYTES};
    const struct core_ports ports = {.context = self,
        .send = port_send,
        .verify = port_verify,
        .free_bytes = port_free_bytes,
        .amend = self->options.hooks.amend == NULL ? NULL : port_amend,
        .heard = self->options.hooks.heard == NULL ? NULL : port_heard};

    broker->core = core_new(&options, &broker->world.world, broker->journal, &ports);
    core_spare_register(broker->core, buf_slice(&self->book.signed_book));
    int rc = core_recover(broker->core, why);
    if (rc != 0) {
        return rc;
    }
    broker_register(self);
    take_tables(self);
    return commit_all(self);
}

int virtual_broker_start(virtual_network_t *self, struct complaint *why)
{
    struct virtual_broker *broker = &self->broker;

    assert(broker->core == NULL && self->book.version > 0);
    int rc = open_journal(self, why);
    if (rc != 0) {
        return rc;
    }
    rc = open_core(self, why);
    if (rc != 0) {
        broker_end(self);
        return rc;
    }
    broker->tick_ms = self->clock.mono_ms;
    go_on(self);
    return 0;
}

void virtual_broker_kill(virtual_network_t *self)
{
    if (self->broker.core == NULL) {
        return;
    }
    broker_end(self);
    for (uint32_t i = 0; i < self->wire_count; i++) {
        if (self->wires[i].broker_end) {
            wire_close(self, i, true);
        }
    }
}

bool virtual_broker_up(const virtual_network_t *self)
{
    return self->broker.core != NULL;
}

/* ---- inputs ---- */

void broker_frame(virtual_network_t *self, uint32_t wire, struct slice frame)
{
    core_frame(self->broker.core, (uint64_t)wire + 1, self->wires[wire].curve_key, frame);
    go_on(self);
}

void broker_verified(virtual_network_t *self, struct item *item)
{
    if (item->life != self->broker.life || self->broker.core == NULL) {
        return;
    }
    struct verify_job *job = item->job;
    item->job = NULL;
    self->broker.verifying--;
    verify_job_run(job);
    core_verified(self->broker.core, job);
    go_on(self);
}

static int keep_snapshot(struct virtual_broker *broker)
{
    struct buf state = {0};
    uint64_t size = 0;
    uint64_t next_position = 0;
    int rc = 0;

    if (core_snapshot_due(broker->core, &state, &size, &next_position)) {
        rc = journal_snapshot_write(
            broker->journal, SNAPSHOT_TRANSPORT, size, next_position, buf_slice(&state));
    }
    buf_clear(&state);
    if (rc == 0 &&
        core_procedures_snapshot_due(broker->core, false, &state, &size, &next_position)) {
        rc = journal_snapshot_write(
            broker->journal, SNAPSHOT_PROCEDURES, size, next_position, buf_slice(&state));
    }
    buf_free(&state);
    return rc == E_RANGE || rc == E_TOO_LARGE ? 0 : rc;
}

static int disk_tick(struct virtual_broker *broker)
{
    int rc = keep_snapshot(broker);

    if (rc == 0 && broker->commit == NULL && !broker->rested) {
        rc = journal_rest(broker->journal);
        broker->rested = rc == 0;
    }
    return rc;
}

void broker_tick(virtual_network_t *self)
{
    struct virtual_broker *broker = &self->broker;

    broker->tick_ms = self->clock.mono_ms + TICK_MS;
    core_tick(broker->core);
    if (broker->register_pending) {
        broker_register(self);
    }
    if (broker->tables_pending) {
        take_tables(self);
    }
    int rc = disk_tick(broker);
    if (rc != 0) {
        written_failed(self, rc);
        return;
    }
    go_on(self);
}

/* ---- asking ---- */

core_t *virtual_core(virtual_network_t *self)
{
    return self->broker.core;
}

journal_t *virtual_journal(virtual_network_t *self)
{
    return self->broker.journal;
}

struct virtual_world *virtual_broker_world(virtual_network_t *self)
{
    return &self->broker.world;
}

const struct keys *virtual_broker_keys(const virtual_network_t *self)
{
    return &self->broker.keys;
}
