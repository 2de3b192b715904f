/* store_beliefs: breaches that the agent believed in while it was cut off. Failures: store.h. */
#include <string.h>

#include "client/agent/store_sql.h"

#include "common/base/banned.h"

void store_belief_put(store_t *self, const struct belief_row *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO beliefs (transfer, subject, clock, at_ms, disproved_ms) VALUES (?, ?, ?, ?, 0)"
        " ON CONFLICT (transfer, subject, clock, at_ms) DO NOTHING");

    sql_id(statement, 1, row->transfer);
    sql_id(statement, 2, row->subject);
    sql_text(statement, 3, row->clock);
    sql_int(statement, 4, row->at_ms);
    store_run(self, statement);
}

static void bind_key(sqlite3_stmt *statement, const struct belief_row *row)
{
    sql_id(statement, 1, row->transfer);
    sql_id(statement, 2, row->subject);
    sql_text(statement, 3, row->clock);
    sql_int(statement, 4, row->at_ms);
}

void store_belief_settle(store_t *self, const struct belief_row *row, int64_t disproved_ms)
{
    sqlite3_stmt *statement = disproved_ms == 0
        ? store_sql(self,
              "DELETE FROM beliefs WHERE transfer = ?1 AND subject = ?2 AND clock = ?3 AND at_ms = "
              "?4")
        : store_sql(self,
              "UPDATE beliefs SET disproved_ms = ?5 WHERE transfer = ?1 AND subject = ?2 AND clock "
              "= ?3 AND at_ms = ?4");

    bind_key(statement, row);
    if (disproved_ms != 0) {
        sql_int(statement, 5, disproved_ms);
    }
    store_run(self, statement);
}

void store_beliefs(store_t *self, const uint8_t *transfer,
    void (*visit)(void *context, const struct belief_row *row), void *context)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT transfer, subject, clock, at_ms, disproved_ms FROM beliefs"
        " WHERE ?1 IS NULL OR transfer = ?1 ORDER BY at_ms, subject, clock");

    sql_id(statement, 1, transfer);
    while (store_row(self, statement)) {
        struct belief_row row;
        memset(&row, 0, sizeof row);
        row_fixed(statement, 0, row.transfer, UUID_BYTES);
        row_fixed(statement, 1, row.subject, UUID_BYTES);
        row_text(statement, 2, row.clock, sizeof row.clock);
        row.at_ms = row_int(statement, 3);
        row.disproved_ms = row_int(statement, 4);
        visit(context, &row);
    }
}

static int64_t one_number(store_t *self, sqlite3_stmt *statement)
{
    int64_t number = 0;

    if (store_row(self, statement)) {
        number = row_int(statement, 0);
        store_stop(statement);
    }
    return number;
}

uint64_t store_beliefs_held(store_t *self)
{
    return (uint64_t)one_number(
        self, store_sql(self, "SELECT count(*) FROM beliefs WHERE disproved_ms = 0"));
}

int64_t store_heard_ms(store_t *self)
{
    return one_number(self,
        store_sql(self,
            "SELECT ifnull((SELECT persisted_ms FROM entries ORDER BY position DESC LIMIT 1), 0)"));
}
