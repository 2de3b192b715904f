/*
 * store_inbox: what we were told: events with their evidence, who opened them, and what the
 * receiver still has to take. Failures are those of store.h.
 */
#include <string.h>

#include "client/agent/store_sql.h"
#include "common/base/check.h"

#include "common/base/banned.h"

#define INBOX_PLAIN_COLUMNS                                                                        \
    "position, epoch, number, event, transfer, kind, sender, signer, verdict, payload_absent,"     \
    " sent_ms, accepted_ms, persisted_ms, opened_ms, fault, receiver, attempts, next_ms, "         \
    "evidence, leaf"
#define INBOX_COLUMNS INBOX_PLAIN_COLUMNS ", path, bytes, ciphertext, wrap"

void inbox_row_free(struct inbox_row *row)
{
    buf_free(&row->path);
    buf_free(&row->bytes);
    buf_free(&row->ciphertext);
    buf_free(&row->wrap);
}

static void read_plain_columns(sqlite3_stmt *statement, struct inbox_row *out)
{
    memset(out, 0, sizeof *out);
    out->position = row_int(statement, 0);
    out->epoch = (uint64_t)row_int(statement, 1);
    out->number = (uint64_t)row_int(statement, 2);
    row_fixed(statement, 3, out->event, UUID_BYTES);
    row_fixed(statement, 4, out->transfer, UUID_BYTES);
    out->kind = (uint32_t)row_int(statement, 5);
    row_text(statement, 6, out->from, sizeof out->from);
    row_text(statement, 7, out->signer, sizeof out->signer);
    out->verdict = (uint32_t)row_int(statement, 8);
    out->payload_absent = (uint32_t)row_int(statement, 9);
    out->sent_ms = row_int(statement, 10);
    out->accepted_ms = row_int(statement, 11);
    out->persisted_ms = row_int(statement, 12);
    out->opened_ms = row_int(statement, 13);
    out->fault = (int)row_int(statement, 14);
    out->receiver = (enum receiver_state)row_int(statement, 15);
    out->attempts = (uint32_t)row_int(statement, 16);
    out->next_ms = row_int(statement, 17);
    out->evidence = row_int(statement, 18);
    out->leaf = (uint32_t)row_int(statement, 19);
}

static void read_columns(sqlite3_stmt *statement, struct inbox_row *out)
{
    read_plain_columns(statement, out);
    row_buf(statement, 20, &out->path);
    row_buf(statement, 21, &out->bytes);
    row_buf(statement, 22, &out->ciphertext);
    row_buf(statement, 23, &out->wrap);
}

/* ---- evidence ---- */

int64_t store_evidence_put(store_t *self, struct slice statement_bytes, struct slice signature,
    uint64_t leaf_index, int64_t accepted_ms)
{
    sqlite3_stmt *insert = store_sql(self,
        "INSERT INTO evidence (leaf_index, accepted_ms, statement, signature) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (leaf_index) DO NOTHING");
    sqlite3_stmt *find = store_sql(self, "SELECT id FROM evidence WHERE leaf_index = ?");
    int64_t id = 0;

    sql_int(insert, 1, (int64_t)leaf_index);
    sql_int(insert, 2, accepted_ms);
    sql_blob(insert, 3, statement_bytes);
    sql_blob(insert, 4, signature);
    store_run(self, insert);
    sql_int(find, 1, (int64_t)leaf_index);
    if (store_row(self, find)) {
        id = row_int(find, 0);
        store_stop(find);
    }
    return id;
}

static uint64_t leaf_or_none(store_t *self, sqlite3_stmt *statement)
{
    uint64_t leaf = UINT64_MAX;

    if (store_row(self, statement)) {
        leaf = (uint64_t)row_int(statement, 0);
        store_stop(statement);
    }
    return leaf;
}

uint64_t store_leaf(store_t *self, enum store_proof proof, int64_t row)
{
    sqlite3_stmt *statement = proof == STORE_PROOF_BATCH
        ? store_sql(self, "SELECT ifnull(leaf_index, -1) FROM batches WHERE id = ?")
        : proof == STORE_PROOF_EVIDENCE
        ? store_sql(self, "SELECT leaf_index FROM evidence WHERE id = ?")
        : store_sql(self, "SELECT leaf_index FROM acks WHERE id = ?");

    sql_int(statement, 1, row);
    return leaf_or_none(self, statement);
}

/* ---- where our own acknowledgements stand ---- */

void store_own_ack_put(store_t *self, const struct own_ack *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT OR REPLACE INTO own_acks (counter, epoch, upto, leaf_index) VALUES (?, ?, ?, ?)");

    sql_int(statement, 1, (int64_t)row->counter);
    sql_int(statement, 2, (int64_t)row->epoch);
    sql_int(statement, 3, (int64_t)row->upto);
    sql_int(statement, 4, (int64_t)row->leaf_index);
    store_run(self, statement);
}

uint64_t store_own_ack_leaf(store_t *self, uint64_t epoch, uint64_t number)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT leaf_index FROM own_acks WHERE epoch = ? AND upto >= ? ORDER BY upto, counter"
        " LIMIT 1");

    sql_int(statement, 1, (int64_t)epoch);
    sql_int(statement, 2, (int64_t)number);
    return leaf_or_none(self, statement);
}

bool store_opening_place(store_t *self, const uint8_t *event, uint64_t *leaf)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT ifnull(own_acks.leaf_index, -1) FROM openings LEFT JOIN own_acks USING (counter)"
        " WHERE openings.event = ? AND openings.acked = 1 ORDER BY openings.id LIMIT 1");

    sql_id(statement, 1, event);
    bool said = store_row(self, statement);
    *leaf = said ? (uint64_t)row_int(statement, 0) : UINT64_MAX;
    store_stop(statement);
    return said;
}

int store_evidence(store_t *self, int64_t id, struct evidence_row *out)
{
    sqlite3_stmt *statement = store_sql(
        self, "SELECT leaf_index, accepted_ms, statement, signature FROM evidence WHERE id = ?");

    sql_int(statement, 1, id);
    if (!store_row(self, statement)) {
        return E_NOT_FOUND;
    }
    memset(out, 0, sizeof *out);
    out->leaf_index = (uint64_t)row_int(statement, 0);
    out->accepted_ms = row_int(statement, 1);
    row_buf(statement, 2, &out->statement);
    row_buf(statement, 3, &out->signature);
    store_stop(statement);
    return 0;
}

/* ---- events ---- */

bool store_inbox_has(store_t *self, const uint8_t *event, int *fault)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT fault FROM inbox WHERE event = ?");

    sql_id(statement, 1, event);
    if (!store_row(self, statement)) {
        return false;
    }
    *fault = (int)row_int(statement, 0);
    store_stop(statement);
    return true;
}

void store_inbox_add(store_t *self, const struct inbox_row *row)
{
    static const uint8_t none[1] = {0};
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO inbox (epoch, number, event, transfer, kind, sender, signer, verdict,"
        " payload_absent, sent_ms, accepted_ms, persisted_ms, opened_ms, fault, receiver, attempts,"
        " next_ms, evidence, leaf, path, bytes, ciphertext, wrap, position) VALUES (?1, ?2, ?3, "
        "?4, ?5, ?6, ?7,"
        " ?8, ?9, ?10, ?11, ?12, 0, ?13, ?14, 0, 0, ?15, ?16, ?17, ?18, ?19, ?20, ?21)");

    sql_int(statement, 1, (int64_t)row->epoch);
    sql_int(statement, 2, (int64_t)row->number);
    sql_id(statement, 3, row->event);
    sql_id(statement, 4, row->transfer);
    sql_int(statement, 5, row->kind);
    sql_text(statement, 6, row->from);
    sql_text(statement, 7, row->signer);
    sql_int(statement, 8, row->verdict);
    sql_int(statement, 9, row->payload_absent);
    sql_int(statement, 10, row->sent_ms);
    sql_int(statement, 11, row->accepted_ms);
    sql_int(statement, 12, row->persisted_ms);
    sql_int(statement, 13, row->fault);
    sql_int(statement, 14, row->receiver);
    sql_int(statement, 15, row->evidence);
    sql_int(statement, 16, row->leaf);
    sql_blob(statement, 17, row->path.len == 0 ? slice_of(none, 0) : buf_slice(&row->path));
    sql_blob(statement, 18, buf_slice(&row->bytes));
    sql_blob(statement, 19, bytes_or_null(&row->ciphertext));
    sql_blob(statement, 20, bytes_or_null(&row->wrap));
    sql_int(statement, 21, row->position);
    store_run(self, statement);
}

void store_inbox_replace(store_t *self, const struct inbox_row *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "UPDATE inbox SET epoch = ?2, number = ?3, payload_absent = ?4, fault = ?5, ciphertext = "
        "?6,"
        " wrap = ?7 WHERE event = ?1");

    sql_id(statement, 1, row->event);
    sql_int(statement, 2, (int64_t)row->epoch);
    sql_int(statement, 3, (int64_t)row->number);
    sql_int(statement, 4, row->payload_absent);
    sql_int(statement, 5, row->fault);
    sql_blob(statement, 6, bytes_or_null(&row->ciphertext));
    sql_blob(statement, 7, bytes_or_null(&row->wrap));
    store_run(self, statement);
}

int store_inbox(store_t *self, const uint8_t *event, struct inbox_row *out)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT " INBOX_COLUMNS " FROM inbox WHERE event = ?");

    sql_id(statement, 1, event);
    if (!store_row(self, statement)) {
        return E_NOT_FOUND;
    }
    read_columns(statement, out);
    store_stop(statement);
    return 0;
}

#define INBOX_LISTED                                                                               \
    "SELECT " INBOX_COLUMNS " FROM inbox WHERE position < ?1 AND (NOT ?2 OR opened_ms = 0)"        \
    " AND (?3 = 0 OR kind = ?3)"

void store_inbox_list(store_t *self, const struct inbox_filter *filter,
    void (*visit)(void *context, const struct inbox_row *row), void *context)
{
    sqlite3_stmt *statement = filter->transfer == NULL
        ? store_sql(self, INBOX_LISTED " ORDER BY position DESC LIMIT ?4")
        : store_sql(self, INBOX_LISTED " AND transfer = ?5 ORDER BY position DESC LIMIT ?4");

    sql_int(statement, 1, filter->before);
    sql_int(statement, 2, filter->unopened);
    sql_int(statement, 3, filter->kind);
    sql_int(statement, 4, (int64_t)filter->limit);
    if (filter->transfer != NULL) {
        sql_id(statement, 5, filter->transfer);
    }
    while (store_row(self, statement)) {
        struct inbox_row row;
        read_columns(statement, &row);
        visit(context, &row);
        inbox_row_free(&row);
    }
}

int64_t store_inbox_position(store_t *self, const uint8_t *event)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT position FROM inbox WHERE event = ?");
    int64_t position = 0;

    sql_id(statement, 1, event);
    if (store_row(self, statement)) {
        position = row_int(statement, 0);
        store_stop(statement);
    }
    return position;
}

uint64_t store_inbox_unopened(store_t *self, int64_t *oldest_ms)
{
    sqlite3_stmt *statement = store_sql(
        self, "SELECT count(*), ifnull(min(persisted_ms), 0) FROM inbox WHERE opened_ms = 0");
    uint64_t count = 0;

    *oldest_ms = 0;
    if (store_row(self, statement)) {
        count = (uint64_t)row_int(statement, 0);
        *oldest_ms = row_int(statement, 1);
        store_stop(statement);
    }
    return count;
}

/* ---- openings (A2) ---- */

void store_inbox_opened(store_t *self, const uint8_t *event, int64_t at_ms)
{
    sqlite3_stmt *statement =
        store_sql(self, "UPDATE inbox SET opened_ms = ?2 WHERE event = ?1 AND opened_ms = 0");

    sql_id(statement, 1, event);
    sql_int(statement, 2, at_ms);
    store_run(self, statement);
}

bool store_opening_add(
    store_t *self, const uint8_t *event, uint32_t role, const char *team, int64_t at_ms)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO openings (event, role, team, at_ms, counter, acked) VALUES (?, ?, ?, ?, 0, 0)"
        " ON CONFLICT DO NOTHING");

    sql_id(statement, 1, event);
    sql_int(statement, 2, role);
    sql_text(statement, 3, team);
    sql_int(statement, 4, at_ms);
    store_run(self, statement);
    return sqlite3_changes(self->db) > 0;
}

uint64_t store_openings_waiting(store_t *self)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT count(*) FROM openings WHERE acked = 0");
    uint64_t count = 0;

    if (store_row(self, statement)) {
        count = (uint64_t)row_int(statement, 0);
        store_stop(statement);
    }
    return count;
}

size_t store_openings_unsaid(store_t *self, struct opening_row *out, size_t max)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT id, event, role, team, at_ms FROM openings WHERE acked = 0"
        " AND counter = 0 ORDER BY id LIMIT ?");
    size_t count = 0;

    sql_int(statement, 1, (int64_t)max);
    while (store_row(self, statement)) {
        out[count].id = row_int(statement, 0);
        row_fixed(statement, 1, out[count].event, UUID_BYTES);
        out[count].role = (uint32_t)row_int(statement, 2);
        row_text(statement, 3, out[count].team, sizeof out[count].team);
        out[count].at_ms = row_int(statement, 4);
        count++;
    }
    return count;
}

void store_opening_said(store_t *self, int64_t id, uint64_t counter)
{
    sqlite3_stmt *statement = store_sql(self, "UPDATE openings SET counter = ?2 WHERE id = ?1");

    sql_int(statement, 1, id);
    sql_int(statement, 2, (int64_t)counter);
    store_run(self, statement);
}

void store_openings_acked(store_t *self, uint64_t counter)
{
    sqlite3_stmt *statement = store_sql(
        self, "UPDATE openings SET acked = 1 WHERE acked = 0 AND counter > 0 AND counter <= ?");

    sql_int(statement, 1, (int64_t)counter);
    store_run(self, statement);
}

void store_openings_again(store_t *self)
{
    store_run(self, store_sql(self, "UPDATE openings SET counter = 0 WHERE acked = 0"));
}

/* ---- the receiver ---- */

static bool is_skipped(const uint8_t *transfer, const uint8_t (*skip)[UUID_BYTES], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(transfer, skip[i], UUID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

int store_receiver_next(store_t *self, int64_t now_ms, const uint8_t (*skip)[UUID_BYTES],
    size_t skip_count, struct inbox_row *out)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT " INBOX_COLUMNS " FROM inbox AS i WHERE receiver IN (1, 3) AND next_ms <= ?1"
        " AND NOT EXISTS (SELECT 1 FROM inbox AS e WHERE e.transfer = i.transfer"
        " AND e.position < i.position AND e.receiver IN (1, 3)) ORDER BY position LIMIT ?2");

    sql_int(statement, 1, now_ms);
    sql_int(statement, 2, (int64_t)skip_count + 1);
    while (store_row(self, statement)) {
        uint8_t transfer[UUID_BYTES];
        row_fixed(statement, 4, transfer, UUID_BYTES);
        if (!is_skipped(transfer, skip, skip_count)) {
            read_columns(statement, out);
            store_stop(statement);
            return 0;
        }
    }
    return E_END;
}

void store_receiver_set(store_t *self, const uint8_t *event, enum receiver_state state,
    uint32_t attempts, int64_t next_ms)
{
    sqlite3_stmt *statement = store_sql(
        self, "UPDATE inbox SET receiver = ?2, attempts = ?3, next_ms = ?4 WHERE event = ?1");

    sql_id(statement, 1, event);
    sql_int(statement, 2, state);
    sql_int(statement, 3, attempts);
    sql_int(statement, 4, next_ms);
    store_run(self, statement);
}

int64_t store_receiver_due(store_t *self)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT min(next_ms) FROM inbox AS i WHERE receiver IN (1, 3) AND NOT EXISTS (SELECT 1 FROM"
        " inbox AS e WHERE e.transfer = i.transfer AND e.position < i.position"
        " AND e.receiver IN (1, 3))");
    int64_t due = INT64_MAX;

    if (store_row(self, statement)) {
        if (sqlite3_column_type(statement, 0) != SQLITE_NULL) {
            due = row_int(statement, 0);
        }
        store_stop(statement);
    }
    return due;
}
