/*
 * view: batch records in memory, parsed once: where each event and payload stands, the nodes of the batch's tree, and
 * what routing and delivery need of each event. Recent ones are kept up to VIEW_CACHE_BYTES; those in work are pinned and
 * stand outside that: however many they are, what is delivered has its room.
 *
 * A record that cannot be read gives NULL; the caller says what that means. One whose payload alone is damaged is there for
 * those who need no more than its events.
 */
#include "broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

/* ---- least recently used, of those that are not pinned ---- */

static void lru_unlink(struct view_cache *cache, struct view *view)
{
    *(view->newer != NULL ? &view->newer->older : &cache->newest) = view->older;
    *(view->older != NULL ? &view->older->newer : &cache->oldest) = view->newer;
    view->newer = view->older = NULL;
}

static void lru_front(struct view_cache *cache, struct view *view)
{
    view->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = view;
    cache->newest = view;
}

static void view_free(struct view_cache *cache, struct view *view)
{
    table_remove(&cache->by_position, view->position);
    lru_unlink(cache, view);
    cache->bytes -= view->bytes;
    buf_free(&view->body);
    buf_free(&view->payload);
    buf_free(&view->codes);
    free(view->events);
    free(view->payloads);
    free(view->nodes);
    free(view->digests);
    free(view);
}

static void cache_trim(struct view_cache *cache, const struct view *keep)
{
    struct view *view = cache->oldest;

    while (view != NULL && cache->bytes > VIEW_CACHE_BYTES) {
        struct view *newer = view->newer;
        if (view != keep) {
            view_free(cache, view);
        }
        view = newer;
    }
}

static void view_weigh(struct view_cache *cache, struct view *view, size_t more)
{
    view->bytes += more;
    cache->bytes += view->pins == 0 ? more : 0;
}

void view_cache_free(core_t *self)
{
    while (self->views.oldest != NULL) {
        view_free(&self->views, self->views.oldest);
    }
    table_free(&self->views.by_position);
}

/* ---- parse ---- */

static int parse_payloads(struct view *view)
{
    struct slice rest = buf_slice(&view->payload);

    view->payloads = mem_new(view->batch.count, sizeof *view->payloads);
    for (uint32_t i = 0; i < view->batch.count && !view->payloads_lost; i++) {
        if (batch_next_payload(&rest, &view->payloads[i]) != 0) {
            return E_CORRUPT;
        }
    }
    return 0;
}

static int parse_statement(core_t *self, struct view *view)
{
    arena_reset(self->arena_body);
    const Waypost__BatchStatement *statement = message_decode(
        self->arena_body, &waypost__batch_statement__descriptor, view->batch.statement);

    if (statement == NULL || statement->count != view->batch.count) {
        return E_CORRUPT;
    }
    view->incarnation = statement->incarnation;
    view->first_sequence = statement->first_sequence;
    return 0;
}

static int view_parse(core_t *self, struct view *view)
{
    int rc = batch_body_read(buf_slice(&view->body), &view->batch);

    if (rc != 0 || view->batch.count == 0 || view->batch.count > BATCH_EVENTS_MAX) {
        return E_CORRUPT;
    }
    view->events = mem_new(view->batch.count, sizeof *view->events);
    struct slice rest = view->batch.events;
    for (uint32_t i = 0; i < view->batch.count; i++) {
        if (batch_next_event(&rest, &view->events[i]) != 0) {
            return E_CORRUPT;
        }
    }
    rc = parse_payloads(view);
    return rc != 0 ? rc : parse_statement(self, view);
}

static void view_enter(core_t *self, struct view *view)
{
    table_put(&self->views.by_position, view->position, view);
    lru_front(&self->views, view);
    view_weigh(&self->views, view,
        sizeof *view + view->body.capacity + view->payload.capacity +
            view->batch.count * (sizeof *view->events + sizeof *view->payloads));
    cache_trim(&self->views, view);
}

struct view *view_add(core_t *self, uint64_t position, uint64_t leaf_index, int64_t accepted_ms,
    struct buf *body, struct buf *payload)
{
    struct view *view = mem_new(1, sizeof *view);

    *view =
        (struct view){.position = position, .leaf_index = leaf_index, .accepted_ms = accepted_ms};
    view->body = *body;
    view->payload = *payload;
    *body = *payload = (struct buf){0};
    int rc = view_parse(self, view);
    assert(rc == 0); /* checked before it was appended */
    view_enter(self, view);
    return view;
}

/* From the disk, into the cache. NULL where it is none, or not to be read. */
static struct view *view_read(core_t *self, uint64_t position)
{
    struct record record;

    int rc = journal_read(self->journal, position, &self->scratch, &record);
    bool lost = rc == E_CORRUPT;
    if (lost) {
        rc = journal_read_body(self->journal, position, &self->scratch, &record);
        rc = rc != 0 ? rc : journal_check_record(self->journal, &record);
    }
    if (rc != 0 || record.type != RECORD_BATCH) {
        return NULL;
    }
    struct view *view = mem_new(1, sizeof *view);
    *view = (struct view){.position = position,
        .leaf_index = record.sequence,
        .accepted_ms = record.time_ms,
        .payloads_lost = lost};
    buf_put_slice(&view->body, record.body);
    buf_put_slice(&view->payload, record.payload);
    rc = view_parse(self, view);
    view_enter(self, view);
    if (rc != 0) {
        view_free(&self->views, view);
        return NULL;
    }
    return view;
}

struct view *view_get_facts(core_t *self, uint64_t position)
{
    struct view *view = table_find(&self->views.by_position, position);

    if (view == NULL) {
        return view_read(self, position);
    }
    if (view->pins == 0) {
        lru_unlink(&self->views, view);
        lru_front(&self->views, view);
    }
    return view;
}

struct view *view_get(core_t *self, uint64_t position)
{
    struct view *view = view_get_facts(self, position);

    return view == NULL || view->payloads_lost ? NULL : view;
}

bool view_is_kept(const core_t *self, uint64_t position)
{
    return table_find(&self->views.by_position, position) != NULL;
}

/* Its bytes are ours: they are overwritten where they lie. */
void view_erase(core_t *self, uint64_t position, uint32_t index)
{
    struct view *view = table_find(&self->views.by_position, position);

    if (view == NULL || index >= view->batch.count) {
        return;
    }
    if (view->payloads_lost) { /* they may be read now */
        view_free(&self->views, view);
        return;
    }
    struct stored_payload *payload = &view->payloads[index];
    if (payload->ciphertext.len > 0) {
        memset(view->payload.data + (payload->ciphertext.data - view->payload.data), 0,
            payload->ciphertext.len);
    }
    if (payload->wraps.len > 0) {
        memset(
            view->payload.data + (payload->wraps.data - view->payload.data), 0, payload->wraps.len);
    }
    *payload = (struct stored_payload){.erased = true};
}

void view_pin(core_t *self, struct view *view)
{
    if (view->pins++ == 0) {
        lru_unlink(&self->views, view);
        self->views.bytes -= view->bytes;
    }
}

void view_unpin(core_t *self, struct view *view)
{
    assert(view->pins > 0);
    if (--view->pins == 0) {
        lru_front(&self->views, view);
        self->views.bytes += view->bytes;
        cache_trim(&self->views, NULL);
    }
}

/* ---- hashes ---- */

void view_take_nodes(core_t *self, struct view *view, struct hash **nodes)
{
    if (view->nodes == NULL) {
        view->nodes = *nodes;
        *nodes = NULL;
        view_weigh(&self->views, view, merkle_tree_nodes(view->batch.count) * sizeof *view->nodes);
    }
}

static void view_hash(core_t *self, struct view *view)
{
    uint32_t count = view->batch.count;

    if (view->nodes != NULL) {
        return;
    }
    struct hash *nodes = mem_new(merkle_tree_nodes(count), sizeof *nodes);
    for (uint32_t i = 0; i < count; i++) {
        nodes[i] = hash_event_leaf(self->options.network, view->events[i]);
    }
    merkle_tree_fill(nodes, count, nodes);
    view_take_nodes(self, view, &nodes);
}

const struct hash *view_leaf(core_t *self, struct view *view, uint32_t index)
{
    view_hash(self, view);
    return &view->nodes[index];
}

void view_path(core_t *self, struct view *view, uint32_t index, struct merkle_path *out)
{
    view_hash(self, view);
    merkle_tree_path(view->nodes, view->batch.count, index, out);
}

/* ---- digests ---- */

void digest_make(const struct event_view *event, struct buf *codes, struct digest *out)
{
    memcpy(out->id, event->id, UUID_BYTES);
    memcpy(out->transfer, event->transfer, UUID_BYTES);
    out->codes_at = (uint32_t)codes->len;
    out->code_count = (uint32_t)(DIGEST_TO + event->recipient_count);
    buf_put(codes, event->origin, CODE_BYTES);
    buf_put(codes, event->receiving, CODE_BYTES);
    buf_put(codes, event->from, CODE_BYTES);
    for (size_t i = 0; i < event->recipient_count; i++) {
        buf_put(codes, event->to[i].code, CODE_BYTES);
    }
}

void view_take_digests(core_t *self, struct view *view, struct digest **digests, struct buf *codes)
{
    assert(view->digests == NULL);
    view->digests = *digests;
    view->codes = *codes;
    *digests = NULL;
    *codes = (struct buf){0};
    view_weigh(
        &self->views, view, view->batch.count * sizeof *view->digests + view->codes.capacity);
}

/* An event that can no longer be read (it could when it was accepted) has no recipients: nothing is done with it. */
const struct digest *view_digest(core_t *self, struct view *view, uint32_t index)
{
    struct event_view event;

    if (view->digests == NULL) {
        struct digest *digests = mem_new(view->batch.count, sizeof *digests);
        struct buf codes = {0};
        for (uint32_t i = 0; i < view->batch.count; i++) {
            if (event_read_head(view->events[i], &event, NULL) == 0) {
                digest_make(&event, &codes, &digests[i]);
            }
        }
        view_take_digests(self, view, &digests, &codes);
    }
    return &view->digests[index];
}

const char *view_code(const struct view *view, const struct digest *digest, uint32_t n)
{
    return (const char *)view->codes.data + digest->codes_at + (size_t)n * CODE_BYTES;
}

void digest_code(const struct view *view, const struct digest *digest, uint32_t n, char *out)
{
    memcpy(out, view_code(view, digest, n), CODE_BYTES);
    out[CODE_BYTES] = '\0';
}
