/*
 * scenario_parse: see scenario_parse.h. Two passes: what holds for the whole file
 * (parser_declare.c), then the statements in their order. A fault is returned with its line; half a
 * scenario never gets out.
 */
#include "client/lab/scenario_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lab/parser.h"
#include "common/base/check.h"
#include "common/base/words.h"

#include "common/base/banned.h"

void scenario_destroy(scenario_t **self_p)
{
    assert(self_p != NULL);
    scenario_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    procedures_destroy(&self->procedures);
    free(self->overrides);
    free(self->children);
    free(self->transfers);
    free(self->events);
    free(self->statements);
    shelf_destroy(&self->shelf);
    free(self);
    *self_p = NULL;
}

const char *scenario_target_text(
    const scenario_t *self, uint32_t transfer, uint32_t child, char *text, size_t bytes)
{
    const char *name = transfer != SCENARIO_NONE ? self->transfers[transfer].name : "";
    int len = child == SCENARIO_NONE
        ? snprintf(text, bytes, "%s", name)
        : snprintf(text, bytes, "%s/%s", name, self->children[child].name);

    assert(len >= 0);
    return text;
}

/* ---- room for more ---- */

struct scenario_event *event_new(struct parser *self)
{
    scenario_t *scenario = self->scenario;

    scenario->events = mem_grow(
        scenario->events, scenario->event_count, &self->event_capacity, sizeof *scenario->events);
    struct scenario_event *event = &scenario->events[scenario->event_count++];
    *event = (struct scenario_event){.line = self->line};
    return event;
}

static void statement_add(struct parser *self, const struct statement *statement)
{
    scenario_t *scenario = self->scenario;

    scenario->statements = mem_grow(scenario->statements, scenario->statement_count,
        &self->statement_capacity, sizeof *scenario->statements);
    scenario->statements[scenario->statement_count++] = *statement;
}

/* ---- statements that do something ---- */

static int parse_at(struct parser *self, struct statement *statement)
{
    int64_t now_ms;

    if (self->words.count < 2) {
        return complain(self->why, E_USAGE, "write: at TIME");
    }
    int rc = find_instant(self, self->words.at[1].text, &now_ms);
    rc = rc == 0 ? check_end(self, 2) : rc;
    if (rc != 0) {
        return rc;
    }
    if (self->has_clock && now_ms < self->now_ms) {
        return complain(self->why, E_DATE,
            "at %s lies before the `at` above it: time never goes back", self->words.at[1].text);
    }
    self->has_clock = true;
    self->now_ms = now_ms;
    statement->kind = STATEMENT_AT;
    statement->now_ms = now_ms;
    return 0;
}

static int need_clock(struct parser *self)
{
    return self->has_clock
        ? 0
        : complain(self->why, E_USAGE, "this needs a time: write at TIME before it");
}

static int take_label(struct parser *self, size_t index, struct statement *statement)
{
    if (self->words.count <= index || self->words.at[index].key != NULL) {
        return complain(self->why, E_USAGE, "name the event by its label here (as=LABEL)");
    }
    int rc = need_clock(self);
    return rc == 0 ? find_event(self, self->words.at[index].text, &statement->event) : rc;
}

static int parse_broker(struct parser *self, struct statement *statement)
{
    static const char *const verbs[] = {"stops", "starts"};
    const char *verb = self->words.count > 1 ? self->words.at[1].text : "";
    int rc = need_clock(self);

    if (rc != 0) {
        return rc;
    }
    if (strcmp(verb, "stops") != 0 && strcmp(verb, "starts") != 0) {
        return unknown_word(
            self, E_USAGE, "word after broker", verb, words_nearest_of(verb, verbs, 2));
    }
    statement->kind = strcmp(verb, "stops") == 0 ? STATEMENT_BROKER_STOPS : STATEMENT_BROKER_STARTS;
    return check_end(self, 2);
}

static int parse_erase(struct parser *self, struct statement *statement)
{
    int rc = take_label(self, 1, statement);

    statement->kind = STATEMENT_ERASE;
    return rc == 0 ? check_end(self, 2) : rc;
}

/* ---- statements of an authority: CODE verb ---- */

static int parse_resends(struct parser *self, struct statement *statement)
{
    int rc = take_label(self, 2, statement);

    if (rc != 0) {
        return rc;
    }
    const struct scenario_event *event = &self->scenario->events[statement->event];
    if (strcmp(event->from, statement->code) != 0) {
        return complain(self->why, E_SENDER, "%s was sent by %s: only the sender can send it again",
            event->label, event->from);
    }
    statement->kind = STATEMENT_RESENDS;
    self->last_event = statement->event;
    return check_end(self, 3);
}

static int parse_opens(struct parser *self, struct statement *statement)
{
    static const char *const keys[] = {"role", "team"};
    const struct fact_info *roles = catalogue_enum_named("person_role");
    uint32_t number;
    int rc = take_label(self, 2, statement);

    rc = rc == 0 ? check_keys(self, 3, keys, 2) : rc;
    if (rc != 0) {
        return rc;
    }
    const char *role = word_value(self, 3, "role");
    const char *team = word_value(self, 3, "team");
    if (role != NULL && fact_value_number(roles, role, &number) != 0) {
        return unknown_word(self, E_FACT_VALUE, "role", role, fact_value_nearest(roles, role));
    }
    statement->kind = STATEMENT_OPENS;
    statement->role = role != NULL ? role : "";
    statement->team = team != NULL ? team : "";
    return 0;
}

static int parse_link(struct parser *self, struct statement *statement, enum statement_kind kind)
{
    int rc = need_clock(self);

    statement->kind = kind;
    return rc == 0 ? check_end(self, 2) : rc;
}

static int parse_authority(struct parser *self, struct statement *statement)
{
    static const char *const verbs[] = {"sends", "resends", "opens", "offline", "online"};
    const char *code = self->words.at[0].text;
    const char *verb = self->words.count > 1 ? self->words.at[1].text : "";

    if (strcmp(verb, "sends") == 0) {
        return parse_sends(self, code, statement);
    }
    int rc = find_code(self, code, parser_today(self), statement->code);
    if (rc != 0) {
        return rc;
    }
    if (strcmp(verb, "resends") == 0) {
        return parse_resends(self, statement);
    }
    if (strcmp(verb, "opens") == 0) {
        return parse_opens(self, statement);
    }
    if (strcmp(verb, "offline") == 0) {
        return parse_link(self, statement, STATEMENT_OFFLINE);
    }
    if (strcmp(verb, "online") == 0) {
        return parse_link(self, statement, STATEMENT_ONLINE);
    }
    return unknown_word(self, E_USAGE, "word after an authority", verb,
        words_nearest_of(verb, verbs, sizeof verbs / sizeof verbs[0]));
}

/* ---- the pass ---- */

static bool is_declared(const char *word)
{
    return strcmp(word, "config") == 0 || strcmp(word, "register") == 0 ||
        strcmp(word, "transfer") == 0;
}

static int parse_statement(struct parser *self, struct statement *statement)
{
    static const char *const verbs[] = {
        "scenario", "config", "register", "transfer", "at", "broker", "erase", "expect"};
    const char *first = self->words.at[0].text;

    if (strcmp(first, "at") == 0) {
        return parse_at(self, statement);
    }
    if (strcmp(first, "expect") == 0) {
        statement->kind = STATEMENT_EXPECT;
        int rc = need_clock(self);
        return rc == 0 ? parse_expect(self, statement) : rc;
    }
    if (strcmp(first, "broker") == 0) {
        return parse_broker(self, statement);
    }
    if (strcmp(first, "erase") == 0) {
        return parse_erase(self, statement);
    }
    if (looks_like_code(first)) {
        return parse_authority(self, statement);
    }
    return unknown_word(self, E_USAGE, "statement", first,
        words_nearest_of(first, verbs, sizeof verbs / sizeof verbs[0]));
}

/* CODE sends ... : what the words are made into is kept, the words are not. */
static bool is_event(struct slice line)
{
    static const char verb[] = " sends ";
    size_t at = 0;

    while (at < line.len && (line.data[at] == ' ' || line.data[at] == '\t')) {
        at++;
    }
    at += CODE_BYTES;
    return at + sizeof verb - 1 <= line.len && memcmp(line.data + at, verb, sizeof verb - 1) == 0;
}

static int parse_line(struct parser *self, struct slice line, bool *begun)
{
    struct statement statement = {.line = self->line, .event = SCENARIO_NONE};
    bool event = is_event(line);

    self->shelf = event ? self->scratch : self->scenario->shelf;
    shelf_clear(self->scratch);
    int rc = words_cut(self->shelf, line, &self->words, self->why);

    if (rc != 0 || self->words.count == 0) {
        return rc;
    }
    const char *first = self->words.at[0].text;
    bool title = self->words.at[0].key == NULL && strcmp(first, "scenario") == 0;
    if (!*begun && !title) {
        return complain(self->why, E_USAGE,
            "the first statement of a file is: scenario \"TITLE\", not \"%.60s\"",
            self->words.line);
    }
    *begun = true;
    if (title || is_declared(first)) {
        return 0; /* read before */
    }
    statement.now_ms = self->now_ms;
    statement.text = event ? "" : self->words.line;
    rc = parse_statement(self, &statement);
    if (rc == 0) {
        statement_add(self, &statement);
    }
    return rc;
}

static int parse_statements(struct parser *self, struct slice text)
{
    bool begun = false;
    int rc = 0;

    self->line = 0;
    while (rc == 0 && text.len > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;
        self->line++;
        rc = parse_line(self, slice_of(text.data, len), &begun);
        len += end != NULL ? 1 : 0;
        text = slice_of(text.data + len, text.len - len);
    }
    if (rc == 0 && !begun) {
        self->line = 0;
        rc = complain(
            self->why, E_USAGE, "the file holds no statement: begin with scenario \"TITLE\"");
    }
    return rc;
}

int scenario_parse(const char *file, struct slice bytes, const data_files_t *data, scenario_t **out,
    struct scenario_fault *fault)
{
    scenario_t *scenario = mem_new(1, sizeof *scenario);
    struct parser parser = {
        .scenario = scenario, .data = data, .why = &fault->why, .last_event = SCENARIO_NONE};
    int rc = 0;

    scenario->shelf = parser.shelf = shelf_new();
    parser.scratch = shelf_new();
    scenario->file = shelf_text(scenario->shelf, file, strlen(file));
    scenario->title = "";
    if (bytes.len > SCENARIO_BYTES_MAX) {
        rc = complain(
            &fault->why, E_TOO_LARGE, "a scenario has at most %d bytes", SCENARIO_BYTES_MAX);
    }
    rc = rc == 0 ? data_files_procedures(data, &scenario->procedures, &fault->why) : rc;
    rc = rc == 0 ? parse_declarations(&parser, bytes) : rc;
    rc = rc == 0 ? parse_statements(&parser, bytes) : rc;
    shelf_destroy(&parser.scratch);
    free(parser.counters);
    free(parser.labels);
    if (rc != 0) {
        fault->line = parser.line;
        scenario_destroy(&scenario);
        return rc;
    }
    *out = scenario;
    return 0;
}
