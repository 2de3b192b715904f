/* keep_clocks: what a record says of deadlines, in the clocks' table and in the counts. Private to keep.c and its kin. */
#ifndef WAYPOST_HUB_KEEP_CLOCKS_H
#define WAYPOST_HUB_KEEP_CLOCKS_H

#include "client/hub/keep.h"

/* A statement whose parameters are all numbers. sql: a literal. */
void keep_run(struct hub_tables *self, const char *sql, const int64_t *values, size_t count);
#define KEEP_RUN(self, sql, ...)                                                                   \
    keep_run((self), (sql), (const int64_t[]){__VA_ARGS__},                                        \
        sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* Number of the event's row and of its case; 0 where it is not here. */
int64_t keep_event_id(struct hub_tables *self, const uint8_t *event, int64_t *case_id);

/* Deadlines set, met, run out, superseded; rules flagged. Other kinds change nothing. of is saved where it changes. */
void keep_clock(struct hub_tables *self, const struct kept_record *record, struct hub_case *of);

/* The word behind "name=" in a record's detail, copied; "" where there is none. */
void keep_word(const char *detail, const char *name, char *out, size_t room);

#endif
