/*
 * fuzz_holidays: the published bank holidays, as JSON, and due times by them.
 */
#include "tests/fuzz/support.h"

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/procedure/calendar.h"

#include "common/base/banned.h"

int fuzz_holidays(const uint8_t *data, size_t size)
{
    static const struct limit limits[] = {
        {LIMIT_WD, 15}, {LIMIT_D, 28}, {LIMIT_DX, 28}, {LIMIT_MONTHS, 3}, {LIMIT_H, 48}};
    struct complaint why = {0};
    calendar_t *calendar = NULL;

    fuzz_start();
    int rc = calendar_load(slice_of(data, size), "england-and-wales", &calendar, &why);
    fuzz_answer(rc, &why);
    if (rc != 0) {
        return 0;
    }
    assert(calendar_last_day(calendar) >= CIVIL_DAY_MIN);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct due due = calendar_due(calendar, limits[i], FUZZ_NOW_MS);
        assert(due.timed && due.runs_out_ms > FUZZ_NOW_MS);
    }
    calendar_destroy(&calendar);
    return 0;
}
