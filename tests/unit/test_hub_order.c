/* Lists of a hub: what stands first does not depend on what was met first, so that a rebuilt hub says the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/agent/store_sql.h"
#include "client/hub/view.h"
#include "common/base/world.h"

#include "common/base/banned.h"

#define ISLINGTON "E09000019"
#define CAMDEN "E09000007"

static void put_pair(struct hub_tables *tables, const char *origin, const char *receiving)
{
    int64_t from = tables_place(tables, origin);
    int64_t to = tables_place(tables, receiving);
    sqlite3_stmt *statement = store_sql(tables->store,
        "INSERT INTO pairs (origin, receiving, cases, events, running, breached, last_ms) VALUES"
        " (?, ?, 1, 9, 0, 0, 1773655500000)");

    sql_int(statement, 1, from);
    sql_int(statement, 2, to);
    store_run(tables->store, statement);
}

static void open_tables(struct hub_tables *tables)
{
    struct complaint why = {0};
    store_t *store = NULL;

    memset(tables, 0, sizeof *tables);
    assert_int_equal(store_open(":memory:", "test", "london-hub", &store, &why), 0);
    assert_int_equal(tables_open(tables, store, world_real(), &why), 0);
    store_begin(store);
}

static struct hub_view view_of(struct hub_tables *tables)
{
    return (struct hub_view){
        .tables = tables, .hub = "london-hub", .now_ms = INT64_C(1773655600000), .days = 30};
}

/* Two pairs of one moment; the origin of the first row in the answer. */
static void first_is_camden(const char *met_first, const char *met_then)
{
    struct hub_tables tables;

    open_tables(&tables);
    put_pair(&tables, met_first, met_then);
    put_pair(&tables, met_then, met_first);
    assert_int_equal(store_commit(tables.store), 0);
    struct hub_view view = view_of(&tables);
    json_t *answer = view_pairs(&view, NULL, 10);
    const json_t *first = json_array_get(json_object_get(answer, "pairs"), 0);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(first, "origin"), "code")), CAMDEN);
    json_decref(answer);
    store_close(&tables.store);
}

/* A case of one moment, named by its first byte, with two clocks that end together with those of all others. */
static void put_case(struct hub_tables *tables, uint8_t name)
{
    static const char *const clocks[] = {"C02", "C01"};
    uint8_t id[UUID_BYTES] = {name};
    int64_t from = tables_place(tables, ISLINGTON);
    int64_t to = tables_place(tables, CAMDEN);
    sqlite3_stmt *row = store_sql(tables->store,
        "INSERT INTO cases (transfer, blind, origin, receiving, first_ms, last_ms, events,"
        " notified_ms, accepted_ms, running, breached, stage)"
        " VALUES (?1, ?2, ?3, ?4, 1, 1773655500000, 1, 1, 0, 2, 0, 0)");

    sql_id(row, 1, id);
    sql_int(row, 2, name);
    sql_int(row, 3, from);
    sql_int(row, 4, to);
    store_run(tables->store, row);
    for (size_t i = 0; i < 2; i++) {
        row = store_sql(tables->store,
            "INSERT INTO clocks (case_id, subject, clock, event, set_ms, due_ms, due, guide, place,"
            " place_two, state, ended_ms, late) SELECT id, ?1, ?2, ?1, 1, 1773655700000,"
            " '2026-03-16', 0, ?3, 0, 1, 0, '' FROM cases WHERE transfer = ?1");
        sql_id(row, 1, id);
        sql_text(row, 2, clocks[(i + name) % 2]);
        sql_int(row, 3, to);
        store_run(tables->store, row);
    }
}

/* Both lists as text: the numbers that the cases are told by, and the clocks. */
static char *lists_of(uint8_t met_first, uint8_t met_then)
{
    const struct deadline_filter filter = {.within_ms = 86400000, .limit = 10};
    struct hub_tables tables;

    open_tables(&tables);
    put_case(&tables, met_first);
    put_case(&tables, met_then);
    assert_int_equal(store_commit(tables.store), 0);
    struct hub_view view = view_of(&tables);
    json_t *deadlines = view_deadlines(&view, &filter);
    json_t *cases = view_cases(&view, NULL, 10);
    assert_int_equal(json_array_size(json_object_get(deadlines, "deadlines")), 4);
    assert_int_equal(json_array_size(json_object_get(cases, "cases")), 2);
    json_t *both = json_array();
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(deadlines, "deadlines"), i, row)
    {
        json_array_append(both, json_object_get(row, "case"));
        json_array_append(both, json_object_get(row, "clock"));
    }
    json_array_foreach(json_object_get(cases, "cases"), i, row)
    {
        json_array_append(both, json_object_get(row, "case"));
    }
    char *text = json_dumps(both, 0);
    json_decref(both);
    json_decref(deadlines);
    json_decref(cases);
    store_close(&tables.store);
    return text;
}

static void deadlines_and_cases__of_one_moment__stand_as_in_a_rebuilt_hub(void **state)
{
    (void)state;
    char *one = lists_of(3, 8);
    char *other = lists_of(8, 3);

    assert_string_equal(one, other);
    free(one);
    free(other);
}

static void pairs__of_one_moment__stand_by_their_codes(void **state)
{
    (void)state;
    first_is_camden(ISLINGTON, CAMDEN);
    first_is_camden(CAMDEN, ISLINGTON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs__of_one_moment__stand_by_their_codes),
        cmocka_unit_test(deadlines_and_cases__of_one_moment__stand_as_in_a_rebuilt_hub),
    };

    return cmocka_run_group_tests_name("hub_order", tests, NULL, NULL);
}
