/*
 * store_outbox: what we say: events from the first word to the receipt, and the batches they
 * travel in. Failures are those of store.h.
 */
#include <stdlib.h>
#include <string.h>

#include "client/agent/store_sql.h"
#include "common/base/check.h"

#include "common/base/banned.h"

#define OUTBOX_PLAIN_COLUMNS                                                                       \
    "position, event, transfer, kind, state, incarnation, sequence, batch, created_ms, sent_ms,"   \
    " accepted_ms, error_code, error"
#define OUTBOX_COLUMNS OUTBOX_PLAIN_COLUMNS ", draft, plain, bytes, ciphertext, wraps"

void outbox_row_free(struct outbox_row *row)
{
    buf_free(&row->draft);
    buf_free(&row->plain);
    buf_free(&row->bytes);
    buf_free(&row->ciphertext);
    buf_free(&row->wraps);
}

void batch_row_free(struct batch_row *row)
{
    buf_free(&row->statement);
    buf_free(&row->signature);
    buf_free(&row->receipt);
}

void stored_wrap_put(struct buf *out, const struct stored_wrap *wrap)
{
    buf_put(out, wrap->code, CODE_BYTES);
    buf_put(out, wrap->key_id, KEY_ID_BYTES);
    buf_put(out, wrap->ephemeral, sizeof wrap->ephemeral);
    buf_put(out, wrap->sealed_key, sizeof wrap->sealed_key);
}

bool stored_wrap_take(struct cursor *from, struct stored_wrap *out)
{
    struct slice bytes = take_bytes(from, STORED_WRAP_BYTES);

    if (from->failed) {
        return false;
    }
    memset(out, 0, sizeof *out);
    memcpy(out->code, bytes.data, CODE_BYTES);
    memcpy(out->key_id, bytes.data + CODE_BYTES, KEY_ID_BYTES);
    memcpy(out->ephemeral, bytes.data + CODE_BYTES + KEY_ID_BYTES, sizeof out->ephemeral);
    memcpy(out->sealed_key, bytes.data + CODE_BYTES + KEY_ID_BYTES + sizeof out->ephemeral,
        sizeof out->sealed_key);
    return true;
}

static void read_plain_columns(sqlite3_stmt *statement, struct outbox_row *out)
{
    memset(out, 0, sizeof *out);
    out->position = row_int(statement, 0);
    row_fixed(statement, 1, out->event, UUID_BYTES);
    row_fixed(statement, 2, out->transfer, UUID_BYTES);
    out->kind = (uint32_t)row_int(statement, 3);
    out->state = (enum outbox_state)row_int(statement, 4);
    out->incarnation = (uint64_t)row_int(statement, 5);
    out->sequence = (uint64_t)row_int(statement, 6);
    out->batch = row_int(statement, 7);
    out->created_ms = row_int(statement, 8);
    out->sent_ms = row_int(statement, 9);
    out->accepted_ms = row_int(statement, 10);
    out->error_code = (int)row_int(statement, 11);
    row_text(statement, 12, out->error, sizeof out->error);
}

static void read_columns(sqlite3_stmt *statement, struct outbox_row *out)
{
    read_plain_columns(statement, out);
    row_buf(statement, 13, &out->draft);
    row_buf(statement, 14, &out->plain);
    row_buf(statement, 15, &out->bytes);
    row_buf(statement, 16, &out->ciphertext);
    row_buf(statement, 17, &out->wraps);
}

static void add_recipient(
    store_t *self, const uint8_t *event, size_t position, const char *code, uint64_t n)
{
    sqlite3_stmt *statement =
        store_sql(self, "INSERT INTO recipients (event, position, code, n) VALUES (?, ?, ?, ?)");

    sql_id(statement, 1, event);
    sql_int(statement, 2, (int64_t)position);
    sql_text(statement, 3, code);
    sql_int(statement, 4, (int64_t)n);
    store_run(self, statement);
}

static void insert_row(store_t *self, const struct outbox_row *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "INSERT INTO outbox (event, transfer, kind, state, incarnation, sequence, created_ms, "
        "sent_ms,"
        " accepted_ms, error_code, draft, plain, bytes, ciphertext, wraps, batch)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, CAST(?10 AS TEXT), ?11, ?12, ?13, ?14,"
        " nullif(?15, 0))");

    sql_id(statement, 1, row->event);
    sql_id(statement, 2, row->transfer);
    sql_int(statement, 3, row->kind);
    sql_int(statement, 4, row->state);
    sql_int(statement, 5, (int64_t)row->incarnation);
    sql_int(statement, 6, (int64_t)row->sequence);
    sql_int(statement, 7, row->created_ms);
    sql_int(statement, 8, row->sent_ms);
    sql_int(statement, 9, row->accepted_ms);
    sql_blob(statement, 10, bytes_or_null(&row->draft));
    sql_blob(statement, 11, bytes_or_null(&row->plain));
    sql_blob(statement, 12, bytes_or_null(&row->bytes));
    sql_blob(statement, 13, bytes_or_null(&row->ciphertext));
    sql_blob(statement, 14, bytes_or_null(&row->wraps));
    sql_int(statement, 15, row->batch);
    store_run(self, statement);
}

void store_outbox_add(
    store_t *self, const struct outbox_row *row, const char *const *codes, size_t code_count)
{
    insert_row(self, row);
    for (size_t i = 0; i < code_count; i++) {
        add_recipient(self, row->event, i, codes[i], 0);
    }
}

int store_outbox(store_t *self, const uint8_t *event, struct outbox_row *out)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE event = ?");

    sql_id(statement, 1, event);
    if (!store_row(self, statement)) {
        return E_NOT_FOUND;
    }
    read_columns(statement, out);
    store_stop(statement);
    return 0;
}

bool store_outbox_bytes(store_t *self, const uint8_t *event, struct buf *out)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT bytes FROM outbox WHERE event = ? AND bytes IS NOT NULL");

    sql_id(statement, 1, event);
    if (!store_row(self, statement)) {
        return false;
    }
    buf_put_slice(out, row_blob(statement, 0));
    store_stop(statement);
    return true;
}

int64_t store_outbox_position(store_t *self, const uint8_t *event)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT position FROM outbox WHERE event = ?");
    int64_t position = 0;

    sql_id(statement, 1, event);
    if (store_row(self, statement)) {
        position = row_int(statement, 0);
        store_stop(statement);
    }
    return position;
}

size_t store_outbox_recipients(store_t *self, const uint8_t *event, struct recipient_row *out)
{
    sqlite3_stmt *statement = store_sql(
        self, "SELECT code, n FROM recipients WHERE event = ? ORDER BY position LIMIT 16");
    size_t count = 0;

    sql_id(statement, 1, event);
    while (store_row(self, statement)) {
        assert(count < RECIPIENTS_MAX);
        row_text(statement, 0, out[count].code, sizeof out[count].code);
        out[count].n = (uint64_t)row_int(statement, 1);
        count++;
    }
    return count;
}

static int next_of(
    store_t *self, enum outbox_state state, int64_t after_position, struct outbox_row *out)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE state = ? AND position > ?"
        " ORDER BY position LIMIT 1");

    sql_int(statement, 1, state);
    sql_int(statement, 2, after_position);
    if (!store_row(self, statement)) {
        return E_END;
    }
    read_columns(statement, out);
    store_stop(statement);
    return 0;
}

int store_outbox_next_waiting(store_t *self, int64_t after_position, struct outbox_row *out)
{
    return next_of(self, OUTBOX_WAITING, after_position, out);
}

int store_outbox_next_frozen(store_t *self, int64_t after_position, struct outbox_row *out)
{
    return next_of(self, OUTBOX_SENT, after_position, out);
}

bool store_outbox_lost(
    store_t *self, uint64_t but_incarnation, uint64_t *incarnation, uint64_t *sequence)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT incarnation, sequence FROM outbox WHERE state = 1 AND incarnation <> ?"
        " ORDER BY event LIMIT 1");

    sql_int(statement, 1, (int64_t)but_incarnation);
    if (!store_row(self, statement)) {
        return false;
    }
    *incarnation = (uint64_t)row_int(statement, 0);
    *sequence = (uint64_t)row_int(statement, 1);
    store_stop(statement);
    return true;
}

static uint64_t read_number(store_t *self, sqlite3_stmt *statement)
{
    uint64_t number = 0;

    if (store_row(self, statement)) {
        number = (uint64_t)row_int(statement, 0);
        store_stop(statement);
    }
    return number;
}

uint64_t store_outbox_count(store_t *self, enum outbox_state state)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT count(*) FROM outbox WHERE state = ?");

    sql_int(statement, 1, state);
    return read_number(self, statement);
}

uint64_t store_outbox_frozen(store_t *self)
{
    return read_number(
        self, store_sql(self, "SELECT count(*) FROM outbox WHERE state = 1 AND batch IS NULL"));
}

uint64_t store_outbox_known(store_t *self)
{
    return store_outbox_count(self, OUTBOX_ACCEPTED);
}

bool store_outbox_is_open(store_t *self, const uint8_t *event)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT count(*) FROM outbox WHERE event = ? AND state < 2");

    sql_id(statement, 1, event);
    return read_number(self, statement) > 0;
}

/* ---- freezing and thawing ---- */

void store_outbox_freeze(store_t *self, const struct outbox_row *row)
{
    sqlite3_stmt *statement = store_sql(self,
        "UPDATE outbox SET state = 1, incarnation = ?2, sequence = ?3, sent_ms = ?4, bytes = ?5,"
        " ciphertext = ?6, wraps = ?7 WHERE event = ?1 AND state = 0");

    sql_id(statement, 1, row->event);
    sql_int(statement, 2, (int64_t)row->incarnation);
    sql_int(statement, 3, (int64_t)row->sequence);
    sql_int(statement, 4, row->sent_ms);
    sql_blob(statement, 5, buf_slice(&row->bytes));
    sql_blob(statement, 6, bytes_or_null(&row->ciphertext));
    sql_blob(statement, 7, bytes_or_null(&row->wraps));
    store_run(self, statement);
}

uint64_t store_counter_next(store_t *self, const char *code)
{
    sqlite3_stmt *raise = store_sql(self,
        "INSERT INTO counters (code, n) VALUES (?1, 1)"
        " ON CONFLICT (code) DO UPDATE SET n = n + 1");
    sqlite3_stmt *read = store_sql(self, "SELECT n FROM counters WHERE code = ?");

    sql_text(raise, 1, code);
    store_run(self, raise);
    sql_text(read, 1, code);
    return read_number(self, read);
}

void store_recipient_number(store_t *self, const uint8_t *event, const char *code, uint64_t n)
{
    sqlite3_stmt *statement =
        store_sql(self, "UPDATE recipients SET n = ?3 WHERE event = ?1 AND code = ?2");

    sql_id(statement, 1, event);
    sql_text(statement, 2, code);
    sql_int(statement, 3, (int64_t)n);
    store_run(self, statement);
}

void store_outbox_wraps(store_t *self, const uint8_t *event, struct slice wraps)
{
    sqlite3_stmt *statement = store_sql(self, "UPDATE outbox SET wraps = ?2 WHERE event = ?1");

    sql_id(statement, 1, event);
    sql_blob(statement, 2, wraps);
    store_run(self, statement);
}

#define THAWED "state = 1 AND incarnation = ?1 AND sequence >= ?2"

void store_outbox_thaw(store_t *self, uint64_t incarnation, uint64_t from_sequence)
{
    sqlite3_stmt *steps[] = {
        store_sql(self,
            "UPDATE counters SET n = f.lowest - 1 FROM (SELECT r.code AS code, min(r.n) AS lowest"
            " FROM recipients r JOIN outbox o ON o.event = r.event WHERE o.state = 1 AND"
            " o.incarnation = ?1 AND o.sequence >= ?2 AND r.n > 0 GROUP BY r.code) AS f"
            " WHERE counters.code = f.code"),
        store_sql(self,
            "UPDATE recipients SET n = 0 WHERE event IN (SELECT event FROM outbox WHERE"
            " " THAWED ")"),
        store_sql(self,
            "UPDATE outbox SET state = 0, incarnation = 0, sequence = 0, batch = NULL,"
            " sent_ms = 0, bytes = NULL, ciphertext = NULL, wraps = NULL WHERE " THAWED),
    };

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        sql_int(steps[i], 1, (int64_t)incarnation);
        sql_int(steps[i], 2, (int64_t)from_sequence);
        store_run(self, steps[i]);
    }
}

void store_outbox_thaw_all(store_t *self)
{
    store_run(self,
        store_sql(self,
            "UPDATE recipients SET n = 0 WHERE event IN"
            " (SELECT event FROM outbox WHERE state = 1 AND draft IS NOT NULL)"));
    store_run(self,
        store_sql(self,
            "UPDATE outbox SET state = 0, incarnation = 0, sequence = 0,"
            " batch = NULL, sent_ms = 0, bytes = NULL, ciphertext = NULL,"
            " wraps = NULL WHERE state = 1 AND draft IS NOT NULL"));
    store_run(self,
        store_sql(self,
            "DELETE FROM batches WHERE accepted_ms IS NULL"
            " AND id NOT IN (SELECT batch FROM outbox WHERE batch NOT NULL)"));
    store_run(self, store_sql(self, "DELETE FROM counters"));
}

void store_outbox_refuse(store_t *self, const uint8_t *event, int code, const char *text)
{
    sqlite3_stmt *statement = store_sql(
        self, "UPDATE outbox SET state = 3, error_code = ?2, error = ?3 WHERE event = ?1");

    sql_id(statement, 1, event);
    sql_int(statement, 2, code);
    sql_text(statement, 3, text);
    store_run(self, statement);
}

void store_outbox_rename(store_t *self, const uint8_t *old_event, const uint8_t *new_event)
{
    sqlite3_stmt *steps[] = {
        store_sql(self, "UPDATE outbox SET event = ?2 WHERE event = ?1"),
        store_sql(self, "UPDATE recipients SET event = ?2 WHERE event = ?1"),
        store_sql(self, "INSERT OR REPLACE INTO renamed (old, new) VALUES (?1, ?2)"),
    };

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        sql_id(steps[i], 1, old_event);
        sql_id(steps[i], 2, new_event);
        store_run(self, steps[i]);
    }
}

bool store_renamed(store_t *self, const uint8_t *old_event, uint8_t *new_event)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT new FROM renamed WHERE old = ?");

    sql_id(statement, 1, old_event);
    if (!store_row(self, statement)) {
        return false;
    }
    row_fixed(statement, 0, new_event, UUID_BYTES);
    store_stop(statement);
    return true;
}

void store_outbox_recovered(store_t *self, const struct outbox_row *row, const char *const *codes,
    const uint64_t *numbers, size_t code_count)
{
    if (store_outbox_position(self, row->event) == 0) {
        insert_row(self, row);
        for (size_t i = 0; i < code_count; i++) {
            add_recipient(self, row->event, i, codes[i], numbers[i]);
        }
        store_reached_end(self, row->event); /* what was acknowledged before is not told again */
        return;
    }
    sqlite3_stmt *statement = store_sql(self,
        "UPDATE outbox SET state = 2, incarnation = ?2, sequence = ?3, batch = ?9, sent_ms = ?4,"
        " accepted_ms = ?5, bytes = ?6, ciphertext = ?7, wraps = ?8, draft = NULL, plain = NULL"
        " WHERE event = ?1 AND state <> 2");
    sql_id(statement, 1, row->event);
    sql_int(statement, 2, (int64_t)row->incarnation);
    sql_int(statement, 3, (int64_t)row->sequence);
    sql_int(statement, 4, row->sent_ms);
    sql_int(statement, 5, row->accepted_ms);
    sql_blob(statement, 6, buf_slice(&row->bytes));
    sql_blob(statement, 7, bytes_or_null(&row->ciphertext));
    sql_blob(statement, 8, bytes_or_null(&row->wraps));
    sql_int(statement, 9, row->batch);
    store_run(self, statement);
    for (size_t i = 0; i < code_count; i++) {
        store_recipient_number(self, row->event, codes[i], numbers[i]);
    }
}

void store_outbox_range(store_t *self, uint64_t incarnation, uint64_t first, uint64_t count,
    bool (*visit)(void *context, struct outbox_row *row), void *context)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE incarnation = ?1 AND"
        " sequence >= ?2 AND sequence > 0"
        " ORDER BY sequence LIMIT ?3");
    bool more = true;

    sql_int(statement, 1, (int64_t)incarnation);
    sql_int(statement, 2, (int64_t)first);
    sql_int(statement, 3, (int64_t)count);
    while (more && store_row(self, statement)) {
        struct outbox_row row;
        read_columns(statement, &row);
        more = visit(context, &row);
        outbox_row_free(&row);
    }
    store_stop(statement);
}

bool store_outbox_highest(store_t *self, uint8_t *event)
{
    sqlite3_stmt *statement =
        store_sql(self, "SELECT max(event) FROM outbox WHERE state = 2 HAVING count(*) > 0");

    if (!store_row(self, statement)) {
        return false;
    }
    row_fixed(statement, 0, event, UUID_BYTES);
    store_stop(statement);
    return true;
}

void store_outbox_list(store_t *self, int state, const uint8_t *transfer, int64_t before,
    size_t limit, void (*visit)(void *context, const struct outbox_row *row), void *context)
{
    sqlite3_stmt *statement = transfer == NULL
        ? store_sql(self,
              "SELECT " OUTBOX_PLAIN_COLUMNS " FROM outbox WHERE position < ?1 AND"
              " (?2 < 0 OR state = ?2) ORDER BY position DESC LIMIT ?3")
        : store_sql(self,
              "SELECT " OUTBOX_PLAIN_COLUMNS " FROM outbox WHERE position < ?1 AND"
              " (?2 < 0 OR state = ?2) AND transfer = ?4 ORDER BY position DESC LIMIT ?3");

    sql_int(statement, 1, before);
    sql_int(statement, 2, state);
    sql_int(statement, 3, (int64_t)limit);
    if (transfer != NULL) {
        sql_id(statement, 4, transfer);
    }
    while (store_row(self, statement)) {
        struct outbox_row row;
        read_plain_columns(statement, &row);
        visit(context, &row);
    }
}

/* ---- batches ---- */

int64_t store_batch_add(store_t *self, const struct batch_row *row)
{
    sqlite3_stmt *insert = store_sql(self,
        "INSERT INTO batches (incarnation, first, count, statement, signature) VALUES (?, ?, ?, ?, "
        "?)");
    sqlite3_stmt *point = store_sql(self,
        "UPDATE outbox SET batch = ?1 WHERE incarnation = ?2 AND sequence >= ?3 AND sequence < ?4"
        " AND state = 1");

    sql_int(insert, 1, (int64_t)row->incarnation);
    sql_int(insert, 2, (int64_t)row->first);
    sql_int(insert, 3, row->count);
    sql_blob(insert, 4, buf_slice(&row->statement));
    sql_blob(insert, 5, buf_slice(&row->signature));
    store_run(self, insert);
    int64_t id = sqlite3_last_insert_rowid(self->db);
    sql_int(point, 1, id);
    sql_int(point, 2, (int64_t)row->incarnation);
    sql_int(point, 3, (int64_t)row->first);
    sql_int(point, 4, (int64_t)(row->first + row->count));
    store_run(self, point);
    return id;
}

static int read_batch(store_t *self, sqlite3_stmt *statement, int missing, struct batch_row *out)
{
    if (!store_row(self, statement)) {
        return missing;
    }
    memset(out, 0, sizeof *out);
    out->id = row_int(statement, 0);
    out->incarnation = (uint64_t)row_int(statement, 1);
    out->first = (uint64_t)row_int(statement, 2);
    out->count = (uint32_t)row_int(statement, 3);
    row_buf(statement, 4, &out->statement);
    row_buf(statement, 5, &out->signature);
    out->leaf_index = (uint64_t)row_int(statement, 6);
    out->accepted_ms = row_int(statement, 7);
    row_buf(statement, 8, &out->receipt);
    store_stop(statement);
    return 0;
}

#define BATCH_COLUMNS                                                                              \
    "id, incarnation, first, count, statement, signature, leaf_index, accepted_ms, receipt"

int store_batch(store_t *self, int64_t id, struct batch_row *out)
{
    sqlite3_stmt *statement = store_sql(self, "SELECT " BATCH_COLUMNS " FROM batches WHERE id = ?");

    sql_int(statement, 1, id);
    return read_batch(self, statement, E_NOT_FOUND, out);
}

int store_batch_open(store_t *self, uint64_t incarnation, uint64_t from, struct batch_row *out)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT " BATCH_COLUMNS " FROM batches WHERE incarnation = ?1 AND first >= ?2"
        " AND accepted_ms IS NULL ORDER BY first LIMIT 1");

    sql_int(statement, 1, (int64_t)incarnation);
    sql_int(statement, 2, (int64_t)from);
    return read_batch(self, statement, E_END, out);
}

int store_batch_covering(
    store_t *self, uint64_t incarnation, uint64_t sequence, struct batch_row *out)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT " BATCH_COLUMNS " FROM batches WHERE incarnation = ?1 AND first <= ?2"
        " AND first + count > ?2 ORDER BY first DESC LIMIT 1");

    sql_int(statement, 1, (int64_t)incarnation);
    sql_int(statement, 2, (int64_t)sequence);
    return read_batch(self, statement, E_NOT_FOUND, out);
}

void store_batch_sign(store_t *self, int64_t id, struct slice signed_bytes, struct slice signature)
{
    sqlite3_stmt *statement =
        store_sql(self, "UPDATE batches SET statement = ?2, signature = ?3 WHERE id = ?1");

    sql_int(statement, 1, id);
    sql_blob(statement, 2, signed_bytes);
    sql_blob(statement, 3, signature);
    store_run(self, statement);
}

void store_batch_accept(store_t *self, int64_t id, const struct batch_row *receipt)
{
    sqlite3_stmt *batch = store_sql(self,
        "UPDATE batches SET leaf_index = ?2, accepted_ms = ?3, receipt = ?4, statement = ?5,"
        " signature = ?6 WHERE id = ?1");
    sqlite3_stmt *events = store_sql(self,
        "UPDATE outbox SET state = 2, accepted_ms = ?2, draft = NULL, plain = NULL WHERE batch = ?1"
        " AND state = 1");

    sql_int(batch, 1, id);
    sql_int(batch, 2, (int64_t)receipt->leaf_index);
    sql_int(batch, 3, receipt->accepted_ms);
    sql_blob(batch, 4, buf_slice(&receipt->receipt));
    sql_blob(batch, 5, buf_slice(&receipt->statement));
    sql_blob(batch, 6, buf_slice(&receipt->signature));
    store_run(self, batch);
    sql_int(events, 1, id);
    sql_int(events, 2, receipt->accepted_ms);
    store_run(self, events);
}

int64_t store_batch_recovered(store_t *self, const struct batch_row *row)
{
    sqlite3_stmt *put = store_sql(self,
        "INSERT INTO batches (incarnation, first, count, statement, signature, leaf_index,"
        " accepted_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (incarnation, first) DO"
        " UPDATE SET count = ?3, statement = ?4, signature = ?5, leaf_index = ?6, accepted_ms = ?7"
        " WHERE accepted_ms IS NULL");
    sqlite3_stmt *find =
        store_sql(self, "SELECT id FROM batches WHERE incarnation = ? AND first = ?");

    sql_int(put, 1, (int64_t)row->incarnation);
    sql_int(put, 2, (int64_t)row->first);
    sql_int(put, 3, row->count);
    sql_blob(put, 4, buf_slice(&row->statement));
    sql_blob(put, 5, buf_slice(&row->signature));
    sql_int(put, 6, (int64_t)row->leaf_index);
    sql_int(put, 7, row->accepted_ms);
    store_run(self, put);
    sql_int(find, 1, (int64_t)row->incarnation);
    sql_int(find, 2, (int64_t)row->first);
    return (int64_t)read_number(self, find);
}

void store_batches_drop(store_t *self, uint64_t incarnation, uint64_t from)
{
    sqlite3_stmt *steps[] = {
        store_sql(self,
            "UPDATE outbox SET batch = NULL WHERE state = 1 AND batch IN (SELECT id FROM"
            " batches WHERE accepted_ms IS NULL AND incarnation = ?1"
            " AND first + count > ?2)"),
        store_sql(self,
            "DELETE FROM batches WHERE accepted_ms IS NULL AND incarnation = ?1"
            " AND first + count > ?2"),
    };

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        sql_int(steps[i], 1, (int64_t)incarnation);
        sql_int(steps[i], 2, (int64_t)from);
        store_run(self, steps[i]);
    }
}

uint64_t store_receipted_upto(store_t *self, uint64_t incarnation)
{
    sqlite3_stmt *statement = store_sql(self,
        "SELECT first + count - 1 FROM batches WHERE incarnation = ? AND accepted_ms IS NOT NULL"
        " ORDER BY first DESC LIMIT 1");

    sql_int(statement, 1, (int64_t)incarnation);
    return read_number(self, statement);
}
