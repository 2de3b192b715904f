/*
 * routing: where a code leads and which hubs see a region, worked out once a register (and once a day, since codes
 * change on dates). Used to judge and to tell; never on replay.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

void routing_free(struct routing *self)
{
    free(self->rows);
    *self = (struct routing){0};
}

const char *serving_name(const register_t *reg, const char *code)
{
    const struct register_agent *agent = register_agent_serving(reg, code);

    return agent != NULL ? agent->id : code;
}

int routing_check(const register_t *reg, struct complaint *why)
{
    size_t hubs = 0;

    for (size_t i = 0; i < register_agent_count(reg); i++) {
        hubs += register_agent_has_role(register_agent_at(reg, i), REGISTER_ROLE_HUB);
    }
    if (hubs > HUBS_MAX) {
        return complain(
            why, E_RANGE, "The register names %zu hubs; at most %d can be served.", hubs, HUBS_MAX);
    }
    return 0;
}

static bool hub_sees_all(const struct register_agent *hub)
{
    for (size_t i = 0; i < hub->region_count; i++) {
        if (strcmp(hub->regions[i], "*") == 0) {
            return true;
        }
    }
    return false;
}

static bool hub_sees(const struct register_agent *hub, const struct register_authority *authority)
{
    for (size_t i = 0; i < hub->region_count; i++) {
        if (authority->region_code[0] != '\0' &&
            strcmp(hub->regions[i], authority->region_code) == 0) {
            return true;
        }
    }
    return false;
}

static void hub_enter(core_t *self, struct routing *routing, const struct register_agent *hub)
{
    const struct stream *stream = stream_named(self, hub->id);
    uint64_t bit = UINT64_C(1) << routing->hub_count;

    if (stream == NULL || routing->hub_count == HUBS_MAX) {
        return;
    }
    routing->hubs[routing->hub_count++] = stream->index;
    if (hub_sees_all(hub)) {
        routing->all |= bit;
    }
    for (size_t i = 0; i < routing->count; i++) {
        if (hub_sees(hub, routing->rows[i].authority)) {
            routing->rows[i].hubs |= bit;
        }
    }
}

/* What was sent remembers its hubs by bit, and the bits have changed their meaning. */
static void masks_translate(core_t *self, const struct routing *before)
{
    uint64_t becomes[HUBS_MAX] = {0};

    for (size_t i = 0; i < before->hub_count; i++) {
        for (size_t k = 0; k < self->routing.hub_count; k++) {
            if (self->routing.hubs[k] == before->hubs[i]) {
                becomes[i] = UINT64_C(1) << k;
            }
        }
    }
    for (size_t s = 0; s < self->stream_count; s++) {
        struct stream *stream = self->streams[s];
        for (uint32_t n = 0; n < stream->sent_count; n++) {
            struct sent *sent = &stream->sent[(stream->sent_first + n) % stream->sent_capacity];
            uint64_t mask = 0;
            for (size_t i = 0; i < before->hub_count; i++) {
                mask |= (sent->hubs >> i & 1) != 0 ? becomes[i] : 0;
            }
            sent->hubs = mask;
        }
    }
}

void routing_build(core_t *self)
{
    struct routing before = self->routing;
    struct routing *routing = &self->routing;

    *routing = (struct routing){.count = register_authority_count(self->reg)};
    routing->rows = mem_new(routing->count + 1, sizeof *routing->rows);
    for (size_t i = 0; i < routing->count; i++) {
        routing->rows[i].authority = register_authority_at(self->reg, i);
        routing->rows[i].day = INT32_MIN;
    }
    for (size_t i = 0; i < register_agent_count(self->reg); i++) {
        const struct register_agent *agent = register_agent_at(self->reg, i);
        if (register_agent_has_role(agent, REGISTER_ROLE_HUB)) {
            hub_enter(self, routing, agent);
        }
    }
    masks_translate(self, &before);
    routing_free(&before);
}

struct route_row *routing_row(struct routing *self, const char *code)
{
    size_t low = 0;
    size_t high = self->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(self->rows[middle].authority->code, code, CODE_BYTES);
        if (order == 0) {
            return &self->rows[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void routing_resolve(core_t *self, struct route_row *row, int32_t day)
{
    if (row->day == day) {
        return;
    }
    row->to = NULL;
    row->route = register_route(self->reg, row->authority->code, day, &row->to);
    row->stream = NO_STREAM;
    if (row->route == ROUTE_DIRECT || row->route == ROUTE_SUCCESSOR) {
        const char *name = serving_name(self->reg, row->to->code);
        stream_want(self, name);
        row->stream = stream_named(self, name)->index;
    }
    row->day = day;
}

uint32_t routing_stream(core_t *self, const char *code, int32_t day)
{
    struct route_row *row = routing_row(&self->routing, code);

    if (row == NULL) {
        return NO_STREAM;
    }
    routing_resolve(self, row, day);
    return row->stream;
}

uint64_t routing_hubs_of(core_t *self, const struct view *view, const struct digest *digest)
{
    uint64_t hubs = self->routing.all;

    if (self->routing.hub_count == 0) {
        return 0;
    }
    for (uint32_t n = 0; n < digest->code_count; n++) {
        const struct route_row *row = routing_row(&self->routing, view_code(view, digest, n));
        hubs |= row != NULL ? row->hubs : 0;
    }
    return hubs;
}
