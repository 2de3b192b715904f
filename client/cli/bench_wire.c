/*
 * bench_wire: events, batches and acknowledgements as bytes, made field by field, so that what is measured is the
 * broker. The ciphertext is noise of the right length, committed to like any other. Nothing fails.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/cli/bench.h"
#include "common/base/check.h"
#include "common/base/world.h"
#include "common/codec/event.h"
#include "common/codec/frame.h"
#include "common/codec/wire.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"
#include "kinds.pb-c.h"
#include "common/base/banned.h"

enum {
    CREDIT_BYTES = 8388608,
    ID_TIME_BYTES = 6,
    ID_PRODUCER_AT = 9,
    ID_SEQUENCE_AT = 10,
    SEQUENCE_BYTES = 6
};

void bench_bytes_free(struct bench_bytes *self)
{
    struct buf *const all[] = {&self->header, &self->event, &self->published, &self->events,
        &self->statement, &self->publish, &self->frame};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        buf_free(all[i]);
    }
}

/* ---- frames ---- */

static void frame_begin(struct bench_bytes *bytes)
{
    buf_clear(&bytes->frame);
    buf_put_u8(&bytes->frame, 0x0d); /* field 1, fixed32 */
    buf_put_u32(&bytes->frame, FRAME_MAGIC);
}

/* Signed as a field of a message. */
static void put_signed(struct buf *out, uint32_t number, const char *context,
    struct slice statement, const uint8_t *secret)
{
    uint8_t signature[SIGNATURE_BYTES];
    struct buf whole = {0};
    sign_make(context, statement, secret, signature);
    wire_put_bytes(&whole, 1, statement);
    wire_put_bytes(&whole, 2, slice_of(signature, sizeof signature));
    wire_put_bytes(out, number, buf_slice(&whole));
    buf_free(&whole);
}

/* ---- events ---- */

/* An id that rises with the sequence and tells who sent what: time, version 7, producer, sequence. */
static void id_make(uint8_t *id, uint32_t producer, uint64_t sequence)
{
    memset(id, 0, UUID_BYTES);
    id[0] = 0x01;
    id[1] = 0x95;
    id[6] = 0x70;
    id[8] = 0x80;
    id[ID_PRODUCER_AT] = (uint8_t)producer;
    for (int i = 0; i < SEQUENCE_BYTES; i++) {
        id[ID_SEQUENCE_AT + i] = (uint8_t)(sequence >> (8 * (SEQUENCE_BYTES - 1 - i)));
    }
}

bool bench_id_read(struct slice event, uint32_t *producer, uint64_t *sequence)
{
    struct cursor in = cursor_of(event);
    take_u8(&in);
    take_varint(&in);
    take_u16(&in); /* tag and length of the id */
    struct slice id = take_bytes(&in, UUID_BYTES);
    if (in.failed || id.data[0] != 0x01 || id.data[1] != 0x95) {
        return false;
    }
    *producer = id.data[ID_PRODUCER_AT];
    *sequence = 0;
    for (int i = 0; i < SEQUENCE_BYTES; i++) {
        *sequence = *sequence << 8 | id.data[ID_SEQUENCE_AT + i];
    }
    return true;
}

/* The transfer that the n-th event to a recipient belongs to, and its child: beginning with bytes of a key of the
 * sender's, which stand for chance. */
static void put_case(uint8_t *out, const uint8_t *key, const struct bench_agent *to, uint64_t n)
{
    memcpy(out, key, UUID_BYTES);
    put_u32(out + 8, to->index);
    put_u32(out + 12, (uint32_t)((n - 1) / BENCH_STEPS));
}

static void put_subject(
    struct buf *out, const struct bench_agent *from, const struct bench_agent *to, uint64_t n)
{
    uint8_t bytes[2 + UUID_BYTES + 2];
    bytes[0] = 0x0a;
    bytes[1] = UUID_BYTES;
    put_case(bytes + 2, from->keys.curve_public, to, n);
    bytes[18] = 0x10;
    bytes[19] = WAYPOST__CASE_TYPE__CASE_TYPE_CP;
    wire_put_bytes(out, 7, slice_of(bytes, sizeof bytes));
}

static void put_recipient(struct buf *out, const char *code, uint64_t n)
{
    uint8_t bytes[32] = {0x0a, 9};
    size_t len = 11;
    memcpy(bytes + 2, code, 9);
    bytes[len++] = 0x10;
    for (; n >= 0x80; n >>= 7) {
        bytes[len++] = (uint8_t)(n | 0x80);
    }
    bytes[len++] = (uint8_t)n;
    wire_put_bytes(out, 9, slice_of(bytes, len));
}

static void put_header(struct buf *out, uint32_t kind, const struct bench_agent *from,
    const struct bench_agent *to, uint64_t sequence, uint64_t n, int64_t now_ms)
{
    uint8_t id[UUID_BYTES];
    uint8_t transfer[UUID_BYTES];
    id_make(id, from->index, sequence);
    put_case(transfer, from->keys.seal_public, to, n);
    wire_put_bytes(out, 1, slice_of(id, sizeof id));
    wire_put_varint(out, 2, kind);
    wire_put_varint(out, 3, 1);
    wire_put_bytes(out, 4, slice_of(transfer, sizeof transfer));
    wire_put_bytes(out, 5, slice_of(from->code, 9));
    wire_put_bytes(out, 6, slice_of(to->code, 9));
    put_subject(out, from, to, n);
    wire_put_bytes(out, 8, slice_of(from->code, 9));
    put_recipient(out, to->code, n);
    wire_put_varint(out, 10, (uint64_t)now_ms);
    wire_put_varint(out, 11, (uint64_t)now_ms);
    wire_put_fixed64(out, 17, from->incarnation);
    wire_put_varint(out, 18, sequence);
}

void bench_put_event(struct bench_bytes *bytes, const struct bench_shape *shape,
    const struct bench_agent *from, const struct bench_agent *to, uint64_t sequence, uint64_t n,
    int64_t now_ms)
{
    const struct bench_step *step = bench_shape_step(shape, n);
    struct seal_commitment commitment = {.ciphertext_hash = step->ciphertext_hash,
        .key_commitment = step->ciphertext_hash,
        .ciphertext_bytes = (uint32_t)step->ciphertext_bytes};
    buf_clear(&bytes->header);
    buf_clear(&bytes->event);
    put_header(&bytes->header, step->kind, from, to, sequence, n, now_ms);
    event_join(buf_slice(&bytes->header), buf_slice(&step->facts),
        shape->sealed ? &commitment : NULL, &bytes->event);
}

/* ---- publishing ---- */

/* One event with its payload and wraps, appended to bytes->events; its leaf is returned. */
static struct hash put_published(struct bench_bytes *bytes, const struct bench_shape *shape,
    struct bench_agent *from, const struct bench_agent *to, int64_t now_ms)
{
    uint64_t n = ++from->n_to[to->index];
    bench_put_event(bytes, shape, from, to, from->next_sequence++, n, now_ms);
    buf_clear(&bytes->published);
    wire_put_bytes(&bytes->published, 1, buf_slice(&bytes->event));
    if (shape->sealed) {
        wire_put_bytes(&bytes->published, 2,
            slice_of(shape->ciphertext.data, bench_shape_step(shape, n)->ciphertext_bytes));
        buf_put(&bytes->published, to->wraps, to->wraps_len);
        buf_put(&bytes->published, from->wraps, from->wraps_len);
    }
    wire_put_bytes(&bytes->events, 2, buf_slice(&bytes->published));
    return hash_event_leaf(BENCH_NETWORK, buf_slice(&bytes->event));
}

void bench_put_publish(struct bench_bytes *bytes, const struct bench_shape *shape,
    struct bench_agent *from, struct bench_agent *const *to, uint32_t count, int64_t now_ms)
{
    struct merkle_frontier frontier = {0};
    uint64_t first = from->next_sequence;
    buf_clear(&bytes->events);
    for (uint32_t i = 0; i < count; i++) {
        struct hash leaf = put_published(bytes, shape, from, to[i], now_ms);
        frontier_add(&frontier, &leaf);
    }
    struct hash root = frontier_root(&frontier);
    buf_clear(&bytes->statement);
    wire_put_bytes(&bytes->statement, 1, slice_of_text(BENCH_NETWORK));
    wire_put_bytes(&bytes->statement, 2, slice_of_text(from->code));
    wire_put_bytes(&bytes->statement, 3, slice_of(from->sign_id, KEY_ID_BYTES));
    wire_put_fixed64(&bytes->statement, 4, from->incarnation);
    wire_put_varint(&bytes->statement, 5, first);
    wire_put_varint(&bytes->statement, 6, count);
    wire_put_bytes(&bytes->statement, 7, slice_of(root.b, HASH_BYTES));
    buf_clear(&bytes->publish);
    put_signed(&bytes->publish, 1, SIGN_CONTEXT_BATCH, buf_slice(&bytes->statement),
        from->keys.sign_secret);
    buf_put_slice(&bytes->publish, buf_slice(&bytes->events));
    wire_put_varint(&bytes->publish, 3, 1);
    frame_begin(bytes);
    wire_put_bytes(&bytes->frame, 4, buf_slice(&bytes->publish));
}

/* ---- sessions ---- */

void bench_put_hello(struct bench_bytes *bytes, const struct bench_agent *agent)
{
    Waypost__Frame frame = WAYPOST__FRAME__INIT;
    Waypost__Hello hello = WAYPOST__HELLO__INIT;
    uint32_t versions[] = {1};
    uint8_t instance[16];
    randombytes_buf(instance, sizeof instance);
    hello.n_versions = 1;
    hello.versions = versions;
    hello.network = (char *)(uintptr_t)BENCH_NETWORK;
    hello.agent = (char *)(uintptr_t)agent->code;
    hello.incarnation = agent->incarnation;
    hello.receipted_sequence = 0;
    hello.sent_sequence = agent->next_sequence - 1;
    hello.stream_epoch = agent->stream_epoch;
    hello.stream_upto = agent->stream_upto;
    if (agent->stream_upto > 0) {
        hello.has_running_hash = 1;
        hello.running_hash =
            (ProtobufCBinaryData){HASH_BYTES, (uint8_t *)(uintptr_t)agent->running.b};
    }
    hello.register_version = 1;
    hello.credit_events = CREDIT_EVENTS_MAX;
    hello.credit_bytes = CREDIT_BYTES;
    hello.ack_counter = agent->ack_counter;
    hello.instance = (ProtobufCBinaryData){sizeof instance, instance};
    frame.body_case = WAYPOST__FRAME__BODY_HELLO;
    frame.hello = &hello;
    buf_clear(&bytes->frame);
    frame_encode(&frame, &bytes->frame);
}

void bench_put_ack(struct bench_bytes *bytes, struct bench_agent *agent, int64_t now_ms)
{
    struct buf run = {0};
    wire_put_varint(&run, 1, agent->stream_upto);
    wire_put_varint(&run, 2, (uint64_t)now_ms);
    buf_clear(&bytes->statement);
    wire_put_bytes(&bytes->statement, 1, slice_of_text(BENCH_NETWORK));
    wire_put_bytes(&bytes->statement, 2, slice_of_text(agent->code));
    wire_put_bytes(&bytes->statement, 3, slice_of(agent->sign_id, KEY_ID_BYTES));
    wire_put_varint(&bytes->statement, 4, agent->stream_epoch);
    wire_put_varint(&bytes->statement, 5, agent->stream_upto);
    wire_put_bytes(&bytes->statement, 6, slice_of(agent->running.b, HASH_BYTES));
    wire_put_bytes(&bytes->statement, 7, buf_slice(&run));
    wire_put_varint(&bytes->statement, 10, ++agent->ack_counter);
    if (agent->names_events) {
        wire_put_varint(&bytes->statement, 13, agent->stream_upto - agent->named.size);
    }
    if (agent->names_events && agent->named.size > 1) {
        struct hash root = frontier_root(&agent->named);
        wire_put_bytes(&bytes->statement, 14, slice_of(root.b, HASH_BYTES));
    }
    agent->named.size = 0;
    agent->names_events = false;
    buf_free(&run);
    frame_begin(bytes);
    put_signed(
        &bytes->frame, 7, SIGN_CONTEXT_ACK, buf_slice(&bytes->statement), agent->keys.sign_secret);
}

struct hash bench_stream_begin(const char *agent, uint64_t epoch)
{
    struct buf bytes = {0};
    buf_put(&bytes, BENCH_NETWORK, sizeof BENCH_NETWORK);
    buf_put(&bytes, agent, strlen(agent) + 1);
    buf_put_u64(&bytes, epoch);
    struct hash begin = hash_of("waypost/stream/1", buf_slice(&bytes), slice_of(NULL, 0));
    buf_free(&bytes);
    return begin;
}
