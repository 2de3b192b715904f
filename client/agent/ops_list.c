/* ops_list: outbox, inbox, one event, opening it, transfers, and the file that proves an
 * acceptance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent/draft.h"
#include "client/agent/ops.h"
#include "client/agent/store_evidence.h"
#include "common/base/check.h"
#include "common/base/words.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

static const char *const outbox_words[] = {"waiting", "sent", "accepted", "refused"};
static const char *const receiver_words[] = {"none", "pending", "done", "failing"};

enum { OUTBOX_STATES = sizeof outbox_words / sizeof outbox_words[0] };
enum { TRANSFERS_LISTED_MAX = 1000 };

/* ---- levels ---- */

json_t *level_json(const struct level_row *row)
{
    json_t *json =
        json_pack("{s:s, s:i, s:s, s:o, s:s}", "code", row->code, "level", (int)row->level, "word",
            level_word(row->level), "at", json_stamp(row->at_ms), "agent", row->agent);

    assert(json != NULL);
    if (row->role != 0) {
        json_object_set_new(json, "role", json_string(enum_word("person_role", row->role)));
    }
    if (row->team[0] != '\0') {
        json_object_set_new(json, "team", json_string(row->team));
    }
    if (row->code_err != 0 && row->code_err < INT32_MAX) {
        json_object_set_new(json, "fault", json_string(err_name(-(int)row->code_err)));
    }
    return json;
}

static void add_level(void *context, const struct level_row *row)
{
    json_array_append_new(context, level_json(row));
}

json_t *levels_json(agent_core_t *self, const uint8_t *event)
{
    json_t *list = json_array();

    store_levels(self->store, event, add_level, list);
    return list;
}

/* ---- outbox ---- */

struct listing {
    agent_core_t *core;
    json_t *rows;
};

static json_t *recipients_json(agent_core_t *self, const uint8_t *event)
{
    struct recipient_row rows[RECIPIENTS_MAX];
    size_t count = store_outbox_recipients(self->store, event, rows);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        int64_t at_ms = 0;
        enum level level = store_level_of(self->store, event, rows[i].code, &at_ms);
        json_t *row = json_pack("{s:s, s:i, s:s}", "code", rows[i].code, "level", (int)level,
            "word", level_word(level));
        json_put_stamp(row, "at", at_ms);
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *outbox_json(agent_core_t *self, const struct outbox_row *row)
{
    json_t *json = json_pack("{s:o, s:I, s:s, s:s, s:o, s:o, s:s, s:o}", "event",
        json_id(row->event), "number", (json_int_t)row->position, "kind", kind_word(row->kind),
        "title", kind_title(row->kind), "transfer", json_id(row->transfer), "to",
        recipients_json(self, row->event), "state", outbox_words[row->state], "created",
        json_stamp(row->created_ms));

    assert(json != NULL);
    json_put_stamp(json, "sent", row->sent_ms);
    json_put_stamp(json, "accepted", row->accepted_ms);
    if (row->error_code != 0) {
        json_t *text = json_string(row->error);
        json_object_set_new(
            json, "error", text != NULL ? text : json_string(err_text(row->error_code)));
        json_object_set_new(json, "name", json_string(err_name(row->error_code)));
    }
    put_judgement(self, row->event, json);
    json_t *notices = notices_json(self, row->event);
    if (json_array_size(notices) > 0) {
        json_object_set(json, "notices", notices);
    }
    json_decref(notices);
    return json;
}

/* Rows are collected first: the pieces of each one need the same statements. */
struct collected {
    size_t count;
    size_t room;
    struct outbox_row *rows;
};

static void collect(void *context, const struct outbox_row *row)
{
    struct collected *self = context;

    if (self->count < self->room) {
        self->rows[self->count++] = *row; /* holds no blobs */
    }
}

static void list_outbox(agent_core_t *self, int state, const uint8_t *transfer, int64_t before,
    size_t limit, json_t *into)
{
    struct collected found = {.room = limit};

    found.rows = mem_new(limit, sizeof *found.rows);
    store_outbox_list(self->store, state, transfer, before, limit, collect, &found);
    for (size_t i = 0; i < found.count; i++) {
        json_array_append_new(into, outbox_json(self, &found.rows[i]));
    }
    free(found.rows);
}

/* A row's number, or the id of an event. */
static bool outbox_before(struct op *op, int64_t *out)
{
    const char *text = json_string_value(json_object_get(op->request, "before"));
    uint8_t event[UUID_BYTES];

    if (text == NULL || uuid_parse(text, event) != 0) {
        return op_number(op, "before", INT64_MAX, INT64_MAX, out);
    }
    *out = store_outbox_position(op->core->store, event);
    if (*out == 0) {
        complain(op->why, E_NOT_FOUND, "before: this agent has not sent event %.60s", text);
    }
    return *out != 0;
}

json_t *op_outbox(struct op *op)
{
    const char *state = op_text(op, "state", false);
    int number = -1;
    int64_t limit;
    int64_t before;

    if (op->why->rc != 0 || !op_number(op, "limit", AGENT_LIST_DEFAULT, AGENT_LIST_MAX, &limit) ||
        !outbox_before(op, &before)) {
        return NULL;
    }
    for (int i = 0; state != NULL && i < OUTBOX_STATES; i++) {
        number = strcmp(outbox_words[i], state) == 0 ? i : number;
    }
    if (state != NULL && number < 0) {
        const char *near = words_nearest_of(state, outbox_words, OUTBOX_STATES);
        complain(op->why, E_USAGE, "state %.40s is none of waiting, sent, accepted, refused%s%s",
            state, near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
        return NULL;
    }
    json_t *rows = json_array();
    list_outbox(op->core, number, NULL, before, (size_t)limit, rows);
    return json_pack("{s:o}", "events", rows);
}

/* ---- inbox ---- */

static json_t *inbox_json(const struct inbox_row *row)
{
    json_t *json = json_pack("{s:o, s:I, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:s}", "event",
        json_id(row->event), "number", (json_int_t)row->position, "kind", kind_word(row->kind),
        "title", kind_title(row->kind), "from", row->from, "transfer", json_id(row->transfer),
        "sent", json_stamp(row->sent_ms), "accepted", json_stamp(row->accepted_ms), "persisted",
        json_stamp(row->persisted_ms), "receiver", receiver_words[row->receiver & 3], "verdict",
        verdict_word(row->verdict));

    assert(json != NULL);
    json_put_stamp(json, "opened", row->opened_ms);
    if (row->fault != 0) {
        json_object_set_new(json, "fault", json_string(err_name(row->fault)));
    }
    return json;
}

static void add_inbox_row(void *context, const struct inbox_row *row)
{
    json_array_append_new(context, inbox_json(row));
}

/* What the rules made of each: asked when the list is read, its statement serves one question at a time. */
static void add_judgements(agent_core_t *self, json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        uint8_t event[UUID_BYTES];
        if (uuid_parse(json_string_value(json_object_get(row, "event")), event) == 0) {
            put_judgement(self, event, row);
        }
    }
}

json_t *op_inbox(struct op *op)
{
    struct inbox_filter filter = {.unopened = op_flag(op, "unopened")};
    struct transfer_row transfer;
    const char *kind = op_text(op, "kind", false);
    int64_t limit;

    if (op->why->rc != 0 || !op_number(op, "limit", AGENT_LIST_DEFAULT, AGENT_LIST_MAX, &limit) ||
        !op_number(op, "before", INT64_MAX, INT64_MAX, &filter.before)) {
        return NULL;
    }
    if (kind != NULL) {
        const struct kind_info *info = catalogue_kind_named(kind);
        if (info == NULL) {
            const char *near = catalogue_kind_nearest(kind);
            complain(op->why, E_KIND, "there is no kind %.40s%s%s", kind,
                near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
            return NULL;
        }
        filter.kind = info->number;
    }
    if (json_object_get(op->request, "transfer") != NULL) {
        if (!op_transfer_row(op, "transfer", &transfer)) {
            return NULL;
        }
        filter.transfer = transfer.transfer;
    }
    filter.limit = (size_t)limit;
    json_t *rows = json_array();
    store_inbox_list(op->core->store, &filter, add_inbox_row, rows);
    add_judgements(op->core, rows);
    return json_pack("{s:o}", "events", rows);
}

/* ---- one event ---- */

/* An event that is not frozen yet, as far as it is known: without numbers and its sealed part. */
static bool draft_bytes(agent_core_t *self, const struct outbox_row *row, struct buf *out)
{
    struct draft draft;
    struct buf header = {0};
    struct buf facts = {0};

    if (draft_read(buf_slice(&row->draft), &draft, NULL) != 0) {
        return false;
    }
    struct event_view *head = &draft.event.head;
    memcpy(head->id, row->event, UUID_BYTES);
    head->incarnation = self->identity.incarnation;
    head->sequence = 1;
    head->sent_ms = row->created_ms;
    for (size_t i = 0; i < head->recipient_count; i++) {
        head->to[i].n = 1;
    }
    bool good = event_encode(&draft.event, &header, &facts, NULL) == 0;
    if (good) {
        event_join(buf_slice(&header), buf_slice(&facts), NULL, out);
    }
    buf_free(&header);
    buf_free(&facts);
    draft_free(&draft);
    return good;
}

bool outbox_event_bytes(agent_core_t *self, const struct outbox_row *row, struct buf *out)
{
    if (row->bytes.len == 0) {
        return draft_bytes(self, row, out);
    }
    buf_put_slice(out, buf_slice(&row->bytes));
    return true;
}

json_t *outbox_event_json(agent_core_t *self, const struct outbox_row *row)
{
    struct buf bytes = {0};
    struct event_view view;
    json_t *json = NULL;

    if (outbox_event_bytes(self, row, &bytes) && event_read(buf_slice(&bytes), &view, NULL) == 0) {
        json = event_json(&view);
    }
    if (json != NULL && row->bytes.len == 0) {
        json_object_del(json, "sequence"); /* has none yet */
    }
    buf_free(&bytes);
    return json;
}

static json_t *receipt_json(agent_core_t *self, const struct outbox_row *row)
{
    struct batch_row batch = {0};
    json_t *json = NULL;

    if (row->state != OUTBOX_ACCEPTED) {
        return NULL;
    }
    if (row->batch == 0 || store_batch(self->store, row->batch, &batch) != 0) {
        return json_pack("{s:o, s:b}", "accepted", json_stamp(row->accepted_ms), "proved", 0);
    }
    json = json_pack("{s:I, s:o, s:I, s:I, s:b}", "leaf_index", (json_int_t)batch.leaf_index,
        "accepted", json_stamp(batch.accepted_ms), "first_sequence", (json_int_t)batch.first,
        "count", (json_int_t)batch.count, "proved", batch.receipt.len > 0);
    batch_row_free(&batch);
    return json;
}

static json_t *show_own(struct op *op, const uint8_t *event)
{
    agent_core_t *self = op->core;
    struct outbox_row row;
    json_t *payload = NULL;

    if (store_outbox(self->store, event, &row) != 0) {
        return NULL;
    }
    json_t *answer = outbox_json(self, &row);
    json_t *body = outbox_event_json(self, &row);
    json_object_set_new(answer, "event", body != NULL ? body : json_null());
    json_object_set_new(answer, "id", json_id(row.event));
    json_object_set_new(answer, "direction", json_string("out"));
    json_object_set_new(answer, "receipts", levels_json(self, row.event));
    json_object_set_new(answer, "notices", notices_json(self, row.event));
    json_t *receipt = receipt_json(self, &row);
    if (receipt != NULL) {
        json_object_set_new(answer, "receipt", receipt);
    }
    if (open_own(self, &row, &payload) == 0) {
        json_object_set_new(answer, "payload", payload);
    } else if (store_destroyed(self->store, row.event)) {
        json_object_set_new(answer, "erased", json_true());
    }
    outbox_row_free(&row);
    return answer;
}

static json_t *show_received(struct op *op, const uint8_t *event)
{
    agent_core_t *self = op->core;
    struct inbox_row row;
    struct event_view view;
    json_t *payload = NULL;

    if (store_inbox(self->store, event, &row) != 0) {
        return NULL;
    }
    json_t *answer = inbox_json(&row);
    bool read = event_read(buf_slice(&row.bytes), &view, NULL) == 0;
    json_object_set_new(answer, "event", read ? event_json(&view) : json_null());
    json_object_set_new(answer, "id", json_id(row.event));
    json_object_set_new(answer, "direction", json_string("in"));
    json_object_set_new(answer, "signer", json_string(row.signer));
    json_object_set_new(answer, "receipts", levels_json(self, row.event));
    json_object_set_new(answer, "notices", notices_json(self, row.event));
    if (row.payload_absent == PAYLOAD_ABSENT_ERASED) {
        json_object_set_new(answer, "erased", json_true());
    } else if (row.opened_ms != 0 && open_received(self, &row, &payload) == 0) {
        json_object_set_new(answer, "payload", payload);
    } else if (read && view.has_payload) {
        json_object_set_new(answer, "sealed", json_true());
    }
    inbox_row_free(&row);
    return answer;
}

/* The id of the request, followed through renames after a restore. */
static bool event_id(struct op *op, uint8_t *event)
{
    if (!op_id(op, "event", true, event, NULL)) {
        return false;
    }
    while (store_renamed(op->core->store, event, event)) {
    }
    return true;
}

static void not_found(struct op *op)
{
    complain(op->why, E_NOT_FOUND, "this agent has no event %.60s",
        json_string_value(json_object_get(op->request, "event")));
}

json_t *op_show(struct op *op)
{
    uint8_t event[UUID_BYTES];

    if (!event_id(op, event)) {
        return NULL;
    }
    json_t *answer = show_own(op, event);
    if (answer == NULL) {
        answer = show_received(op, event);
    }
    if (answer == NULL) {
        not_found(op);
    }
    return answer;
}

/* ---- opening (A2) ---- */

static bool read_opener(struct op *op, uint32_t *role, const char **team)
{
    const char *word = op_text(op, "role", true);

    *team = "";
    if (word == NULL) {
        return false;
    }
    if (enum_number("person_role", word, role) != 0) {
        const char *near = enum_nearest("person_role", word);
        complain(op->why, E_FACT_VALUE, "role %.40s is not known%s%s", word,
            near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
        return false;
    }
    const char *given = op_text(op, "team", false);
    if (given != NULL && strlen(given) > AGENT_TEAM_BYTES_MAX) {
        complain(op->why, E_RANGE, "team has at most %d bytes", AGENT_TEAM_BYTES_MAX);
    }
    *team = given == NULL ? "" : given;
    return op->why->rc == 0;
}

static json_t *open_row(struct op *op, const struct inbox_row *row, uint32_t role, const char *team)
{
    agent_core_t *self = op->core;
    int64_t now_ms = agent_wall(self);
    json_t *payload = NULL;
    int rc = open_received(self, row, &payload);

    if (rc != 0 && rc != E_NOT_FOUND) {
        complain(op->why, rc,
            "the sealed part cannot be opened; the sender has been told to send it again");
        return NULL;
    }
    store_begin(self->store);
    store_inbox_opened(self->store, row->event, now_ms);
    agent_count(self, AGENT_OPENINGS);
    if (store_opening_add(self->store, row->event, role, team, now_ms)) {
        self->ack_wanted = true;
    }
    if (agent_commit(self) != 0) {
        json_decref(payload);
        complain(op->why, E_IO, "the opening could not be written; try again");
        return NULL;
    }
    return json_pack("{s:o, s:o, s:o}", "event", json_id(row->event), "payload",
        payload != NULL ? payload : json_null(), "opened",
        json_stamp(row->opened_ms != 0 ? row->opened_ms : now_ms));
}

json_t *op_open(struct op *op)
{
    uint8_t event[UUID_BYTES];
    struct inbox_row row;
    uint32_t role = 0;
    const char *team = "";

    if (!event_id(op, event) || !read_opener(op, &role, &team)) {
        return NULL;
    }
    if (book_own_code(op->core)[0] == '\0') {
        complain(op->why, E_NOT_ALLOWED, "a hub sees facts only; nothing is there to open");
        return NULL;
    }
    if (store_inbox(op->core->store, event, &row) != 0) {
        not_found(op);
        return NULL;
    }
    json_t *answer = open_row(op, &row, role, team);
    if (answer != NULL && row.payload_absent == PAYLOAD_ABSENT_ERASED) {
        json_object_set_new(answer, "erased", json_true());
    }
    inbox_row_free(&row);
    return answer;
}

/* ---- transfers ---- */

static json_t *transfer_json(const struct transfer_row *row)
{
    return json_pack("{s:o, s:s, s:s, s:s, s:o, s:o}", "transfer", json_id(row->transfer), "label",
        row->label, "origin", row->origin, "receiving", row->receiving, "subjects",
        subjects_json(row), "created", json_stamp(row->created_ms));
}

/* Rows are collected first: their subjects are read while the list is. */
static void add_transfer(void *context, const struct transfer_row *row)
{
    json_t *json = transfer_json(row);

    json_object_set_new(json, "events", json_integer((json_int_t)row->events));
    json_object_set_new(json, "unopened", json_integer((json_int_t)row->unopened));
    json_object_set_new(json, "last", json_stamp(row->last_ms));
    json_array_append_new(context, json);
}

json_t *op_transfers(struct op *op)
{
    json_t *list = json_array();

    store_transfers(op->core->store, TRANSFERS_LISTED_MAX, add_transfer, list);
    return json_pack("{s:o}", "transfers", list);
}

static const char *moment_of(const json_t *row)
{
    static const char *const members[] = {"accepted", "sent", "created"};

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *text = json_string_value(json_object_get(row, members[i]));
        if (text != NULL) {
            return text;
        }
    }
    return "";
}

static const char *event_text(const json_t *row)
{
    const char *text = json_string_value(json_object_get(row, "event"));

    return text != NULL ? text : "";
}

/* Events of one batch are accepted in one moment: their ids rise as they were said. */
static int by_moment(const void *a, const void *b)
{
    int order = strcmp(moment_of(*(json_t *const *)a), moment_of(*(json_t *const *)b));

    return order != 0 ? order
                      : strcmp(event_text(*(json_t *const *)a), event_text(*(json_t *const *)b));
}

/* Both directions in the order of acceptance. */
static json_t *merged(json_t *rows)
{
    size_t count = json_array_size(rows);
    json_t **pointers = mem_new(count, sizeof *pointers);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        pointers[i] = json_array_get(rows, i);
    }
    if (count > 1) {
        qsort(pointers, count, sizeof *pointers, by_moment);
    }
    for (size_t i = 0; i < count; i++) {
        json_array_append(list, pointers[i]);
    }
    free(pointers);
    json_decref(rows);
    return list;
}

static void name_direction(json_t *rows, size_t from, const char *direction)
{
    for (size_t i = from; i < json_array_size(rows); i++) {
        json_object_set_new(json_array_get(rows, i), "direction", json_string(direction));
    }
}

/* Facts and notices beside each row: a timeline is read as a whole. */
static void add_bodies(agent_core_t *self, json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        uint8_t event[UUID_BYTES];
        struct outbox_row own;
        struct inbox_row received;
        struct event_view view;
        if (uuid_parse(json_string_value(json_object_get(row, "event")), event) != 0) {
            continue;
        }
        json_t *body = NULL;
        if (store_outbox(self->store, event, &own) == 0) {
            body = outbox_event_json(self, &own);
            outbox_row_free(&own);
        } else if (store_inbox(self->store, event, &received) == 0) {
            body =
                event_read(buf_slice(&received.bytes), &view, NULL) == 0 ? event_json(&view) : NULL;
            inbox_row_free(&received);
        }
        const char *from = json_string_value(json_object_get(body, "from"));
        if (from != NULL) {
            json_object_set_new(row, "from", json_string(from));
        }
        json_object_set_new(row, "body", body != NULL ? body : json_null());
        json_object_set_new(row, "receipts", levels_json(self, event));
        json_object_set_new(row, "notices", notices_json(self, event));
    }
}

json_t *op_transfer(struct op *op)
{
    agent_core_t *self = op->core;
    struct transfer_row transfer;
    json_t *rows = json_array();

    if (!op_transfer_row(op, "transfer", &transfer)) {
        json_decref(rows);
        return NULL;
    }
    struct inbox_filter filter = {
        .transfer = transfer.transfer, .before = INT64_MAX, .limit = AGENT_LIST_MAX};
    list_outbox(self, -1, transfer.transfer, INT64_MAX, AGENT_LIST_MAX, rows);
    size_t own = json_array_size(rows);
    name_direction(rows, 0, "out");
    store_inbox_list(self->store, &filter, add_inbox_row, rows);
    name_direction(rows, own, "in");
    json_t *answer = transfer_json(&transfer);
    rows = merged(rows);
    add_bodies(self, rows);
    json_object_set_new(answer, "events", rows);
    cases_add(op, &transfer, answer);
    return answer;
}

/* ---- the file that proves an acceptance ---- */

struct proof {
    agent_core_t *core;
    struct hash leaves[BATCH_EVENTS_MAX];
    uint32_t count;
};

static bool add_leaf(void *context, struct outbox_row *row)
{
    struct proof *self = context;

    self->leaves[self->count++] =
        hash_event_leaf(self->core->options.network, buf_slice(&row->bytes));
    return self->count < BATCH_EVENTS_MAX;
}

static const uint8_t *head_key_of(const agent_core_t *self, const Waypost__Receipt *receipt)
{
    for (size_t i = 0; self->book != NULL && i < register_broker_count(self->book); i++) {
        const struct register_broker *broker = register_broker_at(self->book, i);
        if (sign_check(SIGN_CONTEXT_HEAD, slice_of_binary(receipt->head->statement),
                slice_of_binary(receipt->head->signature), broker->head_key) == 0) {
            return broker->head_key;
        }
    }
    return NULL;
}

static const uint8_t *sign_key_of(const agent_core_t *self, const Waypost__BatchStatement *said)
{
    const struct register_key *key = self->me == NULL || said->key_id.len != KEY_ID_BYTES
        ? NULL
        : register_key_of(self->me, REGISTER_KEY_SIGN, said->key_id.data);

    return key == NULL ? NULL : key->key;
}

static void encode_file(agent_core_t *self, const struct outbox_row *row,
    const struct batch_row *batch, Waypost__ReceiptFile *file, struct buf *out)
{
    struct proof *proof = mem_new(1, sizeof *proof);
    struct merkle_path path;
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];

    proof->core = self;
    store_outbox_range(
        self->store, batch->incarnation, batch->first, batch->count, add_leaf, proof);
    file->index = (uint32_t)(row->sequence - batch->first);
    if (proof->count == batch->count && file->index < batch->count) {
        merkle_path(proof->leaves, proof->count, file->index, &path);
        for (uint32_t i = 0; i < path.count; i++) {
            steps[i] = binary_of(slice_of(path.step[i].b, HASH_BYTES));
        }
        file->n_path = path.count;
        file->path = steps;
        message_encode(&file->base, out);
        file->path = NULL; /* the steps end here */
        file->n_path = 0;
    }
    free(proof);
}

static json_t *make_proof(
    struct op *op, const struct outbox_row *row, const struct batch_row *batch)
{
    agent_core_t *self = op->core;
    Waypost__ReceiptFile file = WAYPOST__RECEIPT_FILE__INIT;
    Waypost__Signed statement = WAYPOST__SIGNED__INIT;
    struct buf out = {0};
    arena_reset(self->inner);
    Waypost__Receipt *receipt =
        message_decode(self->inner, &waypost__receipt__descriptor, buf_slice(&batch->receipt));
    const Waypost__BatchStatement *said = message_decode(
        self->inner, &waypost__batch_statement__descriptor, buf_slice(&batch->statement));
    const uint8_t *head_key = receipt == NULL ? NULL : head_key_of(self, receipt);
    const uint8_t *sign_key = said == NULL ? NULL : sign_key_of(self, said);

    if (head_key == NULL || sign_key == NULL) {
        complain(op->why, E_KEY,
            "the register no longer holds the keys that this receipt was signed with");
        return NULL;
    }
    file.magic = UINT32_C(0x52505957);
    file.network = (char *)(uintptr_t)self->options.network;
    file.event = binary_of(buf_slice(&row->bytes));
    statement.statement = binary_of(buf_slice(&batch->statement));
    statement.signature = binary_of(buf_slice(&batch->signature));
    file.batch = &statement;
    file.receipt = receipt;
    file.sign_key = binary_of(slice_of(sign_key, SIGN_PUBLIC_BYTES));
    file.head_key = binary_of(slice_of(head_key, SIGN_PUBLIC_BYTES));
    file.has_register_version = true;
    file.register_version = register_version(self->book);
    encode_file(self, row, batch, &file, &out);
    char *text = mem_new(2 * out.len + 1, 1);
    hex_encode(out.data, out.len, text);
    json_t *answer = json_pack("{s:o, s:s}", "event", json_id(row->event), "receipt", text);
    free(text);
    buf_free(&out);
    return answer;
}

json_t *op_receipt(struct op *op)
{
    uint8_t event[UUID_BYTES];
    struct outbox_row row;
    struct batch_row batch = {0};
    json_t *answer = NULL;

    if (!event_id(op, event)) {
        return NULL;
    }
    if (store_outbox(op->core->store, event, &row) != 0) {
        not_found(op);
        return NULL;
    }
    if (row.state != OUTBOX_ACCEPTED) {
        complain(op->why, E_STATE, "the event is %s, not accepted: there is no receipt yet",
            outbox_words[row.state]);
    } else if (row.batch == 0 || store_batch(op->core->store, row.batch, &batch) != 0 ||
        batch.receipt.len == 0) {
        complain(op->why, E_NOT_FOUND,
            "the event was fetched back after a restore: its receipt was lost with the old "
            "database");
    } else {
        answer = make_proof(op, &row, &batch);
    }
    batch_row_free(&batch);
    outbox_row_free(&row);
    return answer;
}
