/* beliefs: see beliefs.h. */
#include "client/agent/beliefs.h"

#include <stdlib.h>
#include <string.h>

#include "client/agent/cases.h"

#include "common/base/banned.h"

enum { BELIEFS_SETTLED_MAX = 4096 }; /* at a time; the rest at the next tick */

int64_t beliefs_heard_ms(agent_core_t *self)
{
    int64_t kept_ms = store_heard_ms(self->store);

    return kept_ms > self->online_upto_ms ? kept_ms : self->online_upto_ms;
}

/* It ran out since we were cut off, or was started by an event of ours that the broker has not got. */
bool belief_is(const agent_core_t *self, const struct engine_clock *clock, int64_t heard_ms)
{
    return self->state != SESSION_OPEN && clock->state == CLOCK_BREACHED && clock->has_due &&
        (clock->due.runs_out_ms > heard_ms || store_outbox_is_open(self->store, clock->event));
}

/* ---- written down ---- */

/* Transfers are visited by a statement that others of the same kind must not disturb: ids first. */
struct transfer_ids {
    struct buf ids;
};

static void add_id(void *context, const struct transfer_row *row)
{
    struct transfer_ids *self = context;

    buf_put(&self->ids, row->transfer, UUID_BYTES);
}

struct noting {
    agent_core_t *core;
    const uint8_t *transfer;
    int64_t heard_ms;
};

static void note_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    const struct noting *self = context;
    struct belief_row row = {.at_ms = clock->due.runs_out_ms};

    if (!belief_is(self->core, clock, self->heard_ms)) {
        return;
    }
    memcpy(row.transfer, self->transfer, UUID_BYTES);
    memcpy(row.subject, subject, UUID_BYTES);
    agent_copy_text(row.clock, sizeof row.clock, clock->info->id);
    store_belief_put(self->core->store, &row);
}

void beliefs_note(agent_core_t *self, uint64_t stream_last)
{
    struct transfer_ids transfers = {{0}};
    engine_t *engine = cases_fold(self);
    struct noting noting = {.core = self, .heard_ms = beliefs_heard_ms(self)};

    if (engine == NULL) {
        return;
    }
    store_transfers(self->store, 0, add_id, &transfers);
    store_begin(self->store);
    for (size_t at = 0; at < transfers.ids.len; at += UUID_BYTES) {
        noting.transfer = transfers.ids.data + at;
        engine_clocks(engine, noting.transfer, NULL, note_clock, &noting);
    }
    (void)agent_commit(self);
    self->beliefs_held = store_beliefs_held(self->store) > 0;
    self->beliefs_upto = stream_last;
    buf_free(&transfers.ids);
    cases_done(self, &engine);
}

/* ---- settled ---- */

struct search {
    const struct belief_row *belief;
    bool borne_out;
};

static void see_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    struct search *self = context;

    (void)subject;
    self->borne_out |= clock->state == CLOCK_BREACHED && clock->has_due &&
        clock->due.runs_out_ms == self->belief->at_ms &&
        strcmp(clock->info->id, self->belief->clock) == 0;
}

struct held {
    size_t count;
    struct belief_row rows[BELIEFS_SETTLED_MAX];
};

static void take_held(void *context, const struct belief_row *row)
{
    struct held *self = context;

    if (row->disproved_ms == 0 && self->count < BELIEFS_SETTLED_MAX) {
        self->rows[self->count++] = *row;
    }
}

static void settle(agent_core_t *self, const engine_t *engine)
{
    struct held *held = mem_new(1, sizeof *held);

    store_beliefs(self->store, NULL, take_held, held);
    store_begin(self->store);
    for (size_t i = 0; i < held->count; i++) {
        struct search search = {&held->rows[i], false};
        engine_clocks(engine, held->rows[i].transfer, held->rows[i].subject, see_clock, &search);
        store_belief_settle(self->store, &held->rows[i], search.borne_out ? 0 : agent_wall(self));
    }
    if (agent_commit(self) == 0) {
        self->beliefs_held = store_beliefs_held(self->store) > 0;
    }
    free(held);
}

void beliefs_tick(agent_core_t *self)
{
    bool caught_up =
        self->state == SESSION_OPEN && self->identity.stream_upto >= self->beliefs_upto;

    if (!self->beliefs_held || !caught_up || store_outbox_count(self->store, OUTBOX_WAITING) > 0 ||
        store_outbox_count(self->store, OUTBOX_SENT) > 0) {
        return;
    }
    engine_t *engine = cases_fold(self);
    if (engine != NULL) {
        settle(self, engine);
        cases_done(self, &engine);
    }
}
