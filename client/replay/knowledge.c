/*
 * knowledge: see knowledge.h. The first walk numbers the streams as the broker's core does and finds which entries were
 * persisted when; the second applies those that were persisted in time. Errors are those of the source.
 */
#include "client/replay/knowledge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/codec/frame.h"
#include "common/record/ack.h"
#include "common/record/judged.h"
#include "common/register/register.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 4194304, AGENTS_MAX = 8 };

enum entry_kind { ENTRY_EVENT, ENTRY_DERIVED, ENTRY_ACKED };

/* An entry of a stream: where what it says stands. */
struct entry {
    uint64_t leaf;       /* of the batch, the derived or the acked record */
    uint32_t index;      /* of the event in its batch; of the block in the record */
    int64_t recorded_ms; /* when it came into the stream */
    uint8_t kind;        /* enum entry_kind */
    uint8_t verdict;
    bool withheld, held;
};

struct stream {
    char name[AGENT_ID_BYTES_MAX + 1];
    bool ours;
    uint64_t epoch, acked;
    struct entry *entries; /* owned: acked + 1 .. */
    size_t count, capacity, first;
};

/* An acknowledgement of ours that has not taken effect yet. */
struct saying {
    uint64_t leaf;
    struct buf statement;
};

/* Set aside by an operator: comes back under a later number. */
struct held {
    uint8_t event[UUID_BYTES];
    uint32_t stream;
    struct entry entry;
};

struct finding {
    const char *code;
    int64_t at_ms;
    struct knowledge *out;
    register_t *reg; /* the latest, NULL before the first */
    char agents[AGENTS_MAX][AGENT_ID_BYTES_MAX + 1];
    size_t agent_count;
    struct stream *streams; /* owned, by index */
    size_t stream_count, stream_capacity;
    struct saying *sayings; /* owned */
    size_t saying_count, saying_capacity;
    struct held *held; /* owned */
    size_t held_count, held_capacity;
    struct entry *known; /* owned: what the second walk applies */
    size_t known_count, known_capacity, known_next;
    arena_t *arena;
    const struct record *record;
};

static void *more(void *items, size_t count, size_t *capacity, size_t bytes)
{
    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    void *grown = mem_new(*capacity, bytes);
    if (count > 0) {
        memcpy(grown, items, count * bytes);
    }
    free(items);
    return grown;
}

/* ---- who ---- */

static bool is_ours(const struct finding *self, const char *agent)
{
    for (size_t i = 0; i < self->agent_count; i++) {
        if (strcmp(self->agents[i], agent) == 0) {
            return true;
        }
    }
    return false;
}

/* Whoever served the authority by any register until then had what it was to know. */
static void agent_take(struct finding *self)
{
    const struct register_agent *agent = register_agent_serving(self->reg, self->code);

    if (agent == NULL || is_ours(self, agent->id) || self->agent_count == AGENTS_MAX) {
        return;
    }
    (void)snprintf(self->agents[self->agent_count++], sizeof self->agents[0], "%s", agent->id);
    size_t used = strlen(self->out->agents);
    (void)snprintf(self->out->agents + used, sizeof self->out->agents - used, "%s%s",
        used > 0 ? " " : "", agent->id);
    for (size_t i = 0; i < self->stream_count; i++) {
        self->streams[i].ours |= strcmp(self->streams[i].name, agent->id) == 0;
    }
}

static int find_input(struct finding *self)
{
    struct cursor in = cursor_of(self->record->body);
    register_t *next = NULL;

    if (take_u32(&in) != INPUT_REGISTER || self->record->time_ms > self->at_ms) {
        return 0;
    }
    if (register_load_unpinned(in.rest, &next, NULL) != 0) {
        return E_CORRUPT;
    }
    register_destroy(&self->reg);
    self->reg = next;
    agent_take(self);
    return 0;
}

/* ---- streams ---- */

static struct stream *stream_at(struct finding *self, uint32_t index)
{
    return index < self->stream_count ? &self->streams[index] : NULL;
}

static void push(struct stream *self, const struct entry *entry)
{
    if (self->first + self->count == self->capacity && self->first > self->capacity / 2) {
        memmove(self->entries, self->entries + self->first, self->count * sizeof *self->entries);
        self->first = 0;
    }
    size_t used = self->first + self->count;
    self->entries = more(self->entries, used, &self->capacity, sizeof *self->entries);
    self->entries[used] = *entry;
    self->count++;
}

static void stream_opened(struct finding *self, const char *name, uint64_t epoch)
{
    struct stream *stream = NULL;

    for (size_t i = 0; i < self->stream_count && stream == NULL; i++) {
        stream = strcmp(self->streams[i].name, name) == 0 ? &self->streams[i] : NULL;
    }
    if (stream == NULL) {
        self->streams =
            more(self->streams, self->stream_count, &self->stream_capacity, sizeof *self->streams);
        stream = &self->streams[self->stream_count++];
        *stream = (struct stream){.ours = is_ours(self, name)};
        (void)snprintf(stream->name, sizeof stream->name, "%s", name);
    }
    stream->epoch = epoch; /* what was not acknowledged begins the new numbering */
    stream->acked = 0;
}

static int find_derived(void *context, const Waypost__Derived *derived)
{
    struct finding *self = context;
    const struct entry entry = {.leaf = self->record->sequence,
        .recorded_ms = self->record->time_ms,
        .kind = ENTRY_DERIVED};

    if (derived->kind == WAYPOST__SYSTEM_KIND__STREAM_OPENED) {
        if (derived->n_told == 1) {
            stream_opened(self, derived->told[0], derived->version);
        }
        return 0;
    }
    for (size_t i = 0; i < derived->n_told; i++) {
        for (size_t s = 0; s < self->stream_count; s++) {
            if (strcmp(self->streams[s].name, derived->told[i]) == 0) {
                push(&self->streams[s], &entry);
            }
        }
    }
    return 0;
}

/* ---- judged: entries come, move, wait ---- */

static void judged_push(struct finding *self, struct judged_body *body)
{
    struct judged_event judged;
    struct entry entry = {
        .leaf = body->leaf, .recorded_ms = self->record->time_ms, .kind = ENTRY_EVENT};
    uint32_t index;
    bool facts_only;

    for (; judged_next(body, &judged); entry.index++) {
        entry.verdict = judged.verdict;
        entry.withheld = judged.withheld;
        while (judged_target(&judged, &index, &facts_only)) {
            struct stream *stream = stream_at(self, index);
            if (stream != NULL) {
                push(stream, &entry);
            }
        }
    }
    struct judged_disclosure told;
    while (judged_disclosed(body, &told)) {
        struct stream *stream = stream_at(self, told.stream);
        entry.leaf = told.leaf;
        entry.index = told.index;
        entry.verdict = told.verdict;
        entry.withheld = told.withheld;
        if (stream != NULL) {
            push(stream, &entry);
        }
    }
}

static void judged_move(struct finding *self, struct judged_body *body)
{
    struct stream *from = stream_at(self, body->from);
    struct stream *to = stream_at(self, body->to);
    uint64_t number;
    uint64_t next = 0; /* of those that stay */
    uint64_t done = 0; /* gone through */

    while (from != NULL && judged_number(body, &number)) {
        uint64_t place = number - from->acked - 1;
        if (number <= from->acked || place >= from->count) {
            return;
        }
        if (body->to != JUDGED_NO_STREAM) {
            if (to != NULL) {
                struct entry entry = from->entries[from->first + place];
                push(to, &entry);
            }
            continue;
        }
        for (; done < place; done++) {
            from->entries[from->first + next++] = from->entries[from->first + done];
        }
        done = place + 1;
    }
    if (from != NULL && body->to == JUDGED_NO_STREAM) {
        for (; done < from->count; done++) {
            from->entries[from->first + next++] = from->entries[from->first + done];
        }
        from->count = (size_t)next;
    }
}

static void judged_hold(struct finding *self, struct judged_body *body)
{
    uint32_t index;
    uint64_t number;

    while (judged_place(body, &index, &number)) {
        struct stream *stream = stream_at(self, index);
        if (stream == NULL || number <= stream->acked || number - stream->acked > stream->count) {
            return;
        }
        struct entry *entry = &stream->entries[stream->first + (number - stream->acked - 1)];
        self->held = more(self->held, self->held_count, &self->held_capacity, sizeof *self->held);
        struct held *held = &self->held[self->held_count++];
        *held = (struct held){.stream = index, .entry = *entry};
        memcpy(held->event, body->event, UUID_BYTES);
        entry->held = true;
    }
}

static void judged_release(struct finding *self, const struct judged_body *body)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->held_count; i++) {
        struct held held = self->held[i];
        if (memcmp(held.event, body->event, UUID_BYTES) == 0) {
            push(&self->streams[held.stream], &held.entry);
        } else {
            self->held[kept++] = held;
        }
    }
    self->held_count = kept;
}

static int find_judged(struct finding *self)
{
    struct judged_body body;

    if (judged_body_read(self->record->body, &body) != 0) {
        return E_CORRUPT;
    }
    switch (body.form) {
    case JUDGED_BATCH:
        judged_push(self, &body);
        break;
    case JUDGED_MOVE:
        judged_move(self, &body);
        break;
    case JUDGED_HOLD:
        judged_hold(self, &body);
        break;
    case JUDGED_RELEASE:
        judged_release(self, &body);
        break;
    }
    return 0;
}

/* ---- acknowledged ---- */

static int find_ack(struct finding *self)
{
    struct ack_body body;

    if (ack_body_read(self->record->body, &body) != 0) {
        return E_CORRUPT;
    }
    if (!is_ours(self, body.agent)) {
        return 0;
    }
    self->sayings =
        more(self->sayings, self->saying_count, &self->saying_capacity, sizeof *self->sayings);
    struct saying *saying = &self->sayings[self->saying_count++];
    *saying = (struct saying){.leaf = self->record->sequence};
    buf_put_slice(&saying->statement, body.statement);
    return 0;
}

static void know(struct finding *self, const struct entry *entry, int64_t persisted_ms)
{
    if (persisted_ms > self->at_ms) {
        self->out->pending += entry->recorded_ms <= self->at_ms;
        return;
    }
    self->out->entries++;
    if (persisted_ms > self->out->persisted_ms) {
        self->out->persisted_ms = persisted_ms;
    }
    if (entry->held) {
        return; /* a placeholder tells nothing of the event */
    }
    self->known = more(self->known, self->known_count, &self->known_capacity, sizeof *self->known);
    self->known[self->known_count++] = *entry;
}

/* The runs of the signed statement say when each number was persisted. */
static void persisted_take(
    struct finding *self, struct stream *stream, const Waypost__AckStatement *ack, uint64_t upto)
{
    size_t run = 0;

    for (uint64_t number = stream->acked + 1; number <= upto && run < ack->n_persisted; number++) {
        while (run + 1 < ack->n_persisted && ack->persisted[run]->upto < number) {
            run++;
        }
        know(self, &stream->entries[stream->first + (number - stream->acked - 1)],
            ack->persisted[run]->at_ms);
    }
}

static void saying_apply(
    struct finding *self, struct stream *stream, uint64_t ack_leaf, uint64_t upto)
{
    for (size_t i = 0; i < self->saying_count; i++) {
        struct saying *saying = &self->sayings[i];
        if (saying->leaf != ack_leaf) {
            continue;
        }
        arena_reset(self->arena);
        const Waypost__AckStatement *ack = message_decode(
            self->arena, &waypost__ack_statement__descriptor, buf_slice(&saying->statement));
        if (ack != NULL) {
            persisted_take(self, stream, ack, upto);
        }
        buf_free(&saying->statement);
        *saying = self->sayings[--self->saying_count];
        return;
    }
}

static int find_acked(struct finding *self)
{
    struct acked_body body;
    struct entry entry = {
        .leaf = self->record->sequence, .recorded_ms = self->record->time_ms, .kind = ENTRY_ACKED};
    uint32_t told;

    if (acked_body_read(self->record->body, &body) != 0) {
        return E_CORRUPT;
    }
    struct stream *stream = stream_at(self, body.stream);
    if (stream != NULL && body.upto >= stream->acked &&
        body.upto - stream->acked <= stream->count) {
        if (stream->ours) {
            saying_apply(self, stream, body.ack_leaf, body.upto);
        }
        stream->first += (size_t)(body.upto - stream->acked);
        stream->count -= (size_t)(body.upto - stream->acked);
        stream->acked = body.upto;
    }
    for (; acked_next_told(&body, &told); entry.index++) {
        struct stream *other = stream_at(self, told);
        if (other != NULL) {
            push(other, &entry);
        }
    }
    return 0;
}

static int find_visit(void *context, const struct record *record, uint64_t position)
{
    struct finding *self = context;

    (void)position;
    self->record = record;
    switch (record->type) {
    case RECORD_INPUT:
        return find_input(self);
    case RECORD_JUDGED:
        return find_judged(self);
    case RECORD_ACK:
        return find_ack(self);
    case RECORD_ACKED:
        return find_acked(self);
    case RECORD_DERIVED:
        return derived_walk(self->arena, record->body, find_derived, self);
    default:
        return 0;
    }
}

/* ---- the second walk ---- */

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;

    if (left->leaf != right->leaf) {
        return left->leaf < right->leaf ? -1 : 1;
    }
    return left->index < right->index ? -1 : left->index > right->index;
}

/* What it sent itself it knew when it was sent; the verdict comes only with what it was told. */
static void apply_own(struct finding *self, const struct batch_body *batch)
{
    struct slice rest = batch->events;
    struct slice event;
    struct event_view view;

    for (uint32_t i = 0; batch_next_event(&rest, &event) == 0; i++) {
        if (event_read(event, &view, NULL) == 0 && view.sent_ms <= self->at_ms) {
            ledger_accept(self->out->ledger, event, batch->agent, self->record->sequence, i,
                self->record->time_ms);
            ledger_begin(self->out->ledger, view.id);
        }
    }
}

static void apply_event(
    struct finding *self, const struct batch_body *batch, const struct entry *entry)
{
    struct slice rest = batch->events;
    struct slice event = {NULL, 0};
    struct event_view view;

    for (uint32_t i = 0; i <= entry->index; i++) {
        if (batch_next_event(&rest, &event) != 0) {
            return;
        }
    }
    if (event_read(event, &view, NULL) == 0) {
        ledger_accept(self->out->ledger, event, batch->agent, self->record->sequence, entry->index,
            self->record->time_ms);
        ledger_judge(self->out->ledger, view.id, entry->verdict, entry->withheld);
    }
}

static void apply_block(struct finding *self, const struct entry *entry)
{
    struct acked_block block;
    struct acked_item item;

    if (acked_block_open(self->record->body, entry->index, &block) != 0) {
        return;
    }
    while (acked_block_next(&block, &item)) {
        ledger_acknowledge(self->out->ledger, &item, block.code);
    }
}

static int apply_derived(void *context, const Waypost__Derived *derived)
{
    struct finding *self = context;

    ledger_derive(self->out->ledger, derived);
    return 0;
}

static int apply_visit(void *context, const struct record *record, uint64_t position)
{
    struct finding *self = context;
    struct batch_body batch;

    (void)position;
    self->record = record;
    bool readable = record->type == RECORD_BATCH && batch_body_read(record->body, &batch) == 0;
    if (readable && is_ours(self, batch.agent)) {
        apply_own(self, &batch);
    }
    while (self->known_next < self->known_count &&
        self->known[self->known_next].leaf <= record->sequence) {
        const struct entry *entry = &self->known[self->known_next++];
        if (entry->leaf < record->sequence) {
            continue;
        }
        if (entry->kind == ENTRY_EVENT && readable) {
            apply_event(self, &batch, entry);
        } else if (entry->kind == ENTRY_DERIVED) {
            (void)derived_walk(self->arena, record->body, apply_derived, self);
        } else if (entry->kind == ENTRY_ACKED) {
            apply_block(self, entry);
        }
    }
    return 0;
}

/* ---- all ---- */

/* What was recorded by then and lies in its streams without an acknowledgement. */
static void count_pending(struct finding *self)
{
    for (size_t i = 0; i < self->stream_count; i++) {
        const struct stream *stream = &self->streams[i];
        for (size_t n = 0; stream->ours && n < stream->count; n++) {
            self->out->pending += stream->entries[stream->first + n].recorded_ms <= self->at_ms;
        }
    }
}

static void finding_free(struct finding *self)
{
    for (size_t i = 0; i < self->stream_count; i++) {
        free(self->streams[i].entries);
    }
    for (size_t i = 0; i < self->saying_count; i++) {
        buf_free(&self->sayings[i].statement);
    }
    free(self->streams);
    free(self->sayings);
    free(self->held);
    free(self->known);
    register_destroy(&self->reg);
    arena_destroy(&self->arena);
}

int knowledge_of(
    source_t *source, const char *code, int64_t at_ms, struct knowledge *out, struct complaint *why)
{
    struct finding self = {
        .code = code, .at_ms = at_ms, .out = out, .arena = arena_new(ARENA_BYTES)};
    struct source_walk walk = {.visit = find_visit, .context = &self};
    uint64_t torn;

    *out = (struct knowledge){.ledger = ledger_new()};
    int rc = source_walk(source, &walk, &torn, why);
    if (rc == 0 && self.agent_count == 0) {
        rc = complain(why, E_NOT_FOUND,
            "no agent served %s by any register in force until then; is it another authority?",
            code);
    }
    if (rc == 0) {
        count_pending(&self);
        if (self.known_count > 1) {
            qsort(self.known, self.known_count, sizeof *self.known, compare_entries);
        }
        walk.visit = apply_visit;
        rc = source_walk(source, &walk, &torn, why);
    }
    if (rc != 0) {
        ledger_destroy(&out->ledger);
    }
    finding_free(&self);
    return rc;
}
