/* Tests of common/procedure: the shipped tables and profiles, compiled, and what a typo in any of them is answered. */
#include "common/procedure/procedures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/civil.h"
#include "common/codec/limits.h"
#include "common/procedure/folder.h"
#include "tests/support/procedures_fixture.h"

#include "common/base/banned.h"

static procedures_t *shipped;

static int load(void **state)
{
    struct complaint why = {0};

    (void)state;
    int rc = fixture_procedures(NULL, NULL, NULL, &shipped, &why);
    if (rc != 0) {
        print_error("%s\n", why.text);
    }
    return rc;
}

static int unload(void **state)
{
    (void)state;
    procedures_destroy(&shipped);
    return 0;
}

static int32_t day_of(const char *text)
{
    int32_t day = 0;

    assert_int_equal(civil_date_parse(text, &day), 0);
    return day;
}

static void tables__as_shipped__hold_every_row(void **state)
{
    (void)state;
    assert_int_equal(procedures_clock_count(shipped), 31);
    assert_int_equal(procedures_rule_count(shipped), 62);
    assert_null(procedures_clock_named(shipped, "C99"));
    assert_non_null(procedures_rule_named(shipped, "R62"));
}

static void clock__first_row__is_compiled_whole(void **state)
{
    const struct clock_info *clock = procedures_clock_named(shipped, "C01");

    (void)state;
    assert_int_equal(clock->applies, APPLIES_ANY);
    assert_int_equal(clock->start_count, 3);
    assert_int_equal(clock->met_count, 1);
    assert_int_equal(clock->cancel_count, 6);
    assert_int_equal(clock->shipped.unit, LIMIT_WD);
    assert_int_equal(clock->shipped.count, 15);
    assert_int_equal(clock->binding, PARTY_RECEIVING);
    assert_false(clock->child_scope);
    const struct trigger *start = &clock->starts[0];
    assert_int_equal(start->kind, catalogue_kind_named("move_notified")->number);
    assert_int_equal(start->moment, MOMENT_PERSISTED);
    assert_int_equal(start->condition_count, 3);
    assert_int_equal(start->conditions[0].subject, CONDITION_FACT);
    assert_int_equal(start->conditions[0].numbers[0], 1); /* permanent */
    assert_int_equal(start->conditions[1].subject, CONDITION_STATE);
    assert_int_equal(start->conditions[1].name, STATE_CASE_TYPE);
    assert_int_equal(clock->met_by[0].conditions[0].value_count, 2);
}

static void clock__words_that_differ_by_start__are_told_apart(void **state)
{
    const struct clock_info *clock = procedures_clock_named(shipped, "C17");

    (void)state;
    assert_true(clock->key_start_kind);
    assert_int_equal(clock->starts[0].moment, MOMENT_PERSISTED);
    assert_int_equal(clock->starts[0].binding, PARTY_RECEIVING);
    assert_int_equal(clock->starts[2].kind, catalogue_kind_named("assessment_opened")->number);
    assert_int_equal(clock->starts[2].moment, MOMENT_FACT);
    assert_int_equal(clock->starts[2].binding, PARTY_SENDER);
    assert_int_equal(clock->met_by[0].special, STOP_OPENED);
    assert_int_equal(clock->met_by[1].special, STOP_BOUND_EVENT);
    assert_int_equal(clock->met_by[1].conditions[0].subject, CONDITION_START_KIND);
    assert_int_equal(clock->met_by[2].conditions[0].subject, CONDITION_ITSELF);
}

static void effects__acceptance__carry_what_it_derives(void **state)
{
    const struct effect *effects = NULL;
    size_t count =
        procedures_effects(shipped, catalogue_kind_named("written_acceptance")->number, &effects);

    (void)state;
    assert_int_equal(count, 9);
    assert_int_equal(effects[0].verb, EFFECT_SET_FLAG);
    assert_string_equal(effects[0].argument, "letter_hash");
    assert_int_equal(effects[1].verb, EFFECT_DERIVE);
    assert_string_equal(effects[1].name, "responsibility_transferred");
    assert_int_equal(effects[2].verb, EFFECT_DIMENSION);
    assert_string_equal(effects[2].name, "case");
    assert_int_equal(effects[5].verb, EFFECT_CLEAR_FLAG);
    assert_int_equal(effects[8].verb, EFFECT_OUTSTANDING);
    assert_int_equal(effects[8].condition_count, 3);
}

static void rule__severities__follow_the_profile(void **state)
{
    const struct severity_entry *entries = NULL;
    const struct rule_info *rule = procedures_rule_named(shipped, "R07");

    (void)state;
    assert_int_equal(procedures_severities(shipped, rule, "national", &entries), 0);
    assert_int_equal(procedures_severities(shipped, rule, "london", &entries), 2);
    assert_int_equal(entries[0].severity, SEVERITY_REJECT);
    assert_int_equal(entries[0].only_for, PARTY_ORIGIN);
    assert_int_equal(entries[1].severity, SEVERITY_HOLD);
    assert_int_equal(entries[1].only_for, PARTY_RECEIVING);
    rule = procedures_rule_named(shipped, "R10"); /* "=" is as national */
    assert_int_equal(procedures_severities(shipped, rule, "london", &entries), 2);
    rule = procedures_rule_named(shipped, "R31");
    assert_int_equal(rule->fact_count, 1);
    assert_int_equal(rule->facts[0].kind, catalogue_kind_named("transfer_refused")->number);
}

static void profiles__by_pair_and_day__most_specific_first(void **state)
{
    const char *names[3];
    int32_t day = day_of("2026-03-01");

    (void)state;
    assert_int_equal(
        procedures_profiles_of(shipped, "E08000025", "E08000029", NULL, day, names), 2);
    assert_string_equal(names[0], "birmingham-solihull");
    assert_int_equal(
        procedures_profiles_of(shipped, "E08000025", "E09000007", NULL, day, names), 1);
    assert_string_equal(names[0], "national");
    assert_true(procedures_under(shipped, "E09000007", "E08000003", NULL, day, "london"));
    assert_false(
        procedures_under(shipped, "E09000007", "E08000003", NULL, day_of("2022-01-01"), "london"));
    assert_string_equal(
        procedures_value(shipped, "E09000007", "E08000003", NULL, day, "clocks.C05.limit"), "5wd");
    assert_string_equal(
        procedures_value(shipped, "E09000007", "E08000003", NULL, day, "clocks.C01.limit"), "15wd");
    assert_null(procedures_value(shipped, "E08000003", "E09000007", NULL, day, "clocks.C05.limit"));
    assert_true(procedures_under(shipped, "E08000003", "E09000007", "london", day, "london"));
}

/*
 * A regional profile lists its members: they are all that the register's table of authorities has in that region, so
 * that every London borough is under the text of one of them (D8).
 */
static void members__of_a_region__are_all_its_authorities(void **state)
{
    static const char *const regions[][2] = {
        {"london", ",E12000007,"}, {"north-west", ",E12000002,"}};
    char line[256];
    FILE *file = fopen("data/register/authorities.csv", "r");

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char code[CODE_BYTES + 1] = "";
        memcpy(code, line, CODE_BYTES);
        for (size_t i = 0; i < 2; i++) {
            bool inside = strstr(line, regions[i][1]) != NULL;
            if (inside !=
                procedures_under(
                    shipped, code, "E06000019", NULL, day_of("2026-03-01"), regions[i][0])) {
                fail_msg("%s under %s", code, regions[i][0]);
            }
        }
    }
    (void)fclose(file);
}

/* ---- versions of one profile ---- */

static const char *value_on(const procedures_t *loaded, const char *code, const char *forced,
    const char *date, const char *key)
{
    int32_t day;

    assert_int_equal(civil_date_parse(date, &day), 0);
    return procedures_value(loaded, code, "E08000035", forced, day, key);
}

static void versions__of_one_profile__count_each_from_its_day(void **state)
{
    static const struct fixture_version next = {
        "london.zpl", "2027-04-01", "8", "limit = 5wd", "limit = 3wd"}; /* of C05 */
    static const struct {
        const char *code, *forced, *date, *wanted;
    } cases[] = {
        {"E09000007", NULL, "2027-03-31", "5wd"},
        {"E09000007", NULL, "2027-04-01", "3wd"},
        {"E09000007", NULL, "2023-01-31", NULL},      /* before the first: under national alone */
        {"E08000035", "london", "2023-01-31", "5wd"}, /* put under it: the first there is */
        {"E08000035", "london", "2027-04-01", "3wd"},
        {"E08000035", NULL, "2027-04-01", NULL},
    };
    struct complaint why = {0};
    procedures_t *loaded = NULL;

    (void)state;
    assert_int_equal(fixture_procedures_with(&next, &loaded, &why), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *value =
            value_on(loaded, cases[i].code, cases[i].forced, cases[i].date, "clocks.C05.limit");
        if (cases[i].wanted == NULL) {
            assert_null(value);
        } else {
            assert_non_null(value);
            assert_string_equal(value, cases[i].wanted);
        }
    }
    procedures_destroy(&loaded);
}

/* Who is no member any more is under national from that day on, though the version before still lists it. */
static void versions__that_drop_a_member__drop_it_on_their_day(void **state)
{
    static const struct fixture_version next = {
        "london.zpl", "2027-04-01", "8", "    E09000007 = Camden\n", ""};
    struct complaint why = {0};
    procedures_t *loaded = NULL;

    (void)state;
    assert_int_equal(fixture_procedures_with(&next, &loaded, &why), 0);
    assert_non_null(value_on(loaded, "E09000007", NULL, "2027-03-31", "clocks.C05.limit"));
    assert_null(value_on(loaded, "E09000007", NULL, "2027-04-01", "clocks.C05.limit"));
    assert_non_null(value_on(loaded, "E09000019", NULL, "2027-04-01", "clocks.C05.limit"));
    procedures_destroy(&loaded);
}

static void versions__that_cannot_stand_side_by_side__are_refused(void **state)
{
    static const struct {
        struct fixture_version version;
        const char *wanted;
    } cases[] = {
        {{"london.zpl", "2023-02-01", "8", NULL, NULL},
            "london.zpl: london has a version from 2023-02-01 already, in ahead-london.zpl; give "
            "this one its own effective_from"},
        {{"london.zpl", "2027-04-01", "7", NULL, NULL},
            "london.zpl: london stands in ahead-london.zpl too; give each of them a "
            "profile.version of its own"},
        {{"london.zpl", "2027-04-01", "8", "level = regional", "level = bilateral"},
            "london is regional here and bilateral in ahead-london.zpl; a profile keeps its level"},
        {{"national.zpl", "2027-04-01", "2", "working_days = england-and-wales",
             "working_days = scotland"},
            "calendar.working_days is not that of ahead-national.zpl; all versions share one"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct complaint why = {0};
        procedures_t *none = NULL;
        assert_int_not_equal(fixture_procedures_with(&cases[i].version, &none, &why), 0);
        if (strstr(why.text, cases[i].wanted) == NULL) {
            fail_msg("%s: %s", cases[i].wanted, why.text);
        }
        assert_null(none);
    }
}

static void route__superseded_codes__go_to_their_one_successor(void **state)
{
    (void)state;
    assert_string_equal(procedures_route(shipped, "E08000019", day_of("2026-01-01")), "E08000039");
    assert_string_equal(procedures_route(shipped, "E08000019", day_of("2025-03-31")), "E08000019");
    assert_null(procedures_route(shipped, "E10000006", day_of("2026-01-01")));
    assert_null(procedures_route(shipped, "E07000999", day_of("2026-01-01")));
}

static void override__known_keys__count_in_every_profile(void **state)
{
    procedures_t *mine = NULL;
    struct complaint why = {0};
    int32_t day = day_of("2026-03-01");

    (void)state;
    assert_int_equal(fixture_procedures(NULL, NULL, NULL, &mine, &why), 0);
    assert_int_equal(procedures_override(mine, "clocks.G03.limit", "30min", &why), 0);
    assert_string_equal(
        procedures_value(mine, "E09000007", NULL, NULL, day, "clocks.G03.limit"), "30min");
    assert_int_equal(procedures_override(mine, "clocks.G03.limit", "30weeks", &why), E_FACT_VALUE);
    assert_int_equal(procedures_override(mine, "frequent_mover.move", "3", &why), E_NOT_FOUND);
    assert_non_null(strstr(why.text, "frequent_mover.moves"));
    assert_int_equal(procedures_member(mine, "E08000035", "london", day, &why), 0);
    assert_true(procedures_under(mine, "E08000035", NULL, NULL, day, "london"));
    assert_false(procedures_under(mine, "E08000035", NULL, NULL, day - 1, "london"));
    procedures_destroy(&mine);
}

/* One cell of a file, and what is said of it. */
static const struct {
    const char *file;
    const char *from;
    const char *to;
    const char *wanted; /* in the sentence */
} typos[] = {
    {"kinds.tsv", "move_notified\t", "move_notifed\t",
        "kinds.tsv:2: unknown kind \"move_notifed\"; did you mean \"move_notified\""},
    {"kinds.tsv", "+temporary_plan;", "+temporary_plam;", "did you mean \"temporary_plan\""},
    {"kinds.tsv", "C01,C08,C09,C17", "C01,C08,C09", "kinds.tsv:2: column starts"},
    {"kinds.tsv", "a held transfer_requested is dropped", "a held transfer_requested is droped",
        "did you mean"},
    {"kinds.tsv", "retain_intention := fact", "retain_intension := fact",
        "did you mean \"retain_intention\""},
    {"clocks.tsv", "permanence=permanent state.case_type=cp",
        "permanance=permanent state.case_type=cp", "clocks.tsv:2: unknown fact"},
    {"clocks.tsv", "permanence=permanent state.case_type=cp",
        "permanence=permanant state.case_type=cp", "did you mean \"permanent\""},
    {"clocks.tsv", "state.case_type=cp state.conference", "state.case_typ=cp state.conference",
        "did you mean \"case_type\""},
    {"clocks.tsv", "fact:finished_at", "fact:finish_at", "clocks.tsv:3: unknown date or time fact"},
    {"clocks.tsv", "london\treceiving", "londn\treceiving", "did you mean \"london\""},
    {"rules.tsv", "REJECT:written_acceptance", "REJECT:writen_acceptance",
        "rules.tsv:2: unknown kind or clock"},
    {"rules.tsv", "REJECT:written_acceptance", "REJCT:written_acceptance", "unknown severity"},
    {"rules.tsv", "\tpair\t-\tdim case", "\tpeer\t-\tdim case", "unknown owner"},
    {"rules.tsv", "(origin)", "(orgin)", "unknown role"},
    {"rules.tsv", "written_acceptance:signatory_role", "written_acceptance:signatry_role",
        "unknown fact"},
    {"rules.tsv", "written_acceptance:signatory_role", "writen_acceptance:signatory_role",
        "unknown kind"},
    {"rules.tsv", "written_acceptance:signatory_role", "written_acceptance:own_record_noted",
        "rules.tsv:3: own_record_noted is no required fact of written_acceptance"},
    {"clocks.tsv", "\tany\tmove_notified", "\tanny\tmove_notified", "did you mean \"any\""},
    {"clocks.tsv", "\tpersisted\tconference_held", "\tpersistd\tconference_held",
        "did you mean \"persisted\""},
    {"clocks.tsv", "fact:finished_at", "fact:finished_att", "finished_at"},
    {"clocks.tsv", "fact:finished_at", "fact:stage", "unknown date or time fact"},
    {"clocks.tsv", "\t15\twd\t", "\t15\tweeks\t", "is no duration"},
    {"clocks.tsv", "\tsender+assessment_type\t", "\tsender+type\t", "unknown key"},
    {"clocks.tsv", "\treceiving\t-\tepisode", "\treceiver\t-\tepisode", "unknown binding"},
    {"clocks.tsv", "state.challenge=open\talert", "state.challange=open\talert", "did you mean"},
    {"clocks.tsv", "state.conference=none]; move_updated", "state.conference=non]; move_updated",
        "unknown value"},
    {"clocks.tsv", "state.conference=none]; move_updated", "state.conference=none; move_updated",
        "onference=none\": a bracket is not closed"},
    {"clocks.tsv", "documents_complete[state.case_type=cp", "documents_complete[outcome=plan_made",
        "does not carry"},
    {"clocks.tsv", "\tlondon\treceiving", "\tlondn\treceiving", "did you mean \"london\""},
    {"kinds.tsv", "+case_file\t", "+casefile\t", "did you mean \"case_file\""},
    {"kinds.tsv", "permanence := fact;", "permanance := fact;", "did you mean \"permanence\""},
    {"kinds.tsv", "case_type := unborn", "case_type := unborne", "did you mean"},
    {"kinds.tsv", "dim conference_convening := receiving", "dim conference_convning := receiving",
        "did you mean"},
    {"kinds.tsv", "dim conference_convening := receiving", "dim conference_convening := receivng",
        "unknown role or fact"},
    {"kinds.tsv", "receiving@london state.temporary_plan", "receving@london state.temporary_plan",
        "unknown role"},
    {"kinds.tsv", "+outstanding(R20)", "+outstanding(R99)", "unknown rule"},
    {"kinds.tsv", "+challenge(about)", "+challenge(about", "bracket is not closed"},
    {"kinds.tsv", "[permanence=permanent] dim", "[permanence=permanent dim", "kinds.tsv:2"},
    {"kinds.tsv", "C01,C08,C09,C17\t", "C01,C08,C09,C99\t", "unknown clock"},
    {"kinds.tsv", "C01,C08,C09,C17\t", "C01,C08,C09,C10\t", "does not know this kind"},
    {"kinds.tsv", "C01,C08,C09,C17\t", "C01,C08,C09\t", "names 3 clocks"},
    {"london.zpl", "name = london", "name = national", "a profile keeps its level"},
    {"london.zpl", "level = regional", "level = reginal", "no value for profile.level"},
    {"london.zpl", "effective_from = 2023-02-01", "effective_from = 2023-02-30", "no value for"},
    {"london.zpl", "    name = london\n", "", "needs name, level and effective_from"},
    {"london.zpl", "finish_within = 1wd", "finish_within = 1wd\n    cp_in = \"cp_plan\"",
        "given twice"},
    {"national.zpl", "moves = unset", "moves = many", "no value for frequent_mover.moves"},
    {"national.zpl", "moment = persisted", "moment = opened", "no value for clocks.C01.moment"},
    {"authorities.csv", "E06000001,", "E0600001,", "nine-character code"},
    {"successions.tsv", "E08000016\t", "E0800016\t", "is no code"},
    {"bank-holidays.json", "england-and-wales", "england-or-wales", "no division"},
    {"bank-holidays.json", "{", "[", "bank holidays"},
    {"london.zpl", "limit = 15wd", "limt = 15wd", "london.zpl:"},
    {"london.zpl", "limit = 15wd", "limit = 15weeks", "no value for clocks.C02.limit"},
    {"london.zpl", "inherit = national", "inherit = nationl",
        "london.zpl:19: london inherits from an unknown profile \"nationl\"; did you mean "
        "\"national\"?"},
    {"rules.tsv", "R28\t", "R82\t", "rules.tsv:29: unknown rule \"R82\"; did you mean"},
    {"national.zpl", "never = \"R01", "never = \"R99",
        "unknown rule \"R99\"; did you mean \"R09\"?"},
    {"london.zpl", "    C02\n", "    C92\n", "unknown clock \"C92\"; did you mean \"C02\"?"},
    {"london.zpl",
        "    E09000007 =", "    E09000077 =", "unknown authority \"E09000077\"; did you mean"},
    {"london.zpl", "orders = \"epo", "orders = \"epoo",
        "\"epoo\" is no value for block.orders; did you mean \"epo\"?"},
    {"london.zpl", "level = regional", "level = \"\"", "london.zpl:"},
    {"national.zpl", "Europe/London", "Europe/Lodnon", "did you mean \"Europe/London\"?"},
    {"birmingham-solihull.zpl", "raised_by = origin", "raised_by = orgin",
        "\"orgin\" is no value for ladder.raised_by; did you mean \"origin\"?"},
    {"birmingham-solihull.zpl", "= director_of_practice", "= director_of_practise",
        "did you mean \"director_of_practice\"?"},
    {"system-kinds.tsv", "deadline_set\t", "deadline_sett\t",
        "system-kinds.tsv:10: unknown system kind \"deadline_sett\"; did you mean "
        "\"deadline_set\"?"},
    {"successions.tsv", "\tE08000038\t", "\tE0800038\t",
        "successions.tsv:2: unknown authority \"E0800038\"; did you mean \"E08000038\"?"},
    {"successions.tsv", "2025-04-01", "2025-04-31", "successions.tsv:2"},
    {"bank-holidays.json", "2019-01-01", "2019-13-01", "bank holidays"},
    {"clocks.tsv", "\nC01\t", "\nC01234567\t", "a clock's id has 1 to 7 letters"},
    {"rules.tsv", "\ttitle\t", "\ttitel\t",
        "rules.tsv:1: column 2: unknown column \"titel\"; did you mean \"title\"?"},
    {"rules.tsv", "\tcheck\t", "\tchekc\t",
        "rules.tsv:1: column 3: unknown column \"chekc\"; did you mean \"check\"?"},
    {"rules.tsv", "\tnational\t", "\tkent\t", "rules.tsv:1: column 4: unknown column \"kent\""},
    {"rules.tsv", "\ttitle\t", "\tcheck\t", "rules.tsv:1: columns 2 and 3 are both \"check\""},
    {"kinds.tsv", "\tack_expected\t", "\tack_expcted\t",
        "kinds.tsv:1: column 10: unknown column \"ack_expcted\"; did you mean \"ack_expected\"?"},
    {"clocks.tsv", "\tcalendar\t", "\tcalender\t",
        "clocks.tsv:1: column 11: unknown column \"calender\"; did you mean \"calendar\"?"},
    {"system-kinds.tsv", "\ttold_to\t", "\ttoldto\t",
        "system-kinds.tsv:1: column 4: unknown column \"toldto\"; did you mean \"told_to\"?"},
    {"successions.tsv", "\tdfe\t", "\tdef\t",
        "successions.tsv:1: column 5: unknown column \"def\"; did you mean \"dfe\"?"},
};

static void load__a_typo_in_any_file__names_file_line_and_nearest_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof typos / sizeof typos[0]; i++) {
        procedures_t *none = NULL;
        struct complaint why = {0};
        int rc = fixture_procedures(typos[i].file, typos[i].from, typos[i].to, &none, &why);
        if (rc == 0 || strstr(why.text, typos[i].wanted) == NULL) {
            fail_msg(
                "row %zu (%s): got \"%s\", want \"%s\"", i, typos[i].to, why.text, typos[i].wanted);
        }
        assert_null(none);
    }
}

static void facts__a_typo_in_their_table__names_line_and_nearest_word(void **state)
{
    static const char good[] = "name\ttype\tvalues\n"
                               "permanence\tenum:permanence\tpermanent,temporary,unknown\n";
    static const char fact[] = "name\ttype\tvalues\npermanense\tbool\t-\n";
    static const char value[] = "name\ttype\tvalues\n"
                                "permanence\tenum:permanence\tpermanent,temporry\n";
    static const char column[] = "name\ttype\tvaleus\npermanence\tenum:permanence\tpermanent\n";
    static const char less[] = "name\ttype\npermanence\tenum:permanence\n";
    struct complaint why = {0};

    (void)state;
    assert_int_equal(procedures_facts_check(slice_of_text(good), "facts.tsv", &why), 0);
    assert_int_not_equal(procedures_facts_check(slice_of_text(fact), "facts.tsv", &why), 0);
    assert_string_equal(
        why.text, "facts.tsv:2: unknown fact \"permanense\"; did you mean \"permanence\"?");
    assert_int_not_equal(procedures_facts_check(slice_of_text(value), "facts.tsv", &why), 0);
    assert_string_equal(
        why.text, "facts.tsv:2: unknown permanence \"temporry\"; did you mean \"temporary\"?");
    assert_int_equal(procedures_facts_check(slice_of_text(column), "facts.tsv", &why), E_MALFORMED);
    assert_string_equal(
        why.text, "facts.tsv:1: column 3: unknown column \"valeus\"; did you mean \"values\"?");
    assert_int_equal(procedures_facts_check(slice_of_text(less), "facts.tsv", &why), E_MALFORMED);
    assert_string_equal(why.text, "facts.tsv:1: no column \"values\"");
}

/* ---- from a folder ---- */

static void folder__of_the_shipped_data__gives_the_same_tables(void **state)
{
    procedures_folder_t *folder = NULL;
    procedures_t *loaded = NULL;
    struct complaint why = {0};
    const char *path = NULL;
    struct slice bytes;
    size_t files = 0;

    (void)state;
    assert_int_equal(procedures_folder_load("data", &loaded, &why), 0);
    assert_int_equal(procedures_rule_count(loaded), procedures_rule_count(shipped));
    assert_string_equal(procedures_profile_entry(loaded,
                            procedures_profile_number(loaded, "london"), "clocks.C02.limit"),
        "15wd");
    procedures_destroy(&loaded);
    assert_int_equal(procedures_folder_read("data", &folder, &why), 0);
    assert_int_equal(procedures_folder_source(folder)->profile_count, 5);
    while (procedures_folder_file(folder, files, &path, &bytes)) {
        assert_true(bytes.len > 0);
        files++;
    }
    assert_int_equal(files, 12);
    procedures_folder_destroy(&folder);
}

static void folder__that_is_not_there__is_named(void **state)
{
    procedures_t *none = NULL;
    struct complaint why = {0};

    (void)state;
    assert_int_not_equal(procedures_folder_load("no/such/folder", &none, &why), 0);
    assert_non_null(strstr(why.text, "no/such/folder"));
    assert_null(none);
}

static void folder__where_nobody_says__is_the_one_named_or_installed(void **state)
{
    (void)state;
    assert_int_equal(setenv("WAYPOST_DATA", "somewhere", 1), 0);
    assert_string_equal(procedures_folder_default(), "somewhere");
    assert_int_equal(unsetenv("WAYPOST_DATA"), 0);
    assert_non_null(procedures_folder_default());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables__as_shipped__hold_every_row),
        cmocka_unit_test(clock__first_row__is_compiled_whole),
        cmocka_unit_test(clock__words_that_differ_by_start__are_told_apart),
        cmocka_unit_test(effects__acceptance__carry_what_it_derives),
        cmocka_unit_test(rule__severities__follow_the_profile),
        cmocka_unit_test(profiles__by_pair_and_day__most_specific_first),
        cmocka_unit_test(members__of_a_region__are_all_its_authorities),
        cmocka_unit_test(versions__of_one_profile__count_each_from_its_day),
        cmocka_unit_test(versions__that_drop_a_member__drop_it_on_their_day),
        cmocka_unit_test(versions__that_cannot_stand_side_by_side__are_refused),
        cmocka_unit_test(route__superseded_codes__go_to_their_one_successor),
        cmocka_unit_test(override__known_keys__count_in_every_profile),
        cmocka_unit_test(load__a_typo_in_any_file__names_file_line_and_nearest_word),
        cmocka_unit_test(facts__a_typo_in_their_table__names_line_and_nearest_word),
        cmocka_unit_test(folder__of_the_shipped_data__gives_the_same_tables),
        cmocka_unit_test(folder__that_is_not_there__is_named),
        cmocka_unit_test(folder__where_nobody_says__is_the_one_named_or_installed),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, load, unload);
}
