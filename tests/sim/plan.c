/* plan: what one seed is to be like: how many take part, what goes wrong, how slow things are. */
#include <stdio.h>

#include "tests/sim/sim.h"

#include "common/base/banned.h"

enum {
    ACTIONS_MIN = 12,
    ACTIONS_SPREAD = 48,
    PAUSE_MAX_MS = 400,
    FEW_AGENTS = 6,
    FAULTS_PERCENT = 30, /* each fault is known to so many of the seeds */
    CALM_PERCENT = 4,    /* and so many know none */
    PROCEDURES_PERCENT = 12,
    CROWD_PERCENT = 15,
    SNAPSHOT_SELDOM_BYTES = 20000,
    ROT_SNAPSHOT_BYTES = 6000, /* what is lost late lies behind one, and the next is soon due */
    ROT_EVERY = 5,             /* of so many seeds one knows it, the ... */
    ROT_SEED = 3,              /* and goes on longer: there is to be something to lose, ... */
    ROT_ACTIONS = 40           /* ... and time to miss it */
};

static unsigned choose_faults(struct sim *self)
{
    unsigned faults = 0;

    if (sim_chance(self, CALM_PERCENT)) {
        return 0;
    }
    for (unsigned i = 0; i < FAULT_DRAWN; i++) {
        faults |= sim_chance(self, FAULTS_PERCENT) ? 1u << i : 0;
    }
    if ((faults & FAULT_RESTORE) != 0) { /* what both have lost nobody has */
        faults &= ~(unsigned)FAULT_BROKER_RESTORE;
    }
    if (self->seed % ROT_EVERY == ROT_SEED && (faults & FAULT_BROKER_RESTORE) == 0) {
        faults |= FAULT_BROKER_ROT; /* not drawn: what others do stays as it was */
    }
    return faults;
}

void plan_make(struct sim *self)
{
    static const int64_t travels_ms[] = {0, 2, 20, 400, 3000};
    static const int64_t syncs_ms[] = {0, 1, 5, 40};
    static const uint32_t credits[] = {0, 0, 1, 3, 16};
    static const uint64_t snapshots[] = {UINT64_MAX, 2000, SNAPSHOT_SELDOM_BYTES};
    struct sim_plan *plan = &self->plan;

    *plan = (struct sim_plan){.agents = 2 + sim_random(self, FEW_AGENTS - 1)};
    if (sim_chance(self, CROWD_PERCENT)) {
        plan->agents = FEW_AGENTS + 1 + sim_random(self, SIM_AUTHORITIES - FEW_AGENTS);
    }
    plan->actions = ACTIONS_MIN + sim_random(self, ACTIONS_SPREAD);
    plan->pause_ms = 1 + (int64_t)sim_random(self, PAUSE_MAX_MS);
    plan->faults = choose_faults(self);
    plan->actions += sim_has(self, FAULT_BROKER_ROT) ? ROT_ACTIONS : 0;
    plan->procedures = sim_chance(self, PROCEDURES_PERCENT);
    bool far = sim_has(self, FAULT_LATENCY);
    plan->travel_max_ms =
        travels_ms[sim_random(self, far ? sizeof travels_ms / sizeof travels_ms[0] : 3)];
    plan->sync_max_ms = syncs_ms[sim_random(self, sizeof syncs_ms / sizeof syncs_ms[0])];
    plan->verify_max_ms = syncs_ms[sim_random(self, sizeof syncs_ms / sizeof syncs_ms[0])];
    plan->credit_events = credits[sim_random(self, sizeof credits / sizeof credits[0])];
    plan->snapshot_bytes = snapshots[sim_random(self, sizeof snapshots / sizeof snapshots[0])];
    if (sim_has(self, FAULT_BROKER_ROT) && plan->snapshot_bytes != SNAPSHOT_SELDOM_BYTES &&
        self->seed / ROT_EVERY % 4 != 0) {
        plan->snapshot_bytes = ROT_SNAPSHOT_BYTES;
    }
    plan->fault_share = plan->faults == 0 ? 0 : 20 + (uint32_t)sim_random(self, 40);
}

void plan_print(const struct sim *self)
{
    static const char *const names[FAULT_COUNT] = {"cut", "half-open", "loss", "partition",
        "latency", "broker-kill", "broker-power", "broker-disk", "broker-slow", "broker-clock",
        "agent-kill", "agent-power", "agent-disk", "agent-clock", "register", "revoke", "hostile",
        "hold", "power-at-receipt", "leap", "restore", "broker-restore", "broker-rot"};
    const struct sim_plan *plan = &self->plan;

    (void)printf("seed %llu: %zu agents, a hub, %zu actions about %lld ms apart, procedures %s\n",
        (unsigned long long)self->seed, plan->agents, plan->actions, (long long)plan->pause_ms,
        plan->procedures ? "on" : "off");
    (void)printf("  at most: travel %lld ms, sync %lld ms, verify %lld ms; credit %u; faults (%u %%"
                 " of the actions):",
        (long long)plan->travel_max_ms, (long long)plan->sync_max_ms,
        (long long)plan->verify_max_ms, plan->credit_events, plan->fault_share);
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        if ((plan->faults >> i & 1) != 0) {
            (void)printf(" %s", names[i]);
        }
    }
    (void)printf("\n");
}
