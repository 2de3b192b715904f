/* page_overview: the region and its authorities; and the table of pairs. Cannot fail. */
#include <stdlib.h>
#include <string.h>

#include "client/hub/page.h"
#include "common/alarm/alarm_table.h"

#include "common/base/banned.h"

/* ---- overview ---- */

static void put_figure(struct buf *out, const char *name, const json_t *value, bool hours)
{
    html_put(out, "<div><dt>%s</dt><dd>", name);
    if (hours) {
        html_hours(out, value);
    } else {
        html_count(out, value);
    }
    html_put(out, "</dd></div>\n");
}

static void put_region(struct buf *out, const json_t *region)
{
    static const struct {
        const char *member;
        const char *name;
        bool hours;
    } figures[] = {{"notices", "Moves notified", false},
        {"acceptances", "Acceptances in writing", false}, {"refusals", "Refusals", false},
        {"running", "Deadlines running", false}, {"breached", "Deadlines missed, open", false},
        {"not_persisted", "Not yet with the recipient", false},
        {"not_opened", "Received, opened by nobody", false},
        {"quiet", "Authorities gone quiet", false},
        {"not_listening", "Agents not listening", false},
        {"median_hours", "Notice to acceptance, half within", true},
        {"p95_hours", "Notice to acceptance, 19 of 20 within", true}};
    size_t i;
    json_t *stage;

    html_put(out, "<dl>\n");
    for (size_t k = 0; k < sizeof figures / sizeof figures[0]; k++) {
        put_figure(
            out, figures[k].name, json_object_get(region, figures[k].member), figures[k].hours);
    }
    json_array_foreach(json_object_get(region, "disputes"), i, stage)
    {
        html_put(out, "<div><dt>Disputes at stage %d</dt><dd>", (int)member_number(stage, "stage"));
        html_count(out, json_object_get(stage, "open"));
        html_put(out, "</dd></div>\n");
    }
    html_put(out, "</dl>\n");
}

static void put_cell(struct buf *out, const char *label, const json_t *value, bool hours)
{
    html_put(out, "<td class=\"n\" data-label=\"%s\">", label);
    if (hours) {
        html_hours(out, value);
    } else {
        html_count(out, value);
    }
    html_put(out, "</td>");
}

static void put_signs(struct buf *out, const json_t *row)
{
    const char *listening = member_text(row, "listening");

    html_put(out, "<td data-label=\"Signs\">");
    if (member_flag(row, "quiet")) {
        html_put(out, "<span class=\"warn\">quiet since ");
        html_time(out, row, "heard");
        html_put(out, "</span> ");
    }
    if (strcmp(listening, "no") == 0) {
        html_put(out, "<span class=\"warn\">not listening since ");
        html_time(out, row, "contact");
        html_put(out, "</span>");
    } else if (strcmp(listening, "yes") == 0) {
        html_put(out, "<span class=\"good\">listening</span>");
    } else {
        html_text(out, listening);
    }
    html_put(out, "</td>");
}

static void put_authority(struct buf *out, const json_t *row)
{
    html_put(out,
        "<tr><th scope=\"row\"><a href=\"/deadlines?authority=%s\" data-key=\"%s\">%s</a>%s</th>",
        member_text(row, "code"), member_text(row, "code"), member_text(row, "name"),
        member_flag(row, "in_region") ? "" : " (outside)");
    put_cell(out, "Sent", json_object_get(row, "sent"), false);
    put_cell(out, "Received", json_object_get(row, "received"), false);
    put_cell(out, "Not with it yet", json_object_get(json_object_get(row, "not_persisted"), "all"),
        false);
    put_cell(out, "Not opened", json_object_get(json_object_get(row, "not_opened"), "all"), false);
    put_cell(out, "of these over 7 days",
        json_object_get(json_object_get(row, "not_opened"), "over_7d"), false);
    put_cell(out, "Deadlines", json_object_get(row, "running"), false);
    put_cell(out, "Missed", json_object_get(row, "breached"), false);
    put_cell(out, "Half accepted within", json_object_get(row, "median_hours"), true);
    put_cell(out, "19 of 20 within", json_object_get(row, "p95_hours"), true);
    put_cell(out, "Disputes", json_object_get(row, "disputes"), false);
    put_signs(out, row);
    html_put(out, "</tr>\n");
}

static bool has_life(const json_t *row)
{
    return !json_is_null(json_object_get(row, "heard")) ||
        strcmp(member_text(row, "listening"), "no") == 0;
}

/* ---- alarms ---- */

struct alarm_list {
    struct buf *out;
    size_t count;
};

static void put_alarm(void *context, const struct alarm *alarm)
{
    struct alarm_list *self = context;
    const struct alarm_info *info = alarm_info(alarm->name);

    if (self->count++ == 0) {
        html_put(self->out, "<h2>Needs somebody</h2>\n<ul id=\"alarms\">\n");
    }
    html_put(self->out, "<li><strong class=\"bad\">%s</strong>: %s.", alarm->name, alarm->text);
    if (info != NULL) {
        html_put(self->out, " To act: %s. %s", alarm_actor_word(info->actor), info->remedy);
    }
    if (alarm->owner[0] != '\0') {
        html_put(self->out, " Taken on by %s.", alarm->owner);
    }
    html_put(self->out, "</li>\n");
}

static void put_alarms(struct buf *out, const struct hub_view *view)
{
    struct alarm_list list = {.out = out};

    store_alarms(view->tables->store, put_alarm, &list);
    if (list.count > 0) {
        html_put(out, "</ul>\n");
    }
}

void page_overview(struct buf *out, const struct hub_view *view)
{
    json_t *answer = view_overview(view);
    size_t i;
    json_t *row;
    int silent = 0;

    html_put(out, "<p>The last %d days, ", (int)member_number(answer, "days"));
    html_time(out, answer, "at");
    html_put(out, ".</p>\n");
    if (member_flag(answer, "filling")) {
        html_put(out,
            "<p><strong class=\"warn\">This hub is being filled again from the broker's journal: "
            "what follows is not all yet.</strong></p>\n");
    }
    put_region(out, json_object_get(answer, "region"));
    put_alarms(out, view);
    html_put(out,
        "<h2>Authorities</h2>\n<div class=\"scroll\" role=\"region\" aria-label=\"Authorities\" "
        "tabindex=\"0\" id=\"authorities\"><table class=\"cards\"><caption>By authority; a name "
        "leads to its "
        "deadlines</caption>\n<thead><tr><th scope=\"col\">Authority</th><th scope=\"col\" "
        "class=\"n\">Sent</th><th scope=\"col\" class=\"n\">Received</th><th scope=\"col\" "
        "class=\"n\">Not with it yet</th><th scope=\"col\" class=\"n\">Not opened</th><th "
        "scope=\"col\" "
        "class=\"n\">over 7 days</th><th scope=\"col\" class=\"n\">Deadlines</th><th scope=\"col\" "
        "class=\"n\">Missed</th><th scope=\"col\" class=\"n\">Half accepted within</th><th "
        "scope=\"col\" class=\"n\">19 of 20</th><th scope=\"col\" class=\"n\">Disputes</th><th "
        "scope=\"col\">Signs</th></tr></thead>\n<tbody>\n");
    json_array_foreach(json_object_get(answer, "authorities"), i, row)
    {
        if (has_life(row)) {
            put_authority(out, row);
        } else {
            silent++;
        }
    }
    html_put(out,
        "</tbody></table></div>\n<p>%d more authorities of the region have sent and received "
        "nothing yet.</p>\n",
        silent);
    json_decref(answer);
}

/* ---- pairs ---- */

static const struct {
    const char *member;
    const char *name;
    bool hours;
} measures[] = {{"events", "Events", false}, {"notices", "Notices", false},
    {"acceptances", "Acceptances", false}, {"refusals", "Refusals", false},
    {"running", "Deadlines running", false}, {"breached", "Deadlines missed, open", false},
    {"disputes", "Disputes", false}, {"median_hours", "Half accepted within", true},
    {"p95_hours", "19 of 20 accepted within", true}};

enum { MEASURES = sizeof measures / sizeof measures[0], GRID_MAX = 60 };

/* Authorities of one side of the grid, by name. */
struct side {
    const char *member;
    size_t count;
    const json_t *places[GRID_MAX];
};

static int by_name(const void *a, const void *b)
{
    return strcmp(member_text(*(const json_t *const *)a, "name"),
        member_text(*(const json_t *const *)b, "name"));
}

static void read_side(const json_t *pairs, struct side *out)
{
    size_t i;
    json_t *pair;

    json_array_foreach(pairs, i, pair)
    {
        const json_t *place = json_object_get(pair, out->member);
        bool here = false;
        for (size_t k = 0; k < out->count && !here; k++) {
            here = strcmp(member_text(out->places[k], "code"), member_text(place, "code")) == 0;
        }
        if (!here && out->count < GRID_MAX) {
            out->places[out->count++] = place;
        }
    }
    qsort(out->places, out->count, sizeof out->places[0], by_name);
}

static const json_t *pair_of(const json_t *pairs, const json_t *origin, const json_t *receiving)
{
    size_t i;
    json_t *pair;

    json_array_foreach(pairs, i, pair)
    {
        if (strcmp(member_text(json_object_get(pair, "origin"), "code"),
                member_text(origin, "code")) == 0 &&
            strcmp(member_text(json_object_get(pair, "receiving"), "code"),
                member_text(receiving, "code")) == 0) {
            return pair;
        }
    }
    return NULL;
}

static void put_grid_row(struct buf *out, const json_t *pairs, const json_t *origin,
    const struct side *receivers, size_t measure)
{
    html_put(out, "<tr><th scope=\"row\">%s</th>", member_text(origin, "name"));
    for (size_t i = 0; i < receivers->count; i++) {
        const json_t *pair = pair_of(pairs, origin, receivers->places[i]);
        html_put(out, "<td>");
        if (pair != NULL && measures[measure].hours) {
            html_hours(out, json_object_get(pair, measures[measure].member));
        } else if (pair != NULL) {
            html_count(out, json_object_get(pair, measures[measure].member));
        } else {
            html_put(out, "<span aria-label=\"no transfer\">\xc2\xb7</span>");
        }
        html_put(out, "</td>");
    }
    html_put(out, "</tr>\n");
}

static void put_grid(struct buf *out, const json_t *pairs, size_t measure)
{
    struct side origins = {.member = "origin"};
    struct side receivers = {.member = "receiving"};

    read_side(pairs, &origins);
    read_side(pairs, &receivers);
    html_put(out,
        "<div class=\"scroll\" role=\"region\" aria-label=\"Map of pairs\" tabindex=\"0\" "
        "id=\"map\"><table class=\"grid\">"
        "<caption>%s: rows are where children come from, columns where they "
        "go</caption>\n<thead><tr><th "
        "scope=\"col\">from \\ to</th>",
        measures[measure].name);
    for (size_t i = 0; i < receivers.count; i++) {
        html_put(out, "<th scope=\"col\"><span>%s</span></th>",
            member_text(receivers.places[i], "name"));
    }
    html_put(out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < origins.count; i++) {
        put_grid_row(out, pairs, origins.places[i], &receivers, measure);
    }
    html_put(out, "</tbody></table></div>\n");
}

static void put_pairs(struct buf *out, const json_t *pairs)
{
    size_t i;
    json_t *pair;

    html_put(out,
        "<h2>Every measure</h2>\n<div class=\"scroll\" role=\"region\" aria-label=\"Pairs\" "
        "tabindex=\"0\" id=\"list\">"
        "<table class=\"cards\"><caption>Pairs, the busiest of late "
        "first</caption>\n<thead><tr><th "
        "scope=\"col\">From and to</th>");
    for (size_t m = 0; m < MEASURES; m++) {
        html_put(out, "<th scope=\"col\" class=\"n\">%s</th>", measures[m].name);
    }
    html_put(out, "</tr></thead>\n<tbody>\n");
    json_array_foreach(pairs, i, pair)
    {
        html_put(out, "<tr><th scope=\"row\">%s to %s</th>", member_name(pair, "origin"),
            member_name(pair, "receiving"));
        for (size_t m = 0; m < MEASURES; m++) {
            put_cell(out, measures[m].name, json_object_get(pair, measures[m].member),
                measures[m].hours);
        }
        html_put(out, "</tr>\n");
    }
    html_put(out, "</tbody></table></div>\n");
}

void page_pairs(struct buf *out, const struct hub_view *view, const char *measure)
{
    json_t *answer = view_pairs(view, NULL, HUB_LIST_MAX);
    const json_t *pairs = json_object_get(answer, "pairs");
    size_t chosen = 0;

    html_put(out,
        "<form method=\"get\" action=\"/pairs\"><div><label for=\"measure\">Measure</label>\n"
        "<select id=\"measure\" name=\"measure\">");
    for (size_t m = 0; m < MEASURES; m++) {
        bool here = measure != NULL && strcmp(measure, measures[m].member) == 0;
        chosen = here ? m : chosen;
        html_put(out,
            here ? "<option value=\"%s\" selected>%s</option>" : "<option value=\"%s\">%s</option>",
            measures[m].member, measures[m].name);
    }
    html_put(out, "</select></div><button>Show</button></form>\n");
    if (json_array_size(pairs) == 0) {
        html_put(out, "<p>No transfer has touched this region yet.</p>\n");
    } else {
        put_grid(out, pairs, chosen);
        put_pairs(out, pairs);
    }
    json_decref(answer);
}
