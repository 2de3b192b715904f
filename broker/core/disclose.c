/*
 * disclose: what an authority records for itself (S-16) is told to the other party of its transfer with the first event
 * about the same child that is addressed to it (D49): the event as it was signed, in clear facts only. Kept here are those
 * that a party has yet to be told, until all are.
 *
 * An event to its sender alone is noted when it is judged. One that is addressed to a party brings what is noted for it:
 * the judged record says so behind its events, and puts the entries into the party's stream, live and on replay alike.
 * Each takes 26 bytes there: u64 leaf index of its batch, u64 position, u32 index, u8 verdict byte as judged, u32 stream,
 * u8 parties that know it by then (bit 0 origin, 1 receiving).
 *
 * Nothing fails but a record that cannot be; what a damaged batch said is not known here, and not told.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"
#include "common/record/judged.h"

#include "common/base/banned.h"

enum { PARTIES = 2, ALL_PARTIES = (1 << PARTIES) - 1 };

struct undisclosed {
    uint8_t event[UUID_BYTES];
    uint8_t transfer[UUID_BYTES];
    uint64_t leaf_index, position; /* of its batch */
    uint32_t index;
    uint8_t verdict;
    char codes[PARTIES][CODE_BYTES]; /* origin, receiving */
    uint8_t told, told_next; /* bits of those that know it: durable; with what is appended */
    bool durable;            /* its judged record is */
    struct undisclosed *newer, *older; /* journal order */
    struct undisclosed *before;        /* noted before it, with the same key */
};

/* ---- by transfer ---- */

static uint64_t key_of(const uint8_t *transfer)
{
    return get_u64(transfer) ^ get_u64(transfer + 8);
}

/* The newest of a transfer; `before` leads on. Others may stand between. */
static struct undisclosed *first_of(const core_t *self, const uint8_t *transfer)
{
    return self->undisclosed_count == 0 ? NULL : table_find(&self->undisclosed, key_of(transfer));
}

static struct undisclosed *find(const core_t *self, const uint8_t *transfer, const uint8_t *event)
{
    struct undisclosed *item = first_of(self, transfer);

    while (item != NULL && memcmp(item->event, event, UUID_BYTES) != 0) {
        item = item->before;
    }
    return item;
}

static struct undisclosed *push(core_t *self, const struct undisclosed *wanted)
{
    struct undisclosed *item = mem_new(1, sizeof *item);

    *item = *wanted;
    item->older = self->undisclosed_newest;
    item->newer = NULL;
    item->before = table_find(&self->undisclosed, key_of(item->transfer));
    if (item->older != NULL) {
        item->older->newer = item;
    } else {
        self->undisclosed_oldest = item;
    }
    self->undisclosed_newest = item;
    table_put(&self->undisclosed, key_of(item->transfer), item);
    self->undisclosed_count++;
    return item;
}

static void drop(core_t *self, struct undisclosed *item)
{
    uint64_t key = key_of(item->transfer);
    struct undisclosed *first = table_find(&self->undisclosed, key);

    if (first != item) {
        while (first->before != item) {
            first = first->before;
        }
        first->before = item->before;
    } else if (item->before != NULL) {
        table_put(&self->undisclosed, key, item->before);
    } else {
        table_remove(&self->undisclosed, key);
    }
    *(item->newer != NULL ? &item->newer->older : &self->undisclosed_newest) = item->older;
    *(item->older != NULL ? &item->older->newer : &self->undisclosed_oldest) = item->newer;
    self->undisclosed_count--;
    free(item);
}

void disclose_free(core_t *self)
{
    while (self->undisclosed_newest != NULL) {
        drop(self, self->undisclosed_newest);
    }
    table_free(&self->undisclosed);
}

/* ---- who knows ---- */

bool disclose_is_alone(const struct view *view, const struct digest *digest)
{
    return digest->code_count == DIGEST_TO + 1 &&
        memcmp(view_code(view, digest, DIGEST_FROM), view_code(view, digest, DIGEST_TO),
            CODE_BYTES) == 0;
}

bool disclose_hides(
    const core_t *self, const uint8_t *transfer, const uint8_t *event, uint32_t party)
{
    const struct undisclosed *item = find(self, transfer, event);

    return item != NULL && (item->told_next >> party & 1) == 0;
}

/* ---- noted ---- */

static void note(core_t *self, struct view *view, uint32_t index, uint8_t verdict, bool durable)
{
    const struct digest *digest = view_digest(self, view, index);
    struct undisclosed item = {.leaf_index = view->leaf_index,
        .position = view->position,
        .index = index,
        .verdict = verdict,
        .durable = durable};

    if (find(self, digest->transfer, digest->id) != NULL) {
        return; /* the same id once more */
    }
    memcpy(item.event, digest->id, UUID_BYTES);
    memcpy(item.transfer, digest->transfer, UUID_BYTES);
    for (uint32_t n = 0; n < PARTIES; n++) {
        memcpy(item.codes[n], view_code(view, digest, DIGEST_ORIGIN + n), CODE_BYTES);
        bool own = memcmp(item.codes[n], view_code(view, digest, DIGEST_FROM), CODE_BYTES) == 0;
        item.told |= (uint8_t)(own ? 1U << n : 0);
    }
    item.told_next = item.told;
    if (item.told != ALL_PARTIES) {
        (void)push(self, &item);
    }
}

void disclose_note(core_t *self, struct view *view, uint32_t index, uint8_t verdict)
{
    note(self, view, index, verdict, false);
}

void disclose_noted(core_t *self, uint64_t position, uint32_t index, uint8_t verdict)
{
    struct view *view = view_get(self, position);
    const struct digest *digest =
        view == NULL || index >= view->batch.count ? NULL : view_digest(self, view, index);

    if (digest == NULL || !disclose_is_alone(view, digest)) {
        return;
    }
    if (self->replaying) {
        note(self, view, index, verdict, true);
        return;
    }
    struct undisclosed *item = find(self, digest->transfer, digest->id);
    if (item != NULL && item->position == position && item->index == index) {
        item->durable = true;
    }
}

/* ---- told ---- */

static bool share_child(struct view *view, uint32_t index, struct view *other, uint32_t other_index)
{
    struct event_view a;
    struct event_view b;

    if (event_read(view->events[index], &a, NULL) != 0 ||
        event_read(other->events[other_index], &b, NULL) != 0) {
        return false;
    }
    for (size_t i = 0; i < a.subject_count; i++) {
        for (size_t k = 0; k < b.subject_count; k++) {
            if (memcmp(a.subjects[i].ref, b.subjects[k].ref, UUID_BYTES) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* As judged_disclosed() reads it. */
static void entry_put(const struct undisclosed *item, uint32_t stream, struct buf *body)
{
    buf_put_u64(body, item->leaf_index);
    buf_put_u64(body, item->position);
    buf_put_u32(body, item->index);
    buf_put_u8(body, item->verdict);
    buf_put_u32(body, stream);
    buf_put_u8(body, item->told_next);
}

/* An event, as it is judged. */
struct bringing {
    core_t *core;
    struct view *view;
    const struct digest *digest;
    uint32_t index;
    int32_t day;
};

static bool is_addressed(const struct bringing *self, uint32_t stream)
{
    for (uint32_t n = DIGEST_TO; n < self->digest->code_count; n++) {
        const char *code = view_code(self->view, self->digest, n);
        if (routing_stream(self->core, code, self->day) == stream) {
            return true;
        }
    }
    return false;
}

/* The stream of a party that has yet to be told and that the event is addressed to; else NO_STREAM. */
static uint32_t stream_to_tell(
    const struct bringing *self, const struct undisclosed *item, uint32_t party)
{
    uint32_t stream = (item->told_next >> party & 1) != 0
        ? NO_STREAM
        : routing_stream(self->core, item->codes[party], self->day);

    return stream != NO_STREAM && is_addressed(self, stream) ? stream : NO_STREAM;
}

static bool is_brought(const struct bringing *self, const struct undisclosed *item)
{
    if (memcmp(item->transfer, self->digest->transfer, UUID_BYTES) != 0 ||
        memcmp(item->event, self->digest->id, UUID_BYTES) == 0 ||
        (stream_to_tell(self, item, 0) == NO_STREAM &&
            stream_to_tell(self, item, 1) == NO_STREAM)) {
        return false;
    }
    struct view *noted = view_get(self->core, item->position);

    return noted != NULL && share_child(self->view, self->index, noted, item->index);
}

static void tell_parties(const struct bringing *self, struct undisclosed *item, struct buf *body)
{
    for (uint32_t party = 0; party < PARTIES; party++) {
        uint32_t stream = stream_to_tell(self, item, party);
        if (stream != NO_STREAM) {
            item->told_next |= (uint8_t)(1U << party);
            entry_put(item, stream, body);
            core_count(self->core, COUNTER_EVENTS_DISCLOSED);
        }
    }
}

void disclose_tell(core_t *self, struct view *view, uint32_t index, struct buf *body)
{
    struct undisclosed *found[DISCLOSED_MAX];
    const struct bringing bringing = {.core = self,
        .view = view,
        .digest = view_digest(self, view, index),
        .index = index,
        .day = civil_london_day(view->accepted_ms)};
    size_t count = 0;

    for (struct undisclosed *item = first_of(self, bringing.digest->transfer);
         item != NULL && count < DISCLOSED_MAX; item = item->before) {
        if (is_brought(&bringing, item)) {
            found[count++] = item;
        }
    }
    while (count > 0) { /* as they stand in the journal */
        tell_parties(&bringing, found[--count], body);
    }
}

/* ---- application ---- */

static void told_apply(core_t *self, const struct judged_disclosure *told)
{
    struct view *view = view_get(self, told->position);
    const struct digest *digest = view == NULL || told->index >= view->batch.count
        ? NULL
        : view_digest(self, view, told->index);
    struct undisclosed *item = digest == NULL ? NULL : find(self, digest->transfer, digest->id);

    if (item == NULL) {
        return;
    }
    item->told |= told->parties;
    item->told_next |= told->parties;
    if (item->told == ALL_PARTIES) {
        drop(self, item);
    }
}

int disclose_apply(core_t *self, const struct cursor *body)
{
    struct judged_body rest = {.form = JUDGED_BATCH, .rest = *body};
    struct judged_disclosure told;

    while (judged_disclosed(&rest, &told)) {
        if (told.stream >= self->stream_count || told.index > UINT16_MAX) {
            return E_CORRUPT;
        }
        uint8_t kept = told.withheld ? ENTRY_WITHHELD : told.verdict;
        const struct entry entry = {.position = told.position,
            .sender = NO_STREAM,
            .index = (uint16_t)told.index,
            .type = ENTRY_EVENT,
            .flags = (uint8_t)(ENTRY_CLEAR | kept << ENTRY_VERDICT_SHIFT)};
        stream_push(self, self->streams[told.stream], entry);
        told_apply(self, &told);
    }
    return rest.rest.failed ? E_CORRUPT : 0;
}

/* ---- snapshot ---- */

void disclose_encode(const core_t *self, struct buf *out)
{
    uint32_t count = 0;

    for (const struct undisclosed *item = self->undisclosed_oldest; item != NULL;
         item = item->newer) {
        count += item->durable ? 1 : 0;
    }
    buf_put_u32(out, count);
    for (const struct undisclosed *item = self->undisclosed_oldest; item != NULL;
         item = item->newer) {
        if (!item->durable) {
            continue;
        }
        buf_put(out, item->event, UUID_BYTES);
        buf_put(out, item->transfer, UUID_BYTES);
        buf_put_u64(out, item->leaf_index);
        buf_put_u64(out, item->position);
        buf_put_u32(out, item->index);
        buf_put_u8(out, item->verdict);
        buf_put(out, item->codes, sizeof item->codes);
        buf_put_u8(out, item->told);
    }
}

void disclose_decode(core_t *self, struct cursor *in)
{
    for (uint32_t left = take_u32(in); left > 0 && !in->failed; left--) {
        struct undisclosed item = {.durable = true};
        struct slice event = take_bytes(in, UUID_BYTES);
        struct slice transfer = take_bytes(in, UUID_BYTES);
        item.leaf_index = take_u64(in);
        item.position = take_u64(in);
        item.index = take_u32(in);
        item.verdict = take_u8(in);
        struct slice codes = take_bytes(in, sizeof item.codes);
        item.told = item.told_next = take_u8(in);
        if (!in->failed) {
            memcpy(item.event, event.data, UUID_BYTES);
            memcpy(item.transfer, transfer.data, UUID_BYTES);
            memcpy(item.codes, codes.data, sizeof item.codes);
            (void)push(self, &item);
        }
    }
}
