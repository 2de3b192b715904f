/* wrap: store_commit store_gathered */
/* What an agent is told: applied once and in one transaction, faults without effect, acknowledgements, openings, the
 * receiver's order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/agent/agent_private.h"
#include "client/agent/ops.h"
#include "client/agent/store_evidence.h"
#include "common/journal/record.h"
#include "tests/support/agent_fixture.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

enum { DIED_BEFORE = 41, DIED_AFTER = 42 };

/* What happens at the next commit. */
enum commit { COMMIT, FAIL, DIE_BEFORE, DIE_AFTER };
static enum commit next_commit;
static unsigned commits_before; /* that happen before it */

int __real_store_commit(store_t *self);
int __wrap_store_commit(store_t *self);

int __wrap_store_commit(store_t *self)
{
    enum commit todo = next_commit;

    if (todo != COMMIT && commits_before > 0) {
        commits_before--;
        return __real_store_commit(self);
    }
    next_commit = COMMIT;
    if (todo == FAIL) {
        store_rollback(self);
        return E_IO;
    }
    if (todo == DIE_BEFORE) {
        _exit(DIED_BEFORE);
    }
    int rc = __real_store_commit(self);
    if (todo == DIE_AFTER) {
        _exit(DIED_AFTER);
    }
    return rc;
}

int __real_store_gathered(store_t *self);
int __wrap_store_gathered(store_t *self);

/* fail_gathered: the next time that something is kept by it. */
static bool fail_gathered;

int __wrap_store_gathered(store_t *self)
{
    if (fail_gathered) {
        fail_gathered = false;
        store_begin(self);
        store_rollback(self);
        (void)__real_store_gathered(self);
        return E_IO;
    }
    return __real_store_gathered(self);
}

static int setup(void **state)
{
    next_commit = COMMIT;
    return agentfix_begin(state);
}

static uint64_t inbox_size(struct agentfix *self)
{
    int64_t oldest_ms;

    return store_inbox_unopened(self->store, &oldest_ms);
}

static void delivery__good__is_persisted_and_acknowledged(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, true, FAULT_NONE);
    assert_int_equal(inbox_size(self), 1);
    agentfix_acked(self);
    const Waypost__AckStatement *ack = agentfix_last_ack(self);
    assert_non_null(ack);
    assert_int_equal(ack->upto, 1);
    assert_int_equal(ack->n_persisted, 1);
    assert_int_equal(ack->n_faults, 0);
}

static struct hash stream_hash(struct agentfix *self, uint64_t number)
{
    struct hash hash;

    assert_true(store_entry_hash(self->store, self->stream_epoch, number, &hash));
    return hash;
}

static void acknowledgement__of_one_event__names_it_by_its_running_hash(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_acked(self);
    const Waypost__AckStatement *ack = agentfix_last_ack(self);
    struct hash hash = stream_hash(self, 1);
    assert_true(ack->has_received_after);
    assert_int_equal(ack->received_after, 0);
    assert_false(ack->has_received_root);
    assert_memory_equal(ack->running_hash.data, hash.b, HASH_BYTES);
}

static void acknowledgement__of_several_entries__names_each_in_a_tree(void **state)
{
    struct agentfix *self = *state;
    struct hash hashes[3];

    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_acked(self);
    for (uint64_t i = 0; i < 3; i++) {
        agentfix_deliver(self, 0, false, FAULT_NONE);
        hashes[i] = stream_hash(self, 2 + i);
    }
    agentfix_acked(self);
    const Waypost__AckStatement *ack = agentfix_last_ack(self);
    assert_int_equal(ack->received_after, 2); /* the first of them was said at once */
    struct hash root = merkle_root(hashes + 1, 2);
    assert_memory_equal(ack->received_root.data, root.b, HASH_BYTES);
}

/* The statement behind one that left at once: where in the pace it leaves. */
static int64_t beat_of(struct agentfix *self)
{
    agentfix_pass(self, AGENT_ACK_PACE_MS + 37); /* a rest, and another place in the pace */
    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_pass(self, 1);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_ACK));
    agentfix_deliver(self, 0, false, FAULT_NONE);
    for (int64_t waited_ms = 1; waited_ms < AGENT_ACK_PACE_MS; waited_ms++) {
        if (agentfix_take(self, WAYPOST__FRAME__BODY_ACK) != NULL) {
            return self->mono_ms % AGENT_ACK_PACE_MS;
        }
        agentfix_pass(self, 1);
    }
    fail_msg("nothing was said within the pace");
    return -1;
}

static void acknowledgements__behind_the_first__leave_at_a_beat_of_the_process(void **state)
{
    struct agentfix *self = *state;
    int64_t beat_ms = beat_of(self);

    assert_int_equal(beat_of(self), beat_ms);
    assert_int_equal(beat_of(self), beat_ms);
    struct agentfix other;
    agentfix_setup(&other, NULL);
    agentfix_close(&other); /* the same but for its start, which draws anew */
    agentfix_open(&other);
    agentfix_online(&other);
    assert_int_not_equal(beat_of(&other), beat_ms);
    agentfix_teardown(&other);
}

static void delivery__repeated__is_applied_once(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, true, FAULT_NONE);
    agentfix_deliver_again(self);
    agentfix_deliver_again(self);
    assert_int_equal(inbox_size(self), 1);
    agentfix_acked(self);
    assert_int_equal(agentfix_last_ack(self)->upto, 1);
}

static void delivery__known_event_in_a_new_epoch__has_no_second_effect(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_acked(self);
    self->is_connected = false;
    agent_core_disconnected(self->core, E_UNREACHABLE);
    self->stream_epoch = 2;
    self->stream_last = 0;
    self->stream_acked = 0;
    agentfix_online(self);
    agentfix_redeliver(self, 1);
    assert_int_equal(inbox_size(self), 1);
    agentfix_acked(self);
    assert_int_equal(agentfix_last_ack(self)->stream_epoch, 2);
    assert_int_equal(agentfix_last_ack(self)->upto, 1);
}

static void no_effect(struct agentfix *self, enum agentfix_fault fault)
{
    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_deliver(self, 0, false, fault);
    assert_int_equal(inbox_size(self), 1);
    assert_true(agentfix_alarm(self, "bad_event"));
    agentfix_acked(self);
    const Waypost__AckStatement *ack = agentfix_last_ack(self);
    assert_int_equal(ack->upto, 2);
    assert_int_equal(ack->n_faults, 1);
    assert_int_equal(ack->faults[0]->number, 2);
    assert_int_equal(ack->faults[0]->code, -E_SIGNATURE);
}

static void delivery__bad_signature__is_a_fault_without_effect(void **state)
{
    no_effect(*state, FAULT_SIGNATURE);
}

static void delivery__path_leads_elsewhere__is_a_fault_without_effect(void **state)
{
    no_effect(*state, FAULT_PATH);
}

static void delivery__signer_does_not_speak_for_the_sender__is_a_fault(void **state)
{
    no_effect(*state, FAULT_FROM);
}

/* B-8: the register holds a second key of ours that its files have not brought yet. */
static void delivery__wrapped_to_a_newer_key_too__opens_with_the_one_held(void **state)
{
    struct agentfix *f = *state;

    agentfix_online(f);
    f->newer_wrap = true;
    agentfix_deliver(f, 0, true, 0);
    agentfix_acked(f);
    assert_int_equal(agentfix_last_ack(f)->n_faults, 0);
    assert_false(agentfix_alarm(f, "bad_payload"));
}

static void delivery__tampered_payload__is_a_fault_and_its_facts_stand(void **state)
{
    struct agentfix *self = *state;
    struct inbox_row row;

    agentfix_deliver(self, 0, true, FAULT_CIPHERTEXT);
    assert_int_equal(inbox_size(self), 1);
    assert_int_equal(store_inbox(self->store, self->peer_event, &row), 0);
    assert_int_equal(row.fault, E_OPEN);
    inbox_row_free(&row);
    agentfix_acked(self);
    assert_int_equal(agentfix_last_ack(self)->n_faults, 1);
    assert_int_equal(agentfix_last_ack(self)->faults[0]->code, -E_OPEN);
}

static void delivery__number_skipped__is_asked_for_again(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_deliver(self, 3, false, FAULT_NONE);
    assert_int_equal(inbox_size(self), 1);
    Waypost__Frame *frame = agentfix_take(self, WAYPOST__FRAME__BODY_RESEND);
    assert_non_null(frame);
    assert_int_equal(frame->resend->from, 2);
    agentfix_deliver(self, 2, false, FAULT_NONE);
    assert_int_equal(inbox_size(self), 2);
}

/* What is missing was acknowledged by a life of before, and its word came in behind WELCOME. */
static void resend__refused__opens_a_session_whose_welcome_tells(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 3, false, FAULT_NONE);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_RESEND));
    agentfix_refuse(self, E_RANGE, WAYPOST__FRAME__BODY_RESEND, 0, -1, 0);
    assert_true(agentfix_alarm(self, "stream_gap"));
    assert_false(agent_core_online(self->core));
    agentfix_pass(self, 60000);
    agentfix_online(self);
    assert_true(agent_core_online(self->core));
}

static void delivery__key_of_a_newer_register__waits_for_that_register(void **state)
{
    struct agentfix *self = *state;
    Waypost__Frame pong = WAYPOST__FRAME__INIT;
    Waypost__Pong body = WAYPOST__PONG__INIT;

    self->peer_rotated = true;
    agentfix_register(self);
    body.register_version = self->register_version;
    pong.body_case = WAYPOST__FRAME__BODY_PONG;
    pong.pong = &body;
    agentfix_give(self, &pong);
    agentfix_deliver(self, 0, false, FAULT_NONE);
    assert_int_equal(inbox_size(self), 0);
    assert_false(agentfix_alarm(self, "bad_event"));
    agentfix_give_register(self);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_RESEND));
    agentfix_deliver_again(self);
    assert_int_equal(inbox_size(self), 1);
}

static void frame__commit_fails__keeps_nothing_and_is_not_acknowledged(void **state)
{
    struct agentfix *self = *state;
    struct identity identity;

    next_commit = FAIL;
    agentfix_deliver(self, 0, true, FAULT_NONE);
    assert_int_equal(inbox_size(self), 0);
    store_identity(self->store, &identity);
    assert_int_equal(identity.stream_upto, 0);
    assert_int_equal(store_entry_last(self->store), 0);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_ACK));
    assert_true(agentfix_alarm(self, "storage"));
    agentfix_online(self);
    agentfix_deliver_again(self);
    assert_int_equal(inbox_size(self), 1);
    agentfix_acked(self);
    assert_int_equal(agentfix_last_ack(self)->upto, 1);
    assert_false(agentfix_alarm(self, "storage"));
}

/* The broker has come back from a copy: WELCOME carries the record that opened its epoch, at the end of the journal. */
static struct buf epoch_text;

static void tell_epoch(struct agentfix *self, Waypost__Frame *frame)
{
    static Waypost__EpochProof proof;
    static struct merkle_path path;
    static ProtobufCBinaryData steps[MERKLE_PATH_MAX];

    if (frame->body_case != WAYPOST__FRAME__BODY_WELCOME) {
        return;
    }
    waypost__epoch_proof__init(&proof);
    proof.leaf_index = self->leaf_count - 1;
    proof.body = (ProtobufCBinaryData){.len = epoch_text.len, .data = epoch_text.data};
    merkle_path(self->leaves, self->leaf_count, self->leaf_count - 1, &path);
    proof.n_path = path.count;
    proof.path = steps;
    for (uint32_t i = 0; i < path.count; i++) {
        steps[i] = (ProtobufCBinaryData){.len = HASH_BYTES, .data = path.step[i].b};
    }
    frame->welcome->epoch = &proof;
}

static void begin_epoch(struct agentfix *self, uint64_t lost)
{
    struct epoch_body epoch = {.network = AGENTFIX_NETWORK, .epoch = ++self->epoch, .gap_count = 1};
    struct record record = {.type = RECORD_EPOCH, .sequence = self->leaf_count};

    memcpy(epoch.journal, self->journal, sizeof epoch.journal);
    epoch.gaps[0] = (struct epoch_gap){
        .epoch = self->epoch, .from = self->leaf_count, .to = self->leaf_count + lost};
    buf_clear(&epoch_text);
    epoch_body_write(&epoch, &epoch_text);
    record.body = buf_slice(&epoch_text);
    self->leaves[self->leaf_count++] = record_leaf(AGENTFIX_NETWORK, &record);
    self->tamper = tell_epoch;
}

static void epoch__that_cannot_be_written__is_taken_at_the_next_welcome(void **state)
{
    struct agentfix *self = *state;

    for (unsigned i = 0; i < 4; i++) { /* whichever of its commits fails */
        uint64_t first_lost = self->leaf_count;
        agent_core_disconnected(self->core, E_UNREACHABLE);
        begin_epoch(self, 4);
        agentfix_connect(self);
        commits_before = i;
        next_commit = FAIL;
        agentfix_welcome(self);
        next_commit = COMMIT;
        if (agentfix_alarm(self, "storage")) {
            agentfix_online(self);
        }
        assert_true(store_in_gap(self->store, first_lost + 1));
        agentfix_grow(self, 8); /* beyond what was lost */
    }
    assert_true(agentfix_alarm(self, "recovered"));
    buf_free(&epoch_text);
}

/* ---- frames that came together ---- */

static void deliver_together(struct agentfix *self, int count)
{
    agent_core_gather(self->core);
    self->holds_tick = true;
    for (int i = 0; i < count; i++) {
        agentfix_deliver(self, 0, true, FAULT_NONE);
    }
    self->holds_tick = false;
}

static void frames__that_came_together__are_one_transaction(void **state)
{
    struct agentfix *self = *state;
    uint64_t syncs = histogram_total(store_sync(self->store));

    deliver_together(self, 3);
    assert_int_equal(inbox_size(self), 3);
    assert_int_equal(histogram_total(store_sync(self->store)), syncs);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_ACK));
    agent_core_gathered(self->core);
    assert_int_equal(histogram_total(store_sync(self->store)), syncs + 1);
    agentfix_acked(self);
    assert_int_equal(agentfix_last_ack(self)->upto, 3);
}

static void frame__of_another_kind__ends_what_was_gathered(void **state)
{
    struct agentfix *self = *state;
    uint64_t syncs = histogram_total(store_sync(self->store));
    Waypost__Frame pong = WAYPOST__FRAME__INIT;
    Waypost__Pong body = WAYPOST__PONG__INIT;

    deliver_together(self, 2);
    pong.body_case = WAYPOST__FRAME__BODY_PONG;
    pong.pong = &body;
    self->holds_tick = true;
    agentfix_give(self, &pong);
    self->holds_tick = false;
    assert_int_equal(histogram_total(store_sync(self->store)), syncs + 1);
    agent_core_gathered(self->core);
    assert_int_equal(histogram_total(store_sync(self->store)), syncs + 1);
}

static void nothing_of_them(struct agentfix *self)
{
    struct identity identity;

    assert_int_equal(inbox_size(self), 0);
    store_identity(self->store, &identity);
    assert_int_equal(identity.stream_upto, 0);
    agent_core_tick(self->core);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_ACK));
    assert_true(agentfix_alarm(self, "storage"));
    self->stream_last = 0;
    agentfix_online(self);
    agentfix_deliver(self, 0, true, FAULT_NONE);
    agentfix_acked(self);
    assert_int_equal(agentfix_last_ack(self)->upto, 1);
}

static void frames__together_and_the_disk_fails__are_given_up_together(void **state)
{
    struct agentfix *self = *state;

    deliver_together(self, 3);
    fail_gathered = true;
    agent_core_gathered(self->core);
    nothing_of_them(self);
}

static void frames__together_and_the_second_fails__are_given_up_together(void **state)
{
    struct agentfix *self = *state;

    deliver_together(self, 1);
    next_commit = FAIL;
    deliver_together(self, 1);
    agent_core_gathered(self->core);
    nothing_of_them(self);
}

/* The agent is killed at the commit; what the next one finds is all or nothing. */
static void kill_at_commit(enum commit todo, int status, uint64_t want)
{
    struct agentfix *self = mem_new(1, sizeof *self);
    char path[PLACE_BYTES];
    struct identity identity;
    int died = 0;

    place_file(path);
    pid_t child = fork();
    if (child == 0) {
        agentfix_setup(self, path);
        agentfix_online(self);
        self->holds_tick = true; /* nor gathered: the commit is that of the frame */
        next_commit = todo;
        agentfix_deliver(self, 0, true, FAULT_NONE);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &died, 0), child);
    assert_true(WIFEXITED(died) && WEXITSTATUS(died) == status);
    agentfix_setup(self, path);
    assert_int_equal(inbox_size(self), want);
    assert_int_equal(store_entry_last(self->store), want);
    store_identity(self->store, &identity);
    assert_int_equal(identity.stream_upto, want);
    agentfix_online(self); /* the broker has no acknowledgement: it sends the same again */
    agentfix_deliver(self, 0, true, FAULT_NONE);
    assert_int_equal(inbox_size(self), 1);
    agentfix_acked(self);
    assert_int_equal(agentfix_last_ack(self)->upto, 1);
    agentfix_teardown(self);
    free(self);
    place_remove_database(path);
}

static void agent__killed_before_the_commit__has_nothing_of_the_frame(void **state)
{
    (void)state;
    kill_at_commit(DIE_BEFORE, DIED_BEFORE, 0);
}

static void agent__killed_after_the_commit__has_all_of_it_and_applies_it_once(void **state)
{
    (void)state;
    kill_at_commit(DIE_AFTER, DIED_AFTER, 1);
}

static json_int_t openings_waiting(struct agentfix *self)
{
    json_t *answer = agentfix_ask(self, "{'op': 'status'}");
    json_int_t count = json_integer_value(json_object_get(answer, "openings"));

    json_decref(answer);
    return count;
}

static void opening__by_a_role__is_said_until_it_is_acknowledged(void **state)
{
    struct agentfix *self = *state;
    char request[200];
    char event[UUID_TEXT_BYTES];

    agentfix_deliver(self, 0, true, FAULT_NONE);
    agentfix_acked(self);
    uuid_format(self->peer_event, event);
    (void)snprintf(request, sizeof request,
        "{'op': 'open', 'event': '%s', 'role': 'duty_manager', 'team': 'mash'}", event);
    json_t *answer = agentfix_ask(self, request);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    const json_t *facts = json_object_get(answer, "payload");
    assert_string_equal(json_string_value(json_object_get(facts, "child_name")), "Ash Example");
    json_decref(answer);
    agentfix_pass(self, 25);
    Waypost__Frame *frame = agentfix_take(self, WAYPOST__FRAME__BODY_ACK);
    assert_non_null(frame); /* lost: the session ends before the broker has it */
    self->is_connected = false;
    agent_core_disconnected(self->core, E_UNREACHABLE);
    agentfix_forget(self);
    assert_int_equal(openings_waiting(self), 1);
    agentfix_online(self);
    agentfix_acked(self);
    assert_int_equal(openings_waiting(self), 0);
    const Waypost__AckStatement *ack = agentfix_last_ack(self);
    assert_non_null(ack);
    assert_int_equal(ack->n_opened, 1);
    assert_int_equal(ack->opened[0]->role, WAYPOST__PERSON_ROLE__PERSON_ROLE_DUTY_MANAGER);
    assert_string_equal(ack->opened[0]->team, "mash");
    agentfix_pass(self, 25);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_ACK));
    assert_int_equal(inbox_size(self), 0);
    self->is_connected = false; /* once it is acknowledged it is never said again */
    agent_core_disconnected(self->core, E_UNREACHABLE);
    agentfix_online(self);
    agentfix_acked(self);
    assert_null(agentfix_last_ack(self));
}

static void counter__after_a_restart__never_falls(void **state)
{
    struct agentfix *self = *state;
    struct identity identity;

    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_acked(self);
    uint64_t said = agentfix_last_ack(self)->counter;
    store_identity(self->store, &identity);
    assert_true(identity.ack_counter >= said);
}

static void next_for_receiver(struct agentfix *self, const uint8_t *want)
{
    uint8_t event[UUID_BYTES];
    uint8_t busy[UUID_BYTES];
    json_t *json = NULL;
    int rc = agent_core_receiver_next(self->core, NULL, 0, event, busy, &json);

    if (want == NULL) {
        assert_int_equal(rc, E_END);
        return;
    }
    assert_int_equal(rc, 0);
    assert_memory_equal(event, want, UUID_BYTES);
    assert_null(json_object_get(json, "payload"));
    assert_true(json_is_true(json_object_get(json, "sealed")));
    json_decref(json);
}

static void receiver__fails__is_tried_again_in_order_with_longer_waits(void **state)
{
    struct agentfix *self = *state;
    uint8_t first[UUID_BYTES];
    uint8_t second[UUID_BYTES];

    agentfix_close(self);
    self->receiver = true;
    agentfix_open(self);
    agentfix_online(self);
    agentfix_deliver(self, 0, true, FAULT_NONE);
    memcpy(first, self->peer_event, UUID_BYTES);
    agentfix_deliver(self, 0, true, FAULT_NONE);
    memcpy(second, self->peer_event, UUID_BYTES);
    next_for_receiver(self, first);
    agent_core_receiver_done(self->core, first, false, "exit status 1");
    next_for_receiver(self, NULL); /* the second waits behind it */
    agentfix_pass(self, 1000);
    next_for_receiver(self, first);
    agent_core_receiver_done(self->core, first, false, "exit status 1");
    agentfix_pass(self, 1500);
    next_for_receiver(self, NULL);
    agentfix_pass(self, 500);
    next_for_receiver(self, first);
    agent_core_receiver_done(self->core, first, true, "");
    next_for_receiver(self, second);
    agent_core_receiver_done(self->core, second, true, "");
    next_for_receiver(self, NULL);
    assert_false(agentfix_alarm(self, "receiver"));
}

static void garbage__of_any_length__ends_the_session_only(void **state)
{
    struct agentfix *self = *state;
    uint8_t bytes[64];

    for (size_t len = 0; len < sizeof bytes; len++) {
        self->world.random(self, bytes, sizeof bytes);
        agent_core_frame(self->core, slice_of(bytes, len));
    }
    agentfix_online(self);
    agentfix_deliver(self, 0, true, FAULT_NONE);
    assert_int_equal(inbox_size(self), 1);
}

/* ---- records ---- */

/* A field that this version has no name for, before all others. */
static void put_unknown(struct buf *out)
{
    static const uint8_t field_500[] = {0xa2, 0x1f, 3, 'n', 'e', 'w'};

    buf_put(out, field_500, sizeof field_500);
}

static void refusal(struct agentfix *self, struct buf *out)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;

    derived.kind = WAYPOST__SYSTEM_KIND__REFUSED;
    derived.at_ms = self->wall_ms;
    derived.has_event = derived.has_transfer = derived.has_subject = true;
    derived.event = (ProtobufCBinaryData){UUID_BYTES, self->peer_event};
    derived.transfer = (ProtobufCBinaryData){UUID_BYTES, self->peer_event};
    derived.subject = (ProtobufCBinaryData){UUID_BYTES, self->peer_event};
    derived.clock = (char *)(uintptr_t) "C01";
    derived.rule = (char *)(uintptr_t) "R28";
    derived.detail = (char *)(uintptr_t) "rules=R28,R29";
    message_encode(&derived.base, out);
}

static void see_notice(void *context, const struct notice_row *row)
{
    *(struct notice_row *)context = *row;
}

static void record__with_fields_of_a_later_version__hashes_as_it_came(void **state)
{
    struct agentfix *self = *state;
    struct identity identity;
    struct buf bytes = {0};

    agentfix_deliver(self, 0, true, FAULT_NONE);
    store_identity(self->store, &identity);
    put_unknown(&bytes);
    refusal(self, &bytes);
    struct hash item = hash_of("waypost/body/1", buf_slice(&bytes), slice_of(NULL, 0));
    struct hash wanted =
        hash_entry(&identity.running, identity.stream_upto + 1, ENTRY_RECORD, &item);
    agentfix_record(self, buf_slice(&bytes));
    store_identity(self->store, &identity);
    assert_memory_equal(identity.running.b, wanted.b, HASH_BYTES);
    buf_free(&bytes);
}

static void record__of_the_procedures__is_kept_whole(void **state)
{
    struct agentfix *self = *state;
    struct notice_row row = {.kind = 0};
    struct buf bytes = {0};

    agentfix_deliver(self, 0, true, FAULT_NONE);
    refusal(self, &bytes);
    agentfix_record(self, buf_slice(&bytes));
    store_notices(self->store, self->peer_event, see_notice, &row);
    assert_int_equal(row.kind, WAYPOST__SYSTEM_KIND__REFUSED);
    assert_string_equal(row.clock, "C01");
    assert_string_equal(row.rule, "R28");
    assert_string_equal(row.detail, "rules=R28,R29");
    assert_true(row.has_transfer && row.has_subject);
    assert_memory_equal(row.subject, self->peer_event, UUID_BYTES);
    buf_free(&bytes);
}

/* In the record's own unit, whatever this agent's tables say of the clock: it has none here. */
static void record__of_a_missed_deadline__is_told_in_a_sentence(void **state)
{
    struct agentfix *self = *state;
    const struct notice_row row = {.kind = WAYPOST__SYSTEM_KIND__DEADLINE_STOPPED,
        .clock = "C01",
        .detail = "due=2026-04-08 binds=E09000007,E09000019 state=breached late=3d"};

    json_t *json = notice_json(self->core, &row);
    assert_string_equal(json_string_value(json_object_get(json, "text")),
        "Deadline met or cancelled: C01, due 2026-04-08; to be kept by Camden and "
        "Islington, breached, 3 days late");
    assert_string_equal(json_string_value(json_object_get(json, "says")),
        "by 2026-04-08, Camden, Islington, breached, 3 days late");
    json_decref(json);
}

static void record__that_cannot_be_read__ends_the_session(void **state)
{
    struct agentfix *self = *state;

    agentfix_record(self, slice_of("\x08", 1));
    assert_true(agentfix_alarm(self, "protocol"));
}

int main(void)
{
#define WITH_AGENT(test) cmocka_unit_test_setup_teardown(test, setup, agentfix_end)
    const struct CMUnitTest tests[] = {
        WITH_AGENT(delivery__good__is_persisted_and_acknowledged),
        WITH_AGENT(acknowledgement__of_one_event__names_it_by_its_running_hash),
        WITH_AGENT(acknowledgement__of_several_entries__names_each_in_a_tree),
        WITH_AGENT(acknowledgements__behind_the_first__leave_at_a_beat_of_the_process),
        WITH_AGENT(delivery__repeated__is_applied_once),
        WITH_AGENT(delivery__known_event_in_a_new_epoch__has_no_second_effect),
        WITH_AGENT(delivery__bad_signature__is_a_fault_without_effect),
        WITH_AGENT(delivery__path_leads_elsewhere__is_a_fault_without_effect),
        WITH_AGENT(delivery__signer_does_not_speak_for_the_sender__is_a_fault),
        WITH_AGENT(delivery__wrapped_to_a_newer_key_too__opens_with_the_one_held),
        WITH_AGENT(delivery__tampered_payload__is_a_fault_and_its_facts_stand),
        WITH_AGENT(delivery__number_skipped__is_asked_for_again),
        WITH_AGENT(resend__refused__opens_a_session_whose_welcome_tells),
        WITH_AGENT(delivery__key_of_a_newer_register__waits_for_that_register),
        WITH_AGENT(frame__commit_fails__keeps_nothing_and_is_not_acknowledged),
        WITH_AGENT(epoch__that_cannot_be_written__is_taken_at_the_next_welcome),
        WITH_AGENT(frames__that_came_together__are_one_transaction),
        WITH_AGENT(frame__of_another_kind__ends_what_was_gathered),
        WITH_AGENT(frames__together_and_the_disk_fails__are_given_up_together),
        WITH_AGENT(frames__together_and_the_second_fails__are_given_up_together),
        cmocka_unit_test(agent__killed_before_the_commit__has_nothing_of_the_frame),
        cmocka_unit_test(agent__killed_after_the_commit__has_all_of_it_and_applies_it_once),
        WITH_AGENT(opening__by_a_role__is_said_until_it_is_acknowledged),
        WITH_AGENT(counter__after_a_restart__never_falls),
        WITH_AGENT(receiver__fails__is_tried_again_in_order_with_longer_waits),
        WITH_AGENT(garbage__of_any_length__ends_the_session_only),
        cmocka_unit_test_setup_teardown(
            record__with_fields_of_a_later_version__hashes_as_it_came, setup, agentfix_end),
        cmocka_unit_test_setup_teardown(
            record__of_the_procedures__is_kept_whole, setup, agentfix_end),
        cmocka_unit_test_setup_teardown(
            record__of_a_missed_deadline__is_told_in_a_sentence, setup, agentfix_end),
        cmocka_unit_test_setup_teardown(
            record__that_cannot_be_read__ends_the_session, setup, agentfix_end),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests_name("agent_incoming", tests, NULL, NULL);
}
