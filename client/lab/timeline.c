/*
 * timeline: see timeline.h. Errors on the stream are the caller's to notice (ferror).
 */
#include "client/lab/timeline.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "client/lab/limits.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/procedure/telling.h"

#include "common/base/banned.h"

enum { NAME_BYTES = 2 * SCENARIO_NAME_BYTES_MAX + 2, DETAIL_WORD_BYTES = 128, INDENT = 12 };

static const char *const verdict_words[] = {
    [VERDICT_UNJUDGED] = "not judged",
    [VERDICT_EFFECTIVE] = "effective",
    [VERDICT_ALERT] = "effective, flagged",
    [VERDICT_REFUSED] = "refused",
    [VERDICT_HELD] = "held",
    [VERDICT_TURNED_AWAY] = "turned away",
};

/* ---- text ---- */

static void put_day(struct timeline *self, int64_t at_ms)
{
    static const char *const weekdays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    int32_t day = civil_london_day(at_ms);
    char text[CIVIL_DATE_BYTES];

    if (day == self->day) {
        return;
    }
    self->day = day;
    civil_date_text(day, text);
    fprintf(self->out, "\n%s %s\n", weekdays[civil_weekday(day)], text);
}

/* "10:05", with seconds where there are some. */
static void put_time(struct timeline *self, int64_t at_ms)
{
    char stamp[CIVIL_STAMP_BYTES];

    put_day(self, at_ms);
    civil_stamp_london(at_ms, stamp);
    fprintf(self->out, "  %.*s%s", strcmp(stamp + 16, ":00") == 0 ? 5 : 8, stamp + 11,
        strcmp(stamp + 16, ":00") == 0 ? "     " : "  ");
}

static uint32_t child_named(const scenario_t *scenario, const uint8_t *ref)
{
    for (uint32_t i = 0; i < scenario->child_count; i++) {
        if (memcmp(scenario->children[i].ref, ref, UUID_BYTES) == 0) {
            return i;
        }
    }
    return SCENARIO_NONE;
}

static uint32_t transfer_named(const scenario_t *scenario, const uint8_t *id)
{
    for (uint32_t i = 0; i < scenario->transfer_count; i++) {
        if (memcmp(scenario->transfers[i].id, id, UUID_BYTES) == 0) {
            return i;
        }
    }
    return SCENARIO_NONE;
}

/* "T/ash"; "" where the record is about none. */
static const char *about(const scenario_t *scenario, const struct log_record *record, char *text)
{
    uint32_t transfer =
        record->has_transfer ? transfer_named(scenario, record->transfer) : SCENARIO_NONE;
    uint32_t child = record->has_subject ? child_named(scenario, record->subject) : SCENARIO_NONE;

    return scenario_target_text(scenario, transfer, child, text, NAME_BYTES);
}

/* Told with the event itself, or with its verdict. */
static bool is_told_with_event(const struct log_record *record)
{
    static const char *const kinds[] = {"accepted", "persisted", "opened", "refused", "held"};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i], record->kind) == 0) {
            return true;
        }
    }
    return strcmp(record->kind, "alert_raised") == 0 && record->clock == NULL;
}

/* A word of the detail; "" where it is not there. text of DETAIL_WORD_BYTES; returned. */
static const char *detail_word(const struct log_record *record, const char *name, char *text)
{
    size_t len = 0;
    const char *value = record_detail(record, name, &len);

    if (value == NULL || len >= DETAIL_WORD_BYTES) {
        return "";
    }
    memcpy(text, value, len);
    text[len] = '\0';
    return text;
}

/* Names of the authorities in a list of codes. */
static void put_names(struct timeline *self, const char *codes, const char *between)
{
    for (const char *at = codes; *at != '\0';) {
        char code[CODE_BYTES + 1] = "";
        size_t len = strcspn(at, ",");
        memcpy(code, at, len < sizeof code ? len : 0);
        fprintf(self->out, "%s%s", at != codes ? between : "", data_files_name(self->data, code));
        at += len + (at[len] == ',' ? 1 : 0);
    }
}

/* A UTC stamp of a detail as London time; other texts as they are. */
static void put_rules(struct timeline *self, const char *ids)
{
    struct buf text = {0};

    tell_rules(self->tables, slice_of_text(ids), &text);
    fprintf(self->out, "%.*s", (int)text.len, (const char *)text.data);
    buf_free(&text);
}

static void put_stamp(struct timeline *self, const char *text)
{
    char stamp[CIVIL_STAMP_BYTES];
    int64_t at_ms;

    if (civil_time_parse(text, &at_ms) == 0) {
        civil_stamp_london(at_ms, stamp);
        stamp[16] = '\0';
        text = stamp;
    }
    fprintf(self->out, "%s", text);
}

static void say_set(struct timeline *self, const struct log_record *record)
{
    char text[DETAIL_WORD_BYTES];
    const char *due = detail_word(record, "due", text);

    fprintf(self->out, due[0] != '\0' && strcmp(due, "none") != 0 ? "due " : "no time limit");
    if (due[0] != '\0' && strcmp(due, "none") != 0) {
        put_stamp(self, due);
    }
    bool provisional = strcmp(detail_word(record, "provisional", text), "yes") == 0;
    const char *binds = detail_word(record, "binds", text);
    fprintf(self->out, "%s, ", provisional ? " (provisional)" : "");
    if (strchr(binds, ',') != NULL) {
        fprintf(self->out, "it binds ");
        put_names(self, binds, " and ");
    } else if (binds[0] != '\0') {
        put_names(self, binds, " and ");
        fprintf(self->out, " must act");
    } else {
        fprintf(self->out, "advisory: it binds nobody");
    }
}

static void say_stopped(struct timeline *self, const struct log_record *record)
{
    char text[DETAIL_WORD_BYTES];
    char late[LATE_TEXT_BYTES];

    fprintf(self->out, "%s", detail_word(record, "state", text));
    (void)late_said(detail_word(record, "late", text), late);
    fprintf(self->out, "%s%s", late[0] == '\0' ? "" : ", ", late);
}

static void say_breached(struct timeline *self, const struct log_record *record)
{
    char text[DETAIL_WORD_BYTES];

    fprintf(self->out, "has run out, it was due ");
    put_stamp(self, detail_word(record, "due", text));
}

static void say_passed(struct timeline *self, const struct log_record *record)
{
    char text[DETAIL_WORD_BYTES];

    fprintf(self->out, "case responsibility passes from ");
    put_names(self, detail_word(record, "from", text), ", ");
    fprintf(self->out, " to ");
    put_names(self, detail_word(record, "to", text), ", ");
    fprintf(self->out, " as of ");
    put_stamp(self, detail_word(record, "effective_at", text));
}

static void say_flagged(struct timeline *self, const struct log_record *record)
{
    put_rules(self, record->rule);
    fprintf(self->out, ": flagged to both and the hub");
}

static void say_version(struct timeline *self, const struct log_record *record)
{
    char text[NAME_BYTES];

    fprintf(self->out, "profile %s counts in version ", detail_word(record, "profile", text));
    fputs(detail_word(record, "version", text), self->out);
    fprintf(self->out, " from %s", detail_word(record, "from", text));
}

/* What is said in words of its own; all others are told by the title of their row. */
static const struct {
    const char *kind;
    void (*say)(struct timeline *self, const struct log_record *record);
} sayings[] = {
    {"deadline_set", say_set},
    {"deadline_stopped", say_stopped},
    {"deadline_breached", say_breached},
    {"responsibility_transferred", say_passed},
    {"alert_raised", say_flagged},
    {"profile_changed", say_version},
};

static void say_record(struct timeline *self, const struct log_record *record)
{
    for (size_t i = 0; i < sizeof sayings / sizeof sayings[0]; i++) {
        if (strcmp(sayings[i].kind, record->kind) == 0) {
            sayings[i].say(self, record);
            return;
        }
    }
    const char *title = data_files_system_title(self->data, record->kind);
    fprintf(self->out, "%s%s%s", title, record->detail[0] != '\0' ? ": " : "", record->detail);
}

static void put_record(struct timeline *self, const scenario_t *scenario,
    const struct log_record *record, bool own_time)
{
    const struct clock_info *clock =
        record->clock != NULL ? procedures_clock_named(scenario->procedures, record->clock) : NULL;
    char name[NAME_BYTES];

    if (is_told_with_event(record)) {
        return;
    }
    if (own_time) {
        put_time(self, record->at_ms);
    } else {
        fprintf(self->out, "%*s", INDENT, "");
    }
    const char *whom = about(scenario, record, name);
    fprintf(self->out, "%s%s", whom, whom[0] != '\0' ? ": " : "");
    if (clock != NULL) {
        fprintf(self->out, "clock %s, %s, ", clock->id, clock->name);
    }
    say_record(self, record);
    fprintf(self->out, "\n");
}

static void put_verdicts(struct timeline *self, const scenario_t *scenario,
    const struct scenario_event *event, const struct rehearsal_network *network)
{
    const engine_t *engine = network->engine(network->self, NULL);
    const uint8_t *id = network_event_id(network, scenario, (uint32_t)(event - scenario->events));

    for (uint32_t i = 0; i < event->child_count; i++) {
        const struct scenario_child *child = &scenario->children[event->children[i]];
        struct engine_verdict verdict;
        if (engine_verdict(engine, id, child->ref, &verdict) != 0) {
            continue;
        }
        fprintf(self->out, "            %s: %s", child->name, verdict_words[verdict.verdict]);
        for (size_t k = 0; k < verdict.rule_count; k++) {
            fprintf(self->out, "%s", k == 0 ? ": " : "; ");
            put_rules(self, verdict.rules[k]);
        }
        fprintf(self->out, "\n");
    }
}

/* "Islington to Camden: Move of a child notified, T/ash" */
static void put_event(struct timeline *self, const scenario_t *scenario,
    const struct statement *statement, const struct rehearsal_network *network)
{
    const struct scenario_event *event = &scenario->events[statement->event];
    const struct kind_info *kind = catalogue_kind(event->kind);
    const char *codes[RECIPIENTS_MAX];
    size_t count = engine_recipients(network->engine(network->self, NULL),
        network_event_id(network, scenario, statement->event), codes);
    enum event_fate fate = network->fate(network->self, statement->event);

    put_time(self, statement->now_ms);
    fprintf(self->out, "%s", data_files_name(self->data, event->from));
    for (size_t i = 0; i < count; i++) {
        fprintf(self->out, "%s%s", i == 0 ? " to " : ", ", data_files_name(self->data, codes[i]));
    }
    fprintf(self->out, ": %s, %s%s%s\n", kind->title, scenario->transfers[event->transfer].name,
        statement->kind == STATEMENT_RESENDS ? ", once more" : "",
        fate == FATE_WAITING           ? ", waits in its outbox"
            : fate == FATE_TURNED_AWAY ? ", turned away at the door (R53)"
                                       : "");
    if (statement->kind == STATEMENT_SENDS) {
        put_verdicts(self, scenario, event, network);
    }
}

static void put_statement(
    struct timeline *self, const scenario_t *scenario, const struct statement *statement)
{
    const char *label =
        statement->event != SCENARIO_NONE ? scenario->events[statement->event].label : NULL;
    const char *name = data_files_name(self->data, statement->code);

    if (statement->kind == STATEMENT_AT) {
        return;
    }
    put_time(self, statement->now_ms);
    switch (statement->kind) {
    case STATEMENT_OPENS:
        fprintf(self->out, "%s opens %s%s%s\n", name, label,
            statement->role[0] != '\0' ? " as " : "", statement->role);
        break;
    case STATEMENT_OFFLINE:
        fprintf(self->out, "%s is cut off\n", name);
        break;
    case STATEMENT_ONLINE:
        fprintf(self->out, "%s is back\n", name);
        break;
    case STATEMENT_BROKER_STOPS:
        fprintf(self->out, "the broker is killed\n");
        break;
    case STATEMENT_BROKER_STARTS:
        fprintf(self->out, "the broker starts again on its store\n");
        break;
    case STATEMENT_ERASE:
        fprintf(self->out, "the sealed part of %s is withdrawn\n", label);
        break;
    default:
        break;
    }
}

/* ---- JSON ---- */

static json_t *time_json(int64_t at_ms)
{
    char stamp[CIVIL_STAMP_BYTES];

    civil_stamp_utc(at_ms, stamp);
    return json_string(stamp);
}

static void put_json(struct timeline *self, json_t *line)
{
    json_dumpf(line, self->out, JSON_COMPACT);
    fputc('\n', self->out);
    json_decref(line);
}

static json_t *verdicts_json(const scenario_t *scenario, const struct scenario_event *event,
    const struct rehearsal_network *network)
{
    const engine_t *engine = network->engine(network->self, NULL);
    const uint8_t *id = network_event_id(network, scenario, (uint32_t)(event - scenario->events));
    json_t *verdicts = json_object();

    for (uint32_t i = 0; i < event->child_count; i++) {
        const struct scenario_child *child = &scenario->children[event->children[i]];
        struct engine_verdict verdict;
        if (engine_verdict(engine, id, child->ref, &verdict) != 0) {
            continue;
        }
        json_t *rules = json_array();
        for (size_t k = 0; k < verdict.rule_count; k++) {
            json_array_append_new(rules, json_string(verdict.rules[k]));
        }
        json_object_set_new(verdicts, child->name,
            json_pack("{s:s, s:o}", "verdict", verdict_words[verdict.verdict], "rules", rules));
    }
    return verdicts;
}

static void put_event_json(struct timeline *self, const scenario_t *scenario,
    const struct statement *statement, const struct rehearsal_network *network)
{
    const struct scenario_event *event = &scenario->events[statement->event];
    const char *codes[RECIPIENTS_MAX];
    size_t count = engine_recipients(network->engine(network->self, NULL),
        network_event_id(network, scenario, statement->event), codes);
    struct event_view view;
    json_t *to = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(to, json_string(codes[i]));
    }
    int rc = event_read(event->bytes, &view, NULL);
    assert(rc == 0); /* it was read when it was built */
    put_json(self,
        json_pack("{s:s, s:o, s:i, s:b, s:s, s:o, s:o, s:o, s:b}", "type", "event", "at",
            time_json(statement->now_ms), "line", (int)statement->line, "again",
            statement->kind == STATEMENT_RESENDS, "transfer",
            scenario->transfers[event->transfer].name, "delivered_to", to, "verdicts",
            verdicts_json(scenario, event, network), "event", event_json(&view), "accepted",
            network->fate(network->self, statement->event) == FATE_ACCEPTED));
}

static void put_record_json(
    struct timeline *self, const scenario_t *scenario, const struct log_record *record)
{
    char name[NAME_BYTES];
    json_t *line = json_pack("{s:s, s:s, s:o, s:o, s:s, s:s?, s:s?, s:s}", "type", "record", "kind",
        record->kind, "at", time_json(record->at_ms), "recorded", time_json(record->recorded_ms),
        "about", about(scenario, record, name), "clock", record->clock, "rule", record->rule,
        "detail", record->detail);

    put_json(self, line);
}

static void put_statement_json(struct timeline *self, const struct statement *statement)
{
    put_json(self,
        json_pack("{s:s, s:o, s:i, s:s}", "type", "statement", "at", time_json(statement->now_ms),
            "line", (int)statement->line, "text", statement->text));
}

/* ---- the story ---- */

void timeline_begin(struct timeline *self, const scenario_t *scenario)
{
    self->seen = 0;
    self->day = INT32_MIN;
    self->tables = scenario->procedures;
    if (self->json) {
        put_json(self,
            json_pack("{s:s, s:s, s:s}", "type", "scenario", "file", scenario->file, "title",
                scenario->title));
        return;
    }
    fprintf(self->out, "%s\n", scenario->title);
}

static void put_records(struct timeline *self, const scenario_t *scenario,
    const struct statement *statement, const struct rehearsal_network *network)
{
    const struct record_log *log = network->log(network->self);

    for (; self->seen < log->kept; self->seen++) {
        if (self->json) {
            put_record_json(self, scenario, &log->items[self->seen]);
        } else {
            put_record(self, scenario, &log->items[self->seen],
                statement->kind == STATEMENT_AT ||
                    log->items[self->seen].at_ms != statement->now_ms);
        }
    }
}

void timeline_step(struct timeline *self, const scenario_t *scenario,
    const struct statement *statement, const struct rehearsal_network *network)
{
    bool event = statement->kind == STATEMENT_SENDS || statement->kind == STATEMENT_RESENDS;

    if (statement->kind == STATEMENT_EXPECT) {
        return;
    }
    if (self->json && event) {
        put_event_json(self, scenario, statement, network);
    } else if (self->json) {
        put_statement_json(self, statement);
    } else if (event) {
        put_event(self, scenario, statement, network);
    } else {
        put_statement(self, scenario, statement);
    }
    put_records(self, scenario, statement, network);
}
