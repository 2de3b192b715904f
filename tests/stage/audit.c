/*
 * audit: see audit.h. The engine's sink is the core's; engine_new and engine_wants are wrapped where the stage is linked,
 * so that what it says is kept here as well.
 */
#include "tests/stage/audit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lab/core_look.h"
#include "client/lab/reading_core.h"
#include "common/base/fsio.h"
#include "common/journal/disk.h"
#include "common/record/derived.h"
#include "tests/stage/children.h"

#include "common/base/banned.h"

enum {
    FILE_BYTES_MAX = 64 * 1024 * 1024,
    PATH_ROOM = 1024,
    DETAIL_ROOM = 128,
    ARENA_BYTES = 1048576,
    KINDS_MAX = 256
};

struct audit {
    const char *dir;
    struct reading_source source;
    reading_core_t *reading; /* owned; NULL before the first */
    engine_sink *hear;
    void *hear_context;
    arena_t *arena;
};

/* ---- hearing the engine ---- */

engine_t *__real_engine_new(const procedures_t *procedures, engine_sink *sink, void *context);
engine_t *__wrap_engine_new(const procedures_t *procedures, engine_sink *sink, void *context);
void __real_engine_wants(engine_t *self, engine_wants_fn *wants);
void __wrap_engine_wants(engine_t *self, engine_wants_fn *wants);

static struct {
    audit_t *audit; /* NULL: nobody listens */
    engine_sink *sink;
    void *context;
} tee;

static void hear(void *context, const struct engine_record *record)
{
    (void)context;
    tee.audit->hear(tee.audit->hear_context, record);
    tee.sink(tee.context, record);
}

engine_t *__wrap_engine_new(const procedures_t *procedures, engine_sink *sink, void *context)
{
    if (tee.audit == NULL || sink == NULL) {
        return __real_engine_new(procedures, sink, context);
    }
    tee.sink = sink;
    tee.context = context;
    return __real_engine_new(procedures, hear, NULL);
}

/* Whoever listens here hears all kinds, also those that become no record. */
void __wrap_engine_wants(engine_t *self, engine_wants_fn *wants)
{
    if (tee.audit == NULL) {
        __real_engine_wants(self, wants);
    }
}

/* ---- the files ---- */

static void copy_file(const audit_t *self, const char *name, const struct disk *to)
{
    char path[PATH_ROOM];
    struct buf bytes = {0};
    int file;

    (void)snprintf(path, sizeof path, "%s/%s", self->dir, name);
    if (fsio_read_all(path, FILE_BYTES_MAX, &bytes) != 0) {
        buf_free(&bytes);
        return; /* gone since the folder was listed */
    }
    if (to->open(to->context, name, true, &file) != 0 ||
        to->write_at(to->context, file, buf_slice(&bytes), 0) != 0) {
        stage_die("%s cannot be copied", path);
    }
    to->close(to->context, file);
    buf_free(&bytes);
}

/* The broker goes on meanwhile: segments alone are whole at any moment, the rest is made again from them. */
static void copy_files(void *context, const struct disk *to)
{
    const audit_t *self = context;
    DIR *dir = opendir(self->dir);

    if (dir == NULL) {
        stage_die("%s cannot be read", self->dir);
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strncmp(entry->d_name, "segment-", strlen("segment-")) == 0) {
            copy_file(self, entry->d_name, to);
        }
    }
    (void)closedir(dir);
}

/* ---- life ---- */

audit_t *audit_new(const char *network, const char *journal_dir, const struct keys *broker_keys,
    engine_sink *hear_sink, void *context)
{
    audit_t *self = mem_new(1, sizeof *self);

    self->hear = hear_sink;
    self->arena = arena_new(ARENA_BYTES);
    self->hear_context = context;
    self->dir = journal_dir;
    self->source = (struct reading_source){
        .network = network, .keys = broker_keys, .copy = copy_files, .context = self};
    return self;
}

void audit_destroy(audit_t **self_p)
{
    reading_core_close(&(*self_p)->reading);
    arena_destroy(&(*self_p)->arena);
    free(*self_p);
    *self_p = NULL;
}

/* ---- what the broker says by itself ---- */

/* A word that lives as long as the program: whoever hears a record keeps the pointer. */
static const char *word_of(int kind)
{
    static char words[KINDS_MAX][DERIVED_WORD_BYTES];

    return derived_word(kind, words[kind >= 0 && kind < KINDS_MAX ? kind : 0]);
}

static int hear_derived(void *context, const Waypost__Derived *derived)
{
    audit_t *self = context;
    char detail[DETAIL_ROOM];

    if (derived_said_by_engine(derived)) {
        return 0;
    }
    (void)snprintf(detail, sizeof detail, "%s%s%s%s%s", derived->by != NULL ? "by=" : "",
        derived->by != NULL ? derived->by : "",
        derived->by != NULL && derived->code != NULL ? " " : "",
        derived->code != NULL ? "code=" : "", derived->code != NULL ? derived->code : "");
    self->hear(self->hear_context,
        &(struct engine_record){.kind = word_of((int)derived->kind),
            .transfer = derived->has_transfer ? derived->transfer.data : NULL,
            .subject = derived->has_subject ? derived->subject.data : NULL,
            .event = derived->has_event ? derived->event.data : NULL,
            .at_ms = derived->at_ms,
            .recorded_ms = derived->at_ms,
            .detail = detail});
    return 0;
}

static int hear_record(void *context, const struct record *record, uint64_t position)
{
    audit_t *self = context;

    (void)position;
    return record->type == RECORD_DERIVED
        ? derived_walk(self->arena, record->body, hear_derived, self)
        : 0;
}

void audit_read(audit_t *self)
{
    struct complaint why = {0};

    reading_core_close(&self->reading);
    tee.audit = self;
    if (reading_core_open(&self->source, &self->reading, &why) != 0) {
        stage_die("%s: %s", self->dir, why.text);
    }
    tee.audit = NULL;
    if (journal_replay(reading_journal(self->reading), 0, 0, hear_record, self) != 0) {
        stage_die("%s: a record cannot be read", self->dir);
    }
}

const engine_t *audit_engine(const audit_t *self)
{
    return core_look_engine(reading_core(self->reading));
}

bool audit_is_judged(const audit_t *self)
{
    return core_look_judged(reading_core(self->reading));
}

uint64_t audit_waiting(const audit_t *self, const char *agent)
{
    return core_look_waiting(reading_core(self->reading), agent);
}

uint64_t audit_pending(const audit_t *self, const char *agent)
{
    return core_look_pending(reading_core(self->reading), agent);
}

uint64_t audit_differences(const audit_t *self)
{
    return core_look_differences(reading_core(self->reading));
}
