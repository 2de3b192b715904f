/*
 * Metrics: the page in both formats, and that docs/OPERATING.md and the dashboard say what the tables of the programs
 * say. UPDATE=1 in the environment writes the document's tables anew instead of comparing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/net/metric_rows.h"
#include "client/agent/pages.h"
#include "client/hub/region_watch.h"
#include "common/base/fsio.h"
#include "common/metrics/health.h"

#include "common/base/banned.h"

#define DOCUMENT "docs/OPERATING.md"
#define DASHBOARD "data/grafana/waypost.json"

enum { FILE_BYTES_MAX = 1048576, NAME_BYTES = 128 };

static char *text_of(struct buf *bytes)
{
    buf_put_u8(bytes, 0);
    return (char *)bytes->data;
}

static char *file_read(const char *path)
{
    struct buf bytes = {0};

    assert_int_equal(fsio_read_all(path, FILE_BYTES_MAX, &bytes), 0);
    return text_of(&bytes);
}

/* ---- the page ---- */

static const struct metric counts = {"events", METRIC_COUNTER, "", NULL, "Events. Say \"so\"."};
static const struct metric ages = {"oldest_seconds", METRIC_GAUGE, "seconds", NULL, "Age."};
static const struct metric boxes = {"boxes", METRIC_GAUGE, "", "state", "Boxes."};
static const struct metric takes = {"takes_seconds", METRIC_HISTOGRAM, "seconds", NULL, "Time."};

static void page_make(const char *accept, struct http_reply *reply)
{
    struct metrics_page page;
    struct histogram taken = {{0}, 0};

    *reply = (struct http_reply){.status = 200};
    histogram_add(&taken, 100);
    histogram_add(&taken, 101);
    histogram_add(&taken, UINT64_C(700000000000));
    metrics_begin(&page, "waypost_test", accept);
    metrics_count(&page, &counts, UINT64_MAX);
    metrics_number(&page, &ages, 0.25);
    metrics_head(&page, &boxes);
    metrics_labelled(&page, &boxes, "a\"b\\c\nd", 3);
    metrics_histogram(&page, &takes, &taken);
    metrics_end(&page, reply);
    (void)text_of(&reply->body);
}

static void page__asked_for_open_metrics__has_units_and_an_end(void **state)
{
    struct http_reply reply;

    (void)state;
    page_make("application/openmetrics-text;version=1.0.0,*/*;q=0.1", &reply);
    assert_string_equal(reply.type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    const char *text = (const char *)reply.body.data;
    assert_ptr_equal(strstr(text,
                         "# TYPE waypost_test_events counter\n"
                         "# HELP waypost_test_events Events. Say \\\"so\\\".\n"
                         "waypost_test_events_total 18446744073709551615\n"
                         "# TYPE waypost_test_oldest_seconds gauge\n"
                         "# UNIT waypost_test_oldest_seconds seconds\n"
                         "# HELP waypost_test_oldest_seconds Age.\n"
                         "waypost_test_oldest_seconds 0.25\n"),
        text);
    assert_non_null(strstr(text, "waypost_test_boxes{state=\"a\\\"b\\\\c\\nd\"} 3\n"));
    assert_non_null(strstr(text,
        "waypost_test_takes_seconds_bucket{le=\"0.0001\"} 1\n"
        "waypost_test_takes_seconds_bucket{le=\"0.00025\"} 2\n"));
    assert_non_null(strstr(text, "{le=\"1.0\"} 2\n"));
    assert_non_null(strstr(text,
        "{le=\"604800.0\"} 2\nwaypost_test_takes_seconds_bucket{le=\"+Inf\"} 3\n"
        "waypost_test_takes_seconds_sum 700000.000201\n"
        "waypost_test_takes_seconds_count 3\n# EOF\n"));
    buf_free(&reply.body);
}

static void page__asked_for_the_older_format__names_samples(void **state)
{
    struct http_reply reply;

    (void)state;
    page_make("text/plain;version=0.0.4", &reply);
    assert_string_equal(reply.type, "text/plain; version=0.0.4; charset=utf-8");
    const char *text = (const char *)reply.body.data;
    assert_ptr_equal(strstr(text, "# TYPE waypost_test_events_total counter\n"), text);
    assert_null(strstr(text, "# EOF"));
    assert_null(strstr(text, "# UNIT"));
    assert_non_null(strstr(text, "{le=\"1\"} 2\n"));
    buf_free(&reply.body);
}

static void accept__of_every_form__chooses_a_format(void **state)
{
    static const struct {
        const char *accept;
        bool open;
    } rows[] = {
        {NULL, true},
        {"*/*", true},
        {"application/openmetrics-text", true},
        {"application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            true},
        {"text/plain", false},
        {"text/plain;version=0.0.4;q=1,*/*;q=0.1", false},
        {"text/html", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(metrics_takes_open(rows[i].accept), rows[i].open);
    }
}

static void health__one_check_bad__is_503_with_every_sentence(void **state)
{
    struct http_reply reply = {.status = 200};
    struct health health;

    (void)state;
    health_begin(&health, "waypost-test", &reply);
    health_check(&health, "disk", true, "%d MiB are free", 7);
    health_end(&health);
    assert_int_equal(reply.status, 200);
    health_begin(&health, "waypost-test", &reply);
    health_check(&health, "disk", true, "%d MiB are free", 7);
    health_check(&health, "broker", false, "it said \"no\"\n%s", "and went");
    health_end(&health);
    assert_int_equal(reply.status, 503);
    assert_string_equal(reply.type, "application/json");
    assert_string_equal(text_of(&reply.body),
        "{\"program\": \"waypost-test\", \"checks\": [\n"
        "  {\"check\": \"disk\", \"good\": true, \"text\": \"7 MiB are free\"},\n"
        "  {\"check\": \"broker\", \"good\": false, \"text\": \"it said \\\"no\\\" and went\"}\n"
        "], \"healthy\": false}\n");
    buf_free(&reply.body);
}

/* ---- the document ---- */

static void process_put_table(struct buf *out)
{
    const struct metric *rows;
    size_t count = metrics_process_rows(&rows);

    for (size_t i = 0; i < count; i++) {
        metrics_put_row("waypost_PROGRAM", &rows[i], out);
    }
}

static void agent_put_table(struct buf *out)
{
    agent_metrics_put_table("waypost_agent", out);
}

static void hub_put_table(struct buf *out)
{
    region_watch_put_table("waypost_hub", out);
}

static const struct {
    const char *name;
    void (*put)(struct buf *out);
} tables[] = {
    {"process", process_put_table},
    {"waypost-broker", broker_metrics_put_table},
    {"waypost-agent", agent_put_table},
    {"waypost-hub", hub_put_table},
};

enum { TABLES = sizeof tables / sizeof tables[0] };

/* The page with the rows between the marks of each table replaced by those of the code. */
static void document_make(const char *page, struct buf *out)
{
    char mark[NAME_BYTES];

    for (size_t i = 0; i < TABLES; i++) {
        (void)snprintf(mark, sizeof mark, "<!-- metrics of %s -->\n", tables[i].name);
        const char *begin = strstr(page, mark);
        const char *end = begin == NULL ? NULL : strstr(begin, "<!-- end -->");
        if (end == NULL) {
            fail_msg("%s has no table of the metrics of %s", DOCUMENT, tables[i].name);
        }
        begin += strlen(mark);
        buf_put(out, page, (size_t)(begin - page));
        buf_put_text(out, "| metric | type | what it is, and what to do |\n| --- | --- | --- |\n");
        tables[i].put(out);
        page = end;
    }
    buf_put(out, page, strlen(page));
}

static void document__of_the_metrics__is_what_the_tables_say(void **state)
{
    struct buf wanted = {0};
    char *page = file_read(DOCUMENT);

    (void)state;
    document_make(page, &wanted);
    if (getenv("UPDATE") != NULL) {
        assert_int_equal(fsio_replace(DOCUMENT, buf_slice(&wanted), 0644), 0);
    } else if (strcmp(page, text_of(&wanted)) != 0) {
        fail_msg("%s is not what the tables of metrics say; run this test with UPDATE=1", DOCUMENT);
    }
    buf_free(&wanted);
    free(page);
}

static bool is_documented(const char *page, const char *name, size_t len)
{
    static const char *const ends[] = {"_bucket", "_sum", "_count", ""};
    bool known = false;

    for (size_t i = 0; i < sizeof ends / sizeof ends[0] && !known; i++) {
        char cell[NAME_BYTES];
        size_t cut = strlen(ends[i]);
        if (len <= cut || strncmp(name + len - cut, ends[i], cut) != 0) {
            continue;
        }
        (void)snprintf(cell, sizeof cell, "| `%.*s`", (int)(len - cut), name);
        known = strstr(page, cell) != NULL;
        (void)snprintf(cell, sizeof cell, "| `%.*s{", (int)(len - cut), name);
        known = known || strstr(page, cell) != NULL;
    }
    return known;
}

/* A hub has an agent's families too, under its own name. */
static bool is_documented_of_agents(const char *page, const char *name, size_t len)
{
    static const char hub[] = "waypost_hub_";
    char own[NAME_BYTES];

    if (strncmp(name, hub, sizeof hub - 1) != 0) {
        return false;
    }
    (void)snprintf(own, sizeof own, "waypost_agent_%.*s", (int)(len - (sizeof hub - 1)),
        name + sizeof hub - 1);
    return is_documented(page, own, strlen(own));
}

/* Every name of ours in the dashboard stands in the document, which the test before holds to the code. */
static void dashboard__names__are_all_metrics(void **state)
{
    char *dashboard = file_read(DASHBOARD);
    char *page = file_read(DOCUMENT);
    size_t found = 0;

    (void)state;
    for (const char *at = dashboard; (at = strstr(at, "waypost_")) != NULL;) {
        size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789");
        if (!is_documented(page, at, len) && !is_documented_of_agents(page, at, len)) {
            fail_msg("%s: %.*s is no metric of ours", DASHBOARD, (int)len, at);
        }
        found++;
        at += len;
    }
    assert_true(found > 20);
    free(page);
    free(dashboard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page__asked_for_open_metrics__has_units_and_an_end),
        cmocka_unit_test(page__asked_for_the_older_format__names_samples),
        cmocka_unit_test(accept__of_every_form__chooses_a_format),
        cmocka_unit_test(health__one_check_bad__is_503_with_every_sentence),
        cmocka_unit_test(document__of_the_metrics__is_what_the_tables_say),
        cmocka_unit_test(dashboard__names__are_all_metrics),
    };
    const char *filter = getenv("TEST_FILTER");

    if (filter != NULL) {
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
