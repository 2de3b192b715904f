/* view_parts: pieces that the views share. Private to view*.c. */
#ifndef WAYPOST_HUB_VIEW_PARTS_H
#define WAYPOST_HUB_VIEW_PARTS_H

#include "client/hub/counts.h"
#include "client/hub/view.h"
#include "common/codec/event.h"

json_t *part_place(const struct hub_view *self, int64_t place); /* {"code", "name"} */
json_t *part_stamp(int64_t ms);                                 /* null for 0 */
json_t *part_blind(const struct hub_view *self, enum blind_what what, const uint8_t *id);
json_t *part_case(int64_t blind);
const char *part_clock_name(
    const struct hub_view *self, const char *clock); /* the id without tables */
const char *part_kind_title(uint32_t kind);
const char *part_record_title(uint32_t kind); /* "A clock has started" */
/* event_json() of a stored event without anything that could be joined with another's files. */
json_t *part_event(const struct hub_view *self, const struct event_view *view);
json_t *part_level(const struct hub_view *self, int64_t place, uint32_t level, int64_t at_ms,
    uint32_t role, const char *team);
/* A record as an object; detail with codes and words alone. */
json_t *part_record(const struct hub_view *self, sqlite3_stmt *row); /* RECORD_COLUMNS */
#define RECORD_COLUMNS "kind, event, subject, at_ms, recorded_ms, code, clock, rule, detail, leaf"

/* A clock as an object; and the head of a case. */
#define VIEW_CLOCK_COLUMNS                                                                         \
    "clocks.id, clocks.subject, clocks.clock, clocks.due_ms, clocks.due, clocks.guide, "           \
    "clocks.place, clocks.place_two, clocks.set_ms, clocks.state, clocks.late"
json_t *view_clock(const struct hub_view *self, sqlite3_stmt *row); /* VIEW_CLOCK_COLUMNS first */
json_t *view_case_head(const struct hub_view *self, const struct hub_case *of);

/* Waits from notice to acceptance: hours and how many, sorted by hours. */
struct span_part {
    int64_t hours, count;
};
/* The hours that a share of the waits (percent) does not exceed; -1 for none, COUNT_SMALL where they are too few. */
int64_t part_quantile(
    const struct span_part *spans, size_t count, int64_t percent, int64_t threshold);
json_t *part_hours(int64_t hours); /* null, "few", or the number */

/* First day of the flow counted, and first month of the waits (twelve, this one included). */
int64_t part_first_day(const struct hub_view *self);
int64_t part_first_month(const struct hub_view *self);

#endif
