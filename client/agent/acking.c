/*
 * acking: what we tell the broker of our stream (S-17 to S-21): one signed statement for all that
 * became durable, at once, or at the next beat of every 100 ms behind the one before. Counters are set aside in blocks, so that
 * a statement costs no write; what was not acknowledged in turn is said again in the next session.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent/agent_private.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

/* The parts of a statement, all in one place so that it lives on the stack of one call. */
struct saying {
    Waypost__AckStatement statement;
    struct persisted_run runs[ACK_RUNS_MAX];
    struct persisted_entries entries;
    struct hash root; /* over them */
    struct fault_row faults[ACK_RUNS_MAX];
    struct opening_row openings[ACK_RUNS_MAX];
    Waypost__PersistedRun run_messages[ACK_RUNS_MAX];
    Waypost__PersistedRun *run_pointers[ACK_RUNS_MAX];
    Waypost__Fault fault_messages[ACK_RUNS_MAX];
    Waypost__Fault *fault_pointers[ACK_RUNS_MAX];
    Waypost__Opened opened_messages[ACK_RUNS_MAX];
    Waypost__Opened *opened_pointers[ACK_RUNS_MAX];
    uint8_t key_id[KEY_ID_BYTES];
};

static void put_runs(agent_core_t *self, struct saying *out)
{
    size_t count = store_runs(self->store, self->identity.stream_epoch, self->ack_sent_upto,
        out->runs, ACK_RUNS_MAX, &out->entries);

    for (size_t i = 0; i < count; i++) {
        waypost__persisted_run__init(&out->run_messages[i]);
        out->run_messages[i].upto = out->runs[i].upto;
        out->run_messages[i].at_ms = out->runs[i].at_ms;
        out->run_pointers[i] = &out->run_messages[i];
    }
    out->statement.n_persisted = count;
    out->statement.persisted = out->run_pointers;
}

/* S-18a: each sender will be shown that its events are among those that we sign for. A hub is no recipient. */
static void put_received(agent_core_t *self, struct saying *out)
{
    uint64_t count = self->identity.stream_upto - self->ack_sent_upto;

    if (out->entries.events == 0 || out->entries.named.size != count || book_is_hub(self)) {
        return;
    }
    out->statement.has_received_after = true;
    out->statement.received_after = self->ack_sent_upto;
    if (count > 1) { /* of one entry it is the running hash */
        out->root = frontier_root(&out->entries.named);
        out->statement.has_received_root = true;
        out->statement.received_root = binary_of(slice_of(out->root.b, HASH_BYTES));
    }
}

static void put_faults(agent_core_t *self, struct saying *out)
{
    size_t count = store_faults(
        self->store, self->identity.stream_epoch, self->ack_sent_upto, out->faults, ACK_RUNS_MAX);

    for (size_t i = 0; i < count; i++) {
        waypost__fault__init(&out->fault_messages[i]);
        out->fault_messages[i].number = out->faults[i].number;
        out->fault_messages[i].code = (uint32_t)-out->faults[i].code;
        out->fault_pointers[i] = &out->fault_messages[i];
    }
    out->statement.n_faults = count;
    out->statement.faults = out->fault_pointers;
}

static void put_openings(agent_core_t *self, struct saying *out)
{
    size_t count = store_openings_unsaid(self->store, out->openings, ACK_RUNS_MAX);

    for (size_t i = 0; i < count; i++) {
        struct opening_row *row = &out->openings[i];
        waypost__opened__init(&out->opened_messages[i]);
        out->opened_messages[i].event = binary_of(slice_of(row->event, UUID_BYTES));
        out->opened_messages[i].role = (Waypost__PersonRole)row->role;
        out->opened_messages[i].team = row->team[0] == '\0' ? NULL : row->team;
        out->opened_messages[i].at_ms = row->at_ms;
        out->opened_pointers[i] = &out->opened_messages[i];
    }
    out->statement.n_opened = count;
    out->statement.opened = out->opened_pointers;
}

static void put_rest(agent_core_t *self, const struct keys *keys, struct saying *out)
{
    const struct identity *identity = &self->identity;

    hash_key_id(keys->sign_public, out->key_id);
    out->statement.network = (char *)(uintptr_t)self->options.network;
    out->statement.agent = (char *)(uintptr_t)self->options.agent;
    out->statement.key_id = binary_of(slice_of(out->key_id, KEY_ID_BYTES));
    out->statement.stream_epoch = identity->stream_epoch;
    out->statement.upto = identity->stream_upto;
    out->statement.running_hash = binary_of(slice_of(identity->running.b, HASH_BYTES));
    agent_count(self, AGENT_ACKS);
    out->statement.counter = ++self->ack_counter;
    if (self->head.size > 0) {
        out->statement.has_seen_size = true;
        out->statement.seen_size = self->head.size;
        out->statement.has_seen_root = true;
        out->statement.seen_root = binary_of(slice_of(self->head.root.b, HASH_BYTES));
    }
}

/* What must be on disk before the statement leaves: its counter, and which openings it says. */
static int remember(agent_core_t *self, const struct saying *saying)
{
    bool block = self->ack_counter > self->identity.ack_counter;

    if (!block && saying->statement.n_opened == 0) {
        return 0;
    }
    store_begin(self->store);
    if (block) {
        self->identity.ack_counter = self->ack_counter + AGENT_ACK_COUNTER_BLOCK;
        store_identity_save(self->store, &self->identity);
    }
    for (size_t i = 0; i < saying->statement.n_opened; i++) {
        store_opening_said(self->store, saying->openings[i].id, self->ack_counter);
    }
    return agent_commit(self);
}

static void transmit(agent_core_t *self, const struct keys *keys, const struct saying *saying)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Signed ack = WAYPOST__SIGNED__INIT;
    struct buf statement = {0};
    uint8_t signature[SIGNATURE_BYTES];

    message_encode(&saying->statement.base, &statement);
    sign_make(SIGN_CONTEXT_ACK, buf_slice(&statement), keys->sign_secret, signature);
    ack.statement = binary_of(buf_slice(&statement));
    ack.signature = binary_of(slice_of(signature, sizeof signature));
    frame.body_case = WAYPOST__FRAME__BODY_ACK;
    frame.ack = &ack;
    if (agent_send(self, &frame) == 0) {
        self->ack_sent_upto = self->identity.stream_upto;
    }
    buf_free(&statement);
}

void acking_send(agent_core_t *self)
{
    const struct keys *keys = book_signing_keys(self);

    self->ack_wanted = false;
    if (keys == NULL || self->identity.stream_epoch == 0) {
        self->ack_wanted =
            keys == NULL; /* the alarm about the key is raised; tried again by the tick */
        return;
    }
    struct saying *saying = mem_new(1, sizeof *saying);
    waypost__ack_statement__init(&saying->statement);
    put_runs(self, saying);
    put_received(self, saying);
    put_faults(self, saying);
    put_openings(self, saying);
    if (saying->statement.n_persisted > 0 || saying->statement.n_opened > 0) {
        put_rest(self, keys, saying);
        if (remember(self, saying) == 0) {
            transmit(self, keys, saying);
        }
        self->ack_last_ms = agent_mono(self);
        self->ack_wanted = saying->statement.n_opened == ACK_RUNS_MAX;
    }
    free(saying);
}

/* Each process has a beat of its own: agents that got something at the same moment do not acknowledge together ever after,
 * and a broker that has much to check has it evenly. */
static int64_t beat_after(const agent_core_t *self, int64_t ms)
{
    int64_t since_ms = (ms - self->ack_beat_ms) % AGENT_ACK_PACE_MS;

    return ms + AGENT_ACK_PACE_MS - (since_ms < 0 ? since_ms + AGENT_ACK_PACE_MS : since_ms);
}

static int64_t say_due_ms(const agent_core_t *self)
{
    return self->ack_wanted ? beat_after(self, self->ack_last_ms) : INT64_MAX;
}

static int64_t keep_due_ms(const agent_core_t *self)
{
    return self->own_ack_count > 0 ? self->ack_last_ms + AGENT_OWN_ACKS_KEEP_MS : INT64_MAX;
}

int64_t acking_due_ms(const agent_core_t *self)
{
    int64_t say_ms = say_due_ms(self);
    int64_t keep_ms = keep_due_ms(self);

    return say_ms < keep_ms ? say_ms : keep_ms;
}

void acking_tick(agent_core_t *self)
{
    if (agent_mono(self) >= say_due_ms(self)) {
        acking_send(self);
    }
    if (agent_mono(self) >= keep_due_ms(self)) {
        acking_flush(self);
    }
}

/* ---- where they stand in the journal ---- */

void acking_keep(agent_core_t *self)
{
    for (size_t i = 0; i < self->own_ack_count; i++) {
        store_own_ack_put(self->store, &self->own_acks[i]);
    }
    self->own_ack_count = 0;
}

void acking_flush(agent_core_t *self)
{
    if (self->own_ack_count == 0) {
        return;
    }
    if (store_in_transaction(self->store)) {
        acking_keep(self);
        return;
    }
    store_begin(self->store);
    acking_keep(self);
    (void)agent_commit(self);
}

/* Inside a transaction. A keeper has its own memory of what came; what a crash loses here is folded by its time. */
static void note_place(agent_core_t *self, const Waypost__Acked *acked)
{
    if (!acked->has_leaf_index || self->options.keeper != NULL) {
        return;
    }
    if (self->own_ack_count == AGENT_OWN_ACKS_MAX) {
        acking_keep(self);
    }
    self->own_acks[self->own_ack_count++] =
        (struct own_ack){acked->counter, acked->stream_epoch, acked->upto, acked->leaf_index};
}

void acking_acked(agent_core_t *self, const Waypost__Acked *acked)
{
    struct identity *identity = &self->identity;

    if (acked->counter > self->ack_counter) { /* our database is older than what we once said */
        log_warnx("acknowledgement counter raised from %" PRIu64 " to %" PRIu64, self->ack_counter,
            acked->counter);
        self->ack_counter = acked->counter;
        self->ack_sent_upto = identity->stream_acked;
        self->ack_wanted = true;
        store_begin(self->store);
        store_openings_again(self->store);
        (void)agent_commit(self);
        return;
    }
    if (acked->stream_epoch != identity->stream_epoch || acked->upto > identity->stream_upto) {
        return;
    }
    if (acked->upto > identity->stream_acked) {
        identity->stream_acked =
            acked->upto; /* written with the next transaction: WELCOME says it again */
    }
    store_begin(self->store);
    store_openings_acked(self->store, acked->counter);
    note_place(self, acked);
    if (self->options.keeper != NULL) { /* the keeper has its own memory of what came */
        store_entries_forget(self->store, identity->stream_epoch, identity->stream_acked);
    }
    (void)agent_commit(self);
}
