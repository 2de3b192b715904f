/*
 * bundling: everything about one transfer that this agent can prove, as one file (common/codec/bundle.h,
 * docs/EVIDENCE.md): registers, events with their senders' signatures, receipts, acknowledgements, what the broker
 * derived, and the transfer's story as it stands here. The broker is first asked where each record stands in its newest
 * head; what it does not answer in time, or where it cannot be reached, is in the bundle without that proof. One is
 * made at a time; it is handed out in pages. Labels and names that are kept here only are left out.
 */
#include "client/agent/bundling.h"

#include <stdlib.h>
#include <string.h>

#include "client/agent/ops.h"
#include "common/base/check.h"
#include "common/codec/bundle.h"
#include "common/crypto/sign.h"
#include "common/journal/record.h"
#include "common/record/derived.h"

#include "common/base/banned.h"

enum { LEAVES_MAX = 4096, PAGE_BYTES = 524288 };

/* A record whose place is asked for. */
struct wanted {
    uint64_t leaf_index;
    bool proven;
    struct merkle_path path;
};

struct bundling {
    uint64_t client; /* who waits */
    bool asking;     /* the answers are not all here */
    uint8_t transfer[UUID_BYTES];
    json_t *story; /* owned */
    int64_t deadline_ms;
    uint64_t head_request;  /* the first question: the newest head; 0 when it is here */
    uint64_t first_request; /* of the wanted ones, in order; 0 before they are asked */
    size_t open;            /* answers that are missing */
    struct seen_head head;  /* size 0: none */
    struct wanted *wanted;  /* owned, rising */
    size_t wanted_count;
    struct buf bytes; /* the file, once it is made */
};

void bundling_free(agent_core_t *self)
{
    struct bundling *bundling = self->bundling;

    if (bundling != NULL) {
        json_decref(bundling->story);
        free(bundling->wanted);
        buf_free(&bundling->bytes);
        free(bundling);
        self->bundling = NULL;
    }
}

/* ---- what is to be proved ---- */

static void want(struct bundling *self, uint64_t leaf_index)
{
    size_t at = self->wanted_count;

    while (at > 0 && self->wanted[at - 1].leaf_index >= leaf_index) {
        at--;
    }
    if ((at < self->wanted_count && self->wanted[at].leaf_index == leaf_index) ||
        self->wanted_count == LEAVES_MAX) {
        return;
    }
    memmove(&self->wanted[at + 1], &self->wanted[at],
        (self->wanted_count - at) * sizeof self->wanted[0]);
    self->wanted[at] = (struct wanted){.leaf_index = leaf_index};
    self->wanted_count++;
}

static const struct wanted *wanted_of(const struct bundling *self, uint64_t leaf_index)
{
    for (size_t i = 0; i < self->wanted_count; i++) {
        if (self->wanted[i].leaf_index == leaf_index) {
            return &self->wanted[i];
        }
    }
    return NULL;
}

static void want_record(void *context, const struct record_row *row)
{
    want(context, row->leaf_index);
}

static void want_events(agent_core_t *self, struct bundling *bundling)
{
    uint64_t *leaves = mem_new(LEAVES_MAX, sizeof *leaves);
    size_t count = store_transfer_leaves(self->store, bundling->transfer, leaves, LEAVES_MAX);

    for (size_t i = 0; i < count; i++) {
        want(bundling, leaves[i]);
    }
    free(leaves);
    store_transfer_records(self->store, bundling->transfer, want_record, bundling);
}

static void ask(agent_core_t *self, uint64_t size, bool inclusion, uint64_t number)
{
    Waypost__Prove prove = WAYPOST__PROVE__INIT;
    Waypost__Frame frame = WAYPOST__FRAME__INIT;

    prove.request = ++self->last_request;
    prove.size = size;
    prove.has_leaf_index = inclusion;
    prove.leaf_index = number;
    prove.has_from_size = !inclusion;
    prove.from_size = number;
    frame.body_case = WAYPOST__FRAME__BODY_PROVE;
    frame.prove = &prove;
    (void)agent_send(self, &frame);
}

/* ---- writing ---- */

static void put_message(struct bundle_writer *out, enum bundle_type type, ProtobufCMessage *message)
{
    struct buf bytes = {0};

    message_encode(message, &bytes);
    if (bytes.len <= BUNDLE_SECTION_BYTES_MAX) {
        bundle_put(out, type, buf_slice(&bytes));
    }
    buf_free(&bytes);
}

static void put_head(agent_core_t *self, const struct bundling *bundling, struct bundle_writer *out)
{
    Waypost__BundleHead head = WAYPOST__BUNDLE_HEAD__INIT;
    Waypost__Signed message = WAYPOST__SIGNED__INIT;

    head.network = (char *)(uintptr_t)self->options.network;
    head.transfer = binary_of(slice_of(bundling->transfer, UUID_BYTES));
    head.made_ms = agent_wall(self);
    head.agent = (char *)(uintptr_t)self->options.agent;
    if (bundling->head.size > 0) {
        message.statement =
            binary_of(slice_of(bundling->head.statement, bundling->head.statement_len));
        message.signature = binary_of(slice_of(bundling->head.signature, SIGNATURE_BYTES));
        head.head = &message;
    }
    put_message(out, BUNDLE_HEAD, &head.base);
}

static void put_register(void *context, struct slice bytes)
{
    bundle_put(context, BUNDLE_REGISTER, bytes);
}

/* The path of a record in the bundle's head, as steps; how many. */
static size_t steps_of(
    const struct bundling *self, uint64_t leaf_index, bool *proven, ProtobufCBinaryData *steps)
{
    const struct wanted *wanted = wanted_of(self, leaf_index);

    *proven = wanted != NULL && wanted->proven;
    for (uint32_t i = 0; *proven && i < wanted->path.count; i++) {
        steps[i] = binary_of(slice_of(wanted->path.step[i].b, HASH_BYTES));
    }
    return *proven ? wanted->path.count : 0;
}

static void fill_path(struct slice path, ProtobufCBinaryData *steps, size_t *count)
{
    *count = 0;
    for (size_t at = 0; at + HASH_BYTES <= path.len && *count < MERKLE_PATH_MAX; at += HASH_BYTES) {
        steps[(*count)++] = binary_of(slice_of(path.data + at, HASH_BYTES));
    }
}

struct writing {
    agent_core_t *core;
    struct bundling *bundling;
    struct bundle_writer out;
};

static void put_received(void *context, const struct inbox_row *row)
{
    struct writing *self = context;
    struct evidence_row evidence = {0};
    Waypost__BundleEvent event = WAYPOST__BUNDLE_EVENT__INIT;
    Waypost__Signed batch = WAYPOST__SIGNED__INIT;
    ProtobufCBinaryData path[MERKLE_PATH_MAX];
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];
    bool proven;

    if (row->fault != 0 || store_evidence(self->core->store, row->evidence, &evidence) != 0) {
        return;
    }
    batch.statement = binary_of(buf_slice(&evidence.statement));
    batch.signature = binary_of(buf_slice(&evidence.signature));
    event.event = binary_of(buf_slice(&row->bytes));
    event.batch = &batch;
    event.index = row->leaf;
    fill_path(buf_slice(&row->path), path, &event.n_path);
    event.path = path;
    event.leaf_index = evidence.leaf_index;
    event.accepted_ms = evidence.accepted_ms;
    event.n_record_path = steps_of(self->bundling, evidence.leaf_index, &proven, steps);
    event.record_path = steps;
    event.proven = proven;
    event.has_verdict = true;
    event.verdict = row->verdict;
    event.has_persisted_ms = true;
    event.persisted_ms = row->persisted_ms;
    event.has_opened_ms = row->opened_ms != 0;
    event.opened_ms = row->opened_ms;
    event.has_erased = event.erased = row->payload_absent == PAYLOAD_ABSENT_ERASED;
    put_message(&self->out, BUNDLE_EVENT, &event.base);
    buf_free(&evidence.statement);
    buf_free(&evidence.signature);
}

/* ---- our own events ---- */

struct own_leaves {
    const char *network;
    struct hash leaves[BATCH_EVENTS_MAX];
    uint32_t count;
};

static bool own_leaf(void *context, struct outbox_row *row)
{
    struct own_leaves *self = context;

    self->leaves[self->count++] = hash_event_leaf(self->network, buf_slice(&row->bytes));
    return self->count < BATCH_EVENTS_MAX;
}

static void put_own_batch(
    struct writing *self, const struct outbox_row *row, const struct batch_row *batch)
{
    agent_core_t *core = self->core;
    struct own_leaves *own = mem_new(1, sizeof *own);
    Waypost__BundleEvent event = WAYPOST__BUNDLE_EVENT__INIT;
    Waypost__Signed signed_batch = WAYPOST__SIGNED__INIT;
    struct merkle_path path = {0};
    ProtobufCBinaryData path_steps[MERKLE_PATH_MAX];
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];
    bool proven;

    own->network = core->options.network;
    store_outbox_range(core->store, row->incarnation, batch->first, batch->count, own_leaf, own);
    event.index = (uint32_t)(row->sequence - batch->first);
    if (own->count == batch->count && event.index < own->count) {
        merkle_path(own->leaves, own->count, event.index, &path);
    }
    for (uint32_t i = 0; i < path.count; i++) {
        path_steps[i] = binary_of(slice_of(path.step[i].b, HASH_BYTES));
    }
    signed_batch.statement = binary_of(buf_slice(&batch->statement));
    signed_batch.signature = binary_of(buf_slice(&batch->signature));
    event.event = binary_of(buf_slice(&row->bytes));
    event.batch = &signed_batch;
    event.n_path = path.count;
    event.path = path_steps;
    event.leaf_index = batch->leaf_index;
    event.accepted_ms = batch->accepted_ms;
    event.n_record_path = steps_of(self->bundling, batch->leaf_index, &proven, steps);
    event.record_path = steps;
    event.proven = proven;
    event.receipt =
        message_decode(core->inner, &waypost__receipt__descriptor, buf_slice(&batch->receipt));
    event.has_erased = event.erased = store_destroyed(core->store, row->event);
    put_message(&self->out, BUNDLE_EVENT, &event.base);
    arena_reset(core->inner);
    free(own);
}

static void put_own(struct writing *self, const uint8_t *event)
{
    struct outbox_row row;
    struct batch_row batch = {0};

    if (store_outbox(self->core->store, event, &row) != 0) {
        return;
    }
    if (row.state == OUTBOX_ACCEPTED && row.batch != 0 &&
        store_batch(self->core->store, row.batch, &batch) == 0) {
        put_own_batch(self, &row, &batch);
    }
    batch_row_free(&batch);
    outbox_row_free(&row);
}

struct ids {
    uint8_t (*at)[UUID_BYTES];
    size_t count;
};

static void note_own(void *context, const struct outbox_row *row)
{
    struct ids *self = context;

    memcpy(self->at[self->count++], row->event, UUID_BYTES);
}

static void put_all_own(struct writing *self)
{
    struct ids ids = {.at = mem_new(AGENT_LIST_MAX, UUID_BYTES)};

    store_outbox_list(self->core->store, OUTBOX_ACCEPTED, self->bundling->transfer, INT64_MAX,
        AGENT_LIST_MAX, note_own, &ids);
    for (size_t i = ids.count; i > 0; i--) {
        put_own(self, ids.at[i - 1]);
    }
    free(ids.at);
}

/* ---- what others signed, what was derived ---- */

static void put_ack(void *context, const struct ack_row *row)
{
    struct writing *self = context;
    Waypost__BundleAck ack = WAYPOST__BUNDLE_ACK__INIT;
    Waypost__AckEntry entry = WAYPOST__ACK_ENTRY__INIT;
    Waypost__Signed message = WAYPOST__SIGNED__INIT;
    Waypost__AckedEvent event = WAYPOST__ACKED_EVENT__INIT;
    Waypost__AckedEvent *events[] = {&event};

    event.event = binary_of(slice_of(row->event, UUID_BYTES));
    event.level = (uint32_t)row->level.level;
    event.at_ms = row->level.at_ms;
    event.has_role = row->level.role != 0;
    event.role = (Waypost__PersonRole)row->level.role;
    event.team = row->level.team[0] == '\0' ? NULL : (char *)(uintptr_t)row->level.team;
    event.has_code_err = row->level.code_err != 0;
    event.code_err = row->level.code_err;
    message.statement = binary_of(row->statement);
    message.signature = binary_of(row->signature);
    entry.agent = (char *)(uintptr_t)row->level.agent;
    entry.code = (char *)(uintptr_t)row->level.code;
    entry.n_events = 1;
    entry.events = events;
    entry.ack = &message;
    entry.leaf_index = row->leaf_index;
    ack.ack = &entry;
    put_message(&self->out, BUNDLE_ACK, &ack.base);
}

static bool body_stands(const struct bundling *self, const char *network,
    const struct record_row *row, struct slice body)
{
    const struct wanted *wanted = wanted_of(self, row->leaf_index);
    struct record record = {.type = RECORD_DERIVED,
        .sequence = row->leaf_index,
        .time_ms = row->recorded_ms,
        .body = body};
    struct hash leaf = record_leaf(network, &record);

    return wanted != NULL && wanted->proven &&
        merkle_check(&leaf, row->leaf_index, self->head.size, &wanted->path, &self->head.root) == 0;
}

/* Only where all of the record was told here do our bytes lead to the head: alone, or as a group of one. */
static bool record_stands(const struct bundling *self, const char *network,
    const struct record_row *row, struct buf *body)
{
    buf_put_slice(body, row->body);
    if (body_stands(self, network, row, buf_slice(body))) {
        return true;
    }
    struct buf group = {0};
    derived_group_put(&group, row->body);
    bool stands = body_stands(self, network, row, buf_slice(&group));
    if (stands) {
        buf_free(body);
        *body = group;
    } else {
        buf_free(&group);
    }
    return stands;
}

static void put_record(void *context, const struct record_row *row)
{
    struct writing *self = context;
    struct buf body = {0};
    Waypost__BundleRecord record = WAYPOST__BUNDLE_RECORD__INIT;
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];
    bool proven;

    record.leaf_index = row->leaf_index;
    record.recorded_ms = row->recorded_ms;
    if (record_stands(self->bundling, self->core->options.network, row, &body)) {
        record.n_record_path = steps_of(self->bundling, row->leaf_index, &proven, steps);
        record.record_path = steps;
        record.proven = proven;
    }
    record.body = binary_of(buf_slice(&body));
    put_message(&self->out, BUNDLE_RECORD, &record.base);
    buf_free(&body);
}

/* What is kept here only, and was given to nobody: labels of transfers and children. */
static void strip_labels(json_t *json)
{
    const char *name;
    void *next;
    json_t *value;
    size_t i;

    if (json_is_object(json)) {
        json_t *ref = json_object_get(json, "ref");
        json_object_del(json, "label");
        if (ref != NULL && json_object_get(json, "case_type") != NULL) {
            json_object_del(json, "name");
        }
        if (ref != NULL && json_object_get(json, "child") != NULL) {
            json_object_set(json, "child", ref);
        }
        json_object_foreach_safe(json, next, name, value)
        {
            strip_labels(value);
        }
    } else if (json_is_array(json)) {
        json_array_foreach(json, i, value)
        {
            strip_labels(value);
        }
    }
}

static void put_story(struct writing *self)
{
    char *text = json_dumps(self->bundling->story, JSON_COMPACT | JSON_SORT_KEYS);

    if (text != NULL && strlen(text) <= BUNDLE_SECTION_BYTES_MAX) {
        bundle_put(&self->out, BUNDLE_STORY, slice_of(text, strlen(text)));
    }
    free(text);
}

static void put_end(struct writing *self, const struct keys *keys)
{
    Waypost__BundleEnd end = WAYPOST__BUNDLE_END__INIT;
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t signature[SIGNATURE_BYTES];

    hash_key_id(keys->sign_public, key_id);
    sign_make(
        SIGN_CONTEXT_BUNDLE, slice_of(self->out.chain.b, HASH_BYTES), keys->sign_secret, signature);
    end.key_id = binary_of(slice_of(key_id, sizeof key_id));
    end.signature = binary_of(slice_of(signature, sizeof signature));
    put_message(&self->out, BUNDLE_END, &end.base);
}

static void write_bundle(agent_core_t *self, struct bundling *bundling, const struct keys *keys)
{
    struct writing writing = {.core = self, .bundling = bundling};
    struct inbox_filter filter = {
        .transfer = bundling->transfer, .before = INT64_MAX, .limit = AGENT_LIST_MAX};

    buf_clear(&bundling->bytes);
    bundle_begin(&writing.out, &bundling->bytes);
    put_head(self, bundling, &writing.out);
    store_registers(self->store, put_register, &writing.out);
    put_all_own(&writing);
    store_inbox_list(self->store, &filter, put_received, &writing);
    store_transfer_acks(self->store, bundling->transfer, put_ack, &writing);
    store_transfer_records(self->store, bundling->transfer, put_record, &writing);
    put_story(&writing);
    put_end(&writing, keys);
}

/* ---- the answer ---- */

static json_t *answer_json(const struct bundling *self)
{
    size_t proven = 0;

    for (size_t i = 0; i < self->wanted_count; i++) {
        proven += self->wanted[i].proven ? 1 : 0;
    }
    return json_pack("{s:b, s:I, s:I, s:I}", "ok", 1, "bytes", (json_int_t)self->bytes.len,
        "records", (json_int_t)self->wanted_count, "proven", (json_int_t)proven);
}

static void finish(agent_core_t *self)
{
    struct bundling *bundling = self->bundling;
    const struct keys *keys = book_signing_keys(self);

    bundling->asking = false;
    json_t *answer = NULL;
    if (keys == NULL) {
        answer = ops_error(E_KEY, "no signing key of this agent counts now; the bundle needs one");
    } else {
        write_bundle(self, bundling, keys);
        answer = answer_json(bundling);
    }
    (void)self->ports.answer(self->ports.context, bundling->client, answer);
}

static void ask_all(agent_core_t *self)
{
    struct bundling *bundling = self->bundling;

    bundling->first_request = self->last_request + 1;
    for (size_t i = 0; i < bundling->wanted_count && self->state == SESSION_OPEN; i++) {
        if (bundling->wanted[i].leaf_index < bundling->head.size) {
            ask(self, bundling->head.size, true, bundling->wanted[i].leaf_index);
            bundling->open++;
        } else {
            self->last_request++; /* recorded since: asked for the next time */
        }
    }
    if (bundling->open == 0) {
        finish(self);
    }
}

/* The newest head must extend the one that was proven before, like every other. */
static void take_head(agent_core_t *self, const Waypost__Proof *proof)
{
    struct bundling *bundling = self->bundling;
    struct merkle_path path;
    struct seen_head head;

    bundling->head_request = 0;
    if (book_head(self, proof->head, &head) == 0 && head.size == proof->size &&
        book_path(proof->n_path, proof->path, &path) &&
        merkle_check_consistency(
            self->proven.size, &self->proven.root, head.size, &head.root, &path) == 0) {
        bundling->head = head;
        ask_all(self);
        return;
    }
    finish(self);
}

bool bundling_proof(agent_core_t *self, const Waypost__Proof *proof)
{
    struct bundling *bundling = self->bundling;

    if (bundling == NULL || !bundling->asking) {
        return false;
    }
    if (bundling->head_request != 0 && proof->request == bundling->head_request) {
        take_head(self, proof);
        return true;
    }
    uint64_t at = proof->request - bundling->first_request;
    if (bundling->first_request == 0 || proof->request < bundling->first_request ||
        at >= bundling->wanted_count) {
        return false;
    }
    struct wanted *wanted = &bundling->wanted[at];
    wanted->proven =
        proof->size == bundling->head.size && book_path(proof->n_path, proof->path, &wanted->path);
    if (--bundling->open == 0) {
        finish(self);
    }
    return true;
}

bool bundling_refused(agent_core_t *self, const Waypost__Refused *refused)
{
    struct bundling *bundling = self->bundling;

    if (bundling == NULL || !bundling->asking) {
        return false;
    }
    bool head = bundling->head_request != 0 && refused->request == bundling->head_request;
    bool one = bundling->first_request != 0 && refused->request >= bundling->first_request &&
        refused->request - bundling->first_request < bundling->wanted_count;
    if (head || (one && --bundling->open == 0)) {
        finish(self);
    }
    return head || one;
}

void bundling_tick(agent_core_t *self)
{
    if (self->bundling != NULL && self->bundling->asking &&
        agent_mono(self) >= self->bundling->deadline_ms) {
        finish(self);
    }
}

void bundling_offline(agent_core_t *self)
{
    if (self->bundling != NULL && self->bundling->asking) {
        finish(self);
    }
}

/* ---- requests ---- */

json_t *op_bundle(struct op *op)
{
    agent_core_t *self = op->core;
    struct transfer_row transfer;

    if (!op_transfer_row(op, "transfer", &transfer)) {
        return NULL;
    }
    if (self->bundling != NULL && self->bundling->asking) {
        complain(op->why, E_BUSY, "another bundle is just being made; try again");
        return NULL;
    }
    json_t *story = op_transfer(op);
    if (story == NULL) {
        return NULL;
    }
    strip_labels(story);
    bundling_free(self);
    struct bundling *bundling = mem_new(1, sizeof *bundling);
    self->bundling = bundling;
    bundling->client = op->client;
    bundling->asking = true;
    bundling->story = story;
    bundling->wanted = mem_new(LEAVES_MAX + 1, sizeof *bundling->wanted);
    bundling->deadline_ms = agent_mono(self) + AGENT_REQUEST_TIMEOUT_MS;
    memcpy(bundling->transfer, transfer.transfer, UUID_BYTES);
    want_events(self, bundling);
    if (self->state != SESSION_OPEN || !self->settled || self->proven.size == 0) {
        finish(self);
        return NULL;
    }
    ask(self, 0, false, self->proven.size);
    bundling->head_request = self->last_request;
    return NULL;
}

json_t *op_bundle_page(struct op *op)
{
    agent_core_t *self = op->core;
    const struct bundling *bundling = self->bundling;
    int64_t from;

    if (!op_number(op, "from", 0, BUNDLE_BYTES_MAX, &from)) {
        return NULL;
    }
    if (bundling == NULL || bundling->asking || (size_t)from >= bundling->bytes.len) {
        complain(op->why, E_STATE, "no bundle is ready from there; ask for it with op bundle");
        return NULL;
    }
    size_t len = bundling->bytes.len - (size_t)from;
    len = len < PAGE_BYTES ? len : PAGE_BYTES;
    return json_pack("{s:o, s:I}", "base64", json_bytes(slice_of(bundling->bytes.data + from, len)),
        "bytes", (json_int_t)len);
}
