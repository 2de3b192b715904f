/* edge_report: what the edge tells an operator: counters in the log, and where agents can connect. */
#include "broker/net/edge_internal.h"

#include <string.h>

#include "broker/core/counters.h"
#include "common/base/fsio.h"
#include "common/base/log.h"

#include "common/base/banned.h"

enum { REPORT_LINE_BYTES = 800 }; /* what the log takes in a line, with room for its stamp */

static const struct {
    const char *name;
    const char *text;
} net_counters[] = {
#define NET_COUNTER_ROW(symbol, name, text) [symbol] = {name, text},
    NET_COUNTER_TABLE(NET_COUNTER_ROW)
#undef NET_COUNTER_ROW
};

const char *net_counter_name(size_t index)
{
    return index < NET_COUNTER_COUNT ? net_counters[index].name : NULL;
}

const char *net_counter_text(size_t index)
{
    return index < NET_COUNTER_COUNT ? net_counters[index].text : NULL;
}

/* Collects "name=value" and gives a line to the log whenever one is full. */
static void line_flush(struct buf *line)
{
    if (line->len > 0) {
        buf_put_u8(line, 0);
        log_info("counters%s", (const char *)line->data);
        buf_clear(line);
    }
}

static void line_put(struct buf *line, const char *name, uint64_t value)
{
    if (value == 0) {
        return;
    }
    if (line->len > REPORT_LINE_BYTES) {
        line_flush(line);
    }
    buf_put_text(line, " %s=%llu", name, (unsigned long long)value);
}

void edge_report(edge_t *self)
{
    struct buf line = {0};
    struct zap_counts door;

    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        line_put(&line, counter_name(i), core_counter(self->core, i));
    }
    for (size_t i = 0; i < NET_COUNTER_COUNT; i++) {
        line_put(&line, net_counters[i].name, self->counters[i]);
    }
    zap_counts(self->zap, &door);
    for (size_t i = 0; i < ZAP_ANSWER_COUNT; i++) {
        line_put(&line, zap_answer_counter((enum zap_answer)i), door.answers[i]);
    }
    for (size_t i = 0; i < DOOR_COUNTER_COUNT; i++) {
        line_put(&line, door_counter_name((enum door_counter)i), door.door[i]);
    }
    line_flush(&line);
    buf_free(&line);
}

int edge_write_ready(const edge_t *self, struct complaint *why)
{
    const struct broker_options *options = self->parts.options;
    struct buf text = {0};
    int rc = 0;

    if (*options->ready_file == '\0') {
        return 0;
    }
    for (size_t i = 0; i < options->listen_count; i++) {
        buf_put_text(&text, "%s\n", self->bound[i]);
    }
    rc = fsio_replace(options->ready_file, buf_slice(&text), 0644);
    buf_free(&text);
    return rc == 0
        ? 0
        : complain(why, rc, "%s cannot be written: %s", options->ready_file, err_text(rc));
}

void edge_remove_ready(const edge_t *self)
{
    const char *path = self->parts.options->ready_file;
    int rc = *path == '\0' ? 0 : fsio_remove(path);

    if (rc != 0 && rc != E_NOT_FOUND) {
        log_warn("%s cannot be removed", path);
    }
}
