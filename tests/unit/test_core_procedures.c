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
#include "tests/support/core_fixture.h"

#include "common/base/banned.h"

#define WHAT_EVENT WAYPOST__ENTRY__WHAT_EVENT
#define WHAT_RECORD WAYPOST__ENTRY__WHAT_RECORD
#define KIND_OF(name) WAYPOST__SYSTEM_KIND__##name
#define DATA "data"

enum { UNJUDGED, EFFECTIVE, ALERT, REFUSED, HELD };

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static const char *const to_camden[] = {CODE_CAMDEN, NULL};
static const char *const to_islington[] = {CODE_ISLINGTON, NULL};

static struct fake_case ash = {.origin = CODE_ISLINGTON, .receiving = CODE_CAMDEN};
static struct fake_case kit = {.origin = CODE_CAMDEN, .receiving = CODE_ISLINGTON};

static int setup_off(void **state)
{
    struct core_fixture *fixture = calloc(1, sizeof *fixture);

    log_init("test", LOG_ERROR);
    core_fixture_init(fixture);
    for (size_t i = 0; i < fixture->agent_count; i++) {
        agent_hello(&fixture->agents[i]);
    }
    core_fixture_settle(fixture);
    fixture->base.world.random(fixture->base.world.context, ash.transfer, sizeof ash.transfer);
    fixture->base.world.random(fixture->base.world.context, ash.subject, sizeof ash.subject);
    *state = fixture;
    return 0;
}

static int setup(void **state)
{
    (void)setup_off(state);
    core_fixture_procedures(*state, DATA);
    return 0;
}

/* ---- saying and asking ---- */

static void say_of(struct core_fixture *f, const struct fake_case *about, int who, const char *kind,
    const char *facts)
{
    struct fake_agent *agent = &f->agents[who];

    (void)agent_write_kind(agent, about, kind, facts, who == CAMDEN ? to_islington : to_camden);
    agent_publish(agent, 0, 1);
    core_fixture_settle(f);
}

static void say(struct core_fixture *f, int who, const char *kind, const char *facts)
{
    say_of(f, &ash, who, kind, facts);
}

static void say_move(struct core_fixture *f)
{
    say(f, ISLINGTON, "move_notified",
        "permanence=permanent retain_intention=transfer move_reason=housing door=mash");
}

static const struct got *last_event(const struct fake_agent *agent)
{
    size_t count = agent_count(agent, WHAT_EVENT);

    assert_true(count > 0);
    return agent_got(agent, WHAT_EVENT, count - 1);
}

/* The nth record of a kind, also of one clock; NULL where there are not so many. */
static const struct got *record_of(
    const struct fake_agent *agent, int kind, const char *clock, size_t nth)
{
    for (size_t i = 0; i < agent_count(agent, WHAT_RECORD); i++) {
        const struct got *got = agent_got(agent, WHAT_RECORD, i);
        if (got->kind == kind && (clock == NULL || strcmp(got->clock, clock) == 0) && nth-- == 0) {
            return got;
        }
    }
    return NULL;
}

static size_t records_of(const struct fake_agent *agent, int kind, const char *clock)
{
    size_t count = 0;

    while (record_of(agent, kind, clock, count) != NULL) {
        count++;
    }
    return count;
}

/* Whoever was silent so long has to come back. */
static void pass(struct core_fixture *f, int64_t ms)
{
    core_fixture_pass(f, ms);
    core_fixture_hello(f);
}

/* What the engine is now goes to the disk, as the edge does it. */
static void save_procedures(struct core_fixture *f)
{
    struct buf state = {0};
    uint64_t size;
    uint64_t position;

    f->core->options.snapshot_bytes = 0;
    f->core->fold.last_saved_bytes = 0;
    assert_true(core_procedures_snapshot_due(f->core, true, &state, &size, &position));
    assert_int_equal(journal_snapshot_write(
                         f->base.journal, SNAPSHOT_PROCEDURES, size, position, buf_slice(&state)),
        0);
    f->core->options.snapshot_bytes = UINT64_MAX;
    buf_free(&state);
}

static void forget_name(void *arg, const char *name)
{
    struct core_fixture *f = arg;

    if (strncmp(name, "procedures-", strlen("procedures-")) == 0) {
        assert_int_equal(f->base.disk.remove(f->base.disk.context, name), 0);
    }
}

static void forget_snapshots(struct core_fixture *f)
{
    assert_int_equal(f->base.disk.list(f->base.disk.context, forget_name, f), 0);
}

static void restart_agrees(struct core_fixture *f, bool resumed)
{
    struct hash before = core_procedures_hash(f->core);

    core_fixture_restart(f);
    struct hash after = core_procedures_hash(f->core);
    assert_memory_equal(before.b, after.b, HASH_BYTES);
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_DIFFERENCES), 0);
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_RESUMED), resumed ? 1 : 0);
}

/*
 * What a replay makes of the journal is what was there before, and nothing in it is contradicted; whether it begins at
 * the first record or at a snapshot.
 */
static void replay_agrees(struct core_fixture *f)
{
    forget_snapshots(f);
    restart_agrees(f, false);
    if (core_procedures_on(f->core)) {
        save_procedures(f);
        restart_agrees(f, true);
    }
    core_fixture_hello(f);
}

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

/* ---- snapshots ---- */

/* Something runs, something is held, and more comes after the snapshot. */
static void tell_and_save(struct core_fixture *f)
{
    say_move(f);
    say(f, ISLINGTON, "transfer_requested",
        "rationale_present=yes legal_status=none family_informed=yes");
    pass(f, DAY_MS);
    save_procedures(f);
    say(f, CAMDEN, "temporary_plan_flag",
        "action=set basis=pending_transfer_conference agencies_told=hospitals,police");
}

static void snapshot__with_more_behind_it__gives_what_the_whole_journal_gives(void **state)
{
    struct core_fixture *f = *state;

    tell_and_save(f);
    restart_agrees(f, true);
    core_fixture_hello(f);
    say(f, CAMDEN, "conference_held",
        "conference_type=transfer_in outcome=plan_made chair_role=conference_chair");
    restart_agrees(f, true);
    forget_snapshots(f);
    restart_agrees(f, false);
}

/* Of the engine that folds, its bytes on their way out, and an engine that was read. */
static void cases__and_their_snapshots__lie_on_the_backing_that_the_core_is_lent(void **state)
{
    struct core_fixture *f = *state;
    struct buf saved = {0};
    uint64_t size;
    uint64_t position;

    tell_and_save(f);
    assert_true(f->memory.pieces > 0);
    f->core->options.snapshot_bytes = 0;
    assert_true(core_procedures_snapshot_due(f->core, true, &saved, &size, &position));
    assert_ptr_equal(saved.backing, f->options.backing);
    buf_free(&saved);
    restart_agrees(f, true);
    assert_true(f->memory.pieces > 0);
}

static void snapshot__older_than_a_deadline__fires_it_at_its_moment(void **state)
{
    struct core_fixture *f = *state;

    tell_and_save(f);
    f->base.wall_ms += 40 * DAY_MS; /* while the broker is down */
    f->base.mono_ms += 40 * DAY_MS;
    core_fixture_restart(f);
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_RESUMED), 1);
    core_tick(f->core);
    core_fixture_hello(f);
    const struct got *breach = record_of(&f->agents[CAMDEN], KIND_OF(DEADLINE_BREACHED), "C01", 0);
    assert_non_null(breach);
    assert_true(breach->at_ms < f->base.wall_ms - 10 * DAY_MS); /* when it ran out */
    assert_int_equal(records_of(&f->agents[CAMDEN], KIND_OF(DEADLINE_BREACHED), "C01"), 1);
    replay_agrees(f);
    assert_int_equal(records_of(&f->agents[CAMDEN], KIND_OF(DEADLINE_BREACHED), "C01"), 1);
}

static void damage_name(void *arg, const char *name)
{
    struct core_fixture *f = arg;
    const struct disk *disk = &f->base.disk;
    uint8_t byte = 0;
    uint64_t len = 0;
    size_t got;
    int file;

    if (strncmp(name, "procedures-", strlen("procedures-")) == 0) {
        assert_int_equal(disk->open(disk->context, name, false, &file), 0);
        assert_int_equal(disk->size(disk->context, file, &len), 0);
        assert_int_equal(disk->read_at(disk->context, file, &byte, 1, len / 2, &got), 0);
        byte ^= 4;
        assert_int_equal(disk->write_at(disk->context, file, slice_of(&byte, 1), len / 2), 0);
        disk->close(disk->context, file);
    }
}

static void snapshot__damaged__is_passed_over_for_the_journal(void **state)
{
    struct core_fixture *f = *state;

    tell_and_save(f);
    assert_int_equal(f->base.disk.list(f->base.disk.context, damage_name, f), 0);
    restart_agrees(f, false);
    core_fixture_hello(f);
    say(f, ISLINGTON, "case_closed", "closure_type=transferred");
    assert_int_equal(last_event(&f->agents[CAMDEN])->verdict, REFUSED);
}

/* Written anew with one byte of its head changed, so that file and hash are right. */
static void save_with(struct core_fixture *f, size_t at)
{
    struct buf state = {0};
    uint64_t size;
    uint64_t position;

    f->core->options.snapshot_bytes = 0;
    f->core->fold.last_saved_bytes = 0;
    assert_true(core_procedures_snapshot_due(f->core, true, &state, &size, &position));
    state.data[at] ^= 1;
    assert_int_equal(journal_snapshot_write(
                         f->base.journal, SNAPSHOT_PROCEDURES, size, position, buf_slice(&state)),
        0);
    buf_free(&state);
}

static void snapshot__that_does_not_fit__is_passed_over_for_the_one_before(void **state)
{
    static const size_t places[] = {
        0,   /* no snapshot of ours */
        4,   /* another engine */
        36,  /* another history */
        68,  /* other tables */
        100, /* another record of them */
        116, /* a state of another layout */
    };
    struct core_fixture *f = *state;

    say_move(f);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        forget_snapshots(f);
        save_procedures(f);
        uint64_t good = journal_head(f->base.journal)->size;
        say(f, CAMDEN, "temporary_plan_flag",
            "action=set basis=pending_transfer_conference agencies_told=hospitals,police");
        save_with(f, places[i]);
        assert_true(journal_head(f->base.journal)->size > good);
        restart_agrees(f, true);
        assert_true(f->core->fold.unsaved_bytes > 0); /* since the good one */
        core_fixture_hello(f);
    }
}

static void snapshot__under_tables_that_came_later__is_of_those(void **state)
{
    struct core_fixture *f = *state;

    say_move(f);
    core_fixture_procedures(f, NULL);
    core_fixture_procedures(f, DATA);
    save_procedures(f);
    restart_agrees(f, true);
    core_fixture_hello(f);
    core_fixture_procedures(f, NULL);
    core_fixture_settle(f);
    core_fixture_restart(f);
    assert_false(core_procedures_on(f->core)); /* switched off behind the snapshot */
}

static void snapshot__being_encoded__lets_nothing_be_folded_and_receipts_go(void **state)
{
    struct core_fixture *f = *state;
    struct buf saved = {0};
    uint64_t size;
    uint64_t position;

    say_move(f);
    f->core->options.snapshot_bytes = 0;
    fold_save_tick(f->core);
    assert_true(core_folding(f->core));
    struct hash before = core_procedures_hash(f->core);
    size_t events = agent_count(&f->agents[CAMDEN], WHAT_EVENT);
    (void)agent_write_kind(
        &f->agents[ISLINGTON], &ash, "case_closed", "closure_type=transferred", to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_verify(f);
    while (core_fixture_commit(f)) {
    }
    core_fixture_listen(f);
    assert_true(f->agents[ISLINGTON].own[1].receipted);
    assert_int_equal(agent_count(&f->agents[CAMDEN], WHAT_EVENT), events);
    assert_false(core_procedures_snapshot_due(f->core, false, &saved, &size, &position));
    struct hash after = core_procedures_hash(f->core);
    assert_memory_equal(before.b, after.b, HASH_BYTES);
    while (core_folding(f->core)) {
        core_fold(f->core);
    }
    core_fixture_settle(f);
    assert_int_equal(last_event(&f->agents[CAMDEN])->verdict, REFUSED);
    assert_true(core_procedures_snapshot_due(f->core, false, &saved, &size, &position));
    assert_int_equal(journal_snapshot_write(
                         f->base.journal, SNAPSHOT_PROCEDURES, size, position, buf_slice(&saved)),
        0);
    f->core->options.snapshot_bytes = UINT64_MAX;
    restart_agrees(f, true);
    buf_free(&saved);
}

static void snapshot__of_what_is_not_durable__waits(void **state)
{
    struct core_fixture *f = *state;
    struct buf saved = {0};
    uint64_t size;
    uint64_t position;

    say_move(f);
    (void)agent_write_kind(
        &f->agents[ISLINGTON], &ash, "case_closed", "closure_type=transferred", to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    (void)core_fixture_commit(f);
    core_fixture_verify(f); /* judged and folded, and nothing of that is on the disk */
    assert_true(journal_size(f->base.journal) > journal_head(f->base.journal)->size);
    f->core->options.snapshot_bytes = 0;
    assert_false(core_procedures_snapshot_due(f->core, true, &saved, &size, &position));
    core_fixture_settle(f);
    assert_true(core_procedures_snapshot_due(f->core, true, &saved, &size, &position));
    assert_true(size <= journal_head(f->base.journal)->size);
    buf_free(&saved);
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

    (void)setup(&state);
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
    (void)agent_write_kind(
        &f->agents[ISLINGTON], &ash, "case_closed", "closure_type=transferred", to_camden);
    agent_publish(&f->agents[ISLINGTON], 0, 1);
    core_fixture_verify(f);
    while (core_fixture_commit(f)) {
    }
    core_fixture_listen(f);
    assert_true(f->agents[ISLINGTON].own[1].receipted); /* receipts never wait */
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
            event__that_takes_effect__is_delivered_so_and_starts_its_clocks, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            event__that_a_rule_refuses__is_delivered_and_everybody_is_told_the_rules, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            event__that_must_wait__is_delivered_as_held, setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            event__without_procedures__is_delivered_unjudged, setup_off, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            transfer__over_easter__passes_by_written_acceptance, setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(deadline__that_passes__is_recorded_at_its_moment_and_told,
            setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            deadline__that_passes_while_the_broker_is_down__is_recorded_once_at_the_start, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            deadline__recorded_and_lost_in_a_crash__is_recorded_again_and_once, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            answer__accepted_in_time_and_judged_late__is_not_late, setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            clock__set_forward_by_a_month__holds_deadlines_until_it_is_trusted, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            procedures__the_same_again__change_nothing, setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            procedures__that_cannot_be_read__leave_the_old_ones, setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            procedures__switched_off_and_on__are_in_force_where_they_stand, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            procedures__begun_in_the_middle_of_a_journal__judge_from_there, setup_off,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            record__cut_off_from_its_verdict__is_made_at_the_start, setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            journal__folded_in_slices__delivers_meanwhile_and_then_judges, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            snapshot__with_more_behind_it__gives_what_the_whole_journal_gives, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            cases__and_their_snapshots__lie_on_the_backing_that_the_core_is_lent, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            snapshot__older_than_a_deadline__fires_it_at_its_moment, setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            snapshot__damaged__is_passed_over_for_the_journal, setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            snapshot__that_does_not_fit__is_passed_over_for_the_one_before, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            snapshot__under_tables_that_came_later__is_of_those, setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            snapshot__being_encoded__lets_nothing_be_folded_and_receipts_go, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            snapshot__of_what_is_not_durable__waits, setup, core_fixture_teardown),
        cmocka_unit_test(crash__at_every_commit__leaves_the_same_records),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
