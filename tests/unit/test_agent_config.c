/* The agent's configuration: sample file and manual are what the table says; what cannot be used is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/agent/config.h"
#include "common/base/fsio.h"
#include "common/base/world.h"
#include "tests/support/config_documents.h"

#include "common/base/banned.h"

static void sample__file__is_what_the_program_prints(void **state)
{
    (void)state;
    config_sample_is_the_tables("data/samples/agent.zpl", &agent_table, agent_examples);
}

static void manual__of_the_configuration__has_the_list_from_the_table(void **state)
{
    (void)state;
    config_manual_has_the_list("docs/man/waypost-agent.zpl.5", "waypost-agent", &agent_table);
}

struct folder {
    char path[120];
    char config[160];
};

static void put_file(const struct folder *folder, const char *name, const char *text)
{
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%s", folder->path, name);
    assert_int_equal(fsio_replace(path, slice_of_text(text), 0600), 0);
}

static void begin(struct folder *out)
{
    (void)snprintf(out->path, sizeof out->path, "%s/agentconf.XXXXXX",
        getenv("TMPDIR") == NULL ? "/tmp" : getenv("TMPDIR"));
    assert_non_null(mkdtemp(out->path));
    (void)snprintf(out->config, sizeof out->config, "%s/agent.zpl", out->path);
}

static void end(const struct folder *folder)
{
    static const char *const names[] = {"agent.zpl", "a.keys", "b.keys", "network.join"};
    char path[200];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder->path, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(folder->path), 0);
}

static void make_keys(const struct folder *folder, const char *name, const char *id)
{
    struct keys keys;
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%s", folder->path, name);
    keys_make(world_real(), id, &keys);
    assert_int_equal(keys_save(&keys, path), 0);
    keys_wipe(&keys);
}

static void make_join(const struct folder *folder)
{
    struct join join = {.network = "test",
        .root_count = 1,
        .threshold = 1,
        .endpoint_count = 1,
        .has_broker = true};
    struct buf text = {0};

    crypto_start();
    memset(join.roots[0], 1, 32);
    memset(join.broker_curve, 2, 32);
    memset(join.broker_head, 3, 32);
    (void)snprintf(join.endpoints[0], sizeof join.endpoints[0], "tcp://broker.example:5670");
    join_put(&join, &text);
    buf_put_u8(&text, 0);
    put_file(folder, "network.join", (const char *)text.data);
    buf_free(&text);
}

static void paths__relative__count_from_the_file(void **state)
{
    struct folder folder;
    struct agent_config config;
    struct complaint why = {0};

    (void)state;
    begin(&folder);
    make_join(&folder);
    make_keys(&folder, "a.keys", "E09000019");
    make_keys(&folder, "b.keys", "E09000019");
    put_file(&folder, "agent.zpl",
        "data = \"data\"\nkeys = \"a.keys\"\nkeys = \"b.keys\"\njoin = \"network.join\"\n"
        "socket = \"agent.sock\"\n");
    if (agent_config_load(&agent_table, AGENT_DATABASE, folder.config, &config, &why) != 0) {
        fail_msg("%s", why.text);
    }
    assert_int_equal(config.key_count, 2);
    assert_string_equal(config.keys[1].id, "E09000019");
    assert_int_equal(config.endpoint_count, 1);
    assert_non_null(strstr(config.database, folder.path));
    agent_config_destroy(&config);
    end(&folder);
}

static void keys__of_two_agents__are_refused(void **state)
{
    struct folder folder;
    struct agent_config config;
    struct complaint why = {0};

    (void)state;
    begin(&folder);
    make_join(&folder);
    make_keys(&folder, "a.keys", "E09000019");
    make_keys(&folder, "b.keys", "E09000007");
    put_file(&folder, "agent.zpl",
        "data = \"data\"\nkeys = \"a.keys\"\nkeys = \"b.keys\"\njoin = \"network.join\"\n");
    assert_int_equal(
        agent_config_load(&agent_table, AGENT_DATABASE, folder.config, &config, &why), E_CONFIG);
    assert_non_null(strstr(why.text, "E09000007"));
    end(&folder);
}

static int load_with_endpoint(const struct folder *folder, const char *item, struct complaint *why)
{
    struct agent_config config;
    char text[400];

    (void)snprintf(text, sizeof text,
        "data = \"data\"\nkeys = \"a.keys\"\njoin = \"network.join\"\nendpoints = %s\n", item);
    put_file(folder, "agent.zpl", text);
    int rc = agent_config_load(&agent_table, AGENT_DATABASE, folder->config, &config, why);
    if (rc == 0) {
        assert_string_equal(config.endpoints[0], item);
        agent_config_destroy(&config);
    }
    return rc;
}

/* As in a join file. */
static void endpoint__that_is_none__is_refused(void **state)
{
    static const char *const good[] = {"tcp://broker.example:5670", "tcp://127.0.0.1:1",
        "tcp://[::1]:65535", "ipc:///run/waypost/broker.sock"};
    static const char *const bad[] = {"broker.example:5670", "http://broker.example:80",
        "inproc://broker", "tcp://broker.example", "tcp://:5670",
        "tcp://broker.example:", "tcp://broker.example:0", "tcp://broker.example:65536",
        "tcp://broker.example:056700", "tcp://broker.example:5670x", "tcp://broker.example:*",
        "ipc://", "tcp://a:1\"2\""};
    struct folder folder;

    (void)state;
    begin(&folder);
    make_join(&folder);
    make_keys(&folder, "a.keys", "E09000019");
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct complaint why = {0};
        assert_int_equal(load_with_endpoint(&folder, good[i], &why), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct complaint why = {0};
        assert_int_equal(load_with_endpoint(&folder, bad[i], &why), E_CONFIG);
        assert_non_null(strstr(why.text, "endpoints: "));
        assert_non_null(strstr(why.text, "write tcp://HOST:PORT or ipc://PATH"));
    }
    end(&folder);
}

static void option__misspelt__is_answered_with_the_nearest(void **state)
{
    struct folder folder;
    struct agent_config config;
    struct complaint why = {0};

    (void)state;
    begin(&folder);
    put_file(&folder, "agent.zpl", "on-delivry = \"x\"\n");
    assert_int_equal(
        agent_config_load(&agent_table, AGENT_DATABASE, folder.config, &config, &why), E_CONFIG);
    assert_non_null(strstr(why.text, "on-delivery"));
    end(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample__file__is_what_the_program_prints),
        cmocka_unit_test(manual__of_the_configuration__has_the_list_from_the_table),
        cmocka_unit_test(paths__relative__count_from_the_file),
        cmocka_unit_test(keys__of_two_agents__are_refused),
        cmocka_unit_test(endpoint__that_is_none__is_refused),
        cmocka_unit_test(option__misspelt__is_answered_with_the_nearest),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests_name("agent_config", tests, NULL, NULL);
}
