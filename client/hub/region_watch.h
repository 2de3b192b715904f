/*
 * region_watch: what a hub officer must have done by somebody: authorities of the region for which events wait, where nobody
 * opens them, whose deadlines have run out, that have gone quiet or whose agent is away. Each state is an alarm
 * (common/alarm/alarm_table.h) that names the authorities, told like any other until somebody takes it on, and again when
 * another authority joins them. No count of events or cases stands in it.
 */
#ifndef WAYPOST_HUB_REGION_WATCH_H
#define WAYPOST_HUB_REGION_WATCH_H

#include "client/agent/agent_core.h"
#include "client/hub/view.h"
#include "common/metrics/metrics.h"

enum region_state {
    REGION_DEAD,     /* events are not on its disk for alarm-dead */
    REGION_UNREAD,   /* on it, and opened by nobody for alarm-unread */
    REGION_BREACHED, /* a deadline that binds it has run out and is not met */
    REGION_QUIET,    /* owes something and was not heard of for quiet-after */
    REGION_AWAY,     /* its agent was not at the broker for not-listening-after */
    REGION_STATES
};

struct region_watch {
    int64_t dead_ms, unread_ms;   /* alarm-dead, alarm-unread */
    int64_t look_at_mono_ms;      /* not before */
    size_t counts[REGION_STATES]; /* authorities in that state, at the last look */
};

/* Looks every HUB_REGION_WATCH_MS, outside a transaction. Waiting is told apart by the hour: up to an hour early. */
void region_watch_tick(struct region_watch *self, const struct hub_view *view, agent_core_t *core,
    int64_t now_mono_ms);

/* The families on /metrics, and the rows of their table in docs/OPERATING.md (program: "waypost_hub"). */
void region_watch_metrics(const struct region_watch *self, struct metrics_page *page);
void region_watch_put_table(const char *program, struct buf *out);

#endif
