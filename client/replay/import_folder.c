/*
 * import_folder: a journal's folder made from an export: every record back at the position that it had, so that commits,
 * paths and proofs hold as they did. Only committed records come out of an export; the folder ends with its last commit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/replay/import.h"
#include "common/base/fsio.h"

#include "common/base/banned.h"

enum { SEGMENT_HEADER = 4096, NAME_BYTES = 64 };

struct making {
    struct disk disk;
    bool opened;
    int file; /* of the segment at hand, -1 before the first */
    uint32_t segment;
    uint64_t end; /* offset behind the last record of it */
    uint64_t next_leaf;
    struct imported *out;
    struct complaint *why;
    struct buf bytes;
    void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes);
    void *context;
};

static int close_segment(struct making *self)
{
    if (self->file < 0) {
        return 0;
    }
    int rc = self->disk.sync_data(self->disk.context, self->file);
    self->disk.close(self->disk.context, self->file);
    self->file = -1;
    return rc == 0 ? 0 : complain(self->why, rc, "the journal could not be written");
}

static int make_segment(void *context, uint32_t segment, struct slice header)
{
    struct making *self = context;
    char name[NAME_BYTES];

    if (segment != self->segment + 1 || header.len != SEGMENT_HEADER) {
        return complain(self->why, E_GAP,
            "segment %u comes where segment %u should: only the export of a whole journal makes a "
            "journal again",
            (unsigned)segment, (unsigned)self->segment + 1);
    }
    int rc = close_segment(self);
    (void)snprintf(name, sizeof name, "segment-%010u.wpj", (unsigned)segment);
    if (rc == 0) {
        rc = self->disk.open(self->disk.context, name, true, &self->file);
    }
    if (rc == 0) {
        rc = self->disk.write_at(self->disk.context, self->file, header, 0);
    }
    self->segment = segment;
    self->end = SEGMENT_HEADER;
    self->out->segments++;
    return rc == 0 || self->why->rc != 0
        ? rc
        : complain(self->why, rc, "%s could not be written: %s", name, err_text(rc));
}

static int misplaced(struct making *self, const struct record *record, uint64_t position)
{
    if (self->file < 0) {
        return complain(self->why, E_GAP,
            "the export begins within a journal; only one of a whole journal makes a journal again "
            "(state, diff and replay read the file itself)");
    }
    if (record->sequence != self->next_leaf || position >> 32 != self->segment ||
        (position & UINT32_MAX) != self->end) {
        return complain(self->why, E_GAP, "entry %llu does not follow the one before it",
            (unsigned long long)record->sequence);
    }
    return 0;
}

static int make_record(void *context, const struct record *record, uint64_t position)
{
    struct making *self = context;

    int rc = misplaced(self, record, position);
    if (rc != 0) {
        return rc;
    }
    buf_clear(&self->bytes);
    record_encode(record, &self->bytes);
    rc = self->disk.write_at(self->disk.context, self->file, buf_slice(&self->bytes), self->end);
    if (rc != 0) {
        return complain(self->why, rc, "the journal could not be written: %s", err_text(rc));
    }
    self->end += self->bytes.len;
    self->out->records++;
    self->out->left_out += record->type == RECORD_BATCH && (record->flags & RECORD_ERASED) != 0;
    if (record->type == RECORD_COMMIT) {
        self->out->commits++;
    } else {
        self->next_leaf++;
    }
    return 0;
}

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    struct making *self = context;

    if (self->progress != NULL) {
        self->progress(self->context, done, all);
    }
}

static int make_folder(struct making *self, const char *folder)
{
    struct stat about;

    if (stat(folder, &about) == 0) {
        return complain(self->why, E_EXISTS, "%s is there already", folder);
    }
    int rc = fsio_make_dir(folder);
    if (rc == 0) {
        rc = disk_real_open(folder, &self->disk);
        self->opened = rc == 0;
    }
    return rc == 0 ? 0 : complain(self->why, rc, "%s cannot be made: %s", folder, err_text(rc));
}

int import_folder(source_t *source, const char *folder, struct imported *out,
    void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes), void *context,
    struct complaint *why)
{
    struct complaint own = {0};
    struct making self = {
        .file = -1, .out = out, .why = &own, .progress = progress, .context = context};
    const struct source_walk walk = {.commits = true,
        .visit = make_record,
        .segment = make_segment,
        .progress = show_progress,
        .context = &self};
    uint64_t torn;

    *out = (struct imported){.records = 0};
    *why = (struct complaint){0};
    int rc = make_folder(&self, folder);
    if (rc == 0) {
        rc = source_walk(source, &walk, &torn, why);
    }
    int closed = close_segment(&self);
    rc = rc != 0 ? rc : closed;
    if (rc == 0 && out->segments == 0) {
        rc = complain(&own, E_GAP, "the export holds no segment of a journal");
    }
    if (self.opened) {
        disk_real_close(&self.disk);
    }
    buf_free(&self.bytes);
    if (own.rc != 0) {
        *why = own;
    }
    return rc;
}
