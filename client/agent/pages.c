/* pages: see pages.h. Failures at the start are returned; what cannot be read later is left out. */
#include "client/agent/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "client/agent/metric_rows.h"
#include "common/base/check.h"
#include "common/base/fsio.h"
#include "common/base/log.h"
#include "common/metrics/health.h"

#include "common/base/banned.h"

enum { PROBE_BEATS_MAX = 3, NAME_BYTES = 64 };

#define MS_PER_S 1000.0

struct agent_pages {
    struct agent_pages_parts parts;
    char prefix[NAME_BYTES]; /* "waypost_agent" */
    http_server_t *http;
};

static const struct metric rows[AGENT_METRIC_COUNT] = {
#define AGENT_METRIC_ROW(symbol, name, type, unit, label, text)                                    \
    [AGENT_METRIC_##symbol] = {name, type, unit, label, text},
    AGENT_METRIC_TABLE(AGENT_METRIC_ROW)
#undef AGENT_METRIC_ROW
};

void agent_metrics_put_table(const char *program, struct buf *out)
{
    for (size_t i = 0; i < AGENT_METRIC_COUNT; i++) {
        metrics_put_row(program, &rows[i], out);
    }
    for (size_t i = 0; i < AGENT_COUNTER_COUNT; i++) {
        const struct metric metric = {
            agent_counter_name(i), METRIC_COUNTER, "", NULL, agent_counter_text(i)};
        metrics_put_row(program, &metric, out);
    }
}

/* ---- /metrics ----------------------------------------------------------------------------- */

static void put(struct metrics_page *page, enum agent_metric which, double value)
{
    metrics_number(page, &rows[which], value);
}

static void put_age(struct metrics_page *page, enum agent_metric which, int64_t ms)
{
    if (ms >= 0) {
        put(page, which, (double)ms / MS_PER_S);
    }
}

static void put_session(struct metrics_page *page, const struct agent_stats *stats)
{
    put(page, AGENT_METRIC_ONLINE, stats->online ? 1 : 0);
    put(page, AGENT_METRIC_STOPPED, stats->publish_stopped != 0 ? 1 : 0);
    put_age(page, AGENT_METRIC_HEARD, stats->since_heard_ms);
    put_age(page, AGENT_METRIC_PROBED, stats->since_probe_ms);
    put_age(page, AGENT_METRIC_STORED, stats->broker_stored_ms);
    put(page, AGENT_METRIC_CLOCK, (double)stats->clock_off_ms / MS_PER_S);
    put(page, AGENT_METRIC_UPTO, (double)stats->stream_upto);
    put(page, AGENT_METRIC_ACKED, (double)stats->stream_acked);
    put(page, AGENT_METRIC_HEAD, (double)stats->head_size);
    put(page, AGENT_METRIC_REGISTER, (double)stats->register_version);
}

static void put_boxes(struct metrics_page *page, const struct agent_stats *stats)
{
    const struct metric *outbox = &rows[AGENT_METRIC_WAITING];

    metrics_head(page, outbox);
    metrics_labelled(page, outbox, "waiting", (double)stats->waiting);
    metrics_labelled(page, outbox, "sent", (double)stats->sent);
    metrics_labelled(page, outbox, "refused", (double)stats->refused);
    put_age(page, AGENT_METRIC_OLDEST_WAITING, stats->oldest_waiting_ms);
    put(page, AGENT_METRIC_UNPERSISTED, (double)stats->unpersisted);
    put_age(page, AGENT_METRIC_OLDEST_UNPERSISTED, stats->oldest_unpersisted_ms);
    put(page, AGENT_METRIC_UNREAD, (double)stats->unread);
    put_age(page, AGENT_METRIC_OLDEST_UNREAD, stats->oldest_unread_ms);
    put(page, AGENT_METRIC_UNOPENED, (double)stats->unopened);
    put_age(page, AGENT_METRIC_OLDEST_UNOPENED, stats->oldest_unopened_ms);
}

static void put_keys(struct metrics_page *page, const struct agent_stats *stats)
{
    const struct metric *left = &rows[AGENT_METRIC_KEY_LEFT];
    bool said = false;

    for (size_t i = 0; i < STATS_USES; i++) {
        if (stats->key_left_ms[i] == INT64_MIN || stats->key_left_ms[i] == INT64_MAX) {
            continue;
        }
        if (!said) {
            metrics_head(page, left);
            said = true;
        }
        metrics_labelled(page, left, stats_use_word(i), (double)stats->key_left_ms[i] / MS_PER_S);
    }
}

static void put_alarm(void *context, const struct alarm *row)
{
    metrics_labelled(
        context, &rows[AGENT_METRIC_ALARMS], row->name, row->owner[0] == '\0' ? 1 : 0.5);
}

static void put_storage(const agent_pages_t *self, struct metrics_page *page)
{
    struct stat info;
    uint64_t bytes = 0;

    metrics_head(page, &rows[AGENT_METRIC_ALARMS]);
    store_alarms(self->parts.store, put_alarm, page);
    if (fsio_free_bytes(self->parts.data, &bytes) == 0) {
        put(page, AGENT_METRIC_FREE, (double)bytes);
    }
    if (stat(self->parts.database, &info) == 0) {
        put(page, AGENT_METRIC_DATABASE, (double)info.st_size);
    }
    metrics_histogram(page, &rows[AGENT_METRIC_SYNC], store_sync(self->parts.store));
}

static void answer_metrics(
    void *context, const struct http_request *request, struct http_reply *reply)
{
    const agent_pages_t *self = context;
    struct metrics_page page;
    struct agent_stats stats;

    agent_core_stats(self->parts.core, &stats);
    metrics_begin(&page, self->prefix, http_request_header(request, "Accept"));
    metrics_process(&page);
    put_session(&page, &stats);
    put_boxes(&page, &stats);
    put_keys(&page, &stats);
    put_storage(self, &page);
    metrics_histogram(&page, &rows[AGENT_METRIC_ACCEPTED], stats.accepted);
    metrics_histogram(&page, &rows[AGENT_METRIC_ARRIVAL], stats.arrival);
    for (size_t i = 0; i < AGENT_COUNTER_COUNT; i++) {
        metrics_table_count(&page, agent_counter_name(i), agent_counter_text(i),
            agent_core_counter(self->parts.core, i));
    }
    if (self->parts.more != NULL) {
        self->parts.more(self->parts.context, &page);
    }
    metrics_end(&page, reply);
}

/* ---- /healthz ----------------------------------------------------------------------------- */

static void check_broker(const struct agent_stats *stats, struct health *health)
{
    double probed_s = (double)stats->since_probe_ms / MS_PER_S;
    int64_t beat_ms = stats->heartbeat_ms > 0 ? stats->heartbeat_ms : AGENT_HEARTBEAT_MAX_MS;
    bool fresh = stats->since_probe_ms >= 0 && stats->since_probe_ms <= PROBE_BEATS_MAX * beat_ms;

    if (!stats->online) {
        health_check(health, "broker", false, "there is no session with the broker: waypost check");
    } else if (stats->since_probe_ms < 0) {
        health_check(health, "broker", false, "the first signed probe is under way");
    } else {
        health_check(health, "broker", fresh,
            fresh ? "it signed a probe of ours %.1f s ago"
                  : "it has signed no probe of ours for %.1f s: waypost check",
            probed_s);
    }
    bool stores =
        stats->broker_stored_ms >= 0 && stats->broker_stored_ms <= AGENT_BROKER_STORED_MS_MAX;
    if (stats->online && fresh) {
        health_check(health, "broker_storage", stores, "what it last stored was %.1f s old then%s",
            (double)stats->broker_stored_ms / MS_PER_S, stores ? "" : ": tell its operator");
    }
}

static void answer_health(
    void *context, const struct http_request *request, struct http_reply *reply)
{
    const agent_pages_t *self = context;
    struct agent_stats stats;
    struct health health;

    (void)request;
    agent_core_stats(self->parts.core, &stats);
    health_begin(&health, self->parts.program, reply);
    check_broker(&stats, &health);
    health_check(&health, "publishing", stats.publish_stopped == 0, "%s%s",
        stats.publish_stopped == 0 ? "events are handed to the broker" : "it has stopped: ",
        stats.publish_stopped == 0 ? "" : err_text(stats.publish_stopped));
    int rc = store_probe(self->parts.store);
    health_check(&health, "storage", rc == 0, "%s%s",
        rc == 0 ? "a transaction was written and synced just now" : "a transaction failed: ",
        rc == 0 ? "" : err_text(rc));
    bool taken = !store_has_alarm(self->parts.store, "receiver");
    health_check(&health, "receiver", taken,
        taken ? "nothing waits for an on-delivery program that fails"
              : "the on-delivery program does not take an event: run it by hand");
    health_check(&health, "outbox", true, "%llu of our events are not accepted yet",
        (unsigned long long)stats.waiting + stats.sent);
    health_end(&health);
}

/* ---- birth and death ---------------------------------------------------------------------- */

static const struct http_route routes[] = {
    {"GET", "/metrics", false, answer_metrics},
    {"GET", "/healthz", false, answer_health},
};

int agent_pages_open(
    const struct agent_pages_parts *parts, agent_pages_t **out, struct complaint *why)
{
    agent_pages_t *self = mem_new(1, sizeof *self);
    const struct http_options options = {
        .address = parts->address,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .context = self,
        .world = parts->world,
    };

    self->parts = *parts;
    (void)snprintf(self->prefix, sizeof self->prefix, "%s", parts->program);
    for (char *at = self->prefix; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : *at;
    }
    int rc = http_open(&options, &self->http, why);
    if (rc != 0) {
        free(self);
        return rc;
    }
    log_info("metrics listen=http://%s/metrics", http_bound(self->http));
    if (!parts->address.loopback) {
        log_warnx("metrics are served to other machines, without encryption and to anybody: a "
                  "firewall must say who may ask listen=%s",
            http_bound(self->http));
    }
    *out = self;
    return 0;
}

void agent_pages_destroy(agent_pages_t **self_p)
{
    assert(self_p != NULL);
    agent_pages_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    http_destroy(&self->http);
    free(self);
    *self_p = NULL;
}

int agent_pages_fd(const agent_pages_t *self)
{
    return http_fd(self->http);
}

int64_t agent_pages_due_ms(const agent_pages_t *self)
{
    return http_due_ms(self->http);
}

void agent_pages_serve(agent_pages_t *self)
{
    http_serve(self->http);
}
