/* Bodies of records: what was written is read, and bytes that are cut short anywhere are refused or end the walk. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/core_internal.h"
#include "common/record/ack.h"
#include "common/record/acked.h"
#include "common/record/derived.h"
#include "common/record/judged.h"

#include "common/base/banned.h"

enum { EVENTS = 3 };

static void put_judged(struct buf *out)
{
    buf_put_u64(out, 7);
    buf_put_u64(out, 4096);
    buf_put_u32(out, EVENTS);
    for (unsigned i = 0; i < EVENTS; i++) {
        buf_put_u8(out, (uint8_t)(i + 1) | (i == 2 ? JUDGED_WITHHELD_BIT : 0));
        buf_put_varint(out, i);
        for (unsigned t = 0; t < i; t++) {
            buf_put_varint(out, (uint64_t)(100 + t) << 1 | (t & 1));
        }
    }
    buf_put_u64(out,
        5); /* what the batch brings with it: leaf, position, index, verdict, stream, parties */
    buf_put_u64(out, 2048);
    buf_put_u32(out, 1);
    buf_put_u8(out, 2);
    buf_put_u32(out, 9);
    buf_put_u8(out, 3);
    buf_put_u64(out, 1234567);
}

static void judged__of_a_batch__gives_verdicts_and_targets(void **state)
{
    struct buf body = {0};
    struct judged_body judged;
    struct judged_event event;
    uint32_t stream;
    bool facts_only;

    (void)state;
    put_judged(&body);
    assert_int_equal(judged_body_read(buf_slice(&body), &judged), 0);
    assert_int_equal(judged.form, JUDGED_BATCH);
    assert_int_equal(judged.leaf, 7);
    assert_int_equal(judged.folded_ms, 1234567);
    for (unsigned i = 0; i < EVENTS; i++) {
        assert_true(judged_next(&judged, &event));
        assert_int_equal(event.verdict, i + 1);
        assert_int_equal(event.withheld, i == 2);
        for (unsigned t = 0; t < i; t++) {
            assert_true(judged_target(&event, &stream, &facts_only));
            assert_int_equal(stream, 100 + t);
            assert_int_equal(facts_only, t & 1);
        }
        assert_false(judged_target(&event, &stream, &facts_only));
    }
    assert_false(judged_next(&judged, &event));
    struct judged_disclosure told;
    assert_true(judged_disclosed(&judged, &told));
    assert_true(told.leaf == 5 && told.position == 2048 && told.index == 1 && told.verdict == 2);
    assert_true(told.stream == 9 && told.parties == 3 && !told.withheld);
    assert_false(judged_disclosed(&judged, &told));
    assert_false(judged.rest.failed);
    buf_free(&body);
}

static void judged__cut_short_anywhere__never_reads_outside(void **state)
{
    struct buf body = {0};
    struct judged_body judged;
    struct judged_event event;
    struct judged_disclosure told;
    uint32_t stream;
    bool facts_only;

    (void)state;
    put_judged(&body);
    for (size_t len = 0; len < body.len; len++) {
        uint8_t *exact = mem_new(len + 1, 1); /* a read behind it is the sanitizer's to find */
        memcpy(exact, body.data, len);
        unsigned read = 0;
        if (judged_body_read(slice_of(exact, len), &judged) == 0) {
            while (judged_next(&judged, &event)) {
                read++;
                while (judged_target(&event, &stream, &facts_only)) {
                }
            }
            while (judged_disclosed(&judged, &told)) {
            }
        }
        assert_true(read <= EVENTS && (len > 26 || read < EVENTS));
        free(exact);
    }
    buf_free(&body);
}

static void judged__that_moves__gives_streams_and_numbers(void **state)
{
    struct buf body = {0};
    struct judged_body judged;
    uint64_t number;

    (void)state;
    buf_put_u64(&body, UINT64_MAX - FORM_MOVE);
    buf_put_u32(&body, 4);
    buf_put_u32(&body, NO_STREAM);
    buf_put_u32(&body, 2);
    buf_put_varint(&body, 10);
    buf_put_varint(&body, 300);
    assert_int_equal(judged_body_read(buf_slice(&body), &judged), 0);
    assert_int_equal(judged.form, JUDGED_MOVE);
    assert_int_equal(judged.from, 4);
    assert_int_equal(judged.to, JUDGED_NO_STREAM);
    assert_true(judged_number(&judged, &number) && number == 10);
    assert_true(judged_number(&judged, &number) && number == 310);
    assert_false(judged_number(&judged, &number));
    buf_free(&body);
}

static void ack__written__is_read_and_cut_short_it_is_refused(void **state)
{
    struct buf body = {0};
    uint8_t signature[64] = {1, 2, 3};
    struct ack_body out;
    const struct ack_body ack = {.statement = slice_of_text("statement"),
        .signature = slice_of(signature, sizeof signature),
        .agent = "camden"};

    (void)state;
    ack_body_write(&ack, &body);
    for (size_t len = 0; len < body.len; len++) {
        assert_int_equal(ack_body_read(slice_of(body.data, len), &out), E_CORRUPT);
    }
    assert_int_equal(ack_body_read(buf_slice(&body), &out), 0);
    assert_string_equal(out.agent, "camden");
    assert_true(slice_equal(out.statement, ack.statement));
    assert_true(slice_equal(out.signature, ack.signature));
    buf_free(&body);
}

/* The broker's own table of what its engine says, against the list that tools go by. */
static void derived__kinds_of_the_engine__are_those_that_the_broker_records(void **state)
{
    char word[DERIVED_WORD_BYTES];

    (void)state;
    for (unsigned i = 0; i < waypost__system_kind__descriptor.n_values; i++) {
        int number = waypost__system_kind__descriptor.values[i].value;
        assert_int_equal(derived_by_engine(number), fold_kind_numbered(number));
        assert_int_equal(derived_number(derived_word(number, word)), number);
        if (fold_kind_numbered(number)) {
            assert_int_equal(fold_kind_named(word)->number, number);
        }
    }
    assert_int_equal(derived_number("deadline_sett"), 0);
}

static void detail__by_name__is_found_as_a_whole_word(void **state)
{
    size_t len;

    (void)state;
    const char *value = derived_detail("predue=no due=2026-04-08 binds=E09000007", "due", &len);
    assert_non_null(value);
    assert_int_equal(len, 10);
    assert_memory_equal(value, "2026-04-08", 10);
    assert_null(derived_detail("due=2026-04-08", "binds", &len));
    assert_null(derived_detail("", "due", &len));
}

/* ---- groups of derived ---- */

static int note_kind(void *context, const Waypost__Derived *derived)
{
    char *kinds = context;

    kinds[strlen(kinds)] = (char)('a' + (int)derived->kind);
    return 0;
}

static void put_said(struct buf *out, int kind)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;

    derived.kind = (Waypost__SystemKind)kind;
    message_encode(&derived.base, out);
}

/* As they are told, one after the other and perhaps again: the body that the journal has. */
static void derived__joined_as_they_are_told__make_the_record(void **state)
{
    struct buf one = {0};
    struct buf group = {0};
    struct buf joined = {0};

    (void)state;
    for (int kind = 1; kind <= 3; kind++) {
        buf_clear(&one);
        put_said(&one, kind);
        derived_group_put(&group, buf_slice(&one));
        derived_join(&joined, buf_slice(&one));
        derived_join(&joined, buf_slice(&one));
        assert_true(kind > 1 || slice_equal(buf_slice(&joined), buf_slice(&one)));
    }
    assert_true(slice_equal(buf_slice(&joined), buf_slice(&group)));
    buf_free(&one);
    buf_free(&group);
    buf_free(&joined);
}

static void derived__several_in_a_record__are_read_in_their_order(void **state)
{
    struct buf one = {0};
    struct buf group = {0};
    char kinds[8] = "";
    struct slice item;
    arena_t *arena = arena_new(65536);

    (void)state;
    for (int kind = 1; kind <= 3; kind++) {
        buf_clear(&one);
        put_said(&one, kind);
        derived_group_put(&group, buf_slice(&one));
    }
    assert_int_equal(derived_walk(arena, buf_slice(&group), note_kind, kinds), 0);
    assert_string_equal(kinds, "bcd");
    assert_int_equal(derived_item(buf_slice(&group), 2, &item), 0);
    assert_true(slice_equal(item, buf_slice(&one)));
    assert_int_equal(derived_item(buf_slice(&group), 3, &item), E_NOT_FOUND);
    assert_int_equal(derived_item(buf_slice(&one), 0, &item), 0); /* one alone is the body itself */
    assert_true(slice_equal(item, buf_slice(&one)));
    assert_int_equal(derived_item(buf_slice(&one), 1, &item), E_NOT_FOUND);
    for (size_t len = 2; len < group.len; len++) {
        bool between = len == 1 + one.len + 1 || len == 1 + 2 * (one.len + 1);
        assert_int_equal(
            derived_item(slice_of(group.data, len), 2, &item), between ? E_NOT_FOUND : E_CORRUPT);
    }
    buf_free(&one);
    buf_free(&group);
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judged__of_a_batch__gives_verdicts_and_targets),
        cmocka_unit_test(judged__cut_short_anywhere__never_reads_outside),
        cmocka_unit_test(judged__that_moves__gives_streams_and_numbers),
        cmocka_unit_test(ack__written__is_read_and_cut_short_it_is_refused),
        cmocka_unit_test(derived__kinds_of_the_engine__are_those_that_the_broker_records),
        cmocka_unit_test(detail__by_name__is_found_as_a_whole_word),
        cmocka_unit_test(derived__joined_as_they_are_told__make_the_record),
        cmocka_unit_test(derived__several_in_a_record__are_read_in_their_order),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
