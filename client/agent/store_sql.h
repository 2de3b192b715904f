/*
 * store_sql: what the files of the store share: the connection, prepared statements, binding and
 * stepping.
 *
 * Writes are void: the first failure inside a transaction is remembered, everything after it is
 * skipped, and store_commit() answers it and rolls back. A statement that SQLite cannot prepare is
 * our own bug and fatal.
 */
#ifndef WAYPOST_AGENT_STORE_SQL_H
#define WAYPOST_AGENT_STORE_SQL_H

#include <sqlite3.h>

#include "client/agent/store.h"

enum { STORE_STATEMENTS_MAX = 256 };

struct prepared {
    const char *text; /* the literal: compared as a pointer */
    sqlite3_stmt *statement;
};

struct store {
    sqlite3 *db;
    bool in_transaction;
    bool gathering; /* transactions that end are kept open for those that follow */
    bool begun;     /* BEGIN was run: in a transaction, or gathered ones wait for their COMMIT */
    int failed;     /* first failure of the open transaction, or of a read outside one */
    int wal_pages;
    struct histogram sync; /* how long commits took */
    struct alarm unkept;   /* the alarm that could not be written, name "" for none */
    size_t statement_count;
    struct prepared statements[STORE_STATEMENTS_MAX];
};

/* A statement ready to be bound. text must be a string literal. */
sqlite3_stmt *store_sql(store_t *self, const char *text);
/* True with a row; false at the end and after a failure (remembered). Ended statements are
 * reset. */
bool store_row(store_t *self, sqlite3_stmt *statement);
void store_run(store_t *self, sqlite3_stmt *statement); /* to its end */
void store_stop(sqlite3_stmt *statement);               /* done with the rows before the end */

void sql_int(sqlite3_stmt *statement, int at, int64_t value);
void sql_blob(sqlite3_stmt *statement, int at,
    struct slice bytes); /* NULL data is NULL; lent until the run */
void sql_id(sqlite3_stmt *statement, int at, const uint8_t *id);  /* 16 bytes; NULL is NULL */
void sql_text(sqlite3_stmt *statement, int at, const char *text); /* NULL is NULL */

int64_t row_int(sqlite3_stmt *statement, int column);
struct slice row_blob(sqlite3_stmt *statement, int column); /* lent until the next step */
void row_fixed(sqlite3_stmt *statement, int column, void *out,
    size_t len); /* zeroes where it is not of that length */
void row_text(sqlite3_stmt *statement, int column, char *out, size_t bytes); /* cut to fit */
void row_buf(sqlite3_stmt *statement, int column, struct buf *out);          /* appended */

/* Bytes of a column that may be NULL: NULL where there are none. */
static inline struct slice bytes_or_null(const struct buf *buf)
{
    return buf->len == 0 ? slice_of(NULL, 0) : buf_slice(buf);
}

#endif
