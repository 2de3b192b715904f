/*
 * broker options: the sample file and the manual are what the table says, and what the table cannot say is checked.
 * UPDATE=1 in the environment writes both anew instead of comparing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/net/host.h"
#include "broker/net/options.h"
#include "common/base/fsio.h"
#include "tests/support/config_documents.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

#define ROOT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void sample__in_the_data__is_what_the_table_says(void **state)
{
    (void)state;
    config_sample_is_the_tables("data/samples/broker.zpl", &broker_table, broker_examples);
}

static void manual__of_the_configuration__has_the_list_from_the_table(void **state)
{
    (void)state;
    config_manual_has_the_list("docs/man/waypost-broker.zpl.5", "waypost-broker", &broker_table);
}

static char path[PLACE_BYTES]; /* of the configuration read last */

/* Write a configuration to a file of its own and read it. */
static int load(const char *text, struct broker_options *out, struct complaint *why)
{
    place_file(path);
    assert_int_equal(fsio_replace(path, slice_of_text(text), 0600), 0);
    int rc = broker_options_load(path, out, why);
    (void)unlink(path);
    return rc;
}

#define REST "data = d\nkeys = k\nregister = r\n"
#define PIN "network = demo\nroots = " ROOT "\n"

static void options__with_an_inline_pin__have_their_values(void **state)
{
    struct broker_options options;
    struct complaint why = {0};

    (void)state;
    assert_int_equal(load("listen = tcp://127.0.0.1:* ipc://x\n" REST PIN
                          "heartbeat = 2 s\nsegment = 1 MiB\nfree-min = 1 MiB\n",
                         &options, &why),
        0);
    assert_int_equal(options.listen_count, 2);
    assert_string_equal(options.listen[1], "ipc://x");
    assert_string_equal(options.core.network, "demo");
    assert_int_equal(options.join.threshold, 1);
    assert_int_equal(options.core.heartbeat_ms, 2000);
    assert_int_equal(options.core.session_ms, 6000); /* T-4 */
    assert_int_equal(options.segment_bytes, 1048576);
    assert_int_equal(options.handshake_ms, 3000);
    assert_false(options.allow_copy_on_write);
    *(strrchr(path, '/') + 1) = 'd'; /* from the folder of the file */
    *(strrchr(path, '/') + 2) = '\0';
    assert_string_equal(options.data, path);
    broker_options_destroy(&options);
}

static void options__that_cannot_be_used_together__are_refused_by_name(void **state)
{
    static const char *const cases[][2] = {
        {"listen = nonsense\n" REST PIN, "tcp://ADDRESS:PORT"},
        {"listen = inproc://x\n" REST PIN, "tcp://ADDRESS:PORT"},
        {"listen = tcp://127.0.0.1\n" REST PIN, "tcp://ADDRESS:PORT"},
        {"listen = tcp://*:1\n" REST, "join = FILE"},
        {"listen = tcp://*:1\n" REST "network = demo\n", "join = FILE"},
        {"listen = tcp://*:1\n" REST PIN "join = j\n", "both set"},
        {"listen = tcp://*:1\n" REST PIN "threshold = 2\n", "threshold"},
        {"listen = tcp://*:1\n" REST "network = demo\nroots = 12\n", "64 hexadecimal"},
        {"listen = tcp://*:1\n" REST "join = /nowhere/join\n", "/nowhere/join"},
        {"listen = tcp://*:1\ndata = d\nkeys = k\n" PIN, "register is missing"},
        {"listen = tcp://*:1\n" REST PIN "hartbeat = 1 s\n", "\"heartbeat\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct broker_options options;
        struct complaint why = {0};
        assert_int_not_equal(load(cases[i][0], &options, &why), 0);
        if (strstr(why.text, cases[i][1]) == NULL) {
            fail_msg("case %zu: \"%s\" lacks \"%s\"", i, why.text, cases[i][1]);
        }
    }
}

static void environment__of_czmq__is_cleared(void **state)
{
    (void)state;
    assert_int_equal(setenv("ZSYS_LINGER", "1", 1), 0);
    assert_int_equal(setenv("ZSYS_SIGHANDLER", "true", 1), 0);
    assert_int_equal(setenv("ZSYSTEM", "kept", 1), 0);
    host_clear_environment();
    assert_null(getenv("ZSYS_LINGER"));
    assert_null(getenv("ZSYS_SIGHANDLER"));
    assert_string_equal(getenv("ZSYSTEM"), "kept");
    (void)unsetenv("ZSYSTEM");
}

static void machine__under_test__has_the_libraries_and_a_folder(void **state)
{
    struct complaint why = {0};

    (void)state;
    assert_int_equal(host_check_libraries(&why), 0);
    assert_int_equal(host_check_writable("/tmp", &why), 0);
    assert_int_equal(host_check_writable("/nowhere/at/all", &why), E_NOT_FOUND);
    assert_int_equal(host_check_overwrites("/nowhere/at/all", &why), E_NOT_FOUND);
    assert_int_equal(host_check_overwrites("/proc", &why), 0);
    assert_int_equal(host_raise_files(16, &why), 0);
    assert_int_equal(host_raise_files(UINT64_C(1) << 40, &why), E_FULL);
    assert_non_null(strstr(why.text, "connections-max"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample__in_the_data__is_what_the_table_says),
        cmocka_unit_test(manual__of_the_configuration__has_the_list_from_the_table),
        cmocka_unit_test(options__with_an_inline_pin__have_their_values),
        cmocka_unit_test(options__that_cannot_be_used_together__are_refused_by_name),
        cmocka_unit_test(environment__of_czmq__is_cleared),
        cmocka_unit_test(machine__under_test__has_the_libraries_and_a_folder),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
