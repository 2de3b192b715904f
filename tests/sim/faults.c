/* faults: what goes wrong, as the plan of the seed allows, and how it is made good again. */
#include "tests/sim/sim.h"

#include "common/base/banned.h"

#define HOUR_MS INT64_C(3600000)
#define LEAP_MAX_MS (UINT64_C(10) * 86400000)
#define FREE_BYTES (UINT64_C(1) << 40)

enum { FAULT_CALLS_MAX = 60, TRIES = 40, HOSTILE_PERCENT = 70, ROT_PERCENT = 60 };

static size_t some_agent(struct sim *self)
{
    size_t agent = sim_random(self, self->plan.agents + 2);

    agent = agent < self->plan.agents ? agent : agent == self->plan.agents ? SIM_HUB : SIM_OPERATOR;
    return agent == self->hostile ? SIM_HUB : agent;
}

/* ---- network ---- */

static void cut(struct sim *self)
{
    size_t agent = some_agent(self);

    sim_trace(self, "connection of %s breaks", self->agents[agent].id);
    virtual_cut(self->network, agent, true, true);
}

static void half_open(struct sim *self)
{
    size_t agent = some_agent(self);
    bool told_agent = sim_chance(self, 50);

    sim_trace(self, "connection of %s breaks, told to %s", self->agents[agent].id,
        told_agent ? "the agent" : "nobody");
    virtual_cut(self->network, agent, told_agent, false);
}

static void partition(struct sim *self)
{
    size_t agent = some_agent(self);
    enum virtual_link link = (enum virtual_link)sim_random(self, 3);

    sim_trace(self, "link of %s: %s", self->agents[agent].id,
        link == LINK_UP         ? "up"
            : link == LINK_DOWN ? "down"
                                : "silent");
    virtual_link(self->network, agent, link);
}

/* ---- processes, disks ---- */

static void broker_kill(struct sim *self)
{
    if (virtual_broker_up(self->network)) {
        sim_broker_dies(self, false);
    }
}

static void broker_power(struct sim *self)
{
    if (virtual_broker_up(self->network)) {
        sim_broker_dies(self, true);
    }
}

static void disk_fault(struct sim *self, struct sim_disk *disk)
{
    uint64_t calls = 1 + sim_random(self, FAULT_CALLS_MAX);

    switch (sim_random(self, 6)) {
    case 0:
        disk->fail_in = calls;
        break;
    case 1:
        disk->power_in = calls;
        break;
    case 2:
        disk->kill_in = calls;
        break;
    case 3:
        disk->kill_at_sync = true;
        break;
    default:
        disk->full = !disk->full;
        break;
    }
}

static void broker_disk(struct sim *self)
{
    disk_fault(self, &self->disk);
    self->free_bytes = sim_chance(self, 30) ? 1 : FREE_BYTES;
    sim_trace(self, "broker's disk: full %d, fails in %llu, power in %llu, free %llu",
        self->disk.full, (unsigned long long)self->disk.fail_in,
        (unsigned long long)(self->disk.power_in + self->disk.kill_in),
        (unsigned long long)self->free_bytes);
}

static void agent_kill(struct sim *self)
{
    size_t agent = some_agent(self);

    if (virtual_agent_up(self->network, agent)) {
        sim_agent_dies(self, agent, false);
    }
}

static void agent_power(struct sim *self)
{
    size_t agent = some_agent(self);

    if (virtual_agent_up(self->network, agent)) {
        sim_agent_dies(self, agent, true);
    }
}

static void agent_disk(struct sim *self)
{
    size_t agent = some_agent(self);
    struct sim_disk *disk = &self->agents[agent].disk;

    disk_fault(self, disk);
    sim_trace(self, "disk of %s: full %d, fails in %llu, power in %llu", self->agents[agent].id,
        disk->full, (unsigned long long)disk->fail_in, (unsigned long long)disk->power_in);
}

/* ---- clocks ---- */

static int64_t some_step(struct sim *self)
{
    static const int64_t steps_ms[] = {0, 0, 4000, -4000, HOUR_MS, -HOUR_MS};

    return steps_ms[sim_random(self, sizeof steps_ms / sizeof steps_ms[0])];
}

static void broker_clock(struct sim *self)
{
    virtual_broker_world(self->network)->off_ms = some_step(self);
    sim_trace(self, "broker's clock is off by %lld ms",
        (long long)virtual_broker_world(self->network)->off_ms);
    if (sim_chance(self, 50) && virtual_broker_up(self->network)) {
        core_trust_clock(virtual_core(self->network));
    }
}

static void agent_clock(struct sim *self)
{
    size_t agent = some_agent(self);

    virtual_agent_world(self->network, agent)->off_ms = some_step(self);
    sim_trace(self, "clock of %s is off by %lld ms", self->agents[agent].id,
        (long long)virtual_agent_world(self->network, agent)->off_ms);
}

/* ---- the register, the operator ---- */

static void new_register(struct sim *self)
{
    bool lists = self->late != SIM_NOBODY && (self->healing || sim_chance(self, 40));
    sim_trace(self, "a new register%s", lists ? ", and it names the agent that is new" : "");
    if (lists) {
        virtual_list(self->network, self->late, true);
        self->late = SIM_NOBODY;
    }
    virtual_register(self->network);
}

static void revoke(struct sim *self)
{
    size_t agent = sim_random(self, self->plan.agents);

    if (self->plan.agents < 4 || !sim_chance(self, 20) || agent == self->hostile ||
        self->agents[agent].lost) {
        return;
    }
    sim_trace(self, "agent %s is revoked", self->agents[agent].id);
    self->agents[agent].lost = true;
    self->agents[agent].revoked_version = virtual_book(self->network)->version + 1;
    virtual_revoke(self->network, agent);
    virtual_register(self->network);
}

static void hold(struct sim *self)
{
    if (self->send_count == 0 || !virtual_agent_up(self->network, SIM_OPERATOR)) {
        return;
    }
    struct sim_send *send = &self->sends[sim_random(self, self->send_count)];
    char event[UUID_TEXT_BYTES];
    uuid_format(send->event, event);
    const char *op = send->held && sim_chance(self, 60) ? "release" : "hold";
    send->held = true;
    json_t *request = json_pack("{s:s, s:s}", "op", op, "event", event);
    json_decref(virtual_ask(self->network, SIM_OPERATOR, request));
    json_decref(request);
    sim_trace(self, "the operator: %s %s", op, event);
}

/* ---- time ---- */

static void leap(struct sim *self)
{
    int64_t for_ms = (int64_t)sim_random(self, LEAP_MAX_MS);

    sim_trace(self, "%lld minutes pass with nobody connected", (long long)for_ms / 60000);
    virtual_leap(self->network, for_ms);
}

static void none(struct sim *self)
{
    (void)self;
}

static const struct {
    enum sim_fault fault;
    void (*act)(struct sim *self);
} table[] = {{FAULT_CUT, cut}, {FAULT_HALF_OPEN, half_open}, {FAULT_LOSS, none},
    {FAULT_PARTITION, partition}, {FAULT_BROKER_KILL, broker_kill},
    {FAULT_BROKER_POWER, broker_power}, {FAULT_BROKER_DISK, broker_disk},
    {FAULT_BROKER_CLOCK, broker_clock}, {FAULT_AGENT_KILL, agent_kill},
    {FAULT_AGENT_POWER, agent_power}, {FAULT_AGENT_DISK, agent_disk},
    {FAULT_AGENT_CLOCK, agent_clock}, {FAULT_REGISTER, new_register}, {FAULT_REVOKE, revoke},
    {FAULT_HOSTILE, hostile_acts}, {FAULT_HOLD, hold}, {FAULT_LEAP, leap},
    {FAULT_RESTORE, backup_agent}, {FAULT_BROKER_RESTORE, backup_broker}};

enum { ROWS = sizeof table / sizeof table[0] };

void fault_do(struct sim *self)
{
    if (sim_has(self, FAULT_HOSTILE) && sim_chance(self, HOSTILE_PERCENT)) {
        hostile_acts(self);
    }
    if (sim_has(self, FAULT_BROKER_ROT) && sim_chance(self, ROT_PERCENT) && rot_strike(self)) {
        return;
    }
    for (unsigned i = 0; i < TRIES; i++) {
        size_t row = sim_random(self, ROWS);
        if (sim_has(self, table[row].fault)) {
            table[row].act(self);
            return;
        }
    }
}

/* ---- making it good ---- */

static void heal_disk(struct sim_disk *disk)
{
    disk->full = false;
    disk->fail_in = disk->power_in = disk->kill_in = 0;
    disk->kill_at_sync = false;
}

static void release_all(struct sim *self)
{
    for (size_t i = 0; i < self->send_count; i++) {
        char event[UUID_TEXT_BYTES];
        uuid_format(self->sends[i].event, event);
        if (self->sends[i].held && virtual_agent_up(self->network, SIM_OPERATOR)) {
            json_t *request = json_pack("{s:s, s:s}", "op", "release", "event", event);
            json_decref(virtual_ask(self->network, SIM_OPERATOR, request));
            json_decref(request);
        }
    }
}

void fault_heal(struct sim *self)
{
    int64_t now_ms = virtual_time(self->network)->mono_ms;

    heal_disk(&self->disk);
    self->free_bytes = FREE_BYTES;
    virtual_broker_world(self->network)->off_ms = 0;
    if (virtual_broker_up(self->network)) {
        core_trust_clock(virtual_core(self->network));
    } else if (self->broker_back_ms > now_ms) {
        self->broker_back_ms = now_ms;
    }
    if (self->rotten && virtual_broker_up(self->network)) {
        sim_broker_dies(self, false);
    }
    for (size_t i = 0; i < SIM_AGENTS; i++) {
        struct sim_agent *agent = &self->agents[i];
        heal_disk(&agent->disk);
        virtual_agent_world(self->network, i)->off_ms = 0;
        if (agent->lives && i != self->hostile) {
            virtual_link(self->network, i, LINK_UP);
            if (!virtual_agent_up(self->network, i)) {
                agent->back_ms = now_ms;
            }
        }
    }
    if (self->late != SIM_NOBODY) {
        new_register(self);
    }
    release_all(self);
}
