/* What is told to people: rules with their titles, how late something was, the pairs of a record's detail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/procedure/folder.h"
#include "common/procedure/telling.h"

#include "common/base/banned.h"

enum { TITLE_BYTES_MAX = 60 }; /* beside a code, on one line of a terminal */

static procedures_t *tables;

static int setup(void **state)
{
    struct complaint why;

    (void)state;
    return procedures_folder_load("data", &tables, &why);
}

static int teardown(void **state)
{
    (void)state;
    procedures_destroy(&tables);
    return 0;
}

static const char *name_of(void *context, const char *code)
{
    (void)context;
    return strcmp(code, "E09000007") == 0 ? "Camden" : code;
}

static void assert_said(struct buf *got, const char *want)
{
    buf_put_u8(got, 0);
    assert_string_equal((const char *)got->data, want);
    buf_free(got);
}

static void rule__of_the_shipped_tables__has_a_title(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= procedures_rule_count(tables); n++) {
        const struct rule_info *rule = procedures_rule(tables, n);
        assert_in_range(strlen(rule->title), 1, TITLE_BYTES_MAX);
        for (uint32_t other = 1; other < n; other++) {
            assert_string_not_equal(rule->title, procedures_rule(tables, other)->title);
        }
    }
}

static void rules__with_their_titles__are_parted(void **state)
{
    static const struct {
        const char *ids, *want;
    } rows[] = {
        {"", ""},
        {"R11", "R11 The move is not permanent"},
        {"R11,R31", "R11 The move is not permanent; R31 A refusal needs its reasons in writing"},
        {"R99", "R99"},
        {",R11,,", "R11 The move is not permanent"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out = {0};
        tell_rules(tables, slice_of_text(rows[i].ids), &out);
        assert_said(&out, rows[i].want);
    }
    struct buf out = {0};
    tell_rules(NULL, slice_of_text("R11,R31"), &out);
    assert_said(&out, "R11; R31");
}

static void lateness__in_words__has_its_unit(void **state)
{
    static const struct {
        enum limit_unit unit;
        int32_t late;
        const char *want;
    } rows[] = {
        {LIMIT_WD, 0, ""},
        {LIMIT_WD, 1, "1 working day late"},
        {LIMIT_WD, 3, "3 working days late"},
        {LIMIT_D, 1, "1 day late"},
        {LIMIT_D, 12, "12 days late"},
        {LIMIT_MIN, 59, "59 min late"},
        {LIMIT_MIN, 150, "2 h 30 min late"},
        {LIMIT_D, INT32_MAX, "2147483647 days late"},
        {LIMIT_D, -1, ""},
    };
    char text[LATE_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(late_text(rows[i].unit, rows[i].late, text), rows[i].want);
    }
}

static void lateness__in_a_record__keeps_its_unit(void **state)
{
    static const struct {
        const char *word, *want;
    } rows[] = {
        {"1wd", "1 working day late"},
        {"3d", "3 days late"},
        {"105min", "1 h 45 min late"},
        {"0", ""},
        {"3", ""}, /* of what? */
        {"3h", ""},
        {"wd", ""},
        {"-3wd", ""},
        {"", ""},
        {"99999999999d", "2147483647 days late"},
    };
    static const enum limit_unit units[] = {LIMIT_WD, LIMIT_D, LIMIT_MIN};
    char text[LATE_TEXT_BYTES];
    char word[LATE_WORD_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(late_said(rows[i].word, text), rows[i].want);
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        enum limit_unit unit = LIMIT_UNSET;
        int32_t late = 0;
        assert_true(late_read(late_word(units[i], INT32_MAX, word), &unit, &late));
        assert_int_equal(unit, units[i]);
        assert_int_equal(late, INT32_MAX);
        assert_string_equal(late_word(units[i], 0, word), "0");
    }
    assert_string_equal(late_unit_title(LIMIT_WD), "working days");
}

static void detail__of_a_record__is_said_in_words(void **state)
{
    static const struct {
        const char *rule, *detail, *want;
    } rows[] = {
        {"", "due=2026-04-08 binds=E09000007,E09000019 advisory=no provisional=no",
            "by 2026-04-08, Camden, E09000019"},
        {"", "state=breached late=3wd reason=conference_held",
            "breached, 3 working days late, by \"Conference or review held\""},
        {"", "state=breached late=3d reason=conference_held",
            "breached, 3 days late, by \"Conference or review held\""},
        {"", "state=breached late=150min reason=retention_agreement_signed",
            "breached, 2 h 30 min late, by \"Retention agreement signed\""},
        {"", "state=met late=0 reason=conference_held", "met, by \"Conference or review held\""},
        {"", "state=breached late=3 reason=none", "breached"},
        {"R11", "", "R11 The move is not permanent"},
        {"", "rules=R11,R99", "R11 The move is not permanent; R99"},
        {"R22", "door=mash stage=2",
            "R22 Safeguarding hub and quality unit both told, door mash, stage 2"},
        {"", "late=99999999999", ""},
        {"", "nothing to say", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct telling telling = {tables, name_of, NULL};
        struct buf out = {0};
        tell_notice(&telling, rows[i].rule, rows[i].detail, &out);
        assert_said(&out, rows[i].want);
    }
}

/* A table without its second column. */
static void put_less(struct slice table, struct buf *out)
{
    for (size_t at = 0; at < table.len;) {
        const uint8_t *line = table.data + at;
        size_t len = (size_t)((const uint8_t *)memchr(line, '\n', table.len - at) - line) + 1;
        const uint8_t *second = memchr(line, '\t', len);
        const uint8_t *third = memchr(second + 1, '\t', len - (size_t)(second + 1 - line));
        buf_put(out, line, (size_t)(second - line));
        buf_put(out, third, len - (size_t)(third - line));
        at += len;
    }
}

/* Tables of a journal from before rules had titles. */
static void rules__of_older_tables__are_read_without_titles(void **state)
{
    procedures_folder_t *folder = NULL;
    procedures_t *older = NULL;
    struct complaint why;

    (void)state;
    assert_int_equal(procedures_folder_read("data", &folder, &why), 0);
    struct procedures_source source = *procedures_folder_source(folder);
    struct buf bytes = {0};
    put_less(source.rules, &bytes);
    assert_memory_equal(bytes.data, "id\tcheck\t", 9);
    source.rules = buf_slice(&bytes);
    assert_int_equal(procedures_load(&source, &older, &why), 0);
    assert_string_equal(procedures_rule_named(older, "R11")->title, "");
    struct buf out = {0};
    tell_rules(older, slice_of_text("R11"), &out);
    assert_said(&out, "R11");
    procedures_destroy(&older);
    procedures_folder_destroy(&folder);
    buf_free(&bytes);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule__of_the_shipped_tables__has_a_title),
        cmocka_unit_test(rules__with_their_titles__are_parted),
        cmocka_unit_test(lateness__in_words__has_its_unit),
        cmocka_unit_test(lateness__in_a_record__keeps_its_unit),
        cmocka_unit_test(detail__of_a_record__is_said_in_words),
        cmocka_unit_test(rules__of_older_tables__are_read_without_titles),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests_name("telling", tests, setup, teardown);
}
