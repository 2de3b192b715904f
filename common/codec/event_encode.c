/*
 * event_encode: an event's bytes from what a person typed. Fields go out in the order of their numbers, and each
 * once, so that the same draft gives the same bytes everywhere. Failures are returned with a sentence and the nearest
 * word; the bufs are then as they were.
 */
#include "common/codec/event.h"

#include <string.h>

#include "common/codec/fact_text.h"
#include "common/codec/header_fields.h"
#include "common/codec/wire.h"

#include "common/base/banned.h"

/* --- facts ------------------------------------------------------------------------------------ */

/* Look up one typed fact and see that it may stand in the clear part of this kind. */
static int fact_find(const struct kind_info *kind, const struct fact_text *text,
    const struct fact_info **out, struct complaint *why)
{
    int rc = fact_named(text->name, out, why);

    if (rc != 0) {
        return rc;
    }
    if ((*out)->sealed) {
        return complain(why, E_FACT_NOT_LISTED,
            "fact %s belongs into the payload: it is sealed and never stands in the clear",
            text->name);
    }
    if (!(*out)->envelope && !kind_lists(kind, (*out)->number)) {
        return complain(
            why, E_FACT_NOT_LISTED, "%s does not carry fact %s", kind->name, text->name);
    }
    return 0;
}

/* The typed facts by their number; a fact stated twice is refused. */
static int sort_facts(const struct event_draft *draft, const struct kind_info *kind,
    const char **value_of, struct complaint *why)
{
    for (size_t i = 0; i < draft->fact_count; i++) {
        const struct fact_info *fact = NULL;
        int rc = fact_find(kind, &draft->facts[i], &fact, why);
        if (rc != 0) {
            return rc;
        }
        if (value_of[fact->number] != NULL) {
            return complain(why, E_FACT_VALUE, "fact %s is stated twice", fact->name);
        }
        value_of[fact->number] = draft->facts[i].value;
    }
    return 0;
}

/* The Facts message with the message of the kind inside; nothing where no fact is set. */
static int encode_facts(const struct kind_info *kind, const char *const *value_of, struct buf *out,
    struct complaint *why)
{
    struct buf inner = {0};
    int rc = 0;

    for (uint32_t number = 1; rc == 0 && number <= catalogue_fact_count(); number++) {
        const struct fact_info *fact = catalogue_fact(number);
        if (value_of[number] != NULL && !fact->envelope) {
            rc = fact_put_text(fact, value_of[number], &inner, why);
        }
    }
    if (rc == 0 && inner.len > 0) {
        wire_put_bytes(out, kind->number, buf_slice(&inner));
    }
    buf_free(&inner);
    return rc;
}

/* --- header ----------------------------------------------------------------------------------- */

/* An envelope fact from text into the head. */
static int set_envelope(
    struct event_view *head, const struct fact_info *fact, const char *text, struct complaint *why)
{
    struct fact_value value;
    uint8_t bytes[HASH_BYTES];
    int rc = fact_parse(fact, text, &value, bytes, why);

    if (rc != 0) {
        return rc;
    }
    if (fact->type == FACT_REF) {
        bool reply = fact->header_field == HEADER_REF;
        *(reply ? &head->has_reply : &head->has_supersedes) = true;
        memcpy(reply ? head->in_reply_to : head->supersedes, bytes, UUID_BYTES);
        return 0;
    }
    head->envelope[fact->header_field] = (uint32_t)value.number + (fact->type == FACT_BOOL ? 1 : 0);
    return 0;
}

static int set_envelopes(
    struct event_view *head, const char *const *value_of, struct complaint *why)
{
    if (head->envelope[HEADER_MODE] == 0) {
        head->envelope[HEADER_MODE] = head->mode;
    }
    for (uint32_t field = 0; field < HEADER_FIELDS_MAX; field++) {
        const struct fact_info *fact = catalogue_header_fact(field);
        if (fact == NULL || value_of[fact->number] == NULL) {
            continue;
        }
        int rc = set_envelope(head, fact, value_of[fact->number], why);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static void put_text(struct buf *out, uint32_t number, const char *text)
{
    wire_put_bytes(out, number, slice_of_text(text));
}

static void put_subjects(struct buf *out, const struct event_view *head)
{
    struct buf inner = {0};

    for (size_t i = 0; i < head->subject_count; i++) {
        buf_clear(&inner);
        wire_put_bytes(&inner, 1, slice_of(head->subjects[i].ref, UUID_BYTES));
        wire_put_varint(&inner, 2, head->subjects[i].case_type);
        wire_put_bytes(out, HEADER_SUBJECTS, buf_slice(&inner));
    }
    buf_free(&inner);
}

static void put_recipients(struct buf *out, const struct event_view *head)
{
    struct buf inner = {0};

    for (size_t i = 0; i < head->recipient_count; i++) {
        buf_clear(&inner);
        put_text(&inner, 1, head->to[i].code);
        wire_put_varint(&inner, 2, head->to[i].n);
        wire_put_bytes(out, HEADER_TO, buf_slice(&inner));
    }
    buf_free(&inner);
}

static void put_envelope(struct buf *out, const struct event_view *head, uint32_t from, uint32_t to)
{
    for (uint32_t field = from; field <= to; field++) {
        const struct fact_info *fact = catalogue_header_fact(field);
        if (fact != NULL && head->envelope[field] != 0) {
            wire_put_varint(out, field, head->envelope[field] - (fact->type == FACT_BOOL ? 1 : 0));
        }
    }
}

/* Field numbers as in proto/waypost.proto, Header, rising. */
static void put_header(struct buf *out, const struct event_view *head)
{
    wire_put_bytes(out, HEADER_ID, slice_of(head->id, UUID_BYTES));
    wire_put_varint(out, HEADER_KIND, head->kind);
    wire_put_varint(out, HEADER_SCHEMA, head->schema);
    wire_put_bytes(out, HEADER_TRANSFER, slice_of(head->transfer, UUID_BYTES));
    put_text(out, HEADER_ORIGIN, head->origin);
    put_text(out, HEADER_RECEIVING, head->receiving);
    put_subjects(out, head);
    put_text(out, HEADER_FROM, head->from);
    put_recipients(out, head);
    wire_put_varint(out, HEADER_OCCURRED, (uint64_t)head->occurred_ms);
    wire_put_varint(out, HEADER_SENT, (uint64_t)head->sent_ms);
    if (head->has_reply) {
        wire_put_bytes(out, HEADER_REF, slice_of(head->in_reply_to, UUID_BYTES));
    }
    if (head->has_supersedes) {
        wire_put_bytes(out, HEADER_SUPERSEDES, slice_of(head->supersedes, UUID_BYTES));
    }
    if (head->profile[0] != '\0') {
        put_text(out, HEADER_PROFILE, head->profile);
    }
    put_envelope(out, head, HEADER_LAWFUL_BASIS, HEADER_MODE);
    wire_put_fixed64(out, HEADER_INCARNATION, head->incarnation);
    wire_put_varint(out, HEADER_SEQUENCE, head->sequence);
    put_envelope(out, head, HEADER_ART9_CONDITION, HEADER_WEEKDAY);
}

/* --- together --------------------------------------------------------------------------------- */

int event_encode(
    const struct event_draft *draft, struct buf *header, struct buf *facts, struct complaint *why)
{
    const struct kind_info *kind = catalogue_kind(draft->head.kind);
    const char *value_of[CATALOGUE_FACTS_MAX] = {NULL};
    struct event_view head = draft->head;
    size_t facts_len = facts->len;

    if (kind == NULL) {
        return complain(why, E_KIND, "kind %u is not in the catalogue", (unsigned)draft->head.kind);
    }
    int rc = sort_facts(draft, kind, value_of, why);
    if (rc == 0) {
        rc = set_envelopes(&head, value_of, why);
    }
    if (rc == 0) {
        rc = encode_facts(kind, value_of, facts, why);
    }
    if (rc != 0) {
        facts->len = facts_len;
        return rc;
    }
    put_header(header, &head);
    return 0;
}

void event_join(struct slice header, struct slice facts, const struct seal_commitment *commitment,
    struct buf *out)
{
    wire_put_bytes(out, EVENT_HEADER, header);
    if (facts.len > 0) {
        wire_put_bytes(out, EVENT_FACTS, facts);
    }
    if (commitment != NULL) {
        struct buf inner = {0};
        wire_put_bytes(&inner, 1, slice_of(commitment->ciphertext_hash.b, HASH_BYTES));
        wire_put_bytes(&inner, 2, slice_of(commitment->key_commitment.b, HASH_BYTES));
        wire_put_varint(&inner, 3, commitment->ciphertext_bytes);
        wire_put_bytes(out, EVENT_COMMITMENT, buf_slice(&inner));
        buf_free(&inner);
    }
}
