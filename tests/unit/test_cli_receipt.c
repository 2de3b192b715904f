/*
 * A receipt file proves what it says, and nothing once a bit of it is another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/cli/receipt_file.h"
#include "common/base/world.h"
#include "common/codec/frame.h"
#include "common/crypto/keys.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"
#include "common/journal/record.h"
#include "common/base/banned.h"

#define NETWORK "test-net"

enum { EVENTS = 5, RECORDS = 9, OURS = 3, LEAF = 6 };

static const int64_t accepted_ms = 1773655500000; /* 2026-03-16T10:05:00Z */

static struct keys sender;
static struct keys broker;

static ProtobufCBinaryData binary(const void *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)(uintptr_t)data};
}

static void make_event(uint64_t sequence, struct buf *out)
{
    static const struct fact_text facts[] = {
        {"permanence", "permanent"}, {"retain_intention", "transfer"}};
    struct event_draft draft = {.facts = facts, .fact_count = 2};
    struct event_view *head = &draft.head;
    struct buf header = {0};
    struct buf body = {0};
    struct complaint why = {0};
    head->kind = catalogue_kind_named("move_notified")->number;
    head->schema = 1;
    head->id[0] = 1;
    head->id[6] = 0x70;
    head->id[8] = 0x80;
    head->id[15] = (uint8_t)sequence;
    head->transfer[0] = 9;
    snprintf(head->origin, sizeof head->origin, "E09000019");
    snprintf(head->from, sizeof head->from, "E09000019");
    snprintf(head->receiving, sizeof head->receiving, "E09000007");
    head->subject_count = 1;
    head->subjects[0] = (struct subject){.ref = {5}, .case_type = 1};
    head->recipient_count = 1;
    snprintf(head->to[0].code, sizeof head->to[0].code, "E09000007");
    head->to[0].n = sequence;
    head->occurred_ms = head->sent_ms = accepted_ms - 1000;
    head->incarnation = 77;
    head->sequence = sequence;
    if (event_encode(&draft, &header, &body, &why) != 0) {
        fail_msg("%s", why.text);
    }
    event_join(buf_slice(&header), buf_slice(&body), NULL, out);
    buf_free(&header);
    buf_free(&body);
}

/* Parts of a file, kept so that the message can point at them. */
struct made {
    struct buf event;
    struct buf statement;
    struct buf head;
    uint8_t batch_signature[SIGNATURE_BYTES];
    uint8_t head_signature[SIGNATURE_BYTES];
    struct hash statement_hash;
    struct merkle_path event_path;
    struct merkle_path record_path;
    ProtobufCBinaryData event_steps[MERKLE_PATH_MAX];
    ProtobufCBinaryData record_steps[MERKLE_PATH_MAX];
};

static void make_statement(struct made *self)
{
    struct hash leaves[EVENTS];
    uint8_t key_id[KEY_ID_BYTES];
    for (uint64_t i = 0; i < EVENTS; i++) {
        struct buf event = {0};
        make_event(i + 1, &event);
        leaves[i] = hash_event_leaf(NETWORK, buf_slice(&event));
        if (i == OURS) {
            buf_put_slice(&self->event, buf_slice(&event));
        }
        buf_free(&event);
    }
    struct hash root = merkle_root(leaves, EVENTS);
    merkle_path(leaves, EVENTS, OURS, &self->event_path);
    hash_key_id(sender.sign_public, key_id);
    Waypost__BatchStatement batch = WAYPOST__BATCH_STATEMENT__INIT;
    batch.network = (char *)(uintptr_t)NETWORK;
    batch.agent = (char *)(uintptr_t) "E09000019";
    batch.key_id = binary(key_id, sizeof key_id);
    batch.incarnation = 77;
    batch.first_sequence = 1;
    batch.count = EVENTS;
    batch.root = binary(root.b, HASH_BYTES);
    message_encode(&batch.base, &self->statement);
    sign_make(
        SIGN_CONTEXT_BATCH, buf_slice(&self->statement), sender.sign_secret, self->batch_signature);
    self->statement_hash = hash_statement(
        buf_slice(&self->statement), slice_of(self->batch_signature, SIGNATURE_BYTES));
}

/* The leaf of the batch's record, by the journal's own code. */
static struct hash make_record_leaf(const struct made *self)
{
    struct buf body = {0};
    buf_put_u64(&body, 0);
    buf_put_u16(&body, 9);
    buf_put(&body, "E09000019", 9);
    buf_put_u32(&body, (uint32_t)self->statement.len);
    buf_put_slice(&body, buf_slice(&self->statement));
    buf_put(&body, self->batch_signature, SIGNATURE_BYTES);
    buf_put_u32(&body, 1);
    buf_put_u32(&body, (uint32_t)self->event.len);
    buf_put_slice(&body, buf_slice(&self->event));
    struct record record = {
        .type = RECORD_BATCH, .sequence = LEAF, .time_ms = accepted_ms, .body = buf_slice(&body)};
    struct hash leaf = record_leaf(NETWORK, &record);
    buf_free(&body);
    return leaf;
}

static void make_head(struct made *self)
{
    struct hash leaves[RECORDS];
    uint8_t journal[16] = {3};
    for (size_t i = 0; i < RECORDS; i++) {
        leaves[i] = hash_of("test", slice_of(&i, sizeof i), slice_of(NULL, 0));
    }
    leaves[LEAF] = make_record_leaf(self);
    struct hash root = merkle_root(leaves, RECORDS);
    merkle_path(leaves, RECORDS, LEAF, &self->record_path);
    Waypost__Head head = WAYPOST__HEAD__INIT;
    head.network = (char *)(uintptr_t)NETWORK;
    head.journal = binary(journal, sizeof journal);
    head.epoch = 1;
    head.size = RECORDS;
    head.root = binary(root.b, HASH_BYTES);
    head.time_ms = accepted_ms + 5;
    message_encode(&head.base, &self->head);
    sign_make(SIGN_CONTEXT_HEAD, buf_slice(&self->head), broker.sign_secret, self->head_signature);
}

static size_t steps_of(const struct merkle_path *path, ProtobufCBinaryData *steps)
{
    for (uint32_t i = 0; i < path->count; i++) {
        steps[i] = binary(path->step[i].b, HASH_BYTES);
    }
    return path->count;
}

static void make_file(struct buf *out)
{
    struct made made = {0};
    make_statement(&made);
    make_head(&made);
    Waypost__ReceiptFile file = WAYPOST__RECEIPT_FILE__INIT;
    Waypost__Signed batch = WAYPOST__SIGNED__INIT;
    Waypost__Signed head = WAYPOST__SIGNED__INIT;
    Waypost__Receipt receipt = WAYPOST__RECEIPT__INIT;
    batch.statement = binary(made.statement.data, made.statement.len);
    batch.signature = binary(made.batch_signature, SIGNATURE_BYTES);
    head.statement = binary(made.head.data, made.head.len);
    head.signature = binary(made.head_signature, SIGNATURE_BYTES);
    receipt.statement_hash = binary(made.statement_hash.b, HASH_BYTES);
    receipt.leaf_index = LEAF;
    receipt.accepted_ms = accepted_ms;
    receipt.head = &head;
    receipt.n_path = steps_of(&made.record_path, made.record_steps);
    receipt.path = made.record_steps;
    receipt.first_sequence = 1;
    receipt.count = EVENTS;
    file.magic = RECEIPT_FILE_MAGIC;
    file.network = (char *)(uintptr_t)NETWORK;
    file.event = binary(made.event.data, made.event.len);
    file.batch = &batch;
    file.index = OURS;
    file.n_path = steps_of(&made.event_path, made.event_steps);
    file.path = made.event_steps;
    file.receipt = &receipt;
    file.sign_key = binary(sender.sign_public, 32);
    file.head_key = binary(broker.sign_public, 32);
    message_encode(&file.base, out);
    buf_free(&made.event);
    buf_free(&made.statement);
    buf_free(&made.head);
}

static int setup(void **state)
{
    struct buf *file = calloc(1, sizeof *file);
    assert_non_null(file);
    make_file(file);
    *state = file;
    return 0;
}

static int teardown(void **state)
{
    buf_free(*state);
    free(*state);
    return 0;
}

/* 0 where it holds, else why not. */
static int judge(struct slice bytes)
{
    struct receipt_proof proof;
    struct complaint why = {0};
    int rc = receipt_file_check(bytes, &proof, &why);
    rc = rc == 0 ? proof.rc : rc;
    receipt_proof_free(&proof);
    return rc;
}

static void receipt__whole__holds_in_every_step(void **state)
{
    const struct buf *file = *state;
    struct receipt_proof proof;
    struct complaint why = {0};
    assert_true(receipt_file_begins(buf_slice(file)));
    assert_int_equal(receipt_file_check(buf_slice(file), &proof, &why), 0);
    for (size_t i = 0; i < proof.step_count; i++) {
        if (proof.step[i].rc != 0) {
            fail_msg("%s: %s", proof.step[i].name, proof.step[i].text);
        }
    }
    assert_int_equal(proof.rc, 0);
    assert_int_equal(proof.step_count, 5);
    assert_string_equal(proof.agent, "E09000019");
    assert_string_equal(proof.event.to[0].code, "E09000007");
    assert_int_equal(proof.accepted_ms, accepted_ms);
    assert_int_equal(proof.leaf_index, LEAF);
    receipt_proof_free(&proof);
}

static void receipt__any_bit_flipped__no_longer_holds(void **state)
{
    struct buf *file = *state;
    for (size_t bit = 0; bit < file->len * 8; bit++) {
        file->data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        if (judge(buf_slice(file)) == 0) {
            fail_msg("bit %zu of byte %zu can be flipped", bit % 8, bit / 8);
        }
        file->data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(judge(buf_slice(file)), 0);
}

static void receipt__cut_short__is_malformed(void **state)
{
    const struct buf *file = *state;
    for (size_t len = 0; len < file->len; len++) {
        assert_int_not_equal(judge(slice_of(file->data, len)), 0);
    }
}

static void receipt__signed_by_another_broker__holds_only_with_its_key(void **state)
{
    (void)state;
    struct keys right = broker;
    struct buf file = {0};
    keys_make(world_real(), "stranger", &broker);
    make_file(&file);
    broker = right;
    struct receipt_proof proof;
    struct complaint why = {0};
    assert_int_equal(receipt_file_check(buf_slice(&file), &proof, &why), 0);
    assert_int_equal(proof.rc, 0); /* it holds together: whose key it is, the register says */
    assert_memory_not_equal(proof.head_key, broker.sign_public, 32);
    receipt_proof_free(&proof);
    buf_free(&file);
}

static void file__other_bytes__do_not_begin_a_receipt(void **state)
{
    (void)state;
    assert_false(receipt_file_begins(slice_of("", 0)));
    assert_false(receipt_file_begins(slice_of("\x0dWYP1", 5)));
    assert_int_not_equal(judge(slice_of("garbage garbage", 15)), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(receipt__whole__holds_in_every_step),
        TEST(receipt__any_bit_flipped__no_longer_holds),
        TEST(receipt__cut_short__is_malformed),
        cmocka_unit_test(receipt__signed_by_another_broker__holds_only_with_its_key),
        cmocka_unit_test(file__other_bytes__do_not_begin_a_receipt),
    };
    crypto_start();
    keys_make(world_real(), "E09000019", &sender);
    keys_make(world_real(), "broker", &broker);
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
