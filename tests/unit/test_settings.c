/* settings: the parser against a small table, its complaints word by word, and the texts made from it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/fsio.h"
#include "common/base/settings.h"
#include "common/crypto/hash.h"
#include "common/register/join.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

static const struct setting rows[] = {
    {"listen", SETTING_LIST, NULL, 1, 3, "endpoints", "Where peers connect."},
    {"data", SETTING_PATH, "", 1, 100, "", "Folder of the journal."},
    {"name", SETTING_TEXT, "nobody", 1, 8, "", "Name of it. Second sentence."},
    {"count", SETTING_UINT, "7", 1, 4096, "events", "How many."},
    {"segment", SETTING_BYTES, "64 MiB", 1048576, 1073741824, "", "Size of a segment."},
    {"wait/handshake", SETTING_DURATION, "3 s", 1000, 30000, "", "Time for a handshake."},
    {"wait/linger", SETTING_DURATION, "0", 0, 5000, "", "Time at the end."},
    {"brave", SETTING_BOOL, "no", 0, 1, "", "Whether to."},
};
static const struct setting_table table = {"prog", rows, sizeof rows / sizeof rows[0]};

static int parse(const char *text, settings_t **out, struct complaint *why)
{
    return settings_parse(&table, "etc/prog.zpl", slice_of_text(text), out, why);
}

static void file__with_all_forms__reads_every_value(void **state)
{
    struct complaint why = {0};
    settings_t *self = NULL;

    (void)state;
    assert_int_equal(parse("# a comment\n"
                           "listen = tcp://*:1 tcp://*:2\n"
                           "listen = \"ipc://x\"\n"
                           "data = store # behind\n"
                           "count = 4096\n"
                           "segment = 2MiB\n"
                           "wait\n"
                           "    handshake = 1500 ms\n"
                           "brave = yes\n",
                         &self, &why),
        0);
    assert_int_equal(settings_list_count(self, "listen"), 3);
    assert_string_equal(settings_list_at(self, "listen", 1), "tcp://*:2");
    assert_string_equal(settings_list_at(self, "listen", 2), "ipc://x");
    assert_string_equal(settings_text(self, "data"), "etc/store");
    assert_string_equal(settings_text(self, "name"), "nobody");
    assert_int_equal(settings_number(self, "count"), 4096);
    assert_int_equal(settings_number(self, "segment"), 2097152);
    assert_int_equal(settings_number(self, "wait/handshake"), 1500);
    assert_int_equal(settings_number(self, "wait/linger"), 0);
    assert_true(settings_flag(self, "brave"));
    assert_true(settings_given(self, "data"));
    assert_false(settings_given(self, "name"));
    assert_string_equal(settings_file(self), "etc/prog.zpl");
    settings_destroy(&self);
    assert_null(self);
}

static void file__that_leaves_options_out__gets_defaults(void **state)
{
    struct complaint why = {0};
    settings_t *self = NULL;

    (void)state;
    assert_int_equal(parse("listen = a", &self, &why), 0);
    assert_string_equal(settings_text(self, "data"), "");
    assert_int_equal(settings_number(self, "count"), 7);
    assert_int_equal(settings_number(self, "segment"), 67108864);
    assert_int_equal(settings_number(self, "wait/handshake"), 3000);
    assert_false(settings_flag(self, "brave"));
    settings_destroy(&self);
}

static void file__with_a_fault__is_refused_with_file_line_and_what_to_do(void **state)
{
    static const struct {
        const char *text;
        const char *wanted[3];
    } cases[] = {
        {"listen = a\nlsten = b\n", {"etc/prog.zpl:2", "\"lsten\"", "did you mean \"listen\""}},
        {"listen = a\nzzzzzzzzzzzz = b\n", {"etc/prog.zpl:2", "no option", "--help"}},
        {"listen = a\nwait\n    handshak = 1 s\n", {":3", "wait/handshak", "\"wait/handshake\""}},
        {"listen = a\ncount = 0\n", {":2", "count = \"0\"", "from 1 to 4096 events"}},
        {"listen = a\ncount = 4097\n", {":2", "\"4097\"", "from 1 to 4096 events"}},
        {"listen = a\ncount = -1\n", {":2", "\"-1\"", "whole number"}},
        {"listen = a\ncount = 99999999999999999999999\n", {":2", "count", "whole number"}},
        {"listen = a\nsegment = 64 mib\n", {":2", "\"64 mib\"", "from 1 MiB to 1 GiB"}},
        {"listen = a\nsegment = 18014398509481984 KiB\n", {":2", "segment", "1 GiB"}},
        {"listen = a\nwait\n    handshake = 3\n", {":3", "\"3\"", "ms, s, min, h or d"}},
        {"listen = a\nwait\n    handshake = 31 s\n", {":3", "from 1 s to 30 s", ""}},
        {"listen = a\nbrave = true\n", {":2", "\"true\"", "yes or no"}},
        {"listen = a\nname = overlongname\n", {":2", "name", "1 to 8 bytes"}},
        {"listen = a\nname =\n", {":2", "name", "1 to 8 bytes"}},
        {"listen = a b c d\n", {":1", "listen", "1 to 3 endpoints"}},
        {"listen = a b c\nlisten = d\n", {":2", "listen", "1 to 3 endpoints"}},
        {"listen =\n", {"etc/prog.zpl", "0 items", "1 to 3 endpoints"}},
        {"count = 3\ncount = 3\n", {":2", "second time", "leave one"}},
        {"count = 3\n", {"etc/prog.zpl", "listen is missing", "1 to 3 endpoints"}},
        {"listen = a\ncount = 3\n    more = 4\n", {":3", "nothing can stand below", "count"}},
        {"listen = a\nwait = 3\n", {":2", "no option", "\"wait\""}},
        {"listen = a\n  count = 3\n", {":2", "four blanks", ""}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct complaint why = {0};
        settings_t *self = NULL;
        assert_int_equal(parse(cases[i].text, &self, &why), E_CONFIG);
        assert_int_equal(why.rc, E_CONFIG);
        assert_null(self);
        for (size_t j = 0; j < 3; j++) {
            if (strstr(why.text, cases[i].wanted[j]) == NULL) {
                fail_msg("case %zu: \"%s\" lacks \"%s\"", i, why.text, cases[i].wanted[j]);
            }
        }
    }
}

static void file__of_random_bytes__never_crashes(void **state)
{
    uint64_t seed = 20260316;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        static const char letters[] = "listen=count wait\n    #\"'/\\\t\r\x80\xff\x01";
        char text[200];
        size_t len;
        for (len = 0; len < sizeof text; len++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            text[len] = letters[(seed >> 33) % (sizeof letters - 1)];
        }
        struct complaint why = {0};
        settings_t *self = NULL;
        if (settings_parse(&table, "random", slice_of(text, len), &self, &why) != 0) {
            assert_int_not_equal(why.rc, 0);
        }
        settings_destroy(&self);
    }
}

static void file__that_is_missing_or_too_large__is_named(void **state)
{
    char path[PLACE_BYTES];
    struct complaint why = {0};
    settings_t *self = NULL;

    (void)state;
    assert_int_equal(settings_load(&table, "/nowhere/at/all.zpl", &self, &why), E_NOT_FOUND);
    assert_non_null(strstr(why.text, "/nowhere/at/all.zpl"));
    place_file(path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, SETTINGS_FILE_BYTES_MAX + 1), 0);
    assert_int_equal(settings_load(&table, path, &self, &why), E_TOO_LARGE);
    assert_int_equal(fsio_write_at(fd, slice_of_text("listen = x\n"), 0), 0);
    assert_int_equal(ftruncate(fd, 11), 0);
    assert_int_equal(settings_load(&table, path, &self, &why), 0);
    assert_string_equal(settings_list_at(self, "listen", 0), "x");
    settings_destroy(&self);
    (void)close(fd);
    (void)unlink(path);
}

static void sample__from_the_table__is_read_by_the_parser(void **state)
{
    static const char *const examples[] = {"listen", "tcp://*:5670", "wait/linger", "2 s", NULL};
    struct complaint why = {0};
    struct buf text = {0};
    settings_t *self = NULL;

    (void)state;
    settings_put_sample(&table, examples, &text);
    assert_int_equal(settings_parse(&table, "sample", buf_slice(&text), &self, &why), 0);
    assert_string_equal(settings_list_at(self, "listen", 0), "tcp://*:5670");
    assert_int_equal(settings_number(self, "wait/linger"), 2000);
    assert_false(settings_given(self, "count"));
    settings_destroy(&self);
    buf_free(&text);
}

static void texts__for_help_and_manual__name_every_option_and_its_default(void **state)
{
    struct buf text = {0};

    (void)state;
    settings_put_help(&table, &text);
    settings_put_manual(&table, &text);
    buf_put_u8(&text, 0);
    for (size_t i = 0; i < table.count; i++) {
        assert_non_null(strstr((char *)text.data, rows[i].name));
    }
    assert_non_null(strstr((char *)text.data, "default 64 MiB"));
    assert_non_null(strstr((char *)text.data, ".It Ic wait/handshake\n"));
    assert_non_null(strstr((char *)text.data, "Name of it.\nSecond sentence.\n"));
    buf_free(&text);
}

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void join__written_and_read__is_the_same(void **state)
{
    struct complaint why = {0};
    struct join join;
    struct join again;
    struct buf text = {0};
    char one[JOIN_FINGERPRINT_BYTES];
    char other[JOIN_FINGERPRINT_BYTES];

    (void)state;
    crypto_start();
    assert_int_equal(
        join_parse("j",
            slice_of_text("network = demo-1\nroots = " KEY_A " " KEY_B "\nthreshold = 2\n"
                          "endpoints = tcp://a:1 tcp://b:2\n"
                          "broker-curve = " KEY_A "\nbroker-head = " KEY_B "\n"),
            &join, &why),
        0);
    join_put(&join, &text);
    assert_int_equal(join_parse("j", buf_slice(&text), &again, &why), 0);
    assert_memory_equal(&join, &again, sizeof join);
    join_fingerprint(&join, one);
    join_fingerprint(&again, other);
    assert_string_equal(one, other);
    assert_int_equal(strlen(one), JOIN_FINGERPRINT_BYTES - 1);
    again.broker_head[3] ^= 1;
    join_fingerprint(&again, other);
    assert_string_not_equal(one, other);
    buf_free(&text);
}

static void join__with_a_fault__is_refused(void **state)
{
    static const char *const bad[] = {
        "network = demo\nroots = " KEY_A "\nthreshold = 2\n",
        "network = Demo\nroots = " KEY_A "\nthreshold = 1\n",
        "network = demo\nroots = " KEY_A " " KEY_A "\nthreshold = 1\n",
        "network = demo\nroots = 1234\nthreshold = 1\n",
        "network = demo\nroots = " KEY_A "\nthreshold = 1\nbroker-curve = " KEY_A "\n",
        "network = demo\nthreshold = 1\n",
        "network = demo\nroots = " KEY_A "\nthreshold = 1\nendpoints = broker.example:5670\n",
        "network = demo\nroots = " KEY_A "\nthreshold = 1\nendpoints = tcp://broker.example\n",
        "network = demo\nroots = " KEY_A "\nthreshold = 1\nendpoints = tcp://a:1 'tcp://b:2\n",
        "network = demo\nroots = " KEY_A "\nthreshold = 1\nendpoints = 'tcp://a:1#2'\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct complaint why = {0};
        struct join join;
        assert_int_equal(join_parse("j", slice_of_text(bad[i]), &join, &why), E_CONFIG);
        assert_true(why.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file__with_all_forms__reads_every_value),
        cmocka_unit_test(file__that_leaves_options_out__gets_defaults),
        cmocka_unit_test(file__with_a_fault__is_refused_with_file_line_and_what_to_do),
        cmocka_unit_test(file__of_random_bytes__never_crashes),
        cmocka_unit_test(file__that_is_missing_or_too_large__is_named),
        cmocka_unit_test(sample__from_the_table__is_read_by_the_parser),
        cmocka_unit_test(texts__for_help_and_manual__name_every_option_and_its_default),
        cmocka_unit_test(join__written_and_read__is_the_same),
        cmocka_unit_test(join__with_a_fault__is_refused),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
