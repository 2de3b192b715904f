/*
 * outgoing: from the outbox to the wire, in order (S-6 to S-10). Events are frozen and put into a
 * signed batch in one transaction; only then the batch is sent. Batches go on their way one behind
 * the other within the broker's credit; a refusal moves the place where sending goes on. Nothing
 * leaves the outbox but by a receipt. While a batch that could have taken more is on its way, what is said meanwhile waits for its
 * receipt and leaves as one: under load a signature, a frame and a sync serve many, and nothing waits longer than for one answer.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "client/agent/erasing.h"
#include "client/agent/store_evidence.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

enum { EVENT_OVERHEAD_BYTES = 64 }; /* tags and lengths of one PublishedEvent, at the most */

void outgoing_stop(agent_core_t *self, int rc)
{
    self->publish_stopped = rc;
    self->flight_count = 0;
}

void outgoing_from(agent_core_t *self, uint64_t sequence)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->flight_count; i++) {
        if (self->flights[i].first < sequence) {
            self->flights[kept++] = self->flights[i];
        }
    }
    self->flight_count = kept;
    self->next_unsent = sequence;
}

void outgoing_wait(agent_core_t *self, int64_t at_least_ms)
{
    self->publish_wait_ms =
        self->publish_wait_ms == 0 ? AGENT_PUBLISH_WAIT_MIN_MS : self->publish_wait_ms * 2;
    if (self->publish_wait_ms > AGENT_PUBLISH_WAIT_MAX_MS) {
        self->publish_wait_ms = AGENT_PUBLISH_WAIT_MAX_MS;
    }
    int64_t wait_ms = self->publish_wait_ms > at_least_ms ? self->publish_wait_ms : at_least_ms;
    self->publish_at_ms = agent_mono(self) + wait_ms;
}

/* What the broker has lost of earlier incarnations goes first: nothing but its frozen bytes is left of it. */
void outgoing_begin(agent_core_t *self)
{
    uint64_t own = self->identity.incarnation;
    uint64_t first;

    if (agent_mono(self) < self->past_at_ms ||
        !store_outbox_lost(self->store, own, &self->publishing, &first)) {
        self->publishing = own;
        first = store_receipted_upto(self->store, own) + 1;
    }
    outgoing_from(self, first);
}

static bool is_past(const agent_core_t *self)
{
    return self->publishing != self->identity.incarnation;
}

/* The broker does not take what is left of earlier incarnations, and what is new does not wait for that. Another session:
 * answers name numbers and not the incarnation. */
static void set_past_aside(agent_core_t *self, const char *text)
{
    agent_alarm(self, "lost_events",
        "events that the broker had accepted before it was put back from a copy are not taken "
        "again: %.200s; they stay in the outbox and are tried again: call the operator of the "
        "broker",
        text);
    self->past_at_ms = agent_mono(self) + AGENT_LOST_AGAIN_MS;
    uplink_close(self, 0);
}

/* ---- forming a batch ---- */

/* A batch while it is gathered, and its frame's events. */
struct gathering {
    agent_core_t *core;
    uint64_t first; /* sequence of the first, 0 before it */
    uint32_t count;
    size_t bytes; /* on the wire */
    size_t bytes_max;
    uint32_t events_max;
    struct hash leaves[BATCH_EVENTS_MAX];
    bool full;
};

static size_t event_bytes(const struct outbox_row *row)
{
    return row->bytes.len + row->ciphertext.len + row->wraps.len +
        row->wraps.len / STORED_WRAP_BYTES * 16 + EVENT_OVERHEAD_BYTES;
}

static bool has_room(const struct gathering *self, const struct outbox_row *row)
{
    if (self->count == 0) {
        return true;
    }
    return self->count < self->events_max && self->bytes + event_bytes(row) <= self->bytes_max;
}

static bool gather(struct gathering *self, const struct outbox_row *row)
{
    const agent_core_t *core = self->core;

    if (!has_room(self, row) ||
        (core->split_at != 0 && self->count > 0 && row->sequence >= core->split_at &&
            self->first < core->split_at)) {
        self->full = true;
        return false;
    }
    if (self->count == 0) {
        self->first = row->sequence;
    }
    assert(row->sequence == self->first + self->count);
    self->leaves[self->count++] = hash_event_leaf(core->options.network, buf_slice(&row->bytes));
    self->bytes += event_bytes(row);
    return true;
}

static bool gather_frozen(void *context, struct outbox_row *row)
{
    struct gathering *self = context;

    if (row->state != OUTBOX_SENT || row->batch != 0) {
        self->full = self->count > 0;
        return false;
    }
    return gather(self, row);
}

/* Freeze what waits, while there is room. An event that cannot be frozen is refused and the next
 * one is taken. */
static void gather_waiting(struct gathering *self)
{
    agent_core_t *core = self->core;
    int64_t position = 0;
    struct outbox_row row;

    while (!self->full && store_outbox_next_waiting(core->store, position, &row) == 0) {
        struct complaint why = {0};
        position = row.position;
        struct identity before = core->identity;
        int rc = self->count >= self->events_max ? E_FULL : freeze_event(core, &row, &why);
        if (rc == 0 && !gather(self, &row)) {
            store_outbox_thaw(core->store, row.incarnation, row.sequence);
            core->identity = before;
        } else if (rc == E_FULL) {
            self->full = true;
        } else if (rc != 0) {
            store_outbox_refuse(core->store, row.event, rc, why.text);
            agent_alarm(core, "refused", "an event could not be made: %.250s", why.text);
        }
        outbox_row_free(&row);
    }
}

static void sign_batch(agent_core_t *self, const struct gathering *gathering,
    const struct keys *keys, struct batch_row *row)
{
    Waypost__BatchStatement statement = WAYPOST__BATCH_STATEMENT__INIT;
    struct hash root = merkle_root(gathering->leaves, gathering->count);
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t signature[SIGNATURE_BYTES];

    hash_key_id(keys->sign_public, key_id);
    statement.network = (char *)(uintptr_t)self->options.network;
    statement.agent = (char *)(uintptr_t)self->options.agent;
    statement.key_id = binary_of(slice_of(key_id, sizeof key_id));
    statement.incarnation = self->publishing;
    statement.first_sequence = gathering->first;
    statement.count = gathering->count;
    statement.root = binary_of(slice_of(root.b, HASH_BYTES));
    if (self->head.size > 0) {
        statement.has_seen_size = true;
        statement.seen_size = self->head.size;
        statement.has_seen_root = true;
        statement.seen_root = binary_of(slice_of(self->head.root.b, HASH_BYTES));
    }
    buf_clear(&row->statement);
    buf_clear(&row->signature);
    message_encode(&statement.base, &row->statement);
    sign_make(SIGN_CONTEXT_BATCH, buf_slice(&row->statement), keys->sign_secret, signature);
    buf_put(&row->signature, signature, sizeof signature);
    row->incarnation = self->publishing;
    row->first = gathering->first;
    row->count = gathering->count;
}

/* The next batch from frozen and waiting events. 0, E_END where there is nothing, or the store's
 * failure. */
static int form_batch(agent_core_t *self, const struct keys *keys, struct batch_row *row)
{
    struct gathering *gathering = mem_new(1, sizeof *gathering);

    gathering->core = self;
    gathering->bytes_max =
        self->credit_bytes < BATCH_BYTES_MAX ? self->credit_bytes : BATCH_BYTES_MAX;
    gathering->events_max =
        self->credit_events < self->batch_events_max ? self->credit_events : self->batch_events_max;
    gathering->events_max +=
        gathering->events_max == 0 ? 1 : 0; /* an empty window admits one event */
    store_begin(self->store);
    store_outbox_range(self->store, self->publishing, self->next_unsent, BATCH_EVENTS_MAX,
        gather_frozen, gathering);
    if (!gathering->full && !is_past(self)) {
        gather_waiting(gathering);
    }
    bool some = gathering->count > 0;
    if (some) {
        sign_batch(self, gathering, keys, row);
        store_identity_save(self->store, &self->identity);
        row->id = store_batch_add(self->store, row);
    }
    free(gathering);
    int rc = agent_commit(self);
    return rc != 0 ? rc : some ? 0 : E_END;
}

/* ---- sending a batch ---- */

struct sending {
    agent_core_t *core;
    uint32_t count;
    uint32_t wanted;
    Waypost__Publish publish;
    Waypost__PublishedEvent *events;
    Waypost__PublishedEvent **pointers;
    struct outbox_row *rows; /* owned bufs */
    Waypost__Wrap *wraps;    /* WRAPS_MAX an event */
    Waypost__Wrap **wrap_pointers;
    struct stored_wrap *stored;
    struct hash *leaves;
    uint64_t bytes;
};

static void put_wraps(struct sending *self, uint32_t at)
{
    struct cursor cursor = cursor_of(buf_slice(&self->rows[at].wraps));
    Waypost__PublishedEvent *event = &self->events[at];
    size_t base = (size_t)at * WRAPS_MAX;

    event->wraps = &self->wrap_pointers[base];
    while (cursor.rest.len > 0 && event->n_wraps < WRAPS_MAX) {
        size_t i = base + event->n_wraps;
        struct stored_wrap *stored = &self->stored[i];
        if (!stored_wrap_take(&cursor, stored)) {
            return;
        }
        waypost__wrap__init(&self->wraps[i]);
        self->wraps[i].code = stored->code;
        self->wraps[i].key_id = binary_of(slice_of(stored->key_id, KEY_ID_BYTES));
        self->wraps[i].ephemeral = binary_of(slice_of(stored->ephemeral, sizeof stored->ephemeral));
        self->wraps[i].sealed_key =
            binary_of(slice_of(stored->sealed_key, sizeof stored->sealed_key));
        self->wrap_pointers[i] = &self->wraps[i];
        event->n_wraps++;
    }
}

static bool put_event(void *context, struct outbox_row *row)
{
    struct sending *self = context;
    uint32_t at = self->count;

    assert(at < self->wanted);
    self->rows[at] = *row;
    memset(row, 0, sizeof *row); /* its bufs are ours now */
    row = &self->rows[at];
    waypost__published_event__init(&self->events[at]);
    self->pointers[at] = &self->events[at];
    self->events[at].event = binary_of(buf_slice(&row->bytes));
    self->events[at].has_payload = row->ciphertext.len > 0;
    self->events[at].payload = binary_of(buf_slice(&row->ciphertext));
    if (row->ciphertext.len == 0 && store_destroyed(self->core->store, row->event)) {
        self->events[at].has_erased = self->events[at].erased = true;
    }
    put_wraps(self, at);
    self->leaves[at] = hash_event_leaf(self->core->options.network, buf_slice(&row->bytes));
    self->bytes += event_bytes(row);
    self->count++;
    return self->count < self->wanted;
}

static void sending_init(struct sending *self, agent_core_t *core, uint32_t count)
{
    memset(self, 0, sizeof *self);
    self->core = core;
    self->wanted = count;
    self->events = mem_new(count, sizeof *self->events);
    self->pointers = mem_new(count, sizeof *self->pointers);
    self->rows = mem_new(count, sizeof *self->rows);
    self->leaves = mem_new(count, sizeof *self->leaves);
    self->wraps = mem_new((size_t)count * WRAPS_MAX, sizeof *self->wraps);
    self->wrap_pointers = mem_new((size_t)count * WRAPS_MAX, sizeof *self->wrap_pointers);
    self->stored = mem_new((size_t)count * WRAPS_MAX, sizeof *self->stored);
}

static void sending_free(struct sending *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        outbox_row_free(&self->rows[i]);
    }
    free(self->events);
    free(self->pointers);
    free(self->rows);
    free(self->leaves);
    free(self->wraps);
    free(self->wrap_pointers);
    free(self->stored);
}

static bool credit_allows(const agent_core_t *self, uint32_t events, uint64_t bytes)
{
    uint64_t flying_events = 0;
    uint64_t flying_bytes = 0;

    if (self->flight_count == 0) {
        return (events <= self->credit_events && bytes <= self->credit_bytes) || events == 1;
    }
    if (self->flight_count == AGENT_BATCHES_IN_FLIGHT) {
        return false;
    }
    for (size_t i = 0; i < self->flight_count; i++) {
        flying_events += self->flights[i].count;
        flying_bytes += self->flights[i].bytes;
    }
    return flying_events + events <= self->credit_events &&
        flying_bytes + bytes <= self->credit_bytes;
}

/* A batch that was signed with a key that no longer counts is signed anew (B-9). */
static int sign_again(agent_core_t *self, const struct keys *keys, struct batch_row *row,
    const struct sending *sending)
{
    uint8_t key_id[KEY_ID_BYTES];
    Waypost__BatchStatement *statement = message_decode(
        self->inner, &waypost__batch_statement__descriptor, buf_slice(&row->statement));

    hash_key_id(keys->sign_public, key_id);
    if (statement != NULL && statement->key_id.len == KEY_ID_BYTES &&
        memcmp(statement->key_id.data, key_id, KEY_ID_BYTES) == 0) {
        return 0;
    }
    struct gathering *gathering = mem_new(1, sizeof *gathering);
    gathering->first = row->first;
    gathering->count = row->count;
    memcpy(gathering->leaves, sending->leaves, row->count * sizeof gathering->leaves[0]);
    sign_batch(self, gathering, keys, row);
    free(gathering);
    store_begin(self->store);
    store_batch_sign(self->store, row->id, buf_slice(&row->statement), buf_slice(&row->signature));
    return agent_commit(self);
}

static void transmit(agent_core_t *self, struct batch_row *row, struct sending *sending)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Signed batch = WAYPOST__SIGNED__INIT;

    batch.statement = binary_of(buf_slice(&row->statement));
    batch.signature = binary_of(buf_slice(&row->signature));
    waypost__publish__init(&sending->publish);
    sending->publish.batch = &batch;
    sending->publish.n_events = sending->count;
    sending->publish.events = sending->pointers;
    sending->publish.register_version = register_version(self->book);
    frame.body_case = WAYPOST__FRAME__BODY_PUBLISH;
    frame.publish = &sending->publish;
    if (agent_send(self, &frame) != 0) {
        return;
    }
    self->flights[self->flight_count++] =
        (struct flight){row->first, row->count, sending->bytes, agent_mono(self)};
    self->next_unsent = row->first + row->count;
    if (self->split_at <= row->first) {
        self->split_at = 0;
    }
}

static bool drop_batch(agent_core_t *self, uint64_t first)
{
    store_begin(self->store);
    store_batches_drop(self->store, self->publishing, first);
    return agent_commit(self) == 0;
}

/* False where nothing more can be sent now. */
static bool send_batch(agent_core_t *self, const struct keys *keys, struct batch_row *row)
{
    struct sending sending;
    bool more = false;

    assert(row->count <= BATCH_EVENTS_MAX);
    sending_init(&sending, self, row->count);
    store_outbox_range(self->store, row->incarnation, row->first, row->count, put_event, &sending);
    if (sending.count != row->count) {
        agent_alarm(
            self, "storage", "batch from %" PRIu64 " lacks events in the outbox", row->first);
        outgoing_stop(self, E_CORRUPT);
    } else if (!credit_allows(self, row->count, sending.bytes)) {
        more = self->flight_count == 0 &&
            drop_batch(self, row->first); /* larger than all the credit there is */
    } else if (sign_again(self, keys, row, &sending) == 0) {
        transmit(self, row, &sending);
        more = self->state == SESSION_OPEN;
    }
    sending_free(&sending);
    return more;
}

static bool may_publish(const agent_core_t *self)
{
    return self->state == SESSION_OPEN && self->settled && !self->stopping && !self->restoring &&
        self->publish_stopped == 0 && self->book != NULL && !self->register_asked &&
        agent_mono(self) >= self->publish_at_ms && self->flight_count < AGENT_BATCHES_IN_FLIGHT;
}

/* Nothing more can be sent under this incarnation: on with the next in another session, where there is one. */
static void incarnation_done(agent_core_t *self)
{
    uint64_t lost = 0;
    uint64_t first;

    if (self->flight_count > 0 || (!is_past(self) && self->past_at_ms == 0) ||
        agent_mono(self) < self->past_at_ms) {
        return;
    }
    bool left = store_outbox_lost(self->store, self->identity.incarnation, &lost, &first);
    if (left && lost == self->publishing) {
        set_past_aside(self, "some of them are missing here");
        return;
    }
    if (!left) {
        self->past_at_ms = 0;
        agent_alarm_clear(self, "lost_events");
    }
    if (left || is_past(self)) {
        uplink_close(self, 0);
    }
}

/* One that could have taken more, so that what waits for its receipt leaves together. */
static bool small_one_flies(const agent_core_t *self)
{
    if (self->flight_count == 0) {
        return false;
    }
    const struct flight *last = &self->flights[self->flight_count - 1];
    return last->count < self->batch_events_max && last->bytes < BATCH_BYTES_MAX / 2;
}

/* What is to leave next: formed before, or now. 0, E_END where there is nothing yet, or the store's failure. */
static int next_batch(agent_core_t *self, const struct keys *keys, struct batch_row *row)
{
    int rc = store_batch_open(self->store, self->publishing, self->next_unsent, row);

    if (rc == 0 && row->first == self->next_unsent) {
        return 0;
    }
    batch_row_free(row);
    memset(row, 0, sizeof *row);
    return small_one_flies(self) ? E_END : form_batch(self, keys, row);
}

int outgoing_prepare(agent_core_t *self)
{
    const struct keys *keys = may_publish(self) ? book_signing_keys(self) : NULL;
    struct batch_row row = {0};

    if (keys == NULL) {
        return 0;
    }
    int rc = next_batch(self, keys, &row);
    batch_row_free(&row);
    return rc == E_END ? 0 : rc;
}

void outgoing_pump(agent_core_t *self)
{
    bool more = true;

    while (more && may_publish(self)) {
        const struct keys *keys = book_signing_keys(self);
        struct batch_row row = {0};
        if (keys == NULL) {
            return; /* book_daily() has raised the alarm */
        }
        arena_reset(self->inner);
        int rc = next_batch(self, keys, &row);
        more = rc == 0 && send_batch(self, keys, &row);
        batch_row_free(&row);
        if (rc == E_END) {
            incarnation_done(self);
        }
    }
}

/* ---- keys to the payloads ---- */

static void rewrap(agent_core_t *self, const struct outbox_row *row)
{
    struct event_view view;
    uint8_t key[SEAL_KEY_BYTES];
    struct buf wraps = {0};

    if (row->ciphertext.len == 0 || event_read(buf_slice(&row->bytes), &view, NULL) != 0 ||
        freeze_key(self, &view, buf_slice(&row->wraps), key) != 0) {
        return;
    }
    freeze_wraps(self, &view, key, &wraps);
    store_outbox_wraps(self->store, row->event, buf_slice(&wraps));
    memset(key, 0, sizeof key);
    buf_free(&wraps);
}

void outgoing_rewrap(agent_core_t *self)
{
    struct outbox_row row;
    int64_t position = 0;

    if (self->me == NULL) {
        return;
    }
    store_begin(self->store);
    while (store_outbox_next_frozen(self->store, position, &row) == 0) {
        position = row.position;
        rewrap(self, &row);
        outbox_row_free(&row);
    }
    (void)agent_commit(self);
}

/* ---- refusals ---- */

struct finding {
    uint8_t event[UUID_BYTES];
    uint64_t sequence;
    int64_t now_ms;
    bool found;
    bool accepted_once; /* and lost with the broker's disk: no draft was kept */
    bool fit;           /* by what we know, were it sent now */
};

static bool find_event(void *context, struct outbox_row *row)
{
    struct finding *finding = context;
    struct event_view view;

    memcpy(finding->event, row->event, UUID_BYTES);
    if (event_read(buf_slice(&row->bytes), &view, NULL) == 0) {
        view.sent_ms = finding->now_ms;
        finding->fit = event_check(&view, finding->now_ms, false, NULL) == 0;
    }
    finding->sequence = row->sequence;
    finding->found = row->state == OUTBOX_SENT;
    finding->accepted_once = row->draft.len == 0;
    return false;
}

/*
 * A time that the broker will not have is a clock's fault, ours or its own, where the event itself is fit: it was never
 * accepted, so it goes back to those that wait and is made again with the time of then.
 */
static void send_later(agent_core_t *self, uint64_t sequence)
{
    uint64_t incarnation = self->publishing;

    store_begin(self->store);
    store_batches_drop(self->store, incarnation, sequence);
    store_outbox_thaw(self->store, incarnation, sequence);
    self->identity.next_sequence = sequence;
    store_identity_save(self->store, &self->identity);
    agent_alarm(self, "publish",
        "the broker does not take an event for its time of sending: compare the clocks; it is sent "
        "again with another");
    if (agent_commit(self) == 0) {
        outgoing_from(self, store_receipted_upto(self->store, incarnation) + 1);
        outgoing_wait(self, 0);
    }
}

/*
 * Others may have got it already, and one id stands for the same bytes for ever: it is neither made again nor set aside.
 * A clock at fault is put right one day, and whatever else keeps it out needs the broker's operator.
 */
static void insist(agent_core_t *self, const uint8_t *event, const Waypost__Refused *refused)
{
    char text[UUID_TEXT_BYTES];

    if (is_past(self)) {
        set_past_aside(self, refused->text);
        return;
    }
    uuid_format(event, text);
    agent_alarm(self, "publish",
        "the broker has lost event %s and now refuses it: %.200s; it is sent again as it is until "
        "it is taken: tell the broker's operator",
        text, refused->text);
    outgoing_from(self, store_receipted_upto(self->store, self->publishing) + 1);
    outgoing_wait(self, 0);
}

/* One event is at fault: it is set aside with the sentence, and what follows takes its number. */
static void refuse_event(agent_core_t *self, uint64_t sequence, const Waypost__Refused *refused)
{
    struct finding finding = {.now_ms = agent_wall(self)};
    uint64_t incarnation = self->publishing;
    char text[UUID_TEXT_BYTES];

    store_outbox_range(self->store, incarnation, sequence, 1, find_event, &finding);
    if (!finding.found) {
        outgoing_wait(self, 0);
        return;
    }
    if (finding.accepted_once) {
        insist(self, finding.event, refused);
        return;
    }
    if (-(int)refused->code == E_DATE && finding.fit) {
        send_later(self, sequence);
        return;
    }
    uuid_format(finding.event, text);
    store_begin(self->store);
    store_batches_drop(self->store, incarnation, sequence);
    store_outbox_thaw(self->store, incarnation, sequence);
    store_outbox_refuse(self->store, finding.event, -(int)refused->code, refused->text);
    erasing_unsent(self, finding.event);
    self->identity.next_sequence = sequence;
    store_identity_save(self->store, &self->identity);
    agent_alarm(self, "refused", "the broker refuses event %s: %.200s", text, refused->text);
    if (agent_commit(self) != 0) {
        return;
    }
    outgoing_from(self, store_receipted_upto(self->store, incarnation) + 1);
    outgoing_wait(self, 0);
}

/* Can sending go on from the number that the broker expects? */
static bool can_go_on_from(agent_core_t *self, uint64_t expected)
{
    struct finding finding = {.found = false};

    if (is_past(self)) {
        store_outbox_range(self->store, self->publishing, expected, 1, find_event, &finding);
        if (!finding.found || finding.sequence != expected) {
            set_past_aside(self, "it expects one that is not here");
            return false;
        }
    } else if (expected > self->identity.sent_sequence + 1) {
        restore_begin(self, "the broker expects a sequence that this database never reached");
        return false;
    } else if (expected <= store_receipted_upto(self->store, self->publishing)) {
        agent_alarm(self, "rollback", "%s: publishing has stopped", err_text(E_ROLLBACK));
        outgoing_stop(self, E_ROLLBACK);
        return false;
    }
    return true;
}

static void refused_gap(agent_core_t *self, const Waypost__Refused *refused)
{
    uint64_t expected = refused->has_expected ? refused->expected : 0;
    struct batch_row row = {0};
    uint64_t from = expected;

    if (!can_go_on_from(self, expected)) {
        return;
    }
    if (store_batch_covering(self->store, self->publishing, expected, &row) == 0 &&
        row.first < expected && row.accepted_ms == 0) {
        from =
            row.first; /* its begin was accepted: in a batch of its own it gets the receipt again */
        self->split_at = expected;
        (void)drop_batch(self, row.first);
    }
    batch_row_free(&row);
    outgoing_from(self, from);
    outgoing_wait(self, 0);
}

static bool is_in_flight(const agent_core_t *self, uint64_t first)
{
    for (size_t i = 0; i < self->flight_count; i++) {
        if (self->flights[i].first == first) {
            return true;
        }
    }
    return false;
}

static uint32_t count_of(const agent_core_t *self, uint64_t first)
{
    for (size_t i = 0; i < self->flight_count; i++) {
        if (self->flights[i].first == first) {
            return self->flights[i].count;
        }
    }
    return 0;
}

/* Codes that speak of the agent, the session or the moment, not of one event. */
static bool is_of_the_batch(int code)
{
    static const int codes[] = {E_BUSY, E_CREDIT, E_KEY, E_REVOKED, E_NETWORK, E_SIGNATURE,
        E_SESSION, E_VERSION, E_PRINCIPAL, E_FULL, E_IO, E_CLOCK};

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i] == code) {
            return true;
        }
    }
    return false;
}

/* Form smaller batches, so that the broker's answer names the one event at fault. */
static void shrink(agent_core_t *self, uint64_t first)
{
    self->batch_events_max = 1;
    (void)drop_batch(self, first);
    outgoing_from(self, first);
    outgoing_wait(self, 0);
}

void outgoing_refused(agent_core_t *self, const Waypost__Refused *refused)
{
    int code = -(int)refused->code;
    uint64_t first = refused->has_first_sequence ? refused->first_sequence : 0;

    if (!is_in_flight(self, first)) {
        return; /* it was behind another one that was refused: sent again already */
    }
    uint32_t count = count_of(self, first);
    switch (code) {
    case E_GAP:
        refused_gap(self, refused);
        return;
    case E_CONFLICT:
        if (is_past(self)) {
            set_past_aside(self, refused->text);
            return;
        }
        agent_alarm(self, "conflict",
            "the broker has another event under our number %" PRIu64
            ": this agent was restored or cloned",
            first);
        outgoing_stop(self, E_CONFLICT);
        restore_begin(self, "a number of ours is taken by another event");
        return;
    case E_STALE_REGISTER:
        outgoing_from(self, first);
        self->register_old = true;
        book_ask(self);
        return;
    default:
        break;
    }
    if (is_of_the_batch(code)) {
        if (code != E_BUSY && code != E_CREDIT) {
            agent_alarm(self, "publish", "the broker does not take what we publish: %s: %.200s",
                err_name(code), refused->text);
        }
        outgoing_from(self, first);
        outgoing_wait(self, refused->has_retry_ms ? (int64_t)refused->retry_ms : 0);
    } else if (refused->has_index && refused->index < count) {
        refuse_event(self, first + refused->index, refused);
    } else if (count == 1) {
        refuse_event(self, first, refused);
    } else {
        shrink(self, first);
    }
}
