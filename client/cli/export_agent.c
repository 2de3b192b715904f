/*
 * export_agent: see export_agent.h. Events that were not accepted yet have nothing that proves them and are left out; so
 * is what is sealed.
 */
#include "client/cli/export_agent.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/cli/receipt_file.h"
#include "client/cli/when.h"
#include "common/codec/frame.h"
#include "common/crypto/merkle.h"
#include "common/journal/record.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 4194304, PAGE = 500, EVENTS_MAX = 10000000 };

struct fetching {
    struct cli *cli;
    exporter_t *exporter;
    uint64_t *written;
    arena_t *arena;
    char (*ids)[UUID_TEXT_BYTES]; /* owned: of one list, newest first */
    size_t count, capacity;
};

/* ---- which events there are ---- */

static void note_id(struct fetching *self, const char *id)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity == 0 ? 1024 : self->capacity * 2;
        char(*grown)[UUID_TEXT_BYTES] = mem_new(self->capacity, sizeof *grown);
        if (self->count > 0) {
            memcpy(grown, self->ids, self->count * sizeof *grown);
        }
        free(self->ids);
        self->ids = grown;
    }
    (void)snprintf(self->ids[self->count++], UUID_TEXT_BYTES, "%s", id);
}

static int list_ids(struct fetching *self, const char *list)
{
    uint64_t before = 0;

    self->count = 0;
    for (;;) {
        json_t *request = json_pack("{s:s, s:i}", "op", list, "limit", PAGE);
        json_t *answer = NULL;
        size_t i;
        json_t *row;
        if (before > 0) {
            json_object_set_new(request, "before", json_integer((json_int_t)before));
        }
        int exit_code = cli_ask(self->cli, request, &answer);
        if (exit_code != CLI_DONE) {
            return exit_code;
        }
        const json_t *rows = json_object_get(answer, "events");
        json_array_foreach(rows, i, row)
        {
            const char *state = text_of(row, "state");
            before = number_of(row, "number");
            if (state[0] == '\0' || strcmp(state, "accepted") == 0) {
                note_id(self, text_of(row, "event"));
            }
        }
        json_decref(answer);
        if (i < PAGE || self->count >= EVENTS_MAX) {
            return CLI_DONE;
        }
    }
}

/* ---- one event ---- */

static ProtobufCBinaryData base64_data(const json_t *object, const char *member, struct buf *out)
{
    const char *text = text_of(object, member);
    size_t len = strlen(text);
    size_t got = 0;

    buf_clear(out);
    buf_reserve(out, len + 1);
    if (sodium_base642bin(
            out->data, len + 1, text, len, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) == 0) {
        out->len = got;
    }
    return (ProtobufCBinaryData){.len = out->len, .data = out->data};
}

static int put(struct fetching *self, const char *network, Waypost__ExportRecord *message)
{
    message->type = RECORD_BATCH;
    message->has_index = 1;
    ++*self->written;
    return exporter_message(self->exporter, network, message) == 0
        ? CLI_DONE
        : cli_fail(self->cli, E_IO, "the export could not be written whole");
}

static int put_received(struct fetching *self, const json_t *answer)
{
    enum { EXACT, STATEMENT, SIGNATURE, FIRST_STEP };
    struct buf parts[FIRST_STEP + MERKLE_PATH_MAX] = {{0}};
    ProtobufCBinaryData path[MERKLE_PATH_MAX];
    Waypost__ExportRecord message = WAYPOST__EXPORT_RECORD__INIT;
    Waypost__Signed statement = WAYPOST__SIGNED__INIT;
    Waypost__PublishedEvent event = WAYPOST__PUBLISHED_EVENT__INIT;
    Waypost__PublishedEvent *events[1] = {&event};
    const json_t *steps = json_object_get(answer, "path");

    message.leaf_index = number_of(answer, "leaf_index");
    message.time_ms = (int64_t)number_of(answer, "accepted_ms");
    message.index = (uint32_t)number_of(answer, "index");
    message.agent = (char *)(uintptr_t)text_of(answer, "agent");
    event.event = base64_data(answer, "exact", &parts[EXACT]);
    statement.statement = base64_data(answer, "statement", &parts[STATEMENT]);
    statement.signature = base64_data(answer, "signature", &parts[SIGNATURE]);
    message.statement = &statement;
    message.events = events;
    message.n_events = 1;
    for (size_t i = 0; i < json_array_size(steps) && i < MERKLE_PATH_MAX; i++) {
        json_t *step = json_pack("{s:O}", "step", json_array_get(steps, i));
        path[message.n_path++] = base64_data(step, "step", &parts[FIRST_STEP + i]);
        json_decref(step);
    }
    message.path = path;
    int exit_code = put(self, text_of(answer, "network"), &message);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        buf_free(&parts[i]);
    }
    return exit_code;
}

/* An own event: its receipt file holds all of it. */
static int put_sent(struct fetching *self, const json_t *answer)
{
    const char *hex = text_of(answer, "receipt");
    size_t len = strlen(hex) / 2;
    struct buf bytes = {0};
    Waypost__PublishedEvent event = WAYPOST__PUBLISHED_EVENT__INIT;
    Waypost__PublishedEvent *events[1] = {&event};
    Waypost__ExportRecord message = WAYPOST__EXPORT_RECORD__INIT;
    int exit_code = CLI_NO;

    buf_reserve(&bytes, len + 1);
    arena_reset(self->arena);
    Waypost__ReceiptFile *file =
        len > RECEIPT_FILE_BYTES_MAX || hex_decode(hex, bytes.data, len) != 0
        ? NULL
        : message_decode(
              self->arena, &waypost__receipt_file__descriptor, slice_of(bytes.data, len));
    const Waypost__BatchStatement *said = file == NULL
        ? NULL
        : message_decode(self->arena, &waypost__batch_statement__descriptor,
              slice_of(file->batch->statement.data, file->batch->statement.len));
    if (said == NULL) {
        exit_code = cli_fail(self->cli, E_MALFORMED, "the agent's receipt cannot be read");
    } else {
        message.leaf_index = file->receipt->leaf_index;
        message.time_ms = file->receipt->accepted_ms;
        message.index = file->index;
        message.agent = said->agent;
        message.statement = file->batch;
        event.event = file->event;
        message.events = events;
        message.n_events = 1;
        message.path = file->path;
        message.n_path = file->n_path;
        exit_code = put(self, file->network, &message);
    }
    buf_free(&bytes);
    return exit_code;
}

static int fetch_list(struct fetching *self, const char *list, const char *op,
    int (*put_one)(struct fetching *self, const json_t *answer))
{
    int exit_code = list_ids(self, list);

    for (size_t i = self->count; exit_code == CLI_DONE && i > 0; i--) {
        json_t *answer = NULL;
        exit_code = cli_ask(
            self->cli, json_pack("{s:s, s:s}", "op", op, "event", self->ids[i - 1]), &answer);
        if (exit_code == CLI_DONE) {
            exit_code = put_one(self, answer);
            json_decref(answer);
        }
    }
    return exit_code;
}

int export_agent(struct cli *cli, exporter_t *exporter, uint64_t *written)
{
    struct fetching self = {
        .cli = cli, .exporter = exporter, .written = written, .arena = arena_new(ARENA_BYTES)};

    int exit_code = fetch_list(&self, "outbox", "receipt", put_sent);
    if (exit_code == CLI_DONE) {
        exit_code = fetch_list(&self, "inbox", "evidence", put_received);
    }
    arena_destroy(&self.arena);
    free(self.ids);
    return exit_code;
}
