/*
 * fuzz_snapshot: the broker's state as stored, behind a right header: whoever wrote it, the core
 * either takes it or replays the
 * journal, and then it serves.
 */
#include <string.h>

#include "broker/core/core_internal.h"
#include "common/base/check.h"
#include "tests/fuzz/broker.h"

#include "common/base/banned.h"

int fuzz_snapshot(const uint8_t *data, size_t size)
{
    static struct fuzz_broker broker;
    struct complaint why = {0};
    struct buf state = {0};

    fuzz_start();
    int rc = fuzz_broker_open(&broker, slice_of(data, size), &why);
    fuzz_answer(rc, &why);
    if (rc == 0) {
        snapshot_encode(broker.core, &state);
        for (size_t i = 0; i < fuzz_broker_template()->agent_count; i++) {
            fuzz_broker_hello(&broker, i);
        }
        fuzz_broker_settle(&broker);
        core_tick(broker.core);
        buf_free(&state);
    }
    fuzz_broker_close(&broker);
    return 0;
}
