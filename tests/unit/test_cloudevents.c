/*
 * data/vectors/cloudevents.json is what docs/CLOUDEVENTS.md means, for whoever writes another implementation: events with
 * their CloudEvents, and CloudEvents that must be refused. Everything in it is invented. Whoever changes the mapping on
 * purpose writes the file anew: UPDATE=1 in front of this test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/replay/cloudevents.h"
#include "common/codec/event.h"

#include "common/base/banned.h"

#define FILE_NAME "data/vectors/cloudevents.json"
#define NETWORK "example-net"

enum { UNKNOWN_KIND = 4711 };

/* ---- events, made from fixed values ---- */

struct made {
    const char *name, *kind, *facts[4][2];
    uint32_t number; /* of the kind, 0: by its name */
    size_t recipients;
};

static const struct made events[] = {
    {"one of the four", "move_notified",
        {{"permanence", "permanent"}, {"retain_intention", "transfer"}}, 0, 1},
    {"to two authorities", "written_acceptance",
        {{"signatory_role", "team_manager"}, {"letter_ref", "EX-1"}}, 0, 2},
    {"without facts", "documents_complete", {{NULL, NULL}}, 0, 1},
    {"of a kind that the writer does not know", "documents_complete", {{NULL, NULL}}, UNKNOWN_KIND,
        1},
};
enum { EVENTS = sizeof events / sizeof events[0] };

static void fill(uint8_t *id, uint8_t first)
{
    for (size_t i = 0; i < UUID_BYTES; i++) {
        id[i] = (uint8_t)(first + i);
    }
}

static void make_event(const struct made *made, uint8_t number, struct buf *out)
{
    struct event_draft draft = {.fact_count = 0};
    struct event_view *head = &draft.head;
    struct fact_text facts[4];
    struct buf header = {0};
    struct buf body = {0};
    struct complaint why = {0};

    fill(head->id, number);
    head->id[6] = (uint8_t)(0x70 | (head->id[6] & 15));
    head->id[8] = (uint8_t)(0x80 | (head->id[8] & 63));
    fill(head->transfer, (uint8_t)(number + 64));
    head->kind = catalogue_kind_named(made->kind)->number;
    head->schema = CATALOGUE_SCHEMA;
    (void)snprintf(head->origin, sizeof head->origin, "E09000019");
    (void)snprintf(head->receiving, sizeof head->receiving, "E09000007");
    (void)snprintf(head->from, sizeof head->from, "E09000019");
    head->subject_count = 1;
    fill(head->subjects[0].ref, (uint8_t)(number + 128));
    head->subjects[0].case_type = 1;
    head->recipient_count = made->recipients;
    static const char *const codes[] = {"E09000007", "E08000035"};
    for (size_t i = 0; i < made->recipients; i++) {
        (void)snprintf(head->to[i].code, sizeof head->to[i].code, "%s", codes[i]);
        head->to[i].n = i + 1;
    }
    head->occurred_ms = 1773655500000 + number;
    head->sent_ms = 1773655560007 + number;
    head->incarnation = 1;
    head->sequence = number;
    for (size_t i = 0; i < 4 && made->facts[i][0] != NULL; i++) {
        facts[draft.fact_count++] = (struct fact_text){made->facts[i][0], made->facts[i][1]};
    }
    draft.facts = facts;
    int rc = event_encode(&draft, &header, &body, &why);
    if (rc != 0) {
        print_error("%s\n", why.text);
    }
    assert_int_equal(rc, 0);
    if (made->number !=
        0) { /* the kind's field comes behind the id: 10 ID 18, as a varint of two bytes */
        uint8_t id_len = header.data[1];
        size_t at = 2 + (size_t)id_len + 1;
        struct buf changed = {0};
        buf_put(&changed, header.data, at);
        buf_put_varint(&changed, made->number);
        size_t old = 1;
        while ((header.data[at + old - 1] & 0x80) != 0) {
            old++;
        }
        buf_put(&changed, header.data + at + old, header.len - at - old);
        buf_free(&header);
        header = changed;
    }
    event_join(buf_slice(&header), buf_slice(&body), NULL, out);
    buf_free(&header);
    buf_free(&body);
}

/* ---- the file ---- */

static json_t *hex_json(struct slice bytes)
{
    char *text = mem_new(2 * bytes.len + 1, 1);

    hex_encode(bytes.data, bytes.len, text);
    json_t *json = json_string(text);
    free(text);
    return json;
}

/* What must be refused: one thing of a good event changed. */
static json_t *refused_json(const json_t *good)
{
    static const char *const changes[][3] = {
        {"another id", "id", "01020304-0506-7708-890a-0b0c0d0e0f11"},
        {"another source", "source", "waypost://example-net/E09000007"},
        {"another network's form", "source", "https://example.org/E09000019"},
        {"another type", "type", "waypost.case_closed.v1"},
        {"another schema", "type", "waypost.move_notified.v2"},
        {"another transfer", "subject", "00000000-0000-4000-8000-000000000000"},
        {"another time", "time", "2026-03-16T10:06:00.009Z"},
        {"another recipient", "waypostto", "E08000035"},
        {"another version of CloudEvents", "specversion", "0.3"},
    };
    json_t *refused = json_array();

    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        json_t *event = json_deep_copy(good);
        json_object_set_new(event, changes[i][1], json_string(changes[i][2]));
        json_array_append_new(
            refused, json_pack("{s:s, s:o}", "name", changes[i][0], "cloudevent", event));
    }
    static const char *const exact[][2] = {
        {"bytes that are no event", "AAAA"}, {"no base64", "***"}, {"no bytes", ""}};
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        json_t *event = json_deep_copy(good);
        json_object_set_new(json_object_get(event, "data"), "exact", json_string(exact[i][1]));
        json_array_append_new(
            refused, json_pack("{s:s, s:o}", "name", exact[i][0], "cloudevent", event));
    }
    json_t *bare = json_deep_copy(good);
    json_object_del(bare, "data");
    json_array_append_new(refused, json_pack("{s:s, s:o}", "name", "no data", "cloudevent", bare));
    return refused;
}

static json_t *vectors_json(void)
{
    json_t *list = json_array();
    json_t *first = NULL;

    for (size_t i = 0; i < EVENTS; i++) {
        struct buf bytes = {0};
        make_event(&events[i], (uint8_t)(i + 1), &bytes);
        json_t *event = cloudevent_of(NETWORK, buf_slice(&bytes));
        assert_non_null(event);
        first = first == NULL ? event : first;
        json_array_append_new(list,
            json_pack("{s:s, s:o, s:o}", "name", events[i].name, "exact",
                hex_json(buf_slice(&bytes)), "cloudevent", event));
        buf_free(&bytes);
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "about",
        "Waypost events as CloudEvents: docs/CLOUDEVENTS.md. `exact` is hexadecimal; everything is "
        "invented.",
        "network", NETWORK, "events", list, "refused", refused_json(first));
}

static void vectors__made_again__are_those_of_the_file(void **state)
{
    (void)state;
    json_t *made = vectors_json();
    if (getenv("UPDATE") != NULL) {
        assert_int_equal(json_dump_file(made, FILE_NAME, JSON_INDENT(2)), 0);
    }
    json_t *kept = json_load_file(FILE_NAME, 0, NULL);
    assert_non_null(kept);
    assert_true(json_equal(made, kept));
    json_decref(made);
    json_decref(kept);
}

static void vectors__of_the_file__are_read_or_refused_as_they_say(void **state)
{
    size_t i;
    json_t *row;

    (void)state;
    json_t *file = json_load_file(FILE_NAME, 0, NULL);
    assert_non_null(file);
    json_array_foreach(json_object_get(file, "events"), i, row)
    {
        struct buf exact = {0};
        struct complaint why = {0};
        assert_int_equal(
            cloudevent_read(json_object_get(row, "cloudevent"), NETWORK, &exact, &why), 0);
        json_t *hex = hex_json(buf_slice(&exact));
        assert_true(json_equal(hex, json_object_get(row, "exact")));
        json_decref(hex);
        buf_free(&exact);
    }
    assert_int_equal(i, EVENTS);
    json_array_foreach(json_object_get(file, "refused"), i, row)
    {
        struct buf exact = {0};
        struct complaint why = {0};
        int rc = cloudevent_read(json_object_get(row, "cloudevent"), NULL, &exact, &why);
        if (rc == 0) {
            print_error("%s\n", json_string_value(json_object_get(row, "name")));
        }
        assert_int_not_equal(rc, 0);
        assert_true(why.text[0] != '\0');
        assert_int_equal(exact.len, 0);
        buf_free(&exact);
    }
    assert_true(i > 10);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors__made_again__are_those_of_the_file),
        cmocka_unit_test(vectors__of_the_file__are_read_or_refused_as_they_say),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
