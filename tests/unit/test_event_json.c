/* test_event_json: the clear part as people and case systems get it. */
#include "tests/unit/codec_sample.h"

#include "common/base/banned.h"

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void json__an_event__reads_as_a_person_writes(void **state)
{
    const struct fact_text facts[] = {{"action", "set"}, {"agencies_told", "hospitals,police"},
        {"flag_start", "2026-03-16"}, {"home_authority", "E09000019"}, {"mode", "test"},
        {"ref", SAMPLE_UUID}};
    struct event_draft draft = {.head = sample_head(2), .facts = facts, .fact_count = 6};
    struct event_view view;
    struct buf bytes = {0};

    (void)state;
    sample_event(&draft, &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
    json_t *json = event_json(&view);
    const json_t *said = json_object_get(json, "facts");
    assert_string_equal(text_at(json, "id"), SAMPLE_UUID);
    assert_string_equal(text_at(json, "kind"), "temporary_plan_flag");
    assert_string_equal(text_at(json, "title"), "Temporary plan flag set or cleared");
    assert_string_equal(text_at(json, "sent"), "2026-03-16T10:05:00.000Z");
    assert_string_equal(text_at(json, "mode"), "test");
    assert_string_equal(text_at(json, "ref"), SAMPLE_UUID);
    assert_string_equal(text_at(json, "incarnation"), "fedcba9876543210");
    assert_string_equal(text_at(said, "action"), "set");
    assert_string_equal(text_at(said, "flag_start"), "2026-03-16");
    assert_string_equal(text_at(said, "home_authority"), "E09000019");
    const json_t *told = json_object_get(said, "agencies_told");
    assert_int_equal(json_array_size(told), 2);
    assert_string_equal(json_string_value(json_array_get(told, 1)), "police");
    const json_t *to = json_array_get(json_object_get(json, "to"), 0);
    assert_string_equal(text_at(to, "code"), "E09000007");
    assert_int_equal(json_integer_value(json_object_get(to, "n")), 3);
    const json_t *subject = json_array_get(json_object_get(json, "subjects"), 0);
    assert_string_equal(text_at(subject, "case_type"), "cp");
    json_decref(json);
    buf_free(&bytes);
}

static void json__an_unknown_kind__shows_its_number_and_bytes(void **state)
{
    struct buf bytes = {0};
    struct event_view view;

    (void)state;
    sample_raw_event(120, slice_of("\x08\x07", 2), &bytes);
    assert_int_equal(event_read(buf_slice(&bytes), &view, NULL), 0);
    assert_int_equal(event_check(&view, SAMPLE_NOW_MS, true, NULL), 0);
    json_t *json = event_json(&view);
    assert_string_equal(text_at(json, "kind"), "kind 120");
    assert_string_equal(text_at(json, "facts_hex"), "c207020807");
    assert_null(json_object_get(json, "facts"));
    json_decref(json);
    buf_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__an_event__reads_as_a_person_writes),
        cmocka_unit_test(json__an_unknown_kind__shows_its_number_and_bytes),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
