/*
 * silence: the ninth promise. What runs out is recorded and told; also where the broker was started again since the deadline
 * was set, and nobody has said anything that could remind it.
 */
#include <string.h>

#include "common/base/civil.h"
#include "tests/sim/look.h"
#include "tests/sim/sim.h"

#include "common/base/banned.h"

#define DAY_MS INT64_C(86400000)

static const char promise[] = "promise 9, silence is an event";

enum {
    DAYS_MAX = 60,   /* keys and retention end one day: what is due later is left alone */
    BACK_MS = 10000, /* by then a broker that was killed serves again */
    SPEAK_MS = 10000 /* and has written what it has to say */
};

/* Both parties that have an agent, and the hub. */
static bool both_told(void *context, const uint8_t *transfer, char *const *told, size_t count)
{
    struct sim *self = context;
    char id[UUID_TEXT_BYTES];
    unsigned found = 0;

    uuid_format(transfer, id);
    for (size_t i = 0; i < self->transfer_count; i++) {
        const struct sim_transfer *of = &self->transfers[i];
        for (size_t t = 0; t < count && strcmp(of->id, id) == 0; t++) {
            found |= strcmp(told[t], sim_keys(of->origin)->id) == 0 ? 1u : 0;
            found |= strcmp(told[t], sim_keys(of->receiving)->id) == 0 ? 2u : 0;
            found |= strcmp(told[t], sim_keys(SIM_HUB)->id) == 0 ? 4u : 0;
        }
    }
    return found == 7;
}

void silence_check(struct sim *self)
{
    struct buf why = {0};

    if (!self->plan.procedures) {
        return;
    }
    if (look_deadline_ms(virtual_core(self->network)) <= virtual_time(self->network)->wall_ms) {
        sim_fail(self, promise, "a deadline has passed and nothing was recorded");
    }
    look_silence(virtual_journal(self->network), virtual_time(self->network)->wall_ms, both_told,
        self, &why);
    if (why.len > 0) {
        sim_fail(self, promise, "%.*s", (int)why.len, (const char *)why.data);
    }
    buf_free(&why);
}

/* Until the last of the deadlines that the journal knows of has run out for certain. */
static int64_t leap_ms(struct sim *self)
{
    int32_t today = civil_london_day(virtual_time(self->network)->wall_ms);
    int32_t last_day = look_last_due_day(virtual_journal(self->network));
    int64_t days = (int64_t)last_day + LOOK_LONG_DAYS + 1 - today;

    return days <= 0 ? 0 : days < DAYS_MAX ? days * DAY_MS : DAYS_MAX * DAY_MS;
}

static void link_all(struct sim *self, enum virtual_link link)
{
    for (size_t i = 0; i < SIM_AGENTS; i++) {
        if (self->agents[i].lives && i != self->hostile) {
            virtual_link(self->network, i, link);
        }
    }
}

void silence_falls(struct sim *self)
{
    sim_trace(self, "nobody speaks any more, and the broker is started again");
    link_all(self, LINK_DOWN);
    sim_broker_dies(self, sim_chance(self, 50));
    sim_go_on(self, BACK_MS);
    if (self->failure[0] != '\0' || !virtual_broker_up(self->network)) {
        return;
    }
    int64_t for_ms = leap_ms(self);
    sim_trace(self, "%lld days pass in silence", (long long)(for_ms / DAY_MS));
    virtual_leap(self->network, for_ms);
    sim_go_on(self, SPEAK_MS);
    silence_check(self);
    link_all(self, LINK_UP);
}
