/* The procedures inside the broker: verdicts, derived records, deadlines, inputs, and the same after a restart. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/core_internal.h"
#include "broker/net/procedure_files.h"
#include "common/base/log.h"
#include "common/record/derived.h"
#include "tests/support/judged_core.h"

#include "common/base/banned.h"

/* ---- verdicts ---- */

static void event__that_takes_effect__is_delivered_so_and_starts_its_clocks(void **state)
{
    struct core_fixture *f = *state;

    say_move(f);
    assert_int_equal(last_event(&f->agents[CAMDEN])->verdict, EFFECTIVE);
    assert_int_equal(last_event(&f->agents[HUB])->verdict, EFFECTIVE);
    for (int who = ISLINGTON; who <= HUB; who++) {
        size_t told = records_of(&f->agents[who], KIND_OF(DEADLINE_SET), "C01");
        assert_int_equal(told, who == LEEDS ? 0 : 1);
    }
    const struct got *set = record_of(&f->agents[CAMDEN], KIND_OF(DEADLINE_SET), "C01", 0);
    assert_non_null(strstr(set->detail, "due=2026-04-08"));
    assert_non_null(strstr(set->detail, "binds=" CODE_CAMDEN));
    assert_int_equal(core_counter(f->core, COUNTER_JUDGED_EFFECTIVE), 1);
    replay_agrees(f);
}

static void event__that_a_rule_refuses__is_delivered_and_everybody_is_told_the_rules(void **state)
{
    static const int told[] = {ISLINGTON, CAMDEN, HUB};
    struct core_fixture *f = *state;

    say_move(f);
    say(f, ISLINGTON, "case_closed", "closure_type=transferred");
    assert_int_equal(last_event(&f->agents[CAMDEN])->verdict, REFUSED);
    assert_int_equal(last_event(&f->agents[HUB])->verdict, REFUSED);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        const struct got *got = record_of(&f->agents[told[i]], KIND_OF(REFUSED), NULL, 0);
        assert_non_null(got);
        assert_string_equal(got->detail, "rules=R28,R29");
        assert_memory_equal(got->event, f->agents[ISLINGTON].own[1].id, UUID_BYTES);
    }
    assert_int_equal(core_counter(f->core, COUNTER_JUDGED_REFUSED), 1);
    assert_int_equal(records_of(&f->agents[LEEDS], KIND_OF(REFUSED), NULL), 0);
    replay_agrees(f);
}

static void event__that_must_wait__is_delivered_as_held(void **state)
{
    struct core_fixture *f = *state;

    say_of(f, &kit, CAMDEN, "move_notified", "permanence=permanent retain_intention=undecided");
    say_of(
        f, &kit, ISLINGTON, "temporary_plan_flag", "action=set basis=pending_transfer_conference");
    say_of(f, &kit, CAMDEN, "proceedings_likely", "avoidance_suspected=yes");
    say_of(f, &kit, CAMDEN, "transfer_requested",
        "rationale_present=yes legal_status=pre_proceedings");
    assert_int_equal(last_event(&f->agents[ISLINGTON])->verdict, HELD);
    for (int who = ISLINGTON; who <= CAMDEN; who++) {
        assert_string_equal(
            record_of(&f->agents[who], KIND_OF(HELD), NULL, 0)->detail, "rules=R16");
    }
    replay_agrees(f);
}

static void event__without_procedures__is_delivered_unjudged(void **state)
{
    struct core_fixture *f = *state;

    say_move(f);
    assert_false(core_procedures_on(f->core));
    assert_int_equal(last_event(&f->agents[CAMDEN])->verdict, UNJUDGED);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_RECORD), 0);
    assert_int_equal(core_counter(f->core, COUNTER_JUDGED_UNJUDGED), 1);
    core_fixture_restart(f);
    assert_false(core_procedures_on(f->core));
}

/* SC-01: the plan is flagged, the conference held on the last lawful day, the case accepted in writing. */
static void transfer__over_easter__passes_by_written_acceptance(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *sender = &f->agents[ISLINGTON];

    say_move(f);
    pass(f, HOUR_MS);
    say(f, CAMDEN, "temporary_plan_flag",
        "action=set basis=pending_transfer_conference agencies_told=hospitals,police");
    assert_int_equal(last_event(sender)->verdict, EFFECTIVE);
    assert_int_equal(records_of(sender, KIND_OF(DEADLINE_STOPPED), "C17"), 1);
    pass(f, 23 * DAY_MS);
    say(f, CAMDEN, "conference_held",
        "conference_type=transfer_in outcome=plan_made chair_role=conference_chair");
    assert_int_equal(records_of(sender, KIND_OF(DEADLINE_STOPPED), "C01"), 1);
    assert_int_equal(records_of(sender, KIND_OF(DEADLINE_BREACHED), "C01"), 0);
    say(f, CAMDEN, "written_acceptance",
        "signatory_role=conference_chair form=chair_letter letter_ref=CAM-1 "
        "letter_hash=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff "
        "effective_at=2026-04-08T12:05");
    const struct got *passed = record_of(sender, KIND_OF(RESPONSIBILITY_TRANSFERRED), NULL, 0);
    assert_non_null(passed);
    assert_non_null(strstr(passed->detail, "from=" CODE_ISLINGTON " to=" CODE_CAMDEN));
    assert_int_equal(records_of(&f->agents[HUB], KIND_OF(RESPONSIBILITY_TRANSFERRED), NULL), 1);
    replay_agrees(f);
}

/* ---- deadlines ---- */

static void deadline__that_passes__is_recorded_at_its_moment_and_told(void **state)
{
    struct core_fixture *f = *state;

    say_move(f);
    pass(f, 30 * DAY_MS);
    const struct got *breach = record_of(&f->agents[CAMDEN], KIND_OF(DEADLINE_BREACHED), "C01", 0);
    assert_non_null(breach);
    assert_true(breach->at_ms < f->base.wall_ms - 5 * DAY_MS); /* Wednesday 8 April ended it */
    assert_int_equal(records_of(&f->agents[ISLINGTON], KIND_OF(DEADLINE_BREACHED), "C01"), 1);
    assert_int_equal(records_of(&f->agents[HUB], KIND_OF(DEADLINE_BREACHED), "C01"), 1);
    assert_true(core_counter(f->core, COUNTER_DEADLINES_BREACHED) > 0);
    replay_agrees(f);
    pass(f, DAY_MS);
    assert_int_equal(records_of(&f->agents[CAMDEN], KIND_OF(DEADLINE_BREACHED), "C01"), 1);
}

static void deadline__that_passes_while_the_broker_is_down__is_recorded_once_at_the_start(
    void **state)
{
    struct core_fixture *f = *state;
    int64_t moment_ms;

    say_move(f);
    f->base.wall_ms += 30 * DAY_MS;
    f->base.mono_ms += 30 * DAY_MS;
    core_fixture_restart(f);
    assert_true(core_unfinished(f->core)); /* before any frame came */
    core_fixture_hello(f);
    assert_int_equal(records_of(&f->agents[CAMDEN], KIND_OF(DEADLINE_BREACHED), "C01"), 1);
    moment_ms = record_of(&f->agents[CAMDEN], KIND_OF(DEADLINE_BREACHED), "C01", 0)->at_ms;
    assert_true(moment_ms < f->base.wall_ms - 5 * DAY_MS);
    for (int i = 0; i < 3; i++) {
        replay_agrees(f);
    }
    assert_int_equal(records_of(&f->agents[CAMDEN], KIND_OF(DEADLINE_BREACHED), "C01"), 1);
}

static void deadline__recorded_and_lost_in_a_crash__is_recorded_again_and_once(void **state)
{
    struct core_fixture *f = *state;

    say_move(f);
    core_fixture_pass(f, 30 * DAY_MS); /* recorded, and not durable */
    core_fixture_crash(f, 0);
    core_fixture_hello(f);
    core_fixture_settle(f);
    assert_int_equal(records_of(&f->agents[CAMDEN], KIND_OF(DEADLINE_BREACHED), "C01"), 1);
    replay_agrees(f);
    assert_int_equal(records_of(&f->agents[CAMDEN], KIND_OF(DEADLINE_BREACHED), "C01"), 1);
}

/* What was accepted before the run-out and is judged after it came in time. */
static void answer__accepted_in_time_and_judged_late__is_not_late(void **state)
{
    struct core_fixture *f = *state;
    struct fake_agent *answerer = &f->agents[CAMDEN];

    say_move(f);
    pass(f, 20 * DAY_MS);
    (void)agent_write_kind(answerer, &ash, "conference_held",
        "conference_type=transfer_in outcome=plan_made chair_role=conference_chair", to_islington);
    agent_publish(answerer, 0, 1); /* accepted; its signature is not checked yet */
    pass(f, 10 * DAY_MS);
    assert_int_equal(records_of(answerer, KIND_OF(DEADLINE_BREACHED), "C01"), 0);
    assert_int_equal(records_of(answerer, KIND_OF(DEADLINE_STOPPED), "C01"), 1);
    replay_agrees(f);
}

static void clock__set_forward_by_a_month__holds_deadlines_until_it_is_trusted(void **state)
{
    struct core_fixture *f = *state;

    say_move(f);
    f->base.wall_ms += 30 * DAY_MS; /* boot time says otherwise */
    core_tick(f->core);
    core_fixture_settle(f);
    assert_int_equal(core_counter(f->core, COUNTER_CLOCK_STEPPED), 1);
    assert_int_equal(core_counter(f->core, COUNTER_DEADLINES_BREACHED), 0);
    say(f, CAMDEN, "temporary_plan_flag",
        "action=set basis=pending_transfer_conference agencies_told=hospitals,police");
    assert_int_equal(core_counter(f->core, COUNTER_DEADLINES_BREACHED), 0);
    core_trust_clock(f->core);
    core_tick(f->core);
    assert_true(core_counter(f->core, COUNTER_DEADLINES_BREACHED) > 0);
    core_fixture_settle(f);
    replay_agrees(f);
}

/* ---- inputs ---- */

static void procedures__the_same_again__change_nothing(void **state)
{
    struct core_fixture *f = *state;
    uint64_t size = journal_size(f->base.journal);

    core_fixture_procedures(f, DATA);
    assert_int_equal(journal_size(f->base.journal), size);
    core_fixture_restart(f);
    core_fixture_procedures(f, DATA);
    assert_true(core_procedures_on(f->core));
    assert_int_equal(journal_size(f->base.journal), size);
}

static void procedures__that_cannot_be_read__leave_the_old_ones(void **state)
{
    struct core_fixture *f = *state;
    struct complaint why = {0};
    struct buf bytes = {0};

    assert_int_equal(procedure_files_read(DATA, &bytes, &why), 0);
    uint64_t size = journal_size(f->base.journal);
    assert_int_not_equal(core_procedures(f->core, slice_of("x", 1), &why), 0);
    uint8_t *at = bytes.data;
    while (at < bytes.data + bytes.len - 13 && memcmp(at, "move_notified", 13) != 0) {
        at++;
    }
    memcpy(at, "moof_notified", 13);
    assert_int_not_equal(core_procedures(f->core, buf_slice(&bytes), &why), 0);
    assert_true(strlen(why.text) > 0);
    assert_true(core_procedures_on(f->core));
    assert_int_equal(journal_size(f->base.journal), size);
    assert_int_equal(core_counter(f->core, COUNTER_PROCEDURES_REFUSED), 2);
    buf_free(&bytes);
}

static void procedures__switched_off_and_on__are_in_force_where_they_stand(void **state)
{
    struct core_fixture *f = *state;

    say_move(f);
    core_fixture_procedures(f, NULL);
    assert_false(core_procedures_on(f->core));
    say(f, ISLINGTON, "case_closed", "closure_type=transferred");
    assert_int_equal(last_event(&f->agents[CAMDEN])->verdict, UNJUDGED);
    core_fixture_restart(f);
    assert_false(core_procedures_on(f->core));
    core_fixture_hello(f);
    core_fixture_procedures(f, DATA);
    say(f, ISLINGTON, "case_closed", "closure_type=transferred");
    assert_int_equal(last_event(&f->agents[CAMDEN])->verdict, REFUSED);
    replay_agrees(f);
}

static void procedures__begun_in_the_middle_of_a_journal__judge_from_there(void **state)
{
    struct core_fixture *f = *state;

    say_move(f);
    core_fixture_procedures(f, DATA);
    say_move(f);
    assert_int_equal(agent_got(&f->agents[CAMDEN], WHAT_EVENT, 0)->verdict, UNJUDGED);
    assert_int_equal(agent_got(&f->agents[CAMDEN], WHAT_EVENT, 1)->verdict, EFFECTIVE);
    replay_agrees(f);
}

/* ---- crashes ---- */

struct step {
    int who;
    const char *kind, *facts;
    int64_t then_ms;
};

static const struct step steps[] = {
    {ISLINGTON, "move_notified",
        "permanence=permanent retain_intention=transfer move_reason=housing", 2 * DAY_MS},
    {ISLINGTON, "case_closed", "closure_type=transferred", DAY_MS},
    {CAMDEN, "temporary_plan_flag",
        "action=set basis=pending_transfer_conference agencies_told=hospitals,police", 30 * DAY_MS},
    {CAMDEN, "conference_held",
        "conference_type=transfer_in outcome=plan_made chair_role=conference_chair", DAY_MS},
};

enum { STEPS = sizeof steps / sizeof steps[0], COMMITS_MAX = 400 };

/* Commit until quiet; at the commit with number `at` the power is cut instead. True where it was. */
static bool run_until(struct core_fixture *f, int *commits, int at)
{
    bool busy = true;

    while (busy) {
        core_fixture_verify(f);
        busy = core_fixture_cut(f);
        if (busy && ++*commits == at) {
            core_fixture_crash(f, 0);
            return true;
        }
        if (busy) {
            core_fixture_written(f);
        }
        core_fixture_listen(f);
        for (size_t i = 0; i < f->agent_count; i++) {
            if (f->agents[i].welcomed && f->agents[i].acked < f->agents[i].upto) {
                agent_acknowledge(&f->agents[i]);
                busy = true;
            }
        }
    }
    return false;
}

static void publish_unsent(struct fake_agent *agent)
{
    while (agent->sent < agent->own_count) {
        agent_publish(agent, 0, 1);
    }
}

static int count_said(void *context, const Waypost__Derived *derived)
{
    size_t *counts = context;

    counts[derived->kind]++;
    return 0;
}

/* What the journal says, by kind. */
static int count_kind(void *context, const struct record *record, uint64_t position)
{
    size_t *counts = context;

    (void)position;
    if (record->type == RECORD_DERIVED) {
        arena_t *arena = arena_new(65536);
        assert_int_equal(derived_walk(arena, record->body, count_said, counts), 0);
        arena_destroy(&arena);
    }
    return 0;
}

enum { KINDS = 64 };

/* The whole story with a crash at one commit; returns how many commits it took. */
static int story(int at, size_t *counts)
{
    void *state = NULL;
    int commits = 0;

    (void)judged_core(&state);
    struct core_fixture *f = state;
    for (size_t i = 0; i < STEPS; i++) {
        struct fake_agent *agent = &f->agents[steps[i].who];
        (void)agent_write_kind(agent, &ash, steps[i].kind, steps[i].facts,
            steps[i].who == CAMDEN ? to_islington : to_camden);
        publish_unsent(agent);
        if (run_until(f, &commits, at)) {
            core_fixture_hello(f);
            publish_unsent(agent);
            (void)run_until(f, &commits, -1);
        }
        core_fixture_pass(f, steps[i].then_ms);
        for (size_t k = 0; k < f->agent_count; k++) {
            agent_hello(&f->agents[k]);
        }
        if (run_until(f, &commits, at)) {
            core_fixture_hello(f);
            (void)run_until(f, &commits, -1);
        }
    }
    core_fixture_settle(f);
    replay_agrees(f);
    core_fixture_settle(f);
    memset(counts, 0, KINDS * sizeof *counts);
    assert_int_equal(journal_replay(f->base.journal, 0, 0, count_kind, counts), 0);
    (void)core_fixture_teardown(&state);
    return commits;
}

static void crash__at_every_commit__leaves_the_same_records(void **state)
{
    size_t wanted[KINDS];
    size_t found[KINDS];

    (void)state;
    int commits = story(-1, wanted);
    assert_true(wanted[KIND_OF(DEADLINE_BREACHED)] > 0);
    assert_int_equal(wanted[KIND_OF(REFUSED)], 1);
    for (int at = 1; at <= commits; at++) {
        (void)story(at, found);
        for (int kind = KIND_OF(DUPLICATE_IGNORED); kind <= (int)KIND_OF(RECORDS_MERGED); kind++) {
            if (found[kind] != wanted[kind]) {
                fail_msg("crash at commit %d of %d: %zu records of kind %d, not %zu", at, commits,
                    found[kind], kind, wanted[kind]);
            }
        }
    }
}

/* A commit that holds a verdict and a part of what the engine said with it: the rest is made at the start. */
static void record__cut_off_from_its_verdict__is_made_at_the_start(void **state)
{
    struct core_fixture *f = *state;
    struct fold *fold = &f->core->fold;

    (void)agent_write_kind(
        &f->agents[ISLINGTON], &ash, "case_closed", "closure_type=transferred", to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    while (core_fixture_commit(f)) {
    }
    const struct batch *batch = f->core->batches;
    assert_non_null(batch);
    /* The same record as judge.c writes, and nothing behind it. */
    struct buf body = {0};
    int64_t at_ms = fold_time(f->core, batch->accepted_ms);
    buf_put_u64(&body, batch->leaf_index);
    buf_put_u64(&body, batch->position);
    buf_put_u32(&body, 1);
    buf_put_u8(&body, fold_event(f->core, batch->view, 0, at_ms));
    buf_put_varint(&body, 0);
    buf_put_u64(&body, (uint64_t)at_ms);
    assert_true(fold->item_count > 0);
    (void)append_record(f->core, RECORD_JUDGED, buf_slice(&body), slice_of(NULL, 0), NULL);
    buf_free(&body);
    ((struct batch *)(uintptr_t)batch)->judged = true;
    while (core_fixture_cut(f)) { /* written, and nobody lives to see it */
        assert_int_equal(journal_write(f->base.journal, f->commit), 0);
        journal_settle(f->base.journal, &f->commit);
    }
    core_fixture_crash(f, 0);
    core_fixture_hello(f);
    assert_int_equal(records_of(&f->agents[ISLINGTON], KIND_OF(REFUSED), NULL), 1);
    replay_agrees(f);
    assert_int_equal(records_of(&f->agents[ISLINGTON], KIND_OF(REFUSED), NULL), 1);
}

static void journal__folded_in_slices__delivers_meanwhile_and_then_judges(void **state)
{
    struct core_fixture *f = *state;

    say_move(f);
    core_fixture_restart(f);
    f->core->fold.caught_up = false; /* as if the journal were longer than one slice */
    f->core->fold.upto = UINT64_MAX;
    core_fixture_hello(f);
    close_unjudged(f);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), 1);
    f->core->fold.upto = f->core->fold.next_leaf;
    core_fold(f->core);
    assert_false(core_folding(f->core));
    core_fixture_settle(f);
    assert_int_equal(last_event(&f->agents[CAMDEN])->verdict, REFUSED);
    replay_agrees(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            event__that_takes_effect__is_delivered_so_and_starts_its_clocks, judged_core,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            event__that_a_rule_refuses__is_delivered_and_everybody_is_told_the_rules, judged_core,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            event__that_must_wait__is_delivered_as_held, judged_core, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(event__without_procedures__is_delivered_unjudged,
            judged_core_off, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(transfer__over_easter__passes_by_written_acceptance,
            judged_core, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(deadline__that_passes__is_recorded_at_its_moment_and_told,
            judged_core, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            deadline__that_passes_while_the_broker_is_down__is_recorded_once_at_the_start,
            judged_core, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            deadline__recorded_and_lost_in_a_crash__is_recorded_again_and_once, judged_core,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(answer__accepted_in_time_and_judged_late__is_not_late,
            judged_core, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            clock__set_forward_by_a_month__holds_deadlines_until_it_is_trusted, judged_core,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            procedures__the_same_again__change_nothing, judged_core, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(procedures__that_cannot_be_read__leave_the_old_ones,
            judged_core, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            procedures__switched_off_and_on__are_in_force_where_they_stand, judged_core,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            procedures__begun_in_the_middle_of_a_journal__judge_from_there, judged_core_off,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(record__cut_off_from_its_verdict__is_made_at_the_start,
            judged_core, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            journal__folded_in_slices__delivers_meanwhile_and_then_judges, judged_core,
            core_fixture_teardown),
        cmocka_unit_test(crash__at_every_commit__leaves_the_same_records),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
