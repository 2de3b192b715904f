/*
 * fuzz_profile: the values of a safeguarding partnership, as ZPL.
 */
#include "tests/fuzz/support.h"

#include "common/base/check.h"
#include "common/procedure/profiles.h"

#include "common/base/banned.h"

int fuzz_profile(const uint8_t *data, size_t size)
{
    struct complaint why = {0};
    const char *names[3];

    fuzz_start();
    profiles_t *profiles = profiles_new();
    int rc = profiles_add(profiles, "london.zpl", slice_of(data, size), &why);
    fuzz_answer(rc, &why);
    if (rc == 0) {
        rc = profiles_check(profiles, &why);
        fuzz_answer(rc, &why);
        (void)profiles_of(profiles, "E09000019", "E09000007", NULL, 20528, names);
        (void)profiles_nearest(profiles, "londn");
        (void)profiles_entry(profiles, profiles_number(profiles, "london"), "clocks.C01.limit");
    }
    profiles_destroy(&profiles);
    return 0;
}
