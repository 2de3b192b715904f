/*
 * A broker that lies to an agent: it has its own keys and everything that was ever said through it, and says what it
 * likes. Each test is an attack: what the agent notices, what it calls it, and that nothing of its own is lost or
 * invented. docs/SECURITY.md, "A hostile broker", is held to the table at the foot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/agent/store_sql.h"
#include "common/base/fsio.h"
#include "tests/support/agent_fixture.h"

#include "common/base/banned.h"

#define HOUR_MS 3600000
#define SEND                                                                                       \
    "{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'facts': {'permanence': "       \
    "'permanent', 'retain_intention': 'transfer'}}"

static int setup(void **state)
{
    struct agentfix *self = mem_new(1, sizeof *self);

    agentfix_setup(self, NULL);
    agentfix_online(self);
    json_decref(agentfix_ask(self,
        "{'op': 'new_transfer', 'origin': 'E09000019', 'receiving': 'E09000007',"
        " 'subjects': [{'name': 'ash', 'case_type': 'cp'}], 'label': 'spring'}"));
    *state = self;
    return 0;
}

static void send_one(struct agentfix *self)
{
    json_t *answer = agentfix_ask(self, SEND);

    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
}

static uint64_t in_state(struct agentfix *self, enum outbox_state state)
{
    return store_outbox_count(self->store, state);
}

static uint64_t inbox_size(struct agentfix *self)
{
    int64_t oldest_ms;

    return store_inbox_unopened(self->store, &oldest_ms);
}

static void reconnect(struct agentfix *self)
{
    if (self->is_connected) {
        self->is_connected = false;
        agent_core_disconnected(self->core, E_UNREACHABLE);
    }
    agentfix_forget(self);
    agentfix_online(self);
}

/* An honest broker again: whatever still waits is taken, and what comes is acknowledged. */
static void heals(struct agentfix *self, uint64_t own)
{
    self->tamper = NULL;
    agentfix_pass(self, HOUR_MS);
    reconnect(self);
    agentfix_pass(self, 100);
    (void)agentfix_serve(self);
    assert_int_equal(in_state(self, OUTBOX_ACCEPTED), own);
    assert_int_equal(in_state(self, OUTBOX_WAITING) + in_state(self, OUTBOX_SENT), 0);
}

/* ---- WELCOME ---- */

static void forge_head(struct agentfix *self, Waypost__Frame *frame)
{
    (void)self;
    if (frame->body_case == WAYPOST__FRAME__BODY_WELCOME) {
        frame->welcome->head->signature.data[7] ^= 1;
    }
}

static void welcome__head_that_it_did_not_sign__stops_publishing(void **state)
{
    struct agentfix *self = *state;

    self->tamper = forge_head;
    reconnect(self);
    send_one(self);
    agentfix_pass(self, 2000);
    assert_true(agentfix_alarm(self, "fork"));
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    heals(self, 1);
}

static void another_journal(struct agentfix *self, Waypost__Frame *frame)
{
    if (frame->body_case == WAYPOST__FRAME__BODY_WELCOME) {
        self->journal[0] ^= 1;
    }
}

static void welcome__journal_of_another_name__stops_publishing(void **state)
{
    struct agentfix *self = *state;

    send_one(self);
    assert_int_equal(agentfix_serve(self), 1);
    another_journal(self, &(Waypost__Frame){.body_case = WAYPOST__FRAME__BODY_WELCOME});
    reconnect(self);
    assert_true(agentfix_alarm(self, "fork"));
}

static void lower_epoch(struct agentfix *self, Waypost__Frame *frame)
{
    (void)frame;
    self->epoch--;
}

static void welcome__epoch_that_is_over__stops_publishing(void **state)
{
    struct agentfix *self = *state;

    self->epoch = 2;
    send_one(self);
    assert_int_equal(agentfix_serve(self), 1);
    lower_epoch(self, NULL);
    reconnect(self);
    assert_true(agentfix_alarm(self, "rollback"));
}

static void know_too_much(struct agentfix *self, Waypost__Frame *frame)
{
    (void)self;
    if (frame->body_case == WAYPOST__FRAME__BODY_WELCOME) {
        frame->welcome->last_sequence = UINT64_MAX / 2;
        frame->welcome->incarnation_known = true;
    }
}

/* It makes the agent fetch its own events, and gives back one that the agent never said. */
static void own_events__that_we_never_signed__do_not_count(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);

    send_one(self);
    assert_true(agentfix_accept(self, batch));
    self->tamper = know_too_much;
    reconnect(self);
    assert_true(agentfix_alarm(self, "restored"));
    self->tamper = NULL;
    uint8_t *at = batch->events[0].data + batch->events[0].len - 3;
    *at ^= 1; /* other facts */
    agentfix_own_events(self, batch, 1);
    assert_true(agentfix_alarm(self, "bad_event"));
    assert_int_equal(in_state(self, OUTBOX_ACCEPTED), 0);
    agentfix_batch_free(batch);
    free(batch);
}

static void own_events__signed_by_another__do_not_count(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);

    send_one(self);
    assert_true(agentfix_accept(self, batch));
    self->tamper = know_too_much;
    reconnect(self);
    self->tamper = NULL;
    batch->signature.data[9] ^= 1;
    agentfix_own_events(self, batch, 1);
    assert_true(agentfix_alarm(self, "bad_event"));
    assert_int_equal(in_state(self, OUTBOX_ACCEPTED), 0);
    agentfix_batch_free(batch);
    free(batch);
}

static void no_credit(struct agentfix *self, Waypost__Frame *frame)
{
    (void)self;
    if (frame->body_case == WAYPOST__FRAME__BODY_WELCOME) {
        frame->welcome->credit_events = 0;
        frame->welcome->credit_bytes = 0;
        frame->welcome->heartbeat_ms = 0;
    }
}

static void welcome__no_credit__still_lets_one_event_go_at_a_time(void **state)
{
    struct agentfix *self = *state;

    self->tamper = no_credit;
    reconnect(self);
    send_one(self);
    send_one(self);
    agentfix_pass(self, 10);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    heals(self, 2);
}

static void boundless(struct agentfix *self, Waypost__Frame *frame)
{
    (void)self;
    if (frame->body_case == WAYPOST__FRAME__BODY_WELCOME) {
        frame->welcome->credit_events = UINT32_MAX;
        frame->welcome->credit_bytes = UINT32_MAX;
        frame->welcome->heartbeat_ms = UINT32_MAX;
    }
}

static void welcome__numbers_without_bound__meet_the_agents_own(void **state)
{
    struct agentfix *self = *state;

    self->tamper = boundless;
    reconnect(self);
    agentfix_forget(self);
    agentfix_pass(self, 61000); /* it speaks once a minute whatever it was told */
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PING));
    heals(self, 0);
}

static void newer_register(struct agentfix *self, Waypost__Frame *frame)
{
    (void)self;
    if (frame->body_case == WAYPOST__FRAME__BODY_WELCOME) {
        frame->welcome->register_version = 99;
    }
}

static void register__promised_and_never_given__is_an_alarm_after_a_minute(void **state)
{
    struct agentfix *self = *state;

    self->tamper = newer_register;
    self->is_connected = false;
    agent_core_disconnected(self->core, E_UNREACHABLE);
    agentfix_forget(self);
    agentfix_connect(self);
    agentfix_welcome(self);
    for (int i = 0; i < 90; i++) { /* it answers everything but that */
        Waypost__Frame frame = WAYPOST__FRAME__INIT;
        Waypost__Pong pong = WAYPOST__PONG__INIT;
        frame.body_case = WAYPOST__FRAME__BODY_PONG;
        frame.pong = &pong;
        agentfix_give(self, &frame);
        agentfix_pass(self, 1000);
        agentfix_forget(self);
    }
    assert_true(agentfix_alarm(self, "register"));
    heals(self, 0);
}

static void forge_register(struct agentfix *self, Waypost__Frame *frame)
{
    (void)self;
    if (frame->body_case == WAYPOST__FRAME__BODY_REGISTER_IS) {
        ProtobufCBinaryData *bytes = &frame->register_is->signed_register;
        bytes->data[bytes->len / 2] ^= 1;
    }
}

static void register__with_a_key_swapped__is_refused(void **state)
{
    struct agentfix *self = *state;

    agentfix_register(self);
    self->tamper = forge_register;
    reconnect(self);
    assert_true(agentfix_alarm(self, "register"));
    self->tamper = NULL;
}

/* ---- receipts ---- */

static void forget_register(struct agentfix *self)
{
    self->tamper = NULL;
}

static int64_t receipt_moved_ms;

/* The journal says so too: it was written with another time. */
static void receipt_at(struct agentfix *self, int64_t moved_ms)
{
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);

    receipt_moved_ms = moved_ms;
    send_one(self);
    int64_t now_ms = self->wall_ms;
    self->wall_ms += moved_ms;
    assert_true(agentfix_accept(self, batch));
    self->wall_ms = now_ms;
    agentfix_receipt(self, batch, FAULT_NONE, false);
    agentfix_batch_free(batch);
    free(batch);
}

static void receipt__backdated__counts_and_is_an_alarm(void **state)
{
    struct agentfix *self = *state;

    receipt_at(self, -24 * HOUR_MS);
    assert_true(agentfix_alarm(self, "broker_time"));
    assert_int_equal(in_state(self, OUTBOX_ACCEPTED), 1);
}

static void receipt__postdated__counts_and_is_an_alarm(void **state)
{
    struct agentfix *self = *state;

    receipt_at(self, 24 * HOUR_MS);
    assert_true(agentfix_alarm(self, "broker_time"));
    assert_int_equal(in_state(self, OUTBOX_ACCEPTED), 1);
}

static void receipt__of_now__is_no_alarm(void **state)
{
    struct agentfix *self = *state;

    receipt_at(self, 0);
    assert_false(agentfix_alarm(self, "broker_time"));
}

static void receipt__withheld__is_an_alarm_and_the_event_stays(void **state)
{
    struct agentfix *self = *state;

    send_one(self);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    for (int minute = 0; minute < 11; minute++) {
        Waypost__Frame frame = WAYPOST__FRAME__INIT;
        Waypost__Pong pong = WAYPOST__PONG__INIT;
        agentfix_pass(self, 30000);
        frame.body_case = WAYPOST__FRAME__BODY_PONG;
        frame.pong = &pong;
        agentfix_give(self, &frame); /* it answers everything but that */
        agentfix_forget(self);
        agentfix_pass(self, 30000);
        agentfix_give(self, &frame);
        agentfix_forget(self);
    }
    assert_true(agentfix_alarm(self, "publish"));
    assert_int_equal(in_state(self, OUTBOX_SENT), 1);
    heals(self, 1);
    assert_false(agentfix_alarm(self, "publish"));
}

static void receipt__of_another_event__accepts_nothing(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);

    send_one(self);
    assert_true(agentfix_accept(self, batch));
    agentfix_receipt(self, batch, FAULT_STATEMENT, false);
    assert_true(agentfix_alarm(self, "receipt"));
    assert_int_equal(in_state(self, OUTBOX_ACCEPTED), 0);
    agentfix_batch_free(batch);
    free(batch);
    heals(self, 1);
}

/* ---- deliveries ---- */

static void event__invented__takes_no_effect(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, false, FAULT_SIGNATURE);
    assert_true(agentfix_alarm(self, "bad_event"));
    assert_int_equal(inbox_size(self), 0);
}

static void event__in_the_name_of_another__takes_no_effect(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, false, FAULT_FROM);
    assert_true(agentfix_alarm(self, "bad_event"));
    assert_int_equal(inbox_size(self), 0);
}

static void event__said_again_under_another_number__has_one_effect(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_redeliver(self, 2);
    agentfix_deliver_again(self);
    assert_int_equal(inbox_size(self), 1);
}

static void event__withheld__is_an_alarm_an_hour_after_the_next(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, false, FAULT_NONE);
    self->peer_n++; /* one that never comes */
    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_pass(self, HOUR_MS / 2);
    assert_false(agentfix_alarm(self, "missing"));
    for (int i = 0; i < 120; i++) {
        agentfix_pass(self, 60000);
    }
    assert_true(agentfix_alarm(self, "missing"));
}

static void event__out_of_order__is_counted_and_no_gap_stays(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, false, FAULT_NONE);
    self->peer_n++;
    agentfix_deliver(self, 0, false, FAULT_NONE); /* 3 */
    self->peer_n -= 2;
    agentfix_deliver(self, 0, false, FAULT_NONE); /* 2 */
    for (int i = 0; i < 120; i++) {
        agentfix_pass(self, 60000);
    }
    assert_int_equal(inbox_size(self), 3);
    assert_false(agentfix_alarm(self, "missing"));
}

static bool is_persisted(struct agentfix *self, const struct buf *event)
{
    struct event_view view;
    int64_t at_ms;

    assert_int_equal(event_read(buf_slice(event), &view, NULL), 0);
    return store_level_of(self->store, view.id, AGENTFIX_PEER, &at_ms) == LEVEL_PERSISTED;
}

/* Two events of ours in one batch, which the peer is to get. */
static struct agentfix_batch *two_accepted(struct agentfix *self)
{
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);

    self->is_connected = false;
    agent_core_disconnected(self->core, E_UNREACHABLE);
    send_one(self);
    send_one(self);
    reconnect(self);
    assert_true(agentfix_accept(self, batch));
    assert_int_equal(batch->count, 2);
    agentfix_receipt(self, batch, FAULT_NONE, false);
    return batch;
}

/* A database that was put back from a copy knows that only when WELCOME is checked, which waits for a newer register. */
static void acknowledgement__of_an_event_that_a_restored_database_forgot__is_no_lie(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = two_accepted(self);
    struct agentfix_ack ack = {
        .received = batch->events, .count = 1, .told = &batch->events[0], .named = true};

    store_begin(self->store);
    store_run(self->store, store_sql(self->store, "DELETE FROM outbox"));
    assert_int_equal(store_commit(self->store), 0);
    self->is_connected = false;
    agent_core_disconnected(self->core, E_UNREACHABLE);
    agentfix_register(self);
    agentfix_connect(self);
    agentfix_welcome(self);
    agentfix_peer_ack(self, &ack);
    assert_false(agentfix_alarm(self, "withheld"));
    agentfix_give_register(self);
    assert_true(agentfix_alarm(self, "restored"));
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_RESEND)); /* it was not taken */
    agentfix_batch_free(batch);
    free(batch);
}

static void acknowledgement__attached_to_an_event_that_is_withheld__is_an_alarm_at_once(
    void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = two_accepted(self);
    struct agentfix_ack ack = {
        .received = batch->events, .count = 1, .told = &batch->events[1], .named = true};

    agentfix_peer_ack(
        self, &ack); /* a true word about the first, handed over as one about the second */
    assert_true(agentfix_alarm(self, "withheld"));
    assert_false(is_persisted(self, &batch->events[1]));
    agentfix_batch_free(batch);
    free(batch);
}

static void acknowledgement__true__counts_and_is_no_alarm(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = two_accepted(self);
    struct agentfix_ack ack = {.received = batch->events,
        .count = 2,
        .told = &batch->events[1],
        .place = 1,
        .named = true};

    agentfix_peer_ack(self, &ack);
    assert_false(agentfix_alarm(self, "withheld"));
    assert_true(is_persisted(self, &batch->events[1]));
    assert_false(is_persisted(self, &batch->events[0])); /* that was not said yet */
    agentfix_batch_free(batch);
    free(batch);
}

/* Before acknowledgements named anything: which event they are about is the broker's word. */
static void acknowledgement__that_names_nothing__counts_as_before(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = two_accepted(self);
    struct agentfix_ack ack = {.received = batch->events, .count = 1, .told = &batch->events[1]};

    agentfix_peer_ack(self, &ack);
    assert_true(is_persisted(self, &batch->events[1]));
    agentfix_batch_free(batch);
    free(batch);
}

static void move_acceptance(struct agentfix *self, Waypost__Frame *frame)
{
    (void)self;
    if (frame->body_case == WAYPOST__FRAME__BODY_DELIVER && frame->deliver->n_batches > 0) {
        frame->deliver->batches[0]->accepted_ms += receipt_moved_ms;
    }
}

static void event__accepted_before_it_was_sent__is_an_alarm(void **state)
{
    struct agentfix *self = *state;

    receipt_moved_ms = -24 * HOUR_MS;
    self->tamper = move_acceptance;
    agentfix_deliver(self, 0, false, FAULT_NONE);
    forget_register(self);
    assert_true(agentfix_alarm(self, "broker_time") || agentfix_alarm(self, "bad_event"));
}

static void event__accepted_tomorrow__is_an_alarm(void **state)
{
    struct agentfix *self = *state;

    receipt_moved_ms = 24 * HOUR_MS;
    self->tamper = move_acceptance;
    agentfix_deliver(self, 0, false, FAULT_NONE);
    forget_register(self);
    assert_true(agentfix_alarm(self, "broker_time"));
}

static void drop_payload(struct agentfix *self, Waypost__Frame *frame)
{
    (void)self;
    if (frame->body_case == WAYPOST__FRAME__BODY_DELIVER) {
        frame->deliver->entries[0]->event->has_payload = false;
        frame->deliver->entries[0]->event->wrap = NULL;
    }
}

static void payload__left_out__is_an_alarm_and_the_facts_stand(void **state)
{
    struct agentfix *self = *state;

    self->tamper = drop_payload;
    agentfix_deliver(self, 0, true, FAULT_NONE);
    assert_true(agentfix_alarm(self, "bad_payload"));
    assert_int_equal(inbox_size(self), 1);
    agentfix_acked(self);
    assert_int_equal(agentfix_last_ack(self)->n_faults, 1);
}

static void payload__changed__is_an_alarm_and_the_facts_stand(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, true, FAULT_CIPHERTEXT);
    assert_true(agentfix_alarm(self, "bad_payload"));
    assert_int_equal(inbox_size(self), 1);
}

static void swap_wrap(struct agentfix *self, Waypost__Frame *frame)
{
    (void)self;
    if (frame->body_case == WAYPOST__FRAME__BODY_DELIVER) {
        frame->deliver->entries[0]->event->wrap->sealed_key.data[3] ^= 1;
    }
}

static void payload__with_its_key_swapped__is_an_alarm_and_the_facts_stand(void **state)
{
    struct agentfix *self = *state;

    self->tamper = swap_wrap;
    agentfix_deliver(self, 0, true, FAULT_NONE);
    assert_true(agentfix_alarm(self, "bad_payload"));
    assert_int_equal(inbox_size(self), 1);
}

/* ---- refusals ---- */

static void session__ended_by_lies__loses_nothing(void **state)
{
    static const int codes[] = {E_SUPERSEDED, E_REVOKED, E_BUSY, E_NETWORK, E_VERSION, E_KEY};
    struct agentfix *self = *state;

    send_one(self);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        agentfix_refuse(self, codes[i], WAYPOST__FRAME__BODY_HELLO, 0, -1, 0);
        self->is_connected = false;
        agent_core_disconnected(self->core, E_UNREACHABLE);
        agentfix_pass(self, HOUR_MS);
        agentfix_forget(self);
        agentfix_online(self);
    }
    heals(self, 1);
}

static void event__refused_by_a_lie__is_kept_and_told(void **state)
{
    struct agentfix *self = *state;

    send_one(self);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_refuse(self, E_RECIPIENT, WAYPOST__FRAME__BODY_PUBLISH, 1, 0, 0);
    assert_true(agentfix_alarm(self, "refused"));
    assert_int_equal(in_state(self, OUTBOX_REFUSED), 1);
}

static void publishing__sent_in_circles__slows_down(void **state)
{
    struct agentfix *self = *state;
    unsigned published = 0;

    send_one(self);
    for (int second = 0; second < 600; second++) {
        while (agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH) != NULL) {
            published++;
            agentfix_refuse(self, E_GAP, WAYPOST__FRAME__BODY_PUBLISH, 1, -1, 1);
        }
        agentfix_pass(self, 1000);
        agentfix_forget(self);
    }
    assert_in_range(published, 1, 120);
    assert_int_equal(in_state(self, OUTBOX_ACCEPTED), 0);
}

/* ---- floods ---- */

static void notices__in_masses__change_nothing_and_end_the_session(void **state)
{
    struct agentfix *self = *state;

    for (int i = 0; i < 20000; i++) {
        Waypost__Frame frame = WAYPOST__FRAME__INIT;
        Waypost__Pong pong = WAYPOST__PONG__INIT;
        frame.body_case = WAYPOST__FRAME__BODY_PONG;
        frame.pong = &pong;
        agentfix_give(self, &frame);
    }
    assert_true(agentfix_alarm(self, "protocol"));
    assert_false(agent_core_online(self->core));
    heals(self, 0);
    assert_false(agentfix_alarm(self, "protocol"));
}

static void event__said_again_in_masses__has_one_effect_and_ends_the_session(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, false, FAULT_NONE);
    for (int i = 0; i < 20000; i++) {
        agentfix_deliver_again(self);
    }
    assert_int_equal(inbox_size(self), 1);
    assert_true(agentfix_alarm(self, "protocol"));
    heals(self, 0);
}

/* ---- the document ---- */

static const struct CMUnitTest tests[] = {
#define ATTACK(test) cmocka_unit_test_setup_teardown(test, setup, agentfix_end)
    ATTACK(welcome__head_that_it_did_not_sign__stops_publishing),
    ATTACK(welcome__journal_of_another_name__stops_publishing),
    ATTACK(welcome__epoch_that_is_over__stops_publishing),
    ATTACK(own_events__that_we_never_signed__do_not_count),
    ATTACK(own_events__signed_by_another__do_not_count),
    ATTACK(welcome__no_credit__still_lets_one_event_go_at_a_time),
    ATTACK(welcome__numbers_without_bound__meet_the_agents_own),
    ATTACK(register__promised_and_never_given__is_an_alarm_after_a_minute),
    ATTACK(register__with_a_key_swapped__is_refused),
    ATTACK(receipt__backdated__counts_and_is_an_alarm),
    ATTACK(receipt__postdated__counts_and_is_an_alarm),
    ATTACK(receipt__of_now__is_no_alarm),
    ATTACK(receipt__withheld__is_an_alarm_and_the_event_stays),
    ATTACK(receipt__of_another_event__accepts_nothing),
    ATTACK(event__invented__takes_no_effect),
    ATTACK(event__in_the_name_of_another__takes_no_effect),
    ATTACK(event__said_again_under_another_number__has_one_effect),
    ATTACK(event__withheld__is_an_alarm_an_hour_after_the_next),
    ATTACK(event__out_of_order__is_counted_and_no_gap_stays),
    ATTACK(acknowledgement__attached_to_an_event_that_is_withheld__is_an_alarm_at_once),
    ATTACK(acknowledgement__of_an_event_that_a_restored_database_forgot__is_no_lie),
    ATTACK(acknowledgement__true__counts_and_is_no_alarm),
    ATTACK(acknowledgement__that_names_nothing__counts_as_before),
    ATTACK(event__accepted_before_it_was_sent__is_an_alarm),
    ATTACK(event__accepted_tomorrow__is_an_alarm),
    ATTACK(payload__left_out__is_an_alarm_and_the_facts_stand),
    ATTACK(payload__changed__is_an_alarm_and_the_facts_stand),
    ATTACK(payload__with_its_key_swapped__is_an_alarm_and_the_facts_stand),
    ATTACK(session__ended_by_lies__loses_nothing),
    ATTACK(event__refused_by_a_lie__is_kept_and_told),
    ATTACK(publishing__sent_in_circles__slows_down),
    ATTACK(notices__in_masses__change_nothing_and_end_the_session),
    ATTACK(event__said_again_in_masses__has_one_effect_and_ends_the_session),
};

int main(void)
{
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests_name("hostile_broker", tests, NULL, NULL);
}
