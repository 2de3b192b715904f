/*
 * store_bundle: what a bundle is made of: registers, records as they came, acknowledgements with their signatures, places
 * in the journal. Failures are those of store.h.
 */
#include <string.h>

#include "client/agent/store_evidence.h"
#include "client/agent/store_sql.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

void store_registers(store_t *self, void (*visit)(void *context, struct slice bytes), void *context)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT bytes FROM registers ORDER BY version");

    while (store_row(self, statement)) {
        visit(context, row_blob(statement, 0));
    }
}

/* What is kept of the same record already: of another time, it was of a history that a recovery ended. */
static void kept_before(store_t *self, uint64_t leaf_index, int64_t recorded_ms, struct buf *out)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT body FROM records WHERE leaf_index = ? AND recorded_ms = ?");

    sql_int(statement, 1, (int64_t)leaf_index);
    sql_int(statement, 2, recorded_ms);
    if (store_row(self, statement)) {
        row_buf(statement, 0, out);
        store_stop(statement);
    }
}

void store_record_keep(
    store_t *self, uint64_t leaf_index, int64_t recorded_ms, struct slice derived)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO records (leaf_index, recorded_ms, body) VALUES (?, ?, ?) ON CONFLICT DO "
        "UPDATE SET recorded_ms = ?2, body = ?3");
    struct buf body = {0};

    kept_before(self, leaf_index, recorded_ms, &body);
    derived_join(&body, derived);
    sql_int(statement, 1, (int64_t)leaf_index);
    sql_int(statement, 2, recorded_ms);
    sql_blob(statement, 3, buf_slice(&body));
    store_run(self, statement);
    buf_free(&body);
}

void store_transfer_records(store_t *self, const uint8_t *transfer,
    void (*visit)(void *context, const struct record_row *row), void *context)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT r.leaf_index, r.recorded_ms, r.body FROM records AS r WHERE r.leaf_index IN (SELECT"
        " n.leaf_index FROM notices AS n WHERE n.transfer = ?1 OR n.event IN (SELECT event FROM"
        " outbox WHERE transfer = ?1 UNION SELECT event FROM inbox WHERE transfer = ?1)) ORDER BY"
        " r.leaf_index");

    sql_id(statement, 1, transfer);
    while (store_row(self, statement)) {
        struct record_row row = {.leaf_index = (uint64_t)row_int(statement, 0),
            .recorded_ms = row_int(statement, 1),
            .body = row_blob(statement, 2)};
        visit(context, &row);
    }
}

size_t store_transfer_leaves(store_t *self, const uint8_t *transfer, uint64_t *leaves, size_t max)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT b.leaf_index FROM outbox AS o JOIN batches AS b ON b.id = o.batch WHERE o.transfer "
        "="
        " ?1 AND o.state = 2 UNION SELECT v.leaf_index FROM inbox AS i JOIN evidence AS v ON v.id ="
        " i.evidence WHERE i.transfer = ?1 ORDER BY 1");
    size_t count = 0;

    sql_id(statement, 1, transfer);
    while (store_row(self, statement)) {
        if (count < max) {
            leaves[count++] = (uint64_t)row_int(statement, 0);
        }
    }
    return count;
}

void store_transfer_acks(store_t *self, const uint8_t *transfer,
    void (*visit)(void *context, const struct ack_row *row), void *context)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT l.event, l.code, l.level, l.agent, l.role, l.team, l.at_ms, l.code_err,"
        " a.leaf_index, a.statement, a.signature FROM levels AS l JOIN acks AS a ON a.id = l.ack"
        " WHERE l.event IN (SELECT event FROM outbox WHERE transfer = ?1) ORDER BY a.leaf_index,"
        " l.event, l.level");

    sql_id(statement, 1, transfer);
    while (store_row(self, statement)) {
        struct ack_row row = {.leaf_index = (uint64_t)row_int(statement, 8),
            .statement = row_blob(statement, 9),
            .signature = row_blob(statement, 10)};
        row_fixed(statement, 0, row.event, UUID_BYTES);
        row_text(statement, 1, row.level.code, sizeof row.level.code);
        row.level.level = (enum level)row_int(statement, 2);
        row_text(statement, 3, row.level.agent, sizeof row.level.agent);
        row.level.role = (uint32_t)row_int(statement, 4);
        row_text(statement, 5, row.level.team, sizeof row.level.team);
        row.level.at_ms = row_int(statement, 6);
        row.level.code_err = (uint32_t)row_int(statement, 7);
        visit(context, &row);
    }
}
