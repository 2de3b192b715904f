/*
 * The signatures in a journal: a forged batch or acknowledgement is named, one that the broker voided is not forged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/audit.h"
#include "common/base/world.h"
#include "common/codec/frame.h"
#include "common/crypto/keys.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"
#include "common/register/envelope.h"
#include "register.pb-c.h"
#include "common/base/banned.h"

#define NETWORK "test-net"
#define CODE "E09000019"

static const int64_t now_ms = 1773655500000; /* 2026-03-16T10:05:00Z */

static struct keys root;
static struct keys agent;
static struct keys stranger;
static struct keys broker;

struct fixture {
    audit_t *audit;
    struct trust trust;
    uint64_t next; /* leaf */
};

static ProtobufCBinaryData binary(const void *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)(uintptr_t)data};
}

/* ---- records ---- */

static int audit_bytes(struct fixture *self, uint8_t type, struct buf *body)
{
    struct complaint why = {0};
    struct record record = {
        .type = type, .sequence = self->next++, .time_ms = now_ms, .body = buf_slice(body)};
    int rc = audit_record(self->audit, &record, &why);
    buf_free(body);
    return rc;
}

static void fill_keys(Waypost__Key *keys, Waypost__Key **list, int64_t to_ms)
{
    const uint8_t *const halves[] = {agent.curve_public, agent.sign_public, agent.seal_public};
    for (int i = 0; i < 3; i++) {
        keys[i] = (Waypost__Key)WAYPOST__KEY__INIT;
        keys[i].use = (Waypost__KeyUse)(i + 1);
        keys[i].key = binary(halves[i], 32);
        keys[i].from_ms = 1;
        keys[i].has_to_ms = to_ms != 0;
        keys[i].to_ms = to_ms;
        list[i] = &keys[i];
    }
}

/* A register with one agent, as an input of the journal. to_ms: when its keys end, 0 for never. */
static int put_register(
    struct fixture *self, uint64_t version, const struct keys *signer, int64_t to_ms)
{
    Waypost__Key keys[3];
    Waypost__Key *key_list[3];
    Waypost__Role role[] = {WAYPOST__ROLE__AUTHORITY};
    Waypost__Authority authority = WAYPOST__AUTHORITY__INIT;
    Waypost__Agent row = WAYPOST__AGENT__INIT;
    Waypost__Broker broker_row = WAYPOST__BROKER__INIT;
    Waypost__Register book = WAYPOST__REGISTER__INIT;
    ProtobufCBinaryData roots[] = {binary(signer->sign_public, 32)};
    struct buf bytes = {0};
    struct buf whole = {0};
    struct buf body = {0};
    struct complaint why = {0};
    fill_keys(keys, key_list, to_ms);
    authority.code = authority.name = row.id = row.code = (char *)(uintptr_t)CODE;
    row.n_roles = 1;
    row.roles = role;
    row.n_keys = 3;
    row.keys = key_list;
    broker_row.endpoint = (char *)(uintptr_t) "tcp://127.0.0.1:5670";
    broker_row.curve_key = binary(broker.curve_public, 32);
    broker_row.head_key = binary(broker.sign_public, 32);
    book.network = (char *)(uintptr_t)NETWORK;
    book.version = version;
    book.n_roots = book.n_authorities = book.n_agents = book.n_brokers = 1;
    book.roots = roots;
    book.threshold = 1;
    book.issued_ms = now_ms;
    book.authorities = &(Waypost__Authority *){&authority};
    book.agents = &(Waypost__Agent *){&row};
    book.brokers = &(Waypost__Broker *){&broker_row};
    message_encode(&book.base, &bytes);
    assert_int_equal(envelope_sign(&whole, buf_slice(&bytes), signer, &why), 0);
    buf_put_u32(&body, INPUT_REGISTER);
    buf_put_slice(&body, buf_slice(&whole));
    buf_free(&bytes);
    buf_free(&whole);
    return audit_bytes(self, RECORD_INPUT, &body);
}

/* A batch of one event that `signer` signed; with another event than the one signed where `swapped`. */
static void put_batch(struct fixture *self, const struct keys *signer, bool swapped)
{
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct buf statement = {0};
    struct buf body = {0};
    const char *event = swapped ? "another event" : "an event";
    struct hash leaf = hash_event_leaf(NETWORK, slice_of_text("an event"));
    Waypost__BatchStatement batch = WAYPOST__BATCH_STATEMENT__INIT;
    hash_key_id(agent.sign_public, key_id);
    batch.network = (char *)(uintptr_t)NETWORK;
    batch.agent = (char *)(uintptr_t)CODE;
    batch.key_id = binary(key_id, sizeof key_id);
    batch.incarnation = 1;
    batch.first_sequence = 1;
    batch.count = 1;
    batch.root = binary(leaf.b, HASH_BYTES);
    message_encode(&batch.base, &statement);
    sign_make(SIGN_CONTEXT_BATCH, buf_slice(&statement), signer->sign_secret, signature);
    buf_put_u64(&body, 0);
    buf_put_u16(&body, 9);
    buf_put(&body, CODE, 9);
    buf_put_u32(&body, (uint32_t)statement.len);
    buf_put_slice(&body, buf_slice(&statement));
    buf_put(&body, signature, sizeof signature);
    buf_put_u32(&body, 1);
    buf_put_u32(&body, (uint32_t)strlen(event));
    buf_put(&body, event, strlen(event));
    buf_free(&statement);
    assert_int_equal(audit_bytes(self, RECORD_BATCH, &body), 0);
}

static void put_ack(struct fixture *self, const struct keys *signer)
{
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    uint8_t hash[HASH_BYTES] = {0};
    struct buf statement = {0};
    struct buf body = {0};
    Waypost__AckStatement ack = WAYPOST__ACK_STATEMENT__INIT;
    hash_key_id(agent.sign_public, key_id);
    ack.network = (char *)(uintptr_t)NETWORK;
    ack.agent = (char *)(uintptr_t)CODE;
    ack.key_id = binary(key_id, sizeof key_id);
    ack.stream_epoch = ack.upto = ack.counter = 1;
    ack.running_hash = binary(hash, sizeof hash);
    message_encode(&ack.base, &statement);
    sign_make(SIGN_CONTEXT_ACK, buf_slice(&statement), signer->sign_secret, signature);
    buf_put_u32(&body, (uint32_t)statement.len);
    buf_put_slice(&body, buf_slice(&statement));
    buf_put(&body, signature, sizeof signature);
    buf_put_u16(&body, 9);
    buf_put(&body, CODE, 9);
    buf_free(&statement);
    assert_int_equal(audit_bytes(self, RECORD_ACK, &body), 0);
}

static void put_void(struct fixture *self, uint64_t leaf)
{
    struct buf body = {0};
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    derived.kind = WAYPOST__SYSTEM_KIND__BATCH_VOIDED;
    derived.at_ms = now_ms;
    derived.has_leaf_index = 1;
    derived.leaf_index = leaf;
    message_encode(&derived.base, &body);
    assert_int_equal(audit_bytes(self, RECORD_DERIVED, &body), 0);
}

static struct audit_report finish(struct fixture *self)
{
    struct audit_report report;
    audit_finish(self->audit, &report);
    return report;
}

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->audit = audit_new(&self->trust, NETWORK);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    audit_destroy(&self->audit);
    free(self);
    return 0;
}

/* ---- tests ---- */

static void journal__honest__has_nothing_forged(void **state)
{
    struct fixture *self = *state;
    assert_int_equal(put_register(self, 1, &root, 0), 0);
    put_batch(self, &agent, false);
    put_ack(self, &agent);
    struct audit_report report = finish(self);
    assert_int_equal(report.forged, 0);
    assert_int_equal(report.batches, 1);
    assert_int_equal(report.events, 1);
    assert_int_equal(report.acknowledgements, 1);
    assert_int_equal(report.registers, 1);
    assert_true(report.first_register_believed);
}

static void batch__signed_by_another_key__is_forged_unless_the_broker_voided_it(void **state)
{
    struct fixture *self = *state;
    assert_int_equal(put_register(self, 1, &root, 0), 0);
    put_batch(self, &stranger, false); /* leaf 1 */
    put_void(self, 1);
    put_batch(self, &stranger, false); /* leaf 3 */
    struct audit_report report = finish(self);
    assert_int_equal(report.voided, 1);
    assert_int_equal(report.forged, 1);
    assert_int_equal(report.first_forged, 3);
    assert_non_null(strstr(report.why, "signature"));
}

static void batch__event_exchanged_in_the_journal__is_forged(void **state)
{
    struct fixture *self = *state;
    assert_int_equal(put_register(self, 1, &root, 0), 0);
    put_batch(self, &agent, true);
    struct audit_report report = finish(self);
    assert_int_equal(report.forged, 1);
    assert_non_null(strstr(report.why, "events"));
}

static void acknowledgement__signed_by_another_key__is_forged(void **state)
{
    struct fixture *self = *state;
    assert_int_equal(put_register(self, 1, &root, 0), 0);
    put_ack(self, &stranger);
    assert_int_equal(finish(self).forged, 1);
}

static void batch__key_ended_or_register_absent__is_forged(void **state)
{
    struct fixture *self = *state;
    put_batch(self, &agent, false); /* nobody is in a register yet */
    assert_int_equal(put_register(self, 1, &root, now_ms - 1), 0);
    put_batch(self, &agent, false); /* its keys have ended */
    struct audit_report report = finish(self);
    assert_int_equal(report.forged, 2);
    assert_int_equal(report.first_forged, 0);
}

static void register__signed_by_other_roots__ends_the_walk(void **state)
{
    struct fixture *self = *state;
    assert_int_equal(put_register(self, 1, &root, 0), 0);
    assert_int_not_equal(put_register(self, 2, &stranger, 0), 0);
}

static void register__with_a_join_file__must_be_signed_by_its_roots(void **state)
{
    struct fixture *self = *state;
    self->trust.has_join = true;
    snprintf(self->trust.join.network, sizeof self->trust.join.network, "%s", NETWORK);
    self->trust.join.root_count = self->trust.join.threshold = 1;
    memcpy(self->trust.join.roots[0], stranger.sign_public, 32);
    assert_int_not_equal(put_register(self, 1, &root, 0), 0);
    memcpy(self->trust.join.roots[0], root.sign_public, 32);
    assert_int_equal(put_register(self, 1, &root, 0), 0);
    assert_false(finish(self).first_register_believed);
}

static void record__garbage_in_its_body__is_counted_and_never_read_beyond(void **state)
{
    struct fixture *self = *state;
    static const uint8_t types[] = {RECORD_BATCH, RECORD_ACK, RECORD_DERIVED, RECORD_INPUT};
    for (size_t i = 0; i < sizeof types; i++) {
        for (uint8_t len = 0; len < 40; len++) {
            struct buf body = {0};
            for (uint8_t b = 0; b < len; b++) {
                buf_put_u8(&body, (uint8_t)(b * 37U + i));
            }
            (void)audit_bytes(self, types[i], &body);
        }
    }
    assert_int_equal(finish(self).forged, 80);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(journal__honest__has_nothing_forged),
        TEST(batch__signed_by_another_key__is_forged_unless_the_broker_voided_it),
        TEST(batch__event_exchanged_in_the_journal__is_forged),
        TEST(acknowledgement__signed_by_another_key__is_forged),
        TEST(batch__key_ended_or_register_absent__is_forged),
        TEST(register__signed_by_other_roots__ends_the_walk),
        TEST(register__with_a_join_file__must_be_signed_by_its_roots),
        TEST(record__garbage_in_its_body__is_counted_and_never_read_beyond),
    };
    crypto_start();
    keys_make(world_real(), "root", &root);
    keys_make(world_real(), CODE, &agent);
    keys_make(world_real(), "stranger", &stranger);
    keys_make(world_real(), "broker", &broker);
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
