/*
 * expect_clock: a clock of a child as its engine shows it. Where it was started more than once, the
 * last start counts.
 */
#include <string.h>

#include "client/lab/expect_parts.h"
#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { HOUR_MINUTES = 60 };

static const char *const state_words[] = {
    [CLOCK_RUNNING] = "running",
    [CLOCK_MET] = "met",
    [CLOCK_CANCELLED] = "cancelled",
    [CLOCK_BREACHED] = "breached",
    [CLOCK_SUPERSEDED] = "superseded",
};

struct clock_seen {
    const struct clock_info *info;
    const uint8_t *event; /* that started it, NULL for any */
    bool found, running;
    struct engine_clock clock; /* the last one */
};

static void see_clock(void *context, const uint8_t *subject, const struct engine_clock *clock)
{
    struct clock_seen *self = context;

    (void)subject;
    if (strcmp(clock->info->id, self->info->id) != 0 ||
        (self->event != NULL && memcmp(clock->event, self->event, UUID_BYTES) != 0)) {
        return;
    }
    self->found = true;
    self->running = self->running || clock->state == CLOCK_RUNNING;
    self->clock = *clock;
}

static struct clock_seen seen_of(const struct asking *self, uint32_t child)
{
    struct clock_seen seen = {.info = self->wanted->clock};

    if (self->wanted->event != SCENARIO_NONE) {
        seen.event = event_id(self, self->wanted->event);
    }
    asked_clocks(self, child, see_clock, &seen);
    return seen;
}

/* ---- what may be asked of it ---- */

static bool due_fits(const struct asking *self, const struct engine_clock *clock)
{
    const struct timepoint *wanted = &self->wanted->due;

    if (!self->wanted->has_due) {
        return true;
    }
    if (!clock->has_due || !clock->due.timed) {
        return false;
    }
    int64_t ends_ms = clock->due.by_day ? clock->due.runs_out_ms : clock->due.due_ms;
    return ends_ms == (wanted->whole_day ? wanted->to_ms : wanted->from_ms);
}

static bool late_fits(const struct asking *self, const struct engine_clock *clock)
{
    const struct length_wanted *wanted = &self->wanted->length;

    if (wanted->unit == LIMIT_UNSET) {
        return true;
    }
    if (!clock->stopped) {
        return false;
    }
    if (wanted->unit == LIMIT_H) {
        return clock->late_unit == LIMIT_MIN && clock->late / HOUR_MINUTES == wanted->count;
    }
    return clock->late_unit == wanted->unit && clock->late == wanted->count;
}

static bool binds_fit(const struct asking *self, const struct engine_clock *clock)
{
    bool same = clock->bound_count == self->wanted->bind_count;

    if (!self->wanted->has_binds) {
        return true;
    }
    for (size_t i = 0; same && i < clock->bound_count; i++) {
        bool listed = false;
        for (uint32_t k = 0; k < self->wanted->bind_count; k++) {
            listed = listed || strcmp(clock->bound[i], self->wanted->binds[k]) == 0;
        }
        same = listed;
    }
    return same && !clock->advisory;
}

static bool bool_fits(int wanted, bool found)
{
    return wanted < 0 || (wanted == 1) == found;
}

static bool is_belief(const struct asking *self, uint32_t child, const struct engine_clock *clock)
{
    return self->view != NULL && clock->state == CLOCK_BREACHED &&
        self->network->believes(self->network->self, self->view, child_ref(self, child),
            clock->info->id, clock->due.runs_out_ms);
}

static void got_clock(const struct asking *self, uint32_t child, const struct engine_clock *clock)
{
    char text[CIVIL_STAMP_BYTES];
    static const char *const units[] = {[LIMIT_WD] = "wd", [LIMIT_D] = "d", [LIMIT_MIN] = "m"};

    got_child(self, self->wanted->target.transfer, child);
    if (clock->has_due && clock->due.timed) {
        buf_put_text(self->got, "due=%s ", due_word(&clock->due, text));
    }
    buf_put_text(self->got, "state=%s", state_words[clock->state]);
    if (clock->stopped && clock->state == CLOCK_BREACHED) {
        buf_put_text(self->got, " late=%d%s", (int)clock->late, units[clock->late_unit]);
    }
    buf_put_text(self->got, " advisory=%s", clock->advisory ? "yes" : "no");
    for (size_t i = 0; i < clock->bound_count; i++) {
        buf_put_text(self->got, "%s%s", i == 0 ? " binds=" : ",", clock->bound[i]);
    }
    buf_put_text(self->got, "%s%s", clock->due.provisional ? " provisional=yes" : "",
        is_belief(self, child, clock) ? " belief=yes" : "");
}

static bool clock_fits(const struct asking *self, uint32_t child, const struct engine_clock *clock)
{
    const struct expectation *wanted = self->wanted;

    return due_fits(self, clock) && late_fits(self, clock) && binds_fit(self, clock) &&
        (wanted->state < 0 || wanted->state == (int)clock->state) &&
        bool_fits(wanted->advisory, clock->advisory) &&
        bool_fits(wanted->provisional, clock->due.provisional) &&
        bool_fits(wanted->belief, is_belief(self, child, clock));
}

bool expect_clock(const struct asking *self)
{
    const struct target *target = &self->wanted->target;
    bool holds = true;

    for (uint32_t i = 0; i < target->child_count; i++) {
        const struct clock_seen seen = seen_of(self, target->children[i]);
        if (!seen.found) {
            got_child(self, target->transfer, target->children[i]);
            buf_put_text(self->got, "no such clock was started");
            holds = false;
        } else if (!clock_fits(self, target->children[i], &seen.clock)) {
            got_clock(self, target->children[i], &seen.clock);
            holds = false;
        }
    }
    return holds;
}

bool expect_no_clock(const struct asking *self)
{
    const struct target *target = &self->wanted->target;
    bool holds = true;

    for (uint32_t i = 0; i < target->child_count; i++) {
        const struct clock_seen seen = seen_of(self, target->children[i]);
        if (seen.running) {
            got_clock(self, target->children[i], &seen.clock);
            holds = false;
        }
    }
    return holds;
}
