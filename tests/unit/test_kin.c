/* Which transfers bear on one: by a child of the same reference, and by an event that says that two references are one child. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/agent/cases.h"
#include "client/agent/kin.h"
#include "tests/support/agent_fixture.h"

#include "common/base/banned.h"

enum { TRANSFERS = 4 };

struct world_of_four {
    struct agentfix fix;
    uint8_t ids[TRANSFERS][UUID_BYTES]; /* north and south share ash; east has elm, west has oak */
    char refs[TRANSFERS][UUID_TEXT_BYTES];
};

static json_t *ask(struct world_of_four *self, const char *text)
{
    json_t *answer = agentfix_ask(&self->fix, text);

    if (!json_is_true(json_object_get(answer, "ok"))) {
        fail_msg("%s", json_string_value(json_object_get(answer, "error")));
    }
    return answer;
}

static int setup(void **state)
{
    static const char *const children[TRANSFERS][2] = {
        {"north", "ash"}, {"south", "ash"}, {"east", "elm"}, {"west", "oak"}};
    struct world_of_four *self = mem_new(1, sizeof *self);

    agentfix_setup(&self->fix, NULL);
    agentfix_online(&self->fix);
    for (size_t i = 0; i < TRANSFERS; i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
            "{'op': 'new_transfer', 'origin': 'E09000019', 'receiving': 'E09000007', 'label': "
            "'%s', 'subjects': [{'name': '%s', 'case_type': 'cp'}]}",
            children[i][0], children[i][1]);
        json_t *answer = ask(self, text);
        json_t *child = json_array_get(json_object_get(answer, "subjects"), 0);
        assert_int_equal(
            uuid_parse(json_string_value(json_object_get(answer, "transfer")), self->ids[i]), 0);
        (void)snprintf(self->refs[i], sizeof self->refs[i], "%s",
            json_string_value(json_object_get(child, "ref")));
        json_decref(answer);
    }
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct world_of_four *self = *state;

    agentfix_teardown(&self->fix);
    free(self);
    return 0;
}

/* Bit i: the transfer i bears on the one asked after. */
static unsigned kin_of(struct world_of_four *self, size_t of)
{
    struct buf found = {0};
    unsigned bits = 0;

    kin_find(self->fix.core, self->ids[of], NULL, &found);
    for (size_t at = 0; at < found.len; at += UUID_BYTES) {
        for (unsigned i = 0; i < TRANSFERS; i++) {
            bits |= memcmp(found.data + at, self->ids[i], UUID_BYTES) == 0 ? 1U << i : 0;
        }
    }
    buf_free(&found);
    return bits;
}

static void link_children(struct world_of_four *self, const char *transfer, size_t other)
{
    char text[256];

    (void)snprintf(text, sizeof text,
        "{'op': 'send', 'kind': 'subjects_linked', 'transfer': '%s', 'facts': {'same_child_as': "
        "'%s'}}",
        transfer, self->refs[other]);
    json_decref(ask(self, text));
}

static void kin__children_by_one_reference__are_found_both_ways(void **state)
{
    struct world_of_four *self = *state;

    assert_string_equal(self->refs[0], self->refs[1]);
    assert_int_equal(kin_of(self, 0), 3);
    assert_int_equal(kin_of(self, 1), 3);
    assert_int_equal(kin_of(self, 2), 4);
    assert_int_equal(kin_of(self, 3), 8);
}

static void kin__references_linked__are_found_both_ways_and_beyond(void **state)
{
    struct world_of_four *self = *state;

    link_children(self, "east", 0); /* elm is ash: before it leaves, and once it is accepted */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kin_of(self, 0), 7);
        assert_int_equal(kin_of(self, 1), 7);
        assert_int_equal(kin_of(self, 2), 7);
        assert_int_equal(kin_of(self, 3), 8);
        (void)agentfix_serve(&self->fix);
    }
    link_children(self, "west", 2);
    assert_int_equal(kin_of(self, 0), 15);
    assert_int_equal(kin_of(self, 3), 15);
}

/* The one link of the outbox, said of another transfer, as if somebody else had sent it. */
static void receive_link(struct world_of_four *self, size_t from, size_t to)
{
    struct buf events = {0};
    struct inbox_row row = {.kind = KIN_LINK_KIND, .position = 1};

    store_links(self->fix.store, true, &events);
    assert_true(cases_event_bytes(self->fix.core, events.data, true, &row.bytes));
    uint8_t *at = memmem(row.bytes.data, row.bytes.len, self->ids[from], UUID_BYTES);
    assert_non_null(at);
    memcpy(at, self->ids[to], UUID_BYTES);
    memcpy(row.event, events.data, UUID_BYTES);
    memcpy(row.transfer, self->ids[to], UUID_BYTES);
    store_begin(self->fix.store);
    row.evidence = store_evidence_put(self->fix.store, slice_of("s", 1), slice_of("s", 1), 1, 1);
    store_inbox_add(self->fix.store, &row);
    assert_int_equal(store_commit(self->fix.store), 0);
    inbox_row_free(&row);
    buf_free(&events);
}

static void kin__references_linked_by_another_authority__are_found(void **state)
{
    struct world_of_four *self = *state;

    link_children(self, "east", 0);
    assert_int_equal(kin_of(self, 3), 8);
    receive_link(self, 2, 3); /* oak is ash too */
    assert_int_equal(kin_of(self, 0), 15);
    assert_int_equal(kin_of(self, 3), 15);
}

static void kin__event_about_to_be_said__counts(void **state)
{
    struct world_of_four *self = *state;
    struct buf events = {0};
    struct buf bytes = {0};
    struct buf found = {0};
    struct event_view said;

    link_children(self, "east", 3);
    store_links(self->fix.store, true, &events);
    assert_int_equal(events.len, UUID_BYTES);
    assert_true(cases_event_bytes(self->fix.core, events.data, true, &bytes));
    assert_int_equal(event_read(buf_slice(&bytes), &said, NULL), 0);
    assert_int_equal(said.kind, KIN_LINK_KIND);
    memcpy(said.transfer, self->ids[0], UUID_BYTES); /* as if north said that ash is oak */
    kin_find(self->fix.core, self->ids[0], &said, &found);
    assert_int_equal(found.len, 4 * UUID_BYTES);
    buf_free(&found);
    buf_free(&bytes);
    buf_free(&events);
}

static void link_kind__number_of_the_indexes__is_that_of_the_catalogue(void **state)
{
    (void)state;
    assert_int_equal(catalogue_kind_named("subjects_linked")->number, KIN_LINK_KIND);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            kin__children_by_one_reference__are_found_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(
            kin__references_linked__are_found_both_ways_and_beyond, setup, teardown),
        cmocka_unit_test_setup_teardown(
            kin__references_linked_by_another_authority__are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(kin__event_about_to_be_said__counts, setup, teardown),
        cmocka_unit_test(link_kind__number_of_the_indexes__is_that_of_the_catalogue),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests_name("kin", tests, NULL, NULL);
}
