/* Tests of common/base: bytes, uuid, words, err. */
#include "common/base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/err.h"
#include "common/base/uuid.h"
#include "common/base/words.h"

#include "common/base/banned.h"

/* Too much is no error of the program's, for a sanitizer either. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void cursor__short_input__fails_once_and_stays_failed(void **state)
{
    const uint8_t bytes[] = {1, 2, 3};
    struct cursor cursor = cursor_of(slice_of(bytes, sizeof bytes));

    (void)state;
    assert_int_equal(take_u16(&cursor), 0x0201);
    assert_int_equal(take_u32(&cursor), 0);
    assert_true(cursor.failed);
    assert_int_equal(take_u8(&cursor), 0);
}

static void varint__edges__go_there_and_back(void **state)
{
    static const uint64_t rows[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf buf = {0};
        buf_put_varint(&buf, rows[i]);
        struct cursor cursor = cursor_of(buf_slice(&buf));
        assert_true(take_varint(&cursor) == rows[i]);
        assert_false(cursor.failed);
        assert_int_equal(cursor.rest.len, 0);
        buf_free(&buf);
    }
}

static void varint__eleven_bytes_or_overflow__fails(void **state)
{
    const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1};
    const uint8_t over[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};
    struct cursor a = cursor_of(slice_of(endless, sizeof endless));
    struct cursor b = cursor_of(slice_of(over, sizeof over));

    (void)state;
    (void)take_varint(&a);
    (void)take_varint(&b);
    assert_true(a.failed);
    assert_true(b.failed);
}

static void hex__wrong_length_or_digit__leaves_the_output_alone(void **state)
{
    uint8_t out[2] = {7, 7};

    (void)state;
    assert_int_equal(hex_decode("00", out, 2), E_MALFORMED);
    assert_int_equal(hex_decode("00fg", out, 2), E_MALFORMED);
    assert_int_equal(out[0], 7);
    assert_int_equal(hex_decode("aB01", out, 2), 0);
    assert_int_equal(out[0], 0xab);
}

static int64_t still_ms;

static int64_t fake_ms(void *context)
{
    (void)context;
    return still_ms;
}

static uint8_t last_random;

static void fake_random(void *context, void *out, size_t len)
{
    (void)context;
    memset(out, 0xff, len);
}

static void uuid7__same_millisecond_and_clock_going_back__still_rises(void **state)
{
    const struct world world = {fake_ms, fake_ms, fake_random, NULL};
    uint8_t last[UUID_BYTES] = {0};
    uint8_t before[UUID_BYTES];

    (void)state;
    still_ms = INT64_C(1773655500000);
    uuid7_next(&world, last);
    for (int i = 0; i < 1000; i++) {
        memcpy(before, last, sizeof last);
        still_ms -= 3;
        uuid7_next(&world, last);
        assert_true(memcmp(last, before, sizeof last) > 0);
        assert_int_equal(last[6] >> 4, 7);
        assert_int_equal(last[8] >> 6, 2);
    }
}

static void stepping_random(void *context, void *out, size_t len)
{
    (void)context;
    memset(out, ++last_random, len);
}

/* A database put back to a copy, twice: what both lives say in one moment must not share an id. */
static void uuid7__from_the_same_last_one__differs(void **state)
{
    const struct world world = {fake_ms, fake_ms, stepping_random, NULL};
    uint8_t last[UUID_BYTES] = {0};
    uint8_t once[UUID_BYTES];
    uint8_t again[UUID_BYTES];

    (void)state;
    still_ms = INT64_C(1773655500000);
    uuid7_next(&world, last);
    still_ms -= 3600000;
    memcpy(once, last, sizeof last);
    memcpy(again, last, sizeof last);
    uuid7_next(&world, once);
    uuid7_next(&world, again);
    assert_memory_not_equal(once, again, sizeof once);
}

static void uuid__text__goes_there_and_back(void **state)
{
    const char *text = "0195a0c1-2b3c-7def-8abc-0123456789ab";
    uint8_t id[UUID_BYTES];
    char again[UUID_TEXT_BYTES];

    (void)state;
    assert_int_equal(uuid_parse(text, id), 0);
    uuid_format(id, again);
    assert_string_equal(again, text);
    assert_int_equal(uuid_parse("0195a0c1-2b3c-7def-8abc-0123456789a", id), E_ID);
    assert_int_equal(uuid_parse("0195a0c12-b3c-7def-8abc-0123456789ab", id), E_ID);
}

static void nearest__typos__find_their_word_and_strangers_none(void **state)
{
    static const char *const known[] = {
        "move_notified", "move_updated", "written_acceptance", "send", "show"};
    const size_t count = sizeof known / sizeof known[0];

    (void)state;
    assert_string_equal(words_nearest_of("move_notifed", known, count), "move_notified");
    assert_string_equal(words_nearest_of("sned", known, count), "send");
    assert_string_equal(words_nearest_of("writen_aceptance", known, count), "written_acceptance");
    assert_null(words_nearest_of("zebra", known, count));
}

static void parse_u64__edges__are_kept(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_int_equal(text_parse_u64("18446744073709551615", 0, UINT64_MAX, &value), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(text_parse_u64("18446744073709551616", 0, UINT64_MAX, &value), E_RANGE);
    assert_int_equal(text_parse_u64("-1", 0, 5, &value), E_MALFORMED);
    assert_int_equal(text_parse_u64("", 0, 5, &value), E_MALFORMED);
    assert_int_equal(text_parse_u64("6", 0, 5, &value), E_RANGE);
}

static void err__every_code__has_a_name_and_a_sentence(void **state)
{
    static const int codes[] = {
#define ERR_CODE(name, number, sentence) name,
        ERR_TABLE(ERR_CODE)
#undef ERR_CODE
    };

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_int_equal(codes[i], -(int)(i + 1)); /* numbers are never changed */
        assert_string_not_equal(err_name(codes[i]), "E_UNKNOWN");
        assert_true(strlen(err_text(codes[i])) > 5);
    }
    assert_string_equal(err_name(-9999), "E_UNKNOWN");
}

static void complain__controls_and_broken_utf8__are_not_repeated(void **state)
{
    static const struct {
        const char *said, *want;
    } rows[] = {
        {"plain", "plain"}, {"a\nb\x1b[2Jc\x7f", "a?b?[2Jc?"},
        {"\xc2\x9b"
         "2J",
            "??2J"}, /* CSI as one character */
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82"},
        {"cut \xe2\x82", "cut ??"}, {"to \xe2\x80\xae camden", "to ??? camden"},
        {"\xe2\x81\xa6 \xe2\x81\xaa", "??? \xe2\x81\xaa"}, /* isolate; U+206A turns nothing */
        {"\xc0\xaf \xed\xa0\x80 \xf5\x80\x80\x80",
            "?? ??? ????"}, /* overlong, surrogate, too high */
    };
    struct complaint why;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(complain(&why, E_RANGE, "%s", rows[i].said), E_RANGE);
        assert_string_equal(why.text, rows[i].want);
    }
}

/* How a process ends that wants more than there can be; its words into out. */
static int end_without_memory(void (*want)(void), char *out, size_t room)
{
    int ends[2];
    int status = 0;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        want();
        _exit(0);
    }
    (void)close(ends[1]);
    size_t used = 0;
    ssize_t len = 1;
    while (len > 0 && used < room - 1) { /* a sanitizer warns first */
        len = read(ends[0], out + used, room - 1 - used);
        used += len > 0 ? (size_t)len : 0;
    }
    out[used] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void want_new(void)
{
    free(mem_new(SIZE_MAX / 4, 1));
}

static void want_more(void)
{
    free(mem_resize(NULL, SIZE_MAX / 4, 8)); /* no number of bytes at all */
}

static void want_bytes(void)
{
    struct buf buf = {0};

    buf_reserve(&buf, SIZE_MAX / 8);
    buf_free(&buf);
}

static void mem__where_there_is_none__ends_the_program_with_a_sentence(void **state)
{
    static void (*const wants[])(void) = {want_new, want_more, want_bytes};

    (void)state;
    for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++) {
        char said[8192];
        assert_int_equal(end_without_memory(wants[i], said, sizeof said), EXIT_FAILURE);
        assert_non_null(strstr(said, "out of memory: "));
        assert_non_null(strstr(said, "what was accepted is kept"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursor__short_input__fails_once_and_stays_failed),
        cmocka_unit_test(varint__edges__go_there_and_back),
        cmocka_unit_test(varint__eleven_bytes_or_overflow__fails),
        cmocka_unit_test(hex__wrong_length_or_digit__leaves_the_output_alone),
        cmocka_unit_test(uuid7__from_the_same_last_one__differs),
        cmocka_unit_test(uuid7__same_millisecond_and_clock_going_back__still_rises),
        cmocka_unit_test(uuid__text__goes_there_and_back),
        cmocka_unit_test(nearest__typos__find_their_word_and_strangers_none),
        cmocka_unit_test(parse_u64__edges__are_kept),
        cmocka_unit_test(err__every_code__has_a_name_and_a_sentence),
        cmocka_unit_test(complain__controls_and_broken_utf8__are_not_repeated),
        cmocka_unit_test(mem__where_there_is_none__ends_the_program_with_a_sentence),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
