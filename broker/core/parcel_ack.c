/*
 * parcel_ack: an acknowledgement on its way to a sender whose events it covers, or to a hub: the signed statement, what it
 * covers, and for the sender the proof that the statement names just those (S-18a). What cannot be read from the journal
 * ends as in delivery.c.
 */
#include "broker/core/parcel.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/codec/wire.h"
#include "common/record/ack.h"
#include "common/record/acked.h"

#include "common/base/banned.h"

/* ---- what a statement names ---- */

static struct named *named_slot(core_t *core, uint64_t position, uint32_t count)
{
    enum { POSITION_UNIT = 8 };

    return &core->named[count > NAMED_SMALL_MAX ? 0
                                                : 1 + position / POSITION_UNIT % (NAMED_SLOTS - 1)];
}

static const struct hash *named_tree(
    core_t *core, uint64_t position, const struct acked_received *named, const struct hash *last)
{
    struct named *tree = named_slot(core, position, named->count);

    if (tree->position != position) {
        size_t nodes = merkle_tree_nodes(named->count);
        tree->position = position;
        buf_clear(&tree->nodes);
        buf_reserve(&tree->nodes, nodes * HASH_BYTES);
        struct hash *at = (struct hash *)tree->nodes.data;
        memcpy(at, named->hashes.data + HASH_BYTES, (named->count - 1) * sizeof *at);
        at[named->count - 1] = *last;
        merkle_tree_fill(at, named->count, at);
    }
    return (const struct hash *)tree->nodes.data;
}

/* One AckEntry under construction. */
struct proving {
    bool on;                     /* its statement names entries, and the one told is no hub */
    struct acked_received named; /* lent from the record */
    uint32_t place;              /* items of the record whose numbers were passed */
    uint64_t before;             /* number of the event told last, 0 before the first */
    uint64_t *indexes;           /* owned: in the tree, of the events told */
    size_t count;
};

static bool is_hub(const struct parcel *self)
{
    return self->agent != NULL && register_agent_has_role(self->agent, REGISTER_ROLE_HUB);
}

static void proving_begin(struct proving *self, const struct parcel *parcel,
    const struct acked_block *block, struct slice body)
{
    *self = (struct proving){.on = false};
    self->on = !is_hub(parcel) && acked_received_read(body, &self->named);
    if (self->on) {
        self->indexes = mem_new(block->count + 1, sizeof *self->indexes);
    }
}

/* Number of the persisted item at a place, which rises from call to call; 0 where the record is cut. */
static uint64_t proving_number(struct proving *self, uint32_t place)
{
    uint64_t number = 0;

    for (; self->place <= place; self->place++) {
        number = acked_received_next(&self->named);
    }
    return number > self->named.after && number - self->named.after <= self->named.count ? number
                                                                                         : 0;
}

/* Number of the event, and the running hash before it where it does not follow the one told before. */
static void proving_put(struct proving *self, uint64_t number, struct buf *out)
{
    uint64_t index = number - self->named.after - 1;

    wire_put_varint(out, 7, number);
    if (self->count == 0 || self->before + 1 != number) {
        wire_put_bytes(out, 8, slice_of(self->named.hashes.data + index * HASH_BYTES, HASH_BYTES));
    }
    self->before = number;
    self->indexes[self->count++] = index;
}

static void proving_end(
    struct proving *self, core_t *core, uint64_t position, const struct hash *last, struct buf *out)
{
    struct buf others = {0};

    if (self->on && self->count > 0 &&
        self->count < self->named.count) { /* else nothing else is named */
        const struct hash *tree = named_tree(core, position, &self->named, last);
        merkle_tree_others(tree, self->named.count, self->indexes, self->count, &others);
    }
    for (size_t at = 0; at < others.len; at += HASH_BYTES) {
        wire_put_bytes(out, 6, slice_of(others.data + at, HASH_BYTES));
    }
    buf_free(&others);
    free(self->indexes);
}

/* ---- what it covers ---- */

static void item_put(const struct acked_item *item, struct buf *out)
{
    wire_put_bytes(out, 1, slice_of(item->event, UUID_BYTES));
    wire_put_varint(out, 2, item->level);
    wire_put_varint(out, 3, (uint64_t)item->at_ms);
    if (item->role != 0) {
        wire_put_varint(out, 4, item->role);
    }
    if (item->team.len > 0) {
        wire_put_bytes(out, 5, item->team);
    }
    if (item->code_err != 0) {
        wire_put_varint(out, 6, item->code_err);
    }
}

static void items_put(struct acked_block *block, struct proving *proving, struct buf *out)
{
    struct acked_item item;
    struct buf bytes = {0};

    while (acked_block_next(block, &item)) {
        buf_clear(&bytes);
        item_put(&item, &bytes);
        if (proving->on && item.level != ACKED_OPENED) {
            uint64_t number = proving_number(proving, block->last);
            proving->on = number != 0;
            if (proving->on) {
                proving_put(proving, number, &bytes);
            }
        }
        wire_put_bytes(out, 3, buf_slice(&bytes));
    }
    buf_free(&bytes);
}

static void ack_put(struct parcel *self, uint64_t position, struct slice record,
    struct acked_block *block, const struct ack_body *ack)
{
    struct buf *body = &self->core->record_body;
    struct proving proving;

    proving_begin(&proving, self, block, record);
    buf_clear(body);
    wire_put_bytes(body, 1, slice_of_text(self->core->streams[block->acker]->name));
    wire_put_bytes(body, 2, slice_of_text(block->code));
    items_put(block, &proving, body);
    wire_put_tag(body, 4, WIRE_LEN);
    buf_put_varint(body, wire_bytes_len(ack->statement.len) + wire_bytes_len(ack->signature.len));
    wire_put_bytes(body, 1, ack->statement);
    wire_put_bytes(body, 2, ack->signature);
    wire_put_varint(body, 5, block->ack_leaf);
    proving_end(&proving, self->core, position, &block->body.running, body);
    wire_put_tag(self->entries, 4, WIRE_LEN);
    buf_put_varint(self->entries, wire_bytes_len(body->len));
    wire_put_bytes(self->entries, 3, buf_slice(body));
}

int parcel_ack(struct parcel *self, const struct entry *entry, bool write, struct sent *sent,
    struct hash *item)
{
    core_t *core = self->core;
    struct record acked;
    struct record record;
    struct acked_block block;
    struct ack_body ack;

    (void)sent;
    if (journal_read(core->journal, entry->position, &core->scratch, &acked) != 0 ||
        acked.type != RECORD_ACKED || acked_block_open(acked.body, entry->index, &block) != 0 ||
        block.acker >= core->stream_count ||
        journal_read(core->journal, block.ack_position, &core->scratch_ack, &record) != 0 ||
        record.type != RECORD_ACK || ack_body_read(record.body, &ack) != 0) {
        return E_IO;
    }
    *item = hash_statement(ack.statement, ack.signature);
    if (write) {
        ack_put(self, entry->position, acked.body, &block, &ack);
    }
    return 0;
}
