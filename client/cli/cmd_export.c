/*
 * cmd_export: a journal as JSON lines for a reader, or whole, as protobuf messages or CloudEvents, for another program.
 *
 * Reads a journal that may be in use; what is after its last whole commit is left out. Sealed bytes are copied with
 * --payloads alone, and never opened. A journal that is damaged is exported up to the damage, and the exit code is 1.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/cli/commands.h"
#include "client/cli/export_agent.h"
#include "client/cli/progress.h"
#include "client/replay/export.h"
#include "client/replay/source.h"
#include "common/base/civil.h"
#include "common/base/uuid.h"
#include "common/codec/event.h"
#include "common/codec/frame.h"
#include "common/record/ack.h"
#include "common/record/derived.h"
#include "common/base/banned.h"

enum { ARENA_BYTES = 4194304 };

struct exporter {
    struct cli *cli;
    FILE *out;
    exporter_t *writer; /* NULL: JSON lines for a reader */
    bool payloads;
    uint64_t from; /* first leaf wanted */
    uint64_t written;
    arena_t *arena;
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

struct derived_line {
    struct exporter *exporter;
    const struct record *record;
};

static void set_text(json_t *line, const char *member, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        json_object_set_new(line, member, json_string(text));
    }
}

static int put_derived(void *context, const Waypost__Derived *derived)
{
    const struct derived_line *self = context;
    json_t *line = line_of(self->record);
    char word[DERIVED_WORD_BYTES];
    char stamp[CIVIL_STAMP_BYTES];
    json_object_set_new(line, "kind", json_string(derived_word((int)derived->kind, word)));
    civil_stamp_utc(derived->at_ms, stamp);
    json_object_set_new(line, "at", json_string(stamp));
    set_id(line, "event", &derived->event, derived->has_event);
    set_id(line, "transfer", &derived->transfer, derived->has_transfer);
    set_id(line, "child", &derived->subject, derived->has_subject);
    set_text(line, "clock", derived->clock);
    set_text(line, "rule", derived->rule);
    set_text(line, "detail", derived->detail);
    set_text(line, "code", derived->code);
    set_text(line, "by", derived->by);
    if (derived->has_code_err) {
        json_object_set_new(line, "error", json_string(err_name(-(int)derived->code_err)));
    }
    put_line(self->exporter, line);
    return 0;
}

static void put_derived_line(struct exporter *self, const struct record *record)
{
    struct derived_line context = {self, record};
    if (derived_walk(self->arena, record->body, put_derived, &context) != 0) {
        json_t *line = line_of(record);
        json_object_set_new(line, "body", base64_json(record->body));
        put_line(self, line);
    }
}

static void put_ack_line(struct exporter *self, const struct record *record)
{
    struct ack_body body;
    json_t *line = line_of(record);
    if (ack_body_read(record->body, &body) == 0) {
        const Waypost__AckStatement *ack =
            message_decode(self->arena, &waypost__ack_statement__descriptor, body.statement);
        json_object_set_new(line, "agent", json_string(body.agent));
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

/* ---- the walk ---- */

static int visit_segment(void *context, uint32_t segment, struct slice header)
{
    struct exporter *self = context;
    if (self->writer == NULL) {
        return 0;
    }
    if (self->from > 0) { /* no journal is made of a part */
        exporter_network(self->writer, header);
        return 0;
    }
    return exporter_segment(self->writer, segment, header);
}

static int visit_record(void *context, const struct record *record, uint64_t position)
{
    struct exporter *self = context;
    if (record->sequence < self->from) {
        return 0;
    }
    self->written += record->type != RECORD_COMMIT;
    if (self->writer != NULL) {
        return exporter_record(self->writer, record, position);
    }
    arena_reset(self->arena);
    put_jsonl(self, record);
    return ferror(self->out) != 0 ? E_IO : 0;
}

/* Of an agent: with its place and path, which a record does not have. */
static int visit_message(void *context, const Waypost__ExportRecord *message)
{
    struct exporter *self = context;
    arena_reset(self->arena);
    const Waypost__BatchStatement *said = message->statement == NULL
        ? NULL
        : message_decode(self->arena, &waypost__batch_statement__descriptor,
              slice_of(message->statement->statement.data, message->statement->statement.len));
    self->written++;
    return exporter_message(self->writer, said == NULL ? "unknown" : said->network, message);
}

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    struct exporter *self = context;
    progress_show(&self->progress, done, all);
}

static int export_source(struct exporter *self)
{
    struct cli *cli = self->cli;
    source_t *source = NULL;
    struct complaint why = {0};
    uint64_t torn;
    const struct source_walk walk = {.from_sequence = self->from,
        .commits = self->writer != NULL,
        .visit = visit_record,
        .segment = visit_segment,
        .message = self->writer != NULL ? visit_message : NULL,
        .progress = show_progress,
        .context = self};
    if (source_open(cli->args[0], &source, &why) != 0) {
        return cli_fail_why(cli, &why);
    }
    progress_begin(&self->progress, cli, "exporting");
    int rc = source_walk(source, &walk, &torn, &why);
    progress_end(&self->progress);
    source_close(&source);
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

static const char *const formats[] = {
    "jsonl", "json", "protobuf-delimited", "protobuf", "cloudevents", NULL};

static exporter_t *writer_of(struct cli *cli, FILE *out)
{
    const char *format = cli_text(cli, "format");
    bool payloads = cli_flag(cli, "payloads");
    bool lines = format == NULL || strncmp(format, "json", 4) == 0;
    if (lines && cli->arg_count > 0) {
        return NULL;
    }
    bool protobuf = !lines && strncmp(format, "protobuf", 8) == 0;
    return exporter_new(out, protobuf ? SOURCE_PROTOBUF : SOURCE_CLOUDEVENTS, payloads);
}

static int run_export(struct cli *cli)
{
    const char *path = cli_text(cli, "out");
    FILE *file = path == NULL ? cli->out : fopen(path, "wxe");
    if (file == NULL) {
        return cli_fail(cli, E_EXISTS,
            "%s cannot be made; is there a file of that name, or no such directory?", path);
    }
    struct exporter exporter = {.cli = cli,
        .out = file,
        .writer = writer_of(cli, file),
        .payloads = cli_flag(cli, "payloads"),
        .from = cli_number(cli, "from", 0),
        .arena = arena_new(ARENA_BYTES)};
    int exit_code = cli->arg_count > 0 ? export_source(&exporter)
                                       : export_agent(cli, exporter.writer, &exporter.written);
    arena_destroy(&exporter.arena);
    exporter_destroy(&exporter.writer);
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

static const struct cli_option export_options[] = {
    {.name = "format",
        .argument = "FORMAT",
        .type = CLI_WORD,
        .words = formats,
        .text = "jsonl (also json): a line an event or record, to be read; protobuf and "
                "cloudevents: everything, "
                "taken back by waypost import"},
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
        .group = CLI_GROUP_LOOK_BACK,
        .summary = "a journal as JSON lines, CloudEvents or protobuf messages",
        .usage = "[JOURNAL]",
        .text = "Writes every entry of a journal (its directory, live or copied), or of a file "
                "that was exported "
                "before, up to its last whole commit. jsonl is made to be read and searched. "
                "protobuf (a varint with "
                "the length, then an ExportRecord of proto/waypost.proto) and cloudevents "
                "(CloudEvents 1.0, one a "
                "line, docs/CLOUDEVENTS.md) hold every byte that was committed: waypost import "
                "makes the journal "
                "again, and state, diff and replay read the file as it is.\n\n"
                "Sealed parts are left out unless --payloads is given, and are never opened. "
                "Without them an imported "
                "journal holds them as erased, and everything else verifies.\n\nWithout a JOURNAL "
                "it is what the agent has sent and received, as CloudEvents unless protobuf is "
                "named: each event with its sender's signed statement and its path in the batch.",
        .example = "waypost export /var/lib/waypost/journal | grep written_acceptance\n"
                   "waypost export journal --format cloudevents --payloads --out journal.jsonl",
        .options = export_options,
        .args_min = 0,
        .args_max = 1,
        .run = run_export,
        .needs_agent = true},
    {.name = NULL},
};
