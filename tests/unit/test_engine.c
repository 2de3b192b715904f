/*
 * Tests of common/procedure/engine.h as its callers use it: order of the fold, what is answered,
 * what is asked, what stays equal. What each rule and clock does is told by the stories
 * (test_stories.c).
 */
#include "common/procedure/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/engine_fixture.h"

#include "common/base/banned.h"

#define LEE "E08000035"
#define HER "E06000019"
#define YOR "E06000014"
#define CAM "E09000007"
#define ISL "E09000019"
#define BHM "E08000025"
#define SOL "E08000029"
#define PERMANENT "permanence=permanent retain_intention=transfer"
#define LETTER "signatory_role=senior form=chair_letter letter_ref=L letter_hash=l"

static struct engine_fixture world;

static int open_world(void **state)
{
    (void)state;
    fixture_open(&world);
    fixture_transfer(&world, "T", LEE, HER);
    fixture_transfer(&world, "U", HER, YOR);
    fixture_transfer(&world, "L", LEE, CAM);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(&world);
    return 0;
}

static bool same_hash(struct hash a, struct hash b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* ---- the fold ---- */

static void event__effective__is_judged_and_told_in_order(void **state)
{
    (void)state;
    struct fixture_event *notice =
        fixture_send(&world, LEE, "move_notified", "T", "ash", PERMANENT);
    assert_int_equal(notice->rc, 0);
    assert_int_equal(notice->verdicts[0], VERDICT_EFFECTIVE);
    engine_persisted(world.engine, notice->view.id, HER, world.now_ms);
    const char *log = "accepted - - 2026-03-02T09:00:00.000Z \n"
                      "persisted - - 2026-03-02T09:00:00.000Z by=" HER " latency_s=0\n"
                      "deadline_set C01 - 2026-03-02T09:00:00.000Z due=2026-03-23 binds=" HER
                      " advisory=no provisional=no\n"
                      "deadline_set C17 - 2026-03-02T09:00:00.000Z due=2026-03-03 binds=" HER
                      " advisory=no provisional=no\n";
    assert_int_equal(world.log.len, strlen(log));
    assert_memory_equal(world.log.data, log, strlen(log));
}

static void event__that_stops_and_starts__stops_first(void **state)
{
    struct engine_clock clock;

    (void)state;
    (void)fixture_told(&world, HER, "conference_held", "T", "ash",
        "conference_type=review outcome=plan_continues");
    buf_clear(&world.log);
    fixture_at(&world, "2026-03-05T09:00");
    (void)fixture_send(&world, HER, "conference_held", "T", "ash",
        "conference_type=review outcome=plan_continues");
    assert_true(fixture_clock(&world, "T", "ash", "C22", &clock));
    assert_int_equal(clock.state, CLOCK_RUNNING);
    const char *log = "accepted - - 2026-03-05T09:00:00.000Z \n"
                      "deadline_stopped C22 - 2026-03-05T09:00:00.000Z state=met late=0 "
                      "reason=conference_held\n"
                      "deadline_set C22";
    assert_memory_equal(world.log.data, log, strlen(log));
}

static void event__seen_before__is_noted_and_changes_nothing(void **state)
{
    uint8_t verdicts[SUBJECTS_MAX];

    (void)state;
    struct fixture_event *notice =
        fixture_told(&world, LEE, "move_notified", "T", "ash,elm", PERMANENT);
    struct hash before = engine_hash(world.engine);
    const struct engine_event again = {
        .view = &notice->view, .facts = &notice->facts, .accepted_ms = world.now_ms + 1000};
    assert_int_equal(engine_event(world.engine, &again, verdicts), E_DUPLICATE);
    assert_true(same_hash(before, engine_hash(world.engine)));
    assert_int_equal(fixture_logged(&world, "duplicate_ignored"), 2); /* once for each child */
}

static void event__about_no_child__is_noted_twice_all_the_same(void **state)
{
    uint8_t verdicts[SUBJECTS_MAX];

    (void)state;
    struct fixture_event *notice =
        fixture_build(&world, LEE, "linked_risk_notice", "T", "ash", "risk_change=moved");
    notice->view.subject_count = 0;
    const struct engine_event event = {
        .view = &notice->view, .facts = &notice->facts, .accepted_ms = world.now_ms};
    assert_int_equal(engine_event(world.engine, &event, verdicts), 0);
    assert_int_equal(engine_event(world.engine, &event, verdicts), E_DUPLICATE);
    assert_int_equal(fixture_logged(&world, "duplicate_ignored"), 1);
}

static void event__not_live__is_turned_away_and_leaves_nothing(void **state)
{
    struct hash before = engine_hash(world.engine);

    (void)state;
    assert_int_equal(
        fixture_send(&world, LEE, "move_notified", "T", "ash", PERMANENT " mode=test")->rc, E_MODE);
    assert_true(same_hash(before, engine_hash(world.engine)));
    assert_int_equal(world.log.len, 0);
    struct fixture_event *odd = fixture_build(&world, LEE, "move_notified", "T", "ash", PERMANENT);
    odd->view.mode = 99; /* a word of a later catalogue */
    assert_int_equal(fixture_fold(&world, world.engine, odd), E_MODE);
}

static void event__of_an_unknown_kind__is_delivered_unjudged(void **state)
{
    (void)state;
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash", PERMANENT);
    struct fixture_event *odd =
        fixture_build(&world, HER, "case_file_opened", "T", "ash", "markers_added=yes");
    odd->view.kind = 40000;
    odd->view.kind_facts = slice_of(NULL, 0);
    odd->facts.count = 0;
    assert_int_equal(fixture_fold(&world, world.engine, odd), 0);
    assert_int_equal(odd->verdicts[0], VERDICT_UNJUDGED);
    assert_int_equal(engine_level(world.engine, odd->view.id, LEE), 0);
    struct engine_clock clock;
    assert_true(fixture_clock(&world, "T", "ash", "C17", &clock));
    assert_int_equal(clock.state, CLOCK_RUNNING);
    engine_persisted(world.engine, odd->view.id, LEE, world.now_ms);
    assert_int_equal(engine_level(world.engine, odd->view.id, LEE), 1);
}

static void sink__none__is_no_fault(void **state)
{
    (void)state;
    engine_t *quiet = engine_new(world.procedures, NULL, NULL);
    engine_seed(quiet, 4711); /* and no seed shows */
    struct fixture_event *notice =
        fixture_send(&world, LEE, "move_notified", "T", "ash", PERMANENT);
    assert_int_equal(fixture_fold(&world, quiet, notice), 0);
    assert_true(same_hash(engine_hash(quiet), engine_hash(world.engine)));
    engine_destroy(&quiet);
    engine_destroy(&quiet); /* NULL by now */
}

struct heard {
    size_t accepted, others;
};

static void hear(void *context, const struct engine_record *record)
{
    struct heard *heard = context;

    *(strcmp(record->kind, "accepted") == 0 ? &heard->accepted : &heard->others) += 1;
}

static bool wants_accepted(void *context, const char *kind)
{
    assert_non_null(context);
    return strcmp(kind, "accepted") == 0;
}

static void sink__that_wants_one_kind__hears_no_other_and_the_state_is_the_same(void **state)
{
    struct heard heard = {0};

    (void)state;
    engine_t *engine = engine_new(world.procedures, hear, &heard);
    struct fixture_event *notice =
        fixture_send(&world, LEE, "move_notified", "T", "ash", PERMANENT);
    assert_int_equal(fixture_fold(&world, engine, notice), 0);
    engine_persisted(engine, notice->view.id, notice->view.to[0].code, world.now_ms);
    assert_int_equal(heard.accepted, 1);
    assert_true(heard.others > 0);
    heard = (struct heard){0};
    engine_wants(engine, wants_accepted);
    engine_clear(engine); /* keeps to it */
    assert_int_equal(fixture_fold(&world, engine, notice), 0);
    engine_persisted(engine, notice->view.id, notice->view.to[0].code, world.now_ms);
    assert_int_equal(heard.accepted, 1);
    assert_int_equal(heard.others, 0);
    assert_int_equal(engine_level(engine, notice->view.id, notice->view.to[0].code), 1);
    engine_destroy(&engine);
}

static void facts__more_than_an_event_may_hold__are_refused(void **state)
{
    struct fact_set facts;

    (void)state;
    struct fixture_event *event = fixture_build(
        &world, LEE, "eh_consent_recorded", "T", "ash", "consent_ref=c consent_expires=2026-12-31");
    assert_int_equal(facts_read(&event->view, &facts), 0);
    /* the same packed list again and again: 200 values */
    struct buf bytes = {0};
    const struct fact_info *scope = catalogue_fact_named("consent_scope");
    buf_put_varint(&bytes, (uint64_t)scope->number << 3 | 2);
    buf_put_varint(&bytes, 200);
    for (int i = 0; i < 200; i++) {
        buf_put_u8(&bytes, 1);
    }
    event->view.kind_facts = buf_slice(&bytes);
    assert_int_equal(facts_read(&event->view, &facts), E_RANGE);
    buf_free(&bytes);
}

/* ---- verdicts ---- */

static void verdict__of_each_child__names_its_rules_in_order(void **state)
{
    struct engine_verdict verdict;
    uint8_t ash[UUID_BYTES];
    uint8_t elm[UUID_BYTES];
    uint8_t fir[UUID_BYTES];

    (void)state;
    fixture_id("ash", ash);
    fixture_id("elm", elm);
    fixture_id("fir", fir);
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash:cin,elm:lac", PERMANENT);
    (void)fixture_told(&world, LEE, "s47_opened", "T", "ash:cin,elm:lac", "");
    struct fixture_event *acceptance =
        fixture_told(&world, HER, "written_acceptance", "T", "ash,elm", LETTER);
    assert_int_equal(acceptance->verdicts[0], VERDICT_ALERT);
    assert_int_equal(acceptance->verdicts[1], VERDICT_REFUSED);
    assert_int_equal(engine_verdict(world.engine, acceptance->view.id, elm, &verdict), 0);
    assert_int_equal(verdict.verdict, VERDICT_REFUSED);
    assert_int_equal(verdict.rule_count, 2);
    assert_string_equal(verdict.rules[0], "R10"); /* what refused it stands first */
    assert_string_equal(verdict.rules[1], "R06");
    assert_int_equal(verdict.alert_count, 1);
    assert_int_equal(engine_verdict(world.engine, acceptance->view.id, ash, &verdict), 0);
    assert_int_equal(verdict.rule_count, 1);
    assert_int_equal(engine_verdict(world.engine, acceptance->view.id, fir, &verdict), E_NOT_FOUND);
    assert_int_equal(engine_verdict(world.engine, fir, ash, &verdict), E_NOT_FOUND);
}

/* ---- responsibility ---- */

static void owner__at_an_earlier_time__is_the_one_of_that_time(void **state)
{
    (void)state;
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash:cin", PERMANENT);
    fixture_at(&world, "2026-03-05T12:00");
    (void)fixture_told(&world, HER, "written_acceptance", "T", "ash",
        LETTER " effective_at=2026-03-04T10:00:00+00:00");
    assert_string_equal(fixture_owner(&world, "T", "ash", DIM_CASE), HER);
    assert_string_equal(fixture_owner_at(&world, "T", "ash", DIM_CASE, "2026-03-04T09:59:59"), LEE);
    assert_string_equal(fixture_owner_at(&world, "T", "ash", DIM_CASE, "2026-03-04T10:00"), HER);
    assert_string_equal(
        fixture_owner_at(&world, "T", "ash", DIM_SUPPORT_MEANWHILE, "2026-03-04T10:00"), HER);
    assert_string_equal(
        fixture_owner_at(&world, "T", "ash", DIM_CONFERENCE_CONVENING, "2026-03-02T08:59"), LEE);
    assert_string_equal(
        fixture_owner_at(&world, "T", "ash", DIM_CONFERENCE_CONVENING, "2026-03-02T09:00"), HER);
    assert_string_equal(fixture_owner_at(&world, "T", "ash", DIM_REPORTS, "2026-03-05T12:00"), LEE);
    assert_string_equal(
        fixture_owner_at(&world, "T", "ash", DIM_OTHER_SERVICES_COST, "2026-03-05T12:00"), HER);
    assert_string_equal(
        fixture_owner_at(&world, "T", "ash", DIM_DATA_RECORDING, "2026-03-05T12:00"), LEE);
    assert_string_equal(fixture_owner_at(&world, "T", "oak", DIM_CASE, "2026-03-05T12:00"), "");
    assert_string_equal(fixture_owner(&world, "T", "oak", DIM_CASE), "");
}

static void owner__that_follows_the_case__follows_it_through_time(void **state)
{
    (void)state;
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash:cin", PERMANENT);
    (void)fixture_told(
        &world, HER, "child_found_needing_protection", "T", "ash", "found_at=2026-03-02T08:30:00Z");
    fixture_at(&world, "2026-03-03T09:00");
    (void)fixture_told(&world, LEE, "emergency_responsibility_accepted", "T", "ash",
        "accepted_by_role=senior accept_how=spoken");
    fixture_at(&world, "2026-03-04T09:00");
    (void)fixture_told(&world, HER, "written_acceptance", "T", "ash", LETTER);
    const enum dimension immediate = DIM_IMMEDIATE_SAFEGUARDING;
    assert_string_equal(fixture_owner_at(&world, "T", "ash", immediate, "2026-03-02T08:00"), LEE);
    assert_string_equal(fixture_owner_at(&world, "T", "ash", immediate, "2026-03-02T10:00"), HER);
    assert_string_equal(fixture_owner_at(&world, "T", "ash", immediate, "2026-03-03T10:00"), LEE);
    assert_string_equal(fixture_owner_at(&world, "T", "ash", immediate, "2026-03-04T10:00"), HER);
}

static void owner__of_a_joined_record__was_its_own_before(void **state)
{
    char facts[64] = "same_child_as=";
    uint8_t ash[UUID_BYTES];

    (void)state;
    fixture_id("ash", ash);
    hex_encode(ash, UUID_BYTES, facts + strlen(facts));
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash:cin", PERMANENT);
    (void)fixture_told(&world, HER, "move_notified", "U", "elm:cin", PERMANENT);
    fixture_at(&world, "2026-03-04T09:00");
    (void)fixture_told(&world, HER, "subjects_linked", "U", "elm", facts);
    (void)fixture_told(&world, YOR, "subjects_linked", "U", "elm", facts);
    assert_int_equal(fixture_logged(&world, "records_merged"), 1);
    assert_string_equal(fixture_owner(&world, "U", "elm", DIM_CASE), LEE);
    assert_string_equal(fixture_owner_at(&world, "U", "elm", DIM_CASE, "2026-03-04T08:59"), HER);
    assert_string_equal(fixture_owner_at(&world, "U", "elm", DIM_CASE, "2026-03-04T09:00"), LEE);
    assert_string_equal(fixture_owner_at(&world, "T", "ash", DIM_CASE, "2026-03-04T08:59"), LEE);
    assert_true(fixture_outstanding(&world, "T", "ash", "R61"));
}

static void owner__several_recorders__are_all_named(void **state)
{
    (void)state;
    (void)fixture_told(&world, LEE, "eh_consent_recorded", "T", "ash:early_help",
        "consent_ref=c consent_scope=eh_plan consent_recipients=" HER
        ":early_help consent_expires=2026-12-31");
    (void)fixture_told(&world, LEE, "eh_handover_sent", "T", "ash",
        "consent_ref=c documents=eh_plan split_residence=yes recorders=" LEE "," HER);
    assert_string_equal(fixture_owner(&world, "T", "ash", DIM_DATA_RECORDING), LEE "/" HER);
    assert_string_equal(
        fixture_owner_at(&world, "T", "ash", DIM_DATA_RECORDING, "2026-03-02T09:00"), LEE "/" HER);
    /* the same again moves nothing, so that it need not be told */
    assert_int_equal(
        fixture_send(&world, LEE, "eh_handover_sent", "T", "ash",
            "consent_ref=c documents=eh_plan split_residence=yes recorders=" LEE "," HER " to=" LEE)
            ->verdicts[0],
        VERDICT_EFFECTIVE);
}

static void owner__that_no_register_knows__takes_nothing(void **state)
{
    (void)state;
    struct fixture_event *event = fixture_told(&world, LEE, "cost_responsibility_recorded", "T",
        "ash", "cost_item=other_services cost_authority=E07999999");
    assert_int_equal(event->verdicts[0], VERDICT_EFFECTIVE);
    assert_string_equal(fixture_owner(&world, "T", "ash", DIM_OTHER_SERVICES_COST), HER);
}

static void codes__more_than_there_are_authorities__never_crowd_out_the_known_ones(void **state)
{
    (void)state;
    struct fixture_event *event =
        fixture_build(&world, LEE, "linked_risk_notice", "T", "ash", "risk_change=moved");
    for (uint32_t i = 0; i < 70000; i++) {
        (void)snprintf(event->view.origin, sizeof event->view.origin, "W%08u", i);
        put_u64(event->view.id, UINT64_C(1000000) + i);
        put_u64(event->view.transfer, i);
        assert_int_equal(fixture_fold(&world, world.engine, event), 0);
    }
    (void)fixture_told(&world, BHM, "move_notified", "T", "oak", PERMANENT);
    fixture_transfer(&world, "X", BHM, SOL);
    (void)fixture_told(&world, BHM, "move_notified", "X", "fig", PERMANENT);
    assert_string_equal(fixture_owner(&world, "X", "fig", DIM_CASE), BHM);
}

#define OLD "E08000016" /* E08000038 from 1 April 2025 */
#define NEW "E08000038"

static void owner__whose_code_gave_way__is_its_successor_from_that_day(void **state)
{
    (void)state;
    fixture_reset(&world);
    world.now_ms = 0;
    engine_destroy(&world.engine);
    world.engine = engine_new(world.procedures, NULL, NULL);
    fixture_at(&world, "2025-03-31T12:00");
    fixture_transfer(&world, "S", OLD, HER);
    fixture_transfer(&world, "V", LEE, OLD);
    (void)fixture_told(&world, OLD, "move_notified", "S", "ash:cin", PERMANENT);
    (void)fixture_told(&world, OLD, "transfer_date_agreed", "S", "ash",
        "transfer_date=2025-04-02 transfer_point=other");
    (void)fixture_told(&world, OLD, "eh_consent_recorded", "S", "ash",
        "consent_ref=c consent_scope=eh_plan consent_recipients=" OLD
        ":early_help consent_expires=2026-12-31");
    (void)fixture_told(&world, LEE, "move_notified", "V", "elm:cin", PERMANENT);
    (void)fixture_told(&world, OLD, "assessment_opened", "V", "elm", "assessment_type=cin");
    (void)fixture_told(
        &world, OLD, "child_found_needing_protection", "V", "elm", "found_at=2025-03-31T08:30:00Z");
    struct fixture_event *waiting =
        fixture_send(&world, LEE, "move_notified", "V", "oak:cp", PERMANENT);
    (void)fixture_told(&world, LEE, "eh_consent_recorded", "V", "elm",
        "consent_ref=c consent_scope=eh_plan consent_recipients=" OLD
        ":early_help consent_expires=2026-12-31");
    (void)fixture_told(&world, LEE, "eh_handover_sent", "V", "elm",
        "consent_ref=c documents=eh_plan split_residence=yes recorders=" LEE "," OLD);
    fixture_at(&world, "2025-04-01T12:00");
    assert_string_equal(fixture_owner(&world, "S", "ash", DIM_CASE), NEW);
    assert_string_equal(fixture_owner(&world, "S", "ash", DIM_DATA_RECORDING), NEW);
    assert_string_equal(fixture_owner_at(&world, "S", "ash", DIM_CASE, "2025-03-31T23:59"), OLD);
    assert_string_equal(fixture_owner_at(&world, "S", "ash", DIM_CASE, "2025-04-01T00:00"), NEW);
    assert_string_equal(fixture_owner_at(&world, "S", "ash", DIM_REPORTS, "2025-03-31T23:59"), OLD);
    assert_string_equal(fixture_owner_at(&world, "S", "ash", DIM_REPORTS, "2025-04-01T12:00"), NEW);
    assert_string_equal(
        fixture_owner_at(&world, "V", "elm", DIM_OTHER_SERVICES_COST, "2025-03-31T23:59"), OLD);
    assert_string_equal(fixture_owner(&world, "V", "elm", DIM_OTHER_SERVICES_COST), NEW);
    assert_string_equal(fixture_owner(&world, "V", "elm", DIM_IMMEDIATE_SAFEGUARDING), NEW);
    assert_string_equal(fixture_owner(&world, "V", "elm", DIM_DATA_RECORDING), LEE "/" NEW);
    engine_persisted(world.engine, waiting->view.id, NEW, world.now_ms);
    assert_int_equal(engine_level(world.engine, waiting->view.id, OLD), 1); /* as it was sent */
    struct engine_clock clock;
    assert_true(fixture_clock(&world, "V", "oak", "C01", &clock));
    assert_string_equal(clock.bound[0], NEW);
    /* the other half of an agreement, the end of an assessment, a handover under the consent */
    (void)fixture_told(&world, HER, "transfer_date_agreed", "S", "ash",
        "transfer_date=2025-04-02 transfer_point=other");
    assert_int_equal(
        fixture_told(&world, HER, "written_acceptance", "S", "ash", LETTER)->verdicts[0],
        VERDICT_REFUSED); /* R04: a date that both have agreed */
    assert_int_equal(
        fixture_told(&world, NEW, "assessment_closed", "V", "elm", "assessment_type=cin")
            ->verdicts[0],
        VERDICT_EFFECTIVE);
    assert_int_equal(fixture_told(&world, LEE, "eh_handover_sent", "V", "elm",
                         "consent_ref=c documents=eh_plan to=" NEW)
                         ->verdicts[0],
        VERDICT_EFFECTIVE);
}

/* ---- levels and erasure ---- */

static void level__of_each_recipient__rises_and_never_falls(void **state)
{
    const char *codes[16];
    const char *origin = NULL;
    const char *receiving = NULL;
    const char *sender = NULL;

    (void)state;
    struct fixture_event *notice =
        fixture_send(&world, LEE, "move_notified", "T", "ash", PERMANENT " to=" HER "," YOR);
    const uint8_t *id = notice->view.id;
    assert_int_equal(engine_recipients(world.engine, id, codes), 2);
    assert_string_equal(codes[0], HER);
    assert_int_equal(engine_level(world.engine, id, LEE), -1);
    engine_opened(world.engine, id, HER, NULL, NULL, world.now_ms); /* not persisted yet: nothing */
    assert_int_equal(engine_level(world.engine, id, HER), 0);
    engine_persisted(world.engine, id, LEE, world.now_ms);           /* no recipient */
    engine_persisted(world.engine, id, HER, world.now_ms - 3600000); /* a slow clock */
    engine_persisted(world.engine, id, HER, world.now_ms + 1);
    assert_int_equal(fixture_logged(&world, "latency_s=0"), 1);
    engine_opened(world.engine, id, HER, NULL, NULL, world.now_ms - 3600000);
    assert_int_equal(engine_level(world.engine, id, HER), 2);
    engine_persisted(world.engine, id, HER, world.now_ms);
    assert_int_equal(engine_level(world.engine, id, HER), 2);
    assert_int_equal(engine_level(world.engine, id, YOR), 0);
    assert_int_equal(engine_parties(world.engine, notice->view.transfer, &origin, &receiving), 0);
    assert_string_equal(origin, LEE);
    assert_string_equal(receiving, HER);
    assert_int_equal(engine_sender(world.engine, id, &sender), 0);
    assert_string_equal(sender, LEE);
    assert_int_equal(engine_sender(world.engine, notice->view.transfer, &sender), E_NOT_FOUND);
    assert_int_equal(engine_parties(world.engine, id, &origin, &receiving), E_NOT_FOUND);
}

static void erasure__reported_twice_or_by_strangers__counts_once(void **state)
{
    (void)state;
    struct fixture_event *sent = fixture_told(
        &world, LEE, "documents_provided", "T", "ash", "documents=assessment declared_complete=no");
    const uint8_t *id = sent->view.id;
    engine_erased(world.engine, id, LEE, world.now_ms);
    engine_erased(world.engine, id, LEE, world.now_ms);
    engine_erased(world.engine, id, YOR, world.now_ms);
    engine_erased(world.engine, sent->view.transfer, LEE, world.now_ms);
    assert_int_equal(fixture_logged(&world, "payload_erased"), 1);
    engine_erased(world.engine, id, HER, world.now_ms);
    assert_int_equal(fixture_logged(&world, "erasure_confirmed"), 0);
    engine_erased(world.engine, id, "broker", world.now_ms);
    assert_int_equal(fixture_logged(&world, "erasure_confirmed"), 1);
    struct fixture_event *plain =
        fixture_told(&world, LEE, "family_informed", "T", "ash", "informed_on=2026-03-01");
    engine_erased(world.engine, plain->view.id, LEE, world.now_ms); /* holds no payload */
    assert_int_equal(fixture_logged(&world, "payload_erased"), 3);
}

/* ---- timers ---- */

static void timers__at_one_instant__fire_by_clock_then_transfer_then_child(void **state)
{
    uint8_t t[UUID_BYTES];
    uint8_t l[UUID_BYTES];

    (void)state;
    fixture_id("T", t);
    fixture_id("L", l);
    (void)fixture_told(&world, LEE, "s47_opened", "T", "ash", "");
    (void)fixture_told(&world, LEE, "move_notified", "L", "elm", PERMANENT);
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash,fir", PERMANENT);
    assert_int_equal(engine_next_ms(world.engine), world.now_ms + INT64_C(86400000) * 2 - 32400000);
    buf_clear(&world.log);
    fixture_at(&world, "2026-03-24T00:00");
    /* C01 of three children, then C19; among C01 the transfers by their ids */
    int breached = fixture_logged(&world, "deadline_breached C01");
    assert_int_equal(breached, 3);
    const char *text = (const char *)world.log.data;
    const char *last_c01 = NULL;
    for (const char *at = text; (at = strstr(at, "deadline_breached C01")) != NULL; at++) {
        last_c01 = at;
    }
    assert_true(strstr(text, "deadline_breached C19") > last_c01);
    assert_int_equal(fixture_logged(&world, "deadline_breached C17"), 3);
    assert_true(strstr(text, "deadline_breached C17") < strstr(text, "deadline_breached C01"));
    assert_int_not_equal(memcmp(t, l, UUID_BYTES), 0);
}

static void timers__none__never_come(void **state)
{
    (void)state;
    assert_true(engine_next_ms(world.engine) == INT64_MAX);
    engine_advance(world.engine, world.now_ms + 1);
    engine_advance(world.engine, world.now_ms - 100000); /* time never goes back */
    assert_true(engine_next_ms(world.engine) == INT64_MAX);
}

/* ---- asking ---- */

static void flags_and_measures__by_name__are_known_or_not(void **state)
{
    uint8_t id[UUID_BYTES];
    uint8_t ref[UUID_BYTES];
    int64_t value = 0;
    size_t flags = 0;
    size_t measures = 0;

    (void)state;
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash", PERMANENT);
    fixture_id("T", id);
    fixture_id("ash", ref);
    for (; engine_flag_name(flags) != NULL; flags++) {
        assert_non_null(engine_flag(world.engine, id, ref, engine_flag_name(flags)));
    }
    for (; engine_measure_name(measures) != NULL; measures++) {
        assert_int_equal(engine_measure(world.engine, engine_measure_name(measures), &value), 0);
        assert_int_equal(value, 0);
    }
    assert_int_equal(flags, 19);
    assert_int_equal(measures, 6);
    assert_null(engine_flag(world.engine, id, ref, "no_such_flag"));
    assert_null(engine_flag(world.engine, ref, id, "s47"));
    assert_int_equal(engine_measure(world.engine, "no_such_measure", &value), E_NOT_FOUND);
}

/* Whose turn it is, as "C10 E08000029 agreed_in_principle;" for each expectation. */
static void put_turn(void *context, const struct engine_expectation *expected)
{
    buf_put_text(context, "%s %s %s%s;", expected->id, expected->code,
        expected->kind_count > 0 ? expected->kinds[0] : "-", expected->overdue ? " overdue" : "");
}

static void expected__next__is_of_open_clocks_and_of_events_that_wait(void **state)
{
    struct buf text = {0};
    uint8_t id[UUID_BYTES];
    uint8_t ref[UUID_BYTES];

    (void)state;
    fixture_id("T", id);
    fixture_id("ash", ref);
    engine_expected(world.engine, id, ref, put_turn, &text);
    assert_int_equal(text.len, 0);
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash", PERMANENT);
    fixture_at(&world, "2026-03-05T09:00"); /* one of the two is breached, and still open */
    engine_expected(world.engine, id, ref, put_turn, &text);
    buf_put_u8(&text, 0);
    assert_string_equal((const char *)text.data,
        "A2 " HER " -;A3 " HER " temporary_plan_flag;C01 " HER " conference_held;C17 " HER
        " - overdue;");
    buf_free(&text);
}

static void assert_turn(const char *want, bool there)
{
    struct buf text = {0};
    uint8_t id[UUID_BYTES];
    uint8_t ref[UUID_BYTES];

    fixture_id("W", id);
    fixture_id("elm", ref);
    engine_expected(world.engine, id, ref, put_turn, &text);
    buf_put_u8(&text, 0);
    if ((strstr((const char *)text.data, want) != NULL) != there) {
        fail_msg("%s is %sexpected: %s", want, there ? "not " : "", (const char *)text.data);
    }
    buf_free(&text);
}

static void expected__of_a_deadline_that_binds_both__is_the_one_that_must_act(void **state)
{
    static const char request[] =
        "rationale_present=yes legal_status=none legal_advice_ref=A family_informed=yes";
    static const char stage[] = "stage=1 raised_by_role=head_of_service "
                                "counterpart_role=head_of_service rationale_present=yes "
                                "disagreement_areas=timing";
    static const char outcome[] = "stage=1 outcome_decision=retain rationale_present=yes";

    (void)state;
    fixture_transfer(&world, "W", BHM, SOL);
    (void)fixture_told(&world, BHM, "transfer_requested", "W", "elm:cin", request);
    assert_turn("C10 E08000029 agreed_in_principle;", true); /* only the receiver can agree */
    assert_turn("C10 E08000025", false);
    (void)fixture_told(&world, BHM, "escalation_raised", "W", "elm:cin", stage);
    assert_turn("C11 E08000029 escalation_outcome;", true); /* it was addressed */
    assert_turn("C11 E08000025", false);
    (void)fixture_told(&world, SOL, "escalation_outcome", "W", "elm:cin", outcome);
    assert_turn("G02 E08000025 escalation_outcome;", true); /* the other has filed */
    assert_turn("G02 E08000029", false);
    fixture_at(&world, "2026-06-01T09:00");
    assert_turn("C10 E08000029 agreed_in_principle overdue;", true);
}

static void reminder__of_a_deadline_that_binds_both__names_the_one_that_must_act(void **state)
{
    static struct engine_fixture other;
    struct complaint why = {0};

    (void)state;
    fixture_open(&other);
    assert_int_equal(procedures_override(other.procedures, "clocks.warning.lead", "2d", &why), 0);
    fixture_reset(&other);
    fixture_transfer(&other, "W", BHM, SOL);
    (void)fixture_told(&other, BHM, "transfer_requested", "W", "elm:cin",
        "rationale_present=yes legal_status=none legal_advice_ref=A family_informed=yes");
    fixture_at(&other, "2026-03-22T00:00");
    assert_int_equal(fixture_logged(&other,
                         "deadline_warning C10 - 2026-03-22T00:00:00.000Z due=2026-03-23 "
                         "binds=E08000025,E08000029 must_act=E08000029"),
        1);
    fixture_close(&other);
}

static void expected__of_an_agreement__is_whoever_has_not_signed(void **state)
{
    static const char agreement[] = "agreement_ref=A-1 agreement_hash=a";

    (void)state;
    fixture_transfer(&world, "W", ISL, CAM);
    (void)fixture_told(&world, ISL, "retention_discussion_held", "W", "elm:cin",
        "participant_roles=service_manager");
    assert_turn("C07 E09000019 retention_agreement_signed;", true);
    assert_turn("C07 E09000007 retention_agreement_signed;", true);
    (void)fixture_told(&world, CAM, "retention_agreement_signed", "W", "elm:cin", agreement);
    assert_turn("C07 E09000019 retention_agreement_signed;", true);
    assert_turn("C07 E09000007", false);
    (void)fixture_told(&world, ISL, "retention_agreement_signed", "W", "elm:cin", agreement);
    assert_turn("C07", false);
}

static void clocks__asked_of_what_is_not_there__are_none(void **state)
{
    struct engine_clock clock;

    (void)state;
    assert_false(fixture_clock(&world, "T", "ash", "C01", &clock));
    assert_false(fixture_outstanding(&world, "T", "ash", "R20"));
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash", PERMANENT);
    assert_false(fixture_clock(&world, "T", "elm", "C01", &clock));
}

/* ---- hashes ---- */

static void hash__of_the_same_entries__is_the_same(void **state)
{
    engine_t *again = engine_new(world.procedures, NULL, NULL);

    (void)state;
    (void)fixture_told(&world, LEE, "move_notified", "T", "ash,elm:cin", PERMANENT);
    (void)fixture_send(&world, LEE, "legal_order_recorded", "T", "elm", "order_type=ico");
    (void)fixture_send(&world, LEE, "eh_consent_recorded", "T", "elm",
        "consent_ref=c consent_scope=eh_plan consent_recipients=" HER
        ":early_help consent_expires=2026-12-31");
    fixture_at(&world, "2026-03-05T09:00");
    for (size_t i = 0; i < world.event_count; i++) {
        (void)fixture_fold(&world, again, world.events[i]);
        if (i == 0) {
            assert_false(same_hash(engine_hash(again), engine_hash(world.engine)));
            engine_persisted(again, world.events[0]->view.id, HER, world.events[0]->accepted_ms);
        }
    }
    assert_false(
        same_hash(engine_hash(again), engine_hash(world.engine))); /* a deadline has passed */
    engine_advance(again, world.now_ms);
    assert_true(same_hash(engine_hash(again), engine_hash(world.engine)));
    engine_destroy(&again);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(event__effective__is_judged_and_told_in_order),
        WORLD_TEST(event__that_stops_and_starts__stops_first),
        WORLD_TEST(event__seen_before__is_noted_and_changes_nothing),
        WORLD_TEST(event__about_no_child__is_noted_twice_all_the_same),
        WORLD_TEST(event__not_live__is_turned_away_and_leaves_nothing),
        WORLD_TEST(event__of_an_unknown_kind__is_delivered_unjudged),
        WORLD_TEST(sink__none__is_no_fault),
        WORLD_TEST(sink__that_wants_one_kind__hears_no_other_and_the_state_is_the_same),
        WORLD_TEST(facts__more_than_an_event_may_hold__are_refused),
        WORLD_TEST(verdict__of_each_child__names_its_rules_in_order),
        WORLD_TEST(owner__at_an_earlier_time__is_the_one_of_that_time),
        WORLD_TEST(owner__that_follows_the_case__follows_it_through_time),
        WORLD_TEST(owner__of_a_joined_record__was_its_own_before),
        WORLD_TEST(owner__several_recorders__are_all_named),
        WORLD_TEST(owner__that_no_register_knows__takes_nothing),
        WORLD_TEST(owner__whose_code_gave_way__is_its_successor_from_that_day),
        WORLD_TEST(codes__more_than_there_are_authorities__never_crowd_out_the_known_ones),
        WORLD_TEST(level__of_each_recipient__rises_and_never_falls),
        WORLD_TEST(erasure__reported_twice_or_by_strangers__counts_once),
        WORLD_TEST(timers__at_one_instant__fire_by_clock_then_transfer_then_child),
        WORLD_TEST(timers__none__never_come),
        WORLD_TEST(flags_and_measures__by_name__are_known_or_not),
        WORLD_TEST(expected__next__is_of_open_clocks_and_of_events_that_wait),
        WORLD_TEST(expected__of_a_deadline_that_binds_both__is_the_one_that_must_act),
        WORLD_TEST(reminder__of_a_deadline_that_binds_both__names_the_one_that_must_act),
        WORLD_TEST(expected__of_an_agreement__is_whoever_has_not_signed),
        WORLD_TEST(clocks__asked_of_what_is_not_there__are_none),
        WORLD_TEST(hash__of_the_same_entries__is_the_same),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
