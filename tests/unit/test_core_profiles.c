/* Versions of a profile inside the broker: recorded on their day, told to all, and the same after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/core_internal.h"
#include "broker/net/procedure_files.h"
#include "common/base/civil.h"
#include "common/base/log.h"
#include "tests/support/core_fixture.h"
#include "tests/support/procedures_fixture.h"

#include "common/base/banned.h"

#define DAY_MS INT64_C(86400000)

static int setup(void **state)
{
    struct core_fixture *fixture = calloc(1, sizeof *fixture);

    log_init("test", LOG_ERROR);
    core_fixture_init(fixture);
    *state = fixture;
    return 0;
}

/* What the broker is told counts: the shipped files, and London's version 8 from that day on. */
static void put_in_force(struct core_fixture *f, int32_t day)
{
    char date[CIVIL_DATE_BYTES];
    struct complaint why = {0};
    struct buf bytes = {0};
    struct buf all = {0};

    civil_date_text(day, date);
    const struct fixture_version next = {"london.zpl", date, "8", NULL, NULL};
    struct buf text = fixture_version_text(&next);
    Waypost__NamedFile version = WAYPOST__NAMED_FILE__INIT;
    version.name = (char *)(uintptr_t) "profiles/london-next.zpl";
    version.bytes = (ProtobufCBinaryData){text.len, text.data};
    Waypost__ProcedureFiles ahead = WAYPOST__PROCEDURE_FILES__INIT;
    Waypost__NamedFile *files[] = {&version};
    ahead.n_files = 1;
    ahead.files = files;

    /* two messages behind each other are one with the files of both */
    assert_int_equal(procedure_files_read("data", &bytes, &why), 0);
    buf_put(&all, bytes.data, bytes.len);
    size_t len = protobuf_c_message_get_packed_size(&ahead.base);
    uint8_t *packed = malloc(len);
    assert_non_null(packed);
    assert_int_equal(protobuf_c_message_pack(&ahead.base, packed), len);
    buf_put(&all, packed, len);
    free(packed);
    assert_int_equal(core_procedures(f->core, buf_slice(&all), &why), 0);
    core_fixture_settle(f);
    buf_free(&text);
    buf_free(&bytes);
    buf_free(&all);
}

/* The records of it that an agent has; the last into out, NULL where there is none. */
static size_t told(const struct fake_agent *agent, const struct got **out)
{
    size_t count = 0;

    *out = NULL;
    for (size_t i = 0; i < agent_count(agent, WAYPOST__ENTRY__WHAT_RECORD); i++) {
        const struct got *got = agent_got(agent, WAYPOST__ENTRY__WHAT_RECORD, i);
        if (got->kind == WAYPOST__SYSTEM_KIND__PROFILE_CHANGED) {
            *out = got;
            count++;
        }
    }
    return count;
}

static void version__on_its_day__is_recorded_and_told_to_every_agent_and_hub_once(void **state)
{
    struct core_fixture *f = *state;
    int32_t day = civil_london_day(f->base.wall_ms) + 1;
    const struct got *got;

    core_fixture_hello(f);
    put_in_force(f, day);
    assert_int_equal(told(&f->agents[0], &got), 0);
    core_fixture_pass(f, DAY_MS); /* nobody says anything: the day alone brings it */
    core_fixture_hello(f);
    for (size_t i = 0; i < f->agent_count; i++) {
        assert_int_equal(told(&f->agents[i], &got), 1);
        assert_int_equal(got->at_ms, civil_london_midnight_ms(day));
        assert_non_null(strstr(got->detail, "profile=london version=8 from="));
    }
    core_fixture_pass(f, DAY_MS);
    core_fixture_hello(f);
    assert_int_equal(told(&f->agents[0], &got), 1);
}

static void version__recorded__is_the_same_after_a_restart(void **state)
{
    struct core_fixture *f = *state;
    int32_t day = civil_london_day(f->base.wall_ms) + 1;
    const struct got *got;

    core_fixture_hello(f);
    put_in_force(f, day);
    core_fixture_pass(f, DAY_MS);
    core_fixture_hello(f);
    assert_int_equal(told(&f->agents[0], &got), 1);
    struct hash before = core_procedures_hash(f->core);
    core_fixture_restart(f);
    struct hash after = core_procedures_hash(f->core);
    assert_memory_equal(before.b, after.b, HASH_BYTES);
    assert_int_equal(core_counter(f->core, COUNTER_FOLD_DIFFERENCES), 0);
    core_fixture_hello(f);
    assert_int_equal(told(&f->agents[0], &got), 1);
}

static void version__whose_day_came_while_the_broker_was_down__is_recorded_at_that_day(void **state)
{
    struct core_fixture *f = *state;
    int32_t day = civil_london_day(f->base.wall_ms) + 2;
    const struct got *got;

    core_fixture_hello(f);
    put_in_force(f, day);
    f->base.wall_ms += 5 * DAY_MS;
    f->base.mono_ms += 5 * DAY_MS;
    core_fixture_restart(f);
    core_fixture_pass(f, 1000);
    core_fixture_hello(f);
    assert_int_equal(told(&f->agents[0], &got), 1);
    assert_int_equal(got->at_ms, civil_london_midnight_ms(day));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            version__on_its_day__is_recorded_and_told_to_every_agent_and_hub_once, setup,
            core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            version__recorded__is_the_same_after_a_restart, setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            version__whose_day_came_while_the_broker_was_down__is_recorded_at_that_day, setup,
            core_fixture_teardown),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
