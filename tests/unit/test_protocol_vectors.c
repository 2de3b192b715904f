/*
 * data/vectors/vectors.json is what docs/PROTOCOL.md means in bytes, for whoever writes another implementation. Here
 * the project's own code computes all of it again from fixed keys and inputs, all invented. Whoever changes a byte of the
 * protocol on purpose writes the file anew: UPDATE=1 TEST_FILTER='vectors__*' in front of this test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <sodium.h>

#include "client/agent/agent_private.h"
#include "common/base/check.h"
#include "common/base/uuid.h"
#include "common/base/world.h"
#include "common/codec/event.h"
#include "common/codec/frame.h"
#include "common/crypto/merkle.h"
#include "common/crypto/seal.h"
#include "common/crypto/sign.h"
#include "common/journal/record.h"

#include "common/base/banned.h"

#define FILE_NAME "data/vectors/vectors.json"
#define NETWORK "example-net"
#define SENDER "E09000019"
#define RECIPIENT "E09000007"

enum { EVENTS = 3, RECORDS = 5, LEAF = 3, WRAP_MATERIAL = 56, RECEIPT_MAGIC = 0x52505957 };

static const int64_t accepted_ms = 1773655500000; /* 2026-03-16T10:05:00Z */
static const uint64_t incarnation = UINT64_C(0x0102030405060708);

/* ---- fixed keys and a generator that is none ---- */

struct pair {
    uint8_t seed[SIGN_SEED_BYTES];
    uint8_t open[SIGN_PUBLIC_BYTES];
    uint8_t secret[SIGN_SECRET_BYTES];
};

static void pair_make(struct pair *self, uint8_t fill)
{
    memset(self->seed, fill, sizeof self->seed);
    (void)crypto_sign_seed_keypair(self->open, self->secret, self->seed);
}

/* Every byte is one higher than the one before; the context is the next one. */
static void counting(void *context, void *out, size_t len)
{
    uint8_t *next = context;
    uint8_t *bytes = out;

    for (size_t i = 0; i < len; i++) {
        bytes[i] = (*next)++;
    }
}

/* ---- JSON ---- */

static json_t *hex_json(const void *data, size_t len)
{
    char *text = mem_new(2 * len + 1, 1);

    hex_encode(data, len, text);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static void put_hex(json_t *object, const char *name, const void *data, size_t len)
{
    assert_int_equal(json_object_set_new(object, name, hex_json(data, len)), 0);
}

static void put_buf(json_t *object, const char *name, const struct buf *bytes)
{
    put_hex(object, name, bytes->data, bytes->len);
}

static void put_hash(json_t *object, const char *name, const struct hash *hash)
{
    put_hex(object, name, hash->b, HASH_BYTES);
}

static void put_text(json_t *object, const char *name, const char *text)
{
    assert_int_equal(json_object_set_new(object, name, json_string(text)), 0);
}

static void put_number(json_t *object, const char *name, uint64_t number)
{
    assert_int_equal(json_object_set_new(object, name, json_integer((json_int_t)number)), 0);
}

static void put_path(json_t *object, const char *name, const struct merkle_path *path)
{
    json_t *steps = json_array();

    for (uint32_t i = 0; i < path->count; i++) {
        json_array_append_new(steps, hex_json(path->step[i].b, HASH_BYTES));
    }
    assert_int_equal(json_object_set_new(object, name, steps), 0);
}

static json_t *put_object(json_t *object, const char *name, const char *rule)
{
    json_t *child = json_object();

    put_text(child, "rule", rule);
    assert_int_equal(json_object_set_new(object, name, child), 0);
    return child;
}

static ProtobufCBinaryData binary(const void *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)(uintptr_t)data};
}

static size_t steps_of(const struct merkle_path *path, ProtobufCBinaryData *steps)
{
    for (uint32_t i = 0; i < path->count; i++) {
        steps[i] = binary(path->step[i].b, HASH_BYTES);
    }
    return path->count;
}

/* ---- everything that is computed once and used by several parts ---- */

struct vectors {
    struct pair agent;
    struct pair broker;
    uint8_t agent_key_id[KEY_ID_BYTES];
    uint8_t event_id[EVENTS][UUID_BYTES];
    struct buf event[EVENTS];
    struct hash leaf[EVENTS];
    struct buf batch;
    uint8_t batch_signature[SIGNATURE_BYTES];
    struct hash statement_hash;
    struct hash record_leaf;
    struct buf head;
    uint8_t head_signature[SIGNATURE_BYTES];
    struct merkle_path record_path;
    json_t *file;
};

static void make_hash(struct vectors *self)
{
    static const uint8_t a[] = {0, 1, 2, 3};
    static const uint8_t b[] = {0xff};
    json_t *out = put_object(self->file, "hash", "2.1");
    struct hash hash = hash_of("waypost/body/1", slice_of(a, sizeof a), slice_of(b, sizeof b));

    put_text(out, "context", "waypost/body/1");
    put_hex(out, "a", a, sizeof a);
    put_hex(out, "b", b, sizeof b);
    put_hash(out, "hash", &hash);
}

static void make_keys(struct vectors *self)
{
    json_t *out = put_object(self->file, "keys", "B-4");
    uint8_t head_key_id[KEY_ID_BYTES];

    pair_make(&self->agent, 0x11);
    pair_make(&self->broker, 0x22);
    hash_key_id(self->agent.open, self->agent_key_id);
    hash_key_id(self->broker.open, head_key_id);
    put_hex(out, "sign_seed", self->agent.seed, sizeof self->agent.seed);
    put_hex(out, "sign_public", self->agent.open, sizeof self->agent.open);
    put_hex(out, "sign_key_id", self->agent_key_id, KEY_ID_BYTES);
    put_hex(out, "head_seed", self->broker.seed, sizeof self->broker.seed);
    put_hex(out, "head_public", self->broker.open, sizeof self->broker.open);
    put_hex(out, "head_key_id", head_key_id, KEY_ID_BYTES);
}

/* ---- sealing ---- */

/* The wrap in the words of B-8, by another way than seal.c. */
static void wrap_by_the_page(const uint8_t *key, const uint8_t *event_id,
    const uint8_t *ephemeral_public, const uint8_t *ephemeral_secret,
    const uint8_t *recipient_public, json_t *out)
{
    struct buf input = {0};
    uint8_t shared[32];
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t material[WRAP_MATERIAL];
    uint8_t wrapped[SEAL_WRAPPED_BYTES];

    assert_int_equal(crypto_scalarmult(shared, ephemeral_secret, recipient_public), 0);
    hash_key_id(recipient_public, key_id);
    buf_put(&input, shared, sizeof shared);
    buf_put(&input, "waypost/wrap/1", 14);
    buf_put(&input, ephemeral_public, 32);
    buf_put(&input, recipient_public, 32);
    buf_put(&input, event_id, UUID_BYTES);
    buf_put(&input, key_id, sizeof key_id);
    crypto_generichash(material, sizeof material, input.data, input.len, NULL, 0);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        wrapped, NULL, key, SEAL_KEY_BYTES, NULL, 0, NULL, material + SEAL_KEY_BYTES, material);
    put_hex(out, "recipient_key_id", key_id, sizeof key_id);
    put_hex(out, "shared", shared, sizeof shared);
    put_hex(out, "wrap_key_and_nonce", material, sizeof material);
    put_hex(out, "sealed_key", wrapped, sizeof wrapped);
    buf_free(&input);
}

static void make_wrap(const uint8_t *key, const uint8_t *event_id, json_t *out)
{
    uint8_t next = 0x60;
    const struct world world = {.random = counting, .context = &next};
    uint8_t ephemeral_public[SEAL_PUBLIC_BYTES];
    uint8_t ephemeral_secret[SEAL_SECRET_BYTES];
    uint8_t recipient_public[SEAL_PUBLIC_BYTES];
    uint8_t recipient_secret[SEAL_SECRET_BYTES];
    uint8_t wrapped[SEAL_WRAPPED_BYTES];
    char text[2 * SEAL_WRAPPED_BYTES + 1];

    seal_ephemeral(&world, ephemeral_public, ephemeral_secret);
    seal_ephemeral(&world, recipient_public, recipient_secret); /* any X25519 pair will do */
    put_hex(out, "ephemeral_secret", ephemeral_secret, SEAL_SECRET_BYTES);
    put_hex(out, "ephemeral_public", ephemeral_public, SEAL_PUBLIC_BYTES);
    put_hex(out, "recipient_secret", recipient_secret, SEAL_SECRET_BYTES);
    put_hex(out, "recipient_public", recipient_public, SEAL_PUBLIC_BYTES);
    wrap_by_the_page(key, event_id, ephemeral_public, ephemeral_secret, recipient_public, out);
    assert_int_equal(
        seal_wrap(key, event_id, ephemeral_public, ephemeral_secret, recipient_public, wrapped), 0);
    hex_encode(wrapped, sizeof wrapped, text);
    assert_string_equal(text, json_string_value(json_object_get(out, "sealed_key")));
}

/* Seals the first event's payload and says so in `out`. */
static struct seal_commitment make_sealed(
    struct vectors *self, const struct buf *header, const struct buf *facts)
{
    static const char plain[] = "an invented payload";
    json_t *out = put_object(self->file, "sealing", "B-6 B-7 B-8");
    uint8_t next = 0x20;
    const struct world world = {.random = counting, .context = &next};
    uint8_t key[SEAL_KEY_BYTES];
    struct buf ciphertext = {0};
    struct seal_commitment commitment;
    struct hash ad = hash_of("waypost/ad/1", buf_slice(header), buf_slice(facts));

    assert_int_equal(seal_payload(&world, buf_slice(header), buf_slice(facts), self->event_id[0],
                         slice_of(plain, sizeof plain - 1), &ciphertext, key, &commitment),
        0);
    put_hex(out, "event_id", self->event_id[0], UUID_BYTES);
    put_buf(out, "header", header);
    put_buf(out, "facts", facts);
    put_hash(out, "associated_data", &ad);
    put_hex(out, "plain", plain, sizeof plain - 1);
    put_hex(out, "key", key, sizeof key);
    put_hex(out, "nonce", ciphertext.data, 24);
    put_buf(out, "ciphertext", &ciphertext);
    put_hash(out, "ciphertext_hash", &commitment.ciphertext_hash);
    put_hash(out, "key_commitment", &commitment.key_commitment);
    make_wrap(key, self->event_id[0], out);
    buf_free(&ciphertext);
    return commitment;
}

/* ---- events and their batch ---- */

static void draft_fill(struct vectors *self, uint64_t sequence, struct event_view *head)
{
    head->kind = catalogue_kind_named("move_notified")->number;
    head->schema = 1;
    memcpy(head->id, self->event_id[sequence - 1], UUID_BYTES);
    memset(head->transfer, 0x5a, sizeof head->transfer);
    snprintf(head->origin, sizeof head->origin, "%s", SENDER);
    snprintf(head->from, sizeof head->from, "%s", SENDER);
    snprintf(head->receiving, sizeof head->receiving, "%s", RECIPIENT);
    head->subject_count = 1;
    memset(head->subjects[0].ref, 0xa5, sizeof head->subjects[0].ref);
    head->subjects[0].case_type = 1;
    head->recipient_count = 1;
    snprintf(head->to[0].code, sizeof head->to[0].code, "%s", RECIPIENT);
    head->to[0].n = sequence;
    head->occurred_ms = accepted_ms - 60000;
    head->sent_ms = accepted_ms - 1000;
    head->incarnation = incarnation;
    head->sequence = sequence;
}

/* Event 1 carries a payload, the others do not. */
static void make_event(struct vectors *self, size_t index)
{
    static const struct fact_text facts[] = {
        {"permanence", "permanent"}, {"retain_intention", "transfer"}};
    struct event_draft draft = {.facts = facts, .fact_count = 2};
    struct buf header = {0};
    struct buf body = {0};
    struct complaint why = {0};
    struct event_view view;

    memcpy(self->event_id[index],
        "\x01\x9c\xf6\x00\x00\x00\x70\x00\x80\x00\x00\x00\x00\x00\x00\x00", UUID_BYTES);
    self->event_id[index][15] = (uint8_t)(index + 1);
    draft_fill(self, index + 1, &draft.head);
    if (event_encode(&draft, &header, &body, &why) != 0) {
        fail_msg("%s", why.text);
    }
    struct seal_commitment commitment;
    bool sealed = index == 0;
    if (sealed) {
        commitment = make_sealed(self, &header, &body);
    }
    event_join(
        buf_slice(&header), buf_slice(&body), sealed ? &commitment : NULL, &self->event[index]);
    if (event_read(buf_slice(&self->event[index]), &view, &why) != 0 ||
        event_check(&view, accepted_ms, true, &why) != 0) {
        fail_msg("%s", why.text);
    }
    self->leaf[index] = hash_event_leaf(NETWORK, buf_slice(&self->event[index]));
    buf_free(&header);
    buf_free(&body);
}

static void make_events(struct vectors *self)
{
    json_t *list = json_array();

    for (size_t i = 0; i < EVENTS; i++) {
        make_event(self, i);
        json_t *event = json_object();
        put_buf(event, "event", &self->event[i]);
        put_hash(event, "leaf", &self->leaf[i]);
        json_array_append_new(list, event);
    }
    json_t *out = put_object(self->file, "events", "B-1");
    put_text(out, "network", NETWORK);
    json_object_set_new(out, "list", list);
    struct hash node = hash_node(&self->leaf[0], &self->leaf[1]);
    put_hash(out, "node_of_first_two", &node);
}

static void make_batch(struct vectors *self)
{
    json_t *out = put_object(self->file, "batch", "B-3 B-4");
    json_t *paths = json_object();
    Waypost__BatchStatement batch = WAYPOST__BATCH_STATEMENT__INIT;
    struct hash root = merkle_root(self->leaf, EVENTS);
    struct merkle_path path;
    char name[8];

    for (uint64_t i = 0; i < EVENTS; i++) {
        merkle_path(self->leaf, EVENTS, i, &path);
        assert_int_equal(merkle_check(&self->leaf[i], i, EVENTS, &path, &root), 0);
        snprintf(name, sizeof name, "%u", (unsigned)i);
        put_path(paths, name, &path);
    }
    batch.network = (char *)(uintptr_t)NETWORK;
    batch.agent = (char *)(uintptr_t)SENDER;
    batch.key_id = binary(self->agent_key_id, KEY_ID_BYTES);
    batch.incarnation = incarnation;
    batch.first_sequence = 1;
    batch.count = EVENTS;
    batch.root = binary(root.b, HASH_BYTES);
    message_encode(&batch.base, &self->batch);
    sign_make(
        SIGN_CONTEXT_BATCH, buf_slice(&self->batch), self->agent.secret, self->batch_signature);
    self->statement_hash =
        hash_statement(buf_slice(&self->batch), slice_of(self->batch_signature, SIGNATURE_BYTES));
    put_hash(out, "root", &root);
    json_object_set_new(out, "paths", paths);
    put_buf(out, "statement", &self->batch);
    put_hex(out, "signature", self->batch_signature, SIGNATURE_BYTES);
    put_hash(out, "statement_hash", &self->statement_hash);
}

/* ---- the journal ---- */

static void make_record(struct vectors *self)
{
    json_t *out = put_object(self->file, "record", "S-9");
    struct buf body = {0};

    buf_put_u64(&body, 0);
    buf_put_u16(&body, (uint16_t)strlen(SENDER));
    buf_put(&body, SENDER, strlen(SENDER));
    buf_put_u32(&body, (uint32_t)self->batch.len);
    buf_put_slice(&body, buf_slice(&self->batch));
    buf_put(&body, self->batch_signature, SIGNATURE_BYTES);
    buf_put_u32(&body, EVENTS);
    for (size_t i = 0; i < EVENTS; i++) {
        buf_put_u32(&body, (uint32_t)self->event[i].len);
        buf_put_slice(&body, buf_slice(&self->event[i]));
    }
    struct record record = {
        .type = RECORD_BATCH, .sequence = LEAF, .time_ms = accepted_ms, .body = buf_slice(&body)};
    self->record_leaf = record_leaf(NETWORK, &record);
    put_number(out, "leaf_index", LEAF);
    put_number(out, "accepted_ms", (uint64_t)accepted_ms);
    put_hash(out, "leaf", &self->record_leaf);
    buf_free(&body);
}

static void make_head(struct vectors *self)
{
    static const uint8_t journal[UUID_BYTES] = {0x33, 0x44};
    json_t *out = put_object(self->file, "head", "B-4 S-9");
    json_t *list = json_array();
    struct hash leaves[RECORDS];
    Waypost__Head head = WAYPOST__HEAD__INIT;

    for (size_t i = 0; i < RECORDS; i++) {
        memset(leaves[i].b, (int)(0xc0 + i), HASH_BYTES);
        leaves[i] = i == LEAF ? self->record_leaf : leaves[i];
        json_array_append_new(list, hex_json(leaves[i].b, HASH_BYTES));
    }
    struct hash root = merkle_root(leaves, RECORDS);
    struct hash root_before = merkle_root(leaves, RECORDS - 2);
    struct merkle_path consistency;
    merkle_path(leaves, RECORDS, LEAF, &self->record_path);
    merkle_consistency(leaves, RECORDS, RECORDS - 2, &consistency);
    head.network = (char *)(uintptr_t)NETWORK;
    head.journal = binary(journal, sizeof journal);
    head.epoch = 1;
    head.size = RECORDS;
    head.root = binary(root.b, HASH_BYTES);
    head.time_ms = accepted_ms + 5;
    message_encode(&head.base, &self->head);
    sign_make(SIGN_CONTEXT_HEAD, buf_slice(&self->head), self->broker.secret, self->head_signature);
    json_object_set_new(out, "leaves", list);
    put_hash(out, "root", &root);
    put_path(out, "path_of_record", &self->record_path);
    put_hash(out, "root_of_first_three", &root_before);
    put_path(out, "consistency_from_three", &consistency);
    put_buf(out, "statement", &self->head);
    put_hex(out, "signature", self->head_signature, SIGNATURE_BYTES);
}

/* ---- the stream ---- */

static struct hash derived_item(json_t *out)
{
    Waypost__Derived derived = WAYPOST__DERIVED__INIT;
    struct buf bytes = {0};

    derived.kind = WAYPOST__SYSTEM_KIND__STREAM_OPENED;
    derived.at_ms = accepted_ms;
    message_encode(&derived.base, &bytes);
    put_buf(out, "derived", &bytes);
    struct hash item = hash_of("waypost/body/1", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
    return item;
}

static struct hash ack_item(struct vectors *self, const struct hash *running, json_t *out)
{
    Waypost__AckStatement ack = WAYPOST__ACK_STATEMENT__INIT;
    Waypost__PersistedRun run = WAYPOST__PERSISTED_RUN__INIT;
    Waypost__PersistedRun *runs[] = {&run};
    struct buf bytes = {0};
    uint8_t signature[SIGNATURE_BYTES];

    run.upto = 2;
    run.at_ms = accepted_ms + 20;
    ack.network = (char *)(uintptr_t)NETWORK;
    ack.agent = (char *)(uintptr_t)SENDER;
    ack.key_id = binary(self->agent_key_id, KEY_ID_BYTES);
    ack.stream_epoch = 1;
    ack.upto = 2;
    ack.running_hash = binary(running->b, HASH_BYTES);
    ack.n_persisted = 1;
    ack.persisted = runs;
    ack.counter = 1;
    message_encode(&ack.base, &bytes);
    sign_make(SIGN_CONTEXT_ACK, buf_slice(&bytes), self->agent.secret, signature);
    put_buf(out, "statement", &bytes);
    put_hex(out, "signature", signature, sizeof signature);
    struct hash item = hash_statement(buf_slice(&bytes), slice_of(signature, sizeof signature));
    buf_free(&bytes);
    return item;
}

static void make_stream(struct vectors *self)
{
    json_t *out = put_object(self->file, "stream", "S-22");
    json_t *entries = json_array();
    struct hash running = incoming_hash_start(NETWORK, SENDER, 1);

    put_text(out, "network", NETWORK);
    put_text(out, "agent", SENDER);
    put_number(out, "stream_epoch", 1);
    put_hash(out, "h0", &running);
    for (uint64_t number = 1; number <= 4; number++) {
        json_t *entry = json_object();
        struct hash item = self->leaf[0];
        put_number(entry, "number", number);
        put_number(entry, "type", number);
        if (number == ENTRY_RECORD) {
            item = derived_item(entry);
        } else if (number == ENTRY_ACK) {
            item = ack_item(self, &running, entry);
        } else if (number == ENTRY_HELD) {
            put_hex(entry, "event_id", self->event_id[1], UUID_BYTES);
            item = hash_of(
                "waypost/held/1", slice_of(self->event_id[1], UUID_BYTES), slice_of(NULL, 0));
        }
        running = hash_entry(&running, number, (uint8_t)number, &item);
        put_hash(entry, "item", &item);
        put_hash(entry, "running_hash", &running);
        json_array_append_new(entries, entry);
    }
    json_object_set_new(out, "entries", entries);
}

/* ---- whole messages ---- */

static void make_receipt(struct vectors *self)
{
    json_t *out = put_object(self->file, "receipt_file", "5");
    Waypost__ReceiptFile file = WAYPOST__RECEIPT_FILE__INIT;
    Waypost__Signed batch = WAYPOST__SIGNED__INIT;
    Waypost__Signed head = WAYPOST__SIGNED__INIT;
    Waypost__Receipt receipt = WAYPOST__RECEIPT__INIT;
    ProtobufCBinaryData event_steps[MERKLE_PATH_MAX];
    ProtobufCBinaryData record_steps[MERKLE_PATH_MAX];
    struct merkle_path path;
    struct buf bytes = {0};

    merkle_path(self->leaf, EVENTS, 2, &path);
    batch.statement = binary(self->batch.data, self->batch.len);
    batch.signature = binary(self->batch_signature, SIGNATURE_BYTES);
    head.statement = binary(self->head.data, self->head.len);
    head.signature = binary(self->head_signature, SIGNATURE_BYTES);
    receipt.statement_hash = binary(self->statement_hash.b, HASH_BYTES);
    receipt.leaf_index = LEAF;
    receipt.accepted_ms = accepted_ms;
    receipt.head = &head;
    receipt.n_path = steps_of(&self->record_path, record_steps);
    receipt.path = record_steps;
    receipt.first_sequence = 1;
    receipt.count = EVENTS;
    file.magic = RECEIPT_MAGIC;
    file.network = (char *)(uintptr_t)NETWORK;
    file.event = binary(self->event[2].data, self->event[2].len);
    file.batch = &batch;
    file.index = 2;
    file.n_path = steps_of(&path, event_steps);
    file.path = event_steps;
    file.receipt = &receipt;
    file.sign_key = binary(self->agent.open, SIGN_PUBLIC_BYTES);
    file.head_key = binary(self->broker.open, SIGN_PUBLIC_BYTES);
    message_encode(&file.base, &bytes);
    put_buf(out, "bytes", &bytes);
    buf_free(&bytes);
}

static void make_hello(struct vectors *self)
{
    json_t *out = put_object(self->file, "hello_frame", "S-1");
    uint32_t versions[] = {1};
    uint8_t instance[UUID_BYTES];
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Hello hello = WAYPOST__HELLO__INIT;
    Waypost__Signed seen = WAYPOST__SIGNED__INIT;
    struct hash running = incoming_hash_start(NETWORK, SENDER, 1);
    struct buf bytes = {0};

    running = hash_entry(&running, 1, ENTRY_EVENT, &self->leaf[0]);
    memset(instance, 0x77, sizeof instance);
    hello.n_versions = 1;
    hello.versions = versions;
    hello.network = (char *)(uintptr_t)NETWORK;
    hello.agent = (char *)(uintptr_t)SENDER;
    hello.incarnation = incarnation;
    hello.receipted_sequence = hello.sent_sequence = EVENTS;
    hello.has_receipted_leaf = 1;
    hello.receipted_leaf = binary(self->leaf[EVENTS - 1].b, HASH_BYTES);
    hello.stream_epoch = hello.stream_upto = 1;
    hello.has_running_hash = 1;
    hello.running_hash = binary(running.b, HASH_BYTES);
    seen.statement = binary(self->head.data, self->head.len);
    seen.signature = binary(self->head_signature, SIGNATURE_BYTES);
    hello.seen_head = &seen;
    hello.register_version = 1;
    hello.credit_events = 1024;
    hello.credit_bytes = 4194304;
    hello.ack_counter = 1;
    hello.instance = binary(instance, sizeof instance);
    frame.body_case = WAYPOST__FRAME__BODY_HELLO;
    frame.hello = &hello;
    frame_encode(&frame, &bytes);
    put_buf(out, "bytes", &bytes);
    buf_free(&bytes);
}

/* ---- the file ---- */

static int setup(void **state)
{
    struct vectors *self = mem_new(1, sizeof *self);

    crypto_start();
    self->file = json_object();
    put_text(self->file, "about",
        "Test vectors of the Waypost protocol, version 1: docs/PROTOCOL.md, section 8. Bytes are "
        "hexadecimal, every "
        "key and input is invented.");
    make_hash(self);
    make_keys(self);
    make_events(self);
    make_batch(self);
    make_record(self);
    make_head(self);
    make_stream(self);
    make_receipt(self);
    make_hello(self);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct vectors *self = *state;

    for (size_t i = 0; i < EVENTS; i++) {
        buf_free(&self->event[i]);
    }
    buf_free(&self->batch);
    buf_free(&self->head);
    json_decref(self->file);
    free(self);
    return 0;
}

static json_t *file_read(void)
{
    json_error_t error;
    json_t *file = json_load_file(FILE_NAME, JSON_REJECT_DUPLICATES, &error);

    if (file == NULL) {
        fail_msg("%s:%d: %s", FILE_NAME, error.line, error.text);
    }
    return file;
}

static void vectors__computed_again__are_those_of_the_file(void **state)
{
    const struct vectors *self = *state;
    const char *update = getenv("UPDATE");
    const char *name;
    json_t *want;

    if (update != NULL && strcmp(update, "1") == 0) {
        assert_int_equal(json_dump_file(self->file, FILE_NAME, JSON_INDENT(2)), 0);
    }
    json_t *file = file_read();
    assert_int_equal(json_object_size(file), json_object_size(self->file));
    json_object_foreach(self->file, name, want)
    {
        if (!json_equal(json_object_get(file, name), want)) {
            fail_msg(
                "%s: \"%s\" is another than the code computes: the protocol's bytes have changed",
                FILE_NAME, name);
        }
    }
    json_decref(file);
}

/* ---- the file, taken at its word ---- */

/* Bytes of section.name in the file; the caller frees them. */
static struct buf bytes_of(const json_t *file, const char *section, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(file, section), name));
    struct buf out = {0};

    assert_non_null(text);
    out.len = strlen(text) / 2;
    out.data = mem_new(out.len + 1, 1);
    out.capacity = out.len + 1;
    assert_int_equal(hex_decode(text, out.data, out.len), 0);
    return out;
}

static struct hash root_by_path(const struct hash *leaf, uint64_t index, uint64_t size,
    size_t count, const ProtobufCBinaryData *steps)
{
    struct hash at = *leaf;
    uint64_t last = size - 1;

    for (size_t i = 0; i < count; i++) {
        struct hash step;
        assert_int_equal(steps[i].len, HASH_BYTES);
        memcpy(step.b, steps[i].data, HASH_BYTES);
        while (index % 2 == 0 && index == last) { /* no neighbour at this height */
            index /= 2;
            last /= 2;
        }
        at = index % 2 == 1 ? hash_node(&step, &at) : hash_node(&at, &step);
        index /= 2;
        last /= 2;
    }
    return at;
}

/* The five steps of section 5, by the bytes of the file alone. */
static void receipt_verify(const Waypost__ReceiptFile *file, const Waypost__BatchStatement *batch,
    const Waypost__Head *head)
{
    uint8_t key_id[KEY_ID_BYTES];
    struct slice statement = slice_of(file->batch->statement.data, file->batch->statement.len);
    struct slice signature = slice_of(file->batch->signature.data, file->batch->signature.len);

    struct hash leaf = hash_event_leaf(file->network, slice_of(file->event.data, file->event.len));
    struct hash root = root_by_path(&leaf, file->index, batch->count, file->n_path, file->path);
    assert_memory_equal(root.b, batch->root.data, HASH_BYTES);

    hash_key_id(file->sign_key.data, key_id);
    assert_memory_equal(key_id, batch->key_id.data, KEY_ID_BYTES);
    assert_int_equal(sign_check(SIGN_CONTEXT_BATCH, statement, signature, file->sign_key.data), 0);

    struct hash said = hash_statement(statement, signature);
    assert_memory_equal(said.b, file->receipt->statement_hash.data, HASH_BYTES);

    struct hash record = receipt_leaf(file->network, file->receipt);
    root = root_by_path(
        &record, file->receipt->leaf_index, head->size, file->receipt->n_path, file->receipt->path);
    assert_memory_equal(root.b, head->root.data, HASH_BYTES);

    struct slice head_statement =
        slice_of(file->receipt->head->statement.data, file->receipt->head->statement.len);
    struct slice head_signature =
        slice_of(file->receipt->head->signature.data, file->receipt->head->signature.len);
    assert_int_equal(
        sign_check(SIGN_CONTEXT_HEAD, head_statement, head_signature, file->head_key.data), 0);
}

static void vectors__receipt_of_the_file__holds_in_all_five_steps(void **state)
{
    json_t *json = file_read();
    struct buf bytes = bytes_of(json, "receipt_file", "bytes");
    arena_t *arena = arena_new(1048576);

    (void)state;
    const Waypost__ReceiptFile *file =
        message_decode(arena, &waypost__receipt_file__descriptor, buf_slice(&bytes));
    assert_non_null(file);
    const Waypost__BatchStatement *batch =
        message_decode(arena, &waypost__batch_statement__descriptor,
            slice_of(file->batch->statement.data, file->batch->statement.len));
    const Waypost__Head *head = message_decode(arena, &waypost__head__descriptor,
        slice_of(file->receipt->head->statement.data, file->receipt->head->statement.len));
    assert_non_null(batch);
    assert_non_null(head);
    receipt_verify(file, batch, head);
    arena_destroy(&arena);
    buf_free(&bytes);
    json_decref(json);
}

static void vectors__sealed_payload_of_the_file__opens_with_the_recipients_key(void **state)
{
    const struct vectors *self = *state;
    json_t *json = file_read();
    struct buf wrapped = bytes_of(json, "sealing", "sealed_key");
    struct buf ephemeral = bytes_of(json, "sealing", "ephemeral_public");
    struct buf public_key = bytes_of(json, "sealing", "recipient_public");
    struct buf secret = bytes_of(json, "sealing", "recipient_secret");
    struct buf ciphertext = bytes_of(json, "sealing", "ciphertext");
    struct buf plain = {0};
    uint8_t key[SEAL_KEY_BYTES];
    struct event_view event;

    assert_int_equal(event_read(buf_slice(&self->event[0]), &event, NULL), 0);
    assert_int_equal(
        seal_unwrap(wrapped.data, event.id, ephemeral.data, public_key.data, secret.data, key), 0);
    assert_int_equal(seal_open(event.header, event.facts, event.id, &event.commitment,
                         buf_slice(&ciphertext), key, &plain),
        0);
    assert_int_equal(plain.len, 19);
    assert_memory_equal(plain.data, "an invented payload", 19);
    struct buf *all[] = {&wrapped, &ephemeral, &public_key, &secret, &ciphertext, &plain};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        buf_free(all[i]);
    }
    json_decref(json);
}

static void vectors__hello_of_the_file__is_a_frame_of_version_1(void **state)
{
    json_t *json = file_read();
    struct buf bytes = bytes_of(json, "hello_frame", "bytes");
    arena_t *arena = arena_new(1048576);
    Waypost__Frame *frame;

    (void)state;
    assert_int_equal(frame_decode(arena, buf_slice(&bytes), &frame), 0);
    assert_int_equal(frame->body_case, WAYPOST__FRAME__BODY_HELLO);
    assert_int_equal(frame->hello->versions[0], 1);
    assert_string_equal(frame->hello->agent, SENDER);
    arena_destroy(&arena);
    buf_free(&bytes);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors__computed_again__are_those_of_the_file),
        cmocka_unit_test(vectors__receipt_of_the_file__holds_in_all_five_steps),
        cmocka_unit_test(vectors__sealed_payload_of_the_file__opens_with_the_recipients_key),
        cmocka_unit_test(vectors__hello_of_the_file__is_a_frame_of_version_1),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, setup, teardown);
}
