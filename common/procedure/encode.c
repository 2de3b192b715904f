/*
 * encode: one canonical encoding of a dossier and of the whole state, by the tables of form.h, and its hash. Everything
 * goes in the order in which it came: the same entries give the same bytes on every machine, whichever dossiers are open.
 * Cannot fail.
 */
#include <stdlib.h>
#include <string.h>

#include "common/procedure/form.h"
#include "common/procedure/saved.h"

#include "common/base/banned.h"

/* One dossier on its way into bytes. */
struct writer {
    const engine_t *engine;
    const struct contents *contents;
    struct code_book *book; /* lent */
    struct buf *out;        /* lent */
    enum form_section section;
    uint32_t index;
    bool begun;           /* the section's count is written */
    uint32_t next_number; /* the lowest that the next item of the section can have */
    int64_t last_ms;      /* of the time written last */
};

struct engine_saving {
    const engine_t *engine;
    struct code_book *book; /* owned */
    struct writer writer;   /* of the dossier at hand, where it is open */
    uint32_t number;        /* of the dossier at hand */
    bool headless;          /* as the hash has it */
    bool begun;             /* head and totals are written */
    bool writing;           /* a heavy dossier is written in part */
};

/* ---- fields ---- */

/* Nearly all of them take a byte. */
static void put_number(struct writer *self, uint64_t value)
{
    struct buf *out = self->out;

    if (value < 0x80 && out->len < out->capacity) {
        out->data[out->len++] = (uint8_t)value;
    } else {
        buf_put_varint(out, value);
    }
}

static void put_code(struct writer *self, uint16_t code)
{
    bool named = code == 0 || self->book->ordinals[code] != 0;

    if (!named) {
        code_book_add(self->book, code);
    }
    put_number(self, code == 0 ? 0 : self->book->ordinals[code]);
    if (!named) {
        buf_put(self->out, code_text(self->engine, code), CODE_BYTES);
    }
}

static void put_time(struct writer *self, int64_t value)
{
    put_number(self, form_zigzag((int64_t)((uint64_t)value - (uint64_t)self->last_ms)));
    self->last_ms = value;
}

/* What a pointer leads to. */
static void put_place(struct writer *self, enum shelf_name shelf, uint32_t number)
{
    put_number(self, contents_place(self->contents, shelf, number));
}

static void put_text(struct writer *self, const char *text)
{
    put_number(self, strlen(text));
    buf_put(self->out, text, strlen(text));
}

static void put_struct(struct writer *self, const struct form *form, const void *item);

static void put_list(struct writer *self, const struct form *form, const struct list *list)
{
    put_number(self, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        put_struct(self, form, (const uint8_t *)list->items + (size_t)i * form->bytes);
    }
}

static void put_field(struct writer *self, const struct form_field *field, const void *at)
{
    switch ((enum form_type)field->type) {
    case FORM_NUMBER:
        put_number(self, form_number(at, field->bytes));
        break;
    case FORM_SIGNED:
    case FORM_DAY:
        put_number(self, form_zigzag(*(const int32_t *)at));
        break;
    case FORM_MOMENT:
    case FORM_TIME:
        put_time(self, *(const int64_t *)at);
        break;
    case FORM_CODE:
        put_code(self, *(const uint16_t *)at);
        break;
    case FORM_RAW:
        buf_put(self->out, at, field->bytes);
        break;
    case FORM_TEXT:
        put_text(self, at);
        break;
    case FORM_STRING:
        put_text(self, *(const char *const *)at);
        break;
    case FORM_LIST:
        put_list(self, field->items, at);
        break;
    case FORM_CLOCK:
        put_number(self, (*(const struct clock_info *const *)at)->number);
        break;
    case FORM_ROW:
        put_place(self, SHELF_ROWS, (*(const struct row *const *)at)->number);
        break;
    case FORM_EPISODE:
        put_place(self, SHELF_EPISODES, (*(const struct episode *const *)at)->number);
        break;
    case FORM_CHILD:
        put_place(self, SHELF_CHILDREN, (*(const struct child *const *)at)->number);
        break;
    case FORM_FLAG: /* its bit in the mask */
    case FORM_LATER:
        break;
    }
}

/* Most fields of most structs are flags, and single numbers that are zero: no call for these. */
static bool is_default(const struct form_field *field, const uint8_t *at)
{
    bool number = field->type == FORM_NUMBER || field->type == FORM_CODE;

    return number && field->count == 1 ? form_number(at, field->bytes) == 0
        : field->type == FORM_LATER    ? true
                                       : form_is_default(field, at);
}

static void put_struct(struct writer *self, const struct form *form, const void *item)
{
    static const uint8_t empty[FORM_MASK_BYTES] = {0};
    size_t mask = self->out->len;

    buf_put(self->out, empty, (form->count + 7U) / 8);
    for (size_t i = 0; i < form->count; i++) {
        const struct form_field *field = &form->fields[i];
        const uint8_t *at = (const uint8_t *)item + field->offset;
        bool flag = field->type == FORM_FLAG;
        if (flag ? !*(const bool *)at : is_default(field, at)) {
            continue;
        }
        self->out->data[mask + i / 8] |= (uint8_t)(1U << i % 8);
        for (size_t k = 0; k < field->count && !flag; k++) {
            put_field(self, field, at + k * field->bytes);
        }
    }
}

/* ---- items ---- */

static void put_child(struct writer *self, const void *item)
{
    put_struct(self, &form_child, item);
}

static void put_transfer(struct writer *self, const void *item)
{
    put_struct(self, &form_transfer, item);
}

static void put_episode(struct writer *self, const void *item)
{
    const struct episode *episode = item;

    put_place(self, SHELF_TRANSFERS, episode->transfer->number);
    put_place(self, SHELF_CHILDREN, episode->child->number);
    put_struct(self, &form_episode, episode);
}

static void put_row(struct writer *self, const void *item)
{
    const struct row *row = item;

    put_number(self, row->recipient_count);
    put_number(self, row->verdict_count);
    put_struct(self, &form_row, row);
    for (uint32_t i = 0; i < row->recipient_count; i++) {
        put_struct(self, &form_row_recipient, &row_recipients(row)[i]);
    }
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        put_struct(self, &form_row_verdict, &row->verdicts[i]);
    }
}

static void put_clock(struct writer *self, const void *item)
{
    const struct running *clock = item;

    buf_put_u8(self->out, clock->heap_index != 0);
    put_struct(self, &form_running, clock);
}

static void put_family(struct writer *self, const void *item)
{
    const struct child *child = item;

    if (child->merged_into == NULL) { /* else it has joined the other's */
        put_struct(self, &form_family, child);
    }
}

static void put_held(struct writer *self, const struct held *held)
{
    put_place(self, SHELF_ROWS, held->row->number);
    put_struct(self, &form_held_view, held->view);
    put_number(self, held->view->kind_facts.len);
    buf_put_slice(self->out, held->view->kind_facts);
}

static void put_waiting(struct writer *self, const void *item)
{
    const struct episode *episode = item;
    const struct held *held = episode->held.items;

    put_struct(self, &form_waiting, episode);
    put_number(self, episode->held.count);
    for (uint32_t i = 0; i < episode->held.count; i++) {
        put_held(self, &held[i]);
    }
}

static void (*const put_item[SECTION_COUNT])(struct writer *self, const void *item) = {
    [SECTION_CHILDREN] = put_child,
    [SECTION_TRANSFERS] = put_transfer,
    [SECTION_EPISODES] = put_episode,
    [SECTION_ROWS] = put_row,
    [SECTION_CLOCKS] = put_clock,
    [SECTION_FAMILIES] = put_family,
    [SECTION_WAITING] = put_waiting,
};

/* ---- a dossier ---- */

static struct writer writer_of(
    const engine_t *engine, const struct contents *contents, struct code_book *book)
{
    code_book_begin(book, engine);
    return (struct writer){.engine = engine, .contents = contents, .book = book};
}

static void section_begin(struct writer *self, uint32_t count)
{
    if (form_shelves[self->section].makes) {
        put_number(self, count);
    }
    self->next_number = 0;
    self->begun = true;
}

static void put_next(struct writer *self, const void *item)
{
    const struct form_shelf *shelf = &form_shelves[self->section];

    if (shelf->makes) {
        uint32_t number = item_number(shelf->shelf, item);
        put_number(self, number - self->next_number);
        self->next_number = number + 1;
    }
    put_item[self->section](self, item);
}

/* At most so many more items, which is counted down; true when all are there. */
static bool writer_step(struct writer *self, size_t *items, struct buf *out)
{
    self->out = out;
    for (; self->section < SECTION_COUNT; self->section++) {
        const struct list *list = contents_list(self->contents, form_shelves[self->section].shelf);
        if (!self->begun) {
            section_begin(self, list->count);
        }
        for (; self->index<list->count && * items> 0; --*items) {
            put_next(self, list_pointer(list, self->index++));
        }
        if (self->index < list->count) {
            return false;
        }
        self->index = 0;
        self->begun = false;
    }
    return true;
}

void contents_write(engine_t *self, const struct contents *contents, struct buf *out)
{
    struct writer writer = writer_of(self, contents, code_book_of(self));
    size_t all = SIZE_MAX;

    (void)writer_step(&writer, &all, out);
}

/* ---- all of them ---- */

engine_saving_t *engine_saving_new(const engine_t *engine)
{
    engine_saving_t *self = mem_new(1, sizeof *self);

    self->engine = engine;
    self->book = mem_new(1, sizeof *self->book);
    return self;
}

/* What is packed is copied; what is open takes about as much an item. */
size_t engine_saving_bytes(const engine_saving_t *self)
{
    enum { HEAD = 65536, BYTES_OF_OPEN = 64 };
    const struct dossiers *dossiers = &self->engine->dossiers;

    return HEAD + dossiers->cabinet.live + dossiers->open_count * BYTES_OF_OPEN;
}

void engine_saving_destroy(engine_saving_t **self_p)
{
    if (*self_p != NULL) {
        code_book_free(&(*self_p)->book);
        free(*self_p);
        *self_p = NULL;
    }
}

static void put_head(const engine_t *engine, struct buf *out)
{
    buf_put_u64(out, (uint64_t)engine->now_ms);
    buf_put_varint(out, engine->codes.count);
    for (uint32_t i = 0; i < engine->codes.count; i++) {
        buf_put(out, code_text(engine, (uint16_t)(i + 1)), CODE_BYTES);
    }
}

static void put_totals(const engine_t *engine, struct buf *out)
{
    const struct dossiers *dossiers = &engine->dossiers;

    for (size_t i = 0; i < SHELVES; i++) {
        buf_put_varint(out, dossiers->ever[i]);
    }
    buf_put_varint(out, engine->late_documents);
    buf_put_varint(out, engine->refusals);
    buf_put_varint(out, dossiers->all.count - dossiers->joined);
}

static void spend(size_t *items, size_t cost)
{
    *items -= cost < *items ? cost : *items;
}

/*
 * One that is put away is copied; it counts as what it takes to copy it. One that is open is written in one go, since it
 * may be put away before the next slice; a heavy one is not, and is written in slices.
 */
static bool dossier_step(
    engine_saving_t *self, const struct dossier *dossier, size_t *items, struct buf *out)
{
    enum { BYTES_AN_ITEM = 1024 };
    size_t all = SIZE_MAX;

    if (dossier->away != NULL) {
        struct slice bytes = away_bytes(dossier->away);
        buf_put_slice(out, bytes);
        spend(items, 1 + bytes.len / BYTES_AN_ITEM);
        return true;
    }
    if (!self->writing) {
        self->writer = writer_of(self->engine, dossier->contents, self->book);
        self->writing = true;
    }
    if (dossier->contents->heavy) {
        self->writing = !writer_step(&self->writer, items, out);
    } else {
        self->writing = !writer_step(&self->writer, &all, out);
        spend(items, dossier->contents->count);
    }
    return !self->writing;
}

bool engine_saving_step(engine_saving_t *self, size_t items, struct buf *out)
{
    uint32_t count = self->engine->dossiers.all.count;

    if (!self->begun) {
        buf_put_u32(out, STATE_VERSION);
        if (!self->headless) {
            put_head(self->engine, out);
        }
        put_totals(self->engine, out);
        self->begun = true;
    }
    while (self->number < count && items > 0) {
        const struct dossier *dossier = dossier_numbered(self->engine, self->number);
        bool done = dossier->joined_to != NULL || dossier_step(self, dossier, &items, out);
        self->number += done ? 1 : 0;
    }
    return self->number == count;
}

void engine_encode(const engine_t *self, struct buf *out)
{
    engine_saving_t *saving = engine_saving_new(self);

    (void)engine_saving_step(saving, SIZE_MAX, out);
    engine_saving_destroy(&saving);
}

/* The head is left out: two engines that have folded the same are the same, however late it is at either. */
struct hash engine_hash(const engine_t *self)
{
    engine_saving_t *saving = engine_saving_new(self);
    struct buf bytes = {0};

    saving->headless = true;
    (void)engine_saving_step(saving, SIZE_MAX, &bytes);
    struct hash hash = hash_of("waypost/state/3", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
    engine_saving_destroy(&saving);
    return hash;
}
