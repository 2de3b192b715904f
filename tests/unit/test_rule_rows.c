/*
 * Tests of rules.tsv and of the profiles' lists as a whole: in which rules a profile differs from national, and every
 * word of each list. Written out, not read from the table: a cell that is changed must be meant.
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
#define CAM "E09000007"
#define BHM "E08000025"
#define SOL "E08000029"

enum { FACTS_BYTES = 256 };

static struct engine_fixture world;

/* ---- profiles ---- */

static bool is_named(const char *ids, const char *id)
{
    const char *at = strstr(ids, id);

    return at != NULL && (at[strlen(id)] == ' ' || at[strlen(id)] == '\0');
}

static bool as_national(const struct rule_info *rule, const char *profile)
{
    const struct severity_entry *own = NULL;
    const struct severity_entry *nationals = NULL;
    size_t count = procedures_severities(world.procedures, rule, profile, &own);
    bool same = count == procedures_severities(world.procedures, rule, "national", &nationals);

    for (size_t i = 0; same && i < count; i++) {
        same = own[i].severity == nationals[i].severity && own[i].kind == nationals[i].kind &&
            own[i].clock == nationals[i].clock && own[i].only_for == nationals[i].only_for;
    }
    return same;
}

/* Nothing of their own in the North West and in Herefordshire (D9); what one order alone states holds for all (D50). */
static void profiles__each_one__differs_from_national_in_its_own_rules_alone(void **state)
{
    static const struct {
        const char *profile, *differs;
    } rows[] = {
        {"london", "R06 R07 R08 R09 R14 R15 R16 R17 R18 R20 R24 R25 R27 R37 R44 R45"},
        {"birmingham-solihull", "R08 R12 R13 R33 R34 R35"},
        {"north-west", ""},
        {"herefordshire", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (uint32_t n = 1; n <= procedures_rule_count(world.procedures); n++) {
            const struct rule_info *rule = procedures_rule(world.procedures, n);
            if (as_national(rule, rows[i].profile) == is_named(rows[i].differs, rule->id)) {
                fail_msg("%s under %s", rule->id, rows[i].profile);
            }
        }
    }
}

/* ---- lists of words ---- */

/* A list of a profile, and what shows that a word of it is read. */
struct worded {
    const char *origin, *receiving, *child;
    const char *words; /* of the list, "a,b,c" */
    const char *rule;
};

/* The words but one, "" for none. */
static void without_word(const char *words, const char *left_out, char *out)
{
    size_t used = 0;

    for (const char *at = words; *at != '\0'; at += strspn(at, ",")) {
        size_t bytes = strcspn(at, ",");
        if (at != left_out) {
            used += (size_t)snprintf(
                out + used, FACTS_BYTES - used, "%s%.*s", used > 0 ? "," : "", (int)bytes, at);
        }
        at += bytes;
    }
}

static struct engine_verdict tell(
    const struct worded *row, const char *from, const char *kind, const char *facts)
{
    return fixture_verdict(&world, fixture_told(&world, from, kind, "T", row->child, facts));
}

static void begin(const struct worded *row)
{
    fixture_reset(&world);
    fixture_transfer(&world, "T", row->origin, row->receiving);
    (void)tell(row, row->origin, "move_notified", "permanence=permanent retain_intention=transfer");
}

/* What the rule says of a set of documents: of those provided (R24), or of the tick behind them (R23). */
static bool set_is_hit(const struct worded *row, const char *documents)
{
    char facts[2 * FACTS_BYTES];
    bool outbound = strcmp(row->rule, "R24") == 0;

    begin(row);
    (void)snprintf(facts, sizeof facts, "documents=%s declared_complete=%s", documents,
        outbound ? "yes" : "no");
    struct engine_verdict verdict = tell(row, row->origin, "documents_provided", facts);
    if (!outbound) {
        verdict = tell(row, row->receiving, "documents_complete", "");
    }
    return verdict_names(&verdict, row->rule);
}

static void documents__each_of_a_set__is_asked_for(void **state)
{
    static const struct worded rows[] = {
        {BHM, SOL, "ash:cp",
            "review_report,review_minutes,cp_plan,legal_status,legal_outcome,chronology", "R23"},
        {BHM, SOL, "ash:cin",
            "review_report,review_minutes,cin_plan,legal_status,legal_outcome,chronology", "R23"},
        {BHM, SOL, "ash:lac", "review_report,review_minutes,legal_status,legal_outcome,chronology",
            "R23"},
        {LEE, CAM, "ash:cp", "cp_plan,conference_minutes,assessment,chronology,case_summary",
            "R23"},
        {LEE, CAM, "ash:cin", "assessment,cin_plan,case_summary,chronology", "R23"},
        {CAM, LEE, "ash:cp",
            "assessment,chair_report,conference_minutes,case_summary,chronology,invitee_list,"
            "updated_assessment",
            "R24"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *words = rows[i].words;
        assert_false(set_is_hit(&rows[i], words));
        for (const char *at = words; *at != '\0'; at += strspn(at, ",")) {
            char others[FACTS_BYTES] = "";
            size_t len = strcspn(at, ",");
            without_word(words, at, others);
            if (!set_is_hit(&rows[i], others)) {
                fail_msg(
                    "%s %s: %.*s is not asked for", rows[i].receiving, rows[i].child, (int)len, at);
            }
            at += len;
        }
    }
}

/* Each word by itself, put behind a fact: is the rule hit by what then follows? */
static void each_word(
    const struct worded *row, bool hit, bool is_hit(const struct worded *row, const char *word))
{
    for (const char *at = row->words; *at != '\0'; at += strspn(at, ",")) {
        char word[64] = "";
        size_t len = strcspn(at, ",");
        (void)snprintf(word, sizeof word, "%.*s", (int)len, at);
        if (is_hit(row, word) != hit) {
            fail_msg("%s to %s: %s", row->origin, row->receiving, word);
        }
        at += len;
    }
}

/* By that rule itself, whatever others say: those that refuse stand before those that flag. */
static bool verdict_blocked_by(const struct engine_verdict *verdict, const char *rule)
{
    struct engine_verdict blocking = *verdict;

    blocking.rule_count -= verdict->alert_count;
    return verdict_names(&blocking, rule);
}

static bool order_refuses(const struct worded *row, const char *order)
{
    char facts[FACTS_BYTES];

    begin(row);
    (void)snprintf(facts, sizeof facts, "order_type=%s", order);
    (void)tell(row, row->origin, "legal_order_recorded", facts);
    struct engine_verdict verdict = tell(row, row->receiving, "written_acceptance",
        "form=confirmation_letter letter_ref=L letter_hash=l signatory_role=senior");
    return verdict_blocked_by(&verdict, row->rule);
}

static void orders__each_of_the_list__block_an_acceptance(void **state)
{
    static const struct worded blocking[] = {
        {BHM, SOL, "ash:cin",
            "epo,police_protection,ico,care_order,supervision,family_assistance,child_assessment",
            "R08"},
        {LEE, CAM, "ash:cin",
            "epo,police_protection,ico,care_order,supervision,family_assistance,child_assessment,"
            "other_order",
            "R08"},
    };
    static const struct worded flagged[] = {
        {BHM, SOL, "ash:cin", "other_order", "R08"},
        {LEE, HER, "ash:cin", "epo,care_order,other_order", "R08"},
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        each_word(&blocking[i], true, order_refuses);
        each_word(&flagged[i], false, order_refuses);
    }
}

static bool request_is_held(const struct worded *row, const char *evidence)
{
    char facts[FACTS_BYTES];

    begin(row);
    (void)snprintf(facts, sizeof facts, "evidence=%s", evidence);
    (void)tell(row, row->origin, "permanence_evidenced", facts);
    struct engine_verdict verdict = tell(row, row->origin, "transfer_requested",
        "rationale_present=yes legal_status=none family_informed=yes");
    return verdict_names(&verdict, row->rule);
}

static void evidence__each_of_the_list__lets_a_request_through(void **state)
{
    static const struct worded row = {BHM, SOL, "ash:cin",
        "receiver_temporary_housing,receiver_permanent_commitment,private_tenancy,"
        "residence_3_months,legal_advice",
        "R12"};

    (void)state;
    each_word(&row, false, request_is_held);
}

/* ---- rungs ---- */

enum { RUNGS = 3 };

/* Who must climb each rung, at Birmingham and at Solihull (D18). */
static const char *const climbers[RUNGS][2] = {{"head_of_service", "head_of_service"},
    {"assistant_director", "assistant_director"},
    {"director_of_practice", "director_childrens_services"}};

static struct engine_verdict climb(
    const struct worded *row, int rung, const char *raised_by, const char *counterpart)
{
    char facts[FACTS_BYTES];

    (void)snprintf(facts, sizeof facts,
        "stage=%d raised_by_role=%s counterpart_role=%s rationale_present=yes "
        "disagreement_areas=timing",
        rung, raised_by, counterpart);
    return tell(row, row->origin, "escalation_raised", facts);
}

/* What is said of a rung when those below it were climbed as they should. */
static struct engine_verdict climb_to(
    const struct worded *row, int rung, const char *raised_by, const char *counterpart)
{
    char facts[FACTS_BYTES];
    size_t own = strcmp(row->origin, BHM) == 0 ? 0 : 1;

    begin(row);
    (void)tell(row, row->origin, "transfer_requested",
        "rationale_present=yes legal_status=none family_informed=yes legal_advice_ref=A-1");
    for (int below = 1; below < rung; below++) {
        (void)climb(row, below, climbers[below - 1][own], climbers[below - 1][1 - own]);
        (void)snprintf(
            facts, sizeof facts, "stage=%d outcome_decision=move_up rationale_present=yes", below);
        (void)tell(row, row->receiving, "escalation_outcome", facts);
    }
    return climb(row, rung, raised_by, counterpart);
}

static void rungs__each_side__is_climbed_by_its_role_alone(void **state)
{
    static const struct worded rows[] = {
        {BHM, SOL, "ash:cin", "", "R32"}, {SOL, BHM, "ash:cin", "", "R32"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int rung = 1; rung <= RUNGS; rung++) {
            const char *own = climbers[rung - 1][i];
            const char *other = climbers[rung - 1][1 - i];
            struct engine_verdict right = climb_to(&rows[i], rung, own, other);
            struct engine_verdict by_another = climb_to(&rows[i], rung, "team_manager", other);
            struct engine_verdict to_another = climb_to(&rows[i], rung, own, "team_manager");
            if (verdict_names(&right, "R32") || !verdict_names(&by_another, "R32") ||
                !verdict_names(&to_another, "R32")) {
                fail_msg("rung %d from %s", rung, rows[i].origin);
            }
        }
    }
}

/* ---- the list ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles__each_one__differs_from_national_in_its_own_rules_alone),
        cmocka_unit_test(documents__each_of_a_set__is_asked_for),
        cmocka_unit_test(orders__each_of_the_list__block_an_acceptance),
        cmocka_unit_test(evidence__each_of_the_list__lets_a_request_through),
        cmocka_unit_test(rungs__each_side__is_climbed_by_its_role_alone),
    };

    fixture_open(&world);
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_close(&world);
    return failed;
}
