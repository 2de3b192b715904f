/*
 * Tests of the virtual network: what real cores promise each other holds in one process, over
 * broken connections and restarts, and the same seed gives the same run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/lab/virtual_network.h"
#include "common/base/log.h"
#include "tests/support/disk_vfs.h"
#include "tests/support/procedures_fixture.h"

#include "common/base/banned.h"

#define ISLINGTON "E09000019"
#define CAMDEN "E09000007"
#define START_MS INT64_C(1773655500000) /* 2026-03-16T10:05Z */

enum { SENDER, RECIPIENT, HUB, QUIET_MS = 100, LIMIT_MS = 120000 };

static virtual_network_t *make_with(
    uint64_t seed, const char *recipient, const procedures_t *procedures)
{
    static const struct book_authority rows[] = {
        {ISLINGTON, "Islington", "E12000007", INT32_MIN, INT32_MAX, 0, {NULL}},
        {CAMDEN, "Camden", "E12000007", INT32_MIN, INT32_MAX, 0, {NULL}},
    };
    const struct virtual_member members[] = {
        {ISLINGTON, ISLINGTON, REGISTER_ROLE_AUTHORITY, "", "", ":memory:", NULL},
        {CAMDEN, CAMDEN, REGISTER_ROLE_AUTHORITY, "", "", recipient, NULL},
        {"hub-london", "", REGISTER_ROLE_HUB, "E12000007", "", ":memory:", NULL},
    };
    const struct virtual_options options = {
        .network = "test", .seed = seed, .start_ms = START_MS, .procedures = procedures};
    struct complaint why = {0};

    virtual_network_t *network = virtual_network_new(&options);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        virtual_add_authority(network, &rows[i]);
    }
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        assert_int_equal(virtual_add_agent(network, &members[i]), i);
    }
    virtual_register(network);
    assert_int_equal(virtual_broker_start(network, &why), 0);
    for (size_t i = 0; i < virtual_agent_count(network); i++) {
        assert_int_equal(virtual_agent_start(network, i, &why), 0);
    }
    return network;
}

static virtual_network_t *make(uint64_t seed)
{
    return make_with(seed, ":memory:", NULL);
}

static json_t *ask(virtual_network_t *network, size_t agent, json_t *request)
{
    json_t *answer = virtual_ask(network, agent, request);

    json_decref(request);
    if (!json_is_true(json_object_get(answer, "ok"))) {
        print_error("%s\n", json_string_value(json_object_get(answer, "error")));
    }
    assert_true(json_is_true(json_object_get(answer, "ok")));
    return answer;
}

static void new_transfer(virtual_network_t *network)
{
    json_decref(ask(network, SENDER,
        json_pack("{s:s, s:s, s:s, s:s, s:[{s:s, s:s}]}", "op", "new_transfer", "label", "T",
            "origin", ISLINGTON, "receiving", CAMDEN, "subjects", "name", "ash", "case_type",
            "cp")));
}

static void send_notice(virtual_network_t *network)
{
    json_decref(ask(network, SENDER,
        json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:b}", "op", "send", "kind", "move_notified",
            "transfer", "T", "facts", "permanence", "permanent", "retain_intention", "transfer",
            "allow_incomplete", 1)));
}

static size_t inbox_count(virtual_network_t *network, size_t agent)
{
    json_t *answer = ask(network, agent, json_pack("{s:s}", "op", "inbox"));
    size_t count = json_array_size(json_object_get(answer, "events"));

    json_decref(answer);
    return count;
}

static bool all_persisted(virtual_network_t *network)
{
    json_t *answer = ask(network, SENDER, json_pack("{s:s}", "op", "outbox"));
    json_t *events = json_object_get(answer, "events");
    bool all = true;

    for (size_t i = 0; i < json_array_size(events); i++) {
        json_t *to = json_array_get(json_object_get(json_array_get(events, i), "to"), 0);
        all = all && json_integer_value(json_object_get(to, "level")) == 1;
    }
    json_decref(answer);
    return all;
}

static void event__sent__is_delivered_and_acknowledged(void **state)
{
    virtual_network_t *network = make(1);

    (void)state;
    new_transfer(network);
    send_notice(network);
    assert_true(virtual_settle(network, QUIET_MS, LIMIT_MS));
    assert_int_equal(inbox_count(network, RECIPIENT), 1);
    assert_int_equal(inbox_count(network, HUB), 1);
    assert_true(all_persisted(network));
    virtual_network_destroy(&network);
}

static void broker__killed_and_started__serves_from_its_journal(void **state)
{
    virtual_network_t *network = make(2);
    struct complaint why = {0};

    (void)state;
    new_transfer(network);
    send_notice(network);
    assert_true(virtual_settle(network, QUIET_MS, LIMIT_MS));
    virtual_broker_kill(network);
    send_notice(network);
    virtual_run(network, 5000);
    assert_int_equal(inbox_count(network, RECIPIENT), 1);
    assert_false(all_persisted(network));
    assert_int_equal(virtual_broker_start(network, &why), 0);
    virtual_run(network, 60000);
    assert_int_equal(inbox_count(network, RECIPIENT), 2);
    assert_true(all_persisted(network));
    virtual_network_destroy(&network);
}

static void partition__healed__delivers_what_waited(void **state)
{
    virtual_network_t *network = make(3);

    (void)state;
    new_transfer(network);
    assert_true(virtual_settle(network, QUIET_MS, LIMIT_MS));
    virtual_link(network, RECIPIENT, LINK_SILENT);
    send_notice(network);
    virtual_run(network, 60000);
    assert_int_equal(inbox_count(network, RECIPIENT), 0);
    virtual_link(network, RECIPIENT, LINK_UP);
    virtual_run(network, 120000);
    assert_int_equal(inbox_count(network, RECIPIENT), 1);
    assert_true(all_persisted(network));
    virtual_network_destroy(&network);
}

static void agent__leap_of_a_year__comes_back(void **state)
{
    virtual_network_t *network = make(4);

    (void)state;
    new_transfer(network);
    assert_true(virtual_settle(network, QUIET_MS, LIMIT_MS));
    virtual_leap(network, INT64_C(31536000000));
    send_notice(network);
    virtual_run(network, 60000);
    assert_int_equal(inbox_count(network, RECIPIENT), 1);
    assert_true(all_persisted(network));
    virtual_network_destroy(&network);
}

/* ---- a database that goes back to its copy ---- */

static void file_copy(const struct disk *from, const struct disk *to, const char *name)
{
    struct buf bytes = {0};
    uint64_t size = 0;
    size_t got = 0;
    int file = -1;

    assert_int_equal(from->open(from->context, name, false, &file), 0);
    assert_int_equal(from->size(from->context, file, &size), 0);
    buf_reserve(&bytes, size);
    assert_int_equal(from->read_at(from->context, file, bytes.data, size, 0, &got), 0);
    from->close(from->context, file);
    assert_int_equal(to->open(to->context, name, true, &file), 0);
    assert_int_equal(to->write_at(to->context, file, slice_of(bytes.data, got), 0), 0);
    to->close(to->context, file);
    buf_free(&bytes);
}

static bool alarm_stands(virtual_network_t *network, size_t agent, const char *name)
{
    return store_has_alarm(virtual_store(network, agent), name);
}

static void database__put_back_from_a_copy__goes_on_behind_what_it_acknowledged(void **state)
{
    struct complaint why = {0};
    struct disk now;
    struct disk copy;

    (void)state;
    disk_vfs_register();
    disk_memory_open(&now);
    disk_memory_open(&copy);
    disk_vfs_mount("recipient", &now);
    virtual_network_t *network = make_with(7, "recipient.db", NULL);
    new_transfer(network);
    assert_true(virtual_settle(network, QUIET_MS, LIMIT_MS));
    virtual_agent_kill(network, RECIPIENT); /* closed in order: the file holds everything */
    file_copy(&now, &copy, "recipient.db");
    assert_int_equal(virtual_agent_start(network, RECIPIENT, &why), 0);
    send_notice(network);
    assert_true(virtual_settle(network, QUIET_MS, LIMIT_MS));
    assert_int_equal(inbox_count(network, RECIPIENT), 1);
    virtual_agent_kill(network, RECIPIENT);
    disk_vfs_mount("recipient", &copy);
    assert_int_equal(virtual_agent_start(network, RECIPIENT, &why), 0);
    virtual_run(network, 60000);
    assert_true(alarm_stands(network, RECIPIENT, "stream_gap"));
    send_notice(network);
    virtual_run(network, 60000);
    assert_int_equal(inbox_count(network, RECIPIENT), 1);
    assert_true(all_persisted(network));
    virtual_network_destroy(&network);
    disk_vfs_unregister();
    disk_memory_close(&now);
    disk_memory_close(&copy);
}

static struct hash root_of_run(uint64_t seed)
{
    virtual_network_t *network = make(seed);

    new_transfer(network);
    send_notice(network);
    virtual_run(network, 1000);
    virtual_cut(network, SENDER, true, false);
    send_notice(network);
    virtual_run(network, 60000);
    struct hash root = journal_head(virtual_journal(network))->root;
    virtual_network_destroy(&network);
    return root;
}

/* A list for a person ends at a thousand transfers; the clock of an older one runs all the same. */
static void clocks__of_a_transfer_that_no_list_shows__are_told(void **state)
{
    procedures_t *procedures = NULL;
    struct complaint why = {0};
    struct transfer_row row = {.origin = ISLINGTON, .receiving = CAMDEN};

    (void)state;
    assert_int_equal(fixture_procedures(NULL, NULL, NULL, &procedures, &why), 0);
    virtual_network_t *network = make_with(5, ":memory:", procedures);
    new_transfer(network);
    send_notice(network);
    assert_true(virtual_settle(network, QUIET_MS, LIMIT_MS));
    store_t *store = virtual_store(network, SENDER);
    row.created_ms = START_MS + 86400000;
    store_begin(store);
    for (uint16_t i = 0; i < 1001; i++) {
        memcpy(row.transfer, &i, sizeof i);
        store_transfer_put(store, &row);
    }
    assert_int_equal(store_commit(store), 0);
    json_t *answer = ask(network, SENDER, json_pack("{s:s}", "op", "clocks"));
    assert_true(json_array_size(json_object_get(answer, "clocks")) > 0);
    json_decref(answer);
    virtual_network_destroy(&network);
    procedures_destroy(&procedures);
}

static void seed__same_again__gives_the_same_journal(void **state)
{
    struct hash first = root_of_run(5);
    struct hash second = root_of_run(5);
    struct hash other = root_of_run(6);

    (void)state;
    assert_memory_equal(&first, &second, sizeof first);
    assert_memory_not_equal(&first, &other, sizeof first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event__sent__is_delivered_and_acknowledged),
        cmocka_unit_test(broker__killed_and_started__serves_from_its_journal),
        cmocka_unit_test(partition__healed__delivers_what_waited),
        cmocka_unit_test(agent__leap_of_a_year__comes_back),
        cmocka_unit_test(database__put_back_from_a_copy__goes_on_behind_what_it_acknowledged),
        cmocka_unit_test(clocks__of_a_transfer_that_no_list_shows__are_told),
        cmocka_unit_test(seed__same_again__gives_the_same_journal),
    };

    crypto_start();
    log_init("virtual", LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
