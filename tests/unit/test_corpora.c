/*
 * Every input that is kept for the fuzz targets, once: what was found stays found. `make fuzz` looks for more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>

#include "common/base/fsio.h"
#include "tests/fuzz/targets.h"

#include "common/base/banned.h"

enum { INPUT_BYTES_MAX = 1048576, PATH_BYTES = 512 };

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* In memory of exactly its size, so that a sanitizer sees a step too far. */
static void replay_file(const char *path, int (*target)(const uint8_t *data, size_t size))
{
    struct buf bytes = {0};

    assert_int_equal(fsio_read_all(path, INPUT_BYTES_MAX, &bytes), 0);
    uint8_t *exact = malloc(bytes.len > 0 ? bytes.len : 1);
    assert_non_null(exact);
    for (size_t i = 0; i < bytes.len; i++) {
        exact[i] = bytes.data[i];
    }
    printf("# %s\n", path); /* a crash leaves the culprit's name as the last line */
    (void)fflush(stdout);
    (void)target(exact, bytes.len);
    free(exact);
    buf_free(&bytes);
}

static void replay(const char *name, int (*target)(const uint8_t *data, size_t size))
{
    char folder[PATH_BYTES];
    char path[2 * PATH_BYTES];
    struct dirent **entries = NULL;

    (void)snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", name);
    int count = scandir(folder, &entries, is_input, alphasort);
    if (count <= 0) {
        fail_msg("%s holds no input; run it in the project's folder", folder);
    }
    for (int i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        replay_file(path, target);
        free(entries[i]);
    }
    free(entries);
}

#define REPLAY(name, bytes)                                                                        \
    static void name##__every_input_that_is_kept__is_survived(void **state)                        \
    {                                                                                              \
        (void)state;                                                                               \
        replay(#name, fuzz_##name);                                                                \
    }
FUZZ_TARGETS(REPLAY)

#define LISTED(name, bytes) cmocka_unit_test(name##__every_input_that_is_kept__is_survived),

int main(void)
{
    const struct CMUnitTest tests[] = {FUZZ_TARGETS(LISTED)};

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
