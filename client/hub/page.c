/* page: see page.h: pieces and the frame. Cannot fail. */
#include "client/hub/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/civil.h"

#include "common/base/banned.h"

enum { LIST_AUTHORITIES = HUB_PLACES_MAX };

/* ---- members ---- */

const char *member_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text == NULL ? "" : text;
}

int64_t member_number(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

bool member_flag(const json_t *object, const char *member)
{
    return json_is_true(json_object_get(object, member));
}

const char *member_name(const json_t *object, const char *member)
{
    return member_text(json_object_get(object, member), "name");
}

/* ---- pieces ---- */

void html_text(struct buf *out, const char *text)
{
    static const struct {
        char letter;
        const char *text;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};

    for (; *text != '\0'; text++) {
        const char *escaped = NULL;
        for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
            escaped = escapes[i].letter == *text ? escapes[i].text : escaped;
        }
        if (escaped != NULL) {
            buf_put(out, escaped, strlen(escaped));
        } else {
            buf_put(out, text, 1);
        }
    }
}

void html_put(struct buf *out, const char *html, ...)
{
    char number[24];
    va_list args;

    va_start(args, html);
    for (const char *at = html; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 's') {
            html_text(out, va_arg(args, const char *));
            at++;
        } else if (at[0] == '%' && at[1] == 'd') {
            (void)snprintf(number, sizeof number, "%d", va_arg(args, int));
            html_text(out, number);
            at++;
        } else {
            assert(at[0] != '%'); /* nothing else is known, and would stand on the page */
            buf_put(out, at, 1);
        }
    }
    va_end(args);
}

/* "Wed 22 Apr 2026" */
static void day_text(int32_t day, char *out, size_t room)
{
    static const char *const months[] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    struct civil_date date = civil_date_of(day);

    (void)snprintf(out, room, "%s %02d %s %04d", days[civil_weekday(day)], date.day,
        months[(date.month - 1) % 12], date.year);
}

void html_time(struct buf *out, const json_t *object, const char *member)
{
    const char *stamp = member_text(object, member);
    char london[CIVIL_STAMP_BYTES];
    char day[32];
    int64_t ms;

    if (stamp[0] == '\0' || civil_time_parse(stamp, &ms) != 0) {
        html_text(out, "never");
        return;
    }
    day_text(civil_london_day(ms), day, sizeof day);
    civil_stamp_london(ms, london);
    london[11 + strlen("10:05:00")] = '\0';
    html_put(out, "<time datetime=\"%s\">%s, %s</time>", stamp, day, london + 11);
}

void html_due(struct buf *out, const json_t *object)
{
    const char *due = member_text(object, "due");
    char text[32];
    int32_t day;

    if (due[0] == '\0') {
        html_text(out, "no limit");
    } else if (civil_date_parse(due, &day) != 0) {
        html_time(out, object, "due");
    } else {
        day_text(day, text, sizeof text);
        html_put(out, "<time datetime=\"%s\">%s</time>", due, text);
    }
}

void html_count(struct buf *out, const json_t *value)
{
    char text[24];

    if (json_is_integer(value)) {
        (void)snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        html_text(out, text);
    } else {
        html_text(out, json_is_string(value) ? json_string_value(value) : "none");
    }
}

void html_hours(struct buf *out, const json_t *value)
{
    char text[32];
    int64_t hours = json_integer_value(value);

    if (!json_is_integer(value)) {
        html_count(out, value);
        return;
    }
    if (hours < 48) {
        (void)snprintf(text, sizeof text, "%lld h", (long long)hours);
    } else {
        (void)snprintf(text, sizeof text, "%.1f d", (double)hours / 24);
    }
    html_text(out, text);
}

void html_left(struct buf *out, const json_t *deadline)
{
    const json_t *left = json_object_get(deadline, "left_ms");
    int64_t ms = json_integer_value(left);
    int64_t hours = (ms < 0 ? -ms : ms) / HUB_HOUR_MS;
    char text[64];

    if (!json_is_integer(left)) {
        html_text(out, "no limit");
        return;
    }
    if (hours < 48) {
        (void)snprintf(text, sizeof text, "%s%lld h%s", ms < 0 ? "" : "in ", (long long)hours,
            ms < 0 ? " ago" : "");
    } else {
        (void)snprintf(text, sizeof text, "%s%lld d %lld h%s", ms < 0 ? "" : "in ",
            (long long)(hours / 24), (long long)(hours % 24), ms < 0 ? " ago" : "");
    }
    html_text(out, text);
}

void html_case_link(struct buf *out, const char *case_name)
{
    if (case_name[0] != '\0') {
        html_put(
            out, "<a href=\"/case/%s\" data-key=\"%s\">%s</a>", case_name, case_name, case_name);
    }
}

/* ---- the frame ---- */

static const struct {
    const char *path;
    const char *text;
} places[] = {{"/", "Overview"}, {"/pairs", "Pairs"}, {"/deadlines", "Deadlines"},
    {"/unopened", "Not opened"}, {"/cases", "Cases"}, {"/live", "Live"}};

static void put_head(struct buf *out, const char *title, const char *hub)
{
    html_put(out,
        "<!doctype html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>%s - %s</title>\n<link rel=\"stylesheet\" href=\"/hub.css\">\n"
        "<script src=\"/hub.js\" defer></script>\n</head>\n<body>\n"
        "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n",
        title, hub);
}

void page_begin(
    struct buf *out, const struct hub_view *view, enum page_place place, const char *title)
{
    char changes[24];

    put_head(out, title, view->hub);
    html_put(
        out, "<header>\n<p><strong>%s</strong></p>\n<nav aria-label=\"Pages\"><ul>\n", view->hub);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        html_put(out, "<li><a href=\"%s\"", places[i].path);
        html_put(out, i == place ? " aria-current=\"page\">%s</a></li>\n" : ">%s</a></li>\n",
            places[i].text);
    }
    html_put(out,
        "</ul></nav>\n<p id=\"news\" role=\"status\" aria-live=\"polite\">%s</p>\n"
        "<button id=\"pause\" type=\"button\" aria-pressed=\"false\" hidden>Pause "
        "updates</button>\n"
        "<form method=\"post\" action=\"/logout\"><button>Log out</button></form>\n</header>\n",
        view->online ? "" : "The broker is away; this is the last that came.");
    (void)snprintf(changes, sizeof changes, "%llu", (unsigned long long)view->tables->changes);
    html_put(out, "<main id=\"main\" tabindex=\"-1\" data-changes=\"%s\">\n<h1>%s</h1>\n", changes,
        title);
}

void page_end(struct buf *out, const struct hub_view *view)
{
    html_put(out,
        "</main>\n<footer><p class=\"quiet\">Names of cases and children are this hub's own. "
        "Counts "
        "below %d stand as &lt;%d, sums are rounded. Times are "
        "London's.</p></footer>\n</body>\n</html>\n",
        (int)view->threshold, (int)view->threshold);
}

void page_login(struct buf *out, const char *token, bool refused)
{
    put_head(out, "Log in", "Waypost hub");
    html_put(out, "<main id=\"main\" tabindex=\"-1\">\n<h1>Log in to this hub</h1>\n");
    if (refused) {
        html_put(out,
            "<p role=\"alert\" class=\"bad\">That link was used before, is older than two minutes, "
            "or "
            "is not one of this hub. Ask for a new one.</p>\n");
    }
    html_put(out,
        "<p>On the hub's machine, <code>waypost hub link</code> prints an address that logs one "
        "browser in.</p>\n<form method=\"post\" action=\"/login\">\n<div><label "
        "for=\"token\">Token "
        "out of the link</label>\n<input id=\"token\" name=\"token\" value=\"%s\" required "
        "autocomplete=\"off\" size=\"50\"></div>\n<button>Log "
        "in</button>\n</form>\n</main>\n</body>\n"
        "</html>\n",
        token == NULL ? "" : token);
}
