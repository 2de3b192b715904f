/*
 * acked: see acked.h. Nothing here allocates or fails otherwise than by its answer.
 */
#include "common/record/acked.h"

#include <string.h>

#include "common/base/err.h"

#include "common/base/banned.h"

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

int acked_body_read(struct slice bytes, struct acked_body *out)
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
    out->items = take_bytes(&body, ((size_t)out->persisted + out->opened) * ACKED_ITEM_BYTES);
    out->block_count = take_u32(&body);
    out->blocks = body;
    if (body.failed) {
        return E_CORRUPT;
    }
    memcpy(out->running.b, running.data, HASH_BYTES);
    return 0;
}

/* Classes vary in length: found by walking, which is short, and those of one block follow each other. */
bool acked_item_at(
    const struct acked_body *self, uint32_t place, struct acked_item *out, char *code)
{
    struct cursor body = cursor_of(self->classes);

    if (((size_t)place + 1) * ACKED_ITEM_BYTES > self->items.len) {
        return false;
    }
    const uint8_t *at = self->items.data + (size_t)place * ACKED_ITEM_BYTES;
    uint16_t class = get_u16(at + UUID_BYTES);
    for (uint32_t i = 0; i <= class && !body.failed; i++) {
        class_take(&body, out, code);
    }
    out->event = at;
    return !body.failed;
}

bool acked_next_told(struct acked_body *self, uint32_t *stream)
{
    if (self->block_count == 0) {
        return false;
    }
    self->block_count--;
    *stream = take_u32(&self->blocks);
    for (uint32_t left = take_u32(&self->blocks); left > 0 && !self->blocks.failed; left--) {
        (void)take_varint(&self->blocks);
    }
    return !self->blocks.failed;
}

int acked_block_open(struct slice body, uint32_t index, struct acked_block *out)
{
    struct acked_body acked;
    struct acked_item first;
    uint32_t told;

    if (acked_body_read(body, &acked) != 0 || index >= acked.block_count) {
        return E_CORRUPT;
    }
    for (uint32_t i = 0; i < index; i++) {
        (void)acked_next_told(&acked, &told);
    }
    *out = (struct acked_block){.ack_position = acked.ack_position,
        .ack_leaf = acked.ack_leaf,
        .acker = acked.stream,
        .body = acked};
    (void)take_u32(&acked.blocks);
    out->count = take_u32(&acked.blocks);
    out->rest = acked.blocks;
    struct cursor peek = acked.blocks;
    uint64_t place = take_varint(&peek);
    if (peek.failed || place > UINT32_MAX ||
        !acked_item_at(&out->body, (uint32_t)place, &first, out->code)) {
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
    return !self->rest.failed && acked_item_at(&self->body, self->last, out, NULL);
}

bool acked_received_read(struct slice body, struct acked_received *out)
{
    enum { FOLDED_AT_BYTES = 8 };
    struct acked_body acked;
    uint32_t told;

    if (acked_body_read(body, &acked) != 0) {
        return false;
    }
    while (acked_next_told(&acked, &told)) {
    }
    if (acked.blocks.failed || acked.blocks.rest.len <= FOLDED_AT_BYTES) {
        return false;
    }
    out->after = out->last = take_u64(&acked.blocks);
    out->count = take_u32(&acked.blocks);
    out->hashes = take_bytes(&acked.blocks, (size_t)out->count * HASH_BYTES);
    out->numbers = acked.blocks;
    return !acked.blocks.failed && out->count > 0;
}

uint64_t acked_received_next(struct acked_received *self)
{
    self->last += take_varint(&self->numbers);
    return self->numbers.failed ? 0 : self->last;
}

bool acked_names(struct slice body, const uint8_t *event, struct acked_item *out)
{
    struct acked_body acked;

    if (acked_body_read(body, &acked) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < acked.persisted + acked.opened; i++) {
        if (memcmp(acked.items.data + (size_t)i * ACKED_ITEM_BYTES, event, UUID_BYTES) == 0) {
            return acked_item_at(&acked, i, out, NULL);
        }
    }
    return false;
}

bool acked_walk(struct slice body,
    void (*visit)(void *context, const struct acked_item *item, const char *code), void *context)
{
    struct acked_body acked;
    struct acked_item item;
    char code[CODE_BYTES + 1] = "";

    if (acked_body_read(body, &acked) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < acked.persisted + acked.opened; i++) {
        if (!acked_item_at(&acked, i, &item, code)) {
            return false;
        }
        visit(context, &item, code);
    }
    return true;
}
