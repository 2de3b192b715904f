/* test_frame: frames through protobuf-c, its arena and budget, and what is refused before it. */
#include "tests/unit/codec_sample.h"

#include "common/codec/frame.h"
#include "common/codec/publish_decode.h"

#include "common/base/banned.h"

enum { BUDGET_BYTES = 4 * 1024 * 1024 };

static void sample_frame(struct buf *out)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Query query = WAYPOST__QUERY__INIT;

    query.request = 7;
    query.code = (char *)(uintptr_t) "E09000007";
    frame.body_case = WAYPOST__FRAME__BODY_QUERY;
    frame.query = &query;
    frame_encode(&frame, out);
}

/* Magic, then these bytes. */
static void raw_frame(struct slice body, struct buf *out)
{
    buf_clear(out);
    wire_put_tag(out, 1, WIRE_I32);
    buf_put_u32(out, FRAME_MAGIC);
    buf_put_slice(out, body);
}

static void frame__encoded__decodes_to_the_same(void **state)
{
    arena_t *arena = arena_new(BUDGET_BYTES);
    Waypost__Frame *frame = NULL;
    struct buf bytes = {0};

    (void)state;
    sample_frame(&bytes);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(frame_decode(arena, buf_slice(&bytes), &frame), 0);
        assert_int_equal(frame->body_case, WAYPOST__FRAME__BODY_QUERY);
        assert_int_equal(frame->query->request, 7);
        assert_string_equal(frame->query->code, "E09000007");
        arena_reset(arena);
    }
    arena_destroy(&arena);
    assert_null(arena);
    arena_destroy(&arena);
    buf_free(&bytes);
}

static void frame__that_is_not_ours__is_refused_with_its_code(void **state)
{
    /* Behind the magic: the body as hexadecimal. Query is field 17: tag 8a01. */
    static const struct {
        const char *body;
        int want;
    } cases[] = {
        {"", E_MALFORMED}, /* no body */
        {"8a010d0807120945303930303030"
         "3037",
            0}, /* a query */
        {"8a010d0807120945303930303030"
         "3037ba0100",
            E_MALFORMED},              /* and a bye */
        {"ba0100ba0100", E_MALFORMED}, /* the same body twice */
        {"ba0100c03e01", 0},           /* a bye, and a field of a later version */
        {"8a01020807", E_MALFORMED},   /* a query without its code */
        {"8a010d08071209453039303030ff3037", E_MALFORMED}, /* no UTF-8 */
        {"8a010d0807120945303930303000"
         "3037",
            E_MALFORMED}, /* a NUL, where protobuf-c would cut */
        {"8a010f080708071209453039303030303037", E_MALFORMED}, /* a singular field twice */
        {"8a01ff0807", E_MALFORMED},                           /* a length beyond the end */
        {"8b018c01", E_MALFORMED},                             /* a group */
        {"0d00000000ba0100", E_VERSION},                       /* another magic behind ours */
    };
    arena_t *arena = arena_new(BUDGET_BYTES);
    struct buf bytes = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Waypost__Frame *frame = NULL;
        uint8_t body[64];
        size_t len = strlen(cases[i].body) / 2;
        assert_int_equal(hex_decode(cases[i].body, body, len), 0);
        raw_frame(slice_of(body, len), &bytes);
        int rc = frame_decode(arena, buf_slice(&bytes), &frame);
        if (rc != cases[i].want) {
            fail_msg("%s: %s", cases[i].body, err_name(rc));
        }
        arena_reset(arena);
    }
    arena_destroy(&arena);
    buf_free(&bytes);
}

static void frame__without_magic__is_of_another_version(void **state)
{
    arena_t *arena = arena_new(BUDGET_BYTES);
    Waypost__Frame *frame = NULL;

    (void)state;
    assert_int_equal(frame_decode(arena, (struct slice){0}, &frame), E_VERSION);
    assert_int_equal(frame_decode(arena, slice_of_text("GET / HTTP/1.1"), &frame), E_VERSION);
    assert_int_equal(frame_decode(arena, slice_of("\xba\x01\x00", 3), &frame), E_VERSION);
    assert_null(frame);
    arena_destroy(&arena);
}

static void frame__beyond_its_limit__is_too_large(void **state)
{
    arena_t *arena = arena_new(BUDGET_BYTES);
    Waypost__Frame *frame = NULL;
    uint8_t *bytes = mem_new(FRAME_BYTES_MAX + 1, 1);

    (void)state;
    assert_int_equal(
        frame_decode(arena, slice_of(bytes, FRAME_BYTES_MAX + 1), &frame), E_TOO_LARGE);
    assert_int_equal(frame_decode(arena, slice_of(bytes, FRAME_BYTES_MAX), &frame), E_VERSION);
    assert_null(
        message_decode(arena, &waypost__query__descriptor, slice_of(bytes, FRAME_BYTES_MAX + 1)));
    free(bytes);
    arena_destroy(&arena);
}

static void frame__that_swells_when_decoded__meets_the_budget(void **state)
{
    arena_t *arena = arena_new(BUDGET_BYTES);
    Waypost__Frame *frame = NULL;
    struct buf body = {0};
    struct buf bytes = {0};

    (void)state;
    /* 1 MiB of unknown fields of three bytes would take some 20 MiB. */
    wire_put_bytes(&body, 23, (struct slice){0});
    while (body.len < FRAME_BYTES_MAX - 64) {
        wire_put_varint(&body, 1000, 1);
    }
    raw_frame(buf_slice(&body), &bytes);
    assert_int_equal(frame_decode(arena, buf_slice(&bytes), &frame), E_MALFORMED);

    /* The arena serves on. */
    arena_reset(arena);
    buf_clear(&bytes);
    sample_frame(&bytes);
    assert_int_equal(frame_decode(arena, buf_slice(&bytes), &frame), 0);
    arena_destroy(&arena);
    buf_free(&body);
    buf_free(&bytes);
}

static void arena__memory__is_zero_aligned_and_within_the_budget(void **state)
{
    arena_t *arena = arena_new(200000);
    ProtobufCAllocator *allocator = arena_allocator(arena);
    size_t got[2] = {0, 0};

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (;;) {
            uint8_t *at = allocator->alloc(allocator->allocator_data, 1000);
            if (at == NULL) {
                break;
            }
            assert_int_equal((uintptr_t)at % 16, 0);
            for (size_t i = 0; i < 1000; i++) {
                assert_int_equal(at[i], 0);
            }
            memset(at, 0xff, 1000);
            got[round]++;
        }
        assert_true(got[round] >= 190 && got[round] <= 200);
        arena_reset(arena);
    }
    assert_int_equal(got[0], got[1]);
    assert_null(allocator->alloc(allocator->allocator_data, 200001));
    assert_null(allocator->alloc(allocator->allocator_data, SIZE_MAX));
    arena_destroy(&arena);
}

static void message__any_type__decodes_and_encodes(void **state)
{
    arena_t *arena = arena_new(BUDGET_BYTES);
    Waypost__Credit credit = WAYPOST__CREDIT__INIT;
    struct buf bytes = {0};

    (void)state;
    buf_put_u8(&bytes, 0xee);
    credit.events = 5;
    credit.bytes = 6;
    message_encode(&credit.base, &bytes);
    assert_int_equal(bytes.data[0], 0xee);
    const Waypost__Credit *back = message_decode(
        arena, &waypost__credit__descriptor, slice_of(bytes.data + 1, bytes.len - 1));
    assert_non_null(back);
    assert_int_equal(back->events, 5);
    assert_int_equal(back->bytes, 6);
    assert_null(message_decode(arena, &waypost__credit__descriptor, (struct slice){0}));
    assert_non_null(message_decode(arena, &waypost__bye__descriptor, (struct slice){0}));
    arena_destroy(&arena);
    buf_free(&bytes);
}

static void frame__changed_bytes__never_crash(void **state)
{
    uint64_t seed = UINT64_C(0x46524d31);
    arena_t *arena = arena_new(BUDGET_BYTES);
    struct buf whole = {0};
    struct buf event = {0};
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Publish publish = WAYPOST__PUBLISH__INIT;
    Waypost__PublishedEvent one = WAYPOST__PUBLISHED_EVENT__INIT;
    Waypost__PublishedEvent *events[] = {&one, &one};
    Waypost__Signed statement = WAYPOST__SIGNED__INIT;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    sample_full_event(catalogue_kind(1), &event);
    one.event = (ProtobufCBinaryData){event.len, event.data};
    publish.batch = &statement;
    publish.events = events;
    publish.n_events = 2;
    frame.body_case = WAYPOST__FRAME__BODY_PUBLISH;
    frame.publish = &publish;
    frame_encode(&frame, &whole);
    for (int round = 0; round < 20000; round++) {
        struct buf copy = {0};
        Waypost__Frame *out = NULL;
        buf_put_slice(&copy, buf_slice(&whole));
        for (int i = 0; i < 3; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            copy.data[(seed >> 33) % copy.len] = (uint8_t)(seed >> 24);
        }
        (void)frame_decode(arena, buf_slice(&copy), &out);
        arena_reset(arena);
        buf_free(&copy);
    }
    arena_destroy(&arena);
    buf_free(&whole);
    buf_free(&event);
}

/* ---- PUBLISH, decoded by hand ---- */

static void sample_publish(struct buf *out)
{
    static uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};
    const ProtobufCBinaryData some = {sizeof bytes, bytes};
    Waypost__Publish publish = WAYPOST__PUBLISH__INIT;
    Waypost__Signed batch = WAYPOST__SIGNED__INIT;
    Waypost__PublishedEvent events[2] = {
        WAYPOST__PUBLISHED_EVENT__INIT, WAYPOST__PUBLISHED_EVENT__INIT};
    Waypost__PublishedEvent *event_list[] = {&events[0], &events[1]};
    Waypost__Wrap wrap = WAYPOST__WRAP__INIT;
    Waypost__Wrap *wraps[] = {&wrap, &wrap};

    wrap.code = (char *)(uintptr_t) "E09000007";
    wrap.key_id = wrap.ephemeral = wrap.sealed_key = some;
    events[0].event = events[1].event = events[0].payload = some;
    events[0].has_payload = events[1].has_erased = events[1].erased = 1;
    events[0].n_wraps = 2;
    events[0].wraps = wraps;
    batch.statement = batch.signature = some;
    publish.batch = &batch;
    publish.n_events = 2;
    publish.events = event_list;
    publish.register_version = 300;
    message_encode(&publish.base, out);
}

static bool same(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void assert_same_event(const Waypost__PublishedEvent *a, const Waypost__PublishedEvent *b)
{
    assert_true(same(a->event, b->event) && same(a->payload, b->payload));
    assert_true(a->has_payload == b->has_payload && a->has_erased == b->has_erased);
    assert_true(a->erased == b->erased && a->n_wraps == b->n_wraps);
    for (size_t i = 0; i < a->n_wraps; i++) {
        assert_string_equal(a->wraps[i]->code, b->wraps[i]->code);
        assert_true(same(a->wraps[i]->key_id, b->wraps[i]->key_id));
        assert_true(same(a->wraps[i]->ephemeral, b->wraps[i]->ephemeral));
        assert_true(same(a->wraps[i]->sealed_key, b->wraps[i]->sealed_key));
    }
}

static bool has_erased(const Waypost__Publish *publish)
{
    bool has = false;

    for (size_t i = 0; i < publish->n_events; i++) {
        has = has || publish->events[i]->has_erased;
    }
    return has;
}

/* Both readers take the same bytes, and see the same in them. */
static bool assert_same_publish(struct slice bytes, arena_t *ours, arena_t *theirs)
{
    const Waypost__Publish *a = publish_decode(ours, bytes);
    const Waypost__Publish *b = message_decode(theirs, &waypost__publish__descriptor, bytes);

    if (a == NULL) {
        assert_true(
            b == NULL || has_erased(b)); /* protobuf-c 1.4.1 takes any wire type as a bool */
        return false;
    }
    assert_non_null(b);
    assert_true(a->register_version == b->register_version && a->n_events == b->n_events);
    assert_true(same(a->batch->statement, b->batch->statement));
    assert_true(same(a->batch->signature, b->batch->signature));
    for (size_t i = 0; i < a->n_events; i++) {
        assert_same_event(a->events[i], b->events[i]);
    }
    return true;
}

static void publish__changed_bytes__read_as_protobuf_reads_them(void **state)
{
    arena_t *ours = arena_new(BUDGET_BYTES);
    arena_t *theirs = arena_new(BUDGET_BYTES);
    struct buf bytes = {0};
    unsigned taken = 0;

    (void)state;
    sample_publish(&bytes);
    assert_true(assert_same_publish(buf_slice(&bytes), ours, theirs));
    for (size_t at = 0; at < bytes.len; at++) {
        uint8_t before = bytes.data[at];
        for (unsigned value = 0; value < 256; value++) {
            bytes.data[at] = (uint8_t)value;
            taken += assert_same_publish(buf_slice(&bytes), ours, theirs) ? 1 : 0;
            arena_reset(ours);
            arena_reset(theirs);
        }
        bytes.data[at] = before;
        (void)assert_same_publish(slice_of(bytes.data, at), ours, theirs);
    }
    assert_true(taken > bytes.len);
    assert_null(publish_decode(ours, slice_of(bytes.data, 0)));
    buf_free(&bytes);
    arena_destroy(&ours);
    arena_destroy(&theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame__encoded__decodes_to_the_same),
        cmocka_unit_test(frame__that_is_not_ours__is_refused_with_its_code),
        cmocka_unit_test(frame__without_magic__is_of_another_version),
        cmocka_unit_test(frame__beyond_its_limit__is_too_large),
        cmocka_unit_test(frame__that_swells_when_decoded__meets_the_budget),
        cmocka_unit_test(arena__memory__is_zero_aligned_and_within_the_budget),
        cmocka_unit_test(message__any_type__decodes_and_encodes),
        cmocka_unit_test(frame__changed_bytes__never_crash),
        cmocka_unit_test(publish__changed_bytes__read_as_protobuf_reads_them),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
