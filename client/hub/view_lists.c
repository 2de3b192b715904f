/* view_lists: deadlines, cases, and events that nobody has opened: what an officer goes through, oldest or soonest first. */
#include <string.h>

#include "client/hub/keep.h"
#include "client/hub/view_parts.h"
#include "common/base/check.h"
#include "common/procedure/telling.h"

#include "common/base/banned.h"

/* ---- deadlines ---- */

static const char *const clock_words[] = {
    "", "running", "met", "cancelled", "breached", "breached", "superseded"};

/* Nothing where it was in time. */
static void put_late(const char *word, json_t *json)
{
    enum limit_unit unit = LIMIT_D;
    int32_t late = 0;
    char text[LATE_TEXT_BYTES];

    if (late_read(word, &unit, &late)) {
        json_object_set_new(json, "late", json_integer(late));
        json_object_set_new(json, "late_unit", json_string(late_unit_title(unit)));
        json_object_set_new(json, "late_text", json_string(late_text(unit, late, text)));
    }
}

json_t *view_clock(const struct hub_view *self, sqlite3_stmt *row)
{
    char clock[16];
    char due[48];
    char late[LATE_WORD_BYTES];
    json_t *binds = json_array();
    int64_t state = row_int(row, 9);
    struct slice subject = row_blob(row, 1);

    row_text(row, 2, clock, sizeof clock);
    row_text(row, 4, due, sizeof due);
    for (int i = 0; i < 2; i++) {
        if (row_int(row, 6 + i) != 0) {
            json_array_append_new(binds, part_place(self, row_int(row, 6 + i)));
        }
    }
    json_t *json = json_pack("{s:s, s:s, s:o, s:s, s:b, s:b, s:o}", "clock", clock, "name",
        part_clock_name(self, clock), "binds", binds, "state",
        clock_words[state >= 1 && state <= 6 ? state : 0], "guide", (int)(row_int(row, 5) != 0),
        "ended", (int)(state == HUB_CLOCK_BREACHED_ENDED), "set", part_stamp(row_int(row, 8)));
    assert(json != NULL);
    if (subject.len == UUID_BYTES) {
        json_object_set_new(json, "child", part_blind(self, BLIND_CHILD, subject.data));
    }
    json_object_set_new(json, "due", row_int(row, 3) == 0 ? json_null() : json_string(due));
    if (row_int(row, 3) != 0) {
        json_object_set_new(json, "runs_out", part_stamp(row_int(row, 3)));
        json_object_set_new(
            json, "left_ms", json_integer((json_int_t)(row_int(row, 3) - self->now_ms)));
    }
    row_text(row, 10, late, sizeof late);
    put_late(late, json);
    return json;
}

static json_t *deadline_json(const struct hub_view *self, sqlite3_stmt *row)
{
    json_t *json = view_clock(self, row);

    json_object_set_new(json, "case", part_case(row_int(row, 11)));
    json_object_set_new(json, "origin", part_place(self, row_int(row, 12)));
    json_object_set_new(json, "receiving", part_place(self, row_int(row, 13)));
    return json;
}

#define DEADLINE_SQL(state)                                                                        \
    "SELECT " VIEW_CLOCK_COLUMNS ", cases.blind, cases.origin, cases.receiving FROM clocks JOIN "  \
    "cases ON cases.id = clocks.case_id WHERE state = " state " AND due_ms > 0 AND due_ms <= ?1 "  \
    "AND (?2 = 0 OR place = ?2 OR place_two = ?2) AND (?3 OR guide = 0) ORDER BY due_ms, "         \
    "clocks.subject, clocks.clock, clocks.event LIMIT ?4"

/* Number of a code that is known; -1 where it is not. */
static int64_t place_known(const struct hub_view *self, const char *code)
{
    store_t *store = self->tables->store;
    sqlite3_stmt *row = store_sql(store, "SELECT id FROM places WHERE code = ?");
    int64_t place = -1;

    sql_text(row, 1, code);
    if (store_row(store, row)) {
        place = row_int(row, 0);
        store_stop(row);
    }
    return place;
}

json_t *view_deadlines(const struct hub_view *self, const struct deadline_filter *filter)
{
    store_t *store = self->tables->store;
    int64_t until_ms =
        filter->within_ms > INT64_MAX - self->now_ms ? INT64_MAX : self->now_ms + filter->within_ms;
    int64_t place = filter->code == NULL ? 0 : place_known(self, filter->code);
    json_t *rows = json_array();
    sqlite3_stmt *row = filter->breached ? store_sql(store, DEADLINE_SQL("4"))
                                         : store_sql(store, DEADLINE_SQL("1"));

    sql_int(row, 1, until_ms);
    sql_int(row, 2, place);
    sql_int(row, 3, filter->guides ? 1 : 0);
    sql_int(row, 4, (int64_t)filter->limit + 1);
    while (store_row(store, row)) {
        if (json_array_size(rows) == filter->limit) {
            store_stop(row);
            return json_pack("{s:s, s:o, s:b, s:o}", "hub", self->hub, "at",
                part_stamp(self->now_ms), "more", 1, "deadlines", rows);
        }
        json_array_append_new(rows, deadline_json(self, row));
    }
    return json_pack("{s:s, s:o, s:b, s:o}", "hub", self->hub, "at", part_stamp(self->now_ms),
        "more", 0, "deadlines", rows);
}

/* ---- cases ---- */

json_t *view_case_head(const struct hub_view *self, const struct hub_case *of)
{
    json_t *json =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "case", part_case(of->blind),
            "origin", part_place(self, of->origin), "receiving", part_place(self, of->receiving),
            "first", part_stamp(of->first_ms), "last", part_stamp(of->last_ms), "events",
            (json_int_t)of->events, "running", (json_int_t)of->running, "breached",
            (json_int_t)of->breached, "dispute_stage", (json_int_t)of->stage);

    assert(json != NULL);
    json_object_set_new(json, "notified", part_stamp(of->notified_ms));
    json_object_set_new(json, "accepted", part_stamp(of->accepted_ms));
    return json;
}

json_t *view_cases(const struct hub_view *self, const char *code, size_t limit)
{
    store_t *store = self->tables->store;
    int64_t place = code == NULL ? 0 : place_known(self, code);
    json_t *rows = json_array();
    sqlite3_stmt *row = store_sql(store,
        "SELECT id FROM cases WHERE (?1 = 0 OR origin = ?1 OR receiving = ?1) ORDER BY last_ms "
        "DESC, transfer LIMIT ?2");

    sql_int(row, 1, place);
    sql_int(row, 2, (int64_t)limit);
    while (store_row(store, row)) {
        struct hub_case of;
        if (tables_case_numbered(self->tables, row_int(row, 0), &of) == 0) {
            json_array_append_new(rows, view_case_head(self, &of));
        }
    }
    return json_pack(
        "{s:s, s:o, s:o}", "hub", self->hub, "at", part_stamp(self->now_ms), "cases", rows);
}

/* ---- unopened ---- */

static json_t *unopened_json(const struct hub_view *self, sqlite3_stmt *row)
{
    struct slice event = row_blob(row, 2);
    json_t *json = json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "case", part_case(row_int(row, 4)),
        "at_authority", part_place(self, row_int(row, 0)), "title",
        part_kind_title((uint32_t)row_int(row, 3)), "accepted", part_stamp(row_int(row, 5)),
        "persisted", part_stamp(row_int(row, 1)), "from", part_place(self, row_int(row, 6)));

    assert(json != NULL);
    if (event.len == UUID_BYTES) {
        json_object_set_new(json, "event", part_blind(self, BLIND_EVENT, event.data));
    }
    return json;
}

#define UNOPENED_COLUMNS                                                                           \
    "deliveries.place, deliveries.persisted_ms, events.event, events.kind, cases.blind, "          \
    "events.accepted_ms, events.sender"
#define UNOPENED_FROM                                                                              \
    " FROM deliveries JOIN events ON events.id = deliveries.event_id JOIN cases ON cases.id = "    \
    "events.case_id WHERE deliveries.opened_ms = 0 "

/* By authority, oldest first within each: the index has them so, and no sort is needed. */
json_t *view_unopened(const struct hub_view *self, const char *code, size_t limit)
{
    store_t *store = self->tables->store;
    json_t *rows = json_array();
    sqlite3_stmt *row = code == NULL
        ? store_sql(store,
              "SELECT " UNOPENED_COLUMNS UNOPENED_FROM
              "ORDER BY deliveries.place, deliveries.event_id LIMIT ?2")
        : store_sql(store,
              "SELECT " UNOPENED_COLUMNS UNOPENED_FROM
              "AND deliveries.place = ?1 ORDER BY deliveries.event_id LIMIT ?2");

    if (code != NULL) {
        sql_int(row, 1, place_known(self, code));
    }
    sql_int(row, 2, (int64_t)limit);
    while (store_row(store, row)) {
        json_array_append_new(rows, unopened_json(self, row));
    }
    return json_pack(
        "{s:s, s:o, s:o}", "hub", self->hub, "at", part_stamp(self->now_ms), "events", rows);
}
