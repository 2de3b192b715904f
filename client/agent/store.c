/*
 * store: the connection, transactions, identity, head, register and alarms. Failures of SQLite are
 * logged here once and answered by store_commit(); a statement that cannot be prepared is our own
 * bug and fatal.
 */
#include "client/agent/store.h"

#include <stdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/agent/store_schema.h"
#include "client/agent/store_sql.h"
#include "common/base/check.h"
#include "common/base/log.h"

#include "common/base/banned.h"

enum { WAL_PAGES_WORTH_IT = 256, WAL_PAGES_TRUNCATE = 8192 };

static int error_of(int sqlite_rc)
{
    switch (sqlite_rc & 0xff) {
    case SQLITE_FULL:
        return E_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return E_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return E_CORRUPT;
    default:
        return E_IO;
    }
}

static void failed(store_t *self, const char *doing)
{
    if (self->failed == 0) {
        self->failed = error_of(sqlite3_extended_errcode(self->db));
        log_errorx("database failed while %s: %s", doing, sqlite3_errmsg(self->db));
    }
}

/* ---- statements ---- */

sqlite3_stmt *store_sql(store_t *self, const char *text)
{
    for (size_t i = 0; i < self->statement_count; i++) {
        if (self->statements[i].text == text) {
            sqlite3_reset(self->statements[i].statement);
            sqlite3_clear_bindings(self->statements[i].statement);
            return self->statements[i].statement;
        }
    }
    assert(self->statement_count < STORE_STATEMENTS_MAX);
    struct prepared *slot = &self->statements[self->statement_count];
    if (sqlite3_prepare_v3(self->db, text, -1, SQLITE_PREPARE_PERSISTENT, &slot->statement, NULL) !=
        SQLITE_OK) {
        fatalx("database statement refused: %s: %s", sqlite3_errmsg(self->db), text);
    }
    slot->text = text;
    self->statement_count++;
    return slot->statement;
}

bool store_row(store_t *self, sqlite3_stmt *statement)
{
    if (self->in_transaction && self->failed != 0) {
        sqlite3_reset(statement);
        return false;
    }
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        return true;
    }
    if (rc != SQLITE_DONE) {
        failed(self, sqlite3_sql(statement));
    }
    sqlite3_reset(statement);
    return false;
}

void store_run(store_t *self, sqlite3_stmt *statement)
{
    assert(self->in_transaction);
    while (store_row(self, statement)) {
    }
}

void store_stop(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
}

void sql_int(sqlite3_stmt *statement, int at, int64_t value)
{
    sqlite3_bind_int64(statement, at, value);
}

void sql_blob(sqlite3_stmt *statement, int at, struct slice bytes)
{
    if (bytes.data == NULL) {
        sqlite3_bind_null(statement, at);
        return;
    }
    sqlite3_bind_blob64(statement, at, bytes.data, bytes.len, SQLITE_STATIC);
}

void sql_id(sqlite3_stmt *statement, int at, const uint8_t *id)
{
    sql_blob(statement, at, slice_of(id, id == NULL ? 0 : UUID_BYTES));
}

void sql_text(sqlite3_stmt *statement, int at, const char *text)
{
    if (text == NULL) {
        sqlite3_bind_null(statement, at);
        return;
    }
    sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

int64_t row_int(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_int64(statement, column);
}

struct slice row_blob(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);
    int len = sqlite3_column_bytes(statement, column);

    return slice_of(data, data == NULL ? 0 : (size_t)len);
}

void row_fixed(sqlite3_stmt *statement, int column, void *out, size_t len)
{
    struct slice bytes = row_blob(statement, column);

    memset(out, 0, len);
    if (bytes.len == len) {
        memcpy(out, bytes.data, len);
    }
}

void row_text(sqlite3_stmt *statement, int column, char *out, size_t bytes)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    size_t len = text == NULL ? 0 : (size_t)sqlite3_column_bytes(statement, column);

    if (len > bytes - 1) {
        len = bytes - 1;
    }
    if (len > 0) {
        memcpy(out, text, len);
    }
    out[len] = '\0';
}

void row_buf(sqlite3_stmt *statement, int column, struct buf *out)
{
    buf_put_slice(out, row_blob(statement, column));
}

/* ---- opening ---- */

static int on_wal(void *context, sqlite3 *db, const char *name, int pages)
{
    store_t *self = context;

    (void)db;
    (void)name;
    self->wal_pages = pages;
    if (pages >=
        AGENT_WAL_PAGES_FUSE) { /* a fuse: idle gaps should have come first (PITFALLS: autocheckpoint) */
        sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    }
    return SQLITE_OK;
}

static bool pragma_is(store_t *self, const char *set, const char *want)
{
    sqlite3_stmt *statement = NULL;
    bool same = false;

    if (sqlite3_prepare_v2(self->db, set, -1, &statement, NULL) != SQLITE_OK) {
        return false;
    }
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(statement, 0);
        same = text != NULL && strcmp((const char *)text, want) == 0;
    } else {
        same = rc == SQLITE_DONE && want[0] == '\0';
    }
    sqlite3_finalize(statement);
    return same;
}

/* Set, then read back what the promises stand on (PITFALLS: synchronous). */
static bool set_pragmas(store_t *self, bool memory)
{
    static const struct {
        const char *text;
        const char *want;
    } pragmas[] = {
        {"PRAGMA locking_mode = EXCLUSIVE", "exclusive"},
        {"PRAGMA synchronous = FULL", ""},
        {"PRAGMA synchronous", "2"},
        {"PRAGMA foreign_keys = ON", ""},
        {"PRAGMA foreign_keys", "1"},
        {"PRAGMA secure_delete = ON", "1"},
        {"PRAGMA temp_store = MEMORY", ""}, /* pages kept aside: in no file that nobody erases */
        {"PRAGMA temp_store", "2"},
        {"PRAGMA wal_autocheckpoint = 0", "0"},
        {"PRAGMA trusted_schema = OFF", ""},
    };

    for (size_t i = 0; i < sizeof pragmas / sizeof pragmas[0]; i++) {
        if (!pragma_is(self, pragmas[i].text, pragmas[i].want)) {
            return false;
        }
    }
    return pragma_is(self, "PRAGMA journal_mode = WAL", memory ? "memory" : "wal");
}

static int64_t read_version(store_t *self)
{
    sqlite3_stmt *statement = NULL;
    int64_t version = -1;

    if (sqlite3_prepare_v2(self->db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        version = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return version;
}

static void run_text(store_t *self, const char *text)
{
    if (self->failed == 0 && sqlite3_exec(self->db, text, NULL, NULL, NULL) != SQLITE_OK) {
        failed(self, text);
    }
}

static void make_owner(store_t *self, const char *network, const char *agent)
{
    uint8_t zero[HASH_BYTES] = {0};

    sqlite3_stmt *owner = store_sql(self, "INSERT INTO owner VALUES (1, ?, ?)");
    sql_text(owner, 1, network);
    sql_text(owner, 2, agent);
    store_run(self, owner);
    sqlite3_stmt *identity =
        store_sql(self, "INSERT INTO identity VALUES (1, 0, 1, 0, ?1, 0, 0, 0, 0, ?2, 0, 0, 0)");
    sql_blob(identity, 1, slice_of(zero, UUID_BYTES));
    sql_blob(identity, 2, slice_of(zero, HASH_BYTES));
    store_run(self, identity);
}

/* From the version found to ours, in the order in which they came. */
static void make_tables(store_t *self, int64_t version, const char *network, const char *agent)
{
    char text[48];

    for (int64_t step = version; step < STORE_SCHEMA_VERSION; step++) {
        for (size_t i = 0; store_schema[step][i] != NULL; i++) {
            run_text(self, store_schema[step][i]);
        }
    }
    if (version == 0) {
        make_owner(self, network, agent);
    }
    (void)snprintf(text, sizeof text, "PRAGMA user_version = %d", STORE_SCHEMA_VERSION);
    run_text(self, text);
}

static int check_owner(
    store_t *self, const char *path, const char *network, const char *agent, struct complaint *why)
{
    char found_network[NETWORK_NAME_BYTES_MAX + 1] = "";
    char found_agent[AGENT_ID_BYTES_MAX + 1] = "";
    sqlite3_stmt *statement = store_sql(self, "SELECT network, agent FROM owner");

    if (!store_row(self, statement)) {
        return complain(why, E_CORRUPT, "%s: names no owner; restore it from a copy", path);
    }
    row_text(statement, 0, found_network, sizeof found_network);
    row_text(statement, 1, found_agent, sizeof found_agent);
    store_stop(statement);
    if (strcmp(found_network, network) != 0 || strcmp(found_agent, agent) != 0) {
        return complain(why, E_CONFIG,
            "%s: belongs to agent %s of network %s; name another database or agent", path,
            found_agent, found_network);
    }
    return 0;
}

static int prepare_tables(
    store_t *self, const char *path, const char *network, const char *agent, struct complaint *why)
{
    int64_t version = read_version(self);

    if (version < 0) {
        return complain(why, error_of(sqlite3_extended_errcode(self->db)), "%s: %s", path,
            sqlite3_errmsg(self->db));
    }
    if (version > STORE_SCHEMA_VERSION) {
        return complain(why, E_VERSION,
            "%s: made by a newer waypost-agent (schema %lld, this one knows %d); install that one",
            path, (long long)version, STORE_SCHEMA_VERSION);
    }
    if (version < STORE_SCHEMA_VERSION) {
        store_begin(self);
        make_tables(self, version, network, agent);
        int rc = store_commit(self);
        if (rc != 0) {
            return complain(why, rc, "%s: the tables cannot be made: %s", path, err_text(rc));
        }
    }
    return check_owner(self, path, network, agent, why);
}

/*
 * What a killed process had written and not synced can be read, and is not on the disk: nothing may be
 * said of it before it is. SQLite does not sync the log that it finds.
 */
static int sync_found(store_t *self)
{
    sqlite3_file *log = NULL;

    if (sqlite3_file_control(self->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
        log == NULL || log->pMethods == NULL) {
        return 0; /* no log: a database in memory */
    }
    return log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) == SQLITE_OK ? 0 : E_IO;
}

int store_open(
    const char *path, const char *network, const char *agent, store_t **out, struct complaint *why)
{
    store_t *self = mem_new(1, sizeof *self);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = 0;

    if (sqlite3_open_v2(path, &self->db, flags, NULL) != SQLITE_OK) {
        rc = complain(why, E_IO, "%s: cannot be opened: %s; check the folder and its owner", path,
            self->db == NULL ? "no memory" : sqlite3_errmsg(self->db));
        store_close(&self);
        return rc;
    }
    sqlite3_busy_timeout(self->db, 0);
    sqlite3_db_config(self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (!set_pragmas(self, strcmp(path, ":memory:") == 0)) {
        int code = error_of(sqlite3_extended_errcode(self->db));
        rc = complain(why, code, "%s: %s", path,
            code == E_LOCKED ? "another agent has it open; stop that one first"
                             : sqlite3_errmsg(self->db));
        store_close(&self);
        return rc;
    }
    sqlite3_wal_hook(self->db, on_wal, self);
    rc = prepare_tables(self, path, network, agent, why);
    if (rc == 0 && sync_found(self) != 0) {
        rc = complain(why, E_IO, "%s: its log cannot be synced; check the disk", path);
    }
    if (rc != 0) {
        store_close(&self);
        return rc;
    }
    *out = self;
    return 0;
}

void store_close(store_t **self_p)
{
    store_t *self = *self_p;

    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->statement_count; i++) {
        sqlite3_finalize(self->statements[i].statement);
    }
    sqlite3_close(self->db);
    free(self);
    *self_p = NULL;
}

/* ---- transactions ---- */

void store_begin(store_t *self)
{
    assert(!self->in_transaction);
    self->in_transaction = true;
    if (!self->begun) {
        self->begun = true;
        self->failed = 0;
        store_run(self, store_sql(self, "BEGIN IMMEDIATE"));
    }
}

static uint64_t clock_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void roll_back(store_t *self)
{
    for (size_t i = 0; i < self->statement_count; i++) {
        sqlite3_reset(self->statements[i].statement);
    }
    if (!sqlite3_get_autocommit(self->db)) {
        (void)sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    }
    self->in_transaction = false;
    self->begun = false;
    self->failed = 0;
}

/* COMMIT, unless something has failed or does so now: then nothing is kept. */
static int keep(store_t *self)
{
    if (self->failed == 0) {
        uint64_t began_us = clock_us();
        store_run(self, store_sql(self, "COMMIT"));
        histogram_add(&self->sync, clock_us() - began_us);
    }
    int rc = self->failed;
    if (rc != 0) {
        roll_back(self);
    }
    self->begun = false;
    self->in_transaction = false;
    return rc;
}

int store_commit(store_t *self)
{
    assert(self->in_transaction);
    if (self->gathering && self->failed == 0) {
        self->in_transaction = false;
        return 0;
    }
    return keep(self);
}

void store_gather(store_t *self)
{
    self->gathering = true;
}

int store_gathered(store_t *self)
{
    assert(!self->in_transaction);
    self->gathering = false;
    self->in_transaction = self->begun;
    return self->begun ? keep(self) : 0;
}

void store_rollback(store_t *self)
{
    assert(self->in_transaction);
    roll_back(self);
}

const struct histogram *store_sync(const store_t *self)
{
    return &self->sync;
}

int store_probe(store_t *self)
{
    store_begin(self);
    store_run(self, store_sql(self, "UPDATE identity SET restore = restore"));
    return store_commit(self);
}

bool store_in_transaction(const store_t *self)
{
    return self->in_transaction;
}

int store_failed(store_t *self)
{
    int rc = self->failed;

    if (!self->in_transaction) {
        self->failed = 0;
    }
    return rc;
}

void store_idle(store_t *self)
{
    if (self->begun || self->wal_pages < WAL_PAGES_WORTH_IT) {
        return;
    }
    int mode = self->wal_pages > WAL_PAGES_TRUNCATE ? SQLITE_CHECKPOINT_TRUNCATE
                                                    : SQLITE_CHECKPOINT_PASSIVE;
    sqlite3_wal_checkpoint_v2(self->db, NULL, mode, NULL, NULL);
    self->wal_pages = 0;
}

/* ---- identity, head, register ---- */

void store_identity(store_t *self, struct identity *out)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT incarnation, next_sequence, sent_sequence, last_event, ack_counter, stream_epoch,"
        " stream_upto, stream_acked, running, from_start, own_fetched, restore FROM identity");

    memset(out, 0, sizeof *out);
    if (!store_row(self, statement)) {
        return;
    }
    out->incarnation = (uint64_t)row_int(statement, 0);
    out->next_sequence = (uint64_t)row_int(statement, 1);
    out->sent_sequence = (uint64_t)row_int(statement, 2);
    row_fixed(statement, 3, out->last_event, UUID_BYTES);
    out->ack_counter = (uint64_t)row_int(statement, 4);
    out->stream_epoch = (uint64_t)row_int(statement, 5);
    out->stream_upto = (uint64_t)row_int(statement, 6);
    out->stream_acked = (uint64_t)row_int(statement, 7);
    row_fixed(statement, 8, out->running.b, HASH_BYTES);
    out->from_start = row_int(statement, 9) != 0;
    out->own_fetched = row_int(statement, 10) != 0;
    out->restore = (uint32_t)row_int(statement, 11);
    store_stop(statement);
}

void store_identity_save(store_t *self, const struct identity *identity)
{
    sqlite3_stmt *statement = store_sql(self,
        "UPDATE identity SET incarnation = ?1, next_sequence = ?2, sent_sequence = ?3, last_event "
        "= ?4,"
        " ack_counter = ?5, stream_epoch = ?6, stream_upto = ?7, stream_acked = ?8, running = ?9,"
        " from_start = ?10, own_fetched = ?11, restore = ?12");

    sql_int(statement, 1, (int64_t)identity->incarnation);
    sql_int(statement, 2, (int64_t)identity->next_sequence);
    sql_int(statement, 3, (int64_t)identity->sent_sequence);
    sql_id(statement, 4, identity->last_event);
    sql_int(statement, 5, (int64_t)identity->ack_counter);
    sql_int(statement, 6, (int64_t)identity->stream_epoch);
    sql_int(statement, 7, (int64_t)identity->stream_upto);
    sql_int(statement, 8, (int64_t)identity->stream_acked);
    sql_blob(statement, 9, slice_of(identity->running.b, HASH_BYTES));
    sql_int(statement, 10, identity->from_start);
    sql_int(statement, 11, identity->own_fetched);
    sql_int(statement, 12, identity->restore);
    store_run(self, statement);
}

void store_head(store_t *self, struct seen_head *out)
{
    sqlite3_stmt *statement = store_sql(
        self, "SELECT size, epoch, journal, root, time_ms, statement, signature FROM head");

    memset(out, 0, sizeof *out);
    if (!store_row(self, statement)) {
        return;
    }
    struct slice bytes = row_blob(statement, 5);
    if (bytes.len <= sizeof out->statement && bytes.len > 0) {
        out->size = (uint64_t)row_int(statement, 0);
        out->epoch = (uint32_t)row_int(statement, 1);
        row_fixed(statement, 2, out->journal, sizeof out->journal);
        row_fixed(statement, 3, out->root.b, HASH_BYTES);
        out->time_ms = row_int(statement, 4);
        memcpy(out->statement, bytes.data, bytes.len);
        out->statement_len = (uint32_t)bytes.len;
        row_fixed(statement, 6, out->signature, sizeof out->signature);
    }
    store_stop(statement);
}

void store_head_save(store_t *self, const struct seen_head *head)
{
    sqlite3_stmt *statement =
        store_sql(self, "INSERT OR REPLACE INTO head VALUES (1, ?, ?, ?, ?, ?, ?, ?)");

    sql_int(statement, 1, (int64_t)head->size);
    sql_int(statement, 2, head->epoch);
    sql_blob(statement, 3, slice_of(head->journal, sizeof head->journal));
    sql_blob(statement, 4, slice_of(head->root.b, HASH_BYTES));
    sql_int(statement, 5, head->time_ms);
    sql_blob(statement, 6, slice_of(head->statement, head->statement_len));
    sql_blob(statement, 7, slice_of(head->signature, sizeof head->signature));
    store_run(self, statement);
}

void store_register(store_t *self, struct buf *out)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT bytes FROM register");

    if (store_row(self, statement)) {
        row_buf(statement, 0, out);
        store_stop(statement);
    }
}

void store_register_save(store_t *self, uint64_t version, struct slice bytes)
{
    sqlite3_stmt *statement = store_sql(self, "INSERT OR REPLACE INTO register VALUES (1, ?, ?)");

    sql_int(statement, 1, (int64_t)version);
    sql_blob(statement, 2, bytes);
    store_run(self, statement);
    sqlite3_stmt *kept = store_sql(
        self, "INSERT INTO registers (version, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING");
    sql_int(kept, 1, (int64_t)version);
    sql_blob(kept, 2, bytes);
    store_run(self, kept);
}

/* ---- alarms ---- */

bool store_alarm_set(store_t *self, const char *name, const char *text, int64_t now_ms)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO alarms (name, text, since_ms) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (name) DO UPDATE SET text = ?2, owner = NULL, told_ms = 0 WHERE text <> ?2");

    sql_text(statement, 1, name);
    sql_text(statement, 2, text);
    sql_int(statement, 3, now_ms);
    store_run(self, statement);
    return sqlite3_changes(self->db) > 0;
}

static bool is_unkept(const store_t *self, const char *name)
{
    return strcmp(self->unkept.name, name) == 0;
}

void store_alarm_keep(store_t *self, const char *name, const char *text, int64_t now_ms)
{
    if (is_unkept(self, name) && strcmp(self->unkept.text, text) == 0) {
        return;
    }
    self->unkept = (struct alarm){.since_ms = now_ms};
    (void)snprintf(self->unkept.name, sizeof self->unkept.name, "%s", name);
    (void)snprintf(self->unkept.text, sizeof self->unkept.text, "%s", text);
}

bool store_alarm_clear(store_t *self, const char *name)
{
    sqlite3_stmt *statement = store_sql(self, "DELETE FROM alarms WHERE name = ?");
    bool was_unkept = is_unkept(self, name);

    if (was_unkept) {
        self->unkept.name[0] = '\0';
    }
    sql_text(statement, 1, name);
    store_run(self, statement);
    return sqlite3_changes(self->db) > 0 || was_unkept;
}

bool store_alarm_own(store_t *self, const char *name, const char *owner, int64_t now_ms)
{
    const struct alarm_info *info = alarm_info(name);
    sqlite3_stmt *record = store_sql(self,
        "INSERT INTO owned (name, text, since_ms, owner, owned_ms)"
        " SELECT name, text, since_ms, ?2, ?3 FROM alarms WHERE name = ?1");

    sql_text(record, 1, name);
    sql_text(record, 2, owner);
    sql_int(record, 3, now_ms);
    store_run(self, record);
    if (info != NULL && info->once) {
        return store_alarm_clear(self, name);
    }
    sqlite3_stmt *statement = store_sql(self, "UPDATE alarms SET owner = ?2 WHERE name = ?1");
    sql_text(statement, 1, name);
    sql_text(statement, 2, owner);
    store_run(self, statement);
    return sqlite3_changes(self->db) > 0;
}

void store_alarm_told(store_t *self, const char *name, int64_t told_ms)
{
    sqlite3_stmt *statement =
        store_sql(self, "UPDATE alarms SET told_ms = ?2, told = told + 1 WHERE name = ?1");

    if (is_unkept(self, name)) {
        self->unkept.told_ms = told_ms;
        self->unkept.told++;
    }
    sql_text(statement, 1, name);
    sql_int(statement, 2, told_ms);
    store_run(self, statement);
}

bool store_has_alarm(store_t *self, const char *name)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT 1 FROM alarms WHERE name = ?");

    sql_text(statement, 1, name);
    bool found = store_row(self, statement);
    store_stop(statement);
    return found || is_unkept(self, name);
}

void store_alarms(
    store_t *self, void (*visit)(void *context, const struct alarm *row), void *context)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT name, text, since_ms, owner, told_ms, told FROM alarms ORDER BY since_ms, name");
    bool unkept = self->unkept.name[0] != '\0';

    while (store_row(self, statement)) {
        struct alarm row;
        row_text(statement, 0, row.name, sizeof row.name);
        row_text(statement, 1, row.text, sizeof row.text);
        row.since_ms = row_int(statement, 2);
        row_text(statement, 3, row.owner, sizeof row.owner);
        row.told_ms = row_int(statement, 4);
        row.told = (uint32_t)row_int(statement, 5);
        unkept = unkept && !is_unkept(self, row.name);
        visit(context, &row);
    }
    if (unkept) {
        visit(context, &self->unkept);
    }
}
