/* Restarts: nothing lost, nothing twice, order kept, and the same state whatever way led there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "tests/support/core_fixture.h"

#include "common/base/banned.h"

#define WHAT_EVENT WAYPOST__ENTRY__WHAT_EVENT

static const char *const to_camden[] = {CODE_CAMDEN, NULL};

static void write_many(struct fake_agent *agent, const char *const *to, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)agent_write(agent, to);
    }
}

enum { SCHEDULES = 60, STEPS = 220, CODES = 5 };

static const char *const targets[CODES][3] = {{CODE_CAMDEN, NULL, NULL}, {CODE_LEEDS, NULL, NULL},
    {CODE_ISLINGTON, CODE_LEEDS, NULL}, {CODE_CAMDEN, CODE_LEEDS, NULL}, {CODE_NOBODY, NULL, NULL}};

static void hello_all(struct core_fixture *f)
{
    for (size_t i = 0; i < f->agent_count; i++) {
        agent_hello(&f->agents[i]);
    }
}

/* Replaying the same journal, with or without a snapshot in between, gives the same bytes. */
static void state_survives(struct core_fixture *f)
{
    struct buf before = {0};
    struct buf after = {0};

    core_fixture_state(f, &before);
    core_fixture_restart(f);
    core_fixture_state(f, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    buf_free(&before);
    buf_free(&after);
}

static void state__after_a_restart__is_that_before_it(void **state)
{
    struct core_fixture *f = *state;

    write_many(&f->agents[ISLINGTON], to_camden, 40);
    for (uint64_t s = 1; s <= 40; s++) {
        agent_publish(&f->agents[ISLINGTON], s, 1);
        if (s % 9 == 0) {
            core_fixture_settle(f);
        }
    }
    core_fixture_verify(f);
    assert_true(core_fixture_commit(f)); /* some not judged durably */
    state_survives(f);
    core_fixture_snapshot(f);
    state_survives(f);
    hello_all(f);
    core_fixture_settle(f);
    state_survives(f);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 40);
}

static void batch__accepted_and_not_judged__is_verified_again_after_a_crash(void **state)
{
    struct core_fixture *f = *state;

    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    assert_true(core_fixture_commit(f));
    core_fixture_crash(f, 0);
    assert_int_equal(f->job_count, 1);
    hello_all(f);
    core_fixture_settle(f);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 1);
    agent_publish(&f->agents[ISLINGTON], 1, 1);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].duplicates, 1);
}

static void batch__bad_and_not_judged__is_voided_after_a_crash(void **state)
{
    struct core_fixture *f = *state;

    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish_tampered(&f->agents[ISLINGTON], 0, 1);
    assert_true(core_fixture_commit(f));
    core_fixture_crash(f, 0);
    hello_all(f);
    core_fixture_settle(f);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 0);
    agent_hello(&f->agents[ISLINGTON]);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].welcome_last, 0);
    state_survives(f);
}

static void batch__never_durable__is_accepted_when_it_comes_again(void **state)
{
    struct core_fixture *f = *state;

    (void)agent_write(&f->agents[ISLINGTON], to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_verify(f);
    core_fixture_crash(f, 0);
    hello_all(f);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].welcome_last, 0);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_settle(f);
    assert_int_equal(f->agents[ISLINGTON].duplicates, 0);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 1);
}

static void register__interrupted_by_a_crash__is_finished_by_the_recovery(void **state)
{
    struct core_fixture *f = *state;
    uint64_t epoch = f->agents[CAMDEN].epoch;

    f->agents[CAMDEN].acts_for = CODE_NOBODY;
    assert_int_equal(core_fixture_register(f, NULL), 0);
    assert_true(core_fixture_commit(f)); /* the register is durable, what follows from it is not */
    core_fixture_crash(f, 0);
    while (core_fixture_commit(f)) {
    }
    hello_all(f);
    core_fixture_settle(f);
    assert_int_equal(f->agents[CAMDEN].epoch, epoch + 1);
    assert_false(core_unfinished(f->core));
    state_survives(f);
}

/* ---- random schedules ---- */

static uint64_t random_state;
static bool registers; /* schedules change the register too */

static uint32_t draw(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % below;
}

/* The next list of recipients that this sender may use: it is not one of several. */
static const char *const *targets_for(const struct fake_agent *agent, unsigned from)
{
    for (;; from++) {
        const char *const *to = targets[from % CODES];
        if (to[1] == NULL || (strcmp(to[0], agent->code) != 0 && strcmp(to[1], agent->code) != 0)) {
            return to;
        }
    }
}

static void step_publish(struct core_fixture *f, struct fake_agent *agent)
{
    (void)f;
    if (!agent->welcomed || agent->sent >= agent->own_count) {
        return;
    }
    uint64_t left = agent->own_count - agent->sent;
    uint32_t count = 1 + draw(left < 7 ? (uint32_t)left : 7);
    if (draw(12) == 0) {
        agent_publish_tampered(agent, 0, count);
    } else {
        agent_publish(agent, 0, count);
    }
}

static void step_crash(struct core_fixture *f)
{
    if (draw(2) == 0) {
        core_fixture_crash(f, draw(3) == 0 ? draw(2000) : 0);
    } else {
        core_fixture_restart(f);
    }
}

/* Camden begins or ceases to act for a code that has no agent of its own: entries move, an epoch begins. */
static void step_register(struct core_fixture *f)
{
    struct fake_agent *agent = &f->agents[CAMDEN];
    const char *before = agent->acts_for;

    if (core_unfinished(f->core)) {
        return; /* one after the other */
    }
    agent->acts_for = before[0] == '\0' ? CODE_NOBODY : "";
    assert_int_equal(core_fixture_register(f, NULL), 0);
}

static void step(struct core_fixture *f)
{
    struct fake_agent *agent = &f->agents[draw(3)];

    switch (draw(12)) {
    case 0:
    case 1:
        (void)agent_write(agent, targets_for(agent, draw(CODES)));
        break;
    case 2:
    case 3:
        step_publish(f, agent);
        break;
    case 4:
    case 5:
        if (f->job_count > 0) {
            core_fixture_verify_one(f, draw((uint32_t)f->job_count));
        }
        break;
    case 6:
        (void)core_fixture_commit(f);
        break;
    case 7:
        if (f->commit != NULL) {
            core_fixture_written(f);
        } else {
            (void)core_fixture_cut(f);
        }
        break;
    case 8:
        core_fixture_listen(f);
        break;
    case 9:
        if (agent->welcomed && agent->acked < agent->upto) {
            agent_acknowledge(agent);
        }
        break;
    case 10:
        agent_hello(agent);
        break;
    default:
        if (draw(8) == 0) {
            step_crash(f);
        } else if (draw(20) == 0) {
            core_fixture_snapshot(f);
        } else if (registers && draw(4) == 0) {
            step_register(f);
        }
        break;
    }
}

/* Agents go on until everybody has receipts for everything, and every code has an agent. */
static void finish(struct core_fixture *f)
{
    hello_all(f);
    core_fixture_settle(f);
    f->agents[CAMDEN].acts_for = CODE_NOBODY;
    assert_int_equal(core_fixture_register(f, NULL), 0);
    core_fixture_settle(f);
    hello_all(f);
    core_fixture_settle(f);
    for (size_t i = 0; i < 3; i++) {
        struct fake_agent *agent = &f->agents[i];
        for (uint64_t s = 1; s <= agent->own_count; s++) {
            if (!agent->own[s - 1].receipted) {
                agent_publish(agent, s, 1);
                core_fixture_settle(f);
            }
        }
    }
    core_fixture_settle(f);
}

static bool addressed(const struct own_event *own, const char *code)
{
    struct event_view view;

    assert_int_equal(event_read(buf_slice(&own->bytes), &view, NULL), 0);
    for (size_t i = 0; i < view.recipient_count; i++) {
        if (strcmp(view.to[i].code, code) == 0) {
            return view.recipient_count > 1 || strcmp(view.from, code) != 0;
        }
    }
    return false;
}

/* Every event to a code is there, in the order of its sender. */
static void check_order(
    const struct fake_agent *from, const struct fake_agent *to, const char *code)
{
    size_t at = 0;

    for (size_t k = 0; k < from->own_count; k++) {
        if (!addressed(&from->own[k], code)) {
            continue;
        }
        while (at < to->log_count &&
            (to->log[at].what != (int)WHAT_EVENT || to->log[at].repeat ||
                memcmp(to->log[at].event, from->own[k].id, 16) != 0)) {
            at++;
        }
        assert_true(at < to->log_count);
        at++;
    }
}

/* Nothing lost, nothing twice, order kept. */
static void check_receiver(const struct core_fixture *f, size_t receiver)
{
    const struct fake_agent *to = &f->agents[receiver];
    size_t wanted = 0;
    size_t there = 0;

    for (size_t i = 0; i < 3; i++) {
        const struct fake_agent *from = &f->agents[i];
        check_order(from, to, to->code);
        if (to->acts_for[0] != '\0') {
            check_order(from, to, to->acts_for);
        }
        for (size_t k = 0; k < from->own_count; k++) {
            wanted += addressed(&from->own[k], to->code) ||
                (to->acts_for[0] != '\0' && addressed(&from->own[k], to->acts_for));
        }
    }
    for (size_t i = 0; i < to->log_count; i++) {
        there += to->log[i].what == (int)WHAT_EVENT && !to->log[i].repeat;
    }
    assert_int_equal(there, wanted);
}

static void check_sender(const struct core_fixture *f, size_t sender)
{
    const struct fake_agent *from = &f->agents[sender];

    for (size_t k = 0; k < from->own_count; k++) {
        unsigned recipients = addressed(&from->own[k], CODE_NOBODY);
        for (size_t i = 0; i < 3; i++) {
            recipients += addressed(&from->own[k], f->agents[i].code);
        }
        assert_true(from->own[k].receipted);
        if (registers) { /* a new epoch repeats what was not acknowledged, and it is acknowledged again */
            assert_true(from->own[k].persisted >= recipients);
        } else {
            assert_int_equal(from->own[k].persisted, recipients);
        }
    }
}

static void schedules_run(void)
{
    const char *one = getenv("TEST_SEED");
    const char *many = getenv("TEST_SEEDS");
    uint64_t last = many != NULL ? strtoull(many, NULL, 10) : SCHEDULES;
    struct core_fixture *f = calloc(1, sizeof *f);

    for (uint64_t seed = 1; seed <= last; seed++) {
        random_state = one != NULL ? strtoull(one, NULL, 10) : seed;
        (void)printf("TEST_SEED=%llu\n", (unsigned long long)random_state);
        core_fixture_init(f);
        hello_all(f);
        for (unsigned i = 0; i < STEPS; i++) {
            step(f);
        }
        finish(f);
        for (size_t i = 0; i < 3; i++) {
            check_receiver(f, i);
            check_sender(f, i);
        }
        state_survives(f);
        core_fixture_free(f);
        if (one != NULL) {
            break;
        }
    }
    free(f);
}

static void schedules__of_every_kind__lose_nothing_repeat_nothing_and_keep_order(void **state)
{
    (void)state;
    registers = false;
    schedules_run();
}

static void schedules__with_changing_grants__lose_nothing_and_keep_order(void **state)
{
    (void)state;
    registers = true;
    schedules_run();
}

/* A crash after every single commit of one long story, the torn tail of the next left behind. */
static void crash__after_each_commit__changes_nothing_that_was_promised(void **state)
{
    struct core_fixture *f = *state;

    for (unsigned round = 0; round < 40; round++) {
        struct fake_agent *sender = &f->agents[round % 3];
        (void)agent_write(sender, targets_for(sender, round));
        if (sender->welcomed) {
            agent_publish(sender, 0, (uint32_t)(sender->own_count - sender->sent));
        }
        core_fixture_verify(f);
        if (round % 2 == 0) {
            (void)core_fixture_commit(f);
        }
        core_fixture_listen(f);
        core_fixture_crash(f, round * 37 % 700);
        hello_all(f);
        core_fixture_settle(f);
    }
    finish(f);
    for (size_t i = 0; i < 3; i++) {
        check_receiver(f, i);
        check_sender(f, i);
    }
}

#define CORE_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, core_fixture_setup, core_fixture_teardown)

/* ---- a journal put back from a copy ---- */

/* Without waiting for acknowledgements to be taken: they are not. */
static void listen_once(struct core_fixture *f)
{
    core_fixture_verify(f);
    (void)core_fixture_commit(f);
    core_fixture_listen(f);
}

/* An agent shows a head that we have signed and do not have: nothing is taken until a new epoch names the gap; in that,
 * everything is, and the agent is told of the epoch's record. */
static void journal__behind_a_head_that_it_signed__takes_nothing_until_a_new_epoch(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];
    static const char *const to[] = {CODE_CAMDEN, NULL};
    struct disk copy;

    agent_hello(sender);
    core_fixture_settle(f);
    disk_memory_open(&copy);
    journal_fixture_copy_disk(&f->base.memory, &copy);
    (void)agent_write(sender, to);
    agent_publish(sender, 0, 1);
    core_fixture_settle(f);
    uint64_t seen = journal_head(f->base.journal)->size;
    core_fixture_put_back(f, &copy);
    agent_hello(sender);
    listen_once(f);
    assert_false(sender->welcome_extends);
    uint64_t size = journal_size(f->base.journal);
    agent_publish(sender, 1, 1);
    listen_once(f);
    assert_int_equal(sender->refused, E_BUSY);
    assert_int_equal(journal_size(f->base.journal), size);

    assert_int_equal(journal_new_epoch(f->base.journal, 2, size, seen), 0);
    assert_true(core_fixture_commit(f));
    core_fixture_restart(f);
    agent_hello(sender);
    Waypost__Frame *frame = core_fixture_find(f, sender, WAYPOST__FRAME__BODY_WELCOME);
    assert_non_null(frame);
    assert_non_null(frame->welcome->epoch);
    assert_int_equal(frame->welcome->epoch->leaf_index, size);
    listen_once(f);
    agent_publish(sender, 1, 1);
    listen_once(f);
    assert_true(journal_size(f->base.journal) > size + 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CORE_TEST(state__after_a_restart__is_that_before_it),
        CORE_TEST(batch__accepted_and_not_judged__is_verified_again_after_a_crash),
        CORE_TEST(batch__bad_and_not_judged__is_voided_after_a_crash),
        CORE_TEST(batch__never_durable__is_accepted_when_it_comes_again),
        CORE_TEST(register__interrupted_by_a_crash__is_finished_by_the_recovery),
        CORE_TEST(journal__behind_a_head_that_it_signed__takes_nothing_until_a_new_epoch),
        cmocka_unit_test(schedules__of_every_kind__lose_nothing_repeat_nothing_and_keep_order),
        cmocka_unit_test(schedules__with_changing_grants__lose_nothing_and_keep_order),
        CORE_TEST(crash__after_each_commit__changes_nothing_that_was_promised),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
