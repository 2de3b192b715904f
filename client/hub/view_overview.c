/*
 * view_overview: the region, and each authority in it or facing it: flow, what waits and how long, deadlines, waits for an
 * acceptance, disputes, silence. A few hundred rows of each table are read, whatever the number of events.
 */
#include <stdlib.h>
#include <string.h>

#include "client/hub/view_parts.h"
#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { STAGES_MAX = 8 };

/* Ages by which what waits is counted: below these many hours; the last without end. */
static const int64_t age_hours[HUB_AGE_COUNT - 1] = {1, 24, 72, 168};

enum measure {
    SENT,
    RECEIVED,
    NOTICES,
    ACCEPTANCES,
    REFUSALS,
    RUNNING,
    BREACHED,
    NOT_PERSISTED, /* of all ages */
    NOT_OPENED,    /* likewise: persisted, and opened by nobody */
    REGION_MEASURES,
    ALERTS = REGION_MEASURES, /* from here on not summed over the region */
    MISSED,
    DISPUTES,
    MEASURES
};

static const char *const measure_names[MEASURES] = {"sent", "received", "notices", "acceptances",
    "refusals", "running", "breached", "not_persisted", "not_opened", "alerts", "missed",
    "disputes"};

struct place_sum {
    char code[CODE_BYTES + 1];
    bool here; /* in the region */
    int64_t heard_ms, said_ms;
    const struct hub_contact *contact; /* lent */
    int64_t counts[MEASURES];
    int64_t shown[MEASURES]; /* the same as far as it is told (counts.h) */
    int64_t unpersisted[HUB_AGE_COUNT];
    int64_t unopened[HUB_AGE_COUNT];
    int64_t oldest_unpersisted_ms, oldest_unopened_ms; /* since, 0 for none */
    size_t span_first, span_count;
};

struct span_row {
    int64_t place, hours, count;
};

struct overview {
    const struct hub_view *view;
    size_t place_count; /* places[1 .. place_count], by number */
    struct place_sum *places;
    int64_t stages[STAGES_MAX + 1];
    struct span_part *spans;
    size_t span_count;
    int64_t *region_hours; /* waits of the region by hour */
};

static struct place_sum *sum_of(struct overview *self, int64_t place)
{
    return place >= 1 && place <= (int64_t)self->place_count ? &self->places[place] : NULL;
}

/* ---- reading ---- */

static void read_places(struct overview *self)
{
    store_t *store = self->view->tables->store;
    sqlite3_stmt *row = store_sql(
        store, "SELECT id, code, heard_ms, said_ms, running, breached FROM places ORDER BY id");

    self->places = mem_new(HUB_PLACES_MAX + 1, sizeof *self->places);
    while (store_row(store, row)) {
        int64_t id = row_int(row, 0);
        if (id < 1 || id > HUB_PLACES_MAX) {
            continue;
        }
        struct place_sum *place = &self->places[id];
        row_text(row, 1, place->code, sizeof place->code);
        place->here = tables_in_area(self->view->tables, place->code);
        place->heard_ms = row_int(row, 2);
        place->said_ms = row_int(row, 3);
        place->counts[RUNNING] = row_int(row, 4);
        place->counts[BREACHED] = row_int(row, 5);
        place->contact = &self->view->tables->contacts[id];
        self->place_count = (size_t)id;
    }
}

static void read_flow(struct overview *self)
{
    store_t *store = self->view->tables->store;
    sqlite3_stmt *row = store_sql(store,
        "SELECT origin, receiving, by_origin, by_receiving, notices, acceptances, refusals, "
        "alerts, "
        "breaches FROM pair_days WHERE day >= ?");

    sql_int(row, 1, part_first_day(self->view));
    while (store_row(store, row)) {
        struct place_sum *origin = sum_of(self, row_int(row, 0));
        struct place_sum *receiving = sum_of(self, row_int(row, 1));
        if (origin == NULL || receiving == NULL) {
            continue;
        }
        origin->counts[SENT] += row_int(row, 2);
        origin->counts[RECEIVED] += row_int(row, 3);
        receiving->counts[SENT] += row_int(row, 3);
        receiving->counts[RECEIVED] += row_int(row, 2);
        origin->counts[NOTICES] += row_int(row, 4);
        receiving->counts[ACCEPTANCES] += row_int(row, 5);
        receiving->counts[REFUSALS] += row_int(row, 6);
        origin->counts[ALERTS] += row_int(row, 7);
        receiving->counts[ALERTS] += row_int(row, 7);
        origin->counts[MISSED] += row_int(row, 8);
        receiving->counts[MISSED] += row_int(row, 8);
    }
}

static size_t age_of(int64_t hours)
{
    size_t age = 0;

    while (age < HUB_AGE_COUNT - 1 && hours >= age_hours[age]) {
        age++;
    }
    return age;
}

static void note_oldest(int64_t *oldest_ms, int64_t hour)
{
    int64_t ms = hour * HUB_HOUR_MS;

    *oldest_ms = *oldest_ms == 0 || ms < *oldest_ms ? ms : *oldest_ms;
}

static void read_waiting(struct overview *self)
{
    store_t *store = self->view->tables->store;
    int64_t this_hour = self->view->now_ms / HUB_HOUR_MS;
    sqlite3_stmt *row =
        store_sql(store, "SELECT place, hour, unpersisted, unopened - unpersisted FROM waiting");

    while (store_row(store, row)) {
        struct place_sum *place = sum_of(self, row_int(row, 0));
        size_t age = age_of(this_hour - row_int(row, 1));
        if (place == NULL) {
            continue;
        }
        place->unpersisted[age] += row_int(row, 2);
        place->unopened[age] += row_int(row, 3);
        place->counts[NOT_PERSISTED] += row_int(row, 2);
        place->counts[NOT_OPENED] += row_int(row, 3);
        if (row_int(row, 2) > 0) {
            note_oldest(&place->oldest_unpersisted_ms, row_int(row, 1));
        }
        if (row_int(row, 3) > 0) {
            note_oldest(&place->oldest_unopened_ms, row_int(row, 1));
        }
    }
}

static void read_disputes(struct overview *self)
{
    store_t *store = self->view->tables->store;
    sqlite3_stmt *row = store_sql(store,
        "SELECT stage, origin, receiving, count(*) FROM cases WHERE stage > 0 GROUP BY stage, "
        "origin, receiving");

    while (store_row(store, row)) {
        struct place_sum *origin = sum_of(self, row_int(row, 1));
        struct place_sum *receiving = sum_of(self, row_int(row, 2));
        int64_t stage = row_int(row, 0);
        self->stages[stage < STAGES_MAX ? stage : STAGES_MAX] += row_int(row, 3);
        if (origin != NULL) {
            origin->counts[DISPUTES] += row_int(row, 3);
        }
        if (receiving != NULL) {
            receiving->counts[DISPUTES] += row_int(row, 3);
        }
    }
}

static int by_hours(const void *a, const void *b)
{
    const struct span_row *left = a;
    const struct span_row *right = b;

    if (left->place != right->place) {
        return left->place < right->place ? -1 : 1;
    }
    return left->hours < right->hours ? -1 : left->hours > right->hours;
}

/* As they lie in the table, then sorted: an order of SQLite's own costs several times as much. */
static struct span_row *load_spans(struct overview *self, size_t *count)
{
    store_t *store = self->view->tables->store;
    struct buf rows = {0};
    sqlite3_stmt *row =
        store_sql(store, "SELECT receiving, hours, count FROM spans WHERE month >= ?");

    sql_int(row, 1, part_first_month(self->view));
    while (store_row(store, row)) {
        const struct span_row span = {row_int(row, 0), row_int(row, 1), row_int(row, 2)};
        buf_put(&rows, &span, sizeof span);
    }
    *count = rows.len / sizeof(struct span_row);
    if (*count > 0) {
        qsort(rows.data, *count, sizeof(struct span_row), by_hours);
    }
    return (struct span_row *)(void *)rows.data;
}

/* Waits belong to whoever accepts. */
static void read_spans(struct overview *self)
{
    size_t count;
    struct span_row *rows = load_spans(self, &count);

    self->region_hours = mem_new(HUB_SPAN_HOURS_MAX + 1, sizeof *self->region_hours);
    self->spans = mem_new(count + 1, sizeof *self->spans);
    for (size_t i = 0; i < count; i++) {
        struct place_sum *place = sum_of(self, rows[i].place);
        if (place == NULL || rows[i].hours < 0 || rows[i].hours > HUB_SPAN_HOURS_MAX) {
            continue;
        }
        if (place->span_count == 0) {
            place->span_first = self->span_count;
        }
        place->span_count++;
        self->spans[self->span_count++] = (struct span_part){rows[i].hours, rows[i].count};
        self->region_hours[rows[i].hours] += rows[i].count;
    }
    free(rows);
}

/* ---- one authority ---- */

/* all: what is told of the sum. Where that is hidden for a neighbour's sake, the ages do not give it away. */
static json_t *ages_json(const int64_t *counts, int64_t all, int64_t threshold)
{
    static const char *const names[HUB_AGE_COUNT] = {
        "under_1h", "1h_to_1d", "1d_to_3d", "3d_to_7d", "over_7d"};
    int64_t cells[HUB_AGE_COUNT];
    size_t most = 0;
    json_t *json = json_object();

    memcpy(cells, counts, sizeof cells);
    counts_row(cells, HUB_AGE_COUNT, threshold);
    for (size_t i = 0; i < HUB_AGE_COUNT; i++) {
        most = counts[i] > counts[most] ? i : most;
    }
    if (all == COUNT_HIDDEN) {
        cells[most] = COUNT_HIDDEN;
    }
    json_object_set_new(json, "all", count_json(all, threshold));
    for (size_t i = 0; i < HUB_AGE_COUNT; i++) {
        json_object_set_new(json, names[i], count_json(cells[i], threshold));
    }
    return json;
}

/*
 * Every measure is a column that may be known by two sums: that of the region's own authorities, which is shown, and that of
 * all authorities (what all have sent is what all have received).
 */
static void hide_small(struct overview *self)
{
    struct count_cell *cells = mem_new(self->place_count + 1, sizeof *cells);

    for (int m = 0; m < MEASURES; m++) {
        for (size_t i = 0; i < self->place_count; i++) {
            const struct place_sum *place = &self->places[i + 1];
            cells[i] = (struct count_cell){.row = place->here ? 0 : 1, .count = place->counts[m]};
        }
        counts_table(cells, self->place_count, self->view->threshold);
        for (size_t i = 0; i < self->place_count; i++) {
            self->places[i + 1].shown[m] = cells[i].shown;
        }
    }
    free(cells);
}

/* Quiet is who owes something and has said nothing. */
static bool is_quiet(const struct overview *self, const struct place_sum *place)
{
    bool owes = place->counts[RUNNING] > 0 || place->counts[BREACHED] > 0 ||
        place->counts[NOT_PERSISTED] > 0 || place->counts[NOT_OPENED] > 0;

    return owes && self->view->now_ms - place->heard_ms > self->view->quiet_ms;
}

static const char *listening_word(const struct overview *self, const struct place_sum *place)
{
    const struct hub_contact *contact = place->contact;

    if (!contact->known) {
        return "unknown";
    }
    if (!contact->registered) {
        return "no agent";
    }
    if (contact->connected || self->view->now_ms - contact->contact_ms < self->view->away_ms) {
        return "yes";
    }
    return "no";
}

static json_t *authority_json(const struct overview *self, const struct place_sum *place)
{
    int64_t threshold = self->view->threshold;
    const struct span_part *spans = self->spans == NULL ? NULL : self->spans + place->span_first;
    json_t *json = json_pack("{s:s, s:s, s:b, s:o, s:o, s:s, s:b}", "code", place->code, "name",
        tables_name(self->view->tables, place->code), "in_region", (int)place->here, "heard",
        part_stamp(place->heard_ms), "contact", part_stamp(place->contact->contact_ms), "listening",
        listening_word(self, place), "quiet", (int)is_quiet(self, place));

    assert(json != NULL);
    for (int m = 0; m < MEASURES; m++) {
        json_object_set_new(json, measure_names[m], count_json(place->shown[m], threshold));
    }
    json_object_set_new(json, "not_persisted",
        ages_json(place->unpersisted, place->shown[NOT_PERSISTED], threshold));
    json_object_set_new(
        json, "not_opened", ages_json(place->unopened, place->shown[NOT_OPENED], threshold));
    json_object_set_new(json, "oldest_not_persisted", part_stamp(place->oldest_unpersisted_ms));
    json_object_set_new(json, "oldest_not_opened", part_stamp(place->oldest_unopened_ms));
    json_object_set_new(
        json, "median_hours", part_hours(part_quantile(spans, place->span_count, 50, threshold)));
    json_object_set_new(
        json, "p95_hours", part_hours(part_quantile(spans, place->span_count, 95, threshold)));
    return json;
}

/* ---- the region ---- */

static void put_region_hours(const struct overview *self, json_t *json)
{
    struct span_part *all = mem_new(HUB_SPAN_HOURS_MAX + 1, sizeof *all);
    size_t count = 0;

    for (int64_t hours = 0; hours <= HUB_SPAN_HOURS_MAX; hours++) {
        if (self->region_hours[hours] > 0) {
            all[count++] = (struct span_part){hours, self->region_hours[hours]};
        }
    }
    json_object_set_new(
        json, "median_hours", part_hours(part_quantile(all, count, 50, self->view->threshold)));
    json_object_set_new(
        json, "p95_hours", part_hours(part_quantile(all, count, 95, self->view->threshold)));
    free(all);
}

static json_t *stages_json(const struct overview *self)
{
    json_t *list = json_array();
    int64_t cells[STAGES_MAX];

    memcpy(cells, self->stages + 1, sizeof cells);
    counts_row(cells, STAGES_MAX, self->view->threshold);
    for (int stage = 1; stage <= STAGES_MAX; stage++) {
        if (cells[stage - 1] != 0) {
            json_array_append_new(list,
                json_pack("{s:i, s:o}", "stage", stage, "open",
                    count_json(cells[stage - 1], self->view->threshold)));
        }
    }
    return list;
}

/* Sums over the region's own authorities, rounded; quiet and not listening are authorities, and are counted as they are. */
static json_t *region_json(const struct overview *self)
{
    int64_t sums[REGION_MEASURES] = {0};
    int64_t quiet = 0;
    int64_t away = 0;
    int64_t threshold = self->view->threshold;
    json_t *json = json_object();

    for (size_t i = 1; i <= self->place_count; i++) {
        const struct place_sum *place = &self->places[i];
        for (int m = 0; place->here && m < REGION_MEASURES; m++) {
            sums[m] += place->counts[m];
        }
        quiet += place->here && is_quiet(self, place) ? 1 : 0;
        away += place->here && strcmp(listening_word(self, place), "no") == 0 ? 1 : 0;
    }
    for (int m = 0; m < REGION_MEASURES; m++) {
        json_object_set_new(
            json, measure_names[m], count_json(count_rounded(sums[m], threshold), threshold));
    }
    json_object_set_new(json, "quiet", json_integer(quiet));
    json_object_set_new(json, "not_listening", json_integer(away));
    json_object_set_new(json, "disputes", stages_json(self));
    put_region_hours(self, json);
    return json;
}

static json_t *areas_json(const struct hub_tables *tables)
{
    json_t *list = json_array();

    for (size_t i = 0; i < tables->area_count; i++) {
        json_array_append_new(list, json_string(tables->areas[i]));
    }
    return list;
}

static int by_name(const void *a, const void *b)
{
    const json_t *const *left = a;
    const json_t *const *right = b;
    int here = json_boolean_value(json_object_get(*right, "in_region")) -
        json_boolean_value(json_object_get(*left, "in_region"));

    return here != 0 ? here
                     : strcmp(json_string_value(json_object_get(*left, "name")),
                           json_string_value(json_object_get(*right, "name")));
}

static json_t *authorities_json(const struct overview *self)
{
    json_t **rows = mem_new(self->place_count + 1, sizeof(json_t *));
    json_t *list = json_array();
    size_t count = 0;

    for (size_t i = 1; i <= self->place_count; i++) {
        if (self->places[i].code[0] != '\0') {
            rows[count++] = authority_json(self, &self->places[i]);
        }
    }
    qsort(rows, count, sizeof(json_t *), by_name);
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, rows[i]);
    }
    free(rows);
    return list;
}

/* What is not here, or not yet: counts that lack it are not believed. */
static void put_missing(struct hub_tables *tables, json_t *json)
{
    struct hub_missing missing;

    json_object_set_new(json, "filling", json_boolean(tables->past_leaf >= 0));
    if (tables_missing(tables, &missing)) {
        json_object_set_new(json, "missing",
            json_pack("{s:I, s:I, s:s}", "records", (json_int_t)missing.records, "entries",
                (json_int_t)missing.entries, "text", missing.text));
    }
}

json_t *view_overview(const struct hub_view *self)
{
    struct overview overview = {.view = self};

    read_places(&overview);
    read_flow(&overview);
    read_waiting(&overview);
    read_disputes(&overview);
    read_spans(&overview);
    hide_small(&overview);
    json_t *json = json_pack("{s:s, s:o, s:o, s:b, s:i, s:I, s:I, s:I, s:o, s:o}", "hub", self->hub,
        "regions", areas_json(self->tables), "at", part_stamp(self->now_ms), "online",
        (int)self->online, "days", (int)self->days, "small_counts", (json_int_t)self->threshold,
        "changes", (json_int_t)self->tables->changes, "last", (json_int_t)view_feed_last(self),
        "region", region_json(&overview), "authorities", authorities_json(&overview));
    assert(json != NULL);
    put_missing(self->tables, json);
    free(overview.places);
    free(overview.spans);
    free(overview.region_hours);
    return json;
}
