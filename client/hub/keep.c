/*
 * keep: see keep.h. Writes cannot fail on their own (store.h). What speaks of an event or a case that is not here is kept
 * as it is and changes no count: the hub was granted the region after it happened.
 */
#include "client/hub/keep.h"

#include <string.h>

#include "client/hub/keep_clocks.h"
#include "common/base/civil.h"
#include "common/procedure/engine.h"

#include "common/base/banned.h"

/* ---- small things ---- */

void keep_run(struct hub_tables *self, const char *sql, const int64_t *values, size_t count)
{
    sqlite3_stmt *statement = store_sql(self->store, sql);

    for (size_t i = 0; i < count; i++) {
        sql_int(statement, (int)i + 1, values[i]);
    }
    store_run(self->store, statement);
}

/* Where an event for this code goes: a superseded code to its successor, as the broker routes it. */
static int64_t place_reached(struct hub_tables *self, const char *code, int64_t at_ms)
{
    const struct register_authority *authority = NULL;

    if (self->book != NULL &&
        register_route(self->book, code, civil_london_day(at_ms), &authority) == ROUTE_SUCCESSOR) {
        return tables_place(self, authority->code);
    }
    return tables_place(self, code);
}

struct feed_row {
    enum hub_feed_what what;
    int64_t ref, at_ms, place;
    uint32_t level, role;
    const char *team;
};

static void feed_add(
    struct hub_tables *self, const struct entry_row *entry, const struct feed_row *row)
{
    sqlite3_stmt *statement = store_sql(self->store,
        "INSERT INTO feed (position, part, what, ref, at_ms, kept_ms, place, level, role, team) "
        "SELECT ?1, ifnull((SELECT max(part) + 1 FROM feed WHERE position = ?1), 0), ?2, ?3, ?4, "
        "?5, ?6, ?7, ?8, ?9");

    sql_int(statement, 1, entry->position);
    sql_int(statement, 2, row->what);
    sql_int(statement, 3, row->ref);
    sql_int(statement, 4, row->at_ms);
    sql_int(statement, 5, entry->persisted_ms);
    sql_int(statement, 6, row->place);
    sql_int(statement, 7, row->level);
    sql_int(statement, 8, row->role);
    sql_text(statement, 9, row->team == NULL ? "" : row->team);
    store_run(self->store, statement);
    self->changes++;
}

/* Old hours become days, old days months: the table of what waits stays small, whatever nobody ever opens. */
static void merge_waiting(struct hub_tables *self, int64_t before_hour, int64_t bucket_hours)
{
    KEEP_RUN(self,
        "INSERT INTO waiting (place, hour, unpersisted, unopened) SELECT place, hour / ?2 * ?2, "
        "sum(unpersisted), sum(unopened) FROM waiting WHERE hour < ?1 AND hour % ?2 <> 0 GROUP BY "
        "place, hour / ?2 ON CONFLICT DO UPDATE SET unpersisted = unpersisted + "
        "excluded.unpersisted, unopened = unopened + excluded.unopened",
        before_hour, bucket_hours);
    KEEP_RUN(
        self, "DELETE FROM waiting WHERE hour < ?1 AND hour % ?2 <> 0", before_hour, bucket_hours);
}

void keep_trim(struct hub_tables *self, int64_t now_ms)
{
    int64_t this_hour = now_ms / HUB_HOUR_MS;
    sqlite3_stmt *ends = store_sql(
        self->store, "SELECT (SELECT min(position) FROM feed), (SELECT max(position) FROM feed)");
    int64_t first = 0;
    int64_t last = 0;

    if (store_row(self->store, ends)) {
        first = row_int(ends, 0);
        last = row_int(ends, 1);
        store_stop(ends);
    }
    if (last - first >= HUB_FEED_ENTRIES + HUB_FEED_SLACK) {
        KEEP_RUN(self, "DELETE FROM feed WHERE position <= ?", last - HUB_FEED_ENTRIES);
    }
    if (this_hour != self->merged_hour) {
        self->merged_hour = this_hour;
        merge_waiting(self, this_hour - HUB_WAIT_HOURS, HUB_WAIT_DAY);
        merge_waiting(self, this_hour - HUB_WAIT_DAYS_HOURS, HUB_WAIT_MONTH);
    }
}

static void heard_from(struct hub_tables *self, int64_t place, int64_t heard_ms, int64_t said_ms)
{
    KEEP_RUN(self,
        "UPDATE places SET heard_ms = max(heard_ms, ?2), said_ms = max(said_ms, ?3) WHERE id = ?1",
        place, heard_ms, said_ms);
}

/* ---- events ---- */

static void find_or_make_case(struct hub_tables *self, const struct event_view *view,
    int64_t accepted_ms, struct hub_case *out)
{
    if (tables_case(self, view->transfer, out) == 0) {
        return;
    }
    *out = (struct hub_case){.blind = blind_number(self->blind_key, BLIND_CASE, view->transfer),
        .origin = tables_place(self, view->origin),
        .receiving = tables_place(self, view->receiving),
        .first_ms = accepted_ms,
        .last_ms = accepted_ms};
    memcpy(out->transfer, view->transfer, UUID_BYTES);
    sqlite3_stmt *add = store_sql(self->store,
        "INSERT INTO cases (transfer, blind, origin, receiving, first_ms, last_ms, events, "
        "notified_ms, accepted_ms, running, breached, stage) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, "
        "0, 0)");
    sql_id(add, 1, view->transfer);
    sql_int(add, 2, out->blind);
    sql_int(add, 3, out->origin);
    sql_int(add, 4, out->receiving);
    sql_int(add, 5, accepted_ms);
    sql_int(add, 6, accepted_ms);
    store_run(self->store, add);
    out->id = sqlite3_last_insert_rowid(self->store->db);
    KEEP_RUN(self,
        "INSERT INTO pairs (origin, receiving, cases, events, running, breached, last_ms) VALUES "
        "(?1, ?2, 1, 0, 0, 0, 0) ON CONFLICT DO UPDATE SET cases = cases + 1",
        out->origin, out->receiving);
}

/* The row of the event; 0 where it is here already. */
static int64_t add_event_row(
    struct hub_tables *self, const struct kept_event *event, int64_t case_id, int64_t sender)
{
    sqlite3_stmt *add = store_sql(self->store,
        "INSERT INTO events (event, case_id, kind, sender, verdict, accepted_ms, bytes) VALUES (?, "
        "?, ?, ?, ?, ?, ?)");

    sql_id(add, 1, event->view->id);
    sql_int(add, 2, case_id);
    sql_int(add, 3, event->view->kind);
    sql_int(add, 4, sender);
    sql_int(add, 5, event->verdict);
    sql_int(add, 6, event->accepted_ms);
    sql_blob(add, 7, event->bytes);
    store_run(self->store, add);
    return sqlite3_last_insert_rowid(self->store->db);
}

static void expect_deliveries(
    struct hub_tables *self, const struct kept_event *event, int64_t event_id)
{
    int64_t hour = event->accepted_ms / HUB_HOUR_MS;

    for (size_t i = 0; i < event->view->recipient_count; i++) {
        int64_t place = place_reached(self, event->view->to[i].code, event->accepted_ms);
        KEEP_RUN(self,
            "INSERT INTO deliveries (event_id, place, hour, persisted_ms, opened_ms, role, team, "
            "code_err) VALUES (?, ?, ?, 0, 0, 0, '', 0) ON CONFLICT DO NOTHING",
            event_id, place, hour);
        if (sqlite3_changes(self->store->db) > 0) {
            KEEP_RUN(self,
                "INSERT INTO waiting (place, hour, unpersisted, unopened) VALUES (?, ?, 1, 1) ON "
                "CONFLICT DO UPDATE SET unpersisted = unpersisted + 1, unopened = unopened + 1",
                place, hour);
        }
    }
}

static int64_t fact_number(const struct event_view *view, const char *name)
{
    struct fact_walk walk = event_facts(view);
    struct fact_value value;

    while (fact_next(&walk, &value)) {
        if (strcmp(value.fact->name, name) == 0) {
            return value.number;
        }
    }
    return 0;
}

static void add_span(struct hub_tables *self, const struct hub_case *of, int64_t accepted_ms)
{
    int64_t hours = (accepted_ms - of->notified_ms) / HUB_HOUR_MS;
    struct civil_date date = civil_date_of(civil_london_day(accepted_ms));

    hours = hours < 0 ? 0 : hours > HUB_SPAN_HOURS_MAX ? HUB_SPAN_HOURS_MAX : hours;
    KEEP_RUN(self,
        "INSERT INTO spans (month, origin, receiving, hours, count) VALUES (?, ?, ?, ?, 1) ON "
        "CONFLICT DO UPDATE SET count = count + 1",
        (int64_t)date.year * 12 + date.month - 1, of->origin, of->receiving, hours);
}

/* What a kind counts as. */
struct day_counts {
    int64_t notices, acceptances, refusals;
};

static bool ends_dispute(const char *kind)
{
    static const char *const ends[] = {"escalation_resolved", "child_returned", "move_ended",
        "move_withdrawn", "status_ended", "written_acceptance"};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (strcmp(kind, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void count_kind(struct hub_tables *self, const struct kept_event *event, struct hub_case *of,
    struct day_counts *counts)
{
    const struct kind_info *info = catalogue_kind(event->view->kind);
    bool changes_nothing = event->verdict == VERDICT_REFUSED || event->verdict == VERDICT_HELD;

    if (info == NULL || changes_nothing) {
        return;
    }
    if (strcmp(info->name, "move_notified") == 0) {
        counts->notices = 1;
        of->notified_ms = of->notified_ms == 0 ? event->accepted_ms : of->notified_ms;
    } else if (strcmp(info->name, "transfer_refused") == 0) {
        counts->refusals = 1;
    } else if (strcmp(info->name, "escalation_raised") == 0) {
        int64_t stage = fact_number(event->view, "stage");
        of->stage = stage > of->stage ? stage : of->stage;
    }
    if (strcmp(info->name, "written_acceptance") == 0) {
        counts->acceptances = 1;
        if (of->accepted_ms == 0 && of->notified_ms != 0) {
            add_span(self, of, event->accepted_ms);
        }
        of->accepted_ms = of->accepted_ms == 0 ? event->accepted_ms : of->accepted_ms;
    }
    if (ends_dispute(info->name)) {
        of->stage = 0;
    }
}

static void count_event(
    struct hub_tables *self, const struct kept_event *event, struct hub_case *of, int64_t sender)
{
    struct day_counts counts = {0};
    int64_t by_origin = sender == of->origin ? 1 : 0;

    count_kind(self, event, of, &counts);
    of->events++;
    of->last_ms = event->accepted_ms > of->last_ms ? event->accepted_ms : of->last_ms;
    tables_case_save(self, of);
    KEEP_RUN(self,
        "INSERT INTO pair_days (day, origin, receiving, by_origin, by_receiving, notices, "
        "acceptances, refusals, alerts, breaches) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0) ON "
        "CONFLICT DO UPDATE SET by_origin = by_origin + ?4, by_receiving = by_receiving + ?5, "
        "notices = notices + ?6, acceptances = acceptances + ?7, refusals = refusals + ?8",
        civil_london_day(event->accepted_ms), of->origin, of->receiving, by_origin, 1 - by_origin,
        counts.notices, counts.acceptances, counts.refusals);
    KEEP_RUN(self,
        "UPDATE pairs SET events = events + 1, last_ms = max(last_ms, ?3) WHERE origin = ?1 AND "
        "receiving = ?2",
        of->origin, of->receiving, event->accepted_ms);
}

int64_t keep_event_id(struct hub_tables *self, const uint8_t *event, int64_t *case_id)
{
    sqlite3_stmt *statement =
        store_sql(self->store, "SELECT id, case_id FROM events WHERE event = ?");
    int64_t id = 0;

    *case_id = 0;
    sql_id(statement, 1, event);
    if (store_row(self->store, statement)) {
        id = row_int(statement, 0);
        *case_id = row_int(statement, 1);
        store_stop(statement);
    }
    return id;
}

void keep_event(
    struct hub_tables *self, const struct entry_row *entry, const struct kept_event *event)
{
    struct hub_case of;
    int64_t unused;

    if (keep_event_id(self, event->view->id, &unused) != 0) {
        return; /* under a new number: it has had its effect */
    }
    find_or_make_case(self, event->view, event->accepted_ms, &of);
    int64_t sender = tables_place(self, event->view->from);
    int64_t id = add_event_row(self, event, of.id, sender);
    expect_deliveries(self, event, id);
    count_event(self, event, &of, sender);
    heard_from(self, sender, event->accepted_ms, event->accepted_ms);
    feed_add(self, entry,
        &(struct feed_row){
            .what = FEED_EVENT, .ref = id, .at_ms = event->accepted_ms, .place = sender});
}

/* ---- acknowledgements ---- */

struct delivery_row {
    int64_t hour, persisted_ms, opened_ms;
};

static bool find_delivery(
    struct hub_tables *self, int64_t event_id, int64_t place, struct delivery_row *out)
{
    sqlite3_stmt *statement = store_sql(self->store,
        "SELECT hour, persisted_ms, opened_ms FROM deliveries WHERE event_id = ? AND place = ?");

    sql_int(statement, 1, event_id);
    sql_int(statement, 2, place);
    if (!store_row(self->store, statement)) {
        return false;
    }
    *out =
        (struct delivery_row){row_int(statement, 0), row_int(statement, 1), row_int(statement, 2)};
    store_stop(statement);
    return true;
}

static void wait_less(
    struct hub_tables *self, int64_t place, int64_t hour, int64_t unpersisted, int64_t unopened)
{
    const int64_t buckets[] = {1, HUB_WAIT_DAY, HUB_WAIT_MONTH};

    for (size_t i = 0; i < sizeof buckets / sizeof buckets[0]; i++) {
        int64_t at = hour / buckets[i] * buckets[i];
        KEEP_RUN(self,
            "UPDATE waiting SET unpersisted = unpersisted - ?3, unopened = unopened - ?4 WHERE "
            "place = ?1 AND hour = ?2",
            place, at, unpersisted, unopened);
        if (sqlite3_changes(self->store->db) > 0) {
            KEEP_RUN(self,
                "DELETE FROM waiting WHERE place = ?1 AND hour = ?2 AND unpersisted <= 0 AND "
                "unopened <= 0",
                place, at);
            return;
        }
    }
}

/* An opening says that it was persisted too: the one may come without the other after a fault was mended. */
static bool raise_level(
    struct hub_tables *self, int64_t event_id, int64_t place, const struct level_row *level)
{
    struct delivery_row row;
    bool opened = level->level == LEVEL_OPENED;

    if (!find_delivery(self, event_id, place, &row) ||
        (opened ? row.opened_ms : row.persisted_ms) != 0) {
        return false;
    }
    sqlite3_stmt *statement = store_sql(self->store,
        "UPDATE deliveries SET persisted_ms = CASE WHEN persisted_ms = 0 THEN ?3 ELSE persisted_ms "
        "END, opened_ms = ?4, role = ?5, team = ?6 WHERE event_id = ?1 AND place = ?2");
    sql_int(statement, 1, event_id);
    sql_int(statement, 2, place);
    sql_int(statement, 3, level->at_ms);
    sql_int(statement, 4, opened ? level->at_ms : row.opened_ms);
    sql_int(statement, 5, opened ? level->role : 0);
    sql_text(statement, 6, opened ? level->team : "");
    store_run(self->store, statement);
    wait_less(self, place, row.hour, row.persisted_ms == 0 ? 1 : 0, opened ? 1 : 0);
    return true;
}

void keep_ack(struct hub_tables *self, const struct entry_row *entry, const struct kept_ack *ack)
{
    int64_t case_id;
    int64_t event_id = keep_event_id(self, ack->event, &case_id);
    int64_t place = place_reached(self, ack->row.code, ack->row.at_ms);

    heard_from(self, place, ack->row.at_ms, 0);
    if (event_id == 0) {
        return;
    }
    if (ack->row.level == LEVEL_FAULT) {
        KEEP_RUN(self, "UPDATE deliveries SET code_err = ?3 WHERE event_id = ?1 AND place = ?2",
            event_id, place, ack->row.code_err);
    } else if (!raise_level(self, event_id, place, &ack->row)) {
        return;
    }
    feed_add(self, entry,
        &(struct feed_row){.what = FEED_ACK,
            .ref = event_id,
            .at_ms = ack->row.at_ms,
            .place = place,
            .level = ack->row.level,
            .role = ack->row.role,
            .team = ack->row.team});
}

void keep_held(struct hub_tables *self, const struct entry_row *entry)
{
    int64_t case_id;
    int64_t event_id = keep_event_id(self, entry->event, &case_id);

    feed_add(self, entry,
        &(struct feed_row){.what = FEED_HELD, .ref = event_id, .at_ms = entry->persisted_ms});
}

/* ---- records ---- */

/* What tells one apart from all others, in the journal's order: its leaf, and its place in it. */
static int64_t record_key(const struct kept_record *record)
{
    enum { PLACES_BITS = 16 };

    return (int64_t)(record->leaf_index << PLACES_BITS | (record->index & UINT16_MAX));
}

/* The row; false where it was here before. */
static bool add_record_row(
    struct hub_tables *self, const struct kept_record *record, int64_t case_id)
{
    sqlite3_stmt *add = store_sql(self->store,
        "INSERT INTO said (leaf, case_id, kind, event, subject, at_ms, recorded_ms, code, "
        "clock, "
        "rule, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");

    sql_int(add, 1, record_key(record));
    sql_int(add, 2, case_id);
    sql_int(add, 3, record->kind);
    sql_id(add, 4, record->event);
    sql_id(add, 5, record->subject);
    sql_int(add, 6, record->at_ms);
    sql_int(add, 7, record->recorded_ms);
    sql_text(add, 8, record->code);
    sql_text(add, 9, record->clock);
    sql_text(add, 10, record->rule);
    sql_text(add, 11, record->detail);
    store_run(self->store, add);
    return sqlite3_changes(self->store->db) > 0;
}

void keep_record(
    struct hub_tables *self, const struct entry_row *entry, const struct kept_record *record)
{
    struct hub_case of = {0};
    int64_t case_id = 0;

    if (record->transfer != NULL && tables_case(self, record->transfer, &of) == 0) {
        case_id = of.id;
    } else if (record->event != NULL) {
        (void)keep_event_id(self, record->event, &case_id);
        (void)tables_case_numbered(self, case_id, &of);
    }
    if (!add_record_row(self, record, case_id)) {
        return;
    }
    if (case_id != 0) {
        keep_clock(self, record, &of);
    }
    feed_add(self, entry,
        &(struct feed_row){.what = FEED_RECORD, .ref = record_key(record), .at_ms = record->at_ms});
}
