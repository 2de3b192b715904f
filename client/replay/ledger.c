/*
 * ledger: see ledger.h. Out of memory aborts; a body that cannot be read is returned, and what speaks of something
 * unknown (an event before the part that was given) is passed over.
 */
#include "client/replay/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/codec/frame.h"
#include "common/procedure/table16.h"
#include "common/record/erase.h"
#include "common/record/judged.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 4194304 };

const char *const ledger_verdict_words[7] = {
    "unjudged", "effective", "alert", "refused", "held", "waiting", "voided"};
const char *const ledger_clock_words[5] = {"running", "met", "cancelled", "breached", "superseded"};

/* A list of pointers to what was made one by one. */
struct shelf {
    void **items; /* owned, with what they point to */
    size_t count, capacity;
};

/* A batch whose verdicts have not come yet. */
struct unjudged {
    uint64_t leaf;
    size_t count;
    uint8_t (*ids)[UUID_BYTES]; /* owned; zeros for one that cannot be read or came before */
};

struct ledger {
    struct shelf events, transfers, children, clocks;
    struct table16 events_by_id, transfers_by_id, children_by_ref;
    struct table16 clocks_by_start; /* transfer and subject: the newest clock of them, a chain */
    struct unjudged *unjudged;      /* owned; in journal order */
    size_t unjudged_count, unjudged_capacity;
    struct ledger_counts counts;
    arena_t *arena;
};

/* The clocks of one child in one transfer. */
struct clock_chain {
    uint8_t key[2 * UUID_BYTES];
    size_t count, capacity;
    struct ledger_clock **clocks; /* owned array; the clocks are the shelf's */
};

/* ---- memory ---- */

static void *grown(void *items, size_t count, size_t *capacity, size_t bytes)
{
    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity == 0 ? 4 : *capacity * 2;
    void *larger = mem_new(*capacity, bytes);
    if (count > 0) {
        memcpy(larger, items, count * bytes);
    }
    free(items);
    return larger;
}

/* Exact growth by one, for the short lists of an event. */
static void *one_more(void *items, size_t count, size_t bytes)
{
    void *larger = mem_new(count + 1, bytes);

    if (count > 0) {
        memcpy(larger, items, count * bytes);
    }
    free(items);
    return larger;
}

static void *shelf_add(struct shelf *self, size_t bytes)
{
    self->items = grown(self->items, self->count, &self->capacity, sizeof(void *));
    self->items[self->count] = mem_new(1, bytes);
    return self->items[self->count++];
}

ledger_t *ledger_new(void)
{
    ledger_t *self = mem_new(1, sizeof *self);

    self->events_by_id =
        (struct table16){.key_bytes = UUID_BYTES, .key_offset = offsetof(struct ledger_event, id)};
    self->transfers_by_id = (struct table16){
        .key_bytes = UUID_BYTES, .key_offset = offsetof(struct ledger_transfer, id)};
    self->children_by_ref =
        (struct table16){.key_bytes = UUID_BYTES, .key_offset = offsetof(struct ledger_child, ref)};
    self->clocks_by_start = (struct table16){
        .key_bytes = 2 * UUID_BYTES, .key_offset = offsetof(struct clock_chain, key)};
    self->arena = arena_new(ARENA_BYTES);
    return self;
}

static void clocks_free(ledger_t *self)
{
    for (size_t i = 0; i < self->clocks_by_start.capacity; i++) {
        struct clock_chain *chain = self->clocks_by_start.values[i];
        if (chain != NULL) {
            free(chain->clocks);
            free(chain);
        }
    }
    table16_free(&self->clocks_by_start);
}

static void shelf_free(struct shelf *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->items[i]);
    }
    free(self->items);
}

void ledger_destroy(ledger_t **self_p)
{
    ledger_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->events.count; i++) {
        struct ledger_event *event = self->events.items[i];
        free(event->subjects);
        free(event->levels);
        free(event->notes);
    }
    for (size_t i = 0; i < self->transfers.count; i++) {
        struct ledger_transfer *transfer = self->transfers.items[i];
        free(transfer->events);
        free(transfer->subjects);
    }
    for (size_t i = 0; i < self->children.count; i++) {
        free(((struct ledger_child *)self->children.items[i])->owners);
    }
    for (size_t i = 0; i < self->unjudged_count; i++) {
        free(self->unjudged[i].ids);
    }
    free(self->unjudged);
    clocks_free(self);
    table16_free(&self->events_by_id);
    table16_free(&self->transfers_by_id);
    table16_free(&self->children_by_ref);
    shelf_free(&self->events);
    shelf_free(&self->transfers);
    shelf_free(&self->children);
    shelf_free(&self->clocks);
    arena_destroy(&self->arena);
    free(self);
    *self_p = NULL;
}

/* ---- accepted ---- */

static void code_copy(char *out, const char *code)
{
    (void)snprintf(out, CODE_BYTES + 1, "%s", code);
}

static struct ledger_level *level_of(struct ledger_event *event, const char *code)
{
    for (size_t i = 0; i < event->level_count; i++) {
        if (strcmp(event->levels[i].code, code) == 0) {
            return &event->levels[i];
        }
    }
    event->levels = one_more(event->levels, event->level_count, sizeof *event->levels);
    struct ledger_level *level = &event->levels[event->level_count++];
    code_copy(level->code, code);
    return level;
}

static struct ledger_child *child_find(const ledger_t *self, const uint8_t *ref)
{
    return table16_get(&self->children_by_ref, ref);
}

static struct ledger_child *child_root(const ledger_t *self, const uint8_t *ref)
{
    struct ledger_child *child = child_find(self, ref);

    for (size_t steps = 0; child != NULL && child->merged && steps < self->children.count;
         steps++) {
        child = child_find(self, child->merged_into);
    }
    return child;
}

static void owner_add(
    struct ledger_child *child, int64_t at_ms, const char *code, const uint8_t *event)
{
    child->owners = one_more(child->owners, child->owner_count, sizeof *child->owners);
    struct ledger_owner *owner = &child->owners[child->owner_count++];
    owner->at_ms = at_ms;
    code_copy(owner->code, code);
    if (event != NULL) {
        memcpy(owner->event, event, UUID_BYTES);
    }
}

/* The case begins with the origin of the child's first transfer (docs/PROCEDURES.md, 5.1). */
static void child_begin(ledger_t *self, const uint8_t *ref, const char *origin, int64_t accepted_ms)
{
    if (child_find(self, ref) != NULL) {
        return;
    }
    struct ledger_child *child = shelf_add(&self->children, sizeof *child);
    memcpy(child->ref, ref, UUID_BYTES);
    owner_add(child, accepted_ms, origin, NULL);
    table16_put(&self->children_by_ref, child);
}

static struct ledger_transfer *transfer_begin(ledger_t *self, const struct ledger_event *event)
{
    struct ledger_transfer *transfer = table16_get(&self->transfers_by_id, event->transfer);

    if (transfer == NULL) {
        transfer = shelf_add(&self->transfers, sizeof *transfer);
        memcpy(transfer->id, event->transfer, UUID_BYTES);
        code_copy(transfer->origin, event->origin);
        code_copy(transfer->receiving, event->receiving);
        transfer->first_ms = event->accepted_ms;
        table16_put(&self->transfers_by_id, transfer);
    }
    transfer->last_ms = event->accepted_ms;
    return transfer;
}

static void transfer_subject(struct ledger_transfer *transfer, const uint8_t *ref)
{
    for (size_t i = 0; i < transfer->subject_count; i++) {
        if (memcmp(transfer->subjects[i], ref, UUID_BYTES) == 0) {
            return;
        }
    }
    transfer->subjects =
        one_more(transfer->subjects, transfer->subject_count, sizeof *transfer->subjects);
    memcpy(transfer->subjects[transfer->subject_count++], ref, UUID_BYTES);
}

static void event_fill(struct ledger_event *event, const struct event_view *view)
{
    memcpy(event->id, view->id, UUID_BYTES);
    memcpy(event->transfer, view->transfer, UUID_BYTES);
    event->kind = view->kind;
    code_copy(event->from, view->from);
    code_copy(event->origin, view->origin);
    code_copy(event->receiving, view->receiving);
    event->occurred_ms = view->occurred_ms;
    event->sent_ms = view->sent_ms;
    event->has_payload = view->has_payload;
    event->verdict = LEDGER_WAITING;
    event->subject_count = view->subject_count;
    event->subjects = mem_new(view->subject_count + 1, sizeof *event->subjects);
    memcpy(event->subjects, view->subjects, view->subject_count * sizeof *event->subjects);
    event->level_count = view->recipient_count;
    event->levels = mem_new(view->recipient_count + 1, sizeof *event->levels);
    for (size_t i = 0; i < view->recipient_count; i++) {
        code_copy(event->levels[i].code, view->to[i].code);
    }
}

static void transfer_event(struct ledger_transfer *transfer, size_t number)
{
    size_t capacity = 4;

    while (capacity < transfer->event_count) {
        capacity *= 2;
    }
    if (transfer->event_count == 0) {
        transfer->events = mem_new(capacity, sizeof *transfer->events);
    }
    transfer->events =
        grown(transfer->events, transfer->event_count, &capacity, sizeof *transfer->events);
    transfer->events[transfer->event_count++] = number;
}

void ledger_begin(ledger_t *self, const uint8_t *id)
{
    struct ledger_event *event = table16_get(&self->events_by_id, id);

    if (event == NULL || event->begun) {
        return;
    }
    event->begun = true;
    struct ledger_transfer *transfer = transfer_begin(self, event);
    transfer_event(transfer, event->number);
    for (size_t i = 0; i < event->subject_count; i++) {
        transfer_subject(transfer, event->subjects[i].ref);
        child_begin(self, event->subjects[i].ref, transfer->origin, event->accepted_ms);
    }
}

/* Room for an event under its id; NULL where it is there already. One whose batch was voided may come again. */
static struct ledger_event *event_place(ledger_t *self, const uint8_t *id)
{
    struct ledger_event *event = table16_get(&self->events_by_id, id);

    if (event == NULL) {
        event = shelf_add(&self->events, sizeof *event);
        memcpy(event->id, id, UUID_BYTES);
        event->number = self->events.count - 1;
        table16_put(&self->events_by_id, event);
        return event;
    }
    if (event->verdict != LEDGER_VOIDED) {
        return NULL;
    }
    size_t number = event->number;
    free(event->subjects);
    free(event->levels);
    free(event->notes);
    *event = (struct ledger_event){.number = number};
    memcpy(event->id, id, UUID_BYTES);
    return event;
}

void ledger_accept(ledger_t *self, struct slice bytes, const char *agent, uint64_t leaf,
    uint32_t index, int64_t accepted_ms)
{
    struct event_view view;

    self->counts.events++;
    if (event_read(bytes, &view, NULL) != 0) {
        return; /* of a batch that will be voided */
    }
    struct ledger_event *event = event_place(self, view.id);
    if (event == NULL) {
        self->counts.duplicates++;
        return;
    }
    event_fill(event, &view);
    (void)snprintf(event->agent, sizeof event->agent, "%s", agent);
    event->leaf = leaf;
    event->index = index;
    event->accepted_ms = accepted_ms;
}

static struct unjudged *unjudged_add(ledger_t *self, uint64_t leaf, size_t count)
{
    self->unjudged = grown(
        self->unjudged, self->unjudged_count, &self->unjudged_capacity, sizeof *self->unjudged);
    struct unjudged *batch = &self->unjudged[self->unjudged_count++];
    *batch = (struct unjudged){.leaf = leaf, .count = count};
    batch->ids = mem_new(count + 1, sizeof *batch->ids);
    return batch;
}

static int batch_apply(ledger_t *self, const struct record *record)
{
    struct batch_body body;
    struct slice event;
    struct event_view view;

    if (batch_body_read(record->body, &body) != 0) {
        return E_CORRUPT;
    }
    self->counts.batches++;
    struct unjudged *batch = unjudged_add(self, record->sequence, body.count);
    struct slice rest = body.events;
    for (uint32_t i = 0; batch_next_event(&rest, &event) == 0; i++) {
        uint64_t before = self->counts.duplicates;
        ledger_accept(self, event, body.agent, record->sequence, i, record->time_ms);
        if (self->counts.duplicates == before && event_read(event, &view, NULL) == 0) {
            memcpy(batch->ids[i], view.id, UUID_BYTES);
        }
    }
    return 0;
}

/* ---- judged ---- */

void ledger_judge(ledger_t *self, const uint8_t *id, uint8_t verdict, bool withheld)
{
    struct ledger_event *event = table16_get(&self->events_by_id, id);

    if (event != NULL) {
        ledger_begin(self, id);
        event->verdict = verdict;
        event->withheld = withheld;
        self->counts.verdicts[verdict <= LEDGER_HELD ? verdict : 0]++;
    }
}

static size_t unjudged_find(const ledger_t *self, uint64_t leaf)
{
    size_t i = 0;

    while (i < self->unjudged_count && self->unjudged[i].leaf != leaf) {
        i++;
    }
    return i;
}

static void unjudged_remove(ledger_t *self, size_t at)
{
    free(self->unjudged[at].ids);
    self->unjudged_count--;
    memmove(&self->unjudged[at], &self->unjudged[at + 1],
        (self->unjudged_count - at) * sizeof *self->unjudged);
}

static void set_aside(ledger_t *self, const uint8_t *id, bool aside)
{
    struct ledger_event *event = table16_get(&self->events_by_id, id);

    if (event != NULL) {
        event->set_aside = aside;
    }
}

static int judged_apply(ledger_t *self, const struct record *record)
{
    struct judged_body body;
    struct judged_event judged;

    if (judged_body_read(record->body, &body) != 0) {
        return E_CORRUPT;
    }
    if (body.form == JUDGED_HOLD || body.form == JUDGED_RELEASE) {
        set_aside(self, body.event, body.form == JUDGED_HOLD);
    }
    if (body.form != JUDGED_BATCH) {
        return 0;
    }
    size_t at = unjudged_find(self, body.leaf);
    if (at == self->unjudged_count) {
        return 0; /* its batch was damaged, or lies before what was given */
    }
    for (size_t i = 0; i < self->unjudged[at].count && judged_next(&body, &judged); i++) {
        ledger_judge(self, self->unjudged[at].ids[i], judged.verdict, judged.withheld);
    }
    unjudged_remove(self, at);
    return body.rest.failed ? E_CORRUPT : 0;
}

static void void_batch(ledger_t *self, uint64_t leaf)
{
    size_t at = unjudged_find(self, leaf);

    self->counts.voided++;
    if (at == self->unjudged_count) {
        return;
    }
    for (size_t i = 0; i < self->unjudged[at].count; i++) {
        struct ledger_event *event = table16_get(&self->events_by_id, self->unjudged[at].ids[i]);
        if (event != NULL) {
            event->verdict = LEDGER_VOIDED;
            self->counts.verdicts[LEDGER_VOIDED]++;
        }
    }
    unjudged_remove(self, at);
}

/* ---- acknowledged ---- */

void ledger_acknowledge(ledger_t *self, const struct acked_item *item, const char *code)
{
    struct ledger_event *event = table16_get(&self->events_by_id, item->event);

    if (event == NULL) {
        return;
    }
    struct ledger_level *level = level_of(event, code);
    if (item->level == ACKED_PERSISTED && level->persisted_ms == 0) {
        level->persisted_ms = item->at_ms;
    } else if (item->level == ACKED_OPENED && level->opened_ms == 0) {
        level->opened_ms = item->at_ms;
        level->role = item->role;
        (void)snprintf(level->team, sizeof level->team, "%.*s", (int)item->team.len,
            item->team.len == 0 ? "" : (const char *)item->team.data);
    } else if (item->level == ACKED_FAULT) {
        level->fault = item->code_err;
    }
}

static void acknowledged(void *context, const struct acked_item *item, const char *code)
{
    ledger_acknowledge(context, item, code);
}

/* ---- clocks ---- */

static struct clock_chain *chain_of(ledger_t *self, const uint8_t *transfer, const uint8_t *subject)
{
    uint8_t key[2 * UUID_BYTES];

    memcpy(key, transfer, UUID_BYTES);
    memcpy(key + UUID_BYTES, subject, UUID_BYTES);
    struct clock_chain *chain = table16_get(&self->clocks_by_start, key);
    if (chain == NULL) {
        chain = mem_new(1, sizeof *chain);
        memcpy(chain->key, key, sizeof key);
        table16_put(&self->clocks_by_start, chain);
    }
    return chain;
}

/* The clock that a record speaks of: the one of its event, else the newest of that name that is still open. */
static struct ledger_clock *clock_find(
    const struct clock_chain *chain, const char *id, const uint8_t *event)
{
    struct ledger_clock *open = NULL;

    for (size_t i = chain->count; i > 0; i--) {
        struct ledger_clock *clock = chain->clocks[i - 1];
        if (strcmp(clock->id, id) != 0) {
            continue;
        }
        if (event != NULL && memcmp(clock->event, event, UUID_BYTES) == 0) {
            return clock;
        }
        if (open == NULL && !clock->stopped) {
            open = clock;
        }
    }
    return open;
}

static struct ledger_clock *clock_add(
    ledger_t *self, struct clock_chain *chain, const char *id, const uint8_t *event)
{
    struct ledger_clock *clock = shelf_add(&self->clocks, sizeof *clock);

    chain->clocks =
        grown(chain->clocks, chain->count, &chain->capacity, sizeof(struct ledger_clock *));
    chain->clocks[chain->count++] = clock;
    memcpy(clock->transfer, chain->key, UUID_BYTES);
    memcpy(clock->subject, chain->key + UUID_BYTES, UUID_BYTES);
    if (event != NULL) {
        memcpy(clock->event, event, UUID_BYTES);
    }
    (void)snprintf(clock->id, sizeof clock->id, "%s", id);
    return clock;
}

static void detail_copy(const char *detail, const char *name, char *out, size_t size)
{
    size_t len;
    const char *value = derived_detail(detail, name, &len);

    (void)snprintf(out, size, "%.*s", value == NULL ? 0 : (int)len, value == NULL ? "" : value);
}

static bool detail_says(const char *detail, const char *name, const char *word)
{
    size_t len;
    const char *value = derived_detail(detail, name, &len);

    return value != NULL && len == strlen(word) && strncmp(value, word, len) == 0;
}

static void clock_set(struct ledger_clock *clock, const char *detail, int64_t at_ms)
{
    detail_copy(detail, "due", clock->due, sizeof clock->due);
    detail_copy(detail, "binds", clock->binds, sizeof clock->binds);
    clock->advisory = detail_says(detail, "advisory", "yes");
    clock->provisional = detail_says(detail, "provisional", "yes");
    clock->set_ms = clock->set_ms == 0 ? at_ms : clock->set_ms;
}

static void clock_stop(struct ledger_clock *clock, const char *detail, int64_t at_ms)
{
    for (int i = LEDGER_MET; i <= LEDGER_SUPERSEDED; i++) {
        if (detail_says(detail, "state", ledger_clock_words[i])) {
            clock->state = (enum ledger_clock_state)i;
        }
    }
    clock->stopped = true;
    clock->stopped_ms = at_ms;
    detail_copy(detail, "late", clock->late, sizeof clock->late);
    detail_copy(detail, "reason", clock->reason, sizeof clock->reason);
}

static void clock_derive(ledger_t *self, const Waypost__Derived *derived, const char *detail)
{
    if (!derived->has_transfer || !derived->has_subject || derived->clock == NULL ||
        derived->transfer.len != UUID_BYTES || derived->subject.len != UUID_BYTES) {
        return;
    }
    const uint8_t *event =
        derived->has_event && derived->event.len == UUID_BYTES ? derived->event.data : NULL;
    struct clock_chain *chain = chain_of(self, derived->transfer.data, derived->subject.data);
    bool set = derived->kind == WAYPOST__SYSTEM_KIND__DEADLINE_SET;
    struct ledger_clock *clock = clock_find(chain, derived->clock, event);
    if (set && clock != NULL &&
        (clock->state != LEDGER_RUNNING || event == NULL ||
            memcmp(clock->event, event, UUID_BYTES) != 0)) {
        clock = NULL; /* a new one; the same again is worked out anew (D47) */
    }
    if (clock == NULL) {
        clock = clock_add(self, chain, derived->clock, event);
    }
    if (set) {
        clock_set(clock, detail, derived->at_ms);
    } else if (derived->kind == WAYPOST__SYSTEM_KIND__DEADLINE_WARNING) {
        clock->warned = true;
    } else if (derived->kind == WAYPOST__SYSTEM_KIND__DEADLINE_BREACHED) {
        clock->state = LEDGER_BREACHED;
        clock->breached_ms = derived->at_ms;
    } else if (derived->kind == WAYPOST__SYSTEM_KIND__BREACH_SUPERSEDED) {
        clock->state = LEDGER_SUPERSEDED;
        clock->stopped = true;
        clock->stopped_ms = derived->at_ms;
    } else {
        clock_stop(clock, detail, derived->at_ms);
    }
}

/* ---- derived ---- */

static void note_add(
    struct ledger_event *event, const Waypost__Derived *derived, const char *detail)
{
    event->notes = one_more(event->notes, event->note_count, sizeof *event->notes);
    struct ledger_note *note = &event->notes[event->note_count++];

    note->kind = (int)derived->kind;
    note->has_subject = derived->has_subject && derived->subject.len == UUID_BYTES;
    if (note->has_subject) {
        memcpy(note->subject, derived->subject.data, UUID_BYTES);
    }
    if (derived->rule != NULL && derived->rule[0] != '\0') {
        (void)snprintf(note->rules, sizeof note->rules, "%s", derived->rule);
    } else {
        detail_copy(detail, "rules", note->rules, sizeof note->rules);
    }
}

static void event_derive(ledger_t *self, const Waypost__Derived *derived, const char *detail)
{
    struct ledger_event *event = derived->has_event && derived->event.len == UUID_BYTES
        ? table16_get(&self->events_by_id, derived->event.data)
        : NULL;

    if (event == NULL) {
        return;
    }
    if (derived->kind == WAYPOST__SYSTEM_KIND__PAYLOAD_ERASED) {
        event->payload_erased = true;
        return;
    }
    note_add(event, derived, detail);
    if (derived->kind == WAYPOST__SYSTEM_KIND__HOLD_RELEASED && event->verdict == LEDGER_HELD) {
        event->verdict = LEDGER_EFFECTIVE;
    }
}

static void responsibility_derive(
    ledger_t *self, const Waypost__Derived *derived, const char *detail)
{
    char to[CODE_BYTES + 1];
    char stamp[32];
    int64_t at_ms = derived->at_ms;
    struct ledger_child *child = derived->has_subject && derived->subject.len == UUID_BYTES
        ? child_root(self, derived->subject.data)
        : NULL;

    detail_copy(detail, "to", to, sizeof to);
    detail_copy(detail, "effective_at", stamp, sizeof stamp);
    if (child == NULL || to[0] == '\0') {
        return;
    }
    (void)civil_time_parse(stamp, &at_ms); /* else when it was derived */
    owner_add(child, at_ms, to,
        derived->has_event && derived->event.len == UUID_BYTES ? derived->event.data : NULL);
}

static void merge_derive(ledger_t *self, const Waypost__Derived *derived, const char *detail)
{
    char text[UUID_TEXT_BYTES];
    char owner[CODE_BYTES + 1];
    uint8_t kept_ref[UUID_BYTES];
    uint8_t joined_ref[UUID_BYTES];

    detail_copy(detail, "kept", text, sizeof text);
    bool good = uuid_parse(text, kept_ref) == 0;
    detail_copy(detail, "joined", text, sizeof text);
    good = good && uuid_parse(text, joined_ref) == 0;
    struct ledger_child *kept = good ? child_root(self, kept_ref) : NULL;
    struct ledger_child *joined = good ? child_root(self, joined_ref) : NULL;
    if (kept == NULL || joined == NULL || kept == joined) {
        return;
    }
    joined->merged = true;
    memcpy(joined->merged_into, kept->ref, UUID_BYTES);
    detail_copy(detail, "owner", owner, sizeof owner);
    if (owner[0] != '\0' && strcmp(owner, kept->owners[kept->owner_count - 1].code) != 0) {
        owner_add(kept, derived->at_ms, owner,
            derived->has_event && derived->event.len == UUID_BYTES ? derived->event.data : NULL);
    }
}

typedef void derive_function(ledger_t *self, const Waypost__Derived *derived, const char *detail);

void ledger_derive(ledger_t *self, const Waypost__Derived *derived)
{
    static derive_function *const functions[] = {
        [WAYPOST__SYSTEM_KIND__REFUSED] = event_derive,
        [WAYPOST__SYSTEM_KIND__HELD] = event_derive,
        [WAYPOST__SYSTEM_KIND__HOLD_RELEASED] = event_derive,
        [WAYPOST__SYSTEM_KIND__ALERT_RAISED] = event_derive,
        [WAYPOST__SYSTEM_KIND__PAYLOAD_ERASED] = event_derive,
        [WAYPOST__SYSTEM_KIND__RETURNED_TO_SENDER] = event_derive,
        [WAYPOST__SYSTEM_KIND__CODE_SUPERSEDED] = event_derive,
        [WAYPOST__SYSTEM_KIND__DEADLINE_SET] = clock_derive,
        [WAYPOST__SYSTEM_KIND__DEADLINE_WARNING] = clock_derive,
        [WAYPOST__SYSTEM_KIND__DEADLINE_STOPPED] = clock_derive,
        [WAYPOST__SYSTEM_KIND__DEADLINE_BREACHED] = clock_derive,
        [WAYPOST__SYSTEM_KIND__BREACH_SUPERSEDED] = clock_derive,
        [WAYPOST__SYSTEM_KIND__RESPONSIBILITY_TRANSFERRED] = responsibility_derive,
        [WAYPOST__SYSTEM_KIND__RECORDS_MERGED] = merge_derive,
    };
    size_t kind = (size_t)derived->kind;

    if (kind < sizeof self->counts.derived / sizeof self->counts.derived[0]) {
        self->counts.derived[kind]++;
    }
    if (kind < sizeof functions / sizeof functions[0] && functions[kind] != NULL) {
        functions[kind](self, derived, derived->detail == NULL ? "" : derived->detail);
    }
}

static int derived_apply(void *context, const Waypost__Derived *derived)
{
    ledger_t *self = context;

    if (derived->kind == WAYPOST__SYSTEM_KIND__BATCH_VOIDED && derived->has_leaf_index) {
        void_batch(self, derived->leaf_index);
    }
    ledger_derive(self, derived);
    return 0;
}

/* ---- a record ---- */

static int input_apply(ledger_t *self, const struct record *record)
{
    struct cursor in = cursor_of(record->body);
    uint32_t kind = take_u32(&in);

    self->counts.registers += kind == INPUT_REGISTER;
    self->counts.procedures += kind == INPUT_PROCEDURES;
    return in.failed ? E_CORRUPT : 0;
}

/* Its bytes are gone at one holder at least; each of them that says so stands in a record of its own. */
static int erased_apply(ledger_t *self, const struct record *record)
{
    struct erase_body body;

    if (erase_body_read(record->body, &body) != 0) {
        return E_CORRUPT;
    }
    struct ledger_event *event = table16_get(&self->events_by_id, body.event);
    if (event != NULL) {
        event->payload_erased = true;
    }
    return 0;
}

int ledger_record(ledger_t *self, const struct record *record)
{
    self->counts.records++;
    switch (record->type) {
    case RECORD_BATCH:
        return batch_apply(self, record);
    case RECORD_INPUT:
        return input_apply(self, record);
    case RECORD_JUDGED:
        return judged_apply(self, record);
    case RECORD_ACK:
        self->counts.acknowledgements++;
        return 0;
    case RECORD_ACKED:
        return acked_walk(record->body, acknowledged, self) ? 0 : E_CORRUPT;
    case RECORD_PAYLOAD_ERASED:
        return erased_apply(self, record);
    case RECORD_DERIVED:
        return derived_walk(self->arena, record->body, derived_apply, self);
    default:
        return 0;
    }
}

/* ---- what is asked ---- */

const struct ledger_counts *ledger_counts(const ledger_t *self)
{
    return &self->counts;
}

size_t ledger_event_count(const ledger_t *self)
{
    return self->events.count;
}

const struct ledger_event *ledger_event_at(const ledger_t *self, size_t index)
{
    return self->events.items[index];
}

const struct ledger_event *ledger_event_of(const ledger_t *self, const uint8_t *id)
{
    return table16_get(&self->events_by_id, id);
}

size_t ledger_transfer_count(const ledger_t *self)
{
    return self->transfers.count;
}

const struct ledger_transfer *ledger_transfer_at(const ledger_t *self, size_t index)
{
    return self->transfers.items[index];
}

const struct ledger_transfer *ledger_transfer_of(const ledger_t *self, const uint8_t *id)
{
    return table16_get(&self->transfers_by_id, id);
}

size_t ledger_clock_count(const ledger_t *self)
{
    return self->clocks.count;
}

const struct ledger_clock *ledger_clock_at(const ledger_t *self, size_t index)
{
    return self->clocks.items[index];
}

size_t ledger_child_count(const ledger_t *self)
{
    return self->children.count;
}

const struct ledger_child *ledger_child_at(const ledger_t *self, size_t index)
{
    return self->children.items[index];
}

const struct ledger_child *ledger_child_of(const ledger_t *self, const uint8_t *ref)
{
    return child_root(self, ref);
}

const struct ledger_child *ledger_child_named(const ledger_t *self, const uint8_t *ref)
{
    return child_find(self, ref);
}

const char *ledger_owner(const ledger_t *self, const uint8_t *ref)
{
    const struct ledger_child *child = child_root(self, ref);

    return child == NULL || child->owner_count == 0 ? ""
                                                    : child->owners[child->owner_count - 1].code;
}
