/* hub's config: the sample and the manual are the table's, and a page for everybody is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/hub/config.h"
#include "common/base/fsio.h"
#include "tests/support/config_documents.h"

#include "common/base/banned.h"

#define NEEDED "data = d\nkeys = k\njoin = j\n"

static void sample__file__is_what_the_program_prints(void **state)
{
    (void)state;
    config_sample_is_the_tables("data/samples/hub.zpl", &hub_table, hub_examples);
}

static void manual__of_the_configuration__has_the_list_from_the_table(void **state)
{
    (void)state;
    config_manual_has_the_list("docs/man/waypost-hub.zpl.5", "waypost-hub", &hub_table);
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
