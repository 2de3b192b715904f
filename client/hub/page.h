/*
 * page: HTML of the hub, made from the views' JSON. Whole pages that work without a script; landmarks, one h1, tables with
 * captions and headers, states as words. Everything that comes from elsewhere goes through html_text().
 */
#ifndef WAYPOST_HUB_PAGE_H
#define WAYPOST_HUB_PAGE_H

#include "client/hub/view.h"
#include "common/base/bytes.h"

/* Style sheet and script as they lie in client/hub/page/, made into the program at the build. */
extern const unsigned char page_css[];
extern const size_t page_css_len;
extern const unsigned char page_script[];
extern const size_t page_script_len;

/* ---- pieces ---- */

void html_text(struct buf *out, const char *text);    /* escaped */
void html_put(struct buf *out, const char *html, ...) /* a literal of ours; %s escaped, %d an int */
    __attribute__((format(printf, 2, 3)));
void html_time(struct buf *out, const json_t *object, const char *member); /* <time>, "never" */
void html_due(
    struct buf *out, const json_t *object); /* "due": a day, which ends with it, or a time */
void html_count(
    struct buf *out, const json_t *value); /* number, "<5", "hidden", hours as they are */
void html_hours(struct buf *out, const json_t *value);   /* "17 h", "3.5 d", "few", "none" */
void html_left(struct buf *out, const json_t *deadline); /* "in 3 d 4 h", "2 d ago" */
void html_case_link(struct buf *out, const char *case_name);

const char *member_text(const json_t *object, const char *member); /* "" where there is none */
int64_t member_number(const json_t *object, const char *member);
bool member_flag(const json_t *object, const char *member);
const char *member_name(const json_t *object, const char *member); /* "name" of the object in it */

/* ---- the frame ---- */

enum page_place {
    PAGE_OVERVIEW,
    PAGE_PAIRS,
    PAGE_DEADLINES,
    PAGE_UNOPENED,
    PAGE_CASES,
    PAGE_LIVE,
    PAGE_NONE
};

/* Up to and with <main> and its <h1>; and from </main> on. title: also the heading. */
void page_begin(
    struct buf *out, const struct hub_view *view, enum page_place place, const char *title);
void page_end(struct buf *out, const struct hub_view *view);

/* ---- what stands between ---- */

void page_overview(struct buf *out, const struct hub_view *view);
void page_pairs(struct buf *out, const struct hub_view *view, const char *measure);
/* code: NULL or an authority; unknown ones give an empty list. */
void page_deadlines(struct buf *out, const struct hub_view *view, const char *code, bool missed);
void page_unopened(struct buf *out, const struct hub_view *view, const char *code);
void page_cases(struct buf *out, const struct hub_view *view, const char *code);
void page_live(struct buf *out, const struct hub_view *view);
void page_case(struct buf *out, const struct hub_view *view, const struct hub_case *of);
void page_login(struct buf *out, const char *token, bool refused);

#endif
