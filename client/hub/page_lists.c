/* page_lists: deadlines, what nobody has opened, cases, live traffic, one case. Cannot fail. */
#include <string.h>

#include "client/hub/page.h"

#include "common/base/banned.h"

enum { ROWS = 200, LIVE_ROWS = 100 };

/* ---- which authority ---- */

static void put_filter(struct buf *out, const struct hub_view *view, const char *action,
    const char *code, const char *more)
{
    const register_t *book = view->tables->book;

    html_put(out,
        "<form method=\"get\" action=\"%s\"><div><label for=\"authority\">Authority</label>\n"
        "<select id=\"authority\" name=\"authority\"><option value=\"\">all</option>",
        action);
    for (size_t i = 0; book != NULL && i < register_authority_count(book); i++) {
        const struct register_authority *authority = register_authority_at(book, i);
        bool here = code != NULL && strcmp(code, authority->code) == 0;
        if (authority->until_day == INT32_MAX &&
            (here || tables_in_area(view->tables, authority->code))) {
            html_put(out,
                here ? "<option value=\"%s\" selected>%s</option>"
                     : "<option value=\"%s\">%s</option>",
                authority->code, authority->name);
        }
    }
    html_put(out, "</select></div>");
    buf_put(out, more, strlen(more)); /* markup of ours */
    html_put(out, "<button>Show</button></form>\n");
}

/* ---- deadlines ---- */

static void put_binds(struct buf *out, const json_t *deadline)
{
    size_t i;
    json_t *place;

    json_array_foreach(json_object_get(deadline, "binds"), i, place)
    {
        html_put(out, "%s%s", i == 0 ? "" : ", ", member_text(place, "name"));
    }
    if (json_array_size(json_object_get(deadline, "binds")) == 0) {
        html_text(out, "nobody: a guide");
    }
}

static void put_state(struct buf *out, const json_t *deadline)
{
    const char *state = member_text(deadline, "state");

    if (strcmp(state, "breached") == 0 && !member_flag(deadline, "ended")) {
        html_put(out, "<span class=\"bad\">missed</span> ");
    } else if (strcmp(state, "breached") == 0) {
        html_put(out, "<span class=\"warn\">met late</span> ");
    } else if (strcmp(state, "running") == 0) {
        html_put(out, "<span class=\"%s\">runs</span> ",
            member_number(deadline, "left_ms") < 2 * HUB_DAY_MS ? "warn" : "");
    } else {
        html_put(out, "<span class=\"good\">%s</span> ", state);
    }
}

static void put_deadline(struct buf *out, const json_t *deadline, bool with_case)
{
    html_put(out, "<tr><th scope=\"row\">");
    put_state(out, deadline);
    if (strcmp(member_text(deadline, "state"), "running") == 0 || with_case) {
        html_left(out, deadline);
    }
    html_put(out, "</th><td data-label=\"Due\">");
    html_due(out, deadline);
    html_put(out, "</td><td data-label=\"Deadline\">%s %s</td><td data-label=\"Must act\">",
        member_text(deadline, "clock"), member_text(deadline, "name"));
    put_binds(out, deadline);
    html_put(out, "</td>");
    if (with_case) {
        html_put(out, "<td data-label=\"From and to\">%s to %s</td><td data-label=\"Case\">",
            member_name(deadline, "origin"), member_name(deadline, "receiving"));
        html_case_link(out, member_text(deadline, "case"));
        html_put(out, "</td>");
    }
    html_put(out, "</tr>\n");
}

static void deadlines_head(struct buf *out, const char *caption, bool with_case)
{
    html_put(out,
        "<div class=\"scroll\" role=\"region\" aria-label=\"Deadlines\" tabindex=\"0\" "
        "id=\"deadlines\"><table class=\"cards\">"
        "<caption>%s</caption>\n<thead><tr><th scope=\"col\">State</th><th "
        "scope=\"col\">Due</th><th "
        "scope=\"col\">Deadline</th><th scope=\"col\">Must act</th>",
        caption);
    if (with_case) {
        html_put(out, "<th scope=\"col\">From and to</th><th scope=\"col\">Case</th>");
    }
    html_put(out, "</tr></thead>\n<tbody>\n");
}

void page_deadlines(struct buf *out, const struct hub_view *view, const char *code, bool missed)
{
    const struct deadline_filter filter = {
        .breached = missed, .within_ms = INT64_MAX, .code = code, .limit = ROWS};
    json_t *answer = view_deadlines(view, &filter);
    size_t i;
    json_t *deadline;

    put_filter(out, view, "/deadlines", code,
        missed
            ? "<div><label for=\"state\">State</label><select id=\"state\" name=\"state\"><option "
              "value=\"running\">running</option><option value=\"missed\" "
              "selected>missed</option></select></div>"
            : "<div><label for=\"state\">State</label><select id=\"state\" name=\"state\"><option "
              "value=\"running\" selected>running</option><option "
              "value=\"missed\">missed</option></select></div>");
    deadlines_head(out,
        missed ? "Run out and not met since, the longest first" : "Running, the soonest first",
        true);
    json_array_foreach(json_object_get(answer, "deadlines"), i, deadline)
    {
        put_deadline(out, deadline, true);
    }
    html_put(out, "</tbody></table></div>\n");
    if (json_array_size(json_object_get(answer, "deadlines")) == 0) {
        html_put(out, "<p>No such deadline.</p>\n");
    } else if (member_flag(answer, "more")) {
        html_put(out, "<p>There are more; choose an authority.</p>\n");
    }
    json_decref(answer);
}

/* ---- unopened ---- */

void page_unopened(struct buf *out, const struct hub_view *view, const char *code)
{
    json_t *answer = view_unopened(view, code, ROWS);
    size_t i;
    json_t *row;

    put_filter(out, view, "/unopened", code, "");
    html_put(out,
        "<div class=\"scroll\" role=\"region\" aria-label=\"Events not opened\" tabindex=\"0\" "
        "id=\"events\"><table class=\"cards\">"
        "<caption>Events that nobody has opened, by authority, oldest "
        "first</caption>\n<thead><tr><th "
        "scope=\"col\">At</th><th scope=\"col\">Accepted</th><th scope=\"col\">Event</th><th "
        "scope=\"col\">From</th><th scope=\"col\">State</th><th "
        "scope=\"col\">Case</th></tr></thead>\n<tbody>\n");
    json_array_foreach(json_object_get(answer, "events"), i, row)
    {
        bool there = json_is_string(json_object_get(row, "persisted"));
        html_put(out, "<tr><th scope=\"row\">%s</th><td data-label=\"Accepted\">",
            member_name(row, "at_authority"));
        html_time(out, row, "accepted");
        html_put(out,
            "</td><td data-label=\"Event\">%s</td><td data-label=\"From\">%s</td><td "
            "data-label=\"State\">",
            member_text(row, "title"), member_name(row, "from"));
        html_put(out, there ? "not opened" : "<span class=\"warn\">not with it yet</span>");
        html_put(out, "</td><td data-label=\"Case\">");
        html_case_link(out, member_text(row, "case"));
        html_put(out, "</td></tr>\n");
    }
    html_put(out, "</tbody></table></div>\n");
    if (json_array_size(json_object_get(answer, "events")) == 0) {
        html_put(out, "<p>Everything has been opened.</p>\n");
    }
    json_decref(answer);
}

/* ---- cases ---- */

void page_cases(struct buf *out, const struct hub_view *view, const char *code)
{
    json_t *answer = view_cases(view, code, ROWS);
    size_t i;
    json_t *row;

    html_put(out,
        "<form method=\"get\" action=\"/case\"><div><label for=\"case\">Case, or a transfer's own "
        "id</label>\n"
        "<input id=\"case\" name=\"case\" size=\"38\" autocomplete=\"off\" "
        "required></div><button>Open"
        "</button></form>\n");
    put_filter(out, view, "/cases", code, "");
    html_put(out,
        "<div class=\"scroll\" role=\"region\" aria-label=\"Cases\" tabindex=\"0\" "
        "id=\"cases\"><table class=\"cards\"><caption>"
        "Cases, the newest event first</caption>\n<thead><tr><th scope=\"col\">Case</th><th "
        "scope=\"col\">From "
        "and to</th><th scope=\"col\">Last event</th><th scope=\"col\" class=\"n\">Events</th><th "
        "scope=\"col\" class=\"n\">Deadlines</th><th scope=\"col\" class=\"n\">Missed</th><th "
        "scope=\"col\">State</th></tr></thead>\n<tbody>\n");
    json_array_foreach(json_object_get(answer, "cases"), i, row)
    {
        html_put(out, "<tr><th scope=\"row\">");
        html_case_link(out, member_text(row, "case"));
        html_put(out,
            "</th><td data-label=\"From and to\">%s to %s</td><td data-label=\"Last event\">",
            member_name(row, "origin"), member_name(row, "receiving"));
        html_time(out, row, "last");
        html_put(out,
            "</td><td class=\"n\" data-label=\"Events\">%d</td><td class=\"n\" "
            "data-label=\"Deadlines\">%d</td>"
            "<td class=\"n\" data-label=\"Missed\">%d</td><td "
            "data-label=\"State\">%s%s</td></tr>\n",
            (int)member_number(row, "events"), (int)member_number(row, "running"),
            (int)member_number(row, "breached"),
            json_is_string(json_object_get(row, "accepted")) ? "accepted" : "not accepted",
            member_number(row, "dispute_stage") > 0 ? ", disputed" : "");
    }
    html_put(out, "</tbody></table></div>\n");
    json_decref(answer);
}

/* ---- what happened ---- */

static void put_record(struct buf *out, const json_t *record)
{
    static const struct {
        const char *kind;
        const char *paint;
        const char *word;
    } words[] = {{"deadline_breached", "bad", "missed"}, {"refused", "bad", "refused"},
        {"alert_raised", "warn", "flagged"}, {"alarm_raised", "bad", "alarm"},
        {"deadline_set", "", "deadline"}, {"deadline_stopped", "good", "deadline"},
        {"responsibility_transferred", "good", "handed over"}};
    const char *kind = member_text(record, "kind");
    const char *paint = "";
    const char *word = "record";
    const char *name = member_text(record, "name");

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].kind, kind) == 0) {
            paint = words[i].paint;
            word = words[i].word;
        }
    }
    html_put(out, "<span class=\"word %s\">%s</span> %s%s%s", paint, word,
        name[0] == '\0' ? member_text(record, "title") : name,
        member_text(record, "says")[0] == '\0' ? "" : ": ", member_text(record, "says"));
}

static void put_level(struct buf *out, const struct hub_view *view, const json_t *level)
{
    const char *role = member_text(level, "role");

    html_put(out, "<span class=\"word good\">%s</span> %s%s%s", member_text(level, "word"),
        tables_name(view->tables, member_text(level, "code")), role[0] == '\0' ? "" : " by ", role);
}

static void put_entry(struct buf *out, const struct hub_view *view, const json_t *entry)
{
    const char *type = member_text(entry, "type");
    const json_t *record = json_object_get(entry, "record");

    if (strcmp(type, "event") == 0) {
        const char *verdict = member_text(entry, "verdict");
        bool bad = strcmp(verdict, "refused") == 0 || strcmp(verdict, "held") == 0;
        html_put(out, "<span class=\"word %s\">%s</span> %s: %s", bad ? "bad" : "",
            bad ? verdict : "event",
            tables_name(view->tables, member_text(json_object_get(entry, "event"), "from")),
            member_text(entry, "title"));
    } else if (strcmp(type, "ack") == 0) {
        const json_t *levels = json_object_get(entry, "levels");
        put_level(out, view, levels == NULL ? entry : json_array_get(levels, 0));
    } else if (strcmp(type, "record") == 0) {
        put_record(out, json_is_object(record) ? record : entry);
    } else {
        html_put(out, "<span class=\"word warn\">set aside</span> an operator holds %s",
            member_text(entry, "id"));
    }
}

void page_live(struct buf *out, const struct hub_view *view)
{
    int64_t position = view_feed_before_last(view, LIVE_ROWS);
    json_t *rows = json_array();
    json_t *entry;

    while ((entry = view_feed_next(view, "", &position)) != NULL) {
        json_array_append_new(rows, entry);
    }
    html_put(out, "<p>The newest %d entries, the newest first.</p>\n<ol class=\"time\" reversed>\n",
        LIVE_ROWS);
    for (size_t i = json_array_size(rows); i > 0; i--) {
        const json_t *row = json_array_get(rows, i - 1);
        html_put(out, "<li>");
        html_time(out, row, "at");
        html_put(out, " ");
        put_entry(out, view, row);
        html_put(out, ", %s to %s, ", member_name(row, "origin"), member_name(row, "receiving"));
        html_case_link(out, member_text(row, "case"));
        html_put(out, "</li>\n");
    }
    html_put(out, "</ol>\n");
    if (json_array_size(rows) == 0) {
        html_put(out, "<p>Nothing has come in yet.</p>\n");
    }
    json_decref(rows);
}

/* ---- one case ---- */

static void put_children(struct buf *out, const struct hub_view *view, const json_t *children)
{
    size_t i;
    json_t *child;

    json_array_foreach(children, i, child)
    {
        size_t k;
        json_t *item;
        const char *owner = json_string_value(
            json_array_get(json_object_get(json_object_get(child, "owners"), "case"), 0));
        html_put(out, "<h2>Child %s</h2>\n<p>Case responsibility: <strong>%s</strong>.</p>\n",
            member_text(child, "child"),
            owner == NULL ? "not known" : tables_name(view->tables, owner));
        if (json_array_size(json_object_get(child, "expected")) == 0) {
            continue;
        }
        html_put(out, "<p>Expected next:</p><ul>\n");
        json_array_foreach(json_object_get(child, "expected"), k, item)
        {
            html_put(out, "<li>%s: %s", tables_name(view->tables, member_text(item, "code")),
                member_text(item, "title"));
            if (json_is_string(json_object_get(item, "due"))) {
                html_put(out,
                    member_flag(item, "overdue") ? ", <span class=\"bad\">overdue since</span> "
                                                 : ", by ");
                html_time(out, item, "due");
            }
            html_put(out, "</li>\n");
        }
        html_put(out, "</ul>\n");
    }
}

void page_case(struct buf *out, const struct hub_view *view, const struct hub_case *of)
{
    json_t *answer = view_case(view, of);
    size_t i;
    json_t *row;

    html_put(
        out, "<p>%s to %s.</p>\n", member_name(answer, "origin"), member_name(answer, "receiving"));
    put_children(out, view, json_object_get(answer, "children"));
    if (json_array_size(json_object_get(answer, "deadlines")) > 0) {
        html_put(out, "<h2>Deadlines</h2>\n");
        deadlines_head(out, "Of this case", false);
        json_array_foreach(json_object_get(answer, "deadlines"), i, row)
        {
            put_deadline(out, row, false);
        }
        html_put(out, "</tbody></table></div>\n");
    }
    html_put(out, "<h2>Timeline</h2>\n<ol class=\"time\">\n");
    json_array_foreach(json_object_get(answer, "timeline"), i, row)
    {
        html_put(out, "<li>");
        html_time(out, row, "at");
        html_put(out, " ");
        put_entry(out, view, row);
        html_put(out, "</li>\n");
    }
    html_put(out, "</ol>\n");
    json_decref(answer);
}
