/* member: see member.h. Nothing here fails; out of memory ends the program. */
#include "client/lab/member.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

/* ---- lists ---- */

void index_list_add(struct index_list *self, uint32_t index)
{
    self->items = mem_grow(self->items, self->count, &self->capacity, sizeof *self->items);
    self->items[self->count++] = index;
}

void index_list_free(struct index_list *self)
{
    free(self->items);
    *self = (struct index_list){0};
}

/* ---- life ---- */

static bool same_breach(const struct belief *belief, const struct engine_record *record)
{
    return belief->at_ms == record->at_ms && strcmp(belief->clock, record->clock) == 0 &&
        memcmp(belief->transfer, record->transfer, UUID_BYTES) == 0 &&
        memcmp(belief->subject, record->subject, UUID_BYTES) == 0;
}

static void note_breach(struct member *self, const struct engine_record *record)
{
    for (size_t i = 0; i < self->belief_count; i++) {
        if (same_breach(&self->beliefs[i], record)) {
            self->beliefs[i].borne_out = self->beliefs[i].borne_out || self->linked;
            return;
        }
    }
    if (self->linked) {
        return; /* the journal's breach, not a belief */
    }
    self->beliefs =
        mem_grow(self->beliefs, self->belief_count, &self->belief_capacity, sizeof *self->beliefs);
    struct belief *made = &self->beliefs[self->belief_count++];
    *made = (struct belief){.clock = record->clock, .at_ms = record->at_ms};
    memcpy(made->transfer, record->transfer, UUID_BYTES);
    memcpy(made->subject, record->subject, UUID_BYTES);
}

static void take_record(void *context, const struct engine_record *record)
{
    struct member *self = context;

    if (record->clock != NULL && record->subject != NULL &&
        strcmp(record->kind, "deadline_breached") == 0) {
        note_breach(self, record);
    }
    if (self->log.keep) {
        record_log_add(&self->log, record);
    }
}

/* The hub is never cut off by itself, so it has no beliefs to notice. */
static engine_t *engine_make(struct member *self)
{
    bool listens = self->log.keep || strcmp(self->code, "hub") != 0;

    return engine_new(self->journal->scenario->procedures, listens ? take_record : NULL, self);
}

struct member *member_new(struct journal_model *journal, const char *code, bool keep_records)
{
    struct member *self = mem_new(1, sizeof *self);
    size_t len = strlen(code);

    assert(len <= CODE_BYTES);
    memcpy(self->code, code, len);
    self->journal = journal;
    self->online = true;
    self->linked = true;
    record_log_init(&self->log, keep_records);
    record_log_init(&self->own, true);
    self->engine = engine_make(self);
    return self;
}

void member_destroy(struct member **self_p)
{
    struct member *self = *self_p;

    if (self == NULL) {
        return;
    }
    engine_destroy(&self->engine);
    record_log_free(&self->log);
    record_log_free(&self->own);
    index_list_free(&self->entries);
    index_list_free(&self->waiting);
    index_list_free(&self->erasures);
    free(self->outgoing);
    free(self->beliefs);
    free(self);
    *self_p = NULL;
}

/* ---- folding ---- */

static void fold_all(struct member *self, engine_t *engine)
{
    for (size_t i = 0; i < self->entries.count; i++) {
        (void)journal_model_fold(
            self->journal, engine, &self->journal->entries[self->entries.items[i]], false);
    }
    engine_advance(engine, self->now_ms);
}

static void rebuild(struct member *self)
{
    engine_destroy(&self->engine);
    record_log_clear(&self->log);
    self->engine = engine_make(self);
    fold_all(self, self->engine);
    self->next_ms = engine_next_ms(self->engine);
    self->dirty = false;
    self->provisional = false;
}

/* The engine of each of many members is only looked into when it has something to say, and when it is asked. */
static void catch_up(struct member *self)
{
    engine_advance(self->engine, self->now_ms);
    self->next_ms = engine_next_ms(self->engine);
}

static void fold(struct member *self, const struct entry *entry, bool provisional)
{
    (void)journal_model_fold(self->journal, self->engine, entry, provisional);
    self->next_ms = engine_next_ms(self->engine);
}

const engine_t *member_engine(struct member *self)
{
    if (self->dirty) {
        rebuild(self);
    }
    catch_up(self);
    return self->engine;
}

void member_advance(struct member *self, int64_t now_ms)
{
    self->now_ms = now_ms;
    if (!self->dirty && now_ms >= self->next_ms) {
        catch_up(self);
    }
}

/*
 * Disclosed later than it happened: it is folded where it belongs (D49). Even where nothing that it was told stands
 * behind it: deadlines may have run out here since, that the entry would have met.
 */
static bool is_late(const struct member *self, uint32_t entry)
{
    size_t count = self->entries.count;

    return (count > 0 && self->entries.items[count - 1] > entry) ||
        self->journal->entries[entry].recorded_ms < self->now_ms;
}

void member_take(struct member *self, uint32_t entry)
{
    size_t at = self->entries.count;

    self->dirty = self->dirty || is_late(self, entry);
    index_list_add(&self->entries, entry);
    for (; at > 0 && self->entries.items[at - 1] > entry; at--) {
        self->entries.items[at] = self->entries.items[at - 1];
    }
    self->entries.items[at] = entry;
    if (!self->dirty) {
        fold(self, &self->journal->entries[entry], false);
    }
}

/* ---- cut off, and back ---- */

void member_cut(struct member *self)
{
    (void)member_engine(self);
    self->linked = false;
    self->belief_count = 0;
}

void member_fold_own(struct member *self, const struct entry *entry)
{
    self->provisional = true;
    fold(self, entry, true);
}

void member_put_out(struct member *self, const struct outgoing *outgoing)
{
    self->outgoing = mem_grow(
        self->outgoing, self->outgoing_count, &self->outgoing_capacity, sizeof *self->outgoing);
    self->outgoing[self->outgoing_count++] = *outgoing;
}

/* What it believed and the journal does not bear out is kept in its own record. */
static void keep_disproved(struct member *self)
{
    for (size_t i = 0; i < self->belief_count; i++) {
        const struct belief *belief = &self->beliefs[i];
        const struct engine_record record = {.kind = "breach_superseded",
            .transfer = belief->transfer,
            .subject = belief->subject,
            .at_ms = self->now_ms,
            .recorded_ms = self->now_ms,
            .clock = belief->clock,
            .detail = ""};
        if (!belief->borne_out) {
            record_log_add(&self->own, &record);
        }
    }
    self->belief_count = 0;
}

void member_return(struct member *self)
{
    self->linked = true;
    rebuild(self);
    keep_disproved(self);
}

bool member_believes(
    const struct member *self, const uint8_t *subject, const char *clock, int64_t runs_out_ms)
{
    for (size_t i = 0; !self->linked && i < self->belief_count; i++) {
        const struct belief *belief = &self->beliefs[i];
        if (belief->at_ms == runs_out_ms && strcmp(belief->clock, clock) == 0 &&
            memcmp(belief->subject, subject, UUID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

bool member_converged(struct member *self)
{
    if (self->provisional) {
        return true; /* it knows more than the journal, until it is back */
    }
    engine_t *fresh = engine_new(self->journal->scenario->procedures, NULL, NULL);
    fold_all(self, fresh);
    struct hash theirs = engine_hash(member_engine(self));
    struct hash ours = engine_hash(fresh);
    engine_destroy(&fresh);
    return memcmp(&theirs, &ours, sizeof ours) == 0;
}
