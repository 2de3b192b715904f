/* core_look: see core_look.h. Whoever has no stream has nothing waiting. */
#include "client/lab/core_look.h"

#include <string.h>

#include "broker/core/core_internal.h"

#include "common/base/banned.h"

const engine_t *core_look_engine(const core_t *core)
{
    return core->fold.engine;
}

bool core_look_judged(const core_t *core)
{
    for (const struct batch *batch = core->batches; batch != NULL; batch = batch->next) {
        if (!batch->judged && batch->state != BATCH_VOID) {
            return false;
        }
    }
    return true;
}

static const struct stream *stream_of(const core_t *core, const char *agent)
{
    for (size_t i = 0; i < core->stream_count; i++) {
        if (strcmp(core->streams[i]->name, agent) == 0) {
            return core->streams[i];
        }
    }
    return NULL;
}

uint64_t core_look_waiting(const core_t *core, const char *agent)
{
    const struct stream *stream = stream_of(core, agent);

    return stream == NULL ? 0 : stream->last - stream->acked;
}

uint64_t core_look_pending(const core_t *core, const char *agent)
{
    const struct stream *stream = stream_of(core, agent);

    return stream == NULL ? 0 : stream->events;
}

uint64_t core_look_differences(const core_t *core)
{
    return core->fold.differences;
}
