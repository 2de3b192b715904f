/* The procedures inside the broker as snapshots: written, read, passed over, and where their bytes lie. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/core_internal.h"
#include "broker/net/procedure_files.h"
#include "tests/support/judged_core.h"

#include "common/base/banned.h"

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
    journal_snapshot_t *snapshot = NULL;
    struct buf saved = {0};
    uint64_t size;
    uint64_t position;

    tell_and_save(f);
    assert_true(f->memory.pieces > 0);
    f->core->options.snapshot_bytes = 0;
    assert_true(core_procedures_snapshot_due(f->core, true, &saved, &size, &position));
    assert_ptr_equal(saved.backing, f->options.backing);
    buf_free(&saved);
    size_t pieces = f->memory.pieces;
    assert_int_equal(journal_snapshot_open(f->base.journal, SNAPSHOT_PROCEDURES, UINT64_MAX,
                         f->options.backing, &snapshot),
        0);
    assert_int_equal(journal_snapshot_step(snapshot, SIZE_MAX), 0);
    assert_int_equal(f->memory.pieces, pieces + 1);
    journal_snapshot_close(&snapshot);
    assert_int_equal(f->memory.pieces, pieces);
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
        save_changed(f, places[i]);
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
    close_unjudged(f);
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
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            snapshot__with_more_behind_it__gives_what_the_whole_journal_gives, judged_core,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            cases__and_their_snapshots__lie_on_the_backing_that_the_core_is_lent, judged_core,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(snapshot__older_than_a_deadline__fires_it_at_its_moment,
            judged_core, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            snapshot__damaged__is_passed_over_for_the_journal, judged_core, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            snapshot__that_does_not_fit__is_passed_over_for_the_one_before, judged_core,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(snapshot__under_tables_that_came_later__is_of_those,
            judged_core, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            snapshot__being_encoded__lets_nothing_be_folded_and_receipts_go, judged_core,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            snapshot__of_what_is_not_durable__waits, judged_core, core_fixture_teardown),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
