/* cases_steps: see cases_steps.h. */
#include "client/agent/cases_steps.h"

#include <stdlib.h>
#include <string.h>

#include "common/record/derived.h"

#include "common/base/banned.h"

/* ---- what happened ---- */

static struct step *step_add(
    struct steps *self, int64_t at_ms, enum happening what, const uint8_t *event)
{
    self->items = mem_grow(self->items, self->count, &self->room, sizeof *self->items);
    struct step *step = &self->items[self->count++];
    *step = (struct step){.at_ms = at_ms, .what = what, .recorded = true, .leaf = UINT64_MAX};
    memcpy(step->event, event, UUID_BYTES);
    return step;
}

static void step_proof(struct step *step, enum store_proof proof, int64_t row)
{
    step->source = SOURCE_PROOF;
    step->proof = proof;
    step->proof_row = row;
}

static void add_own(void *context, const struct outbox_row *row)
{
    bool accepted = row->state == OUTBOX_ACCEPTED;

    if (row->state == OUTBOX_REFUSED) {
        return;
    }
    struct step *step = step_add(context, accepted ? row->accepted_ms : row->created_ms,
        accepted ? HAPPENED_ACCEPTED : HAPPENED_SENT, row->event);
    step->order = accepted ? row->sequence : (uint64_t)row->position;
    step->own = true;
    step->recorded = accepted;
    if (accepted) {
        step_proof(step, STORE_PROOF_BATCH, row->batch);
    }
}

static void add_level(void *context, const struct level_row *row)
{
    struct steps *self = context;

    if (row->level != LEVEL_PERSISTED && row->level != LEVEL_OPENED) {
        return;
    }
    struct step *step = step_add(self, row->at_ms,
        row->level == LEVEL_OPENED ? HAPPENED_OPENED : HAPPENED_PERSISTED, self->visited);
    memcpy(step->code, row->code, sizeof step->code);
    step->role = row->role;
    memcpy(step->team, row->team, sizeof step->team);
    step_proof(step, STORE_PROOF_ACK, row->ack);
}

/* That it is here, or was opened here, is recorded with our acknowledgement of the entry. */
static void add_level_here(struct steps *self, const struct inbox_row *row, const char *code)
{
    const struct identity *identity = &self->core->identity;
    struct step *step = step_add(self, row->persisted_ms, HAPPENED_PERSISTED, row->event);

    memcpy(step->code, code, strlen(code) + 1);
    step->order = row->number;
    step->source = SOURCE_OWN_ACK;
    step->epoch = row->epoch;
    step->number = row->number;
    step->recorded = row->epoch < identity->stream_epoch || row->number <= identity->stream_acked;
    if (row->opened_ms != 0) {
        step = step_add(self, row->opened_ms, HAPPENED_OPENED, row->event);
        memcpy(step->code, code, strlen(code) + 1);
        step->order = row->number;
        step->source = SOURCE_OPENING;
    }
}

/* An event to this agent was persisted for every code of ours that it is addressed to; the engine ignores the others. */
static void add_received(void *context, const struct inbox_row *row)
{
    struct steps *self = context;
    const struct register_agent *me = self->core->me;

    if (row->fault != 0 || me == NULL) {
        return;
    }
    struct step *step = step_add(self, row->accepted_ms, HAPPENED_ACCEPTED, row->event);
    step->order = row->leaf;
    step_proof(step, STORE_PROOF_EVIDENCE, row->evidence);
    for (size_t i = 0; i <= me->acts_for_count; i++) {
        add_level_here(self, row, i == 0 ? me->code : me->acts_for[i - 1]);
    }
}

/* As the broker recorded it: one holder's copy is gone. */
static void add_erased(struct steps *self, const struct notice_row *row)
{
    size_t len = 0;
    const char *holder = derived_detail(row->detail, "by", &len);

    if (row->has_event && holder != NULL && len <= CODE_BYTES) {
        struct step *step = step_add(self, row->at_ms, HAPPENED_ERASED, row->event);
        memcpy(step->code, holder, len);
        step->leaf = row->leaf_index;
        step->order = (uint64_t)row->id;
    }
}

/* Of the broker's records: erasures; and breaches, as what stands behind one found that time passed, whatever its own. */
static void add_told(void *context, const struct notice_row *row)
{
    if (row->kind == WAYPOST__SYSTEM_KIND__PAYLOAD_ERASED) {
        add_erased(context, row);
    } else if (row->kind == WAYPOST__SYSTEM_KIND__DEADLINE_BREACHED) {
        step_add(context, row->at_ms, HAPPENED_RAN_OUT, row->event)->leaf = row->leaf_index;
    }
}

/* How far others are with the events from a place in the list on: with ours, and a hub is told of what others sent. */
static void add_levels(struct steps *self, size_t first)
{
    for (size_t upto = self->count, i = first; i < upto; i++) {
        if (self->items[i].what == HAPPENED_ACCEPTED) {
            memcpy(self->visited, self->items[i].event, UUID_BYTES);
            store_levels(self->core->store, self->visited, add_level, self);
        }
    }
}

static void add_told_of(struct steps *self, size_t first)
{
    for (size_t upto = self->count, i = first; i < upto; i++) {
        if (self->items[i].what == HAPPENED_ACCEPTED) {
            memcpy(self->visited, self->items[i].event, UUID_BYTES);
            store_notices(self->core->store, self->visited, add_told, self);
        }
    }
}

/* transfer: NULL for all */
static void add_events(struct steps *self, const uint8_t *transfer)
{
    const struct inbox_filter filter = {
        .transfer = transfer, .before = INT64_MAX, .limit = INT32_MAX};
    size_t first = self->count;

    store_outbox_list(self->core->store, -1, transfer, INT64_MAX, INT32_MAX, add_own, self);
    store_inbox_list(self->core->store, &filter, add_received, self);
    add_levels(self, first);
    if (transfer != NULL) {
        add_told_of(self, first);
    }
}

/* ---- where it stands ---- */

static void find_place(store_t *store, struct step *step)
{
    switch (step->source) {
    case SOURCE_PROOF:
        step->leaf = store_leaf(store, step->proof, step->proof_row);
        break;
    case SOURCE_OWN_ACK:
        step->leaf = store_own_ack_leaf(store, step->epoch, step->number);
        break;
    case SOURCE_OPENING:
        step->recorded = store_opening_place(store, step->event, &step->leaf);
        break;
    case SOURCE_NONE:
        break;
    }
}

static int by_place(const void *a, const void *b)
{
    const struct step *left = a;
    const struct step *right = b;

    if (left->recorded != right->recorded) {
        return left->recorded ? -1 : 1;
    }
    if (left->leaf != right->leaf) {
        return left->leaf < right->leaf ? -1 : 1;
    }
    if (left->leaf == UINT64_MAX && left->at_ms != right->at_ms) {
        return left->at_ms < right->at_ms ? -1 : 1;
    }
    if (left->what != right->what) {
        return left->what < right->what ? -1 : 1;
    }
    if (left->order != right->order) {
        return left->order < right->order ? -1 : 1;
    }
    return memcmp(left->event, right->event, UUID_BYTES);
}

static bool is_acknowledgement(const struct step *step)
{
    return step->what == HAPPENED_PERSISTED || step->what == HAPPENED_OPENED;
}

/*
 * An acknowledgement was recorded before the event that was accepted behind it; its agent's clock may say otherwise. What
 * else stands behind it bounds nothing: a breach is dated at its own moment, which may be weeks before it was recorded.
 */
static void bound_times(struct step *steps, size_t count)
{
    int64_t bound_ms = INT64_MAX;

    for (struct step *step = steps + count; step-- > steps;) {
        if (step->what == HAPPENED_ACCEPTED) {
            bound_ms = step->at_ms < bound_ms ? step->at_ms : bound_ms;
        } else if (is_acknowledgement(step) && step->at_ms > bound_ms) {
            step->at_ms = bound_ms;
        }
    }
}

/* Of the first `known` steps the places are known; those recorded behind them go behind what was accepted by then. */
static void place_by_time(struct steps *self, size_t known)
{
    uint64_t leaf = 0;
    size_t at = 0;

    for (size_t i = known; i < self->count && self->items[i].recorded; i++) {
        struct step *step = &self->items[i];
        while (at < known &&
            (is_acknowledgement(&self->items[at]) || self->items[at].at_ms <= step->at_ms)) {
            leaf = self->items[at++].leaf;
        }
        step->leaf = leaf;
    }
}

static void put_in_order(struct steps *self)
{
    size_t known = 0;

    if (self->count == 0) {
        return; /* there is no list to sort */
    }
    for (size_t i = 0; i < self->count; i++) {
        find_place(self->core->store, &self->items[i]);
    }
    qsort(self->items, self->count, sizeof *self->items, by_place);
    while (known < self->count && self->items[known].recorded &&
        self->items[known].leaf != UINT64_MAX) {
        known++;
    }
    bound_times(self->items, known);
    place_by_time(self, known);
    qsort(self->items, self->count, sizeof *self->items, by_place);
}

void steps_collect(agent_core_t *core, const struct buf *kin, struct steps *out)
{
    *out = (struct steps){.core = core};
    for (size_t at = 0; kin != NULL && at < kin->len; at += UUID_BYTES) {
        add_events(out, kin->data + at);
    }
    if (kin == NULL) {
        add_events(out, NULL);
        store_notices_of(core->store, WAYPOST__SYSTEM_KIND__PAYLOAD_ERASED, add_told, out);
        store_notices_of(core->store, WAYPOST__SYSTEM_KIND__DEADLINE_BREACHED, add_told, out);
    }
    put_in_order(out);
}

void steps_free(struct steps *self)
{
    free(self->items);
}
