/*
 * virtual_agent: an agent of the virtual network: its core, its store, and the ports between it and
 * its connection. Failures to start are returned.
 */
#include "client/lab/virtual_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

enum { CREDIT_EVENTS = 1024, CREDIT_BYTES = 4194304 };

/* ---- ports ---- */

static int port_send(void *context, struct slice frame)
{
    struct virtual_agent *self = context;

    return self->wire == NO_WIRE ? E_UNREACHABLE
                                 : wire_send(self->network, self->wire, true, frame);
}

static void port_disconnect(void *context)
{
    struct virtual_agent *self = context;

    if (self->wire != NO_WIRE) {
        wire_close(self->network, self->wire, false);
    }
}

static size_t agent_index(const struct virtual_agent *self)
{
    size_t index = 0;

    while (self->network->agents[index] != self) {
        index++;
    }
    return index;
}

static void port_connect(void *context, const struct keys *keys)
{
    struct virtual_agent *self = context;

    port_disconnect(self);
    wire_open(self->network, agent_index(self), keys);
}

static bool port_answer(void *context, uint64_t client, json_t *line)
{
    (void)context;
    (void)client;
    json_decref(line);
    return true;
}

/* ---- life ---- */

size_t virtual_add_agent(virtual_network_t *self, const struct virtual_member *member)
{
    assert(self->agent_count < VIRTUAL_AGENTS_MAX);
    struct virtual_agent *agent = mem_new(1, sizeof *agent);
    size_t index = self->agent_count++;

    self->agents[index] = agent;
    *agent = (struct virtual_agent){.network = self,
        .code = member->code,
        .region = member->region,
        .acts_for = member->acts_for,
        .database = member->database,
        .role = member->role,
        .revoked_ms = INT64_MAX,
        .wire = NO_WIRE};
    virtual_world_init(&agent->world, &self->clock, virtual_random(&self->random));
    if (member->keys != NULL) {
        agent->keys = *member->keys;
    } else {
        keys_make(&agent->world.world, member->id, &agent->keys);
    }
    return index;
}

static int agent_begin(struct virtual_agent *agent, struct complaint *why)
{
    virtual_network_t *self = agent->network;
    const struct agent_ports ports = {agent, port_send, port_connect, port_disconnect, port_answer};
    const struct agent_options options = {.network = self->options.network,
        .agent = agent->keys.id,
        .pin = &self->pin,
        .keys = &agent->keys,
        .key_count = 1,
        .credit_events =
            self->options.credit_events != 0 ? self->options.credit_events : CREDIT_EVENTS,
        .credit_bytes = CREDIT_BYTES,
        .first_register = buf_slice(&self->book.signed_book),
        .procedures = self->options.procedures};

    assert(agent->core == NULL);
    int rc = agent_core_new(&options, &agent->world.world, agent->store, &ports, &agent->core, why);
    agent->tick_ms = self->clock.mono_ms;
    if (rc != 0) {
        store_close(&agent->store);
    }
    return rc;
}

int virtual_agent_start(virtual_network_t *self, size_t index, struct complaint *why)
{
    struct virtual_agent *agent = self->agents[index];
    int rc = store_open(agent->database, self->options.network, agent->keys.id, &agent->store, why);

    return rc != 0 ? rc : agent_begin(agent, why);
}

int virtual_agent_restart(virtual_network_t *self, size_t index,
    void (*between)(void *context, store_t *store), void *context, struct complaint *why)
{
    struct virtual_agent *agent = self->agents[index];

    if (agent->wire != NO_WIRE) {
        wire_close(self, agent->wire, false);
    }
    agent_core_destroy(&agent->core);
    between(context, agent->store);
    return agent_begin(agent, why);
}

void virtual_agent_kill(virtual_network_t *self, size_t index)
{
    struct virtual_agent *agent = self->agents[index];

    if (agent->core == NULL) {
        return;
    }
    if (agent->wire != NO_WIRE) {
        wire_close(self, agent->wire, false);
    }
    agent_core_destroy(&agent->core);
    store_close(&agent->store);
}

void agent_free(struct virtual_agent *self)
{
    agent_core_destroy(&self->core);
    store_close(&self->store);
    keys_wipe(&self->keys);
    free(self);
}

void agent_tick(struct virtual_agent *self)
{
    if (self->core == NULL) {
        return;
    }
    agent_core_tick(self->core);
    self->tick_ms = agent_core_due_ms(self->core);
    if (self->tick_ms <= self->network->clock.mono_ms) {
        self->tick_ms = self->network->clock.mono_ms + 1; /* time goes on whatever it says */
    }
}

json_t *virtual_ask(virtual_network_t *self, size_t index, const json_t *request)
{
    struct virtual_agent *agent = self->agents[index];

    assert(agent->core != NULL);
    json_t *answer = agent_core_request(agent->core, 1, request);
    agent_tick(agent);
    return answer != NULL ? answer : json_object();
}

/* ---- asking ---- */

bool virtual_agent_up(const virtual_network_t *self, size_t agent)
{
    return self->agents[agent]->core != NULL;
}

agent_core_t *virtual_agent_core(virtual_network_t *self, size_t agent)
{
    return self->agents[agent]->core;
}

store_t *virtual_store(virtual_network_t *self, size_t agent)
{
    return self->agents[agent]->store;
}

const struct keys *virtual_agent_keys(const virtual_network_t *self, size_t agent)
{
    return &self->agents[agent]->keys;
}

struct virtual_world *virtual_agent_world(virtual_network_t *self, size_t agent)
{
    return &self->agents[agent]->world;
}

size_t virtual_agent_count(const virtual_network_t *self)
{
    return self->agent_count;
}
