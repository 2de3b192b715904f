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

struct engine_loading {
    engine_t *engine; /* owned until it is handed out */
    struct slice bytes;
    struct cursor in;
    enum form_section section;
    uint32_t index, count;
    bool begun;
    bool old; /* of another layout */
    int64_t last_ms;
    uint16_t *
        codes; /* owned: the engine's number of each code, in the order in which the body names them */
    bool *named; /* owned: by the engine's number, whether the body has named it */
    uint32_t code_count;
    uint32_t kept;   /* episodes that a family has */
    bool *in_family; /* owned: by their number */
};

static const char *const section_names[SECTION_COUNT] = {"codes", "children", "transfers",
    "episodes", "events", "families", "waiting", "clocks", "counters"};

/* ---- numbers ---- */

static uint16_t fail(struct engine_loading *self)
{
    self->in.failed = true;
    return 0;
}

/* In as few bytes as can be. */
static uint64_t take_number(struct engine_loading *self)
{
    struct slice before = self->in.rest;
    uint64_t value = take_varint(&self->in);
    size_t used = before.len - self->in.rest.len;

    if (used > 1 && before.data[used - 1] == 0) {
        self->in.failed = true;
    }
    return self->in.failed ? 0 : value;
}

static uint64_t take_below(struct engine_loading *self, uint64_t limit)
{
    uint64_t value = take_number(self);

    if (value >= limit) {
        self->in.failed = true;
        return 0;
    }
    return value;
}

/* Items of at least a byte each, so that no count asks for more memory than its bytes are worth. */
static uint32_t take_count(struct engine_loading *self)
{
    return (uint32_t)take_below(
        self, (self->in.rest.len < UINT32_MAX / 2 ? self->in.rest.len : 0) + 1);
}

static void *item_of(const struct list *list, uint64_t number)
{
    return number < list->count ? ((void **)list->items)[number] : NULL;
}

static void *take_item(struct engine_loading *self, const struct list *list)
{
    void *item = item_of(list, take_number(self));

    self->in.failed = self->in.failed || item == NULL;
    return item;
}

/* ---- fields ---- */

/* The body names a code with its text once, and it is one of those in the head. */
static uint16_t take_code_named(struct engine_loading *self)
{
    char text[CODE_BYTES + 1] = "";
    uint32_t known = self->engine->codes.count;
    struct slice bytes = take_bytes(&self->in, CODE_BYTES);

    if (self->in.failed || self->code_count == known) {
        return fail(self);
    }
    memcpy(text, bytes.data, CODE_BYTES);
    uint16_t code = code_number(self->engine, text);
    if (code == 0 || self->engine->codes.count != known || self->named[code]) {
        return fail(self);
    }
    self->named[code] = true;
    self->codes[self->code_count++] = code;
    return code;
}

static uint16_t take_code(struct engine_loading *self)
{
    uint64_t ordinal = take_below(self, (uint64_t)self->code_count + 2);

    if (self->in.failed || ordinal == 0) {
        return 0;
    }
    return ordinal <= self->code_count ? self->codes[ordinal - 1] : take_code_named(self);
}

static int64_t take_time(struct engine_loading *self)
{
    int64_t value =
        (int64_t)((uint64_t)self->last_ms + (uint64_t)form_zigzag_back(take_number(self)));

    if (value != NO_TIME &&
        (value > FORM_DAY_MAX * CIVIL_DAY_MS || value < -FORM_DAY_MAX * CIVIL_DAY_MS)) {
        self->in.failed = true;
        return 0;
    }
    self->last_ms = value;
    return value;
}

static int32_t take_signed(struct engine_loading *self, int64_t limit)
{
    int64_t value = form_zigzag_back(take_number(self));

    if (value > limit || value < -limit) {
        self->in.failed = true;
        return 0;
    }
    return (int32_t)value;
}

/* len bytes without a zero among them. */
static struct slice take_text(struct engine_loading *self, size_t len_max)
{
    struct slice text = take_bytes(&self->in, (size_t)take_below(self, (uint64_t)len_max + 1));

    if (text.len > 0 && memchr(text.data, 0, text.len) != NULL) {
        self->in.failed = true;
    }
    return self->in.failed ? slice_of(NULL, 0) : text;
}

static const char *take_string(struct engine_loading *self)
{
    struct slice text = take_text(self, self->in.rest.len);
    char *kept = pile_new(&self->engine->pile, text.len + 1);

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

static void take_raw(struct engine_loading *self, void *at, size_t bytes)
{
    struct slice raw = take_bytes(&self->in, bytes);

    if (!self->in.failed) {
        memcpy(at, raw.data, bytes);
    }
}

static void take_struct(struct engine_loading *self, const struct form *form, void *item);

static void take_list(struct engine_loading *self, const struct form *form, struct list *list)
{
    for (uint32_t left = take_count(self); left > 0 && !self->in.failed; left--) {
        take_struct(self, form, list_add(list, form->bytes));
    }
}

static void take_field(struct engine_loading *self, const struct form_field *field, void *at)
{
    struct slice text;
    uint64_t number;

    switch ((enum form_type)field->type) {
    case FORM_FLAG:
        *(bool *)at = true;
        break;
    case FORM_NUMBER:
        number = take_number(self);
        self->in.failed = self->in.failed || number > number_max(field);
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
        *(void **)at = take_item(self, &self->engine->rows);
        break;
    case FORM_EPISODE:
        *(void **)at = take_item(self, &self->engine->episodes);
        break;
    case FORM_CHILD:
        *(void **)at = take_item(self, &self->engine->children);
        break;
    case FORM_LATER:
        self->in.failed = true;
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
static void take_struct(struct engine_loading *self, const struct form *form, void *item)
{
    struct slice mask = take_bytes(&self->in, (form->count + 7U) / 8);

    for (size_t i = 0; i < form->count; i++) {
        const struct form_field *field = &form->fields[i];
        uint8_t *at = (uint8_t *)item + field->offset;
        bool there = !self->in.failed && (mask.data[i / 8] >> i % 8 & 1) != 0;
        field_begin(field, at);
        for (size_t k = 0; there && k < field->count && !self->in.failed; k++) {
            take_field(self, field, at + k * field->bytes);
        }
        if ((there && form_is_default(field, at)) ||
            (!there && is_needed((enum form_type)field->type))) {
            self->in.failed = true;
        }
    }
    if (!self->in.failed && form->count % 8 != 0 &&
        mask.data[mask.len - 1] >> form->count % 8 != 0) {
        self->in.failed = true;
    }
}

/* ---- items ---- */

static void *item_new(struct engine_loading *self, struct list *list, size_t bytes)
{
    void *item = pile_new(&self->engine->pile, bytes);

    *(void **)list_add(list, sizeof item) = item;
    return item;
}

/* Under a key that no other has. */
static void put_unique(struct engine_loading *self, struct table16 *table, void *item)
{
    if (table16_get(table, (const uint8_t *)item + table->key_offset) != NULL) {
        self->in.failed = true;
        return;
    }
    table16_put(table, item);
}

static void take_code_met(struct engine_loading *self)
{
    char text[CODE_BYTES + 1] = "";
    struct slice bytes = take_bytes(&self->in, CODE_BYTES);

    if (self->in.failed || !event_code_valid(bytes)) {
        self->in.failed = true;
        return;
    }
    memcpy(text, bytes.data, CODE_BYTES);
    if (code_number(self->engine, text) != self->index + 1) {
        self->in.failed = true;
    }
}

static void take_child(struct engine_loading *self)
{
    struct child *child = pile_new(&self->engine->pile, sizeof *child);

    child->number = self->engine->children.count;
    take_struct(self, &form_child, child); /* merged into one that stands before it, if at all */
    *(struct child **)list_add(&self->engine->children, sizeof child) = child;
    put_unique(self, &self->engine->children_by_ref, child);
}

static void take_transfer(struct engine_loading *self)
{
    struct transfer *transfer = item_new(self, &self->engine->transfers, sizeof(struct transfer));

    transfer->number = self->index;
    take_struct(self, &form_transfer, transfer);
    if (transfer->profile != 0 &&
        procedures_profile_name(self->engine->procedures, transfer->profile) == NULL) {
        self->in.failed = true;
    }
    put_unique(self, &self->engine->transfers_by_id, transfer);
}

static void take_episode(struct engine_loading *self)
{
    struct episode *episode = item_new(self, &self->engine->episodes, sizeof(struct episode));

    episode->number = self->index;
    episode->transfer = take_item(self, &self->engine->transfers);
    episode->child = take_item(self, &self->engine->children);
    take_struct(self, &form_episode, episode);
    if (self->in.failed) {
        return;
    }
    memcpy(episode->key, episode->transfer->id, UUID_BYTES);
    memcpy(episode->key + UUID_BYTES, episode->child->ref, UUID_BYTES);
    *(struct episode **)list_add(&episode->transfer->episodes, sizeof episode) = episode;
    put_unique(self, &self->engine->episodes_by_key, episode);
}

static void take_row(struct engine_loading *self)
{
    struct event_view shape;

    shape.recipient_count = (size_t)take_below(self, RECIPIENTS_MAX + 1);
    shape.subject_count = (size_t)take_below(self, SUBJECTS_MAX + 1);
    struct row *row = row_make(self->engine, &shape);

    row->number = self->index;
    row->recipient_count = (uint8_t)shape.recipient_count;
    row->consent = "";
    *(struct row **)list_add(&self->engine->rows, sizeof row) = row;
    take_struct(self, &form_row, row);
    for (uint32_t i = 0; i < row->recipient_count && !self->in.failed; i++) {
        take_struct(self, &form_row_recipient, &row_recipients(row)[i]);
    }
    for (uint32_t i = 0; i < row->verdict_count && !self->in.failed; i++) {
        take_struct(self, &form_row_verdict, &row->verdicts[i]);
    }
    put_unique(self, &self->engine->rows_by_id, row);
}

static void take_family(struct engine_loading *self)
{
    struct child *child = item_of(&self->engine->children, self->index);

    if (child->merged_into != NULL) {
        return;
    }
    take_struct(self, &form_family, child);
    for (uint32_t i = 0; i < child->episodes.count && !self->in.failed; i++) {
        const struct episode *episode = ((struct episode **)child->episodes.items)[i];
        if (child_of(episode->child) != child || self->in_family[episode->number]) {
            self->in.failed = true;
            return;
        }
        self->in_family[episode->number] = true;
        self->kept++;
    }
}

/* Only a request is ever held to be judged again. */
static void take_held(struct engine_loading *self, struct episode *episode)
{
    struct held *held = list_add(&episode->held, sizeof *held);

    child_of(episode->child)->held++;
    held->row = take_item(self, &self->engine->rows);
    held->view = mem_new(1, sizeof *held->view);
    held->facts = mem_new(1, sizeof *held->facts);
    take_struct(self, &form_held_view, held->view);
    struct slice facts = take_bytes(&self->in, (size_t)take_below(self, self->in.rest.len + 1));
    if (self->in.failed || held->view->kind != self->engine->names->kind[K_TRANSFER_REQUESTED]) {
        self->in.failed = true;
        return;
    }
    held->bytes = mem_new(facts.len, 1);
    if (facts.len > 0) {
        memcpy(held->bytes, facts.data, facts.len);
    }
    held->view->kind_facts = slice_of(held->bytes, facts.len);
    self->in.failed = facts_read(held->view, held->facts) != 0;
}

static void take_waiting(struct engine_loading *self)
{
    struct episode *episode = item_of(&self->engine->episodes, self->index);

    take_struct(self, &form_waiting, episode);
    for (uint32_t left = take_count(self); left > 0 && !self->in.failed; left--) {
        take_held(self, episode);
    }
}

static void take_running(struct engine_loading *self)
{
    struct running *clock = item_new(self, &self->engine->running, sizeof(struct running));
    bool looked_at = take_below(self, 2) != 0;

    clock->number = self->index;
    take_struct(self, &form_running, clock);
    if (self->in.failed || clock->event->verdict_count == 0) {
        self->in.failed = true;
        return;
    }
    struct list *list = clock->info->child_scope ? &child_of(clock->episode->child)->clocks
                                                 : &clock->episode->clocks;
    *(struct running **)list_add(list, sizeof clock) = clock;
    if (looked_at) {
        timer_add(self->engine, clock);
    }
}

static void take_tail(struct engine_loading *self)
{
    *(self->index == 0 ? &self->engine->late_documents : &self->engine->refusals) =
        take_number(self);
}

static void (*const take_item_of[SECTION_COUNT])(struct engine_loading *self) = {
    [SECTION_HEAD] = take_code_met,
    [SECTION_CHILDREN] = take_child,
    [SECTION_TRANSFERS] = take_transfer,
    [SECTION_EPISODES] = take_episode,
    [SECTION_ROWS] = take_row,
    [SECTION_FAMILIES] = take_family,
    [SECTION_WAITING] = take_waiting,
    [SECTION_RUNNING] = take_running,
    [SECTION_TAIL] = take_tail,
};

/* ---- sections ---- */

/* The day it is comes before the codes: nobody gives way to a successor by being read. */
static void take_now(struct engine_loading *self)
{
    self->old = take_u32(&self->in) != STATE_VERSION;
    int64_t now_ms = (int64_t)take_u64(&self->in);

    if (now_ms != NO_TIME && !event_time_valid(now_ms)) {
        self->in.failed = true;
    } else {
        time_set(self->engine, now_ms);
    }
    self->in.failed = self->in.failed || self->old;
}

static void section_begin(struct engine_loading *self)
{
    const engine_t *engine = self->engine;

    if (self->section == SECTION_HEAD) {
        take_now(self);
    }
    self->count = take_count(self);
    bool fits = self->section == SECTION_FAMILIES ? self->count == engine->children.count
        : self->section == SECTION_WAITING        ? self->count == engine->episodes.count
        : self->section == SECTION_TAIL           ? self->count == 2
                                                  : true;
    self->in.failed = self->in.failed || !fits;
    if (self->section == SECTION_CHILDREN) {
        self->codes = mem_new(engine->codes.count + 1, sizeof *self->codes);
        self->named = mem_new(engine->codes.count + 1, sizeof *self->named);
    } else if (self->section == SECTION_FAMILIES) {
        self->in_family = mem_new(engine->episodes.count, sizeof *self->in_family);
    }
    self->begun = true;
}

static void section_end(struct engine_loading *self)
{
    if (self->section == SECTION_FAMILIES && self->kept != self->engine->episodes.count) {
        self->in.failed = true;
    }
    if (!self->in.failed) {
        self->section++;
        self->index = 0;
        self->begun = false;
    }
}

engine_loading_t *engine_loading_new(const procedures_t *procedures, uint64_t seed,
    engine_sink *sink, void *context, struct slice bytes)
{
    engine_loading_t *self = mem_new(1, sizeof *self);

    self->engine = engine_new(procedures, sink, context);
    engine_seed(self->engine, seed);
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
    engine_destroy(&self->engine);
    free(self->codes);
    free(self->named);
    free(self->in_family);
    free(self);
    *self_p = NULL;
}

static int unreadable(const struct engine_loading *self, struct complaint *why)
{
    if (self->old) {
        return complain(why, E_VERSION, "The engine's state is of another layout.");
    }
    return complain(why, E_CORRUPT,
        "The engine's state cannot be read: %s, number %u, at byte %zu.",
        self->section < SECTION_COUNT ? section_names[self->section] : "end", self->index,
        self->bytes.len - self->in.rest.len);
}

int engine_loading_step(engine_loading_t *self, size_t items, engine_t **out, struct complaint *why)
{
    while (self->section < SECTION_COUNT && !self->in.failed) {
        if (!self->begun) {
            section_begin(self);
        }
        for (; self->index < self->count && items > 0 && !self->in.failed; items--) {
            take_item_of[self->section](self);
            self->index += !self->in.failed;
        }
        if (!self->in.failed && self->index < self->count) {
            return E_BUSY;
        }
        section_end(self);
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
    engine_loading_t *loading = engine_loading_new(procedures, 0, sink, context, bytes);
    int rc = engine_loading_step(loading, SIZE_MAX, out, why);

    engine_loading_destroy(&loading);
    return rc;
}
