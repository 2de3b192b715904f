/*
 * view_case: one case: parties, owners, deadlines, what is expected next, and everything that happened, in order. Owners and
 * expectations are the procedure engine's, folded over the case's own events as they were accepted.
 */
#include <stdlib.h>
#include <string.h>

#include "client/hub/view_parts.h"
#include "common/base/check.h"
#include "common/procedure/engine.h"

#include "common/base/banned.h"

/* ---- the timeline ---- */

struct happened {
    int64_t at_ms;
    int order; /* events before acknowledgements before records of one instant */
    json_t *row;
};

struct moments {
    size_t count, room;
    struct happened *items;
};

static void moment_add(struct moments *self, int64_t at_ms, int order, json_t *row)
{
    if (self->count == self->room) {
        self->room = self->room == 0 ? 64 : self->room * 2;
        struct happened *grown = mem_new(self->room, sizeof *grown);
        if (self->items != NULL) {
            memcpy(grown, self->items, self->count * sizeof *grown);
            free(self->items);
        }
        self->items = grown;
    }
    json_object_set_new(row, "at", part_stamp(at_ms));
    self->items[self->count++] = (struct happened){at_ms, order, row};
}

static int by_time(const void *a, const void *b)
{
    const struct happened *left = a;
    const struct happened *right = b;

    if (left->at_ms != right->at_ms) {
        return left->at_ms < right->at_ms ? -1 : 1;
    }
    return left->order - right->order;
}

static json_t *moments_json(struct moments *self)
{
    json_t *list = json_array();

    if (self->count > 0) {
        qsort(self->items, self->count, sizeof *self->items, by_time);
    }
    for (size_t i = 0; i < self->count; i++) {
        json_array_append_new(list, self->items[i].row);
    }
    free(self->items);
    return list;
}

/* ---- events and their levels ---- */

struct case_reader {
    const struct hub_view *view;
    const struct hub_case *of;
    engine_t *engine; /* NULL without tables */
    struct moments moments;
};

static const char *verdict_text(uint32_t verdict)
{
    static const char *const words[] = {"unjudged", "effective", "alert", "refused", "held"};

    return verdict < sizeof words / sizeof words[0] ? words[verdict] : "unjudged";
}

static void add_levels(struct case_reader *self, int64_t event_id, const uint8_t *event)
{
    store_t *store = self->view->tables->store;
    sqlite3_stmt *row = store_sql(store,
        "SELECT place, persisted_ms, opened_ms, role, team FROM deliveries WHERE event_id = ?");

    sql_int(row, 1, event_id);
    while (store_row(store, row)) {
        char team[AGENT_TEAM_BYTES_MAX + 1];
        row_text(row, 4, team, sizeof team);
        for (uint32_t level = LEVEL_PERSISTED; level <= LEVEL_OPENED; level++) {
            int64_t at_ms = row_int(row, (int)level);
            if (at_ms != 0) {
                json_t *json = part_level(self->view, row_int(row, 0), level, at_ms,
                    level == LEVEL_OPENED ? (uint32_t)row_int(row, 3) : 0,
                    level == LEVEL_OPENED ? team : "");
                json_object_set_new(json, "type", json_string("ack"));
                json_object_set_new(json, "event", part_blind(self->view, BLIND_EVENT, event));
                moment_add(&self->moments, at_ms, 1, json);
            }
        }
    }
}

static void fold_event(struct case_reader *self, const struct event_view *view, int64_t accepted_ms)
{
    struct fact_set facts;
    uint8_t verdicts[SUBJECTS_MAX];

    if (self->engine != NULL && catalogue_kind(view->kind) != NULL &&
        facts_read(view, &facts) == 0) {
        const struct engine_event event = {
            .view = view, .facts = &facts, .accepted_ms = accepted_ms};
        (void)engine_event(self->engine, &event, verdicts);
    }
}

static void add_event(struct case_reader *self, sqlite3_stmt *row)
{
    struct event_view view;
    int64_t accepted_ms = row_int(row, 3);

    if (event_read(row_blob(row, 2), &view, NULL) != 0) {
        return;
    }
    json_t *json = json_pack("{s:s, s:s, s:s, s:o}", "type", "event", "title",
        part_kind_title(view.kind), "verdict", verdict_text((uint32_t)row_int(row, 1)), "event",
        part_event(self->view, &view));
    assert(json != NULL);
    moment_add(&self->moments, accepted_ms, 0, json);
    fold_event(self, &view, accepted_ms);
    add_levels(self, row_int(row, 0), view.id);
}

static void read_events(struct case_reader *self)
{
    store_t *store = self->view->tables->store;
    sqlite3_stmt *row = store_sql(store,
        "SELECT id, verdict, bytes, accepted_ms FROM events WHERE case_id = ? ORDER BY id LIMIT ?");

    sql_int(row, 1, self->of->id);
    sql_int(row, 2, HUB_CASE_EVENTS_MAX);
    while (store_row(store, row)) {
        add_event(self, row);
    }
}

static void read_records(struct case_reader *self)
{
    store_t *store = self->view->tables->store;
    sqlite3_stmt *row = store_sql(store,
        "SELECT " RECORD_COLUMNS
        " FROM said WHERE case_id = ? AND case_id > 0 ORDER BY leaf LIMIT ?");

    sql_int(row, 1, self->of->id);
    sql_int(row, 2, HUB_CASE_RECORDS_MAX);
    while (store_row(store, row)) {
        json_t *json = part_record(self->view, row);
        json_object_set_new(json, "type", json_string("record"));
        moment_add(&self->moments, row_int(row, 3), 2, json);
    }
}

static json_t *read_clocks(struct case_reader *self)
{
    store_t *store = self->view->tables->store;
    json_t *list = json_array();
    sqlite3_stmt *row = store_sql(store,
        "SELECT " VIEW_CLOCK_COLUMNS
        " FROM clocks WHERE case_id = ? ORDER BY state, due_ms LIMIT ?");

    sql_int(row, 1, self->of->id);
    sql_int(row, 2, HUB_CASE_RECORDS_MAX);
    while (store_row(store, row)) {
        json_array_append_new(list, view_clock(self->view, row));
    }
    return list;
}

/* ---- what the engine says ---- */

struct children {
    size_t count;
    uint8_t refs[HUB_CASE_CHILDREN_MAX][UUID_BYTES];
};

static void add_child(struct children *self, const uint8_t *ref)
{
    for (size_t i = 0; i < self->count; i++) {
        if (memcmp(self->refs[i], ref, UUID_BYTES) == 0) {
            return;
        }
    }
    if (self->count < HUB_CASE_CHILDREN_MAX) {
        memcpy(self->refs[self->count++], ref, UUID_BYTES);
    }
}

static void find_children(struct case_reader *self, struct children *out)
{
    store_t *store = self->view->tables->store;
    sqlite3_stmt *row =
        store_sql(store, "SELECT bytes FROM events WHERE case_id = ? ORDER BY id LIMIT ?");

    sql_int(row, 1, self->of->id);
    sql_int(row, 2, HUB_CASE_EVENTS_MAX);
    while (store_row(store, row)) {
        struct event_view view;
        if (event_read(row_blob(row, 0), &view, NULL) == 0) {
            for (size_t i = 0; i < view.subject_count; i++) {
                add_child(out, view.subjects[i].ref);
            }
        }
    }
}

static json_t *owners_of(const struct case_reader *self, const uint8_t *ref)
{
    json_t *owners = json_object();

    for (int i = 0; self->engine != NULL && i < DIM_COUNT; i++) {
        const char *codes[8];
        size_t count =
            engine_owner(self->engine, self->of->transfer, ref, (enum dimension)i, codes);
        json_t *list = json_array();
        for (size_t k = 0; k < count; k++) {
            json_array_append_new(list, json_string(codes[k]));
        }
        json_object_set_new(owners, dimension_names[i], list);
    }
    return owners;
}

/* Of clocks and obligations alone: levels are shown by the timeline, and this engine is not told them. */
static void add_expected(void *context, const struct engine_expectation *expected)
{
    if (expected->about != NULL) {
        return;
    }
    json_array_append_new(context,
        json_pack("{s:s, s:s, s:s, s:b, s:o}", "code", expected->code, "id", expected->id, "title",
            expected->what, "overdue", (int)expected->overdue, "due",
            expected->due.timed ? part_stamp(expected->due.runs_out_ms) : json_null()));
}

static json_t *children_json(struct case_reader *self)
{
    struct children children = {0};
    json_t *list = json_array();

    find_children(self, &children);
    for (size_t i = 0; i < children.count; i++) {
        json_t *expected = json_array();
        if (self->engine != NULL) {
            engine_expected(
                self->engine, self->of->transfer, children.refs[i], add_expected, expected);
        }
        json_array_append_new(list,
            json_pack("{s:o, s:o, s:o}", "child",
                part_blind(self->view, BLIND_CHILD, children.refs[i]), "owners",
                owners_of(self, children.refs[i]), "expected", expected));
    }
    return list;
}

json_t *view_case(const struct hub_view *self, const struct hub_case *of)
{
    struct case_reader reader = {.view = self, .of = of};
    json_t *json = view_case_head(self, of);

    reader.engine = self->procedures == NULL ? NULL : engine_new(self->procedures, NULL, NULL);
    read_events(&reader);
    read_records(&reader);
    if (reader.engine != NULL) {
        engine_advance(reader.engine, self->now_ms);
    }
    json_object_set_new(json, "hub", json_string(self->hub));
    json_object_set_new(json, "now", part_stamp(self->now_ms));
    json_object_set_new(json, "children", children_json(&reader));
    json_object_set_new(json, "deadlines", read_clocks(&reader));
    json_object_set_new(json, "timeline", moments_json(&reader.moments));
    engine_destroy(&reader.engine);
    return json;
}
