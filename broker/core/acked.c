/*
 * acked: what an acknowledgement does, as a record: the cursor moves, senders and hubs are told. The record holds what
 * was worked out, so that replay works out nothing.
 *
 * common/record/acked.h describes the body and reads it.
 */
#include "broker/core/core_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/record/received.h"

#include "common/base/banned.h"

enum { BLOCKS_MAX = UINT16_MAX, US_PER_MS = 1000 };

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
    struct buf
        numbers; /* of the persisted items, varint differences; filled where ack names entries */
    uint64_t number; /* of the last one */
    size_t run;      /* of ack->persisted at hand */
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

    if (sent->at_mono_ms != 0) {
        histogram_add(
            &self->core->delivery, (uint64_t)(self->core->mono_ms - sent->at_mono_ms) * US_PER_MS);
    }
    while (ack->persisted[self->run]->upto < number) {
        self->run++;
    }
    if (entry->type != ENTRY_EVENT || (entry->flags & ENTRY_CLEAR) != 0) {
        return; /* S-19; and a hub is no recipient */
    }
    struct class class = {.level = ACKED_PERSISTED,
        .code = sent->code,
        .at_ms = ack->persisted[self->run]->at_ms,
        .code_err = fault_of(ack, number)};
    if (class.code_err != 0) {
        class.level = ACKED_FAULT;
    }
    item_add(self, sent->event, &class, sender_of(self->core, entry), sent->hubs);
    if (received_named(ack)) {
        buf_put_varint(&self->numbers, number - self->number);
        self->number = number;
    }
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
    struct class class = {.level = ACKED_OPENED,
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

/* What the statement names: each sender of it will be shown that its events are among that (S-18a). */
static void named_write(const struct acking *self, struct buf *out)
{
    const Waypost__AckStatement *ack = self->ack;

    if (self->numbers.len == 0) {
        return;
    }
    buf_put_u64(out, ack->received_after);
    buf_put_u32(out, (uint32_t)(ack->upto - ack->received_after));
    for (uint64_t n = ack->received_after; n < ack->upto; n++) {
        buf_put(out, stream_hash(self->stream, n)->b, HASH_BYTES);
    }
    buf_put_slice(out, buf_slice(&self->numbers));
}

void acked_build(core_t *self, struct stream *stream, const Waypost__AckStatement *ack,
    uint64_t ack_leaf, uint64_t ack_position, struct buf *out)
{
    struct acking acking = {.core = self,
        .stream = stream,
        .agent = register_agent_of(self->reg, stream->name),
        .ack = ack,
        .number = ack->received_after};

    self->block_mark++;
    for (uint64_t n = stream->acked_next + 1; n <= ack->upto; n++) {
        persisted_add(&acking, n);
    }
    uint32_t persisted = acking.item_count;
    for (size_t i = 0; i < ack->n_opened; i++) {
        opened_add(&acking, ack->opened[i]);
    }
    acking_write(&acking, persisted, ack_leaf, ack_position, out);
    named_write(&acking, out);
    free(acking.classes);
    free(acking.blocks);
    buf_free(&acking.items);
    buf_free(&acking.numbers);
}

void acked_append(core_t *self, struct stream *stream, const Waypost__AckStatement *ack,
    uint64_t ack_leaf, uint64_t ack_position)
{
    struct buf *body = &self->record_body;

    buf_clear(body);
    acked_build(self, stream, ack, ack_leaf, ack_position, body);
    buf_put_u64(body, fold_on(self) ? (uint64_t)fold_time(self, self->now_ms) : 0);
    (void)append_record(self, RECORD_ACKED, buf_slice(body), slice_of(NULL, 0), NULL);
    fold_acked(self, buf_slice(body));
    fold_flush(self);
}

/* ---- application ---- */

/* What was persisted may be opened from now on; what was opened need not be told again. */
static bool openings_apply(
    core_t *self, const struct stream *stream, const struct acked_body *acked)
{
    struct acked_item item;
    uint32_t place = 0;

    for (uint64_t n = stream->acked + 1; n <= acked->upto; n++) {
        const struct entry *entry = stream_entry(stream, n);
        if (entry->type != ENTRY_EVENT || (entry->flags & ENTRY_CLEAR) != 0) {
            continue;
        }
        if (place >= acked->persisted || !acked_item_at(acked, place++, &item, NULL)) {
            return false;
        }
        if (item.level == ACKED_PERSISTED) {
            openable_add(
                self, openable_key(item.event, stream->index), entry->position, entry->index);
        }
    }
    for (; place < acked->persisted + acked->opened; place++) {
        if (!acked_item_at(acked, place, &item, NULL)) {
            return false;
        }
        openable_add(
            self, openable_told_key(item.event, stream->index, item.role, item.team), 0, 0);
    }
    return true;
}

static bool blocks_apply(core_t *self, struct acked_body *acked, uint64_t position)
{
    struct entry entry = {.position = position, .sender = NO_STREAM, .type = ENTRY_ACK};

    uint32_t told;

    for (; acked_next_told(acked, &told); entry.index++) {
        if (told >= self->stream_count) {
            return false;
        }
        stream_push(self, self->streams[told], entry);
    }
    return !acked->blocks.failed;
}

int acked_apply(core_t *self, const struct record *record, uint64_t position)
{
    struct acked_body acked;

    if (acked_body_read(record->body, &acked) != 0 || acked.stream >= self->stream_count) {
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
    stream->ack_position = acked.ack_position;
    stream->ack_leaf = acked.ack_leaf;
    stream->contact_ms = record->time_ms;
    if (self->replaying) {
        stream->acked_next = stream->acked;
        stream->counter_next = stream->counter;
    }
    if (!blocks_apply(self, &acked, position)) { /* after the pop: an agent may tell itself */
        return E_CORRUPT;
    }
    stream_ready(self, stream);
    if (!self->replaying && stream->session != NULL) {
        acked_send(self, stream->session->id, stream);
    }
    return 0;
}
