/*
 * fuzz_zpl: a file of the configuration language, whatever it is for.
 */
#include "tests/fuzz/support.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/zpl.h"

#include "common/base/banned.h"

static void walk(const zpl_t *zpl, zconfig_t *section)
{
    for (zconfig_t *item = zconfig_child(section); item != NULL; item = zconfig_next(item)) {
        assert(zconfig_name(item) != NULL && zconfig_value(item) != NULL);
        assert(zpl_line(zpl, item) > 0);
        assert(zpl_child(section, zconfig_name(item)) != NULL);
        walk(zpl, item);
    }
}

int fuzz_zpl(const uint8_t *data, size_t size)
{
    static const struct zpl_word words[] = {{"network", false}, {"agent", true}, {"roots", false}};
    struct complaint why = {0};
    zpl_t *zpl = NULL;

    fuzz_start();
    int rc = zpl_parse("file.zpl", slice_of(data, size), &zpl, &why);
    fuzz_answer(rc, &why);
    if (rc != 0) {
        return 0;
    }
    walk(zpl, zpl_root(zpl));
    rc = zpl_check(zpl, zpl_root(zpl), words, sizeof words / sizeof words[0], &why);
    fuzz_answer(rc, &why);
    zpl_destroy(&zpl);
    return 0;
}
