/*
 * register_change: a register comes into force. It counts for every frame from the moment it is appended; judging and
 * acknowledging rest until its record is durable and the streams have been brought in line with it: entries whose code
 * is served by somebody else now are moved, changed grants open a new epoch, REGISTER_CHANGED ends it. All of that is
 * records; a crash in the middle is finished by the next recovery.
 *
 * A register that cannot be taken leaves the old one in force and says why.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"
#include "common/base/log.h"

#include "common/base/banned.h"

/* ---- what changes ---- */

static bool lists_differ(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
    if (a_count != b_count) {
        return true;
    }
    for (size_t i = 0; i < a_count; i++) {
        if (strcmp(a[i], b[i]) != 0) {
            return true;
        }
    }
    return false;
}

static bool grants_differ(const struct register_agent *a, const struct register_agent *b)
{
    if (a == NULL || b == NULL) {
        return a != b;
    }
    return strcmp(a->code, b->code) != 0 || a->roles != b->roles ||
        lists_differ(a->regions, a->region_count, b->regions, b->region_count) ||
        lists_differ(a->acts_for, a->acts_for_count, b->acts_for, b->acts_for_count);
}

/* True where a code that led to this stream leads elsewhere now. */
static bool codes_moved(
    const register_t *before, const register_t *after, const struct stream *stream)
{
    for (size_t i = 0; i < register_authority_count(after); i++) {
        const char *code = register_authority_at(after, i)->code;
        if (before != NULL && strcmp(serving_name(before, code), stream->name) == 0 &&
            strcmp(serving_name(after, code), stream->name) != 0) {
            return true;
        }
    }
    return false;
}

/* Which entries a register moves is read from their batches: it waits while one of those is lost. */
static int check_lost(core_t *self, const register_t *loaded, struct complaint *why)
{
    for (size_t i = 0; i < self->stream_count && self->losses.count > 0; i++) {
        const struct stream *stream = self->streams[i];
        bool moves = codes_moved(self->reg, loaded, stream) ||
            grants_differ(register_agent_of(self->reg, stream->name),
                register_agent_of(loaded, stream->name));
        if (moves && lost_waits(self, stream)) {
            return complain(why, E_STATE,
                "The register changes what agent %s is given, and an entry that waits for it "
                "cannot be read from the journal: restore the damaged segment first.",
                stream->name);
        }
    }
    return 0;
}

/* ---- taking it ---- */

static void register_append(core_t *self)
{
    struct slice bytes = register_bytes(self->reg);

    buf_clear(&self->record_body);
    buf_put_u32(&self->record_body, INPUT_REGISTER);
    buf_put_slice(&self->record_body, bytes);
    (void)append_record(self, RECORD_INPUT, buf_slice(&self->record_body), slice_of(NULL, 0), NULL);
}

static int register_take(core_t *self, struct slice bytes, const struct register_pin *pin,
    register_t **out, struct complaint *why)
{
    register_t *loaded = NULL;
    int rc;

    if (self->judging_paused) {
        return complain(why, E_BUSY,
            "The register before this one is still being brought into force; try again.");
    }
    rc = register_load(bytes, self->reg == NULL ? pin : NULL, self->reg, &loaded, why);
    if (rc == 0 && strcmp(register_network(loaded), self->options.network) != 0) {
        rc = complain(why, E_NETWORK, "The register is of network %s, this broker serves %s.",
            register_network(loaded), self->options.network);
    }
    rc = rc != 0 ? rc : routing_check(loaded, why);
    rc = rc != 0 ? rc : check_lost(self, loaded, why);
    if (rc != 0) {
        register_destroy(&loaded);
        return rc;
    }
    *out = loaded;
    return 0;
}

int core_register(core_t *self, struct slice signed_register, const struct register_pin *pin,
    struct complaint *why)
{
    register_t *loaded = NULL;

    core_clock(self);
    if (self->reg != NULL && slice_equal(register_bytes(self->reg), signed_register)) {
        return 0;
    }
    int rc = register_take(self, signed_register, pin, &loaded, why);
    if (rc != 0) {
        core_count(self, COUNTER_REGISTERS_REFUSED);
        return rc;
    }
    register_t *before = self->reg;
    self->reg = loaded;
    self->judging_paused = true;
    routing_build(self);
    register_destroy(&before);
    register_append(self);
    session_register_changed(self);
    core_count(self, COUNTER_REGISTERS_TAKEN);
    log_info("register in force version=%llu", (unsigned long long)register_version(loaded));
    return 0;
}

/* ---- reading our own ---- */

void core_spare_register(core_t *self, struct slice signed_register)
{
    buf_clear(&self->spare);
    buf_put_u32(&self->spare, INPUT_REGISTER);
    buf_put_slice(&self->spare, signed_register);
}

int register_spare(core_t *self, uint64_t position, struct record *out)
{
    int rc = journal_restore(self->journal, position, RECORD_INPUT, buf_slice(&self->spare), out);

    if (rc == 0) {
        self->spared = position;
    }
    return rc;
}

/* From our own journal, which is signed: its roots were asked when it was taken, and need not be pinned any more. */
register_t *register_read(core_t *self, uint64_t position)
{
    struct record record;
    register_t *out = NULL;

    if (position == 0 ||
        (journal_read(self->journal, position, &self->scratch, &record) != 0 &&
            register_spare(self, position, &record) != 0) ||
        record.type != RECORD_INPUT || record.body.len <= 4) {
        return NULL;
    }
    struct slice bytes = slice_of(record.body.data + 4, record.body.len - 4);
    return register_load_unpinned(bytes, &out, NULL) == 0 ? out : NULL;
}

/* ---- bringing the streams in line ---- */

/* Numbers of one stream that go to one other, or that leave it. */
struct moves {
    uint32_t to;
    uint64_t *numbers; /* owned */
    size_t count, capacity;
};

struct settling {
    register_t *before;
    struct moves *moves; /* of the stream at hand, owned; to NO_STREAM: they leave it */
    size_t count, capacity;
};

static struct moves *moves_to(struct settling *settling, uint32_t to)
{
    for (size_t i = 0; i < settling->count; i++) {
        if (settling->moves[i].to == to) {
            return &settling->moves[i];
        }
    }
    settling->moves =
        mem_grow(settling->moves, settling->count, &settling->capacity, sizeof *settling->moves);
    settling->moves[settling->count] = (struct moves){.to = to};
    return &settling->moves[settling->count++];
}

static void moves_add(struct settling *settling, uint32_t to, uint64_t number)
{
    struct moves *moves = moves_to(settling, to);

    if (moves->count > 0 && moves->numbers[moves->count - 1] == number) {
        return; /* two codes of one event, one new agent */
    }
    moves->numbers =
        mem_grow(moves->numbers, moves->count, &moves->capacity, sizeof *moves->numbers);
    moves->numbers[moves->count++] = number;
}

/* The name that a code led to under a register on a day; NULL where it led to nobody. */
static const char *led_to(const register_t *reg, const char *code, int32_t day)
{
    const struct register_authority *to = NULL;
    enum register_route route = reg == NULL ? ROUTE_UNKNOWN : register_route(reg, code, day, &to);

    return route == ROUTE_DIRECT || route == ROUTE_SUCCESSOR ? serving_name(reg, to->code) : NULL;
}

/* By the codes first .. end - 1 of an event: where they lead now. False where none of them led to this stream. */
static bool settle_codes(core_t *self, struct settling *settling, const struct stream *stream,
    uint64_t number, const struct view *view, const struct digest *digest, uint32_t first,
    uint32_t end)
{
    int32_t day = civil_london_day(view->accepted_ms);
    bool leaves = false;
    bool stays = false;
    char code[CODE_BYTES + 1];

    for (uint32_t n = first; n < end; n++) {
        digest_code(view, digest, n, code);
        const char *was = led_to(settling->before, code, day);
        const char *is = led_to(self->reg, code, day);
        if (was == NULL || strcmp(was, stream->name) != 0) {
            continue;
        }
        if (is == NULL || strcmp(is, stream->name) == 0) {
            stays = true;
        } else {
            leaves = true;
            stream_want(self, is);
            moves_add(settling, stream_named(self, is)->index, number);
        }
    }
    if (leaves && !stays) {
        moves_add(settling, NO_STREAM, number);
    }
    return leaves || stays;
}

static void settle_event(core_t *self, struct settling *settling, const struct stream *stream,
    uint64_t number, const struct entry *entry)
{
    struct view *view = view_get(self, entry->position);
    const struct digest *digest = view == NULL ? NULL : view_digest(self, view, entry->index);

    if (digest != NULL) {
        (void)settle_codes(
            self, settling, stream, number, view, digest, DIGEST_TO, digest->code_count);
    }
}

/* In clear facts: for a hub, or told to a party of its transfer afterwards (D49). */
static void settle_clear(core_t *self, struct settling *settling, const struct stream *stream,
    uint64_t number, const struct entry *entry)
{
    struct view *view = view_get(self, entry->position);
    const struct digest *digest = view == NULL ? NULL : view_digest(self, view, entry->index);

    if (digest == NULL ||
        (disclose_is_alone(view, digest) &&
            settle_codes(
                self, settling, stream, number, view, digest, DIGEST_ORIGIN, DIGEST_FROM))) {
        return;
    }
    uint64_t hubs = routing_hubs_of(self, view, digest);
    for (size_t i = 0; i < self->routing.hub_count; i++) {
        if (self->routing.hubs[i] == stream->index && (hubs >> i & 1) != 0) {
            return;
        }
    }
    moves_add(settling, NO_STREAM, number);
}

/* Returns true where entries left the stream. */
static bool settle_stream(
    core_t *self, struct settling *settling, struct stream *stream, bool changed)
{
    bool moved = codes_moved(settling->before, self->reg, stream);
    bool left = false;

    settling->count = 0;
    for (uint64_t n = stream->acked + 1; (moved || changed) && n <= stream->last; n++) {
        struct entry entry = *stream_entry(stream, n);
        if (entry.type == ENTRY_EVENT && (entry.flags & ENTRY_CLEAR) != 0) {
            settle_clear(self, settling, stream, n, &entry);
        } else if (entry.type == ENTRY_EVENT && moved) {
            settle_event(self, settling, stream, n, &entry);
        }
    }
    for (size_t i = 0; i < settling->count; i++) { /* first they are added elsewhere */
        struct moves *moves = &settling->moves[i];
        if (moves->to != NO_STREAM) {
            judge_append_move(self, stream->index, moves->to, moves->numbers, moves->count);
        }
    }
    for (size_t i = 0; i < settling->count; i++) {
        struct moves *moves = &settling->moves[i];
        if (moves->to == NO_STREAM) {
            judge_append_move(self, stream->index, NO_STREAM, moves->numbers, moves->count);
            left = true;
        }
        free(moves->numbers);
    }
    return left;
}

static void settle_streams(core_t *self, struct settling *settling)
{
    size_t known = self->stream_count;
    bool *reopen = mem_new(known + 1, sizeof *reopen);

    for (size_t i = 0; i < register_agent_count(self->reg); i++) {
        stream_want(self, register_agent_at(self->reg, i)->id);
    }
    routing_build(self);
    for (size_t i = 0; i < known; i++) {
        struct stream *stream = self->streams[i];
        const struct register_agent *was =
            settling->before == NULL ? NULL : register_agent_of(settling->before, stream->name);
        const struct register_agent *is = register_agent_of(self->reg, stream->name);
        bool changed = is != NULL && grants_differ(was, is);
        bool left = settle_stream(self, settling, stream, changed && was != NULL);
        reopen[i] = is != NULL && (changed || left);
    }
    for (size_t i = 0; i < known; i++) {
        if (reopen[i]) {
            stream_open(self, self->streams[i]);
        }
    }
    free(reopen);
}

static void notice_newer(core_t *self)
{
    Waypost__Notice notice = WAYPOST__NOTICE__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    notice.kind = WAYPOST__NOTICE_KIND__REGISTER_NEWER;
    frame.body_case = WAYPOST__FRAME__BODY_NOTICE;
    frame.notice = &notice;
    for (struct session *session = self->session_list; session != NULL; session = session->next) {
        if (session->state == SESSION_OPEN) {
            out_frame(self, session->id, &frame);
        }
    }
}

void register_applied(core_t *self, uint64_t position)
{
    self->register_before = self->register_position;
    self->register_position = position;
    self->register_settled = false;
    self->settle_due = true;
}

void register_settle(core_t *self)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;

    if (!self->settle_due) {
        return;
    }
    self->settle_due = false;
    struct settling *settling = mem_new(1, sizeof *settling);
    settling->before = register_read(self, self->register_before);
    settle_streams(self, settling);
    register_destroy(&settling->before);
    free(settling->moves);
    free(settling);
    derived.kind = WAYPOST__SYSTEM_KIND__REGISTER_CHANGED;
    derived.at_ms = self->now_ms;
    derived.has_version = 1;
    derived.version = register_version(self->reg);
    (void)append_derived(self, &derived);
    self->judging_paused = false;
    notice_newer(self);
    for (struct session *session = self->session_list; session != NULL; session = session->next) {
        ack_run(self, session);
    }
}
