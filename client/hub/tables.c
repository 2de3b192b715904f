/* tables: see tables.h. A statement that SQLite does not take is our own bug and fatal. */
#include "client/hub/tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/world.h"

#include "common/base/banned.h"

enum { TABLES_VERSION = 2 }; /* 1: how late a deadline was met had no unit */

static const char *const schema[] = {
    "CREATE TABLE IF NOT EXISTS hub (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT "
    "NULL, blind BLOB NOT NULL, rebuilt_ms INTEGER NOT NULL, past_leaf INTEGER NOT NULL, past_skip "
    "INTEGER NOT NULL) STRICT",
    /* pages of what was told before (leaf, skip: where they begin) of which the broker could not read everything */
    "CREATE TABLE IF NOT EXISTS missing (leaf INTEGER NOT NULL, skip INTEGER NOT NULL, records "
    "INTEGER NOT NULL, entries INTEGER NOT NULL, PRIMARY KEY (leaf, skip)) STRICT, WITHOUT ROWID",
    /* who: heard_ms last event or acknowledgement; running, breached: clocks that bind it */
    "CREATE TABLE IF NOT EXISTS places (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, "
    "heard_ms INTEGER NOT NULL, said_ms INTEGER NOT NULL, running INTEGER NOT NULL, breached "
    "INTEGER NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS cases (id INTEGER PRIMARY KEY, transfer BLOB NOT NULL UNIQUE, "
    "blind INTEGER NOT NULL, origin INTEGER NOT NULL, receiving INTEGER NOT NULL, first_ms "
    "INTEGER NOT NULL, last_ms INTEGER NOT NULL, events INTEGER NOT NULL, notified_ms INTEGER NOT "
    "NULL, accepted_ms INTEGER NOT NULL, running INTEGER NOT NULL, breached INTEGER NOT NULL, "
    "stage INTEGER NOT NULL) STRICT",
    "CREATE INDEX IF NOT EXISTS cases_by_blind ON cases (blind)",
    "CREATE INDEX IF NOT EXISTS cases_disputed ON cases (stage, origin, receiving) WHERE stage > 0",
    "CREATE INDEX IF NOT EXISTS cases_by_pair ON cases (origin, receiving, last_ms)",
    "CREATE INDEX IF NOT EXISTS cases_by_last ON cases (last_ms)",
    "CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, event BLOB NOT NULL UNIQUE, "
    "case_id "
    "INTEGER NOT NULL, kind INTEGER NOT NULL, sender INTEGER NOT NULL, verdict INTEGER NOT NULL, "
    "accepted_ms INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT",
    "CREATE INDEX IF NOT EXISTS events_by_case ON events (case_id, id)",
    /* one a recipient: times are 0 until it is so */
    "CREATE TABLE IF NOT EXISTS deliveries (event_id INTEGER NOT NULL, place INTEGER NOT NULL, "
    "hour INTEGER NOT NULL, persisted_ms INTEGER NOT NULL, opened_ms INTEGER NOT NULL, role "
    "INTEGER NOT NULL, team TEXT NOT NULL, code_err INTEGER NOT NULL, PRIMARY KEY (event_id, "
    "place)) STRICT, WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS deliveries_unopened ON deliveries (place, event_id) WHERE "
    "opened_ms "
    "= 0",
    "CREATE TABLE IF NOT EXISTS waiting (place INTEGER NOT NULL, hour INTEGER NOT NULL, "
    "unpersisted "
    "INTEGER NOT NULL, unopened INTEGER NOT NULL, PRIMARY KEY (place, hour)) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS pair_days (day INTEGER NOT NULL, origin INTEGER NOT NULL, "
    "receiving "
    "INTEGER NOT NULL, by_origin INTEGER NOT NULL, by_receiving INTEGER NOT NULL, notices INTEGER "
    "NOT NULL, acceptances INTEGER NOT NULL, refusals INTEGER NOT NULL, alerts INTEGER NOT NULL, "
    "breaches INTEGER NOT NULL, PRIMARY KEY (day, origin, receiving)) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS pairs (origin INTEGER NOT NULL, receiving INTEGER NOT NULL, cases "
    "INTEGER NOT NULL, events INTEGER NOT NULL, running INTEGER NOT NULL, breached INTEGER NOT "
    "NULL, last_ms INTEGER NOT NULL, PRIMARY KEY (origin, receiving)) STRICT, WITHOUT ROWID",
    /* from first notice to first acceptance, by the month of the acceptance */
    "CREATE TABLE IF NOT EXISTS spans (month INTEGER NOT NULL, origin INTEGER NOT NULL, receiving "
    "INTEGER NOT NULL, hours INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (month, origin, "
    "receiving, hours)) STRICT, WITHOUT ROWID",
    /* state: 1 running, 2 met, 3 cancelled, 4 breached, 5 breached and met or cancelled since, 6 superseded; late: as
     * the record has it, with its unit, "" for none */
    "CREATE TABLE IF NOT EXISTS clocks (id INTEGER PRIMARY KEY, case_id INTEGER NOT NULL, subject "
    "BLOB NOT NULL, clock TEXT NOT NULL, event BLOB NOT NULL, set_ms INTEGER NOT NULL, due_ms "
    "INTEGER NOT NULL, due TEXT NOT NULL, guide INTEGER NOT NULL, place INTEGER NOT NULL, "
    "place_two "
    "INTEGER NOT NULL, state INTEGER NOT NULL, ended_ms INTEGER NOT NULL, late TEXT NOT NULL, "
    "UNIQUE (case_id, clock, subject, event)) STRICT",
    /* in the order of the lists, which does not depend on what was met first: a day ends for many at one moment */
    "CREATE INDEX IF NOT EXISTS clocks_running ON clocks (due_ms, subject, clock, event) WHERE "
    "state = 1",
    "CREATE INDEX IF NOT EXISTS clocks_breached ON clocks (due_ms, subject, clock, event) WHERE "
    "state = 4",
    /* leaf: of the journal, times 65,536, and the place in its record (keep.c) */
    "CREATE TABLE IF NOT EXISTS said (leaf INTEGER PRIMARY KEY, case_id INTEGER NOT NULL, kind "
    "INTEGER NOT NULL, event BLOB, subject BLOB, at_ms INTEGER NOT NULL, recorded_ms INTEGER NOT "
    "NULL, code TEXT NOT NULL, clock TEXT NOT NULL, rule TEXT NOT NULL, detail TEXT NOT NULL) "
    "STRICT",
    "CREATE INDEX IF NOT EXISTS said_by_case ON said (case_id, leaf) WHERE case_id > 0",
    /* what: 1 event (ref: events.id), 2 record (ref: leaf), 3 acknowledgement (ref: events.id), 4 held */
    "CREATE TABLE IF NOT EXISTS feed (position INTEGER NOT NULL, part INTEGER NOT NULL, what "
    "INTEGER "
    "NOT NULL, ref INTEGER NOT NULL, at_ms INTEGER NOT NULL, kept_ms INTEGER NOT NULL, place "
    "INTEGER "
    "NOT NULL, level INTEGER NOT NULL, role INTEGER NOT NULL, team TEXT NOT NULL, PRIMARY KEY "
    "(position, part)) STRICT, WITHOUT ROWID",
};

static const char *const emptied[] = {"missing", "places", "cases", "events", "deliveries",
    "waiting", "pair_days", "pairs", "spans", "clocks", "said", "feed"};

static int make_hub_row(struct hub_tables *self, const struct world *world)
{
    world->random(world->context, self->blind_key, sizeof self->blind_key);
    sqlite3_stmt *statement = store_sql(self->store, "INSERT INTO hub VALUES (1, ?1, ?2, 0, 0, 0)");
    sql_int(statement, 1, TABLES_VERSION);
    sql_blob(statement, 2, slice_of(self->blind_key, sizeof self->blind_key));
    store_run(self->store, statement);
    return TABLES_VERSION;
}

static int read_hub_row(struct hub_tables *self, const struct world *world)
{
    sqlite3_stmt *statement =
        store_sql(self->store, "SELECT version, blind, rebuilt_ms, past_leaf, past_skip FROM hub");

    if (!store_row(self->store, statement)) {
        return make_hub_row(self, world);
    }
    int version = (int)row_int(statement, 0);
    row_fixed(statement, 1, self->blind_key, sizeof self->blind_key);
    self->rebuilt_ms = row_int(statement, 2);
    self->past_leaf = row_int(statement, 3);
    self->past_skip = row_int(statement, 4);
    store_stop(statement);
    return version;
}

static bool each_statement(
    struct hub_tables *self, const char *before, const char *const *texts, size_t count)
{
    char statement[2048];
    bool done = true;

    for (size_t i = 0; i < count && done; i++) {
        int len = snprintf(statement, sizeof statement, "%s%s", before, texts[i]);
        assert(len > 0 && (size_t)len < sizeof statement);
        done = sqlite3_exec(self->store->db, statement, NULL, NULL, NULL) == SQLITE_OK;
    }
    return done;
}

static bool make_tables(struct hub_tables *self)
{
    return each_statement(self, "", schema, sizeof schema / sizeof schema[0]);
}

/* Tables of before are made anew, and the hub fills them from the broker as it does new ones. Its own key stays. */
static bool renew_tables(struct hub_tables *self)
{
    if (!each_statement(self, "DROP TABLE ", emptied, sizeof emptied / sizeof emptied[0]) ||
        !make_tables(self)) {
        return false;
    }
    sqlite3_stmt *statement = store_sql(self->store, "UPDATE hub SET version = ?");
    sql_int(statement, 1, TABLES_VERSION);
    store_run(self->store, statement);
    tables_past(self, 0, 0);
    return true;
}

int tables_open(
    struct hub_tables *self, store_t *store, const struct world *world, struct complaint *why)
{
    self->store = store;
    if (sqlite3_exec(store->db, "PRAGMA cache_size = -" HUB_CACHE_KIB, NULL, NULL, NULL) !=
        SQLITE_OK) {
        return complain(why, E_IO, "the hub's database: %s", sqlite3_errmsg(store->db));
    }
    store_begin(store);
    bool made = make_tables(self);
    int version = made ? read_hub_row(self, world) : TABLES_VERSION;
    made = made && (version >= TABLES_VERSION || renew_tables(self));
    if (!made) {
        (void)complain(why, E_IO, "the hub's tables cannot be made: %s", sqlite3_errmsg(store->db));
        store_rollback(store);
        return E_IO;
    }
    int rc = store_commit(store);
    if (rc != 0) {
        return complain(why, rc, "the hub's tables cannot be made: %s", err_text(rc));
    }
    if (version > TABLES_VERSION) {
        return complain(why, E_VERSION,
            "the database was made by a newer waypost-hub (tables %d, this one knows %d); install "
            "that one",
            version, TABLES_VERSION);
    }
    return 0;
}

int tables_empty(struct hub_tables *self, int64_t now_ms)
{
    store_begin(self->store);
    if (!each_statement(self, "DELETE FROM ", emptied, sizeof emptied / sizeof emptied[0])) {
        store_rollback(self->store);
        return E_IO;
    }
    sqlite3_stmt *statement = store_sql(self->store, "UPDATE hub SET rebuilt_ms = ?");
    sql_int(statement, 1, now_ms);
    store_run(self->store, statement);
    self->rebuilt_ms = now_ms;
    tables_past(self, 0, 0);
    return store_commit(self->store);
}

void tables_past(struct hub_tables *self, int64_t leaf, int64_t skip)
{
    sqlite3_stmt *statement =
        store_sql(self->store, "UPDATE hub SET past_leaf = ?1, past_skip = ?2");

    sql_int(statement, 1, leaf);
    sql_int(statement, 2, skip);
    store_run(self->store, statement);
    self->past_leaf = leaf;
    self->past_skip = skip;
}

static int64_t missing_number(uint64_t number)
{
    return number < HUB_MISSING_MAX ? (int64_t)number : HUB_MISSING_MAX;
}

void tables_miss(struct hub_tables *self, uint64_t records, uint64_t entries)
{
    sqlite3_stmt *statement =
        store_sql(self->store, "INSERT OR REPLACE INTO missing VALUES (?1, ?2, ?3, ?4)");

    sql_int(statement, 1, self->past_leaf);
    sql_int(statement, 2, self->past_skip);
    sql_int(statement, 3, missing_number(records));
    sql_int(statement, 4, missing_number(entries));
    store_run(self->store, statement);
}

static void put_missing(struct hub_missing *out)
{
    (void)snprintf(out->text, sizeof out->text,
        "this hub was filled without what its broker could not read of the journal: %" PRIu64
        " record%s, and %" PRIu64
        " entr%s known to need such a one; what they said is in no count and no case here",
        out->records, out->records == 1 ? "" : "s", out->entries, out->entries == 1 ? "y" : "ies");
}

bool tables_missing(struct hub_tables *self, struct hub_missing *out)
{
    sqlite3_stmt *statement = store_sql(self->store,
        "SELECT CAST(total(records) AS INTEGER), CAST(total(entries) AS INTEGER) FROM missing");
    struct hub_missing missing = {0};

    if (store_row(self->store, statement)) {
        missing.records = (uint64_t)row_int(statement, 0);
        missing.entries = (uint64_t)row_int(statement, 1);
        store_stop(statement);
    }
    if (missing.records + missing.entries == 0) {
        return false;
    }
    put_missing(&missing);
    *out = missing;
    return true;
}

/* ---- authorities ---- */

int64_t tables_place(struct hub_tables *self, const char *code)
{
    sqlite3_stmt *find = store_sql(self->store, "SELECT id FROM places WHERE code = ?");
    int64_t id = 0;

    sql_text(find, 1, code);
    if (store_row(self->store, find)) {
        id = row_int(find, 0);
        store_stop(find);
        return id;
    }
    sqlite3_stmt *add = store_sql(self->store,
        "INSERT INTO places (code, heard_ms, said_ms, running, breached) VALUES (?, 0, 0, 0, 0)");
    sql_text(add, 1, code);
    store_run(self->store, add);
    return sqlite3_last_insert_rowid(self->store->db);
}

void tables_code(struct hub_tables *self, int64_t place, char *code)
{
    sqlite3_stmt *statement = store_sql(self->store, "SELECT code FROM places WHERE id = ?");

    code[0] = '\0';
    sql_int(statement, 1, place);
    if (store_row(self->store, statement)) {
        row_text(statement, 0, code, CODE_BYTES + 1);
        store_stop(statement);
    }
}

bool tables_in_area(const struct hub_tables *self, const char *code)
{
    const struct register_authority *authority =
        self->book == NULL ? NULL : register_authority_of(self->book, code);

    for (size_t i = 0; i < self->area_count; i++) {
        if (strcmp(self->areas[i], "*") == 0 ||
            (authority != NULL && strcmp(authority->region_code, self->areas[i]) == 0)) {
            return true;
        }
    }
    return false;
}

const char *tables_name(const struct hub_tables *self, const char *code)
{
    const struct register_authority *authority =
        self->book == NULL ? NULL : register_authority_of(self->book, code);

    return authority == NULL || authority->name[0] == '\0' ? code : authority->name;
}

/* ---- cases ---- */

#define CASE_COLUMNS                                                                               \
    "id, blind, transfer, origin, receiving, first_ms, last_ms, events, notified_ms, "             \
    "accepted_ms, "                                                                                \
    "running, breached, stage"

static int read_case(struct hub_tables *self, sqlite3_stmt *statement, struct hub_case *out)
{
    if (!store_row(self->store, statement)) {
        return E_NOT_FOUND;
    }
    *out = (struct hub_case){.id = row_int(statement, 0),
        .blind = row_int(statement, 1),
        .origin = row_int(statement, 3),
        .receiving = row_int(statement, 4),
        .first_ms = row_int(statement, 5),
        .last_ms = row_int(statement, 6),
        .events = row_int(statement, 7),
        .notified_ms = row_int(statement, 8),
        .accepted_ms = row_int(statement, 9),
        .running = row_int(statement, 10),
        .breached = row_int(statement, 11),
        .stage = row_int(statement, 12)};
    row_fixed(statement, 2, out->transfer, UUID_BYTES);
    store_stop(statement);
    return 0;
}

int tables_case(struct hub_tables *self, const uint8_t *transfer, struct hub_case *out)
{
    sqlite3_stmt *statement =
        store_sql(self->store, "SELECT " CASE_COLUMNS " FROM cases WHERE transfer = ?");

    sql_id(statement, 1, transfer);
    return read_case(self, statement, out);
}

int tables_case_numbered(struct hub_tables *self, int64_t id, struct hub_case *out)
{
    sqlite3_stmt *statement =
        store_sql(self->store, "SELECT " CASE_COLUMNS " FROM cases WHERE id = ?");

    sql_int(statement, 1, id);
    return read_case(self, statement, out);
}

int tables_case_named(
    struct hub_tables *self, const char *text, struct hub_case *out, struct complaint *why)
{
    uint8_t transfer[UUID_BYTES];
    int64_t blind = 0;
    int rc;

    if (blind_parse(text, &blind) == 0) {
        sqlite3_stmt *statement =
            store_sql(self->store, "SELECT " CASE_COLUMNS " FROM cases WHERE blind = ?");
        sql_int(statement, 1, blind);
        rc = read_case(self, statement, out);
    } else if (uuid_parse(text, transfer) == 0) {
        rc = tables_case(self, transfer, out);
    } else {
        return complain(why, E_ID,
            "%.60s is no case of this hub: write its name as the lists show it, K7QF-2M9X-4TRA, or "
            "the transfer's own id",
            text);
    }
    return rc == 0
        ? 0
        : complain(why, E_NOT_FOUND,
              "case %.60s is not known at this hub; `waypost hub deadlines` and `waypost "
              "watch` show those that are",
              text);
}

void tables_case_save(struct hub_tables *self, const struct hub_case *row)
{
    sqlite3_stmt *statement = store_sql(self->store,
        "UPDATE cases SET last_ms = ?2, events = ?3, notified_ms = ?4, accepted_ms = ?5, running = "
        "?6, breached = ?7, stage = ?8 WHERE id = ?1");

    sql_int(statement, 1, row->id);
    sql_int(statement, 2, row->last_ms);
    sql_int(statement, 3, row->events);
    sql_int(statement, 4, row->notified_ms);
    sql_int(statement, 5, row->accepted_ms);
    sql_int(statement, 6, row->running);
    sql_int(statement, 7, row->breached);
    sql_int(statement, 8, row->stage);
    store_run(self->store, statement);
}
