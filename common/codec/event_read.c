/*
 * event_read: the shape of an event, straight from its bytes. This runs for every event in the broker, so it allocates
 * nothing and walks the bytes once, the facts of the kind included. Each message is a table of its fields. Failures are
 * returned with a sentence; what the facts mean is event_check's.
 */
#include "common/codec/event.h"

#include <string.h>

#include "common/base/civil.h"
#include "common/codec/header_fields.h"
#include "common/base/utf8.h"
#include "common/codec/wire.h"

#include "common/base/banned.h"

#define BIT(n) (UINT32_C(1) << (n))

struct reading {
    struct event_view *out;
    struct complaint *why; /* may be NULL */
};

struct field_rule;
typedef int read_fn(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at);

/* How one field of a message is read, where it goes, and what it must be. */
struct field_rule {
    const char *name; /* NULL: the number is not ours */
    enum wire_type wire;
    bool repeated;
    read_fn *read;
    size_t offset; /* of its place in the struct that the message fills */
};

struct message_rule {
    const char *name;
    const struct field_rule *fields; /* by field number */
    uint32_t count;
    uint32_t required; /* a bit for each field that must be there */
};

static int note_unknown(struct reading *self, const struct wire_field *field)
{
    if (field->size > UNKNOWN_FIELD_BYTES_MAX) {
        return complain(self->why, E_TOO_LARGE,
            "unknown field %u has %zu bytes, at most %d are carried: send it in the payload",
            (unsigned)field->number, field->size, UNKNOWN_FIELD_BYTES_MAX);
    }
    self->out->unknown_bytes += (uint32_t)field->size;
    if (self->out->unknown_bytes > UNKNOWN_BYTES_MAX) {
        return complain(self->why, E_TOO_LARGE,
            "unknown fields have more than %d bytes together: send them in the payload",
            UNKNOWN_BYTES_MAX);
    }
    return 0;
}

static int read_known(struct reading *self, const struct message_rule *message,
    const struct wire_field *field, uint32_t *seen, void *base)
{
    const struct field_rule *rule = &message->fields[field->number];

    if (field->type != rule->wire) {
        return complain(self->why, E_MALFORMED, "%s.%s has wire type %d, not %d", message->name,
            rule->name, (int)field->type, (int)rule->wire);
    }
    if ((*seen & BIT(field->number)) != 0 && !rule->repeated) {
        return complain(self->why, E_MALFORMED,
            "%s.%s stands twice: two readers could read two events", message->name, rule->name);
    }
    *seen |= BIT(field->number);
    return rule->read(self, rule, field, (char *)base + rule->offset);
}

/* Read one message by its table into base; seen gets a bit for each field present. */
static int read_message(struct reading *self, const struct message_rule *message,
    struct slice bytes, void *base, uint32_t *seen)
{
    struct wire_scan scan = wire_scan_of(bytes);
    struct wire_field field;

    *seen = 0;
    while (wire_next(&scan, &field)) {
        bool known = field.number < message->count && message->fields[field.number].name != NULL;
        int rc = known ? read_known(self, message, &field, seen, base) : note_unknown(self, &field);
        if (rc != 0) {
            return rc;
        }
    }
    if (scan.failed) {
        return complain(self->why, E_MALFORMED, "%s is not a protobuf message", message->name);
    }
    uint32_t missing = message->required & ~*seen;
    for (uint32_t i = 0; missing != 0; i++) {
        if ((missing & BIT(i)) != 0) {
            return complain(
                self->why, E_MALFORMED, "%s.%s is missing", message->name, message->fields[i].name);
        }
    }
    return 0;
}

/* --- single values ------------------------------------------------------------------------- */

static int read_slice(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    (void)self;
    (void)rule;
    *(struct slice *)at = field->bytes;
    return 0;
}

static int read_exact(struct reading *self, const struct field_rule *rule,
    const struct wire_field *field, void *at, size_t len)
{
    if (field->bytes.len != len) {
        return complain(
            self->why, E_MALFORMED, "%s has %zu bytes, not %zu", rule->name, field->bytes.len, len);
    }
    memcpy(at, field->bytes.data, len);
    return 0;
}

static int read_id(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    return read_exact(self, rule, field, at, UUID_BYTES);
}

static int read_own_id(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    int rc = read_exact(self, rule, field, at, UUID_BYTES);

    if (rc == 0 && (field->bytes.data[6] >> 4 != 7 || field->bytes.data[8] >> 6 != 2)) {
        return complain(self->why, E_ID, "%s is not a UUIDv7: make it from the time", rule->name);
    }
    return rc;
}

static int read_hash(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    return read_exact(self, rule, field, at, HASH_BYTES);
}

static int read_code(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    char *code = at;

    if (!event_code_valid(field->bytes)) {
        int rc = utf8_valid(field->bytes) ? E_CODE : E_UTF8;
        return complain(self->why, rc,
            "%s is not an authority code: a letter of E, W, S, N and eight digits", rule->name);
    }
    memcpy(code, field->bytes.data, CODE_BYTES);
    code[CODE_BYTES] = '\0';
    return 0;
}

static int read_profile(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    char *name = at;
    bool fits = field->bytes.len >= 1 && field->bytes.len <= PROFILE_NAME_BYTES_MAX;

    for (size_t i = 0; fits && i < field->bytes.len; i++) {
        uint8_t c = field->bytes.data[i];
        fits = (c >= 'a' && c <= 'z') || c == '-';
    }
    if (!fits) {
        return complain(self->why, utf8_valid(field->bytes) ? E_RANGE : E_UTF8,
            "%s is not the name of a profile: 1 to %d of a-z and -", rule->name,
            PROFILE_NAME_BYTES_MAX);
    }
    memcpy(name, field->bytes.data, field->bytes.len);
    name[field->bytes.len] = '\0';
    return 0;
}

/* A number from 1; everything that counts here begins there, and 0 is what nobody has set. */
static int read_u32(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    if (field->value < 1 || field->value > UINT32_MAX) {
        return complain(self->why, E_RANGE, "%s is not within 1 to 4294967295", rule->name);
    }
    *(uint32_t *)at = (uint32_t)field->value;
    return 0;
}

static int read_u64(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    if (field->value < 1) {
        return complain(self->why, E_RANGE, "%s is 0; it counts from 1", rule->name);
    }
    *(uint64_t *)at = field->value;
    return 0;
}

static int read_time(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    int64_t time_ms = (int64_t)field->value;

    if (!event_time_valid(time_ms)) {
        return complain(self->why, E_DATE, "%s lies outside the years 1900 to 2199", rule->name);
    }
    *(int64_t *)at = time_ms;
    return 0;
}

/* An enum of the envelope: `at` is the whole array, the field number its index. */
static int read_envelope_enum(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    if (field->value < 1 || field->value > INT32_MAX) {
        return complain(self->why, E_FACT_VALUE, "%s is not the number of a word", rule->name);
    }
    ((uint32_t *)at)[field->number] = (uint32_t)field->value;
    return 0;
}

static int read_envelope_bool(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    if (field->value > 1) {
        return complain(self->why, E_FACT_VALUE, "%s is neither yes nor no", rule->name);
    }
    ((uint32_t *)at)[field->number] = (uint32_t)field->value + 1;
    return 0;
}

/* --- messages inside ------------------------------------------------------------------------- */

#define ENVELOPE offsetof(struct event_view, envelope)

static const struct field_rule subject_fields[] = {
    [1] = {"ref", WIRE_LEN, false, read_id, offsetof(struct subject, ref)},
    [2] = {"case_type", WIRE_VARINT, false, read_u32, offsetof(struct subject, case_type)},
};
static const struct message_rule subject_rule = {"Subject", subject_fields, 3, BIT(1) | BIT(2)};

static int read_subject(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    struct event_view *out = at;
    uint32_t seen;

    (void)rule;
    if (out->subject_count == SUBJECTS_MAX) {
        return complain(
            self->why, E_RANGE, "more than %d subjects: send several events", SUBJECTS_MAX);
    }
    struct subject *subject = &out->subjects[out->subject_count];
    int rc = read_message(self, &subject_rule, field->bytes, subject, &seen);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < out->subject_count; i++) {
        if (memcmp(out->subjects[i].ref, subject->ref, UUID_BYTES) == 0) {
            return complain(self->why, E_ID, "subject %zu stands twice", i + 1);
        }
    }
    out->subject_count++;
    return 0;
}

static const struct field_rule recipient_fields[] = {
    [1] = {"code", WIRE_LEN, false, read_code, offsetof(struct recipient, code)},
    [2] = {"n", WIRE_VARINT, false, read_u64, offsetof(struct recipient, n)},
};
static const struct message_rule recipient_rule = {
    "Recipient", recipient_fields, 3, BIT(1) | BIT(2)};

static int read_recipient(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    struct event_view *out = at;
    uint32_t seen;

    (void)rule;
    if (out->recipient_count == RECIPIENTS_MAX) {
        return complain(
            self->why, E_RECIPIENT, "more than %d recipients: send several events", RECIPIENTS_MAX);
    }
    struct recipient *recipient = &out->to[out->recipient_count];
    int rc = read_message(self, &recipient_rule, field->bytes, recipient, &seen);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < out->recipient_count; i++) {
        if (memcmp(out->to[i].code, recipient->code, CODE_BYTES) == 0) {
            return complain(self->why, E_RECIPIENT, "recipient %s stands twice", recipient->code);
        }
    }
    out->recipient_count++;
    return 0;
}

static const struct field_rule header_fields[] = {
    [HEADER_ID] = {"id", WIRE_LEN, false, read_own_id, offsetof(struct event_view, id)},
    [HEADER_KIND] = {"kind", WIRE_VARINT, false, read_u32, offsetof(struct event_view, kind)},
    [HEADER_SCHEMA] = {"schema", WIRE_VARINT, false, read_u32, offsetof(struct event_view, schema)},
    [HEADER_TRANSFER] = {"transfer", WIRE_LEN, false, read_id,
        offsetof(struct event_view, transfer)},
    [HEADER_ORIGIN] = {"origin", WIRE_LEN, false, read_code, offsetof(struct event_view, origin)},
    [HEADER_RECEIVING] = {"receiving", WIRE_LEN, false, read_code,
        offsetof(struct event_view, receiving)},
    [HEADER_SUBJECTS] = {"subjects", WIRE_LEN, true, read_subject, 0},
    [HEADER_FROM] = {"from", WIRE_LEN, false, read_code, offsetof(struct event_view, from)},
    [HEADER_TO] = {"to", WIRE_LEN, true, read_recipient, 0},
    [HEADER_OCCURRED] = {"occurred_ms", WIRE_VARINT, false, read_time,
        offsetof(struct event_view, occurred_ms)},
    [HEADER_SENT] = {"sent_ms", WIRE_VARINT, false, read_time,
        offsetof(struct event_view, sent_ms)},
    [HEADER_REF] = {"in_reply_to", WIRE_LEN, false, read_id,
        offsetof(struct event_view, in_reply_to)},
    [HEADER_SUPERSEDES] = {"supersedes", WIRE_LEN, false, read_id,
        offsetof(struct event_view, supersedes)},
    [HEADER_PROFILE] = {"profile", WIRE_LEN, false, read_profile,
        offsetof(struct event_view, profile)},
    [HEADER_LAWFUL_BASIS] = {"lawful_basis", WIRE_VARINT, false, read_envelope_enum, ENVELOPE},
    [HEADER_MODE] = {"mode", WIRE_VARINT, false, read_envelope_enum, ENVELOPE},
    [HEADER_INCARNATION] = {"incarnation", WIRE_I64, false, read_u64,
        offsetof(struct event_view, incarnation)},
    [HEADER_SEQUENCE] = {"sequence", WIRE_VARINT, false, read_u64,
        offsetof(struct event_view, sequence)},
    [HEADER_ART9_CONDITION] = {"art9_condition", WIRE_VARINT, false, read_envelope_enum, ENVELOPE},
    [HEADER_FAMILY_INFORMED] = {"family_informed", WIRE_VARINT, false, read_envelope_bool,
        ENVELOPE},
    [HEADER_WITHHELD_REASON] = {"withheld_reason", WIRE_VARINT, false, read_envelope_enum,
        ENVELOPE},
    [HEADER_HANDLING] = {"handling", WIRE_VARINT, false, read_envelope_enum, ENVELOPE},
    [HEADER_SERVICE] = {"addressee_service", WIRE_VARINT, false, read_envelope_enum, ENVELOPE},
    [HEADER_TEMPLATE] = {"template", WIRE_VARINT, false, read_envelope_enum, ENVELOPE},
    [HEADER_WEEKDAY] = {"weekday", WIRE_VARINT, false, read_envelope_enum, ENVELOPE},
};
static const struct message_rule header_rule = {"Header", header_fields, HEADER_FIELD_COUNT,
    BIT(HEADER_ID) | BIT(HEADER_KIND) | BIT(HEADER_SCHEMA) | BIT(HEADER_TRANSFER) |
        BIT(HEADER_ORIGIN) | BIT(HEADER_RECEIVING) | BIT(HEADER_FROM) | BIT(HEADER_TO) |
        BIT(HEADER_OCCURRED) | BIT(HEADER_SENT) | BIT(HEADER_INCARNATION) | BIT(HEADER_SEQUENCE)};

/* An event to oneself is a note for the record; among others it would be a second copy of the sender's own. */
static int check_self(struct reading *self)
{
    const struct event_view *out = self->out;

    for (size_t i = 0; out->recipient_count > 1 && i < out->recipient_count; i++) {
        if (memcmp(out->to[i].code, out->from, CODE_BYTES) == 0) {
            return complain(self->why, E_RECIPIENT,
                "the sender %s is among several recipients: leave it out", out->from);
        }
    }
    return 0;
}

static int read_header(struct reading *self)
{
    struct event_view *out = self->out;
    uint32_t seen;
    int rc = read_message(self, &header_rule, out->header, out, &seen);

    if (rc != 0) {
        return rc;
    }
    out->has_reply = (seen & BIT(HEADER_REF)) != 0;
    out->has_supersedes = (seen & BIT(HEADER_SUPERSEDES)) != 0;
    out->mode = out->envelope[HEADER_MODE];
    return check_self(self);
}

static int read_ciphertext_bytes(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    if (field->value > PAYLOAD_BYTES_MAX) {
        return complain(self->why, E_TOO_LARGE, "%s is above %d: send digest and reference instead",
            rule->name, PAYLOAD_BYTES_MAX);
    }
    return read_u32(self, rule, field, at);
}

static const struct field_rule commitment_fields[] = {
    [1] = {"ciphertext_hash", WIRE_LEN, false, read_hash,
        offsetof(struct seal_commitment, ciphertext_hash)},
    [2] = {"key_commitment", WIRE_LEN, false, read_hash,
        offsetof(struct seal_commitment, key_commitment)},
    [3] = {"ciphertext_bytes", WIRE_VARINT, false, read_ciphertext_bytes,
        offsetof(struct seal_commitment, ciphertext_bytes)},
};
static const struct message_rule commitment_rule = {
    "Commitment", commitment_fields, 4, BIT(1) | BIT(2) | BIT(3)};

static int read_commitment(
    struct reading *self, const struct field_rule *rule, const struct wire_field *field, void *at)
{
    struct event_view *out = at;
    uint32_t seen;

    (void)rule;
    out->has_payload = true;
    return read_message(self, &commitment_rule, field->bytes, &out->commitment, &seen);
}

/* --- facts ----------------------------------------------------------------------------------- */

static const enum wire_type wire_of_type[] = {
    [FACT_BOOL] = WIRE_VARINT,
    [FACT_INT] = WIRE_VARINT,
    [FACT_ENUM] = WIRE_VARINT,
    [FACT_DATE] = WIRE_VARINT,
    [FACT_TIME] = WIRE_VARINT,
    [FACT_CODE] = WIRE_LEN,
    [FACT_ID] = WIRE_LEN,
    [FACT_HASH] = WIRE_LEN,
    [FACT_REF] = WIRE_LEN,
    [FACT_SUBJECT] = WIRE_LEN,
    [FACT_TEXT] = WIRE_LEN,
};

/* All but times are 32 bits wide in kinds.proto; more would be cut off by one reader and not by another. */
static bool width_fits(const struct fact_info *fact, uint64_t value)
{
    return fact->type == FACT_TIME || value <= UINT32_MAX;
}

/* Number of items in a packed list, or -1 where it is none. */
static int packed_items(const struct fact_info *fact, struct slice packed)
{
    struct wire_scan scan = wire_scan_of(packed);
    uint64_t value;
    int items = 0;

    while (items <= LIST_ITEMS_MAX && wire_next_varint(&scan, &value)) {
        if (!width_fits(fact, value)) {
            return -1;
        }
        items++;
    }
    return scan.failed ? -1 : items;
}

static int read_fact(struct reading *self, const struct fact_info *fact,
    const struct wire_field *field, uint8_t *count)
{
    enum wire_type want = wire_of_type[fact->type];
    bool packed = fact->list && want == WIRE_VARINT && field->type == WIRE_LEN;
    int items = packed ? packed_items(fact, field->bytes) : 1;

    if ((field->type != want && !packed) || items < 0 ||
        (want == WIRE_VARINT && !packed && !width_fits(fact, field->value))) {
        return complain(self->why, E_MALFORMED, "fact %s is not encoded as its type", fact->name);
    }
    if (!fact->list && *count != 0) {
        return complain(self->why, E_MALFORMED,
            "fact %s stands twice: two readers could read two events", fact->name);
    }
    if (*count + items > LIST_ITEMS_MAX) {
        return complain(
            self->why, E_RANGE, "fact %s has more than %d items", fact->name, LIST_ITEMS_MAX);
    }
    *count = (uint8_t)(*count + items);
    return 0;
}

static int read_kind_facts(struct reading *self)
{
    bool kind_known = catalogue_kind(self->out->kind) != NULL;
    uint8_t count[CATALOGUE_FACTS_MAX] = {0};
    struct wire_scan scan = wire_scan_of(self->out->kind_facts);
    struct wire_field field;

    while (wire_next(&scan, &field)) {
        const struct fact_info *fact = kind_known ? catalogue_fact(field.number) : NULL;
        int rc = fact != NULL ? read_fact(self, fact, &field, &count[field.number])
                              : note_unknown(self, &field);
        if (rc != 0) {
            return rc;
        }
    }
    return scan.failed ? complain(self->why, E_MALFORMED, "the facts are not a protobuf message")
                       : 0;
}

/* Facts is a oneof: the one that is set must be the header's kind, and there is one. */
static int read_facts(struct reading *self)
{
    struct event_view *out = self->out;
    struct wire_scan scan = wire_scan_of(out->facts);
    struct wire_field field;
    bool seen = false;
    int rc = 0;

    while (rc == 0 && wire_next(&scan, &field)) {
        if (field.number == out->kind) {
            if (field.type != WIRE_LEN || seen) {
                return complain(
                    self->why, E_MALFORMED, "the facts of the kind are malformed or stand twice");
            }
            seen = true;
            out->kind_facts = field.bytes;
        } else if (catalogue_kind(field.number) != NULL) {
            return complain(self->why, E_MALFORMED, "the facts are those of %s, the header says %u",
                catalogue_kind(field.number)->name, (unsigned)out->kind);
        } else {
            rc = note_unknown(self, &field);
        }
    }
    if (scan.failed) {
        return complain(self->why, E_MALFORMED, "Facts is not a protobuf message");
    }
    return rc != 0 ? rc : read_kind_facts(self);
}

/* --- the event ------------------------------------------------------------------------------- */

static const struct field_rule event_fields[] = {
    [EVENT_HEADER] = {"header", WIRE_LEN, false, read_slice, offsetof(struct event_view, header)},
    [EVENT_FACTS] = {"facts", WIRE_LEN, false, read_slice, offsetof(struct event_view, facts)},
    [EVENT_COMMITMENT] = {"commitment", WIRE_LEN, false, read_commitment, 0},
};
static const struct message_rule event_rule = {
    "Event", event_fields, EVENT_COMMITMENT + 1, BIT(EVENT_HEADER)};

int event_read_head(struct slice bytes, struct event_view *out, struct complaint *why)
{
    struct reading self = {out, why};
    uint32_t seen;

    if (bytes.len > EVENT_BYTES_MAX) {
        return complain(why, E_TOO_LARGE, "the event has %zu bytes, at most %d are taken",
            bytes.len, EVENT_BYTES_MAX);
    }
    *out = (struct event_view){0};
    int rc = read_message(&self, &event_rule, bytes, out, &seen);
    return rc == 0 ? read_header(&self) : rc;
}

int event_read(struct slice bytes, struct event_view *out, struct complaint *why)
{
    struct reading self = {out, why};
    int rc = event_read_head(bytes, out, why);

    return rc == 0 ? read_facts(&self) : rc;
}
