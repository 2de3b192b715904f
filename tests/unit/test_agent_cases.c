/* What an agent folds for its view of the cases: in the journal's order, also where its own clock says otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/agent/cases_steps.h"
#include "tests/support/agent_fixture.h"

#include "common/base/banned.h"

/* An event of Camden's comes; what the journal holds from then on stands behind it. */
static void take(struct agentfix *self)
{
    agentfix_deliver(self, 0, false, FAULT_NONE);
    agentfix_grow(self, 8);
}

/* The next acknowledgement gets the next place in the journal. */
static void place_ack(struct agentfix *self)
{
    self->ack_leaf = self->leaf_count;
    agentfix_grow(self, 1);
    agentfix_acked(self);
}

static void say(struct agentfix *self)
{
    json_decref(agentfix_ask(self,
        "{'op':'new_transfer','label':'T','origin':'E09000019','receiving':'E09000007',"
        "'subjects':[{'name':'ash','case_type':'cp'}]}"));
    json_decref(agentfix_ask(self,
        "{'op':'send','kind':'move_notified','transfer':'T','facts':{'permanence':'permanent'},"
        "'allow_incomplete':true}"));
    assert_int_equal(agentfix_serve(self), 1);
}

/* "A" accepted, "P" persisted, "O" opened, "S" sent; small where it is of ours. */
static void expect_order(struct agentfix *self, const char *want)
{
    static const char letters[] = "APOES";
    char found[16] = "";
    struct steps steps;

    acking_flush(self->core);
    steps_collect(self->core, NULL, &steps);
    assert_true(steps.count < sizeof found);
    for (size_t i = 0; i < steps.count; i++) {
        const struct step *step = &steps.items[i];
        found[i] = (char)(letters[step->what] + (step->own ? 'a' - 'A' : 0));
    }
    steps_free(&steps);
    assert_string_equal(found, want);
}

static void persisted__acknowledged_behind_our_own_event__stands_behind_it(void **state)
{
    struct agentfix *self = *state;

    take(self);
    say(self);
    place_ack(self);
    expect_order(self, "AaP");
}

static void persisted__acknowledged_before_our_own_event__stands_before_it(void **state)
{
    struct agentfix *self = *state;

    take(self);
    place_ack(self);
    self->wall_ms -= 5000; /* the clock is set right: what comes later has an earlier time */
    say(self);
    expect_order(self, "APa");
}

static void persisted__not_acknowledged_yet__comes_last(void **state)
{
    struct agentfix *self = *state;

    take(self);
    say(self);
    expect_order(self, "AaP");
}

/* A broker of before says no place: time decides, and it was here before ours was accepted. */
static void persisted__at_a_place_that_is_not_known__goes_by_its_time(void **state)
{
    struct agentfix *self = *state;

    take(self);
    agentfix_acked(self);
    self->wall_ms += 60000;
    say(self);
    expect_order(self, "APa");
}

static void place__that_was_told__is_known_after_a_restart(void **state)
{
    struct agentfix *self = *state;

    take(self);
    say(self);
    place_ack(self);
    agentfix_pass(self, AGENT_OWN_ACKS_KEEP_MS + 1);
    assert_int_equal(self->core->own_ack_count, 0);
    assert_int_equal(store_own_ack_leaf(self->store, self->stream_epoch, 1), self->ack_leaf);
}

int main(void)
{
#define CASES_TEST(name) cmocka_unit_test_setup_teardown(name, agentfix_begin, agentfix_end)
    const struct CMUnitTest tests[] = {
        CASES_TEST(persisted__acknowledged_behind_our_own_event__stands_behind_it),
        CASES_TEST(persisted__acknowledged_before_our_own_event__stands_before_it),
        CASES_TEST(persisted__not_acknowledged_yet__comes_last),
        CASES_TEST(persisted__at_a_place_that_is_not_known__goes_by_its_time),
        CASES_TEST(place__that_was_told__is_known_after_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
