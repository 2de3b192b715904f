/*
 * edge_pages: /metrics and /healthz. Answered by the network thread itself, between its frames: where it no longer comes
 * round, nobody answers, which is the truth.
 */
#include "broker/net/edge_internal.h"

#include "broker/core/counters.h"
#include "broker/net/metric_rows.h"
#include "common/base/log.h"
#include "common/metrics/health.h"

#include "common/base/banned.h"

#define MS_PER_S 1000.0

static double stored_age_s(const edge_t *self)
{
    const struct world *world = self->parts.world;

    return self->stored_mono_ms == 0
        ? 0
        : (double)(world->mono_ms(world->context) - self->stored_mono_ms) / MS_PER_S;
}

/* ---- /metrics ----------------------------------------------------------------------------- */

static void put(struct metrics_page *page, enum broker_metric which, double value)
{
    metrics_number(page, broker_metric(which), value);
}

static void put_backlog(struct metrics_page *page, const struct core_stats *stats)
{
    const struct metric *pending = broker_metric(BROKER_METRIC_PENDING);

    put(page, BROKER_METRIC_SESSIONS, (double)stats->sessions);
    metrics_head(page, pending);
    for (size_t i = 0; i < CORE_AGES; i++) {
        metrics_labelled(page, pending, core_age_word(i), (double)stats->by_age[i]);
    }
    put(page, BROKER_METRIC_PENDING_AGENTS, (double)stats->pending_agents);
    put(page, BROKER_METRIC_OLDEST_PENDING, (double)stats->oldest_pending_ms / MS_PER_S);
    put(page, BROKER_METRIC_UNOPENED, (double)stats->unopened);
    put(page, BROKER_METRIC_OLDEST_UNOPENED, (double)stats->oldest_unopened_ms / MS_PER_S);
    put(page, BROKER_METRIC_SILENCE, (double)stats->silence_ms / MS_PER_S);
    put(page, BROKER_METRIC_HELD, (double)stats->held);
    put(page, BROKER_METRIC_INFLIGHT, (double)stats->inflight_bytes);
    put(page, BROKER_METRIC_FREE, (double)stats->free_bytes);
}

static void put_alarms(const edge_t *self, struct metrics_page *page)
{
    const struct metric *alarms = broker_metric(BROKER_METRIC_ALARMS);
    const alarm_book_t *book = core_alarms(self->core);

    metrics_head(page, alarms);
    for (size_t i = 0; i < alarm_book_count(book); i++) {
        const struct alarm *alarm = alarm_book_at(book, i);
        metrics_labelled(page, alarms, alarm->name, alarm->owner[0] == '\0' ? 1 : 0.5);
    }
}

static void put_state(const edge_t *self, struct metrics_page *page, const struct core_stats *stats)
{
    const struct journal_head *head = journal_head(self->journal);

    put(page, BROKER_METRIC_SCRATCH, (double)scratch_bytes(self->parts.scratch));
    put(page, BROKER_METRIC_LEAVES, (double)head->size);
    put(page, BROKER_METRIC_EPOCH, head->epoch);
    put(page, BROKER_METRIC_STORED, stored_age_s(self));
    put(page, BROKER_METRIC_FOLDING, stats->folding ? 1 : 0);
    put(page, BROKER_METRIC_PROCEDURES, stats->procedures_on ? 1 : 0);
    put(page, BROKER_METRIC_REGISTER, (double)stats->register_version);
    if (stats->register_stale_ms != INT64_MAX) {
        put(page, BROKER_METRIC_REGISTER_STALE,
            (double)(stats->register_stale_ms - stats->now_ms) / MS_PER_S);
    }
    put(page, BROKER_METRIC_KEYS_ENDING, (double)stats->keys_ending);
    put_alarms(self, page);
    put(page, BROKER_METRIC_CLOCK_OFF, (double)stats->clock_off_ms / MS_PER_S);
    metrics_histogram(page, broker_metric(BROKER_METRIC_SYNC), &self->sync);
    metrics_histogram(page, broker_metric(BROKER_METRIC_DURABLE), &self->durable);
    metrics_histogram(page, broker_metric(BROKER_METRIC_DELIVERY), &stats->delivery);
}

static void put_counters(const edge_t *self, struct metrics_page *page)
{
    struct zap_counts door;

    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        metrics_table_count(page, counter_name(i), counter_text(i), core_counter(self->core, i));
    }
    for (size_t i = 0; i < NET_COUNTER_COUNT; i++) {
        if (!broker_counter_hidden(i)) {
            metrics_table_count(page, net_counter_name(i), net_counter_text(i), self->counters[i]);
        }
    }
    zap_counts(self->zap, &door);
    for (size_t i = 0; i < ZAP_ANSWER_COUNT; i++) {
        enum zap_answer answer = (enum zap_answer)i;
        metrics_table_count(
            page, zap_answer_counter(answer), zap_answer_advice(answer), door.answers[i]);
    }
    for (size_t i = 0; i < DOOR_COUNTER_COUNT; i++) {
        enum door_counter counter = (enum door_counter)i;
        metrics_table_count(
            page, door_counter_name(counter), door_counter_text(counter), door.door[i]);
    }
}

static void answer_metrics(
    void *context, const struct http_request *request, struct http_reply *reply)
{
    const edge_t *self = context;
    struct metrics_page page;
    struct core_stats stats;

    core_stats(self->core, &stats);
    metrics_begin(&page, BROKER_METRICS_PROGRAM, http_request_header(request, "Accept"));
    metrics_process(&page);
    put_backlog(&page, &stats);
    put_state(self, &page, &stats);
    put_counters(self, &page);
    metrics_end(&page, reply);
}

/* ---- /healthz ----------------------------------------------------------------------------- */

static void check_storage(const edge_t *self, struct health *health)
{
    double age_s = stored_age_s(self);
    bool fresh = age_s * MS_PER_S <= NET_STORED_MS_MAX;

    if (self->probe_rc != 0) {
        health_check(health, "storage", false, "the last probe of %s failed (%s): look at the disk",
            self->parts.options->data, err_text(self->probe_rc));
    } else if (self->stored_mono_ms == 0) {
        health_check(
            health, "storage", false, "nothing was stored yet; the first probe is under way");
    } else {
        health_check(health, "storage", fresh,
            fresh ? "something was signed, synced and read back %.1f s ago"
                  : "nothing was stored for %.1f s: look at the disk",
            age_s);
    }
}

static void answer_health(
    void *context, const struct http_request *request, struct http_reply *reply)
{
    const edge_t *self = context;
    const struct broker_options *options = self->parts.options;
    struct core_stats stats;
    struct health health;

    (void)request;
    core_stats(self->core, &stats);
    health_begin(&health, "waypost-broker", reply);
    check_storage(self, &health);
    health_check(&health, "listening", !self->stopping,
        self->stopping ? "the broker stops" : "%llu agents are connected",
        (unsigned long long)stats.sessions);
    health_check(&health, "register", stats.register_version > 0, "version %llu is in force",
        (unsigned long long)stats.register_version);
    bool room = stats.free_bytes >= options->core.free_bytes_min;
    health_check(&health, "disk", room,
        room ? "%llu MiB are free"
             : "%llu MiB are free, less than free-min: publishers are told to wait",
        (unsigned long long)(stats.free_bytes >> 20));
    health_check(&health, "clock", !stats.clock_stepped,
        stats.clock_stepped ? "it was set by %.1f s: deadlines are held; check it, then send HUP"
                            : "it runs as it should, %.1f s off",
        (double)stats.clock_off_ms / MS_PER_S);
    health_check(&health, "procedures", true, "%s",
        stats.folding             ? "the journal is being folded: judging waits"
            : stats.procedures_on ? "events are judged"
                                  : "switched off: events are carried and never judged");
    health_end(&health);
}

/* ---- birth and death ---------------------------------------------------------------------- */

static const struct http_route routes[] = {
    {"GET", "/metrics", false, answer_metrics},
    {"GET", "/healthz", false, answer_health},
};

int edge_pages_open(edge_t *self, struct complaint *why)
{
    const struct http_options options = {
        .address = self->parts.options->metrics,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .context = self,
        .world = self->parts.world,
    };

    if (!self->parts.options->has_metrics) {
        return 0;
    }
    int rc = http_open(&options, &self->http, why);
    if (rc == 0) {
        log_info("metrics listen=http://%s/metrics", http_bound(self->http));
    }
    if (rc == 0 && !options.address.loopback) {
        log_warnx("metrics are served to other machines, without encryption and to anybody: a "
                  "firewall must say who may ask listen=%s",
            http_bound(self->http));
    }
    return rc;
}

void edge_pages_close(edge_t *self)
{
    http_destroy(&self->http);
}
