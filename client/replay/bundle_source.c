/*
 * bundle_source: see bundle_source.h. All sections are read before the first record is visited, since they stand by their
 * kind and not by their place in the journal. Out of memory aborts.
 */
#include "client/replay/bundle_source.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/fsio.h"
#include "common/codec/bundle.h"
#include "common/codec/limits.h"
#include "common/crypto/sign.h"
#include "common/record/ack.h"
#include "common/record/acked.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 16777216, POSITIONLESS = 0, EVENT_RECORDS = 2 };

/* A record that is to be visited. */
struct told {
    struct record record; /* body lends from bytes once all are here */
    uint32_t order;       /* within one leaf: of the event in its batch, then of the section */
    struct buf body;
    struct buf
        message; /* of an event, the ExportRecord for whoever takes single events; else empty */
};

struct reading {
    const struct source_walk *walk;
    struct complaint *why;
    arena_t *arena;
    struct told *told; /* owned */
    size_t count, room;
};

static struct slice bytes_of(ProtobufCBinaryData data)
{
    return slice_of(data.data, data.len);
}

static struct told *told_add(struct reading *self, uint8_t type, uint64_t leaf, int64_t time_ms)
{
    if (self->count == self->room) {
        self->room = self->room == 0 ? 64 : self->room * 2;
        struct told *grown = mem_new(self->room, sizeof *grown);
        if (self->count > 0) {
            memcpy(grown, self->told, self->count * sizeof *grown);
        }
        free(self->told);
        self->told = grown;
    }
    struct told *told = &self->told[self->count];
    *told = (struct told){.record = {.type = type, .sequence = leaf, .time_ms = time_ms},
        .order = (uint32_t)self->count};
    self->count++;
    return told;
}

/* ---- sections ---- */

static int take_register(struct reading *self, struct slice bytes)
{
    struct told *told = told_add(self, RECORD_INPUT, 0, 0);

    buf_put_u32(&told->body, INPUT_REGISTER);
    buf_put_slice(&told->body, bytes);
    return 0;
}

/* With its place in the batch that its sender signed. */
static void put_message(const Waypost__BundleEvent *event, const char *agent, struct buf *out)
{
    Waypost__ExportRecord message = WAYPOST__EXPORT_RECORD__INIT;
    Waypost__PublishedEvent published = WAYPOST__PUBLISHED_EVENT__INIT;
    Waypost__PublishedEvent *events[] = {&published};

    published.event = event->event;
    message.leaf_index = event->leaf_index;
    message.time_ms = event->accepted_ms;
    message.type = RECORD_BATCH;
    message.agent = (char *)(uintptr_t)agent;
    message.statement = event->batch;
    message.n_events = 1;
    message.events = events;
    message.has_index = true;
    message.index = event->index;
    message.n_path = event->n_path;
    message.path = event->path;
    message_encode(&message.base, out);
}

/* A batch of that event alone. */
static void put_batch(struct reading *self, const Waypost__BundleEvent *event, const char *agent)
{
    struct told *told = told_add(self, RECORD_BATCH, event->leaf_index, event->accepted_ms);
    struct slice statement = bytes_of(event->batch->statement);

    buf_put_u64(&told->body, POSITIONLESS);
    buf_put_u16(&told->body, (uint16_t)strlen(agent));
    buf_put(&told->body, agent, strlen(agent));
    buf_put_u32(&told->body, (uint32_t)statement.len);
    buf_put_slice(&told->body, statement);
    buf_put_slice(&told->body, bytes_of(event->batch->signature));
    buf_put_u32(&told->body, 1);
    buf_put_u32(&told->body, (uint32_t)event->event.len);
    buf_put_slice(&told->body, bytes_of(event->event));
    put_message(event, agent, &told->message);
}

static void put_judged(struct reading *self, const Waypost__BundleEvent *event)
{
    struct told *told = told_add(self, RECORD_JUDGED, event->leaf_index, event->accepted_ms);

    buf_put_u64(&told->body, event->leaf_index);
    buf_put_u64(&told->body, POSITIONLESS);
    buf_put_u32(&told->body, 1);
    buf_put_u8(&told->body, event->has_verdict ? (uint8_t)(event->verdict & 7) : 0);
    buf_put_varint(&told->body, 0); /* who got it is not told */
    buf_put_u64(&told->body, 0);
}

static int take_event(struct reading *self, struct slice bytes)
{
    const Waypost__BundleEvent *event =
        message_decode(self->arena, &waypost__bundle_event__descriptor, bytes);
    const Waypost__BatchStatement *said = event == NULL
        ? NULL
        : message_decode(self->arena, &waypost__batch_statement__descriptor,
              bytes_of(event->batch->statement));

    if (said == NULL || event->batch->signature.len != SIGNATURE_BYTES ||
        event->event.len > EVENT_BYTES_MAX || strlen(said->agent) > AGENT_ID_BYTES_MAX ||
        event->leaf_index >= UINT64_MAX / 2) {
        return E_MALFORMED;
    }
    put_batch(self, event, said->agent);
    self->told[self->count - 1].order = event->index * EVENT_RECORDS;
    put_judged(self, event);
    self->told[self->count - 1].order = event->index * EVENT_RECORDS + 1;
    return 0;
}

static void put_levels(struct reading *self, const Waypost__AckEntry *entry)
{
    const Waypost__AckedEvent *event = entry->events[0];
    size_t team = event->team == NULL ? 0 : strlen(event->team);
    struct told *told = told_add(self, RECORD_ACKED, entry->leaf_index, event->at_ms);
    struct buf *body = &told->body;
    static const uint8_t no_hash[HASH_BYTES];

    buf_put_u32(body, 0); /* the stream and its numbers are not told */
    buf_put_u64(body, 0);
    buf_put_u64(body, 0);
    buf_put(body, no_hash, sizeof no_hash);
    buf_put_u64(body, 0);
    buf_put_u64(body, POSITIONLESS);
    buf_put_u64(body, entry->leaf_index);
    buf_put_u16(body, 1);
    buf_put_u8(body, (uint8_t)event->level);
    buf_put_u8(body, event->has_role ? (uint8_t)event->role : 0);
    buf_put_u8(body, event->has_code_err ? (uint8_t)event->code_err : 0);
    buf_put(body, entry->code, CODE_BYTES);
    buf_put_u64(body, (uint64_t)event->at_ms);
    buf_put_u8(body, (uint8_t)team);
    buf_put(body, event->team, team);
    buf_put_u32(body, event->level == ACKED_OPENED ? 0 : 1);
    buf_put_u32(body, event->level == ACKED_OPENED ? 1 : 0);
    buf_put(body, event->event.data, UUID_BYTES);
    buf_put_u16(body, 0);
    buf_put_u32(body, 0);
    buf_put_u64(body, 0);
}

static int take_ack(struct reading *self, struct slice bytes)
{
    const Waypost__BundleAck *ack =
        message_decode(self->arena, &waypost__bundle_ack__descriptor, bytes);

    if (ack == NULL || ack->ack->n_events != 1 || ack->ack->events[0]->event.len != UUID_BYTES ||
        ack->ack->ack->signature.len != SIGNATURE_BYTES || strlen(ack->ack->code) != CODE_BYTES ||
        strlen(ack->ack->agent) > AGENT_ID_BYTES_MAX ||
        (ack->ack->events[0]->team != NULL &&
            strlen(ack->ack->events[0]->team) > FACT_ID_BYTES_MAX)) {
        return E_MALFORMED;
    }
    struct ack_body said = {.statement = bytes_of(ack->ack->ack->statement),
        .signature = bytes_of(ack->ack->ack->signature)};
    memcpy(said.agent, ack->ack->agent, strlen(ack->ack->agent) + 1);
    struct told *told =
        told_add(self, RECORD_ACK, ack->ack->leaf_index, ack->ack->events[0]->at_ms);
    ack_body_write(&said, &told->body);
    put_levels(self, ack->ack);
    return 0;
}

static int take_record(struct reading *self, struct slice bytes)
{
    const Waypost__BundleRecord *record =
        message_decode(self->arena, &waypost__bundle_record__descriptor, bytes);

    if (record == NULL) {
        return E_MALFORMED;
    }
    struct told *told = told_add(self, RECORD_DERIVED, record->leaf_index, record->recorded_ms);
    buf_put_slice(&told->body, bytes_of(record->body));
    return 0;
}

static int (*const takers[])(struct reading *self, struct slice bytes) = {
    [BUNDLE_REGISTER] = take_register,
    [BUNDLE_EVENT] = take_event,
    [BUNDLE_ACK] = take_ack,
    [BUNDLE_RECORD] = take_record,
};

static int read_sections(struct reading *self, struct slice bytes)
{
    struct bundle_reader reader;
    struct slice section;
    uint32_t type = 0;
    bool ended = false;
    int rc;

    bundle_open(&reader, bytes);
    const char *fault = "it was cut short";
    while ((rc = bundle_next(&reader, &type, &section)) == 0) {
        arena_reset(self->arena);
        ended = type == BUNDLE_END;
        rc = type < sizeof takers / sizeof takers[0] && takers[type] != NULL
            ? takers[type](self, section)
            : 0;
        if (rc != 0) {
            fault = "it cannot be read";
            break;
        }
    }
    if (rc == E_END && ended) {
        return 0;
    }
    fault = rc == E_CORRUPT ? "it was changed" : fault;
    return complain(self->why, rc == E_END ? E_GAP : rc, "section %u (byte %zu): %s", reader.number,
        reader.offset, fault);
}

/* ---- in the order of the journal ---- */

static int by_place(const void *a, const void *b)
{
    const struct told *one = a;
    const struct told *other = b;
    uint64_t left = one->record.sequence;
    uint64_t right = other->record.sequence;

    if (left == right) {
        return one->order < other->order ? -1 : one->order > other->order ? 1 : 0;
    }
    return left < right ? -1 : 1;
}

static int visit_one(struct reading *self, struct told *told)
{
    const struct source_walk *walk = self->walk;
    const Waypost__ExportRecord *message = NULL;

    told->record.body = buf_slice(&told->body);
    if (walk->message != NULL && told->message.len > 0) {
        arena_reset(self->arena);
        message = message_decode(
            self->arena, &waypost__export_record__descriptor, buf_slice(&told->message));
    }
    return message != NULL ? walk->message(walk->context, message)
                           : walk->visit(walk->context, &told->record, POSITIONLESS);
}

/* Levels bear the clock of whoever acknowledged: no record is older than the one before it. Registers have no time. */
static int visit_all(struct reading *self)
{
    int64_t time_ms = INT64_MAX;
    int rc = 0;

    for (size_t i = 0; i < self->count; i++) {
        int64_t at_ms = self->told[i].record.time_ms;
        time_ms = at_ms > 0 && at_ms < time_ms ? at_ms : time_ms;
    }
    for (size_t i = 0; rc == 0 && i < self->count; i++) {
        struct told *told = &self->told[i];
        time_ms = told->record.time_ms > time_ms ? told->record.time_ms : time_ms;
        told->record.time_ms = time_ms;
        rc = visit_one(self, told);
    }
    return rc;
}

int bundle_source_walk(const char *path, const struct source_walk *walk, struct complaint *why)
{
    struct reading self = {.walk = walk, .why = why, .arena = arena_new(ARENA_BYTES)};
    struct buf bytes = {0};

    int rc = fsio_read_all(path, BUNDLE_BYTES_MAX, &bytes);
    if (rc != 0) {
        rc = complain(why, rc, "%s cannot be read: %s", path, err_text(rc));
    } else {
        rc = read_sections(&self, buf_slice(&bytes));
        if (self.count > 0) {
            qsort(self.told, self.count, sizeof self.told[0], by_place);
        }
        int stopped = visit_all(&self);
        rc = stopped != 0 ? stopped : rc;
    }
    for (size_t i = 0; i < self.count; i++) {
        buf_free(&self.told[i].body);
        buf_free(&self.told[i].message);
    }
    free(self.told);
    buf_free(&bytes);
    arena_destroy(&self.arena);
    return rc;
}
