/*
 * protobuf-c: what the codec relies on and guards against, shown against the library that is installed. Where one of
 * these fails, read common/codec/frame.c again with the new behaviour in mind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/bytes.h"
#include "common/codec/frame.h"
#include "common/codec/limits.h"
#include "waypost.pb-c.h"

#include "common/base/banned.h"

/* ---- an allocator that counts -------------------------------------------------------------- */

static size_t allocated_bytes;

static void *counting_alloc(void *data, size_t size)
{
    (void)data;
    allocated_bytes += size;
    return calloc(1, size);
}

static void counting_free(void *data, void *pointer)
{
    (void)data;
    free(pointer);
}

static ProtobufCAllocator counting = {counting_alloc, counting_free, NULL};

/* ---- a message that holds itself, as our schema never does --------------------------------- */

typedef struct nested {
    ProtobufCMessage base;
    struct nested *inner;
} nested_t;

static const ProtobufCMessageDescriptor nested_type;

static const ProtobufCFieldDescriptor nested_fields[] = {{.name = "inner",
    .id = 1,
    .label = PROTOBUF_C_LABEL_OPTIONAL,
    .type = PROTOBUF_C_TYPE_MESSAGE,
    .offset = offsetof(nested_t, inner),
    .descriptor = &nested_type}};
static const unsigned nested_by_name[] = {0};
static const ProtobufCIntRange nested_ranges[] = {{1, 0}, {0, 1}};

static void nested_init(void *message)
{
    *(nested_t *)message = (nested_t){{&nested_type, 0, NULL}, NULL};
}

static const ProtobufCMessageDescriptor nested_type = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "nested",
    .short_name = "nested",
    .c_name = "nested",
    .package_name = "",
    .sizeof_message = sizeof(nested_t),
    .n_fields = 1,
    .fields = nested_fields,
    .fields_sorted_by_name = nested_by_name,
    .n_field_ranges = 1,
    .field_ranges = nested_ranges,
    .message_init = (ProtobufCMessageInit)nested_init,
};

/* Bytes of `depth` messages, one in the other, from the inside out. */
static struct buf nested_bytes(unsigned depth)
{
    struct buf bytes = {0};

    for (unsigned i = 0; i < depth; i++) {
        struct buf outer = {0};
        buf_put_u8(&outer, 1 << 3 | 2);
        buf_put_varint(&outer, bytes.len);
        buf_put_slice(&outer, buf_slice(&bytes));
        buf_free(&bytes);
        bytes = outer;
    }
    return bytes;
}

static void decoder__of_messages_in_messages__knows_no_limit(void **state)
{
    enum { DEPTH = 1000 }; /* ten times as much crosses the end of an 8 MiB stack */
    struct buf bytes = nested_bytes(DEPTH);
    unsigned depth = 0;

    (void)state;
    nested_t *top =
        (nested_t *)protobuf_c_message_unpack(&nested_type, NULL, bytes.len, bytes.data);
    assert_non_null(top);
    for (const nested_t *at = top; at->inner != NULL; at = at->inner) {
        depth++;
    }
    assert_int_equal(
        depth, DEPTH); /* so: no recursive type in proto/, see tests/unit/test_contract.c */
    protobuf_c_message_free_unpacked(&top->base, NULL);
    buf_free(&bytes);
}

static void text__with_a_nul__is_cut_and_encodes_to_other_bytes(void **state)
{
    static const uint8_t bytes[] = {0x0a, 9, 'E', '0', '9', 0, '0', '0', '0', '0', '7', 0x10, 1};

    (void)state;
    Waypost__Recipient *to = waypost__recipient__unpack(NULL, sizeof bytes, bytes);
    assert_non_null(to);
    assert_string_equal(to->code, "E09");
    assert_true(waypost__recipient__get_packed_size(to) <
        sizeof bytes); /* so: forward bytes as they came */
    waypost__recipient__free_unpacked(to, NULL);
}

static void text__that_is_not_utf8__is_taken(void **state)
{
    static const uint8_t bytes[] = {0x0a, 2, 0xc3, 0x28, 0x10, 1};

    (void)state;
    Waypost__Recipient *to = waypost__recipient__unpack(NULL, sizeof bytes, bytes);
    assert_non_null(to); /* so: validate after decoding */
    waypost__recipient__free_unpacked(to, NULL);
}

static void enum__with_an_unknown_value__is_taken(void **state)
{
    static const uint8_t bytes[] = {0x08, 0xd2, 0x09}; /* kind = 1234 */

    (void)state;
    Waypost__Notice *notice = waypost__notice__unpack(NULL, sizeof bytes, bytes);
    assert_non_null(notice);
    assert_int_equal((int)notice->kind, 1234);
    waypost__notice__free_unpacked(notice, NULL);
}

static void field__required_and_missing__refuses_the_message(void **state)
{
    static const uint8_t bytes[] = {0x10, 1}; /* n alone */

    (void)state;
    assert_null(waypost__recipient__unpack(NULL, sizeof bytes, bytes));
    assert_null(waypost__frame__unpack(NULL, 0, NULL)); /* so: a magic number in every frame */
}

static void message__of_no_bytes_and_nothing_required__is_taken(void **state)
{
    (void)state;
    Waypost__Bye *bye = waypost__bye__unpack(NULL, 0, NULL);
    assert_non_null(bye);
    waypost__bye__free_unpacked(bye, NULL);
}

static void submessage__given_twice__is_merged_in_proto2(void **state)
{
    /* Frame: magic, then notice {kind = 1}, then notice {code = "x"} under a required field that the first one has */
    static const uint8_t bytes[] = {
        0x0d, 'W', 'Y', 'P', '1', 0x6a, 2, 0x08, 1, 0x6a, 5, 0x08, 2, 0x12, 1, 'x'};

    (void)state;
    Waypost__Frame *frame = waypost__frame__unpack(NULL, sizeof bytes, bytes);
    assert_non_null(frame);
    assert_int_equal(frame->body_case, WAYPOST__FRAME__BODY_NOTICE);
    assert_int_equal(frame->notice->kind, 2);
    assert_string_equal(frame->notice->code, "x");
    waypost__frame__free_unpacked(frame, NULL);
}

/* Two bytes each: an unknown field number, varint 0. */
static struct buf many_unknown_fields(void)
{
    struct buf bytes = {0};

    while (bytes.len + 2 <= FRAME_BYTES_MAX) {
        buf_put_u8(&bytes, 15 << 3);
        buf_put_u8(&bytes, 0);
    }
    return bytes;
}

static void fields__unknown_and_many__take_a_multiple_of_their_bytes(void **state)
{
    struct buf bytes = many_unknown_fields();

    (void)state;
    allocated_bytes = 0;
    Waypost__Bye *bye = waypost__bye__unpack(&counting, bytes.len, bytes.data);
    assert_non_null(bye);
    assert_true(allocated_bytes > 10 * bytes.len); /* so: an arena with a budget */
    waypost__bye__free_unpacked(bye, &counting);
    buf_free(&bytes);
}

static void arena__with_a_budget__refuses_what_would_go_beyond(void **state)
{
    struct buf bytes = many_unknown_fields();
    arena_t *arena = arena_new(4 * (size_t)FRAME_BYTES_MAX);

    (void)state;
    assert_null(message_decode(arena, &waypost__bye__descriptor, buf_slice(&bytes)));
    arena_reset(arena);
    assert_non_null(message_decode(arena, &waypost__bye__descriptor, slice_of(bytes.data, 64)));
    arena_destroy(&arena);
    buf_free(&bytes);
}

static void library__as_installed__is_not_older_than_the_fixed_one(void **state)
{
    (void)state;
    assert_true(protobuf_c_version_number() >= 1004001); /* CVE-2022-48468, CVE-2022-33070 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoder__of_messages_in_messages__knows_no_limit),
        cmocka_unit_test(text__with_a_nul__is_cut_and_encodes_to_other_bytes),
        cmocka_unit_test(text__that_is_not_utf8__is_taken),
        cmocka_unit_test(enum__with_an_unknown_value__is_taken),
        cmocka_unit_test(field__required_and_missing__refuses_the_message),
        cmocka_unit_test(message__of_no_bytes_and_nothing_required__is_taken),
        cmocka_unit_test(submessage__given_twice__is_merged_in_proto2),
        cmocka_unit_test(fields__unknown_and_many__take_a_multiple_of_their_bytes),
        cmocka_unit_test(arena__with_a_budget__refuses_what_would_go_beyond),
        cmocka_unit_test(library__as_installed__is_not_older_than_the_fixed_one),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
