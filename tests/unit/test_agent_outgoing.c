/* What an agent says: the queue while the broker is away, receipts, refusals, restored copies, a broker that forgot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/agent/limits.h"
#include "client/agent/store_evidence.h"
#include "tests/support/agent_fixture.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

static char transfer[64];

static int setup(void **state)
{
    struct agentfix *self = mem_new(1, sizeof *self);

    agentfix_setup(self, NULL);
    *state = self;
    return 0;
}

/* The register once, then a transfer to send events of. */
static void know_the_network(struct agentfix *self)
{
    agentfix_online(self);
    json_t *answer = agentfix_ask(self,
        "{'op': 'new_transfer', 'origin': 'E09000019', 'receiving': 'E09000007',"
        " 'subjects': [{'name': 'ash', 'case_type': 'cp'}], 'label': 'spring'}");
    assert_true(json_is_true(json_object_get(answer, "ok")));
    (void)snprintf(
        transfer, sizeof transfer, "%s", json_string_value(json_object_get(answer, "transfer")));
    json_decref(answer);
}

static void go_away(struct agentfix *self)
{
    self->is_connected = false;
    agent_core_disconnected(self->core, E_UNREACHABLE);
    agentfix_forget(self);
}

/* event: the id that it got, NULL for nowhere. */
static void send_text(struct agentfix *self, const char *request, char *event)
{
    json_t *answer = agentfix_ask(self, request);

    if (!json_is_true(json_object_get(answer, "ok"))) {
        fail_msg("%s", json_string_value(json_object_get(answer, "error")));
    }
    if (event != NULL) {
        (void)snprintf(
            event, UUID_TEXT_BYTES, "%s", json_string_value(json_object_get(answer, "event")));
    }
    json_decref(answer);
}

#define SEND                                                                                       \
    "{'op': 'send', 'kind': 'move_notified', 'transfer': 'spring', 'facts': {'permanence':"        \
    " 'permanent', 'retain_intention': 'transfer'}"

static void send_one(struct agentfix *self, bool sealed, char *event)
{
    send_text(self, sealed ? SEND ", 'sealed': {'child_name': 'Ash'}}" : SEND "}", event);
}

/* With a document that leaves no room in its batch: the next one need not wait for its receipt. */
static void send_document(struct agentfix *self)
{
    struct buf request = {0};

    buf_put_text(&request, "%s", SEND ", 'attachments': [{'name': 'plan.pdf', 'base64': '");
    for (size_t i = 0; i < BATCH_BYTES_MAX / 2 / 3 + 1; i++) {
        buf_put_text(&request, "AAAA");
    }
    buf_put_text(&request, "'}]}");
    buf_put_u8(&request, 0);
    send_text(self, (const char *)request.data, NULL);
    buf_free(&request);
}

static uint64_t accepted(struct agentfix *self)
{
    return store_outbox_count(self->store, OUTBOX_ACCEPTED);
}

static void queue__broker_away_for_weeks__drains_in_order(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);
    uint64_t next = 1;
    uint8_t last[UUID_BYTES] = {0};

    know_the_network(self);
    go_away(self);
    for (int i = 0; i < 600; i++) {
        send_one(self, i % 7 == 0, NULL);
        agentfix_pass(self, 3600000);
    }
    assert_int_equal(store_outbox_count(self->store, OUTBOX_WAITING), 600);
    agentfix_online(self);
    while (agentfix_accept(self, batch)) {
        assert_int_equal(batch->first, next);
        for (uint32_t i = 0; i < batch->count; i++) {
            struct event_view view;
            assert_int_equal(event_read(buf_slice(&batch->events[i]), &view, NULL), 0);
            assert_int_equal(view.sequence, next);
            assert_int_equal(view.to[0].n, next);
            assert_true(memcmp(view.id, last, UUID_BYTES) > 0);
            memcpy(last, view.id, UUID_BYTES);
            next++;
        }
        agentfix_receipt(self, batch, FAULT_NONE, false);
        agentfix_batch_free(batch);
    }
    assert_int_equal(next, 601);
    assert_int_equal(accepted(self), 600);
    free(batch);
}

static void credit__of_four_events__is_never_exceeded(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);

    self->credit_events = 4;
    know_the_network(self);
    go_away(self);
    for (int i = 0; i < 20; i++) {
        send_one(self, false, NULL);
    }
    agentfix_online(self);
    uint32_t flying = 0;
    size_t total = 0;
    while (agentfix_accept(self, batch)) {
        flying += batch->count;
        assert_true(flying <= 4);
        assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
        agentfix_receipt(self, batch, FAULT_NONE, false);
        total += batch->count;
        flying -= batch->count;
        agentfix_batch_free(batch);
    }
    assert_int_equal(total, 20);
    free(batch);
}

static uint64_t commits(const struct agentfix *self)
{
    return histogram_total(store_sync(self->store));
}

/* A draft that can leave at once is on disk with the batch that it leaves in. */
static void event__said_while_nothing_is_on_its_way__costs_one_commit(void **state)
{
    struct agentfix *self = *state;

    know_the_network(self);
    uint64_t before = commits(self);
    send_one(self, true, NULL);
    assert_int_equal(commits(self), before + 1);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
}

/* They leave in one batch, which is on disk with the receipt that they waited for. */
static void events__said_while_one_is_on_its_way__leave_together_after_its_receipt(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batches = mem_new(2, sizeof *batches);

    know_the_network(self);
    send_one(self, false, NULL);
    assert_true(agentfix_accept(self, &batches[0]));
    for (int i = 0; i < 3; i++) {
        send_one(self, false, NULL);
    }
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    uint64_t before = commits(self);
    self->holds_tick = true;
    agent_core_gather(self->core);
    agentfix_receipt(self, &batches[0], FAULT_NONE, false);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH)); /* it is not on disk yet */
    agent_core_gathered(self->core);
    self->holds_tick = false;
    assert_int_equal(commits(self), before + 1);
    agent_core_tick(self->core);
    assert_int_equal(commits(self), before + 1);
    assert_true(agentfix_accept(self, &batches[1]));
    assert_int_equal(batches[1].count, 3);
    agentfix_receipt(self, &batches[1], FAULT_NONE, false);
    assert_int_equal(accepted(self), 4);
    for (size_t i = 0; i < 2; i++) {
        agentfix_batch_free(&batches[i]);
    }
    free(batches);
}

/* The same event bytes again, whatever happened between: a kill, a lost receipt. */
static void event__sent_and_agent_killed__is_sent_again_byte_for_byte(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *first = mem_new(1, sizeof *first);
    struct agentfix_batch *again = mem_new(1, sizeof *again);
    char path[PLACE_BYTES];

    agentfix_close(self);
    place_file(path);
    memcpy(self->path, path, sizeof path);
    agentfix_open(self);
    know_the_network(self);
    send_one(self, true, NULL);
    assert_true(agentfix_accept(self, first));
    agentfix_close(self); /* no receipt came */
    agentfix_open(self);
    agentfix_online(self);
    self->last_sequence = 0; /* agentfix_accept() counts it anew */
    size_t leaves = self->leaf_count;
    assert_true(agentfix_accept(self, again));
    self->leaf_count = leaves;
    self->own_events = 1;
    assert_int_equal(again->first, first->first);
    assert_true(slice_equal(buf_slice(&again->events[0]), buf_slice(&first->events[0])));
    assert_true(slice_equal(buf_slice(&again->payloads[0]), buf_slice(&first->payloads[0])));
    agentfix_receipt(self, first, FAULT_NONE, true);
    assert_int_equal(accepted(self), 1);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_batch_free(first);
    agentfix_batch_free(again);
    free(first);
    free(again);
    place_remove_database(path);
}

static void refuse_receipt(struct agentfix *self, enum agentfix_fault fault)
{
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);

    know_the_network(self);
    send_one(self, false, NULL);
    send_one(self, false, NULL);
    assert_true(agentfix_accept(self, batch));
    agentfix_receipt(self, batch, fault, false);
    assert_int_equal(accepted(self), 0);
    assert_true(agentfix_alarm(self, "receipt"));
    /* the true one of the next session is taken, and the alarm is over */
    agentfix_online(self);
    (void)agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH);
    agentfix_receipt(self, batch, FAULT_NONE, true);
    assert_int_equal(accepted(self), batch->count);
    assert_false(agentfix_alarm(self, "receipt"));
    agentfix_batch_free(batch);
    free(batch);
}

static void receipt__forged_head__accepts_nothing(void **state)
{
    refuse_receipt(*state, FAULT_HEAD_SIGNATURE);
}

static void receipt__path_leads_elsewhere__accepts_nothing(void **state)
{
    refuse_receipt(*state, FAULT_PATH);
}

static void receipt__for_another_statement__accepts_nothing(void **state)
{
    refuse_receipt(*state, FAULT_STATEMENT);
}

static void event__refused__is_set_aside_and_the_rest_goes_on(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);
    char second[UUID_TEXT_BYTES];

    know_the_network(self);
    go_away(self);
    send_one(self, false, NULL);
    send_one(self, false, second);
    send_one(self, true, NULL);
    agentfix_online(self);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_refuse(self, E_RECIPIENT, WAYPOST__FRAME__BODY_PUBLISH, 1, 1, 0);
    agentfix_pass(self, 2000);
    assert_true(agentfix_accept(self, batch));
    assert_int_equal(batch->first, 1);
    assert_int_equal(batch->count, 2); /* the third took the number of the refused one */
    agentfix_receipt(self, batch, FAULT_NONE, false);
    assert_int_equal(accepted(self), 2);
    assert_int_equal(store_outbox_count(self->store, OUTBOX_REFUSED), 1);
    assert_true(agentfix_alarm(self, "refused"));
    struct event_view view;
    assert_int_equal(event_read(buf_slice(&batch->events[1]), &view, NULL), 0);
    assert_int_equal(view.sequence, 2);
    assert_int_equal(view.to[0].n, 2);
    agentfix_batch_free(batch);
    free(batch);
}

static void event__made_while_the_clock_was_wrong__is_made_again_with_the_time_of_then(void **state)
{
    struct agentfix *self = *state;

    know_the_network(self);
    self->wall_ms += 3600000;
    send_one(self, true, NULL);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    self->wall_ms -= 3600000;
    agentfix_refuse(self, E_DATE, WAYPOST__FRAME__BODY_PUBLISH, 1, 0, 0);
    assert_int_equal(store_outbox_count(self->store, OUTBOX_REFUSED), 0);
    assert_true(agentfix_alarm(self, "publish"));
    agentfix_pass(self, 2000);
    assert_int_equal(agentfix_serve(self), 1);
    assert_int_equal(accepted(self), 1);
    assert_false(agentfix_alarm(self, "publish"));
    send_one(
        self, false, NULL); /* the broker's clock may be the wrong one, and right again since */
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_refuse(self, E_DATE, WAYPOST__FRAME__BODY_PUBLISH, 2, 0, 0);
    assert_int_equal(store_outbox_count(self->store, OUTBOX_REFUSED), 0);
    agentfix_pass(self, 2000);
    assert_int_equal(agentfix_serve(self), 1);
}

/* Accepted, and then the broker came back from a copy without it. */
static void accept_and_lose(struct agentfix *self, struct agentfix_batch *batch)
{
    know_the_network(self);
    send_one(self, true, NULL);
    assert_true(agentfix_accept(self, batch));
    agentfix_receipt(self, batch, FAULT_NONE, false);
    go_away(self);
    store_begin(self->store);
    assert_int_equal(store_forget_from(self->store, 0), 1);
    assert_int_equal(store_commit(self->store), 0);
    self->last_sequence = 0;
    agentfix_pass(self, 3600000);
}

/* Others may hold its bytes: they stay as they are. */
static void event__lost_and_refused_for_its_time__is_sent_as_it_is_until_it_is_taken(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batches = mem_new(2, sizeof *batches);

    accept_and_lose(self, &batches[0]);
    agentfix_online(self);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_refuse(self, E_DATE, WAYPOST__FRAME__BODY_PUBLISH, 1, 0, 0);
    assert_true(agentfix_alarm(self, "publish"));
    agentfix_pass(self, 2000);
    assert_true(agentfix_accept(self, &batches[1]));
    assert_true(slice_equal(buf_slice(&batches[0].events[0]), buf_slice(&batches[1].events[0])));
    agentfix_receipt(self, &batches[1], FAULT_NONE, false);
    assert_int_equal(accepted(self), 1);
    assert_false(agentfix_alarm(self, "publish"));
    for (size_t i = 0; i < 2; i++) {
        agentfix_batch_free(&batches[i]);
    }
    free(batches);
}

/* Both were accepted, and their receipts were lost. Then the disk is full, and the second is of a kind that is taken still. */
static void receipt__behind_a_batch_that_was_refused_for_now__leaves_no_hole(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batches = mem_new(2, sizeof *batches);

    know_the_network(self);
    for (size_t i = 0; i < 2; i++) {
        send_document(self);
        assert_true(agentfix_accept(self, &batches[i]));
    }
    go_away(self);
    agentfix_online(self);
    agentfix_refuse(self, E_FULL, WAYPOST__FRAME__BODY_PUBLISH, 1, -1, 0);
    agentfix_receipt(self, &batches[1], FAULT_NONE, true);
    assert_int_equal(accepted(self), 0);
    agentfix_forget(self);
    agentfix_pass(self, 2000);
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
        agentfix_receipt(self, &batches[i], FAULT_NONE, true);
        assert_int_equal(accepted(self), i + 1);
        agentfix_batch_free(&batches[i]);
    }
    free(batches);
}

static void broker__busy__is_asked_again_later(void **state)
{
    struct agentfix *self = *state;

    know_the_network(self);
    send_one(self, false, NULL);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_refuse(self, E_BUSY, WAYPOST__FRAME__BODY_PUBLISH, 1, -1, 0);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_pass(self, 2000);
    assert_int_equal(agentfix_serve(self), 1);
    assert_int_equal(accepted(self), 1);
}

/* It was for an earlier attempt, and the batch that it names is on its way again. */
static void refusal__that_comes_late__does_not_stop_what_follows(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);

    know_the_network(self);
    send_document(self);
    assert_true(agentfix_accept(self, batch));
    send_one(self, false, NULL);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_refuse(self, E_GAP, WAYPOST__FRAME__BODY_PUBLISH, 2, -1, 1);
    agentfix_receipt(self, batch, FAULT_NONE, false);
    assert_int_equal(accepted(self), 1);
    agentfix_pass(self, 5000);
    assert_int_equal(agentfix_serve(self), 1);
    assert_int_equal(accepted(self), 2);
    agentfix_batch_free(batch);
    free(batch);
}

/* How many wraps there are, and whether one is for this key. */
static bool has_wrap_for(const struct buf *wraps, const uint8_t *seal_public)
{
    uint8_t key_id[KEY_ID_BYTES];

    hash_key_id(seal_public, key_id);
    for (size_t at = 0; at + STORED_WRAP_BYTES <= wraps->len; at += STORED_WRAP_BYTES) {
        if (memcmp(wraps->data + at + CODE_BYTES, key_id, KEY_ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static void register__stale__is_fetched_and_payloads_are_wrapped_anew(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batch = mem_new(1, sizeof *batch);
    struct buf before = {0};

    know_the_network(self);
    send_one(self, true, NULL);
    Waypost__Frame *frame = agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH);
    assert_non_null(frame);
    buf_put(&before, frame->publish->events[0]->event.data, frame->publish->events[0]->event.len);
    self->peer_rotated = true;
    agentfix_register(self);
    agentfix_refuse(self, E_STALE_REGISTER, WAYPOST__FRAME__BODY_PUBLISH, 1, -1, 2);
    agentfix_give_register(self);
    agentfix_pass(self, 2000);
    assert_true(agentfix_accept(self, batch));
    assert_int_equal(batch->register_version, 2);
    assert_true(slice_equal(buf_slice(&batch->events[0]), buf_slice(&before)));
    assert_true(has_wrap_for(&batch->wraps[0], self->peer.seal_public));
    assert_true(has_wrap_for(&batch->wraps[0], self->peer_next.seal_public));
    assert_true(has_wrap_for(&batch->wraps[0], self->me.seal_public));
    agentfix_receipt(self, batch, FAULT_NONE, false);
    assert_int_equal(accepted(self), 1);
    agentfix_batch_free(batch);
    free(batch);
    buf_free(&before);
}

/* The database was restored from a copy made before the second event left; a third never left. */
static void database__restored_from_a_copy__loses_and_repeats_nothing(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batches = mem_new(3, sizeof *batches);
    char third[UUID_TEXT_BYTES];
    struct identity identity;

    know_the_network(self);
    send_one(self, true, NULL);
    assert_true(agentfix_accept(self, &batches[0]));
    agentfix_receipt(self, &batches[0], FAULT_NONE, false);
    send_one(self, false, NULL);
    assert_true(agentfix_accept(self, &batches[1]));
    agentfix_receipt(self, &batches[1], FAULT_NONE, false);
    /* the copy: as if the second had never left */
    go_away(self);
    store_identity(self->store, &identity);
    uint64_t old = identity.incarnation;
    agentfix_close(self);
    agentfix_open(self); /* an empty database, the worst of copies */
    agentfix_connect(self);
    self->incarnation_known = false;
    uint64_t last = self->last_sequence;
    self->last_sequence = 0;
    agentfix_welcome(self);
    agentfix_give_register(self);
    assert_true(agentfix_alarm(self, "restored"));
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_FETCH_OWN));
    json_t *answer = agentfix_ask(self,
        "{'op': 'new_transfer', 'origin': 'E09000019', 'receiving': 'E09000007', 'label': "
        "'spring'}");
    json_decref(answer);
    send_one(self, false, third);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_own_events(self, batches, 2);
    assert_int_equal(last, 2);
    store_identity(self->store, &identity);
    assert_true(identity.incarnation != old && identity.incarnation != 0);
    agentfix_online(self);
    assert_true(agentfix_accept(self, &batches[2]));
    assert_int_equal(batches[2].count, 1);
    assert_int_equal(batches[2].first, 1);
    agentfix_receipt(self, &batches[2], FAULT_NONE, false);
    assert_int_equal(accepted(self), 3);
    for (size_t i = 0; i < 3; i++) {
        agentfix_batch_free(&batches[i]);
    }
    free(batches);
}

/* The same, and the incarnation that it was accepted under ends; another event is made under the next. */
static void lose_an_incarnation(struct agentfix *self, struct agentfix_batch *batch)
{
    accept_and_lose(self, batch);
    self->last_sequence = 7; /* somebody else went on with our key and incarnation */
    agentfix_online(self);
    agentfix_own_events(self, NULL, 0);
    self->incarnation_known = false;
    self->last_sequence = 0;
    send_one(self, false, NULL);
}

static void events__of_an_earlier_incarnation_that_the_broker_lost__go_first_as_they_were(
    void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batches = mem_new(3, sizeof *batches);

    lose_an_incarnation(self, &batches[0]);
    agentfix_online(self);
    assert_true(agentfix_accept(self, &batches[1]));
    assert_int_equal(batches[1].count, 1);
    assert_true(slice_equal(buf_slice(&batches[0].events[0]), buf_slice(&batches[1].events[0])));
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_receipt(self, &batches[1], FAULT_NONE, false);
    assert_int_equal(accepted(self), 1);
    self->incarnation_known = false;
    self->last_sequence = 0;
    agentfix_online(self); /* another session: answers name numbers alone */
    assert_true(agentfix_accept(self, &batches[2]));
    assert_int_equal(batches[2].first, 1);
    agentfix_receipt(self, &batches[2], FAULT_NONE, false);
    assert_int_equal(accepted(self), 2);
    for (size_t i = 0; i < 3; i++) {
        agentfix_batch_free(&batches[i]);
    }
    free(batches);
}

static void events__of_an_earlier_incarnation_refused_now__stay_and_hold_up_nothing(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batches = mem_new(2, sizeof *batches);

    lose_an_incarnation(self, &batches[0]);
    agentfix_online(self);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_refuse(self, E_MODE, WAYPOST__FRAME__BODY_PUBLISH, batches[0].first, 0, 0);
    assert_true(agentfix_alarm(self, "lost_events"));
    self->incarnation_known = false;
    agentfix_online(self);
    assert_true(agentfix_accept(self, &batches[1]));
    agentfix_receipt(self, &batches[1], FAULT_NONE, false);
    assert_int_equal(accepted(self), 1);
    store_begin(self->store);
    store_outbox_thaw_all(
        self->store); /* another incarnation: nothing else is left of that event */
    assert_int_equal(store_commit(self->store), 0);
    assert_int_equal(store_outbox_count(self->store, OUTBOX_SENT), 1);
    agentfix_batch_free(&batches[0]);
    agentfix_batch_free(&batches[1]);
    free(batches);
}

/* WELCOME knows a sequence that this database has not reached (S-3). */
static void database__behind_the_broker__draws_a_new_incarnation(void **state)
{
    struct agentfix *self = *state;
    struct agentfix_batch *batches = mem_new(2, sizeof *batches);
    struct identity identity;

    know_the_network(self);
    send_document(self);
    send_one(self, true, NULL);
    assert_true(agentfix_accept(self, &batches[0]));
    assert_true(agentfix_accept(self, &batches[1]));
    agentfix_receipt(self, &batches[0], FAULT_NONE, false);
    go_away(self);
    store_identity(self->store, &identity);
    uint64_t old = identity.incarnation;
    self->last_sequence = 7; /* somebody else went on with our key and incarnation */
    agentfix_online(self);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_FETCH_OWN));
    agentfix_own_events(self, &batches[0], 1); /* the second did not count */
    store_identity(self->store, &identity);
    assert_true(identity.incarnation != old);
    self->incarnation_known = false;
    self->last_sequence = 0;
    agentfix_online(self);
    assert_int_equal(agentfix_serve(self), 1);
    assert_int_equal(accepted(self), 2);
    agentfix_batch_free(&batches[0]);
    agentfix_batch_free(&batches[1]);
    free(batches);
}

/* The same number, another event under it: a clone went on with our incarnation. */
static void database__other_leaf_under_the_last_number__draws_a_new_incarnation(void **state)
{
    struct agentfix *self = *state;

    know_the_network(self);
    send_one(self, false, NULL);
    assert_int_equal(agentfix_serve(self), 1);
    go_away(self);
    self->last_leaf.b[7] ^= 1;
    agentfix_online(self);
    assert_true(agentfix_alarm(self, "restored"));
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_FETCH_OWN));
}

static void number__taken_by_another_event__stops_publishing(void **state)
{
    struct agentfix *self = *state;

    know_the_network(self);
    send_one(self, false, NULL);
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_refuse(self, E_CONFLICT, WAYPOST__FRAME__BODY_PUBLISH, 1, -1, 0);
    assert_true(agentfix_alarm(self, "conflict"));
    agentfix_pass(self, 2000);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_FETCH_OWN));
}

static void broker__shorter_journal_than_seen__stops_publishing_not_receiving(void **state)
{
    struct agentfix *self = *state;

    know_the_network(self);
    send_one(self, false, NULL);
    assert_int_equal(agentfix_serve(self), 1);
    go_away(self);
    self->leaf_count--; /* restored from a backup */
    agentfix_online(self);
    assert_true(agentfix_alarm(self, "rollback"));
    send_one(self, false, NULL);
    agentfix_pass(self, 5000);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_acked(self);
    assert_non_null(agentfix_last_ack(self));
    assert_int_equal(agentfix_last_ack(self)->upto, 1);
}

static void broker__other_history__is_a_fork(void **state)
{
    struct agentfix *self = *state;

    know_the_network(self);
    send_one(self, false, NULL);
    assert_int_equal(agentfix_serve(self), 1);
    go_away(self);
    self->leaves[0].b[0] ^= 1;
    self->leaves[self->leaf_count++] = self->leaves[0];
    agentfix_online(self);
    assert_true(agentfix_alarm(self, "fork"));
    send_one(self, false, NULL);
    agentfix_pass(self, 5000);
    assert_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
}

static void broker__forgot_our_receipt__is_a_rollback(void **state)
{
    struct agentfix *self = *state;

    know_the_network(self);
    send_one(self, false, NULL);
    send_one(self, false, NULL);
    assert_int_equal(agentfix_serve(self), 2);
    go_away(self);
    self->last_sequence = 1;
    agentfix_online(self);
    assert_true(agentfix_alarm(self, "rollback"));
}

static void session__superseded_twice__raises_the_alarm(void **state)
{
    struct agentfix *self = *state;

    know_the_network(self);
    agentfix_refuse(self, E_SUPERSEDED, 0, 0, -1, 0);
    unsigned before = self->connects;
    agentfix_pass(self, 29000);
    assert_int_equal(self->connects, before);
    assert_false(agentfix_alarm(self, "clone"));
    agentfix_pass(self, 1000);
    assert_int_equal(self->connects, before + 1);
    self->is_connected = true;
    agent_core_connected(self->core, "tcp://broker.example:5670");
    agentfix_welcome(self);
    agentfix_refuse(self, E_SUPERSEDED, 0, 0, -1, 0);
    assert_true(agentfix_alarm(self, "clone"));
    agentfix_pass(self, 59000);
    assert_int_equal(self->connects, before + 1);
    agentfix_pass(self, 1000);
    assert_int_equal(self->connects, before + 2);
}

static void key__rejected__alarms_and_recovers_by_itself(void **state)
{
    struct agentfix *self = *state;

    know_the_network(self);
    go_away(self);
    unsigned before = self->connects;
    for (int i = 0; i < 10 && self->connects == before; i++) {
        agentfix_pass(self, 1000);
    }
    agent_core_disconnected(self->core, E_KEY);
    assert_true(agentfix_alarm(self, "key_rejected"));
    agentfix_online(self);
    assert_false(agentfix_alarm(self, "key_rejected"));
}

int main(void)
{
#define WITH_AGENT(test) cmocka_unit_test_setup_teardown(test, setup, agentfix_end)
    const struct CMUnitTest tests[] = {
        WITH_AGENT(queue__broker_away_for_weeks__drains_in_order),
        WITH_AGENT(credit__of_four_events__is_never_exceeded),
        WITH_AGENT(event__said_while_nothing_is_on_its_way__costs_one_commit),
        WITH_AGENT(events__said_while_one_is_on_its_way__leave_together_after_its_receipt),
        WITH_AGENT(event__sent_and_agent_killed__is_sent_again_byte_for_byte),
        WITH_AGENT(receipt__forged_head__accepts_nothing),
        WITH_AGENT(receipt__path_leads_elsewhere__accepts_nothing),
        WITH_AGENT(receipt__for_another_statement__accepts_nothing),
        WITH_AGENT(event__refused__is_set_aside_and_the_rest_goes_on),
        WITH_AGENT(event__made_while_the_clock_was_wrong__is_made_again_with_the_time_of_then),
        WITH_AGENT(event__lost_and_refused_for_its_time__is_sent_as_it_is_until_it_is_taken),
        WITH_AGENT(receipt__behind_a_batch_that_was_refused_for_now__leaves_no_hole),
        WITH_AGENT(broker__busy__is_asked_again_later),
        WITH_AGENT(refusal__that_comes_late__does_not_stop_what_follows),
        WITH_AGENT(register__stale__is_fetched_and_payloads_are_wrapped_anew),
        WITH_AGENT(database__restored_from_a_copy__loses_and_repeats_nothing),
        WITH_AGENT(events__of_an_earlier_incarnation_that_the_broker_lost__go_first_as_they_were),
        WITH_AGENT(events__of_an_earlier_incarnation_refused_now__stay_and_hold_up_nothing),
        WITH_AGENT(database__behind_the_broker__draws_a_new_incarnation),
        WITH_AGENT(database__other_leaf_under_the_last_number__draws_a_new_incarnation),
        WITH_AGENT(number__taken_by_another_event__stops_publishing),
        WITH_AGENT(broker__shorter_journal_than_seen__stops_publishing_not_receiving),
        WITH_AGENT(broker__other_history__is_a_fork),
        WITH_AGENT(broker__forgot_our_receipt__is_a_rollback),
        WITH_AGENT(session__superseded_twice__raises_the_alarm),
        WITH_AGENT(key__rejected__alarms_and_recovers_by_itself),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests_name("agent_outgoing", tests, NULL, NULL);
}
