/*
 * view_feed: the newest entries one by one, in the shape in which an agent's `watch` gives its own (docs/LOCAL-API.md), with
 * blinded ids.
 */
#include <string.h>

#include "client/hub/keep.h"
#include "client/hub/view_parts.h"
#include "common/base/check.h"

#include "common/base/banned.h"

struct feed_entry {
    int64_t position, part, ref, at_ms, kept_ms, place;
    enum hub_feed_what what;
    uint32_t level, role;
    char team[AGENT_TEAM_BYTES_MAX + 1];
};

int64_t view_feed_last(const struct hub_view *self)
{
    store_t *store = self->tables->store;
    sqlite3_stmt *row = store_sql(store, "SELECT ifnull(max(position), 0) FROM feed");
    int64_t last = 0;

    if (store_row(store, row)) {
        last = row_int(row, 0);
        store_stop(row);
    }
    return last;
}

int64_t view_feed_before_last(const struct hub_view *self, int64_t entries)
{
    store_t *store = self->tables->store;
    sqlite3_stmt *row = store_sql(store,
        "SELECT ifnull((SELECT position FROM feed ORDER BY position DESC LIMIT 1 OFFSET ?), 0)");
    int64_t position = 0;

    sql_int(row, 1, entries);
    if (store_row(store, row)) {
        position = row_int(row, 0);
        store_stop(row);
    }
    return position;
}

static bool read_entry(const struct hub_view *self, int64_t position, struct feed_entry *out)
{
    store_t *store = self->tables->store;
    sqlite3_stmt *row = store_sql(store,
        "SELECT position, part, what, ref, at_ms, kept_ms, place, level, role, team FROM feed "
        "WHERE "
        "position > ? ORDER BY position, part LIMIT 1");

    sql_int(row, 1, position);
    if (!store_row(store, row)) {
        return false;
    }
    *out = (struct feed_entry){.position = row_int(row, 0),
        .part = row_int(row, 1),
        .what = (enum hub_feed_what)row_int(row, 2),
        .ref = row_int(row, 3),
        .at_ms = row_int(row, 4),
        .kept_ms = row_int(row, 5),
        .place = row_int(row, 6),
        .level = (uint32_t)row_int(row, 7),
        .role = (uint32_t)row_int(row, 8)};
    row_text(row, 9, out->team, sizeof out->team);
    store_stop(row);
    return true;
}

/* ---- whose it is ---- */

static bool place_in(const struct hub_view *self, int64_t place, const char *region)
{
    char code[CODE_BYTES + 1];

    tables_code(self->tables, place, code);
    const struct register_authority *authority =
        self->tables->book == NULL ? NULL : register_authority_of(self->tables->book, code);
    return authority != NULL &&
        (strcmp(authority->region_code, region) == 0 || strcmp(authority->region, region) == 0);
}

static void put_case(const struct hub_view *self, json_t *json, const struct hub_case *of)
{
    if (of->id != 0) {
        json_object_set_new(json, "case", part_case(of->blind));
        json_object_set_new(json, "origin", part_place(self, of->origin));
        json_object_set_new(json, "receiving", part_place(self, of->receiving));
    }
}

/* ---- by type ---- */

static const char *verdict_text(int64_t verdict)
{
    static const char *const words[] = {"unjudged", "effective", "alert", "refused", "held"};

    return verdict >= 0 && verdict < 5 ? words[verdict] : "unjudged";
}

static json_t *event_row(const struct hub_view *self, int64_t id, struct hub_case *of)
{
    store_t *store = self->tables->store;
    struct event_view view;
    json_t *json = NULL;
    sqlite3_stmt *row =
        store_sql(store, "SELECT case_id, verdict, accepted_ms, bytes FROM events WHERE id = ?");

    sql_int(row, 1, id);
    if (!store_row(store, row)) {
        return json_object();
    }
    (void)tables_case_numbered(self->tables, row_int(row, 0), of);
    if (event_read(row_blob(row, 3), &view, NULL) == 0) {
        json = json_pack("{s:o, s:o, s:s, s:s, s:o, s:b}", "event", part_event(self, &view), "id",
            part_blind(self, BLIND_EVENT, view.id), "title", part_kind_title(view.kind), "verdict",
            verdict_text(row_int(row, 1)), "accepted", part_stamp(row_int(row, 2)), "sealed",
            (int)view.has_payload);
    }
    store_stop(row);
    return json == NULL ? json_object() : json;
}

static json_t *event_name(const struct hub_view *self, int64_t id, struct hub_case *of)
{
    store_t *store = self->tables->store;
    json_t *name = NULL;
    sqlite3_stmt *row = store_sql(store, "SELECT case_id, event FROM events WHERE id = ?");

    sql_int(row, 1, id);
    if (store_row(store, row)) {
        (void)tables_case_numbered(self->tables, row_int(row, 0), of);
        if (row_blob(row, 1).len == UUID_BYTES) {
            name = part_blind(self, BLIND_EVENT, row_blob(row, 1).data);
        }
        store_stop(row);
    }
    return name == NULL ? json_null() : name;
}

static json_t *ack_row(
    const struct hub_view *self, const struct feed_entry *entry, struct hub_case *of)
{
    json_t *level =
        part_level(self, entry->place, entry->level, entry->at_ms, entry->role, entry->team);

    json_object_set_new(level, "event", event_name(self, entry->ref, of));
    return json_pack("{s:[o]}", "levels", level);
}

static json_t *record_row(const struct hub_view *self, int64_t leaf, struct hub_case *of)
{
    store_t *store = self->tables->store;
    sqlite3_stmt *row =
        store_sql(store, "SELECT " RECORD_COLUMNS ", case_id FROM said WHERE leaf = ?");

    sql_int(row, 1, leaf);
    if (!store_row(store, row)) {
        return json_object();
    }
    (void)tables_case_numbered(self->tables, row_int(row, 10), of);
    json_t *json = json_pack("{s:o}", "record", part_record(self, row));
    store_stop(row);
    return json;
}

static json_t *entry_json(
    const struct hub_view *self, const struct feed_entry *entry, struct hub_case *of)
{
    static const char *const types[] = {"", "event", "record", "ack", "held"};
    json_t *json;

    switch (entry->what) {
    case FEED_EVENT:
        json = event_row(self, entry->ref, of);
        break;
    case FEED_RECORD:
        json = record_row(self, entry->ref, of);
        break;
    case FEED_ACK:
        json = ack_row(self, entry, of);
        break;
    case FEED_HELD:
    default:
        json = json_pack("{s:o}", "id", event_name(self, entry->ref, of));
        break;
    }
    assert(json != NULL);
    json_object_set_new(json, "number", json_integer((json_int_t)entry->position));
    json_object_set_new(json, "type", json_string(types[entry->what]));
    json_object_set_new(json, "at", part_stamp(entry->at_ms));
    json_object_set_new(json, "persisted", part_stamp(entry->kept_ms));
    return json;
}

/* Acknowledgements of one entry stand in one line. */
static void add_parts(const struct hub_view *self, const struct feed_entry *first, json_t *json)
{
    store_t *store = self->tables->store;
    json_t *levels = json_object_get(json, "levels");
    sqlite3_stmt *row = store_sql(store,
        "SELECT ref, at_ms, place, level, role, team FROM feed WHERE position = ? AND part > ? AND "
        "what = 3 ORDER BY part");

    sql_int(row, 1, first->position);
    sql_int(row, 2, first->part);
    while (levels != NULL && store_row(store, row)) {
        struct hub_case unused = {0};
        char team[AGENT_TEAM_BYTES_MAX + 1];
        row_text(row, 5, team, sizeof team);
        json_t *level = part_level(self, row_int(row, 2), (uint32_t)row_int(row, 3),
            row_int(row, 1), (uint32_t)row_int(row, 4), team);
        json_object_set_new(level, "event", event_name(self, row_int(row, 0), &unused));
        json_array_append_new(levels, level);
    }
}

json_t *view_feed_next(const struct hub_view *self, const char *region, int64_t *position)
{
    struct feed_entry entry;

    while (read_entry(self, *position, &entry)) {
        struct hub_case of = {0};
        *position = entry.position;
        json_t *json = entry_json(self, &entry, &of);
        if (region[0] == '\0' || place_in(self, of.origin, region) ||
            place_in(self, of.receiving, region)) {
            put_case(self, json, &of);
            add_parts(self, &entry, json);
            return json;
        }
        json_decref(json);
    }
    return NULL;
}
