/*
 * fuzz_payload: the plain bytes of an opened payload. The sealing proves who made them, not what they are.
 */
#include "tests/fuzz/support.h"

#include <stdlib.h>

#include "common/base/check.h"
#include "common/codec/event.h"

#include "common/base/banned.h"

int fuzz_payload(const uint8_t *data, size_t size)
{
    fuzz_start();
    json_t *json = payload_json(slice_of(data, size));
    if (json != NULL) {
        char *text = json_dumps(json, JSON_COMPACT);
        assert(text != NULL);
        free(text);
        json_decref(json);
    }
    return 0;
}
