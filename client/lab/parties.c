/*
 * parties: see parties.h. What an agent answers is believed as it is; a word in it that is unknown stops the rehearsal.
 */
#include "client/lab/parties.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { STOP_BYTES = 1024 };

/* ---- life ---- */

void parties_init(struct parties *self, const scenario_t *scenario, const char *hub,
    const struct parties_port *port)
{
    *self = (struct parties){.scenario = scenario, .hub = hub, .port = *port};
    self->events = mem_new((size_t)scenario->event_count + 1, sizeof *self->events);
    record_log_init(&self->log, true);
    record_log_init(&self->seen, true);
}

void parties_free(struct parties *self)
{
    parties_forget(self);
    record_log_free(&self->log);
    record_log_free(&self->seen);
    free(self->events);
}

void parties_stop(struct parties *self, const char *format, ...)
{
    char text[STOP_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    self->port.stop(self->port.context, text);
}

json_t *parties_ask(struct parties *self, const char *id, json_t *request, const char **error)
{
    const char *unheard = "";

    return self->port.ask(self->port.context, id, request, error == NULL ? &unheard : error);
}

json_t *parties_need(struct parties *self, const char *id, json_t *request)
{
    const char *error = "";
    char *text = json_dumps(request, JSON_COMPACT);
    json_t *answer = parties_ask(self, id, request, &error);

    if (answer == NULL) {
        parties_stop(self, "%s: %s (asked %s)", id, error, text);
        answer = json_object();
    }
    free(text);
    return answer;
}

/* ---- a child in a transfer ---- */

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static bool id_is(const json_t *object, const char *name, const uint8_t *id)
{
    char text[UUID_TEXT_BYTES];

    uuid_format(id, text);
    return strcmp(member(object, name), text) == 0;
}

void parties_forget(struct parties *self)
{
    while (self->answer_count > 0) {
        json_decref(self->answers[--self->answer_count].json);
    }
}

/* NULL where the agent knows nothing of that transfer. Lent until something happens. */
static const json_t *transfer_of(struct parties *self, const char *view, const uint8_t *transfer)
{
    char text[UUID_TEXT_BYTES];

    for (size_t i = 0; i < self->answer_count; i++) {
        const struct party_answer *known = &self->answers[i];
        if (strcmp(known->view, view) == 0 && memcmp(known->transfer, transfer, UUID_BYTES) == 0) {
            return known->json;
        }
    }
    if (self->answer_count == PARTY_ANSWERS_MAX) {
        parties_forget(self);
    }
    struct party_answer *made = &self->answers[self->answer_count++];
    (void)snprintf(made->view, sizeof made->view, "%s", view);
    memcpy(made->transfer, transfer, UUID_BYTES);
    uuid_format(transfer, text);
    made->json =
        parties_ask(self, view, json_pack("{s:s, s:s}", "op", "transfer", "transfer", text), NULL);
    return made->json;
}

bool parties_know(struct parties *self, const char *view, const uint8_t *transfer)
{
    return transfer_of(self, view, transfer) != NULL;
}

static const json_t *child_of(
    struct parties *self, const char *view, const uint8_t *transfer, const uint8_t *subject)
{
    const json_t *children = json_object_get(transfer_of(self, view, transfer), "children");

    for (size_t i = 0; i < json_array_size(children); i++) {
        if (id_is(json_array_get(children, i), "ref", subject)) {
            return json_array_get(children, i);
        }
    }
    return NULL;
}

static size_t answer_owner(void *context, const char *view, const uint8_t *transfer,
    const uint8_t *subject, enum dimension dimension, const char *out[8])
{
    const json_t *owners = json_object_get(child_of(context, view, transfer, subject), "owners");
    const json_t *codes = json_object_get(owners, dimension_names[dimension]);
    size_t count = 0;

    while (count < json_array_size(codes) && count < 8) {
        out[count] = json_string_value(json_array_get(codes, count));
        count++;
    }
    return count;
}

static const char *answer_flag(void *context, const char *view, const uint8_t *transfer,
    const uint8_t *subject, const char *name)
{
    const json_t *flags = json_object_get(child_of(context, view, transfer, subject), "flags");

    return json_string_value(json_object_get(flags, name));
}

static int64_t time_of(const json_t *object, const char *name)
{
    int64_t ms = 0;

    return civil_time_parse(member(object, name), &ms) == 0 ? ms : 0;
}

static void answer_outstanding(void *context, const char *view, const uint8_t *transfer,
    const uint8_t *subject, void (*visit)(void *context, const char *id, int64_t since_ms),
    void *visit_context)
{
    const json_t *rows = json_object_get(child_of(context, view, transfer, subject), "outstanding");

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        visit(visit_context, member(row, "id"), time_of(row, "since"));
    }
}

static int answer_measure(void *context, const char *name, int64_t *out)
{
    struct parties *self = context;
    json_t *answer = parties_need(self, self->hub, json_pack("{s:s}", "op", "measures"));
    const json_t *value = json_object_get(json_object_get(answer, "measures"), name);
    int rc = json_is_integer(value) ? 0 : E_NOT_FOUND;

    *out = json_integer_value(value);
    json_decref(answer);
    return rc;
}

/* ---- clocks ---- */

static const char *const state_words[] = {"running", "met", "cancelled", "breached", "superseded"};

static enum clock_state state_of(struct parties *self, const char *word)
{
    for (size_t i = 0; i < sizeof state_words / sizeof state_words[0]; i++) {
        if (strcmp(word, state_words[i]) == 0) {
            return (enum clock_state)i;
        }
    }
    parties_stop(self, "clock state %s is not known", word);
    return CLOCK_RUNNING;
}

static void read_due(const json_t *row, struct engine_clock *out)
{
    const char *due = member(row, "due");

    out->has_due = due[0] != '\0';
    if (!out->has_due) {
        return;
    }
    out->due.by_day = civil_date_parse(due, &out->due.due_day) == 0;
    if (!out->due.by_day) {
        out->due.due_ms = time_of(row, "due");
    }
    out->due.runs_out_ms = time_of(row, "runs_out");
    out->due.timed = out->due.runs_out_ms != 0;
    out->due.provisional = json_is_true(json_object_get(row, "beyond_holidays"));
}

static void read_late(const json_t *row, struct engine_clock *out)
{
    const char *unit = member(row, "late_unit");

    out->late = (int32_t)json_integer_value(json_object_get(row, "late"));
    out->late_unit = strcmp(unit, "working days") == 0 ? LIMIT_WD
        : strcmp(unit, "minutes") == 0                 ? LIMIT_MIN
                                                       : LIMIT_D;
}

static bool read_clock(struct parties *self, const json_t *row, struct engine_clock *out)
{
    const json_t *binds = json_object_get(row, "binds");

    *out = (struct engine_clock){.state = state_of(self, member(row, "state")),
        .info = procedures_clock_named(self->scenario->procedures, member(row, "clock")),
        .advisory = json_is_true(json_object_get(row, "advisory")),
        .belief = json_is_true(json_object_get(row, "belief")),
        .stopped = json_is_true(json_object_get(row, "stopped"))};
    if (out->info == NULL) {
        parties_stop(self, "clock %s is not known", member(row, "clock"));
        return false;
    }
    read_due(row, out);
    read_late(row, out);
    (void)uuid_parse(member(row, "event"), out->event);
    while (out->bound_count < json_array_size(binds) && out->bound_count < 2) {
        out->bound[out->bound_count] = json_string_value(json_array_get(binds, out->bound_count));
        out->bound_count++;
    }
    return true;
}

static void answer_clocks(void *context, const char *view, const uint8_t *transfer,
    const uint8_t *subject,
    void (*visit)(void *context, const uint8_t *subject, const struct engine_clock *clock),
    void *visit_context)
{
    struct parties *self = context;
    const json_t *rows = json_object_get(child_of(self, view, transfer, subject), "clocks");

    for (size_t i = 0; i < json_array_size(rows); i++) {
        struct engine_clock clock;
        if (read_clock(self, json_array_get(rows, i), &clock)) {
            visit(visit_context, subject, &clock);
        }
    }
}

const struct agent_answers parties_answers = {.owner = answer_owner,
    .clocks = answer_clocks,
    .flag = answer_flag,
    .outstanding = answer_outstanding,
    .measure = answer_measure};

/* ---- records ---- */

static void add_notice(struct parties *self, const json_t *notice, const uint8_t *transfer)
{
    struct engine_record record = {.kind = member(notice, "kind"),
        .at_ms = time_of(notice, "at"),
        .recorded_ms = time_of(notice, "recorded"),
        .clock = json_string_value(json_object_get(notice, "clock")),
        .rule = json_string_value(json_object_get(notice, "rule")),
        .transfer = transfer,
        .detail = member(notice, "detail")};
    uint8_t subject[UUID_BYTES];
    uint8_t event[UUID_BYTES];

    if (uuid_parse(member(notice, "subject"), subject) == 0) {
        record.subject = subject;
    }
    if (uuid_parse(member(notice, "event"), event) == 0) {
        record.event = event;
    }
    record_log_add(&self->seen, &record);
}

static void add_notices(struct parties *self, const json_t *list, const uint8_t *transfer)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        add_notice(self, json_array_get(list, i), transfer);
    }
}

/* What it was told about the events of a transfer, and the beliefs that turned out wrong. */
const struct record_log *parties_records(struct parties *self, const char *view)
{
    record_log_clear(&self->seen);
    for (uint32_t i = 0; i < self->scenario->transfer_count; i++) {
        const uint8_t *id = self->scenario->transfers[i].id;
        const json_t *transfer = transfer_of(self, view, id);
        const json_t *events = json_object_get(transfer, "events");
        for (size_t k = 0; k < json_array_size(events); k++) {
            add_notices(self, json_object_get(json_array_get(events, k), "notices"), id);
        }
        add_notices(self, json_object_get(transfer, "records"), id);
    }
    return &self->seen;
}

/* ---- beliefs, fates, payloads ---- */

struct belief_search {
    const char *clock;
    int64_t runs_out_ms;
    bool found;
};

static void see_belief(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    struct belief_search *self = context;

    (void)subject;
    self->found |= clock->belief && strcmp(clock->info->id, self->clock) == 0 &&
        clock->due.runs_out_ms == self->runs_out_ms;
}

bool parties_believes(struct parties *self, const char *view, const uint8_t *subject,
    const char *clock, int64_t runs_out_ms)
{
    struct belief_search search = {clock, runs_out_ms, false};

    for (uint32_t i = 0; i < self->scenario->transfer_count; i++) {
        answer_clocks(self, view, self->scenario->transfers[i].id, subject, see_belief, &search);
    }
    return search.found;
}

enum event_fate parties_fate(struct parties *self, uint32_t event)
{
    if (!self->events[event].sent) {
        return FATE_WAITING;
    }
    json_t *answer = parties_need(self, self->scenario->events[event].from,
        json_pack("{s:s, s:s}", "op", "show", "event", self->events[event].id));
    const char *state = member(answer, "state");
    enum event_fate found = strcmp(state, "accepted") == 0 ? FATE_ACCEPTED
        : strcmp(state, "refused") == 0                    ? FATE_TURNED_AWAY
                                                           : FATE_WAITING;
    json_decref(answer);
    return found;
}

/* An agent that the event has not reached holds nothing of it, though the order waits for it as well. */
static bool is_reached(struct parties *self, const char *agent, const char *event)
{
    json_t *answer =
        parties_ask(self, agent, json_pack("{s:s, s:s}", "op", "show", "event", event), NULL);
    bool reached = answer != NULL;

    json_decref(answer);
    return reached;
}

/* Whoever has it and has not said that it is gone there holds it still; before the order goes out nobody is named. */
static void count_holders(struct parties *self, const json_t *row, struct payload_seen *seen)
{
    const json_t *holders = json_object_get(row, "holders");

    seen->erase_asked = true;
    if (json_array_size(holders) == 0) {
        seen->copies = 1;
        seen->holder = "broker";
    }
    for (size_t i = 0; i < json_array_size(holders); i++) {
        const json_t *holder = json_array_get(holders, i);
        if (member(holder, "done")[0] == '\0' &&
            is_reached(self, member(holder, "agent"), member(row, "event"))) {
            seen->copies++;
            seen->holder = "an agent";
        }
    }
}

struct payload_seen parties_payload(struct parties *self, uint32_t event)
{
    struct payload_seen seen = {.exists = self->scenario->events[event].payload.len > 0,
        .commitment_fits = true,
        .withheld = record_log_has(&self->log, "payload_withheld", self->events[event].bytes)};

    if (!self->events[event].sent) {
        return seen;
    }
    json_t *answer = parties_need(self, self->scenario->events[event].from,
        json_pack("{s:s, s:b}", "op", "erasures", "all", 1));
    const json_t *rows = json_object_get(answer, "erasures");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (id_is(json_array_get(rows, i), "event", self->events[event].bytes)) {
            count_holders(self, json_array_get(rows, i), &seen);
        }
    }
    json_decref(answer);
    return seen;
}
