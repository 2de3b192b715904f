/* The table of pairs: what a hub says first does not depend on which authority it met first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

/* Two pairs of one moment; the origin of the first row in the answer. */
static void first_is_camden(const char *met_first, const char *met_then)
{
    struct complaint why = {0};
    struct hub_tables tables;
    store_t *store = NULL;

    memset(&tables, 0, sizeof tables);
    assert_int_equal(store_open(":memory:", "test", "london-hub", &store, &why), 0);
    assert_int_equal(tables_open(&tables, store, world_real(), &why), 0);
    store_begin(store);
    put_pair(&tables, met_first, met_then);
    put_pair(&tables, met_then, met_first);
    assert_int_equal(store_commit(store), 0);
    const struct hub_view view = {
        .tables = &tables, .hub = "london-hub", .now_ms = INT64_C(1773655600000), .days = 30};
    json_t *answer = view_pairs(&view, NULL, 10);
    const json_t *first = json_array_get(json_object_get(answer, "pairs"), 0);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(first, "origin"), "code")), CAMDEN);
    json_decref(answer);
    store_close(&store);
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
    };

    return cmocka_run_group_tests_name("hub_pairs", tests, NULL, NULL);
}
