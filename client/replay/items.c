/*
 * items: see items.h. A record whose body cannot be read ends the walk with E_CORRUPT; what is whole before has been
 * visited.
 */
#include "client/replay/items.h"

#include <stdlib.h>
#include <string.h>

#include "client/replay/ledger.h"
#include "common/base/civil.h"
#include "common/base/words.h"
#include "common/procedure/message.h"
#include "common/procedure/table16.h"
#include "common/record/erase.h"
#include "common/record/judged.h"

#include "common/base/banned.h"

enum {
    ARENA_BYTES = 16777216,
    AFTER_RANGE = 1 /* what ends the walk behind the last entry wanted */
};

const char *const item_words[4] = {"event", "record", "level", "input"};

static const char *const level_words[] = {
    [ACKED_PERSISTED] = "persisted", [ACKED_OPENED] = "opened", [ACKED_FAULT] = "fault"};
static const char *const input_words[] = {[INPUT_REGISTER] = "register",
    [INPUT_CONFIGURATION] = "configuration",
    [INPUT_ENGINE] = "engine",
    [INPUT_PROCEDURES] = "procedures"};

/* A batch that is not judged yet. */
struct waiting {
    uint64_t leaf;
    int64_t recorded_ms;
    struct buf body;
    size_t count; /* of events */
};

/* What later records about an event or a transfer need: who it concerns. */
struct known {
    uint8_t id[UUID_BYTES]; /* of an event or a transfer */
    uint8_t transfer[UUID_BYTES];
    char origin[CODE_BYTES + 1], receiving[CODE_BYTES + 1], from[CODE_BYTES + 1];
};

struct reading {
    const struct item_reader *reader;
    const struct item_filter *filter;
    struct item_counts *counts;
    bool parties; /* authority, transfer or profile are asked for: who is who has to be kept */
    struct table16 known; /* by id */
    struct waiting *waiting;
    size_t waiting_count, waiting_capacity;
    struct buf *spare; /* of batches that were judged: their memory is used again */
    size_t spare_count, spare_capacity;
    arena_t *arena, *tables_arena;
    procedures_t *tables; /* in force, where a profile is asked for */
    const struct record *record;
    int stopped;
};

/* ---- words ---- */

static const char *word_at(size_t index, char *text)
{
    size_t kinds = catalogue_kind_count();
    size_t system = waypost__system_kind__descriptor.n_values;

    if (index < kinds) {
        return catalogue_kind((uint32_t)index + 1)->name;
    }
    index -= kinds;
    if (index < system) {
        return derived_word(waypost__system_kind__descriptor.values[index].value, text);
    }
    index -= system;
    if (index < 3) {
        return level_words[index + 1];
    }
    return index - 3 < 4 ? input_words[index - 2] : NULL;
}

bool item_kind_known(const char *word)
{
    char text[DERIVED_WORD_BYTES];
    const char *known;

    for (size_t i = 0; (known = word_at(i, text)) != NULL; i++) {
        if (strcmp(known, word) == 0) {
            return true;
        }
    }
    return false;
}

const char *item_kind_nearest(const char *word)
{
    enum { WORDS_MAX = 256 };
    static char texts[WORDS_MAX][DERIVED_WORD_BYTES];
    const char *words[WORDS_MAX];
    size_t count = 0;

    while (count < WORDS_MAX && (words[count] = word_at(count, texts[count])) != NULL) {
        count++;
    }
    return words_nearest_of(word, words, count);
}

/* ---- who is who ---- */

static void know(struct reading *self, const uint8_t *id, const struct event_view *view)
{
    if (table16_get(&self->known, id) != NULL) {
        return;
    }
    struct known *known = mem_new(1, sizeof *known);
    memcpy(known->id, id, UUID_BYTES);
    memcpy(known->transfer, view->transfer, UUID_BYTES);
    memcpy(known->origin, view->origin, sizeof known->origin);
    memcpy(known->receiving, view->receiving, sizeof known->receiving);
    memcpy(known->from, view->from, sizeof known->from);
    table16_put(&self->known, known);
}

static void known_free(struct table16 *table)
{
    for (size_t i = 0; i < table->capacity; i++) {
        free(table->values[i]);
    }
    table16_free(table);
}

/* ---- the filter ---- */

static bool kind_passes(const struct item_filter *filter, const char *kind)
{
    for (size_t i = 0; i < filter->kind_count; i++) {
        if (strcmp(filter->kinds[i], kind) == 0) {
            return true;
        }
    }
    return filter->kind_count == 0;
}

static bool under_profile(
    const struct reading *self, const char *code, const char *other, int64_t at_ms)
{
    const char *names[3] = {NULL};

    if (self->tables == NULL || code == NULL) {
        return false;
    }
    size_t count =
        procedures_profiles_of(self->tables, code, other, NULL, civil_london_day(at_ms), names);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], self->filter->profile) == 0) {
            return true;
        }
    }
    return false;
}

static bool names_code(const struct item *item, const char *code)
{
    for (size_t i = 0; item->view != NULL && i < item->view->recipient_count; i++) {
        if (strcmp(item->view->to[i].code, code) == 0) {
            return true;
        }
    }
    return strcmp(item->code, code) == 0 || strstr(item->detail, code) != NULL;
}

static bool parties_pass(
    const struct reading *self, const struct item *item, const struct known *known)
{
    const struct item_filter *filter = self->filter;

    if (filter->transfer != NULL &&
        (item->transfer == NULL || memcmp(item->transfer, filter->transfer, UUID_BYTES) != 0)) {
        return false;
    }
    if (filter->authority != NULL && !names_code(item, filter->authority) &&
        (known == NULL ||
            (strcmp(known->origin, filter->authority) != 0 &&
                strcmp(known->receiving, filter->authority) != 0 &&
                strcmp(known->from, filter->authority) != 0))) {
        return false;
    }
    return filter->profile == NULL ||
        (known != NULL &&
            (under_profile(self, known->origin, known->receiving, item->recorded_ms) ||
                under_profile(self, known->receiving, known->origin, item->recorded_ms)));
}

static bool in_range(const struct reading *self, uint64_t entry, int64_t recorded_ms)
{
    const struct journal_moment *from = &self->filter->from;

    if (!from->given) {
        return true;
    }
    return from->by_time ? recorded_ms >= from->at_ms : entry >= from->entry;
}

/* An item that passed everything cheaper. Sets what is known of its event. */
static void offer(struct reading *self, struct item *item)
{
    const struct known *known = NULL;

    if (self->parties) {
        const uint8_t *id = item->event != NULL ? item->event : item->transfer;
        known = id == NULL ? NULL : table16_get(&self->known, id);
        if (item->transfer == NULL && known != NULL) {
            item->transfer = known->transfer;
        }
        if (!parties_pass(self, item, known)) {
            return;
        }
    }
    item->record = self->record;
    self->counts->passed++;
    self->stopped = self->reader->visit(self->reader->context, item);
}

/* ---- events ---- */

static struct buf spare_take(struct reading *self)
{
    return self->spare_count > 0 ? self->spare[--self->spare_count] : (struct buf){0};
}

static void *more(void *items, size_t count, size_t *capacity, size_t bytes)
{
    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    void *grown = mem_new(*capacity, bytes);
    if (count > 0) {
        memcpy(grown, items, count * bytes);
    }
    free(items);
    return grown;
}

static int read_batch(struct reading *self)
{
    struct batch_body batch;

    if (batch_body_read(self->record->body, &batch) != 0) {
        return E_CORRUPT;
    }
    self->counts->events += batch.count;
    self->waiting =
        more(self->waiting, self->waiting_count, &self->waiting_capacity, sizeof *self->waiting);
    struct waiting *waiting = &self->waiting[self->waiting_count++];
    *waiting = (struct waiting){.leaf = self->record->sequence,
        .recorded_ms = self->record->time_ms,
        .body = spare_take(self),
        .count = batch.count};
    buf_clear(&waiting->body);
    buf_put_slice(&waiting->body, self->record->body);
    return 0;
}

static size_t waiting_find(const struct reading *self, uint64_t leaf)
{
    size_t i = 0;

    while (i < self->waiting_count && self->waiting[i].leaf != leaf) {
        i++;
    }
    return i;
}

static void waiting_remove(struct reading *self, size_t at)
{
    self->spare = more(self->spare, self->spare_count, &self->spare_capacity, sizeof *self->spare);
    self->spare[self->spare_count++] = self->waiting[at].body;
    self->waiting_count--;
    for (; at < self->waiting_count; at++) {
        self->waiting[at] = self->waiting[at + 1];
    }
}

/* The kind of an event without reading all of it: the second field of its header. 0 where it does not stand there. */
static uint32_t kind_of(struct slice bytes)
{
    enum { TAG_HEADER = 1 << 3 | 2, TAG_ID = 1 << 3 | 2, TAG_KIND = 2 << 3 };
    struct cursor in = cursor_of(bytes);

    if (take_u8(&in) != TAG_HEADER) {
        return 0;
    }
    (void)take_varint(&in);
    if (take_u8(&in) != TAG_ID) {
        return 0;
    }
    (void)take_bytes(&in, (size_t)take_varint(&in));
    return take_u8(&in) == TAG_KIND && !in.failed ? (uint32_t)take_varint(&in) : 0;
}

/* Does the kind alone tell that an event is not wanted? */
static bool passed_over(const struct reading *self, struct slice bytes)
{
    const struct kind_info *kind = NULL;

    if (self->parties || self->filter->kind_count == 0) {
        return false;
    }
    kind = catalogue_kind(kind_of(bytes));
    return kind != NULL && !kind_passes(self->filter, kind->name);
}

static void offer_event(struct reading *self, const struct waiting *waiting, uint32_t index,
    struct slice bytes, const char *verdict)
{
    struct event_view view;

    if (passed_over(self, bytes) || event_read(bytes, &view, NULL) != 0) {
        return;
    }
    if (self->parties) {
        know(self, view.id, &view);
        know(self, view.transfer, &view);
    }
    const struct kind_info *kind = catalogue_kind(view.kind);
    struct item item = {.what = ITEM_EVENT,
        .entry = waiting->leaf,
        .index = index,
        .recorded_ms = waiting->recorded_ms,
        .at_ms = view.sent_ms,
        .kind = kind == NULL ? "unknown" : kind->name,
        .event = view.id,
        .transfer = view.transfer,
        .subject = view.subject_count == 1 ? view.subjects[0].ref : NULL,
        .view = &view,
        .bytes = bytes,
        .verdict = verdict,
        .clock = "",
        .rule = "",
        .detail = "",
        .code = view.from};
    if (in_range(self, item.entry, item.recorded_ms) && kind_passes(self->filter, item.kind)) {
        offer(self, &item);
    }
}

static void offer_batch(struct reading *self, size_t at, struct judged_body *verdicts)
{
    struct batch_body batch;
    struct judged_event judged;
    struct slice bytes;
    struct waiting waiting = self->waiting[at];

    (void)batch_body_read(buf_slice(&waiting.body), &batch);
    struct slice rest = batch.events;
    for (uint32_t i = 0; self->stopped == 0 && batch_next_event(&rest, &bytes) == 0; i++) {
        const char *verdict = "waiting";
        if (verdicts != NULL) {
            verdict = judged_next(verdicts, &judged) && judged.verdict <= LEDGER_HELD
                ? ledger_verdict_words[judged.verdict]
                : "unjudged";
        }
        offer_event(self, &waiting, i, bytes, verdict);
    }
}

/* Can any event pass? Then its bytes are looked into; else they are passed over. */
static bool events_wanted(const struct reading *self)
{
    const struct item_filter *filter = self->filter;

    for (size_t i = 0; i < filter->kind_count; i++) {
        if (catalogue_kind_named(filter->kinds[i]) != NULL) {
            return true;
        }
    }
    return filter->kind_count == 0 || self->parties;
}

static int read_judged(struct reading *self)
{
    struct judged_body body;

    if (judged_body_read(self->record->body, &body) != 0) {
        return E_CORRUPT;
    }
    size_t at = body.form == JUDGED_BATCH ? waiting_find(self, body.leaf) : self->waiting_count;
    if (at < self->waiting_count) {
        if (events_wanted(self)) {
            offer_batch(self, at, &body);
        }
        waiting_remove(self, at);
    }
    return 0;
}

/* ---- the rest ---- */

static const uint8_t *id_of(protobuf_c_boolean has, ProtobufCBinaryData bytes)
{
    return has && bytes.len == UUID_BYTES ? bytes.data : NULL;
}

static const char *text_or_none(const char *text)
{
    return text == NULL ? "" : text;
}

static int read_derived(void *context, const Waypost__Derived *derived)
{
    struct reading *self = context;
    char word[DERIVED_WORD_BYTES];

    if (derived->kind == WAYPOST__SYSTEM_KIND__BATCH_VOIDED && derived->has_leaf_index) {
        size_t at = waiting_find(self, derived->leaf_index);
        if (at < self->waiting_count) {
            waiting_remove(self, at);
        }
    }
    if (!in_range(self, self->record->sequence, self->record->time_ms)) {
        return 0;
    }
    struct item item = {.what = ITEM_RECORD,
        .entry = self->record->sequence,
        .recorded_ms = self->record->time_ms,
        .at_ms = derived->at_ms,
        .kind = derived_word((int)derived->kind, word),
        .event = id_of(derived->has_event, derived->event),
        .transfer = id_of(derived->has_transfer, derived->transfer),
        .subject = id_of(derived->has_subject, derived->subject),
        .verdict = "",
        .clock = text_or_none(derived->clock),
        .rule = text_or_none(derived->rule),
        .detail = text_or_none(derived->detail),
        .code = text_or_none(derived->code)};
    if (kind_passes(self->filter, item.kind)) {
        offer(self, &item);
    }
    return 0;
}

static void offer_level(void *context, const struct acked_item *level, const char *code)
{
    struct reading *self = context;

    if (self->stopped != 0 || level->level < ACKED_PERSISTED || level->level > ACKED_FAULT) {
        return;
    }
    struct item item = {.what = ITEM_LEVEL,
        .entry = self->record->sequence,
        .recorded_ms = self->record->time_ms,
        .at_ms = level->at_ms,
        .kind = level_words[level->level],
        .event = level->event,
        .verdict = "",
        .clock = "",
        .rule = "",
        .detail = "",
        .code = code,
        .level = level};
    if (kind_passes(self->filter, item.kind)) {
        offer(self, &item);
    }
}

static int read_acked(struct reading *self)
{
    if (!in_range(self, self->record->sequence, self->record->time_ms)) {
        return 0;
    }
    return acked_walk(self->record->body, offer_level, self) ? 0 : E_CORRUPT;
}

static void take_tables(struct reading *self, struct slice bytes)
{
    procedures_t *next = NULL;

    struct cursor in = cursor_of(bytes);
    (void)take_u64(&in);
    arena_reset(self->tables_arena);
    if (!in.failed && procedures_message_load(self->tables_arena, in.rest, &next, NULL) == 0) {
        procedures_destroy(&self->tables);
        self->tables = next;
    }
}

static int read_input(struct reading *self)
{
    struct cursor in = cursor_of(self->record->body);
    uint32_t kind = take_u32(&in);

    if (in.failed || kind < INPUT_REGISTER || kind > INPUT_PROCEDURES) {
        return in.failed ? E_CORRUPT : 0;
    }
    if (kind == INPUT_PROCEDURES && self->filter->profile != NULL) {
        take_tables(self, in.rest);
    }
    struct item item = {.what = ITEM_INPUT,
        .entry = self->record->sequence,
        .recorded_ms = self->record->time_ms,
        .at_ms = self->record->time_ms,
        .kind = input_words[kind],
        .verdict = "",
        .clock = "",
        .rule = "",
        .detail = "",
        .code = ""};
    if (in_range(self, item.entry, item.recorded_ms) && kind_passes(self->filter, item.kind)) {
        offer(self, &item);
    }
    return 0;
}

/* ---- all ---- */

static int read_record(void *context, const struct record *record, uint64_t position)
{
    struct reading *self = context;
    int rc = 0;

    (void)position;
    if (!moment_reached(&self->filter->to, record->sequence, record->time_ms)) {
        return AFTER_RANGE;
    }
    self->record = record;
    self->counts->records++;
    switch (record->type) {
    case RECORD_BATCH:
        rc = read_batch(self);
        break;
    case RECORD_JUDGED:
        rc = read_judged(self);
        break;
    case RECORD_ACKED:
        rc = read_acked(self);
        break;
    case RECORD_DERIVED:
        rc = derived_walk(self->arena, record->body, read_derived, self);
        break;
    case RECORD_INPUT:
        rc = read_input(self);
        break;
    default:
        break;
    }
    return self->stopped != 0 ? self->stopped : rc;
}

/* Accepted by then and not judged: told last. */
static void offer_waiting(struct reading *self)
{
    for (size_t i = 0; self->stopped == 0 && i < self->waiting_count; i++) {
        if (events_wanted(self)) {
            offer_batch(self, i, NULL);
        }
    }
}

static void reading_free(struct reading *self)
{
    for (size_t i = 0; i < self->waiting_count; i++) {
        buf_free(&self->waiting[i].body);
    }
    for (size_t i = 0; i < self->spare_count; i++) {
        buf_free(&self->spare[i]);
    }
    free(self->waiting);
    free(self->spare);
    known_free(&self->known);
    procedures_destroy(&self->tables);
    arena_destroy(&self->arena);
    arena_destroy(&self->tables_arena);
}

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    const struct reading *self = context;

    self->reader->progress(self->reader->context, done, all);
}

int items_read(source_t *source, const struct item_reader *reader, struct item_counts *counts,
    struct complaint *why)
{
    const struct item_filter *filter = reader->filter;
    struct reading self = {.reader = reader,
        .filter = filter,
        .counts = counts,
        .parties = filter->authority != NULL || filter->transfer != NULL || filter->profile != NULL,
        .known = {.key_bytes = UUID_BYTES, .key_offset = offsetof(struct known, id)},
        .arena = arena_new(ARENA_BYTES),
        .tables_arena = arena_new(ARENA_BYTES)};
    /* Who is who, and the tables in force, are told from the first entry on. */
    bool whole = self.parties || !filter->from.given || filter->from.by_time;
    const struct source_walk walk = {.visit = read_record,
        .from_sequence = whole ? 0 : filter->from.entry,
        .progress = reader->progress == NULL ? NULL : show_progress,
        .context = &self};
    uint64_t torn;

    *counts = (struct item_counts){.records = 0};
    int rc = source_walk(source, &walk, &torn, why);
    if (rc == 0 || rc == AFTER_RANGE) {
        offer_waiting(&self);
        rc = self.stopped;
    }
    reading_free(&self);
    return rc;
}
