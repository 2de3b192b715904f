/* ops_broker: requests that the broker answers: listening, shape, trace, hold, release,
 * counters. Each waits at most 10 s. */
#include <stdio.h>
#include <string.h>

#include "client/agent/ops.h"
#include "common/base/check.h"

#include "common/base/banned.h"

/* ---- waiting requests ---- */

static struct pending *free_place(agent_core_t *self)
{
    for (size_t i = 0; i < AGENT_PENDING_REQUESTS; i++) {
        if (self->pending[i].request == 0) {
            return &self->pending[i];
        }
    }
    return NULL;
}

static struct pending *pending_of(agent_core_t *self, uint64_t request)
{
    for (size_t i = 0; i < AGENT_PENDING_REQUESTS && request != 0; i++) {
        if (self->pending[i].request == request) {
            return &self->pending[i];
        }
    }
    return NULL;
}

static void settle(agent_core_t *self, struct pending *place, json_t *answer)
{
    uint64_t client = place->client;

    memset(place, 0, sizeof *place);
    (void)self->ports.answer(self->ports.context, client, answer);
}

static struct pending *begin(struct op *op, uint32_t operation)
{
    agent_core_t *self = op->core;

    if (self->state != SESSION_OPEN) {
        complain(op->why, E_UNREACHABLE, "the broker cannot be reached just now");
        return NULL;
    }
    struct pending *place = free_place(self);
    if (place == NULL) {
        complain(op->why, E_BUSY, "too many questions are open; try again");
        return NULL;
    }
    *place = (struct pending){.request = ++self->last_request,
        .client = op->client,
        .operation = operation,
        .deadline_ms = agent_mono(self) + AGENT_REQUEST_TIMEOUT_MS};
    return place;
}

void ops_offline(agent_core_t *self)
{
    for (size_t i = 0; i < AGENT_PENDING_REQUESTS; i++) {
        if (self->pending[i].request != 0) {
            settle(self, &self->pending[i],
                ops_error(E_UNREACHABLE, "the connection to the broker ended"));
        }
    }
}

void ops_tick(agent_core_t *self)
{
    int64_t now_ms = agent_mono(self);

    for (size_t i = 0; i < AGENT_PENDING_REQUESTS; i++) {
        if (self->pending[i].request != 0 && now_ms >= self->pending[i].deadline_ms) {
            settle(
                self, &self->pending[i], ops_error(E_TIMEOUT, "the broker did not answer in time"));
        }
    }
}

void ops_refused(agent_core_t *self, const Waypost__Refused *refused)
{
    struct pending *place = pending_of(self, refused->request);

    if (place != NULL) {
        json_t *answer = ops_error(-(int)refused->code, refused->text);
        settle(self, place,
            answer != NULL ? answer
                           : ops_error(-(int)refused->code, err_text(-(int)refused->code)));
    }
}

/* ---- is anyone listening? ---- */

json_t *op_listening(struct op *op)
{
    agent_core_t *self = op->core;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Query query = WAYPOST__QUERY__INIT;
    const char *code = op_text(op, "code", true);

    if (code == NULL) {
        return NULL;
    }
    if (strlen(code) != CODE_BYTES ||
        (self->book != NULL && register_authority_of(self->book, code) == NULL)) {
        const char *near = self->book == NULL ? NULL : register_authority_nearest(self->book, code);
        complain(op->why, E_CODE, "%.60s is no authority of the register%s%s", code,
            near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
        return NULL;
    }
    struct pending *place = begin(op, 0);
    if (place == NULL) {
        return NULL;
    }
    query.request = place->request;
    query.code = (char *)(uintptr_t)code;
    frame.body_case = WAYPOST__FRAME__BODY_QUERY;
    frame.query = &query;
    (void)agent_send(self, &frame);
    return NULL;
}

void ops_answer(agent_core_t *self, const Waypost__Answer *answer)
{
    struct pending *place = pending_of(self, answer->request);

    if (place == NULL || place->operation != 0) {
        return;
    }
    json_t *json = json_pack("{s:b, s:s, s:b, s:b, s:I, s:I, s:I}", "ok", 1, "code", answer->code,
        "registered", answer->registered, "connected", answer->connected, "pending",
        (json_int_t)answer->pending, "unopened", (json_int_t)answer->unopened, "oldest_unopened_ms",
        (json_int_t)answer->oldest_unopened_ms);
    assert(json != NULL);
    json_put_stamp(json, "last_contact", answer->last_contact_ms);
    json_put_stamp(json, "oldest_pending", answer->oldest_pending_ms);
    settle(self, place, json);
}

/* ---- operators ---- */

static const struct {
    const char *name;
    Waypost__Operation operation;
    bool event;
} operations[] = {
    {"shape", WAYPOST__OPERATION__SHAPE, false},
    {"trace", WAYPOST__OPERATION__TRACE, true},
    {"hold", WAYPOST__OPERATION__HOLD, true},
    {"release", WAYPOST__OPERATION__RELEASE, true},
    {"counters", WAYPOST__OPERATION__COUNTERS, false},
    {"broker_alarms", WAYPOST__OPERATION__ALARMS, false},
    {"note_replay", WAYPOST__OPERATION__NOTE_REPLAY, false},
};

json_t *op_operate(struct op *op)
{
    agent_core_t *self = op->core;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Operate operate = WAYPOST__OPERATE__INIT;
    const char *name = op_text(op, "op", true);
    uint8_t event[UUID_BYTES];
    size_t at = 0;

    while (strcmp(operations[at].name, name) != 0) {
        at++;
        assert(at < sizeof operations / sizeof operations[0]);
    }
    if (operations[at].event && !op_id(op, "event", true, event, NULL)) {
        return NULL;
    }
    if (self->me != NULL && !register_agent_has_role(self->me, REGISTER_ROLE_OPERATOR)) {
        complain(op->why, E_NOT_ALLOWED, "%s is for an operator's agent; agent %s is none", name,
            self->me->id);
        return NULL;
    }
    const char *own = op_text(op, "own", false);
    const char *by = op_text(op, "by", false);
    const char *detail = op_text(op, "detail", false);
    if (op->why->rc != 0) {
        return NULL;
    }
    Waypost__Operation operation =
        own == NULL ? operations[at].operation : WAYPOST__OPERATION__OWN_ALARM;
    struct pending *place = begin(op, (uint32_t)operation);
    if (place == NULL) {
        return NULL;
    }
    operate.request = place->request;
    operate.operation = operation;
    operate.alarm = (char *)(uintptr_t)own;
    operate.by = own == NULL ? NULL : (char *)(uintptr_t)(by == NULL ? "somebody" : by);
    operate.detail = (char *)(uintptr_t)detail;
    operate.has_event = operations[at].event;
    operate.event = binary_of(slice_of(event, UUID_BYTES));
    frame.body_case = WAYPOST__FRAME__BODY_OPERATE;
    frame.operate = &operate;
    (void)agent_send(self, &frame);
    return NULL;
}

static json_t *shape_json(const Waypost__Operated *operated)
{
    json_t *list = json_array();

    for (size_t i = 0; i < operated->n_shape; i++) {
        const Waypost__ShapeRow *row = operated->shape[i];
        json_t *ages = json_array();
        for (size_t k = 0; k < row->n_by_age; k++) {
            json_array_append_new(ages, json_integer((json_int_t)row->by_age[k]));
        }
        json_t *json = json_pack("{s:s, s:I, s:o, s:b}", "agent", row->agent, "total",
            (json_int_t)row->total, "by_age", ages, "connected", row->connected);
        json_put_stamp(json, "last_contact", row->last_contact_ms);
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *trace_json(const Waypost__Operated *operated)
{
    json_t *list = json_array();

    for (size_t i = 0; i < operated->n_trace; i++) {
        const Waypost__TraceStep *step = operated->trace[i];
        json_t *json = json_pack("{s:s}", "step", step->step);
        json_put_stamp(json, "at", step->at_ms);
        if (step->agent != NULL) {
            json_object_set_new(json, "agent", json_string(step->agent));
        }
        if (step->has_number) {
            json_object_set_new(json, "number", json_integer((json_int_t)step->number));
        }
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *counters_json(const Waypost__Operated *operated)
{
    json_t *list = json_array();

    for (size_t i = 0; i < operated->n_counters; i++) {
        json_array_append_new(list,
            json_pack("{s:s, s:I}", "name", operated->counters[i]->name, "value",
                (json_int_t)operated->counters[i]->value));
    }
    return list;
}

static json_t *broker_alarms_json(const Waypost__Operated *operated)
{
    json_t *list = json_array();

    for (size_t i = 0; i < operated->n_alarms; i++) {
        const Waypost__AlarmRow *row = operated->alarms[i];
        struct alarm alarm = {.since_ms = row->since_ms, .told = row->told};
        agent_copy_text(alarm.name, sizeof alarm.name, row->name);
        agent_copy_text(alarm.text, sizeof alarm.text, row->text);
        agent_copy_text(alarm.owner, sizeof alarm.owner, row->owner);
        json_array_append_new(list, alarm_json(&alarm));
    }
    return list;
}

void ops_operated(agent_core_t *self, const Waypost__Operated *operated)
{
    struct pending *place = pending_of(self, operated->request);
    json_t *json = json_pack("{s:b}", "ok", 1);

    if (place == NULL || place->operation == 0) {
        json_decref(json);
        return;
    }
    switch (place->operation) {
    case WAYPOST__OPERATION__SHAPE:
        json_object_set_new(json, "shape", shape_json(operated));
        break;
    case WAYPOST__OPERATION__TRACE:
        json_object_set_new(json, "trace", trace_json(operated));
        break;
    case WAYPOST__OPERATION__ALARMS:
    case WAYPOST__OPERATION__OWN_ALARM:
        json_object_set_new(json, "alarms", broker_alarms_json(operated));
        break;
    case WAYPOST__OPERATION__COUNTERS:
        json_object_set_new(json, "counters", counters_json(operated));
        break;
    default:
        break;
    }
    settle(self, place, json);
}
