/*
 * view_case: one case: parties, owners, deadlines, what is expected next, and everything that happened, in order. Owners and
 * expectations are the procedure engine's, folded over the case's own events as they were accepted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hub/view_parts.h"
#include "common/base/check.h"
#include "common/procedure/engine.h"

#include "common/base/banned.h"

/* ---- the timeline ---- */

struct happened {
    int64_t at_ms;
    int order;    /* events before acknowledgements before records of one instant, */
    size_t place; /* then as they were read */
    json_t *row;
    struct buf bytes; /* of an event, owned; empty for the others */
    uint32_t level;   /* of an acknowledgement, with its event and whose it is; else 0 */
    uint8_t event[UUID_BYTES];
    char code[CODE_BYTES + 1];
};

struct moments {
    size_t count, room;
    struct happened *items;
};

static struct happened *moment_add(struct moments *self, int64_t at_ms, int order, json_t *row)
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
    struct happened *made = &self->items[self->count];
    *made = (struct happened){.at_ms = at_ms, .order = order, .place = self->count++, .row = row};
    return made;
}

static int by_time(const void *a, const void *b)
{
    const struct happened *left = a;
    const struct happened *right = b;

    if (left->at_ms != right->at_ms) {
        return left->at_ms < right->at_ms ? -1 : 1;
    }
    if (left->order != right->order) {
        return left->order - right->order;
    }
    return left->place < right->place ? -1 : 1;
}

static void moments_sort(struct moments *self)
{
    if (self->count > 0) {
        qsort(self->items, self->count, sizeof *self->items, by_time);
    }
}

static json_t *moments_json(struct moments *self)
{
    json_t *list = json_array();

    for (size_t i = 0; i < self->count; i++) {
        json_array_append_new(list, self->items[i].row);
        buf_free(&self->items[i].bytes);
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
                struct happened *made = moment_add(&self->moments, at_ms, 1, json);
                made->level = level;
                memcpy(made->event, event, UUID_BYTES);
                tables_code(self->view->tables, row_int(row, 0), made->code);
            }
        }
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
    struct happened *made = moment_add(&self->moments, accepted_ms, 0, json);
    buf_put_slice(&made->bytes, row_blob(row, 2));
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
        " FROM clocks WHERE case_id = ? ORDER BY state, due_ms, subject, clock, event LIMIT ?");

    sql_int(row, 1, self->of->id);
    sql_int(row, 2, HUB_CASE_RECORDS_MAX);
    while (store_row(store, row)) {
        json_array_append_new(list, view_clock(self->view, row));
    }
    return list;
}

/* ---- what the engine says ---- */

static void fold_event(engine_t *engine, const struct happened *moment)
{
    struct event_view view;
    struct fact_set facts;
    uint8_t verdicts[SUBJECTS_MAX];

    if (event_read(buf_slice(&moment->bytes), &view, NULL) == 0 &&
        catalogue_kind(view.kind) != NULL && facts_read(&view, &facts) == 0) {
        const struct engine_event event = {
            .view = &view, .facts = &facts, .accepted_ms = moment->at_ms};
        engine_advance(engine, moment->at_ms);
        (void)engine_event(engine, &event, verdicts);
    }
}

/* Events and levels in the order in which they happened: most clocks start when an event has arrived. */
static void fold_moments(const struct case_reader *self)
{
    for (size_t i = 0; self->engine != NULL && i < self->moments.count; i++) {
        const struct happened *moment = &self->moments.items[i];
        if (moment->bytes.len > 0) {
            fold_event(self->engine, moment);
        } else if (moment->level == LEVEL_PERSISTED) {
            engine_persisted(self->engine, moment->event, moment->code, moment->at_ms);
        } else if (moment->level == LEVEL_OPENED) {
            engine_opened(self->engine, moment->event, moment->code, NULL, NULL, moment->at_ms);
        }
    }
    if (self->engine != NULL) {
        engine_advance(self->engine, self->view->now_ms);
    }
}

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

enum { EXPECTED_TITLE_BYTES = 200 };

static void add_expected(void *context, const struct engine_expectation *expected)
{
    char title[EXPECTED_TITLE_BYTES];
    bool about = expected->about != NULL;

    (void)snprintf(title, sizeof title, "%s%s%s%s", expected->what, about ? " \"" : "",
        about ? expected->about : "", about ? "\"" : "");
    json_array_append_new(context,
        json_pack("{s:s, s:s, s:s, s:b, s:o}", "code", expected->code, "id", expected->id, "title",
            title, "overdue", (int)expected->overdue, "due",
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
    moments_sort(&reader.moments);
    fold_moments(&reader);
    json_object_set_new(json, "hub", json_string(self->hub));
    json_object_set_new(json, "now", part_stamp(self->now_ms));
    json_object_set_new(json, "children", children_json(&reader));
    json_object_set_new(json, "deadlines", read_clocks(&reader));
    json_object_set_new(json, "timeline", moments_json(&reader.moments));
    engine_destroy(&reader.engine);
    return json;
}
