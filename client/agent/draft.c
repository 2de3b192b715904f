/* draft: see draft.h. What does not read back is E_CORRUPT: our own database was changed by
 * somebody. */
#include "client/agent/draft.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

static json_t *hex_json(const uint8_t *id)
{
    char text[2 * UUID_BYTES + 1];

    hex_encode(id, UUID_BYTES, text);
    return json_string(text);
}

static json_t *subjects_json(const struct event_view *head)
{
    json_t *list = json_array();

    for (size_t i = 0; i < head->subject_count; i++) {
        json_array_append_new(list,
            json_pack("{s:o, s:I}", "ref", hex_json(head->subjects[i].ref), "case_type",
                (json_int_t)head->subjects[i].case_type));
    }
    return list;
}

void draft_write(const struct event_view *head, const struct fact_text *facts, size_t fact_count,
    struct buf *out)
{
    json_t *to = json_array();
    json_t *set = json_object();

    for (size_t i = 0; i < head->recipient_count; i++) {
        json_array_append_new(to, json_string(head->to[i].code));
    }
    for (size_t i = 0; i < fact_count; i++) {
        json_object_set_new(set, facts[i].name, json_string(facts[i].value));
    }
    json_t *draft = json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:I, s:o, s:o}", "kind",
        (json_int_t)head->kind, "transfer", hex_json(head->transfer), "origin", head->origin,
        "receiving", head->receiving, "from", head->from, "to", to, "occurred_ms",
        (json_int_t)head->occurred_ms, "subjects", subjects_json(head), "facts", set);
    assert(draft != NULL);
    if (head->has_reply) {
        json_object_set_new(draft, "in_reply_to", hex_json(head->in_reply_to));
    }
    if (head->has_supersedes) {
        json_object_set_new(draft, "supersedes", hex_json(head->supersedes));
    }
    if (head->profile[0] != '\0') {
        json_object_set_new(draft, "profile", json_string(head->profile));
    }
    char *text = json_dumps(draft, JSON_COMPACT | JSON_SORT_KEYS);
    assert(text != NULL);
    buf_put(out, text, strlen(text));
    free(text);
    json_decref(draft);
}

static bool take_id(const json_t *value, uint8_t *id)
{
    const char *text = json_string_value(value);

    return text != NULL && hex_decode(text, id, UUID_BYTES) == 0;
}

static bool take_code(const json_t *value, char *code)
{
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) != CODE_BYTES) {
        return false;
    }
    memcpy(code, text, CODE_BYTES + 1);
    return true;
}

/* True where there is none. */
static bool take_profile(const json_t *value, char *profile)
{
    const char *text = json_string_value(value);

    if (text != NULL && strlen(text) <= PROFILE_NAME_BYTES_MAX) {
        memcpy(profile, text, strlen(text) + 1);
    }
    return value == NULL || profile[0] != '\0';
}

static bool take_lists(const json_t *json, struct event_view *head)
{
    const json_t *to = json_object_get(json, "to");
    const json_t *subjects = json_object_get(json, "subjects");

    head->recipient_count = json_array_size(to);
    head->subject_count = json_array_size(subjects);
    if (head->recipient_count > RECIPIENTS_MAX || head->subject_count > SUBJECTS_MAX) {
        return false;
    }
    for (size_t i = 0; i < head->recipient_count; i++) {
        if (!take_code(json_array_get(to, i), head->to[i].code)) {
            return false;
        }
    }
    for (size_t i = 0; i < head->subject_count; i++) {
        const json_t *subject = json_array_get(subjects, i);
        if (!take_id(json_object_get(subject, "ref"), head->subjects[i].ref)) {
            return false;
        }
        head->subjects[i].case_type =
            (uint32_t)json_integer_value(json_object_get(subject, "case_type"));
    }
    return true;
}

static bool take_facts(json_t *json, struct draft *out)
{
    const char *name;
    json_t *value;
    json_t *facts = json_object_get(json, "facts");

    if (json_object_size(facts) > AGENT_FACTS_MAX) {
        return false;
    }
    json_object_foreach(facts, name, value)
    {
        if (!json_is_string(value)) {
            return false;
        }
        out->facts[out->event.fact_count++] = (struct fact_text){name, json_string_value(value)};
    }
    out->event.facts = out->facts;
    return true;
}

static bool take_all(json_t *json, struct draft *out)
{
    struct event_view *head = &out->event.head;

    head->schema = 1;
    head->kind = (uint32_t)json_integer_value(json_object_get(json, "kind"));
    head->occurred_ms = json_integer_value(json_object_get(json, "occurred_ms"));
    head->has_reply = take_id(json_object_get(json, "in_reply_to"), head->in_reply_to);
    head->has_supersedes = take_id(json_object_get(json, "supersedes"), head->supersedes);
    return take_id(json_object_get(json, "transfer"), head->transfer) &&
        take_code(json_object_get(json, "origin"), head->origin) &&
        take_code(json_object_get(json, "receiving"), head->receiving) &&
        take_code(json_object_get(json, "from"), head->from) &&
        take_profile(json_object_get(json, "profile"), head->profile) && take_lists(json, head) &&
        take_facts(json, out);
}

int draft_read(struct slice text, struct draft *out, struct complaint *why)
{
    memset(out, 0, sizeof *out);
    out->json = json_loadb((const char *)text.data, text.len, 0, NULL);
    if (out->json == NULL || !take_all(out->json, out)) {
        draft_free(out);
        return complain(why, E_CORRUPT, "the draft in the outbox cannot be read");
    }
    return 0;
}

void draft_free(struct draft *draft)
{
    json_decref(draft->json);
    draft->json = NULL;
}
