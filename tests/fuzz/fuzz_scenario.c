/*
 * fuzz_scenario: a scenario file.
 */
#include "tests/fuzz/support.h"

#include "client/lab/scenario_parse.h"
#include "common/base/check.h"

#include "common/base/banned.h"

static const data_files_t *data_files(void)
{
    static data_files_t *files;
    struct complaint why = {0};

    if (files == NULL) {
        int rc = data_files_open("data", &files, &why);
        assert(rc == 0);
    }
    return files;
}

int fuzz_scenario(const uint8_t *data, size_t size)
{
    struct scenario_fault fault = {0};
    scenario_t *scenario = NULL;

    fuzz_start();
    int rc = scenario_parse("a.scenario", slice_of(data, size), data_files(), &scenario, &fault);
    fuzz_answer(rc, &fault.why);
    if (rc == 0) {
        scenario_destroy(&scenario);
    }
    return 0;
}
