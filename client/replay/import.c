/*
 * import: see import.h. A file is read in pieces; a line or message that cannot be read ends it with its place, and what
 * stands before it has been visited.
 */
#include "client/replay/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/replay/cloudevents.h"
#include "client/replay/portable.h"
#include "common/codec/bundle.h"
#include "common/codec/frame.h"

#include "common/base/banned.h"

enum {
    ARENA_BYTES = 67108864,
    MESSAGE_BYTES_MAX = 4194304, /* above any record with its field headers */
    LINE_BYTES_MAX = 8388608,    /* the same in base64 with what is readable of it */
    READ_BYTES = 262144,
};

struct importing {
    FILE *file;
    const struct source_walk *walk;
    struct complaint *why;
    uint64_t done_bytes, all_bytes;
    uint64_t number; /* of the line or message at hand, from 1 */
    uint64_t at;     /* its offset in the file */
    struct portable portable;
    int stopped; /* what visit returned */
};

/* ---- what it is ---- */

int import_form(const char *path, enum source_form *out, struct complaint *why)
{
    FILE *file = fopen(path, "rbe");
    uint8_t start[8];

    if (file == NULL) {
        return complain(why, E_PERMISSION, "%s cannot be opened", path);
    }
    size_t len = fread(start, 1, sizeof start, file);
    (void)fclose(file);
    if (len == 0) {
        return complain(why, E_MALFORMED, "%s is empty", path);
    }
    *out = bundle_begins(slice_of(start, len)) ? SOURCE_BUNDLE
        : start[0] == '{'                      ? SOURCE_CLOUDEVENTS
                                               : SOURCE_PROTOBUF;
    return 0;
}

/* ---- a message, in whichever form it came ---- */

static int visit(struct importing *self, const Waypost__ExportRecord *message)
{
    const struct source_walk *walk = self->walk;
    const struct portable *portable = &self->portable;

    int rc = portable_record(message, &self->portable, self->why);
    if (rc != 0) {
        return rc;
    }
    if (portable->segment) {
        self->stopped = walk->segment == NULL
            ? 0
            : walk->segment(
                  walk->context, (uint32_t)portable->record.sequence, portable->record.body);
    } else if (portable->single && walk->message != NULL) {
        self->stopped = walk->message(walk->context, message);
    } else if (portable->record.type != RECORD_COMMIT || walk->commits) {
        self->stopped = walk->visit(
            walk->context, &portable->record, portable->positioned ? portable->position : 0);
    }
    return self->stopped;
}

static void show_progress(struct importing *self)
{
    if (self->walk->progress != NULL) {
        self->walk->progress(self->walk->context, self->done_bytes, self->all_bytes);
    }
}

/* ---- length-delimited ---- */

/* The length before a message: 0, E_END at the end of the file, E_MALFORMED. */
static int length_read(struct importing *self, uint64_t *out)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        int byte = fgetc(self->file);
        if (byte == EOF) {
            return shift == 0 ? E_END : E_MALFORMED;
        }
        self->done_bytes++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) {
            *out = value;
            return 0;
        }
    }
    return E_MALFORMED;
}

static int message_read(
    struct importing *self, arena_t *arena, struct buf *bytes, const Waypost__ExportRecord **out)
{
    uint64_t length = 0;

    int rc = length_read(self, &length);
    if (rc != 0 || length == 0 || length > MESSAGE_BYTES_MAX) {
        return rc == E_END ? E_END : E_MALFORMED;
    }
    buf_clear(bytes);
    buf_reserve(bytes, (size_t)length);
    bytes->len = fread(bytes->data, 1, (size_t)length, self->file);
    self->done_bytes += bytes->len;
    if (bytes->len < length) {
        return E_GAP; /* cut off: told apart below */
    }
    arena_reset(arena);
    *out = message_decode(arena, &waypost__export_record__descriptor, buf_slice(bytes));
    return *out == NULL ? E_MALFORMED : 0;
}

static int walk_protobuf(struct importing *self)
{
    arena_t *arena = arena_new(ARENA_BYTES);
    struct buf bytes = {0};
    int rc = 0;

    while (rc == 0) {
        const Waypost__ExportRecord *message = NULL;
        self->at = self->done_bytes;
        self->number++;
        rc = message_read(self, arena, &bytes, &message);
        if (rc == 0) {
            rc = visit(self, message);
        } else if (rc != E_END && self->why->rc == 0) {
            rc = complain(self->why, E_MALFORMED, "%s",
                rc == E_MALFORMED ? "it is no ExportRecord" : "the file ends within it");
        }
        show_progress(self);
    }
    arena_destroy(&arena);
    buf_free(&bytes);
    return rc == E_END ? 0 : rc;
}

/* ---- lines ---- */

/* One line without its newline: 0, E_END, E_TOO_LARGE. */
static int line_read(struct importing *self, struct buf *line)
{
    int byte;

    buf_clear(line);
    while ((byte = fgetc(self->file)) != EOF && byte != '\n') {
        if (line->len == LINE_BYTES_MAX) {
            return E_TOO_LARGE;
        }
        buf_put_u8(line, (uint8_t)byte);
    }
    self->done_bytes += line->len + (byte == '\n' ? 1 : 0);
    return byte == EOF && line->len == 0 ? E_END : 0;
}

static int take_line(struct importing *self, cloudevents_t *reader, const struct buf *line)
{
    const Waypost__ExportRecord *message = NULL;
    json_error_t error;

    json_t *json = json_loadb((const char *)line->data, line->len, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        return complain(
            self->why, E_MALFORMED, "it is no JSON: %s, column %d", error.text, error.column);
    }
    int rc = cloudevents_take(reader, json, &message, self->why);
    if (rc == 0 && message != NULL) {
        rc = visit(self, message);
    }
    json_decref(json);
    return rc;
}

static int walk_lines(struct importing *self)
{
    cloudevents_t *reader = cloudevents_new();
    struct buf line = {0};
    int rc = 0;

    while (rc == 0) {
        self->at = self->done_bytes;
        self->number++;
        rc = line_read(self, &line);
        if (rc == 0 && line.len > 0) {
            rc = take_line(self, reader, &line);
        } else if (rc == E_TOO_LARGE) {
            rc = complain(self->why, rc, "it is longer than %d bytes", LINE_BYTES_MAX);
        }
        show_progress(self);
    }
    if (rc == E_END && cloudevents_halfway(reader)) {
        rc = complain(self->why, E_GAP, "the file ends within a batch");
    }
    cloudevents_destroy(&reader);
    buf_free(&line);
    return rc == E_END ? 0 : rc;
}

int import_walk(
    const char *path, enum source_form form, const struct source_walk *walk, struct complaint *why)
{
    struct importing self = {.walk = walk, .why = why};
    struct stat about;

    self.file = fopen(path, "rbe");
    if (self.file == NULL || fstat(fileno(self.file), &about) != 0) {
        return complain(why, E_PERMISSION, "%s cannot be opened", path);
    }
    (void)setvbuf(self.file, NULL, _IOFBF, READ_BYTES);
    self.all_bytes = (uint64_t)about.st_size;
    int rc = form == SOURCE_PROTOBUF ? walk_protobuf(&self) : walk_lines(&self);
    if (rc == 0 && ferror(self.file) != 0) {
        rc = complain(why, E_IO, "it cannot be read");
    }
    (void)fclose(self.file);
    portable_free(&self.portable);
    if (self.stopped != 0) {
        return self.stopped;
    }
    if (rc != 0) {
        struct complaint what = *why;
        return complain(why, rc, "%s %llu (byte %llu): %s",
            form == SOURCE_PROTOBUF ? "message" : "line", (unsigned long long)self.number,
            (unsigned long long)self.at, what.text);
    }
    return 0;
}
