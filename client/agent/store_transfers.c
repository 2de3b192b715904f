/* store_transfers: transfers as both sides know them, and the local names of their subjects.
 * Failures: store.h. */
#include <string.h>

#include "client/agent/store_sql.h"

#include "common/base/banned.h"

#define TRANSFER_COLUMNS "transfer, label, origin, receiving, created_ms"

static void add_subject(
    store_t *self, const uint8_t *transfer, size_t position, const struct subject_row *subject)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO subjects (transfer, ref, case_type, name, position) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (transfer, ref) DO UPDATE SET name = coalesce(name, excluded.name)");

    sql_id(statement, 1, transfer);
    sql_id(statement, 2, subject->ref);
    sql_int(statement, 3, subject->case_type);
    sql_text(statement, 4, subject->name[0] == '\0' ? NULL : subject->name);
    sql_int(statement, 5, (int64_t)position);
    store_run(self, statement);
}

void store_transfer_put(store_t *self, const struct transfer_row *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO transfers (transfer, label, origin, receiving, created_ms) VALUES (?, ?, ?, "
        "?, ?)"
        " ON CONFLICT (transfer) DO NOTHING");

    sql_id(statement, 1, row->transfer);
    sql_text(statement, 2, row->label[0] == '\0' ? NULL : row->label);
    sql_text(statement, 3, row->origin);
    sql_text(statement, 4, row->receiving);
    sql_int(statement, 5, row->created_ms);
    store_run(self, statement);
    for (size_t i = 0; i < row->subject_count; i++) {
        add_subject(self, row->transfer, i, &row->subjects[i]);
    }
}

static void read_subjects(store_t *self, struct transfer_row *out)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT ref, case_type, name FROM subjects"
        " WHERE transfer = ? ORDER BY position, ref LIMIT ?");

    sql_id(statement, 1, out->transfer);
    sql_int(statement, 2, SUBJECTS_MAX);
    while (store_row(self, statement)) {
        struct subject_row *subject = &out->subjects[out->subject_count++];
        row_fixed(statement, 0, subject->ref, UUID_BYTES);
        subject->case_type = (uint32_t)row_int(statement, 1);
        row_text(statement, 2, subject->name, sizeof subject->name);
    }
}

static int read_transfer(store_t *self, sqlite3_stmt *statement, struct transfer_row *out)
{
    if (!store_row(self, statement)) {
        return E_NOT_FOUND;
    }
    memset(out, 0, sizeof *out);
    row_fixed(statement, 0, out->transfer, UUID_BYTES);
    row_text(statement, 1, out->label, sizeof out->label);
    row_text(statement, 2, out->origin, sizeof out->origin);
    row_text(statement, 3, out->receiving, sizeof out->receiving);
    out->created_ms = row_int(statement, 4);
    store_stop(statement);
    read_subjects(self, out);
    return 0;
}

int store_transfer(store_t *self, const uint8_t *transfer, struct transfer_row *out)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT " TRANSFER_COLUMNS " FROM transfers WHERE transfer = ?");

    sql_id(statement, 1, transfer);
    return read_transfer(self, statement, out);
}

int store_transfer_labelled(store_t *self, const char *label, struct transfer_row *out)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT " TRANSFER_COLUMNS " FROM transfers WHERE label = ?");

    sql_text(statement, 1, label);
    return read_transfer(self, statement, out);
}

bool store_subject_named(store_t *self, const char *name, uint8_t *ref)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT ref FROM subjects WHERE name = ? LIMIT 1");

    sql_text(statement, 1, name);
    if (!store_row(self, statement)) {
        return false;
    }
    row_fixed(statement, 0, ref, UUID_BYTES);
    store_stop(statement);
    return true;
}

static void put_ids(store_t *self, sqlite3_stmt *statement, struct buf *out)
{
    uint8_t id[UUID_BYTES];

    while (store_row(self, statement)) {
        row_fixed(statement, 0, id, UUID_BYTES);
        buf_put(out, id, UUID_BYTES);
    }
}

void store_transfers_of(store_t *self, const uint8_t *ref, struct buf *out)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT transfer FROM subjects WHERE ref = ?");

    sql_id(statement, 1, ref);
    put_ids(self, statement, out);
}

void store_links(store_t *self, bool own, struct buf *out)
{
    put_ids(self,
        own ? store_sql(self, "SELECT event FROM outbox WHERE kind = 80")
            : store_sql(self, "SELECT event FROM inbox WHERE kind = 80"),
        out);
}

void store_transfers(store_t *self, uint32_t limit,
    void (*visit)(void *context, const struct transfer_row *row), void *context)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT " TRANSFER_COLUMNS ","
        " (SELECT count(*) FROM outbox o WHERE o.transfer = t.transfer)"
        " + (SELECT count(*) FROM inbox i WHERE i.transfer = t.transfer),"
        " (SELECT count(*) FROM inbox i WHERE i.transfer = t.transfer AND i.opened_ms = 0),"
        " max(t.created_ms, ifnull((SELECT max(created_ms) FROM outbox o WHERE o.transfer = "
        "t.transfer), 0),"
        " ifnull((SELECT max(persisted_ms) FROM inbox i WHERE i.transfer = t.transfer), 0)) AS last"
        " FROM transfers t ORDER BY last DESC LIMIT ?");

    sql_int(statement, 1, limit == 0 ? -1 : (int64_t)limit);
    while (store_row(self, statement)) {
        struct transfer_row row;
        memset(&row, 0, sizeof row);
        row_fixed(statement, 0, row.transfer, UUID_BYTES);
        row_text(statement, 1, row.label, sizeof row.label);
        row_text(statement, 2, row.origin, sizeof row.origin);
        row_text(statement, 3, row.receiving, sizeof row.receiving);
        row.created_ms = row_int(statement, 4);
        row.events = (uint64_t)row_int(statement, 5);
        row.unopened = (uint64_t)row_int(statement, 6);
        row.last_ms = row_int(statement, 7);
        read_subjects(self, &row);
        visit(context, &row);
    }
}
