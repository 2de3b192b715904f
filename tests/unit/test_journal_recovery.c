/*
 * Tests of common/journal/recovery.c: torn tails at every byte, damage at every byte, the power
 * cut at every change of the disk. What was confirmed is there; nothing is invented; nothing is
 * deleted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "common/journal/journal_internal.h"
#include "tests/support/journal_fixture.h"

#include "common/base/banned.h"

#define SEGMENT_1 "segment-0000000001.wpj"
#define SEGMENT_2 "segment-0000000002.wpj"

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

/* Continue with a copy of the memory disk, so that the original stays as it is. */
static struct disk use_copy(void)
{
    struct disk original = fx.memory;

    disk_memory_open(&fx.memory);
    journal_fixture_copy_disk(&original, &fx.memory);
    faulty_disk_init(&fx.faults, &fx.memory, &fx.disk);
    return original;
}

static void drop_copy(struct disk original)
{
    journal_fixture_close(&fx);
    disk_memory_close(&fx.memory);
    fx.memory = original;
    faulty_disk_init(&fx.faults, &fx.memory, &fx.disk);
}

/* Records that replay gives, each as the fixture wrote it, in order and without a gap. */
static int visit_whole(void *context, const struct record *record, uint64_t position)
{
    uint64_t *next = context;
    struct buf want = {0};

    (void)position;
    assert_int_equal(record->sequence, *next);
    if (record->sequence > 0) {
        journal_fixture_body(record->sequence, record->body.len, &want);
        assert_true(slice_equal(record->body, buf_slice(&want)));
        buf_free(&want);
    }
    (*next)++;
    return 0;
}

/* The open journal holds exactly `size` whole leaves, and can go on. */
static void assert_whole(uint64_t size)
{
    struct journal_check check;
    struct complaint why;
    uint64_t next = 0;

    assert_int_equal(journal_head(fx.journal)->size, size);
    assert_int_equal(journal_replay(fx.journal, 0, 0, visit_whole, &next), 0);
    assert_int_equal(next, size);
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    assert_int_equal(journal_rest(fx.journal), 0);
    assert_int_equal(journal_verify(&fx.disk, fx.head_public, &check, NULL, NULL, NULL, &why), 0);
    assert_int_equal(check.leaves, size + 1);
    assert_int_equal(check.torn_bytes, 0);
}

static void find_torn(void *arg, const char *name)
{
    char *found = arg;

    if (strncmp(name, "torn-", 5) == 0) {
        memcpy(found, name, strlen(name) + 1);
    }
}

/* ---- torn tails ---- */

enum { COMMITS = 4 };

/* A journal whose watermark still names the first commit: offsets where its commits end, [0] the
 * first one's. */
static void make_commits(uint64_t *ends)
{
    ends[0] = position_offset(journal_end(fx.journal));
    for (unsigned i = 1; i <= COMMITS; i++) {
        assert_int_equal(journal_fixture_add(&fx, i), 0);
        ends[i] = position_offset(journal_end(fx.journal));
    }
    journal_fixture_close(&fx);
    journal_fixture_compact(&fx);
}

/* Leaves in the commits that end at or before offset. */
static uint64_t leaves_before(const uint64_t *ends, uint64_t offset)
{
    uint64_t leaves = 1;

    for (unsigned i = 1; i <= COMMITS && ends[i] <= offset; i++) {
        leaves += i;
    }
    return leaves;
}

/* Where each commit's last byte that is not zero ends: to zero what follows takes nothing from it. */
static void find_contents(const uint64_t *ends, uint64_t *contents)
{
    for (unsigned i = 0; i <= COMMITS; i++) {
        struct disk original = use_copy();
        journal_fixture_truncate(&fx.memory, SEGMENT_1, ends[i]);
        contents[i] = journal_fixture_used(&fx.memory, SEGMENT_1);
        drop_copy(original);
    }
}

/* whole: the offset from which on each commit is whole. */
static void check_torn_at(const uint64_t *ends, const uint64_t *whole, uint64_t offset, bool cut)
{
    struct disk original = use_copy();
    uint64_t last = ends[0];
    char torn[FILE_NAME_BYTES] = "";

    if (cut) {
        journal_fixture_truncate(&fx.memory, SEGMENT_1, offset);
    } else if (offset < ends[COMMITS]) {
        journal_fixture_zero(&fx.memory, SEGMENT_1, offset, ends[COMMITS]);
    }
    for (unsigned i = 1; i <= COMMITS && whole[i] <= offset; i++) {
        last = ends[i];
    }
    uint64_t used = journal_fixture_used(&fx.memory, SEGMENT_1);
    assert_int_equal(journal_fixture_open(&fx), 0);
    assert_int_equal(fx.recovery.quarantined, 0);
    assert_int_equal(fx.recovery.torn_bytes, used > last ? used - last : 0);
    assert_int_equal(fx.memory.list(fx.memory.context, find_torn, torn), 0);
    assert_string_equal(torn, fx.recovery.torn_file);
    if (used > last) {
        assert_int_equal(journal_fixture_used(&fx.memory, torn), used - last);
    }
    assert_whole(leaves_before(whole, offset));
    drop_copy(original);
}

static void tail__torn_at_every_byte__is_cut_aside_and_the_rest_whole(void **state)
{
    uint64_t ends[COMMITS + 1];
    uint64_t contents[COMMITS + 1];

    (void)state;
    make_commits(ends);
    find_contents(ends, contents);
    for (uint64_t offset = ends[0]; offset <= ends[COMMITS]; offset++) {
        check_torn_at(ends, ends, offset, true);
        check_torn_at(ends, contents, offset, false);
    }
}

/* Pages of the last write can reach the disk in any order. */
static void tail__with_a_hole__is_cut_though_its_end_is_there(void **state)
{
    uint64_t ends[COMMITS + 1];

    (void)state;
    make_commits(ends);
    for (uint64_t hole = ends[COMMITS - 1]; hole + 40 <= ends[COMMITS]; hole += 8) {
        struct disk original = use_copy();
        journal_fixture_zero(&fx.memory, SEGMENT_1, hole, hole + 40);
        assert_int_equal(journal_fixture_open(&fx), 0);
        assert_int_equal(fx.recovery.quarantined, 0);
        assert_true(fx.recovery.torn_bytes > 0);
        assert_whole(leaves_before(ends, ends[COMMITS - 1]));
        drop_copy(original);
    }
}

static void tail__a_first_write_torn__begins_anew(void **state)
{
    uint64_t whole = position_offset(journal_end(fx.journal));

    (void)state;
    journal_fixture_close(&fx);
    journal_fixture_compact(&fx);
    for (uint64_t len = 0; len < whole; len += 3) {
        struct disk original = use_copy();
        assert_int_equal(fx.memory.remove(fx.memory.context, "watermark"), 0);
        journal_fixture_truncate(&fx.memory, SEGMENT_1, len);
        assert_int_equal(journal_fixture_open(&fx), 0);
        assert_whole(1);
        drop_copy(original);
    }
}

/* ---- damage ---- */

static void damage__before_a_later_commit__is_quarantined(void **state)
{
    uint64_t ends[COMMITS + 1];
    uint64_t next = 0;

    (void)state;
    make_commits(ends);
    /* Behind the watermark, which names the first commit, and before two whole ones. */
    for (uint64_t at = ends[1]; at < ends[2]; at++) {
        struct disk original = use_copy();
        journal_fixture_flip(&fx.memory, SEGMENT_1, at, at % 8);
        uint64_t used = journal_fixture_used(&fx.memory, SEGMENT_1);
        assert_int_equal(journal_fixture_open(&fx), 0);
        assert_int_equal(fx.recovery.torn_bytes, 0);
        assert_true(fx.recovery.quarantined > 0);
        assert_int_equal(journal_head(fx.journal)->size, leaves_before(ends, ends[COMMITS]));
        assert_int_equal(journal_fixture_used(&fx.memory, SEGMENT_1), used);
        next = journal_head(fx.journal)->size;
        assert_int_equal(journal_fixture_add(&fx, 1), 0);
        assert_int_equal(journal_head(fx.journal)->size, next + 1);
        drop_copy(original);
    }
}

static int visit_count(void *context, const struct record *record, uint64_t position)
{
    uint64_t *count = context;

    (void)record;
    (void)position;
    (*count)++;
    return 0;
}

/* One bit at every offset of header and records, all of it below the watermark. */
static void damage__one_bit_anywhere__never_stops_the_rest(void **state)
{
    struct buf scratch = {0};
    struct record record;
    uint64_t position[6];

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        position[i] = journal_fixture_append(&fx, 20 + i);
        assert_int_equal(journal_fixture_commit(&fx), 0);
    }
    assert_int_equal(journal_rest(fx.journal), 0);
    journal_fixture_close(&fx);
    journal_fixture_compact(&fx);
    uint64_t used = journal_fixture_used(&fx.memory, SEGMENT_1);
    for (uint64_t at = 0; at < used; at++) {
        struct disk original = use_copy();
        uint64_t count = 0;
        unsigned lost = 0;
        journal_fixture_flip(&fx.memory, SEGMENT_1, at, at * 5 % 8);
        assert_int_equal(journal_fixture_open(&fx), 0);
        assert_int_equal(journal_head(fx.journal)->size, 7);
        assert_int_equal(head_check(journal_head(fx.journal), fx.head_public), 0);
        for (unsigned i = 0; i < 6; i++) {
            int rc = journal_read(fx.journal, position[i], &scratch, &record);
            assert_true(rc == 0 || rc == E_CORRUPT);
            lost += rc != 0 ? 1 : 0;
        }
        assert_true(lost <= 1);
        assert_int_equal(journal_replay(fx.journal, 0, 0, visit_count, &count), 0);
        assert_true(count >= 6);
        if (at % 16 == 0) { /* and it goes on */
            assert_int_equal(journal_fixture_add(&fx, 1), 0);
        }
        drop_copy(original);
    }
    buf_free(&scratch);
}

static void damage__to_the_last_commit_below_the_watermark__keeps_its_leaves(void **state)
{
    (void)state;
    assert_int_equal(journal_fixture_add(&fx, 3), 0);
    struct hash root = journal_head(fx.journal)->root;
    assert_int_equal(journal_rest(fx.journal), 0);
    uint64_t last = position_offset(journal_end(fx.journal));
    journal_fixture_close(&fx);
    journal_fixture_flip(&fx.memory, SEGMENT_1, last - 20, 1);
    assert_int_equal(journal_fixture_open(&fx), 0);
    assert_int_equal(fx.recovery.quarantined, 1);
    assert_int_equal(fx.recovery.torn_bytes, 0);
    assert_int_equal(journal_head(fx.journal)->size, 4);
    assert_memory_equal(journal_head(fx.journal)->root.b, root.b, HASH_BYTES);
    assert_int_equal(head_check(journal_head(fx.journal), fx.head_public), 0);
}

static void tree_and_watermark__gone_or_damaged__are_made_again(void **state)
{
    static const char *const names[] = {"tree.wpt", "watermark"};

    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        (void)journal_fixture_append(&fx, 100000);
        assert_int_equal(journal_fixture_commit(&fx), 0);
    }
    assert_int_equal(journal_rest(fx.journal), 0);
    struct hash root = journal_head(fx.journal)->root;
    journal_fixture_close(&fx);
    for (unsigned mask = 1; mask < 4; mask++) {
        for (unsigned how = 0; how < 2; how++) {
            struct disk original = use_copy();
            for (unsigned i = 0; i < 2; i++) {
                if ((mask >> i & 1) != 0 && how == 0) {
                    assert_int_equal(fx.memory.remove(fx.memory.context, names[i]), 0);
                } else if ((mask >> i & 1) != 0) {
                    journal_fixture_zero(&fx.memory, names[i], 0, 8192);
                }
            }
            assert_int_equal(journal_fixture_open(&fx), 0);
            assert_int_equal(fx.recovery.quarantined, 0);
            assert_memory_equal(journal_head(fx.journal)->root.b, root.b, HASH_BYTES);
            assert_whole(31);
            drop_copy(original);
        }
    }
}

static void watermark__one_slot_damaged__the_other_serves(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(journal_fixture_add(&fx, 2), 0);
        assert_int_equal(journal_rest(fx.journal), 0);
    }
    journal_fixture_close(&fx);
    for (uint64_t at = 0; at < 4096 + 128; at = at == 127 ? 4096 : at + 1) {
        struct disk original = use_copy();
        journal_fixture_flip(&fx.memory, "watermark", at, at % 8);
        assert_int_equal(journal_fixture_open(&fx), 0);
        assert_int_equal(fx.recovery.quarantined, 0);
        assert_whole(7);
        drop_copy(original);
    }
}

static void segment__gone_below_the_watermark__is_refused_and_nothing_touched(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        (void)journal_fixture_append(&fx, 100000);
        assert_int_equal(journal_fixture_commit(&fx), 0);
    }
    assert_int_equal(journal_rest(fx.journal), 0);
    uint32_t last = position_segment(journal_end(fx.journal));
    char name[FILE_NAME_BYTES];
    journal_fixture_close(&fx);
    segment_name(last, name);
    assert_int_equal(fx.memory.remove(fx.memory.context, name), 0);
    assert_int_equal(journal_fixture_open(&fx), E_CORRUPT);
    assert_int_equal(fx.why.rc, E_CORRUPT);
    assert_true(journal_fixture_used(&fx.memory, SEGMENT_2) > SEGMENT_HEADER_BYTES);
}

/* ---- the power cut at every change ---- */

/* What the workload was told: leaves confirmed, and leaves ever handed to a write. */
struct told {
    uint64_t confirmed;
    uint64_t written;
    bool opened;
};

static struct told work(unsigned commits)
{
    struct told told = {0, 0, false};

    if (journal_fixture_open(&fx) != 0) {
        return told;
    }
    told.opened = true;
    told.confirmed = told.written = journal_head(fx.journal)->size;
    for (unsigned i = 0; i < commits; i++) {
        fx.mono_ms += 40;
        for (unsigned k = 0; k <= i % 3; k++) {
            (void)journal_fixture_append(&fx, i % 4 == 1 ? 150000 : 90);
        }
        told.written = journal_size(fx.journal);
        if (journal_fixture_commit(&fx) != 0) {
            return told;
        }
        told.confirmed = journal_head(fx.journal)->size;
        if (i % 5 == 4 &&
            journal_snapshot_write(
                fx.journal, SNAPSHOT_TRANSPORT, told.confirmed, 77, slice_of_text("state")) != 0) {
            return told;
        }
    }
    return told;
}

/* The journal begun from nothing, the power cut at change n with `torn` bytes of the last write
 * there. */
static bool cut_at(uint64_t n, size_t torn)
{
    journal_fixture_init(&fx);
    fx.faults.fail_at = n;
    fx.faults.fail_for_ever = true;
    struct told told = work(12);
    bool reached = fx.faults.calls >= n;
    journal_fixture_crash(&fx, torn);
    assert_int_equal(journal_fixture_open(&fx), 0);
    uint64_t size = journal_head(fx.journal)->size;
    assert_int_equal(fx.recovery.quarantined, 0);
    if (told.opened) {
        assert_true(size >= told.confirmed);
        assert_true(size <= told.written || told.written == 0);
    }
    assert_whole(size);
    journal_fixture_free(&fx);
    return reached;
}

static void power__cut_at_every_change__keeps_what_was_confirmed(void **state)
{
    static const size_t torn[] = {0, 8, 100, 512, 4096, 4608, 90000, SIZE_MAX};
    uint64_t n = 1;

    (void)state;
    for (; cut_at(n, 0); n++) {
        for (size_t i = 1; i < sizeof torn / sizeof *torn; i++) {
            (void)cut_at(n, torn[i]);
        }
    }
    assert_true(n > 60);
}

/* And cut again while the first cut is being recovered from. */
static void power__cut_again_during_recovery__keeps_what_was_confirmed(void **state)
{
    static const size_t torn[] = {0, 100, SIZE_MAX};

    (void)state;
    for (uint64_t n = 20; n < 60; n += 3) {
        for (uint64_t m = 1; m < 8; m++) {
            journal_fixture_init(&fx);
            fx.faults.fail_at = n;
            fx.faults.fail_for_ever = true;
            struct told told = work(12);
            journal_fixture_crash(&fx, torn[n % 3]);
            fx.faults.fail_at = fx.faults.calls + m;
            (void)journal_fixture_open(&fx);
            journal_fixture_crash(&fx, torn[m % 3]);
            assert_int_equal(journal_fixture_open(&fx), 0);
            assert_true(journal_head(fx.journal)->size >= told.confirmed);
            assert_whole(journal_head(fx.journal)->size);
            journal_fixture_free(&fx);
        }
    }
}

/* ---- the watermark ---- */

static uint64_t marked_leaves(void)
{
    struct mark mark;

    return mark_read(&fx.memory, &mark) == 0 ? mark.leaves : 0;
}

static void watermark__while_commits_follow__is_written_after_100_ms(void **state)
{
    (void)state;
    assert_int_equal(marked_leaves(), 1);
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    fx.mono_ms += 99;
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    assert_int_equal(marked_leaves(), 1);
    fx.mono_ms += 1;
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    assert_int_equal(marked_leaves(), 4);
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    assert_int_equal(marked_leaves(), 4);
    assert_int_equal(journal_rest(fx.journal), 0);
    assert_int_equal(marked_leaves(), 5);
}

static void watermark__at_opening__covers_what_was_found(void **state)
{
    (void)state;
    assert_int_equal(journal_fixture_add(&fx, 4), 0);
    assert_int_equal(marked_leaves(), 1);
    journal_fixture_close(&fx);
    assert_int_equal(journal_fixture_open(&fx), 0);
    assert_int_equal(marked_leaves(), 5);
}

/* Several segments, the watermark at the end; then nothing but noughts at their beginning. */
static void make_long_and_unreadable(void)
{
    for (unsigned i = 0; i < 40; i++) {
        (void)journal_fixture_append(&fx, 100000);
        assert_int_equal(journal_fixture_commit(&fx), 0);
    }
    assert_int_equal(journal_rest(fx.journal), 0);
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    assert_int_equal(journal_rest(fx.journal), 0);
    journal_fixture_zero(&fx.memory, SEGMENT_1, SEGMENT_HEADER_BYTES, 900000);
}

static void opening__with_a_watermark__reads_only_what_follows(void **state)
{
    (void)state;
    make_long_and_unreadable();
    journal_fixture_crash(&fx, 0); /* the tree must have been durable before the watermark */
    assert_int_equal(journal_fixture_open(&fx), 0);
    assert_int_equal(fx.recovery.size, 42);
    assert_int_equal(fx.recovery.quarantined, 0);
}

static void opening__newer_slot_torn__starts_at_the_older_one(void **state)
{
    struct mark mark;

    (void)state;
    make_long_and_unreadable();
    assert_int_equal(mark_read(&fx.memory, &mark), 0);
    journal_fixture_close(&fx);
    journal_fixture_flip(&fx.memory, "watermark", mark.counter % 2 * 4096 + 30, 0);
    assert_int_equal(marked_leaves(), 41);
    assert_int_equal(journal_fixture_open(&fx), 0);
    assert_int_equal(fx.recovery.size, 42);
    assert_int_equal(fx.recovery.quarantined, 0);
}

/* Somebody wrote other bytes with good checksums where the watermark does not reach: no root names
 * them. */
static void tail__rewritten_with_good_checksums__is_not_taken(void **state)
{
    struct buf bytes = {0};
    struct record record = {.type = RECORD_DERIVED, .sequence = 1, .time_ms = fx.wall_ms};
    int file;

    (void)state;
    uint64_t position = journal_fixture_append(&fx, 24);
    assert_int_equal(journal_fixture_commit(&fx), 0);
    journal_fixture_close(&fx);
    record.body = slice_of("somebody else's own text", 24);
    record_encode(&record, &bytes);
    assert_int_equal(fx.memory.open(fx.memory.context, SEGMENT_1, false, &file), 0);
    assert_int_equal(
        fx.memory.write_at(fx.memory.context, file, buf_slice(&bytes), position_offset(position)),
        0);
    fx.memory.close(fx.memory.context, file);
    assert_int_equal(journal_fixture_open(&fx), 0);
    assert_int_equal(journal_head(fx.journal)->size, 1);
    assert_true(fx.recovery.torn_bytes > 0);
    buf_free(&bytes);
}

#define RECOVERY_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECOVERY_TEST(tail__torn_at_every_byte__is_cut_aside_and_the_rest_whole),
        RECOVERY_TEST(tail__with_a_hole__is_cut_though_its_end_is_there),
        RECOVERY_TEST(tail__a_first_write_torn__begins_anew),
        RECOVERY_TEST(damage__before_a_later_commit__is_quarantined),
        RECOVERY_TEST(damage__one_bit_anywhere__never_stops_the_rest),
        RECOVERY_TEST(damage__to_the_last_commit_below_the_watermark__keeps_its_leaves),
        RECOVERY_TEST(tree_and_watermark__gone_or_damaged__are_made_again),
        RECOVERY_TEST(watermark__one_slot_damaged__the_other_serves),
        RECOVERY_TEST(segment__gone_below_the_watermark__is_refused_and_nothing_touched),
        cmocka_unit_test(power__cut_at_every_change__keeps_what_was_confirmed),
        cmocka_unit_test(power__cut_again_during_recovery__keeps_what_was_confirmed),
        RECOVERY_TEST(watermark__while_commits_follow__is_written_after_100_ms),
        RECOVERY_TEST(watermark__at_opening__covers_what_was_found),
        RECOVERY_TEST(opening__with_a_watermark__reads_only_what_follows),
        RECOVERY_TEST(opening__newer_slot_torn__starts_at_the_older_one),
        RECOVERY_TEST(tail__rewritten_with_good_checksums__is_not_taken),
    };

    log_init("test", LOG_ERROR); /* a replay warns of every damaged record */
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
