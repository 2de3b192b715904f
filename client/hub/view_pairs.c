/* view_pairs: measures by origin and receiving authority, as a list that a table of origins and receivers is made from. */
#include <stdlib.h>
#include <string.h>

#include "client/hub/view_parts.h"
#include "common/base/check.h"

#include "common/base/banned.h"

enum measure {
    EVENTS,
    NOTICES,
    ACCEPTANCES,
    REFUSALS,
    ALERTS,
    MISSED,
    RUNNING,
    BREACHED,
    DISPUTES,
    MEASURES
};

static const char *const measure_names[MEASURES] = {"events", "notices", "acceptances", "refusals",
    "alerts", "missed", "running", "breached", "disputes"};

struct pair_sum {
    int64_t origin, receiving;
    const char *codes[2]; /* theirs; lent from the list */
    int64_t last_ms;
    int64_t values[MEASURES];
    int64_t median, p95; /* hours, as part_quantile() gives them */
};

struct pair_list {
    const struct hub_view *view;
    struct pair_sum *rows; /* sorted by origin, receiving */
    size_t count;
    char (*codes)[CODE_BYTES + 1]; /* owned: by place, HUB_PLACES_MAX + 1 */
};

/* ---- reading ---- */

static void read_codes(struct pair_list *self)
{
    store_t *store = self->view->tables->store;
    sqlite3_stmt *row = store_sql(store, "SELECT id, code FROM places");

    self->codes = mem_new(HUB_PLACES_MAX + 1, sizeof *self->codes);
    while (store_row(store, row)) {
        if (row_int(row, 0) >= 1 && row_int(row, 0) <= HUB_PLACES_MAX) {
            row_text(row, 1, self->codes[row_int(row, 0)], sizeof self->codes[0]);
        }
    }
}

static const char *code_at(const struct pair_list *self, int64_t place)
{
    return place >= 1 && place <= HUB_PLACES_MAX ? self->codes[place] : "";
}

static void read_pairs(struct pair_list *self)
{
    store_t *store = self->view->tables->store;
    size_t room = 0;
    sqlite3_stmt *row = store_sql(store,
        "SELECT origin, receiving, running, breached, last_ms FROM pairs ORDER BY origin, "
        "receiving");

    while (store_row(store, row)) {
        if (self->count == room) {
            room = room == 0 ? 256 : room * 2;
            struct pair_sum *grown = mem_new(room, sizeof *grown);
            if (self->rows != NULL) {
                memcpy(grown, self->rows, self->count * sizeof *grown);
                free(self->rows);
            }
            self->rows = grown;
        }
        struct pair_sum *pair = &self->rows[self->count++];
        *pair = (struct pair_sum){.origin = row_int(row, 0),
            .receiving = row_int(row, 1),
            .codes = {code_at(self, row_int(row, 0)), code_at(self, row_int(row, 1))},
            .last_ms = row_int(row, 4),
            .median = -2,
            .p95 = -2};
        pair->values[RUNNING] = row_int(row, 2);
        pair->values[BREACHED] = row_int(row, 3);
    }
}

static json_t *place_json(const struct pair_list *self, const char *code)
{
    return json_pack("{s:s, s:s}", "code", code, "name", tables_name(self->view->tables, code));
}

static struct pair_sum *pair_of(struct pair_list *self, int64_t origin, int64_t receiving)
{
    size_t low = 0;
    size_t high = self->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct pair_sum *pair = &self->rows[middle];
        if (pair->origin < origin || (pair->origin == origin && pair->receiving < receiving)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < self->count && self->rows[low].origin == origin &&
            self->rows[low].receiving == receiving
        ? &self->rows[low]
        : NULL;
}

static void read_flow(struct pair_list *self)
{
    store_t *store = self->view->tables->store;
    sqlite3_stmt *row = store_sql(store,
        "SELECT origin, receiving, by_origin + by_receiving, notices, acceptances, refusals, "
        "alerts, "
        "breaches FROM pair_days WHERE day >= ?");

    sql_int(row, 1, part_first_day(self->view));
    while (store_row(store, row)) {
        struct pair_sum *pair = pair_of(self, row_int(row, 0), row_int(row, 1));
        for (int m = EVENTS; pair != NULL && m <= MISSED; m++) {
            pair->values[m] += row_int(row, 2 + m);
        }
    }
}

static void read_disputes(struct pair_list *self)
{
    store_t *store = self->view->tables->store;
    sqlite3_stmt *row = store_sql(store, "SELECT origin, receiving FROM cases WHERE stage > 0");

    while (store_row(store, row)) {
        struct pair_sum *pair = pair_of(self, row_int(row, 0), row_int(row, 1));
        if (pair != NULL) {
            pair->values[DISPUTES]++;
        }
    }
}

static void end_spans(const struct pair_list *self, struct pair_sum *pair,
    const struct span_part *spans, size_t count)
{
    if (pair != NULL && count > 0) {
        pair->median = part_quantile(spans, count, 50, self->view->threshold);
        pair->p95 = part_quantile(spans, count, 95, self->view->threshold);
    }
}

struct span_row {
    struct pair_sum *pair;
    struct span_part span;
};

static int by_pair(const void *a, const void *b)
{
    const struct span_row *left = a;
    const struct span_row *right = b;

    if (left->pair != right->pair) {
        return left->pair < right->pair ? -1 : 1;
    }
    return left->span.hours < right->span.hours ? -1 : left->span.hours > right->span.hours;
}

static struct span_row *load_spans(struct pair_list *self, size_t *count)
{
    store_t *store = self->view->tables->store;
    struct buf rows = {0};
    sqlite3_stmt *row =
        store_sql(store, "SELECT origin, receiving, hours, count FROM spans WHERE month >= ?");

    sql_int(row, 1, part_first_month(self->view));
    while (store_row(store, row)) {
        const struct span_row span = {
            pair_of(self, row_int(row, 0), row_int(row, 1)), {row_int(row, 2), row_int(row, 3)}};
        buf_put(&rows, &span, sizeof span);
    }
    *count = rows.len / sizeof(struct span_row);
    if (*count > 0) {
        qsort(rows.data, *count, sizeof(struct span_row), by_pair);
    }
    return (struct span_row *)(void *)rows.data;
}

static void read_spans(struct pair_list *self)
{
    size_t count;
    struct span_row *rows = load_spans(self, &count);
    struct span_part *spans = mem_new(count + 1, sizeof *spans);
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        spans[used++] = rows[i].span;
        if (i + 1 == count || rows[i + 1].pair != rows[i].pair) {
            end_spans(self, rows[i].pair, spans, used);
            used = 0;
        }
    }
    free(rows);
    free(spans);
}

/* ---- what is not shown ---- */

/* The last line takes those above the limit of places: they hide together. */
static uint32_t line_of(int64_t place)
{
    return place >= 0 && place < COUNT_LINES_MAX ? (uint32_t)place : COUNT_LINES_MAX - 1;
}

static void hide_small(struct pair_list *self)
{
    struct count_cell *cells = mem_new(self->count + 1, sizeof *cells);

    for (int m = 0; m < MEASURES; m++) {
        for (size_t i = 0; i < self->count; i++) {
            cells[i] = (struct count_cell){.row = line_of(self->rows[i].origin),
                .column = line_of(self->rows[i].receiving),
                .count = self->rows[i].values[m]};
        }
        counts_table(cells, self->count, self->view->threshold);
        for (size_t i = 0; i < self->count; i++) {
            self->rows[i].values[m] = cells[i].shown;
        }
    }
    free(cells);
}

/* ---- the answer ---- */

static json_t *pair_json(const struct pair_list *list, const struct pair_sum *pair)
{
    json_t *json = json_pack("{s:o, s:o, s:o}", "origin", place_json(list, pair->codes[0]),
        "receiving", place_json(list, pair->codes[1]), "last", part_stamp(pair->last_ms));

    assert(json != NULL);
    for (int m = 0; m < MEASURES; m++) {
        json_object_set_new(
            json, measure_names[m], count_json(pair->values[m], list->view->threshold));
    }
    json_object_set_new(json, "median_hours", part_hours(pair->median));
    json_object_set_new(json, "p95_hours", part_hours(pair->p95));
    return json;
}

/* Of one moment by their codes: places have numbers in the order in which they were met, which a rebuilt hub meets anew. */
static int by_newest(const void *a, const void *b)
{
    const struct pair_sum *left = a;
    const struct pair_sum *right = b;

    if (left->last_ms != right->last_ms) {
        return left->last_ms > right->last_ms ? -1 : 1;
    }
    int origin = strcmp(left->codes[0], right->codes[0]);
    return origin != 0 ? origin : strcmp(left->codes[1], right->codes[1]);
}

json_t *view_pairs(const struct hub_view *self, const char *code, size_t limit)
{
    struct pair_list list = {.view = self};
    json_t *rows = json_array();
    bool more = false;

    read_codes(&list);
    read_pairs(&list);
    read_flow(&list);
    read_disputes(&list);
    read_spans(&list);
    hide_small(&list);
    if (list.count > 0) {
        qsort(list.rows, list.count, sizeof *list.rows, by_newest);
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct pair_sum *pair = &list.rows[i];
        if (code != NULL && strcmp(code, pair->codes[0]) != 0 &&
            strcmp(code, pair->codes[1]) != 0) {
            continue;
        }
        more = json_array_size(rows) >= limit;
        if (more) {
            break;
        }
        json_array_append_new(rows, pair_json(&list, pair));
    }
    free(list.rows);
    free(list.codes);
    return json_pack("{s:s, s:o, s:i, s:I, s:b, s:o}", "hub", self->hub, "at",
        part_stamp(self->now_ms), "days", (int)self->days, "small_counts",
        (json_int_t)self->threshold, "more", (int)more, "pairs", rows);
}
