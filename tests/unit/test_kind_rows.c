/*
 * Tests of kinds.tsv as a whole: who may say each kind, what it must state, which rule answers a fact that is missing,
 * and what the event then waits for. Written out, not read from the table: a cell that is changed must be meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/engine_fixture.h"

#include "common/base/banned.h"

#define LEE "E08000035"
#define HER "E06000019"
#define YOR "E06000014"
#define EVENT "0195cafe-0000-7000-8000-000000000001"
#define CHILD "0195cafe0000700080000000000000aa"

enum { FACTS_BYTES = 256, ROW_FACTS_MAX = 8 };

/* Who may say it, a bit each: the origin (home, placing), the receiver (host), a third authority. */
enum {
    ORIGIN = 1,
    RECEIVING = 2,
    THIRD = 4,
    EITHER = ORIGIN | RECEIVING,
    ANYBODY = EITHER | THIRD
};
enum { SIDES = 3 };
static const char *const sides[SIDES] = {LEE, HER, YOR};

struct kind_row {
    unsigned may; /* who, bits as above */
    const char *kind;
    const char *facts;   /* all that it must state; behind @ the rule that asks for it, else R58 */
    const char *expects; /* beyond A1: that a person opens it, and the kinds that answer it */
};

static const struct kind_row rows[] = {
    {ORIGIN, "move_notified", "permanence=permanent@R19 retain_intention=transfer@R19",
        "A2 A3=temporary_plan_flag/case_file_opened/documents_requested/transfer_requested"},
    {RECEIVING, "temporary_plan_flag", "action=set", ""},
    {RECEIVING, "written_acceptance",
        "signatory_role=senior@R02 letter_ref=L@R02 letter_hash=l@R02 form=confirmation_letter",
        "A3=acceptance_letter_held"},
    {EITHER, "escalation_raised",
        "stage=1 raised_by_role=team_manager counterpart_role=team_manager rationale_present=yes "
        "disagreement_areas=timing",
        "A2 A3=escalation_outcome"},
    {ORIGIN, "temporary_registration_requested", "expected_end=2026-04-01",
        "A3=temporary_plan_flag"},
    {EITHER, "move_updated", "", "A2"},
    {RECEIVING, "case_file_opened", "markers_added=yes", ""},
    {ORIGIN, "family_informed", "informed_on=2026-03-01", ""},
    {ORIGIN, "family_not_informed", "withheld_reason=risk_to_child@R41", ""},
    {ORIGIN, "permanence_evidenced", "evidence=private_tenancy", "A2"},
    {RECEIVING, "local_agencies_alerted", "agencies_told=gp", ""},
    {EITHER, "counterpart_handover", "agency=gp", ""},
    {EITHER, "child_returned", "returned_on=2026-03-01", ""},
    {EITHER, "move_ended", "ended_on=2026-03-01", ""},
    {ORIGIN, "move_withdrawn", "withdraw_reason=did_not_move", ""},
    {ORIGIN, "transfer_requested", "rationale_present=yes legal_status=none",
        "A2 A3=agreed_in_principle/threshold_decided/written_acceptance/transfer_refused"},
    {RECEIVING, "documents_requested", "documents=assessment", "A3=documents_provided"},
    {ORIGIN, "documents_provided", "documents=cin_plan declared_complete=no",
        "A3=documents_complete/documents_challenged"},
    {RECEIVING, "documents_complete", "", ""},
    {RECEIVING, "documents_challenged", "challenged_items=assessment challenge_reason=missing",
        "A2 A3=documents_provided/documents_challenge_resolved"},
    {RECEIVING, "documents_challenge_resolved", "resolution=supplied", ""},
    {RECEIVING, "agreed_in_principle", "decided_by_role=team_manager", ""},
    {RECEIVING, "threshold_decided", "threshold=statutory rationale_present=yes", ""},
    {EITHER, "transfer_date_agreed", "transfer_date=2026-03-20 transfer_point=other",
        "A3=transfer_date_agreed"},
    {ORIGIN, "conference_requested", "conference_type=review", "A2 A3=conference_date_set"},
    {RECEIVING, "conference_date_set", "conference_date=2026-03-20 conference_type=review", "A2"},
    {RECEIVING, "conference_postponed", "postpone_reason=other", "A2"},
    {RECEIVING, "conference_held", "conference_type=review outcome=plan_continues", ""},
    {RECEIVING, "core_group_held", "", ""},
    {RECEIVING, "report_requested", "report_type=chair", "A3=report_provided"},
    {ORIGIN, "report_provided", "report_type=chair", ""},
    {RECEIVING, "transfer_refused", "rationale_present=yes@R31", "A2"},
    {ORIGIN, "transfer_withdrawn", "withdraw_reason=did_not_move", ""},
    {RECEIVING, "minutes_sent", "minutes_ref=M minutes_hash=m", ""},
    {ORIGIN, "acceptance_letter_held", "letter_ref=L letter_hash=l", ""},
    {ORIGIN, "case_closed", "closure_type=need_ended", ""},
    {ORIGIN, "plan_discontinued",
        "discontinue_reason=no_longer_at_risk agencies_notified=gp@R30 icpc_invited=gp@R30", ""},
    {EITHER, "escalation_outcome", "stage=1 outcome_decision=accept rationale_present=yes",
        "A3=escalation_outcome"},
    {EITHER, "escalation_resolved", "final_outcome=accept final_decider_role=head_of_service", ""},
    {ORIGIN, "responsibility_retained", "ground=relatives decider_role=team_manager", "A2"},
    {EITHER, "retention_discussion_held", "participant_roles=service_manager", ""},
    {EITHER, "retention_agreement_signed", "agreement_ref=A agreement_hash=a",
        "A3=retention_agreement_signed"},
    {ORIGIN, "service_gap_reported", "rung=team_manager gap=visits", "A2"},
    {EITHER, "exception_arrangement",
        "rule_set_aside=R06 oversight_role=service_manager expires_on=2026-12-31 "
        "rationale_present=yes",
        "A3=exception_arrangement"},
    {EITHER, "cost_responsibility_recorded", "cost_item=other_services cost_authority=" HER, ""},
    {ORIGIN, "original_file_refused", "", ""},
    {ORIGIN, "records_viewing_arranged", "viewing_on=2026-03-20", ""},
    {EITHER, "s47_opened", "", ""},
    {EITHER, "s47_closed", "s47_outcome=substantiated", ""},
    {EITHER, "assessment_opened", "assessment_type=cin", ""},
    {EITHER, "assessment_closed", "assessment_type=cin", ""},
    {EITHER, "strategy_discussion_held", "participants_agencies=police", ""},
    {EITHER, "legal_order_recorded", "order_type=supervision", ""},
    {EITHER, "legal_order_ended", "order_type=supervision", ""},
    {EITHER, "court_order_transferred", "order_type=supervision transferred_on=2026-03-01", ""},
    {ORIGIN, "pre_proceedings_entered", "plo_entered_on=2026-03-01", ""},
    {ORIGIN, "proceedings_likely", "", ""},
    {ORIGIN, "proceedings_issued", "issued_on=2026-03-01", ""},
    {EITHER, "unborn_registered", "edd_present=yes@R47", "A2"},
    {EITHER, "child_born", "dob_present=yes@R47 case_type_now=cin", "A2"},
    {EITHER, "status_ended", "end_status=age_18", ""},
    {RECEIVING, "child_found_needing_protection", "found_at=2026-03-02T08:00",
        "A2 A3=emergency_responsibility_accepted"},
    {ORIGIN, "emergency_responsibility_accepted",
        "accepted_by_role=emergency_duty accept_how=spoken", ""},
    {ORIGIN, "emergency_written_follow_up", "letter_ref=L letter_hash=l", ""},
    {ORIGIN, "home_resumed", "", ""},
    {ORIGIN, "placement_consultation", "placement_kind=kinship",
        "A2 A3=placement_consultation_replied"},
    {RECEIVING, "placement_consultation_replied", "reply=agree", ""},
    {ORIGIN, "placement_notified", "placement_kind=kinship placed_on=2026-03-01", ""},
    {ORIGIN, "placement_ended", "ended_on=2026-03-01", ""},
    {ORIGIN, "eh_consent_recorded",
        "consent_ref=c2 consent_scope=eh_plan consent_recipients=" HER
        ":early_help consent_expires=2026-12-31",
        ""},
    {ORIGIN, "consent_withdrawn", "consent_ref=c1", ""},
    {ORIGIN, "eh_handover_sent", "consent_ref=c1@R39 documents=eh_plan", "A2"},
    {EITHER, "eh_handover_meeting_held", "before_move=yes", ""},
    {ORIGIN, "eh_coordinator_support_requested", "support_reason=complex_family", "A2"},
    {RECEIVING, "eh_review_completed", "recorded_locally=yes@R43", ""},
    {EITHER, "eh_stepped_up", "new_case_type=cin", "A2"},
    {ANYBODY, "linked_risk_notice", "risk_change=moved", "A2"},
    {EITHER, "breach_reason_recorded", "clock=C18 cause=capacity", ""},
    {EITHER, "correction", "corrects=" EVENT, "A2"},
    {EITHER, "subjects_linked", "same_child_as=" CHILD, "A3=subjects_linked"},
    {ANYBODY, "directory_changed", "directory_role=mash change_from=2026-03-20", ""},
    {ANYBODY, "misrouted", "misroute_reason=not_our_area", ""},
    {ANYBODY, "decided_not_to_share", "withhold_ground=investigation", ""},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static struct engine_fixture world;

/* Of what case type the child must be, where not in need, and what must have been said before. */
static const struct {
    const char *kind, *case_type, *before;
} settings[] = {
    {"escalation_outcome", "cin", "escalation_raised"},
    {"acceptance_letter_held", "cin", "written_acceptance"},
    {"documents_complete", "cin", "documents_provided"},
    {"home_resumed", "cin", "emergency_responsibility_accepted"},
    {"unborn_registered", "unborn", NULL},
    {"child_born", "unborn", NULL},
    {"eh_consent_recorded", "early_help", NULL},
    {"consent_withdrawn", "early_help", NULL},
    {"eh_handover_sent", "early_help", NULL},
    {"eh_review_completed", "early_help", NULL},
    {"eh_stepped_up", "early_help", NULL},
};

static const char *child_of(const struct kind_row *row)
{
    static char child[32];
    const char *case_type = "cin";

    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        case_type = strcmp(settings[i].kind, row->kind) == 0 ? settings[i].case_type : case_type;
    }
    (void)snprintf(child, sizeof child, "ash:%s", case_type);
    return child;
}

static const struct kind_row *row_named(const char *kind)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].kind, kind) == 0) {
            return &rows[i];
        }
    }
    fail_msg("there is no row of %s", kind);
    return NULL;
}

/* NULL for none */
static const struct kind_row *row_before(const struct kind_row *row)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (settings[i].before != NULL && strcmp(settings[i].kind, row->kind) == 0) {
            return row_named(settings[i].before);
        }
    }
    return NULL;
}

/* A move that was notified, a consent that was given. */
static void begin(const struct kind_row *row)
{
    fixture_reset(&world);
    fixture_transfer(&world, "T", LEE, HER);
    if (strcmp(row->kind, "move_notified") != 0) {
        (void)fixture_told(&world, LEE, "move_notified", "T", child_of(row),
            "permanence=permanent retain_intention=transfer");
    }
    (void)fixture_told(&world, LEE, "eh_consent_recorded", "T", child_of(row),
        "consent_ref=c1 consent_scope=eh_plan consent_recipients=" HER
        ":early_help consent_expires=2026-12-31");
}

static struct engine_verdict verdict_on(
    const struct kind_row *row, const char *from, const char *facts)
{
    begin(row);
    return fixture_verdict(
        &world, fixture_told(&world, from, row->kind, "T", child_of(row), facts));
}

static void rows__of_this_test__are_the_kinds_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(ROWS, catalogue_kind_count());
    for (uint32_t i = 0; i < ROWS; i++) {
        assert_string_equal(rows[i].kind, catalogue_kind(i + 1)->name);
    }
}

/* ---- what it must state ---- */

struct stated {
    char fact[FACTS_BYTES];
    char rule[8];
};

/* The facts of a row one by one; returns how many. */
static size_t facts_of(const struct kind_row *row, struct stated *out)
{
    size_t count = 0;

    for (const char *at = row->facts; *at != '\0'; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        const char *mark = memchr(at, '@', len);
        size_t fact_len = mark != NULL ? (size_t)(mark - at) : len;
        assert_true(count < ROW_FACTS_MAX && fact_len < FACTS_BYTES);
        struct stated *stated = &out[count++];
        (void)snprintf(stated->fact, sizeof stated->fact, "%.*s", (int)fact_len, at);
        (void)snprintf(stated->rule, sizeof stated->rule, "%.*s",
            mark != NULL ? (int)(len - fact_len - 1) : 3, mark != NULL ? mark + 1 : "R58");
        at += len;
    }
    return count;
}

/* All of them but one; none is left out where that is behind the last. */
static const char *but_one(const struct stated *facts, size_t count, size_t left_out, char *text)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (i != left_out) {
            used += (size_t)snprintf(
                text + used, FACTS_BYTES - used, "%s%s", used > 0 ? " " : "", facts[i].fact);
            assert_true(used < FACTS_BYTES);
        }
    }
    return text;
}

/* The first side that may say it. */
static const char *sender_of(const struct kind_row *row)
{
    return (row->may & ORIGIN) != 0 ? LEE : HER;
}

static void facts__of_a_kind__are_asked_for_by_one_rule_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        struct stated facts[ROW_FACTS_MAX];
        char text[FACTS_BYTES];
        size_t count = facts_of(&rows[i], facts);
        struct engine_verdict whole =
            verdict_on(&rows[i], sender_of(&rows[i]), but_one(facts, count, count, text));
        if (verdict_names(&whole, "R58")) {
            fail_msg("%s lacks a fact when it says %s", rows[i].kind, text);
        }
        for (size_t f = 0; f < count; f++) {
            struct engine_verdict less =
                verdict_on(&rows[i], sender_of(&rows[i]), but_one(facts, count, f, text));
            bool by_the_rule = strcmp(facts[f].rule, "R58") == 0;
            if (verdict_names(&whole, facts[f].rule) || !verdict_names(&less, facts[f].rule) ||
                verdict_names(&less, "R58") != by_the_rule) {
                fail_msg("%s without %s: %s and no other asks for it", rows[i].kind, facts[f].fact,
                    facts[f].rule);
            }
        }
    }
}

/* D41: delivered, in effect and flagged; any other is refused. */
static void facts__missing_on_a_protective_kind__are_flagged_alone(void **state)
{
    static const char protective[] =
        " move_notified temporary_plan_flag child_found_needing_protection unborn_registered "
        "linked_risk_notice eh_stepped_up ";

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        char word[FACTS_BYTES];
        (void)snprintf(word, sizeof word, " %s ", rows[i].kind);
        bool flagged = strstr(protective, word) != NULL;
        if (rows[i].facts[0] != '\0') {
            struct engine_verdict verdict = verdict_on(&rows[i], sender_of(&rows[i]), "");
            assert_int_equal(verdict.verdict, flagged ? VERDICT_ALERT : VERDICT_REFUSED);
        }
    }
}

/* ---- who may say it ---- */

/* D40: the role is guarded for every kind; a hub and the broker have no way to send one. */
static void senders__of_each_kind__are_those_of_its_role(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        struct stated facts[ROW_FACTS_MAX];
        char text[FACTS_BYTES];
        size_t count = facts_of(&rows[i], facts);
        (void)but_one(facts, count, count, text);
        for (size_t side = 0; side < SIDES; side++) {
            bool may = (rows[i].may & 1U << side) != 0;
            struct engine_verdict verdict = verdict_on(&rows[i], sides[side], text);
            if (verdict_names(&verdict, "R03") == may) {
                fail_msg("%s from %s", rows[i].kind, sides[side]);
            }
        }
    }
}

/* ---- what it waits for ---- */

static const struct fixture_event *say(
    const struct kind_row *row, const char *from, const char *child)
{
    struct stated facts[ROW_FACTS_MAX];
    char text[FACTS_BYTES];
    size_t count = facts_of(row, facts);

    return fixture_send(&world, from, row->kind, "T", child, but_one(facts, count, count, text));
}

/* The next of the kinds that answer a row, NULL behind the last. *at goes on; begins as NULL. */
static const struct kind_row *next_answer(const struct kind_row *row, const char **at)
{
    const char *answers = strstr(row->expects, "A3=");
    char kind[64];

    if (*at == NULL) {
        *at = answers != NULL ? answers + strlen("A3=") : "";
    }
    *at += strspn(*at, "/");
    if (**at == '\0') {
        return NULL;
    }
    (void)snprintf(kind, sizeof kind, "%.*s", (int)strcspn(*at, "/"), *at);
    *at += strlen(kind);
    return row_named(kind);
}

/* Whom the first side that may say it says it to. */
static const char *counterpart_of(const struct kind_row *row)
{
    return (row->may & ORIGIN) != 0 ? HER : LEE;
}

static bool other_may_send(const struct kind_row *row, const struct kind_row *answer)
{
    return (answer->may & ((row->may & ORIGIN) != 0 ? RECEIVING : ORIGIN)) != 0;
}

struct waiting {
    const char *title; /* of the event that waits */
    const char *other; /* who is to act */
    struct buf text;   /* as in the column: "A1 A3=one/two" */
};

static void put_waiting(void *context, const struct engine_expectation *expected)
{
    struct waiting *self = context;

    if (expected->about == NULL || strcmp(expected->about, self->title) != 0) {
        return;
    }
    buf_put_text(&self->text, "%s%s%s", self->text.len > 0 ? " " : "", expected->id,
        strcmp(expected->code, self->other) == 0 ? "" : " of the wrong side");
    for (size_t i = 0; i < expected->kind_count; i++) {
        buf_put_text(&self->text, "%s%s", i == 0 ? "=" : "/", expected->kinds[i]);
    }
}

/* What waits must be the level, and of the kinds that answer those that the other side may send; `answered`: none. */
static void assert_waits(const struct kind_row *row, const char *level, bool answered)
{
    struct waiting waiting = {
        .title = catalogue_kind_named(row->kind)->title, .other = counterpart_of(row)};
    uint8_t transfer[UUID_BYTES];
    uint8_t child[UUID_BYTES];
    struct buf want = {0};
    const char *at = NULL;
    bool first = true;

    buf_put_text(&want, "%s", level);
    for (const struct kind_row *next; !answered && (next = next_answer(row, &at)) != NULL;) {
        if (other_may_send(row, next)) {
            buf_put_text(
                &want, "%s%s%s", first && want.len > 0 ? " " : "", first ? "A3=" : "/", next->kind);
            first = false;
        }
    }
    fixture_id("T", transfer);
    fixture_id("ash", child);
    engine_expected(world.engine, transfer, child, put_waiting, &waiting);
    buf_put_u8(&waiting.text, 0);
    buf_put_u8(&want, 0);
    if (strcmp((const char *)want.data, (const char *)waiting.text.data) != 0) {
        fail_msg("%s waits for \"%s\", not \"%s\"", row->kind, (const char *)waiting.text.data,
            (const char *)want.data);
    }
    buf_free(&waiting.text);
    buf_free(&want);
}

static const struct fixture_event *begin_and_say(const struct kind_row *row)
{
    const struct kind_row *before = row_before(row);

    begin(row);
    if (before != NULL) {
        (void)say(before, sender_of(before), child_of(row));
    }
    return say(row, sender_of(row), child_of(row));
}

/* The end of an episode ends what its events wait for. */
static bool ends_the_episode(const struct kind_row *row)
{
    return strcmp(row->kind, "child_returned") == 0 || strcmp(row->kind, "move_ended") == 0 ||
        strcmp(row->kind, "move_withdrawn") == 0;
}

static void arrive(const struct fixture_event *event)
{
    engine_persisted(world.engine, event->view.id, event->view.to[0].code, world.now_ms);
}

static void events__of_each_kind__wait_to_arrive_to_be_opened_and_answered(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const struct kind_row *row = &rows[i];
        const struct fixture_event *event = begin_and_say(row);
        if (ends_the_episode(row)) {
            assert_waits(row, "", true);
            continue;
        }
        assert_waits(row, "A1", false);
        arrive(event);
        assert_waits(row, strncmp(row->expects, "A2", 2) == 0 ? "A2" : "", false);
        engine_opened(world.engine, event->view.id, counterpart_of(row), "duty", "", world.now_ms);
        assert_waits(row, "", false);
    }
}

/* By the other side; transfer_requested, which is the origin's, answers its own notice too. */
static void events__of_each_kind__are_answered_by_each_of_the_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const char *at = NULL;
        for (const struct kind_row *answer; (answer = next_answer(&rows[i], &at)) != NULL;) {
            arrive(begin_and_say(&rows[i]));
            arrive(say(answer,
                other_may_send(&rows[i], answer) ? counterpart_of(&rows[i]) : sender_of(&rows[i]),
                child_of(&rows[i])));
            assert_waits(&rows[i], "", true);
        }
    }
}

static void event__said_again__waits_once(void **state)
{
    const struct kind_row *row = row_named("documents_requested");

    (void)state;
    (void)begin_and_say(row);
    (void)say(row, HER, child_of(row));
    assert_waits(row, "A1 A1", false);
}

/* A filing of one's own answers nothing, nor does another date, nor an answer that is refused. */
static void event__without_an_effective_answer_of_the_other__still_waits(void **state)
{
    const struct kind_row *agreed = row_named("transfer_date_agreed");
    const struct kind_row *asked = row_named("documents_provided");

    (void)state;
    arrive(begin_and_say(agreed));
    arrive(say(agreed, LEE, child_of(agreed)));
    assert_waits(agreed, "", false);
    (void)fixture_told(&world, HER, "transfer_date_agreed", "T", child_of(agreed),
        "transfer_date=2026-03-21 transfer_point=other");
    (void)fixture_told(&world, LEE, "transfer_date_agreed", "T", child_of(agreed),
        "transfer_date=2026-03-23 transfer_point=other");
    assert_waits(agreed, "", false);
    arrive(begin_and_say(asked));
    (void)fixture_told(&world, HER, "documents_challenged", "T", child_of(asked), "");
    assert_waits(asked, "", false);
}

/* ---- the list ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows__of_this_test__are_the_kinds_in_their_order),
        cmocka_unit_test(facts__of_a_kind__are_asked_for_by_one_rule_each),
        cmocka_unit_test(facts__missing_on_a_protective_kind__are_flagged_alone),
        cmocka_unit_test(senders__of_each_kind__are_those_of_its_role),
        cmocka_unit_test(events__of_each_kind__wait_to_arrive_to_be_opened_and_answered),
        cmocka_unit_test(events__of_each_kind__are_answered_by_each_of_the_kinds),
        cmocka_unit_test(event__said_again__waits_once),
        cmocka_unit_test(event__without_an_effective_answer_of_the_other__still_waits),
    };

    fixture_open(&world);
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_close(&world);
    return failed;
}
