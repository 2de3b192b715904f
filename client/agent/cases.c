/* cases: see cases.h. */
#include "client/agent/cases.h"

#include <stdlib.h>
#include <string.h>

#include "client/agent/ops.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

enum happening {
    HAPPENED_ACCEPTED,
    HAPPENED_PERSISTED,
    HAPPENED_OPENED,
    HAPPENED_ERASED,
    HAPPENED_SENT
};

/* One thing that happened, to be folded in its place. */
struct step {
    int64_t at_ms;
    enum happening what;
    /* Within an instant the journal's order counts: the leaf of the batch or acknowledgement, then the place in it. */
    enum store_proof proof;
    int64_t proof_row;
    uint64_t leaf; /* UINT64_MAX where it stands in no journal yet */
    uint64_t order;
    uint8_t event[UUID_BYTES];
    bool own;                  /* from the outbox */
    char code[CODE_BYTES + 1]; /* of an erasure also "broker" */
    uint32_t role;
    char team[AGENT_TEAM_BYTES_MAX + 1];
};

struct steps {
    agent_core_t *core;
    size_t count;
    size_t room;
    struct step *items;   /* owned */
    const uint8_t *event; /* whose levels are visited */
};

static struct step *step_add(
    struct steps *self, int64_t at_ms, enum happening what, const uint8_t *event)
{
    if (self->count == self->room) {
        self->room = self->room == 0 ? 64 : self->room * 2;
        struct step *grown = realloc(self->items, self->room * sizeof *grown);
        if (grown == NULL) {
            abort();
        }
        self->items = grown;
    }
    struct step *step = &self->items[self->count++];
    *step = (struct step){.at_ms = at_ms, .what = what, .leaf = UINT64_MAX};
    memcpy(step->event, event, UUID_BYTES);
    return step;
}

static int by_time(const void *a, const void *b)
{
    const struct step *left = a;
    const struct step *right = b;

    if (left->at_ms != right->at_ms) {
        return left->at_ms < right->at_ms ? -1 : 1;
    }
    if (left->leaf != right->leaf) {
        return left->leaf < right->leaf ? -1 : 1;
    }
    if (left->what != right->what) {
        return left->what < right->what ? -1 : 1;
    }
    if (left->order != right->order) {
        return left->order < right->order ? -1 : 1;
    }
    return memcmp(left->event, right->event, UUID_BYTES);
}

/* ---- what happened ---- */

static void add_own(void *context, const struct outbox_row *row)
{
    struct steps *self = context;

    if (row->state != OUTBOX_REFUSED) {
        bool accepted = row->state == OUTBOX_ACCEPTED;
        struct step *step = step_add(self, accepted ? row->accepted_ms : row->created_ms,
            accepted ? HAPPENED_ACCEPTED : HAPPENED_SENT, row->event);
        step->order = accepted ? row->sequence : (uint64_t)row->position;
        step->own = true;
        step->proof = STORE_PROOF_BATCH;
        step->proof_row = accepted ? row->batch : 0;
    }
}

static void add_level(void *context, const struct level_row *row)
{
    struct steps *self = context;

    if (row->level == LEVEL_PERSISTED || row->level == LEVEL_OPENED) {
        struct step *step = step_add(self, row->at_ms,
            row->level == LEVEL_OPENED ? HAPPENED_OPENED : HAPPENED_PERSISTED, self->event);
        memcpy(step->code, row->code, sizeof step->code);
        step->role = row->role;
        memcpy(step->team, row->team, sizeof step->team);
        step->proof = STORE_PROOF_ACK;
        step->proof_row = row->ack;
    }
}

static struct step *received_add(
    struct steps *self, int64_t at_ms, enum happening what, const struct inbox_row *row)
{
    struct step *step = step_add(self, at_ms, what, row->event);

    step->proof = STORE_PROOF_EVIDENCE;
    step->proof_row = row->evidence;
    step->order = row->leaf;
    return step;
}

/* An event to this agent was persisted for every code of ours that it is addressed to; the engine ignores the others. */
static void add_received(void *context, const struct inbox_row *row)
{
    struct steps *self = context;
    const struct register_agent *me = self->core->me;

    if (row->fault != 0 || me == NULL) {
        return;
    }
    (void)received_add(self, row->accepted_ms, HAPPENED_ACCEPTED, row);
    for (size_t i = 0; i <= me->acts_for_count; i++) {
        const char *code = i == 0 ? me->code : me->acts_for[i - 1];
        struct step *persisted = received_add(self, row->persisted_ms, HAPPENED_PERSISTED, row);
        memcpy(persisted->code, code, strlen(code) + 1);
        if (row->opened_ms != 0) {
            struct step *opened = received_add(self, row->opened_ms, HAPPENED_OPENED, row);
            memcpy(opened->code, code, strlen(code) + 1);
        }
    }
}

/* As the broker recorded it: one holder's copy is gone. */
static void add_erased(void *context, const struct notice_row *row)
{
    struct steps *self = context;
    size_t len = 0;
    const char *holder = derived_detail(row->detail, "by", &len);

    if (row->has_event && holder != NULL && len <= CODE_BYTES) {
        struct step *step = step_add(self, row->at_ms, HAPPENED_ERASED, row->event);
        memcpy(step->code, holder, len);
        step->leaf = row->leaf_index;
        step->order = (uint64_t)row->id;
    }
}

/* The visitors of the lists collect first: their statements serve one question at a time. */
static void collect(struct steps *self)
{
    const struct inbox_filter all = {.before = INT64_MAX, .limit = INT32_MAX};

    store_outbox_list(self->core->store, -1, NULL, INT64_MAX, INT32_MAX, add_own, self);
    size_t own = self->count;
    for (size_t i = 0; i < own; i++) {
        uint8_t event[UUID_BYTES];
        memcpy(event, self->items[i].event, sizeof event);
        self->event = event;
        store_levels(self->core->store, event, add_level, self);
    }
    size_t first = self->count;
    store_inbox_list(self->core->store, &all, add_received, self);
    size_t upto = self->count;
    for (size_t i = first; i < upto;
         i++) { /* a hub is told how far others are with what they sent each other */
        uint8_t event[UUID_BYTES];
        memcpy(event, self->items[i].event, sizeof event);
        if (self->items[i].what == HAPPENED_ACCEPTED) {
            self->event = event;
            store_levels(self->core->store, event, add_level, self);
        }
    }
    store_notices_of(self->core->store, WAYPOST__SYSTEM_KIND__PAYLOAD_ERASED, add_erased, self);
    for (size_t i = 0; i < self->count; i++) {
        struct step *step = &self->items[i];
        if (step->proof_row != 0) {
            step->leaf = store_leaf(self->core->store, step->proof, step->proof_row);
        }
    }
    qsort(self->items, self->count, sizeof *self->items, by_time);
}

/* ---- folding ---- */

static bool read_bytes(agent_core_t *self, const struct step *step, struct buf *out)
{
    if (step->own) {
        struct outbox_row row;
        if (store_outbox(self->store, step->event, &row) != 0) {
            return false;
        }
        (void)outbox_event_bytes(self, &row, out);
        outbox_row_free(&row);
    } else {
        struct inbox_row row;
        if (store_inbox(self->store, step->event, &row) != 0) {
            return false;
        }
        buf_put_slice(out, buf_slice(&row.bytes));
        inbox_row_free(&row);
    }
    return out->len > 0;
}

static void fold_event(agent_core_t *self, engine_t *engine, const struct step *step)
{
    struct buf bytes = {0};
    struct event_view view;
    struct fact_set facts;
    uint8_t verdicts[SUBJECTS_MAX];

    if (read_bytes(self, step, &bytes) && event_read(buf_slice(&bytes), &view, NULL) == 0 &&
        catalogue_kind(view.kind) != NULL && facts_read(&view, &facts) == 0) {
        const struct engine_event event = {.view = &view,
            .facts = &facts,
            .accepted_ms = step->at_ms,
            .provisional = step->what == HAPPENED_SENT};
        (void)engine_event(engine, &event, verdicts);
    }
    buf_free(&bytes);
}

static void fold_step(agent_core_t *self, engine_t *engine, const struct step *step)
{
    switch (step->what) {
    case HAPPENED_ACCEPTED:
    case HAPPENED_SENT:
        fold_event(self, engine, step);
        break;
    case HAPPENED_PERSISTED:
        engine_persisted(engine, step->event, step->code, step->at_ms);
        break;
    case HAPPENED_OPENED:
        engine_opened(engine, step->event, step->code, enum_word("person_role", step->role),
            step->team, step->at_ms);
        break;
    case HAPPENED_ERASED:
        engine_erased(engine, step->event, step->code, step->at_ms);
        break;
    }
}

engine_t *cases_fold(agent_core_t *self)
{
    struct steps steps = {.core = self};
    int64_t now_ms = self->world->wall_ms(self->world->context);

    if (self->options.procedures == NULL) {
        return NULL;
    }
    engine_t *engine = engine_new(self->options.procedures, NULL, NULL);
    collect(&steps);
    for (size_t i = 0; i < steps.count; i++) {
        fold_step(self, engine, &steps.items[i]);
    }
    engine_advance(engine, now_ms);
    free(steps.items);
    return engine;
}
