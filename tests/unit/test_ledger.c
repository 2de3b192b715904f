/*
 * The ledger of a journal, and the engine beside it: what is recorded is applied as it stands and never worked out again
 * (promise 10); a scan reads what verify reads, as far as it is whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/core_internal.h"
#include "client/replay/ledger.h"
#include "client/replay/ledger_diff.h"
#include "client/replay/moment.h"
#include "client/replay/recompute.h"
#include "common/base/log.h"
#include "tests/support/core_fixture.h"
#include "tests/support/procedures_fixture.h"

#include "common/base/banned.h"

#define DATA "data"
#define HOUR_MS INT64_C(3600000)
#define KIND_OF(name) WAYPOST__SYSTEM_KIND__##name

static const char *const to_camden[] = {CODE_CAMDEN, NULL};
static const char *const to_islington[] = {CODE_ISLINGTON, NULL};
static struct fake_case ash = {.origin = CODE_ISLINGTON, .receiving = CODE_CAMDEN};

static int setup(void **state)
{
    struct core_fixture *f = calloc(1, sizeof *f);

    log_init("test", LOG_ERROR);
    core_fixture_init(f);
    for (size_t i = 0; i < f->agent_count; i++) {
        agent_hello(&f->agents[i]);
    }
    core_fixture_settle(f);
    f->base.world.random(f->base.world.context, ash.transfer, sizeof ash.transfer);
    f->base.world.random(f->base.world.context, ash.subject, sizeof ash.subject);
    core_fixture_procedures(f, DATA);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    core_fixture_free(*state);
    free(*state);
    return 0;
}

static void say(struct core_fixture *f, int who, const char *kind, const char *facts)
{
    struct fake_agent *agent = &f->agents[who];

    (void)agent_write_kind(agent, &ash, kind, facts, who == CAMDEN ? to_islington : to_camden);
    agent_publish(agent, 0, 1);
    core_fixture_settle(f);
}

static void say_move(struct core_fixture *f)
{
    say(f, ISLINGTON, "move_notified",
        "permanence=permanent retain_intention=transfer move_reason=housing door=mash");
}

/* Everything up to a written acceptance, a refusal and a breach on the way. */
static void say_story(struct core_fixture *f)
{
    say_move(f);
    say(f, ISLINGTON, "case_closed", "closure_type=transferred");
    for (int day = 0; day < 40; day++) {
        core_fixture_pass(f, 24 * HOUR_MS);
    }
    for (size_t i = 0; i < f->agent_count; i++) {
        agent_hello(&f->agents[i]);
    }
    core_fixture_settle(f);
    say(f, CAMDEN, "conference_held",
        "conference_type=transfer_in outcome=plan_made chair_role=conference_chair");
    say(f, CAMDEN, "written_acceptance",
        "signatory_role=conference_chair form=chair_letter letter_ref=CAM-1 "
        "letter_hash=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
}

/* ---- reading the journal of the fixture ---- */

struct read {
    ledger_t *ledger;
    recompute_t *engine;
    uint64_t upto; /* leaves to take */
    uint64_t taken;
};

static int take(void *context, const struct record *record, uint64_t position)
{
    struct read *read = context;
    struct complaint why = {0};

    (void)position;
    if (record->sequence >= read->upto) {
        return 1;
    }
    read->taken++;
    assert_int_equal(ledger_record(read->ledger, record), 0);
    return read->engine == NULL ? 0 : recompute_record(read->engine, record, &why);
}

static int scan(const struct core_fixture *f, struct read *read, struct complaint *why)
{
    const struct journal_scan scan = {.visit = take, .context = read};
    struct journal_scanned scanned;

    return journal_scan(&f->base.disk, &scan, &scanned, why);
}

static struct read read_upto(const struct core_fixture *f, uint64_t upto, recompute_t *engine)
{
    struct read read = {.ledger = ledger_new(), .engine = engine, .upto = upto};
    struct complaint why = {0};

    int rc = scan(f, &read, &why);
    assert_true(rc == 0 || rc == 1);
    return read;
}

/* ---- the ledger ---- */

static void ledger__of_a_story__says_what_the_engine_said(void **state)
{
    struct core_fixture *f = *state;
    const char *codes[8];

    say_story(f);
    struct read read = read_upto(f, UINT64_MAX, recompute_new(NULL, NULL, NULL));
    recompute_end(read.engine, false);
    struct hash broker = core_procedures_hash(f->core);
    struct hash again = engine_hash(recompute_engine(read.engine));
    assert_memory_equal(broker.b, again.b, HASH_BYTES);
    assert_int_equal(recompute_differences(read.engine), 0);
    assert_true(recompute_compared(read.engine) > 8);

    assert_int_equal(
        engine_owner(f->core->fold.engine, ash.transfer, ash.subject, DIM_CASE, codes), 1);
    assert_string_equal(codes[0], CODE_CAMDEN);
    assert_string_equal(ledger_owner(read.ledger, ash.subject), CODE_CAMDEN);
    assert_int_equal(ledger_child_of(read.ledger, ash.subject)->owner_count, 2);
    const struct ledger_event *closed =
        ledger_event_of(read.ledger, f->agents[ISLINGTON].own[1].id);
    assert_int_equal(closed->verdict, LEDGER_REFUSED);
    assert_string_equal(closed->notes[0].rules, "R28,R29");
    assert_true(closed->levels[0].persisted_ms > 0);
    recompute_destroy(&read.engine);
    ledger_destroy(&read.ledger);
}

struct asked {
    const ledger_t *ledger;
    size_t clocks;
};

static void clock_is(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    static const int states[] = {[CLOCK_RUNNING] = LEDGER_RUNNING,
        [CLOCK_MET] = LEDGER_MET,
        [CLOCK_CANCELLED] = LEDGER_CANCELLED,
        [CLOCK_BREACHED] = LEDGER_BREACHED,
        [CLOCK_SUPERSEDED] = LEDGER_SUPERSEDED};
    struct asked *asked = context;
    const struct ledger_clock *found = NULL;

    for (size_t i = 0; i < ledger_clock_count(asked->ledger); i++) {
        const struct ledger_clock *candidate = ledger_clock_at(asked->ledger, i);
        if (strcmp(candidate->id, clock->info->id) == 0 &&
            memcmp(candidate->event, clock->event, UUID_BYTES) == 0 &&
            memcmp(candidate->subject, subject, UUID_BYTES) == 0) {
            found = candidate;
        }
    }
    assert_non_null(found);
    assert_int_equal(found->state, states[clock->state]);
    assert_int_equal(found->advisory, clock->advisory);
    assert_true(clock->bound_count == 0 || strstr(found->binds, clock->bound[0]) != NULL);
    asked->clocks++;
}

static void clocks__of_a_story__are_those_of_the_engine(void **state)
{
    struct core_fixture *f = *state;

    say_story(f);
    struct read read = read_upto(f, UINT64_MAX, NULL);
    struct asked asked = {.ledger = read.ledger};
    engine_clocks(f->core->fold.engine, ash.transfer, NULL, clock_is, &asked);
    assert_true(asked.clocks >= 4);
    assert_int_equal(asked.clocks, ledger_clock_count(read.ledger));
    ledger_destroy(&read.ledger);
}

/* A state at a moment is the same whether the journal ended there or went on. */
static void state__at_an_entry__does_not_depend_on_what_follows(void **state)
{
    struct core_fixture *f = *state;

    say_move(f);
    uint64_t leaves = journal_head(f->base.journal)->size;
    struct read before = read_upto(f, UINT64_MAX, NULL);
    struct hash then = ledger_hash(before.ledger);
    say(f, ISLINGTON, "case_closed", "closure_type=transferred");
    struct read cut = read_upto(f, leaves, NULL);
    struct hash again = ledger_hash(cut.ledger);
    assert_int_equal(cut.taken, leaves);
    assert_memory_equal(then.b, again.b, HASH_BYTES);
    struct read whole = read_upto(f, UINT64_MAX, NULL);
    struct hash now = ledger_hash(whole.ledger);
    assert_memory_not_equal(now.b, then.b, HASH_BYTES);
    ledger_destroy(&before.ledger);
    ledger_destroy(&cut.ledger);
    ledger_destroy(&whole.ledger);
}

/* ---- promise 10: recorded is recorded ---- */

/* The first place of some bytes, NULL where they are not there. */
static uint8_t *place_of(struct buf *body, const char *wanted)
{
    size_t len = strlen(wanted);

    for (size_t i = 0; i + len <= body->len; i++) {
        if (memcmp(body->data + i, wanted, len) == 0) {
            return body->data + i;
        }
    }
    return NULL;
}

struct bend {
    ledger_t *ledger;
    recompute_t *engine;
    unsigned bent;
};

/* The same journal, as another engine would have written it: what was refused took effect, a clock was due later. */
static int take_bent(void *context, const struct record *record, uint64_t position)
{
    struct bend *bend = context;
    struct buf body = {0};
    struct record bent = *record;
    struct complaint why = {0};
    static const char due[] = "due=2026-";

    (void)position;
    buf_put_slice(&body, record->body);
    if (record->type == RECORD_JUDGED && body.len > 20 && body.data[20] == LEDGER_REFUSED) {
        body.data[20] = LEDGER_EFFECTIVE;
        bend->bent++;
    }
    uint8_t *at = record->type == RECORD_DERIVED ? place_of(&body, due) : NULL;
    if (at != NULL && place_of(&body, "C01") != NULL) {
        at[strlen("due=202")] = '9'; /* 2029 */
        bend->bent++;
    }
    bent.body = buf_slice(&body);
    assert_int_equal(ledger_record(bend->ledger, &bent), 0);
    assert_int_equal(recompute_record(bend->engine, &bent, &why), 0);
    buf_free(&body);
    return 0;
}

struct found {
    unsigned verdicts, clocks, others;
};

static void note(void *context, const struct difference *difference)
{
    struct found *found = context;

    if (difference->what == DIFFERENCE_VERDICT) {
        assert_int_equal(difference->verdict_recorded, LEDGER_EFFECTIVE);
        assert_int_equal(difference->verdict_recomputed, LEDGER_REFUSED);
        found->verdicts++;
    } else if (difference->recorded != NULL && difference->recomputed != NULL &&
        strcmp(difference->recorded->clock, "C01") == 0) {
        assert_non_null(strstr(difference->recorded->detail, "due=2029-"));
        assert_non_null(strstr(difference->recomputed->detail, "due=2026-"));
        found->clocks++;
    } else {
        found->others++;
    }
}

static void record__that_this_engine_would_not_write__counts_as_it_stands(void **state)
{
    struct core_fixture *f = *state;
    struct found found = {0};
    struct bend bend = {.ledger = ledger_new(), .engine = recompute_new(NULL, note, &found)};
    const struct journal_scan scan = {.visit = take_bent, .context = &bend};
    struct journal_scanned scanned;
    struct complaint why = {0};

    say_move(f);
    say(f, ISLINGTON, "case_closed", "closure_type=transferred");
    assert_int_equal(journal_scan(&f->base.disk, &scan, &scanned, &why), 0);
    recompute_end(bend.engine, false);
    assert_int_equal(bend.bent, 2);
    const struct ledger_event *closed =
        ledger_event_of(bend.ledger, f->agents[ISLINGTON].own[1].id);
    assert_int_equal(closed->verdict, LEDGER_EFFECTIVE);
    assert_memory_equal(ledger_clock_at(bend.ledger, 0)->due, "2029-", 5);
    assert_int_equal(found.verdicts, 1);
    assert_int_equal(found.clocks, 1);
    assert_int_equal(found.others, 0);
    assert_int_equal(recompute_differences(bend.engine), 2);
    recompute_destroy(&bend.engine);
    ledger_destroy(&bend.ledger);
}

/* ---- other tables ---- */

static void passed(void *context, const struct difference *difference)
{
    bool *seen = context;

    *seen |= difference->what == DIFFERENCE_RECORD && difference->recorded == NULL &&
        difference->recomputed->kind == KIND_OF(ALERT_RAISED) &&
        strcmp(difference->recomputed->rule, "R28") == 0;
}

static void tables__with_a_milder_rule__would_have_flagged_it(void **state)
{
    struct core_fixture *f = *state;
    procedures_t *same = NULL;
    procedures_t *milder = NULL;
    struct complaint why = {0};
    bool seen = false;

    say_move(f);
    say(f, ISLINGTON, "plan_discontinued", "discontinue_reason=moved");
    assert_int_equal(fixture_procedures(NULL, NULL, NULL, &same, &why), 0);
    struct read read = read_upto(f, UINT64_MAX, recompute_new(same, NULL, NULL));
    recompute_end(read.engine, false);
    assert_int_equal(recompute_differences(read.engine), 0);
    recompute_destroy(&read.engine);
    ledger_destroy(&read.ledger);
    assert_int_equal(fixture_procedures("rules.tsv", "REJECT:case_closed+plan_discontinued",
                         "ALERT:case_closed+plan_discontinued", &milder, &why),
        0);
    read = read_upto(f, UINT64_MAX, recompute_new(milder, passed, &seen));
    recompute_end(read.engine, false);
    assert_true(seen);
    recompute_destroy(&read.engine);
    ledger_destroy(&read.ledger);
    procedures_destroy(&same);
    procedures_destroy(&milder);
}

/* ---- differences between ledgers ---- */

struct rows {
    unsigned events, owners, clocks, transfers;
};

static void row(void *context, const struct ledger_difference *difference)
{
    struct rows *rows = context;

    rows->events += strcmp(difference->what, "event") == 0;
    rows->owners += strcmp(difference->what, "owner") == 0;
    rows->clocks += strcmp(difference->what, "clock") == 0;
    rows->transfers += strcmp(difference->what, "transfer") == 0;
    assert_string_not_equal(difference->a, difference->b);
}

static void ledgers__of_two_moments__differ_in_what_happened_between(void **state)
{
    struct core_fixture *f = *state;
    struct rows rows = {0};

    say_move(f);
    struct read before = read_upto(f, UINT64_MAX, NULL);
    say(f, ISLINGTON, "case_closed", "closure_type=transferred");
    struct read after = read_upto(f, UINT64_MAX, NULL);
    assert_int_equal(ledger_diff(before.ledger, before.ledger, row, &rows), 0);
    assert_int_equal(ledger_diff(before.ledger, after.ledger, row, &rows), 1);
    assert_int_equal(rows.events, 1);
    rows = (struct rows){0};
    struct read nothing = {.ledger = ledger_new()};
    uint64_t count = ledger_diff(nothing.ledger, after.ledger, row, &rows);
    assert_int_equal(rows.events, 2);
    assert_int_equal(rows.owners, 1);
    assert_int_equal(rows.transfers, 1);
    assert_int_equal(count, rows.events + rows.owners + rows.transfers + rows.clocks);
    rows = (struct rows){0};
    assert_int_equal(ledger_diff(after.ledger, nothing.ledger, row, &rows), count);
    ledger_destroy(&before.ledger);
    ledger_destroy(&after.ledger);
    ledger_destroy(&nothing.ledger);
}

/* ---- batches that never counted ---- */

static void batch__badly_signed__counts_for_nothing(void **state)
{
    struct core_fixture *f = *state;

    (void)agent_write_kind(&f->agents[ISLINGTON], &ash, "move_notified",
        "permanence=permanent retain_intention=transfer move_reason=housing door=mash", to_camden);
    agent_publish_tampered(&f->agents[ISLINGTON], 1, 1);
    core_fixture_settle(f);
    struct read read = read_upto(f, UINT64_MAX, NULL);
    assert_int_equal(ledger_counts(read.ledger)->voided, 1);
    assert_int_equal(ledger_transfer_count(read.ledger), 0);
    assert_int_equal(ledger_child_count(read.ledger), 0);
    ledger_destroy(&read.ledger);
}

/* ---- the scan ---- */

struct visited {
    uint64_t leaves;
    struct hash hash; /* over bodies and payloads in order */
};

static int visit_leaf(void *context, const struct record *record, uint64_t position)
{
    struct visited *visited = context;
    struct buf bytes = {0};

    buf_put(&bytes, visited->hash.b, HASH_BYTES);
    buf_put_u64(&bytes, position);
    buf_put_u64(&bytes, record->sequence);
    buf_put_slice(&bytes, record->body);
    buf_put_slice(&bytes, record->payload);
    visited->hash = hash_of("test", buf_slice(&bytes), slice_of(NULL, 0));
    visited->leaves++;
    buf_free(&bytes);
    return 0;
}

static void scan__of_a_journal__visits_what_verify_visits(void **state)
{
    struct core_fixture *f = *state;
    struct visited scanned = {0};
    struct visited verified = {0};
    struct journal_scanned report;
    struct journal_check check;
    struct complaint why = {0};
    const struct journal_scan scan = {.visit = visit_leaf, .context = &scanned};

    say_move(f);
    assert_int_equal(journal_scan(&f->base.disk, &scan, &report, &why), 0);
    assert_int_equal(journal_verify(&f->base.disk, f->base.head_public, &check, visit_leaf,
                         &verified, NULL, &why),
        0);
    assert_int_equal(scanned.leaves, verified.leaves);
    assert_int_equal(report.leaves, check.leaves);
    assert_int_equal(report.commits, check.commits);
    assert_memory_equal(scanned.hash.b, verified.hash.b, HASH_BYTES);
}

/* One byte changed anywhere in the records ends the scan there, with what is whole before it, or changes nothing. */
static void scan__of_a_damaged_journal__says_where_and_gives_what_is_whole_before(void **state)
{
    enum { FROM = 4096, STEP = 61 };
    struct core_fixture *f = *state;
    struct disk copy;
    struct visited whole = {0};
    struct journal_scanned report;
    struct complaint why = {0};
    struct journal_scan scan = {.visit = visit_leaf, .context = &whole};
    const char *name = "segment-0000000001.wpj";

    say_move(f);
    assert_int_equal(journal_scan(&f->base.disk, &scan, &report, &why), 0);
    disk_memory_open(&copy);
    journal_fixture_copy_disk(&f->base.disk, &copy);
    uint64_t used = journal_fixture_used(&copy, name);
    unsigned named = 0;
    for (uint64_t at = FROM; at < used; at += STEP) {
        struct visited damaged = {0};
        journal_fixture_flip(&copy, name, at, 3);
        scan.context = &damaged;
        int rc = journal_scan(&copy, &scan, &report, &why);
        assert_true(rc == 0 || rc == E_CORRUPT);
        assert_true(damaged.leaves < whole.leaves);
        if (rc == E_CORRUPT) {
            assert_non_null(strstr(why.text, name));
            named++;
        }
        journal_fixture_flip(&copy, name, at, 3);
    }
    assert_true(named > 0);
    disk_memory_close(&copy);
}

/* ---- moments ---- */

static void moment__as_a_person_names_it__is_an_entry_or_a_time(void **state)
{
    struct journal_moment moment;
    struct complaint why = {0};
    char *path = NULL;

    (void)state;
    assert_int_equal(moment_parse("4711", &moment, &why), 0);
    assert_true(moment_reached(&moment, 4711, 0) && !moment_reached(&moment, 4712, 0));
    assert_int_equal(moment_parse("2026-05-03T09:14", &moment, &why), 0);
    assert_int_equal(moment.at_ms, INT64_C(1777796040000)); /* 08:14 UTC: summer time */
    assert_int_equal(moment_parse("2026-05-03", &moment, &why), 0);
    assert_int_equal(moment.at_ms, INT64_C(1777849199999));
    assert_int_equal(moment_parse("yesterday", &moment, &why), E_DATE);
    assert_non_null(strstr(why.text, "yesterday"));
    assert_int_equal(moment_split("no/such/place@17", &path, &moment, &why), 0);
    assert_string_equal(path, "no/such/place");
    assert_int_equal(moment.entry, 17);
    free(path);
    assert_int_equal(moment_split("no/such/place@soon", &path, &moment, &why), E_DATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            ledger__of_a_story__says_what_the_engine_said, setup, teardown),
        cmocka_unit_test_setup_teardown(
            clocks__of_a_story__are_those_of_the_engine, setup, teardown),
        cmocka_unit_test_setup_teardown(
            state__at_an_entry__does_not_depend_on_what_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(
            record__that_this_engine_would_not_write__counts_as_it_stands, setup, teardown),
        cmocka_unit_test_setup_teardown(
            tables__with_a_milder_rule__would_have_flagged_it, setup, teardown),
        cmocka_unit_test_setup_teardown(
            ledgers__of_two_moments__differ_in_what_happened_between, setup, teardown),
        cmocka_unit_test_setup_teardown(batch__badly_signed__counts_for_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(
            scan__of_a_journal__visits_what_verify_visits, setup, teardown),
        cmocka_unit_test_setup_teardown(
            scan__of_a_damaged_journal__says_where_and_gives_what_is_whole_before, setup, teardown),
        cmocka_unit_test(moment__as_a_person_names_it__is_an_entry_or_a_time),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
