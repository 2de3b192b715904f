/* metric_rows: see metric_rows.h. Cannot fail. */
#include "broker/net/metric_rows.h"

#include "broker/core/counters.h"
#include "broker/net/counters.h"
#include "broker/net/zap.h"

#include "common/base/banned.h"

static const struct metric rows[BROKER_METRIC_COUNT] = {
#define BROKER_METRIC_ROW(symbol, name, type, unit, label, text)                                   \
    [BROKER_METRIC_##symbol] = {name, type, unit, label, text},
    BROKER_METRIC_TABLE(BROKER_METRIC_ROW)
#undef BROKER_METRIC_ROW
};

const struct metric *broker_metric(enum broker_metric which)
{
    return &rows[which];
}

bool broker_counter_hidden(size_t net_counter)
{
    return net_counter == NET_COMMIT_US || net_counter == NET_COMMIT_US_MAX;
}

static void put_counter(const char *name, const char *text, struct buf *out)
{
    const struct metric metric = {name, METRIC_COUNTER, "", NULL, text};

    metrics_put_row(BROKER_METRICS_PROGRAM, &metric, out);
}

void broker_metrics_put_table(struct buf *out)
{
    for (size_t i = 0; i < BROKER_METRIC_COUNT; i++) {
        metrics_put_row(BROKER_METRICS_PROGRAM, &rows[i], out);
    }
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        put_counter(counter_name(i), counter_text(i), out);
    }
    for (size_t i = 0; i < NET_COUNTER_COUNT; i++) {
        if (!broker_counter_hidden(i)) {
            put_counter(net_counter_name(i), net_counter_text(i), out);
        }
    }
    for (size_t i = 0; i < ZAP_ANSWER_COUNT; i++) {
        put_counter(
            zap_answer_counter((enum zap_answer)i), zap_answer_advice((enum zap_answer)i), out);
    }
    for (size_t i = 0; i < DOOR_COUNTER_COUNT; i++) {
        put_counter(
            door_counter_name((enum door_counter)i), door_counter_text((enum door_counter)i), out);
    }
}
