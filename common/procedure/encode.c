/*
 * encode: one canonical encoding of the whole state, by the tables of form.h, and its hash. Everything goes in the
 * order in which it came: the same entries give the same bytes on every machine. Cannot fail.
 */
#include <stdlib.h>
#include <string.h>

#include "common/procedure/form.h"
#include "common/procedure/saved.h"

#include "common/base/banned.h"

struct engine_saving {
    const engine_t *engine;
    struct buf *out;
    enum form_section section;
    uint32_t index;
    bool begun;      /* the section's count is written */
    int64_t last_ms; /* of the time written last */
    uint16_t
        *ordinals; /* owned: of each code in the order in which the body names them, 0: not yet */
    uint16_t ordinal_last;
};

/* ---- fields ---- */

static void put_code(struct engine_saving *self, uint16_t code)
{
    uint16_t *ordinal = &self->ordinals[code];

    if (code == 0) {
        buf_put_varint(self->out, 0);
    } else if (*ordinal != 0) {
        buf_put_varint(self->out, *ordinal);
    } else {
        *ordinal = ++self->ordinal_last;
        buf_put_varint(self->out, *ordinal);
        buf_put(self->out, code_text(self->engine, code), CODE_BYTES);
    }
}

static void put_time(struct engine_saving *self, int64_t value)
{
    buf_put_varint(self->out, form_zigzag((int64_t)((uint64_t)value - (uint64_t)self->last_ms)));
    self->last_ms = value;
}

static void put_text(struct engine_saving *self, const char *text)
{
    buf_put_varint(self->out, strlen(text));
    buf_put(self->out, text, strlen(text));
}

static void put_struct(struct engine_saving *self, const struct form *form, const void *item);

static void put_list(struct engine_saving *self, const struct form *form, const struct list *list)
{
    buf_put_varint(self->out, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        put_struct(self, form, (const uint8_t *)list->items + (size_t)i * form->bytes);
    }
}

static void put_field(struct engine_saving *self, const struct form_field *field, const void *at)
{
    switch ((enum form_type)field->type) {
    case FORM_NUMBER:
        buf_put_varint(self->out, form_number(at, field->bytes));
        break;
    case FORM_SIGNED:
    case FORM_DAY:
        buf_put_varint(self->out, form_zigzag(*(const int32_t *)at));
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
        buf_put_varint(self->out, (*(const struct clock_info *const *)at)->number);
        break;
    case FORM_ROW:
        buf_put_varint(self->out, (*(const struct row *const *)at)->number);
        break;
    case FORM_EPISODE:
        buf_put_varint(self->out, (*(const struct episode *const *)at)->number);
        break;
    case FORM_CHILD:
        buf_put_varint(self->out, (*(const struct child *const *)at)->number);
        break;
    case FORM_FLAG: /* its bit in the mask */
    case FORM_LATER:
        break;
    }
}

static void put_struct(struct engine_saving *self, const struct form *form, const void *item)
{
    static const uint8_t empty[FORM_MASK_BYTES] = {0};
    size_t mask = self->out->len;

    buf_put(self->out, empty, (form->count + 7U) / 8);
    for (size_t i = 0; i < form->count; i++) {
        const struct form_field *field = &form->fields[i];
        const uint8_t *at = (const uint8_t *)item + field->offset;
        if (form_is_default(field, at)) {
            continue;
        }
        self->out->data[mask + i / 8] |= (uint8_t)(1U << i % 8);
        for (size_t k = 0; k < field->count; k++) {
            put_field(self, field, at + k * field->bytes);
        }
    }
}

/* ---- items ---- */

static void put_code_met(struct engine_saving *self, uint32_t index)
{
    buf_put(self->out, code_text(self->engine, (uint16_t)(index + 1)), CODE_BYTES);
}

static void put_child(struct engine_saving *self, uint32_t index)
{
    put_struct(self, &form_child, ((struct child *const *)self->engine->children.items)[index]);
}

static void put_transfer(struct engine_saving *self, uint32_t index)
{
    put_struct(
        self, &form_transfer, ((struct transfer *const *)self->engine->transfers.items)[index]);
}

static void put_episode(struct engine_saving *self, uint32_t index)
{
    const struct episode *episode = ((struct episode *const *)self->engine->episodes.items)[index];

    buf_put_varint(self->out, episode->transfer->number);
    buf_put_varint(self->out, episode->child->number);
    put_struct(self, &form_episode, episode);
}

static void put_row(struct engine_saving *self, uint32_t index)
{
    const struct row *row = ((struct row *const *)self->engine->rows.items)[index];

    buf_put_varint(self->out, row->recipient_count);
    buf_put_varint(self->out, row->verdict_count);
    put_struct(self, &form_row, row);
    for (uint32_t i = 0; i < row->recipient_count; i++) {
        put_struct(self, &form_row_recipient, &row_recipients(row)[i]);
    }
    for (uint32_t i = 0; i < row->verdict_count; i++) {
        put_struct(self, &form_row_verdict, &row->verdicts[i]);
    }
}

static void put_family(struct engine_saving *self, uint32_t index)
{
    const struct child *child = ((struct child *const *)self->engine->children.items)[index];

    if (child->merged_into == NULL) { /* else it has joined the other's */
        put_struct(self, &form_family, child);
    }
}

static void put_held(struct engine_saving *self, const struct held *held)
{
    buf_put_varint(self->out, held->row->number);
    put_struct(self, &form_held_view, held->view);
    buf_put_varint(self->out, held->view->kind_facts.len);
    buf_put_slice(self->out, held->view->kind_facts);
}

static void put_waiting(struct engine_saving *self, uint32_t index)
{
    const struct episode *episode = ((struct episode *const *)self->engine->episodes.items)[index];
    const struct held *held = episode->held.items;

    put_struct(self, &form_waiting, episode);
    buf_put_varint(self->out, episode->held.count);
    for (uint32_t i = 0; i < episode->held.count; i++) {
        put_held(self, &held[i]);
    }
}

static void put_running(struct engine_saving *self, uint32_t index)
{
    const struct running *clock = ((struct running *const *)self->engine->running.items)[index];

    buf_put_u8(self->out, clock->heap_index != 0);
    put_struct(self, &form_running, clock);
}

static void put_tail(struct engine_saving *self, uint32_t index)
{
    buf_put_varint(self->out, index == 0 ? self->engine->late_documents : self->engine->refusals);
}

static void (*const put_item[SECTION_COUNT])(struct engine_saving *self, uint32_t index) = {
    [SECTION_HEAD] = put_code_met,
    [SECTION_CHILDREN] = put_child,
    [SECTION_TRANSFERS] = put_transfer,
    [SECTION_EPISODES] = put_episode,
    [SECTION_ROWS] = put_row,
    [SECTION_FAMILIES] = put_family,
    [SECTION_WAITING] = put_waiting,
    [SECTION_RUNNING] = put_running,
    [SECTION_TAIL] = put_tail,
};

/* ---- sections ---- */

static uint32_t section_count(const engine_t *engine, enum form_section section)
{
    const uint32_t counts[SECTION_COUNT] = {
        [SECTION_HEAD] = engine->codes.count,
        [SECTION_CHILDREN] = engine->children.count,
        [SECTION_TRANSFERS] = engine->transfers.count,
        [SECTION_EPISODES] = engine->episodes.count,
        [SECTION_ROWS] = engine->rows.count,
        [SECTION_FAMILIES] = engine->children.count,
        [SECTION_WAITING] = engine->episodes.count,
        [SECTION_RUNNING] = engine->running.count,
        [SECTION_TAIL] = 2,
    };
    return counts[section];
}

engine_saving_t *engine_saving_new(const engine_t *engine)
{
    engine_saving_t *self = mem_new(1, sizeof *self);

    self->engine = engine;
    self->ordinals = mem_new(engine->codes.count + 1, sizeof *self->ordinals);
    return self;
}

void engine_saving_destroy(engine_saving_t **self_p)
{
    if (*self_p != NULL) {
        free((*self_p)->ordinals);
        free(*self_p);
        *self_p = NULL;
    }
}

static void section_begin(engine_saving_t *self)
{
    if (self->section == SECTION_HEAD) {
        buf_put_u32(self->out, STATE_VERSION);
        buf_put_u64(self->out, (uint64_t)self->engine->now_ms);
    }
    buf_put_varint(self->out, section_count(self->engine, self->section));
    self->begun = true;
}

bool engine_saving_step(engine_saving_t *self, size_t items, struct buf *out)
{
    self->out = out;
    for (; self->section < SECTION_COUNT; self->section++) {
        uint32_t count = section_count(self->engine, self->section);
        if (!self->begun) {
            section_begin(self);
        }
        for (; self->index < count && items > 0; items--) {
            put_item[self->section](self, self->index++);
        }
        if (self->index < count) {
            return false;
        }
        self->index = 0;
        self->begun = false;
    }
    return true;
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

    saving->section = SECTION_CHILDREN;
    buf_put_u32(&bytes, STATE_VERSION);
    (void)engine_saving_step(saving, SIZE_MAX, &bytes);
    struct hash hash = hash_of("waypost/state/2", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
    engine_saving_destroy(&saving);
    return hash;
}
