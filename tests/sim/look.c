/* look: see look.h. Reads only. */
#include "tests/sim/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/core_internal.h"
#include "common/base/civil.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 4194304 };

/* ---- the core ---- */

bool look_served(const core_t *core, const char *agent, struct buf *why)
{
    const struct stream *stream = stream_named(core, agent);

    if (stream == NULL) {
        return true;
    }
    if (stream->session == NULL) { /* the agent still believes in one with a broker of before */
        buf_put_text(why, "%s has no session at the broker; ", agent);
        return false;
    }
    if (stream->acked != stream->last) {
        buf_put_text(why, "%s has acknowledged %llu of %llu; ", agent,
            (unsigned long long)stream->acked, (unsigned long long)stream->last);
        return false;
    }
    if (stream->unreceipted_first != NULL) {
        buf_put_text(why, "%s waits for a receipt; ", agent);
        return false;
    }
    return true;
}

bool look_quiet(const core_t *core)
{
    return !core_unfinished(core) && core->batches == NULL && core->outgoing_count == 0 &&
        journal_pending_bytes(core->journal) == 0;
}

size_t look_held(const core_t *core)
{
    return core->held_count;
}

void look_state(const core_t *core, struct buf *out)
{
    snapshot_encode(core, out);
}

int64_t look_deadline_ms(const core_t *core)
{
    return core->fold.engine == NULL ? INT64_MAX : engine_next_ms(core->fold.engine);
}

uint64_t look_differences(const core_t *core)
{
    return core->counters[COUNTER_FOLD_DIFFERENCES];
}

/* ---- the journal ---- */

struct walk {
    arena_t *arena;
    uint64_t *voided; /* owned, leaves in order */
    size_t voided_count, voided_capacity;
    void (*visit)(void *context, const struct look_event *event);
    void *context;
    bool unreadable;
};

static int see_voided(void *context, const Waypost__Derived *derived)
{
    struct walk *self = context;

    if (derived->kind != WAYPOST__SYSTEM_KIND__BATCH_VOIDED) {
        return 0;
    }
    if (self->voided_count == self->voided_capacity) {
        self->voided_capacity = self->voided_capacity == 0 ? 16 : self->voided_capacity * 2;
        self->voided = realloc(self->voided, self->voided_capacity * sizeof *self->voided);
        if (self->voided == NULL) {
            abort();
        }
    }
    self->voided[self->voided_count++] = derived->leaf_index;
    return 0;
}

static int find_voided(void *context, const struct record *record, uint64_t position)
{
    struct walk *self = context;

    (void)position;
    if (record->type == RECORD_DERIVED) {
        (void)derived_walk(self->arena, record->body, see_voided, self);
    }
    return 0;
}

static bool is_voided(const struct walk *self, uint64_t leaf)
{
    for (size_t i = 0; i < self->voided_count; i++) {
        if (self->voided[i] == leaf) {
            return true;
        }
    }
    return false;
}

static int see_batch(void *context, const struct record *record, uint64_t position)
{
    struct walk *self = context;
    struct batch_body batch;

    (void)position;
    if (record->type != RECORD_BATCH || is_voided(self, record->sequence)) {
        return 0;
    }
    arena_reset(self->arena);
    if (batch_body_read(record->body, &batch) != 0) {
        self->unreadable = true;
        return 0;
    }
    const Waypost__BatchStatement *statement =
        message_decode(self->arena, &waypost__batch_statement__descriptor, batch.statement);
    if (statement == NULL) {
        self->unreadable = true;
        return 0;
    }
    struct slice rest = batch.events;
    for (uint32_t i = 0; i < batch.count; i++) {
        struct look_event event = {.agent = batch.agent,
            .incarnation = statement->incarnation,
            .sequence = statement->first_sequence + i,
            .leaf = record->sequence,
            .index = i};
        self->unreadable |= batch_next_event(&rest, &event.bytes) != 0;
        self->visit(self->context, &event);
    }
    return 0;
}

bool look_events(
    journal_t *journal, void (*visit)(void *context, const struct look_event *event), void *context)
{
    struct walk walk = {.arena = arena_new(ARENA_BYTES), .visit = visit, .context = context};
    int rc = journal_replay(journal, 0, 0, find_voided, &walk);

    rc = rc != 0 ? rc : journal_replay(journal, 0, 0, see_batch, &walk);
    arena_destroy(&walk.arena);
    free(walk.voided);
    return rc == 0 && !walk.unreadable;
}

/* ---- deadlines ---- */

/* A clock of a child in a transfer. */
struct look_clock {
    uint8_t transfer[UUID_BYTES], subject[UUID_BYTES];
    char clock[8];
    bool runs;
    int32_t due_day;
};

struct silence {
    arena_t *arena;
    struct look_clock *clocks; /* owned */
    size_t count, capacity;
    int64_t time_ms; /* of the record at hand */
    look_tells_fn *tells;
    void *context;
    struct buf *why;
};

static bool has_id(ProtobufCBinaryData bytes)
{
    return bytes.len == UUID_BYTES;
}

static struct look_clock *clock_of(struct silence *self, const Waypost__Derived *derived)
{
    for (size_t i = 0; i < self->count; i++) {
        struct look_clock *clock = &self->clocks[i];
        if (memcmp(clock->transfer, derived->transfer.data, UUID_BYTES) == 0 &&
            memcmp(clock->subject, derived->subject.data, UUID_BYTES) == 0 &&
            strcmp(clock->clock, derived->clock) == 0) {
            return clock;
        }
    }
    if (self->count == self->capacity) {
        self->capacity = self->capacity == 0 ? 16 : self->capacity * 2;
        self->clocks = realloc(self->clocks, self->capacity * sizeof *self->clocks);
        if (self->clocks == NULL) {
            abort();
        }
    }
    struct look_clock *clock = &self->clocks[self->count++];
    *clock = (struct look_clock){.runs = false};
    memcpy(clock->transfer, derived->transfer.data, UUID_BYTES);
    memcpy(clock->subject, derived->subject.data, UUID_BYTES);
    (void)snprintf(clock->clock, sizeof clock->clock, "%s", derived->clock);
    return clock;
}

static void see_set(struct look_clock *clock, const char *detail)
{
    char date[11] = {0};
    size_t len = 0;
    const char *due = detail == NULL ? NULL : derived_detail(detail, "due", &len);

    clock->runs = false;
    if (due != NULL && len >= sizeof date - 1) {
        memcpy(date, due, sizeof date - 1);
        clock->runs = civil_date_parse(date, &clock->due_day) == 0;
    }
}

static int see_deadline(void *context, const Waypost__Derived *derived)
{
    struct silence *self = context;
    int kind = (int)derived->kind;

    if ((kind != WAYPOST__SYSTEM_KIND__DEADLINE_SET &&
            kind != WAYPOST__SYSTEM_KIND__DEADLINE_STOPPED &&
            kind != WAYPOST__SYSTEM_KIND__DEADLINE_BREACHED) ||
        !has_id(derived->transfer) || !has_id(derived->subject) || derived->clock == NULL) {
        return 0;
    }
    struct look_clock *clock = clock_of(self, derived);
    if (kind == WAYPOST__SYSTEM_KIND__DEADLINE_SET) {
        see_set(clock, derived->detail);
        return 0;
    }
    clock->runs = false;
    if (kind == WAYPOST__SYSTEM_KIND__DEADLINE_BREACHED) {
        if (derived->at_ms > self->time_ms) {
            buf_put_text(self->why, "breach of %s recorded before its time; ", clock->clock);
        }
        if (!self->tells(self->context, clock->transfer, derived->told, derived->n_told)) {
            buf_put_text(self->why, "breach of %s not told to everybody; ", clock->clock);
        }
    }
    return 0;
}

static int find_deadlines(void *context, const struct record *record, uint64_t position)
{
    struct silence *self = context;

    (void)position;
    self->time_ms = record->time_ms;
    if (record->type == RECORD_DERIVED) {
        (void)derived_walk(self->arena, record->body, see_deadline, self);
    }
    return 0;
}

static void silence_read(struct silence *self, journal_t *journal)
{
    self->arena = arena_new(ARENA_BYTES);
    (void)journal_replay(journal, 0, 0, find_deadlines, self);
}

static void silence_free(struct silence *self)
{
    free(self->clocks);
    arena_destroy(&self->arena);
}

void look_silence(
    journal_t *journal, int64_t now_ms, look_tells_fn *tells, void *context, struct buf *why)
{
    struct silence silence = {.tells = tells, .context = context, .why = why};
    int32_t today = civil_london_day(now_ms);

    silence_read(&silence, journal);
    for (size_t i = 0; i < silence.count; i++) {
        const struct look_clock *clock = &silence.clocks[i];
        if (clock->runs && clock->due_day + LOOK_LONG_DAYS < today) {
            buf_put_text(why, "%s ran out %d days ago and nothing says so; ", clock->clock,
                (int)(today - clock->due_day));
        }
    }
    silence_free(&silence);
}

static bool tells_anybody(void *context, const uint8_t *transfer, char *const *told, size_t count)
{
    (void)context, (void)transfer, (void)told, (void)count;
    return true;
}

int32_t look_last_due_day(journal_t *journal)
{
    struct buf why = {0};
    struct silence silence = {.tells = tells_anybody, .why = &why};
    int32_t last_day = INT32_MIN;

    silence_read(&silence, journal);
    for (size_t i = 0; i < silence.count; i++) {
        const struct look_clock *clock = &silence.clocks[i];
        last_day = clock->runs && clock->due_day > last_day ? clock->due_day : last_day;
    }
    silence_free(&silence);
    buf_free(&why);
    return last_day;
}
