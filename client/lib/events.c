/*
 * libwaypost: the requests that a case system needs, with plain structs around the JSON of docs/LOCAL-API.md.
 *
 * Nothing is decided here: the agent checks kinds, facts and codes, and its sentences are passed on. A member that the
 * agent leaves out becomes "" or 0. Failures are returned as in waypost.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/link.h"
#include "client/lib/waypost.h"
#include "common/base/banned.h"

/* X(name, number) */
/* clang-format off */
#define RESULT_TABLE(X) \
    X(MALFORMED) \
    X(TOO_LARGE) \
    X(NOT_ALLOWED) \
    X(KIND) \
    X(FACT) \
    X(FACT_MISSING) \
    X(FACT_VALUE) \
    X(CODE) \
    X(STATE) \
    X(NOT_FOUND) \
    X(TIMEOUT) \
    X(UNREACHABLE) \
    X(END)
/* clang-format on */

const char *wp_result_name(int result)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{WP_OK, "OK"},
#define RESULT_NAME(name) {WP_##name, "E_" #name},
        RESULT_TABLE(RESULT_NAME)
#undef RESULT_NAME
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].number == result) {
            return names[i].name;
        }
    }
    return "E_OTHER";
}

static void copy_text(const json_t *object, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static uint64_t number_of(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value < 0 ? 0 : (uint64_t)value;
}

/* Set a member where there is a text. */
static void put_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL) {
        json_object_set_new(object, name, json_string(text));
    }
}

/* ---- transfers and sending ---- */

int wp_new_transfer(wp_agent_t *self, const char *origin, const char *receiving,
    const struct wp_subject *subjects, size_t subject_count, const char *label, char *transfer)
{
    json_t *list = json_array();
    for (size_t i = 0; i < subject_count; i++) {
        json_array_append_new(list,
            json_pack(
                "{s:s?, s:s?}", "name", subjects[i].name, "case_type", subjects[i].case_type));
    }
    json_t *request = json_pack("{s:s, s:s?, s:s?, s:o}", "op", "new_transfer", "origin", origin,
        "receiving", receiving, "subjects", list);
    put_text(request, "label", label);
    json_t *answer = NULL;
    int result = link_ask(self, request, &answer);
    if (result == WP_OK) {
        copy_text(answer, "transfer", transfer, WP_ID_BYTES);
    }
    json_decref(answer);
    return result;
}

static json_t *list_of(const char *const *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_string(texts[i]));
    }
    return list;
}

static json_t *facts_of(const struct wp_fact *facts, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        json_object_set_new(object, facts[i].name, json_string(facts[i].value));
    }
    return object;
}

/* Base64 (RFC 4648, padded), for attachments. */
static char *base64_of(const unsigned char *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((len + 2) / 3 * 4 + 1);
    if (text == NULL) {
        abort();
    }
    char *at = text;
    for (size_t i = 0; i < len; i += 3) {
        unsigned long group = (unsigned long)bytes[i] << 16;
        group |= i + 1 < len ? (unsigned long)bytes[i + 1] << 8 : 0;
        group |= i + 2 < len ? (unsigned long)bytes[i + 2] : 0;
        *at++ = digits[group >> 18];
        *at++ = digits[group >> 12 & 63];
        *at++ = i + 1 < len ? digits[group >> 6 & 63] : '=';
        *at++ = i + 2 < len ? digits[group & 63] : '=';
    }
    *at = '\0';
    return text;
}

static json_t *files_of(const struct wp_file *files, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char *base64 = base64_of(files[i].bytes, files[i].len);
        json_array_append_new(
            list, json_pack("{s:s?, s:s}", "name", files[i].name, "base64", base64));
        free(base64);
    }
    return list;
}

static size_t files_bytes(const struct wp_file *files, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count && bytes <= REQUEST_BYTES_MAX; i++) {
        bytes += files[i].len > REQUEST_BYTES_MAX ? REQUEST_BYTES_MAX + 1 : files[i].len;
    }
    return bytes;
}

int wp_send(wp_agent_t *self, const struct wp_message *message, char *event)
{
    if (files_bytes(message->files, message->file_count) > REQUEST_BYTES_MAX) {
        return link_complain(self, WP_TOO_LARGE,
            "the documents are larger than an event can carry; send them as digest and reference");
    }
    json_t *request = json_pack(
        "{s:s, s:s?, s:s?}", "op", "send", "kind", message->kind, "transfer", message->transfer);
    if (message->to_count > 0) {
        json_object_set_new(request, "to", list_of(message->to, message->to_count));
    }
    json_object_set_new(request, "facts", facts_of(message->facts, message->fact_count));
    json_object_set_new(request, "sealed", facts_of(message->sealed, message->sealed_count));
    json_object_set_new(request, "attachments", files_of(message->files, message->file_count));
    if (message->subject_count > 0) {
        json_object_set_new(
            request, "subjects", list_of(message->subjects, message->subject_count));
    }
    put_text(request, "ref", message->ref);
    put_text(request, "supersedes", message->supersedes);
    put_text(request, "occurred", message->occurred);
    json_t *answer = NULL;
    int result = link_ask(self, request, &answer);
    if (result == WP_OK) {
        copy_text(answer, "event", event, WP_ID_BYTES);
    }
    json_decref(answer);
    return result;
}

static void receipt_read(const json_t *row, struct wp_receipt *out)
{
    const json_t *level = json_object_get(row, "level");
    *out =
        (struct wp_receipt){.level = json_is_integer(level) ? (int)json_integer_value(level) : -1};
    copy_text(row, "code", out->code, sizeof out->code);
    copy_text(row, "at", out->at, sizeof out->at);
    copy_text(row, "role", out->role, sizeof out->role);
    copy_text(row, "team", out->team, sizeof out->team);
}

int wp_receipts(
    wp_agent_t *self, const char *event, struct wp_receipt *out, size_t max, size_t *count)
{
    json_t *answer = NULL;
    int result = link_ask(self, json_pack("{s:s, s:s?}", "op", "show", "event", event), &answer);
    if (result == WP_OK) {
        const json_t *rows = json_object_get(answer, "receipts");
        *count = json_array_size(rows);
        for (size_t i = 0; i < *count && i < max; i++) {
            receipt_read(json_array_get(rows, i), &out[i]);
        }
    }
    json_decref(answer);
    return result;
}

/* ---- receiving ---- */

static void item_read(const json_t *row, struct wp_item *out)
{
    *out = (struct wp_item){.number = number_of(row, "number")};
    copy_text(row, "event", out->event, sizeof out->event);
    copy_text(row, "kind", out->kind, sizeof out->kind);
    copy_text(row, "title", out->title, sizeof out->title);
    copy_text(row, "from", out->from, sizeof out->from);
    copy_text(row, "transfer", out->transfer, sizeof out->transfer);
    copy_text(row, "sent", out->sent, sizeof out->sent);
    copy_text(row, "accepted", out->accepted, sizeof out->accepted);
    copy_text(row, "persisted", out->persisted, sizeof out->persisted);
    copy_text(row, "opened", out->opened, sizeof out->opened);
    copy_text(row, "verdict", out->verdict, sizeof out->verdict);
    copy_text(row, "fault", out->fault, sizeof out->fault);
}

enum { INBOX_PAGE = 200 }; /* entries asked for at once */

int wp_inbox_next(wp_agent_t *self, uint64_t after, struct wp_item *out)
{
    uint64_t before = 0; /* of the page: entries come newest first */
    int found = 0;
    for (;;) {
        json_t *request =
            json_pack("{s:s, s:b, s:i}", "op", "inbox", "unopened", 1, "limit", INBOX_PAGE);
        if (before > 0) {
            json_object_set_new(request, "before", json_integer((json_int_t)before));
        }
        json_t *answer = NULL;
        int result = link_ask(self, request, &answer);
        if (result != WP_OK) {
            return result;
        }
        const json_t *rows = json_object_get(answer, "events");
        size_t count = json_array_size(rows);
        uint64_t lowest = before == 0 ? UINT64_MAX : before;
        for (size_t i = 0; i < count; i++) {
            const json_t *row = json_array_get(rows, i);
            uint64_t number = number_of(row, "number");
            lowest = number < lowest ? number : lowest;
            if (number > after && (!found || number < out->number)) {
                item_read(row, out);
                found = 1;
            }
        }
        json_decref(answer);
        if (count < INBOX_PAGE || lowest <= after + 1 || lowest == before) {
            break;
        }
        before = lowest;
    }
    return found ? WP_OK : link_complain(self, WP_END, "nothing is waiting to be opened");
}

/* A member of the answer as JSON text of its own. */
static int answer_member(wp_agent_t *self, json_t *request, const char *member, char **out)
{
    json_t *answer = NULL;
    int result = link_ask(self, request, &answer);
    if (result == WP_OK && out != NULL) {
        const json_t *part = member == NULL ? answer : json_object_get(answer, member);
        *out = json_dumps(part, JSON_COMPACT | JSON_ENCODE_ANY);
        if (*out == NULL) {
            *out = strdup("null");
        }
        if (*out == NULL) {
            abort();
        }
    }
    json_decref(answer);
    return result;
}

int wp_open(wp_agent_t *self, const char *event, const char *role, const char *team, char **payload)
{
    json_t *request = json_pack("{s:s, s:s?, s:s?}", "op", "open", "event", event, "role", role);
    put_text(request, "team", team);
    return answer_member(self, request, "payload", payload);
}

int wp_show(wp_agent_t *self, const char *event, char **json)
{
    return answer_member(self, json_pack("{s:s, s:s?}", "op", "show", "event", event), NULL, json);
}

/* ---- looking around ---- */

int wp_listening(wp_agent_t *self, const char *code, struct wp_listening *out)
{
    json_t *answer = NULL;
    int result = link_ask(self, json_pack("{s:s, s:s?}", "op", "listening", "code", code), &answer);
    if (result == WP_OK) {
        *out = (struct wp_listening){
            .registered = json_is_true(json_object_get(answer, "registered")),
            .connected = json_is_true(json_object_get(answer, "connected")),
            .pending = number_of(answer, "pending"),
            .unopened = number_of(answer, "unopened"),
        };
        copy_text(answer, "code", out->code, sizeof out->code);
        copy_text(answer, "last_contact", out->last_contact, sizeof out->last_contact);
    }
    json_decref(answer);
    return result;
}
