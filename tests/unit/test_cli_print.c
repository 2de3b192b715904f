/*
 * What commands print: times, ages, wrapped text, tables, levels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/event_print.h"
#include "client/cli/level.h"
#include "client/cli/table.h"
#include "client/cli/when.h"
#include "client/cli/wrap.h"
#include "common/base/bytes.h"
#include "common/base/civil.h"
#include "common/base/banned.h"

enum { TEXT_BYTES = 4096 };

static char text[TEXT_BYTES];

static void read_back(FILE *file)
{
    rewind(file);
    size_t len = fread(text, 1, TEXT_BYTES - 1, file);
    text[len] = '\0';
    fclose(file);
}

static int64_t at(const char *time)
{
    int64_t ms = 0;
    assert_int_equal(civil_time_parse(time, &ms), 0);
    return ms;
}

static void time__of_this_year__is_said_in_london_time(void **state)
{
    (void)state;
    struct cli cli = {.now_ms = at("2026-06-01T12:00:00Z")};
    char out[CLI_TIME_BYTES];
    assert_string_equal(cli_time(&cli, at("2026-03-16T10:05:00Z"), out), "Mon 16 Mar 10:05");
    assert_string_equal(
        cli_time(&cli, at("2026-07-01T09:05:00Z"), out), "Wed  1 Jul 10:05"); /* summer time */
    assert_string_equal(cli_time(&cli, at("2026-06-30T23:30:00Z"), out), "Wed  1 Jul 00:30");
}

static void time__of_another_year_or_none__says_so(void **state)
{
    (void)state;
    struct cli cli = {.now_ms = at("2026-06-01T12:00:00Z")};
    char out[CLI_TIME_BYTES];
    assert_string_equal(cli_time(&cli, at("2025-03-16T10:05:00Z"), out), "16 Mar 2025 10:05");
    assert_string_equal(cli_time(&cli, 0, out), "never");
    assert_string_equal(cli_time(&cli, INT64_MAX / 2, out), "far away");
}

static void age__of_any_length__is_said_in_one_unit_or_two(void **state)
{
    (void)state;
    char out[CLI_TIME_BYTES];
    assert_string_equal(cli_age(-1000, out), "a moment");
    assert_string_equal(cli_age(45999, out), "45 s");
    assert_string_equal(cli_age(600000, out), "10 min");
    assert_string_equal(cli_age(7800000, out), "2 h 10 min");
    assert_string_equal(cli_age(3 * CIVIL_DAY_MS, out), "3 days");
}

static void when__member_of_any_form__is_read_or_zero(void **state)
{
    (void)state;
    json_t *row = json_pack("{s:s, s:I, s:s, s:I}", "text", "2026-03-16T10:05:00.000Z", "number",
        (json_int_t)77, "bad", "soon", "negative", (json_int_t)-5);
    assert_int_equal(when_of(row, "text"), at("2026-03-16T10:05:00Z"));
    assert_int_equal(when_of(row, "number"), 77);
    assert_int_equal(when_of(row, "bad"), 0);
    assert_int_equal(when_of(row, "negative"), 0);
    assert_int_equal(when_of(row, "absent"), 0);
    json_decref(row);
}

static void wrap__long_text__stands_in_lines_with_indent(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    wrap_put(file, "one two three four\n\nfive", 2, 0, 11);
    read_back(file);
    assert_string_equal(text, "  one two\n  three\n  four\n\n  five\n");
}

static void wrap__word_longer_than_the_line__is_kept_whole(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    wrap_put(file, "a 0123456789abcdef b", 0, 0, 8);
    read_back(file);
    assert_string_equal(text, "a\n0123456789abcdef\nb\n");
}

static void wrap__empty_text__ends_its_line(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    fputs("label", file);
    wrap_put(file, "", 8, 5, 80);
    read_back(file);
    assert_string_equal(text, "label\n");
}

/* What is written about a child is read to its end. */
static void facts__of_any_length__are_printed_whole(void **state)
{
    enum { WORDS = 3000 };
    struct buf words = {0};

    (void)state;
    for (unsigned i = 0; i < WORDS; i++) {
        buf_put_text(&words, "w%u ", i);
    }
    struct cli cli = {.out = tmpfile(), .width = 80};
    json_t *facts = json_object();
    json_object_set_new(facts, "narrative", json_stringn((const char *)words.data, words.len - 1));
    facts_print(&cli, facts);
    rewind(cli.out);
    assert_int_equal(fscanf(cli.out, " narrative"), 0);
    for (unsigned i = 0; i < WORDS; i++) {
        char want[16];
        char got[16];
        snprintf(want, sizeof want, "w%u", i);
        assert_int_equal(fscanf(cli.out, "%15s", got), 1);
        assert_string_equal(got, want);
    }
    fclose(cli.out);
    json_decref(facts);
    buf_free(&words);
}

static void answer__with_what_a_terminal_obeys__is_shown_without_it(void **state)
{
    static const char line[] =
        "{\"payload\": {\"child_name\": \"Ash\\u001b[2J\\u009b1m\", \"narrative\": "
        "\"one\\n\\ttwo\\r\\u202eowt\", \"attachments\": [{\"name\": \"\\u0007.pdf\"}]}}";
    struct cli person = {.json = false};
    struct cli program = {.json = true};

    (void)state;
    json_t *shown = cli_read(&person, line);
    json_t *payload = json_object_get(shown, "payload");
    const json_t *file = json_array_get(json_object_get(payload, "attachments"), 0);
    assert_string_equal(text_of(payload, "child_name"), "Ash?[2J??1m");
    assert_string_equal(text_of(payload, "narrative"), "one\n\ttwo????owt");
    assert_string_equal(text_of(file, "name"), "?.pdf");
    json_decref(shown);
    json_t *whole = cli_read(&program, line);
    payload = json_object_get(whole, "payload");
    assert_string_equal(text_of(payload, "child_name"),
        "Ash\x1b[2J\xc2\x9b"
        "1m");
    json_decref(whole);
    assert_null(cli_read(&person, "no JSON"));
}

static void table__wider_than_the_terminal__wraps_its_widest_column(void **state)
{
    (void)state;
    static const char *const headings[] = {">NO", "WHAT", "WHO", NULL};
    struct cli cli = {.out = tmpfile(), .terminal = true, .width = 30};
    table_t *table = table_new(headings);
    table_cell(table, "7");
    table_cell(table, "Responsibility accepted in writing");
    table_cell(table, "Camden");
    table_below(table, "id-1");
    table_print(table, &cli);
    assert_int_equal(table_rows(table), 1);
    table_destroy(&table);
    read_back(cli.out);
    assert_string_equal(text,
        "NO  WHAT                WHO\n"
        " 7  Responsibility      Camden\n"
        "    accepted in\n"
        "    writing\n"
        "  id-1\n");
}

static void table__not_on_a_terminal__keeps_a_row_on_one_line(void **state)
{
    (void)state;
    static const char *const headings[] = {"WHAT", "WHO", NULL};
    struct cli cli = {.out = tmpfile(), .width = 20};
    table_t *table = table_new(headings);
    table_cell(table, "Responsibility accepted in writing");
    table_cell(table, "K\xc3\xb6ln");
    table_print(table, &cli);
    table_destroy(&table);
    read_back(cli.out);
    assert_non_null(strstr(text, "Responsibility accepted in writing  K\xc3\xb6ln\n"));
}

static void table__json__prints_nothing(void **state)
{
    (void)state;
    static const char *const headings[] = {"WHAT", NULL};
    struct cli cli = {.out = tmpfile(), .json = true, .width = 80};
    table_t *table = table_new(headings);
    table_cell(table, "x");
    table_print(table, &cli);
    table_destroy(&table);
    read_back(cli.out);
    assert_string_equal(text, "");
}

static void level__transport_acknowledgement__is_never_called_an_acceptance(void **state)
{
    (void)state;
    json_t *row = json_pack("{s:i}", "level", 1);
    json_t *word = json_pack("{s:s}", "level", "opened");
    json_t *none = json_object();
    assert_int_equal(level_of(row), 1);
    assert_int_equal(level_of(word), 2);
    assert_int_equal(level_of(none), -1);
    for (int level = -2; level < 6; level++) {
        assert_null(strstr(level_text(level), "responsib"));
        assert_true(level == 0 || strstr(level_text(level), "accept") == NULL);
    }
    json_decref(row);
    json_decref(word);
    json_decref(none);
}

static void paint__without_colour_or_with_json__is_empty(void **state)
{
    (void)state;
    struct cli plain = {.colour = false};
    struct cli json = {.colour = true, .json = true};
    struct cli colour = {.colour = true};
    assert_string_equal(cli_paint(&plain, PAINT_RED), "");
    assert_string_equal(cli_paint(&json, PAINT_RED), "");
    assert_string_equal(cli_paint(&colour, PAINT_RED), "\033[31m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time__of_this_year__is_said_in_london_time),
        cmocka_unit_test(time__of_another_year_or_none__says_so),
        cmocka_unit_test(age__of_any_length__is_said_in_one_unit_or_two),
        cmocka_unit_test(when__member_of_any_form__is_read_or_zero),
        cmocka_unit_test(wrap__long_text__stands_in_lines_with_indent),
        cmocka_unit_test(wrap__word_longer_than_the_line__is_kept_whole),
        cmocka_unit_test(wrap__empty_text__ends_its_line),
        cmocka_unit_test(facts__of_any_length__are_printed_whole),
        cmocka_unit_test(answer__with_what_a_terminal_obeys__is_shown_without_it),
        cmocka_unit_test(table__wider_than_the_terminal__wraps_its_widest_column),
        cmocka_unit_test(table__not_on_a_terminal__keeps_a_row_on_one_line),
        cmocka_unit_test(table__json__prints_nothing),
        cmocka_unit_test(level__transport_acknowledgement__is_never_called_an_acceptance),
        cmocka_unit_test(paint__without_colour_or_with_json__is_empty),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
