/*
 * metrics: what a program counts, as a page for Prometheus and its like: OpenMetrics 1.0 text, or the older text format
 * (version 0.0.4) where the asker takes no other. Each family stands in a table of its program with unit and advice;
 * docs/OPERATING.md section 6 shows them all, held to the tables by tests/unit/test_metrics_document.c.
 *
 * A page holds no personal data, no ids of events or transfers, and no label whose values grow with traffic.
 *
 *     metrics_begin(&page, "waypost_broker", http_request_header(request, "Accept"));
 *     metrics_number(&page, &rows[SESSIONS], 12);
 *     metrics_end(&page, reply);
 */
#ifndef WAYPOST_METRICS_METRICS_H
#define WAYPOST_METRICS_METRICS_H

#include "common/base/histogram.h"
#include "common/http/http.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* One family. Static. */
struct metric {
    const char *name; /* without the program before it and _total behind; ends with its unit */
    enum metric_type type;
    const char *unit;  /* "seconds", "bytes" or "" */
    const char *label; /* name of its one label, NULL for none */
    const char *text;  /* what it is, and what to do: ASCII or UTF-8, no newline */
};

struct metrics_page {
    const char *program; /* lent; "waypost_broker" */
    bool is_open;        /* OpenMetrics; else the older format */
    struct buf out;      /* owned */
};

/* Does the asker's Accept header (NULL for none) take OpenMetrics? Who says nothing, or anything, does. */
bool metrics_takes_open(const char *accept);

void metrics_begin(struct metrics_page *self, const char *program, const char *accept);

/* A family with one value. */
void metrics_count(struct metrics_page *self, const struct metric *metric, uint64_t value);
void metrics_number(struct metrics_page *self, const struct metric *metric, double value);
void metrics_histogram(
    struct metrics_page *self, const struct metric *metric, const struct histogram *value);

/* A family with a label: the head once, then a value for each. label: lent, any UTF-8. */
void metrics_head(struct metrics_page *self, const struct metric *metric);
void metrics_labelled(
    struct metrics_page *self, const struct metric *metric, const char *label, double value);

/* A counter of a table of names and texts: the program's own, without a unit. */
void metrics_table_count(
    struct metrics_page *self, const char *name, const char *text, uint64_t value);

/* What every program says: its version, and of its process start, processor time, memory and descriptors. */
void metrics_process(struct metrics_page *self);
size_t metrics_process_rows(const struct metric **out); /* how many, for the document's test */

/* One row of the table in docs/OPERATING.md, appended: | `program_name` | type | text |. */
void metrics_put_row(const char *program, const struct metric *metric, struct buf *out);

/* The page becomes the answer. */
void metrics_end(struct metrics_page *self, struct http_reply *reply);

#endif
