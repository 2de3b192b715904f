/*
 * keep_clocks: see keep_clocks.h. A clock that binds nobody, or has no time, is a guide: it is listed and counted nowhere.
 */
#include "client/hub/keep_clocks.h"

#include <string.h>

#include "common/base/civil.h"
#include "common/codec/frame.h"
#include "common/procedure/telling.h"

#include "common/base/banned.h"

enum { WORD_BYTES = 64 };

void keep_word(const char *detail, const char *name, char *out, size_t room)
{
    size_t name_len = strlen(name);
    const char *at = detail;

    out[0] = '\0';
    while (at != NULL && *at != '\0') {
        if (strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
            const char *value = at + name_len + 1;
            size_t len = strcspn(value, " ");
            len = len < room ? len : room - 1;
            memcpy(out, value, len);
            out[len] = '\0';
            return;
        }
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
}

/* A date counts to the end of that day in London. 0 where it names no time. */
static int64_t due_of(const char *text)
{
    int32_t day;
    int64_t at_ms;

    if (civil_date_parse(text, &day) == 0) {
        int64_t midnight_ms = ((int64_t)day + 1) * CIVIL_DAY_MS;
        return midnight_ms - civil_london_offset_ms(midnight_ms - HUB_HOUR_MS);
    }
    return civil_time_parse(text, &at_ms) == 0 ? at_ms : 0;
}

/* ---- one clock ---- */

struct clock_row {
    int64_t id;
    int64_t places[2];
    bool guide;
    enum hub_clock_state state;
};

#define CLOCK_COLUMNS "id, place, place_two, guide, state"

static bool read_clock(struct hub_tables *self, sqlite3_stmt *statement, struct clock_row *out)
{
    if (!store_row(self->store, statement)) {
        return false;
    }
    *out = (struct clock_row){.id = row_int(statement, 0),
        .places = {row_int(statement, 1), row_int(statement, 2)},
        .guide = row_int(statement, 3) != 0,
        .state = (enum hub_clock_state)row_int(statement, 4)};
    store_stop(statement);
    return true;
}

static sqlite3_stmt *keyed(struct hub_tables *self, const char *sql,
    const struct kept_record *record, const struct hub_case *of)
{
    static const uint8_t none[UUID_BYTES];
    sqlite3_stmt *statement = store_sql(self->store, sql);

    sql_int(statement, 1, of->id);
    sql_text(statement, 2, record->clock);
    sql_id(statement, 3, record->subject == NULL ? none : record->subject);
    sql_id(statement, 4, record->event == NULL ? none : record->event);
    return statement;
}

static bool find_clock(struct hub_tables *self, const struct kept_record *record,
    const struct hub_case *of, struct clock_row *out)
{
    return read_clock(self,
        keyed(self,
            "SELECT " CLOCK_COLUMNS " FROM clocks WHERE case_id = ?1 AND clock = ?2 AND subject = "
            "?3 AND event = ?4",
            record, of),
        out);
}

/* Counts of the case, its pair and whoever is bound move with the state. */
static void count_clock(struct hub_tables *self, const struct clock_row *clock, struct hub_case *of,
    int64_t running, int64_t breached)
{
    if (clock->guide || (running == 0 && breached == 0)) {
        return;
    }
    of->running += running;
    of->breached += breached;
    tables_case_save(self, of);
    KEEP_RUN(self,
        "UPDATE pairs SET running = running + ?3, breached = breached + ?4 WHERE origin = ?1 AND "
        "receiving = ?2",
        of->origin, of->receiving, running, breached);
    for (int i = 0; i < 2; i++) {
        if (clock->places[i] != 0) {
            KEEP_RUN(self,
                "UPDATE places SET running = running + ?2, breached = breached + ?3 WHERE id = ?1",
                clock->places[i], running, breached);
        }
    }
}

static void move_clock(struct hub_tables *self, const struct clock_row *clock,
    enum hub_clock_state state, const struct kept_record *record, const char *late)
{
    sqlite3_stmt *move = store_sql(
        self->store, "UPDATE clocks SET state = ?2, ended_ms = ?3, late = ?4 WHERE id = ?1");

    sql_int(move, 1, clock->id);
    sql_int(move, 2, state);
    sql_int(move, 3, record->at_ms);
    sql_text(move, 4, late);
    store_run(self->store, move);
}

/* ---- records about clocks ---- */

static void bind_places(struct hub_tables *self, const char *detail, int64_t *places)
{
    char codes[WORD_BYTES];
    char code[CODE_BYTES + 1];

    keep_word(detail, "binds", codes, sizeof codes);
    for (int i = 0; i < 2; i++) {
        const char *at = codes + (size_t)i * (CODE_BYTES + 1);
        places[i] = 0;
        if (strlen(codes) >= (size_t)(i + 1) * CODE_BYTES + (size_t)i) {
            memcpy(code, at, CODE_BYTES);
            code[CODE_BYTES] = '\0';
            places[i] = tables_place(self, code);
        }
    }
}

static void clock_set(
    struct hub_tables *self, const struct kept_record *record, struct hub_case *of)
{
    struct clock_row clock = {.state = HUB_CLOCK_RUNNING};
    struct clock_row before;
    char due[WORD_BYTES];
    char advisory[WORD_BYTES];

    keep_word(record->detail, "due", due, sizeof due);
    keep_word(record->detail, "advisory", advisory, sizeof advisory);
    bind_places(self, record->detail, clock.places);
    int64_t due_ms = due_of(due);
    clock.guide = strcmp(advisory, "yes") == 0 || due_ms == 0 || clock.places[0] == 0;
    if (find_clock(self, record, of, &before)) { /* worked out again: another due date */
        sqlite3_stmt *again =
            store_sql(self->store, "UPDATE clocks SET due_ms = ?2, due = ?3 WHERE id = ?1");
        sql_int(again, 1, before.id);
        sql_int(again, 2, due_ms);
        sql_text(again, 3, due);
        store_run(self->store, again);
        return;
    }
    sqlite3_stmt *add = keyed(self,
        "INSERT INTO clocks (case_id, clock, subject, event, set_ms, due_ms, due, guide, place, "
        "place_two, state, ended_ms, late) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, 0, "
        "'')",
        record, of);
    sql_int(add, 5, record->at_ms);
    sql_int(add, 6, due_ms);
    sql_text(add, 7, due);
    sql_int(add, 8, clock.guide ? 1 : 0);
    sql_int(add, 9, clock.places[0]);
    sql_int(add, 10, clock.places[1]);
    store_run(self->store, add);
    count_clock(self, &clock, of, 1, 0);
}

static void clock_stopped(
    struct hub_tables *self, const struct kept_record *record, struct hub_case *of)
{
    struct clock_row clock;
    char word[WORD_BYTES];
    char late[LATE_WORD_BYTES];

    if (!find_clock(self, record, of, &clock)) {
        return;
    }
    keep_word(record->detail, "late", late, sizeof late);
    keep_word(record->detail, "state", word, sizeof word);
    if (clock.state == HUB_CLOCK_BREACHED) {
        move_clock(self, &clock, HUB_CLOCK_BREACHED_ENDED, record, late);
        count_clock(self, &clock, of, 0, -1);
    } else if (clock.state == HUB_CLOCK_RUNNING) {
        bool met = strcmp(word, "met") == 0;
        move_clock(self, &clock, met ? HUB_CLOCK_MET : HUB_CLOCK_CANCELLED, record, late);
        count_clock(self, &clock, of, -1, 0);
    }
}

static void count_day(struct hub_tables *self, const struct hub_case *of, int64_t at_ms,
    int64_t alerts, int64_t breaches)
{
    KEEP_RUN(self,
        "INSERT INTO pair_days (day, origin, receiving, by_origin, by_receiving, notices, "
        "acceptances, refusals, alerts, breaches) VALUES (?1, ?2, ?3, 0, 0, 0, 0, 0, ?4, ?5) ON "
        "CONFLICT DO UPDATE SET alerts = alerts + ?4, breaches = breaches + ?5",
        civil_london_day(at_ms), of->origin, of->receiving, alerts, breaches);
}

static void clock_breached(
    struct hub_tables *self, const struct kept_record *record, struct hub_case *of)
{
    struct clock_row clock;

    if (!find_clock(self, record, of, &clock) || clock.state != HUB_CLOCK_RUNNING) {
        return;
    }
    move_clock(self, &clock, HUB_CLOCK_BREACHED, record, "");
    count_clock(self, &clock, of, -1, 1);
    if (!clock.guide) {
        count_day(self, of, record->at_ms, 0, 1);
    }
}

/* The record names clock and child, not the event that started it: the breach that is there. */
static void breach_superseded(
    struct hub_tables *self, const struct kept_record *record, struct hub_case *of)
{
    struct clock_row clock;
    sqlite3_stmt *find = keyed(self,
        "SELECT " CLOCK_COLUMNS " FROM clocks WHERE case_id = ?1 AND clock = ?2 AND subject = ?3 "
        "AND (?4 IS NOT NULL) AND state IN (4, 5) ORDER BY id DESC LIMIT 1",
        record, of);

    if (!read_clock(self, find, &clock)) {
        return;
    }
    move_clock(self, &clock, HUB_CLOCK_SUPERSEDED, record, "");
    count_clock(self, &clock, of, 0, clock.state == HUB_CLOCK_BREACHED ? -1 : 0);
}

static void rule_flagged(
    struct hub_tables *self, const struct kept_record *record, struct hub_case *of)
{
    count_day(self, of, record->at_ms, 1, 0);
}

static const struct {
    uint32_t kind;
    void (*take)(struct hub_tables *self, const struct kept_record *record, struct hub_case *of);
} clock_kinds[] = {
    {WAYPOST__SYSTEM_KIND__DEADLINE_SET, clock_set},
    {WAYPOST__SYSTEM_KIND__DEADLINE_STOPPED, clock_stopped},
    {WAYPOST__SYSTEM_KIND__DEADLINE_BREACHED, clock_breached},
    {WAYPOST__SYSTEM_KIND__BREACH_SUPERSEDED, breach_superseded},
    {WAYPOST__SYSTEM_KIND__ALERT_RAISED, rule_flagged},
};

void keep_clock(struct hub_tables *self, const struct kept_record *record, struct hub_case *of)
{
    for (size_t i = 0; i < sizeof clock_kinds / sizeof clock_kinds[0]; i++) {
        if (clock_kinds[i].kind == record->kind) {
            clock_kinds[i].take(self, record, of);
            return;
        }
    }
}
