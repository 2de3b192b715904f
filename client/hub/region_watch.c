/* region_watch: see region_watch.h. Reads tables of a few hundred rows each; an alarm that cannot be written is logged. */
#include "client/hub/region_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alarm/alarm_table.h"

#include "common/base/banned.h"

enum { NAMED_MAX = 4 }; /* authorities in one sentence */

/* One state: its alarm, and how it is found. */
struct state_row {
    const char *alarm;
    const char *says; /* %s: the authorities */
    struct metric metric;
};

static const struct state_row states[REGION_STATES] = {
    [REGION_DEAD] = {"region_dead",
        "events have waited at the broker for longer than alarm-dead for %s; their IT officers "
        "must act",
        {"region_dead_authorities", METRIC_GAUGE, "", NULL,
            "Authorities of the region that events have waited for longer than alarm-dead. The "
            "alarm region_dead names them."}},
    [REGION_UNREAD] = {"region_unread",
        "events have lain unopened for longer than alarm-unread at %s; their duty desks must act",
        {"region_unread_authorities", METRIC_GAUGE, "", NULL,
            "Where events lie unopened for longer than alarm-unread. The alarm region_unread names "
            "them."}},
    [REGION_BREACHED] = {"region_breached",
        "deadlines have run out and are not met; they bind %s; their team managers must act",
        {"region_breached_authorities", METRIC_GAUGE, "", NULL,
            "Bound by a deadline that has run out and is not met. waypost hub deadlines "
            "--missed."}},
    [REGION_QUIET] = {"region_quiet",
        "something is owed, and nothing was heard for quiet-after, by %s; their duty desks must "
        "act",
        {"region_quiet_authorities", METRIC_GAUGE, "", NULL,
            "That owe something and have gone quiet. The alarm region_quiet names them."}},
    [REGION_AWAY] = {"region_away",
        "no agent has been at the broker for not-listening-after of %s; their IT officers must act",
        {"region_away_authorities", METRIC_GAUGE, "", NULL,
            "Whose agent is away from the broker. The alarm region_away names them."}},
};

/* ---- which authorities ---- */

struct finding {
    const struct hub_view *view;
    size_t count;
    char codes[HUB_PLACES_MAX][CODE_BYTES + 1];
};

static void add_place(struct finding *self, int64_t place)
{
    char code[CODE_BYTES + 1];

    tables_code(self->view->tables, place, code);
    if (self->count < HUB_PLACES_MAX && tables_in_area(self->view->tables, code)) {
        memcpy(self->codes[self->count++], code, sizeof code);
    }
}

/* The statement gives places; they are looked up when it has ended. */
static void find(struct finding *self, sqlite3_stmt *statement, int64_t limit)
{
    store_t *store = self->view->tables->store;
    int64_t places[HUB_PLACES_MAX];
    size_t count = 0;

    sql_int(statement, 1, limit);
    while (store_row(store, statement)) {
        if (count < HUB_PLACES_MAX) {
            places[count++] = row_int(statement, 0);
        }
    }
    for (size_t i = 0; i < count; i++) {
        add_place(self, places[i]);
    }
}

static void find_away(struct finding *self)
{
    for (int64_t place = 1; place <= HUB_PLACES_MAX; place++) {
        const struct hub_contact *contact = &self->view->tables->contacts[place];
        if (contact->known && contact->registered && !contact->connected &&
            self->view->now_ms - contact->contact_ms >= self->view->away_ms) {
            add_place(self, place);
        }
    }
}

static void find_state(
    const struct region_watch *self, enum region_state state, struct finding *out)
{
    store_t *store = out->view->tables->store;
    int64_t now_ms = out->view->now_ms;

    switch (state) {
    case REGION_DEAD:
        find(out,
            store_sql(
                store, "SELECT DISTINCT place FROM waiting WHERE unpersisted > 0 AND hour < ?1"),
            (now_ms - self->dead_ms) / HUB_HOUR_MS + 1);
        break;
    case REGION_UNREAD:
        find(out,
            store_sql(store,
                "SELECT DISTINCT place FROM waiting WHERE unopened > unpersisted AND hour < ?1"),
            (now_ms - self->unread_ms) / HUB_HOUR_MS + 1);
        break;
    case REGION_BREACHED:
        find(out, store_sql(store, "SELECT id FROM places WHERE breached > ?1"), 0);
        break;
    case REGION_QUIET:
        find(out,
            store_sql(store,
                "SELECT id FROM places WHERE heard_ms < ?1 AND (running > 0 OR breached > 0 OR id "
                "IN (SELECT place FROM waiting))"),
            now_ms - out->view->quiet_ms);
        break;
    case REGION_AWAY:
    default:
        find_away(out);
        break;
    }
}

/* ---- telling ---- */

static int by_code(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void put_names(const struct finding *found, struct buf *out)
{
    for (size_t i = 0; i < found->count && i < NAMED_MAX; i++) {
        buf_put_text(out, "%s%.40s (%s)", i == 0 ? "" : ", ",
            tables_name(found->view->tables, found->codes[i]), found->codes[i]);
    }
    if (found->count > NAMED_MAX) {
        buf_put_text(out, " and %zu more", found->count - NAMED_MAX);
    }
    buf_put_u8(out, 0);
}

static void tell(agent_core_t *core, const struct state_row *row, struct finding *found)
{
    struct buf names = {0};
    char text[ALARM_TEXT_BYTES];

    if (found->count == 0) {
        agent_core_alarm_clear(core, row->alarm);
        return;
    }
    qsort(found->codes, found->count, sizeof found->codes[0], by_code);
    put_names(found, &names);
    const char *place = strstr(row->says, "%s");
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(place - row->says), row->says,
        (const char *)names.data, place + 2);
    agent_core_alarm(core, row->alarm, "%s", text);
    buf_free(&names);
}

void region_watch_tick(
    struct region_watch *self, const struct hub_view *view, agent_core_t *core, int64_t now_mono_ms)
{
    bool filling = view->tables->past_leaf >= 0; /* what was told before is not all here */

    if (now_mono_ms < self->look_at_mono_ms || view->tables->book == NULL || filling) {
        return;
    }
    self->look_at_mono_ms = now_mono_ms + HUB_REGION_WATCH_MS;
    struct finding *found = mem_new(1, sizeof *found);
    for (int state = 0; state < REGION_STATES; state++) {
        found->view = view;
        found->count = 0;
        find_state(self, (enum region_state)state, found);
        tell(core, &states[state], found);
        view->tables->changes += found->count != self->counts[state] ? 1 : 0; /* for open pages */
        self->counts[state] = found->count;
    }
    free(found);
}

/* ---- metrics ---- */

void region_watch_metrics(const struct region_watch *self, struct metrics_page *page)
{
    for (int state = 0; state < REGION_STATES; state++) {
        metrics_number(page, &states[state].metric, (double)self->counts[state]);
    }
}

void region_watch_put_table(const char *program, struct buf *out)
{
    for (int state = 0; state < REGION_STATES; state++) {
        metrics_put_row(program, &states[state].metric, out);
    }
}
