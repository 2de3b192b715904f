/* hub's config: the sample and the manual are the table's, and a page for everybody is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/hub/config.h"
#include "common/base/fsio.h"

#include "common/base/banned.h"

#define LIST_BEGIN ".\\\" begin of the list from the table (waypost-hub --manual)\n"
#define LIST_END ".\\\" end of the list\n"
#define NEEDED "data = d\nkeys = k\njoin = j\n"

static void sample__file__is_what_the_program_prints(void **state)
{
    struct buf file = {0};
    struct buf wanted = {0};

    (void)state;
    assert_int_equal(fsio_read_all("data/samples/hub.zpl", SETTINGS_FILE_BYTES_MAX, &file), 0);
    settings_put_sample(&hub_table, hub_examples, &wanted);
    assert_true(slice_equal(buf_slice(&file), buf_slice(&wanted)));
    buf_free(&file);
    buf_free(&wanted);
}

static void manual__of_the_configuration__has_the_list_from_the_table(void **state)
{
    struct buf page = {0};
    struct buf wanted = {0};

    (void)state;
    assert_int_equal(fsio_read_all("docs/man/waypost-hub.zpl.5", 1048576, &page), 0);
    buf_put_u8(&page, 0);
    settings_put_manual(&hub_table, &wanted);
    buf_put_u8(&wanted, 0);
    const char *begin = strstr((const char *)page.data, LIST_BEGIN);
    const char *end = strstr((const char *)page.data, LIST_END);
    assert_true(begin != NULL && end != NULL);
    begin += strlen(LIST_BEGIN);
    assert_int_equal((size_t)(end - begin), wanted.len - 1);
    assert_memory_equal(begin, wanted.data, wanted.len - 1);
    buf_free(&page);
    buf_free(&wanted);
}

static int read_config(const char *more, struct hub_config *out, struct complaint *why)
{
    settings_t *settings = NULL;
    struct buf text = {0};

    buf_put_text(&text, "%s%s", NEEDED, more);
    assert_int_equal(settings_parse(&hub_table, "hub.zpl", buf_slice(&text), &settings, why), 0);
    int rc = hub_config_read(settings, out, why);
    settings_destroy(&settings);
    buf_free(&text);
    return rc;
}

static void defaults__are_those_of_the_document(void **state)
{
    struct hub_config config;
    struct complaint why = {0};

    (void)state;
    assert_int_equal(read_config("", &config, &why), 0);
    assert_int_equal(config.threshold, 5);
    assert_int_equal(config.days, 28);
    assert_int_equal(config.quiet_ms, INT64_C(7) * 86400000);
    assert_int_equal(config.away_ms, 900000);
    assert_false(config.page);
}

static void page__beyond_this_machine__is_refused(void **state)
{
    struct hub_config config;
    struct complaint why = {0};

    (void)state;
    assert_int_equal(read_config("page = \"0.0.0.0:8460\"\n", &config, &why), E_CONFIG);
    assert_non_null(strstr(why.text, "127.0.0.1"));
    assert_int_equal(read_config("page = \"[::1]:8460\"\n", &config, &why), 0);
    assert_true(config.page);
    assert_int_equal(read_config("page = \"somewhere\"\n", &config, &why), E_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample__file__is_what_the_program_prints),
        cmocka_unit_test(manual__of_the_configuration__has_the_list_from_the_table),
        cmocka_unit_test(defaults__are_those_of_the_document),
        cmocka_unit_test(page__beyond_this_machine__is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
