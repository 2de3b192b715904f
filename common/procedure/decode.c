/*
 * decode: the inverse of encode.c. The bytes may be damaged or somebody else's: every count is held against the bytes
 * that are left, every number against what it names, and what is no canonical encoding is refused, so that the same
 * state never has two. Failures are returned with where it went wrong; the half-built engine goes with the loading.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/procedure/form.h"
#include "common/procedure/saved.h"

#include "common/base/banned.h"

/* One dossier on its way out of bytes. */
struct reader {
    engine_t *engine;
    struct contents *contents; /* owned until it is taken */
    struct code_book *book;    /* lent */
    struct cursor *in;         /* lent */
    enum form_section section;
    uint32_t index, count;
    bool begun;
    uint32_t next_number; /* the lowest that the next item of the section can have */
    int64_t last_ms;
    uint32_t kept;   /* episodes that a family has */
    bool *in_family; /* owned: by their place */
};

enum stage { STAGE_HEAD, STAGE_TOTALS, STAGE_DOSSIERS, STAGE_END };

struct engine_loading {
    engine_t *engine; /* owned until it is handed out */
    struct slice bytes;
    struct cursor in;
    enum stage stage;
    struct code_book *book; /* owned */
    struct reader reader;   /* of the dossier at hand */
    bool reading;
    size_t dossier_at;          /* where it begins */
    uint32_t index, count;      /* dossiers */
    uint32_t first_row;         /* the lowest number that the next one's first event can have */
    uint32_t read[SHELVES];     /* items read so far */
    uint8_t *numbered[SHELVES]; /* owned: a bit each number that an item has */
    bool old;                   /* of another layout */
};

static const char *const section_names[SECTION_COUNT] = {
    "children", "transfers", "episodes", "events", "clocks", "families", "waiting"};

/* ---- numbers ---- */

static uint16_t fail(struct reader *self)
{
    self->in->failed = true;
    return 0;
}

/* In as few bytes as can be. */
static uint64_t take_number(struct reader *self)
{
    struct slice before = self->in->rest;
    uint64_t value = take_varint(self->in);
    size_t used = before.len - self->in->rest.len;

    if (used > 1 && before.data[used - 1] == 0) {
        self->in->failed = true;
    }
    return self->in->failed ? 0 : value;
}

static uint64_t take_below(struct reader *self, uint64_t limit)
{
    uint64_t value = take_number(self);

    if (value >= limit) {
        self->in->failed = true;
        return 0;
    }
    return value;
}

/* Items of at least a byte each, so that no count asks for more memory than its bytes are worth. */
static uint32_t take_count(struct reader *self)
{
    return (uint32_t)take_below(
        self, (self->in->rest.len < UINT32_MAX / 2 ? self->in->rest.len : 0) + 1);
}

/* What stands at a place of its shelf already. */
static void *take_item(struct reader *self, enum shelf_name shelf)
{
    const struct list *list = contents_list(self->contents, shelf);
    uint64_t place = take_number(self);

    if (self->in->failed || place >= list->count) {
        self->in->failed = true;
        return NULL;
    }
    return list_pointer(list, (uint32_t)place);
}

/* ---- fields ---- */

/* A code is named with its text once, and it is one of those in the head. */
static uint16_t take_code_named(struct reader *self)
{
    char text[CODE_BYTES + 1] = "";
    uint32_t known = self->engine->codes.count;
    struct slice bytes = take_bytes(self->in, CODE_BYTES);

    if (self->in->failed) {
        return 0;
    }
    memcpy(text, bytes.data, CODE_BYTES);
    uint16_t code = code_number(self->engine, text);
    if (code == 0 || self->engine->codes.count != known || self->book->ordinals[code] != 0) {
        return fail(self);
    }
    code_book_add(self->book, code);
    return code;
}

static uint16_t take_code(struct reader *self)
{
    uint64_t ordinal = take_below(self, (uint64_t)self->book->codes.count + 2);

    if (self->in->failed || ordinal == 0) {
        return 0;
    }
    return ordinal <= self->book->codes.count
        ? ((const uint16_t *)self->book->codes.items)[ordinal - 1]
        : take_code_named(self);
}

static int64_t take_time(struct reader *self)
{
    int64_t value =
        (int64_t)((uint64_t)self->last_ms + (uint64_t)form_zigzag_back(take_number(self)));

    if (value != NO_TIME &&
        (value > FORM_DAY_MAX * CIVIL_DAY_MS || value < -FORM_DAY_MAX * CIVIL_DAY_MS)) {
        self->in->failed = true;
        return 0;
    }
    self->last_ms = value;
    return value;
}

static int32_t take_signed(struct reader *self, int64_t limit)
{
    int64_t value = form_zigzag_back(take_number(self));

    if (value > limit || value < -limit) {
        self->in->failed = true;
        return 0;
    }
    return (int32_t)value;
}

/* len bytes without a zero among them. */
static struct slice take_text(struct reader *self, size_t len_max)
{
    struct slice text = take_bytes(self->in, (size_t)take_below(self, (uint64_t)len_max + 1));

    if (text.len > 0 && memchr(text.data, 0, text.len) != NULL) {
        self->in->failed = true;
    }
    return self->in->failed ? slice_of(NULL, 0) : text;
}

static const char *take_string(struct reader *self)
{
    struct slice text = take_text(self, self->in->rest.len);
    char *kept = pile_new(&self->contents->pile, text.len + 1);

    if (text.len > 0) {
        memcpy(kept, text.data, text.len);
    }
    return kept;
}

static void number_set(void *at, size_t bytes, uint64_t value)
{
    switch (bytes) {
    case 1:
        *(uint8_t *)at = (uint8_t)value;
        break;
    case 2:
        *(uint16_t *)at = (uint16_t)value;
        break;
    case 4:
        *(uint32_t *)at = (uint32_t)value;
        break;
    default:
        *(uint64_t *)at = value;
        break;
    }
}

static uint64_t number_max(const struct form_field *field)
{
    uint64_t all = field->bytes == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * field->bytes) - 1;

    return field->max != 0 ? field->max : all;
}

static void take_raw(struct reader *self, void *at, size_t bytes)
{
    struct slice raw = take_bytes(self->in, bytes);

    if (!self->in->failed) {
        memcpy(at, raw.data, bytes);
    }
}

static void take_struct(struct reader *self, const struct form *form, void *item);

static void take_list(struct reader *self, const struct form *form, struct list *list)
{
    for (uint32_t left = take_count(self); left > 0 && !self->in->failed; left--) {
        take_struct(self, form, list_add(list, form->bytes));
    }
}

static void take_field(struct reader *self, const struct form_field *field, void *at)
{
    struct slice text;
    uint64_t number;

    switch ((enum form_type)field->type) {
    case FORM_FLAG:
        *(bool *)at = true;
        break;
    case FORM_NUMBER:
        number = take_number(self);
        self->in->failed = self->in->failed || number > number_max(field);
        number_set(at, field->bytes, number);
        break;
    case FORM_SIGNED:
        *(int32_t *)at = take_signed(self, INT32_MAX);
        break;
    case FORM_DAY:
        *(int32_t *)at = take_signed(self, FORM_DAY_MAX);
        break;
    case FORM_MOMENT:
    case FORM_TIME:
        *(int64_t *)at = take_time(self);
        break;
    case FORM_CODE:
        *(uint16_t *)at = take_code(self);
        break;
    case FORM_RAW:
        take_raw(self, at, field->bytes);
        break;
    case FORM_TEXT:
        text = take_text(self, field->bytes - 1U);
        if (text.len > 0) {
            memcpy(at, text.data, text.len);
        }
        break;
    case FORM_STRING:
        *(const char **)at = take_string(self);
        break;
    case FORM_LIST:
        take_list(self, field->items, at);
        break;
    case FORM_CLOCK:
        number = take_number(self);
        *(const struct clock_info **)at = number <= UINT32_MAX
            ? procedures_clock(self->engine->procedures, (uint32_t)number)
            : NULL;
        break;
    case FORM_ROW:
        *(void **)at = take_item(self, SHELF_ROWS);
        break;
    case FORM_EPISODE:
        *(void **)at = take_item(self, SHELF_EPISODES);
        break;
    case FORM_CHILD:
        *(void **)at = take_item(self, SHELF_CHILDREN);
        break;
    case FORM_LATER:
        self->in->failed = true;
        break;
    }
}

/* What cannot be left out: the engine looks behind these without asking. */
static bool is_needed(enum form_type type)
{
    return type == FORM_CLOCK || type == FORM_ROW || type == FORM_EPISODE;
}

static void field_begin(const struct form_field *field, void *at)
{
    switch ((enum form_type)field->type) {
    case FORM_DAY:
        *(int32_t *)at = NO_DAY;
        break;
    case FORM_MOMENT:
        *(int64_t *)at = NO_TIME;
        break;
    case FORM_STRING:
        *(const char **)at = "";
        break;
    default:
        break;
    }
}

/* item is zeroed. */
static void take_struct(struct reader *self, const struct form *form, void *item)
{
    struct slice mask = take_bytes(self->in, (form->count + 7U) / 8);

    for (size_t i = 0; i < form->count; i++) {
        const struct form_field *field = &form->fields[i];
        uint8_t *at = (uint8_t *)item + field->offset;
        bool there = !self->in->failed && (mask.data[i / 8] >> i % 8 & 1) != 0;
        field_begin(field, at);
        for (size_t k = 0; there && k < field->count && !self->in->failed; k++) {
            take_field(self, field, at + k * field->bytes);
        }
        if ((there && form_is_default(field, at)) ||
            (!there && is_needed((enum form_type)field->type))) {
            self->in->failed = true;
        }
    }
    if (!self->in->failed && form->count % 8 != 0 &&
        mask.data[mask.len - 1] >> form->count % 8 != 0) {
        self->in->failed = true;
    }
}

/* ---- items ---- */

static void *item_new(struct reader *self, size_t bytes)
{
    return pile_new(&self->contents->pile, bytes);
}

static void *take_child(struct reader *self)
{
    struct child *child = item_new(self, sizeof *child);

    take_struct(self, &form_child, child); /* merged into one that stands before it, if at all */
    return child;
}

static void *take_transfer(struct reader *self)
{
    struct transfer *transfer = item_new(self, sizeof *transfer);

    take_struct(self, &form_transfer, transfer);
    if (transfer->profile != 0 &&
        procedures_profile_name(self->engine->procedures, transfer->profile) == NULL) {
        self->in->failed = true;
    }
    self->engine->forced[transfer->profile] = true;
    return transfer;
}

static void *take_episode(struct reader *self)
{
    struct episode *episode = item_new(self, sizeof *episode);

    episode->transfer = take_item(self, SHELF_TRANSFERS);
    episode->child = take_item(self, SHELF_CHILDREN);
    take_struct(self, &form_episode, episode);
    if (!self->in->failed) {
        memcpy(episode->key, episode->transfer->id, UUID_BYTES);
        memcpy(episode->key + UUID_BYTES, episode->child->ref, UUID_BYTES);
        list_add_pointer(&episode->transfer->episodes, episode);
    }
    return episode;
}

static void *take_row(struct reader *self)
{
    struct event_view shape;

    shape.recipient_count = (size_t)take_below(self, RECIPIENTS_MAX + 1);
    shape.subject_count = (size_t)take_below(self, SUBJECTS_MAX + 1);
    struct row *row = row_make(&self->contents->pile, &shape);

    row->recipient_count = (uint8_t)shape.recipient_count;
    row->consent = "";
    take_struct(self, &form_row, row);
    for (uint32_t i = 0; i < row->recipient_count && !self->in->failed; i++) {
        take_struct(self, &form_row_recipient, &row_recipients(row)[i]);
    }
    for (uint32_t i = 0; i < row->verdict_count && !self->in->failed; i++) {
        take_struct(self, &form_row_verdict, &row->verdicts[i]);
    }
    return row;
}

/* heap_index says for now only that it was among the timers. */
static void *take_clock(struct reader *self)
{
    struct running *clock = item_new(self, sizeof *clock);

    clock->heap_index = take_below(self, 2) != 0;
    take_struct(self, &form_running, clock);
    if (self->in->failed || clock->event->verdict_count == 0) {
        self->in->failed = true;
        return clock;
    }
    struct list *list = clock->info->child_scope ? &child_of(clock->episode->child)->clocks
                                                 : &clock->episode->clocks;
    list_add_pointer(list, clock);
    return clock;
}

static void take_family(struct reader *self, void *item)
{
    struct child *child = item;

    if (child->merged_into != NULL) {
        return;
    }
    take_struct(self, &form_family, child);
    for (uint32_t i = 0; i < child->episodes.count && !self->in->failed; i++) {
        const struct episode *episode = list_pointer(&child->episodes, i);
        uint32_t place = contents_place(self->contents, SHELF_EPISODES, episode->number);
        if (child_of(episode->child) != child || self->in_family[place]) {
            self->in->failed = true;
            return;
        }
        self->in_family[place] = true;
        self->kept++;
    }
}

/* Only a request is ever held to be judged again. */
static void take_held(struct reader *self, struct episode *episode)
{
    struct held *held = list_add(&episode->held, sizeof *held);

    child_of(episode->child)->held++;
    held->row = take_item(self, SHELF_ROWS);
    held->view = mem_new(1, sizeof *held->view);
    held->facts = mem_new(1, sizeof *held->facts);
    take_struct(self, &form_held_view, held->view);
    struct slice facts = take_bytes(self->in, (size_t)take_below(self, self->in->rest.len + 1));
    if (self->in->failed || held->view->kind != self->engine->names->kind[K_TRANSFER_REQUESTED]) {
        self->in->failed = true;
        return;
    }
    held->bytes = mem_new(facts.len, 1);
    if (facts.len > 0) {
        memcpy(held->bytes, facts.data, facts.len);
    }
    held->view->kind_facts = slice_of(held->bytes, facts.len);
    self->in->failed = facts_read(held->view, held->facts) != 0;
}

static void take_waiting(struct reader *self, void *item)
{
    struct episode *episode = item;

    take_struct(self, &form_waiting, episode);
    for (uint32_t left = take_count(self); left > 0 && !self->in->failed; left--) {
        take_held(self, episode);
    }
}

static const struct {
    void *(*make)(struct reader *self);           /* an item that is new */
    void (*add)(struct reader *self, void *item); /* to one that is there */
} takes[SECTION_COUNT] = {
    [SECTION_CHILDREN] = {take_child, NULL},
    [SECTION_TRANSFERS] = {take_transfer, NULL},
    [SECTION_EPISODES] = {take_episode, NULL},
    [SECTION_ROWS] = {take_row, NULL},
    [SECTION_CLOCKS] = {take_clock, NULL},
    [SECTION_FAMILIES] = {NULL, take_family},
    [SECTION_WAITING] = {NULL, take_waiting},
};

/* ---- a dossier ---- */

static void section_begin(struct reader *self)
{
    const struct form_shelf *shelf = &form_shelves[self->section];

    self->count =
        shelf->makes ? take_count(self) : contents_list(self->contents, shelf->shelf)->count;
    self->next_number = 0;
    if (self->section == SECTION_FAMILIES) {
        uint32_t episodes = contents_list(self->contents, SHELF_EPISODES)->count;
        self->in_family = mem_new(episodes, sizeof *self->in_family);
    }
    self->begun = true;
}

/* One on a shelf has a higher number than the one before it, and a key that no other of the dossier has. */
static void take_new(struct reader *self, enum shelf_name shelf)
{
    uint32_t ever = self->engine->dossiers.ever[shelf];
    uint32_t number =
        self->next_number + (uint32_t)take_below(self, (uint64_t)ever - self->next_number);

    void *item = takes[self->section].make(self);
    const uint8_t *key = item_key(shelf, item);
    if (key != NULL && contents_find(self->contents, shelf, key) != NULL) {
        self->in->failed = true;
    }
    contents_put(
        self->contents, shelf, item, number); /* a half one too: its lists go with the rest */
    self->next_number = number + 1;
}

static void take_next(struct reader *self)
{
    const struct form_shelf *shelf = &form_shelves[self->section];

    if (shelf->makes) {
        take_new(self, shelf->shelf);
    } else {
        takes[self->section].add(
            self, list_pointer(contents_list(self->contents, shelf->shelf), self->index));
    }
}

static void section_end(struct reader *self)
{
    if (self->section == SECTION_FAMILIES &&
        self->kept != contents_list(self->contents, SHELF_EPISODES)->count) {
        self->in->failed = true;
    }
    if (!self->in->failed) {
        self->section++;
        self->index = 0;
        self->begun = false;
    }
}

static struct reader reader_of(engine_t *engine, struct code_book *book, struct cursor *in)
{
    code_book_begin(book, engine);
    return (struct reader){
        .engine = engine, .book = book, .in = in, .contents = contents_new(engine)};
}

/* At most so many more items, which is counted down; true when all are there, or nothing more can be read. */
static bool reader_step(struct reader *self, size_t *items)
{
    while (self->section < SECTION_COUNT && !self->in->failed) {
        if (!self->begun) {
            section_begin(self);
        }
        for (; self->index<self->count && * items> 0 && !self->in->failed; --*items) {
            take_next(self);
            self->index += !self->in->failed;
        }
        if (!self->in->failed && self->index < self->count) {
            return false;
        }
        section_end(self);
    }
    free(self->in_family);
    self->in_family = NULL;
    return true;
}

struct contents *contents_read(engine_t *self, struct slice bytes)
{
    struct cursor in = cursor_of(bytes);
    struct reader reader = reader_of(self, code_book_of(self), &in);
    size_t all = SIZE_MAX;

    (void)reader_step(&reader, &all);
    assert(!in.failed && in.rest.len == 0);
    return reader.contents;
}

/* ---- all of them ---- */

static void take_code_met(struct engine_loading *self, uint32_t number)
{
    char text[CODE_BYTES + 1] = "";
    struct slice bytes = take_bytes(&self->in, CODE_BYTES);

    if (self->in.failed || !event_code_valid(bytes)) {
        self->in.failed = true;
        return;
    }
    memcpy(text, bytes.data, CODE_BYTES);
    self->in.failed = code_number(self->engine, text) != number;
}

/* The day it is comes before the codes: nobody gives way to a successor by being read. */
static void take_head(struct engine_loading *self)
{
    struct reader reader = {.in = &self->in};

    self->old = take_u32(&self->in) != STATE_VERSION;
    int64_t now_ms = (int64_t)take_u64(&self->in);
    if (self->old || (now_ms != NO_TIME && !event_time_valid(now_ms))) {
        self->in.failed = true;
        return;
    }
    time_set(self->engine, now_ms);
    uint32_t count = take_count(&reader);
    for (uint32_t number = 1; number <= count && !self->in.failed; number++) {
        take_code_met(self, number);
    }
}

/* Every number that was given is some item's, so none of these can be more than the bytes that are left. */
static void take_totals(struct engine_loading *self)
{
    struct reader reader = {.in = &self->in};

    for (size_t i = 0; i < SHELVES; i++) {
        uint32_t ever = take_count(&reader);
        self->engine->dossiers.ever[i] = ever;
        self->numbered[i] = mem_new(ever / 8 + 1, 1);
    }
    self->engine->late_documents = take_number(&reader);
    self->engine->refusals = take_number(&reader);
    self->count = take_count(&reader);
}

static void dossier_begin(struct engine_loading *self)
{
    self->dossier_at = self->bytes.len - self->in.rest.len;
    self->reader = reader_of(self->engine, self->book, &self->in);
    self->reading = true;
}

/* Its numbers and its ids are nobody else's. */
static bool is_own(struct engine_loading *self, const struct contents *contents)
{
    bool own = true;

    for (size_t s = 0; s < SHELVES; s++) {
        const struct list *list = contents_list(contents, (enum shelf_name)s);
        for (uint32_t i = 0; i < list->count; i++) {
            uint32_t number = item_number((enum shelf_name)s, list_pointer(list, i));
            uint8_t *bits = &self->numbered[s][number / 8];
            own = own && (*bits >> number % 8 & 1) == 0;
            *bits |= (uint8_t)(1U << number % 8);
        }
        self->read[s] += list->count;
    }
    return own && contents_unknown(self->engine, contents);
}

/* Dossiers stand in the order in which their first events came. */
static void dossier_end(struct engine_loading *self)
{
    struct contents *contents = self->reader.contents;
    const struct list *rows = contents_list(contents, SHELF_ROWS);
    struct slice bytes = slice_of(self->bytes.data + self->dossier_at,
        self->bytes.len - self->in.rest.len - self->dossier_at);
    uint32_t first = rows->count > 0 ? item_number(SHELF_ROWS, list_pointer(rows, 0)) : 0;

    if (self->in.failed || rows->count == 0 || first < self->first_row || !is_own(self, contents)) {
        self->in.failed = true;
        return; /* its contents go with the loading */
    }
    self->first_row = first + 1;
    dossier_take(self->engine, contents, bytes);
    self->reader.contents = NULL;
    self->reading = false;
    self->index++;
}

static void stage_end(struct engine_loading *self)
{
    for (size_t i = 0; i < SHELVES && self->stage == STAGE_DOSSIERS; i++) {
        self->in.failed = self->in.failed || self->read[i] != self->engine->dossiers.ever[i];
    }
    self->stage += self->in.failed ? 0 : 1;
}

/* False: so many items were read, and there are more. */
static bool take_dossiers(struct engine_loading *self, size_t *items)
{
    while (self->index < self->count && !self->in.failed) {
        if (*items == 0) {
            return false;
        }
        if (!self->reading) {
            dossier_begin(self);
        }
        if (reader_step(&self->reader, items)) {
            dossier_end(self);
        }
    }
    return true;
}

engine_loading_t *engine_loading_new(const procedures_t *procedures, uint64_t seed,
    const struct backing *backing, engine_sink *sink, void *context, struct slice bytes)
{
    engine_loading_t *self = mem_new(1, sizeof *self);

    self->engine = engine_new(procedures, sink, context);
    engine_seed(self->engine, seed);
    engine_backing(self->engine, backing);
    self->book = mem_new(1, sizeof *self->book);
    self->bytes = bytes;
    self->in = cursor_of(bytes);
    return self;
}

void engine_loading_destroy(engine_loading_t **self_p)
{
    engine_loading_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    free(self->reader.in_family);
    contents_free(&self->reader.contents);
    engine_destroy(&self->engine);
    code_book_free(&self->book);
    for (size_t i = 0; i < SHELVES; i++) {
        free(self->numbered[i]);
    }
    free(self);
    *self_p = NULL;
}

static int unreadable(const struct engine_loading *self, struct complaint *why)
{
    static const char *const stages[] = {"head", "totals", "dossiers", "end"};
    bool within =
        self->stage == STAGE_DOSSIERS && self->reading && self->reader.section < SECTION_COUNT;

    if (self->old) {
        return complain(why, E_VERSION, "The engine's state is of another layout.");
    }
    return complain(why, E_CORRUPT,
        "The engine's state cannot be read: %s, number %u, at byte %zu.",
        within ? section_names[self->reader.section] : stages[self->stage],
        within ? self->reader.index : self->index, self->bytes.len - self->in.rest.len);
}

int engine_loading_step(engine_loading_t *self, size_t items, engine_t **out, struct complaint *why)
{
    while (self->stage < STAGE_END && !self->in.failed) {
        if (self->stage == STAGE_HEAD) {
            take_head(self);
        } else if (self->stage == STAGE_TOTALS) {
            take_totals(self);
        } else if (!take_dossiers(self, &items)) {
            return E_BUSY;
        }
        stage_end(self);
    }
    if (self->in.failed || self->in.rest.len > 0) {
        return unreadable(self, why);
    }
    *out = self->engine;
    self->engine = NULL;
    return 0;
}

int engine_decode(const procedures_t *procedures, engine_sink *sink, void *context,
    struct slice bytes, engine_t **out, struct complaint *why)
{
    engine_loading_t *loading = engine_loading_new(procedures, 0, NULL, sink, context, bytes);
    int rc = engine_loading_step(loading, SIZE_MAX, out, why);

    engine_loading_destroy(&loading);
    return rc;
}
