/*
 * parties_network: what a network of agents that are asked by their local interface answers in the same way, whatever
 * carries their frames. The network's first member is its parties, so that each function takes either.
 */
#include "client/lab/parties.h"

#include "common/base/banned.h"

/* As its agent has drawn it; NULL before it was sent. */
static const uint8_t *event_id(void *context, uint32_t event)
{
    const struct parties *self = context;

    return self->events[event].sent ? self->events[event].bytes : NULL;
}

static void records(void *context, const char *view,
    void (*visit)(void *context, const struct log_record *record), void *visit_context)
{
    struct parties *self = context;

    record_log_visit(view == NULL ? &self->log : parties_records(self, view), visit, visit_context);
}

static bool believes(
    void *context, const char *view, const uint8_t *subject, const char *clock, int64_t runs_out_ms)
{
    return parties_believes(context, view, subject, clock, runs_out_ms);
}

static enum event_fate fate(void *context, uint32_t event)
{
    return parties_fate(context, event);
}

static struct payload_seen payload(void *context, uint32_t event)
{
    return parties_payload(context, event);
}

static const struct record_log *log_seen(void *context)
{
    return &((struct parties *)context)->log;
}

void parties_network(struct rehearsal_network *out)
{
    out->event_id = event_id;
    out->answers = &parties_answers;
    out->records = records;
    out->believes = believes;
    out->fate = fate;
    out->payload = payload;
    out->log = log_seen;
}
