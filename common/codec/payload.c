/*
 * payload: the plain bytes of the sealed part (message Payload of proto/kinds.proto), and back to JSON. What is read
 * here came from a peer that holds a key: it is checked like everything else, and NULL is the answer to what is no
 * payload. Sentences name facts and files by position, never their contents.
 */
#include "common/codec/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/base/civil.h"
#include "common/codec/fact_text.h"
#include "common/base/utf8.h"
#include "common/codec/wire.h"

#include "common/base/banned.h"

enum {
    ADULT_YEARS = 18,
    PAYLOAD_ATTACHMENTS = 1000, /* field numbers, proto/kinds.proto */
    ATTACHMENT_NAME = 1,
    ATTACHMENT_BYTES = 2,
    ATTACHMENT_NAME_BYTES_MAX = 128,
    ATTACHMENTS_MAX = 64,
};

/* --- facts ------------------------------------------------------------------------------------ */

static int put_sealed_date(
    const struct fact_info *fact, const char *text, struct buf *out, struct complaint *why)
{
    int32_t days = 0;

    if (civil_date_parse(text, &days) != 0) {
        return complain(why, E_DATE, "sealed fact %s is a date, YYYY-MM-DD", fact->name);
    }
    wire_put_varint(out, fact->number, wire_zigzag_of(days));
    return 0;
}

static int put_sealed_text(
    const struct fact_info *fact, const char *text, struct buf *out, struct complaint *why)
{
    struct slice bytes = slice_of_text(text);

    if (bytes.len == 0) {
        return complain(
            why, E_FACT_VALUE, "sealed fact %s is empty: leave it out, or state it", fact->name);
    }
    if (!utf8_valid(bytes)) {
        return complain(why, E_UTF8, "sealed fact %s is not valid UTF-8", fact->name);
    }
    if (bytes.len > SEAL_PLAIN_BYTES_MAX) {
        return complain(
            why, E_TOO_LARGE, "sealed fact %s is larger than a payload can be", fact->name);
    }
    wire_put_bytes(out, fact->number, bytes);
    return 0;
}

static int sort_sealed(
    const struct fact_text *facts, size_t fact_count, const char **value_of, struct complaint *why)
{
    for (size_t i = 0; i < fact_count; i++) {
        const struct fact_info *fact = NULL;
        int rc = fact_named(facts[i].name, &fact, why);
        if (rc != 0) {
            return rc;
        }
        if (!fact->sealed) {
            return complain(why, E_FACT_NOT_LISTED,
                "fact %s stands in the clear, not in the payload", fact->name);
        }
        if (value_of[fact->number] != NULL) {
            return complain(why, E_FACT_VALUE, "sealed fact %s is stated twice", fact->name);
        }
        value_of[fact->number] = facts[i].value;
    }
    return 0;
}

static int put_sealed(const char *const *value_of, struct buf *out, struct complaint *why)
{
    int rc = 0;

    for (uint32_t number = 1; rc == 0 && number <= catalogue_fact_count(); number++) {
        const struct fact_info *fact = catalogue_fact(number);
        if (value_of[number] == NULL) {
            continue;
        }
        rc = fact->type == FACT_DATE ? put_sealed_date(fact, value_of[number], out, why)
                                     : put_sealed_text(fact, value_of[number], out, why);
    }
    return rc;
}

/* --- attachments ------------------------------------------------------------------------------ */

/* A name that can stand in a directory of the recipient's without leading out of it. */
static bool name_fits(struct slice name)
{
    if (name.len < 1 || name.len > ATTACHMENT_NAME_BYTES_MAX || !utf8_valid(name) ||
        name.data[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < 0x20 || name.data[i] == 0x7f || name.data[i] == '/' ||
            name.data[i] == '\\') {
            return false;
        }
    }
    return true;
}

static int put_attachments(
    const struct attachment *attachments, size_t count, struct buf *out, struct complaint *why)
{
    struct buf inner = {0};
    int rc = 0;

    if (count > ATTACHMENTS_MAX) {
        return complain(
            why, E_RANGE, "more than %d attachments: send several events", ATTACHMENTS_MAX);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct slice name = slice_of_text(attachments[i].name);
        if (!name_fits(name)) {
            rc = complain(why, E_FACT_VALUE,
                "attachment %zu needs a file name of 1 to %d bytes, without slash or leading dot",
                i + 1, ATTACHMENT_NAME_BYTES_MAX);
        } else if (attachments[i].bytes.len > SEAL_PLAIN_BYTES_MAX) {
            rc = complain(why, E_TOO_LARGE,
                "attachment %zu is larger than a payload can be: send its digest and a reference",
                i + 1);
        } else {
            buf_clear(&inner);
            wire_put_bytes(&inner, ATTACHMENT_NAME, name);
            wire_put_bytes(&inner, ATTACHMENT_BYTES, attachments[i].bytes);
            wire_put_bytes(out, PAYLOAD_ATTACHMENTS, buf_slice(&inner));
        }
    }
    sodium_memzero(inner.data, inner.len);
    buf_free(&inner);
    return rc;
}

int payload_encode(const struct fact_text *facts, size_t fact_count,
    const struct attachment *attachments, size_t attachment_count, struct buf *out,
    struct complaint *why)
{
    const char *value_of[CATALOGUE_FACTS_MAX] = {NULL};
    size_t before = out->len;
    int rc = sort_sealed(facts, fact_count, value_of, why);

    if (rc == 0) {
        rc = put_sealed(value_of, out, why);
    }
    if (rc == 0) {
        rc = put_attachments(attachments, attachment_count, out, why);
    }
    if (rc == 0 && out->len - before > SEAL_PLAIN_BYTES_MAX) {
        rc = complain(why, E_TOO_LARGE,
            "the payload has %zu bytes, at most %d can be sealed: send digest and reference of the "
            "biggest document",
            out->len - before, SEAL_PLAIN_BYTES_MAX);
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}

/* --- to JSON ---------------------------------------------------------------------------------- */

static json_t *base64_json(struct slice bytes)
{
    size_t room = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = mem_new(room, 1);

    sodium_bin2base64(text, room, bytes.data, bytes.len, sodium_base64_VARIANT_ORIGINAL);
    json_t *json = json_string(text);
    sodium_memzero(text, room);
    free(text);
    return json;
}

/* NULL where it is no attachment. */
static json_t *attachment_json(struct slice message)
{
    struct wire_scan scan = wire_scan_of(message);
    struct wire_field field;
    struct slice name = {0};
    struct slice bytes = {0};

    while (wire_next(&scan, &field)) {
        if (field.number == ATTACHMENT_NAME && field.type == WIRE_LEN) {
            name = field.bytes;
        } else if (field.number == ATTACHMENT_BYTES && field.type == WIRE_LEN) {
            bytes = field.bytes;
        }
    }
    if (scan.failed || !name_fits(name)) {
        return NULL;
    }
    json_t *object = json_object();
    json_object_set_new(object, "name", json_stringn((const char *)name.data, name.len));
    json_object_set_new(object, "bytes", json_integer((json_int_t)bytes.len));
    json_object_set_new(object, "base64", base64_json(bytes));
    return object;
}

static json_t *sealed_json(const struct fact_info *fact, const struct wire_field *field)
{
    if (fact->type == FACT_DATE) {
        struct fact_value value = {
            .fact = fact, .number = wire_zigzag_back((uint32_t)field->value)};
        return field->type == WIRE_VARINT && field->value <= UINT32_MAX ? fact_json(&value) : NULL;
    }
    if (field->type != WIRE_LEN || !utf8_valid(field->bytes)) {
        return NULL;
    }
    return json_stringn((const char *)field->bytes.data, field->bytes.len);
}

/* One field into the object; false where it makes the payload malformed. What is unknown is passed over. */
static bool add_field(json_t *object, const struct wire_field *field)
{
    const struct fact_info *fact = catalogue_fact(field->number);

    if (field->number == PAYLOAD_ATTACHMENTS) {
        json_t *list = json_object_get(object, "attachments");
        if (list == NULL) {
            list = json_array();
            json_object_set_new(object, "attachments", list);
        }
        json_t *item = field->type == WIRE_LEN ? attachment_json(field->bytes) : NULL;
        if (item == NULL || json_array_size(list) >= ATTACHMENTS_MAX) {
            json_decref(item);
            return false;
        }
        return json_array_append_new(list, item) == 0;
    }
    if (fact == NULL || !fact->sealed) {
        return true;
    }
    json_t *value = sealed_json(fact, field);
    return value != NULL && json_object_set_new(object, fact->name, value) == 0;
}

json_t *payload_json(struct slice plain)
{
    struct wire_scan scan = wire_scan_of(plain);
    json_t *object = plain.len <= SEAL_PLAIN_BYTES_MAX ? json_object() : NULL;
    struct wire_field field;
    bool fits = object != NULL;

    while (fits && wire_next(&scan, &field)) {
        fits = add_field(object, &field);
    }
    if (!fits || scan.failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

const char *fact_companion(const char *sealed_fact)
{
    static const char *const pairs[][2] = {
        {"rationale", "rationale_present"},
        {"dob", "dob_present"},
        {"edd", "edd_present"},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strcmp(pairs[i][0], sealed_fact) == 0) {
            return pairs[i][1];
        }
    }
    return NULL;
}

bool is_18_on(const char *dob, const char *day)
{
    char birthday[CIVIL_DATE_BYTES];
    int32_t number;

    if (dob == NULL || day == NULL || civil_date_parse(dob, &number) != 0 ||
        civil_date_parse(day, &number) != 0) {
        return false;
    }
    (void)snprintf(birthday, sizeof birthday, "%04lu%s", strtoul(dob, NULL, 10) + ADULT_YEARS,
        dob + strlen("YYYY"));
    return strcmp(birthday, day) <= 0;
}
