/* wrap: engine_event */
/* Events that the engine does not survive: twice, and they are delivered unjudged. What a crash leaves is made by hand:
 * the mark as it stands while the engine is at the event, and a journal that holds what was durable then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/core/core_internal.h"
#include "broker/net/mark_file.h"
#include "common/base/log.h"
#include "tests/support/core_fixture.h"
#include "tests/support/place.h"

#include "common/base/banned.h"

#define WHAT_EVENT WAYPOST__ENTRY__WHAT_EVENT
#define WHAT_RECORD WAYPOST__ENTRY__WHAT_RECORD

enum { UNJUDGED, EFFECTIVE };

static const char *const to_camden[] = {CODE_CAMDEN, NULL};
static struct fake_case ash = {.origin = CODE_ISLINGTON, .receiving = CODE_CAMDEN};
static struct fake_case kit = {.origin = CODE_ISLINGTON, .receiving = CODE_CAMDEN};

static struct core_fixture *fixture;
static bool poisoned;
static uint8_t poison[UUID_BYTES]; /* the event */
static unsigned times;             /* that it came to the engine */
static struct core_mark left;      /* as it stood then */

int __real_engine_event(engine_t *self, const struct engine_event *event, uint8_t *verdicts);
int __wrap_engine_event(engine_t *self, const struct engine_event *event, uint8_t *verdicts);

int __wrap_engine_event(engine_t *self, const struct engine_event *event, uint8_t *verdicts)
{
    if (poisoned && memcmp(event->view->id, poison, UUID_BYTES) == 0) {
        times++;
        left = fixture->mark;
    }
    return __real_engine_event(self, event, verdicts);
}

static int setup(void **state)
{
    (void)state;
    fixture = calloc(1, sizeof *fixture);
    log_init("test", LOG_ERROR);
    core_fixture_init(fixture);
    for (size_t i = 0; i < fixture->agent_count; i++) {
        agent_hello(&fixture->agents[i]);
    }
    core_fixture_settle(fixture);
    const struct world *world = &fixture->base.world;
    world->random(world->context, ash.transfer, sizeof ash.transfer);
    world->random(world->context, ash.subject, sizeof ash.subject);
    world->random(world->context, kit.transfer, sizeof kit.transfer);
    world->random(world->context, kit.subject, sizeof kit.subject);
    core_fixture_procedures(fixture, "data");
    poisoned = false;
    times = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    core_fixture_free(fixture);
    free(fixture);
    return 0;
}

static void write_move(const struct fake_case *about)
{
    (void)agent_write_kind(&fixture->agents[ISLINGTON], about, "move_notified",
        "permanence=permanent retain_intention=transfer", to_camden);
}

/* It is accepted, and as far as the engine when this returns. */
static void publish_and_judge(void)
{
    agent_publish(&fixture->agents[ISLINGTON], 0, 1);
    while (core_fixture_commit(fixture)) {
    }
    core_fixture_verify(fixture);
}

static void poison_last(void)
{
    const struct fake_agent *agent = &fixture->agents[ISLINGTON];

    memcpy(poison, agent->own[agent->own_count - 1].id, UUID_BYTES);
    poisoned = true;
}

/* The process has ended in the engine: what was not durable is lost, the mark is as it was. */
static void die(void)
{
    assert_int_equal(left.busy, 1);
    fixture->mark = left;
    core_fixture_crash(fixture, 0);
}

static void come_back(void)
{
    for (size_t i = 0; i < fixture->agent_count; i++) {
        agent_hello(&fixture->agents[i]);
    }
    core_fixture_settle(fixture);
}

static size_t faults_told(int who)
{
    const struct fake_agent *agent = &fixture->agents[who];
    size_t told = 0;

    for (size_t i = 0; i < agent_count(agent, WHAT_RECORD); i++) {
        const struct got *got = agent_got(agent, WHAT_RECORD, i);
        told += got->kind == WAYPOST__SYSTEM_KIND__ENGINE_FAULT &&
            memcmp(got->event, poison, UUID_BYTES) == 0;
    }
    return told;
}

static uint32_t verdict_of(size_t nth)
{
    return agent_got(&fixture->agents[CAMDEN], WHAT_EVENT, nth)->verdict;
}

static void event__that_ends_the_engine_twice__is_delivered_unjudged_and_told(void **state)
{
    (void)state;
    write_move(&ash);
    poison_last();
    publish_and_judge();
    assert_int_equal(times, 1);
    die(); /* once */
    core_fixture_verify(fixture);
    assert_int_equal(times, 2); /* it gets its second chance */
    die();                      /* twice */
    come_back();
    assert_int_equal(times, 2); /* and no third */
    assert_int_equal(agent_count(&fixture->agents[CAMDEN], WHAT_EVENT), 1);
    assert_int_equal(verdict_of(0), UNJUDGED);
    assert_int_equal(faults_told(ISLINGTON), 1);
    assert_int_equal(faults_told(HUB), 1);
    assert_int_equal(core_counter(fixture->core, COUNTER_ENGINE_FAULTS), 1);
    assert_true(core_procedures_on(fixture->core));

    write_move(&kit); /* the others are judged as ever */
    agent_publish(&fixture->agents[ISLINGTON], 0, 1);
    core_fixture_settle(fixture);
    assert_int_equal(verdict_of(1), EFFECTIVE);
    struct hash before = core_procedures_hash(fixture->core);
    core_fixture_restart(fixture);
    struct hash after = core_procedures_hash(fixture->core);
    assert_memory_equal(before.b, after.b, HASH_BYTES);
    assert_int_equal(core_counter(fixture->core, COUNTER_FOLD_DIFFERENCES), 0);
    memset(&fixture->mark, 0,
        sizeof fixture->mark); /* the journal says it, with or without the file */
    core_fixture_restart(fixture);
    assert_int_equal(times, 2);
    come_back();
    assert_int_equal(faults_told(ISLINGTON), 1);
}

static void event__survived_the_second_time__is_judged_and_forgotten(void **state)
{
    (void)state;
    write_move(&ash);
    poison_last();
    publish_and_judge();
    die();
    come_back();
    assert_int_equal(times, 2);
    assert_int_equal(verdict_of(0), EFFECTIVE);
    assert_int_equal(fixture->mark.crashes, 0);
    assert_int_equal(fixture->mark.busy, 0);
    assert_int_equal(core_counter(fixture->core, COUNTER_ENGINE_FAULTS), 0);
}

static void event__another_each_time__is_not_counted_together(void **state)
{
    (void)state;
    write_move(&ash);
    poison_last();
    publish_and_judge();
    die();
    fixture->mark.busy = 1; /* and then somewhere else */
    fixture->mark.at = (struct core_place){1, 7};
    core_fixture_restart(fixture);
    come_back();
    assert_int_equal(verdict_of(0), EFFECTIVE);
}

static void event__judged_in_better_days__keeps_its_verdict_and_is_left_out(void **state)
{
    (void)state;
    write_move(&ash);
    agent_publish(&fixture->agents[ISLINGTON], 0, 1);
    core_fixture_settle(fixture);
    poison_last(); /* from now on: another version of the engine */
    core_fixture_restart(fixture);
    assert_int_equal(times, 1);
    die();
    assert_int_equal(times, 2);
    die();
    assert_int_equal(times, 2);
    assert_int_equal(core_counter(fixture->core, COUNTER_ENGINE_FAULTS), 1);
    assert_true(core_counter(fixture->core, COUNTER_FOLD_DIFFERENCES) > 0);
    come_back();
    assert_int_equal(verdict_of(0), EFFECTIVE); /* what is recorded stands */
    core_fixture_restart(fixture);
    assert_int_equal(times, 2);
}

static void mark_file__of_a_process_that_is_gone__says_where_it_was(void **state)
{
    char dir[PLACE_BYTES];
    char path[PLACE_BYTES + 16];
    struct core_mark *mark = NULL;
    int status = 0;

    (void)state;
    place_folder(dir);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (mark_file_open(dir, &mark) == 0) {
            mark->at = (struct core_place){42, 3};
            mark->busy = 1;
        }
        _exit(9); /* no unmapping, no sync */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(mark_file_open(dir, &mark), 0);
    assert_int_equal(mark->busy, 1);
    assert_int_equal(mark->at.leaf, 42);
    assert_int_equal(mark->at.index, 3);
    mark_file_close(&mark);
    assert_null(mark);
    (void)snprintf(path, sizeof path, "%s/engine-mark", dir);
    assert_int_equal(truncate(path, 5), 0); /* rubbish is begun anew */
    assert_int_equal(mark_file_open(dir, &mark), 0);
    assert_int_equal(mark->busy, 0);
    mark_file_close(&mark);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(mark_file_open("/nowhere/at/all", &mark), E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            event__that_ends_the_engine_twice__is_delivered_unjudged_and_told, setup, teardown),
        cmocka_unit_test_setup_teardown(
            event__survived_the_second_time__is_judged_and_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(
            event__another_each_time__is_not_counted_together, setup, teardown),
        cmocka_unit_test_setup_teardown(
            event__judged_in_better_days__keeps_its_verdict_and_is_left_out, setup, teardown),
        cmocka_unit_test(mark_file__of_a_process_that_is_gone__says_where_it_was),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
