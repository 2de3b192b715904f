/*
 * inputs: the procedures' tables as a record. They come as one message of named files, are compiled before they
 * count, and are in force from the place where they stand in the journal. A set that cannot be used changes nothing.
 *
 * Body of RECORD_INPUT: u32 INPUT_PROCEDURES, u64 the engine's time, ProcedureFiles
 */
#include "broker/core/core_internal.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/procedure/message.h"

#include "common/base/banned.h"

enum { PREFIX_BYTES = 12 };

struct hash inputs_hash(struct slice files)
{
    return hash_of("waypost/procedures/1", files, slice_of(NULL, 0));
}

int inputs_load(core_t *self, struct slice bytes, procedures_t **out, struct complaint *why)
{
    *out = NULL;
    if (bytes.len == 0) {
        return 0;
    }
    arena_reset(self->arena_body);
    int rc = procedures_message_load(self->arena_body, bytes, out, why);
    if (rc == 0 && self->ports.amend != NULL) {
        rc = self->ports.amend(self->ports.context, *out, why);
        if (rc != 0) {
            procedures_destroy(out);
        }
    }
    return rc;
}

int core_procedures_check(struct slice files, struct complaint *why)
{
    procedures_t *tables = NULL;
    arena_t *arena = arena_new(DECODE_BUDGET_BYTES);
    int rc = procedures_message_load(arena, files, &tables, why);

    procedures_destroy(&tables);
    arena_destroy(&arena);
    return rc;
}

int inputs_enforce(core_t *self, procedures_t **tables, int64_t at_ms)
{
    struct fold *fold = &self->fold;

    if (*tables != NULL && fold->engine == NULL) {
        fold_engine_take(self, fold_engine_new(self, *tables));
        engine_advance(fold->engine, at_ms); /* what counts is what counts on that day */
    } else if (*tables != NULL) {
        int rc = engine_procedures(fold->engine, *tables, at_ms);
        fold->time_ms = at_ms; /* its time went on in any case */
        if (rc != 0) {
            return rc;
        }
    }
    fold->time_ms = at_ms;
    if (*tables == NULL) { /* switched off: the engine rests as it is, with the tables it has */
        fold->resting = fold->resting != NULL ? fold->resting : fold->tables;
        fold->tables = NULL;
        return 0;
    }
    procedures_destroy(&fold->resting);
    procedures_destroy(&fold->tables);
    fold->tables = *tables;
    *tables = NULL;
    return 0;
}

static void input_append(core_t *self, struct slice files, int64_t at_ms)
{
    buf_clear(&self->record_body);
    buf_put_u32(&self->record_body, INPUT_PROCEDURES);
    buf_put_u64(&self->record_body, (uint64_t)at_ms);
    buf_put_slice(&self->record_body, files);
    (void)append_record(self, RECORD_INPUT, buf_slice(&self->record_body), slice_of(NULL, 0),
        &self->fold.input_position);
}

static int procedures_take(core_t *self, struct slice files, struct complaint *why)
{
    procedures_t *tables = NULL;

    if (files.len > RECORD_BYTES_MAX - RECORD_HEADER_BYTES - PREFIX_BYTES - 8) {
        return complain(why, E_TOO_LARGE, "The procedure files have %zu bytes; at most %d fit.",
            files.len, RECORD_BYTES_MAX);
    }
    if (self->fold.stepped) {
        return complain(
            why, E_BUSY, "The clock was set; nothing counts from now until it is right.");
    }
    int rc = inputs_load(self, files, &tables, why);
    if (rc != 0) {
        return rc;
    }
    fold_tick(self); /* what ran out under the old ones */
    int64_t at_ms = fold_time(self, self->now_ms);
    rc = inputs_enforce(self, &tables, at_ms);
    procedures_destroy(&tables);
    if (rc != 0) {
        return complain(why, rc,
            "The new tables lack a clock or a rule of those in force; rows are never removed.");
    }
    input_append(self, files, at_ms);
    fold_flush(self);
    return 0;
}

int core_procedures(core_t *self, struct slice files, struct complaint *why)
{
    struct hash hash = inputs_hash(files);

    core_clock(self);
    if (!fold_ready(self)) {
        return complain(why, E_BUSY, "The journal is still being folded; try again.");
    }
    if (self->fold.has_files && memcmp(hash.b, self->fold.files.b, HASH_BYTES) == 0) {
        return 0;
    }
    if (!self->fold.has_files && files.len == 0) {
        return 0; /* never on */
    }
    if (self->fold.lost) { /* an engine begun here would contradict the journal once it is whole */
        fold_lost_tell(self);
        return complain(
            why, E_BUSY, "The procedures rest until the journal's damaged segment is restored.");
    }
    int rc = procedures_take(self, files, why);
    if (rc != 0) {
        core_count(self, COUNTER_PROCEDURES_REFUSED);
        return rc;
    }
    self->fold.files = hash;
    self->fold.has_files = true;
    core_count(self, COUNTER_PROCEDURES_TAKEN);
    log_info("procedures %s", files.len == 0 ? "switched off" : "in force");
    return 0;
}
