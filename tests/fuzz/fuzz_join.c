/*
 * fuzz_join: a join file. What is taken can be written, and that is the same join.
 */
#include "tests/fuzz/support.h"

#include <string.h>

#include "common/base/check.h"
#include "common/register/join.h"

#include "common/base/banned.h"

int fuzz_join(const uint8_t *data, size_t size)
{
    static struct join join, again;
    struct complaint why = {0};
    struct register_pin pin;
    struct buf text = {0};
    char one[JOIN_FINGERPRINT_BYTES];
    char two[JOIN_FINGERPRINT_BYTES];

    fuzz_start();
    int rc = join_parse("a.join", slice_of(data, size), &join, &why);
    fuzz_answer(rc, &why);
    if (rc != 0) {
        return 0;
    }
    join_put(&join, &text);
    assert(join_parse("b.join", buf_slice(&text), &again, &why) == 0);
    join_fingerprint(&join, one);
    join_fingerprint(&again, two);
    assert(strcmp(one, two) == 0 && join.endpoint_count == again.endpoint_count);
    for (size_t i = 0; i < join.endpoint_count; i++) {
        assert(strcmp(join.endpoints[i], again.endpoints[i]) == 0);
    }
    join_pin(&join, &pin);
    assert(pin.threshold >= 1 && pin.threshold <= pin.root_count);
    buf_free(&text);
    return 0;
}
