/*
 * cmd_export: a journal as JSON lines or as length-delimited protobuf messages, for other programs.
 *
 * Reads a journal that may be in use; what is after its last whole commit is left out. Sealed bytes are copied with
 * --payloads alone, and never opened. A journal that is damaged is exported up to the damage, and the exit code is 1.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "common/base/civil.h"
#include "common/base/uuid.h"
#include "common/codec/event.h"
#include "common/codec/frame.h"
#include "common/journal/disk.h"
#include "common/journal/journal.h"
#include "common/base/banned.h"

enum { ARENA_BYTES = 4194304 };

struct exporter {
    struct cli *cli;
    FILE *out;
    bool protobuf;
    bool payloads;
    uint64_t from; /* first leaf wanted */
    uint64_t written;
    arena_t *arena;
    struct buf bytes;
    struct progress progress;
};

static const char *type_name(uint8_t type)
{
    static const char *const names[] = {[RECORD_INPUT] = "input",
        [RECORD_JUDGED] = "judged",
        [RECORD_ACK] = "ack",
        [RECORD_ACKED] = "acked",
        [RECORD_DERIVED] = "derived",
        [RECORD_EPOCH] = "epoch",
        [RECORD_ERASE_BEGUN] = "erase_begun",
        [RECORD_PAYLOAD_ERASED] = "payload_erased",
        [RECORD_BATCH] = "event"};
    return type < sizeof names / sizeof names[0] && names[type] != NULL ? names[type] : "unknown";
}

/* ---- JSON lines ---- */

static json_t *base64_json(struct slice bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = mem_new(size, 1);
    sodium_bin2base64(text, size, bytes.data, bytes.len, sodium_base64_VARIANT_ORIGINAL);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static json_t *line_of(const struct record *record)
{
    char stamp[CIVIL_STAMP_BYTES];
    civil_stamp_utc(record->time_ms, stamp);
    return json_pack("{s:I, s:s, s:s}", "entry", (json_int_t)record->sequence, "type",
        type_name(record->type), "recorded", stamp);
}

static void put_line(struct exporter *self, json_t *line)
{
    json_dumpf(line, self->out, JSON_COMPACT);
    fputc('\n', self->out);
    json_decref(line);
}

static void put_event_line(struct exporter *self, const struct record *record,
    const struct batch_body *batch, uint32_t index, struct slice event,
    const struct stored_payload *payload)
{
    struct event_view view;
    json_t *line = line_of(record);
    json_object_set_new(line, "index", json_integer(index));
    json_object_set_new(line, "agent", json_string(batch->agent));
    if (event_read(event, &view, NULL) == 0) {
        json_object_set_new(line, "event", event_json(&view));
    } else {
        json_object_set_new(line, "event_base64", base64_json(event));
    }
    if (payload->ciphertext.len > 0) {
        json_object_set_new(line, "ciphertext", base64_json(payload->ciphertext));
    }
    put_line(self, line);
}

static void put_batch_lines(struct exporter *self, const struct record *record)
{
    struct batch_body batch;
    struct slice event;
    if (batch_body_read(record->body, &batch) != 0) {
        return; /* the walk has said that the record is bad */
    }
    struct slice rest = batch.events;
    struct slice payloads = record->payload;
    for (uint32_t i = 0; batch_next_event(&rest, &event) == 0; i++) {
        struct stored_payload payload = {0};
        if (payloads.len > 0 && batch_next_payload(&payloads, &payload) != 0) {
            payload = (struct stored_payload){0};
        }
        if (!self->payloads) {
            payload = (struct stored_payload){0};
        }
        put_event_line(self, record, &batch, i, event, &payload);
    }
}

static void set_id(
    json_t *object, const char *member, const ProtobufCBinaryData *id, protobuf_c_boolean has)
{
    char text[UUID_TEXT_BYTES];
    if (has && id->len == UUID_BYTES) {
        uuid_format(id->data, text);
        json_object_set_new(object, member, json_string(text));
    }
}

static void put_derived_line(struct exporter *self, const struct record *record)
{
    json_t *line = line_of(record);
    const Waypost__Derived *derived =
        message_decode(self->arena, &waypost__derived__descriptor, record->body);
    if (derived == NULL) {
        json_object_set_new(line, "body", base64_json(record->body));
    } else {
        const ProtobufCEnumValue *kind = protobuf_c_enum_descriptor_get_value(
            &waypost__system_kind__descriptor, (int)derived->kind);
        json_object_set_new(line, "kind", json_string(kind == NULL ? "unknown" : kind->name));
        set_id(line, "event", &derived->event, derived->has_event);
        set_id(line, "transfer", &derived->transfer, derived->has_transfer);
        if (derived->code != NULL) {
            json_object_set_new(line, "code", json_string(derived->code));
        }
        if (derived->by != NULL) {
            json_object_set_new(line, "by", json_string(derived->by));
        }
        if (derived->has_code_err) {
            json_object_set_new(line, "error", json_string(err_name(-(int)derived->code_err)));
        }
    }
    put_line(self, line);
}

/* The statement, signature and agent of an acknowledgement's body; false where they are cut short. */
static bool ack_take(
    struct slice body, struct slice *statement, struct slice *signature, char *agent)
{
    struct cursor in = cursor_of(body);
    *statement = take_bytes(&in, take_u32(&in));
    *signature = take_bytes(&in, SIGNATURE_BYTES);
    struct slice name = take_bytes(&in, take_u16(&in));
    if (in.failed || name.len > AGENT_ID_BYTES_MAX) {
        return false;
    }
    memcpy(agent, name.data, name.len);
    agent[name.len] = '\0';
    return true;
}

static void put_ack_line(struct exporter *self, const struct record *record)
{
    char agent[AGENT_ID_BYTES_MAX + 1];
    struct slice statement;
    struct slice signature;
    json_t *line = line_of(record);
    if (ack_take(record->body, &statement, &signature, agent)) {
        const Waypost__AckStatement *ack =
            message_decode(self->arena, &waypost__ack_statement__descriptor, statement);
        json_object_set_new(line, "agent", json_string(agent));
        if (ack != NULL) {
            json_object_set_new(line, "upto", json_integer((json_int_t)ack->upto));
            json_object_set_new(line, "stream_epoch", json_integer((json_int_t)ack->stream_epoch));
            json_object_set_new(line, "opened", json_integer((json_int_t)ack->n_opened));
            json_object_set_new(line, "faults", json_integer((json_int_t)ack->n_faults));
        }
    }
    put_line(self, line);
}

static void put_jsonl(struct exporter *self, const struct record *record)
{
    if (record->type == RECORD_BATCH) {
        put_batch_lines(self, record);
    } else if (record->type == RECORD_DERIVED) {
        put_derived_line(self, record);
    } else if (record->type == RECORD_ACK) {
        put_ack_line(self, record);
    } else {
        put_line(self, line_of(record));
    }
}

/* ---- protobuf ---- */

static ProtobufCBinaryData binary(struct slice bytes)
{
    return (ProtobufCBinaryData){.len = bytes.len, .data = (uint8_t *)(uintptr_t)bytes.data};
}

static void put_message(struct exporter *self, const Waypost__ExportRecord *message)
{
    struct buf length = {0};
    buf_clear(&self->bytes);
    message_encode(&message->base, &self->bytes);
    buf_put_varint(&length, self->bytes.len);
    fwrite(length.data, 1, length.len, self->out);
    fwrite(self->bytes.data, 1, self->bytes.len, self->out);
    buf_free(&length);
}

/* Wraps as they are stored, as messages; both arrays belong to the caller. */
static void wraps_fill(const struct stored_payload *payload, Waypost__Wrap *wraps,
    Waypost__Wrap **list, char (*codes)[10])
{
    for (uint32_t i = 0; i < payload->wrap_count; i++) {
        const uint8_t *at = payload->wraps.data + (size_t)i * WRAP_STORED_BYTES;
        memcpy(codes[i], at, CODE_BYTES);
        codes[i][CODE_BYTES] = '\0';
        wraps[i] = (Waypost__Wrap)WAYPOST__WRAP__INIT;
        wraps[i].code = codes[i];
        wraps[i].key_id = binary(slice_of(at + 9, 8));
        wraps[i].ephemeral = binary(slice_of(at + 17, 32));
        wraps[i].sealed_key = binary(slice_of(at + 49, 48));
        list[i] = &wraps[i];
    }
}

struct event_parts {
    Waypost__PublishedEvent event;
    Waypost__Wrap wraps[WRAPS_MAX];
    Waypost__Wrap *wrap_list[WRAPS_MAX];
    char codes[WRAPS_MAX][10];
};

static void parts_fill(
    struct event_parts *part, struct slice event, const struct stored_payload *payload)
{
    part->event = (Waypost__PublishedEvent)WAYPOST__PUBLISHED_EVENT__INIT;
    part->event.event = binary(event);
    if (payload->ciphertext.len > 0 && payload->wrap_count <= WRAPS_MAX) {
        part->event.has_payload = 1;
        part->event.payload = binary(payload->ciphertext);
        wraps_fill(payload, part->wraps, part->wrap_list, part->codes);
        part->event.n_wraps = payload->wrap_count;
        part->event.wraps = part->wrap_list;
    }
}

static void put_batch_message(
    struct exporter *self, const struct record *record, Waypost__ExportRecord *message)
{
    struct batch_body batch;
    struct slice event;
    if (batch_body_read(record->body, &batch) != 0) {
        return; /* as above */
    }
    Waypost__Signed statement = WAYPOST__SIGNED__INIT;
    statement.statement = binary(batch.statement);
    statement.signature = binary(batch.signature);
    message->agent = batch.agent;
    message->statement = &statement;
    struct event_parts *parts = mem_new(batch.count, sizeof *parts);
    message->events = mem_new(batch.count, sizeof(Waypost__PublishedEvent *));
    struct slice rest = batch.events;
    struct slice payloads = self->payloads ? record->payload : slice_of(NULL, 0);
    while (message->n_events < batch.count && batch_next_event(&rest, &event) == 0) {
        struct stored_payload payload = {0};
        if (payloads.len > 0 && batch_next_payload(&payloads, &payload) != 0) {
            payload = (struct stored_payload){0};
        }
        parts_fill(&parts[message->n_events], event, &payload);
        message->events[message->n_events] = &parts[message->n_events].event;
        message->n_events++;
    }
    put_message(self, message);
    free(message->events);
    message->events = NULL;
    message->n_events = 0;
    message->agent = NULL; /* what they point at ends here */
    message->statement = NULL;
    free(parts);
}

static void put_protobuf(struct exporter *self, const struct record *record)
{
    Waypost__ExportRecord message = WAYPOST__EXPORT_RECORD__INIT;
    Waypost__Signed statement = WAYPOST__SIGNED__INIT;
    char agent[AGENT_ID_BYTES_MAX + 1];
    struct slice bytes;
    struct slice signature;
    message.leaf_index = record->sequence;
    message.time_ms = record->time_ms;
    message.type = record->type;
    if (record->type == RECORD_BATCH) {
        put_batch_message(self, record, &message);
        return;
    }
    if (record->type == RECORD_ACK && ack_take(record->body, &bytes, &signature, agent)) {
        message.agent = agent;
        message.statement = &statement;
        statement.statement = binary(bytes);
        statement.signature = binary(signature);
    } else {
        message.has_body = 1;
        message.body = binary(record->body);
    }
    put_message(self, &message);
}

/* ---- the walk ---- */

static int visit_record(void *context, const struct record *record, uint64_t position)
{
    struct exporter *self = context;
    (void)position;
    if (record->sequence < self->from) {
        return 0;
    }
    arena_reset(self->arena);
    if (self->protobuf) {
        put_protobuf(self, record);
    } else {
        put_jsonl(self, record);
    }
    self->written++;
    return ferror(self->out) != 0 ? E_IO : 0;
}

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    struct exporter *self = context;
    progress_show(&self->progress, done, all);
}

static int export_journal(struct exporter *self)
{
    struct cli *cli = self->cli;
    struct disk disk;
    struct journal_check report = {0};
    struct complaint why = {0};
    int rc = disk_real_open(cli->args[0], &disk);
    if (rc != 0) {
        return cli_fail(cli, rc, "%s cannot be read: %s", cli->args[0], err_text(rc));
    }
    progress_begin(&self->progress, cli, "exporting");
    rc = journal_verify(&disk, NULL, &report, visit_record, self, show_progress, &why);
    progress_end(&self->progress);
    disk_real_close(&disk);
    if (ferror(self->out) != 0) {
        return cli_fail(cli, E_IO, "the export could not be written whole");
    }
    if (rc != 0) {
        return cli_fail(cli, rc, "%s: %s; %llu entries before that were exported", cli->args[0],
            why.text[0] == '\0' ? err_text(rc) : why.text, (unsigned long long)self->written);
    }
    return CLI_DONE;
}

static int close_file(struct cli *cli, FILE *file, const char *path, int exit_code)
{
    if (fclose(file) != 0 && exit_code == CLI_DONE) {
        return cli_fail(cli, E_IO, "%s could not be written whole", path);
    }
    return exit_code;
}

static int run_export(struct cli *cli)
{
    const char *path = cli_text(cli, "out");
    const char *format = cli_text(cli, "format");
    FILE *file = path == NULL ? cli->out : fopen(path, "wxe");
    if (file == NULL) {
        return cli_fail(cli, E_EXISTS,
            "%s cannot be made; is there a file of that name, or no such directory?", path);
    }
    struct exporter exporter = {.cli = cli,
        .out = file,
        .protobuf = format != NULL && strncmp(format, "protobuf", 8) == 0,
        .payloads = cli_flag(cli, "payloads"),
        .from = cli_number(cli, "from", 0),
        .arena = arena_new(ARENA_BYTES)};
    int exit_code = export_journal(&exporter);
    arena_destroy(&exporter.arena);
    buf_free(&exporter.bytes);
    if (path != NULL) {
        exit_code = close_file(cli, file, path, exit_code);
        if (cli->json && exit_code == CLI_DONE) {
            cli_json(cli,
                json_pack("{s:s, s:I}", "file", path, "entries", (json_int_t)exporter.written));
        }
        cli_hint(cli, "%llu entries in %s\n", (unsigned long long)exporter.written, path);
    }
    return exit_code;
}

static const char *const formats[] = {"jsonl", "json", "protobuf-delimited", "protobuf", NULL};

static const struct cli_option export_options[] = {
    {.name = "format",
        .argument = "FORMAT",
        .type = CLI_WORD,
        .words = formats,
        .text = "jsonl, also written json (a line an event or record), unless another is named"},
    {.name = "out",
        .letter = 'o',
        .argument = "FILE",
        .type = CLI_FILE,
        .text = "the file to write, which must not exist; else standard output"},
    {.name = "from",
        .argument = "ENTRY",
        .type = CLI_NUMBER,
        .text = "begin with this entry of the journal"},
    {.name = "payloads", .text = "copy the sealed bytes as well; they stay sealed"},
    {.name = NULL},
};

const struct cli_command cmd_export[] = {
    {.name = "export",
        .group = CLI_GROUP_PROOF,
        .summary = "a journal as JSON lines or protobuf messages",
        .usage = "JOURNAL",
        .text = "Walks a journal, checks it as waypost verify does, and writes each entry. jsonl "
                "has a line an event and a "
                "line a record; protobuf-delimited has a varint with the length, then an "
                "ExportRecord of "
                "proto/waypost.proto. Sealed parts are left out unless --payloads is given, and "
                "are never opened.",
        .example = "waypost export /var/lib/waypost/journal | grep written_acceptance",
        .options = export_options,
        .args_min = 1,
        .args_max = 1,
        .run = run_export},
    {.name = NULL},
};
