/*
 * watch: entries of the stream, one line each, to clients that asked. Each watcher has a place in
 * the store's list and is given more as its connection takes it, so that a slow one costs nothing
 * and misses nothing.
 */
#include <stdio.h>
#include <string.h>

#include "client/agent/ops.h"
#include "common/base/check.h"

#include "common/base/banned.h"

static const char *const type_words[] = {"", "event", "record", "ack", "held"};

/* ---- regions ---- */

static bool is_in(const agent_core_t *self, const char *code, const char *region)
{
    const struct register_authority *authority =
        self->book == NULL ? NULL : register_authority_of(self->book, code);

    return authority != NULL &&
        (strcmp(authority->region_code, region) == 0 || strcmp(authority->region, region) == 0);
}

static bool view_in(const agent_core_t *self, const struct event_view *view, const char *region)
{
    if (is_in(self, view->origin, region) || is_in(self, view->receiving, region) ||
        is_in(self, view->from, region)) {
        return true;
    }
    for (size_t i = 0; i < view->recipient_count; i++) {
        if (is_in(self, view->to[i].code, region)) {
            return true;
        }
    }
    return false;
}

/* ---- one line ---- */

static void put_event(json_t *line, const struct inbox_row *row, const struct event_view *view)
{
    json_object_set_new(line, "event", event_json(view));
    json_object_set_new(line, "id", json_id(row->event));
    json_object_set_new(line, "title", json_string(kind_title(row->kind)));
    json_object_set_new(line, "verdict", json_string(verdict_word(row->verdict)));
    json_object_set_new(line, "accepted", json_stamp(row->accepted_ms));
    if (view->has_payload) {
        json_object_set_new(line, "sealed", json_true());
    }
}

struct ack_lines {
    json_t *list;
};

static void add_level(void *context, const uint8_t *event, const struct level_row *row)
{
    struct ack_lines *self = context;
    json_t *json = level_json(row);

    json_object_set_new(json, "event", json_id(event));
    json_array_append_new(self->list, json);
}

static void put_ack(agent_core_t *self, json_t *line, int64_t ack)
{
    struct ack_lines lines = {json_array()};

    store_ack_levels(self->store, ack, add_level, &lines);
    json_object_set_new(line, "levels", lines.list);
}

/* The event an entry is about, in either box. False where it is not here. */
static bool find_view(agent_core_t *self, const uint8_t *event, struct inbox_row *received,
    struct outbox_row *own, struct event_view *view)
{
    memset(received, 0, sizeof *received);
    memset(own, 0, sizeof *own);
    if (store_inbox(self->store, event, received) == 0) {
        return event_read(buf_slice(&received->bytes), view, NULL) == 0;
    }
    if (store_outbox(self->store, event, own) == 0 && own->bytes.len > 0) {
        return event_read(buf_slice(&own->bytes), view, NULL) == 0;
    }
    return false;
}

/* NULL where the region leaves the entry out. */
static json_t *line_of(
    agent_core_t *self, const struct watcher *watcher, const struct entry_row *row)
{
    struct inbox_row received;
    struct outbox_row own;
    struct event_view view;
    struct notice_row notice;
    bool found = find_view(self, row->event, &received, &own, &view);
    json_t *line = NULL;

    if (watcher->region[0] == '\0' || (found && view_in(self, &view, watcher->region))) {
        line = json_pack("{s:I, s:s, s:o, s:{s:I, s:I}}", "number", (json_int_t)row->position,
            "type", type_words[row->type], "persisted", json_stamp(row->persisted_ms), "stream",
            "epoch", (json_int_t)row->epoch, "number", (json_int_t)row->number);
        assert(line != NULL);
        if (row->fault != 0) {
            json_object_set_new(line, "fault", json_string(err_name(row->fault)));
        }
        if (row->type == ENTRY_EVENT && received.bytes.len > 0 && found) {
            put_event(line, &received, &view);
        } else if (row->type == ENTRY_RECORD && store_notice(self->store, row->ref, &notice) == 0) {
            json_object_set_new(line, "record", notice_json(self, &notice));
        } else if (row->type == ENTRY_ACK) {
            put_ack(self, line, row->ref);
        } else if (row->type == ENTRY_HELD) {
            json_object_set_new(line, "id", json_id(row->event));
        }
    }
    inbox_row_free(&received);
    outbox_row_free(&own);
    return line;
}

/* ---- watchers ---- */

static void go_on(agent_core_t *self, struct watcher *watcher)
{
    struct entry_row row;

    for (int i = 0; i < AGENT_WATCH_PAGE && watcher->used &&
         store_entry_after(self->store, watcher->position, &row) == 0;
         i++) {
        json_t *line = line_of(self, watcher, &row);
        if (line != NULL && !self->ports.answer(self->ports.context, watcher->client, line)) {
            return;
        }
        watcher->position = row.position;
    }
    if (watcher->used && store_entry_after(self->store, watcher->position, &row) == 0) {
        self->watch_wanted = true;
    }
}

void agent_core_watch(agent_core_t *self)
{
    if (self->options.keeper != NULL) {
        self->options.keeper->flow(self->options.keeper->context);
        return;
    }
    for (size_t i = 0; i < AGENT_WATCHERS_MAX; i++) {
        if (self->watchers[i].used) {
            go_on(self, &self->watchers[i]);
        }
    }
}

void agent_core_client_gone(agent_core_t *self, uint64_t client)
{
    if (self->options.keeper != NULL) {
        self->options.keeper->gone(self->options.keeper->context, client);
    }
    for (size_t i = 0; i < AGENT_WATCHERS_MAX; i++) {
        if (self->watchers[i].client == client) {
            memset(&self->watchers[i], 0, sizeof self->watchers[i]);
        }
    }
    for (size_t i = 0; i < AGENT_PENDING_REQUESTS; i++) {
        if (self->pending[i].client == client) {
            memset(&self->pending[i], 0, sizeof self->pending[i]);
        }
    }
}

static bool region_known(const agent_core_t *self, const char *region)
{
    for (size_t i = 0; self->book != NULL && i < register_authority_count(self->book); i++) {
        const struct register_authority *authority = register_authority_at(self->book, i);
        if (strcmp(authority->region_code, region) == 0 || strcmp(authority->region, region) == 0) {
            return true;
        }
    }
    return self->book == NULL;
}

json_t *op_watch(struct op *op)
{
    agent_core_t *self = op->core;
    const char *region = op_text(op, "region", false);
    int64_t from = 0;

    if (op->why->rc != 0 || !op_number(op, "from", 0, INT64_MAX, &from)) {
        return NULL;
    }
    if (region != NULL && (strlen(region) > AGENT_NAME_BYTES_MAX || !region_known(self, region))) {
        complain(op->why, E_CODE, "region %.60s is none of the register; give its name or ONS code",
            region);
        return NULL;
    }
    for (size_t i = 0; i < AGENT_WATCHERS_MAX; i++) {
        struct watcher *watcher = &self->watchers[i];
        if (!watcher->used) {
            watcher->used = true;
            watcher->client = op->client;
            watcher->position = from > 0 ? from - 1 : store_entry_last(self->store);
            agent_copy_text(watcher->region, sizeof watcher->region, region == NULL ? "" : region);
            self->watch_wanted = true;
            return json_object();
        }
    }
    complain(op->why, E_BUSY, "at most %d watch at a time", AGENT_WATCHERS_MAX);
    return NULL;
}
