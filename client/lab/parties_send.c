/* parties_send: an event of the scenario as its agent is told it, by the local interface. Failures: parties.h. */
#include "client/lab/parties.h"

#include <string.h>

#include "common/base/civil.h"

#include "common/base/banned.h"

static struct event_view read_event(struct parties *self, const struct scenario_event *event)
{
    struct event_view view = {0};

    if (event_read(event->bytes, &view, NULL) != 0) {
        parties_stop(self, "an event of the scenario cannot be read");
    }
    return view;
}

/* ---- ids: the scenario's events, and what agents have drawn for them ---- */

static const char *real_id(struct parties *self, const uint8_t *id)
{
    for (uint32_t i = 0; i < self->scenario->event_count; i++) {
        if (memcmp(self->scenario->events[i].id, id, UUID_BYTES) == 0 && self->events[i].sent) {
            return self->events[i].id;
        }
    }
    parties_stop(self, "an event refers to one that was not sent");
    return "";
}

/* Facts that name an event name ours. */
static json_t *real_facts(struct parties *self, json_t *facts)
{
    const char *name;
    json_t *value;
    json_t *out = json_object();

    json_object_foreach(facts, name, value)
    {
        const struct fact_info *fact = catalogue_fact_named(name);
        uint8_t id[UUID_BYTES];
        bool event = fact != NULL && fact->type == FACT_REF && json_is_string(value) &&
            uuid_parse(json_string_value(value), id) == 0;
        if (event) {
            json_object_set_new(out, name, json_string(real_id(self, id)));
        } else {
            json_object_set(out, name, value);
        }
    }
    return out;
}

/* ---- parts of a request ---- */

static json_t *facts_of(struct parties *self, const struct event_view *view)
{
    json_t *whole = event_json(view);
    json_t *facts = real_facts(self, json_object_get(whole, "facts"));
    const char *name;
    json_t *value;

    json_object_foreach(whole, name, value)
    {
        const struct fact_info *fact = catalogue_fact_named(name);
        if (fact != NULL && fact->envelope && fact->type != FACT_REF) {
            json_object_set(facts, name, value);
        }
    }
    json_decref(whole);
    if (view->has_reply) {
        json_object_set_new(facts, "ref", json_string(real_id(self, view->in_reply_to)));
    }
    if (view->has_supersedes) {
        json_object_set_new(facts, "supersedes", json_string(real_id(self, view->supersedes)));
    }
    return facts;
}

/* The scenario's bytes are sealed already: an agent seals what stood in the statement itself. */
static json_t *sealed_of(const struct scenario_event *event)
{
    json_t *sealed = json_object();

    for (const struct fact_text *fact = event->sealed; fact != NULL && fact->name != NULL; fact++) {
        json_object_set_new(sealed, fact->name, json_string(fact->value));
    }
    return sealed;
}

static json_t *codes_of(const struct event_view *view)
{
    json_t *list = json_array();

    for (size_t i = 0; i < view->recipient_count; i++) {
        json_array_append_new(list, json_string(view->to[i].code));
    }
    return list;
}

static json_t *subjects_of(const struct event_view *view)
{
    json_t *list = json_array();
    char text[UUID_TEXT_BYTES];

    for (size_t i = 0; i < view->subject_count; i++) {
        uuid_format(view->subjects[i].ref, text);
        json_array_append_new(list, json_string(text));
    }
    return list;
}

/* The agent is told of the transfer, as by telephone: ids and references are the scenario's. */
static void tell_transfer(struct parties *self, const char *agent, uint32_t index)
{
    const struct scenario_transfer *transfer = &self->scenario->transfers[index];
    json_t *subjects = json_array();
    char text[UUID_TEXT_BYTES];

    for (uint32_t i = 0; i < transfer->child_count; i++) {
        const struct scenario_child *child = &self->scenario->children[transfer->children[i]];
        struct fact_value type = {.fact = catalogue_case_type(), .number = child->case_type};
        uuid_format(child->ref, text);
        json_array_append_new(subjects,
            json_pack("{s:s, s:s, s:s}", "name", child->name, "ref", text, "case_type",
                fact_value_word(type.fact, (uint32_t)type.number)));
    }
    uuid_format(transfer->id, text);
    json_decref(parties_need(self, agent,
        json_pack("{s:s, s:s, s:s, s:s, s:o}", "op", "new_transfer", "transfer", text, "origin",
            transfer->origin, "receiving", transfer->receiving, "subjects", subjects)));
}

/* ---- sending ---- */

void parties_send(struct parties *self, uint32_t index)
{
    const struct scenario_event *event = &self->scenario->events[index];
    const struct event_view view = read_event(self, event);
    const struct kind_info *kind = catalogue_kind(event->kind);
    char transfer[UUID_TEXT_BYTES];
    char occurred[CIVIL_STAMP_BYTES];

    tell_transfer(self, event->from, event->transfer);
    uuid_format(view.transfer, transfer);
    civil_stamp_utc(view.occurred_ms, occurred);
    json_t *request = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:b}", "op", "send",
        "kind", kind->name, "transfer", transfer, "to", codes_of(&view), "subjects",
        subjects_of(&view), "facts", facts_of(self, &view), "sealed", sealed_of(event), "occurred",
        occurred, "allow_incomplete", 1);
    json_object_set_new(request, "allow_unknown", json_true()); /* R54 */
    json_object_set_new(request, "from", json_string(event->from));
    if (view.profile[0] != '\0') {
        json_object_set_new(request, "profile", json_string(view.profile));
    }
    if (kind->carries_documents) {
        json_object_set_new(request, "attachments",
            json_pack("[{s:s, s:s}]", "name", "documents.txt", "base64", "aW52ZW50ZWQ="));
    }
    json_t *answer = parties_need(self, event->from, request);
    struct party_event *made = &self->events[index];
    const char *id = json_string_value(json_object_get(answer, "event"));
    made->sent = id != NULL && uuid_parse(id, made->bytes) == 0;
    if (made->sent) {
        uuid_format(made->bytes, made->id);
    }
    json_decref(answer);
}

/* ---- what else an agent is told ---- */

int parties_open(
    struct parties *self, const char *code, uint32_t event, const char *role, const char *team)
{
    json_t *request = json_pack("{s:s, s:s, s:s}", "op", "open", "event", self->events[event].id,
        "role", role[0] == '\0' ? "duty_manager" : role);

    if (team[0] != '\0') {
        json_object_set_new(request, "team", json_string(team));
    }
    json_t *answer = parties_ask(self, code, request, NULL);
    bool opened = answer != NULL;
    json_decref(answer);
    return opened ? 0 : E_STATE;
}

/* An event without a sealed part, or one whose is gone already, has nothing to erase: that is no fault. */
void parties_erase(struct parties *self, uint32_t event)
{
    json_t *answer = parties_ask(self, self->scenario->events[event].from,
        json_pack(
            "{s:s, s:s, s:s}", "op", "erase", "event", self->events[event].id, "reason", "consent"),
        NULL);

    json_decref(answer);
}
