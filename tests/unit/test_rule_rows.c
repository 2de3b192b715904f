/*
 * Tests of rules.tsv as a whole: in which rules a profile differs from national, and which rule answers a fact that
 * is missing. Written out, not read from the table: a cell that is changed must be meant.
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

/* ---- missing facts ---- */

struct required {
    const char *rule, *from, *kind;
    const char *facts; /* all that are required, the missing one last */
    const char *case_type;
};

static const struct required required[] = {
    {"R02", HER, "written_acceptance",
        "form=confirmation_letter letter_ref=L letter_hash=l signatory_role=senior", "cin"},
    {"R02", HER, "written_acceptance",
        "form=confirmation_letter letter_hash=l signatory_role=senior letter_ref=L", "cin"},
    {"R02", HER, "written_acceptance",
        "form=confirmation_letter letter_ref=L signatory_role=senior letter_hash=l", "cin"},
    {"R58", HER, "written_acceptance",
        "letter_ref=L letter_hash=l signatory_role=senior form=confirmation_letter", "cin"},
    {"R19", LEE, "move_notified", "retain_intention=transfer permanence=permanent", "cin"},
    {"R19", LEE, "move_notified", "permanence=permanent retain_intention=transfer", "cin"},
    {"R30", LEE, "plan_discontinued",
        "discontinue_reason=no_longer_at_risk icpc_invited=gp agencies_notified=gp", "cin"},
    {"R30", LEE, "plan_discontinued",
        "discontinue_reason=no_longer_at_risk agencies_notified=gp icpc_invited=gp", "cin"},
    {"R58", LEE, "plan_discontinued",
        "agencies_notified=gp icpc_invited=gp discontinue_reason=no_longer_at_risk", "cin"},
    {"R31", HER, "transfer_refused", "rationale_present=yes", "cin"},
    {"R39", LEE, "eh_handover_sent", "documents=eh_plan consent_ref=c1", "early_help"},
    {"R58", LEE, "eh_handover_sent", "consent_ref=c1 documents=eh_plan", "early_help"},
    {"R41", LEE, "family_not_informed", "withheld_reason=risk_to_child", "cin"},
    {"R43", HER, "eh_review_completed", "recorded_locally=yes", "early_help"},
    {"R47", LEE, "unborn_registered", "edd_present=yes", "unborn"},
    {"R47", LEE, "child_born", "case_type_now=cin dob_present=yes", "unborn"},
    {"R58", LEE, "child_born", "dob_present=yes case_type_now=cin", "unborn"},
};

static bool names_rule(const struct engine_verdict *verdict, const char *id)
{
    for (size_t i = 0; i < verdict->rule_count; i++) {
        if (strcmp(verdict->rules[i], id) == 0) {
            return true;
        }
    }
    return false;
}

static struct engine_verdict verdict_on(const struct required *row, const char *facts)
{
    struct engine_verdict verdict = {0};
    char child[32];

    (void)snprintf(child, sizeof child, "ash:%s", row->case_type);
    fixture_reset(&world);
    fixture_transfer(&world, "T", LEE, HER);
    if (strcmp(row->kind, "move_notified") != 0) {
        (void)fixture_told(&world, LEE, "move_notified", "T", child,
            "permanence=permanent retain_intention=transfer");
    }
    (void)fixture_told(&world, LEE, "eh_consent_recorded", "T", child,
        "consent_ref=c1 consent_scope=eh_plan consent_recipients=" HER
        ":early_help consent_expires=2026-12-31");
    const struct fixture_event *event =
        fixture_told(&world, row->from, row->kind, "T", child, facts);
    assert_int_equal(
        engine_verdict(world.engine, event->view.id, event->view.subjects[0].ref, &verdict), 0);
    return verdict;
}

static void facts__missing__are_answered_by_the_one_rule_that_names_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        const struct required *row = &required[i];
        char without[FACTS_BYTES] = "";
        const char *last = strrchr(row->facts, ' ');
        size_t len = last != NULL ? (size_t)(last - row->facts) : 0;
        assert_true(len < sizeof without);
        memcpy(without, row->facts, len);
        struct engine_verdict whole = verdict_on(row, row->facts);
        struct engine_verdict missing = verdict_on(row, without);
        bool right = names_rule(&missing, row->rule) && !names_rule(&whole, row->rule);
        if (!right || names_rule(&missing, "R58") != (strcmp(row->rule, "R58") == 0)) {
            fail_msg(
                "%s without the last of %s: %s and no other", row->kind, row->facts, row->rule);
        }
    }
}

/* ---- the list ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles__each_one__differs_from_national_in_its_own_rules_alone),
        cmocka_unit_test(facts__missing__are_answered_by_the_one_rule_that_names_them),
    };

    fixture_open(&world);
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_close(&world);
    return failed;
}
