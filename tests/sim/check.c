/*
 * check: what was promised, held against journals and databases. Each failure names its promise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lab/reading_core.h"
#include "common/base/check.h"
#include "tests/support/journal_fixture.h"
#include "tests/sim/look.h"
#include "tests/sim/sim.h"

#include "common/base/banned.h"

static const char two[] = "promise 2, exactly one effect";
static const char three[] = "promise 3, nothing is dropped";
static const char four[] = "promise 4, order without gaps";
static const char five[] = "promise 5, deliver always";
static const char six[] = "promise 6, every peer is who its key says";
static const char seven[] = "promise 7, the broker cannot read";
static const char eight[] = "promise 8, evidence outlives content";
static const char ten[] = "promise 10, same journal, same state";

enum { ADOPTED_MAX = 16, FILE_NAME_BYTES = 64 };

static const struct sim_send *send_of(const struct sim *self, const uint8_t *event)
{
    for (size_t i = 0; i < self->send_count; i++) {
        if (memcmp(self->sends[i].event, event, UUID_BYTES) == 0) {
            return &self->sends[i];
        }
    }
    return NULL;
}

/* ---- after an agent's start ---- */

struct adopting {
    struct sim *sim;
    size_t agent;
    size_t count;
    uint8_t events[ADOPTED_MAX][UUID_BYTES];
};

static void see_unsure(void *context, const struct outbox_row *row)
{
    struct adopting *self = context;

    if (send_of(self->sim, row->event) == NULL && self->count < ADOPTED_MAX) {
        memcpy(self->events[self->count++], row->event, UUID_BYTES);
    }
}

/* The user got no answer and looks into the outbox: what is there, is sent. */
static void adopt(struct sim *self, size_t agent)
{
    struct adopting adopting = {.sim = self, .agent = agent};
    store_t *store = virtual_store(self->network, agent);

    store_outbox_list(store, -1, NULL, INT64_MAX, ADOPTED_MAX, see_unsure, &adopting);
    for (size_t i = 0; i < adopting.count && self->send_count < SIM_SENDS_MAX; i++) {
        struct recipient_row codes[RECIPIENTS_MAX];
        struct sim_send *send = &self->sends[self->send_count++];
        *send = (struct sim_send){.agent = agent};
        memcpy(send->event, adopting.events[i], UUID_BYTES);
        size_t count = store_outbox_recipients(store, send->event, codes);
        for (size_t k = 0; k < count * SIM_AUTHORITIES; k++) {
            size_t recipient = k % SIM_AUTHORITIES;
            bool is = strcmp(codes[k / SIM_AUTHORITIES].code, sim_keys(recipient)->id) == 0;
            send->recipients |= is ? 1u << recipient : 0;
        }
    }
    self->agents[agent].unsure = false;
}

/* What it said ok to is there. */
void check_agent_started(struct sim *self, size_t agent)
{
    if (self->agents[agent].unsure) {
        adopt(self, agent);
    }
    for (size_t i = 0; i < self->send_count; i++) {
        const struct sim_send *send = &self->sends[i];
        if (send->agent == agent && !send->shaky &&
            store_outbox_position(virtual_store(self->network, agent), send->event) == 0) {
            sim_fail(self, three, "agent %s has forgotten an event that it took from its user",
                self->agents[agent].id);
        }
    }
}

/* ---- is everything done? ---- */

static bool counts(const struct sim *self, size_t agent)
{
    return self->agents[agent].lives && !self->agents[agent].lost;
}

static bool agent_done(struct sim *self, size_t agent, struct buf *why)
{
    const char *id = self->agents[agent].id;

    if (!virtual_agent_up(self->network, agent) ||
        !agent_core_online(virtual_agent_core(self->network, agent))) {
        buf_put_text(why, "%s is not online; ", id);
        return false;
    }
    store_t *store = virtual_store(self->network, agent);
    if (store_outbox_count(store, OUTBOX_WAITING) > 0 ||
        store_outbox_count(store, OUTBOX_SENT) > 0) {
        buf_put_text(why, "%s has not sent everything; ", id);
        return false;
    }
    return look_served(virtual_core(self->network), id, why);
}

static void release_held(struct sim *self)
{
    for (size_t i = 0; i < self->send_count; i++) {
        char event[UUID_TEXT_BYTES];
        uuid_format(self->sends[i].event, event);
        if (self->sends[i].held) {
            json_t *request = json_pack("{s:s, s:s}", "op", "release", "event", event);
            json_decref(virtual_ask(self->network, SIM_OPERATOR, request));
            json_decref(request);
        }
    }
}

/* Who still holds a payload that was withdrawn; NULL for nobody. */
static const char *holder_of(struct sim *self, const struct sim_send *send)
{
    struct slice sample = slice_of(send->sample, SIM_SAMPLE_BYTES);

    if (sim_disk_holds(&self->disk, sample)) {
        return "the broker";
    }
    for (size_t i = 0; i < SIM_AUTHORITIES; i++) {
        bool holder = i == send->agent || (send->recipients >> i & 1) != 0;
        if (holder && counts(self, i) && !self->agents[i].restored &&
            sim_disk_holds(&self->agents[i].disk, sample)) {
            return self->agents[i].id;
        }
    }
    return NULL;
}

/* What was withdrawn is gone from the broker and from everybody who had it. */
static bool all_erased(struct sim *self, struct buf *why)
{
    for (size_t i = 0; i < self->send_count; i++) {
        const struct sim_send *send = &self->sends[i];
        bool asked = send->erased && !send->shaky && counts(self, send->agent) &&
            !self->agents[send->agent].restored;
        const char *holder = asked ? holder_of(self, send) : NULL;
        if (holder != NULL) {
            char event[UUID_TEXT_BYTES];
            uuid_format(send->event, event);
            buf_put_text(
                why, "%s still holds the payload of %s, which was withdrawn; ", holder, event);
            return false;
        }
    }
    return true;
}

/* Kept for the failure's sentence; traced where it is another than before. */
static void note_undone(struct sim *self, struct slice why)
{
    char now[sizeof self->undone];

    (void)snprintf(now, sizeof now, "%.*s", (int)why.len, (const char *)why.data);
    if (strcmp(now, self->undone) != 0) {
        sim_trace(self, "not done: %s", now);
        memcpy(self->undone, now, sizeof now);
    }
}

bool check_done(struct sim *self)
{
    struct buf why = {0};
    bool done = virtual_broker_up(self->network) && !core_folding(virtual_core(self->network)) &&
        look_quiet(virtual_core(self->network)) &&
        register_version(core_register_in_force(virtual_core(self->network))) ==
            virtual_book(self->network)->version;

    for (size_t i = 0; done && i < SIM_AGENTS; i++) {
        done = !counts(self, i) || agent_done(self, i, &why);
    }
    if (done && look_held(virtual_core(self->network)) > 0) {
        release_held(self);
        done = false;
    }
    done = done && all_erased(self, &why);
    if (!done && why.len == 0) {
        buf_put_text(&why, "the broker is down, or still has something to verify, judge or write");
    }
    if (!done) {
        note_undone(self, buf_slice(&why));
    }
    buf_free(&why);
    return done;
}

/* ---- what was sent arrived ---- */

static void check_recipient(
    struct sim *self, const struct sim_send *send, const struct outbox_row *sent, size_t recipient)
{
    const char *id = self->agents[recipient].id;
    struct inbox_row row;
    int64_t at_ms;

    if (store_inbox(virtual_store(self->network, recipient), send->event, &row) != 0) {
        if (self->agents[recipient].restored) {
            return; /* it had it, and its database has not */
        }
        sim_fail(self, three, "agent %s never got an accepted event of %s", id,
            self->agents[send->agent].id);
        return;
    }
    if (row.fault != 0 && !(row.fault == E_OPEN && self->agents[recipient].newcomer)) {
        sim_fail(self, six, "agent %s could not use a good event of %s: %s", id,
            self->agents[send->agent].id, err_name(row.fault));
    }
    if (!slice_equal(buf_slice(&row.bytes), buf_slice(&sent->bytes))) {
        sim_fail(
            self, six, "agent %s got other bytes than %s sent", id, self->agents[send->agent].id);
    }
    bool refused = row.verdict == 3 || row.verdict == 4;
    if (sent->ciphertext.len > 0 && row.ciphertext.len == 0 && row.payload_absent == 0 &&
        !send->erased && !send->unsure_erased) {
        sim_fail(self, refused ? five : three, "agent %s got an event of %s without its payload",
            id, self->agents[send->agent].id);
    }
    inbox_row_free(&row);
    if (self->agents[send->agent].restored) {
        return; /* it was told, and its database has forgotten */
    }
    if (store_level_of(virtual_store(self->network, send->agent), send->event, id, &at_ms) <
        LEVEL_PERSISTED) {
        sim_fail(self, three, "agent %s was never told that %s holds its event",
            self->agents[send->agent].id, id);
    }
}

/* Turned away before it was accepted, and its sender was told: no promise was made for it. */
static bool turned_away(struct sim *self, const struct sim_send *send)
{
    struct outbox_row sent;
    bool wrong_clock = sim_has(self, FAULT_AGENT_CLOCK) || sim_has(self, FAULT_BROKER_CLOCK);

    if (!wrong_clock ||
        store_outbox(virtual_store(self->network, send->agent), send->event, &sent) != 0) {
        return false;
    }
    bool away = sent.state == OUTBOX_REFUSED && sent.error_code == E_DATE;
    outbox_row_free(&sent);
    return away;
}

/* Said after the copy that the database was put back to, and not accepted before that. */
static bool gone(struct sim *self, const struct sim_send *send)
{
    return send->shaky &&
        store_outbox_position(virtual_store(self->network, send->agent), send->event) == 0;
}

static void check_send(struct sim *self, const struct sim_send *send)
{
    struct outbox_row sent;

    if (!counts(self, send->agent) || turned_away(self, send) || gone(self, send)) {
        return;
    }
    if (store_outbox(virtual_store(self->network, send->agent), send->event, &sent) != 0) {
        sim_fail(self, three, "agent %s has lost an event", self->agents[send->agent].id);
        return;
    }
    if (sent.state != OUTBOX_ACCEPTED) {
        sim_fail(self, three, "an event of %s was not accepted: %s: %s",
            self->agents[send->agent].id, err_name(sent.error_code), sent.error);
    }
    for (size_t i = 0; i < SIM_AUTHORITIES; i++) {
        if ((send->recipients >> i & 1) != 0 && i != send->agent && counts(self, i)) {
            check_recipient(self, send, &sent, i);
        }
    }
    struct inbox_row row;
    if (store_inbox(virtual_store(self->network, SIM_HUB), send->event, &row) != 0) {
        sim_fail(self, three, "the hub never saw an event of %s", self->agents[send->agent].id);
    } else {
        if (row.ciphertext.len > 0) {
            sim_fail(self, seven, "the hub got a payload");
        }
        inbox_row_free(&row);
    }
    outbox_row_free(&sent);
}

/* ---- what arrived was sent, once, in order ---- */

struct order {
    struct sim *sim;
    size_t agent;
    uint64_t leaf;
    uint32_t index;
};

static void check_event_entry(struct order *self, const struct entry_row *entry)
{
    struct sim *sim = self->sim;
    store_t *store = virtual_store(sim->network, self->agent);
    const struct sim_send *send = send_of(sim, entry->event);
    const char *id = sim->agents[self->agent].id;
    struct evidence_row evidence = {.leaf_index = 0};
    struct inbox_row row;

    if (store_inbox(store, entry->event, &row) != 0) {
        return; /* a fault; what was sent is asked for elsewhere */
    }
    bool foreign = sim->hostile != SIM_NOBODY &&
        strcmp(row.signer, sim->agents[sim->hostile].id) == 0; /* the journal's own check */
    if (send == NULL && row.fault == 0 && !foreign) {
        sim_fail(sim, six, "agent %s holds an event that nobody sent", id);
    }
    if (send != NULL && self->agent < SIM_AUTHORITIES &&
        (send->recipients >> self->agent & 1) == 0) {
        sim_fail(sim, six, "agent %s holds an event that is not for it", id);
    }
    if (row.fault == 0 && send != NULL && !send->held && !sim->broker_restored &&
        store_evidence(store, row.evidence, &evidence) == 0 && row.number == entry->number &&
        row.epoch == entry->epoch) {
        if (evidence.leaf_index < self->leaf ||
            (evidence.leaf_index == self->leaf && row.leaf <= self->index && self->leaf != 0)) {
            sim_fail(sim, four, "agent %s got leaf %llu/%u after leaf %llu/%u", id,
                (unsigned long long)evidence.leaf_index, row.leaf, (unsigned long long)self->leaf,
                self->index);
        }
        self->leaf = evidence.leaf_index;
        self->index = row.leaf;
    }
    buf_free(&evidence.statement);
    buf_free(&evidence.signature);
    inbox_row_free(&row);
}

static void check_entries(struct sim *self, size_t agent)
{
    store_t *store = virtual_store(self->network, agent);
    struct order order = {.sim = self, .agent = agent};
    struct entry_row entry;
    int64_t position = 0;
    uint64_t epoch = 0;
    uint64_t number = 0;

    if (store_has_alarm(store, "withheld")) { /* this broker is honest */
        sim_fail(self, three, "agent %s takes a true acknowledgement for a false one",
            self->agents[agent].id);
    }
    while (store_entry_after(store, position, &entry) == 0) {
        position = entry.position;
        bool follows = entry.epoch == epoch
            ? entry.number == number + 1 || (self->agents[agent].restored && entry.number > number)
            : (entry.epoch > epoch ||
                  self->broker_restored) && /* its copy may be of an epoch before */
                (entry.number == 1 || self->agents[agent].restored);
        if (!follows) {
            sim_fail(self, four, "agent %s holds entry %llu/%llu after %llu/%llu",
                self->agents[agent].id, (unsigned long long)entry.epoch,
                (unsigned long long)entry.number, (unsigned long long)epoch,
                (unsigned long long)number);
        }
        epoch = entry.epoch;
        number = entry.number;
        if (entry.type == ENTRY_EVENT) {
            check_event_entry(&order, &entry);
        }
    }
}

/* ---- the journal ---- */

struct journal_look {
    struct sim *sim;
    size_t found;
    uint8_t *seen; /* by send */
    uint64_t last[SIM_AGENTS], incarnation[SIM_AGENTS];
};

static void check_numbering(struct journal_look *self, const struct look_event *event, size_t agent)
{
    if (event->incarnation != self->incarnation[agent]) {
        self->incarnation[agent] = event->incarnation;
        self->last[agent] = 0;
    }
    if (event->sequence != self->last[agent] + 1) {
        sim_fail(self->sim, four, "event %llu of %s follows %llu",
            (unsigned long long)event->sequence, event->agent,
            (unsigned long long)self->last[agent]);
    }
    self->last[agent] = event->sequence;
}

/* What an agent in hostile hands may have in the journal: what it signed, in its own name. */
static void check_liar(
    struct sim *sim, const struct look_event *event, const struct event_view *view)
{
    if (strcmp(view->from, event->agent) != 0) {
        sim_fail(
            sim, six, "an event of %s stands under the signature of %s", view->from, event->agent);
    }
    if (hostile_spoilt(sim, view->id)) {
        sim_fail(sim, six, "an event stands in the journal that %s did not sign", event->agent);
    }
}

static void see_event(void *context, const struct look_event *event)
{
    struct journal_look *self = context;
    struct sim *sim = self->sim;
    struct event_view view;
    size_t agent = 0;

    while (agent < SIM_AGENTS && strcmp(sim->agents[agent].id, event->agent) != 0) {
        agent++;
    }
    if (agent == SIM_AGENTS || event_read(event->bytes, &view, NULL) != 0) {
        sim_fail(sim, six, "the journal holds an event of %s that cannot be read", event->agent);
        return;
    }
    const struct sim_send *send = send_of(sim, view.id);
    if (sim->agents[agent].revoked_leaf != 0 && event->leaf >= sim->agents[agent].revoked_leaf) {
        sim_fail(sim, six, "an event of %s was accepted after it was revoked", event->agent);
    }
    check_numbering(self, event, agent);
    if (agent == sim->hostile) {
        check_liar(sim, event, &view);
        return;
    }
    if (send == NULL || send->agent != agent) {
        sim_fail(sim, six, "the journal holds an event that %s never sent", event->agent);
        return;
    }
    if (self->seen[send - sim->sends]++ != 0) {
        sim_fail(sim, two, "the journal holds one event of %s twice", event->agent);
    }
    self->found++;
}

static void check_journal(struct sim *self)
{
    struct journal_look look = {.sim = self, .seen = mem_new(SIM_SENDS_MAX, 1)};

    if (!look_events(virtual_journal(self->network), see_event, &look)) {
        sim_fail(self, eight, "the journal cannot be read");
    }
    for (size_t i = 0; i < self->send_count; i++) {
        const struct sim_send *send = &self->sends[i];
        if (counts(self, send->agent) && look.seen[i] == 0 && !turned_away(self, send) &&
            !gone(self, send)) {
            sim_fail(self, three, "the journal lacks an event of %s", self->agents[send->agent].id);
        }
    }
    free(look.seen);
}

static void check_offline(struct sim *self)
{
    struct journal_check report;
    struct complaint why = {0};
    int rc = journal_verify(&self->disk.table, virtual_broker_keys(self->network)->sign_public,
        &report, NULL, NULL, NULL, &why);

    if (rc != 0) {
        sim_fail(self, eight, "the journal does not verify: %s", why.text);
    }
    if (sim_disk_holds(&self->disk, slice_of_text(SIM_SECRET))) {
        sim_fail(self, seven, "the broker's disk holds a payload in the clear");
    }
}

/* ---- state ---- */

struct state {
    struct buf bytes;
    struct hash procedures;
};

static void state_take(struct sim *self, struct state *out)
{
    while (core_folding(virtual_core(self->network))) {
        core_fold(virtual_core(self->network));
    }
    look_state(virtual_core(self->network), &out->bytes);
    out->procedures = core_procedures_hash(virtual_core(self->network));
}

static void restart(struct sim *self)
{
    struct complaint why = {0};

    virtual_broker_kill(self->network);
    sim_disk_revive(&self->disk, true, 0);
    if (virtual_broker_start(self->network, &why) != 0) {
        sim_fail(self, ten, "the broker does not start: %s", why.text);
    }
}

static void note_snapshot(void *arg, const char *name)
{
    char *found = arg;

    if (strncmp(name, "snapshot", 8) == 0 || strncmp(name, "procedures-", 11) == 0) {
        (void)snprintf(found, FILE_NAME_BYTES, "%s", name);
    }
}

/* One at a time: what is listed does not change meanwhile. */
static void forget_snapshots(const struct disk *disk)
{
    char name[FILE_NAME_BYTES];

    do {
        name[0] = '\0';
        (void)disk->list(disk->context, note_snapshot, name);
    } while (name[0] != '\0' && disk->remove(disk->context, name) == 0);
}

static void copy_records(void *context, const struct disk *to)
{
    struct sim *self = context;
    struct disk copy = *to;

    journal_fixture_copy_disk(&self->disk.memory, &copy);
    forget_snapshots(&copy);
}

void check_mended(struct sim *self)
{
    const struct reading_source source = {.network = "sim",
        .keys = virtual_broker_keys(self->network),
        .copy = copy_records,
        .context = self};
    reading_core_t *records = NULL;
    struct complaint why = {0};
    struct buf live = {0};
    struct buf whole = {0};

    int rc = reading_core_open(&source, &records, &why);
    if (rc != 0) {
        sim_fail(self, ten, "a journal that is whole again cannot be read: %s", why.text);
        return;
    }
    look_state(virtual_core(self->network), &live);
    look_state(reading_core(records), &whole);
    if (!slice_equal(buf_slice(&live), buf_slice(&whole))) {
        sim_fail(self, ten, "the journal is whole again, and the broker's state is not");
    }
    buf_free(&live);
    buf_free(&whole);
    reading_core_close(&records);
}

static void check_state(struct sim *self)
{
    struct state live = {{0}, {{0}}};
    struct state again = {{0}, {{0}}};
    struct state whole = {{0}, {{0}}};

    state_take(self, &live);
    restart(self);
    if (self->failure[0] == '\0') {
        state_take(self, &again);
        virtual_broker_kill(self->network);
        forget_snapshots(&self->disk.table);
        struct complaint why = {0};
        if (virtual_broker_start(self->network, &why) == 0) {
            state_take(self, &whole);
            if (look_differences(virtual_core(self->network)) > 0) {
                sim_fail(self, ten, "the engine says other things than the journal");
            }
        }
    }
    if (self->failure[0] == '\0' &&
        (!slice_equal(buf_slice(&live.bytes), buf_slice(&again.bytes)) ||
            !slice_equal(buf_slice(&live.bytes), buf_slice(&whole.bytes)))) {
        sim_fail(self, ten, "the broker's state differs after a restart (%s)",
            slice_equal(buf_slice(&live.bytes), buf_slice(&again.bytes)) ? "from the first record"
                                                                         : "from the snapshot");
    }
    if (self->failure[0] == '\0' &&
        (memcmp(&live.procedures, &again.procedures, HASH_BYTES) != 0 ||
            memcmp(&live.procedures, &whole.procedures, HASH_BYTES) != 0)) {
        sim_fail(self, ten, "the procedures' state differs after a restart");
    }
    buf_free(&live.bytes);
    buf_free(&again.bytes);
    buf_free(&whole.bytes);
}

/* Events that got another id when their agent was put back go on under it. */
static void follow_renames(struct sim *self)
{
    for (size_t i = 0; i < self->send_count; i++) {
        struct sim_send *send = &self->sends[i];
        while (counts(self, send->agent) &&
            store_renamed(virtual_store(self->network, send->agent), send->event, send->event)) {
        }
    }
}

void check_end(struct sim *self)
{
    follow_renames(self);
    for (size_t i = 0; i < self->send_count; i++) {
        check_send(self, &self->sends[i]);
    }
    for (size_t i = 0; i < SIM_AGENTS; i++) {
        if (counts(self, i)) {
            check_entries(self, i);
        }
    }
    check_journal(self);
    watch_end(self);
    silence_check(self);
    if (self->failure[0] == '\0') {
        check_offline(self);
    }
    if (self->failure[0] == '\0') {
        check_state(self);
    }
}
