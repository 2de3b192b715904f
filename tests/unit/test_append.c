/* append: bodies that wait for the disk come back as they went, in order, and leave no memory behind. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/core_internal.h"
#include "common/base/log.h"
#include "tests/support/core_fixture.h"

#include "common/base/banned.h"

enum { MANY = 64, LARGE = 131072, KEPT = 1048576 };

static int setup(void **state)
{
    struct core_fixture *fixture = calloc(1, sizeof *fixture);

    log_init("test", LOG_NOTHING);
    core_fixture_init(fixture);
    *state = fixture;
    return 0;
}

/* Of its own length and its own byte all over. */
static size_t length_of(unsigned number)
{
    return LARGE - number * 1000;
}

static void append(core_t *core, unsigned number)
{
    uint8_t *body = mem_new(LARGE, 1);

    memset(body, (int)number, LARGE);
    (void)append_record(
        core, RECORD_DERIVED, slice_of(body, length_of(number)), slice_of(NULL, 0), NULL);
    free(body);
}

static void take(core_t *core, unsigned number)
{
    struct unapplied next;
    struct slice body;

    assert_true(append_pop(core, UINT64_MAX, &next, &body));
    assert_int_equal(next.type, RECORD_DERIVED);
    assert_int_equal(body.len, length_of(number));
    for (size_t i = 0; i < body.len; i++) {
        assert_int_equal(body.data[i], number);
    }
}

static void bodies__in_a_rush__come_in_order_and_leave_nothing_behind(void **state)
{
    struct core_fixture *f = *state;
    core_t *core = f->core;
    const struct buf *bodies = &core->unapplied_bodies;
    unsigned taken = 0;

    for (unsigned i = 0; i < MANY; i++) {
        append(core, i);
        if (i % 3 == 2) {
            take(core, taken++);
        }
    }
    assert_true(bodies->capacity > KEPT);
    while (taken < MANY - 1) {
        take(core, taken++);
    }
    assert_true(bodies->len - core->unapplied_taken == length_of(MANY - 1)); /* one is left */
    append(core, MANY);
    assert_true(bodies->len <= 2 * LARGE); /* what was taken has gone */
    take(core, MANY - 1);
    take(core, MANY);
    append(core, 0);
    assert_true(bodies->capacity <= KEPT); /* and after the rush its memory */
    take(core, 0);
}

/* A batch stands in its view, of an input only its sort is needed. */
static void body__that_stands_elsewhere__is_not_kept_again(void **state)
{
    struct core_fixture *f = *state;
    struct unapplied next;
    struct slice body;
    uint8_t bytes[100] = {1, 2, 3, 4};

    (void)append_record(
        f->core, RECORD_ACK, slice_of(bytes, sizeof bytes), slice_of(NULL, 0), NULL);
    (void)append_record(
        f->core, RECORD_INPUT, slice_of(bytes, sizeof bytes), slice_of(NULL, 0), NULL);
    assert_true(append_pop(f->core, UINT64_MAX, &next, &body));
    assert_int_equal(body.len, 0);
    assert_true(append_pop(f->core, UINT64_MAX, &next, &body));
    assert_int_equal(body.len, 4);
    assert_memory_equal(body.data, bytes, 4);
    assert_false(append_pop(f->core, UINT64_MAX, &next, &body));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bodies__in_a_rush__come_in_order_and_leave_nothing_behind,
            setup, core_fixture_teardown),
        cmocka_unit_test_setup_teardown(
            body__that_stands_elsewhere__is_not_kept_again, setup, core_fixture_teardown),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
