/*
 * timeline: see timeline.h. Errors on the stream are the caller's to notice (ferror).
 */
#include "client/lab/timeline.h"

#include <string.h>

#include <jansson.h>

#include "client/lab/limits.h"
#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { NAME_BYTES = 2 * SCENARIO_NAME_BYTES_MAX + 2 };

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
static const char *about(const scenario_t *scenario, const struct record *record, char *text)
{
    uint32_t transfer =
        record->has_transfer ? transfer_named(scenario, record->transfer) : SCENARIO_NONE;
    uint32_t child = record->has_subject ? child_named(scenario, record->subject) : SCENARIO_NONE;

    return scenario_target_text(scenario, transfer, child, text, NAME_BYTES);
}

/* Told with the event itself. */
static bool is_told_with_event(const char *kind)
{
    static const char *const kinds[] = {"accepted", "persisted", "refused", "held"};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i], kind) == 0) {
            return true;
        }
    }
    return false;
}

static void put_clock(
    struct timeline *self, const scenario_t *scenario, const struct record *record)
{
    const struct clock_info *clock = procedures_clock_named(scenario->procedures, record->clock);

    fprintf(self->out, " %s %s", record->clock, clock != NULL ? clock->name : "");
}

static void put_record(
    struct timeline *self, const scenario_t *scenario, const struct record *record, int64_t now_ms)
{
    char name[NAME_BYTES];
    bool own_time = record->at_ms != now_ms;

    if (is_told_with_event(record->kind)) {
        return;
    }
    if (own_time) {
        put_time(self, record->at_ms);
    } else {
        fprintf(self->out, "            ");
    }
    fprintf(self->out, "%s:", data_files_system_title(self->data, record->kind));
    if (record->clock != NULL) {
        put_clock(self, scenario, record);
    }
    if (record->rule != NULL) {
        fprintf(self->out, " %s", record->rule);
    }
    fprintf(self->out, " %s%s%s\n", about(scenario, record, name),
        record->detail[0] != '\0' ? "  " : "", record->detail);
}

static void put_verdicts(struct timeline *self, const scenario_t *scenario,
    const struct scenario_event *event, const struct rehearsal_network *network)
{
    const engine_t *engine = network->engine(network->self, NULL);

    for (uint32_t i = 0; i < event->child_count; i++) {
        const struct scenario_child *child = &scenario->children[event->children[i]];
        struct engine_verdict verdict;
        if (engine_verdict(engine, event->id, child->ref, &verdict) != 0) {
            continue;
        }
        fprintf(self->out, "            %s: %s", child->name, verdict_words[verdict.verdict]);
        for (size_t k = 0; k < verdict.rule_count; k++) {
            fprintf(self->out, " %s", verdict.rules[k]);
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
    size_t count = engine_recipients(network->engine(network->self, NULL), event->id, codes);
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
    json_t *verdicts = json_object();

    for (uint32_t i = 0; i < event->child_count; i++) {
        const struct scenario_child *child = &scenario->children[event->children[i]];
        struct engine_verdict verdict;
        if (engine_verdict(engine, event->id, child->ref, &verdict) != 0) {
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
    size_t count = engine_recipients(network->engine(network->self, NULL), event->id, codes);
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
    struct timeline *self, const scenario_t *scenario, const struct record *record)
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
            put_record(self, scenario, &log->items[self->seen], statement->now_ms);
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
