/* ops_erase: requests about erasures and retention (docs/LOCAL-API.md): ask for one, list them, what is due. */
#include <stdlib.h>
#include <string.h>

#include "client/agent/erasing.h"
#include "client/agent/ops.h"
#include "common/base/check.h"
#include "common/base/words.h"

#include "common/base/banned.h"

static const char *const reason_words[] = {"", "consent", "retention", "error", "order"};
static const char *const state_words[] = {"wanted", "begun", "ordered", "refused"};

enum { REASONS = sizeof reason_words / sizeof reason_words[0] };

/* ---- asking ---- */

static bool read_reason(struct op *op, uint32_t *out)
{
    const char *word = op_text(op, "reason", true);

    for (uint32_t i = 1; word != NULL && i < REASONS; i++) {
        if (strcmp(word, reason_words[i]) == 0) {
            *out = i;
            return true;
        }
    }
    if (word != NULL) {
        const char *near = words_nearest_of(word, reason_words + 1, REASONS - 1);
        complain(op->why, E_USAGE, "reason %.40s is none of consent, retention, error, order%s%s",
            word, near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
    }
    return false;
}

/* May we ask for that one at all? The broker decides; this spares a person the wait for its refusal. */
static bool is_ours_to_ask(struct op *op, const uint8_t *event)
{
    agent_core_t *self = op->core;
    struct outbox_row row;
    struct event_view view;
    const char *text = json_string_value(json_object_get(op->request, "event"));

    if (store_outbox(self->store, event, &row) != 0) {
        bool operates =
            self->me != NULL && register_agent_has_role(self->me, REGISTER_ROLE_OPERATOR);
        if (!operates) {
            complain(op->why,
                store_inbox_position(self->store, event) != 0 ? E_NOT_ALLOWED : E_NOT_FOUND,
                store_inbox_position(self->store, event) != 0
                    ? "event %.60s was sent by another authority: only that one, or an operator, "
                      "may have it erased"
                    : "this agent has not sent event %.60s",
                text);
        }
        return operates;
    }
    bool none = (row.bytes.len > 0 && event_read(buf_slice(&row.bytes), &view, NULL) == 0 &&
                    !view.has_payload) ||
        (row.bytes.len == 0 && row.plain.len == 0);
    outbox_row_free(&row);
    if (none) {
        complain(op->why, E_NOT_FOUND, "event %.60s carries no payload; there is nothing to erase",
            text);
    }
    return !none;
}

static json_t *erasure_json(agent_core_t *self, const struct erasure_row *row);

json_t *op_erase(struct op *op)
{
    agent_core_t *self = op->core;
    struct erasure_row want = {.asked_ms = agent_wall(self)};
    struct erasure_row kept;

    if (!op_id(op, "event", true, want.event, NULL)) {
        return NULL;
    }
    while (store_renamed(self->store, want.event, want.event)) {
    }
    bool known =
        store_erasure(self->store, want.event, &kept) == 0 && kept.state != ERASURE_REFUSED;
    if (!read_reason(op, &want.reason) || (!known && !is_ours_to_ask(op, want.event))) {
        return NULL;
    }
    agent_copy_text(want.by, sizeof want.by, self->options.agent);
    store_begin(self->store);
    store_erasure_want(self->store, &want);
    erasing_unsent(self, want.event);
    if (agent_commit(self) != 0 || store_erasure(self->store, want.event, &kept) != 0) {
        complain(op->why, E_IO, "the agent's database cannot be written");
        return NULL;
    }
    self->erase_wanted = true;
    erasing_pump(self);
    return erasure_json(self, &kept);
}

/* ---- listing ---- */

static void add_holder(void *context, const struct holder_row *row)
{
    json_t *json = json_pack("{s:s}", "agent", row->agent);

    json_put_stamp(json, "done", row->done_ms);
    json_array_append_new(context, json);
}

static json_t *erasure_json(agent_core_t *self, const struct erasure_row *row)
{
    json_t *holders = json_array();
    bool complete = row->state == ERASURE_ORDERED && row->done == row->holders;

    store_holders(self->store, row->event, add_holder, holders);
    json_t *json = json_pack("{s:o, s:s, s:s, s:s, s:o, s:o}", "event", json_id(row->event),
        "state", complete ? "complete" : state_words[row->state & 3], "reason",
        reason_words[row->reason < REASONS ? row->reason : 0], "by", row->by, "asked",
        json_stamp(row->asked_ms), "holders", holders);
    assert(json != NULL);
    if (row->error_code != 0) {
        json_object_set_new(json, "name", json_string(err_name(row->error_code)));
        json_object_set_new(json, "error", json_string(err_text(row->error_code)));
    }
    return json;
}

/* Rows first: their pieces need the same statements. */
struct erasure_list {
    struct erasure_row *rows;
    size_t count, room;
};

static void collect(void *context, const struct erasure_row *row)
{
    struct erasure_list *self = context;

    if (self->count < self->room) {
        self->rows[self->count++] = *row;
    }
}

json_t *op_erasures(struct op *op)
{
    agent_core_t *self = op->core;
    struct erasure_list list = {.room = AGENT_LIST_MAX};
    json_t *rows = json_array();

    list.rows = mem_new(list.room, sizeof *list.rows);
    store_erasures(self->store, !op_flag(op, "all"), collect, &list);
    for (size_t i = 0; i < list.count; i++) {
        json_array_append_new(rows, erasure_json(self, &list.rows[i]));
    }
    free(list.rows);
    return json_pack("{s:o}", "erasures", rows);
}

/* ---- what is due ---- */

struct due_answer {
    agent_core_t *core;
    json_t *rows;
};

static void add_due(void *context, const struct due_row *row, bool held_back)
{
    struct due_answer *self = context;
    int32_t days = register_retention_days(self->core->book, row->kind);

    json_array_append_new(self->rows,
        json_pack("{s:o, s:o, s:s, s:o, s:i, s:o, s:b}", "event", json_id(row->event), "transfer",
            json_id(row->transfer), "kind", kind_word(row->kind), "accepted",
            json_stamp(row->accepted_ms), "days", (int)days, "due",
            json_stamp(row->accepted_ms + days * AGENT_DAY_MS), "held_back", held_back));
}

static json_t *schedule_json(agent_core_t *self)
{
    json_t *list = json_array();

    for (uint32_t i = 1; i <= catalogue_kind_count(); i++) {
        const struct kind_info *kind = catalogue_kind(i);
        int32_t days = kind == NULL ? -1 : register_retention_days(self->book, i);
        if (days >= 0) {
            json_array_append_new(
                list, json_pack("{s:s, s:i}", "kind", kind->name, "days", (int)days));
        }
    }
    return list;
}

json_t *op_erasures_due(struct op *op)
{
    agent_core_t *self = op->core;
    struct due_answer answer = {self, NULL};

    if (self->book == NULL) {
        complain(
            op->why, E_STATE, "there is no register yet: the agent has not reached the broker");
        return NULL;
    }
    answer.rows = json_array();
    erasing_due(self, add_due, &answer);
    return json_pack("{s:o, s:o, s:b}", "schedule", schedule_json(self), "due", answer.rows,
        "standing", self->options.erase_due);
}
