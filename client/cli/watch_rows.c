/* watch_rows: see watch_rows.h. */
#include "client/cli/watch_rows.h"

#include <string.h>

#include "client/cli/hub_print.h"
#include "client/cli/when.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

/* ---- pieces ---- */

/* "Sun 22 03:21:07" in London time. */
static void put_time(struct watch_row *row, int64_t ms)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    char stamp[CIVIL_STAMP_BYTES];

    if (ms != 0) {
        civil_stamp_london(ms, stamp); /* 2026-11-22T03:21:07... */
        (void)snprintf(row->left, sizeof row->left, "%s %.2s %.8s",
            days[civil_weekday(civil_london_day(ms))], stamp + 8, stamp + 11);
    }
}

static void put_word(struct watch_row *row, char sign, enum watch_paint paint, const char *word)
{
    row->sign = sign;
    row->paint = paint;
    (void)snprintf(row->word, sizeof row->word, "%s", word);
}

static void put_case(struct watch_row *row, const json_t *entry)
{
    (void)snprintf(row->id, sizeof row->id, "%s", text_of(entry, "case"));
}

/* ---- events ---- */

static void event_word(struct watch_row *row, const char *verdict)
{
    if (strcmp(verdict, "refused") == 0) {
        put_word(row, '!', WATCH_BAD, "refused");
    } else if (strcmp(verdict, "held") == 0) {
        put_word(row, '!', WATCH_WARN, "held");
    } else if (strcmp(verdict, "alert") == 0) {
        put_word(row, '>', WATCH_WARN, "event, flag");
    } else {
        put_word(row, '>', WATCH_STRONG, "event");
    }
}

static void event_text(
    const names_t *names, const json_t *row, const json_t *event, char *out, size_t size)
{
    const json_t *first = json_array_get(json_object_get(event, "to"), 0);
    const char *code = json_is_string(first) ? json_string_value(first) : text_of(first, "code");
    const char *title = text_of(row, "title");
    size_t more = json_array_size(json_object_get(event, "to"));

    (void)snprintf(out, size, "%s -> %s%s: %s", names_of(names, text_of(event, "from")),
        names_of(names, code), more > 1 ? " and others" : "",
        title[0] == '\0' ? text_of(event, "kind") : title);
}

static void add_event(const names_t *names, const json_t *entry, struct watch_list *out)
{
    struct watch_row row = {.number = number_of(entry, "number")};
    const json_t *event = json_object_get(entry, "event");

    event = json_is_object(event) ? event : entry;
    put_time(
        &row, when_of(entry, "accepted") > 0 ? when_of(entry, "accepted") : when_of(event, "sent"));
    event_word(&row, text_of(entry, "verdict"));
    event_text(names, entry, event, row.text, sizeof row.text);
    put_case(&row, entry);
    watch_list_add(out, &row);
}

/* ---- acknowledgements ---- */

static void level_word_of(struct watch_row *row, const char *word)
{
    if (strcmp(word, "opened") == 0) {
        put_word(row, '*', WATCH_GOOD, "opened");
    } else if (strcmp(word, "persisted") == 0) {
        put_word(row, '=', WATCH_DIM, "persisted");
    } else {
        put_word(row, '!', WATCH_BAD, "cannot be used");
    }
}

static void add_acks(const names_t *names, const json_t *entry, struct watch_list *out)
{
    size_t i;
    json_t *level;

    json_array_foreach(json_object_get(entry, "levels"), i, level)
    {
        struct watch_row row = {.number = number_of(entry, "number")};
        const char *role = text_of(level, "role");
        put_time(&row, when_of(level, "at"));
        level_word_of(&row, text_of(level, "word"));
        (void)snprintf(row.text, sizeof row.text, "%s%s%s%s%s",
            names_of(names, text_of(level, "code")), role[0] == '\0' ? "" : " by ", role,
            text_of(level, "team")[0] == '\0' ? "" : ", team ", text_of(level, "team"));
        put_case(&row, entry);
        watch_list_add(out, &row);
    }
}

/* ---- records ---- */

static const struct {
    const char *kind;
    char sign;
    enum watch_paint paint;
    const char *word;
} record_words[] = {
    {"deadline_set", 'o', WATCH_PLAIN, "deadline"},
    {"deadline_warning", 'o', WATCH_WARN, "comes near"},
    {"deadline_stopped", 'v', WATCH_GOOD, "met"},
    {"deadline_breached", 'x', WATCH_BAD, "MISSED"},
    {"breach_superseded", 'v', WATCH_GOOD, "answered"},
    {"responsibility_transferred", '*', WATCH_GOOD, "handed over"},
    {"refused", '!', WATCH_BAD, "refused"},
    {"held", '!', WATCH_WARN, "held"},
    {"alert_raised", '!', WATCH_WARN, "flagged"},
    {"alarm_raised", '!', WATCH_BAD, "ALARM"},
    {"delivery_fault", '!', WATCH_BAD, "fault"},
    {"returned_to_sender", '!', WATCH_BAD, "returned"},
};

static void record_word_of(const json_t *record, struct watch_row *row)
{
    const char *kind = text_of(record, "kind");
    bool stopped = strcmp(kind, "deadline_stopped") == 0;

    put_word(row, '.', WATCH_PLAIN, "record");
    for (size_t i = 0; i < sizeof record_words / sizeof record_words[0]; i++) {
        if (strcmp(record_words[i].kind, kind) == 0) {
            put_word(row, record_words[i].sign, record_words[i].paint, record_words[i].word);
        }
    }
    if (stopped && strstr(text_of(record, "detail"), "state=cancelled") != NULL) {
        put_word(row, '-', WATCH_DIM, "cancelled");
    } else if (stopped && strstr(text_of(record, "detail"), "state=breached") != NULL) {
        put_word(row, 'v', WATCH_WARN, "met late");
    }
}

/* Of a clock first who and when: a narrow screen cuts the end. */
static void record_row(const json_t *record, struct watch_row *row)
{
    const char *title = text_of(record, "title");
    const char *name = text_of(record, "name");
    const char *says = text_of(record, "says");
    const char *clock = text_of(record, "clock");
    char what[96];

    name = name[0] == '\0' ? text_of(record, "clock_name") : name;
    record_word_of(record, row);
    (void)snprintf(what, sizeof what, "%s%s%s", clock, clock[0] == '\0' ? "" : " ",
        name[0] != '\0'        ? name
            : title[0] != '\0' ? title
                               : text_of(record, "kind"));
    bool behind = clock[0] == '\0';
    (void)snprintf(row->text, sizeof row->text, "%s%s%s", behind ? what : says,
        says[0] == '\0' ? "" : ": ", behind ? says : what);
    put_time(row, when_of(record, "at"));
}

static void add_record(const json_t *entry, struct watch_list *out)
{
    struct watch_row row = {.number = number_of(entry, "number")};
    const json_t *record = json_object_get(entry, "record");

    record_row(json_is_object(record) ? record : entry, &row);
    put_case(&row, entry);
    watch_list_add(out, &row);
}

void watch_rows_entry(
    struct cli *cli, const names_t *names, const json_t *entry, struct watch_list *out)
{
    const char *type = text_of(entry, "type");
    struct watch_row row = {.number = number_of(entry, "number")};

    (void)cli;
    if (strcmp(type, "ack") == 0) {
        add_acks(names, entry, out);
    } else if (strcmp(type, "record") == 0) {
        add_record(entry, out);
    } else if (strcmp(type, "event") == 0) {
        add_event(names, entry, out);
    } else {
        put_word(&row, '!', WATCH_WARN, "set aside");
        (void)snprintf(row.text, sizeof row.text, "an operator holds %s", text_of(entry, "id"));
        put_case(&row, entry);
        watch_list_add(out, &row);
    }
}

/* ---- deadlines ---- */

static void binds(const json_t *deadline, char *out, size_t size)
{
    size_t i;
    size_t used = 0;
    json_t *place;

    (void)snprintf(out, size, "nobody");
    json_array_foreach(json_object_get(deadline, "binds"), i, place)
    {
        int len =
            snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ", ", text_of(place, "name"));
        used += len > 0 && (size_t)len < size - used ? (size_t)len : 0;
    }
}

static void deadline_row(const json_t *deadline, struct watch_row *row)
{
    char who[120];
    char left[32];
    const char *state = text_of(deadline, "state");

    binds(deadline, who, sizeof who);
    (void)snprintf(row->left, sizeof row->left, "%.*s", (int)sizeof row->left - 1,
        hub_left_text(deadline, left));
    if (strcmp(state, "running") == 0) {
        int64_t ms = json_integer_value(json_object_get(deadline, "left_ms"));
        bool near = ms < INT64_C(2) * 86400000;
        put_word(row, 'o', near ? WATCH_WARN : WATCH_PLAIN, near ? "comes near" : "runs");
    } else if (strcmp(state, "breached") == 0 && !flag_of(deadline, "ended")) {
        put_word(row, 'x', WATCH_BAD, "MISSED");
    } else {
        put_word(row, 'v', WATCH_GOOD, flag_of(deadline, "ended") ? "met late" : state);
    }
    (void)snprintf(row->text, sizeof row->text, "%s: %s %s", who, text_of(deadline, "clock"),
        text_of(deadline, "name"));
}

void watch_rows_deadlines(struct cli *cli, const json_t *answer, struct watch_list *out)
{
    size_t i;
    json_t *deadline;

    (void)cli;
    watch_list_clear(out);
    json_array_foreach(json_object_get(answer, "deadlines"), i, deadline)
    {
        struct watch_row row = {0};
        deadline_row(deadline, &row);
        put_case(&row, deadline);
        watch_list_add(out, &row);
    }
}

/* ---- silence ---- */

static void silence_text(struct cli *cli, const json_t *place, char *out, size_t size)
{
    char age[CLI_TIME_BYTES];
    char taken[16];
    char opened[16];
    int64_t heard = when_of(place, "heard");

    (void)snprintf(out, size, "%s  %s%s; not persisted %s, not opened %s, missed %s",
        text_of(place, "name"), heard == 0 ? "never heard of" : "last heard of ",
        heard == 0 ? "" : cli_age(cli->now_ms - heard, age),
        hub_count_text(json_object_get(place, "not_persisted"), "all", taken),
        hub_count_text(json_object_get(place, "not_opened"), "all", opened),
        text_of(place, "breached")[0] == '\0' ? "0" : text_of(place, "breached"));
}

void watch_rows_silence(struct cli *cli, const json_t *answer, struct watch_list *out)
{
    size_t i;
    json_t *place;

    watch_list_clear(out);
    json_array_foreach(json_object_get(answer, "authorities"), i, place)
    {
        struct watch_row row = {0};
        bool quiet = flag_of(place, "quiet");
        bool away = strcmp(text_of(place, "listening"), "no") == 0;
        if (!quiet && !away) {
            continue;
        }
        put_word(&row, quiet ? '!' : '~', WATCH_WARN, quiet ? "quiet" : "not listening");
        put_time(&row, when_of(place, away ? "contact" : "heard"));
        silence_text(cli, place, row.text, sizeof row.text);
        watch_list_add(out, &row);
    }
}

/* ---- one case ---- */

static void add_note(struct watch_list *out, char sign, const char *word, const char *text)
{
    struct watch_row row = {0};

    put_word(&row, sign, WATCH_STRONG, word);
    (void)snprintf(row.text, sizeof row.text, "%s", text);
    watch_list_add(out, &row);
}

static void add_children(
    struct cli *cli, const names_t *names, const json_t *answer, struct watch_list *out)
{
    size_t i;
    json_t *child;

    json_array_foreach(json_object_get(answer, "children"), i, child)
    {
        char text[WATCH_TEXT_BYTES];
        const char *owner = json_string_value(
            json_array_get(json_object_get(json_object_get(child, "owners"), "case"), 0));
        size_t k;
        json_t *expected;
        (void)snprintf(text, sizeof text, "%s, case responsibility: %s", text_of(child, "child"),
            owner == NULL ? "unknown" : names_of(names, owner));
        add_note(out, '*', "child", text);
        json_array_foreach(json_object_get(child, "expected"), k, expected)
        {
            char time[CLI_TIME_BYTES];
            const char *by = when_text(cli, expected, "due", time);
            (void)snprintf(text, sizeof text, "%s: %s%s%s",
                names_of(names, text_of(expected, "code")), text_of(expected, "title"),
                by[0] == '\0' ? "" : " by ", by);
            add_note(out, '.', "expected", text);
        }
    }
}

static void add_moment(const names_t *names, const json_t *moment, struct watch_list *out)
{
    struct watch_row row = {0};
    const char *type = text_of(moment, "type");

    if (strcmp(type, "event") == 0) {
        event_word(&row, text_of(moment, "verdict"));
        event_text(names, moment, json_object_get(moment, "event"), row.text, sizeof row.text);
    } else if (strcmp(type, "ack") == 0) {
        level_word_of(&row, text_of(moment, "word"));
        (void)snprintf(row.text, sizeof row.text, "%s%s%s",
            names_of(names, text_of(moment, "code")),
            text_of(moment, "role")[0] == '\0' ? "" : " by ", text_of(moment, "role"));
    } else {
        record_row(moment, &row);
    }
    put_time(&row, when_of(moment, "at"));
    watch_list_add(out, &row);
}

void watch_rows_case(
    struct cli *cli, const names_t *names, const json_t *answer, struct watch_list *out)
{
    size_t i;
    json_t *item;

    watch_list_clear(out);
    add_children(cli, names, answer, out);
    json_array_foreach(json_object_get(answer, "deadlines"), i, item)
    {
        struct watch_row row = {0};
        deadline_row(item, &row);
        watch_list_add(out, &row);
    }
    json_array_foreach(json_object_get(answer, "timeline"), i, item)
    {
        add_moment(names, item, out);
    }
}
