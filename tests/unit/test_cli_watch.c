/* watch_model: the full screen without a terminal: lines fit, the filter and the keys do what the help says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/watch_model.h"

#include "common/base/banned.h"

enum { WIDTH = 80, HEIGHT = 12, LIST = HEIGHT - 3 };

static struct watch_line lines[HEIGHT];

static void add(struct watch_model *model, const char *text, const char *id)
{
    struct watch_row row = {.sign = '>', .word = "event", .left = "Sun 22 03:21:07"};

    (void)snprintf(row.text, sizeof row.text, "%s", text);
    (void)snprintf(row.id, sizeof row.id, "%s", id);
    watch_list_add(&model->lists[TAB_TRAFFIC], &row);
}

static void fill(struct watch_model *model, int count)
{
    char text[40];

    watch_model_init(model);
    model->has_tabs = true;
    for (int i = 0; i < count; i++) {
        (void)snprintf(
            text, sizeof text, "%s -> Camden number %d", i % 2 == 0 ? "Leeds" : "Islington", i);
        add(model, text, "AAAA-BBBB-CCCC");
    }
}

static bool shows(const char *text)
{
    for (int i = 0; i < HEIGHT; i++) {
        if (strstr(lines[i].text, text) != NULL) {
            return true;
        }
    }
    return false;
}

static size_t columns(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
    }
    return count;
}

static void lines__of_every_width__are_never_longer(void **state)
{
    struct watch_model model;

    (void)state;
    fill(&model, 3);
    add(&model,
        "Rhondda Cynon T\xc3\xa2"
        "f \xe2\x86\x92 a very long name of an authority that goes on and on and on",
        "");
    for (unsigned width = 20; width <= 270; width++) {
        watch_model_render(&model, width, HEIGHT, lines);
        for (int i = 0; i < HEIGHT; i++) {
            assert_true(columns(lines[i].text) <= width);
        }
    }
    watch_model_free(&model);
}

static void traffic__newest__is_in_sight_until_somebody_scrolls(void **state)
{
    struct watch_model model;

    (void)state;
    fill(&model, 50);
    watch_model_render(&model, WIDTH, HEIGHT, lines);
    assert_true(shows("number 49"));
    assert_false(shows("number 1 "));
    (void)watch_model_key(&model, KEY_IS_HOME);
    watch_model_render(&model, WIDTH, HEIGHT, lines);
    assert_true(shows("number 0"));
    add(&model, "Leeds -> Camden number 50", "");
    watch_model_render(&model, WIDTH, HEIGHT, lines);
    assert_false(shows("number 50"));
    (void)watch_model_key(&model, KEY_IS_END);
    watch_model_render(&model, WIDTH, HEIGHT, lines);
    assert_true(shows("number 50"));
    watch_model_free(&model);
}

static void filter__typed__leaves_what_holds_it(void **state)
{
    struct watch_model model;

    (void)state;
    fill(&model, 8);
    (void)watch_model_key(&model, '/');
    for (const char *at = "lEEDS"; *at != '\0'; at++) {
        (void)watch_model_key(&model, *at);
    }
    watch_model_render(&model, WIDTH, HEIGHT, lines);
    assert_true(shows("filter: lEEDS_"));
    assert_true(shows("Leeds"));
    assert_false(shows("Islington"));
    (void)watch_model_key(&model, KEY_IS_ENTER);
    (void)watch_model_key(&model, KEY_IS_ESCAPE);
    watch_model_render(&model, WIDTH, HEIGHT, lines);
    assert_true(shows("Islington"));
    watch_model_free(&model);
}

static void enter__on_a_row__asks_for_its_case(void **state)
{
    struct watch_model model;

    (void)state;
    fill(&model, 4);
    watch_model_render(&model, WIDTH, HEIGHT, lines);
    assert_int_equal(watch_model_key(&model, KEY_IS_ENTER), WISH_CASE);
    assert_string_equal(model.case_id, "AAAA-BBBB-CCCC");
    add(&model, "no case", "");
    watch_model_render(&model, WIDTH, HEIGHT, lines);
    assert_int_equal(watch_model_key(&model, KEY_IS_ENTER), WISH_NOTHING);
    watch_model_free(&model);
}

static void keys__of_the_help__are_known(void **state)
{
    struct watch_model model;

    (void)state;
    fill(&model, 30);
    assert_int_equal(watch_model_key(&model, 'q'), WISH_QUIT);
    assert_int_equal(watch_model_key(&model, '?'), WISH_NOTHING);
    watch_model_render(&model, WIDTH, HEIGHT, lines);
    assert_true(shows("Keys"));
    (void)watch_model_key(&model, 'x');
    assert_false(model.in_help);
    assert_int_equal(watch_model_key(&model, '3'), WISH_REFRESH);
    assert_int_equal(model.tab, TAB_MISSED);
    assert_int_equal(watch_model_key(&model, KEY_IS_TAB), WISH_REFRESH);
    assert_int_equal(model.tab, TAB_SILENCE);
    assert_int_equal(watch_model_key(&model, 'r'), WISH_REFRESH);
    model.has_tabs = false;
    assert_int_equal(watch_model_key(&model, '2'), WISH_NOTHING);
    watch_model_free(&model);
}

static void list__full__forgets_its_oldest(void **state)
{
    struct watch_model model;

    (void)state;
    fill(&model, WATCH_ROWS_MAX + 10);
    assert_true(model.lists[TAB_TRAFFIC].count <= WATCH_ROWS_MAX);
    watch_model_render(&model, WIDTH, HEIGHT, lines);
    assert_true(shows("number 2009"));
    watch_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines__of_every_width__are_never_longer),
        cmocka_unit_test(traffic__newest__is_in_sight_until_somebody_scrolls),
        cmocka_unit_test(filter__typed__leaves_what_holds_it),
        cmocka_unit_test(enter__on_a_row__asks_for_its_case),
        cmocka_unit_test(keys__of_the_help__are_known),
        cmocka_unit_test(list__full__forgets_its_oldest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
