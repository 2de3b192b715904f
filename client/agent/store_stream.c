/*
 * store_stream: the stream as it was persisted: entries, faults, records, others'
 * acknowledgements, and the counters that senders give us. Failures are those of store.h.
 */
#include <string.h>

#include "client/agent/store_sql.h"

#include "common/base/banned.h"

/* ---- entries ---- */

int64_t store_entry_add(store_t *self, const struct entry_row *row)
{
    static const uint8_t zero[UUID_BYTES];
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO entries (epoch, number, type, event, ref, persisted_ms, fault, running)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");

    sql_int(statement, 1, (int64_t)row->epoch);
    sql_int(statement, 2, (int64_t)row->number);
    sql_int(statement, 3, row->type);
    sql_id(statement, 4, memcmp(row->event, zero, UUID_BYTES) == 0 ? NULL : row->event);
    sql_int(statement, 5, row->ref);
    sql_int(statement, 6, row->persisted_ms);
    sql_int(statement, 7, row->fault);
    sql_blob(statement, 8, slice_of(row->running.b, HASH_BYTES));
    store_run(self, statement);
    return sqlite3_last_insert_rowid(self->db);
}

bool store_entry_hash(store_t *self, uint64_t epoch, uint64_t number, struct hash *out)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT running FROM entries WHERE epoch = ? AND number = ?");

    sql_int(statement, 1, (int64_t)epoch);
    sql_int(statement, 2, (int64_t)number);
    if (!store_row(self, statement)) {
        return false;
    }
    row_fixed(statement, 0, out->b, HASH_BYTES);
    store_stop(statement);
    return true;
}

void store_entries_cut(store_t *self, uint64_t epoch, uint64_t above)
{
    sqlite3_stmt *statement = store_sql(self, "DELETE FROM entries WHERE epoch = ? AND number > ?");

    sql_int(statement, 1, (int64_t)epoch);
    sql_int(statement, 2, (int64_t)above);
    store_run(self, statement);
}

void store_entries_forget(store_t *self, uint64_t epoch, uint64_t below)
{
    sqlite3_stmt *statement =
        store_sql(self, "DELETE FROM entries WHERE epoch < ?1 OR (epoch = ?1 AND number < ?2)");

    sql_int(statement, 1, (int64_t)epoch);
    sql_int(statement, 2, (int64_t)below);
    store_run(self, statement);
}

int store_entry_after(store_t *self, int64_t position, struct entry_row *out)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT position, epoch, number, type, event, ref, persisted_ms, fault FROM entries"
        " WHERE position > ? ORDER BY position LIMIT 1");

    sql_int(statement, 1, position);
    if (!store_row(self, statement)) {
        return E_END;
    }
    memset(out, 0, sizeof *out);
    out->position = row_int(statement, 0);
    out->epoch = (uint64_t)row_int(statement, 1);
    out->number = (uint64_t)row_int(statement, 2);
    out->type = (enum entry_type)row_int(statement, 3);
    row_fixed(statement, 4, out->event, UUID_BYTES);
    out->ref = row_int(statement, 5);
    out->persisted_ms = row_int(statement, 6);
    out->fault = (int)row_int(statement, 7);
    store_stop(statement);
    return 0;
}

static int64_t read_number(store_t *self, sqlite3_stmt *statement)
{
    int64_t number = 0;

    if (store_row(self, statement)) {
        number = row_int(statement, 0);
        store_stop(statement);
    }
    return number;
}

int64_t store_entry_last(store_t *self)
{
    return read_number(self, store_sql(self, "SELECT ifnull(max(position), 0) FROM entries"));
}

int64_t store_entry_from(store_t *self, uint64_t epoch, uint64_t number)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT ifnull((SELECT min(position) - 1 FROM entries WHERE epoch = ?1 AND number >= ?2),"
        " (SELECT ifnull(max(position), 0) FROM entries))");

    sql_int(statement, 1, (int64_t)epoch);
    sql_int(statement, 2, (int64_t)number);
    return read_number(self, statement);
}

static void name_entry(sqlite3_stmt *statement, struct persisted_entries *entries)
{
    struct hash running;

    row_fixed(statement, 3, running.b, HASH_BYTES);
    frontier_add(&entries->named, &running);
    entries->events += row_int(statement, 2) == ENTRY_EVENT;
}

size_t store_runs(store_t *self, uint64_t epoch, uint64_t after, struct persisted_run *out,
    size_t max, struct persisted_entries *entries)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT number, persisted_ms, type, running FROM entries WHERE epoch = ? AND number > ?"
        " ORDER BY number");
    size_t count = 0;

    sql_int(statement, 1, (int64_t)epoch);
    sql_int(statement, 2, (int64_t)after);
    while (store_row(self, statement)) {
        int64_t at_ms = row_int(statement, 1);
        if (count == 0 || (out[count - 1].at_ms != at_ms && count < max)) {
            out[count++].at_ms = at_ms;
        }
        struct persisted_run *run = &out[count - 1];
        run->upto = (uint64_t)row_int(statement, 0);
        run->at_ms = at_ms > run->at_ms ? at_ms : run->at_ms;
        if (entries != NULL) {
            name_entry(statement, entries);
        }
    }
    return count;
}

size_t store_faults(
    store_t *self, uint64_t epoch, uint64_t after, struct fault_row *out, size_t max)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT number, fault FROM entries WHERE epoch = ?"
        " AND number > ? AND fault < 0 ORDER BY number LIMIT ?");
    size_t count = 0;

    sql_int(statement, 1, (int64_t)epoch);
    sql_int(statement, 2, (int64_t)after);
    sql_int(statement, 3, (int64_t)max);
    while (store_row(self, statement)) {
        out[count].number = (uint64_t)row_int(statement, 0);
        out[count].code = (int)row_int(statement, 1);
        count++;
    }
    return count;
}

void store_fault_add(store_t *self, const struct entry_row *entry, int code, const char *text,
    struct slice event, struct slice statement_bytes, struct slice signature)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO faults (epoch, number, code, text, at_ms, event, statement, signature)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");

    sql_int(statement, 1, (int64_t)entry->epoch);
    sql_int(statement, 2, (int64_t)entry->number);
    sql_int(statement, 3, code);
    sql_text(statement, 4, text);
    sql_int(statement, 5, entry->persisted_ms);
    sql_blob(statement, 6, event);
    sql_blob(statement, 7, statement_bytes);
    sql_blob(statement, 8, signature);
    store_run(self, statement);
}

/* ---- records ---- */

int64_t store_notice_add(store_t *self, const struct notice_row *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO notices (leaf_index, recorded_ms, at_ms, kind, event, code, successors, doer,"
        " code_err, transfer, subject, clock, rule, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

    sql_int(statement, 1, (int64_t)row->leaf_index);
    sql_int(statement, 2, row->recorded_ms);
    sql_int(statement, 3, row->at_ms);
    sql_int(statement, 4, row->kind);
    sql_id(statement, 5, row->has_event ? row->event : NULL);
    sql_text(statement, 6, row->code);
    sql_text(statement, 7, row->successors);
    sql_text(statement, 8, row->by);
    sql_int(statement, 9, row->code_err);
    sql_id(statement, 10, row->has_transfer ? row->transfer : NULL);
    sql_id(statement, 11, row->has_subject ? row->subject : NULL);
    sql_text(statement, 12, row->clock);
    sql_text(statement, 13, row->rule);
    sql_text(statement, 14, row->detail);
    store_run(self, statement);
    return sqlite3_last_insert_rowid(self->db);
}

#define NOTICE_COLUMNS                                                                             \
    "id, leaf_index, recorded_ms, at_ms, kind, event, code, successors, doer, code_err, transfer," \
    " subject, clock, rule, detail"

static void read_notice(sqlite3_stmt *statement, struct notice_row *out)
{
    memset(out, 0, sizeof *out);
    out->id = row_int(statement, 0);
    out->leaf_index = (uint64_t)row_int(statement, 1);
    out->recorded_ms = row_int(statement, 2);
    out->at_ms = row_int(statement, 3);
    out->kind = (uint32_t)row_int(statement, 4);
    out->has_event = row_blob(statement, 5).len == UUID_BYTES;
    row_fixed(statement, 5, out->event, UUID_BYTES);
    row_text(statement, 6, out->code, sizeof out->code);
    row_text(statement, 7, out->successors, sizeof out->successors);
    row_text(statement, 8, out->by, sizeof out->by);
    out->code_err = (uint32_t)row_int(statement, 9);
    out->has_transfer = row_blob(statement, 10).len == UUID_BYTES;
    row_fixed(statement, 10, out->transfer, UUID_BYTES);
    out->has_subject = row_blob(statement, 11).len == UUID_BYTES;
    row_fixed(statement, 11, out->subject, UUID_BYTES);
    row_text(statement, 12, out->clock, sizeof out->clock);
    row_text(statement, 13, out->rule, sizeof out->rule);
    row_text(statement, 14, out->detail, sizeof out->detail);
}

int store_notice(store_t *self, int64_t id, struct notice_row *out)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT " NOTICE_COLUMNS " FROM notices WHERE id = ?");

    sql_int(statement, 1, id);
    if (!store_row(self, statement)) {
        return E_NOT_FOUND;
    }
    read_notice(statement, out);
    store_stop(statement);
    return 0;
}

static void visit_notices(store_t *self, sqlite3_stmt *statement,
    void (*visit)(void *context, const struct notice_row *row), void *context)
{
    while (store_row(self, statement)) {
        struct notice_row row;
        read_notice(statement, &row);
        visit(context, &row);
    }
}

void store_notices(store_t *self, const uint8_t *event,
    void (*visit)(void *context, const struct notice_row *row), void *context)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT " NOTICE_COLUMNS " FROM notices WHERE event = ? ORDER BY id");

    sql_id(statement, 1, event);
    visit_notices(self, statement, visit, context);
}

void store_notices_of(store_t *self, uint32_t kind,
    void (*visit)(void *context, const struct notice_row *row), void *context)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT " NOTICE_COLUMNS " FROM notices WHERE kind = ? ORDER BY id");

    sql_int(statement, 1, kind);
    visit_notices(self, statement, visit, context);
}

/* ---- levels and their proofs ---- */

const char *level_word(enum level level)
{
    static const char *const words[] = {"none", "persisted", "opened", "fault"};

    return (size_t)level < sizeof words / sizeof words[0] ? words[level] : "none";
}

int64_t store_ack_add(store_t *self, const char *agent, struct slice statement_bytes,
    struct slice signature, uint64_t leaf_index, int64_t now_ms)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO acks (agent, statement, signature, leaf_index, at_ms) VALUES (?, ?, ?, ?, ?)");

    sql_text(statement, 1, agent);
    sql_blob(statement, 2, statement_bytes);
    sql_blob(statement, 3, signature);
    sql_int(statement, 4, (int64_t)leaf_index);
    sql_int(statement, 5, now_ms);
    store_run(self, statement);
    return sqlite3_last_insert_rowid(self->db);
}

void store_level_put(store_t *self, const uint8_t *event, const struct level_row *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO levels (event, code, level, agent, role, team, at_ms, code_err, ack)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");

    sql_id(statement, 1, event);
    sql_text(statement, 2, row->code);
    sql_int(statement, 3, row->level);
    sql_text(statement, 4, row->agent);
    sql_int(statement, 5, row->role);
    sql_text(statement, 6, row->team);
    sql_int(statement, 7, row->at_ms);
    sql_int(statement, 8, row->code_err);
    sql_int(statement, 9, row->ack);
    store_run(self, statement);
    if (row->level == LEVEL_PERSISTED || row->level == LEVEL_OPENED) {
        store_reached_put(
            self, event, row->code, row->level == LEVEL_OPENED ? REACHED_PERSON : REACHED_DISK);
    }
}

static void read_level(sqlite3_stmt *statement, struct level_row *out)
{
    memset(out, 0, sizeof *out);
    row_text(statement, 1, out->code, sizeof out->code);
    out->level = (enum level)row_int(statement, 2);
    row_text(statement, 3, out->agent, sizeof out->agent);
    out->role = (uint32_t)row_int(statement, 4);
    row_text(statement, 5, out->team, sizeof out->team);
    out->at_ms = row_int(statement, 6);
    out->code_err = (uint32_t)row_int(statement, 7);
    out->ack = row_int(statement, 8);
}

#define LEVEL_COLUMNS "event, code, level, agent, role, team, at_ms, code_err, ack"

void store_levels(store_t *self, const uint8_t *event,
    void (*visit)(void *context, const struct level_row *row), void *context)
{
    sqlite3_stmt *statement = store_sql(
        self, "SELECT " LEVEL_COLUMNS " FROM levels WHERE event = ? ORDER BY at_ms, level, code");

    sql_id(statement, 1, event);
    while (store_row(self, statement)) {
        struct level_row row;
        read_level(statement, &row);
        visit(context, &row);
    }
}

void store_ack_levels(store_t *self, int64_t ack,
    void (*visit)(void *context, const uint8_t *event, const struct level_row *row), void *context)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT " LEVEL_COLUMNS " FROM levels WHERE ack = ? ORDER BY event, level");

    sql_int(statement, 1, ack);
    while (store_row(self, statement)) {
        struct level_row row;
        uint8_t event[UUID_BYTES];
        row_fixed(statement, 0, event, UUID_BYTES);
        read_level(statement, &row);
        visit(context, event, &row);
    }
}

enum level store_level_of(store_t *self, const uint8_t *event, const char *code, int64_t *at_ms)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT level, at_ms FROM levels WHERE event = ?1 AND code = ?2"
        " ORDER BY CASE level WHEN 3 THEN 0 ELSE level END DESC, at_ms LIMIT 1");
    enum level level = LEVEL_NONE;

    *at_ms = 0;
    sql_id(statement, 1, event);
    sql_text(statement, 2, code);
    if (store_row(self, statement)) {
        level = (enum level)row_int(statement, 0);
        *at_ms = row_int(statement, 1);
        store_stop(statement);
    }
    return level;
}

/* ---- counters that senders give us ---- */

struct sender_key {
    const char *agent;
    uint64_t incarnation;
    const char *code;
};

static sqlite3_stmt *keyed(store_t *self, const char *text, const struct sender_key *key)
{
    sqlite3_stmt *statement = store_sql(self, text);

    sql_text(statement, 1, key->agent);
    sql_int(statement, 2, (int64_t)key->incarnation);
    sql_text(statement, 3, key->code);
    return statement;
}

static bool take_ahead(store_t *self, const struct sender_key *key, int64_t n)
{
    sqlite3_stmt *statement = keyed(self,
        "DELETE FROM ahead WHERE agent = ?1 AND incarnation = ?2 AND code = ?3 AND n = ?4", key);

    sql_int(statement, 4, n);
    store_run(self, statement);
    return sqlite3_changes(self->db) > 0;
}

static void save_sender(
    store_t *self, const struct sender_key *key, int64_t contiguous, int64_t gap_since_ms)
{
    sqlite3_stmt *statement = keyed(self,
        "INSERT OR REPLACE INTO senders (agent, incarnation, code, contiguous, gap_since_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5)",
        key);

    sql_int(statement, 4, contiguous);
    sql_int(statement, 5, gap_since_ms);
    store_run(self, statement);
}

bool store_sender_number(store_t *self, const char *agent, uint64_t incarnation, const char *code,
    uint64_t n, bool from_start, int64_t now_ms)
{
    struct sender_key key = {agent, incarnation, code};
    int64_t contiguous = from_start ? 0 : (int64_t)n - 1;
    int64_t gap_since_ms = 0;
    sqlite3_stmt *read = keyed(self,
        "SELECT contiguous, gap_since_ms FROM senders WHERE agent = ?1 AND incarnation = ?2"
        " AND code = ?3",
        &key);

    if (store_row(self, read)) {
        contiguous = row_int(read, 0);
        gap_since_ms = row_int(read, 1);
        store_stop(read);
    }
    if ((int64_t)n <= contiguous) {
        return gap_since_ms != 0;
    }
    if ((int64_t)n > contiguous + 1) {
        sqlite3_stmt *ahead = keyed(self,
            "INSERT INTO ahead (agent, incarnation, code, n) VALUES (?1, ?2, ?3, ?4)"
            " ON CONFLICT DO NOTHING",
            &key);
        sql_int(ahead, 4, (int64_t)n);
        store_run(self, ahead);
        save_sender(self, &key, contiguous, gap_since_ms == 0 ? now_ms : gap_since_ms);
        return true;
    }
    contiguous++;
    while (take_ahead(self, &key, contiguous + 1)) {
        contiguous++;
    }
    sqlite3_stmt *rest = keyed(self,
        "SELECT 1 FROM ahead WHERE agent = ?1 AND incarnation = ?2 AND code = ?3 LIMIT 1", &key);
    bool open = store_row(self, rest);
    store_stop(rest);
    save_sender(self, &key, contiguous, open ? now_ms : 0);
    return open;
}

bool store_sender_gap(store_t *self, int64_t before_ms, struct sender_gap *out)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT agent, code, contiguous + 1, gap_since_ms FROM senders WHERE gap_since_ms > 0"
        " AND gap_since_ms < ? ORDER BY gap_since_ms LIMIT 1");

    sql_int(statement, 1, before_ms);
    if (!store_row(self, statement)) {
        return false;
    }
    row_text(statement, 0, out->agent, sizeof out->agent);
    row_text(statement, 1, out->code, sizeof out->code);
    out->missing = (uint64_t)row_int(statement, 2);
    out->since_ms = row_int(statement, 3);
    store_stop(statement);
    return true;
}
