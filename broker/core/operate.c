/*
 * operate: what an operator asks for (S-23). What is a record (HOLD, RELEASE, a replay) is answered when it
 * is durable.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"

#include "common/base/banned.h"

/* ---- answers ---- */

static void operated_send(
    core_t *self, const struct session *session, Waypost__Operated *operated, uint64_t need)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    frame.body_case = WAYPOST__FRAME__BODY_OPERATED;
    frame.operated = operated;
    out_frame_after(self, session->id, &frame, need, false);
}

static void answer_counters(core_t *self, struct session *session, const Waypost__Operate *operate)
{
    Waypost__Operated operated = WAYPOST__OPERATED__INIT;
    Waypost__Counter rows[COUNTER_COUNT];
    Waypost__Counter *list[COUNTER_COUNT];

    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        waypost__counter__init(&rows[i]);
        rows[i].name = (char *)(uintptr_t)counter_name(i);
        rows[i].value = self->counters[i];
        list[i] = &rows[i];
    }
    operated.request = operate->request;
    operated.n_counters = COUNTER_COUNT;
    operated.counters = list;
    operated_send(self, session, &operated, 0);
}

static int64_t last_contact(const struct stream *stream)
{
    return stream->contact_ms > stream->seen_ms ? stream->contact_ms : stream->seen_ms;
}

static void answer_shape(core_t *self, struct session *session, const Waypost__Operate *operate)
{
    Waypost__Operated operated = WAYPOST__OPERATED__INIT;
    size_t count = self->stream_count;
    Waypost__ShapeRow *rows = mem_new(count + 1, sizeof *rows);
    Waypost__ShapeRow **list = mem_new(count + 1, sizeof(Waypost__ShapeRow *));
    uint64_t *ages = mem_new(count + 1, CORE_AGES * sizeof *ages);

    operated.request = operate->request;
    operated.shape = list;
    for (size_t i = 0; i < count; i++) {
        const struct stream *stream = self->streams[i];
        if (stream->last == stream->acked) {
            continue;
        }
        Waypost__ShapeRow *row = &rows[operated.n_shape];
        waypost__shape_row__init(row);
        row->agent = self->streams[i]->name;
        row->total = stream->last - stream->acked;
        row->by_age = &ages[operated.n_shape * CORE_AGES];
        row->n_by_age = CORE_AGES;
        stats_ages(self, stream, row->by_age);
        row->connected = stream->session != NULL;
        row->last_contact_ms = last_contact(stream);
        list[operated.n_shape++] = row;
    }
    operated_send(self, session, &operated, 0);
    free(rows);
    free(list);
    free(ages);
}

/* ---- hold ---- */

static bool is_event(const struct entry *entry, uint64_t position, uint16_t index)
{
    return entry->type == ENTRY_EVENT && (entry->flags & ENTRY_CLEAR) == 0 &&
        entry->position == position && entry->index == index;
}

/* Where the event waits: u32 stream, u64 number each, appended to out. E_STATE where it has left, E_NOT_FOUND. */
static int waiting_find(core_t *self, uint64_t position, uint16_t index, struct buf *out)
{
    for (size_t i = 0; i < self->stream_count; i++) {
        const struct stream *stream = self->streams[i];
        for (uint64_t n = stream->acked + 1; n <= stream->last; n++) {
            if (!is_event(stream_entry(stream, n), position, index)) {
                continue;
            }
            if (n <= stream_sent_last(stream) || stream->barrier != 0) {
                return E_STATE;
            }
            buf_put_u32(out, (uint32_t)i);
            buf_put_u64(out, n);
        }
    }
    return out->len == 0 ? E_NOT_FOUND : 0;
}

static uint64_t hold_record(
    core_t *self, enum _Waypost__SystemKind kind, const uint8_t *event, const char *by)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    uint64_t position;
    uint16_t index;
    struct stream *sender = NULL;
    uint64_t hubs = 0;

    derived.kind = kind;
    derived.at_ms = self->now_ms;
    derived.has_event = 1;
    derived.event = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)event};
    derived.by = (char *)(uintptr_t)by;
    if (trace_find(self, event, &position, &index) == 0) {
        struct view *view = view_get(self, position);
        sender = view == NULL ? NULL : stream_named(self, view->batch.agent);
        hubs = view == NULL ? 0 : routing_hubs_of(self, view, view_digest(self, view, index));
    }
    judge_tell(self, &derived, sender, hubs);
    return journal_size(self->journal);
}

static void barriers_set(core_t *self, const struct buf *places)
{
    struct cursor at = cursor_of(buf_slice(places));

    while (at.rest.len > 0) {
        struct stream *stream = self->streams[take_u32(&at)];
        stream->barrier = take_u64(&at);
    }
}

static int hold(core_t *self, const Waypost__Operate *operate, const char *by, uint64_t *need,
    struct complaint *why)
{
    struct buf places = {0};
    uint64_t position = 0;
    uint16_t index = 0;

    int rc = trace_find(self, operate->event.data, &position, &index);
    if (rc == 0) {
        rc = waiting_find(self, position, index, &places);
    }
    size_t count = places.len / 12;
    if (rc == 0 && self->held_count + count > HELD_MAX) {
        rc = E_FULL;
    }
    if (rc != 0) {
        buf_free(&places);
        return complain(why, rc, "The event cannot be held: %s.",
            rc == E_STATE      ? "a recipient has been sent it"
                : rc == E_FULL ? "too many are held; release some"
                : rc == E_IO   ? "a record that may hold it cannot be read; waypost verify"
                               : "it waits for nobody");
    }
    buf_clear(&self->record_body);
    buf_put_u64(&self->record_body, UINT64_MAX - FORM_HOLD);
    buf_put(&self->record_body, operate->event.data, UUID_BYTES);
    buf_put_u32(&self->record_body, (uint32_t)count);
    buf_put_slice(&self->record_body, buf_slice(&places));
    (void)append_record(
        self, RECORD_JUDGED, buf_slice(&self->record_body), slice_of(NULL, 0), NULL);
    barriers_set(self, &places);
    buf_free(&places);
    *need = hold_record(self, WAYPOST__SYSTEM_KIND__EVENT_HELD, operate->event.data, by);
    core_count(self, COUNTER_HOLDS);
    return 0;
}

static int release(core_t *self, const Waypost__Operate *operate, const char *by, uint64_t *need,
    struct complaint *why)
{
    bool held = false;

    for (size_t i = 0; i < self->held_count; i++) {
        held = held || memcmp(self->held[i].event, operate->event.data, UUID_BYTES) == 0;
    }
    if (!held) {
        return complain(why, E_NOT_FOUND, "The event is not held.");
    }
    buf_clear(&self->record_body);
    buf_put_u64(&self->record_body, UINT64_MAX - FORM_RELEASE);
    buf_put(&self->record_body, operate->event.data, UUID_BYTES);
    (void)append_record(
        self, RECORD_JUDGED, buf_slice(&self->record_body), slice_of(NULL, 0), NULL);
    *need = hold_record(self, WAYPOST__SYSTEM_KIND__EVENT_RELEASED, operate->event.data, by);
    core_count(self, COUNTER_RELEASES);
    return 0;
}

/* ---- application ---- */

void held_push(core_t *self, const struct held *held)
{
    self->held = mem_grow(self->held, self->held_count, &self->held_capacity, sizeof *self->held);
    self->held[self->held_count++] = *held;
}

static int hold_apply(core_t *self, struct slice event, struct cursor *body)
{
    for (uint32_t left = take_u32(body); left > 0; left--) {
        uint32_t index = take_u32(body);
        uint64_t number = take_u64(body);
        if (body->failed || index >= self->stream_count) {
            return E_CORRUPT;
        }
        struct stream *stream = self->streams[index];
        if (number <= stream->acked || number > stream->last) {
            return E_CORRUPT;
        }
        struct entry *entry = stream_entry(stream, number);
        struct held held = {.stream = index, .entry = *entry};
        memcpy(held.event, event.data, UUID_BYTES);
        held_push(self, &held);
        entry->type = ENTRY_HELD;
        stream->events--;
        stream->barrier = 0;
        stream_ready(self, stream);
    }
    return 0;
}

static int release_apply(core_t *self, struct slice event)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->held_count; i++) {
        struct held held = self->held[i];
        if (memcmp(held.event, event.data, UUID_BYTES) == 0) {
            stream_push(self, self->streams[held.stream], held.entry);
        } else {
            self->held[kept++] = held;
        }
    }
    self->held_count = kept;
    return 0;
}

int operate_form_apply(core_t *self, int form, struct cursor *body)
{
    struct slice event = take_bytes(body, UUID_BYTES);

    if (body->failed) {
        return E_CORRUPT;
    }
    return form == FORM_HOLD ? hold_apply(self, event, body) : release_apply(self, event);
}

/* ---- in ---- */

static int act(core_t *self, struct session *session, const Waypost__Operate *operate,
    const char *by, struct complaint *why)
{
    Waypost__Operated operated = WAYPOST__OPERATED__INIT;
    uint64_t need = 0;
    int rc = operate->operation == WAYPOST__OPERATION__HOLD
        ? hold(self, operate, by, &need, why)
        : release(self, operate, by, &need, why);

    if (rc == 0) {
        operated.request = operate->request;
        operated_send(self, session, &operated, need);
    }
    return rc;
}

static void answer_alarms(
    core_t *self, struct session *session, const Waypost__Operate *operate, uint64_t need)
{
    Waypost__Operated operated = WAYPOST__OPERATED__INIT;

    alarms_answer(self, operate, &operated);
    operated_send(self, session, &operated, need);
    alarms_answer_free(&operated);
}

static int own_alarm(core_t *self, struct session *session, const Waypost__Operate *operate,
    const char *by, struct complaint *why)
{
    uint64_t need = 0;
    int rc = alarms_own(self, operate, by, &need, why);

    if (rc == 0) {
        answer_alarms(self, session, operate, need);
    }
    return rc;
}

/* What a replay is of: short, in one line, and nothing that a terminal or a reader of the journal stumbles over. */
static bool detail_good(const char *detail)
{
    size_t len = strlen(detail);

    for (size_t i = 0; i < len; i++) {
        if (detail[i] < ' ' || detail[i] > '~') {
            return false;
        }
    }
    return len <= REPLAY_DETAIL_BYTES_MAX;
}

/* Each replay is itself a record: told nobody, it is for the journal's readers. */
static int note_replay(core_t *self, struct session *session, const Waypost__Operate *operate,
    const char *by, struct complaint *why)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    Waypost__Operated operated = WAYPOST__OPERATED__INIT;

    if (operate->detail == NULL || !detail_good(operate->detail)) {
        return complain(why, E_RANGE, "Say what is replayed, in at most %d printable characters.",
            REPLAY_DETAIL_BYTES_MAX);
    }
    derived.kind = WAYPOST__SYSTEM_KIND__REPLAY_STARTED;
    derived.at_ms = self->now_ms;
    derived.by = (char *)(uintptr_t)by;
    derived.detail = operate->detail;
    (void)append_derived(self, &derived);
    log_info("replay started agent=%s", by);
    operated.request = operate->request;
    operated_send(self, session, &operated, journal_size(self->journal));
    return 0;
}

static int operate_run(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Operate *operate, struct complaint *why)
{
    bool needs_event = operate->operation == WAYPOST__OPERATION__TRACE ||
        operate->operation == WAYPOST__OPERATION__HOLD ||
        operate->operation == WAYPOST__OPERATION__RELEASE;

    if (!register_agent_has_role(agent, REGISTER_ROLE_OPERATOR)) {
        return complain(why, E_NOT_ALLOWED,
            "Agent %s is not an operator; ask the registrar for the role.", agent->id);
    }
    if (needs_event && (!operate->has_event || operate->event.len != UUID_BYTES)) {
        return complain(why, E_ID, "This needs an event id of 16 bytes.");
    }
    switch (operate->operation) {
    case WAYPOST__OPERATION__SHAPE:
        answer_shape(self, session, operate);
        return 0;
    case WAYPOST__OPERATION__COUNTERS:
        answer_counters(self, session, operate);
        return 0;
    case WAYPOST__OPERATION__ALARMS:
        answer_alarms(self, session, operate, 0);
        return 0;
    case WAYPOST__OPERATION__OWN_ALARM:
        return own_alarm(self, session, operate, agent->id, why);
    case WAYPOST__OPERATION__NOTE_REPLAY:
        return note_replay(self, session, operate, agent->id, why);
    case WAYPOST__OPERATION__TRACE:
        return trace_answer(self, session, operate, why);
    case WAYPOST__OPERATION__HOLD:
    case WAYPOST__OPERATION__RELEASE:
        return self->judging_paused
            ? complain(why, E_BUSY, "A register is coming into force; try again.")
            : act(self, session, operate, agent->id, why);
    default:
        return complain(why, E_RANGE, "There is no operation %d.", (int)operate->operation);
    }
}

void operate_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    struct refusal refusal = {.frame = WAYPOST__FRAME__BODY_OPERATE,
        .has_request = true,
        .request = frame->operate->request};

    if (operate_run(self, session, agent, frame->operate, &refusal.why) != 0) {
        out_refuse(self, session->id, &refusal);
    }
}
