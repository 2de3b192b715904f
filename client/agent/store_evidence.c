/*
 * store_evidence: erasures, retention, and the destruction of bytes. Failures are those of store.h.
 */
#include "client/agent/store_evidence.h"

#include <string.h>

#include "client/agent/store_sql.h"
#include "common/base/check.h"

#include "common/base/banned.h"

/* ---- erasures ---- */

#define ERASURE_COLUMNS                                                                            \
    "event, state, reason, asked_ms, doer, error_code,"                                            \
    " (SELECT count(*) FROM holders AS h WHERE h.event = e.event),"                                \
    " (SELECT count(*) FROM holders AS h WHERE h.event = e.event AND h.done_ms > 0)"

static void read_erasure(sqlite3_stmt *statement, struct erasure_row *out)
{
    memset(out, 0, sizeof *out);
    row_fixed(statement, 0, out->event, UUID_BYTES);
    out->state = (enum erasure_state)row_int(statement, 1);
    out->reason = (uint32_t)row_int(statement, 2);
    out->asked_ms = row_int(statement, 3);
    row_text(statement, 4, out->by, sizeof out->by);
    out->error_code = (int)row_int(statement, 5);
    out->holders = (uint32_t)row_int(statement, 6);
    out->done = (uint32_t)row_int(statement, 7);
}

void store_erasure_want(store_t *self, const struct erasure_row *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO erasures (event, state, reason, asked_ms, doer, error_code, leaf_index)"
        " VALUES (?1, 0, ?2, ?3, ?4, 0, 0) ON CONFLICT (event) DO UPDATE SET state = 0,"
        " error_code = 0 WHERE state = 3");

    sql_id(statement, 1, row->event);
    sql_int(statement, 2, row->reason);
    sql_int(statement, 3, row->asked_ms);
    sql_text(statement, 4, row->by);
    store_run(self, statement);
}

int store_erasure(store_t *self, const uint8_t *event, struct erasure_row *out)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT " ERASURE_COLUMNS " FROM erasures AS e WHERE event = ?");

    sql_id(statement, 1, event);
    if (!store_row(self, statement)) {
        return E_NOT_FOUND;
    }
    read_erasure(statement, out);
    store_stop(statement);
    return 0;
}

void store_erasure_state(
    store_t *self, const uint8_t *event, enum erasure_state state, int error_code)
{
    sqlite3_stmt *statement =
        store_sql(self, "UPDATE erasures SET state = ?2, error_code = ?3 WHERE event = ?1");

    sql_id(statement, 1, event);
    sql_int(statement, 2, state);
    sql_int(statement, 3, error_code);
    store_run(self, statement);
}

void store_erasure_ordered(store_t *self, const struct erasure_row *row, struct slice said,
    struct slice signature, uint64_t leaf_index)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO erasures (event, state, reason, asked_ms, doer, error_code, leaf_index,"
        " statement, signature) VALUES (?1, 2, ?2, ?3, ?4, 0, ?5, ?6, ?7) ON CONFLICT (event) DO"
        " UPDATE SET state = 2, doer = ?4, leaf_index = ?5, statement = ?6, signature = ?7,"
        " error_code = 0");

    sql_id(statement, 1, row->event);
    sql_int(statement, 2, row->reason);
    sql_int(statement, 3, row->asked_ms);
    sql_text(statement, 4, row->by);
    sql_int(statement, 5, (int64_t)leaf_index);
    sql_blob(statement, 6, said);
    sql_blob(statement, 7, signature);
    store_run(self, statement);
}

bool store_erase_refused(store_t *self, const uint8_t *event)
{
    sqlite3_stmt *payload = store_sql(self,
        "UPDATE outbox SET plain = NULL WHERE event = ?1 AND state = 3 AND plain IS NOT NULL"
        " AND EXISTS (SELECT 1 FROM erasures AS e WHERE e.event = ?1 AND e.state = 0)");
    sqlite3_stmt *erasure =
        store_sql(self, "UPDATE erasures SET state = 2 WHERE event = ?1 AND state = 0");

    sql_id(payload, 1, event);
    store_run(self, payload);
    bool any = sqlite3_changes(self->db) > 0;
    if (any) {
        sql_id(erasure, 1, event);
        store_run(self, erasure);
    }
    return any;
}

int store_erasure_next(store_t *self, struct erasure_row *out)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT " ERASURE_COLUMNS " FROM erasures AS e WHERE state = 0 AND NOT EXISTS (SELECT 1"
        " FROM outbox AS o WHERE o.event = e.event AND o.state <> 2) ORDER BY asked_ms LIMIT 1");

    if (!store_row(self, statement)) {
        return E_END;
    }
    read_erasure(statement, out);
    store_stop(statement);
    return 0;
}

void store_erasures(store_t *self, bool open,
    void (*visit)(void *context, const struct erasure_row *row), void *context)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT " ERASURE_COLUMNS " FROM erasures AS e WHERE NOT ?1 OR state <> 2 OR EXISTS (SELECT"
        " 1 FROM holders AS w WHERE w.event = e.event AND w.done_ms = 0) ORDER BY asked_ms DESC,"
        " event");

    sql_int(statement, 1, open);
    while (store_row(self, statement)) {
        struct erasure_row row;
        read_erasure(statement, &row);
        visit(context, &row);
    }
}

uint32_t store_erasures_late(store_t *self, int64_t before_ms, char *agent)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT count(*), min(h.agent) FROM holders AS h JOIN erasures AS e ON e.event = h.event"
        " WHERE h.done_ms = 0 AND e.asked_ms < ?1 AND e.state = 2");
    uint32_t count = 0;

    agent[0] = '\0';
    sql_int(statement, 1, before_ms);
    if (store_row(self, statement)) {
        count = (uint32_t)row_int(statement, 0);
        row_text(statement, 1, agent, AGENT_ID_BYTES_MAX + 1);
        store_stop(statement);
    }
    return count;
}

/* ---- holders ---- */

void store_holder_add(store_t *self, const uint8_t *event, const char *agent)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO holders (event, agent, done_ms, leaf_index) VALUES (?, ?, 0, 0)"
        " ON CONFLICT DO NOTHING");

    sql_id(statement, 1, event);
    sql_text(statement, 2, agent);
    store_run(self, statement);
}

void store_holder_done(store_t *self, const uint8_t *event, const struct holder_row *row,
    struct slice said, struct slice signature, uint64_t leaf_index)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO holders (event, agent, done_ms, leaf_index, statement, signature)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET done_ms = ?3, leaf_index = ?4,"
        " statement = ?5, signature = ?6 WHERE done_ms = 0");

    sql_id(statement, 1, event);
    sql_text(statement, 2, row->agent);
    sql_int(statement, 3, row->done_ms);
    sql_int(statement, 4, (int64_t)leaf_index);
    sql_blob(statement, 5, said);
    sql_blob(statement, 6, signature);
    store_run(self, statement);
}

void store_holders(store_t *self, const uint8_t *event,
    void (*visit)(void *context, const struct holder_row *row), void *context)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT agent, done_ms FROM holders WHERE event = ? ORDER BY agent");

    sql_id(statement, 1, event);
    while (store_row(self, statement)) {
        struct holder_row row = {.done_ms = row_int(statement, 1)};
        row_text(statement, 0, row.agent, sizeof row.agent);
        visit(context, &row);
    }
}

/* ---- destroyed ---- */

bool store_destroy(store_t *self, const uint8_t *event, int64_t at_ms)
{
    sqlite3_stmt *inbox = store_sql(self,
        "UPDATE inbox SET ciphertext = NULL, wrap = NULL, payload_absent = 2 WHERE event = ?1"
        " AND ciphertext IS NOT NULL");
    sqlite3_stmt *outbox = store_sql(self,
        "UPDATE outbox SET ciphertext = NULL, wraps = NULL, plain = NULL, draft = NULL"
        " WHERE event = ?1 AND bytes IS NOT NULL AND (ciphertext IS NOT NULL OR plain IS NOT "
        "NULL)");
    sqlite3_stmt *owed = store_sql(self,
        "INSERT INTO destroyed (event, at_ms, said) VALUES (?1, ?2, 0)"
        " ON CONFLICT (event) DO NOTHING");

    sql_id(inbox, 1, event);
    store_run(self, inbox);
    bool any = sqlite3_changes(self->db) > 0;
    sql_id(outbox, 1, event);
    store_run(self, outbox);
    any = any || sqlite3_changes(self->db) > 0;
    sql_id(owed, 1, event);
    sql_int(owed, 2, at_ms);
    store_run(self, owed);
    return any;
}

bool store_destroyed(store_t *self, const uint8_t *event)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT 1 FROM destroyed WHERE event = ?");

    sql_id(statement, 1, event);
    bool found = store_row(self, statement);
    store_stop(statement);
    return found;
}

int store_destroyed_next(store_t *self, uint8_t *event, int64_t *at_ms)
{
    sqlite3_stmt *statement = store_sql(
        self, "SELECT event, at_ms FROM destroyed WHERE said = 0 ORDER BY at_ms, event LIMIT 1");

    if (!store_row(self, statement)) {
        return E_END;
    }
    row_fixed(statement, 0, event, UUID_BYTES);
    *at_ms = row_int(statement, 1);
    store_stop(statement);
    return 0;
}

void store_destroyed_said(store_t *self, const uint8_t *event)
{
    sqlite3_stmt *statement = store_sql(self, "UPDATE destroyed SET said = 1 WHERE event = ?");

    sql_id(statement, 1, event);
    store_run(self, statement);
}

void store_erasures_again(store_t *self)
{
    store_run(self, store_sql(self, "UPDATE destroyed SET said = 0"));
    store_run(self,
        store_sql(self,
            "UPDATE erasures SET state = 0 WHERE state IN (1, 2) AND doer = (SELECT agent FROM"
            " owner)"));
}

bool store_erased_without_order(store_t *self, int64_t before_ms, uint8_t *event)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT event FROM inbox AS i WHERE payload_absent = 2 AND persisted_ms < ? AND NOT EXISTS"
        " (SELECT 1 FROM erasures AS e WHERE e.event = i.event AND e.state = 2) LIMIT 1");

    sql_int(statement, 1, before_ms);
    if (!store_row(self, statement)) {
        return false;
    }
    row_fixed(statement, 0, event, UUID_BYTES);
    store_stop(statement);
    return true;
}

int store_scrub(store_t *self)
{
    int left = 0;
    int done = 0;

    assert(!self->in_transaction);
    int rc = sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &left, &done);
    self->wal_pages = 0;
    if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
        return E_BUSY;
    }
    return rc == SQLITE_OK && left <= 0 ? 0 : E_IO;
}

/* ---- retention ---- */

void store_due(store_t *self, uint32_t kind, int64_t before_ms, size_t limit,
    void (*visit)(void *context, const struct due_row *row), void *context)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT event, transfer, kind, accepted_ms FROM outbox AS o WHERE kind = ?1 AND state = 2"
        " AND accepted_ms < ?2 AND ciphertext IS NOT NULL AND NOT EXISTS (SELECT 1 FROM erasures"
        " AS e WHERE e.event = o.event AND e.state <> 3) ORDER BY accepted_ms LIMIT ?3");

    sql_int(statement, 1, kind);
    sql_int(statement, 2, before_ms);
    sql_int(statement, 3, (int64_t)limit);
    while (store_row(self, statement)) {
        struct due_row row = {
            .kind = (uint32_t)row_int(statement, 2), .accepted_ms = row_int(statement, 3)};
        row_fixed(statement, 0, row.event, UUID_BYTES);
        row_fixed(statement, 1, row.transfer, UUID_BYTES);
        visit(context, &row);
    }
}

size_t store_kinds_kept(store_t *self, uint32_t *kinds, size_t max)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT DISTINCT kind FROM outbox WHERE state = 2 AND ciphertext IS NOT NULL ORDER BY "
        "kind");
    size_t count = 0;

    while (store_row(self, statement)) {
        if (count < max) {
            kinds[count++] = (uint32_t)row_int(statement, 0);
        }
    }
    return count;
}
