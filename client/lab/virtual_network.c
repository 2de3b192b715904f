/*
 * virtual_network: see virtual_network.h. Who is in it, its register, and its time. What fails is
 * returned by the starts alone.
 */
#include "client/lab/virtual_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

enum { SEGMENT_BYTES = 16777216, START_MONO_MS = 1000 };

/* ---- life ---- */

virtual_network_t *virtual_network_new(const struct virtual_options *options)
{
    virtual_network_t *self = mem_new(1, sizeof *self);

    self->options = *options;
    if (self->options.segment_bytes == 0) {
        self->options.segment_bytes = SEGMENT_BYTES;
    }
    if (self->options.snapshot_bytes == 0) {
        self->options.snapshot_bytes = UINT64_MAX;
    }
    self->clock = (struct virtual_clock){options->start_ms, START_MONO_MS};
    self->wall_runs = true;
    self->random = options->seed;
    broker_init(self);
    keys_make(&self->broker.world.world, "root", &self->root);
    const struct book_plan plan = {.network = options->network, .root = &self->root};
    self->pin = virtual_book_pin(&plan);
    return self;
}

void virtual_network_destroy(virtual_network_t **self_p)
{
    virtual_network_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    broker_free(self);
    for (size_t i = 0; i < self->agent_count; i++) {
        agent_free(self->agents[i]);
    }
    queue_free(self);
    virtual_book_free(&self->book);
    keys_wipe(&self->root);
    free(self->authorities);
    free(self);
    *self_p = NULL;
}

/* ---- who is who ---- */

void virtual_add_authority(virtual_network_t *self, const struct book_authority *row)
{
    self->authorities = mem_grow(self->authorities, self->authority_count,
        &self->authority_capacity, sizeof *self->authorities);
    self->authorities[self->authority_count++] = *row;
}

void virtual_revoke(virtual_network_t *self, size_t agent)
{
    self->agents[agent]->revoked_ms = self->clock.wall_ms;
}

void virtual_list(virtual_network_t *self, size_t agent, bool listed)
{
    self->agents[agent]->unlisted = !listed;
}

void virtual_register(virtual_network_t *self)
{
    struct book_agent *agents = mem_new(self->agent_count + 1, sizeof *agents);

    size_t count = 0;
    for (size_t i = 0; i < self->agent_count; i++) {
        const struct virtual_agent *agent = self->agents[i];
        if (agent->unlisted) {
            continue;
        }
        agents[count++] = (struct book_agent){&agent->keys, agent->code, agent->role, agent->region,
            agent->acts_for, agent->revoked_ms};
    }
    virtual_book_sign(&self->book,
        &(struct book_plan){.network = self->options.network,
            .root = &self->root,
            .broker = &self->broker.keys,
            .issued_ms = self->clock.wall_ms,
            .authority_count = self->authority_count,
            .authorities = self->authorities,
            .agent_count = count,
            .agents = agents});
    free(agents);
    broker_register(self);
}

const struct virtual_book *virtual_book(const virtual_network_t *self)
{
    return &self->book;
}

/* ---- time ---- */

struct virtual_clock *virtual_time(virtual_network_t *self)
{
    return &self->clock;
}

void virtual_wall_runs(virtual_network_t *self, bool runs)
{
    self->wall_runs = runs;
}

static void clock_set(virtual_network_t *self, int64_t mono_ms)
{
    if (mono_ms > self->clock.mono_ms) {
        self->clock.wall_ms += self->wall_runs ? mono_ms - self->clock.mono_ms : 0;
        self->clock.mono_ms = mono_ms;
    }
}

static struct virtual_agent *next_agent(virtual_network_t *self)
{
    struct virtual_agent *found = NULL;

    for (size_t i = 0; i < self->agent_count; i++) {
        struct virtual_agent *agent = self->agents[i];
        if (agent->core != NULL && (found == NULL || agent->tick_ms < found->tick_ms)) {
            found = agent;
        }
    }
    return found;
}

static int64_t broker_due_ms(const virtual_network_t *self)
{
    if (!virtual_broker_up(self)) {
        return INT64_MAX;
    }
    return core_folding(self->broker.core) ? self->clock.mono_ms : self->broker.tick_ms;
}

bool virtual_step(virtual_network_t *self, int64_t until_ms)
{
    struct virtual_agent *agent = next_agent(self);
    int64_t broker_ms = broker_due_ms(self);
    int64_t agent_ms = agent == NULL ? INT64_MAX : agent->tick_ms;
    struct item item;

    int64_t ticks_ms = broker_ms < agent_ms ? broker_ms : agent_ms;
    if (queue_take(self, ticks_ms < until_ms ? ticks_ms : until_ms, &item)) {
        clock_set(self, item.at_ms);
        wire_happens(self, &item);
        item_free(&item);
        return true;
    }
    if (ticks_ms > until_ms) {
        clock_set(self, until_ms);
        return false;
    }
    clock_set(self, ticks_ms);
    if (broker_ms <= agent_ms) {
        broker_tick(self);
    } else {
        agent_tick(agent);
        store_idle(agent->store);
    }
    return true;
}

void virtual_run(virtual_network_t *self, int64_t for_ms)
{
    int64_t until_ms = self->clock.mono_ms + for_ms;

    while (virtual_step(self, until_ms)) {
    }
}

bool virtual_settle(virtual_network_t *self, int64_t quiet_ms, int64_t limit_ms)
{
    int64_t until_ms = self->clock.mono_ms + limit_ms;

    self->busy_ms = self->clock.mono_ms;
    while (self->clock.mono_ms < until_ms) {
        int64_t quiet_at_ms = self->busy_ms + quiet_ms;
        if (!virtual_step(self, quiet_at_ms < until_ms ? quiet_at_ms : until_ms) &&
            self->clock.mono_ms >= self->busy_ms + quiet_ms) {
            return true;
        }
    }
    return false;
}

void virtual_leap(virtual_network_t *self, int64_t for_ms)
{
    for (size_t i = 0; i < self->agent_count; i++) {
        virtual_cut(self, i, true, true);
    }
    self->clock.wall_ms += for_ms;
    self->clock.mono_ms += for_ms;
}

uint64_t virtual_frames(const virtual_network_t *self)
{
    return self->frames;
}
