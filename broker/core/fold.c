/*
 * fold: see fold.h. What goes through the engine while the broker runs: events when they are judged, acknowledgements,
 * time. Nothing here fails; what the engine does not know is left without a verdict.
 */
#include "broker/core/core_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

/* ---- life ---- */

void fold_init(core_t *self)
{
    struct fold *fold = &self->fold;

    fold->clock_wall_ms = self->world->wall_ms(self->world->context);
    fold->clock_mono_ms = self->world->mono_ms(self->world->context);
}

void fold_free(core_t *self)
{
    struct fold *fold = &self->fold;

    fold_state_free(self);
    free(fold->losses);
    engine_destroy(&fold->engine);
    procedures_destroy(&fold->tables);
    procedures_destroy(&fold->resting);
    free(fold->items);
    buf_free(&fold->texts);
    buf_free(&fold->group);
    buf_free(&fold->said);
}

bool fold_on(const core_t *self)
{
    return self->fold.tables != NULL;
}

bool fold_ready(const core_t *self)
{
    return self->fold.caught_up && self->fold.saving == NULL;
}

bool core_procedures_on(const core_t *self)
{
    return fold_on(self);
}

struct hash core_procedures_hash(const core_t *self)
{
    return fold_on(self) ? engine_hash(self->fold.engine) : (struct hash){{0}};
}

/* ---- time ---- */

/* Wall time may be slewed as slowly as it likes; a step is somebody's act, and no deadline is to run out by it. */
void fold_clock(core_t *self)
{
    struct fold *fold = &self->fold;
    int64_t expected_ms = fold->clock_wall_ms + (self->mono_ms - fold->clock_mono_ms);
    int64_t off_ms = self->now_ms - expected_ms;
    bool stepped = off_ms > CLOCK_STEP_MS || off_ms < -CLOCK_STEP_MS;

    if (!stepped) {
        fold->clock_wall_ms = self->now_ms;
        fold->clock_mono_ms = self->mono_ms;
    }
    if (stepped && !fold->stepped) {
        core_count(self, COUNTER_CLOCK_STEPPED);
        log_errorx("clock stepped ms=%lld: deadlines are held; check the clock, then send HUP",
            (long long)off_ms);
    } else if (!stepped && fold->stepped) {
        log_info("clock agrees again: deadlines go on");
    }
    fold->stepped = stepped;
}

void core_trust_clock(core_t *self)
{
    self->fold.clock_wall_ms = self->world->wall_ms(self->world->context);
    self->fold.clock_mono_ms = self->world->mono_ms(self->world->context);
    core_clock(self);
}

/* What the engine may know of the time now: the wall clock as far as it is trusted, else what has elapsed since. */
static int64_t trusted_ms(const core_t *self)
{
    const struct fold *fold = &self->fold;

    return fold->clock_wall_ms + (self->mono_ms - fold->clock_mono_ms);
}

/* Nothing is folded before what was accepted before it: an answer that came in time is never judged late. */
static int64_t oldest_unjudged_ms(const core_t *self)
{
    for (const struct batch *batch = self->batches; batch != NULL; batch = batch->next) {
        if (!batch->judged && batch->state != BATCH_VOID) {
            return batch->accepted_ms;
        }
    }
    return INT64_MAX;
}

int64_t fold_time(const core_t *self, int64_t ms)
{
    int64_t limit_ms = trusted_ms(self);
    int64_t oldest_ms = oldest_unjudged_ms(self);

    ms = ms < limit_ms ? ms : limit_ms;
    ms = ms < oldest_ms ? ms : oldest_ms;
    return ms > self->fold.time_ms ? ms : self->fold.time_ms;
}

/* ---- what the engine says ---- */

static struct fold_item *item_push(struct fold *fold)
{
    if (fold->item_first == fold->item_count) {
        fold->item_first = fold->item_count = 0;
        buf_clear(&fold->texts);
    }
    fold->items =
        mem_grow(fold->items, fold->item_count, &fold->item_capacity, sizeof *fold->items);
    struct fold_item *item = &fold->items[fold->item_count++];
    *item = (struct fold_item){.kind = NULL};
    return item;
}

static void copy_id(const uint8_t *id, uint8_t *out, bool *has)
{
    *has = id != NULL;
    if (id != NULL) {
        memcpy(out, id, UUID_BYTES);
    }
}

static void take_record(void *context, const struct engine_record *record)
{
    struct core *self = context;
    struct fold *fold = &self->fold;
    const struct fold_kind *kind = fold_kind_named(record->kind);

    if (self->ports.heard != NULL && fold->caught_up) {
        self->ports.heard(self->ports.context, record);
    }
    if (kind == NULL) {
        return;
    }
    struct fold_item *item = item_push(fold);
    item->kind = kind;
    copy_id(record->transfer, item->transfer, &item->has_transfer);
    copy_id(record->subject, item->subject, &item->has_subject);
    copy_id(record->event, item->event, &item->has_event);
    item->at_ms = record->at_ms;
    (void)snprintf(item->clock, sizeof item->clock, "%s", record->clock ? record->clock : "");
    (void)snprintf(item->rule, sizeof item->rule, "%s", record->rule ? record->rule : "");
    item->detail = fold->texts.len;
    buf_put(&fold->texts, record->detail, strlen(record->detail) + 1);
    item->own =
        fold->view != NULL && item->has_event && memcmp(item->event, fold->event, UUID_BYTES) == 0;
    if (item->own) {
        item->position = fold->view->position;
        item->index = fold->index;
        fold->withheld |= kind->number == WAYPOST__SYSTEM_KIND__PAYLOAD_WITHHELD;
    }
}

/* Most of what the engine says of an event becomes no record: receipts and acknowledgements say it. */
static bool wants_record(void *context, const char *kind)
{
    const struct core *self = context;

    return self->ports.heard != NULL || fold_kind_named(kind) != NULL;
}

void fold_engine_take(core_t *self, engine_t *engine)
{
    self->fold.engine = engine;
    engine_wants(engine, wants_record);
}

/* Nobody who chooses ids is to know where they lie in the engine's tables. */
static uint64_t seed_new(core_t *self)
{
    uint64_t seed;

    self->world->random(self->world->context, &seed, sizeof seed);
    return seed;
}

engine_t *fold_engine_new(core_t *self, const procedures_t *tables)
{
    engine_t *engine = engine_new(tables, take_record, self);

    engine_seed(engine, seed_new(self));
    engine_backing(engine, self->options.backing);
    return engine;
}

engine_loading_t *fold_loading_new(core_t *self, const procedures_t *tables, struct slice bytes)
{
    return engine_loading_new(
        tables, seed_new(self), self->options.backing, take_record, self, bytes);
}

static void group_append(core_t *self)
{
    struct buf *group = &self->fold.group;

    if (group->len > 0) {
        (void)append_record(self, RECORD_DERIVED, buf_slice(group), slice_of(NULL, 0), NULL);
    }
    buf_clear(group);
}

/*
 * What the engine said follows what it comes from, in the order in which it was said; all of it in one record, or in
 * few: a record of its own costs a header, a leaf and a node for each.
 */
void fold_flush(core_t *self)
{
    struct fold *fold = &self->fold;
    size_t count = 0;

    while (fold->item_first < fold->item_count) {
        struct fold_item item = fold->items[fold->item_first++];
        if (item.kind->counter >= 0) {
            core_count(self, (enum counter)item.kind->counter);
        }
        buf_clear(&fold->said);
        fold_tell(self, &item, &fold->said);
        derived_group_put(&fold->group, buf_slice(&fold->said));
        if (++count % FOLD_GROUP_ITEMS == 0) {
            group_append(self);
        }
    }
    group_append(self);
}

/* ---- events ---- */

static void count_verdict(core_t *self, uint8_t verdict)
{
    static const enum counter counters[] = {[VERDICT_UNJUDGED] = COUNTER_JUDGED_UNJUDGED,
        [VERDICT_EFFECTIVE] = COUNTER_JUDGED_EFFECTIVE,
        [VERDICT_ALERT] = COUNTER_JUDGED_ALERT,
        [VERDICT_REFUSED] = COUNTER_JUDGED_REFUSED,
        [VERDICT_HELD] = COUNTER_JUDGED_HELD};

    if (!self->fold.replaying) {
        core_count(self, counters[verdict]);
    }
}

static uint8_t fold_read(core_t *self, const struct event_view *event, int64_t at_ms)
{
    struct fold *fold = &self->fold;
    uint8_t verdicts[SUBJECTS_MAX] = {0};
    const struct engine_event folded = {.view = event, .facts = &fold->facts, .accepted_ms = at_ms};

    fold->withheld = false;
    memcpy(fold->event, event->id, UUID_BYTES);
    int rc = engine_event(fold->engine, &folded, verdicts);
    uint8_t verdict =
        rc == 0 ? verdict_strongest(verdicts, event->subject_count) : VERDICT_UNJUDGED;
    count_verdict(self, verdict);
    return (uint8_t)(verdict | (fold->withheld ? JUDGED_WITHHELD : 0));
}

/* Read and folded; the bytes were checked when they were accepted. */
static uint8_t fold_at(core_t *self, const struct view *view, uint32_t index, int64_t at_ms)
{
    struct fold *fold = &self->fold;
    struct event_view event;

    if (event_read(view->events[index], &event, NULL) != 0 ||
        facts_read(&event, &fold->facts) != 0) {
        count_verdict(self, VERDICT_UNJUDGED);
        return VERDICT_UNJUDGED;
    }
    fold->time_ms = at_ms;
    fold->view = view;
    fold->index = index;
    uint8_t verdict = fold_read(self, &event, at_ms);
    fold->view = NULL;
    return verdict;
}

uint8_t fold_event(core_t *self, const struct view *view, uint32_t index, int64_t at_ms)
{
    assert(self->fold.saving == NULL);
    if (!fold_on(self)) {
        count_verdict(self, VERDICT_UNJUDGED);
        return self->fold.lost && self->fold.has_files ? VERDICT_UNJUDGED | JUDGED_LEFT_OUT
                                                       : VERDICT_UNJUDGED;
    }
    if (!mark_begin(self, view->leaf_index, index)) {
        count_verdict(self, VERDICT_UNJUDGED);
        return VERDICT_UNJUDGED | JUDGED_LEFT_OUT;
    }
    uint8_t verdict = fold_at(self, view, index, at_ms);
    mark_end(self);
    return verdict;
}

/* ---- acknowledgements ---- */

struct acking_fold {
    engine_t *engine;
    int64_t recorded_ms;
};

static void fold_item_acked(void *context, const struct acked_item *item, const char *code)
{
    enum { PERSISTED = 1, OPENED = 2 };
    const struct acking_fold *self = context;
    int64_t at_ms = item->at_ms < self->recorded_ms ? item->at_ms : self->recorded_ms;

    if (item->level == PERSISTED) {
        engine_persisted(self->engine, item->event, code, at_ms);
    } else if (item->level == OPENED) {
        char team[UINT8_MAX + 1]; /* its length stands in one byte */
        const char *role = fact_value_word(catalogue_enum_named("person_role"), item->role);
        memcpy(team, item->team.data, item->team.len);
        team[item->team.len] = '\0';
        engine_opened(self->engine, item->event, code, role, team, at_ms);
    }
}

void fold_acked(core_t *self, struct slice body)
{
    struct fold *fold = &self->fold;
    struct acking_fold folding = {fold->engine, record_folded_at(body)};

    if (!fold_on(self) || folding.recorded_ms == 0) {
        return;
    }
    fold->time_ms = folding.recorded_ms;
    engine_advance(fold->engine, folding.recorded_ms);
    (void)acked_walk(body, fold_item_acked, &folding);
}

/* ---- time passes ---- */

/* The record comes first and says up to when; what ran out by then stands behind it, each at its own moment. */
void fold_tick(core_t *self)
{
    struct fold *fold = &self->fold;
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;

    if (!fold_on(self) || !fold_ready(self) || fold->stepped || self->reg == NULL ||
        self->rolled_back) {
        return;
    }
    int64_t until_ms = fold_time(self, self->now_ms);
    if (engine_next_ms(fold->engine) > until_ms) {
        return;
    }
    derived.kind = WAYPOST__SYSTEM_KIND__DEADLINES_RUN;
    derived.at_ms = until_ms;
    (void)append_derived(self, &derived);
    fold->time_ms = until_ms;
    engine_advance(fold->engine, until_ms);
    fold_flush(self);
}
