/*
 * SQLite: what the agent's store relies on, shown against the library that is installed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "tests/support/place.h"

#include "common/base/banned.h"

struct place {
    char file[PLACE_BYTES];
    sqlite3 *db;
};

static sqlite3 *open_as_agent(const char *file)
{
    sqlite3 *db = NULL;

    assert_int_equal(
        sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", NULL, NULL, NULL),
        SQLITE_OK);
    return db;
}

static int place_make(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    if (place == NULL) {
        return -1;
    }
    place_file(place->file);
    place->db = open_as_agent(place->file);
    *state = place;
    return 0;
}

static int place_remove(void **state)
{
    struct place *place = *state;

    (void)sqlite3_close(place->db);
    place_remove_database(place->file);
    free(place);
    return 0;
}

/* The first column of the first row; text of 64 bytes. */
static void ask(sqlite3 *db, const char *sql, char *text)
{
    sqlite3_stmt *statement = NULL;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    (void)snprintf(text, 64, "%s", (const char *)sqlite3_column_text(statement, 0));
    (void)sqlite3_finalize(statement);
}

static void pragma__full_and_wal__read_back(void **state)
{
    struct place *place = *state;
    char text[64];

    ask(place->db, "PRAGMA synchronous", text);
    assert_string_equal(text, "2");
    ask(place->db, "PRAGMA journal_mode", text);
    assert_string_equal(text, "wal");
    ask(place->db, "PRAGMA mmap_size", text);
    assert_string_equal(text, "0");
}

static void pragma__synchronous__is_of_the_connection_and_not_of_the_file(void **state)
{
    struct place *place = *state;
    char text[64];
    sqlite3 *second = NULL;

    assert_int_equal(
        sqlite3_exec(place->db, "PRAGMA synchronous=OFF; CREATE TABLE t (n);", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_open(place->file, &second), SQLITE_OK);
    ask(second, "PRAGMA journal_mode", text);
    assert_string_equal(text, "wal"); /* kept in the file */
    ask(second, "PRAGMA synchronous", text);
    assert_string_equal(text, "2"); /* not kept: to be set and read back at every opening */
    (void)sqlite3_close(second);
}

/* A process that commits, begins another transaction and dies without a word. */
static void write_and_die(const char *file)
{
    sqlite3 *db = open_as_agent(file);

    (void)sqlite3_exec(db, "CREATE TABLE t (n); INSERT INTO t VALUES (1);", NULL, NULL, NULL);
    (void)sqlite3_exec(db, "BEGIN; INSERT INTO t VALUES (2);", NULL, NULL, NULL);
    _exit(0);
}

static void transaction__committed_before_a_death__is_there_and_the_open_one_is_not(void **state)
{
    struct place *place = *state;
    char text[64];
    int status;

    (void)sqlite3_close(place->db); /* no connection crosses a fork */
    pid_t child = fork();
    if (child == 0) {
        write_and_die(place->file);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    place->db = open_as_agent(place->file);
    ask(place->db, "SELECT count(*) || ':' || max(n) FROM t", text);
    assert_string_equal(text, "1:1");
}

static void library__as_installed__is_threadsafe_and_new_enough(void **state)
{
    (void)state;
    assert_true(sqlite3_libversion_number() >= 3035000); /* RETURNING */
    assert_int_not_equal(sqlite3_threadsafe(), 0);
}

int main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)
    const struct CMUnitTest tests[] = {
        PLACED(pragma__full_and_wal__read_back),
        PLACED(pragma__synchronous__is_of_the_connection_and_not_of_the_file),
        PLACED(transaction__committed_before_a_death__is_there_and_the_open_one_is_not),
        cmocka_unit_test(library__as_installed__is_threadsafe_and_new_enough),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
