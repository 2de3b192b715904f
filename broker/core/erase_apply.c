/*
 * erase_apply: what the records of erasures do to the state, live and on replay, and the destruction itself, which
 * follows the durable record of its beginning and is done again at a start that finds it unfinished.
 */
#include "broker/core/core_internal.h"

#include <string.h>

#include "common/base/log.h"

#include "common/base/banned.h"

/* Of the record just appended, or replayed: it is known from here on, durable or not. */
void erase_note_begun(core_t *self, const struct erase_body *body)
{
    struct erasure *erasure = erasure_push(self);
    const struct stream *demander = stream_named(self, body->agent);

    memcpy(erasure->event, body->event, UUID_BYTES);
    erasure->position = body->position;
    erasure->leaf_index = body->leaf_index;
    erasure->index = body->index;
    erasure->publisher = body->stream_count > 0 ? body->streams[0] : 0;
    erasure->demander = demander == NULL ? erasure->publisher : demander->index;
    erasure->holder_count = body->stream_count;
    for (uint32_t i = 0; i < body->stream_count; i++) {
        erasure->holders[i] = (struct holder){.stream = body->streams[i]};
    }
}

static int body_check(const core_t *self, const struct record *record, struct erase_body *body)
{
    int rc = erase_body_read(record->body, body);

    for (uint32_t i = 0; rc == 0 && i < body->stream_count; i++) {
        rc = body->streams[i] < self->stream_count ? 0 : E_CORRUPT;
    }
    return rc;
}

static int begun_apply(core_t *self, const struct record *record)
{
    struct erase_body body;

    int rc = body_check(self, record, &body);
    if (rc != 0) {
        return rc;
    }
    if (self->replaying) {
        erase_note_begun(self, &body);
    }
    struct erasure *erasure = erasure_of(self, body.event);
    if (erasure != NULL) {
        erasure->durable = true;
    }
    return 0;
}

static int erased_apply(core_t *self, const struct record *record)
{
    struct erase_body body;

    int rc = body_check(self, record, &body);
    struct erasure *erasure = rc == 0 ? erasure_of(self, body.event) : NULL;
    if (erasure == NULL) {
        return rc;
    }
    const struct stream *holder = stream_named(self, body.agent);
    bool all = true;
    if (body.agent[0] == '\0') {
        erasure->erased = erasure->erased_next = true;
    }
    for (uint32_t i = 0; i < erasure->holder_count; i++) {
        struct holder *row = &erasure->holders[i];
        if (holder != NULL && row->stream == holder->index) {
            row->done = row->done_next = true;
        }
        all = all && row->done;
    }
    if (all && erasure->erased) {
        *erasure = self->erasures[--self->erasure_count];
    }
    return 0;
}

int erase_apply(core_t *self, const struct record *record)
{
    return record->type == RECORD_ERASE_BEGUN ? begun_apply(self, record)
                                              : erased_apply(self, record);
}

/* ---- the fold ---- */

void fold_erased(core_t *self, struct slice bytes)
{
    struct fold *fold = &self->fold;
    struct erase_body body;

    if (!fold_on(self) || erase_body_read(bytes, &body) != 0 || body.folded_ms == 0) {
        return;
    }
    fold->time_ms = body.folded_ms;
    engine_advance(fold->engine, body.folded_ms);
    if (body.agent[0] == '\0') {
        engine_erased(fold->engine, body.event, "broker", body.folded_ms);
    }
    for (uint32_t i = 0; i < body.code_count; i++) {
        engine_erased(fold->engine, body.event, body.codes[i], body.folded_ms);
    }
}

void erase_append_erased(core_t *self, struct erase_body *body)
{
    struct buf bytes = {0};

    body->folded_ms = fold_on(self) ? fold_time(self, self->now_ms) : 0;
    erase_body_write(body, &bytes);
    (void)append_record(self, RECORD_PAYLOAD_ERASED, buf_slice(&bytes), slice_of(NULL, 0), NULL);
    fold_erased(self, buf_slice(&bytes));
    buf_free(&bytes);
    fold_flush(self);
}

/* ---- the destruction ---- */

/* 0, or the code of a write that failed: the journal takes no more. Where the record is damaged nobody can read the payload
 * either, but a segment that is restored brings it back: it is destroyed then. */
static int destroy(core_t *self, struct erasure *erasure)
{
    int rc = journal_erase(self->journal, erasure->position, erasure->index);

    view_erase(self, erasure->position, erasure->index);
    if (rc == E_IO || rc == E_FULL) {
        log_errorx(
            "payload cannot be destroyed: %s; the broker ends with the next commit", err_text(rc));
        return rc;
    }
    if (rc != 0 && rc != E_DUPLICATE) {
        log_errorx("payload to be erased cannot be found leaf=%llu: %s; run waypost verify",
            (unsigned long long)erasure->leaf_index, err_text(rc));
    }
    erasure->unreadable = rc == E_CORRUPT;
    erasure->destroyed = !erasure->unreadable;
    return 0;
}

void erase_run(core_t *self)
{
    for (size_t i = 0; i < self->erasure_count; i++) {
        struct erasure *erasure = &self->erasures[i];
        if (!erasure->durable || erasure->erased_next || erasure->unreadable) {
            continue;
        }
        if (!erasure->destroyed && destroy(self, erasure) != 0) {
            return;
        }
        if (erasure->destroyed && fold_ready(self) &&
            !self->judging_paused) { /* the record is folded where it stands */
            struct erase_body body = {.position = erasure->position,
                .leaf_index = erasure->leaf_index,
                .index = erasure->index};
            memcpy(body.event, erasure->event, UUID_BYTES);
            erasure->erased_next = true;
            erase_append_erased(self, &body);
        }
    }
}

/* ---- snapshot ---- */

void erasures_encode(const core_t *self, struct buf *out)
{
    uint32_t count = 0;

    for (size_t i = 0; i < self->erasure_count; i++) {
        count += self->erasures[i].durable ? 1 : 0;
    }
    buf_put_u32(out, count);
    for (size_t i = 0; i < self->erasure_count; i++) {
        const struct erasure *erasure = &self->erasures[i];
        if (!erasure->durable) {
            continue;
        }
        buf_put(out, erasure->event, UUID_BYTES);
        buf_put_u64(out, erasure->position);
        buf_put_u64(out, erasure->leaf_index);
        buf_put_u32(out, erasure->index);
        buf_put_u32(out, erasure->publisher);
        buf_put_u32(out, erasure->demander);
        buf_put_u8(out, erasure->erased);
        buf_put_u8(out, (uint8_t)erasure->holder_count);
        for (uint32_t k = 0; k < erasure->holder_count; k++) {
            buf_put_u32(out, erasure->holders[k].stream);
            buf_put_u8(out, erasure->holders[k].done);
        }
    }
}

static void erasure_take(core_t *self, struct cursor *in)
{
    struct erasure *erasure = erasure_push(self);
    struct slice event = take_bytes(in, UUID_BYTES);

    erasure->position = take_u64(in);
    erasure->leaf_index = take_u64(in);
    erasure->index = take_u32(in);
    erasure->publisher = take_u32(in);
    erasure->demander = take_u32(in);
    erasure->erased = erasure->erased_next = take_u8(in) != 0;
    erasure->holder_count = take_u8(in);
    erasure->durable = true;
    in->failed = in->failed || erasure->holder_count > ERASE_STREAMS_MAX ||
        erasure->publisher >= self->stream_count || erasure->demander >= self->stream_count;
    for (uint32_t k = 0; k < erasure->holder_count && !in->failed; k++) {
        erasure->holders[k].stream = take_u32(in);
        erasure->holders[k].done = erasure->holders[k].done_next = take_u8(in) != 0;
        in->failed = in->failed || erasure->holders[k].stream >= self->stream_count;
    }
    if (!in->failed) {
        memcpy(erasure->event, event.data, UUID_BYTES);
    }
}

void erasures_decode(core_t *self, struct cursor *in)
{
    uint32_t count = take_u32(in);

    in->failed = in->failed || count > ERASURES_OPEN_MAX;
    for (uint32_t i = 0; i < count && !in->failed; i++) {
        erasure_take(self, in);
    }
}
