/* stage_network: the stage as a rehearsal's network (client/lab/network.h). */
#include <stdlib.h>
#include <string.h>

#include "tests/stage/children.h"
#include "tests/stage/stage.h"

#include "common/base/banned.h"

enum { OPENING_MS = 20000 };

/* As its agent has drawn it; NULL before it was sent. */
static const uint8_t *event_id(void *context, uint32_t event)
{
    const struct stage *self = context;

    return self->events[event].sent ? self->events[event].bytes : NULL;
}

/* ---- what happens ---- */

static void advance(void *context, int64_t now_ms)
{
    stage_advance(context, now_ms);
}

static void publish(void *context, uint32_t event, bool again)
{
    struct stage *self = context;

    if (again) {
        stage_send_again(self, event);
    } else {
        stage_send(self, event);
        stage_settle(self);
    }
}

/* The agent says so a moment later; that is over when it stands in the journal. */
static void wait_opened(struct stage *self, const char *code, uint32_t event)
{
    enum { OPENED = 2 };
    int64_t until_ms = stage_real_ms() + OPENING_MS;

    stage_settle(self);
    while (self->broker != 0 && stage_agent_of(self, code)->linked &&
        engine_level(audit_engine(self->audit), self->events[event].bytes, code) < OPENED) {
        if (stage_real_ms() > until_ms) {
            stage_die("%s has opened an event, and the broker does not hear of it", code);
        }
        stage_rest();
        stage_settle(self);
    }
}

static int open_event(
    void *context, const char *code, uint32_t event, const char *role, const char *team)
{
    struct stage *self = context;
    json_t *request = json_pack("{s:s, s:s, s:s}", "op", "open", "event", self->events[event].id,
        "role", role[0] == '\0' ? "duty_officer" : role);

    if (team[0] != '\0') {
        json_object_set_new(request, "team", json_string(team));
    }
    json_t *answer = stage_ask(stage_agent_of(self, code), request, NULL);
    bool opened = answer != NULL;
    json_decref(answer);
    if (opened) {
        wait_opened(self, code, event);
    }
    return opened ? 0 : E_STATE;
}

static void set_link(void *context, const char *code, bool up)
{
    struct stage *self = context;

    stage_link(self, stage_agent_of(self, code), up);
}

static void set_broker(void *context, bool up)
{
    stage_broker(context, up);
}

static void erase(void *context, uint32_t event)
{
    (void)context;
    (void)event;
    stage_die("agents cannot withdraw a payload yet");
}

/* ---- what is asked ---- */

static const engine_t *engine_seen(void *context, const char *view)
{
    struct stage *self = context;

    if (view != NULL) {
        stage_die("an agent that is a process has no engine at hand");
    }
    return audit_engine(self->audit);
}

static const engine_t *hub_seen(void *context)
{
    (void)context;
    stage_die("a hub that is a process has no engine at hand");
}

static void records(void *context, const char *view,
    void (*visit)(void *context, const struct log_record *record), void *visit_context)
{
    struct stage *self = context;
    const struct record_log *log = view == NULL ? &self->log : stage_records(self, view);

    for (size_t i = 0; i < log->kept; i++) {
        visit(visit_context, &log->items[i]);
    }
}

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

static bool believes(
    void *context, const char *view, const uint8_t *subject, const char *clock, int64_t runs_out_ms)
{
    struct stage *self = context;
    struct belief_search search = {clock, runs_out_ms, false};

    for (uint32_t i = 0; i < self->scenario->transfer_count; i++) {
        stage_answers.clocks(
            self, view, self->scenario->transfers[i].id, subject, see_belief, &search);
    }
    return search.found;
}

static uint64_t pending(void *context, const char *code)
{
    struct stage *self = context;

    if (self->broker == 0) { /* nobody can be asked: what its store says */
        return audit_pending(self->audit, code);
    }
    json_t *answer = stage_need(stage_agent_of(self, STAGE_OPERATOR),
        json_pack("{s:s, s:s}", "op", "listening", "code", code));
    uint64_t count = (uint64_t)json_integer_value(json_object_get(answer, "pending"));

    json_decref(answer);
    return count;
}

static enum event_fate fate(void *context, uint32_t event)
{
    struct stage *self = context;

    if (!self->events[event].sent) {
        return FATE_WAITING;
    }
    json_t *answer = stage_need(stage_agent_of(self, self->scenario->events[event].from),
        json_pack("{s:s, s:s}", "op", "show", "event", self->events[event].id));
    const char *state = json_string_value(json_object_get(answer, "state"));
    enum event_fate found = state != NULL && strcmp(state, "accepted") == 0 ? FATE_ACCEPTED
        : state != NULL && strcmp(state, "refused") == 0                    ? FATE_TURNED_AWAY
                                                                            : FATE_WAITING;
    json_decref(answer);
    return found;
}

static void see_withheld(void *context, const struct log_record *record)
{
    struct payload_seen *seen = context;

    /* holder is the event's id while the records are looked through */
    seen->withheld |= strcmp(record->kind, "payload_withheld") == 0 && record->has_event &&
        memcmp(record->event, seen->holder, UUID_BYTES) == 0;
}

static struct payload_seen payload(void *context, uint32_t event)
{
    struct stage *self = context;
    const struct scenario_event *of = &self->scenario->events[event];
    struct payload_seen seen = {.exists = of->payload.len > 0, .commitment_fits = true};

    seen.holder = (const char *)self->events[event].bytes;
    records(self, NULL, see_withheld, &seen);
    seen.holder = NULL;
    return seen;
}

static bool converged(void *context, struct buf *why)
{
    struct stage *self = context;
    const char *code;
    bool all = true;

    for (size_t i = 0; (code = stage_code(self->scenario, i)) != NULL; i++) {
        if (stage_agent_of(self, code)->linked) {
            all = stage_agrees(self, code, why) && all;
        }
    }
    return all;
}

/* The journal is folded anew for each question, and held against what is recorded. */
static bool replays(void *context, struct buf *why)
{
    struct stage *self = context;
    struct hash first = engine_hash(audit_engine(self->audit));

    stage_read_journal(self);
    struct hash again = engine_hash(audit_engine(self->audit));
    if (memcmp(&first, &again, sizeof first) != 0) {
        buf_put_text(why, "another state hash after replay");
        return false;
    }
    if (audit_differences(self->audit) != 0) {
        buf_put_text(why, "%llu records that the engine does not say again",
            (unsigned long long)audit_differences(self->audit));
        return false;
    }
    return true;
}

static const struct record_log *log_seen(void *context)
{
    return &((struct stage *)context)->log;
}

static void destroy(void **self_p)
{
    stage_destroy((struct stage **)self_p);
}

struct rehearsal_network stage_network(struct stage *self)
{
    return (struct rehearsal_network){.self = self,
        .destroy = destroy,
        .advance = advance,
        .publish = publish,
        .open = open_event,
        .link = set_link,
        .broker = set_broker,
        .erase = erase,
        .event_id = event_id,
        .answers = &stage_answers,
        .engine = engine_seen,
        .hub = hub_seen,
        .records = records,
        .believes = believes,
        .pending = pending,
        .fate = fate,
        .payload = payload,
        .converged = converged,
        .replays = replays,
        .log = log_seen};
}
