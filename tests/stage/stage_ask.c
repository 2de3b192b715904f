/* stage_ask: what agents answer on their sockets, as the rehearsal wants it. Failures: stage.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"
#include "tests/stage/children.h"
#include "tests/stage/stage.h"

#include "common/base/banned.h"

enum { ASK_TIMEOUT_MS = 20000 };

json_t *stage_ask(struct stage_agent *agent, json_t *request, const char **error)
{
    char *text = json_dumps(request, JSON_COMPACT);
    char *answer = NULL;

    wp_timeout(agent->link, ASK_TIMEOUT_MS);
    int rc = wp_call(agent->link, text, &answer);
    json_t *json = rc == 0 ? json_loads(answer, 0, NULL) : NULL;
    if (json == NULL && error != NULL) {
        *error = wp_error_text(agent->link);
    }
    wp_free(answer);
    free(text);
    json_decref(request);
    return json;
}

json_t *stage_need(struct stage_agent *agent, json_t *request)
{
    const char *error = "";
    char *text = json_dumps(request, JSON_COMPACT);
    json_t *answer = stage_ask(agent, request, &error);

    if (answer == NULL) {
        stage_die("%s: %s (asked %s)", agent->id, error, text);
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

void stage_forget_answers(struct stage *self)
{
    while (self->answer_count > 0) {
        json_decref(self->answers[--self->answer_count].json);
    }
}

/* NULL where the agent knows nothing of that transfer. Lent until something happens. */
static const json_t *transfer_of(struct stage *self, const char *view, const uint8_t *transfer)
{
    char text[UUID_TEXT_BYTES];

    for (size_t i = 0; i < self->answer_count; i++) {
        const struct stage_answer *known = &self->answers[i];
        if (strcmp(known->view, view) == 0 && memcmp(known->transfer, transfer, UUID_BYTES) == 0) {
            return known->json;
        }
    }
    if (self->answer_count == STAGE_ANSWERS_MAX) {
        stage_forget_answers(self);
    }
    struct stage_answer *made = &self->answers[self->answer_count++];
    (void)snprintf(made->view, sizeof made->view, "%s", view);
    memcpy(made->transfer, transfer, UUID_BYTES);
    uuid_format(transfer, text);
    made->json = stage_ask(stage_agent_of(self, view),
        json_pack("{s:s, s:s}", "op", "transfer", "transfer", text), NULL);
    return made->json;
}

static const json_t *child_of(
    struct stage *self, const char *view, const uint8_t *transfer, const uint8_t *subject)
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
    struct stage *self = context;
    json_t *answer =
        stage_need(stage_agent_of(self, STAGE_HUB), json_pack("{s:s}", "op", "measures"));
    const json_t *value = json_object_get(json_object_get(answer, "measures"), name);
    int rc = json_is_integer(value) ? 0 : E_NOT_FOUND;

    *out = json_integer_value(value);
    json_decref(answer);
    return rc;
}

/* ---- clocks ---- */

static const char *const state_words[] = {"running", "met", "cancelled", "breached", "superseded"};

static enum clock_state state_of(const char *word)
{
    for (size_t i = 0; i < sizeof state_words / sizeof state_words[0]; i++) {
        if (strcmp(word, state_words[i]) == 0) {
            return (enum clock_state)i;
        }
    }
    stage_die("clock state %s is not known", word);
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
    out->due.provisional = json_is_true(json_object_get(row, "provisional"));
}

static void read_late(const json_t *row, struct engine_clock *out)
{
    const char *unit = member(row, "late_unit");

    out->late = (int32_t)json_integer_value(json_object_get(row, "late"));
    out->late_unit = strcmp(unit, "working days") == 0 ? LIMIT_WD
        : strcmp(unit, "minutes") == 0                 ? LIMIT_MIN
                                                       : LIMIT_D;
}

static void read_clock(const struct stage *self, const json_t *row, struct engine_clock *out)
{
    const json_t *binds = json_object_get(row, "binds");

    *out = (struct engine_clock){.state = state_of(member(row, "state")),
        .info = procedures_clock_named(self->scenario->procedures, member(row, "clock")),
        .advisory = json_is_true(json_object_get(row, "advisory")),
        .belief = json_is_true(json_object_get(row, "belief")),
        .stopped = json_is_true(json_object_get(row, "stopped"))};
    if (out->info == NULL) {
        stage_die("clock %s is not known", member(row, "clock"));
    }
    read_due(row, out);
    read_late(row, out);
    (void)uuid_parse(member(row, "event"), out->event);
    while (out->bound_count < json_array_size(binds) && out->bound_count < 2) {
        out->bound[out->bound_count] = json_string_value(json_array_get(binds, out->bound_count));
        out->bound_count++;
    }
}

static void answer_clocks(void *context, const char *view, const uint8_t *transfer,
    const uint8_t *subject,
    void (*visit)(void *context, const uint8_t *subject, const struct engine_clock *clock),
    void *visit_context)
{
    struct stage *self = context;
    const json_t *rows = json_object_get(child_of(self, view, transfer, subject), "clocks");

    for (size_t i = 0; i < json_array_size(rows); i++) {
        struct engine_clock clock;
        read_clock(self, json_array_get(rows, i), &clock);
        visit(visit_context, subject, &clock);
    }
}

const struct agent_answers stage_answers = {.owner = answer_owner,
    .clocks = answer_clocks,
    .flag = answer_flag,
    .outstanding = answer_outstanding,
    .measure = answer_measure};

/* ---- records ---- */

static void add_notice(struct stage *self, const json_t *notice, const uint8_t *transfer)
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

const struct record_log *stage_records(struct stage *self, const char *view)
{
    record_log_clear(&self->seen);
    for (uint32_t i = 0; i < self->scenario->transfer_count; i++) {
        const uint8_t *id = self->scenario->transfers[i].id;
        const json_t *records = json_object_get(transfer_of(self, view, id), "records");
        for (size_t k = 0; k < json_array_size(records); k++) {
            add_notice(self, json_array_get(records, k), id);
        }
    }
    return &self->seen;
}

/* ---- who was told ---- */

/* A set of children of the scenario; grows with what is linked to them. */
struct children {
    uint32_t count;
    bool *in; /* owned, one a child */
};

static bool concerns(const struct children *self, const struct scenario_event *event)
{
    for (uint32_t i = 0; i < event->child_count; i++) {
        if (self->in[event->children[i]]) {
            return true;
        }
    }
    return false;
}

static bool is_linked_by(
    const struct stage *self, const struct children *set, const struct event_view *view)
{
    struct fact_walk walk = event_facts(view);
    struct fact_value value;
    bool linked = false;

    while (fact_next(&walk, &value)) {
        for (uint32_t i = 0; value.fact->type == FACT_SUBJECT && i < set->count; i++) {
            linked |= set->in[i] && value.bytes.len == UUID_BYTES &&
                memcmp(value.bytes.data, self->scenario->children[i].ref, UUID_BYTES) == 0;
        }
    }
    return linked;
}

/* Children that came into the set by the event; true where there are new ones. */
static bool join_children(struct children *set, const struct stage *self,
    const struct scenario_event *event, const struct event_view *view)
{
    bool grown = false;

    if (concerns(set, event) || is_linked_by(self, set, view)) {
        struct fact_walk walk = event_facts(view);
        struct fact_value value;
        for (uint32_t i = 0; i < event->child_count; i++) {
            grown |= !set->in[event->children[i]] && is_linked_by(self, set, view);
            set->in[event->children[i]] |= is_linked_by(self, set, view);
        }
        while (fact_next(&walk, &value)) {
            for (uint32_t i = 0; value.fact->type == FACT_SUBJECT && i < set->count; i++) {
                bool named = value.bytes.len == UUID_BYTES &&
                    memcmp(value.bytes.data, self->scenario->children[i].ref, UUID_BYTES) == 0;
                grown |= named && !set->in[i];
                set->in[i] |= named;
            }
        }
    }
    return grown;
}

static bool is_between(const struct stage *self, const struct event_view *view, const char *council)
{
    const char *codes[RECIPIENTS_MAX];
    uint8_t id[UUID_BYTES];

    if (strcmp(view->from, council) == 0) {
        return true;
    }
    memcpy(id, view->id, UUID_BYTES);
    for (uint32_t i = 0; i < self->scenario->event_count; i++) {
        if (memcmp(self->scenario->events[i].id, view->id, UUID_BYTES) == 0) {
            memcpy(id, self->events[i].bytes, UUID_BYTES);
        }
    }
    size_t count = engine_recipients(audit_engine(self->audit), id, codes);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(codes[i], council) == 0) {
            return true;
        }
    }
    return false;
}

static bool grow(struct children *set, const struct stage *self)
{
    struct event_view event;
    bool grown = false;

    for (uint32_t i = 0; i < self->scenario->event_count; i++) {
        grown |= self->events[i].sent &&
            event_read(self->scenario->events[i].bytes, &event, NULL) == 0 &&
            join_children(set, self, &self->scenario->events[i], &event);
    }
    return grown;
}

bool stage_was_told(
    struct stage *self, const char *view, const uint32_t *children, uint32_t child_count)
{
    const scenario_t *scenario = self->scenario;
    struct children set = {.count = scenario->child_count};
    struct event_view event;
    bool told = true;

    set.in = mem_new((size_t)scenario->child_count + 1, sizeof *set.in);
    for (uint32_t i = 0; i < child_count; i++) {
        set.in[children[i]] = true;
    }
    while (grow(&set, self)) {
        continue;
    }
    for (uint32_t i = 0; told && i < scenario->event_count; i++) {
        told = !self->events[i].sent || !concerns(&set, &scenario->events[i]) ||
            (event_read(scenario->events[i].bytes, &event, NULL) == 0 &&
                is_between(self, &event, view));
    }
    free(set.in);
    return told;
}

/* ---- agreement ---- */

struct clock_tally {
    const struct engine_clock *wanted;
    bool found;
};

static void tally(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    struct clock_tally *self = context;
    const struct engine_clock *wanted = self->wanted;

    (void)subject;
    self->found |= strcmp(clock->info->id, wanted->info->id) == 0 &&
        clock->state == wanted->state && clock->has_due == wanted->has_due &&
        (!clock->has_due || clock->due.runs_out_ms == wanted->due.runs_out_ms);
}

/* One child as the journal has it, to be held against one agent's answer. */
struct comparing {
    struct stage *stage;
    const char *view;
    const uint8_t *transfer;
    const uint8_t *subject;
    struct buf *why;
    bool same;
};

static void differ(struct comparing *self, const char *what, const char *name)
{
    char ref[UUID_TEXT_BYTES];

    uuid_format(self->subject, ref);
    buf_put_text(self->why, "%s%s differs in %s %s of %.8s", self->why->len > 0 ? "; " : "",
        self->view, what, name, ref);
    self->same = false;
}

static void compare_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    struct comparing *self = context;
    struct clock_tally tallying = {.wanted = clock};

    answer_clocks(self->stage, self->view, self->transfer, subject, tally, &tallying);
    if (!tallying.found) {
        differ(self, state_words[clock->state], clock->info->id);
    }
}

static void compare_owner(struct comparing *self, const engine_t *engine, enum dimension dimension)
{
    const char *wanted[8];
    const char *got[8];
    size_t count = engine_owner(engine, self->transfer, self->subject, dimension, wanted);
    bool same = answer_owner(self->stage, self->view, self->transfer, self->subject, dimension,
                    got) == count;

    for (size_t i = 0; same && i < count; i++) {
        same = strcmp(wanted[i], got[i]) == 0;
    }
    if (!same) {
        differ(self, "owner", dimension_names[dimension]);
    }
}

static void compare_child(struct comparing *self, const engine_t *engine)
{
    const char *name;

    for (int i = 0; i < DIM_COUNT; i++) {
        compare_owner(self, engine, (enum dimension)i);
    }
    for (size_t i = 0; (name = engine_flag_name(i)) != NULL; i++) {
        const char *wanted = engine_flag(engine, self->transfer, self->subject, name);
        const char *got = answer_flag(self->stage, self->view, self->transfer, self->subject, name);
        if ((wanted == NULL) != (got == NULL) || (wanted != NULL && strcmp(wanted, got) != 0)) {
            differ(self, "flag", name);
        }
    }
    engine_clocks(engine, self->transfer, self->subject, compare_clock, self);
}

bool stage_agrees(struct stage *self, const char *view, struct buf *why)
{
    struct comparing comparing = {.stage = self, .view = view, .why = why, .same = true};

    for (uint32_t i = 0; i < self->scenario->transfer_count; i++) {
        const struct scenario_transfer *transfer = &self->scenario->transfers[i];
        bool party = strcmp(transfer->origin, view) == 0 || strcmp(transfer->receiving, view) == 0;
        comparing.transfer = transfer->id;
        if (!party || transfer_of(self, view, transfer->id) == NULL) {
            continue;
        }
        for (uint32_t k = 0; k < transfer->child_count; k++) {
            comparing.subject = self->scenario->children[transfer->children[k]].ref;
            if (stage_was_told(self, view, &transfer->children[k], 1)) {
                compare_child(&comparing, audit_engine(self->audit));
            }
        }
    }
    return comparing.same;
}
