#define _GNU_SOURCE /* memmem */
/* Tests of common/journal/record.c and crc32c.c: every byte of a record is covered, limits hold,
 * leaves are as written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "common/base/err.h"
#include "common/journal/record.h"
#include "tests/support/journal_fixture.h"

#include "common/base/banned.h"

static struct record sample(void)
{
    return (struct record){
        .type = RECORD_BATCH,
        .sequence = 7,
        .time_ms = 1773655500000,
        .body = slice_of("the body of it", 14),
        .payload = slice_of("sealed", 6),
    };
}

static void crc32c__known_inputs__give_known_sums(void **state)
{
    static const struct {
        const char *text; /* NULL: 32 times `fill` */
        uint8_t fill;
        uint32_t want;
    } table[] = {/* RFC 3720, appendix B.4, and the usual check value */
        {"", 0, 0}, {"123456789", 0, 0xe3069283}, {NULL, 0x00, 0x8a9136aa},
        {NULL, 0xff, 0x62a8ab43}};
    uint8_t fill[32];

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        memset(fill, table[i].fill, sizeof fill);
        struct slice bytes = table[i].text == NULL ? slice_of(fill, sizeof fill)
                                                   : slice_of(table[i].text, strlen(table[i].text));
        assert_int_equal(crc32c(0, bytes), table[i].want);
        assert_int_equal(crc32c_table(0, bytes), table[i].want);
    }
}

static void crc32c__in_pieces__equals_whole_and_table(void **state)
{
    uint8_t bytes[301];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        uint32_t first = crc32c(0, slice_of(bytes, cut));
        uint32_t both = crc32c(first, slice_of(bytes + cut, sizeof bytes - cut));
        assert_int_equal(both, crc32c_table(0, slice_of(bytes, sizeof bytes)));
    }
}

static void record__encoded__decodes_to_the_same(void **state)
{
    struct record want = sample();
    struct record got;
    struct buf bytes = {0};
    size_t length;

    (void)state;
    record_encode(&want, &bytes);
    assert_int_equal(bytes.len, 64); /* 40 + 14 + 6, padded to 8 */
    assert_int_equal(record_decode(buf_slice(&bytes), &got, &length), 0);
    assert_int_equal(length, bytes.len);
    assert_int_equal(got.type, want.type);
    assert_int_equal(got.sequence, want.sequence);
    assert_true(got.time_ms == want.time_ms);
    assert_true(slice_equal(got.body, want.body));
    assert_true(slice_equal(got.payload, want.payload));
    buf_free(&bytes);
}

static void record__any_bit_flipped__is_corrupt_or_the_end(void **state)
{
    struct record with_payload = sample();
    struct record without = sample();
    const struct record *both[] = {&with_payload, &without};
    struct record got;
    size_t length;

    (void)state;
    without.payload = slice_of(NULL, 0);
    for (size_t r = 0; r < 2; r++) {
        struct buf bytes = {0};
        record_encode(both[r], &bytes);
        for (size_t bit = 0; bit < bytes.len * 8; bit++) {
            bytes.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_not_equal(record_decode(buf_slice(&bytes), &got, &length), 0);
            bytes.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        buf_free(&bytes);
    }
}

static void record__cut_short__is_the_end_or_corrupt(void **state)
{
    struct record want = sample();
    struct record got;
    struct buf bytes = {0};
    size_t length;

    (void)state;
    record_encode(&want, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        int want_rc = len < RECORD_HEADER_BYTES ? E_END : E_CORRUPT;
        assert_int_equal(record_decode(slice_of(bytes.data, len), &got, &length), want_rc);
    }
    memset(bytes.data, 0, 4);
    assert_int_equal(record_decode(buf_slice(&bytes), &got, &length), E_END);
    buf_free(&bytes);
}

/* A batch record of two events, each with a ciphertext and one wrap. */
static void two_payloads(struct buf *out)
{
    struct buf body = {0};
    struct buf payload = {0};
    uint8_t wrap[WRAP_STORED_BYTES];

    memset(wrap, 'w', sizeof wrap);
    journal_fixture_batch("test", 2, 30, &body);
    for (unsigned i = 0; i < 2; i++) {
        buf_put_u32(&payload, 12);
        buf_put(&payload, i == 0 ? "first secret" : "other secret", 12);
        buf_put_u16(&payload, 1);
        buf_put(&payload, wrap, sizeof wrap);
    }
    struct record batch = {
        .type = RECORD_BATCH, .sequence = 4, .time_ms = 5, .body = buf_slice(&body)};
    batch.payload = buf_slice(&payload);
    record_encode(&batch, out);
    buf_free(&body);
    buf_free(&payload);
}

static bool holds(const struct buf *bytes, const char *text)
{
    return memmem(bytes->data, bytes->len, text, strlen(text)) != NULL;
}

static void record__one_payload_erased__still_holds_and_keeps_its_leaf_and_the_other(void **state)
{
    struct record before;
    struct record after;
    struct stored_payload part;
    struct buf bytes = {0};
    size_t length;

    (void)state;
    two_payloads(&bytes);
    assert_int_equal(record_decode(buf_slice(&bytes), &before, &length), 0);
    struct hash leaf = record_leaf("test", &before);
    assert_int_equal(record_erase(bytes.data, bytes.len, 2), E_NOT_FOUND);
    assert_int_equal(record_erase(bytes.data, bytes.len, 0), 0);
    assert_false(holds(&bytes, "first secret"));
    assert_true(holds(&bytes, "other secret"));
    assert_int_equal(record_decode(buf_slice(&bytes), &after, &length), 0);
    assert_int_equal(after.flags, RECORD_ERASED);
    assert_int_equal(payload_erased_count(after.payload), 1);
    struct hash same = record_leaf("test", &after);
    assert_memory_equal(leaf.b, same.b, HASH_BYTES);
    struct slice rest = after.payload;
    assert_int_equal(batch_next_payload(&rest, &part), 0);
    assert_true(part.erased && part.ciphertext.len == 0 && part.wraps.len == 0);
    assert_int_equal(batch_next_payload(&rest, &part), 0);
    assert_true(!part.erased && part.wraps.len == WRAP_STORED_BYTES);
    assert_int_equal(record_erase(bytes.data, bytes.len, 0), E_DUPLICATE);
    assert_int_equal(record_erase(bytes.data, bytes.len, 1), 0);
    assert_false(holds(&bytes, "wwww"));
    buf_free(&bytes);
}

static void record__erased__each_bit_flipped_is_found(void **state)
{
    struct record got;
    struct buf bytes = {0};
    size_t length;

    (void)state;
    two_payloads(&bytes);
    assert_int_equal(record_erase(bytes.data, bytes.len, 0), 0);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(record_decode(buf_slice(&bytes), &got, &length), 0);
        bytes.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    buf_free(&bytes);
}

/* Sectors of before and after in any order: an erasure that a crash cut off is finished by another one. */
static void record__half_erased__can_be_erased_again(void **state)
{
    struct buf before = {0};
    struct buf after = {0};
    struct record got;
    size_t length;

    (void)state;
    two_payloads(&before);
    two_payloads(&after);
    assert_int_equal(record_erase(after.data, after.len, 0), 0);
    for (size_t cut = 0; cut <= before.len; cut += 8) {
        for (unsigned first = 0; first < 2; first++) {
            struct buf torn = {0};
            buf_put(&torn, first == 0 ? before.data : after.data, cut);
            buf_put(&torn, (first == 0 ? after.data : before.data) + cut, before.len - cut);
            int rc = record_erase(torn.data, torn.len, 0);
            assert_true(rc == 0 || rc == E_DUPLICATE);
            assert_int_equal(record_decode(buf_slice(&torn), &got, &length), 0);
            assert_memory_equal(torn.data, after.data, after.len);
            buf_free(&torn);
        }
    }
    buf_free(&before);
    buf_free(&after);
}

static void record__longer_than_the_limit__is_corrupt(void **state)
{
    uint8_t *bytes = calloc(1, RECORD_BYTES_MAX + 8);
    struct record got;
    size_t length;

    (void)state;
    put_u32(bytes, RECORD_BYTES_MAX + 8);
    bytes[4] = RECORD_INPUT;
    put_u32(bytes + 24, RECORD_BYTES_MAX + 8 - RECORD_HEADER_BYTES);
    assert_int_equal(
        record_decode(slice_of(bytes, RECORD_BYTES_MAX + 8), &got, &length), E_CORRUPT);
    free(bytes);
}

static void leaf__of_a_plain_record__is_the_documented_hash(void **state)
{
    struct record record = sample();
    struct buf bytes = {0};
    uint8_t want[HASH_BYTES];

    (void)state;
    record.type = RECORD_DERIVED;
    struct hash part = hash_of("waypost/body/1", record.body, slice_of(NULL, 0));
    buf_put(&bytes, "\0waypost/record/1\0test\0", 23);
    buf_put_u8(&bytes, RECORD_DERIVED);
    buf_put_u64(&bytes, record.sequence);
    buf_put_u64(&bytes, (uint64_t)record.time_ms);
    buf_put(&bytes, part.b, HASH_BYTES);
    crypto_generichash(want, sizeof want, bytes.data, bytes.len, NULL, 0);
    struct hash got = record_leaf("test", &record);
    assert_memory_equal(got.b, want, sizeof want);
    buf_free(&bytes);
}

static void leaf__of_a_batch__binds_statement_and_not_the_chain(void **state)
{
    struct buf body = {0};
    struct batch_body batch;

    (void)state;
    journal_fixture_batch("test", 3, 50, &body);
    struct record record = {.type = RECORD_BATCH, .sequence = 1, .body = buf_slice(&body)};
    struct hash before = record_leaf("test", &record);
    body.data[0] = 9; /* position of the batch before */
    struct hash other_chain = record_leaf("test", &record);
    assert_memory_equal(before.b, other_chain.b, HASH_BYTES);
    assert_int_equal(batch_body_read(buf_slice(&body), &batch), 0);
    body.data[(size_t)(batch.statement.data - body.data) + 4] ^= 1;
    struct hash other_statement = record_leaf("test", &record);
    assert_memory_not_equal(before.b, other_statement.b, HASH_BYTES);
    buf_free(&body);
}

static void batch_body__whole__is_read_and_walked(void **state)
{
    struct buf body = {0};
    struct batch_body batch;
    struct slice event;

    (void)state;
    journal_fixture_batch("test", 3, 50, &body);
    assert_int_equal(batch_body_read(buf_slice(&body), &batch), 0);
    assert_string_equal(batch.agent, "agent");
    assert_int_equal(batch.count, 3);
    struct slice rest = batch.events;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(batch_next_event(&rest, &event), 0);
        assert_int_equal(event.len, 50);
    }
    assert_int_equal(batch_next_event(&rest, &event), E_END);
    for (size_t len = 0; len < body.len; len++) {
        assert_int_equal(batch_body_read(slice_of(body.data, len), &batch), E_CORRUPT);
    }
    buf_put_u8(&body, 0);
    assert_int_equal(batch_body_read(buf_slice(&body), &batch), E_CORRUPT);
    buf_free(&body);
}

static void batch_events__changed__do_not_lead_to_the_root(void **state)
{
    struct buf body = {0};
    struct batch_body batch;

    (void)state;
    journal_fixture_batch("test", 5, 50, &body);
    assert_int_equal(batch_body_read(buf_slice(&body), &batch), 0);
    assert_int_equal(batch_check_events("test", &batch), 0);
    assert_int_equal(batch_check_events("live", &batch), E_CORRUPT);
    body.data[body.len - 1] ^= 1;
    assert_int_equal(batch_check_events("test", &batch), E_CORRUPT);
    buf_free(&body);
}

static void stored_payload__cut_short__is_corrupt(void **state)
{
    struct buf bytes = {0};
    struct stored_payload payload;
    uint8_t wraps[2 * WRAP_STORED_BYTES] = {0};

    (void)state;
    buf_put_u32(&bytes, 4);
    buf_put(&bytes, "text", 4);
    buf_put_u16(&bytes, 2);
    buf_put(&bytes, wraps, sizeof wraps);
    struct slice rest = buf_slice(&bytes);
    assert_int_equal(batch_next_payload(&rest, &payload), 0);
    assert_int_equal(payload.ciphertext.len, 4);
    assert_int_equal(payload.wrap_count, 2);
    assert_int_equal(payload.wraps.len, sizeof wraps);
    assert_int_equal(batch_next_payload(&rest, &payload), E_END);
    for (size_t len = 1; len < bytes.len; len++) {
        rest = slice_of(bytes.data, len);
        assert_int_equal(batch_next_payload(&rest, &payload), E_CORRUPT);
    }
    buf_free(&bytes);
}

static void epoch_body__written__reads_back(void **state)
{
    struct epoch_body want = {.network = "test",
        .journal = {1, 2},
        .epoch = 5,
        .head_public = {4},
        .gap_count = 3,
        .gaps = {{2, 25, 95}, {3, 37, 166}, {5, 30, 41}}};
    struct epoch_body got;
    struct buf bytes = {0};

    (void)state;
    epoch_body_write(&want, &bytes);
    assert_int_equal(epoch_body_read(buf_slice(&bytes), &got), 0);
    assert_memory_equal(&want, &got, sizeof want);
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(epoch_body_read(slice_of(bytes.data, len), &got), E_CORRUPT);
    }
    want.epoch = 6; /* its own gap is not among them */
    buf_clear(&bytes);
    epoch_body_write(&want, &bytes);
    assert_int_equal(epoch_body_read(buf_slice(&bytes), &got), E_CORRUPT);
    buf_free(&bytes);
}

static void epochs__slept_through__are_lost_as_well(void **state)
{
    const struct epoch_body epoch = {
        .epoch = 5, .gap_count = 3, .gaps = {{2, 25, 95}, {3, 37, 166}, {5, 30, 41}}};
    static const struct {
        uint32_t seen;
        uint64_t from, to;
    } rows[] = {{1, 25, 166}, {2, 30, 166}, {3, 30, 41}, {4, 30, 41}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct epoch_gap lost = epoch_lost_since(&epoch, rows[i].seen);
        assert_int_equal(lost.epoch, 5);
        assert_int_equal(lost.from, rows[i].from);
        assert_int_equal(lost.to, rows[i].to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c__known_inputs__give_known_sums),
        cmocka_unit_test(crc32c__in_pieces__equals_whole_and_table),
        cmocka_unit_test(record__encoded__decodes_to_the_same),
        cmocka_unit_test(record__any_bit_flipped__is_corrupt_or_the_end),
        cmocka_unit_test(record__cut_short__is_the_end_or_corrupt),
        cmocka_unit_test(record__one_payload_erased__still_holds_and_keeps_its_leaf_and_the_other),
        cmocka_unit_test(record__erased__each_bit_flipped_is_found),
        cmocka_unit_test(record__half_erased__can_be_erased_again),
        cmocka_unit_test(record__longer_than_the_limit__is_corrupt),
        cmocka_unit_test(leaf__of_a_plain_record__is_the_documented_hash),
        cmocka_unit_test(leaf__of_a_batch__binds_statement_and_not_the_chain),
        cmocka_unit_test(batch_body__whole__is_read_and_walked),
        cmocka_unit_test(batch_events__changed__do_not_lead_to_the_root),
        cmocka_unit_test(stored_payload__cut_short__is_corrupt),
        cmocka_unit_test(epoch_body__written__reads_back),
        cmocka_unit_test(epochs__slept_through__are_lost_as_well),
    };

    crypto_start();
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
