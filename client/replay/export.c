/*
 * export: see export.h. A file that cannot be written is E_IO; nothing else fails.
 */
#include "client/replay/export.h"

#include <stdlib.h>
#include <string.h>

#include "client/replay/cloudevents.h"
#include "client/replay/portable.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 33554432, NETWORK_AT = 40 /* in the header of a segment */ };

struct exporter {
    FILE *out; /* lent */
    enum source_form form;
    bool payloads;
    char network[33];
    arena_t *arena;
    struct buf bytes;
};

exporter_t *exporter_new(FILE *out, enum source_form form, bool payloads)
{
    exporter_t *self = mem_new(1, sizeof *self);

    self->out = out;
    self->form = form;
    self->payloads = payloads;
    self->arena = arena_new(ARENA_BYTES);
    (void)snprintf(self->network, sizeof self->network, "unknown");
    return self;
}

void exporter_destroy(exporter_t **self_p)
{
    exporter_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    arena_destroy(&self->arena);
    buf_free(&self->bytes);
    free(self);
    *self_p = NULL;
}

static void put_line(void *context, json_t *line)
{
    exporter_t *self = context;

    (void)json_dumpf(line, self->out, JSON_COMPACT);
    (void)fputc('\n', self->out);
    json_decref(line);
}

int exporter_message(exporter_t *self, const char *network, const Waypost__ExportRecord *message)
{
    struct buf length = {0};

    if (self->form == SOURCE_CLOUDEVENTS) {
        cloudevents_write(network, message, put_line, self);
        return ferror(self->out) != 0 ? E_IO : 0;
    }
    buf_clear(&self->bytes);
    message_encode(&message->base, &self->bytes);
    buf_put_varint(&length, self->bytes.len);
    (void)fwrite(length.data, 1, length.len, self->out);
    (void)fwrite(self->bytes.data, 1, self->bytes.len, self->out);
    buf_free(&length);
    return ferror(self->out) != 0 ? E_IO : 0;
}

void exporter_network(exporter_t *self, struct slice header)
{
    if (header.len > NETWORK_AT + sizeof self->network) {
        memcpy(self->network, header.data + NETWORK_AT, sizeof self->network - 1);
    }
}

int exporter_segment(exporter_t *self, uint32_t segment, struct slice header)
{
    exporter_network(self, header);
    arena_reset(self->arena);
    return exporter_message(self, self->network, portable_segment(self->arena, segment, header));
}

int exporter_record(exporter_t *self, const struct record *record, uint64_t position)
{
    struct epoch_body epoch;

    if (record->type == RECORD_EPOCH && epoch_body_read(record->body, &epoch) == 0) {
        memcpy(self->network, epoch.network, sizeof self->network);
    }
    arena_reset(self->arena);
    return exporter_message(
        self, self->network, portable_message(self->arena, record, position, self->payloads));
}
