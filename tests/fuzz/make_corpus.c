/* wrap: core_frame agent_core_frame */
/*
 * make_corpus: writes what the fuzz targets begin from: right inputs, made by the same code that makes them in earnest.
 * Run once by hand when a format changes; what it wrote is kept in corpus/ beside what fuzzing found.
 *
 *     make build/tests/fuzz/make_corpus && build/tests/fuzz/make_corpus tests/fuzz/corpus
 *
 * Frames are caught on their way into broker and agent (--wrap). What cannot be made ends the program.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/check.h"
#include "common/base/fsio.h"
#include "common/journal/record.h"
#include "common/register/join.h"
#include "common/register/source.h"
#include "client/lab/scenario_parse.h"
#include "common/procedure/engine.h"
#include "tests/fuzz/broker.h"
#include "tests/support/agent_fixture.h"
#include "tests/support/procedures_fixture.h"
#include "tests/unit/codec_sample.h"

#include "common/base/banned.h"

enum { PATH_BYTES = 512, SIGN = 0x80, ROOT_SEED = 11 };

static const char *corpus;

static void put(const char *target, const char *name, struct slice bytes)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof path, "%s/%s", corpus, target);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof path, "%s/%s/%s", corpus, target, name);
    int rc = fsio_replace(path, bytes, 0644);
    assert(rc == 0);
}

static void put_text(const char *target, const char *name, const char *text)
{
    put(target, name, slice_of_text(text));
}

/* One byte, then the bytes. */
static void put_after(const char *target, const char *name, uint8_t first, struct slice bytes)
{
    struct buf out = {0};

    buf_put_u8(&out, first);
    buf_put_slice(&out, bytes);
    put(target, name, buf_slice(&out));
    buf_free(&out);
}

static const char *numbered(const char *word, size_t number)
{
    static char name[64];

    (void)snprintf(name, sizeof name, "%s-%02zu", word, number);
    return name;
}

/* ---- frames, caught ---- */

static struct buf caught;
static size_t caught_count;
static const char *catching; /* name of what is going on, NULL while nothing is caught */

/* A step of session and uplink: who or what, length, frame; and the frame for itself. */
static void take_frame(uint8_t what, struct slice frame)
{
    if (catching == NULL) {
        return;
    }
    if (frame.len <= 4096) {
        put("frame", numbered(catching, caught_count), frame);
    }
    caught_count++;
    buf_put_u8(&caught, what);
    buf_put_u16(&caught, (uint16_t)frame.len);
    buf_put_slice(&caught, frame);
}

static void put_caught(const char *target, const char *name, uint8_t first)
{
    put_after(target, name, first, buf_slice(&caught));
    buf_clear(&caught);
    catching = NULL;
}

void __real_core_frame(core_t *core, uint64_t session, const uint8_t *key, struct slice frame);
void __wrap_core_frame(core_t *core, uint64_t session, const uint8_t *key, struct slice frame);
void __real_agent_core_frame(agent_core_t *core, struct slice bytes);
void __wrap_agent_core_frame(agent_core_t *core, struct slice bytes);

static const struct core_fixture *broker;

void __wrap_core_frame(core_t *core, uint64_t session, const uint8_t *key, struct slice frame)
{
    for (size_t i = 0; broker != NULL && i < broker->agent_count; i++) {
        if (memcmp(broker->agents[i].keys.curve_public, key, 32) == 0) {
            take_frame((uint8_t)(i | SIGN), frame);
        }
    }
    __real_core_frame(core, session, key, frame);
}

void __wrap_agent_core_frame(agent_core_t *core, struct slice bytes)
{
    take_frame(SIGN, bytes);
    __real_agent_core_frame(core, bytes);
}

/* An operator's or sender's question. */
static void ask_broker(struct fake_agent *agent, uint32_t op, const uint8_t *event)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Operate operate = WAYPOST__OPERATE__INIT;

    operate.request = 7;
    operate.operation = (Waypost__Operation)op;
    operate.has_event = event != NULL;
    operate.event =
        (ProtobufCBinaryData){event == NULL ? 0 : UUID_BYTES, (uint8_t *)(uintptr_t)event};
    frame.body_case = WAYPOST__FRAME__BODY_OPERATE;
    frame.operate = &operate;
    agent_say(agent, &frame);
}

static void make_session(void)
{
    static struct core_fixture fixture;
    static const char *const to[] = {CODE_CAMDEN, CODE_LEEDS, NULL};
    static const char *const old[] = {CODE_BARNSLEY, CODE_SURREY, NULL};
    struct fake_agent *islington = &fixture.agents[ISLINGTON];

    fuzz_broker_begin(&fixture);
    broker = &fixture;
    catching = "hello";
    for (size_t i = 0; i < fixture.agent_count; i++) {
        agent_hello(&fixture.agents[i]);
    }
    core_fixture_settle(&fixture);
    put_caught("session", "hello", 0);
    catching = "publish";
    (void)agent_write(islington, to);
    (void)agent_write_payload(islington, to, "ciphertext");
    (void)agent_write(islington, old);
    agent_publish(islington, 0, 3);
    core_fixture_settle(&fixture);
    agent_open(&fixture.agents[CAMDEN], islington->own[1].id);
    core_fixture_settle(&fixture);
    put_caught("session", "publish", 0x1f);
    catching = "forged";
    agent_publish_tampered(islington, 2, 2);
    (void)agent_write(&fixture.agents[LEEDS], old);
    agent_publish_as(&fixture.agents[LEEDS], 1, 1, CODE_ISLINGTON);
    put_caught("session", "forged", 0x1f);
    catching = "operate";
    for (uint32_t op = 1; op <= 5; op++) {
        ask_broker(&fixture.agents[OPERATOR], op, op == 1 || op == 5 ? NULL : islington->own[2].id);
        core_fixture_settle(&fixture);
    }
    put_caught("session", "operate", 0x1f);
    core_fixture_free(&fixture);
    broker = NULL;
    put("snapshot", "state", fuzz_broker_state());
    put_text("snapshot", "magic", "WPS1");
}

static void put_receipt(struct agentfix *agent)
{
    static uint8_t bytes[65536];
    char line[128];
    json_t *outbox = agentfix_ask(agent, "{'op': 'outbox'}");
    const json_t *row = json_array_get(json_object_get(outbox, "events"), 0);
    const char *id = json_string_value(json_object_get(row, "event"));
    assert(id != NULL);
    (void)snprintf(line, sizeof line, "{'op': 'receipt', 'event': '%s'}", id);
    json_t *answer = agentfix_ask(agent, line);
    const char *text = json_string_value(json_object_get(answer, "receipt"));
    assert(text != NULL);
    size_t len = strlen(text) / 2;
    assert(len <= sizeof bytes);
    int rc = hex_decode(text, bytes, len);
    assert(rc == 0);
    put("receipt", "good", slice_of(bytes, len));
    json_decref(outbox);
    json_decref(answer);
}

static void put_bundle(struct agentfix *agent)
{
    static uint8_t bytes[65536];
    size_t len = 0;
    json_t *outbox = agentfix_ask(agent, "{'op': 'outbox'}");
    const json_t *row = json_array_get(json_object_get(outbox, "events"), 0);
    char line[128];
    (void)snprintf(line, sizeof line, "{'op': 'bundle', 'transfer': '%s'}",
        json_string_value(json_object_get(row, "transfer")));
    json_decref(agentfix_ask(agent, line));
    while (agentfix_prove(agent) > 0) {
    }
    json_t *page = agentfix_ask(agent, "{'op': 'bundle_page', 'from': 0}");
    const char *text = json_string_value(json_object_get(page, "base64"));
    assert(text != NULL);
    int rc = sodium_base642bin(
        bytes, sizeof bytes, text, strlen(text), NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL);
    assert(rc == 0);
    put("bundle", "good", slice_of(bytes, len));
    json_decref(outbox);
    json_decref(page);
}

static void make_uplink(void)
{
    static struct agentfix agent;

    agentfix_setup(&agent, NULL);
    catching = "welcome";
    agentfix_online(&agent);
    put_caught("uplink", "welcome", 0);
    catching = "deliver";
    agentfix_deliver(&agent, 0, true, FAULT_NONE);
    agentfix_deliver(&agent, 0, false, FAULT_NONE);
    agentfix_deliver(&agent, 0, true, FAULT_CIPHERTEXT);
    agentfix_deliver(&agent, 9, false, FAULT_NONE);
    put_caught("uplink", "deliver", 1);
    agentfix_teardown(&agent);
    agentfix_setup(&agent, NULL); /* as the target has it: then the receipt is for what it sends */
    agentfix_online(&agent);
    json_decref(agentfix_ask(&agent,
        "{'op': 'new_transfer', 'origin': 'E09000019', 'receiving': 'E09000007', 'label': 'T', "
        "'subjects': [{'name': 'A', 'case_type': 'cp'}]}"));
    json_decref(agentfix_ask(&agent,
        "{'op': 'send', 'kind': 'move_notified', 'transfer': 'T', 'to': ['E09000007'], "
        "'facts': {'permanence': 'permanent', 'retain_intention': 'transfer'}}"));
    catching = "receipt";
    buf_put_u8(&caught, 3); /* the step that sends one */
    buf_put_u16(&caught, 0);
    size_t events = agentfix_serve(&agent);
    assert(events == 1);
    put_caught("uplink", "receipt", 1);
    catching = "refuse";
    agentfix_refuse(&agent, E_GAP, 4, 1, 0, 1);
    agentfix_refuse(&agent, E_STALE_REGISTER, 4, 1, -1, 2);
    put_caught("uplink", "refuse", 1);
    put_receipt(&agent);
    put_bundle(&agent);
    agentfix_teardown(&agent);
}

/* ---- events, payloads, records ---- */

static void make_events(void)
{
    for (uint32_t i = 1; i <= catalogue_kind_count(); i += i < 8 ? 1 : 3) {
        const struct kind_info *kind = catalogue_kind(i);
        struct buf bytes = {0};
        sample_full_event(kind, &bytes);
        put("event", kind->name, buf_slice(&bytes));
        buf_free(&bytes);
    }
}

static void make_payloads(void)
{
    const struct fact_text facts[] = {
        {"rationale", "Words that stay sealed"}, {"dob", "2019-05-04"}};
    const struct attachment attachment = {"plan.pdf", slice_of_text("%PDF-1.4")};
    struct complaint why = {0};
    struct buf bytes = {0};

    int rc = payload_encode(facts, 2, &attachment, 1, &bytes, &why);
    if (rc != 0) {
        (void)fprintf(stderr, "payload: %s\n", why.text);
    }
    assert(rc == 0);
    put("payload", "facts-and-file", buf_slice(&bytes));
    buf_free(&bytes);
}

static void make_records(void)
{
    struct buf body = {0};
    struct buf record = {0};
    struct buf made = {0};
    const struct epoch_body epoch = {.network = "test", .epoch = 1};

    journal_fixture_batch("test", 2, 24, &body);
    const struct record batch = {.type = RECORD_BATCH, .body = buf_slice(&body)};
    record_encode(&batch, &record);
    put("record", "batch", buf_slice(&record));
    buf_put_u8(&made,
        RECORD_BATCH); /* as fuzz_record makes one itself: type, sequence, length, body, payload */
    buf_put_u16(&made, 7);
    buf_put_u16(&made, (uint16_t)body.len);
    buf_put_slice(&made, buf_slice(&body));
    for (int i = 0; i < 2; i++) {
        buf_put_u32(&made, 5);
        buf_put(&made, "bytes", 5);
        buf_put_u16(&made, 1);
        buf_put(&made, record.data, WRAP_STORED_BYTES);
    }
    put("record", "made-batch", buf_slice(&made));
    buf_clear(&body);
    buf_clear(&made);
    epoch_body_write(&epoch, &body);
    buf_put_u8(&made, RECORD_EPOCH);
    buf_put_u16(&made, 0);
    buf_put_u16(&made, (uint16_t)body.len);
    buf_put_slice(&made, buf_slice(&body));
    put("record", "made-epoch", buf_slice(&made));
    buf_free(&body);
    buf_free(&record);
    buf_free(&made);
}

/* ---- registers, keys, joins ---- */

static void put_hex(struct buf *out, const char *format, const uint8_t *key)
{
    char hex[2 * SIGN_PUBLIC_BYTES + 1];

    hex_encode(key, SIGN_PUBLIC_BYTES, hex);
    buf_put_text(out, "%s = %s\n", format, hex);
}

static void put_agent(struct buf *out, const char *id, const char *more, uint64_t seed)
{
    struct keys keys;

    fuzz_keys_make(id, seed, &keys);
    buf_put_text(out, "agent = %s\n%s", id, more);
    put_hex(out, "    key", keys.curve_public);
    buf_put_text(out, "        use = curve\n        from = 2026-03-01T00:00Z\n");
    put_hex(out, "    key", keys.sign_public);
    buf_put_text(out,
        "        use = sign\n        from = 2026-03-01T00:00Z\n        to = 2027-03-01T00:00Z\n");
    put_hex(out, "    key", keys.seal_public);
    buf_put_text(out,
        "        use = seal\n        from = 2026-03-01T00:00Z\n        revoked = "
        "2026-12-01T12:00Z\n");
}

/* The registrar's text; folder: where its two tables are said to be. */
static void put_source(struct buf *text, const char *folder)
{
    struct keys root;
    struct keys host;

    fuzz_keys_make("root-1", ROOT_SEED, &root);
    fuzz_keys_make("broker", ROOT_SEED + 1, &host);
    buf_put_text(
        text, "network = test\nversion = 1\nthreshold = 1\nissued = 2026-03-16T10:05:00Z\n");
    put_hex(text, "root", root.sign_public);
    buf_put_text(
        text, "authorities = %sauthorities.csv\nsuccessions = %ssuccessions.tsv\n", folder, folder);
    put_agent(text, "E09000007", "    acts-for = E09000001\n", 21);
    put_agent(text, "E09000019", "    roles = \"authority operator\"\n", 22);
    put_agent(text, "hub-london",
        "    roles = hub\n    regions = E12000007\n    revoked = 2026-12-01T12:00Z\n", 23);
    buf_put_text(text, "broker = tcp://broker.example:5670\n");
    put_hex(text, "    curve", host.curve_public);
    put_hex(text, "    head", host.sign_public);
    buf_put_text(text, "retention\n    written_acceptance = 400\n    move_notified = 365\n");
}

/* The text, and the register it gives. The target reads it from another folder: it has names that are right from there. */
static void make_registers(void)
{
    struct buf text = {0};
    struct buf bytes = {0};
    struct complaint why = {0};
    struct fuzz_world world;
    char path[PATH_BYTES];

    put_text("source", "authorities.csv",
        "gss_code,name,region,region_gss\nE09000001,City of London,London,E12000007\n"
        "E09000007,Camden,London,E12000007\nE09000019,Islington,London,E12000007\n");
    put_text("source", "successions.tsv",
        "code\tname\tsuccessors\tfrom\nE08000016\tBarnsley\tE09000007\t2025-04-01\n"
        "E10000030\tSurrey\tE09000007,E09000019\t2027-04-01\n");
    put_source(&text, "../cwd/tests/fuzz/corpus/source/");
    put("source", "linked.zpl", buf_slice(&text));
    buf_clear(&text);
    put_source(&text, "");
    put("source", "whole.zpl", buf_slice(&text));
    (void)snprintf(path, sizeof path, "%s/source/whole.zpl", corpus);
    fuzz_world_init(&world, 1);
    int rc = register_source_compile(path, &world.world, NULL, &bytes, &why);
    if (rc != 0) {
        (void)fprintf(stderr, "source: %s\n", why.text);
    }
    assert(rc == 0);
    put("register", "whole", buf_slice(&bytes));
    buf_free(&text);
    buf_free(&bytes);
}

static void make_keys(void)
{
    struct keys keys;
    struct buf text = {0};
    char path[PATH_BYTES];

    fuzz_keys_make("E09000019", 31, &keys);
    put_text("keys", "empty", "");
    (void)snprintf(path, sizeof path, "%s/keys/secret", corpus);
    (void)remove(path);
    int rc = keys_save(&keys, path);
    assert(rc == 0);
    (void)snprintf(path, sizeof path, "%s/keys/card", corpus);
    (void)remove(path);
    rc = keys_save_card(&keys, path);
    assert(rc == 0);
    struct join join = {.network = "test",
        .root_count = 2,
        .threshold = 2,
        .endpoint_count = 2,
        .endpoints = {"tcp://broker.example:5670", "ipc:///run/waypost/broker.sock"},
        .has_broker = true};
    memcpy(join.roots[0], keys.sign_public, 32);
    memcpy(join.roots[1], keys.seal_public, 32);
    memcpy(join.broker_curve, keys.curve_public, 32);
    memcpy(join.broker_head, keys.sign_public, 32);
    join_put(&join, &text);
    put("join", "two-roots", buf_slice(&text));
    put("zpl", "join", buf_slice(&text));
    buf_free(&text);
}

/* ---- texts ---- */

static const struct {
    const char *target, *name;
    int first; /* a byte before the text, -1 for none */
    const char *text;
} texts[] = {
    {"cli", "send", -1,
        "send\nmove_notified\n--to\nE09000007\n--transfer\nT\n--fact\npermanence=permanent\nmove_"
        "date=2026-04-08\n"},
    {"cli", "inbox", -1, "inbox\n--unopened\n--limit=10\n--kind\nmove_notified\n--json"},
    {"cli", "open", -1, "open\n0190163d-8694-7739-aea5-966c26f8ad91\n--role\nsocial_worker\n--"},
    {"cli", "register", -1, "register\nshow\nE09000007\n--register\nFILE\n--join\nFILE"},
    {"cli", "help", -1, "register\nlist\n-h"},
    {"cli", "overview", -1, "--help"},
    {"cli", "typo", -1, "sned\n--too"},
    {"cli", "watch", -1, "watch\n--region\nE12000007\n--from\n2026-03-16T10:05"},
    {"cli", "send-help", -1, "send\nmove_notified\n--help"},
    {"cli", "bench", -1, "bench\n--producers\n4\n--rate\n100\n--seconds\n3\n--version"},
    {"csv", "authorities", 0,
        "gss_code,name,region\nE09000007,Camden,London\nE09000019,\"Islington, London\",\"a "
        "\"\"b\"\"\"\n"},
    {"csv", "successions", 1,
        "code\tname\tfrom\nE08000016\tBarnsley\t2025-04-01\n\nE10000030\tSurrey\t\n"},
    {"holidays", "two", -1,
        "{\"england-and-wales\": {\"division\": \"england-and-wales\", \"events\": [{\"title\": "
        "\"Good Friday\", "
        "\"date\": \"2026-04-03\", \"notes\": \"\", \"bunting\": false}, {\"date\": "
        "\"2026-04-06\"}]}, \"scotland\": {\"events\": []}}"},
    {"holidays", "no-division", -1, "{\"scotland\": {\"events\": [{\"date\": \"2026-01-02\"}]}}"},
    {"holidays", "no-date", -1,
        "{\"england-and-wales\": {\"events\": [{\"date\": \"2026-02-30\"}]}}"},
    {"settings", "forms", 0,
        "text = words\npath = a/b\nuint = 12\nbytes = 3 GiB\nsection\n    duration = 250 ms\n    "
        "list = \"a b\"\n"
        "    list = c\nbool = yes\n"},
    {"settings", "broker", 1,
        "listen = tcp://127.0.0.1:5670\ndata = data\nkeys = broker.keys\njoin = "
        "demo.join\nregister = register.wpr\n"},
    {"settings", "agent", 2,
        "agent = E09000019\nkeys = agent.keys\njoin = demo.join\ndatabase = agent.db\nsocket = "
        "agent.sock\n"},
    {"zpl", "levels", -1, "# words\na = 1\n    b = \"2\" # end\n        c\n    d = 'x'\ne\n"},
    {"text", "time", 1, "2026-03-16T10:05:00.123+01:00"},
    {"text", "skipped", 1, "2026-03-29T01:30"},
    {"text", "date", 2, "2028-02-29"},
    {"text", "uuid", 3, "0190163d-8694-7739-aea5-966c26f8ad91"},
    {"text", "number", 4, "18446744073709551614"},
    {"text", "limit-wd", 5, "15wd"},
    {"text", "limit-min", 6, "15min"},
    {"text", "limit-dx", 7, "28dx"},
    {"text", "code", 8, "E09000007"},
    {"text", "words", 9, "permanent,temporary"},
    {"text", "nhs", 10, "943 476 5919"},
    {"text", "postcode", 11, "N1 1AA"},
    {"text", "endpoint", 12, "tcp://broker.example:5670"},
    {"tables", "whole", 0x83, "kind\ttitle\nx\ty\n"},
    {"request", "send", 1,
        "{\"op\": \"new_transfer\", \"origin\": \"E09000019\", \"receiving\": \"E09000007\", "
        "\"label\": \"T\", "
        "\"subjects\": [{\"name\": \"A\", \"case_type\": \"cp\"}]}\n{\"op\": \"send\", \"kind\": "
        "\"move_notified\", \"transfer\": "
        "\"T\", \"to\": [\"E09000007\"], \"facts\": {\"permanence\": \"permanent\", "
        "\"retain_intention\": \"transfer\"}, \"sealed\": "
        "{\"dob\": \"2019-05-04\"}, \"attachments\": [{\"name\": \"a.pdf\", \"base64\": "
        "\"QUJD\"}], \"occurred\": "
        "\"2026-03-16T09:00\"}\n{\"op\": \"outbox\", \"state\": \"waiting\", \"limit\": "
        "5}\n{\"op\": \"transfer\", \"transfer\": \"T\"}\n"},
    {"request", "lists", 0,
        "{\"op\": \"status\"}\n{\"op\": \"inbox\", \"unopened\": true, \"kind\": "
        "\"move_notified\"}\n{\"op\": "
        "\"transfers\"}\n{\"op\": \"alarms\", \"own\": \"a\"}\n{\"op\": \"register\"}\n{\"op\": "
        "\"watch\", \"region\": \"E12000007\", "
        "\"from\": 0}\n"},
    {"request", "broker", 1,
        "{\"op\": \"shape\"}\n{\"op\": \"trace\", \"event\": "
        "\"0190163d-8694-7739-aea5-966c26f8ad91\"}\n{\"op\": "
        "\"listening\", \"code\": \"E09000007\"}\n{\"op\": \"hold\", \"event\": "
        "\"0190163d-8694-7739-aea5-966c26f8ad91\"}\n"},
    {"request", "typo", 0,
        "{\"op\": \"sned\"}\n{\"op\": \"inbox\", \"limitt\": 1}\n[]\nnull\n{\"op\": 7}\n{\"op\": "
        "\"show\", \"event\": \"x\"}\n"},
};

/* One cell of a table (fuzz_tables). */
static const struct {
    const char *name;
    uint8_t table, row, column;
    const char *text;
} cells[] = {
    {"condition", 1, 1, 4,
        "move_notified[permanence=permanent/temporary state.case_type=cp receiving@london]"},
    {"moment", 1, 2, 5, "fact:finished_at"},
    {"duration", 1, 1, 8, "15"},
    {"unit", 1, 1, 9, "mo"},
    {"severity", 2, 1, 2, "REJECT:written_acceptance ALERT:move_notified HOLD"},
    {"rule-facts", 2, 2, 8, "written_acceptance:signatory_role+letter_ref"},
    {"effect", 0, 1, 8,
        "permanence := fact; [state.case_type=cp] +outstanding(R20); dim case := receiving; "
        "-temporary_plan"},
    {"derive", 0, 3, 8,
        "+accepted(letter_hash); => responsibility_transferred (dim case := receiving)"},
    {"starts", 0, 1, 6, "C01,C08,G01"},
    {"acknowledged", 0, 1, 9, "A1,A2,A3=temporary_plan_flag/case_file_opened"},
    {"system", 3, 1, 0, "persisted"},
    {"authority", 4, 1, 0, "E09000001"},
    {"succession", 5, 1, 2, "E08000038"},
};

static void make_texts(void)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].first < 0) {
            put(texts[i].target, texts[i].name, slice_of_text(texts[i].text));
        } else {
            put_after(texts[i].target, texts[i].name, (uint8_t)texts[i].first,
                slice_of_text(texts[i].text));
        }
    }
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        struct buf cell = {0};
        buf_put_u8(&cell, cells[i].row);
        buf_put_u8(&cell, cells[i].column);
        buf_put_text(&cell, "%s", cells[i].text);
        put_after("tables", cells[i].name, cells[i].table, buf_slice(&cell));
        buf_free(&cell);
    }
}

/* A step of fuzz_engine. */
static void put_step(struct buf *out, uint8_t what, struct slice bytes)
{
    buf_put_u8(out, what);
    buf_put_u16(out, (uint16_t)bytes.len);
    buf_put_slice(out, bytes);
}

/* The events of a scenario in their order, each persisted and opened, as many as one input holds. */
static void make_story(const data_files_t *files, const char *name, const char *path)
{
    enum { STORY_BYTES_MAX = 7000 };
    struct scenario_fault fault = {0};
    scenario_t *scenario = NULL;
    struct buf out = {0};
    const uint8_t day = 24;

    int rc = scenario_parse(path, fuzz_file(path), files, &scenario, &fault);
    assert(rc == 0);
    for (uint32_t i = 0; i < scenario->event_count && out.len < STORY_BYTES_MAX; i++) {
        put_step(&out, 0, scenario->events[i].bytes);
        put_step(&out, 1, slice_of(NULL, 0));
        if (i % 3 == 0) {
            put_step(&out, 2, slice_of(NULL, 0));
            put_step(&out, 4, slice_of(&day, 1));
        }
    }
    put("engine", name, buf_slice(&out));
    buf_free(&out);
    scenario_destroy(&scenario);
}

/* What the engine makes of a scenario's events, as bytes. */
static void make_state(const data_files_t *files, const char *name, const char *path)
{
    static struct fact_set facts;
    struct scenario_fault fault = {0};
    struct complaint why = {0};
    procedures_t *tables = NULL;
    scenario_t *scenario = NULL;
    struct event_view view;
    uint8_t verdicts[SUBJECTS_MAX];
    struct buf out = {0};

    int rc = scenario_parse(path, fuzz_file(path), files, &scenario, &fault);
    rc = rc != 0 ? rc : fixture_procedures(NULL, NULL, NULL, &tables, &why);
    assert(rc == 0);
    engine_t *engine = engine_new(tables, NULL, NULL);
    for (uint32_t i = 0; i < scenario->event_count; i++) {
        rc = event_read(scenario->events[i].bytes, &view, NULL);
        rc = rc != 0 ? rc : facts_read(&view, &facts);
        assert(rc == 0);
        const struct engine_event event = {
            .view = &view, .facts = &facts, .accepted_ms = view.sent_ms};
        (void)engine_event(engine, &event, verdicts);
    }
    engine_encode(engine, &out);
    put("state", name, buf_slice(&out));
    buf_free(&out);
    engine_destroy(&engine);
    procedures_destroy(&tables);
    scenario_destroy(&scenario);
}

static void make_stories(void)
{
    struct complaint why = {0};
    data_files_t *files = NULL;

    int rc = data_files_open("data", &files, &why);
    assert(rc == 0);
    make_story(files, "easter", "tests/scenarios/sc-01-transfer-over-easter.scenario");
    make_story(files, "refusal", "tests/scenarios/sc-03-refusal-and-three-stages.scenario");
    make_story(files, "supervision", "tests/scenarios/sc-04-supervision-order.scenario");
    make_story(files, "permanent", "tests/scenarios/sc-05-temporary-then-permanent.scenario");
    make_story(files, "section-47", "tests/scenarios/sc-07-section-47-open.scenario");
    make_story(files, "corners", "tests/scenarios/sc-15-corners.scenario");
    make_story(files, "tour", "tests/scenarios/tour-of-the-format.scenario");
    make_state(files, "easter", "tests/scenarios/sc-01-transfer-over-easter.scenario");
    make_state(files, "refusal", "tests/scenarios/sc-03-refusal-and-three-stages.scenario");
    make_state(files, "supervision", "tests/scenarios/sc-04-supervision-order.scenario");
    make_state(files, "corners", "tests/scenarios/sc-15-corners.scenario");
    make_state(files, "tour", "tests/scenarios/tour-of-the-format.scenario");
    data_files_destroy(&files);
}

static void make_files(void)
{
    put("profile", "national", fuzz_file("data/profiles/national.zpl"));
    put("profile", "london", fuzz_file("data/profiles/london.zpl"));
    put("profile", "herefordshire", fuzz_file("data/profiles/herefordshire.zpl"));
    put("scenario", "tour", fuzz_file("tests/scenarios/tour-of-the-format.scenario"));
    put("scenario", "notified", fuzz_file("tests/scenarios/sc-12b-notified-means-sent.scenario"));
}

/* An edit of fuzz_journal: what, file, offset, bytes. */
static void put_edit(
    const char *name, uint8_t what, uint8_t file, uint16_t offset, const char *bytes)
{
    struct buf out = {0};

    buf_put_u8(&out, what);
    buf_put_u8(&out, file);
    buf_put_u16(&out, offset);
    buf_put_u8(&out, (uint8_t)strlen(bytes));
    buf_put_text(&out, "%s", bytes);
    put("journal", name, buf_slice(&out));
    buf_free(&out);
}

static void make_edits(void)
{
    for (uint8_t file = 0; file < 5; file++) {
        put_edit(numbered("flip", file), 1, file, (uint16_t)(file * 40U), "\1");
        put_edit(numbered("cut", file), 3, file, 4200, "");
    }
    for (uint16_t record = 0; record < 9; record++) {
        put_edit(numbered("record", record), 4, 0, (uint16_t)(record << 8 | 4), "\1\2\3");
        put_edit(numbered("header", record), 5, 0, (uint16_t)(record << 8), "\3\2\1");
    }
    put("journal", "whole", slice_of(NULL, 0));
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: make_corpus FOLDER\n");
        return 2;
    }
    corpus = argv[1];
    (void)mkdir(corpus, 0755);
    fuzz_start();
    make_session();
    make_uplink();
    make_events();
    make_payloads();
    make_records();
    make_registers();
    make_keys();
    make_texts();
    make_files();
    make_stories();
    make_edits();
    return 0;
}
