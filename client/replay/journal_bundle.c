/*
 * journal_bundle: see journal_bundle.h. The journal is walked once; what belongs to the transfer is kept as it comes, and
 * written when the last head is known. Out of memory aborts.
 */
#include "client/replay/journal_bundle.h"

#include <stdlib.h>
#include <string.h>

#include "common/codec/bundle.h"
#include "common/codec/event.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"
#include "common/record/ack.h"
#include "common/record/acked.h"
#include "common/record/derived.h"
#include "common/record/erase.h"
#include "common/record/judged.h"
#include "common/register/register.h"

#include "common/base/banned.h"

enum { ARENA_BYTES = 16777216 };

struct kept_event {
    uint8_t id[UUID_BYTES];
    struct buf bytes, statement, signature;
    struct merkle_path path; /* in its batch */
    uint64_t leaf;
    int64_t accepted_ms;
    uint32_t index;
    uint8_t verdict;
    bool judged; /* a batch that was voided never is, and is left out */
    bool erased;
};

/* A record, or an acknowledgement with the statement that it rests on. */
struct kept_record {
    uint64_t leaf;
    int64_t recorded_ms;
    struct buf body;
};

struct kept_ack {
    struct kept_record said; /* of RECORD_ACK */
    uint8_t event[UUID_BYTES];
    char code[CODE_BYTES + 1];
    char team[FACT_ID_BYTES_MAX + 1];
    struct acked_item level; /* event and team stand above */
};

/* A list that grows; items are moved. */
struct list {
    void *items;
    size_t count, room;
};

struct gathering {
    const uint8_t *transfer;
    char network[NETWORK_NAME_BYTES_MAX + 1];
    arena_t *arena;
    struct list leaves;    /* struct hash, of every record */
    struct list registers; /* struct kept_record: exact bytes in body */
    struct list events;    /* struct kept_event */
    struct list waiting;   /* struct kept_record: RECORD_ACK that took no effect yet */
    struct list acks;      /* struct kept_ack */
    struct list records;   /* struct kept_record */
    const struct record *record;
    const struct kept_record *said; /* of the RECORD_ACKED at hand */
    bool wanted;                    /* the record at hand is about the transfer */
};

static void *list_add(struct list *self, size_t bytes)
{
    if (self->count == self->room) {
        self->room = self->room == 0 ? 64 : self->room * 2;
        void *grown = mem_new(self->room, bytes);
        if (self->count > 0) {
            memcpy(grown, self->items, self->count * bytes);
        }
        free(self->items);
        self->items = grown;
    }
    return (uint8_t *)self->items + self->count++ * bytes;
}

static struct kept_record *keep(struct list *list, const struct record *record, struct slice body)
{
    struct kept_record *kept = list_add(list, sizeof *kept);

    kept->leaf = record->sequence;
    kept->recorded_ms = record->time_ms;
    buf_put_slice(&kept->body, body);
    return kept;
}

static struct kept_event *event_of(const struct gathering *self, const uint8_t *id)
{
    struct kept_event *events = self->events.items;

    for (size_t i = self->events.count; i > 0; i--) {
        if (memcmp(events[i - 1].id, id, UUID_BYTES) == 0) {
            return &events[i - 1];
        }
    }
    return NULL;
}

/* ---- what comes ---- */

static void keep_event(struct gathering *self, const struct batch_body *batch, uint32_t index,
    struct slice bytes, const struct event_view *view)
{
    struct kept_event *kept = list_add(&self->events, sizeof *kept);

    memcpy(kept->id, view->id, UUID_BYTES);
    buf_put_slice(&kept->bytes, bytes);
    buf_put_slice(&kept->statement, batch->statement);
    buf_put_slice(&kept->signature, batch->signature);
    kept->leaf = self->record->sequence;
    kept->accepted_ms = self->record->time_ms;
    kept->index = index;

    struct hash *leaves = mem_new(batch->count, sizeof *leaves);
    struct slice rest = batch->events;
    for (uint32_t i = 0; i < batch->count && batch_next_event(&rest, &bytes) == 0; i++) {
        leaves[i] = hash_event_leaf(self->network, bytes);
    }
    merkle_path(leaves, batch->count, index, &kept->path);
    free(leaves);
}

static void take_batch(struct gathering *self)
{
    struct batch_body batch;
    struct event_view view;
    struct slice bytes;

    if (batch_body_read(self->record->body, &batch) != 0) {
        return;
    }
    struct slice rest = batch.events;
    for (uint32_t i = 0; batch_next_event(&rest, &bytes) == 0; i++) {
        if (event_read(bytes, &view, NULL) == 0 &&
            memcmp(view.transfer, self->transfer, UUID_BYTES) == 0) {
            keep_event(self, &batch, i, bytes, &view);
        }
    }
}

static void take_judged(struct gathering *self)
{
    struct kept_event *events = self->events.items;
    struct judged_body body;
    struct judged_event judged;

    if (judged_body_read(self->record->body, &body) != 0 || body.form != JUDGED_BATCH) {
        return;
    }
    for (uint32_t index = 0; judged_next(&body, &judged); index++) {
        for (size_t i = self->events.count; i > 0 && events[i - 1].leaf >= body.leaf; i--) {
            if (events[i - 1].leaf == body.leaf && events[i - 1].index == index) {
                events[i - 1].judged = true;
                events[i - 1].verdict = judged.verdict;
            }
        }
    }
}

static void take_level(void *context, const struct acked_item *item, const char *code)
{
    struct gathering *self = context;

    if (event_of(self, item->event) == NULL || item->team.len > FACT_ID_BYTES_MAX) {
        return;
    }
    struct kept_ack *ack = list_add(&self->acks, sizeof *ack);
    ack->said.leaf = self->said->leaf;
    buf_put_slice(&ack->said.body, buf_slice(&self->said->body));
    memcpy(ack->event, item->event, UUID_BYTES);
    memcpy(ack->code, code, CODE_BYTES);
    if (item->team.len > 0) {
        memcpy(ack->team, item->team.data, item->team.len);
    }
    ack->level = *item;
}

/* The statement that it rests on goes: it takes effect once. */
static void take_acked(struct gathering *self)
{
    struct kept_record *waiting = self->waiting.items;
    struct acked_body body;

    if (acked_body_read(self->record->body, &body) != 0) {
        return;
    }
    for (size_t i = self->waiting.count; i > 0; i--) {
        if (waiting[i - 1].leaf == body.ack_leaf) {
            self->said = &waiting[i - 1];
            (void)acked_walk(self->record->body, take_level, self);
            buf_free(&waiting[i - 1].body);
            waiting[i - 1] = waiting[--self->waiting.count];
            waiting[self->waiting.count] = (struct kept_record){.leaf = 0};
            return;
        }
    }
}

static int look_at_derived(void *context, const Waypost__Derived *derived)
{
    struct gathering *self = context;

    self->wanted = self->wanted ||
        (derived->has_transfer && derived->transfer.len == UUID_BYTES &&
            memcmp(derived->transfer.data, self->transfer, UUID_BYTES) == 0) ||
        (derived->has_event && derived->event.len == UUID_BYTES &&
            event_of(self, derived->event.data) != NULL);
    return 0;
}

static void take_derived(struct gathering *self)
{
    self->wanted = false;
    if (derived_walk(self->arena, self->record->body, look_at_derived, self) == 0 && self->wanted) {
        (void)keep(&self->records, self->record, self->record->body);
    }
}

static void take_erased(struct gathering *self)
{
    struct erase_body body;

    if (erase_body_read(self->record->body, &body) == 0) {
        struct kept_event *event = event_of(self, body.event);
        if (event != NULL) {
            event->erased = true;
        }
    }
}

static void take_input(struct gathering *self)
{
    struct cursor in = cursor_of(self->record->body);

    if (take_u32(&in) == INPUT_REGISTER) {
        (void)keep(&self->registers, self->record, in.rest);
    }
}

static void take_ack(struct gathering *self)
{
    (void)keep(&self->waiting, self->record, self->record->body);
}

static void take_epoch(struct gathering *self)
{
    struct epoch_body epoch;

    if (epoch_body_read(self->record->body, &epoch) == 0) {
        memcpy(self->network, epoch.network, sizeof self->network);
    }
}

static void (*const takers[])(struct gathering *self) = {
    [RECORD_BATCH] = take_batch,
    [RECORD_INPUT] = take_input,
    [RECORD_JUDGED] = take_judged,
    [RECORD_ACK] = take_ack,
    [RECORD_ACKED] = take_acked,
    [RECORD_DERIVED] = take_derived,
    [RECORD_EPOCH] = take_epoch,
    [RECORD_PAYLOAD_ERASED] = take_erased,
};

static int gather(void *context, const struct record *record, uint64_t position)
{
    struct gathering *self = context;

    (void)position;
    self->record = record;
    if (record->type < sizeof takers / sizeof takers[0] && takers[record->type] != NULL) {
        takers[record->type](self);
    }
    struct hash *leaf = list_add(&self->leaves, sizeof *leaf);
    *leaf = record_leaf(self->network, record);
    return 0;
}

/* ---- what is written ---- */

struct writing {
    const struct gathering *from;
    struct bundle_writer out;
    struct buf bytes;
    ProtobufCBinaryData steps[MERKLE_PATH_MAX];
    struct merkle_path path;
};

static ProtobufCBinaryData binary(struct slice bytes)
{
    return (ProtobufCBinaryData){.len = bytes.len, .data = (uint8_t *)(uintptr_t)bytes.data};
}

static void put_message(
    struct writing *self, enum bundle_type type, const ProtobufCMessage *message)
{
    buf_clear(&self->bytes);
    message_encode(message, &self->bytes);
    bundle_put(&self->out, type, buf_slice(&self->bytes));
}

static size_t steps_of(const struct merkle_path *path, ProtobufCBinaryData *steps)
{
    for (uint32_t i = 0; i < path->count; i++) {
        steps[i] = binary(slice_of(path->step[i].b, HASH_BYTES));
    }
    return path->count;
}

/* The path of a record in the journal's last head. */
static size_t place_of(struct writing *self, uint64_t leaf)
{
    const struct list *leaves = &self->from->leaves;

    merkle_path(leaves->items, leaves->count, leaf, &self->path);
    return steps_of(&self->path, self->steps);
}

static void put_head(struct writing *self, const struct journal_head *head,
    const struct keys *maker, int64_t made_ms)
{
    Waypost__BundleHead message = WAYPOST__BUNDLE_HEAD__INIT;
    Waypost__Signed said = WAYPOST__SIGNED__INIT;

    said.statement = binary(slice_of(head->statement, head->statement_len));
    said.signature = binary(slice_of(head->signature, SIGNATURE_BYTES));
    message.network = (char *)(uintptr_t)self->from->network;
    message.transfer = binary(slice_of(self->from->transfer, UUID_BYTES));
    message.made_ms = made_ms;
    message.agent = (char *)(uintptr_t)maker->id;
    message.head = &said;
    put_message(self, BUNDLE_HEAD, &message.base);
}

static void put_event(struct writing *self, const struct kept_event *kept)
{
    Waypost__BundleEvent event = WAYPOST__BUNDLE_EVENT__INIT;
    Waypost__Signed batch = WAYPOST__SIGNED__INIT;
    ProtobufCBinaryData path[MERKLE_PATH_MAX];

    batch.statement = binary(buf_slice(&kept->statement));
    batch.signature = binary(buf_slice(&kept->signature));
    event.event = binary(buf_slice(&kept->bytes));
    event.batch = &batch;
    event.index = kept->index;
    event.n_path = steps_of(&kept->path, path);
    event.path = path;
    event.leaf_index = kept->leaf;
    event.accepted_ms = kept->accepted_ms;
    event.proven = true;
    event.n_record_path = place_of(self, kept->leaf);
    event.record_path = self->steps;
    event.has_verdict = true;
    event.verdict = kept->verdict;
    event.has_erased = event.erased = kept->erased;
    put_message(self, BUNDLE_EVENT, &event.base);
}

static void put_ack(struct writing *self, const struct kept_ack *kept)
{
    Waypost__BundleAck message = WAYPOST__BUNDLE_ACK__INIT;
    Waypost__AckEntry entry = WAYPOST__ACK_ENTRY__INIT;
    Waypost__Signed said = WAYPOST__SIGNED__INIT;
    Waypost__AckedEvent event = WAYPOST__ACKED_EVENT__INIT;
    Waypost__AckedEvent *events[] = {&event};
    struct ack_body body;

    if (ack_body_read(buf_slice(&kept->said.body), &body) != 0) {
        return;
    }
    event.event = binary(slice_of(kept->event, UUID_BYTES));
    event.level = kept->level.level;
    event.at_ms = kept->level.at_ms;
    event.has_role = kept->level.role != 0;
    event.role = (Waypost__PersonRole)kept->level.role;
    event.team = kept->team[0] == '\0' ? NULL : (char *)(uintptr_t)kept->team;
    event.has_code_err = kept->level.code_err != 0;
    event.code_err = kept->level.code_err;
    said.statement = binary(body.statement);
    said.signature = binary(body.signature);
    entry.agent = body.agent;
    entry.code = (char *)(uintptr_t)kept->code;
    entry.n_events = 1;
    entry.events = events;
    entry.ack = &said;
    entry.leaf_index = kept->said.leaf;
    message.ack = &entry;
    put_message(self, BUNDLE_ACK, &message.base);
}

static void put_record(struct writing *self, const struct kept_record *kept)
{
    Waypost__BundleRecord record = WAYPOST__BUNDLE_RECORD__INIT;

    record.leaf_index = kept->leaf;
    record.recorded_ms = kept->recorded_ms;
    record.body = binary(buf_slice(&kept->body));
    record.proven = true;
    record.n_record_path = place_of(self, kept->leaf);
    record.record_path = self->steps;
    put_message(self, BUNDLE_RECORD, &record.base);
}

static void put_end(struct writing *self, const struct keys *maker)
{
    Waypost__BundleEnd end = WAYPOST__BUNDLE_END__INIT;
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t signature[SIGNATURE_BYTES];

    hash_key_id(maker->sign_public, key_id);
    sign_make(SIGN_CONTEXT_BUNDLE, slice_of(self->out.chain.b, HASH_BYTES), maker->sign_secret,
        signature);
    end.key_id = binary(slice_of(key_id, sizeof key_id));
    end.signature = binary(slice_of(signature, sizeof signature));
    put_message(self, BUNDLE_END, &end.base);
}

static void write_all(const struct gathering *self, const struct journal_head *head,
    const struct keys *maker, int64_t made_ms, struct buf *out, struct journal_bundle *counts)
{
    struct writing writing = {.from = self};
    const struct kept_record *registers = self->registers.items;
    const struct kept_event *events = self->events.items;
    const struct kept_ack *acks = self->acks.items;
    const struct kept_record *records = self->records.items;

    *counts = (struct journal_bundle){
        .acknowledgements = self->acks.count, .records = self->records.count};
    bundle_begin(&writing.out, out);
    put_head(&writing, head, maker, made_ms);
    for (size_t i = 0; i < self->registers.count; i++) {
        bundle_put(&writing.out, BUNDLE_REGISTER, buf_slice(&registers[i].body));
    }
    for (size_t i = 0; i < self->events.count; i++) {
        if (events[i].judged) {
            put_event(&writing, &events[i]);
            counts->events++;
        }
    }
    for (size_t i = 0; i < self->acks.count; i++) {
        put_ack(&writing, &acks[i]);
    }
    for (size_t i = 0; i < self->records.count; i++) {
        put_record(&writing, &records[i]);
    }
    put_end(&writing, maker);
    buf_free(&writing.bytes);
}

/* ---- all ---- */

/* Does the last register name the maker with this key? */
static bool is_named(const struct gathering *self, const struct keys *maker)
{
    const struct kept_record *registers = self->registers.items;
    register_t *last = NULL;
    uint8_t key_id[KEY_ID_BYTES];

    if (self->registers.count == 0 ||
        register_load_unpinned(
            buf_slice(&registers[self->registers.count - 1].body), &last, NULL) != 0) {
        return false;
    }
    hash_key_id(maker->sign_public, key_id);
    const struct register_agent *agent = register_agent_of(last, maker->id);
    bool named = agent != NULL && register_key_of(agent, REGISTER_KEY_SIGN, key_id) != NULL;
    register_destroy(&last);
    return named;
}

static int check(const struct gathering *self, const struct keys *maker, struct complaint *why)
{
    if (self->events.count == 0) {
        return complain(why, E_NOT_FOUND, "the journal has no event of that transfer");
    }
    if (!is_named(self, maker)) {
        return complain(why, E_KEY,
            "the journal's register does not name agent %s with this key: whoever makes a bundle "
            "signs it with the keys of an agent, for instance the operator's",
            maker->id);
    }
    return 0;
}

static void records_free(struct list *list)
{
    struct kept_record *records = list->items;

    for (size_t i = 0; i < list->count; i++) {
        buf_free(&records[i].body);
    }
    free(records);
}

static void gathering_free(struct gathering *self)
{
    struct kept_event *events = self->events.items;
    struct kept_ack *acks = self->acks.items;

    for (size_t i = 0; i < self->events.count; i++) {
        buf_free(&events[i].bytes);
        buf_free(&events[i].statement);
        buf_free(&events[i].signature);
    }
    for (size_t i = 0; i < self->acks.count; i++) {
        buf_free(&acks[i].said.body);
    }
    free(events);
    free(acks);
    free(self->leaves.items);
    records_free(&self->registers);
    records_free(&self->waiting);
    records_free(&self->records);
    arena_destroy(&self->arena);
}

int journal_bundle_make(const struct disk *disk, const uint8_t *transfer, const struct keys *maker,
    int64_t made_ms, struct buf *out, struct journal_bundle *counts, struct complaint *why)
{
    struct gathering self = {.transfer = transfer, .arena = arena_new(ARENA_BYTES)};
    struct journal_check found;

    int rc = journal_verify(disk, NULL, &found, gather, &self, NULL, why);
    if (rc == 0) {
        rc = check(&self, maker, why);
    }
    if (rc == 0) {
        write_all(&self, &found.head, maker, made_ms, out, counts);
        if (out->len > BUNDLE_BYTES_MAX) {
            rc = complain(why, E_TOO_LARGE, "the bundle has %zu bytes, at most %d are taken",
                out->len, BUNDLE_BYTES_MAX);
        }
    }
    gathering_free(&self);
    return rc;
}
