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

enum { TEXT_BYTES = 1024, RULE_BYTES = 16 };

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

struct sentence {
    char text[TEXT_BYTES];
    size_t used;
};

static void say(struct sentence *self, const char *before, const char *text, size_t len)
{
    if (len > 0 && self->used + strlen(before) + len + 1 < sizeof self->text) {
        int more = snprintf(self->text + self->used, sizeof self->text - self->used, "%s%.*s",
            before, (int)len, text);
        self->used += more < 0 ? 0 : (size_t)more;
    }
}

static void say_detail(
    struct sentence *self, const char *detail, const char *name, const char *before)
{
    size_t len = 0;
    const char *value = derived_detail(detail, name, &len);

    say(self, before, value, len);
}

static const char *authority_name(void *context, const char *code)
{
    const agent_core_t *self = context;
    const struct register_authority *authority =
        self->book == NULL ? NULL : register_authority_of(self->book, code);

    return authority == NULL || authority->name[0] == '\0' ? code : authority->name;
}

static void say_binds(agent_core_t *self, const char *detail, struct sentence *out)
{
    size_t len = 0;
    const char *codes = derived_detail(detail, "binds", &len);
    const char *before = "; to be kept by ";

    for (size_t at = 0; codes != NULL && at < len;) {
        size_t one = strcspn(codes + at, ", ");
        char code[CODE_BYTES + 1];
        if (one == CODE_BYTES) {
            memcpy(code, codes + at, CODE_BYTES);
            code[CODE_BYTES] = '\0';
            const char *name = authority_name(self, code);
            say(out, before, name, strlen(name));
            before = " and ";
        }
        at += one + 1;
    }
}

/* As the clock counts; nothing where its row is not known. */
static void say_late(agent_core_t *self, const struct notice_row *row, struct sentence *out)
{
    const procedures_t *tables = self->options.procedures;
    const struct clock_info *info =
        tables == NULL ? NULL : procedures_clock_named(tables, row->clock);
    size_t len = 0;
    const char *value = derived_detail(row->detail, "late", &len);
    char text[LATE_TEXT_BYTES];

    if (info != NULL && value != NULL) {
        (void)late_text(late_unit_of(info), (int32_t)strtol(value, NULL, 10), text);
        say(out, ", ", text, strlen(text));
    }
}

/* "Deadline missed: C01 Transfer conference, national, due 2026-04-08" */
static void say_clock(agent_core_t *self, const struct notice_row *row, struct sentence *out)
{
    const char *name = clock_name(self, row->clock);

    say(out, ": ", row->clock, strlen(row->clock));
    say(out, " ", name, strlen(name));
    say_detail(out, row->detail, "due", ", due ");
    say_binds(self, row->detail, out);
    say_detail(out, row->detail, "state", ", ");
    say_late(self, row, out);
}

static void say_rules(const json_t *rules, const char *before, struct sentence *out)
{
    size_t i;
    json_t *rule;

    json_array_foreach(rules, i, rule)
    {
        const char *id = json_string_value(json_object_get(rule, "id"));
        const char *title = json_string_value(json_object_get(rule, "title"));
        say(out, i == 0 ? before : "; ", id, strlen(id));
        say(out, " ", title, strlen(title));
    }
}

static void say_whom(const struct notice_row *row, struct sentence *out)
{
    say(out, ": ", row->code, strlen(row->code));
    say(out, ", now ", row->successors, strlen(row->successors));
    say(out, ", by ", row->by, strlen(row->by));
    say_detail(out, row->detail, "by", ", by ");
    say_detail(out, row->detail, "dimension", ": ");
    say_detail(out, row->detail, "from", ", from ");
    say_detail(out, row->detail, "to", " to ");
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

/* The detail in words, for a row of a list. */
static json_t *says_json(agent_core_t *self, const struct notice_row *row)
{
    const struct telling telling = {self->options.procedures, row->clock, authority_name, self};
    struct buf text = {0};

    tell_notice(&telling, row->rule, row->detail, &text);
    buf_put_u8(&text, 0);
    json_t *json = json_string((const char *)text.data);
    buf_free(&text);
    return json;
}

json_t *notice_json(agent_core_t *self, const struct notice_row *row)
{
    char word[DERIVED_WORD_BYTES];
    struct sentence sentence = {.used = 0};
    json_t *rules = rules_of(self, row);
    const char *title = derived_title((int)row->kind);
    json_t *json = json_pack("{s:s, s:o, s:o, s:I}", "kind", derived_word((int)row->kind, word),
        "at", json_stamp(row->at_ms), "recorded", json_stamp(row->recorded_ms), "leaf_index",
        (json_int_t)row->leaf_index);

    assert(json != NULL);
    put_ids(row, json);
    put_texts(self, row, json);
    say(&sentence, "", title, strlen(title));
    say_clock(self, row, &sentence);
    say_whom(row, &sentence);
    say_rules(rules, row->clock[0] == '\0' ? ": " : "; ", &sentence);
    json_object_set_new(json, "text", json_string(sentence.text));
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
    struct sentence sentence;
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
        const char *text = json_string_value(json_object_get(json, "text"));
        say(&self->sentence, self->sentence.used > 0 ? "; " : "", text, strlen(text));
        json_decref(json);
    }
}

void put_judgement(agent_core_t *self, const uint8_t *event, json_t *json)
{
    struct judged judged = {.core = self};

    store_notices(self->store, event, add_judgement, &judged);
    if (judged.sentence.used > 0) {
        json_object_set_new(json, "judgement", json_string(judged.sentence.text));
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
