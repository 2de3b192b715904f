/*
 * ops_notices: the broker's records as the local interface tells them: what the broker said, whole, and a sentence for
 * whoever has to act on it. Clocks and rules have the names of this agent's tables; ids alone where it has none. Cannot
 * fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent/ops.h"
#include "common/base/check.h"
#include "common/procedure/telling.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

enum { RULE_BYTES = 16 };

static const char *clock_name(const agent_core_t *self, const char *id)
{
    const procedures_t *tables = self->options.procedures;
    const struct clock_info *info = tables == NULL ? NULL : procedures_clock_named(tables, id);

    return info == NULL ? "" : info->name;
}

static void add_rule(agent_core_t *self, const char *id, json_t *rules)
{
    const procedures_t *tables = self->options.procedures;
    const struct rule_info *info = tables == NULL ? NULL : procedures_rule_named(tables, id);

    json_array_append_new(rules,
        json_pack("{s:s, s:s, s:s}", "id", id, "title", info == NULL ? "" : info->title, "text",
            info == NULL ? "" : info->check));
}

/* The one it names, or those that its detail lists: "rules=R04,R10". */
static json_t *rules_of(agent_core_t *self, const struct notice_row *row)
{
    json_t *rules = json_array();
    char id[RULE_BYTES];
    size_t len = 0;

    if (row->rule[0] != '\0') {
        add_rule(self, row->rule, rules);
    }
    const char *at = derived_detail(row->detail, "rules", &len);
    for (const char *end = at == NULL ? NULL : at + len; at != NULL && at < end;) {
        size_t one = strcspn(at, ", ");
        if (one > 0 && one < sizeof id) {
            memcpy(id, at, one);
            id[one] = '\0';
            add_rule(self, id, rules);
        }
        at += one + 1;
    }
    return rules;
}

/* Nothing where there is no text. */
static void say(struct buf *out, const char *before, struct slice text)
{
    if (text.len > 0) {
        buf_put_text(out, "%s", before);
        buf_put_slice(out, text);
    }
}

static void say_text(struct buf *out, const char *before, const char *text)
{
    say(out, before, slice_of_text(text));
}

static struct slice detail_of(const struct notice_row *row, const char *name)
{
    size_t len = 0;
    const char *value = derived_detail(row->detail, name, &len);

    return value == NULL ? slice_of_text("") : slice_of(value, len);
}

static const char *authority_name(void *context, const char *code)
{
    const agent_core_t *self = context;
    const struct register_authority *authority =
        self->book == NULL ? NULL : register_authority_of(self->book, code);

    return authority == NULL || authority->name[0] == '\0' ? code : authority->name;
}

static struct telling telling_of(agent_core_t *self)
{
    return (struct telling){self->options.procedures, authority_name, self};
}

static void say_late(const struct notice_row *row, struct buf *out)
{
    struct slice value = detail_of(row, "late");
    char word[LATE_WORD_BYTES];
    char text[LATE_TEXT_BYTES];

    (void)snprintf(word, sizeof word, "%.*s", (int)value.len, (const char *)value.data);
    say_text(out, ", ", late_said(word, text));
}

/* "Deadline missed: C01 Transfer conference, national, due 2026-04-08; to be kept by Camden" */
static void say_clock(agent_core_t *self, const struct notice_row *row, struct buf *out)
{
    const struct telling telling = telling_of(self);
    struct slice binds = detail_of(row, "binds");

    say_text(out, ": ", row->clock);
    say_text(out, " ", clock_name(self, row->clock));
    say(out, ", due ", detail_of(row, "due"));
    if (binds.len > 0) {
        buf_put_text(out, "; to be kept by ");
        tell_names(&telling, binds, " and ", out);
    }
    say(out, ", ", detail_of(row, "state"));
    say_late(row, out);
}

static void say_rules(const json_t *rules, const char *before, struct buf *out)
{
    size_t i;
    json_t *rule;

    json_array_foreach(rules, i, rule)
    {
        say_text(out, i == 0 ? before : "; ", json_string_value(json_object_get(rule, "id")));
        say_text(out, " ", json_string_value(json_object_get(rule, "title")));
    }
}

static void say_whom(const struct notice_row *row, struct buf *out)
{
    say_text(out, ": ", row->code);
    say_text(out, ", now ", row->successors);
    say_text(out, ", by ", row->by);
    say(out, ", by ", detail_of(row, "by"));
    say(out, ": ", detail_of(row, "dimension"));
    say(out, ", from ", detail_of(row, "from"));
    say(out, " to ", detail_of(row, "to"));
}

static void put_ids(const struct notice_row *row, json_t *json)
{
    if (row->has_event) {
        json_object_set_new(json, "event", json_id(row->event));
    }
    if (row->has_transfer) {
        json_object_set_new(json, "transfer", json_id(row->transfer));
    }
    if (row->has_subject) {
        json_object_set_new(json, "subject", json_id(row->subject));
    }
}

static void put_texts(agent_core_t *self, const struct notice_row *row, json_t *json)
{
    const struct {
        const char *name;
        const char *text;
    } texts[] = {{"code", row->code}, {"successors", row->successors}, {"by", row->by},
        {"clock", row->clock}, {"clock_name", clock_name(self, row->clock)},
        {"detail", row->detail}};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].text[0] != '\0') {
            json_object_set_new(json, texts[i].name, json_string(texts[i].text));
        }
    }
}

/* Taken: the text as a JSON string. */
static json_t *json_taken(struct buf *text)
{
    json_t *json =
        text->len == 0 ? json_string("") : json_stringn((const char *)text->data, text->len);

    buf_free(text);
    return json;
}

/* The detail in words, for a row of a list. */
static json_t *says_json(agent_core_t *self, const struct notice_row *row)
{
    const struct telling telling = telling_of(self);
    struct buf text = {0};

    tell_notice(&telling, row->rule, row->detail, &text);
    return json_taken(&text);
}

static json_t *sentence_json(
    agent_core_t *self, const struct notice_row *row, const char *title, const json_t *rules)
{
    struct buf text = {0};

    say_text(&text, "", title);
    say_clock(self, row, &text);
    say_whom(row, &text);
    say_rules(rules, row->clock[0] == '\0' ? ": " : "; ", &text);
    return json_taken(&text);
}

json_t *notice_json(agent_core_t *self, const struct notice_row *row)
{
    char word[DERIVED_WORD_BYTES];
    json_t *rules = rules_of(self, row);
    const char *title = derived_title((int)row->kind);
    json_t *json = json_pack("{s:s, s:o, s:o, s:I}", "kind", derived_word((int)row->kind, word),
        "at", json_stamp(row->at_ms), "recorded", json_stamp(row->recorded_ms), "leaf_index",
        (json_int_t)row->leaf_index);

    assert(json != NULL);
    put_ids(row, json);
    put_texts(self, row, json);
    json_object_set_new(json, "text", sentence_json(self, row, title, rules));
    json_object_set_new(json, "title", json_string(title));
    json_object_set_new(json, "says", says_json(self, row));
    json_object_set_new(json, "rules", rules);
    if (row->code_err != 0 && row->code_err < INT32_MAX) {
        json_object_set_new(json, "fault", json_string(err_name(-(int)row->code_err)));
    }
    return json;
}

/* ---- what was made of an event ---- */

struct judged {
    agent_core_t *core;
    struct buf text;
};

static bool is_judgement(uint32_t kind)
{
    return kind == WAYPOST__SYSTEM_KIND__REFUSED || kind == WAYPOST__SYSTEM_KIND__HELD ||
        kind == WAYPOST__SYSTEM_KIND__ALERT_RAISED || kind == WAYPOST__SYSTEM_KIND__ENGINE_FAULT;
}

static void add_judgement(void *context, const struct notice_row *row)
{
    struct judged *self = context;

    if (is_judgement(row->kind)) {
        json_t *json = notice_json(self->core, row);
        say_text(&self->text, self->text.len > 0 ? "; " : "",
            json_string_value(json_object_get(json, "text")));
        json_decref(json);
    }
}

void put_judgement(agent_core_t *self, const uint8_t *event, json_t *json)
{
    struct judged judged = {.core = self};

    store_notices(self->store, event, add_judgement, &judged);
    if (judged.text.len > 0) {
        json_object_set_new(json, "judgement", json_taken(&judged.text));
    }
}

/* ---- lists ---- */

struct listing {
    agent_core_t *core;
    json_t *list;
};

static void add_notice(void *context, const struct notice_row *row)
{
    struct listing *listing = context;

    json_array_append_new(listing->list, notice_json(listing->core, row));
}

json_t *notices_json(agent_core_t *self, const uint8_t *event)
{
    struct listing listing = {self, json_array()};

    store_notices(self->store, event, add_notice, &listing);
    return listing.list;
}
