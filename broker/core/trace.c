/*
 * trace: the life of one event, for an operator. Event ids are not indexed: the journal is read from the time that the
 * id names (UUIDv7), at most TRACE_RECORDS_MAX records, while everybody else waits.
 */
#include "broker/core/core_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/record/derived.h"

#include "common/base/banned.h"

enum { STEPS_MAX = 256, STOP = 1 };

struct trace {
    core_t *core;
    const uint8_t *event;
    bool find_alone;
    bool found;
    uint64_t position; /* of its batch */
    uint64_t leaf;
    uint16_t index;
    size_t records, bytes;
    uint64_t next; /* leaf that comes now */
    bool gap;      /* one could not be read */
    Waypost__TraceStep steps[STEPS_MAX];
    char agents[STEPS_MAX][AGENT_ID_BYTES_MAX + 1];
    size_t count;
};

static void step_add(
    struct trace *self, const char *what, int64_t at_ms, const char *agent, uint64_t number)
{
    if (self->count == STEPS_MAX) {
        return;
    }
    Waypost__TraceStep *step = &self->steps[self->count];
    waypost__trace_step__init(step);
    step->step = (char *)(uintptr_t)what;
    step->at_ms = at_ms;
    if (agent != NULL) {
        (void)snprintf(self->agents[self->count], sizeof self->agents[0], "%s", agent);
        step->agent = self->agents[self->count];
    }
    step->has_number = 1;
    step->number = number;
    self->count++;
}

/* ---- the event itself ---- */

static bool contains(struct slice bytes, const uint8_t *event)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.len;

    while (left >= UUID_BYTES) {
        const uint8_t *hit = memchr(at, event[0], left - UUID_BYTES + 1);
        if (hit == NULL) {
            return false;
        }
        if (memcmp(hit, event, UUID_BYTES) == 0) {
            return true;
        }
        left -= (size_t)(hit - at) + 1;
        at = hit + 1;
    }
    return false;
}

static void batch_look(struct trace *self, const struct record *record, uint64_t position)
{
    struct batch_body body;
    struct slice event;
    struct event_view view;

    if (!contains(record->body, self->event) || batch_body_read(record->body, &body) != 0) {
        return;
    }
    struct slice rest = body.events;
    for (uint32_t i = 0; i < body.count && batch_next_event(&rest, &event) == 0; i++) {
        if (contains(event, self->event) && event_read(event, &view, NULL) == 0 &&
            memcmp(view.id, self->event, UUID_BYTES) == 0) {
            self->found = true;
            self->position = position;
            self->leaf = record->sequence;
            self->index = (uint16_t)i;
            step_add(self, "accepted", record->time_ms, body.agent, record->sequence);
            return;
        }
    }
}

/* ---- what became of it ---- */

static void judged_look(struct trace *self, const struct record *record)
{
    struct judged_body body;
    struct judged_event event;
    struct judged_disclosure told;

    if (judged_body_read(record->body, &body) != 0 || body.form != JUDGED_BATCH) {
        return;
    }
    if (body.leaf == self->leaf) {
        step_add(self, "judged", record->time_ms, NULL, record->sequence);
    }
    while (judged_next(&body, &event)) {
    }
    while (judged_disclosed(&body, &told)) {
        if (told.position == self->position && told.index == self->index &&
            told.stream < self->core->stream_count) {
            step_add(self, "disclosed", record->time_ms, self->core->streams[told.stream]->name,
                record->sequence);
        }
    }
}

static void acked_look(struct trace *self, const struct record *record)
{
    static const char *const words[] = {NULL, "persisted", "opened", "fault"};
    struct acked_item item;
    uint32_t acker = record->body.len < 4 ? NO_STREAM : get_u32(record->body.data);

    if (contains(record->body, self->event) && acked_names(record->body, self->event, &item) &&
        item.level >= 1 && item.level <= 3 && acker < self->core->stream_count) {
        step_add(self, words[item.level], item.at_ms, self->core->streams[acker]->name,
            record->sequence);
    }
}

static void erase_look(struct trace *self, const struct record *record)
{
    struct erase_body body;

    if (erase_body_read(record->body, &body) == 0 &&
        memcmp(body.event, self->event, UUID_BYTES) == 0) {
        step_add(self, record->type == RECORD_ERASE_BEGUN ? "erasing" : "erased", record->time_ms,
            body.agent[0] == '\0' ? NULL : body.agent, record->sequence);
    }
}

struct look {
    struct trace *trace;
    const struct record *record;
};

static int saying_look(void *context, const Waypost__Derived *derived)
{
    static const struct {
        int kind;
        const char *word;
    } words[] = {
        {WAYPOST__SYSTEM_KIND__CODE_SUPERSEDED, "superseded"},
        {WAYPOST__SYSTEM_KIND__RETURNED_TO_SENDER, "returned"},
        {WAYPOST__SYSTEM_KIND__EVENT_HELD, "held"},
        {WAYPOST__SYSTEM_KIND__EVENT_RELEASED, "released"},
    };
    const struct look *look = context;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if ((int)derived->kind == words[i].kind) {
            step_add(look->trace, words[i].word, look->record->time_ms, derived->by,
                look->record->sequence);
        }
    }
    return 0;
}

static void derived_look(struct trace *self, const struct record *record)
{
    struct look look = {self, record};

    if (contains(record->body, self->event)) {
        (void)derived_walk(self->core->arena_body, record->body, saying_look, &look);
    }
}

static int visit(void *context, const struct record *record, uint64_t position)
{
    struct trace *self = context;

    self->records++;
    self->bytes += record->body.len + record->payload.len;
    if (self->records > TRACE_RECORDS_MAX || self->bytes > TRACE_BYTES_MAX) {
        return STOP;
    }
    self->gap = self->gap || record->sequence != self->next;
    self->next = record->sequence + 1;
    if (record->type == RECORD_BATCH && !self->found) {
        batch_look(self, record, position);
        return self->found && self->find_alone ? STOP : 0;
    }
    if (!self->found) {
        return 0;
    }
    if (record->type == RECORD_ERASE_BEGUN || record->type == RECORD_PAYLOAD_ERASED) {
        erase_look(self, record);
    } else if (record->type == RECORD_JUDGED) {
        judged_look(self, record);
    } else if (record->type == RECORD_ACKED) {
        acked_look(self, record);
    } else if (record->type == RECORD_DERIVED) {
        derived_look(self, record);
    }
    return 0;
}

static int trace_walk_from(
    core_t *self, struct trace *trace, uint64_t leaf, const struct time_mark *from)
{
    trace->next = leaf;
    int rc = journal_replay(self->journal, leaf, from == NULL ? 0 : from->position, visit, trace);
    if (rc != 0 && rc != STOP) {
        return rc;
    }
    return trace->found ? 0 : trace->gap ? E_IO : E_NOT_FOUND;
}

static int trace_walk(core_t *self, struct trace *trace)
{
    const struct time_mark *from = history_before(self, uuid7_ms(trace->event) - FUTURE_MS_MAX);

    return trace_walk_from(self, trace, from == NULL ? 0 : from->leaf, from);
}

int trace_find_at(
    core_t *self, const uint8_t *event, uint64_t leaf, uint64_t *position, uint16_t *index)
{
    struct trace *trace = mem_new(1, sizeof *trace);

    trace->core = self;
    trace->event = event;
    trace->find_alone = true;
    trace->records = TRACE_RECORDS_MAX - 1; /* that one alone */
    int rc = trace_walk_from(self, trace, leaf, history_at(self, leaf));
    *position = trace->position;
    *index = trace->index;
    free(trace);
    return rc;
}

int trace_find(core_t *self, const uint8_t *event, uint64_t *position, uint16_t *index)
{
    struct trace *trace = mem_new(1, sizeof *trace);

    trace->core = self;
    trace->event = event;
    trace->find_alone = true;
    int rc = trace_walk(self, trace);
    *position = trace->position;
    *index = trace->index;
    free(trace);
    return rc;
}

/* ---- where it waits ---- */

static void pending_look(core_t *self, struct trace *trace)
{
    for (size_t i = 0; i < self->stream_count; i++) {
        const struct stream *stream = self->streams[i];
        for (uint64_t n = stream->acked + 1; n <= stream->last; n++) {
            const struct entry *entry = stream_entry(stream, n);
            if ((entry->type != ENTRY_EVENT && entry->type != ENTRY_HELD) ||
                entry->position != trace->position || entry->index != trace->index) {
                continue;
            }
            step_add(trace, "numbered", 0, stream->name, n);
            if (n <= stream_sent_last(stream)) {
                step_add(trace, "delivered", 0, stream->name, n);
            }
        }
    }
}

int trace_answer(
    core_t *self, struct session *session, const Waypost__Operate *operate, struct complaint *why)
{
    struct trace *trace = mem_new(1, sizeof *trace);
    Waypost__TraceStep *list[STEPS_MAX];
    Waypost__Operated operated = WAYPOST__OPERATED__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    trace->core = self;
    trace->event = operate->event.data;
    int rc = trace_walk(self, trace);
    if (rc != 0) {
        free(trace);
        return rc == E_IO
            ? complain(why, rc, "A record that may hold the event cannot be read; waypost verify.")
            : complain(why, rc,
                  "The event is not among the %d records after its time; search the journal "
                  "offline.",
                  TRACE_RECORDS_MAX);
    }
    pending_look(self, trace);
    for (size_t i = 0; i < trace->count; i++) {
        list[i] = &trace->steps[i];
    }
    operated.request = operate->request;
    operated.n_trace = trace->count;
    operated.trace = list;
    frame.body_case = WAYPOST__FRAME__BODY_OPERATED;
    frame.operated = &operated;
    out_frame(self, session->id, &frame);
    free(trace);
    return 0;
}
