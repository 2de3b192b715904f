/*
 * agent_core: life, dispatch of frames, the tick, alarms. Failures of the store end the session
 * and raise an alarm; what is in memory is then read again, so that memory never knows more than
 * the disk.
 */
#include "client/agent/agent_core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "client/agent/beliefs.h"
#include "client/agent/bundling.h"
#include "client/agent/erasing.h"
#include "client/agent/heads.h"
#include "client/agent/ops.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/log.h"

#include "common/base/banned.h"

enum {
    FRAME_ARENA_BYTES =
        12 * 1048576, /* a frame of 1 MiB, decoded: at the worst many small entries */
    INNER_ARENA_BYTES = 2 * 1048576, /* statements inside it */
    DAILY_MS = 60000 /* keys, gaps and the age of the register are looked at so often */
};

int64_t agent_mono(const agent_core_t *self)
{
    return self->world->mono_ms(self->world->context);
}

int64_t agent_wall(const agent_core_t *self)
{
    return self->world->wall_ms(self->world->context);
}

void agent_copy_text(char *out, size_t bytes, const char *text)
{
    const char *from = text == NULL ? "" : text;
    size_t len = strlen(from);

    len = len < bytes ? len : bytes - 1;
    memcpy(out, from, len);
    out[len] = '\0';
}

ProtobufCBinaryData binary_of(struct slice bytes)
{
    return (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.data};
}

struct slice slice_of_binary(ProtobufCBinaryData bytes)
{
    return slice_of(bytes.data, bytes.len);
}

/* ---- sending, committing, alarms ---- */

int agent_send(agent_core_t *self, Waypost__Frame *frame)
{
    buf_clear(&self->out);
    frame_encode(frame, &self->out);
    assert(self->out.len <= FRAME_BYTES_MAX);
    int rc = self->ports.send(self->ports.context, buf_slice(&self->out));
    agent_count(self, AGENT_FRAMES_OUT);
    if (rc != 0) {
        log_warnx("frame not sent body=%d: %s", (int)frame->body_case, err_text(rc));
        uplink_close(self, -1);
    }
    return rc;
}

static void write_alarm(agent_core_t *self, const char *name, const char *text)
{
    bool own = !store_in_transaction(self->store);

    assert(alarm_info(name) != NULL);
    if (own) {
        store_begin(self->store);
    }
    if (store_alarm_set(self->store, name, text, agent_wall(self))) {
        agent_count(self, AGENT_ALARMS_RAISED);
        log_errorx("alarm %s: %s", name, text);
    }
    if (own && store_commit(self->store) != 0) {
        store_alarm_keep(self->store, name, text, agent_wall(self));
    }
}

void agent_alarm(agent_core_t *self, const char *name, const char *format, ...)
{
    char text[320];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(len >= 0);
    write_alarm(self, name, text);
}

void agent_core_alarm(agent_core_t *self, const char *name, const char *format, ...)
{
    char text[320];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(len >= 0);
    write_alarm(self, name, text);
}

void agent_core_alarm_clear(agent_core_t *self, const char *name)
{
    agent_alarm_clear(self, name);
}

void agent_core_disk_free(agent_core_t *self, uint64_t bytes)
{
    self->disk_free_bytes = bytes;
    self->disk_seen = true;
}

void agent_check_time(agent_core_t *self, const char *what, int64_t sent_ms, int64_t accepted_ms)
{
    int64_t now_ms = agent_wall(self);
    bool before = accepted_ms < sent_ms - AGENT_TIME_OFF_MS;
    char text[CIVIL_STAMP_BYTES];

    if (before || accepted_ms > now_ms + AGENT_TIME_OFF_MS) {
        civil_stamp_utc(accepted_ms, text);
        agent_alarm(self, "broker_time",
            "the broker dates %s to %s, %s: compare its clock with yours by telephone", what, text,
            before ? "before it was sent" : "which has not come yet");
    }
}

void agent_alarm_clear(agent_core_t *self, const char *name)
{
    bool own = !store_in_transaction(self->store);

    if (!store_has_alarm(self->store, name)) {
        return;
    }
    if (own) {
        store_begin(self->store);
    }
    if (store_alarm_clear(self->store, name)) {
        log_info("alarm %s is over", name);
    }
    if (own) {
        (void)store_commit(self->store);
    }
}

static void commit_failed(agent_core_t *self, int rc)
{
    agent_count(self, AGENT_COMMITS_FAILED);
    store_identity(self->store, &self->identity);
    store_head(self->store, &self->head);
    heads_load(self);
    self->receiver_due_ms = -1;
    agent_alarm(self, "storage", "the database cannot be written (%s): free space, then check %s",
        err_name(rc), "the disk");
    uplink_close(self, AGENT_BACKOFF_MAX_MS);
}

int agent_commit(agent_core_t *self)
{
    int rc = store_commit(self->store);

    if (rc != 0) {
        commit_failed(self, rc);
    }
    return rc;
}

int agent_settle(agent_core_t *self)
{
    int rc = store_gathered(self->store);

    if (rc != 0) {
        commit_failed(self, rc);
    }
    return rc;
}

/* ---- life ---- */

static int load_register(agent_core_t *self, struct complaint *why)
{
    struct complaint cache = {0};
    int rc = book_load(self, why);

    if (rc != 0 || self->options.first_register.len == 0) {
        return rc;
    }
    rc = book_take(self, self->options.first_register, &cache);
    if (rc != 0 && rc != E_ROLLBACK && rc != E_DUPLICATE) {
        log_warnx("register file not taken: %s", cache.text);
    }
    return 0;
}

static int begin_identity(agent_core_t *self, struct complaint *why)
{
    store_identity(self->store, &self->identity);
    store_head(self->store, &self->head);
    heads_load(self);
    self->ack_counter = self->identity.ack_counter;
    if (self->identity.incarnation != 0) {
        return 0;
    }
    while (self->identity.incarnation == 0) {
        self->world->random(
            self->world->context, &self->identity.incarnation, sizeof self->identity.incarnation);
    }
    self->identity.next_sequence = 1;
    store_begin(self->store);
    store_identity_save(self->store, &self->identity);
    int rc = store_commit(self->store);
    return rc == 0 ? 0 : complain(why, rc, "the database cannot be written: %s", err_text(rc));
}

int agent_core_new(const struct agent_options *options, const struct world *world, store_t *store,
    const struct agent_ports *ports, agent_core_t **out, struct complaint *why)
{
    assert(options->key_count >= 1 && options->key_count <= AGENT_KEYS_MAX);
    agent_core_t *self = mem_new(1, sizeof *self);

    self->options = *options;
    self->world = world;
    self->store = store;
    self->ports = *ports;
    self->arena = arena_new(FRAME_ARENA_BYTES);
    self->inner = arena_new(INNER_ARENA_BYTES);
    self->batch_events_max = AGENT_FREEZE_EVENTS;
    self->receiver_due_ms = -1;
    self->connect_at_ms = agent_mono(self);
    self->daily_at_ms = agent_mono(self);
    world->random(world->context, self->instance, sizeof self->instance);
    self->ack_beat_ms = get_u16(self->instance) % AGENT_ACK_PACE_MS;
    int rc = begin_identity(self, why);
    if (rc == 0) {
        rc = load_register(self, why);
    }
    if (rc != 0) {
        agent_core_destroy(&self);
        return rc;
    }
    *out = self;
    return 0;
}

void agent_core_destroy(agent_core_t **self_p)
{
    agent_core_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    bundling_free(self);
    engine_destroy(&self->engine);
    register_destroy(&self->book);
    arena_destroy(&self->arena);
    arena_destroy(&self->inner);
    buf_free(&self->out);
    buf_free(&self->welcome);
    free(self);
    *self_p = NULL;
}

/* ---- frames ---- */

static void take_welcome(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    uplink_welcome(self, frame->welcome, bytes);
}

static void take_receipt(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    receipt_frame(self, frame->receipt);
}

static void take_deliver(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    incoming_deliver(self, frame->deliver);
}

static void take_acked(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    acking_acked(self, frame->acked);
}

static void take_credit(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    self->credit_events = frame->credit->events;
    self->credit_bytes = frame->credit->bytes;
}

static void take_pong(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    uplink_pong(self, frame->pong);
}

static void take_notice(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    uplink_notice(self, frame->notice);
}

static void take_refused(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    uplink_refused(self, frame->refused);
}

static void take_register(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    book_frame(self, frame->register_is);
}

static void take_answer(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    ops_answer(self, frame->answer);
}

static void take_operated(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    ops_operated(self, frame->operated);
}

static void take_past(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    incoming_past(self, frame->past);
}

static void take_own_events(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    restore_frame(self, frame->own_events);
}

static void take_erased(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    erasing_erased(self, frame->erased);
}

static void take_proof(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    (void)bytes;
    if (!bundling_proof(self, frame->proof)) {
        heads_proof(self, frame->proof);
    }
}

static const struct {
    Waypost__Frame__BodyCase body;
    bool in_hello; /* taken before WELCOME too */
    bool gathers;  /* what it writes can wait for the next one's: it says nothing before the tick */
    void (*take)(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes);
} frame_table[] = {
    {WAYPOST__FRAME__BODY_WELCOME, true, false, take_welcome},
    {WAYPOST__FRAME__BODY_RECEIPT, false, true, take_receipt},
    {WAYPOST__FRAME__BODY_DELIVER, false, true, take_deliver},
    {WAYPOST__FRAME__BODY_ACKED, false, true, take_acked},
    {WAYPOST__FRAME__BODY_CREDIT, false, false, take_credit},
    {WAYPOST__FRAME__BODY_PONG, false, false, take_pong},
    {WAYPOST__FRAME__BODY_NOTICE, true, false, take_notice},
    {WAYPOST__FRAME__BODY_REFUSED, true, false, take_refused},
    {WAYPOST__FRAME__BODY_REGISTER_IS, true, false, take_register},
    {WAYPOST__FRAME__BODY_ANSWER, false, false, take_answer},
    {WAYPOST__FRAME__BODY_OPERATED, false, false, take_operated},
    {WAYPOST__FRAME__BODY_OWN_EVENTS, false, false, take_own_events},
    {WAYPOST__FRAME__BODY_PAST, false, false, take_past},
    {WAYPOST__FRAME__BODY_ERASED, false, false, take_erased},
    {WAYPOST__FRAME__BODY_PROOF, false, false, take_proof},
};

/* What the broker says is read as fast as it comes: one that says nothing, and that often, would fill our memory. */
static void count_idle(agent_core_t *self, uint64_t stream_upto, size_t flights)
{
    enum { SECOND_MS = 1000 };

    if (self->identity.stream_upto != stream_upto || self->flight_count != flights) {
        return;
    }
    if (self->heard_at_ms - self->idle_since_ms >= SECOND_MS) {
        self->idle_since_ms = self->heard_at_ms;
        self->idle_frames = 0;
    }
    if (++self->idle_frames > AGENT_IDLE_FRAMES_MAX) {
        self->idle_frames = 0;
        agent_alarm(self, "protocol",
            "the broker says more than %d things a second that mean nothing",
            AGENT_IDLE_FRAMES_MAX);
        uplink_close(self, AGENT_BACKOFF_MAX_MS);
    }
}

static void take_frame(agent_core_t *self, const Waypost__Frame *frame, struct slice bytes)
{
    for (size_t i = 0; i < sizeof frame_table / sizeof frame_table[0]; i++) {
        if (frame_table[i].body == frame->body_case) {
            if (!frame_table[i].gathers) {
                (void)agent_settle(self);
            } else if (self->gathering) {
                store_gather(self->store);
            }
            if (self->state == SESSION_OPEN || frame_table[i].in_hello) {
                frame_table[i].take(self, frame, bytes);
            }
            return;
        }
    }
    log_debug("frame of an unknown body passed over body=%d", (int)frame->body_case);
}

void agent_core_frame(agent_core_t *self, struct slice bytes)
{
    Waypost__Frame *frame = NULL;
    uint64_t upto = self->identity.stream_upto;
    size_t flights = self->flight_count;

    if (self->state != SESSION_HELLO && self->state != SESSION_OPEN) {
        return; /* of a connection that was given up */
    }
    agent_count(self, AGENT_FRAMES_IN);
    arena_reset(self->arena);
    arena_reset(self->inner);
    int rc = frame_decode(self->arena, bytes, &frame);
    if (rc != 0) {
        agent_alarm(
            self, "protocol", "the broker sent a frame that cannot be read (%s)", err_name(rc));
        uplink_close(self, -1);
        return;
    }
    self->heard_at_ms = agent_mono(self);
    take_frame(self, frame, bytes);
    count_idle(self, upto, flights);
}

void agent_core_gather(agent_core_t *self)
{
    self->gathering = true;
}

void agent_core_gathered(agent_core_t *self)
{
    self->gathering = false;
    (void)agent_settle(self);
}

/* ---- the tick ---- */

static void watch_gaps(agent_core_t *self)
{
    struct sender_gap gap;

    if (store_sender_gap(self->store, agent_wall(self) - AGENT_GAP_ALARM_MS, &gap)) {
        agent_alarm(self, "missing",
            "event number %llu of agent %s for %s has not come; ask them to send it again",
            (unsigned long long)gap.missing, gap.agent, gap.code);
    } else {
        agent_alarm_clear(self, "missing");
    }
}

void agent_core_tick(agent_core_t *self)
{
    int64_t now_ms = agent_mono(self);

    assert(!self->gathering); /* or it would acknowledge what is not on disk */
    if (now_ms >= self->daily_at_ms) {
        self->daily_at_ms = now_ms + DAILY_MS;
        book_daily(self);
        watch_gaps(self);
        erasing_daily(self);
    }
    watching_tick(self);
    uplink_tick(self);
    if (self->state == SESSION_OPEN) {
        acking_tick(self);
        outgoing_pump(self);
        beliefs_tick(self);
        erasing_pump(self);
        heads_pump(self);
    }
    bundling_tick(self);
    ops_tick(self);
    if (self->watch_wanted) {
        self->watch_wanted = false;
        agent_core_watch(self);
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t agent_core_due_ms(const agent_core_t *self)
{
    int64_t due_ms = sooner(self->daily_at_ms, agent_mono(self) + 1000);

    if (self->state == SESSION_OFFLINE) {
        due_ms = sooner(due_ms, self->connect_at_ms);
    }
    if (self->state == SESSION_OPEN) {
        due_ms = sooner(due_ms, acking_due_ms(self));
        if (self->publish_at_ms > agent_mono(self)) {
            due_ms = sooner(due_ms, self->publish_at_ms);
        }
    }
    return due_ms;
}

void agent_core_stop(agent_core_t *self)
{
    self->stopping = true;
    if (self->state != SESSION_OPEN) {
        return;
    }
    if (self->ack_wanted) {
        acking_send(self);
    }
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Bye bye = WAYPOST__BYE__INIT;
    frame.body_case = WAYPOST__FRAME__BODY_BYE;
    frame.bye = &bye;
    if (self->state == SESSION_OPEN) {
        (void)agent_send(self, &frame);
    }
}

bool agent_core_online(const agent_core_t *self)
{
    return self->state == SESSION_OPEN && self->settled;
}

const register_t *agent_core_register(const agent_core_t *self)
{
    return self->book;
}

const struct register_agent *agent_core_me(const agent_core_t *self)
{
    return self->me;
}

bool agent_core_answer(agent_core_t *self, uint64_t client, json_t *line)
{
    return self->ports.answer(self->ports.context, client, line);
}

void agent_core_fetch_past(agent_core_t *self, uint64_t leaf, uint64_t skip)
{
    self->past_pending = true;
    self->past_leaf = leaf;
    self->past_skip = skip;
}
