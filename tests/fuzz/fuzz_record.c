/*
 * fuzz_record: a record of the journal. First the bytes as they are, which their checksum mostly refuses; then the same
 * bytes as body and payload of a record with a right checksum, and through the readers of each kind of body.
 */
#include "tests/fuzz/support.h"

#include <string.h>

#include "common/base/check.h"
#include "common/journal/record.h"
#include "common/record/erase.h"

#include "common/base/banned.h"

static void read_batch(const struct record *record)
{
    struct batch_body batch;
    struct slice event;

    if (batch_body_read(record->body, &batch) != 0) {
        return;
    }
    struct slice rest = batch.events;
    uint32_t count = 0;
    while (batch_next_event(&rest, &event) == 0) {
        count++;
    }
    assert(count == batch.count);
    (void)batch_check_events("test", &batch);
}

static void read_bodies(const struct record *record)
{
    struct epoch_body epoch;
    struct erase_body erase;
    struct stored_payload payload;
    struct slice rest = record->payload;

    read_batch(record);
    (void)epoch_body_read(record->body, &epoch);
    (void)erase_body_read(record->body, &erase);
    while (rest.len > 0 && batch_next_payload(&rest, &payload) == 0) {
        assert(payload.wraps.len ==
            (payload.erased ? 0 : (size_t)payload.wrap_count * WRAP_STORED_BYTES));
    }
    (void)record_leaf("test", record);
}

static void read_raw(struct slice bytes)
{
    struct record record;
    size_t length;

    while (record_decode(bytes, &record, &length) == 0) {
        assert(length >= RECORD_HEADER_BYTES && length <= bytes.len);
        read_bodies(&record);
        bytes = slice_of(bytes.data + length, bytes.len - length);
    }
}

/* Whatever a good batch holds, each of its payloads can be destroyed, and it is still a good one. */
static void erase_parts(struct buf *bytes)
{
    struct record got;
    size_t length;

    for (uint32_t i = 0; i < 4; i++) {
        int rc = record_erase(bytes->data, bytes->len, i);
        assert(rc == 0 || rc == E_DUPLICATE || rc == E_NOT_FOUND || rc == E_CORRUPT);
        assert(record_decode(buf_slice(bytes), &got, &length) == 0);
    }
}

int fuzz_record(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {slice_of(data, size)};
    struct buf bytes = {0};
    struct record got;
    size_t length;

    fuzz_start();
    read_raw(in.rest);
    struct record made = {.type = (uint8_t)(fuzz_u8(&in) % (RECORD_PAYLOAD_ERASED + 1)),
        .sequence = fuzz_u16(&in),
        .time_ms = FUZZ_NOW_MS};
    made.body = fuzz_bytes(&in, fuzz_u16(&in));
    made.payload = in.rest;
    record_encode(&made, &bytes);
    int rc = record_decode(buf_slice(&bytes), &got, &length);
    assert(rc == 0 || /* an erased part is zeros, and the flag says so */
        (rc == E_CORRUPT && (made.type == 0 || payload_erased_count(made.payload) > 0)));
    if (rc == 0) {
        assert(length == bytes.len && slice_equal(got.body, made.body) &&
            slice_equal(got.payload, made.payload));
        read_bodies(&got);
        erase_parts(&bytes);
    }
    buf_free(&bytes);
    return 0;
}
