/* Tests of common/journal/verify.c: a good journal passes, and one bit flipped anywhere in it is
 * found and named. */
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
static struct journal_check check;

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

static int verify(void)
{
    return journal_verify(&fx.disk, fx.head_public, &check, NULL, NULL, NULL, &fx.why);
}

/* A few commits of several records, a batch with a payload among them; all below the watermark. */
static void make_small(void)
{
    struct buf body = {0};
    struct record batch = {.type = RECORD_BATCH, .payload = slice_of("sealed bytes", 12)};

    journal_fixture_batch("test", 3, 30, &body);
    batch.body = buf_slice(&body);
    (void)journal_append(fx.journal, &batch, NULL);
    assert_int_equal(journal_fixture_add(&fx, 2), 0);
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    assert_int_equal(journal_rest(fx.journal), 0);
    journal_fixture_close(&fx);
    buf_free(&body);
}

/* Two segments and the beginning of a third. */
static void make_long(void)
{
    for (unsigned i = 0; i < 25; i++) {
        (void)journal_fixture_append(&fx, 100000);
        assert_int_equal(journal_fixture_commit(&fx), 0);
    }
    assert_int_equal(journal_rest(fx.journal), 0);
    journal_fixture_close(&fx);
}

struct visited {
    uint64_t next;
    uint64_t stop_at;
};

static int visit(void *context, const struct record *record, uint64_t position)
{
    struct visited *visited = context;

    assert_int_not_equal(record->type, RECORD_COMMIT);
    assert_int_equal(record->sequence, visited->next);
    assert_true(position != 0);
    visited->next++;
    return record->sequence == visited->stop_at ? E_RANGE : 0;
}

static void progress(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
    (void)context;
    assert_true(done_bytes <= all_bytes);
}

/* ---- good journals ---- */

static void verify__good_journal__passes_and_counts(void **state)
{
    struct visited visited = {0, UINT64_MAX};

    (void)state;
    make_small();
    assert_int_equal(
        journal_verify(&fx.disk, fx.head_public, &check, visit, &visited, progress, &fx.why), 0);
    assert_int_equal(visited.next, 5);
    assert_int_equal(check.leaves, 5);
    assert_int_equal(check.commits, 3);
    assert_int_equal(check.events, 3);
    assert_int_equal(check.segments, 1);
    assert_int_equal(check.torn_bytes, 0);
    assert_int_equal(check.unmatched, 0);
    assert_int_equal(check.bad_position, 0);
    assert_string_equal(check.network, "test");
    assert_int_equal(check.head.size, 5);
}

static void verify__without_a_key__takes_the_one_named(void **state)
{
    (void)state;
    make_small();
    assert_int_equal(journal_verify(&fx.disk, NULL, &check, NULL, NULL, NULL, &fx.why), 0);
    fx.head_public[0] ^= 1;
    assert_int_equal(verify(), E_KEY);
}

static void verify__while_the_broker_runs__passes_and_writes_nothing(void **state)
{
    (void)state;
    assert_int_equal(journal_fixture_add(&fx, 5), 0);
    uint64_t calls = fx.faults.calls;
    assert_int_equal(verify(), 0);
    assert_int_equal(check.leaves, 6);
    assert_int_equal(fx.faults.calls, calls);
}

static void verify__several_segments__passes(void **state)
{
    struct visited visited = {0, UINT64_MAX};

    (void)state;
    make_long();
    assert_int_equal(
        journal_verify(&fx.disk, fx.head_public, &check, visit, &visited, progress, &fx.why), 0);
    assert_int_equal(check.leaves, 26);
    assert_true(check.segments >= 3);
    struct visited stopped = {0, 7};
    assert_int_equal(
        journal_verify(&fx.disk, fx.head_public, &check, visit, &stopped, NULL, &fx.why), E_RANGE);
    assert_int_equal(stopped.next, 8);
}

static void verify__nothing_there__says_so(void **state)
{
    struct disk empty;

    (void)state;
    disk_memory_open(&empty);
    assert_int_equal(journal_verify(&empty, NULL, &check, NULL, NULL, NULL, &fx.why), E_NOT_FOUND);
    disk_memory_close(&empty);
}

static void verify__batch_with_other_events__is_counted_as_unmatched(void **state)
{
    struct buf body = {0};
    uint64_t position;

    (void)state;
    journal_fixture_batch("another", 3, 30, &body);
    struct record record = {.type = RECORD_BATCH, .body = buf_slice(&body)};
    (void)journal_append(fx.journal, &record, &position);
    assert_int_equal(journal_fixture_commit(&fx), 0);
    assert_int_equal(verify(), 0);
    assert_int_equal(check.unmatched, 1);
    assert_int_equal(check.unmatched_position, position);
    buf_free(&body);
}

/* ---- torn tails ---- */

static void verify__torn_tail__is_reported_and_no_fault(void **state)
{
    (void)state;
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    uint64_t last = position_offset(journal_end(fx.journal));
    assert_int_equal(journal_fixture_add(&fx, 3), 0);
    uint64_t torn = position_offset(journal_end(fx.journal)) - 100;
    journal_fixture_close(&fx);
    journal_fixture_truncate(&fx.memory, SEGMENT_1, torn);
    assert_int_equal(verify(), 0);
    assert_int_equal(check.leaves, 2);
    assert_int_equal(check.torn_bytes, torn - last);
}

static void verify__tail_gone_below_the_watermark__is_a_fault(void **state)
{
    (void)state;
    make_small();
    uint64_t used = journal_fixture_used(&fx.memory, SEGMENT_1);
    journal_fixture_zero(&fx.memory, SEGMENT_1, used - 300, used);
    assert_int_equal(verify(), E_CORRUPT);
    journal_fixture_zero(&fx.memory, SEGMENT_1, SEGMENT_HEADER_BYTES, used);
    assert_int_equal(verify(), E_CORRUPT);
}

/* ---- damage ---- */

/* One bit of every byte in [from, to) of a file, one after the other. */
static void assert_every_flip_found(const char *name, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at++) {
        journal_fixture_flip(&fx.memory, name, at, at * 3 % 8);
        int rc = verify();
        if (rc == 0 && check.torn_bytes == 0) {
            fail_msg("%s: a bit flipped at offset %llu was not seen", name, (unsigned long long)at);
        }
        journal_fixture_flip(&fx.memory, name, at, at * 3 % 8);
    }
    assert_int_equal(verify(), 0);
    assert_int_equal(check.torn_bytes, 0);
}

static void verify__one_bit_flipped_at_every_offset__is_found(void **state)
{
    struct disk original = fx.memory;

    (void)state;
    make_small();
    disk_memory_open(&fx.memory); /* without the zeros laid ahead: a few more than what is used */
    journal_fixture_copy_disk(&original, &fx.memory);
    faulty_disk_init(&fx.faults, &fx.memory, &fx.disk);
    uint64_t used = journal_fixture_used(&fx.memory, SEGMENT_1);
    journal_fixture_zero(&fx.memory, SEGMENT_1, used + 8, used + 64);
    assert_every_flip_found(SEGMENT_1, 0, used + 64);
    assert_every_flip_found("tree.wpt", 0, tree_offset(tree_stored_count(5)));
    disk_memory_close(&original);
}

static void verify__every_bit_of_the_records_flipped__is_found(void **state)
{
    struct disk original = fx.memory;

    (void)state;
    make_small();
    disk_memory_open(&fx.memory);
    journal_fixture_copy_disk(&original, &fx.memory);
    faulty_disk_init(&fx.faults, &fx.memory, &fx.disk);
    uint64_t used = journal_fixture_used(&fx.memory, SEGMENT_1);
    for (uint64_t at = SEGMENT_HEADER_BYTES; at < used; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            journal_fixture_flip(&fx.memory, SEGMENT_1, at, bit);
            assert_int_not_equal(verify(), 0);
            assert_int_equal(position_segment(check.bad_position), 1);
            assert_non_null(strstr(fx.why.text, SEGMENT_1));
            journal_fixture_flip(&fx.memory, SEGMENT_1, at, bit);
        }
    }
    disk_memory_close(&original);
}

static void verify__damage_in_a_sealed_segment__is_named(void **state)
{
    struct visited visited = {0, UINT64_MAX};

    (void)state;
    make_long();
    journal_fixture_flip(&fx.memory, SEGMENT_2, 50000, 0);
    assert_int_equal(
        journal_verify(&fx.disk, fx.head_public, &check, visit, &visited, NULL, &fx.why),
        E_CORRUPT);
    assert_int_equal(position_segment(check.bad_position), 2);
    assert_true(visited.next > 5); /* what is whole before it has been visited */
    journal_fixture_flip(&fx.memory, SEGMENT_2, 50000, 0);
    uint64_t used = journal_fixture_used(&fx.memory, SEGMENT_1);
    journal_fixture_flip(&fx.memory, SEGMENT_1, used + 100, 0); /* junk behind its last commit */
    assert_int_equal(verify(), E_CORRUPT);
    journal_fixture_flip(&fx.memory, SEGMENT_1, used + 100, 0);
    assert_int_equal(verify(), 0);
    assert_int_equal(fx.memory.remove(fx.memory.context, SEGMENT_1), 0);
    assert_int_equal(verify(), E_CORRUPT);
}

/* Somebody who can compute checksums, but has no key. */
static void verify__record_rewritten_with_good_checksums__is_found(void **state)
{
    struct buf bytes = {0};
    struct record record = {.type = RECORD_DERIVED, .time_ms = fx.wall_ms, .sequence = 1};
    int file;

    (void)state;
    uint64_t position = journal_fixture_append(&fx, 24);
    assert_int_equal(journal_fixture_commit(&fx), 0);
    assert_int_equal(verify(), 0);
    record.body = slice_of("somebody else's own text", 24);
    record_encode(&record, &bytes);
    assert_int_equal(fx.memory.open(fx.memory.context, SEGMENT_1, false, &file), 0);
    assert_int_equal(
        fx.memory.write_at(fx.memory.context, file, buf_slice(&bytes), position_offset(position)),
        0);
    fx.memory.close(fx.memory.context, file);
    assert_int_equal(verify(), E_CORRUPT);
    assert_non_null(strstr(fx.why.text, "root"));
    buf_free(&bytes);
}

/* The last commit, signed by another key, everything else as it must be. */
static void verify__head_signed_by_another_key__is_found(void **state)
{
    const struct journal_head *head = journal_head(fx.journal);
    uint8_t other_secret[64];
    uint8_t signature[SIGNATURE_BYTES];
    struct buf bytes = {0};
    int file;

    (void)state;
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    memcpy(other_secret, fx.head_secret, sizeof other_secret);
    other_secret[0] ^= 1;
    struct slice statement = slice_of(head->statement, head->statement_len);
    sign_make(SIGN_CONTEXT_HEAD, statement, other_secret, signature);
    size_t len = commit_record_bytes(statement.len);
    uint64_t commit = position_offset(journal_end(fx.journal)) - len;
    struct commit_body body = {.start = position_of(1, commit - 80),
        .first_leaf = 1,
        .leaves = 1,
        .statement = statement,
        .signature = slice_of(signature, sizeof signature)};
    commit_record_encode(&body, head->size, head->time_ms, &bytes);
    assert_int_equal(bytes.len, len);
    assert_int_equal(fx.memory.open(fx.memory.context, SEGMENT_1, false, &file), 0);
    assert_int_equal(fx.memory.write_at(fx.memory.context, file, buf_slice(&bytes), commit), 0);
    fx.memory.close(fx.memory.context, file);
    assert_int_equal(verify(), E_SIGNATURE);
    journal_fixture_close(&fx);
    assert_int_equal(journal_fixture_open(&fx), E_CORRUPT);
    buf_free(&bytes);
}

#define VERIFY_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VERIFY_TEST(verify__good_journal__passes_and_counts),
        VERIFY_TEST(verify__without_a_key__takes_the_one_named),
        VERIFY_TEST(verify__while_the_broker_runs__passes_and_writes_nothing),
        VERIFY_TEST(verify__several_segments__passes),
        VERIFY_TEST(verify__nothing_there__says_so),
        VERIFY_TEST(verify__batch_with_other_events__is_counted_as_unmatched),
        VERIFY_TEST(verify__torn_tail__is_reported_and_no_fault),
        VERIFY_TEST(verify__tail_gone_below_the_watermark__is_a_fault),
        VERIFY_TEST(verify__one_bit_flipped_at_every_offset__is_found),
        VERIFY_TEST(verify__every_bit_of_the_records_flipped__is_found),
        VERIFY_TEST(verify__damage_in_a_sealed_segment__is_named),
        VERIFY_TEST(verify__record_rewritten_with_good_checksums__is_found),
        VERIFY_TEST(verify__head_signed_by_another_key__is_found),
    };

    log_init("test", LOG_ERROR);
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
