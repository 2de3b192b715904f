/*
 * Tests of common/journal/mend.c: a record with one wrong bit is read as it was written, wherever that bit lies outside a
 * payload; one with more, or whose leaf says otherwise, is not.
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

#define SEGMENT "segment-0000000001.wpj"

enum { KINDS = 5, BATCH = 4 /* of them */, BITS = 8 };

static struct journal_fixture fx;

/* What was written, and where. */
struct written {
    uint8_t type;
    uint64_t position;
    struct buf body, payload;
} written[KINDS];

static void write_one(size_t at, uint8_t type, size_t body_bytes)
{
    struct written *self = &written[at];

    self->type = type;
    if (type == RECORD_BATCH) {
        journal_fixture_batch(fx.options.network, 3, 20, &self->body);
        for (size_t i = 0; i < 3; i++) { /* no payload, no wraps */
            buf_put_u32(&self->payload, 0);
            buf_put_u16(&self->payload, 0);
        }
    } else {
        journal_fixture_body(at + 1, body_bytes, &self->body);
    }
    const struct record record = {
        .type = type, .body = buf_slice(&self->body), .payload = buf_slice(&self->payload)};
    (void)journal_append(fx.journal, &record, &self->position);
}

static int begin(void **state)
{
    (void)state;
    log_init("test", (enum log_level)(LOG_ERROR + 1)); /* each damage is said */
    journal_fixture_init(&fx);
    assert_int_equal(journal_fixture_open(&fx), 0);
    write_one(0, RECORD_ACKED, 37);
    write_one(1, RECORD_DERIVED, 40);
    assert_int_equal(journal_fixture_commit(&fx), 0);
    write_one(2, RECORD_JUDGED, 1);
    write_one(3, RECORD_INPUT, 90);
    write_one(BATCH, RECORD_BATCH, 0);
    assert_int_equal(journal_fixture_commit(&fx), 0);
    assert_int_equal(journal_fixture_add(&fx, 1), 0);
    assert_int_equal(journal_rest(fx.journal), 0);
    journal_fixture_close(&fx);
    journal_fixture_compact(&fx);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        buf_free(&written[i].body);
        buf_free(&written[i].payload);
        written[i] = (struct written){.type = 0};
    }
    journal_fixture_free(&fx);
    return 0;
}

static void flip(const struct written *record, uint64_t bit)
{
    journal_fixture_flip(&fx.memory, SEGMENT, position_offset(record->position) + bit / BITS,
        (unsigned)(bit % BITS));
}

/* Header, body and padding. */
static uint64_t bits_of(const struct written *record)
{
    uint64_t used = RECORD_HEADER_BYTES + record->body.len + record->payload.len;

    return ((used + 7) & ~UINT64_C(7)) * BITS;
}

/* Of a batch: payload, and the mark and checksum of it, which are not mended. */
static bool of_payload(const struct written *record, uint64_t bit)
{
    uint64_t from = (RECORD_HEADER_BYTES + record->body.len) * BITS;

    return record->type == RECORD_BATCH &&
        (bit == 5 * BITS || bit / 32 == 36 / 4 ||
            (bit >= from && bit < from + record->payload.len * BITS));
}

static int read_one(const struct written *wanted)
{
    struct buf scratch = {0};
    struct record record;

    int rc = journal_read(fx.journal, wanted->position, &scratch, &record);
    if (rc == 0) {
        assert_int_equal(record.type, wanted->type);
        assert_true(slice_equal(record.body, buf_slice(&wanted->body)));
        assert_true(slice_equal(record.payload, buf_slice(&wanted->payload)));
    }
    buf_free(&scratch);
    return rc;
}

static int visit_whole(void *context, const struct record *record, uint64_t position)
{
    uint64_t *next = context;

    assert_int_equal(record->sequence, *next);
    for (size_t i = 0; i < KINDS; i++) {
        if (written[i].position == position) {
            assert_int_equal(record->type, written[i].type);
            assert_true(slice_equal(record->body, buf_slice(&written[i].body)));
        }
    }
    (*next)++;
    return 0;
}

static uint64_t replayed(void)
{
    uint64_t next = 0;

    assert_int_equal(journal_replay(fx.journal, 0, 0, visit_whole, &next), 0);
    return next;
}

static int visit_count(void *context, const struct record *record, uint64_t position)
{
    (void)record;
    (void)position;
    ++*(uint64_t *)context;
    return 0;
}

static void bit__wrong_anywhere_in_a_record__is_read_as_it_was_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        for (uint64_t bit = 0; bit < bits_of(&written[i]); bit++) {
            if (of_payload(&written[i], bit)) {
                continue;
            }
            flip(&written[i], bit);
            assert_int_equal(journal_fixture_open(&fx), 0);
            assert_int_equal(journal_mended(fx.journal)->count, 0);
            assert_int_equal(read_one(&written[i]), 0);
            assert_int_equal(journal_mended(fx.journal)->count, 1);
            assert_int_equal(journal_mended(fx.journal)->position, written[i].position);
            assert_int_equal(journal_mended(fx.journal)->sequence, i + 1);
            assert_int_equal(read_one(&written[i]), 0); /* as it is known by now */
            assert_int_equal(replayed(), KINDS + 2);
            assert_int_equal(journal_mended(fx.journal)->count, 1);
            journal_fixture_close(&fx);
            flip(&written[i], bit);
        }
    }
}

static void bit__wrong_in_a_payload__is_not_made_good(void **state)
{
    const struct written *batch = &written[BATCH];

    (void)state;
    flip(batch, (RECORD_HEADER_BYTES + batch->body.len) * BITS + 3);
    assert_int_equal(journal_fixture_open(&fx), 0);
    assert_int_equal(read_one(batch), E_CORRUPT);
    assert_int_equal(replayed(), KINDS + 2); /* its events stand */
    assert_int_equal(journal_mended(fx.journal)->count, 0);
}

static void bits__two_of_them_wrong__are_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        uint64_t end = (RECORD_HEADER_BYTES + written[i].body.len) * BITS;
        for (uint64_t bit = RECORD_HEADER_BYTES * BITS; bit + 9 < end; bit += 7) {
            uint64_t count = 0;
            flip(&written[i], bit);
            flip(&written[i], bit + 9);
            assert_int_equal(journal_fixture_open(&fx), 0);
            assert_int_equal(read_one(&written[i]), E_CORRUPT);
            assert_int_equal(journal_replay(fx.journal, 0, 0, visit_count, &count), 0);
            assert_int_equal(count, KINDS + 1);
            assert_int_equal(journal_mended(fx.journal)->count, 0);
            journal_fixture_close(&fx);
            flip(&written[i], bit);
            flip(&written[i], bit + 9);
        }
    }
}

/* Its checksum holds but for one bit, and it is not what was written: the leaf says so. */
static void record__that_only_its_checksum_speaks_for__is_not_believed(void **state)
{
    struct buf forged = {0};
    struct buf body = {0};
    int file;

    (void)state;
    journal_fixture_body(99, written[1].body.len, &body);
    const struct record record = {
        .type = RECORD_DERIVED, .sequence = 2, .time_ms = fx.wall_ms, .body = buf_slice(&body)};
    record_encode(&record, &forged);
    forged.data[RECORD_HEADER_BYTES + 3] ^= 4;
    assert_int_equal(fx.memory.open(fx.memory.context, SEGMENT, false, &file), 0);
    assert_int_equal(fx.memory.write_at(fx.memory.context, file, buf_slice(&forged),
                         position_offset(written[1].position)),
        0);
    fx.memory.close(fx.memory.context, file);
    assert_int_equal(journal_fixture_open(&fx), 0);
    assert_int_equal(read_one(&written[1]), E_CORRUPT);
    assert_int_equal(journal_mended(fx.journal)->count, 0);
    buf_free(&forged);
    buf_free(&body);
}

static void record__whose_payload_is_to_be_destroyed__is_not_read_any_more(void **state)
{
    (void)state;
    flip(&written[BATCH], (RECORD_HEADER_BYTES + 2) * BITS);
    assert_int_equal(journal_fixture_open(&fx), 0);
    assert_int_equal(read_one(&written[BATCH]), 0);
    assert_int_equal(journal_erase(fx.journal, written[BATCH].position, 0), E_CORRUPT);
    assert_int_equal(read_one(&written[BATCH]), E_CORRUPT);
}

/* ---- on the disk ---- */

static int verify_rc(void)
{
    struct journal_check report;
    struct complaint why = {0};

    return journal_verify(&fx.memory, fx.head_public, &report, NULL, NULL, NULL, &why);
}

static void bit__put_right_anywhere_in_a_record__is_as_it_was_written(void **state)
{
    struct journal_righted righted;

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        for (uint64_t bit = 0; bit < bits_of(&written[i]); bit += 5) {
            if (of_payload(&written[i], bit)) {
                continue;
            }
            flip(&written[i], bit);
            assert_int_not_equal(verify_rc(), 0);
            assert_int_equal(journal_fixture_open(&fx), 0);
            assert_int_equal(journal_mend(fx.journal, written[i].position, &righted), 0);
            assert_int_equal(righted.offset, position_offset(written[i].position) + bit / BITS);
            assert_int_equal(righted.was ^ righted.is, 1U << bit % BITS);
            assert_int_equal(righted.sequence, i + 1);
            assert_int_equal(read_one(&written[i]), 0);
            assert_int_equal(journal_mend(fx.journal, written[i].position, &righted), E_CORRUPT);
            journal_fixture_close(&fx);
            assert_int_equal(verify_rc(), 0);
        }
    }
}

static void bits__that_nothing_proves__are_left_as_they_are(void **state)
{
    struct journal_righted righted;
    uint64_t in_payload = (RECORD_HEADER_BYTES + written[BATCH].body.len) * BITS + 3;

    (void)state;
    flip(&written[BATCH], in_payload);
    flip(&written[1], RECORD_HEADER_BYTES * BITS);
    flip(&written[1], RECORD_HEADER_BYTES * BITS + 9);
    assert_int_equal(journal_fixture_open(&fx), 0);
    assert_int_equal(journal_mend(fx.journal, written[BATCH].position, &righted), E_CORRUPT);
    assert_int_equal(journal_mend(fx.journal, written[1].position, &righted), E_CORRUPT);
    assert_int_equal(journal_mend(fx.journal, written[1].position + 8, &righted), E_CORRUPT);
    assert_int_equal(journal_mend(fx.journal, UINT64_MAX - 7, &righted), E_NOT_FOUND);
    journal_fixture_close(&fx);
    flip(&written[BATCH], in_payload);
    flip(&written[1], RECORD_HEADER_BYTES * BITS);
    flip(&written[1], RECORD_HEADER_BYTES * BITS + 9);
    assert_int_equal(verify_rc(), 0); /* nothing was written */
}

/* The power goes between the write and its sync: the byte is the old or the new one, and the bit can be put right again. */
static void bit__put_right_when_the_power_goes__is_wrong_or_right(void **state)
{
    struct journal_righted righted;

    (void)state;
    for (size_t torn = 0; torn < 2; torn++) {
        flip(&written[1], RECORD_HEADER_BYTES * BITS + 2);
        assert_int_equal(journal_fixture_open(&fx), 0);
        fx.faults.fail_at = fx.faults.calls + 2; /* the write, and then its sync */
        fx.faults.fail_rc = E_IO;
        fx.faults.fail_for_ever = true;
        assert_int_equal(journal_mend(fx.journal, written[1].position, &righted), E_IO);
        fx.faults.fail_at = 0;
        fx.faults.fail_for_ever = false;
        journal_fixture_crash(&fx, torn);
        assert_int_equal(verify_rc(), torn == 0 ? E_CORRUPT : 0);
        assert_int_equal(journal_fixture_open(&fx), 0);
        assert_int_equal(read_one(&written[1]), 0);
        assert_int_equal(
            journal_mend(fx.journal, written[1].position, &righted), torn == 0 ? 0 : E_CORRUPT);
        journal_fixture_close(&fx);
        assert_int_equal(verify_rc(), 0);
    }
}

#define MEND_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        MEND_TEST(bit__wrong_anywhere_in_a_record__is_read_as_it_was_written),
        MEND_TEST(bit__wrong_in_a_payload__is_not_made_good),
        MEND_TEST(bits__two_of_them_wrong__are_damage),
        MEND_TEST(record__that_only_its_checksum_speaks_for__is_not_believed),
        MEND_TEST(record__whose_payload_is_to_be_destroyed__is_not_read_any_more),
        MEND_TEST(bit__put_right_anywhere_in_a_record__is_as_it_was_written),
        MEND_TEST(bits__that_nothing_proves__are_left_as_they_are),
        MEND_TEST(bit__put_right_when_the_power_goes__is_wrong_or_right),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
