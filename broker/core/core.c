/*
 * core: birth and death, one frame in by a table of handlers, and the order in which things follow each other after
 * every input: apply what became durable, judge, release what waited, deliver.
 *
 * Failures: a frame that cannot be served is answered with REFUSED and counted; only our own bugs assert.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

typedef void handler(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame);

/* What agents may send, by field number in Frame. HELLO alone needs no open session (S-1). */
static handler *const handlers[] = {
    [WAYPOST__FRAME__BODY_HELLO] = session_hello,
    [WAYPOST__FRAME__BODY_PUBLISH] = publish_frame,
    [WAYPOST__FRAME__BODY_ACK] = ack_frame,
    [WAYPOST__FRAME__BODY_CREDIT] = session_credit,
    [WAYPOST__FRAME__BODY_PING] = session_ping,
    [WAYPOST__FRAME__BODY_RESEND] = delivery_resend,
    [WAYPOST__FRAME__BODY_REGISTER_GET] = register_get_frame,
    [WAYPOST__FRAME__BODY_QUERY] = query_frame,
    [WAYPOST__FRAME__BODY_OPERATE] = operate_frame,
    [WAYPOST__FRAME__BODY_FETCH_OWN] = own_events_frame,
    [WAYPOST__FRAME__BODY_BYE] = session_bye,
    [WAYPOST__FRAME__BODY_ERASE] = erase_frame,
    [WAYPOST__FRAME__BODY_PROVE] = prove_frame,
    [WAYPOST__FRAME__BODY_FETCH_PAST] = past_frame,
};

void core_count(core_t *self, enum counter counter)
{
    self->counters[counter]++;
}

uint64_t core_counter(const core_t *self, size_t index)
{
    return index < COUNTER_COUNT ? self->counters[index] : 0;
}

void core_clock(core_t *self)
{
    self->now_ms = self->world->wall_ms(self->world->context);
    self->mono_ms = self->world->mono_ms(self->world->context);
    fold_clock(self);
}

core_t *core_new(const struct core_options *options, const struct world *world, journal_t *journal,
    const struct core_ports *ports)
{
    struct core *self = mem_new(1, sizeof *self);

    self->options = *options;
    self->world = world;
    self->journal = journal;
    self->ports = *ports;
    self->register_settled = true;
    self->alarms = alarm_book_new();
    self->arena = arena_new(DECODE_BUDGET_BYTES);
    self->arena_body = arena_new(DECODE_BUDGET_BYTES);
    self->free_bytes = ports->free_bytes(ports->context);
    fold_init(self);
    core_clock(self);
    return self;
}

static void streams_free(core_t *self)
{
    for (size_t i = 0; i < self->stream_count; i++) {
        stream_destroy(&self->streams[i]);
    }
    free(self->streams);
    table_free(&self->stream_names);
}

void core_destroy(core_t **self_p)
{
    struct core *self = *self_p;

    if (self == NULL) {
        return;
    }
    while (self->session_list != NULL) {
        session_remove(self, self->session_list);
    }
    while (self->batches != NULL) {
        batch_remove(self, self->batches);
    }
    view_cache_free(self);
    streams_free(self);
    routing_free(&self->routing);
    fold_free(self);
    register_destroy(&self->reg);
    table_free(&self->sessions);
    table_free(&self->jobs);
    verify_free(self);
    append_free(self);
    out_free(self);
    openable_free(self);
    disclose_free(self);
    free(self->time_marks);
    free(self->held);
    free(self->erasures);
    buf_free(&self->told.body);
    buf_free(&self->spare);
    for (size_t i = 0; i < NAMED_SLOTS; i++) {
        buf_free(&self->named[i].nodes);
    }
    buf_free(&self->scratch);
    buf_free(&self->scratch_ack);
    buf_free(&self->encode);
    buf_free(&self->batches_part);
    buf_free(&self->entries_part);
    buf_free(&self->record_body);
    alarm_book_destroy(&self->alarms);
    arena_destroy(&self->arena);
    arena_destroy(&self->arena_body);
    free(self);
    *self_p = NULL;
}

/* ---- inputs ---- */

static void refuse_unreadable(core_t *self, struct session *session, int rc)
{
    struct refusal refusal = {0};

    (void)complain(&refusal.why, rc, "This frame: %s; use a program of this network and version.",
        err_text(rc));
    out_refuse(self, session->id, &refusal);
    if (++session->malformed >= MALFORMED_MAX) {
        core_count(self, COUNTER_SESSIONS_IGNORED);
        log_warnx("session ignored agent=%s: %d frames could not be read",
            session->stream != NULL ? session->stream->name : "-", MALFORMED_MAX);
        session_set(self, session, SESSION_IGNORED);
    }
}

/* The key of the connection against the register in force, at every frame (T-3). False: told, and no more. */
static bool admit(core_t *self, struct session *session, const struct register_agent **agent)
{
    struct refusal refusal = {0};
    int rc = session_key_check(self, session->curve_key, agent, &refusal.why);

    if (rc == 0 && session->stream != NULL && strcmp(session->stream->name, (*agent)->id) != 0) {
        rc = complain(&refusal.why, E_PRINCIPAL,
            "The key of this connection now belongs to agent %s; open a new session.",
            (*agent)->id);
    }
    if (rc == 0) {
        return true;
    }
    session_end(self, session, SESSION_REVOKED, rc, 0, refusal.why.text);
    return false;
}

static void dispatch(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    struct refusal refusal = {.frame = (uint32_t)frame->body_case};
    size_t body = (size_t)frame->body_case;

    if (body >= sizeof handlers / sizeof handlers[0] || handlers[body] == NULL) {
        refuse_unreadable(self, session, E_MALFORMED);
        return;
    }
    if (session->state == SESSION_HELLO && body != WAYPOST__FRAME__BODY_HELLO) {
        (void)complain(
            &refusal.why, E_SESSION, "This connection has no open session; send HELLO first.");
        refusal.has_retry = true;
        out_refuse(self, session->id, &refusal);
        return;
    }
    handlers[body](self, session, agent, frame);
}

static bool session_listens(const struct session *session)
{
    return session->state == SESSION_HELLO || session->state == SESSION_OPEN;
}

static void frame_in(core_t *self, uint64_t id, const uint8_t *curve_key, struct slice bytes)
{
    struct session *session = session_find(self, id);
    const struct register_agent *agent = NULL;
    Waypost__Frame *frame = NULL;

    if (session == NULL) {
        session = session_new(self, id, curve_key);
    }
    if (session == NULL || !session_listens(session)) {
        core_count(self, COUNTER_FRAMES_IGNORED);
        return;
    }
    session->seen_mono_ms = self->mono_ms;
    if (!admit(self, session, &agent)) {
        return;
    }
    if (session->stream != NULL) {
        session->stream->seen_ms = self->now_ms;
    }
    arena_reset(self->arena);
    int rc = frame_decode(self->arena, bytes, &frame);
    if (rc != 0) {
        refuse_unreadable(self, session, rc);
        return;
    }
    dispatch(self, session, agent, frame);
}

void core_frame(core_t *self, uint64_t session, const uint8_t *curve_key, struct slice frame)
{
    core_clock(self);
    core_count(self, COUNTER_FRAMES_IN);
    frame_in(self, session, curve_key, frame);
    delivery_pump(self);
}

void core_verified(core_t *self, struct verify_job *job)
{
    core_clock(self);
    void *owner = table_find(&self->jobs, job->id);

    table_remove(&self->jobs, job->id);
    verify_done(self, job);
    if (owner != NULL && job->is_batch) {
        batch_verified(self, owner, job);
    } else if (owner != NULL) {
        ack_verified(self, owner, job);
    }
    verify_job_destroy(&job);
    delivery_pump(self);
}

/* Everything that became durable enters the state in journal order; what waited for it leaves afterwards. */
void core_durable(core_t *self)
{
    uint64_t durable = journal_head(self->journal)->size;
    struct unapplied next;
    struct slice body;

    core_clock(self);
    self->stored_ms = self->now_ms;
    while (append_pop(self, durable, &next, &body)) {
        const struct record record = {
            .type = next.type, .sequence = next.sequence, .time_ms = next.time_ms, .body = body};
        int rc = apply_record(self, &record, next.position);
        assert(rc == 0); /* we wrote it ourselves a moment ago */
    }
    register_settle(self);
    judge_run(self);
    erase_run(self);
    out_release(self);
    delivery_pump(self);
}

void core_tick(core_t *self)
{
    core_clock(self);
    self->free_bytes = self->ports.free_bytes(self->ports.context);
    session_tick(self);
    fold_tick(self);
    fold_save_tick(self);
    lost_tell_mended(self);
    erase_run(self);
    out_release(self);
    delivery_pump(self);
}

void core_stored(core_t *self)
{
    core_clock(self);
    self->stored_ms = self->now_ms;
}

bool core_snapshot_due(core_t *self, struct buf *state, uint64_t *size, uint64_t *next_position)
{
    if (self->applied_bytes < self->options.snapshot_bytes || self->losses.count > 0) {
        return false;
    }
    snapshot_encode(self, state);
    *size = self->applied;
    bool whole = self->applied == journal_head(self->journal)->size;
    *next_position = whole ? journal_end(self->journal) : self->applied_position;
    self->applied_bytes = 0;
    core_count(self, COUNTER_SNAPSHOTS);
    return true;
}

void core_stop(core_t *self)
{
    Waypost__Notice notice = WAYPOST__NOTICE__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    self->stopping = true;
    notice.kind = WAYPOST__NOTICE_KIND__BROKER_STOPS;
    frame.body_case = WAYPOST__FRAME__BODY_NOTICE;
    frame.notice = &notice;
    for (struct session *session = self->session_list; session != NULL; session = session->next) {
        if (session->state == SESSION_OPEN) {
            out_frame(self, session->id, &frame);
        }
    }
}

bool core_unfinished(const core_t *self)
{
    return self->jobs_out > 0 || self->unapplied_count > 0 || self->judging_paused;
}

const register_t *core_register_in_force(const core_t *self)
{
    return self->reg;
}
