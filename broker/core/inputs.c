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

#include "common/base/banned.h"

enum { PROFILES_MAX = 64, PREFIX_BYTES = 12 };

#define PROFILE_PREFIX "profiles/"

struct hash inputs_hash(struct slice files)
{
    return hash_of("waypost/procedures/1", files, slice_of(NULL, 0));
}

struct files {
    struct procedures_source source;
    struct slice profiles[PROFILES_MAX];
    const char *names[PROFILES_MAX];
};

static struct slice *table_named(struct procedures_source *source, const char *name)
{
    const struct {
        const char *name;
        struct slice *slice;
    } tables[] = {
        {"procedures/kinds.tsv", &source->kinds},
        {"procedures/clocks.tsv", &source->clocks},
        {"procedures/rules.tsv", &source->rules},
        {"procedures/system-kinds.tsv", &source->system_kinds},
        {"register/bank-holidays.json", &source->bank_holidays},
        {"register/authorities.csv", &source->authorities},
        {"register/successions.tsv", &source->successions},
    };

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (strcmp(tables[i].name, name) == 0) {
            return tables[i].slice;
        }
    }
    return NULL;
}

static int files_add(struct files *self, const Waypost__NamedFile *file, struct complaint *why)
{
    struct slice *table = table_named(&self->source, file->name);

    if (table != NULL) {
        *table = slice_of_proto(file->bytes);
        return 0;
    }
    if (strncmp(file->name, PROFILE_PREFIX, strlen(PROFILE_PREFIX)) != 0) {
        return complain(
            why, E_NOT_FOUND, "%.80s is none of the files that make the procedures.", file->name);
    }
    if (self->source.profile_count == PROFILES_MAX) {
        return complain(why, E_FULL, "More than %d profiles.", PROFILES_MAX);
    }
    size_t at = self->source.profile_count++;
    self->profiles[at] = slice_of_proto(file->bytes);
    self->names[at] = file->name + strlen(PROFILE_PREFIX);
    return 0;
}

static int files_load(arena_t *arena, struct slice bytes, procedures_t **out, struct complaint *why)
{
    struct files files = {.source = {.profile_count = 0}};
    int rc = 0;

    const Waypost__ProcedureFiles *message =
        message_decode(arena, &waypost__procedure_files__descriptor, bytes);
    if (message == NULL || message->n_files == 0) {
        return complain(why, E_MALFORMED, "The set of procedure files cannot be read.");
    }
    for (size_t i = 0; rc == 0 && i < message->n_files; i++) {
        rc = files_add(&files, message->files[i], why);
    }
    files.source.profiles = files.profiles;
    files.source.profile_names = files.names;
    return rc != 0 ? rc : procedures_load(&files.source, out, why);
}

int inputs_load(core_t *self, struct slice bytes, procedures_t **out, struct complaint *why)
{
    *out = NULL;
    if (bytes.len == 0) {
        return 0;
    }
    arena_reset(self->arena_body);
    return files_load(self->arena_body, bytes, out, why);
}

int core_procedures_check(struct slice files, struct complaint *why)
{
    procedures_t *tables = NULL;
    arena_t *arena = arena_new(DECODE_BUDGET_BYTES);
    int rc = files_load(arena, files, &tables, why);

    procedures_destroy(&tables);
    arena_destroy(&arena);
    return rc;
}

int inputs_enforce(core_t *self, procedures_t **tables, int64_t at_ms)
{
    struct fold *fold = &self->fold;

    if (*tables != NULL && fold->engine == NULL) {
        fold->engine = fold_engine_new(self, *tables);
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
