/*
 * bench_engine: what the procedure engine costs: events folded a second for small transfers, memory
 * of open transfers with running clocks, a simulated national year. Prints a line a figure; fails
 * only where a figure cannot be had.
 *
 *   bench_engine [EVENTS]      events of the first and the last part; 1,000,000 where none is
 * given. Runs in the project's folder.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/words.h"
#include "common/procedure/saved.h"
#include "tests/support/engine_fixture.h"

#include "common/base/banned.h"

enum { OPEN_TRANSFERS = 100000, EVENTS_A_TRANSFER = 8, MINUTE_MS = 60000, AUTHORITIES = 153 };

static struct engine_fixture world;

static double now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* An event of a kind that is read once and sent under many ids. */
static struct fixture_event *template_of(const char *from, const char *kind, const char *facts)
{
    return fixture_build(&world, from, kind, "T", "ash", facts);
}

static void number_id(uint8_t *id, uint64_t number)
{
    put_u64(id + 8, number); /* as made one after the other at one time */
}

static int fold(engine_t *engine, struct fixture_event *event, uint64_t number, uint64_t transfer,
    int64_t at_ms)
{
    const struct engine_event folded = {
        .view = &event->view, .facts = &event->facts, .accepted_ms = at_ms};
    uint8_t verdicts[SUBJECTS_MAX];

    number_id(event->view.id, number);
    number_id(event->view.transfer, transfer);
    number_id(event->view.subjects[0].ref, transfer);
    event->view.sent_ms = event->view.occurred_ms = at_ms;
    return engine_event(engine, &folded, verdicts);
}

static void count_record(void *context, const struct engine_record *record)
{
    (void)record;
    ++*(uint64_t *)context;
}

/* ---- events a second ---- */

static void bench_fold(uint64_t events, bool listening)
{
    uint64_t records = 0;
    engine_t *engine = engine_new(world.procedures, listening ? count_record : NULL, &records);
    struct fixture_event *templates[EVENTS_A_TRANSFER] = {
        template_of("E08000035", "move_notified", "permanence=temporary retain_intention=retain"),
        template_of("E06000019", "case_file_opened", "markers_added=yes"),
        template_of("E08000035", "family_informed", "informed_on=2026-03-01"),
        template_of("E06000019", "local_agencies_alerted", "agencies_told=gp,school"),
        template_of("E08000035", "counterpart_handover", "agency=school"),
        template_of("E06000019", "report_requested", "report_type=chair"),
        template_of("E08000035", "report_provided", "report_type=chair"),
        template_of("E06000019", "minutes_sent", "minutes_ref=M minutes_hash=m"),
    };

    double start = now_s();
    for (uint64_t i = 0; i < events; i++) {
        int rc = fold(engine, templates[i % EVENTS_A_TRANSFER], i + 1, i / EVENTS_A_TRANSFER + 1,
            world.now_ms + (int64_t)(i / 1000));
        assert(rc == 0);
    }
    double took = now_s() - start;
    printf("fold%s: %.0f events/s (%llu events of small transfers, %llu records, %.2f s)\n",
        listening ? ", records told" : "", (double)events / took, (unsigned long long)events,
        (unsigned long long)records, took);
    engine_destroy(&engine);
}

/* The same with reading the bytes and the facts. */
static void bench_decode(uint64_t events)
{
    struct fixture_event *event =
        template_of("E08000035", "move_notified", "permanence=temporary retain_intention=retain");
    struct event_view view;
    struct fact_set facts;

    double start = now_s();
    for (uint64_t i = 0; i < events; i++) {
        int rc = event_read(buf_slice(&event->bytes), &view, NULL);
        assert(rc == 0);
        rc = facts_read(&view, &facts);
        assert(rc == 0);
    }
    printf("read: %.0f events/s (bytes into view and facts, before folding)\n",
        (double)events / (now_s() - start));
}

/* ---- memory ---- */

/* As a snapshot: written, read back, hashed. */
static void bench_state(const engine_t *engine)
{
    struct buf bytes = {0};
    struct complaint why = {0};
    engine_t *again = NULL;

    double start = now_s();
    engine_encode(engine, &bytes);
    double encoded = now_s();
    int rc = engine_decode(world.procedures, NULL, NULL, buf_slice(&bytes), &again, &why);
    assert(rc == 0);
    double decoded = now_s();
    engine_destroy(&again);
    printf("state: %.1f MB, encoded in %.3f s, decoded in %.3f s", (double)bytes.len / 1e6,
        encoded - start, decoded - encoded);
    buf_free(&bytes);
    start = now_s();
    (void)engine_hash(engine);
    printf(", hashed in %.3f s\n", now_s() - start);
}

static void bench_memory(void)
{
    struct fixture_event *notice =
        template_of("E08000035", "move_notified", "permanence=permanent retain_intention=transfer");
    struct fixture_event *enquiry = template_of("E08000035", "s47_opened", "");
    size_t before = mallinfo2().uordblks;
    engine_t *engine = engine_new(world.procedures, NULL, NULL);
    uint64_t number = 1;

    double start = now_s();
    for (uint64_t i = 1; i <= OPEN_TRANSFERS; i++) {
        int64_t at_ms = world.now_ms + (int64_t)i * 10;
        int rc = fold(engine, notice, number++, i, at_ms);
        assert(rc == 0);
        engine_persisted(engine, notice->view.id, "E06000019", at_ms); /* C01 and C17 run */
        rc = fold(engine, enquiry, number++, i, at_ms);                /* and C19 */
        assert(rc == 0);
    }
    double took = now_s() - start;
    size_t used = mallinfo2().uordblks - before + mallinfo2().hblkhd;
    printf("memory: %.1f MB for %d open transfers with %d running clocks and %llu events (folded "
           "in %.2f s)\n",
        (double)used / 1e6, OPEN_TRANSFERS, OPEN_TRANSFERS * 3, (unsigned long long)number - 1,
        took);
    start = now_s();
    for (uint64_t i = 0; i < 1000000; i++) {
        assert(engine_next_ms(engine) > 0);
    }
    printf("next deadline: %.1f ns with %d clocks running\n", (now_s() - start) * 1e3,
        OPEN_TRANSFERS * 3);
    bench_state(engine);
    start = now_s();
    engine_advance(engine, world.now_ms + INT64_C(40) * CIVIL_DAY_MS);
    printf("deadlines: %.0f/s fired\n", OPEN_TRANSFERS * 3 / (now_s() - start));
    engine_destroy(&engine);
}

int main(int argc, char **argv)
{
    uint64_t events = 1000000;

    if (argc > 2 || (argc == 2 && text_parse_u64(argv[1], 1000, UINT32_MAX, &events) != 0)) {
        (void)fprintf(stderr, "usage: bench_engine [EVENTS]\n");
        return 2;
    }
    fixture_open(&world);
    fixture_transfer(&world, "T", "E08000035", "E06000019");
    bench_decode(events);
    bench_fold(events, false);
    bench_fold(events, true);
    bench_memory();
    fixture_close(&world);
    return 0;
}
