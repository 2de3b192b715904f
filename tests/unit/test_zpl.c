/* zpl: what is read, what is refused with file and line, and that every item knows its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/zpl.h"

#include "common/base/banned.h"

static zpl_t *parsed(const char *text)
{
    struct complaint why = {0};
    zpl_t *zpl = NULL;

    if (zpl_parse("test.zpl", slice_of_text(text), &zpl, &why) != 0) {
        fail_msg("%s", why.text);
    }
    return zpl;
}

static void parse__items_and_levels__are_found_with_their_lines(void **state)
{
    (void)state;
    zpl_t *zpl = parsed("#   comment\n"
                        "\n"
                        "network = demo # of the trial\n"
                        "agent = E09000019\n"
                        "    card = \"a # b.card\"\n"
                        "        from = 2026-03-16T10:05\n"
                        "agent = E09000007\n"
                        "    card = 'c.card'\n"
                        "empty\n"
                        "last =");
    zconfig_t *root = zpl_root(zpl);
    zconfig_t *agent = zpl_child(root, "agent");

    assert_string_equal(zpl_name(zpl), "test.zpl");
    assert_string_equal(zpl_text(root, "network", "?"), "demo");
    assert_string_equal(zpl_text(root, "empty", "?"), "");
    assert_string_equal(zpl_text(root, "last", "?"), "");
    assert_string_equal(zpl_text(root, "missing", "?"), "?");
    assert_null(zpl_child(root, "card"));
    assert_string_equal(zpl_text(agent, "card", "?"), "a # b.card");
    assert_int_equal(zpl_line(zpl, root), 0);
    assert_int_equal(zpl_line(zpl, zpl_child(root, "network")), 3);
    assert_int_equal(zpl_line(zpl, zpl_child(zpl_child(agent, "card"), "from")), 6);
    assert_int_equal(zpl_line(zpl, zconfig_next(agent)), 7);
    assert_int_equal(zpl_line(zpl, zpl_child(zconfig_next(agent), "card")), 8);
    assert_int_equal(zpl_line(zpl, zpl_child(root, "last")), 10);
    zpl_destroy(&zpl);
    assert_null(zpl);
}

static void parse__nothing_or_comments_alone__is_an_empty_tree(void **state)
{
    static const char *const texts[] = {"", "\n", "#", "# a\n\n   # b\n"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        zpl_t *zpl = parsed(texts[i]);
        assert_null(zconfig_child(zpl_root(zpl)));
        zpl_destroy(&zpl);
    }
}

static void parse__each_fault__is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"a = 1\n  b = 2\n", "test.zpl:2: indent with four blanks"},
        {"a = 1\n        b = 2\n", "test.zpl:2: the line is indented deeper"},
        {"    a = 1\n", "test.zpl:1: the line is indented deeper"},
        {"a = 1\n\tb = 2\n", "test.zpl:2: a tab"},
        {"a = 1\r\n", "test.zpl:1: the line ends as on Windows"},
        {"a = 1\n\r\n", "test.zpl:2: the line ends as on Windows"},
        {"a = \r1\n", "test.zpl:1: a tab or other control"},
        {"\xef\xbb\xbf"
         "a = 1\n",
            "test.zpl:1: the file begins with a byte order mark"},
        {"\xff\xfe"
         "a",
            "test.zpl:1: the file begins with a byte order mark"},
        {"a = \"1\n", "test.zpl:1: the value's closing quote"},
        {"a = \"1\" 2\n", "test.zpl:1: something stands after the value"},
        {"a b\n", "test.zpl:1: write `name = value`"},
        {"= 1\n", "test.zpl:1: a name must stand here"},
        {"/a = 1\n", "test.zpl:1: a name must stand here"},
        {"a/ = 1\n", "test.zpl:1: a name must stand here"},
        {"\xc3\xa9 = 1\n", "test.zpl:1: a name must stand here"},
        {"a\n    a\n        a\n            a\n                a\n                    a\n"
         "                        a\n                            a\n                               "
         " a\n",
            "test.zpl:9: the line is indented deeper"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct complaint why = {0};
        zpl_t *zpl = NULL;
        assert_int_equal(zpl_parse("test.zpl", slice_of_text(cases[i].text), &zpl, &why), E_CONFIG);
        assert_null(zpl);
        if (strstr(why.text, cases[i].said) == NULL) {
            fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].said, why.text);
        }
    }
}

static void parse__line_at_the_limit__is_whole_and_beyond_it_refused(void **state)
{
    char text[1002];
    struct complaint why = {0};
    zpl_t *zpl = NULL;

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "a = ", 4);
    assert_int_equal(zpl_parse("test.zpl", slice_of(text, 1000), &zpl, &why), 0);
    assert_int_equal(strlen(zpl_text(zpl_root(zpl), "a", "")), 996);
    zpl_destroy(&zpl);
    assert_int_equal(zpl_parse("test.zpl", slice_of(text, 1001), &zpl, &why), E_CONFIG);
}

static void parse__nul_inside__is_refused(void **state)
{
    struct complaint why = {0};
    zpl_t *zpl = NULL;

    (void)state;
    assert_int_equal(zpl_parse("test.zpl", slice_of("a = 1\nb\0c", 9), &zpl, &why), E_CONFIG);
}

/* Every text of up to four of these characters: nothing crashes, and what is taken has a line for every item. */
static void parse__every_short_text__is_taken_or_refused(void **state)
{
    static const char letters[] = "a= \"#\n/";
    enum { LETTERS = sizeof letters - 1, LENGTH = 6 };

    (void)state;
    for (size_t number = 0; number < LETTERS * LETTERS * LETTERS * LETTERS * LETTERS * LETTERS;
         number++) {
        char text[LENGTH];
        struct complaint why = {0};
        zpl_t *zpl = NULL;
        size_t rest = number;
        for (size_t i = 0; i < LENGTH; i++, rest /= LETTERS) {
            text[i] = letters[rest % LETTERS];
        }
        if (zpl_parse("t", slice_of(text, LENGTH), &zpl, &why) == 0) {
            for (zconfig_t *item = zconfig_child(zpl_root(zpl)); item != NULL;
                 item = zconfig_next(item)) {
                assert_int_not_equal(zpl_line(zpl, item), 0);
            }
        } else {
            assert_int_equal(why.rc, E_CONFIG);
            assert_null(
                strstr(why.text, "not a readable")); /* zconfig never finds what we did not */
        }
        zpl_destroy(&zpl);
    }
}

static void check__unknown_or_repeated_word__is_refused_with_the_nearest(void **state)
{
    static const struct zpl_word words[] = {{"network", false}, {"agent", true}};
    struct complaint why = {0};

    (void)state;
    zpl_t *zpl = parsed("network = a\nagent = b\nagent = c\n");
    assert_int_equal(zpl_check(zpl, zpl_root(zpl), words, 2, &why), 0);
    zpl_destroy(&zpl);
    zpl = parsed("network = a\nagnet = b\n");
    assert_int_equal(zpl_check(zpl, zpl_root(zpl), words, 2, &why), E_CONFIG);
    assert_string_equal(
        why.text, "test.zpl:2: the word \"agnet\" is not known here; did you mean \"agent\"?");
    zpl_destroy(&zpl);
    zpl = parsed("network = a\nsomething-else = b\n");
    assert_int_equal(zpl_check(zpl, zpl_root(zpl), words, 2, &why), E_CONFIG);
    assert_string_equal(why.text, "test.zpl:2: the word \"something-else\" is not known here");
    zpl_destroy(&zpl);
    zpl = parsed("network = a\n\nnetwork = b\n");
    assert_int_equal(zpl_check(zpl, zpl_root(zpl), words, 2, &why), E_CONFIG);
    assert_string_equal(
        why.text, "test.zpl:3: \"network\" is given twice (before in line 1); keep one");
    zpl_destroy(&zpl);
}

static void load__missing_file__is_named(void **state)
{
    struct complaint why = {0};
    zpl_t *zpl = NULL;

    (void)state;
    assert_int_equal(zpl_load("/nonexistent/a.zpl", 1000, &zpl, &why), E_NOT_FOUND);
    assert_non_null(strstr(why.text, "/nonexistent/a.zpl"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__items_and_levels__are_found_with_their_lines),
        cmocka_unit_test(parse__nothing_or_comments_alone__is_an_empty_tree),
        cmocka_unit_test(parse__each_fault__is_refused_with_its_line),
        cmocka_unit_test(parse__line_at_the_limit__is_whole_and_beyond_it_refused),
        cmocka_unit_test(parse__nul_inside__is_refused),
        cmocka_unit_test(parse__every_short_text__is_taken_or_refused),
        cmocka_unit_test(check__unknown_or_repeated_word__is_refused_with_the_nearest),
        cmocka_unit_test(load__missing_file__is_named),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
