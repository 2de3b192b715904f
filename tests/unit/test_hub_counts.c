/* counts and blind: what is too small is not shown and cannot be worked out; ids are the hub's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/hub/blind.h"
#include "client/hub/counts.h"
#include "common/crypto/hash.h"

#include "common/base/banned.h"

static void count__below_the_threshold__is_not_shown(void **state)
{
    (void)state;
    assert_int_equal(count_shown(0, 5), 0);
    assert_int_equal(count_shown(1, 5), COUNT_SMALL);
    assert_int_equal(count_shown(4, 5), COUNT_SMALL);
    assert_int_equal(count_shown(5, 5), 5);
    assert_int_equal(count_shown(1, 1), 1);
}

static void sum__of_a_region__is_rounded(void **state)
{
    (void)state;
    assert_int_equal(count_rounded(0, 5), 0);
    assert_int_equal(count_rounded(3, 5), COUNT_SMALL);
    assert_int_equal(count_rounded(5, 5), 5);
    assert_int_equal(count_rounded(7, 5), 5);
    assert_int_equal(count_rounded(8, 5), 10);
    assert_int_equal(count_rounded(8, 1), 8);
}

/* With a sum beside it, one small cell would be the sum less the others. */
static void row__one_small_cell__hides_its_least_neighbour(void **state)
{
    int64_t cells[] = {20, 3, 9, 0};
    int64_t two[] = {20, 3, 2};
    int64_t alone[] = {3, 0};

    (void)state;
    counts_row(cells, 4, 5);
    assert_int_equal(cells[0], 20);
    assert_int_equal(cells[1], COUNT_SMALL);
    assert_int_equal(cells[2], COUNT_HIDDEN);
    assert_int_equal(cells[3], 0);
    counts_row(two, 3, 5);
    assert_int_equal(two[0], 20);
    counts_row(alone, 2, 5);
    assert_int_equal(alone[1], 0);
}

/* The sum less what is visible leaves only one answer: two ones, two fours, a one beside the least that is hidden. */
static void row__rest_that_says_what_is_small__hides_more(void **state)
{
    static const struct {
        int64_t in[4], out[4];
    } rows[] = {
        {{20, 1, 1, 9}, {20, COUNT_SMALL, COUNT_SMALL, COUNT_HIDDEN}},
        {{20, 4, 4, 9}, {20, COUNT_SMALL, COUNT_SMALL, COUNT_HIDDEN}},
        {{20, 3, 1, 9}, {20, COUNT_SMALL, COUNT_SMALL, 9}},
        {{20, 1, 5, 9}, {20, COUNT_SMALL, COUNT_HIDDEN, COUNT_HIDDEN}},
        {{20, 2, 5, 9}, {20, COUNT_SMALL, COUNT_HIDDEN, 9}},
        {{0, 4, 4, 0}, {0, COUNT_HIDDEN, COUNT_HIDDEN, 0}},
        {{0, 4, 3, 0}, {0, COUNT_SMALL, COUNT_SMALL, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t cells[4];
        memcpy(cells, rows[i].in, sizeof cells);
        counts_row(cells, 4, 5);
        assert_memory_equal(cells, rows[i].out, sizeof cells);
    }
}

static void table__one_small_cell__is_never_alone_in_row_or_column(void **state)
{
    struct count_cell cells[9];
    int64_t values[9] = {10, 11, 12, 13, 2, 15, 16, 17, 18};

    (void)state;
    for (uint32_t i = 0; i < 9; i++) {
        cells[i] = (struct count_cell){.row = i / 3, .column = i % 3, .count = values[i]};
    }
    counts_table(cells, 9, 5);
    for (uint32_t line = 0; line < 3; line++) {
        int rows = 0;
        int columns = 0;
        for (int i = 0; i < 9; i++) {
            rows += cells[i].row == line && cells[i].shown < 0 ? 1 : 0;
            columns += cells[i].column == line && cells[i].shown < 0 ? 1 : 0;
        }
        assert_int_not_equal(rows, 1);
        assert_int_not_equal(columns, 1);
    }
    assert_int_equal(cells[4].shown, COUNT_SMALL);
    assert_int_equal(cells[8].shown, 18);
}

static void count__as_json__is_a_number_or_says_why_not(void **state)
{
    json_t *shown = count_json(7, 5);
    json_t *small = count_json(COUNT_SMALL, 5);
    json_t *hidden = count_json(COUNT_HIDDEN, 5);

    (void)state;
    assert_int_equal(json_integer_value(shown), 7);
    assert_string_equal(json_string_value(small), "<5");
    assert_string_equal(json_string_value(hidden), "hidden");
    json_decref(shown);
    json_decref(small);
    json_decref(hidden);
}

static void blind__same_id__differs_by_key_and_by_what_it_names(void **state)
{
    uint8_t key[BLIND_KEY_BYTES] = {1};
    uint8_t other[BLIND_KEY_BYTES] = {2};
    uint8_t id[16] = {3};

    (void)state;
    int64_t name = blind_number(key, BLIND_CASE, id);
    assert_int_equal(name, blind_number(key, BLIND_CASE, id));
    assert_int_not_equal(name, blind_number(other, BLIND_CASE, id));
    assert_int_not_equal(name, blind_number(key, BLIND_EVENT, id));
    assert_true(name >= 0 && name < INT64_C(1) << 60);
}

static void blind__text__is_read_back_as_people_say_it(void **state)
{
    int64_t number = INT64_C(0x123456789abcde0);
    int64_t back = 0;
    char text[BLIND_TEXT_BYTES];

    (void)state;
    blind_text(number, text);
    assert_int_equal(strlen(text), BLIND_TEXT_BYTES - 1);
    assert_int_equal(text[4], '-');
    assert_int_equal(blind_parse(text, &back), 0);
    assert_int_equal(back, number);
    assert_int_equal(blind_parse("oooo-iiii-llll", &back), 0);
    int64_t digits = 0;
    assert_int_equal(blind_parse("0000-1111-1111", &digits), 0);
    assert_int_equal(back, digits);
    static const char *const wrong[] = {
        "", "0000", "0000-0000-00000", "0000-0000-000U", "0190163d-8694-7739-aea5-966c26f8ad91"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_true(blind_parse(wrong[i], &back) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(count__below_the_threshold__is_not_shown),
        cmocka_unit_test(sum__of_a_region__is_rounded),
        cmocka_unit_test(row__one_small_cell__hides_its_least_neighbour),
        cmocka_unit_test(row__rest_that_says_what_is_small__hides_more),
        cmocka_unit_test(table__one_small_cell__is_never_alone_in_row_or_column),
        cmocka_unit_test(count__as_json__is_a_number_or_says_why_not),
        cmocka_unit_test(blind__same_id__differs_by_key_and_by_what_it_names),
        cmocka_unit_test(blind__text__is_read_back_as_people_say_it),
    };

    crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
