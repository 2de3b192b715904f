/* desk: see desk.h. Whatever a client sends wrong is answered with code, name and one sentence. */
#include "client/hub/desk.h"

#include <string.h>

#include "client/agent/ops.h"
#include "common/base/check.h"
#include "common/base/words.h"

#include "common/base/banned.h"

enum { MEMBERS_MAX = 6 };

struct request {
    struct desk *desk;
    const struct hub_view *view;
    uint64_t client;
    struct op op; /* for the readers of members alone: it has no core */
};

typedef json_t *request_run(struct request *request);

/* ---- members ---- */

static bool read_limit(struct request *self, size_t *out)
{
    int64_t limit;

    if (!op_number(&self->op, "limit", HUB_LIST_DEFAULT, HUB_LIST_MAX, &limit)) {
        return false;
    }
    *out = limit == 0 ? HUB_LIST_DEFAULT : (size_t)limit;
    return true;
}

/* An authority of the register, NULL where none is named; false with why for a typo. */
static bool read_code(struct request *self, const char **out)
{
    const register_t *book = self->view->tables->book;
    const char *code = op_text(&self->op, "code", false);

    *out = code;
    if (self->op.why->rc != 0) {
        return false;
    }
    if (code != NULL && (book == NULL || register_authority_of(book, code) == NULL)) {
        const char *near = book == NULL ? NULL : register_authority_nearest(book, code);
        complain(self->op.why, E_CODE, "%.60s is no authority of the register%s%s", code,
            near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
        return false;
    }
    return true;
}

/* ---- requests ---- */

static json_t *run_overview(struct request *self)
{
    return view_overview(self->view);
}

static json_t *run_pairs(struct request *self)
{
    const char *code;
    size_t limit;

    return read_code(self, &code) && read_limit(self, &limit) ? view_pairs(self->view, code, limit)
                                                              : NULL;
}

static json_t *run_cases(struct request *self)
{
    const char *code;
    size_t limit;

    return read_code(self, &code) && read_limit(self, &limit) ? view_cases(self->view, code, limit)
                                                              : NULL;
}

static json_t *run_unopened(struct request *self)
{
    const char *code;
    size_t limit;

    return read_code(self, &code) && read_limit(self, &limit)
        ? view_unopened(self->view, code, limit)
        : NULL;
}

static json_t *run_deadlines(struct request *self)
{
    struct deadline_filter filter = {.within_ms = INT64_MAX};
    int64_t within_ms;

    if (!read_code(self, &filter.code) || !read_limit(self, &filter.limit) ||
        !op_number(&self->op, "within_ms", INT64_MAX, INT64_MAX, &within_ms)) {
        return NULL;
    }
    filter.within_ms = within_ms;
    filter.breached = op_flag(&self->op, "breached");
    filter.guides = op_flag(&self->op, "guides");
    return view_deadlines(self->view, &filter);
}

static json_t *run_case(struct request *self)
{
    const char *name = op_text(&self->op, "case", true);
    struct hub_case of;

    if (name == NULL || tables_case_named(self->view->tables, name, &of, self->op.why) != 0) {
        return NULL;
    }
    return view_case(self->view, &of);
}

static json_t *run_link(struct request *self)
{
    struct buf text = {0};

    if (self->desk->link(self->desk->context, &text) != 0) {
        complain(self->op.why, E_CONFIG,
            "this hub serves no page; name an address as `page` in its configuration");
        return NULL;
    }
    json_t *json = json_pack("{s:s#}", "link", (const char *)text.data, (int)text.len);
    buf_free(&text);
    return json;
}

/* ---- watching ---- */

static bool region_known(const struct hub_view *view, const char *region)
{
    const register_t *book = view->tables->book;

    for (size_t i = 0; book != NULL && i < register_authority_count(book); i++) {
        const struct register_authority *authority = register_authority_at(book, i);
        if (strcmp(authority->region_code, region) == 0 || strcmp(authority->region, region) == 0) {
            return true;
        }
    }
    return book == NULL;
}

static int64_t watch_start(const struct request *self, int64_t from, int64_t recent)
{
    if (from > 0) {
        return from - 1;
    }
    return recent > 0 ? view_feed_before_last(self->view, recent) : view_feed_last(self->view);
}

static json_t *run_watch(struct request *self)
{
    const char *region = op_text(&self->op, "region", false);
    int64_t from;
    int64_t recent;

    if (self->op.why->rc != 0 || !op_number(&self->op, "from", 0, INT64_MAX, &from) ||
        !op_number(&self->op, "recent", 0, HUB_LIST_MAX, &recent)) {
        return NULL;
    }
    if (region != NULL &&
        (strlen(region) > AGENT_NAME_BYTES_MAX || !region_known(self->view, region))) {
        complain(self->op.why, E_CODE,
            "region %.60s is none of the register; give its name or ONS code", region);
        return NULL;
    }
    for (size_t i = 0; i < HUB_WATCHERS_MAX; i++) {
        struct desk_watcher *watcher = &self->desk->watchers[i];
        if (watcher->client == 0) {
            watcher->client = self->client;
            watcher->position = watch_start(self, from, recent);
            agent_copy_text(watcher->region, sizeof watcher->region, region);
            self->desk->more = true;
            return json_object();
        }
    }
    complain(self->op.why, E_BUSY, "at most %d watch at a time", HUB_WATCHERS_MAX);
    return NULL;
}

/* A page. True where there may be more and the client has room. */
static bool go_on(struct desk *self, const struct hub_view *view, struct desk_watcher *watcher)
{
    for (int n = 0; n < HUB_WATCH_PAGE; n++) {
        int64_t position = watcher->position;
        json_t *line = view_feed_next(view, watcher->region, &position);
        if (line != NULL && !self->answer(self->context, watcher->client, line)) {
            return false;
        }
        watcher->position = position;
        if (line == NULL) {
            return false;
        }
    }
    return true;
}

void desk_flow(struct desk *self)
{
    struct hub_view view;

    self->view(self->context, &view);
    self->more = false;
    for (size_t i = 0; i < HUB_WATCHERS_MAX; i++) {
        if (self->watchers[i].client != 0 && go_on(self, &view, &self->watchers[i])) {
            self->more = true;
        }
    }
}

void desk_gone(struct desk *self, uint64_t client)
{
    for (size_t i = 0; i < HUB_WATCHERS_MAX; i++) {
        if (self->watchers[i].client == client) {
            memset(&self->watchers[i], 0, sizeof self->watchers[i]);
        }
    }
}

/* ---- the table ---- */

static const struct {
    const char *name;
    request_run *run;
    const char *members[MEMBERS_MAX]; /* besides "op" */
} requests[] = {
    {"hub_overview", run_overview, {NULL}},
    {"hub_pairs", run_pairs, {"code", "limit", NULL}},
    {"hub_deadlines", run_deadlines, {"breached", "guides", "within_ms", "code", "limit", NULL}},
    {"hub_cases", run_cases, {"code", "limit", NULL}},
    {"hub_case", run_case, {"case", NULL}},
    {"hub_unopened", run_unopened, {"code", "limit", NULL}},
    {"hub_link", run_link, {NULL}},
    {"watch", run_watch, {"region", "from", "recent", NULL}},
};

enum { REQUESTS = sizeof requests / sizeof requests[0] };

/* What the core answers for a hub as for anybody. */
static const char *const core_requests[] = {
    "status", "alarms", "register", "listening", "shape", "trace", "hold", "release", "counters"};

static const char *name_at(const void *known, size_t index)
{
    (void)known;
    if (index < REQUESTS) {
        return requests[index].name;
    }
    index -= REQUESTS;
    return index < sizeof core_requests / sizeof core_requests[0] ? core_requests[index] : NULL;
}

static bool is_cores(const char *name)
{
    for (size_t i = 0; i < sizeof core_requests / sizeof core_requests[0]; i++) {
        if (strcmp(core_requests[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool members_known(struct request *self, const char *const *members)
{
    const char *name;
    json_t *value;
    json_t *request = (json_t *)(uintptr_t)self->op.request; /* the macro wants it so; only read */

    json_object_foreach(request, name, value)
    {
        bool known = strcmp(name, "op") == 0;
        for (size_t i = 0; i < MEMBERS_MAX && members[i] != NULL && !known; i++) {
            known = strcmp(name, members[i]) == 0;
        }
        if (!known) {
            complain(self->op.why, E_USAGE, "%s has no member %.40s",
                json_string_value(json_object_get(request, "op")), name);
            return false;
        }
    }
    return true;
}

static json_t *refuse(const char *name)
{
    char text[240];
    const char *near = words_nearest(name, name_at, NULL);

    (void)snprintf(text, sizeof text,
        "a hub watches: it sends nothing, opens nothing and keeps no boxes, so there is no %.40s "
        "here%s%s",
        name, near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
    return ops_error(E_NOT_ALLOWED, text);
}

bool desk_request(struct desk *self, uint64_t client, const json_t *request, json_t **answer)
{
    struct complaint why = {0};
    struct hub_view view;
    struct request own = {
        .desk = self, .view = &view, .client = client, .op = {.request = request, .why = &why}};
    const char *name = op_text(&own.op, "op", true);

    if (name == NULL || is_cores(name)) {
        return false;
    }
    self->view(self->context, &view);
    for (size_t i = 0; i < REQUESTS; i++) {
        if (strcmp(requests[i].name, name) != 0) {
            continue;
        }
        *answer = members_known(&own, requests[i].members) ? requests[i].run(&own) : NULL;
        if (why.rc != 0) {
            json_decref(*answer);
            *answer = ops_error(why.rc, why.text);
            return true;
        }
        assert(*answer != NULL);
        json_object_set_new(*answer, "ok", json_true());
        return true;
    }
    *answer = refuse(name);
    return true;
}
