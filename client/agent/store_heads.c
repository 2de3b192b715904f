/*
 * store_heads: proven heads of the journal, what other agents have seen of it, two histories where there were two, and
 * the epochs of a broker that came back from a copy. Failures are those of store.h.
 */
#include <stdio.h>
#include <string.h>

#include "client/agent/store_evidence.h"
#include "client/agent/store_sql.h"
#include "common/base/check.h"

#include "common/base/banned.h"

#define HEAD_COLUMNS "size, epoch, journal, root, time_ms, statement, signature"

static void read_head(sqlite3_stmt *statement, struct seen_head *out)
{
    struct slice said = row_blob(statement, 5);

    memset(out, 0, sizeof *out);
    out->size = (uint64_t)row_int(statement, 0);
    out->epoch = (uint32_t)row_int(statement, 1);
    row_fixed(statement, 2, out->journal, sizeof out->journal);
    row_fixed(statement, 3, out->root.b, HASH_BYTES);
    out->time_ms = row_int(statement, 4);
    out->statement_len =
        (uint32_t)(said.len < sizeof out->statement ? said.len : sizeof out->statement);
    if (out->statement_len > 0) {
        memcpy(out->statement, said.data, out->statement_len);
    }
    row_fixed(statement, 6, out->signature, sizeof out->signature);
}

int store_proven_head(store_t *self, uint64_t most, struct seen_head *out)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT " HEAD_COLUMNS
        " FROM heads WHERE size <= ? AND NOT EXISTS (SELECT 1 FROM epochs WHERE epochs.epoch >"
        " heads.epoch AND epochs.base < heads.size) ORDER BY epoch DESC, size DESC LIMIT 1");

    sql_int(statement, 1, most > INT64_MAX ? INT64_MAX : (int64_t)most);
    if (!store_row(self, statement)) {
        return E_NOT_FOUND;
    }
    read_head(statement, out);
    store_stop(statement);
    return 0;
}

static void thin_heads(store_t *self)
{
    store_run(self,
        store_sql(self,
            "DELETE FROM heads WHERE (epoch, size) NOT IN (SELECT epoch, size FROM heads ORDER BY"
            " epoch DESC, size DESC LIMIT 64) AND EXISTS (SELECT 1 FROM heads AS later WHERE"
            " later.epoch = heads.epoch AND later.size > heads.size AND later.time_ms / 86400000 ="
            " heads.time_ms / 86400000)"));
}

void store_proven_head_add(store_t *self, const struct seen_head *head)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO heads (size, epoch, journal, root, time_ms, statement, signature)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");

    sql_int(statement, 1, (int64_t)head->size);
    sql_int(statement, 2, head->epoch);
    sql_blob(statement, 3, slice_of(head->journal, sizeof head->journal));
    sql_blob(statement, 4, slice_of(head->root.b, HASH_BYTES));
    sql_int(statement, 5, head->time_ms);
    sql_blob(statement, 6, slice_of(head->statement, head->statement_len));
    sql_blob(statement, 7, slice_of(head->signature, sizeof head->signature));
    store_run(self, statement);
    thin_heads(self);
}

void store_proven_heads(store_t *self, size_t limit,
    void (*visit)(void *context, const struct seen_head *head), void *context)
{
    sqlite3_stmt *statement = store_sql(
        self, "SELECT " HEAD_COLUMNS " FROM heads ORDER BY epoch DESC, size DESC LIMIT ?");

    sql_int(statement, 1, (int64_t)limit);
    while (store_row(self, statement)) {
        struct seen_head head;
        read_head(statement, &head);
        visit(context, &head);
    }
}

/* ---- compared ---- */

#define COMPARED_COLUMNS                                                                           \
    "agent, state, size, root, said_ms, same_size, compared_ms, own_size, statement, signature, "  \
    "is_ack"

void compared_row_free(struct compared_row *row)
{
    buf_free(&row->statement);
    buf_free(&row->signature);
}

static void read_compared(sqlite3_stmt *statement, struct compared_row *out)
{
    memset(out, 0, sizeof *out);
    row_text(statement, 0, out->agent, sizeof out->agent);
    out->state = (enum comparison)row_int(statement, 1);
    out->size = (uint64_t)row_int(statement, 2);
    row_fixed(statement, 3, out->root.b, HASH_BYTES);
    out->said_ms = row_int(statement, 4);
    out->same_size = (uint64_t)row_int(statement, 5);
    out->compared_ms = row_int(statement, 6);
    out->own_size = (uint64_t)row_int(statement, 7);
    row_buf(statement, 8, &out->statement);
    row_buf(statement, 9, &out->signature);
    out->is_ack = row_int(statement, 10) != 0;
}

void store_compare(store_t *self, const struct compared_row *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO compared (agent, state, size, root, said_ms, same_size, compared_ms, own_size,"
        " statement, signature, is_ack) VALUES (?1, 0, ?2, ?3, ?4, 0, 0, 0, ?5, ?6, ?7)"
        " ON CONFLICT (agent) DO UPDATE SET state = 0, size = ?2, root = ?3, said_ms = ?4,"
        " statement = ?5, signature = ?6, is_ack = ?7 WHERE size < ?2 OR root <> ?3");

    sql_text(statement, 1, row->agent);
    sql_int(statement, 2, (int64_t)row->size);
    sql_blob(statement, 3, slice_of(row->root.b, HASH_BYTES));
    sql_int(statement, 4, row->said_ms);
    sql_blob(statement, 5, buf_slice(&row->statement));
    sql_blob(statement, 6, buf_slice(&row->signature));
    sql_int(statement, 7, row->is_ack);
    store_run(self, statement);
}

int store_compared_next(store_t *self, struct compared_row *out)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT " COMPARED_COLUMNS
        " FROM compared WHERE state = 0 ORDER BY said_ms, agent LIMIT 1");

    if (!store_row(self, statement)) {
        return E_END;
    }
    read_compared(statement, out);
    store_stop(statement);
    return 0;
}

void store_compared_result(
    store_t *self, const char *agent, enum comparison state, uint64_t own_size, int64_t at_ms)
{
    sqlite3_stmt *statement = store_sql(self,
        "UPDATE compared SET state = ?2, own_size = ?3, compared_ms = ?4,"
        " same_size = CASE ?2 WHEN 1 THEN max(size, same_size) ELSE same_size END"
        " WHERE agent = ?1");

    sql_text(statement, 1, agent);
    sql_int(statement, 2, state);
    sql_int(statement, 3, (int64_t)own_size);
    sql_int(statement, 4, at_ms);
    store_run(self, statement);
}

void store_compared(
    store_t *self, void (*visit)(void *context, const struct compared_row *row), void *context)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT " COMPARED_COLUMNS " FROM compared ORDER BY agent");

    while (store_row(self, statement)) {
        struct compared_row row;
        read_compared(statement, &row);
        visit(context, &row);
        compared_row_free(&row);
    }
}

/* ---- forks ---- */

void fork_row_free(struct fork_row *row)
{
    buf_free(&row->ours);
    buf_free(&row->ours_signature);
    buf_free(&row->theirs);
    buf_free(&row->theirs_signature);
}

void store_fork_add(store_t *self, const struct fork_row *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO forks (at_ms, what, ours, ours_signature, theirs, theirs_signature)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM forks WHERE ours = ?3 AND"
        " theirs = ?5)");

    sql_int(statement, 1, row->at_ms);
    sql_text(statement, 2, row->what);
    sql_blob(statement, 3, buf_slice(&row->ours));
    sql_blob(statement, 4, buf_slice(&row->ours_signature));
    sql_blob(statement, 5, buf_slice(&row->theirs));
    sql_blob(statement, 6, buf_slice(&row->theirs_signature));
    store_run(self, statement);
}

void store_forks(
    store_t *self, void (*visit)(void *context, const struct fork_row *row), void *context)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT at_ms, what, ours, ours_signature, theirs, theirs_signature FROM forks ORDER BY "
        "id");

    while (store_row(self, statement)) {
        struct fork_row row = {.at_ms = row_int(statement, 0)};
        row_text(statement, 1, row.what, sizeof row.what);
        row_buf(statement, 2, &row.ours);
        row_buf(statement, 3, &row.ours_signature);
        row_buf(statement, 4, &row.theirs);
        row_buf(statement, 5, &row.theirs_signature);
        visit(context, &row);
        fork_row_free(&row);
    }
}

/* ---- epochs ---- */

void store_epoch_add(store_t *self, const struct epoch_row *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO epochs (epoch, base, lost_to, at_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO "
        "NOTHING");

    sql_int(statement, 1, row->epoch);
    sql_int(statement, 2, (int64_t)row->base);
    sql_int(statement, 3, (int64_t)row->lost_to);
    sql_int(statement, 4, row->at_ms);
    store_run(self, statement);
}

bool store_in_gap(store_t *self, uint64_t size)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT 1 FROM epochs WHERE base < ?1 AND lost_to >= ?1 LIMIT 1");

    sql_int(statement, 1, (int64_t)size);
    bool found = store_row(self, statement);
    store_stop(statement);
    return found;
}

/* Accepted there, and that is gone: frozen again, to be sent as they are. The receipts stay as evidence. */
static uint64_t unaccept(store_t *self, uint64_t base)
{
    sqlite3_stmt *steps[] = {
        store_sql(self,
            "INSERT INTO lost_receipts (leaf_index, accepted_ms, statement, signature, receipt)"
            " SELECT leaf_index, accepted_ms, statement, signature, receipt FROM batches WHERE"
            " leaf_index >= ? AND receipt IS NOT NULL"),
        store_sql(self,
            "UPDATE outbox SET state = 1, batch = NULL, accepted_ms = 0 WHERE state = 2 AND batch"
            " IN (SELECT id FROM batches WHERE leaf_index >= ?)"),
        store_sql(self, "DELETE FROM batches WHERE leaf_index >= ?"),
    };
    uint64_t events = 0;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        sql_int(steps[i], 1, (int64_t)base);
        store_run(self, steps[i]);
        events = i == 1 ? (uint64_t)sqlite3_changes(self->db) : events;
    }
    return events;
}

uint64_t store_forget_from(store_t *self, uint64_t base)
{
    sqlite3_stmt *notices = store_sql(self, "DELETE FROM notices WHERE leaf_index >= ?");
    sqlite3_stmt *acks = store_sql(self, "DELETE FROM own_acks WHERE leaf_index >= ?");
    sqlite3_stmt *heads = store_sql(self, "DELETE FROM compared WHERE size > ? AND state <> 2");

    sql_int(notices, 1, (int64_t)base);
    store_run(self, notices);
    sql_int(acks, 1, (int64_t)base);
    store_run(self, acks);
    sql_int(heads, 1, (int64_t)base);
    store_run(self, heads);
    store_run(self, store_sql(self, "UPDATE openings SET acked = 0, counter = 0"));
    return unaccept(self, base);
}
