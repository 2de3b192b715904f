/* metrics: see metrics.h. Cannot fail. */
#include "common/metrics/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"

#include "common/base/banned.h"

#define TYPE_OPEN "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define TYPE_TEXT "text/plain; version=0.0.4; charset=utf-8"

enum { NAME_BYTES = 128 };

bool metrics_takes_open(const char *accept)
{
    return accept == NULL || strstr(accept, "application/openmetrics-text") != NULL ||
        (strstr(accept, "*/*") != NULL && strstr(accept, "text/plain") == NULL);
}

void metrics_begin(struct metrics_page *self, const char *program, const char *accept)
{
    *self = (struct metrics_page){.program = program, .is_open = metrics_takes_open(accept)};
}

/* Names of processes are those that every program uses; the rest bear ours. */
static void name_make(
    const struct metrics_page *self, const struct metric *metric, const char *end, char *out)
{
    bool shared = strncmp(metric->name, "process_", 8) == 0;
    int len = snprintf(out, NAME_BYTES, "%s%s%s%s", shared ? "" : self->program, shared ? "" : "_",
        metric->name, end);

    assert(len > 0 && len < NAME_BYTES);
}

/* In texts a backslash and a newline are written with a backslash; in labels quotes as well. */
static void put_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '"') {
            buf_put_u8(out, '\\');
        }
        if (*text == '\n') {
            buf_put(out, "\\n", 2);
        } else {
            buf_put_u8(out, (uint8_t)*text);
        }
    }
}

/* OpenMetrics names the family, the older format each sample: only a counter's differ. */
void metrics_head(struct metrics_page *self, const struct metric *metric)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    bool counts = metric->type == METRIC_COUNTER;
    char name[NAME_BYTES];

    name_make(self, metric, counts && !self->is_open ? "_total" : "", name);
    buf_put_text(&self->out, "# TYPE %s %s\n", name, types[metric->type]);
    if (self->is_open && *metric->unit != '\0') {
        buf_put_text(&self->out, "# UNIT %s %s\n", name, metric->unit);
    }
    buf_put_text(&self->out, "# HELP %s ", name);
    put_escaped(&self->out, metric->text);
    buf_put_u8(&self->out, '\n');
}

static void put_number(struct buf *out, double value)
{
    if (value == floor(value) && fabs(value) < 1e15) {
        buf_put_text(out, " %.0f\n", value);
    } else {
        buf_put_text(out, " %.15g\n", value);
    }
}

void metrics_labelled(
    struct metrics_page *self, const struct metric *metric, const char *label, double value)
{
    char name[NAME_BYTES];

    name_make(self, metric, metric->type == METRIC_COUNTER ? "_total" : "", name);
    buf_put_text(&self->out, "%s", name);
    if (label != NULL) {
        assert(metric->label != NULL);
        buf_put_text(&self->out, "{%s=\"", metric->label);
        put_escaped(&self->out, label);
        buf_put(&self->out, "\"}", 2);
    }
    put_number(&self->out, value);
}

void metrics_count(struct metrics_page *self, const struct metric *metric, uint64_t value)
{
    char name[NAME_BYTES];

    assert(metric->type == METRIC_COUNTER && metric->label == NULL);
    metrics_head(self, metric);
    name_make(self, metric, "_total", name);
    buf_put_text(&self->out, "%s %llu\n", name, (unsigned long long)value);
}

void metrics_number(struct metrics_page *self, const struct metric *metric, double value)
{
    assert(metric->type == METRIC_GAUGE && metric->label == NULL);
    metrics_head(self, metric);
    metrics_labelled(self, metric, NULL, value);
}

void metrics_table_count(
    struct metrics_page *self, const char *name, const char *text, uint64_t value)
{
    const struct metric metric = {name, METRIC_COUNTER, "", NULL, text};

    metrics_count(self, &metric, value);
}

void metrics_histogram(
    struct metrics_page *self, const struct metric *metric, const struct histogram *value)
{
    unsigned long long so_far = 0;
    char name[NAME_BYTES];

    assert(metric->type == METRIC_HISTOGRAM && metric->label == NULL);
    metrics_head(self, metric);
    name_make(self, metric, "", name);
    for (size_t i = 0; i < HISTOGRAM_CLASSES; i++) {
        so_far += value->count[i];
        if (i + 1 < HISTOGRAM_CLASSES) {
            double bound = (double)histogram_bound_us(i) / 1e6;
            bool whole =
                bound == floor(bound); /* OpenMetrics writes 1.0 where the other writes 1 */
            buf_put_text(&self->out,
                self->is_open && whole ? "%s_bucket{le=\"%.1f\"} %llu\n"
                                       : "%s_bucket{le=\"%.10g\"} %llu\n",
                name, bound, so_far);
        } else {
            buf_put_text(&self->out, "%s_bucket{le=\"+Inf\"} %llu\n", name, so_far);
        }
    }
    buf_put_text(&self->out, "%s_sum", name);
    put_number(&self->out, (double)value->sum_us / 1e6);
    buf_put_text(&self->out, "%s_count %llu\n", name, so_far);
}

void metrics_put_row(const char *program, const struct metric *metric, struct buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const struct metrics_page page = {.program = program, .is_open = true};
    char name[NAME_BYTES];

    name_make(&page, metric, metric->type == METRIC_COUNTER ? "_total" : "", name);
    buf_put_text(out, "| `%s", name);
    if (metric->label != NULL) {
        buf_put_text(out, "{%s}", metric->label);
    }
    buf_put_text(out, "` | %s | %s |\n", types[metric->type], metric->text);
}

void metrics_end(struct metrics_page *self, struct http_reply *reply)
{
    if (self->is_open) {
        buf_put_text(&self->out, "# EOF\n");
    }
    reply->type = self->is_open ? TYPE_OPEN : TYPE_TEXT;
    buf_free(&reply->body);
    reply->body = self->out;
    self->out = (struct buf){0};
}
