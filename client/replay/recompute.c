/*
 * recompute: see recompute.h. What the engine says between two of its inputs forms a group; the derived records that
 * stand there are the other side of it. Groups are compared as sets, so that one difference stays one.
 */
#include "client/replay/recompute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/procedure/message.h"
#include "common/record/acked.h"
#include "common/record/erase.h"
#include "common/record/judged.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 16777216 };

/* What was recorded, or said again, in one group. */
struct group {
    struct recomputed *items; /* owned, with their details */
    size_t count, capacity;
};

/* A batch that was accepted and is not judged yet. */
struct waiting {
    uint64_t leaf;
    struct buf body;
};

struct recompute {
    const procedures_t *given; /* lent: in place of the journal's; NULL */
    procedures_t *tables;      /* in force, of the journal */
    procedures_t *resting;     /* those that the engine lends from while they are switched off */
    engine_t *engine;
    bool on;
    int64_t time_ms;
    struct waiting *waiting; /* owned */
    size_t waiting_count, waiting_capacity;
    struct group said, recorded;
    uint64_t group_entry; /* of the input that opened the group */
    int64_t group_ms;
    bool withheld; /* R39, of the event at hand */
    struct fact_set facts;
    arena_t *arena;
    void (*found)(void *context, const struct difference *difference);
    void *context;
    uint64_t differences, compared;
    const struct record *record; /* at hand */
};

/* ---- groups ---- */

static struct recomputed *group_add(struct group *self)
{
    self->items = mem_grow(self->items, self->count, &self->capacity, sizeof *self->items);
    struct recomputed *item = &self->items[self->count++];
    *item = (struct recomputed){.kind = 0};
    return item;
}

static void group_clear(struct group *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->items[i].detail);
    }
    self->count = 0;
}

static void copy_id(const uint8_t *id, uint8_t *out, bool *has)
{
    *has = id != NULL;
    if (id != NULL) {
        memcpy(out, id, UUID_BYTES);
    }
}

static void take_said(void *context, const struct engine_record *record)
{
    recompute_t *self = context;
    int kind = derived_number(record->kind);

    if (!derived_by_engine(kind)) {
        return;
    }
    struct recomputed *item = group_add(&self->said);
    item->kind = kind;
    copy_id(record->transfer, item->transfer, &item->has_transfer);
    copy_id(record->subject, item->subject, &item->has_subject);
    copy_id(record->event, item->event, &item->has_event);
    item->at_ms = record->at_ms;
    (void)snprintf(item->clock, sizeof item->clock, "%s", record->clock ? record->clock : "");
    (void)snprintf(item->rule, sizeof item->rule, "%s", record->rule ? record->rule : "");
    item->detail = mem_text(record->detail);
    self->withheld |= kind == WAYPOST__SYSTEM_KIND__PAYLOAD_WITHHELD;
}

static const uint8_t *id_of(protobuf_c_boolean has, ProtobufCBinaryData bytes)
{
    return has && bytes.len == UUID_BYTES ? bytes.data : NULL;
}

static void take_recorded(recompute_t *self, const Waypost__Derived *derived)
{
    struct recomputed *item = group_add(&self->recorded);

    item->kind = (int)derived->kind;
    copy_id(id_of(derived->has_transfer, derived->transfer), item->transfer, &item->has_transfer);
    copy_id(id_of(derived->has_subject, derived->subject), item->subject, &item->has_subject);
    copy_id(id_of(derived->has_event, derived->event), item->event, &item->has_event);
    item->at_ms = derived->at_ms;
    (void)snprintf(item->clock, sizeof item->clock, "%s", derived->clock ? derived->clock : "");
    (void)snprintf(item->rule, sizeof item->rule, "%s", derived->rule ? derived->rule : "");
    item->detail = mem_text(derived->detail == NULL ? "" : derived->detail);
    self->compared++;
}

/* ---- comparing ---- */

/* About the same thing: then two that differ are shown as one difference. */
static bool same_matter(const struct recomputed *a, const struct recomputed *b)
{
    return a->kind == b->kind && strcmp(a->clock, b->clock) == 0 &&
        memcmp(a->transfer, b->transfer, UUID_BYTES) == 0 &&
        memcmp(a->subject, b->subject, UUID_BYTES) == 0 &&
        memcmp(a->event, b->event, UUID_BYTES) == 0;
}

static bool same(const struct recomputed *a, const struct recomputed *b)
{
    return same_matter(a, b) && a->at_ms == b->at_ms && strcmp(a->rule, b->rule) == 0 &&
        strcmp(a->detail, b->detail) == 0;
}

static void item_remove(struct group *self, size_t at)
{
    free(self->items[at].detail);
    self->count--;
    for (; at < self->count; at++) {
        self->items[at] = self->items[at + 1];
    }
}

static void tell(recompute_t *self, struct difference *difference)
{
    self->differences++;
    difference->entry = self->group_entry;
    difference->recorded_ms = self->group_ms;
    if (self->found != NULL) {
        self->found(self->context, difference);
    }
}

static void tell_pair(
    recompute_t *self, const struct recomputed *recorded, const struct recomputed *said)
{
    const struct recomputed *about = recorded != NULL ? recorded : said;

    assert(about != NULL);
    struct difference difference = {.what = DIFFERENCE_RECORD,
        .has_event = about->has_event,
        .has_subject = about->has_subject,
        .has_transfer = about->has_transfer,
        .recorded = recorded,
        .recomputed = said};
    memcpy(difference.event, about->event, UUID_BYTES);
    memcpy(difference.subject, about->subject, UUID_BYTES);
    memcpy(difference.transfer, about->transfer, UUID_BYTES);
    tell(self, &difference);
}

typedef bool alike_function(const struct recomputed *a, const struct recomputed *b);

static size_t find(const struct group *group, const struct recomputed *item, alike_function *alike)
{
    size_t i = 0;

    while (i < group->count && !alike(&group->items[i], item)) {
        i++;
    }
    return i;
}

static void group_compare(recompute_t *self)
{
    for (size_t i = 0; i < self->recorded.count;) {
        size_t twin = find(&self->said, &self->recorded.items[i], same);
        if (twin == self->said.count) {
            i++;
            continue;
        }
        item_remove(&self->said, twin);
        item_remove(&self->recorded, i);
    }
    for (size_t i = 0; i < self->recorded.count; i++) {
        size_t other = find(&self->said, &self->recorded.items[i], same_matter);
        bool any = other < self->said.count;
        tell_pair(self, &self->recorded.items[i], any ? &self->said.items[other] : NULL);
        if (any) {
            item_remove(&self->said, other);
        }
    }
    for (size_t i = 0; i < self->said.count; i++) {
        tell_pair(self, NULL, &self->said.items[i]);
    }
    group_clear(&self->said);
    group_clear(&self->recorded);
}

/* An input of the engine: what was said before it is complete. */
static void group_begin(recompute_t *self)
{
    group_compare(self);
    self->group_entry = self->record->sequence;
    self->group_ms = self->record->time_ms;
}

/* ---- life ---- */

recompute_t *recompute_new(const procedures_t *tables,
    void (*found)(void *context, const struct difference *difference), void *context)
{
    recompute_t *self = mem_new(1, sizeof *self);

    self->given = tables;
    self->found = found;
    self->context = context;
    self->arena = arena_new(ARENA_BYTES);
    if (tables != NULL) {
        self->engine = engine_new(tables, take_said, self);
        self->on = true;
    }
    return self;
}

void recompute_destroy(recompute_t **self_p)
{
    recompute_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    engine_destroy(&self->engine);
    procedures_destroy(&self->tables);
    procedures_destroy(&self->resting);
    for (size_t i = 0; i < self->waiting_count; i++) {
        buf_free(&self->waiting[i].body);
    }
    free(self->waiting);
    group_clear(&self->said);
    group_clear(&self->recorded);
    free(self->said.items);
    free(self->recorded.items);
    arena_destroy(&self->arena);
    free(self);
    *self_p = NULL;
}

/* ---- tables ---- */

/* As the broker's core does it: switched off, the engine rests as it is (broker/core/inputs.c). */
static int enforce(recompute_t *self, procedures_t **tables, int64_t at_ms, struct complaint *why)
{
    if (*tables != NULL && self->engine == NULL) {
        self->engine = engine_new(*tables, take_said, self);
    } else if (*tables != NULL) {
        int rc = engine_procedures(self->engine, *tables, at_ms);
        if (rc != 0) {
            return complain(why, rc,
                "the tables at entry %llu lack a rule or a clock of those before",
                (unsigned long long)self->record->sequence);
        }
    }
    self->on = *tables != NULL;
    if (*tables == NULL) {
        self->resting = self->resting != NULL ? self->resting : self->tables;
        self->tables = NULL;
        return 0;
    }
    procedures_destroy(&self->resting);
    procedures_destroy(&self->tables);
    self->tables = *tables;
    *tables = NULL;
    return 0;
}

static int fold_input(recompute_t *self, struct complaint *why)
{
    struct cursor body = cursor_of(self->record->body);
    procedures_t *tables = NULL;
    int rc = 0;

    if (take_u32(&body) != INPUT_PROCEDURES) {
        return body.failed ? E_CORRUPT : 0;
    }
    int64_t at_ms = (int64_t)take_u64(&body);
    group_begin(self);
    if (body.failed) {
        return E_CORRUPT;
    }
    self->time_ms = at_ms;
    if (self->given != NULL) {
        engine_advance(self->engine, at_ms);
        return 0;
    }
    arena_reset(self->arena);
    if (body.rest.len > 0) {
        rc = procedures_message_load(self->arena, body.rest, &tables, why);
    }
    if (rc == 0) {
        rc = enforce(self, &tables, at_ms, why);
    }
    procedures_destroy(&tables);
    return rc;
}

/* ---- events ---- */

static void fold_batch(recompute_t *self)
{
    if (self->waiting_count == self->waiting_capacity) {
        self->waiting_capacity = self->waiting_capacity == 0 ? 16 : self->waiting_capacity * 2;
        struct waiting *grown = mem_new(self->waiting_capacity, sizeof *grown);
        for (size_t i = 0; i < self->waiting_count; i++) {
            grown[i] = self->waiting[i];
        }
        free(self->waiting);
        self->waiting = grown;
    }
    struct waiting *waiting = &self->waiting[self->waiting_count++];
    *waiting = (struct waiting){.leaf = self->record->sequence};
    buf_put_slice(&waiting->body, self->record->body);
}

static void waiting_remove(recompute_t *self, size_t at)
{
    buf_free(&self->waiting[at].body);
    self->waiting_count--;
    for (; at < self->waiting_count; at++) {
        self->waiting[at] = self->waiting[at + 1];
    }
}

static size_t waiting_find(const recompute_t *self, uint64_t leaf)
{
    size_t i = 0;

    while (i < self->waiting_count && self->waiting[i].leaf != leaf) {
        i++;
    }
    return i;
}

static uint8_t judge_again(recompute_t *self, const struct event_view *view, int64_t at_ms)
{
    uint8_t verdicts[SUBJECTS_MAX] = {0};
    const struct engine_event event = {.view = view, .facts = &self->facts, .accepted_ms = at_ms};

    self->withheld = false;
    int rc = engine_event(self->engine, &event, verdicts);
    uint8_t verdict = rc == 0 ? verdict_strongest(verdicts, view->subject_count) : VERDICT_UNJUDGED;
    return (uint8_t)(verdict | (self->withheld ? JUDGED_WITHHELD_BIT : 0));
}

static void fold_event(
    recompute_t *self, struct slice bytes, const struct judged_event *recorded, int64_t at_ms)
{
    struct event_view view;
    struct difference difference = {.what = DIFFERENCE_VERDICT};

    if (event_read(bytes, &view, NULL) != 0) {
        return;
    }
    difference.verdict_recorded =
        (uint8_t)(recorded->verdict | (recorded->withheld ? JUDGED_WITHHELD_BIT : 0));
    if (facts_read(&view, &self->facts) == 0) {
        self->time_ms = at_ms;
        difference.verdict_recomputed = judge_again(self, &view, at_ms);
    }
    self->compared++;
    if (difference.verdict_recomputed == difference.verdict_recorded) {
        return;
    }
    difference.has_event = difference.has_transfer = true;
    memcpy(difference.event, view.id, UUID_BYTES);
    memcpy(difference.transfer, view.transfer, UUID_BYTES);
    difference.has_subject = view.subject_count == 1;
    if (difference.has_subject) {
        memcpy(difference.subject, view.subjects[0].ref, UUID_BYTES);
    }
    tell(self, &difference);
}

/* The engine's time at a record: as recorded, or where the procedures were off then and others are tried, the clock's. */
static int64_t time_of(const recompute_t *self, int64_t folded_ms)
{
    int64_t at_ms = folded_ms == 0 && self->given != NULL ? self->record->time_ms : folded_ms;

    return at_ms != 0 && at_ms < self->time_ms ? self->time_ms : at_ms;
}

static int fold_judged(recompute_t *self)
{
    struct judged_body body;
    struct judged_event judged;
    struct batch_body batch;
    struct slice event;

    if (judged_body_read(self->record->body, &body) != 0) {
        return E_CORRUPT;
    }
    size_t at = body.form == JUDGED_BATCH ? waiting_find(self, body.leaf) : self->waiting_count;
    int64_t at_ms = time_of(self, body.folded_ms);
    if (at == self->waiting_count) {
        return 0;
    }
    if (self->on && at_ms != 0 &&
        batch_body_read(buf_slice(&self->waiting[at].body), &batch) == 0) {
        group_begin(self);
        struct slice rest = batch.events;
        while (batch_next_event(&rest, &event) == 0 && judged_next(&body, &judged)) {
            fold_event(self, event, &judged, at_ms);
        }
    }
    waiting_remove(self, at);
    return 0;
}

/* ---- acknowledgements, time ---- */

static void fold_item(void *context, const struct acked_item *item, const char *code)
{
    recompute_t *self = context;
    int64_t at_ms = item->at_ms < self->time_ms ? item->at_ms : self->time_ms;

    if (item->level == ACKED_PERSISTED) {
        engine_persisted(self->engine, item->event, code, at_ms);
    } else if (item->level == ACKED_OPENED) {
        engine_opened(self->engine, item->event, code, NULL, NULL, at_ms);
    }
}

static int fold_acked(recompute_t *self)
{
    int64_t at_ms = time_of(self, record_folded_at(self->record->body));

    if (!self->on || at_ms == 0) {
        return 0;
    }
    group_begin(self);
    self->time_ms = at_ms;
    engine_advance(self->engine, at_ms);
    return acked_walk(self->record->body, fold_item, self) ? 0 : E_CORRUPT;
}

static int fold_derived(void *context, const Waypost__Derived *derived)
{
    recompute_t *self = context;

    if (derived->kind == WAYPOST__SYSTEM_KIND__BATCH_VOIDED && derived->has_leaf_index) {
        size_t at = waiting_find(self, derived->leaf_index);
        if (at < self->waiting_count) {
            waiting_remove(self, at);
        }
    } else if (derived->kind == WAYPOST__SYSTEM_KIND__DEADLINES_RUN && self->on) {
        group_begin(self);
        self->time_ms = derived->at_ms > self->time_ms ? derived->at_ms : self->time_ms;
        engine_advance(self->engine, self->time_ms);
    } else if (derived_by_engine((int)derived->kind)) {
        take_recorded(self, derived);
    }
    return 0;
}

static int fold_erased(recompute_t *self)
{
    struct erase_body body;

    if (erase_body_read(self->record->body, &body) != 0) {
        return E_CORRUPT;
    }
    int64_t at_ms = time_of(self, body.folded_ms);
    if (!self->on || at_ms == 0) {
        return 0;
    }
    group_begin(self);
    self->time_ms = at_ms;
    engine_advance(self->engine, at_ms);
    if (body.agent[0] == '\0') {
        engine_erased(self->engine, body.event, "broker", at_ms);
    }
    for (uint32_t i = 0; i < body.code_count; i++) {
        engine_erased(self->engine, body.event, body.codes[i], at_ms);
    }
    return 0;
}

int recompute_record(recompute_t *self, const struct record *record, struct complaint *why)
{
    self->record = record;
    switch (record->type) {
    case RECORD_BATCH:
        fold_batch(self);
        return 0;
    case RECORD_INPUT:
        return fold_input(self, why);
    case RECORD_JUDGED:
        return fold_judged(self);
    case RECORD_ACKED:
        return fold_acked(self);
    case RECORD_PAYLOAD_ERASED:
        return fold_erased(self);
    case RECORD_DERIVED:
        return derived_walk(self->arena, record->body, fold_derived, self);
    default:
        return 0;
    }
}

void recompute_end(recompute_t *self, bool cut)
{
    if (cut) { /* the records of the last group may lie behind the cut */
        group_clear(&self->said);
        group_clear(&self->recorded);
    }
    group_compare(self);
}

/* ---- what is asked ---- */

uint64_t recompute_differences(const recompute_t *self)
{
    return self->differences;
}

uint64_t recompute_compared(const recompute_t *self)
{
    return self->compared;
}

const engine_t *recompute_engine(const recompute_t *self)
{
    return self->engine;
}

int64_t recompute_time_ms(const recompute_t *self)
{
    return self->time_ms;
}
