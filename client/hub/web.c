/*
 * web: see web.h: routes, sessions and headers. What a browser asks wrong is answered with a status and a sentence; nothing
 * of the hub is said to one that is not logged in.
 */
#include "client/hub/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hub/page.h"
#include "client/hub/sessions.h"

#include "common/base/banned.h"

enum { COOKIE_BYTES = 160, TOKEN_FIELD_BYTES = 6 };

#define COOKIE_NAME "waypost_hub"

/* What an open page has to know to ask for the rest. */
struct news {
    uint64_t changes; /* of the tables, since the start */
    bool online;
};

struct web {
    struct hub *hub;
    http_server_t *server;
    struct sessions sessions;
    struct news told;        /* what open pages were told last */
    int64_t tell_at_mono_ms; /* and not again before */
};

/* ---- headers ---- */

/* Nothing from elsewhere, nothing inline, no frame. A referrer for ourselves alone: without any, a browser would say that
 * a form of ours comes from nowhere, and it would be refused. */
static void put_headers(struct http_reply *reply)
{
    http_reply_header(reply, "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action "
        "'self'; base-uri 'none'; frame-ancestors 'none'");
    http_reply_header(reply, "X-Frame-Options", "DENY");
    http_reply_header(reply, "Referrer-Policy", "same-origin");
    http_reply_header(reply, "Cross-Origin-Opener-Policy", "same-origin");
    http_reply_header(reply, "Cross-Origin-Resource-Policy", "same-origin");
}

static void go_to(struct http_reply *reply, const char *path)
{
    put_headers(reply);
    http_reply_text(reply, 303, "See %s.", path);
    http_reply_header(reply, "Location", path);
}

static void html_reply(struct http_reply *reply, unsigned status)
{
    put_headers(reply);
    reply->status = status;
    reply->type = "text/html; charset=utf-8";
}

/* ---- logging in ---- */

static bool logged_in(struct web *self, const struct http_request *request)
{
    return sessions_check(&self->sessions, http_request_cookie(request, COOKIE_NAME));
}

static void get_login(void *context, const struct http_request *request, struct http_reply *reply)
{
    (void)context;
    html_reply(reply, 200);
    page_login(&reply->body, http_request_argument(request, "token"), false);
}

/* The form sends token=HEX alone. */
static void token_of(struct slice body, char *token)
{
    static const char field[] = "token=";
    size_t len = body.len > TOKEN_FIELD_BYTES ? body.len - TOKEN_FIELD_BYTES : 0;

    token[0] = '\0';
    if (len == SESSION_TEXT_BYTES - 1 && memcmp(body.data, field, TOKEN_FIELD_BYTES) == 0) {
        memcpy(token, body.data + TOKEN_FIELD_BYTES, len);
        token[len] = '\0';
    }
}

static void put_cookie(struct web *self, struct http_reply *reply, const char *secret)
{
    struct buf text = {0};

    buf_put_text(&text, COOKIE_NAME "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld", secret,
        secret[0] == '\0' ? 0LL : (long long)(self->sessions.idle_ms / 1000));
    buf_put_u8(&text, 0);
    http_reply_header(reply, "Set-Cookie", (const char *)text.data);
    buf_free(&text);
}

static void post_login(void *context, const struct http_request *request, struct http_reply *reply)
{
    struct web *self = context;
    char token[SESSION_TEXT_BYTES];
    char secret[SESSION_TEXT_BYTES];

    token_of(request->body, token);
    if (!sessions_enter(&self->sessions, token, secret)) {
        html_reply(reply, 403);
        page_login(&reply->body, NULL, true);
        return;
    }
    go_to(reply, "/");
    put_cookie(self, reply, secret);
}

static void post_logout(void *context, const struct http_request *request, struct http_reply *reply)
{
    struct web *self = context;

    sessions_leave(&self->sessions, http_request_cookie(request, COOKIE_NAME));
    http_hang_up(self->server); /* whose session has not ended asks again */
    go_to(reply, "/login");
    put_cookie(self, reply, "");
}

int web_link(web_t *self, struct buf *out)
{
    char token[SESSION_TEXT_BYTES];

    sessions_token(&self->sessions, token);
    buf_put_text(out, "http://%s/login?token=%s", http_bound(self->server), token);
    return 0;
}

/* ---- pages ---- */

typedef void fill_page(
    struct buf *out, const struct hub_view *view, const struct http_request *request);

/* An authority's code out of the address; NULL for none. */
static const char *authority_of(const struct http_request *request)
{
    const char *code = http_request_argument(request, "authority");

    return code == NULL || strlen(code) != CODE_BYTES ? NULL : code;
}

static void answer_page(struct web *self, const struct http_request *request,
    struct http_reply *reply, enum page_place place, const char *title, fill_page *fill)
{
    struct hub_view view;

    if (!logged_in(self, request)) {
        go_to(reply, "/login");
        return;
    }
    hub_view(self->hub, &view);
    html_reply(reply, 200);
    page_begin(&reply->body, &view, place, title);
    fill(&reply->body, &view, request);
    page_end(&reply->body, &view);
}

static void fill_overview(
    struct buf *out, const struct hub_view *view, const struct http_request *request)
{
    (void)request;
    page_overview(out, view);
}

static void fill_pairs(
    struct buf *out, const struct hub_view *view, const struct http_request *request)
{
    page_pairs(out, view, http_request_argument(request, "measure"));
}

static void fill_deadlines(
    struct buf *out, const struct hub_view *view, const struct http_request *request)
{
    const char *state = http_request_argument(request, "state");

    page_deadlines(out, view, authority_of(request), state != NULL && strcmp(state, "missed") == 0);
}

static void fill_unopened(
    struct buf *out, const struct hub_view *view, const struct http_request *request)
{
    page_unopened(out, view, authority_of(request));
}

static void fill_cases(
    struct buf *out, const struct hub_view *view, const struct http_request *request)
{
    page_cases(out, view, authority_of(request));
}

static void fill_live(
    struct buf *out, const struct hub_view *view, const struct http_request *request)
{
    (void)request;
    page_live(out, view);
}

static void get_overview(
    void *context, const struct http_request *request, struct http_reply *reply)
{
    answer_page(context, request, reply, PAGE_OVERVIEW, "Overview", fill_overview);
}

static void get_pairs(void *context, const struct http_request *request, struct http_reply *reply)
{
    answer_page(context, request, reply, PAGE_PAIRS, "Pairs", fill_pairs);
}

static void get_deadlines(
    void *context, const struct http_request *request, struct http_reply *reply)
{
    answer_page(context, request, reply, PAGE_DEADLINES, "Deadlines", fill_deadlines);
}

static void get_unopened(
    void *context, const struct http_request *request, struct http_reply *reply)
{
    answer_page(context, request, reply, PAGE_UNOPENED, "Not opened", fill_unopened);
}

static void get_cases(void *context, const struct http_request *request, struct http_reply *reply)
{
    answer_page(context, request, reply, PAGE_CASES, "Cases", fill_cases);
}

static void get_live(void *context, const struct http_request *request, struct http_reply *reply)
{
    answer_page(context, request, reply, PAGE_LIVE, "Live", fill_live);
}

static void show_case(struct web *self, const struct http_request *request,
    struct http_reply *reply, const char *name)
{
    struct hub_view view;
    struct hub_case of;
    struct complaint why = {0};
    char title[64];

    if (!logged_in(self, request)) {
        go_to(reply, "/login");
        return;
    }
    hub_view(self->hub, &view);
    if (tables_case_named(&self->hub->tables, name, &of, &why) != 0) {
        html_reply(reply, 404);
        page_begin(&reply->body, &view, PAGE_NONE, "No such case");
        html_put(&reply->body, "<p>%s</p>\n", why.text);
        page_end(&reply->body, &view);
        return;
    }
    char text[BLIND_TEXT_BYTES];
    blind_text(of.blind, text);
    (void)snprintf(title, sizeof title, "Case %s", text);
    html_reply(reply, 200);
    page_begin(&reply->body, &view, PAGE_NONE, title);
    page_case(&reply->body, &view, &of);
    page_end(&reply->body, &view);
}

static void get_case(void *context, const struct http_request *request, struct http_reply *reply)
{
    show_case(context, request, reply, request->path + strlen("/case/"));
}

static void find_case(void *context, const struct http_request *request, struct http_reply *reply)
{
    const char *name = http_request_argument(request, "case");

    show_case(context, request, reply, name == NULL ? "" : name);
}

/* ---- what the script asks, and the files ---- */

static struct news news_of(const struct web *self)
{
    struct hub_view view;

    hub_view(self->hub, &view);
    return (struct news){self->hub->tables.changes, view.online};
}

#define NEWS_FORMAT "{\"changes\":%llu,\"online\":%s}"

/* Is there a session? Else it says so: a script is led nowhere. */
static bool may_hear(struct web *self, const struct http_request *request, struct http_reply *reply)
{
    bool may = logged_in(self, request);

    put_headers(reply);
    if (!may) {
        http_reply_text(reply, 401, "Log in first.");
    }
    return may;
}

static void get_news(void *context, const struct http_request *request, struct http_reply *reply)
{
    struct web *self = context;

    if (may_hear(self, request, reply)) {
        reply->type = "application/json";
        struct news news = news_of(self);
        buf_put_text(&reply->body, NEWS_FORMAT "\n", (unsigned long long)news.changes,
            news.online ? "true" : "false");
    }
}

static void get_events(void *context, const struct http_request *request, struct http_reply *reply)
{
    if (may_hear(context, request, reply)) {
        reply->type = "text/event-stream";
        reply->stays_open = true;
    }
}

static bool is_untold(const struct web *self)
{
    struct news news = news_of(self);

    return news.changes != self->told.changes || news.online != self->told.online;
}

static void tell_news(struct web *self)
{
    char text[HTTP_NEWS_BYTES_MAX];

    self->told = news_of(self);
    (void)snprintf(text, sizeof text, "retry: 1000\ndata: " NEWS_FORMAT "\n\n",
        (unsigned long long)self->told.changes, self->told.online ? "true" : "false");
    http_tell(self->server, text);
    self->tell_at_mono_ms = world_real()->mono_ms(world_real()->context) + HUB_NEWS_MS;
}

static void get_css(void *context, const struct http_request *request, struct http_reply *reply)
{
    (void)context;
    (void)request;
    put_headers(reply);
    reply->type = "text/css; charset=utf-8";
    buf_put(&reply->body, page_css, page_css_len);
}

static void get_script(void *context, const struct http_request *request, struct http_reply *reply)
{
    (void)context;
    (void)request;
    put_headers(reply);
    reply->type = "text/javascript; charset=utf-8";
    buf_put(&reply->body, page_script, page_script_len);
}

static const struct http_route routes[] = {
    {"GET", "/", false, get_overview},
    {"GET", "/pairs", false, get_pairs},
    {"GET", "/deadlines", false, get_deadlines},
    {"GET", "/unopened", false, get_unopened},
    {"GET", "/cases", false, get_cases},
    {"GET", "/live", false, get_live},
    {"GET", "/case", false, find_case},
    {"GET", "/case/", true, get_case},
    {"GET", "/news", false, get_news},
    {"GET", "/events", false, get_events},
    {"GET", "/hub.css", false, get_css},
    {"GET", "/hub.js", false, get_script},
    {"GET", "/login", false, get_login},
    {"POST", "/login", false, post_login},
    {"POST", "/logout", false, post_logout},
};

/* ---- life ---- */

int web_open(struct hub *hub, web_t **out, struct complaint *why)
{
    web_t *self = mem_new(1, sizeof *self);
    const struct http_options options = {.address = hub->config.page_address,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .context = self,
        .world = world_real()};

    self->hub = hub;
    self->sessions.world = world_real();
    self->sessions.idle_ms = hub->config.page_session_ms;
    int rc = http_open(&options, &self->server, why);
    if (rc != 0) {
        free(self);
        return rc;
    }
    tell_news(self);
    *out = self;
    return 0;
}

void web_destroy(web_t **self_p)
{
    web_t *self = *self_p;

    if (self != NULL) {
        http_destroy(&self->server);
        free(self);
        *self_p = NULL;
    }
}

int web_fd(const web_t *self)
{
    return http_fd(self->server);
}

int64_t web_due_ms(const web_t *self)
{
    int64_t due_ms = http_due_ms(self->server);

    return is_untold(self) && self->tell_at_mono_ms < due_ms ? self->tell_at_mono_ms : due_ms;
}

void web_serve(web_t *self)
{
    if (is_untold(self) && world_real()->mono_ms(world_real()->context) >= self->tell_at_mono_ms) {
        tell_news(self);
    }
    http_serve(self->server);
}
