/*
 * network: what is asked of any network of a rehearsal, whether the engines of its agents are at hand or the agents can
 * only be asked. Nothing fails: a measure that nobody knows is our own fault, and asserted.
 */
#include "client/lab/network.h"

#include "common/base/check.h"

#include "common/base/banned.h"

const uint8_t *network_event_id(
    const struct rehearsal_network *self, const scenario_t *scenario, uint32_t event)
{
    const uint8_t *id = self->event_id == NULL ? NULL : self->event_id(self->self, event);

    return id == NULL ? scenario->events[event].id : id;
}

/* NULL where the engine of whoever is asked is at hand. */
static const struct agent_answers *answers_of(
    const struct rehearsal_network *self, const char *view)
{
    return view == NULL ? NULL : self->answers;
}

size_t network_owner(const struct rehearsal_network *self, const char *view,
    const uint8_t *transfer, const uint8_t *subject, enum dimension dimension, const char *out[8])
{
    const struct agent_answers *answers = answers_of(self, view);

    return answers != NULL
        ? answers->owner(self->self, view, transfer, subject, dimension, out)
        : engine_owner(self->engine(self->self, view), transfer, subject, dimension, out);
}

void network_clocks(const struct rehearsal_network *self, const char *view, const uint8_t *transfer,
    const uint8_t *subject,
    void (*visit)(void *context, const uint8_t *subject, const struct engine_clock *clock),
    void *context)
{
    const struct agent_answers *answers = answers_of(self, view);

    if (answers != NULL) {
        answers->clocks(self->self, view, transfer, subject, visit, context);
    } else {
        engine_clocks(self->engine(self->self, view), transfer, subject, visit, context);
    }
}

const char *network_flag(const struct rehearsal_network *self, const char *view,
    const uint8_t *transfer, const uint8_t *subject, const char *name)
{
    const struct agent_answers *answers = answers_of(self, view);

    return answers != NULL ? answers->flag(self->self, view, transfer, subject, name)
                           : engine_flag(self->engine(self->self, view), transfer, subject, name);
}

void network_outstanding(const struct rehearsal_network *self, const char *view,
    const uint8_t *transfer, const uint8_t *subject,
    void (*visit)(void *context, const char *id, int64_t since_ms), void *context)
{
    const struct agent_answers *answers = answers_of(self, view);

    if (answers != NULL) {
        answers->outstanding(self->self, view, transfer, subject, visit, context);
    } else {
        engine_outstanding(self->engine(self->self, view), transfer, subject, visit, context);
    }
}

int64_t network_measure(const struct rehearsal_network *self, const char *name)
{
    int64_t value = 0;
    int rc = self->answers != NULL ? self->answers->measure(self->self, name, &value)
                                   : engine_measure(self->hub(self->self), name, &value);

    assert(rc == 0); /* engine_measure_name() lists them */
    return value;
}
