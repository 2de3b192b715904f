/*
 * replay_file: see replay_file.h. Two walks: the first finds the records, the second copies them with their exact bytes
 * and without their sealed parts.
 */
#include "client/cli/replay_file.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/progress.h"
#include "client/replay/export.h"

#include "common/base/banned.h"

struct copying {
    uint64_t *entries; /* owned; sorted between the walks */
    size_t count, capacity, next;
    exporter_t *exporter;
    uint64_t written;
    struct progress progress;
};

static void want(struct copying *self, uint64_t entry)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity == 0 ? 1024 : self->capacity * 2;
        uint64_t *grown = mem_new(self->capacity, sizeof *grown);
        for (size_t i = 0; i < self->count; i++) {
            grown[i] = self->entries[i];
        }
        free(self->entries);
        self->entries = grown;
    }
    self->entries[self->count++] = entry;
}

/* Of an event its batch, and the record that judged it. */
static int find(void *context, const struct item *item)
{
    struct copying *self = context;

    want(self, item->entry);
    if (item->record->sequence != item->entry && item->what == ITEM_EVENT) {
        want(self, item->record->sequence);
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;

    return *left < *right ? -1 : *left > *right;
}

static int copy_network(void *context, uint32_t segment, struct slice header)
{
    struct copying *self = context;

    (void)segment;
    exporter_network(self->exporter, header);
    return 0;
}

static int copy(void *context, const struct record *record, uint64_t position)
{
    struct copying *self = context;
    bool wanted = false;

    while (self->next < self->count && self->entries[self->next] <= record->sequence) {
        wanted = wanted || self->entries[self->next] == record->sequence;
        self->next++;
    }
    if (!wanted) {
        return 0;
    }
    self->written++;
    return exporter_record(self->exporter, record, position);
}

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    struct copying *self = context;

    progress_show(&self->progress, done, all);
}

static bool is_protobuf(const char *path)
{
    size_t len = strlen(path);

    return len > 3 && strcmp(path + len - 3, ".pb") == 0;
}

static int copy_all(
    struct copying *self, source_t *source, FILE *file, const char *path, struct complaint *why)
{
    const struct source_walk walk = {
        .visit = copy, .segment = copy_network, .progress = show_progress, .context = self};
    uint64_t torn;

    self->exporter =
        exporter_new(file, is_protobuf(path) ? SOURCE_PROTOBUF : SOURCE_CLOUDEVENTS, false);
    int rc = source_walk(source, &walk, &torn, why);
    exporter_destroy(&self->exporter);
    return rc;
}

int replay_into_file(
    struct cli *cli, source_t *source, const struct item_filter *filter, const char *path)
{
    struct copying self = {.count = 0};
    struct item_counts counts;
    struct complaint why = {0};
    const struct item_reader reader = {
        .filter = filter, .visit = find, .progress = show_progress, .context = &self};
    FILE *file = fopen(path, "wxe");

    if (file == NULL) {
        return cli_fail(cli, E_EXISTS,
            "%s cannot be made; is there a file of that name, or no such directory?", path);
    }
    progress_begin(&self.progress, cli, "replaying");
    int rc = items_read(source, &reader, &counts, &why);
    if (self.count > 1) {
        qsort(self.entries, self.count, sizeof *self.entries, compare);
    }
    int copied = copy_all(&self, source, file, path, &why);
    progress_end(&self.progress);
    free(self.entries);
    bool written = ferror(file) == 0;
    written = fclose(file) == 0 && written;
    if (!written) {
        return cli_fail(cli, E_IO, "%s could not be written whole", path);
    }
    if (rc != 0 || copied != 0) {
        return cli_fail(cli, rc != 0 ? rc : copied, "%s: %s; what is whole before it stands in %s",
            source_path(source), why.text, path);
    }
    if (cli->json) {
        cli_json(cli,
            json_pack("{s:s, s:I, s:I}", "file", path, "entries", (json_int_t)self.written, "items",
                (json_int_t)counts.passed));
    }
    cli_say(cli, "%llu entries in %s\n", (unsigned long long)self.written, path);
    return CLI_DONE;
}
