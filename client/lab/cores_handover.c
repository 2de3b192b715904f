/* cores_handover: see cores_handover.h. */
#include "client/lab/cores_handover.h"

#include "client/agent/store_evidence.h"

#include "common/base/banned.h"

enum {
    HELD_MS = 3600000, /* beyond every handover */
    APART_MS = 200, /* between two events: whoever is online has acknowledged the first by then */
    QUIET_MS = 300, /* nothing is under way then but what is held */
    STEP_MS = 1000, /* and then it is looked again */
    PATIENCE_MS = 300000 /* for one event; above the longest wait between two connections */
};

/* ---- what is held ---- */

/* What people opened while the agent was cut off is told before anything else. */
static bool says_what_was_opened(struct handover *self, const Waypost__Signed *ack)
{
    const Waypost__AckStatement *said = message_decode(self->arena,
        &waypost__ack_statement__descriptor, slice_of(ack->statement.data, ack->statement.len));

    return said != NULL && said->n_opened > 0;
}

static int64_t travel_of(struct handover *self, const Waypost__Frame *frame)
{
    switch (frame->body_case) {
    case WAYPOST__FRAME__BODY_ACK:
        return says_what_was_opened(self, frame->ack) ? 0 : HELD_MS;
    case WAYPOST__FRAME__BODY_PUBLISH:
        return APART_MS;
    default:
        return 0;
    }
}

void handover_frame(struct handover *self, size_t agent, bool to_broker, struct slice bytes)
{
    Waypost__Frame *frame = NULL;

    self->travel_ms = 0;
    if (!self->holding || agent != self->agent || !to_broker) {
        return;
    }
    arena_reset(self->arena);
    if (frame_decode(self->arena, bytes, &frame) != 0) {
        return;
    }
    self->travel_ms = travel_of(self, frame);
    self->has_held = self->has_held || self->travel_ms == HELD_MS;
}

int64_t handover_travel_ms(struct handover *self)
{
    int64_t travel_ms = self->travel_ms;

    self->travel_ms = 0; /* what opens or closes a connection is no frame */
    return travel_ms;
}

/* ---- handing over ---- */

/*
 * Openings, events and withdrawals that the broker has not got. A withdrawal behind an acknowledgement that is held comes
 * with it: it waits for nobody's answer.
 */
static uint64_t left_of(const struct handover *self, size_t agent)
{
    store_t *store = virtual_store(self->network, agent);
    struct erasure_row row;
    bool withdraws = !self->has_held && store_erasure_next(store, &row) == 0;

    return store_openings_waiting(store) + store_outbox_count(store, OUTBOX_WAITING) +
        store_outbox_count(store, OUTBOX_SENT) + (withdraws ? 1 : 0);
}

/* What stands behind an acknowledgement on its connection goes with the next one. */
static void connect_anew(struct handover *self, size_t agent)
{
    virtual_link(self->network, agent, LINK_DOWN);
    virtual_link(self->network, agent, LINK_UP);
    self->travel_ms = 0;
    self->has_held = false;
}

static bool hand_over(struct handover *self, size_t agent)
{
    const struct virtual_clock *clock = virtual_time(self->network);
    int64_t until_ms = clock->mono_ms + PATIENCE_MS;

    self->has_held = false;
    uint64_t left = left_of(self, agent);
    if (left == 0) {
        return true;
    }
    connect_anew(self, agent);
    while (left > 0 && clock->mono_ms < until_ms) {
        uint64_t before = left;
        (void)virtual_settle(self->network, QUIET_MS, STEP_MS);
        left = left_of(self, agent);
        until_ms = left < before ? clock->mono_ms + PATIENCE_MS : until_ms;
        if (left > 0 && self->has_held) {
            connect_anew(self, agent);
        }
    }
    virtual_link(self->network, agent, LINK_DOWN);
    return left == 0;
}

bool handover_run(struct handover *self, const size_t *agents, size_t count)
{
    bool done = true;

    self->holding = true;
    for (size_t i = 0; i < count; i++) {
        self->agent = agents[i];
        done = hand_over(self, agents[i]) && done;
    }
    self->holding = false;
    for (size_t i = 0; i < count; i++) {
        virtual_link(self->network, agents[i], LINK_UP);
    }
    return done;
}
