/*
 * cloudevents: see cloudevents.h. Whatever a line says that its exact bytes do not bear out is refused with a sentence.
 */
#include "client/replay/cloudevents.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/replay/portable.h"
#include "common/base/civil.h"
#include "common/codec/event.h"
#include "common/crypto/merkle.h"

#include "common/base/banned.h"

#define SPECVERSION "1.0"
#define TYPE_PREFIX "waypost."
#define RECORD_PREFIX "waypost.record."
#define CONTENT_TYPE "application/json"

enum {
    ATTRIBUTE_BYTES = 160,
    ARENA_BYTES = 33554432,

};

static const char *const record_names[] = {"segment", "commit", "batch", "input", "judged", "ack",
    "acked", "derived", "epoch", "erase_begun", "payload_erased"};
enum { RECORD_NAMES = sizeof record_names / sizeof record_names[0] };

/* ---- JSON of bytes ---- */

static json_t *base64_of(struct slice bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = mem_new(size, 1);

    sodium_bin2base64(text, size, bytes.data, bytes.len, sodium_base64_VARIANT_ORIGINAL);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static json_t *base64_data(ProtobufCBinaryData data)
{
    return base64_of(slice_of(data.data, data.len));
}

/* Base64 text of a member, appended to out. */
static int base64_take(const json_t *object, const char *member, struct buf *out)
{
    const json_t *text = json_object_get(object, member);
    size_t got = 0;

    if (!json_is_string(text)) {
        return E_MALFORMED;
    }
    size_t len = json_string_length(text);
    buf_reserve(out, len + 1);
    if (sodium_base642bin(out->data + out->len, len + 1, json_string_value(text), len, NULL, &got,
            NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
        return E_MALFORMED;
    }
    out->len += got;
    return 0;
}

static json_t *number_text(uint64_t number)
{
    return json_sprintf("%" PRIu64, number);
}

static bool number_take(const json_t *object, const char *member, uint64_t *out)
{
    const char *text = json_string_value(json_object_get(object, member));
    size_t len = text == NULL ? 0 : strlen(text);

    if (len == 0 || len > 19 || strspn(text, "0123456789") != len) {
        return false;
    }
    *out = strtoull(text, NULL, 10);
    return true;
}

/* ---- one event ---- */

struct attributes {
    char id[UUID_TEXT_BYTES];
    char source[ATTRIBUTE_BYTES];
    char type[ATTRIBUTE_BYTES];
    char subject[UUID_TEXT_BYTES];
    char time[CIVIL_STAMP_BYTES];
    char to[RECIPIENTS_MAX * (CODE_BYTES + 1) + 1];
};

static void attributes_fill(
    const char *network, const struct event_view *view, struct attributes *out)
{
    const struct kind_info *kind = catalogue_kind(view->kind);

    uuid_format(view->id, out->id);
    uuid_format(view->transfer, out->subject);
    civil_stamp_utc(view->sent_ms, out->time);
    (void)snprintf(out->source, sizeof out->source, "waypost://%s/%s", network, view->from);
    if (kind != NULL) {
        (void)snprintf(
            out->type, sizeof out->type, TYPE_PREFIX "%s.v%" PRIu32, kind->name, view->schema);
    } else {
        (void)snprintf(out->type, sizeof out->type, TYPE_PREFIX "kind-%" PRIu32 ".v%" PRIu32,
            view->kind, view->schema);
    }
    out->to[0] = '\0';
    for (size_t i = 0; i < view->recipient_count; i++) {
        size_t used = strlen(out->to);
        (void)snprintf(
            out->to + used, sizeof out->to - used, "%s%s", i == 0 ? "" : ",", view->to[i].code);
    }
}

json_t *cloudevent_of(const char *network, struct slice event)
{
    struct event_view view;
    struct attributes a;

    if (event_read(event, &view, NULL) != 0) {
        return NULL;
    }
    attributes_fill(network, &view, &a);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:o, s:o}}", "specversion",
        SPECVERSION, "id", a.id, "source", a.source, "type", a.type, "subject", a.subject, "time",
        a.time, "datacontenttype", CONTENT_TYPE, "waypostto", a.to, "data", "event",
        event_json(&view), "exact", base64_of(event));
}

static int attribute_is(
    const json_t *line, const char *name, const char *wanted, struct complaint *why)
{
    const char *text = json_string_value(json_object_get(line, name));

    if (text == NULL) {
        return complain(why, E_MALFORMED, "the attribute %s is missing", name);
    }
    return strcmp(text, wanted) == 0
        ? 0
        : complain(
              why, E_CONFLICT, "%s says %.60s, and the exact bytes say %.60s", name, text, wanted);
}

/* The network in "waypost://NETWORK/..." or "waypost://NETWORK". */
static bool network_take(const json_t *line, char *out)
{
    static const char prefix[] = "waypost://";
    const char *source = json_string_value(json_object_get(line, "source"));

    if (source == NULL || strncmp(source, prefix, sizeof prefix - 1) != 0) {
        return false;
    }
    size_t len = strcspn(source + sizeof prefix - 1, "/");
    if (len == 0 || len > NETWORK_NAME_BYTES_MAX) {
        return false;
    }
    (void)snprintf(out, NETWORK_NAME_BYTES_MAX + 1, "%.*s", (int)len, source + sizeof prefix - 1);
    return true;
}

static int exact_take(const json_t *line, struct buf *out, struct complaint *why)
{
    const json_t *data = json_object_get(line, "data");

    if (attribute_is(line, "specversion", SPECVERSION, why) != 0) {
        return why->rc;
    }
    return base64_take(data, "exact", out) == 0
        ? 0
        : complain(
              why, E_MALFORMED, "data.exact is missing or no base64: it holds the event's bytes");
}

int cloudevent_read(const json_t *line, const char *network, struct buf *out, struct complaint *why)
{
    struct event_view view;
    struct attributes a;
    char named[NETWORK_NAME_BYTES_MAX + 1];
    size_t before = out->len;
    struct complaint about = {0};

    if (!network_take(line, named)) {
        return complain(why, E_MALFORMED, "its source is not waypost://NETWORK/CODE");
    }
    int rc = exact_take(line, out, why);
    if (rc == 0) {
        rc = event_read(slice_of(out->data + before, out->len - before), &view, &about);
        rc = rc == 0 ? 0 : complain(why, rc, "data.exact is no event: %s", about.text);
    }
    if (rc == 0) {
        attributes_fill(network == NULL ? named : network, &view, &a);
        const char *const wanted[][2] = {{"id", a.id}, {"source", a.source}, {"type", a.type},
            {"subject", a.subject}, {"time", a.time}, {"waypostto", a.to}};
        for (size_t i = 0; rc == 0 && i < sizeof wanted / sizeof wanted[0]; i++) {
            rc = attribute_is(line, wanted[i][0], wanted[i][1], why);
        }
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}

/* ---- writing ---- */

static json_t *wraps_json(const Waypost__PublishedEvent *event)
{
    json_t *wraps = json_array();

    for (size_t i = 0; i < event->n_wraps; i++) {
        const Waypost__Wrap *wrap = event->wraps[i];
        json_array_append_new(wraps,
            json_pack("{s:s, s:o, s:o, s:o}", "code", wrap->code, "key_id",
                base64_data(wrap->key_id), "ephemeral", base64_data(wrap->ephemeral), "sealed_key",
                base64_data(wrap->sealed_key)));
    }
    return wraps;
}

static json_t *record_line(const char *network, const Waypost__ExportRecord *message, json_t *data)
{
    const char *name = message->type < RECORD_NAMES ? record_names[message->type] : "unknown";
    char stamp[CIVIL_STAMP_BYTES];
    json_t *line = json_pack("{s:s, s:o, s:o, s:o, s:s, s:o}", "specversion", SPECVERSION, "id",
        json_sprintf("%s-%" PRIu64, name, message->leaf_index), "source",
        json_sprintf("waypost://%s", network), "type", json_sprintf(RECORD_PREFIX "%s.v1", name),
        "datacontenttype", CONTENT_TYPE, "waypostentry", number_text(message->leaf_index));

    if (message->type != PORTABLE_SEGMENT) {
        civil_stamp_utc(message->time_ms, stamp);
        json_object_set_new(line, "time", json_string(stamp));
    }
    json_object_set_new(line, "data", data);
    return line;
}

static json_t *parts_json(const Waypost__ExportRecord *message)
{
    json_t *parts = json_array();

    for (size_t i = 0; i < message->n_parts; i++) {
        const Waypost__PayloadPart *part = message->parts[i];
        json_array_append_new(parts,
            json_pack("{s:I, s:I, s:b}", "ciphertext_bytes", (json_int_t)part->ciphertext_bytes,
                "wraps", (json_int_t)part->wraps, "erased",
                (int)(part->has_erased && part->erased)));
    }
    return parts;
}

static json_t *record_data(const Waypost__ExportRecord *message)
{
    json_t *data = json_object();

    if (message->has_position) {
        json_object_set_new(data, "position", number_text(message->position));
    }
    if (message->has_flags) {
        json_object_set_new(data, "flags", json_integer((json_int_t)message->flags));
    }
    if (message->agent != NULL) {
        json_object_set_new(data, "agent", json_string(message->agent));
    }
    if (message->statement != NULL) {
        json_object_set_new(data, "statement", base64_data(message->statement->statement));
        json_object_set_new(data, "signature", base64_data(message->statement->signature));
    }
    if (message->has_previous) {
        json_object_set_new(data, "previous", number_text(message->previous));
    }
    if (message->has_body) {
        json_object_set_new(data, "body", base64_data(message->body));
    }
    if (message->has_payload) {
        json_object_set_new(data, "payload", base64_data(message->payload));
    }
    if (message->n_parts > 0) {
        json_object_set_new(data, "parts", parts_json(message));
    }
    return data;
}

/* An event within its record. One that cannot be read, of a batch that was voided, has its bytes alone. */
static json_t *event_line(const char *network, const Waypost__ExportRecord *message, size_t index)
{
    const Waypost__PublishedEvent *event = message->events[index];
    json_t *line = cloudevent_of(network, slice_of(event->event.data, event->event.len));

    if (line == NULL) {
        line = json_pack("{s:s, s:o, s:o, s:s, s:s, s:{s:o}}", "specversion", SPECVERSION, "id",
            json_sprintf("unreadable-%" PRIu64 "-%zu", message->leaf_index, index), "source",
            json_sprintf("waypost://%s", network), "type", TYPE_PREFIX "unreadable.v1",
            "datacontenttype", CONTENT_TYPE, "data", "exact", base64_data(event->event));
    }
    json_object_set_new(line, "waypostentry", number_text(message->leaf_index));
    json_object_set_new(line, "waypostindex",
        json_integer(message->has_index ? (json_int_t)message->index : (json_int_t)index));
    json_t *data = json_object_get(line, "data");
    if (event->has_payload) {
        json_object_set_new(data, "ciphertext", base64_data(event->payload));
    }
    if (event->n_wraps > 0) {
        json_object_set_new(data, "wraps", wraps_json(event));
    }
    return line;
}

void cloudevents_write(const char *network, const Waypost__ExportRecord *message,
    void (*emit)(void *context, json_t *line), void *context)
{
    json_t *data = record_data(message);

    if (message->n_events > 0) {
        json_object_set_new(data, "events", json_integer((json_int_t)message->n_events));
    }
    if (message->has_index) {
        json_object_set_new(data, "index", json_integer((json_int_t)message->index));
        json_t *path = json_array();
        for (size_t i = 0; i < message->n_path; i++) {
            json_array_append_new(path, base64_data(message->path[i]));
        }
        json_object_set_new(data, "path", path);
    }
    emit(context, record_line(network, message, data));
    for (size_t i = 0; i < message->n_events; i++) {
        emit(context, event_line(network, message, i));
    }
}

/* ---- reading ---- */

struct cloudevents {
    arena_t *arena;
    Waypost__ExportRecord *message; /* under way */
    size_t events;                  /* that it announced */
};

cloudevents_t *cloudevents_new(void)
{
    cloudevents_t *self = mem_new(1, sizeof *self);

    self->arena = arena_new(ARENA_BYTES);
    return self;
}

void cloudevents_destroy(cloudevents_t **self_p)
{
    cloudevents_t *self = *self_p;

    if (self != NULL) {
        arena_destroy(&self->arena);
        free(self);
        *self_p = NULL;
    }
}

bool cloudevents_halfway(const cloudevents_t *self)
{
    return self->message != NULL && self->message->n_events < self->events;
}

/* NULL where the arena is at its budget: the line is refused. */
static void *room(cloudevents_t *self, size_t count, size_t bytes)
{
    ProtobufCAllocator *allocator = arena_allocator(self->arena);
    void *at = allocator->alloc(allocator->allocator_data, (count + 1) * bytes);

    if (at != NULL) {
        memset(at, 0, (count + 1) * bytes);
    }
    return at;
}

static bool data_take(
    cloudevents_t *self, const json_t *object, const char *member, ProtobufCBinaryData *out)
{
    struct buf bytes = {0};
    bool good = base64_take(object, member, &bytes) == 0;

    if (good) {
        out->len = bytes.len;
        out->data = room(self, bytes.len, 1);
        good = out->data != NULL;
    }
    if (good && bytes.len > 0) {
        memcpy(out->data, bytes.data, bytes.len);
    }
    buf_free(&bytes);
    return good;
}

static char *text_take(cloudevents_t *self, const json_t *object, const char *member)
{
    const json_t *text = json_object_get(object, member);
    size_t len = json_string_length(text);
    char *out = json_is_string(text) ? room(self, len, 1) : NULL;

    if (out != NULL) {
        memcpy(out, json_string_value(text), len);
    }
    return out;
}

/* Optional members: absent is fine, there and wrong is not. */
static bool optional_data(cloudevents_t *self, const json_t *object, const char *member,
    protobuf_c_boolean *has, ProtobufCBinaryData *out)
{
    *has = json_object_get(object, member) != NULL;
    return !*has || data_take(self, object, member, out);
}

static bool optional_number(
    const json_t *object, const char *member, protobuf_c_boolean *has, uint64_t *out)
{
    *has = json_object_get(object, member) != NULL;
    return !*has || number_take(object, member, out);
}

static bool small_number(const json_t *object, const char *member, uint32_t *out)
{
    const json_t *number = json_object_get(object, member);
    json_int_t value = json_integer_value(number);

    *out = (uint32_t)value;
    return json_is_integer(number) && value >= 0 && value <= UINT32_MAX;
}

static bool parts_take(cloudevents_t *self, const json_t *data, Waypost__ExportRecord *message)
{
    const json_t *parts = json_object_get(data, "parts");
    size_t count = json_array_size(parts);

    if (count > BATCH_EVENTS_MAX) {
        return false;
    }
    Waypost__PayloadPart *list = room(self, count, sizeof *list);
    message->parts = room(self, count, sizeof(Waypost__PayloadPart *));
    if (list == NULL || message->parts == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *part = json_array_get(parts, i);
        waypost__payload_part__init(&list[i]);
        if (!small_number(part, "ciphertext_bytes", &list[i].ciphertext_bytes) ||
            !small_number(part, "wraps", &list[i].wraps)) {
            return false;
        }
        list[i].has_erased = list[i].erased = json_is_true(json_object_get(part, "erased"));
        message->parts[message->n_parts++] = &list[i];
    }
    return true;
}

static bool statement_take(cloudevents_t *self, const json_t *data, Waypost__ExportRecord *message)
{
    if (json_object_get(data, "statement") == NULL) {
        return true;
    }
    Waypost__Signed *statement = room(self, 1, sizeof *statement);
    if (statement == NULL) {
        return false;
    }
    waypost__signed__init(statement);
    message->statement = statement;
    message->agent = text_take(self, data, "agent");
    return message->agent != NULL && data_take(self, data, "statement", &statement->statement) &&
        data_take(self, data, "signature", &statement->signature);
}

static bool path_take(cloudevents_t *self, const json_t *data, Waypost__ExportRecord *message)
{
    const json_t *path = json_object_get(data, "path");
    size_t count = json_array_size(path);

    if (count > MERKLE_PATH_MAX) {
        return false;
    }
    message->path = room(self, count, sizeof *message->path);
    for (size_t i = 0; message->path != NULL && i < count; i++) {
        json_t *step = json_pack("{s:O}", "step", json_array_get(path, i));
        bool good = step != NULL && data_take(self, step, "step", &message->path[i]);
        json_decref(step);
        if (!good) {
            return false;
        }
        message->n_path++;
    }
    return message->path != NULL;
}

static bool members_take(cloudevents_t *self, const json_t *data, Waypost__ExportRecord *message)
{
    uint32_t events = 0;

    if (json_object_get(data, "events") != NULL &&
        (!small_number(data, "events", &events) || events > BATCH_EVENTS_MAX)) {
        return false;
    }
    self->events = events;
    message->events = room(self, events, sizeof(Waypost__PublishedEvent *));
    message->has_flags = json_object_get(data, "flags") != NULL;
    if (message->events == NULL ||
        (message->has_flags && !small_number(data, "flags", &message->flags))) {
        return false;
    }
    message->has_index = json_object_get(data, "index") != NULL;
    if (message->has_index && !small_number(data, "index", &message->index)) {
        return false;
    }
    if (message->has_index && !path_take(self, data, message)) {
        return false;
    }
    return optional_number(data, "position", &message->has_position, &message->position) &&
        optional_number(data, "previous", &message->has_previous, &message->previous) &&
        optional_data(self, data, "body", &message->has_body, &message->body) &&
        optional_data(self, data, "payload", &message->has_payload, &message->payload) &&
        parts_take(self, data, message) && statement_take(self, data, message);
}

/* "waypost.record.batch.v1" gives 2; -1 where it is none. */
static int type_of(const char *type)
{
    char name[ATTRIBUTE_BYTES];

    for (int i = 0; i < (int)RECORD_NAMES; i++) {
        (void)snprintf(name, sizeof name, RECORD_PREFIX "%s.v1", record_names[i]);
        if (strcmp(name, type) == 0) {
            return i;
        }
    }
    return -1;
}

static int record_take(
    cloudevents_t *self, const json_t *line, const char *type, struct complaint *why)
{
    const char *time = json_string_value(json_object_get(line, "time"));
    const json_t *data = json_object_get(line, "data");
    int number = type_of(type);

    if (cloudevents_halfway(self)) {
        return complain(why, E_GAP, "the batch before it announced %zu events, and %zu came",
            self->events, self->message->n_events);
    }
    arena_reset(self->arena);
    self->message = room(self, 1, sizeof *self->message);
    waypost__export_record__init(self->message);
    if (number < 0) {
        return complain(why, E_KIND, "its type %.80s is none that waypost export writes", type);
    }
    self->message->type = (uint32_t)number;
    if (!number_take(line, "waypostentry", &self->message->leaf_index)) {
        return complain(why, E_MALFORMED, "waypostentry is missing or no number");
    }
    if (number != PORTABLE_SEGMENT &&
        (time == NULL || civil_time_parse(time, &self->message->time_ms) != 0)) {
        return complain(why, E_DATE, "its time is missing or cannot be");
    }
    if (!members_take(self, data, self->message)) {
        return complain(why, E_MALFORMED, "its data are not those of a %s", record_names[number]);
    }
    return 0;
}

static bool wraps_take(cloudevents_t *self, const json_t *data, Waypost__PublishedEvent *event)
{
    const json_t *wraps = json_object_get(data, "wraps");
    size_t count = json_array_size(wraps);

    if (count > UINT16_MAX) {
        return false;
    }
    Waypost__Wrap *list = room(self, count, sizeof *list);
    event->wraps = room(self, count, sizeof(Waypost__Wrap *));
    if (list == NULL || event->wraps == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *wrap = json_array_get(wraps, i);
        waypost__wrap__init(&list[i]);
        list[i].code = text_take(self, wrap, "code");
        if (list[i].code == NULL || !data_take(self, wrap, "key_id", &list[i].key_id) ||
            !data_take(self, wrap, "ephemeral", &list[i].ephemeral) ||
            !data_take(self, wrap, "sealed_key", &list[i].sealed_key)) {
            return false;
        }
        event->wraps[event->n_wraps++] = &list[i];
    }
    return true;
}

static int event_take(
    cloudevents_t *self, const json_t *line, const char *type, struct complaint *why)
{
    const json_t *data = json_object_get(line, "data");
    struct buf exact = {0};
    uint64_t entry = 0;
    uint32_t index = 0;

    if (!cloudevents_halfway(self)) {
        return complain(why, E_GAP, "an event stands here without the batch that it belongs to");
    }
    if (!number_take(line, "waypostentry", &entry) || !small_number(line, "waypostindex", &index) ||
        entry != self->message->leaf_index ||
        index != (self->message->has_index ? self->message->index : self->message->n_events)) {
        return complain(why, E_GAP, "event %zu of entry %" PRIu64 " should stand here",
            self->message->n_events, self->message->leaf_index);
    }
    int rc = strcmp(type, TYPE_PREFIX "unreadable.v1") == 0
        ? exact_take(line, &exact, why)
        : cloudevent_read(line, NULL, &exact, why);
    buf_free(&exact);
    Waypost__PublishedEvent *event = rc == 0 ? room(self, 1, sizeof *event) : NULL;
    if (rc != 0) {
        return rc;
    }
    if (event != NULL) {
        waypost__published_event__init(event);
    }
    if (event == NULL || !data_take(self, data, "exact", &event->event) ||
        !optional_data(self, data, "ciphertext", &event->has_payload, &event->payload) ||
        !wraps_take(self, data, event)) {
        return complain(why, E_MALFORMED, "its sealed part is not well formed");
    }
    self->message->events[self->message->n_events++] = event;
    return 0;
}

int cloudevents_take(cloudevents_t *self, const json_t *line, const Waypost__ExportRecord **out,
    struct complaint *why)
{
    const char *type = json_string_value(json_object_get(line, "type"));

    *out = NULL;
    if (!json_is_object(line) || type == NULL) {
        return complain(why, E_MALFORMED, "it is no CloudEvent: an object with a type");
    }
    int rc = strncmp(type, RECORD_PREFIX, sizeof RECORD_PREFIX - 1) == 0
        ? record_take(self, line, type, why)
        : event_take(self, line, type, why);
    if (rc == 0 && !cloudevents_halfway(self)) {
        *out = self->message;
    }
    return rc;
}
