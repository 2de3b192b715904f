/* test_payload: the plain bytes of the sealed part, there and back. */
#include "tests/unit/codec_sample.h"

#include "kinds.pb-c.h"

#include "common/base/banned.h"

struct typed_case {
    const char *name;
    const char *value;
    int want;
    const char *hint; /* stands in the sentence */
};

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void payload__facts_and_files__come_back(void **state)
{
    const struct fact_text facts[] = {{"narrative", "All quiet \xc3\xa9"}, {"dob", "2015-02-14"}};
    const struct attachment files[] = {
        {"plan.pdf", {(const uint8_t *)"\x01\x02\x03", 3}}, {"empty", {NULL, 0}}};
    struct buf plain = {0};
    struct complaint why = {0};

    (void)state;
    assert_int_equal(payload_encode(facts, 2, files, 2, &plain, &why), 0);
    Waypost__Payload *payload = waypost__payload__unpack(NULL, plain.len, plain.data);
    assert_non_null(payload);
    assert_string_equal(payload->narrative, "All quiet \xc3\xa9");
    assert_int_equal(payload->dob, 16480);
    assert_int_equal(payload->n_attachments, 2);
    assert_int_equal(waypost__payload__get_packed_size(payload), plain.len);
    waypost__payload__free_unpacked(payload, NULL);

    json_t *json = payload_json(buf_slice(&plain));
    assert_non_null(json);
    assert_string_equal(text_at(json, "dob"), "2015-02-14");
    assert_string_equal(text_at(json, "narrative"), "All quiet \xc3\xa9");
    const json_t *file = json_array_get(json_object_get(json, "attachments"), 0);
    assert_string_equal(text_at(file, "name"), "plan.pdf");
    assert_string_equal(text_at(file, "base64"), "AQID");
    assert_int_equal(json_integer_value(json_object_get(file, "bytes")), 3);
    json_decref(json);
    buf_free(&plain);
}

static void payload__what_cannot_be__is_refused(void **state)
{
    static const struct typed_case cases[] = {
        {"permanence", "permanent", E_FACT_NOT_LISTED, "in the clear"},
        {"narative", "x", E_FACT, "did you mean narrative"},
        {"dob", "14/02/2015", E_DATE, "YYYY-MM-DD"},
        {"narrative", "", E_FACT_VALUE, "empty"},
        {"narrative", "\xff", E_UTF8, "UTF-8"},
    };
    static const char *const names[] = {"", "a/b", "../x", ".hidden", "a\nb", "\xff", "a\\b"};
    struct buf out = {0};
    struct complaint why = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fact_text fact = {cases[i].name, cases[i].value};
        assert_int_equal(payload_encode(&fact, 1, NULL, 0, &out, &why), cases[i].want);
        assert_non_null(strstr(why.text, cases[i].hint));
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct attachment file = {names[i], {0}};
        assert_int_equal(payload_encode(NULL, 0, &file, 1, &out, &why), E_FACT_VALUE);
    }
    uint8_t *big = mem_new(SEAL_PLAIN_BYTES_MAX, 1);
    struct attachment file = {"big", slice_of(big, SEAL_PLAIN_BYTES_MAX - 13)};
    assert_int_equal(payload_encode(NULL, 0, &file, 1, &out, &why), E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    free(big);
    buf_free(&out);
    assert_null(payload_json(slice_of("\xff", 1)));
    assert_null(payload_json(slice_of("\xca\x0b\x01\xff", 4)));
    assert_null(payload_json(slice_of("\xc2\x3e\x03\x0a\x01/", 6)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload__facts_and_files__come_back),
        cmocka_unit_test(payload__what_cannot_be__is_refused),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
