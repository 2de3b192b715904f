/*
 * docs/asyncapi.yaml describes every event and channel for programs that are not ours. It is made from the catalogue and
 * the descriptors of proto/kinds.proto, and this test makes it again: a kind or fact that is added, or a word that is
 * changed, is red until the file is written anew (UPDATE=1 in front of this test).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/base/bytes.h"
#include "common/base/fsio.h"
#include "common/codec/catalogue.h"
#include "kinds.pb-c.h"

#include "common/base/banned.h"

#define FILE_NAME "docs/asyncapi.yaml"

enum { FILE_BYTES_MAX = 4194304 };

/* A text in the double quotes of JSON, which YAML takes as they are. */
static void put_quoted(struct buf *out, const char *text)
{
    json_t *json = json_string(text);
    char *quoted = json_dumps(json, JSON_ENCODE_ANY);

    assert_non_null(quoted);
    buf_put_text(out, "%s", quoted);
    free(quoted);
    json_decref(json);
}

static const char head[] =
    "# Made by tests/unit/test_asyncapi.c from the catalogue of kinds and facts; do not edit.\n"
    "asyncapi: 3.0.0\n"
    "info:\n"
    "  title: Waypost\n"
    "  version: 1.0.0\n"
    "  description: >-\n"
    "    Notices between local authorities about children who move across their boundaries. "
    "docs/PROTOCOL.md\n"
    "    says what two programs must do; docs/CLOUDEVENTS.md how an event is a CloudEvent and how "
    "it travels on\n"
    "    ZeroMQ. Facts are pseudonymous; whatever could name a person stands in a sealed part.\n"
    "defaultContentType: application/json\n"
    "servers:\n"
    "  broker:\n"
    "    host: broker.example:5670\n"
    "    protocol: zmq\n"
    "    description: One ROUTER for all agents; every agent has a DEALER (docs/PROTOCOL.md, "
    "section 1).\n"
    "    security:\n"
    "      - $ref: '#/components/securitySchemes/curve'\n"
    "channels:\n"
    "  publish:\n"
    "    address: null\n"
    "    description: >-\n"
    "      From an agent to the broker, binary mode: one message part is one Frame of "
    "proto/waypost.proto with PUBLISH,\n"
    "      a run of events under one signature. Answered by RECEIPT when it is on disk, or "
    "REFUSED.\n"
    "    messages: &events\n";

static const char channels[] =
    "  deliver:\n"
    "    address: null\n"
    "    description: >-\n"
    "      From the broker to an agent, binary mode: DELIVER, a run of entries of the agent's "
    "numbered stream: events\n"
    "      with verdict and proof, derived records, other agents' acknowledgements. Answered by "
    "ACK, signed.\n"
    "    messages: *events\n"
    "  structured:\n"
    "    address: null\n"
    "    description: >-\n"
    "      To other programs, structured mode: two message parts, the content type "
    "application/cloudevents+json and\n"
    "      the CloudEvent. The same objects stand in the lines of waypost export --format "
    "cloudevents.\n"
    "    messages: *events\n"
    "operations:\n"
    "  publish:\n"
    "    action: send\n"
    "    channel:\n"
    "      $ref: '#/channels/publish'\n"
    "    summary: An authority says something; what it may say are the messages of the channel.\n"
    "  deliver:\n"
    "    action: receive\n"
    "    channel:\n"
    "      $ref: '#/channels/deliver'\n"
    "    summary: An authority hears what concerns it, exactly once and in the order of commits.\n"
    "  hand_over:\n"
    "    action: receive\n"
    "    channel:\n"
    "      $ref: '#/channels/structured'\n"
    "    summary: Another program takes events as CloudEvents.\n"
    "components:\n"
    "  securitySchemes:\n"
    "    curve:\n"
    "      type: asymmetricEncryption\n"
    "      description: CURVE (RFC 26). A peer is who its key says by the signed register; default "
    "deny.\n"
    "  messages:\n";

static const char envelope[] =
    "    cloudevent:\n"
    "      type: object\n"
    "      description: Attributes of docs/CLOUDEVENTS.md, section 1.\n"
    "      required: [specversion, id, source, type, subject, time, datacontenttype, waypostto, "
    "data]\n"
    "      properties:\n"
    "        specversion: {type: string, const: '1.0'}\n"
    "        id: {type: string, format: uuid, description: The event id.}\n"
    "        source: {type: string, pattern: '^waypost://[a-z0-9-]{1,32}/[EWSN][0-9]{8}$'}\n"
    "        type: {type: string, pattern: '^waypost[.][a-z0-9_-]+[.]v[0-9]+$'}\n"
    "        subject: {type: string, format: uuid, description: The transfer.}\n"
    "        time: {type: string, format: date-time, description: When it was sent.}\n"
    "        datacontenttype: {type: string, const: application/json}\n"
    "        waypostto: {type: string, description: 'Codes addressed, parted by commas.'}\n"
    "        waypostentry: {type: string, description: 'Index of its record in a journal; in files "
    "alone.'}\n"
    "        waypostindex: {type: integer, description: 'Its place in its batch; in files "
    "alone.'}\n"
    "        data:\n"
    "          type: object\n"
    "          required: [exact]\n"
    "          properties:\n"
    "            exact:\n"
    "              type: string\n"
    "              contentEncoding: base64\n"
    "              description: The exact bytes of the protobuf message Event. They bind; all else "
    "is held against them.\n"
    "            event: {type: object, description: The event as a person reads it.}\n"
    "            ciphertext: {type: string, contentEncoding: base64, description: The sealed "
    "part.}\n"
    "            wraps: {type: array, items: {type: object}, description: Its key for each who may "
    "open it.}\n";

/* ---- facts ---- */

static void put_fact_type(struct buf *out, const struct fact_info *fact)
{
    static const char *const types[] = {[FACT_BOOL] = "type: boolean",
        [FACT_INT] = "type: integer, minimum: 0, maximum: 1000000",
        [FACT_DATE] = "type: string, format: date",
        [FACT_TIME] = "type: string, format: date-time",
        [FACT_CODE] = "type: string, pattern: '^[EWSN][0-9]{8}$'",
        [FACT_ID] = "type: string, minLength: 1, maxLength: 32",
        [FACT_HASH] = "type: string, pattern: '^[0-9a-f]{64}$'",
        [FACT_REF] = "type: string, format: uuid",
        [FACT_SUBJECT] = "type: string, format: uuid"};

    if (fact->type != FACT_ENUM) {
        buf_put_text(out, "%s", types[fact->type]);
        return;
    }
    buf_put_text(out, "type: string, enum: [");
    for (size_t i = 0; i < fact->value_count; i++) {
        buf_put_text(out, "%s", i == 0 ? "" : ", ");
        put_quoted(out, fact->values[i]);
    }
    buf_put_text(out, "]");
}

static bool is_clear(const struct fact_info *fact)
{
    return fact != NULL && !fact->sealed && !fact->envelope && fact->type != FACT_TEXT;
}

static void put_fact(struct buf *out, const struct fact_info *fact)
{
    buf_put_text(out, "    fact_%s: {", fact->name);
    if (fact->list) {
        buf_put_text(out, "type: array, items: {");
    }
    put_fact_type(out, fact);
    buf_put_text(out, "%s, description: ", fact->list ? "}" : "");
    put_quoted(out, fact->meaning);
    buf_put_text(out, "}\n");
}

/* ---- kinds ---- */

static size_t put_facts_of(struct buf *out, const uint32_t *numbers, const char *form)
{
    size_t count = 0;

    for (; *numbers != 0; numbers++) {
        const struct fact_info *fact = catalogue_fact(*numbers);
        if (is_clear(fact)) {
            buf_put_text(out, form, fact->name, fact->name);
            count++;
        }
    }
    return count;
}

static void put_required(struct buf *out, const struct kind_info *kind)
{
    bool any = false;

    for (const uint32_t *number = kind->required; *number != 0; number++) {
        const struct fact_info *fact = catalogue_fact(*number);
        if (is_clear(fact)) {
            buf_put_text(out, "%s%s", any ? ", " : "                      required: [", fact->name);
            any = true;
        }
    }
    buf_put_text(out, "%s", any ? "]\n" : "");
}

static void put_kind_schema(struct buf *out, const struct kind_info *kind)
{
    static const char property[] =
        "                        %s: {$ref: '#/components/schemas/fact_%s'}\n";
    struct buf facts = {0};

    buf_put_text(out,
        "    %s:\n      allOf:\n        - $ref: '#/components/schemas/cloudevent'\n"
        "        - type: object\n          properties:\n"
        "            type: {const: waypost.%s.v%d}\n            data:\n              properties:\n"
        "                event:\n                  properties:\n                    facts:\n"
        "                      type: object\n",
        kind->name, kind->name, CATALOGUE_SCHEMA);
    put_required(out, kind);
    size_t count = put_facts_of(&facts, kind->required, property);
    count += put_facts_of(&facts, kind->optional, property);
    if (count > 0) {
        buf_put_text(out, "                      properties:\n");
        buf_put_slice(out, buf_slice(&facts));
    }
    buf_free(&facts);
}

static void put_kind_message(struct buf *out, const struct kind_info *kind)
{
    buf_put_text(out, "    %s:\n      name: waypost.%s.v%d\n      title: ", kind->name, kind->name,
        CATALOGUE_SCHEMA);
    put_quoted(out, kind->title);
    buf_put_text(out, "\n      summary: ");
    char text[160];
    (void)snprintf(text, sizeof text, "Sent by: %s. To: %s. Answer expected: %s.%s",
        kind->sender_role, kind->recipient_role, kind->acknowledgement,
        kind->protective ? " Protective: delivered whatever is missing." : "");
    put_quoted(out, text);
    buf_put_text(out, "\n      payload:\n        $ref: '#/components/schemas/%s'\n", kind->name);
}

static void make(struct buf *out)
{
    buf_put(out, head, sizeof head - 1);
    for (uint32_t i = 1; i <= catalogue_kind_count(); i++) {
        const char *name = catalogue_kind(i)->name;
        buf_put_text(out, "      %s: {$ref: '#/components/messages/%s'}\n", name, name);
    }
    buf_put(out, channels, sizeof channels - 1);
    for (uint32_t i = 1; i <= catalogue_kind_count(); i++) {
        put_kind_message(out, catalogue_kind(i));
    }
    buf_put_text(out, "  schemas:\n");
    buf_put(out, envelope, sizeof envelope - 1);
    for (uint32_t i = 1; i <= catalogue_kind_count(); i++) {
        put_kind_schema(out, catalogue_kind(i));
    }
    for (uint32_t i = 1; i <= catalogue_fact_count(); i++) {
        if (is_clear(catalogue_fact(i))) {
            put_fact(out, catalogue_fact(i));
        }
    }
}

static void document__made_again__is_the_file(void **state)
{
    struct buf made = {0};
    struct buf kept = {0};

    (void)state;
    make(&made);
    if (getenv("UPDATE") != NULL) {
        FILE *file = fopen(FILE_NAME, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(made.data, 1, made.len, file), made.len);
        assert_int_equal(fclose(file), 0);
    }
    assert_int_equal(fsio_read_all(FILE_NAME, FILE_BYTES_MAX, &kept), 0);
    assert_true(slice_equal(buf_slice(&made), buf_slice(&kept)));
    buf_free(&made);
    buf_free(&kept);
}

/* The contract itself, not the tables: each kind and each fact of it in kinds.proto has its place in the file. */
static void document__of_every_kind_of_the_contract__lists_its_facts(void **state)
{
    const ProtobufCMessageDescriptor *facts = &waypost__facts__descriptor;
    struct buf kept = {0};

    (void)state;
    assert_int_equal(fsio_read_all(FILE_NAME, FILE_BYTES_MAX, &kept), 0);
    buf_put_u8(&kept, 0);
    assert_int_equal(facts->n_fields, catalogue_kind_count());
    for (unsigned i = 0; i < facts->n_fields; i++) {
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted, "\n    %s:\n      allOf:", facts->fields[i].name);
        const char *schema = strstr((char *)kept.data, wanted);
        assert_non_null(schema);
        const char *next = strstr(schema + 1, "      allOf:");
        next = strstr(next + 12, "      allOf:");
        const ProtobufCMessageDescriptor *kind = facts->fields[i].descriptor;
        for (unsigned f = 0; f < kind->n_fields; f++) {
            (void)snprintf(wanted, sizeof wanted, " %s: {$ref", kind->fields[f].name);
            const char *property = strstr(schema, wanted);
            assert_non_null(property);
            assert_true(next == NULL || property < next);
        }
    }
    buf_free(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document__made_again__is_the_file),
        cmocka_unit_test(document__of_every_kind_of_the_contract__lists_its_facts),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
