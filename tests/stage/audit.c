/*
 * audit: see audit.h. The engine's sink is the core's; engine_new is wrapped where the stage is linked, so that what it
 * says is kept here as well.
 */
#include "tests/stage/audit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lab/core_look.h"
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
    struct journal_options journal_options;
    struct core_options core_options;
    struct core_ports ports;
    struct world world;
    struct disk disk;
    journal_t *journal;
    core_t *core;
    engine_sink *hear;
    void *hear_context;
    arena_t *arena;
};

/* ---- hearing the engine ---- */

engine_t *__real_engine_new(const procedures_t *procedures, engine_sink *sink, void *context);
engine_t *__wrap_engine_new(const procedures_t *procedures, engine_sink *sink, void *context);

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

/* ---- a core that only reads ---- */

static int send_nowhere(void *context, uint64_t session, struct slice frame)
{
    (void)context;
    (void)session;
    (void)frame;
    return E_UNREACHABLE;
}

/* A batch whose verification was under way stays so: it is not judged. */
static void verify_never(void *context, struct verify_job *job)
{
    (void)context;
    verify_job_destroy(&job);
}

static uint64_t free_plenty(void *context)
{
    (void)context;
    return UINT64_MAX / 2;
}

/* At the beginning of time nothing runs out but what the journal says. */
static int64_t no_time(void *context)
{
    (void)context;
    return 0;
}

static void no_chance(void *context, void *out, size_t len)
{
    (void)context;
    memset(out, 0, len);
}

audit_t *audit_new(const char *network, const char *journal_dir, const struct keys *broker_keys,
    engine_sink *hear_sink, void *context)
{
    audit_t *self = mem_new(1, sizeof *self);

    self->hear = hear_sink;
    self->arena = arena_new(ARENA_BYTES);
    self->hear_context = context;
    self->dir = journal_dir;
    self->world = (struct world){no_time, no_time, no_chance, NULL};
    self->journal_options = (struct journal_options){.network = network,
        .head_public = broker_keys->sign_public,
        .head_secret = broker_keys->sign_secret,
        .world = &self->world,
        .segment_bytes = 1048576};
    self->core_options = (struct core_options){.network = network,
        .credit_events = 1024,
        .credit_bytes = 4194304,
        .heartbeat_ms = 10000,
        .session_ms = 30000,
        .snapshot_bytes = UINT64_MAX / 2,
        .free_bytes_min = 1,
        .inflight_bytes_max = 67108864};
    self->ports = (struct core_ports){
        .send = send_nowhere, .verify = verify_never, .free_bytes = free_plenty};
    return self;
}

static void forget(audit_t *self)
{
    core_destroy(&self->core);
    journal_destroy(&self->journal);
    if (self->disk.context != NULL) {
        disk_memory_close(&self->disk);
        self->disk = (struct disk){.context = NULL};
    }
}

void audit_destroy(audit_t **self_p)
{
    forget(*self_p);
    arena_destroy(&(*self_p)->arena);
    free(*self_p);
    *self_p = NULL;
}

/* ---- the files ---- */

static void copy_file(audit_t *self, const char *name)
{
    char path[PATH_ROOM];
    struct buf bytes = {0};
    int file;

    (void)snprintf(path, sizeof path, "%s/%s", self->dir, name);
    if (fsio_read_all(path, FILE_BYTES_MAX, &bytes) != 0) {
        buf_free(&bytes);
        return; /* gone since the folder was listed */
    }
    if (self->disk.open(self->disk.context, name, true, &file) != 0 ||
        self->disk.write_at(self->disk.context, file, buf_slice(&bytes), 0) != 0) {
        stage_die("%s cannot be copied", path);
    }
    self->disk.close(self->disk.context, file);
    buf_free(&bytes);
}

/* The broker goes on meanwhile: segments alone are whole at any moment, the rest is made again from them. */
static void copy_files(audit_t *self)
{
    DIR *dir = opendir(self->dir);

    if (dir == NULL) {
        stage_die("%s cannot be read", self->dir);
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strncmp(entry->d_name, "segment-", strlen("segment-")) == 0) {
            copy_file(self, entry->d_name);
        }
    }
    (void)closedir(dir);
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
    struct journal_recovery found;
    struct complaint why = {0};

    forget(self);
    tee.audit = self;
    disk_memory_open(&self->disk);
    copy_files(self);
    int rc = journal_open(&self->disk, &self->journal_options, &self->journal, &found, &why);
    if (rc != 0) {
        stage_die("%s: %s", self->dir, why.text);
    }
    self->core = core_new(&self->core_options, &self->world, self->journal, &self->ports);
    rc = core_recover(self->core, &why);
    if (rc != 0) {
        stage_die("%s: %s", self->dir, why.text);
    }
    while (core_folding(self->core)) {
        core_fold(self->core);
    }
    tee.audit = NULL;
    if (journal_replay(self->journal, 0, 0, hear_record, self) != 0) {
        stage_die("%s: a record cannot be read", self->dir);
    }
}

const engine_t *audit_engine(const audit_t *self)
{
    return core_look_engine(self->core);
}

bool audit_is_judged(const audit_t *self)
{
    return core_look_judged(self->core);
}

uint64_t audit_waiting(const audit_t *self, const char *agent)
{
    return core_look_waiting(self->core, agent);
}

uint64_t audit_pending(const audit_t *self, const char *agent)
{
    return core_look_pending(self->core, agent);
}

uint64_t audit_differences(const audit_t *self)
{
    return core_look_differences(self->core);
}
