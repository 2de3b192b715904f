/*
 * delivery: the streams go out, by credit, many entries a frame and each batch named once. Written by hand to the wire
 * format (proto/waypost.proto, Deliver): this is where a broker spends its time.
 *
 * An entry that cannot be read from the journal stops its stream there, is counted and logged, and waits for the
 * operator; nothing is skipped.
 */
#include "broker/core/parcel.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/codec/wire.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

enum { FRAME_PREFIX_BYTES = 16, WRAPS_TOLD_MAX = 4 };

enum payload_absent {
    PAYLOAD_NONE = 0,
    PAYLOAD_FACTS_ONLY = 1,
    PAYLOAD_ERASED = 2,
    PAYLOAD_WITHHELD = 3
};

enum verdict_told { TOLD_REFUSED = 3 };

/* ---- batches ---- */

static void batch_put(struct parcel *self, const struct view *view)
{
    size_t inner =
        wire_bytes_len(view->batch.statement.len) + wire_bytes_len(view->batch.signature.len);
    size_t len = wire_bytes_len(inner) + 1 + wire_varint_len(view->leaf_index) + 1 +
        wire_varint_len((uint64_t)view->accepted_ms);

    wire_put_tag(self->batches, 3, WIRE_LEN);
    buf_put_varint(self->batches, len);
    wire_put_tag(self->batches, 1, WIRE_LEN);
    buf_put_varint(self->batches, inner);
    wire_put_bytes(self->batches, 1, view->batch.statement);
    wire_put_bytes(self->batches, 2, view->batch.signature);
    wire_put_varint(self->batches, 2, view->leaf_index);
    wire_put_varint(self->batches, 3, (uint64_t)view->accepted_ms);
}

static uint32_t batch_index(struct parcel *self, const struct view *view)
{
    for (uint32_t i = self->batch_count; i > 0; i--) {
        if (self->positions[i - 1] == view->position) {
            return i - 1;
        }
    }
    batch_put(self, view);
    self->positions[self->batch_count] = view->position;
    return self->batch_count++;
}

/* ---- events ---- */

/* Wraps for the agent: those to its sealing keys that count now, the newest first, then those for one of its codes. */
struct wraps {
    const uint8_t *at[WRAPS_TOLD_MAX];
    size_t count;
};

static void wrap_add(struct wraps *wraps, const uint8_t *wrap)
{
    for (size_t i = 0; i < wraps->count; i++) {
        if (wraps->at[i] == wrap) {
            return;
        }
    }
    if (wraps->count < WRAPS_TOLD_MAX) {
        wraps->at[wraps->count++] = wrap;
    }
}

static bool wrap_is_for(const struct register_agent *agent, const uint8_t *wrap)
{
    assert(agent != NULL && wrap != NULL);
    if (memcmp(wrap, agent->code, CODE_BYTES) == 0) {
        return true;
    }
    for (size_t i = 0; i < agent->acts_for_count; i++) {
        if (memcmp(wrap, agent->acts_for[i], CODE_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* The register may hold a key that the agent itself has not got yet: it gets what it can open with the others too. */
static struct wraps wraps_for(const struct parcel *self, const struct stored_payload *payload)
{
    const struct register_key *keys[WRAPS_TOLD_MAX];
    struct wraps wraps = {.count = 0};
    size_t count = register_keys_valid(
        self->agent, REGISTER_KEY_SEAL, self->core->now_ms, keys, WRAPS_TOLD_MAX);

    for (size_t k = 0; k < count; k++) {
        for (uint32_t i = 0; i < payload->wrap_count; i++) {
            const uint8_t *wrap = payload->wraps.data + (size_t)i * WRAP_STORED_BYTES;
            if (memcmp(wrap + CODE_BYTES, keys[k]->key_id, KEY_ID_BYTES) == 0) {
                wrap_add(&wraps, wrap);
            }
        }
    }
    for (uint32_t i = 0; i < payload->wrap_count && wraps.count > 0; i++) {
        const uint8_t *wrap = payload->wraps.data + (size_t)i * WRAP_STORED_BYTES;
        if (wrap_is_for(self->agent, wrap)) {
            wrap_add(&wraps, wrap);
        }
    }
    return wraps;
}

static void wrap_put(struct buf *out, uint32_t number, const uint8_t *wrap)
{
    static const size_t lengths[] = {
        CODE_BYTES, KEY_ID_BYTES, SEAL_PUBLIC_BYTES, SEAL_WRAPPED_BYTES};

    wire_put_tag(out, number, WIRE_LEN);
    buf_put_varint(out, WRAP_STORED_BYTES + 8); /* four fields, two bytes before each */
    for (uint32_t i = 0; i < 4; i++) {
        wire_put_bytes(out, i + 1, slice_of(wrap, lengths[i]));
        wrap += lengths[i];
    }
}

/* What an EventEntry carries of the payload. */
struct carried {
    struct slice ciphertext;
    struct wraps wraps;
    enum payload_absent absent;
};

static uint8_t verdict_kept(const struct entry *entry)
{
    return entry->flags >> ENTRY_VERDICT_SHIFT;
}

/* Said in the event itself, which is read whatever became of the payload. */
static bool has_payload(struct slice event)
{
    struct event_view view;

    return event_read_head(event, &view, NULL) == 0 && view.has_payload;
}

static struct carried carry(
    const struct parcel *self, const struct view *view, const struct entry *entry)
{
    const struct stored_payload *payload = &view->payloads[entry->index];
    struct carried carried = {0};

    if (view->payloads_lost) {
        carried.absent =
            has_payload(view->events[entry->index]) ? PAYLOAD_FACTS_ONLY : PAYLOAD_NONE;
    } else if (payload->erased) {
        carried.absent = PAYLOAD_ERASED;
    } else if (payload->ciphertext.len == 0) {
        carried.absent = PAYLOAD_NONE;
    } else if ((entry->flags & ENTRY_CLEAR) != 0) {
        carried.absent = PAYLOAD_FACTS_ONLY;
    } else if (verdict_kept(entry) == ENTRY_WITHHELD) {
        carried.absent = PAYLOAD_WITHHELD;
    } else {
        carried.ciphertext = payload->ciphertext;
        carried.wraps = wraps_for(self, payload);
    }
    return carried;
}

static void event_put(struct parcel *self, struct view *view, const struct entry *entry)
{
    struct merkle_path path;
    struct slice event = view->events[entry->index];
    struct carried carried = carry(self, view, entry);
    uint32_t batch = batch_index(self, view);
    struct buf *out = self->entries;

    view_path(self->core, view, entry->index, &path);
    size_t len = 1 + wire_varint_len(batch) + 1 + wire_varint_len(entry->index) +
        path.count * wire_bytes_len(HASH_BYTES) + wire_bytes_len(event.len) + 2;
    len += carried.ciphertext.len > 0 ? wire_bytes_len(carried.ciphertext.len) : 0;
    len += carried.wraps.count * wire_bytes_len(WRAP_STORED_BYTES + 8);
    len += carried.absent != PAYLOAD_NONE ? 2 : 0;
    buf_reserve(out, len + FRAME_PREFIX_BYTES);
    wire_put_tag(out, 4, WIRE_LEN);
    buf_put_varint(out, wire_bytes_len(len));
    wire_put_tag(out, 1, WIRE_LEN);
    buf_put_varint(out, len);
    wire_put_varint(out, 1, batch);
    wire_put_varint(out, 2, entry->index);
    for (uint32_t i = 0; i < path.count; i++) {
        wire_put_bytes(out, 3, slice_of(path.step[i].b, HASH_BYTES));
    }
    wire_put_bytes(out, 4, event);
    if (carried.ciphertext.len > 0) {
        wire_put_bytes(out, 5, carried.ciphertext);
    }
    if (carried.wraps.count > 0) {
        wrap_put(out, 6, carried.wraps.at[0]);
    }
    wire_put_varint(
        out, 7, verdict_kept(entry) == ENTRY_WITHHELD ? TOLD_REFUSED : verdict_kept(entry));
    if (carried.absent != PAYLOAD_NONE) {
        wire_put_varint(out, 8, carried.absent);
    }
    for (size_t i = 1; i < carried.wraps.count; i++) {
        wrap_put(out, 9, carried.wraps.at[i]);
    }
}

/* By which of its codes the agent was addressed: 0 its own, n its n-th acts-for. */
static uint8_t addressed_by(
    const struct parcel *self, const struct view *view, const struct digest *digest)
{
    const struct register_agent *agent = self->agent;

    for (uint32_t n = DIGEST_TO; agent != NULL && n < digest->code_count; n++) {
        const char *code = view_code(view, digest, n);
        if (memcmp(agent->code, code, CODE_BYTES) == 0) {
            return 0;
        }
        for (size_t i = 0; i < agent->acts_for_count && i < UINT8_MAX; i++) {
            if (memcmp(agent->acts_for[i], code, CODE_BYTES) == 0) {
                return (uint8_t)(i + 1);
            }
        }
    }
    return 0;
}

/* The batch of an entry; one whose payload alone is lost serves whoever gets facts alone. 0, E_BUSY (it must be read from the
 * disk, and this pass has read enough), or E_IO. */
static int view_of(struct parcel *self, const struct entry *entry, struct view **out)
{
    bool kept = view_is_kept(self->core, entry->position);

    if (!kept && self->allowance != NULL && *self->allowance == 0) {
        self->waits = true;
        return E_BUSY;
    }
    bool facts = entry->type == ENTRY_HELD || (entry->flags & ENTRY_CLEAR) != 0;
    struct view *view =
        facts ? view_get_facts(self->core, entry->position) : view_get(self->core, entry->position);
    if (view == NULL || entry->index >= view->batch.count) {
        return E_IO;
    }
    if (!kept && self->allowance != NULL) {
        *self->allowance -= view->bytes < *self->allowance ? view->bytes : *self->allowance;
    }
    *out = view;
    return 0;
}

static int event_prepare(struct parcel *self, const struct entry *entry, bool write,
    struct sent *sent, struct hash *item)
{
    struct view *view;

    int rc = view_of(self, entry, &view);
    if (rc != 0) {
        return rc;
    }
    const struct digest *digest = view_digest(self->core, view, entry->index);
    memcpy(sent->event, digest->id, UUID_BYTES);
    *item = *view_leaf(self->core, view, entry->index);
    if ((entry->flags & ENTRY_CLEAR) == 0) {
        sent->hubs = routing_hubs_of(self->core, view, digest);
        sent->code = addressed_by(self, view, digest);
    }
    if (write) {
        event_put(self, view, entry);
    }
    return 0;
}

/* ---- the other kinds of entries ---- */

/* A record that says many things is read once for the entries that follow each other in it. */
static int told_read(core_t *self, uint64_t position)
{
    struct told *told = &self->told;
    struct record record;

    if (told->position == position) {
        return 0;
    }
    if (journal_read(self->journal, position, &self->scratch, &record) != 0 ||
        record.type != RECORD_DERIVED) {
        return E_IO;
    }
    told->position = position;
    told->sequence = record.sequence;
    told->time_ms = record.time_ms;
    buf_clear(&told->body);
    buf_put_slice(&told->body, record.body);
    return 0;
}

static int record_prepare(struct parcel *self, const struct entry *entry, bool write,
    struct sent *sent, struct hash *item)
{
    const struct told *told = &self->core->told;
    struct slice body;

    (void)sent;
    if (told_read(self->core, entry->position) != 0 ||
        derived_item(buf_slice(&told->body), entry->index, &body) != 0) {
        return E_IO;
    }
    *item = hash_of("waypost/body/1", body, slice_of(NULL, 0));
    if (!write) {
        return 0;
    }
    size_t len = 1 + wire_varint_len(told->sequence) + 1 +
        wire_varint_len((uint64_t)told->time_ms) + wire_bytes_len(body.len) + 1 +
        wire_varint_len(entry->index);
    wire_put_tag(self->entries, 4, WIRE_LEN);
    buf_put_varint(self->entries, wire_bytes_len(len));
    wire_put_tag(self->entries, 2, WIRE_LEN);
    buf_put_varint(self->entries, len);
    wire_put_varint(self->entries, 1, told->sequence);
    wire_put_varint(self->entries, 2, (uint64_t)told->time_ms);
    wire_put_bytes(self->entries, 3, body);
    wire_put_varint(self->entries, 4, entry->index);
    return 0;
}

static int held_prepare(struct parcel *self, const struct entry *entry, bool write,
    struct sent *sent, struct hash *item)
{
    struct view *view;

    (void)sent;
    int rc = view_of(self, entry, &view);
    if (rc != 0) {
        return rc;
    }
    const struct digest *digest = view_digest(self->core, view, entry->index);
    *item = hash_of("waypost/held/1", slice_of(digest->id, UUID_BYTES), slice_of(NULL, 0));
    if (write) {
        wire_put_tag(self->entries, 4, WIRE_LEN);
        buf_put_varint(self->entries, wire_bytes_len(wire_bytes_len(UUID_BYTES)));
        wire_put_tag(self->entries, 4, WIRE_LEN);
        buf_put_varint(self->entries, wire_bytes_len(UUID_BYTES));
        wire_put_bytes(self->entries, 1, slice_of(digest->id, UUID_BYTES));
    }
    return 0;
}

/* ---- one entry ---- */

int parcel_entry(struct parcel *self, const struct entry *entry, bool write, struct sent *sent,
    struct hash *item)
{
    static int (*const prepare[])(struct parcel *, const struct entry *, bool, struct sent *,
        struct hash *) = {NULL, event_prepare, record_prepare, parcel_ack, held_prepare};

    assert(entry->type >= ENTRY_EVENT && entry->type <= ENTRY_HELD);
    return prepare[entry->type](self, entry, write, sent, item);
}

static int entry_prepare(struct parcel *self, uint64_t number, bool write, struct sent *sent)
{
    const struct entry *entry = stream_entry(self->stream, number);
    size_t before = parcel_bytes(self);
    struct hash item;

    *sent = (struct sent){0};
    int rc = parcel_entry(self, entry, write, sent, &item);
    if (rc != 0) {
        return rc;
    }
    sent->bytes = (uint32_t)(parcel_bytes(self) - before);
    sent->running = hash_entry(&self->running, number, entry->type, &item);
    return 0;
}

size_t parcel_bytes(const struct parcel *self)
{
    return self->entries->len + self->batches->len;
}

bool parcel_full(const struct parcel *self)
{
    return parcel_bytes(self) >= DELIVER_BYTES || self->batch_count >= FRAME_BATCHES_MAX;
}

void parcel_begin(core_t *core, struct stream *stream, struct parcel *self)
{
    const struct sent *last = stream_sent(stream, stream_sent_last(stream));

    self->core = core;
    self->stream = stream;
    self->agent = register_agent_of(core->reg, stream->name);
    self->entries = &core->entries_part;
    self->batches = &core->batches_part;
    self->batch_count = 0;
    self->allowance = NULL;
    self->waits = false;
    self->running = last != NULL ? last->running : stream->acked_hash;
    buf_clear(self->entries);
    buf_clear(self->batches);
}

static int unreadable(core_t *core, struct stream *stream, uint64_t number)
{
    if (!stream->unreadable) {
        core_count(core, COUNTER_UNREADABLE);
        log_errorx("entry unreadable stream=%s number=%llu: the stream waits; run waypost verify",
            stream->name, (unsigned long long)number);
        stream->unreadable = true;
    }
    return E_IO;
}

int delivery_skim(core_t *self, struct stream *stream, uint64_t upto)
{
    struct parcel parcel;
    struct sent sent;

    if (upto > stream->last || upto - stream->acked > CREDIT_EVENTS_MAX) {
        return E_RANGE;
    }
    parcel_begin(self, stream, &parcel);
    while (stream_sent_last(stream) < upto) {
        uint64_t number = stream_sent_last(stream) + 1;
        if (entry_prepare(&parcel, number, false, &sent) != 0) {
            return unreadable(self, stream, number);
        }
        parcel.running = sent.running;
        stream_sent_push(stream, &sent);
    }
    return 0;
}

/* ---- frames ---- */

static bool credit_left(const struct session *session, const struct stream *stream, uint64_t more)
{
    if (stream->sent_count == 0) {
        return session->credit_events > 0; /* with nothing in flight one entry of any size may go */
    }
    return stream->sent_count < session->credit_events &&
        stream->sent_bytes + more <= session->credit_bytes;
}

static bool may_send(const struct stream *stream, uint64_t number)
{
    return number <= stream->last && stream->epoch == stream->epoch_next &&
        (stream->barrier == 0 || number < stream->barrier);
}

/* Fill one frame; returns how many entries it holds. */
static size_t parcel_fill(
    core_t *self, struct stream *stream, size_t *allowance, struct parcel *parcel)
{
    const struct session *session = stream->session;
    size_t count = 0;
    struct sent sent;

    parcel_begin(self, stream, parcel);
    parcel->allowance = allowance;
    while (!parcel_full(parcel)) {
        uint64_t number = stream_sent_last(stream) + 1;
        size_t entries = parcel->entries->len;
        size_t batches = parcel->batches->len;
        uint32_t batch_count = parcel->batch_count;
        if (!may_send(stream, number) || !credit_left(session, stream, 0)) {
            break;
        }
        int rc = entry_prepare(parcel, number, true, &sent);
        if (rc == E_BUSY) {
            break;
        }
        if (rc != 0) {
            (void)unreadable(self, stream, number);
            break;
        }
        if (!credit_left(session, stream, sent.bytes)) {
            parcel->entries->len = entries;
            parcel->batches->len = batches;
            parcel->batch_count = batch_count;
            break;
        }
        parcel->running = sent.running;
        sent.at_mono_ms = self->mono_ms;
        stream_sent_push(stream, &sent);
        count++;
    }
    return count;
}

static int parcel_send(
    core_t *self, struct stream *stream, const struct parcel *parcel, uint64_t first)
{
    struct buf *out = &self->encode;
    size_t len = 1 + wire_varint_len(stream->epoch) + 1 + wire_varint_len(first) +
        parcel->batches->len + parcel->entries->len;

    buf_clear(out);
    buf_reserve(out, len + FRAME_PREFIX_BYTES);
    wire_put_tag(out, 1, WIRE_I32);
    buf_put_u32(out, FRAME_MAGIC);
    wire_put_tag(out, WAYPOST__FRAME__BODY_DELIVER, WIRE_LEN);
    buf_put_varint(out, len);
    wire_put_varint(out, 1, stream->epoch);
    wire_put_varint(out, 2, first);
    buf_put_slice(out, buf_slice(parcel->batches));
    buf_put_slice(out, buf_slice(parcel->entries));
    return out_send(self, stream->session->id, buf_slice(out));
}

/* Returns whether it has more to send in the next pass. */
static bool stream_deliver(core_t *self, struct stream *stream, size_t *allowance)
{
    struct parcel parcel;

    while (stream->session != NULL && stream->session->welcomed && !stream->session->pipe_full) {
        uint64_t before = stream_sent_last(stream);
        size_t count = parcel_fill(self, stream, allowance, &parcel);
        if (count == 0) {
            return parcel.waits;
        }
        if (parcel_send(self, stream, &parcel, before + 1) != 0) {
            stream_sent_cut(stream, before); /* it never left */
            return false;
        }
        self->counters[COUNTER_EVENTS_DELIVERED] += count;
    }
    return false;
}

static struct stream *ready_take(core_t *self)
{
    struct stream *stream = self->ready;

    self->ready = stream->ready_next;
    stream->ready = false;
    return stream;
}

/* A stream that goes on in the next pass. */
struct waiting {
    struct stream *stream;
    uint64_t position; /* of its next entry's record */
    bool has_read;     /* from the disk, in this pass */
};

static int compare_waiting(const void *a, const void *b)
{
    const struct waiting *left = a;
    const struct waiting *right = b;

    if (left->has_read != right->has_read) {
        return left->has_read ? 1 : -1;
    }
    if (left->position != right->position) {
        return left->position < right->position ? -1 : 1;
    }
    return left->stream->index < right->stream->index ? -1 : 1;
}

static void pass_next(core_t *self, struct waiting *waiting, size_t count)
{
    if (count == 0) {
        return; /* there may be no list at all, which qsort() may not be given */
    }
    qsort(waiting, count, sizeof *waiting, compare_waiting);
    while (count > 0) { /* the last one first: each goes before those that are ready */
        stream_ready(self, waiting[--count].stream);
    }
}

static void waiting_note(struct waiting **list, size_t *count, struct stream *stream, bool has_read)
{
    *list = mem_resize(*list, *count + 1, sizeof **list);
    (*list)[(*count)++] = (struct waiting){.stream = stream,
        .position = stream_entry(stream, stream_sent_last(stream) + 1)->position,
        .has_read = has_read};
}

/*
 * In passes over the streams: in each only so much is read from the disk as fits the cache beside what is new, and whoever
 * comes after goes on with what was read. Who has read is the last of the next pass; among the others the one that is
 * furthest behind reads first, so that streams come together again. Were each sent out whole in its turn, a batch for a
 * hundred recipients would be read, checked and hashed a hundred times once the broker is further behind than its cache.
 */
void delivery_pump(core_t *self)
{
    struct waiting *waiting = NULL;

    while (self->ready != NULL) {
        size_t allowance = PASS_BYTES;
        size_t count = 0;
        while (self->ready != NULL) {
            struct stream *stream = ready_take(self);
            size_t before = allowance;
            if (stream_deliver(self, stream, &allowance)) {
                waiting_note(&waiting, &count, stream, allowance != before);
            }
        }
        pass_next(self, waiting, count);
    }
    free(waiting);
}

void delivery_resend(core_t *self, struct session *session, const struct register_agent *agent,
    const Waypost__Frame *frame)
{
    const Waypost__Resend *resend = frame->resend;
    struct stream *stream = session->stream;
    struct refusal refusal = {.frame = WAYPOST__FRAME__BODY_RESEND};

    (void)agent;
    if (resend->stream_epoch != stream->epoch) {
        (void)complain(&refusal.why, E_STATE, "The stream is in epoch %llu; open a new session.",
            (unsigned long long)stream->epoch);
    } else if (resend->from <= stream->acked || resend->from <= stream->acked_next ||
        resend->from > stream->last + 1) {
        (void)complain(&refusal.why, E_RANGE,
            "The stream can be sent again from %llu to %llu; what was acknowledged is not kept.",
            (unsigned long long)stream->acked + 1, (unsigned long long)stream->last);
    } else {
        stream_sent_cut(stream, resend->from - 1);
        stream_ready(self, stream);
        return;
    }
    out_refuse(self, session->id, &refusal);
}
