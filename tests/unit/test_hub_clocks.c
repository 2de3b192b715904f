/* Tests of what a hub keeps of deadlines: their records in, the deadlines of a case out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/agent/store_sql.h"
#include "client/hub/keep_clocks.h"
#include "client/hub/view.h"
#include "common/base/world.h"
#include "common/codec/frame.h"

#include "common/base/banned.h"

#define NOW_MS INT64_C(1773655600000) /* 16 March 2026 */

static const uint8_t ash[UUID_BYTES] = {1};
static struct hub_tables tables;
static struct hub_case one_case;

static int setup(void **state)
{
    struct complaint why = {0};
    store_t *store = NULL;

    (void)state;
    memset(&tables, 0, sizeof tables);
    assert_int_equal(store_open(":memory:", "test", "london-hub", &store, &why), 0);
    assert_int_equal(tables_open(&tables, store, world_real(), &why), 0);
    store_begin(store);
    one_case = (struct hub_case){.id = 1, .transfer = {9}};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(&tables.store);
    return 0;
}

static void keep_said(Waypost__SystemKind kind, const char *detail)
{
    const struct kept_record record = {.kind = (uint32_t)kind,
        .subject = ash,
        .event = ash,
        .clock = "C01",
        .rule = "",
        .detail = detail,
        .at_ms = NOW_MS};

    keep_clock(&tables, &record, &one_case);
}

/* The only deadline of the case. */
static json_t *deadline(void)
{
    const struct hub_view view = {.tables = &tables, .hub = "london-hub", .now_ms = NOW_MS};
    json_t *answer = view_case(&view, &one_case);
    json_t *list = json_object_get(answer, "deadlines");

    assert_int_equal(json_array_size(list), 1);
    json_t *first = json_incref(json_array_get(list, 0));
    json_decref(answer);
    return first;
}

static void lateness__of_a_deadline__is_told_in_the_unit_of_its_record(void **state)
{
    static const struct {
        const char *detail, *unit, *text;
        int late;
    } rows[] = {
        {"state=breached late=3wd reason=conference_held", "working days", "3 working days late",
            3},
        {"state=breached late=3d reason=conference_held", "days", "3 days late", 3},
        {"state=breached late=90min reason=conference_held", "minutes", "1 h 30 min late", 90},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        teardown(state);
        setup(state);
        keep_said(WAYPOST__SYSTEM_KIND__DEADLINE_SET, "due=2026-03-12 binds=E09000007 advisory=no");
        keep_said(WAYPOST__SYSTEM_KIND__DEADLINE_BREACHED, "due=2026-03-12");
        keep_said(WAYPOST__SYSTEM_KIND__DEADLINE_STOPPED, rows[i].detail);
        json_t *got = deadline();
        assert_string_equal(json_string_value(json_object_get(got, "state")), "breached");
        assert_true(json_is_true(json_object_get(got, "ended")));
        assert_int_equal(json_integer_value(json_object_get(got, "late")), rows[i].late);
        assert_string_equal(json_string_value(json_object_get(got, "late_unit")), rows[i].unit);
        assert_string_equal(json_string_value(json_object_get(got, "late_text")), rows[i].text);
        json_decref(got);
    }
}

static void lateness__of_what_came_in_time__is_not_told(void **state)
{
    (void)state;
    keep_said(WAYPOST__SYSTEM_KIND__DEADLINE_SET, "due=2026-03-12 binds=E09000007 advisory=no");
    keep_said(WAYPOST__SYSTEM_KIND__DEADLINE_STOPPED, "state=met late=0 reason=conference_held");
    json_t *got = deadline();
    assert_string_equal(json_string_value(json_object_get(got, "state")), "met");
    assert_null(json_object_get(got, "late"));
    assert_null(json_object_get(got, "late_text"));
    json_decref(got);
}

/* As a hub of before left it: the tables are made anew, what it was keyed with stays, and it is filled from the beginning. */
static void tables__of_an_older_hub__are_filled_anew(void **state)
{
    uint8_t key[sizeof tables.blind_key];
    struct complaint why = {0};
    store_t *store = tables.store;

    (void)state;
    memcpy(key, tables.blind_key, sizeof key);
    keep_said(WAYPOST__SYSTEM_KIND__DEADLINE_SET, "due=2026-03-12 binds=E09000007 advisory=no");
    tables_past(&tables, -1, 0);
    store_run(store, store_sql(store, "UPDATE hub SET version = 1"));
    assert_int_equal(store_commit(store), 0);
    memset(&tables, 0, sizeof tables);
    assert_int_equal(tables_open(&tables, store, world_real(), &why), 0);
    assert_memory_equal(tables.blind_key, key, sizeof key);
    assert_int_equal(tables.past_leaf, 0);
    sqlite3_stmt *row = store_sql(store, "SELECT count(*) FROM clocks");
    assert_true(store_row(store, row));
    assert_int_equal(row_int(row, 0), 0);
    store_stop(row);
    store_begin(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            lateness__of_a_deadline__is_told_in_the_unit_of_its_record, setup, teardown),
        cmocka_unit_test_setup_teardown(
            lateness__of_what_came_in_time__is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(tables__of_an_older_hub__are_filled_anew, setup, teardown),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests_name("hub_clocks", tests, NULL, NULL);
}
