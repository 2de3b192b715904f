/* reading_core: see reading_core.h. Fails as the journal or the core does, with their sentence. */
#include "client/lab/reading_core.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"

#include "common/base/banned.h"

enum { SEGMENT_BYTES = 1048576 };

struct reading_core {
    struct world world;
    struct disk disk;
    journal_t *journal;
    core_t *core;
};

/* ---- a world in which nothing happens ---- */

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

/* ---- life ---- */

static int recover(reading_core_t *self, const struct reading_source *source, struct complaint *why)
{
    struct journal_recovery found;
    const struct journal_options journal_options = {.network = source->network,
        .head_public = source->keys->sign_public,
        .head_secret = source->keys->sign_secret,
        .world = &self->world,
        .segment_bytes = SEGMENT_BYTES};
    const struct core_options core_options = {.network = source->network,
        .credit_events = 1024,
        .credit_bytes = 4194304,
        .heartbeat_ms = 10000,
        .session_ms = 30000,
        .snapshot_bytes = UINT64_MAX / 2,
        .free_bytes_min = 1,
        .inflight_bytes_max = 67108864};
    const struct core_ports ports = {.context = source->context,
        .send = send_nowhere,
        .verify = verify_never,
        .free_bytes = free_plenty,
        .amend = source->amend};

    int rc = journal_open(&self->disk, &journal_options, &self->journal, &found, why);
    if (rc != 0) {
        return rc;
    }
    self->core = core_new(&core_options, &self->world, self->journal, &ports);
    rc = core_recover(self->core, why);
    while (rc == 0 && core_folding(self->core)) {
        core_fold(self->core);
    }
    return rc;
}

int reading_core_open(
    const struct reading_source *source, reading_core_t **out, struct complaint *why)
{
    reading_core_t *self = mem_new(1, sizeof *self);

    self->world = (struct world){no_time, no_time, no_chance, NULL};
    disk_memory_open(&self->disk);
    source->copy(source->context, &self->disk);
    int rc = recover(self, source, why);
    if (rc != 0) {
        reading_core_close(&self);
    }
    *out = self;
    return rc;
}

void reading_core_close(reading_core_t **self_p)
{
    reading_core_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    core_destroy(&self->core);
    journal_destroy(&self->journal);
    disk_memory_close(&self->disk);
    free(self);
    *self_p = NULL;
}

core_t *reading_core(const reading_core_t *self)
{
    return self == NULL ? NULL : self->core;
}

journal_t *reading_journal(const reading_core_t *self)
{
    return self->journal;
}
