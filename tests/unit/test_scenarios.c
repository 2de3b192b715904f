/*
 * Tests of the rehearsal: every scenario of tests/scenarios holds, whole and the same each time; a
 * story that is told wrongly is noticed; what the format says of the transport holds in the model.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/lab/limits.h"
#include "client/lab/network_cores.h"
#include "client/lab/scenario_parse.h"
#include "client/lab/scenario_run.h"
#include "common/base/fsio.h"
#include "common/base/log.h"

#include "common/base/banned.h"

static data_files_t *data;

static int load_data(void **state)
{
    struct complaint why = {0};

    (void)state;
    crypto_start();
    log_init("scenarios", LOG_NOTHING);
    return data_files_open("data", &data, &why);
}

static int drop_data(void **state)
{
    (void)state;
    data_files_destroy(&data);
    return 0;
}

/* ---- a run ---- */

struct told {
    char first[1024]; /* failure */
    uint32_t count;
};

static void take_failure(void *context, const struct statement *statement, const char *text)
{
    struct told *told = context;

    (void)statement;
    if (told->count++ == 0) {
        (void)snprintf(told->first, sizeof told->first, "%s", text);
    }
}

static struct run_result run_over(
    const char *file, struct slice text, bool cores, struct told *told)
{
    scenario_t *scenario = NULL;
    struct scenario_fault fault = {0};
    const struct run_watcher watcher = {.context = told, .failed = take_failure};
    struct run_result result = {0};
    struct complaint why = {0};
    uint32_t line = 0;

    *told = (struct told){.count = 0};
    int rc = scenario_parse(file, text, data, &scenario, &fault);
    if (rc != 0) {
        print_error("%s:%u: %s\n", file, (unsigned)fault.line, fault.why.text);
    }
    assert_int_equal(rc, 0);
    rc = cores ? scenario_run_cores(scenario, data, &watcher, &result, &line, &why)
               : scenario_run(scenario, &watcher, &result, &line, &why);
    if (rc != 0) {
        print_error("%s:%u: %s\n", file, (unsigned)line, why.text);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(told->count, result.failed);
    scenario_destroy(&scenario);
    return result;
}

static struct run_result run_text(const char *file, struct slice text, struct told *told)
{
    return run_over(file, text, false, told);
}

static void holds(const char *text)
{
    for (int cores = 0; cores < 2; cores++) {
        struct told told;
        struct run_result result = run_over("text", slice_of_text(text), cores == 1, &told);

        if (result.failed > 0) {
            print_error("%s\n", told.first);
        }
        assert_int_equal(result.failed, 0);
        assert_true(result.passed > 0);
    }
}

/* One expectation fails, with these words. */
static void fails(const char *text, const char *words)
{
    struct told told;
    struct run_result result = run_text("text", slice_of_text(text), &told);

    if (result.failed != 1 || strstr(told.first, words) == NULL) {
        print_error(
            "%u failed; wanted \"%s\" in \"%s\"\n", (unsigned)result.failed, words, told.first);
    }
    assert_int_equal(result.failed, 1);
    assert_non_null(strstr(told.first, words));
}

#define HEAD                                                                                       \
    "scenario \"A test\"\n"                                                                        \
    "transfer T origin=E09000019 receiving=E09000007 subjects=ash:cp,elm:cin\n"                    \
    "at 2026-03-16T10:05\n"
#define NOTICE                                                                                     \
    "E09000019 sends move_notified T permanence=permanent retain_intention=transfer as=notice\n"

/* ---- the shared scenarios ---- */

static int is_scenario(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot != NULL && strcmp(dot, ".scenario") == 0;
}

/* The same among real cores: as many expectations hold. */
static uint32_t fails_among_cores(
    const char *path, struct slice text, const struct run_result *model)
{
    struct told told;
    struct run_result result = run_over(path, text, true, &told);

    if (result.failed > 0) {
        print_error("among cores: %s\n", told.first);
    }
    assert_int_equal(result.passed + result.failed, model->passed + model->failed);
    return result.failed;
}

static void scenarios__all_of_them__hold_and_repeat_exactly(void **state)
{
    struct dirent **entries = NULL;
    int count = scandir("tests/scenarios", &entries, is_scenario, alphasort);
    uint32_t failed = 0;

    (void)state;
    assert_true(count >= 11);
    for (int i = 0; i < count; i++) {
        char path[512];
        struct buf bytes = {0};
        struct told told;
        int len = snprintf(path, sizeof path, "tests/scenarios/%s", entries[i]->d_name);
        assert_true(len > 0 && (size_t)len < sizeof path);
        assert_int_equal(fsio_read_all(path, SCENARIO_BYTES_MAX, &bytes), 0);
        struct run_result first = run_text(path, buf_slice(&bytes), &told);
        if (first.failed > 0) {
            print_error("%s\n", told.first);
        }
        failed += first.failed;
        struct run_result second = run_text(path, buf_slice(&bytes), &told);
        assert_memory_equal(&first.hash, &second.hash, sizeof first.hash);
        assert_int_equal(first.passed, second.passed);
        failed += fails_among_cores(path, buf_slice(&bytes), &first);
        buf_free(&bytes);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(failed, 0);
}

/* ---- a story told wrongly ---- */

static void expectation__that_does_not_hold__is_told_with_line_and_finding(void **state)
{
    static const struct {
        const char *expectation;
        const char *words;
    } table[] = {
        {"expect refused R28", "text:5: expected refused R28, got T/ash: effective"},
        {"expect alert R20", "got T/ash: effective"},
        {"expect held R12", "effective"},
        {"expect receipts E09000007:opened", "got E09000007:persisted"},
        {"expect receipts exactly E09000007:accepted", "E09000007:persisted"},
        {"expect receipts exactly E09000007:persisted E09000019:accepted", "E09000007:persisted"},
        {"expect payload of=notice erased", "without a sealed part"},
        {"expect payload of=notice withheld", "without a sealed part"},
        {"expect owner T/ash case=E09000007", "case=E09000019"},
        {"expect owner T/ash case=E09000019,E09000007", "case=E09000019"},
        {"expect clock C01 T/ash due=2026-04-07", "due=2026-04-08 state=running"},
        {"expect clock C01 T/ash state=met", "state=running"},
        {"expect clock C01 T/ash binds=E09000019", "binds=E09000007"},
        {"expect clock C01 T/ash advisory=yes", "advisory=no"},
        {"expect clock C01 T/ash late=2wd", "state=running"},
        {"expect clock C01 T/ash provisional=yes", "state=running"},
        {"expect clock C01 T/ash belief=yes view=E09000007", "state=running"},
        {"expect clock C01 T", "T/elm: no such clock was started"},
        {"expect no clock C01 T/ash", "state=running"},
        {"expect breach C01 T/ash at=2026-04-09T00:00", "no such record"},
        {"expect flag T/ash temporary_plan=set", "temporary_plan=clear"},
        {"expect rule R14 T at=2026-03-16T10:05", "no such record"},
        {"expect pending E09000007 n=1", "n=0"},
        {"expect outstanding R02 T/ash", "outstanding: R20"},
        {"expect no outstanding R20 T/ash", "outstanding: R20"},
        {"expect outstanding R20 T/ash age=1d", "age=0"},
        {"expect recorded persisted T/ash by=E09000007 at=2026-03-16T10:06", "at=2026-03-16T10:05"},
        {"expect recorded persisted T/ash by=E09000019", "by=E09000007"},
        {"expect recorded opened T/ash", "no such record"},
        {"expect no recorded persisted T/ash", "such a record"},
        {"expect hub breaches=1", "breaches=0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[1024];
        int len = snprintf(text, sizeof text, HEAD NOTICE "%s\n", table[i].expectation);
        assert_true(len > 0 && (size_t)len < sizeof text);
        fails(text, table[i].words);
    }
}

static void opening__what_is_not_persisted__ends_the_run(void **state)
{
    static const char text[] = HEAD "E09000007 offline\n" NOTICE "E09000007 opens notice\n";
    scenario_t *scenario = NULL;
    struct scenario_fault fault = {0};
    struct run_watcher watcher = {0};
    struct run_result result;
    struct complaint why = {0};
    uint32_t line = 0;

    (void)state;
    assert_int_equal(scenario_parse("x", slice_of_text(text), data, &scenario, &fault), 0);
    assert_int_equal(scenario_run(scenario, &watcher, &result, &line, &why), E_STATE);
    assert_int_equal(line, 6);
    assert_non_null(strstr(why.text, "not persisted"));
    scenario_destroy(&scenario);
}

/* ---- the transport ---- */

static void event__of_another_mode__reaches_nobody(void **state)
{
    (void)state;
    holds(HEAD
        "E09000019 sends move_notified T permanence=permanent retain_intention=transfer mode=test\n"
        "expect refused R53\n"
        "expect receipts exactly\n"
        "expect pending E09000007 n=0\n"
        "expect no clock C01 T\n"
        "expect no recorded accepted T\n"
        "expect hub refused=0\n"
        "expect converged\nexpect replay identical\n");
}

static void outbox__of_an_agent_that_was_cut_off__is_handed_over_in_order(void **state)
{
    (void)state;
    holds(HEAD
        "E09000019 offline\n" NOTICE
        "E09000019 sends documents_provided T declared_complete=yes documents=cp_plan as=docs\n"
        "E09000007 offline\n"
        "at 2026-03-18T09:00\n"
        "expect no clock C01 T/ash view=E09000019\n"
        "expect flag T permanence=permanent view=E09000019\n"
        "E09000019 online\n"
        "expect receipts exactly of=notice E09000007:accepted\n"
        "expect recorded accepted T at=2026-03-18T09:00 event=docs\n"
        "expect pending E09000007 n=2\n"
        "at 2026-03-19T09:00\n"
        "E09000007 online\n"
        "expect receipts exactly of=docs E09000007:persisted\n"
        "expect clock C01 T/ash due=2026-04-13\n"
        "expect converged\nexpect replay identical\n");
}

static void broker__that_is_killed__folds_its_store_and_goes_on(void **state)
{
    (void)state;
    holds(HEAD NOTICE "broker stops\n"
                      "E09000007 sends case_file_opened T markers_added=yes as=file\n"
                      "expect receipts of=notice E09000007:persisted\n"
                      "at 2026-04-20T09:00\n"
                      "expect clock C01 T/ash state=running\n"
                      "expect clock C01 T/ash state=breached belief=yes view=E09000007\n"
                      "broker starts\n"
                      "expect breach C01 T/ash at=2026-04-09T00:00\n"
                      "expect clock C01 T/ash state=breached belief=no view=E09000007\n"
                      "expect receipts exactly of=file E09000019:persisted\n"
                      "expect converged\nexpect replay identical\n");
}

static void record__that_an_authority_keeps_for_itself__is_told_with_its_next_event(void **state)
{
    (void)state;
    holds(
        HEAD "E09000019 sends s47_opened T/ash to=E09000019\n"
             "expect receipts exactly\n"
             "expect flag T/ash s47=open view=E09000019\n"
             "expect converged\n"
             "at 2026-03-17T09:00\n"
             "E09000019 sends move_notified T/elm permanence=permanent retain_intention=transfer\n"
             "expect no clock C19 T/ash view=E09000007\n"
             "expect no recorded deadline_set T/ash clock=C19 view=E09000007\n"
             "E09000019 sends move_notified T/ash permanence=permanent retain_intention=transfer\n"
             "expect flag T/ash s47=open view=E09000007\n"
             "expect clock C19 T/ash view=E09000007\n"
             "expect converged\nexpect replay identical\n");
}

static void payload__withdrawn_while_holders_are_away__is_gone_when_all_are_back(void **state)
{
    (void)state;
    holds(HEAD
        "E09000019 sends documents_provided T declared_complete=yes documents=cp_plan as=docs\n"
        "expect payload of=docs kept\n"
        "E09000007 offline\n"
        "E09000019 offline\n"
        "erase docs\n"
        "expect no recorded payload_erased T event=docs\n"
        "E09000019 online\n"
        "expect recorded payload_erased T event=docs by=E09000019\n"
        "expect no recorded erasure_confirmed T\n"
        "E09000007 online\n"
        "expect recorded erasure_confirmed T event=docs\n"
        "expect payload of=docs erased\n"
        "erase docs\n"
        "expect payload of=docs erased\n"
        "expect converged\nexpect replay identical\n");
    holds(HEAD
        "E09000007 offline\n"
        "E09000019 sends documents_provided T declared_complete=yes documents=cp_plan as=docs\n"
        "erase docs\n"
        "expect payload of=docs erased\n"
        "E09000007 online\n"
        "expect receipts of=docs E09000007:persisted\n"
        "expect payload of=docs erased\n"
        "expect recorded erasure_confirmed T event=docs\n"
        "expect no recorded payload_erased T by=E09000007\n");
}

static void opening__while_cut_off__counts_from_when_it_was_done(void **state)
{
    (void)state;
    holds(
        HEAD NOTICE "E09000007 offline\n"
                    "at 2026-03-17T09:00\n"
                    "E09000007 opens notice role=mash_manager\n"
                    "expect receipts of=notice E09000007:persisted\n"
                    "expect clock C17 T state=met view=E09000007\n"
                    "at 2026-03-19T09:00\n"
                    "E09000007 online\n"
                    "expect receipts of=notice E09000007:opened\n"
                    "expect recorded opened T by=E09000007 role=mash_manager at=2026-03-17T09:00\n"
                    "expect clock C17 T state=superseded\n"
                    "expect converged\nexpect replay identical\n");
}

static void recipients__unknown_or_split__come_back_and_the_rest_is_served(void **state)
{
    (void)state;
    holds(HEAD
        "E09000019 sends linked_risk_notice T risk_change=moved to=E10000006,E07000999 as=lost\n"
        "expect alert R54\n"
        "expect receipts exactly\n"
        "expect recorded returned_to_sender T code=E07000999\n"
        "E09000019 sends linked_risk_notice T risk_change=moved to=E08000016,E08000038\n"
        "expect receipts exactly E08000038:persisted\n"
        "expect recorded code_superseded T old=E08000016 new=E08000038\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios__all_of_them__hold_and_repeat_exactly),
        cmocka_unit_test(expectation__that_does_not_hold__is_told_with_line_and_finding),
        cmocka_unit_test(opening__what_is_not_persisted__ends_the_run),
        cmocka_unit_test(event__of_another_mode__reaches_nobody),
        cmocka_unit_test(outbox__of_an_agent_that_was_cut_off__is_handed_over_in_order),
        cmocka_unit_test(broker__that_is_killed__folds_its_store_and_goes_on),
        cmocka_unit_test(record__that_an_authority_keeps_for_itself__is_told_with_its_next_event),
        cmocka_unit_test(payload__withdrawn_while_holders_are_away__is_gone_when_all_are_back),
        cmocka_unit_test(opening__while_cut_off__counts_from_when_it_was_done),
        cmocka_unit_test(recipients__unknown_or_split__come_back_and_the_rest_is_served),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, load_data, drop_data);
}
