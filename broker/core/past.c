/*
 * past: what a stream was told since the journal's first record, once more and outside the stream, page by page (S-35): a
 * hub empties its tables and fills them again. The cursor is a leaf of the journal and how many of its entries were sent;
 * the broker keeps nothing between two pages, and no page looks at more than PAST_RECORDS records.
 *
 * What the disk has lost or does not give is passed over, and the page says how much that is: whoever reads everything again
 * has no use for a broker that stops at the first such record. Only where the journal's files cannot even be listed is the
 * page refused, with E_IO.
 */
#include "broker/core/parcel.h"

#include <string.h>

#include "common/codec/wire.h"
#include "common/record/acked.h"
#include "common/record/derived.h"
#include "common/record/judged.h"

#include "common/base/banned.h"

enum { PAST_ARENA_BYTES = 1048576 }; /* a record of the broker, decoded */

struct past {
    core_t *core;
    arena_t *arena; /* of its own: writing an entry reads records too */
    struct parcel parcel;
    uint64_t next_leaf; /* the cursor behind this page */
    uint64_t next_skip;
    uint64_t at;         /* entry of the record at hand */
    uint64_t unreadable; /* records that were not shown, or say nothing that we know */
    uint64_t untold;     /* entries that need such a record */
    size_t records;
    bool full;
};

static void past_entry(struct past *self, const struct entry *entry)
{
    struct sent sent = {0};
    struct hash item;

    if (self->full || self->at++ < self->next_skip) {
        return;
    }
    if (parcel_full(&self->parcel)) {
        self->full = true;
        return;
    }
    self->untold += parcel_entry(&self->parcel, entry, true, &sent, &item) == 0 ? 0 : 1;
    self->next_skip = self->at;
}

static void past_judged(struct past *self, struct slice bytes)
{
    struct judged_body body;
    struct judged_event event;
    uint32_t stream;
    bool facts_only;

    if (judged_body_read(bytes, &body) != 0) {
        self->unreadable++;
        return;
    }
    if (body.form != JUDGED_BATCH) {
        return;
    }
    for (uint32_t i = 0; judged_next(&body, &event); i++) {
        uint8_t kept = event.withheld ? ENTRY_WITHHELD : event.verdict;
        while (judged_target(&event, &stream, &facts_only)) {
            if (stream == self->parcel.stream->index) {
                const struct entry entry = {.position = body.position,
                    .sender = NO_STREAM,
                    .type = ENTRY_EVENT,
                    .index = (uint16_t)i,
                    .flags =
                        (uint8_t)((facts_only ? ENTRY_CLEAR : 0) | kept << ENTRY_VERDICT_SHIFT)};
                past_entry(self, &entry);
            }
        }
    }
}

static void past_acked(struct past *self, struct slice bytes, uint64_t position)
{
    struct acked_body body;
    uint32_t stream;

    if (acked_body_read(bytes, &body) != 0) {
        self->unreadable++;
        return;
    }
    for (uint32_t block = 0; acked_next_told(&body, &stream); block++) {
        if (stream == self->parcel.stream->index) {
            const struct entry entry = {.position = position,
                .sender = NO_STREAM,
                .type = ENTRY_ACK,
                .index = (uint16_t)block};
            past_entry(self, &entry);
        }
    }
}

/* One thing that a record says, and its place in it. */
struct past_saying {
    struct past *past;
    uint64_t position;
    uint16_t index;
};

static int past_saying(void *context, const Waypost__Derived *derived)
{
    struct past_saying *self = context;
    const char *name = self->past->parcel.stream->name;
    const struct entry entry = {.position = self->position,
        .sender = NO_STREAM,
        .type = ENTRY_RECORD,
        .index = self->index++};
    bool told = false;

    for (size_t i = 0; i < derived->n_told && !told; i++) {
        told = strcmp(derived->told[i], name) == 0;
    }
    /* That a stream began says nothing to whoever reads it again. */
    if (told && derived->kind != WAYPOST__SYSTEM_KIND__STREAM_OPENED) {
        past_entry(self->past, &entry);
    }
    return 0;
}

static void past_derived(struct past *self, struct slice bytes, uint64_t position)
{
    struct past_saying saying = {.past = self, .position = position};

    if (derived_walk(self->arena, bytes, past_saying, &saying) != 0 && !self->full) {
        self->unreadable++;
    }
}

/* The records before this one that were not shown are lost. */
static void past_reach(struct past *self, uint64_t leaf)
{
    if (leaf > self->next_leaf) {
        self->unreadable += leaf - self->next_leaf;
        self->next_leaf = leaf;
        self->next_skip = 0;
    }
}

static int past_visit(void *context, const struct record *record, uint64_t position)
{
    struct past *self = context;

    if (self->records++ == PAST_RECORDS) {
        return E_BUSY;
    }
    self->at = 0;
    past_reach(self, record->sequence);
    switch (record->type) {
    case RECORD_JUDGED:
        past_judged(self, record->body);
        break;
    case RECORD_ACKED:
        past_acked(self, record->body, position);
        break;
    case RECORD_DERIVED:
        past_derived(self, record->body, position);
        break;
    default:
        break;
    }
    if (self->full) {
        return E_BUSY;
    }
    self->next_leaf = record->sequence + 1;
    self->next_skip = 0;
    return 0;
}

static void past_send(core_t *self, struct session *session, const struct past *past, bool done)
{
    struct buf *out = &self->encode;
    struct buf body = {0};

    wire_put_varint(&body, 1, past->next_leaf);
    wire_put_varint(&body, 2, past->next_skip);
    buf_put_slice(&body, buf_slice(past->parcel.batches));
    buf_put_slice(&body, buf_slice(past->parcel.entries));
    wire_put_varint(&body, 5, done ? 1 : 0);
    if (past->unreadable > 0) {
        wire_put_varint(&body, 6, past->unreadable);
    }
    if (past->untold > 0) {
        wire_put_varint(&body, 7, past->untold);
    }
    buf_clear(out);
    wire_put_tag(out, 1, WIRE_I32);
    buf_put_u32(out, FRAME_MAGIC);
    wire_put_tag(out, WAYPOST__FRAME__BODY_PAST, WIRE_LEN);
    buf_put_varint(out, body.len);
    buf_put_slice(out, buf_slice(&body));
    buf_free(&body);
    (void)out_send(self, session->id, buf_slice(out));
}

void past_frame(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    const Waypost__FetchPast *asked = frame->fetch_past;
    struct past past = {.core = self, .next_leaf = asked->from_leaf, .next_skip = asked->skip};
    struct refusal refusal = {.frame = WAYPOST__FRAME__BODY_FETCH_PAST};
    const struct time_mark *mark = history_at(self, asked->from_leaf);

    if (!register_agent_has_role(agent, REGISTER_ROLE_HUB)) {
        (void)complain(&refusal.why, E_NOT_ALLOWED, "Only a hub fetches what it was told again.");
        out_refuse(self, session->id, &refusal);
        return;
    }
    past.arena = arena_new(PAST_ARENA_BYTES);
    parcel_begin(self, session->stream, &past.parcel);
    int rc = journal_replay_readable(
        self->journal, asked->from_leaf, mark == NULL ? 0 : mark->position, past_visit, &past);
    arena_destroy(&past.arena);
    if (rc == 0) {
        past_reach(&past, journal_head(self->journal)->size);
    }
    if (past.unreadable + past.untold > 0 || (rc != 0 && rc != E_BUSY)) {
        core_count(self, COUNTER_UNREADABLE);
    }
    if (rc != 0 && rc != E_BUSY) {
        (void)complain(&refusal.why, E_IO,
            "The journal cannot be read at leaf %llu; the operator must look.",
            (unsigned long long)past.next_leaf);
        out_refuse(self, session->id, &refusal);
        return;
    }
    past_send(self, session, &past, rc == 0);
}
