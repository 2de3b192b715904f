/*
 * network_model: see network_model.h. Nothing in the model fails but what a scenario asks wrongly
 * (opening what is not there), which is returned; what cannot be is asserted.
 */
#include "client/lab/network_model.h"

#include <stdlib.h>
#include <string.h>

#include "client/lab/member.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/crypto/hash.h"

#include "common/base/banned.h"

/* A recipient of an event, after routing. */
struct delivery {
    struct member *member; /* lent */
    bool persisted;
    bool has_payload;
};

/* What the model knows of an event beyond its bytes. */
struct event_state {
    enum event_fate fate;
    bool withheld, self_addressed;
    bool sender_has, broker_has; /* the sealed part */
    bool erase_asked, erase_begun;
    size_t delivery_count;
    struct delivery *deliveries; /* owned */
    size_t viewer_count, viewer_capacity;
    struct member **viewers;   /* owned list of lent members: whoever knows the event */
    struct index_list entries; /* of the journal, about it */
};

struct network_model {
    const scenario_t *scenario;
    bool keep_records;
    bool up;
    int64_t now_ms;
    struct journal_model journal;
    engine_t *engine; /* the broker's */
    struct record_log log;
    bool recovering;            /* what is folded again was recorded before */
    uint32_t accepting;         /* event being folded, SCENARIO_NONE */
    struct event_state *events; /* owned, one an event */
    size_t member_count, member_capacity;
    struct member **members;           /* owned, by code */
    struct member *hub;                /* owned */
    struct index_list *recorded_alone; /* owned, one a transfer: self-addressed events */
};

typedef struct network_model model_t;

/* ---- the broker's engine ---- */

static void take_record(void *context, const struct engine_record *record)
{
    model_t *self = context;

    if (self->recovering) {
        return;
    }
    if (self->accepting != SCENARIO_NONE && strcmp(record->kind, "payload_withheld") == 0) {
        self->events[self->accepting].withheld = true;
    }
    record_log_add(&self->log, record);
}

/* ---- members ---- */

static struct member *member_of(model_t *self, const char *code)
{
    size_t low = 0;
    size_t high = self->member_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(code, self->members[middle]->code);
        if (order == 0) {
            return self->members[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    self->members = mem_grow(
        self->members, self->member_count, &self->member_capacity, sizeof(struct member *));
    memmove(self->members + low + 1, self->members + low,
        (self->member_count - low) * sizeof(struct member *));
    self->members[low] =
        member_new(&self->journal, code, self->keep_records || self->scenario->wants_view_records);
    self->members[low]->linked = self->up;
    self->members[low]->now_ms = self->now_ms;
    self->member_count++;
    return self->members[low];
}

static void deliver(struct member *member, uint32_t entry)
{
    if (member->linked) {
        member_take(member, entry);
    } else {
        index_list_add(&member->waiting, entry);
    }
}

static void viewer_add(struct event_state *state, struct member *member)
{
    for (size_t i = 0; i < state->viewer_count; i++) {
        if (state->viewers[i] == member) {
            return;
        }
    }
    if (state->viewer_count == state->viewer_capacity) { /* few; a year has a million of these */
        state->viewer_capacity = state->viewer_capacity == 0 ? 4 : state->viewer_capacity * 2;
        state->viewers =
            mem_resize(state->viewers, state->viewer_capacity, sizeof(struct member *));
    }
    state->viewers[state->viewer_count++] = member;
}

static const char *code_of_event(const model_t *self, uint32_t event)
{
    return self->scenario->events[event].from;
}

/* How far somebody is with an event is told to its sender, and to no other recipient (docs/PROTOCOL.md, S-11). */
static bool is_told(const model_t *self, const struct entry *entry, const struct member *member)
{
    bool level = entry->kind == ENTRY_PERSISTED || entry->kind == ENTRY_OPENED;

    return !level || strcmp(member->code, entry->party) == 0 ||
        strcmp(member->code, code_of_event(self, entry->event)) == 0;
}

/* Journal an entry about an event and tell it to whoever is to know, and to the hub. */
static void commit_and_tell(model_t *self, const struct entry *entry)
{
    struct event_state *state = &self->events[entry->event];
    uint32_t index = journal_model_add(&self->journal, entry);

    (void)journal_model_fold(&self->journal, self->engine, entry, false);
    index_list_add(&state->entries, index);
    for (size_t i = 0; i < state->viewer_count; i++) {
        if (is_told(self, entry, state->viewers[i])) {
            deliver(state->viewers[i], index);
        }
    }
    deliver(self->hub, index);
}

/* ---- acceptance ---- */

static bool shares_child(const struct scenario_event *a, const struct scenario_event *b)
{
    for (uint32_t i = 0; i < a->child_count; i++) {
        for (uint32_t k = 0; k < b->child_count; k++) {
            if (a->children[i] == b->children[k]) {
                return true;
            }
        }
    }
    return false;
}

static bool knows(const struct event_state *state, const struct member *member)
{
    for (size_t i = 0; i < state->viewer_count; i++) {
        if (state->viewers[i] == member) {
            return true;
        }
    }
    return false;
}

static bool is_member(const model_t *self, const char *code, const struct member *member)
{
    const char *today =
        procedures_route(self->scenario->procedures, code, civil_london_day(self->now_ms));

    return today != NULL && strcmp(today, member->code) == 0;
}

/* D49: what others have recorded for themselves about these children goes with the event, to a party of the transfer. */
static void disclose(model_t *self, uint32_t event, struct member *to)
{
    const struct scenario_event *told = &self->scenario->events[event];
    const struct scenario_transfer *transfer = &self->scenario->transfers[told->transfer];
    const struct index_list *alone = &self->recorded_alone[told->transfer];

    if (!is_member(self, transfer->origin, to) && !is_member(self, transfer->receiving, to)) {
        return;
    }

    for (size_t i = 0; i < alone->count; i++) {
        struct event_state *state = &self->events[alone->items[i]];
        if (knows(state, to) || !shares_child(told, &self->scenario->events[alone->items[i]])) {
            continue;
        }
        viewer_add(state, to);
        for (size_t k = 0; k < state->entries.count; k++) {
            if (is_told(self, &self->journal.entries[state->entries.items[k]], to)) {
                deliver(to, state->entries.items[k]);
            }
        }
    }
}

/* Every code that it names is the sender's own. */
static bool is_self_addressed(model_t *self, uint32_t event)
{
    const struct event_view *view = journal_model_read(&self->journal, event);
    int32_t today = civil_london_day(self->now_ms);

    for (size_t i = 0; i < view->recipient_count; i++) {
        const char *code = procedures_route(self->scenario->procedures, view->to[i].code, today);
        if (code == NULL || strcmp(code, code_of_event(self, event)) != 0) {
            return false;
        }
    }
    return true;
}

static void persist(model_t *self, uint32_t event, struct delivery *delivery)
{
    struct event_state *state = &self->events[event];

    delivery->persisted = true;
    delivery->has_payload = state->broker_has && !state->withheld;
    commit_and_tell(self,
        &(struct entry){.kind = ENTRY_PERSISTED,
            .event = event,
            .at_ms = self->now_ms,
            .recorded_ms = self->now_ms,
            .party = delivery->member->code});
}

static void set_recipients(model_t *self, uint32_t event)
{
    struct event_state *state = &self->events[event];
    const char *codes[RECIPIENTS_MAX];
    size_t count = engine_recipients(self->engine, self->scenario->events[event].id, codes);

    state->deliveries = mem_new(count + 1, sizeof *state->deliveries);
    for (size_t i = 0; i < count; i++) {
        struct member *member = member_of(self, codes[i]);
        state->deliveries[state->delivery_count++] = (struct delivery){.member = member};
    }
}

static void distribute(model_t *self, uint32_t event, uint32_t entry, struct member *sender)
{
    struct event_state *state = &self->events[event];

    viewer_add(state, sender);
    deliver(sender, entry);
    deliver(self->hub, entry);
    for (size_t i = 0; i < state->delivery_count; i++) {
        struct delivery *delivery = &state->deliveries[i];
        disclose(self, event, delivery->member);
        viewer_add(state, delivery->member);
        deliver(delivery->member, entry);
    }
    for (size_t i = 0; i < state->delivery_count; i++) {
        if (state->deliveries[i].member->linked) {
            persist(self, event, &state->deliveries[i]);
        }
    }
}

static void repeat(model_t *self, uint32_t event)
{
    const struct entry entry = {.kind = ENTRY_DUPLICATE,
        .event = event,
        .at_ms = self->now_ms,
        .recorded_ms = self->now_ms,
        .party = code_of_event(self, event)};
    uint32_t index = journal_model_add(&self->journal, &entry);

    (void)journal_model_fold(&self->journal, self->engine, &entry, false);
    deliver(self->hub, index);
}

/* An event reaches the broker. */
static void accept(model_t *self, uint32_t event, struct member *sender)
{
    struct event_state *state = &self->events[event];
    const struct entry entry = {.kind = ENTRY_EVENT,
        .event = event,
        .at_ms = self->now_ms,
        .recorded_ms = self->now_ms,
        .party = sender->code};

    if (state->fate == FATE_ACCEPTED) {
        repeat(self, event);
        return;
    }
    self->accepting = event;
    int rc = journal_model_fold(&self->journal, self->engine, &entry, false);
    self->accepting = SCENARIO_NONE;
    if (rc == E_MODE) {
        state->fate = FATE_TURNED_AWAY; /* at the door: not journalled, nobody learns of it (R53) */
        return;
    }
    assert(rc == 0);
    uint32_t index = journal_model_add(&self->journal, &entry);
    index_list_add(&state->entries, index);
    state->fate = FATE_ACCEPTED;
    state->broker_has = state->sender_has;
    set_recipients(self, event);
    state->self_addressed = is_self_addressed(self, event);
    if (state->self_addressed) {
        index_list_add(&self->recorded_alone[self->scenario->events[event].transfer], event);
    }
    distribute(self, event, index, sender);
}

/* ---- erasing ---- */

static void erased(model_t *self, uint32_t event, const char *holder)
{
    commit_and_tell(self,
        &(struct entry){.kind = ENTRY_ERASED,
            .event = event,
            .at_ms = self->now_ms,
            .recorded_ms = self->now_ms,
            .party = holder});
}

/*
 * The withdrawal reaches the broker: its own copy goes, then those of the recipients that are
 * linked.
 */
static void erase_everywhere(model_t *self, uint32_t event)
{
    struct event_state *state = &self->events[event];

    if (state->fate != FATE_ACCEPTED || state->erase_begun) {
        return;
    }
    state->erase_begun = true;
    erased(self, event, code_of_event(self, event));
    state->broker_has = false;
    erased(self, event, "broker");
    for (size_t i = 0; i < state->delivery_count; i++) {
        struct delivery *delivery = &state->deliveries[i];
        if (!delivery->has_payload) {
            continue;
        }
        if (!delivery->member->linked) {
            index_list_add(&delivery->member->erasures, event);
            continue;
        }
        delivery->has_payload = false;
        erased(self, event, delivery->member->code);
    }
}

static void confirm_erasures(model_t *self, struct member *member)
{
    for (size_t i = 0; i < member->erasures.count; i++) {
        uint32_t event = member->erasures.items[i];
        struct event_state *state = &self->events[event];
        for (size_t k = 0; k < state->delivery_count; k++) {
            struct delivery *delivery = &state->deliveries[k];
            if (delivery->member == member && delivery->has_payload) {
                delivery->has_payload = false;
                erased(self, event, member->code);
            }
        }
    }
    member->erasures.count = 0;
}

/* ---- cut off and back ---- */

static void opened(model_t *self, const struct member *member, const struct outgoing *outgoing)
{
    commit_and_tell(self,
        &(struct entry){.kind = ENTRY_OPENED,
            .event = outgoing->event,
            .at_ms = outgoing->at_ms,
            .recorded_ms = self->now_ms,
            .party = member->code,
            .role = outgoing->role,
            .team = outgoing->team});
}

/* What people opened first, as agents tell it; then the outbox in order. */
static void hand_over(model_t *self, struct member *member)
{
    for (size_t i = 0; i < member->outgoing_count; i++) {
        if (member->outgoing[i].kind == OUTGOING_OPENED) {
            opened(self, member, &member->outgoing[i]);
        }
    }
    for (size_t i = 0; i < member->outgoing_count; i++) {
        const struct outgoing *outgoing = &member->outgoing[i];
        if (outgoing->kind == OUTGOING_EVENT) {
            accept(self, outgoing->event, member);
        } else if (outgoing->kind == OUTGOING_ERASE) {
            erase_everywhere(self, outgoing->event);
        }
    }
    member->outgoing_count = 0;
}

static int by_index(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static struct delivery *delivery_to(struct event_state *state, const struct member *member)
{
    for (size_t i = 0; i < state->delivery_count; i++) {
        if (state->deliveries[i].member == member) {
            return &state->deliveries[i];
        }
    }
    return NULL;
}

/* It takes what waits for it, in the journal's order, and acknowledges it. */
static void take_waiting(model_t *self, struct member *member)
{
    struct index_list waiting = member->waiting;

    member->waiting = (struct index_list){0};
    member->linked = true;
    member->dirty = true;
    if (waiting.count > 0) {
        qsort(waiting.items, waiting.count, sizeof *waiting.items, by_index);
    }
    for (size_t i = 0; i < waiting.count; i++) {
        const struct entry entry = self->journal.entries[waiting.items[i]];
        struct delivery *delivery =
            entry.kind == ENTRY_EVENT ? delivery_to(&self->events[entry.event], member) : NULL;
        member_take(member, waiting.items[i]);
        if (delivery != NULL && !delivery->persisted) {
            persist(self, entry.event, delivery);
        }
    }
    index_list_free(&waiting);
}

static void cut(struct member *member)
{
    if (member->linked) {
        member_cut(member);
    }
}

static void set_link(void *context, const char *code, bool up)
{
    model_t *self = context;
    struct member *member = member_of(self, code);

    if (member->online == up) {
        return;
    }
    member->online = up;
    if (!up) {
        cut(member);
    } else if (self->up) {
        hand_over(self, member);
        take_waiting(self, member);
        confirm_erasures(self, member);
        member_return(member);
    }
}

/* Fold the journal again from its start: nothing else has survived. */
static void recover(model_t *self)
{
    engine_destroy(&self->engine);
    self->engine = engine_new(self->scenario->procedures, take_record, self);
    self->recovering = true;
    for (size_t i = 0; i < self->journal.count; i++) {
        (void)journal_model_fold(&self->journal, self->engine, &self->journal.entries[i], false);
    }
    self->recovering = false;
}

static void advance_broker(model_t *self)
{
    if (engine_next_ms(self->engine) <= self->now_ms) {
        (void)journal_model_add(&self->journal,
            &(struct entry){
                .kind = ENTRY_TIME, .at_ms = self->now_ms, .recorded_ms = self->now_ms});
    }
    engine_advance(self->engine, self->now_ms);
}

static void start_broker(model_t *self)
{
    self->up = true;
    recover(self);
    advance_broker(self);
    self->hub->linked = true;
    member_advance(self->hub, self->now_ms);
    for (size_t i = 0; i < self->member_count; i++) {
        if (self->members[i]->online) {
            hand_over(self, self->members[i]);
        }
    }
    for (size_t i = 0; i < self->member_count; i++) {
        if (self->members[i]->online) {
            take_waiting(self, self->members[i]);
        }
    }
    for (size_t i = 0; i < self->member_count; i++) {
        if (self->members[i]->online) {
            confirm_erasures(self, self->members[i]);
        }
    }
    for (size_t i = 0; i < self->member_count; i++) {
        if (self->members[i]->online) {
            member_return(self->members[i]);
        }
    }
}

static void set_broker(void *context, bool up)
{
    model_t *self = context;

    if (self->up == up) {
        return;
    }
    if (up) {
        start_broker(self);
        return;
    }
    self->up = false;
    self->hub->linked = false;
    for (size_t i = 0; i < self->member_count; i++) {
        cut(self->members[i]);
    }
}

/* ---- what happens ---- */

static void advance(void *context, int64_t now_ms)
{
    model_t *self = context;

    self->now_ms = now_ms;
    if (self->up) {
        advance_broker(self);
    }
    member_advance(self->hub, now_ms); /* an agent as the others: cut off, it runs its own clocks */
    for (size_t i = 0; i < self->member_count; i++) {
        member_advance(self->members[i], now_ms);
    }
}

static void publish(void *context, uint32_t event, bool again)
{
    model_t *self = context;
    struct event_state *state = &self->events[event];
    struct member *sender = member_of(self, code_of_event(self, event));

    if (!again) {
        state->sender_has = self->scenario->events[event].payload.len > 0;
    }
    if (sender->linked) {
        accept(self, event, sender);
        return;
    }
    member_put_out(
        sender, &(struct outgoing){.kind = OUTGOING_EVENT, .event = event, .at_ms = self->now_ms});
    if (!again) {
        member_fold_own(sender,
            &(struct entry){.kind = ENTRY_EVENT,
                .event = event,
                .at_ms = self->now_ms,
                .recorded_ms = self->now_ms,
                .party = sender->code});
    }
}

/* Persisted there, or at an authority in whose place this one now stands (D35). */
static bool can_open(const model_t *self, const struct member *member, uint32_t event)
{
    const struct event_state *state = &self->events[event];
    int32_t today = civil_london_day(self->now_ms);

    for (size_t i = 0; i < state->delivery_count; i++) {
        const struct delivery *delivery = &state->deliveries[i];
        const char *now =
            procedures_route(self->scenario->procedures, delivery->member->code, today);
        if (delivery->persisted &&
            (delivery->member == member || (now != NULL && strcmp(now, member->code) == 0))) {
            return true;
        }
    }
    return false;
}

static int open_event(
    void *context, const char *code, uint32_t event, const char *role, const char *team)
{
    model_t *self = context;
    struct member *member = member_of(self, code);
    const struct outgoing outgoing = {
        .kind = OUTGOING_OPENED, .event = event, .at_ms = self->now_ms, .role = role, .team = team};

    if (!can_open(self, member, event)) {
        return E_STATE;
    }
    if (member->linked) {
        opened(self, member, &outgoing);
        return 0;
    }
    member_put_out(member, &outgoing);
    member_fold_own(member,
        &(struct entry){.kind = ENTRY_OPENED,
            .event = event,
            .at_ms = self->now_ms,
            .recorded_ms = self->now_ms,
            .party = member->code,
            .role = role,
            .team = team});
    return 0;
}

static void erase(void *context, uint32_t event)
{
    model_t *self = context;
    struct event_state *state = &self->events[event];
    struct member *sender = member_of(self, code_of_event(self, event));

    if (state->erase_asked || self->scenario->events[event].payload.len == 0) {
        return;
    }
    state->erase_asked = true;
    state->sender_has = false;
    if (sender->linked) {
        erase_everywhere(self, event);
    } else {
        member_put_out(sender,
            &(struct outgoing){.kind = OUTGOING_ERASE, .event = event, .at_ms = self->now_ms});
    }
}

/* ---- what is asked ---- */

static const engine_t *engine_seen(void *context, const char *view)
{
    model_t *self = context;

    return view == NULL ? self->engine : member_engine(member_of(self, view));
}

static const engine_t *hub_seen(void *context)
{
    return member_engine(((model_t *)context)->hub);
}

static void records_seen(void *context, const char *view,
    void (*visit)(void *context, const struct log_record *record), void *visit_context)
{
    model_t *self = context;

    if (view == NULL) {
        record_log_visit(&self->log, visit, visit_context);
        return;
    }
    struct member *member = member_of(self, view);
    (void)member_engine(member);
    record_log_visit(&member->log, visit, visit_context);
    record_log_visit(&member->own, visit, visit_context);
}

static bool believes(
    void *context, const char *view, const uint8_t *subject, const char *clock, int64_t runs_out_ms)
{
    return member_believes(member_of(context, view), subject, clock, runs_out_ms);
}

static uint64_t pending(void *context, const char *code)
{
    model_t *self = context;
    const struct member *member = member_of(self, code);
    uint64_t count = 0;

    for (size_t i = 0; i < member->waiting.count; i++) {
        const struct entry *entry = &self->journal.entries[member->waiting.items[i]];
        const struct delivery *delivery =
            entry->kind == ENTRY_EVENT ? delivery_to(&self->events[entry->event], member) : NULL;
        count += delivery != NULL && !delivery->persisted ? 1 : 0;
    }
    return count;
}

static enum event_fate fate_of(void *context, uint32_t event)
{
    return ((model_t *)context)->events[event].fate;
}

static bool commitment_fits(model_t *self, uint32_t event)
{
    const struct event_view *view = journal_model_read(&self->journal, event);
    struct hash hash =
        hash_of("waypost/ciphertext/1", self->scenario->events[event].payload, slice_of(NULL, 0));

    return view->has_payload && memcmp(&hash, &view->commitment.ciphertext_hash, sizeof hash) == 0;
}

static void count_copy(struct payload_seen *seen, bool has, const char *holder)
{
    if (has) {
        seen->copies++;
        seen->holder = holder;
    }
}

static struct payload_seen payload_of(void *context, uint32_t event)
{
    model_t *self = context;
    const struct event_state *state = &self->events[event];
    struct payload_seen seen = {.exists = self->scenario->events[event].payload.len > 0,
        .withheld = state->withheld,
        .erase_asked = state->erase_asked};

    count_copy(&seen, state->sender_has, code_of_event(self, event));
    count_copy(&seen, state->broker_has, "broker");
    for (size_t i = 0; i < state->delivery_count; i++) {
        count_copy(&seen, state->deliveries[i].has_payload, state->deliveries[i].member->code);
    }
    seen.commitment_fits = seen.exists && commitment_fits(self, event);
    return seen;
}

static bool converged(void *context, struct buf *why)
{
    model_t *self = context;
    bool all = true;

    for (size_t i = 0; i <= self->member_count; i++) {
        struct member *member = i < self->member_count ? self->members[i] : self->hub;
        if (!member_converged(member)) {
            buf_put_text(why, "%s%s differs from the fold of what it was told", all ? "" : ", ",
                member->code);
            all = false;
        }
    }
    return all;
}

static void replay_record(void *context, const struct engine_record *record)
{
    record_log_add(context, record);
}

static bool replays(void *context, struct buf *why)
{
    model_t *self = context;
    struct record_log log;

    record_log_init(&log, false);
    engine_t *fresh = engine_new(self->scenario->procedures, replay_record, &log);
    for (size_t i = 0; i < self->journal.count; i++) {
        (void)journal_model_fold(&self->journal, fresh, &self->journal.entries[i], false);
    }
    if (self->up) {
        engine_advance(fresh, self->now_ms);
    }
    struct hash again = engine_hash(fresh);
    struct hash first = engine_hash(self->engine);
    bool same_state = memcmp(&again, &first, sizeof again) == 0;
    bool same_records = log.count == self->log.count && log.digest == self->log.digest;
    if (!same_state) {
        buf_put_text(why, "another state hash after replay");
    } else if (!same_records) {
        buf_put_text(why, "the same state, but %zu records in place of %zu, or others", log.count,
            self->log.count);
    }
    engine_destroy(&fresh);
    record_log_free(&log);
    return same_state && same_records;
}

static const struct record_log *log_seen(void *context)
{
    return &((model_t *)context)->log;
}

/* ---- life ---- */

static void destroy(void **self_p)
{
    model_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (uint32_t i = 0; i < self->scenario->event_count; i++) {
        free(self->events[i].deliveries);
        free(self->events[i].viewers);
        index_list_free(&self->events[i].entries);
    }
    for (uint32_t i = 0; i < self->scenario->transfer_count; i++) {
        index_list_free(&self->recorded_alone[i]);
    }
    for (size_t i = 0; i < self->member_count; i++) {
        member_destroy(&self->members[i]);
    }
    member_destroy(&self->hub);
    engine_destroy(&self->engine);
    record_log_free(&self->log);
    journal_model_free(&self->journal);
    free(self->members);
    free(self->events);
    free(self->recorded_alone);
    free(self);
    *self_p = NULL;
}

struct rehearsal_network network_model_new(const scenario_t *scenario, bool keep_records)
{
    model_t *self = mem_new(1, sizeof *self);

    self->scenario = scenario;
    self->keep_records = keep_records;
    self->up = true;
    self->accepting = SCENARIO_NONE;
    journal_model_init(&self->journal, scenario);
    record_log_init(&self->log, keep_records || scenario->wants_records);
    self->engine = engine_new(scenario->procedures, take_record, self);
    self->events = mem_new(scenario->event_count + 1, sizeof *self->events);
    self->recorded_alone = mem_new(scenario->transfer_count + 1, sizeof *self->recorded_alone);
    self->hub = member_new(&self->journal, "hub", false);
    return (struct rehearsal_network){.self = self,
        .destroy = destroy,
        .advance = advance,
        .publish = publish,
        .open = open_event,
        .link = set_link,
        .broker = set_broker,
        .erase = erase,
        .engine = engine_seen,
        .hub = hub_seen,
        .records = records_seen,
        .believes = believes,
        .pending = pending,
        .fate = fate_of,
        .payload = payload_of,
        .converged = converged,
        .replays = replays,
        .log = log_seen};
}
