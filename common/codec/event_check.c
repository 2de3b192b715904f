/*
 * event_check: the contents of an event against the catalogue's tables, the same for agent and broker. Runs for every
 * event, allocates nothing. Failures are returned with a sentence that never repeats a text of the event: what was
 * refused may be what must not be read.
 */
#include "common/codec/event.h"

#include <string.h>

#include "common/base/civil.h"
#include "common/codec/header_fields.h"
#include "common/codec/identifier.h"
#include "common/base/utf8.h"

#include "common/base/banned.h"

/* The facts that an event states, as bits by fact number. */
struct fact_set {
    uint64_t bits[CATALOGUE_FACTS_MAX / 64];
};

static void set_add(struct fact_set *self, uint32_t number)
{
    self->bits[number / 64] |= UINT64_C(1) << (number % 64);
}

static bool set_has(const struct fact_set *self, uint32_t number)
{
    return (self->bits[number / 64] >> (number % 64) & 1) != 0;
}

bool event_code_valid(struct slice code)
{
    const uint64_t highs = UINT64_C(0xf0f0f0f0f0f0f0f0);
    const uint64_t zeros = UINT64_C(0x3030303030303030); /* '0' eight times */
    const uint64_t sixes = UINT64_C(0x0606060606060606); /* what brings '9' to the end of its row */

    if (code.len != CODE_BYTES) {
        return false;
    }
    uint64_t digits = get_u64(code.data + 1);
    char letter = (char)code.data[0];
    return (letter == 'E' || letter == 'W' || letter == 'S' || letter == 'N') &&
        (digits & highs) == zeros && ((digits + sixes) & highs) == zeros;
}

bool event_time_valid(int64_t time_ms)
{
    return time_ms >= CIVIL_DAY_MIN * CIVIL_DAY_MS &&
        time_ms < (CIVIL_DAY_MAX + INT64_C(1)) * CIVIL_DAY_MS;
}

/* --- values by type -------------------------------------------------------------------------- */

static bool id_character(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
        c == '_' || c == ':' || c == '/' || c == '-';
}

static int check_id(const struct fact_info *fact, struct slice text, struct complaint *why)
{
    const char *seen = text.len <= 4 * FACT_ID_BYTES_MAX ? identifier_seen(text) : NULL;
    bool fits = text.len >= 1 && text.len <= FACT_ID_BYTES_MAX;

    if (seen != NULL) {
        return complain(why, E_IDENTIFIER,
            "fact %s looks like %s: what names a person belongs into the sealed part", fact->name,
            seen);
    }
    for (size_t i = 0; fits && i < text.len; i++) {
        fits = id_character(text.data[i]);
    }
    if (!fits) {
        return complain(why, utf8_valid(text) ? E_FACT_VALUE : E_UTF8,
            "fact %s is not a reference: 1 to %d of A-Z a-z 0-9 . _ : / -", fact->name,
            FACT_ID_BYTES_MAX);
    }
    return 0;
}

static int check_code(const struct fact_info *fact, struct slice text, struct complaint *why)
{
    if (event_code_valid(text)) {
        return 0;
    }
    return complain(why, utf8_valid(text) ? E_CODE : E_UTF8,
        "fact %s is not an authority code: a letter of E, W, S, N and eight digits", fact->name);
}

int fact_bytes_check(const struct fact_info *fact, struct slice bytes, struct complaint *why)
{
    size_t want = fact->type == FACT_HASH ? HASH_BYTES : UUID_BYTES;

    if (fact->type == FACT_ID) {
        return check_id(fact, bytes, why);
    }
    if (fact->type == FACT_CODE) {
        return check_code(fact, bytes, why);
    }
    if (bytes.len != want) {
        return complain(
            why, E_FACT_VALUE, "fact %s has %zu bytes, not %zu", fact->name, bytes.len, want);
    }
    return 0;
}

/* Inclusive bounds of the types that are numbers; an enum's upper one is its last word. */
struct bounds {
    int64_t min;
    int64_t max;
    int rc;
    const char *text;
};

static const struct bounds bounds_of[] = {
    [FACT_BOOL] = {0, 1, E_FACT_VALUE, "is neither yes nor no"},
    [FACT_INT] = {0, FACT_INT_MAX, E_FACT_VALUE, "is above 1000000"},
    [FACT_ENUM] = {1, INT32_MAX, E_FACT_VALUE, "has a number that is none of its words"},
    [FACT_DATE] = {CIVIL_DAY_MIN, CIVIL_DAY_MAX, E_DATE, "lies outside the years 1900 to 2199"},
    [FACT_TIME] = {CIVIL_DAY_MIN * CIVIL_DAY_MS, (CIVIL_DAY_MAX + INT64_C(1)) * CIVIL_DAY_MS - 1,
        E_DATE, "lies outside the years 1900 to 2199"},
};

/* A word of a later catalogue is not ours to judge; it passes as unknown kinds and fields do. */
static bool speaks_later_catalogue(const struct event_view *event)
{
    return event->schema > CATALOGUE_SCHEMA;
}

static int check_number(const struct event_view *event, const struct fact_info *fact,
    int64_t number, struct complaint *why)
{
    const struct bounds *bounds = &bounds_of[fact->type];
    int64_t max = bounds->max;

    if (fact->type == FACT_ENUM && !speaks_later_catalogue(event)) {
        max = (int64_t)fact->value_count;
    }
    if (number < bounds->min || number > max) {
        return complain(why, bounds->rc, "fact %s %s", fact->name, bounds->text);
    }
    return 0;
}

/* --- parts of the event ---------------------------------------------------------------------- */

static int check_sent(const struct event_view *event, int64_t now_ms, struct complaint *why)
{
    if (now_ms < INT64_MAX - FUTURE_MS_MAX && event->sent_ms > now_ms + FUTURE_MS_MAX) {
        return complain(why, E_DATE, "sent_ms lies more than %d s ahead: check the sender's clock",
            FUTURE_MS_MAX / 1000);
    }
    return 0;
}

static int check_subjects(const struct event_view *event, struct complaint *why)
{
    const struct fact_info *case_type = catalogue_case_type();

    for (size_t i = 0; i < event->subject_count; i++) {
        if (event->subjects[i].case_type > case_type->value_count &&
            !speaks_later_catalogue(event)) {
            return complain(
                why, E_FACT_VALUE, "the case type of subject %zu is none of its words", i + 1);
        }
    }
    return 0;
}

static int check_envelope(
    const struct event_view *event, struct fact_set *stated, struct complaint *why)
{
    for (uint32_t field = 0; field < HEADER_FIELDS_MAX; field++) {
        if (event->envelope[field] == 0) {
            continue;
        }
        const struct fact_info *fact = catalogue_header_fact(field);
        set_add(stated, fact->number);
        int rc =
            fact->type == FACT_ENUM ? check_number(event, fact, event->envelope[field], why) : 0;
        if (rc != 0) {
            return rc;
        }
    }
    if (event->has_reply) {
        set_add(stated, catalogue_header_fact(HEADER_REF)->number);
    }
    if (event->has_supersedes) {
        set_add(stated, catalogue_header_fact(HEADER_SUPERSEDES)->number);
    }
    return 0;
}

static int check_fact(const struct event_view *event, const struct kind_info *kind,
    const struct fact_value *value, struct complaint *why)
{
    const struct fact_info *fact = value->fact;

    if (fact->sealed) {
        return complain(why, E_FACT_NOT_LISTED,
            "fact %s belongs into the sealed part and stands in the clear", fact->name);
    }
    if (fact->envelope) {
        return complain(why, E_FACT_NOT_LISTED, "fact %s belongs into the header", fact->name);
    }
    if (!kind_lists(kind, fact->number) && !speaks_later_catalogue(event)) {
        return complain(
            why, E_FACT_NOT_LISTED, "%s does not carry fact %s", kind->name, fact->name);
    }
    return fact->type < FACT_CODE ? check_number(event, fact, value->number, why)
                                  : fact_bytes_check(fact, value->bytes, why);
}

/* What the sender's own agent holds back until its user has completed it. */
static int check_complete(const struct event_view *event, const struct kind_info *kind,
    const struct fact_set *stated, struct complaint *why)
{
    for (const uint32_t *number = kind->required; *number != 0; number++) {
        if (!set_has(stated, *number)) {
            const struct fact_info *fact = catalogue_fact(*number);
            return complain(why, E_FACT_MISSING, "%s needs fact %s (%s)", kind->name, fact->name,
                fact->meaning);
        }
    }
    if (event->subject_count == 0 && strcmp(kind->sender_role, "any") != 0) {
        return complain(
            why, E_FACT_MISSING, "%s is about a child and names no subject", kind->name);
    }
    return 0;
}

int event_check(
    const struct event_view *event, int64_t now_ms, bool complete, struct complaint *why)
{
    const struct kind_info *kind = catalogue_kind(event->kind);
    struct fact_walk walk = event_facts(event);
    struct fact_set stated = {{0}};
    struct fact_value value;
    int rc = check_sent(event, now_ms, why);

    if (rc == 0) {
        rc = check_subjects(event, why);
    }
    if (rc == 0) {
        rc = check_envelope(event, &stated, why);
    }
    while (rc == 0 && kind != NULL && fact_next(&walk, &value)) {
        rc = check_fact(event, kind, &value, why);
        set_add(&stated, value.fact->number);
    }
    if (rc == 0 && complete && kind != NULL) {
        rc = check_complete(event, kind, &stated, why);
    }
    return rc;
}
