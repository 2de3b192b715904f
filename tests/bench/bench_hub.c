/*
 * bench_hub: fills a hub's database with events as its keeper takes them, and asks every view. Prints a line a figure;
 * exit 1 where a view takes 200 ms or longer.
 *
 *   bench_hub [EVENTS] [FOLDER]    10,000,000 events of ten years (one as it comes
 *                                  in, nine copied from it) and 153 authorities; FOLDER: where the database is made and
 *                                  removed again, /tmp where none is given. Runs in the project's folder.
 *
 * Events come in order of time: cases of 15 events, of which 20,000 are open at any time; each event is persisted, nine of ten
 * are opened, each case has two deadlines, of which one of twenty is missed. The bytes kept of each are those of one real event.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/hub/keep.h"
#include "client/hub/view.h"
#include "common/base/check.h"
#include "common/base/civil.h"
#include "common/base/world.h"
#include "common/codec/frame.h"
#include "common/procedure/engine.h"
#include "tests/support/engine_fixture.h"

#include "common/base/banned.h"

enum {
    AUTHORITIES = 153,
    OPEN_CASES = 20000,
    CASE_EVENTS = 15,
    BATCH = 5000, /* events a transaction */
    RUNS = 7,
    LIMIT_MS = 200,
    YEARS = 10
};

static struct engine_fixture fixture;

struct open_case {
    uint64_t number;
    uint32_t origin, receiving, step;
    bool missed;
};

struct filler {
    struct hub_tables tables;
    store_t *store;
    struct fixture_event *templates[3]; /* a notice, an acceptance, what comes between */
    struct open_case *cases;            /* OPEN_CASES */
    uint64_t next_case, random, leaf;
    struct entry_row entry;
};

static double now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t draw(struct filler *self, uint64_t below)
{
    self->random = self->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (self->random >> 33) % below;
}

static void code_of(uint32_t number, char *code)
{
    (void)snprintf(code, CODE_BYTES + 1, "E%08u", 6000001 + number % AUTHORITIES);
}

/* ---- filling ---- */

static void begin_case(struct filler *self, struct open_case *of)
{
    of->number = ++self->next_case;
    of->origin = (uint32_t)draw(self, AUTHORITIES);
    of->receiving = (of->origin + 1 + (uint32_t)draw(self, AUTHORITIES - 1)) % AUTHORITIES;
    of->step = 0;
    of->missed = draw(self, 20) == 0;
}

static void put_record(struct filler *self, const struct open_case *of, uint32_t kind,
    int64_t at_ms, const uint8_t *event, const char *clock, const char *detail)
{
    uint8_t transfer[UUID_BYTES] = {7};
    uint8_t subject[UUID_BYTES] = {8};

    put_u64(transfer + 8, of->number);
    put_u64(subject + 8, of->number);
    const struct kept_record record = {.leaf_index = ++self->leaf,
        .kind = kind,
        .recorded_ms = at_ms,
        .at_ms = at_ms,
        .event = event,
        .transfer = transfer,
        .subject = subject,
        .code = "",
        .clock = clock,
        .rule = "",
        .detail = detail};
    self->entry.position++;
    keep_record(&self->tables, &self->entry, &record);
}

static void put_clocks(struct filler *self, const struct open_case *of, int64_t at_ms)
{
    uint8_t event[UUID_BYTES] = {9};
    char detail[120];
    char due[CIVIL_STAMP_BYTES];
    char code[CODE_BYTES + 1];

    put_u64(event + 8, of->number);
    if (of->step == 0) {
        code_of(of->receiving, code);
        civil_date_text(civil_london_day(at_ms) + 20, due);
        (void)snprintf(
            detail, sizeof detail, "due=%s binds=%s advisory=no provisional=no", due, code);
        put_record(self, of, WAYPOST__SYSTEM_KIND__DEADLINE_SET, at_ms, event, "C01", detail);
        put_record(self, of, WAYPOST__SYSTEM_KIND__DEADLINE_SET, at_ms, event, "C17", detail);
    } else if (of->step == 1) {
        put_record(self, of, WAYPOST__SYSTEM_KIND__DEADLINE_STOPPED, at_ms, event, "C17",
            "state=met late=0 reason=none");
    } else if (of->step == 10 && of->missed) {
        put_record(self, of, WAYPOST__SYSTEM_KIND__DEADLINE_BREACHED, at_ms, event, "C01",
            "due=x advisory=no");
    } else if (of->step == CASE_EVENTS - 2 && !of->missed) {
        put_record(self, of, WAYPOST__SYSTEM_KIND__DEADLINE_STOPPED, at_ms, event, "C01",
            "state=met late=0 reason=conference_held");
    }
}

static void put_acks(struct filler *self, const struct event_view *view, int64_t at_ms)
{
    struct kept_ack ack = {
        .event = view->id, .row = {.level = LEVEL_PERSISTED, .at_ms = at_ms + 900}};

    memcpy(ack.row.code, view->to[0].code, sizeof ack.row.code);
    self->entry.position++;
    keep_ack(&self->tables, &self->entry, &ack);
    if (draw(self, 10) != 0) {
        ack.row.level = LEVEL_OPENED;
        ack.row.at_ms = at_ms + 7200000;
        ack.row.role = 1;
        self->entry.position++;
        keep_ack(&self->tables, &self->entry, &ack);
    }
}

static void put_event(struct filler *self, struct open_case *of, uint64_t number, int64_t at_ms)
{
    struct fixture_event *from = self->templates[of->step == 0 ? 0
            : of->step == CASE_EVENTS - 1                      ? 1
                                                               : 2];
    struct event_view *view = &from->view;
    bool back = of->step % 2 == 1;

    put_u64(view->id + 8, number);
    memset(view->transfer, 0, UUID_BYTES);
    view->transfer[0] = 7;
    put_u64(view->transfer + 8, of->number);
    code_of(of->origin, view->origin);
    code_of(of->receiving, view->receiving);
    code_of(back ? of->receiving : of->origin, view->from);
    view->recipient_count = 1;
    code_of(back ? of->origin : of->receiving, view->to[0].code);
    const struct kept_event event = {.view = view,
        .bytes = buf_slice(&from->bytes),
        .verdict = VERDICT_EFFECTIVE,
        .accepted_ms = at_ms,
        .kept_ms = at_ms};
    self->entry.position++;
    self->entry.persisted_ms = at_ms;
    keep_event(&self->tables, &self->entry, &event);
    put_clocks(self, of, at_ms);
    put_acks(self, view, at_ms);
    if (++of->step == CASE_EVENTS) {
        begin_case(self, of);
    }
}

static int fill(struct filler *self, uint64_t events, int64_t now_ms)
{
    int64_t first_ms = now_ms - 365 * HUB_DAY_MS;
    double began = now_s();

    self->cases = mem_new(OPEN_CASES, sizeof *self->cases);
    for (size_t i = 0; i < OPEN_CASES; i++) {
        begin_case(self, &self->cases[i]);
    }
    for (uint64_t i = 0; i < events; i++) {
        if (i % BATCH == 0) {
            store_begin(self->store);
        }
        int64_t at_ms =
            first_ms + (int64_t)((double)(now_ms - first_ms) * (double)i / (double)events);
        put_event(self, &self->cases[draw(self, OPEN_CASES)], i + 1, at_ms);
        if ((i + 1) % BATCH == 0 || i + 1 == events) {
            keep_trim(&self->tables, at_ms);
            if (store_commit(self->store) != 0) {
                return E_IO;
            }
            store_idle(self->store);
        }
    }
    (void)printf(
        "hub: kept %llu events of a year, with what is said of them, in %.0f s: %.0f events/s, "
        "without syncs\n",
        (unsigned long long)events, now_s() - began, (double)events / (now_s() - began));
    free(self->cases);
    return 0;
}

/* The years before are the last one again, row by row: a view reads as much as if each had come in alone. */
static int copy_years(struct filler *self, uint64_t events)
{
    static const char *const copies[] = {
        "INSERT INTO events SELECT id + ?1 * ?2, cast(substr(event, 1, 6) || char(?1 + 64) || "
        "substr(event, 8) AS BLOB), case_id + ?1 * 1000000, kind, sender, verdict, accepted_ms - "
        "?1 "
        "* 31536000000, bytes FROM events WHERE id <= ?2",
        "INSERT INTO deliveries SELECT event_id + ?1 * ?2, place, hour - ?1 * 8760, persisted_ms, "
        "opened_ms, role, team, code_err FROM deliveries WHERE event_id <= ?2",
        "INSERT INTO cases SELECT id + ?1 * 1000000, cast(substr(transfer, 1, 6) || char(?1 + 64) "
        "|| substr(transfer, 8) AS BLOB), blind + ?1, origin, receiving, first_ms - ?1 * "
        "31536000000, last_ms - ?1 * 31536000000, events, notified_ms, accepted_ms, 0, breached, 0 "
        "FROM cases WHERE id < 1000000 AND ?2 > 0",
        "INSERT INTO said SELECT leaf + ?1 * 100000000, case_id + ?1 * 1000000, kind, event, "
        "subject, at_ms - ?1 * 31536000000, recorded_ms, code, clock, rule, detail FROM said "
        "WHERE leaf < 100000000 AND ?2 > 0",
        "INSERT INTO clocks SELECT id + ?1 * 100000000, case_id + ?1 * 1000000, subject, clock, "
        "event, set_ms, due_ms - ?1 * 31536000000, due, guide, place, place_two, max(state, 2), "
        "ended_ms, late FROM clocks WHERE id < 100000000 AND ?2 > 0",
        "INSERT INTO pair_days SELECT day - ?1 * 366, origin, receiving, by_origin, by_receiving, "
        "notices, acceptances, refusals, alerts, breaches FROM pair_days WHERE ?2 > 0 AND day > "
        "(SELECT max(day) - 366 FROM pair_days)",
        "INSERT INTO spans SELECT month - ?1 * 13, origin, receiving, hours, count FROM spans "
        "WHERE "
        "?2 > 0 AND month > (SELECT max(month) - 13 FROM spans)",
        "INSERT INTO waiting SELECT place, hour - ?1 * 14400, unpersisted, unopened FROM waiting "
        "WHERE ?2 > 0 AND hour > (SELECT max(hour) - 14400 FROM waiting)",
    };

    for (int64_t year = 1; year < YEARS; year++) {
        store_begin(self->store);
        for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++) {
            sqlite3_stmt *copy = store_sql(self->store, copies[i]);
            sql_int(copy, 1, year);
            sql_int(copy, 2, (int64_t)events);
            store_run(self->store, copy);
        }
        if (store_commit(self->store) != 0) {
            return E_IO;
        }
        store_idle(self->store);
    }
    return 0;
}

/* ---- asking ---- */

struct question {
    const char *name;
    json_t *(*ask)(const struct hub_view *view);
};

static const char *busy_code(void)
{
    static char code[CODE_BYTES + 1];

    code_of(1, code);
    return code;
}

static json_t *ask_all_pairs(const struct hub_view *view)
{
    return view_pairs(view, NULL, HUB_LIST_MAX);
}

static json_t *ask_pairs(const struct hub_view *view)
{
    return view_pairs(view, busy_code(), HUB_LIST_DEFAULT);
}

static json_t *ask_deadlines(const struct hub_view *view)
{
    return view_deadlines(
        view, &(struct deadline_filter){.within_ms = INT64_MAX, .limit = HUB_LIST_MAX});
}

static json_t *ask_deadlines_of(const struct hub_view *view)
{
    return view_deadlines(view,
        &(struct deadline_filter){
            .within_ms = INT64_MAX, .limit = HUB_LIST_DEFAULT, .code = busy_code()});
}

static json_t *ask_missed(const struct hub_view *view)
{
    return view_deadlines(view,
        &(struct deadline_filter){.within_ms = INT64_MAX, .limit = HUB_LIST_MAX, .breached = true});
}

static json_t *ask_cases(const struct hub_view *view)
{
    return view_cases(view, NULL, HUB_LIST_DEFAULT);
}

static json_t *ask_cases_of(const struct hub_view *view)
{
    return view_cases(view, busy_code(), HUB_LIST_DEFAULT);
}

static json_t *ask_unopened(const struct hub_view *view)
{
    return view_unopened(view, NULL, HUB_LIST_DEFAULT);
}

static json_t *ask_unopened_of(const struct hub_view *view)
{
    return view_unopened(view, busy_code(), HUB_LIST_DEFAULT);
}

static json_t *ask_case(const struct hub_view *view)
{
    struct hub_case of;

    return tables_case_numbered(view->tables, 12345, &of) == 0 ? view_case(view, &of) : json_null();
}

static json_t *ask_feed(const struct hub_view *view)
{
    int64_t position = view_feed_before_last(view, 100);
    json_t *list = json_array();
    json_t *line;

    while ((line = view_feed_next(view, "", &position)) != NULL) {
        json_array_append_new(list, line);
    }
    return list;
}

static double cpu_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The first answer finds nothing of the database in memory but what the filling left there. */
static bool ask(const struct hub_view *view, const struct question *question)
{
    double longest = 0;
    double longest_cpu = 0;

    for (int run = 0; run < RUNS; run++) {
        double cpu = cpu_s();
        double began = now_s();
        json_decref(question->ask(view));
        double took = (now_s() - began) * 1000;
        cpu = (cpu_s() - cpu) * 1000;
        longest = took > longest ? took : longest;
        longest_cpu = cpu > longest_cpu ? cpu : longest_cpu;
    }
    (void)printf("hub: %-34s %8.1f ms at the longest of %d, %.1f ms of them computing\n",
        question->name, longest, RUNS, longest_cpu);
    (void)fflush(stdout);
    return longest < LIMIT_MS;
}

static bool ask_everything(struct filler *filler, int64_t now_ms)
{
    static const struct question questions[] = {{"overview", view_overview},
        {"pairs, all", ask_all_pairs}, {"pairs of one authority", ask_pairs},
        {"deadlines, the next 1,000", ask_deadlines},
        {"deadlines of one authority", ask_deadlines_of}, {"deadlines missed, 1,000", ask_missed},
        {"cases, the newest", ask_cases}, {"cases of one authority", ask_cases_of},
        {"one case", ask_case}, {"not opened", ask_unopened},
        {"not opened at one authority", ask_unopened_of}, {"live, the newest 100", ask_feed}};
    const struct hub_view view = {.tables = &filler->tables,
        .hub = "bench-hub",
        .procedures = fixture.procedures,
        .now_ms = now_ms,
        .threshold = 5,
        .quiet_ms = 7 * HUB_DAY_MS,
        .away_ms = 900000,
        .days = 28};
    bool good = true;

    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        good = ask(&view, &questions[i]) && good;
    }
    return good;
}

/* ---- running ---- */

static void load_templates(struct filler *self)
{
    self->templates[0] = fixture_build(&fixture, "E08000035", "move_notified", "T", "ash",
        "permanence=permanent retain_intention=transfer");
    self->templates[1] = fixture_build(&fixture, "E06000019", "written_acceptance", "T", "ash",
        "signatory_role=head_of_service letter_ref=L1 letter_hash=l1");
    self->templates[2] = fixture_build(
        &fixture, "E08000035", "family_informed", "T", "ash", "informed_on=2026-03-16");
}

int main(int argc, char **argv)
{
    static const char *const areas[] = {"*"};
    struct filler self = {.random = 1};
    struct complaint why = {0};
    uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    char path[300];
    struct stat info;

    (void)snprintf(
        path, sizeof path, "%s/bench-hub.%d.db", argc > 2 ? argv[2] : "/tmp", (int)getpid());
    crypto_start();
    fixture_open(&fixture);
    fixture_transfer(&fixture, "T", "E08000035", "E06000019");
    load_templates(&self);
    int rc = store_open(path, "bench", "bench-hub", &self.store, &why);
    rc = rc != 0 ? rc : tables_open(&self.tables, self.store, world_real(), &why);
    if (rc != 0 || events == 0) {
        (void)fprintf(stderr, "bench_hub: %s\n", events == 0 ? "EVENTS is no number" : why.text);
        return 1;
    }
    self.tables.areas = areas;
    self.tables.area_count = 1;
    (void)sqlite3_exec(self.store->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    int64_t now_ms = world_real()->wall_ms(world_real()->context);
    bool good = fill(&self, events / YEARS, now_ms) == 0 &&
        copy_years(&self, events / YEARS) == 0 && ask_everything(&self, now_ms);
    if (stat(path, &info) == 0) {
        (void)printf("hub: %.2f GB on disk, %.0f B an event\n", (double)info.st_size / 1e9,
            (double)info.st_size / (double)events);
    }
    store_close(&self.store);
    (void)unlink(path);
    return good ? 0 : 1;
}
