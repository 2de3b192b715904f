/* Tests of client/agent/heads.c and erasing.c: a broker that forks, cuts or shows others another history is noticed and
 * both sides are kept; payloads go only by the word of who may say it, and a confirmation never comes before the bytes
 * are gone. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/agent/store_evidence.h"
#include "common/base/fsio.h"
#include "tests/support/agent_fixture.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

#define ORDERED WAYPOST__SYSTEM_KIND__ERASURE_ORDERED
#define CONFIRMED WAYPOST__SYSTEM_KIND__HOLDER_ERASED
#define DEMANDED WAYPOST__ERASE_ACT__ERASE_DEMANDED
#define DONE WAYPOST__ERASE_ACT__ERASE_DONE
#define SEND                                                                                       \
    "{'op':'send','kind':'move_notified','transfer':'one','facts':{'permanence':'permanent',"      \
    "'retain_intention':'transfer'},'sealed':{'narrative':'planted words'}}"

/* ---- heads ---- */

static void count_fork(void *context, const struct fork_row *row)
{
    size_t *count = context;

    assert_true(row->ours.len > 0 && row->theirs.len > 0 && row->theirs_signature.len == 64);
    (*count)++;
}

static size_t forks(struct agentfix *self)
{
    size_t count = 0;

    store_forks(self->store, count_fork, &count);
    return count;
}

struct found {
    enum comparison state;
    size_t count;
};

static void note_compared(void *context, const struct compared_row *row)
{
    struct found *found = context;

    found->state = row->state;
    found->count++;
}

static enum comparison compared(struct agentfix *self)
{
    struct found found = {.count = 0};

    store_compared(self->store, note_compared, &found);
    assert_int_equal(found.count, 1);
    return found.state;
}

/* A delivery of the peer that has seen the first `size` records as they are here. */
static void peer_has_seen(struct agentfix *self, uint64_t size)
{
    self->peer_seen_size = size;
    self->peer_seen_root = agentfix_root(self, size);
    agentfix_deliver(self, 0, false, FAULT_NONE);
}

static void peer__with_an_older_head__is_the_same_history(void **state)
{
    struct agentfix *self = *state;

    agentfix_grow(self, 9);
    self->is_connected = false;
    agent_core_disconnected(self->core, E_UNREACHABLE);
    agentfix_online(self); /* our own head is of ten records now */
    peer_has_seen(self, 4);
    assert_int_equal(agentfix_prove(self), 1);
    assert_int_equal(compared(self), COMPARE_SAME);
    assert_int_equal(forks(self), 0);
}

static void peer__with_a_newer_head__is_the_same_history(void **state)
{
    struct agentfix *self = *state;

    agentfix_grow(self, 9);
    peer_has_seen(self, 7);
    assert_int_equal(agentfix_prove(self), 1);
    assert_int_equal(compared(self), COMPARE_SAME);
}

/* The broker shows the peer another journal, and us a proof of ours: it cannot prove the peer's root. */
static void peer__that_was_shown_another_journal__is_a_fork_with_both_sides_kept(void **state)
{
    struct agentfix *self = *state;
    static const uint64_t sizes[] = {4, 10, 13}; /* older, the same, newer */

    agentfix_grow(self, 9);
    self->is_connected = false;
    agent_core_disconnected(self->core, E_UNREACHABLE);
    agentfix_online(self);
    agentfix_grow(self, 5);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        self->peer_seen_size = sizes[i];
        self->peer_seen_root = agentfix_root(self, sizes[i]);
        self->peer_seen_root.b[7] ^= 1;
        agentfix_deliver(self, 0, false, FAULT_NONE);
        (void)agentfix_prove(self);
        assert_int_equal(compared(self), COMPARE_DIFFERS);
        assert_int_equal(forks(self), i + 1);
    }
    assert_true(agentfix_alarm(self, "fork_seen"));
    assert_false(agentfix_alarm(self, "fork")); /* a word of another agent stops nothing */
    json_t *status = agentfix_ask(self, "{'op':'status'}");
    assert_string_equal(json_string_value(json_object_get(status, "state")), "online");
    json_decref(status);
}

static void peer__that_has_seen_more_than_there_is__tells_of_a_truncation(void **state)
{
    struct agentfix *self = *state;

    self->peer_seen_size = 50;
    self->peer_seen_root = agentfix_root(self, 1);
    agentfix_deliver(self, 0, false, FAULT_NONE);
    assert_int_equal(agentfix_prove(self), 1);
    assert_int_equal(compared(self), COMPARE_DIFFERS);
    assert_true(agentfix_alarm(self, "fork_seen"));
}

/* Within a session: receipts bring new heads, and each must extend the one proven before. */
static void receipts__of_a_journal_rewritten_meanwhile__stop_publishing(void **state)
{
    struct agentfix *self = *state;

    agentfix_grow(self, 5);
    self->is_connected = false;
    agent_core_disconnected(self->core, E_UNREACHABLE);
    agentfix_online(self);
    json_decref(agentfix_ask(self,
        "{'op':'new_transfer','origin':'" AGENTFIX_ME "','receiving':'" AGENTFIX_PEER
        "','subjects':[{'name':'ash','case_type':'cp'}],'label':'one'}"));
    json_decref(agentfix_ask(self, SEND));
    self->leaves[3].b[0] ^=
        1; /* the broker rewrites an old record, signs on, and proves what it now has */
    assert_int_equal(agentfix_serve(self), 1);
    for (unsigned i = 0; i < 3; i++) {
        agentfix_pass(self, 10000);
        (void)agentfix_prove(self);
    }
    assert_true(agentfix_alarm(self, "fork"));
    assert_int_equal(forks(self), 1);
    json_t *status = agentfix_ask(self, "{'op':'status'}");
    assert_string_equal(json_string_value(json_object_get(status, "state")), "stopped");
    json_decref(status);
}

static void receipts__of_one_history__are_proven_as_they_come(void **state)
{
    struct agentfix *self = *state;
    struct seen_head proven;

    json_decref(agentfix_ask(self,
        "{'op':'new_transfer','origin':'" AGENTFIX_ME "','receiving':'" AGENTFIX_PEER
        "','subjects':[{'name':'ash','case_type':'cp'}],'label':'one'}"));
    json_decref(agentfix_ask(self, SEND));
    agentfix_grow(self, 5);
    assert_int_equal(agentfix_serve(self), 1);
    agentfix_pass(self, 10000);
    assert_int_equal(agentfix_prove(self), 1);
    assert_int_equal(store_proven_head(self->store, UINT64_MAX, &proven), 0);
    assert_int_equal(proven.size, self->leaf_count);
    assert_false(agentfix_alarm(self, "fork"));
}

static uint64_t newest_head(struct agentfix *self, uint64_t most)
{
    struct seen_head head;

    return store_proven_head(self->store, most, &head) == 0 ? head.size : 0;
}

/* Each recovery takes what was signed beyond it before; held against the new history it would be a false fork. */
static void head__that_a_later_epoch_lost__is_not_the_newest_one(void **state)
{
    static const struct seen_head heads[] = {
        {.size = 10, .epoch = 1}, {.size = 46, .epoch = 1}, {.size = 61, .epoch = 2}};
    static const struct epoch_row epochs[] = {
        {.epoch = 2, .base = 44, .lost_to = 116}, {.epoch = 3, .base = 50, .lost_to = 70}};
    struct agentfix *self = *state;

    store_begin(self->store);
    store_proven_head_add(self->store, &heads[0]);
    store_proven_head_add(self->store, &heads[1]);
    assert_int_equal(newest_head(self, UINT64_MAX), 46);
    store_epoch_add(self->store, &epochs[0]);
    assert_int_equal(newest_head(self, UINT64_MAX), 10);
    store_proven_head_add(self->store, &heads[2]);
    assert_int_equal(newest_head(self, UINT64_MAX), 61);
    assert_int_equal(newest_head(self, 60), 10);
    store_epoch_add(self->store, &epochs[1]);
    assert_int_equal(newest_head(self, UINT64_MAX), 10);
    assert_int_equal(newest_head(self, 0), 0);
    assert_int_equal(store_commit(self->store), 0);
}

/* ---- erasures ---- */

static bool has_payload(struct agentfix *self, const uint8_t *event)
{
    struct inbox_row row;

    assert_int_equal(store_inbox(self->store, event, &row), 0);
    bool any = row.ciphertext.len > 0 || row.wrap.len > 0;
    inbox_row_free(&row);
    return any;
}

/* The statement of the next ERASE, answered as taken. */
static int erase_said(struct agentfix *self)
{
    Waypost__Frame *said = agentfix_take(self, WAYPOST__FRAME__BODY_ERASE);
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Erased erased = WAYPOST__ERASED__INIT;

    if (said == NULL) {
        return 0;
    }
    const Waypost__EraseStatement *statement =
        message_decode(self->arena, &waypost__erase_statement__descriptor,
            slice_of(said->erase->said->statement.data, said->erase->said->statement.len));
    assert_non_null(statement);
    int act = (int)statement->act;
    erased.request = said->erase->request;
    frame.body_case = WAYPOST__FRAME__BODY_ERASED;
    frame.erased = &erased;
    agentfix_give(self, &frame);
    return act;
}

static void order__of_the_sender__destroys_and_is_confirmed_once(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, true, FAULT_NONE);
    assert_true(has_payload(self, self->peer_event));
    agentfix_erasure(self, ORDERED, DEMANDED, self->peer_event, AGENTFIX_PEER, &self->peer);
    assert_false(has_payload(self, self->peer_event));
    agentfix_pass(self, 1000);
    assert_int_equal(erase_said(self), DONE);
    agentfix_pass(self, 10000);
    assert_int_equal(erase_said(self), 0);
    agentfix_redeliver(self, self->stream_last + 1); /* with its payload, from whoever kept it */
    assert_false(has_payload(self, self->peer_event));
}

static void order__of_somebody_else__destroys_nothing_and_alarms(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, true, FAULT_NONE);
    agentfix_erasure(self, ORDERED, DEMANDED, self->peer_event, AGENTFIX_ME, &self->me);
    assert_true(has_payload(self, self->peer_event)); /* we are not its sender */
    agentfix_erasure(self, ORDERED, DEMANDED, self->peer_event, AGENTFIX_PEER, &self->broker);
    assert_true(has_payload(self, self->peer_event)); /* the broker's key is not the peer's */
    agentfix_erasure(self, ORDERED, DONE, self->peer_event, AGENTFIX_PEER, &self->peer);
    assert_true(has_payload(self, self->peer_event)); /* a confirmation is no demand */
    assert_true(agentfix_alarm(self, "bad_erasure"));
    agentfix_pass(self, 1000);
    assert_int_equal(erase_said(self), 0);
}

static json_t *erase(struct agentfix *self, const char *event)
{
    char request[128];

    (void)snprintf(request, sizeof request, "{'op':'erase','event':'%s','reason':'error'}", event);
    return agentfix_ask(self, request);
}

static size_t plain_bytes(struct agentfix *self, const char *event)
{
    uint8_t id[UUID_BYTES];
    struct outbox_row row;

    assert_int_equal(uuid_parse(event, id), 0);
    assert_int_equal(store_outbox(self->store, id, &row), 0);
    size_t bytes = row.plain.len;
    outbox_row_free(&row);
    return bytes;
}

/* Asked for before the broker refused it, and after: nobody else has it. */
static void erasure__of_a_refused_event__is_done_here_and_nobody_is_asked(void **state)
{
    struct agentfix *self = *state;

    json_decref(agentfix_ask(self,
        "{'op':'new_transfer','origin':'" AGENTFIX_ME "','receiving':'" AGENTFIX_PEER
        "','subjects':[{'name':'ash','case_type':'cp'}],'label':'one'}"));
    for (unsigned before = 0; before < 2; before++) {
        json_t *sent = agentfix_ask(self, SEND);
        const char *event = json_string_value(json_object_get(sent, "event"));
        assert_non_null(agentfix_take(self, WAYPOST__FRAME__BODY_PUBLISH));
        if (before != 0) {
            json_decref(erase(self, event));
            assert_true(plain_bytes(self, event) > 0);
        }
        agentfix_refuse(self, E_FACT, WAYPOST__FRAME__BODY_PUBLISH, 1, 0, 0);
        json_t *answer = erase(self, event);
        assert_string_equal(json_string_value(json_object_get(answer, "state")), "complete");
        assert_int_equal(plain_bytes(self, event), 0);
        agentfix_pass(self, 2000);
        assert_int_equal(erase_said(self), 0);
        json_decref(answer);
        json_decref(sent);
    }
}

static void stream_is_another(struct agentfix *self, Waypost__Frame *frame)
{
    (void)self;
    if (frame->body_case == WAYPOST__FRAME__BODY_WELCOME) {
        frame->welcome->stream_diverged = 1;
    }
}

/* What the broker has lost of our stream, no head that we saw told of: it may have lost our demands with it. */
static void erasure__of_a_stream_that_went_back__is_demanded_again(void **state)
{
    struct agentfix *self = *state;
    uint8_t event[UUID_BYTES];

    json_decref(agentfix_ask(self,
        "{'op':'new_transfer','origin':'" AGENTFIX_ME "','receiving':'" AGENTFIX_PEER
        "','subjects':[{'name':'ash','case_type':'cp'}],'label':'one'}"));
    json_t *sent = agentfix_ask(self, SEND);
    const char *text = json_string_value(json_object_get(sent, "event"));
    assert_int_equal(uuid_parse(text, event), 0);
    assert_int_equal(agentfix_serve(self), 1);
    json_decref(erase(self, text));
    json_decref(sent);
    assert_int_equal(erase_said(self), DEMANDED);
    agentfix_erasure(self, ORDERED, DEMANDED, event, AGENTFIX_ME, &self->me);
    agentfix_pass(self, 1000);
    assert_int_equal(erase_said(self), DONE);
    self->is_connected = false;
    agent_core_disconnected(self->core, E_UNREACHABLE);
    agentfix_forget(self);
    self->tamper = stream_is_another;
    agentfix_online(self);
    agentfix_pass(self, 1000);
    assert_int_equal(erase_said(self), DEMANDED);
}

static void erasure__of_ours__is_said_when_the_event_is_accepted_and_lists_its_holders(void **state)
{
    struct agentfix *self = *state;
    struct outbox_row row;
    uint8_t event[UUID_BYTES];
    char request[128];
    char text[UUID_TEXT_BYTES];

    json_decref(agentfix_ask(self,
        "{'op':'new_transfer','origin':'" AGENTFIX_ME "','receiving':'" AGENTFIX_PEER
        "','subjects':[{'name':'ash','case_type':'cp'}],'label':'one'}"));
    json_t *sent = agentfix_ask(self, SEND);
    assert_int_equal(uuid_parse(json_string_value(json_object_get(sent, "event")), event), 0);
    json_decref(sent);
    uuid_format(event, text);
    (void)snprintf(request, sizeof request, "{'op':'erase','event':'%s','reason':'error'}", text);
    json_decref(agentfix_ask(self, request));
    assert_int_equal(erase_said(self), 0); /* it has not been accepted yet */
    assert_int_equal(agentfix_serve(self), 1);
    agentfix_pass(self, 1000);
    assert_int_equal(erase_said(self), DEMANDED);
    agentfix_erasure(self, ORDERED, DEMANDED, event, AGENTFIX_ME, &self->me);
    agentfix_pass(self, 1000);
    assert_int_equal(erase_said(self), DONE);
    assert_int_equal(store_outbox(self->store, event, &row), 0);
    assert_int_equal(row.ciphertext.len + row.wraps.len + row.plain.len + row.draft.len, 0);
    assert_true(row.bytes.len > 0);
    outbox_row_free(&row);
    struct erasure_row erasure;
    assert_int_equal(store_erasure(self->store, event, &erasure), 0);
    assert_int_equal(erasure.holders, 2);
    assert_int_equal(erasure.done, 0);
    agentfix_erasure(self, CONFIRMED, DONE, event, AGENTFIX_PEER, &self->me); /* forged */
    assert_int_equal(store_erasure(self->store, event, &erasure), 0);
    assert_int_equal(erasure.done, 0);
    agentfix_erasure(self, CONFIRMED, DONE, event, AGENTFIX_PEER, &self->peer);
    assert_int_equal(store_erasure(self->store, event, &erasure), 0);
    assert_int_equal(erasure.done, 1);
}

static void holder__silent_for_a_week__is_an_alarm(void **state)
{
    struct agentfix *self = *state;

    agentfix_deliver(self, 0, true, FAULT_NONE);
    agentfix_erasure(self, ORDERED, DEMANDED, self->peer_event, AGENTFIX_PEER, &self->peer);
    agentfix_pass(self, 60000);
    assert_false(agentfix_alarm(self, "erasure_late"));
    agentfix_pass(self, INT64_C(8) * 86400000);
    assert_true(agentfix_alarm(self, "erasure_late"));
}

/* ---- retention ---- */

static void send_sealed(struct agentfix *self)
{
    json_decref(agentfix_ask(self,
        "{'op':'new_transfer','origin':'" AGENTFIX_ME "','receiving':'" AGENTFIX_PEER
        "','subjects':[{'name':'ash','case_type':'cp'}],'label':'one'}"));
    json_decref(agentfix_ask(self, SEND));
    agentfix_pass(self, 1000);
    assert_int_equal(agentfix_serve(self), 1);
}

static size_t due(struct agentfix *self, size_t *schedule)
{
    json_t *answer = agentfix_ask(self, "{'op':'erasures_due'}");
    size_t count = json_array_size(json_object_get(answer, "due"));

    *schedule = json_array_size(json_object_get(answer, "schedule"));
    json_decref(answer);
    return count;
}

/* Days pass; sessions come and go meanwhile, as they do. */
static void days_pass(struct agentfix *self, int64_t days)
{
    self->is_connected = false;
    agent_core_disconnected(self->core, E_UNREACHABLE);
    agentfix_pass(self, days * 86400000);
    agentfix_forget(self);
    agent_core_disconnected(self->core, E_UNREACHABLE);
    agentfix_online(self);
    agentfix_pass(self, 1000);
}

static void payload__without_a_schedule__is_never_due(void **state)
{
    struct agentfix *self = *state;
    size_t schedule;

    send_sealed(self);
    days_pass(self, 20000);
    assert_int_equal(due(self, &schedule), 0);
    assert_int_equal(schedule, 0);
    assert_int_equal(erase_said(self), 0);
}

static void payload__older_than_the_schedule__is_due_and_waits_for_a_person(void **state)
{
    struct agentfix *self = *state;
    size_t schedule;

    self->retention_days = 30;
    agentfix_register(self);
    days_pass(self, 0);
    send_sealed(self);
    days_pass(self, 29);
    assert_int_equal(due(self, &schedule), 0);
    assert_int_equal(schedule, 1);
    days_pass(self, 2);
    assert_int_equal(due(self, &schedule), 1);
    assert_int_equal(erase_said(self), 0); /* nobody has given the instruction */
}

static void payload__due_under_the_standing_instruction__is_demanded_once(void **state)
{
    struct agentfix *self = *state;
    size_t schedule;

    self->retention_days = 30;
    self->erase_due = true;
    agentfix_register(self);
    agentfix_close(self);
    agentfix_open(self);
    agentfix_online(self);
    send_sealed(self);
    days_pass(self, 31);
    agentfix_pass(self, 1000);
    assert_int_equal(erase_said(self), DEMANDED);
    assert_int_equal(due(self, &schedule), 0);
    days_pass(self, 2);
    assert_int_equal(erase_said(self), 0);
}

/* The bytes are gone from database and write-ahead log before the confirmation is said. */
static void bytes__when_it_is_confirmed__are_in_no_file(void **state)
{
    struct agentfix *self = mem_new(1, sizeof *self);
    char path[PLACE_BYTES];
    struct inbox_row row;
    struct buf planted = {0};
    static const char *const ends[] = {"", "-wal", "-shm"};

    (void)state;
    place_file(path);
    agentfix_setup(self, path);
    agentfix_online(self);
    agentfix_deliver(self, 0, true, FAULT_NONE);
    assert_int_equal(store_inbox(self->store, self->peer_event, &row), 0);
    buf_put(&planted, row.ciphertext.data, 40);
    inbox_row_free(&row);
    agentfix_erasure(self, ORDERED, DEMANDED, self->peer_event, AGENTFIX_PEER, &self->peer);
    agentfix_pass(self, 1000);
    assert_int_equal(erase_said(self), DONE);
    for (size_t i = 0; i < 3; i++) {
        char file[160];
        struct buf bytes = {0};
        (void)snprintf(file, sizeof file, "%s%s", path, ends[i]);
        if (fsio_read_all(file, 16 << 20, &bytes) == 0 && bytes.len > 0) {
            assert_null(memmem(bytes.data, bytes.len, planted.data, planted.len));
        }
        buf_free(&bytes);
    }
    agentfix_teardown(self);
    place_remove_database(path);
    buf_free(&planted);
    free(self);
}

int main(void)
{
#define WITH_AGENT(name) cmocka_unit_test_setup_teardown(name, agentfix_begin, agentfix_end)
    const struct CMUnitTest tests[] = {
        WITH_AGENT(head__that_a_later_epoch_lost__is_not_the_newest_one),
        WITH_AGENT(peer__with_an_older_head__is_the_same_history),
        WITH_AGENT(peer__with_a_newer_head__is_the_same_history),
        WITH_AGENT(peer__that_was_shown_another_journal__is_a_fork_with_both_sides_kept),
        WITH_AGENT(peer__that_has_seen_more_than_there_is__tells_of_a_truncation),
        WITH_AGENT(receipts__of_a_journal_rewritten_meanwhile__stop_publishing),
        WITH_AGENT(receipts__of_one_history__are_proven_as_they_come),
        WITH_AGENT(order__of_the_sender__destroys_and_is_confirmed_once),
        WITH_AGENT(order__of_somebody_else__destroys_nothing_and_alarms),
        WITH_AGENT(erasure__of_a_stream_that_went_back__is_demanded_again),
        WITH_AGENT(erasure__of_a_refused_event__is_done_here_and_nobody_is_asked),
        WITH_AGENT(erasure__of_ours__is_said_when_the_event_is_accepted_and_lists_its_holders),
        WITH_AGENT(holder__silent_for_a_week__is_an_alarm),
        WITH_AGENT(payload__without_a_schedule__is_never_due),
        WITH_AGENT(payload__older_than_the_schedule__is_due_and_waits_for_a_person),
        WITH_AGENT(payload__due_under_the_standing_instruction__is_demanded_once),
        cmocka_unit_test(bytes__when_it_is_confirmed__are_in_no_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
