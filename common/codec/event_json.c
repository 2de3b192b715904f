/*
 * event_json: the clear part of an event for people and case systems. Reads a view alone; cannot fail but by
 * want of memory, which jansson answers with NULL members.
 */
#include "common/codec/event.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/civil.h"
#include "common/base/uuid.h"
#include "common/codec/fact_text.h"
#include "common/codec/header_fields.h"

#include "common/base/banned.h"

static void set_uuid(json_t *object, const char *key, const uint8_t *id)
{
    char text[UUID_TEXT_BYTES];

    uuid_format(id, text);
    json_object_set_new(object, key, json_string(text));
}

static void set_time(json_t *object, const char *key, int64_t time_ms)
{
    char text[CIVIL_STAMP_BYTES];

    civil_stamp_utc(time_ms, text);
    json_object_set_new(object, key, json_string(text));
}

static void set_kind(json_t *object, const struct event_view *event)
{
    const struct kind_info *kind = catalogue_kind(event->kind);
    char text[24];

    if (kind != NULL) {
        json_object_set_new(object, "kind", json_string(kind->name));
        json_object_set_new(object, "title", json_string(kind->title));
        return;
    }
    (void)snprintf(text, sizeof text, "kind %u", (unsigned)event->kind);
    json_object_set_new(object, "kind", json_string(text));
}

static json_t *subjects_json(const struct event_view *event)
{
    json_t *list = json_array();

    for (size_t i = 0; i < event->subject_count; i++) {
        json_t *subject = json_object();
        struct fact_value type = {
            .fact = catalogue_case_type(), .number = event->subjects[i].case_type};
        set_uuid(subject, "ref", event->subjects[i].ref);
        json_object_set_new(subject, "case_type", fact_json(&type));
        json_array_append_new(list, subject);
    }
    return list;
}

static json_t *recipients_json(const struct event_view *event)
{
    json_t *list = json_array();

    for (size_t i = 0; i < event->recipient_count; i++) {
        json_t *recipient = json_object();
        json_object_set_new(recipient, "code", json_string(event->to[i].code));
        json_object_set_new(recipient, "n", json_integer((json_int_t)event->to[i].n));
        json_array_append_new(list, recipient);
    }
    return list;
}

static void set_envelope(json_t *object, const struct event_view *event)
{
    if (event->has_reply) {
        set_uuid(object, catalogue_header_fact(HEADER_REF)->name, event->in_reply_to);
    }
    if (event->has_supersedes) {
        set_uuid(object, catalogue_header_fact(HEADER_SUPERSEDES)->name, event->supersedes);
    }
    for (uint32_t field = 0; field < HEADER_FIELDS_MAX; field++) {
        const struct fact_info *fact = catalogue_header_fact(field);
        if (fact == NULL || event->envelope[field] == 0) {
            continue;
        }
        struct fact_value value = {.fact = fact, .number = event->envelope[field]};
        value.number -= fact->type == FACT_BOOL ? 1 : 0;
        json_object_set_new(object, fact->name, fact_json(&value));
    }
    if (event->profile[0] != '\0') {
        json_object_set_new(object, "profile", json_string(event->profile));
    }
}

static json_t *facts_json(const struct event_view *event)
{
    json_t *object = json_object();
    struct fact_walk walk = event_facts(event);
    struct fact_value value;

    while (fact_next(&walk, &value)) {
        if (!value.fact->list) {
            json_object_set_new(object, value.fact->name, fact_json(&value));
            continue;
        }
        json_t *list = json_object_get(object, value.fact->name);
        if (list == NULL) {
            list = json_array();
            json_object_set_new(object, value.fact->name, list);
        }
        json_array_append_new(list, fact_json(&value));
    }
    return object;
}

/* Facts of an unknown kind, as they are. */
static json_t *facts_hex(const struct event_view *event)
{
    char *text = mem_new(2 * event->facts.len + 1, 1);

    hex_encode(event->facts.data, event->facts.len, text);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static void set_facts(json_t *object, const struct event_view *event)
{
    if (catalogue_kind(event->kind) != NULL) {
        json_object_set_new(object, "facts", facts_json(event));
    } else {
        json_object_set_new(object, "facts_hex", facts_hex(event));
    }
}

json_t *event_json(const struct event_view *event)
{
    json_t *object = json_object();
    char incarnation[17];

    (void)snprintf(
        incarnation, sizeof incarnation, "%016llx", (unsigned long long)event->incarnation);
    set_uuid(object, "id", event->id);
    set_kind(object, event);
    json_object_set_new(object, "schema", json_integer(event->schema));
    set_uuid(object, "transfer", event->transfer);
    json_object_set_new(object, "origin", json_string(event->origin));
    json_object_set_new(object, "receiving", json_string(event->receiving));
    json_object_set_new(object, "subjects", subjects_json(event));
    json_object_set_new(object, "from", json_string(event->from));
    json_object_set_new(object, "to", recipients_json(event));
    set_time(object, "occurred", event->occurred_ms);
    set_time(object, "sent", event->sent_ms);
    set_envelope(object, event);
    json_object_set_new(object, "incarnation", json_string(incarnation));
    json_object_set_new(object, "sequence", json_integer((json_int_t)event->sequence));
    set_facts(object, event);
    if (event->has_payload) {
        json_object_set_new(
            object, "sealed_bytes", json_integer(event->commitment.ciphertext_bytes));
    }
    return object;
}
