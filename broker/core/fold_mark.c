/*
 * fold_mark: which event the engine is at, where a crash of the process leaves it to be found (core_ports.mark). An
 * event that the engine did not survive twice running is not folded again: it is delivered unjudged, recorded so, and
 * the sender, its hubs and the operator are told. Cannot fail.
 *
 * The mark costs a few stores an event and no sync: it need not outlive the machine, which no event brings down.
 * A process that is killed from outside at that very moment is counted as well, until the event is folded once.
 */
#include "broker/core/core_internal.h"

#include <stdatomic.h>

#include "common/base/log.h"

#include "common/base/banned.h"

static bool is_at(const struct core_place *place, uint64_t leaf, uint32_t index)
{
    return place->leaf == leaf && place->index == index;
}

void mark_start(core_t *self)
{
    struct core_mark *mark = self->ports.mark;

    if (mark == NULL || mark->busy == 0) {
        return;
    }
    bool again = mark->crashes > 0 && is_at(&mark->suspect, mark->at.leaf, mark->at.index);
    mark->crashes = again ? mark->crashes + 1 : 1;
    mark->suspect = mark->at;
    mark->busy = 0;
    log_errorx("engine: the process ended while it was at event %u of leaf %llu, times=%u; after "
               "the second it goes on without this event; send the log to the developers",
        mark->suspect.index, (unsigned long long)mark->suspect.leaf, mark->crashes);
}

/* Those that were judged in better days keep their verdict; they are left out of the fold again at every start. */
static bool is_left_out(const struct core_mark *mark, uint64_t leaf, uint32_t index)
{
    for (uint32_t i = 0; i < mark->left_out_count && i < MARK_LEFT_OUT_MAX; i++) {
        if (is_at(&mark->left_out[i], leaf, index)) {
            return true;
        }
    }
    return false;
}

static void leave_out(core_t *self, struct core_mark *mark)
{
    core_count(self, COUNTER_ENGINE_FAULTS);
    log_errorx("engine: event %u of leaf %llu ended the process %u times; it is not folded and is "
               "delivered unjudged",
        mark->suspect.index, (unsigned long long)mark->suspect.leaf, mark->crashes);
    if (mark->left_out_count < MARK_LEFT_OUT_MAX) {
        mark->left_out[mark->left_out_count++] = mark->suspect;
    }
    mark->crashes = 0;
}

bool mark_begin(core_t *self, uint64_t leaf, uint32_t index)
{
    struct core_mark *mark = self->ports.mark;

    if (mark == NULL) {
        return true;
    }
    if (mark->crashes >= MARK_CRASHES_MAX && is_at(&mark->suspect, leaf, index)) {
        leave_out(self, mark);
    }
    if (mark->left_out_count > 0 && is_left_out(mark, leaf, index)) {
        return false;
    }
    mark->at = (struct core_place){leaf, index};
    atomic_signal_fence(memory_order_seq_cst); /* the place is there before it is said to be one */
    mark->busy = 1;
    atomic_signal_fence(memory_order_seq_cst);
    return true;
}

void mark_end(core_t *self)
{
    struct core_mark *mark = self->ports.mark;

    if (mark == NULL) {
        return;
    }
    atomic_signal_fence(memory_order_seq_cst);
    mark->busy = 0;
    if (mark->crashes > 0 && is_at(&mark->suspect, mark->at.leaf, mark->at.index)) {
        mark->crashes = 0; /* whatever it was, it was not this event */
    }
}
