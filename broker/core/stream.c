/*
 * stream: the numbered stream of an agent: what is pending (chunks of 16-byte entries) and what was sent and is not
 * acknowledged (a ring that holds the running hashes). Memory only; cannot fail.
 */
#include "broker/core/core_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

/* ---- by name ---- */

static uint64_t name_hash(const char *name)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325); /* FNV-1a */

    for (; *name != '\0'; name++) {
        hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001B3);
    }
    return hash;
}

struct stream *stream_named(const core_t *self, const char *name)
{
    struct stream *stream;

    for (uint64_t key = name_hash(name); (stream = table_find(&self->stream_names, key)) != NULL;
         key++) {
        if (strcmp(stream->name, name) == 0) {
            return stream;
        }
    }
    return NULL;
}

struct stream *stream_add(core_t *self, const char *name)
{
    struct stream *stream = mem_new(1, sizeof *stream);
    uint64_t key = name_hash(name);

    if (self->stream_count == self->stream_capacity) {
        self->stream_capacity = self->stream_capacity == 0 ? 64 : self->stream_capacity * 2;
        struct stream **grown = mem_new(self->stream_capacity, sizeof(struct stream *));
        for (size_t i = 0; i < self->stream_count; i++) {
            grown[i] = self->streams[i];
        }
        free(self->streams);
        self->streams = grown;
    }
    stream->index = (uint32_t)self->stream_count;
    (void)snprintf(stream->name, sizeof stream->name, "%s", name);
    self->streams[self->stream_count++] = stream;
    while (table_find(&self->stream_names, key) != NULL) {
        key++;
    }
    table_put(&self->stream_names, key, stream);
    return stream;
}

void stream_destroy(struct stream **self_p)
{
    struct stream *self = *self_p;

    for (size_t i = 0; i < self->chunk_count; i++) {
        free(self->chunks[self->chunk_first + i]);
    }
    for (size_t i = 0; i < self->incarnation_count; i++) {
        free(self->incarnations[i].marks);
    }
    free(self->incarnations);
    free(self->chunks);
    free(self->sent);
    free(self);
    *self_p = NULL;
}

/* ---- epochs ---- */

struct hash stream_hash_start(const core_t *self, const struct stream *stream, uint64_t epoch)
{
    uint8_t start[NETWORK_NAME_BYTES_MAX + AGENT_ID_BYTES_MAX + 10];
    size_t network = strlen(self->options.network);
    size_t name = strlen(stream->name);

    memcpy(start, self->options.network, network);
    start[network] = 0;
    memcpy(start + network + 1, stream->name, name);
    start[network + 1 + name] = 0;
    put_u64(start + network + name + 2, epoch);
    return hash_of("waypost/stream/1", slice_of(start, network + name + 10), slice_of(NULL, 0));
}

static void opened_append(core_t *self, struct stream *stream)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    char *told[1] = {stream->name};

    derived.kind = WAYPOST__SYSTEM_KIND__STREAM_OPENED;
    derived.at_ms = self->now_ms;
    derived.n_told = 1;
    derived.told = told;
    derived.has_version = 1;
    derived.version = ++stream->epoch_next;
    (void)append_derived(self, &derived);
}

void stream_want(core_t *self, const char *name)
{
    if (stream_named(self, name) == NULL) {
        opened_append(self, stream_add(self, name));
    }
}

void stream_open(core_t *self, struct stream *stream)
{
    opened_append(self, stream);
}

/* The new numbering begins with what was not acknowledged; nothing of it was sent. */
static void epoch_begin(const core_t *self, struct stream *stream, uint64_t epoch)
{
    stream->last -= stream->acked;
    stream->acked = stream->acked_next = 0;
    stream->ack_position = stream->ack_leaf = 0;
    stream->sent_count = 0;
    stream->sent_bytes = 0;
    stream->barrier = 0;
    stream->diverged = false;
    stream->epoch = epoch;
    if (stream->epoch_next < epoch) {
        stream->epoch_next = epoch;
    }
    stream->acked_hash = stream_hash_start(self, stream, epoch);
}

void stream_apply_opened(core_t *self, const char *name, uint64_t epoch)
{
    struct stream *stream = stream_named(self, name);

    if (stream == NULL) {
        stream = stream_add(self, name);
    }
    if (!stream->durable) {
        assert(stream->index == self->stream_durable);
        stream->durable = true;
        self->stream_durable++;
    }
    epoch_begin(self, stream, epoch);
    stream_ready(self, stream);
}

/* ---- pending ---- */

static void chunk_add(struct stream *self)
{
    if (self->chunk_first + self->chunk_count == self->chunk_capacity) {
        size_t capacity = self->chunk_count < 8 ? 16 : self->chunk_count * 2;
        struct chunk **moved = mem_new(capacity, sizeof(struct chunk *));
        for (size_t i = 0; i < self->chunk_count; i++) {
            moved[i] = self->chunks[self->chunk_first + i];
        }
        free(self->chunks);
        self->chunks = moved;
        self->chunk_capacity = capacity;
        self->chunk_first = 0;
    }
    self->chunks[self->chunk_first + self->chunk_count++] = mem_new(1, sizeof(struct chunk));
}

struct entry *stream_entry(const struct stream *self, uint64_t number)
{
    assert(number > self->acked && number <= self->last);
    uint64_t at = self->entry_first + (number - self->acked - 1);

    return &self->chunks[self->chunk_first + at / CHUNK_ENTRIES]->entries[at % CHUNK_ENTRIES];
}

static bool counts_as_event(const struct entry *entry)
{
    return entry->type == ENTRY_EVENT && (entry->flags & ENTRY_CLEAR) == 0;
}

void stream_push(core_t *self, struct stream *stream, struct entry entry)
{
    uint64_t at = stream->entry_first + (stream->last - stream->acked);

    if (at == stream->chunk_count * (uint64_t)CHUNK_ENTRIES) {
        chunk_add(stream);
    }
    stream->last++;
    *stream_entry(stream, stream->last) = entry;
    stream->events += counts_as_event(&entry);
    stream_ready(self, stream);
}

static void sent_pop(struct stream *self, uint64_t numbers)
{
    while (numbers-- > 0 && self->sent_count > 0) {
        self->sent_bytes -= self->sent[self->sent_first].bytes;
        self->sent_first = (self->sent_first + 1) % self->sent_capacity;
        self->sent_count--;
    }
}

void stream_pop(struct stream *self, uint64_t upto)
{
    for (uint64_t number = self->acked + 1; number <= upto; number++) {
        self->events -= counts_as_event(stream_entry(self, number));
    }
    sent_pop(self, upto - self->acked);
    self->entry_first += (uint32_t)((upto - self->acked) % CHUNK_ENTRIES);
    size_t gone = (size_t)((upto - self->acked) / CHUNK_ENTRIES);
    if (self->entry_first >= CHUNK_ENTRIES) {
        self->entry_first -= CHUNK_ENTRIES;
        gone++;
    }
    self->acked = upto;
    if (upto == self->last) { /* the last chunk too, so that an idle stream costs nothing */
        gone = self->chunk_count;
        self->entry_first = 0;
    }
    for (size_t i = 0; i < gone; i++) {
        free(self->chunks[self->chunk_first++]);
        self->chunk_count--;
    }
    if (self->chunk_count == 0) {
        self->chunk_first = 0;
    }
}

/* Take entries out of the middle: what follows moves up. What was sent from there on is forgotten: an epoch follows. */
void stream_remove(core_t *self, struct stream *stream, const uint64_t *numbers, size_t count)
{
    uint64_t last = stream->last;
    uint64_t to = stream->acked;
    size_t next = 0;

    for (uint64_t number = stream->acked + 1; number <= last; number++) {
        struct entry entry = *stream_entry(stream, number);
        while (next < count && numbers[next] < number) {
            next++;
        }
        if (next < count && numbers[next] == number) {
            stream->events -= counts_as_event(&entry);
        } else {
            *stream_entry(stream, ++to) = entry;
        }
    }
    stream_sent_cut(stream, stream->acked);
    stream->last = to;
    size_t used =
        (size_t)((stream->entry_first + (to - stream->acked) + CHUNK_ENTRIES - 1) / CHUNK_ENTRIES);
    while (stream->chunk_count > used) {
        free(stream->chunks[stream->chunk_first + --stream->chunk_count]);
    }
    if (to == stream->acked) {
        stream_pop(stream, to);
    }
    (void)self;
}

void stream_ready(core_t *self, struct stream *stream)
{
    if (!stream->ready && stream->session != NULL) {
        stream->ready = true;
        stream->ready_next = self->ready;
        self->ready = stream;
    }
}

/* ---- sent ---- */

const struct sent *stream_sent(const struct stream *self, uint64_t number)
{
    if (number <= self->acked || number > stream_sent_last(self)) {
        return NULL;
    }
    return &self->sent[(self->sent_first + (number - self->acked - 1)) % self->sent_capacity];
}

const struct hash *stream_hash(const struct stream *self, uint64_t number)
{
    const struct sent *sent = stream_sent(self, number);

    if (number == self->acked) {
        return &self->acked_hash;
    }
    return sent == NULL ? NULL : &sent->running;
}

void stream_sent_push(struct stream *self, const struct sent *sent)
{
    if (self->sent_count == self->sent_capacity) {
        uint32_t capacity = self->sent_capacity == 0 ? 16 : self->sent_capacity * 2;
        struct sent *grown = mem_new(capacity, sizeof *grown);
        for (uint32_t i = 0; i < self->sent_count; i++) {
            grown[i] = self->sent[(self->sent_first + i) % self->sent_capacity];
        }
        free(self->sent);
        self->sent = grown;
        self->sent_capacity = capacity;
        self->sent_first = 0;
    }
    self->sent[(self->sent_first + self->sent_count++) % self->sent_capacity] = *sent;
    self->sent_bytes += sent->bytes;
}

void stream_sent_cut(struct stream *self, uint64_t number)
{
    while (self->sent_count > 0 && stream_sent_last(self) > number) {
        uint32_t at = (self->sent_first + self->sent_count - 1) % self->sent_capacity;
        self->sent_bytes -= self->sent[at].bytes;
        self->sent_count--;
    }
}
