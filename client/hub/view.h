/*
 * view: what the hub's tables say, as JSON: the one source of the local interface, the web page and the full screen.
 *
 * Counts pass through counts.h and every id through blind.h before they stand in an answer: nobody gets them otherwise.
 * Each returns a new reference. Read-only; cannot fail but where a case is not known.
 */
#ifndef WAYPOST_HUB_VIEW_H
#define WAYPOST_HUB_VIEW_H

#include <jansson.h>

#include "client/hub/tables.h"
#include "common/procedure/procedures.h"

struct hub_view {
    struct hub_tables *tables;
    const char *hub;                /* id in the register */
    const procedures_t *procedures; /* NULL for none: no clock names, no owners */
    int64_t now_ms;
    int64_t threshold; /* counts from 1 to below it are not shown */
    int64_t quiet_ms;  /* silence after which an authority that owes something counts as quiet */
    int64_t
        away_ms;  /* without contact to the broker after which an agent counts as not listening */
    int32_t days; /* flow is counted over so many days, today included */
    bool online;  /* the link to the broker is open */
};

/* Measures of the region and of each authority in it or facing it. */
json_t *view_overview(const struct hub_view *self);

/* Measures by pair, origin x receiving; code NULL for all, else the pairs that it is part of. Busiest first. */
json_t *view_pairs(const struct hub_view *self, const char *code, size_t limit);

/* Deadlines, soonest first. */
struct deadline_filter {
    bool breached;     /* run out and not met since, instead of running */
    bool guides;       /* those that bind nobody as well */
    int64_t within_ms; /* runs out within; INT64_MAX for all */
    const char *code;  /* binds this authority; NULL for all */
    size_t limit;
};
json_t *view_deadlines(const struct hub_view *self, const struct deadline_filter *filter);

/* One case: parties, owners, deadlines, what is expected, timeline. */
json_t *view_case(const struct hub_view *self, const struct hub_case *of);

/* The newest cases that something happened in; code NULL for all. */
json_t *view_cases(const struct hub_view *self, const char *code, size_t limit);

/* Events that were persisted and opened by nobody, or not persisted, oldest first; code: at this authority. */
json_t *view_unopened(const struct hub_view *self, const char *code, size_t limit);

/* The next entry of the feed behind a position, which moves on. NULL at the end. region "" for all; an entry of another
 * region is passed over. */
json_t *view_feed_next(const struct hub_view *self, const char *region, int64_t *position);
int64_t view_feed_last(const struct hub_view *self);
/* Position behind which the newest so many entries lie. */
int64_t view_feed_before_last(const struct hub_view *self, int64_t entries);

#endif
