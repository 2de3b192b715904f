/* store: transactions, ownership, counters, the receiver's order, what survives a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "client/agent/store.h"
#include "tests/support/disk_vfs.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

static store_t *open_memory(void)
{
    struct complaint why = {0};
    store_t *store = NULL;

    assert_int_equal(store_open(":memory:", "test", "E09000019", &store, &why), 0);
    return store;
}

static void add_event(store_t *store, uint8_t id, const char *code)
{
    struct outbox_row row = {.kind = 1, .created_ms = 5};

    memset(row.event, id, UUID_BYTES);
    memset(row.transfer, 1, UUID_BYTES);
    buf_put_text(&row.draft, "{}");
    store_outbox_add(store, &row, &code, 1);
    outbox_row_free(&row);
}

/* Freeze the next waiting one under a sequence. */
static void freeze_next(store_t *store, uint64_t sequence)
{
    struct outbox_row row;
    struct recipient_row to[RECIPIENTS_MAX];

    assert_int_equal(store_outbox_next_waiting(store, 0, &row), 0);
    assert_int_equal(store_outbox_recipients(store, row.event, to), 1);
    store_recipient_number(store, row.event, to[0].code, store_counter_next(store, to[0].code));
    row.incarnation = 9;
    row.sequence = sequence;
    row.sent_ms = 6;
    buf_put_text(&row.bytes, "event %llu", (unsigned long long)sequence);
    store_outbox_freeze(store, &row);
    outbox_row_free(&row);
}

static void transaction__rolled_back__leaves_nothing(void **state)
{
    store_t *store = open_memory();

    (void)state;
    store_begin(store);
    add_event(store, 1, "E09000007");
    store_rollback(store);
    assert_int_equal(store_outbox_count(store, OUTBOX_WAITING), 0);
    store_close(&store);
}

static void transaction__one_write_fails__keeps_nothing(void **state)
{
    store_t *store = open_memory();

    (void)state;
    store_begin(store);
    add_event(store, 1, "E09000007");
    add_event(store, 1, "E09000007"); /* the same id */
    assert_int_equal(store_commit(store), E_IO);
    assert_int_equal(store_outbox_count(store, OUTBOX_WAITING), 0);
    store_close(&store);
}

static void store__reopened__holds_what_was_committed(void **state)
{
    char path[PLACE_BYTES];
    store_t *store = NULL;
    struct identity identity;
    struct complaint why = {0};

    (void)state;
    place_file(path);
    assert_int_equal(store_open(path, "test", "E09000019", &store, &why), 0);
    store_identity(store, &identity);
    identity.incarnation = UINT64_MAX - 3;
    identity.stream_upto = 17;
    store_begin(store);
    store_identity_save(store, &identity);
    add_event(store, 1, "E09000007");
    assert_int_equal(store_commit(store), 0);
    store_close(&store);
    assert_int_equal(store_open(path, "test", "E09000019", &store, &why), 0);
    store_identity(store, &identity);
    assert_true(identity.incarnation == UINT64_MAX - 3);
    assert_int_equal(identity.stream_upto, 17);
    assert_int_equal(store_outbox_count(store, OUTBOX_WAITING), 1);
    store_close(&store);
    place_remove_database(path);
}

static void store__of_another_agent__is_refused(void **state)
{
    char path[PLACE_BYTES];
    store_t *store = NULL;
    struct complaint why = {0};

    (void)state;
    place_file(path);
    assert_int_equal(store_open(path, "test", "E09000019", &store, &why), 0);
    store_close(&store);
    assert_int_equal(store_open(path, "test", "E09000007", &store, &why), E_CONFIG);
    assert_non_null(strstr(why.text, "E09000019"));
    place_remove_database(path);
}

static void store__opened_twice__is_locked(void **state)
{
    char path[PLACE_BYTES];
    store_t *store = NULL;
    store_t *second = NULL;
    struct complaint why = {0};

    (void)state;
    place_file(path);
    assert_int_equal(store_open(path, "test", "E09000019", &store, &why), 0);
    assert_int_equal(store_open(path, "test", "E09000019", &second, &why), E_LOCKED);
    store_close(&store);
    place_remove_database(path);
}

/* A database of ours that another program has changed since. */
static void make_changed(char *path, const char *sql)
{
    store_t *store = NULL;
    sqlite3 *db = NULL;
    struct complaint why = {0};

    place_file(path);
    assert_int_equal(store_open(path, "test", "E09000019", &store, &why), 0);
    store_close(&store);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

static void store__of_a_newer_program__is_refused(void **state)
{
    char path[PLACE_BYTES];
    store_t *store = NULL;
    struct complaint why = {0};

    (void)state;
    make_changed(path, "PRAGMA user_version = 99");
    assert_int_equal(store_open(path, "test", "E09000019", &store, &why), E_VERSION);
    place_remove_database(path);
}

static void store__of_an_older_version__is_brought_up_to_ours(void **state)
{
    char path[PLACE_BYTES];
    store_t *store = NULL;
    struct complaint why = {0};

    (void)state;
    make_changed(path,
        "DROP TABLE own_acks; DROP INDEX subjects_by_ref; DROP INDEX outbox_links;"
        "DROP INDEX inbox_links; PRAGMA user_version = 1");
    for (int i = 0; i < 2; i++) { /* and is not brought there twice */
        assert_int_equal(store_open(path, "test", "E09000019", &store, &why), 0);
        assert_true(store_own_ack_leaf(store, 1, 1) == (i == 0 ? UINT64_MAX : 7));
        store_begin(store);
        store_own_ack_put(store, &(struct own_ack){1, 1, 1, 7});
        assert_int_equal(store_commit(store), 0);
        store_close(&store);
    }
    place_remove_database(path);
}

static void thaw__from_a_sequence__gives_the_counters_back(void **state)
{
    store_t *store = open_memory();
    struct outbox_row row;
    struct recipient_row to[RECIPIENTS_MAX];
    uint8_t second[UUID_BYTES];

    (void)state;
    store_begin(store);
    add_event(store, 1, "E09000007");
    add_event(store, 2, "E09000007");
    add_event(store, 3, "E09000007");
    freeze_next(store, 1);
    freeze_next(store, 2);
    freeze_next(store, 3);
    store_outbox_thaw(store, 9, 2);
    assert_int_equal(store_counter_next(store, "E09000007"), 2);
    assert_int_equal(store_commit(store), 0);
    assert_int_equal(store_outbox_count(store, OUTBOX_SENT), 1);
    assert_int_equal(store_outbox_count(store, OUTBOX_WAITING), 2);
    memset(second, 2, sizeof second);
    assert_int_equal(store_outbox(store, second, &row), 0);
    assert_int_equal(row.bytes.len, 0);
    assert_int_equal(row.sequence, 0);
    assert_true(row.draft.len > 0);
    outbox_row_free(&row);
    assert_int_equal(store_outbox_recipients(store, second, to), 1);
    assert_int_equal(to[0].n, 0);
    store_close(&store);
}

static void add_received(store_t *store, uint8_t id, uint8_t transfer)
{
    struct entry_row entry = {.epoch = 1, .number = id, .type = ENTRY_EVENT, .persisted_ms = id};
    struct inbox_row row = {.epoch = 1, .number = id, .receiver = RECEIVER_PENDING};
    uint8_t signature[64] = {0};

    memset(row.event, id, UUID_BYTES);
    memset(row.transfer, transfer, UUID_BYTES);
    memcpy(row.from, "E09000007", CODE_BYTES + 1);
    buf_put_text(&row.bytes, "event");
    row.position = store_entry_add(store, &entry);
    row.evidence = store_evidence_put(
        store, slice_of_text("statement"), slice_of(signature, sizeof signature), id, 1);
    store_inbox_add(store, &row);
    inbox_row_free(&row);
}

static void expect_next(store_t *store, int64_t now_ms, uint8_t want)
{
    struct inbox_row row;
    int rc = store_receiver_next(store, now_ms, NULL, 0, &row);

    if (want == 0) {
        assert_int_equal(rc, E_END);
        return;
    }
    assert_int_equal(rc, 0);
    assert_int_equal(row.event[0], want);
    inbox_row_free(&row);
}

static void receiver__stuck_transfer__does_not_block_another(void **state)
{
    store_t *store = open_memory();
    uint8_t first[UUID_BYTES];
    uint8_t third[UUID_BYTES];

    (void)state;
    memset(first, 1, sizeof first);
    memset(third, 3, sizeof third);
    store_begin(store);
    add_received(store, 1, 10);
    add_received(store, 2, 10); /* behind 1 */
    add_received(store, 3, 20);
    store_receiver_set(store, first, RECEIVER_FAILING, 1, 1000);
    assert_int_equal(store_commit(store), 0);
    expect_next(store, 500, 3);
    store_begin(store);
    store_receiver_set(store, third, RECEIVER_DONE, 1, 0);
    assert_int_equal(store_commit(store), 0);
    expect_next(store, 500, 0); /* 2 waits for 1 */
    assert_int_equal(store_receiver_due(store), 1000);
    expect_next(store, 1000, 1);
    store_begin(store);
    store_receiver_set(store, first, RECEIVER_DONE, 2, 0);
    assert_int_equal(store_commit(store), 0);
    expect_next(store, 1000, 2);
    store_close(&store);
}

static void runs__more_than_fit__end_at_the_last_number(void **state)
{
    store_t *store = open_memory();
    struct persisted_run runs[3];

    (void)state;
    store_begin(store);
    for (uint64_t i = 1; i <= 10; i++) {
        struct entry_row entry = {
            .epoch = 1, .number = i, .type = ENTRY_RECORD, .persisted_ms = (int64_t)(i + i % 2)};
        store_entry_add(store, &entry);
    }
    assert_int_equal(store_commit(store), 0);
    assert_int_equal(store_runs(store, 1, 0, runs, 3, NULL), 3);
    assert_int_equal(runs[0].upto, 2);
    assert_int_equal(runs[2].upto, 10);
    assert_int_equal(runs[2].at_ms, 10);
    assert_int_equal(store_runs(store, 1, 9, runs, 3, NULL), 1);
    store_close(&store);
}

static void senders__gap__closes_when_the_missing_one_comes(void **state)
{
    store_t *store = open_memory();
    struct sender_gap gap;

    (void)state;
    store_begin(store);
    assert_false(store_sender_number(store, "A", 1, "E09000019", 1, true, 100));
    assert_true(store_sender_number(store, "A", 1, "E09000019", 3, true, 200));
    assert_true(store_sender_number(store, "A", 1, "E09000019", 4, true, 300));
    assert_true(store_sender_gap(store, 1000, &gap));
    assert_int_equal(gap.missing, 2);
    assert_int_equal(gap.since_ms, 200);
    assert_false(store_sender_number(store, "A", 1, "E09000019", 2, true, 400));
    assert_false(store_sender_gap(store, 1000, &gap));
    assert_false(store_sender_number(store, "A", 1, "E09000019", 5, true, 500));
    assert_int_equal(store_commit(store), 0);
    store_close(&store);
}

/* ---- how far own events have come ---- */

static void accept_at(store_t *store, uint64_t sequence, int64_t accepted_ms)
{
    struct batch_row batch = {
        .incarnation = 9, .first = sequence, .count = 1, .accepted_ms = accepted_ms};

    buf_put_text(&batch.statement, "s");
    buf_put_text(&batch.signature, "s");
    buf_put_text(&batch.receipt, "r");
    batch.id = store_batch_add(store, &batch);
    store_batch_accept(store, batch.id, &batch);
    batch_row_free(&batch);
}

static void reach(store_t *store, uint8_t id, const char *code, enum level level)
{
    struct level_row row = {.level = level};
    uint8_t event[UUID_BYTES];

    memset(event, id, sizeof event);
    (void)snprintf(row.code, sizeof row.code, "%s", code);
    row.ack = store_ack_add(store, "agent", slice_of("s", 1), slice_of("s", 1), 1, 100);
    store_level_put(store, event, &row);
}

static void events__open_ones__are_counted_by_how_far_they_came(void **state)
{
    store_t *store = open_memory();
    struct store_open_events open;
    uint8_t event[UUID_BYTES];
    char code[CODE_BYTES + 1];
    int64_t since_ms = 0;

    (void)state;
    store_begin(store);
    for (uint8_t id = 1; id <= 4; id++) {
        add_event(store, id, "E09000007");
    }
    for (uint64_t sequence = 1; sequence <= 3; sequence++) {
        freeze_next(store, sequence);
        accept_at(store, sequence, 1000 * (int64_t)sequence);
    }
    reach(store, 2, "E09000007", LEVEL_PERSISTED);
    reach(store, 3, "E08000038", LEVEL_PERSISTED); /* a successor answers */
    reach(store, 3, "E08000038", LEVEL_OPENED);
    assert_int_equal(store_commit(store), 0);
    store_open_events(store, &open);
    assert_int_equal(open.waiting, 1);
    assert_int_equal(open.oldest_waiting_ms, 5);
    assert_int_equal(open.unpersisted, 1);
    assert_int_equal(open.oldest_unpersisted_ms, 1000);
    assert_int_equal(open.unread, 1);
    assert_int_equal(open.oldest_unread_ms, 2000);
    assert_true(store_open_oldest(store, REACHED_NOTHING, event, code, &since_ms));
    assert_int_equal(event[0], 1);
    assert_int_equal(since_ms, 1000);
    assert_true(store_open_oldest(store, REACHED_DISK, event, code, &since_ms));
    assert_int_equal(event[0], 2);
    assert_string_equal(code, "E09000007");

    store_begin(store);
    memset(event, 1, sizeof event);
    store_reached_put(store, event, "E09000007", REACHED_UNWATCHED); /* it came back */
    reach(store, 2, "E09000007", LEVEL_OPENED);
    reach(store, 2, "E09000007", LEVEL_PERSISTED); /* late word of an earlier level */
    assert_int_equal(store_commit(store), 0);
    store_open_events(store, &open);
    assert_int_equal(open.unpersisted, 0);
    assert_int_equal(open.unread, 0);
    assert_false(store_open_oldest(store, REACHED_NOTHING, event, code, &since_ms));
    store_close(&store);
}

static void database__probed__keeps_a_transaction_and_times_it(void **state)
{
    store_t *store = open_memory();

    (void)state;
    uint64_t before = histogram_total(store_sync(store));
    assert_int_equal(store_probe(store), 0);
    assert_int_equal(histogram_total(store_sync(store)), before + 1);
    store_close(&store);
}

/* ---- a killed process, then the power ---- */

/* A memory disk under a process that can be killed: just before a sync, and from then on altogether. */
struct dying_disk {
    struct disk memory, table;
    bool dies_at_sync, dead;
};

static int dying_write(void *context, int file, struct slice bytes, uint64_t offset)
{
    struct dying_disk *self = context;

    return self->dead ? E_IO : self->memory.write_at(self->memory.context, file, bytes, offset);
}

static int dying_sync(void *context, int file)
{
    struct dying_disk *self = context;

    self->dead = self->dead || self->dies_at_sync;
    return self->dead ? E_IO : self->memory.sync_data(self->memory.context, file);
}

static int dying_truncate(void *context, int file, uint64_t len)
{
    struct dying_disk *self = context;

    return self->dead ? E_IO : self->memory.truncate(self->memory.context, file, len);
}

static int dying_open(void *context, const char *name, bool create, int *out)
{
    struct dying_disk *self = context;

    return self->memory.open(self->memory.context, name, create, out);
}

static void dying_close(void *context, int file)
{
    struct dying_disk *self = context;

    self->memory.close(self->memory.context, file);
}

static int dying_read(void *context, int file, void *out, size_t len, uint64_t offset, size_t *got)
{
    struct dying_disk *self = context;

    return self->memory.read_at(self->memory.context, file, out, len, offset, got);
}

static int dying_size(void *context, int file, uint64_t *out)
{
    struct dying_disk *self = context;

    return self->memory.size(self->memory.context, file, out);
}

static int dying_remove(void *context, const char *name)
{
    struct dying_disk *self = context;

    return self->dead ? E_IO : self->memory.remove(self->memory.context, name);
}

static int dying_sync_dir(void *context)
{
    struct dying_disk *self = context;

    return self->dead ? E_IO : self->memory.sync_dir(self->memory.context);
}

static store_t *open_dying(struct dying_disk *disk)
{
    struct complaint why = {0};
    store_t *store = NULL;

    disk->dead = disk->dies_at_sync = false;
    assert_int_equal(store_open("dying.db", "test", "E09000019", &store, &why), 0);
    return store;
}

static void found_by_the_next_start__is_on_the_disk_before_anything_is_said_of_it(void **state)
{
    struct dying_disk disk = {.dead = false};

    (void)state;
    disk_memory_open(&disk.memory);
    disk.table = (struct disk){.context = &disk,
        .open = dying_open,
        .close = dying_close,
        .write_at = dying_write,
        .read_at = dying_read,
        .sync_data = dying_sync,
        .truncate = dying_truncate,
        .size = dying_size,
        .remove = dying_remove,
        .sync_dir = dying_sync_dir};
    disk_vfs_register();
    disk_vfs_mount("dying", &disk.table);
    store_t *store = open_dying(&disk);
    disk.dies_at_sync = true;
    store_begin(store);
    add_event(store, 5, "E09000007");
    assert_int_not_equal(store_commit(store), 0);
    store_close(&store);
    store = open_dying(&disk); /* it finds what was written */
    bool found = store_outbox_count(store, OUTBOX_WAITING) == 1;
    disk.dead = true;
    store_close(&store);
    disk_memory_crash(&disk.memory, 0);
    store = open_dying(&disk);
    assert_int_equal(store_outbox_count(store, OUTBOX_WAITING), found ? 1 : 0);
    assert_true(found);
    store_close(&store);
    disk_vfs_unregister();
    disk_memory_close(&disk.memory);
}

static void count_transfer(void *context, const struct transfer_row *row)
{
    (void)row;
    ++*(unsigned *)context;
}

/* A list for a person ends somewhere; a clock of any of them can run out. */
static void transfers__more_than_a_list_shows__are_all_there(void **state)
{
    enum { TRANSFERS = 1200 };
    store_t *store = open_memory();
    unsigned listed = 0;
    unsigned all = 0;

    (void)state;
    store_begin(store);
    for (uint16_t i = 0; i < TRANSFERS; i++) {
        struct transfer_row row = {.origin = "E09000019", .receiving = "E09000007"};
        memcpy(row.transfer, &i, sizeof i);
        store_transfer_put(store, &row);
    }
    assert_int_equal(store_commit(store), 0);
    store_transfers(store, 1000, count_transfer, &listed);
    store_transfers(store, 0, count_transfer, &all);
    assert_int_equal(listed, 1000);
    assert_int_equal(all, TRANSFERS);
    store_close(&store);
}

/* A statement over many rows keeps their pages aside, payloads among them: outside of our files nothing could erase them. */
static void statement__over_many_pages__needs_no_file_of_its_own(void **state)
{
    enum { EVENTS = 100 };
    struct complaint why = {0};
    struct disk disk;
    store_t *store = NULL;
    struct outbox_row row;
    const char *code = "E09000007";

    (void)state;
    disk_memory_open(&disk);
    disk_vfs_register();
    disk_vfs_mount("lone", &disk);
    assert_int_equal(store_open("lone.db", "test", "E09000019", &store, &why), 0);
    store_begin(store);
    for (unsigned i = 1; i <= EVENTS; i++) {
        row = (struct outbox_row){.kind = 1, .created_ms = 5};
        memset(row.event, (int)i, UUID_BYTES);
        buf_put_text(&row.draft, "%02000u", i);
        store_outbox_add(store, &row, &code, 1);
        outbox_row_free(&row);
        freeze_next(store, i);
    }
    struct batch_row batch = {.incarnation = 9, .first = 1, .count = EVENTS};
    buf_put_text(&batch.statement, "statement");
    buf_put_text(&batch.signature, "signature");
    assert_int_not_equal(store_batch_add(store, &batch), 0);
    batch_row_free(&batch);
    assert_int_equal(store_commit(store), 0);
    assert_int_equal(store_outbox_count(store, OUTBOX_SENT), EVENTS);
    store_close(&store);
    disk_vfs_unregister();
    disk_memory_close(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events__open_ones__are_counted_by_how_far_they_came),
        cmocka_unit_test(database__probed__keeps_a_transaction_and_times_it),
        cmocka_unit_test(transaction__rolled_back__leaves_nothing),
        cmocka_unit_test(transaction__one_write_fails__keeps_nothing),
        cmocka_unit_test(store__reopened__holds_what_was_committed),
        cmocka_unit_test(store__of_another_agent__is_refused),
        cmocka_unit_test(store__opened_twice__is_locked),
        cmocka_unit_test(store__of_a_newer_program__is_refused),
        cmocka_unit_test(store__of_an_older_version__is_brought_up_to_ours),
        cmocka_unit_test(thaw__from_a_sequence__gives_the_counters_back),
        cmocka_unit_test(receiver__stuck_transfer__does_not_block_another),
        cmocka_unit_test(runs__more_than_fit__end_at_the_last_number),
        cmocka_unit_test(senders__gap__closes_when_the_missing_one_comes),
        cmocka_unit_test(transfers__more_than_a_list_shows__are_all_there),
        cmocka_unit_test(statement__over_many_pages__needs_no_file_of_its_own),
        cmocka_unit_test(found_by_the_next_start__is_on_the_disk_before_anything_is_said_of_it),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests_name("agent_store", tests, NULL, NULL);
}
