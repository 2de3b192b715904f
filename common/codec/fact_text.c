/*
 * fact_text: see fact_text.h. One function a type, in one table. Failures are returned with a sentence; a text that may
 * name a person is never repeated in it, words of enums are.
 */
#include "common/codec/fact_text.h"

#include <string.h>

#include "common/base/civil.h"
#include "common/base/words.h"
#include "common/codec/wire.h"

#include "common/base/banned.h"

enum { ITEM_BYTES_MAX = 128, ECHO_BYTES_MAX = 40 };

int fact_named(const char *name, const struct fact_info **out, struct complaint *why)
{
    *out = catalogue_fact_named(name);
    if (*out != NULL) {
        return 0;
    }
    const char *nearest = catalogue_fact_nearest(name);
    if (nearest != NULL) {
        return complain(why, E_FACT, "fact '%.*s' is not known: did you mean %s?", ECHO_BYTES_MAX,
            name, nearest);
    }
    return complain(why, E_FACT, "fact '%.*s' is not known", ECHO_BYTES_MAX, name);
}

/* --- one function a type ---------------------------------------------------------------------- */

typedef int parse_fn(const struct fact_info *fact, const char *text, struct fact_value *out,
    uint8_t *bytes, struct complaint *why);

static int parse_bool(const struct fact_info *fact, const char *text, struct fact_value *out,
    uint8_t *bytes, struct complaint *why)
{
    (void)bytes;
    bool yes = strcmp(text, "yes") == 0;

    if (!yes && strcmp(text, "no") != 0) {
        return complain(why, E_FACT_VALUE, "fact %s is yes or no", fact->name);
    }
    out->number = yes ? 1 : 0;
    return 0;
}

static int parse_int(const struct fact_info *fact, const char *text, struct fact_value *out,
    uint8_t *bytes, struct complaint *why)
{
    uint64_t number = 0;

    (void)bytes;
    if (text_parse_u64(text, 0, FACT_INT_MAX, &number) != 0) {
        return complain(
            why, E_FACT_VALUE, "fact %s is a number from 0 to %d", fact->name, FACT_INT_MAX);
    }
    out->number = (int64_t)number;
    return 0;
}

static int parse_enum(const struct fact_info *fact, const char *text, struct fact_value *out,
    uint8_t *bytes, struct complaint *why)
{
    uint32_t number = 0;

    (void)bytes;
    if (fact_value_number(fact, text, &number) == 0) {
        out->number = number;
        return 0;
    }
    const char *nearest = fact_value_nearest(fact, text);
    if (nearest != NULL) {
        return complain(why, E_FACT_VALUE, "fact %s cannot be '%.*s': did you mean %s?", fact->name,
            ECHO_BYTES_MAX, text, nearest);
    }
    return complain(why, E_FACT_VALUE, "fact %s cannot be '%.*s': it is one of %s, ...", fact->name,
        ECHO_BYTES_MAX, text, fact->values[0]);
}

static int parse_date(const struct fact_info *fact, const char *text, struct fact_value *out,
    uint8_t *bytes, struct complaint *why)
{
    int32_t days = 0;

    (void)bytes;
    if (civil_date_parse(text, &days) != 0) {
        return complain(why, E_DATE, "fact %s is a date, YYYY-MM-DD", fact->name);
    }
    out->number = days;
    return 0;
}

static int parse_time(const struct fact_info *fact, const char *text, struct fact_value *out,
    uint8_t *bytes, struct complaint *why)
{
    int64_t time_ms = 0;

    (void)bytes;
    if (civil_time_parse(text, &time_ms) != 0 || !event_time_valid(time_ms)) {
        return complain(why, E_DATE,
            "fact %s is a time, YYYY-MM-DDTHH:MM, with Z or an offset where the clocks change",
            fact->name);
    }
    out->number = time_ms;
    return 0;
}

static int parse_text(const struct fact_info *fact, const char *text, struct fact_value *out,
    uint8_t *bytes, struct complaint *why)
{
    (void)bytes;
    out->bytes = slice_of_text(text);
    return fact_bytes_check(fact, out->bytes, why);
}

/* A digest; or a word that stands for a document where there is none, as in a rehearsal. */
static int parse_hash(const struct fact_info *fact, const char *text, struct fact_value *out,
    uint8_t *bytes, struct complaint *why)
{
    (void)fact;
    (void)why;
    if (hex_decode(text, bytes, HASH_BYTES) != 0) {
        struct hash digest = hash_of("waypost/word/1", slice_of_text(text), (struct slice){0});
        memcpy(bytes, digest.b, HASH_BYTES);
    }
    out->bytes = slice_of(bytes, HASH_BYTES);
    return 0;
}

static int parse_uuid(const struct fact_info *fact, const char *text, struct fact_value *out,
    uint8_t *bytes, struct complaint *why)
{
    if (uuid_parse(text, bytes) != 0) {
        return complain(why, E_ID,
            "fact %s is an id of 32 hexadecimal digits, with or without hyphens", fact->name);
    }
    out->bytes = slice_of(bytes, UUID_BYTES);
    return 0;
}

static parse_fn *const parsers[] = {
    [FACT_BOOL] = parse_bool,
    [FACT_INT] = parse_int,
    [FACT_ENUM] = parse_enum,
    [FACT_DATE] = parse_date,
    [FACT_TIME] = parse_time,
    [FACT_CODE] = parse_text,
    [FACT_ID] = parse_text,
    [FACT_HASH] = parse_hash,
    [FACT_REF] = parse_uuid,
    [FACT_SUBJECT] = parse_uuid,
};

int fact_parse(const struct fact_info *fact, const char *text, struct fact_value *out,
    uint8_t *bytes, struct complaint *why)
{
    if (text[0] == '\0') {
        return complain(
            why, E_FACT_VALUE, "fact %s is empty: leave it out, or state it", fact->name);
    }
    *out = (struct fact_value){.fact = fact};
    return parsers[fact->type](fact, text, out, bytes, why);
}

/* --- to the wire ------------------------------------------------------------------------------ */

static void put_value(const struct fact_value *value, struct buf *out)
{
    const struct fact_info *fact = value->fact;

    if (fact->type >= FACT_CODE) {
        wire_put_bytes(out, fact->number, value->bytes);
    } else if (fact->type == FACT_DATE) {
        wire_put_varint(out, fact->number, wire_zigzag_of((int32_t)value->number));
    } else {
        wire_put_varint(out, fact->number, (uint64_t)value->number);
    }
}

static int put_item(const struct fact_info *fact, const char *text, size_t len, struct buf *out,
    struct complaint *why)
{
    char item[ITEM_BYTES_MAX + 1];
    uint8_t bytes[HASH_BYTES] = {0};
    struct fact_value value = {.fact = fact};

    if (len > ITEM_BYTES_MAX) {
        return complain(why, E_FACT_VALUE, "fact %s has a value of more than %d characters",
            fact->name, ITEM_BYTES_MAX);
    }
    memcpy(item, text, len);
    item[len] = '\0';
    int rc = fact_parse(fact, item, &value, bytes, why);
    if (rc == 0) {
        put_value(&value, out);
    }
    return rc;
}

int fact_put_text(
    const struct fact_info *fact, const char *text, struct buf *out, struct complaint *why)
{
    int items = 0;

    for (;;) {
        size_t len = fact->list ? strcspn(text, ",") : strlen(text);
        int rc = put_item(fact, text, len, out, why);
        if (rc != 0) {
            return rc;
        }
        if (++items > LIST_ITEMS_MAX) {
            return complain(
                why, E_RANGE, "fact %s has more than %d items", fact->name, LIST_ITEMS_MAX);
        }
        if (text[len] == '\0') {
            return 0;
        }
        text += len + 1;
    }
}

/* --- to JSON ---------------------------------------------------------------------------------- */

static json_t *date_json(int64_t days)
{
    char text[CIVIL_DATE_BYTES];

    if (days < CIVIL_DAY_MIN || days > CIVIL_DAY_MAX) {
        return json_integer(days);
    }
    civil_date_text((int32_t)days, text);
    return json_string(text);
}

static json_t *time_json(int64_t time_ms)
{
    char text[CIVIL_STAMP_BYTES];

    if (!event_time_valid(time_ms)) {
        return json_integer(time_ms);
    }
    civil_stamp_utc(time_ms, text);
    return json_string(text);
}

static json_t *enum_json(const struct fact_value *value)
{
    const char *word = fact_value_word(value->fact, (uint32_t)value->number);

    return word != NULL ? json_string(word) : json_integer(value->number);
}

/* Text as it is, ids as uuid, everything else, and what is no text, as hexadecimal. */
static json_t *bytes_json(const struct fact_value *value)
{
    char text[2 * FACT_ID_BYTES_MAX + 1];
    bool sane = value->bytes.len <= FACT_ID_BYTES_MAX;

    if (value->fact->type < FACT_HASH) {
        json_t *json = json_stringn((const char *)value->bytes.data, value->bytes.len);
        return json != NULL ? json : json_null();
    }
    if (value->fact->type != FACT_HASH && value->bytes.len == UUID_BYTES) {
        uuid_format(value->bytes.data, text);
        return json_string(text);
    }
    hex_encode(value->bytes.data, sane ? value->bytes.len : FACT_ID_BYTES_MAX, text);
    return json_string(text);
}

json_t *fact_json(const struct fact_value *value)
{
    switch (value->fact->type) {
    case FACT_BOOL:
        return json_boolean(value->number != 0);
    case FACT_INT:
        return json_integer(value->number);
    case FACT_ENUM:
        return enum_json(value);
    case FACT_DATE:
        return date_json(value->number);
    case FACT_TIME:
        return time_json(value->number);
    default:
        return bytes_json(value);
    }
}
