/*
 * store_reached: how far own events have come, and which of them wait longest. What has come to its end leaves the
 * indexes that are walked here, so that asking costs what is open and not what ever was.
 */
#include "client/agent/store.h"
#include "client/agent/store_sql.h"

#include "common/base/banned.h"

static bool changed_any(const store_t *self)
{
    return self->failed == 0 && sqlite3_changes(self->db) > 0;
}

void store_reached_put(
    store_t *self, const uint8_t *event, const char *code, enum store_reached reached)
{
    sqlite3_stmt *named = store_sql(
        self, "UPDATE recipients SET reached = max(reached, ?3) WHERE event = ?1 AND code = ?2");

    sql_id(named, 1, event);
    sql_text(named, 2, code);
    sql_int(named, 3, reached);
    store_run(self, named);
    if (changed_any(self)) {
        return;
    }
    /* A successor answers for a code of ours that it has taken over: for the first that lacks an answer. */
    sqlite3_stmt *first = store_sql(self,
        "UPDATE recipients SET reached = ?2 WHERE event = ?1 AND position ="
        " (SELECT min(position) FROM recipients WHERE event = ?1 AND reached < ?2)");
    sql_id(first, 1, event);
    sql_int(first, 2, reached);
    store_run(self, first);
}

void store_reached_end(store_t *self, const uint8_t *event)
{
    sqlite3_stmt *statement = store_sql(self, "UPDATE recipients SET reached = 3 WHERE event = ?");

    sql_id(statement, 1, event);
    store_run(self, statement);
}

/* One row of two numbers. */
static void read_two(store_t *self, sqlite3_stmt *statement, uint64_t *count, int64_t *oldest_ms)
{
    *count = 0;
    *oldest_ms = 0;
    if (store_row(self, statement)) {
        *count = (uint64_t)row_int(statement, 0);
        *oldest_ms = row_int(statement, 1);
        store_stop(statement);
    }
}

static int64_t oldest_of(store_t *self, sqlite3_stmt *statement)
{
    int64_t since_ms = 0;

    if (store_row(self, statement)) {
        since_ms = row_int(statement, 0);
        store_stop(statement);
    }
    return since_ms;
}

int64_t store_waiting_since(store_t *self)
{
    int64_t sent_ms = oldest_of(self,
        store_sql(self, "SELECT created_ms FROM outbox WHERE state = 1 ORDER BY position LIMIT 1"));
    int64_t waiting_ms = oldest_of(self,
        store_sql(self, "SELECT created_ms FROM outbox WHERE state = 0 ORDER BY position LIMIT 1"));

    return sent_ms != 0 && (waiting_ms == 0 || sent_ms < waiting_ms) ? sent_ms : waiting_ms;
}

int64_t store_unopened_since(store_t *self)
{
    return oldest_of(self,
        store_sql(
            self, "SELECT persisted_ms FROM inbox WHERE opened_ms = 0 ORDER BY position LIMIT 1"));
}

void store_open_events(store_t *self, struct store_open_events *out)
{
    read_two(self,
        store_sql(
            self, "SELECT count(*), ifnull(min(created_ms), 0) FROM outbox WHERE state IN (0, 1)"),
        &out->waiting, &out->oldest_waiting_ms);
    read_two(self,
        store_sql(self,
            "SELECT count(*), ifnull(min(o.accepted_ms), 0) FROM recipients r JOIN outbox o"
            " ON o.event = r.event WHERE r.reached = 0 AND o.state = 2"),
        &out->unpersisted, &out->oldest_unpersisted_ms);
    read_two(self,
        store_sql(self,
            "SELECT count(*), ifnull(min(o.accepted_ms), 0) FROM recipients r JOIN outbox o"
            " ON o.event = r.event WHERE r.reached = 1 AND o.state = 2"),
        &out->unread, &out->oldest_unread_ms);
}

bool store_open_oldest(
    store_t *self, enum store_reached reached, uint8_t *event, char *code, int64_t *accepted_ms)
{
    sqlite3_stmt *statement = reached == REACHED_NOTHING
        ? store_sql(self,
              "SELECT r.event, r.code, o.accepted_ms FROM recipients r JOIN outbox o ON o.event = "
              "r.event WHERE r.reached = 0 AND o.state = 2 ORDER BY r.event LIMIT 1")
        : store_sql(self,
              "SELECT r.event, r.code, o.accepted_ms FROM recipients r JOIN outbox o ON o.event = "
              "r.event WHERE r.reached = 1 AND o.state = 2 ORDER BY r.event LIMIT 1");

    if (!store_row(self, statement)) {
        return false;
    }
    row_fixed(statement, 0, event, UUID_BYTES);
    row_text(statement, 1, code, CODE_BYTES + 1);
    *accepted_ms = row_int(statement, 2);
    store_stop(statement);
    return true;
}
