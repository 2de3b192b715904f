/*
 * acked: what an acknowledgement does, as a record: the cursor moves, senders and hubs are told. The record holds what
 * was worked out, so that replay works out nothing.
 *
 * Body of RECORD_ACKED:
 *   u32 stream, u64 epoch, u64 upto, 32 bytes running hash there, u64 counter, u64 position of RECORD_ACK, u64 its leaf
 *   u16 classes, each: u8 level, u8 role, u8 code of the fault, 9 bytes code acted for, u64 at, u8 length, team
 *   u32 persisted, u32 opened items, each: 16 bytes event, u16 class; the persisted ones in the order of the stream
 *   u32 blocks, each: u32 stream told, u32 items, varint difference of their places each
 *   u64 time at which the procedures folded it, 0 where they were off
 * A block is what one stream is told for one code: it becomes one AckEntry.
 */
#include "broker/core/core_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

enum {
    LEVEL_PERSISTED = 1,
    LEVEL_OPENED = 2,
    LEVEL_FAULT = 3,
    ITEM_BYTES = UUID_BYTES + 2,
    BLOCKS_MAX = UINT16_MAX,
};

struct class
{
    uint8_t level, role, code_err;
    uint8_t code; /* of the agent: 0 its own, n its n-th acts-for */
    int64_t at_ms;
    const char *team; /* lent; NULL for none */
};

struct block {
    uint32_t stream;
    uint8_t code;
    uint32_t count;
    uint32_t last;
    struct buf places;
    uint32_t next; /* the stream's next block, +1 */
};

/* A RECORD_ACKED under construction. */
struct acking {
    core_t *core;
    struct stream *stream;
    const struct register_agent *agent;
    const Waypost__AckStatement *ack;
    struct class *classes;
    size_t class_count, class_capacity;
    struct block *blocks;
    size_t block_count, block_capacity;
    struct buf items;
    uint32_t item_count;
    size_t run; /* of ack->persisted at hand */
};

/* ---- building ---- */

static uint16_t class_of(struct acking *self, const struct class *wanted)
{
    for (size_t i = self->class_count; i > 0; i--) {
        const struct class *known = &self->classes[i - 1];
        if (known->level == wanted->level && known->role == wanted->role &&
            known->code_err == wanted->code_err && known->code == wanted->code &&
            known->at_ms == wanted->at_ms &&
            (known->team == wanted->team ||
                (known->team != NULL && wanted->team != NULL &&
                    strcmp(known->team, wanted->team) == 0))) {
            return (uint16_t)(i - 1);
        }
    }
    if (self->class_count == self->class_capacity) {
        self->class_capacity = self->class_capacity == 0 ? 8 : self->class_capacity * 2;
        struct class *grown = mem_new(self->class_capacity, sizeof *grown);
        for (size_t i = 0; i < self->class_count; i++) {
            grown[i] = self->classes[i];
        }
        free(self->classes);
        self->classes = grown;
    }
    self->classes[self->class_count] = *wanted;
    return (uint16_t)self->class_count++;
}

static struct block *block_add(struct acking *self, struct stream *stream, uint8_t code)
{
    if (self->block_count == self->block_capacity) {
        self->block_capacity = self->block_capacity == 0 ? 8 : self->block_capacity * 2;
        struct block *grown = mem_new(self->block_capacity, sizeof *grown);
        for (size_t i = 0; i < self->block_count; i++) {
            grown[i] = self->blocks[i];
        }
        free(self->blocks);
        self->blocks = grown;
    }
    bool first = stream->block_mark != self->core->block_mark;
    struct block *block = &self->blocks[self->block_count];
    *block = (struct block){
        .stream = stream->index, .code = code, .next = first ? 0 : stream->block + 1};
    stream->block_mark = self->core->block_mark;
    stream->block = (uint32_t)self->block_count++;
    return block;
}

static struct block *block_of(struct acking *self, struct stream *stream, uint8_t code)
{
    uint32_t at = stream->block_mark == self->core->block_mark ? stream->block + 1 : 0;

    while (at != 0) {
        struct block *block = &self->blocks[at - 1];
        if (block->code == code) {
            return block;
        }
        at = block->next;
    }
    return block_add(self, stream, code);
}

static void tell(struct acking *self, struct stream *stream, uint8_t code)
{
    struct block *block = block_of(self, stream, code);

    buf_put_varint(&block->places, self->item_count - block->last);
    block->last = self->item_count;
    block->count++;
}

/* One item, told to the sender of the event and the hubs that see it. */
static void item_add(struct acking *self, const uint8_t *event, const struct class *class,
    struct stream *sender, uint64_t hubs)
{
    const struct routing *routing = &self->core->routing;
    uint8_t place[2];

    put_u16(place, class_of(self, class));
    buf_put(&self->items, event, UUID_BYTES);
    buf_put(&self->items, place, sizeof place);
    assert(self->block_count + HUBS_MAX < BLOCKS_MAX); /* streams times codes of one agent */
    if (sender != NULL) {
        tell(self, sender, class->code);
    }
    for (size_t i = 0; i < routing->hub_count; i++) {
        if ((hubs >> i & 1) != 0 && routing->hubs[i] != self->stream->index &&
            (sender == NULL || routing->hubs[i] != sender->index)) {
            tell(self, self->core->streams[routing->hubs[i]], class->code);
        }
    }
    self->item_count++;
}

static struct stream *sender_of(core_t *core, const struct entry *entry)
{
    return entry->sender == NO_STREAM ? NULL : core->streams[entry->sender];
}

static uint8_t fault_of(const Waypost__AckStatement *ack, uint64_t number)
{
    for (size_t i = 0; i < ack->n_faults; i++) {
        if (ack->faults[i]->number == number) {
            return (uint8_t)ack->faults[i]->code;
        }
    }
    return 0;
}

static void persisted_add(struct acking *self, uint64_t number)
{
    const struct entry *entry = stream_entry(self->stream, number);
    const struct sent *sent = stream_sent(self->stream, number);
    const Waypost__AckStatement *ack = self->ack;

    while (ack->persisted[self->run]->upto < number) {
        self->run++;
    }
    if (entry->type != ENTRY_EVENT || (entry->flags & ENTRY_CLEAR) != 0) {
        return; /* S-19; and a hub is no recipient */
    }
    struct class class = {.level = LEVEL_PERSISTED,
        .code = sent->code,
        .at_ms = ack->persisted[self->run]->at_ms,
        .code_err = fault_of(ack, number)};
    if (class.code_err != 0) {
        class.level = LEVEL_FAULT;
    }
    item_add(self, sent->event, &class, sender_of(self->core, entry), sent->hubs);
}

/* ---- openings ---- */

struct opening {
    struct stream *sender;
    uint64_t hubs;
    uint8_t code;
};

static bool opening_in_flight(const struct acking *self, const uint8_t *event, struct opening *out)
{
    for (uint64_t n = self->stream->acked + 1; n <= self->ack->upto; n++) {
        const struct sent *sent = stream_sent(self->stream, n);
        const struct entry *entry = stream_entry(self->stream, n);
        if (entry->type == ENTRY_EVENT && (entry->flags & ENTRY_CLEAR) == 0 &&
            memcmp(sent->event, event, UUID_BYTES) == 0) {
            *out = (struct opening){sender_of(self->core, entry), sent->hubs, sent->code};
            return true;
        }
    }
    return false;
}

static uint8_t code_in(
    const struct register_agent *agent, const struct view *view, const struct digest *digest)
{
    for (uint32_t n = DIGEST_TO; n < digest->code_count; n++) {
        for (size_t i = 0; i < agent->acts_for_count && i < UINT8_MAX; i++) {
            if (memcmp(agent->acts_for[i], view_code(view, digest, n), CODE_BYTES) == 0) {
                return (uint8_t)(i + 1);
            }
        }
    }
    return 0;
}

static bool opening_known(struct acking *self, const uint8_t *event, struct opening *out)
{
    core_t *core = self->core;
    const struct openable *known = openable_find(core, openable_key(event, self->stream->index));

    if (known == NULL || known->position == 0) {
        return opening_in_flight(self, event, out);
    }
    uint16_t index = known->index;
    struct view *view = view_get(core, known->position);
    if (view == NULL || index >= view->batch.count) {
        return false;
    }
    const struct digest *digest = view_digest(core, view, index);
    if (memcmp(digest->id, event, UUID_BYTES) != 0) {
        return false;
    }
    out->sender = stream_named(core, view->batch.agent);
    out->hubs = routing_hubs_of(core, view, digest);
    out->code = self->agent == NULL ? 0 : code_in(self->agent, view, digest);
    return true;
}

static void opened_add(struct acking *self, const Waypost__Opened *opened)
{
    const uint8_t *event = opened->event.data;
    struct slice team = opened->team == NULL ? slice_of(NULL, 0) : slice_of_text(opened->team);
    struct opening opening;

    if (openable_find(self->core,
            openable_told_key(event, self->stream->index, opened->role, team)) != NULL) {
        return; /* S-20 */
    }
    if (!opening_known(self, event, &opening)) {
        core_count(self->core, COUNTER_OPENINGS_UNKNOWN);
        return;
    }
    struct class class = {.level = LEVEL_OPENED,
        .role = (uint8_t)opened->role,
        .code = opening.code,
        .at_ms = opened->at_ms,
        .team = opened->team};
    item_add(self, event, &class, opening.sender, opening.hubs);
}

/* ---- writing ---- */

static void class_put(const struct acking *self, const struct class *class, struct buf *out)
{
    struct slice team = class->team == NULL ? slice_of(NULL, 0) : slice_of_text(class->team);
    const struct register_agent *agent = self->agent;
    char code[CODE_BYTES + 1] = {0};

    if (agent != NULL) {
        const char *text = class->code == 0 || class->code > agent->acts_for_count
            ? agent->code
            : agent->acts_for[class->code - 1];
        (void)snprintf(code, sizeof code, "%s", text);
    }
    buf_put_u8(out, class->level);
    buf_put_u8(out, class->role);
    buf_put_u8(out, class->code_err);
    buf_put(out, code, CODE_BYTES);
    buf_put_u64(out, (uint64_t) class->at_ms);
    buf_put_u8(out, (uint8_t)team.len);
    buf_put_slice(out, team);
}

static void acking_write(const struct acking *self, uint32_t persisted, uint64_t ack_leaf,
    uint64_t ack_position, struct buf *out)
{
    const Waypost__AckStatement *ack = self->ack;

    buf_put_u32(out, self->stream->index);
    buf_put_u64(out, ack->stream_epoch);
    buf_put_u64(out, ack->upto);
    buf_put(out, ack->running_hash.data, HASH_BYTES);
    buf_put_u64(out, ack->counter);
    buf_put_u64(out, ack_position);
    buf_put_u64(out, ack_leaf);
    buf_put_u16(out, (uint16_t)self->class_count);
    for (size_t i = 0; i < self->class_count; i++) {
        class_put(self, &self->classes[i], out);
    }
    buf_put_u32(out, persisted);
    buf_put_u32(out, self->item_count - persisted);
    buf_put_slice(out, buf_slice(&self->items));
    buf_put_u32(out, (uint32_t)self->block_count);
    for (size_t i = 0; i < self->block_count; i++) {
        buf_put_u32(out, self->blocks[i].stream);
        buf_put_u32(out, self->blocks[i].count);
        buf_put_slice(out, buf_slice(&self->blocks[i].places));
        buf_free(&self->blocks[i].places);
    }
}

void acked_append(core_t *self, struct stream *stream, const Waypost__AckStatement *ack,
    uint64_t ack_leaf, uint64_t ack_position)
{
    struct acking acking = {.core = self,
        .stream = stream,
        .agent = register_agent_of(self->reg, stream->name),
        .ack = ack};

    self->block_mark++;
    for (uint64_t n = stream->acked_next + 1; n <= ack->upto; n++) {
        persisted_add(&acking, n);
    }
    uint32_t persisted = acking.item_count;
    for (size_t i = 0; i < ack->n_opened; i++) {
        opened_add(&acking, ack->opened[i]);
    }
    buf_clear(&self->record_body);
    acking_write(&acking, persisted, ack_leaf, ack_position, &self->record_body);
    buf_put_u64(&self->record_body, fold_on(self) ? (uint64_t)fold_time(self, self->now_ms) : 0);
    (void)append_record(self, RECORD_ACKED, buf_slice(&self->record_body), slice_of(NULL, 0), NULL);
    fold_acked(self, buf_slice(&self->record_body));
    fold_flush(self);
    free(acking.classes);
    free(acking.blocks);
    buf_free(&acking.items);
}

/* ---- reading ---- */

struct acked {
    uint32_t stream;
    uint64_t epoch, upto, counter;
    struct hash running;
    uint64_t ack_position, ack_leaf;
    uint32_t class_count;
    struct slice classes;
    uint32_t persisted, opened;
    struct slice items;
    uint32_t block_count;
    struct cursor blocks;
};

static void class_take(struct cursor *body, struct acked_item *out, char *code)
{
    out->level = take_u8(body);
    out->role = take_u8(body);
    out->code_err = take_u8(body);
    struct slice text = take_bytes(body, CODE_BYTES);
    out->at_ms = (int64_t)take_u64(body);
    out->team = take_bytes(body, take_u8(body));
    if (code != NULL && text.len == CODE_BYTES) {
        memcpy(code, text.data, CODE_BYTES);
        code[CODE_BYTES] = '\0';
    }
}

static int acked_read(struct slice bytes, struct acked *out)
{
    struct cursor body = cursor_of(bytes);
    struct acked_item item;

    out->stream = take_u32(&body);
    out->epoch = take_u64(&body);
    out->upto = take_u64(&body);
    struct slice running = take_bytes(&body, HASH_BYTES);
    out->counter = take_u64(&body);
    out->ack_position = take_u64(&body);
    out->ack_leaf = take_u64(&body);
    out->class_count = take_u16(&body);
    out->classes = body.rest;
    for (uint32_t i = 0; i < out->class_count && !body.failed; i++) {
        class_take(&body, &item, NULL);
    }
    out->persisted = take_u32(&body);
    out->opened = take_u32(&body);
    out->items = take_bytes(&body, ((size_t)out->persisted + out->opened) * ITEM_BYTES);
    out->block_count = take_u32(&body);
    out->blocks = body;
    if (body.failed) {
        return E_CORRUPT;
    }
    memcpy(out->running.b, running.data, HASH_BYTES);
    return 0;
}

/* Classes vary in length: found by walking, which is short, and those of one block follow each other. */
static bool item_at(
    struct slice classes, struct slice items, uint32_t place, struct acked_item *out, char *code)
{
    struct cursor body = cursor_of(classes);

    if (((size_t)place + 1) * ITEM_BYTES > items.len) {
        return false;
    }
    const uint8_t *at = items.data + (size_t)place * ITEM_BYTES;
    uint16_t class = get_u16(at + UUID_BYTES);
    for (uint32_t i = 0; i <= class && !body.failed; i++) {
        class_take(&body, out, code);
    }
    out->event = at;
    return !body.failed;
}

int acked_block_open(struct slice body, uint16_t index, struct acked_block *out)
{
    struct acked acked;
    struct acked_item first;

    if (acked_read(body, &acked) != 0 || index >= acked.block_count) {
        return E_CORRUPT;
    }
    for (uint16_t i = 0; i < index; i++) {
        (void)take_u32(&acked.blocks);
        for (uint32_t left = take_u32(&acked.blocks); left > 0 && !acked.blocks.failed; left--) {
            (void)take_varint(&acked.blocks);
        }
    }
    *out = (struct acked_block){.ack_position = acked.ack_position,
        .ack_leaf = acked.ack_leaf,
        .acker = acked.stream,
        .classes = acked.classes,
        .items = acked.items};
    (void)take_u32(&acked.blocks);
    out->count = take_u32(&acked.blocks);
    out->rest = acked.blocks;
    struct cursor peek = acked.blocks;
    uint64_t place = take_varint(&peek);
    if (peek.failed || place > UINT32_MAX ||
        !item_at(out->classes, out->items, (uint32_t)place, &first, out->code)) {
        return E_CORRUPT;
    }
    return 0;
}

bool acked_block_next(struct acked_block *self, struct acked_item *out)
{
    if (self->count == 0 || self->rest.failed) {
        return false;
    }
    self->count--;
    self->last += (uint32_t)take_varint(&self->rest);
    return !self->rest.failed && item_at(self->classes, self->items, self->last, out, NULL);
}

bool acked_names(struct slice body, const uint8_t *event, struct acked_item *out)
{
    struct acked acked;

    if (acked_read(body, &acked) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < acked.persisted + acked.opened; i++) {
        if (memcmp(acked.items.data + (size_t)i * ITEM_BYTES, event, UUID_BYTES) == 0) {
            return item_at(acked.classes, acked.items, i, out, NULL);
        }
    }
    return false;
}

bool acked_walk(struct slice body,
    void (*visit)(void *context, const struct acked_item *item, const char *code), void *context)
{
    struct acked acked;
    struct acked_item item;
    char code[CODE_BYTES + 1];

    if (acked_read(body, &acked) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < acked.persisted + acked.opened; i++) {
        if (!item_at(acked.classes, acked.items, i, &item, code)) {
            return false;
        }
        visit(context, &item, code);
    }
    return true;
}

int64_t folded_at(struct slice body)
{
    return body.len < 8 ? 0 : (int64_t)get_u64(body.data + body.len - 8);
}

uint32_t acked_stream(struct slice body)
{
    return body.len < 4 ? NO_STREAM : get_u32(body.data);
}

/* ---- application ---- */

/* What was persisted may be opened from now on; what was opened need not be told again. */
static bool openings_apply(core_t *self, const struct stream *stream, const struct acked *acked)
{
    struct acked_item item;
    uint32_t place = 0;

    for (uint64_t n = stream->acked + 1; n <= acked->upto; n++) {
        const struct entry *entry = stream_entry(stream, n);
        if (entry->type != ENTRY_EVENT || (entry->flags & ENTRY_CLEAR) != 0) {
            continue;
        }
        if (place >= acked->persisted ||
            !item_at(acked->classes, acked->items, place++, &item, NULL)) {
            return false;
        }
        if (item.level == LEVEL_PERSISTED) {
            openable_add(
                self, openable_key(item.event, stream->index), entry->position, entry->index);
        }
    }
    for (; place < acked->persisted + acked->opened; place++) {
        if (!item_at(acked->classes, acked->items, place, &item, NULL)) {
            return false;
        }
        openable_add(
            self, openable_told_key(item.event, stream->index, item.role, item.team), 0, 0);
    }
    return true;
}

static bool blocks_apply(core_t *self, struct acked *acked, uint64_t position)
{
    struct entry entry = {.position = position, .sender = NO_STREAM, .type = ENTRY_ACK};

    for (uint32_t i = 0; i < acked->block_count; i++) {
        uint32_t told = take_u32(&acked->blocks);
        for (uint32_t left = take_u32(&acked->blocks); left > 0 && !acked->blocks.failed; left--) {
            (void)take_varint(&acked->blocks);
        }
        if (acked->blocks.failed || told >= self->stream_count) {
            return false;
        }
        entry.index = (uint16_t)i;
        stream_push(self, self->streams[told], entry);
    }
    return true;
}

static void answer(core_t *self, struct stream *stream)
{
    Waypost__Acked acked = WAYPOST__ACKED__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    if (stream->session == NULL) {
        return;
    }
    acked.stream_epoch = stream->epoch;
    acked.upto = stream->acked;
    acked.counter = stream->counter;
    frame.body_case = WAYPOST__FRAME__BODY_ACKED;
    frame.acked = &acked;
    out_frame(self, stream->session->id, &frame);
}

int acked_apply(core_t *self, const struct record *record, uint64_t position)
{
    struct acked acked;

    if (acked_read(record->body, &acked) != 0 || acked.stream >= self->stream_count) {
        return E_CORRUPT;
    }
    struct stream *stream = self->streams[acked.stream];
    if (acked.epoch != stream->epoch || acked.upto < stream->acked || acked.upto > stream->last) {
        return E_CORRUPT;
    }
    if (!openings_apply(self, stream, &acked)) {
        return E_CORRUPT;
    }
    stream_pop(stream, acked.upto);
    stream->acked_hash = acked.running;
    stream->counter = acked.counter;
    stream->contact_ms = record->time_ms;
    if (self->replaying) {
        stream->acked_next = stream->acked;
        stream->counter_next = stream->counter;
    }
    if (!blocks_apply(self, &acked, position)) { /* after the pop: an agent may tell itself */
        return E_CORRUPT;
    }
    stream_ready(self, stream);
    if (!self->replaying) {
        answer(self, stream);
    }
    return 0;
}
