/*
 * erasing: sealed payloads are destroyed. What was asked for here is signed and said to the broker; an order that comes
 * in the stream is believed only by the signature of the sender's authority or of an operator, and then ciphertext,
 * wraps and plain bytes go from the database, in the transaction that remembers the entry. The confirmation is said
 * when they are gone from the files as well (S-29 to S-32). One statement is under way at a time; what was not answered
 * is said again in the next session.
 */
#include <stdlib.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "client/agent/cases.h"
#include "client/agent/erasing.h"
#include "client/agent/store_evidence.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

enum { ERASE_WAIT_MS = 5000, DUE_LIST_MAX = 1000, KINDS_MAX = 128 };

/* ---- saying it ---- */

static bool leaf_of(agent_core_t *self, const uint8_t *event, uint64_t *leaf)
{
    struct outbox_row row;
    struct batch_row batch = {0};

    if (store_outbox(self->store, event, &row) != 0) {
        return false;
    }
    bool found = row.batch != 0 && store_batch(self->store, row.batch, &batch) == 0;
    *leaf = batch.leaf_index;
    batch_row_free(&batch);
    outbox_row_free(&row);
    return found;
}

static void say(agent_core_t *self, Waypost__EraseStatement *statement)
{
    const struct keys *keys = book_signing_keys(self);
    Waypost__Signed message = WAYPOST__SIGNED__INIT;
    Waypost__Erase erase = WAYPOST__ERASE__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct buf bytes = {0};

    if (keys == NULL) {
        return; /* the alarm about keys has been raised */
    }
    hash_key_id(keys->sign_public, key_id);
    statement->network = (char *)(uintptr_t)self->options.network;
    statement->agent = (char *)(uintptr_t)self->options.agent;
    statement->key_id = binary_of(slice_of(key_id, sizeof key_id));
    statement->event = binary_of(slice_of(self->erase_event, UUID_BYTES));
    message_encode(&statement->base, &bytes);
    sign_make(SIGN_CONTEXT_ERASE, buf_slice(&bytes), keys->sign_secret, signature);
    message.statement = binary_of(buf_slice(&bytes));
    message.signature = binary_of(slice_of(signature, sizeof signature));
    self->erase_request = ++self->last_request;
    self->erase_is_demand = statement->act == WAYPOST__ERASE_ACT__ERASE_DEMANDED;
    erase.request = self->erase_request;
    erase.said = &message;
    frame.body_case = WAYPOST__FRAME__BODY_ERASE;
    frame.erase = &erase;
    (void)agent_send(self, &frame);
    buf_free(&bytes);
}

static bool say_demand(agent_core_t *self)
{
    Waypost__EraseStatement statement = WAYPOST__ERASE_STATEMENT__INIT;
    struct erasure_row row;
    uint64_t leaf = 0;

    if (store_erasure_next(self->store, &row) != 0) {
        return false;
    }
    memcpy(self->erase_event, row.event, UUID_BYTES);
    statement.act = WAYPOST__ERASE_ACT__ERASE_DEMANDED;
    statement.at_ms = row.asked_ms;
    statement.has_reason = row.reason != 0;
    statement.reason = (Waypost__EraseReason)row.reason;
    statement.has_leaf_index = leaf_of(self, row.event, &leaf);
    statement.leaf_index = leaf;
    say(self, &statement);
    return true;
}

void erasing_unsent(agent_core_t *self, const uint8_t *event)
{
    if (store_erase_refused(self->store, event)) {
        self->erase_wanted = self->scrub_wanted = true;
    }
}

/* PROMISE 8: nothing is said to be gone that could still be read from a file. */
static bool say_done(agent_core_t *self)
{
    Waypost__EraseStatement statement = WAYPOST__ERASE_STATEMENT__INIT;
    int64_t at_ms = 0;

    if (store_destroyed_next(self->store, self->erase_event, &at_ms) != 0) {
        return false;
    }
    statement.act = WAYPOST__ERASE_ACT__ERASE_DONE;
    statement.at_ms = at_ms;
    say(self, &statement);
    return true;
}

/* Out of the database's log too. True where nothing is left to do; before it nobody is told that it is done. */
static bool scrub(agent_core_t *self)
{
    if (self->scrub_wanted && agent_mono(self) >= self->erase_at_ms) {
        self->scrub_wanted = store_scrub(self->store) != 0;
        self->erase_at_ms = self->scrub_wanted ? agent_mono(self) + ERASE_WAIT_MS : 0;
    }
    return !self->scrub_wanted;
}

void erasing_pump(agent_core_t *self)
{
    if (!scrub(self) || self->state != SESSION_OPEN || !self->settled ||
        self->publish_stopped != 0 || self->restoring || self->erase_request != 0 ||
        !self->erase_wanted || agent_mono(self) < self->erase_at_ms) {
        return;
    }
    self->erase_wanted = say_demand(self) || say_done(self) || agent_mono(self) < self->erase_at_ms;
}

void erasing_session(agent_core_t *self)
{
    self->erase_request = 0;
    self->erase_wanted = true;
    self->scrub_wanted = true; /* whatever was destroyed before a crash is scrubbed once more */
    self->erase_at_ms = 0;
}

void erasing_erased(agent_core_t *self, const Waypost__Erased *erased)
{
    if (self->erase_request == 0 || erased->request != self->erase_request) {
        return;
    }
    self->erase_request = 0;
    struct erasure_row row;
    store_begin(self->store);
    if (!self->erase_is_demand) {
        store_destroyed_said(self->store, self->erase_event);
    } else if (store_erasure(self->store, self->erase_event, &row) == 0 &&
        row.state == ERASURE_WANTED) { /* the order may have come before the answer */
        store_erasure_state(self->store, self->erase_event, ERASURE_BEGUN, 0);
    }
    (void)agent_commit(self);
}

/* True where the refusal was of an erasure. */
bool erasing_refused(agent_core_t *self, const Waypost__Refused *refused)
{
    int code = refused->code > INT32_MAX ? E_MALFORMED : -(int)refused->code;
    char text[UUID_TEXT_BYTES];

    if (self->erase_request == 0 || refused->request != self->erase_request) {
        return false;
    }
    self->erase_request = 0;
    if (code == E_BUSY || code == E_FULL || code == E_KEY || code == E_IO) {
        self->erase_at_ms = agent_mono(self) + ERASE_WAIT_MS;
        return true;
    }
    uuid_format(self->erase_event, text);
    store_begin(self->store);
    if (self->erase_is_demand) {
        store_erasure_state(self->store, self->erase_event, ERASURE_REFUSED, code);
        agent_alarm(self, "erasure_refused", "the erasure of event %s was refused: %.200s", text,
            refused->text);
    } else { /* nobody waits for this word */
        store_destroyed_said(self->store, self->erase_event);
    }
    (void)agent_commit(self);
    return true;
}

/* ---- what the stream says ---- */

/* Is that word signed by the agent it names, with a key that counts? 0, E_STALE_REGISTER, or why not. */
static int check_said(agent_core_t *self, const Waypost__Derived *record, int64_t recorded_ms,
    const Waypost__EraseStatement **out, const struct register_agent **agent)
{
    if (record->said == NULL) {
        return E_SIGNATURE;
    }
    struct slice bytes = slice_of_binary(record->said->statement);
    const Waypost__EraseStatement *said =
        message_decode(self->inner, &waypost__erase_statement__descriptor, bytes);
    if (said == NULL || said->key_id.len != KEY_ID_BYTES || said->event.len != UUID_BYTES ||
        !record->has_event || record->event.len != UUID_BYTES ||
        memcmp(said->event.data, record->event.data, UUID_BYTES) != 0 ||
        strcmp(said->network, self->options.network) != 0) {
        return E_SIGNATURE;
    }
    *agent = register_agent_of(self->book, said->agent);
    const struct register_key *key =
        *agent == NULL ? NULL : register_key_of(*agent, REGISTER_KEY_SIGN, said->key_id.data);
    if (key == NULL) {
        return self->register_old ? E_STALE_REGISTER : E_KEY;
    }
    int rc = register_key_valid(*agent, key, recorded_ms);
    if (rc == 0) {
        rc = sign_check(
            SIGN_CONTEXT_ERASE, bytes, slice_of_binary(record->said->signature), key->key);
    }
    *out = said;
    return rc;
}

/* The authority that sent an event, as the event's own signed bytes say; "" where it is not here. */
static void sender_of(agent_core_t *self, const uint8_t *event, char *from)
{
    struct inbox_row in;
    struct outbox_row own;
    struct event_view view;

    from[0] = '\0';
    if (store_inbox(self->store, event, &in) == 0) {
        memcpy(from, in.from, CODE_BYTES + 1);
        inbox_row_free(&in);
    } else if (store_outbox(self->store, event, &own) == 0) {
        if (own.bytes.len > 0 && event_read(buf_slice(&own.bytes), &view, NULL) == 0) {
            memcpy(from, view.from, sizeof view.from);
        }
        outbox_row_free(&own);
    }
}

static bool may_demand(agent_core_t *self, const uint8_t *event, const struct register_agent *agent)
{
    char from[CODE_BYTES + 1];

    if (register_agent_has_role(agent, REGISTER_ROLE_OPERATOR)) {
        return true;
    }
    sender_of(self, event, from);
    return from[0] == '\0' || register_agent_speaks_for(agent, from);
}

static void note_holders(agent_core_t *self, const uint8_t *event, const Waypost__Derived *record)
{
    for (size_t i = 0; i < record->n_told; i++) {
        const struct register_agent *agent = register_agent_of(self->book, record->told[i]);
        if (agent == NULL || register_agent_has_role(agent, REGISTER_ROLE_AUTHORITY)) {
            store_holder_add(self->store, event, record->told[i]);
        }
    }
}

static int take_order(agent_core_t *self, const struct told_record *entry)
{
    const Waypost__Derived *record = entry->record;
    const Waypost__EraseStatement *said = NULL;
    const struct register_agent *agent = NULL;

    int rc = check_said(self, record, entry->recorded_ms, &said, &agent);
    if (rc == 0 &&
        (said->act != WAYPOST__ERASE_ACT__ERASE_DEMANDED ||
            !may_demand(self, said->event.data, agent))) {
        rc = E_NOT_ALLOWED;
    }
    if (rc != 0) {
        return rc;
    }
    struct erasure_row row = {
        .reason = said->has_reason ? (uint32_t)said->reason : 0, .asked_ms = said->at_ms};
    memcpy(row.event, said->event.data, UUID_BYTES);
    agent_copy_text(row.by, sizeof row.by, said->agent);
    store_erasure_ordered(self->store, &row, slice_of_binary(record->said->statement),
        slice_of_binary(record->said->signature), entry->leaf_index);
    note_holders(self, row.event, record);
    if (self->me != NULL && register_agent_has_role(self->me, REGISTER_ROLE_AUTHORITY)) {
        bool any = store_destroy(self->store, row.event, agent_wall(self));
        self->erase_wanted = self->scrub_wanted = true;
        log_info("payload destroyed by=%s here=%s", row.by, any ? "yes" : "nothing held");
    }
    return 0;
}

static int take_confirmation(agent_core_t *self, const struct told_record *entry)
{
    const Waypost__EraseStatement *said = NULL;
    const struct register_agent *agent = NULL;

    int rc = check_said(self, entry->record, entry->recorded_ms, &said, &agent);
    if (rc == 0 && said->act != WAYPOST__ERASE_ACT__ERASE_DONE) {
        rc = E_SIGNATURE;
    }
    if (rc != 0) {
        return rc;
    }
    struct holder_row row = {.done_ms = said->at_ms};
    agent_copy_text(row.agent, sizeof row.agent, said->agent);
    store_holder_done(self->store, said->event.data, &row,
        slice_of_binary(entry->record->said->statement),
        slice_of_binary(entry->record->said->signature), entry->leaf_index);
    return 0;
}

int erasing_record(agent_core_t *self, const struct told_record *entry)
{
    int rc = 0;

    if (entry->record->kind == WAYPOST__SYSTEM_KIND__ERASURE_ORDERED) {
        rc = take_order(self, entry);
    } else if (entry->record->kind == WAYPOST__SYSTEM_KIND__HOLDER_ERASED) {
        rc = take_confirmation(self, entry);
    }
    if (rc != 0 && rc != E_STALE_REGISTER) {
        agent_alarm(self, "bad_erasure",
            "an erasure that we were told of does not bear the right signature (%s): nothing was "
            "destroyed for it",
            err_name(rc));
        rc = 0;
    }
    return rc;
}

/* ---- standing instructions and lateness, once a minute ---- */

struct sweep {
    agent_core_t *core;
    bool wanted;
};

static void want_due(void *context, const struct due_row *row, bool held_back)
{
    struct sweep *self = context;
    agent_core_t *core = self->core;
    struct erasure_row want = {
        .reason = WAYPOST__ERASE_REASON__ERASE_RETENTION, .asked_ms = agent_wall(core)};

    if (held_back) {
        return;
    }
    memcpy(want.event, row->event, UUID_BYTES);
    agent_copy_text(want.by, sizeof want.by, core->options.agent);
    store_erasure_want(core->store, &want);
    self->wanted = true;
}

static void sweep(agent_core_t *self)
{
    struct sweep sweep = {.core = self};

    store_begin(self->store);
    erasing_due(self, want_due, &sweep);
    if (agent_commit(self) == 0 && sweep.wanted) {
        self->erase_wanted = true;
        log_info("payloads are due by the register's schedule: their erasure is demanded");
    }
}

/* A payload that came as erased, and no order for it within the hour: the broker kept it back. */
static void watch_withheld(agent_core_t *self, int64_t now_ms)
{
    uint8_t event[UUID_BYTES];
    char text[UUID_TEXT_BYTES];

    if (store_erased_without_order(self->store, now_ms - AGENT_GAP_ALARM_MS, event)) {
        uuid_format(event, text);
        agent_alarm(self, "payload_missing",
            "event %s came without its payload, said to be erased, and nobody ordered that: call "
            "the sender and the broker's operator",
            text);
    } else {
        agent_alarm_clear(self, "payload_missing");
    }
}

void erasing_daily(agent_core_t *self)
{
    char agent[AGENT_ID_BYTES_MAX + 1];
    int64_t now_ms = agent_wall(self);
    uint32_t late = store_erasures_late(self->store, now_ms - AGENT_ERASURE_LATE_MS, agent);

    if (late > 0) {
        agent_alarm(self, "erasure_late",
            "%u holders have not confirmed an erasure for over a week, %s among them: waypost "
            "erase --list shows them; telephone",
            late, agent);
    } else {
        agent_alarm_clear(self, "erasure_late");
    }
    watch_withheld(self, now_ms);
    if (self->options.erase_due && self->book != NULL && agent_mono(self) >= self->sweep_at_ms) {
        self->sweep_at_ms = agent_mono(self) + AGENT_DAY_MS;
        sweep(self);
    }
}

/* ---- what is due ---- */

struct due_list {
    struct due_row *rows;
    size_t count;
};

static void collect_due(void *context, const struct due_row *row)
{
    struct due_list *self = context;

    self->rows[self->count++] = *row;
}

static void note_running(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    bool *running = context;

    (void)subject;
    *running = *running || clock->state == CLOCK_RUNNING;
}

/* While a deadline of the transfer runs, what it is about is still needed. */
static bool is_running(const engine_t *engine, const uint8_t *transfer)
{
    bool running = false;

    if (engine != NULL) {
        engine_clocks(engine, transfer, NULL, note_running, &running);
    }
    return running;
}

void erasing_due(agent_core_t *self,
    void (*visit)(void *context, const struct due_row *row, bool held_back), void *context)
{
    uint32_t kinds[KINDS_MAX];
    size_t kind_count = self->book == NULL ? 0 : store_kinds_kept(self->store, kinds, KINDS_MAX);
    struct due_list list = {.rows = mem_new(DUE_LIST_MAX, sizeof *list.rows)};
    int64_t now_ms = agent_wall(self);

    for (size_t i = 0; i < kind_count && list.count < DUE_LIST_MAX; i++) {
        int32_t days = register_retention_days(self->book, kinds[i]);
        if (days >= 0) { /* a kind without a row is kept: there is no silent default */
            store_due(self->store, kinds[i], now_ms - days * AGENT_DAY_MS,
                DUE_LIST_MAX - list.count, collect_due, &list);
        }
    }
    engine_t *engine = list.count > 0 ? cases_fold(self) : NULL;
    for (size_t i = 0; i < list.count; i++) {
        visit(context, &list.rows[i], is_running(engine, list.rows[i].transfer));
    }
    cases_done(self, &engine);
    free(list.rows);
}
