/* Tests of common/journal: appending, commits, heads, paths, reading, replay, snapshots, failures,
 * two threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/journal/journal_internal.h"
#include "tests/support/journal_fixture.h"
#include "tests/support/place.h"
#include "waypost.pb-c.h"

#include "common/base/banned.h"

static struct journal_fixture fx;

static int begin(void **state)
{
    (void)state;
    journal_fixture_init(&fx);
    return journal_fixture_open(&fx);
}

static int end(void **state)
{
    (void)state;
    journal_fixture_free(&fx);
    return 0;
}

static void reopen(void)
{
    journal_fixture_close(&fx);
    assert_int_equal(journal_fixture_open(&fx), 0);
}

/* The record at position holds what the fixture gave record `sequence`. */
static void assert_record(uint64_t position, uint64_t sequence, size_t body_bytes)
{
    struct buf scratch = {0};
    struct buf want = {0};
    struct record got;

    assert_int_equal(journal_read(fx.journal, position, &scratch, &got), 0);
    journal_fixture_body(sequence, body_bytes, &want);
    assert_int_equal(got.type, RECORD_DERIVED);
    assert_int_equal(got.sequence, sequence);
    assert_true(slice_equal(got.body, buf_slice(&want)));
    buf_free(&scratch);
    buf_free(&want);
}

/* ---- beginning ---- */

static void journal__new__begins_with_an_epoch_record(void **state)
{
    struct buf scratch = {0};
    struct record record;
    struct epoch_body epoch;
    const struct journal_head *head = journal_head(fx.journal);

    (void)state;
    assert_int_equal(head->size, 1);
    assert_int_equal(journal_size(fx.journal), 1);
    assert_int_equal(head_check(head, fx.head_public), 0);
    assert_int_equal(
        journal_read(fx.journal, position_of(1, SEGMENT_HEADER_BYTES), &scratch, &record), 0);
    assert_int_equal(record.type, RECORD_EPOCH);
    assert_int_equal(epoch_body_read(record.body, &epoch), 0);
    assert_string_equal(epoch.network, "test");
    assert_memory_equal(epoch.journal, head->journal, 16);
    assert_memory_equal(epoch.head_public, fx.head_public, 32);
    buf_free(&scratch);
}

/* Each record of an epoch names the gaps of all: there is room for so many. */
static void journal__recovered_again_and_again__is_full_after_the_last_gap(void **state)
{
    uint32_t number = 1;
    int rc = 0;

    (void)state;
    while (rc == 0 && number <= EPOCH_GAPS_MAX + 1) {
        number++;
        rc = journal_new_epoch(fx.journal, number, number, number + 9);
        assert_int_equal(rc == 0 ? journal_fixture_commit(&fx) : 0, 0);
    }
    assert_int_equal(rc, E_FULL);
    assert_int_equal(number, EPOCH_GAPS_MAX + 2);
    assert_int_equal(journal_head(fx.journal)->epoch, EPOCH_GAPS_MAX + 1);
}

static void journal__of_another_network__is_refused(void **state)
{
    (void)state;
    journal_fixture_close(&fx);
    fx.options.network = "live";
    assert_int_equal(journal_fixture_open(&fx), E_NETWORK);
    assert_int_equal(fx.why.rc, E_NETWORK);
}

static void journal__of_another_head_key__is_refused(void **state)
{
    (void)state;
    journal_fixture_close(&fx);
    fx.head_public[3] ^= 1;
    assert_int_equal(journal_fixture_open(&fx), E_KEY);
}

static void journal__open_twice__is_locked(void **state)
{
    journal_t *second = NULL;

    (void)state;
    assert_int_equal(journal_open(&fx.disk, &fx.options, &second, &fx.recovery, &fx.why), E_LOCKED);
    assert_null(second);
}

static void journal__segment_size_out_of_range__is_refused(void **state)
{
    (void)state;
    journal_fixture_close(&fx);
    fx.options.segment_bytes = SEGMENT_BYTES_MIN - 1;
    assert_int_equal(journal_fixture_open(&fx), E_RANGE);
}

/* ---- commits ---- */

static void commit__nothing_pending_or_one_under_way__cuts_nothing(void **state)
{
    (void)state;
    assert_null(journal_cut(fx.journal));
    (void)journal_fixture_append(&fx, 10);
    journal_commit_t *commit = journal_cut(fx.journal);
    assert_non_null(commit);
    (void)journal_fixture_append(&fx, 10);
    assert_null(journal_cut(fx.journal));
    assert_int_equal(journal_write(fx.journal, commit), 0);
    journal_settle(fx.journal, &commit);
    assert_null(commit);
    assert_int_equal(journal_fixture_commit(&fx), 0);
    assert_int_equal(journal_head(fx.journal)->size, 3);
}

static void commit__before_it_is_settled__is_not_readable(void **state)
{
    struct buf scratch = {0};
    struct record record;

    (void)state;
    uint64_t position = journal_fixture_append(&fx, 10);
    assert_int_equal(journal_read(fx.journal, position, &scratch, &record), E_NOT_FOUND);
    assert_int_equal(journal_head(fx.journal)->size, 1);
    assert_int_equal(journal_size(fx.journal), 2);
    assert_int_equal(journal_fixture_commit(&fx), 0);
    assert_record(position, 1, 10);
    buf_free(&scratch);
}

/* PROMISE 1: fails where journal_write returns before the sync. */
static void commit__written__was_synced_before_it_returned(void **state)
{
    (void)state;
    (void)journal_fixture_append(&fx, 10);
    journal_commit_t *commit = journal_cut(fx.journal);
    uint64_t before = fx.faults.syncs;
    assert_int_equal(journal_write(fx.journal, commit), 0);
    assert_true(fx.faults.syncs > before);
    journal_settle(fx.journal, &commit);
    journal_fixture_crash(&fx, 0);
    assert_int_equal(journal_fixture_open(&fx), 0);
    assert_int_equal(journal_head(fx.journal)->size, 2);
}

static void commit__small__costs_one_sync(void **state)
{
    (void)state;
    assert_int_equal(journal_fixture_add(&fx, 1), 0); /* zeros are laid ahead */
    uint64_t before = fx.faults.syncs;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(journal_fixture_add(&fx, 1), 0);
    }
    assert_int_equal(fx.faults.syncs - before, 100);
}

static void head__of_every_commit__is_signed_and_names_the_root(void **state)
{
    struct hash leaves[40];
    uint64_t positions[40];
    struct buf scratch = {0};
    struct record record;

    (void)state;
    positions[0] = position_of(1, SEGMENT_HEADER_BYTES);
    for (uint64_t size = 1; size < 40; size++) {
        assert_int_equal(journal_read(fx.journal, positions[size - 1], &scratch, &record), 0);
        leaves[size - 1] = record_leaf("test", &record);
        const struct journal_head *head = journal_head(fx.journal);
        struct hash root = merkle_root(leaves, size);
        assert_int_equal(head->size, size);
        assert_memory_equal(head->root.b, root.b, HASH_BYTES);
        assert_int_equal(head_check(head, fx.head_public), 0);
        positions[size] = journal_fixture_append(&fx, size);
        assert_int_equal(journal_fixture_commit(&fx), 0);
    }
    buf_free(&scratch);
}

static void head__encoded_by_hand__equals_protobuf(void **state)
{
    static const uint64_t values[] = {1, 127, 128, 300, UINT64_C(1) << 35, UINT64_C(1) << 46};
    uint8_t packed[STATEMENT_BYTES_MAX];
    char network[33];

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct journal_head head = {.size = values[i],
            .time_ms = (int64_t)values[i] * 3,
            .epoch = (uint32_t)values[i],
            .root = {{9, 8, 7}},
            .journal = {1, 2, 3}};
        struct journal_head back = {.size = 0};
        Waypost__Head message = WAYPOST__HEAD__INIT;
        char name[] = "a-network";
        message.network = name;
        message.journal.data = head.journal;
        message.journal.len = sizeof head.journal;
        message.epoch = head.epoch;
        message.size = head.size;
        message.root.data = head.root.b;
        message.root.len = HASH_BYTES;
        message.time_ms = head.time_ms;
        head_encode(name, &head);
        size_t len = waypost__head__pack(&message, packed);
        assert_int_equal(head.statement_len, len);
        assert_memory_equal(head.statement, packed, len);
        assert_int_equal(head_decode(slice_of(packed, len), network, &back), 0);
        assert_string_equal(network, name);
        assert_memory_equal(&back.root, &head.root, HASH_BYTES);
        assert_int_equal(back.size, head.size);
        for (size_t cut = 0; cut < len; cut++) {
            assert_int_equal(head_decode(slice_of(packed, cut), network, &back), E_CORRUPT);
        }
    }
}

/* ---- failures ---- */

/* The n-th change on the disk fails, for every n: the writer says so, never tries again, and a
 * restart has all that was confirmed. */
static void write__nth_change_fails__is_returned_and_final(void **state)
{
    static const struct {
        int disk_rc;
        int want;
    } table[] = {{E_IO, E_IO}, {E_FULL, E_FULL}};
    unsigned failures = 0;

    (void)state;
    for (size_t t = 0; t < 2; t++) {
        for (uint64_t n = 1; n <= 12; n++) {
            fx.mono_ms += MARK_INTERVAL_MS;
            uint64_t size = journal_head(fx.journal)->size;
            fx.faults.fail_rc = table[t].disk_rc;
            fx.faults.fail_at = fx.faults.calls + n;
            int rc = 0;
            for (int i = 0; rc == 0 && i < 3; i++) {
                rc = journal_fixture_add(&fx, 2);
                size += rc == 0 ? 2 : 0;
                fx.mono_ms += MARK_INTERVAL_MS;
            }
            if (rc != 0) {
                failures++;
                assert_int_equal(rc, table[t].want);
                uint64_t calls = fx.faults.calls;
                assert_int_equal(journal_fixture_add(&fx, 1), table[t].want);
                assert_int_equal(journal_rest(fx.journal), table[t].want);
                assert_int_equal(fx.faults.calls, calls);
                assert_int_equal(journal_head(fx.journal)->size, size);
            }
            fx.faults.fail_at = 0;
            journal_fixture_close(&fx);
            assert_int_equal(journal_fixture_open(&fx), 0);
            assert_true(journal_head(fx.journal)->size >= size);
        }
    }
    assert_true(failures > 12);
}

/* ---- segments ---- */

struct replayed {
    uint64_t next;
    uint64_t stop_at;
};

static int replay_visit(void *context, const struct record *record, uint64_t position)
{
    struct replayed *replayed = context;

    assert_int_equal(record->sequence, replayed->next);
    assert_true(position != 0);
    replayed->next++;
    return record->sequence == replayed->stop_at ? E_CORRUPT : 0;
}

static void segment__full__is_rolled_and_all_is_read(void **state)
{
    enum { COUNT = 60, BODY = 100000 };
    uint64_t positions[COUNT];

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        positions[i] = journal_fixture_append(&fx, BODY);
        if (i % 3 == 2) {
            assert_int_equal(journal_fixture_commit(&fx), 0);
        }
    }
    assert_int_equal(journal_head(fx.journal)->size, COUNT + 1);
    assert_true(position_segment(positions[COUNT - 1]) >= 5);
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < COUNT; i++) {
            assert_record(positions[i], i + 1, BODY);
        }
        reopen(); /* and nothing is in memory */
    }
    for (unsigned i = 0; i < COUNT; i += 7) {
        assert_record(positions[COUNT - 1 - i], COUNT - i, BODY);
    }
}

/* Written, read back and forth, replayed and opened again: no more files are open than may be. */
static void segments__however_many__keep_few_files_open(void **state)
{
    enum { COUNT = 5 * READ_FILES_MAX, BODY = SEGMENT_BYTES_MIN };
    const unsigned others = 5; /* lock, watermark, tree, what is written; replayed, or comes next */
    uint64_t positions[COUNT];

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        positions[i] = journal_fixture_append(&fx, BODY);
        assert_int_equal(journal_fixture_commit(&fx), 0);
    }
    assert_int_equal(position_segment(positions[COUNT - 1]), COUNT);
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < COUNT; i++) {
            assert_record(positions[i], i + 1, BODY);
            assert_record(positions[COUNT - 1 - i], COUNT - i, BODY);
        }
        struct replayed replayed = {0, UINT64_MAX};
        assert_int_equal(journal_replay(fx.journal, 0, 0, replay_visit, &replayed), 0);
        reopen();
    }
    assert_in_range(fx.faults.files_max, READ_FILES_MAX, READ_FILES_MAX + others);
    journal_fixture_close(&fx);
    assert_int_equal(fx.faults.files, 0);
}

static void commit__larger_than_a_segment__is_whole(void **state)
{
    uint64_t positions[20];

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        positions[i] = journal_fixture_append(&fx, 200000);
    }
    assert_int_equal(journal_fixture_commit(&fx), 0);
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    reopen();
    assert_int_equal(journal_head(fx.journal)->size, 22);
    for (unsigned i = 0; i < 20; i++) {
        assert_record(positions[i], i + 1, 200000);
    }
}

/* ---- reading ---- */

static void read__positions_that_are_none__are_not_found(void **state)
{
    struct buf scratch = {0};
    struct record record;
    uint64_t end_position = journal_end(fx.journal);
    const uint64_t table[] = {0, 8, position_of(0, 4096), position_of(1, 0), position_of(1, 4090),
        end_position, end_position + 8, position_of(9, 4096)};

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_int_equal(journal_read(fx.journal, table[i], &scratch, &record), E_NOT_FOUND);
    }
    buf_free(&scratch);
}

static void read__after_many_commits__comes_from_the_disk(void **state)
{
    enum { COUNT = RECENT_COUNT_MAX + 50 };
    static uint64_t positions[COUNT];

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        positions[i] = journal_fixture_append(&fx, i % 300);
        assert_int_equal(journal_fixture_commit(&fx), 0);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        assert_record(positions[i], i + 1, i % 300);
    }
}

static void replay__from_anywhere__visits_the_rest_in_order(void **state)
{
    uint64_t positions[31] = {0};

    (void)state;
    for (unsigned i = 1; i <= 30; i++) {
        positions[i] = journal_fixture_append(&fx, 90000);
        assert_int_equal(journal_fixture_commit(&fx), 0);
    }
    (void)journal_fixture_append(&fx, 10); /* not settled: not visited */
    for (uint64_t from = 0; from <= 30; from++) {
        struct replayed replayed = {from, UINT64_MAX};
        assert_int_equal(journal_replay(fx.journal, from, 0, replay_visit, &replayed), 0);
        assert_int_equal(replayed.next, 31);
        replayed.next = from;
        assert_int_equal(
            journal_replay(fx.journal, from, positions[from], replay_visit, &replayed), 0);
        assert_int_equal(replayed.next, 31);
    }
    struct replayed stopped = {5, 8};
    assert_int_equal(journal_replay(fx.journal, 5, 0, replay_visit, &stopped), E_CORRUPT);
    assert_int_equal(stopped.next, 9);
    struct replayed none = {31, UINT64_MAX};
    assert_int_equal(
        journal_replay(fx.journal, 31, journal_end(fx.journal), replay_visit, &none), 0);
    assert_int_equal(none.next, 31);
}

/* ---- the tree ---- */

enum { TREE_SIZE = 200 };

/* Against the plain algorithms over all leaves, for every size and index. */
static void check_all_paths(const struct hash *leaves)
{
    struct merkle_path got;
    struct merkle_path want;
    struct hash root;

    for (uint64_t size = 1; size <= TREE_SIZE; size++) {
        struct hash expected = merkle_root(leaves, size);
        assert_int_equal(journal_root_at(fx.journal, size, &root), 0);
        assert_memory_equal(root.b, expected.b, HASH_BYTES);
        for (uint64_t index = 0; index < size; index++) {
            assert_int_equal(journal_path(fx.journal, index, size, &got), 0);
            merkle_path(leaves, size, index, &want);
            assert_int_equal(got.count, want.count);
            assert_memory_equal(got.step, want.step, want.count * HASH_BYTES);
        }
        for (uint64_t old = 0; old <= size; old++) {
            struct hash old_root = merkle_root(leaves, old);
            assert_int_equal(journal_consistency(fx.journal, old, size, &got), 0);
            assert_int_equal(merkle_check_consistency(old, &old_root, size, &root, &got), 0);
        }
    }
}

static int collect_leaf(void *context, const struct record *record, uint64_t position)
{
    struct hash *leaves = context;

    (void)position;
    leaves[record->sequence] = record_leaf("test", record);
    return 0;
}

enum { HOLE_RECORDS = 2000, PAGE = 4096 };

static int hole_visit(void *context, const struct record *record, uint64_t position)
{
    bool *seen = context;

    (void)position;
    assert_false(seen[record->sequence]);
    seen[record->sequence] = true;
    return 0;
}

/* All records but those that stand in the pages [3, 3 + lost). */
static void assert_hole(const uint64_t *positions, uint64_t bad_bytes, uint64_t lost)
{
    static bool seen[HOLE_RECORDS + 1];
    uint64_t from = 3 * PAGE;
    uint64_t upto = (3 + lost) * PAGE;

    memset(seen, 0, sizeof seen);
    fx.faults.bad_from = from;
    fx.faults.bad_upto = fx.faults.bad_from + bad_bytes;
    assert_int_equal(journal_replay(fx.journal, 0, 0, hole_visit, seen), E_IO);
    memset(seen, 0, sizeof seen);
    assert_int_equal(journal_replay_readable(fx.journal, 0, 0, hole_visit, seen), 0);
    for (unsigned i = 0; i < HOLE_RECORDS; i++) {
        uint64_t end = i + 1 < HOLE_RECORDS ? positions[i + 1] : positions[i] + 1;
        bool stands = position_offset(end) <= from || position_offset(positions[i]) >= upto;
        assert_int_equal(seen[i + 1], stands);
    }
    fx.faults.bad_from = fx.faults.bad_upto = 0;
}

/* Of a hole that goes on twice as much is given up each time, or a dead disk is asked for hours. */
static void replay__of_what_can_be_read__passes_over_the_pages_that_the_disk_does_not_give(
    void **state)
{
    static uint64_t positions[HOLE_RECORDS];

    (void)state;
    for (unsigned i = 0; i < HOLE_RECORDS; i++) {
        positions[i] = journal_fixture_append(&fx, 40);
    }
    assert_int_equal(journal_fixture_commit(&fx), 0);
    assert_int_equal(position_segment(positions[HOLE_RECORDS - 1]), 1);
    reopen(); /* nothing is in memory */
    assert_hole(positions, 1, 1);
    assert_hole(positions, PAGE, 1);
    assert_hole(positions, PAGE + 1, 3);
    assert_hole(positions, 3 * PAGE, 3);
    assert_hole(positions, 4 * PAGE, 7);
}

static void path__every_size_and_index__equals_the_reference(void **state)
{
    static struct hash leaves[TREE_SIZE];

    (void)state;
    for (unsigned i = 1; i < TREE_SIZE; i++) {
        (void)journal_fixture_append(&fx, 8);
        if (i % 7 == 0 || i == TREE_SIZE - 1) {
            assert_int_equal(journal_fixture_commit(&fx), 0);
        }
    }
    assert_int_equal(journal_replay(fx.journal, 0, 0, collect_leaf, leaves), 0);
    check_all_paths(leaves);
    reopen(); /* the nodes come from the file now */
    check_all_paths(leaves);
}

static void path__out_of_range__is_refused(void **state)
{
    struct merkle_path path;
    struct hash root;

    (void)state;
    assert_int_equal(journal_path(fx.journal, 1, 1, &path), E_RANGE);
    assert_int_equal(journal_path(fx.journal, 0, 2, &path), E_RANGE);
    assert_int_equal(journal_consistency(fx.journal, 2, 1, &path), E_RANGE);
    assert_int_equal(journal_consistency(fx.journal, 0, 2, &path), E_RANGE);
    assert_int_equal(journal_root_at(fx.journal, 2, &root), E_RANGE);
}

static void path__of_new_leaves__reads_no_file(void **state)
{
    struct merkle_path path;
    struct hash leaf;
    struct buf scratch = {0};
    struct record record;

    (void)state;
    assert_int_equal(journal_fixture_add(&fx, 100), 0);
    assert_int_equal(journal_rest(fx.journal), 0);
    reopen();
    journal_fixture_zero(&fx.memory, "tree.wpt", 0, 64 + 32 * tree_stored_count(101));
    for (unsigned i = 0; i < 50; i++) {
        uint64_t position = journal_fixture_append(&fx, 8);
        assert_int_equal(journal_fixture_commit(&fx), 0);
        const struct journal_head *head = journal_head(fx.journal);
        assert_int_equal(journal_path(fx.journal, head->size - 1, head->size, &path), 0);
        assert_int_equal(journal_read(fx.journal, position, &scratch, &record), 0);
        leaf = record_leaf("test", &record);
        assert_int_equal(merkle_check(&leaf, head->size - 1, head->size, &path, &head->root), 0);
    }
    buf_free(&scratch);
}

static void path__from_a_rotten_tree__is_never_given(void **state)
{
    struct merkle_path path;

    (void)state;
    assert_int_equal(journal_fixture_add(&fx, 99), 0);
    assert_int_equal(journal_rest(fx.journal), 0);
    reopen();
    journal_fixture_flip(&fx.memory, "tree.wpt", tree_offset(tree_stored_index(0, 6)), 3);
    assert_int_equal(journal_path(fx.journal, 7, 100, &path), E_CORRUPT);
    assert_int_equal(journal_path(fx.journal, 6, 100, &path), E_CORRUPT);
    assert_int_equal(journal_path(fx.journal, 8, 100, &path), 0);
}

/* ---- snapshots ---- */

static void assert_snapshot(const char *text, uint64_t size)
{
    struct buf got = {0};
    uint64_t got_size = 0;
    uint64_t next = 0;

    assert_int_equal(
        journal_snapshot_read(fx.journal, SNAPSHOT_TRANSPORT, &got, &got_size, &next), 0);
    assert_int_equal(got_size, size);
    assert_int_equal(next, 77);
    assert_true(slice_equal(buf_slice(&got), slice_of_text(text)));
    buf_free(&got);
}

static void count_snapshot(void *arg, const char *name)
{
    unsigned *count = arg;

    *count += strncmp(name, "snapshot-", 9) == 0 ? 1 : 0;
}

static void snapshot__two_newest__are_kept_and_damage_falls_back(void **state)
{
    static const char *const texts[] = {"", "one", "two", "three"};
    struct buf none = {0};
    uint64_t size;
    uint64_t next;
    unsigned count = 0;

    (void)state;
    assert_int_equal(
        journal_snapshot_read(fx.journal, SNAPSHOT_TRANSPORT, &none, &size, &next), E_NOT_FOUND);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(journal_fixture_add(&fx, 1), 0);
        assert_int_equal(journal_snapshot_write(
                             fx.journal, SNAPSHOT_TRANSPORT, i + 1, 77, slice_of_text(texts[i])),
            0);
        assert_snapshot(texts[i], i + 1);
    }
    assert_int_equal(fx.disk.list(fx.disk.context, count_snapshot, &count), 0);
    assert_int_equal(count, 2);
    reopen();
    assert_snapshot("three", 4);
    const char *newest = "snapshot-00000000000000000004.wps";
    uint64_t used = journal_fixture_used(&fx.memory, newest);
    for (uint64_t at = 0; at < used; at++) { /* wherever it is damaged */
        journal_fixture_flip(&fx.memory, newest, at, at % 8);
        assert_snapshot("two", 3);
        journal_fixture_flip(&fx.memory, newest, at, at % 8);
    }
    assert_snapshot("three", 4);
    assert_int_equal(
        journal_snapshot_write(fx.journal, SNAPSHOT_TRANSPORT, 99, 77, slice_of_text("x")),
        E_RANGE);
}

/* A commit's sync stands in the disk's queue behind whatever a snapshot has written and not synced. */
static void snapshot__of_many_megabytes__is_never_far_ahead_of_its_syncs(void **state)
{
    enum { MANY = 5000000, FAR = 1100000 };
    struct buf many = {0};
    struct buf got = {0};
    uint64_t size = 0;
    uint64_t next = 0;

    (void)state;
    buf_reserve(&many, MANY);
    for (uint32_t i = 0; i < MANY / 4; i++) {
        buf_put_u32(&many, i * UINT32_C(2654435761));
    }
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    fx.faults.unsynced = fx.faults.unsynced_max = 0;
    assert_int_equal(
        journal_snapshot_write(fx.journal, SNAPSHOT_PROCEDURES, 2, 77, buf_slice(&many)), 0);
    assert_int_equal(fx.faults.unsynced, 0);
    assert_in_range(fx.faults.unsynced_max, 1, FAR);
    assert_int_equal(journal_snapshot_read(fx.journal, SNAPSHOT_PROCEDURES, &got, &size, &next), 0);
    assert_true(slice_equal(buf_slice(&got), buf_slice(&many)));
    buf_free(&many);
    buf_free(&got);
}

/* ---- two threads ---- */

enum { HAND_COUNT = 400 };

struct
    hand { /* a commit on its way to the writer and back: one slot, as the broker's queue of one */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    journal_commit_t *todo;
    journal_commit_t *done;
    bool stop;
    journal_t *journal;
    int rc;
};

static void *writer_main(void *arg)
{
    struct hand *hand = arg;

    (void)pthread_mutex_lock(&hand->mutex);
    for (;;) {
        while (hand->todo == NULL && !hand->stop) {
            (void)pthread_cond_wait(&hand->changed, &hand->mutex);
        }
        if (hand->todo == NULL) {
            break;
        }
        journal_commit_t *commit = hand->todo;
        hand->todo = NULL;
        (void)pthread_mutex_unlock(&hand->mutex);
        int rc = journal_write(hand->journal, commit);
        rc = rc == 0 ? journal_rest(hand->journal) : rc;
        (void)pthread_mutex_lock(&hand->mutex);
        hand->rc = hand->rc == 0 ? rc : hand->rc;
        hand->done = commit;
        (void)pthread_cond_broadcast(&hand->changed);
    }
    (void)pthread_mutex_unlock(&hand->mutex);
    return NULL;
}

/* Owner's turn: settle what came back, hand over what is pending. */
static void owner_exchange(struct hand *hand, bool wait)
{
    (void)pthread_mutex_lock(&hand->mutex);
    while (wait && hand->done == NULL) {
        (void)pthread_cond_wait(&hand->changed, &hand->mutex);
    }
    journal_commit_t *done = hand->done;
    hand->done = NULL;
    (void)pthread_mutex_unlock(&hand->mutex);
    if (done != NULL) {
        journal_settle(hand->journal, &done);
    }
    journal_commit_t *commit = journal_cut(hand->journal);
    if (commit != NULL) {
        (void)pthread_mutex_lock(&hand->mutex);
        hand->todo = commit;
        (void)pthread_cond_broadcast(&hand->changed);
        (void)pthread_mutex_unlock(&hand->mutex);
    }
}

static void run_two_threads(struct hand *hand)
{
    static uint64_t positions[HAND_COUNT];
    struct merkle_path path;
    pthread_t writer;

    assert_int_equal(pthread_create(&writer, NULL, writer_main, hand), 0);
    for (unsigned i = 0; i < HAND_COUNT; i++) {
        positions[i] = journal_fixture_append(&fx, 5000);
        owner_exchange(hand, false);
        uint64_t size = journal_head(hand->journal)->size;
        if (size > 1) { /* read and prove while the writer writes */
            uint64_t sequence = 1 + i * UINT64_C(7919) % (size - 1);
            assert_record(positions[sequence - 1], sequence, 5000);
            assert_int_equal(journal_path(hand->journal, sequence, size, &path), 0);
        }
    }
    while (journal_head(hand->journal)->size < HAND_COUNT + 1) {
        owner_exchange(hand, true);
    }
    (void)pthread_mutex_lock(&hand->mutex);
    hand->stop = true;
    (void)pthread_cond_broadcast(&hand->changed);
    (void)pthread_mutex_unlock(&hand->mutex);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(hand->rc, 0);
}

static void remove_name(void *arg, const char *name)
{
    char path[FILE_NAME_BYTES + PLACE_BYTES];

    (void)snprintf(path, sizeof path, "%s/%s", (const char *)arg, name);
    (void)unlink(path);
}

static void journal__two_threads_on_real_files__loses_nothing(void **state)
{
    char dir[PLACE_BYTES];
    struct hand hand = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct disk memory = fx.disk;
    struct journal_check check;

    (void)state;
    journal_fixture_close(&fx);
    place_folder(dir);
    assert_int_equal(disk_real_open(dir, &fx.disk), 0);
    assert_int_equal(journal_fixture_open(&fx), 0);
    hand.journal = fx.journal;
    run_two_threads(&hand);
    reopen();
    assert_int_equal(journal_head(fx.journal)->size, HAND_COUNT + 1);
    assert_int_equal(
        journal_verify(&fx.disk, fx.head_public, &check, NULL, NULL, NULL, &fx.why), 0);
    assert_int_equal(check.leaves, HAND_COUNT + 1);
    assert_int_equal(check.torn_bytes, 0);
    journal_fixture_close(&fx);
    assert_int_equal(fx.disk.list(fx.disk.context, remove_name, dir), 0);
    disk_real_close(&fx.disk);
    assert_int_equal(rmdir(dir), 0);
    fx.disk = memory;
}

#define JOURNAL_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOURNAL_TEST(journal__new__begins_with_an_epoch_record),
        JOURNAL_TEST(journal__recovered_again_and_again__is_full_after_the_last_gap),
        JOURNAL_TEST(journal__of_another_network__is_refused),
        JOURNAL_TEST(journal__of_another_head_key__is_refused),
        JOURNAL_TEST(journal__open_twice__is_locked),
        JOURNAL_TEST(journal__segment_size_out_of_range__is_refused),
        JOURNAL_TEST(commit__nothing_pending_or_one_under_way__cuts_nothing),
        JOURNAL_TEST(commit__before_it_is_settled__is_not_readable),
        JOURNAL_TEST(commit__written__was_synced_before_it_returned),
        JOURNAL_TEST(commit__small__costs_one_sync),
        JOURNAL_TEST(head__of_every_commit__is_signed_and_names_the_root),
        cmocka_unit_test(head__encoded_by_hand__equals_protobuf),
        JOURNAL_TEST(write__nth_change_fails__is_returned_and_final),
        JOURNAL_TEST(segment__full__is_rolled_and_all_is_read),
        JOURNAL_TEST(segments__however_many__keep_few_files_open),
        JOURNAL_TEST(commit__larger_than_a_segment__is_whole),
        JOURNAL_TEST(read__positions_that_are_none__are_not_found),
        JOURNAL_TEST(read__after_many_commits__comes_from_the_disk),
        JOURNAL_TEST(replay__from_anywhere__visits_the_rest_in_order),
        JOURNAL_TEST(
            replay__of_what_can_be_read__passes_over_the_pages_that_the_disk_does_not_give),
        JOURNAL_TEST(path__every_size_and_index__equals_the_reference),
        JOURNAL_TEST(path__out_of_range__is_refused),
        JOURNAL_TEST(path__of_new_leaves__reads_no_file),
        JOURNAL_TEST(path__from_a_rotten_tree__is_never_given),
        JOURNAL_TEST(snapshot__two_newest__are_kept_and_damage_falls_back),
        JOURNAL_TEST(snapshot__of_many_megabytes__is_never_far_ahead_of_its_syncs),
        JOURNAL_TEST(journal__two_threads_on_real_files__loses_nothing),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
