/* hub: see hub.h. What fails at the start is returned with a complaint; later failures are the store's. */
#include "client/hub/hub.h"

#include <string.h>

#include "client/hub/keep.h"
#include "client/hub/web.h"
#include "common/base/civil.h"
#include "common/base/log.h"

#include "common/base/banned.h"

/* ---- the register, as it stands at this moment ---- */

static void look_up(struct hub *self)
{
    const struct register_agent *me = self->core == NULL ? NULL : agent_core_me(self->core);

    self->tables.book = self->core == NULL ? NULL : agent_core_register(self->core);
    self->tables.areas = me == NULL ? NULL : me->regions;
    self->tables.area_count = me == NULL ? 0 : me->region_count;
}

void hub_view(struct hub *self, struct hub_view *out)
{
    const struct world *world = world_real();

    look_up(self);
    *out = (struct hub_view){.tables = &self->tables,
        .hub = self->name,
        .procedures = self->procedures,
        .now_ms = world->wall_ms(world->context),
        .threshold = self->config.threshold,
        .quiet_ms = self->config.quiet_ms,
        .away_ms = self->config.away_ms,
        .days = self->config.days,
        .online = self->core != NULL && agent_core_online(self->core)};
}

/* ---- the keeper ---- */

static void take_event(void *context, const struct entry_row *entry, const struct kept_event *event)
{
    struct hub *self = context;

    look_up(self);
    keep_event(&self->tables, entry, event);
}

static void take_record(
    void *context, const struct entry_row *entry, const struct kept_record *record)
{
    struct hub *self = context;

    look_up(self);
    keep_record(&self->tables, entry, record);
}

static void take_ack(void *context, const struct entry_row *entry, const struct kept_ack *ack)
{
    struct hub *self = context;

    look_up(self);
    keep_ack(&self->tables, entry, ack);
}

static void take_held(void *context, const struct entry_row *entry)
{
    struct hub *self = context;

    keep_held(&self->tables, entry);
}

static void take_past(void *context, const struct kept_past *page)
{
    struct hub *self = context;
    struct hub_missing missing;

    if (page->unreadable > 0 || page->untold > 0) {
        tables_miss(&self->tables, page->unreadable, page->untold);
    }
    tables_past(
        &self->tables, page->done ? -1 : (int64_t)page->next_leaf, (int64_t)page->next_skip);
    if (!page->done) {
        return; /* told once, with what all pages lack */
    }
    if (tables_missing(&self->tables, &missing)) {
        agent_core_alarm(self->core, "tables_incomplete", "%s", missing.text);
    } else {
        agent_core_alarm_clear(self->core, "tables_incomplete");
    }
}

static bool take_request(void *context, uint64_t client, const json_t *request, json_t **answer)
{
    struct hub *self = context;

    return desk_request(&self->desk, client, request, answer);
}

static void flow(void *context)
{
    struct hub *self = context;

    desk_flow(&self->desk);
}

static void gone(void *context, uint64_t client)
{
    struct hub *self = context;

    desk_gone(&self->desk, client);
}

/* ---- what the desk needs ---- */

static void desk_view(void *context, struct hub_view *out)
{
    hub_view(context, out);
}

static bool desk_answer(void *context, uint64_t client, json_t *line)
{
    struct hub *self = context;

    return agent_core_answer(self->core, client, line);
}

static int desk_link(void *context, struct buf *out)
{
    struct hub *self = context;

    return self->web == NULL ? E_CONFIG : web_link(self->web, out);
}

/* ---- who is listening ---- */

/* Every authority of the region has its row, also before its first event. */
static void make_places(struct hub *self)
{
    const register_t *book = self->tables.book;

    if (book == NULL || self->tables.areas == NULL ||
        register_version(book) == self->book_version) {
        return;
    }
    store_begin(self->tables.store);
    for (size_t i = 0; i < register_authority_count(book); i++) {
        const struct register_authority *authority = register_authority_at(book, i);
        if (authority->until_day == INT32_MAX && tables_in_area(&self->tables, authority->code)) {
            (void)tables_place(&self->tables, authority->code);
        }
    }
    if (store_commit(self->tables.store) == 0) {
        self->book_version = register_version(book);
    }
}

static struct hub_contact *contact_of(struct hub *self, const char *code)
{
    store_t *store = self->tables.store;
    sqlite3_stmt *row = store_sql(store, "SELECT id FROM places WHERE code = ?1");
    int64_t place = 0;

    sql_text(row, 1, code);
    if (store_row(store, row)) {
        place = row_int(row, 0);
        store_stop(row);
    }
    return place >= 1 && place <= HUB_PLACES_MAX ? &self->tables.contacts[place] : NULL;
}

/* The next authority of the region that was not asked after within a minute. */
static const char *next_to_ask(struct hub *self, int64_t now_ms, struct hub_contact **contact)
{
    const register_t *book = self->tables.book;
    size_t count = register_authority_count(book);
    int64_t again_ms =
        self->config.away_ms / 2 < HUB_ASK_AGAIN_MS ? self->config.away_ms / 2 : HUB_ASK_AGAIN_MS;

    for (size_t n = 0; n < count; n++) {
        const struct register_authority *authority =
            register_authority_at(book, self->ask_next++ % count);
        if (authority->until_day != INT32_MAX || !tables_in_area(&self->tables, authority->code)) {
            continue;
        }
        *contact = contact_of(self, authority->code);
        if (*contact != NULL &&
            ((*contact)->asked_mono_ms == 0 || now_ms - (*contact)->asked_mono_ms >= again_ms)) {
            return authority->code;
        }
    }
    return NULL;
}

static void ask_next(struct hub *self, int64_t now_ms)
{
    struct hub_contact *contact = NULL;

    self->ask_at_mono_ms =
        now_ms + (self->config.away_ms < HUB_ASK_MS * 60 ? HUB_ASK_MS / 10 : HUB_ASK_MS);
    if (self->tables.book == NULL || !agent_core_online(self->core)) {
        return;
    }
    const char *code = next_to_ask(self, now_ms, &contact);
    if (code == NULL) {
        return;
    }
    contact->asked_mono_ms = now_ms;
    json_t *request = json_pack("{s:s, s:s}", "op", "listening", "code", code);
    json_decref(agent_core_request(self->core, HOST_OWN_CLIENT, request));
    json_decref(request);
}

static void take_answer(void *context, uint64_t client, json_t *line)
{
    struct hub *self = context;
    const char *code = json_string_value(json_object_get(line, "code"));
    struct hub_contact *contact = code == NULL ? NULL : contact_of(self, code);
    const char *last = json_string_value(json_object_get(line, "last_contact"));

    (void)client;
    if (contact != NULL && json_is_true(json_object_get(line, "ok"))) {
        contact->known = true;
        contact->registered = json_is_true(json_object_get(line, "registered"));
        contact->connected = json_is_true(json_object_get(line, "connected"));
        if (last == NULL || civil_time_parse(last, &contact->contact_ms) != 0) {
            contact->contact_ms = 0;
        }
    }
    json_decref(line);
}

/* ---- the host ---- */

static int check(void *context, const struct agent_config *config, struct complaint *why)
{
    struct hub *self = context;

    self->region.dead_ms = (int64_t)settings_number(config->settings, "alarm-dead");
    self->region.unread_ms = (int64_t)settings_number(config->settings, "alarm-unread");
    return hub_config_read(config->settings, &self->config, why);
}

int hub_open(struct hub *self, store_t *store, const struct world *world, struct complaint *why)
{
    self->desk.context = self;
    self->desk.view = desk_view;
    self->desk.answer = desk_answer;
    self->desk.link = desk_link;
    self->keeper = (struct agent_keeper){.context = self,
        .event = take_event,
        .record = take_record,
        .ack = take_ack,
        .held = take_held,
        .past = take_past,
        .request = take_request,
        .flow = flow,
        .gone = gone};
    return tables_open(&self->tables, store, world, why);
}

static int open(void *context, const struct agent_config *config, store_t *store, bool rebuild,
    struct complaint *why)
{
    struct hub *self = context;
    const struct world *world = world_real();
    int rc = hub_open(self, store, world, why);

    self->name = config->keys[0].id;
    self->procedures = config->procedures;
    if (rc == 0 && rebuild) {
        rc = tables_empty(&self->tables, world->wall_ms(world->context));
        log_info("rebuild: the tables are empty");
    }
    return rc;
}

void hub_attach(struct hub *self, agent_core_t *core)
{
    self->core = core;
    look_up(self);
}

static int start(void *context, agent_core_t *core, struct complaint *why)
{
    struct hub *self = context;

    hub_attach(self, core);
    if (self->tables.past_leaf >= 0) { /* a new database, a rebuild, or one that was cut short */
        agent_core_fetch_past(
            core, (uint64_t)self->tables.past_leaf, (uint64_t)self->tables.past_skip);
    }
    return self->config.page ? web_open(self, &self->web, why) : 0;
}

static size_t wait_for(void *context, int *fds)
{
    const struct hub *self = context;

    if (self->web == NULL) {
        return 0;
    }
    fds[0] = web_fd(self->web);
    return 1;
}

static void serve(void *context)
{
    struct hub *self = context;
    const struct world *world = world_real();
    int64_t now_ms = world->mono_ms(world->context);
    struct hub_view view;

    hub_view(self, &view);
    if (now_ms >= self->ask_at_mono_ms) {
        make_places(self);
        ask_next(self, now_ms);
        store_begin(self->tables.store);
        keep_trim(&self->tables, world->wall_ms(world->context));
        (void)store_commit(self->tables.store);
        region_watch_tick(&self->region, &view, self->core, now_ms);
    }
    if (self->desk.more) {
        desk_flow(&self->desk);
    }
    if (self->web != NULL) {
        web_serve(self->web);
    }
}

static int64_t due_ms(void *context)
{
    const struct hub *self = context;
    int64_t web_ms = self->web == NULL ? INT64_MAX : web_due_ms(self->web);

    if (self->desk.more) {
        return 0;
    }
    return web_ms < self->ask_at_mono_ms ? web_ms : self->ask_at_mono_ms;
}

static void metrics(void *context, struct metrics_page *page)
{
    struct hub *self = context;

    region_watch_metrics(&self->region, page);
}

static void close_all(void *context)
{
    struct hub *self = context;

    web_destroy(&self->web);
}

struct host_extra hub_extra(struct hub *self)
{
    return (struct host_extra){.context = self,
        .keeper = &self->keeper,
        .check = check,
        .open = open,
        .start = start,
        .answer = take_answer,
        .wait_for = wait_for,
        .serve = serve,
        .due_ms = due_ms,
        .metrics = metrics,
        .close = close_all};
}
