/* view_parts: see view_parts.h. What cannot be read is left out. */
#include "client/hub/view_parts.h"

#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/codec/frame.h"
#include "common/procedure/telling.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

json_t *part_stamp(int64_t ms)
{
    char text[CIVIL_STAMP_BYTES];

    if (ms == 0) {
        return json_null();
    }
    civil_stamp_utc(ms, text);
    return json_string(text);
}

json_t *part_place(const struct hub_view *self, int64_t place)
{
    char code[CODE_BYTES + 1];

    tables_code(self->tables, place, code);
    return json_pack("{s:s, s:s}", "code", code, "name", tables_name(self->tables, code));
}

json_t *part_case(int64_t blind)
{
    char text[BLIND_TEXT_BYTES];

    blind_text(blind, text);
    return json_string(text);
}

json_t *part_blind(const struct hub_view *self, enum blind_what what, const uint8_t *id)
{
    return part_case(blind_number(self->tables->blind_key, what, id));
}

const char *part_clock_name(const struct hub_view *self, const char *clock)
{
    const struct clock_info *info =
        self->procedures == NULL ? NULL : procedures_clock_named(self->procedures, clock);

    return info == NULL ? clock : info->name;
}

const char *part_kind_title(uint32_t kind)
{
    const struct kind_info *info = catalogue_kind(kind);

    return info == NULL ? "Event of a kind that is not known here" : info->title;
}

/* ---- records ---- */

const char *part_record_title(uint32_t kind)
{
    return derived_title((int)kind);
}

static void put_text(json_t *json, const char *name, sqlite3_stmt *row, int column)
{
    char text[320];

    row_text(row, column, text, sizeof text);
    if (text[0] != '\0') {
        json_object_set_new(json, name, json_string(text));
    }
}

/* detail holds codes, dates, counts, rules and words of the catalogue; an id in it would be an event's. */
static void put_detail(json_t *json, sqlite3_stmt *row, int column)
{
    char text[320];
    char kept[320];
    size_t used = 0;

    row_text(row, column, text, sizeof text);
    for (char *at = text; *at != '\0';) {
        size_t len = strcspn(at, " ");
        const char *value = memchr(at, '=', len);
        size_t value_len = value == NULL ? 0 : len - (size_t)(value - at) - 1;
        uint8_t id[UUID_BYTES];
        char word[UUID_TEXT_BYTES] = "";
        if (value_len == UUID_TEXT_BYTES - 1) {
            memcpy(word, value + 1, value_len);
            word[value_len] = '\0';
        }
        if (len > 0 && uuid_parse(word, id) != 0 && used + len + 2 < sizeof kept) {
            if (used > 0) {
                kept[used++] = ' ';
            }
            memcpy(kept + used, at, len);
            used += len;
        }
        at += len + strspn(at + len, " ");
    }
    kept[used] = '\0';
    if (used > 0) {
        json_object_set_new(json, "detail", json_string(kept));
    }
}

static const char *place_name(void *context, const char *code)
{
    return tables_name(context, code);
}

/* What a person wants to read of a record: its rule and its detail. */
static json_t *says_json(const struct hub_view *self, const json_t *record)
{
    const char *const members[] = {"rule", "detail"};
    const char *texts[2];
    struct buf text = {0};

    for (size_t i = 0; i < 2; i++) {
        const char *value = json_string_value(json_object_get(record, members[i]));
        texts[i] = value == NULL ? "" : value;
    }
    const struct telling telling = {self->procedures, place_name, self->tables};
    tell_notice(&telling, texts[0], texts[1], &text);
    buf_put_u8(&text, 0);
    json_t *json = json_string((const char *)text.data);
    buf_free(&text);
    return json;
}

json_t *part_record(const struct hub_view *self, sqlite3_stmt *row)
{
    uint32_t kind = (uint32_t)row_int(row, 0);
    struct slice event = row_blob(row, 1);
    char clock[16];
    char word[DERIVED_WORD_BYTES];
    json_t *json = json_pack("{s:s, s:s, s:o, s:o}", "kind", derived_word((int)kind, word), "title",
        part_record_title(kind), "at", part_stamp(row_int(row, 3)), "recorded",
        part_stamp(row_int(row, 4)));

    assert(json != NULL);
    if (event.len == UUID_BYTES) {
        json_object_set_new(json, "event", part_blind(self, BLIND_EVENT, event.data));
    }
    struct slice subject = row_blob(row, 2);
    if (subject.len == UUID_BYTES) {
        json_object_set_new(json, "child", part_blind(self, BLIND_CHILD, subject.data));
    }
    put_text(json, "code", row, 5);
    put_text(json, "clock", row, 6);
    row_text(row, 6, clock, sizeof clock);
    if (clock[0] != '\0') {
        json_object_set_new(json, "name", json_string(part_clock_name(self, clock)));
    }
    put_text(json, "rule", row, 7);
    put_detail(json, row, 8);
    json_object_set_new(json, "says", says_json(self, json));
    return json;
}

/* ---- events ---- */

static void blind_subjects(const struct hub_view *self, const struct event_view *view, json_t *json)
{
    json_t *list = json_object_get(json, "subjects");

    for (size_t i = 0; i < json_array_size(list) && i < view->subject_count; i++) {
        json_object_set_new(
            json_array_get(list, i), "ref", part_blind(self, BLIND_CHILD, view->subjects[i].ref));
    }
}

/* References of letters, digests of documents and the like are the same words elsewhere. */
static void withhold_facts(json_t *facts)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(facts, next, name, value)
    {
        const struct fact_info *fact = catalogue_fact_named(name);
        bool joins = fact == NULL || fact->type == FACT_ID || fact->type == FACT_HASH ||
            fact->type == FACT_REF || fact->type == FACT_SUBJECT;
        if (joins) {
            json_object_set_new(facts, name, json_string("(kept back)"));
        }
    }
}

json_t *part_event(const struct hub_view *self, const struct event_view *view)
{
    static const char *const left_out[] = {
        "incarnation", "sequence", "facts_hex", "in_reply_to", "supersedes", "sealed_bytes"};
    json_t *json = event_json(view);
    size_t i;
    json_t *recipient;

    json_object_set_new(json, "id", part_blind(self, BLIND_EVENT, view->id));
    json_object_set_new(json, "transfer", part_blind(self, BLIND_CASE, view->transfer));
    if (view->has_reply) {
        json_object_set_new(json, "answers", part_blind(self, BLIND_EVENT, view->in_reply_to));
    }
    for (size_t k = 0; k < sizeof left_out / sizeof left_out[0]; k++) {
        (void)json_object_del(json, left_out[k]);
    }
    blind_subjects(self, view, json);
    json_array_foreach(json_object_get(json, "to"), i, recipient)
    {
        (void)json_object_del(recipient, "n");
    }
    withhold_facts(json_object_get(json, "facts"));
    return json;
}

json_t *part_level(const struct hub_view *self, int64_t place, uint32_t level, int64_t at_ms,
    uint32_t role, const char *team)
{
    char code[CODE_BYTES + 1];
    const struct fact_info *roles = catalogue_enum_named("person_role");
    const char *word = role == 0 || roles == NULL ? NULL : fact_value_word(roles, role);

    tables_code(self->tables, place, code);
    json_t *json = json_pack("{s:s, s:i, s:s, s:o}", "code", code, "level", (int)level, "word",
        level_word((enum level)level), "at", part_stamp(at_ms));
    assert(json != NULL);
    if (word != NULL) {
        json_object_set_new(json, "role", json_string(word));
    }
    if (team[0] != '\0') {
        json_object_set_new(json, "team", json_string(team));
    }
    return json;
}

/* ---- waits ---- */

int64_t part_quantile(
    const struct span_part *spans, size_t count, int64_t percent, int64_t threshold)
{
    int64_t total = 0;
    int64_t seen = 0;

    for (size_t i = 0; i < count; i++) {
        total += spans[i].count;
    }
    if (total == 0 || total < threshold) {
        return total == 0 ? -2 : COUNT_SMALL;
    }
    int64_t rank = (total * percent + 99) / 100;
    for (size_t i = 0; i < count; i++) {
        seen += spans[i].count;
        if (seen >= rank) {
            return spans[i].hours;
        }
    }
    return spans[count - 1].hours;
}

json_t *part_hours(int64_t hours)
{
    if (hours == COUNT_SMALL) {
        return json_string("few");
    }
    return hours < 0 ? json_null() : json_integer(hours);
}

int64_t part_first_day(const struct hub_view *self)
{
    return civil_london_day(self->now_ms) - self->days + 1;
}

int64_t part_first_month(const struct hub_view *self)
{
    struct civil_date date = civil_date_of(civil_london_day(self->now_ms));

    return (int64_t)date.year * 12 + date.month - 1 - 11;
}
