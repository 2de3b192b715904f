/*
 * virtual_wire: the queue of what happens later, and connections. Cannot fail: what cannot be
 * delivered is lost, as on a network.
 */
#include "client/lab/virtual_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

/* ---- the queue: a heap by time, then by order ---- */

static bool sooner(const struct item *a, const struct item *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct item *a, struct item *b)
{
    struct item other = *a;

    *a = *b;
    *b = other;
}

void queue_put(virtual_network_t *self, struct item item)
{
    self->items =
        mem_grow(self->items, self->item_count, &self->item_capacity, sizeof *self->items);
    size_t at = self->item_count++;
    item.order = self->item_order++;
    self->items[at] = item;
    while (at > 0 && sooner(&self->items[at], &self->items[(at - 1) / 2])) {
        swap(&self->items[at], &self->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(virtual_network_t *self)
{
    size_t at = 0;

    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= self->item_count) {
            return;
        }
        if (child + 1 < self->item_count && sooner(&self->items[child + 1], &self->items[child])) {
            child++;
        }
        if (!sooner(&self->items[child], &self->items[at])) {
            return;
        }
        swap(&self->items[child], &self->items[at]);
        at = child;
    }
}

int64_t queue_due_ms(const virtual_network_t *self)
{
    return self->item_count == 0 ? INT64_MAX : self->items[0].at_ms;
}

bool queue_take(virtual_network_t *self, int64_t until_ms, struct item *out)
{
    if (queue_due_ms(self) > until_ms) {
        return false;
    }
    *out = self->items[0];
    self->items[0] = self->items[--self->item_count];
    sift_down(self);
    return true;
}

void item_free(struct item *item)
{
    buf_free(&item->frame);
    if (item->job != NULL) {
        verify_job_destroy(&item->job);
    }
}

void queue_free(virtual_network_t *self)
{
    for (size_t i = 0; i < self->item_count; i++) {
        item_free(&self->items[i]);
    }
    free(self->items);
    free(self->wires);
}

/* ---- connections ---- */

static int64_t travel_ms(virtual_network_t *self, size_t agent, bool to_broker)
{
    const struct virtual_hooks *hooks = &self->options.hooks;

    return hooks->travel_ms == NULL ? 0 : hooks->travel_ms(hooks->context, agent, to_broker);
}

/* What leaves one end reaches the other after what left it before. */
static int64_t arrival_ms(virtual_network_t *self, struct wire *wire, bool to_broker)
{
    int64_t at_ms = self->clock.mono_ms + travel_ms(self, wire->agent, to_broker);

    if (at_ms < wire->arrival_ms[to_broker]) {
        at_ms = wire->arrival_ms[to_broker];
    }
    wire->arrival_ms[to_broker] = at_ms;
    return at_ms;
}

void wire_open(virtual_network_t *self, size_t agent, const struct keys *keys)
{
    self->wires =
        mem_grow(self->wires, self->wire_count, &self->wire_capacity, sizeof *self->wires);
    uint32_t index = (uint32_t)self->wire_count++;
    struct wire *wire = &self->wires[index];
    *wire = (struct wire){.agent = (uint32_t)agent, .agent_end = true};
    memcpy(wire->curve_key, keys->curve_public, sizeof wire->curve_key);
    self->agents[agent]->wire = index;
    queue_put(self,
        (struct item){.at_ms = arrival_ms(self, wire, true), .kind = ITEM_OPENED, .wire = index});
}

void wire_close(virtual_network_t *self, uint32_t index, bool by_broker)
{
    struct wire *wire = &self->wires[index];
    bool other = by_broker ? wire->agent_end : wire->broker_end;

    *(by_broker ? &wire->broker_end : &wire->agent_end) = false;
    if (!by_broker && self->agents[wire->agent]->wire == index) {
        self->agents[wire->agent]->wire = NO_WIRE;
    }
    if (other && !wire->dead) {
        queue_put(self,
            (struct item){.at_ms = arrival_ms(self, wire, !by_broker),
                .kind = ITEM_CLOSED,
                .wire = index,
                .to_broker = !by_broker});
    }
}

int wire_send(virtual_network_t *self, uint32_t index, bool to_broker, struct slice frame)
{
    const struct virtual_hooks *hooks = &self->options.hooks;
    struct wire *wire = &self->wires[index];
    struct item item = {.kind = ITEM_FRAME, .wire = index, .to_broker = to_broker};

    if (to_broker ? !wire->agent_end : !wire->broker_end) {
        return E_UNREACHABLE;
    }
    self->busy_ms = self->clock.mono_ms;
    if (hooks->frame != NULL && !hooks->frame(hooks->context, wire->agent, to_broker, frame)) {
        wire->dead = true;
    }
    if (wire->dead) {
        return 0; /* its TCP has taken it, and nobody will ever see it */
    }
    item.at_ms = arrival_ms(self, wire, to_broker);
    buf_put_slice(&item.frame, frame);
    queue_put(self, item);
    return 0;
}

/* ---- what happens ---- */

static void agent_loses(virtual_network_t *self, uint32_t index, int rc)
{
    struct wire *wire = &self->wires[index];
    struct virtual_agent *agent = self->agents[wire->agent];

    wire->agent_end = false;
    if (agent->wire == index) {
        agent->wire = NO_WIRE;
        if (agent->core != NULL) {
            agent_core_disconnected(agent->core, rc);
            agent_tick(agent);
        }
    }
}

static void opened(virtual_network_t *self, uint32_t index)
{
    struct wire *wire = &self->wires[index];
    struct virtual_agent *agent = self->agents[wire->agent];

    if (!wire->agent_end || wire->dead || agent->link == LINK_SILENT) {
        return; /* given up by now, or it hangs */
    }
    if (agent->link == LINK_DOWN || !virtual_broker_up(self)) {
        agent_loses(self, index, E_UNREACHABLE);
    } else if (!broker_admits(self, wire->curve_key)) {
        agent_loses(self, index, E_KEY);
    } else {
        wire->broker_end = true;
        if (agent->core != NULL) {
            agent_core_connected(agent->core, "virtual");
            agent_tick(agent);
        }
    }
}

static void closed(virtual_network_t *self, uint32_t index, bool at_broker)
{
    struct wire *wire = &self->wires[index];

    if (at_broker) {
        wire->broker_end = false; /* the core learns it when it sends */
    } else if (wire->agent_end) {
        agent_loses(self, index, E_UNREACHABLE);
    }
}

static void arrived(virtual_network_t *self, const struct item *item)
{
    struct wire *wire = &self->wires[item->wire];
    struct virtual_agent *agent = self->agents[wire->agent];

    if (wire->dead) {
        return;
    }
    self->frames++;
    if (item->to_broker && wire->broker_end) {
        broker_frame(self, item->wire, buf_slice(&item->frame));
    } else if (item->to_broker) {
        wire->broker_end = true; /* a reset */
        wire_close(self, item->wire, true);
    } else if (wire->agent_end && agent->wire == item->wire && agent->core != NULL) {
        agent_core_frame(agent->core, buf_slice(&item->frame));
        agent_tick(agent);
    }
}

void wire_happens(virtual_network_t *self, struct item *item)
{
    self->busy_ms = self->clock.mono_ms;
    switch (item->kind) {
    case ITEM_FRAME:
        arrived(self, item);
        break;
    case ITEM_OPENED:
        opened(self, item->wire);
        break;
    case ITEM_CLOSED:
        closed(self, item->wire, item->to_broker);
        break;
    case ITEM_VERIFIED:
        broker_verified(self, item);
        break;
    case ITEM_SYNCED:
        broker_synced(self, item);
        break;
    }
}

bool virtual_intrude(virtual_network_t *self, size_t agent, struct slice frame)
{
    uint32_t index = self->agents[agent]->wire;

    assert(self->agents[agent]->core == NULL);
    if (index == NO_WIRE || !self->wires[index].agent_end) {
        wire_open(self, agent, &self->agents[agent]->keys);
        return false;
    }
    return self->wires[index].broker_end && wire_send(self, index, true, frame) == 0;
}

/* ---- breaking them ---- */

void virtual_cut(virtual_network_t *self, size_t agent, bool told_agent, bool told_broker)
{
    uint32_t index = self->agents[agent]->wire;

    if (index == NO_WIRE) {
        return;
    }
    struct wire *wire = &self->wires[index];
    wire->dead = true;
    if (told_broker) {
        wire->broker_end = false;
    }
    if (told_agent) {
        agent_loses(self, index, E_UNREACHABLE);
    }
}

void virtual_link(virtual_network_t *self, size_t agent, enum virtual_link link)
{
    self->agents[agent]->link = link;
    if (link != LINK_UP) {
        virtual_cut(self, agent, link == LINK_DOWN, link == LINK_DOWN);
    }
}
