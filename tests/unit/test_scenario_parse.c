/*
 * Tests of the scenario parser: every word of the format, and an answer with line and nearest word
 * for what it does not know.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/lab/limits.h"
#include "client/lab/scenario_parse.h"
#include "client/lab/scenario_words.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

static data_files_t *data;

#define HEAD                                                                                       \
    "scenario \"A test\"\n"                                                                        \
    "transfer T origin=E09000019 receiving=E09000007 subjects=ash:cp,elm:cin\n"                    \
    "at 2026-03-16T10:05\n"
#define NOTICE                                                                                     \
    "E09000019 sends move_notified T permanence=permanent retain_intention=transfer as=notice\n"

static int load_data(void **state)
{
    struct complaint why = {0};

    (void)state;
    crypto_start();
    return data_files_open("data", &data, &why);
}

static int drop_data(void **state)
{
    (void)state;
    data_files_destroy(&data);
    return 0;
}

static scenario_t *parse_good(const char *text)
{
    scenario_t *scenario = NULL;
    struct scenario_fault fault = {0};
    int rc = scenario_parse("good.scenario", slice_of_text(text), data, &scenario, &fault);

    if (rc != 0) {
        print_error("line %u: %s\n", (unsigned)fault.line, fault.why.text);
    }
    assert_int_equal(rc, 0);
    return scenario;
}

static void parse_bad(const char *text, unsigned line, const char *sentence)
{
    scenario_t *scenario = NULL;
    struct scenario_fault fault = {0};
    int rc = scenario_parse("bad.scenario", slice_of_text(text), data, &scenario, &fault);

    if (rc == 0 || fault.line != line || strstr(fault.why.text, sentence) == NULL) {
        print_error("wanted line %u \"%s\"\n got   line %u \"%s\"\n of\n%s\n", line, sentence,
            (unsigned)fault.line, fault.why.text, text);
    }
    assert_int_not_equal(rc, 0);
    assert_null(scenario);
    assert_int_equal(fault.line, line);
    assert_non_null(strstr(fault.why.text, sentence));
    assert_int_equal(fault.why.rc, rc);
}

/* ---- words of a line ---- */

static void words__quotes_and_comments__are_cut(void **state)
{
    shelf_t *shelf = shelf_new();
    struct words words;
    struct complaint why;

    (void)state;
    assert_int_equal(
        words_cut(shelf, slice_of_text("  E1 sends k=\"a # b\" x=\"\"  y=z # not \"this\""), &words,
            &why),
        0);
    assert_int_equal(words.count, 5);
    assert_null(words.at[0].key);
    assert_string_equal(words.at[2].key, "k");
    assert_string_equal(words.at[2].text, "a # b");
    assert_string_equal(words.at[3].text, "");
    assert_string_equal(words.at[4].text, "z");
    assert_string_equal(words.line, "E1 sends k=\"a # b\" x=\"\"  y=z");
    assert_int_equal(words_cut(shelf, slice_of_text("at \"open"), &words, &why), E_MALFORMED);
    assert_int_equal(words_cut(shelf, slice_of_text("\xff\xfe"), &words, &why), E_UTF8);
    shelf_destroy(&shelf);
}

/* ---- what a good file becomes ---- */

static void ids__of_names__sort_as_the_names_do(void **state)
{
    scenario_t *scenario =
        parse_good("scenario \"x\"\n"
                   "transfer Z origin=E09000019 receiving=E09000007 subjects=b:cp\n"
                   "transfer A origin=E09000019 receiving=E09000007 subjects=c:cp,a:cp\n"
                   "at 2026-01-01T00:00\n");

    (void)state;
    assert_int_equal(scenario->transfer_count, 2);
    assert_string_equal(scenario->transfers[0].name, "A");
    assert_true(memcmp(scenario->transfers[0].id, scenario->transfers[1].id, UUID_BYTES) < 0);
    assert_int_equal(scenario->child_count, 3);
    assert_string_equal(scenario->children[2].name, "c");
    assert_true(memcmp(scenario->children[0].ref, scenario->children[1].ref, UUID_BYTES) < 0);
    scenario_destroy(&scenario);
}

static void event__of_a_statement__is_what_an_agent_would_send(void **state)
{
    scenario_t *scenario = parse_good(HEAD "E09000019 sends documents_provided T/ash "
                                           "declared_complete=yes documents=cp_plan,chronology "
                                           "narrative=\"in words\" as=docs\n"
                                           "E09000007 sends transfer_refused T/ash "
                                           "rationale=\"no\" ref=docs occurred=2026-03-16T09:00\n");
    struct event_view view;
    struct fact_value value;
    size_t hashes = 0;

    (void)state;
    assert_int_equal(event_read(scenario->events[0].bytes, &view, NULL), 0);
    assert_string_equal(view.from, "E09000019");
    assert_int_equal(view.recipient_count, 1);
    assert_string_equal(view.to[0].code, "E09000007");
    assert_int_equal(view.subject_count, 1);
    assert_true(view.has_payload);
    struct fact_walk walk = event_facts(&view);
    while (fact_next(&walk, &value)) {
        hashes += strcmp(value.fact->name, "document_hashes") == 0 ? 1 : 0;
    }
    assert_int_equal(hashes, 2);
    assert_int_equal(event_read(scenario->events[1].bytes, &view, NULL), 0);
    assert_true(view.has_reply);
    assert_memory_equal(view.in_reply_to, scenario->events[0].id, UUID_BYTES);
    assert_int_equal(view.sent_ms - view.occurred_ms, 65 * 60 * 1000);
    assert_true(memcmp(scenario->events[0].id, scenario->events[1].id, UUID_BYTES) < 0);
    scenario_destroy(&scenario);
}

static void recipients__by_default__are_the_other_party_or_both(void **state)
{
    scenario_t *scenario =
        parse_good(HEAD "E09000007 sends case_file_opened T markers_added=yes\n"
                        "E06000019 sends linked_risk_notice T risk_change=moved\n"
                        "E09000019 sends s47_opened T to=E09000019\n"
                        "E09000019 sends s47_opened T to=E09000007,E99999999\n");
    struct event_view view;

    (void)state;
    assert_int_equal(event_read(scenario->events[0].bytes, &view, NULL), 0);
    assert_int_equal(view.recipient_count, 1);
    assert_string_equal(view.to[0].code, "E09000019");
    assert_int_equal(event_read(scenario->events[1].bytes, &view, NULL), 0);
    assert_int_equal(view.recipient_count, 2);
    assert_int_equal(event_read(scenario->events[2].bytes, &view, NULL), 0);
    assert_string_equal(view.to[0].code, "E09000019");
    assert_int_equal(event_read(scenario->events[3].bytes, &view, NULL), 0);
    assert_int_equal(view.recipient_count, 2);
    scenario_destroy(&scenario);
}

static void companion__of_a_sealed_fact__is_set_by_the_agent(void **state)
{
    scenario_t *scenario =
        parse_good(HEAD "E09000007 sends child_born T/ash dob=2026-03-01 case_type_now=cin\n"
                        "E09000007 sends unborn_registered T/ash edd=2026-09-01\n");
    struct event_view view;
    struct fact_value value;
    bool told = false;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(event_read(scenario->events[i].bytes, &view, NULL), 0);
        struct fact_walk walk = event_facts(&view);
        told = false;
        while (fact_next(&walk, &value)) {
            told = told || (strstr(value.fact->name, "_present") != NULL && value.number == 1);
        }
        assert_true(told);
    }
    scenario_destroy(&scenario);
}

static void code__that_is_superseded__means_its_successor_of_the_day(void **state)
{
    scenario_t *scenario =
        parse_good("scenario \"x\"\n"
                   "transfer S origin=E08000019 receiving=E08000016 subjects=w:cp\n"
                   "at 2026-06-01T09:00\n"
                   "E08000016 sends case_file_opened S markers_added=yes\n"
                   "expect owner S case=E08000019 view=E08000016\n");

    (void)state;
    assert_string_equal(scenario->transfers[0].origin, "E08000039");
    assert_string_equal(scenario->transfers[0].receiving, "E08000038");
    assert_string_equal(scenario->events[0].from, "E08000038");
    assert_string_equal(scenario->statements[2].expectation->owners[0].codes[0], "E08000039");
    assert_string_equal(scenario->statements[2].expectation->view, "E08000038");
    scenario_destroy(&scenario);
}

static void time__in_the_hour_that_repeats__takes_an_offset(void **state)
{
    scenario_t *scenario = parse_good("scenario \"x\"\n"
                                      "at 2026-10-25T01:30+01:00\n"
                                      "at 2026-10-25T01:30+00:00\n");

    (void)state;
    assert_int_equal(
        scenario->statements[1].now_ms - scenario->statements[0].now_ms, 60 * 60 * 1000);
    scenario_destroy(&scenario);
}

static void bytes__of_the_same_file__are_the_same(void **state)
{
    scenario_t *first = parse_good(HEAD NOTICE);
    scenario_t *second = parse_good(HEAD NOTICE);

    (void)state;
    assert_true(slice_equal(first->events[0].bytes, second->events[0].bytes));
    scenario_destroy(&first);
    scenario_destroy(&second);
}

/* ---- what a bad one is answered ---- */

struct bad {
    const char *text; /* behind HEAD */
    unsigned line;
    const char *sentence;
};

static void run_bad(const struct bad *bad, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[2048];
        int len = snprintf(text, sizeof text, HEAD "%s", bad[i].text);
        assert_true(len > 0 && (size_t)len < sizeof text);
        parse_bad(text, bad[i].line, bad[i].sentence);
    }
}

static void word__that_is_unknown__is_answered_with_the_nearest(void **state)
{
    static const struct bad table[] = {
        {"expct effective\n", 4, "unknown statement \"expct\"; did you mean expect?"},
        {"brokr stops\n", 4, "did you mean broker?"},
        {"broker stop\n", 4, "did you mean stops?"},
        {"E09000019 send move_notified T\n", 4, "did you mean sends?"},
        {"E09000019 sends move_notifid T\n", 4, "did you mean move_notified?"},
        {"E09000019 sends move_notified T permanance=permanent\n", 4, "did you mean permanence?"},
        {"E09000019 sends move_notified T permanence=permanant\n", 4, "permanent"},
        {"E09000019 sends move_notified T permanence\n", 4,
            "permanence has no value; write permanence=VALUE"},
        {"expect clock C01 T due\n", 4, "due has no value; write due=VALUE"},
        {"E09000019 sends move_notified T raionale=x\n", 4, "did you mean rationale?"},
        {"E09000019 sends move_notified T stage=1\n", 4, "does not carry fact stage"},
        {"E09000019 sends move_notified T urgent\n", 4, "unknown word \"urgent\""},
        {"E09000019 sends move_notified U\n", 4, "unknown transfer \"U\""},
        {"E09000019 sends move_notified T/ask\n", 4, "did you mean ash?"},
        {"E09000019 sends move_notified T ref=notice\n", 4, "unknown label \"notice\""},
        {"E09000099 sends move_notified T\n", 4, "unknown authority \"E09000099\""},
        {"E10000006 sends move_notified T\n", 4, "no one successor"},
        {NOTICE "E09000007 opens notise\n", 5, "did you mean notice?"},
        {NOTICE "E09000007 opens notice role=mash_manger\n", 5, "did you mean mash_manager?"},
        {NOTICE "E09000007 opens notice rol=mash_manager\n", 5, "did you mean role?"},
        {NOTICE "E09000007 resends notice\n", 5, "only the sender"},
        {NOTICE "expect efective\n", 5, "did you mean effective?"},
        {NOTICE "expect no alrt\n", 5, "did you mean alert?"},
        {NOTICE "expect refused R99\n", 5, "unknown rule \"R99\""},
        {NOTICE "expect refused R28 ofx=notice\n", 5, "unknown word \"ofx\"; did you mean of?"},
        {NOTICE "expect effective subject=elm of=nothing\n", 5, "unknown label"},
        {NOTICE "expect clock C99 T\n", 5, "unknown clock \"C99\""},
        {NOTICE "expect clock C01 T state=runing\n", 5, "did you mean running?"},
        {NOTICE "expect clock C01 T dues=2026-04-08\n", 5, "did you mean due?"},
        {NOTICE "expect clock C01 T late=3 wd\n", 5, "unknown word \"wd\""},
        {NOTICE "expect clock C01 T late=3days\n", 5, "no length of time"},
        {NOTICE "expect clock C01 T advisory=maybe\n", 5, "yes or no"},
        {NOTICE "expect clock C01 T due=2026-02-29\n", 5, "cannot be"},
        {NOTICE "expect receipts E09000007:read\n", 5, "unknown level \"read\""},
        {NOTICE "expect receipts E09000007:opend\n", 5, "did you mean opened?"},
        {NOTICE "expect payload of=notice gone\n", 5, "unknown state of a payload \"gone\""},
        {NOTICE "expect owner T cse=E09000019\n", 5, "did you mean case?"},
        {NOTICE "expect owner T\n", 5, "at least one dimension"},
        {NOTICE "expect flag T temporary_pln=set\n", 5, "did you mean temporary_plan?"},
        {NOTICE "expect flag T temporary_plan=on\n", 5, "flag temporary_plan cannot be on"},
        {NOTICE "expect rule R34 T\n", 5, "at=TIME"},
        {NOTICE "expect breach C01 T\n", 5, "at=TIME"},
        {NOTICE "expect pending E09000007\n", 5, "n=N"},
        {NOTICE "expect outstanding R2O T\n", 5, "did you mean R20?"},
        {NOTICE "expect recorded persistd T\n", 5, "did you mean persisted?"},
        {NOTICE "expect recorded persisted T bye=E09000007\n", 5, "did you mean by?"},
        {NOTICE "expect hub breeches=0\n", 5, "did you mean breaches?"},
        {NOTICE "expect replay identicl\n", 5, "replay identical"},
        {NOTICE "expect converged now\n", 5, "does not belong"},
        {NOTICE "erase notic\n", 5, "did you mean notice?"},
        {NOTICE NOTICE, 5, "label notice names the event of line 4"},
        {NOTICE "E09000019 sends exception_arrangement T rule_set_aside=R8\n", 5, "unknown rule"},
        {NOTICE "E09000019 sends subjects_linked T same_child_as=oak\n", 5, "unknown child"},
    };

    (void)state;
    run_bad(table, sizeof table / sizeof table[0]);
}

static void time__that_cannot_be__is_an_error(void **state)
{
    static const struct bad table[] = {
        {"at 2026-03-16T09:00\n", 4, "time never goes back"},
        {"at 2026-03-29T01:30\n", 4, "cannot be"},
        {"at 2026-10-25T01:30\n", 4, "ambiguous"},
        {"at 2026-13-01T01:30\n", 4, "cannot be"},
        {"at noon\n", 4, "cannot be"},
        {"at\n", 4, "at TIME"},
        {"E09000019 sends move_notified T occurred=2026-02-30\n", 4, "cannot be"},
        {"E09000019 sends move_notified T move_date=2026-02-30\n", 4, "move_date"},
    };

    (void)state;
    run_bad(table, sizeof table / sizeof table[0]);
}

static void file__that_begins_or_declares_badly__is_an_error(void **state)
{
    (void)state;
    parse_bad("", 0, "no statement");
    parse_bad("# nothing\n", 0, "no statement");
    parse_bad("at 2026-01-01T00:00\n", 1, "first statement");
    parse_bad("scenario \"x\"\nscenario \"y\"\n", 2, "title already");
    parse_bad("scenario \"x\"\nE09000019 sends move_notified T\n", 2, "at TIME");
    parse_bad("scenario \"x\"\nconfig clocks.C01.limt=3wd\nat 2026-01-01T00:00\n", 2, "limit");
    parse_bad("scenario \"x\"\nregister from=2026-01-01 E08000035=birmingham-solihull\n", 2,
        "birmingham-solihull is a bilateral one");
    parse_bad("scenario \"x\"\nregister from=2026-01-01 E08000035=londn\nat 2026-01-01T00:00\n", 2,
        "did you mean london?");
    parse_bad("scenario \"x\"\ntransfer T origin=E09000019 receiving=E09000007 subjects=a:cpp\n", 2,
        "unknown case type \"cpp\"; did you mean cp?");
    parse_bad("scenario \"x\"\ntransfer T origin=E09000019 subjects=a:cp\n", 2, "receiving=");
    parse_bad("scenario \"x\"\ntransfer T orgin=E09000019 receiving=E09000007 subjects=a:cp\n", 2,
        "did you mean origin?");
    parse_bad("scenario \"x\"\n"
              "transfer T origin=E09000019 receiving=E09000007 subjects=a:cp\n"
              "transfer U origin=E09000019 receiving=E09000007 subjects=a:cin\n"
              "at 2026-01-01T00:00\n",
        3, "another case type");
    parse_bad("scenario \"x\"\nat 2026-01-01T00:00\n"
              "E09000019 sends move_notified T\n"
              "transfer T origin=E09000019 receiving=E09000007 subjects=a:cp\n",
        3, "after its first use");
    parse_bad("scenario \"x\"\n"
              "transfer T origin=E09000019 receiving=E09000007 profile=lodon subjects=a:cp\n"
              "at 2026-01-01T00:00\n",
        2, "did you mean london?");
}

/*
 * A prefix of a good file, or a good file with a changed byte, parses or is refused: it never does
 * anything else.
 */
static void file__cut_or_changed_anywhere__never_crashes(void **state)
{
    static const char text[] = HEAD NOTICE "E09000007 opens notice role=mash_manager\n"
                                           "expect clock C01 T due=2026-04-08 binds=E09000007\n"
                                           "expect recorded persisted T by=E09000007\n";
    char changed[sizeof text];
    unsigned seed = 1;

    (void)state;
    for (size_t i = 0; i < 400; i++) {
        scenario_t *scenario = NULL;
        struct scenario_fault fault = {0};
        size_t len = sizeof text - 1;
        memcpy(changed, text, sizeof text);
        seed = seed * 1103515245U + 12345U;
        size_t at = seed / 65536U % len;
        if (i % 2 == 0) {
            len = at;
        } else {
            changed[at] = (char)(seed >> 8);
        }
        (void)scenario_parse("fuzz", slice_of(changed, len), data, &scenario, &fault);
        scenario_destroy(&scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words__quotes_and_comments__are_cut),
        cmocka_unit_test(ids__of_names__sort_as_the_names_do),
        cmocka_unit_test(event__of_a_statement__is_what_an_agent_would_send),
        cmocka_unit_test(recipients__by_default__are_the_other_party_or_both),
        cmocka_unit_test(companion__of_a_sealed_fact__is_set_by_the_agent),
        cmocka_unit_test(code__that_is_superseded__means_its_successor_of_the_day),
        cmocka_unit_test(time__in_the_hour_that_repeats__takes_an_offset),
        cmocka_unit_test(bytes__of_the_same_file__are_the_same),
        cmocka_unit_test(word__that_is_unknown__is_answered_with_the_nearest),
        cmocka_unit_test(time__that_cannot_be__is_an_error),
        cmocka_unit_test(file__that_begins_or_declares_badly__is_an_error),
        cmocka_unit_test(file__cut_or_changed_anywhere__never_crashes),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, load_data, drop_data);
}
