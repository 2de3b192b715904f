/* What a hub was told, told again page by page (S-35): everything of a whole journal, and of a damaged one all but what is
 * lost, with a count of that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "tests/support/damage.h"

#include "common/base/banned.h"

static const char *const to_camden[] = {CODE_CAMDEN, NULL};

enum { BATCHES = 4 };

/* Everything from a leaf on, over all its pages. */
struct told {
    size_t events, acks;
    uint64_t unreadable, untold;
    uint64_t end;      /* the leaf behind it */
    size_t facts_only; /* of the events: their payload is not for a hub */
};

static int setup(void **state)
{
    int rc = core_fixture_setup(state);
    struct core_fixture *f = *state;

    log_init("test", (enum log_level)(LOG_ERROR + 1)); /* each damage is said */
    for (int i = 0; i < BATCHES; i++) {
        (void)agent_write_payload(&f->agents[ISLINGTON], to_camden, "sealed words of some length");
        agent_publish(&f->agents[ISLINGTON], 0, 1);
        core_fixture_settle(f);
    }
    assert_int_equal(agent_count(&f->agents[HUB], WAYPOST__ENTRY__WHAT_EVENT), BATCHES);
    return rc;
}

static const Waypost__Past *ask(struct core_fixture *f, size_t who, uint64_t leaf, uint64_t skip)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__FetchPast body = WAYPOST__FETCH_PAST__INIT;

    core_fixture_listen(f);
    body.from_leaf = leaf;
    body.skip = skip;
    frame.body_case = WAYPOST__FRAME__BODY_FETCH_PAST;
    frame.fetch_past = &body;
    agent_say(&f->agents[who], &frame);
    const Waypost__Frame *answer = core_fixture_find(f, &f->agents[who], WAYPOST__FRAME__BODY_PAST);
    return answer == NULL ? NULL : answer->past;
}

static struct told fetch(struct core_fixture *f, uint64_t leaf)
{
    struct told told = {.end = leaf};
    uint64_t skip = 0;
    bool done = false;

    while (!done) {
        const Waypost__Past *page = ask(f, HUB, told.end, skip);
        assert_non_null(page);
        assert_true(page->done || page->next_leaf > told.end || page->next_skip > skip);
        for (size_t i = 0; i < page->n_entries; i++) {
            bool event = page->entries[i]->what_case == WAYPOST__ENTRY__WHAT_EVENT;
            told.events += event;
            told.facts_only += event && page->entries[i]->event->payload_absent == 1;
            told.acks += page->entries[i]->what_case == WAYPOST__ENTRY__WHAT_ACK;
        }
        told.unreadable += page->has_unreadable ? page->unreadable : 0;
        told.untold += page->has_untold ? page->untold : 0;
        told.end = page->next_leaf;
        skip = page->next_skip;
        done = page->done;
    }
    return told;
}

/* Whatever is lost lies behind a snapshot, or the broker would not start. */
static void lose(struct core_fixture *f, uint8_t type, unsigned from_end, enum damage_part part)
{
    core_fixture_snapshot(f);
    (void)damage_lose(f, type, from_end, part);
    assert_int_equal(core_fixture_try_restart(f), 0);
    agent_hello(&f->agents[HUB]);
    core_fixture_settle_some(f);
}

static void past__of_a_whole_journal__is_all_that_the_hub_was_told(void **state)
{
    struct core_fixture *f = *state;

    struct told told = fetch(f, 0);
    assert_int_equal(told.events, BATCHES);
    assert_int_equal(told.acks, agent_count(&f->agents[HUB], WAYPOST__ENTRY__WHAT_ACK));
    assert_int_equal(told.unreadable, 0);
    assert_int_equal(told.untold, 0);
    assert_int_equal(told.end, journal_size(f->base.journal));
    assert_int_equal(core_counter(f->core, COUNTER_UNREADABLE), 0);
}

static void past__of_anybody_but_a_hub__is_refused(void **state)
{
    struct core_fixture *f = *state;

    assert_null(ask(f, CAMDEN, 0, 0));
    core_fixture_listen(f);
    assert_int_equal(f->agents[CAMDEN].refused, E_NOT_ALLOWED);
}

static void past__from_beyond_the_end__is_nothing(void **state)
{
    struct core_fixture *f = *state;

    struct told told = fetch(f, UINT64_MAX);
    assert_int_equal(told.events + told.acks, 0);
    assert_int_equal(told.unreadable, 0);
}

/* Its record is missing, and so is the entry that the judged record names. */
static void past__that_lacks_a_batch__is_all_but_its_entry(void **state)
{
    struct core_fixture *f = *state;

    lose(f, RECORD_BATCH, 1, PART_EVENTS);
    struct told told = fetch(f, 0);
    assert_int_equal(told.events, BATCHES - 1);
    assert_int_equal(told.acks, BATCHES);
    assert_int_equal(told.unreadable, 1);
    assert_int_equal(told.untold, 1);
    assert_int_equal(told.end, journal_size(f->base.journal));
    assert_int_equal(f->agents[HUB].refused, 0);
    assert_true(core_counter(f->core, COUNTER_UNREADABLE) > 0);
}

/* The record stands but for its payload, which a hub does not get: nothing is missing there. Who is to get it waits. */
static void past__that_lacks_a_payload__is_all_that_the_hub_was_told(void **state)
{
    struct core_fixture *f = *state;

    lose(f, RECORD_BATCH, 1, PART_PAYLOAD);
    struct told told = fetch(f, 0);
    assert_int_equal(told.events, BATCHES);
    assert_int_equal(told.facts_only, BATCHES);
    assert_int_equal(told.unreadable, 0);
    assert_int_equal(told.untold, 0);
    assert_int_equal(core_counter(f->core, COUNTER_UNREADABLE), 0);
}

/* Of each batch the recipient's acknowledgement is the first of four. */
enum { OF_RECIPIENT = 3 };

static void assert_lost(uint8_t type, unsigned from_end, struct told want)
{
    void *state = NULL;

    (void)setup(&state);
    lose(state, type, from_end, PART_HEADER);
    struct told told = fetch(state, 0);
    assert_int_equal(told.events, want.events);
    assert_int_equal(told.acks, want.acks);
    assert_int_equal(told.unreadable, want.unreadable);
    assert_int_equal(told.untold, want.untold);
    (void)core_fixture_teardown(&state);
}

static void past__that_lacks_a_record_of_another_kind__says_so(void **state)
{
    (void)state;
    assert_lost(RECORD_JUDGED, 0,
        (struct told){.events = BATCHES - 1, .acks = BATCHES, .unreadable = 1, .untold = 0});
    assert_lost(RECORD_ACK, OF_RECIPIENT,
        (struct told){.events = BATCHES, .acks = BATCHES - 1, .unreadable = 1, .untold = 1});
    assert_lost(RECORD_ACKED, OF_RECIPIENT,
        (struct told){.events = BATCHES, .acks = BATCHES - 1, .unreadable = 1, .untold = 0});
    assert_lost(RECORD_DERIVED, 0,
        (struct told){.events = BATCHES, .acks = BATCHES, .unreadable = 1, .untold = 0});
}

/* Wherever a page begins: what is lost before it is not counted, and what comes is counted once. */
static void past__begun_at_any_record__counts_what_is_lost_from_there_on(void **state)
{
    struct core_fixture *f = *state;

    lose(f, RECORD_JUDGED, 1, PART_HEADER);
    uint64_t counted = fetch(f, 0).unreadable;
    assert_int_equal(counted, 1);
    for (uint64_t leaf = 0; leaf <= journal_size(f->base.journal); leaf++) {
        uint64_t unreadable = fetch(f, leaf).unreadable;
        assert_true(unreadable <= counted);
        counted = unreadable;
    }
    assert_int_equal(counted, 0);
}

static int last_visit(void *context, const struct record *record, uint64_t position)
{
    (void)position;
    *(uint8_t *)context = record->type;
    return 0;
}

/* No record behind it shows that there was one. */
static void past__whose_last_record_is_lost__says_so(void **state)
{
    struct core_fixture *f = *state;
    uint8_t type = 0;

    assert_int_equal(journal_replay(f->base.journal, 0, 0, last_visit, &type), 0);
    uint64_t size = journal_size(f->base.journal);
    lose(f, type, 0, PART_HEADER);
    assert_int_equal(journal_size(f->base.journal), size);
    struct told told = fetch(f, 0);
    assert_int_equal(told.unreadable, 1);
    assert_int_equal(told.end, size);
}

static int count_visit(void *context, const struct record *record, uint64_t position)
{
    (void)record;
    (void)position;
    ++*(uint64_t *)context;
    return 0;
}

/* A disk that answers with an error does not hold up a hub: it lacks what stands there, and is told how much that is. */
static void past__that_the_disk_does_not_give__is_all_but_that(void **state)
{
    struct core_fixture *f = *state;
    uint64_t readable = 0;

    core_fixture_snapshot(f);
    assert_int_equal(core_fixture_try_restart(f), 0);
    agent_hello(&f->agents[HUB]);
    core_fixture_settle_some(f);
    uint64_t size = journal_size(f->base.journal);
    f->base.faults.bad_from = 2 * 4096;
    f->base.faults.bad_upto = f->base.faults.bad_from + 1;
    assert_int_equal(journal_replay(f->base.journal, 0, 0, count_visit, &readable), E_IO);
    readable = 0;
    assert_int_equal(journal_replay_readable(f->base.journal, 0, 0, count_visit, &readable), 0);
    struct told told = fetch(f, 0);
    assert_int_equal(f->agents[HUB].refused, 0);
    assert_int_equal(told.end, size);
    assert_in_range(told.unreadable, 1, size - 1);
    assert_int_equal(told.unreadable, size - readable);
    assert_in_range(told.events, 1, BATCHES - 1);
    assert_true(core_counter(f->core, COUNTER_UNREADABLE) > 0);
    f->base.faults.bad_upto = 0; /* the disk is put right: nothing is missing then */
    told = fetch(f, 0);
    assert_int_equal(told.events, BATCHES);
    assert_int_equal(told.unreadable + told.untold, 0);
}

#define PAST_TEST(name) cmocka_unit_test_setup_teardown(name, setup, core_fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        PAST_TEST(past__of_a_whole_journal__is_all_that_the_hub_was_told),
        PAST_TEST(past__of_anybody_but_a_hub__is_refused),
        PAST_TEST(past__from_beyond_the_end__is_nothing),
        PAST_TEST(past__that_lacks_a_batch__is_all_but_its_entry),
        PAST_TEST(past__that_lacks_a_payload__is_all_that_the_hub_was_told),
        cmocka_unit_test(past__that_lacks_a_record_of_another_kind__says_so),
        PAST_TEST(past__begun_at_any_record__counts_what_is_lost_from_there_on),
        PAST_TEST(past__whose_last_record_is_lost__says_so),
        PAST_TEST(past__that_the_disk_does_not_give__is_all_but_that),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
