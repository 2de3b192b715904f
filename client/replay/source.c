/*
 * source: see source.h. Errors are returned with a sentence; nothing is written anywhere.
 */
#include "client/replay/source.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/replay/bundle_source.h"
#include "client/replay/import.h"
#include "common/base/fsio.h"

#include "common/base/banned.h"

struct source {
    enum source_form form;
    char *path; /* owned */
    bool opened;
    struct disk disk; /* SOURCE_JOURNAL */
};

static int open_folder(source_t *self, struct complaint *why)
{
    int rc = disk_real_open(self->path, &self->disk);

    self->opened = rc == 0;
    return rc == 0 ? 0 : complain(why, rc, "%s cannot be read: %s", self->path, err_text(rc));
}

int source_open(const char *path, source_t **out, struct complaint *why)
{
    struct stat about;
    int rc;

    if (stat(path, &about) != 0) {
        return complain(why, E_NOT_FOUND, "there is no %s", path);
    }
    source_t *self = mem_new(1, sizeof *self);
    self->path = mem_text(path);
    if (S_ISDIR(about.st_mode)) {
        rc = open_folder(self, why);
    } else {
        rc = import_form(path, &self->form, why);
    }
    if (rc != 0) {
        source_close(&self);
        return rc;
    }
    *out = self;
    return 0;
}

void source_close(source_t **self_p)
{
    source_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    if (self->opened) {
        disk_real_close(&self->disk);
    }
    free(self->path);
    free(self);
    *self_p = NULL;
}

enum source_form source_form(const source_t *self)
{
    return self->form;
}

bool source_in_use(const source_t *self)
{
    char path[PATH_MAX];

    return self->form == SOURCE_JOURNAL &&
        snprintf(path, sizeof path, "%s/lock", self->path) < (int)sizeof path &&
        fsio_is_locked(path);
}

const char *source_path(const source_t *self)
{
    return self->path;
}

static int walk_journal(
    source_t *self, const struct source_walk *walk, uint64_t *torn_bytes, struct complaint *why)
{
    const struct journal_scan scan = {.from_sequence = walk->from_sequence,
        .commits = walk->commits,
        .visit = walk->visit,
        .segment = walk->segment,
        .progress = walk->progress,
        .context = walk->context};
    struct journal_scanned scanned = {0};

    int rc = journal_scan(&self->disk, &scan, &scanned, why);
    *torn_bytes = scanned.torn_bytes;
    return rc;
}

int source_walk(
    source_t *self, const struct source_walk *walk, uint64_t *torn_bytes, struct complaint *why)
{
    *torn_bytes = 0;
    *why = (struct complaint){0};
    if (self->form == SOURCE_JOURNAL) {
        return walk_journal(self, walk, torn_bytes, why);
    }
    return self->form == SOURCE_BUNDLE ? bundle_source_walk(self->path, walk, why)
                                       : import_walk(self->path, self->form, walk, why);
}
