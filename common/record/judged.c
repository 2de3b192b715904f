/*
 * judged: see judged.h. Reading answers E_CORRUPT or false for whatever does not hold, and never reads outside.
 */
#include "common/record/judged.h"

#include "common/base/err.h"
#include "common/base/uuid.h"

#include "common/base/banned.h"

enum { FOLDED_BYTES = 8 }; /* the engine's time, at the end */

int64_t record_folded_at(struct slice body)
{
    return body.len < FOLDED_BYTES ? 0 : (int64_t)get_u64(body.data + body.len - FOLDED_BYTES);
}

static int batch_read(struct slice body, struct judged_body *out)
{
    out->position = take_u64(&out->rest);
    out->count = take_u32(&out->rest);
    out->folded_ms = record_folded_at(body);
    return out->rest.failed ? E_CORRUPT : 0;
}

static int move_read(struct judged_body *out)
{
    out->from = take_u32(&out->rest);
    out->to = take_u32(&out->rest);
    out->count = take_u32(&out->rest);
    return out->rest.failed ? E_CORRUPT : 0;
}

static int event_read_id(struct judged_body *out)
{
    out->event = take_bytes(&out->rest, UUID_BYTES).data;
    if (out->form == JUDGED_HOLD) {
        out->count = take_u32(&out->rest);
    }
    return out->rest.failed ? E_CORRUPT : 0;
}

int judged_body_read(struct slice body, struct judged_body *out)
{
    *out = (struct judged_body){.rest = cursor_of(body)};
    uint64_t leaf = take_u64(&out->rest);

    if (out->rest.failed) {
        return E_CORRUPT;
    }
    if (leaf < UINT64_MAX - JUDGED_RELEASE || leaf == UINT64_MAX) {
        out->leaf = leaf;
        return batch_read(body, out);
    }
    out->form = (enum judged_form)(UINT64_MAX - leaf);
    return out->form == JUDGED_MOVE ? move_read(out) : event_read_id(out);
}

bool judged_next(struct judged_body *self, struct judged_event *out)
{
    if (self->form != JUDGED_BATCH || self->count == 0) {
        return false;
    }
    self->count--;
    uint8_t byte = take_u8(&self->rest);
    *out = (struct judged_event){.verdict = byte & JUDGED_VERDICT_BITS,
        .withheld = (byte & JUDGED_WITHHELD_BIT) != 0,
        .left_out = (byte & JUDGED_LEFT_OUT_BIT) != 0,
        .targets = take_varint(&self->rest),
        .rest = self->rest};
    for (uint64_t left = out->targets; left > 0 && !self->rest.failed; left--) {
        (void)take_varint(&self->rest);
    }
    return !self->rest.failed;
}

bool judged_target(struct judged_event *self, uint32_t *stream, bool *facts_only)
{
    if (self->targets == 0) {
        return false;
    }
    self->targets--;
    uint64_t target = take_varint(&self->rest);
    *stream = (uint32_t)(target >> 1);
    *facts_only = (target & 1) != 0;
    return !self->rest.failed;
}

bool judged_disclosed(struct judged_body *self, struct judged_disclosure *out)
{
    if (self->form != JUDGED_BATCH || self->count > 0 || self->rest.rest.len <= FOLDED_BYTES) {
        return false;
    }
    out->leaf = take_u64(&self->rest);
    out->position = take_u64(&self->rest);
    out->index = take_u32(&self->rest);
    uint8_t byte = take_u8(&self->rest);
    out->verdict = byte & JUDGED_VERDICT_BITS;
    out->withheld = (byte & JUDGED_WITHHELD_BIT) != 0;
    out->stream = take_u32(&self->rest);
    out->parties = take_u8(&self->rest);
    return !self->rest.failed;
}

bool judged_number(struct judged_body *self, uint64_t *number)
{
    if (self->form != JUDGED_MOVE || self->count == 0) {
        return false;
    }
    self->count--;
    self->number += take_varint(&self->rest);
    *number = self->number;
    return !self->rest.failed;
}

bool judged_place(struct judged_body *self, uint32_t *stream, uint64_t *number)
{
    if (self->form != JUDGED_HOLD || self->count == 0) {
        return false;
    }
    self->count--;
    *stream = take_u32(&self->rest);
    *number = take_u64(&self->rest);
    return !self->rest.failed;
}
