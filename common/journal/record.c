/*
 * record: entries of the journal as bytes, and their leaves; see record.h. Pure. Writing cannot
 * fail (a record beyond its limits is our bug: asserted); reading answers E_CORRUPT for whatever
 * does not hold, and never reads outside.
 */
#include "common/journal/record.h"

#include <sodium.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/err.h"
#include "common/codec/limits.h"
#include "common/crypto/merkle.h"
#include "common/crypto/sign.h"

#include "common/base/banned.h"

enum {
    AT_TYPE = 4,
    AT_FLAGS = 5,
    AT_SEQUENCE = 8,
    AT_TIME = 16,
    AT_BODY_LENGTH = 24,
    AT_PAYLOAD_LENGTH = 28,
    AT_CRC = 32,
    AT_PAYLOAD_CRC = 36,
    TAG_BATCH_AGENT = 2 << 3 | 2, /* BatchStatement.agent */
    TAG_BATCH_ROOT = 7 << 3 | 2,  /* BatchStatement.root */
};

static const char record_prefix[] = "\0waypost/record/1"; /* the terminator is the separator */
static const char body_context[] = "waypost/body/1";

static size_t padded(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

/* CRC over the fixed part, the erased flag counted as clear, and the body. */
static uint32_t header_crc(const uint8_t *at, size_t body_len)
{
    uint8_t head[AT_CRC];

    memcpy(head, at, sizeof head);
    head[AT_FLAGS] &= (uint8_t)~RECORD_ERASED;
    return crc32c(
        crc32c(0, slice_of(head, sizeof head)), slice_of(at + RECORD_HEADER_BYTES, body_len));
}

size_t record_length(const struct record *record)
{
    return padded(RECORD_HEADER_BYTES + record->body.len + record->payload.len);
}

void record_encode(const struct record *record, struct buf *out)
{
    size_t used = RECORD_HEADER_BYTES + record->body.len + record->payload.len;
    size_t length = record_length(record);

    assert(length <= RECORD_BYTES_MAX);
    buf_reserve(out, length);
    uint8_t *at = out->data + out->len;
    put_u32(at, (uint32_t)length);
    at[AT_TYPE] = record->type;
    at[AT_FLAGS] = record->flags;
    put_u16(at + 6, 0);
    put_u64(at + AT_SEQUENCE, record->sequence);
    put_u64(at + AT_TIME, (uint64_t)record->time_ms);
    put_u32(at + AT_BODY_LENGTH, (uint32_t)record->body.len);
    put_u32(at + AT_PAYLOAD_LENGTH, (uint32_t)record->payload.len);
    if (record->body.len > 0) {
        memcpy(at + RECORD_HEADER_BYTES, record->body.data, record->body.len);
    }
    if (record->payload.len > 0) {
        memcpy(
            at + RECORD_HEADER_BYTES + record->body.len, record->payload.data, record->payload.len);
    }
    memset(at + used, 0, length - used);
    put_u32(at + AT_CRC, header_crc(at, record->body.len));
    put_u32(at + AT_PAYLOAD_CRC, crc32c(0, record->payload));
    out->len += length;
}

static bool all_zero(struct slice bytes)
{
    return bytes.len == 0 ||
        (bytes.data[0] == 0 && memcmp(bytes.data, bytes.data + 1, bytes.len - 1) == 0);
}

/* Does an erased part hold nothing but zeros? bytes: the whole part. */
static bool part_is_zero(struct slice bytes, const struct stored_payload *part)
{
    size_t wraps = (size_t)part->wrap_count * WRAP_STORED_BYTES;

    return all_zero(slice_of(bytes.data + 4, bytes.len - 4 - 2 - wraps)) &&
        all_zero(slice_of(bytes.data + bytes.len - wraps, wraps));
}

uint32_t payload_erased_count(struct slice payload)
{
    struct stored_payload part;
    uint32_t count = 0;

    for (struct slice rest = payload; batch_next_payload(&rest, &part) == 0;) {
        count += part.erased ? 1 : 0;
    }
    return count;
}

/* Erased parts are zeros; there is one exactly where the flag says so. */
static bool parts_hold(struct slice payload, bool flagged)
{
    struct stored_payload part;
    bool any = false;

    for (struct slice rest = payload; rest.len > 0;) {
        struct slice bytes = rest;
        if (batch_next_payload(&rest, &part) != 0) {
            return !flagged;
        }
        bytes.len -= rest.len;
        any = any || part.erased;
        if (part.erased && !part_is_zero(bytes, &part)) {
            return false;
        }
    }
    return any == flagged;
}

static bool payload_holds(const uint8_t *at, struct slice payload)
{
    bool flagged = (at[AT_FLAGS] & RECORD_ERASED) != 0;

    if (get_u32(at + AT_PAYLOAD_CRC) != crc32c(0, payload)) {
        return false;
    }
    return at[AT_TYPE] == RECORD_BATCH ? parts_hold(payload, flagged) : !flagged;
}

static void lengths_take(const uint8_t *at, struct record_lengths *out)
{
    out->whole = get_u32(at);
    out->body = get_u32(at + AT_BODY_LENGTH);
    out->payload = get_u32(at + AT_PAYLOAD_LENGTH);
}

bool record_lengths_read(struct slice bytes, struct record_lengths *out)
{
    if (bytes.len < RECORD_HEADER_BYTES) {
        return false;
    }
    lengths_take(bytes.data, out);
    return out->whole <= RECORD_BYTES_MAX && out->whole <= bytes.len && out->body <= out->whole &&
        out->payload <= out->whole &&
        out->whole == padded(RECORD_HEADER_BYTES + out->body + out->payload);
}

void record_when(const uint8_t *header, uint64_t *sequence, int64_t *time_ms)
{
    *sequence = get_u64(header + AT_SEQUENCE);
    *time_ms = (int64_t)get_u64(header + AT_TIME);
}

size_t record_bytes_max(const uint8_t *header)
{
    struct record_lengths lengths;

    if (all_zero(slice_of(header, RECORD_HEADER_BYTES))) {
        return 0;
    }
    lengths_take(header, &lengths);
    size_t parts = padded(RECORD_HEADER_BYTES + lengths.body + lengths.payload);
    size_t whole = lengths.whole > RECORD_BYTES_MAX ? 0 : lengths.whole;
    parts = parts > RECORD_BYTES_MAX ? 0 : parts;
    return parts > whole ? parts : whole;
}

uint32_t record_checksum_off(const uint8_t *bytes, size_t body_len)
{
    return get_u32(bytes + AT_CRC) ^ header_crc(bytes, body_len);
}

/* Lengths, type, header and body; the payload is found, not looked at. 0, E_END or E_CORRUPT. */
static int record_frame(struct slice bytes, struct slice *payload)
{
    const uint8_t *at = bytes.data;
    struct record_lengths lengths;

    if (bytes.len < RECORD_HEADER_BYTES || get_u32(at) == 0) {
        return E_END;
    }
    if (!record_lengths_read(bytes, &lengths)) {
        return E_CORRUPT;
    }
    size_t used = RECORD_HEADER_BYTES + lengths.body + lengths.payload;
    if (at[AT_TYPE] < RECORD_COMMIT || at[AT_TYPE] > RECORD_PAYLOAD_ERASED ||
        get_u16(at + 6) != 0 || record_checksum_off(at, lengths.body) != 0 ||
        !all_zero(slice_of(at + used, lengths.whole - used))) {
        return E_CORRUPT;
    }
    *payload = slice_of(at + RECORD_HEADER_BYTES + lengths.body, lengths.payload);
    return 0;
}

static void record_take(const uint8_t *at, struct slice payload, struct record *out, size_t *length)
{
    out->type = at[AT_TYPE];
    out->flags = at[AT_FLAGS];
    out->sequence = get_u64(at + AT_SEQUENCE);
    out->time_ms = (int64_t)get_u64(at + AT_TIME);
    out->body = slice_of(at + RECORD_HEADER_BYTES, get_u32(at + AT_BODY_LENGTH));
    out->payload = payload;
    *length = get_u32(at);
}

int record_decode(struct slice bytes, struct record *out, size_t *length)
{
    struct slice payload;

    int rc = record_frame(bytes, &payload);
    if (rc == 0 && !payload_holds(bytes.data, payload)) {
        rc = E_CORRUPT;
    }
    if (rc == 0) {
        record_take(bytes.data, payload, out, length);
    }
    return rc;
}

int record_decode_body(struct slice bytes, struct record *out, size_t *length)
{
    struct slice payload;

    int rc = record_frame(bytes, &payload);
    if (rc == 0) {
        record_take(bytes.data, slice_of(NULL, 0), out, length);
    }
    return rc;
}

/* One whose lengths do not hold is good only while nothing in it is marked as erased: no mark may be put there. */
static bool parts_parse(struct slice payload)
{
    struct stored_payload part;
    int rc = 0;

    while (rc == 0) {
        rc = batch_next_payload(&payload, &part);
    }
    return rc == E_END;
}

int record_erase(uint8_t *bytes, size_t len, uint32_t index)
{
    struct slice payload;
    struct stored_payload part;
    int rc = record_frame(slice_of(bytes, len), &payload);

    if (rc != 0 || bytes[AT_TYPE] != RECORD_BATCH || !parts_parse(payload)) {
        return E_CORRUPT;
    }
    struct slice rest = payload;
    struct slice before = rest;
    for (uint32_t i = 0; rc == 0 && i <= index; i++) {
        before = rest;
        rc = batch_next_payload(&rest, &part);
    }
    if (rc != 0 || (!part.erased && part.ciphertext.len == 0)) {
        return E_NOT_FOUND;
    }
    uint8_t *at = bytes + (before.data - bytes);
    size_t whole = before.len - rest.len;
    size_t wraps = (size_t)part.wrap_count * WRAP_STORED_BYTES;
    put_u32(at, get_u32(at) | PAYLOAD_ERASED_BIT);
    memset(at + 4, 0, whole - 4 - 2 - wraps);
    memset(at + whole - wraps, 0, wraps);
    bytes[AT_FLAGS] |= RECORD_ERASED;
    put_u32(bytes + AT_PAYLOAD_CRC, crc32c(0, payload));
    return part.erased ? E_DUPLICATE : 0;
}

/* What a leaf binds of the body: of a batch the signed statement, of all others every byte. */
static struct hash leaf_part(const struct record *record)
{
    struct batch_body batch;

    if (record->type == RECORD_BATCH && batch_body_read(record->body, &batch) == 0) {
        return hash_statement(batch.statement, batch.signature);
    }
    return hash_of(body_context, record->body, slice_of(NULL, 0));
}

static struct hash leaf_of(const char *network, const struct record *record, struct hash part)
{
    uint8_t bytes[sizeof record_prefix + NETWORK_NAME_BYTES_MAX + 1 + 1 + 16 + HASH_BYTES];
    size_t network_bytes = strlen(network) + 1;
    uint8_t *at = bytes;
    struct hash leaf;

    assert(network_bytes <= NETWORK_NAME_BYTES_MAX + 1);
    memcpy(at, record_prefix, sizeof record_prefix);
    at += sizeof record_prefix;
    memcpy(at, network, network_bytes);
    at += network_bytes;
    *at++ = record->type;
    put_u64(at, record->sequence);
    put_u64(at + 8, (uint64_t)record->time_ms);
    memcpy(at + 16, part.b, HASH_BYTES);
    at += 16 + HASH_BYTES;
    int failed = crypto_generichash(leaf.b, sizeof leaf.b, bytes, (size_t)(at - bytes), NULL, 0);
    assert(failed == 0);
    return leaf;
}

struct hash record_leaf(const char *network, const struct record *record)
{
    return leaf_of(network, record, leaf_part(record));
}

struct hash record_batch_leaf(const char *network, uint64_t sequence, int64_t time_ms,
    struct slice statement, struct slice signature)
{
    const struct record record = {.type = RECORD_BATCH, .sequence = sequence, .time_ms = time_ms};

    return leaf_of(network, &record, hash_statement(statement, signature));
}

/* Text of at most 32 bytes, without a NUL, into 33. */
static void take_name(struct cursor *in, char *out)
{
    struct slice name = take_bytes(in, take_u16(in));

    if (name.len == 0 || name.len > AGENT_ID_BYTES_MAX || memchr(name.data, 0, name.len) != NULL) {
        in->failed = true;
        return;
    }
    memcpy(out, name.data, name.len);
    out[name.len] = '\0';
}

int batch_body_read(struct slice body, struct batch_body *out)
{
    struct cursor in = cursor_of(body);
    struct batch_body batch = {.previous = take_u64(&in)};
    struct slice event;

    take_name(&in, batch.agent);
    batch.statement = take_bytes(&in, take_u32(&in));
    batch.signature = take_bytes(&in, SIGNATURE_BYTES);
    batch.count = take_u32(&in);
    batch.events = in.rest;
    if (in.failed || batch.count == 0 || batch.count > BATCH_EVENTS_MAX) {
        return E_CORRUPT;
    }
    struct slice rest = batch.events;
    for (uint32_t i = 0; i < batch.count; i++) {
        if (batch_next_event(&rest, &event) != 0) {
            return E_CORRUPT;
        }
    }
    if (rest.len != 0) {
        return E_CORRUPT;
    }
    *out = batch;
    return 0;
}

int batch_next_event(struct slice *rest, struct slice *event)
{
    struct cursor in = cursor_of(*rest);
    struct slice bytes = take_bytes(&in, take_u32(&in));

    if (in.failed) {
        return E_END;
    }
    *rest = in.rest;
    *event = bytes;
    return 0;
}

int batch_next_payload(struct slice *rest, struct stored_payload *out)
{
    struct cursor in = cursor_of(*rest);
    struct stored_payload payload;

    if (rest->len == 0) {
        return E_END;
    }
    uint32_t len = take_u32(&in);
    payload.erased = (len & PAYLOAD_ERASED_BIT) != 0;
    payload.came_erased = len == (uint32_t)PAYLOAD_ERASED_BIT;
    payload.ciphertext = take_bytes(&in, len & ~PAYLOAD_ERASED_BIT);
    payload.wrap_count = take_u16(&in);
    payload.wraps = take_bytes(&in, (size_t)payload.wrap_count * WRAP_STORED_BYTES);
    if (in.failed) {
        return E_CORRUPT;
    }
    if (payload.erased) {
        payload.ciphertext = payload.wraps = slice_of(NULL, 0);
    }
    *rest = in.rest;
    *out = payload;
    return 0;
}

/* Step over the value of a protobuf field. */
static void skip_field(struct cursor *in, uint64_t tag)
{
    switch (tag & 7) {
    case 0:
        (void)take_varint(in);
        break;
    case 1:
        (void)take_bytes(in, 8);
        break;
    case 2:
        (void)take_bytes(in, (size_t)take_varint(in));
        break;
    case 5:
        (void)take_bytes(in, 4);
        break;
    default:
        in->failed = true;
    }
}

/* A field of a BatchStatement that is bytes or text; empty where there is none. */
static struct slice statement_field(struct slice statement, uint64_t wanted)
{
    struct cursor in = cursor_of(statement);
    struct slice field = {NULL, 0};

    while (!in.failed && in.rest.len > 0) {
        uint64_t tag = take_varint(&in);
        if (tag == wanted) {
            field = take_bytes(&in, (size_t)take_varint(&in));
        } else {
            skip_field(&in, tag);
        }
    }
    return in.failed ? slice_of(NULL, 0) : field;
}

bool batch_check_agent(const struct batch_body *batch)
{
    return slice_equal(
        statement_field(batch->statement, TAG_BATCH_AGENT), slice_of_text(batch->agent));
}

int batch_check_events(const char *network, const struct batch_body *batch)
{
    struct merkle_frontier frontier;
    struct slice wanted = statement_field(batch->statement, TAG_BATCH_ROOT);
    struct slice rest = batch->events;
    struct slice event;

    frontier.size = 0; /* peaks are read only where size names them */
    for (uint32_t i = 0; i < batch->count; i++) {
        if (batch_next_event(&rest, &event) != 0) {
            return E_CORRUPT;
        }
        struct hash leaf = hash_event_leaf(network, event);
        frontier_add(&frontier, &leaf);
    }
    struct hash root = frontier_root(&frontier);
    return slice_equal(wanted, slice_of(root.b, HASH_BYTES)) ? 0 : E_CORRUPT;
}

void epoch_body_write(const struct epoch_body *epoch, struct buf *out)
{
    struct slice network = slice_of_text(epoch->network);

    buf_put_u16(out, (uint16_t)network.len);
    buf_put_slice(out, network);
    buf_put(out, epoch->journal, sizeof epoch->journal);
    buf_put_u32(out, epoch->epoch);
    buf_put(out, epoch->head_public, sizeof epoch->head_public);
    if (epoch->epoch > 1) {
        buf_put_u16(out, epoch->gap_count);
    }
    for (uint16_t i = 0; i < epoch->gap_count; i++) {
        buf_put_u32(out, epoch->gaps[i].epoch);
        buf_put_u64(out, epoch->gaps[i].from);
        buf_put_u64(out, epoch->gaps[i].to);
    }
}

/* By epoch, rising, up to the one that the body opens. */
static bool take_gaps(struct cursor *in, struct epoch_body *epoch)
{
    uint32_t before = 1;

    epoch->gap_count = take_u16(in);
    if (epoch->gap_count > EPOCH_GAPS_MAX) {
        return false;
    }
    for (uint16_t i = 0; i < epoch->gap_count; i++) {
        struct epoch_gap *gap = &epoch->gaps[i];
        gap->epoch = take_u32(in);
        gap->from = take_u64(in);
        gap->to = take_u64(in);
        if (gap->epoch <= before || gap->from >= gap->to) {
            return false;
        }
        before = gap->epoch;
    }
    return before == epoch->epoch;
}

int epoch_body_read(struct slice body, struct epoch_body *out)
{
    struct cursor in = cursor_of(body);
    struct epoch_body epoch = {.epoch = 0};

    take_name(&in, epoch.network);
    struct slice journal = take_bytes(&in, sizeof epoch.journal);
    epoch.epoch = take_u32(&in);
    struct slice key = take_bytes(&in, sizeof epoch.head_public);
    if (epoch.epoch > 1 && !take_gaps(&in, &epoch)) {
        return E_CORRUPT;
    }
    if (in.failed || in.rest.len != 0 || epoch.epoch == 0) {
        return E_CORRUPT;
    }
    memcpy(epoch.journal, journal.data, journal.len);
    memcpy(epoch.head_public, key.data, key.len);
    *out = epoch;
    return 0;
}

struct epoch_gap epoch_lost_since(const struct epoch_body *epoch, uint32_t seen)
{
    struct epoch_gap lost = {.epoch = epoch->epoch, .from = UINT64_MAX};

    for (uint16_t i = 0; i < epoch->gap_count; i++) {
        const struct epoch_gap *gap = &epoch->gaps[i];
        if (gap->epoch > seen) {
            lost.from = gap->from < lost.from ? gap->from : lost.from;
            lost.to = gap->to > lost.to ? gap->to : lost.to;
        }
    }
    return lost;
}
